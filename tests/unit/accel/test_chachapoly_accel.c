/* ChaCha20-Poly1305 as Mbed TLS has it in this build: whole messages, where a library may do the work, and
 * messages in parts, where Mbed TLS's own code does. test_proof_chachapoly.c compares the two at length.
 * Passes as well where nothing is accelerated. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/chachapoly.h>
#include <mbedtls/cipher.h>
#include <psa/crypto.h>

#define DICE_SEED 0x706f737465726e34
#if defined(POSTERN_ACCEL_CHACHAPOLY)
#define HAS_LIBRARY
#endif
#include "unit/accel/accel_bench.h"

enum { KEY = 32, NONCE = 12, TAG = 16 };

#define OK(call) assert_int_equal(call, 0)

static bool is_all(const void *memory, size_t len, unsigned char value)
{
    const unsigned char *p = memory;
    for (size_t i = 0; i < len; i++)
        if (p[i] != value)
            return false;
    return true;
}

/* RFC 8439 2.8.2, made again with another implementation. */
static const char text[] = "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for "
                           "the future, sunscreen would be it.";
static const unsigned char nonce[NONCE] = {7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
static const unsigned char aad[] = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1, 0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
static const unsigned char sealed_text[] = {
    0xd3, 0x1a, 0x8d, 0x34, 0x64, 0x8e, 0x60, 0xdb, 0x7b, 0x86, 0xaf, 0xbc, 0x53, 0xef, 0x7e, 0xc2, 0xa4,
    0xad, 0xed, 0x51, 0x29, 0x6e, 0x08, 0xfe, 0xa9, 0xe2, 0xb5, 0xa7, 0x36, 0xee, 0x62, 0xd6, 0x3d, 0xbe,
    0xa4, 0x5e, 0x8c, 0xa9, 0x67, 0x12, 0x82, 0xfa, 0xfb, 0x69, 0xda, 0x92, 0x72, 0x8b, 0x1a, 0x71, 0xde,
    0x0a, 0x9e, 0x06, 0x0b, 0x29, 0x05, 0xd6, 0xa5, 0xb6, 0x7e, 0xcd, 0x3b, 0x36, 0x92, 0xdd, 0xbd, 0x7f,
    0x2d, 0x77, 0x8b, 0x8c, 0x98, 0x03, 0xae, 0xe3, 0x28, 0x09, 0x1b, 0x58, 0xfa, 0xb3, 0x24, 0xe4, 0xfa,
    0xd6, 0x75, 0x94, 0x55, 0x85, 0x80, 0x8b, 0x48, 0x31, 0xd7, 0xbc, 0x3f, 0xf4, 0xde, 0xf0, 0x8e, 0x4b,
    0x7a, 0x9d, 0xe5, 0x76, 0xd2, 0x65, 0x86, 0xce, 0xc6, 0x4b, 0x61, 0x16,
};
static const unsigned char sealed_tag[TAG] = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a,
                                              0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91};
enum { LEN = sizeof(sealed_text) };

static void set_rfc_key(mbedtls_chachapoly_context *ctx)
{
    unsigned char key[KEY];
    for (unsigned i = 0; i < KEY; i++)
        key[i] = (unsigned char)(0x80 + i);
    OK(mbedtls_chachapoly_setkey(ctx, key));
}

static void test_chachapoly__the_rfcs_message__is_as_the_rfc_says(void **state)
{
    (void)state;
    mbedtls_chachapoly_context ctx;
    unsigned char buf[LEN];
    unsigned char tag[TAG];
    mbedtls_chachapoly_init(&ctx);
    set_rfc_key(&ctx);
    memcpy(buf, text, LEN);
    OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, LEN, nonce, aad, sizeof(aad), buf, buf, tag));
    assert_memory_equal(buf, sealed_text, LEN);
    assert_memory_equal(tag, sealed_tag, TAG);
    OK(mbedtls_chachapoly_auth_decrypt(&ctx, LEN, nonce, aad, sizeof(aad), sealed_tag, buf, buf));
    assert_memory_equal(buf, text, LEN);
    mbedtls_chachapoly_free(&ctx);
}

