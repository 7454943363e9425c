/* What an idle connection holds, counted to the byte: heap, pages of record buffers, expanded keys. And that
 * the request which ends its rest needs no memory that might not be there. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/ssl_ciphersuites.h>
#include <postern/http.h>

#include "support/client.h"
#include "support/failmalloc.h"
#include "transport/tls_memory.h"
#include "transport/tls_slots.h"

/* The allocator may hand out some bytes more than it was asked for: a sanitizer's and valgrind's do not. */
enum { IDLE_MS = 1100, STEPS = 1000, ROUNDING = 128 };

struct held {
    size_t heap_bytes, record_pages, slots;
};

static struct test_worker w;
static struct client_tls tls;

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "hello");
}

static int setup(void **state)
{
    (void)state;
    client_tls_init(&tls);
    test_worker_init(&w);
    w.limits.idle_ms = w.limits.head_ms = w.limits.handshake_ms = 3600000;
    assert_int_equal(pst_server_handle(w.server, "GET /hello", on_hello, NULL), 0);
    test_worker_start(&w);
    w.env.on_exchange = NULL; /* the note of it would take memory */
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    test_worker_fini(&w);
    client_tls_fini(&tls);
    return 0;
}

static struct client *open_client(enum client_kind kind)
{
    static const int aes_gcm[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};
    return client_open(&(struct client_options){.kind = kind, .worker = &w, .tls = &tls, .suites = aes_gcm});
}

/* Of a request and its reply the client's part is not what is tested. */
static void ask(struct client *c)
{
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char reply[1024];
    size_t sent = 0, got = 0;
    for (unsigned i = 0; i < STEPS; i++) {
        failmalloc_pause();
        if (sent == 0)
            sent = client_send(c, request, sizeof(request) - 1);
        got += client_receive(c, reply + got, sizeof(reply) - 1 - got);
        failmalloc_resume();
        reply[got] = '\0';
        if (strstr(reply, "\r\n\r\nhello"))
            break;
        test_worker_turns(&w, 1);
    }
    assert_non_null(strstr(reply, "HTTP/1.1 200"));
    assert_non_null(strstr(reply, "\r\n\r\nhello"));
}

static struct held now(void)
{
    struct pst_tls_memory_stats memory;
    struct pst_tls_slots_stats slots;
    pst_tls_memory_stats(&memory);
    pst_tls_slots_stats(&slots);
    return (struct held){failmalloc_live_bytes(), memory.live_pages, slots.live_slots};
}

/* What the server gives back when this connection ends is what it held for it. The client goes first, for its
 * own memory comes from the same places. */
static struct held measure(struct client *c)
{
    client_free(c);
    struct held before = now();
    size_t open = w.driver.count;
    for (unsigned i = 0; i < STEPS && w.driver.count == open; i++)
        test_worker_turns(&w, 1);
    assert_int_equal(w.driver.count, open - 1);
    struct held after = now();
    return (struct held){before.heap_bytes - after.heap_bytes, before.record_pages - after.record_pages,
                         before.slots - after.slots};
}

static struct held measure_idle(enum client_kind kind, unsigned requests)
{
    struct client *c = open_client(kind);
    for (unsigned i = 0; i < requests; i++) {
        ask(c);
        test_worker_pass_ms(&w, IDLE_MS);
    }
    return measure(c);
}

static void test_connection__idle__holds_little(void **state)
{
    (void)state;
    static const struct {
        enum client_kind kind;
        size_t most_bytes;
    } cases[] = {{CLIENT_TCP, 1024}, {CLIENT_TLS12, 2048}, {CLIENT_TLS13, 2048}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        (void)measure_idle(cases[i].kind, 1); /* pools and caches are filled, and are no connection's */
        for (unsigned requests = 1; requests <= 3; requests++) {
            struct held held = measure_idle(cases[i].kind, requests);
            print_message("%s, idle for time %u: %zu bytes\n", client_kind_name(cases[i].kind), requests,
                          held.heap_bytes);
            assert_in_range(held.heap_bytes, 256, cases[i].most_bytes);
            assert_int_equal(held.record_pages, 0);
            assert_int_equal(held.slots, 0);
        }
    }
}

/* Before it has been idle for long: a connection's own state and its keys, but nothing of the handshake. */
static void test_connection__open__holds_nothing_of_its_handshake(void **state)
{
    (void)state;
    for (enum client_kind kind = CLIENT_TLS12; kind <= CLIENT_TLS13; kind++) {
        struct client *c = open_client(kind);
        ask(c);
        struct held held = measure(c);
        struct held idle = measure_idle(kind, 1);
        assert_in_range(held.heap_bytes, idle.heap_bytes - ROUNDING, idle.heap_bytes + ROUNDING);
        assert_true(held.record_pages > 0);
#if defined(POSTERN_ACCEL_GCM)
        assert_in_range(held.slots, 0, 2);
#endif
    }
}

static void test_connection__request_after_idle__needs_no_memory(void **state)
{
    (void)state;
    for (enum client_kind kind = CLIENT_TCP; kind <= CLIENT_TLS13; kind++) {
        struct client *c = open_client(kind);
        ask(c);
        for (unsigned i = 0; i < 20; i++) {
            test_worker_pass_ms(&w, IDLE_MS);
            failmalloc_arm(1, FAILMALLOC_ALL);
            ask(c);
            assert_false(failmalloc_disarm());
            ask(c);
        }
        (void)measure(c);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_connection__idle__holds_little),
        cmocka_unit_test(test_connection__open__holds_nothing_of_its_handshake),
        cmocka_unit_test(test_connection__request_after_idle__needs_no_memory),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
