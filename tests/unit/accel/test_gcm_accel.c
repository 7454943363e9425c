/* AES-GCM as Mbed TLS has it in this build: whole messages, where a library may do the work, against messages
 * in parts, where Mbed TLS's own code does, and against a plain one written here. Passes as well where
 * nothing is accelerated. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/aes.h>
#include <mbedtls/cipher.h>
#include <mbedtls/gcm.h>
#include <psa/crypto.h>

#define DICE_SEED 0x706f737465726e32
#if defined(POSTERN_ACCEL_GCM)
#define HAS_LIBRARY
#endif
#include "unit/accel/accel_bench.h"
#include "unit/accel/gf128.h"

/* The thread sanitizer is here for the first test only. */
#if defined(__SANITIZE_THREAD__)
#define CASES 2000
#else
#define CASES 100000
#endif

enum {
    TAG = 16,
    BLOCK = GF128_BYTES,
    LEN_MAX = 1200,
    RARE_LEN_MAX = 20000,
    AAD_MAX = 300,
    IV_MAX = 40,
    SLACK = 64
};

/* NIST SP 800-38D, bit by bit. */

static void plain_ghash(unsigned char y[BLOCK], const unsigned char h[BLOCK], const unsigned char *data,
                        size_t len)
{
    for (size_t at = 0; at < len; at += BLOCK) {
        for (size_t n = 0; n < BLOCK && at + n < len; n++)
            y[n] ^= data[at + n];
        gf128_multiply(y, h);
    }
}

static void plain_lengths(unsigned char y[BLOCK], const unsigned char h[BLOCK], size_t first, size_t second)
{
    unsigned char lengths[BLOCK];
    for (unsigned i = 0; i < 8; i++) {
        lengths[7 - i] = (unsigned char)((uint64_t)first * 8 >> 8 * i);
        lengths[15 - i] = (unsigned char)((uint64_t)second * 8 >> 8 * i);
    }
    plain_ghash(y, h, lengths, BLOCK);
}

struct message {
    unsigned char key[32];
    unsigned keybits;
    unsigned char iv[IV_MAX];
    size_t iv_len;
    unsigned char add[AAD_MAX];
    size_t add_len;
    const unsigned char *text;
    size_t len;
    size_t tag_len;
};

static void plain_encrypt(const struct message *m, unsigned char *output, unsigned char tag[TAG])
{
    mbedtls_aes_context aes;
    mbedtls_aes_init(&aes);
    assert_int_equal(mbedtls_aes_setkey_enc(&aes, m->key, m->keybits), 0);
    unsigned char h[BLOCK] = {0};
    unsigned char counter[BLOCK] = {0};
    unsigned char mask[BLOCK];
    mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, h, h);
    if (m->iv_len == 12) {
        memcpy(counter, m->iv, 12);
        counter[15] = 1;
    } else {
        plain_ghash(counter, h, m->iv, m->iv_len);
        plain_lengths(counter, h, 0, m->iv_len);
    }
    mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, counter, tag);
    for (size_t at = 0; at < m->len; at++) {
        if (at % BLOCK == 0) {
            for (unsigned n = BLOCK - 1; n >= 12 && ++counter[n] == 0; n--)
                ;
            mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, counter, mask);
        }
        output[at] = m->text[at] ^ mask[at % BLOCK];
    }
    unsigned char y[BLOCK] = {0};
    plain_ghash(y, h, m->add, m->add_len);
    plain_ghash(y, h, output, m->len);
    plain_lengths(y, h, m->add_len, m->len);
    for (unsigned n = 0; n < TAG; n++)
        tag[n] ^= y[n];
    mbedtls_aes_free(&aes);
}

static void roll_bytes(unsigned char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)roll(256);
}

