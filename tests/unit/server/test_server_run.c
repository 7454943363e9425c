/* A running server: several workers, replies that come from other threads, stopping with something in flight,
 * the observer, and too many connections. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <poll.h>
#include <postern/postern.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/http_client.h"

/* ---- servers ---- */

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "hello");
}

static struct pst_server *new_server(void)
{
    struct pst_server *server = NULL;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.linger_ms = 50; /* some clients here never close */
    assert_int_equal(pst_server_new(&server), 0);
    assert_int_equal(pst_server_limits(server, &limits), 0);
    return server;
}

static struct pst_server *listening_server(void)
{
    struct pst_server *server = new_server();
    assert_int_equal(pst_server_handle(server, "GET /hello", on_hello, NULL), 0);
    assert_int_equal(pst_server_listen_http(server, "127.0.0.1:0"), 0);
    return server;
}

static void stop_and_free(struct pst_server *server)
{
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

/* ---- workers ---- */

struct locals {
    atomic_uint started, stopped;
    unsigned fail_at; /* the start that fails; 0: none */
};

static int on_worker_start(void *arg, void **ret_local)
{
    struct locals *l = arg;
    unsigned number = atomic_fetch_add(&l->started, 1) + 1;
    if (number == l->fail_at)
        return PST_E_NOENT;
    *ret_local = (void *)(uintptr_t)number;
    return 0;
}

static struct locals *stop_counts; /* on_worker_stop is not told the handler's arg */

static void on_worker_stop(void *local)
{
    assert_non_null(local);
    atomic_fetch_add(&stop_counts->stopped, 1);
}

static void on_who(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "%u", (unsigned)(uintptr_t)pst_exchange_local(ex));
}

static struct pst_server *server_of_workers(struct locals *locals, unsigned workers)
{
    struct pst_server *server = listening_server();
    struct pst_handler handler = {.on_request = on_who,
                                  .arg = locals,
                                  .on_worker_start = on_worker_start,
                                  .on_worker_stop = on_worker_stop};
    stop_counts = locals;
    assert_int_equal(pst_server_workers(server, workers), 0);
    assert_int_equal(pst_server_route(server, "GET /who", &handler), 0);
    return server;
}

static void test_server__two_workers__both_serve_with_their_own_state(void **state)
{
    (void)state;
    enum { CLIENTS = 60 };
    struct locals locals = {.fail_at = 0};
    struct pst_server *server = server_of_workers(&locals, 2);
    assert_int_equal(pst_server_start(server), 0);
    unsigned served[3] = {0};
    int fds[CLIENTS];
    for (size_t i = 0; i < CLIENTS; i++) {
        fds[i] = http_client_of(server);
        unsigned long who = strtoul(http_gets(fds[i], "/who"), NULL, 10);
        assert_in_range(who, 1, 2);
        served[who]++;
        assert_int_equal(strtoul(http_gets(fds[i], "/who"), NULL, 10), who); /* a connection stays with it */
    }
    assert_true(served[1] > 0 && served[2] > 0);
    stop_and_free(server);
    assert_int_equal(atomic_load(&locals.started), 2);
    assert_int_equal(atomic_load(&locals.stopped), 2);
    for (size_t i = 0; i < CLIENTS; i++)
        close(fds[i]);
}

static void test_server_start__a_worker_cannot_start__all_are_ended(void **state)
{
    (void)state;
    for (unsigned fail_at = 1; fail_at <= 3; fail_at++) {
        struct locals locals = {.fail_at = fail_at};
        struct pst_server *server = server_of_workers(&locals, 3);
        unsigned port = http_port_of(server, 0);
        assert_int_equal(pst_server_start(server), PST_E_NOENT);
        assert_non_null(strstr(pst_server_error(server), "cannot start"));
        assert_int_equal(atomic_load(&locals.stopped), fail_at - 1); /* what was started was stopped */
        assert_int_equal(pst_server_wait(server), PST_E_STATE);
        pst_server_free(server);
        assert_int_equal(http_connect(port), -1);
    }
}

