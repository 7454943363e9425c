/* A whole request over a real socket, from the accepted connection to the log line, while allocation i fails,
 * for every i; then while all fail from i on. Nothing may crash or leak, a handler hears the end of its
 * exchange exactly once, and the client gets the right reply, a 500 or 503, or a closed connection: never a
 * wrong one, and it never waits in vain. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/failmalloc.h"
#include "support/test_worker.h"
#include "transport/tcp.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- handlers: as a careful embedder writes them ---- */

static unsigned begun, ended, logged;
static struct pst_exchange *waiting; /* a source that has nothing now, or a reply that is deferred */
static size_t streamed;
static int served_file = -1;

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)why;
    (void)arg;
    ended++;
    if (waiting == ex)
        waiting = NULL;
}

static void begin(struct pst_exchange *ex)
{
    begun++;
    pst_exchange_on_end(ex, on_end, NULL);
}

/* Whatever failed: the status still goes out, that takes no memory. */
static void or_503(struct pst_exchange *ex, int err)
{
    if (err)
        assert_int_equal(pst_reply_error(ex, 503), 0);
}

static void on_small(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    or_503(ex, pst_reply_bytes(ex, "small", 5));
}

/* More than the exchange's own memory holds, in fields and body. */
static void on_large(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    int err = 0;
    for (int i = 0; !err && i < 40; i++)
        err = pst_reply_fieldf(ex, "Large", "%0200d", i);
    if (!err)
        err = pst_reply_printf(ex, "%05000d", 7);
    or_503(ex, err);
}

static void on_whole(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    struct pst_slice body = pst_exchange_body(ex);
    or_503(ex, pst_reply_copy(ex, body.ptr, body.len));
}

static void on_stream(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    streamed = 0;
    begin(ex);
}

static void on_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)arg;
    (void)data;
    streamed += len;
    if (last)
        or_503(ex, pst_reply_printf(ex, "%zu", streamed));
}

enum { SOURCE_PIECES = 4 };

struct letters {
    struct pst_exchange *ex;
    int pulls;
};

/* Waits once, in the middle. */
static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct letters *l = ctx;
    assert_true(cap >= 3);
    if (++l->pulls == SOURCE_PIECES / 2) {
        waiting = l->ex;
        return PST_SOURCE_MORE;
    }
    memcpy(dst, "abc", 3);
    *ret_len = 3;
    return l->pulls > SOURCE_PIECES ? PST_SOURCE_END : PST_SOURCE_MORE;
}

static void close_letters(void *ctx)
{
    free(ctx);
}

static void on_source(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    struct letters *l = calloc(1, sizeof(*l));
    if (!l) {
        or_503(ex, PST_E_NOMEM);
        return;
    }
    l->ex = ex;
    static const struct pst_source source = {pull, close_letters};
    or_503(ex, pst_reply_source(ex, &source, l, -1));
}

static void on_file(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    int fd = fcntl(served_file, F_DUPFD_CLOEXEC, 0);
    assert_true(fd >= 0);
    or_503(ex, pst_reply_file(ex, fd, 0, 10));
}

static void on_redirect(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    int err = pst_reply_redirect(ex, 303, PST_SLICE("/small"));
    or_503(ex, err);
}

static void on_exchange(struct pst_http_env *env, const struct pst_log_entry *entry)
{
    (void)env;
    assert_non_null(entry->exchange);
    logged++;
}

static void on_trace(struct pst_driver *driver, const struct pst_trace_entry *entry)
{
    (void)driver;
    assert_true(entry->len > 0);
}

/* ---- a worker and its client ---- */

struct scene {
    struct test_worker w;
    int client;
    char got[32768];
    size_t got_len;
    bool is_closed; /* the client has seen the end */
};

static struct scene scene;

static void scene_init(bool is_traced)
{
    struct test_worker *w = &scene.w;
    scene.client = -1;
    begun = ended = logged = 0;
    waiting = NULL;
    test_worker_init(w);
    w->env.on_exchange = on_exchange;
    w->driver.on_event = NULL;
    w->driver.on_trace = is_traced ? on_trace : NULL;
    assert_int_equal(pst_server_handle(w->server, "GET /small", on_small, NULL), 0);
    assert_int_equal(pst_server_handle(w->server, "GET /large", on_large, NULL), 0);
    assert_int_equal(pst_server_handle(w->server, "GET /source", on_source, NULL), 0);
    assert_int_equal(pst_server_handle(w->server, "GET /file", on_file, NULL), 0);
    assert_int_equal(pst_server_handle(w->server, "GET /redirect", on_redirect, NULL), 0);
    assert_int_equal(pst_server_handle(w->server, "POST /whole", on_whole, NULL), 0);
    struct pst_handler stream = {.on_request = on_stream, .on_body = on_body};
    assert_int_equal(pst_server_route(w->server, "POST /stream", &stream), 0);
    test_worker_start(w);
}

