/* replies.h - reads a stream of HTTP/1.1 replies as strictly as a client could: every byte must be accounted
 * for. */
#ifndef PST_TESTS_REPLIES_H
#define PST_TESTS_REPLIES_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/slice.h>

struct reply {
    int status;
    struct pst_slice head, body; /* body: as it was framed, chunks and all */
    size_t body_len;             /* without framing */
    bool is_close;               /* "Connection: close" */
    bool is_whole;
};

/* Takes the next reply off the front of *rest, with what interim replies go before it. is_head: it answers a
 * HEAD. is_end: nothing follows *rest. Returns NULL, or what is wrong. */
const char *reply_read(struct pst_slice *rest, bool is_head, bool is_end, struct reply *ret_reply);

#endif