/* ---- replies from other threads ---- */

/* A job that another thread does; shared by it and the exchange, whoever ends last frees it. All but done is
 * touched on the worker's thread only. */
struct job {
    struct pst_exchange *ex; /* NULL: has ended */
    struct pst_worker *worker;
    enum pst_end why;
};

/* The other thread: one job at a time, in the test's hand. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct job *job;
    unsigned ended; /* exchanges */
    enum pst_end why;
} desk = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void desk_put(struct job *job)
{
    pthread_mutex_lock(&desk.lock);
    desk.job = job;
    pthread_cond_broadcast(&desk.changed);
    pthread_mutex_unlock(&desk.lock);
}

static void wait_changed(void)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += HTTP_CLIENT_PATIENCE_S;
    assert_int_equal(pthread_cond_timedwait(&desk.changed, &desk.lock, &until), 0);
}

/* The job, once the handler has laid it down. */
static struct job *desk_take(void)
{
    pthread_mutex_lock(&desk.lock);
    while (!desk.job)
        wait_changed();
    struct job *job = desk.job;
    desk.job = NULL;
    pthread_mutex_unlock(&desk.lock);
    return job;
}

/* Until so many exchanges have ended: the cause of the last one. */
static enum pst_end desk_ended(unsigned count)
{
    pthread_mutex_lock(&desk.lock);
    while (desk.ended < count)
        wait_changed();
    enum pst_end why = desk.why;
    pthread_mutex_unlock(&desk.lock);
    return why;
}

static void on_job_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    struct job *job = arg;
    job->ex = NULL;
    job->why = why;
    pthread_mutex_lock(&desk.lock);
    desk.ended++;
    desk.why = why;
    pthread_cond_broadcast(&desk.changed);
    pthread_mutex_unlock(&desk.lock);
}

static void on_later(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct job *job = calloc(1, sizeof(*job));
    if (!job)
        abort();
    *job = (struct job){.ex = ex, .worker = pst_exchange_worker(ex)};
    pst_exchange_on_end(ex, on_job_end, job);
    desk_put(job);
}

/* On the worker's thread again. */
static void finish_job(void *arg)
{
    struct job *job = arg;
    if (job->ex)
        (void)pst_reply_printf(job->ex, "later");
}

static struct pst_server *server_with_desk(const struct pst_limits *limits)
{
    desk.ended = 0;
    desk.job = NULL;
    struct pst_server *server = listening_server();
    assert_int_equal(pst_server_handle(server, "GET /later", on_later, NULL), 0);
    if (limits)
        assert_int_equal(pst_server_limits(server, limits), 0);
    return server;
}

static void *post_job(void *arg)
{
    struct job *job = arg;
    if (pst_worker_post(job->worker, finish_job, job) != 0)
        abort();
    return NULL;
}

static void post_from_a_thread(struct job *job)
{
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, post_job, job), 0);
    pthread_join(thread, NULL);
}

static void test_worker_post__from_another_thread__completes_the_reply(void **state)
{
    (void)state;
    struct pst_server *server = server_with_desk(NULL);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server), other = http_client_of(server);
    for (unsigned i = 1; i <= 20; i++) {
        http_asks(fd, "/later");
        struct job *job = desk_take();
        assert_string_equal(http_gets(other, "/hello"), "hello"); /* nobody else waits for it */
        post_from_a_thread(job);
        assert_string_equal(http_body_of(http_answer(fd)), "later");
        assert_int_equal(desk_ended(i), PST_END_OK);
        free(job);
    }
    close(fd);
    close(other);
    stop_and_free(server);
}

