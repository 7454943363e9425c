/* Which paths are served, what leads out of the root, and when a file is settled. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/static_file.h"

static void test_path_served__table(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        bool at_top, served;
    } rows[] = {
        {"", true, true},
        {"a", true, true},
        {"a/", true, true},
        {"a/b.c/d", true, true},
        {"a..b/c.", true, true},
        {"...", true, false},
        {".git/config", true, false},
        {"a/.git", true, false},
        {"a/.", true, false},
        {"..", true, false},
        {"../a", true, false},
        {"a/../b", true, false},
        {"/a", true, false},
        {"a//b", true, false},
        {"a//", true, false},
        {"/", true, false},
        {".well-known/acme-challenge/x", true, true}, /* RFC 8615 */
        {".well-known", true, true},
        {".well-known/.secret", true, false},
        {".well-known2/x", true, false},
        {"a/.well-known/x", true, false},
        {".well-known/x", false, false}, /* mounted below: no path of RFC 8615 */
        {"\\evil\\", true, true},        /* a name like others to the file system */
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (pst_static_path_served(pst_slice_str(rows[i].path), rows[i].at_top) != rows[i].served)
            fail_msg("\"%s\"", rows[i].path);
    }
    assert_false(pst_static_path_served(PST_SLICE("a\0b"), true));
}

/* A root with links of all kinds, and a secret beside it. */
struct tree {
    char dir[64];
    int root_fd;
};

static void make_file(const char *dir, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(name, f) >= 0);
    assert_int_equal(fclose(f), 0);
}

static void make_folder(const char *dir, const char *name)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(mkdir(path, 0700), 0);
}

static void make_link(const char *dir, const char *name, const char *to)
{
    char path[256];
    (void)snprintf(path, sizeof path, "%s/%s", dir, name);
    assert_int_equal(symlink(to, path), 0);
}

static int make_tree(void **state)
{
    struct tree *t = calloc(1, sizeof *t);
    assert_non_null(t);
    (void)snprintf(t->dir, sizeof t->dir, "/tmp/postern-test-XXXXXX");
    assert_non_null(mkdtemp(t->dir));
    make_file(t->dir, "secret");
    make_folder(t->dir, "root");
    make_folder(t->dir, "root/sub");
    make_file(t->dir, "root/page");
    make_file(t->dir, "root/sub/page");
    make_link(t->dir, "root/in", "sub/page");
    make_link(t->dir, "root/sub/up", "../page");
    make_link(t->dir, "root/out", "../secret");
    make_link(t->dir, "root/absolute", "/etc/passwd");
    make_link(t->dir, "root/loop", "loop");
    make_link(t->dir, "root/dangling", "nothing");
    make_link(t->dir, "root/outfolder", "..");
    make_link(t->dir, "root/magic", "/proc/self/root");
    char root[128];
    (void)snprintf(root, sizeof root, "%s/root", t->dir);
    t->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    assert_true(t->root_fd >= 0);
    *state = t;
    return 0;
}

static int remove_tree(void **state)
{
    struct tree *t = *state;
    char command[128];
    (void)close(t->root_fd);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", t->dir);
    int rc = system(command); /* NOLINT(cert-env33-c): a path of our own making */
    free(t);
    return rc;
}

static void test_open__links_and_dots__only_beneath(void **state)
{
    const struct tree *t = *state;
    static const struct {
        const char *path;
        int err;
    } rows[] = {
        {"page", 0},
        {"sub/page", 0},
        {"in", 0},
        {"sub/up", 0},
        {"out", EXDEV},
        {"absolute", EXDEV},
        {"outfolder/secret", EXDEV},
        {"../secret", EXDEV},
        {"sub/../../secret", EXDEV},
        {"/etc/passwd", EXDEV},
        {"magic/etc/passwd", EXDEV},
        {"loop", ELOOP},
        {"dangling", ENOENT},
        {"page/", ENOTDIR},
        {"absent", ENOENT},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = -1;
        int err = pst_static_open(t->root_fd, rows[i].path, PST_STATIC_READ, &fd);
        if (err != rows[i].err)
            fail_msg("\"%s\": %d", rows[i].path, err);
        if (!err)
            assert_int_equal(close(fd), 0);
    }
}

static void test_open__magic_link_of_proc__eloop(void **state)
{
    (void)state;
    int proc = open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (proc < 0)
        skip();
    int fd = -1;
    char name[16];
    (void)snprintf(name, sizeof name, "%d", proc);
    int err = pst_static_open(proc, name, O_RDONLY, &fd);
    assert_true(err == ELOOP || err == EXDEV);
    assert_int_equal(close(proc), 0);
}

static void test_facts__a_change__shows(void **state)
{
    const struct tree *t = *state;
    struct pst_static_facts before, after;
    int fd = -1;
    assert_int_equal(pst_static_open(t->root_fd, "page", O_PATH, &fd), 0);
    assert_int_equal(pst_static_facts_read(fd, &before), 0);
    assert_int_equal(pst_static_facts_read(fd, &after), 0);
    assert_true(pst_static_facts_equal(&before, &after));
    assert_int_equal(before.size, strlen("root/page"));

    after.ctime.tv_nsec ^= 1;
    assert_false(pst_static_facts_equal(&before, &after));
    after = before;
    after.ino++;
    assert_false(pst_static_facts_equal(&before, &after));
    assert_int_equal(close(fd), 0);
}

static void test_facts_settled__young_files__are_not(void **state)
{
    (void)state;
    struct pst_static_facts facts = {.ctime = {.tv_sec = 1000, .tv_nsec = 999999999}};
    assert_false(pst_static_facts_settled(&facts, 1000));
    assert_false(pst_static_facts_settled(&facts, 1002));
    assert_true(pst_static_facts_settled(&facts, 1003));
    assert_false(pst_static_facts_settled(&facts, 900)); /* the clock was set back */
}

static void test_validators__strong_tag_and_date(void **state)
{
    (void)state;
    struct pst_static_validators v;
    struct pst_static_facts facts = {.ino = 0xabc, .size = 16, .mtime = {.tv_sec = 784111777, .tv_nsec = 1}};
    pst_static_validators_make(&facts, &v);
    assert_int_equal(v.etag_len, strlen(v.etag));
    assert_string_equal(v.etag, "\"abc-10-ae1b981bc490a01\"");
    assert_memory_equal(v.modified, "Sun, 06 Nov 1994 08:49:37 GMT", PST_HTTP_DATE_BYTES);

    facts = (struct pst_static_facts){
        .ino = UINT64_MAX, .size = UINT64_MAX, .mtime = {.tv_sec = -1, .tv_nsec = 999999999}};
    pst_static_validators_make(&facts, &v); /* the longest one fits */
    assert_true(v.etag_len < sizeof v.etag);
    assert_int_equal(v.etag[v.etag_len - 1], '"');
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_path_served__table),
        cmocka_unit_test_setup_teardown(test_open__links_and_dots__only_beneath, make_tree, remove_tree),
        cmocka_unit_test(test_open__magic_link_of_proc__eloop),
        cmocka_unit_test_setup_teardown(test_facts__a_change__shows, make_tree, remove_tree),
        cmocka_unit_test(test_facts_settled__young_files__are_not),
        cmocka_unit_test(test_validators__strong_tag_and_date),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
