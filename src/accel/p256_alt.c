/*
 * p256_alt.c - P-256 by nettle's hogweed, whose functions of secret numbers are silent: neither branches nor
 * addresses depend on them. Numbers pass as limbs, of fixed length, from Mbed TLS's to hogweed's structures;
 * a secret never becomes one of GMP's own numbers, which are silent about nothing.
 *
 * hogweed takes working memory from GMP's allocator. There it leaves points that it went through, not the
 * secret number itself, and without memory GMP ends the process. Signing uses memory given from here.
 *
 * What a public function is documented to keep in its structures is limbs "with curve-specific
 * representation": that these are plain coordinates for this curve is tried before first use.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* limbs: to copy them silently */

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <nettle/ecc-curve.h>
#include <nettle/ecc.h>
#include <nettle/ecdsa.h>
#include <nettle/version.h>

#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "cpu.h"
#include "ecp_alt.h"
#include "hooks.h"
#include "p256_alt.h"

enum { LIMBS = 4, SIGN_LIMBS = 512, VERIFY_LIMBS = 1024 };

_Static_assert(sizeof(mp_limb_t) == sizeof(uint64_t) && sizeof(mbedtls_mpi_uint) == sizeof(uint64_t) &&
                   GMP_NAIL_BITS == 0,
               "limbs of another size");

/* SEC 2 2.4.2: the order of the group, and its generator; least significant limb first. */
static const mp_limb_t order[LIMBS] = {0xf3b9cac2fc632551, 0xbce6faada7179e84, 0xffffffffffffffff,
                                       0xffffffff00000000};
static const mp_limb_t generator[2 * LIMBS] = {
    0xf4a13945d898c296, 0x77037d812deb33a0, 0xf8bce6e563a440f2, 0x6b17d1f2e12c4247,
    0xcbb6406837bf51f5, 0x2bce33576b315ece, 0x8ee7eb4a7c0f9e16, 0x4fe342e2fe1a7f9b,
};

/* Written once, before anything else here is done. */
static const struct ecc_curve *curve;
static bool is_usable;
static pthread_once_t once = PTHREAD_ONCE_INIT;

/* 1 G is the generator, 2 (1 G) is 1 G + 1 G as hogweed has it from (2 G), and a point off the curve is
 * noticed. */
static bool does_as_expected(void)
{
    mp_limb_t one[LIMBS] = {1};
    mp_limb_t two[LIMBS] = {2};
    mp_limb_t a[2 * LIMBS];
    mp_limb_t b[2 * LIMBS];
    mp_limb_t c[2 * LIMBS];
    mpz_t x;
    mpz_t y;
    struct ecc_scalar scalar = {curve, one};
    struct ecc_point point = {curve, a};
    struct ecc_point twice = {curve, b};
    struct ecc_point again = {curve, c};
    ecc_point_mul_g(&point, &scalar);
    if (memcmp(a, generator, sizeof(a)) != 0)
        return false;
    scalar.p = two;
    ecc_point_mul_g(&twice, &scalar);
    ecc_point_mul(&again, &scalar, &point);
    if (memcmp(b, c, sizeof(b)) != 0 || memcmp(a, b, sizeof(a)) == 0)
        return false;
    if (!ecc_point_set(&again, mpz_roinit_n(x, a, LIMBS), mpz_roinit_n(y, a + LIMBS, LIMBS)) ||
        memcmp(a, c, sizeof(a)) != 0)
        return false;
    a[0] ^= 1;
    return !ecc_point_set(&again, mpz_roinit_n(x, a, LIMBS), mpz_roinit_n(y, a + LIMBS, LIMBS));
}

static void load(void)
{
    curve = nettle_get_secp_256r1();
    is_usable = ecc_size(curve) == LIMBS && ecc_size_a(curve) == 2 * LIMBS &&
                ecc_ecdsa_sign_itch(curve) <= SIGN_LIMBS && ecc_ecdsa_verify_itch(curve) <= VERIFY_LIMBS &&
                does_as_expected();
}

static bool can_use_hogweed(void)
{
    return pst_accel_cpu_has(PST_ACCEL_CPU_64) && pthread_once(&once, load) == 0 && is_usable;
}

/* The number, if it is in 0 ... 2^256 - 1. Silent: what is told is only whether it is. */
static bool get(const mbedtls_mpi *number, mp_limb_t out[LIMBS])
{
    mp_limb_t rest = 0;
    for (size_t i = 0; i < LIMBS; i++)
        out[i] = i < number->n ? number->p[i] : 0;
    for (size_t i = LIMBS; i < number->n; i++)
        rest |= number->p[i];
    return number->s > 0 && rest == 0;
}

