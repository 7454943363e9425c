/* The event loop: edges, the order of one turn, what may be taken back from within callbacks, and threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "loop/loop.h"
#include "postern/err.h"
#include "support/fake_clock.h"

static struct pst_loop *new_loop(void)
{
    struct pst_loop *loop = NULL;
    assert_int_equal(pst_loop_new(&loop, &pst_clock_system), 0);
    return loop;
}

static void turn(struct pst_loop *loop)
{
    assert_int_equal(pst_loop_turn(loop, 0), 0);
}

/* Whichever of its descriptors cannot be had, the others are given back. */
static void test_loop_new__out_of_descriptors__system_error_and_none_left_open(void **state)
{
    (void)state;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    int first = fcntl(0, F_DUPFD_CLOEXEC, 3); /* the lowest one that is free */
    assert_true(first >= 3);
    close(first);
    int err = PST_E_SYSTEM;
    for (int more = 0; err; more++) {
        assert_true(more < 16);
        struct rlimit few = {.rlim_cur = (rlim_t)(first + more), .rlim_max = before.rlim_max};
        struct pst_loop *loop = NULL;
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
        err = pst_loop_new(&loop, &pst_clock_system);
        assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
        assert_true(err == 0 || err == PST_E_SYSTEM);
        pst_loop_free(loop);
        int again = fcntl(0, F_DUPFD_CLOEXEC, 3);
        assert_int_equal(again, first);
        close(again);
    }
}

/* ---- watches ---- */

/* One end of a socket pair under watch, the other in the test's hand. */
struct seen {
    struct pst_watch watch;
    int peer;
    unsigned events, count;
    struct pst_loop *loop;
    struct seen *other; /* to be unwatched from within the event */
};

static void on_seen(struct pst_watch *watch, unsigned events)
{
    struct seen *s = PST_CONTAINER(watch, struct seen, watch);
    s->events |= events;
    s->count++;
    if (s->other)
        pst_loop_unwatch(s->loop, &s->other->watch);
}

static void seen_init(struct seen *s, struct pst_loop *loop)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    *s = (struct seen){.watch = {fds[0], on_seen}, .peer = fds[1], .loop = loop};
    assert_int_equal(pst_loop_watch(loop, &s->watch), 0);
}

static void seen_fini(struct seen *s)
{
    pst_loop_unwatch(s->loop, &s->watch);
    close(s->watch.fd);
    if (s->peer >= 0)
        close(s->peer);
}

/* The events since the last call. */
static unsigned take_events(struct seen *s)
{
    s->events = 0;
    turn(s->loop);
    return s->events;
}

static void test_loop_watch__socketpair__each_edge_is_told_once(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct seen s;
    seen_init(&s, loop);
    assert_int_equal(take_events(&s), PST_EV_WR); /* what is ready already */
    assert_int_equal(take_events(&s), 0);

    assert_int_equal(write(s.peer, "a", 1), 1);
    assert_true(take_events(&s) & PST_EV_RD);
    assert_int_equal(take_events(&s), 0); /* not read, and not told again */
    assert_int_equal(write(s.peer, "b", 1), 1);
    assert_true(take_events(&s) & PST_EV_RD);

    /* Room again after it was full. */
    static const char block[65536];
    while (write(s.watch.fd, block, sizeof(block)) > 0)
        ;
    assert_int_equal(take_events(&s) & PST_EV_WR, 0);
    static char sink[65536];
    while (read(s.peer, sink, sizeof(sink)) > 0)
        ;
    assert_true(take_events(&s) & PST_EV_WR);

    assert_int_equal(shutdown(s.peer, SHUT_WR), 0);
    unsigned events = take_events(&s);
    assert_true(events & PST_EV_RDHUP);
    assert_false(events & PST_EV_ERR);
    close(s.peer);
    s.peer = -1;
    assert_true(take_events(&s) & PST_EV_ERR);
    assert_int_equal(take_events(&s), 0);
    seen_fini(&s);
    pst_loop_free(loop);
}

static void test_loop_watch__same_descriptor_twice_or_a_bad_one__error(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct seen s;
    seen_init(&s, loop);
    struct pst_watch again = {s.watch.fd, on_seen}, bad = {-1, on_seen};
    assert_int_equal(pst_loop_watch(loop, &again), PST_E_SYSTEM);
    assert_int_equal(pst_loop_watch(loop, &bad), PST_E_SYSTEM);
    pst_loop_unwatch(loop, &bad); /* harmless */
    seen_fini(&s);
    pst_loop_free(loop);
}

