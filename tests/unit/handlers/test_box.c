/* Declarations of boxes: what they mean, and what is said of those that mean nothing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/err.h>
#include <stdio.h>
#include <string.h>

#include "handlers/box.h"

static struct pst_box *parse(const char *spec)
{
    struct pst_box *box;
    char why[256];
    if (pst_box_parse(&box, spec, why, sizeof why) != 0)
        fail_msg("%s: %s", spec, why);
    assert_string_equal(why, "");
    return box;
}

static void assert_slice(struct pst_slice s, const char *text)
{
    if (!pst_slice_eq(s, pst_slice_str(text)))
        fail_msg("\"%.*s\" instead of \"%s\"", PST_FMT(s), text);
}

static void test_box__name_alone__private_and_without_files(void **state)
{
    (void)state;
    static const char *const specs[] = {"contact", "contact:", "contact:,"};
    for (size_t i = 0; i < 3; i++) {
        struct pst_box *box = parse(specs[i]);
        assert_slice(box->name, "contact");
        assert_slice(box->rules.box, "contact");
        assert_false(box->is_public);
        assert_int_equal(box->next.len, 0);
        assert_int_equal(box->rules.max_files, 0);
        assert_int_equal(box->rules.file_bytes, 0);
        assert_int_equal(box->rules.body_bytes, 0);
        assert_int_equal(box->rules.box_bytes, 0);
        assert_int_equal(box->rules.field_count, 0);
        assert_int_equal(box->rules.honeypot.len, 0);
        assert_int_equal(box->rules.origin_count, 0);
        assert_false(box->rules.may_make_box || box->rules.is_form_only);
        assert_null(box->rules.rate);
        pst_box_free(box);
    }
    pst_box_free(NULL);
}

static void test_box__all_options__read(void **state)
{
    (void)state;
    char spec[] =
        "a-b_9:public,files,max-files=3,max-file=10M,max-bytes=1g,box-bytes=500k,fields=name+email!+text,"
        "honeypot=website,next=/thanks?x=1#y,from=https://a.example,from=http://b.example:81,rate=12";
    struct pst_box *box = parse(spec);
    memset(spec, 'x', sizeof spec - 1); /* it is a copy */
    assert_slice(box->name, "a-b_9");
    assert_true(box->is_public);
    assert_int_equal(box->rules.max_files, 3);
    assert_int_equal(box->rules.file_bytes, 10 << 20);
    assert_int_equal(box->rules.body_bytes, 1 << 30);
    assert_int_equal(box->rules.box_bytes, 500 << 10);
    assert_int_equal(box->rules.field_count, 3);
    assert_slice(box->rules.fields[0].name, "name");
    assert_false(box->rules.fields[0].is_required);
    assert_slice(box->rules.fields[1].name, "email");
    assert_true(box->rules.fields[1].is_required);
    assert_slice(box->rules.fields[2].name, "text");
    assert_slice(box->rules.honeypot, "website");
    assert_slice(box->next, "/thanks?x=1#y");
    assert_int_equal(box->rules.origin_count, 2);
    assert_slice(box->rules.origins[0], "https://a.example");
    assert_slice(box->rules.origins[1], "http://b.example:81");
    assert_non_null(box->rules.rate);
    pst_box_free(box);
}

static void test_box__files_without_a_number__eight(void **state)
{
    (void)state;
    struct pst_box *box = parse("b:files");
    assert_int_equal(box->rules.max_files, PST_BOX_FILES_DEFAULT);
    pst_box_free(box);
    box = parse("b:max-files=1,max-file=1,files"); /* in any order */
    assert_int_equal(box->rules.max_files, 1);
    assert_int_equal(box->rules.file_bytes, 1);
    pst_box_free(box);
}

