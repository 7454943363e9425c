/* Fields as they lie in a row, and sets of names. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/fields.h"
#include "store/names.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_fields__lengths_around_each_byte_more__come_back(void **state)
{
    (void)state;
    static const size_t lens[] = {0, 1, 127, 128, 129, 16383, 16384, 16385, 2097151, 2097152};
    char *bytes = malloc(2097152);
    assert_non_null(bytes);
    memset(bytes, 0x80, 2097152); /* what would be taken for a length that goes on */
    struct pst_text text = {NULL, 0, 0, false};
    for (size_t i = 0; i < COUNT(lens); i++)
        pst_fields_add(&text, pst_slice_of(bytes, lens[i]), pst_slice_of(bytes, lens[COUNT(lens) - 1 - i]));
    assert_false(text.failed);
    struct pst_slice rest = pst_slice_of(text.ptr, text.len);
    struct pst_post_field field;
    for (size_t i = 0; i < COUNT(lens); i++) {
        assert_int_equal(pst_fields_next(&rest, &field), 1);
        assert_int_equal(field.name.len, lens[i]);
        assert_int_equal(field.value.len, lens[COUNT(lens) - 1 - i]);
        assert_memory_equal(field.name.ptr, bytes, field.name.len);
        assert_memory_equal(field.value.ptr, bytes, field.value.len);
    }
    assert_int_equal(pst_fields_next(&rest, &field), 0);
    pst_text_free(&text);
    free(bytes);
}

static void test_fields__damaged__syntax_and_no_byte_beyond(void **state)
{
    (void)state;
    const struct pst_slice cases[] = {
        PST_SLICE("\x01"),                                                 /* no name */
        PST_SLICE("\x01n"),                                                /* no value */
        PST_SLICE("\x01n\x02v"),                                           /* a value that is too short */
        PST_SLICE("\x80"),                                                 /* a length that does not end */
        PST_SLICE("\xff\xff\xff\xff\xff\xff\xff\xff\x7fname"),             /* 2^63 - 1 */
        PST_SLICE("\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01"), /* longer than any */
        PST_SLICE("\x00\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01"),
    };
    for (size_t i = 0; i < COUNT(cases); i++) {
        char *copy = malloc(cases[i].len); /* so that a sanitizer sees where it ends */
        assert_non_null(copy);
        memcpy(copy, cases[i].ptr, cases[i].len);
        struct pst_slice rest = pst_slice_of(copy, cases[i].len);
        struct pst_post_field field;
        if (pst_fields_next(&rest, &field) != PST_E_SYNTAX)
            fail_msg("case %zu was taken", i);
        free(copy);
    }
}

static void test_names__thousands_twice__each_once_in_order(void **state)
{
    (void)state;
    enum { MANY = 3000 };
    struct pst_names names;
    char name[16], *text;
    pst_names_init(&names);
    for (int turn = 0; turn < 2; turn++)
        for (int i = 0; i < MANY; i++)
            assert_int_equal(
                pst_names_add(&names, pst_slice_of(name, (size_t)snprintf(name, sizeof(name), "n%d", i))), 0);
    assert_int_equal(pst_names_end(&names, &text), 0);
    const char *at = text;
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_string_equal(at, name);
        at += strlen(at) + 1;
    }
    assert_string_equal(at, "");
    free(text);
    pst_names_fini(&names);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields__lengths_around_each_byte_more__come_back),
        cmocka_unit_test(test_fields__damaged__syntax_and_no_byte_beyond),
        cmocka_unit_test(test_names__thousands_twice__each_once_in_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
