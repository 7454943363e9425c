/* The HTTP/1.1 session: requests one after another, when the connection is kept, and how it ends. Driven by
 * bytes, no I/O. Bodies are in test_session_body.c, kinds of replies in test_session_reply.c. */
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
#define GET(path)    "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"
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

/* The status of the reply that text begins with; 0: there is none. */
static int status_of(const char *text)
{
    return strncmp(text, "HTTP/1.1 ", 9) == 0 ? (int)strtol(text + 9, NULL, 10) : 0;
}

static unsigned count_of(const char *text, const char *needle)
{
    unsigned count = 0;
    for (; (text = strstr(text, needle)) != NULL; text++)
        count++;
    return count;
}

/* ---- one request, however it is cut ---- */

static void test_session__get__the_same_reply_however_it_is_cut(void **state)
{
    (void)state;
    static const char request[] = "GET /a?b HTTP/1.1\r\nHost: h\r\nA: b\r\n\r\n";
    size_t len = sizeof(request) - 1;
    assert_string_equal(h1_bench_says(&bench, request), HELLO);
    assert_false(h1_bench_is_finished(&bench));
    for (size_t cut = 0; cut <= len; cut++) {
        h1_bench_open(&bench);
        assert_int_equal(h1_bench_feed_two(&bench, request, len, cut), len);
        assert_string_equal(h1_bench_take(&bench), HELLO);
        assert_int_equal(bench.begun, 1);
    }
    for (size_t piece = 1; piece < len; piece++) {
        h1_bench_open(&bench);
        h1_bench_feed(&bench, request, len, piece);
        assert_string_equal(h1_bench_take(&bench), HELLO);
    }
    /* A peer that takes a few bytes at a time. */
    for (bench.send_most = 1; bench.send_most < 12; bench.send_most++) {
        h1_bench_open(&bench);
        assert_string_equal(h1_bench_says(&bench, request), HELLO);
    }
}

/* Whole connections: what they get, and whether the server then ends them. */
struct row {
    struct pst_slice in;
    int status;    /* of the last reply */
    unsigned ok;   /* replies 200 before it */
    bool is_ended; /* nothing more is read */
};

#define ROW(literal, status, ok, is_ended)                                                                   \
    {                                                                                                        \
        {("" literal), sizeof(literal) - 1}, (status), (ok), (is_ended)                                      \
    }

static void run_row(const struct row *row, size_t first, size_t piece, char *dst, size_t cap)
{
    h1_bench_open(&bench);
    size_t used = piece ? h1_bench_feed(&bench, row->in.ptr, row->in.len, piece)
                        : h1_bench_feed_two(&bench, row->in.ptr, row->in.len, first);
    bool is_ended = h1_bench_is_finished(&bench);
    const char *got = h1_bench_take(&bench);
    assert_true(is_ended || used == row->in.len);
    snprintf(dst, cap, "%s%s", got, is_ended ? "(end)" : "");
}

