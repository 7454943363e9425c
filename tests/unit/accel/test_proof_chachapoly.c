/* ChaCha20-Poly1305 of this build against Mbed TLS's own code and OpenSSL's: see proof.h. The counter of
 * blocks wraps at 256 GiB, far from any message here; what can be at an edge is Poly1305's sum. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/bignum.h>
#include <mbedtls/chachapoly.h>
#include <mbedtls/cipher.h>

#define DICE_SEED 0x70726f6f66303031
#if defined(POSTERN_ACCEL_CHACHAPOLY)
#define HAS_LIBRARY
#else
#define pst_stock_chachapoly_context         mbedtls_chachapoly_context
#define pst_stock_chachapoly_init            mbedtls_chachapoly_init
#define pst_stock_chachapoly_free            mbedtls_chachapoly_free
#define pst_stock_chachapoly_setkey          mbedtls_chachapoly_setkey
#define pst_stock_chachapoly_encrypt_and_tag mbedtls_chachapoly_encrypt_and_tag
#define pst_stock_chachapoly_auth_decrypt    mbedtls_chachapoly_auth_decrypt
#endif
#include "unit/accel/aead_proof.h"

enum { KEY = 32, NONCE = 12, QUICK = 3000 };

struct message {
    unsigned char key[KEY];
    unsigned char nonce[NONCE];
    unsigned char aad[AAD_MAX];
    size_t aad_len;
    unsigned char text[RECORD_MAX];
    size_t len;
};

struct rig {
    mbedtls_chachapoly_context ours;
    pst_stock_chachapoly_context stock;
    struct aead_memory a;
    struct message m;
};

static int set_up(void **state)
{
    static struct rig r;
    mbedtls_chachapoly_init(&r.ours);
    pst_stock_chachapoly_init(&r.stock);
    aead_memory_init(&r.a);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    mbedtls_chachapoly_free(&r->ours);
    pst_stock_chachapoly_free(&r->stock);
    aead_memory_fini(&r->a);
    return 0;
}

static void roll_message(struct message *m)
{
    roll_fill(m->key, KEY);
    roll_fill(m->nonce, NONCE);
    if (roll(20) == 0)
        memset(m->nonce, roll(2) ? 0xff : 0, NONCE);
    m->aad_len = roll_aad(m->aad);
    m->len = roll_text(m->text);
}

static int seal_in_parts(struct rig *r)
{
    const struct message *m = &r->m;
    int err = mbedtls_chachapoly_starts(&r->ours, m->nonce, MBEDTLS_CHACHAPOLY_ENCRYPT);
    for (size_t at = 0, part = 0; err == 0 && at < m->aad_len; at += part) {
        part = roll(2) ? m->aad_len - at : 1 + roll(m->aad_len - at);
        err = mbedtls_chachapoly_update_aad(&r->ours, m->aad + at, part);
    }
    for (size_t at = 0, part = 0; err == 0 && at < m->len; at += part) {
        part = roll(2) ? m->len - at : 1 + roll(m->len - at);
        err = mbedtls_chachapoly_update(&r->ours, part, m->text + at, r->a.other + at);
    }
    return err != 0 ? err : mbedtls_chachapoly_finish(&r->ours, r->a.other_tag);
}

#if defined(POSTERN_TEST_OPENSSL)
static bool seal_by_openssl(struct rig *r)
{
    const struct message *m = &r->m;
    int n = 0;
    return EVP_EncryptInit_ex(r->a.openssl, EVP_chacha20_poly1305(), NULL, m->key, m->nonce) == 1 &&
           EVP_EncryptUpdate(r->a.openssl, NULL, &n, m->aad, (int)m->aad_len) == 1 &&
           EVP_EncryptUpdate(r->a.openssl, r->a.other, &n, m->text, (int)m->len) == 1 && n == (int)m->len &&
           EVP_EncryptFinal_ex(r->a.openssl, r->a.other + m->len, &n) == 1 &&
           EVP_CIPHER_CTX_ctrl(r->a.openssl, EVP_CTRL_AEAD_GET_TAG, TAG, r->a.other_tag) == 1;
}

static bool open_by_openssl(struct rig *r, const unsigned char tag[TAG])
{
    const struct message *m = &r->m;
    unsigned char copy[TAG];
    int n = 0;
    memcpy(copy, tag, TAG);
    return EVP_DecryptInit_ex(r->a.openssl, EVP_chacha20_poly1305(), NULL, m->key, m->nonce) == 1 &&
           EVP_CIPHER_CTX_ctrl(r->a.openssl, EVP_CTRL_AEAD_SET_TAG, TAG, copy) == 1 &&
           EVP_DecryptUpdate(r->a.openssl, NULL, &n, m->aad, (int)m->aad_len) == 1 &&
           EVP_DecryptUpdate(r->a.openssl, r->a.other, &n, r->a.sealed, (int)m->len) == 1 &&
           EVP_DecryptFinal_ex(r->a.openssl, r->a.other + m->len, &n) == 1;
}
#endif

static const char *check_references(struct rig *r)
{
    const struct message *m = &r->m;
    HOLDS(pst_stock_chachapoly_setkey(&r->stock, m->key) == 0);
    HOLDS(mbedtls_chachapoly_setkey(&r->ours, m->key) == 0);
    HOLDS(pst_stock_chachapoly_encrypt_and_tag(&r->stock, m->len, m->nonce, m->aad, m->aad_len, m->text,
                                               r->a.sealed, r->a.tag) == 0);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(seal_by_openssl(r));
    HOLDS(memcmp(r->a.other, r->a.sealed, m->len) == 0 && memcmp(r->a.other_tag, r->a.tag, TAG) == 0);
#endif
    return NULL;
}

static const char *check_whole(struct rig *r)
{
    const struct message *m = &r->m;
    unsigned char tag[TAG + 1];
    memset(tag, 0xa5, sizeof(tag));
    struct place p = roll_place(&r->a, m->text, m->len, m->aad, m->aad_len);
    HOLDS(mbedtls_chachapoly_encrypt_and_tag(&r->ours, m->len, m->nonce, p.aad, m->aad_len, p.in, p.out,
                                             tag) == 0);
    HOLDS(memcmp(p.out, r->a.sealed, m->len) == 0);
    HOLDS(memcmp(tag, r->a.tag, TAG) == 0 && tag[TAG] == 0xa5);
    HOLDS(p.in == p.out || memcmp(p.in, m->text, m->len) == 0);
    p = roll_place(&r->a, r->a.sealed, m->len, m->aad, m->aad_len);
    HOLDS(mbedtls_chachapoly_auth_decrypt(&r->ours, m->len, m->nonce, p.aad, m->aad_len, r->a.tag, p.in,
                                          p.out) == 0);
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
        m->nonce[roll(NONCE)] ^= bit;
    else
        tag[roll(TAG)] ^= bit;
    struct place p = roll_place(&r->a, r->a.sealed, m->len, m->aad, m->aad_len);
    HOLDS(mbedtls_chachapoly_auth_decrypt(&r->ours, m->len, m->nonce, p.aad, m->aad_len, tag, p.in, p.out) ==
          MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
    HOLDS(is_all(p.out, m->len, 0));
    HOLDS(pst_stock_chachapoly_auth_decrypt(&r->stock, m->len, m->nonce, m->aad, m->aad_len, tag, r->a.sealed,
                                            r->a.other) == MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
    HOLDS(is_all(r->a.other, m->len, 0));
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(!open_by_openssl(r, tag));
#endif
    return NULL;
}

/* Input and output that overlap: whatever the stock code makes of it, once more. */
static const char *check_overlap(struct rig *r)
{
    const struct message *m = &r->m;
    struct overlap o;
    if (!roll_overlap(&r->a, m->text, m->len, &o))
        return NULL;
    unsigned char tags[2][TAG];
    int err = mbedtls_chachapoly_encrypt_and_tag(&r->ours, m->len, m->nonce, m->aad, m->aad_len,
                                                 o.areas[0] + o.in, o.areas[0] + o.out, tags[0]);
    HOLDS(err == pst_stock_chachapoly_encrypt_and_tag(&r->stock, m->len, m->nonce, m->aad, m->aad_len,
                                                      o.areas[1] + o.in, o.areas[1] + o.out, tags[1]));
    HOLDS(memcmp(o.areas[0], o.areas[1], o.len) == 0);
    HOLDS(memcmp(tags[0], tags[1], TAG) == 0);
    return NULL;
}

