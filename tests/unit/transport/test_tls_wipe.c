/* Private keys leave nothing behind: whatever is freed on the way, loaded, used, replaced or refused, holds
 * no part of the secret any more.
 *
 * Mbed TLS's memory is watched by an allocator of the test's own, which looks through each block when it is
 * freed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>
#include <malloc.h>
#include <mbedtls/ecp.h>
#include <mbedtls/pk.h>
#include <mbedtls/platform.h>

#include "postern/err.h"
#include "support/tls_door.h"

enum { SECRET_BYTES = 32, PART_BYTES = 12 };

/* The secret number of the P-256 key, in the order of memory limbs and as it is written in files. */
static unsigned char limbs[SECRET_BYTES], written[SECRET_BYTES];
static bool is_watching;
static unsigned long freed, leaks;

static bool holds(const void *data, size_t len, const unsigned char *secret)
{
    for (size_t at = 0; at + PART_BYTES <= SECRET_BYTES; at += PART_BYTES)
        if (memmem(data, len, secret + at, PART_BYTES))
            return true;
    return false;
}

static void watched_free(void *ptr)
{
    if (ptr && is_watching) {
        size_t len = malloc_usable_size(ptr);
        freed++;
        if (holds(ptr, len, limbs) || holds(ptr, len, written))
            leaks++;
    }
    free(ptr);
}

static int start(void **state)
{
    (void)state;
    /* In the place of our own allocator, which pst_tls_global_init() would put there later. */
    if (pst_tls_global_init() != 0)
        return -1;
    return mbedtls_platform_set_calloc_free(calloc, watched_free);
}

static void learn(const struct test_cert *cert)
{
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    assert_int_equal(mbedtls_pk_parse_key(&key, (const unsigned char *)cert->key, cert->key_len + 1, NULL, 0,
                                          test_random, NULL),
                     0);
    const mbedtls_mpi *d = &mbedtls_pk_ec(key)->MBEDTLS_PRIVATE(d);
    assert_int_equal(mbedtls_mpi_write_binary(d, written, sizeof(written)), 0);
    memcpy(limbs, d->MBEDTLS_PRIVATE(p), sizeof(limbs));
    mbedtls_pk_free(&key);
    assert_memory_not_equal(limbs, written, sizeof(limbs));
}

static void watch(bool is_on)
{
    is_watching = is_on;
    if (is_on)
        freed = leaks = 0;
}

static void assert_clean(void)
{
    watch(false);
    assert_true(freed > 5); /* it was looked at all */
    assert_int_equal(leaks, 0);
}

static void test_watch__a_secret_that_is_not_wiped__is_found(void **state)
{
    (void)state;
    learn(test_cert_ec());
    watch(true);
    unsigned char *block = mbedtls_calloc(1, 100);
    assert_non_null(block);
    memcpy(block + 7, written, sizeof(written));
    mbedtls_free(block);
    block = mbedtls_calloc(1, 100);
    assert_non_null(block);
    memcpy(block + 8, limbs, PART_BYTES);
    mbedtls_free(block);
    watch(false);
    assert_int_equal(leaks, 2);
}

static void test_tls_certs__loaded_and_dropped__wiped(void **state)
{
    (void)state;
    const struct test_cert *cert = test_cert_ec();
    learn(cert);
    watch(true);
    for (int i = 0; i < 3; i++) {
        struct pst_tls_ctx *ctx;
        char line[256];
        assert_int_equal(test_tls_ctx_new(&ctx, cert->cert, cert->cert_len, cert->key, cert->key_len,
                                          (int64_t)time(NULL), line, sizeof(line)),
                         0);
        pst_tls_ctx_free(ctx);
    }
    assert_clean();
}

/* The ways out in the middle: a certificate that does not belong to the key, one that has ended, a set of
 * which the last is bad. */
static void test_tls_certs__refused__wiped(void **state)
{
    (void)state;
    const struct test_cert *good = test_cert_ec(), *other = test_cert_rsa();
    learn(good);
    const struct {
        struct pst_tls_pem pems[2];
        size_t count;
        int64_t now;
        int err;
    } cases[] = {
        {{{other->cert, good->key, other->cert_len, good->key_len, NULL}},
         1,
         (int64_t)time(NULL),
         PST_E_MISMATCH},
        {{{good->cert, good->key, good->cert_len, good->key_len, NULL}},
         1,
         INT64_C(9999999999),
         PST_E_EXPIRED},
        {{{good->cert, good->key, good->cert_len, good->key_len, NULL},
          {good->cert, "junk", good->cert_len, 4, NULL}},
         2,
         (int64_t)time(NULL),
         PST_E_KEY},
    };
    watch(true);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pst_tls_certs *certs = NULL;
        char line[256];
        size_t bad;
        assert_int_equal(
            pst_tls_certs_new(&certs, cases[i].pems, cases[i].count, cases[i].now, &bad, line, sizeof(line)),
            cases[i].err);
    }
    assert_clean();
}

static void test_tls__handshakes_made_and_cut__wiped(void **state)
{
    (void)state;
    learn(test_cert_ec());
    watch(true);
    for (int version = PST_TLS_12_ONLY; version <= PST_TLS_13_ONLY; version++) {
        const struct tls_client_options options = {.versions = (enum pst_tls_versions)version};
        struct tls_door d;
        tls_door_init(&d, test_cert_ec());
        tls_door_open(&d, &options);
        tls_door_close(&d);
        /* The client goes when our signature has been made. */
        tls_door_connect(&d, SOCK_STREAM, &options);
        (void)tls_client_step(d.c);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        tls_door_close(&d);
        tls_door_fini(&d);
    }
    assert_clean();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_watch__a_secret_that_is_not_wiped__is_found),
        cmocka_unit_test(test_tls_certs__loaded_and_dropped__wiped),
        cmocka_unit_test(test_tls_certs__refused__wiped),
        cmocka_unit_test(test_tls__handshakes_made_and_cut__wiped),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
