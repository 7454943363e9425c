/* AES-GCM of this build against Mbed TLS's own code and OpenSSL's: see proof.h. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>

#define DICE_SEED 0x70726f6f66303032
#if defined(POSTERN_ACCEL_GCM)
#define HAS_LIBRARY
#else
#define pst_stock_gcm_context       mbedtls_gcm_context
#define pst_stock_gcm_init          mbedtls_gcm_init
#define pst_stock_gcm_free          mbedtls_gcm_free
#define pst_stock_gcm_setkey        mbedtls_gcm_setkey
#define pst_stock_gcm_crypt_and_tag mbedtls_gcm_crypt_and_tag
#define pst_stock_gcm_auth_decrypt  mbedtls_gcm_auth_decrypt
#endif
#include "unit/accel/aead_proof.h"
#include "unit/accel/gf128.h"

enum { BLOCK = GF128_BYTES, IV = 12, IV_MAX = 40, QUICK = 5000 };

struct message {
    unsigned char key[32];
    unsigned keybits;
    unsigned char iv[IV_MAX];
    size_t iv_len;
    unsigned char aad[AAD_MAX];
    size_t aad_len;
    unsigned char text[RECORD_MAX];
    size_t len;
    size_t tag_len;
};

struct rig {
    mbedtls_gcm_context ours;
    pst_stock_gcm_context stock;
    struct aead_memory a;
    struct message m;
};

static int set_up(void **state)
{
    static struct rig r;
    mbedtls_gcm_init(&r.ours);
    pst_stock_gcm_init(&r.stock);
    aead_memory_init(&r.a);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    mbedtls_gcm_free(&r->ours);
    pst_stock_gcm_free(&r->stock);
    aead_memory_fini(&r->a);
    return 0;
}

static void roll_message(struct message *m)
{
    static const unsigned keybits[] = {128, 128, 128, 256, 256, 256, 256, 192};
    m->keybits = keybits[roll(8)];
    roll_fill(m->key, sizeof(m->key));
    m->iv_len = roll(12) ? IV : 1 + roll(IV_MAX);
    roll_fill(m->iv, m->iv_len);
    if (roll(20) == 0)
        memset(m->iv, roll(2) ? 0xff : 0, m->iv_len);
    m->aad_len = roll_aad(m->aad);
    m->len = roll_text(m->text);
    m->tag_len = roll(3) ? TAG : 4 + roll(13);
}

static int seal_in_parts(struct rig *r)
{
    const struct message *m = &r->m;
    size_t done = 0;
    int err = mbedtls_gcm_starts(&r->ours, MBEDTLS_GCM_ENCRYPT, m->iv, m->iv_len);
    for (size_t at = 0, part = 0; err == 0 && at < m->aad_len; at += part) {
        part = roll(2) ? m->aad_len - at : 1 + roll(m->aad_len - at);
        err = mbedtls_gcm_update_ad(&r->ours, m->aad + at, part);
    }
    for (size_t at = 0, part = 0; err == 0 && at < m->len; at += part) {
        part = roll(2) ? m->len - at : 1 + roll(m->len - at);
        err = mbedtls_gcm_update(&r->ours, m->text + at, part, r->a.other + at, part, &done);
    }
    return err != 0 ? err : mbedtls_gcm_finish(&r->ours, NULL, 0, &done, r->a.other_tag, m->tag_len);
}

#if defined(POSTERN_TEST_OPENSSL)
static bool begin_openssl(struct rig *r, int is_sealing)
{
    const struct message *m = &r->m;
    const EVP_CIPHER *cipher = m->keybits == 128   ? EVP_aes_128_gcm()
                               : m->keybits == 192 ? EVP_aes_192_gcm()
                                                   : EVP_aes_256_gcm();
    return EVP_CIPHER_CTX_reset(r->a.openssl) == 1 &&
           EVP_CipherInit_ex(r->a.openssl, cipher, NULL, NULL, NULL, is_sealing) == 1 &&
           EVP_CIPHER_CTX_ctrl(r->a.openssl, EVP_CTRL_AEAD_SET_IVLEN, (int)m->iv_len, NULL) == 1 &&
           EVP_CipherInit_ex(r->a.openssl, NULL, NULL, m->key, m->iv, is_sealing) == 1;
}

static bool run_openssl(struct rig *r, const unsigned char *in)
{
    const struct message *m = &r->m;
    int n = 0;
    return (m->aad_len == 0 || EVP_CipherUpdate(r->a.openssl, NULL, &n, m->aad, (int)m->aad_len) == 1) &&
           (m->len == 0 || EVP_CipherUpdate(r->a.openssl, r->a.other, &n, in, (int)m->len) == 1);
}

static bool seal_by_openssl(struct rig *r)
{
    int n = 0;
    return begin_openssl(r, 1) && run_openssl(r, r->m.text) &&
           EVP_CipherFinal_ex(r->a.openssl, r->a.other + r->m.len, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(r->a.openssl, EVP_CTRL_AEAD_GET_TAG, (int)r->m.tag_len, r->a.other_tag) == 1;
}

static bool open_by_openssl(struct rig *r, const unsigned char *tag)
{
    unsigned char copy[TAG];
    int n = 0;
    memcpy(copy, tag, r->m.tag_len);
    return begin_openssl(r, 0) && run_openssl(r, r->a.sealed) &&
           EVP_CIPHER_CTX_ctrl(r->a.openssl, EVP_CTRL_AEAD_SET_TAG, (int)r->m.tag_len, copy) == 1 &&
           EVP_CipherFinal_ex(r->a.openssl, r->a.other + r->m.len, &n) == 1;
}
#endif

static const char *check_references(struct rig *r)
{
    const struct message *m = &r->m;
    HOLDS(pst_stock_gcm_setkey(&r->stock, MBEDTLS_CIPHER_ID_AES, m->key, m->keybits) == 0);
    HOLDS(mbedtls_gcm_setkey(&r->ours, MBEDTLS_CIPHER_ID_AES, m->key, m->keybits) == 0);
    HOLDS(pst_stock_gcm_crypt_and_tag(&r->stock, MBEDTLS_GCM_ENCRYPT, m->len, m->iv, m->iv_len, m->aad,
                                      m->aad_len, m->text, r->a.sealed, m->tag_len, r->a.tag) == 0);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(seal_by_openssl(r));
    HOLDS(memcmp(r->a.other, r->a.sealed, m->len) == 0 && memcmp(r->a.other_tag, r->a.tag, m->tag_len) == 0);
#endif
    return NULL;
}

static const char *check_whole(struct rig *r)
{
    const struct message *m = &r->m;
    unsigned char tag[TAG + 1];
    memset(tag, 0xa5, sizeof(tag));
    struct place p = roll_place(&r->a, m->text, m->len, m->aad, m->aad_len);
    HOLDS(mbedtls_gcm_crypt_and_tag(&r->ours, MBEDTLS_GCM_ENCRYPT, m->len, m->iv, m->iv_len, p.aad,
                                    m->aad_len, p.in, p.out, m->tag_len, tag) == 0);
    HOLDS(memcmp(p.out, r->a.sealed, m->len) == 0);
    HOLDS(memcmp(tag, r->a.tag, m->tag_len) == 0 && is_all(tag + m->tag_len, sizeof(tag) - m->tag_len, 0xa5));
    HOLDS(p.in == p.out || memcmp(p.in, m->text, m->len) == 0);
    p = roll_place(&r->a, r->a.sealed, m->len, m->aad, m->aad_len);
    if (roll(4)) {
        HOLDS(mbedtls_gcm_auth_decrypt(&r->ours, m->len, m->iv, m->iv_len, p.aad, m->aad_len, r->a.tag,
                                       m->tag_len, p.in, p.out) == 0);
    } else {
        HOLDS(mbedtls_gcm_crypt_and_tag(&r->ours, MBEDTLS_GCM_DECRYPT, m->len, m->iv, m->iv_len, p.aad,
                                        m->aad_len, p.in, p.out, m->tag_len, tag) == 0);
        HOLDS(memcmp(tag, r->a.tag, m->tag_len) == 0);
    }
    HOLDS(memcmp(p.out, m->text, m->len) == 0);
    return NULL;
}

/* One bit of what is protected, anywhere: neither opens it, and both leave zeros. */
static const char *check_forged(struct rig *r)
{
    struct message *m = &r->m;
    unsigned char tag[TAG];
    memcpy(tag, r->a.tag, TAG);
    unsigned char bit = (unsigned char)(1U << roll(8));
    size_t where = roll(4);
    if (where == 0 && m->len > 0)
        r->a.sealed[roll(m->len)] ^= bit;
    else if (where == 1 && m->aad_len > 0)
        m->aad[roll(m->aad_len)] ^= bit;
    else if (where == 2)
        m->iv[roll(m->iv_len)] ^= bit;
    else
        tag[roll(m->tag_len)] ^= bit;
    struct place p = roll_place(&r->a, r->a.sealed, m->len, m->aad, m->aad_len);
    HOLDS(mbedtls_gcm_auth_decrypt(&r->ours, m->len, m->iv, m->iv_len, p.aad, m->aad_len, tag, m->tag_len,
                                   p.in, p.out) == MBEDTLS_ERR_GCM_AUTH_FAILED);
    HOLDS(is_all(p.out, m->len, 0));
    HOLDS(pst_stock_gcm_auth_decrypt(&r->stock, m->len, m->iv, m->iv_len, m->aad, m->aad_len, tag, m->tag_len,
                                     r->a.sealed, r->a.other) == MBEDTLS_ERR_GCM_AUTH_FAILED);
    HOLDS(is_all(r->a.other, m->len, 0));
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(!open_by_openssl(r, tag));
#endif
    return NULL;
}

