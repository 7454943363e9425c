/* The message board over a connection in memory, with a real store behind it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/posts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/assets.h"
#include "support/pair.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

#define PNG "\x89PNG\r\n\x1a\n and the rest of it"

/* Who asks for this comes from this machine. */
#define LOCAL "localhost:8080"

struct bench {
    struct store_rig store;
    struct pst_board *board;
    struct test_worker w;
    struct pair *p;
    struct pst_text got;
};

static const struct pst_board_options two_a_page = {.page_posts = 2, .posts_per_minute = 1000};

static void start(struct bench *b, const struct pst_board_options *options)
{
    memset(b, 0, sizeof *b);
    store_rig_init(&b->store);
    store_rig_open(&b->store);
    assert_int_equal(pst_board_new(&b->board, b->store.store, options), 0);
    test_worker_init(&b->w);
    assert_int_equal(pst_board_mount(b->board, b->w.server, "/board"), 0);
    test_worker_start(&b->w);
}

static void open_connection(struct bench *b, const char *address)
{
    const struct pair_options options = {.address = address};
    b->got.len = 0;
    b->p = pair_new(&options);
    assert_int_equal(pst_connection_open(&b->w.driver, pair_transport(b->p), &b->p->connection), 0);
}

static void close_connection(struct bench *b)
{
    if (!b->p->is_gone && b->p->ended == PST_IO_OK)
        pair_end(b->p, PST_IO_ERR);
    test_worker_turns(&b->w, 2);
    assert_true(b->p->is_gone);
    pair_free(b->p);
    b->p = NULL;
    test_worker_jobs(&b->w);
}

static void stop(struct bench *b)
{
    if (b->p)
        close_connection(b);
    test_worker_jobs(&b->w);
    test_worker_fini(&b->w);
    pst_board_free(b->board);
    store_rig_fini(&b->store);
    pst_text_free(&b->got);
}

/* All that has come so far, NUL-terminated. */
static const char *take(struct bench *b)
{
    test_worker_jobs(&b->w);
    test_worker_turns(&b->w, 3);
    pair_take_all(b->p, &b->got);
    pst_text_add(&b->got, pst_slice_of("", 1));
    assert_false(b->got.failed);
    b->got.len--;
    return b->got.ptr;
}

/* Sends a whole request; its whole reply, valid until the next one. The fields are those behind Host, each
 * ended by CRLF. */
static const char *ask_at(struct bench *b, const char *host, const char *request, const char *fields,
                          const void *body, size_t len)
{
    char head[1024];
    if (b->p)
        close_connection(b);
    open_connection(b, strcmp(host, LOCAL) == 0 ? "127.0.0.1" : NULL);
    int n = snprintf(head, sizeof head, "%s HTTP/1.1\r\nHost: %s\r\n%s", request, host, fields);
    assert_true(n > 0 && (size_t)n < sizeof head - 64);
    if (len > 0)
        (void)snprintf(head + n, 64, "Content-Length: %zu\r\n", len);
    pair_says(b->p, head);
    pair_says(b->p, "\r\n");
    for (size_t sent = 0; sent < len && !b->p->is_gone;) {
        size_t more = pair_send(b->p, (const char *)body + sent, len - sent);
        sent += more;
        if (more == 0) {
            test_worker_jobs(&b->w);
            test_worker_turns(&b->w, 1);
        }
    }
    return take(b);
}

static const char *get(struct bench *b, const char *path)
{
    char request[256];
    (void)snprintf(request, sizeof request, "GET %s", path);
    return ask_at(b, "h", request, "", NULL, 0);
}

static const char *post_form(struct bench *b, const char *fields, const char *form)
{
    char all[512];
    (void)snprintf(all, sizeof all, "Content-Type: application/x-www-form-urlencoded\r\n%s", fields);
    return ask_at(b, "h", "POST /board", all, form, strlen(form));
}

