/* worker.c - one thread: its listeners, loop, connections, TLS context. Workers share nothing that changes.
 */
#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/internal.h"
#include "server/server.h"
#include "transport/tcp.h"

/* Connections accepted from one listener in one turn; the rest wait for the next, so that a burst of new ones
 * does not hold up those that are being served. */
enum { ACCEPTS_PER_TURN = 64 };
/* After descriptors or memory ran out, accepting is tried again after this time, or when a connection has
 * ended. */
enum { ACCEPT_RETRY_MS = 100 };

/* ---- accepting ---- */

static void serve(struct pst_worker_door *door, int fd, const struct sockaddr_storage *peer,
                  socklen_t peer_len)
{
    struct pst_worker *worker = door->worker;
    struct pst_transport *transport;
    if (door->is_secure &&
        !pst_driver_may_handshake(&worker->driver, pst_socket_network((const struct sockaddr *)peer))) {
        close(fd); /* before anything is spent on it */
        return;
    }
    /* Its first request is read at once, and may have been caused by a reply of this very turn. */
    pst_loop_new_turn_number(worker->loop);
    const struct sockaddr *addr = (const struct sockaddr *)peer;
    int err = door->is_secure ? pst_tls_new(&transport, worker->tls, &worker->pools, fd, addr, peer_len)
                              : pst_tcp_new_batched(&transport, worker->sends, fd, addr, peer_len);
    struct pst_counters *counters = &worker->env.counters;
    pst_count(door->is_secure ? &counters->connections_tls : &counters->connections_plain, 1);
    if (err == 0)
        err = pst_connection_open(&worker->driver, transport, NULL);
    if (err) /* it was closed: out of memory; the client may try again */
        pst_count(&counters->connections_ended, 1);
}

static bool has_room(const struct pst_worker *worker)
{
    return worker->driver.count < worker->server->limits.connections;
}

/* False: the door waits for an edge, for room, or for the retry timer. */
static bool accept_one(struct pst_worker_door *door)
{
    struct pst_worker *worker = door->worker;
    if (!has_room(worker) && !pst_driver_make_room(&worker->driver)) {
        door->is_waiting = true; /* further ones wait in the kernel's queue */
        return false;
    }
    int fd;
    struct sockaddr_storage peer;
    socklen_t peer_len;
    switch (pst_listen_accept(door->watch.fd, &fd, &peer, &peer_len)) {
    case PST_ACCEPT_OK:
        serve(door, fd, &peer, peer_len);
        return true;
    case PST_ACCEPT_AGAIN:
        return true;
    case PST_ACCEPT_FULL:
        door->is_waiting = true;
        pst_loop_set_timer(worker->loop, &worker->retry_timer,
                           pst_loop_now_ms(worker->loop) + ACCEPT_RETRY_MS);
        return false;
    case PST_ACCEPT_EMPTY:
    case PST_ACCEPT_BROKEN:
        break;
    }
    return false;
}

static void accept_some(struct pst_worker_door *door)
{
    for (int i = 0; i < ACCEPTS_PER_TURN; i++)
        if (!accept_one(door))
            return;
    pst_loop_queue(door->worker->loop, &door->task);
}

static void on_listener(struct pst_watch *watch, unsigned events)
{
    (void)events;
    accept_some(PST_CONTAINER(watch, struct pst_worker_door, watch));
}

static void on_accept_task(struct pst_task *task)
{
    accept_some(PST_CONTAINER(task, struct pst_worker_door, task));
}

/* Queued, not called: the caller may be deep in a connection that is just ending. */
static void accept_again(struct pst_worker *worker)
{
    for (size_t i = 0; i < worker->door_count; i++) {
        struct pst_worker_door *door = &worker->doors[i];
        if (door->is_waiting && door->watch.fd >= 0) {
            door->is_waiting = false;
            pst_loop_queue(worker->loop, &door->task);
        }
    }
}

static void on_retry(struct pst_timer *timer)
{
    accept_again(PST_CONTAINER(timer, struct pst_worker, retry_timer));
}

static void close_doors(struct pst_worker *worker)
{
    for (size_t i = 0; i < worker->door_count; i++) {
        struct pst_worker_door *door = &worker->doors[i];
        if (door->watch.fd < 0)
            continue;
        pst_loop_unqueue(&door->task);
        pst_loop_unwatch(worker->loop, &door->watch);
        close(door->watch.fd);
        door->watch.fd = -1;
    }
}

