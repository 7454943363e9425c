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

typedef struct mbedtls_gcm_context {
    union {
        pst_stock_gcm_context stock;
        /* intel-ipsec-mb's struct gcm_key_data: round keys, and powers of the hash key. */
        _Alignas(16) unsigned char ipsec[1024];
    } u;
    unsigned ipsec_keybits; /* 128 or 256; 0: it is the stock context */
    const struct pst_accel_ipsec_gcm *ipsec;
} mbedtls_gcm_context;

#endif
