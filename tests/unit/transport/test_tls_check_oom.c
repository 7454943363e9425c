/* The checks of certificates when memory runs out: allocation i fails, for every i, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/failmalloc.h"
#include "support/test_certs.h"
#include "transport/tls_check.h"

static void ignore(void *arg, enum pst_tls_grade grade, const char *topic, const char *text,
                   const char *remedy)
{
    (void)arg;
    (void)grade;
    (void)topic;
    (void)text;
    (void)remedy;
}

static void test_chain__allocation_i_fails__leaks_nothing(void **state)
{
    (void)state;
    const struct test_cert *cert = test_cert_ec();
    const struct pst_tls_report report = {.fn = ignore};
    const struct pst_slice pem = pst_slice_of(cert->cert, cert->cert_len);
    assert_int_equal(pst_tls_global_init(), 0);
    for (size_t i = 1;; i++) {
        struct pst_tls_chain *chain = NULL;
        struct pst_tls_anchors *anchors = NULL;
        failmalloc_arm(i, 1);
        int err = pst_tls_chain_read(&chain, pem, report);
        if (!err)
            err = pst_tls_anchors_new(&anchors, pem);
        if (!err) {
            pst_tls_chain_check(chain, "localhost", (int64_t)time(NULL), report);
            (void)pst_tls_anchors_trust(anchors, chain);
        }
        bool has_failed = failmalloc_disarm();
        if (!has_failed)
            assert_int_equal(err, 0);
        if (err)
            assert_true(err == PST_E_NOMEM || err == PST_E_CERT);
        pst_tls_chain_free(chain);
        pst_tls_anchors_free(anchors);
        if (!has_failed)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_chain__allocation_i_fails__leaks_nothing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
