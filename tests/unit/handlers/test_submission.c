/* What a submission reads from each kind of body, and how it answers what is wrong: RFC 7578
 * (multipart/form-data), RFC 8259 (JSON), the WHATWG HTML standard (forms, _charset_), the httpapi draft of
 * Idempotency-Key. However the body is cut on its way, the outcome is the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "unit/handlers/submission_bench.h"

#define URLENCODED "Content-Type: application/x-www-form-urlencoded\r\n"
#define MULTIPART  "Content-Type: multipart/form-data; boundary=b\r\n"
#define JSON       "Content-Type: application/json\r\n"
#define TEXT       "Content-Type: text/plain\r\n"
#define TYPES                                                                                                \
    "415 its Content-Type has to be application/x-www-form-urlencoded, multipart/form-data, "                \
    "application/json "                                                                                      \
    "or text/plain"
#define FIELD(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name, file_name, type, value)                                                              \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"" file_name                        \
    "\"\r\nContent-Type: " type "\r\n\r\n" value "\r\n"
#define END "--b--\r\n"

/* What the rows below are posted to. */
enum place { ANY, NO_FILES, FIELDS, HONEYPOT, FORM_ONLY, SMALL, PICTURES, CHECKED, SHALLOW, PLACES };

static const struct pst_submission_field fields[] = {
    {{"name", 4}, true}, {{"text", 4}, false}, {{"picture", 7}, false}};
static const struct pst_submission_field picture_field[] = {{{"picture", 7}, true}};

static bool takes_pictures(const char *head, size_t len, const char **ret_reason, void *arg)
{
    (void)arg;
    assert_true(len <= 16);
    *ret_reason = "not a picture";
    return len >= 3 && memcmp(head, "PNG", 3) == 0;
}

static const char *check(const struct pst_submission *submission, void *arg)
{
    struct pst_slice value;
    (void)arg;
    if (!pst_submission_value(submission, "a", &value))
        return "no a";
    if (pst_submission_files(submission) != 1)
        return "not one file";
    return pst_slice_eq(value, PST_SLICE("\xC3\xA9")) ? NULL : "another a";
}

static void set_place(struct bench *b, enum place place)
{
    b->rules.field_count = 0;
    b->rules.honeypot = PST_SLICE("");
    b->rules.is_form_only = place == FORM_ONLY;
    b->rules.max_files = place == NO_FILES ? 0 : 3;
    b->rules.body_bytes = place == SMALL ? 400 : 0;
    b->rules.file_bytes = place == SMALL ? 20 : 0;
    b->rules.takes_file = place == PICTURES ? takes_pictures : NULL;
    b->rules.check = place == CHECKED ? check : NULL;
    b->w.limits.json_depth = place == SHALLOW ? 2 : 64;
    b->w.limits.form_fields = place == SHALLOW ? 3 : 200;
    b->w.limits.form_text_bytes = place == SHALLOW ? 60 : 1048576;
    if (place == FIELDS) {
        b->rules.fields = fields;
        b->rules.field_count = 3;
    }
    if (place == PICTURES) {
        b->rules.fields = picture_field;
        b->rules.field_count = 1;
    }
    if (place == HONEYPOT)
        b->rules.honeypot = PST_SLICE("website");
}

