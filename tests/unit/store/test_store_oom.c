/* Out of memory, everywhere: allocation i fails for every i, our own and SQLite's. Each time the store says
 * so, loses nothing that it acknowledged, leaks nothing, and works when there is memory again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/failmalloc.h"
#include "support/store_rig.h"

/* ---- SQLite's allocator: its own, but for number sqlite_left from now on, of any thread ---- */

static sqlite3_mem_methods sqlite_real;
static atomic_long sqlite_left; /* 0: none fails */
static atomic_bool sqlite_failed;

static bool sqlite_must_fail(void)
{
    if (atomic_load(&sqlite_left) <= 0 || atomic_fetch_sub(&sqlite_left, 1) != 1)
        return false;
    atomic_store(&sqlite_failed, true);
    return true;
}

static void *sqlite_malloc(int size)
{
    return sqlite_must_fail() ? NULL : sqlite_real.xMalloc(size);
}

static void *sqlite_realloc(void *ptr, int size)
{
    return sqlite_must_fail() ? NULL : sqlite_real.xRealloc(ptr, size);
}

static void sqlite_arm(long number)
{
    atomic_store(&sqlite_failed, false);
    atomic_store(&sqlite_left, number);
}

static bool sqlite_disarm(void)
{
    atomic_store(&sqlite_left, 0);
    return atomic_load(&sqlite_failed);
}

/* ---- what is done while memory fails ---- */

static int draft_post(struct pst_store *store, struct pst_draft *draft, struct pst_receipt *ret_receipt)
{
    static unsigned turn; /* another key each time: a known one repeats what was */
    char long_value[600], key[16];
    memset(long_value, 'x', sizeof(long_value));
    int key_len = snprintf(key, sizeof(key), "%u", turn++);
    struct pst_draft_head head = {.box = PST_SLICE("a"),
                                  .type = PST_SLICE("multipart/form-data"),
                                  .key = pst_slice_of(key, (size_t)key_len),
                                  .may_make_box = true};
    int err = pst_draft_describe(draft, &head);
    if (!err)
        err = pst_draft_field(draft, PST_SLICE("text"), pst_slice_of(long_value, sizeof(long_value)));
    if (!err)
        err = pst_draft_body(draft, PST_SLICE("body"));
    if (!err)
        err = pst_draft_file_begin(draft, PST_SLICE("f"), pst_slice_of(long_value, sizeof(long_value)),
                                   PST_SLICE("image/png"));
    if (!err)
        err = pst_draft_file_write(draft, "abc", 3);
    if (!err)
        err = pst_draft_file_end(draft);
    return err ? err : pst_store_commit_wait(store, draft, ret_receipt);
}

static int post(struct pst_store *store, struct pst_receipt *ret_receipt)
{
    struct pst_draft *draft;
    int err = pst_draft_new(&draft, store);
    if (!err)
        err = draft_post(store, draft, ret_receipt);
    pst_draft_free(draft);
    return err;
}

static int read_all(struct pst_store *store)
{
    struct pst_post_query query = {.box = PST_SLICE("a"), .limit = 10};
    struct pst_post_page *page;
    struct pst_box_info *boxes;
    struct pst_post_file file;
    size_t count;
    char *names;
    int fd;
    int err = pst_store_read(store, &query, &page);
    if (err)
        return err;
    pst_post_page_free(page);
    err = pst_store_boxes(store, &boxes, &count);
    if (err)
        return err;
    free(boxes);
    err = pst_store_field_names(store, PST_SLICE("a"), 10, &names);
    if (err)
        return err;
    free(names);
    err = pst_store_open_file(store, PST_SLICE("a"), 1, 1, &fd, &file, NULL, 0);
    if (!err)
        close(fd);
    return err;
}

/* A post that stays, a second one with a key, and its end. */
static int use(struct pst_store *store)
{
    struct pst_receipt receipt;
    int err = post(store, &receipt);
    if (!err)
        err = read_all(store);
    if (!err)
        err = pst_store_delete(store, PST_SLICE("a"), receipt.id);
    return err;
}

static int open_and_use(struct store_rig *rig)
{
    uint64_t bytes;
    int err = pst_store_open(&rig->store, rig->folder, &rig->options, rig->why, sizeof(rig->why));
    if (err) {
        assert_true(rig->why[0] != '\0');
        return err;
    }
    err = use(rig->store);
    if (!err)
        err = pst_store_vacuum(rig->store, &bytes);
    store_rig_close(rig);
    return err;
}

/* ---- what holds afterwards ---- */

static void begin(struct store_rig *rig)
{
    store_rig_init(rig);
    store_rig_open(rig);
    assert_int_equal(store_rig_post_file(rig->store, "a", "first", 5), 1);
    store_rig_close(rig);
}

/* With memory: the first post is there and the store is sound; what another round left goes. */
static void check_sound(struct store_rig *rig)
{
    uint64_t bytes;
    store_rig_open(rig);
    assert_true(store_rig_file_is(rig->store, "a", 1, 1, "first", 5));
    struct pst_post_page *page = store_rig_read(rig->store, "a", 0);
    assert_true(page->box_count == 1 || page->box_count == 2);
    uint64_t last = page->posts[0].id;
    pst_post_page_free(page);
    if (last > 1)
        assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), last), 0);
    assert_int_equal(store_rig_names(rig, "files"), 1);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0);
    store_rig_close(rig);
}