/* Nothing may come as null pointers, and what comes out is of course something. */
static void test_chachapoly__empty_messages__are_known(void **state)
{
    (void)state;
    static const unsigned char zeros[KEY];
    static const unsigned char bare[TAG] = {0x4e, 0xb9, 0x72, 0xc9, 0xa8, 0xfb, 0x3a, 0x1b,
                                            0x38, 0x2b, 0xb4, 0xd3, 0x6f, 0x5f, 0xfa, 0xd1};
    static const unsigned char with_aad[TAG] = {0xa6, 0x22, 0x78, 0xe7, 0x0d, 0x8a, 0xda, 0xb9,
                                                0xe6, 0xdc, 0x2a, 0x4e, 0x4a, 0x93, 0xf1, 0x49};
    mbedtls_chachapoly_context ctx;
    unsigned char tag[TAG];
    mbedtls_chachapoly_init(&ctx);
    OK(mbedtls_chachapoly_setkey(&ctx, zeros));
    OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, 0, zeros, NULL, 0, NULL, NULL, tag));
    assert_memory_equal(tag, bare, TAG);
    OK(mbedtls_chachapoly_auth_decrypt(&ctx, 0, zeros, NULL, 0, tag, NULL, NULL));
    OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, 0, zeros, zeros, 1, NULL, NULL, tag));
    assert_memory_equal(tag, with_aad, TAG);
    tag[15] ^= 1;
    assert_int_equal(mbedtls_chachapoly_auth_decrypt(&ctx, 0, zeros, zeros, 1, tag, NULL, NULL),
                     MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
    mbedtls_chachapoly_free(&ctx);
}

/* Every state that the header names, and which calls it allows. */
static void test_chachapoly__calls_out_of_order__are_refused(void **state)
{
    (void)state;
    mbedtls_chachapoly_context ctx;
    unsigned char buf[LEN];
    unsigned char tag[TAG];
    mbedtls_chachapoly_init(&ctx);
    set_rfc_key(&ctx);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(mbedtls_chachapoly_update_aad(&ctx, aad, 1), MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
        assert_int_equal(mbedtls_chachapoly_update(&ctx, 1, buf, buf), MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
        if (n == 0)
            assert_int_equal(mbedtls_chachapoly_finish(&ctx, tag), MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
        OK(mbedtls_chachapoly_starts(&ctx, nonce, MBEDTLS_CHACHAPOLY_ENCRYPT));
        OK(mbedtls_chachapoly_update_aad(&ctx, aad, sizeof(aad)));
        OK(mbedtls_chachapoly_update(&ctx, 1, (const unsigned char *)text, buf));
        assert_int_equal(mbedtls_chachapoly_update_aad(&ctx, aad, 1), MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
        OK(mbedtls_chachapoly_update(&ctx, LEN - 1, (const unsigned char *)text + 1, buf + 1));
        OK(mbedtls_chachapoly_finish(&ctx, tag));
        assert_memory_equal(buf, sealed_text, LEN);
        assert_memory_equal(tag, sealed_tag, TAG);
    }
    mbedtls_chachapoly_free(&ctx);
}

/* A whole message ends one in parts, and whole ones are right after it, too. */
static void test_chachapoly__whole_messages_between_parts__are_right_and_end_them(void **state)
{
    (void)state;
    mbedtls_chachapoly_context ctx;
    unsigned char buf[LEN];
    unsigned char tag[TAG];
    mbedtls_chachapoly_init(&ctx);
    set_rfc_key(&ctx);
    for (unsigned n = 0; n < 3; n++) {
        if (n > 0)
            OK(mbedtls_chachapoly_starts(&ctx, nonce, MBEDTLS_CHACHAPOLY_DECRYPT));
        if (n > 1)
            OK(mbedtls_chachapoly_update(&ctx, 5, sealed_text, buf));
        memcpy(buf, text, LEN);
        OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, LEN, nonce, aad, sizeof(aad), buf, buf, tag));
        assert_memory_equal(buf, sealed_text, LEN);
        assert_memory_equal(tag, sealed_tag, TAG);
        assert_int_equal(mbedtls_chachapoly_update(&ctx, 1, buf, buf), MBEDTLS_ERR_CHACHAPOLY_BAD_STATE);
        OK(mbedtls_chachapoly_auth_decrypt(&ctx, LEN, nonce, aad, sizeof(aad), tag, buf, buf));
        assert_memory_equal(buf, text, LEN);
    }
    mbedtls_chachapoly_free(&ctx);
}

static void test_chachapoly_free__leaves_nothing(void **state)
{
    (void)state;
    mbedtls_chachapoly_context ctx;
    unsigned char buf[100];
    unsigned char tag[TAG];
    memset(buf, 0xa5, sizeof(buf));
    memset(&ctx, 0, sizeof(ctx)); /* and so what pads it */
    mbedtls_chachapoly_init(&ctx);
    for (unsigned n = 0; n < 3; n++) {
        OK(mbedtls_chachapoly_setkey(&ctx, buf));
        if (n == 1)
            OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, 20, buf, buf, 5, buf + 40, buf + 40, tag));
        if (n == 2) {
            OK(mbedtls_chachapoly_starts(&ctx, buf, MBEDTLS_CHACHAPOLY_ENCRYPT));
            OK(mbedtls_chachapoly_update_aad(&ctx, buf, 5));
        }
        mbedtls_chachapoly_free(&ctx);
        assert_true(is_all(&ctx, sizeof(ctx), 0));
    }
    mbedtls_chachapoly_free(&ctx);
    mbedtls_chachapoly_free(NULL);
}

