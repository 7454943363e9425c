/* Request targets, paths and authorities. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static uint64_t random_state = 88172645463325252U;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

/* A copy in memory of its very length, so that the address sanitizer sees every byte read too far. */
static struct pst_slice exact_copy(const char *text, size_t len)
{
    char *copy = malloc(len ? len : 1);
    assert_non_null(copy);
    memcpy(copy, text, len);
    return pst_slice_of(copy, len);
}

static void free_copy(struct pst_slice s)
{
    free((char *)(uintptr_t)s.ptr);
}

/* ---- targets ---- */

static void assert_text(struct pst_slice got, const char *expected, const char *target)
{
    if (!pst_slice_eq(got, pst_slice_str(expected)))
        fail_msg("%s: got '%.*s', not '%s'", target, PST_FMT(got), expected ? expected : "");
}

/* RFC 9112 3.2 Request Target */
static void test_target_parse__valid__taken_apart(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
        int form;
        const char *scheme, *authority, *path, *query; /* query NULL: there is none */
    } rows[] = {
        {"GET", "/", PST_TARGET_ORIGIN, "", "", "/", NULL},
        {"GET", "/a/b.html", PST_TARGET_ORIGIN, "", "", "/a/b.html", NULL},
        {"GET", "/a?b=c&d", PST_TARGET_ORIGIN, "", "", "/a", "b=c&d"},
        {"GET", "/a?", PST_TARGET_ORIGIN, "", "", "/a", ""},
        {"GET", "/?a/b?c:@", PST_TARGET_ORIGIN, "", "", "/", "a/b?c:@"},
        {"GET", "//host/a", PST_TARGET_ORIGIN, "", "", "//host/a", NULL},
        {"GET", "/a?q=100%", PST_TARGET_ORIGIN, "", "", "/a", "q=100%"},
        {"GET", "/a?%zz\\%f", PST_TARGET_ORIGIN, "", "", "/a", "%zz\\%f"},
        {"GET", "/%41%2f%00%fF?%2F", PST_TARGET_ORIGIN, "", "", "/%41%2f%00%fF", "%2F"},
        {"GET", "/-._~!$&'()*+,;=:@", PST_TARGET_ORIGIN, "", "", "/-._~!$&'()*+,;=:@", NULL},
        {"GET", "/[]^`{|}?[]^`{|}", PST_TARGET_ORIGIN, "", "", "/[]^`{|}", "[]^`{|}"},
        {"OPTIONS", "/x", PST_TARGET_ORIGIN, "", "", "/x", NULL},
        {"get", "/x", PST_TARGET_ORIGIN, "", "", "/x", NULL},
        {"OPTIONS", "*", PST_TARGET_ASTERISK, "", "", "", NULL},
        {"GET", "http://a/b?c", PST_TARGET_ABSOLUTE, "http", "a", "/b", "c"},
        {"GET", "HTTPS://A.example:8443/", PST_TARGET_ABSOLUTE, "HTTPS", "A.example:8443", "/", NULL},
        {"GET", "http://a", PST_TARGET_ABSOLUTE, "http", "a", "/", NULL},
        {"GET", "http://a?q", PST_TARGET_ABSOLUTE, "http", "a", "/", "q"},
        {"GET", "http://a:/b", PST_TARGET_ABSOLUTE, "http", "a:", "/b", NULL},
        {"GET", "http://[::1]:80/b", PST_TARGET_ABSOLUTE, "http", "[::1]:80", "/b", NULL},
        {"GET", "http://a//b://c", PST_TARGET_ABSOLUTE, "http", "a", "//b://c", NULL},
        {"CONNECT", "a.example:443", PST_TARGET_AUTHORITY, "", "a.example:443", "", NULL},
        {"CONNECT", "[::1]:1", PST_TARGET_AUTHORITY, "", "[::1]:1", "", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice target = exact_copy(rows[i].target, strlen(rows[i].target));
        struct pst_target got;
        memset(&got, 0xa5, sizeof got);
        if (pst_target_parse(pst_slice_str(rows[i].method), target, &got) != 0)
            fail_msg("%s is refused", rows[i].target);
        assert_int_equal(got.form, rows[i].form);
        assert_text(got.scheme, rows[i].scheme, rows[i].target);
        assert_text(got.authority, rows[i].authority, rows[i].target);
        assert_text(got.raw_path, rows[i].path, rows[i].target);
        assert_text(got.query, rows[i].query, rows[i].target);
        assert_int_equal(got.has_query, rows[i].query != NULL);
        free_copy(target);
    }
}

