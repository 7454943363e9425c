/* Token buckets of addresses, on a clock in the test's hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/err.h>
#include <pthread.h>
#include <stdio.h>

#include "handlers/rate.h"

static struct pst_rate *make(unsigned per_minute, unsigned burst)
{
    struct pst_rate *rate;
    assert_int_equal(pst_rate_new(&rate, per_minute, burst), 0);
    return rate;
}

/* How many tokens in a row that address gets. */
static unsigned take_all(struct pst_rate *rate, const char *address, uint64_t now_ms)
{
    unsigned n = 0, retry_s = 0;
    while (n < 1000 && pst_rate_take(rate, address, now_ms, &retry_s)) {
        assert_int_equal(retry_s, 0);
        n++;
    }
    assert_true(n == 1000 || retry_s > 0);
    return n;
}

static void test_rate__burst__then_one_a_while(void **state)
{
    (void)state;
    struct pst_rate *rate = make(6, 3); /* one in ten seconds */
    unsigned retry_s;
    assert_int_equal(take_all(rate, "192.0.2.1", 1000), 3);
    assert_false(pst_rate_take(rate, "192.0.2.1", 1000, &retry_s));
    assert_int_equal(retry_s, 10);
    assert_false(pst_rate_take(rate, "192.0.2.1", 10999, &retry_s));
    assert_int_equal(retry_s, 1);
    assert_true(pst_rate_take(rate, "192.0.2.1", 11000, &retry_s));
    assert_false(pst_rate_take(rate, "192.0.2.1", 11000, &retry_s));
    /* A refused try costs nothing, and what was said holds. */
    assert_int_equal(retry_s, 10);
    assert_true(pst_rate_take(rate, "192.0.2.1", 11000 + 1000 * (uint64_t)retry_s, &retry_s));
    pst_rate_free(rate);
}

static void test_rate__long_ago__no_more_than_the_burst(void **state)
{
    (void)state;
    struct pst_rate *rate = make(60, 5);
    assert_int_equal(take_all(rate, "192.0.2.1", 0), 5);
    assert_int_equal(take_all(rate, "192.0.2.1", UINT64_MAX), 5);
    pst_rate_free(rate);
    rate = make(UINT32_MAX, UINT32_MAX);
    assert_int_equal(take_all(rate, "192.0.2.1", UINT64_MAX), 1000);
    pst_rate_free(rate);
}

static void test_rate__clock_goes_back__no_token_for_it(void **state)
{
    (void)state;
    struct pst_rate *rate = make(60, 1);
    unsigned retry_s;
    assert_true(pst_rate_take(rate, "192.0.2.1", 5000, &retry_s));
    assert_false(pst_rate_take(rate, "192.0.2.1", 4000, &retry_s));
    assert_false(pst_rate_take(rate, "192.0.2.1", 5000, &retry_s));
    assert_false(pst_rate_take(rate, "192.0.2.1", 5999, &retry_s));
    assert_true(pst_rate_take(rate, "192.0.2.1", 6000, &retry_s));
    pst_rate_free(rate);
}

static void test_rate__addresses__which_are_one(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool is_same;
    } rows[] = {
        {"192.0.2.1", "192.0.2.2", false},
        {"192.0.2.1", "192.0.2.1", true},
        {"192.0.2.1", "::ffff:192.0.2.1", true},
        {"::ffff:192.0.2.1", "::ffff:192.0.2.2", false},
        {"2001:db8::1", "2001:db8::2", true}, /* a /64 */
        {"2001:db8::1", "2001:db8::ffff:ffff:ffff:ffff", true},
        {"2001:db8::1", "2001:db8:0:1::1", false},
        {"fe80::1%eth0", "fe80::2", true},
        {"32.1.13.184", "2001:db8::1", false},
        {"", "no address", true},
        {"", "192.0.2.1", false},
        {"", "::", false},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", "", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_rate *rate = make(1, 1);
        unsigned retry_s;
        assert_true(pst_rate_take(rate, rows[i].a, 0, &retry_s));
        if (pst_rate_take(rate, rows[i].b, 0, &retry_s) == rows[i].is_same)
            fail_msg("%s and %s", rows[i].a, rows[i].b);
        pst_rate_free(rate);
    }
}

/* Whoever has used up his tokens does not get them back by having others forgotten: with a table of 4096
 * buckets and 65,536 addresses, all of them together get about what the table has, and he gets nothing. */
static void test_rate__more_addresses_than_buckets__nobody_is_reset(void **state)
{
    (void)state;
    enum { BURST = 4, MANY = 65536 };
    struct pst_rate *rate = make(1, BURST);
    unsigned retry_s, granted = 0;
    assert_int_equal(take_all(rate, "198.51.100.1", 0), BURST);
    for (unsigned i = 0; i < MANY; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.1.%u.%u", i / 256, i % 256);
        granted += pst_rate_take(rate, address, 0, &retry_s);
        if (i % 1024 == 0)
            assert_false(pst_rate_take(rate, "198.51.100.1", 0, &retry_s));
    }
    assert_int_equal(granted, 4096 * BURST - BURST); /* his own are gone */
    assert_false(pst_rate_take(rate, "198.51.100.1", 0, &retry_s));
    /* And time heals. */
    assert_true(pst_rate_take(rate, "198.51.100.1", 60000, &retry_s));
    pst_rate_free(rate);
}

static void test_rate__few_addresses__do_not_touch_each_other(void **state)
{
    (void)state;
    struct pst_rate *rate = make(1, 2);
    for (unsigned i = 0; i < 100; i++) {
        char address[32];
        (void)snprintf(address, sizeof address, "10.2.3.%u", i);
        assert_int_equal(take_all(rate, address, 0), 2);
    }
    pst_rate_free(rate);
}

static void test_rate__nothing_a_minute__refused(void **state)
{
    (void)state;
    struct pst_rate *rate;
    assert_int_equal(pst_rate_new(&rate, 0, 1), PST_E_INVAL);
    assert_null(rate);
    assert_int_equal(pst_rate_new(&rate, 1, 0), PST_E_INVAL);
    pst_rate_free(NULL);
}

struct taker {
    struct pst_rate *rate;
    unsigned granted;
};

static void *take_many(void *arg)
{
    struct taker *taker = arg;
    unsigned retry_s;
    for (unsigned i = 0; i < 1000; i++)
        taker->granted += pst_rate_take(taker->rate, "192.0.2.1", 0, &retry_s);
    return NULL;
}

static void test_rate__several_threads__no_token_twice(void **state)
{
    (void)state;
    struct pst_rate *rate = make(1, 1500);
    struct taker takers[4] = {{rate, 0}, {rate, 0}, {rate, 0}, {rate, 0}};
    pthread_t threads[4];
    unsigned granted = 0;
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, take_many, &takers[i]), 0);
    for (size_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        granted += takers[i].granted;
    }
    assert_int_equal(granted, 1500);
    pst_rate_free(rate);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate__burst__then_one_a_while),
        cmocka_unit_test(test_rate__long_ago__no_more_than_the_burst),
        cmocka_unit_test(test_rate__clock_goes_back__no_token_for_it),
        cmocka_unit_test(test_rate__addresses__which_are_one),
        cmocka_unit_test(test_rate__more_addresses_than_buckets__nobody_is_reset),
        cmocka_unit_test(test_rate__few_addresses__do_not_touch_each_other),
        cmocka_unit_test(test_rate__nothing_a_minute__refused),
        cmocka_unit_test(test_rate__several_threads__no_token_twice),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
