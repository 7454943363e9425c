/* Slices: comparing, trimming, reading numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/slice.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* RFC 9110 5.1 Field Names: compared without regard to case. */
static void test_slice_case_eq__table__only_ascii_letters_fold(void **state)
{
    (void)state;
    static const struct {
        const char *a, *b;
        bool equal;
    } rows[] = {
        {"", "", true},
        {"Host", "hOST", true},
        {"AZ", "az", true},
        {"content-length", "Content-Length", true},
        {"a", "b", false},
        {"a", "", false},
        {"ab", "a", false},
        {"@", "`", false}, /* the neighbours of A and a differ by the same bit as the letters */
        {"[", "{", false},
        {"\xc4", "\xe4", false}, /* Latin-1 letters are not ASCII */
        {"-", "\r", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice a = pst_slice_str(rows[i].a), b = pst_slice_str(rows[i].b);
        if (pst_slice_case_eq(a, b) != rows[i].equal || pst_slice_case_eq(b, a) != rows[i].equal)
            fail_msg("row %zu: %s, %s", i, rows[i].a, rows[i].b);
    }
    assert_true(pst_slice_case_eq(pst_slice_of(NULL, 0), PST_SLICE("")));
    assert_false(pst_slice_case_eq(pst_slice_of("a\0b", 3), pst_slice_of("a\0c", 3)));
}

static void test_slice_case_eq__every_pair_of_bytes__agrees_with_the_rule(void **state)
{
    (void)state;
    for (unsigned x = 0; x < 256; x++) {
        for (unsigned y = 0; y < 256; y++) {
            char a = (char)x, b = (char)y;
            unsigned lower_x = x - 'A' < 26 ? x + 32 : x, lower_y = y - 'A' < 26 ? y + 32 : y;
            assert_int_equal(pst_slice_case_eq(pst_slice_of(&a, 1), pst_slice_of(&b, 1)), lower_x == lower_y);
        }
    }
}

/* RFC 9110 5.6.3 Whitespace: OWS = *( SP / HTAB ). */
static void test_slice_trim__table__only_spaces_and_tabs_go(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", ""},
        {" ", ""},
        {"\t \t", ""},
        {"a", "a"},
        {" a", "a"},
        {"a ", "a"},
        {" \ta b\t ", "a b"},
        {"\na\r", "\na\r"},
        {"\va\f", "\va\f"},
        {" \n ", "\n"},
        {"\xa0x\xa0", "\xa0x\xa0"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice got = pst_slice_trim(pst_slice_str(rows[i].in));
        if (!pst_slice_eq(got, pst_slice_str(rows[i].out)))
            fail_msg("row %zu: got '%.*s'", i, PST_FMT(got));
    }
    assert_int_equal(pst_slice_trim(pst_slice_of(NULL, 0)).len, 0);
}

/* RFC 9110 8.6 Content-Length: 1*DIGIT, and a recipient must beware of overflow. */
static void test_slice_to_u64__table__digits_up_to_2_63_minus_1(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        unsigned long long value;
    } rows[] = {
        {"0", true, 0},
        {"00", true, 0},
        {"7", true, 7},
        {"0000000000000000000000000000000042", true, 42},
        {"9223372036854775806", true, 9223372036854775806ULL},
        {"9223372036854775807", true, 9223372036854775807ULL},
        {"9223372036854775808", false, 0},
        {"9223372036854775809", false, 0},
        {"9223372036854775810", false, 0},
        {"9223372036854775817", false, 0},
        {"18446744073709551615", false, 0},
        {"18446744073709551616", false, 0},
        {"18446744073709551617", false, 0},
        {"99999999999999999999999999999999999999", false, 0},
        {"", false, 0},
        {" 1", false, 0},
        {"1 ", false, 0},
        {"+1", false, 0},
        {"-1", false, 0},
        {"1,1", false, 0},
        {"0x10", false, 0},
        {"1a", false, 0},
        {"1\xb2", false, 0},
        {"/", false, 0},
        {":", false, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned long long got = 12345;
        bool ok = pst_slice_to_u64(pst_slice_str(rows[i].text), &got);
        if (ok != rows[i].ok || got != (ok ? rows[i].value : 12345))
            fail_msg("%s: %d, %llu", rows[i].text, ok, got);
    }
    unsigned long long got = 0;
    assert_false(pst_slice_to_u64(pst_slice_of("1\0", 2), &got));
    assert_true(pst_slice_to_u64(pst_slice_of("123", 2), &got));
    assert_int_equal(got, 12);
}

static void test_slice_to_u64__printed_numbers__read_back(void **state)
{
    (void)state;
    for (unsigned shift = 0; shift < 63; shift++) {
        for (int delta = -1; delta <= 1; delta++) {
            unsigned long long value = (1ULL << shift) + (unsigned long long)(long long)delta, got = 0;
            char text[32];
            int len = snprintf(text, sizeof text, "%llu", value);
            assert_true(pst_slice_to_u64(pst_slice_of(text, (size_t)len), &got));
            assert_true(got == value);
        }
    }
}

static void test_slice_ends__table__compares_tail(void **state)
{
    (void)state;
    assert_true(pst_slice_ends(PST_SLICE("a.html"), PST_SLICE(".html")));
    assert_true(pst_slice_ends(PST_SLICE("a"), PST_SLICE("")));
    assert_false(pst_slice_ends(PST_SLICE("html"), PST_SLICE(".html")));
    assert_true(pst_slice_starts(PST_SLICE("/post/x"), PST_SLICE("/post/")));
    assert_false(pst_slice_starts(PST_SLICE("/post"), PST_SLICE("/post/")));
    assert_true(pst_slice_starts(pst_slice_str(NULL), PST_SLICE("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slice_case_eq__table__only_ascii_letters_fold),
        cmocka_unit_test(test_slice_case_eq__every_pair_of_bytes__agrees_with_the_rule),
        cmocka_unit_test(test_slice_trim__table__only_spaces_and_tabs_go),
        cmocka_unit_test(test_slice_to_u64__table__digits_up_to_2_63_minus_1),
        cmocka_unit_test(test_slice_to_u64__printed_numbers__read_back),
        cmocka_unit_test(test_slice_ends__table__compares_tail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