static void roll_message(struct message *m, const unsigned char *pool)
{
    static const unsigned keybits[] = {128, 128, 128, 256, 256, 256, 256, 192};
    m->keybits = keybits[roll(8)];
    roll_bytes(m->key, sizeof(m->key));
    m->iv_len = roll(12) ? 12 : 1 + roll(IV_MAX);
    roll_bytes(m->iv, m->iv_len);
    /* Of TLS 1.3 and 1.2, none, others. */
    static const size_t add_lens[] = {5, 13, 0};
    size_t kind = roll(5);
    m->add_len = kind < 3 ? add_lens[kind] : roll(AAD_MAX + 1);
    roll_bytes(m->add, m->add_len);
    m->len = roll(100) ? roll(roll(2) ? 80 : LEN_MAX) : roll(RARE_LEN_MAX);
    m->text = pool + roll(RARE_LEN_MAX - m->len + 1);
    m->tag_len = roll(3) ? TAG : 4 + roll(13);
}

/* With the key set, by parts of any size: never by the library. */
static void encrypt_in_parts(mbedtls_gcm_context *gcm, const struct message *m, unsigned char *output,
                             unsigned char tag[TAG])
{
    size_t done = 0;
    assert_int_equal(mbedtls_gcm_starts(gcm, MBEDTLS_GCM_ENCRYPT, m->iv, m->iv_len), 0);
    for (size_t at = 0, part = 0; at < m->add_len; at += part) {
        part = roll(2) ? m->add_len - at : 1 + roll(m->add_len - at);
        assert_int_equal(mbedtls_gcm_update_ad(gcm, m->add + at, part), 0);
    }
    for (size_t at = 0, part = 0; at < m->len; at += part) {
        part = roll(2) ? m->len - at : 1 + roll(m->len - at);
        assert_int_equal(mbedtls_gcm_update(gcm, m->text + at, part, output + at, part, &done), 0);
        assert_int_equal(done, part);
    }
    assert_int_equal(mbedtls_gcm_finish(gcm, NULL, 0, &done, tag, m->tag_len), 0);
}

static bool is_all(const unsigned char *p, size_t len, unsigned char value)
{
    for (size_t i = 0; i < len; i++)
        if (p[i] != value)
            return false;
    return true;
}

/* Where the whole message comes from and goes to: in place, or apart, at any alignment, or too near behind.
 */
struct buffers {
    unsigned char area[2 * (RARE_LEN_MAX + 2 * SLACK)];
    unsigned char *in, *out;
    unsigned char *guard; /* is 0xa5, and stays that */
};

static void place(struct buffers *b, const unsigned char *text, size_t len)
{
    b->in = b->area + SLACK + roll(SLACK);
    size_t how = roll(8);
    if (how < 3)
        b->out = b->in;
    else if (how < 7)
        b->out = b->area + RARE_LEN_MAX + 2 * SLACK + roll(SLACK / 2);
    else
        b->out = b->in - 16 * (1 + roll(4)); /* before what is still to be read: allowed */
    b->guard = (b->out < b->in ? b->in : b->out) + len;
    memset(b->out, 0x5a, len);
    memcpy(b->in, text, len);
    *b->guard = 0xa5;
}

/* One bit of what is protected, anywhere. */
static void forge(struct message *m, unsigned char *sealed, unsigned char *tag)
{
    unsigned char bit = (unsigned char)(1U << roll(8));
    switch (roll(4)) {
    case 0:
        if (m->len > 0) {
            sealed[roll(m->len)] ^= bit;
            return;
        }
        break;
    case 1:
        if (m->add_len > 0) {
            m->add[roll(m->add_len)] ^= bit;
            return;
        }
        break;
    case 2:
        m->iv[roll(m->iv_len)] ^= bit;
        return;
    default:
        break;
    }
    tag[roll(m->tag_len)] ^= bit;
}

static void check_case(mbedtls_gcm_context *gcm, mbedtls_gcm_context *parts, struct message *m,
                       struct buffers *b, bool with_plain)
{
    static unsigned char sealed[RARE_LEN_MAX];
    unsigned char tag[TAG];
    unsigned char got[TAG + 1];
    encrypt_in_parts(parts, m, sealed, tag);
    if (with_plain) {
        static unsigned char other[RARE_LEN_MAX];
        plain_encrypt(m, other, got);
        assert_memory_equal(other, sealed, m->len);
        assert_memory_equal(got, tag, m->tag_len);
    }