static void test_session__table__same_replies_whole_in_bytes_and_in_two(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW(GET("/"), 0, 1, false),
        ROW(GET("/") GET("/") GET("/"), 0, 3, false),
        /* RFC 9112 2.2: at least one empty line before a request line is ignored */
        ROW("\r\n" GET("/"), 0, 1, false),
        ROW("\r\n\r\n" GET("/") "\r\n" GET("/") "\r\n", 0, 2, false),
        ROW("\r\n\r\n\r\n\r\n" GET("/"), 0, 1, false),
        ROW("\r\n\r\n\r\n\r\n\r\n" GET("/"), 400, 0, true),
        ROW("\n" GET("/"), 400, 0, true),
        ROW("\r" GET("/"), 400, 0, true),
        ROW("\r\n\r" GET("/"), 400, 0, true),
        ROW("\r\n\n" GET("/"), 400, 0, true),
        ROW(" " GET("/"), 400, 0, true),
        /* A refused request is the last one: what follows cannot be told apart from its rest. */
        ROW(GET("/") "GET / HTTP/1.1\nHost: h\r\n\r\n" GET("/"), 400, 1, true),
        ROW("GET / HTTP/1.1\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n" GET("/"), 400, 0, true),
        ROW("GET / HTTP/2.0\r\nHost: h\r\n\r\n" GET("/"), 505, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello" GET("/"),
            400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: +5\r\n\r\nhello" GET("/"), 400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5, 5\r\n\r\nhello" GET("/"), 400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 6\r\nTransfer-Encoding: "
            "chunked\r\n\r\n0\r\n\r\nG" GET("/"),
            400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n" GET("/"), 400,
            0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n" GET("/"),
            501, 0, true),
        ROW("POST /whole HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" GET("/"), 400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 99999999999999999999\r\n\r\n", 413, 0, true),
        /* Not understood, but well formed: the connection goes on. */
        ROW("BREW / HTTP/1.1\r\nHost: h\r\n\r\n" GET("/"), 200, 0, false),
        ROW("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n" GET("/"), 200, 0, false),
        ROW("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" GET("/"), 200, 0, false), /* 405 */
        /* Bodies, and the request right behind them. */
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" GET("/"), 0, 2, false),
        ROW("POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" GET("/"), 0, 2, false),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n" GET("/"), 0, 2, false),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\n\r\n" GET("/"), 0, 2, false),
        ROW("POST /stream HTTP/1.1\r\nHost: h\r\n\r\n" GET("/"), 0, 2, false),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
            "chunked\r\n\r\n2;x\r\nhe\r\n3\r\nllo\r\n0\r\nT: u\r\n\r\n" GET("/"),
            0, 2, false),
        ROW("POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
            "chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n" GET("/"),
            0, 2, false),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello" GET("/"), 0, 2, false),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n" GET("/"), 0,
            2, false),
        /* A chunked body that goes wrong (RFC 9112 7.1). */
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5 "
            "\r\nhello\r\n0\r\n\r\n" GET("/"),
            400, 0, true),
        ROW("POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
            "chunked\r\n\r\n5\r\nhello!\r\n0\r\n\r\n" GET("/"),
            400, 0, true),
        ROW("POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: "
            "chunked\r\n\r\n5\r\nhello\r\n0\r\nA\r\n\r\n" GET("/"),
            400, 0, true),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n10000000000000005\r\nhello",
            400, 0, true),
        /* Not complete yet: no answer. */
        ROW("GET / HTTP/1.1\r\nHost: h\r\n", 0, 0, false),
        ROW("POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 0, 0, false),
    };
    static char whole[8192], other[8192];
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct row *row = &rows[i];
        run_row(row, row->in.len, 0, whole, sizeof(whole));
        unsigned ok = count_of(whole, "HTTP/1.1 200 OK\r\n");
        const char *last = whole, *next = whole;
        while ((next = strstr(next, "HTTP/1.1 ")) != NULL)
            last = next++;
        bool is_good = row->status == 0     ? ok == row->ok
                       : row->status == 200 ? status_of(last) == 200
                                            : status_of(last) == row->status && ok == row->ok;
        if (!is_good || bench.s == NULL || (strstr(whole, "(end)") != NULL) != row->is_ended)
            fail_msg("row %zu: %s", i, whole);
        if (row->is_ended) /* and the peer is told */
            assert_non_null(strstr(last, "\r\nConnection: close\r\n"));
        run_row(row, 0, 1, other, sizeof(other));
        if (strcmp(whole, other) != 0)
            fail_msg("row %zu, byte by byte: %s, whole: %s", i, other, whole);
        for (size_t cut = 1; cut < row->in.len; cut++) {
            run_row(row, cut, 0, other, sizeof(other));
            if (strcmp(whole, other) != 0)
                fail_msg("row %zu, cut at %zu: %s, whole: %s", i, cut, other, whole);
        }
    }
}

/* ---- pipelining: RFC 9112 9.3.2 ---- */

static void reply_path(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    struct pst_slice path = pst_exchange_path(ex);
    assert_int_equal(pst_reply_copy(ex, path.ptr, path.len), 0);
}

