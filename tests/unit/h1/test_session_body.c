/* Request bodies of the HTTP/1.1 session: 100 Continue, limits, bodies that nobody wants, back-pressure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/h1_bench.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GET          "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define CONTINUE     "HTTP/1.1 100 Continue\r\n\r\n"
#define HELLO        "HTTP/1.1 200 OK\r\n" H1_BENCH_DATE "Content-Length: 5\r\n\r\nhello"
#define HELLO_CLOSE  "HTTP/1.1 200 OK\r\n" H1_BENCH_DATE "Content-Length: 5\r\nConnection: close\r\n\r\nhello"

static struct h1_bench bench;

static int setup(void **state)
{
    (void)state;
    h1_bench_init(&bench);
    h1_bench_open(&bench);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    h1_bench_fini(&bench);
    return 0;
}

static int status_of(const char *text)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static bool says_close(const char *text)
{
    return strstr(text, "\r\nConnection: close\r\n") != NULL;
}

/* What the peer gets for this; valid until the next call. */
static const char *post(const char *path, const char *fields, const char *body)
{
    char text[1024];
    snprintf(text, sizeof(text), "POST %s HTTP/1.1\r\nHost: h\r\n%s\r\n%s", path, fields, body);
    return h1_bench_says(&bench, text);
}

static void reply_hello(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    assert_int_equal(pst_reply_bytes(ex, "hello", 5), 0);
}

static void do_nothing(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    (void)ex;
}

/* ---- RFC 9110 10.1.1 Expect, 15.2.1 100 Continue ---- */

static void test_session__expects_continue__sent_when_the_body_is_wanted(void **state)
{
    (void)state;
    static const char *const paths[] = {"/whole", "/stream"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        h1_bench_open(&bench);
        assert_string_equal(post(paths[i], "Expect: 100-continue\r\nContent-Length: 2\r\n", ""), CONTINUE);
        assert_string_equal(h1_bench_says(&bench, "a"), ""); /* once */
        assert_string_equal(h1_bench_says(&bench, "b"), HELLO);
        assert_string_equal(h1_bench_says(&bench, GET), HELLO);

        h1_bench_open(&bench);
        assert_string_equal(post(paths[i], "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", ""),
                            CONTINUE);
        assert_string_equal(h1_bench_says(&bench, "1\r\na\r\n0\r\n\r\n"), HELLO);
    }
}

static void test_session__continue_taken_byte_by_byte__whole_and_before_the_reply(void **state)
{
    (void)state;
    for (bench.send_most = 1; bench.send_most < 8; bench.send_most++) {
        h1_bench_open(&bench);
        assert_string_equal(post("/whole", "Expect: 100-continue\r\nContent-Length: 2\r\n", ""), CONTINUE);
        assert_string_equal(h1_bench_says(&bench, "ab"), HELLO);
    }
}

static void test_session__no_continue__where_no_body_is_waited_for(void **state)
{
    (void)state;
    assert_string_equal(post("/whole", "Expect: 100-continue\r\n", ""), HELLO);
    assert_string_equal(post("/whole", "Expect: 100-continue\r\nContent-Length: 0\r\n", ""), HELLO);
    assert_string_equal(
        h1_bench_says(&bench, "POST /whole HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"),
        ""); /* an HTTP/1.0 client cannot mean it */
    assert_string_equal(h1_bench_says(&bench, "ab"), HELLO_CLOSE);
}

/* The final status instead of 100. Whether the body still follows nobody knows: closed. */
static void test_session__expects_continue_but_is_answered_at_once__no_continue_and_close(void **state)
{
    (void)state;
    static const struct {
        const char *path, *fields;
        int status;
    } rows[] = {
        {"/none", "Expect: 100-continue\r\nContent-Length: 5\r\n", 405},
        {"/stream", "Expect: 100-continue\r\nContent-Length: 5\r\n", 200},
        {"/stream", "Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n", 200},
        {"/whole", "Expect: 100-continue\r\nContent-Length: 2000000\r\n", 413},
        {"/whole", "Expect: 200-maybe\r\nContent-Length: 5\r\n", 417},
    };
    bench.on_request = reply_hello;
    for (size_t i = 0; i < COUNT(rows); i++) {
        h1_bench_open(&bench);
        const char *got = post(rows[i].path, rows[i].fields, "");
        if (status_of(got) != rows[i].status || !says_close(got) || strstr(got, "100 Continue"))
            fail_msg("row %zu: %s", i, got);
        assert_true(h1_bench_is_finished(&bench));
    }
}

