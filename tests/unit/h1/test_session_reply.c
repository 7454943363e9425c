/* Replies of the HTTP/1.1 session: their heads, and bodies from memory, sources and files. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/h1_bench.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GET          "GET / HTTP/1.1\r\nHost: h\r\n\r\n"
#define HEAD         "HEAD / HTTP/1.1\r\nHost: h\r\n\r\n"
#define OLD          "GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
#define OK           "HTTP/1.1 200 OK\r\n" H1_BENCH_DATE
#define OK_CHUNKED   OK "Transfer-Encoding: chunked\r\n\r\n"

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

/* ---- heads ---- */

static int reply_status;

static void reply_with_status(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    assert_int_equal(pst_reply_status(ex, reply_status), 0);
    assert_int_equal(pst_reply_field(ex, "A", PST_SLICE("b")), 0);
    assert_int_equal(pst_reply_field(ex, "x-Empty", PST_SLICE("")), 0);
    assert_int_equal(pst_reply_field(ex, "A", PST_SLICE("c")), 0);
    assert_int_equal(pst_reply_bytes(ex, "body", 4), 0);
}

/* RFC 9112 4 Status Line; RFC 9110 8.6 Content-Length, 15.3.5 204, 15.4.5 304, 9.3.2 HEAD */
static void test_reply__status_and_fields__in_order_and_framed(void **state)
{
    (void)state;
    static const struct {
        int status;
        const char *request, *expected;
    } rows[] = {
        {200, GET, OK "Content-Length: 4\r\nA: b\r\nx-Empty: \r\nA: c\r\n\r\nbody"},
        {404, GET,
         "HTTP/1.1 404 Not Found\r\n" H1_BENCH_DATE
         "Content-Length: 4\r\nA: b\r\nx-Empty: \r\nA: c\r\n\r\nbody"},
        {299, GET,
         "HTTP/1.1 299 \r\n" H1_BENCH_DATE "Content-Length: 4\r\nA: b\r\nx-Empty: \r\nA: c\r\n\r\nbody"},
        {204, GET, "HTTP/1.1 204 No Content\r\n" H1_BENCH_DATE "A: b\r\nx-Empty: \r\nA: c\r\n\r\n"},
        {304, GET, "HTTP/1.1 304 Not Modified\r\n" H1_BENCH_DATE "A: b\r\nx-Empty: \r\nA: c\r\n\r\n"},
        {200, HEAD, OK "Content-Length: 4\r\nA: b\r\nx-Empty: \r\nA: c\r\n\r\n"},
        {204, HEAD, "HTTP/1.1 204 No Content\r\n" H1_BENCH_DATE "A: b\r\nx-Empty: \r\nA: c\r\n\r\n"},
        {200, OLD, OK "Content-Length: 4\r\nConnection: keep-alive\r\nA: b\r\nx-Empty: \r\nA: c\r\n\r\nbody"},
    };
    bench.on_request = reply_with_status;
    for (size_t i = 0; i < COUNT(rows); i++) {
        h1_bench_open(&bench);
        reply_status = rows[i].status;
        assert_string_equal(h1_bench_says(&bench, rows[i].request), rows[i].expected);
        assert_false(h1_bench_is_finished(&bench)); /* a reply without a body ends with its head */
        assert_string_equal(h1_bench_says(&bench, rows[i].request), rows[i].expected);
        assert_int_equal(bench.w.status, rows[i].status);
    }
}

static struct pst_field_set *common;

static void reply_with_set(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    assert_int_equal(pst_reply_field(ex, "Own", PST_SLICE("1")), 0);
    assert_int_equal(pst_reply_field_set(ex, common), 0);
    assert_int_equal(pst_reply_bytes(ex, "body", 4), 0);
}

