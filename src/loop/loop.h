/* loop.h - one thread's event loop: edge-triggered readiness, timers, a run queue, letters from other
 * threads.
 *
 * One turn: wait for events, hand them out, fire timers, run what was queued before this point, then the turn
 * hooks. Everything here is called on the loop's own thread, except pst_loop_post(). */
#ifndef PST_LOOP_LOOP_H
#define PST_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/list.h"
#include "loop/mailbox.h"
#include "loop/timer.h"

enum {
    PST_EV_RD = 1,    /* something to read, or to accept */
    PST_EV_WR = 2,    /* room to write */
    PST_EV_RDHUP = 4, /* the peer has ended its direction: the end will be read without a further edge */
    PST_EV_ERR = 8,   /* failed or hung up: any call will say how */
};

struct pst_watch {
    int fd;
    void (*on_event)(struct pst_watch *watch, unsigned events);
};

/* Something to run once, in the next turn; embedded in its owner. */
struct pst_task {
    struct pst_list node;
    void (*on_run)(struct pst_task *task);
};

struct pst_loop;

/* clock: outlives the loop. Errors: PST_E_NOMEM, PST_E_SYSTEM. */
int pst_loop_new(struct pst_loop **ret_loop, const struct pst_clock *clock);
/* No watch, timer or task may be left. NULL is allowed. */
void pst_loop_free(struct pst_loop *loop);

/* Registers watch->fd once, edge-triggered, for everything; interest is never edited afterwards. What is
 * ready already is reported in the next turn. Errors: PST_E_NOMEM, PST_E_SYSTEM. */
int pst_loop_watch(struct pst_loop *loop, struct pst_watch *watch);
/* Before the descriptor is closed. No event of this turn reaches the watch any more. */
void pst_loop_unwatch(struct pst_loop *loop, struct pst_watch *watch);

void pst_task_init(struct pst_task *task, void (*on_run)(struct pst_task *task));
/* Queues a task; one that is queued already stays where it is. */
void pst_loop_queue(struct pst_loop *loop, struct pst_task *task);
void pst_loop_unqueue(struct pst_task *task);
/* Runs task at the end of every turn until it is unqueued. */
void pst_loop_every_turn(struct pst_loop *loop, struct pst_task *task);

void pst_loop_set_timer(struct pst_loop *loop, struct pst_timer *timer, uint64_t deadline_ms);
void pst_loop_clear_timer(struct pst_loop *loop, struct pst_timer *timer);

/* Any thread. PST_E_STATE once the loop has ended. */
int pst_loop_post(struct pst_loop *loop, struct pst_letter *letter);
/* Takes no further letter, and receives those that are left. */
void pst_loop_close_mailbox(struct pst_loop *loop);

/* Constant during a turn. */
uint64_t pst_loop_now_ms(const struct pst_loop *loop);
int64_t pst_loop_unix_time(const struct pst_loop *loop);
/* A number that grows with each turn, for what is looked up once a turn. */
uint64_t pst_loop_turn_number(const struct pst_loop *loop);
/* Lets it grow within a turn: what follows may be younger than the turn's begin, and so than what was looked
 * up in it. */
void pst_loop_new_turn_number(struct pst_loop *loop);
/* Asks the clock anew. */
uint64_t pst_loop_fresh_us(const struct pst_loop *loop);

/* One turn; waits at most max_wait_ms (-1: for as long as needed). Errors: PST_E_SYSTEM. */
int pst_loop_turn(struct pst_loop *loop, int max_wait_ms);
/* Turns until pst_loop_stop(). */
int pst_loop_run(struct pst_loop *loop);
/* The current turn is the last. */
void pst_loop_stop(struct pst_loop *loop);

#endif
