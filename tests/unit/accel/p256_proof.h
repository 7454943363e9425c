/* p256_proof.h - P-256 by OpenSSL, beside what p256_bench.h has, for the proofs of it. */
#ifndef PST_TESTS_P256_PROOF_H
#define PST_TESTS_P256_PROOF_H

#include "unit/accel/p256_bench.h"
/* whose dice are dealt by: */
#include "unit/accel/proof.h"

#if defined(POSTERN_TEST_OPENSSL)
#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/obj_mac.h>

struct openssl {
    EC_GROUP *group;
    BN_CTX *ctx;
    BIGNUM *k, *x, *y;
    EC_POINT *P, *R;
    EC_KEY *key;
};

static inline void openssl_init(struct openssl *o)
{
    o->group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
    o->ctx = BN_CTX_new();
    o->k = BN_new();
    o->x = BN_new();
    o->y = BN_new();
    o->P = EC_POINT_new(o->group);
    o->R = EC_POINT_new(o->group);
    o->key = EC_KEY_new_by_curve_name(NID_X9_62_prime256v1);
    assert_true(o->ctx && o->k && o->x && o->y && o->P && o->R && o->key);
}

static inline void openssl_fini(struct openssl *o)
{
    EC_KEY_free(o->key);
    EC_POINT_free(o->P);
    EC_POINT_free(o->R);
    BN_free(o->k);
    BN_free(o->x);
    BN_free(o->y);
    BN_CTX_free(o->ctx);
    EC_GROUP_free(o->group);
}

static inline bool openssl_number(const mbedtls_mpi *in, BIGNUM *out)
{
    unsigned char bytes[BYTES];
    return mbedtls_mpi_write_binary(in, bytes, BYTES) == 0 && BN_bin2bn(bytes, BYTES, out);
}

static inline bool openssl_is_number(const BIGNUM *a, const mbedtls_mpi *b)
{
    unsigned char theirs[BYTES];
    unsigned char ours[BYTES];
    return BN_bn2binpad(a, theirs, BYTES) == BYTES && mbedtls_mpi_write_binary(b, ours, BYTES) == 0 &&
           memcmp(theirs, ours, BYTES) == 0;
}

/* False if it is not on the curve. */
static inline bool openssl_point(struct openssl *o, const mbedtls_ecp_point *in, EC_POINT *out)
{
    return openssl_number(&in->X, o->x) && openssl_number(&in->Y, o->y) &&
           EC_POINT_set_affine_coordinates(o->group, out, o->x, o->y, o->ctx) == 1;
}

/* Whether k P, or k G where there is no P, is R. */
static inline bool openssl_is_multiple(struct openssl *o, const mbedtls_mpi *k, const mbedtls_ecp_point *P,
                                       const mbedtls_ecp_point *R)
{
    return openssl_number(k, o->k) && (!P || openssl_point(o, P, o->P)) &&
           EC_POINT_mul(o->group, o->R, P ? NULL : o->k, P ? o->P : NULL, P ? o->k : NULL, o->ctx) == 1 &&
           EC_POINT_get_affine_coordinates(o->group, o->R, o->x, o->y, o->ctx) == 1 &&
           openssl_is_number(o->x, &R->X) && openssl_is_number(o->y, &R->Y);
}
#endif

struct rig {
    struct bench b;
#if defined(POSTERN_TEST_OPENSSL)
    struct openssl openssl;
#endif
};

static inline int rig_init(void **state)
{
    static struct rig r;
    bench_init(&r.b, MBEDTLS_ECP_DP_SECP256R1);
#if defined(POSTERN_TEST_OPENSSL)
    openssl_init(&r.openssl);
#endif
    *state = &r;
    return 0;
}

static inline int rig_fini(void **state)
{
    struct rig *r = *state;
    bench_fini(&r->b);
#if defined(POSTERN_TEST_OPENSSL)
    openssl_fini(&r->openssl);
#endif
    return 0;
}

enum { HASH_MAX = 64 };

struct hash {
    unsigned char bytes[HASH_MAX];
    size_t len;
};

/* SHA-256's length, others; now and then above the order, or 0. */
static inline void roll_hash(struct hash *h)
{
    h->len = roll(3) ? 32 : roll(HASH_MAX + 1);
    roll_bytes(NULL, h->bytes, HASH_MAX);
    if (roll(20) == 0)
        memset(h->bytes, roll(2) ? 0xff : 0, HASH_MAX);
}

#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, rig_init, rig_fini)

#endif