static void test_session__pipelined__answered_in_order(void **state)
{
    (void)state;
    bench.on_request = reply_path;
    char in[4000];
    size_t len = 0;
    enum { MANY = 100 };
    for (int i = 0; i < MANY; i++)
        len += (size_t)snprintf(in + len, sizeof(in) - len, "GET /%d HTTP/1.1\r\nHost: h\r\n\r\n", i);
    assert_int_equal(h1_bench_feed(&bench, in, len, 0), len);
    const char *got = h1_bench_take(&bench);
    for (int i = 0; i < MANY; i++) {
        char expected[200];
        int n = snprintf(expected, sizeof(expected),
                         "HTTP/1.1 200 OK\r\n" H1_BENCH_DATE "Content-Length: %d\r\n\r\n/%d",
                         snprintf(NULL, 0, "/%d", i), i);
        assert_memory_equal(got, expected, (size_t)n);
        got += n;
    }
    assert_string_equal(got, "");
    assert_int_equal(bench.begun, MANY);
    assert_int_equal(bench.ended, MANY);
}

static void reply_later(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    (void)ex;
}

static void test_session__reply_is_deferred__the_next_request_waits(void **state)
{
    (void)state;
    bench.on_request = reply_later;
    static const char in[] = GET("/1") GET("/2");
    size_t first = sizeof(GET("/1")) - 1;
    assert_int_equal(h1_bench_feed(&bench, in, sizeof(in) - 1, 0), first);
    assert_false(h1_bench_wants_input(&bench));
    assert_int_equal(bench.begun, 1);
    assert_string_equal(h1_bench_take(&bench), "");
    assert_int_equal(h1_bench_progress(&bench).phase, PST_PHASE_HANDLER);

    unsigned wakes = bench.wakes;
    assert_int_equal(pst_reply_bytes(bench.ex, "late", 4), 0);
    assert_int_equal(bench.wakes, wakes + 1); /* the driver has to hear of it */
    assert_string_equal(h1_bench_take(&bench),
                        "HTTP/1.1 200 OK\r\n" H1_BENCH_DATE "Content-Length: 4\r\n\r\nlate");
    assert_int_equal(bench.ended, 1);
    assert_true(h1_bench_wants_input(&bench));
    assert_int_equal(h1_bench_feed(&bench, in + first, sizeof(in) - 1 - first, 0), sizeof(in) - 1 - first);
    assert_int_equal(bench.begun, 2);
}

/* As long as a reply is on its way the next request is not begun: so memory stays bounded. */
static void test_session__peer_takes_nothing__the_next_request_waits(void **state)
{
    (void)state;
    static const char in[] = GET("/1") GET("/2");
    bench.is_deaf = true;
    assert_int_equal(h1_bench_feed(&bench, in, sizeof(in) - 1, 0), sizeof(GET("/1")) - 1);
    assert_int_equal(bench.begun, 1);
    assert_int_equal(bench.ended, 0);
}

/* ---- keeping the connection: RFC 9112 9.3 Persistence ---- */

static void test_session__versions_and_options__kept_or_closed(void **state)
{
    (void)state;
    static const struct {
        const char *head, *connection; /* what the reply's Connection field says */
        bool is_kept;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: keep-alive\r\n\r\n", "", true},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.1\r\nHost: h\r\nConnection: CLOSE, x\r\n\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.5\r\nHost: h\r\n\r\n", "", true},
        {"GET / HTTP/1.0\r\n\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "Connection: keep-alive\r\n", true},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive, close\r\n\r\n", "Connection: close\r\n", false},
        {"GET / HTTP/1.0\r\nConnection: x\r\n\r\n", "Connection: close\r\n", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        h1_bench_open(&bench);
        const char *got = h1_bench_says(&bench, rows[i].head);
        char expected[200];
        snprintf(expected, sizeof(expected), "HTTP/1.1 200 OK\r\n%sContent-Length: 5\r\n%s\r\nhello",
                 H1_BENCH_DATE, rows[i].connection);
        assert_string_equal(got, expected);
        assert_int_equal(h1_bench_is_finished(&bench), !rows[i].is_kept);
        assert_int_equal(h1_bench_wants_input(&bench), rows[i].is_kept);
        if (rows[i].is_kept)
            assert_string_equal(h1_bench_says(&bench, GET("/")), HELLO);
    }
}

