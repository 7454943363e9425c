/* The boxes' pages, with posts that would like to be more than text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "handlers/posts_html.h"
#include "handlers/posts_page.h"

#define EVIL "\"'><script>alert(1)</script><img src=x onerror=y>&amp;\x01"

static const struct pst_posts_view local = {
    .prefix = "/post/", .box = "contact", .origin = "http://localhost:8080", .is_local = true};
static const struct pst_posts_view visitor = {
    .prefix = "/post/", .box = "contact", .origin = "http://h", .is_public = true};

static const char *finish(struct pst_text *t)
{
    pst_text_add(t, pst_slice_of("", 1));
    assert_false(t->failed);
    return t->ptr;
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in: %s", part, text);
}

static size_t count_of(const char *text, const char *part)
{
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        count++;
    return count;
}

static struct pst_post evil_post(struct pst_post_field *field, struct pst_post_file *file)
{
    *field = (struct pst_post_field){PST_SLICE(EVIL), PST_SLICE(EVIL)};
    *file = (struct pst_post_file){.number = 1,
                                   .name = PST_SLICE(EVIL),
                                   .file_name = PST_SLICE("\"><script>x"),
                                   .type = PST_SLICE("image/png;" EVIL),
                                   .size = 2048};
    return (struct pst_post){.id = 7,
                             .time_ms = INT64_C(1767323045678),
                             .type = PST_SLICE(EVIL),
                             .address = PST_SLICE("192.0.2.1" EVIL),
                             .body = PST_SLICE(EVIL),
                             .fields = field,
                             .field_count = 1,
                             .files = file,
                             .file_count = 1};
}

static void test_posts_page_post__markup_everywhere__is_text(void **state)
{
    (void)state;
    for (int is_alone = 0; is_alone < 2; is_alone++) {
        struct pst_post_field field;
        struct pst_post_file file;
        struct pst_post post = evil_post(&field, &file);
        struct pst_text t = {0};
        pst_posts_page_post(&t, &local, &post, is_alone);
        const char *page = finish(&t);
        assert_has_not(page, "<script");
        assert_has_not(page, "\"'");
        assert_has_not(page, "\x01");
        assert_int_equal(count_of(page, "&lt;script&gt;alert(1)&lt;/script&gt;"), 5);
        assert_int_equal(count_of(page, "<img"), is_alone);
        assert_has(page, "<time datetime=\"2026-01-02T03:04:05.678Z\">2026-01-02 03:04:05 UTC</time>");
        assert_has(page, "<a download href=\"/post/contact/7/files/1\">&quot;&gt;&lt;script&gt;x</a>");
        assert_has(page, "2.0 KiB");
        pst_text_free(&t);
    }
}

static void test_posts_page_post__not_local__no_address_and_no_button(void **state)
{
    (void)state;
    struct pst_post_field field;
    struct pst_post_file file;
    struct pst_post post = evil_post(&field, &file);
    struct pst_text t = {0};
    pst_posts_page_post(&t, &visitor, &post, true);
    const char *page = finish(&t);
    assert_has_not(page, "192.0.2.1");
    assert_has_not(page, "<form");
    assert_has(page, "/files/1");
    t.len = 0;
    pst_posts_page_post(&t, &local, &post, true);
    page = finish(&t);
    assert_has(page, "from 192.0.2.1");
    assert_has(page, "<form method=\"post\" action=\"/post/contact/7/delete\">");
    pst_text_free(&t);
}

static void test_posts_page_post__long_values__whole_on_their_own_page(void **state)
{
    (void)state;
    static char value[5001];
    for (size_t i = 0; i + 2 < sizeof value; i += 2)
        memcpy(value + i, "\xc3\xa9", 2);
    value[0] = value[1] = 'x';
    memmove(value, value + 1, sizeof value - 1); /* so that characters begin at odd places */
    const struct pst_post_field field = {PST_SLICE("f"), pst_slice_str(value)};
    const struct pst_post post = {.id = 3, .fields = &field, .field_count = 1};
    struct pst_text t = {0};
    pst_posts_page_post(&t, &visitor, &post, false);
    const char *page = finish(&t);
    assert_has(page, "\xc3\xa9&hellip; <a href=\"/post/contact/3\">The whole of post 3</a></dd>");
    assert_true(t.len < 1300);
    assert_has_not(page, "\xef\xbf\xbd"); /* no character was cut in two */
    t.len = 0;
    pst_posts_page_post(&t, &visitor, &post, true);
    page = finish(&t);
    assert_has(page, value);
    assert_has_not(page, "hellip");
    pst_text_free(&t);
}

