/* ecp_alt.h - the stock multiplication behind ecp_alt.c, and what may come before it. */
#ifndef PST_ACCEL_ECP_ALT_H
#define PST_ACCEL_ECP_ALT_H

#include <mbedtls/ecp.h>

int pst_stock_ecp_mul_restartable(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                                  const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t),
                                  void *p_rng, mbedtls_ecp_restart_ctx *rs_ctx);

/* A replacement for one curve does the work or answers this, and has then done nothing: then the stock code
 * serves. */
#define PST_ACCEL_NOT_MINE 1

/* R = mP. Results: 0, PST_ACCEL_NOT_MINE, or one of Mbed TLS's errors. R may be P. */
int pst_accel_p256_mul(const mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                       const mbedtls_ecp_point *P);
int pst_accel_x25519_mul(mbedtls_ecp_point *R, const mbedtls_mpi *m, const mbedtls_ecp_point *P);

#endif
