/* fake_clock.h - a clock that the test turns by hand. */
#ifndef PST_TESTS_FAKE_CLOCK_H
#define PST_TESTS_FAKE_CLOCK_H

#include "base/clock.h"

struct pst_fake_clock {
    struct pst_clock clock; /* to be given to what is tested */
    uint64_t now_us;
    int64_t unix_time; /* at now_us 0; the date moves with now_us, a second for a second */
    uint64_t asked;    /* how often now_us was called */
};

/* Stands a thousand seconds after its beginning, at Sun, 06 Nov 1994 08:49:37 GMT, the date that RFC 9110
 * uses. */
void pst_fake_clock_init(struct pst_fake_clock *c);
void pst_fake_clock_advance(struct pst_fake_clock *c, uint64_t us);

#endif
