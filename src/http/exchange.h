/* exchange.h - the exchange as sessions see it: they fill in the request, feed the body, and fetch the reply.
 *
 * Life: pst_exchange_new at the request's first byte; head parsed; pst_exchange_dispatch (routes, may reply
 * an error); pst_exchange_feed for each piece of body; the reply is complete some time (is_replied,
 * link->on_change is called); pst_exchange_end exactly once, which frees it. Handlers' callbacks run inside
 * these calls. */
#ifndef PST_HTTP_EXCHANGE_H
#define PST_HTTP_EXCHANGE_H

#include "base/arena.h"
#include "http/env.h"
#include "http/router.h"
#include "http/session.h"
#include "http/uri.h"
#include "postern/exchange.h"

/* One block of memory holds the exchange and its arena's beginning: an ordinary request allocates nothing
 * more. */
#define PST_EXCHANGE_BYTES 8192

/* How an exchange tells its session that a reply was completed, a body resumed or a source woken. */
struct pst_exchange_link {
    void (*on_change)(struct pst_exchange_link *link);
};

struct pst_request {
    enum pst_method method_id;
    int version; /* 10, 11 */
    struct pst_slice method, raw_target;
    struct pst_target target;
    struct pst_slice authority; /* from the target, else from Host */
    struct pst_slice path;      /* decoded */
    struct pst_field *fields;
    size_t field_count;
    int64_t body_length; /* -1: not known beforehand */
    bool has_body;       /* by its framing; a Content-Length of 0 has one, empty */
};

enum pst_body_kind { PST_BODY_NONE, PST_BODY_BYTES, PST_BODY_FILE, PST_BODY_SOURCE };

/* Memory of its own, with all strings behind it. */
struct pst_field_set {
    struct pst_slice text; /* "name: value" CR LF, of all of them */
    size_t count;
    struct pst_field fields[];
};

struct pst_reply {
    int status;
    const struct pst_field_set *set; /* comes before fields; NULL: none */
    struct pst_field *fields;
    uint32_t field_count, field_cap;
    enum pst_body_kind kind;
    int64_t length; /* of the body; -1: not known beforehand */
    const char *bytes;
    int fd;       /* owned; -1 otherwise */
    int bytes_fd; /* where bytes stand, too, from offset on; borrowed; -1: nowhere */
    uint64_t offset;
    struct pst_source source;
    void *source_ctx;
    bool is_source_open, is_source_waiting; /* waiting: pull had nothing, until pst_exchange_wake */
};

struct pst_exchange {
    struct pst_http_env *env;
    struct pst_session_host *host;
    struct pst_exchange_link *link;
    const struct pst_route *route;
    struct pst_slice rest;
    struct pst_arena arena;
    struct pst_request request;
    struct pst_reply reply;
    char *body; /* collected, malloc'ed */
    size_t body_len, body_cap;
    uint64_t fed_bytes; /* of the body, so far */
    uint64_t body_max;  /* for this request */
    uint64_t begun_us;
    uint64_t sent_bytes;                             /* of the reply's body; kept by the session */
    bool is_begun_reply;                             /* its head went out; kept by the session */
    uint64_t paused_at_ms, resumed_at_ms, paused_ms; /* paused_ms: of all pauses that are over */
    bool is_body_done, is_replied, is_paused, is_over;
    bool wants_close; /* the connection is to end with this exchange */
    bool owes_end;    /* paused before on_body heard of the end */
    enum pst_end
        failure; /* what to report instead of OK, where the reply is an error of ours; PST_END_OK: nothing */
    pst_on_end_fn *on_end;
    void *on_end_arg;
    pst_exchange_fn *on_drain; /* NULL once it was called */
    void *on_drain_arg;
    pst_exchange_fn *after; /* NULL: the timer was never set */
    void *after_arg;
    struct pst_timer timer;
    void *data; /* the handler's */
};

/* NULL when out of memory. */
struct pst_exchange *pst_exchange_new(struct pst_http_env *env, struct pst_session_host *host,
                                      struct pst_exchange_link *link);
/* The request is filled in: finds the route; replies 404, 405, 413 or to OPTIONS itself, or calls the handler
 * if it need not wait for a body. */
void pst_exchange_dispatch(struct pst_exchange *ex);
/* A piece of the body; last: it is complete (len may be 0). Not to be called while is_paused, nor after
 * is_replied (then the session discards). May reply 413. */
void pst_exchange_feed(struct pst_exchange *ex, const char *data, size_t len, bool last);
/* Replies an error of the protocol itself: drops what a handler may have prepared. Nothing happens where a
 * reply is complete already. why: what the log says. */
void pst_exchange_refuse(struct pst_exchange *ex, int status, enum pst_end why);
/* The server was asked to stop while the exchange goes on. */
void pst_exchange_drain(struct pst_exchange *ex);
/* Whether a reply may have that field of a handler's. */
bool pst_reply_may_have(struct pst_slice name, struct pst_slice value);
/* A handler that fails half-way may have described its own body already: that goes with the body. */
void pst_reply_drop_body_fields(struct pst_exchange *ex);
/* Calls on_end, reports, frees. */
void pst_exchange_end(struct pst_exchange *ex, enum pst_end why);

#endif
