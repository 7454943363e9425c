/* The chunked decoder (RFC 9112 7.1): every row runs whole, byte by byte and cut in two at every place, with
 * the same result. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/chunked.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static struct pst_limits limits;

struct outcome {
    int status; /* PST_CHUNKED_* or a status code */
    size_t used;
    size_t len;
    char data[4096];
};

static char *exact_copy(const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, data, len);
    return copy;
}

/* One piece of input, with all calls that it takes. False at the end. */
static bool decode_piece(struct outcome *o, struct pst_chunked *d, const char *in, size_t len)
{
    char *copy = exact_copy(in, len);
    size_t at = 0;
    while (at < len) {
        size_t used = 0;
        struct pst_slice data = {NULL, 0};
        o->status = pst_chunked_decode(d, &limits, copy + at, len - at, &used, &data);
        if (o->status > PST_CHUNKED_DONE)
            break;
        assert_true(used > 0 && used <= len - at);
        assert_true(data.len <= used && o->len + data.len <= sizeof(o->data));
        if (data.len)
            memcpy(o->data + o->len, data.ptr, data.len);
        o->len += data.len;
        o->used += used;
        at += used;
        if (o->status)
            break;
    }
    free(copy);
    return o->status == PST_CHUNKED_MORE;
}

static void run(struct outcome *o, const char *in, size_t len, size_t first, size_t rest)
{
    struct pst_chunked decoder;
    memset(o, 0, sizeof(*o));
    pst_chunked_init(&decoder);
    size_t at = 0;
    for (size_t piece = first; at < len; piece = rest) {
        if (piece > len - at)
            piece = len - at;
        if (!decode_piece(o, &decoder, in + at, piece))
            return;
        at += piece;
    }
}

static void compare(const struct outcome *a, const struct outcome *b, const char *in, size_t len, size_t cut)
{
    /* After an error nobody looks at what was decoded before it. */
    bool is_same = a->status == b->status &&
                   (a->status > PST_CHUNKED_DONE ||
                    (a->used == b->used && a->len == b->len && memcmp(a->data, b->data, a->len) == 0));
    if (!is_same)
        fail_msg("cut at %zu: %d used %zu data '%.*s', whole: %d used %zu data '%.*s': %.*s", cut, b->status,
                 b->used, (int)b->len, b->data, a->status, a->used, (int)a->len, a->data, (int)len, in);
}

static struct outcome run_all(const char *in, size_t len)
{
    static struct outcome other;
    struct outcome whole;
    run(&whole, in, len, len, len);
    run(&other, in, len, 1, 1);
    compare(&whole, &other, in, len, 0);
    for (size_t cut = 1; cut < len; cut++) {
        run(&other, in, len, cut, len);
        compare(&whole, &other, in, len, cut);
    }
    return whole;
}

static int setup(void **state)
{
    (void)state;
    pst_limits_init(&limits);
    return 0;
}

/* ---- what is whole ---- */

