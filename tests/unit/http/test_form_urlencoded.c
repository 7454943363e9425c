/* Urlencoded forms: the WHATWG URL standard, 5.1. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_urlencoded_next__table__fields_in_order(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *fields[5]; /* name and value by turns */
    } rows[] = {
        {"", {0}},
        {"&", {0}},
        {"&&&", {0}},
        {"a=1", {"a", "1"}},
        {"a=1&b=2", {"a", "1", "b", "2"}},
        {"a=1&&b=2&", {"a", "1", "b", "2"}},
        {"&a=1", {"a", "1"}},
        {"a", {"a", ""}},
        {"a=", {"a", ""}},
        {"=a", {"", "a"}},
        {"=", {"", ""}},
        {"a==b", {"a", "=b"}},
        {"a=b=c", {"a", "b=c"}},
        {"a=1&a=2", {"a", "1", "a", "2"}},
        {"a+b=c+d", {"a b", "c d"}},
        {"a%2Bb=%2b", {"a+b", "+"}},
        {"a%20b=%3D%26", {"a b", "=&"}},
        {"%61=%41", {"a", "A"}},
        {"n=%C3%A9", {"n", "\xc3\xa9"}},
        {"n=%ff", {"n", "\xff"}},
        {"n=\xc3\xa9", {"n", "\xc3\xa9"}},
        {"a;b=c;d", {"a;b", "c;d"}},
        {"text=a%0D%0Ab", {"text", "a\r\nb"}},
        {"a=%2541", {"a", "%41"}},
        /* a "%" that is no escape stays */
        {"%", {"%", ""}},
        {"a=%", {"a", "%"}},
        {"a=%4", {"a", "%4"}},
        {"a=%4&b=1", {"a", "%4", "b", "1"}},
        {"a=%&41", {"a", "%", "41", ""}},
        {"a%=41", {"a%", "41"}},
        {"a%3=D", {"a%3", "D"}},
        {"a=%zz", {"a", "%zz"}},
        {"a=%%41", {"a", "%A"}},
        {"a=100%", {"a", "100%"}},
        {"a=%+1", {"a", "% 1"}},
        {"a=%u0041", {"a", "%u0041"}},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice text = pst_slice_str(rows[i].text), rest = text;
        char *memory = malloc(text.len + (text.len == 0)), *scratch = memory;
        struct pst_form_field field;
        size_t at = 0;
        assert_non_null(memory);
        for (; pst_urlencoded_next(&rest, &scratch, &field); at += 2) {
            if (rows[i].fields[at] == NULL || !pst_slice_eq(field.name, pst_slice_str(rows[i].fields[at])) ||
                !pst_slice_eq(field.value, pst_slice_str(rows[i].fields[at + 1])))
                fail_msg("'%s': '%.*s' is '%.*s'", rows[i].text, PST_FMT(field.name), PST_FMT(field.value));
        }
        assert_null(rows[i].fields[at]);
        assert_int_equal(rest.len, 0);
        assert_true(scratch >= memory && (size_t)(scratch - memory) <= text.len);
        assert_false(pst_urlencoded_next(&rest, &scratch, &field));
        free(memory);
    }
}

static void test_urlencoded_next__zero_byte__kept(void **state)
{
    (void)state;
    struct pst_slice rest = PST_SLICE("a=%00b");
    char memory[6], *scratch = memory;
    struct pst_form_field field;
    assert_true(pst_urlencoded_next(&rest, &scratch, &field));
    assert_int_equal(field.value.len, 2);
    assert_memory_equal(field.value.ptr, "\0b", 2);
}

/* What pst_text_add_percent writes, a form reads back: every byte, in names and values. */
static void test_urlencoded_next__percent_encoded_bytes__read_back(void **state)
{
    (void)state;
    for (unsigned a = 0; a < 256; a++) {
        for (unsigned b = 0; b < 256; b += 5) {
            char bytes[2] = {(char)a, (char)b}, memory[16], *scratch = memory;
            struct pst_text text = {0};
            struct pst_form_field field;
            pst_text_add_percent(&text, pst_slice_of(bytes, 2), false);
            pst_text_adds(&text, "=");
            pst_text_add_percent(&text, pst_slice_of(bytes, 2), true);
            struct pst_slice rest = pst_slice_of(text.ptr, text.len);
            assert_true(pst_urlencoded_next(&rest, &scratch, &field));
            assert_true(pst_slice_eq(field.name, pst_slice_of(bytes, 2)));
            assert_true(pst_slice_eq(field.value, pst_slice_of(bytes, 2)));
            assert_false(pst_urlencoded_next(&rest, &scratch, &field));
            pst_text_free(&text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_urlencoded_next__table__fields_in_order),
        cmocka_unit_test(test_urlencoded_next__zero_byte__kept),
        cmocka_unit_test(test_urlencoded_next__percent_encoded_bytes__read_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
