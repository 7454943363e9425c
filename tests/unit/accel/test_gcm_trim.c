/* A context of AES-GCM that is trimmed between messages: the same results, and nothing left where it gave
 * memory back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/gcm.h>
#include <mbedtls/platform.h>

#if defined(POSTERN_ACCEL_GCM)

#define DICE_SEED 0x706f737465726e39
#define HAS_LIBRARY
#include "accel/hooks.h"
#include "unit/accel/accel_bench.h"

enum { CASES = 3000, LEN_MAX = 2000, TAG = 16, BLOCKS = 64 };

/* What is allocated, and whether it was wiped before it was freed. */
static struct {
    void *at;
    size_t bytes;
} blocks[BLOCKS];
static size_t live_bytes;
static bool was_dirty;

static void *counting_calloc(size_t count, size_t size)
{
    void *p = calloc(count, size);
    assert_non_null(p);
    size_t i = 0;
    while (i < BLOCKS && blocks[i].at)
        i++;
    assert_in_range(i, 0, BLOCKS - 1);
    blocks[i].at = p;
    blocks[i].bytes = count * size;
    live_bytes += count * size;
    return p;
}

static void checking_free(void *p)
{
    for (size_t i = 0; p && i < BLOCKS; i++) {
        if (blocks[i].at != p)
            continue;
        for (size_t n = 0; n < blocks[i].bytes; n++)
            was_dirty = was_dirty || ((unsigned char *)p)[n] != 0;
        live_bytes -= blocks[i].bytes;
        blocks[i].at = NULL;
    }
    free(p);
}

static void roll_bytes(unsigned char *out, size_t len)
{
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)roll(256);
}

static void set_key(mbedtls_gcm_context *gcm, const unsigned char *key, unsigned keybits)
{
    assert_int_equal(mbedtls_gcm_setkey(gcm, MBEDTLS_CIPHER_ID_AES, key, keybits), 0);
}

static void seal(mbedtls_gcm_context *gcm, const unsigned char *iv, const unsigned char *text, size_t len,
                 unsigned char *out, unsigned char *tag)
{
    assert_int_equal(
        mbedtls_gcm_crypt_and_tag(gcm, MBEDTLS_GCM_ENCRYPT, len, iv, 12, iv, 5, text, out, TAG, tag), 0);
}

static void test_gcm_trim__between_messages__changes_no_result(void **state)
{
    (void)state;
    static unsigned char text[LEN_MAX], want[LEN_MAX], got[LEN_MAX], back[LEN_MAX];
    unsigned char key[32], iv[12], want_tag[TAG], tag[TAG];
    mbedtls_gcm_context kept, trimmed;
    mbedtls_gcm_init(&kept);
    mbedtls_gcm_init(&trimmed);
    for (size_t i = 0; i < CASES; i++) {
        if (i % 50 == 0) {
            unsigned keybits = i % 100 ? 128 : 256;
            roll_bytes(key, sizeof(key));
            set_key(&kept, key, keybits);
            set_key(&trimmed, key, keybits);
        }
        size_t len = roll(LEN_MAX);
        roll_bytes(text, len);
        roll_bytes(iv, sizeof(iv));
        seal(&kept, iv, text, len, want, want_tag);
        if (roll(2))
            pst_accel_gcm_trim(&trimmed);
        seal(&trimmed, iv, text, len, got, tag);
        assert_memory_equal(got, want, len);
        assert_memory_equal(tag, want_tag, TAG);
        if (roll(2))
            pst_accel_gcm_trim(&trimmed);
        tag[roll(TAG)] ^= i % 7 ? 0 : 1;
        assert_int_equal(mbedtls_gcm_auth_decrypt(&trimmed, len, iv, 12, iv, 5, tag, TAG, got, back),
                         i % 7 ? 0 : MBEDTLS_ERR_GCM_AUTH_FAILED);
        if (i % 7)
            assert_memory_equal(back, text, len);
    }
    mbedtls_gcm_free(&kept);
    mbedtls_gcm_free(&trimmed);
}

/* What the library cannot do is the stock code's, of a trimmed context, too; then trimming changes nothing,
 * not even in the midst of a message. */
