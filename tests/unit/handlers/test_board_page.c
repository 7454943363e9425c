/* The message board's HTML, from posts that would like to be more than text.
 *
 * Run with the word "bench" it measures instead: what one page costs, in microseconds of CPU. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <time.h>

#include "handlers/assets.h"
#include "handlers/board_page.h"

static const struct pst_board_look look = {
    .title = "Talk & <more>", .base = "/board", .has_pictures = true, .picture_bytes = 10 << 20};
static const char key[] = "0123456789abcdef0123456789abcdef";

/* A post of a name and a message; its fields live as long as the struct. */
struct sample {
    struct pst_post_field fields[2];
    struct pst_post_file file;
    struct pst_post post;
};

static void make(struct sample *s, uint64_t id, const char *name, const char *message)
{
    *s = (struct sample){
        .fields = {{PST_SLICE("name"), pst_slice_str(name)}, {PST_SLICE("message"), pst_slice_str(message)}},
        .post = {.id = id, .time_ms = INT64_C(1767323045678), .field_count = 2}};
    s->post.fields = s->fields;
}

static void add_file(struct sample *s, unsigned number, uint64_t size)
{
    s->file = (struct pst_post_file){.number = number, .size = size};
    memset(s->file.hash, 'a', 64);
    s->post.files = &s->file;
    s->post.file_count = 1;
}

static const char *ended(struct pst_text *t)
{
    pst_text_add(t, pst_slice_of("", 1));
    assert_false(t->failed);
    return t->ptr;
}

static void assert_has(const char *text, const char *what)
{
    if (!strstr(text, what))
        fail_msg("no [%s] in:\n%s", what, text);
}

static void assert_lacks(const char *text, const char *what)
{
    if (strstr(text, what))
        fail_msg("[%s] in:\n%s", what, text);
}

/* ---- one message ---- */

static void test_board_message__plain__exactly_this(void **state)
{
    (void)state;
    struct sample s;
    struct pst_text t = {0};
    make(&s, 7, " Zoë ", "one\ntwo ");
    pst_board_add_message(&t, &look, &s.post, false);
    assert_string_equal(
        ended(&t),
        "<li class=\"message\" id=\"m7\">\n"
        "<div class=\"head\"><span class=\"face f5\" aria-hidden=\"true\"><bdi>Z</bdi></span>"
        "<h3 class=\"by\"><bdi>Zoë</bdi></h3>"
        "<a class=\"when\" href=\"/board/7\"><time datetime=\"2026-01-02T03:04:05Z\">2 Jan 2026, 03:04 UTC"
        "</time></a></div>\n"
        "<p class=\"text\" dir=\"auto\">one\ntwo</p>\n</li>\n");
    pst_text_free(&t);
}

static void test_board_message__markup__is_text(void **state)
{
    (void)state;
    struct sample s;
    struct pst_text t = {0};
    make(&s, 1, "\"><script>alert(1)</script>", "</p><img src=x onerror='alert(2)'>&amp;\x01\xff");
    add_file(&s, 1, 5);
    pst_board_add_message(&t, &look, &s.post, true);
    const char *html = ended(&t);
    assert_lacks(html, "<script");
    assert_lacks(html, "<img src=x");
    assert_lacks(html, "by \">");
    assert_has(html, "alt=\"Picture by &quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;\"");
    assert_has(html,
               "&lt;/p&gt;&lt;img src=x onerror=&#39;alert(2)&#39;&gt;&amp;amp;\xef\xbf\xbd\xef\xbf\xbd</p>");
    pst_text_free(&t);
}

