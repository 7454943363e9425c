/* The reader of forms: which syntax is read, urlencoded streams, and errors that stay. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "support/form_account.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define URLENCODED   PST_SLICE("application/x-www-form-urlencoded")
#define BYTES(s)                                                                                             \
    {                                                                                                        \
        s, sizeof(s) - 1                                                                                     \
    }
#define LIMIT(name) offsetof(struct pst_limits, name)

static struct pst_slice text_of(const struct form_account *a)
{
    return pst_slice_of(a->text.ptr, a->text.len);
}

static void test_form_new__media_types__two_are_read(void **state)
{
    (void)state;
    static const struct {
        const char *type;
        int err;
    } rows[] = {
        {"application/x-www-form-urlencoded", 0},
        {"Application/X-WWW-Form-UrlEncoded; charset=UTF-8", 0},
        {" multipart/form-data ; boundary=x", 0},
        {"multipart/form-data", PST_E_SYNTAX},
        {"multipart/mixed; boundary=x", PST_E_UNSUPPORTED},
        {"multipart/form-data-x; boundary=x", PST_E_UNSUPPORTED},
        {"multipart/form-data, text/plain; boundary=x", PST_E_UNSUPPORTED},
        {"application/json", PST_E_UNSUPPORTED},
        {"text/plain", PST_E_UNSUPPORTED},
        {"x", PST_E_UNSUPPORTED},
        {"", PST_E_UNSUPPORTED},
    };
    struct pst_limits limits;
    pst_limits_init(&limits);
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_form *form;
        int err = pst_form_new(&form, pst_slice_str(rows[i].type), &limits, &form_account_events, NULL);
        if (err != rows[i].err || (form != NULL) != (err == 0))
            fail_msg("'%s' gives %d", rows[i].type, err);
        pst_form_free(form);
    }
    pst_form_free(NULL);
}

/* The fields that pst_urlencoded_next() gives of the whole text. */
static void account_of_whole(struct pst_text *t, struct pst_slice body)
{
    char *memory = malloc(body.len + 1), *scratch = memory;
    struct pst_form_field field;
    assert_non_null(memory);
    while (pst_urlencoded_next(&body, &scratch, &field)) {
        pst_text_add(t, field.name);
        pst_text_adds(t, "=");
        pst_text_add(t, field.value);
        pst_text_adds(t, ";");
    }
    free(memory);
}

static void assert_as_whole(struct form_account *a, const struct pst_text *whole, struct pst_slice body)
{
    if (a->err != 0 || !pst_slice_eq(text_of(a), pst_slice_of(whole->ptr, whole->len)))
        fail_msg("'%.*s' gives %d '%.*s'", PST_FMT(body), a->err, PST_FMT(text_of(a)));
    form_account_free(a);
}

static void test_form__urlencoded__cut_anywhere_as_the_whole(void **state)
{
    (void)state;
    static const char *const bodies[] = {
        "",          "&",         "&&&",      "a=1",      "a=1&b=2",      "a=1&&b=2&",  "&a=1",
        "a",         "a=",        "=a",       "=",        "a==b",         "a=b=c",      "a=1&a=2",
        "a+b=c+d",   "a%2Bb=%2b", "%61=%41",  "n=%C3%A9", "n=%ff",        "n=\xc3\xa9", "a;b=c;d",
        "a=%0D%0Ab", "a=%2541",   "%",        "a=%",      "a=%4",         "a=%4&b=1",   "a=%&41",
        "a%=41",     "a%3=D",     "a=%zz",    "a=%%41",   "a=%4%41",      "a=%4%4%41",  "a=100%",
        "a=%+1",     "a=%4+1",    "a=%u0041", "%3D=%26",  "%%%=%%%&%4%=", "a=%00b",     "_charset_=x",
        "+=+&+",     "a&b&c",     "%4",       "a=%f&%f",  "a=%4=%=&=%=",
    };
    for (size_t i = 0; i < COUNT(bodies); i++) {
        struct pst_slice body = pst_slice_str(bodies[i]);
        struct pst_text whole = {0};
        account_of_whole(&whole, body);
        for (size_t at = 0; at < body.len + 1; at++) {
            struct form_account a = {0};
            size_t cut = at;
            form_account_read(&a, URLENCODED, body, NULL, form_account_cut_at, &cut);
            assert_as_whole(&a, &whole, body);
        }
        struct form_account a = {0};
        size_t one = 1;
        form_account_read(&a, URLENCODED, body, NULL, form_account_cut_every, &one);
        assert_as_whole(&a, &whole, body);
        pst_text_free(&whole);
    }
}

