/* clock.c - the machine's clocks. */
#include "base/clock.h"

#include <stddef.h>
#include <time.h>

static uint64_t system_now_us(void *ctx)
{
    (void)ctx;
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts); /* cannot fail for this clock */
    return (uint64_t)ts.tv_sec * 1000000u + (uint64_t)ts.tv_nsec / 1000u;
}

static int64_t system_unix_time(void *ctx)
{
    (void)ctx;
    return (int64_t)time(NULL);
}

const struct pst_clock pst_clock_system = {system_now_us, system_unix_time, NULL};
