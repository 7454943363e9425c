/* What goes into the log: peers' bytes made harmless, and lines written where they should go. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "server/cli_sink.h"

enum { LENGTH_MOST = 20 };

/* Byte by byte, as the header says it. */
static size_t expect_escaped(char *dst, const unsigned char *src, size_t len)
{
    size_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (src[i] < 0x20 || src[i] >= 0x7f)
            n += (size_t)sprintf(dst + n, "\\x%02x", src[i]);
        else
            n += (size_t)sprintf(dst + n, src[i] == '"' || src[i] == '\\' ? "\\%c" : "%c", src[i]);
    }
    return n;
}

/* Bytes are looked at in groups: so each value stands at each place, among others and alone. */
static void test_cli_put_escaped__each_byte_at_each_place__is_harmless(void **state)
{
    (void)state;
    for (unsigned value = 0; value < 256; value++)
        for (size_t len = 1; len <= LENGTH_MOST; len++)
            for (size_t at = 0; at < len; at++) {
                unsigned char text[LENGTH_MOST];
                char expected[4 * LENGTH_MOST + 1], got[4 * LENGTH_MOST + 1];
                memset(text, at % 2 ? ' ' : '~', len); /* the edges of what is printable */
                text[at] = (unsigned char)value;
                size_t expected_len = expect_escaped(expected, text, len);
                const char *end = pst_cli_put_escaped(got, pst_slice_of((const char *)text, len), len);
                assert_int_equal(end - got, expected_len);
                assert_memory_equal(got, expected, expected_len);
            }
}

/* A borrow from one byte must not be taken for a finding in the next, nor hide one. */
static void test_cli_put_escaped__pairs_of_bytes__are_told_apart(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x00, 0x01, 0x1f, 0x20, 0x21, '"',  '#',  '[',
                                          '\\', ']',  0x7e, 0x7f, 0x80, 0x81, 0xfe, 0xff};
    for (size_t i = 0; i < sizeof(edges); i++)
        for (size_t k = 0; k < sizeof(edges); k++)
            for (size_t at = 0; at < 7; at++) {
                unsigned char text[8] = "aaaaaaa";
                char expected[33], got[33];
                text[7] = 'a';
                text[at] = edges[i];
                text[at + 1] = edges[k];
                size_t expected_len = expect_escaped(expected, text, sizeof(text));
                const char *end =
                    pst_cli_put_escaped(got, pst_slice_of((const char *)text, sizeof(text)), sizeof(text));
                assert_int_equal(end - got, expected_len);
                assert_memory_equal(got, expected, expected_len);
            }
}

static void test_cli_put_escaped__longer_than_allowed__is_cut(void **state)
{
    (void)state;
    char got[64];
    const char *end = pst_cli_put_escaped(got, PST_SLICE("0123456789abcdef\x01"), 9);
    assert_int_equal(end - got, 12);
    assert_memory_equal(got, "012345678...", 12);
    end = pst_cli_put_escaped(got, PST_SLICE("01234567\x01"), 9);
    assert_int_equal(end - got, 12);
    assert_memory_equal(got, "01234567\\x01", 12);
    assert_ptr_equal(pst_cli_put_escaped(got, PST_SLICE(""), 9), got);
}

static void test_cli_sink_flush__file__gets_all_lines(void **state)
{
    (void)state;
    static struct pst_cli_sink sink;
    char got[64];
    struct pst_cli_output output = {
        .fd = memfd_create("log", MFD_CLOEXEC), .is_file = true, .name = "the log"};
    assert_true(output.fd >= 0);
    sink.output = &output;
    pst_cli_sink_flush(&sink); /* of nothing */
    for (int i = 0; i < 2; i++)
        pst_cli_sink_add(&sink, pst_cli_put(pst_cli_sink_line(&sink), PST_SLICE("a line\n")));
    pst_cli_sink_flush(&sink);
    pst_cli_sink_flush(&sink);
    assert_int_equal(pread(output.fd, got, sizeof(got), 0), 14);
    assert_memory_equal(got, "a line\na line\n", 14);
    close(output.fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_cli_put_escaped__each_byte_at_each_place__is_harmless),
        cmocka_unit_test(test_cli_put_escaped__pairs_of_bytes__are_told_apart),
        cmocka_unit_test(test_cli_put_escaped__longer_than_allowed__is_cut),
        cmocka_unit_test(test_cli_sink_flush__file__gets_all_lines),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
