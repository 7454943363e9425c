/* server.c - the public server object: settings, routes, start and stop. Listening is in listen.c, the
 * certificate in certificate.c, the running in worker.c. */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "postern/version.h"
#include "server/internal.h"
#include "server/server.h"

enum { WORKERS_MAX = 256 };
/* Threads for jobs that block, of all workers together. They wait for the disk, mostly: more of them let a
 * file system gather more writers in one flush. */
enum { JOB_THREADS_MAX = 8 };

const char *pst_version(void)
{
    return PST_VERSION_STRING;
}

const char *pst_tls_version(void)
{
    return pst_tls_library();
}

int pst_server_fail(struct pst_server *server, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(server->error, sizeof(server->error), format, args);
    va_end(args);
    return err;
}

int pst_server_say(struct pst_server_line line, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line.text, line.size, format, args);
    va_end(args);
    return err;
}

const char *pst_server_error(const struct pst_server *server)
{
    return server->error;
}

static void close_if_open(int fd)
{
    if (fd >= 0)
        close(fd);
}

void pst_server_free(struct pst_server *server)
{
    if (!server)
        return;
    pst_offload_free(server->offload);
    for (unsigned i = 0; server->workers && i < server->worker_count; i++)
        pst_worker_fini(&server->workers[i]);
    free(server->workers);
    for (size_t i = 0; i < server->door_count; i++)
        close_if_open(server->doors[i].fd);
    free(server->doors);
    while (server->urls) {
        struct pst_url *next = server->urls->next;
        free(server->urls);
        server->urls = next;
    }
    pst_server_free_gate(server);
    pst_server_free_cert_files(server);
    pst_tls_tickets_free(server->tickets);
    free(server->ticket_path);
    free(server->client_ca);
    pthread_mutex_destroy(&server->reload_lock);
    pst_router_free(server->router);
    close_if_open(server->stop_fd);
    close_if_open(server->done_fd);
    free(server);
}

int pst_server_new(struct pst_server **ret_server)
{
    int err = pst_tls_global_init();
    if (err)
        return err;
    struct pst_server *server = calloc(1, sizeof(*server));
    if (!server)
        return PST_E_NOMEM;
    if (pthread_mutex_init(&server->reload_lock, NULL) != 0) {
        free(server);
        return PST_E_SYSTEM;
    }
    server->worker_count = 1;
    pst_limits_init(&server->limits);
    server->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    server->done_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    err = server->stop_fd < 0 || server->done_fd < 0 ? PST_E_SYSTEM : pst_router_new(&server->router);
    if (!err)
        err = pst_offload_new(&server->offload, JOB_THREADS_MAX, pst_job_finish);
    if (err) {
        pst_server_free(server);
        return err;
    }
    *ret_server = server;
    return 0;
}

/* ---- settings ---- */

static int check_not_started(struct pst_server *server)
{
    server->error[0] = '\0';
    return server->is_started ? pst_server_fail(server, PST_E_STATE, "the server has been started already")
                              : 0;
}

int pst_server_limits(struct pst_server *server, const struct pst_limits *limits)
{
    int err = check_not_started(server);
    if (!err)
        server->limits = *limits;
    return err;
}

static unsigned cpu_count(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof(set), &set) != 0)
        return 1;
    int count = CPU_COUNT(&set);
    return count < 1 ? 1 : count > WORKERS_MAX ? WORKERS_MAX : (unsigned)count;
}

int pst_server_workers(struct pst_server *server, unsigned count)
{
    int err = check_not_started(server);
    if (err)
        return err;
    if (count > WORKERS_MAX)
        return pst_server_fail(server, PST_E_RANGE, "%u workers are too many; at most %d", count,
                               WORKERS_MAX);
    server->worker_count = count ? count : cpu_count();
    return 0;
}

int pst_server_route(struct pst_server *server, const char *pattern, const struct pst_handler *handler)
{
    int err = check_not_started(server);
    if (err)
        return err;
    err = pst_router_add(server->router, pattern, handler);
    if (err)
        return pst_server_fail(server, err, "cannot mount \"%s\": %s", pattern ? pattern : "",
                               pst_strerror(err));
    return 0;
}

int pst_server_handle(struct pst_server *server, const char *pattern,
                      void (*on_request)(struct pst_exchange *ex, void *arg), void *arg)
{
    struct pst_handler handler = {.on_request = on_request, .arg = arg};
    return pst_server_route(server, pattern, &handler);
}

int pst_server_observe(struct pst_server *server, const struct pst_observer *observer)
{
    int err = check_not_started(server);
    if (!err)
        server->observer = *observer;
    return err;
}

/* ---- running ---- */

static void end_workers(struct pst_server *server, unsigned count)
{
    pst_keeper_free(server->keeper);
    server->keeper = NULL;
    for (unsigned i = 0; i < count; i++)
        if (server->workers[i].is_thread_started)
            pthread_join(server->workers[i].thread, NULL);
    for (unsigned i = 0; i < count; i++)
        pst_worker_end(&server->workers[i]);
    server->is_running = false;
}

