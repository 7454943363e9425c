/* records.c - secret keys and texts: what protects records and tickets, and SHA-256. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS /* where the key is kept */

#include <string.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>

#if defined(POSTERN_ACCEL_SHA256)
#include <nettle/sha2.h>
#endif

#include "secrets.h"

enum { IV_LEN = 12, TAG_LEN = 16, RECORD_HEAD = 5, MESSAGE_MAX = 4096, FORGED = -1 };

struct record_bench {
    mbedtls_gcm_context gcm;
    mbedtls_chachapoly_context chachapoly;
    unsigned char key[32];
    unsigned char iv[IV_LEN];
    unsigned char head[RECORD_HEAD];
    unsigned char text[MESSAGE_MAX];
    unsigned char sealed[MESSAGE_MAX];
    unsigned char opened[MESSAGE_MAX];
    unsigned char tag[TAG_LEN];
};

/* One cipher. open() says FORGED for its own error of that meaning. */
struct cipher {
    void (*begin)(struct record_bench *b);
    int (*seal)(struct record_bench *b, size_t len);
    int (*open)(struct record_bench *b, size_t len);
    void (*end)(struct record_bench *b);
};

static void begin(struct record_bench *b, const struct cipher *cipher)
{
    memset(b, 0, sizeof(*b));
    fill(b->key, sizeof(b->key), 2);
    fill(b->iv, sizeof(b->iv), 3);
    fill(b->text, sizeof(b->text), 4);
    SECRET(b->key, sizeof(b->key));
    SECRET(b->text, sizeof(b->text));
    cipher->begin(b);
}

/* The seal is published: what goes over the wire, and comes back from it. */
static void seal(struct record_bench *b, const struct cipher *cipher, size_t len)
{
    MUST(cipher->seal(b, len) == 0);
    MUST((len == 0 || is_touched(b->sealed, len)) && is_touched(b->tag, TAG_LEN));
    PUBLIC(b->sealed, len);
    PUBLIC(b->tag, TAG_LEN);
}

