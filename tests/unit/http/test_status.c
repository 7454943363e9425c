/* Reason phrases. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>

/* RFC 9110 15 Status Codes */
static void test_status_text__table__registered_phrase(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *text;
    } rows[] = {
        {100, "Continue"},
        {200, "OK"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {308, "Permanent Redirect"},
        {404, "Not Found"},
        {413, "Content Too Large"},
        {416, "Range Not Satisfiable"},
        {422, "Unprocessable Content"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {505, "HTTP Version Not Supported"},
        {511, "Network Authentication Required"},
        /* not registered, or no status at all */
        {-1, ""},
        {0, ""},
        {99, ""},
        {306, ""}, /* RFC 9110 15.4.7: unused */
        {418, ""}, /* RFC 9110 15.5.19: unused */
        {299, ""},
        {599, ""},
        {600, ""},
        {INT32_MAX, ""},
        {INT32_MIN, ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_string_equal(pst_status_text(rows[i].status), rows[i].text);
}

/* RFC 9112 4: reason-phrase = 1*( HTAB / SP / VCHAR / obs-text ); ours are ASCII words. */
static void test_status_text__every_number__words_only(void **state)
{
    (void)state;
    unsigned registered = 0;
    for (int status = -1000; status < 2000; status++) {
        const char *text = pst_status_text(status);
        assert_non_null(text);
        registered += *text != '\0';
        assert_true(*text == '\0' || (status >= 100 && status <= 599));
        for (; *text != '\0'; text++)
            assert_true((*text >= 'A' && *text <= 'Z') || (*text >= 'a' && *text <= 'z') || *text == ' ' ||
                        *text == '-');
    }
    assert_int_equal(registered, 4 + 10 + 8 + 28 + 10); /* of each class */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_status_text__table__registered_phrase),
        cmocka_unit_test(test_status_text__every_number__words_only),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
