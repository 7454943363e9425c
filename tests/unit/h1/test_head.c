/* Heads of HTTP/1 requests: which are taken, how they are understood, and which are refused with what. Every
 * row runs whole, byte by byte and cut in two at every place: the result must be the same. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "h1/head.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* What a head came to: one line, so that two runs can be compared. */
struct outcome {
    int status; /* 0: taken */
    char text[1024];
};

static struct pst_limits limits;

static void describe(struct outcome *o, const struct pst_request *req, const struct pst_h1_framing *framing)
{
    int n =
        snprintf(o->text, sizeof(o->text), "%.*s %.*s %d authority '%.*s' body %s%lld%s%s",
                 PST_FMT(req->method), PST_FMT(req->path), req->version, PST_FMT(req->authority),
                 req->has_body ? "" : "none ", (long long)req->body_length,
                 framing->is_keep_alive ? " keep" : " close", framing->expects_continue ? " expects" : "");
    assert_int_equal(framing->is_chunked, req->has_body && req->body_length < 0);
    for (size_t i = 0; i < req->field_count && n < (int)sizeof(o->text); i++)
        n += snprintf(o->text + n, sizeof(o->text) - (size_t)n, " [%.*s: %.*s]", PST_FMT(req->fields[i].name),
                      PST_FMT(req->fields[i].value));
}

/* Bytes in memory of their very length, so that the address sanitizer sees every byte read too far. */
static char *exact_copy(const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    if (!copy)
        abort();
    memcpy(copy, data, len);
    return copy;
}

static void parse(struct outcome *o, const char *data, size_t len)
{
    static _Alignas(16) char memory[512];
    struct pst_arena arena;
    struct pst_request req = {0};
    struct pst_h1_framing framing;
    char *head = exact_copy(data, len);
    pst_arena_init(&arena, memory, sizeof(memory));
    o->status = pst_h1_parse_head(head, len, &limits, &arena, &req, &framing);
    if (o->status == 0)
        describe(o, &req, &framing);
    pst_arena_fini(&arena);
    free(head);
}

/* Gives the bytes in pieces, the first of them `first` bytes long, the others `rest`. */
static void run(struct outcome *o, const char *data, size_t len, size_t first, size_t rest)
{
    struct pst_h1_scanner scanner;
    size_t at = 0;
    memset(o, 0, sizeof(*o));
    pst_h1_scanner_init(&scanner);
    for (size_t piece = first; at < len; piece = rest) {
        if (piece > len - at)
            piece = len - at;
        char *copy = exact_copy(data + at, piece);
        size_t used = 0;
        int ret = pst_h1_scan(&scanner, &limits, copy, piece, &used);
        free(copy);
        if (ret > PST_H1_HEAD_DONE) {
            o->status = ret;
            return;
        }
        at += used;
        if (ret == PST_H1_HEAD_DONE) {
            parse(o, data, at);
            snprintf(o->text + strlen(o->text), sizeof(o->text) - strlen(o->text), " + %zu", len - at);
            return;
        }
        assert_int_equal(used, piece);
    }
    o->status = -1; /* not complete yet */
}

/* In every way there is; the results must agree. */
static struct outcome run_all(const char *data, size_t len)
{
    struct outcome whole, other;
    run(&whole, data, len, len, len);
    run(&other, data, len, 1, 1);
    if (whole.status != other.status || strcmp(whole.text, other.text) != 0)
        fail_msg("byte by byte: %d %s, whole: %d %s: %.*s", other.status, other.text, whole.status,
                 whole.text, (int)len, data);
    for (size_t cut = 1; cut < len; cut++) {
        run(&other, data, len, cut, len);
        if (whole.status != other.status || strcmp(whole.text, other.text) != 0)
            fail_msg("cut at %zu: %d %s, whole: %d %s: %.*s", cut, other.status, other.text, whole.status,
                     whole.text, (int)len, data);
    }
    return whole;
}

static int setup(void **state)
{
    (void)state;
    pst_limits_init(&limits);
    return 0;
}

struct row {
    struct pst_slice request;
    int status;
};

/* PST_SLICE would do, but is no constant expression. */
#define ROW(literal, status)                                                                                 \
    {                                                                                                        \
        {("" literal), sizeof(literal) - 1}, (status)                                                        \
    }