/* Whichever of the two comes first takes the other away, whose event is in the loop's hands already. */
static void test_loop_unwatch__from_within_the_turn__drops_its_event(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct seen a, b;
    seen_init(&a, loop);
    seen_init(&b, loop);
    a.other = &b;
    b.other = &a;
    turn(loop);
    assert_int_equal(a.count + b.count, 1);
    turn(loop);
    assert_int_equal(a.count + b.count, 1);
    seen_fini(&a);
    seen_fini(&b);
    pst_loop_free(loop);
}

/* A connection that ends frees its watch within its own event, or another's. */
struct short_lived {
    struct pst_watch watch;
    struct pst_loop *loop;
    struct short_lived **all;
    size_t count;
};

static void end_short_lived(struct short_lived *s)
{
    pst_loop_unwatch(s->loop, &s->watch);
    close(s->watch.fd);
    free(s);
}

static void on_short_lived(struct pst_watch *watch, unsigned events)
{
    (void)events;
    struct short_lived *self = PST_CONTAINER(watch, struct short_lived, watch), **all = self->all;
    size_t count = self->count;
    for (size_t i = 0; i < count; i++) {
        if (all[i])
            end_short_lived(all[i]);
        all[i] = NULL;
    }
}

static void test_loop_unwatch__all_watches_freed_within_one_event__none_is_touched(void **state)
{
    (void)state;
    enum { MANY = 20 };
    struct pst_loop *loop = new_loop();
    struct short_lived *all[MANY];
    int peers[MANY];
    for (size_t i = 0; i < MANY; i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
        all[i] = calloc(1, sizeof(*all[i]));
        assert_non_null(all[i]);
        *all[i] = (struct short_lived){{fds[0], on_short_lived}, loop, all, MANY};
        peers[i] = fds[1];
        assert_int_equal(pst_loop_watch(loop, &all[i]->watch), 0);
    }
    turn(loop);
    for (size_t i = 0; i < MANY; i++) {
        assert_null(all[i]);
        close(peers[i]);
    }
    pst_loop_free(loop);
}

/* More than one call of epoll_wait gives. */
static void test_loop_turn__more_events_than_fit_in_one_turn__all_are_told(void **state)
{
    (void)state;
    enum { MANY = 300 };
    struct pst_loop *loop = new_loop();
    static struct seen all[MANY];
    for (size_t i = 0; i < MANY; i++)
        seen_init(&all[i], loop);
    for (int i = 0; i < 3; i++)
        turn(loop);
    for (size_t i = 0; i < MANY; i++) {
        assert_int_equal(all[i].count, 1);
        seen_fini(&all[i]);
    }
    pst_loop_free(loop);
}

/* ---- tasks ---- */

static char order[64]; /* what ran, a letter each */

struct job {
    struct pst_task task;
    struct pst_loop *loop;
    char letter;
    struct job *queues, *unqueues, *hooks;
};

static void on_job(struct pst_task *task)
{
    struct job *j = PST_CONTAINER(task, struct job, task);
    size_t len = strlen(order);
    assert_true(len + 1 < sizeof(order)); /* it has not run away */
    order[len] = j->letter;
    order[len + 1] = '\0';
    if (j->queues)
        pst_loop_queue(j->loop, &j->queues->task);
    if (j->unqueues)
        pst_loop_unqueue(&j->unqueues->task);
    if (j->hooks)
        pst_loop_every_turn(j->loop, &j->hooks->task);
}

static void job_init(struct job *j, struct pst_loop *loop, char letter)
{
    *j = (struct job){.loop = loop, .letter = letter};
    pst_task_init(&j->task, on_job);
}

static const char *ran(struct pst_loop *loop)
{
    order[0] = '\0';
    turn(loop);
    return order;
}

static void test_loop_queue__tasks__run_once_in_order(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job a, b, c;
    job_init(&a, loop, 'a');
    job_init(&b, loop, 'b');
    job_init(&c, loop, 'c');
    pst_loop_queue(loop, &a.task);
    pst_loop_queue(loop, &b.task);
    pst_loop_queue(loop, &c.task);
    pst_loop_queue(loop, &a.task); /* stays where it is */
    assert_string_equal(ran(loop), "abc");
    assert_string_equal(ran(loop), "");
    pst_loop_queue(loop, &a.task);
    pst_loop_queue(loop, &b.task);
    pst_loop_unqueue(&a.task);
    pst_loop_unqueue(&c.task);
    assert_string_equal(ran(loop), "b");
    pst_loop_free(loop);
}

static void test_loop_queue__from_within_a_task__runs_in_the_next_turn(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job a, b;
    job_init(&a, loop, 'a');
    job_init(&b, loop, 'b');
    a.queues = &a; /* itself: once a turn, so that others get theirs */
    b.queues = &b;
    pst_loop_queue(loop, &a.task);
    pst_loop_queue(loop, &b.task);
    assert_string_equal(ran(loop), "ab");
    assert_string_equal(ran(loop), "ab");
    a.queues = b.queues = NULL;
    assert_string_equal(ran(loop), "ab");
    assert_string_equal(ran(loop), "");
    pst_loop_free(loop);
}

