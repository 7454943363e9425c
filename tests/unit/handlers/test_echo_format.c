/* The mirror's three ways of writing, with input that would like to be more than text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handlers/echo_format.h"

enum { TEXT, HTML, JSON };

static struct pst_echo_writer write_all(size_t which)
{
    struct pst_echo_writer w;
    pst_echo_begin(&w, which);
    pst_echo_section(&w, "request", false);
    pst_echo_pair(&w, PST_SLICE("method"), PST_SLICE("GET"));
    pst_echo_number(&w, "length", 42);
    pst_echo_section_end(&w);
    pst_echo_section(&w, "fields", true);
    pst_echo_pair(&w, PST_SLICE("X"), PST_SLICE("<b>\"\x1b[2J\n"));
    pst_echo_pair(&w, PST_SLICE("X"), PST_SLICE("2"));
    pst_echo_section_end(&w);
    pst_echo_section(&w, "form", true);
    pst_echo_section_end(&w);
    pst_echo_list(&w, "none");
    pst_echo_list_end(&w);
    pst_echo_list(&w, "parts");
    for (int i = 0; i < 2; i++) {
        pst_echo_item(&w);
        pst_echo_pair(&w, PST_SLICE("name"), i ? PST_SLICE("<i>\n") : PST_SLICE("a"));
        pst_echo_number(&w, "length", 7);
        pst_echo_item_end(&w);
    }
    pst_echo_list_end(&w);
    pst_echo_json(&w, "json", PST_SLICE("{\"a\": [1, \"<u>\"]}"));
    pst_echo_section(&w, "after", false);
    pst_echo_pair(&w, PST_SLICE("x"), PST_SLICE("y"));
    pst_echo_section_end(&w);
    pst_echo_text(&w, "text", PST_SLICE("one\r\n\ttwo\rthree\xc2\x9b"));
    pst_echo_end(&w);
    assert_false(w.text.failed);
    return w;
}

static void assert_text(struct pst_echo_writer *w, const char *expected)
{
    pst_text_add(&w->text, pst_slice_of("", 1));
    assert_string_equal(w->text.ptr, expected);
    pst_text_free(&w->text);
}

static void test_echo__text__control_bytes_are_shown(void **state)
{
    (void)state;
    struct pst_echo_writer w = write_all(TEXT);
    assert_text(&w, "request\n  method: GET\n  length: 42\n"
                    "fields\n  X: <b>\"\\x1b[2J\\n\n  X: 2\n"
                    "form\n"
                    "none\n"
                    "parts\n  - name: a\n    length: 7\n  - name: <i>\\n\n    length: 7\n"
                    "json\n{\"a\": [1, \"<u>\"]}\n"
                    "after\n  x: y\n"
                    "text\none\n\ttwo\\x0dthree\\xc2\x9b\n");
}

static void test_echo__json__names_may_repeat_in_lists(void **state)
{
    (void)state;
    struct pst_echo_writer w = write_all(JSON);
    assert_text(&w, "{\n"
                    "  \"request\": {\n    \"method\": \"GET\",\n    \"length\": 42\n  },\n"
                    "  \"fields\": [\n"
                    "    {\"name\": \"X\", \"value\": \"\\u003cb\\u003e\\\"\\u001b[2J\\n\"},\n"
                    "    {\"name\": \"X\", \"value\": \"2\"}\n  ],\n"
                    "  \"form\": [],\n"
                    "  \"none\": [],\n"
                    "  \"parts\": [\n"
                    "    {\n      \"name\": \"a\",\n      \"length\": 7\n    },\n"
                    "    {\n      \"name\": \"\\u003ci\\u003e\\n\",\n      \"length\": 7\n    }\n  ],\n"
                    "  \"json\": {\"a\": [1, \"<u>\"]},\n"
                    "  \"after\": {\n    \"x\": \"y\"\n  },\n"
                    "  \"text\": \"one\\r\\n\\ttwo\\rthree\\u009b\"\n}\n");
}

static void test_echo__html__nothing_is_markup(void **state)
{
    (void)state;
    struct pst_echo_writer w = write_all(HTML);
    pst_text_add(&w.text, pst_slice_of("", 1));
    assert_null(strstr(w.text.ptr, "<b>"));
    assert_non_null(strstr(w.text.ptr, "<th scope=\"row\">X</th><td>&lt;b&gt;&quot;"));
    assert_null(strstr(w.text.ptr, "<i>"));
    assert_null(strstr(w.text.ptr, "<u>"));
    assert_non_null(
        strstr(w.text.ptr, "<ol>\n<li><table>\n<tr><th scope=\"row\">name</th><td>a</td></tr>\n"));
    assert_non_null(strstr(w.text.ptr, "<td>7</td></tr>\n</table></li>\n</ol>\n</section>\n"));
    assert_non_null(strstr(w.text.ptr, "<pre>\n{&quot;a&quot;: [1, &quot;&lt;u&gt;&quot;]}</pre>"));
    assert_non_null(strstr(w.text.ptr, "<pre>\none\r\n\ttwo\rthree"));
    assert_null(strchr(w.text.ptr, '\x1b'));
    assert_non_null(strstr(w.text.ptr, "</html>\n"));
    pst_text_free(&w.text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo__text__control_bytes_are_shown),
        cmocka_unit_test(test_echo__json__names_may_repeat_in_lists),
        cmocka_unit_test(test_echo__html__nothing_is_markup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