#define LINE(line, status)   ROW(line "\r\nHost: h\r\n\r\n", status)
#define FIELD(field, status) ROW("GET / HTTP/1.1\r\nHost: h\r\n" field "\r\n\r\n", status)
#define POST(fields, status) ROW("POST / HTTP/1.1\r\nHost: h\r\n" fields "\r\n", status)

static void check_rows(const struct row *rows, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct outcome o = run_all(rows[i].request.ptr, rows[i].request.len);
        if (o.status != rows[i].status)
            fail_msg("row %zu: %d, not %d: %.*s", i, o.status, rows[i].status, PST_FMT(rows[i].request));
    }
}

/* RFC 9112 3 Request Line, 2.3 HTTP Version; RFC 9110 2.5 Protocol Version, 15.6.6 505 */
static void test_head__request_lines__strictly_three_parts(void **state)
{
    (void)state;
    static const struct row rows[] = {
        LINE("GET / HTTP/1.1", 0),
        LINE("BREW /pot HTTP/1.1", 0), /* any token is a method: 501 is the router's */
        LINE("get / HTTP/1.1", 0), LINE("!#$%&'*+-.^_`|~09azAZ / HTTP/1.1", 0),
        /* single spaces only: 3, "a recipient MAY instead parse on whitespace-delimited word boundaries" is
         * the lenient way that leads to smuggling */
        LINE("GET  / HTTP/1.1", 400), LINE("GET /  HTTP/1.1", 400), LINE("GET / HTTP/1.1 ", 400),
        LINE(" GET / HTTP/1.1", 400), LINE("GET\t/ HTTP/1.1", 400), LINE("GET /\tHTTP/1.1", 400),
        LINE("GET\v/ HTTP/1.1", 400), LINE("GET /a b HTTP/1.1", 400), LINE("GET / HTTP/1.1 x", 400),
        LINE("GET", 400), LINE("GET ", 400), LINE("GET /", 400), /* HTTP/0.9 */
        LINE("GET / ", 400), LINE("GET HTTP/1.1", 400), LINE("GET  HTTP/1.1", 400),
        /* 9110 9.1: a method is a token */
        LINE("G(T / HTTP/1.1", 400), LINE("G\0T / HTTP/1.1", 400), LINE("G\xc3\x89T / HTTP/1.1", 400),
        LINE("GET: / HTTP/1.1", 400), LINE("@ / HTTP/1.1", 400),
        /* 2.3: HTTP-version is case-sensitive, one digit each */
        LINE("GET / HTTP/1.0", 0),
        LINE("GET / HTTP/1.2", 0), /* 9110 2.5: a later minor version is understood as 1.1 */
        LINE("GET / HTTP/1.9", 0), LINE("GET / HTTP/2.0", 505), LINE("GET / HTTP/0.9", 505),
        LINE("GET / HTTP/3.0", 505), LINE("GET / HTTP/9.9", 505), LINE("GET / http/1.1", 400),
        LINE("GET / Http/1.1", 400), LINE("GET / HTTP/1.10", 400), LINE("GET / HTTP/01.1", 400),
        LINE("GET / HTTP/11", 400), LINE("GET / HTTP/1", 400), LINE("GET / HTTP/1.", 400),
        LINE("GET / HTTP/.1", 400), LINE("GET / HTTP/1,1", 400), LINE("GET / HTTP/a.1", 400),
        LINE("GET / HTTP/1.a", 400), LINE("GET / HTTP 1.1", 400), LINE("GET / HTTPS/1.1", 400),
        LINE("GET / ICAP/1.0", 400), LINE("GET / HTTP/1.1\0", 400), LINE("GET / HTTP/+1.1", 400),
        ROW("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400), /* HTTP/2's preface: no h2 over this door */
    };
    check_rows(rows, COUNT(rows));
}

/* RFC 9112 3.2 Request Target, RFC 3986 */
static void test_head__request_targets__of_the_four_forms(void **state)
{
    (void)state;
    static const struct row rows[] = {
        /* 3.2.1 origin-form */
        LINE("GET /a/b.html?c=d&e=/?%20 HTTP/1.1", 0),
        LINE("GET /? HTTP/1.1", 0),
        LINE("GET // HTTP/1.1", 0),
        LINE("GET //h/x HTTP/1.1", 0), /* a path, no authority */
        LINE("GET /a#b HTTP/1.1", 400),
        LINE("GET /% HTTP/1.1", 400),
        LINE("GET /%2 HTTP/1.1", 400),
        LINE("GET /%zz HTTP/1.1", 400),
        LINE("GET /?%zz\\ HTTP/1.1", 0), /* a query is not decoded here */
        LINE("GET /?a#b HTTP/1.1", 400),
        LINE("GET /%00 HTTP/1.1", 400),
        LINE("GET /\0 HTTP/1.1", 400),
        LINE("GET /\x7f HTTP/1.1", 400),
        LINE("GET /\x01 HTTP/1.1", 400),
        LINE("GET /\xc3\xa9 HTTP/1.1", 400),
        LINE("GET /\"a\" HTTP/1.1", 400),
        LINE("GET /<a> HTTP/1.1", 400),
        LINE("GET /a\\b HTTP/1.1", 400),
        LINE("GET /.. HTTP/1.1", 400), /* above the root */
        LINE("GET /a/../.. HTTP/1.1", 400),
        LINE("GET /%2e%2E/x HTTP/1.1", 400),
        LINE("GET a HTTP/1.1", 400),
        LINE("GET ?a HTTP/1.1", 400),
        /* 3.2.2 absolute-form */
        LINE("GET http://h/x HTTP/1.1", 0),
        LINE("GET HTTPS://H:443/x?y HTTP/1.1", 0),
        LINE("GET http://h HTTP/1.1", 0),
        LINE("GET http://h?q HTTP/1.1", 0),
        LINE("GET http://[::1]:80/ HTTP/1.1", 0),
        LINE("GET http:///x HTTP/1.1", 400),
        LINE("GET http://:80/x HTTP/1.1", 400),
        LINE("GET http:/x HTTP/1.1", 400),
        LINE("GET http:x HTTP/1.1", 400),
        LINE("GET ftp://h/x HTTP/1.1", 400),
        LINE("GET ://h/x HTTP/1.1", 400),
        LINE("GET http://u@h/x HTTP/1.1", 400), /* 9110 4.2.4: userinfo is an error */
        LINE("GET http://h:99999/ HTTP/1.1", 400),
        LINE("GET http://h:8a/ HTTP/1.1", 400),
        LINE("GET http://h h/ HTTP/1.1", 400),
        LINE("GET http://[::1/ HTTP/1.1", 400),
        /* 3.2.3 authority-form, only with CONNECT */
        LINE("CONNECT h:443 HTTP/1.1", 0),
        LINE("CONNECT [::1]:443 HTTP/1.1", 0),
        LINE("CONNECT h HTTP/1.1", 400),
        LINE("CONNECT h: HTTP/1.1", 400),
        LINE("CONNECT h:0 HTTP/1.1", 400),
        LINE("CONNECT h:65536 HTTP/1.1", 400),
        LINE("CONNECT / HTTP/1.1", 400),
        LINE("CONNECT http://h:443/ HTTP/1.1", 400),
        LINE("GET h:443 HTTP/1.1", 400),
        /* 3.2.4 asterisk-form, only with OPTIONS */
        LINE("OPTIONS * HTTP/1.1", 0),
        LINE("OPTIONS /x HTTP/1.1", 0),
        LINE("OPTIONS ** HTTP/1.1", 400),
        LINE("OPTIONS *?x HTTP/1.1", 400),
        LINE("GET * HTTP/1.1", 400),
    };
    check_rows(rows, COUNT(rows));
}

/* RFC 9112 2.2 Message Parsing: CRLF only; 5 Field Syntax, 5.1 Field Line Parsing, 5.2 Obsolete Line Folding;
 * RFC 9110 5.5 Field Values */
static void test_head__field_lines__nothing_that_others_may_read_otherwise(void **state)
{
    (void)state;
    static const struct row rows[] = {
        FIELD("A: b", 0), FIELD("A:b", 0), FIELD("A:", 0), FIELD("A:  \t b \t ", 0), FIELD("A: b\tc", 0),
        FIELD("A: \xc3\xa9\xff", 0), /* obs-text */
        FIELD("A: b: c: \"d\" (e) @", 0), FIELD("!#$%&'*+-.^_`|~09azAZ: x", 0),
        FIELD("A: 1\r\nA: 2", 0), /* repeated: fine for a field that is a list, or unknown */
        /* 2.2: a bare LF might be taken for a line end, a bare CR for one, or for nothing */
        ROW("GET / HTTP/1.1\nHost: h\n\n", 400), ROW("GET / HTTP/1.1\r\nHost: h\n\r\n", 400),
        ROW("GET / HTTP/1.1\nHost: h\r\n\r\n", 400), ROW("GET / HTTP/1.1\r\nHost: h\r\n\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h\r\n\nX", 400), ROW("\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\rHost: h\r\n\r\n", 400), ROW("GET / HTTP/1.1\r\r\nHost: h\r\n\r\n", 400),
        ROW("GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n", 400), ROW("GET / HTTP/1.1\r\nHost: h\r\n\r\r\n\r\n", 400),
        FIELD("A: b\rc", 400), FIELD("A: b\r", 400), FIELD("A: \rB: c", 400), FIELD("A\r: b", 400),
        FIELD("A: b\nB: c", 400), FIELD("A: b\n", 400),
        /* 5.2: obs-fold, by space or tab, of any line */
        FIELD("A: b\r\n c", 400), FIELD("A: b\r\n\tc", 400), FIELD("A: b\r\n ", 400), FIELD("A:\r\n b", 400),
        FIELD("A: b\r\n Transfer-Encoding: chunked", 400),
        ROW("GET / HTTP/1.1\r\n Host: h\r\n\r\n",
            400), /* 2.2: whitespace between the start line and the first */
        ROW("GET / HTTP/1.1\r\n\tHost: h\r\nHost: h\r\n\r\n", 400),
        /* 5.1: no whitespace before the colon */
        FIELD("A : b", 400), FIELD("A\t: b", 400), FIELD("Transfer-Encoding : chunked", 400),
        /* 5: a name that is no token, or none */
        FIELD("A", 400), FIELD("A b", 400), FIELD("A b: c", 400), FIELD(": b", 400), FIELD(":", 400),
        FIELD("A(b): c", 400), FIELD("A\"b\": c", 400), FIELD("\xc3\xa9: c", 400), FIELD("A\0: b", 400),
        FIELD("A\x7f: b", 400), FIELD("{\"json\": 1}", 400),
        /* 9110 5.5: CR, LF and NUL are dangerous, other control bytes invalid */
        FIELD("A: b\0c", 400), FIELD("A: \0", 400), FIELD("A: b\x01", 400), FIELD("A: \x1b[1m", 400),
        FIELD("A: b\x7f", 400), FIELD("A: b\v", 400),
        FIELD("A: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\x08"
              "aaaaaaaaaaaaaaaaa",
              400),
        /* What is no HTTP is told by its first byte. */
        ROW("\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 400), /* a TLS ClientHello */
        ROW("\0", 400), ROW("\x80", 400),
        ROW("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", 400), /* empty lines are the session's to skip */
        /* not complete yet */
        ROW("G", -1), ROW("GET / HTTP/1.1\r\nHost: h\r\n", -1), ROW("GET / HTTP/1.1\r\nHost: h\r\n\r", -1),
        ROW("GET / HTTP/1.1\r\nHost: h\r\n\r\nGET / HTTP/1.1\r\n", 0), /* what follows is not looked at */
    };
    check_rows(rows, COUNT(rows));
}

/* RFC 9112 3.2 Request Target, RFC 9110 7.2 Host and :authority */
static void test_head__host__one_and_valid(void **state)
{
    (void)state;
    static const struct row rows[] = {
        ROW("GET / HTTP/1.1\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHots: h\r\n\r\n", 400),
        ROW("GET / HTTP/1.2\r\n\r\n", 400),
        ROW("GET http://h/ HTTP/1.1\r\n\r\n", 400), /* 3.2.2: Host is a must even so */
        ROW("GET / HTTP/1.0\r\n\r\n", 0),
        ROW("GET / HTTP/1.0\r\nHost: h\r\n\r\n", 0),
        ROW("GET / HTTP/1.0\r\nHost: h h\r\n\r\n", 400),
        ROW("GET / HTTP/1.0\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nhOST: i\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h\r\nHost:\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost:\r\n\r\n", 0), /* 3.2: empty where the target has no authority */
        ROW("GET / HTTP/1.1\r\nhost: h\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHOST:h:8080\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHost: EXAMPLE.net:\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHost: [::1]:8443\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHost: a_b.example\r\n\r\n", 0),
        ROW("GET / HTTP/1.1\r\nHost: h h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h/x\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: http://h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: u@h\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h:x\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h:-1\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h:65536\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h:80:80\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: :80\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: [1.2.3.4]\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: \xc3\xa9.example\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h?x\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: h#x\r\n\r\n", 400),
        ROW("GET / HTTP/1.1\r\nHost: %zz\r\n\r\n", 400),
    };
    check_rows(rows, COUNT(rows));
}

/* RFC 9112 6 Message Body, 6.1 Transfer-Encoding, 6.2 Content-Length, 6.3 Message Body Length, 11.2 Request
 * Smuggling; RFC 9110 8.6 Content-Length, 15.5.14 413, 15.6.2 501 */
static void test_head__framing__never_ambiguous(void **state)
{
    (void)state;
    static const struct row rows[] = {
        POST("", 0),
        POST("Content-Length: 0\r\n", 0),
        POST("Content-Length: 5\r\n", 0),
        POST("content-LENGTH:5\r\n", 0),
        POST("Content-Length:\t 5 \t\r\n", 0),
        POST("Content-Length: 0005\r\n", 0), /* 1*DIGIT */
        POST("Content-Length: 9223372036854775807\r\n", 0),
        /* 6.3: valid digits, but more than anybody takes */
        POST("Content-Length: 9223372036854775808\r\n", 413),
        POST("Content-Length: 18446744073709551616\r\n", 413), /* 2^64: would wrap around to 0 */
        POST("Content-Length: 18446744073709551621\r\n", 413), /* to 5 */
        POST("Content-Length: 99999999999999999999999999999999999999999\r\n", 413),
        /* 6.3: an invalid one is unrecoverable */
        POST("Content-Length:\r\n", 400),
        POST("Content-Length: \r\n", 400),
        POST("Content-Length: +5\r\n", 400),
        POST("Content-Length: -5\r\n", 400),
        POST("Content-Length: -0\r\n", 400),
        POST("Content-Length: 5.0\r\n", 400),
        POST("Content-Length: 0x5\r\n", 400),
        POST("Content-Length: 5 5\r\n", 400),
        POST("Content-Length: 5;\r\n", 400),
        POST("Content-Length: 5a\r\n", 400),
        POST("Content-Length: 1e3\r\n", 400),
        POST("Content-Length: \"5\"\r\n", 400),
        POST("Content-Length: \xd9\xa5\r\n", 400), /* a digit elsewhere */
        POST("Content-Length: 99999999999999999999999999a\r\n", 400),
        POST("Content-Length: 5\0\r\n", 400),
        /* 6.3: duplicates may be refused, identical ones too: others take the first, or the last */
        POST("Content-Length: 5\r\nContent-Length: 5\r\n", 400),
        POST("Content-Length: 5\r\nContent-Length: 6\r\n", 400),
        POST("Content-Length: 0\r\nContent-length: 0\r\n", 400),
        POST("Content-Length: 5\r\nA: b\r\nContent-Length: 5\r\n", 400),
        POST("Content-Length: 5, 5\r\n", 400),
        POST("Content-Length: 5,5\r\n", 400),
        POST("Content-Length: 5,\r\n", 400),
        POST("Content-Length: ,5\r\n", 400),
        /* 6.1: chunked alone is understood */
        POST("Transfer-Encoding: chunked\r\n", 0),
        POST("transfer-encoding:CHUNKED\r\n", 0),
        POST("Transfer-Encoding: \tchunked \r\n", 0),
        /* 6.3: with Content-Length it "ought to be handled as an error" */
        POST("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", 400),
        POST("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", 400),
        POST("Content-Length: 0\r\nTransfer-Encoding: chunked\r\n", 400),
        POST("Content-Length: 5\r\nTransfer-Encoding: identity\r\n", 400),
        POST("Content-Length: 5\r\nTransfer-Encoding: gzip, chunked\r\n", 400),
        POST("Content-Length: 5\r\nTransfer-Encoding:\r\n", 400),
        /* 6.1: from HTTP/1.0 it has to be treated as faulty */
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n", 400),
        ROW("POST / HTTP/1.0\r\nTransfer-Encoding: identity\r\n\r\n", 400),
        /* 6.1: a coding that is not understood, chunked last: 501 */
        POST("Transfer-Encoding: gzip, chunked\r\n", 501),
        POST("Transfer-Encoding: gzip,chunked\r\n", 501),
        POST("Transfer-Encoding: x;y=\"z\", chunked\r\n", 501),
        POST("Transfer-Encoding: identity, chunked\r\n", 501),
        /* 6.3: chunked is not the final one: the length cannot be known */
        POST("Transfer-Encoding: gzip\r\n", 400),
        POST("Transfer-Encoding: identity\r\n", 400),
        POST("Transfer-Encoding: chunked, gzip\r\n", 400),
        POST("Transfer-Encoding: chunked, identity\r\n", 400),
        POST("Transfer-Encoding: xchunked\r\n", 400),
        POST("Transfer-Encoding: chunkedx\r\n", 400),
        POST("Transfer-Encoding: chunke\r\n", 400),
        POST("Transfer-Encoding: chunked;x=y\r\n", 400),
        POST("Transfer-Encoding: \"chunked\"\r\n", 400),
        POST("Transfer-Encoding: chunked chunked\r\n", 400),
        POST("Transfer-Encoding: \vchunked\r\n", 400),
        POST("Transfer-Encoding:\r\n", 400),
        /* 6.1: chunked must not be applied twice; and empty elements, which some skip and some do not */
        POST("Transfer-Encoding: chunked, chunked\r\n", 400),
        POST("Transfer-Encoding: chunked, gzip, chunked\r\n", 400),
        POST("Transfer-Encoding: chunked,\r\n", 400),
        POST("Transfer-Encoding: , chunked\r\n", 400),
        POST("Transfer-Encoding: gzip,, chunked\r\n", 400),
        POST("Transfer-Encoding: ,\r\n", 400),
        /* on two lines */
        POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", 400),
        POST("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", 400),
        POST("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n", 400),
        POST("Transfer-Encoding:\r\nTransfer-Encoding: chunked\r\n", 400),
        /* names that only look like those */
        POST("Content-Lengt: 5\r\n", 0),
        POST("Content_Length: 5\r\n", 0),
        POST("Transfer-Encodin: x\r\n", 0),
        POST("Content-Length\0: 5\r\n", 400),
        POST("Transfer-Encoding\x0b: chunked\r\n", 400),
    };
    check_rows(rows, COUNT(rows));
}

/* RFC 9110 10.1.1 Expect */
static void test_head__expect__only_100_continue_is_met(void **state)
{
    (void)state;
    static const struct row rows[] = {
        POST("Expect: 100-continue\r\nContent-Length: 5\r\n", 0),
        POST("Expect: 100-CONTINUE\r\nContent-Length: 5\r\n", 0),
        POST("Expect: 100-continue\r\n", 0),
        POST("Expect: 200-ok\r\nContent-Length: 5\r\n", 417),
        POST("Expect: 100-continue, x\r\nContent-Length: 5\r\n", 417),
        POST("Expect: x\r\n", 417),
        POST("Expect:\r\n", 417),
        ROW("POST / HTTP/1.0\r\nExpect: x\r\nContent-Length: 5\r\n\r\n", 0), /* ignored from HTTP/1.0 */
    };
    check_rows(rows, COUNT(rows));
}

/* ---- how it is understood ---- */

static void test_head__taken__understood_as(void **state)
{
    (void)state;
    static const struct {
        const char *request, *text;
    } rows[] = {
        {"GET /a%20b?c HTTP/1.1\r\nHost: h\r\n\r\n",
         "GET /a b 11 authority 'h' body none 0 keep [Host: h] + 0"},
        {"GET /a/./b/../c HTTP/1.1\r\nHost: h\r\n\r\n",
         "GET /a/c 11 authority 'h' body none 0 keep [Host: h] + 0"},
        {"GET / HTTP/1.7\r\nHost: h\r\n\r\nrest", "GET / 11 authority 'h' body none 0 keep [Host: h] + 4"},
        /* 3.2.2: the target's authority replaces Host's */
        {"GET http://a:1/x HTTP/1.1\r\nHost: b\r\n\r\n",
         "GET /x 11 authority 'a:1' body none 0 keep [Host: b] + 0"},
        {"GET http://a HTTP/1.1\r\nHost: b\r\n\r\n", "GET / 11 authority 'a' body none 0 keep [Host: b] + 0"},
        {"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n",
         "OPTIONS * 11 authority 'h' body none 0 keep [Host: h] + 0"},
        {"CONNECT a:1 HTTP/1.1\r\nHost: h\r\n\r\n",
         "CONNECT  11 authority 'a:1' body none 0 keep [Host: h] + 0"},
        /* 9110 5.5: whitespace around a value is not part of it */
        {"GET / HTTP/1.1\r\nHost: \t h \t\r\nA:  b \t c  \r\nB:\r\n\r\n",
         "GET / 11 authority 'h' body none 0 keep [Host: h] [A: b \t c] [B: ] + 0"},
        /* 6.3 */
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
         "POST / 11 authority 'h' body 5 keep [Host: h] [Content-Length: 5] + 5"},
        {"POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n",
         "POST / 11 authority 'h' body 0 keep [Host: h] [Content-Length: 0] + 0"},
        {"POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
         "POST / 11 authority 'h' body -1 keep [Host: h] [Transfer-Encoding: chunked] + 0"},
        /* 9.3 Persistence; 9110 7.6.1: options of a list, in any case */
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: close\r\n\r\n",
         "GET / 11 authority '' body none 0 close [Host: ] [Connection: close] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: x, CLOSE ,y\r\n\r\n",
         "GET / 11 authority '' body none 0 close [Host: ] [Connection: x, CLOSE ,y] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: x\r\nConnection: close\r\n\r\n",
         "GET / 11 authority '' body none 0 close [Host: ] [Connection: x] [Connection: close] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: closed, enclose\r\n\r\n",
         "GET / 11 authority '' body none 0 keep [Host: ] [Connection: closed, enclose] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: keep-alive, close\r\n\r\n",
         "GET / 11 authority '' body none 0 close [Host: ] [Connection: keep-alive, close] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nConnection: ,,\r\n\r\n",
         "GET / 11 authority '' body none 0 keep [Host: ] [Connection: ,,] + 0"},
        {"GET / HTTP/1.0\r\n\r\n", "GET / 10 authority '' body none 0 close + 0"},
        {"GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n",
         "GET / 10 authority '' body none 0 keep [Connection: Keep-Alive] + 0"},
        {"GET / HTTP/1.0\r\nConnection: keep-alive, close\r\n\r\n",
         "GET / 10 authority '' body none 0 close [Connection: keep-alive, close] + 0"},
        /* 9110 10.1.1: only where there is a body to wait for */
        {"POST / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "POST / 11 authority '' body 5 keep expects [Host: ] [Expect: 100-continue] [Content-Length: 5] + "
         "0"},
        {"POST / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
         "POST / 11 authority '' body 0 keep [Host: ] [Expect: 100-continue] [Content-Length: 0] + 0"},
        {"GET / HTTP/1.1\r\nHost:\r\nExpect: 100-continue\r\n\r\n",
         "GET / 11 authority '' body none 0 keep [Host: ] [Expect: 100-continue] + 0"},
        {"POST / HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
         "POST / 10 authority '' body 5 close [Expect: 100-continue] [Content-Length: 5] + 0"},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct outcome o = run_all(rows[i].request, strlen(rows[i].request));
        assert_int_equal(o.status, 0);
        assert_string_equal(o.text, rows[i].text);
    }
}