/* A form with a picture, as a browser sends it. */
static const char *post_picture(struct bench *b, const char *fields, const char *name, const char *message,
                                const void *picture, size_t len)
{
    char all[512];
    struct pst_text body = {0};
    (void)snprintf(all, sizeof all, "Content-Type: multipart/form-data; boundary=cut\r\n%s", fields);
    pst_text_addf(&body,
                  "--cut\r\nContent-Disposition: form-data; name=\"name\"\r\n\r\n%s\r\n"
                  "--cut\r\nContent-Disposition: form-data; name=\"message\"\r\n\r\n%s\r\n"
                  "--cut\r\nContent-Disposition: form-data; name=\"picture\"; filename=\"p.html\"\r\n"
                  "Content-Type: text/html\r\n\r\n",
                  name, message);
    pst_text_add(&body, pst_slice_of(picture, len));
    pst_text_adds(&body, "\r\n--cut--\r\n");
    const char *reply = ask_at(b, "h", "POST /board", all, body.ptr, body.len);
    pst_text_free(&body);
    return reply;
}

/* Straight into the store, so that only what is tested goes through the board. */
static void stored(struct bench *b, const char *name, const char *message)
{
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(b->store.store, "board");
    store_rig_field(draft, "name", name);
    store_rig_field(draft, "message", message);
    assert_int_equal(store_rig_commit(b->store.store, draft, &receipt), 0);
}

static void assert_status(const char *reply, int status)
{
    if (strncmp(reply, "HTTP/1.1 ", 9) != 0 || atoi(reply + 9) != status) /* NOLINT(cert-err34-c) */
        fail_msg("not %d:\n%s", status, reply);
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

static uint64_t count(struct bench *b)
{
    struct pst_post_page *page = store_rig_read(b->store.store, "board", 0);
    uint64_t n = page->box_count;
    pst_post_page_free(page);
    return n;
}

/* The number in `id="mN"` of the messages of a page, as "3 2 ". */
static const char *ids(const char *page)
{
    static char text[256];
    size_t len = 0;
    text[0] = '\0';
    for (const char *at = page; (at = strstr(at, "id=\"m")) != NULL; at++) {
        if (at[5] >= '0' && at[5] <= '9')
            len +=
                (size_t)snprintf(text + len, sizeof text - len, "%.*s ", (int)strcspn(at + 5, "\""), at + 5);
    }
    return text;
}

/* ---- pages ---- */

static void test_board__page__is_shown_with_all_that_protects_it(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    stored(&b, "Zo\xc3\xab", "<b>hello</b>");
    const char *page = get(&b, "/board");
    assert_status(page, 200);
    assert_has(page, "\r\nContent-Type: text/html; charset=utf-8\r\n");
    assert_has(page, "\r\nCache-Control: private, no-cache\r\n");
    assert_has(page, "\r\nX-Content-Type-Options: nosniff\r\n");
    assert_has(page, "\r\nContent-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; "
                     "img-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
                     "frame-ancestors 'none'\r\n");
    assert_has(page, "&lt;b&gt;hello&lt;/b&gt;");
    assert_lacks(page, "Remove");
    assert_status(get(&b, "/board/1"), 200);
    assert_string_equal(ids(take(&b)), "1 ");
    stop(&b);
}

static void test_board__page__has_another_key_each_time(void **state)
{
    (void)state;
    struct bench b;
    char keys[3][33];
    start(&b, NULL);
    for (size_t i = 0; i < 3; i++) {
        const char *at = strstr(get(&b, "/board"), "_idempotency_key\" value=\"");
        assert_non_null(at);
        memcpy(keys[i], at + 25, 32);
        keys[i][32] = '\0';
        assert_int_equal(strspn(keys[i], "0123456789abcdef"), 32);
    }
    assert_string_not_equal(keys[0], keys[1]);
    assert_string_not_equal(keys[1], keys[2]);
    stop(&b);
}

static void test_board__pages__go_both_ways(void **state)
{
    (void)state;
    static const struct {
        const char *path, *ids;
    } rows[] = {
        {"/board", "7 6 "},           {"/board?before=6", "5 4 "}, {"/board?before=2", "1 "},
        {"/board?before=1", ""},      {"/board?after=1", "3 2 "},  {"/board?after=4", "6 5 "},
        {"/board?after=5", "7 6 "}, /* there is nothing beyond: the newest page */
        {"/board?after=6", "7 6 "},   {"/board?after=99", "7 6 "}, {"/board?utm=x&before=4", "3 2 "},
        {"/board?before=99", "7 6 "}, {"/board/4", "4 "},
    };
    struct bench b;
    start(&b, &two_a_page);
    for (int i = 0; i < 7; i++)
        stored(&b, "n", "m");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *page = get(&b, rows[i].path);
        assert_status(page, 200);
        if (strcmp(ids(page), rows[i].ids) != 0)
            fail_msg("%s: %s", rows[i].path, ids(page));
    }
    stop(&b);
}