static void test_chunked__well_formed__data_and_what_comes_behind(void **state)
{
    (void)state;
    static const struct {
        const char *in, *data;
        size_t behind; /* bytes that belong to the next request */
    } rows[] = {
        {"0\r\n\r\n", "", 0},
        {"5\r\nhello\r\n0\r\n\r\n", "hello", 0},
        {"5\r\nhello\r\n1\r\n \r\n5\r\nworld\r\n0\r\n\r\n", "hello world", 0},
        {"a\r\n0123456789\r\nA\r\n0123456789\r\n0\r\n\r\n", "01234567890123456789", 0},
        {"0005\r\nhello\r\n0000\r\n\r\n", "hello", 0},
        {"00000000000000000000000000000000005\r\nhello\r\n0\r\n\r\n", "hello", 0},
        {"2\r\n\r\n\r\n0\r\n\r\n", "\r\n", 0}, /* data may look like anything */
        {"5\r\n0\r\n\r\n\r\n0\r\n\r\n", "0\r\n\r\n", 0},
        {"0\r\n\r\nGET / HTTP/1.1\r\n", "", 16},
        {"1\r\nx\r\n0\r\n\r\n\r\n", "x", 2},
        /* 7.1.1 Chunk Extensions: a recipient must ignore those it does not know */
        {"5;a\r\nhello\r\n0;b=c\r\n\r\n", "hello", 0},
        {"5;a=b;c=\"d e;\"\r\nhello\r\n0\r\n\r\n", "hello", 0},
        {"5 ;a\r\nhello\r\n0\r\n\r\n", "hello", 0}, /* BWS */
        {"5\t ; a = b\r\nhello\r\n0 ;x\r\n\r\n", "hello", 0},
        {"5;\xc3\xa9\r\nhello\r\n0\r\n\r\n", "hello", 0},
        /* 7.1.2 Chunked Trailer Section: checked, and dropped */
        {"5\r\nhello\r\n0\r\nA: b\r\n\r\n", "hello", 0},
        {"0\r\nA: b\r\nC:\r\nContent-Length: 7\r\n\r\nX", "", 1},
        {"0\r\nA:b:c \t \xff\r\n\r\n", "", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        size_t len = strlen(rows[i].in);
        struct outcome o = run_all(rows[i].in, len);
        if (o.status != PST_CHUNKED_DONE || o.used != len - rows[i].behind || o.len != strlen(rows[i].data) ||
            memcmp(o.data, rows[i].data, o.len) != 0)
            fail_msg("row %zu: %d, used %zu, '%.*s'", i, o.status, o.used, (int)o.len, o.data);
    }
}

static void test_chunked__every_beginning_of_a_body__wants_more(void **state)
{
    (void)state;
    static const char in[] = "5;x=y\r\nhello\r\n2 ;z\r\nab\r\n0\r\nA: b\r\nC: d\r\n\r\n";
    for (size_t len = 0; len < sizeof(in) - 1; len++) {
        struct outcome o = run_all(in, len);
        assert_int_equal(o.status, PST_CHUNKED_MORE);
        assert_int_equal(o.used, len);
    }
    assert_int_equal(run_all(in, sizeof(in) - 1).status, PST_CHUNKED_DONE);
}

/* ---- what is not ---- */

struct row {
    struct pst_slice in;
};

#define ROW(literal)                                                                                         \
    {                                                                                                        \
        {                                                                                                    \
            ("" literal), sizeof(literal) - 1                                                                \
        }                                                                                                    \
    }

static void test_chunked__malformed__400(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* 7.1: chunk-size = 1*HEXDIG */
        ROW("\r\n"), ROW("\n"), ROW(" 5\r\nhello\r\n"), ROW("\t5\r\nhello\r\n"), ROW("+5\r\nhello\r\n"),
        ROW("-5\r\nhello\r\n"), ROW("-0\r\n\r\n"), ROW("0x5\r\nhello\r\n"), ROW("5h\r\nhello\r\n"),
        ROW("g\r\n"), ROW("5_0\r\n"), ROW("5.\r\n"), ROW("\"5\"\r\n"), ROW("5,5\r\nhello\r\n"),
        ROW("5\0\r\nhello\r\n"), ROW("\xef\xbc\x95\r\nhello\r\n"), /* a digit elsewhere */
        ROW(";a\r\n"), ROW(";\r\n"),
        /* Blanks before the line end: others have read "5 \r\n" in two ways. */
        ROW("5 \r\nhello\r\n"), ROW("5\t\r\nhello\r\n"), ROW("0 \r\n\r\n"), ROW("5 5\r\nhello\r\n"),
        ROW("5 a\r\nhello\r\n"),
        /* 2.2: line ends are CRLF */
        ROW("5\nhello\r\n"), ROW("5\rhello\r\n"), ROW("5\r\rhello\r\n"), ROW("0\n\n"), ROW("0\r\n\n"),
        ROW("0\r\n\r\r\n"),
        ROW("5;a\nhello\r\n"), /* a bare LF in an extension: the way of several smuggling attacks */
        ROW("5;a\rb\r\nhello\r\n"), ROW("5;a=\"\n\"\r\nhello\r\n"),
        ROW("5;a=\"\r\n\"\r\nhello\r\n"), /* "\r\n" ends the line, in a string too: then the data is wrong */
        ROW("5;a\0\r\nhello\r\n"), ROW("5;a\x7f\r\nhello\r\n"), ROW("5;\x01\r\nhello\r\n"),
        ROW("5\0;a\r\nhello\r\n"),
        /* the data's length is not what its line said */
        ROW("5\r\nhell\r\n0\r\n\r\n"), ROW("5\r\nhellooo\r\n0\r\n\r\n"), ROW("5\r\nhello0\r\n\r\n"),
        ROW("5\r\nhello\n0\r\n\r\n"), ROW("5\r\nhello\r0\r\n\r\n"), ROW("5\r\nhello\r\n\r\n0\r\n\r\n"),
        /* 7.1: sizes that overflow; "recipients MUST anticipate potentially large hexadecimal numerals" */
        ROW("8000000000000000\r\n"), ROW("ffffffffffffffff\r\n"), ROW("fffffffffffffffb\r\nhello\r\n"),
        ROW("10000000000000000\r\n"),
        ROW("10000000000000005\r\nhello\r\n0\r\n\r\n"), /* 5 again, where the sum wraps around */
        ROW("100000000000000000000000000000005\r\nhello\r\n"),
        ROW("ffffffffffffffffffffffffffffffffffff\r\n"),
        /* 7.1.2: trailers are field lines */
        ROW("0\r\nA\r\n\r\n"), ROW("0\r\nA b: c\r\n\r\n"), ROW("0\r\n: b\r\n\r\n"), ROW("0\r\nA : b\r\n\r\n"),
        ROW("0\r\n A: b\r\n\r\n"), ROW("0\r\nA: b\r\n c\r\n\r\n"), /* obs-fold */
        ROW("0\r\nA: b\r\n\tc\r\n\r\n"), ROW("0\r\nA: b\nC: d\r\n\r\n"), ROW("0\r\nA: b\rC: d\r\n\r\n"),
        ROW("0\r\nA: b\r\r\n\r\n"), ROW("0\r\nA: \0\r\n\r\n"), ROW("0\r\nA\0: b\r\n\r\n"),
        ROW("0\r\nA: b\r\n\n"), ROW("0\r\n\rX"),
        ROW("0\r\nGET / HTTP/1.1\r\n\r\n"), /* the empty line is missing */
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o = run_all(rows[i].in.ptr, rows[i].in.len);
        if (o.status != 400)
            fail_msg("row %zu: %d: %.*s", i, o.status, PST_FMT(rows[i].in));
    }
}

