/* Posting to a box: what a program is answered, what a browser, and what is in the store then. Over
 * connections in memory, with a real store. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/posts.h"
#include "support/bare_exchange.h"
#include "support/pair.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

#define FORM    "Content-Type: application/x-www-form-urlencoded\r\n"
#define BROWSER "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"

struct fixture {
    struct store_rig rig;
    struct test_worker w;
    struct pst_posts *posts;
    struct pst_text got;
};

static void declare(struct fixture *f, const char *spec)
{
    char why[256];
    if (pst_posts_box(f->posts, spec, why, sizeof why) != 0)
        fail_msg("%s: %s", spec, why);
}

static int set_up(void **state)
{
    static struct fixture f;
    const struct pst_posts_options options = {.auto_boxes = false};
    memset(&f, 0, sizeof f);
    store_rig_init(&f.rig);
    store_rig_open(&f.rig);
    test_worker_init(&f.w);
    assert_int_equal(pst_posts_new(&f.posts, f.rig.store, &options), 0);
    declare(&f, "plain");
    declare(&f, "strict:fields=name!+text,honeypot=url,next=/sent.html?x=1&y,rate=2");
    declare(&f, "files:files,max-files=2,max-file=1K,from=https://friend.example");
    declare(&f, "full:box-bytes=1K");
    assert_int_equal(pst_posts_mount(f.posts, f.w.server, "/post/"), 0);
    test_worker_start(&f.w);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    test_worker_jobs(&f->w);
    test_worker_fini(&f->w);
    pst_posts_free(f->posts);
    store_rig_fini(&f->rig);
    pst_text_free(&f->got);
    return 0;
}

/* The whole answer to a request. address: NULL: not this machine's. */
static const char *ask_from(struct fixture *f, const char *address, const char *method_and_path,
                            const char *fields, const char *body)
{
    char head[2048];
    (void)snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: %s\r\nContent-Length: %zu\r\n%s\r\n",
                   method_and_path, address ? "localhost" : "h", strlen(body), fields);
    struct pair *p = pair_new(&(struct pair_options){.address = address});
    assert_int_equal(pst_connection_open(&f->w.driver, pair_transport(p), &p->connection), 0);
    pair_says(p, head);
    pair_says(p, body);
    test_worker_jobs(&f->w);
    test_worker_turns(&f->w, 2);
    f->got.len = 0;
    pair_take_all(p, &f->got);
    pst_text_add(&f->got, pst_slice_of("", 1));
    assert_false(f->got.failed);
    if (!p->is_gone)
        pair_end(p, PST_IO_ERR);
    test_worker_turns(&f->w, 2);
    assert_true(p->is_gone);
    pair_free(p);
    test_worker_jobs(&f->w);
    return f->got.ptr;
}

static const char *ask(struct fixture *f, const char *method_and_path, const char *fields, const char *body)
{
    return ask_from(f, NULL, method_and_path, fields, body);
}

static const char *ask_here(struct fixture *f, const char *method_and_path, const char *fields,
                            const char *body)
{
    return ask_from(f, "127.0.0.1", method_and_path, fields, body);
}

static void assert_has(const char *text, const char *part)
{
    if (!strstr(text, part))
        fail_msg("\"%s\" is not in:\n%s", part, text);
}

static void assert_has_not(const char *text, const char *part)
{
    if (strstr(text, part))
        fail_msg("\"%s\" is in:\n%s", part, text);
}

static uint64_t count_of(struct fixture *f, const char *box)
{
    struct pst_box_info *boxes;
    size_t count;
    uint64_t posts = 0;
    assert_int_equal(pst_store_boxes(f->rig.store, &boxes, &count), 0);
    for (size_t i = 0; i < count; i++) {
        if (strcmp(boxes[i].name, box) == 0)
            posts = boxes[i].count;
    }
    free(boxes);
    return posts;
}

/* ---- stored ---- */

