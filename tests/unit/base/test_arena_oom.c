/* The arena: alignment, growing in place, big pieces, and what happens when memory runs out. The wrapped
 * allocator also tells whether anything was allocated at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/arena.h"
#include "support/failmalloc.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

enum { FIRST = 1024, BLOCK = 4096 };

static _Alignas(16) char first[FIRST];

/* As long as this is armed nothing can be allocated. */
static void forbid(void)
{
    failmalloc_arm(1, FAILMALLOC_ALL);
}

static bool is_in_first(const void *ptr)
{
    return (const char *)ptr >= first && (const char *)ptr < first + FIRST;
}

static void test_arena_alloc__sizes_0_to_200__aligned_and_apart(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    enum { MANY = 201 };
    char *pieces[MANY];
    for (size_t i = 0; i < MANY; i++) {
        pieces[i] = pst_arena_alloc(&a, i);
        assert_non_null(pieces[i]);
        assert_int_equal((uintptr_t)pieces[i] % 16, 0);
        memset(pieces[i], (int)i, i);
    }
    for (size_t i = 0; i < MANY; i++)
        for (size_t k = 0; k < i; k++)
            assert_int_equal((unsigned char)pieces[i][k], i);
    pst_arena_fini(&a);
}

static void test_arena_init__first_at_any_address__pieces_are_aligned_and_within(void **state)
{
    (void)state;
    for (size_t skew = 0; skew < 32; skew++) {
        for (size_t size = 0; size < 64; size++) {
            struct pst_arena a;
            pst_arena_init(&a, first + skew, size);
            forbid();
            for (;;) {
                char *piece = pst_arena_alloc(&a, 16);
                if (!piece)
                    break;
                assert_int_equal((uintptr_t)piece % 16, 0);
                assert_true(piece >= first + skew && piece + 16 <= first + skew + size);
            }
            failmalloc_disarm();
            pst_arena_fini(&a);
        }
    }
}

static void test_arena_alloc__no_first_memory__allocates(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, NULL, 0);
    assert_non_null(pst_arena_alloc(&a, 0));
    char *piece = pst_arena_alloc(&a, 100);
    assert_non_null(piece);
    memset(piece, 1, 100);
    pst_arena_fini(&a);
}

static void test_arena_alloc__fits_in_first__allocates_nothing(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    forbid();
    for (size_t i = 0; i < FIRST / 16; i++)
        assert_non_null(pst_arena_alloc(&a, 16));
    assert_non_null(pst_arena_alloc(&a, 0)); /* even now: a size of 0 gives a valid pointer */
    assert_false(failmalloc_disarm());
    forbid();
    assert_null(pst_arena_alloc(&a, 1));
    assert_true(failmalloc_disarm());
    pst_arena_fini(&a);
}

/* A big piece has a block of its own: what is left of the current one goes on being used. */
static void test_arena_alloc__big_pieces__leave_the_current_block_in_use(void **state)
{
    (void)state;
    static const size_t sizes[] = {BLOCK / 4 + 1, BLOCK - 16, BLOCK - 1, BLOCK, BLOCK + 1, 10 * BLOCK};
    for (size_t i = 0; i < COUNT(sizes); i++) {
        struct pst_arena a;
        pst_arena_init(&a, first, sizeof(first));
        char *big = pst_arena_alloc(&a, sizes[i]);
        assert_non_null(big);
        assert_int_equal((uintptr_t)big % 16, 0);
        memset(big, 1, sizes[i]);
        forbid();
        char *small = pst_arena_alloc(&a, 16);
        failmalloc_disarm();
        if (!small || !is_in_first(small))
            fail_msg("a piece of %zu bytes took the current block away", sizes[i]);
        pst_arena_fini(&a);
    }
}

static void test_arena_alloc__impossible_sizes__null(void **state)
{
    (void)state;
    static const size_t sizes[] = {SIZE_MAX,      SIZE_MAX - 1,  SIZE_MAX - 14, SIZE_MAX - 15,
                                   SIZE_MAX - 16, SIZE_MAX - 17, SIZE_MAX - 47};
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    char *piece = pst_arena_alloc(&a, 16);
    forbid(); /* no allocator has so much; the sum must not wrap around to something small either */
    for (size_t i = 0; i < COUNT(sizes); i++) {
        assert_null(pst_arena_alloc(&a, sizes[i]));
        assert_null(pst_arena_grow(&a, piece, 16, sizes[i]));
    }
    failmalloc_disarm();
    assert_non_null(pst_arena_alloc(&a, 16));
    pst_arena_fini(&a);
}

