/* Server-sent events on whole connections of one worker: what is written, to whom, and how streams end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/sse.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/pair.h"
#include "support/test_worker.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define GREETING     "retry: 2000\n:\n\n"
#define PING         ":\n\n"

enum { READERS_MAX = 4, PING_MS = 15000 };

static struct {
    struct test_worker w;
    struct pst_sse_hub *hub;
    struct pair *pairs[READERS_MAX];
    struct pst_text got[READERS_MAX]; /* what is not yet checked */
    const struct pst_sse_event *first;
    size_t first_count;
    int err; /* of the last join */
    bool joins_late;
    unsigned ends; /* calls of the handler's on_end */
} bench;

/* ---- the handler ---- */

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)why;
    (void)arg;
    bench.ends++;
    if (bench.joins_late)
        bench.err = pst_sse_join(bench.hub, ex, NULL, 0);
}

static void on_events(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    pst_exchange_on_end(ex, on_end, NULL);
    if (bench.joins_late)
        return;
    (void)pst_reply_status(ex, 202); /* is no status of a stream */
    bench.err = pst_sse_join(bench.hub, ex, bench.first, bench.first_count);
    if (bench.err)
        (void)pst_reply_error(ex, 503);
}

static void on_twice(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "first");
    bench.err = pst_sse_join(bench.hub, ex, NULL, 0);
}

/* ---- the bench ---- */

static void open_hub(const struct pst_sse_options *options)
{
    pst_sse_hub_free(bench.hub);
    assert_int_equal(pst_sse_hub_new(&bench.hub, options), 0);
}

static int setup(void **state)
{
    (void)state;
    memset(&bench, 0, sizeof(bench));
    test_worker_init(&bench.w);
    if (pst_server_handle(bench.w.server, "GET /events", on_events, NULL) != 0 ||
        pst_server_handle(bench.w.server, "GET /twice", on_twice, NULL) != 0)
        return -1;
    test_worker_start(&bench.w);
    open_hub(NULL);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    pst_driver_abort(&bench.w.driver);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    test_worker_turns(&bench.w, 2); /* a letter may still be on its way */
    for (size_t i = 0; i < READERS_MAX; i++) {
        pair_free(bench.pairs[i]);
        pst_text_free(&bench.got[i]);
    }
    test_worker_fini(&bench.w);
    pst_sse_hub_free(bench.hub);
    return 0;
}

static void ask(size_t i, const char *request, size_t room)
{
    if (bench.pairs[i] && !bench.pairs[i]->is_gone)
        pair_end(bench.pairs[i], PST_IO_ERR);
    test_worker_turns(&bench.w, 2);
    pair_free(bench.pairs[i]);
    struct pair *p = bench.pairs[i] = pair_new(&(struct pair_options){.out_cap = room});
    bench.got[i].len = 0;
    assert_int_equal(pst_connection_open(&bench.w.driver, pair_transport(p), &p->connection), 0);
    pair_says(p, request);
    test_worker_turns(&bench.w, 2);
}

/* What has come and was not asked for before. */
static struct pst_slice receive(size_t i)
{
    test_worker_turns(&bench.w, 4);
    pair_take_all(bench.pairs[i], &bench.got[i]);
    struct pst_slice got = pst_slice_of(bench.got[i].ptr, bench.got[i].len);
    bench.got[i].len = 0;
    return got;
}

static void assert_receives(size_t i, const char *expected)
{
    struct pst_slice got = receive(i);
    if (!pst_slice_eq(got, pst_slice_str(expected)))
        fail_msg("reader %zu has '%.*s', not '%s'", i, PST_FMT(got), expected);
}

/* HTTP/1.0: what follows the head is the stream as it is. */
static void open_reader_in(size_t i, size_t room)
{
    ask(i, "GET /events HTTP/1.0\r\n\r\n", room);
}

static void open_reader(size_t i)
{
    open_reader_in(i, 0);
    struct pst_slice got = receive(i);
    assert_true(pst_slice_starts(got, PST_SLICE("HTTP/1.1 200 OK\r\n")));
    assert_true(pst_slice_ends(got, PST_SLICE("\r\n\r\n" GREETING)));
}

