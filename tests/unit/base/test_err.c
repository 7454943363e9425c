/* The table of error numbers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/err.h>
#include <string.h>

static const struct {
    int number;
    const char *text;
} rows[] = {
#define PST_X(name, number, text) {PST_E_##name, text},
    PST_ERR_MAP(PST_X)
#undef PST_X
};
static const size_t row_count = sizeof rows / sizeof rows[0];

static void test_strerror__every_number__has_its_text(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++)
        assert_string_equal(pst_strerror(rows[i].number), rows[i].text);
}

static void test_strerror__unknown_numbers__say_so(void **state)
{
    (void)state;
    static const int unknown[] = {1, 22, -19, -899, -900, -905, -100000, INT32_MAX, INT32_MIN};
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_string_equal(pst_strerror(unknown[i]), "unknown error");
    assert_string_equal(pst_strerror(0), "success");
}

static void test_err_map__all_rows__are_negative_distinct_and_worded(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        assert_true(rows[i].number < 0);
        assert_true(strlen(rows[i].text) > 0);
        for (size_t j = 0; j < i; j++) {
            assert_int_not_equal(rows[i].number, rows[j].number);
            assert_string_not_equal(rows[i].text, rows[j].text);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_strerror__every_number__has_its_text),
        cmocka_unit_test(test_strerror__unknown_numbers__say_so),
        cmocka_unit_test(test_err_map__all_rows__are_negative_distinct_and_worded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
