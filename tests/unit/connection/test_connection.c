/* The driver over a transport in memory: who is read and written when, and how each connection ends
 * (docs/closing.md). Deadlines are in test_deadline.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "support/rig.h"

#define GET(path)        "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
#define POST(path, size) "POST " path " HTTP/1.1\r\nHost: h\r\nContent-Length: " size "\r\n\r\n"
#define CHUNKED(path)    "POST " path " HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"

static struct rig rig;

static int set_up(void **state)
{
    (void)state;
    rig_init(&rig);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    rig_fini(&rig);
    return 0;
}

static void assert_has(const char *needle)
{
    const char *got = rig_take(&rig);
    if (!strstr(got, needle))
        fail_msg("\"%s\" is not in what came: \"%s\"", needle, got);
}

static void assert_ended(unsigned ends, int status, enum pst_end why)
{
    assert_int_equal(rig.w.ended, ends);
    assert_int_equal(rig.w.status, status);
    assert_string_equal(pst_end_text(rig.w.end), pst_end_text(why));
}

static unsigned io_calls(void)
{
    const struct pair_calls *c = &rig.p->calls;
    return c->handshake + c->read + c->writev + c->sendfile + c->flush + c->shutdown;
}

/* A connection that waits makes no calls, however often the loop turns. */
static void assert_sleeps(void)
{
    unsigned before = io_calls();
    test_worker_turns(&rig.w, 20);
    assert_int_equal(io_calls(), before);
    assert_false(rig.p->is_gone);
}

/* ---- the ordinary way ---- */

static void test_connection__requests_one_after_another__are_answered_and_it_stays_open(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    for (unsigned i = 1; i <= 3; i++) {
        pair_says(rig.p, GET("/hello"));
        assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), i);
        assert_ended(i, 200, PST_END_OK);
    }
    assert_int_equal(rig.ends, 3);
    assert_sleeps();
}

static void test_connection__pipelined_requests__are_answered_in_order(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/hello") POST("/whole", "3") "abc" GET("/nothing") GET("/hello"));
    const char *got = rig_take(&rig);
    const char *whole = strstr(got, "whole 3"), *missing = strstr(got, "404 Not Found");
    assert_non_null(whole);
    assert_non_null(missing);
    assert_true(whole < missing);
    assert_int_equal(rig_count(got, "\r\n\r\nhello"), 2);
    assert_ended(4, 200, PST_END_OK);
}

static void test_connection__reply_larger_than_the_room__goes_on_as_the_peer_takes_it(void **state)
{
    (void)state;
    static const struct pair_options narrow = {.out_cap = 1000};
    static const struct pair_options holding = {.out_cap = 1000, .hold_cap = 700};
    const struct pair_options *const all[] = {&narrow, &holding};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        rig_open(&rig, all[i]);
        pair_says(rig.p, GET("/big"));
        assert_sleeps(); /* blocked: nothing is tried before there is room */
        assert_has("\r\n\r\nabcdefghijklmnopqrstuvwxyzabcd");
        assert_int_equal(rig.w.sent_bytes, 300000);
        assert_ended((unsigned)i + 1, 200, PST_END_OK);
        assert_sleeps();
        pair_end(rig.p, PST_IO_EOF);
        assert_true(rig.p->is_gone);
    }
}

/* A transport that holds what is written until it is flushed: TLS. */
static const struct pair_options patient = {.hold_cap = 65536, .is_patient = true};

static void test_connection__replies_of_a_turn__are_flushed_together_and_at_its_end(void **state)
{
    (void)state;
    rig_open(&rig, &patient);
    for (unsigned i = 1; i <= 3; i++) {
        pair_says(rig.p, GET("/hello") GET("/nothing") GET("/hello"));
        assert_int_equal(rig.p->sends, i);
        assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), 2 * i);
    }
    assert_sleeps();
}

static void test_connection__last_reply__leaves_with_the_end(void **state)
{
    (void)state;
    rig_open(&rig, &patient);
    pair_says(rig.p, "GET /hello HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n");
    assert_int_equal(rig.p->sends, 1);
    assert_int_equal(rig.p->calls.flush, 0); /* shutdown has sent it */
    assert_true(rig.p->is_shut);
    assert_has("\r\n\r\nhello");
    pair_end(rig.p, PST_IO_EOF);
    assert_true(rig.p->is_gone);
}