static void test_session__close_asked_for__what_follows_is_not_read(void **state)
{
    (void)state;
    static const char in[] = "GET / HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n" GET("/2");
    assert_int_equal(h1_bench_feed(&bench, in, sizeof(in) - 1, 0), sizeof(in) - sizeof(GET("/2")));
    assert_string_equal(h1_bench_take(&bench), HELLO_CLOSE);
    assert_int_equal(bench.begun, 1);
}

/* ---- late: the driver's deadline (RFC 9110 15.5.9 408) ---- */

static void test_session_late__in_every_phase__408_where_a_request_had_begun(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        int status;
        enum pst_end end;
    } rows[] = {
        {"", 0, PST_END_OK}, /* between requests: closed without a word */
        {GET("/"), 0, PST_END_OK},
        {"\r\n", 0, PST_END_OK},
        {"G", 408, PST_END_DEADLINE_HEAD},
        {"GET / HTTP/1.1\r\nHost: h\r\n", 408, PST_END_DEADLINE_HEAD},
        {"POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 408, PST_END_DEADLINE_BODY},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 408, PST_END_DEADLINE_BODY},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhell", 408,
         PST_END_DEADLINE_BODY},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        h1_bench_open(&bench);
        h1_bench_says(&bench, rows[i].in);
        size_t ended = bench.w.ended;
        bench.s->ops->late(bench.s);
        const char *got = h1_bench_take(&bench);
        assert_int_equal(status_of(got), rows[i].status);
        assert_true(h1_bench_is_finished(&bench));
        assert_false(h1_bench_wants_input(&bench));
        if (rows[i].status) {
            assert_non_null(strstr(got, "\r\nConnection: close\r\n"));
            assert_int_equal(bench.w.ended, ended + 1);
            assert_int_equal(bench.w.end, rows[i].end);
            assert_int_equal(bench.w.status, 408);
            if (bench.begun)
                assert_int_equal(bench.why, rows[i].end);
        } else {
            assert_int_equal(bench.w.ended, ended);
        }
    }
}

/* ---- drain ---- */

static void test_session_drain__in_every_phase__finishes_what_is_in_flight(void **state)
{
    (void)state;
    static const struct {
        const char *before, *after;
        unsigned replies; /* in all */
    } rows[] = {
        {"", "", 0},
        {GET("/"), "", 1},
        {"GET / HTTP/1.1\r\n", "Host: h\r\n\r\n", 1},
        {"POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhe", "llo", 1},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\n", "hello", 1},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        h1_bench_open(&bench);
        h1_bench_feed(&bench, rows[i].before, strlen(rows[i].before), 0);
        bench.s->ops->drain(bench.s);
        h1_bench_feed(&bench, rows[i].after, strlen(rows[i].after), 0);
        const char *got = h1_bench_take(&bench);
        assert_int_equal(count_of(got, "200 OK"), rows[i].replies);
        if (*rows[i].after)
            assert_string_equal(got, HELLO_CLOSE);
        assert_true(h1_bench_is_finished(&bench));
        assert_false(h1_bench_wants_input(&bench));
    }
}

static void test_session_drain__reply_deferred_or_under_way__goes_out_whole(void **state)
{
    (void)state;
    bench.on_request = reply_later;
    h1_bench_says(&bench, GET("/"));
    bench.s->ops->drain(bench.s);
    assert_false(h1_bench_is_finished(&bench));
    assert_int_equal(pst_reply_bytes(bench.ex, "hello", 5), 0);
    assert_string_equal(h1_bench_take(&bench), HELLO_CLOSE);
    assert_true(h1_bench_is_finished(&bench));

    /* The head, which did not say so, is gone already. */
    bench.on_request = NULL;
    h1_bench_open(&bench);
    bench.is_deaf = true;
    h1_bench_says(&bench, GET("/"));
    struct pst_output out;
    bench.s->ops->output(bench.s, &out);
    bench.s->ops->sent(bench.s, 10);
    bench.s->ops->drain(bench.s);
    bench.is_deaf = false;
    const char *got = h1_bench_take(&bench);
    assert_string_equal(got, &HELLO[10]);
    assert_true(h1_bench_is_finished(&bench));
}