static void test_board_message__odd_posts__still_a_message(void **state)
{
    (void)state;
    static const struct {
        const char *name, *message, *expected, *unexpected;
    } rows[] = {
        {"", "m", "<bdi>Somebody</bdi></h3>", "<bdi></bdi>"},
        {" \t\r\n", "m", "<bdi>S</bdi>", "\t"},
        {"n", "", "<bdi>n</bdi></h3>", "class=\"text\""},
        {"n", " \r\n ", "<bdi>n</bdi></h3>", "class=\"text\""},
        {"\xe9\x96\x80x", "m", "<bdi>\xe9\x96\x80</bdi></span>", "<bdi>\xe9</bdi>"},
        {"\xff\xff", "m", "<bdi>\xef\xbf\xbd</bdi></span>", "\xff"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sample s;
        struct pst_text t = {0};
        make(&s, UINT64_MAX, rows[i].name, rows[i].message);
        pst_board_add_message(&t, &look, &s.post, false);
        const char *html = ended(&t);
        assert_has(html, "id=\"m18446744073709551615\"");
        assert_has(html, rows[i].expected);
        assert_lacks(html, rows[i].unexpected);
        pst_text_free(&t);
    }
    struct pst_text t = {0};
    pst_board_add_message(&t, &look, &(struct pst_post){.id = 3, .time_ms = -1}, false); /* of no form */
    assert_has(ended(&t), "Somebody");
    assert_lacks(t.ptr, "<time");
    pst_text_free(&t);
}

static void test_board_message__picture__only_the_first_file(void **state)
{
    (void)state;
    static const struct {
        unsigned number;
        uint64_t size;
        bool has_pictures, is_shown;
    } rows[] = {{1, 5, true, true}, {2, 5, true, false}, {1, 0, true, false}, {1, 5, false, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct sample s;
        struct pst_text t = {0};
        struct pst_board_look own = look;
        own.has_pictures = rows[i].has_pictures;
        make(&s, 12, "n", "m");
        add_file(&s, rows[i].number, rows[i].size);
        pst_board_add_message(&t, &own, &s.post, false);
        const char *html = ended(&t);
        if (rows[i].is_shown)
            assert_has(
                html,
                "<a class=\"picture\" href=\"/board/12/picture?v=aaaaaaaaaaaaaaaa\">"
                "<img src=\"/board/12/picture?v=aaaaaaaaaaaaaaaa\" alt=\"Picture by n\" loading=\"lazy\"");
        else
            assert_lacks(html, "picture");
        pst_text_free(&t);
    }
}

static void test_board_message__local__can_be_removed(void **state)
{
    (void)state;
    struct sample s;
    struct pst_text t = {0};
    make(&s, 12, "A & B", "m");
    pst_board_add_message(&t, &look, &s.post, true);
    assert_has(ended(&t), "<form class=\"remove\" method=\"post\" action=\"/board/12/remove\"><button>Remove"
                          "<span class=\"unseen\"> the message by A &amp; B</span></button></form>\n</li>");
    pst_text_free(&t);
}

static void test_board_event__is_json_of_the_message(void **state)
{
    (void)state;
    struct sample s;
    struct pst_text t = {0};
    make(&s, 9, "n", "a\n\"<b>");
    pst_board_add_event(&t, &look, &s.post);
    const char *json = ended(&t);
    assert_int_equal(
        strncmp(json, "{\"id\":9,\"html\":\"\\u003cli class=\\\"message\\\" id=\\\"m9\\\"\\u003e\\n", 60), 0);
    assert_has(json, "a\\n\\u0026quot;\\u0026lt;b\\u0026gt;\\u003c/p\\u003e");
    assert_string_equal(json + strlen(json) - 13, "/li\\u003e\\n\"}");
    assert_null(strchr(json, '\n'));
    pst_text_free(&t);
}

/* ---- pages ---- */

/* The page of these many messages, ids from 100 downwards; free() the result's text. */
static struct pst_board_page render(const struct pst_board_look *own, const struct pst_board_place *place,
                                    size_t count, bool is_more, bool is_local)
{
    static struct sample samples[3];
    struct pst_post posts[3];
    struct pst_board_page page;
    for (size_t i = 0; i < count; i++) {
        make(&samples[i], 100 - i, "n", "m");
        posts[i] = samples[i].post;
    }
    const struct pst_board_list list = {posts, count, is_more, count > 0 ? 1234 : 0, is_local, "abc-5"};
    pst_board_page_render(&page, own, place, &list);
    assert_false(page.html.failed);
    return page;
}

static const char *compose(struct pst_text *t, const struct pst_board_page *page,
                           const struct pst_board_draft *draft)
{
    pst_text_free(t);
    pst_board_page_compose(t, page, &look, draft, key);
    return ended(t);
}

static void test_board_page__newest__is_whole_and_holds_nothing_inline(void **state)
{
    (void)state;
    struct pst_text t = {0};
    struct pst_board_page page = render(&look, &(struct pst_board_place){0}, 3, false, false);
    const char *html = compose(&t, &page, NULL);
    assert_int_equal(strncmp(html, "<!DOCTYPE html>\n<html lang=\"en\">", 32), 0);
    assert_has(html, "<title>Talk &amp; &lt;more&gt;</title>");
    assert_has(html, "<h1>Talk &amp; &lt;more&gt;</h1>");
    assert_has(html, "<main id=\"board\" data-base=\"/board\" data-position=\"abc-5\" data-newest>");
    assert_has(html, "name=\"_idempotency_key\" value=\"0123456789abcdef0123456789abcdef\">");
    assert_has(html, "<span id=\"count\">1234</span> in all");
    assert_has(html, "method=\"post\" action=\"/board\" enctype=\"multipart/form-data\"");
    assert_has(html, "at most 10 MiB");
    assert_has(html, "<p id=\"error\" class=\"error\" role=\"alert\" tabindex=\"-1\" hidden></p>");
    assert_has(html, "class=\"pages\" aria-label=\"Pages of messages\" hidden>");
    assert_lacks(html, "<style");
    assert_lacks(html, "style=");
    assert_lacks(html, "<script>");
    assert_lacks(html, "onclick");
    assert_lacks(html, "Remove");
    assert_lacks(html, "00000000000000000000000000000000");
    assert_true(strstr(html, "id=\"m100\"") < strstr(html, "id=\"m99\""));
    assert_string_equal(html + strlen(html) - 8, "</html>\n");
    pst_text_free(&t);
    pst_board_page_free(&page);
}

static void test_board_page__assets__are_named_by_their_contents(void **state)
{
    (void)state;
    static const char *const names[] = {"board.css", "board.js", "board.svg"};
    struct pst_text t = {0};
    struct pst_board_page page = render(&look, &(struct pst_board_place){0}, 0, false, false);
    const char *html = compose(&t, &page, NULL);
    for (size_t i = 0; i < 3; i++) {
        char address[64];
        const struct pst_asset *asset = pst_asset_find(pst_slice_str(names[i]));
        assert_non_null(asset);
        assert_true(asset->len > 100);
        assert_int_equal(strlen(asset->tag), 16);
        assert_int_equal(strlen(asset->etag), 18);
        (void)snprintf(address, sizeof address, "\"/board/%s?v=%s\"", names[i], asset->tag);
        assert_has(html, address);
    }
    assert_null(pst_asset_find(PST_SLICE("board.cs")));
    assert_null(pst_asset_find(PST_SLICE("")));
    pst_text_free(&t);
    pst_board_page_free(&page);
}

static void test_board_page__places__links_where_there_is_more(void **state)
{
    (void)state;
    static const char newest[] = "href=\"/board\">Newest", newer[] = "href=\"/board?after=100\">Newer",
                      older[] = "href=\"/board?before=98\">Older";
    static const struct {
        struct pst_board_place place;
        bool is_more, has_newest, has_newer, has_older;
    } rows[] = {
        {{0}, false, false, false, false},        {{0}, true, false, false, true},
        {{.below = 101}, true, true, true, true}, {{.below = 101}, false, true, true, false},
        {{.above = 97}, true, true, true, true},  {{.id = 100}, false, true, false, false},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text t = {0};
        struct pst_board_page page = render(&look, &rows[i].place, 3, rows[i].is_more, false);
        const char *html = compose(&t, &page, NULL);
        if (!!strstr(html, newest) != rows[i].has_newest || !!strstr(html, newer) != rows[i].has_newer ||
            !!strstr(html, older) != rows[i].has_older)
            fail_msg("row %zu:\n%s", i, strstr(html, "<nav"));
        pst_text_free(&t);
        pst_board_page_free(&page);
    }
}

static void test_board_page__empty__says_so(void **state)
{
    (void)state;
    struct pst_text t = {0};
    struct pst_board_page page = render(&look, &(struct pst_board_place){0}, 0, false, false);
    assert_has(compose(&t, &page, NULL), "<p id=\"empty\" class=\"empty\">Nobody has written yet.");
    pst_board_page_free(&page);
    page = render(&look, &(struct pst_board_place){.below = 5}, 0, false, false);
    const char *html = compose(&t, &page, NULL);
    assert_has(html, "<p id=\"empty\" class=\"empty\">");
    assert_lacks(html, "?before=");
    pst_text_free(&t);
    pst_board_page_free(&page);
}

static void test_board_page__at_the_root_and_without_pictures(void **state)
{
    (void)state;
    const struct pst_board_look own = {.title = "T", .base = ""};
    struct pst_text t = {0};
    struct pst_board_page page = render(&own, &(struct pst_board_place){.below = 101}, 1, true, true);
    const char *html = compose(&t, &page, NULL);
    assert_has(html, "action=\"/\" enctype=\"application/x-www-form-urlencoded\"");
    assert_has(html, "href=\"/?before=100\"");
    assert_has(html, "action=\"/100/remove\"");
    assert_has(html, "src=\"/board.js?v=");
    assert_has(html, "data-base=\"\" data-position=\"abc-5\" data-local>");
    assert_has(html, "dir=\"auto\" required>");
    assert_lacks(html, "type=\"file\"");
    pst_text_free(&t);
    pst_board_page_free(&page);
}

static void test_board_page__refused__shows_why_and_what_was_typed(void **state)
{
    (void)state;
    struct pst_text t = {0}, plain = {0};
    struct pst_board_page page = render(&look, &(struct pst_board_place){0}, 3, false, false);
    struct pst_board_draft draft = {.reason = "too <long>",

                                    .name = PST_SLICE("\"Zoë\""),
                                    .message = PST_SLICE("\n</textarea><b>")};
    const char *html = compose(&t, &page, &draft);
    assert_has(html, "autofocus>Your message was not posted: too &lt;long&gt;.</p>");
    assert_has(html, " value=\"&quot;Zoë&quot;\"></p>");
    assert_has(html, ">\n\n&lt;/textarea&gt;&lt;b&gt;</textarea>");
    assert_has(html, "value=\"0123456789abcdef0123456789abcdef\">");
    assert_lacks(html, "go back");
    assert_has(html, "id=\"m98\"");
    /* All but the form is as on the page without it. */
    const char *without = compose(&plain, &page, NULL);
    assert_string_equal(strstr(html, "<p><label for=\"picture\""),
                        strstr(without, "<p><label for=\"picture\""));
    assert_memory_equal(html, without, (size_t)(strstr(without, "<p id=\"error\"") - without));

    draft = (struct pst_board_draft){.reason = "slow down", .is_lost = true};
    html = compose(&t, &page, &draft);
    assert_has(html, "not posted: slow down. To find what you typed again, go back");
    pst_text_free(&t);
    pst_text_free(&plain);
    pst_board_page_free(&page);
}

static void test_board_count_chars__counts_what_a_person_sees(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t count;
    } rows[] = {{"", 0},       {"abc", 3},   {"Zoë", 3}, {"\xe9\x96\x80\xf0\x9f\x9a\xaa", 2},
                {"a\r\nb", 3}, {"a\rb\n", 4}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_int_equal(pst_board_count_chars(pst_slice_str(rows[i].text)), rows[i].count);
}

/* ---- the bench ---- */

static int64_t cpu_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

enum { BENCH_POSTS = 50, BENCH_ROUNDS = 5000 };

static int bench(void)
{
    static struct sample samples[BENCH_POSTS];
    static struct pst_post posts[BENCH_POSTS];
    static const char message[] =
        "The gate was shut when we came, so we took the small door. It's narrower than I'd thought: "
        "mind your head & your hat.\r\n\r\nZoë says the lamp burns until <midnight>; after that you knock.";
    for (unsigned i = 0; i < BENCH_POSTS; i++) {
        make(&samples[i], 1000 - i, i % 3 ? "Zoë from the night watch" : "Ida", message);
        if (i % 5 == 0)
            add_file(&samples[i], 1, 100000);
        posts[i] = samples[i].post;
    }
    const struct pst_board_list list = {posts, BENCH_POSTS, true, 4321, true, "0123456789abcdef-77"};
    struct pst_board_page page = {0};
    struct pst_text text = {0};
    int64_t begin = cpu_ns();
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        pst_board_page_free(&page);
        pst_board_page_render(&page, &look, &(struct pst_board_place){0}, &list);
    }
    int64_t middle = cpu_ns();
    for (int i = 0; i < BENCH_ROUNDS; i++) {
        pst_text_free(&text);
        pst_board_page_compose(&text, &page, &look, NULL, key);
    }
    int64_t end = cpu_ns();
    printf("a page of %d messages, %zu bytes: rendered in %.1f us, from the cache in %.1f us\n", BENCH_POSTS,
           text.len, (double)(middle - begin) / 1000 / BENCH_ROUNDS,
           (double)(end - middle) / 1000 / BENCH_ROUNDS);
    pst_text_free(&text);
    pst_board_page_free(&page);
    return 0;
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board_message__plain__exactly_this),
        cmocka_unit_test(test_board_message__markup__is_text),
        cmocka_unit_test(test_board_message__odd_posts__still_a_message),
        cmocka_unit_test(test_board_message__picture__only_the_first_file),
        cmocka_unit_test(test_board_message__local__can_be_removed),
        cmocka_unit_test(test_board_event__is_json_of_the_message),
        cmocka_unit_test(test_board_page__newest__is_whole_and_holds_nothing_inline),
        cmocka_unit_test(test_board_page__assets__are_named_by_their_contents),
        cmocka_unit_test(test_board_page__places__links_where_there_is_more),
        cmocka_unit_test(test_board_page__empty__says_so),
        cmocka_unit_test(test_board_page__at_the_root_and_without_pictures),
        cmocka_unit_test(test_board_page__refused__shows_why_and_what_was_typed),
        cmocka_unit_test(test_board_count_chars__counts_what_a_person_sees),
    };
    if (argc > 1 && strcmp(argv[1], "bench") == 0)
        return bench();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
