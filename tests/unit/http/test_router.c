/* The router: which pattern wins, what is offered, and that the order of adding does not matter. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "http/router.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static void on_request(struct pst_exchange *ex, void *arg)
{
    (void)ex;
    (void)arg;
}

/* The handler's arg is the pattern itself, so that a match can be named. */
static int add(struct pst_router *router, const char *pattern)
{
    struct pst_handler handler = {.on_request = on_request, .arg = (void *)(uintptr_t)pattern};
    return pst_router_add(router, pattern, &handler);
}

static struct pst_router *router_of(const char *const patterns[], size_t count)
{
    struct pst_router *router = NULL;
    assert_int_equal(pst_router_new(&router), 0);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(add(router, patterns[i]), 0);
    return router;
}

static const char *winner(const struct pst_match *match)
{
    return match->route ? match->route->handler.arg : "";
}

/* ---- methods: RFC 9110 9.1 ---- */

static void test_method_of__table__case_sensitive(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum pst_method method;
    } rows[] = {
        {"GET", PST_METHOD_GET},         {"HEAD", PST_METHOD_HEAD},       {"POST", PST_METHOD_POST},
        {"PUT", PST_METHOD_PUT},         {"DELETE", PST_METHOD_DELETE},   {"PATCH", PST_METHOD_PATCH},
        {"OPTIONS", PST_METHOD_OPTIONS}, {"get", PST_METHOD_UNKNOWN},     {"GETT", PST_METHOD_UNKNOWN},
        {"GE", PST_METHOD_UNKNOWN},      {"CONNECT", PST_METHOD_UNKNOWN}, {"", PST_METHOD_UNKNOWN},
        {"TRACE", PST_METHOD_UNKNOWN},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_int_equal(pst_method_of(pst_slice_str(rows[i].name)), rows[i].method);
        if (rows[i].method != PST_METHOD_UNKNOWN)
            assert_string_equal(pst_method_name(rows[i].method), rows[i].name);
    }
    assert_string_equal(pst_method_name(PST_METHOD_UNKNOWN), "");
}

/* ---- patterns ---- */

static void test_router_add__bad_patterns__syntax(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",        " ",          "GET",     "GET ",      "GET a",      "/a",
        " /a",     "GET  /a",    "get /a",  "HEAD /a",   "TRACE /a",   "CONNECT /",
        "BREW /a", "GET /a b",   "GET /a ", "GET /a*",   "GET *",      "GET /*/a",
        "GET /**", "GET /a/*/",  "GET /*a", "GET /a*/b", "GET /a/*/*", "OPTIONS *",
        "GET\t/a", "GET,POST /", "* /a",    "GET/a",     "GET /a/**",  "GET http://localhost/a",
    };
    struct pst_router *router = router_of(NULL, 0);
    for (size_t i = 0; i < COUNT(rows); i++)
        if (add(router, rows[i]) != PST_E_SYNTAX)
            fail_msg("'%s' was taken", rows[i]);
    assert_int_equal(pst_router_count(router), 0);
    pst_router_free(router);
}

static void test_router_add__nothing_to_call__inval(void **state)
{
    (void)state;
    struct pst_router *router = router_of(NULL, 0);
    struct pst_handler handler = {.on_request = NULL};
    assert_int_equal(pst_router_add(router, "GET /", &handler), PST_E_INVAL);
    assert_int_equal(pst_router_add(router, "GET /", NULL), PST_E_INVAL);
    handler.on_request = on_request;
    assert_int_equal(pst_router_add(router, NULL, &handler), PST_E_INVAL);
    pst_router_free(router);
    pst_router_free(NULL);
}

static void test_router_add__same_pattern_twice__exists(void **state)
{
    (void)state;
    static const char *const patterns[] = {"GET /a", "GET /a/*", "POST /a", "GET /*"};
    struct pst_router *router = router_of(patterns, COUNT(patterns));
    for (size_t i = 0; i < COUNT(patterns); i++)
        assert_int_equal(add(router, patterns[i]), PST_E_EXISTS);
    assert_int_equal(pst_router_count(router), COUNT(patterns));
    for (size_t i = 0; i < COUNT(patterns); i++) { /* numbered in the order of adding */
        assert_int_equal(pst_router_at(router, i)->index, i);
        assert_string_equal(pst_router_at(router, i)->handler.arg, patterns[i]);
    }
    pst_router_free(router);
}

/* ---- who wins ---- */

static const char *const site[] = {
    "GET /",        "GET /*",           "GET /echo",    "POST /echo",     "GET /echo/*",
    "POST /echo/*", "POST /echo/body",  "GET /files/*", "GET /files/a/*", "PUT /files/a/b",
    "DELETE /*",    "GET /files/a/b/c", "OPTIONS /own", "GET /a%20b",     "POST /post/*",
};

