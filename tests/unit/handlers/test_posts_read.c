/* Reading boxes: formats, pages, who may, removing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/json.h>

#include "support/posts_rig.h"

#define HERE  "127.0.0.1"
#define THERE "192.0.2.1"

static int set_up(void **state)
{
    struct posts_rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    posts_rig_init(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    posts_rig_fini(*state);
    free(*state);
    return 0;
}

static void fill(struct posts_rig *rig, const char *box, unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        (void)store_rig_post(rig->store.store, box, "hello");
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in: %s", part, text);
}

static void assert_status(const char *answer, int status)
{
    if (posts_rig_status(answer) != status)
        fail_msg("no %d, but: %s", status, answer);
}

/* ---- formats ---- */

static void test_posts_get__accept_and_format__what_comes(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        const char *target, *accept, *type; /* type NULL: 400 */
    } rows[] = {
        {"/post/open", NULL, "application/json"},
        {"/post/open", "*/*", "application/json"},
        {"/post/open", "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8",
         "text/html; charset=utf-8"},
        {"/post/open", "application/json", "application/json"},
        {"/post/open", "text/csv", "text/csv; charset=utf-8; header=present"},
        {"/post/open", "application/x-ndjson", "application/x-ndjson"},
        {"/post/open", "image/png", "application/json"},
        {"/post/open", "text/html;q=0, */*", "application/json"},
        {"/post/open", "text/html;q=0.5\r\nAccept: text/csv", "text/csv; charset=utf-8; header=present"},
        {"/post/open?format=html", "application/json", "text/html; charset=utf-8"},
        {"/post/open?format=json", "text/html", "application/json"},
        {"/post/open?format=csv", "text/html", "text/csv; charset=utf-8; header=present"},
        {"/post/open?format=ndjson", "text/html", "application/x-ndjson"},
        {"/post/open?format=xml", "*/*", NULL},
        {"/post/open?limit=200", "*/*", "application/json"},
        {"/post/open?limit=201", "*/*", NULL},
        {"/post/open?limit=201&format=html", "*/*", NULL},
        {"/post/open?limit=201&format=csv", "*/*", "text/csv; charset=utf-8; header=present"},
        {"/post/open?limit=0", "*/*", NULL},
        {"/post/open?before=x", "*/*", NULL},
        {"/post/open/1", "*/*", "application/json"},
        {"/post/open/1", "text/html", "text/html; charset=utf-8"},
        {"/post/open/1", "text/csv", "application/json"},
        {"/post/open/1?format=csv", "*/*", NULL},
        {"/post/", "*/*", "application/json"},
        {"/post/", "text/html", "text/html; charset=utf-8"},
        {"/post/?format=ndjson", "*/*", NULL},
    };
    fill(rig, "open", 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char fields[200] = "";
        if (rows[i].accept)
            (void)snprintf(fields, sizeof fields, "Accept: %s\r\n", rows[i].accept);
        const char *answer = posts_rig_gets(rig, rows[i].target, fields);
        if (posts_rig_status(answer) != (rows[i].type ? 200 : 400))
            fail_msg("%s, %s: %s", rows[i].target, fields, answer);
        if (rows[i].type)
            assert_string_equal(posts_rig_field(answer, "Content-Type"), rows[i].type);
        else
            assert_has(posts_rig_body(answer), "{\"error\":400,\"reason\":\"");
        assert_string_equal(posts_rig_field(answer, "Vary"), "Accept");
        assert_string_equal(posts_rig_field(answer, "X-Content-Type-Options"), "nosniff");
    }
}

static void test_posts_get__pages__carry_their_policy(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        const char *target, *cache, *resource;
    } rows[] = {
        {"/post/open", "no-cache", ""},
        {"/post/shut", "no-store", "same-origin"},
        {"/post/", "no-store", "same-origin"},
        {"/post/shut/9", "no-store", "same-origin"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = posts_rig_gets(rig, rows[i].target, "Accept: text/html\r\n");
        assert_string_equal(posts_rig_field(answer, "Cache-Control"), rows[i].cache);
        assert_string_equal(posts_rig_field(answer, "Cross-Origin-Resource-Policy"), rows[i].resource);
        assert_string_equal(posts_rig_field(answer, "Referrer-Policy"), "same-origin");
        assert_string_equal(posts_rig_field(answer, "Content-Security-Policy"),
                            "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; "
                            "base-uri 'none'; frame-ancestors 'none'");
    }
    const char *answer = posts_rig_ask(rig, THERE, "GET /post/_/style.css", "Host: example.com\r\n");
    assert_status(answer, 200);
    assert_has(posts_rig_field(answer, "Content-Type"), "text/css");
}