static void test_post__program__201_with_where_it_is(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, "POST /post/plain", FORM, "name=Ada&text=Hello%21");
    assert_has(answer, "HTTP/1.1 201 Created\r\n");
    assert_has(answer, "\r\nLocation: /post/plain/1\r\n");
    assert_has(answer, "\r\nContent-Type: application/json\r\n");
    assert_has(answer, "\r\nCache-Control: no-store\r\n");
    assert_has(answer, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_has(answer, "\r\nReferrer-Policy: same-origin\r\n");
    assert_has(answer, "\r\n\r\n{\"id\":1,\"box\":\"plain\",\"time\":\"2");
    assert_has(answer, "Z\",\"url\":\"/post/plain/1\"}");
    struct pst_post_page *page = store_rig_read(f->rig.store, "plain", 1);
    assert_int_equal(page->count, 1);
    const struct pst_post *post = &page->posts[0];
    assert_true(pst_slice_eq(post->type, PST_SLICE("application/x-www-form-urlencoded")));
    assert_true(pst_slice_eq(post->address, PST_SLICE("192.0.2.1")));
    assert_int_equal(post->field_count, 2);
    assert_true(pst_slice_eq(post->fields[1].name, PST_SLICE("text")));
    assert_true(pst_slice_eq(post->fields[1].value, PST_SLICE("Hello!")));
    pst_post_page_free(page);
    assert_has(ask(f, "POST /post/plain", "Content-Type: application/json\r\n", "[1]"),
               "Location: /post/plain/2\r\n");
}

static void test_post__browser__303_to_thanks_or_next(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, "POST /post/plain", FORM BROWSER, "a=1");
    assert_has(answer, "HTTP/1.1 303 See Other\r\n");
    assert_has(answer, "\r\nLocation: /post/plain/thanks\r\n");
    answer = ask(f, "POST /post/strict", FORM BROWSER, "name=x");
    assert_has(answer, "HTTP/1.1 303 See Other\r\n");
    assert_has(answer, "\r\nLocation: /sent.html?x=1&y\r\n");
    assert_int_equal(count_of(f, "plain"), 1);
    assert_int_equal(count_of(f, "strict"), 1);
}

static void test_post__thanks__a_page_that_can_do_nothing(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, "GET /post/any/thanks", "", "");
    assert_has(answer, "HTTP/1.1 200 OK\r\n");
    assert_has(answer, "Content-Security-Policy: default-src 'none'");
    assert_has(answer, "X-Content-Type-Options: nosniff\r\n");
    assert_has(answer, "Referrer-Policy: same-origin\r\n");
    assert_has(answer, "<h1>Thank you</h1>");
}

static void test_post__files__stored_whole(void **state)
{
    struct fixture *f = *state;
    assert_has(ask(f, "POST /post/files", "Content-Type: multipart/form-data; boundary=b\r\n",
                   "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"../a b.txt\"\r\n"
                   "Content-Type: text/plain\r\n\r\ncontents\r\n--b--"),
               "201 Created");
    assert_true(store_rig_file_is(f->rig.store, "files", 1, 1, "contents", 8));
    struct pst_post_page *page = store_rig_read(f->rig.store, "files", 1);
    assert_true(pst_slice_eq(page->posts[0].files[0].file_name, PST_SLICE("../a b.txt")));
    assert_true(pst_slice_eq(page->posts[0].files[0].type, PST_SLICE("text/plain")));
    pst_post_page_free(page);
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
}

static void test_post__same_key_again__the_first_answer(void **state)
{
    struct fixture *f = *state;
    static const char type[] = "Content-Type: multipart/form-data; boundary=b\r\nIdempotency-Key: \"k\"\r\n";
    static const char body[] =
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\ncontents\r\n--b--";
    char first[4096];
    (void)snprintf(first, sizeof first, "%s", ask(f, "POST /post/files", type, body));
    assert_has(first, "201 Created");
    const char *again = ask(f, "POST /post/files", type, body);
    assert_string_equal(strstr(again, "\r\n\r\n"), strstr(first, "\r\n\r\n"));
    assert_has(again, "Location: /post/files/1\r\n");
    assert_int_equal(count_of(f, "files"), 1);
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
    assert_has(ask(f, "POST /post/files", FORM "Idempotency-Key: k\r\n", "a=1"), "422 ");
    assert_has(ask(f, "POST /post/files", FORM "Idempotency-Key: k2\r\n", "a=1"), "201 ");
}

static void test_post__honeypot__looks_stored_and_is_not(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, "POST /post/strict", FORM, "name=x&url=http://spam");
    assert_has(answer, "201 Created");
    assert_has(answer, "{\"box\":\"strict\",\"time\":\"");
    assert_has_not(answer, "Location");
    assert_has(ask(f, "POST /post/strict", FORM BROWSER, "name=x&url=http://spam"),
               "Location: /sent.html?x=1&y\r\n");
    assert_int_equal(count_of(f, "strict"), 0);
}