/* Input and output that overlap: whatever the stock code makes of it, refusals too. */
static const char *check_overlap(struct rig *r)
{
    const struct message *m = &r->m;
    struct overlap o;
    if (!roll_overlap(&r->a, m->text, m->len, &o))
        return NULL;
    unsigned char tags[2][TAG] = {{0}};
    int mode = roll(2) ? MBEDTLS_GCM_ENCRYPT : MBEDTLS_GCM_DECRYPT;
    int err = mbedtls_gcm_crypt_and_tag(&r->ours, mode, m->len, m->iv, m->iv_len, m->aad, m->aad_len,
                                        o.areas[0] + o.in, o.areas[0] + o.out, m->tag_len, tags[0]);
    HOLDS(err == pst_stock_gcm_crypt_and_tag(&r->stock, mode, m->len, m->iv, m->iv_len, m->aad, m->aad_len,
                                             o.areas[1] + o.in, o.areas[1] + o.out, m->tag_len, tags[1]));
    HOLDS(memcmp(o.areas[0], o.areas[1], o.len) == 0);
    HOLDS(memcmp(tags[0], tags[1], TAG) == 0);
    return NULL;
}

static const char *check_case(void *arg)
{
    struct rig *r = arg;
    roll_message(&r->m);
    const char *wrong = check_references(r);
    for (size_t n = roll(10) ? 1 : 4; n > 0 && !wrong; n--)
        wrong = check_whole(r);
    if (!wrong && roll(8) == 0) {
        HOLDS(seal_in_parts(r) == 0);
        HOLDS(memcmp(r->a.other, r->a.sealed, r->m.len) == 0);
        HOLDS(memcmp(r->a.other_tag, r->a.tag, r->m.tag_len) == 0);
        wrong = check_whole(r); /* which is the stock code's now */
    }
    if (!wrong && roll(8) == 0)
        wrong = check_overlap(r);
    return wrong ? wrong : check_forged(r);
}

