/* loop.c - see loop.h. The sole user of epoll. */
#include "loop/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "postern/err.h"

enum { EVENTS_PER_TURN = 256 };

struct pst_loop {
    int epoll_fd;
    bool is_stopped;
    const struct pst_clock *clock;
    uint64_t now_ms, turn;
    int64_t unix_time;
    struct pst_wheel wheel;
    struct pst_list queue;      /* pst_task: the next turn's */
    struct pst_list turn_hooks; /* pst_task */
    struct pst_mailbox mailbox;
    struct pst_watch mailbox_watch;
    int event_next, event_count; /* events[event_next..event_count) are not handed out yet */
    struct epoll_event events[EVENTS_PER_TURN];
};

static void on_mail(struct pst_watch *watch, unsigned events)
{
    struct pst_loop *loop = PST_CONTAINER(watch, struct pst_loop, mailbox_watch);
    (void)events;
    pst_mailbox_receive(&loop->mailbox);
}

static void read_clock(struct pst_loop *loop)
{
    loop->now_ms = loop->clock->now_us(loop->clock->ctx) / 1000;
    loop->unix_time = loop->clock->unix_time(loop->clock->ctx);
}

int pst_loop_new(struct pst_loop **ret_loop, const struct pst_clock *clock)
{
    struct pst_loop *loop = calloc(1, sizeof(*loop));
    if (!loop)
        return PST_E_NOMEM;
    loop->clock = clock;
    read_clock(loop);
    pst_wheel_init(&loop->wheel, loop->now_ms);
    pst_list_init(&loop->queue);
    pst_list_init(&loop->turn_hooks);
    int err = pst_mailbox_init(&loop->mailbox);
    if (err)
        goto fail;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (loop->epoll_fd < 0) {
        err = PST_E_SYSTEM;
        goto fail_mailbox;
    }
    loop->mailbox_watch = (struct pst_watch){loop->mailbox.event_fd, on_mail};
    err = pst_loop_watch(loop, &loop->mailbox_watch);
    if (err)
        goto fail_epoll;
    *ret_loop = loop;
    return 0;
fail_epoll:
    close(loop->epoll_fd);
fail_mailbox:
    pst_mailbox_fini(&loop->mailbox);
fail:
    free(loop);
    return err;
}

void pst_loop_free(struct pst_loop *loop)
{
    if (!loop)
        return;
    close(loop->epoll_fd);
    pst_mailbox_fini(&loop->mailbox);
    free(loop);
}

int pst_loop_watch(struct pst_loop *loop, struct pst_watch *watch)
{
    struct epoll_event ev = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = watch};
    if (epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, watch->fd, &ev) == 0)
        return 0;
    return errno == ENOMEM || errno == ENOSPC ? PST_E_NOMEM : PST_E_SYSTEM;
}

void pst_loop_unwatch(struct pst_loop *loop, struct pst_watch *watch)
{
    if (watch->fd >= 0)
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_DEL, watch->fd, NULL);
    for (int i = loop->event_next; i < loop->event_count; i++)
        if (loop->events[i].data.ptr == watch)
            loop->events[i].data.ptr = NULL;
}

void pst_task_init(struct pst_task *task, void (*on_run)(struct pst_task *task))
{
    pst_list_init(&task->node);
    task->on_run = on_run;
}

void pst_loop_queue(struct pst_loop *loop, struct pst_task *task)
{
    if (pst_list_is_empty(&task->node))
        pst_list_push_back(&loop->queue, &task->node);
}

void pst_loop_unqueue(struct pst_task *task)
{
    pst_list_remove(&task->node);
}

void pst_loop_every_turn(struct pst_loop *loop, struct pst_task *task)
{
    pst_list_remove(&task->node);
    pst_list_push_back(&loop->turn_hooks, &task->node);
}

void pst_loop_set_timer(struct pst_loop *loop, struct pst_timer *timer, uint64_t deadline_ms)
{
    pst_wheel_set(&loop->wheel, timer, deadline_ms);
}

void pst_loop_clear_timer(struct pst_loop *loop, struct pst_timer *timer)
{
    pst_wheel_clear(&loop->wheel, timer);
}