/* A client that does not wait. The answer was on its way already, or is not given any more. */
static void test_session__body_comes_without_waiting__answered_all_the_same(void **state)
{
    (void)state;
    const char *got = post("/whole", "Expect: 100-continue\r\nContent-Length: 5\r\n", "hello");
    if (strncmp(got, CONTINUE, sizeof(CONTINUE) - 1) == 0)
        got += sizeof(CONTINUE) - 1;
    assert_string_equal(got, HELLO);
    assert_string_equal(h1_bench_says(&bench, GET), HELLO);
}

static void test_session__continue_is_under_way_when_the_reply_comes__finished_first(void **state)
{
    (void)state;
    bench.on_request = do_nothing;
    bench.is_deaf = true;
    h1_bench_says(&bench,
                  "POST /stream HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    struct pst_output out;
    bench.s->ops->output(bench.s, &out);
    assert_int_equal(out.iov_count, 1);
    bench.s->ops->sent(bench.s, 7);
    assert_int_equal(pst_reply_bytes(bench.ex, "hello", 5), 0);
    bench.is_deaf = false;
    const char *got = h1_bench_take(&bench);
    assert_memory_equal(got, &CONTINUE[7], sizeof(CONTINUE) - 1 - 7);
    assert_int_equal(status_of(got + sizeof(CONTINUE) - 1 - 7), 200);
}

/* ---- too much: RFC 9110 15.5.14 413 ---- */

static void test_session__declared_too_long__413_before_any_of_it(void **state)
{
    (void)state;
    bench.w.limits.body_bytes = 10;
    bench.w.limits.stream_bytes = 20;
    static const struct {
        const char *path;
        unsigned most;
    } rows[] = {{"/whole", 10}, {"/stream", 20}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char fields[64];
        h1_bench_open(&bench);
        snprintf(fields, sizeof(fields), "Content-Length: %u\r\n", rows[i].most);
        assert_string_equal(post(rows[i].path, fields, ""), "");
        h1_bench_open(&bench);
        snprintf(fields, sizeof(fields), "Content-Length: %u\r\n", rows[i].most + 1);
        const char *got = post(rows[i].path, fields, "");
        assert_int_equal(status_of(got), 413);
        /* It is short enough to be read and thrown away: the connection goes on. */
        assert_false(says_close(got));
        h1_bench_says(&bench, "0123456789");
        if (rows[i].most == 20)
            h1_bench_says(&bench, "0123456789");
        assert_string_equal(h1_bench_says(&bench, "x" GET), HELLO);
    }
}

static void test_session__chunked_too_long__413_as_soon_as_it_is(void **state)
{
    (void)state;
    bench.w.limits.body_bytes = bench.w.limits.stream_bytes = 10;
    static const char *const paths[] = {"/whole", "/stream"};
    for (size_t i = 0; i < COUNT(paths); i++) {
        h1_bench_open(&bench);
        assert_string_equal(post(paths[i], "Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n5\r\nworld\r\n"),
                            "");
        const char *got = h1_bench_says(&bench, "1\r\nx");
        assert_int_equal(status_of(got), 413);
        assert_true(says_close(got)); /* nobody knows how long it will go on */
        assert_int_equal(bench.lasts, 0);
        assert_int_equal(bench.w.status, 413);

        h1_bench_open(&bench);
        assert_string_equal(post(paths[i], "Transfer-Encoding: chunked\r\n", "a\r\nhelloworld\r\n0\r\n\r\n"),
                            HELLO);
    }
}

static void test_session__streamed_too_long__handler_hears_the_end_once(void **state)
{
    (void)state;
    bench.w.limits.stream_bytes = 4;
    assert_int_equal(
        status_of(post("/stream", "Transfer-Encoding: chunked\r\n", "4\r\nabcd\r\n3\r\nefg\r\n")), 413);
    assert_int_equal(bench.begun, 1);
    assert_int_equal(bench.ended, 1);
    assert_memory_equal(bench.body.ptr, "abcd", 4);
    assert_int_equal(bench.body.len, 4);
}

/* ---- bodies that nobody wants: RFC 9112 9.3 ---- */

static void test_session__unwanted_body_within_discard_bytes__connection_is_kept(void **state)
{
    (void)state;
    bench.w.limits.discard_bytes = 10;
    static const char *const paths[] = {"/none", "/stream"};
    bench.on_request = reply_hello;
    for (size_t i = 0; i < COUNT(paths); i++) {
        for (size_t piece = 0; piece < 4; piece++) {
            h1_bench_open(&bench);
            const char *got = post(paths[i], "Content-Length: 10\r\n", "");
            assert_int_equal(status_of(got), i ? 200 : 405);
            assert_false(says_close(got));
            assert_int_equal(h1_bench_feed(&bench, "0123456789" GET, 10 + sizeof(GET) - 1, piece),
                             10 + sizeof(GET) - 1);
            assert_string_equal(h1_bench_take(&bench), HELLO);
            assert_int_equal(bench.body.len, 0);
        }
    }
}

static void test_session__unwanted_body_over_discard_bytes__closed_unread(void **state)
{
    (void)state;
    bench.w.limits.discard_bytes = 10;
    bench.on_request = reply_hello;
    const char *got = post("/stream", "Content-Length: 11\r\n", "");
    assert_string_equal(got, HELLO_CLOSE);
    assert_true(h1_bench_is_finished(&bench));
    assert_false(h1_bench_wants_input(&bench));

    bench.w.limits.discard_bytes = 0;
    h1_bench_open(&bench);
    assert_string_equal(post("/stream", "Content-Length: 1\r\n", ""), HELLO_CLOSE);
    h1_bench_open(&bench);
    assert_string_equal(post("/stream", "Content-Length: 0\r\n", ""), HELLO);
    assert_string_equal(h1_bench_says(&bench, GET), HELLO);
}

static void reply_after_4(struct h1_bench *b, struct pst_exchange *ex, struct pst_slice data, bool last)
{
    (void)data;
    (void)last;
    if (b->body.len >= 4)
        assert_int_equal(pst_reply_bytes(ex, "hello", 5), 0);
}

static void test_session__answered_half_way__the_rest_is_thrown_away(void **state)
{
    (void)state;
    bench.on_body = reply_after_4;
    assert_string_equal(post("/stream", "Content-Length: 10\r\n", "012"), "");
    assert_string_equal(h1_bench_says(&bench, "34"), HELLO);
    assert_string_equal(h1_bench_says(&bench, "567"), "");
    assert_string_equal(h1_bench_says(&bench, "89" GET), HELLO);
    assert_int_equal(bench.body.len, 5);
    assert_int_equal(bench.lasts, 0);
}

/* What the peer sends while it takes no reply has a bound as well. */
/* The client stops sending since it has got what it wanted, or is about to: the answer is still owed. */
static void test_session__answered_early_and_body_cut_off__answer_goes_out(void **state)
{
    (void)state;
    bench.on_request = reply_hello;
    bench.is_deaf = true;
    post("/stream", "Content-Length: 10\r\n", "0123");
    bench.s->ops->input_end(bench.s, true);
    assert_false(h1_bench_is_finished(&bench));
    assert_int_equal(bench.ended, 0);
    bench.is_deaf = false;
    assert_int_equal(status_of(h1_bench_take(&bench)), 200);
    assert_true(h1_bench_is_finished(&bench));
    assert_int_equal(bench.why, PST_END_OK);
}

static void test_session__reply_not_taken_and_body_goes_on__bounded(void **state)
{
    (void)state;
    bench.w.limits.discard_bytes = 1000;
    bench.on_body = reply_after_4;
    bench.is_deaf = true;
    post("/stream", "Content-Length: 1000\r\n", "01234");
    char rest[995];
    memset(rest, 'x', sizeof(rest));
    assert_int_equal(h1_bench_feed(&bench, rest, sizeof(rest), 100), sizeof(rest));
    assert_int_equal(h1_bench_feed(&bench, GET, sizeof(GET) - 1, 0), 0); /* not before the reply has gone */
    bench.is_deaf = false;
    bench.on_body = NULL;
    assert_string_equal(h1_bench_take(&bench), HELLO);
    assert_string_equal(h1_bench_says(&bench, GET), HELLO);
}

static void test_session__reply_not_taken_and_chunks_go_on__bounded(void **state)
{
    (void)state;
    bench.w.limits.discard_bytes = 1000;
    bench.on_body = reply_after_4;
    bench.is_deaf = true;
    post("/stream", "Transfer-Encoding: chunked\r\n", "5\r\n01234\r\n");
    char chunk[105];
    memcpy(chunk, "62\r\n", 4);
    memset(chunk + 4, 'x', 98);
    memcpy(chunk + 102, "\r\n", 2);
    size_t used = 0;
    for (int i = 0; i < 20; i++)
        used += h1_bench_feed(&bench, chunk, 104, 0);
    assert_true(used < 11 * 104);
    assert_false(h1_bench_wants_input(&bench));
    bench.is_deaf = false;
    assert_string_equal(h1_bench_take(&bench), HELLO_CLOSE);
    assert_true(h1_bench_is_finished(&bench));
}

static void test_session__unwanted_body_cut_off__exchange_ends_as_answered(void **state)
{
    (void)state;
    bench.on_request = reply_hello;
    assert_string_equal(post("/stream", "Content-Length: 10\r\n", "0123"), HELLO);
    assert_int_equal(bench.why, PST_END_OK);
    bench.s->ops->input_end(bench.s, true);
    assert_true(h1_bench_is_finished(&bench));
    assert_int_equal(bench.ended, 1);

    /* Late with it: no second answer. */
    h1_bench_open(&bench);
    assert_string_equal(post("/stream", "Content-Length: 10\r\n", "0123"), HELLO);
    bench.s->ops->late(bench.s);
    assert_string_equal(h1_bench_take(&bench), "");
    assert_true(h1_bench_is_finished(&bench));
    assert_int_equal(bench.ended, 1);
}

/* ---- back-pressure ---- */

static void pause_it(struct h1_bench *b, struct pst_exchange *ex, struct pst_slice data, bool last)
{
    (void)b;
    (void)data;
    if (last)
        assert_int_equal(pst_reply_bytes(ex, "hello", 5), 0);
    else
        pst_exchange_pause(ex);
}

static void test_session__paused__takes_no_more_until_resumed(void **state)
{
    (void)state;
    bench.on_body = pause_it;
    assert_string_equal(post("/stream", "Content-Length: 6\r\n", "ab"), "");
    assert_false(h1_bench_wants_input(&bench));
    assert_int_equal(h1_bench_feed(&bench, "cd", 2, 0), 0);
    assert_int_equal(bench.body.len, 2);
    unsigned wakes = bench.wakes;
    pst_exchange_resume(bench.ex);
    assert_int_equal(bench.wakes, wakes + 1);
    assert_true(h1_bench_wants_input(&bench));
    assert_string_equal(h1_bench_says(&bench, "cd"), "");
    pst_exchange_resume(bench.ex);
    assert_string_equal(h1_bench_says(&bench, "ef"), HELLO);
    assert_int_equal(bench.body.len, 6);
}

static void test_session__paused_between_chunks__one_at_a_time(void **state)
{
    (void)state;
    bench.on_body = pause_it;
    static const char in[] = "POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
                             "chunked\r\n\r\n2\r\nab\r\n2\r\ncd\r\n0\r\n\r\n";
    size_t len = sizeof(in) - 1, at = h1_bench_feed(&bench, in, len, 0);
    for (size_t got = 2; got <= 4; got += 2) {
        assert_int_equal(bench.body.len, got);
        assert_false(h1_bench_wants_input(&bench));
        pst_exchange_resume(bench.ex);
        at += h1_bench_feed(&bench, in + at, len - at, 0);
    }
    assert_int_equal(at, len);
    assert_string_equal(h1_bench_take(&bench), HELLO);
}

static void pause_at_once(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    pst_exchange_pause(ex);
}

static void test_session__paused_in_on_request__body_waits(void **state)
{
    (void)state;
    bench.on_request = pause_at_once;
    static const char in[] = "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab";
    assert_int_equal(h1_bench_feed(&bench, in, sizeof(in) - 1, 0), sizeof(in) - 3);
    assert_int_equal(bench.body.len, 0);
    pst_exchange_resume(bench.ex);
    assert_string_equal(h1_bench_says(&bench, "ab"), HELLO);

    /* And where there is none, its end. */
    h1_bench_open(&bench);
    assert_string_equal(post("/stream", "", ""), "");
    assert_int_equal(bench.lasts, 0);
    pst_exchange_resume(bench.ex);
    assert_int_equal(bench.lasts, 1);
    assert_string_equal(h1_bench_take(&bench), HELLO);
}

static void test_session__replied_while_paused__the_rest_is_thrown_away(void **state)
{
    (void)state;
    bench.on_request = pause_at_once;
    post("/stream", "Content-Length: 2\r\n", "");
    assert_false(h1_bench_wants_input(&bench));
    assert_int_equal(pst_reply_bytes(bench.ex, "hello", 5), 0);
    assert_string_equal(h1_bench_take(&bench), HELLO);
    bench.on_request = NULL;
    assert_string_equal(h1_bench_says(&bench, "ab" GET), HELLO);
}

static void test_session__body_whole_and_reply_deferred__the_next_waits(void **state)
{
    (void)state;
    bench.on_request = do_nothing;
    static const char in[] = "POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nab" GET;
    assert_int_equal(h1_bench_feed(&bench, in, sizeof(in) - 1, 1), sizeof(in) - sizeof(GET));
    assert_int_equal(bench.begun, 1);
    assert_true(pst_slice_eq(pst_exchange_body(bench.ex), PST_SLICE("ab")));
    assert_int_equal(pst_reply_bytes(bench.ex, "hello", 5), 0);
    assert_string_equal(h1_bench_take(&bench), HELLO);
}

/* The same upload in pieces of every size comes out the same. */
static void test_session__uploads_in_pieces_of_all_sizes__the_same_body(void **state)
{
    (void)state;
    static const char body[] = "The quick brown fox jumps over the lazy dog";
    char plain[256], chunked[512];
    int plain_len =
        snprintf(plain, sizeof(plain), "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n%s",
                 sizeof(body) - 1, body);
    int chunked_len = snprintf(chunked, sizeof(chunked),
                               "POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (size_t at = 0, n = 1; at < sizeof(body) - 1; at += n++) {
        size_t left = sizeof(body) - 1 - at;
        chunked_len += snprintf(chunked + chunked_len, sizeof(chunked) - (size_t)chunked_len,
                                "%zx\r\n%.*s\r\n", n < left ? n : left, (int)n, body + at);
    }
    chunked_len +=
        snprintf(chunked + chunked_len, sizeof(chunked) - (size_t)chunked_len, "0\r\nA: b\r\n\r\n");
    for (size_t piece = 1; piece <= (size_t)chunked_len; piece++) {
        for (int is_chunked = 0; is_chunked <= 1; is_chunked++) {
            h1_bench_open(&bench);
            size_t len = (size_t)(is_chunked ? chunked_len : plain_len);
            assert_int_equal(h1_bench_feed(&bench, is_chunked ? chunked : plain, len, piece), len);
            assert_string_equal(h1_bench_take(&bench), HELLO);
            assert_int_equal(bench.body.len, sizeof(body) - 1);
            assert_memory_equal(bench.body.ptr, body, sizeof(body) - 1);
            assert_int_equal(bench.lasts, 1);
        }
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_session__expects_continue__sent_when_the_body_is_wanted),
        TEST(test_session__continue_taken_byte_by_byte__whole_and_before_the_reply),
        TEST(test_session__no_continue__where_no_body_is_waited_for),
        TEST(test_session__expects_continue_but_is_answered_at_once__no_continue_and_close),
        TEST(test_session__body_comes_without_waiting__answered_all_the_same),
        TEST(test_session__continue_is_under_way_when_the_reply_comes__finished_first),
        TEST(test_session__declared_too_long__413_before_any_of_it),
        TEST(test_session__chunked_too_long__413_as_soon_as_it_is),
        TEST(test_session__streamed_too_long__handler_hears_the_end_once),
        TEST(test_session__unwanted_body_within_discard_bytes__connection_is_kept),
        TEST(test_session__unwanted_body_over_discard_bytes__closed_unread),
        TEST(test_session__answered_half_way__the_rest_is_thrown_away),
        TEST(test_session__answered_early_and_body_cut_off__answer_goes_out),
        TEST(test_session__reply_not_taken_and_body_goes_on__bounded),
        TEST(test_session__reply_not_taken_and_chunks_go_on__bounded),
        TEST(test_session__unwanted_body_cut_off__exchange_ends_as_answered),
        TEST(test_session__paused__takes_no_more_until_resumed),
        TEST(test_session__paused_between_chunks__one_at_a_time),
        TEST(test_session__paused_in_on_request__body_waits),
        TEST(test_session__replied_while_paused__the_rest_is_thrown_away),
        TEST(test_session__body_whole_and_reply_deferred__the_next_waits),
        TEST(test_session__uploads_in_pieces_of_all_sizes__the_same_body),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