static void test_reply__set_of_fields__before_the_others(void **state)
{
    (void)state;
    const struct pst_field fields[] = {{PST_SLICE("A"), PST_SLICE("b")},
                                       {PST_SLICE("x-Empty"), PST_SLICE("")}};
    assert_int_equal(pst_field_set_new(&common, fields, COUNT(fields)), 0);
    bench.on_request = reply_with_set;
    for (int i = 0; i < 2; i++) /* the same set again and again */
        assert_string_equal(h1_bench_says(&bench, GET),
                            OK "Content-Length: 4\r\nA: b\r\nx-Empty: \r\nOwn: 1\r\n\r\nbody");
    pst_field_set_free(common);
}

static void reply_empty(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    assert_int_equal(pst_reply_empty(ex), 0);
}

static void test_reply__empty__length_0(void **state)
{
    (void)state;
    bench.on_request = reply_empty;
    assert_string_equal(h1_bench_says(&bench, GET), OK "Content-Length: 0\r\n\r\n");
    assert_string_equal(h1_bench_says(&bench, HEAD), OK "Content-Length: 0\r\n\r\n");
}

static void test_reply__date__follows_the_clock(void **state)
{
    (void)state;
    assert_non_null(strstr(h1_bench_says(&bench, GET), "\r\nDate: Sun, 06 Nov 1994 08:49:37 GMT\r\n"));
    test_worker_pass_ms(&bench.w, 83000);
    assert_non_null(strstr(h1_bench_says(&bench, GET), "\r\nDate: Sun, 06 Nov 1994 08:51:00 GMT\r\n"));
}

static void reply_many_fields(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    for (int i = 0; i < 500; i++)
        assert_int_equal(pst_reply_fieldf(ex, "Field", "%d", i), 0);
    assert_int_equal(pst_reply_bytes(ex, "body", 4), 0);
}

static void test_reply__more_fields_than_the_exchange_has_room_for__all_sent(void **state)
{
    (void)state;
    bench.on_request = reply_many_fields;
    const char *got = h1_bench_says(&bench, GET);
    for (int i = 0; i < 500; i++) {
        char line[32];
        snprintf(line, sizeof(line), "\r\nField: %d\r\n", i);
        assert_non_null(got = strstr(got, line));
    }
    assert_non_null(strstr(got, "\r\n\r\nbody"));
}

/* ---- sources ---- */

/* What each pull does: a letter and a number of bytes. 'd' gives that many, more to come; 'e' gives them as
 * the last; 'w' nothing now; 'f' fails; 'a' all that there is room for; 'x' claims one more than that. */
struct plan {
    const char *steps;
    int64_t length;
    size_t given;
    unsigned pulls, closes;
};

static struct plan plan;

static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct plan *p = ctx;
    p->pulls++;
    char what = *p->steps;
    assert_true(what != '\0'); /* not pulled again after the end */
    char *end;
    size_t n = strtoul(p->steps + 1, &end, 10);
    p->steps = end;
    if (what == 'a')
        n = cap;
    if (n > cap)
        n = cap;
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)('a' + p->given++ % 26);
    *ret_len = what == 'x' ? cap + 1 : n;
    return what == 'e' ? PST_SOURCE_END : what == 'f' ? PST_SOURCE_FAIL : PST_SOURCE_MORE;
}

static void close_plan(void *ctx)
{
    struct plan *p = ctx;
    p->closes++;
}

static void reply_source(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    static const struct pst_source source = {pull, close_plan};
    assert_int_equal(pst_reply_source(ex, &source, &plan, plan.length), 0);
}

/* What the peer gets for such a source; valid until the next call. */
static const char *sourced(const char *request, const char *steps, int64_t length)
{
    h1_bench_open(&bench);
    plan = (struct plan){.steps = steps, .length = length};
    bench.on_request = reply_source;
    return h1_bench_says(&bench, request);
}