static void test_store__our_allocation_fails__says_so_and_goes_on(void **state)
{
    (void)state;
    struct store_rig rig;
    size_t i = 1;
    begin(&rig);
    for (;; i++) {
        failmalloc_arm(i, 1);
        int err = open_and_use(&rig);
        bool has_failed = failmalloc_disarm();
        if (!has_failed)
            assert_int_equal(err, 0);
        else if (err != PST_E_NOMEM)
            fail_msg("allocation %zu failed: %s", i, pst_strerror(err));
        check_sound(&rig);
        if (!has_failed)
            break;
    }
    assert_true(i > 10);
    store_rig_fini(&rig);
}

static void test_store__sqlites_allocation_fails__says_so_and_goes_on(void **state)
{
    (void)state;
    struct store_rig rig;
    unsigned refused = 0;
    begin(&rig);
    for (long i = 1;; i += 5) { /* each of them would take a minute */
        sqlite_arm(i);
        int err = open_and_use(&rig);
        bool has_failed = sqlite_disarm();
        refused += err != 0;
        /* SQLite does without some of its memory. */
        if (err != 0 && err != PST_E_NOMEM)
            fail_msg("SQLite's allocation %ld failed: %s (%s)", i, pst_strerror(err), rig.why);
        if (!has_failed)
            assert_int_equal(err, 0);
        check_sound(&rig);
        if (!has_failed)
            break;
    }
    assert_true(refused > 100);
    store_rig_fini(&rig);
}

/* The same on a store that stays open, so that its connections have to live on. */
static void test_store__sqlites_allocation_fails__the_open_store_lives_on(void **state)
{
    (void)state;
    struct store_rig rig;
    struct pst_receipt receipt;
    begin(&rig);
    store_rig_open(&rig);
    for (long i = 1; i < 150; i++) {
        sqlite_arm(i);
        int err = use(rig.store);
        (void)sqlite_disarm();
        if (err != 0 && err != PST_E_NOMEM)
            fail_msg("SQLite's allocation %ld failed: %s", i, pst_strerror(err));
        assert_int_equal(store_rig_names(&rig, "tmp"), 0);
        assert_int_equal(store_rig_commit(rig.store, store_rig_draft(rig.store, "b"), &receipt), 0);
        assert_int_equal(receipt.id, i); /* none was lost, none is there twice */
        assert_int_equal(read_all(rig.store), 0);
    }
    store_rig_close(&rig);
    store_rig_open(&rig);
    struct pst_post_page *page = store_rig_read(rig.store, "b", 0);
    assert_int_equal(page->box_count, 149);
    pst_post_page_free(page);
    uint64_t bytes;
    assert_int_equal(pst_store_vacuum(rig.store, &bytes), 0);
    store_rig_fini(&rig);
}

/* On the writer's thread: the list of files to remove finds no memory, so the file stays until the next
 * opening. */
static void fail_on_writer(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg)
{
    (void)err;
    (void)receipt;
    pst_draft_free(draft);
    failmalloc_arm(1, 1);
    sem_post(arg);
}

static void test_delete__no_memory_for_the_file_s_name__removed_at_the_next_opening(void **state)
{
    (void)state;
    struct store_rig rig;
    begin(&rig);
    store_rig_open(&rig);
    sem_t armed;
    sem_init(&armed, 0, 0);
    pst_store_commit(rig.store, store_rig_draft(rig.store, "b"), fail_on_writer, &armed);
    while (sem_wait(&armed) != 0)
        ;
    assert_int_equal(pst_store_delete(rig.store, PST_SLICE("a"), 1), 0);
    assert_int_equal(store_rig_names(&rig, "files"), 1);
    store_rig_close(&rig);
    store_rig_open(&rig);
    assert_int_equal(store_rig_names(&rig, "files"), 0);
    store_rig_fini(&rig);
}

int main(void)
{
    sqlite3_mem_methods failing;
    if (sqlite3_config(SQLITE_CONFIG_GETMALLOC, &sqlite_real) != SQLITE_OK)
        return 1;
    failing = sqlite_real;
    failing.xMalloc = sqlite_malloc;
    failing.xRealloc = sqlite_realloc;
    if (sqlite3_config(SQLITE_CONFIG_MALLOC, &failing) != SQLITE_OK)
        return 1;
    if (access("/dev/shm", W_OK) == 0) /* hundreds of openings: not of a disk */
        setenv("TMPDIR", "/dev/shm", 1);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store__our_allocation_fails__says_so_and_goes_on),
        cmocka_unit_test(test_store__sqlites_allocation_fails__says_so_and_goes_on),
        cmocka_unit_test(test_store__sqlites_allocation_fails__the_open_store_lives_on),
        cmocka_unit_test(test_delete__no_memory_for_the_file_s_name__removed_at_the_next_opening),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
