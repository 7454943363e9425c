/* Renewing certificates of a local CA: when, with which names, and which files are left alone. All dates are
 * given: nothing waits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "postern/err.h"
#include "server/local_renew.h"

enum { START = 1800000000, DAY_S = PST_LOCAL_DAY_S };

static char dir[64], leaf[128];

static struct pst_tls_name name_of(const char *text)
{
    struct pst_tls_name name;
    assert_null(pst_tls_name_read(&name, text));
    return name;
}

static int set_up(void **state)
{
    (void)state;
    (void)snprintf(dir, sizeof(dir), "/tmp/postern-renew-XXXXXX");
    (void)snprintf(leaf, sizeof(leaf), "%s/localhost.pem", mkdtemp(dir) ? dir : "");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"ca.pem", "ca-key.pem", "localhost.pem", "localhost-key.pem",
                                        "real.pem"};
    char path[128];
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        (void)snprintf(path, sizeof(path), "%s/%s", dir, names[i]);
        (void)unlink(path);
    }
    return rmdir(dir); /* nothing else may be left */
}

/* As "postern cert" does, at START. */
static void make(unsigned days, unsigned ca_days, const char *ca_name, const char *extra)
{
    struct pst_local_folder folder;
    struct pst_local_result result;
    struct pst_local_names names = {.count = 0};
    struct pst_tls_name name = name_of("localhost");
    (void)pst_local_names_add(&names, &name);
    if (extra) {
        name = name_of(extra);
        (void)pst_local_names_add(&names, &name);
    }
    struct pst_local_request request = {
        .names = &names, .ca_name = ca_name, .days = days, .ca_days = ca_days, .new_ca = true, .now = START};
    assert_int_equal(pst_local_open(&folder, dir, false), 0);
    assert_int_equal(pst_local_lock(&folder, 0), 0);
    assert_int_equal(pst_local_make(&folder, &request, &result), 0);
    pst_local_close(&folder);
}

static char *read_text(const char *name)
{
    struct pst_local_folder folder;
    char *text = NULL;
    assert_int_equal(pst_local_open(&folder, dir, false), 0);
    assert_int_equal(pst_local_read(&folder, name, &text), 0);
    pst_local_close(&folder);
    return text;
}

static void read_leaf(struct pst_local_names *names, struct pst_tls_cert_info *info)
{
    char *text = read_text("localhost.pem");
    names->count = PST_LOCAL_NAMES_MAX;
    assert_int_equal(pst_tls_leaf_read(pst_slice_str(text), names->list, &names->count, info), 0);
    free(text);
}

static enum pst_local_renewed renew(int64_t days, const struct pst_local_names *addresses)
{
    char text[PST_LOCAL_ERROR_BYTES] = "";
    struct pst_local_renewal renewal = {
        .cert_file = leaf, .now = START + days * DAY_S, .addresses = addresses};
    enum pst_local_renewed done = pst_local_renew(&renewal, text, sizeof(text));
    assert_int_equal(done == PST_LOCAL_LEFT_ALONE, text[0] == '\0');
    return done;
}

static void test_renew__by_days_left__at_a_third_and_at_most_30_days(void **state)
{
    (void)state;
    static const struct {
        unsigned days;
        int64_t at_day;
        enum pst_local_renewed done;
    } rows[] = {
        {397, 0, PST_LOCAL_LEFT_ALONE}, {397, 366, PST_LOCAL_LEFT_ALONE},
        {397, 367, PST_LOCAL_RENEWED},  {397, 500, PST_LOCAL_RENEWED}, /* ended already */
        {9, 5, PST_LOCAL_LEFT_ALONE},   {9, 7, PST_LOCAL_RENEWED},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct pst_local_names names;
        struct pst_tls_cert_info before, after;
        make(rows[i].days, 3650, "postern local CA ann@desk", "dev.example");
        char *key = read_text("localhost-key.pem"), *ca = read_text("ca.pem");
        read_leaf(&names, &before);
        assert_int_equal(renew(rows[i].at_day, NULL), rows[i].done);
        read_leaf(&names, &after);
        if (rows[i].done == PST_LOCAL_RENEWED) {
            int64_t now = START + rows[i].at_day * DAY_S;
            assert_int_equal(after.not_before, now - PST_LOCAL_BACKDATE_S);
            assert_int_equal(after.not_after - after.not_before, before.not_after - before.not_before);
            assert_int_equal(renew(rows[i].at_day, NULL), PST_LOCAL_LEFT_ALONE); /* once is enough */
        } else {
            assert_int_equal(after.not_after, before.not_after);
        }
        assert_int_equal(names.count, 2);
        assert_string_equal(names.list[1].dns, "dev.example");
        char *key_after = read_text("localhost-key.pem"), *ca_after = read_text("ca.pem");
        assert_string_equal(key_after, key);
        assert_string_equal(ca_after, ca);
        free(key);
        free(ca);
        free(key_after);
        free(ca_after);
    }
}