static void test_worker_post__client_has_gone_meanwhile__on_end_came_first(void **state)
{
    (void)state;
    struct pst_server *server = server_with_desk(NULL);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    http_asks(fd, "/later");
    struct job *job = desk_take();
    http_reset(fd);
    assert_int_equal(desk_ended(1), PST_END_PEER_RESET);
    post_from_a_thread(job); /* runs, and sees that there is nothing left to reply to */
    fd = http_client_of(server);
    assert_string_equal(http_gets(fd, "/hello"), "hello");
    close(fd);
    stop_and_free(server);
    assert_null(job->ex);
    free(job);
}

/* Work that outlasts the server's run comes too late, and is told so: the worker is there until the server is
 * freed. */
static void test_worker_post__after_the_server_was_waited_for__refused(void **state)
{
    (void)state;
    struct pst_server *server = server_with_desk(NULL);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    http_asks(fd, "/later");
    struct job *job = desk_take();
    pst_server_stop(server);
    pst_server_stop(server); /* the request is cut */
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(pst_worker_post(job->worker, finish_job, job), PST_E_STATE);
    assert_int_equal(pst_server_wait(server), PST_E_STATE);
    pst_server_free(server);
    assert_null(job->ex);
    free(job);
    close(fd);
}

/* Posts from many threads while the server stops: each function runs once, or the post says that it will not.
 */
static atomic_uint runs;

static void count_run(void *arg)
{
    (void)arg;
    atomic_fetch_add(&runs, 1);
}

struct poster {
    pthread_t thread;
    struct pst_worker *worker;
    atomic_bool *must_stop;
    unsigned taken, refused;
};

static void *post_many(void *arg)
{
    struct poster *p = arg;
    while (!atomic_load(p->must_stop)) {
        int err = pst_worker_post(p->worker, count_run, NULL);
        p->taken += err == 0;
        p->refused += err == PST_E_STATE;
        if (err == PST_E_STATE)
            break;
    }
    return NULL;
}

static void test_worker_post__from_many_threads__every_function_runs_once(void **state)
{
    (void)state;
    struct pst_server *server = server_with_desk(NULL);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    http_asks(fd, "/later");
    struct job *job = desk_take();
    enum { POSTERS = 3 };
    atomic_bool must_stop = false;
    struct poster posters[POSTERS];
    atomic_store(&runs, 0);
    for (size_t i = 0; i < POSTERS; i++) {
        posters[i] = (struct poster){.worker = job->worker, .must_stop = &must_stop};
        assert_int_equal(pthread_create(&posters[i].thread, NULL, post_many, &posters[i]), 0);
    }
    while (atomic_load(&runs) < 1000)
        usleep(1000);
    atomic_store(&must_stop, true);
    unsigned taken = 0;
    for (size_t i = 0; i < POSTERS; i++) {
        pthread_join(posters[i].thread, NULL);
        taken += posters[i].taken;
        assert_int_equal(posters[i].refused, 0);
    }
    post_from_a_thread(job);
    assert_string_equal(http_body_of(http_answer(fd)), "later");
    close(fd);
    stop_and_free(server);
    assert_int_equal(atomic_load(&runs), taken);
    free(job);
}

/* ---- stopping with something in flight ---- */

static void test_server_stop__request_in_flight__is_finished_and_nobody_new_comes_in(void **state)
{
    (void)state;
    struct pst_server *server = server_with_desk(NULL);
    unsigned port = http_port_of(server, 0);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server), idle = http_client_of(server);
    assert_string_equal(http_gets(idle, "/hello"), "hello");
    http_asks(fd, "/later");
    struct job *job = desk_take();
    pst_server_stop(server);
    assert_string_equal(http_answer(idle), ""); /* closed: so the stop has arrived */
    assert_int_equal(http_connect(port), -1);
    post_from_a_thread(job);
    const char *got = http_answer(fd);
    assert_string_equal(http_body_of(got), "later");
    assert_non_null(strstr(got, "\r\nConnection: close\r\n"));
    assert_string_equal(http_answer(fd), "");
    close(fd);
    close(idle);
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(desk_ended(1), PST_END_OK);
    pst_server_free(server);
    free(job);
}

