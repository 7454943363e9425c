/* A whole form at once: what pst_form_read() makes of a request. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/form.h>
#include <postern/http.h>
#include <postern/server.h>
#include <stdio.h>
#include <string.h>

#include "support/bare_exchange.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define URLENCODED   "Content-Type: application/x-www-form-urlencoded\r\n"
#define MULTIPART    "Content-Type: multipart/form-data; boundary=b\r\n"
#define FIELD(name)  "--b\r\nContent-Disposition: form-data; name=" name "\r\n"
#define BYTES(s)                                                                                             \
    {                                                                                                        \
        s, sizeof(s) - 1                                                                                     \
    }
#define FFFD "\xef\xbf\xbd"

/* name[@file name][:type]=value; for each entry, or "ERR: why". */
static struct pst_text account;

static void read_form(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_form_data data;
    int err = pst_form_read(ex, &data);
    account.len = 0;
    if (err) {
        assert_int_equal(data.count, 0);
        assert_null(data.entries);
        pst_text_addf(&account, "%d: %s", err, data.why);
        assert_int_equal(pst_reply_empty(ex), 0);
        return;
    }
    assert_string_equal(data.why, "");
    assert_non_null(data.entries);
    struct pst_slice body = pst_exchange_body(ex);
    for (size_t i = 0; i < data.count; i++) {
        const struct pst_form_entry *entry = &data.entries[i];
        pst_text_add(&account, entry->part.name);
        pst_text_adds(&account, entry->part.is_file ? "@" : "");
        pst_text_add(&account, entry->part.file_name);
        pst_text_adds(&account, entry->part.type.len > 0 ? ":" : "");
        pst_text_add(&account, entry->part.type);
        pst_text_adds(&account, "=");
        pst_text_add(&account, entry->value);
        pst_text_adds(&account, ";");
        if (entry->part.is_file && entry->value.len > 0) /* not copied */
            assert_true(entry->value.ptr > body.ptr && entry->value.ptr < body.ptr + body.len);
    }
    assert_int_equal(pst_reply_empty(ex), 0);
}

static void post(struct bare_exchange *b, const char *fields, struct pst_slice body)
{
    char head[512];
    (void)snprintf(head, sizeof head, "POST /form HTTP/1.1\r\nHost: h\r\n%sContent-Length: %zu\r\n\r\n",
                   fields, body.len);
    bare_request(b, head);
    pst_exchange_dispatch(b->ex);
    if (body.len > 0)
        pst_exchange_feed(b->ex, body.ptr, body.len, true);
    assert_true(pst_exchange_replied(b->ex));
}

static int set_up(void **state)
{
    static struct bare_exchange b;
    bare_init(&b);
    const struct pst_handler handler = {.on_request = read_form};
    *state = &b;
    return pst_server_route(b.w.server, "POST /form", &handler);
}

static int tear_down(void **state)
{
    bare_fini(*state);
    pst_text_free(&account);
    return 0;
}

static void expect(struct bare_exchange *b, const char *fields, struct pst_slice body,
                   struct pst_slice expected)
{
    post(b, fields, body);
    if (!pst_slice_eq(pst_slice_of(account.ptr, account.len), expected))
        fail_msg("'%.*s' gives '%.*s'", PST_FMT(body), (int)account.len, account.ptr);
}

