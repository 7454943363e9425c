/* The message board when memory runs out on a worker's thread: allocation i fails, for every i. Each request
 * ends with a whole reply or a closed connection, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/posts.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/board_page.h"
#include "support/failmalloc.h"
#include "support/pair.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

#define HOST " HTTP/1.1\r\nHost: localhost\r\n"
#define FORM "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nname=n&message=m"
#define BAD  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n\r\nname=n&message=+"

static const struct {
    const char *request;
    int status;    /* when nothing fails */
    bool is_known; /* the page was asked for before */
} rows[] = {
    {"GET /board" HOST "\r\n", 200, false},
    {"GET /board" HOST "\r\n", 200, true},
    {"GET /board?before=2" HOST "\r\n", 200, false},
    {"GET /board/2" HOST "\r\n", 200, false},
    {"GET /board/7" HOST "\r\n", 404, false},
    {"GET /board/2/picture" HOST "\r\n", 200, false},
    {"GET /board/2/picture" HOST "If-None-Match: *\r\n\r\n", 304, false},
    {"GET /board/board.js" HOST "\r\n", 200, false},
    {"POST /board/1/remove" HOST "Accept: text/html\r\n\r\n", 303, false},
    {"POST /board" HOST "Accept: text/html\r\n" FORM, 303, false},
    {"POST /board" HOST "Accept: application/json\r\n" FORM, 201, false},
    {"POST /board" HOST "Accept: text/html\r\n" BAD, 422, true},
    {"POST /board" HOST "Accept: text/html\r\n" BAD, 422, false},
    {"POST /board" HOST "Accept: application/json\r\n" BAD, 422, false},
    {"POST /board" HOST "Accept: text/html\r\nOrigin: http://x\r\n" FORM, 403, false},
};

struct bench {
    struct store_rig store;
    struct pst_board *board;
    struct test_worker w;
};

static void start(struct bench *b)
{
    static const char gif[] = "GIF89a";
    memset(b, 0, sizeof *b);
    store_rig_init(&b->store);
    store_rig_open(&b->store);
    assert_int_equal(pst_board_new(&b->board, b->store.store, NULL), 0);
    test_worker_init(&b->w);
    assert_int_equal(pst_board_mount(b->board, b->w.server, "/board"), 0);
    test_worker_start(&b->w);
    test_worker_turns(&b->w, 1);
    store_rig_post(b->store.store, "board", "one");
    store_rig_post_file(b->store.store, "board", gif, sizeof gif - 1);
}

static void stop(struct bench *b)
{
    test_worker_jobs(&b->w);
    test_worker_fini(&b->w);
    pst_board_free(b->board);
    store_rig_fini(&b->store);
}

static struct pair *connect_to(struct bench *b)
{
    const struct pair_options options = {.address = "127.0.0.1"};
    struct pair *p = pair_new(&options);
    assert_int_equal(pst_connection_open(&b->w.driver, pair_transport(p), &p->connection), 0);
    return p;
}

static void finish(struct bench *b, struct pair *p)
{
    test_worker_jobs(&b->w);
    test_worker_turns(&b->w, 3);
    if (!p->is_gone)
        pair_end(p, PST_IO_ERR);
    test_worker_turns(&b->w, 2);
    assert_true(p->is_gone);
    pair_free(p);
    test_worker_jobs(&b->w);
}

/* Whether it failed, so that there may be more behind it. */
static bool try_with_failure(size_t row, size_t number)
{
    struct bench b;
    struct pst_text got = {0};
    start(&b);
    if (rows[row].is_known) {
        struct pair *before = connect_to(&b);
        pair_says(before, "GET /board" HOST "\r\n");
        finish(&b, before);
    }
    test_worker_forget(&b.w);
    struct pair *p = connect_to(&b);
    failmalloc_arm(number, 1);
    pair_says(p, rows[row].request);
    test_worker_jobs(&b.w);
    test_worker_turns(&b.w, 2);
    bool failed = failmalloc_disarm();
    pair_take_all(p, &got);
    assert_false(got.failed);
    if (!(b.w.ended == 1 && got.len > 0) && !p->is_shut && !p->is_gone)
        fail_msg("%s with allocation %zu failing: neither answered nor closed", rows[row].request, number);
    if (!failed)
        assert_int_equal(b.w.status, rows[row].status);
    pst_text_free(&got);
    finish(&b, p);
    stop(&b);
    return failed;
}

