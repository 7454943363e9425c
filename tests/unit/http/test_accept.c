/* Choosing by Accept: RFC 9110 12.5.1, 12.4.2. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const echo_types[] = {"text/html", "text/plain", "application/json"};
enum { NOTHING = -1, HTML, PLAIN, JSON };

static void test_accept__table__prefers_the_heaviest(void **state)
{
    (void)state;
    static const struct {
        const char *accept;
        int expected;
    } rows[] = {
        {"", HTML},
        {" ", HTML},
        {"*/*", HTML},
        {"text/*", HTML},
        {"text/html", HTML},
        {"text/plain", PLAIN},
        {"application/json", JSON},
        {"application/*", JSON},
        {"image/*", NOTHING},
        {"text/css", NOTHING},
        {"text/htm", NOTHING},
        {"text/html5", NOTHING},
        /* what browsers and curl send */
        {"text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8", HTML},
        {"application/json, text/plain, */*", HTML}, /* all weigh the same */
        {"image/avif,image/webp,*/*", HTML},
        {"application/json, text/javascript, */*; q=0.01", JSON},
        /* 12.4.2: weights, of three digits at most */
        {"text/html;q=0.5, text/plain", PLAIN},
        {"text/html;q=0.5, application/json;q=0.6, text/plain;q=0.55", JSON},
        {"text/html;q=0.998, text/plain;q=0.999", PLAIN},
        {"text/html;q=1.000, text/plain;q=1", HTML},
        {"text/html;q=0.1,text/plain;q=0.10,application/json;q=0.100", HTML},
        {"text/html;Q=0.5, text/plain;Q=0.6", PLAIN},
        {"text/html ; q=0.5 , text/plain\t;\tq=0.6", PLAIN},
        {"text/html;q=0", NOTHING},
        {"text/html;q=0.000, */*;q=0.001", PLAIN},
        {"*/*;q=0", NOTHING},
        {"text/*;q=0, */*", JSON},
        {"text/html;q=0., text/plain;q=1.", PLAIN},
        /* 12.5.1: the most specific range counts, wherever it stands */
        {"*/*, text/html;q=0.1", PLAIN},
        {"text/html;q=0.1, */*", PLAIN},
        {"text/*;q=0.3, text/plain;q=0.7, */*;q=0.5", PLAIN},
        {"text/*, text/html;q=0.1, text/plain;q=0.2, */*;q=0.9", JSON},
        {"text/html;q=0.1, text/html;q=0.9, text/plain;q=0.5", HTML},
        /* a variant with parameters stands in for the plain type only where that is not named */
        {"application/json;charset=utf-8, */*;q=0.1", JSON},
        {"text/html;level=1;q=0.4, text/html;q=0.2, text/plain;q=0.3", PLAIN},
        {"text/plain;format=flowed;q=0.2, text/*;q=0.9, application/json;q=0.5", HTML},
        {"text/plain; format=flowed; q=0.2, application/json; q=0.5", JSON},
        {"text/plain;q=0.5;ext=1, application/json;q=0.4", PLAIN},
        /* 9110 8.3.1: names in any case */
        {"TEXT/PLAIN", PLAIN},
        {"Application/Json", JSON},
        /* quoted parameters hide commas, semicolons and quotes */
        {"text/plain;a=\"x,application/json;q=1\";q=0.1, text/html;q=0.2", HTML},
        {"text/plain;a=\"\\\",text/html\";q=0.4, application/json;q=0.3", PLAIN},
        {"text/plain;a=\"never closed, text/html", PLAIN},
        /* 5.6.1.2: empty elements; 5.6.6: empty parameters */
        {",,text/plain,", PLAIN},
        {"text/plain;;;q=0.5;, application/json;q=0.4", PLAIN},
        /* old clients */
        {"application/json, *;q=.2, */*; q=.2", JSON},
        {"*", HTML},
        {"text/html;q=0.12345, text/plain;q=0.12399", HTML},
        /* elements that make no sense are passed over */
        {"nonsense, text/plain", PLAIN},
        {"text/, text/plain", PLAIN},
        {"/html, text/plain", PLAIN},
        {"*/html, text/plain", PLAIN},
        {"text/html/x, text/plain", PLAIN},
        {"text/html x, text/plain", PLAIN},
        {"text /html, text/plain", PLAIN},
        {"text/html;q=2, text/plain;q=0.1", PLAIN},
        {"text/html;q=1.001, text/plain;q=0.1", PLAIN},
        {"text/html;q=-1, text/plain;q=0.1", PLAIN},
        {"text/html;q=high, text/plain;q=0.1", PLAIN},
        {"text/html;q=, text/plain;q=0.1", PLAIN},
        {"text/html;q=., text/plain;q=0.1", PLAIN},
        {"text/html;q, text/plain;q=0.1", PLAIN},
        {"text/html;q=\"1\", text/plain;q=0.1", PLAIN},
        {"text/html;q=0.5x, text/plain;q=0.1", PLAIN},
        {"@, \"text/html, x\", text/plain", PLAIN},
        /* nothing in it makes sense: as if it were not there */
        {"nonsense", HTML},
        {"text/html;q=7", HTML},
        {",", HTML},
        {"\"", HTML},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        int got = pst_http_accept(pst_slice_str(rows[i].accept), echo_types, COUNT(echo_types));
        if (got != rows[i].expected)
            fail_msg("'%s': %d, not %d", rows[i].accept, got, rows[i].expected);
    }
}

/* RFC 9110 12.5.1: the example with its table of resulting weights, checked pair by pair. */
static void test_accept__example_of_the_rfc__resulting_order(void **state)
{
    (void)state;
    const struct pst_slice accept =
        PST_SLICE("text/*;q=0.3, text/plain;q=0.7, text/plain;format=flowed, text/plain;format=fixed;q=0.4, "
                  "*/*;q=0.5");
    static const char *const by_weight[] = {"text/plain" /* 0.7 */, "image/jpeg" /* 0.5 */,
                                            "text/html" /* 0.3 */};
    for (size_t a = 0; a < COUNT(by_weight); a++) {
        for (size_t b = a + 1; b < COUNT(by_weight); b++) {
            const char *const forth[] = {by_weight[a], by_weight[b]}, *const back[] = {by_weight[b],
                                                                                       by_weight[a]};
            assert_int_equal(pst_http_accept(accept, forth, 2), 0);
            assert_int_equal(pst_http_accept(accept, back, 2), 1);
        }
    }
}

static void test_accept__nothing_offered__minus_one(void **state)
{
    (void)state;
    assert_int_equal(pst_http_accept(PST_SLICE("*/*"), NULL, 0), -1);
    assert_int_equal(pst_http_accept(pst_slice_of(NULL, 0), NULL, 0), -1);
    assert_int_equal(pst_http_accept(pst_slice_of(NULL, 0), echo_types, 3), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_accept__table__prefers_the_heaviest),
        cmocka_unit_test(test_accept__example_of_the_rfc__resulting_order),
        cmocka_unit_test(test_accept__nothing_offered__minus_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