static void test_board__unknown_addresses__are_not_found(void **state)
{
    (void)state;
    static const char *const paths[] = {"/board/",          "/board/0",
                                        "/board/8",         "/board/1/",
                                        "/board/x",         "/board/1/2",
                                        "/board/-1",        "/board?before=x",
                                        "/board?before=0",  "/board?after=-1",
                                        "/board/1/picture", "/board/2/picture",
                                        "/board/board.cs",  "/board/18446744073709551616"};
    struct bench b;
    start(&b, NULL);
    stored(&b, "n", "m");
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const char *reply = get(&b, paths[i]);
        if (strncmp(reply, "HTTP/1.1 404 ", 13) != 0)
            fail_msg("%s: %.60s", paths[i], reply);
    }
    assert_status(ask_at(&b, "h", "POST /board/1", "", NULL, 0), 404);
    assert_status(ask_at(&b, "h", "DELETE /board", "", NULL, 0), 405);
    stop(&b);
}

static void test_board__page__is_read_again_after_a_change_or_a_second(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    stored(&b, "n", "m");
    assert_string_equal(ids(get(&b, "/board")), "1 ");
    stored(&b, "n", "m");
    assert_string_equal(ids(get(&b, "/board")), "2 1 ");

    /* What another process does shows after a second. */
    struct pst_store *other;
    struct pst_store_options options = b.store.options;
    options.mode = PST_STORE_VISIT;
    assert_int_equal(pst_store_open(&other, b.store.folder, &options, b.store.why, sizeof b.store.why), 0);
    assert_int_equal(pst_store_delete(other, PST_SLICE("board"), 2), 0);
    pst_store_close(other);
    assert_string_equal(ids(get(&b, "/board")), "2 1 ");
    test_worker_pass_ms(&b.w, 1001);
    assert_string_equal(ids(get(&b, "/board")), "1 ");
    stop(&b);
}

static void test_board__peer_goes_while_its_page_is_made__nothing_is_left(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    for (int i = 0; i < 3; i++) {
        open_connection(&b, NULL);
        pair_says(b.p, i == 2 ? "GET /board/1/picture HTTP/1.1\r\nHost: h\r\n\r\n"
                              : "GET /board HTTP/1.1\r\nHost: h\r\n\r\n");
        pair_end(b.p, PST_IO_ERR);
        close_connection(&b);
    }
    stop(&b);
}

/* ---- posting ---- */

static void test_board__post__browser_is_sent_to_its_message(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    const char *reply = post_form(&b, "Accept: text/html\r\n", "name=Ida&message=one%0D%0Atwo&website=");
    assert_status(reply, 303);
    assert_has(reply, "\r\nLocation: /board#m1\r\n");
    const char *page = get(&b, "/board");
    assert_has(page, "<bdi>Ida</bdi>");
    assert_has(page, ">one\r\ntwo</p>");
    stop(&b);
}

static void test_board__post__program_is_told_the_id(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    const char *reply = post_form(&b, "Accept: application/json\r\n", "name=Ida&message=x");
    assert_status(reply, 201);
    assert_has(reply, "\r\nLocation: /board/1\r\n");
    assert_has(reply, "\r\n\r\n{\"id\":1,\"time\":\"20");
    reply = ask_at(&b, "h", "POST /board", "Content-Type: application/json\r\n",
                   "{\"name\":\"Ida\",\"message\":\"from a program\"}", 41);
    assert_status(reply, 201);
    assert_has(get(&b, "/board"), "from a program");
    stop(&b);
}

static void test_board__posted_twice_with_one_key__is_there_once(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    for (int i = 0; i < 2; i++) {
        const char *reply =
            post_form(&b, "Accept: text/html\r\n", "name=Ida&message=x&_idempotency_key=0123456789abcdef");
        assert_status(reply, 303);
        assert_has(reply, "\r\nLocation: /board#m1\r\n");
    }
    assert_int_equal(count(&b), 1);
    stop(&b);
}