/* RFC 9112 7.1 Chunked Transfer Coding */
static void test_reply_source__length_unknown__chunked(void **state)
{
    (void)state;
    static const struct {
        const char *steps, *expected;
    } rows[] = {
        {"e0", OK_CHUNKED "0\r\n\r\n"},
        {"e5", OK_CHUNKED "5\r\nabcde\r\n0\r\n\r\n"},
        {"d5e0", OK_CHUNKED "5\r\nabcde\r\n0\r\n\r\n"},
        {"d1d2e3", OK_CHUNKED "1\r\na\r\n2\r\nbc\r\n3\r\ndef\r\n0\r\n\r\n"},
        {"d26e1", OK_CHUNKED "1a\r\nabcdefghijklmnopqrstuvwxyz\r\n1\r\na\r\n0\r\n\r\n"},
    };
    for (bench.send_most = 0; bench.send_most < 5; bench.send_most++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            assert_string_equal(sourced(GET, rows[i].steps, -1), rows[i].expected);
            assert_int_equal(plan.closes, 1);
            assert_int_equal(bench.ended, 1);
            assert_int_equal(bench.why, PST_END_OK);
            assert_false(h1_bench_is_finished(&bench));
            bench.on_request = NULL;
            assert_string_equal(h1_bench_says(&bench, GET), OK "Content-Length: 5\r\n\r\nhello");
        }
    }
}

/* ---- a source that wakes itself ---- */

static struct {
    struct pst_exchange *ex;
    int pulls;
} eager;

/* What it waits for is there at once: the wake comes before the pull returns. */
static int pull_eager(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    (void)ctx;
    (void)cap;
    if (eager.pulls++ == 0) {
        pst_exchange_wake(eager.ex);
        *ret_len = 0;
        return PST_SOURCE_MORE;
    }
    memcpy(dst, "now", 3);
    *ret_len = 3;
    return PST_SOURCE_END;
}

static void reply_eagerly(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    static const struct pst_source source = {pull_eager, NULL};
    eager.ex = ex;
    eager.pulls = 0;
    assert_int_equal(pst_reply_source(ex, &source, NULL, -1), 0);
}

static void test_reply_source__wakes_itself_from_within__is_pulled_again(void **state)
{
    (void)state;
    bench.on_request = reply_eagerly;
    assert_string_equal(h1_bench_says(&bench, GET), OK_CHUNKED "3\r\nnow\r\n0\r\n\r\n");
    assert_int_equal(eager.pulls, 2);
}

static void test_reply_source__length_known__exact_bytes(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        int64_t length;
        unsigned pulls;
    } rows[] = {
        {"e5", 5, 1},     {"d5", 5, 1},     /* all that was promised is there: it is not asked again */
        {"d2d2e1", 5, 3}, {"d2w0d3", 5, 0}, /* waits: see below */
        {"", 0, 0},       {"a", 5, 1},      /* would have more: it gets no room for it */
        {"d9", 5, 1},
    };
    for (bench.send_most = 0; bench.send_most < 4; bench.send_most++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            char expected[200];
            snprintf(expected, sizeof(expected), OK "Content-Length: %d\r\n\r\n%.*s", (int)rows[i].length,
                     (int)rows[i].length, "abcde");
            const char *got = sourced(GET, rows[i].steps, rows[i].length);
            if (strchr(rows[i].steps, 'w')) {
                assert_int_equal(strlen(got), strlen(expected) - 3);
                pst_exchange_wake(bench.ex);
                assert_string_equal(h1_bench_take(&bench), "cde");
            } else {
                assert_string_equal(got, expected);
                assert_int_equal(plan.pulls, rows[i].pulls);
            }
            assert_int_equal(plan.closes, 1);
            assert_int_equal(bench.why, PST_END_OK);
            assert_int_equal(bench.w.sent_bytes, rows[i].length);
            assert_false(h1_bench_is_finished(&bench));
        }
    }
}