static void test_arena_grow__last_piece__stays_in_place(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    forbid();
    char *piece = pst_arena_alloc(&a, 10);
    memcpy(piece, "0123456789", 10);
    for (size_t size = 10; size < FIRST; size += 7) {
        assert_ptr_equal(pst_arena_grow(&a, piece, size, size + 7 < FIRST ? size + 7 : FIRST), piece);
        assert_memory_equal(piece, "0123456789", 10);
    }
    /* Shrinking it makes room again. */
    assert_ptr_equal(pst_arena_grow(&a, piece, FIRST, 16), piece);
    assert_ptr_equal(pst_arena_alloc(&a, 16), piece + 16);
    assert_false(failmalloc_disarm());
    pst_arena_fini(&a);
}

static void test_arena_grow__not_the_last_or_no_room__moves_a_copy(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    char *piece = pst_arena_alloc(&a, 10);
    memcpy(piece, "0123456789", 10);
    char *after = pst_arena_alloc(&a, 1);
    *after = 'x';
    char *moved = pst_arena_grow(&a, piece, 10, 100);
    assert_non_null(moved);
    assert_true(moved != piece);
    assert_memory_equal(moved, "0123456789", 10);
    memset(moved, 'y', 100);
    assert_int_equal(*after, 'x');

    memcpy(moved, "0123456789", 10);
    char *big = pst_arena_grow(&a, moved, 100, FIRST * 2);
    assert_non_null(big);
    assert_memory_equal(big, "0123456789", 10);
    memset(big, 'z', (size_t)FIRST * 2);
    pst_arena_fini(&a);
}

static void test_arena_grow__from_nothing__is_an_alloc(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    char *piece = pst_arena_grow(&a, NULL, 0, 40);
    assert_non_null(piece);
    memset(piece, 1, 40);
    pst_arena_fini(&a);
}

static void test_arena_grow__out_of_memory__the_old_piece_stays(void **state)
{
    (void)state;
    struct pst_arena a;
    pst_arena_init(&a, first, sizeof(first));
    char *piece = pst_arena_alloc(&a, 10);
    memcpy(piece, "0123456789", 10);
    forbid();
    assert_null(pst_arena_grow(&a, piece, 10, FIRST + 1));
    assert_null(pst_arena_alloc(&a, FIRST));
    failmalloc_disarm();
    assert_memory_equal(piece, "0123456789", 10);
    assert_ptr_equal(pst_arena_grow(&a, piece, 10, 20), piece);
    pst_arena_fini(&a);
}

static uint64_t random_state = 88172645463325252U;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

static void test_arena__random_pieces_that_grow__keep_their_content(void **state)
{
    (void)state;
    enum { PIECES = 40, ROUNDS = 200, STEPS = 200 };
    for (int round = 0; round < ROUNDS; round++) {
        struct pst_arena a;
        pst_arena_init(&a, first, random_below(FIRST));
        struct {
            unsigned char *ptr;
            size_t len;
        } pieces[PIECES] = {{NULL, 0}};
        for (int step = 0; step < STEPS; step++) {
            unsigned i = random_below(PIECES);
            size_t len = pieces[i].len + random_below(random_below(20) ? 100 : 9000);
            unsigned char *ptr = pst_arena_grow(&a, pieces[i].ptr, pieces[i].len, len);
            assert_non_null(ptr);
            assert_int_equal((uintptr_t)ptr % 16, 0);
            memset(ptr + pieces[i].len, (int)i, len - pieces[i].len);
            pieces[i].ptr = ptr;
            pieces[i].len = len;
        }
        for (size_t i = 0; i < PIECES; i++)
            for (size_t k = 0; k < pieces[i].len; k++)
                if (pieces[i].ptr[k] != i)
                    fail_msg("round %d: piece %zu was overwritten", round, i);
        pst_arena_fini(&a);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_arena_alloc__sizes_0_to_200__aligned_and_apart),
        cmocka_unit_test(test_arena_init__first_at_any_address__pieces_are_aligned_and_within),
        cmocka_unit_test(test_arena_alloc__no_first_memory__allocates),
        cmocka_unit_test(test_arena_alloc__fits_in_first__allocates_nothing),
        cmocka_unit_test(test_arena_alloc__big_pieces__leave_the_current_block_in_use),
        cmocka_unit_test(test_arena_alloc__impossible_sizes__null),
        cmocka_unit_test(test_arena_grow__last_piece__stays_in_place),
        cmocka_unit_test(test_arena_grow__not_the_last_or_no_room__moves_a_copy),
        cmocka_unit_test(test_arena_grow__from_nothing__is_an_alloc),
        cmocka_unit_test(test_arena_grow__out_of_memory__the_old_piece_stays),
        cmocka_unit_test(test_arena__random_pieces_that_grow__keep_their_content),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
