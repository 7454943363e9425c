/* The exchange: what a handler learns of the request, who is called when, and how it ends. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "support/bare_exchange.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* One line for each call of a handler: what it was, and what it got. */
static char calls[512];
static void (*script)(struct pst_exchange *ex); /* what on_request does; NULL: replies "ok" */
static bool pauses;                             /* on_body, each time */

static void note(const char *text, const char *data, size_t len)
{
    size_t n = strlen(calls);
    snprintf(calls + n, sizeof(calls) - n, "%s%.*s;", text, (int)len, data);
}

static void on_request(struct pst_exchange *ex, void *arg)
{
    struct pst_slice body = pst_exchange_body(ex);
    note(arg, body.ptr, body.len);
    if (script)
        script(ex);
    else
        assert_int_equal(pst_reply_bytes(ex, "ok", 2), 0);
}

static void on_stream_request(struct pst_exchange *ex, void *arg)
{
    note(arg, "", 0);
    if (script)
        script(ex);
}

static void on_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)arg;
    note(last ? "last " : "piece ", data, len);
    if (pauses)
        pst_exchange_pause(ex);
}

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    note(arg, pst_end_text(why), strlen(pst_end_text(why)));
}

static void route(struct bare_exchange *b, const char *pattern, uint64_t body_max_bytes)
{
    struct pst_handler handler = {
        .on_request = on_request, .arg = (void *)(uintptr_t) "whole ", .body_max_bytes = body_max_bytes};
    assert_int_equal(pst_server_route(b->w.server, pattern, &handler), 0);
}

static void route_stream(struct bare_exchange *b, const char *pattern, uint64_t body_max_bytes)
{
    struct pst_handler handler = {.on_request = on_stream_request,
                                  .on_body = on_body,
                                  .arg = (void *)(uintptr_t) "head",
                                  .body_max_bytes = body_max_bytes};
    assert_int_equal(pst_server_route(b->w.server, pattern, &handler), 0);
}

static int start_local(void *arg, void **ret_local)
{
    *ret_local = arg;
    return 0;
}

static struct bare_exchange bench;