/* However much there is to read, no reply stays behind for it. */
static void test_connection__input_without_end__replies_leave_in_each_turn(void **state)
{
    (void)state;
    enum { REQUESTS = 1000 };
    struct pst_text many = {0};
    for (int i = 0; i < REQUESTS; i++)
        pst_text_adds(&many, GET("/hello"));
    const struct pair_options options = {
        .in_cap = many.len, .out_cap = 1000000, .hold_cap = 1000000, .is_patient = true};
    rig_open(&rig, &options);
    assert_int_equal(pair_send(rig.p, many.ptr, many.len), many.len);
    while (rig.w.ended < REQUESTS) {
        size_t before = rig.w.ended;
        assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), before);
        test_worker_turns(&rig.w, 1);
        assert_true(rig.w.ended > before);
    }
    assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), REQUESTS);
    pst_text_free(&many);
}

static void test_connection__handler_replies_later__its_reply_goes_out_by_itself(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/wait"));
    assert_non_null(rig.waiting);
    assert_sleeps();
    rig_reply(&rig, "at last");
    test_worker_turns(&rig.w, 1);
    assert_has("at last");
    assert_ended(1, 200, PST_END_OK);
}

static void test_connection__source_has_nothing__waits_until_woken(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    rig.source_plan = "dnd";
    pair_says(rig.p, GET("/source"));
    assert_has("3e8\r\nabc"); /* the first thousand */
    assert_sleeps();
    pst_exchange_wake(rig.waiting);
    test_worker_turns(&rig.w, 1);
    assert_int_equal(rig_count(rig_take(&rig), "3e8\r\nabc"), 2);
    assert_has("\r\n0\r\n\r\n");
    assert_ended(1, 200, PST_END_OK);
}

static void test_connection__requests_without_end__others_get_their_turn(void **state)
{
    (void)state;
    enum { REQUESTS = 20000 };
    struct pst_text many = {0};
    for (int i = 0; i < REQUESTS; i++)
        pst_text_adds(&many, GET("/hello"));
    struct pair *fast = pair_new(&(struct pair_options){.in_cap = many.len, .out_cap = 16000000});
    assert_int_equal(pst_connection_open(&rig.w.driver, pair_transport(fast), &fast->connection), 0);
    assert_int_equal(pair_send(fast, many.ptr, many.len), many.len);
    size_t served = rig.w.ended;
    assert_in_range(served, 1, 100); /* within one call, a bounded part */

    /* Each turn serves a part of it, and all of what a modest one asks for. */
    rig_open(&rig, NULL);
    for (int turn = 0; turn < 50; turn++) {
        size_t before = rig.w.ended;
        rig.p->calls = (struct pair_calls){0};
        pair_says(rig.p, GET("/hello"));
        assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), (size_t)turn + 1);
        test_worker_turns(&rig.w, 1);
        assert_in_range(rig.w.ended - before, 2, 101);
    }
    while (rig.w.ended < REQUESTS + 50)
        test_worker_turns(&rig.w, 1);
    pair_end(fast, PST_IO_EOF);
    assert_true(fast->is_gone);
    pair_free(fast);
    pst_text_free(&many);
}

static void test_connection__two_busy_peers__advance_alike(void **state)
{
    (void)state;
    enum { REQUESTS = 3000 };
    struct pst_text many = {0};
    for (int i = 0; i < REQUESTS; i++)
        pst_text_adds(&many, GET("/hello"));
    struct pair *peers[2];
    size_t got[2] = {0};
    for (int i = 0; i < 2; i++) {
        peers[i] = pair_new(&(struct pair_options){.in_cap = many.len, .out_cap = 1000000});
        assert_int_equal(pst_connection_open(&rig.w.driver, pair_transport(peers[i]), &peers[i]->connection),
                         0);
        assert_int_equal(pair_send(peers[i], many.ptr, many.len), many.len);
    }
    while (rig.w.ended < 2 * REQUESTS) {
        test_worker_turns(&rig.w, 1);
        for (int i = 0; i < 2; i++)
            got[i] = peers[i]->out.len;
        size_t ahead = got[0] > got[1] ? got[0] - got[1] : got[1] - got[0];
        assert_in_range(ahead, 0, 10000); /* bytes: some 60 replies */
    }
    for (int i = 0; i < 2; i++) {
        pair_end(peers[i], PST_IO_EOF);
        assert_true(peers[i]->is_gone);
        pair_free(peers[i]);
    }
    pst_text_free(&many);
}