static void test_posts_get__json__page_and_post(void **state)
{
    struct posts_rig *rig = *state;
    char expected[400], when[40];
    fill(rig, "open", 2);
    const char *answer = posts_rig_gets(rig, "/post/open/2", "");
    const char *time = strstr(posts_rig_body(answer), "\"time\":\"");
    assert_non_null(time);
    (void)snprintf(when, sizeof when, "%.24s", time + 8);
    (void)snprintf(expected, sizeof expected,
                   "{\"id\":2,\"time\":\"%s\",\"type\":\"multipart/form-data\",\"address\":\"\","
                   "\"fields\":{\"text\":\"hello\"},\"files\":[]}\n",
                   when);
    assert_string_equal(posts_rig_body(answer), expected);
    answer = posts_rig_gets(rig, "/post/open?limit=1", "");
    assert_string_equal(posts_rig_field(answer, "Link"), "</post/open?before=2&limit=1>; rel=\"next\"");
    (void)snprintf(expected, sizeof expected,
                   "{\"box\":\"open\",\"count\":2,\"posts\":[\n{\"id\":2,\"time\":\"%s\","
                   "\"type\":\"multipart/form-data\",\"address\":\"\",\"fields\":{\"text\":\"hello\"},"
                   "\"files\":[]}\n],\"next\":\"/post/open?before=2\\u0026limit=1\"}\n",
                   when);
    assert_string_equal(posts_rig_body(answer), expected);
    answer = posts_rig_gets(rig, "/post/open?before=1", "");
    assert_string_equal(posts_rig_field(answer, "Link"), "");
    assert_string_equal(posts_rig_body(answer),
                        "{\"box\":\"open\",\"count\":2,\"posts\":[\n],\"next\":null}\n");
}

static void test_posts_head__as_get_without_its_body(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const targets[] = {"/post/",       "/post/open",   "/post/open?format=csv",
                                          "/post/open/1", "/post/open/2", "/post/open?format=x"};
    fill(rig, "open", 1);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char line[100], length[40], type[100];
        const char *answer = posts_rig_gets(rig, targets[i], "");
        int status = posts_rig_status(answer);
        (void)snprintf(length, sizeof length, "%s", posts_rig_field(answer, "Content-Length"));
        (void)snprintf(type, sizeof type, "%s", posts_rig_field(answer, "Content-Type"));
        (void)snprintf(line, sizeof line, "HEAD %s", targets[i]);
        answer = posts_rig_ask(rig, HERE, line, "");
        assert_status(answer, status);
        assert_string_equal(posts_rig_field(answer, "Content-Length"), length);
        assert_string_equal(posts_rig_field(answer, "Content-Type"), type);
        assert_string_equal(posts_rig_body(answer), "");
    }
}

/* ---- pages ---- */

/* Follows "next" from page to page: all posts, newest first, each once. */
static void test_posts_get__pages__every_post_once(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        unsigned posts, limit, pages;
    } rows[] = {{0, 0, 1},   {1, 0, 1},   {50, 0, 1},  {51, 0, 2},  {51, 1, 51},
                {51, 16, 4}, {51, 17, 3}, {51, 51, 1}, {51, 200, 1}};
    unsigned there = 0;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char target[100] = "/post/open";
        unsigned expected = rows[i].posts, pages = 0;
        fill(rig, "open", rows[i].posts - there);
        there = rows[i].posts;
        if (rows[i].limit > 0)
            (void)snprintf(target, sizeof target, "/post/open?limit=%u", rows[i].limit);
        while (target[0] != '\0') {
            const char *answer = posts_rig_gets(rig, target, "");
            pages++;
            for (const char *at = answer; (at = strstr(at, "{\"id\":")) != NULL; at++)
                assert_int_equal(strtoul(at + 6, NULL, 10), expected--);
            const char *link = posts_rig_field(answer, "Link");
            (void)snprintf(target, sizeof target, "%.*s", (int)strcspn(link, ">"), link);
            memmove(target, target + (target[0] == '<'), sizeof target - 1);
        }
        assert_int_equal(expected, 0);
        assert_int_equal(pages, rows[i].pages);
    }
}