/* ---- the peer's end ---- */

static void test_session_input_end__in_every_phase__what_is_owed_still_goes_out(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned ended; /* exchanges in the log */
        enum pst_end end;
    } rows[] = {
        {"", 0, PST_END_OK},
        {"\r\n", 0, PST_END_OK},
        {GET("/"), 1, PST_END_OK},
        {"GET / HT", 1, PST_END_PEER_CLOSED},
        {"\n", 1, PST_END_BAD_REQUEST}, /* refused, told, and closed to input already */
        {"POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 1, PST_END_PEER_CLOSED},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", 1,
         PST_END_PEER_CLOSED},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (int is_clean = 0; is_clean <= 1; is_clean++) {
            h1_bench_open(&bench);
            h1_bench_says(&bench, rows[i].in);
            bench.s->ops->input_end(bench.s, is_clean);
            assert_string_equal(h1_bench_take(&bench), "");
            assert_true(h1_bench_is_finished(&bench));
            assert_int_equal(bench.w.ended, rows[i].ended);
            if (rows[i].ended)
                assert_int_equal(bench.w.end, rows[i].end);
        }
    }
}

static void test_session_input_end__reply_deferred__half_closed_client_gets_it(void **state)
{
    (void)state;
    bench.on_request = reply_later;
    h1_bench_says(&bench, GET("/"));
    bench.s->ops->input_end(bench.s, true);
    assert_false(h1_bench_is_finished(&bench));
    assert_int_equal(pst_reply_bytes(bench.ex, "hello", 5), 0);
    const char *got = h1_bench_take(&bench);
    assert_int_equal(status_of(got), 200);
    assert_non_null(strstr(got, "\r\n\r\nhello"));
    assert_true(h1_bench_is_finished(&bench));
    assert_int_equal(bench.why, PST_END_OK);
}

/* ---- abort ---- */