static const char *check_case(void *arg)
{
    struct rig *r = arg;
    roll_message(&r->m);
    mbedtls_chachapoly_free(&r->ours);
    mbedtls_chachapoly_init(&r->ours);
    const char *wrong = check_references(r);
    if (!wrong)
        wrong = check_whole(r);
    if (!wrong && roll(8) == 0) {
        HOLDS(seal_in_parts(r) == 0);
        HOLDS(memcmp(r->a.other, r->a.sealed, r->m.len) == 0 && memcmp(r->a.other_tag, r->a.tag, TAG) == 0);
        wrong = check_whole(r); /* which is the stock code's now */
    }
    if (!wrong && roll(8) == 0)
        wrong = check_overlap(r);
    return wrong ? wrong : check_forged(r);
}

static void test_chachapoly__random_messages__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_case, *state, PROOF_QUICK(QUICK));
}

/* Each length up to a few of the vectors that assembler works in, sealed and opened. */
static void test_chachapoly__every_length__is_that_of_the_stock_code_and_openssl(void **state)
{
    struct rig *r = *state;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        deal(len);
        roll_message(&r->m);
        r->m.len = len;
        r->m.aad_len = len % 50;
        const char *wrong = check_references(r);
        if (!wrong)
            wrong = check_whole(r);
        if (wrong)
            fail_msg("length %zu: %s", len, wrong);
    }
}