static void test_posts_get__next__keeps_the_format_that_the_url_said(void **state)
{
    struct posts_rig *rig = *state;
    fill(rig, "open", 2);
    const char *answer = posts_rig_gets(rig, "/post/open?format=json&limit=1", "Accept: text/html\r\n");
    assert_has(posts_rig_field(answer, "Link"), "</post/open?before=2&limit=1&format=json>");
    answer = posts_rig_gets(rig, "/post/open?limit=1", "Accept: text/html\r\n");
    assert_string_equal(posts_rig_field(answer, "Link"), "</post/open?before=2&limit=1>; rel=\"next\"");
    assert_has(answer, "<a rel=\"next\" href=\"/post/open?before=2&amp;limit=1\">");
}

/* However large the posts are, a page stays within bounds, and says where to go on. */
static void test_posts_get__large_posts__shorter_pages(void **state)
{
    struct posts_rig *rig = *state;
    enum { LEN = 500000, POSTS = 40 };
    char *text = malloc(LEN + 1);
    assert_non_null(text);
    memset(text, 'x', LEN);
    text[LEN] = '\0';
    for (int i = 0; i < POSTS; i++)
        (void)store_rig_post(rig->store.store, "open", text);
    const char *answer = posts_rig_gets(rig, "/post/open", "");
    assert_status(answer, 200);
    /* 2 MiB, and the one that goes over them. */
    assert_true(strlen(answer) > 5 * LEN && strlen(answer) < 5 * (LEN + 1000));
    assert_has(posts_rig_field(answer, "Link"), "before=36>");
    assert_has(answer, "\n{\"id\":36,");
    answer = posts_rig_gets(rig, "/post/open?before=36&limit=2", "");
    assert_has(answer, "\n{\"id\":35,");
    assert_has(posts_rig_field(answer, "Link"), "before=34&");
    free(text);
}

/* ---- who may ---- */

static void test_posts_get__who__table(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        const char *address, *fields;
        bool is_local;
    } who[] = {
        {HERE, "", true},
        {"::1", "Host: [::1]:8080\r\n", true},
        {HERE, "Host: example.com\r\n", false}, /* DNS rebinding */
        {HERE, "X-Forwarded-For: 127.0.0.1\r\n", false},
        {HERE, "Forwarded: for=127.0.0.1\r\n", false},
        {HERE, "Via: 1.1 x\r\n", false},
        {THERE, "", false},
        {THERE, "Host: example.com\r\n", false},
    };
    static const struct {
        const char *target;
        int status; /* for the person at this machine */
        bool is_public;
    } what[] = {
        {"/post/", 200, false},
        {"/post/open", 200, true},
        {"/post/open?format=csv", 200, true},
        {"/post/open/1", 200, true},
        {"/post/open/2", 404, true},
        {"/post/open/1/files/1", 404, true},
        {"/post/shut", 200, false},
        {"/post/shut?format=ndjson", 200, false},
        {"/post/shut/1", 200, false},
        {"/post/shut/2", 404, false},
        {"/post/shut/1/files/1", 404, false},
        {"/post/kept", 200, false}, /* not declared, but in the store */
        {"/post/kept/1", 200, false},
        {"/post/none", 404, false},
        {"/post/none?format=csv", 404, false},
        {"/post/none/1", 404, false},
        {"/post/none?format=x", 400, false},
    };
    fill(rig, "open", 1);
    fill(rig, "shut", 1);
    fill(rig, "kept", 1);
    struct pst_text refusal = {0};
    for (size_t i = 0; i < sizeof who / sizeof who[0]; i++) {
        for (size_t k = 0; k < sizeof what / sizeof what[0]; k++) {
            char line[100];
            (void)snprintf(line, sizeof line, "GET %s", what[k].target);
            const char *answer = posts_rig_ask(rig, who[i].address, line, who[i].fields);
            int status = who[i].is_local || what[k].is_public ? what[k].status : 403;
            if (posts_rig_status(answer) != status)
                fail_msg("%s from %s with %s: no %d, but %s", line, who[i].address, who[i].fields, status,
                         answer);
            if (status != 403)
                continue;
            /* Every refusal is the same: it tells nothing of what is there. */
            if (!refusal.ptr) {
                pst_text_adds(&refusal, answer);
                pst_text_add(&refusal, pst_slice_of("", 1));
            }
            assert_string_equal(answer, refusal.ptr);
            assert_has(answer, "--box NAME:public");
        }
    }
    pst_text_free(&refusal);
    const char *page = posts_rig_ask(rig, THERE, "GET /post/shut", "Accept: text/html\r\n");
    assert_has(page, "<h1>Forbidden</h1>");
}