static void test_gcm__random_messages__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_case, *state, PROOF_QUICK(QUICK));
}

/* Each length up to a few of the vectors that assembler works in, and each of the associated data. */
static void test_gcm__every_length__is_that_of_the_stock_code_and_openssl(void **state)
{
    struct rig *r = *state;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        deal(len);
        roll_message(&r->m);
        r->m.iv_len = IV;
        r->m.keybits = len % 2 ? 128 : 256;
        r->m.len = len;
        r->m.aad_len = len * 7 % (AAD_MAX + 1);
        const char *wrong = check_references(r);
        if (!wrong)
            wrong = check_whole(r);
        if (wrong)
            fail_msg("length %zu: %s", len, wrong);
    }
}

/* Every length that the stock code knows, and each of their bits; the lengths that it does not know. */
static void test_gcm__each_bit_of_tags_of_all_lengths__counts(void **state)
{
    struct rig *r = *state;
    struct message *m = &r->m;
    deal(0);
    roll_message(m);
    m->keybits = 128;
    m->iv_len = IV;
    m->len = 100;
    for (m->tag_len = 4; m->tag_len <= TAG; m->tag_len++) {
        assert_null(check_references(r));
        assert_null(check_whole(r));
        for (unsigned bit = 0; bit < 8 * m->tag_len; bit++) {
            r->a.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
            assert_int_equal(mbedtls_gcm_auth_decrypt(&r->ours, m->len, m->iv, IV, m->aad, m->aad_len,
                                                      r->a.tag, m->tag_len, r->a.sealed, r->a.other),
                             MBEDTLS_ERR_GCM_AUTH_FAILED);
            assert_true(is_all(r->a.other, m->len, 0));
            r->a.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
        }
    }
    for (size_t len = 0; len < 32; len = len == 3 ? TAG + 1 : len + 1) {
        assert_int_equal(mbedtls_gcm_auth_decrypt(&r->ours, m->len, m->iv, IV, m->aad, m->aad_len, r->a.tag,
                                                  len, r->a.sealed, r->a.other),
                         pst_stock_gcm_auth_decrypt(&r->stock, m->len, m->iv, IV, m->aad, m->aad_len,
                                                    r->a.tag, len, r->a.sealed, r->a.other));
        assert_int_not_equal(mbedtls_gcm_auth_decrypt(&r->ours, m->len, m->iv, IV, m->aad, m->aad_len,
                                                      r->a.tag, len, r->a.sealed, r->a.other),
                             0);
    }
}

