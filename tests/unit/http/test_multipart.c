/* multipart/form-data: RFC 2046 5.1.1, RFC 7578. Each body is read whole, byte by byte and cut in two at
 * every place; the account must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/form_account.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define TYPE         PST_SLICE("multipart/form-data; boundary=b")
#define NAME(name)   "Content-Disposition: form-data; name=" name "\r\n"
#define PART(rest)   "--b\r\n" NAME("n") rest
#define LIMIT(name)  offsetof(struct pst_limits, name)
#define BYTES(s)                                                                                             \
    {                                                                                                        \
        s, sizeof(s) - 1                                                                                     \
    }

static struct pst_slice text_of(const struct form_account *a)
{
    return pst_slice_of(a->text.ptr, a->text.len);
}

static void assert_same(struct form_account *a, const struct form_account *whole, struct pst_slice body)
{
    if (a->err != whole->err || strcmp(a->why, whole->why) != 0 || !pst_slice_eq(text_of(a), text_of(whole)))
        fail_msg("cut differently, '%.*s' gives %d '%.*s' and not %d '%.*s'", PST_FMT(body), a->err,
                 PST_FMT(text_of(a)), whole->err, PST_FMT(text_of(whole)));
    form_account_free(a);
}

/* Leaves in *whole what all ways of cutting agree on. */
static void read_all_ways(struct form_account *whole, struct pst_slice type, struct pst_slice body,
                          const struct pst_limits *limits)
{
    *whole = (struct form_account){0};
    form_account_read(whole, type, body, limits, NULL, NULL);
    for (size_t at = 1; at < body.len; at++) {
        struct form_account a = {0};
        size_t cut = at;
        form_account_read(&a, type, body, limits, form_account_cut_at, &cut);
        assert_same(&a, whole, body);
    }
    for (size_t n = 1; n <= 3; n++) {
        struct form_account a = {0};
        form_account_read(&a, type, body, limits, form_account_cut_every, &n);
        assert_same(&a, whole, body);
    }
}

static void expect(struct pst_slice type, struct pst_slice body, struct pst_slice expected)
{
    struct form_account a;
    read_all_ways(&a, type, body, NULL);
    if (a.err != 0 || !pst_slice_eq(text_of(&a), expected))
        fail_msg("'%.*s' gives %d (%s) '%.*s'", PST_FMT(body), a.err, a.why, PST_FMT(text_of(&a)));
    assert_string_equal(a.why, "");
    form_account_free(&a);
}

static void expect_refusal(struct pst_slice type, struct pst_slice body, const char *why)
{
    struct form_account a;
    read_all_ways(&a, type, body, NULL);
    if (a.err != PST_E_SYNTAX || strstr(a.why, why) == NULL)
        fail_msg("'%.*s' gives %d '%s', not '%s'", PST_FMT(body), a.err, a.why, why);
    form_account_free(&a);
}