static void test_posts_get__public_box__addresses_only_for_the_local_person(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const targets[] = {"/post/open", "/post/open/1", "/post/open?format=ndjson"};
    struct pst_draft *draft = store_rig_draft(rig->store.store, "open");
    struct pst_draft_head head = {.box = PST_SLICE("open"),
                                  .type = PST_SLICE("text/plain"),
                                  .address = PST_SLICE("198.51.100.7"),
                                  .may_make_box = true};
    struct pst_receipt receipt;
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    assert_int_equal(pst_draft_body(draft, PST_SLICE("hello")), 0);
    assert_int_equal(store_rig_commit(rig->store.store, draft, &receipt), 0);
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        for (int is_html = 0; is_html < 2; is_html++) {
            char line[100];
            const char *accept = is_html ? "Accept: text/html\r\n" : "";
            (void)snprintf(line, sizeof line, "GET %s", targets[i]);
            const char *answer = posts_rig_ask(rig, THERE, line, accept);
            assert_has(answer, "hello");
            assert_null(strstr(answer, "198.51.100.7"));
            assert_null(strstr(answer, "/delete"));
            assert_null(strstr(answer, "address"));
            assert_has(posts_rig_ask(rig, HERE, line, accept), "198.51.100.7");
        }
    }
}

/* ---- lists ---- */

static void test_posts_get__boxes__declared_and_stored(void **state)
{
    struct posts_rig *rig = *state;
    fill(rig, "kept", 1);
    fill(rig, "open", 2);
    const char *body = posts_rig_body(posts_rig_gets(rig, "/post/", ""));
    assert_int_equal(pst_json_check(pst_slice_str(body), 8, NULL), 0);
    const char *kept = strstr(body, "{\"name\":\"kept\",\"count\":1,\"bytes\":");
    const char *open = strstr(body, "{\"name\":\"open\",\"count\":2,\"bytes\":");
    const char *shut = strstr(body, "{\"name\":\"shut\",\"count\":0,\"bytes\":0,\"newest\":null,"
                                    "\"declared\":true,\"public\":false,\"url\":\"/post/shut\"}");
    assert_non_null(kept);
    assert_non_null(open);
    assert_non_null(shut);
    assert_true(kept < open && open < shut); /* by name */
    assert_has(kept, "\"declared\":false,\"public\":false,\"url\":\"/post/kept\"},\n");
    assert_has(open, "\"declared\":true,\"public\":true,\"url\":\"/post/open\"},\n");
    body = posts_rig_gets(rig, "/post/", "Accept: text/html\r\n");
    assert_has(body, "<a href=\"/post/kept\">kept</a>");
    assert_has(body, "<td class=\"wide\">anybody</td>");
}

static void test_posts_get__empty_box__says_how_to_post(void **state)
{
    struct posts_rig *rig = *state;
    const char *page = posts_rig_gets(rig, "/post/shut", "Accept: text/html\r\nHost: localhost:8080\r\n");
    assert_has(page, "Nothing has been posted here yet.");
    assert_has(page, "curl --data 'name=Ada' --data 'message=Hello' http://localhost:8080/post/shut<");
    page = posts_rig_ask(rig, THERE, "GET /post/open", "Accept: text/html\r\n");
    assert_has(page, "Nothing has been posted here yet.");
    assert_null(strstr(page, "curl"));
}

static void test_posts_get__nothing_of_ours__404(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const targets[] = {"/post/A",        "/post/open/",         "/post/open/0",
                                          "/post/open/1/x", "/post/open/1/delete", "/post/_/x"};
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_status(posts_rig_gets(rig, targets[i], ""), 404);
}