static void test_router_find__table__most_specific_wins(void **state)
{
    (void)state;
    static const struct {
        enum pst_method method;
        const char *path, *pattern, *rest;
    } rows[] = {
        {PST_METHOD_GET, "/", "GET /", ""},
        {PST_METHOD_GET, "/x", "GET /*", "x"},
        {PST_METHOD_GET, "/x/y/", "GET /*", "x/y/"},
        {PST_METHOD_GET, "/echo", "GET /echo", ""},
        {PST_METHOD_GET, "/echo/", "GET /echo/*", ""}, /* below it is nothing, which is something */
        {PST_METHOD_GET, "/echo/x", "GET /echo/*", "x"},
        {PST_METHOD_GET, "/echo/body", "GET /echo/*", "body"}, /* that path is POST's alone */
        {PST_METHOD_POST, "/echo/body", "POST /echo/body", ""},
        {PST_METHOD_POST, "/echo/body/", "POST /echo/*", "body/"},
        {PST_METHOD_POST, "/echo", "POST /echo", ""},
        {PST_METHOD_GET, "/echox", "GET /*", "echox"},
        {PST_METHOD_GET, "/ech", "GET /*", "ech"},
        {PST_METHOD_GET, "/files", "GET /*", "files"}, /* "/files/" + "*" is what is below */
        {PST_METHOD_GET, "/files/", "GET /files/*", ""},
        {PST_METHOD_GET, "/files/a", "GET /files/*", "a"},
        {PST_METHOD_GET, "/files/a/", "GET /files/a/*", ""},
        {PST_METHOD_GET, "/files/a/b", "GET /files/a/*", "b"},
        {PST_METHOD_GET, "/files/a/b/c", "GET /files/a/b/c", ""},
        {PST_METHOD_GET, "/files/a/b/c/d", "GET /files/a/*", "b/c/d"},
        {PST_METHOD_GET, "/files//a", "GET /files/*", "/a"},
        {PST_METHOD_GET, "//", "GET /*", "/"},
        {PST_METHOD_PUT, "/files/a/b", "PUT /files/a/b", ""},
        {PST_METHOD_PUT, "/files/a/c", "", ""},
        {PST_METHOD_DELETE, "/files/a/b", "DELETE /*", "files/a/b"}, /* less specific, but the only one */
        {PST_METHOD_POST, "/post/", "POST /post/*", ""},
        {PST_METHOD_POST, "/post", "", ""},
        {PST_METHOD_PATCH, "/", "", ""},
        {PST_METHOD_OPTIONS, "/own", "OPTIONS /own", ""},
        {PST_METHOD_OPTIONS, "/", "", ""},
        {PST_METHOD_HEAD, "/echo/x", "GET /echo/*", "x"},
        {PST_METHOD_HEAD, "/", "GET /", ""},
        {PST_METHOD_GET, "/a b", "GET /*", "a b"}, /* patterns are compared with decoded paths */
        {PST_METHOD_GET, "/a%20b", "GET /a%20b", ""},
        {PST_METHOD_GET, "/ECHO", "GET /*", "ECHO"},
        {PST_METHOD_UNKNOWN, "/", "", ""},
    };
    struct pst_router *router = router_of(site, COUNT(site));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_match match = pst_router_find(router, rows[i].method, pst_slice_str(rows[i].path));
        if (strcmp(winner(&match), rows[i].pattern) != 0 ||
            !pst_slice_eq(match.rest, pst_slice_str(rows[i].rest)))
            fail_msg("row %zu, %s: '%s', rest '%.*s'", i, rows[i].path, winner(&match), PST_FMT(match.rest));
    }
    pst_router_free(router);
}

static void test_router_find__nothing_mounted__nothing_offered(void **state)
{
    (void)state;
    struct pst_router *router = router_of(NULL, 0);
    struct pst_match match = pst_router_find(router, PST_METHOD_GET, PST_SLICE("/"));
    assert_null(match.route);
    assert_int_equal(match.allowed, 0);
    pst_router_free(router);
}

#define BIT(name) (1u << PST_METHOD_##name)

