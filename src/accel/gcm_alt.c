/*
 * gcm_alt.c - AES-GCM by intel-ipsec-mb: whole messages with a 96-bit IV under AES-128 or AES-256, which is
 * what TLS protects records and tickets with. Whatever else is asked of a context turns it into a stock one,
 * made of the same key, before anything is done; it stays that until the next key. So other IVs, other
 * ciphers, messages in parts and every misuse end as they do in Mbed TLS.
 *
 * A key expands to 1 KiB (round keys, and powers of the hash key). That goes when the context is trimmed, and
 * the next message makes it again; where there is no memory for it, on the stack.
 *
 * All that the library might object to is sorted out before: see is_common().
 */
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include <mbedtls/cipher.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_util.h>

#include "hooks.h"
#include "ipsec.h"

enum { IV_LEN = 12, TAG_LEN = 16, TAG_MIN = 4 };

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
    *ctx = (mbedtls_gcm_context){0};
}

static void free_stock(pst_stock_gcm_context *stock)
{
    if (!stock)
        return;
    pst_stock_gcm_free(stock);
    mbedtls_free(stock);
}

void pst_accel_gcm_trim(mbedtls_gcm_context *ctx)
{
    if (!ctx->expanded)
        return;
    mbedtls_platform_zeroize(ctx->expanded, sizeof(struct gcm_key_data));
    mbedtls_free(ctx->expanded);
    ctx->expanded = NULL;
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
    if (!ctx)
        return;
    pst_accel_gcm_trim(ctx);
    free_stock(ctx->stock);
    mbedtls_platform_zeroize(ctx, sizeof(*ctx));
}

/* On error the context is as it was. */
static int become_stock(mbedtls_gcm_context *ctx)
{
    if (ctx->stock)
        return 0;
    pst_stock_gcm_context *stock = mbedtls_calloc(1, sizeof(*stock));
    if (!stock)
        return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
    pst_stock_gcm_init(stock);
    int err =
        ctx->ipsec ? pst_stock_gcm_setkey(stock, MBEDTLS_CIPHER_ID_AES, ctx->key, ctx->ipsec_keybits) : 0;
    if (err != 0) {
        free_stock(stock);
        return err;
    }
    mbedtls_gcm_free(ctx);
    ctx->stock = stock;
    return 0;
}

/* False where there is no memory for it. */
static bool expand(mbedtls_gcm_context *ctx)
{
    if (!ctx->expanded) {
        ctx->expanded = mbedtls_calloc(1, sizeof(struct gcm_key_data));
        if (ctx->expanded)
            ctx->ipsec->set_key(ctx->key, ctx->expanded);
    }
    return ctx->expanded != NULL;
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher, const unsigned char *key,
                       unsigned int keybits)
{
    bool is_common_key = cipher == MBEDTLS_CIPHER_ID_AES && (keybits == 128 || keybits == 256) && key;
    const struct pst_accel_ipsec *ipsec = is_common_key ? pst_accel_ipsec() : NULL;
    if (!ipsec) {
        int err = become_stock(ctx);
        return err != 0 ? err : pst_stock_gcm_setkey(ctx->stock, cipher, key, keybits);
    }
    mbedtls_gcm_free(ctx);
    ctx->ipsec = keybits == 128 ? &ipsec->aes128 : &ipsec->aes256;
    ctx->ipsec_keybits = keybits;
    memcpy(ctx->key, key, keybits / 8);
    (void)expand(ctx);
    return 0;
}

struct message {
    size_t len;
    const unsigned char *iv;
    size_t iv_len;
    const unsigned char *add;
    size_t add_len;
    const unsigned char *input;
    unsigned char *output;
    size_t tag_len;
};

static bool is_common(const mbedtls_gcm_context *ctx, const struct message *m)
{
    return ctx->ipsec && m->iv && m->iv_len == IV_LEN && m->tag_len >= TAG_MIN && m->tag_len <= TAG_LEN &&
           m->len <= UINT32_MAX && m->add_len <= UINT32_MAX && (m->add || m->add_len == 0) &&
           ((m->input && m->output) || m->len == 0) &&
           pst_accel_ipsec_is_overlap_fine(m->input, m->output, m->len);
}

