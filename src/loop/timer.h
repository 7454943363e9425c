/* timer.h - a hierarchical timer wheel: setting and clearing a timer takes constant time and allocates
 * nothing.
 *
 * Four levels of 64 slots with ticks of 4 ms reach 18 hours; what lies further ahead is kept in the last
 * level and put back when its slot comes. A timer never fires early, and at most one tick late. */
#ifndef PST_LOOP_TIMER_H
#define PST_LOOP_TIMER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/list.h"

struct pst_timer {
    struct pst_list node;
    uint64_t tick; /* when it fires */
    void (*on_fire)(struct pst_timer *timer);
};

enum { PST_WHEEL_LEVELS = 4, PST_WHEEL_SLOTS = 64, PST_WHEEL_TICK_MS = 4 };

struct pst_wheel {
    uint64_t tick; /* all timers at or before it have fired */
    uint64_t occupied[PST_WHEEL_LEVELS];
    struct pst_list slots[PST_WHEEL_LEVELS][PST_WHEEL_SLOTS];
};

void pst_timer_init(struct pst_timer *timer, void (*on_fire)(struct pst_timer *timer));
bool pst_timer_is_set(const struct pst_timer *timer);

void pst_wheel_init(struct pst_wheel *wheel, uint64_t now_ms);
/* Sets or moves a timer. A deadline that has passed fires at the next advance. */
void pst_wheel_set(struct pst_wheel *wheel, struct pst_timer *timer, uint64_t deadline_ms);
/* Clearing a timer that is not set does nothing. */
void pst_wheel_clear(struct pst_wheel *wheel, struct pst_timer *timer);
/* Fires all that are due. Timers may be set and cleared, also each other's, from on_fire. */
void pst_wheel_advance(struct pst_wheel *wheel, uint64_t now_ms);
/* Milliseconds that may be slept before the next advance has something to do; -1: no timer is set. */
int64_t pst_wheel_sleep_ms(const struct pst_wheel *wheel, uint64_t now_ms);

#endif
