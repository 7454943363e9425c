/* Growing texts and their escapes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>
#include <string.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FFFD         "\xef\xbf\xbd"

static void assert_text(const struct pst_text *t, const char *expected, size_t i)
{
    assert_false(t->failed);
    if (!pst_slice_eq(pst_slice_of(t->ptr, t->len), pst_slice_str(expected)))
        fail_msg("row %zu: '%.*s', not '%s'", i, (int)t->len, t->ptr ? t->ptr : "", expected);
}

static void test_text_add__many_pieces__all_there_in_order(void **state)
{
    (void)state;
    struct pst_text t = {0};
    for (int i = 0; i < 20000; i++) {
        pst_text_adds(&t, "ab");
        pst_text_add(&t, PST_SLICE("c\0"));
        pst_text_addf(&t, "%d", i % 10);
    }
    assert_false(t.failed);
    assert_int_equal(t.len, 20000 * 5);
    assert_true(t.cap >= t.len);
    for (size_t i = 0; i < 20000; i++) {
        char expected[5] = {'a', 'b', 'c', '\0', (char)('0' + i % 10)};
        assert_memory_equal(t.ptr + i * 5, expected, 5);
    }
    pst_text_free(&t);
    assert_null(t.ptr);
    assert_int_equal(t.len, 0);
    pst_text_free(&t);
    pst_text_free(NULL);
}

static void test_text_add__nothing__nothing(void **state)
{
    (void)state;
    struct pst_text t = {0};
    const struct pst_slice nothing = {0};
    pst_text_add(&t, nothing);
    pst_text_adds(&t, "");
    pst_text_adds(&t, NULL);
    pst_text_addf(&t, "%s", "");
    pst_text_add_html(&t, nothing);
    pst_text_add_percent(&t, nothing, true);
    assert_int_equal(t.len, 0);
    assert_false(t.failed);
    pst_text_add_json(&t, nothing);
    assert_text(&t, "\"\"", 0);
    pst_text_free(&t);
}

/* Formatted text that fits, that ends where the room ends, and that is longer than all there was. */
static void test_text_addf__every_length_round_the_room__whole(void **state)
{
    (void)state;
    static char long_text[3000];
    memset(long_text, 'x', sizeof long_text);
    for (int before = 0; before < 300; before += 7) {
        for (int len = 200; len < 300; len++) {
            struct pst_text t = {0};
            pst_text_add(&t, pst_slice_of(long_text, (size_t)before));
            pst_text_addf(&t, "%.*s|%d", len, long_text, len);
            assert_int_equal(t.len, before + len + 4);
            assert_memory_equal(t.ptr + t.len - 4, "|", 1);
            pst_text_free(&t);
        }
    }
    struct pst_text t = {0};
    pst_text_addf(&t, "%.*s", 3000, long_text);
    assert_int_equal(t.len, 3000);
    pst_text_free(&t);
}

static void test_text_add__more_than_there_can_be__failed_for_good(void **state)
{
    (void)state;
    struct pst_text t = {0};
    pst_text_adds(&t, "before");
    pst_text_add(&t, pst_slice_of("x", SIZE_MAX - 100));
    assert_true(t.failed);
    pst_text_adds(&t, "after");
    pst_text_addf(&t, "%d", 1);
    pst_text_add_html(&t, PST_SLICE("<"));
    pst_text_add_json(&t, PST_SLICE("x"));
    pst_text_add_percent(&t, PST_SLICE("x"), false);
    assert_int_equal(t.len, 6);
    assert_memory_equal(t.ptr, "before", 6);
    pst_text_free(&t);
    assert_false(t.failed);
}

