/*
 * ecdsa_alt.c - signatures on P-256 by hogweed (p256_alt.c), on other curves by the stock code, which also
 * has the last word on each signature that hogweed would not pass: every refusal is Mbed TLS's own.
 *
 * The secret number of a signature is made here as the stock code makes it, from the same generator; for the
 * deterministic kind (RFC 6979) that is HMAC_DRBG seeded with key and hash. So the signatures are the same.
 */
#include <errno.h>
#include <sys/random.h>

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>

#include "p256_alt.h"

enum { TRIES = 10 };

/* As the stock code has them. */
int pst_stock_ecdsa_sign_restartable(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s,
                                     const mbedtls_mpi *d, const unsigned char *buf, size_t blen,
                                     int (*f_rng)(void *, unsigned char *, size_t), void *p_rng,
                                     int (*f_rng_blind)(void *, unsigned char *, size_t), void *p_rng_blind,
                                     mbedtls_ecdsa_restart_ctx *rs_ctx);
int pst_stock_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf, size_t blen,
                           const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s);

/* Where signing is replaced Mbed TLS passes on one generator only. For deterministic signatures that is not
 * good enough to blind the stock code with: it would blind each signature of one message alike. */
static int system_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    while (len > 0) {
        ssize_t n = getrandom(out, len, 0);
        if (n < 0 && errno != EINTR)
            return MBEDTLS_ERR_ECP_RANDOM_FAILED;
        if (n > 0) {
            out += n;
            len -= (size_t)n;
        }
    }
    return 0;
}

/* SEC 1 4.1.3, as long as it takes to find a number that serves: once. */
static int sign_p256(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
                     const unsigned char *buf, size_t blen, int (*f_rng)(void *, unsigned char *, size_t),
                     void *p_rng)
{
    mbedtls_mpi k;
    mbedtls_mpi_init(&k);
    int ret = MBEDTLS_ERR_ECP_RANDOM_FAILED;
    for (unsigned i = 0; i < TRIES; i++) {
        ret = mbedtls_ecp_gen_privkey(grp, &k, f_rng, p_rng);
        if (ret == 0)
            ret = pst_accel_p256_sign(r, s, d, &k, buf, blen);
        if (ret != 0 || (mbedtls_mpi_cmp_int(r, 0) != 0 && mbedtls_mpi_cmp_int(s, 0) != 0))
            break;
        ret = MBEDTLS_ERR_ECP_RANDOM_FAILED;
    }
    mbedtls_mpi_free(&k);
    return ret;
}

int mbedtls_ecdsa_sign(mbedtls_ecp_group *grp, mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d,
                       const unsigned char *buf, size_t blen, int (*f_rng)(void *, unsigned char *, size_t),
                       void *p_rng)
{
    if (grp->id == MBEDTLS_ECP_DP_SECP256R1 && pst_accel_p256_can_sign(d))
        return sign_p256(grp, r, s, d, buf, blen, f_rng, p_rng);
    return pst_stock_ecdsa_sign_restartable(grp, r, s, d, buf, blen, f_rng, p_rng, system_random, NULL, NULL);
}

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *buf, size_t blen,
                         const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
    if (grp->id == MBEDTLS_ECP_DP_SECP256R1 && pst_accel_p256_verify(Q, r, s, buf, blen) == 0)
        return 0;
    return pst_stock_ecdsa_verify(grp, buf, blen, Q, r, s);
}