/* The greatest size there is: 2^63-1; nothing may come of it but the data that does come. */
static void test_chunked__greatest_size__is_just_never_complete(void **state)
{
    (void)state;
    static const char in[] = "7fffffffffffffff\r\nhello";
    struct outcome o = run_all(in, sizeof(in) - 1);
    assert_int_equal(o.status, PST_CHUNKED_MORE);
    assert_int_equal(o.len, 5);
}

/* ---- limits ---- */

static char big[4096];

/* A size line of so many bytes, CRLF counted: by leading zeros, or by an extension. */
static size_t with_size_line(size_t line_bytes, bool is_extension)
{
    memset(big, is_extension ? 'x' : '0', line_bytes);
    if (is_extension)
        memcpy(big, "1;", 2);
    else
        big[line_bytes - 3] = '1';
    memcpy(big + line_bytes - 2, "\r\n", 2);
    return line_bytes + (size_t)snprintf(big + line_bytes, sizeof(big) - line_bytes, "a\r\n0\r\n\r\n");
}

static void test_chunked__size_line__400_from_one_over_the_limit(void **state)
{
    (void)state;
    static const uint64_t most[] = {16, 17, 256};
    for (size_t i = 0; i < COUNT(most); i++) {
        limits.chunk_line_bytes = most[i];
        for (int is_extension = 0; is_extension <= 1; is_extension++) {
            for (size_t line = most[i] - 2; line <= most[i] + 2; line++) {
                size_t len = with_size_line(line, is_extension);
                struct outcome o = run_all(big, len);
                if (o.status != (line <= most[i] ? PST_CHUNKED_DONE : 400))
                    fail_msg("line of %zu, at most %d: %d", line, (int)most[i], o.status);
            }
        }
    }
    /* The limit is each line's own. */
    limits.chunk_line_bytes = 16;
    static const char in[] = "1;xxxxxxxxxxxx\r\na\r\n1;xxxxxxxxxxxx\r\nb\r\n0;xxxxxxxxxxxx\r\n\r\n";
    assert_int_equal(run_all(in, sizeof(in) - 1).status, PST_CHUNKED_DONE);
}

