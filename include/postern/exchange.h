/* exchange.h - one request and its reply, whatever the HTTP version and whatever carries it.
 *
 * A handler sees only this. All calls for one exchange are made on the thread of the worker it belongs to.
 * Slices that these functions return are valid until the exchange ends (on_end), unless a function says
 * otherwise. */
#ifndef POSTERN_EXCHANGE_H
#define POSTERN_EXCHANGE_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

struct pst_exchange;

struct pst_field {
    struct pst_slice name;  /* as the peer wrote it; compare with pst_slice_case_eq() */
    struct pst_slice value; /* without spaces and tabs around it */
};

/* Why an exchange ended. */
enum pst_end {
    PST_END_OK,             /* the whole reply was handed to the transport */
    PST_END_PEER_CLOSED,    /* the peer closed before the reply was complete */
    PST_END_PEER_RESET,     /* the connection failed or was reset */
    PST_END_BAD_REQUEST,    /* the request was refused by the parser; the reply says so */
    PST_END_DEADLINE_HEAD,  /* the request's head did not arrive in time */
    PST_END_DEADLINE_BODY,  /* the request's body did not arrive in time, or too slowly */
    PST_END_DEADLINE_WRITE, /* the peer did not take the reply in time, or too slowly */
    PST_END_SOURCE_FAILED,  /* the reply's source failed half-way */
    PST_END_NOMEM,          /* out of memory */
    PST_END_STOPPED         /* the server stopped before the exchange was complete */
};

/* A short text for a cause, such as "head deadline"; never NULL. */
PST_API const char *pst_end_text(enum pst_end why);

/* ---- the request ---- */

PST_API struct pst_slice pst_exchange_method(const struct pst_exchange *ex); /* "GET" */
PST_API struct pst_slice pst_exchange_target(
    const struct pst_exchange *ex); /* as sent: "/a%20b?c", "*", "http://h/" */
/* The path, percent-decoded once and with dot segments removed; "/" first. An encoded slash (%2F) is data,
 * not a separator, and stays encoded; a path with %00 never reaches a handler. "*" for OPTIONS *. */
PST_API struct pst_slice pst_exchange_path(const struct pst_exchange *ex);
PST_API struct pst_slice pst_exchange_raw_path(
    const struct pst_exchange *ex);                                 /* the path as sent, still encoded */
PST_API bool pst_exchange_has_query(const struct pst_exchange *ex); /* "/a?" has one, empty */
PST_API struct pst_slice pst_exchange_query(const struct pst_exchange *ex); /* behind "?", still encoded */
/* The part of the path that the route's "*" stands for, without the slash before it; empty without a "*". */
PST_API struct pst_slice pst_exchange_rest(const struct pst_exchange *ex);
PST_API struct pst_slice pst_exchange_scheme(
    const struct pst_exchange *ex); /* "http" or "https": the door used */
PST_API struct pst_slice pst_exchange_authority(
    const struct pst_exchange *ex);                              /* host[:port]; may be empty */
PST_API int pst_exchange_version(const struct pst_exchange *ex); /* 10, 11 or 20 */

PST_API size_t pst_exchange_field_count(const struct pst_exchange *ex);
/* The field number i, in the order of arrival; i must be below the count. */
PST_API struct pst_field pst_exchange_field_at(const struct pst_exchange *ex, size_t i);
/* The first field of that name (any case). False, with *ret_value empty, where there is none. */
PST_API bool pst_exchange_field(const struct pst_exchange *ex, const char *name, struct pst_slice *ret_value);

/* The whole body, for handlers without on_body; empty otherwise. */
PST_API struct pst_slice pst_exchange_body(const struct pst_exchange *ex);
/* Content-Length, or -1 where the length is not known beforehand. */
PST_API int64_t pst_exchange_body_length(const struct pst_exchange *ex);

/* How the bytes came. Strings live as long as the exchange. */
struct pst_peer_info {
    const char *address; /* "127.0.0.1" or "::1" */
    unsigned port;
    const char *security; /* "TLSv1.3", "TLSv1.2", or "" on plain TCP */
    const char *cipher;   /* such as "TLS1-3-AES-128-GCM-SHA256", or "" */
    /* Whom the client's certificate names, verified (see pst_tls_client_ca()); "" where it showed none. */
    const char *client;
};
PST_API void pst_exchange_peer(const struct pst_exchange *ex, struct pst_peer_info *ret_info);

/* ---- memory and life ---- */

