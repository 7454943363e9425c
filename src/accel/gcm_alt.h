/* gcm_alt.h - the context of GCM in place of Mbed TLS's. <mbedtls/gcm.h> includes this from within. */
#ifndef MBEDTLS_GCM_H
#include <mbedtls/gcm.h>
#elif defined(MBEDTLS_GCM_ALT) && !defined(PST_ACCEL_GCM_ALT_H)
#define PST_ACCEL_GCM_ALT_H

/* The stock context and functions, as this very release of Mbed TLS declares them, under our prefix. */
#undef MBEDTLS_GCM_ALT
#undef MBEDTLS_GCM_H
#include "gcm_names.h"
/* renamed: */
#include <mbedtls/gcm.h>
/* and as they were: */
#include "gcm_names.h"
#define MBEDTLS_GCM_ALT

/* Small, for there are two in every connection, idle or not: what a key expands to lies elsewhere, and is
 * there only while the context is in use. */
typedef struct mbedtls_gcm_context {
    pst_stock_gcm_context *stock;            /* NULL: not needed so far */
    const struct pst_accel_ipsec_gcm *ipsec; /* NULL: whatever key there is, the stock context has it */
    void *expanded;                          /* struct gcm_key_data; NULL: the next message makes it */
    unsigned ipsec_keybits;                  /* of the key for ipsec: 128 or 256; 0: there is none */
    unsigned char key[32];
} mbedtls_gcm_context;

/* Gives back all but the key. The next message makes it anew: 0.14 us. A stock context stays as it is. */
void pst_accel_gcm_trim(mbedtls_gcm_context *ctx);

#endif