/* NIST SP 800-38D 7.1: the key of the hash is the cipher's block of zeros. */
static void hash_key(const struct message *m, unsigned char h[BLOCK])
{
    mbedtls_aes_context aes;
    memset(h, 0, BLOCK);
    mbedtls_aes_init(&aes);
    OK(mbedtls_aes_setkey_enc(&aes, m->key, m->keybits));
    OK(mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, h, h));
    mbedtls_aes_free(&aes);
}

static void lengths_block(unsigned char out[BLOCK], size_t first, size_t second)
{
    memset(out, 0, BLOCK);
    for (unsigned i = 0; i < 4; i++) {
        out[7 - i] = (unsigned char)(first * 8 >> 8 * i);
        out[15 - i] = (unsigned char)(second * 8 >> 8 * i);
    }
}

static void add_block(unsigned char x[BLOCK], const unsigned char y[BLOCK])
{
    for (unsigned i = 0; i < BLOCK; i++)
        x[i] ^= y[i];
}

/* The IV of 16 bytes from which the counter begins as wanted (7.1, step 2, backwards). */
static void iv_for_counter(struct message *m, const unsigned char counter[BLOCK])
{
    unsigned char inverse[BLOCK];
    unsigned char lengths[BLOCK];
    hash_key(m, inverse);
    gf128_invert(inverse);
    lengths_block(lengths, 0, BLOCK);
    memcpy(m->iv, counter, BLOCK);
    gf128_multiply(m->iv, inverse);
    add_block(m->iv, lengths);
    gf128_multiply(m->iv, inverse);
    m->iv_len = BLOCK;
}