static void test_server_stop__twice__cuts_what_is_in_flight(void **state)
{
    (void)state;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.drain_ms = 3600000; /* it is not this that cuts */
    struct pst_server *server = server_with_desk(&limits);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    http_asks(fd, "/later");
    struct job *job = desk_take();
    pst_server_stop(server);
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(desk_ended(1), PST_END_STOPPED);
    assert_string_equal(http_answer(fd), "");
    close(fd);
    pst_server_free(server);
    free(job);
}

static void test_server_stop__drain_deadline__cuts_what_is_in_flight(void **state)
{
    (void)state;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.drain_ms = 50;
    struct pst_server *server = server_with_desk(&limits);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    http_asks(fd, "/later");
    struct job *job = desk_take();
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(desk_ended(1), PST_END_STOPPED);
    assert_string_equal(http_answer(fd), "");
    close(fd);
    pst_server_free(server);
    free(job);
}

/* ---- pst_server_run ---- */

static void *terminate_when_served(void *arg)
{
    struct pst_server *server = arg;
    sigset_t term;
    sigemptyset(&term);
    sigaddset(&term, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &term, NULL); /* it is for the thread that runs the server */
    int fd = http_connect(http_port_of(server, 0));
    char byte;
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    if (fd < 0 || send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL) < 0 || recv(fd, &byte, 1, 0) != 1)
        abort();
    kill(getpid(), SIGTERM);
    close(fd);
    return NULL;
}

static void test_server_run__sigterm__drains_and_returns(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    assert_int_equal(pst_server_workers(server, 2), 0);
    sigset_t before, after;
    pthread_sigmask(SIG_BLOCK, NULL, &before);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, terminate_when_served, server), 0);
    assert_int_equal(pst_server_run(server), 0);
    pthread_join(thread, NULL);
    pthread_sigmask(SIG_BLOCK, NULL, &after);
    assert_int_equal(sigismember(&after, SIGTERM), sigismember(&before, SIGTERM));
    pst_server_free(server);
}

/* ---- the observer ---- */

static struct {
    atomic_uint started, stopped, exchanges, events, traces, turn_ends;
    atomic_int status;
} observed;

static int observer_start(void *arg, void **ret_local)
{
    assert_ptr_equal(arg, &observed);
    atomic_fetch_add(&observed.started, 1);
    *ret_local = &observed.exchanges;
    return 0;
}

static void observer_stop(void *local)
{
    assert_ptr_equal(local, &observed.exchanges);
    atomic_fetch_add(&observed.stopped, 1);
}

static void observe_exchange(const struct pst_log_entry *entry, void *local)
{
    if (local != &observed.exchanges || !pst_slice_eq(pst_exchange_method(entry->exchange), PST_SLICE("GET")))
        abort();
    atomic_store(&observed.status, entry->status);
    atomic_fetch_add(&observed.exchanges, 1);
}

static void observe_event(const struct pst_event_entry *entry, void *local)
{
    (void)entry;
    (void)local;
    atomic_fetch_add(&observed.events, 1);
}

static void observe_trace(const struct pst_trace_entry *entry, void *local)
{
    (void)local;
    if (entry->connection == 0 || entry->len == 0 || strcmp(entry->peer.address, "127.0.0.1") != 0)
        abort();
    atomic_fetch_add(&observed.traces, 1);
}

static void observe_turn_end(void *local)
{
    (void)local;
    atomic_fetch_add(&observed.turn_ends, 1);
}

