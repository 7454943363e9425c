/* Text of forms in the web's charsets, as UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <iconv.h>
#include <postern/form.h>
#include <postern/http.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FFFD         "\xef\xbf\xbd"

static void expect(struct pst_slice bytes, const char *charset, const char *expected)
{
    struct pst_text t = {0};
    pst_text_adds(&t, ">");
    pst_form_text(&t, bytes, pst_slice_str(charset));
    assert_false(t.failed);
    if (!pst_slice_eq(pst_slice_of(t.ptr + 1, t.len - 1), pst_slice_str(expected)))
        fail_msg("'%.*s' in '%s' gives '%.*s'", PST_FMT(bytes), charset, (int)t.len, t.ptr);
    pst_text_free(&t);
}

static void test_form_text__utf8__kept_where_it_is_some(void **state)
{
    (void)state;
    static const char *const names[] = {"", "utf-8", "UTF-8", " Utf8 ", "unicode-1-1-utf-8"};
    static const struct {
        const char *bytes, *expected;
    } rows[] = {
        {"", ""},
        {"plain", "plain"},
        {"gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xaa",
         "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x9a\xaa"},
        {"\xff", FFFD},
        {"a\xfc"
         "b",
         "a" FFFD "b"},
        {"\xc3", FFFD},
        {"\xe2\x82", FFFD},
        {"\xe2\x82x\xf0\x9f\x9a", FFFD "x" FFFD},
        {"\xc0\xaf", FFFD FFFD},                   /* overlong */
        {"\xed\xa0\x80", FFFD FFFD FFFD},          /* a surrogate */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD}, /* over U+10FFFF */
    };
    for (size_t n = 0; n < COUNT(names); n++) {
        for (size_t i = 0; i < COUNT(rows); i++)
            expect(pst_slice_str(rows[i].bytes), names[n], rows[i].expected);
    }
}

/* What the web means by Latin-1 and ASCII. */
static void test_form_text__windows_1252__by_all_its_names(void **state)
{
    (void)state;
    static const char *const names[] = {"windows-1252", "ISO-8859-1", "us-ascii",
                                        "latin1",       "CP1252",     "iso_8859-1:1987"};
    for (size_t n = 0; n < COUNT(names); n++) {
        expect(PST_SLICE("\x80 gr\xfc\xdf"), names[n], "\xe2\x82\xac gr\xc3\xbc\xc3\x9f");
        expect(PST_SLICE("\x81\x8d\x8f\x90\x9d"), names[n], "\xc2\x81\xc2\x8d\xc2\x8f\xc2\x90\xc2\x9d");
        expect(PST_SLICE("\x93x\x94\x99\xff\x7f"), names[n],
               "\xe2\x80\x9cx\xe2\x80\x9d\xe2\x84\xa2\xc3\xbf\x7f");
    }
}

/* All bytes but the five that Unicode's table leaves open agree with iconv's. */
static void test_form_text__windows_1252__as_iconv_has_it(void **state)
{
    (void)state;
    iconv_t cd = iconv_open("UTF-8", "CP1252");
    if (cd == (iconv_t)-1)
        skip();
    for (int c = 0; c < 256; c++) {
        char byte = (char)c, out[8], *in = &byte, *at = out;
        size_t in_left = 1, out_left = sizeof out - 1;
        if (iconv(cd, &in, &in_left, &at, &out_left) == (size_t)-1)
            continue;
        *at = '\0';
        struct pst_text t = {0};
        pst_form_text(&t, pst_slice_of(&byte, 1), PST_SLICE("windows-1252"));
        assert_true(pst_slice_eq(pst_slice_of(t.ptr, t.len), pst_slice_of(out, (size_t)(at - out))));
        pst_text_free(&t);
    }
    iconv_close(cd);
}

