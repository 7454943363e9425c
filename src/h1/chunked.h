/* chunked.h - the chunked transfer coding (RFC 9112 7.1), decoded as bytes arrive, in constant memory. */
#ifndef PST_H1_CHUNKED_H
#define PST_H1_CHUNKED_H

#include <stdint.h>

#include "postern/limits.h"
#include "postern/slice.h"

struct pst_chunked {
    int state;
    uint64_t left;       /* of the chunk's data */
    uint64_t line_bytes; /* of the size line so far */
    uint64_t trailer_bytes;
    bool has_digit;
    bool is_line_begun; /* of a trailer line */
    bool has_colon;
};

enum {
    PST_CHUNKED_MORE = 0, /* all bytes were used; there may be data */
    PST_CHUNKED_DONE = 1, /* the body is complete; what was not used comes behind it */
    /* or a status code: 400 malformed, 431 trailers over the limit */
};

void pst_chunked_init(struct pst_chunked *decoder);
/* Decodes until the next piece of data, the end, or the bytes run out. *ret_data is a piece of the input,
 * maybe empty. PST_CHUNKED_MORE with *ret_used < len: call again with the rest. */
int pst_chunked_decode(struct pst_chunked *decoder, const struct pst_limits *limits, const char *in,
                       size_t len, size_t *ret_used, struct pst_slice *ret_data);

#endif