static void seal_all(const struct cipher *cipher)
{
    static const size_t lengths[] = {0, 1, 15, 16, 17, 63, 64, 255, 1024, 1031, MESSAGE_MAX};
    struct record_bench b;
    begin(&b, cipher);
    for (size_t i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
        seal(&b, cipher, lengths[i]);
    cipher->end(&b);
}

/* One message, since the verdict of each is a complaint. */
static void open_one(const struct cipher *cipher, bool is_forged)
{
    enum { LEN = 1031 };
    struct record_bench b;
    begin(&b, cipher);
    seal(&b, cipher, LEN);
    b.tag[TAG_LEN - 1] ^= is_forged;
    MUST(cipher->open(&b, LEN) == (is_forged ? FORGED : 0));
    MUST(is_touched(b.opened, LEN) == !is_forged);
    cipher->end(&b);
}

/* ---- AES-GCM ---- */

#if defined(POSTERN_ACCEL_GCM)
static void gcm_begin(struct record_bench *b, unsigned keybits)
{
    mbedtls_gcm_init(&b->gcm);
    MUST(mbedtls_gcm_setkey(&b->gcm, MBEDTLS_CIPHER_ID_AES, b->key, keybits) == 0);
    MUST(b->gcm.ipsec_keybits == keybits);
}

static void gcm_128_begin(struct record_bench *b)
{
    gcm_begin(b, 128);
}

static void gcm_256_begin(struct record_bench *b)
{
    gcm_begin(b, 256);
}

static int gcm_seal(struct record_bench *b, size_t len)
{
    return mbedtls_gcm_crypt_and_tag(&b->gcm, MBEDTLS_GCM_ENCRYPT, len, b->iv, IV_LEN, b->head, RECORD_HEAD,
                                     b->text, b->sealed, TAG_LEN, b->tag);
}

static int gcm_open(struct record_bench *b, size_t len)
{
    int ret = mbedtls_gcm_auth_decrypt(&b->gcm, len, b->iv, IV_LEN, b->head, RECORD_HEAD, b->tag, TAG_LEN,
                                       b->sealed, b->opened);
    PUBLIC(&ret, sizeof(ret));
    return ret == MBEDTLS_ERR_GCM_AUTH_FAILED ? FORGED : ret;
}

static void gcm_end(struct record_bench *b)
{
    mbedtls_gcm_free(&b->gcm);
}

static const struct cipher aes_128_gcm = {gcm_128_begin, gcm_seal, gcm_open, gcm_end};
static const struct cipher aes_256_gcm = {gcm_256_begin, gcm_seal, gcm_open, gcm_end};

static void gcm_128_seal(void)
{
    seal_all(&aes_128_gcm);
}

static void gcm_256_seal(void)
{
    seal_all(&aes_256_gcm);
}

static void gcm_128_open(void)
{
    open_one(&aes_128_gcm, false);
}

static void gcm_256_open(void)
{
    open_one(&aes_256_gcm, false);
}

static void gcm_open_forged(void)
{
    open_one(&aes_128_gcm, true);
}

/* Idle in between: the tables are made anew of the key. */
static void gcm_trimmed(void)
{
    struct record_bench b;
    begin(&b, &aes_256_gcm);
    pst_accel_gcm_trim(&b.gcm);
    MUST(b.gcm.expanded == NULL);
    seal(&b, &aes_256_gcm, 64);
    MUST(b.gcm.expanded != NULL);
    gcm_end(&b);
}

/* In parts: the key goes over to the stock code. */
static void gcm_turned_stock(void)
{
    struct record_bench b;
    begin(&b, &aes_128_gcm);
    size_t len = 0;
    MUST(mbedtls_gcm_starts(&b.gcm, MBEDTLS_GCM_ENCRYPT, b.iv, IV_LEN) == 0);
    MUST(b.gcm.ipsec_keybits == 0);
    MUST(mbedtls_gcm_update(&b.gcm, b.text, 64, b.sealed, 64, &len) == 0 && len == 64);
    MUST(is_touched(b.sealed, 64));
    gcm_end(&b);
}
#endif

/* ---- ChaCha20-Poly1305 ---- */

#if defined(POSTERN_ACCEL_CHACHAPOLY)
static void chachapoly_begin(struct record_bench *b)
{
    mbedtls_chachapoly_init(&b->chachapoly);
    MUST(mbedtls_chachapoly_setkey(&b->chachapoly, b->key) == 0);
    MUST(b->chachapoly.ipsec != NULL);
}

static int chachapoly_seal(struct record_bench *b, size_t len)
{
    return mbedtls_chachapoly_encrypt_and_tag(&b->chachapoly, len, b->iv, b->head, RECORD_HEAD, b->text,
                                              b->sealed, b->tag);
}

static int chachapoly_open(struct record_bench *b, size_t len)
{
    int ret = mbedtls_chachapoly_auth_decrypt(&b->chachapoly, len, b->iv, b->head, RECORD_HEAD, b->tag,
                                              b->sealed, b->opened);
    PUBLIC(&ret, sizeof(ret));
    return ret == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED ? FORGED : ret;
}

static void chachapoly_end(struct record_bench *b)
{
    mbedtls_chachapoly_free(&b->chachapoly);
}

static const struct cipher chacha20_poly1305 = {chachapoly_begin, chachapoly_seal, chachapoly_open,
                                                chachapoly_end};

static void chachapoly_seal_all(void)
{
    seal_all(&chacha20_poly1305);
}

static void chachapoly_open_one(void)
{
    open_one(&chacha20_poly1305, false);
}

static void chachapoly_open_forged(void)
{
    open_one(&chacha20_poly1305, true);
}
#endif

/* ---- SHA-256 ---- */

#if defined(POSTERN_ACCEL_SHA256)
/* What mbedtls_sha256_starts() does on a processor with SHA instructions. valgrind has none, so that nettle
 * takes its other code: what is tested is what lies around it. */
static void sha256(void)
{
    mbedtls_sha256_context ctx;
    mbedtls_sha256_context copy;
    unsigned char text[300];
    unsigned char digest[32];
    fill(text, sizeof(text), 5);
    SECRET(text, sizeof(text));
    mbedtls_sha256_init(&ctx);
    mbedtls_sha256_init(&copy);
    ctx.is_nettle = 1;
    nettle_sha256_init((struct sha256_ctx *)ctx.u.nettle);
    MUST(mbedtls_sha256_update(&ctx, text, 3) == 0);
    MUST(mbedtls_sha256_update(&ctx, text + 3, 200) == 0);
    mbedtls_sha256_clone(&copy, &ctx);
    MUST(mbedtls_sha256_update(&ctx, text + 203, sizeof(text) - 203) == 0);
    MUST(mbedtls_sha256_finish(&ctx, digest) == 0 && is_touched(digest, sizeof(digest)));
    MUST(mbedtls_sha256_finish(&copy, digest) == 0 && is_touched(digest, sizeof(digest)));
    mbedtls_sha256_free(&ctx);
    mbedtls_sha256_free(&copy);
}
#endif

const struct secret_case record_cases[] = {
#if defined(POSTERN_ACCEL_GCM)
    {"gcm/128_seal", gcm_128_seal},
    {"gcm/256_seal", gcm_256_seal},
    {"gcm/128_open", gcm_128_open},
    {"gcm/256_open", gcm_256_open},
    {"gcm/open_forged", gcm_open_forged},
    {"gcm/trimmed", gcm_trimmed},
    {"gcm/turned_stock", gcm_turned_stock},
#endif
#if defined(POSTERN_ACCEL_CHACHAPOLY)
    {"chachapoly/seal", chachapoly_seal_all},
    {"chachapoly/open", chachapoly_open_one},
    {"chachapoly/open_forged", chachapoly_open_forged},
#endif
#if defined(POSTERN_ACCEL_SHA256)
    {"sha256/digest", sha256},
#endif
    {NULL, NULL},
};
