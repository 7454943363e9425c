/* tls_internal.h - what the files of the TLS transport share: the context, certificates, names of failures.
 */
#ifndef PST_TRANSPORT_TLS_INTERNAL_H
#define PST_TRANSPORT_TLS_INTERNAL_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/x509_crt.h>

#include "postern/export.h"
#include "transport/tls.h"

#if !defined(MBEDTLS_THREADING_C)
#error "Mbed TLS must be built with MBEDTLS_THREADING_C: workers are threads and PSA's key store is shared"
#endif

struct pst_tls_ctx {
    mbedtls_ssl_config conf;
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context rng;
    mbedtls_x509_crt chain; /* leaf first */
    /* The worker's own copy: an RSA private operation changes its blinding values. */
    mbedtls_pk_context key;
};

/* One line for a person. */
struct pst_tls_line {
    char *text;
    size_t cap;
};
void pst_tls_say(struct pst_tls_line line, const char *format, ...) PST_PRINTF(2, 3);

/* Reads and checks chain and key into ctx (whose rng works). Errors and line as pst_tls_ctx_new. */
int pst_tls_cert_load(struct pst_tls_ctx *ctx, const void *cert, size_t cert_len, const void *key,
                      size_t key_len, int64_t now, struct pst_tls_line line);

/* The named cause of a failed Mbed TLS call on ssl, for the log; never NULL, static. */
const char *pst_tls_cause(mbedtls_ssl_context *ssl, int error);
/* The fatal alert that tells the peer of it (RFC 8446 6.2 Error Alerts), or 0 where none fits: the peer sent
 * one itself, or is gone. */
unsigned char pst_tls_alert(int error);

#endif
