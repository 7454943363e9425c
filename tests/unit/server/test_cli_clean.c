/* Visitors' text on a terminal: nothing of it is obeyed, and lines have the width they are said to have. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "server/cli_clean.h"

static void expect(const struct pst_text *t, const char *wanted)
{
    assert_false(t->failed);
    if (!pst_slice_eq(pst_slice_of(t->ptr, t->len), pst_slice_str(wanted)))
        fail_msg("got \"%.*s\", not \"%s\"", (int)t->len, t->ptr ? t->ptr : "", wanted);
}

static void test_line__what_a_terminal_obeys__shown_as_escapes(void **state)
{
    (void)state;
    const struct {
        struct pst_slice text;
        const char *shown;
    } rows[] = {
        {PST_SLICE("plain text"), "plain text"},
        {PST_SLICE("\x1b]0;title\x07"), "\\x1b]0;title\\x07"},
        {PST_SLICE("a\x1b[2Jb\x7f"), "a\\x1b[2Jb\\x7f"},
        {PST_SLICE("\0a"), "\\x00a"},
        {PST_SLICE("\xc2\x9b"
                   "31m"),
         "\\u009b31m"}, /* C1's CSI, as UTF-8 */
        {PST_SLICE("\x9b"
                   "31m"),
         "\\x9b31m"}, /* the byte alone */
        {PST_SLICE("gpj.\xe2\x80\xae"
                   "exe"),
         "gpj.\\u202eexe"}, /* right-to-left override */
        {PST_SLICE("\xe2\x81\xa6\xe2\x81\xa9\xef\xbb\xbf"), "\\u2066\\u2069\\ufeff"},
        {PST_SLICE("\xf3\xa0\x81\x81"), "\\ue0041"}, /* a tag character */
        {PST_SLICE("Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80"), "Zo\xc3\xab \xe2\x82\xac \xf0\x9f\x98\x80"},
        {PST_SLICE("\xc0\xaf\xed\xa0\x80"), "\\xc0\\xaf\\xed\\xa0\\x80"}, /* overlong; a surrogate */
        {PST_SLICE("\xe0\x80\x80\xf4\x90\x80\x80"), "\\xe0\\x80\\x80\\xf4\\x90\\x80\\x80"},
        {PST_SLICE("cut \xe2\x82"), "cut \\xe2\\x82"},
        {PST_SLICE(" \t two\r\n\r\n lines \xe2\x80\xa8 more"), "two lines more"},
        {PST_SLICE(""), ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_cli_clean_line(&t, rows[i].text, 0);
        expect(&t, rows[i].shown);
        pst_text_free(&t);
    }
}

static void test_line__wider_than_there_is_room__cut_with_an_ellipsis(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t width, used;
        const char *shown;
    } rows[] = {
        {"abc", 3, 3, "abc"},
        {"abcd", 3, 3, "ab\xe2\x80\xa6"},
        {"abcd", 1, 1, "\xe2\x80\xa6"},
        {"Zo\xc3\xab", 3, 3, "Zo\xc3\xab"},
        {"Zo\xc3\xabs", 3, 3, "Zo\xe2\x80\xa6"},
        {"a\x1b[m", 4, 2, "a\xe2\x80\xa6"}, /* an escape is shown whole or not at all */
        {"a\x1b", 5, 5, "a\\x1b"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        assert_int_equal(pst_cli_clean_line(&t, pst_slice_str(rows[i].text), rows[i].width), rows[i].used);
        expect(&t, rows[i].shown);
        pst_text_free(&t);
    }
}

static void test_line__wide_and_combining_characters__count_as_the_terminal_does(void **state)
{
    (void)state;
    struct pst_text t = {0};
    pst_cli_clean_init();
    if (pst_cli_clean_line(&t, PST_SLICE("\xe6\x97\xa5"), 0) != 2) { /* no such locale here */
        pst_text_free(&t);
        skip();
    }
    t.len = 0;
    assert_int_equal(pst_cli_clean_line(&t, PST_SLICE("e\xcc\x81"), 1), 1);
    expect(&t, "e\xcc\x81");
    t.len = 0;
    assert_int_equal(pst_cli_clean_line(&t, PST_SLICE("\xe6\x97\xa5\xe6\x9c\xac"), 3), 3);
    expect(&t, "\xe6\x97\xa5\xe2\x80\xa6");
    t.len = 0; /* the wide one has to make room, and leaves a column */
    assert_int_equal(pst_cli_clean_line(&t, PST_SLICE("\xe6\x97\xa5x"), 2), 1);
    expect(&t, "\xe2\x80\xa6");
    pst_text_free(&t);
}

static void test_lines__indented__and_no_line_can_look_like_another_field(void **state)
{
    (void)state;
    static const struct {
        const char *text, *shown;
    } rows[] = {
        {"one", "    one\n"},
        {"one\r\ntwo\n\nthree\n", "    one\n    two\n\n    three\n"},
        {"tab\there", "    tab\there\n"},
        {"lone\rreturn \x1b[A", "    lone\\x0dreturn \\x1b[A\n"},
        {"", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_cli_clean_lines(&t, pst_slice_str(rows[i].text), "    ");
        expect(&t, rows[i].shown);
        pst_text_free(&t);
    }
}

static void test_json_and_csv__for_a_terminal__mean_the_same_and_command_nothing(void **state)
{
    (void)state;
    struct pst_text t = {0};
    pst_cli_clean_json(&t, PST_SLICE("{\"a\":\r\n \"\x7f\xc2\x9b\xe2\x80\xae\xf3\xa0\x81\x81 \xc3\xab\"}\n"));
    expect(&t, "{\"a\": \n \"\\u007f\\u009b\\u202e\\udb40\\udc41 \xc3\xab\"}\n");
    t.len = 0;
    pst_cli_clean_csv(&t, PST_SLICE("1,\"a\x1b[2J\r\nb\"\r\n\x9b\t,\r\n"));
    expect(&t, "1,\"a\xef\xbf\xbd[2J\r\nb\"\r\n\xef\xbf\xbd\t,\r\n");
    t.len = 0;
    pst_cli_clean_csv(&t, PST_SLICE("a\rb\n"));
    expect(&t, "a\xef\xbf\xbd"
               "b\n");
    pst_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_line__what_a_terminal_obeys__shown_as_escapes),
        cmocka_unit_test(test_line__wider_than_there_is_room__cut_with_an_ellipsis),
        cmocka_unit_test(test_line__wide_and_combining_characters__count_as_the_terminal_does),
        cmocka_unit_test(test_lines__indented__and_no_line_can_look_like_another_field),
        cmocka_unit_test(test_json_and_csv__for_a_terminal__mean_the_same_and_command_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