/* ---- stopping ---- */

static void stop_when_empty(struct pst_worker *worker)
{
    if (worker->is_draining && worker->driver.count == 0 && worker->jobs.open == 0)
        pst_loop_stop(worker->loop);
}

static void on_jobs_idle(struct pst_jobs *jobs)
{
    stop_when_empty(PST_CONTAINER(jobs, struct pst_worker, jobs));
}

static void on_drain_deadline(struct pst_timer *timer)
{
    struct pst_worker *worker = PST_CONTAINER(timer, struct pst_worker, drain_timer);
    pst_driver_abort(&worker->driver);
    stop_when_empty(worker);
}

static void begin_drain(struct pst_worker *worker)
{
    /* Who is in the queue already has connected in good faith: accepted, and drained like the others. */
    for (size_t i = 0; i < worker->door_count; i++)
        while (accept_one(&worker->doors[i]))
            ;
    close_doors(worker);
    worker->is_draining = true;
    pst_driver_drain(&worker->driver);
    pst_loop_set_timer(worker->loop, &worker->drain_timer,
                       pst_loop_now_ms(worker->loop) + worker->server->limits.drain_ms);
    stop_when_empty(worker);
}

static void on_stop(struct pst_watch *watch, unsigned events)
{
    struct pst_worker *worker = PST_CONTAINER(watch, struct pst_worker, stop_watch);
    if (!(events & PST_EV_RD))
        return; /* an eventfd is always writable */
    if (!worker->is_draining)
        begin_drain(worker);
    if (atomic_load(&worker->server->stop_count) > 1) /* asked a second time: no more patience */
        on_drain_deadline(&worker->drain_timer);
}

static void on_closed(struct pst_driver *driver)
{
    struct pst_worker *worker = driver->arg;
    pst_count(&worker->env.counters.connections_ended, 1);
    accept_again(worker);
    stop_when_empty(worker);
}

/* ---- reports ---- */

static void on_exchange(struct pst_http_env *env, const struct pst_log_entry *entry)
{
    struct pst_worker *worker = PST_CONTAINER(env, struct pst_worker, env);
    worker->is_observed = true;
    worker->server->observer.on_exchange(entry, worker->observer_local);
}

static void on_trace(struct pst_driver *driver, const struct pst_trace_entry *entry)
{
    struct pst_worker *worker = driver->arg;
    worker->is_observed = true;
    worker->server->observer.on_trace(entry, worker->observer_local);
}

static void on_event(struct pst_driver *driver, const struct pst_event_entry *entry)
{
    struct pst_worker *worker = driver->arg;
    worker->is_observed = true;
    worker->server->observer.on_event(entry, worker->observer_local);
}

struct notice {
    struct pst_letter letter;
    struct pst_worker *worker;
    char text[512];
};

static void on_notice(struct pst_letter *letter)
{
    struct notice *notice = PST_CONTAINER(letter, struct notice, letter);
    struct pst_worker *worker = notice->worker;
    worker->is_observed = true;
    worker->server->observer.on_notice(notice->text, worker->observer_local);
    free(notice);
}

void pst_server_notice(struct pst_server *server, const char *format, ...)
{
    struct notice *notice = server->observer.on_notice ? malloc(sizeof(*notice)) : NULL;
    if (!notice)
        return;
    *notice = (struct notice){.letter.on_receive = on_notice, .worker = &server->workers[0]};
    va_list args;
    va_start(args, format);
    (void)vsnprintf(notice->text, sizeof(notice->text), format, args);
    va_end(args);
    if (pst_loop_post(notice->worker->loop, &notice->letter) != 0)
        free(notice);
}

static void on_turn_end(struct pst_task *task)
{
    struct pst_worker *worker = PST_CONTAINER(task, struct pst_worker, turn_task);
    if (worker->is_observed)
        worker->server->observer.on_turn_end(worker->observer_local);
    worker->is_observed = false;
}

