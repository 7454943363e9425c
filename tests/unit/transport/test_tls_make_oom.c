/* Making certificates when memory runs out: allocation i fails, nothing leaks, and no half certificate comes
 * out. For every i at first, then for a sample: the arithmetic of a signature makes thousands, all alike. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/failmalloc.h"
#include "transport/tls_make.h"

static char *key_pem, *ca_pem, *leaf_pem;
static struct pst_tls_ca *ca;
static struct pst_tls_profile profile;
static struct pst_tls_name name;

static int try_key(void)
{
    char *pem = NULL;
    int err = pst_tls_make_key(&pem);
    assert_int_equal(pem == NULL, err != 0);
    free(pem);
    return err;
}

static int try_ca(void)
{
    char *pem = NULL;
    int err = pst_tls_make_ca(&pem, &profile, pst_slice_str(key_pem));
    assert_int_equal(pem == NULL, err != 0);
    free(pem);
    return err;
}

static int try_leaf(void)
{
    char *pem = NULL;
    int err = pst_tls_make_leaf(&pem, &profile, pst_slice_str(leaf_pem), ca);
    assert_int_equal(pem == NULL, err != 0);
    free(pem);
    return err;
}

static int try_read_ca(void)
{
    struct pst_tls_ca *found = NULL;
    int err = pst_tls_ca_new(&found, pst_slice_str(ca_pem), pst_slice_str(key_pem));
    assert_int_equal(found == NULL, err != 0);
    pst_tls_ca_free(found);
    return err;
}

static int try_read_leaf(void)
{
    struct pst_tls_name names[2];
    struct pst_tls_cert_info info;
    size_t count = 2;
    return pst_tls_leaf_read(pst_slice_str(leaf_pem), names, &count, &info);
}

static void fail_each(int (*try)(void))
{
    size_t failures = 0;
    for (size_t i = 1;; i += 1 + i / 16) {
        failmalloc_arm(i, 1);
        int err = try();
        bool has_failed = failmalloc_disarm();
        if (!has_failed) {
            assert_int_equal(err, 0);
            break;
        }
        failures += err != 0;
    }
    assert_true(failures > 2);
}

static void test_make__allocation_i_fails__is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    int (*const tries[])(void) = {try_key, try_ca, try_leaf, try_read_ca, try_read_leaf};
    for (size_t i = 0; i < sizeof(tries) / sizeof(tries[0]); i++)
        fail_each(tries[i]);
}

static int start(void **state)
{
    (void)state;
    if (pst_tls_name_read(&name, "localhost") || pst_tls_make_key(&key_pem) != 0)
        return -1;
    profile = (struct pst_tls_profile){.common_name = "localhost",
                                       .names = &name,
                                       .name_count = 1,
                                       .not_before = 1,
                                       .not_after = 2000000000};
    memset(profile.serial, 0x51, sizeof(profile.serial));
    if (pst_tls_make_ca(&ca_pem, &profile, pst_slice_str(key_pem)) != 0 ||
        pst_tls_ca_new(&ca, pst_slice_str(ca_pem), pst_slice_str(key_pem)) != 0)
        return -1;
    return pst_tls_make_leaf(&leaf_pem, &profile, pst_slice_str(key_pem), ca);
}

static int stop(void **state)
{
    (void)state;
    pst_tls_ca_free(ca);
    free(key_pem);
    free(ca_pem);
    free(leaf_pem);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make__allocation_i_fails__is_reported_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
