/* Pools: what is kept, what is freed, what is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/pool.h"

enum { BLOCK = 100, KEEP = 3, MANY = 10 };

static void test_pool_get__fresh_blocks__aligned_distinct_and_counted(void **state)
{
    (void)state;
    struct pst_pool pool;
    pst_pool_init(&pool, BLOCK, KEEP);
    assert_int_equal(pool.live_count, 0);
    char *blocks[MANY];
    for (size_t i = 0; i < MANY; i++) {
        blocks[i] = pst_pool_get(&pool);
        assert_non_null(blocks[i]);
        assert_int_equal((uintptr_t)blocks[i] % 16, 0);
        memset(blocks[i], (int)i, BLOCK); /* the sanitizer sees a block that is too short */
        assert_int_equal(pool.live_count, i + 1);
    }
    for (size_t i = 0; i < MANY; i++) {
        for (size_t k = 0; k < BLOCK; k++)
            assert_int_equal(blocks[i][k], i);
        pst_pool_put(&pool, blocks[i]);
    }
    assert_int_equal(pool.live_count, 0);
    pst_pool_fini(&pool);
}

static void test_pool_put__beyond_keep__frees_the_rest(void **state)
{
    (void)state;
    struct pst_pool pool;
    pst_pool_init(&pool, BLOCK, KEEP);
    void *blocks[MANY];
    for (size_t i = 0; i < MANY; i++)
        assert_non_null(blocks[i] = pst_pool_get(&pool));
    for (size_t i = 0; i < MANY; i++) {
        pst_pool_put(&pool, blocks[i]);
        assert_int_equal(pool.free_count, i + 1 < KEEP ? i + 1 : KEEP);
    }
    pst_pool_fini(&pool); /* the leak checker sees to it that the others went */
    assert_int_equal(pool.free_count, 0);
    assert_null(pool.free_blocks);
}

static void test_pool_get__after_put__reuses_the_last_block(void **state)
{
    (void)state;
    struct pst_pool pool;
    pst_pool_init(&pool, BLOCK, KEEP);
    char *a = pst_pool_get(&pool), *b = pst_pool_get(&pool);
    assert_non_null(a);
    assert_non_null(b);
    pst_pool_put(&pool, a);
    pst_pool_put(&pool, b);
    /* The one that is most likely still in the cache. */
    assert_ptr_equal(pst_pool_get(&pool), b);
    memset(b, 1, BLOCK); /* it is not poisoned any more */
    assert_ptr_equal(pst_pool_get(&pool), a);
    memset(a, 1, BLOCK);
    assert_int_equal(pool.free_count, 0);
    assert_int_equal(pool.live_count, 2);
    pst_pool_put(&pool, a);
    pst_pool_put(&pool, b);
    pst_pool_fini(&pool);
}

static void test_pool__keep_nothing__frees_at_once(void **state)
{
    (void)state;
    struct pst_pool pool;
    pst_pool_init(&pool, sizeof(void *), 0);
    void *block = pst_pool_get(&pool);
    assert_non_null(block);
    pst_pool_put(&pool, block);
    assert_int_equal(pool.free_count, 0);
    assert_int_equal(pool.live_count, 0);
    pst_pool_fini(&pool);
}

static void test_pool_put__null__nothing_happens(void **state)
{
    (void)state;
    struct pst_pool pool;
    pst_pool_init(&pool, BLOCK, KEEP);
    pst_pool_put(&pool, NULL);
    assert_int_equal(pool.live_count, 0);
    assert_int_equal(pool.free_count, 0);
    pst_pool_fini(&pool);
}

static void test_pools__both_kinds__have_their_sizes(void **state)
{
    (void)state;
    struct pst_pools pools;
    pst_pools_init(&pools);
    char *chunk = pst_pool_get(&pools.chunks), *wire = pst_pool_get(&pools.wires);
    assert_non_null(chunk);
    assert_non_null(wire);
    memset(chunk, 1, PST_CHUNK_BYTES);
    memset(wire, 1, PST_WIRE_BYTES);
    pst_pool_put(&pools.chunks, chunk);
    pst_pool_put(&pools.wires, wire);
    pst_pools_fini(&pools);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_pool_get__fresh_blocks__aligned_distinct_and_counted),
        cmocka_unit_test(test_pool_put__beyond_keep__frees_the_rest),
        cmocka_unit_test(test_pool_get__after_put__reuses_the_last_block),
        cmocka_unit_test(test_pool__keep_nothing__frees_at_once),
        cmocka_unit_test(test_pool_put__null__nothing_happens),
        cmocka_unit_test(test_pools__both_kinds__have_their_sizes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