static void test_board__refused__page_says_why_and_keeps_what_was_typed(void **state)
{
    (void)state;
    static const struct {
        const char *form, *reason, *kept;
    } rows[] = {
        {"name=&message=my+text", "has to be filled in", ">\nmy text</textarea>"},
        {"message=my+text", "has to be filled in", ">\nmy text</textarea>"},
        {"name=%22Zo%C3%AB%22&message=+%0D%0A", "neither a message nor a picture",
         "value=\"&quot;Zo\xc3\xab&quot;\""},
        {"name=Ida", "neither a message nor a picture", "value=\"Ida\""},
        {"name=Ida&message=x&colour=red", "&quot;colour&quot;", "value=\"Ida\""},
    };
    struct bench b;
    start(&b, NULL);
    stored(&b, "n", "earlier");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *page = post_form(&b, "Accept: text/html\r\n", rows[i].form);
        assert_status(page, 422);
        assert_has(page, "\r\nContent-Security-Policy: default-src 'none'; script-src");
        assert_has(page, "autofocus>Your message was not posted: ");
        assert_has(page, rows[i].reason);
        assert_has(page, rows[i].kept);
        assert_has(page, "earlier");
        page = post_form(&b, "Accept: application/json\r\n", rows[i].form);
        assert_status(page, 422);
        assert_has(page, "{\"error\":422,\"reason\":\"");
    }
    assert_int_equal(count(&b), 1);
    stop(&b);
}

static void test_board__too_long__counted_in_characters(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        size_t name_count;
        const char *piece;
        size_t count;
        int status;
        const char *reason;
    } rows[] = {
        {"%C3%AB", 80, "x", 4000, 303, ""},
        {"%C3%AB", 81, "x", 1, 422, "the name is longer than 80 characters"},
        {"n", 1, "%E9%96%80", 4000, 303, ""},
        {"n", 1, "%0D%0A", 3999, 422, "neither"},
        {"n", 1, "x%0D%0A", 2000, 303, ""},
        {"n", 1, "x", 4001, 422, "the message is longer than 4000 characters"},
    };
    struct bench b;
    start(&b, NULL);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_text form = {0};
        pst_text_adds(&form, "name=");
        for (size_t n = 0; n < rows[i].name_count; n++)
            pst_text_adds(&form, rows[i].name);
        pst_text_adds(&form, "&message=");
        for (size_t n = 0; n < rows[i].count; n++)
            pst_text_adds(&form, rows[i].piece);
        pst_text_add(&form, pst_slice_of("", 1));
        const char *reply = post_form(&b, "Accept: text/html\r\n", form.ptr);
        assert_status(reply, rows[i].status);
        assert_has(reply, rows[i].reason);
        pst_text_free(&form);
    }
    stop(&b);
}

static void test_board__foreign_page__may_not_post(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    const char *page =
        post_form(&b, "Origin: http://elsewhere\r\nAccept: text/html\r\n", "name=Ida&message=x");
    assert_status(page, 403);
    assert_has(page, "Your message was not posted: ");
    assert_lacks(page, "To find what you typed");
    assert_status(post_form(&b, "Sec-Fetch-Site: cross-site\r\n", "name=Ida&message=x"), 403);
    assert_int_equal(count(&b), 0);
    assert_status(post_form(&b, "Origin: http://h\r\nAccept: text/html\r\n", "name=Ida&message=x"), 303);
    stop(&b);
}

static void test_board__honeypot__machine_believes_it_has_posted(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    const char *reply = post_form(&b, "Accept: text/html\r\n", "name=Ida&message=buy&website=http://x");
    assert_status(reply, 303);
    assert_has(reply, "\r\nLocation: /board\r\n");
    assert_status(post_form(&b, "Accept: application/json\r\n", "name=Ida&message=buy&website=x"), 201);
    assert_int_equal(count(&b), 0);
    stop(&b);
}

static void test_board__too_often__is_429_until_later(void **state)
{
    (void)state;
    struct bench b;
    const struct pst_board_options options = {.posts_per_minute = 1};
    start(&b, &options);
    for (int i = 0; i < 2; i++)
        assert_status(post_form(&b, "Accept: text/html\r\n", "name=n&message=m"), 303);
    const char *page = post_form(&b, "Accept: text/html\r\n", "name=n&message=m");
    assert_status(page, 429);
    assert_has(page, "\r\nRetry-After: ");
    assert_has(page, "; try again in 60 seconds. To find what you typed again, go back");
    page = post_form(&b, "Accept: application/json\r\n", "name=n&message=m");
    assert_status(page, 429);
    assert_has(page, "\r\nRetry-After: ");
    test_worker_pass_ms(&b.w, 61000);
    assert_status(post_form(&b, "Accept: text/html\r\n", "name=n&message=m"), 303);
    stop(&b);
}