static void test_form_text__charsets_of_the_web__converted(void **state)
{
    (void)state;
    static const struct {
        const char *charset, *bytes, *expected, *iconv_name;
    } rows[] = {
        {"KOI8-R", "\xf0\xd2\xc9\xd7\xc5\xd4", "\xd0\x9f\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82", "KOI8-R"},
        {"windows-1251", "\xcf\xf0", "\xd0\x9f\xd1\x80", "CP1251"},
        {"iso-8859-2", "\xb1", "\xc4\x85", "ISO-8859-2"},
        {"latin5", "\xfd", "\xc4\xb1", "CP1254"},
        {"Shift_JIS", "\x93\xfa\x96\x7b", "\xe6\x97\xa5\xe6\x9c\xac", "CP932"},
        {"euc-jp", "\xc6\xfc\xcb\xdc", "\xe6\x97\xa5\xe6\x9c\xac", "EUC-JP-MS"},
        {"iso-2022-jp", "\x1b$BF|K\\\x1b(B.", "\xe6\x97\xa5\xe6\x9c\xac.", "ISO-2022-JP"},
        {"gb2312", "\xc4\xe3\xba\xc3", "\xe4\xbd\xa0\xe5\xa5\xbd", "GB18030"},
        {"big5", "\xa7\x41\xa6\x6e", "\xe4\xbd\xa0\xe5\xa5\xbd", "BIG5-HKSCS"},
        {"EUC-KR", "\xc7\xd1", "\xed\x95\x9c", "UHC"},
        /* a letter that is kept back for an accent */
        {"windows-1258", "a", "a", "CP1258"},
        {"windows-1258", "o\xd2", "\xe1\xbb\x8f", "CP1258"},
        /* what is no text in it */
        {"Shift_JIS", "a\x93", "a" FFFD, "CP932"},
        {"Shift_JIS", "\x93\x20z\xff", FFFD " z" FFFD, "CP932"},
        {"iso-2022-jp", "a\xff", "a" FFFD, "ISO-2022-JP"},
        {"windows-1253",
         "\xd2"
         "a\xc1",
         FFFD "a\xce\x91", "CP1253"},
    };
    size_t converted = 0;
    for (size_t i = 0; i < COUNT(rows); i++) {
        iconv_t cd = iconv_open("UTF-8", rows[i].iconv_name);
        if (cd == (iconv_t)-1)
            continue; /* not installed: next test */
        iconv_close(cd);
        converted++;
        expect(pst_slice_str(rows[i].bytes), rows[i].charset, rows[i].expected);
    }
    print_message("%zu of %zu\n", converted, COUNT(rows));
}

static void test_form_text__unknown_charsets__ascii_kept(void **state)
{
    (void)state;
    static const char *const names[] = {
        "x-user-defined",
        "utf-16",
        "utf-16le",
        "utf-7",
        "UTF-8//IGNORE",
        "koi8-r//TRANSLIT",
        "//",
        " ",
        "utf-8 utf8",
        "../../x",
        "utf-8;",
        "\xff",
        "IBM1364",
        "-",
        "a-name-that-is-longer-than-all-that-there-are",
    };
    for (size_t i = 0; i < COUNT(names); i++)
        expect(PST_SLICE("a\xc3\xbc."), names[i], "a" FFFD FFFD ".");
    struct pst_text t = {0};
    pst_form_text(&t, PST_SLICE("\xc3\xbc"), PST_SLICE("utf-8\0"));
    assert_true(pst_slice_eq(pst_slice_of(t.ptr, t.len), PST_SLICE(FFFD FFFD)));
    pst_text_free(&t);
}

/* More than one buffer of iconv's output, and characters across its end. */
static void test_form_text__long_text__whole(void **state)
{
    (void)state;
    struct pst_text bytes = {0}, expected = {0}, t = {0};
    for (int i = 0; i < 3000; i++) {
        pst_text_adds(&bytes, i % 7 ? "\xcf" : "x");
        pst_text_adds(&expected, i % 7 ? "\xd0\x9f" : "x");
    }
    pst_form_text(&t, pst_slice_of(bytes.ptr, bytes.len), PST_SLICE("windows-1251"));
    assert_true(pst_slice_eq(pst_slice_of(t.ptr, t.len), pst_slice_of(expected.ptr, expected.len)));
    pst_text_free(&bytes);
    pst_text_free(&expected);
    pst_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_text__utf8__kept_where_it_is_some),
        cmocka_unit_test(test_form_text__windows_1252__by_all_its_names),
        cmocka_unit_test(test_form_text__windows_1252__as_iconv_has_it),
        cmocka_unit_test(test_form_text__charsets_of_the_web__converted),
        cmocka_unit_test(test_form_text__unknown_charsets__ascii_kept),
        cmocka_unit_test(test_form_text__long_text__whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