static void test_chachapoly__each_bit_of_the_tag__counts(void **state)
{
    struct rig *r = *state;
    deal(0);
    roll_message(&r->m);
    r->m.len = 100;
    assert_null(check_references(r));
    for (unsigned bit = 0; bit < 8 * TAG; bit++) {
        r->a.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
        assert_int_equal(mbedtls_chachapoly_auth_decrypt(&r->ours, r->m.len, r->m.nonce, r->m.aad,
                                                         r->m.aad_len, r->a.tag, r->a.sealed, r->a.other),
                         MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
        assert_true(is_all(r->a.other, r->m.len, 0));
        r->a.tag[bit / 8] ^= (unsigned char)(1U << bit % 8);
    }
    OK(mbedtls_chachapoly_auth_decrypt(&r->ours, r->m.len, r->m.nonce, r->m.aad, r->m.aad_len, r->a.tag,
                                       r->a.sealed, r->a.other));
}

/* RFC 8439 2.8 knows one length of tags. */
static void test_cipher__tags_cut_short__are_refused(void **state)
{
    (void)state;
    static const unsigned char zeros[64];
    unsigned char out[64];
    size_t len = 0;
    mbedtls_cipher_context_t cipher;
    mbedtls_cipher_init(&cipher);
    OK(mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(MBEDTLS_CIPHER_CHACHA20_POLY1305)));
    OK(mbedtls_cipher_setkey(&cipher, zeros, 8 * KEY, MBEDTLS_DECRYPT));
    for (size_t tag_len = 0; tag_len < TAG; tag_len++)
        assert_int_not_equal(mbedtls_cipher_auth_decrypt_ext(&cipher, zeros, NONCE, NULL, 0, zeros,
                                                             32 + tag_len, out, sizeof(out), &len, tag_len),
                             0);
    mbedtls_cipher_free(&cipher);
}

/* RFC 8439 2.5: one block more is sum = (sum + block + 2^128) r mod 2^130 - 5. Solved for the last block of
 * 16 bytes, so that the sum is what is wanted after the lengths that follow it. */
struct poly {
    mbedtls_mpi p, r, inverse, sum, x;
};

static void poly_init(struct poly *poly, const struct message *m)
{
    unsigned char r[KEY];
    unsigned char zeros[KEY] = {0};
    mbedtls_chacha20_crypt(m->key, m->nonce, 0, KEY, zeros, r);
    for (unsigned i = 3; i < 16; i += 4)
        r[i] &= 15;
    for (unsigned i = 4; i < 16; i += 4)
        r[i] &= 252;
    mbedtls_mpi *numbers[] = {&poly->p, &poly->r, &poly->inverse, &poly->sum, &poly->x};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        mbedtls_mpi_init(numbers[i]);
    OK(mbedtls_mpi_set_bit(&poly->p, 130, 1));
    OK(mbedtls_mpi_sub_int(&poly->p, &poly->p, 5));
    OK(mbedtls_mpi_read_binary_le(&poly->r, r, 16));
    OK(mbedtls_mpi_inv_mod(&poly->inverse, &poly->r, &poly->p));
}

static void poly_fini(struct poly *poly)
{
    mbedtls_mpi *numbers[] = {&poly->p, &poly->r, &poly->inverse, &poly->sum, &poly->x};
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        mbedtls_mpi_free(numbers[i]);
}

static void poly_read(mbedtls_mpi *out, const unsigned char block[16])
{
    OK(mbedtls_mpi_read_binary_le(out, block, 16));
    OK(mbedtls_mpi_set_bit(out, 128, 1));
}

/* out = in / r - block */
static void poly_back(struct poly *poly, mbedtls_mpi *out, const unsigned char block[16])
{
    mbedtls_mpi b;
    mbedtls_mpi_init(&b);
    poly_read(&b, block);
    OK(mbedtls_mpi_mul_mpi(out, out, &poly->inverse));
    OK(mbedtls_mpi_sub_mpi(out, out, &b));
    OK(mbedtls_mpi_mod_mpi(out, out, &poly->p));
    mbedtls_mpi_free(&b);
}