/* HTTP/1.0 knows no chunks: the end of the connection is the end of the body (RFC 9112 6.3). */
static void test_reply_source__length_unknown_for_http_1_0__until_close(void **state)
{
    (void)state;
    assert_string_equal(sourced(OLD, "d3d3e1", -1), OK "Connection: close\r\n\r\nabcdefg");
    assert_true(h1_bench_is_finished(&bench));
    assert_false(bench.s->must_cut);
    assert_string_equal(sourced(OLD, "d3e0", -1), OK "Connection: close\r\n\r\nabc");
    assert_true(h1_bench_is_finished(&bench));
    assert_string_equal(sourced(OLD, "e0", -1), OK "Connection: close\r\n\r\n");
    assert_true(h1_bench_is_finished(&bench));
    assert_string_equal(sourced(OLD, "e4", 4), OK "Content-Length: 4\r\nConnection: keep-alive\r\n\r\nabcd");
    assert_false(h1_bench_is_finished(&bench));
}

/* RFC 9110 9.3.2: the fields of GET; nothing is pulled for it. */
static void test_reply_source__head__not_pulled(void **state)
{
    (void)state;
    assert_string_equal(sourced(HEAD, "", -1), OK "\r\n");
    assert_int_equal(plan.pulls, 0);
    assert_int_equal(plan.closes, 1);
    assert_string_equal(sourced(HEAD, "", 7), OK "Content-Length: 7\r\n\r\n");
    assert_int_equal(plan.pulls, 0);
    assert_false(h1_bench_is_finished(&bench));
    assert_string_equal(sourced("HEAD / HTTP/1.0\r\n\r\n", "", -1), OK "Connection: close\r\n\r\n");
}

/* The peer must see that the body is not whole: no last chunk, no orderly close. */
static void test_reply_source__fails_or_breaks_its_promise__connection_is_cut(void **state)
{
    (void)state;
    static const struct {
        const char *steps;
        int64_t length;
    } rows[] = {
        {"f0", -1},   {"f5", -1}, {"d5f0", -1}, {"d5d5f3", -1}, {"x0", -1},
        {"d5x0", -1}, {"f0", 10}, {"d5f0", 10}, {"x0", 10},     {"d5x0", 10},
        {"e0", 10},   {"e9", 10}, {"d5e4", 10}, {"d9e0", 10}, /* too short */
    };
    for (bench.send_most = 0; bench.send_most < 3; bench.send_most++) {
        for (size_t i = 0; i < COUNT(rows); i++) {
            const char *got = sourced(GET, rows[i].steps, rows[i].length);
            assert_true(bench.s->must_cut);
            assert_null(strstr(got, "\n0\r\n\r\n")); /* no last chunk */
            assert_int_equal(plan.closes, 1);
            assert_int_equal(bench.ended, 1);
            assert_int_equal(bench.why, PST_END_SOURCE_FAILED);
            assert_int_equal(bench.w.end, PST_END_SOURCE_FAILED);
            assert_false(bench.s->ops->wants_input(bench.s));
        }
    }
}

static void test_reply_source__nothing_now__waits_without_a_buffer_until_woken(void **state)
{
    (void)state;
    struct pst_pools *pools = &bench.w.pools;
    size_t before = pools->chunks.live_count;
    /* At first, in between, twice, and with nothing but the end to come. */
    assert_string_equal(sourced(GET, "w0d3w0w0d2w0e0", -1), OK_CHUNKED);
    static const char *const pieces[] = {"3\r\nabc\r\n", "", "2\r\nde\r\n", "0\r\n\r\n"};
    for (size_t i = 0; i < COUNT(pieces); i++) {
        assert_int_equal(pools->chunks.live_count, before);
        assert_string_equal(h1_bench_take(&bench), ""); /* not asked again before it is woken */
        unsigned wakes = bench.wakes, pulls = plan.pulls;
        pst_exchange_wake(bench.ex);
        assert_int_equal(bench.wakes, wakes + 1);
        assert_int_equal(plan.pulls, pulls); /* nor from within the call that wakes it */
        assert_string_equal(h1_bench_take(&bench), pieces[i]);
    }
    assert_int_equal(plan.closes, 1);
    assert_int_equal(bench.why, PST_END_OK);
    assert_int_equal(pools->chunks.live_count, before);
}

