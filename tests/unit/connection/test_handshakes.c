/* The budget for handshakes: who is let in, whose turn it is, who gives way. By counts of calls, on a clock
 * that the test turns. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/pair.h"
#include "support/test_worker.h"

enum { COUNT = 20, MANY = 7, ONE = 8 };

static struct test_worker w;
static struct pair *pairs[COUNT];

static int set_up(void **state)
{
    (void)state;
    test_worker_init(&w);
    test_worker_start(&w);
    w.driver.handshakes.secret = 1; /* no two of these networks share a counter */
    w.limits.handshakes = 4;
    w.limits.handshakes_each = 16;
    w.limits.handshake_ms = 4000;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pst_driver_abort(&w.driver);
    for (size_t i = 0; i < COUNT; i++) {
        pair_free(pairs[i]);
        pairs[i] = NULL;
    }
    test_worker_fini(&w);
    return 0;
}

/* A client whose handshake does not go on by itself. */
static struct pair *client(size_t i, uint64_t network)
{
    struct pair *p = pairs[i] =
        pair_new(&(struct pair_options){.is_costly = true, .network = (uint64_t)1 << 40 | network});
    p->handshake = PST_IO_WANT_RD;
    assert_int_equal(pst_connection_open(&w.driver, pair_transport(p), &p->connection), 0);
    return p;
}

static size_t count_begun(void)
{
    size_t count = 0;
    for (size_t i = 0; i < COUNT; i++)
        count += pairs[i] && pairs[i]->calls.handshake > 0;
    return count;
}

static void test_handshakes__silent_client__costs_no_call(void **state)
{
    (void)state;
    struct pair *p = client(0, ONE);
    test_worker_turns(&w, 5);
    assert_int_equal(p->calls.handshake, 0);
    pair_says(p, "x");
    test_worker_turns(&w, 1);
    assert_int_equal(p->calls.handshake, 1);
}

static void test_handshakes__many_at_once__one_begins_a_turn__and_no_more_than_the_limit(void **state)
{
    (void)state;
    for (size_t i = 0; i < 10; i++)
        pair_says(client(i, 100 + i), "x");
    for (size_t turn = 1; turn <= 10; turn++) {
        test_worker_turns(&w, 1);
        assert_int_equal(count_begun(), turn < 4 ? turn : 4);
    }
    pair_end(pairs[2], PST_IO_EOF); /* one inside leaves */
    test_worker_turns(&w, 3);
    assert_int_equal(count_begun(), 5);
}

static void test_handshakes__full__slow_one_gives_way_in_time(void **state)
{
    (void)state;
    for (size_t i = 0; i < 5; i++)
        pair_says(client(i, 100 + i), "x");
    test_worker_turns(&w, 10);
    test_worker_pass_ms(&w, 4000 / 16 - 10);
    assert_int_equal(count_begun(), 4);
    assert_int_equal(pst_counted(&w.env.counters.handshakes_stalled), 0);
    test_worker_pass_ms(&w, 20);
    test_worker_turns(&w, 2);
    assert_int_equal(count_begun(), 5);
    assert_true(pairs[0]->is_gone);
    assert_int_equal(pst_counted(&w.env.counters.handshakes_stalled), 1);
}

static void test_handshakes__address_with_few__goes_before_one_with_many(void **state)
{
    (void)state;
    for (size_t i = 0; i < 16; i++)
        pair_says(client(i, MANY), "x");
    pair_says(client(16, ONE), "x");
    test_worker_turns(&w, 1);
    assert_int_equal(pairs[16]->calls.handshake, 1);
    assert_int_equal(count_begun(), 1);
}

static void test_handshakes__over_the_limit_of_an_address__are_refused(void **state)
{
    (void)state;
    uint64_t network = (uint64_t)1 << 40 | MANY;
    for (size_t i = 0; i < 16; i++) {
        assert_true(pst_driver_may_handshake(&w.driver, network));
        client(i, MANY);
    }
    assert_false(pst_driver_may_handshake(&w.driver, network));
    assert_int_equal(pst_counted(&w.env.counters.handshakes_refused), 1);
    pair_end(pairs[3], PST_IO_EOF);
    test_worker_turns(&w, 2);
    assert_true(pairs[3]->is_gone);
    assert_true(pst_driver_may_handshake(&w.driver, network));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_handshakes__silent_client__costs_no_call),
        TEST(test_handshakes__many_at_once__one_begins_a_turn__and_no_more_than_the_limit),
        TEST(test_handshakes__full__slow_one_gives_way_in_time),
        TEST(test_handshakes__address_with_few__goes_before_one_with_many),
        TEST(test_handshakes__over_the_limit_of_an_address__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
