/* JSON written, and replies of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/json.h>
#include <string.h>

#include "support/bare_exchange.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void assert_json(struct pst_json *json, const char *expected)
{
    assert_false(json->text.failed);
    if (!pst_slice_eq(pst_slice_of(json->text.ptr, json->text.len), pst_slice_str(expected)))
        fail_msg("'%.*s', not '%s'", (int)json->text.len, json->text.ptr, expected);
    assert_int_equal(pst_json_check(pst_slice_of(json->text.ptr, json->text.len), 64, NULL), 0);
    pst_json_free(json);
    assert_null(json->text.ptr);
}

/* ---- writing ---- */

static void test_json__scalars__alone(void **state)
{
    (void)state;
    struct pst_json json = {0};
    pst_json_null(&json);
    assert_json(&json, "null");
    pst_json_bool(&json, true);
    assert_json(&json, "true");
    pst_json_bool(&json, false);
    assert_json(&json, "false");
    pst_json_string(&json, PST_SLICE("a\"b\n<\xff\0"));
    assert_json(&json, "\"a\\\"b\\n\\u003c\xef\xbf\xbd\\u0000\"");
    pst_json_string(&json, (struct pst_slice){NULL, 0});
    assert_json(&json, "\"\"");
    pst_json_raw(&json, PST_SLICE("[1, 2]"));
    assert_json(&json, "[1, 2]");
    pst_json_free(&json);
    pst_json_free(NULL);
}

static void test_json__numbers__every_digit(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        const char *text;
    } ints[] = {{0, "0"},
                {7, "7"},
                {-1, "-1"},
                {10, "10"},
                {-10, "-10"},
                {INT64_MAX, "9223372036854775807"},
                {INT64_MIN, "-9223372036854775808"}};
    struct pst_json json = {0};
    for (size_t i = 0; i < COUNT(ints); i++) {
        pst_json_int(&json, ints[i].value);
        assert_json(&json, ints[i].text);
    }
    pst_json_uint(&json, 0);
    assert_json(&json, "0");
    pst_json_uint(&json, UINT64_MAX);
    assert_json(&json, "18446744073709551615");
}

static void test_json__containers__commas_where_they_belong(void **state)
{
    (void)state;
    struct pst_json json = {0};
    pst_json_object(&json);
    pst_json_end_object(&json);
    assert_json(&json, "{}");
    pst_json_array(&json);
    pst_json_end_array(&json);
    assert_json(&json, "[]");

    pst_json_array(&json);
    for (int i = 0; i < 2; i++) {
        pst_json_array(&json);
        pst_json_int(&json, i);
        pst_json_end_array(&json);
        pst_json_object(&json);
        pst_json_name(&json, "");
        pst_json_int(&json, i);
        pst_json_end_object(&json);
    }
    pst_json_end_array(&json);
    assert_json(&json, "[[0],{\"\":0},[1],{\"\":1}]");

    pst_json_object(&json);
    pst_json_name(&json, "a");
    pst_json_int(&json, 1);
    pst_json_name(&json, "b\"");
    pst_json_array(&json);
    pst_json_array(&json);
    pst_json_end_array(&json);
    pst_json_object(&json);
    pst_json_end_object(&json);
    pst_json_object(&json);
    pst_json_name(&json, "");
    pst_json_null(&json);
    pst_json_end_object(&json);
    pst_json_string(&json, PST_SLICE("s"));
    pst_json_bool(&json, true);
    pst_json_end_array(&json);
    pst_json_name(&json, "c");
    pst_json_raw(&json, PST_SLICE("{}"));
    pst_json_end_object(&json);
    assert_json(&json, "{\"a\":1,\"b\\\"\":[[],{},{\"\":null},\"s\",true],\"c\":{}}");
}

static void test_json__deepest__each_level_keeps_its_kind(void **state)
{
    (void)state;
    enum { DEPTH = 64 };
    struct pst_json json = {0};
    struct pst_text expected = {0};
    for (unsigned i = 0; i < DEPTH; i++) {
        if (i % 3) {
            pst_json_array(&json);
            pst_json_int(&json, i);
            pst_text_addf(&expected, "[%u,", i);
        } else {
            pst_json_object(&json);
            pst_json_name(&json, "n");
            pst_text_adds(&expected, "{\"n\":");
        }
    }
    pst_json_null(&json);
    pst_text_adds(&expected, "null");
    for (unsigned i = DEPTH; i-- > 0;) {
        if (i % 3)
            pst_json_end_array(&json);
        else
            pst_json_end_object(&json);
        pst_text_adds(&expected, i % 3 ? "]" : "}");
    }
    pst_text_add(&expected, PST_SLICE("\0"));
    assert_json(&json, expected.ptr);
    pst_text_free(&expected);
}

