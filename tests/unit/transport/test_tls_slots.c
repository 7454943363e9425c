/* Blocks of 1 KiB, four to a page: zeroed, never shared, and a page with none in use is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>
#include <pthread.h>

#include "transport/tls_slots.h"

enum { MANY = 1000, THREADS = 4, ROUNDS = 20000, KEPT = 32 };

static int start(void **state)
{
    (void)state;
    pst_tls_slots_init();
    return 0;
}

static size_t slots_of_a_page(void)
{
    return (size_t)sysconf(_SC_PAGESIZE) / PST_TLS_SLOT_BYTES;
}

static bool is_all(const unsigned char *p, unsigned char value)
{
    for (size_t i = 0; i < PST_TLS_SLOT_BYTES; i++)
        if (p[i] != value)
            return false;
    return true;
}

static bool is_present(void *slot)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    unsigned char present = 0;
    assert_int_equal(mincore((void *)((uintptr_t)slot / page * page), page, &present), 0);
    return present & 1;
}

static void test_tls_slots__taken__are_zeros_apart_and_aligned(void **state)
{
    (void)state;
    static unsigned char *slots[MANY];
    struct pst_tls_slots_stats stats;
    for (unsigned round = 0; round < 2; round++) {
        for (size_t i = 0; i < MANY; i++) {
            slots[i] = pst_tls_slot_take(PST_TLS_SLOT_BYTES);
            assert_non_null(slots[i]);
            assert_int_equal((uintptr_t)slots[i] % PST_TLS_SLOT_BYTES, 0);
            assert_true(is_all(slots[i], 0));
            memset(slots[i], (int)i, PST_TLS_SLOT_BYTES);
        }
        pst_tls_slots_stats(&stats);
        assert_int_equal(stats.live_slots, MANY);
        assert_in_range(stats.pages, MANY / slots_of_a_page(), MANY / slots_of_a_page() + KEPT);
        for (size_t i = 0; i < MANY; i++) {
            assert_true(is_all(slots[i], (unsigned char)i));
            assert_true(pst_tls_slot_give(slots[i]));
        }
        pst_tls_slots_stats(&stats);
        assert_int_equal(stats.live_slots, 0);
        assert_int_equal(stats.pages, KEPT);
    }
    size_t present = 0;
    for (size_t i = 0; i < MANY; i++)
        present += is_present(slots[i]);
    assert_true(present <= KEPT * slots_of_a_page());
}

/* What is in use holds its own page only, and gaps are filled before new pages are touched. */
static void test_tls_slots__gaps__are_filled_first(void **state)
{
    (void)state;
    static unsigned char *slots[MANY];
    struct pst_tls_slots_stats before, after;
    for (size_t i = 0; i < MANY; i++)
        slots[i] = pst_tls_slot_take(PST_TLS_SLOT_BYTES);
    pst_tls_slots_stats(&before);
    for (size_t i = 0; i < MANY; i += 3)
        assert_true(pst_tls_slot_give(slots[i]));
    for (size_t i = 0; i < MANY; i += 3)
        slots[i] = pst_tls_slot_take(PST_TLS_SLOT_BYTES);
    pst_tls_slots_stats(&after);
    assert_int_equal(after.pages, before.pages);
    assert_int_equal(after.live_slots, before.live_slots);
    for (size_t i = 0; i < MANY; i++)
        assert_true(pst_tls_slot_give(slots[MANY - 1 - i]));
    pst_tls_slots_stats(&after);
    assert_int_equal(after.live_slots, 0);
    assert_int_equal(after.pages, KEPT);
}

static void test_tls_slots__what_is_none__is_left_alone(void **state)
{
    (void)state;
    int other;
    assert_null(pst_tls_slot_take(PST_TLS_SLOT_BYTES + 1));
    assert_false(pst_tls_slot_give(NULL));
    assert_false(pst_tls_slot_give(&other));
}

/* Taken and given back in disorder; the mark shows that nobody else has a slot of ours. */
static void *churn(void *arg)
{
    unsigned char mark = *(unsigned char *)arg;
    unsigned char *mine[20] = {0};
    for (size_t i = 0; i < ROUNDS; i++) {
        unsigned char **p = &mine[i * 7 % 20];
        if (i % 3 == 2 && *p) {
            if (!is_all(*p, mark) || !pst_tls_slot_give(*p))
                return arg;
            *p = NULL;
        } else if (!*p) {
            *p = pst_tls_slot_take(PST_TLS_SLOT_BYTES);
            if (!*p || !is_all(*p, 0))
                return arg;
            memset(*p, mark, PST_TLS_SLOT_BYTES);
        }
    }
    for (size_t i = 0; i < 20; i++)
        if (mine[i])
            (void)pst_tls_slot_give(mine[i]);
    return NULL;
}

static void test_tls_slots__several_threads__never_share_one(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    unsigned char marks[THREADS] = {1, 2, 3, 4};
    struct pst_tls_slots_stats stats;
    for (size_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pst_tls_slots_stats(&stats);
    assert_int_equal(stats.live_slots, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_slots__taken__are_zeros_apart_and_aligned),
        cmocka_unit_test(test_tls_slots__gaps__are_filled_first),
        cmocka_unit_test(test_tls_slots__what_is_none__is_left_alone),
        cmocka_unit_test(test_tls_slots__several_threads__never_share_one),
    };
    if (slots_of_a_page() < 1 || slots_of_a_page() > 16)
        return 0; /* pages of another size: calloc serves all */
    return cmocka_run_group_tests(tests, start, NULL);
}
