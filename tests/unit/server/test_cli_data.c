/* The data folder: where it is, what is made for it, and that visitors cannot reach it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli_data.h"

static void set(const char *name, const char *value)
{
    if (value)
        assert_int_equal(setenv(name, value, 1), 0);
    else
        assert_int_equal(unsetenv(name), 0);
}

static void test_default__by_xdg_base_directories(void **state)
{
    (void)state;
    static const struct {
        const char *data, *home, *folder;
    } rows[] = {
        {"/x/data", "/home/ada", "/x/data/postern"},
        {NULL, "/home/ada", "/home/ada/.local/share/postern"},
        {"", "/home/ada", "/home/ada/.local/share/postern"},
        {"relative", "/home/ada", "/home/ada/.local/share/postern"}, /* the specification: ignore it */
    };
    char folder[PATH_MAX];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        set("XDG_DATA_HOME", rows[i].data);
        set("HOME", rows[i].home);
        assert_true(pst_cli_data_default(folder));
        assert_string_equal(folder, rows[i].folder);
    }
    char longest[PATH_MAX + 1];
    memset(longest, 'a', sizeof longest - 1);
    longest[0] = '/';
    longest[PATH_MAX] = '\0';
    set("XDG_DATA_HOME", longest);
    assert_false(pst_cli_data_default(folder));
    set("XDG_DATA_HOME", NULL);
}

/* A folder of the test's own, resolved. */
static int make_folder(void **state)
{
    char name[] = "/tmp/postern-cli-data-XXXXXX";
    if (!mkdtemp(name))
        return -1;
    *state = realpath(name, NULL);
    return *state ? 0 : -1;
}

static int remove_folder(void **state)
{
    char command[PATH_MAX + 20];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", (const char *)*state);
    int status = system(command); /* NOLINT(cert-env33-c) */
    free(*state);
    return status;
}

static void test_parents__made_for_this_user_only__and_not_the_folder_itself(void **state)
{
    const char *top = *state;
    char path[PATH_MAX], part[PATH_MAX];
    struct stat st;
    (void)snprintf(path, sizeof path, "%s/a/b/data//", top);
    assert_int_equal(pst_cli_data_make_parents(path), 0);
    assert_int_equal(pst_cli_data_make_parents(path), 0);
    (void)snprintf(part, sizeof part, "%s/a/b", top);
    assert_int_equal(stat(part, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0700);
    assert_int_equal(stat(path, &st), -1);

    (void)snprintf(path, sizeof path, "%s/file", top);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fclose(file), 0);
    (void)snprintf(path, sizeof path, "%s/file/below/data", top);
    assert_int_not_equal(pst_cli_data_make_parents(path), 0);
}

static void test_resolve__links_and_what_is_not_there_yet(void **state)
{
    const char *top = *state;
    char real[PATH_MAX], link[PATH_MAX], full[PATH_MAX], wanted[PATH_MAX];
    (void)snprintf(real, sizeof real, "%s/real", top);
    (void)snprintf(link, sizeof link, "%s/link", top);
    assert_int_equal(mkdir(real, 0700), 0);
    assert_int_equal(symlink("real", link), 0);
    static const struct {
        const char *name, *resolved; /* below top; NULL: it cannot be */
    } rows[] = {
        {"/real", "/real"},           {"/link", "/real"},       {"/link/new", "/real/new"},
        {"/link/new//", "/real/new"}, {"/real/../new", "/new"}, {"/real/new/deeper", NULL},
        {"/real/new/..", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char name[PATH_MAX];
        (void)snprintf(name, sizeof name, "%s%s", top, rows[i].name);
        bool ok = pst_cli_data_resolve(name, full);
        if (ok != (rows[i].resolved != NULL))
            fail_msg("%s", rows[i].name);
        if (ok) {
            (void)snprintf(wanted, sizeof wanted, "%s%s", top, rows[i].resolved);
            assert_string_equal(full, wanted);
        }
    }
    assert_int_equal(chdir(top), 0);
    assert_true(pst_cli_data_resolve("posts", full));
    (void)snprintf(wanted, sizeof wanted, "%s/posts", top);
    assert_string_equal(full, wanted);
    assert_int_equal(chdir("/"), 0);
    assert_true(pst_cli_data_resolve("/postern-that-is-not-there", full));
    assert_string_equal(full, "/postern-that-is-not-there");
}

static void test_exposed__only_where_visitors_could_fetch_it(void **state)
{
    (void)state;
    static const struct {
        const char *data, *root;
        bool is_exposed;
    } rows[] = {
        {"/srv/site/data", "/srv/site", true},
        {"/srv/site", "/srv/site", true},
        {"/srv/data", "/", true},
        {"/srv/data", "/srv/data/files", true}, /* the site is among the posts */
        {"/srv/sitedata", "/srv/site", false},
        {"/srv/data", "/srv/site", false},
        {"/home/ada/.local/share/postern", "/home/ada", false}, /* hidden */
        {"/home/ada/.well-known/data", "/home/ada", true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (pst_cli_data_is_exposed(rows[i].data, rows[i].root) != rows[i].is_exposed)
            fail_msg("%s in %s", rows[i].data, rows[i].root);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_default__by_xdg_base_directories),
        cmocka_unit_test_setup_teardown(test_parents__made_for_this_user_only__and_not_the_folder_itself,
                                        make_folder, remove_folder),
        cmocka_unit_test_setup_teardown(test_resolve__links_and_what_is_not_there_yet, make_folder,
                                        remove_folder),
        cmocka_unit_test(test_exposed__only_where_visitors_could_fetch_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
