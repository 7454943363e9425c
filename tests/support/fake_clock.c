/* fake_clock.c - see fake_clock.h. */
#include "support/fake_clock.h"

enum { BEGIN_SECONDS = 1000, RFC_DATE = 784111777 };

static uint64_t fake_now_us(void *ctx)
{
    struct pst_fake_clock *c = ctx;
    c->asked++;
    return c->now_us;
}

static int64_t fake_unix_time(void *ctx)
{
    const struct pst_fake_clock *c = ctx;
    return c->unix_time + (int64_t)(c->now_us / 1000000);
}

void pst_fake_clock_init(struct pst_fake_clock *c)
{
    *c = (struct pst_fake_clock){
        .clock = {fake_now_us, fake_unix_time, c},
        .now_us = UINT64_C(1000000) * BEGIN_SECONDS,
        .unix_time = RFC_DATE - BEGIN_SECONDS,
    };
}

void pst_fake_clock_advance(struct pst_fake_clock *c, uint64_t us)
{
    c->now_us += us;
}