/* ---- back-pressure ---- */

static void test_connection__body_paused__transport_is_not_read_until_resumed(void **state)
{
    (void)state;
    static char body[400000];
    memset(body, 'x', sizeof(body));
    rig.pauses = true;
    rig_open(&rig, &(struct pair_options){.in_cap = 4096});
    pair_says(rig.p, POST("/stream", "400000"));
    size_t sent = 0;
    unsigned pauses = 0;
    while (!rig.is_stream_ended) {
        sent += rig_pour(&rig, body + sent, sizeof(body) - sent);
        if (!rig.waiting)
            break;
        /* At most one chunk was read beyond what the handler has got, and the rest stays with the peer. */
        assert_in_range(rig.p->taken, rig.streamed, rig.streamed + PST_CHUNK_BYTES + 200);
        if (sent < sizeof(body))
            assert_int_equal(pair_send(rig.p, "y", 1), 0);
        assert_sleeps();
        pauses++;
        struct pst_exchange *ex = rig.waiting;
        rig.waiting = NULL;
        pst_exchange_resume(ex);
        test_worker_turns(&rig.w, 1);
    }
    assert_int_equal(sent, sizeof(body));
    assert_int_equal(rig.streamed, sizeof(body));
    assert_true(pauses > 50);
    assert_has("streamed 400000");
    assert_ended(1, 200, PST_END_OK);
}

/* What came while nobody waited for it must not be forgotten, even where the transport knows nothing of it.
 */
static void test_connection__bytes_arrive_while_paused__are_read_after_those_that_were_read_ahead(
    void **state)
{
    (void)state;
    static char body[30000];
    rig.pauses = true;
    rig_open(&rig, &(struct pair_options){.ahead_cap = 20000});
    pair_says(rig.p, POST("/stream", "18100"));
    assert_int_equal(pair_send(rig.p, body, 18000), 18000); /* 16384 of it are given, the rest is kept */
    assert_non_null(rig.waiting);
    assert_int_equal(pair_send(rig.p, body, 100), 100);
    rig.pauses = false;
    struct pst_exchange *ex = rig.waiting;
    rig.waiting = NULL;
    pst_exchange_resume(ex);
    test_worker_turns(&rig.w, 2);
    assert_has("streamed 18100");
}

static void test_connection__reply_not_taken__next_request_is_not_begun(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 1000});
    pair_says(rig.p, GET("/big") GET("/hello"));
    assert_int_equal(rig.w.ended, 0);
    assert_sleeps();
    assert_has("\r\n\r\nhello");
    assert_ended(2, 200, PST_END_OK);
}

/* ---- early answers ---- */

/* RFC 9112 9.6: the answer must not be lost to a reset while the client still sends. */
static void test_connection__refused_while_the_client_sends__answer_is_delivered(void **state)
{
    (void)state;
    static const char *const requests[] = {
        POST("/early", "10000000"),
        POST("/nothing", "10000000"),
        POST("/whole", "10000000"),
        "GET / HTTP/1.1\r\nHost: h\r\nbroken\r\n\r\n",
    };
    static char body[3000000];
    for (size_t i = 0; i < sizeof(requests) / sizeof(requests[0]); i++) {
        rig_open(&rig, NULL);
        pair_says(rig.p, requests[i]);
        /* Ended in order, but not gone: what the client still sends is read and thrown away. */
        assert_true(rig.p->is_shut);
        assert_int_equal(rig_pour(&rig, body, sizeof(body)), sizeof(body));
        assert_false(rig.p->is_gone);
        assert_int_equal(rig.p->taken, strlen(requests[i]) + sizeof(body));
        assert_has("HTTP/1.1 4");
        assert_has("Connection: close");
        assert_sleeps();
        pair_end(rig.p, PST_IO_EOF);
        assert_true(rig.p->is_gone);
        assert_int_equal(rig.w.ended, i + 1);
    }
}