static void test_renew__new_addresses__are_added_once_where_the_ca_may(void **state)
{
    (void)state;
    struct pst_local_names addresses = {.count = 0}, names;
    struct pst_tls_cert_info info;
    const char *const texts[] = {"192.168.1.20", "8.8.8.8", "fd00::20"}; /* the CA is held to local ones */
    make(397, 3650, "postern local CA ann@desk", NULL);
    for (size_t i = 0; i < 3; i++) {
        struct pst_tls_name name = name_of(texts[i]);
        (void)pst_local_names_add(&addresses, &name);
    }
    assert_int_equal(renew(1, &addresses), PST_LOCAL_RENEWED);
    read_leaf(&names, &info);
    assert_int_equal(names.count, 3);
    assert_true(pst_tls_name_eq(&names.list[1], &addresses.list[0]));
    assert_true(pst_tls_name_eq(&names.list[2], &addresses.list[2]));
    assert_int_equal(renew(1, &addresses), PST_LOCAL_LEFT_ALONE);
}

static void test_renew__more_addresses_than_there_is_room__the_first_ones_go(void **state)
{
    (void)state;
    struct pst_local_names addresses, names;
    struct pst_tls_cert_info info;
    make(397, 3650, "postern local CA ann@desk", "dev.example");
    for (unsigned i = 0; i < 60; i++) {
        unsigned char bytes[4] = {10, 0, 0, (unsigned char)i};
        addresses.list[0] = pst_tls_name_address(bytes, 4);
        addresses.count = 1;
        assert_int_equal(renew(1, &addresses), PST_LOCAL_RENEWED);
    }
    read_leaf(&names, &info);
    assert_int_equal(names.count, PST_LOCAL_NAMES_MAX);
    assert_string_equal(names.list[0].dns, "localhost");
    assert_string_equal(names.list[1].dns, "dev.example");
    assert_true(pst_tls_name_eq(&names.list[PST_LOCAL_NAMES_MAX - 1], &addresses.list[0]));
    assert_int_equal(names.list[2].address[3], 12);
}

static void test_renew__not_ours__is_left_alone(void **state)
{
    (void)state;
    char path[128], other[128];
    make(9, 3650, "My own CA", NULL);
    assert_int_equal(renew(8, NULL), PST_LOCAL_LEFT_ALONE);

    make(9, 3650, "postern local CA ann@desk", NULL);
    (void)snprintf(path, sizeof(path), "%s/real.pem", dir);
    assert_int_equal(rename(leaf, path), 0); /* a link is somebody's arrangement */
    assert_int_equal(symlink("real.pem", leaf), 0);
    assert_int_equal(renew(8, NULL), PST_LOCAL_LEFT_ALONE);
    assert_int_equal(rename(path, leaf), 0);

    (void)snprintf(path, sizeof(path), "%s/ca-key.pem", dir);
    (void)snprintf(other, sizeof(other), "%s/real.pem", dir);
    assert_int_equal(rename(path, other), 0); /* thrown away */
    assert_int_equal(renew(8, NULL), PST_LOCAL_LEFT_ALONE);
    (void)snprintf(path, sizeof(path), "%s/localhost-key.pem", dir);
    (void)snprintf(other, sizeof(other), "%s/ca-key.pem", dir);
    assert_int_equal(link(path, other), 0); /* not the CA's */
    assert_int_equal(renew(8, NULL), PST_LOCAL_LEFT_ALONE);
}

static void test_renew__ca_ends_too__says_so(void **state)
{
    (void)state;
    make(397, 20, "postern local CA ann@desk", NULL);
    assert_int_equal(renew(1, NULL), PST_LOCAL_LEFT_ALONE);
    assert_int_equal(renew(19, NULL), PST_LOCAL_FAILED);
    assert_int_equal(renew(21, NULL), PST_LOCAL_FAILED);
}

static void test_renew__others_at_work__is_put_off(void **state)
{
    (void)state;
    struct pst_local_folder folder;
    make(9, 3650, "postern local CA ann@desk", NULL);
    assert_int_equal(pst_local_open(&folder, dir, false), 0);
    assert_int_equal(pst_local_lock(&folder, 0), 0);
    assert_int_equal(renew(8, NULL), PST_LOCAL_FAILED);
    pst_local_close(&folder);
    assert_int_equal(renew(8, NULL), PST_LOCAL_RENEWED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_renew__by_days_left__at_a_third_and_at_most_30_days, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_renew__new_addresses__are_added_once_where_the_ca_may, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_renew__more_addresses_than_there_is_room__the_first_ones_go,
                                        set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renew__not_ours__is_left_alone, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renew__ca_ends_too__says_so, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_renew__others_at_work__is_put_off, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