/* ---- removing ---- */

static void test_posts_delete__who_and_what__table(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        const char *address, *line, *fields;
        int status;
    } rows[] = {
        {THERE, "DELETE /post/open/1", "", 403},
        {HERE, "DELETE /post/open/1", "Host: example.com\r\n", 403},
        {HERE, "DELETE /post/open/1", "X-Forwarded-For: 127.0.0.1\r\n", 403},
        {HERE, "DELETE /post/open/1", "Origin: http://evil.example\r\n", 403},
        {HERE, "DELETE /post/open/1", "Sec-Fetch-Site: cross-site\r\n", 403},
        {HERE, "DELETE /post/open/1", "Sec-Fetch-Site: same-site\r\n", 403},
        {THERE, "POST /post/open/1/delete", "Content-Length: 0\r\n", 403},
        {HERE, "POST /post/open/1/delete", "Content-Length: 0\r\nOrigin: http://evil.example\r\n", 403},
        {HERE, "POST /post/open/1/delete", "Content-Length: 0\r\nSec-Fetch-Site: cross-site\r\n", 403},
        {HERE, "DELETE /post/open", "", 404},
        {HERE, "DELETE /post/", "", 404},
        {HERE, "DELETE /post/open/1/files/1", "", 404},
        {HERE, "DELETE /post/open/9", "", 404},
        {HERE, "DELETE /post/none/1", "", 404},
        {HERE, "POST /post/open/9/delete", "Content-Length: 0\r\n", 404},
        {HERE, "POST /post/open/1", "Content-Length: 0\r\n", 404},
        {HERE, "GET /post/open/1", "", 200}, /* still there */
        {HERE, "DELETE /post/open/1", "", 204},
        {HERE, "GET /post/open/1", "", 404},
        {HERE, "DELETE /post/open/1", "", 404},
        {HERE, "GET /post/open/2", "", 200},
        {HERE, "POST /post/open/2/delete", "Content-Length: 0\r\nSec-Fetch-Site: same-origin\r\n", 303},
        {HERE, "GET /post/open/2", "", 404},
        {HERE, "DELETE /post/open/3", "Origin: http://localhost\r\n", 204},
    };
    fill(rig, "open", 3);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *answer = posts_rig_ask(rig, rows[i].address, rows[i].line, rows[i].fields);
        if (posts_rig_status(answer) != rows[i].status)
            fail_msg("row %zu: %s: %s", i, rows[i].line, answer);
        if (rows[i].status == 303)
            assert_string_equal(posts_rig_field(answer, "Location"), "/post/open");
    }
}

/* ---- somebody goes ---- */

static void test_posts_get__peer_leaves_before_the_store_answers__nothing_is_left(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const targets[] = {"/post/", "/post/open", "/post/open/1", "/post/open/1/files/1",
                                          "/post/open?format=csv"};
    (void)posts_rig_file(rig, "open", PST_SLICE("a"), "text/plain", PST_SLICE("abc"));
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char request[200];
        struct pair *p = posts_rig_visit(rig, &(struct pair_options){.address = HERE});
        (void)snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: localhost\r\n\r\n", targets[i]);
        pair_says(p, request);
        assert_int_equal(rig->w.worker.jobs.open, 1);
        pair_end(p, PST_IO_ERR);
        test_worker_turns(&rig->w, 1);
        assert_true(p->is_gone);
        pair_free(p);
        test_worker_jobs(&rig->w);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_posts_get__accept_and_format__what_comes),
        TEST(test_posts_get__pages__carry_their_policy),
        TEST(test_posts_get__json__page_and_post),
        TEST(test_posts_head__as_get_without_its_body),
        TEST(test_posts_get__pages__every_post_once),
        TEST(test_posts_get__next__keeps_the_format_that_the_url_said),
        TEST(test_posts_get__large_posts__shorter_pages),
        TEST(test_posts_get__who__table),
        TEST(test_posts_get__public_box__addresses_only_for_the_local_person),
        TEST(test_posts_get__boxes__declared_and_stored),
        TEST(test_posts_get__empty_box__says_how_to_post),
        TEST(test_posts_get__nothing_of_ours__404),
        TEST(test_posts_delete__who_and_what__table),
        TEST(test_posts_get__peer_leaves_before_the_store_answers__nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