static const struct row {
    enum place place;
    const char *head, *body, *answer;
    const char *kept; /* NULL: nothing */
} rows[] = {
    /* urlencoded */
    {ANY, URLENCODED, "a=1&b=%C3%A9+x&a=2&c", "201 42",
     "field a=1\nfield b=\xC3\xA9 x\nfield a=2\nfield c=\nhead "
     "box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, "Content-Type: Application/X-WWW-Form-URLencoded; charset=utf-8\r\n", "a=1", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED, "a=%E9", "201 42",
     "field a=\xEF\xBF\xBD\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED, "a=%E9&_charset_=iso-8859-1", "201 42",
     "field a=\xC3\xA9\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED, "%E9=1&_charset_=windows-1252&_charset_=utf-8", "201 42",
     "field \xC3\xA9=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED, "_charset_=utf-8", "422 there is nothing in it", NULL},
    {ANY, URLENCODED, "", "422 there is nothing in it", NULL},
    /* multipart */
    {ANY, MULTIPART, FIELD("a", "1") FILE_PART("f", "x.txt", "text/plain", "hello") FIELD("b", "2") END,
     "201 42",
     "file f|x.txt|text/plain|hello\nfield a=1\nfield b=2\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     FILE_PART("f", "", "a/b", "") FILE_PART("f", "empty", "a/b", "") FILE_PART("f", "", "a/b", "nameless")
         END,
     "201 42", "file f|empty|a/b|\nfile f||a/b|nameless\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     FIELD("_charset_", "iso-8859-1") FIELD("a\xE9", "\xE9") FILE_PART("\xE9", "\xE9.txt", "a/b", "\xE9") END,
     "201 42",
     "file \xC3\xA9|\xC3\xA9.txt|a/b|\xE9\nfield a\xC3\xA9=\xC3\xA9\nhead "
     "box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     FIELD("_charset_", "iso-8859-1") "--b\r\nContent-Disposition: form-data; name=f; "
                                      "filename*=UTF-8''%C3%A9\r\n\r\n1\r\n" END,
     "201 42", "file f|\xC3\xA9||1\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     "--b\r\nContent-Disposition: form-data; name=a\r\nContent-Type: text/plain; x=\";charset=no\"; "
     "Charset=\"iso-8859-1\"\r\n\r\n\xE9\r\n" FIELD("b", "\xC3\xA9") END,
     "201 42", "field a=\xC3\xA9\nfield b=\xC3\xA9\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     FILE_PART("f", "1", "a/b", "1") FILE_PART("f", "2", "a/b", "2") FILE_PART("f", "3", "a/b", "3") END,
     "201 42",
     "file f|1|a/b|1\nfile f|2|a/b|2\nfile f|3|a/b|3\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {ANY, MULTIPART,
     FIELD("told", "me") FILE_PART("f", "1", "a/b", "1") FILE_PART("f", "2", "a/b", "2")
         FILE_PART("f", "3", "a/b", "3") FILE_PART("f", "4", "a/b", "4") END,
     "413 there are more files than are taken here told=me", NULL},
    {ANY, MULTIPART, END, "422 there is nothing in it", NULL},
    {ANY, "Content-Type: multipart/form-data\r\n", "--b--\r\n", "400 ", NULL},
    {ANY, MULTIPART, FIELD("a", "1"), "400 ", NULL},
    {NO_FILES, MULTIPART, FIELD("a", "1") FILE_PART("f", "", "a/b", "") END, "201 42",
     "field a=1\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {NO_FILES, MULTIPART, FIELD("a", "1") FILE_PART("f", "x", "a/b", "") END, "415 files are not taken here",
     NULL},
    {NO_FILES, MULTIPART, FIELD("a", "1") FILE_PART("f", "", "a/b", "x") END, "415 files are not taken here",
     NULL},
    /* JSON */
    {ANY, JSON, " {\"a\": \"\\u00e9\", \"b\": [1, {}], \"c\": null, \"d\": -1.5e3} ", "201 42",
     "field a=\xC3\xA9\nfield b=[1, {}]\nfield c=null\nfield d=-1.5e3\nbody  {\"a\": \"\\u00e9\", \"b\": [1, "
     "{}], \"c\": "
     "null, \"d\": -1.5e3} \nhead box|application/json|192.0.2.1||0|9\n"},
    {ANY, "Content-Type: application/ld+JSON; charset=utf-8\r\n", "[1]", "201 42",
     "body [1]\nhead box|application/ld+json|192.0.2.1||0|9\n"},
    {ANY, "Content-Type: text/json\r\n", "{}", "201 42", "body {}\nhead box|text/json|192.0.2.1||0|9\n"},
    {ANY, JSON, "{\"a\":1,\"b\":2,\"a\":3}", "422 the object has two members of the same name", NULL},
    {ANY, JSON, "{\"a\":1,\"\\u0061\":3}", "422 the object has two members of the same name", NULL},
    {ANY, JSON, "{\"told\":\"me\",\"a\":1,}",
     "400 the body is no JSON: what comes at byte 19 cannot be there", NULL},
    {ANY, JSON, "{} {}", "400 the body is no JSON: what comes at byte 3 cannot be there", NULL},
    {ANY, JSON, "\"\xE9\"", "400 the body is no JSON: what comes at byte 2 cannot be there", NULL},
    {ANY, JSON, "", "400 the body is no JSON: what comes at byte 0 cannot be there", NULL},
    {ANY, JSON, "{\"a\":1,\"_charset_\":\"x\",\"_idempotency_key\":\"k\"}", "201 42",
     "field a=1\nbody {\"a\":1,\"_charset_\":\"x\",\"_idempotency_key\":\"k\"}\nhead "
     "box|application/json|192.0.2.1|k|0|9\n"},
    {ANY, JSON, "{\"_idempotency_key\":7}",
     "400 _idempotency_key is no key: at most 255 bytes of printable ASCII", NULL},
    {SHALLOW, JSON, "[[]]", "201 42", "body [[]]\nhead box|application/json|192.0.2.1||0|9\n"},
    {SHALLOW, JSON, "[[[]]]", "413 the JSON is nested more deeply than is taken here (json_depth)", NULL},
    {SHALLOW, JSON, "{\"a\":1,\"b\":2,\"c\":3}", "201 42",
     "field a=1\nfield b=2\nfield c=3\nbody {\"a\":1,\"b\":2,\"c\":3}\nhead "
     "box|application/json|192.0.2.1||0|9\n"},
    {SHALLOW, JSON, "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}",
     "413 the object has more members than are taken here", NULL},
    {SHALLOW, JSON, "\"56789012345678901234567890123456789012345678901234567890123\"",
     "413 it is larger than what is taken here", NULL},
    {ANY, JSON, "{\"\":1}", "422 a field has no name", NULL},
    {ANY, JSON, "{\"a\\u0000b\":1}", "400 a name holds a NUL", NULL},
    {ANY, URLENCODED, "=1", "422 a field has no name", NULL},
    {ANY, MULTIPART, FILE_PART("", "x", "a/b", "1") END, "422 a field has no name", NULL},
    /* text */
    {ANY, TEXT, "\xC3\xA9\n", "201 42", "body \xC3\xA9\n\nhead box|text/plain|192.0.2.1||0|9\n"},
    {ANY, "Content-Type: text/plain; charset=ISO-8859-1\r\n", "\xE9", "201 42",
     "body \xC3\xA9\nhead box|text/plain|192.0.2.1||0|9\n"},
    {ANY, "Content-Type: text/plain; charset=utf-8\r\n", "\xE9",
     "400 the text is not UTF-8, and says of no other charset", NULL},
    {ANY, TEXT, "ab\xC3", "400 the text is not UTF-8, and says of no other charset", NULL},
    {ANY, TEXT, "", "422 there is nothing in it", NULL},
    {SHALLOW, TEXT, "1234567890123456789012345678901234567890123456789012345678901",
     "413 it is larger than what is taken here", NULL},
    /* other bodies */
    {ANY, "", "a=1", TYPES, NULL},
    {ANY, "Content-Type: \r\n", "a=1", TYPES, NULL},
    {ANY, "Content-Type: text/html\r\n", "a=1", TYPES, NULL},
    {ANY, "Content-Type: application/jsonx\r\n", "{}", TYPES, NULL},
    {ANY, "Content-Type: multipart/mixed; boundary=b\r\n", END, TYPES, NULL},
    {FORM_ONLY, JSON, "{}",
     "415 only forms are taken here, as application/x-www-form-urlencoded or multipart/form-data", NULL},
    {FORM_ONLY, TEXT, "x",
     "415 only forms are taken here, as application/x-www-form-urlencoded or multipart/form-data", NULL},
    {FORM_ONLY, URLENCODED, "a=1", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED "Content-Encoding: gzip\r\n", "a=1",
     "415 it is compressed: send it as it is, without Content-Encoding", NULL},
    {ANY, URLENCODED "Content-Encoding: Identity\r\n", "a=1", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    /* fields that are declared */
    {FIELDS, URLENCODED, "name=x&text=", "201 42",
     "field name=x\nfield text=\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {FIELDS, URLENCODED, "name=x&other=1",
     "422 no field \"other\" is taken here, only \"name\", \"text\", \"picture\"", NULL},
    {FIELDS, URLENCODED, "name=x&%01%0A%3C=1",
     "422 no field \"?\?<\" is taken here, only \"name\", \"text\", \"picture\"", NULL},
    {FIELDS, URLENCODED, "123456789012345678901234567890123456789012345678901234567%E2%82%AC%E2%82%ACx=1",
     "422 no field \"123456789012345678901234567890123456789012345678901234567\xE2\x82\xAC...\" is taken "
     "here, only "
     "\"name\", \"text\", \"picture\"",
     NULL},
    {FIELDS, URLENCODED, "text=1", "422 the field \"name\" has to be filled in", NULL},
    {FIELDS, URLENCODED, "name=+%0D%0A%09&text=1", "422 the field \"name\" has to be filled in", NULL},
    {FIELDS, URLENCODED, "name=+&name=x", "201 42",
     "field name= \nfield name=x\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {FIELDS, URLENCODED, "name=x&_charset_=utf-8&_idempotency_key=k1", "201 42",
     "field name=x\nhead box|application/x-www-form-urlencoded|192.0.2.1|k1|0|9\n"},
    {FIELDS, JSON, "{\"name\":null}", "422 the field \"name\" has to be filled in", NULL},
    {FIELDS, JSON, "{\"name\":0}", "201 42",
     "field name=0\nbody {\"name\":0}\nhead box|application/json|192.0.2.1||0|9\n"},
    {FIELDS, JSON, "[]", "422 the JSON has to be an object: its members are the fields", NULL},
    {FIELDS, TEXT, "x", "415 a text has no fields: send a form or JSON", NULL},
    {FIELDS, MULTIPART, FIELD("name", "x") FILE_PART("picture", "p", "a/b", "1") END, "201 42",
     "file picture|p|a/b|1\nfield name=x\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {FIELDS, MULTIPART, FIELD("name", "x") FILE_PART("other", "p", "a/b", "1") END,
     "422 no field \"other\" is taken here, only \"name\", \"text\", \"picture\"", NULL},
    /* files by their first bytes */
    {PICTURES, MULTIPART, FILE_PART("picture", "p", "a/b", "PNG and much more than sixteen bytes") END,
     "201 42",
     "file picture|p|a/b|PNG and much more than sixteen bytes\nhead "
     "box|multipart/form-data|192.0.2.1||0|9\n"},
    {PICTURES, MULTIPART, FILE_PART("picture", "p", "a/b", "PNG") END, "201 42",
     "file picture|p|a/b|PNG\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {PICTURES, MULTIPART, FILE_PART("picture", "p", "a/b", "GIF and much more than sixteen bytes") END,
     "415 not a picture", NULL},
    {PICTURES, MULTIPART, FILE_PART("picture", "p", "a/b", "") END, "415 not a picture", NULL},
    {PICTURES, MULTIPART, FILE_PART("picture", "", "a/b", "") END,
     "422 the field \"picture\" has to be filled in", NULL},
    {PICTURES, URLENCODED, "picture=PNG", "201 42",
     "field picture=PNG\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    /* the honeypot */
    {HONEYPOT, URLENCODED, "a=1&website=", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {HONEYPOT, URLENCODED, "website=http://spam&a=1", "201 spam 0", NULL},
    {HONEYPOT, JSON, "{\"website\":1}", "201 spam 0", NULL},
    {HONEYPOT, JSON, "{\"a\":1,\"website\":\"\"}", "201 42",
     "field a=1\nbody {\"a\":1,\"website\":\"\"}\nhead box|application/json|192.0.2.1||0|9\n"},
    {HONEYPOT, MULTIPART,
     FILE_PART("f", "x", "a/b", "1") FIELD("website", "x") FILE_PART("f", "y", "a/b", "2") END, "201 spam 0",
     NULL},
    {HONEYPOT, MULTIPART,
     FIELD("website", "x") FILE_PART("f", "1", "a/b", "") FILE_PART("f", "2", "a/b", "")
         FILE_PART("f", "3", "a/b", "") FILE_PART("f", "4", "a/b", "") END,
     "201 spam 0", NULL},
    {HONEYPOT, MULTIPART, FIELD("website", "x") FIELD("a", "x"), "400 ", NULL},
    /* a last word of the place's own */
    {CHECKED, MULTIPART,
     FIELD("a", "\xE9") FILE_PART("f", "", "a/b", "") FILE_PART("f", "x", "a/b", "1")
         FILE_PART("f", "y", "a/b", "") FIELD("_charset_", "iso-8859-1") END,
     "201 42",
     "file f|x|a/b|1\nfile f|y|a/b|\nfield a=\xC3\xA9\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {CHECKED, URLENCODED, "told=me&b=1", "422 no a told=me", NULL},
    {CHECKED, URLENCODED, "a=1", "422 not one file", NULL},
    {CHECKED, MULTIPART, FIELD("a", "1") FILE_PART("f", "x", "a/b", "1") END, "422 another a", NULL},
    /* sizes */
    {SMALL, MULTIPART, FILE_PART("f", "x", "a/b", "12345678901234567890") END, "201 42",
     "file f|x|a/b|12345678901234567890\nhead box|multipart/form-data|192.0.2.1||0|9\n"},
    {SMALL, MULTIPART, FIELD("told", "me") FILE_PART("f", "x", "a/b", "123456789012345678901") END, "413 ",
     NULL},
    /* keys */
    {ANY, URLENCODED "Idempotency-Key: \"8e03978e \\\"\\\\\";x=1\r\n", "a=1", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1|8e03978e \"\\|0|9\n"},
    {ANY, URLENCODED "Idempotency-Key: 8e03978e-40d5\r\n", "a=1&_idempotency_key=8e03978e-40d5", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1|8e03978e-40d5|0|9\n"},
    {ANY, URLENCODED "Idempotency-Key: \"a\"\r\n", "a=1&_idempotency_key=b",
     "400 there are two different idempotency keys", NULL},
    {ANY, URLENCODED, "a=1&_idempotency_key=", "201 42",
     "field a=1\nhead box|application/x-www-form-urlencoded|192.0.2.1||0|9\n"},
    {ANY, URLENCODED, "a=1&_idempotency_key=%C3%A9",
     "400 _idempotency_key is no key: at most 255 bytes of printable ASCII", NULL},
};
enum { ROWS = sizeof rows / sizeof rows[0] };

/* An answer that ends with a space stands for any text of that status. */
static bool is_answer(const char *got, const char *wanted)
{
    size_t len = strlen(wanted);
    if (len > 0 && wanted[len - 1] == ' ')
        return strncmp(got, wanted, len) == 0 && strlen(got) > len;
    return strcmp(got, wanted) == 0;
}

static void post_all_rows(size_t step)
{
    struct bench b;
    bench_init(&b);
    for (size_t i = 0; i < ROWS; i++) {
        const struct row *row = &rows[i];
        set_place(&b, row->place);
        b.replies = 0;
        fake.commits = 0;
        const char *answer = bench_post(&b, row->head, row->body, strlen(row->body), step);
        const char *kept = bench_committed(), *wanted = row->kept ? row->kept : "";
        if (!is_answer(answer, row->answer) || strcmp(kept, wanted) != 0)
            fail_msg(
                "row %zu, %s%s, %zu bytes at a time\n  answers: %s\n  wanted:  %s\n  keeps: %s\n  wanted: %s",
                i, row->head, row->body, step, answer, row->answer, kept, wanted);
        assert_int_equal(b.replies, 1);
        assert_int_equal(fake_store_drafts(), 0);
    }
    bench_fini(&b);
}

static void test_submission__whole_bodies__table(void **state)
{
    (void)state;
    post_all_rows(SIZE_MAX);
}

static void test_submission__byte_by_byte__the_same(void **state)
{
    (void)state;
    post_all_rows(1);
}

static void test_submission__seven_bytes_at_a_time__the_same(void **state)
{
    (void)state;
    post_all_rows(7);
}

/* Where the body's length is not told beforehand (RFC 9112 7.1), what is too large shows on the way. */
static void test_submission__chunked_and_too_large__413(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.rules.body_bytes = 10;
    bench_open(&b);
    pair_says(b.p, "POST /in HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n" URLENCODED
                   "\r\nA\r\na=23456789\r\n");
    assert_string_equal(bench_take(&b), "");
    pair_says(b.p, "1\r\nx\r\n");
    assert_non_null(strstr(bench_take(&b), "413 "));
    assert_non_null(strstr(bench_take(&b), "it is larger than what is taken here"));
    bench_fini(&b);
}

static void test_submission__too_large_as_declared__refused_before_the_body(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    b.rules.body_bytes = 10;
    bench_open(&b);
    pair_says(b.p, bench_head(URLENCODED "Expect: 100-continue\r\n", 11));
    assert_int_equal(strncmp(bench_take(&b), "HTTP/1.1 413", 12), 0);
    bench_fini(&b);
}

static void test_submission__another_sites_page__refused_before_the_body(void **state)
{
    (void)state;
    static const struct pst_slice friend = {"https://friend.example", 22};
    struct bench b;
    bench_init(&b);
    b.rules.origins = &friend;
    b.rules.origin_count = 1;
    assert_string_equal(bench_post(&b, URLENCODED "Origin: https://foe.example\r\n", "a=1", 3, 3),
                        "403 a page of another site may not post here");
    assert_string_equal(bench_post(&b, URLENCODED "Origin: https://friend.example\r\n", "a=1", 3, 3),
                        "201 42");
    assert_string_equal(bench_post(&b, URLENCODED "Origin: http://h\r\n", "a=1", 3, 3), "201 43");
    bench_open(&b);
    pair_says(b.p, bench_head(URLENCODED "Origin: https://foe.example\r\n", 1000));
    assert_non_null(strstr(bench_take(&b), "403 "));
    bench_fini(&b);
}

static void test_submission__rate__429_until_time_has_passed(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    assert_int_equal(pst_rate_new(&b.rules.rate, 6, 2), 0);
    /* What is refused anyway costs nothing. */
    for (unsigned i = 0; i < 5; i++) {
        assert_non_null(strstr(bench_post(&b, "", "a=1", 3, 3), "415 "));
        assert_non_null(
            strstr(bench_post(&b, URLENCODED "Sec-Fetch-Site: cross-site\r\n", "a=1", 3, 3), "403 "));
    }
    assert_string_equal(bench_post(&b, URLENCODED, "a=1", 3, 3), "201 42");
    assert_string_equal(bench_post(&b, URLENCODED, "a=2", 3, 3), "201 43");
    assert_string_equal(bench_post(&b, URLENCODED, "a=3", 3, 3),
                        "429 that was too much in a short time (later)");
    test_worker_pass_ms(&b.w, 10000);
    assert_string_equal(bench_post(&b, URLENCODED, "a=4", 3, 3), "201 44");
    bench_fini(&b);
}

static void test_submission__bad_keys__400(void **state)
{
    (void)state;
    static const char *const keys[] = {"",
                                       "\"\"",
                                       "\"a",
                                       "a\"b",
                                       "a b",
                                       "a,b",
                                       "\"a\" b",
                                       "\"a\\b\"",
                                       "\"a\\",
                                       "\"\xC3\xA9\"",
                                       "a\r\nIdempotency-Key: a"};
    struct bench b;
    char head[1024];
    bench_init(&b);
    for (size_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        (void)snprintf(head, sizeof head, URLENCODED "Idempotency-Key: %s\r\n", keys[i]);
        if (strncmp(bench_post(&b, head, "a=1", 3, 3), "400 Idempotency-Key is no key", 29) != 0)
            fail_msg("%s was taken", keys[i]);
    }
    (void)snprintf(head, sizeof head, URLENCODED "Idempotency-Key: %0255d\r\n", 7);
    assert_string_equal(bench_post(&b, head, "a=1", 3, 3), "201 42");
    (void)snprintf(head, sizeof head, URLENCODED "Idempotency-Key: %0256d\r\n", 7);
    assert_int_equal(strncmp(bench_post(&b, head, "a=1", 3, 3), "400 ", 4), 0);
    bench_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submission__whole_bodies__table),
        cmocka_unit_test(test_submission__byte_by_byte__the_same),
        cmocka_unit_test(test_submission__seven_bytes_at_a_time__the_same),
        cmocka_unit_test(test_submission__chunked_and_too_large__413),
        cmocka_unit_test(test_submission__too_large_as_declared__refused_before_the_body),
        cmocka_unit_test(test_submission__another_sites_page__refused_before_the_body),
        cmocka_unit_test(test_submission__rate__429_until_time_has_passed),
        cmocka_unit_test(test_submission__bad_keys__400),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