static void test_connection__client_sends_on_and_on_after_the_end__is_cut_at_linger_bytes(void **state)
{
    (void)state;
    static char body[300000];
    rig.w.limits.linger_bytes = 100000;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/early", "10000000"));
    assert_true(rig.p->is_shut);
    rig_pour(&rig, body, 90000);
    assert_false(rig.p->is_gone);
    rig_pour(&rig, body, sizeof(body));
    assert_true(rig.p->is_gone);
    assert_in_range(rig.p->taken, 100000, 100000 + 2 * PST_CHUNK_BYTES);
}

static void test_connection__small_rest_of_an_unwanted_body__is_read_over_and_it_stays_open(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, POST("/early", "9"));
    assert_has("403 Forbidden");
    pair_says(rig.p, "123456789" GET("/hello"));
    assert_has("\r\n\r\nhello");
    assert_false(rig.p->is_shut);
    assert_ended(2, 200, PST_END_OK);
}

/* ---- ends ---- */

static void test_connection__client_ends_between_requests__is_shut_and_gone_without_a_word(void **state)
{
    (void)state;
    static const enum pst_io ways[] = {PST_IO_EOF, PST_IO_TRUNC};
    for (size_t i = 0; i < 2; i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, NULL);
        pair_says(rig.p, GET("/hello"));
        pair_end(rig.p, ways[i]);
        assert_true(rig.p->is_shut);
        assert_true(rig.p->is_gone);
        assert_ended(1, 200, PST_END_OK);
        assert_int_equal(rig.w.events.len, 0);
    }
}

static void test_connection__client_ends_within_a_request__exchange_ends_without_a_reply(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"GET /he", POST("/whole", "5") "abc", POST("/stream", "5") "abc",
                                             CHUNKED("/stream") "5\r\nab"};
    static const enum pst_io ways[] = {PST_IO_EOF, PST_IO_TRUNC};
    for (size_t i = 0; i < sizeof(beginnings) / sizeof(beginnings[0]); i++)
        for (size_t k = 0; k < 2; k++) {
            test_worker_forget(&rig.w);
            rig_open(&rig, NULL);
            pair_says(rig.p, beginnings[i]);
            pair_end(rig.p, ways[k]);
            assert_true(rig.p->is_gone);
            assert_ended(1, 0, PST_END_PEER_CLOSED);
            assert_string_equal(rig_take(&rig), "");
        }
}

static void test_connection__client_ends_within_an_unwanted_body__reply_still_goes_out(void **state)
{
    (void)state;
    static const enum pst_io ways[] = {PST_IO_EOF, PST_IO_TRUNC};
    for (size_t k = 0; k < 2; k++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, &(struct pair_options){.out_cap = 50});
        pair_says(rig.p, POST("/early", "1000") "abc");
        pair_end(rig.p, ways[k]);
        assert_sleeps();
        assert_int_equal(rig.w.ended, 0);
        assert_has("</html>\n");
        assert_true(rig.p->is_gone);
        assert_ended(1, 403, PST_END_OK);
    }
}

static void test_connection__client_half_closes_behind_its_requests__all_are_answered(void **state)
{
    (void)state;
    static const enum pst_io ways[] = {PST_IO_EOF, PST_IO_TRUNC};
    for (size_t k = 0; k < 2; k++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, &(struct pair_options){.out_cap = 100});
        pair_says(rig.p, GET("/hello") GET("/wait") GET("/hello"));
        pair_end(rig.p, ways[k]);
        rig_take(&rig);
        assert_non_null(rig.waiting);
        assert_sleeps();
        rig_reply(&rig, "waited");
        test_worker_turns(&rig.w, 1);
        const char *got = rig_take(&rig);
        assert_int_equal(rig_count(got, "\r\n\r\nhello"), 2);
        assert_int_equal(rig_count(got, "\r\n\r\nwaited"), 1);
        assert_true(rig.p->is_gone);
        assert_ended(3, 200, PST_END_OK);
    }
}