/* What the client does never fails: only the server's memory is short. */
static void client_opens(void)
{
    struct scene *s = &scene;
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    if (s->client >= 0)
        close(s->client);
    s->client = fds[1];
    s->got_len = 0;
    s->is_closed = false;
    struct pst_transport *t;
    if (pst_tcp_new(&t, fds[0], NULL, 0) == 0)
        (void)pst_connection_open(&s->w.driver, t, NULL);
}

static void client_reads(void)
{
    struct scene *s = &scene;
    while (!s->is_closed) {
        assert_true(s->got_len < sizeof(s->got));
        ssize_t n = read(s->client, s->got + s->got_len, sizeof(s->got) - s->got_len);
        if (n < 0 && errno == EAGAIN)
            return;
        if (n <= 0)
            s->is_closed = true;
        else
            s->got_len += (size_t)n;
    }
}

/* Until nothing moves any more: a few turns are plenty for a request this small. */
static void settle(void)
{
    for (int i = 0; i < 8; i++) {
        test_worker_turns(&scene.w, 1);
        client_reads();
        if (waiting)
            pst_exchange_wake(waiting);
    }
}

/* In so many pieces, with turns of the server's loop in between. */
static void client_says(const char *text, size_t pieces)
{
    size_t len = strlen(text), at = 0;
    for (size_t i = 1; i <= pieces; i++) {
        size_t n = len * i / pieces - at;
        ssize_t sent = send(scene.client, text + at, n, MSG_NOSIGNAL);
        if (sent < 0) /* closed already */
            break;
        assert_int_equal(sent, n);
        at += n;
        settle();
    }
}

static void scene_fini(void)
{
    close(scene.client);
    test_worker_turns(&scene.w, 4);
    assert_int_equal(scene.w.driver.count, 0);
    assert_int_equal(begun, ended);
    test_worker_fini(&scene.w); /* sees to it that all buffers came back */
}

/* ---- the test itself ---- */

static void run_once(const char *request, size_t pieces)
{
    client_opens();
    client_says(request, pieces);
    settle();
}

static bool got_begins(const char *text)
{
    size_t len = strlen(text);
    return scene.got_len > len && memcmp(scene.got, text, len) == 0;
}

static bool is_error_page(void)
{
    return got_begins("HTTP/1.1 503 ") || got_begins("HTTP/1.1 500 ");
}

/* A redirect whose page could not be made: it leads there all the same. */
static bool is_bare_redirect(void)
{
    return got_begins("HTTP/1.1 303 ") && memmem(scene.got, scene.got_len, "\r\nLocation: /small\r\n",
                                                 sizeof("\r\nLocation: /small\r\n") - 1);
}

static void check(size_t i, size_t count, const char *expected, size_t expected_len)
{
    struct scene *s = &scene;
    bool is_whole = s->got_len == expected_len && memcmp(s->got, expected, expected_len) == 0;
    bool is_part = s->got_len < expected_len && memcmp(s->got, expected, s->got_len) == 0;
    if (!is_whole && !is_error_page() && !is_bare_redirect() && !(is_part && s->is_closed))
        fail_msg("allocation %zu and %zu more: %s, closed %d: %.*s", i, count - 1,
                 is_part ? "a part" : "wrong", s->is_closed, (int)s->got_len, s->got);
}