static void test_json__failed__nothing_more_is_written(void **state)
{
    (void)state;
    struct pst_json json = {0};
    pst_json_array(&json);
    json.text.failed = true;
    pst_json_name(&json, "a"); /* calls may be out of step then */
    pst_json_name(&json, "a");
    pst_json_object(&json);
    pst_json_int(&json, 1);
    pst_json_string(&json, PST_SLICE("a"));
    pst_json_end_array(&json);
    pst_json_end_object(&json);
    pst_json_end_object(&json);
    assert_int_equal(json.text.len, 1);
    pst_json_free(&json);
    assert_false(json.text.failed);
}

/* ---- replies ---- */

static struct bare_exchange bench;

static int setup(void **state)
{
    (void)state;
    bare_init(&bench);
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bare_fini(&bench);
    return 0;
}

static void assert_reply(int status, const char *body)
{
    const struct pst_reply *r = &bench.ex->reply;
    assert_int_equal(bench.changes, 1);
    assert_int_equal(r->status, status);
    assert_int_equal(r->kind, PST_BODY_BYTES);
    if (!pst_slice_eq(pst_slice_of(r->bytes, (size_t)r->length), pst_slice_str(body)))
        fail_msg("'%.*s'", (int)r->length, r->bytes);
    assert_string_equal(bare_field(&bench, "content-type"), "application/json");
    assert_string_equal(bare_field(&bench, "x-content-type-options"), "nosniff");
}

static void test_reply_json__written__sent_with_the_status_that_was_set(void **state)
{
    (void)state;
    struct pst_json json = {0};
    pst_json_array(&json);
    pst_json_int(&json, 1);
    pst_json_end_array(&json);
    assert_int_equal(pst_reply_status(bench.ex, 201), 0);
    assert_int_equal(pst_reply_json(bench.ex, &json), 0);
    assert_null(json.text.ptr); /* freed */
    assert_reply(201, "[1]");

    pst_json_null(&json); /* a second one */
    assert_int_equal(pst_reply_json(bench.ex, &json), PST_E_STATE);
    assert_null(json.text.ptr);
}

static void test_reply_json__out_of_memory_before__said_and_nothing_replied(void **state)
{
    (void)state;
    struct pst_json json = {0};
    pst_json_array(&json);
    json.text.failed = true;
    assert_int_equal(pst_reply_json(bench.ex, &json), PST_E_NOMEM);
    assert_null(json.text.ptr);
    assert_false(pst_exchange_replied(bench.ex));
    assert_int_equal(bench.changes, 0);
}

static void test_reply_json_error__text__named_and_escaped(void **state)
{
    (void)state;
    assert_int_equal(pst_reply_field(bench.ex, "Content-Type", PST_SLICE("text/csv")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "Retry-After", PST_SLICE("5")), 0);
    assert_int_equal(pst_reply_json_error(bench.ex, 422, "no \"name\""), 0);
    assert_reply(422, "{\"error\":422,\"reason\":\"no \\\"name\\\"\"}");
    assert_string_equal(bare_field(&bench, "retry-after"), "5");
    assert_int_equal(pst_reply_json_error(bench.ex, 422, "again"), PST_E_STATE);
}

static void test_reply_json_error__no_reason__the_status_says_it(void **state)
{
    (void)state;
    static const int bad[] = {-1, 0, 200, 399, 600};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(pst_reply_json_error(bench.ex, bad[i], "x"), PST_E_INVAL);
    assert_int_equal(pst_reply_json_error(bench.ex, 404, NULL), 0);
    assert_reply(404, "{\"error\":404,\"reason\":\"Not Found\"}");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json__scalars__alone),
        cmocka_unit_test(test_json__numbers__every_digit),
        cmocka_unit_test(test_json__containers__commas_where_they_belong),
        cmocka_unit_test(test_json__deepest__each_level_keeps_its_kind),
        cmocka_unit_test(test_json__failed__nothing_more_is_written),
        cmocka_unit_test_setup_teardown(test_reply_json__written__sent_with_the_status_that_was_set, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_reply_json__out_of_memory_before__said_and_nothing_replied,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_json_error__text__named_and_escaped, setup, teardown),
        cmocka_unit_test_setup_teardown(test_reply_json_error__no_reason__the_status_says_it, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