    memset(got, 0x5a, sizeof(got));
    place(b, m->text, m->len);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(gcm, MBEDTLS_GCM_ENCRYPT, m->len, m->iv, m->iv_len, m->add,
                                               m->add_len, b->in, b->out, m->tag_len, got),
                     0);
    assert_memory_equal(b->out, sealed, m->len);
    assert_int_equal(*b->guard, 0xa5);
    assert_memory_equal(got, tag, m->tag_len);
    assert_true(is_all(got + m->tag_len, sizeof(got) - m->tag_len, 0x5a));

    place(b, sealed, m->len);
    bool is_checked = roll(2);
    if (is_checked)
        assert_int_equal(mbedtls_gcm_auth_decrypt(gcm, m->len, m->iv, m->iv_len, m->add, m->add_len, tag,
                                                  m->tag_len, b->in, b->out),
                         0);
    else
        assert_int_equal(mbedtls_gcm_crypt_and_tag(gcm, MBEDTLS_GCM_DECRYPT, m->len, m->iv, m->iv_len, m->add,
                                                   m->add_len, b->in, b->out, m->tag_len, got),
                         0);
    assert_memory_equal(b->out, m->text, m->len);
    assert_int_equal(*b->guard, 0xa5);
    assert_memory_equal(got, tag, m->tag_len);

    forge(m, sealed, tag);
    place(b, sealed, m->len);
    assert_int_equal(mbedtls_gcm_auth_decrypt(gcm, m->len, m->iv, m->iv_len, m->add, m->add_len, tag,
                                              m->tag_len, b->in, b->out),
                     MBEDTLS_ERR_GCM_AUTH_FAILED);
    assert_true(is_all(b->out, m->len, 0));
    assert_int_equal(*b->guard, 0xa5);
}

static void test_gcm__whole_messages__agree_with_those_in_parts_and_a_plain_one(void **state)
{
    (void)state;
    static unsigned char pool[RARE_LEN_MAX];
    static struct buffers buffers;
    roll_bytes(pool, sizeof(pool));
    mbedtls_gcm_context gcm;
    mbedtls_gcm_context parts;
    mbedtls_gcm_init(&gcm);
    mbedtls_gcm_init(&parts);
    struct message m;
    for (size_t n = 0; n < CASES; n++) {
        roll_message(&m, pool);
        /* Mostly the second key of the same context. */
        if (roll(8) == 0) {
            mbedtls_gcm_free(&gcm);
            mbedtls_gcm_init(&gcm);
        }
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, m.key, m.keybits), 0);
        assert_int_equal(mbedtls_gcm_setkey(&parts, MBEDTLS_CIPHER_ID_AES, m.key, m.keybits), 0);
        check_case(&gcm, &parts, &m, &buffers, n % 16 == 0);
    }
    mbedtls_gcm_free(&gcm);
    mbedtls_gcm_free(&parts);
}

static void test_gcm__one_key__many_messages_of_all_kinds(void **state)
{
    (void)state;
    static unsigned char pool[RARE_LEN_MAX];
    static struct buffers buffers;
    roll_bytes(pool, sizeof(pool));
    for (unsigned keybits = 128; keybits <= 256; keybits += 64) {
        mbedtls_gcm_context gcm;
        mbedtls_gcm_context parts;
        mbedtls_gcm_init(&gcm);
        mbedtls_gcm_init(&parts);
        struct message m;
        unsigned char key[32];
        roll_bytes(key, sizeof(key));
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, keybits), 0);
        assert_int_equal(mbedtls_gcm_setkey(&parts, MBEDTLS_CIPHER_ID_AES, key, keybits), 0);
        for (size_t n = 0; n < 600; n++) { /* every short length, and the others of rare cases */
            roll_message(&m, pool);
            memcpy(m.key, key, sizeof(key));
            m.keybits = keybits;
            m.iv_len = n == 500 ? 8 : 12;
            if (n < 400) {
                m.len = n;
                m.text = pool;
            }
            check_case(&gcm, &parts, &m, &buffers, n % 4 == 0);
        }
        mbedtls_gcm_free(&gcm);
        mbedtls_gcm_free(&parts);
    }
}