static void test_connection__reset_in_any_state__exchange_hears_of_it_once(void **state)
{
    (void)state;
    static const struct {
        const char *says;
        int status;
    } cases[] = {
        {"", 0},
        {GET("/hello"), 200},
        {"GET /he", 0},
        {GET("/wait"), 0},
        {POST("/stream", "5") "abc", 0},
        {POST("/whole", "5") "abc", 0},
        {GET("/big"), 200},
        {GET("/source"), 200},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_worker_forget(&rig.w);
        rig.ends = 0;
        rig.source_plan = "dn";
        rig_open(&rig, &(struct pair_options){.out_cap = 1000});
        if (cases[i].says[0])
            pair_says(rig.p, cases[i].says);
        bool is_over = rig.w.ended > 0, is_begun = cases[i].says[0];
        pair_end(rig.p, PST_IO_ERR);
        assert_true(rig.p->is_gone);
        assert_false(rig.p->is_shut);
        if (is_begun)
            assert_ended(1, cases[i].status, is_over ? PST_END_OK : PST_END_PEER_RESET);
        assert_in_range(rig.ends, 0, 1);
        assert_null(rig.waiting);
        assert_int_equal(rig.w.closed, 1);
    }
}

static void test_connection__reset_while_lingering__is_gone(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, "GET /hello HTTP/1.0\r\n\r\n");
    assert_true(rig.p->is_shut);
    assert_sleeps();
    pair_end(rig.p, PST_IO_ERR);
    assert_true(rig.p->is_gone);
    assert_ended(1, 200, PST_END_OK);
}

/* Everything that was counted is out before our direction ends. */
static void test_connection__last_reply__goes_out_whole_before_the_end(void **state)
{
    (void)state;
    rig_open(&rig, &(struct pair_options){.out_cap = 50, .hold_cap = 5000});
    pair_says(rig.p, "GET /hello HTTP/1.0\r\n\r\n");
    assert_false(rig.p->is_shut);
    assert_sleeps();
    char byte;
    while (pair_take(rig.p, &byte, 1) == 1) {
        pst_text_add(&rig.got, pst_slice_of(&byte, 1));
        if (rig.p->is_shut)
            break;
    }
    assert_int_equal(rig.p->hold.len, 0);
    assert_has("\r\n\r\nhello");
    assert_true(rig.p->is_shut);
    assert_false(rig.p->is_gone);
    assert_sleeps();
    pair_end(rig.p, PST_IO_EOF);
    assert_true(rig.p->is_gone);
}

static void test_connection__source_fails__is_cut_so_that_the_body_is_not_taken_for_whole(void **state)
{
    (void)state;
    rig.source_plan = "ddf";
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/source"));
    assert_true(rig.p->is_gone);
    assert_false(rig.p->is_shut);
    assert_int_equal(rig_count(rig_take(&rig), "\r\n0\r\n"), 0);
    assert_ended(1, 200, PST_END_SOURCE_FAILED);
    assert_int_equal(rig.ends, 1);
}

static void test_connection__file_is_shorter_than_it_was__is_cut(void **state)
{
    (void)state;
    char name[] = "/tmp/postern-rig-XXXXXX";
    rig.file_fd = mkstemp(name);
    assert_true(rig.file_fd >= 0);
    unlink(name);
    assert_int_equal(write(rig.file_fd, "0123456789", 10), 10);
    for (int has_sendfile = 0; has_sendfile < 2; has_sendfile++) {
        const struct pair_options options = {.has_sendfile = has_sendfile};
        test_worker_forget(&rig.w);
        rig.file_len = 10;
        rig_open(&rig, &options);
        pair_says(rig.p, GET("/file"));
        assert_has("\r\n\r\n0123456789");
        assert_int_equal(rig.p->calls.sendfile > 0, has_sendfile);
        assert_int_equal(rig.p->base.more_follows, has_sendfile); /* the head goes out with it */
        rig.file_len = 11;
        pair_says(rig.p, GET("/file"));
        assert_true(rig.p->is_gone);
        assert_false(rig.p->is_shut);
        assert_ended(2, 200, PST_END_SOURCE_FAILED);
    }
    close(rig.file_fd);
}

/* ---- the handshake ---- */

static void test_connection__handshake_waits__nothing_else_is_tried(void **state)
{
    (void)state;
    static const enum pst_io wants[] = {PST_IO_WANT_RD, PST_IO_WANT_WR, PST_IO_WANT_RD};
    rig_open_shaking(&rig);
    for (size_t i = 0; i < sizeof(wants) / sizeof(wants[0]); i++) {
        assert_sleeps();
        pair_handshakes(rig.p, wants[i]);
    }
    assert_int_equal(io_calls(), rig.p->calls.handshake);
    pair_handshakes(rig.p, PST_IO_OK);
    pair_says(rig.p, GET("/hello"));
    assert_has("\r\n\r\nhello");
}

