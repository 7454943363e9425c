/* clock.h - where time comes from, so that tests can turn it by hand. */
#ifndef PST_BASE_CLOCK_H
#define PST_BASE_CLOCK_H

#include <stdint.h>

struct pst_clock {
    uint64_t (*now_us)(void *ctx);   /* microseconds, never going back (CLOCK_MONOTONIC) */
    int64_t (*unix_time)(void *ctx); /* seconds since 1970 */
    void *ctx;
};

/* The machine's own clocks. */
extern const struct pst_clock pst_clock_system;

#endif
