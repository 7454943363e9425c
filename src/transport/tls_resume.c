/* tls_resume.c - a worker's side of session tickets: sealing and opening them with keys made from the shared
 * secrets.
 */
#include <string.h>

#include <mbedtls/hkdf.h>
#include <mbedtls/platform_util.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

/* AES-256-GCM, and the name by which its key is found again. */
enum { KEY_BYTES = 32, NAME_BYTES = MBEDTLS_SSL_TICKET_KEY_NAME_BYTES };

/* RFC 5869: the key depends on what is served, so that other certificates, or other versions of TLS, mean
 * other keys. */
static int add_key(struct pst_tls_ctx *ctx, const uint8_t secret[PST_TICKET_SECRET_BYTES])
{
    static const char label[] = "postern session tickets";
    uint8_t info[sizeof(label) + PST_TLS_FINGERPRINT_BYTES], made[NAME_BYTES + KEY_BYTES];
    memcpy(info, label, sizeof(label) - 1);
    memcpy(info + sizeof(label) - 1, ctx->certs->fingerprint, PST_TLS_FINGERPRINT_BYTES);
    info[sizeof(info) - 1] = (uint8_t)ctx->versions;
    int result = mbedtls_hkdf(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), NULL, 0, secret,
                              PST_TICKET_SECRET_BYTES, info, sizeof(info), made, sizeof(made));
    if (result == 0)
        result = mbedtls_ssl_ticket_rotate(&ctx->ticket, made, NAME_BYTES, made + NAME_BYTES, KEY_BYTES,
                                           PST_TICKET_LIFETIME_S);
    mbedtls_platform_zeroize(made, sizeof(made));
    return result;
}

/* Follows the shared secrets and the certificates. Of the two keys that Mbed TLS keeps, the one given last is
 * for new tickets. */
static int refresh(struct pst_tls_ctx *ctx)
{
    if (ctx->ticket_generation == pst_tls_tickets_generation(ctx->tickets) &&
        memcmp(ctx->ticket_fingerprint, ctx->certs->fingerprint, PST_TLS_FINGERPRINT_BYTES) == 0)
        return 0;
    uint8_t current[PST_TICKET_SECRET_BYTES], previous[PST_TICKET_SECRET_BYTES];
    uint64_t generation = pst_tls_tickets_get(ctx->tickets, current, previous);
    int result = add_key(ctx, previous);
    if (result == 0)
        result = add_key(ctx, current);
    if (result == 0) {
        ctx->ticket_generation = generation;
        memcpy(ctx->ticket_fingerprint, ctx->certs->fingerprint, PST_TLS_FINGERPRINT_BYTES);
    }
    mbedtls_platform_zeroize(current, sizeof(current));
    mbedtls_platform_zeroize(previous, sizeof(previous));
    return result;
}

static int write_ticket(void *arg, const mbedtls_ssl_session *session, unsigned char *start,
                        const unsigned char *end, size_t *ret_len, uint32_t *ret_lifetime)
{
    struct pst_tls_ctx *ctx = arg;
    int result = refresh(ctx);
    return result != 0 ? result
                       : mbedtls_ssl_ticket_write(&ctx->ticket, session, start, end, ret_len, ret_lifetime);
}

static int parse_ticket(void *arg, mbedtls_ssl_session *session, unsigned char *buf, size_t len)
{
    struct pst_tls_ctx *ctx = arg;
    /* A session does not tell who the client was. */
    int result = ctx->certs->client_ca ? MBEDTLS_ERR_SSL_INVALID_MAC : refresh(ctx);
    if (result == 0)
        result = mbedtls_ssl_ticket_parse(&ctx->ticket, session, buf, len);
    ctx->has_opened_ticket = result == 0;
    return result;
}

int pst_tls_ctx_set_tickets(struct pst_tls_ctx *ctx, struct pst_tls_tickets *tickets)
{
    int result = mbedtls_ssl_ticket_setup(&ctx->ticket, mbedtls_ctr_drbg_random, &ctx->random.rng,
                                          MBEDTLS_CIPHER_AES_256_GCM, PST_TICKET_LIFETIME_S);
    if (result != 0)
        return result == MBEDTLS_ERR_SSL_ALLOC_FAILED || result == MBEDTLS_ERR_CIPHER_ALLOC_FAILED
                   ? PST_E_NOMEM
                   : PST_E_TLS;
    ctx->tickets = tickets;
    mbedtls_ssl_conf_session_tickets_cb(&ctx->conf, write_ticket, parse_ticket, ctx);
    mbedtls_ssl_conf_new_session_tickets(&ctx->conf, 1);
    return 0;
}