/* ---- pictures ---- */

static void test_board__picture__is_sent_as_what_it_is(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *type;
    } rows[] = {
        {PNG, sizeof PNG - 1, "image/png"},
        {"\xff\xd8\xff\xe0 jpeg", 9, "image/jpeg"},
        {"GIF89a", 6, "image/gif"},
        {"GIF87a", 6, "image/gif"},
        {"RIFF\1\2\3\4WEBPVP8 ", 16, "image/webp"},
    };
    struct bench b;
    start(&b, &two_a_page);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[64], exact[128];
        assert_status(post_picture(&b, "Accept: text/html\r\n", "Ida", "", rows[i].bytes, rows[i].len), 303);
        (void)snprintf(path, sizeof path, "/board/%zu/picture", i + 1);
        const char *at = strstr(get(&b, "/board"), path);
        assert_non_null(at);
        (void)snprintf(exact, sizeof exact, "%.*s", (int)strcspn(at, "\""), at);
        const char *reply = get(&b, exact);
        assert_status(reply, 200);
        assert_has(reply, "\r\nCache-Control: public, max-age=31536000, immutable\r\n");
        assert_has(reply, "\r\nX-Content-Type-Options: nosniff\r\n");
        assert_has(reply, "\r\nContent-Security-Policy: default-src 'none'; sandbox\r\n");
        assert_has(reply, rows[i].type);
        assert_memory_equal(strstr(reply, "\r\n\r\n") + 4, rows[i].bytes, rows[i].len);
        reply = get(&b, path);
        assert_status(reply, 200);
        assert_has(reply, "\r\nCache-Control: no-cache\r\n");
        char etag[64] = "If-None-Match: ";
        const char *tag = strstr(reply, "\r\nETag: ");
        assert_non_null(tag);
        (void)snprintf(etag + 15, sizeof etag - 15, "%.20s", tag + 8);
        char request[80];
        (void)snprintf(request, sizeof request, "GET %s", path);
        assert_status(ask_at(&b, "h", request, etag, NULL, 0), 304);
    }
    stop(&b);
}

static void test_board__no_picture__is_refused(void **state)
{
    (void)state;
    static const char *const rows[] = {"<svg xmlns='http://www.w3.org/2000/svg' onload='alert(1)'/>",
                                       "<html>",
                                       "GIF",
                                       "RIFF\1\2\3\4WAVE",
                                       "\x89PNG\r\n",
                                       "%PDF-1.4"};
    struct bench b;
    start(&b, &two_a_page);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const char *page = post_picture(&b, "Accept: text/html\r\n", "Ida", "look", rows[i], strlen(rows[i]));
        assert_status(page, 415);
        assert_has(page, "only PNG, JPEG, GIF and WebP pictures are taken");
        assert_has(page, ">\nlook</textarea>");
    }
    assert_int_equal(count(&b), 0);
    assert_int_equal(store_rig_names(&b.store, "tmp"), 0);
    stop(&b);
}

static void test_board__stored_file_that_is_no_picture__is_not_sent(void **state)
{
    (void)state;
    struct bench b;
    struct pst_receipt receipt;
    start(&b, NULL);
    struct pst_draft *draft = store_rig_draft(b.store.store, "board"); /* by another door than the board's */
    store_rig_field(draft, "name", "n");
    store_rig_file(draft, "picture", "<html><script>", 14);
    assert_int_equal(store_rig_commit(b.store.store, draft, &receipt), 0);
    assert_status(get(&b, "/board/1/picture"), 404);
    stop(&b);
}

static void test_board__picture_too_large__is_413(void **state)
{
    (void)state;
    struct bench b;
    const struct pst_board_options options = {.picture_bytes = 100, .posts_per_minute = 100};
    static char picture[200000] = PNG;
    start(&b, &options);
    assert_status(post_picture(&b, "Accept: text/html\r\n", "n", "m", picture, 100), 303);
    const char *page = post_picture(&b, "Accept: text/html\r\n", "n", "m", picture, 101);
    assert_status(page, 413);
    assert_has(page, "Your message was not posted: ");
    assert_has(page, ">\nm</textarea>");
    page = post_picture(&b, "Accept: text/html\r\n", "n", "m", picture, sizeof picture);
    assert_status(page, 413);
    assert_has(page, "To find what you typed");
    assert_int_equal(count(&b), 1);
    stop(&b);
}

