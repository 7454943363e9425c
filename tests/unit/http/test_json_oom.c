/* JSON written and sent when allocation i fails, for every i, and all after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/json.h>

#include "support/bare_exchange.h"
#include "support/failmalloc.h"

static void write_much(struct pst_json *json)
{
    pst_json_array(json);
    for (int i = 0; i < 400; i++) {
        pst_json_object(json);
        pst_json_name(json, "name");
        pst_json_string(json, PST_SLICE("some \"text\""));
        pst_json_name(json, "numbers");
        pst_json_array(json);
        pst_json_int(json, -i);
        pst_json_null(json);
        pst_json_end_array(json);
        pst_json_end_object(json);
    }
    pst_json_end_array(json);
}

static void test_reply_json__allocation_i_fails__whole_or_not_at_all(void **state)
{
    (void)state;
    struct bare_exchange bench;
    bare_init(&bench);
    for (size_t i = 1;; i++) {
        bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
        struct pst_json json = {0};
        failmalloc_arm(i, FAILMALLOC_ALL);
        write_much(&json);
        int err = pst_reply_json(bench.ex, &json);
        bool has_failed = failmalloc_disarm();
        assert_null(json.text.ptr);
        assert_int_equal(err, has_failed ? PST_E_NOMEM : 0);
        assert_int_equal(pst_exchange_replied(bench.ex), err == 0);
        if (has_failed)
            continue;
        const struct pst_reply *r = &bench.ex->reply;
        assert_int_equal(pst_json_check(pst_slice_of(r->bytes, (size_t)r->length), 3, NULL), 0);
        assert_true(r->length > 8192); /* more than the exchange's own memory holds */
        assert_true(i > 3);
        break;
    }
    bare_fini(&bench);
}

static void test_reply_json_error__out_of_memory__the_status_goes_out(void **state)
{
    (void)state;
    struct bare_exchange bench;
    bare_init(&bench);
    bare_request(&bench, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
    failmalloc_arm(1, FAILMALLOC_ALL);
    assert_int_equal(pst_reply_json_error(bench.ex, 422, "why"), 0);
    assert_true(failmalloc_disarm());
    assert_int_equal(bench.ex->reply.status, 422);
    assert_int_equal(bench.ex->reply.kind, PST_BODY_NONE);
    assert_true(pst_exchange_replied(bench.ex));
    bare_fini(&bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_json__allocation_i_fails__whole_or_not_at_all),
        cmocka_unit_test(test_reply_json_error__out_of_memory__the_status_goes_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