/* The counter's last 32 bits wrap, and lengths beyond 32 bits of bits are nothing special. */
static void test_gcm__a_mebibyte__agrees_with_parts(void **state)
{
    (void)state;
    enum { BIG = 1024 * 1024 + 7 };
    unsigned char *text = malloc(3 * (size_t)BIG);
    assert_non_null(text);
    for (size_t i = 0; i < BIG; i++)
        text[i] = (unsigned char)(i * 31 ^ i >> 9);
    struct message m = {.keybits = 256, .iv_len = 12, .text = text, .len = BIG, .tag_len = TAG};
    mbedtls_gcm_context gcm;
    unsigned char tag[TAG];
    unsigned char got[TAG];
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, m.key, m.keybits), 0);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, BIG, m.iv, 12, NULL, 0, text,
                                               text + BIG, TAG, got),
                     0);
    encrypt_in_parts(&gcm, &m, text + 2 * (size_t)BIG, tag);
    assert_memory_equal(text + BIG, text + 2 * (size_t)BIG, BIG);
    assert_memory_equal(got, tag, TAG);
    mbedtls_gcm_free(&gcm);
    free(text);
}

/* The GCM specification's test cases 1, 2 and 13, computed again with another implementation. */
static void test_gcm__known_answers__are_given(void **state)
{
    (void)state;
    static const struct {
        unsigned keybits;
        size_t len;
        unsigned char sealed[16], tag[16];
    } vectors[] = {
        {128,
         0,
         {0},
         {0x58, 0xe2, 0xfc, 0xce, 0xfa, 0x7e, 0x30, 0x61, 0x36, 0x7f, 0x1d, 0x57, 0xa4, 0xe7, 0x45, 0x5a}},
        {128,
         16,
         {0x03, 0x88, 0xda, 0xce, 0x60, 0xb6, 0xa3, 0x92, 0xf3, 0x28, 0xc2, 0xb9, 0x71, 0xb2, 0xfe, 0x78},
         {0xab, 0x6e, 0x47, 0xd4, 0x2c, 0xec, 0x13, 0xbd, 0xf5, 0x3a, 0x67, 0xb2, 0x12, 0x57, 0xbd, 0xdf}},
        {256,
         0,
         {0},
         {0x53, 0x0f, 0x8a, 0xfb, 0xc7, 0x45, 0x36, 0xb9, 0xa9, 0x63, 0xb4, 0xf1, 0xc4, 0xcb, 0x73, 0x8b}},
    };
    static const unsigned char zeros[32];
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        mbedtls_gcm_context gcm;
        unsigned char tag[TAG];
        unsigned char sealed[16];
        struct message m = {
            .keybits = vectors[i].keybits, .iv_len = 12, .text = zeros, .len = vectors[i].len};
        plain_encrypt(&m, sealed, tag);
        assert_memory_equal(sealed, vectors[i].sealed, m.len);
        assert_memory_equal(tag, vectors[i].tag, TAG);
        mbedtls_gcm_init(&gcm);
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, zeros, m.keybits), 0);
        /* Nothing may come as null pointers. */
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, m.len, zeros, 12, NULL, 0,
                                                   m.len ? zeros : NULL, m.len ? sealed : NULL, TAG, tag),
                         0);
        assert_memory_equal(sealed, vectors[i].sealed, m.len);
        assert_memory_equal(tag, vectors[i].tag, TAG);
        tag[15] ^= 1;
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, m.len, zeros, 12, NULL, 0, tag, TAG,
                                                  m.len ? sealed : NULL, m.len ? sealed : NULL),
                         MBEDTLS_ERR_GCM_AUTH_FAILED);
        mbedtls_gcm_free(&gcm);
    }
}

