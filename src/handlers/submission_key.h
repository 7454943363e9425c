/* submission_key.h - the Idempotency-Key of a request (the IETF's httpapi draft), as a quoted string (RFC
 * 8941 3.3.3) or bare. */
#ifndef PST_HANDLERS_SUBMISSION_KEY_H
#define PST_HANDLERS_SUBMISSION_KEY_H

#include <stdbool.h>

#include <postern/slice.h>

enum { PST_KEY_MOST_BYTES = 255 };

struct pst_submission_key {
    size_t len; /* 0: none */
    char text[PST_KEY_MOST_BYTES];
};

/* A field's value, trimmed. False: it is no key. */
bool pst_submission_key_read(struct pst_slice value, struct pst_submission_key *ret_key);
/* The same for text that is the key itself, as a form's field has it. Empty is none. */
bool pst_submission_key_take(struct pst_slice text, struct pst_submission_key *ret_key);

#endif
