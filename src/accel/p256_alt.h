/* p256_alt.h - ECDSA on P-256 by hogweed, for ecdsa_alt.c. */
#ifndef PST_ACCEL_P256_ALT_H
#define PST_ACCEL_P256_ALT_H

#include <stdbool.h>

#include <mbedtls/ecp.h>

/* Whether it is in use, and can sign with this key. */
bool pst_accel_p256_can_sign(const mbedtls_mpi *d);

/* Then: signs, with the secret number k, which is used for nothing else. Results: 0, or one of Mbed TLS's
 * errors. r or s may come out as 0: then another k is wanted. */
int pst_accel_p256_sign(mbedtls_mpi *r, mbedtls_mpi *s, const mbedtls_mpi *d, const mbedtls_mpi *k,
                        const unsigned char *hash, size_t len);

/* 0 if the signature is right. PST_ACCEL_NOT_MINE if it is not, or if that cannot be told here. */
int pst_accel_p256_verify(const mbedtls_ecp_point *Q, const mbedtls_mpi *r, const mbedtls_mpi *s,
                          const unsigned char *hash, size_t len);

#endif
