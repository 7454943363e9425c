/* ecp_alt.c - multiplication on a curve, which is what a key exchange comes to in TLS 1.2, TLS 1.3 and PSA:
 * by a library for the curves that it does, else, and whenever anything about the arguments is unusual, by
 * the stock code, so that every mistake ends as it does in Mbed TLS. */
#include "ecp_alt.h"

static int mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P)
{
    (void)R;
    (void)m;
    (void)P;
    switch (grp->id) {
#if defined(POSTERN_ACCEL_P256)
    case MBEDTLS_ECP_DP_SECP256R1:
        return pst_accel_p256_mul(grp, R, m, P);
#endif
#if defined(POSTERN_ACCEL_X25519)
    case MBEDTLS_ECP_DP_CURVE25519:
        return pst_accel_x25519_mul(R, m, P);
#endif
    default:
        return PST_ACCEL_NOT_MINE;
    }
}

/* No library here blinds, so none needs the randomness; but who gives none is told off, as ever. */
int mbedtls_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                                const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t),
                                void *p_rng, mbedtls_ecp_restart_ctx *rs_ctx)
{
    int ret = f_rng ? mul(grp, R, m, P) : PST_ACCEL_NOT_MINE;
    if (ret == PST_ACCEL_NOT_MINE)
        ret = pst_stock_ecp_mul_restartable(grp, R, m, P, f_rng, p_rng, rs_ctx);
    return ret;
}

int mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                    const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t), void *p_rng)
{
    return mbedtls_ecp_mul_restartable(grp, R, m, P, f_rng, p_rng, NULL);
}