/* RFC 9112 3.2: an invalid request-target is answered with 400. */
static void test_target_parse__invalid__syntax(void **state)
{
    (void)state;
    static const struct {
        const char *method, *target;
    } rows[] = {
        {"GET", ""},
        {"GET", "*"},
        {"options", "*"},
        {"OPTIONS", "**"},
        {"OPTIONS", "*/"},
        {"GET", "a"},
        {"GET", "index.html"},
        {"GET", "?a"},
        {"GET", "%2Fa"},
        /* RFC 3986 3.5: a target has no fragment */
        {"GET", "/a#b"},
        {"GET", "/a?b#c"},
        {"GET", "http://a#b"},
        /* RFC 3986 2.1 Percent-Encoding */
        {"GET", "/%"},
        {"GET", "/%4"},
        {"GET", "/%4g"},
        {"GET", "/%g4"},
        {"GET", "/%%41"},
        {"GET", "/%-1"},
        {"GET", "/%\xc3\xa9"},
        /* bytes that no URI holds */
        {"GET", "/a b"},
        {"GET", "/a\tb"},
        {"GET", "/a\rb"},
        {"GET", "/a\nb"},
        {"GET", "/\x7f"},
        {"GET", "/\x01"},
        {"GET", "/\xc3\xa9"},
        {"GET", "/?\xff"},
        {"GET", "/a\\b"},
        {"GET", "/\"a\""},
        {"GET", "/?\"a\""},
        {"GET", "/<a>"},
        {"GET", "/?<a>"},
        {"GET", "/a?b c"},
        /* RFC 9112 3.2.2 absolute-form: http and https with an authority */
        {"GET", "http:"},
        {"GET", "http:/"},
        {"GET", "http:/a"},
        {"GET", "http://"},
        {"GET", "http:///a"},
        {"GET", "http://?a"},
        {"GET", "http://:80/a"},
        {"GET", "http//a"},
        {"GET", "ftp://a/"},
        {"GET", "httpx://a/"},
        {"GET", "htt://a/"},
        {"GET", "://a/"},
        {"GET", "file:///etc/passwd"},
        {"GET", "urn:a"},
        {"GET", "http://user@a/"},
        {"GET", "http://user:pw@a/"},
        {"GET", "http://a:65536/"},
        {"GET", "http://a:x/"},
        {"GET", "http://a b/"},
        {"GET", "http://a\\b/"},
        {"GET", "http://[::1/"},
        {"GET", "http://a/b c"},
        /* RFC 9112 3.2.3 authority-form: only with CONNECT, which has no other; RFC 9110 9.3.6 wants a port
         */
        {"GET", "a:80"},
        {"GET", "http:80"},
        {"CONNECT", "/"},
        {"CONNECT", "*"},
        {"CONNECT", "http://a:80/"},
        {"CONNECT", "a"},
        {"CONNECT", "a:"},
        {"CONNECT", "a:0"},
        {"CONNECT", "a:65536"},
        {"CONNECT", ":80"},
        {"CONNECT", "a:80/"},
        {"CONNECT", "u@a:80"},
        {"CONNECT", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice target = exact_copy(rows[i].target, strlen(rows[i].target));
        struct pst_target got;
        if (pst_target_parse(pst_slice_str(rows[i].method), target, &got) != PST_E_SYNTAX)
            fail_msg("%s %s is not refused", rows[i].method, rows[i].target);
        free_copy(target);
    }
}

/* RFC 3986 3.3, 3.4: pchar; and the decision in uri.h about what browsers send raw. */
static void test_target_parse__every_byte__allowed_as_the_contract_says(void **state)
{
    (void)state;
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                  "-._~!$&'()*+,;=:@/[]^`{|}";
    for (unsigned c = 0; c < 256; c++) {
        bool ok = c != 0 && strchr(allowed, (int)c) != NULL;
        char path[] = "/a b", query[] = "/?a b";
        path[2] = query[3] = (char)c;
        struct pst_target got;
        int path_err = pst_target_parse(PST_SLICE("GET"), pst_slice_of(path, 4), &got);
        assert_int_equal(path_err, ok || c == '?' ? 0 : PST_E_SYNTAX);
        int query_err = pst_target_parse(PST_SLICE("GET"), pst_slice_of(query, 5), &got);
        assert_int_equal(query_err, ok || c == '?' || c == '%' || c == '\\' ? 0 : PST_E_SYNTAX);
    }
}

/* ---- paths ---- */

/* RFC 3986 5.2.4 Remove Dot Segments, 2.4 When to Encode or Decode, 6.2.2 Syntax-Based Normalization */
static void test_path_decode__table__decoded_once(void **state)
{
    (void)state;
    static const struct {
        const char *raw;
        int err;
        const char *path;
    } rows[] = {
        {"/", 0, "/"},
        {"/a", 0, "/a"},
        {"/index.html", 0, "/index.html"},
        {"/a/b/c/", 0, "/a/b/c/"},
        {"//", 0, "//"},
        {"//a///b//", 0, "//a///b//"},
        {"/%41", 0, "/A"},
        {"/%c3%A9", 0, "/\xc3\xa9"},
        {"/a%20b", 0, "/a b"},
        {"/%25", 0, "/%"},
        {"/%2541", 0, "/%41"},
        {"/%252e%252e/", 0, "/%2e%2e/"},
        {"/%2f", 0, "/%2F"},
        {"/a%2Fb", 0, "/a%2Fb"},
        {"/%252F", 0, "/%2F"},
        {"/a%5cb", 0, "/a\\b"},
        {"/%01%7f%ff", 0, "/\x01\x7f\xff"},
        /* dot segments */
        {"/.", 0, "/"},
        {"/./", 0, "/"},
        {"/./a", 0, "/a"},
        {"/a/.", 0, "/a/"},
        {"/a/./b", 0, "/a/b"},
        {"/a/..", 0, "/"},
        {"/a/../", 0, "/"},
        {"/a/../b", 0, "/b"},
        {"/a/b/..", 0, "/a/"},
        {"/a/b/../", 0, "/a/"},
        {"/a/b/../..", 0, "/"},
        {"/a/b/c/./../../g", 0, "/a/g"},
        {"/mid/content=5/../6", 0, "/mid/6"},
        {"//..", 0, "/"},
        {"//../a", 0, "/a"},
        {"/a//../b", 0, "/a/b"},
        {"/a/.//b", 0, "/a//b"},
        {"/a/..//b", 0, "//b"},
        {"/...", 0, "/..."},
        {"/.a", 0, "/.a"},
        {"/..a/a..", 0, "/..a/a.."},
        {"/a./b../.c", 0, "/a./b../.c"},
        {"/.htaccess", 0, "/.htaccess"},
        /* encoded dots are dots */
        {"/%2e", 0, "/"},
        {"/%2E/a", 0, "/a"},
        {"/a/%2e%2e", 0, "/"},
        {"/a/.%2e/b", 0, "/b"},
        {"/a/%2e./b", 0, "/b"},
        {"/a/%2e%2e%2e", 0, "/a/..."},
        /* an encoded slash makes no segment */
        {"/a/..%2fb", 0, "/a/..%2Fb"},
        {"/a/%2e%2e%2f%2e%2e", 0, "/a/..%2F.."},
        {"/..%2f..%2fetc", 0, "/..%2F..%2Fetc"},
        /* above the root */
        {"/..", PST_E_RANGE, NULL},
        {"/../", PST_E_RANGE, NULL},
        {"/../a", PST_E_RANGE, NULL},
        {"/./..", PST_E_RANGE, NULL},
        {"/%2e%2e/etc", PST_E_RANGE, NULL},
        {"/.%2E", PST_E_RANGE, NULL},
        {"/a/../..", PST_E_RANGE, NULL},
        {"/a/../../a", PST_E_RANGE, NULL},
        {"/a/b/../../../a/b", PST_E_RANGE, NULL},
        /* malformed */
        {"", PST_E_SYNTAX, NULL},
        {"a", PST_E_SYNTAX, NULL},
        {"%2f", PST_E_SYNTAX, NULL},
        {"*", PST_E_SYNTAX, NULL},
        {"/%", PST_E_SYNTAX, NULL},
        {"/%4", PST_E_SYNTAX, NULL},
        {"/%4/a", PST_E_SYNTAX, NULL},
        {"/%/41", PST_E_SYNTAX, NULL},
        {"/%4g", PST_E_SYNTAX, NULL},
        {"/%u0041", PST_E_SYNTAX, NULL},
        {"/%00", PST_E_SYNTAX, NULL},
        {"/a%00.html", PST_E_SYNTAX, NULL},
        {"/a/../%00", PST_E_SYNTAX, NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice raw = exact_copy(rows[i].raw, strlen(rows[i].raw));
        char *dst = malloc(raw.len ? raw.len : 1);
        assert_non_null(dst);
        size_t len = 0;
        int err = pst_path_decode(raw, dst, &len);
        if (err != rows[i].err)
            fail_msg("%s: error %d", rows[i].raw, err);
        if (err == 0)
            assert_text(pst_slice_of(dst, len), rows[i].path, rows[i].raw);
        free(dst);
        free_copy(raw);
    }
}

#define MOST_RAW 64

/* What pst_path_decode is to do, the slow and obvious way: split at slashes, decode each, keep a stack. */
static int reference_decode(struct pst_slice raw, char *dst, size_t *ret_len)
{
    char segments[MOST_RAW][MOST_RAW + 1];
    size_t lens[MOST_RAW], depth = 0, pos = 0;
    bool is_directory = false;

    if (raw.len == 0 || raw.ptr[0] != '/')
        return PST_E_SYNTAX;
    while (pos < raw.len) {
        char segment[MOST_RAW + 1];
        size_t len = 0;
        for (pos++; pos < raw.len && raw.ptr[pos] != '/'; pos++) {
            segment[len++] = raw.ptr[pos];
            if (raw.ptr[pos] != '%')
                continue;
            char digits[3] = {0};
            if (raw.len - pos < 3)
                return PST_E_SYNTAX;
            memcpy(digits, raw.ptr + pos + 1, 2);
            unsigned long value = strtoul(digits, NULL, 16);
            if (strspn(digits, "0123456789abcdefABCDEF") != 2 || value == 0)
                return PST_E_SYNTAX;
            if (value == '/') {
                segment[len++] = '2';
                segment[len++] = 'F';
            } else {
                segment[len - 1] = (char)value;
            }
            pos += 2;
        }
        segment[len] = '\0';
        is_directory = strcmp(segment, ".") == 0 || strcmp(segment, "..") == 0;
        if (strcmp(segment, "..") == 0 && depth-- == 0)
            return PST_E_RANGE;
        if (is_directory)
            continue;
        memcpy(segments[depth], segment, len);
        lens[depth++] = len;
    }
    *ret_len = 0;
    for (size_t i = 0; i < depth; i++) {
        dst[(*ret_len)++] = '/';
        memcpy(dst + *ret_len, segments[i], lens[i]);
        *ret_len += lens[i];
    }
    if (is_directory)
        dst[(*ret_len)++] = '/';
    return 0;
}

static size_t random_raw(char raw[MOST_RAW])
{
    static const char *const pieces[] = {"/",   "/",   "/",     "a",    "b",   ".",   ".",   "..",
                                         "/..", "/.",  "%2e",   "%2E",  "%2f", "%2F", "%25", "%41",
                                         "%5c", "%c3", "%7F",   "/../", "//",  "%00", "%",   "%4",
                                         "\\",  "/a",  "/b/..", "2e",   "F",   "/%2e"};
    size_t len = 0;
    if (random_below(50) != 0)
        raw[len++] = '/';
    for (unsigned n = random_below(12); n > 0; n--) {
        /* The malformed ones seldom, or hardly any path would be whole. */
        const char *piece = pieces[random_below(COUNT(pieces))];
        if (piece[0] == '%' && piece[1] != '2' && random_below(4) != 0)
            piece = "c";
        if (len + strlen(piece) > MOST_RAW)
            break;
        while (*piece != '\0')
            raw[len++] = *piece++;
    }
    return len;
}

/* What holds for every decoded path. */
static void assert_safe(const char *path, size_t len, struct pst_slice raw)
{
    assert_true(len >= 1 && len <= raw.len);
    assert_int_equal(path[0], '/');
    assert_null(memchr(path, '\0', len));
    for (size_t start = 0; start < len; start++) {
        if (path[start] != '/')
            continue;
        size_t end = start + 1;
        while (end < len && path[end] != '/')
            end++;
        struct pst_slice segment = pst_slice_of(path + start + 1, end - start - 1);
        assert_false(pst_slice_eq(segment, PST_SLICE(".")));
        assert_false(pst_slice_eq(segment, PST_SLICE("..")));
    }
    /* Without a "%" left there is nothing to do a second time: the same again. */
    if (memchr(path, '%', len) == NULL) {
        char again[MOST_RAW];
        size_t again_len;
        assert_int_equal(pst_path_decode(pst_slice_of(path, len), again, &again_len), 0);
        assert_true(pst_slice_eq(pst_slice_of(again, again_len), pst_slice_of(path, len)));
    }
}

static void test_path_decode__random_paths__agree_with_the_reference(void **state)
{
    (void)state;
    unsigned whole = 0;
    for (int round = 0; round < 200000; round++) {
        char text[MOST_RAW], expected[MOST_RAW];
        struct pst_slice raw = exact_copy(text, random_raw(text));
        memcpy((char *)(uintptr_t)raw.ptr, text, raw.len);
        char *dst = malloc(raw.len ? raw.len : 1);
        assert_non_null(dst);
        size_t len = 0, expected_len = 0;
        int err = pst_path_decode(raw, dst, &len);
        int expected_err = reference_decode(raw, expected, &expected_len);
        if (err != expected_err || len != expected_len || memcmp(dst, expected, len) != 0)
            fail_msg("%.*s: error %d, not %d; '%.*s'", PST_FMT(raw), err, expected_err, (int)len, dst);
        if (err == 0) {
            assert_safe(dst, len, raw);
            whole++;
        }
        free(dst);
        free_copy(raw);
    }
    assert_true(whole > 20000); /* or the test would say little */
}

/* RFC 3986 6.2.2.2 Percent-Encoding Normalization: how a byte is spelt does not matter, but for the slash. */
static void test_path_decode__spelt_with_escapes__gives_the_same_path(void **state)
{
    (void)state;
    for (int round = 0; round < 50000; round++) {
        char plain[MOST_RAW], spelt[3 * MOST_RAW], a[MOST_RAW], b[3 * MOST_RAW];
        size_t plain_len = random_raw(plain), spelt_len = 0, a_len = 0, b_len = 0;
        if (memchr(plain, '%', plain_len) != NULL)
            continue;
        for (size_t i = 0; i < plain_len; i++) {
            if (plain[i] == '/' || random_below(2) == 0)
                spelt[spelt_len++] = plain[i];
            else
                spelt_len += (size_t)sprintf(spelt + spelt_len, random_below(2) ? "%%%02x" : "%%%02X",
                                             (unsigned char)plain[i]);
        }
        int a_err = pst_path_decode(pst_slice_of(plain, plain_len), a, &a_len);
        int b_err = pst_path_decode(pst_slice_of(spelt, spelt_len), b, &b_len);
        assert_int_equal(a_err, b_err);
        assert_true(pst_slice_eq(pst_slice_of(a, a_len), pst_slice_of(b, b_len)));
    }
}

/* Two paths end to end decode to their two results end to end: no byte's meaning crosses a raw slash. */
static void test_path_decode__joined_paths__split_safe(void **state)
{
    (void)state;
    for (int round = 0; round < 50000; round++) {
        char joined[2 * MOST_RAW], a[MOST_RAW], b[MOST_RAW], got[2 * MOST_RAW], expected[2 * MOST_RAW];
        size_t first = random_raw(joined), second = random_raw(joined + first), a_len, b_len, got_len;
        if (pst_path_decode(pst_slice_of(joined, first), a, &a_len) != 0 ||
            pst_path_decode(pst_slice_of(joined + first, second), b, &b_len) != 0)
            continue;
        /* A dot segment at the end left a slash, which the second path brings itself. */
        struct pst_slice last = pst_slice_of(joined, first);
        if (a[a_len - 1] == '/' && last.ptr[last.len - 1] != '/')
            a_len--;
        memcpy(expected, a, a_len);
        memcpy(expected + a_len, b, b_len);
        assert_int_equal(pst_path_decode(pst_slice_of(joined, first + second), got, &got_len), 0);
        assert_true(pst_slice_eq(pst_slice_of(got, got_len), pst_slice_of(expected, a_len + b_len)));
    }
}

/* ---- authorities ---- */

/* RFC 9110 7.2 Host, RFC 3986 3.2.2 Host, 3.2.3 Port */
static void test_authority_split__valid__host_and_port(void **state)
{
    (void)state;
    static const struct {
        const char *authority, *host;
        unsigned port;
    } rows[] = {
        {"", "", 0},
        {"a", "a", 0},
        {"localhost:8443", "localhost", 8443},
        {"www.Example.COM", "www.Example.COM", 0},
        {"a:", "a", 0},
        {"a:0", "a", 0},
        {"a:1", "a", 1},
        {"a:00080", "a", 80},
        {"a:65535", "a", 65535},
        {"127.0.0.1", "127.0.0.1", 0},
        {"127.0.0.1:80", "127.0.0.1", 80},
        {"999.1.2", "999.1.2", 0}, /* no IPv4 address, so a name */
        {"a_b-c.d~e!$&'()*+,;=", "a_b-c.d~e!$&'()*+,;=", 0},
        {"%41.example:1", "%41.example", 1},
        {"[::]", "[::]", 0},
        {"[::1]:443", "[::1]", 443},
        {"[::1]:", "[::1]", 0},
        {"[2001:DB8::7]", "[2001:DB8::7]", 0},
        {"[1:2:3:4:5:6:7:8]:9", "[1:2:3:4:5:6:7:8]", 9},
        {"[::ffff:192.0.2.1]", "[::ffff:192.0.2.1]", 0},
        {"[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]", "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255]",
         0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice authority = exact_copy(rows[i].authority, strlen(rows[i].authority));
        struct pst_slice host = {0};
        unsigned port = 99;
        if (pst_authority_check(authority) != 0 || pst_authority_split(authority, &host, &port) != 0)
            fail_msg("%s is refused", rows[i].authority);
        assert_text(host, rows[i].host, rows[i].authority);
        assert_int_equal(port, rows[i].port);
        free_copy(authority);
    }
}

/* RFC 9112 3.2: an invalid Host is answered with 400; RFC 9110 4.2.4: userinfo is an error. */
static void test_authority_check__invalid__syntax(void **state)
{
    (void)state;
    static const char *const rows[] = {
        ":",
        ":80",
        "a:65536",
        "a:99999999999999999999",
        "a:-1",
        "a:+1",
        "a:8o",
        "a: 80",
        "a:80 ",
        "a:80:80",
        "a::80",
        "::1",
        "1:2:3",
        "u@a",
        "u:p@a",
        "@a",
        "a/",
        "a?",
        "a#",
        "a b",
        " a",
        "a\t",
        "a\\b",
        "a\"",
        "<a>",
        "a|b",
        "a,b@c",
        "\xc3\xa9",
        "a\x7f",
        "%",
        "%4",
        "%zz",
        "a%",
        "[",
        "]",
        "[]",
        "[]:80",
        "[::1",
        "::1]",
        "[::1]a",
        "[::1]80",
        "[::1]:x",
        "[::1]:65536",
        "[::1]]",
        "[[::1]]",
        "[1::2::3]",
        "[12345::]",
        "[g::]",
        "[1:2:3:4:5:6:7]",
        "[fe80::1%25lo]",
        "[fe80::1%lo]",
        "[v1.a]",
        "[127.0.0.1]",
        "[::1 ]",
        "[::1]/",
        "[1:2:3:4:5:6:7:8:9]",
        "[ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.2555]",
        "[::1.2.3]",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_slice authority = exact_copy(rows[i], strlen(rows[i]));
        struct pst_slice host = PST_SLICE("untouched");
        unsigned port = 99;
        if (pst_authority_check(authority) != PST_E_SYNTAX)
            fail_msg("%s is not refused", rows[i]);
        assert_int_equal(pst_authority_split(authority, &host, &port), PST_E_SYNTAX);
        assert_text(host, "untouched", rows[i]);
        assert_int_equal(port, 99);
        free_copy(authority);
    }
    assert_int_equal(pst_authority_check(pst_slice_of("a\0b", 3)), PST_E_SYNTAX);
    assert_int_equal(pst_authority_check(pst_slice_of("[::1\0]", 6)), PST_E_SYNTAX);
    assert_int_equal(pst_authority_check(pst_slice_of(NULL, 0)), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_target_parse__valid__taken_apart),
        cmocka_unit_test(test_target_parse__invalid__syntax),
        cmocka_unit_test(test_target_parse__every_byte__allowed_as_the_contract_says),
        cmocka_unit_test(test_path_decode__table__decoded_once),
        cmocka_unit_test(test_path_decode__random_paths__agree_with_the_reference),
        cmocka_unit_test(test_path_decode__spelt_with_escapes__gives_the_same_path),
        cmocka_unit_test(test_path_decode__joined_paths__split_safe),
        cmocka_unit_test(test_authority_split__valid__host_and_port),
        cmocka_unit_test(test_authority_check__invalid__syntax),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
