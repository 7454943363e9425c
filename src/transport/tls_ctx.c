/* tls_ctx.c - a worker's TLS context: what is offered, in which order, and the randomness behind it. */
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/version.h>
#include <psa/crypto.h>

#include "accel/accel.h"
#include "postern/err.h"
#include "transport/tls_internal.h"
#include "transport/tls_memory.h"

/* Forward secrecy and authenticated encryption only. In TLS 1.2 the server's order decides: AES-128 first,
 * being the fastest with the processor's instructions and no weaker in practice. In TLS 1.3 Mbed TLS takes
 * the client's first one. */
static const int cipher_suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

/* In TLS 1.2 the server's order decides; in TLS 1.3 Mbed TLS takes the client's first share. Stock Mbed TLS
 * is fastest with P-256: a full TLS 1.2 handshake with an ECDSA key took 1.20 ms of the server's time,
 * against 1.35 ms with X25519 and 1.97 ms with P-384 (TLS 1.3: 1.37, 1.55 and 1.88 ms). */
static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

/* No SHA-1. PKCS #1 v1.5 is for TLS 1.2 only; TLS 1.3 passes over it (RFC 8446 4.2.3). */
static const uint16_t signature_algorithms[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,
    MBEDTLS_TLS1_3_SIG_NONE,
};

/* curl --http1.0 offers nothing but http/1.0, and the session speaks it. */
static const char *protocols[] = {"http/1.1", "http/1.0", NULL};

static pthread_once_t global_once = PTHREAD_ONCE_INIT;
static int global_result;

static void global_init(void)
{
    pst_tls_memory_init();
    global_result = psa_crypto_init() == PSA_SUCCESS ? 0 : PST_E_TLS;
}

int pst_tls_global_init(void)
{
    pthread_once(&global_once, global_init);
    return global_result;
}

void pst_tls_say(struct pst_tls_line line, const char *format, ...)
{
    if (line.cap == 0)
        return;
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line.text, line.cap, format, args);
    va_end(args);
}

static int configure(struct pst_tls_ctx *ctx)
{
    mbedtls_ssl_config *conf = &ctx->conf;
    int err = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
                                          MBEDTLS_SSL_PRESET_DEFAULT);
    if (err != 0)
        return err;
    mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &ctx->rng);
    mbedtls_ssl_conf_ciphersuites(conf, cipher_suites);
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_sig_algs(conf, signature_algorithms);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE); /* clients show no certificates */
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
#if defined(MBEDTLS_SSL_SESSION_TICKETS)
    mbedtls_ssl_conf_new_session_tickets(conf, 0);
#endif
    err = mbedtls_ssl_conf_alpn_protocols(conf, protocols);
    if (err != 0)
        return err;
    return mbedtls_ssl_conf_own_cert(conf, &ctx->chain, &ctx->key);
}

int pst_tls_ctx_new(struct pst_tls_ctx **ret_ctx, const void *cert, size_t cert_len, const void *key,
                    size_t key_len, int64_t now, char *error, size_t error_cap)
{
    static const char personal[] = "postern tls";
    struct pst_tls_line line = {error, error_cap};
    if (error_cap > 0)
        error[0] = '\0';
    struct pst_tls_ctx *ctx = calloc(1, sizeof(*ctx));
    if (!ctx) {
        pst_tls_say(line, "%s", "out of memory");
        return PST_E_NOMEM;
    }
    mbedtls_ssl_config_init(&ctx->conf);
    mbedtls_entropy_init(&ctx->entropy);
    mbedtls_ctr_drbg_init(&ctx->rng);
    mbedtls_x509_crt_init(&ctx->chain);
    mbedtls_pk_init(&ctx->key);
    int err = 0;
    if (mbedtls_ctr_drbg_seed(&ctx->rng, mbedtls_entropy_func, &ctx->entropy, (const unsigned char *)personal,
                              sizeof(personal) - 1) != 0) {
        pst_tls_say(line, "%s", "the operating system gave no randomness");
        err = PST_E_TLS;
        goto out;
    }
    err = pst_tls_cert_load(ctx, cert, cert_len, key, key_len, now, line);
    if (err != 0)
        goto out;
    int result = configure(ctx);
    if (result != 0) {
        pst_tls_say(line, "Mbed TLS could not be set up (error -0x%04X)", (unsigned)-result);
        err = result == MBEDTLS_ERR_SSL_ALLOC_FAILED ? PST_E_NOMEM : PST_E_TLS;
    }
out:
    if (err != 0) {
        pst_tls_ctx_free(ctx);
        return err;
    }
    *ret_ctx = ctx;
    return 0;
}

void pst_tls_ctx_versions(struct pst_tls_ctx *ctx, enum pst_tls_versions versions)
{
    mbedtls_ssl_conf_min_tls_version(&ctx->conf, versions == PST_TLS_13_ONLY ? MBEDTLS_SSL_VERSION_TLS1_3
                                                                             : MBEDTLS_SSL_VERSION_TLS1_2);
    mbedtls_ssl_conf_max_tls_version(&ctx->conf, versions == PST_TLS_12_ONLY ? MBEDTLS_SSL_VERSION_TLS1_2
                                                                             : MBEDTLS_SSL_VERSION_TLS1_3);
}

void pst_tls_ctx_free(struct pst_tls_ctx *ctx)
{
    if (!ctx)
        return;
    mbedtls_ssl_config_free(&ctx->conf);
    mbedtls_pk_free(&ctx->key); /* wipes it */
    mbedtls_x509_crt_free(&ctx->chain);
    mbedtls_ctr_drbg_free(&ctx->rng);
    mbedtls_entropy_free(&ctx->entropy);
    free(ctx);
}

static char library[256];
static pthread_once_t library_once = PTHREAD_ONCE_INIT;

static void library_init(void)
{
    char version[16] = MBEDTLS_VERSION_STRING;
    char accel[200] = "";
#if defined(MBEDTLS_VERSION_C)
    mbedtls_version_get_string(version);
#endif
#if defined(POSTERN_HAS_ACCEL)
    pst_accel_tell(accel, sizeof(accel));
#endif
    (void)snprintf(library, sizeof(library), "Mbed TLS %s, %s", version,
                   accel[0] ? accel : "not accelerated");
}

const char *pst_tls_library(void)
{
    pthread_once(&library_once, library_init);
    return library;
}