static int send_event(const char *name, const char *id, const char *data)
{
    struct pst_sse_event event = {pst_slice_str(name), pst_slice_str(id), pst_slice_str(data)};
    return pst_sse_send(bench.hub, &event);
}

static void send_data(const char *data)
{
    assert_int_equal(send_event(NULL, NULL, data), 0);
}

/* ---- framing: WHATWG HTML 9.2.5 "Parsing an event stream" ---- */

static const struct {
    const char *name, *id, *data, *expected;
} framings[] = {
    {"", "", "a", "data: a\n\n"},
    {NULL, NULL, "", "data: \n\n"}, /* without a line of data the reader would drop it */
    {NULL, NULL, NULL, "data: \n\n"},
    {"message", "7", "a", "id: 7\nevent: message\ndata: a\n\n"},
    {"", "7-8 9", "a", "id: 7-8 9\ndata: a\n\n"},
    {"x", "", " a: b ", "event: x\ndata:  a: b \n\n"},
    {"", "", "a\nb", "data: a\ndata: b\n\n"},
    {"", "", "a\r\nb", "data: a\ndata: b\n\n"},
    {"", "", "a\rb", "data: a\ndata: b\n\n"},
    {"", "", "a\r\rb", "data: a\ndata: \ndata: b\n\n"},
    {"", "", "a\n\rb", "data: a\ndata: \ndata: b\n\n"},
    {"", "", "a\r\n\r\nb", "data: a\ndata: \ndata: b\n\n"},
    {"", "", "\n", "data: \ndata: \n\n"},
    {"", "", "\r\n", "data: \ndata: \n\n"},
    {"", "", "\r", "data: \ndata: \n\n"},
    {"", "", "a\n", "data: a\ndata: \n\n"},
    {"", "", "data: x\n\nid: 1\n\n", "data: data: x\ndata: \ndata: id: 1\ndata: \ndata: \n\n"},
    {"\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80",
     "id: \xe2\x82\xac\nevent: \xc3\xa9\ndata: \xf0\x9f\x98\x80\n\n"},
};

static void test_sse_send__table__framed(void **state)
{
    (void)state;
    open_reader(0);
    for (size_t i = 0; i < COUNT(framings); i++) {
        assert_int_equal(send_event(framings[i].name, framings[i].id, framings[i].data), 0);
        assert_receives(0, framings[i].expected);
    }
    const struct pst_sse_event event = {.data = PST_SLICE("a\0b")};
    assert_int_equal(pst_sse_send(bench.hub, &event), 0);
    struct pst_slice got = receive(0);
    assert_true(pst_slice_eq(got, PST_SLICE("data: a\0b\n\n")));
}

static void test_sse_send__name_or_id_of_two_lines__refused(void **state)
{
    (void)state;
    static const struct pst_sse_event bad[] = {
        {.name = {"a\nb", 3}}, {.name = {"a\r", 2}}, {.name = {"a\0b", 3}},
        {.id = {"\n", 1}},     {.id = {"1\r2", 3}},  {.id = {"1\0", 2}},
    };
    open_reader(0);
    for (size_t i = 0; i < COUNT(bad); i++) {
        assert_int_equal(pst_sse_send(bench.hub, &bad[i]), PST_E_INVAL);
        bench.first = &bad[i];
        bench.first_count = 1;
        ask(1, "GET /events HTTP/1.0\r\n\r\n", 0);
        assert_int_equal(bench.err, PST_E_INVAL);
        assert_true(pst_slice_starts(receive(1), PST_SLICE("HTTP/1.1 503 ")));
        assert_int_equal(pst_sse_readers(bench.hub), 1);
    }
    assert_receives(0, "");
    send_data("goes on");
    assert_receives(0, "data: goes on\n\n");
}

/* ---- who gets what ---- */