/* Blocks from here to there, from a sum of 0: none but the last is rolled. Whether a last block is found. */
static bool poly_solve(struct poly *poly, unsigned char *sealed, size_t len, const mbedtls_mpi *want)
{
    unsigned char lengths[16] = {0};
    static const unsigned char zeros[16];
    mbedtls_mpi b;
    mbedtls_mpi_init(&b);
    OK(mbedtls_mpi_lset(&poly->sum, 0));
    for (size_t at = 0; at + 16 < len; at += 16) {
        poly_read(&b, sealed + at);
        OK(mbedtls_mpi_add_mpi(&poly->sum, &poly->sum, &b));
        OK(mbedtls_mpi_mul_mpi(&poly->sum, &poly->sum, &poly->r));
        OK(mbedtls_mpi_mod_mpi(&poly->sum, &poly->sum, &poly->p));
    }
    lengths[8] = (unsigned char)len;
    lengths[9] = (unsigned char)(len >> 8);
    OK(mbedtls_mpi_copy(&poly->x, want));
    poly_back(poly, &poly->x, lengths);
    poly_back(poly, &poly->x, zeros);
    OK(mbedtls_mpi_sub_mpi(&poly->x, &poly->x, &poly->sum));
    OK(mbedtls_mpi_mod_mpi(&poly->x, &poly->x, &poly->p));
    mbedtls_mpi_free(&b);
    if (mbedtls_mpi_bitlen(&poly->x) > 128)
        return false;
    OK(mbedtls_mpi_write_binary_le(&poly->x, sealed + len - 16, 16));
    return true;
}

static void check_sum(struct rig *r, const mbedtls_mpi *want)
{
    struct poly poly;
    struct message *m = &r->m;
    roll_message(m);
    m->aad_len = 0;
    m->len = 16 * (2 + roll(30));
    memset(m->text, 0, m->len);
    assert_null(check_references(r)); /* the stream, in r->a.sealed */
    static unsigned char stream[RECORD_MAX];
    memcpy(stream, r->a.sealed, m->len);
    poly_init(&poly, m);
    unsigned char *goal = r->a.other;
    roll_fill(goal, m->len);
    while (!poly_solve(&poly, goal, m->len, want))
        roll_fill(goal, m->len);
    poly_fini(&poly);
    for (size_t i = 0; i < m->len; i++)
        m->text[i] = goal[i] ^ stream[i];
    assert_null(check_references(r));
    assert_null(check_whole(r));
    /* The sum was as wanted: the tag is it, plus the half of the key that is not r. */
    unsigned char key[KEY];
    unsigned char zeros[KEY] = {0};
    mbedtls_mpi tag;
    mbedtls_mpi half;
    mbedtls_mpi_init(&tag);
    mbedtls_mpi_init(&half);
    OK(mbedtls_chacha20_crypt(m->key, m->nonce, 0, KEY, zeros, key));
    OK(mbedtls_mpi_read_binary_le(&half, key + 16, 16));
    OK(mbedtls_mpi_add_mpi(&tag, want, &half));
    unsigned char bytes[TAG + 1];
    for (size_t bit = 128; bit < 132; bit++)
        OK(mbedtls_mpi_set_bit(&tag, bit, 0));
    OK(mbedtls_mpi_write_binary_le(&tag, bytes, sizeof(bytes)));
    assert_memory_equal(bytes, r->a.tag, TAG);
    mbedtls_mpi_free(&tag);
    mbedtls_mpi_free(&half);
}

/* 0 and a few more, some less than 2^130 - 5, and both sides of what the limbs of 26, 32, 44 and 64 bits
 * hold. */
static void test_chachapoly__sums_at_the_edges_of_limbs__are_those_of_the_stock_code(void **state)
{
    static const unsigned bits[] = {26, 32, 44, 52, 64, 78, 88, 96, 104, 128, 129};
    struct rig *r = *state;
    mbedtls_mpi want;
    mbedtls_mpi_init(&want);
    deal(1);
    for (unsigned n = 0; n < 3; n++) {
        for (int i = 0; i < 6; i++) {
            OK(mbedtls_mpi_lset(&want, i));
            check_sum(r, &want);
            OK(mbedtls_mpi_lset(&want, 0));
            OK(mbedtls_mpi_set_bit(&want, 130, 1));
            OK(mbedtls_mpi_sub_int(&want, &want, 6 + i));
            check_sum(r, &want);
        }
        for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
            for (int less = 0; less < 3; less++) {
                OK(mbedtls_mpi_lset(&want, 0));
                OK(mbedtls_mpi_set_bit(&want, bits[i], 1));
                OK(mbedtls_mpi_sub_int(&want, &want, less));
                check_sum(r, &want);
            }
    }
    mbedtls_mpi_free(&want);
}

int main(void)
{
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_chachapoly__random_messages__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_chachapoly__every_length__is_that_of_the_stock_code_and_openssl),
        WITH_RIG(test_chachapoly__each_bit_of_the_tag__counts),
        WITH_RIG(test_chachapoly__sums_at_the_edges_of_limbs__are_those_of_the_stock_code),
        cmocka_unit_test(test_cipher__tags_cut_short__are_refused),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