static void test_gcm_trim__before_and_in_parts__is_stock_and_right(void **state)
{
    (void)state;
    unsigned char key[32], iv[12], text[100], want[100], got[100], want_tag[TAG], tag[TAG];
    mbedtls_gcm_context gcm;
    roll_bytes(key, sizeof(key));
    roll_bytes(iv, sizeof(iv));
    roll_bytes(text, sizeof(text));
    mbedtls_gcm_init(&gcm);
    for (unsigned keybits = 128; keybits <= 256; keybits += 64) { /* 192 is the stock code's from the start */
        size_t len;
        set_key(&gcm, key, keybits);
        seal(&gcm, iv, text, sizeof(text), want, want_tag);
        pst_accel_gcm_trim(&gcm);
        assert_int_equal(mbedtls_gcm_starts(&gcm, MBEDTLS_GCM_ENCRYPT, iv, 12), 0);
        pst_accel_gcm_trim(&gcm);
        assert_int_equal(mbedtls_gcm_update_ad(&gcm, iv, 5), 0);
        pst_accel_gcm_trim(&gcm);
        assert_int_equal(mbedtls_gcm_update(&gcm, text, 33, got, sizeof(got), &len), 0);
        pst_accel_gcm_trim(&gcm);
        assert_int_equal(
            mbedtls_gcm_update(&gcm, text + len, sizeof(text) - len, got + len, sizeof(got) - len, &len), 0);
        pst_accel_gcm_trim(&gcm);
        assert_int_equal(mbedtls_gcm_finish(&gcm, NULL, 0, &len, tag, TAG), 0);
        assert_memory_equal(got, want, sizeof(want));
        assert_memory_equal(tag, want_tag, TAG);
        seal(&gcm, iv, text, sizeof(text), got, tag);
        assert_memory_equal(tag, want_tag, TAG);
    }
    mbedtls_gcm_free(&gcm);
}

static void test_gcm_trim__of_a_context_that_never_worked__does_nothing(void **state)
{
    (void)state;
    unsigned char key[32] = {1}, iv[12] = {2}, want[TAG], tag[TAG];
    mbedtls_gcm_context gcm;
    mbedtls_gcm_init(&gcm);
    pst_accel_gcm_trim(&gcm);
    mbedtls_gcm_free(&gcm);
    pst_accel_gcm_trim(&gcm);
    mbedtls_gcm_init(&gcm);
    set_key(&gcm, key, 128);
    seal(&gcm, iv, NULL, 0, NULL, want);
    set_key(&gcm, key, 128);
    pst_accel_gcm_trim(&gcm);
    pst_accel_gcm_trim(&gcm);
    seal(&gcm, iv, NULL, 0, NULL, tag);
    assert_memory_equal(tag, want, TAG);
    pst_accel_gcm_trim(&gcm);
    mbedtls_gcm_free(&gcm);
}

static void test_gcm_trim__what_is_given_back__was_wiped(void **state)
{
    (void)state;
    unsigned char key[32], iv[12] = {2}, tag[TAG];
    roll_bytes(key, sizeof(key));
    mbedtls_platform_set_calloc_free(counting_calloc, checking_free);
    for (unsigned way = 0; way < 8; way++) {
        mbedtls_gcm_context gcm;
        mbedtls_gcm_init(&gcm);
        set_key(&gcm, key, way & 1 ? 128 : 256);
        seal(&gcm, iv, NULL, 0, NULL, tag);
        if (way & 2) {
            pst_accel_gcm_trim(&gcm);
            assert_int_equal(live_bytes, 0);
        }
        if (way & 4)
            seal(&gcm, iv, NULL, 0, NULL, tag);
        mbedtls_gcm_free(&gcm);
        assert_int_equal(live_bytes, 0);
        assert_false(was_dirty);
        for (size_t i = 0; i < sizeof(gcm); i++)
            assert_int_equal(((unsigned char *)&gcm)[i], 0);
    }
    mbedtls_platform_set_calloc_free(calloc, free);
}

int main(void)
{
    char what[64];
    pst_accel_gcm_tell(what, sizeof(what));
    const struct CMUnitTest tests[] = {
        TWICE(test_gcm_trim__between_messages__changes_no_result),
        TWICE(test_gcm_trim__before_and_in_parts__is_stock_and_right),
        TWICE(test_gcm_trim__of_a_context_that_never_worked__does_nothing),
        cmocka_unit_test(test_gcm_trim__what_is_given_back__was_wiped),
    };
    const struct CMUnitTest stock_only[] = {
        cmocka_unit_test(test_gcm_trim__between_messages__changes_no_result),
        cmocka_unit_test(test_gcm_trim__before_and_in_parts__is_stock_and_right),
        cmocka_unit_test(test_gcm_trim__of_a_context_that_never_worked__does_nothing),
    };
    return what[0] ? cmocka_run_group_tests(tests, NULL, NULL)
                   : cmocka_run_group_tests(stock_only, NULL, NULL);
}

#else

int main(void)
{
    return 0; /* nothing is accelerated */
}

#endif