/* Such as a ticket. */
static void test_connection__handshake_leaves_bytes__they_go_with_the_reply_or_alone(void **state)
{
    (void)state;
    static const struct pair_options options = {
        .is_costly = true, .hold_cap = 1000, .is_patient = true, .last_words = "ticket "};
    for (int with_request = 0; with_request < 2; with_request++) {
        rig_open(&rig, &options);
        if (with_request)
            pair_says(rig.p, GET("/hello"));
        else
            pair_notify(rig.p, PST_EV_RD);
        test_worker_turns(&rig.w, 1);
        assert_int_equal(rig.p->sends, 1);
        assert_has(with_request ? "ticket HTTP/1.1 200" : "ticket ");
        assert_sleeps();
        pair_end(rig.p, PST_IO_EOF);
    }
}

static void test_connection__handshake_fails__is_destroyed_and_the_cause_named(void **state)
{
    (void)state;
    static const struct {
        enum pst_io how;
        const char *event;
    } cases[] = {{PST_IO_EOF, ""},
                 {PST_IO_TRUNC, "client closed without TLS close_notify\n"},
                 {PST_IO_ERR, "connection reset by client\n"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        test_worker_forget(&rig.w);
        rig_open_shaking(&rig);
        pair_end(rig.p, cases[i].how);
        assert_true(rig.p->is_gone);
        assert_int_equal(rig.p->calls.shutdown + rig.p->calls.read, 0);
        pst_text_add(&rig.w.events, pst_slice_of("", 1));
        assert_string_equal(rig.w.events.ptr, cases[i].event);
        assert_int_equal(rig.w.ended, 0);
    }
}

/* ---- the server stops ---- */

static void test_connection__drained__idle_ones_end_and_busy_ones_finish_first(void **state)
{
    (void)state;
    struct pair *idle = pair_new(NULL);
    assert_int_equal(pst_connection_open(&rig.w.driver, pair_transport(idle), &idle->connection), 0);
    struct pair *shaking = pair_new(NULL);
    shaking->handshake = PST_IO_WANT_RD;
    assert_int_equal(pst_connection_open(&rig.w.driver, pair_transport(shaking), &shaking->connection), 0);
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/wait") GET("/hello"));
    pst_driver_drain(&rig.w.driver);
    assert_true(idle->is_shut);
    assert_false(idle->is_gone); /* it may have a request on its way: read, not reset */
    assert_true(shaking->is_gone);
    assert_false(rig.p->is_shut);
    assert_sleeps();
    rig_reply(&rig, "finished");
    test_worker_turns(&rig.w, 1);
    assert_has("Connection: close\r\n");
    assert_has("\r\n\r\nfinished");
    assert_int_equal(rig_count(rig_take(&rig), "\r\n\r\nhello"), 0);
    assert_true(rig.p->is_shut);
    assert_ended(1, 200, PST_END_OK);
    pair_end(rig.p, PST_IO_EOF);
    pair_end(idle, PST_IO_EOF);
    assert_true(rig.p->is_gone && idle->is_gone);
    pair_free(idle);
    pair_free(shaking);
}

static void test_connection__drained_within_a_head_or_body__request_is_finished(void **state)
{
    (void)state;
    static const char *const parts[][2] = {{"GET /hel", "lo HTTP/1.1\r\nHost: h\r\n\r\n"},
                                           {POST("/whole", "5") "ab", "cde"}};
    for (size_t i = 0; i < 2; i++) {
        test_worker_forget(&rig.w);
        rig_open(&rig, NULL);
        pair_says(rig.p, parts[i][0]);
        pst_driver_drain(&rig.w.driver);
        assert_sleeps();
        pair_says(rig.p, parts[i][1]);
        assert_has("HTTP/1.1 200 OK");
        assert_has("Connection: close\r\n");
        assert_true(rig.p->is_shut);
        pair_end(rig.p, PST_IO_EOF);
        assert_true(rig.p->is_gone);
    }
}

static void test_connection__aborted__all_end_at_once_and_are_told(void **state)
{
    (void)state;
    rig_open(&rig, NULL);
    pair_says(rig.p, GET("/wait"));
    struct pair *idle = pair_new(NULL);
    assert_int_equal(pst_connection_open(&rig.w.driver, pair_transport(idle), &idle->connection), 0);
    pst_driver_abort(&rig.w.driver);
    assert_true(rig.p->is_gone && idle->is_gone);
    assert_int_equal(rig.ends, 1);
    assert_int_equal(rig.why, PST_END_STOPPED);
    assert_ended(1, 0, PST_END_STOPPED);
    assert_int_equal(rig.w.closed, 2);
    pair_free(idle);
}

/* ---- the trace ---- */

static size_t traced[2];

static void on_trace(struct pst_driver *driver, const struct pst_trace_entry *entry)
{
    (void)driver;
    traced[entry->out] += entry->len;
}

static void test_connection__traced__all_bytes_are_shown_once(void **state)
{
    (void)state;
    char name[] = "/tmp/postern-rig-XXXXXX";
    rig.file_fd = mkstemp(name);
    assert_true(rig.file_fd >= 0);
    unlink(name);
    assert_int_equal(write(rig.file_fd, "0123456789", 10), 10);
    rig.file_len = 10;
    rig.w.driver.on_trace = on_trace;
    traced[0] = traced[1] = 0;
    rig_open(&rig, &(struct pair_options){.out_cap = 777, .hold_cap = 33, .has_sendfile = true});
    const char says[] = GET("/big") GET("/file") GET("/hello");
    pair_says(rig.p, says);
    rig_take(&rig);
    assert_int_equal(rig.p->calls.sendfile, 0); /* or nobody would have seen its bytes */
    assert_int_equal(traced[0], sizeof(says) - 1);
    assert_int_equal(traced[1], rig.got.len);
    assert_true(rig.got.len > 300000);
    close(rig.file_fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_connection__requests_one_after_another__are_answered_and_it_stays_open),
        TEST(test_connection__pipelined_requests__are_answered_in_order),
        TEST(test_connection__replies_of_a_turn__are_flushed_together_and_at_its_end),
        TEST(test_connection__last_reply__leaves_with_the_end),
        TEST(test_connection__input_without_end__replies_leave_in_each_turn),
        TEST(test_connection__reply_larger_than_the_room__goes_on_as_the_peer_takes_it),
        TEST(test_connection__handler_replies_later__its_reply_goes_out_by_itself),
        TEST(test_connection__source_has_nothing__waits_until_woken),
        TEST(test_connection__requests_without_end__others_get_their_turn),
        TEST(test_connection__two_busy_peers__advance_alike),
        TEST(test_connection__body_paused__transport_is_not_read_until_resumed),
        TEST(test_connection__bytes_arrive_while_paused__are_read_after_those_that_were_read_ahead),
        TEST(test_connection__reply_not_taken__next_request_is_not_begun),
        TEST(test_connection__refused_while_the_client_sends__answer_is_delivered),
        TEST(test_connection__client_sends_on_and_on_after_the_end__is_cut_at_linger_bytes),
        TEST(test_connection__small_rest_of_an_unwanted_body__is_read_over_and_it_stays_open),
        TEST(test_connection__client_ends_between_requests__is_shut_and_gone_without_a_word),
        TEST(test_connection__client_ends_within_a_request__exchange_ends_without_a_reply),
        TEST(test_connection__client_ends_within_an_unwanted_body__reply_still_goes_out),
        TEST(test_connection__client_half_closes_behind_its_requests__all_are_answered),
        TEST(test_connection__reset_in_any_state__exchange_hears_of_it_once),
        TEST(test_connection__reset_while_lingering__is_gone),
        TEST(test_connection__last_reply__goes_out_whole_before_the_end),
        TEST(test_connection__source_fails__is_cut_so_that_the_body_is_not_taken_for_whole),
        TEST(test_connection__file_is_shorter_than_it_was__is_cut),
        TEST(test_connection__handshake_waits__nothing_else_is_tried),
        TEST(test_connection__handshake_leaves_bytes__they_go_with_the_reply_or_alone),
        TEST(test_connection__handshake_fails__is_destroyed_and_the_cause_named),
        TEST(test_connection__drained__idle_ones_end_and_busy_ones_finish_first),
        TEST(test_connection__drained_within_a_head_or_body__request_is_finished),
        TEST(test_connection__aborted__all_end_at_once_and_are_told),
        TEST(test_connection__traced__all_bytes_are_shown_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