/* The counter has 32 bits, and leaves the others alone when it wraps: at each block of a message. An IV of 12
 * bytes lets it begin at 1, so that there it would take 64 GiB. */
static void test_gcm__counters_that_wrap__are_those_of_the_stock_code_and_openssl(void **state)
{
    struct rig *r = *state;
    struct message *m = &r->m;
    for (uint32_t before = 0; before < 40; before++) {
        unsigned char counter[BLOCK];
        deal(before);
        roll_message(m);
        roll_fill(counter, BLOCK);
        memset(counter + 12, 0xff, 4);
        counter[15] = (unsigned char)(0xff - before);
        if (before % 2)
            memset(counter, 0xff, 12);
        m->len = 600;
        iv_for_counter(m, counter);
        assert_null(check_references(r));
        assert_null(check_whole(r));
        /* It began there: the first block is sealed with the next counter. */
        if (before == 0) {
            mbedtls_aes_context aes;
            mbedtls_aes_init(&aes);
            OK(mbedtls_aes_setkey_enc(&aes, m->key, m->keybits));
            memset(counter + 12, 0, 4);
            OK(mbedtls_aes_crypt_ecb(&aes, MBEDTLS_AES_ENCRYPT, counter, counter));
            add_block(counter, m->text);
            assert_memory_equal(counter, r->a.sealed, BLOCK);
            mbedtls_aes_free(&aes);
        }
    }
}

/* The hash before the lengths is 0, all ones, or has one bit: by the last of some blocks. */
static void test_gcm__hashes_at_the_edges__are_those_of_the_stock_code_and_openssl(void **state)
{
    struct rig *r = *state;
    struct message *m = &r->m;
    for (unsigned n = 0; n < 130; n++) {
        unsigned char h[BLOCK];
        unsigned char inverse[BLOCK];
        unsigned char hash[BLOCK] = {0};
        unsigned char want[BLOCK] = {0};
        unsigned char goal[20 * BLOCK];
        deal(n);
        roll_message(m);
        m->iv_len = IV;
        m->aad_len = 0;
        m->len = (1 + roll(20)) * BLOCK;
        m->tag_len = TAG;
        if (n < 128)
            want[n / 8] = (unsigned char)(0x80 >> n % 8);
        else
            memset(want, n == 128 ? 0 : 0xff, BLOCK);
        hash_key(m, h);
        memcpy(inverse, h, BLOCK);
        gf128_invert(inverse);
        roll_fill(goal, m->len);
        for (size_t at = 0; at + BLOCK < m->len; at += BLOCK) {
            add_block(hash, goal + at);
            gf128_multiply(hash, h);
        }
        gf128_multiply(want, inverse);
        add_block(want, hash);
        memcpy(goal + m->len - BLOCK, want, BLOCK);
        memset(m->text, 0, m->len);
        assert_null(check_references(r)); /* the stream */
        for (size_t i = 0; i < m->len; i++)
            m->text[i] = goal[i] ^ r->a.sealed[i];
        assert_null(check_references(r));
        assert_memory_equal(r->a.sealed, goal, m->len);
        assert_null(check_whole(r));
    }
}

int main(void)
{
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_gcm__random_messages__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_gcm__every_length__is_that_of_the_stock_code_and_openssl),
        WITH_RIG(test_gcm__each_bit_of_tags_of_all_lengths__counts),
        WITH_RIG(test_gcm__counters_that_wrap__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_gcm__hashes_at_the_edges__are_those_of_the_stock_code_and_openssl),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
