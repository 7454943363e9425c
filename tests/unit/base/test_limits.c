/* The table of limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/err.h>
#include <postern/limits.h>
#include <string.h>

static const struct {
    const char *name;
    size_t offset;
    uint64_t def, least, most;
} rows[] = {
#define PST_X(name, def, least, most, text) {#name, offsetof(struct pst_limits, name), def, least, most},
    PST_LIMIT_MAP(PST_X)
#undef PST_X
};
static const size_t row_count = sizeof rows / sizeof rows[0];

static uint64_t field(const struct pst_limits *limits, size_t i)
{
    uint64_t value;
    memcpy(&value, (const char *)limits + rows[i].offset, sizeof value);
    return value;
}

static void test_limits_init__dirty_struct__every_default(void **state)
{
    (void)state;
    struct pst_limits limits;
    memset(&limits, 0xa5, sizeof limits);
    pst_limits_init(&limits);
    for (size_t i = 0; i < row_count; i++) {
        assert_true(field(&limits, i) == rows[i].def);
        assert_true(rows[i].least <= rows[i].def && rows[i].def <= rows[i].most);
    }
    assert_int_equal(sizeof limits, row_count * sizeof(uint64_t));
    assert_int_equal(limits.head_bytes, 16384);
}

static void test_limits_set__bounds__are_included(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        struct pst_limits limits, before;
        struct pst_slice name = pst_slice_str(rows[i].name);
        pst_limits_init(&limits);

        assert_int_equal(pst_limits_set(&limits, name, rows[i].least), 0);
        assert_true(field(&limits, i) == rows[i].least);
        assert_int_equal(pst_limits_set(&limits, name, rows[i].most), 0);
        assert_true(field(&limits, i) == rows[i].most);

        before = limits;
        assert_int_equal(pst_limits_set(&limits, name, rows[i].most + 1), PST_E_RANGE);
        if (rows[i].least > 0)
            assert_int_equal(pst_limits_set(&limits, name, rows[i].least - 1), PST_E_RANGE);
        assert_int_equal(pst_limits_set(&limits, name, UINT64_MAX), PST_E_RANGE);
        assert_memory_equal(&limits, &before, sizeof limits);
    }
}

static void test_limits_set__one_name__leaves_the_others(void **state)
{
    (void)state;
    for (size_t i = 0; i < row_count; i++) {
        struct pst_limits limits;
        pst_limits_init(&limits);
        assert_int_equal(pst_limits_set(&limits, pst_slice_str(rows[i].name), rows[i].most), 0);
        for (size_t j = 0; j < row_count; j++)
            assert_true(field(&limits, j) == (j == i ? rows[j].most : rows[j].def));
    }
}

static void test_limits_set__unknown_name__noent_and_unchanged(void **state)
{
    (void)state;
    static const char *const unknown[] = {"",           "head",       "head_byte", "head_bytes ",
                                          "HEAD_BYTES", "head_bytes_"};
    struct pst_limits limits, before;
    pst_limits_init(&limits);
    before = limits;
    for (size_t i = 0; i < sizeof unknown / sizeof unknown[0]; i++)
        assert_int_equal(pst_limits_set(&limits, pst_slice_str(unknown[i]), 1000), PST_E_NOENT);
    assert_memory_equal(&limits, &before, sizeof limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_limits_init__dirty_struct__every_default),
        cmocka_unit_test(test_limits_set__bounds__are_included),
        cmocka_unit_test(test_limits_set__one_name__leaves_the_others),
        cmocka_unit_test(test_limits_set__unknown_name__noent_and_unchanged),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
