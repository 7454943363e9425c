/* accel_bench.h - what the tests of all accelerated primitives share: dice that fall the same way each time,
 * tests run once with the library and once without, and threads that all begin at once.
 *
 * The includer defines DICE_SEED, and HAS_LIBRARY where its primitive has one. */
#ifndef PST_TESTS_ACCEL_BENCH_H
#define PST_TESTS_ACCEL_BENCH_H

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static uint64_t dice = DICE_SEED;

static inline size_t roll(size_t limit)
{
    dice ^= dice << 13;
    dice ^= dice >> 7;
    dice ^= dice << 17;
    return (size_t)(dice >> 16) % limit;
}

/* fn(args[i]) in count threads, at most 16; each has to give its argument back. */
static inline void run_in_threads(void *(*fn)(void *arg), void *const *args, size_t count)
{
    pthread_t threads[16];
    assert_in_range(count, 1, 16);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, fn, args[i]), 0);
    for (size_t i = 0; i < count; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, args[i]);
    }
}

#if defined(HAS_LIBRARY)
#include "accel/accel.h"
#include "accel/cpu.h"

static inline int limit(void **state)
{
    (void)state;
    pst_accel_cpu_limit(0);
    return 0;
}

static inline int unlimit(void **state)
{
    (void)state;
    pst_accel_cpu_limit(~0U);
    return 0;
}

#define TWICE(test) cmocka_unit_test(test), cmocka_unit_test_setup_teardown(test, limit, unlimit)
#else
#define TWICE(test) cmocka_unit_test(test)
#endif

#endif
