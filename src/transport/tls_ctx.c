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

/* In TLS 1.2 the server's order decides; in TLS 1.3 Mbed TLS takes the client's first share. With libsodium
 * X25519 is the fastest. Stock Mbed TLS is fastest with P-256: a full TLS 1.2 handshake with an ECDSA key
 * took 1.20 ms of the server's time, against 1.35 ms with X25519 and 1.97 ms with P-384. */
static const uint16_t groups[] = {
#if defined(POSTERN_ACCEL_X25519)
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
#endif
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
#if !defined(POSTERN_ACCEL_X25519)
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
#endif
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
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
    mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &ctx->random.rng);
    mbedtls_ssl_conf_ciphersuites(conf, cipher_suites);
    mbedtls_ssl_conf_groups(conf, groups);
    mbedtls_ssl_conf_sig_algs(conf, signature_algorithms);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE); /* unless the certificates' set asks for one */
#if defined(MBEDTLS_SSL_RENEGOTIATION)
    mbedtls_ssl_conf_renegotiation(conf, MBEDTLS_SSL_RENEGOTIATION_DISABLED);
#endif
    mbedtls_ssl_conf_new_session_tickets(conf, 0); /* until there are keys for them */
    mbedtls_ssl_conf_cert_cb(conf, pst_tls_certs_choose);
    return mbedtls_ssl_conf_alpn_protocols(conf, protocols);
}

int pst_tls_random_init(struct pst_tls_random *random, struct pst_tls_line line)
{
    static const char personal[] = "postern tls";
    mbedtls_entropy_init(&random->entropy);
    mbedtls_ctr_drbg_init(&random->rng);
    if (mbedtls_ctr_drbg_seed(&random->rng, mbedtls_entropy_func, &random->entropy,
                              (const unsigned char *)personal, sizeof(personal) - 1) == 0)
        return 0;
    pst_tls_say(line, "%s", "the operating system gave no randomness");
    return PST_E_TLS;
}

void pst_tls_random_fini(struct pst_tls_random *random)
{
    mbedtls_ctr_drbg_free(&random->rng);
    mbedtls_entropy_free(&random->entropy);
}

int pst_tls_ctx_new(struct pst_tls_ctx **ret_ctx, struct pst_tls_certs *certs, char *error, size_t error_cap)
{
    struct pst_tls_line line = {error, error_cap};
    if (error_cap > 0)
        error[0] = '\0';
    struct pst_tls_ctx *ctx = calloc(1, sizeof(*ctx));
    if (!ctx)
        return pst_tls_out_of_memory(line);
    mbedtls_ssl_config_init(&ctx->conf);
    mbedtls_ssl_ticket_init(&ctx->ticket);
    ctx->certs = pst_tls_certs_ref(certs);
    int err = pst_tls_random_init(&ctx->random, line);
    int result = err == 0 ? configure(ctx) : 0;
    if (result != 0) {
        pst_tls_say(line, "Mbed TLS could not be set up (error -0x%04X)", (unsigned)-result);
        err = result == MBEDTLS_ERR_SSL_ALLOC_FAILED ? PST_E_NOMEM : PST_E_TLS;
    }
    if (err != 0) {
        pst_tls_ctx_free(ctx);
        return err;
    }
    *ret_ctx = ctx;
    return 0;
}

void pst_tls_ctx_set_certs(struct pst_tls_ctx *ctx, struct pst_tls_certs *certs)
{
    struct pst_tls_certs *old = ctx->certs;
    ctx->certs = pst_tls_certs_ref(certs);
    pst_tls_certs_unref(old);
}

struct pst_tls_certs *pst_tls_ctx_certs(const struct pst_tls_ctx *ctx)
{
    return ctx->certs;
}

void pst_tls_ctx_versions(struct pst_tls_ctx *ctx, enum pst_tls_versions versions)
{
    ctx->versions = versions;
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
    mbedtls_ssl_ticket_free(&ctx->ticket);
    pst_tls_certs_unref(ctx->certs);
    pst_tls_random_fini(&ctx->random);
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
