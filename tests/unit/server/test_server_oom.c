/* The server object while allocation i of the thread that sets it up fails, for every i: an error, never a
 * crash, and everything is given back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/postern.h>
#include <string.h>
#include <unistd.h>

#include "support/failmalloc.h"
#include "support/http_client.h"

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_bytes(ex, "hello", 5);
}

static int build(struct pst_server **ret_server)
{
    int err = pst_server_new(ret_server);
    if (!err)
        err = pst_server_workers(*ret_server, 2);
    if (!err)
        err = pst_server_handle(*ret_server, "GET /hello", on_hello, NULL);
    if (!err)
        err = pst_server_listen_http(*ret_server, "127.0.0.1:0");
    if (!err)
        err = pst_server_start(*ret_server);
    return err;
}

static void test_server__allocation_i_fails__nomem_and_all_is_given_back(void **state)
{
    (void)state;
    struct pst_server *first = NULL;
    assert_int_equal(pst_server_new(&first), 0); /* what is set up once a process is not tried again */
    pst_server_free(first);
    size_t i = 1;
    for (;; i++) {
        struct pst_server *server = NULL;
        failmalloc_arm(i, 1);
        int err = build(&server);
        bool has_failed = failmalloc_disarm();
        if (err) {
            assert_true(has_failed);
            assert_int_equal(err, PST_E_NOMEM);
            if (server)
                assert_true(strlen(pst_server_error(server)) > 0);
        } else {
            int fd = http_client_of(server);
            assert_string_equal(http_gets(fd, "/hello"), "hello");
            close(fd);
            pst_server_stop(server);
            assert_int_equal(pst_server_wait(server), 0);
        }
        pst_server_free(server);
        if (!has_failed)
            break;
    }
    assert_true(i > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server__allocation_i_fails__nomem_and_all_is_given_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