/* RFC 2046 5.1.1 */
static void test_multipart__delimiters__parts_in_order(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice body, expected;
    } rows[] = {
        {BYTES("--b--"), BYTES("")},
        {BYTES("--b--\r\n"), BYTES("")},
        {BYTES("\r\n--b--\r\n"), BYTES("")},
        {BYTES(PART("\r\n1\r\n--b--\r\n")), BYTES("n=1;")},
        {BYTES(PART("\r\n1\r\n--b--")), BYTES("n=1;")},
        {BYTES("\r\n" PART("\r\n1\r\n--b--")), BYTES("n=1;")},
        {BYTES(PART("\r\n1\r\n") PART("\r\n2\r\n") PART("\r\n3\r\n--b--\r\n")), BYTES("n=1;n=2;n=3;")},
        /* preamble and epilogue */
        {BYTES("This is a form.\r\nReally.\r\n" PART("\r\n1\r\n--b--\r\nbye\r\n--b\r\n--b--")),
         BYTES("n=1;")},
        {BYTES("--bad\r\n--\r\n\r\r\n" PART("\r\n1\r\n--b--\r\n\r\n")), BYTES("n=1;")},
        {BYTES(" --b\r\n" PART("\r\n1\r\n--b--")), BYTES("n=1;")},
        /* transport padding */
        {BYTES("--b \t \r\n" NAME("n") "\r\n1\r\n--b\t\r\n" NAME("m") "\r\n2\r\n--b-- \t\r\n"),
         BYTES("n=1;m=2;")},
        {BYTES(PART("\r\n1\r\n--b--  ")), BYTES("n=1;")},
        /* no data: with an empty line, and where the delimiter's CRLF is that line */
        {BYTES(PART("\r\n\r\n--b--")), BYTES("n=;")},
        {BYTES(PART("\r\n--b--")), BYTES("n=;")},
        {BYTES(PART("\r\n") PART("\r\n") PART("\r\n\r\n--b--")), BYTES("n=;n=;n=;")},
        /* the last CRLF before a delimiter belongs to it, others do not */
        {BYTES(PART("\r\n\r\n\r\n--b--")), BYTES("n=\r\n;")},
        {BYTES(PART("\r\n\r\n\r\n1\r\n\r\n--b--")), BYTES("n=\r\n\r\n1\r\n;")},
        {BYTES(PART("\r\n\r\r\n--b--")), BYTES("n=\r;")},
        {BYTES(PART("\r\n\n\r\n--b--")), BYTES("n=\n;")},
        /* what only looks like a delimiter */
        {BYTES(PART("\r\n--bx\r\n--b--")), BYTES("n=--bx;")},
        {BYTES(PART("\r\n--\r\n--b--")), BYTES("n=--;")},
        {BYTES(PART("\r\n--b-\r\n--b--")), BYTES("n=--b-;")},
        {BYTES(PART("\r\n--b-\r\r\n--b--")), BYTES("n=--b-\r;")},
        {BYTES(PART("\r\n1\r\n--bb\r\n--b--")), BYTES("n=1\r\n--bb;")},
        {BYTES(PART("\r\n1\r\n--b-x\r\n--b--")), BYTES("n=1\r\n--b-x;")},
        {BYTES(PART("\r\n1\r\n-\r\n--\r\n--c\r\n--b--")), BYTES("n=1\r\n-\r\n--\r\n--c;")},
        {BYTES(PART("\r\n1\r\r\n\n--b\r\r\n--b--")), BYTES("n=1\r\r\n\n--b\r;")},
        {BYTES(PART("\r\n1\n--b\r\n--b--")), BYTES("n=1\n--b;")},
        {BYTES(PART("\r\n1\r--b\r\n--b--")), BYTES("n=1\r--b;")},
        {BYTES(PART("\r\n--B\r\n--b--")), BYTES("n=--B;")},
        {BYTES(PART("\r\n1--b--\r\n--b--")), BYTES("n=1--b--;")},
        /* any byte is data; a nested multipart is, too (RFC 7578 4.3) */
        {BYTES(PART("\r\n\0\xff\x01\r\n--b--")), BYTES("n=\0\xff\x01;")},
        {BYTES(PART("Content-Type: multipart/mixed; boundary=c\r\n\r\n--c\r\n\r\nx\r\n--c--\r\n--b--")),
         BYTES("n:multipart/mixed; boundary=c=--c\r\n\r\nx\r\n--c--;")},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect(TYPE, rows[i].body, rows[i].expected);
}

