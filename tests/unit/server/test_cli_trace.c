/* The trace does not depend on how bytes were cut in pieces; the sink and what makes peers' bytes harmless.
 */
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

#include "server/cli_sink.h"
#include "server/cli_trace.h"

static const struct pst_peer_info plain = {"127.0.0.1", 4000, "", "", ""};
static const struct pst_peer_info secure = {"::1", 4001, "TLSv1.3", "TLS1-3-AES-128-GCM-SHA256", ""};

/* A sink into memory: the tests are over before it is full. */
struct fixture {
    struct pst_cli_output output;
    struct pst_cli_sink sink;
    struct pst_cli_trace *trace;
};

static struct fixture *fixture_new(void)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    f->output.fd = -1;
    f->sink.output = &f->output;
    f->trace = pst_cli_trace_new();
    assert_non_null(f->trace);
    return f;
}

static void fixture_free(struct fixture *f)
{
    pst_cli_trace_free(f->trace);
    free(f);
}

/* Feeds text in pieces of at most piece bytes. */
static void feed(struct fixture *f, const struct pst_peer_info *peer, uint64_t connection, bool out,
                 struct pst_slice text, size_t piece)
{
    for (size_t at = 0; at < text.len; at += piece) {
        size_t len = text.len - at < piece ? text.len - at : piece;
        const struct pst_trace_entry entry = {connection, out, text.ptr + at, len, *peer};
        pst_cli_trace_bytes(f->trace, &f->sink, &entry);
    }
}

static void over(struct fixture *f, const struct pst_peer_info *peer, uint64_t connection)
{
    const struct pst_trace_entry entry = {connection, false, NULL, 0, *peer};
    pst_cli_trace_bytes(f->trace, &f->sink, &entry);
}

static void assert_sink(const struct fixture *f, const char *expected)
{
    char *text = malloc(f->sink.len + 1);
    assert_non_null(text);
    memcpy(text, f->sink.buf, f->sink.len);
    text[f->sink.len] = '\0';
    assert_string_equal(text, expected);
    free(text);
}

static const char conversation[] = "#3 > POST /a HTTP/1.1\\r\\n\n"
                                   "#3 > Host: h\\r\\n\n"
                                   "#3 > \\r\\n\n"
                                   "#3 > a=1&b=\\xc3\\xa9\n"
                                   "#3 < HTTP/1.1 200 OK\\r\\n\n"
                                   "#3 < \\r\\n\n"
                                   "#3 < \"x\\\\y\"\\t\\x00\\n\n"
                                   "#3 < tail\n";

static void test_trace__any_pieces__same_lines(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 2, 7, 10000};
    for (size_t i = 0; i < 2 * sizeof pieces / sizeof pieces[0]; i++) {
        struct fixture *f = fixture_new();
        const struct pst_peer_info *peer = i % 2 ? &secure : &plain;
        feed(f, peer, 3, false, PST_SLICE("POST /a HTTP/1.1\r\nHost: h\r\n\r\na=1&b=\xc3\xa9"),
             pieces[i / 2]);
        feed(f, peer, 3, true, PST_SLICE("HTTP/1.1 200 OK\r\n\r\n\"x\\y\"\t\0\ntail"), pieces[i / 2]);
        pst_cli_trace_message_end(f->trace, &f->sink, peer);
        over(f, peer, 3);
        char expected[1000];
        (void)snprintf(expected, sizeof expected, "%s%s",
                       i % 2 ? "#3 [::1]:4001 TLSv1.3 TLS1-3-AES-128-GCM-SHA256\n"
                             : "#3 127.0.0.1:4000 plain\n",
                       conversation);
        assert_sink(f, expected);
        fixture_free(f);
    }
}

static void test_trace__long_body__bounded_and_counted(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 999, 100000};
    char body[10000];
    memset(body, 'b', sizeof body);
    size_t lens[3] = {0};
    for (size_t i = 0; i < 3; i++) {
        struct fixture *f = fixture_new();
        feed(f, &plain, 1, true, pst_slice_of(body, sizeof body), pieces[i]);
        pst_cli_trace_message_end(f->trace, &f->sink, &plain);
        /* The bound is for each message. */
        feed(f, &plain, 1, true, PST_SLICE("next"), pieces[i]);
        pst_cli_trace_message_end(f->trace, &f->sink, &plain);
        lens[i] = f->sink.len;
        static const char tail[] = "\n#1 < ... 7952 more bytes\n#1 < next\n";
        assert_memory_equal(f->sink.buf + f->sink.len - strlen(tail), tail, strlen(tail));
        fixture_free(f);
    }
    assert_int_equal(lens[0], lens[1]);
    assert_int_equal(lens[0], lens[2]);
    assert_true(lens[0] < 2048 * 2);
}

static void test_trace__question_without_line_end__shown_when_the_answer_begins(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    feed(f, &plain, 1, false, PST_SLICE("half"), 100);
    feed(f, &plain, 1, true, PST_SLICE("answer\n"), 100);
    assert_sink(f, "#1 127.0.0.1:4000 plain\n#1 > half\n#1 < answer\\n\n");
    fixture_free(f);
}