/* The request line of what is refused, for the log. */
static void test_head__refused__request_line_is_kept_as_far_as_it_was_read(void **state)
{
    (void)state;
    static const char text[] = "GET /x?y HTTP/1.1\r\nHost: h\r\nA : b\r\n\r\n";
    static _Alignas(16) char memory[512];
    struct pst_arena arena;
    struct pst_request req = {0};
    struct pst_h1_framing framing;
    pst_arena_init(&arena, memory, sizeof(memory));
    assert_int_equal(pst_h1_parse_head(text, sizeof(text) - 1, &limits, &arena, &req, &framing), 400);
    assert_true(pst_slice_eq(req.method, PST_SLICE("GET")));
    assert_true(pst_slice_eq(req.raw_target, PST_SLICE("/x?y")));
    assert_int_equal(req.version, 11);
    assert_int_equal(req.field_count, 0);
    assert_false(framing.is_keep_alive);
    pst_arena_fini(&arena);
}

/* ---- limits: RFC 9112 3 (414), RFC 6585 5 (431) ---- */

static char big[40000];

/* "GET /aaa... HTTP/1.1\r\n" of so many bytes, then rest. */
static size_t with_request_line(size_t line_bytes, const char *rest)
{
    size_t fixed = sizeof("GET / HTTP/1.1\r\n") - 1;
    memcpy(big, "GET /", 5);
    memset(big + 5, 'a', line_bytes - fixed);
    size_t n = 5 + line_bytes - fixed;
    return n + (size_t)snprintf(big + n, sizeof(big) - n, " HTTP/1.1\r\n%s", rest);
}

