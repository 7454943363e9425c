/* The router when memory runs out: a pattern that was not added leaves everything as it was. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "http/router.h"
#include "support/failmalloc.h"

static void on_request(struct pst_exchange *ex, void *arg)
{
    (void)ex;
    (void)arg;
}

static const char *const patterns[] = {"GET /b", "GET /*", "PUT /b", "GET /a", "PUT /a/*", "GET /a/*"};
enum { PATTERNS = sizeof(patterns) / sizeof(patterns[0]) };

/* Adds all; what fails for want of memory is tried again, once there is some. */
static int build(struct pst_router *router, size_t *ret_failed)
{
    for (size_t i = 0; i < PATTERNS; i++) {
        struct pst_handler handler = {.on_request = on_request, .arg = (void *)(uintptr_t)patterns[i]};
        int err = pst_router_add(router, patterns[i], &handler);
        if (err == PST_E_NOMEM) {
            ++*ret_failed;
            failmalloc_disarm();
            err = pst_router_add(router, patterns[i], &handler);
        }
        if (err)
            return err;
    }
    return 0;
}

static void test_router_add__allocation_i_fails__nomem_and_nothing_changed(void **state)
{
    (void)state;
    size_t i = 1;
    for (;; i++) {
        struct pst_router *router = NULL;
        size_t failed = 0;
        failmalloc_arm(i, 1);
        int err = pst_router_new(&router);
        if (err) {
            assert_int_equal(err, PST_E_NOMEM);
            assert_true(failmalloc_disarm());
            continue;
        }
        assert_int_equal(build(router, &failed), 0);
        failmalloc_disarm();
        assert_int_equal(pst_router_count(router), PATTERNS);
        struct pst_match match = pst_router_find(router, PST_METHOD_GET, PST_SLICE("/a/x"));
        assert_non_null(match.route);
        assert_string_equal(match.route->handler.arg, "GET /a/*");
        match = pst_router_find(router, PST_METHOD_PUT, PST_SLICE("/b"));
        assert_non_null(match.route);
        assert_string_equal(match.route->handler.arg, "PUT /b");
        pst_router_free(router);
        if (!failed)
            break;
    }
    assert_true(i > PATTERNS);
}

/* A path whose first pattern failed offers nothing. */
static void test_router_find__after_a_failed_add__path_is_unknown(void **state)
{
    (void)state;
    struct pst_handler handler = {.on_request = on_request};
    for (size_t i = 1; i <= 4; i++) {
        struct pst_router *router = NULL;
        assert_int_equal(pst_router_new(&router), 0);
        failmalloc_arm(i, FAILMALLOC_ALL);
        int err = pst_router_add(router, "GET /a", &handler);
        bool has_failed = failmalloc_disarm();
        assert_int_equal(err, has_failed ? PST_E_NOMEM : 0);
        struct pst_match match = pst_router_find(router, PST_METHOD_GET, PST_SLICE("/a"));
        assert_int_equal(match.route != NULL, !has_failed);
        if (has_failed)
            assert_int_equal(match.allowed, 0);
        pst_router_free(router);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_router_add__allocation_i_fails__nomem_and_nothing_changed),
        cmocka_unit_test(test_router_find__after_a_failed_add__path_is_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