/* As the worker's own timers and posts may do: wake at any time, once too often. */
static void test_reply_source__woken_while_it_is_not_waiting__no_harm(void **state)
{
    (void)state;
    bench.is_deaf = true;
    sourced(GET, "d3w0e2", -1);
    pst_exchange_wake(bench.ex);
    pst_exchange_wake(bench.ex);
    bench.is_deaf = false;
    assert_string_equal(h1_bench_take(&bench), OK_CHUNKED "3\r\nabc\r\n");
    pst_exchange_wake(bench.ex);
    pst_exchange_wake(bench.ex);
    assert_string_equal(h1_bench_take(&bench), "2\r\nde\r\n0\r\n\r\n");
}

/* A piece is asked for when the one before has gone: a peer that takes nothing costs one buffer. */
static void test_reply_source__peer_is_slow__one_piece_at_a_time(void **state)
{
    (void)state;
    bench.is_deaf = true;
    sourced(GET, "aaae0", -1);
    struct pst_output out;
    for (int i = 0; i < 5; i++)
        bench.s->ops->output(bench.s, &out);
    assert_int_equal(plan.pulls, 1);
    assert_int_equal(out.iov_count, 2); /* the head along with the first piece */
    bench.s->ops->sent(bench.s, out.iov[0].iov_len + 1);
    bench.s->ops->output(bench.s, &out);
    assert_int_equal(plan.pulls, 1);
    assert_int_equal(out.iov_count, 1);
    bench.s->ops->sent(bench.s, out.iov[0].iov_len);
    bench.s->ops->output(bench.s, &out);
    assert_int_equal(plan.pulls, 2);
    bench.is_deaf = false;
}

/* The chunks of a body, put together again; returns its length. */
static size_t unchunk(const char *text, char *dst)
{
    size_t len = 0;
    for (;;) {
        char *end;
        size_t n = strtoul(text, &end, 16);
        assert_true(end > text && strncmp(end, "\r\n", 2) == 0);
        text = end + 2;
        if (n == 0) {
            assert_string_equal(text, "\r\n");
            return len;
        }
        memcpy(dst + len, text, n);
        len += n;
        assert_true(strncmp(text + n, "\r\n", 2) == 0);
        text += n + 2;
    }
}

static void test_reply_source__large__every_byte_once(void **state)
{
    (void)state;
    static char body[200000];
    for (size_t most = 0; most < 50000; most = most * 3 + 1001) {
        bench.send_most = most;
        const char *got = sourced(GET, "aaaaad1ad7000e16000", -1);
        assert_memory_equal(got, OK_CHUNKED, sizeof(OK_CHUNKED) - 1);
        size_t len = unchunk(got + sizeof(OK_CHUNKED) - 1, body);
        assert_int_equal(len, plan.given);
        for (size_t i = 0; i < len; i++)
            assert_int_equal(body[i], 'a' + i % 26);
    }
}

static void test_reply_source__aborted_in_any_state__closed_once(void **state)
{
    (void)state;
    static const char *const steps[] = {"w0", "d3w0", "d3d3e3"};
    for (size_t i = 0; i < COUNT(steps); i++) {
        for (int is_deaf = 0; is_deaf <= 1; is_deaf++) {
            bench.is_deaf = is_deaf;
            sourced(GET, steps[i], -1);
            if (is_deaf) { /* a piece in the buffer */
                struct pst_output out;
                bench.s->ops->output(bench.s, &out);
            }
            bool was_there = bench.ex != NULL;
            h1_bench_close(&bench, PST_END_PEER_RESET);
            assert_int_equal(plan.closes, 1);
            assert_int_equal(bench.ended, 1);
            assert_int_equal(bench.why, was_there ? PST_END_PEER_RESET : PST_END_OK);
            assert_int_equal(bench.w.pools.chunks.live_count, 0);
        }
    }
    bench.is_deaf = false;
}

