/* keys.h - idempotency keys: a post that is sent again is answered as the first time, and not stored twice.
 */
#ifndef PST_STORE_KEYS_H
#define PST_STORE_KEYS_H

#include "store/internal.h"

/* What a key stands for: box, media type, fields, body, and names and contents of files. */
int pst_key_digest(const struct pst_draft *draft, uint8_t ret_digest[PST_SHA256_BYTES]);
/* Where the key is known: op->receipt is the first answer, with is_repeated, or op->err is PST_E_MISMATCH. */
int pst_key_find(struct pst_db *db, int64_t box_id, struct pst_slice key, int64_t now_ms,
                 const uint8_t digest[PST_SHA256_BYTES], struct pst_op *op);
int pst_key_add(struct pst_db *db, int64_t box_id, struct pst_slice key, const struct pst_receipt *receipt,
                const uint8_t digest[PST_SHA256_BYTES]);
/* Within a write transaction: forgets those that are too old. */
int pst_key_expire(struct pst_db *db, int64_t now_ms);

#endif
