/*
 * chachapoly_alt.c - ChaCha20-Poly1305 (RFC 8439) by intel-ipsec-mb: whole messages, which is what TLS
 * protects records with. Messages in parts, and all that is unusual, are the stock code's. Its context has
 * the key for both, so nothing is to be made anew when the one follows the other.
 */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS  /* the key in the stock context, and whether a message was begun there \
                                       */

#include <stdbool.h>
#include <stdint.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/platform_util.h>

#include "hooks.h"
#include "ipsec.h"

enum { KEY_AT = 4, KEY_LEN = 32, TAG_LEN = 16 };

_Static_assert(sizeof(((pst_stock_chachapoly_context *)0)->chacha20_ctx.state) >=
                   KEY_AT * sizeof(uint32_t) + KEY_LEN,
               "no key where it was");

void mbedtls_chachapoly_init(mbedtls_chachapoly_context *ctx)
{
    pst_stock_chachapoly_init(&ctx->stock);
    ctx->ipsec = NULL;
}

void mbedtls_chachapoly_free(mbedtls_chachapoly_context *ctx)
{
    if (!ctx)
        return;
    pst_stock_chachapoly_free(&ctx->stock);
    ctx->ipsec = NULL;
}

int mbedtls_chachapoly_setkey(mbedtls_chachapoly_context *ctx, const unsigned char key[KEY_LEN])
{
    ctx->ipsec = pst_accel_ipsec();
    return pst_stock_chachapoly_setkey(&ctx->stock, key);
}

struct message {
    size_t len;
    const unsigned char *nonce;
    const unsigned char *aad;
    size_t aad_len;
    const unsigned char *input;
    unsigned char *output;
};

/* A context in which a message in parts was ever begun stays with the stock code, which forgets that message
 * when a whole one comes. The counter of blocks has 32 bits: such long messages are the stock code's, too. */
static bool is_common(const mbedtls_chachapoly_context *ctx, const struct message *m)
{
    return ctx->ipsec && ctx->stock.state == 0 && m->nonce && m->len <= UINT32_MAX &&
           m->aad_len <= UINT32_MAX && (m->aad || m->aad_len == 0) &&
           ((m->input && m->output) || m->len == 0) &&
           pst_accel_ipsec_is_overlap_fine(m->input, m->output, m->len);
}

/* Of a common message. */
static void run(const mbedtls_chachapoly_context *ctx, bool is_encrypting, const struct message *m,
                unsigned char tag[TAG_LEN])
{
    static const unsigned char none[1];
    /* RFC 8439 2.3: the key is words 4 to 11 of the state, least significant byte first as in this processor.
     */
    const void *key = &ctx->stock.chacha20_ctx.state[KEY_AT];
    struct chacha20_poly1305_context_data state;
    ctx->ipsec->chachapoly_init(key, &state, m->nonce, m->aad_len ? m->aad : none, m->aad_len);
    if (m->len > 0)
        (is_encrypting ? ctx->ipsec->chachapoly_encrypt
                       : ctx->ipsec->chachapoly_decrypt)(key, &state, m->output, m->input, m->len);
    ctx->ipsec->chachapoly_finalize(&state, tag, TAG_LEN);
    mbedtls_platform_zeroize(&state, sizeof(state));
}

int mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context *ctx, size_t length,
                                       const unsigned char nonce[12], const unsigned char *aad,
                                       size_t aad_len, const unsigned char *input, unsigned char *output,
                                       unsigned char tag[TAG_LEN])
{
    struct message m = {length, nonce, aad, aad_len, input, output};
    if (!is_common(ctx, &m))
        return pst_stock_chachapoly_encrypt_and_tag(&ctx->stock, length, nonce, aad, aad_len, input, output,
                                                    tag);
    run(ctx, true, &m, tag);
    return 0;
}

int mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context *ctx, size_t length,
                                    const unsigned char nonce[12], const unsigned char *aad, size_t aad_len,
                                    const unsigned char tag[TAG_LEN], const unsigned char *input,
                                    unsigned char *output)
{
    struct message m = {length, nonce, aad, aad_len, input, output};
    if (!is_common(ctx, &m))
        return pst_stock_chachapoly_auth_decrypt(&ctx->stock, length, nonce, aad, aad_len, tag, input,
                                                 output);
    unsigned char right[TAG_LEN] = {0};
    run(ctx, false, &m, right);
    int differs = mbedtls_ct_memcmp(tag, right, TAG_LEN);
    mbedtls_platform_zeroize(right, sizeof(right)); /* of a forged message it is nobody's business */
    if (differs == 0)
        return 0;
    if (length > 0)
        mbedtls_platform_zeroize(output, length);
    return MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
}

/* In parts: by the stock code. */

int mbedtls_chachapoly_starts(mbedtls_chachapoly_context *ctx, const unsigned char nonce[12],
                              mbedtls_chachapoly_mode_t mode)
{
    return pst_stock_chachapoly_starts(&ctx->stock, nonce, (pst_stock_chachapoly_mode_t)mode);
}

int mbedtls_chachapoly_update_aad(mbedtls_chachapoly_context *ctx, const unsigned char *aad, size_t aad_len)
{
    return pst_stock_chachapoly_update_aad(&ctx->stock, aad, aad_len);
}

int mbedtls_chachapoly_update(mbedtls_chachapoly_context *ctx, size_t len, const unsigned char *input,
                              unsigned char *output)
{
    return pst_stock_chachapoly_update(&ctx->stock, len, input, output);
}

int mbedtls_chachapoly_finish(mbedtls_chachapoly_context *ctx, unsigned char mac[TAG_LEN])
{
    return pst_stock_chachapoly_finish(&ctx->stock, mac);
}

void pst_accel_chachapoly_tell(char *out, size_t size)
{
    pst_accel_ipsec_tell("ChaCha20-Poly1305", out, size);
}
