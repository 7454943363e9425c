/* The cache of small files: bounds, order of use, references. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "handlers/static_cache.h"

static struct pst_static_entry *put(struct pst_static_cache *cache, const char *path, size_t size)
{
    struct pst_static_entry *entry = pst_static_entry_new(NULL, pst_slice_str(path), size);
    assert_non_null(entry);
    memset(entry->data, path[0], size);
    pst_static_cache_put(cache, entry);
    pst_static_entry_unref(entry);
    return entry;
}

static struct pst_static_entry *find(struct pst_static_cache *cache, const char *path)
{
    return pst_static_cache_find(cache, pst_slice_str(path));
}

static void test_cache__put_and_find__same_content(void **state)
{
    (void)state;
    struct pst_static_cache *cache = pst_static_cache_new(8, 100000);
    assert_null(find(cache, "a"));
    struct pst_static_entry *entry = put(cache, "a/b.html", 10);
    assert_ptr_equal(find(cache, "a/b.html"), entry);
    assert_null(find(cache, "a/b.htm"));
    assert_null(find(cache, ""));
    assert_true(pst_slice_eq(entry->path, PST_SLICE("a/b.html")));
    assert_memory_equal(entry->data, "aaaaaaaaaa", 10);
    pst_static_cache_free(cache);
}

static void test_cache__empty_file__is_kept(void **state)
{
    (void)state;
    struct pst_static_cache *cache = pst_static_cache_new(8, 100000);
    assert_int_equal(put(cache, "empty", 0)->size, 0);
    assert_non_null(find(cache, "empty"));
    pst_static_cache_free(cache);
}

/* A descriptor each: so only large entries have one, only few of them, and it goes with the entry. */
static void test_cache__large_entries__some_are_files_too(void **state)
{
    (void)state;
    enum { SIZE = PST_STATIC_MEMFD_MIN_BYTES };
    struct pst_static_cache *cache = pst_static_cache_new(100, 100 * SIZE);
    struct pst_static_entry *entries[PST_STATIC_MEMFD_MAX_ENTRIES + 1];
    for (size_t i = 0; i <= PST_STATIC_MEMFD_MAX_ENTRIES; i++) {
        char path[8];
        (void)snprintf(path, sizeof path, "%zu", i);
        entries[i] = pst_static_entry_new(cache, pst_slice_str(path), SIZE);
        assert_non_null(entries[i]);
        assert_true(pst_slice_eq(entries[i]->path, pst_slice_str(path)));
        memset(entries[i]->data, (int)i, SIZE);
        pst_static_cache_put(cache, entries[i]);
        pst_static_entry_unref(entries[i]);
        assert_int_equal(entries[i]->fd >= 0, i < PST_STATIC_MEMFD_MAX_ENTRIES);
    }
    char content[SIZE];
    int fd = entries[7]->fd;
    assert_int_equal(pread(fd, content, SIZE, 0), SIZE);
    assert_memory_equal(content, entries[7]->data, SIZE);
    pst_static_cache_drop(cache, entries[7]); /* one may be in its place */
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    struct pst_static_entry *next = pst_static_entry_new(cache, PST_SLICE("next"), SIZE);
    assert_true(next->fd >= 0);
    pst_static_entry_unref(next);
    struct pst_static_entry *small = pst_static_entry_new(cache, PST_SLICE("small"), SIZE - 1);
    assert_int_equal(small->fd, -1);
    pst_static_entry_unref(small);
    pst_static_cache_free(cache);
}

static void test_cache__too_many_entries__least_used_goes(void **state)
{
    (void)state;
    struct pst_static_cache *cache = pst_static_cache_new(3, 100000);
    put(cache, "a", 1);
    put(cache, "b", 1);
    put(cache, "c", 1);
    assert_non_null(find(cache, "a")); /* a use: now b is the oldest */
    put(cache, "d", 1);
    assert_null(find(cache, "b"));
    assert_non_null(find(cache, "a"));
    assert_non_null(find(cache, "c"));
    assert_non_null(find(cache, "d"));
    pst_static_cache_free(cache);
}

static void test_cache__too_many_bytes__oldest_go(void **state)
{
    (void)state;
    size_t each = sizeof(struct pst_static_entry) + 1000 + 1;
    struct pst_static_cache *cache = pst_static_cache_new(100, 3 * each);
    put(cache, "a", 1000);
    put(cache, "b", 1000);
    put(cache, "c", 1000);
    assert_non_null(find(cache, "a"));
    put(cache, "d", 2000); /* needs the room of two */
    assert_null(find(cache, "b"));
    assert_null(find(cache, "c"));
    assert_non_null(find(cache, "a"));
    assert_non_null(find(cache, "d"));
    put(cache, "huge", 4000); /* larger than the whole cache: not taken, and nothing goes for it */
    assert_null(find(cache, "huge"));
    assert_non_null(find(cache, "d"));
    pst_static_cache_free(cache);
}

static void test_cache__same_path_again__replaces(void **state)
{
    (void)state;
    struct pst_static_cache *cache = pst_static_cache_new(4, 100000);
    put(cache, "a", 1);
    struct pst_static_entry *second = put(cache, "a", 2);
    assert_ptr_equal(find(cache, "a"), second);
    pst_static_cache_drop(cache, second);
    assert_null(find(cache, "a"));
    pst_static_cache_free(cache);
}

static void test_cache__reference_held__content_outlives_drop_and_cache(void **state)
{
    (void)state;
    struct pst_static_cache *cache = pst_static_cache_new(4, 100000);
    struct pst_static_entry *entry = put(cache, "a", 3);
    pst_static_entry_ref(entry);
    pst_static_cache_drop(cache, entry);
    pst_static_cache_drop(cache, entry); /* does nothing the second time */
    assert_null(find(cache, "a"));
    put(cache, "b", 1);
    pst_static_cache_free(cache);
    assert_memory_equal(entry->data, "aaa", 3);
    pst_static_entry_unref(entry); /* the address sanitizer tells if this was not the last */
}

static void test_cache__many_paths__all_found_within_bounds(void **state)
{
    (void)state;
    char path[32];
    struct pst_static_cache *cache = pst_static_cache_new(1000, 10000000);
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(path, sizeof path, "%d.html", i);
        put(cache, path, (size_t)i % 50);
    }
    for (int i = 0; i < 3000; i++) {
        (void)snprintf(path, sizeof path, "%d.html", i);
        struct pst_static_entry *entry = find(cache, path);
        assert_int_equal(entry != NULL, i >= 2000);
        if (entry)
            assert_int_equal(entry->size, i % 50);
    }
    pst_static_cache_free(cache);
    pst_static_cache_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cache__put_and_find__same_content),
        cmocka_unit_test(test_cache__empty_file__is_kept),
        cmocka_unit_test(test_cache__large_entries__some_are_files_too),
        cmocka_unit_test(test_cache__too_many_entries__least_used_goes),
        cmocka_unit_test(test_cache__too_many_bytes__oldest_go),
        cmocka_unit_test(test_cache__same_path_again__replaces),
        cmocka_unit_test(test_cache__reference_held__content_outlives_drop_and_cache),
        cmocka_unit_test(test_cache__many_paths__all_found_within_bounds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