static void test_sse_join__http_1_1__fields_and_chunks(void **state)
{
    (void)state;
    ask(0, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    struct pst_slice got = receive(0);
    static const char *const parts[] = {"HTTP/1.1 200 OK\r\n",
                                        "\r\nContent-Type: text/event-stream\r\n",
                                        "\r\nCache-Control: no-store\r\n",
                                        "\r\nX-Content-Type-Options: nosniff\r\n",
                                        "\r\nX-Accel-Buffering: no\r\n",
                                        "\r\nTransfer-Encoding: chunked\r\n"};
    for (size_t i = 0; i < COUNT(parts); i++)
        assert_non_null(memmem(got.ptr, got.len, parts[i], strlen(parts[i])));
    assert_true(pst_slice_ends(got, PST_SLICE("\r\n\r\nf\r\n" GREETING "\r\n")));
    send_data("a");
    send_data("b");
    assert_receives(0, "12\r\ndata: a\n\ndata: b\n\n\r\n"); /* at once, so in one chunk */
}

static void test_sse_join__early_and_late__each_gets_what_came_after(void **state)
{
    (void)state;
    send_data("nobody is there");
    open_reader(0);
    send_data("1");
    open_reader(1);
    send_data("2");
    assert_receives(0, "data: 1\n\ndata: 2\n\n");
    assert_receives(1, "data: 2\n\n");
    pair_end(bench.pairs[0], PST_IO_ERR);
    send_data("3");
    open_reader(2);
    assert_int_equal(pst_sse_readers(bench.hub), 2);
    send_data("4");
    assert_receives(1, "data: 3\n\ndata: 4\n\n");
    assert_receives(2, "data: 4\n\n");
    assert_receives(1, "");
}

/* What came between the request and the first byte of its answer is not lost, nor told twice. */
static void test_sse_join__with_what_was_missed__that_comes_first(void **state)
{
    (void)state;
    static const struct pst_sse_event missed[] = {{.id = {"5", 1}, .data = {"five", 4}},
                                                  {.name = {"x", 1}, .id = {"6", 1}, .data = {"six\n", 4}}};
    bench.first = missed;
    bench.first_count = COUNT(missed);
    pair_free(bench.pairs[0]);
    struct pair *p = bench.pairs[0] = pair_new(&(struct pair_options){.out_cap = 8});
    assert_int_equal(pst_connection_open(&bench.w.driver, pair_transport(p), &p->connection), 0);
    pair_says(p, "GET /events HTTP/1.0\r\n\r\n");
    send_data("seven");
    struct pst_slice got = receive(0);
    assert_true(pst_slice_ends(got, PST_SLICE("\r\n\r\n" GREETING "id: 5\ndata: five\n\n"
                                              "id: 6\nevent: x\ndata: six\ndata: \n\n"
                                              "data: seven\n\n")));
}

static void test_sse_hub__options__as_they_say(void **state)
{
    (void)state;
    open_hub(&(struct pst_sse_options){.max_readers = 2, .ping_ms = 500, .retry_ms = 123456789});
    for (size_t i = 0; i < 2; i++) {
        open_reader_in(i, 0);
        assert_true(pst_slice_ends(receive(i), PST_SLICE("\r\n\r\nretry: 123456789\n:\n\n")));
    }
    open_reader_in(2, 0);
    assert_int_equal(bench.err, PST_E_LIMIT);
    assert_true(pst_slice_starts(receive(2), PST_SLICE("HTTP/1.1 503 ")));
    assert_int_equal(pst_sse_readers(bench.hub), 2);
    pair_end(bench.pairs[0], PST_IO_ERR);
    assert_int_equal(pst_sse_readers(bench.hub), 1);
    open_reader_in(2, 0);
    assert_int_equal(bench.err, 0);
    (void)receive(2);
    test_worker_pass_ms(&bench.w, 520);
    assert_receives(1, PING);
}

static void test_sse_join__reply_complete_or_exchange_over__refused(void **state)
{
    (void)state;
    ask(0, "GET /twice HTTP/1.0\r\n\r\n", 0);
    assert_int_equal(bench.err, PST_E_STATE);
    assert_true(pst_slice_ends(receive(0), PST_SLICE("\r\n\r\nfirst")));
    bench.joins_late = true;
    bench.err = 0;
    ask(1, "GET /events HTTP/1.0\r\n\r\n", 0);
    pair_end(bench.pairs[1], PST_IO_ERR);
    assert_int_equal(bench.err, PST_E_STATE);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    bench.joins_late = false;
}

/* RFC 9110 9.3.2 HEAD */
static void test_sse_join__head__fields_and_no_reader(void **state)
{
    (void)state;
    ask(0, "HEAD /events HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    assert_int_equal(bench.err, 0);
    struct pst_slice got = receive(0);
    assert_non_null(memmem(got.ptr, got.len, "text/event-stream", 17));
    assert_null(memmem(got.ptr, got.len, "Content-Length", 14)); /* as for GET */
    assert_true(pst_slice_ends(got, PST_SLICE("\r\n\r\n")));
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    assert_int_equal(bench.ends, 1);
    send_data("a");
    test_worker_pass_ms(&bench.w, PING_MS + 100);
    assert_receives(0, "");
    pair_says(bench.pairs[0], "GET /events HTTP/1.1\r\nHost: h\r\n\r\n"); /* the connection goes on */
    assert_true(pst_slice_ends(receive(0), PST_SLICE("\r\n" GREETING "\r\n")));
    assert_int_equal(pst_sse_readers(bench.hub), 1);
}

/* ---- time ---- */

static void test_sse__hours_of_nothing__pings_and_no_buffer(void **state)
{
    (void)state;
    open_reader(0);
    for (unsigned i = 0; i < 500; i++) {
        test_worker_pass_ms(&bench.w, PING_MS - 2000);
        assert_receives(0, "");
        test_worker_pass_ms(&bench.w, 2100);
        assert_receives(0, PING);
        assert_int_equal(bench.w.pools.chunks.live_count, bench.w.driver.scratch != NULL);
    }
    send_data("a");
    assert_receives(0, "data: a\n\n");
    assert_int_equal(bench.w.pools.chunks.live_count, bench.w.driver.scratch != NULL);
    assert_int_equal(bench.w.ended, 0);
    assert_string_equal(bench.w.events.ptr ? bench.w.events.ptr : "", "");
}

/* A comment in the middle of an event would break it. */
static void test_sse_ping__event_half_sent__waits(void **state)
{
    (void)state;
    open_hub(&(struct pst_sse_options){.ping_ms = 1000});
    open_reader_in(0, 4096);
    (void)receive(0);
    char *data = malloc(10001);
    assert_non_null(data);
    memset(data, 'x', 10000);
    data[10000] = '\0';
    send_data(data);
    free(data);
    test_worker_turns(&bench.w, 3);
    test_worker_pass_ms(&bench.w, 1100); /* its room is full */
    struct pst_slice got = receive(0);
    assert_int_equal(got.len, 6 + 10000 + 2);
    assert_null(memchr(got.ptr + 6, ':', got.len - 6));
    test_worker_pass_ms(&bench.w, 1100);
    assert_receives(0, PING);
}

/* ---- readers that do not read ---- */

static void send_many(unsigned from, unsigned to)
{
    for (unsigned i = from; i < to; i++) {
        char data[128];
        memset(data, 'd', sizeof(data));
        (void)snprintf(data, sizeof(data), "%05u", i);
        data[5] = ' ';
        data[127] = '\0';
        send_data(data);
    }
}

/* Events from on, whole and in order, as far as text goes; returns the number behind the last. */
static unsigned check_many(struct pst_slice text, unsigned from)
{
    enum { EVENT_BYTES = 6 + 127 + 2 };
    for (; text.len >= EVENT_BYTES; from++) {
        char begin[16];
        (void)snprintf(begin, sizeof(begin), "data: %05u d", from);
        assert_memory_equal(text.ptr, begin, 13);
        assert_memory_equal(text.ptr + EVENT_BYTES - 3, "d\n\n", 3);
        text = pst_slice_of(text.ptr + EVENT_BYTES, text.len - EVENT_BYTES);
    }
    assert_int_equal(text.len, 0);
    return from;
}

static void test_sse_backlog__below_the_bound__waits_and_arrives(void **state)
{
    (void)state;
    open_reader_in(0, 600);
    open_reader(1);
    (void)receive(0);
    for (unsigned i = 0; i < 190; i++) { /* 256500 bytes */
        send_many(10 * i, 10 * i + 10);
        test_worker_turns(&bench.w, 3);
        assert_int_equal(check_many(receive(1), 10 * i), 10 * i + 10);
    }
    assert_int_equal(check_many(receive(0), 0), 1900);
    assert_int_equal(pst_sse_readers(bench.hub), 2);
}

static void test_sse_backlog__over_the_bound__only_that_reader_is_cut(void **state)
{
    (void)state;
    open_reader_in(0, 600);
    open_reader(1);
    (void)receive(0);
    unsigned sent = 0;
    for (; sent < 2200; sent += 10) { /* 297000 bytes */
        send_many(sent, sent + 10);
        test_worker_turns(&bench.w, 3);
        assert_int_equal(check_many(receive(1), sent), sent + 10);
    }
    /* It is told when its place in the stream is asked for: once what was handed over has been taken. */
    struct pst_slice got = receive(0);
    assert_true(got.len > 0 && got.len < 40000);
    assert_true(bench.pairs[0]->was_cut);
    assert_int_equal(bench.w.end, PST_END_SOURCE_FAILED);
    assert_int_equal(pst_sse_readers(bench.hub), 1);
    send_many(sent, sent + 10);
    assert_int_equal(check_many(receive(1), sent), sent + 10);
}

/* Of an event that is half on its way the rest counts. */
static void test_sse_backlog__rest_of_a_long_event__counts(void **state)
{
    (void)state;
    enum { LONG = 40000, SHORT = 5000, ROOM = 600 };
    static char data[LONG];
    memset(data, 'x', sizeof(data));
    const struct pst_sse_event first = {.data = {data, LONG}}, next = {.data = {data, SHORT}};
    for (size_t bound = 26000; bound <= 32000; bound += 6000) {
        open_hub(&(struct pst_sse_options){.max_backlog_bytes = bound});
        open_reader_in(0, ROOM);
        (void)receive(0);
        assert_int_equal(pst_sse_send(bench.hub, &first), 0);
        test_worker_turns(&bench.w, 3); /* a chunk of it, 16 KiB, is with the session */
        assert_int_equal(pst_sse_send(bench.hub, &next), 0);
        struct pst_slice got = receive(0);
        bool fits = LONG - PST_CHUNK_BYTES + SHORT < bound;
        assert_int_equal(bench.pairs[0]->was_cut, !fits);
        assert_int_equal(got.len == 8 + LONG + 8 + SHORT, fits);
        pair_end(bench.pairs[0], PST_IO_ERR);
    }
}

/* Nobody can take more than one turn lets him: what comes in one go does not count against him. */
static void test_sse_backlog__much_at_once_to_an_idle_reader__arrives(void **state)
{
    (void)state;
    open_hub(&(struct pst_sse_options){.max_backlog_bytes = 1000});
    open_reader(0);
    send_many(0, 400);
    assert_int_equal(check_many(receive(0), 0), 400);
    assert_int_equal(pst_sse_readers(bench.hub), 1);
}

static void test_sse__peer_takes_one_byte_at_a_time__nothing_lost(void **state)
{
    (void)state;
    open_reader_in(0, 1);
    (void)receive(0);
    send_many(0, 50);
    assert_int_equal(check_many(receive(0), 0), 50);
}

static void test_sse__peer_stops_reading__cut_at_the_write_deadline(void **state)
{
    (void)state;
    open_reader_in(0, 600);
    (void)receive(0);
    send_many(0, 100);
    test_worker_turns(&bench.w, 3);
    for (unsigned i = 0; i < 40; i++)
        test_worker_pass_ms(&bench.w, 1000);
    assert_int_equal(bench.w.end, PST_END_DEADLINE_WRITE);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    send_data("to nobody");
}

/* ---- ends ---- */

static void test_sse__server_drains__what_was_sent_before_then_the_end(void **state)
{
    (void)state;
    ask(0, "GET /events HTTP/1.1\r\nHost: h\r\n\r\n", 0);
    open_reader_in(1, 600);
    (void)receive(0);
    (void)receive(1);
    send_many(0, 20);
    test_worker_turns(&bench.w, 2);
    struct pst_slice got = receive(0);
    assert_true(pst_slice_starts(got, PST_SLICE("a8c\r\n")));
    assert_int_equal(check_many(pst_slice_of(got.ptr + 5, got.len - 7), 0), 20);
    send_many(20, 400); /* more than the session takes at a time */
    pst_driver_drain(&bench.w.driver);
    send_many(400, 500); /* too late */
    got = receive(0);
    assert_true(pst_slice_ends(got, PST_SLICE("d\n\n\r\n0\r\n\r\n")));
    assert_non_null(memmem(got.ptr, got.len, "data: 00399 ", 12));
    assert_null(memmem(got.ptr, got.len, "data: 00400 ", 12));
    assert_int_equal(check_many(receive(1), 0), 400);
    assert_true(bench.pairs[0]->is_shut && bench.pairs[1]->is_shut);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    assert_int_equal(bench.w.end, PST_END_OK);
    assert_int_equal(bench.ends, 2);
}

static void test_sse__server_drains__idle_readers_end_at_once(void **state)
{
    (void)state;
    open_reader(0);
    open_reader(1);
    pst_driver_drain(&bench.w.driver);
    assert_receives(0, "");
    assert_true(bench.pairs[0]->is_shut && bench.pairs[1]->is_shut);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    bench.w.env.is_draining = false;
}

/* A request of a connection that was there before may come last. */
static void test_sse_join__while_the_server_drains__greeting_and_end(void **state)
{
    (void)state;
    send_data("before");
    bench.w.env.is_draining = true;
    open_reader_in(0, 0);
    assert_true(pst_slice_ends(receive(0), PST_SLICE("\r\n\r\n" GREETING)));
    assert_true(bench.pairs[0]->is_shut);
    assert_int_equal(pst_sse_readers(bench.hub), 0);
    bench.w.env.is_draining = false;
}

static void test_sse__reader_goes__with_events_on_their_way(void **state)
{
    (void)state;
    static const enum pst_io ends[] = {PST_IO_ERR, PST_IO_TRUNC, PST_IO_ERR};
    for (size_t i = 0; i < COUNT(ends); i++) {
        open_reader_in(i, 600);
        (void)receive(i);
        assert_int_equal(pst_sse_readers(bench.hub), 1);
        send_many(0, 20);
        if (i > 1)
            test_worker_turns(&bench.w, 3);
        pair_end(bench.pairs[i], ends[i]);
        test_worker_pass_ms(&bench.w, PING_MS + 100);
        if (ends[i] == PST_IO_TRUNC) /* its own direction alone: it may still read */
            assert_int_equal(check_many(receive(i), 0), 20);
        pst_driver_abort(&bench.w.driver);
        assert_int_equal(pst_sse_readers(bench.hub), 0);
    }
}

static void test_sse_hub_free__nothing__allowed(void **state)
{
    (void)state;
    pst_sse_hub_free(NULL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_sse_send__table__framed),
        TEST(test_sse_send__name_or_id_of_two_lines__refused),
        TEST(test_sse_join__http_1_1__fields_and_chunks),
        TEST(test_sse_join__early_and_late__each_gets_what_came_after),
        TEST(test_sse_join__with_what_was_missed__that_comes_first),
        TEST(test_sse_hub__options__as_they_say),
        TEST(test_sse_join__reply_complete_or_exchange_over__refused),
        TEST(test_sse_join__head__fields_and_no_reader),
        TEST(test_sse__hours_of_nothing__pings_and_no_buffer),
        TEST(test_sse_ping__event_half_sent__waits),
        TEST(test_sse_backlog__below_the_bound__waits_and_arrives),
        TEST(test_sse_backlog__over_the_bound__only_that_reader_is_cut),
        TEST(test_sse_backlog__rest_of_a_long_event__counts),
        TEST(test_sse_backlog__much_at_once_to_an_idle_reader__arrives),
        TEST(test_sse__peer_takes_one_byte_at_a_time__nothing_lost),
        TEST(test_sse__peer_stops_reading__cut_at_the_write_deadline),
        TEST(test_sse__server_drains__what_was_sent_before_then_the_end),
        TEST(test_sse__server_drains__idle_readers_end_at_once),
        TEST(test_sse_join__while_the_server_drains__greeting_and_end),
        TEST(test_sse__reader_goes__with_events_on_their_way),
        cmocka_unit_test(test_sse_hub_free__nothing__allowed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