/* ---- refused ---- */

static void test_post__refused__json_or_a_page_with_the_reason(void **state)
{
    struct fixture *f = *state;
    const char *answer = ask(f, "POST /post/strict", FORM, "name=x&%3Cscript%3E=1");
    assert_has(answer, "HTTP/1.1 422 ");
    assert_has(answer, "\r\nContent-Type: application/json\r\n");
    assert_has(answer, "{\"error\":422,\"reason\":\"no field \\\"\\u003cscript\\u003e\\\" is taken here");
    answer = ask(f, "POST /post/strict", FORM BROWSER "Referer: http://h/form.html?a=\"b\"&c\r\n",
                 "name=x&%3Cscript%3E=1");
    assert_has(answer, "HTTP/1.1 422 ");
    assert_has(answer, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_has(answer, "\r\nContent-Security-Policy: default-src 'none'");
    assert_has(answer, "\r\nReferrer-Policy: same-origin\r\n");
    assert_has(answer, "no field &quot;&lt;script&gt;&quot; is taken here");
    assert_has(answer, "<a href=\"/form.html?a=&quot;b&quot;&amp;c\">Back</a>");
    assert_has_not(answer, "<script");
    assert_int_equal(count_of(f, "strict"), 0);
}

static void test_post__way_back__never_to_another_site(void **state)
{
    struct fixture *f = *state;
    static const char *const referers[] = {"http://evil.example/",
                                           "http://h//evil.example/",
                                           "http://h/\\evil.example/",
                                           "http://h/\t/evil.example/",
                                           "http://h:81/",
                                           "javascript:alert(1)",
                                           "http://h?x",
                                           "//h/"};
    for (size_t i = 0; i < sizeof referers / sizeof referers[0]; i++) {
        char fields[512];
        (void)snprintf(fields, sizeof fields, FORM BROWSER "Sec-Fetch-Site: same-origin\r\nReferer: %s\r\n",
                       referers[i]);
        const char *answer = ask(f, "POST /post/plain", fields, "");
        assert_has(answer, "HTTP/1.1 422 ");
        assert_has_not(answer, "<a href");
    }
}

static void test_post__too_often__429_with_a_time(void **state)
{
    struct fixture *f = *state;
    (void)ask(f, "POST /post/strict", FORM, "name=x");
    (void)ask(f, "POST /post/strict", FORM, "name=x");
    const char *answer = ask(f, "POST /post/strict", FORM, "name=x");
    assert_has(answer, "HTTP/1.1 429 ");
    assert_has(answer, "\r\nRetry-After: 30\r\n");
    assert_has(ask(f, "POST /post/strict", FORM BROWSER, "name=x"), "succeed in 30 seconds.");
    assert_has(ask(f, "POST /post/plain", FORM, "name=x"), "HTTP/1.1 201 ");
    assert_int_equal(count_of(f, "strict"), 2);
}

static void test_post__box_is_full__507_and_others_go_on(void **state)
{
    struct fixture *f = *state;
    char body[1500] = "a=";
    memset(body + 2, 'x', 1100);
    assert_has(ask(f, "POST /post/full", FORM, body), "HTTP/1.1 507 ");
    assert_has(ask(f, "POST /post/full", FORM, "a=1"), "HTTP/1.1 201 ");
    assert_has(ask(f, "POST /post/plain", FORM, body), "HTTP/1.1 201 ");
    assert_int_equal(count_of(f, "full"), 1);
}

static void test_post__file_too_large__413_and_nothing_left(void **state)
{
    struct fixture *f = *state;
    char body[2000];
    (void)snprintf(
        body, sizeof body,
        "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n%01025d\r\n--b--", 0);
    assert_has(ask(f, "POST /post/files", "Content-Type: multipart/form-data; boundary=b\r\n", body),
               "HTTP/1.1 413 ");
    assert_int_equal(count_of(f, "files"), 0);
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
    assert_int_equal(store_rig_names(&f->rig, "files"), 0);
}

static void test_post__other_sites__only_where_allowed(void **state)
{
    struct fixture *f = *state;
    assert_has(ask(f, "POST /post/plain", FORM "Origin: https://friend.example\r\n", "a=1"), "HTTP/1.1 403 ");
    assert_has(ask(f, "POST /post/files", FORM "Origin: https://friend.example\r\n", "a=1"), "HTTP/1.1 201 ");
    assert_has(ask(f, "POST /post/plain", FORM "Sec-Fetch-Site: cross-site\r\n", "a=1"), "HTTP/1.1 403 ");
    assert_int_equal(count_of(f, "plain"), 0);
}

/* ---- boxes that are not there ---- */

static void ask_bare(struct bare_exchange *b, const char *address, const char *path, const char *fields)
{
    char head[512];
    b->host.peer.address = address;
    (void)snprintf(head, sizeof head,
                   "POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: 3\r\n" FORM "%s\r\n", path,
                   fields);
    bare_request(b, head);
    pst_exchange_dispatch(b->ex);
}

static void assert_reply(const struct bare_exchange *b, int status, const char *part)
{
    assert_true(b->ex->is_replied);
    assert_int_equal(b->ex->reply.status, status);
    char text[4096];
    (void)snprintf(text, sizeof text, "%.*s", (int)b->ex->reply.length, b->ex->reply.bytes);
    assert_has(text, part);
}

static void test_post__unknown_box__only_the_person_here_is_told_how_to_have_it(void **state)
{
    struct fixture *f = *state;
    struct bare_exchange b;
    struct pst_posts *posts;
    bare_init(&b);
    assert_int_equal(pst_posts_new(&posts, f->rig.store, NULL), 0);
    assert_int_equal(pst_posts_mount(posts, b.w.server, "/p/"), 0);
    ask_bare(&b, "127.0.0.1", "/p/contact", "");
    assert_reply(&b, 404,
                 "there is no box contact: have the server started with --box contact, or with --boxes auto");
    ask_bare(&b, "127.0.0.1", "/p/contact", BROWSER);
    assert_reply(&b, 404, "there is no box contact: have the server started with --box contact");
    ask_bare(&b, "127.0.0.1", "/p/Con%22tact", "");
    assert_reply(&b, 404, "no box can have this name");
    ask_bare(&b, "192.0.2.1", "/p/contact", "");
    assert_reply(&b, 404, "there is nothing here to post to");
    ask_bare(&b, "127.0.0.1", "/p/contact", "X-Forwarded-For: 192.0.2.1\r\n");
    assert_reply(&b, 404, "there is nothing here to post to");
    bare_fini(&b);
    pst_posts_free(posts);
}

static void test_post__auto_boxes__made_by_the_first_post(void **state)
{
    struct fixture *f = *state;
    const struct pst_posts_options options = {.auto_boxes = true};
    struct pst_posts *posts;
    assert_int_equal(pst_posts_new(&posts, f->rig.store, &options), 0);
    char why[256];
    assert_int_equal(pst_posts_box(posts, "declared:fields=a", why, sizeof why), 0);
    assert_int_equal(pst_posts_mount(posts, f->w.server, "/auto/"), 0);
    assert_has(ask_here(f, "POST /auto/new", FORM, "x=1"), "Location: /auto/new/1\r\n");
    assert_has(
        ask_here(f, "POST /auto/new", "Content-Type: multipart/form-data; boundary=b\r\n",
                 "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\nc\r\n--b--"),
        "Location: /auto/new/2\r\n");
    assert_has(ask(f, "POST /auto/declared", FORM, "x=1"), "HTTP/1.1 422 ");
    assert_has(ask_here(f, "POST /auto/New", FORM, "x=1"), "HTTP/1.1 404 ");
    assert_has(ask_here(f, "POST /auto/new", FORM BROWSER, "x=1"), "Location: /auto/new/thanks\r\n");
    test_worker_jobs(&f->w);
    pst_posts_free(posts);
}

/* Not what comes from elsewhere, through a proxy or from a page that had its name made to point here, and not
 * what another handler keeps by rules of its own. */
static void test_post__auto_boxes__made_by_nobody_else(void **state)
{
    struct fixture *f = *state;
    const struct pst_posts_options options = {.auto_boxes = true, .reserved = "board"};
    struct pst_posts *posts;
    static const char only_here[] = "HTTP/1.1 403 ";
    assert_int_equal(pst_posts_new(&posts, f->rig.store, &options), 0);
    assert_int_equal(pst_posts_mount(posts, f->w.server, "/auto/"), 0);
    assert_has(ask(f, "POST /auto/new", FORM, "x=1"), only_here);
    assert_has(ask_from(f, "127.0.0.1", "POST /auto/new", FORM "X-Forwarded-For: 192.0.2.1\r\n", "x=1"),
               only_here);
    assert_has(
        ask_here(f, "POST http://evil.example/auto/new", FORM "Origin: http://evil.example\r\n", "x=1"),
        only_here);
    const char *answer = ask_here(f, "POST /auto/board", FORM, "message=x");
    assert_has(answer, "HTTP/1.1 404 ");
    assert_has(answer, "the message board's");
    assert_int_equal(count_of(f, "new") + count_of(f, "board"), 0);
    assert_has(ask_here(f, "POST /auto/new", FORM, "x=1"), "HTTP/1.1 201 ");
    pst_posts_free(posts);
}

static void test_post__no_more_boxes__declared_ones_are_still_made(void **state)
{
    struct fixture *f = *state;
    const struct pst_posts_options options = {.auto_boxes = true};
    struct pst_posts *posts;
    store_rig_close(&f->rig);
    f->rig.options.max_boxes = 1;
    store_rig_open(&f->rig);
    assert_int_equal(pst_posts_new(&posts, f->rig.store, &options), 0);
    char why[256];
    assert_int_equal(pst_posts_box(posts, "declared", why, sizeof why), 0);
    assert_int_equal(pst_posts_mount(posts, f->w.server, "/auto/"), 0);
    assert_has(ask_here(f, "POST /auto/one", FORM, "x=1"), "HTTP/1.1 201 ");
    assert_has(ask_here(f, "POST /auto/two", FORM, "x=1"), "HTTP/1.1 507 ");
    assert_has(ask(f, "POST /auto/declared", FORM, "x=1"), "HTTP/1.1 201 ");
    assert_has(ask_here(f, "POST /auto/one", FORM, "x=2"), "Location: /auto/one/2\r\n");
    pst_posts_free(posts);
}

/* ---- declaring and mounting ---- */

static void test_posts__declared_twice__said(void **state)
{
    struct fixture *f = *state;
    char why[256];
    assert_int_equal(pst_posts_box(f->posts, "plain:public", why, sizeof why), PST_E_EXISTS);
    assert_string_equal(why, "the box plain is declared twice");
    assert_int_equal(pst_posts_box(f->posts, "x:y", why, sizeof why), PST_E_SYNTAX);
    assert_false(pst_posts_find_box(f->posts, PST_SLICE("plain"))->is_public);
    assert_null(pst_posts_find_box(f->posts, PST_SLICE("x")));
}

static void test_posts__mount__prefixes_that_are_none(void **state)
{
    struct fixture *f = *state;
    struct pst_posts *posts;
    static const char *const prefixes[] = {"", "post", "/post", "post/"};
    assert_int_equal(pst_posts_new(&posts, f->rig.store, NULL), 0);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pst_posts_mount(posts, f->w.server, prefixes[i]), PST_E_SYNTAX);
    assert_int_equal(pst_posts_mount(posts, f->w.server, "/post/"), PST_E_EXISTS); /* another's */
    pst_posts_free(posts);
    assert_int_equal(pst_posts_mount(f->posts, f->w.server, "/other/"), PST_E_EXISTS);
    pst_posts_free(NULL);
}

int main(void)
{
#define POSTS(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        POSTS(test_post__program__201_with_where_it_is),
        POSTS(test_post__browser__303_to_thanks_or_next),
        POSTS(test_post__thanks__a_page_that_can_do_nothing),
        POSTS(test_post__files__stored_whole),
        POSTS(test_post__same_key_again__the_first_answer),
        POSTS(test_post__honeypot__looks_stored_and_is_not),
        POSTS(test_post__refused__json_or_a_page_with_the_reason),
        POSTS(test_post__way_back__never_to_another_site),
        POSTS(test_post__too_often__429_with_a_time),
        POSTS(test_post__box_is_full__507_and_others_go_on),
        POSTS(test_post__file_too_large__413_and_nothing_left),
        POSTS(test_post__other_sites__only_where_allowed),
        POSTS(test_post__unknown_box__only_the_person_here_is_told_how_to_have_it),
        POSTS(test_post__auto_boxes__made_by_the_first_post),
        POSTS(test_post__auto_boxes__made_by_nobody_else),
        POSTS(test_post__no_more_boxes__declared_ones_are_still_made),
        POSTS(test_posts__declared_twice__said),
        POSTS(test_posts__mount__prefixes_that_are_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
