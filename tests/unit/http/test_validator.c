/* Entity tags: RFC 9110 8.8.3, 13.1.1, 13.1.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void test_etag_match__table__weak_and_strong(void **state)
{
    (void)state;
    static const struct {
        const char *list, *etag;
        bool weak, strong;
    } rows[] = {
        /* 8.8.3.2: the RFC's table */
        {"W/\"1\"", "W/\"1\"", true, false},
        {"W/\"1\"", "W/\"2\"", false, false},
        {"W/\"1\"", "\"1\"", true, false},
        {"\"1\"", "\"1\"", true, true},
        {"\"1\"", "W/\"1\"", true, false},
        {"\"1\"", "\"2\"", false, false},
        /* lists: 5.6.1.2 */
        {"\"a\", \"b\", \"c\"", "\"b\"", true, true},
        {"\"a\",\"b\",\"c\"", "\"c\"", true, true},
        {"\"a\" \t,\t \"b\"", "\"b\"", true, true},
        {"W/\"a\", \"a\"", "\"a\"", true, true},
        {"\"a\", W/\"a\"", "\"a\"", true, true},
        {",, \"a\" ,", "\"a\"", true, true},
        {" \"a\" ", "\"a\"", true, true},
        {"\"a\", \"b\"", "\"ab\"", false, false},
        /* 13.1: any */
        {"*", "\"a\"", true, true},
        {" * ", "W/\"a\"", true, true},
        {"*", "", true, true},
        {"\"*\"", "\"a\"", false, false},
        {"*, \"a\"", "\"a\"", false, false},
        {"\"b\", *", "\"a\"", false, false},
        /* 8.8.3: case matters, the opaque tag may be empty, hold commas and obs-text, and has no escapes */
        {"\"A\"", "\"a\"", false, false},
        {"\"\"", "\"\"", true, true},
        {"\"a,b\"", "\"a,b\"", true, true},
        {"\"x\", \"a,b\"", "\"a,b\"", true, true},
        {"\"a\\\", \"b\"", "\"a\\\"", true, true},
        {"\"\xc3\xa9\"", "\"\xc3\xa9\"", true, true},
        {"\"a-gzip\"", "\"a\"", false, false},
        /* nothing beyond a flaw */
        {"a", "\"a\"", false, false},
        {"a, \"a\"", "\"a\"", false, false},
        {"\"b\" \"a\"", "\"a\"", false, false},
        {"\"b\"\"a\"", "\"a\"", false, false},
        {"\"b\"; \"a\"", "\"a\"", false, false},
        {"w/\"a\"", "\"a\"", false, false},
        {"W/a", "\"a\"", false, false},
        {"W /\"a\"", "\"a\"", false, false},
        {"W/ \"a\"", "\"a\"", false, false},
        {"\"a", "\"a\"", false, false},
        {"\"", "\"a\"", false, false},
        {"W/", "\"a\"", false, false},
        {"\"a b\", \"a\"", "\"a\"", false, false},
        {"'a'", "\"a\"", false, false},
        {"\"a\", x", "\"a\"", true, true},
        /* no tag to compare with */
        {"", "\"a\"", false, false},
        {",", "\"a\"", false, false},
        {"\"a\"", "", false, false},
        {"a", "a", false, false},
        {"\"a\"", "\"a\"x", false, false},
        {"\"a\"", "\"a\", \"a\"", false, false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice list = pst_slice_str(rows[i].list), etag = pst_slice_str(rows[i].etag);
        if (pst_http_etag_weak_match(list, etag) != rows[i].weak)
            fail_msg("row %zu: %s weakly against %s", i, rows[i].list, rows[i].etag);
        if (pst_http_etag_strong_match(list, etag) != rows[i].strong)
            fail_msg("row %zu: %s strongly against %s", i, rows[i].list, rows[i].etag);
    }
    assert_false(pst_http_etag_weak_match(pst_slice_of(NULL, 0), PST_SLICE("\"a\"")));
    assert_false(pst_http_etag_weak_match(PST_SLICE("\"a\""), pst_slice_of(NULL, 0)));
    assert_false(pst_http_etag_weak_match(pst_slice_of("\"a\0\"", 4), pst_slice_of("\"a\0\"", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_etag_match__table__weak_and_strong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