static int setup(void **state)
{
    (void)state;
    calls[0] = '\0';
    script = NULL;
    pauses = false;
    struct bare_exchange *b = &bench;
    bare_init(b);
    route(b, "GET /a", 0);
    route(b, "GET /files/*", 0);
    route(b, "POST /whole", 0);
    route(b, "POST /ten", 10);
    route_stream(b, "POST /stream", 0);
    route_stream(b, "POST /stream-ten", 10);
    struct pst_handler handler = {
        .on_request = on_request, .arg = (void *)(uintptr_t) "local ", .on_worker_start = start_local};
    assert_int_equal(pst_server_route(b->w.server, "GET /local", &handler), 0);
    test_worker_start(&b->w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bare_fini(&bench);
    return 0;
}

#define assert_slice(slice, text) assert_true(pst_slice_eq((slice), pst_slice_str(text)))

/* ---- what is known of the request ---- */

static void test_exchange__request__all_that_a_handler_asks(void **state)
{
    (void)state;
    bare_request(&bench, "GET /files/a%20b/../c%2Fd?x=%20y HTTP/1.1\r\nHost: h:8\r\nA: 1\r\na:\t2 \r\n\r\n");
    const struct pst_exchange *ex = bench.ex;
    pst_exchange_dispatch(bench.ex);
    assert_slice(pst_exchange_method(ex), "GET");
    assert_slice(pst_exchange_target(ex), "/files/a%20b/../c%2Fd?x=%20y");
    assert_slice(pst_exchange_raw_path(ex), "/files/a%20b/../c%2Fd");
    assert_slice(pst_exchange_path(ex), "/files/c%2Fd");
    assert_slice(pst_exchange_rest(ex), "c%2Fd");
    assert_true(pst_exchange_has_query(ex));
    assert_slice(pst_exchange_query(ex), "x=%20y");
    assert_slice(pst_exchange_authority(ex), "h:8");
    assert_slice(pst_exchange_scheme(ex), "http");
    assert_int_equal(pst_exchange_version(ex), 11);
    assert_int_equal(pst_exchange_field_count(ex), 3);
    assert_slice(pst_exchange_field_at(ex, 2).name, "a");
    assert_slice(pst_exchange_field_at(ex, 2).value, "2");
    struct pst_slice value;
    assert_true(pst_exchange_field(ex, "a", &value));
    assert_slice(value, "1"); /* the first one */
    assert_true(pst_exchange_field(ex, "HOST", &value));
    assert_slice(value, "h:8");
    assert_false(pst_exchange_field(ex, "hos", &value));
    assert_slice(value, "");
    assert_slice(pst_exchange_body(ex), "");
    assert_int_equal(pst_exchange_body_length(ex), 0);
    struct pst_peer_info peer;
    pst_exchange_peer(ex, &peer);
    assert_string_equal(peer.address, "192.0.2.1");
    assert_int_equal(peer.port, 4711);
    assert_null(pst_exchange_local(ex));
    assert_ptr_equal(pst_exchange_worker(ex), &bench.w.worker);
    assert_int_equal(pst_exchange_unix_time(ex), 784111777);
    assert_int_equal(pst_exchange_now_ms(ex), pst_loop_now_ms(bench.w.loop));
    uint64_t turn = pst_exchange_turn(ex);
    test_worker_turns(&bench.w, 1);
    assert_int_equal(pst_exchange_turn(ex), turn + 1);
}

static void test_exchange__door_and_worker__as_they_are(void **state)
{
    (void)state;
    bench.host.is_secure = true;
    bare_request(&bench, "GET /local? HTTP/1.0\r\n\r\n");
    pst_exchange_dispatch(bench.ex);
    assert_slice(pst_exchange_scheme(bench.ex), "https");
    assert_true(pst_exchange_has_query(bench.ex)); /* "/local?" has one, empty */
    assert_slice(pst_exchange_query(bench.ex), "");
    assert_slice(pst_exchange_authority(bench.ex), "");
    assert_int_equal(pst_exchange_version(bench.ex), 10);
    assert_string_equal(pst_exchange_local(bench.ex), "local ");
}

static void test_exchange_body_length__framings__length_or_unknown(void **state)
{
    (void)state;
    static const struct {
        const char *fields;
        int64_t length;
    } rows[] = {{"", 0},
                {"Content-Length: 0\r\n", 0},
                {"Content-Length: 7\r\n", 7},
                {"Transfer-Encoding: chunked\r\n", -1}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        char head[128];
        snprintf(head, sizeof(head), "POST /stream HTTP/1.1\r\nHost: h\r\n%s\r\n", rows[i].fields);
        bare_request(&bench, head);
        assert_int_equal(pst_exchange_body_length(bench.ex), rows[i].length);
    }
}

static void test_exchange_alloc_and_printf__memory__lives_with_the_exchange(void **state)
{
    (void)state;
    bare_request(&bench, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    struct pst_slice text = pst_exchange_printf(bench.ex, "%s-%d", "x", 7);
    assert_slice(text, "x-7");
    for (size_t size = 0; size < 20000; size = size * 2 + 1) {
        char *p = pst_exchange_alloc(bench.ex, size);
        assert_non_null(p);
        assert_int_equal((uintptr_t)p % 16, 0);
        memset(p, 1, size);
    }
    text = pst_exchange_printf(bench.ex, "%s", "");
    assert_non_null(text.ptr);
    assert_int_equal(text.len, 0);
}

/* ---- routing: RFC 9110 15.5.5 404, 15.5.6 405, 15.6.2 501, 9.3.7 OPTIONS ---- */

static void test_exchange_dispatch__table__status_allow_and_who_is_called(void **state)
{
    (void)state;
    static const struct {
        const char *line;
        int status;
        const char *allow, *calls;
    } rows[] = {
        {"GET /a", 200, "", "whole ;"},
        {"HEAD /a", 200, "", "whole ;"},
        {"GET /A", 404, "", ""},
        {"GET /", 404, "", ""},
        {"GET /files/x", 200, "", "whole ;"},
        {"POST /a", 405, "GET, HEAD, OPTIONS", ""},
        {"GET /whole", 405, "POST, OPTIONS", ""},
        {"HEAD /whole", 405, "POST, OPTIONS", ""},
        {"DELETE /files/x", 405, "GET, HEAD, OPTIONS", ""},
        {"OPTIONS /a", 204, "GET, HEAD, OPTIONS", ""},
        {"OPTIONS /whole", 204, "POST, OPTIONS", ""},
        {"OPTIONS /none", 404, "", ""},
        {"OPTIONS *", 204, "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS", ""},
        {"BREW /a", 501, "", ""},
        {"get /a", 501, "", ""}, /* methods are case-sensitive */
        {"TRACE /a", 501, "", ""},
        {"CONNECT h:443", 501, "", ""},
        {"GET http://other/a", 200, "", "whole ;"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        char head[128];
        snprintf(head, sizeof(head), "%s HTTP/1.1\r\nHost: h\r\n\r\n", rows[i].line);
        calls[0] = '\0';
        bare_request(&bench, head);
        pst_exchange_dispatch(bench.ex);
        if (!pst_exchange_replied(bench.ex) || bench.ex->reply.status != rows[i].status ||
            strcmp(bare_field(&bench, "Allow"), rows[i].allow) != 0 || strcmp(calls, rows[i].calls) != 0)
            fail_msg("%s: %d, Allow: %s, calls %s", rows[i].line, bench.ex->reply.status,
                     bare_field(&bench, "Allow"), calls);
        assert_int_equal(bench.changes, 1);
    }
}

/* ---- bodies taken whole ---- */

static void request_with(const char *path, const char *framing)
{
    char head[256];
    snprintf(head, sizeof(head), "POST %s HTTP/1.1\r\nHost: h\r\n%s\r\n\r\n", path, framing);
    bare_request(&bench, head);
    pst_exchange_dispatch(bench.ex);
}

static void feed(const char *text, bool last)
{
    pst_exchange_feed(bench.ex, text, strlen(text), last);
}

static void test_exchange_feed__whole_body__handler_is_called_once_at_its_end(void **state)
{
    (void)state;
    static const char *const framings[] = {"Content-Length: 9", "Transfer-Encoding: chunked"};
    for (size_t i = 0; i < COUNT(framings); i++) {
        calls[0] = '\0';
        request_with("/whole", framings[i]);
        assert_string_equal(calls, "");
        feed("abc", false);
        feed("", false);
        feed("def", false);
        assert_string_equal(calls, "");
        assert_false(pst_exchange_replied(bench.ex));
        feed("ghi", true);
        assert_string_equal(calls, "whole abcdefghi;");
        assert_slice(pst_exchange_body(bench.ex), "abcdefghi");
        assert_true(pst_exchange_replied(bench.ex));
    }
}

static void test_exchange_feed__large_body_in_small_pieces__comes_together(void **state)
{
    (void)state;
    script = NULL;
    enum { PIECES = 3000 };
    request_with("/whole", "Transfer-Encoding: chunked");
    for (int i = 0; i < PIECES; i++) {
        char piece[16];
        snprintf(piece, sizeof(piece), "%08d", i);
        pst_exchange_feed(bench.ex, piece, 8, i == PIECES - 1);
    }
    struct pst_slice body = pst_exchange_body(bench.ex);
    assert_int_equal(body.len, PIECES * 8);
    for (int i = 0; i < PIECES; i++) {
        char piece[16];
        snprintf(piece, sizeof(piece), "%08d", i);
        assert_memory_equal(body.ptr + (size_t)i * 8, piece, 8);
    }
}

/* Claiming much costs the client as much: memory is taken as far as bytes have come, and no more than asked.
 */
static void test_exchange_feed__declared_length__is_not_believed_beforehand(void **state)
{
    (void)state;
    request_with("/whole", "Content-Length: 1000000");
    assert_int_equal(bench.ex->body_cap, 0);
    feed("abc", false);
    assert_in_range(bench.ex->body_cap, 3, 4096);
    request_with("/whole", "Content-Length: 5");
    feed("ab", false);
    feed("cde", true);
    assert_int_equal(bench.ex->body_cap, 5);
}

static void test_exchange_feed__pieces_that_outgrow_any_doubling__come_together(void **state)
{
    (void)state;
    static char big[50000];
    memset(big, 'b', sizeof(big));
    request_with("/whole", "Transfer-Encoding: chunked");
    feed("a", false);
    pst_exchange_feed(bench.ex, big, sizeof(big), false);
    feed("c", true);
    struct pst_slice body = pst_exchange_body(bench.ex);
    assert_int_equal(body.len, sizeof(big) + 2);
    assert_int_equal(body.ptr[0], 'a');
    assert_memory_equal(body.ptr + 1, big, sizeof(big));
    assert_int_equal(body.ptr[sizeof(big) + 1], 'c');
}

static void test_exchange_dispatch__empty_body__handler_is_called_at_once(void **state)
{
    (void)state;
    request_with("/whole", "Content-Length: 0");
    assert_string_equal(calls, "whole ;");
    calls[0] = '\0';
    request_with("/whole", "A: b");
    assert_string_equal(calls, "whole ;");
    calls[0] = '\0';
    request_with("/whole", "Transfer-Encoding: chunked"); /* only its end will tell */
    assert_string_equal(calls, "");
    feed("", true);
    assert_string_equal(calls, "whole ;");
}

/* RFC 9110 15.5.14 413: by the declared length before any of it is read, else once it is too much. */
static void test_exchange__body_over_its_limit__413_and_handler_not_called(void **state)
{
    (void)state;
    static const struct {
        const char *path, *called;
    } rows[] = {{"/ten", "whole 0123456789;"}, {"/stream-ten", "head;last 0123456789;"}};
    for (size_t i = 0; i < COUNT(rows); i++) {
        calls[0] = '\0';
        request_with(rows[i].path, "Content-Length: 10");
        feed("0123456789", true);
        assert_string_equal(calls, rows[i].called);

        calls[0] = '\0';
        request_with(rows[i].path, "Content-Length: 11");
        assert_string_equal(calls, "");
        assert_int_equal(bench.ex->reply.status, 413);
        assert_true(pst_exchange_replied(bench.ex));
    }
    calls[0] = '\0';
    request_with("/ten", "Transfer-Encoding: chunked");
    feed("01234", false);
    feed("56789", false);
    assert_false(pst_exchange_replied(bench.ex));
    feed("x", false);
    assert_int_equal(bench.ex->reply.status, 413);
    assert_true(pst_exchange_replied(bench.ex));
    assert_string_equal(calls, "");
    request_with("/stream-ten", "Transfer-Encoding: chunked");
    feed("01234", false);
    feed("567890", true);
    assert_string_equal(calls, "head;piece 01234;");
    assert_int_equal(bench.ex->reply.status, 413);
}

static void test_exchange__limits_of_the_server__hold_where_the_handler_has_none(void **state)
{
    (void)state;
    bench.w.limits.body_bytes = 3;
    bench.w.limits.stream_bytes = 5;
    request_with("/whole", "Content-Length: 3");
    assert_false(pst_exchange_replied(bench.ex));
    request_with("/whole", "Content-Length: 4");
    assert_int_equal(bench.ex->reply.status, 413);
    request_with("/stream", "Content-Length: 5");
    assert_false(pst_exchange_replied(bench.ex));
    request_with("/stream", "Content-Length: 6");
    assert_int_equal(bench.ex->reply.status, 413);
    request_with("/ten", "Content-Length: 10"); /* its own counts, also above the server's */
    assert_false(pst_exchange_replied(bench.ex));
}

/* ---- streamed bodies ---- */

static void test_exchange_feed__streamed__pieces_as_they_come(void **state)
{
    (void)state;
    request_with("/stream", "Content-Length: 9");
    assert_string_equal(calls, "head;");
    feed("abc", false);
    feed("def", false);
    feed("ghi", true);
    assert_string_equal(calls, "head;piece abc;piece def;last ghi;");
    assert_slice(pst_exchange_body(bench.ex), ""); /* nothing is kept */
}

static void test_exchange_dispatch__streamed_without_a_body__hears_of_the_end(void **state)
{
    (void)state;
    request_with("/stream", "A: b");
    assert_string_equal(calls, "head;last ;");
    calls[0] = '\0';
    request_with("/stream", "Content-Length: 0");
    assert_string_equal(calls, "head;last ;");
}

static void do_pause(struct pst_exchange *ex)
{
    pst_exchange_pause(ex);
}

static void do_pause_and_resume(struct pst_exchange *ex)
{
    pst_exchange_pause(ex);
    pst_exchange_resume(ex);
}

static void do_reply(struct pst_exchange *ex)
{
    assert_int_equal(pst_reply_empty(ex), 0);
}

static void test_exchange_pause__before_an_end_without_a_body__end_waits_for_resume(void **state)
{
    (void)state;
    script = do_pause;
    request_with("/stream", "A: b");
    assert_string_equal(calls, "head;");
    assert_int_equal(bench.changes, 0);
    pst_exchange_resume(bench.ex);
    assert_string_equal(calls, "head;last ;");
    pst_exchange_resume(bench.ex); /* once more: nothing */
    assert_string_equal(calls, "head;last ;");

    script = do_pause_and_resume;
    calls[0] = '\0';
    request_with("/stream", "A: b");
    assert_string_equal(calls, "head;last ;");

    /* A reply in between: no further call. */
    script = do_pause;
    calls[0] = '\0';
    request_with("/stream", "A: b");
    assert_int_equal(pst_reply_empty(bench.ex), 0);
    pst_exchange_resume(bench.ex);
    assert_string_equal(calls, "head;");
}

static void test_exchange_resume__paused__tells_the_session_once(void **state)
{
    (void)state;
    pauses = true;
    request_with("/stream", "Content-Length: 6");
    feed("abc", false);
    assert_true(bench.ex->is_paused);
    unsigned before = bench.changes;
    pst_exchange_resume(bench.ex);
    assert_int_equal(bench.changes, before + 1);
    pst_exchange_resume(bench.ex);
    assert_int_equal(bench.changes, before + 1);
    feed("def", true);
    assert_string_equal(calls, "head;piece abc;last def;");
}

static void test_exchange_dispatch__streamed_and_replied_at_once__no_body_is_offered(void **state)
{
    (void)state;
    script = do_reply;
    request_with("/stream", "A: b");
    assert_string_equal(calls, "head;");
    assert_true(pst_exchange_replied(bench.ex));
}

/* ---- the end ---- */

static void test_exchange_end__on_end__once_with_its_cause_before_the_log(void **state)
{
    (void)state;
    static const enum pst_end causes[] = {
        PST_END_OK,     PST_END_PEER_CLOSED, PST_END_PEER_RESET, PST_END_DEADLINE_BODY, PST_END_SOURCE_FAILED,
        PST_END_STOPPED};
    for (size_t i = 0; i < COUNT(causes); i++) {
        calls[0] = '\0';
        bare_request(&bench, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
        pst_exchange_on_end(bench.ex, on_end, (void *)(uintptr_t) "first ");
        pst_exchange_on_end(bench.ex, on_end, (void *)(uintptr_t) "second "); /* replaces it */
        pst_exchange_dispatch(bench.ex);
        size_t ended = bench.w.ended;
        bare_end(&bench, causes[i]);
        char expected[64];
        snprintf(expected, sizeof(expected), "whole ;second %s;", pst_end_text(causes[i]));
        assert_string_equal(calls, expected);
        assert_int_equal(bench.w.ended, ended + 1);
        assert_int_equal(bench.w.end, causes[i]);
    }
}

/* Whatever is tried from within on_end, the exchange is over. */
static void try_everything(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)why;
    (void)arg;
    note("end", "", 0);
    assert_slice(pst_exchange_method(ex), "POST"); /* still readable */
    assert_int_equal(pst_reply_status(ex, 200), PST_E_STATE);
    assert_int_equal(pst_reply_field(ex, "A", PST_SLICE("b")), PST_E_STATE);
    assert_int_equal(pst_reply_empty(ex), PST_E_STATE);
    assert_int_equal(pst_reply_error(ex, 500), PST_E_STATE);
    pst_exchange_on_end(ex, try_everything, NULL);
    pst_exchange_pause(ex);
    pst_exchange_resume(ex);
    pst_exchange_wake(ex);
    assert_non_null(pst_exchange_alloc(ex, 10));
}

static void test_exchange_end__from_within_on_end__nothing_can_be_done_any_more(void **state)
{
    (void)state;
    request_with("/stream", "Content-Length: 5");
    pst_exchange_on_end(bench.ex, try_everything, NULL);
    unsigned before = bench.changes;
    bare_end(&bench, PST_END_PEER_CLOSED);
    assert_int_equal(bench.changes, before);
    assert_string_equal(calls, "head;end;");
}

/* The handler has to learn what the log says: its body never came, although a reply was sent. */
static void test_exchange_refuse__then_sent__on_end_and_log_say_why(void **state)
{
    (void)state;
    request_with("/stream", "Content-Length: 5");
    pst_exchange_on_end(bench.ex, on_end, (void *)(uintptr_t) "end ");
    assert_int_equal(pst_reply_field(bench.ex, "X-Upload", PST_SLICE("begun")), 0);
    feed("ab", false);
    pst_exchange_refuse(bench.ex, 408, PST_END_DEADLINE_BODY);
    assert_true(pst_exchange_replied(bench.ex));
    assert_int_equal(bench.ex->reply.status, 408);
    assert_string_equal(bare_field(&bench, "X-Upload"), ""); /* what the handler had prepared is dropped */
    bare_end(&bench, PST_END_OK);
    assert_string_equal(calls, "head;piece ab;end body deadline;");
    assert_int_equal(bench.w.end, PST_END_DEADLINE_BODY);
}

static void test_exchange_refuse__already_replied__nothing_happens(void **state)
{
    (void)state;
    bare_request(&bench, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
    pst_exchange_dispatch(bench.ex);
    pst_exchange_refuse(bench.ex, 400, PST_END_BAD_REQUEST);
    assert_int_equal(bench.ex->reply.status, 200);
    bare_end(&bench, PST_END_OK);
    assert_int_equal(bench.w.end, PST_END_OK);
}

static void test_end_text__all_causes__different_texts(void **state)
{
    (void)state;
    for (int i = PST_END_OK; i <= PST_END_STOPPED; i++) {
        assert_true(strlen(pst_end_text((enum pst_end)i)) > 0);
        for (int k = PST_END_OK; k < i; k++)
            assert_string_not_equal(pst_end_text((enum pst_end)i), pst_end_text((enum pst_end)k));
    }
    assert_non_null(pst_end_text((enum pst_end)1000));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* ---- timers, stops, a handler's own pointer ---- */

static void on_call(struct pst_exchange *ex, void *arg)
{
    assert_ptr_equal(ex, bench.ex);
    note(arg, "", 0);
}

static char early[] = "early", late[] = "late", stop[] = "stop";

static void test_exchange_after__moved_cleared_and_ended__fires_once_at_the_last_time(void **state)
{
    (void)state;
    calls[0] = '\0';
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    pst_exchange_after(bench.ex, 0, NULL, NULL); /* there is none */
    pst_exchange_after(bench.ex, 100, on_call, early);
    test_worker_pass_ms(&bench.w, 90);
    pst_exchange_after(bench.ex, 100, on_call, late);
    test_worker_pass_ms(&bench.w, 90);
    assert_string_equal(calls, "");
    test_worker_pass_ms(&bench.w, 20);
    assert_string_equal(calls, "late;");
    test_worker_pass_ms(&bench.w, 1000);
    pst_exchange_after(bench.ex, 10, on_call, late);
    pst_exchange_after(bench.ex, 0, NULL, NULL);
    test_worker_pass_ms(&bench.w, 1000);
    assert_string_equal(calls, "late;");
    pst_exchange_after(bench.ex, 10, on_call, late);
    bare_end(&bench, PST_END_OK);
    test_worker_pass_ms(&bench.w, 1000);
    assert_string_equal(calls, "late;");
}

static void test_exchange_on_drain__stop__is_told_once(void **state)
{
    (void)state;
    calls[0] = '\0';
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    pst_exchange_drain(bench.ex); /* nobody asked */
    pst_exchange_on_drain(bench.ex, on_call, early);
    pst_exchange_on_drain(bench.ex, on_call, stop);
    assert_string_equal(calls, "");
    pst_exchange_drain(bench.ex);
    pst_exchange_drain(bench.ex);
    assert_string_equal(calls, "stop;");
    bench.w.env.is_draining = true;
    pst_exchange_on_drain(bench.ex, on_call, late); /* at once */
    bench.w.env.is_draining = false;
    assert_string_equal(calls, "stop;late;");
}

static void test_exchange_data__until_it_is_set__null(void **state)
{
    (void)state;
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    assert_null(pst_exchange_data(bench.ex));
    pst_exchange_set_data(bench.ex, early);
    assert_ptr_equal(pst_exchange_data(bench.ex), early);
    assert_ptr_equal(pst_exchange_limits(bench.ex), &bench.w.limits);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_exchange__request__all_that_a_handler_asks),
        TEST(test_exchange__door_and_worker__as_they_are),
        TEST(test_exchange_body_length__framings__length_or_unknown),
        TEST(test_exchange_alloc_and_printf__memory__lives_with_the_exchange),
        TEST(test_exchange_dispatch__table__status_allow_and_who_is_called),
        TEST(test_exchange_feed__whole_body__handler_is_called_once_at_its_end),
        TEST(test_exchange_feed__large_body_in_small_pieces__comes_together),
        TEST(test_exchange_feed__declared_length__is_not_believed_beforehand),
        TEST(test_exchange_feed__pieces_that_outgrow_any_doubling__come_together),
        TEST(test_exchange_dispatch__empty_body__handler_is_called_at_once),
        TEST(test_exchange__body_over_its_limit__413_and_handler_not_called),
        TEST(test_exchange__limits_of_the_server__hold_where_the_handler_has_none),
        TEST(test_exchange_feed__streamed__pieces_as_they_come),
        TEST(test_exchange_dispatch__streamed_without_a_body__hears_of_the_end),
        TEST(test_exchange_pause__before_an_end_without_a_body__end_waits_for_resume),
        TEST(test_exchange_resume__paused__tells_the_session_once),
        TEST(test_exchange_dispatch__streamed_and_replied_at_once__no_body_is_offered),
        TEST(test_exchange_end__on_end__once_with_its_cause_before_the_log),
        TEST(test_exchange_end__from_within_on_end__nothing_can_be_done_any_more),
        TEST(test_exchange_refuse__then_sent__on_end_and_log_say_why),
        TEST(test_exchange_refuse__already_replied__nothing_happens),
        TEST(test_exchange_after__moved_cleared_and_ended__fires_once_at_the_last_time),
        TEST(test_exchange_on_drain__stop__is_told_once),
        TEST(test_exchange_data__until_it_is_set__null),
        TEST(test_end_text__all_causes__different_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