static void test_loop_unqueue__from_within_a_task__the_other_does_not_run(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job a, b, c;
    job_init(&a, loop, 'a');
    job_init(&b, loop, 'b');
    job_init(&c, loop, 'c');
    a.unqueues = &b;
    pst_loop_queue(loop, &a.task);
    pst_loop_queue(loop, &b.task);
    pst_loop_queue(loop, &c.task);
    assert_string_equal(ran(loop), "ac");
    pst_loop_free(loop);
}

/* A queued task keeps the loop from sleeping. */
static void test_loop_turn__task_is_queued__does_not_wait(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job a;
    turn(loop); /* the mailbox's own first edge */
    job_init(&a, loop, 'a');
    pst_loop_queue(loop, &a.task);
    order[0] = '\0';
    assert_int_equal(pst_loop_turn(loop, -1), 0); /* would wait for ever otherwise */
    assert_string_equal(order, "a");
    pst_loop_free(loop);
}

static void test_loop_every_turn__hooks__run_last_until_unqueued(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job a, h, i;
    job_init(&a, loop, 'a');
    job_init(&h, loop, 'h');
    job_init(&i, loop, 'i');
    pst_loop_every_turn(loop, &h.task);
    pst_loop_every_turn(loop, &i.task);
    pst_loop_queue(loop, &a.task);
    assert_string_equal(ran(loop), "ahi");
    assert_string_equal(ran(loop), "hi");
    pst_loop_unqueue(&h.task);
    assert_string_equal(ran(loop), "i");
    pst_loop_unqueue(&i.task);
    assert_string_equal(ran(loop), "");
    pst_loop_free(loop);
}

static void test_loop_every_turn__hooks_that_change_hooks__the_others_run_once(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct job h[4];
    for (size_t i = 0; i < 4; i++) {
        job_init(&h[i], loop, (char)('h' + i));
        if (i < 3)
            pst_loop_every_turn(loop, &h[i].task);
    }
    h[0].unqueues = &h[1]; /* the very next one */
    assert_string_equal(ran(loop), "hj");
    assert_string_equal(ran(loop), "hj");
    h[0].unqueues = &h[0];
    assert_string_equal(ran(loop), "hj");
    assert_string_equal(ran(loop), "j");
    h[2].hooks = &h[3];
    h[2].unqueues = &h[2];
    assert_string_equal(ran(loop), "j"); /* the new one begins with the next turn */
    assert_string_equal(ran(loop), "k");
    pst_loop_unqueue(&h[3].task);
    pst_loop_free(loop);
}

/* ---- time ---- */

static void test_loop_now__within_a_turn__stands_still(void **state)
{
    (void)state;
    struct pst_fake_clock clock;
    struct pst_loop *loop;
    pst_fake_clock_init(&clock);
    assert_int_equal(pst_loop_new(&loop, &clock.clock), 0);
    uint64_t begin = pst_loop_now_ms(loop), number = pst_loop_turn_number(loop);
    assert_int_equal(begin, clock.now_us / 1000);
    assert_int_equal(pst_loop_unix_time(loop), 784111777);
    pst_fake_clock_advance(&clock, 2500000);
    assert_int_equal(pst_loop_now_ms(loop), begin);
    assert_int_equal(pst_loop_unix_time(loop), 784111777);
    assert_int_equal(pst_loop_fresh_us(loop), clock.now_us);
    turn(loop);
    assert_int_equal(pst_loop_now_ms(loop), begin + 2500);
    assert_int_equal(pst_loop_unix_time(loop), 784111779);
    assert_int_equal(pst_loop_turn_number(loop), number + 1);
    pst_loop_free(loop);
}

struct alarm {
    struct pst_timer timer;
    bool is_fired;
};

static void on_alarm(struct pst_timer *timer)
{
    PST_CONTAINER(timer, struct alarm, timer)->is_fired = true;
}

/* On the machine's own clock: the loop sleeps, wakes when the timer is due, and turns no more than it must.
 */
static void test_loop_turn__timers__fire_in_time_without_spinning(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    for (uint64_t ms = 0; ms < 40; ms += 3) {
        struct alarm a = {.is_fired = false};
        pst_timer_init(&a.timer, on_alarm);
        uint64_t deadline = pst_loop_fresh_us(loop) / 1000 + ms;
        pst_loop_set_timer(loop, &a.timer, deadline);
        unsigned turns = 0;
        for (; !a.is_fired; turns++)
            assert_int_equal(pst_loop_turn(loop, -1), 0);
        assert_true(pst_loop_now_ms(loop) >= deadline);
        if (turns > 3)
            fail_msg("%u turns for a timer of %d ms", turns, (int)ms);
    }
    struct alarm cleared = {.is_fired = false};
    pst_timer_init(&cleared.timer, on_alarm);
    pst_loop_set_timer(loop, &cleared.timer, pst_loop_now_ms(loop) + 8);
    pst_loop_clear_timer(loop, &cleared.timer);
    assert_int_equal(pst_loop_turn(loop, 20), 0);
    assert_int_equal(pst_loop_turn(loop, 20), 0);
    assert_false(cleared.is_fired);
    pst_loop_free(loop);
}