static void test_gcm__bad_parameters__are_refused_as_by_the_stock_code(void **state)
{
    (void)state;
    mbedtls_gcm_context gcm;
    unsigned char key[32] = {1};
    unsigned char buf[96] = {2};
    unsigned char tag[20] = {0};
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 129), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_CAMELLIA, key, 128),
                     MBEDTLS_ERR_GCM_BAD_INPUT);
    /* tag's length, IV's length, overlap */
    static const struct {
        size_t tag_len, iv_len, out_at;
    } bad[] = {{3, 12, 0}, {17, 12, 0}, {0, 12, 0}, {16, 0, 0}, {16, 12, 1}, {16, 12, 31}};
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, 32, key, bad[i].iv_len, NULL, 0,
                                                   buf, buf + bad[i].out_at, bad[i].tag_len, tag),
                         MBEDTLS_ERR_GCM_BAD_INPUT);
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
        assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, 32, key, bad[i].iv_len, NULL, 0, tag, bad[i].tag_len,
                                                  buf, buf + bad[i].out_at),
                         MBEDTLS_ERR_GCM_BAD_INPUT);
    }
    /* A key that is refused leaves the one before. */
    unsigned char before[TAG];
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256), 0);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 0, key, 12, NULL, 0, NULL, NULL, TAG, before), 0);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 7), MBEDTLS_ERR_GCM_BAD_INPUT);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 0, key, 12, NULL, 0, NULL, NULL, TAG, tag), 0);
    assert_memory_equal(before, tag, TAG);
    mbedtls_gcm_free(&gcm);
}

static void test_gcm_free__leaves_nothing(void **state)
{
    (void)state;
    mbedtls_gcm_context gcm;
    unsigned char key[32];
    memset(key, 0xa5, sizeof(key));
    mbedtls_gcm_init(&gcm);
    for (unsigned n = 0; n < 4; n++) {
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, n % 2 ? 128 : 256), 0);
        if (n >= 2)
            assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, key, 12), 0);
        mbedtls_gcm_free(&gcm);
        assert_true(is_all((const unsigned char *)&gcm, sizeof(gcm), 0));
    }
    mbedtls_gcm_free(&gcm);
    mbedtls_gcm_free(NULL);
}

/* TLS goes through the cipher layer, PSA through its own. */
static void test_psa_and_cipher__aead__agree(void **state)
{
    (void)state;
    unsigned char key[16] = {7};
    unsigned char iv[12] = {8};
    unsigned char text[100] = {9};
    unsigned char sealed[3][116];
    size_t len[3] = {0};
    size_t rest = 0;

    mbedtls_cipher_context_t cipher;
    mbedtls_cipher_init(&cipher);
    assert_int_equal(mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(MBEDTLS_CIPHER_AES_128_GCM)),
                     0);
    assert_int_equal(mbedtls_cipher_setkey(&cipher, key, 128, MBEDTLS_ENCRYPT), 0);
    assert_int_equal(
        mbedtls_cipher_auth_encrypt_ext(&cipher, iv, 12, text, 5, text, 100, sealed[0], 116, &len[0], TAG),
        0);
    mbedtls_cipher_free(&cipher);

    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = 0;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_AES);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT);
    psa_set_key_algorithm(&attributes, PSA_ALG_GCM);
    assert_int_equal(psa_import_key(&attributes, key, sizeof(key), &id), PSA_SUCCESS);
    assert_int_equal(psa_aead_encrypt(id, PSA_ALG_GCM, iv, 12, text, 5, text, 100, sealed[1], 116, &len[1]),
                     PSA_SUCCESS);
    psa_aead_operation_t operation = PSA_AEAD_OPERATION_INIT;
    assert_int_equal(psa_aead_encrypt_setup(&operation, id, PSA_ALG_GCM), PSA_SUCCESS);
    assert_int_equal(psa_aead_set_nonce(&operation, iv, 12), PSA_SUCCESS);
    assert_int_equal(psa_aead_update_ad(&operation, text, 5), PSA_SUCCESS);
    assert_int_equal(psa_aead_update(&operation, text, 33, sealed[2], 116, &len[2]), PSA_SUCCESS);
    assert_int_equal(psa_aead_update(&operation, text + 33, 67, sealed[2] + len[2], 116 - len[2], &rest),
                     PSA_SUCCESS);
    len[2] += rest;
    size_t tag_len = 0;
    assert_int_equal(
        psa_aead_finish(&operation, sealed[2] + len[2], 116 - len[2], &rest, sealed[2] + 100, TAG, &tag_len),
        PSA_SUCCESS);
    len[2] += rest + tag_len;
    for (unsigned i = 0; i < 3; i++) {
        assert_int_equal(len[i], 116);
        assert_memory_equal(sealed[i], sealed[0], 116);
    }
    psa_destroy_key(id);
    mbedtls_psa_crypto_free();
}

