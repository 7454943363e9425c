/* A context that has to become a stock one when there is no memory for it: it says so, and keeps its key. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/gcm.h>

#include "support/failmalloc.h"

static void test_gcm_starts__without_memory__fails_and_keeps_the_key(void **state)
{
    (void)state;
    static const unsigned char zeros[32];
    unsigned char want[16];
    unsigned char tag[16];
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, zeros, 256), 0);
    assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 0, zeros, 12, NULL, 0, NULL, NULL, 16, want), 0);
    for (size_t i = 1;; i++) {
        failmalloc_arm(i, 1);
        int err = mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, zeros, 12);
        if (!failmalloc_disarm()) {
            assert_int_equal(err, 0);
            break;
        }
        assert_int_not_equal(err, 0);
        assert_int_equal(mbedtls_gcm_crypt_and_tag(&gcm, 1, 0, zeros, 12, NULL, 0, NULL, NULL, 16, tag), 0);
        assert_memory_equal(tag, want, 16);
    }
    size_t len = 0;
    assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &len, tag, 16), 0);
    assert_memory_equal(tag, want, 16);
    mbedtls_gcm_free(&gcm);
}

#if defined(POSTERN_ACCEL_GCM)
static void test_gcm__no_memory_to_expand_the_key_again__works_without(void **state)
{
    (void)state;
    unsigned char key[32] = {1}, text[100] = {2}, sealed[100], back[100], want[16], tag[16];
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    for (unsigned keybits = 128; keybits <= 256; keybits += 128) {
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, keybits), 0);
        assert_int_equal(
            mbedtls_gcm_crypt_and_tag(&gcm, 1, sizeof(text), key, 12, NULL, 0, text, sealed, 16, want), 0);
        pst_accel_gcm_trim(&gcm);
        for (unsigned i = 0; i < 3; i++) {
            failmalloc_arm(1, FAILMALLOC_ALL);
            assert_int_equal(
                mbedtls_gcm_auth_decrypt(&gcm, sizeof(text), key, 12, NULL, 0, want, 16, sealed, back), 0);
            assert_int_equal(
                mbedtls_gcm_crypt_and_tag(&gcm, 1, sizeof(text), key, 12, NULL, 0, text, sealed, 16, tag), 0);
            (void)failmalloc_disarm();
            assert_memory_equal(back, text, sizeof(text));
            assert_memory_equal(tag, want, 16);
        }
        /* And a key that finds no memory at first. */
        failmalloc_arm(1, FAILMALLOC_ALL);
        (void)mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, keybits);
        (void)failmalloc_disarm();
        assert_int_equal(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, keybits), 0);
        assert_int_equal(
            mbedtls_gcm_crypt_and_tag(&gcm, 1, sizeof(text), key, 12, NULL, 0, text, sealed, 16, tag), 0);
        assert_memory_equal(tag, want, 16);
    }
    mbedtls_gcm_free(&gcm);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
#if defined(POSTERN_ACCEL_GCM)
        cmocka_unit_test(test_gcm__no_memory_to_expand_the_key_again__works_without),
#endif
        cmocka_unit_test(test_gcm_starts__without_memory__fails_and_keeps_the_key),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