/* RFC 9110 10.2.1 Allow: what the path offers, by whichever pattern; HEAD comes with GET. */
static void test_router_find__method_not_offered__allowed_names_the_others(void **state)
{
    (void)state;
    static const struct {
        enum pst_method method;
        const char *path;
        uint32_t allowed;
    } rows[] = {
        {PST_METHOD_PATCH, "/", BIT(GET) | BIT(HEAD) | BIT(DELETE)},
        {PST_METHOD_PATCH, "/echo", BIT(GET) | BIT(HEAD) | BIT(POST) | BIT(DELETE)},
        {PST_METHOD_PATCH, "/files/a/b", BIT(GET) | BIT(HEAD) | BIT(PUT) | BIT(DELETE)},
        {PST_METHOD_PUT, "/post/x", BIT(GET) | BIT(HEAD) | BIT(POST) | BIT(DELETE)},
        {PST_METHOD_UNKNOWN, "/own", BIT(GET) | BIT(HEAD) | BIT(OPTIONS) | BIT(DELETE)},
    };
    struct pst_router *router = router_of(site, COUNT(site));
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_match match = pst_router_find(router, rows[i].method, pst_slice_str(rows[i].path));
        assert_null(match.route);
        if (match.allowed != rows[i].allowed)
            fail_msg("%s: allowed %x, not %x", rows[i].path, match.allowed, rows[i].allowed);
    }
    pst_router_free(router);
}

/* ---- against a naive model ---- */

static uint64_t random_state = 88172645463325252U;

static unsigned random_below(unsigned n)
{
    random_state ^= random_state << 13;
    random_state ^= random_state >> 7;
    random_state ^= random_state << 17;
    return (unsigned)(random_state >> 33) % n;
}

/* Short paths over a small alphabet, so that they often begin alike. */
static size_t random_path(char *dst)
{
    size_t len = 1 + random_below(7);
    dst[0] = '/';
    for (size_t i = 1; i < len; i++)
        dst[i] = "/ab"[random_below(3)];
    dst[len] = '\0';
    return len;
}

/* How specific a pattern's path is for this path: 0 not at all, the exact one most. */
static size_t score(const char *pattern_path, const char *path)
{
    size_t len = strlen(pattern_path);
    if (pattern_path[len - 1] != '*')
        return strcmp(pattern_path, path) == 0 ? SIZE_MAX : 0;
    return strncmp(pattern_path, path, len - 1) == 0 ? len - 1 : 0;
}

static void test_router_find__random_patterns_in_random_order__agree_with_the_model(void **state)
{
    (void)state;
    enum { ROUNDS = 300, PATTERNS = 40, LOOKUPS = 100 };
    static char patterns[PATTERNS][24];
    size_t matches = 0;
    for (int round = 0; round < ROUNDS; round++) {
        struct pst_router *router = router_of(NULL, 0);
        size_t count = 0;
        for (int i = 0; i < PATTERNS; i++) {
            char path[16];
            size_t len = random_path(path);
            bool is_prefix = path[len - 1] == '/' && random_below(2);
            snprintf(patterns[count], sizeof(patterns[0]), "%s %s%s", random_below(2) ? "GET" : "PUT", path,
                     is_prefix ? "*" : "");
            int err = add(router, patterns[count]);
            assert_true(err == 0 || err == PST_E_EXISTS);
            count += err == 0;
        }
        for (int i = 0; i < LOOKUPS; i++) {
            char path[16];
            random_path(path);
            bool is_put = random_below(2);
            size_t best = 0;
            uint32_t allowed = 0;
            const char *expected = "";
            for (size_t k = 0; k < count; k++) {
                size_t s = score(patterns[k] + 4, path);
                if (s)
                    allowed |= patterns[k][0] == 'P' ? BIT(PUT) : BIT(GET) | BIT(HEAD);
                if (s > best && (patterns[k][0] == 'P') == is_put) {
                    best = s;
                    expected = patterns[k];
                }
            }
            struct pst_match match =
                pst_router_find(router, is_put ? PST_METHOD_PUT : PST_METHOD_HEAD, pst_slice_str(path));
            if (strcmp(winner(&match), expected) != 0)
                fail_msg("%s: '%s', not '%s'", path, winner(&match), expected);
            if (match.route) {
                matches++;
                size_t used = best == SIZE_MAX ? strlen(path) : best;
                assert_true(pst_slice_eq(match.rest, pst_slice_str(path + used)));
            } else {
                assert_int_equal(match.allowed, allowed);
            }
        }
        pst_router_free(router);
    }
    assert_true(matches > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_method_of__table__case_sensitive),
        cmocka_unit_test(test_router_add__bad_patterns__syntax),
        cmocka_unit_test(test_router_add__nothing_to_call__inval),
        cmocka_unit_test(test_router_add__same_pattern_twice__exists),
        cmocka_unit_test(test_router_find__table__most_specific_wins),
        cmocka_unit_test(test_router_find__nothing_mounted__nothing_offered),
        cmocka_unit_test(test_router_find__method_not_offered__allowed_names_the_others),
        cmocka_unit_test(test_router_find__random_patterns_in_random_order__agree_with_the_model),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
