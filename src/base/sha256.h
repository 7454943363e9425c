/* sha256.h - SHA-256 (FIPS 180-4), piece by piece; Mbed TLS does the work. */
#ifndef PST_BASE_SHA256_H
#define PST_BASE_SHA256_H

#include <mbedtls/sha256.h>
#include <stddef.h>
#include <stdint.h>

enum { PST_SHA256_BYTES = 32, PST_SHA256_HEX_BYTES = 65 };

struct pst_sha256 {
    mbedtls_sha256_context context;
    int failure; /* the first of Mbed TLS, which may leave hashing to hardware */
};

void pst_sha256_init(struct pst_sha256 *sha);
void pst_sha256_add(struct pst_sha256 *sha, const void *data, size_t len);
/* Once; the object is beyond use then. Errors: PST_E_SYSTEM, and ret_digest is all zeros. */
int pst_sha256_end(struct pst_sha256 *sha, uint8_t ret_digest[PST_SHA256_BYTES]);
/* In place of pst_sha256_end(). */
void pst_sha256_drop(struct pst_sha256 *sha);

/* Lower case, with a NUL. */
void pst_sha256_hex(const uint8_t digest[PST_SHA256_BYTES], char ret_hex[PST_SHA256_HEX_BYTES]);

#endif
