/* Jobs and endless replies in a running server: what a stop waits for, and what it does not. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/postern.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/http_client.h"

/* One errand: a request whose reply needs a job, which the test holds up as it likes. */
static struct {
    pthread_mutex_t lock;
    pthread_cond_t moved;
    bool is_running, is_let;
    unsigned ends, dones; /* calls of on_end and done */
} gate = {.lock = PTHREAD_MUTEX_INITIALIZER, .moved = PTHREAD_COND_INITIALIZER};

struct errand {
    struct pst_job job;
    struct pst_exchange *ex; /* NULL once it has ended */
};

static void set_gate(bool is_let)
{
    pthread_mutex_lock(&gate.lock);
    gate.is_let = is_let;
    gate.is_running = false;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
}

static void wait_until(const bool *what)
{
    pthread_mutex_lock(&gate.lock);
    while (!*what)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static unsigned count(const unsigned *what)
{
    pthread_mutex_lock(&gate.lock);
    unsigned n = *what;
    pthread_mutex_unlock(&gate.lock);
    return n;
}

static void raise_count(unsigned *what)
{
    pthread_mutex_lock(&gate.lock);
    ++*what;
    pthread_cond_broadcast(&gate.moved);
    pthread_mutex_unlock(&gate.lock);
}

static void on_run(struct pst_job *job)
{
    (void)job;
    pthread_mutex_lock(&gate.lock);
    gate.is_running = true;
    pthread_cond_broadcast(&gate.moved);
    while (!gate.is_let)
        pthread_cond_wait(&gate.moved, &gate.lock);
    pthread_mutex_unlock(&gate.lock);
}

static void on_done(struct pst_job *job)
{
    struct errand *errand = (struct errand *)(void *)job;
    if (errand->ex)
        (void)pst_reply_printf(errand->ex, "done");
    else
        raise_count(&gate.dones);
    if (errand->ex)
        pst_exchange_on_end(errand->ex, NULL, NULL);
    free(errand);
}

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    (void)why;
    ((struct errand *)arg)->ex = NULL;
    raise_count(&gate.ends);
}

static void on_slow(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct errand *errand = calloc(1, sizeof(*errand));
    if (!errand)
        abort();
    *errand = (struct errand){.job = {.run = on_run, .done = on_done}, .ex = ex};
    pst_exchange_on_end(ex, on_end, errand);
    pst_job_offload(&errand->job, pst_exchange_worker(ex));
}

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "hello");
}

/* ---- a reply without an end of its own ---- */

struct endless {
    struct pst_exchange *ex;
    bool is_over;
};

/* NOLINTNEXTLINE(readability-non-const-parameter): as struct pst_source has it */
static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    (void)dst;
    (void)cap;
    const struct endless *endless = ctx;
    *ret_len = 0;
    return endless->is_over ? PST_SOURCE_END : PST_SOURCE_MORE;
}

static void on_drain(struct pst_exchange *ex, void *arg)
{
    ((struct endless *)arg)->is_over = true;
    pst_exchange_wake(ex);
}

static void on_endless(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct endless *endless = pst_exchange_alloc(ex, sizeof(*endless));
    if (!endless)
        abort();
    *endless = (struct endless){.ex = ex};
    pst_exchange_on_drain(ex, on_drain, endless);
    const struct pst_source source = {.pull = pull};
    (void)pst_reply_source(ex, &source, endless, -1);
}

/* ---- tests ---- */

static struct pst_server *start(void)
{
    struct pst_server *server = NULL;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.linger_ms = 50;
    limits.drain_ms = 3600000; /* what waits for it is seen by its hanging */
    gate.ends = gate.dones = 0;
    set_gate(false);
    assert_int_equal(pst_server_new(&server), 0);
    assert_int_equal(pst_server_limits(server, &limits), 0);
    assert_int_equal(pst_server_handle(server, "GET /slow", on_slow, NULL), 0);
    assert_int_equal(pst_server_handle(server, "GET /hello", on_hello, NULL), 0);
    assert_int_equal(pst_server_handle(server, "GET /endless", on_endless, NULL), 0);
    assert_int_equal(pst_server_listen_http(server, "127.0.0.1:0"), 0);
    assert_int_equal(pst_server_start(server), 0);
    return server;
}

static void test_job__blocks__others_are_served_meanwhile(void **state)
{
    (void)state;
    struct pst_server *server = start();
    int slow = http_client_of(server), other = http_client_of(server);
    for (int i = 0; i < 10; i++) {
        set_gate(false);
        http_asks(slow, "/slow");
        wait_until(&gate.is_running);
        assert_string_equal(http_gets(other, "/hello"), "hello");
        set_gate(true);
        assert_string_equal(http_body_of(http_answer(slow)), "done");
    }
    close(slow);
    close(other);
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

static void test_job__client_goes_then_stop__server_waits_for_the_job(void **state)
{
    (void)state;
    struct pst_server *server = start();
    int fd = http_client_of(server);
    http_asks(fd, "/slow");
    wait_until(&gate.is_running);
    http_reset(fd);
    while (count(&gate.ends) == 0) {
        pthread_mutex_lock(&gate.lock);
        if (gate.ends == 0)
            pthread_cond_wait(&gate.moved, &gate.lock);
        pthread_mutex_unlock(&gate.lock);
    }
    pst_server_stop(server);
    pst_server_stop(server);
    assert_int_equal(count(&gate.dones), 0);
    set_gate(true);
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(count(&gate.dones), 1); /* before the wait returned */
    pst_server_free(server);
}

static void test_job__stop_while_it_runs__its_reply_still_goes_out(void **state)
{
    (void)state;
    struct pst_server *server = start();
    int fd = http_client_of(server);
    http_asks(fd, "/slow");
    wait_until(&gate.is_running);
    pst_server_stop(server);
    set_gate(true);
    assert_string_equal(http_body_of(http_answer(fd)), "done");
    close(fd);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

static void test_on_drain__endless_reply__does_not_hold_up_the_stop(void **state)
{
    (void)state;
    struct pst_server *server = start();
    int fd = http_client_of(server);
    http_asks(fd, "/endless");
    char byte;
    assert_int_equal(read(fd, &byte, 1), 1); /* its head */
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    close(fd);
    pst_server_free(server);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_job__blocks__others_are_served_meanwhile),
        cmocka_unit_test(test_job__client_goes_then_stop__server_waits_for_the_job),
        cmocka_unit_test(test_job__stop_while_it_runs__its_reply_still_goes_out),
        cmocka_unit_test(test_on_drain__endless_reply__does_not_hold_up_the_stop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
