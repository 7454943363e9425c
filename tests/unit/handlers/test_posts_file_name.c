/* What posted files are offered as: names and types that their senders chose. RFC 6266, RFC 8187. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "handlers/posts_file.h"

static void assert_text(struct pst_text *t, const char *expected)
{
    pst_text_add(t, pst_slice_of("", 1));
    assert_false(t->failed);
    assert_string_equal(t->ptr, expected);
    pst_text_free(t);
}

static void test_offered_name__names__harmless(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice given;
        const char *offered;
    } rows[] = {
        {{"a.png", 5}, "a.png"},
        {{"", 0}, "file"},
        {{NULL, 0}, "file"},
        {{"two words.txt", 13}, "two words.txt"},
        {{"\xc3\xa9t\xc3\xa9.txt", 9}, "\xc3\xa9t\xc3\xa9.txt"},
        {{"\xf0\x9f\x98\x80.png", 8}, "\xf0\x9f\x98\x80.png"},
        /* paths */
        {{"/etc/passwd", 11}, "passwd"},
        {{"../../x", 7}, "x"},
        {{"C:\\fakepath\\a.png", 17}, "a.png"},
        {{"..\\..\\a", 7}, "a"},
        {{"a/", 2}, "file"},
        {{"..", 2}, "file"},
        {{".", 1}, "file"},
        {{"...", 3}, "file"},
        {{"/", 1}, "file"},
        {{".bashrc", 7}, "bashrc"},
        {{" a. ", 4}, "a"},
        /* control bytes, also as UTF-8 has them */
        {{"a\r\nSet-Cookie: x=1", 18}, "aSet-Cookie: x=1"},
        {{"a\0b\t\x7f.png", 9}, "ab.png"},
        {{"a\xc2\x85\xc2\x9f"
          "b",
          6},
         "ab"},
        {{"\xc2\xa0"
          "b",
          3},
         "\xc2\xa0"
         "b"},
        {{"photo_\xe2\x80\xaegpj.exe", 16}, "photo_gpj.exe"},
        {{"\xe2\x80\x8e\xe2\x80\xa8\xe2\x81\xa6\xe2\x81\xa9x", 13}, "x"},
        {{"\n", 1}, "file"},
        /* no UTF-8: a stray byte, overlong, a surrogate, too high, cut */
        {{"a\xff"
          "b",
          3},
         "ab"},
        {{"\xc0\xaf"
          "b",
          3},
         "b"},
        {{"\xe0\x80\xaf"
          "b",
          4},
         "b"},
        {{"\xed\xa0\x80"
          "b",
          4},
         "b"},
        {{"\xf0\x80\x80\xaf"
          "b",
          5},
         "b"},
        {{"\xf4\x90\x80\x80"
          "b",
          5},
         "b"},
        {{"b\xe2\x82", 3}, "b"},
        {{"b\xe2", 2}, "b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_posts_add_offered_name(&t, rows[i].given);
        assert_text(&t, rows[i].offered);
    }
}

static void test_offered_name__long__cut_with_its_extension(void **state)
{
    (void)state;
    char given[600], expected[256];
    struct pst_text t = {0};
    memset(given, 'x', sizeof given);
    memset(expected, 'x', sizeof expected);
    pst_posts_add_offered_name(&t, pst_slice_of(given, 255));
    assert_int_equal(t.len, 255);
    pst_text_free(&t);
    pst_posts_add_offered_name(&t, pst_slice_of(given, 256));
    assert_int_equal(t.len, 255);
    pst_text_free(&t);
    memcpy(given + sizeof given - 4, ".png", 4);
    memcpy(expected + 251, ".png", 5);
    pst_posts_add_offered_name(&t, pst_slice_of(given, sizeof given));
    assert_text(&t, expected);
    /* In the middle of a character: 251 bytes are 125 of two bytes and a half. */
    for (size_t i = 0; i < 298; i++)
        memcpy(given + 2 * i, "\xc3\xa9", 2);
    for (size_t i = 0; i < 125; i++)
        memcpy(expected + 2 * i, "\xc3\xa9", 2);
    memcpy(expected + 250, ".png", 5);
    pst_posts_add_offered_name(&t, pst_slice_of(given, sizeof given));
    assert_text(&t, expected);
    /* A dot far from the end begins no extension. */
    memset(given, 'x', sizeof given);
    given[10] = '.';
    pst_posts_add_offered_name(&t, pst_slice_of(given, sizeof given));
    assert_int_equal(t.len, 255);
    pst_text_free(&t);
}

static void test_disposition__names__ascii_and_utf_8(void **state)
{
    (void)state;
    static const struct {
        const char *given, *value;
    } rows[] = {
        {"a.png", "attachment; filename=\"a.png\"; filename*=UTF-8''a.png"},
        {"", "attachment; filename=\"file\"; filename*=UTF-8''file"},
        {"\xe2\x82\xac 1.txt", "attachment; filename=\"_ 1.txt\"; filename*=UTF-8''%E2%82%AC%201.txt"},
        {"a\"; x=\"b", "attachment; filename=\"a_; x=_b\"; filename*=UTF-8''a%22%3B%20x%3D%22b"},
        {"50%41.txt", "attachment; filename=\"50_41.txt\"; filename*=UTF-8''50%2541.txt"},
        {"a'b*(c)", "attachment; filename=\"a'b*(c)\"; filename*=UTF-8''a%27b%2A%28c%29"},
        {"a\r\nX: y", "attachment; filename=\"aX: y\"; filename*=UTF-8''aX%3A%20y"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_posts_add_disposition(&t, pst_slice_str(rows[i].given));
        assert_text(&t, rows[i].value);
    }
}

static void test_safe_type__claims__only_what_cannot_act(void **state)
{
    (void)state;
    static const struct {
        const char *claimed, *type;
        bool is_picture;
    } rows[] = {
        {"image/png", "image/png", true},
        {"IMAGE/JPEG", "image/jpeg", true},
        {"image/webp; x=y", "image/webp", true},
        {"text/plain; charset=utf-16", "text/plain", false},
        {"application/pdf", "application/pdf", false},
        {"video/mp4", "video/mp4", false},
        {"image/svg+xml", "application/octet-stream", false},
        {"text/html", "application/octet-stream", false},
        {"text/plain\r\nX: y", "application/octet-stream", false},
        {"text/html;image/png", "application/octet-stream", false},
        {"application/javascript", "application/octet-stream", false},
        {"text/xml", "application/octet-stream", false},
        {"image/pngx", "application/octet-stream", false},
        {"", "application/octet-stream", false},
        {"image", "application/octet-stream", false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_string_equal(pst_posts_safe_type(pst_slice_str(rows[i].claimed)), rows[i].type);
        assert_int_equal(pst_posts_type_is_picture(pst_slice_str(rows[i].claimed)), rows[i].is_picture);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_offered_name__names__harmless),
        cmocka_unit_test(test_offered_name__long__cut_with_its_extension),
        cmocka_unit_test(test_disposition__names__ascii_and_utf_8),
        cmocka_unit_test(test_safe_type__claims__only_what_cannot_act),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