static void test_board__allocation_fails__answered_or_closed(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t number = 1;
        while (try_with_failure(row, number))
            number++;
        assert_true(number > 1 || rows[row].status == 200); /* an asset needs no memory */
    }
}

static void test_board__stream_cannot_begin__answered_or_closed(void **state)
{
    (void)state;
    bool failed = true;
    for (size_t number = 1; failed; number++) {
        struct bench b;
        struct pst_text got = {0};
        start(&b);
        struct pair *p = connect_to(&b);
        failmalloc_arm(number, 1);
        pair_says(p, "GET /board/events?since=x" HOST "\r\n");
        test_worker_turns(&b.w, 2);
        failed = failmalloc_disarm();
        pair_take_all(p, &got);
        assert_true(got.len > 0 || p->is_shut || p->is_gone);
        pst_text_free(&got);
        finish(&b, p);
        stop(&b);
    }
}

static void test_board_new__allocation_fails__nothing_is_left(void **state)
{
    (void)state;
    struct store_rig store;
    store_rig_init(&store);
    store_rig_open(&store);
    int err = PST_E_NOMEM;
    size_t number = 0;
    while (err) {
        struct pst_board *board = NULL;
        failmalloc_arm(++number, 1);
        err = pst_board_new(&board, store.store, NULL);
        bool failed = failmalloc_disarm();
        assert_int_equal(err, failed ? PST_E_NOMEM : 0);
        assert_true(!board == failed);
        pst_board_free(board);
    }
    assert_true(number > 5);
    store_rig_fini(&store);
}

static void test_board_mount__allocation_fails__says_so(void **state)
{
    (void)state;
    struct store_rig store;
    store_rig_init(&store);
    store_rig_open(&store);
    int err = PST_E_NOMEM;
    for (size_t number = 1; err; number++) {
        struct pst_board *board;
        struct pst_server *server;
        assert_int_equal(pst_board_new(&board, store.store, NULL), 0);
        assert_int_equal(pst_server_new(&server), 0);
        failmalloc_arm(number, 1);
        err = pst_board_mount(board, server, "/board");
        bool failed = failmalloc_disarm();
        assert_int_equal(err, failed ? PST_E_NOMEM : 0);
        pst_server_free(server);
        pst_board_free(board);
    }
    store_rig_fini(&store);
}

static void test_board_page__allocation_fails__shows_in_the_text(void **state)
{
    (void)state;
    static const struct pst_post_field fields[] = {{{"name", 4}, {"n", 1}}, {{"message", 7}, {"m", 1}}};
    const struct pst_post post = {.id = 1, .fields = fields, .field_count = 2};
    const struct pst_board_look look = {.title = "T", .base = "/b"};
    const struct pst_board_list list = {&post, 1, false, 1, true, "x-0"};
    bool failed = true;
    for (size_t number = 1; failed; number++) {
        struct pst_board_page page;
        struct pst_text event = {0};
        failmalloc_arm(number, FAILMALLOC_ALL);
        pst_board_page_render(&page, &look, &(struct pst_board_place){0}, &list);
        failed = failmalloc_disarm();
        assert_int_equal(page.html.failed, failed);
        pst_board_page_free(&page);
        failmalloc_arm(number, 1); /* the inner text fails as well as the outer one */
        pst_board_add_event(&event, &look, &post);
        bool event_failed = failmalloc_disarm();
        assert_int_equal(event.failed, event_failed);
        pst_text_free(&event);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board__allocation_fails__answered_or_closed),
        cmocka_unit_test(test_board__stream_cannot_begin__answered_or_closed),
        cmocka_unit_test(test_board_new__allocation_fails__nothing_is_left),
        cmocka_unit_test(test_board_mount__allocation_fails__says_so),
        cmocka_unit_test(test_board_page__allocation_fails__shows_in_the_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