static void fail_each(const char *request, size_t pieces, bool is_traced, size_t least)
{
    static char expected[sizeof(scene.got)];
    scene_init(is_traced);
    run_once(request, pieces);
    size_t expected_len = scene.got_len;
    memcpy(expected, scene.got, expected_len);
    assert_true(expected_len > 0 && !is_error_page());
    scene_fini();

    static const size_t counts[] = {1, 2, FAILMALLOC_ALL};
    for (size_t k = 0; k < COUNT(counts); k++) {
        size_t i = 1;
        for (;; i++) {
            scene_init(is_traced);
            failmalloc_arm(i, counts[k]);
            run_once(request, pieces);
            if (!failmalloc_disarm()) {
                scene_fini();
                break;
            }
            check(i, counts[k], expected, expected_len);
            /* And then all is well again: on a new connection, and on this one where it is still there. */
            if (!scene.is_closed && !is_error_page()) {
                scene.got_len = 0;
                client_says(request, 1);
                assert_int_equal(scene.got_len, expected_len);
            }
            run_once(request, pieces);
            assert_int_equal(scene.got_len, expected_len);
            assert_memory_equal(scene.got, expected, expected_len);
            scene_fini();
        }
        if (i <= least)
            fail_msg("only %zu allocations: the test does not see them", i - 1);
    }
}

#define TEST_REQUEST(name, request, pieces, is_traced, least)                                                \
    static void test_request_oom__##name##__right_reply_error_or_close(void **state)                         \
    {                                                                                                        \
        (void)state;                                                                                         \
        fail_each(request, pieces, is_traced, least);                                                        \
    }

static char long_head[12000]; /* more than the exchange's own memory holds */

/* The connection, its transport, its session, its exchange, a chunk to read into. */
TEST_REQUEST(get, "GET /small HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 4)
TEST_REQUEST(get_in_pieces, "GET /small HTTP/1.1\r\nHost: h\r\n\r\n", 37, false, 4)
TEST_REQUEST(pipelined, "GET /small HTTP/1.1\r\nHost: h\r\n\r\nGET /small HTTP/1.1\r\nHost: h\r\n\r\n", 1,
             false, 4)
TEST_REQUEST(long_head, long_head, 5, false, 5)
TEST_REQUEST(large_reply, "GET /large HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 6)
TEST_REQUEST(not_found, "GET /none HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 4)
TEST_REQUEST(bad_request, "GET /none HTTP/1.1\r\n\r\n", 1, false, 4)
TEST_REQUEST(redirect, "GET /redirect HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 5)
TEST_REQUEST(post_whole,
             "POST /whole HTTP/1.1\r\nHost: h\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz", 9,
             false, 5)
TEST_REQUEST(
    post_whole_chunked,
    "POST /whole HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n3\r\ndef\r\n0\r\n\r\n",
    9, false, 5)
TEST_REQUEST(post_stream,
             "POST /stream HTTP/1.1\r\nHost: h\r\nContent-Length: 26\r\n\r\nabcdefghijklmnopqrstuvwxyz", 9,
             false, 4)
TEST_REQUEST(expect_continue,
             "POST /stream HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\nabc", 4,
             false, 4)
TEST_REQUEST(source, "GET /source HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 5)
/* Traced: files do not go out unread, so they need a buffer. */
TEST_REQUEST(file_read, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n", 1, true, 5)
TEST_REQUEST(file_unread, "GET /file HTTP/1.1\r\nHost: h\r\n\r\n", 1, false, 4)

static int group_setup(void **state)
{
    (void)state;
    size_t n = (size_t)snprintf(long_head, sizeof(long_head), "GET /small HTTP/1.1\r\nHost: h\r\n");
    for (int i = 0; i < 90; i++)
        n += (size_t)snprintf(long_head + n, sizeof(long_head) - n, "Long: %0100d\r\n", i);
    snprintf(long_head + n, sizeof(long_head) - n, "\r\n");
    char name[] = "/tmp/pst-test-oom-XXXXXX";
    served_file = mkostemp(name, O_CLOEXEC);
    unlink(name);
    signal(SIGPIPE, SIG_IGN); /* sendfile to a client that has gone; a worker's thread blocks it */
    return served_file < 0 || write(served_file, "0123456789", 10) != 10;
}

static int group_teardown(void **state)
{
    (void)state;
    close(served_file);
    return 0;
}

#define TEST(name) cmocka_unit_test(test_request_oom__##name##__right_reply_error_or_close)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(get),         TEST(get_in_pieces),   TEST(pipelined), TEST(long_head),  TEST(large_reply),
        TEST(not_found),   TEST(bad_request),     TEST(redirect),  TEST(post_whole), TEST(post_whole_chunked),
        TEST(post_stream), TEST(expect_continue), TEST(source),    TEST(file_read),  TEST(file_unread),
    };
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
