/* Names as certificates hold them: what may be typed, and which subtree a name lies in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "transport/tls_names.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static struct pst_tls_name read_name(const char *text)
{
    struct pst_tls_name name;
    const char *why = pst_tls_name_read(&name, text);
    if (why)
        fail_msg("\"%s\": %s", text, why);
    return name;
}

static void test_name__valid__is_read_in_lower_case(void **state)
{
    (void)state;
    static const struct {
        const char *typed, *written;
    } rows[] = {
        {"localhost", "localhost"},
        {"DEV.Example", "dev.example"},
        {"*.dev.example", "*.dev.example"},
        {"9to5.example", "9to5.example"},
        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
        {"192.0.2.7", "192.0.2.7"},
        {"2001:DB8::7", "2001:db8::7"},
        {"::1", "::1"},
        {"1:2:3:4:5:6:7:8", "1:2:3:4:5:6:7:8"},
    };
    char text[PST_TLS_NAME_BYTES];
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_tls_name name = read_name(rows[i].typed);
        pst_tls_name_write(&name, text);
        assert_string_equal(text, rows[i].written);
    }
}

static void test_name__invalid__says_why(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",           " ",           "a b",         "a..example", ".example",    "example.",    "-a.example",
        "a-.example", "a_b",         "a/b",         "a:8443",     "b\xc3\xbcro", "a\n",         "*",
        "*.",         "*.localhost", "*.*.example", "a.*.b",      "*.192.0.2.7", "1.2.3",       "1.2.3.4.5",
        "1.2.3.256",  "1.2.3.04",    "a.0xff",      "a.0x",       "12345",       "1.2.3.4/24",  ":",
        ":::",        "1::2::3",     "12345::",     "fe80::1%e",  "[::1]",       "::1.2.3.256",
    };
    struct pst_tls_name name;
    for (size_t i = 0; i < COUNT(rows); i++)
        if (!pst_tls_name_read(&name, rows[i]))
            fail_msg("\"%s\" was taken for a name", rows[i]);
    char text[300]; /* RFC 1035 2.3.4: a label has 63 characters, a name 253 */
    memset(text, 'a', sizeof(text));
    text[64] = '\0';
    assert_non_null(pst_tls_name_read(&name, text));
    text[63] = '\0';
    assert_null(pst_tls_name_read(&name, text));
    memset(text, 'a', sizeof(text));
    for (size_t i = 63; i < 254; i += 64)
        text[i] = '.';
    text[253] = '\0';
    assert_null(pst_tls_name_read(&name, text));
    text[253] = 'a';
    text[254] = '\0';
    assert_non_null(pst_tls_name_read(&name, text));
}

static void test_subtree__name__lies_in_it_by_whole_labels_and_bits(void **state)
{
    (void)state;
    const struct pst_tls_name lan = {.dns = "lan"}, ten = {4, 8, {.address = {10}}},
                              shared = {4, 10, {.address = {100, 64}}}, unique = {16, 7, {.address = {0xfc}}},
                              one = read_name("192.0.2.7");
    const struct {
        const char *name;
        const struct pst_tls_name *subtree;
        bool is_below;
    } rows[] = {
        {"lan", &lan, true},
        {"a.lan", &lan, true},
        {"*.b.lan", &lan, true},
        {"wlan", &lan, false},
        {"lan.example", &lan, false},
        {"10.1.2.3", &lan, false},
        {"10.1.2.3", &ten, true},
        {"11.1.2.3", &ten, false},
        {"lan", &ten, false},
        {"100.64.0.0", &shared, true},
        {"100.127.9.9", &shared, true},
        {"100.128.0.0", &shared, false},
        {"100.63.0.0", &shared, false},
        {"fd00::1", &unique, true},
        {"fe00::1", &unique, false},
        {"192.0.2.7", &one, true},
        {"192.0.2.6", &one, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_tls_name name = read_name(rows[i].name);
        if (pst_tls_name_is_below(&name, rows[i].subtree) != rows[i].is_below)
            fail_msg("row %zu: %s", i, rows[i].name);
    }
}

static void test_local_subtrees__addresses__have_no_bits_behind_their_prefix(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pst_tls_name *local = pst_tls_local_subtrees(&count);
    assert_true(count > 10);
    for (size_t i = 0; i < count; i++) {
        for (unsigned bit = local[i].prefix_bits; bit < local[i].address_len * 8U; bit++)
            assert_false(local[i].address[bit / 8] & 0x80 >> bit % 8);
        assert_true(pst_tls_name_is_below(&local[i], &local[i]));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name__valid__is_read_in_lower_case),
        cmocka_unit_test(test_name__invalid__says_why),
        cmocka_unit_test(test_subtree__name__lies_in_it_by_whole_labels_and_bits),
        cmocka_unit_test(test_local_subtrees__addresses__have_no_bits_behind_their_prefix),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