/* TLS goes through the cipher layer, PSA through its own. */
static void test_psa_and_cipher__aead__agree(void **state)
{
    (void)state;
    unsigned char key[KEY] = {7};
    unsigned char plain[100] = {9};
    unsigned char sealed[3][116];
    size_t len[3] = {0};
    size_t rest = 0;

    mbedtls_cipher_context_t cipher;
    mbedtls_cipher_init(&cipher);
    OK(mbedtls_cipher_setup(&cipher, mbedtls_cipher_info_from_type(MBEDTLS_CIPHER_CHACHA20_POLY1305)));
    OK(mbedtls_cipher_setkey(&cipher, key, 8 * KEY, MBEDTLS_ENCRYPT));
    OK(mbedtls_cipher_auth_encrypt_ext(&cipher, nonce, NONCE, plain, 5, plain, 100, sealed[0], 116, &len[0],
                                       TAG));
    mbedtls_cipher_free(&cipher);

    OK(psa_crypto_init());
    const psa_algorithm_t alg = PSA_ALG_CHACHA20_POLY1305;
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_key_id_t id = 0;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_CHACHA20);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_ENCRYPT);
    psa_set_key_algorithm(&attributes, alg);
    OK(psa_import_key(&attributes, key, sizeof(key), &id));
    OK(psa_aead_encrypt(id, alg, nonce, NONCE, plain, 5, plain, 100, sealed[1], 116, &len[1]));
    psa_aead_operation_t operation = PSA_AEAD_OPERATION_INIT;
    OK(psa_aead_encrypt_setup(&operation, id, alg));
    OK(psa_aead_set_nonce(&operation, nonce, NONCE));
    OK(psa_aead_update_ad(&operation, plain, 5));
    OK(psa_aead_update(&operation, plain, 33, sealed[2], 116, &len[2]));
    OK(psa_aead_update(&operation, plain + 33, 67, sealed[2] + len[2], 116 - len[2], &rest));
    len[2] += rest;
    size_t tag_len = 0;
    OK(psa_aead_finish(&operation, sealed[2] + len[2], 116 - len[2], &rest, sealed[2] + 100, TAG, &tag_len));
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
    void *result = arg;
    unsigned char buf[LEN];
    mbedtls_chachapoly_context ctx;
    mbedtls_chachapoly_init(&ctx);
    unsigned char key[KEY];
    for (unsigned i = 0; i < KEY; i++)
        key[i] = (unsigned char)(0x80 + i);
    if (mbedtls_chachapoly_setkey(&ctx, key) != 0)
        result = NULL;
    for (unsigned n = 0; n < 50; n++) {
        memcpy(buf, text, LEN);
        if (mbedtls_chachapoly_encrypt_and_tag(&ctx, LEN, nonce, aad, sizeof(aad), buf, buf, arg) != 0)
            result = NULL;
    }
    mbedtls_chachapoly_free(&ctx);
    return result;
}