/* The number, if it is in 1 ... order - 1. Silent likewise. */
static bool get_scalar(const mbedtls_mpi *number, mp_limb_t out[LIMBS])
{
    mp_limb_t any = 0;
    mp_limb_t borrow = 0;
    bool fits = get(number, out);
    for (size_t i = 0; i < LIMBS; i++) {
        mp_limb_t difference = out[i] - order[i];
        any |= out[i];
        borrow = (mp_limb_t)(out[i] < order[i]) | (mp_limb_t)(difference < borrow);
    }
    return fits & (any != 0) & (borrow != 0);
}

static int put(mbedtls_mpi *number, const mp_limb_t limbs[LIMBS])
{
    int ret = mbedtls_mpi_grow(number, LIMBS);
    if (ret != 0)
        return ret;
    for (size_t i = 0; i < number->n; i++)
        number->p[i] = i < LIMBS ? limbs[i] : 0;
    number->s = 1;
    return 0;
}

/* A point that is on the curve, and not at infinity. Not silent. */
static bool get_point(const mbedtls_ecp_point *P, struct ecc_point *out)
{
    mp_limb_t limbs[2 * LIMBS];
    mpz_t x;
    mpz_t y;
    return mbedtls_mpi_cmp_int(&P->Z, 1) == 0 && get(&P->X, limbs) && get(&P->Y, limbs + LIMBS) &&
           ecc_point_set(out, mpz_roinit_n(x, limbs, LIMBS), mpz_roinit_n(y, limbs + LIMBS, LIMBS));
}

static int put_point(mbedtls_ecp_point *R, const mp_limb_t limbs[2 * LIMBS])
{
    int ret = put(&R->X, limbs);
    if (ret == 0)
        ret = put(&R->Y, limbs + LIMBS);
    return ret != 0 ? ret : mbedtls_mpi_lset(&R->Z, 1);
}

/* The group's order is prime, so that no multiple in this range is infinity. */
int pst_accel_p256_mul(const mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                       const mbedtls_ecp_point *P)
{
    int ret = PST_ACCEL_NOT_MINE;
    mp_limb_t secret[LIMBS];
    mp_limb_t limbs[2 * LIMBS];
    if (!can_use_hogweed())
        return ret;
    struct ecc_scalar scalar = {curve, secret};
    struct ecc_point point = {curve, limbs};
    if (get_scalar(m, secret) && get_point(P, &point)) {
        if (P == &grp->G)
            ecc_point_mul_g(&point, &scalar);
        else
            ecc_point_mul(&point, &scalar, &point);
        ret = put_point(R, limbs);
    }
    mbedtls_platform_zeroize(secret, sizeof(secret));
    mbedtls_platform_zeroize(limbs, sizeof(limbs));
    return ret;
}

bool pst_accel_p256_can_sign(const mbedtls_mpi *d)
{
    mp_limb_t key[LIMBS];
    bool can = can_use_hogweed() && get_scalar(d, key);
    mbedtls_platform_zeroize(key, sizeof(key));
    return can;
}

int pst_accel_p256_sign(mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d, const mbedtls_mpi *k,
                        const unsigned char *hash, size_t len)
{
    int ret = MBEDTLS_ERR_ECP_INVALID_KEY;
    mp_limb_t key[LIMBS];
    mp_limb_t nonce[LIMBS];
    mp_limb_t rs[2 * LIMBS];
    mp_limb_t scratch[SIGN_LIMBS];
    if (get_scalar(d, key) && get_scalar(k, nonce)) {
        ecc_ecdsa_sign(curve, key, nonce, len, hash, rs, rs + LIMBS, scratch);
        mbedtls_platform_zeroize(scratch, (size_t)ecc_ecdsa_sign_itch(curve) * sizeof(scratch[0]));
        ret = put(r, rs);
        if (ret == 0)
            ret = put(s, rs + LIMBS);
    }
    mbedtls_platform_zeroize(key, sizeof(key));
    mbedtls_platform_zeroize(nonce, sizeof(nonce));
    return ret;
}

int pst_accel_p256_verify(const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s,
                          const unsigned char *hash, size_t len)
{
    mp_limb_t limbs[2 * LIMBS];
    mp_limb_t rs[2 * LIMBS];
    mp_limb_t scratch[VERIFY_LIMBS];
    if (!can_use_hogweed())
        return PST_ACCEL_NOT_MINE;
    struct ecc_point point = {curve, limbs};
    bool is_right = get_scalar(r, rs) && get_scalar(s, rs + LIMBS) && get_point(Q, &point) &&
                    ecc_ecdsa_verify(curve, limbs, len, hash, rs, rs + LIMBS, scratch);
    return is_right ? 0 : PST_ACCEL_NOT_MINE;
}

void pst_accel_p256_tell(char *out, size_t size)
{
    out[0] = '\0';
    if (can_use_hogweed())
        (void)snprintf(out, size, "P-256 by nettle %d.%d", nettle_version_major(), nettle_version_minor());
}