static void test_board__without_pictures__takes_none(void **state)
{
    (void)state;
    struct bench b;
    const struct pst_board_options options = {.no_pictures = true, .title = "T", .box = "other"};
    start(&b, &options);
    assert_int_not_equal(
        strncmp(post_picture(&b, "Accept: text/html\r\n", "n", "m", PNG, sizeof PNG - 1), "HTTP/1.1 3", 10),
        0);
    assert_status(post_form(&b, "Accept: text/html\r\n", "name=n&message=m"), 303);
    assert_lacks(get(&b, "/board"), "type=\"file\"");
    store_rig_post_file(b.store.store, "other", PNG, sizeof PNG - 1); /* by another door than the board's */
    assert_lacks(get(&b, "/board"), "picture");
    assert_status(get(&b, "/board/2/picture"), 404);
    stop(&b);
}

/* ---- removing ---- */

static void test_board__remove__only_here_and_from_our_page(void **state)
{
    (void)state;
    static const struct {
        const char *host, *fields;
        int status;
    } rows[] = {
        {"h", "", 403},
        {LOCAL, "X-Forwarded-For: 192.0.2.1\r\n", 403},
        {LOCAL, "Origin: http://elsewhere\r\n", 403},
        {LOCAL, "Sec-Fetch-Site: same-site\r\n", 403},
        {LOCAL, "Origin: http://" LOCAL "\r\nAccept: text/html\r\n", 303},
        {LOCAL, "Accept: text/html\r\n", 303}, /* it has gone already */
        {LOCAL, "Accept: application/json\r\n", 204},
    };
    struct bench b;
    start(&b, NULL);
    stored(&b, "n", "m");
    assert_lacks(get(&b, "/board"), "Remove");
    assert_has(ask_at(&b, LOCAL, "GET /board", "", NULL, 0), "action=\"/board/1/remove\"");
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(count(&b), rows[i].status == 403 || i == 4);
        assert_status(ask_at(&b, rows[i].host, "POST /board/1/remove", rows[i].fields, NULL, 0),
                      rows[i].status);
    }
    assert_int_equal(count(&b), 0);
    assert_string_equal(ids(get(&b, "/board")), "");
    stop(&b);
}

/* ---- events ---- */

/* The position that a page was read at. */
static const char *position(struct bench *b)
{
    static char text[64];
    const char *at = strstr(get(b, "/board"), "data-position=\"");
    assert_non_null(at);
    (void)snprintf(text, sizeof text, "%.*s", (int)strcspn(at + 15, "\""), at + 15);
    return text;
}

static const char *listen_from(struct bench *b, const char *from, const char *last)
{
    char request[128], fields[128] = "";
    (void)snprintf(request, sizeof request, "GET /board/events%s%s", *from ? "?since=" : "", from);
    if (*last)
        (void)snprintf(fields, sizeof fields, "Last-Event-ID: %s\r\n", last);
    const char *got = ask_at(b, "h", request, fields, NULL, 0);
    assert_status(got, 200);
    assert_has(got, "\r\nContent-Type: text/event-stream\r\n");
    return got;
}

static size_t occurs(const char *text, const char *what)
{
    size_t n = 0;
    for (const char *at = text; (at = strstr(at, what)) != NULL; at++)
        n++;
    return n;
}

static void test_board__events__tell_of_messages_and_removals(void **state)
{
    (void)state;
    struct bench b;
    start(&b, NULL);
    listen_from(&b, "", "");
    stored(&b, "Zo\xc3\xab", "<b>");
    store_rig_post(b.store.store, "another", "x"); /* not of this board */
    stored(&b, "n", "second");
    assert_int_equal(pst_store_delete(b.store.store, PST_SLICE("board"), 1), 0);
    const char *got = take(&b);
    assert_has(got, "event: message\n");
    assert_has(got, "data: {\"id\":1,\"html\":\"\\u003cli class=\\\"message\\\" id=\\\"m1\\\"\\u003e\\n");
    assert_has(got, "\\u0026lt;b\\u0026gt;");
    assert_has(got, "data: {\"id\":2,");
    assert_has(got, "event: removed\n");
    assert_has(got, "data: {\"id\":1}\n");
    assert_int_equal(occurs(got, "\ndata: "), 3);
    assert_int_equal(occurs(got, "reload"), 0);
    stop(&b);
}