static void test_form_read__bodies__entries_as_utf8(void **state)
{
    static const struct {
        const char *fields;
        struct pst_slice body, expected;
    } rows[] = {
        {URLENCODED, BYTES(""), BYTES("")},
        {URLENCODED, BYTES("a=1&b=%C3%BC&a=2&="), BYTES("a=1;b=\xc3\xbc;a=2;=;")},
        {URLENCODED, BYTES("a=%fc&%fc=%00x"), BYTES("a=" FFFD ";" FFFD "=\0x;")},
        {MULTIPART, BYTES("--b--\r\n"), BYTES("")},
        {MULTIPART, BYTES(FIELD("a") "\r\n1\r\n" FIELD("\"\"") "\r\n\r\n--b--\r\n"), BYTES("a=1;=;")},
        {MULTIPART,
         BYTES(FIELD("f; filename=x.png") "Content-Type: image/png\r\n\r\n\x89PNG\0\xff\r\n" FIELD(
             "e; filename=\"\"") "\r\n\r\n--b--"),
         BYTES("f@x.png:image/png=\x89PNG\0\xff;e@=;")},
        /* pieces of a file */
        {MULTIPART, BYTES(FIELD("f; filename=x") "\r\n--bx\r\n--b-\r\n--\r\n\r--b\r\n--bb--\r\n\r\n--b--"),
         BYTES("f@x=--bx\r\n--b-\r\n--\r\n\r--b\r\n--bb--\r\n;")},
        /* _charset_, wherever it stands; the first one counts */
        {URLENCODED, BYTES("_charset_=windows-1252&a=%80&%FC=1"), BYTES("a=\xe2\x82\xac;\xc3\xbc=1;")},
        {URLENCODED, BYTES("a=%80&_CHARSET_=windows-1252&_charset_=utf-8"), BYTES("a=\xe2\x82\xac;")},
        {URLENCODED, BYTES("a=%80x&_charset_=what"), BYTES("a=" FFFD "x;")},
        {URLENCODED, BYTES("a=%C3%BC&_charset_="), BYTES("a=\xc3\xbc;")},
        {MULTIPART,
         BYTES(FIELD("\"\xfc\"; filename=\"\xfc\"") "\r\n\xfc\r\n" FIELD("a") "\r\n\xfc\r\n" FIELD(
             "_charset_") "\r\niso-8859-1\r\n--b--"),
         BYTES("\xc3\xbc@\xc3\xbc=\xfc;a=\xc3\xbc;")},
        /* a file of that name is a file */
        {MULTIPART, BYTES(FIELD("_charset_; filename=x") "\r\nlatin1\r\n" FIELD("a") "\r\n\xfc\r\n--b--"),
         BYTES("_charset_@x=latin1;a=" FFFD ";")},
        /* filename* is UTF-8 in any form */
        {MULTIPART,
         BYTES(FIELD("_charset_") "\r\nlatin1\r\n" FIELD("a; filename*=UTF-8''%C3%BC%ff") "\r\n1\r\n--b--"),
         BYTES("a@\xc3\xbc" FFFD "=1;")},
        /* a part's own charset, of text/plain only, and for its value only */
        {MULTIPART, BYTES(FIELD("\xfc") "Content-Type: text/plain; charset=\"latin1\"\r\n\r\n\xfc\r\n--b--"),
         BYTES("-5: a part's Content-Disposition is malformed")},
        {MULTIPART,
         BYTES(FIELD("\"\xfc\"") "Content-Type: text/plain; x=y; charset=\"latin1\"\r\n\r\n\xfc\r\n--b--"),
         BYTES(FFFD ":text/plain; x=y; charset=\"latin1\"=\xc3\xbc;")},
        {MULTIPART,
         BYTES(FIELD("a") "Content-Type: TEXT/PLAIN;Charset=UTF-8\r\n\r\n\xc3\xbc\r\n" FIELD(
             "_charset_") "\r\nlatin1\r\n--b--"),
         BYTES("a:TEXT/PLAIN;Charset=UTF-8=\xc3\xbc;")},
        {MULTIPART, BYTES(FIELD("a") "Content-Type: text/html; charset=latin1\r\n\r\n\xfc\r\n--b--"),
         BYTES("a:text/html; charset=latin1=" FFFD ";")},
        {MULTIPART, BYTES(FIELD("a") "Content-Type: text/plain\xff\r\n\r\n1\r\n--b--"),
         BYTES("a:text/plain" FFFD "=1;")},
        /* no form */
        {"", BYTES("a=1"),
         BYTES(
             "-10: the body is no form: neither application/x-www-form-urlencoded nor multipart/form-data")},
        {"Content-Type: text/plain\r\n", BYTES("a=1"),
         BYTES(
             "-10: the body is no form: neither application/x-www-form-urlencoded nor multipart/form-data")},
        {"Content-Type: multipart/form-data\r\n", BYTES("--b--"),
         BYTES("-5: multipart/form-data without a proper boundary")},
        {URLENCODED URLENCODED, BYTES("a=1"), BYTES("-5: the request has two Content-Type fields")},
        {MULTIPART, BYTES(""), BYTES("-5: the body ends before its last delimiter")},
        {MULTIPART, BYTES(FIELD("a") "\r\n1\r\n--b"), BYTES("-5: the body ends before its last delimiter")},
        {URLENCODED, BYTES("a%00b=1"), BYTES("-5: a name holds a NUL")},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(*state, rows[i].fields, rows[i].body, rows[i].expected);
}

static void test_form_read__over_a_limit__said_by_name(void **state)
{
    struct bare_exchange *b = *state;
    b->w.limits.form_fields = 2;
    expect(b, URLENCODED, PST_SLICE("a=1&b=2"), PST_SLICE("a=1;b=2;"));
    expect(b, URLENCODED, PST_SLICE("a=1&b=2&c=3"), PST_SLICE("-4: more fields than form_fields (2)"));
}

static void test_form_read__many_fields__all_there(void **state)
{
    struct pst_text body = {0}, expected = {0};
    for (int i = 0; i < 200; i++) {
        pst_text_addf(&body, "%sf%d=%0*d", i ? "&" : "", i, i, i);
        pst_text_addf(&expected, "f%d=%0*d;", i, i, i);
    }
    expect(*state, URLENCODED, pst_slice_of(body.ptr, body.len), pst_slice_of(expected.ptr, expected.len));
    pst_text_free(&body);
    pst_text_free(&expected);
}

static void test_form_value__names__the_first_of_them(void **state)
{
    (void)state;
    const struct pst_form_entry entries[] = {
        {.part = {.name = PST_SLICE("a")}, .value = PST_SLICE("1")},
        {.part = {.name = PST_SLICE("ab")}, .value = PST_SLICE("2")},
        {.part = {.name = PST_SLICE("a")}, .value = PST_SLICE("3")},
        {.part = {.name = PST_SLICE("")}, .value = PST_SLICE("4")},
    };
    const struct pst_form_data data = {.entries = entries, .count = COUNT(entries)}, none = {0};
    struct pst_slice value;
    assert_true(pst_form_value(&data, "a", &value) && pst_slice_eq(value, PST_SLICE("1")));
    assert_true(pst_form_value(&data, "ab", &value) && pst_slice_eq(value, PST_SLICE("2")));
    assert_true(pst_form_value(&data, "", &value) && pst_slice_eq(value, PST_SLICE("4")));
    assert_false(pst_form_value(&data, "A", &value));
    assert_int_equal(value.len, 0);
    assert_false(pst_form_value(&none, "a", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_form_read__bodies__entries_as_utf8, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_form_read__over_a_limit__said_by_name, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_form_read__many_fields__all_there, set_up, tear_down),
        cmocka_unit_test(test_form_value__names__the_first_of_them),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