static void test_text_add_html__table__escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"plain", "plain"},
        {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
        {"a&b", "a&amp;b"},
        {"&amp;", "&amp;amp;"},
        {"\" onclick=\"", "&quot; onclick=&quot;"},
        {"a\tb\r\nc", "a\tb\r\nc"},
        {"\x01\x08\x0b\x0c\x0e\x1f\x7f", FFFD FFFD FFFD FFFD FFFD FFFD FFFD},
        {"\x1b[2J", FFFD "[2J"},
        {"caf\xc3\xa9", "caf\xc3\xa9"},
        {"\xe2\x82\xac<\xf0\x9f\x98\x80", "\xe2\x82\xac&lt;\xf0\x9f\x98\x80"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_text t = {0};
        pst_text_add_html(&t, pst_slice_str(rows[i].in));
        assert_text(&t, rows[i].out, i);
        pst_text_free(&t);
    }
    struct pst_text t = {0};
    pst_text_add_html(&t, pst_slice_of("a\0b", 3));
    assert_text(&t, "a" FFFD "b", 0);
    pst_text_free(&t);
}

/* RFC 8259 7 Strings */
static void test_text_add_json__table__escaped(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        {"", "\"\""},
        {"plain /", "\"plain /\""},
        {"\"\\", "\"\\\"\\\\\""},
        {"\b\f\n\r\t", "\"\\b\\f\\n\\r\\t\""},
        {"\x01\x1f\x7f", "\"\\u0001\\u001f\\u007f\""},
        {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\"\\u0080\\u009b\\u009f\xc2\xa0\""},
        {"</script>&", "\"\\u003c/script\\u003e\\u0026\""},
        {"'", "\"'\""},
        {"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {"\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa7\xe2\x80\xaa", "\"\\u2028\\u2029\xe2\x80\xa7\xe2\x80\xaa\""},
        {"a\xff", "\"a" FFFD "\""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_text t = {0};
        pst_text_add_json(&t, pst_slice_str(rows[i].in));
        assert_text(&t, rows[i].out, i);
        pst_text_free(&t);
    }
    struct pst_text t = {0};
    pst_text_add_json(&t, pst_slice_of("a\0b", 3));
    assert_text(&t, "\"a\\u0000b\"", 0);
    pst_text_free(&t);
}

