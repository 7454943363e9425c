/* env.c - see env.h. */
#include "http/env.h"

#include <string.h>

#include "http/exchange.h"

enum { EXCHANGES_KEPT = 64 };

void pst_http_env_init(struct pst_http_env *env, const struct pst_limits *limits,
                       const struct pst_router *router, struct pst_loop *loop, struct pst_pools *pools)
{
    memset(env, 0, sizeof(*env));
    env->limits = limits;
    env->router = router;
    env->loop = loop;
    env->pools = pools;
    env->date_time = INT64_MIN;
    pst_pool_init(&env->exchanges, PST_EXCHANGE_BYTES, EXCHANGES_KEPT);
}

void pst_http_env_fini(struct pst_http_env *env)
{
    pst_pool_fini(&env->exchanges);
}

const char *pst_http_env_date(struct pst_http_env *env)
{
    int64_t now = pst_loop_unix_time(env->loop);
    if (now != env->date_time) {
        pst_http_date_write(env->date, now);
        env->date_time = now;
    }
    return env->date;
}