/* ---- files ---- */

static struct {
    int fd;
    uint64_t offset, len;
} file;

static char file_byte(size_t i)
{
    return (char)('a' + (i * 7 + i / 1000) % 26);
}

static void make_file(size_t len)
{
    char name[] = "/tmp/pst-test-reply-XXXXXX";
    file.fd = mkostemp(name, O_CLOEXEC);
    assert_true(file.fd >= 0);
    unlink(name);
    char *data = malloc(len + 1);
    assert_non_null(data);
    for (size_t i = 0; i < len; i++)
        data[i] = file_byte(i);
    assert_int_equal(write(file.fd, data, len), len);
    free(data);
}

static void reply_file(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    int fd = fcntl(file.fd, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(pst_reply_file(ex, fd, file.offset, file.len), 0);
}

static const char *filed(const char *request, uint64_t offset, uint64_t len)
{
    h1_bench_open(&bench);
    file.offset = offset;
    file.len = len;
    bench.on_request = reply_file;
    return h1_bench_says(&bench, request);
}

static void assert_file_part(const char *got, size_t offset, size_t len)
{
    char head[200];
    int n = snprintf(head, sizeof(head), OK "Content-Length: %zu\r\n\r\n", len);
    assert_int_equal(strlen(got), (size_t)n + len);
    assert_memory_equal(got, head, (size_t)n);
    for (size_t i = 0; i < len; i++)
        if (got[(size_t)n + i] != file_byte(offset + i))
            fail_msg("byte %zu of the file is wrong", offset + i);
}

static void reply_bytes_of_file(struct h1_bench *b, struct pst_exchange *ex)
{
    (void)b;
    static char bytes[5000]; /* the same, but for their case: to tell which ones were sent */
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(file_byte(i) ^ 0x20);
    assert_int_equal(pst_reply_bytes_of(ex, bytes + 300, 4700, file.fd, 300), 0);
}

static void test_reply_bytes_of__file_goes_out_unread_or_not__from_there_or_from_memory(void **state)
{
    (void)state;
    make_file(5000);
    for (int unread = 0; unread <= 1; unread++) {
        h1_bench_open(&bench);
        bench.on_request = reply_bytes_of_file;
        bench.host.sends_files = unread;
        const char *got = h1_bench_says(&bench, GET), *body = strstr(got, "\r\n\r\n") + 4;
        assert_int_equal(strlen(body), 4700);
        for (size_t i = 0; i < 4700; i++)
            assert_int_equal(body[i], unread ? file_byte(300 + i) : file_byte(300 + i) ^ 0x20);
        h1_bench_close(&bench, PST_END_OK);
        assert_int_not_equal(fcntl(file.fd, F_GETFD), -1); /* not the exchange's */
    }
    bench.host.sends_files = false;
    close(file.fd);
}

static void test_reply_file__parts_of_it__read_or_unread_whole_or_in_pieces(void **state)
{
    (void)state;
    enum { LEN = 200000 };
    static const struct {
        size_t offset, len;
    } rows[] = {{0, LEN}, {0, 0}, {LEN, 0}, {0, 1}, {LEN - 1, 1}, {100, 5}, {70000, 65536}, {1, LEN - 1}};
    static const size_t mosts[] = {0, 1, 100, 4096, 65536, 100000};
    make_file(LEN);
    for (int reads = 0; reads <= 1; reads++) {
        bench.reads_files = reads;
        for (size_t m = 0; m < COUNT(mosts); m++) {
            bench.send_most = mosts[m];
            for (size_t i = 0; i < COUNT(rows); i++) {
                if (mosts[m] == 1 && rows[i].len > 1000)
                    continue; /* takes its time, and shows no more */
                assert_file_part(filed(GET, rows[i].offset, rows[i].len), rows[i].offset, rows[i].len);
                assert_int_equal(bench.why, PST_END_OK);
                assert_int_equal(bench.w.sent_bytes, rows[i].len);
                assert_false(h1_bench_is_finished(&bench));
            }
        }
    }
    close(file.fd);
}

static void test_reply_file__head__not_read(void **state)
{
    (void)state;
    make_file(10);
    assert_string_equal(filed(HEAD, 0, 10), OK "Content-Length: 10\r\n\r\n");
    assert_string_equal(filed(HEAD, 0, 12345678901), OK "Content-Length: 12345678901\r\n\r\n");
    assert_false(bench.s->must_cut);
    close(file.fd);
}

/* It was longer when the head was written. */
static void test_reply_file__shrunk__connection_is_cut(void **state)
{
    (void)state;
    static const struct {
        uint64_t offset, len;
    } rows[] = {{0, 1001}, {1000, 1}, {5000, 10}, {0, 100000}};
    make_file(1000);
    for (int reads = 0; reads <= 1; reads++) {
        bench.reads_files = reads;
        for (size_t i = 0; i < COUNT(rows); i++) {
            filed(GET, rows[i].offset, rows[i].len);
            assert_true(bench.s->must_cut);
            assert_int_equal(bench.why, PST_END_SOURCE_FAILED);
            assert_int_equal(bench.ended, 1);
            assert_int_equal(bench.w.sent_bytes, rows[i].offset < 1000 ? 1000 : 0);
        }
    }
    close(file.fd);
}

static void test_reply_file__aborted_half_way__descriptor_is_closed(void **state)
{
    (void)state;
    make_file(1000);
    bench.is_deaf = true;
    filed(GET, 0, 1000);
    struct pst_output out;
    bench.s->ops->output(bench.s, &out);
    assert_int_equal(out.iov_count, 1);
    assert_true(out.file_fd >= 0);
    int fd = out.file_fd;
    bench.s->ops->sent(bench.s, out.iov[0].iov_len + 300);
    bench.s->ops->output(bench.s, &out);
    assert_int_equal(out.iov_count, 0);
    assert_int_equal(out.file_offset, 300);
    assert_int_equal(out.file_len, 700);
    h1_bench_close(&bench, PST_END_PEER_RESET);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(bench.w.sent_bytes, 300);
    bench.is_deaf = false;
    close(file.fd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reply__status_and_fields__in_order_and_framed),
        TEST(test_reply__set_of_fields__before_the_others),
        TEST(test_reply__empty__length_0),
        TEST(test_reply__date__follows_the_clock),
        TEST(test_reply__more_fields_than_the_exchange_has_room_for__all_sent),
        TEST(test_reply_source__length_unknown__chunked),
        TEST(test_reply_source__wakes_itself_from_within__is_pulled_again),
        TEST(test_reply_source__length_known__exact_bytes),
        TEST(test_reply_source__length_unknown_for_http_1_0__until_close),
        TEST(test_reply_source__head__not_pulled),
        TEST(test_reply_source__fails_or_breaks_its_promise__connection_is_cut),
        TEST(test_reply_source__nothing_now__waits_without_a_buffer_until_woken),
        TEST(test_reply_source__woken_while_it_is_not_waiting__no_harm),
        TEST(test_reply_source__peer_is_slow__one_piece_at_a_time),
        TEST(test_reply_source__large__every_byte_once),
        TEST(test_reply_source__aborted_in_any_state__closed_once),
        TEST(test_reply_bytes_of__file_goes_out_unread_or_not__from_there_or_from_memory),
        TEST(test_reply_file__parts_of_it__read_or_unread_whole_or_in_pieces),
        TEST(test_reply_file__head__not_read),
        TEST(test_reply_file__shrunk__connection_is_cut),
        TEST(test_reply_file__aborted_half_way__descriptor_is_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