static int init_observer(struct pst_worker *worker)
{
    const struct pst_observer *observer = &worker->server->observer;
    worker->observer_local = observer->arg;
    if (observer->on_worker_start) {
        int err = observer->on_worker_start(observer->arg, &worker->observer_local);
        if (err)
            return err;
    }
    worker->is_observer_started = true;
    if (observer->on_exchange)
        worker->env.on_exchange = on_exchange;
    if (observer->on_trace)
        worker->driver.on_trace = on_trace;
    if (observer->on_event)
        worker->driver.on_event = on_event;
    if (observer->on_turn_end)
        pst_loop_every_turn(worker->loop, &worker->turn_task);
    return 0;
}

/* ---- making and ending ---- */

static int init_doors(struct pst_worker *worker)
{
    struct pst_server *server = worker->server;
    worker->doors = calloc(server->door_count ? server->door_count : 1, sizeof(*worker->doors));
    if (!worker->doors)
        return PST_E_NOMEM;
    for (size_t i = 0; i < server->door_count; i++) {
        struct pst_door *from = &server->doors[i];
        struct pst_worker_door *door = &worker->doors[i];
        *door = (struct pst_worker_door){.worker = worker, .is_secure = from->is_secure};
        pst_task_init(&door->task, on_accept_task);
        door->watch = (struct pst_watch){-1, on_listener};
        worker->door_count = i + 1;
        int err = 0;
        if (worker->number == 0) {
            door->watch.fd = from->fd;
            from->fd = -1;
        } else {
            err = pst_listen_open(&from->addr, server->workers[0].doors[i].watch.fd, &door->watch.fd);
        }
        if (err == 0)
            err = pst_loop_watch(worker->loop, &door->watch);
        if (err)
            return err;
    }
    return 0;
}

static int init_locals(struct pst_worker *worker)
{
    const struct pst_router *router = worker->server->router;
    size_t count = pst_router_count(router);
    worker->locals = calloc(count ? count : 1, sizeof(*worker->locals));
    if (!worker->locals)
        return PST_E_NOMEM;
    worker->env.locals = worker->locals;
    for (size_t i = 0; i < count; i++) {
        const struct pst_handler *handler = &pst_router_at(router, i)->handler;
        int err = handler->on_worker_start ? handler->on_worker_start(handler->arg, &worker->locals[i]) : 0;
        if (err)
            return err;
        worker->locals_started = i + 1;
    }
    return 0;
}

static int init_tls(struct pst_worker *worker)
{
    struct pst_server *server = worker->server;
    if (!server->start_sets)
        return 0;
    char line[256];
    int err = pst_tls_ctx_new(&worker->tls, server->start_sets[worker->number], line, sizeof(line));
    /* The context's alone from here on: its count is the worker's thread's. */
    pst_tls_certs_unref(server->start_sets[worker->number]);
    server->start_sets[worker->number] = NULL;
    if (!err && server->policy == PST_TLS_MODERN)
        pst_tls_ctx_versions(worker->tls, PST_TLS_13_ONLY);
    if (!err && server->tickets)
        err = pst_tls_ctx_set_tickets(worker->tls, server->tickets);
    return err;
}

int pst_worker_init(struct pst_worker *worker, struct pst_server *server, unsigned number)
{
    memset(worker, 0, sizeof(*worker));
    worker->server = server;
    worker->number = number;
    pst_pools_init(&worker->pools);
    pst_timer_init(&worker->retry_timer, on_retry);
    pst_timer_init(&worker->drain_timer, on_drain_deadline);
    pst_task_init(&worker->turn_task, on_turn_end);
    int err = pst_loop_new(&worker->loop, &pst_clock_system);
    if (err)
        return err;
    err = pst_jobs_init(&worker->jobs, worker->loop, server->offload);
    if (err)
        return err;
    worker->has_jobs = true;
    worker->jobs.on_idle = on_jobs_idle;
    pst_http_env_init(&worker->env, &server->limits, server->router, worker->loop, &worker->pools);
    worker->env.worker = worker;
    worker->env.gate = &server->gate;
    worker->env.serves_host = pst_worker_serves_host;
    pst_driver_init(&worker->driver, &worker->env);
    worker->driver.next_id = number + 1;
    worker->driver.id_step = server->worker_count;
    worker->driver.arg = worker;
    worker->driver.on_closed = on_closed;
    if (server->limits.send_batch > 1)
        err = pst_sends_new(&worker->sends, worker->loop, server->limits.send_batch);
    if (err)
        return err;
    worker->driver.sends = worker->sends;
    worker->stop_watch = (struct pst_watch){server->stop_fd, on_stop};
    err = pst_loop_watch(worker->loop, &worker->stop_watch);
    if (!err)
        err = init_tls(worker);
    if (!err)
        err = init_locals(worker);
    if (!err)
        err = init_observer(worker);
    if (!err)
        err = init_doors(worker);
    return err;
}

