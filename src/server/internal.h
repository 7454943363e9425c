/* internal.h - the server's and its workers' state, shared by server.c, listen.c, certificate.c and worker.c.
 */
#ifndef PST_SERVER_INTERNAL_H
#define PST_SERVER_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>

#include "base/sha256.h"
#include "connection/connection.h"
#include "http/env.h"
#include "loop/jobs.h"
#include "loop/loop.h"
#include "loop/sends.h"
#include "postern/server.h"
#include "postern/tls.h"
#include "transport/listener.h"
#include "transport/tls.h"
#include "transport/tls_tickets.h"

/* One bound address; a name such as localhost makes two. */
struct pst_door {
    struct pst_listen_addr addr;
    bool is_secure;
    int fd; /* the first worker's socket; -1 once it has gone over to it */
};

/* A worker's socket of one door. */
struct pst_worker_door {
    struct pst_worker *worker;
    struct pst_watch watch;
    struct pst_task task; /* when there was more to accept than one turn allows */
    bool is_secure;
    bool is_waiting; /* for room: a connection to end, or descriptors */
};

struct pst_worker {
    struct pst_server *server;
    unsigned number;
    pthread_t thread;
    bool is_thread_started;
    int error; /* what ended it early */
    struct pst_pools pools;
    struct pst_loop *loop;
    struct pst_jobs jobs;
    bool has_jobs;
    struct pst_http_env env;
    struct pst_driver driver;
    struct pst_sends *sends; /* of the plain connections; NULL where limits.send_batch is 0 */
    struct pst_tls_ctx *tls;
    void **locals;
    size_t locals_started;
    struct pst_worker_door *doors;
    size_t door_count;
    struct pst_watch stop_watch;
    struct pst_timer retry_timer; /* accept again after descriptors or memory ran out */
    struct pst_timer drain_timer;
    bool is_draining;
    /* the observer's */
    void *observer_local;
    bool is_observer_started, is_observed; /* is_observed: something was reported in this turn */
    struct pst_task turn_task;
};

struct pst_url {
    struct pst_url *next;
    char text[96];
};

struct pst_server {
    struct pst_limits limits;
    struct pst_router *router;
    struct pst_door *doors;
    size_t door_count;
    struct pst_url *urls; /* in order of listening */
    struct pst_cert_files *certs;
    size_t cert_count;
    int (*on_sni)(struct pst_slice name, size_t count, void *arg);
    void *on_sni_arg;
    struct pst_tls_certs *checked;     /* all of certs, parsed when each was added; NULL after the start */
    struct pst_tls_certs **start_sets; /* while the workers are made: one for each */
    pthread_mutex_t reload_lock;
    bool watches_certs, has_no_tickets, requires_client;
    char *client_ca; /* file; NULL: clients show no certificates */
    enum pst_tls_policy policy;
    bool renews_local, covers_addresses; /* see pst_tls_renew_local() */
    char *ticket_path;                   /* NULL: random secrets */
    struct pst_tls_tickets *tickets;
    struct pst_keeper *keeper;
    struct pst_observer observer;
    struct pst_gate gate;
    struct pst_host_name *hosts; /* of pst_server_host() */
    struct pst_offload *offload; /* for what blocks; until the server is freed */
    unsigned worker_count;
    struct pst_worker *workers; /* from the start until the server is freed: others may post to them */
    bool is_started;
    uint64_t started_ms;    /* of the system clock */
    atomic_bool is_running; /* pst_tls_reload() asks on any thread */
    int stop_fd;            /* eventfd: each write wakes all workers */
    /* How often it was asked to stop: two writes may reach a worker as one event. */
    atomic_uint stop_count;
    int done_fd; /* eventfd: a worker has ended */
    char error[512];
};

/* Notes the line for pst_server_error() and returns err. */
int pst_server_fail(struct pst_server *server, int err, const char *format, ...) PST_PRINTF(3, 4);

/* One line for whoever asked; text may be NULL where size is 0. */
struct pst_server_line {
    char *text;
    size_t size;
};
/* Writes it and returns err. */
int pst_server_say(struct pst_server_line line, int err, const char *format, ...) PST_PRINTF(3, 4);

/* certificate.c */

/* The names of the files that one certificate comes from. */
struct pst_cert_files {
    char *cert, *key, *password;      /* password: may be NULL */
    char *warning;                    /* may be NULL */
    uint8_t digest[PST_SHA256_BYTES]; /* of what the files held when it was added */
    struct pst_tls_cert_info info;    /* likewise */
};
/* Reads all files, and makes a set for each worker: parsed and checked, unless that was done when they were
 * added and they are still the same. line: as why of pst_tls_reload(). */
int pst_server_load_certs(struct pst_server *server, struct pst_tls_certs ***ret_sets,
                          struct pst_server_line line);
/* Drops count sets and the array; NULL is allowed. */
void pst_server_drop_certs(struct pst_tls_certs **sets, unsigned count);
void pst_server_free_cert_files(struct pst_server *server);

/* ticket_keys.c: makes server->tickets from the files, or from randomness; again: takes what the files hold
 * now. why: as of pst_tls_reload(). */
int pst_server_make_tickets(struct pst_server *server, char *why, size_t why_size);
int pst_server_reread_tickets(struct pst_server *server, char *why, size_t why_size);

/* keeper.c: a thread that looks after the TLS door while it serves: new secrets for tickets, changed files.
 */
int pst_keeper_new(struct pst_keeper **ret_keeper, struct pst_server *server);
/* Ends the thread. NULL is allowed. */
void pst_keeper_free(struct pst_keeper *keeper);

/* doors.c */

/* Completes the gate, now that all doors are there. Errors: PST_E_STATE, PST_E_NOMEM. */
int pst_server_make_gate(struct pst_server *server);
void pst_server_free_gate(struct pst_server *server);
/* For env->serves_host. */
bool pst_worker_serves_host(struct pst_http_env *env, struct pst_slice host);

/* worker.c. All on the thread that starts the server, except that the worker then runs on its own. */
int pst_worker_init(struct pst_worker *worker, struct pst_server *server, unsigned number);
int pst_worker_start(struct pst_worker *worker);
/* After its thread was joined, or never started: ends all but what pst_worker_post() touches. Works on a
 * half-made worker. */
void pst_worker_end(struct pst_worker *worker);
/* The rest, when nobody can post any more. */
void pst_worker_fini(struct pst_worker *worker);

#endif
