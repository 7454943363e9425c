/* A disk without room: posts are refused, nothing half is left, and all goes on when there is room again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/store_rig.h"

static char piece[64 * 1024];

/* A post with a body of that size, and a file of count pieces, each post's another one. */
static int post_of(struct store_rig *rig, unsigned seed, size_t body_bytes, size_t count)
{
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    memset(piece, (int)seed, sizeof(piece));
    int err = pst_draft_body(draft, pst_slice_of(piece, body_bytes));
    if (!err && count) {
        err = pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE("n"), PST_SLICE("t"));
        for (size_t i = 0; i < count && !err; i++)
            err = pst_draft_file_write(draft, piece, sizeof(piece));
        if (!err)
            err = pst_draft_file_end(draft);
    }
    if (!err)
        return store_rig_commit(rig->store, draft, &receipt);
    pst_draft_free(draft);
    return err;
}

/* Posts until one is refused: how many were taken. All of those are there, and nothing else is. */
static unsigned fill_up(struct store_rig *rig, unsigned seed, size_t body_bytes, size_t pieces)
{
    unsigned count = 0;
    int err;
    while ((err = post_of(rig, seed + count, body_bytes, pieces)) == 0)
        if (++count > 2000)
            fail_msg("the disk never becomes full");
    assert_int_equal(err, PST_E_FULL);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    return count;
}

static void check_posts(struct store_rig *rig, uint64_t count, size_t files)
{
    struct pst_post_page *page = store_rig_read(rig->store, "a", 0);
    assert_int_equal(page->box_count, count);
    pst_post_page_free(page);
    assert_int_equal(store_rig_names(rig, "files"), files);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
}

static void test_commit__full_file_system__refused_then_goes_on(void **state)
{
    (void)state;
    struct store_rig rig;
    store_rig_init(&rig);
    assert_int_equal(mkdir(rig.folder, 0700), 0);
    if (mount("none", rig.folder, "tmpfs", 0, "size=3m,mode=700") != 0) {
        store_rig_fini(&rig);
        print_message("not allowed to mount a tmpfs\n");
        skip();
    }
    store_rig_open(&rig);
    assert_int_equal(post_of(&rig, 0, 10, 0), 0);
    unsigned files = fill_up(&rig, 1, 10, 4); /* in the middle of a file */
    assert_true(files > 0);
    check_posts(&rig, 1 + files, files);
    unsigned bodies = fill_up(&rig, 100, 50000, 0); /* in the middle of a commit */
    check_posts(&rig, 1 + files + bodies, files);
    (void)fill_up(&rig, 100, 1000, 0);
    (void)fill_up(&rig, 100, 0, 0);
    /* Room again, as somebody makes who cleans up, and without opening anew. */
    char options[] = "size=12m,mode=700";
    assert_int_equal(mount("none", rig.folder, "tmpfs", MS_REMOUNT, options), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(post_of(&rig, 200 + i, 1000, 2), 0);
    assert_int_equal(store_rig_names(&rig, "files"), files + 3);
    for (uint64_t id = 2; id <= files; id++)
        assert_int_equal(pst_store_delete(rig.store, PST_SLICE("a"), id), 0);
    uint64_t bytes;
    assert_int_equal(pst_store_vacuum(rig.store, &bytes), 0);
    store_rig_close(&rig);
    store_rig_open(&rig);
    assert_string_equal(rig.why, "");
    store_rig_close(&rig);
    assert_int_equal(umount(rig.folder), 0);
    store_rig_fini(&rig);
}

/* The same by the process's limit on files' sizes (EFBIG), which every machine can set. */
static void test_commit__files_may_not_grow__refused_then_goes_on(void **state)
{
    (void)state;
    struct store_rig rig;
    struct rlimit before, small;
    store_rig_init(&rig);
    store_rig_open(&rig);
    assert_int_equal(post_of(&rig, 0, 10, 0), 0);
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 256 * 1024;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    assert_int_equal(post_of(&rig, 1, 10, 8), PST_E_FULL); /* a file */
    assert_int_equal(store_rig_names(&rig, "tmp"), 0);
    unsigned bodies = fill_up(&rig, 1, 50000, 0); /* the log */
    check_posts(&rig, 1 + bodies, 0);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(post_of(&rig, 200 + i, 50000, 2), 0);
    check_posts(&rig, 4 + bodies, 3);
    uint64_t bytes;
    assert_int_equal(pst_store_vacuum(rig.store, &bytes), 0);
    store_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_commit__full_file_system__refused_then_goes_on),
        cmocka_unit_test(test_commit__files_may_not_grow__refused_then_goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