static void test_session_abort__in_every_phase__on_end_once_with_the_cause(void **state)
{
    (void)state;
    static const struct {
        const char *in;
        unsigned begun, logged;
    } rows[] = {
        {"", 0, 0},
        {"GET / HT", 0, 1},
        {GET("/"), 1, 1},
        {"POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 0, 1},
        {"POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhell", 1, 1},
        {"GET / HTTP/1.1\r\nHost: h\nX", 0, 1}, /* its 400 was not taken yet */
    };
    static const enum pst_end causes[] = {PST_END_PEER_RESET, PST_END_STOPPED, PST_END_DEADLINE_WRITE};
    bench.on_request = reply_later;
    for (size_t i = 0; i < COUNT(rows); i++) {
        for (size_t k = 0; k < COUNT(causes); k++) {
            h1_bench_open(&bench);
            bench.is_deaf = true;
            h1_bench_feed(&bench, rows[i].in, strlen(rows[i].in), 0);
            bench.is_deaf = false;
            bench.s->ops->abort(bench.s, causes[k]);
            assert_int_equal(bench.begun, rows[i].begun);
            assert_int_equal(bench.ended, rows[i].begun);
            assert_int_equal(bench.w.ended, rows[i].logged);
            if (rows[i].begun)
                assert_int_equal(bench.why, causes[k]);
            if (rows[i].logged)
                assert_int_equal(bench.w.end, causes[k]);
            assert_string_equal(h1_bench_take(&bench), "");
            assert_true(h1_bench_is_finished(&bench));
        }
    }
}

static void test_session_abort__while_sending__on_end_once_and_log_says_how_much(void **state)
{
    (void)state;
    for (size_t sent = 0; sent < sizeof(HELLO) - 1; sent++) {
        h1_bench_open(&bench);
        bench.is_deaf = true;
        h1_bench_says(&bench, GET("/"));
        struct pst_output out;
        bench.s->ops->output(bench.s, &out);
        if (sent)
            bench.s->ops->sent(bench.s, sent);
        h1_bench_close(&bench, PST_END_PEER_RESET);
        bench.is_deaf = false;
        assert_int_equal(bench.ended, 1);
        assert_int_equal(bench.w.ended, 1);
        assert_int_equal(bench.w.status, 200);
        size_t head = sizeof(HELLO) - 1 - 5;
        assert_int_equal(bench.w.sent_bytes, sent > head ? sent - head : 0);
    }
}

/* ---- what the deadlines are measured by ---- */

static void test_session_progress__phases__begin_time_and_bytes_of_each(void **state)
{
    (void)state;
    struct test_worker *w = &bench.w;
    uint64_t t0 = pst_loop_now_ms(w->loop);
    struct pst_progress p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_IDLE);
    assert_int_equal(p.since_ms, t0);

    test_worker_pass_ms(w, 100);
    h1_bench_says(&bench, "POST /stream HT");
    p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_HEAD);
    assert_int_equal(p.since_ms, t0 + 100);
    assert_int_equal(p.bytes, 15);

    test_worker_pass_ms(w, 100);
    h1_bench_says(&bench, "TP/1.1\r\nHost: h\r\nContent-Length: 10\r\n");
    p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_HEAD);
    assert_int_equal(p.since_ms, t0 + 100); /* a byte now and then does not move it */
    assert_int_equal(p.last_ms, t0 + 200);

    test_worker_pass_ms(w, 100);
    h1_bench_says(&bench, "\r\n");
    p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_BODY);
    assert_int_equal(p.since_ms, t0 + 300);
    assert_int_equal(p.bytes, 0); /* the head's bytes buy the body no time */

    test_worker_pass_ms(w, 100);
    h1_bench_says(&bench, "abc");
    p = h1_bench_progress(&bench);
    assert_int_equal(p.since_ms, t0 + 300);
    assert_int_equal(p.last_ms, t0 + 400);
    assert_int_equal(p.bytes, 3);

    /* Paused: the peer owes nothing. Resumed: the time of the pause is not its own. */
    pst_exchange_pause(bench.ex);
    assert_int_equal(h1_bench_progress(&bench).phase, PST_PHASE_HANDLER);
    test_worker_pass_ms(w, 100000);
    pst_exchange_resume(bench.ex);
    p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_BODY);
    assert_int_equal(p.since_ms, t0 + 100300);
    assert_int_equal(p.last_ms, t0 + 100400);
    assert_int_equal(p.bytes, 3);

    h1_bench_says(&bench, "defghij");
    p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_IDLE); /* answered already */
    assert_int_equal(p.since_ms, t0 + 100400);
}

/* The head's and the body's begin in one read. */
static void test_session_progress__head_and_body_in_one_piece__only_the_bodys_bytes_count(void **state)
{
    (void)state;
    h1_bench_says(&bench, "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 10\r\n\r\nabc");
    struct pst_progress p = h1_bench_progress(&bench);
    assert_int_equal(p.phase, PST_PHASE_BODY);
    assert_int_equal(p.bytes, 3);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_session__get__the_same_reply_however_it_is_cut),
        TEST(test_session__table__same_replies_whole_in_bytes_and_in_two),
        TEST(test_session__pipelined__answered_in_order),
        TEST(test_session__reply_is_deferred__the_next_request_waits),
        TEST(test_session__peer_takes_nothing__the_next_request_waits),
        TEST(test_session__versions_and_options__kept_or_closed),
        TEST(test_session__close_asked_for__what_follows_is_not_read),
        TEST(test_session_late__in_every_phase__408_where_a_request_had_begun),
        TEST(test_session_drain__in_every_phase__finishes_what_is_in_flight),
        TEST(test_session_drain__reply_deferred_or_under_way__goes_out_whole),
        TEST(test_session_input_end__in_every_phase__what_is_owed_still_goes_out),
        TEST(test_session_input_end__reply_deferred__half_closed_client_gets_it),
        TEST(test_session_abort__in_every_phase__on_end_once_with_the_cause),
        TEST(test_session_abort__while_sending__on_end_once_and_log_says_how_much),
        TEST(test_session_progress__phases__begin_time_and_bytes_of_each),
        TEST(test_session_progress__head_and_body_in_one_piece__only_the_bodys_bytes_count),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
