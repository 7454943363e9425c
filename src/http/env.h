/* env.h - what a worker gives to the HTTP layer: limits, routes, memory, time, and where to report. */
#ifndef PST_HTTP_ENV_H
#define PST_HTTP_ENV_H

#include <stdbool.h>
#include <stdint.h>

#include "base/counters.h"
#include "base/pool.h"
#include "http/gate.h"
#include "http/router.h"
#include "loop/loop.h"
#include "postern/http.h"
#include "postern/limits.h"
#include "postern/server.h"

struct pst_http_env {
    const struct pst_limits *limits;
    const struct pst_router *router;
    struct pst_loop *loop;
    struct pst_pools *pools;
    struct pst_pool exchanges;   /* PST_EXCHANGE_BYTES each */
    struct pst_worker *worker;   /* for pst_exchange_worker(); may be NULL in tests */
    bool is_draining;            /* the server was asked to stop */
    void **locals;               /* each route's state of this worker, by route index; NULL: none has any */
    const struct pst_gate *gate; /* NULL: every host is served, and no door sends to another */
    /* With gate->checks_hosts: whether this server has that host, an authority without its port. */
    bool (*serves_host)(struct pst_http_env *env, struct pst_slice host);
    struct pst_gate_host last_host;
    /* Reports; each may be NULL. */
    void (*on_exchange)(struct pst_http_env *env, const struct pst_log_entry *entry);
    struct pst_counters counters; /* of the worker's thread */
    /* private */
    int64_t date_time;
    char date[PST_HTTP_DATE_BYTES];
};

void pst_http_env_init(struct pst_http_env *env, const struct pst_limits *limits,
                       const struct pst_router *router, struct pst_loop *loop, struct pst_pools *pools);
void pst_http_env_fini(struct pst_http_env *env);
/* The Date field's value (PST_HTTP_DATE_BYTES bytes) for this turn of the loop; valid until the next call. */
const char *pst_http_env_date(struct pst_http_env *env);

#endif