static void test_multipart__flawed_delimiters__refused(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice body;
        const char *why;
    } rows[] = {
        {BYTES(""), "before its last delimiter"},
        {BYTES("\r\n"), "before its last delimiter"},
        {BYTES("--b"), "before its last delimiter"},
        {BYTES("--b-"), "before its last delimiter"},
        {BYTES("--b\r\n"), "before its last delimiter"},
        {BYTES("no form at all"), "before its last delimiter"},
        {BYTES(PART("")), "before its last delimiter"},
        {BYTES(PART("\r\n1")), "before its last delimiter"},
        {BYTES(PART("\r\n1\r\n--b")), "before its last delimiter"},
        {BYTES(PART("\r\n1\r\n--b\r\n")), "before its last delimiter"},
        {BYTES(PART("\r\n1\n--b--\n")), "before its last delimiter"},
        {BYTES(PART("\r\n1\r\n--b--\r")), "before its last delimiter"},
        {BYTES("--b\n" NAME("n") "\r\n1\r\n--b--"), "more than the delimiter"},
        {BYTES("--b \n"), "more than the delimiter"},
        {BYTES("--b x\r\n"), "more than the delimiter"},
        {BYTES("--b\rx"), "does not end in CRLF"},
        {BYTES("--b--x"), "more than the delimiter"},
        {BYTES("--b--\n"), "more than the delimiter"},
        {BYTES("--b-- --b"), "more than the delimiter"},
        {BYTES("--b--\rx"), "does not end in CRLF"},
        {BYTES(PART("\r\n1\r\n--b--x\r\n--b--")), "more than the delimiter"},
    };
    for (size_t i = 0; i < COUNT(rows); i++)
        expect_refusal(TYPE, rows[i].body, rows[i].why);
}

