/* The classes of bytes, against the RFCs' own lists. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "http/ctype.h"

#define DIGITS  "0123456789"
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
/* RFC 3986 2.2, 2.3 */
#define UNRESERVED DIGITS LETTERS "-._~"
#define SUB_DELIMS "!$&'()*+,;="

static bool in(const char *set, unsigned c)
{
    return c != 0 && strchr(set, (int)c) != NULL;
}

/* RFC 9110 5.6.2, 5.5; RFC 3986 2.3, 3.2.2, 3.3, 3.4 */
static void test_ctype__every_byte__is_in_the_classes_of_the_rfcs(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        unsigned char byte = (unsigned char)c;
        bool path = in(UNRESERVED SUB_DELIMS ":@/[]^`{|}", c);
        assert_int_equal(pst_is_token(byte), in("!#$%&'*+-.^_`|~" DIGITS LETTERS, c));
        assert_int_equal(pst_is_field_value(byte), c == '\t' || (c >= ' ' && c <= '~') || c >= 0x80);
        assert_int_equal(pst_is_unreserved(byte), in(UNRESERVED, c));
        assert_int_equal(pst_is_digit(byte), in(DIGITS, c));
        assert_int_equal((pst_ctype_table[c] & PST_CT_REG_NAME) != 0, in(UNRESERVED SUB_DELIMS, c));
        assert_int_equal((pst_ctype_table[c] & PST_CT_PATH) != 0, path);
        assert_int_equal((pst_ctype_table[c] & PST_CT_QUERY) != 0, path || in("?%\\", c));
    }
}

static void test_hex_value__every_byte__is_its_digit_or_minus_one(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        int expected = -1;
        for (int digit = 0; digit < 16; digit++) {
            if (c == (unsigned char)"0123456789abcdef"[digit] ||
                c == (unsigned char)"0123456789ABCDEF"[digit])
                expected = digit;
        }
        assert_int_equal(pst_hex_value((unsigned char)c), expected);
    }
}

static size_t byte_loop(bool (*is)(unsigned char), const char *p, size_t n)
{
    size_t i = 0;
    while (i < n && is((unsigned char)p[i]))
        i++;
    return i;
}

/* Every byte at every place of a run that is longer than a block and two words, in exactly as much memory as
 * it says. */
static void test_span__every_byte_at_every_place__agrees_with_the_byte_loop(void **state)
{
    (void)state;
    static const char around[] = {'a', '\x80', '\x7e', ' ', '\t', '\xff', '!', '~'};
    for (size_t n = 1; n <= 37; n++) {
        char *run = malloc(n);
        assert_non_null(run);
        for (size_t place = 0; place < n; place++) {
            for (unsigned c = 0; c < 256; c++) {
                for (size_t i = 0; i < n; i++)
                    run[i] = around[(i + c) % sizeof around];
                run[place] = (char)c;
                assert_int_equal(pst_field_value_span(run, n), byte_loop(pst_is_field_value, run, n));
                memset(run, 'x', n);
                run[place] = (char)c;
                assert_int_equal(pst_token_span(run, n), byte_loop(pst_is_token, run, n));
            }
        }
        free(run);
    }
}

static void test_span__random_bytes__agree_with_the_byte_loop(void **state)
{
    (void)state;
    uint64_t random = 88172645463325252U;
    for (int round = 0; round < 100000; round++) {
        char run[40];
        for (size_t i = 0; i < sizeof run; i++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            /* Mostly the neighbours of what matters: 0x00-0x27 and 0x78-0x87. */
            unsigned r = (unsigned)(random >> 32);
            unsigned risky = r & 0x40 ? r % 0x28 : 0x78 + r % 16;
            run[i] = (char)(r & 0x300 ? (r & 0x400 ? 'a' : 0xc3u) : risky);
        }
        size_t offset = (size_t)(random % 9), n = (size_t)(random >> 8) % (sizeof run - offset + 1);
        assert_int_equal(pst_field_value_span(run + offset, n),
                         byte_loop(pst_is_field_value, run + offset, n));
    }
}

static void test_span__nothing__is_zero(void **state)
{
    (void)state;
    assert_int_equal(pst_token_span(NULL, 0), 0);
    assert_int_equal(pst_field_value_span(NULL, 0), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ctype__every_byte__is_in_the_classes_of_the_rfcs),
        cmocka_unit_test(test_hex_value__every_byte__is_its_digit_or_minus_one),
        cmocka_unit_test(test_span__every_byte_at_every_place__agrees_with_the_byte_loop),
        cmocka_unit_test(test_span__random_bytes__agree_with_the_byte_loop),
        cmocka_unit_test(test_span__nothing__is_zero),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
