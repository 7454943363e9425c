/* stock_ecp.h - Mbed TLS's own multiplication on a curve, under the name that it has beside a library's. */
#ifndef PST_TESTS_STOCK_ECP_H
#define PST_TESTS_STOCK_ECP_H

#include <mbedtls/ecp.h>

#if defined(POSTERN_ACCEL_X25519) || defined(POSTERN_ACCEL_P256)
int pst_stock_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *R, const mbedtls_mpi *m,
                      const mbedtls_ecp_point *P, int (*f_rng)(void *, unsigned char *, size_t), void *p_rng);
#else
#define pst_stock_ecp_mul mbedtls_ecp_mul
#endif

#endif
