/* Forms when memory runs out: allocation i fails, for every i, and all after it. The reader itself allocates
 * once, whatever it reads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/form.h>
#include <postern/http.h>
#include <postern/server.h>
#include <stdio.h>
#include <string.h>

#include "support/bare_exchange.h"
#include "support/failmalloc.h"
#include "support/form_account.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))
#define FIELD(name)  "--b\r\nContent-Disposition: form-data; name=" name "\r\n\r\n"

static const struct {
    const char *type, *body;
} rows[] = {
    {"application/x-www-form-urlencoded", "a=1&b=%C3%BC&c&d=x&_charset_=utf-8"},
    {"multipart/form-data; boundary=b",
     FIELD("a") "1\r\n" FIELD("b; filename=x") "\r\n--c\r\n" FIELD("_charset_") "koi8-r\r\n--b--\r\n"},
};

static void test_form_new__allocation_i_fails__only_the_first_counts(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT(rows); row++) {
        for (size_t i = 1; i <= 2; i++) {
            struct pst_limits limits;
            struct pst_form *form;
            struct form_account a = {0};
            pst_text_addf(&a.text, "%400s",
                          ""); /* the account's own memory, so that only the reader's fails */
            a.text.len = 0;
            pst_limits_init(&limits);
            failmalloc_arm(i, FAILMALLOC_ALL);
            int err = pst_form_new(&form, pst_slice_str(rows[row].type), &limits, &form_account_events, &a);
            if (i == 2) {
                assert_int_equal(err, 0);
                assert_int_equal(pst_form_feed(form, rows[row].body, strlen(rows[row].body)), 0);
                assert_int_equal(pst_form_finish(form), 0);
                assert_true(a.text.len > 0);
            }
            bool failed = failmalloc_disarm();
            assert_int_equal(failed, i == 1);
            assert_int_equal(err, failed ? PST_E_NOMEM : 0);
            if (failed)
                assert_null(form);
            pst_form_free(form);
            form_account_free(&a);
        }
    }
}

static void test_form_text__allocation_i_fails__shown(void **state)
{
    (void)state;
    static const char *const charsets[] = {"utf-8", "latin1", "windows-1251", "what"};
    for (size_t n = 0; n < COUNT(charsets); n++) {
        char bytes[600];
        memset(bytes, 0xc3, sizeof bytes);
        bool failed = true;
        for (size_t i = 1; failed; i++) {
            struct pst_text t = {0};
            failmalloc_arm(i, FAILMALLOC_ALL);
            pst_form_text(&t, pst_slice_of(bytes, sizeof bytes), pst_slice_str(charsets[n]));
            failed = failmalloc_disarm();
            assert_int_equal(t.failed, failed);
            assert_true(failed || i > 1);
            pst_text_free(&t);
        }
    }
}

static int last_err;
static size_t last_count, fail_from;

static void read_form(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_form_data data;
    failmalloc_arm(fail_from, FAILMALLOC_ALL);
    last_err = pst_form_read(ex, &data);
    bool failed = failmalloc_disarm();
    assert_int_equal(last_err, failed ? PST_E_NOMEM : 0);
    assert_string_equal(data.why, "");
    last_count = data.count;
    assert_int_equal(pst_reply_empty(ex), 0);
}

static void test_form_read__allocation_i_fails__nomem_and_nothing_leaks(void **state)
{
    (void)state;
    for (size_t row = 0; row < COUNT(rows); row++) {
        last_err = PST_E_NOMEM;
        for (fail_from = 1; last_err != 0; fail_from++) {
            struct bare_exchange b;
            char head[256];
            bare_init(&b);
            const struct pst_handler handler = {.on_request = read_form};
            assert_int_equal(pst_server_route(b.w.server, "POST /form", &handler), 0);
            (void)snprintf(
                head, sizeof head,
                "POST /form HTTP/1.1\r\nHost: h\r\nContent-Type: %s\r\nContent-Length: %zu\r\n\r\n",
                rows[row].type, strlen(rows[row].body));
            bare_request(&b, head);
            /* Nothing is left of the exchange's own block, so that its arena allocates, too. */
            assert_non_null(pst_exchange_alloc(b.ex, (size_t)(b.ex->arena.end - b.ex->arena.cur)));
            pst_exchange_dispatch(b.ex);
            pst_exchange_feed(b.ex, rows[row].body, strlen(rows[row].body), true);
            assert_int_equal(last_count, last_err ? 0 : row == 0 ? 4 : 2);
            bare_fini(&b);
        }
        assert_true(fail_from > 6);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_form_new__allocation_i_fails__only_the_first_counts),
        cmocka_unit_test(test_form_text__allocation_i_fails__shown),
        cmocka_unit_test(test_form_read__allocation_i_fails__nomem_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