/* Memory that lives until the exchange ends, aligned for any type, not zeroed. NULL when out of memory. */
PST_API void *pst_exchange_alloc(struct pst_exchange *ex, size_t size);
/* printf into such memory. The slice's ptr is NULL when out of memory. */
PST_API struct pst_slice pst_exchange_printf(struct pst_exchange *ex, const char *format, ...)
    PST_PRINTF(2, 3);

/* A pointer of the handler's own, NULL until it is set: where on_body and others find what on_request made.
 */
PST_API void pst_exchange_set_data(struct pst_exchange *ex, void *data);
PST_API void *pst_exchange_data(const struct pst_exchange *ex);

/* What the route's on_worker_start returned for this exchange's worker; NULL without one. */
PST_API void *pst_exchange_local(const struct pst_exchange *ex);

/* fn is called exactly once, when the exchange is over, whatever the cause; the exchange is still readable
 * then, and nothing can be replied any more. One function an exchange: a second call replaces the first. */
typedef void pst_on_end_fn(struct pst_exchange *ex, enum pst_end why, void *arg);
PST_API void pst_exchange_on_end(struct pst_exchange *ex, pst_on_end_fn *fn, void *arg);

/* The worker's clock: milliseconds that only grow; constant during one turn of its loop. */
PST_API uint64_t pst_exchange_now_ms(const struct pst_exchange *ex);
/* Seconds since 1970, as of this turn of the worker's loop. */
PST_API int64_t pst_exchange_unix_time(const struct pst_exchange *ex);
/* The number of this turn of the worker's loop: what was looked up in the same turn need not be looked up
 * again. */
PST_API uint64_t pst_exchange_turn(const struct pst_exchange *ex);

/* The server's limits, constant while it runs. */
struct pst_limits;
PST_API const struct pst_limits *pst_exchange_limits(const struct pst_exchange *ex);

/* fn is called once after ms milliseconds, unless the exchange ends before. One such timer an exchange: a
 * second call moves it (and its fn); ms 0 clears it. */
typedef void pst_exchange_fn(struct pst_exchange *ex, void *arg);
PST_API void pst_exchange_after(struct pst_exchange *ex, uint64_t ms, pst_exchange_fn *fn, void *arg);
/* fn is called once when the server is asked to stop while the exchange goes on: for replies without an end
 * of their own, which would hold up the stop. Also when that has happened already. One an exchange; NULL
 * clears it. */
PST_API void pst_exchange_on_drain(struct pst_exchange *ex, pst_exchange_fn *fn, void *arg);

/* ---- replying later ----
 * A handler may return without a reply, and reply from any later callback of the same worker. Another thread
 * hands the work back by pst_worker_post(): fn(arg) runs on the worker's thread. The exchange may have ended
 * by then: on_end tells, on the worker's thread, before the memory goes. */
struct pst_worker;
/* Valid until the server is freed: threads that post must have ended by then. */
PST_API struct pst_worker *pst_exchange_worker(const struct pst_exchange *ex);
/* Thread-safe. Errors: PST_E_NOMEM; PST_E_STATE once the worker has stopped (fn will not run). */
PST_API int pst_worker_post(struct pst_worker *worker, void (*fn)(void *arg), void *arg);

/* ---- streamed request bodies ----
 * on_body is called with each piece. After pst_exchange_pause() no further piece is delivered, nor read from
 * the peer beyond what is already buffered, until pst_exchange_resume(). */
PST_API void pst_exchange_pause(struct pst_exchange *ex);
PST_API void pst_exchange_resume(struct pst_exchange *ex);

/* ---- the reply ----
 * First status and fields, in any order, then exactly one of the functions that complete the reply: bytes,
 * copy, printf, file, source, empty, error, redirect. All return 0, PST_E_STATE (a reply was completed
 * already, or the exchange is over), PST_E_NOMEM or PST_E_INVAL. Content-Length, Transfer-Encoding, Date,
 * Connection, Keep-Alive, Upgrade, TE and Trailer are the server's own: a field of such a name is
 * PST_E_INVAL. HEAD: reply as for GET, the server leaves the body out. */

/* The status code, 200 to 599; 200 unless set. */
PST_API int pst_reply_status(struct pst_exchange *ex, int status);
/* Adds a field; both strings are copied. PST_E_INVAL for a name that is no token or a value with a control
 * byte. */
PST_API int pst_reply_field(struct pst_exchange *ex, const char *name, struct pst_slice value);
/* The same without copying: both must live until the exchange ends. */
PST_API int pst_reply_field_ref(struct pst_exchange *ex, struct pst_slice name, struct pst_slice value);
PST_API int pst_reply_fieldf(struct pst_exchange *ex, const char *name, const char *format, ...)
    PST_PRINTF(3, 4);

