/* SHA-256 of this build against Mbed TLS's own code and OpenSSL's: see proof.h. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/sha256.h>

#define DICE_SEED 0x70726f6f66303033
#if defined(POSTERN_ACCEL_SHA256)
#define HAS_LIBRARY
#else
#define pst_stock_sha256 mbedtls_sha256
#endif
#include "unit/accel/proof.h"

#if defined(POSTERN_TEST_OPENSSL)
#include <openssl/sha.h>
#endif

enum { DIGEST = 32, BLOCK = 64, LEN_MAX = 700, RECORD_MAX = 16384 + 256, QUICK = 15000 };

static int set_up(void **state)
{
    static struct fenced room;
    fenced_init(&room, RECORD_MAX);
    *state = &room;
    return 0;
}

static int tear_down(void **state)
{
    fenced_fini(*state);
    return 0;
}

/* The digest in parts of any size, through a clone now and then. */
static int hash_in_parts(const unsigned char *text, size_t len, unsigned char digest[DIGEST])
{
    mbedtls_sha256_context ctx;
    mbedtls_sha256_context clone;
    mbedtls_sha256_init(&ctx);
    mbedtls_sha256_init(&clone);
    int err = mbedtls_sha256_starts(&ctx, 0);
    for (size_t at = 0, part = 0; err == 0 && at < len; at += part) {
        part = roll(3) == 0 ? roll(BLOCK + 2) : roll(len - at + 1);
        part = part < len - at ? part : len - at;
        err = mbedtls_sha256_update(&ctx, text + at, part);
        if (err == 0 && roll(16) == 0) {
            mbedtls_sha256_clone(&clone, &ctx);
            err = mbedtls_sha256_update(&ctx, text, len); /* which it does not mind */
            mbedtls_sha256_free(&ctx);
            mbedtls_sha256_clone(&ctx, &clone);
        }
    }
    if (err == 0)
        err = mbedtls_sha256_finish(&ctx, digest);
    mbedtls_sha256_free(&ctx);
    mbedtls_sha256_free(&clone);
    return err;
}

static const char *check_text(const unsigned char *text, size_t len)
{
    unsigned char want[DIGEST];
    unsigned char got[DIGEST + 1];
    memset(got, 0xa5, sizeof(got));
    HOLDS(pst_stock_sha256(text, len, want, 0) == 0);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(SHA256(text, len, got) == got);
    HOLDS(memcmp(got, want, DIGEST) == 0);
    memset(got, 0xa5, sizeof(got));
#endif
    HOLDS(mbedtls_sha256(text, len, got, 0) == 0);
    HOLDS(memcmp(got, want, DIGEST) == 0 && got[DIGEST] == 0xa5);
    memset(got, 0xa5, sizeof(got));
    HOLDS(hash_in_parts(text, len, got) == 0);
    HOLDS(memcmp(got, want, DIGEST) == 0 && got[DIGEST] == 0xa5);
    return NULL;
}

static const char *check_case(void *arg)
{
    size_t len = roll(50) ? roll(roll(2) ? 150 : LEN_MAX) : roll(RECORD_MAX + 1);
    unsigned char *text = fenced_place(arg, len);
    size_t how = roll(8);
    if (how < 2)
        memset(text, how ? 0xff : 0, len);
    else
        roll_fill(text, len);
    return check_text(text, len);
}

static void test_sha256__random_texts__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_case, *state, PROOF_QUICK(QUICK));
}

/* With the padding at every place of a block, and the text against the fence. */
static void test_sha256__every_length__is_that_of_the_stock_code_and_openssl(void **state)
{
    const struct fenced *room = *state;
    for (size_t len = 0; len <= LEN_MAX; len++) {
        deal(len);
        unsigned char *text = room->bytes + room->size - len;
        roll_fill(text, len);
        const char *wrong = check_text(text, len);
        if (wrong)
            fail_msg("length %zu: %s", len, wrong);
    }
}

#if defined(POSTERN_TEST_OPENSSL)
/* FIPS 180-4 5.1.1: the length is counted in bits, which leave the first 32 at half a GiB. */
static void test_sha256__more_bits_than_a_word_counts__is_that_of_openssl(void **state)
{
    const char *cases = getenv("POSTERN_ACCEL_CASES");
    if (!cases || strtoul(cases, NULL, 10) < 100000)
        skip(); /* takes half a second where nothing is instrumented */
    const struct fenced *room = *state;
    memset(room->bytes, 0x61, room->size);
    unsigned char want[DIGEST];
    unsigned char got[DIGEST];
    SHA256_CTX theirs;
    mbedtls_sha256_context ours;
    mbedtls_sha256_init(&ours);
    assert_int_equal(SHA256_Init(&theirs), 1);
    OK(mbedtls_sha256_starts(&ours, 0));
    for (size_t done = 0; done <= (size_t)1 << 29; done += room->size) {
        assert_int_equal(SHA256_Update(&theirs, room->bytes, room->size), 1);
        OK(mbedtls_sha256_update(&ours, room->bytes, room->size));
    }
    assert_int_equal(SHA256_Final(want, &theirs), 1);
    OK(mbedtls_sha256_finish(&ours, got));
    assert_memory_equal(want, got, DIGEST);
}
#endif

int main(void)
{
#define WITH_ROOM(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_ROOM(test_sha256__random_texts__are_those_of_the_stock_code_and_openssl),
        WITH_ROOM(test_sha256__every_length__is_that_of_the_stock_code_and_openssl),
#if defined(POSTERN_TEST_OPENSSL)
        WITH_ROOM(test_sha256__more_bits_than_a_word_counts__is_that_of_openssl),
#endif
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