static void ignore_signal(int number)
{
    (void)number;
}

static void test_loop_turn__interrupted_by_a_signal__is_a_turn(void **state)
{
    (void)state;
    struct sigaction action = {.sa_handler = ignore_signal}, before;
    assert_int_equal(sigaction(SIGALRM, &action, &before), 0);
    struct pst_loop *loop = new_loop();
    turn(loop); /* the mailbox's own first edge */
    struct itimerval soon = {.it_value = {.tv_usec = 20000}};
    assert_int_equal(setitimer(ITIMER_REAL, &soon, NULL), 0);
    assert_int_equal(pst_loop_turn(loop, 10000), 0);
    pst_loop_free(loop);
    sigaction(SIGALRM, &before, NULL);
}

/* ---- threads ---- */

enum { THREADS = 3, LETTERS = 500 };

struct posted {
    struct pst_letter letter;
    struct pst_loop *loop;
};

static unsigned arrived; /* on the loop's thread only */

static void on_posted(struct pst_letter *letter)
{
    struct posted *p = PST_CONTAINER(letter, struct posted, letter);
    if (++arrived == THREADS * LETTERS)
        pst_loop_stop(p->loop);
    free(p);
}

static void *post_all(void *arg)
{
    for (int i = 0; i < LETTERS; i++) {
        struct posted *p = calloc(1, sizeof(*p));
        if (!p)
            abort();
        *p = (struct posted){{.on_receive = on_posted}, arg};
        if (pst_loop_post(p->loop, &p->letter) != 0)
            abort();
    }
    return NULL;
}

static void test_loop_post__from_threads__wakes_a_sleeping_loop(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    arrived = 0;
    pthread_t threads[THREADS];
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, post_all, loop), 0);
    assert_int_equal(pst_loop_run(loop), 0);
    assert_int_equal(arrived, THREADS * LETTERS);
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    pst_loop_close_mailbox(loop);
    struct pst_letter letter = {.on_receive = on_posted};
    assert_int_equal(pst_loop_post(loop, &letter), PST_E_STATE);
    pst_loop_free(loop);
}

static void stop_loop(struct pst_letter *letter)
{
    pst_loop_stop(PST_CONTAINER(letter, struct posted, letter)->loop);
}

static void test_loop_run__stopped__can_run_again(void **state)
{
    (void)state;
    struct pst_loop *loop = new_loop();
    struct posted p = {{.on_receive = stop_loop}, loop};
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pst_loop_post(loop, &p.letter), 0);
        assert_int_equal(pst_loop_run(loop), 0);
    }
    pst_loop_free(loop);
    pst_loop_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_loop_new__out_of_descriptors__system_error_and_none_left_open),
        cmocka_unit_test(test_loop_watch__socketpair__each_edge_is_told_once),
        cmocka_unit_test(test_loop_watch__same_descriptor_twice_or_a_bad_one__error),
        cmocka_unit_test(test_loop_unwatch__from_within_the_turn__drops_its_event),
        cmocka_unit_test(test_loop_unwatch__all_watches_freed_within_one_event__none_is_touched),
        cmocka_unit_test(test_loop_turn__more_events_than_fit_in_one_turn__all_are_told),
        cmocka_unit_test(test_loop_queue__tasks__run_once_in_order),
        cmocka_unit_test(test_loop_queue__from_within_a_task__runs_in_the_next_turn),
        cmocka_unit_test(test_loop_unqueue__from_within_a_task__the_other_does_not_run),
        cmocka_unit_test(test_loop_turn__task_is_queued__does_not_wait),
        cmocka_unit_test(test_loop_every_turn__hooks__run_last_until_unqueued),
        cmocka_unit_test(test_loop_every_turn__hooks_that_change_hooks__the_others_run_once),
        cmocka_unit_test(test_loop_now__within_a_turn__stands_still),
        cmocka_unit_test(test_loop_turn__timers__fire_in_time_without_spinning),
        cmocka_unit_test(test_loop_turn__interrupted_by_a_signal__is_a_turn),
        cmocka_unit_test(test_loop_post__from_threads__wakes_a_sleeping_loop),
        cmocka_unit_test(test_loop_run__stopped__can_run_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