/* Trailer lines with their CRLFs, without the empty line behind them; of one long line, and of many. */
static void test_chunked__trailers__431_from_one_over_the_limit(void **state)
{
    (void)state;
    static const uint64_t most[] = {4, 5, 100, 1000};
    for (size_t i = 0; i < COUNT(most); i++) {
        limits.trailer_bytes = most[i];
        for (size_t size = most[i] > 4 ? most[i] - 1 : 4; size <= most[i] + 3; size++) {
            for (int is_many = 0; is_many <= 1; is_many++) {
                size_t n = (size_t)snprintf(big, sizeof(big), "0\r\n"), left = size;
                for (; is_many && left >= 8; left -= 4)
                    n += (size_t)snprintf(big + n, sizeof(big) - n, "A:\r\n");
                memset(big + n, 'b', left);
                memcpy(big + n, "A:", 2);
                memcpy(big + n + left - 2, "\r\n\r\n", 4);
                struct outcome o = run_all(big, n + left + 2);
                if (o.status != (size <= most[i] ? PST_CHUNKED_DONE : 431))
                    fail_msg("trailers of %zu, at most %d: %d", size, (int)most[i], o.status);
            }
        }
    }
    /* None at all allowed: the empty line is no trailer. */
    limits.trailer_bytes = 0;
    assert_int_equal(run_all("0\r\n\r\n", 5).status, PST_CHUNKED_DONE);
    assert_int_equal(run_all("0\r\nA:\r\n\r\n", 9).status, 431);
}

/* ---- random bodies in random pieces ---- */

static uint64_t random_state = 88172645463325252U;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

static void test_chunked__random_bodies_in_random_pieces__come_out_as_they_were(void **state)
{
    (void)state;
    for (int round = 0; round < 2000; round++) {
        static char body[4096], coded[16384];
        size_t body_len = 0, len = 0;
        for (unsigned chunks = random_below(12); chunks > 0; chunks--) {
            size_t size = 1 + random_below(random_below(4) ? 20 : 300);
            len += (size_t)snprintf(coded + len, sizeof(coded) - len, random_below(2) ? "%zx" : "%zX", size);
            len +=
                (size_t)snprintf(coded + len, sizeof(coded) - len, "%s\r\n", random_below(4) ? "" : ";x=y");
            for (size_t i = 0; i < size; i++)
                body[body_len++] = coded[len++] = (char)random_below(256);
            memcpy(coded + len, "\r\n", 2);
            len += 2;
        }
        len += (size_t)snprintf(coded + len, sizeof(coded) - len, "0\r\n%s\r\n",
                                random_below(4) ? "" : "T: u\r\n");
        static struct outcome o;
        struct pst_chunked decoder;
        memset(&o, 0, sizeof(o));
        pst_chunked_init(&decoder);
        for (size_t at = 0; at < len;) {
            size_t piece = 1 + random_below(random_below(3) ? 10 : 2000);
            if (piece > len - at)
                piece = len - at;
            bool is_more = decode_piece(&o, &decoder, coded + at, piece);
            at += piece;
            assert_int_equal(is_more, at < len);
        }
        assert_int_equal(o.status, PST_CHUNKED_DONE);
        assert_int_equal(o.used, len);
        assert_int_equal(o.len, body_len);
        assert_memory_equal(o.data, body, body_len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_chunked__well_formed__data_and_what_comes_behind, setup),
        cmocka_unit_test_setup(test_chunked__every_beginning_of_a_body__wants_more, setup),
        cmocka_unit_test_setup(test_chunked__malformed__400, setup),
        cmocka_unit_test_setup(test_chunked__greatest_size__is_just_never_complete, setup),
        cmocka_unit_test_setup(test_chunked__size_line__400_from_one_over_the_limit, setup),
        cmocka_unit_test_setup(test_chunked__trailers__431_from_one_over_the_limit, setup),
        cmocka_unit_test_setup(test_chunked__random_bodies_in_random_pieces__come_out_as_they_were, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
