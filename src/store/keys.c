/* keys.c - see keys.h. */
#include "store/keys.h"

#include <string.h>

#define KEY_LIFE_MS (INT64_C(7) * 24 * 60 * 60 * 1000)

/* With its length before it, so that no two lists of pieces give the same bytes. */
static void add_piece(struct pst_sha256 *sha, struct pst_slice s)
{
    uint8_t len[8];
    for (size_t i = 0; i < sizeof(len); i++)
        len[i] = (uint8_t)((uint64_t)s.len >> (8 * i));
    pst_sha256_add(sha, len, sizeof(len));
    pst_sha256_add(sha, s.ptr, s.len);
}

/* Without parameters: a multipart boundary is another one each time. */
static void add_type(struct pst_sha256 *sha, struct pst_slice type)
{
    struct pst_slice essence = pst_media_type_essence(type);
    char lower[128];
    if (essence.len == 0 || essence.len > sizeof(lower)) {
        add_piece(sha, type);
        return;
    }
    for (size_t i = 0; i < essence.len; i++)
        lower[i] =
            (char)(essence.ptr[i] >= 'A' && essence.ptr[i] <= 'Z' ? essence.ptr[i] + 32 : essence.ptr[i]);
    add_piece(sha, pst_slice_of(lower, essence.len));
}

int pst_key_digest(const struct pst_draft *draft, uint8_t ret_digest[PST_SHA256_BYTES])
{
    struct pst_sha256 sha;
    pst_sha256_init(&sha);
    add_piece(&sha, draft->head.box);
    add_type(&sha, draft->head.type);
    add_piece(&sha, pst_slice_of(draft->fields.ptr, draft->fields.len));
    add_piece(&sha, pst_slice_of(draft->body.ptr, draft->body.len));
    for (const struct pst_draft_file *file = draft->files; file; file = file->next) {
        add_piece(&sha, file->name);
        add_piece(&sha, file->file_name);
        pst_sha256_add(&sha, file->hash, sizeof(file->hash));
    }
    return pst_sha256_end(&sha, ret_digest) ? PST_E_IO : 0;
}

int pst_key_find(struct pst_db *db, int64_t box_id, struct pst_slice key, int64_t now_ms,
                 const uint8_t digest[PST_SHA256_BYTES], struct pst_op *op)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_KEY_GET);
    pst_db_bind_int(db, stmt, 1, box_id);
    pst_db_bind_blob(db, stmt, 2, key);
    int got = pst_db_row(db, stmt);
    if (got <= 0)
        return got;
    int64_t time_ms = sqlite3_column_int64(stmt, 1);
    if (time_ms >= now_ms - KEY_LIFE_MS) {
        if (pst_slice_eq(pst_db_column(stmt, 2), pst_slice_of((const char *)digest, PST_SHA256_BYTES)))
            op->receipt = (struct pst_receipt){(uint64_t)sqlite3_column_int64(stmt, 0), time_ms, true};
        else
            op->err = PST_E_MISMATCH;
    }
    pst_db_reset(stmt);
    return 0;
}

int pst_key_add(struct pst_db *db, int64_t box_id, struct pst_slice key, const struct pst_receipt *receipt,
                const uint8_t digest[PST_SHA256_BYTES])
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_KEY_ADD);
    pst_db_bind_int(db, stmt, 1, box_id);
    pst_db_bind_blob(db, stmt, 2, key);
    pst_db_bind_int(db, stmt, 3, (int64_t)receipt->id);
    pst_db_bind_int(db, stmt, 4, receipt->time_ms);
    pst_db_bind_blob(db, stmt, 5, pst_slice_of((const char *)digest, PST_SHA256_BYTES));
    return pst_db_run(db, stmt);
}

int pst_key_expire(struct pst_db *db, int64_t now_ms)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_KEY_EXPIRE);
    pst_db_bind_int(db, stmt, 1, now_ms - KEY_LIFE_MS);
    return pst_db_run(db, stmt);
}