/* RFC 7578 4.2, and what clients make of it. head stands for lines with their CRLF. */
static void test_multipart__heads__names_decoded(void **state)
{
    (void)state;
    static const struct {
        const char *head, *expected;
    } rows[] = {
        {NAME("\"a\""), "a=1;"},
        {NAME("a"), "a=1;"},
        {NAME("\"\""), "=1;"},
        {NAME("\"a b;c=d\""), "a b;c=d=1;"},
        {"content-disposition:FORM-DATA;NAME=a\r\n", "a=1;"},
        {"Content-Disposition: \t form-data\t;\tname=\"a\"\t \r\n", "a=1;"},
        {"Content-Disposition: form-data; ; name=\"a\";\r\n", "a=1;"},
        {"Content-Disposition: form-data; x=y; name=\"a\"; x=z; file=\"f\"\r\n", "a=1;"},
        /* types; other fields are passed over */
        {NAME("a") "Content-Type: text/plain; charset=x\r\n", "a:text/plain; charset=x=1;"},
        {"Content-Type:text/plain\r\nX-Y:\r\nContent-Length: 99\r\n" NAME("a"), "a:text/plain=1;"},
        {NAME("a") "Content-Transfer-Encoding: binary\r\n", "a=1;"},
        {NAME("a") "content-transfer-encoding: 8BIT\r\n", "a=1;"},
        {NAME("a") "Content-Transfer-Encoding:7bit \r\n", "a=1;"},
        /* files */
        {NAME("a; filename=f.txt"), "a@f.txt=1;"},
        {NAME("a; filename=\"\""), "a@=1;"},
        {"Content-Disposition: form-data; filename=f; name=a\r\nContent-Type: x/y\r\n", "a@f:x/y=1;"},
        /* the WHATWG's escapes, and nothing else of percent-encoding */
        {NAME("\"a%22b\"; filename=\"%0D%0a%22%25%41%2\""), "a\"b@\r\n\"%25%41%2=1;"},
        {NAME("\"100%\""), "100%=1;"},
        {NAME("a%22b; filename=c%0Ad"), "a%22b@c%0Ad=1;"},
        /* the escapes of quoted strings, and paths of old browsers */
        {NAME("\"a\\\"b\""), "a\"b=1;"},
        {NAME("\"a\\\\b\""), "a\\b=1;"},
        {NAME("\"a\\\\\\\"\""), "a\\\"=1;"},
        {NAME("a; filename=\"C:\\dir\\new.txt\""), "a@C:\\dir\\new.txt=1;"},
        {NAME("a; filename=\"\\\\\\\\host\\\\share\\x\""), "a@\\\\host\\share\\x=1;"},
        /* UTF-8 as browsers send it, and bytes that are none */
        {NAME("\"gr\xc3\xbc\xc3\x9f\"; filename=\"\xf0\x9f\x9a\xaa.png\""),
         "gr\xc3\xbc\xc3\x9f@\xf0\x9f\x9a\xaa.png=1;"},
        {NAME("\"gr\xfc\xdf\""), "gr\xfc\xdf=1;"},
        {NAME("\"tab\there\""), "tab\there=1;"},
        /* RFC 8187 */
        {NAME("a; filename*=UTF-8''gr%C3%bc%20x.txt"), "a*gr\xc3\xbc x.txt=1;"},
        {NAME("a; filename=old; filename*=utf-8'de'new"), "a*new=1;"},
        {NAME("a; filename*=iso-8859-1'en'%A3%20rates; filename=x"), "a*\xc2\xa3 rates=1;"},
        {NAME("a; filename*=ISO-8859-1''%FF%80%7f!"), "a*\xc3\xbf\xc2\x80\x7f!=1;"},
        {NAME("a; filename*=UTF-8''"), "a*=1;"},
        {NAME("a; filename=old; filename*=koi8-r''%C1"), "a@old=1;"},
        {NAME("a; filename*=koi8-r''%C1"), "a@=1;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[512];
        int n = snprintf(body, sizeof body, "--b\r\n%s\r\n1\r\n--b--\r\n", rows[i].head);
        expect(TYPE, pst_slice_of(body, (size_t)n), pst_slice_str(rows[i].expected));
    }
}

static void test_multipart__flawed_heads__refused(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice head;
        const char *why;
    } rows[] = {
        {BYTES(""), "no Content-Disposition"},
        {BYTES("Content-Type: text/plain\r\n"), "no Content-Disposition"},
        {BYTES("Content-Disposition: form-data\r\n"), "no name"},
        {BYTES("Content-Disposition: form-data; filename=x\r\n"), "no name"},
        {BYTES("Content-Disposition: attachment; name=x\r\n"), "not form-data"},
        {BYTES("Content-Disposition: \r\n"), "not form-data"},
        {BYTES("Content-Disposition: form-data-x; name=x\r\n"), "not form-data"},
        {BYTES("Content-Disposition: form-data/ name=x\r\n"), "malformed"},
        {BYTES("Content-Disposition: form-data name=x\r\n"), "malformed"},
        {BYTES("Content-Disposition: form-data; name\r\n"), "malformed"},
        {BYTES(NAME("")), "malformed"},
        {BYTES(NAME("a b")), "malformed"},
        {BYTES(NAME("\"a")), "malformed"},
        {BYTES(NAME("\"a\\\"")), "malformed"},
        {BYTES(NAME("\"a\"b")), "malformed"},
        {BYTES("Content-Disposition: form-data; name =a\r\n"), "malformed"},
        {BYTES("Content-Disposition: form-data; name= a\r\n"), "malformed"},
        {BYTES("Content-Disposition: form-data; =a; name=b\r\n"), "malformed"},
        {BYTES(NAME("a; Name=b")), "twice"},
        {BYTES(NAME("a; filename=b; filename=b")), "twice"},
        {BYTES(NAME("a; filename*=UTF-8''b; filename*=UTF-8''b")), "twice"},
        {BYTES(NAME("a") NAME("a")), "two Content-Disposition"},
        {BYTES(NAME("a") "content-DISPOSITION: form-data; name=b\r\n"), "two Content-Disposition"},
        {BYTES(NAME("a") "Content-Type: a/b\r\nContent-Type: a/b\r\n"), "two Content-Type"},
        {BYTES(NAME("a") "Content-Transfer-Encoding: 7bit\r\nContent-Transfer-Encoding: 7bit\r\n"),
         "two Content-T"},
        {BYTES(NAME("a") "Content-Transfer-Encoding: base64\r\n"), "not 7bit, 8bit or binary"},
        {BYTES(NAME("a") "Content-Transfer-Encoding: quoted-printable\r\n"), "not 7bit, 8bit or binary"},
        {BYTES(NAME("a") "Content-Transfer-Encoding:\r\n"), "not 7bit, 8bit or binary"},
        {BYTES(NAME("a; filename*=UTF-8'b")), "RFC 8187"},
        {BYTES(NAME("a; filename*=b")), "RFC 8187"},
        {BYTES(NAME("a; filename*=UTF-8''%4")), "RFC 8187"},
        {BYTES(NAME("a; filename*=UTF-8''%4x")), "RFC 8187"},
        {BYTES(NAME("a; filename*=UTF-8''a'b")), "RFC 8187"},
        {BYTES(NAME("a; filename*=UTF-8''a*b")), "RFC 8187"},
        {BYTES(NAME("a; filename*=\"UTF-8''b\"")), "RFC 8187"},
        {BYTES(NAME("a; filename*=UTF-8''%00")), "NUL"},
        {BYTES(NAME("\"a\r\n b\"")), "malformed"},
        {BYTES(NAME("a;\r\n filename=b")), "two lines"},
        {BYTES(" " NAME("a")), "two lines"},
        {BYTES(NAME("a") "\tX: y\r\n"), "two lines"},
        {BYTES(NAME("a") "X\r\n"), "no field"},
        {BYTES(NAME("a") "X : y\r\n"), "no field"},
        {BYTES(NAME("a") ": y\r\n"), "no field"},
        {BYTES(NAME("a") "X(: y\r\n"), "no field"},
        {BYTES(NAME("\"a\0\"")), "control byte"},
        {BYTES(NAME("\"a\x7f\"")), "control byte"},
        {BYTES(NAME("\"a\x1b\"")), "control byte"},
        {BYTES(NAME("a") "X: \0\r\n"), "control byte"},
        {BYTES("Content-Disposition: form-data; name=a\n"), "CRLF"},
        {BYTES("Content-Disposition: form-data; name=a\r"), "CRLF"},
        {BYTES(NAME("\"a\rb\"")), "CRLF"},
        {BYTES(NAME("a") "\n"), "CRLF"},
        {BYTES(NAME("a") "\rX: y\r\n"), "CRLF"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char body[512];
        struct pst_slice head = rows[i].head;
        memcpy(body, "--b\r\n", 5);
        memcpy(body + 5, head.ptr, head.len);
        memcpy(body + 5 + head.len, "\r\n1\r\n--b--", 10);
        expect_refusal(TYPE, pst_slice_of(body, head.len + 15), rows[i].why);
    }
}

/* RFC 2046 5.1.1: boundary := 0*69<bchars> bcharsnospace */
static void test_multipart__boundaries__as_the_rfc_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *parameters;
        const char *boundary; /* NULL: refused */
    } rows[] = {
        {"; boundary=b", "b"},
        {";boundary=b", "b"},
        {"; BOUNDARY=\"b\"", "b"},
        {"; charset=utf-8; boundary=----WebKitFormBoundary0123456789abcdef",
         "----WebKitFormBoundary0123456789abcdef"},
        {"; boundary=\"a b\"", "a b"},
        {"; boundary=\"gc0p4Jq0M:2Yt08jU534c0p\"", "gc0p4Jq0M:2Yt08jU534c0p"},
        {"; boundary=\"'()+_,-./:=?\"", "'()+_,-./:=?"},
        {"; boundary=\"a\\b\\c\"", "abc"},
        {"; boundary=--", "--"},
        {"; boundary=b; x=\"y\"", "b"},
        {"; boundary=1234567890123456789012345678901234567890123456789012345678901234567890",
         "1234567890123456789012345678901234567890123456789012345678901234567890"},
        {"; boundary=12345678901234567890123456789012345678901234567890123456789012345678901", NULL},
        {"", NULL},
        {";", NULL},
        {"; charset=utf-8", NULL},
        {"; boundary", NULL},
        {"; boundary=", NULL},
        {"; boundary=\"\"", NULL},
        {"; boundary=\"b", NULL},
        {"; boundary=\" \"", NULL},
        {"; boundary=\"b \"", NULL},
        {"; boundary=\"b;c\"", NULL},
        {"; boundary=\"b\\\"c\"", NULL},
        {"; boundary=\"b\\\\c\"", NULL},
        {"; boundary=b@c", NULL},
        {"; boundary=b*c", NULL},
        {"; boundary=b%c", NULL},
        {"; boundary=\"b\tc\"", NULL},
        {"; boundary=\"b\xc3\xa9\"", NULL},
        {"; boundary=b; boundary=b", NULL},
        {"; boundary=b; Boundary=c", NULL},
        {"; boundary=b c", NULL},
        {"; boundary=b, c", NULL},
        {"; boundary = b", NULL},
        {"; boundary=b; x", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char type[256], body[512];
        (void)snprintf(type, sizeof type, "Multipart/Form-Data%s", rows[i].parameters);
        const char *boundary = rows[i].boundary ? rows[i].boundary : "b";
        int n = snprintf(body, sizeof body, "--%s\r\n" NAME("n") "\r\n1\r\n--%s--\r\n", boundary, boundary);
        struct form_account a = {0};
        form_account_read(&a, pst_slice_str(type), pst_slice_of(body, (size_t)n), NULL, NULL, NULL);
        /* Without a word from the reader: there was none to begin with. */
        if (a.err != (rows[i].boundary ? 0 : PST_E_SYNTAX) || a.why[0] != '\0')
            fail_msg("'%s' gives %d %s", type, a.err, a.why);
        if (a.err == 0)
            assert_true(pst_slice_eq(text_of(&a), PST_SLICE("n=1;")));
        form_account_free(&a);
    }
}