/* The whole tag of a common message. */
static void run(mbedtls_gcm_context *ctx, aes_gcm_enc_dec_t crypt, const struct message *m,
                unsigned char tag[TAG_LEN])
{
    static const unsigned char none[1];
    unsigned char nowhere[1];
    struct gcm_context_data state;
    struct gcm_key_data spare;
    bool has_room = expand(ctx);
    if (!has_room)
        ctx->ipsec->set_key(ctx->key, &spare);
    crypt(has_room ? ctx->expanded : &spare, &state, m->len ? m->output : nowhere, m->len ? m->input : none,
          m->len, m->iv, m->add_len ? m->add : none, m->add_len, tag, TAG_LEN);
    mbedtls_platform_zeroize(&state, sizeof(state));
    if (!has_room)
        mbedtls_platform_zeroize(&spare, sizeof(spare));
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t length, const unsigned char *iv,
                              size_t iv_len, const unsigned char *add, size_t add_len,
                              const unsigned char *input, unsigned char *output, size_t tag_len,
                              unsigned char *tag)
{
    struct message m = {length, iv, iv_len, add, add_len, input, output, tag_len};
    if (!is_common(ctx, &m) || (mode != MBEDTLS_GCM_ENCRYPT && mode != MBEDTLS_GCM_DECRYPT)) {
        int err = become_stock(ctx);
        return err != 0 ? err
                        : pst_stock_gcm_crypt_and_tag(ctx->stock, mode, length, iv, iv_len, add, add_len,
                                                      input, output, tag_len, tag);
    }
    unsigned char whole[TAG_LEN] = {0};
    run(ctx, mode == MBEDTLS_GCM_ENCRYPT ? ctx->ipsec->encrypt : ctx->ipsec->decrypt, &m, whole);
    memcpy(tag, whole, tag_len);
    mbedtls_platform_zeroize(whole, sizeof(whole));
    return 0;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t length, const unsigned char *iv, size_t iv_len,
                             const unsigned char *add, size_t add_len, const unsigned char *tag,
                             size_t tag_len, const unsigned char *input, unsigned char *output)
{
    struct message m = {length, iv, iv_len, add, add_len, input, output, tag_len};
    if (!is_common(ctx, &m)) {
        int err = become_stock(ctx);
        return err != 0 ? err
                        : pst_stock_gcm_auth_decrypt(ctx->stock, length, iv, iv_len, add, add_len, tag,
                                                     tag_len, input, output);
    }
    unsigned char right[TAG_LEN] = {0};
    run(ctx, ctx->ipsec->decrypt, &m, right);
    int differs = mbedtls_ct_memcmp(tag, right, tag_len);
    mbedtls_platform_zeroize(right, sizeof(right)); /* of a forged message it is nobody's business */
    if (differs == 0)
        return 0;
    if (length > 0)
        mbedtls_platform_zeroize(output, length);
    return MBEDTLS_ERR_GCM_AUTH_FAILED;
}

/* In parts: by the stock code. */

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *iv, size_t iv_len)
{
    int err = become_stock(ctx);
    return err != 0 ? err : pst_stock_gcm_starts(ctx->stock, mode, iv, iv_len);
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_len)
{
    int err = become_stock(ctx);
    return err != 0 ? err : pst_stock_gcm_update_ad(ctx->stock, add, add_len);
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *input, size_t input_length,
                       unsigned char *output, size_t output_size, size_t *output_length)
{
    int err = become_stock(ctx);
    return err != 0
               ? err
               : pst_stock_gcm_update(ctx->stock, input, input_length, output, output_size, output_length);
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *output, size_t output_size,
                       size_t *output_length, unsigned char *tag, size_t tag_len)
{
    int err = become_stock(ctx);
    return err != 0 ? err
                    : pst_stock_gcm_finish(ctx->stock, output, output_size, output_length, tag, tag_len);
}

void pst_accel_gcm_tell(char *out, size_t size)
{
    pst_accel_ipsec_tell("AES-GCM", out, size);
}
