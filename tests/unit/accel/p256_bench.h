/* p256_bench.h - what the tests of P-256 share: dice, numbers and points to work with, Mbed TLS's own
 * functions beside those that replace them, and tests run once with the library and once without. */
#ifndef PST_TESTS_P256_BENCH_H
#define PST_TESTS_P256_BENCH_H

#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/ecdh.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <psa/crypto.h>

#if !defined(DICE_SEED)
#define DICE_SEED 0x706f737465726e33
#endif
#if defined(POSTERN_ACCEL_P256)
#define HAS_LIBRARY
#endif
#include "unit/accel/accel_bench.h"
#include "unit/accel/stock_ecp.h"

#if defined(POSTERN_ACCEL_P256)
int pst_stock_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
                         const unsigned char *buf, size_t blen, int (*f_rng)(void *, unsigned char *, size_t),
                         void *p_rng);
int pst_stock_ecdsa_sign_det_ext(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
                                 const unsigned char *buf, size_t blen, mbedtls_md_type_t md_alg,
                                 int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
int pst_stock_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf, size_t blen,
                           const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s);
#else
#define pst_stock_ecdsa_sign         mbedtls_ecdsa_sign
#define pst_stock_ecdsa_sign_det_ext mbedtls_ecdsa_sign_det_ext
#define pst_stock_ecdsa_verify       mbedtls_ecdsa_verify
#endif

#if defined(__SANITIZE_THREAD__)
#define CASES 400
#else
#define CASES 6000
#endif

enum { BYTES = 32 };

static inline int roll_bytes(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)roll(256);
    return 0;
}

static inline size_t cases(void)
{
    const char *said = getenv("POSTERN_TEST_CASES");
    return said ? strtoul(said, NULL, 10) : CASES;
}

#define OK(call) assert_int_equal(call, 0)

/* The group, and room for what most tests work with. */
struct bench {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P, Q, R, S;
    mbedtls_mpi k, d, r, s, r2, s2;
};

static inline void bench_init(struct bench *b, mbedtls_ecp_group_id id)
{
    mbedtls_ecp_group_init(&b->grp);
    OK(mbedtls_ecp_group_load(&b->grp, id));
    mbedtls_ecp_point *points[] = {&b->P, &b->Q, &b->R, &b->S};
    mbedtls_mpi *numbers[] = {&b->k, &b->d, &b->r, &b->s, &b->r2, &b->s2};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        mbedtls_ecp_point_init(points[i]);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        mbedtls_mpi_init(numbers[i]);
}

static inline void bench_fini(struct bench *b)
{
    mbedtls_ecp_group_free(&b->grp);
    mbedtls_ecp_point *points[] = {&b->P, &b->Q, &b->R, &b->S};
    mbedtls_mpi *numbers[] = {&b->k, &b->d, &b->r, &b->s, &b->r2, &b->s2};
    for (size_t i = 0; i < sizeof(points) / sizeof(points[0]); i++)
        mbedtls_ecp_point_free(points[i]);
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        mbedtls_mpi_free(numbers[i]);
}

/* In 1 ... order - 1; now and then with many zeros or ones, where windows of multipliers have their corners.
 */
static inline void roll_scalar(const mbedtls_ecp_group *grp, mbedtls_mpi *out)
{
    unsigned char bytes[BYTES];
    do {
        roll_bytes(NULL, bytes, BYTES);
        size_t kind = roll(6);
        size_t from = roll(BYTES);
        if (kind < 2)
            memset(bytes + from, kind ? 0xff : 0, BYTES - from);
        else if (kind == 2)
            memset(bytes, 0, from);
        OK(mbedtls_mpi_read_binary(out, bytes, BYTES));
        OK(mbedtls_mpi_mod_mpi(out, out, &grp->N));
    } while (mbedtls_mpi_cmp_int(out, 0) == 0);
}

static inline void assert_same_point(const mbedtls_ecp_point *a, const mbedtls_ecp_point *b)
{
    OK(mbedtls_ecp_point_cmp(a, b));
}

#endif
