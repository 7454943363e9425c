/* A stored post as JSON and as CSV, with content that would like to be more than text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/json.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/post_format.h"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"

static void assert_text(struct pst_text *t, const char *expected)
{
    pst_text_add(t, pst_slice_of("", 1));
    assert_false(t->failed);
    assert_string_equal(t->ptr, expected);
    pst_text_free(t);
}

/* ---- time ---- */

static void test_post_time__moments__rfc_3339(void **state)
{
    (void)state;
    static const struct {
        int64_t time_ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {INT64_C(1767323045678), "2026-01-02T03:04:05.678Z"},
        {INT64_C(1709164800000), "2024-02-29T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {-1000, "1969-12-31T23:59:59.000Z"},
        {INT64_C(253402300799999), "9999-12-31T23:59:59.999Z"},
        {INT64_C(253402300800000), "9999-12-31T23:59:59.999Z"},
        {INT64_C(-62167219200001), "0000-01-01T00:00:00.000Z"},
        {INT64_MAX, "9999-12-31T23:59:59.999Z"},
        {INT64_MIN, "0000-01-01T00:00:00.000Z"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char text[PST_POST_TIME_BYTES];
        pst_post_time(text, rows[i].time_ms);
        assert_string_equal(text, rows[i].text);
    }
}

/* ---- JSON ---- */

static void test_post_json__all_there_is__one_line(void **state)
{
    (void)state;
    const struct pst_post_field fields[] = {
        {PST_SLICE("twice"), PST_SLICE("a")}, {PST_SLICE("na\"me"), PST_SLICE("</script>\r\n\xff\x01")},
        {PST_SLICE("twice"), PST_SLICE("b")}, {PST_SLICE(""), PST_SLICE("")},
        {PST_SLICE("twice"), PST_SLICE("a")},
    };
    const struct pst_post_file files[] = {
        {1, PST_SLICE("photo"), PST_SLICE("../a\"\r\nb.png"), PST_SLICE("image/png"), 5, ZEROS},
        {2, PST_SLICE("photo"), PST_SLICE(""), PST_SLICE(""), UINT64_MAX, ZEROS},
    };
    const struct pst_post post = {
        .id = 7,
        .time_ms = INT64_C(1767323045678),
        .type = PST_SLICE("multipart/form-data"),
        .address = PST_SLICE("192.0.2.1"),
        .fields = fields,
        .field_count = 5,
        .files = files,
        .file_count = 2,
    };
    struct pst_text t = {0};
    pst_post_add_json(&t, &post, "/p<st/box/", true);
    assert_int_equal(pst_json_check(pst_slice_of(t.ptr, t.len), 8, NULL), 0);
    assert_text(&t, "{\"id\":7,\"time\":\"2026-01-02T03:04:05.678Z\",\"type\":\"multipart/form-data\","
                    "\"address\":\"192.0.2.1\",\"fields\":{\"twice\":[\"a\",\"b\",\"a\"],"
                    "\"na\\\"me\":\"\\u003c/script\\u003e\\r\\n\xef\xbf\xbd\\u0001\",\"\":\"\"},\"files\":["
                    "{\"number\":1,\"name\":\"photo\",\"file_name\":\"../a\\\"\\r\\nb.png\","
                    "\"type\":\"image/png\",\"size\":5,\"sha256\":\"" ZEROS "\","
                    "\"url\":\"/p\\u003cst/box/7/files/1\"},"
                    "{\"number\":2,\"name\":\"photo\",\"file_name\":\"\",\"type\":\"\","
                    "\"size\":18446744073709551615,\"sha256\":\"" ZEROS "\","
                    "\"url\":\"/p\\u003cst/box/7/files/2\"}]}");
}

static void test_post_json__bodies__json_as_json_text_as_text(void **state)
{
    (void)state;
    static const struct {
        const char *type, *body, *expected; /* "": no body */
    } rows[] = {
        {"application/json", "{\"a\": [1,\r\n\t2],\n \"b c\": \"x \\\" \\\\\" }",
         ",\"body\":{\"a\":[1,2],\"b c\":\"x \\\" \\\\\"}"},
        {"application/json", "\"\x7f\xc2\x9b\xc2\x80\xc2\xa0\xc3\x9b\"",
         ",\"body\":\"\\u007f\\u009b\\u0080\xc2\xa0\xc3\x9b\""},
        {"application/json; charset=utf-8", " 1 ", ",\"body\":1"},
        {"Application/Ld+JSON", "null", ",\"body\":null"},
        {"application/json", "{\"a\":1}}", ",\"body\":\"{\\\"a\\\":1}}\""},
        {"application/json", "// x\n1", ",\"body\":\"// x\\n1\""},
        {"application/jsonx", "1", ",\"body\":\"1\""},
        {"+json", "1", ",\"body\":\"1\""},
        {"text/plain", "{}", ",\"body\":\"{}\""},
        {"text/plain", "", ""},
        {"application/json", "", ""},
        {"", "x\ny", ",\"body\":\"x\\ny\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pst_post post = {
            .id = UINT64_MAX, .type = pst_slice_str(rows[i].type), .body = pst_slice_str(rows[i].body)};
        struct pst_text t = {0};
        char expected[400];
        pst_post_add_json(&t, &post, NULL, false);
        (void)snprintf(expected, sizeof expected,
                       "{\"id\":18446744073709551615,\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"%s\","
                       "\"fields\":{}%s,\"files\":[]}",
                       rows[i].type, rows[i].expected);
        assert_text(&t, expected);
    }
}

static void test_post_json__no_url_prefix__no_url(void **state)
{
    (void)state;
    const struct pst_post_file file = {1, PST_SLICE("f"), PST_SLICE("a"), PST_SLICE("text/plain"), 1, "ab"};
    const struct pst_post post = {.id = 1, .files = &file, .file_count = 1};
    struct pst_text t = {0};
    pst_post_add_json(&t, &post, NULL, false);
    assert_text(&t, "{\"id\":1,\"time\":\"1970-01-01T00:00:00.000Z\",\"type\":\"\",\"fields\":{},\"files\":["
                    "{\"number\":1,\"name\":\"f\",\"file_name\":\"a\",\"type\":\"text/plain\",\"size\":1,"
                    "\"sha256\":\"ab\"}]}");
}

/* Who posts chooses how many fields there are and what they are called. */
static void test_post_json__very_many_fields__each_once(void **state)
{
    (void)state;
    enum { FIELDS = 60000 };
    struct pst_post_field *fields = calloc(FIELDS, sizeof *fields);
    char(*names)[16] = calloc(FIELDS, sizeof *names);
    assert_non_null(fields);
    assert_non_null(names);
    for (unsigned i = 0; i < FIELDS; i++) {
        (void)snprintf(names[i], sizeof names[i], "n%u", i % (FIELDS / 2));
        fields[i] = (struct pst_post_field){pst_slice_str(names[i]), PST_SLICE("v")};
    }
    const struct pst_post post = {.fields = fields, .field_count = FIELDS};
    struct pst_text t = {0};
    pst_post_add_json_fields(&t, &post);
    assert_false(t.failed);
    size_t members = 0;
    struct pst_json_walk walk = {0};
    struct pst_json_value root = pst_json_root(pst_slice_of(t.ptr, t.len));
    assert_int_equal(pst_json_check(pst_slice_of(t.ptr, t.len), 2, NULL), 0);
    while (pst_json_next(root, &walk)) {
        (void)snprintf(names[0], sizeof names[0], "n%zu", members++);
        assert_true(pst_json_is(walk.name, names[0]));
        assert_true(pst_slice_eq(walk.value.raw, PST_SLICE("[\"v\",\"v\"]")));
    }
    assert_int_equal(members, FIELDS / 2);
    pst_text_free(&t);
    free(names);
    free(fields);
}

/* ---- CSV ---- */

/* RFC 4180 2, and what spreadsheets make of cells. */
static void test_post_csv__cells__as_text(void **state)
{
    (void)state;
    static const struct {
        const char *value, *cell;
    } rows[] = {
        {"", ""},
        {"word", "word"},
        {"two words", "two words"},
        {" blank", "\" blank\""},
        {"blank ", "\"blank \""},
        {"a,b", "\"a,b\""},
        {"a;b", "\"a;b\""},
        {"a\tb", "\"a\tb\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"one\r\ntwo\n", "\"one\r\ntwo\n\""},
        {"it's", "\"it's\""},
        {"m\xc3\xa9l\xc3\xa9", "m\xc3\xa9l\xc3\xa9"},
        {"\xe2\x82\xac", "\xe2\x82\xac"},
        {"a@b.example", "a@b.example"},
        /* formulas */
        {"=1+1", "\"'=1+1\""},
        {"=HYPERLINK(\"http://x\",\"y\")", "\"'=HYPERLINK(\"\"http://x\"\",\"\"y\"\")\""},
        {"+49 30 1234", "\"'+49 30 1234\""},
        {"@SUM(A1)", "\"'@SUM(A1)\""},
        {"-1+cmd|' /C calc'!A0", "\"'-1+cmd|' /C calc'!A0\""},
        {"-", "\"'-\""},
        {"-.", "\"'-.\""},
        {"-1.2.3", "\"'-1.2.3\""},
        {"-12", "-12"},
        {"-1.5", "-1.5"},
        {"\t=1", "\"'\t=1\""},
        {"\r=1", "\"'\r=1\""},
        {"\n=1", "\"'\n=1\""},
        {"\xef\xbc\x9d"
         "1",
         "\"'\xef\xbc\x9d"
         "1\""},
        {"\xef\xbc\xa0"
         "A",
         "\"'\xef\xbc\xa0"
         "A\""},
        {"a\n=1", "\"a\n=1\""},
        /* control characters */
        {"a\x1b[31m", "\"a\xef\xbf\xbd[31m\""},
        {"a\x7f", "\"a\xef\xbf\xbd\""},
        {"a\xc2\x9b"
         "b",
         "\"a\xef\xbf\xbd"
         "b\""},
        {"\xc2\xa9", "\"\xc2\xa9\""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pst_post_field field = {PST_SLICE("f"), pst_slice_str(rows[i].value)};
        const struct pst_post post = {.id = 3, .fields = &field, .field_count = 1};
        struct pst_text t = {0};
        char expected[200];
        pst_post_add_csv(&t, &post, "f\0");
        (void)snprintf(expected, sizeof expected, "3,1970-01-01T00:00:00.000Z,%s,,\r\n", rows[i].cell);
        assert_text(&t, expected);
    }
}

static void test_post_csv__columns__of_all_names(void **state)
{
    (void)state;
    static const char names[] = "name\0=x,\0absent\0twice\0";
    const struct pst_post_field fields[] = {
        {PST_SLICE("twice"), PST_SLICE("=a")}, {PST_SLICE("name"), PST_SLICE("N")},
        {PST_SLICE("twice"), PST_SLICE("")},   {PST_SLICE("=x,"), PST_SLICE("-")},
        {PST_SLICE("twice"), PST_SLICE("c")},
    };
    const struct pst_post_file files[] = {
        {1, PST_SLICE("=f"), PST_SLICE("a\"b.png"), PST_SLICE("image/png"), 5, ZEROS},
        {2, PST_SLICE("g"), PST_SLICE("c"), PST_SLICE(""), 0, ZEROS},
    };
    const struct pst_post post = {
        .id = 7,
        .body = PST_SLICE("{\"a\":1}"),
        .fields = fields,
        .field_count = 5,
        .files = files,
        .file_count = 2,
    };
    struct pst_text t = {0};
    pst_post_add_csv_head(&t, names);
    pst_post_add_csv(&t, &post, names);
    assert_text(&t, "id,time,name,\"'=x,\",absent,twice,body,files\r\n"
                    "7,1970-01-01T00:00:00.000Z,N,\"'-\",,\"'=a\n\nc\",\"{\"\"a\"\":1}\","
                    "\"'=f: a\"\"b.png (5 bytes)\ng: c (0 bytes)\"\r\n");
    pst_post_add_csv_head(&t, "");
    pst_post_add_csv(&t, &(struct pst_post){.id = 1}, "");
    assert_text(&t, "id,time,body,files\r\n1,1970-01-01T00:00:00.000Z,,\r\n");
}

static size_t count_of(const struct pst_text *t, char c)
{
    size_t count = 0;
    for (size_t i = 0; i < t->len; i++)
        count += t->ptr[i] == c;
    return count;
}

static void test_post_csv__more_names_than_columns__the_rest_in_one(void **state)
{
    (void)state;
    for (unsigned n = PST_POST_CSV_NAMES; n <= PST_POST_CSV_NAMES + 2; n++) {
        struct pst_text names = {0}, t = {0};
        for (unsigned i = 0; i < n; i++)
            pst_text_addf(&names, "n%u%c", i, '\0');
        pst_text_add(&names, pst_slice_of("", 1));
        const struct pst_post_field fields[] = {
            {PST_SLICE("n499"), PST_SLICE("x")},
            {PST_SLICE("n500"), PST_SLICE("y")},
            {PST_SLICE("n500"), PST_SLICE("z")},
        };
        bool is_more = n > PST_POST_CSV_NAMES;
        const struct pst_post post = {.id = 1, .fields = fields, .field_count = is_more ? 3 : 1};
        pst_post_add_csv_head(&t, names.ptr);
        assert_int_equal(count_of(&t, ','), 3 + PST_POST_CSV_NAMES + is_more);
        assert_true(pst_slice_ends(pst_slice_of(t.ptr, t.len),
                                   pst_slice_str(is_more ? ",n499,body,files,more\r\n" : ",body,files\r\n")));
        t.len = 0;
        pst_post_add_csv(&t, &post, names.ptr);
        assert_true(pst_slice_ends(
            pst_slice_of(t.ptr, t.len),
            pst_slice_str(is_more ? ",x,,,\"{\"\"n500\"\":[\"\"y\"\",\"\"z\"\"]}\"\r\n" : ",x,,\r\n")));
        t.len = 0;
        pst_post_add_csv(&t, &(struct pst_post){.id = 1, .fields = fields, .field_count = 1}, names.ptr);
        assert_int_equal(count_of(&t, ','), 3 + PST_POST_CSV_NAMES + is_more);
        pst_text_free(&t);
        pst_text_free(&names);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_time__moments__rfc_3339),
        cmocka_unit_test(test_post_json__all_there_is__one_line),
        cmocka_unit_test(test_post_json__bodies__json_as_json_text_as_text),
        cmocka_unit_test(test_post_json__no_url_prefix__no_url),
        cmocka_unit_test(test_post_json__very_many_fields__each_once),
        cmocka_unit_test(test_post_csv__cells__as_text),
        cmocka_unit_test(test_post_csv__columns__of_all_names),
        cmocka_unit_test(test_post_csv__more_names_than_columns__the_rest_in_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
