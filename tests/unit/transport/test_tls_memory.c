/* The memory beneath Mbed TLS: zeroed, reusable, returned to the system when idle or after a burst. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include <mbedtls/platform.h>

#include "transport/tls.h"
#include "transport/tls_memory.h"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define HAS_SANITIZER 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define HAS_SANITIZER 1
#endif
#endif

enum { BUFFER = 16429, MANY = 1000 };

#if defined(MBEDTLS_PLATFORM_MEMORY) && !defined(POSTERN_SYSTEM_MBEDTLS)

static int start(void **state)
{
    (void)state;
    return pst_tls_global_init();
}

static bool is_zero(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static size_t resident_pages(void *block)
{
    unsigned char pages[16] = {0};
    size_t page = (size_t)sysconf(_SC_PAGESIZE), n = (BUFFER + page - 1) / page, count = 0;
    assert_int_equal(mincore(block, BUFFER, pages), 0);
    for (size_t i = 0; i < n; i++)
        count += pages[i] & 1;
    return count;
}

static void test_tls_memory__sizes__are_zeroed_and_aligned_as_they_should(void **state)
{
    (void)state;
    static const size_t sizes[] = {1, 100, 16384, 16385, BUFFER, 20480, 20481, 100000};
    for (int round = 0; round < 3; round++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            unsigned char *p = mbedtls_calloc(1, sizes[i]);
            assert_non_null(p);
            assert_true(is_zero(p, sizes[i]));
            memset(p, 0xff, sizes[i]);
            bool is_block = sizes[i] > 16384 && sizes[i] <= 20480;
            if (is_block)
                assert_int_equal((uintptr_t)p % (size_t)sysconf(_SC_PAGESIZE), 0);
            assert_int_equal(pst_tls_memory_trim(p), is_block);
            mbedtls_free(p);
        }
    mbedtls_free(NULL);
}

static void test_tls_memory__trim__gives_all_pages_back(void **state)
{
    (void)state;
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    struct pst_tls_memory_stats before, after;
    pst_tls_memory_stats(&before);
    unsigned char *p = mbedtls_calloc(1, BUFFER);
    assert_non_null(p);
    memset(p, 0xaa, BUFFER);
    assert_int_equal(resident_pages(p), (BUFFER + page - 1) / page);
    pst_tls_memory_stats(&after);
    assert_int_equal(after.live_pages - before.live_pages, (BUFFER + page - 1) / page);
    assert_true(pst_tls_memory_trim(p));
    assert_int_equal(resident_pages(p), 0);
    pst_tls_memory_stats(&after);
    assert_int_equal(after.live_pages, before.live_pages);
    assert_true(is_zero(p, BUFFER));
    assert_false(pst_tls_memory_trim(NULL));
    assert_false(pst_tls_memory_trim(&page));
    mbedtls_free(p);
}

static void test_tls_memory__drop__frees_without_a_page(void **state)
{
    (void)state;
    struct pst_tls_memory_stats before, after;
    unsigned char *p = mbedtls_calloc(1, BUFFER), *other = mbedtls_calloc(1, 100);
    assert_non_null(p);
    assert_non_null(other);
    memset(p, 0xaa, BUFFER);
    pst_tls_memory_stats(&before);
    assert_true(pst_tls_memory_drop(p));
    pst_tls_memory_stats(&after);
    assert_int_equal(after.live_blocks, before.live_blocks - 1);
    assert_int_equal(after.kept_blocks, before.kept_blocks);
    assert_int_equal(resident_pages(p), 0);
    assert_false(pst_tls_memory_drop(other));
    assert_false(pst_tls_memory_drop(NULL));
    mbedtls_free(other);
}

static void test_tls_memory__burst__does_not_pin_its_pages(void **state)
{
    (void)state;
    static unsigned char *blocks[MANY];
    struct pst_tls_memory_stats stats;
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < MANY; i++) {
            blocks[i] = mbedtls_calloc(1, BUFFER);
            assert_non_null(blocks[i]);
            assert_true(is_zero(blocks[i], BUFFER));
            memset(blocks[i], i, BUFFER);
        }
        pst_tls_memory_stats(&stats);
        assert_int_equal(stats.live_blocks, MANY);
        for (int i = 0; i < MANY; i++) {
            assert_int_equal(blocks[i][0], (unsigned char)i);
            assert_int_equal(blocks[i][BUFFER - 1], (unsigned char)i);
            mbedtls_free(blocks[i]);
        }
        pst_tls_memory_stats(&stats);
        assert_int_equal(stats.live_blocks, 0);
        assert_int_equal(stats.kept_blocks, 64);
    }
    size_t resident = 0;
    for (int i = 0; i < MANY; i++)
        resident += resident_pages(blocks[i]) > 0;
    assert_true(resident <= 64);
}

static void *churn(void *arg)
{
    unsigned char mark = *(unsigned char *)arg;
    unsigned char *mine[20] = {0};
    for (int i = 0; i < 20000; i++) {
        unsigned char **p = &mine[(i * 7) % 20];
        if (*p) {
            if ((*p)[0] != mark || (*p)[BUFFER - 1] != mark)
                return arg;
            mbedtls_free(*p);
            *p = NULL;
        } else {
            *p = mbedtls_calloc(1, BUFFER);
            if (!*p || (*p)[0] != 0 || (*p)[BUFFER - 1] != 0)
                return arg;
            (*p)[0] = (*p)[BUFFER - 1] = mark;
        }
    }
    for (int i = 0; i < 20; i++)
        mbedtls_free(mine[i]);
    return NULL;
}

static void test_tls_memory__several_threads__never_share_a_block(void **state)
{
    (void)state;
    pthread_t threads[4];
    unsigned char marks[4] = {1, 2, 3, 4};
    struct pst_tls_memory_stats stats;
    for (int i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, churn, &marks[i]), 0);
    for (int i = 0; i < 4; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
    pst_tls_memory_stats(&stats);
    assert_int_equal(stats.live_blocks, 0);
}

#if !defined(HAS_SANITIZER)
/* With little address space (RLIMIT_AS) the reservation is small; what exceeds it comes from calloc. In a
 * child, before the allocator is set up. Sanitizers need the address space themselves. */
