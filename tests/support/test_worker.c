/* test_worker.c - see test_worker.h. */
#include "support/test_worker.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "test_worker: %s\n", what);
    abort();
}

uint64_t test_hash(uint64_t hash, const void *data, size_t len)
{
    const unsigned char *p = data;
    for (size_t i = 0; i < len; i++)
        hash = (hash ^ p[i]) * UINT64_C(1099511628211);
    return hash;
}

/* ---- what is observed ---- */

static struct test_worker *worker_of(struct pst_http_env *env)
{
    return PST_CONTAINER(env, struct test_worker, env);
}

static void describe(struct pst_text *t, const struct pst_log_entry *entry)
{
    const struct pst_exchange *ex = entry->exchange;
    struct pst_slice body = pst_exchange_body(ex);
    pst_text_add(t, pst_exchange_method(ex));
    pst_text_adds(t, " ");
    pst_text_add(t, pst_exchange_target(ex));
    pst_text_addf(t, " %d path ", pst_exchange_version(ex));
    pst_text_add(t, pst_exchange_path(ex));
    pst_text_adds(t, " authority ");
    pst_text_add(t, pst_exchange_authority(ex));
    for (size_t i = 0; i < pst_exchange_field_count(ex); i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        pst_text_adds(t, " [");
        pst_text_add(t, field.name);
        pst_text_adds(t, ": ");
        pst_text_add(t, field.value);
        pst_text_adds(t, "]");
    }
    pst_text_addf(t, " body %zu %016" PRIx64, body.len, test_hash(TEST_HASH_INIT, body.ptr, body.len));
    pst_text_addf(t, " -> %d, %" PRIu64 " bytes, %s\n", entry->status, entry->sent_bytes,
                  pst_end_text(entry->end));
}

static void on_exchange(struct pst_http_env *env, const struct pst_log_entry *entry)
{
    struct test_worker *w = worker_of(env);
    w->ended++;
    w->status = entry->status;
    w->end = entry->end;
    w->sent_bytes = entry->sent_bytes;
    describe(&w->seen, entry);
}

static void on_event(struct pst_driver *driver, const struct pst_event_entry *entry)
{
    struct test_worker *w = PST_CONTAINER(driver, struct test_worker, driver);
    pst_text_addf(&w->events, "%s\n", entry->cause);
}

static void on_closed(struct pst_driver *driver)
{
    PST_CONTAINER(driver, struct test_worker, driver)->closed++;
}

/* ---- life ---- */

void test_worker_init(struct test_worker *w)
{
    memset(w, 0, sizeof(*w));
    pst_fake_clock_init(&w->clock);
    pst_limits_init(&w->limits);
    pst_pools_init(&w->pools);
    must(pst_loop_new(&w->loop, &w->clock.clock) == 0, "no loop");
    must(pst_server_new(&w->server) == 0, "no server");
    pst_http_env_init(&w->env, &w->limits, w->server->router, w->loop, &w->pools);
    w->env.on_exchange = on_exchange;
    w->worker.loop = w->loop;
    must(pst_jobs_init(&w->worker.jobs, w->loop, w->server->offload) == 0, "no jobs");
    w->env.worker = &w->worker;
    pst_driver_init(&w->driver, &w->env);
    w->driver.on_event = on_event;
    w->driver.on_closed = on_closed;
}

/* ---- sends of one turn ---- */

struct test_company {
    struct pst_task task;
    struct pst_sends *sends;
    struct pst_sending send;
    int fds[2];
};

static void on_left(struct pst_sending *send, const void *rest, size_t len, int error)
{
    (void)send, (void)rest, (void)len, (void)error;
    must(false, "the other send finds no room");
}

/* Before the batch's own hook. What the turn before sent is taken first. */
static void on_turn(struct pst_task *task)
{
    struct test_company *company = PST_CONTAINER(task, struct test_company, task);
    char byte = 'x';
    struct iovec iov = {&byte, 1};
    (void)!recv(company->fds[1], &byte, 1, MSG_DONTWAIT);
    if (!pst_sends_add(company->sends, &company->send, company->fds[0], &iov, 1))
        must(send(company->fds[0], &byte, 1, MSG_DONTWAIT) == 1, "no room"); /* no io_uring here */
}

struct pst_sends *test_worker_sends(struct test_worker *w)
{
    if (w->company)
        return w->company->sends;
    struct test_company *company = w->company = calloc(1, sizeof(*company));
    must(company && socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, company->fds) == 0, "no socket pair");
    company->send.on_left = on_left;
    pst_task_init(&company->task, on_turn);
    pst_loop_every_turn(w->loop, &company->task);
    must(pst_sends_new(&company->sends, w->loop, 32) == 0, "no batch of sends");
    w->driver.sends = company->sends;
    return company->sends;
}

static void end_company(struct test_company *company)
{
    if (!company)
        return;
    pst_sends_submit(company->sends);
    pst_loop_unqueue(&company->task);
    pst_sends_free(company->sends);
    close(company->fds[0]);
    close(company->fds[1]);
    free(company);
}

void test_worker_start(struct test_worker *w)
{
    size_t count = pst_router_count(w->server->router);
    w->locals = calloc(count + 1, sizeof(*w->locals));
    must(w->locals, "out of memory");
    w->env.locals = w->locals;
    for (size_t i = 0; i < count; i++) {
        const struct pst_handler *handler = &pst_router_at(w->server->router, i)->handler;
        if (handler->on_worker_start)
            must(handler->on_worker_start(handler->arg, &w->locals[i]) == 0, "a handler does not start");
    }
}

void test_worker_fini(struct test_worker *w)
{
    must(w->driver.count == 0, "a connection is left");
    must(w->worker.jobs.open == 0, "a job is left");
    size_t count = w->locals ? pst_router_count(w->server->router) : 0;
    for (size_t i = 0; i < count; i++) {
        const struct pst_handler *handler = &pst_router_at(w->server->router, i)->handler;
        if (handler->on_worker_stop)
            handler->on_worker_stop(w->locals[i]);
    }
    free(w->locals);
    pst_driver_fini(&w->driver);
    end_company(w->company);
    must(w->env.exchanges.live_count == 0, "an exchange is left");
    must(w->pools.chunks.live_count == 0 && w->pools.wires.live_count == 0, "a buffer was not given back");
    pst_http_env_fini(&w->env);
    pst_pools_fini(&w->pools);
    pst_server_free(w->server);
    pst_jobs_fini(&w->worker.jobs);
    pst_loop_free(w->loop);
    pst_text_free(&w->seen);
    pst_text_free(&w->events);
}

void test_worker_turns(struct test_worker *w, unsigned count)
{
    while (count-- > 0)
        must(pst_loop_turn(w->loop, 0) == 0, "the loop fails");
}

void test_worker_jobs(struct test_worker *w)
{
    while (w->worker.jobs.open > 0)
        must(pst_loop_turn(w->loop, -1) == 0, "the loop fails");
}

void test_worker_pass_ms(struct test_worker *w, uint64_t ms)
{
    pst_fake_clock_advance(&w->clock, ms * 1000);
    test_worker_turns(w, 1);
}

void test_worker_forget(struct test_worker *w)
{
    pst_text_free(&w->seen);
    pst_text_free(&w->events);
    w->seen = w->events = (struct pst_text){0};
    w->ended = w->closed = 0;
    w->status = 0;
    w->end = PST_END_OK;
    w->sent_bytes = 0;
}