static void *run(void *arg)
{
    struct pst_worker *worker = arg;
    worker->error = pst_loop_run(worker->loop);
    /* One that ends by an error takes the others along: half a server would be harder to notice. */
    if (worker->error)
        pst_server_stop(worker->server);
    close_doors(worker);
    pst_driver_abort(&worker->driver);
    pst_jobs_wait(&worker->jobs);
    pst_loop_close_mailbox(worker->loop);
    if (worker->server->observer.on_turn_end)
        worker->server->observer.on_turn_end(worker->observer_local);
    uint64_t one = 1;
    ssize_t n = write(worker->server->done_fd, &one, sizeof(one));
    (void)n; /* fails only when the counter is full, and then it has been raised already */
    return NULL;
}

int pst_worker_start(struct pst_worker *worker)
{
    /* Signals are for the program's own threads; and SIGPIPE, which sendfile to a closed socket raises, for
     * nobody. */
    sigset_t all, before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int err = pthread_create(&worker->thread, NULL, run, worker);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (err)
        return PST_E_SYSTEM;
    worker->is_thread_started = true;
    char name[16];
    snprintf(name, sizeof(name), "postern/%u", worker->number % 1000);
    pthread_setname_np(worker->thread, name);
    return 0;
}

void pst_worker_end(struct pst_worker *worker)
{
    if (!worker->has_jobs) {
        pst_pools_fini(&worker->pools);
        return;
    }
    close_doors(worker);
    pst_driver_abort(&worker->driver);
    pst_loop_close_mailbox(worker->loop);
    pst_loop_clear_timer(worker->loop, &worker->retry_timer);
    pst_loop_clear_timer(worker->loop, &worker->drain_timer);
    const struct pst_observer *observer = &worker->server->observer;
    if (worker->is_observer_started && observer->on_worker_stop)
        observer->on_worker_stop(worker->observer_local);
    for (size_t i = 0; i < worker->locals_started; i++) {
        const struct pst_handler *handler = &pst_router_at(worker->server->router, i)->handler;
        if (handler->on_worker_stop)
            handler->on_worker_stop(worker->locals[i]);
    }
    free(worker->locals);
    pst_driver_fini(&worker->driver);
    pst_http_env_fini(&worker->env);
    pst_sends_free(worker->sends);
    pst_tls_ctx_free(worker->tls);
    pst_pools_fini(&worker->pools);
    free(worker->doors);
    worker->doors = NULL;
    worker->door_count = 0;
}

void pst_worker_fini(struct pst_worker *worker)
{
    if (worker->has_jobs)
        pst_jobs_fini(&worker->jobs);
    pst_loop_free(worker->loop);
}

/* ---- work from other threads ---- */

struct errand {
    struct pst_letter letter;
    void (*fn)(void *arg);
    void *arg;
};

static void on_errand(struct pst_letter *letter)
{
    struct errand errand = *PST_CONTAINER(letter, struct errand, letter);
    free(PST_CONTAINER(letter, struct errand, letter));
    errand.fn(errand.arg);
}

int pst_worker_post(struct pst_worker *worker, void (*fn)(void *arg), void *arg)
{
    struct errand *errand = malloc(sizeof(*errand));
    if (!errand)
        return PST_E_NOMEM;
    *errand = (struct errand){.letter.on_receive = on_errand, .fn = fn, .arg = arg};
    int err = pst_loop_post(worker->loop, &errand->letter);
    if (err)
        free(errand);
    return err;
}

/* ---- work that blocks ---- */

void pst_job_begin(struct pst_job *job, struct pst_worker *worker)
{
    job->worker = worker;
    pst_jobs_begin(&worker->jobs);
}

void pst_job_finish(struct pst_job *job)
{
    pst_jobs_finish(&job->worker->jobs, job);
}

void pst_job_offload(struct pst_job *job, struct pst_worker *worker)
{
    pst_job_begin(job, worker);
    pst_offload_submit(worker->jobs.pool, job);
}