static int exhausted(void)
{
    static unsigned char *blocks[MANY];
    struct pst_tls_memory_stats stats;
    struct rlimit limit = {48u << 20, 48u << 20};
    if (setrlimit(RLIMIT_AS, &limit) != 0 || pst_tls_global_init() != 0)
        return 1;
    for (int i = 0; i < MANY; i++) {
        blocks[i] = mbedtls_calloc(1, BUFFER);
        if (!blocks[i] || !is_zero(blocks[i], BUFFER))
            return 2;
        memset(blocks[i], i, BUFFER);
    }
    pst_tls_memory_stats(&stats);
    if (stats.live_blocks == 0 || stats.live_blocks >= MANY)
        return 3;
    if (!pst_tls_memory_trim(blocks[0]) || pst_tls_memory_trim(blocks[MANY - 1]))
        return 4;
    for (int i = 0; i < MANY; i++) {
        if (i > 0 && (blocks[i][0] != (unsigned char)i || blocks[i][BUFFER - 1] != (unsigned char)i))
            return 5;
        mbedtls_free(blocks[i]);
    }
    pst_tls_memory_stats(&stats);
    return stats.live_blocks == 0 ? 0 : 6;
}
#endif

static void test_tls_memory__little_address_space__falls_back_on_calloc(void **state)
{
    (void)state;
#if defined(HAS_SANITIZER)
    skip();
#else
    const char *preload = getenv("LD_PRELOAD");
    if (preload && strstr(preload, "vgpreload"))
        skip(); /* valgrind lives in the same address space */
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0)
        _exit(exhausted());
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
#endif
}

int main(void)
{
    const struct CMUnitTest first[] = {
        cmocka_unit_test(test_tls_memory__little_address_space__falls_back_on_calloc),
    };
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_memory__sizes__are_zeroed_and_aligned_as_they_should),
        cmocka_unit_test(test_tls_memory__trim__gives_all_pages_back),
        cmocka_unit_test(test_tls_memory__drop__frees_without_a_page),
        cmocka_unit_test(test_tls_memory__burst__does_not_pin_its_pages),
        cmocka_unit_test(test_tls_memory__several_threads__never_share_a_block),
    };
    return cmocka_run_group_tests(first, NULL, NULL) + cmocka_run_group_tests(tests, start, NULL);
}

#else

int main(void)
{
    return 0; /* the allocator is not ours */
}

#endif