/* Longer than any buffer within. */
static void test_form__long_urlencoded_values__whole(void **state)
{
    (void)state;
    for (size_t len = 1000; len < 5000; len += 499) {
        struct pst_text body = {0}, whole = {0};
        pst_text_adds(&body, "a=");
        for (size_t i = 0; i < len; i++)
            pst_text_addf(&body, i % 3 ? "%%%02X" : "%c", (unsigned)('A' + i % 50));
        pst_text_adds(&body, "&b=");
        struct pst_slice all = pst_slice_of(body.ptr, body.len);
        account_of_whole(&whole, all);
        for (size_t n = 1; n < 5000; n = n * 3 + 1) {
            struct form_account a = {0};
            form_account_read(&a, URLENCODED, all, NULL, form_account_cut_every, &n);
            assert_as_whole(&a, &whole, all);
        }
        pst_text_free(&body);
        pst_text_free(&whole);
    }
}

static void test_form__urlencoded_limits__named_with_their_value(void **state)
{
    (void)state;
    static const struct {
        size_t limit;
        uint64_t value; /* what the body needs */
        const char *body, *why, *before;
    } rows[] = {
        {LIMIT(form_fields), 2, "a=1&b=2", "more fields than form_fields (1)", "a=1;"},
        {LIMIT(form_name_bytes), 3, "a%41c=1", "a name is longer than form_name_bytes (2)", ""},
        {LIMIT(form_name_bytes), 3, "a%4", "a name is longer than form_name_bytes (2)", ""},
        {LIMIT(form_field_bytes), 3, "a=1%412&b", "a field is longer than form_field_bytes (2)", "a=1A"},
        {LIMIT(form_field_bytes), 3, "a=%zz", "a field is longer than form_field_bytes (2)", "a=%z"},
        {LIMIT(form_text_bytes), 4, "a=1&b=2",
         "names and values together are longer than form_text_bytes (3)", "a=1;b="},
        {LIMIT(form_text_bytes), 3, "a=1&b", "names and values together are longer than form_text_bytes (2)",
         "a=1;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t n = 1; n < 9; n++) {
            struct pst_limits limits;
            struct form_account a = {0}, over = {0};
            pst_limits_init(&limits);
            uint64_t *field = (uint64_t *)(void *)((char *)&limits + rows[i].limit);
            *field = rows[i].value;
            form_account_read(&a, URLENCODED, pst_slice_str(rows[i].body), &limits, form_account_cut_every,
                              &n);
            assert_int_equal(a.err, 0);
            *field = rows[i].value - 1;
            form_account_read(&over, URLENCODED, pst_slice_str(rows[i].body), &limits, form_account_cut_every,
                              &n);
            assert_int_equal(over.err, PST_E_LIMIT);
            assert_string_equal(over.why, rows[i].why);
            if (!pst_slice_eq(text_of(&over), pst_slice_str(rows[i].before)))
                fail_msg("%zu by %zu: '%.*s'", i, n, PST_FMT(text_of(&over)));
            form_account_free(&a);
            form_account_free(&over);
        }
    }
}

static void test_form__nul_in_an_urlencoded_name__refused(void **state)
{
    (void)state;
    struct form_account a = {0}, value = {0};
    form_account_read(&a, URLENCODED, PST_SLICE("x=1&a%00b=2"), NULL, NULL, NULL);
    assert_int_equal(a.err, PST_E_SYNTAX);
    assert_string_equal(a.why, "a name holds a NUL");
    form_account_free(&a);
    form_account_read(&value, URLENCODED, PST_SLICE("a=%00"), NULL, NULL, NULL);
    assert_int_equal(value.err, 0);
    assert_true(pst_slice_eq(text_of(&value), PST_SLICE("a=\0;")));
    form_account_free(&value);
}