static void test_head__request_line__414_from_one_over_the_limit(void **state)
{
    (void)state;
    static const uint64_t most[] = {64, 100, 1000};
    for (size_t i = 0; i < COUNT(most); i++) {
        limits.request_line_bytes = most[i];
        for (size_t line = most[i] - 2; line <= most[i] + 2; line++) {
            size_t len = with_request_line(line, "Host: h\r\n\r\n");
            assert_int_equal(run_all(big, len).status, line <= most[i] ? 0 : 414);
        }
    }
    /* Without a line end in sight. */
    memset(big, 'a', 2000);
    assert_int_equal(run_all(big, 1000).status, -1);
    assert_int_equal(run_all(big, 1001).status, 414);
}

static void test_head__all_of_it__431_from_one_over_the_limit(void **state)
{
    (void)state;
    limits.head_bytes = 300;
    for (size_t len = 298; len <= 302; len++) {
        size_t n = (size_t)snprintf(big, sizeof(big), "GET / HTTP/1.1\r\nHost: h\r\nA: ");
        memset(big + n, 'a', len - n - 4);
        memcpy(big + len - 4, "\r\n\r\n", 4);
        assert_int_equal(run_all(big, len).status, len <= 300 ? 0 : 431);
    }
    /* A request line that alone is over it is too long a line. */
    size_t len = with_request_line(301, "Host: h\r\n\r\n");
    assert_int_equal(run_all(big, len).status, 414);
}