static void test_trace__two_connections__each_its_lines(void **state)
{
    (void)state;
    struct fixture *f = fixture_new();
    feed(f, &plain, 1, false, PST_SLICE("GET"), 100);
    feed(f, &secure, 2, false, PST_SLICE("PUT"), 100);
    feed(f, &plain, 1, false, PST_SLICE(" /\n"), 100);
    feed(f, &secure, 258, false, PST_SLICE("x\n"), 100); /* takes over the slot of 2 */
    pst_cli_trace_finish(f->trace, &f->sink);
    assert_sink(f, "#1 127.0.0.1:4000 plain\n"
                   "#2 [::1]:4001 TLSv1.3 TLS1-3-AES-128-GCM-SHA256\n"
                   "#1 > GET /\\n\n"
                   "#2 > PUT\n"
                   "#258 [::1]:4001 TLSv1.3 TLS1-3-AES-128-GCM-SHA256\n"
                   "#258 > x\\n\n");
    fixture_free(f);
}

static void test_put_escaped__table(void **state)
{
    (void)state;
    static const struct {
        struct pst_slice in;
        const char *out;
    } rows[] = {
        {{"", 0}, ""},
        {{NULL, 0}, ""},
        {{"GET /", 5}, "GET /"},
        {{"a\"b\\c", 5}, "a\\\"b\\\\c"},
        {{"\0\n\x7f\xff", 4}, "\\x00\\x0a\\x7f\\xff"},
        {{"12345678901", 11}, "1234567890..."},
        {{"\n\n\n\n\n\n\n\n\n\n\n", 11}, "\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a\\x0a..."},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char buf[44];
        char *end = pst_cli_put_escaped(buf, rows[i].in, 10);
        *end = '\0';
        assert_string_equal(buf, rows[i].out);
    }
}

static void test_put_number__bounds(void **state)
{
    (void)state;
    char buf[32];
    *pst_cli_put_number(buf, 0) = '\0';
    assert_string_equal(buf, "0");
    *pst_cli_put_number(buf, UINT64_MAX) = '\0';
    assert_string_equal(buf, "18446744073709551615");
}

enum { LINES_KEPT = 7 }; /* of the longest kind */

static void add_line(struct fixture *f, char fill)
{
    char *line = pst_cli_sink_line(&f->sink);
    memset(line, fill, PST_CLI_LINE_BYTES);
    line[PST_CLI_LINE_BYTES - 1] = '\n';
    pst_cli_sink_add(&f->sink, line + PST_CLI_LINE_BYTES);
}

/* All that the pipe holds. */
static size_t read_all(int fd, char *dst, size_t cap)
{
    size_t len = 0;
    ssize_t n;
    while (len < cap && (n = read(fd, dst + len, cap - len)) > 0)
        len += (size_t)n;
    return len;
}

/* A reader that sleeps: nothing waits for it, whole lines are lost, and what was lost is told. */
static void test_sink__reader_sleeps__whole_lines_are_lost_and_counted(void **state)
{
    (void)state;
    enum { LINES = 40 };
    int fds[2];
    assert_int_equal(pipe(fds), 0);
    assert_int_equal(fcntl(fds[0], F_SETFL, O_NONBLOCK), 0);
    struct fixture *f = fixture_new();
    f->output.fd = fds[1];
    for (int i = 0; i < LINES; i++) {
        add_line(f, 'a');
        pst_cli_sink_flush(&f->sink);
    }
    assert_in_range(f->sink.lost, 1, LINES - LINES_KEPT);
    unsigned long long lost = f->sink.lost;

    size_t cap = (LINES + 2) * (size_t)PST_CLI_LINE_BYTES, len = 0;
    char *text = malloc(cap);
    assert_non_null(text);
    for (int i = 0; i < LINES; i++) { /* the reader is awake: a flush for each pipe that it empties */
        len += read_all(fds[0], text + len, cap - len);
        pst_cli_sink_flush(&f->sink);
    }
    assert_int_equal(f->sink.len, 0);
    assert_int_equal(len, (LINES - lost) * PST_CLI_LINE_BYTES);
    for (size_t i = 0; i < len; i++)
        assert_int_equal(text[i], (i + 1) % PST_CLI_LINE_BYTES ? 'a' : '\n');

    add_line(f, 'b');
    pst_cli_sink_finish(&f->sink);
    len = read_all(fds[0], text, cap - 1);
    text[len] = '\0';
    char note[64];
    assert_true(snprintf(note, sizeof note, "postern: %llu lines were lost", lost) > 0);
    assert_int_equal(strncmp(text, note, strlen(note)), 0);
    assert_int_equal(text[len - 2], 'b');
    assert_int_equal(f->sink.lost, 0);
    free(text);
    (void)close(fds[0]);
    (void)close(fds[1]);
    fixture_free(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_trace__any_pieces__same_lines),
        cmocka_unit_test(test_trace__long_body__bounded_and_counted),
        cmocka_unit_test(test_trace__question_without_line_end__shown_when_the_answer_begins),
        cmocka_unit_test(test_trace__two_connections__each_its_lines),
        cmocka_unit_test(test_put_escaped__table),
        cmocka_unit_test(test_put_number__bounds),
        cmocka_unit_test(test_sink__reader_sleeps__whole_lines_are_lost_and_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