/* First, while nobody has loaded the library yet. */
static void *seal_in_thread(void *arg)
{
    static const unsigned char zeros[1024];
    static _Thread_local unsigned char sealed[1024];
    void *result = NULL;
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, zeros, 128) == 0) {
        result = arg;
        for (unsigned n = 0; n < 50; n++)
            if (mbedtls_gcm_crypt_and_tag(&gcm, 1, sizeof(zeros), zeros, 12, zeros, 5, zeros, sealed, TAG,
                                          arg) != 0)
                result = NULL;
    }
    mbedtls_gcm_free(&gcm);
    return result;
}

static void test_gcm__from_the_first_call_in_several_threads__is_right(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static unsigned char tags[THREADS][TAG];
    static unsigned char text[1024];
    unsigned char want[TAG];
    static unsigned char sealed[1024];
    struct message m = {.keybits = 128, .iv_len = 12, .add_len = 5, .text = text, .len = sizeof(text)};
    plain_encrypt(&m, sealed, want);
    void *args[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        args[i] = tags[i];
    run_in_threads(seal_in_thread, args, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_memory_equal(tags[i], want, TAG);
}

#if defined(POSTERN_ACCEL_GCM)
static void test_accel__what_is_told__is_what_runs(void **state)
{
    (void)state;
    static const unsigned char key[16];
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    for (unsigned n = 0; n < 2; n++) {
        char text[256];
        pst_accel_cpu_limit(n == 0 ? 0 : ~0U);
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
        pst_accel_tell(text, sizeof(text));
        assert_int_equal(strstr(text, "AES-GCM by intel-ipsec-mb ") != NULL, gcm.ipsec_keybits == 128);
        if (n == 0)
            assert_int_equal(gcm.ipsec_keybits, 0);
    }
    mbedtls_gcm_free(&gcm);
}

static void test_accel__common_messages__stay_with_the_library(void **state)
{
    (void)state;
    static unsigned char data[100];
    unsigned char tag[TAG];
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, data, 256), 0);
    unsigned keybits = gcm.ipsec_keybits;
    if (keybits == 0)
        skip(); /* this processor has not what it takes */
    for (size_t len = 0; len <= sizeof(data); len += 50)
        for (size_t tag_len = 4; tag_len <= TAG; tag_len += 12) {
            assert_int_equal(
                mbedtls_gcm_crypt_and_tag(&gcm, 1, len, data, 12, data, 13, data, data, tag_len, tag), 0);
            assert_int_equal(mbedtls_gcm_auth_decrypt(&gcm, len, data, 12, NULL, 0, tag, tag_len, data, data),
                             MBEDTLS_ERR_GCM_AUTH_FAILED);
        }
    assert_int_equal(gcm.ipsec_keybits, keybits);
    /* What is not common has it made stock. */
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 10, data, 8, NULL, 0, data, data, TAG, tag), 0);
    assert_int_equal(gcm.ipsec_keybits, 0);
    mbedtls_gcm_free(&gcm);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_gcm__from_the_first_call_in_several_threads__is_right),
        cmocka_unit_test(test_gcm__whole_messages__agree_with_those_in_parts_and_a_plain_one),
        TWICE(test_gcm__one_key__many_messages_of_all_kinds),
        TWICE(test_gcm__a_mebibyte__agrees_with_parts),
        TWICE(test_gcm__known_answers__are_given),
        TWICE(test_gcm__bad_parameters__are_refused_as_by_the_stock_code),
        TWICE(test_gcm_free__leaves_nothing),
        TWICE(test_psa_and_cipher__aead__agree),
#if defined(POSTERN_ACCEL_GCM)
        cmocka_unit_test(test_accel__what_is_told__is_what_runs),
        cmocka_unit_test(test_accel__common_messages__stay_with_the_library),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