static void test_head__fields__431_from_one_over_the_limit(void **state)
{
    (void)state;
    static const uint64_t most[] = {1, 2, 16, 17, 100, 1000};
    limits.head_bytes = sizeof(big);
    for (size_t i = 0; i < COUNT(most); i++) {
        limits.field_count = most[i];
        for (size_t count = most[i]; count <= most[i] + 1; count++) {
            struct outcome o;
            size_t n = (size_t)snprintf(big, sizeof(big), "GET / HTTP/1.1\r\nHost: h\r\n");
            for (size_t k = 1; k < count; k++)
                n += (size_t)snprintf(big + n, sizeof(big) - n, "F%zu: x\r\n", k);
            n += (size_t)snprintf(big + n, sizeof(big) - n, "\r\n");
            run(&o, big, n, n, n);
            assert_int_equal(o.status, count <= most[i] ? 0 : 431);
        }
    }
}

/* With the limits at their defaults. */
static void test_head__defaults__8_KiB_line_and_16_KiB_head(void **state)
{
    (void)state;
    struct outcome o;
    for (size_t over = 0; over <= 1; over++) {
        size_t len = with_request_line(8192 + over, "Host: h\r\n\r\n");
        run(&o, big, len, len, len);
        assert_int_equal(o.status, over ? 414 : 0);
        len = (size_t)snprintf(big, sizeof(big), "GET / HTTP/1.1\r\nHost: h\r\nA: ");
        memset(big + len, 'a', 16384 + over - len - 4);
        memcpy(big + 16384 + over - 4, "\r\n\r\n", 4);
        run(&o, big, 16384 + over, 16384 + over, 1);
        assert_int_equal(o.status, over ? 431 : 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_head__request_lines__strictly_three_parts, setup),
        cmocka_unit_test_setup(test_head__request_targets__of_the_four_forms, setup),
        cmocka_unit_test_setup(test_head__field_lines__nothing_that_others_may_read_otherwise, setup),
        cmocka_unit_test_setup(test_head__host__one_and_valid, setup),
        cmocka_unit_test_setup(test_head__framing__never_ambiguous, setup),
        cmocka_unit_test_setup(test_head__expect__only_100_continue_is_met, setup),
        cmocka_unit_test_setup(test_head__taken__understood_as, setup),
        cmocka_unit_test_setup(test_head__refused__request_line_is_kept_as_far_as_it_was_read, setup),
        cmocka_unit_test_setup(test_head__request_line__414_from_one_over_the_limit, setup),
        cmocka_unit_test_setup(test_head__all_of_it__431_from_one_over_the_limit, setup),
        cmocka_unit_test_setup(test_head__fields__431_from_one_over_the_limit, setup),
        cmocka_unit_test_setup(test_head__defaults__8_KiB_line_and_16_KiB_head, setup),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