static void test_box__flaws__said_in_one_line(void **state)
{
    (void)state;
    static const struct {
        const char *spec;
        int err;
        const char *why; /* a part of it */
    } rows[] = {
        {"", PST_E_SYNTAX, "a box's name has 1 to 64 of"},
        {":public", PST_E_SYNTAX, "a box's name"},
        {"Contact", PST_E_SYNTAX, "a box's name"},
        {"-a", PST_E_SYNTAX, "a box's name"},
        {"a/b", PST_E_SYNTAX, "a box's name"},
        {"contact,public", PST_E_SYNTAX, "a box's name"},
        {"b:publik", PST_E_SYNTAX, "no option \"publik\": there are public, files, max-files=, "},
        {"b:rates=1", PST_E_SYNTAX, "honeypot=, next=, from=, rate="},
        {"b: public", PST_E_SYNTAX, "no option"},
        {"b:public=1", PST_E_SYNTAX, "public takes no value"},
        {"b:files=", PST_E_SYNTAX, "files takes no value"},
        {"b:rate", PST_E_SYNTAX, "rate= needs a value"},
        {"b:fields=", PST_E_SYNTAX, "fields= needs a value"},
        {"b:public,public", PST_E_SYNTAX, "public is there twice"},
        {"b:rate=1,rate=2", PST_E_SYNTAX, "rate is there twice"},
        {"b:rate=0", PST_E_RANGE, "0 is not between 1 and 100000"},
        {"b:rate=100001", PST_E_RANGE, "100001 is not between"},
        {"b:rate=-1", PST_E_SYNTAX, "\"-1\" is no number"},
        {"b:rate=1.5", PST_E_SYNTAX, "is no number"},
        {"b:files,max-files=1001", PST_E_RANGE, "between 1 and 1000"},
        {"b:max-files=1", PST_E_SYNTAX, "max-files= says nothing without files"},
        {"b:max-file=1", PST_E_SYNTAX, "max-file= says nothing without files"},
        {"b:max-bytes=0", PST_E_RANGE, "0 is not between 1 byte and 1024G"},
        {"b:max-bytes=0K", PST_E_RANGE, "0K is not"},
        {"b:max-bytes=1025G", PST_E_RANGE, "1025G is not"},
        {"b:max-bytes=18014398509481985K", PST_E_RANGE, "is not between"}, /* 1 KiB in 64 bits */
        {"b:max-bytes=K", PST_E_SYNTAX, "\"K\" is no size"},
        {"b:max-bytes=10MB", PST_E_SYNTAX, "is no size: write such as 500K"},
        {"b:box-bytes=1T", PST_E_SYNTAX, "is no size"},
        {"b:fields=a++b", PST_E_SYNTAX, "a field without a name"},
        {"b:fields=a+", PST_E_SYNTAX, "a field without a name"},
        {"b:fields=!", PST_E_SYNTAX, "a field without a name"},
        {"b:fields=a+b+a!", PST_E_SYNTAX, "\"a\" is there twice"},
        {"b:fields=_charset_", PST_E_SYNTAX, "is never stored"},
        {"b:fields=_idempotency_key!", PST_E_SYNTAX, "is never stored"},
        {"b:honeypot=_charset_", PST_E_SYNTAX, "has a meaning of its own"},
        {"b:fields=a+b,honeypot=b", PST_E_SYNTAX, "cannot be a field and the honeypot"},
        {"b:honeypot=b,fields=b!", PST_E_SYNTAX, "cannot be a field and the honeypot"},
        {"b:next=thanks", PST_E_SYNTAX, "is no path of this site"},
        {"b:next=https://evil.example/", PST_E_SYNTAX, "is no path of this site"},
        {"b:next=//evil.example/", PST_E_SYNTAX, "is no path of this site"},
        {"b:next=/\\evil.example/", PST_E_SYNTAX, "backslashes"},
        {"b:next=/a\\b", PST_E_SYNTAX, "backslashes"},
        {"b:next=/\t/evil.example/", PST_E_SYNTAX, "printable ASCII"},
        {"b:next=/\r\nX: y", PST_E_SYNTAX, "printable ASCII"},
        {"b:next=/a b", PST_E_SYNTAX, "%20 for a space"},
        {"b:next=/\xC3\xA9", PST_E_SYNTAX, "printable ASCII"},
        {"b:next=/\x7f", PST_E_SYNTAX, "printable ASCII"},
        {"b:from=example.com", PST_E_SYNTAX, "is no origin"},
        {"b:from=https://example.com/", PST_E_SYNTAX, "is no origin"},
        {"b:from=ftp://example.com", PST_E_SYNTAX, "is no origin"},
        {"b:from=null", PST_E_SYNTAX, "is no origin"},
        {"b:from=*", PST_E_SYNTAX, "is no origin"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_box *box;
        char why[256] = "";
        int err = pst_box_parse(&box, rows[i].spec, why, sizeof why);
        if (err != rows[i].err || !strstr(why, rows[i].why) || strpbrk(why, "\r\n"))
            fail_msg("%s: %d %s", rows[i].spec, err, why);
        assert_null(box);
    }
}

static void test_box__long_flaw__fits(void **state)
{
    (void)state;
    char spec[1100], why[256];
    struct pst_box *box;
    static const char *const options[] = {"", "next=", "from=", "max-bytes=", "rate="};
    for (size_t i = 0; i < 5; i++) {
        int n = snprintf(spec, sizeof spec, "b:%s%01000d!", options[i], 0);
        assert_true(n > 1000);
        memset(why, 'x', sizeof why);
        int err = pst_box_parse(&box, spec, why, sizeof why);
        assert_int_equal(err, PST_E_SYNTAX);
        assert_non_null(memchr(why, '\0', sizeof why));
        pst_box_free(box);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_box__name_alone__private_and_without_files),
        cmocka_unit_test(test_box__all_options__read),
        cmocka_unit_test(test_box__files_without_a_number__eight),
        cmocka_unit_test(test_box__flaws__said_in_one_line),
        cmocka_unit_test(test_box__long_flaw__fits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