static void test_multipart__limits__named_with_their_value(void **state)
{
    (void)state;
    static const struct {
        size_t limit;
        uint64_t value; /* what the body needs; with one less it is refused */
        struct pst_slice body;
        const char *why, *before; /* before: the account up to the refusal */
    } rows[] = {
        {LIMIT(form_parts), 2, BYTES(PART("\r\n1\r\n") PART("\r\n2\r\n--b--")),
         "more parts than form_parts (1)", "n=1;"},
        {LIMIT(form_fields), 2, BYTES(PART("\r\n1\r\n") PART("\r\n2\r\n--b--")),
         "more fields than form_fields (1)", "n=1;"},
        {LIMIT(form_files), 1, BYTES("--b\r\n" NAME("n; filename=f") "\r\n1\r\n--b--"),
         "more files than form_files (0)", ""},
        {LIMIT(form_files), 1, BYTES("--b\r\n" NAME("n; filename=\"\"") "\r\n1\r\n--b--"),
         "more files than form_files (0)", "n@="},
        {LIMIT(form_name_bytes), 5, BYTES("--b\r\n" NAME("12345") "\r\n1\r\n--b--"),
         "a name is longer than form_name_bytes (4)", ""},
        {LIMIT(form_name_bytes), 5, BYTES("--b\r\n" NAME("1; filename=\"1%222\\\"3\"") "\r\n1\r\n--b--"),
         "a name is longer than form_name_bytes (4)", ""},
        {LIMIT(form_field_bytes), 5, BYTES(PART("\r\n12\r\n5\r\n--b--")),
         "a field is longer than form_field_bytes (4)", "n=12\r\n"},
        {LIMIT(form_field_bytes), 5, BYTES(PART("\r\n\r\n--x\r\n--b--")),
         "a field is longer than form_field_bytes (4)", "n=\r\n--"},
        {LIMIT(form_file_bytes), 5, BYTES("--b\r\n" NAME("n; filename=f") "\r\n12345\r\n--b--"),
         "a file is larger than form_file_bytes (4)", "n@f=1234"},
        {LIMIT(form_text_bytes), 6, BYTES(PART("\r\n12\r\n") PART("\r\n34\r\n--b--")),
         "names and values together are longer than form_text_bytes (5)", "n=12;n=3"},
        {LIMIT(form_text_bytes), 3, BYTES(PART("\r\n1\r\n") PART("\r\n\r\n--b--")),
         "names and values together are longer than form_text_bytes (2)", "n=1;"},
        {LIMIT(form_text_bytes), 4, BYTES("--b\r\n" NAME("n; filename=abc") "\r\n12345\r\n--b--"),
         "names and values together are longer than form_text_bytes (3)", ""},
        {LIMIT(part_head_bytes), 48, BYTES("--b\r\n" NAME("1234567") "\r\n1\r\n--b--"),
         "a part's head is longer than part_head_bytes (47)", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_limits limits;
        struct form_account a;
        pst_limits_init(&limits);
        /* Straight into the struct: some of these are under the least that the option takes. */
        uint64_t *field = (uint64_t *)(void *)((char *)&limits + rows[i].limit);
        *field = rows[i].value;
        read_all_ways(&a, TYPE, rows[i].body, &limits);
        if (a.err != 0)
            fail_msg("%zu: with its need the body gives %d '%s'", i, a.err, a.why);
        form_account_free(&a);
        *field = rows[i].value - 1;
        read_all_ways(&a, TYPE, rows[i].body, &limits);
        if (a.err != PST_E_LIMIT || strcmp(a.why, rows[i].why) != 0 ||
            !pst_slice_eq(text_of(&a), pst_slice_str(rows[i].before)))
            fail_msg("%zu: %d '%s' '%.*s'", i, a.err, a.why, PST_FMT(text_of(&a)));
        form_account_free(&a);
    }
}

/* File inputs that were left empty are no files to count. */
static void test_multipart__empty_file_inputs__not_counted_as_files(void **state)
{
    (void)state;
    struct pst_limits limits;
    struct form_account a;
    pst_limits_init(&limits);
    limits.form_files = 0;
    read_all_ways(
        &a, TYPE,
        PST_SLICE("--b\r\n" NAME("x; filename=\"\"") "Content-Type: application/octet-stream\r\n\r\n\r\n"
                                                     "--b\r\n" NAME("y; filename=\"\"") "\r\n\r\n--b--\r\n"),
        &limits);
    assert_int_equal(a.err, 0);
    assert_true(pst_slice_eq(text_of(&a), PST_SLICE("x@:application/octet-stream=;y@=;")));
    form_account_free(&a);
}

/* The reader holds nothing back but what may yet be a delimiter, and all of a piece comes as one. */
static void test_multipart__data__given_on_at_once(void **state)
{
    (void)state;
    struct pst_limits limits;
    struct form_account a = {0};
    struct pst_form *form;
    pst_limits_init(&limits);
    assert_int_equal(pst_form_new(&form, TYPE, &limits, &form_account_events, &a), 0);
    const struct {
        const char *data, *text;
        size_t pieces;
    } rows[] = {
        {PART("\r\n"), "n=", 0},
        {"12", "n=12", 1},
        {"3\r", "n=123", 2},
        {"4", "n=123\r4", 4},
        {"\r\n--", "n=123\r4", 4},
        {"--", "n=123\r4\r\n----", 6},
        {"a\r\n--bx", "n=123\r4\r\n----a\r\n--bx", 9},
        {"\r\n--b--", "n=123\r4\r\n----a\r\n--bx;", 9},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pst_form_feed(form, rows[i].data, strlen(rows[i].data)), 0);
        if (!pst_slice_eq(text_of(&a), pst_slice_str(rows[i].text)) || a.pieces > rows[i].pieces)
            fail_msg("%zu: %zu '%.*s'", i, a.pieces, PST_FMT(text_of(&a)));
    }
    assert_int_equal(pst_form_finish(form), 0);
    pst_form_free(form);
    form_account_free(&a);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multipart__delimiters__parts_in_order),
        cmocka_unit_test(test_multipart__flawed_delimiters__refused),
        cmocka_unit_test(test_multipart__heads__names_decoded),
        cmocka_unit_test(test_multipart__flawed_heads__refused),
        cmocka_unit_test(test_multipart__boundaries__as_the_rfc_has_them),
        cmocka_unit_test(test_multipart__limits__named_with_their_value),
        cmocka_unit_test(test_multipart__empty_file_inputs__not_counted_as_files),
        cmocka_unit_test(test_multipart__data__given_on_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