/* RFC 3629 4: what is no UTF-8; The Unicode Standard 3.9: one U+FFFD for each maximal subpart. */
static void test_text_add__invalid_utf8__replaced(void **state)
{
    (void)state;
    static const struct {
        const char *in, *out;
    } rows[] = {
        /* lone continuation and impossible bytes */
        {"\x80", FFFD},
        {"\xbf\xbf", FFFD FFFD},
        {"a\x80z", "a" FFFD "z"},
        {"\xfe\xff", FFFD FFFD},
        {"\xf5\x80\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf8\x88\x80\x80\x80", FFFD FFFD FFFD FFFD FFFD},
        /* overlong */
        {"\xc0\x80", FFFD FFFD},
        {"\xc0\xaf", FFFD FFFD},
        {"\xc1\xbf", FFFD FFFD},
        {"\xe0\x80\xaf", FFFD FFFD FFFD},
        {"\xe0\x9f\xbf", FFFD FFFD FFFD},
        {"\xf0\x80\x80\xaf", FFFD FFFD FFFD FFFD},
        {"\xf0\x8f\xbf\xbf", FFFD FFFD FFFD FFFD},
        {"\xe0\xa0\x80", "\xe0\xa0\x80"},
        {"\xf0\x90\x80\x80", "\xf0\x90\x80\x80"},
        /* an overlong "<" is not a "<" */
        {"\xc0\xbc", FFFD FFFD},
        /* surrogates */
        {"\xed\xa0\x80", FFFD FFFD FFFD},
        {"\xed\xbf\xbf", FFFD FFFD FFFD},
        {"\xed\x9f\xbf", "\xed\x9f\xbf"},
        {"\xee\x80\x80", "\xee\x80\x80"},
        /* beyond U+10FFFF */
        {"\xf4\x90\x80\x80", FFFD FFFD FFFD FFFD},
        {"\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf"},
        /* cut short: at the end, and by what follows, which keeps its meaning */
        {"\xc3", FFFD},
        {"\xe2\x82", FFFD},
        {"\xf0\x9f\x98", FFFD},
        {"\xf0\x9f", FFFD},
        {"\xf0", FFFD},
        {"\xc3z", FFFD "z"},
        {"\xe2\x82z", FFFD "z"},
        {"\xf0\x9f\x98z", FFFD "z"},
        {"\xe2\xe2\x82\xac", FFFD "\xe2\x82\xac"},
        {"\xf0\x9f\xc3\xa9", FFFD "\xc3\xa9"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_text html = {0}, json = {0}, quoted = {0};
        pst_text_add_html(&html, pst_slice_str(rows[i].in));
        assert_text(&html, rows[i].out, i);
        pst_text_add_json(&json, pst_slice_str(rows[i].in));
        pst_text_addf(&quoted, "\"%s\"", rows[i].out);
        pst_text_adds(&quoted, "");
        assert_true(pst_slice_eq(pst_slice_of(json.ptr, json.len), pst_slice_of(quoted.ptr, quoted.len)));
        pst_text_free(&html);
        pst_text_free(&json);
        pst_text_free(&quoted);
    }
    struct pst_text t = {0};
    pst_text_add_html(&t, PST_SLICE("\xe2\x82<"));
    assert_text(&t, FFFD "&lt;", 0);
    pst_text_free(&t);
}

/* Every code point, encoded here by arithmetic, passes; every surrogate does not. */
static void test_text_add_html__every_code_point__passes_unless_surrogate(void **state)
{
    (void)state;
    for (unsigned code = 0x80; code <= 0x10ffff; code++) {
        char utf8[4];
        size_t len = 0;
        if (code < 0x800) {
            utf8[len++] = (char)(0xc0 | code >> 6);
        } else if (code < 0x10000) {
            utf8[len++] = (char)(0xe0 | code >> 12);
            utf8[len++] = (char)(0x80 | (code >> 6 & 0x3f));
        } else {
            utf8[len++] = (char)(0xf0 | code >> 18);
            utf8[len++] = (char)(0x80 | (code >> 12 & 0x3f));
            utf8[len++] = (char)(0x80 | (code >> 6 & 0x3f));
        }
        utf8[len++] = (char)(0x80 | (code & 0x3f));

        static struct pst_text t;
        t.len = 0;
        pst_text_add_html(&t, pst_slice_of(utf8, len));
        bool same = pst_slice_eq(pst_slice_of(t.ptr, t.len), pst_slice_of(utf8, len));
        assert_int_equal(same, code < 0xd800 || code > 0xdfff);
        if (code == 0x10ffff)
            pst_text_free(&t);
    }
}

/* RFC 3986 2.1, 2.3 */
static void test_text_add_percent__every_byte__all_but_unreserved(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        for (int keep_slash = 0; keep_slash < 2; keep_slash++) {
            struct pst_text t = {0}, expected = {0};
            char byte = (char)c;
            bool is_plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                            c == '-' || c == '.' || c == '_' || c == '~' || (keep_slash && c == '/');
            pst_text_add_percent(&t, pst_slice_of(&byte, 1), keep_slash);
            pst_text_addf(&expected, is_plain ? "%c" : "%%%02X", c);
            assert_true(pst_slice_eq(pst_slice_of(t.ptr, t.len), pst_slice_of(expected.ptr, expected.len)));
            pst_text_free(&t);
            pst_text_free(&expected);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text_add__many_pieces__all_there_in_order),
        cmocka_unit_test(test_text_add__nothing__nothing),
        cmocka_unit_test(test_text_addf__every_length_round_the_room__whole),
        cmocka_unit_test(test_text_add__more_than_there_can_be__failed_for_good),
        cmocka_unit_test(test_text_add_html__table__escaped),
        cmocka_unit_test(test_text_add_json__table__escaped),
        cmocka_unit_test(test_text_add__invalid_utf8__replaced),
        cmocka_unit_test(test_text_add_html__every_code_point__passes_unless_surrogate),
        cmocka_unit_test(test_text_add_percent__every_byte__all_but_unreserved),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
