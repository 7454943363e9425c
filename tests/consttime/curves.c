/* curves.c - secret numbers: key exchange and signatures. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* limbs: to call them secret */

#include <stdint.h>
#include <string.h>

#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include "secrets.h"

#if defined(POSTERN_ACCEL_P256) || defined(POSTERN_ACCEL_X25519)
/* For blinding, which needs no secret numbers to be tested. */
static int public_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    fill(out, len, 7);
    return 0;
}

struct curve_bench {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P, R;
    mbedtls_mpi m;
};

static void curve_begin(struct curve_bench *b, mbedtls_ecp_group_id id)
{
    mbedtls_ecp_group_init(&b->grp);
    mbedtls_ecp_point_init(&b->P);
    mbedtls_ecp_point_init(&b->R);
    mbedtls_mpi_init(&b->m);
    MUST(mbedtls_ecp_group_load(&b->grp, id) == 0);
    /* Another point than the generator, and then the secret number itself. */
    MUST(mbedtls_mpi_lset(&b->m, 5) == 0);
    if (id == MBEDTLS_ECP_DP_CURVE25519)
        MUST(mbedtls_ecp_gen_privkey(&b->grp, &b->m, public_random, NULL) == 0);
    MUST(mbedtls_ecp_mul(&b->grp, &b->P, &b->m, &b->grp.G, public_random, NULL) == 0);
    MUST(mbedtls_ecp_gen_privkey(&b->grp, &b->m, public_random, NULL) == 0);
}

static void curve_end(struct curve_bench *b)
{
    mbedtls_ecp_group_free(&b->grp);
    mbedtls_ecp_point_free(&b->P);
    mbedtls_ecp_point_free(&b->R);
    mbedtls_mpi_free(&b->m);
}

static void multiply(struct curve_bench *b, bool is_generator)
{
    MUST(mbedtls_ecp_mul(&b->grp, &b->R, &b->m, is_generator ? &b->grp.G : &b->P, public_random, NULL) == 0);
    MUST(is_touched(b->R.X.p, b->R.X.n * sizeof(b->R.X.p[0])));
}
#endif

#if defined(POSTERN_ACCEL_P256)
/* For nonces: one below the order of P-256, so that the first try serves. */
static int secret_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    fill(out, len, 11);
    if (len > 0)
        out[0] &= 0x7f;
    SECRET(out, len);
    return 0;
}

static void p256_mul(bool is_generator)
{
    struct curve_bench b;
    curve_begin(&b, MBEDTLS_ECP_DP_SECP256R1);
    SECRET(b.m.p, b.m.n * sizeof(b.m.p[0]));
    multiply(&b, is_generator);
    curve_end(&b);
}

static void p256_generate(void)
{
    p256_mul(true);
}

static void p256_shared(void)
{
    p256_mul(false);
}

static void sign(bool is_deterministic)
{
    struct curve_bench b;
    mbedtls_mpi r;
    mbedtls_mpi s;
    unsigned char hash[32];
    fill(hash, sizeof(hash), 9);
    curve_begin(&b, MBEDTLS_ECP_DP_SECP256R1);
    mbedtls_mpi_init(&r);
    mbedtls_mpi_init(&s);
    SECRET(b.m.p, b.m.n * sizeof(b.m.p[0]));
    MUST((is_deterministic
              ? mbedtls_ecdsa_sign_det_ext(&b.grp, &r, &s, &b.m, hash, sizeof(hash), MBEDTLS_MD_SHA256,
                                           public_random, NULL)
              : mbedtls_ecdsa_sign(&b.grp, &r, &s, &b.m, hash, sizeof(hash), secret_random, NULL)) == 0);
    MUST(is_touched(r.p, 32) && is_touched(s.p, 32));
    mbedtls_mpi_free(&r);
    mbedtls_mpi_free(&s);
    curve_end(&b);
}

static void p256_sign(void)
{
    sign(false);
}

/* As a handshake does: the nonce comes of key and hash (RFC 6979), by HMAC with SHA-256. */
static void p256_sign_deterministic(void)
{
    sign(true);
}
#endif

#if defined(POSTERN_ACCEL_X25519)
/* RFC 7748 5: of the 256 bits of a decoded secret number five are the same for everybody. */
static void x25519_mul(bool is_generator)
{
    struct curve_bench b;
    curve_begin(&b, MBEDTLS_ECP_DP_CURVE25519);
    unsigned char secret_bits[32];
    memset(secret_bits, 0xff, sizeof(secret_bits));
    secret_bits[0] = 0xf8;
    secret_bits[31] = 0x3f;
    MUST(b.m.n * sizeof(b.m.p[0]) >= sizeof(secret_bits));
    (void)VALGRIND_SET_VBITS(b.m.p, secret_bits, sizeof(secret_bits));
    multiply(&b, is_generator);
    curve_end(&b);
}

static void x25519_generate(void)
{
    x25519_mul(true);
}

static void x25519_shared(void)
{
    x25519_mul(false);
}
#endif

const struct secret_case curve_cases[] = {
#if defined(POSTERN_ACCEL_P256)
    {"p256/generate", p256_generate},
    {"p256/shared", p256_shared},
    {"p256/sign", p256_sign},
    {"p256/sign_deterministic", p256_sign_deterministic},
#endif
#if defined(POSTERN_ACCEL_X25519)
    {"x25519/generate", x25519_generate},
    {"x25519/shared", x25519_shared},
#endif
    {NULL, NULL},
};
