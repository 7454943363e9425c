/* sha256_alt.h - the context of SHA-256 in place of Mbed TLS's. <mbedtls/sha256.h> includes this from within.
 */
#ifndef MBEDTLS_SHA256_H
#include <mbedtls/sha256.h>
#elif defined(MBEDTLS_SHA256_ALT) && !defined(PST_ACCEL_SHA256_ALT_H)
#define PST_ACCEL_SHA256_ALT_H

/* The stock context and functions, as this very release of Mbed TLS declares them, under our prefix. */
#undef MBEDTLS_SHA256_ALT
#undef MBEDTLS_SHA256_H
#include "sha256_names.h"
/* renamed: */
#include <mbedtls/sha256.h>
/* and as they were: */
#include "sha256_names.h"
#define MBEDTLS_SHA256_ALT

typedef struct mbedtls_sha256_context {
    union {
        pst_stock_sha256_context stock;
        /* Its struct sha256_ctx; its header has macros such as sha256_init, which nobody else shall meet. */
        uint64_t nettle[14];
    } u;
    int is_nettle;
} mbedtls_sha256_context;

#endif