static void test_html_add_json__texts__indented_and_escaped(void **state)
{
    (void)state;
    static const struct {
        const char *json, *html;
    } rows[] = {
        {"1", "1"},
        {" null ", "null"},
        {"{}", "{}"},
        {"[ ]", "[]"},
        {"{\"a\":[1,2],\"b\" : { } }", "{\n  &quot;a&quot;: [\n    1,\n    2\n  ],\n  &quot;b&quot;: {}\n}"},
        {"\"a \\\" b: [<c>, ]\\\\\"", "&quot;a \\&quot; b: [&lt;c&gt;, ]\\\\&quot;"},
        {"[[],[\r\n[-1.5e3]],\"\"]", "[\n  [],\n  [\n    [\n      -1.5e3\n    ]\n  ],\n  &quot;&quot;\n]"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_html_add_json(&t, pst_slice_str(rows[i].json));
        assert_string_equal(finish(&t), rows[i].html);
        pst_text_free(&t);
    }
}

/* Brackets alone must not make a page of a thousand times their length. */
static void test_html_add_json__deep__bounded(void **state)
{
    (void)state;
    static char json[60001];
    memset(json, '[', 1000);
    for (size_t i = 1000; i < 59000; i += 2)
        memcpy(json + i, "1,", 2);
    json[58999] = ']';
    memset(json + 59000, ']', 999);
    struct pst_text t = {0};
    pst_html_add_json(&t, pst_slice_str(json));
    assert_false(t.failed);
    assert_true(t.len < sizeof json * 35);
    pst_text_free(&t);
}

static void test_posts_page_post__long_json__as_it_came(void **state)
{
    (void)state;
    enum { MOST = 65536 };
    static char json[MOST + 2];
    memset(json, ' ', sizeof json);
    memcpy(json, "[1,2", 4);
    for (size_t len = MOST; len <= MOST + 1; len++) {
        struct pst_text t = {0};
        json[MOST - 1] = len == MOST ? ']' : ' ';
        json[len - 1] = ']';
        const struct pst_post post = {
            .id = 1, .type = PST_SLICE("application/json"), .body = pst_slice_of(json, len)};
        pst_posts_page_post(&t, &visitor, &post, true);
        assert_has(finish(&t), len == MOST ? "<pre>\n[\n  1,\n  2\n]</pre>" : "<pre>\n[1,2 ");
        pst_text_free(&t);
    }
}

static void test_posts_page_pager__places__links(void **state)
{
    (void)state;
    static const struct {
        bool is_first;
        uint64_t next, limit;
        const char *newest, *older; /* NULL: not there */
    } rows[] = {
        {true, 0, 0, NULL, NULL},
        {true, 5, 0, NULL, "<a rel=\"next\" href=\"/post/contact?before=5\">"},
        {true, 5, 10, NULL, "<a rel=\"next\" href=\"/post/contact?before=5&amp;limit=10\">"},
        {false, 5, 0, "<a href=\"/post/contact\">", "<a rel=\"next\" href=\"/post/contact?before=5\">"},
        {false, 0, 10, "<a href=\"/post/contact?limit=10\">", NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        pst_posts_page_pager(&t, &visitor, rows[i].is_first, rows[i].next, rows[i].limit);
        const char *html = finish(&t);
        if (rows[i].newest)
            assert_has(html, rows[i].newest);
        else
            assert_has_not(html, "Newest");
        if (rows[i].older)
            assert_has(html, rows[i].older);
        else
            assert_has_not(html, "rel=\"next\"");
        pst_text_free(&t);
    }
}

static void test_posts_page_how__declared_fields__in_the_example(void **state)
{
    (void)state;
    struct pst_submission_field fields[] = {
        {PST_SLICE("e-mail"), true}, {PST_SLICE("'; rm -rf ~; '"), false}, {PST_SLICE("text"), false}};
    const struct pst_box rules = {.rules = {.fields = fields, .field_count = 3}};
    const struct pst_box with_files = {.rules = {.max_files = 1}};
    struct pst_posts_view view = local;
    struct pst_text t = {0};
    pst_posts_page_how(&t, &view);
    const char *html = finish(&t);
    assert_has(html, "curl --data 'name=Ada' --data 'message=Hello' http://localhost:8080/post/contact<");
    assert_has(html, "&lt;form method=\"post\" action=\"/post/contact\"&gt;");
    t.len = 0;
    view.rules = &rules;
    pst_posts_page_how(&t, &view);
    html = finish(&t);
    assert_has(html, "curl --data 'e-mail=Ada' --data 'text=Hello' http");
    assert_has(html, "&lt;input name=\"text\"&gt;");
    assert_has_not(html, "rm -rf");
    assert_has_not(html, "multipart");
    t.len = 0;
    view.rules = &with_files;
    pst_posts_page_how(&t, &view);
    html = finish(&t);
    assert_has(html, "enctype=\"multipart/form-data\"&gt;");
    assert_has(html, "curl --form 'name=Ada' --form 'message=Hello' --form 'file=@picture.png' http");
    pst_text_free(&t);
}

static void test_posts_page__frame__no_scripts_nor_inline_styles(void **state)
{
    (void)state;
    struct pst_text t = {0};
    pst_posts_page_refusal(&t, &visitor, 403, "<b>");
    const char *html = finish(&t);
    assert_has(html, "<!DOCTYPE html>\n<html lang=\"en\">");
    assert_has(html, "<link rel=\"stylesheet\" href=\"/post/_/style.css?v=");
    assert_has(html, "<title>Forbidden</title>");
    assert_has(html, "<h1>Forbidden</h1>\n<p>&lt;b&gt;</p>");
    assert_has_not(html, "<style");
    assert_has_not(html, "<script");
    assert_has_not(html, "All boxes");
    pst_text_free(&t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_page_post__markup_everywhere__is_text),
        cmocka_unit_test(test_posts_page_post__not_local__no_address_and_no_button),
        cmocka_unit_test(test_posts_page_post__long_values__whole_on_their_own_page),
        cmocka_unit_test(test_html_add_json__texts__indented_and_escaped),
        cmocka_unit_test(test_html_add_json__deep__bounded),
        cmocka_unit_test(test_posts_page_post__long_json__as_it_came),
        cmocka_unit_test(test_posts_page_pager__places__links),
        cmocka_unit_test(test_posts_page_how__declared_fields__in_the_example),
        cmocka_unit_test(test_posts_page__frame__no_scripts_nor_inline_styles),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