static void test_chachapoly__from_the_first_call_in_several_threads__is_right(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    static unsigned char tags[THREADS][TAG];
    void *args[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        args[i] = tags[i];
    run_in_threads(seal_in_thread, args, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_memory_equal(tags[i], sealed_tag, TAG);
}

#if defined(POSTERN_ACCEL_CHACHAPOLY)
static void test_accel__what_is_told__is_what_runs(void **state)
{
    (void)state;
    mbedtls_chachapoly_context ctx;
    mbedtls_chachapoly_init(&ctx);
    for (unsigned n = 0; n < 2; n++) {
        char told[256];
        pst_accel_cpu_limit(n == 0 ? 0 : ~0U);
        set_rfc_key(&ctx);
        pst_accel_tell(told, sizeof(told));
        assert_int_equal(strstr(told, "ChaCha20-Poly1305 by intel-ipsec-mb ") != NULL, ctx.ipsec != NULL);
        if (n == 0)
            assert_null(ctx.ipsec);
    }
    mbedtls_chachapoly_free(&ctx);
}

/* What the stock code did shows in its context: that a message was begun there. */
static void test_accel__common_messages__leave_the_stock_code_alone(void **state)
{
    (void)state;
    static unsigned char data[100];
    unsigned char tag[TAG];
    mbedtls_chachapoly_context ctx;
    mbedtls_chachapoly_init(&ctx);
    set_rfc_key(&ctx);
    if (!ctx.ipsec)
        skip(); /* this processor has not what it takes */
    pst_stock_chachapoly_context before;
    memcpy(&before, &ctx.stock, sizeof(before));
    for (size_t len = 0; len <= sizeof(data); len += 50) {
        OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, len, data, data, 13, data, data, tag));
        assert_int_equal(mbedtls_chachapoly_auth_decrypt(&ctx, len, data, NULL, 0, tag, data, data),
                         MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED);
        assert_true(is_all(data, len, 0));
    }
    assert_memory_equal(&before, &ctx.stock, sizeof(before));
    /* Too near behind: what is still to be read is overwritten, as the stock code has it. */
    OK(mbedtls_chachapoly_encrypt_and_tag(&ctx, 32, data, NULL, 0, data, data + 1, tag));
    assert_memory_not_equal(&before, &ctx.stock, sizeof(before));
    mbedtls_chachapoly_free(&ctx);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_chachapoly__from_the_first_call_in_several_threads__is_right),
        TWICE(test_chachapoly__the_rfcs_message__is_as_the_rfc_says),
        TWICE(test_chachapoly__empty_messages__are_known),
        TWICE(test_chachapoly__calls_out_of_order__are_refused),
        TWICE(test_chachapoly__whole_messages_between_parts__are_right_and_end_them),
        TWICE(test_chachapoly_free__leaves_nothing),
        TWICE(test_psa_and_cipher__aead__agree),
#if defined(POSTERN_ACCEL_CHACHAPOLY)
        cmocka_unit_test(test_accel__what_is_told__is_what_runs),
        cmocka_unit_test(test_accel__common_messages__leave_the_stock_code_alone),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
