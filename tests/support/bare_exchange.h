/* bare_exchange.h - an exchange without a session: the test plays the session's part, calling dispatch, feed
 * and end itself. */
#ifndef PST_TESTS_BARE_EXCHANGE_H
#define PST_TESTS_BARE_EXCHANGE_H

#include "http/exchange.h"
#include "support/test_worker.h"

struct bare_exchange {
    struct test_worker w; /* routes are added to w.server */
    struct pst_session_host host;
    struct pst_exchange_link link;
    unsigned changes; /* calls of link.on_change */
    struct pst_exchange *ex;
};

/* Never fails: ends the process, as all of these do. */
void bare_init(struct bare_exchange *b);
/* Ends an exchange that is still there. */
void bare_fini(struct bare_exchange *b);

/* A new exchange in b->ex, its request read from a whole head but not dispatched. The one before is ended. */
void bare_request(struct bare_exchange *b, const char *head);
void bare_end(struct bare_exchange *b, enum pst_end why);

/* The values of all reply fields of that name, in order, joined by "|"; valid until the next call. */
const char *bare_field(const struct bare_exchange *b, const char *name);

#endif