/* The value behind the last "\nid: ". */
static const char *last_id(const char *got)
{
    static char text[64];
    const char *last = NULL;
    for (const char *at = got; (at = strstr(at, "\nid: ")) != NULL; at++)
        last = at + 5;
    assert_non_null(last);
    (void)snprintf(text, sizeof text, "%.*s", last ? (int)strcspn(last, "\r\n") : 0, last ? last : "");
    return text;
}

static void test_board__events__missed_ones_are_told_first(void **state)
{
    (void)state;
    struct bench b;
    char middle[64];
    start(&b, NULL);
    stored(&b, "n", "before the page");
    const char *from = position(&b);
    const char *got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "data: "), 0);
    stored(&b, "n", "one");
    (void)snprintf(middle, sizeof middle, "%s", last_id(take(&b)));
    stored(&b, "n", "two");
    assert_int_equal(pst_store_delete(b.store.store, PST_SLICE("board"), 1), 0);
    assert_int_equal(occurs(take(&b), "\ndata: "), 3);

    got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "data: "), 3);
    got = listen_from(&b, from, middle); /* the field says what is newer */
    assert_int_equal(occurs(got, "data: "), 2);
    assert_lacks(got, "one");
    assert_has(got, "two");
    assert_has(got, "data: {\"id\":1}\n");
    stop(&b);
}

static void test_board__events__what_cannot_be_told_is_a_reload(void **state)
{
    (void)state;
    static const char *const strangers[] = {"x", "-1", "0123456789abcdef-0", "0123456789abcdef0-0"};
    struct bench b;
    char from[64], future[80];
    start(&b, NULL);
    for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++) {
        const char *got = listen_from(&b, strangers[i], "");
        assert_int_equal(occurs(got, "event: reload\n"), 1);
        assert_int_equal(occurs(got, "data: "), 1);
    }
    (void)snprintf(from, sizeof from, "%s", position(&b));
    (void)snprintf(future, sizeof future, "%s9", from); /* ahead of the stream */
    assert_int_equal(occurs(listen_from(&b, future, ""), "event: reload\n"), 1);
    close_connection(&b);

    /* While nobody listens, messages are not put into words. */
    stored(&b, "n", "unheard");
    const char *got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "event: reload\n"), 1);
    /* From where that reload was told, all is well again. */
    (void)snprintf(from, sizeof from, "%s", last_id(got));
    assert_int_equal(occurs(listen_from(&b, from, ""), "data: "), 0);

    /* More than a reader is given at once: four messages of 40 KB each, as JSON. */
    char *quotes = malloc(3501);
    assert_non_null(quotes);
    memset(quotes, '"', 3500);
    quotes[3500] = '\0';
    listen_from(&b, from, "");
    for (int i = 0; i < 3; i++)
        stored(&b, "n", quotes);
    got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "event: reload\n"), 0);
    assert_int_equal(occurs(got, "data: "), 3);
    stored(&b, "n", quotes);
    free(quotes);
    got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "event: reload\n"), 1);
    (void)snprintf(from, sizeof from, "%s", last_id(got));

    /* More than is kept. */
    for (int i = 0; i < 101; i++)
        assert_int_equal(pst_store_delete(b.store.store, PST_SLICE("board"), 1), i == 0 ? 0 : PST_E_NOENT);
    listen_from(&b, from, "");
    for (int i = 0; i < 100; i++)
        stored(&b, "n", "m");
    got = listen_from(&b, from, "");
    assert_int_equal(occurs(got, "event: reload\n"), 1);
    assert_int_equal(occurs(got, "data: "), 1);
    stop(&b);
}

/* ---- assets and mounting ---- */

static void test_board__assets__are_kept_for_ever_by_their_tag(void **state)
{
    (void)state;
    struct bench b;
    char path[64], field[64];
    const struct pst_asset *asset = pst_asset_find(PST_SLICE("board.js"));
    start(&b, NULL);
    assert_non_null(asset);
    (void)snprintf(path, sizeof path, "/board/board.js?v=%s", asset->tag);
    const char *reply = get(&b, path);
    assert_status(reply, 200);
    assert_has(reply, "\r\nContent-Type: text/javascript; charset=utf-8\r\n");
    assert_has(reply, "max-age=31536000, immutable");
    assert_int_equal(strlen(strstr(reply, "\r\n\r\n") + 4), asset->len);
    reply = get(&b, "/board/board.js?v=0");
    assert_status(reply, 200);
    assert_has(reply, "\r\nCache-Control: no-cache\r\n");
    (void)snprintf(field, sizeof field, "If-None-Match: %s\r\n", asset->etag);
    assert_status(ask_at(&b, "h", "GET /board/board.js", field, NULL, 0), 304);
    assert_has(get(&b, "/board/board.svg"), "\r\nContent-Type: image/svg+xml\r\n");
    assert_has(get(&b, "/board/board.css"), "\r\nContent-Type: text/css; charset=utf-8\r\n");
    stop(&b);
}