static void test_server_observe__exchanges_events_traces__told_to_each_workers_own(void **state)
{
    (void)state;
    memset(&observed, 0, sizeof(observed));
    struct pst_server *server = listening_server();
    const struct pst_observer observer = {.on_exchange = observe_exchange,
                                          .on_trace = observe_trace,
                                          .on_event = observe_event,
                                          .on_turn_end = observe_turn_end,
                                          .arg = &observed,
                                          .on_worker_start = observer_start,
                                          .on_worker_stop = observer_stop};
    assert_int_equal(pst_server_observe(server, &observer), 0);
    assert_int_equal(pst_server_workers(server, 2), 0);
    assert_int_equal(pst_server_start(server), 0);
    int fd = http_client_of(server);
    assert_string_equal(http_gets(fd, "/hello"), "hello");
    http_gets(fd, "/none");
    http_asks(fd, "/hello"); /* cut before the answer is read, maybe before it is sent */
    http_reset(fd);
    stop_and_free(server);
    assert_in_range(atomic_load(&observed.exchanges), 2, 3);
    assert_true(atomic_load(&observed.traces) >= 4);
    assert_true(atomic_load(&observed.turn_ends) >= 2);
    assert_int_equal(atomic_load(&observed.started), 2);
    assert_int_equal(atomic_load(&observed.stopped), 2);
}

/* ---- too many ---- */

static void test_server_limits__connections__further_ones_wait_their_turn(void **state)
{
    (void)state;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.connections = 2;
    struct pst_server *server = server_with_desk(&limits);
    assert_int_equal(pst_server_start(server), 0);
    int a = http_client_of(server), b = http_client_of(server);
    assert_string_equal(http_gets(a, "/hello"), "hello");
    assert_string_equal(http_gets(b, "/hello"), "hello");
    int c = http_client_of(server); /* the kernel's queue has it */
    http_asks(c, "/hello");
    struct pollfd p = {.fd = c, .events = POLLIN};
    assert_int_equal(poll(&p, 1, 100), 0);
    close(a);
    assert_string_equal(http_body_of(http_answer(c)), "hello");
    close(b);
    close(c);
    stop_and_free(server);
}

/* No descriptors: the server goes on with what it has, and takes the waiting ones once there are some. */
static void test_server__out_of_descriptors__recovers(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    assert_int_equal(pst_server_start(server), 0);
    int old = http_client_of(server);
    assert_string_equal(http_gets(old, "/hello"), "hello");
    int waiting = http_client_of(server), probe = dup(old);
    assert_string_equal(http_gets(waiting, "/hello"), "hello");
    close(waiting);
    waiting = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 1, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)http_port_of(server, 0))};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int connected = connect(waiting, (struct sockaddr *)&in, sizeof(in));
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: h\r\n\r\n";
    ssize_t sent = send(waiting, request, sizeof(request) - 1, MSG_NOSIGNAL);
    struct pollfd p = {.fd = waiting, .events = POLLIN};
    int early = poll(&p, 1, 250); /* some retries long */
    const char *body = http_gets(old, "/hello");
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(connected, 0);
    assert_int_equal(sent, sizeof(request) - 1);
    assert_int_equal(early, 0);
    assert_string_equal(body, "hello");
    assert_string_equal(http_body_of(http_answer(waiting)), "hello");
    close(old);
    close(probe);
    close(waiting);
    stop_and_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server__two_workers__both_serve_with_their_own_state),
        cmocka_unit_test(test_server_start__a_worker_cannot_start__all_are_ended),
        cmocka_unit_test(test_worker_post__from_another_thread__completes_the_reply),
        cmocka_unit_test(test_worker_post__client_has_gone_meanwhile__on_end_came_first),
        cmocka_unit_test(test_worker_post__after_the_server_was_waited_for__refused),
        cmocka_unit_test(test_worker_post__from_many_threads__every_function_runs_once),
        cmocka_unit_test(test_server_stop__request_in_flight__is_finished_and_nobody_new_comes_in),
        cmocka_unit_test(test_server_stop__twice__cuts_what_is_in_flight),
        cmocka_unit_test(test_server_stop__drain_deadline__cuts_what_is_in_flight),
        cmocka_unit_test(test_server_run__sigterm__drains_and_returns),
        cmocka_unit_test(test_server_observe__exchanges_events_traces__told_to_each_workers_own),
        cmocka_unit_test(test_server_limits__connections__further_ones_wait_their_turn),
        cmocka_unit_test(test_server__out_of_descriptors__recovers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
