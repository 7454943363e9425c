/* server.h - a server: listeners of either kind, routes, workers. */
#ifndef POSTERN_SERVER_H
#define POSTERN_SERVER_H

#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/limits.h>

PST_BEGIN_DECLS

struct pst_server;

/* A new server with the default limits, one worker and no routes. Errors: PST_E_NOMEM, PST_E_TLS (no
 * randomness). */
PST_API int pst_server_new(struct pst_server **ret_server);
/* Frees a server that does not run; NULL is allowed. */
PST_API void pst_server_free(struct pst_server *server);

/* What went wrong in the last call that failed, in one line for a person, saying what to do; "" after
 * success. */
PST_API const char *pst_server_error(const struct pst_server *server);

/* All of these are called before pst_server_start() (PST_E_STATE after it). */

/* Copies limits. */
PST_API int pst_server_limits(struct pst_server *server, const struct pst_limits *limits);
/* Number of workers, each a thread with its own loop and listeners: 1 to 256; 0 means one a CPU. */
PST_API int pst_server_workers(struct pst_server *server, unsigned count);

/* Mounts a handler. pattern: "METHOD /path" for exactly that path, "METHOD /prefix/" + "*" for everything
 * below. GET serves HEAD too. The most specific pattern wins: an exact path, else the longest prefix. The
 * handler is copied, its arg is not. Errors: PST_E_SYNTAX, PST_E_EXISTS, PST_E_NOMEM. */
PST_API int pst_server_route(struct pst_server *server, const char *pattern,
                             const struct pst_handler *handler);
/* The short form, for handlers that take the body whole. */
PST_API int pst_server_handle(struct pst_server *server, const char *pattern,
                              void (*on_request)(struct pst_exchange *ex, void *arg), void *arg);

/* address: "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (both families), "*:8080" (all addresses of both
 * families), "8080" (as localhost). Port 0 takes a free port: see pst_server_url(). A port that somebody
 * else listens on is PST_E_BUSY. The sockets listen from here on; who connects before pst_server_start()
 * waits. */
PST_API int pst_server_listen_http(struct pst_server *server, const char *address);
/* The same over TLS. Needs a certificate by then. */
PST_API int pst_server_listen_https(struct pst_server *server, const char *address);

/* The certificate chain (leaf first) and private key, as PEM files. Errors: PST_E_NOENT, PST_E_ACCESS,
 * PST_E_CERT, PST_E_KEY, PST_E_MISMATCH, PST_E_EXPIRED, PST_E_NOTYET, PST_E_CHAIN; pst_server_error() says
 * what to do. */
PST_API int pst_server_certificate(struct pst_server *server, const char *cert_file, const char *key_file);

/* The URL of listening address i, in the order of listening, such as "https://localhost:8443/"; NULL past the
 * end. */
PST_API const char *pst_server_url(const struct pst_server *server, size_t i);

/* Called once for each ended exchange, on its worker's thread, before its memory goes. */
struct pst_log_entry {
    const struct pst_exchange *exchange;
    int status;          /* 0: no reply was begun */
    uint64_t sent_bytes; /* of the reply's body */
    uint64_t took_us;    /* from the request's first byte to the reply's last */
    enum pst_end end;
};
/* Bytes as they pass between peer and server, inside TLS; out: towards the peer. connection numbers count
 * from 1. */
struct pst_trace_entry {
    uint64_t connection;
    bool out;
    const char *data;
    size_t len;
    struct pst_peer_info peer;
};
/* A connection that ended otherwise than by an orderly close between two requests. cause: for a person. */
struct pst_event_entry {
    uint64_t connection;
    const char *cause;
    struct pst_peer_info peer;
};
struct pst_observer {
    void (*on_exchange)(const struct pst_log_entry *entry, void *local);
    void (*on_trace)(const struct pst_trace_entry *entry, void *local);
    void (*on_event)(const struct pst_event_entry *entry, void *local);
    /* Something about the server as a whole, in one line for a person: new certificates, or why not. On the
     * first worker's thread. */
    void (*on_notice)(const char *text, void *local);
    /* Once at the end of each turn of a worker's loop in which one of the others was called: flush here. */
    void (*on_turn_end)(void *local);
    void *arg;
    int (*on_worker_start)(void *arg, void **ret_local); /* as in pst_handler; without it local is arg */
    void (*on_worker_stop)(void *local);
};
/* Copies observer. Any of its functions may be NULL. */
PST_API int pst_server_observe(struct pst_server *server, const struct pst_observer *observer);

/* Starts the workers and returns. Errors: PST_E_BUSY, PST_E_SYSTEM, PST_E_NOMEM, PST_E_STATE. */
PST_API int pst_server_start(struct pst_server *server);
/* Asks a running server to stop: no new connections, what is in flight is finished within limits.drain_ms,
 * then close_notify and close. A second call, whoever makes it, cuts what is still in flight. Thread-safe and
 * async-signal-safe. */
PST_API void pst_server_stop(struct pst_server *server);
/* Waits until all workers have ended. 0, or the first error that ended a worker. */
PST_API int pst_server_wait(struct pst_server *server);
/* start, then stop on SIGINT or SIGTERM (which it blocks in the calling thread and in all workers), then
 * wait. */
PST_API int pst_server_run(struct pst_server *server);

PST_END_DECLS

#endif
