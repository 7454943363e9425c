/* Replies: what may be said, what is refused, and who owns what afterwards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "support/bare_exchange.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct bare_exchange bench;

static void on_request(struct pst_exchange *ex, void *arg)
{
    (void)ex;
    (void)arg;
}

static void fresh(void)
{
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
}

static int setup(void **state)
{
    (void)state;
    bare_init(&bench);
    if (pst_server_handle(bench.w.server, "GET /*", on_request, NULL) != 0)
        return -1;
    test_worker_start(&bench.w);
    fresh();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    bare_fini(&bench);
    return 0;
}

/* ---- status ---- */

static void test_reply_status__table__200_to_599(void **state)
{
    (void)state;
    static const int good[] = {200, 204, 299, 304, 418, 599}, bad[] = {-1, 0, 99, 100, 101, 199, 600, 1000};
    assert_int_equal(bench.ex->reply.status, 200); /* unless set */
    for (size_t i = 0; i < COUNT(good); i++) {
        assert_int_equal(pst_reply_status(bench.ex, good[i]), 0);
        assert_int_equal(bench.ex->reply.status, good[i]);
    }
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(pst_reply_status(bench.ex, bad[i]), PST_E_INVAL);
    assert_int_equal(bench.ex->reply.status, 599);
}

/* ---- fields: RFC 9110 5.1, 5.5, 5.6.2 ---- */

static void test_reply_field__every_byte_in_a_value__no_control_byte_but_tab(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool is_good = c == '\t' || (c >= ' ' && c != 0x7f);
        /* at all places of a long value too: the check looks at several bytes at once */
        for (size_t at = 0; at < 40; at += 13) {
            char value[40];
            memset(value, 'v', sizeof(value));
            value[at] = (char)c;
            fresh();
            int err = pst_reply_field(bench.ex, "A", pst_slice_of(value, sizeof(value)));
            if (err != (is_good ? 0 : PST_E_INVAL))
                fail_msg("byte %u at %zu: %d", c, at, err);
            err = pst_reply_field_ref(bench.ex, PST_SLICE("B"), pst_slice_of(value, sizeof(value)));
            assert_int_equal(err, is_good ? 0 : PST_E_INVAL);
            assert_int_equal(bench.ex->reply.field_count, is_good ? 2 : 0);
        }
    }
}

