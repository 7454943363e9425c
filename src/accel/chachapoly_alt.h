/* chachapoly_alt.h - the context of ChaCha20-Poly1305 in place of Mbed TLS's. <mbedtls/chachapoly.h> includes
 * this from within. */
#ifndef MBEDTLS_CHACHAPOLY_H
#include <mbedtls/chachapoly.h>
#elif defined(MBEDTLS_CHACHAPOLY_ALT) && !defined(PST_ACCEL_CHACHAPOLY_ALT_H)
#define PST_ACCEL_CHACHAPOLY_ALT_H

/* The stock context and functions, as this very release of Mbed TLS declares them, under our prefix. */
#undef MBEDTLS_CHACHAPOLY_ALT
#undef MBEDTLS_CHACHAPOLY_H
#include "chachapoly_names.h"
/* renamed: */
#include <mbedtls/chachapoly.h>
/* and as they were: */
#include "chachapoly_names.h"
#define MBEDTLS_CHACHAPOLY_ALT

typedef struct mbedtls_chachapoly_context {
    pst_stock_chachapoly_context stock;  /* holds the key for both */
    const struct pst_accel_ipsec *ipsec; /* does whole messages; NULL: nobody but the stock code */
} mbedtls_chachapoly_context;

#endif
