/* Byte ranges: RFC 9110 14.1, 14.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_range_read__table__as_rfc_9110_14(void **state)
{
    (void)state;
    static const struct {
        const char *value;
        uint64_t size;
        enum pst_range result;
        uint64_t offset, len;
    } rows[] = {
        /* 14.1.2: the RFC's examples, of a representation of 10000 bytes */
        {"bytes=0-499", 10000, PST_RANGE_ONE, 0, 500},
        {"bytes=500-999", 10000, PST_RANGE_ONE, 500, 500},
        {"bytes=-500", 10000, PST_RANGE_ONE, 9500, 500},
        {"bytes=9500-", 10000, PST_RANGE_ONE, 9500, 500},
        {"bytes=0-0,-1", 10000, PST_RANGE_NONE, 0, 0},
        /* the ends */
        {"bytes=0-", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=0-0", 1, PST_RANGE_ONE, 0, 1},
        {"bytes=0-9999", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=0-10000", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=9999-9999", 10000, PST_RANGE_ONE, 9999, 1},
        {"bytes=9999-", 10000, PST_RANGE_ONE, 9999, 1},
        {"bytes=10000-", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=10000-10001", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        /* suffixes */
        {"bytes=-1", 10000, PST_RANGE_ONE, 9999, 1},
        {"bytes=-10000", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=-10001", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=-99999999999999999999999", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=-0", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-000", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=--1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=-1-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=-1-2", 10000, PST_RANGE_NONE, 0, 0},
        /* nothing there: no first byte to begin at; and 206 cannot say "the last 5 of nothing" */
        {"bytes=0-", 0, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=0-0", 0, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=-5", 0, PST_RANGE_NONE, 0, 0},
        {"bytes=-0", 0, PST_RANGE_UNSATISFIABLE, 0, 0},
        /* 14.1.1: a last position before the first is invalid */
        {"bytes=5-4", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=10001-10000", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=5-5", 10000, PST_RANGE_ONE, 5, 1},
        {"bytes=0005-0006", 10000, PST_RANGE_ONE, 5, 2},
        /* 14.1.1: large numbers are to be expected */
        {"bytes=0-9223372036854775807", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=0-18446744073709551615", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=0-18446744073709551616", 10000, PST_RANGE_ONE, 0, 10000},
        {"bytes=5-99999999999999999999999999", 10000, PST_RANGE_ONE, 5, 9995},
        {"bytes=18446744073709551615-", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=18446744073709551616-", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=36893488147419103232-", 10000, PST_RANGE_UNSATISFIABLE, 0, 0},
        {"bytes=99999999999999999999-5", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-", UINT64_MAX, PST_RANGE_ONE, 0, UINT64_MAX},
        {"bytes=-18446744073709551615", UINT64_MAX, PST_RANGE_ONE, 0, UINT64_MAX},
        {"bytes=18446744073709551614-18446744073709551615", UINT64_MAX, PST_RANGE_ONE, UINT64_MAX - 1, 1},
        {"bytes=18446744073709551615-", UINT64_MAX, PST_RANGE_UNSATISFIABLE, 0, 0},
        /* several: sent whole, whatever they are */
        {"bytes=0-1,2-3", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1, 2-3", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1,-1,4-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1,99999-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=99999-,99999-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1,x", 10000, PST_RANGE_NONE, 0, 0},
        /* 5.6.1.2: empty list elements count for nothing; whitespace only around elements */
        {"bytes=,0-1", 10000, PST_RANGE_ONE, 0, 2},
        {"bytes=0-1,", 10000, PST_RANGE_ONE, 0, 2},
        {"bytes= , \t0-1 ,, ", 10000, PST_RANGE_ONE, 0, 2},
        {"bytes= 0-1 ", 10000, PST_RANGE_ONE, 0, 2},
        {" bytes=0-1\t", 10000, PST_RANGE_ONE, 0, 2},
        {"bytes=0 -1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0- 1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=- 1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes =0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1 2", 10000, PST_RANGE_NONE, 0, 0},
        /* 14.1: the unit's name in any case; another unit is ignored */
        {"Bytes=0-1", 10000, PST_RANGE_ONE, 0, 2},
        {"BYTES=-1", 10000, PST_RANGE_ONE, 9999, 1},
        {"byte=0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytess=0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"items=0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"seconds=1-2", 10000, PST_RANGE_NONE, 0, 0},
        {"none", 10000, PST_RANGE_NONE, 0, 0},
        /* malformed */
        {"", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=,", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1-", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=a-b", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-b", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0x0-0x1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=+0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-+1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes=0-1;q=1", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes 0-1/2", 10000, PST_RANGE_NONE, 0, 0},
        {"bytes:0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"0-1", 10000, PST_RANGE_NONE, 0, 0},
        {"*", 10000, PST_RANGE_NONE, 0, 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t offset = 77, len = 77;
        /* In memory of its very length, so that the address sanitizer sees a byte read too far. */
        size_t value_len = strlen(rows[i].value);
        char *value = malloc(value_len + (value_len == 0));
        assert_non_null(value);
        memcpy(value, rows[i].value, value_len);
        enum pst_range got = pst_http_range_read(pst_slice_of(value, value_len), rows[i].size, &offset, &len);
        free(value);
        if (got != rows[i].result)
            fail_msg("'%s': %d, not %d", rows[i].value, (int)got, (int)rows[i].result);
        if (got == PST_RANGE_ONE && (offset != rows[i].offset || len != rows[i].len))
            fail_msg("'%s': %llu + %llu", rows[i].value, (unsigned long long)offset, (unsigned long long)len);
    }
    uint64_t offset, len;
    assert_int_equal(pst_http_range_read(pst_slice_of(NULL, 0), 1, &offset, &len), PST_RANGE_NONE);
    assert_int_equal(pst_http_range_read(pst_slice_of("bytes=0-\0", 9), 1, &offset, &len), PST_RANGE_NONE);
}

/* Every range of a small representation, against marking its bytes one by one. */
static void test_range_read__every_small_range__same_bytes_as_marking_them(void **state)
{
    (void)state;
    for (int size = 0; size <= 6; size++) {
        for (int first = -1; first <= 8; first++) {
            for (int last = -1; last <= 8; last++) {
                char value[32], a[12] = "", b[12] = "";
                if (first >= 0)
                    (void)snprintf(a, sizeof a, "%d", first);
                if (last >= 0)
                    (void)snprintf(b, sizeof b, "%d", last);
                (void)snprintf(value, sizeof value, "bytes=%s-%s", a, b);

                int from = -1, count = 0;
                for (int i = 0; i < size; i++) {
                    bool is_in = first < 0 ? i >= size - last : i >= first && (last < 0 || i <= last);
                    if (is_in && count++ == 0)
                        from = i;
                }
                bool is_valid = first >= 0 ? last < 0 || last >= first : last >= 0;
                uint64_t offset = 0, len = 0;
                enum pst_range got = pst_http_range_read(pst_slice_str(value), (uint64_t)size, &offset, &len);
                if (!is_valid || (first < 0 && last > 0 && size == 0)) {
                    assert_int_equal(got, PST_RANGE_NONE);
                } else if (count == 0) {
                    assert_int_equal(got, PST_RANGE_UNSATISFIABLE);
                } else {
                    assert_int_equal(got, PST_RANGE_ONE);
                    assert_int_equal(offset, from);
                    assert_int_equal(len, count);
                }
            }
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_range_read__table__as_rfc_9110_14),
        cmocka_unit_test(test_range_read__every_small_range__same_bytes_as_marking_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