static void test_reply_field__every_byte_in_a_name__tokens_only(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        bool is_good = c && (strchr("!#$%&'*+-.^_`|~", (int)c) || (c >= '0' && c <= '9') ||
                             (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'));
        char name[4] = {'A', (char)c, 'b', '\0'};
        fresh();
        int err = pst_reply_field_ref(bench.ex, pst_slice_of(name, 3), PST_SLICE("v"));
        if (err != (is_good ? 0 : PST_E_INVAL))
            fail_msg("byte %u: %d", c, err);
        if (c) {
            fresh();
            assert_int_equal(pst_reply_field(bench.ex, name, PST_SLICE("v")), is_good ? 0 : PST_E_INVAL);
        }
    }
    assert_int_equal(pst_reply_field(bench.ex, "", PST_SLICE("v")), PST_E_INVAL);
    assert_int_equal(pst_reply_field_ref(bench.ex, pst_slice_of(NULL, 0), PST_SLICE("v")), PST_E_INVAL);
}

/* Response splitting: CWE-113. */
static void test_reply_field__injections__refused(void **state)
{
    (void)state;
    static const char *const values[] = {
        "x\r\nSet-Cookie: a=b",
        "x\nSet-Cookie: a=b",
        "x\rSet-Cookie: a=b",
        "\r\n\r\n<script>",
        "x\r\n folded",
        "x\r\n",
        "x\n",
        "\r",
        "x\r\nContent-Length: 0\r\n\r\n",
    };
    for (size_t i = 0; i < COUNT(values); i++) {
        struct pst_slice value = pst_slice_str(values[i]);
        assert_int_equal(pst_reply_field(bench.ex, "A", value), PST_E_INVAL);
        assert_int_equal(pst_reply_field_ref(bench.ex, PST_SLICE("A"), value), PST_E_INVAL);
        assert_int_equal(pst_reply_fieldf(bench.ex, "A", "%s", values[i]), PST_E_INVAL);
        assert_int_equal(pst_reply_redirect(bench.ex, 303, value), PST_E_INVAL);
    }
    assert_int_equal(bench.ex->reply.field_count, 0);
    assert_int_equal(pst_reply_empty(bench.ex), 0); /* the exchange can still be replied to */
}

/* RFC 9112 6 Message Body, 9.6 Tear-down; RFC 9110 6.6.1 Date, 7.6.1 Connection */
static void test_reply_field__the_servers_own__refused_in_any_case(void **state)
{
    (void)state;
    static const char *const names[] = {"Content-Length",
                                        "content-length",
                                        "CONTENT-LENGTH",
                                        "Transfer-Encoding",
                                        "transfer-encoding",
                                        "Date",
                                        "dATE",
                                        "Connection",
                                        "connection",
                                        "Keep-Alive",
                                        "Upgrade",
                                        "TE",
                                        "Trailer"};
    for (size_t i = 0; i < COUNT(names); i++) {
        assert_int_equal(pst_reply_field(bench.ex, names[i], PST_SLICE("0")), PST_E_INVAL);
        assert_int_equal(pst_reply_field_ref(bench.ex, pst_slice_str(names[i]), PST_SLICE("0")), PST_E_INVAL);
        assert_int_equal(pst_reply_fieldf(bench.ex, names[i], "%d", 0), PST_E_INVAL);
    }
    assert_int_equal(bench.ex->reply.field_count, 0);
    assert_int_equal(pst_reply_field(bench.ex, "Content-Lengths", PST_SLICE("0")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "Dates", PST_SLICE("0")), 0);
}

static void test_field_set__a_field_that_no_reply_may_have__refused(void **state)
{
    (void)state;
    const struct pst_field bad[] = {
        {PST_SLICE(""), PST_SLICE("v")},          {PST_SLICE("A b"), PST_SLICE("v")},
        {PST_SLICE("A"), PST_SLICE("v\r\nB: c")}, {PST_SLICE("A"), PST_SLICE("\n")},
        {PST_SLICE("date"), PST_SLICE("v")},      {PST_SLICE("Content-Length"), PST_SLICE("0")},
    };
    struct pst_field fields[3] = {{PST_SLICE("A"), PST_SLICE("v")}, bad[0], {PST_SLICE("B"), PST_SLICE("v")}};
    struct pst_field_set *set = NULL;
    for (size_t i = 0; i < COUNT(bad); i++) {
        fields[1] = bad[i];
        assert_int_equal(pst_field_set_new(&set, fields, COUNT(fields)), PST_E_INVAL);
        assert_null(set);
    }
    assert_int_equal(pst_field_set_new(&set, NULL, 0), 0); /* none at all are fine */
    assert_int_equal(pst_reply_field_set(bench.ex, set), 0);
    assert_int_equal(pst_reply_field_set(bench.ex, set), PST_E_INVAL); /* one a reply */
    assert_int_equal(pst_reply_empty(bench.ex), 0);
    assert_int_equal(pst_reply_field_set(bench.ex, set), PST_E_STATE);
    bare_end(&bench, PST_END_OK);
    pst_field_set_free(set);
    pst_field_set_free(NULL);
}

/* As with single fields: what describes the body that did not come about goes, the rest stays. */
static void test_field_set__reply_becomes_an_error__all_but_the_bodys_stay(void **state)
{
    (void)state;
    char tag[] = "\"t\"";
    const struct pst_field fields[] = {{PST_SLICE("Content-Type"), PST_SLICE("image/png")},
                                       {PST_SLICE("ETag"), pst_slice_str(tag)},
                                       {PST_SLICE("X-Content-Type-Options"), PST_SLICE("none")}};
    struct pst_field_set *set;
    assert_int_equal(pst_field_set_new(&set, fields, COUNT(fields)), 0);
    tag[1] = '!'; /* copied */
    assert_int_equal(pst_reply_field(bench.ex, "A", PST_SLICE("a")), 0);
    assert_int_equal(pst_reply_field_set(bench.ex, set), 0);
    assert_int_equal(pst_reply_error(bench.ex, 500), 0);
    assert_string_equal(bare_field(&bench, "ETag"), "\"t\"");
    assert_string_equal(bare_field(&bench, "A"), "a");
    assert_string_equal(bare_field(&bench, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(bare_field(&bench, "X-Content-Type-Options"), "nosniff");

    fresh(); /* refused by the protocol: nothing stays */
    assert_int_equal(pst_reply_field_set(bench.ex, set), 0);
    pst_exchange_refuse(bench.ex, 400, PST_END_BAD_REQUEST);
    assert_string_equal(bare_field(&bench, "ETag"), "");
    bare_end(&bench, PST_END_OK);
    pst_field_set_free(set);
}

static void test_reply_field__copied_and_by_reference__as_promised(void **state)
{
    (void)state;
    char name[] = "X-Copy", value[] = "before";
    assert_int_equal(pst_reply_field(bench.ex, name, pst_slice_str(value)), 0);
    memset(name, 'x', sizeof(name) - 1);
    memset(value, 'x', sizeof(value) - 1);
    assert_string_equal(bare_field(&bench, "x-copy"), "before");
    struct pst_slice ref = PST_SLICE("static");
    assert_int_equal(pst_reply_field_ref(bench.ex, PST_SLICE("X-Ref"), ref), 0);
    assert_ptr_equal(bench.ex->reply.fields[1].value.ptr, ref.ptr);
    assert_int_equal(pst_reply_fieldf(bench.ex, "X-Format", "%d/%s", 7, "seven"), 0);
    assert_string_equal(bare_field(&bench, "X-Format"), "7/seven");
    assert_int_equal(pst_reply_field(bench.ex, "X-Empty", pst_slice_of(NULL, 0)), 0);
    assert_int_equal(pst_reply_fieldf(bench.ex, "X-Empty", "%s", ""), 0);
    assert_string_equal(bare_field(&bench, "X-Empty"), ""); /* "" and "" */
    assert_int_equal(bench.ex->reply.field_count, 5);
}

static void test_reply_field__many__all_in_order(void **state)
{
    (void)state;
    enum { MANY = 1000 };
    for (int i = 0; i < MANY; i++) {
        char name[16];
        snprintf(name, sizeof(name), "F%d", i);
        assert_int_equal(pst_reply_fieldf(bench.ex, name, "%d", i), 0);
    }
    assert_int_equal(bench.ex->reply.field_count, MANY);
    for (int i = 0; i < MANY; i++) {
        char text[16];
        snprintf(text, sizeof(text), "F%d", i);
        assert_true(pst_slice_eq(bench.ex->reply.fields[i].name, pst_slice_str(text)));
        assert_true(pst_slice_eq(bench.ex->reply.fields[i].value, pst_slice_str(text + 1)));
    }
}

/* ---- completing ---- */

static unsigned closed; /* calls of source_close */

static int source_pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    (void)ctx;
    *dst = 'x';
    *ret_len = cap > 0;
    return PST_SOURCE_END;
}

static void source_close(void *ctx)
{
    assert_ptr_equal(ctx, &bench);
    closed++;
}

static const struct pst_source source = {source_pull, source_close};

static int open_file(void)
{
    int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    return fd;
}

static bool is_open(int fd)
{
    return fcntl(fd, F_GETFD) >= 0 || errno != EBADF;
}

/* All the ways, by number; false past the last. */
static bool complete(unsigned way, int *ret_err)
{
    struct pst_exchange *ex = bench.ex;
    switch (way) {
    case 0:
        *ret_err = pst_reply_bytes(ex, "x", 1);
        return true;
    case 1:
        *ret_err = pst_reply_copy(ex, "x", 1);
        return true;
    case 2:
        *ret_err = pst_reply_printf(ex, "%s", "x");
        return true;
    case 3:
        *ret_err = pst_reply_empty(ex);
        return true;
    case 4:
        *ret_err = pst_reply_file(ex, open_file(), 0, 0);
        return true;
    case 5:
        *ret_err = pst_reply_error(ex, 500);
        return true;
    case 6:
        *ret_err = pst_reply_redirect(ex, 303, PST_SLICE("/"));
        return true;
    case 7:
        *ret_err = pst_reply_source(ex, &source, &bench, -1);
        return true;
    default:
        return false;
    }
}

static void test_reply__completed__every_further_reply_is_refused(void **state)
{
    (void)state;
    int err;
    for (unsigned first = 0; complete(first, &err); first++) {
        for (unsigned second = 0;; second++) {
            fresh();
            closed = 0;
            assert_false(pst_exchange_replied(bench.ex));
            complete(first, &err);
            assert_int_equal(err, 0);
            assert_true(pst_exchange_replied(bench.ex));
            assert_int_equal(bench.changes, 1);
            struct pst_reply before = bench.ex->reply;
            if (!complete(second, &err))
                break;
            assert_int_equal(err, PST_E_STATE);
            assert_memory_equal(&bench.ex->reply, &before, sizeof(before));
            assert_int_equal(bench.changes, 1);
            assert_int_equal(pst_reply_status(bench.ex, 404), PST_E_STATE);
            assert_int_equal(pst_reply_field(bench.ex, "A", PST_SLICE("b")), PST_E_STATE);
            assert_int_equal(pst_reply_field_ref(bench.ex, PST_SLICE("A"), PST_SLICE("b")), PST_E_STATE);
            assert_int_equal(pst_reply_fieldf(bench.ex, "A", "%d", 1), PST_E_STATE);
            assert_int_equal(closed, second == 7); /* a source that is refused is closed */
            bare_end(&bench, PST_END_OK);
            assert_int_equal(closed, (first == 7) + (second == 7));
        }
    }
}

static void test_reply_bytes_of__no_such_file_or_place__refused(void **state)
{
    (void)state;
    assert_int_equal(pst_reply_bytes_of(bench.ex, "body", 4, -1, 0), PST_E_INVAL);
    assert_int_equal(pst_reply_bytes_of(bench.ex, "body", 4, 0, UINT64_MAX), PST_E_INVAL);
    assert_int_equal(pst_reply_bytes_of(bench.ex, "body", 4, 0, INT64_MAX - 4), 0);
    assert_int_equal(pst_reply_bytes_of(bench.ex, "body", 4, 0, 0), PST_E_STATE);
}

static void test_reply_bytes_copy_printf__body__theirs_or_a_copy(void **state)
{
    (void)state;
    char data[] = "body";
    assert_int_equal(pst_reply_bytes(bench.ex, data, 4), 0);
    assert_ptr_equal(bench.ex->reply.bytes, data);
    assert_int_equal(bench.ex->reply.length, 4);
    fresh();
    assert_int_equal(pst_reply_copy(bench.ex, data, 4), 0);
    memset(data, 'x', 4);
    assert_memory_equal(bench.ex->reply.bytes, "body", 4);
    fresh();
    assert_int_equal(pst_reply_copy(bench.ex, NULL, 0), 0);
    assert_int_equal(bench.ex->reply.length, 0);
    fresh();
    assert_int_equal(pst_reply_printf(bench.ex, "%05d|%s", 42, "x"), 0);
    assert_int_equal(bench.ex->reply.length, 7);
    assert_memory_equal(bench.ex->reply.bytes, "00042|x", 7);
    fresh();
    assert_int_equal(pst_reply_printf(bench.ex, "%s", ""), 0);
    assert_int_equal(bench.ex->reply.length, 0);
    fresh();
    assert_int_equal(pst_reply_printf(bench.ex, "%20000d", 1), 0);
    assert_int_equal(bench.ex->reply.length, 20000);
}

static void test_reply_file__taken_over__closed_at_the_end_or_on_error(void **state)
{
    (void)state;
    int fd = open_file();
    assert_int_equal(pst_reply_file(bench.ex, fd, 5, 7), 0);
    assert_int_equal(bench.ex->reply.length, 7);
    assert_int_equal(bench.ex->reply.offset, 5);
    assert_true(is_open(fd));
    bare_end(&bench, PST_END_PEER_CLOSED);
    assert_false(is_open(fd));

    static const struct {
        uint64_t offset, len;
        int err;
    } rows[] = {
        {0, 0, 0},
        {0, INT64_MAX, 0},
        {INT64_MAX, 0, 0},
        {1, INT64_MAX, PST_E_INVAL},
        {INT64_MAX, 1, PST_E_INVAL},
        {0, (uint64_t)INT64_MAX + 1, PST_E_INVAL},
        {(uint64_t)INT64_MAX + 1, 0, PST_E_INVAL},
        {UINT64_MAX, 1, PST_E_INVAL}, /* their sum wraps around */
        {1, UINT64_MAX, PST_E_INVAL},
    };
    fresh();
    assert_int_equal(pst_reply_file(bench.ex, -1, 0, 10), PST_E_INVAL); /* an open() that failed */
    assert_false(pst_exchange_replied(bench.ex));
    for (size_t i = 0; i < COUNT(rows); i++) {
        fresh();
        fd = open_file();
        assert_int_equal(pst_reply_file(bench.ex, fd, rows[i].offset, rows[i].len), rows[i].err);
        assert_int_equal(is_open(fd), rows[i].err == 0);
        assert_int_equal(pst_exchange_replied(bench.ex), rows[i].err == 0);
    }
}

static void test_reply_source__invalid__refused_and_closed(void **state)
{
    (void)state;
    static const struct pst_source no_pull = {NULL, source_close}, no_close = {source_pull, NULL};
    closed = 0;
    assert_int_equal(pst_reply_source(bench.ex, &no_pull, &bench, -1), PST_E_INVAL);
    assert_int_equal(closed, 1);
    assert_int_equal(pst_reply_source(bench.ex, &source, &bench, -2), PST_E_INVAL);
    assert_int_equal(closed, 2);
    assert_int_equal(pst_reply_source(bench.ex, NULL, &bench, -1), PST_E_INVAL);
    assert_false(pst_exchange_replied(bench.ex));
    assert_int_equal(pst_reply_source(bench.ex, &no_close, &bench, 0), 0);
    bare_end(&bench, PST_END_OK);
    assert_int_equal(closed, 2);
}

static void test_exchange_wake__tells_the_session_once_there_is_a_reply(void **state)
{
    (void)state;
    pst_exchange_wake(bench.ex);
    assert_int_equal(bench.changes, 0);
    assert_int_equal(pst_reply_source(bench.ex, &source, &bench, -1), 0);
    assert_int_equal(bench.changes, 1);
    bench.ex->reply.is_source_waiting = true;
    pst_exchange_wake(bench.ex);
    assert_int_equal(bench.changes, 2);
    assert_false(bench.ex->reply.is_source_waiting);
}

/* ---- the server's own pages ---- */

static void assert_body_has(const char *needle)
{
    assert_int_equal(bench.ex->reply.kind, PST_BODY_BYTES);
    if (!memmem(bench.ex->reply.bytes, (size_t)bench.ex->reply.length, needle, strlen(needle)))
        fail_msg("no '%s' in: %.*s", needle, (int)bench.ex->reply.length, bench.ex->reply.bytes);
}

static void test_reply_error__table__short_page_or_inval(void **state)
{
    (void)state;
    static const int bad[] = {0, 200, 304, 399, 600};
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(pst_reply_error(bench.ex, bad[i]), PST_E_INVAL);
    assert_int_equal(bench.ex->reply.status, 200);
    assert_int_equal(pst_reply_field(bench.ex, "Allow", PST_SLICE("GET")), 0);
    assert_int_equal(pst_reply_error(bench.ex, 405), 0);
    assert_int_equal(bench.ex->reply.status, 405);
    assert_string_equal(bare_field(&bench, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(bare_field(&bench, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(bare_field(&bench, "Allow"), "GET"); /* fields set before are kept */
    assert_body_has("<title>405 Method Not Allowed</title>");
    fresh();
    assert_int_equal(pst_reply_error(bench.ex, 599), 0); /* not registered: no phrase */
    assert_body_has("<h1>599 ");
}

/* A handler that fails when it has already said what it was about to send: the page's own description wins.
 * RFC 9110 8.3: Content-Type is no list. */
static void test_reply_error__handler_had_described_its_body__page_describes_itself(void **state)
{
    (void)state;
    assert_int_equal(pst_reply_field(bench.ex, "content-type", PST_SLICE("image/png")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "X-Kept", PST_SLICE("1")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "Content-Encoding", PST_SLICE("gzip")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "Content-Security-Policy", PST_SLICE("default-src *")), 0);
    assert_int_equal(pst_reply_field(bench.ex, "Content-Range", PST_SLICE("bytes */9")),
                     0); /* 416 needs it */
    assert_int_equal(pst_reply_error(bench.ex, 416), 0);
    assert_string_equal(bare_field(&bench, "Content-Type"), "text/html; charset=utf-8");
    assert_string_equal(bare_field(&bench, "Content-Encoding"), "");
    assert_string_equal(bare_field(&bench, "Content-Security-Policy"), "default-src 'none'");
    assert_string_equal(bare_field(&bench, "X-Kept"), "1");
    assert_string_equal(bare_field(&bench, "Content-Range"), "bytes */9");
    fresh();
    assert_int_equal(pst_reply_field(bench.ex, "Content-Type", PST_SLICE("image/png")), 0);
    assert_int_equal(pst_reply_redirect(bench.ex, 303, PST_SLICE("/x")), 0);
    assert_string_equal(bare_field(&bench, "Content-Type"), "text/html; charset=utf-8");
}

static void test_reply_redirect__statuses__five_of_them(void **state)
{
    (void)state;
    for (int status = 0; status < 700; status++) {
        bool is_good = status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
        fresh();
        assert_int_equal(pst_reply_redirect(bench.ex, status, PST_SLICE("/x")), is_good ? 0 : PST_E_INVAL);
        assert_int_equal(pst_exchange_replied(bench.ex), is_good);
        assert_string_equal(bare_field(&bench, "Location"), is_good ? "/x" : "");
        assert_int_equal(bench.ex->reply.status, is_good ? status : 200);
    }
}

static void test_reply_redirect__location__printable_and_escaped_in_the_page(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 256; c++) {
        char location[2] = {'/', (char)c};
        fresh();
        int err = pst_reply_redirect(bench.ex, 302, pst_slice_of(location, 2));
        assert_int_equal(err, c > ' ' && c < 0x7f ? 0 : PST_E_INVAL);
    }
    fresh();
    assert_int_equal(pst_reply_redirect(bench.ex, 302, PST_SLICE("/\"><script>&'")), 0);
    assert_body_has("&lt;script&gt;");
    assert_null(memmem(bench.ex->reply.bytes, (size_t)bench.ex->reply.length, "<script", 7));
    assert_string_equal(bare_field(&bench, "Location"), "/\"><script>&'");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_reply_status__table__200_to_599),
        TEST(test_reply_field__every_byte_in_a_value__no_control_byte_but_tab),
        TEST(test_reply_field__every_byte_in_a_name__tokens_only),
        TEST(test_reply_field__injections__refused),
        TEST(test_reply_field__the_servers_own__refused_in_any_case),
        TEST(test_field_set__a_field_that_no_reply_may_have__refused),
        TEST(test_field_set__reply_becomes_an_error__all_but_the_bodys_stay),
        TEST(test_reply_field__copied_and_by_reference__as_promised),
        TEST(test_reply_field__many__all_in_order),
        TEST(test_reply__completed__every_further_reply_is_refused),
        TEST(test_reply_bytes_of__no_such_file_or_place__refused),
        TEST(test_reply_bytes_copy_printf__body__theirs_or_a_copy),
        TEST(test_reply_file__taken_over__closed_at_the_end_or_on_error),
        TEST(test_reply_source__invalid__refused_and_closed),
        TEST(test_exchange_wake__tells_the_session_once_there_is_a_reply),
        TEST(test_reply_error__table__short_page_or_inval),
        TEST(test_reply_error__handler_had_described_its_body__page_describes_itself),
        TEST(test_reply_redirect__statuses__five_of_them),
        TEST(test_reply_redirect__location__printable_and_escaped_in_the_page),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