static bool needs_certificate(const struct pst_server *server)
{
    for (size_t i = 0; i < server->door_count; i++)
        if (server->doors[i].is_secure && server->cert_count == 0)
            return true;
    return false;
}

static int start_workers(struct pst_server *server, unsigned *ret_made)
{
    int err = 0;
    for (*ret_made = 0; !err && *ret_made < server->worker_count; ++*ret_made)
        err = pst_worker_init(&server->workers[*ret_made], server, *ret_made);
    for (unsigned i = 0; !err && i < server->worker_count; i++)
        err = pst_worker_start(&server->workers[i]);
    return err;
}

static void drop_start_sets(struct pst_server *server)
{
    pst_server_drop_certs(server->start_sets, server->worker_count);
    server->start_sets = NULL;
}

int pst_server_start(struct pst_server *server)
{
    int err = check_not_started(server);
    if (err)
        return err;
    if (needs_certificate(server))
        return pst_server_fail(server, PST_E_STATE,
                               "https needs a certificate and its key; scripts/mkcert.sh makes them");
    err = pst_server_make_gate(server);
    if (err)
        return err;
    server->workers = calloc(server->worker_count, sizeof(*server->workers));
    if (!server->workers)
        return pst_server_fail(server, PST_E_NOMEM, "cannot start: %s", pst_strerror(PST_E_NOMEM));
    server->started_ms = pst_clock_system.now_us(NULL) / 1000;
    server->is_started = true; /* once only: the sockets go over to the workers */
    server->is_running = true;
    if (server->cert_count > 0) {
        err = pst_server_load_certs(server, &server->start_sets,
                                    (struct pst_server_line){server->error, sizeof(server->error)});
        if (!err)
            server->error[0] = '\0'; /* warnings were kept when each was added */
        if (!err)
            err = pst_server_make_tickets(server, server->error, sizeof(server->error));
        if (err) {
            drop_start_sets(server);
            return err;
        }
    }
    unsigned made = 0;
    err = start_workers(server, &made);
    drop_start_sets(server);
    if (!err && server->cert_count > 0)
        err = pst_keeper_new(&server->keeper, server);
    if (err) {
        pst_server_stop(server);
        end_workers(server, made);
        return pst_server_fail(server, err, "cannot start: %s", pst_strerror(err));
    }
    return 0;
}

void pst_server_stop(struct pst_server *server)
{
    uint64_t one = 1;
    int saved = errno; /* a signal handler may call this */
    atomic_fetch_add(&server->stop_count, 1);
    ssize_t n = write(server->stop_fd, &one, sizeof(one));
    (void)n; /* fails only when the counter is full: all are awake then */
    errno = saved;
}

int pst_server_wait(struct pst_server *server)
{
    if (!server->is_running)
        return PST_E_STATE;
    int err = 0;
    for (unsigned i = 0; i < server->worker_count; i++) {
        pthread_join(server->workers[i].thread, NULL);
        server->workers[i].is_thread_started = false;
        if (!err)
            err = server->workers[i].error;
    }
    end_workers(server, server->worker_count);
    return err;
}

static uint64_t read_counter(int event_fd)
{
    uint64_t count = 0;
    return read(event_fd, &count, sizeof(count)) == (ssize_t)sizeof(count) ? count : 0;
}

/* Until all workers have ended. A signal asks them to stop, a second one to hurry. */
static void wait_for_signals(struct pst_server *server, int signal_fd)
{
    struct pollfd fds[2] = {{.fd = signal_fd, .events = POLLIN}, {.fd = server->done_fd, .events = POLLIN}};
    uint64_t ended = 0;
    while (ended < server->worker_count) {
        fds[0].revents = fds[1].revents = 0;
        if (poll(fds, 2, -1) < 0 && errno != EINTR)
            return;
        struct signalfd_siginfo info;
        if (fds[0].revents && read(signal_fd, &info, sizeof(info)) == (ssize_t)sizeof(info))
            pst_server_stop(server);
        if (fds[1].revents)
            ended += read_counter(server->done_fd);
    }
}

int pst_server_run(struct pst_server *server)
{
    sigset_t signals, before;
    sigemptyset(&signals);
    sigaddset(&signals, SIGINT);
    sigaddset(&signals, SIGTERM);
    pthread_sigmask(SIG_BLOCK, &signals, &before);
    int signal_fd = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
    int err = signal_fd < 0 ? pst_server_fail(server, PST_E_SYSTEM, "signalfd: %s", strerror(errno))
                            : pst_server_start(server);
    if (!err) {
        wait_for_signals(server, signal_fd);
        err = pst_server_wait(server);
    }
    if (signal_fd >= 0)
        close(signal_fd);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return err;
}