/* What an event returns ends the reading, whichever event it was. */
static void test_form__event_fails__nothing_follows(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice type, body;
    } rows[] = {
        {BYTES("application/x-www-form-urlencoded"), BYTES("a=1&b=2&c")},
        {BYTES("multipart/form-data; boundary=b"),
         BYTES("--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"
               "--b\r\nContent-Disposition: form-data; name=b; filename=c\r\n\r\n\r\n--x\r\n--b--\r\n")},
    };
    for (size_t row = 0; row < COUNT(rows); row++) {
        for (size_t n = 1; n <= rows[row].body.len; n = n == 1 ? rows[row].body.len : n + 1) {
            bool stopped = true;
            for (size_t i = 1; stopped; i++) {
                struct form_account a = {.fail_at = i};
                form_account_read(&a, rows[row].type, rows[row].body, NULL, form_account_cut_every, &n);
                stopped = a.events >= i;
                assert_int_equal(a.err, stopped ? FORM_ACCOUNT_STOP : 0);
                assert_int_equal(a.events, stopped ? i : i - 1);
                assert_string_equal(a.why, "");
                assert_true(stopped || i > 5);
                form_account_free(&a);
            }
        }
    }
}

static void test_form__after_an_error__only_repeated(void **state)
{
    (void)state;
    struct pst_limits limits;
    struct pst_form *form;
    struct form_account a = {0};
    pst_limits_init(&limits);
    limits.form_fields = 1;
    assert_int_equal(pst_form_new(&form, URLENCODED, &limits, &form_account_events, &a), 0);
    assert_string_equal(pst_form_why(form), "");
    assert_int_equal(pst_form_feed(form, "a=1", 3), 0);
    assert_int_equal(pst_form_feed(form, NULL, 0), 0);
    assert_int_equal(pst_form_feed(form, "&b=2&", 5), PST_E_LIMIT);
    assert_int_equal(pst_form_feed(form, "c=3", 3), PST_E_LIMIT);
    assert_int_equal(pst_form_finish(form), PST_E_LIMIT);
    assert_true(pst_slice_eq(text_of(&a), PST_SLICE("a=1;")));
    assert_string_equal(pst_form_why(form), "more fields than form_fields (1)");
    pst_form_free(form);
    form_account_free(&a);
}

static void test_form__after_the_end__no_more_bytes(void **state)
{
    (void)state;
    struct pst_limits limits;
    struct pst_form *form;
    struct form_account a = {0};
    pst_limits_init(&limits);
    assert_int_equal(pst_form_new(&form, URLENCODED, &limits, &form_account_events, &a), 0);
    assert_int_equal(pst_form_feed(form, "a=1", 3), 0);
    assert_int_equal(pst_form_finish(form), 0);
    assert_int_equal(pst_form_finish(form), 0);
    assert_int_equal(pst_form_feed(form, "b=2", 3), PST_E_STATE);
    assert_true(pst_slice_eq(text_of(&a), PST_SLICE("a=1;")));
    pst_form_free(form);
    form_account_free(&a);
}

static void test_form_status__errors__statuses(void **state)
{
    (void)state;
    assert_int_equal(pst_form_status(PST_E_SYNTAX), 400);
    assert_int_equal(pst_form_status(PST_E_LIMIT), 413);
    assert_int_equal(pst_form_status(PST_E_UNSUPPORTED), 415);
    assert_int_equal(pst_form_status(PST_E_NOMEM), 503);
    assert_int_equal(pst_form_status(FORM_ACCOUNT_STOP), 503);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_new__media_types__two_are_read),
        cmocka_unit_test(test_form__urlencoded__cut_anywhere_as_the_whole),
        cmocka_unit_test(test_form__long_urlencoded_values__whole),
        cmocka_unit_test(test_form__urlencoded_limits__named_with_their_value),
        cmocka_unit_test(test_form__nul_in_an_urlencoded_name__refused),
        cmocka_unit_test(test_form__event_fails__nothing_follows),
        cmocka_unit_test(test_form__after_an_error__only_repeated),
        cmocka_unit_test(test_form__after_the_end__no_more_bytes),
        cmocka_unit_test(test_form_status__errors__statuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
