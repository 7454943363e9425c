/* origin.h - web origins (RFC 6454): scheme, host and port, as pages' addresses are told apart by.
 *
 * Text in, answers out: knows nothing of requests. */
#ifndef PST_HANDLERS_ORIGIN_H
#define PST_HANDLERS_ORIGIN_H

#include <stdbool.h>

#include <postern/slice.h>

struct pst_origin {
    bool is_https;
    struct pst_slice host; /* points into the text it was read from; with its brackets, if any */
    unsigned port;         /* the scheme's own where the text has none */
};

/* Reads "http://host[:port]" or https at the beginning of text; *ret_rest is what follows: nothing, or a
 * path, query or fragment. False for anything else ("null", other schemes, user names). */
bool pst_origin_read(struct pst_slice text, struct pst_origin *ret_origin, struct pst_slice *ret_rest);
/* The same from what a request says of itself: its scheme, and host[:port]. */
bool pst_origin_of(struct pst_slice scheme, struct pst_slice authority, struct pst_origin *ret_origin);
bool pst_origin_eq(const struct pst_origin *a, const struct pst_origin *b);

#endif