static void test_board_mount__paths(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        int err;
    } rows[] = {{"/", 0},
                {"/talk", 0},
                {"/a/b c", 0 /* see below */},
                {"board", PST_E_SYNTAX},
                {"/board/", PST_E_SYNTAX},
                {"", PST_E_SYNTAX},
                {"/b*", PST_E_SYNTAX}};
    struct store_rig store;
    store_rig_init(&store);
    store_rig_open(&store);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_server *server;
        struct pst_board *board;
        assert_int_equal(pst_server_new(&server), 0);
        assert_int_equal(pst_board_new(&board, store.store, NULL), 0);
        /* A blank ends a pattern's method, and is no part of its path. */
        int wanted = strchr(rows[i].path, ' ') ? PST_E_SYNTAX : rows[i].err;
        assert_int_equal(pst_board_mount(board, server, rows[i].path), wanted);
        if (!wanted)
            assert_int_equal(pst_board_mount(board, server, "/again"), PST_E_EXISTS);
        pst_server_free(server);
        pst_board_free(board);
    }
    store_rig_fini(&store);
}

static void test_board_new__options_out_of_bounds__are_refused(void **state)
{
    (void)state;
    static const struct pst_board_options rows[] = {{.box = "No Box"},
                                                    {.box = ""},
                                                    {.page_posts = 201},
                                                    {.picture_bytes = UINT64_MAX},
                                                    {.posts_per_minute = UINT32_MAX}};
    struct store_rig store;
    struct pst_board *board = NULL;
    store_rig_init(&store);
    store_rig_open(&store);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        assert_int_equal(pst_board_new(&board, store.store, &rows[i]), PST_E_INVAL);
        assert_null(board);
    }
    pst_board_free(NULL);
    store_rig_fini(&store);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board__page__is_shown_with_all_that_protects_it),
        cmocka_unit_test(test_board__page__has_another_key_each_time),
        cmocka_unit_test(test_board__pages__go_both_ways),
        cmocka_unit_test(test_board__unknown_addresses__are_not_found),
        cmocka_unit_test(test_board__page__is_read_again_after_a_change_or_a_second),
        cmocka_unit_test(test_board__peer_goes_while_its_page_is_made__nothing_is_left),
        cmocka_unit_test(test_board__post__browser_is_sent_to_its_message),
        cmocka_unit_test(test_board__post__program_is_told_the_id),
        cmocka_unit_test(test_board__posted_twice_with_one_key__is_there_once),
        cmocka_unit_test(test_board__refused__page_says_why_and_keeps_what_was_typed),
        cmocka_unit_test(test_board__too_long__counted_in_characters),
        cmocka_unit_test(test_board__foreign_page__may_not_post),
        cmocka_unit_test(test_board__honeypot__machine_believes_it_has_posted),
        cmocka_unit_test(test_board__too_often__is_429_until_later),
        cmocka_unit_test(test_board__picture__is_sent_as_what_it_is),
        cmocka_unit_test(test_board__no_picture__is_refused),
        cmocka_unit_test(test_board__stored_file_that_is_no_picture__is_not_sent),
        cmocka_unit_test(test_board__picture_too_large__is_413),
        cmocka_unit_test(test_board__without_pictures__takes_none),
        cmocka_unit_test(test_board__remove__only_here_and_from_our_page),
        cmocka_unit_test(test_board__events__tell_of_messages_and_removals),
        cmocka_unit_test(test_board__events__missed_ones_are_told_first),
        cmocka_unit_test(test_board__events__what_cannot_be_told_is_a_reload),
        cmocka_unit_test(test_board__assets__are_kept_for_ever_by_their_tag),
        cmocka_unit_test(test_board_mount__paths),
        cmocka_unit_test(test_board_new__options_out_of_bounds__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
