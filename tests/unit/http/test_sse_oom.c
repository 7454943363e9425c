/* Server-sent events when allocation i fails, for every i, and all after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/sse.h>
#include <stdlib.h>
#include <string.h>

#include "support/bare_exchange.h"
#include "support/failmalloc.h"

static void test_sse_hub_new__allocation_i_fails__nothing_is_left(void **state)
{
    (void)state;
    for (size_t i = 1;; i++) {
        struct pst_sse_hub *hub = NULL;
        failmalloc_arm(i, FAILMALLOC_ALL);
        int err = pst_sse_hub_new(&hub, NULL);
        bool has_failed = failmalloc_disarm();
        assert_int_equal(err, has_failed ? PST_E_NOMEM : 0);
        pst_sse_hub_free(hub);
        if (has_failed)
            continue;
        assert_true(i > 3);
        break;
    }
}

/* Takes what the exchange's source has; returns what pull said last. */
static int take(struct pst_exchange *ex, struct pst_text *t)
{
    char piece[100];
    size_t n;
    int ret;
    do {
        n = 0;
        ret = ex->reply.source.pull(ex->reply.source_ctx, piece, sizeof(piece), &n);
        pst_text_add(t, pst_slice_of(piece, n));
    } while (ret == PST_SOURCE_MORE && n > 0);
    return ret;
}

static void test_sse_join__allocation_i_fails__no_reader(void **state)
{
    (void)state;
    char data[10000]; /* more than the exchange has in itself */
    memset(data, 'd', sizeof(data));
    const struct pst_sse_event first = {.data = {data, sizeof(data)}};
    struct bare_exchange bench;
    bare_init(&bench);
    for (size_t i = 1;; i++) {
        struct pst_sse_hub *hub;
        assert_int_equal(pst_sse_hub_new(&hub, NULL), 0); /* each knows no worker yet */
        bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        /* Nothing is left of its own memory. */
        struct pst_arena *arena = &bench.ex->arena;
        assert_non_null(pst_exchange_alloc(bench.ex, (size_t)(arena->end - arena->cur)));
        failmalloc_arm(i, FAILMALLOC_ALL);
        int err = pst_sse_join(hub, bench.ex, &first, 1);
        bool has_failed = failmalloc_disarm();
        assert_int_equal(err, has_failed ? PST_E_NOMEM : 0);
        assert_int_equal(pst_exchange_replied(bench.ex), !has_failed);
        assert_int_equal(pst_sse_readers(hub), !has_failed);
        if (!has_failed) {
            struct pst_text t = {0};
            assert_int_equal(take(bench.ex, &t), PST_SOURCE_MORE);
            assert_int_equal(t.len, strlen("retry: 2000\n:\n\ndata: \n\n") + sizeof(data));
            pst_text_free(&t);
        }
        bare_end(&bench, PST_END_STOPPED);
        assert_int_equal(pst_sse_readers(hub), 0);
        pst_sse_hub_free(hub);
        if (has_failed)
            continue;
        assert_true(i > 3);
        break;
    }
    bare_fini(&bench);
}

static void test_sse_send__allocation_i_fails__nobody_gets_it(void **state)
{
    (void)state;
    const struct pst_sse_event event = {.name = PST_SLICE("n"), .data = PST_SLICE("x\ny")};
    struct bare_exchange bench;
    struct pst_sse_hub *hub;
    bare_init(&bench);
    assert_int_equal(pst_sse_hub_new(&hub, NULL), 0);
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_int_equal(pst_sse_join(hub, bench.ex, NULL, 0), 0);
    struct pst_text t = {0};
    assert_int_equal(take(bench.ex, &t), PST_SOURCE_MORE);
    for (size_t i = 1;; i++) {
        t.len = 0;
        unsigned changes = bench.changes;
        failmalloc_arm(i, FAILMALLOC_ALL);
        int err = pst_sse_send(hub, &event);
        bool has_failed = failmalloc_disarm();
        test_worker_turns(&bench.w, 2);
        assert_int_equal(err, has_failed ? PST_E_NOMEM : 0);
        assert_int_equal(bench.changes, changes + !has_failed); /* woken */
        assert_int_equal(take(bench.ex, &t), PST_SOURCE_MORE);
        if (has_failed) {
            assert_int_equal(t.len, 0);
            continue;
        }
        assert_true(pst_slice_eq(pst_slice_of(t.ptr, t.len), PST_SLICE("event: n\ndata: x\ndata: y\n\n")));
        assert_true(i > 2);
        break;
    }
    pst_text_free(&t);
    bare_fini(&bench);
    pst_sse_hub_free(hub);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sse_hub_new__allocation_i_fails__nothing_is_left),
        cmocka_unit_test(test_sse_join__allocation_i_fails__no_reader),
        cmocka_unit_test(test_sse_send__allocation_i_fails__nobody_gets_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