int pst_loop_post(struct pst_loop *loop, struct pst_letter *letter)
{
    return pst_mailbox_post(&loop->mailbox, letter);
}

void pst_loop_close_mailbox(struct pst_loop *loop)
{
    pst_mailbox_close(&loop->mailbox);
}

uint64_t pst_loop_now_ms(const struct pst_loop *loop)
{
    return loop->now_ms;
}

int64_t pst_loop_unix_time(const struct pst_loop *loop)
{
    return loop->unix_time;
}

uint64_t pst_loop_turn_number(const struct pst_loop *loop)
{
    return loop->turn;
}

void pst_loop_new_turn_number(struct pst_loop *loop)
{
    loop->turn++;
}

uint64_t pst_loop_fresh_us(const struct pst_loop *loop)
{
    return loop->clock->now_us(loop->clock->ctx);
}

static int wait_ms(const struct pst_loop *loop, int max_wait_ms)
{
    if (!pst_list_is_empty(&loop->queue))
        return 0;
    /* The clock is asked anew: handlers may have taken a while since the turn began. */
    int64_t sleep = pst_wheel_sleep_ms(&loop->wheel, pst_loop_fresh_us(loop) / 1000);
    if (sleep < 0 || sleep > INT_MAX)
        return max_wait_ms;
    return max_wait_ms >= 0 && max_wait_ms < sleep ? max_wait_ms : (int)sleep;
}

static unsigned events_of(uint32_t epoll_events)
{
    unsigned events = 0;
    if (epoll_events & EPOLLIN)
        events |= PST_EV_RD;
    if (epoll_events & EPOLLOUT)
        events |= PST_EV_WR;
    if (epoll_events & EPOLLRDHUP)
        events |= PST_EV_RDHUP;
    if (epoll_events & (EPOLLERR | EPOLLHUP))
        events |= PST_EV_ERR;
    return events;
}

static void hand_out_events(struct pst_loop *loop, int count)
{
    loop->event_count = count;
    for (loop->event_next = 0; loop->event_next < loop->event_count;) {
        struct epoll_event *ev = &loop->events[loop->event_next++];
        struct pst_watch *watch = ev->data.ptr;
        if (watch) /* NULL: unwatched by an event before it */
            watch->on_event(watch, events_of(ev->events));
    }
    loop->event_next = loop->event_count = 0;
}

static void run_queue(struct pst_loop *loop)
{
    struct pst_list tasks;
    pst_list_take(&tasks, &loop->queue);
    while (!pst_list_is_empty(&tasks)) {
        struct pst_task *task = PST_CONTAINER(tasks.next, struct pst_task, node);
        pst_list_remove(&task->node);
        task->on_run(task);
    }
}

static void run_turn_hooks(struct pst_loop *loop)
{
    /* Put back before it runs, so that a hook may unqueue itself or any other: no place in a list is held
     * across the call. */
    struct pst_list hooks;
    pst_list_take(&hooks, &loop->turn_hooks);
    while (!pst_list_is_empty(&hooks)) {
        struct pst_task *task = PST_CONTAINER(hooks.next, struct pst_task, node);
        pst_list_remove(&task->node);
        pst_list_push_back(&loop->turn_hooks, &task->node);
        task->on_run(task);
    }
}

int pst_loop_turn(struct pst_loop *loop, int max_wait_ms)
{
    int count = epoll_wait(loop->epoll_fd, loop->events, EVENTS_PER_TURN, wait_ms(loop, max_wait_ms));
    if (count < 0) {
        if (errno != EINTR)
            return PST_E_SYSTEM;
        count = 0;
    }
    loop->turn++;
    read_clock(loop);
    hand_out_events(loop, count);
    pst_wheel_advance(&loop->wheel, loop->now_ms);
    run_queue(loop);
    run_turn_hooks(loop);
    return 0;
}

int pst_loop_run(struct pst_loop *loop)
{
    loop->is_stopped = false;
    while (!loop->is_stopped) {
        int err = pst_loop_turn(loop, -1);
        if (err)
            return err;
    }
    return 0;
}

void pst_loop_stop(struct pst_loop *loop)
{
    loop->is_stopped = true;
}