/* Fields that many replies have in common: checked and written once, and then only copied. Constant, so
 * threads may share it. */
struct pst_field_set;
/* Both strings of each are copied. Errors: PST_E_NOMEM, PST_E_INVAL as above. */
PST_API int pst_field_set_new(struct pst_field_set **ret_set, const struct pst_field *fields, size_t count);
/* NULL is allowed. */
PST_API void pst_field_set_free(struct pst_field_set *set);
/* Adds the set's fields, before all others of the reply; set must live until the exchange ends. One set a
 * reply: PST_E_INVAL for a second. */
PST_API int pst_reply_field_set(struct pst_exchange *ex, const struct pst_field_set *set);

/* A body that must stay as it is until the exchange ends; not copied. */
PST_API int pst_reply_bytes(struct pst_exchange *ex, const void *data, size_t len);
/* The same, where the bytes also stand in a file of which nobody else knows (a memfd, say), from offset on:
 * they may go out from there, which spares a copy. fd stays the caller's, and open until the exchange ends.
 * The file must not be written to any more, not even after that. */
PST_API int pst_reply_bytes_of(struct pst_exchange *ex, const void *data, size_t len, int fd,
                               uint64_t offset);
PST_API int pst_reply_copy(struct pst_exchange *ex, const void *data, size_t len);
PST_API int pst_reply_printf(struct pst_exchange *ex, const char *format, ...) PST_PRINTF(2, 3);
/* No body: for 204 and 304, or a body of length 0 with any other status. */
PST_API int pst_reply_empty(struct pst_exchange *ex);
/* A body from a file: len bytes from offset on. Takes over fd, also on error. sendfile on plain TCP. */
PST_API int pst_reply_file(struct pst_exchange *ex, int fd, uint64_t offset, uint64_t len);
/* The server's own short error page for status (400 to 599), as text/html; fields set before are kept,
 * but for those that describe a body. */
PST_API int pst_reply_error(struct pst_exchange *ex, int status);
/* Location and a short page; status 301, 302, 303, 307 or 308. location is copied; it must be printable
 * ASCII. */
PST_API int pst_reply_redirect(struct pst_exchange *ex, int status, struct pst_slice location);

/* A body made piece by piece as the peer takes it. */
struct pst_source {
    /* Writes up to cap bytes to dst and their number to *ret_len. Returns PST_SOURCE_MORE (with *ret_len 0:
     * nothing now; pst_exchange_wake() when there is), PST_SOURCE_END (these were the last), or
     * PST_SOURCE_FAIL (the connection is cut, so that the peer sees that the body is not whole). */
    int (*pull)(void *ctx, char *dst, size_t cap, size_t *ret_len);
    /* Called exactly once when the source is not needed any more; may be NULL. Also called when the call that
     * was given the source fails. */
    void (*close)(void *ctx);
};
enum { PST_SOURCE_MORE, PST_SOURCE_END, PST_SOURCE_FAIL };
/* length: the exact number of bytes the source will give, or -1 when not known (chunked for HTTP/1.1). */
PST_API int pst_reply_source(struct pst_exchange *ex, const struct pst_source *source, void *ctx,
                             int64_t length);
/* The source that had nothing has something now. */
PST_API void pst_exchange_wake(struct pst_exchange *ex);

/* True once a reply was completed (it may not be sent yet). */
PST_API bool pst_exchange_replied(const struct pst_exchange *ex);

/* ---- handlers ---- */

struct pst_handler {
    /* Called when the request is there: with its whole body, or, where on_body is set, with its head only. */
    void (*on_request)(struct pst_exchange *ex, void *arg);
    /* Set for a streamed body: called with each piece, and at the end with last set (len may be 0 then). Not
     * called any more after the reply was completed. data is valid during the call only. */
    void (*on_body)(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg);
    void *arg; /* given to all functions; shared by all workers, so it must be constant or locked */
    uint64_t body_max_bytes; /* 0: the server's limit (body_bytes, or stream_bytes with on_body) */
    /* State of each worker's own, without locks: made when the worker starts, ended when it stops. May be
     * NULL. on_worker_start returns PST_E_* or 0 and the state in *ret_local. */
    int (*on_worker_start)(void *arg, void **ret_local);
    void (*on_worker_stop)(void *local);
};

PST_END_DECLS

#endif
