/* SHA-256 as Mbed TLS has it in this build, by a library or by its own code: both against a plain one written
 * here, over random lengths, alignments, splits and clones. Passes as well where nothing is accelerated. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/md.h>
#include <mbedtls/sha256.h>
#include <psa/crypto.h>

#define DICE_SEED 0x706f737465726e31
#if defined(POSTERN_ACCEL_SHA256)
#define HAS_LIBRARY
#endif
#include "unit/accel/accel_bench.h"

/* The thread sanitizer is here for the first test only. */
#if defined(__SANITIZE_THREAD__)
#define CASES 2000
#else
#define CASES 60000
#endif

enum { DIGEST = 32, BLOCK = 64, LEN_MAX = 320, ALIGN_MAX = 64 };

/* FIPS 180-4, as plainly as it can be said. */

static uint32_t rotr(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static void plain_block(uint32_t h[8], const unsigned char *p)
{
    static const uint32_t k[64] = {
        0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
        0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
        0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
        0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
        0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
        0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
        0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
        0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2,
    };
    uint32_t w[64];
    for (unsigned t = 0; t < 16; t++, p += 4)
        w[t] = (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
    for (unsigned t = 16; t < 64; t++)
        w[t] = (rotr(w[t - 2], 17) ^ rotr(w[t - 2], 19) ^ w[t - 2] >> 10) + w[t - 7] +
               (rotr(w[t - 15], 7) ^ rotr(w[t - 15], 18) ^ w[t - 15] >> 3) + w[t - 16];
    uint32_t s[8];
    memcpy(s, h, sizeof(s));
    for (unsigned t = 0; t < 64; t++) {
        uint32_t choice = (s[4] & s[5]) ^ (~s[4] & s[6]);
        uint32_t majority = (s[0] & s[1]) ^ (s[0] & s[2]) ^ (s[1] & s[2]);
        uint32_t t1 = s[7] + (rotr(s[4], 6) ^ rotr(s[4], 11) ^ rotr(s[4], 25)) + choice + k[t] + w[t];
        uint32_t t2 = (rotr(s[0], 2) ^ rotr(s[0], 13) ^ rotr(s[0], 22)) + majority;
        memmove(s + 1, s, 7 * sizeof(s[0]));
        s[4] += t1;
        s[0] = t1 + t2;
    }
    for (unsigned i = 0; i < 8; i++)
        h[i] += s[i];
}

static void plain_sha256(const unsigned char *data, size_t len, unsigned char digest[DIGEST])
{
    uint32_t h[8] = {0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                     0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
    size_t whole = len / BLOCK * BLOCK;
    for (size_t at = 0; at < whole; at += BLOCK)
        plain_block(h, data + at);
    unsigned char end[2 * BLOCK] = {0};
    size_t rest = len - whole;
    size_t end_len = rest < 56 ? BLOCK : 2 * BLOCK;
    if (rest > 0)
        memcpy(end, data + whole, rest);
    end[rest] = 0x80;
    for (unsigned i = 0; i < 8; i++)
        end[end_len - 1 - i] = (unsigned char)((uint64_t)len * 8 >> 8 * i);
    for (size_t at = 0; at < end_len; at += BLOCK)
        plain_block(h, end + at);
    for (unsigned i = 0; i < DIGEST; i++)
        digest[i] = (unsigned char)(h[i / 4] >> (24 - 8 * (i % 4)));
}

/* What follows runs once for each: as this processor has it, and as one without the instructions would. */

static void from_hex(const char *hex, unsigned char out[DIGEST])
{
    for (unsigned i = 0; i < DIGEST; i++) {
        char pair[3] = {hex[2 * (size_t)i], hex[2 * (size_t)i + 1], '\0'};
        out[i] = (unsigned char)strtoul(pair, NULL, 16);
    }
}

/* Known answers, each computed again with another implementation: the text, how often, the digest. */
static const struct {
    const char *text;
    size_t times;
    const char *digest;
} vectors[] = {
    {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
    {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
    {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
     "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
    {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrs"
     "t"
     "nopqrstu",
     1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
    {"a", 55, "9f4390f8d30c2dd92ec9f095b65e2b9ae9b0a925a5258e241c9f1e910f734318"},
    {"a", 56, "b35439a4ac6f0948b6d6f9e3c6af0f5f590ce20f1bde7090ef7970686ec6738a"},
    {"a", 63, "7d3e74a05d7db15bce4ad9ec0658ea98e3f06eeecf16b4c6fff2da457ddc2f34"},
    {"a", 64, "ffe054fe7ae0cb6dc65c3af9b61d5209f439851db43d0ba5997337df154668eb"},
    {"a", 65, "635361c48bb9eab14198e76ea8ab7f1a41685d6ad62aa9146d301d4f17eb0ae0"},
    {"a", 119, "31eba51c313a5c08226adf18d4a359cfdfd8d2e816b13f4af952f7ea6584dcfb"},
    {"a", 120, "2f3d335432c70b580af0e8e1b3674a7c020d683aa5f73aaaedfdc55af904c21c"},
    {"a", 1000000, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
};

static void test_sha256__known_answers__are_given(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        size_t one = strlen(vectors[i].text);
        size_t len = one * vectors[i].times;
        unsigned char *text = malloc(len + 1);
        assert_non_null(text);
        for (size_t at = 0; at < len; at += one)
            memcpy(text + at, vectors[i].text, one);
        unsigned char want[DIGEST];
        unsigned char got[DIGEST];
        from_hex(vectors[i].digest, want);
        plain_sha256(text, len, got);
        assert_memory_equal(got, want, DIGEST);
        assert_int_equal(mbedtls_sha256(text, len, got, 0), 0);
        assert_memory_equal(got, want, DIGEST);

        mbedtls_sha256_context ctx;
        mbedtls_sha256_init(&ctx);
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        for (size_t n = 0; n < vectors[i].times; n++)
            assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)vectors[i].text, one), 0);
        assert_int_equal(mbedtls_sha256_finish(&ctx, got), 0);
        assert_memory_equal(got, want, DIGEST);
        free(text);
    }
}

/* Block boundaries deserve more than their share. */
static size_t roll_len(void)
{
    if (roll(4) > 0)
        return roll(LEN_MAX + 1);
    return roll(LEN_MAX / BLOCK) * BLOCK + (roll(2) ? roll(3) : BLOCK - 1 - roll(11));
}

static void feed(mbedtls_sha256_context *ctx, const unsigned char *data, size_t len)
{
    while (len > 0 || roll(8) == 0) {
        size_t part = roll(3) == 0 ? len : roll(len + 1);
        /* Nothing may come with a null pointer. */
        assert_int_equal(mbedtls_sha256_update(ctx, part == 0 && roll(2) ? NULL : data, part), 0);
        data += part;
        len -= part;
    }
}

static void check(mbedtls_sha256_context *ctx, const unsigned char *data, size_t len)
{
    unsigned char got[DIGEST + 1];
    unsigned char want[DIGEST];
    got[DIGEST] = 0x5a;
    assert_int_equal(mbedtls_sha256_finish(ctx, got), 0);
    assert_int_equal(got[DIGEST], 0x5a);
    plain_sha256(data, len, want);
    assert_memory_equal(got, want, DIGEST);
}

static void test_sha256__any_split_alignment_and_clone__agree_with_a_plain_one(void **state)
{
    (void)state;
    unsigned char *area = malloc(2 * LEN_MAX + ALIGN_MAX);
    assert_non_null(area);
    for (size_t i = 0; i < 2 * LEN_MAX + ALIGN_MAX; i++)
        area[i] = (unsigned char)roll(256);
    for (size_t n = 0; n < CASES; n++) {
        size_t len = roll_len();
        size_t other = roll_len();
        /* Two messages that share a beginning; no two cases have the same. Each counts as one. */
        unsigned char *first = area + 2 * LEN_MAX + ALIGN_MAX - len - roll(ALIGN_MAX);
        if (len > 0)
            first[roll(len)] ^= (unsigned char)(1 + roll(255));
        size_t shared = roll(len + 1);
        unsigned char second[2 * LEN_MAX];
        memcpy(second, first, shared);
        memcpy(second + shared, area, other);

        mbedtls_sha256_context ctx;
        mbedtls_sha256_context clone;
        mbedtls_sha256_init(&ctx);
        mbedtls_sha256_init(&clone);
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        feed(&ctx, first, shared);
        mbedtls_sha256_clone(&clone, &ctx);
        bool clone_first = roll(2);
        if (clone_first)
            feed(&clone, second + shared, other);
        feed(&ctx, first + shared, len - shared);
        if (!clone_first)
            feed(&clone, second + shared, other);
        check(&ctx, first, len);
        check(&clone, second, shared + other);
    }
    free(area);
}

static void test_sha256__large_pieces__agree_with_a_plain_one(void **state)
{
    (void)state;
    enum { PIECE = 256 * 1024, PIECES = 5 };
    unsigned char *data = malloc((size_t)PIECE * PIECES);
    assert_non_null(data);
    for (size_t i = 0; i < (size_t)PIECE * PIECES; i++)
        data[i] = (unsigned char)(i * 31 ^ i >> 9);
    mbedtls_sha256_context ctx;
    mbedtls_sha256_init(&ctx);
    assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
    for (size_t i = 0; i < PIECES; i++)
        assert_int_equal(mbedtls_sha256_update(&ctx, data + i * PIECE, PIECE), 0);
    check(&ctx, data, (size_t)PIECE * PIECES);
    free(data);
}

static bool is_zero(const void *memory, size_t len)
{
    const unsigned char *p = memory;
    for (size_t i = 0; i < len; i++)
        if (p[i] != 0)
            return false;
    return true;
}

static void test_sha256_finish_and_free__leave_nothing(void **state)
{
    (void)state;
    unsigned char digest[DIGEST];
    unsigned char secret[100];
    memset(secret, 0xa5, sizeof(secret));
    mbedtls_sha256_context ctx;
    mbedtls_sha256_init(&ctx);
    for (unsigned n = 0; n < 2; n++) {
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        assert_int_equal(mbedtls_sha256_update(&ctx, secret, sizeof(secret)), 0);
        assert_false(is_zero(&ctx, sizeof(ctx)));
        if (n == 0)
            assert_int_equal(mbedtls_sha256_finish(&ctx, digest), 0);
        else
            mbedtls_sha256_free(&ctx);
        assert_true(is_zero(&ctx, sizeof(ctx)));
    }
    mbedtls_sha256_free(NULL);
}

static void test_sha256_starts__again__forgets_what_came(void **state)
{
    (void)state;
    mbedtls_sha256_context ctx;
    mbedtls_sha256_init(&ctx);
    for (unsigned n = 0; n < 3; n++) { /* the last time after finish() */
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        if (n < 2)
            assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)"xyzzy", 5 * (1 - n)), 0);
        if (n > 0) {
            assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)"abc", 3), 0);
            check(&ctx, (const unsigned char *)"abc", 3);
        }
    }
}

static void test_sha256_starts__other_kinds__as_the_stock_code(void **state)
{
    (void)state;
    mbedtls_sha256_context ctx;
    mbedtls_sha256_init(&ctx);
    assert_int_equal(mbedtls_sha256_starts(&ctx, 2), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
    assert_int_equal(mbedtls_sha256_starts(&ctx, -1), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
    unsigned char digest[DIGEST];
    assert_int_equal(mbedtls_sha256(digest, 0, digest, 2), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
#if defined(MBEDTLS_SHA224_C)
    static const unsigned char want[] = {0x23, 0x09, 0x7d, 0x22, 0x34, 0x05, 0xd8, 0x22, 0x86, 0x42,
                                         0xa4, 0x77, 0xbd, 0xa2, 0x55, 0xb3, 0x2a, 0xad, 0xbc, 0xe4,
                                         0xbd, 0xa0, 0xb3, 0xf7, 0xe3, 0x6c, 0x9d, 0xa7};
    assert_int_equal(mbedtls_sha256((const unsigned char *)"abc", 3, digest, 1), 0);
    assert_memory_equal(digest, want, sizeof(want));
#else
    assert_int_equal(mbedtls_sha256_starts(&ctx, 1), MBEDTLS_ERR_SHA256_BAD_INPUT_DATA);
#endif
    /* Still good for what it can. */
    assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
    assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)"abc", 3), 0);
    check(&ctx, (const unsigned char *)"abc", 3);
}

/* TLS 1.3 reaches SHA-256 through PSA, its key schedule by HMAC. */
static void test_psa_and_md__hash_clone_abort_hmac__are_right(void **state)
{
    (void)state;
    assert_int_equal(psa_crypto_init(), PSA_SUCCESS);
    unsigned char got[DIGEST];
    unsigned char want[DIGEST];
    size_t len = 0;
    const unsigned char *text = (const unsigned char *)"what do ya want for nothing?";
    plain_sha256(text, 28, want);
    assert_int_equal(psa_hash_compute(PSA_ALG_SHA_256, text, 28, got, DIGEST, &len), PSA_SUCCESS);
    assert_int_equal(len, DIGEST);
    assert_memory_equal(got, want, DIGEST);

    psa_hash_operation_t operation = PSA_HASH_OPERATION_INIT;
    psa_hash_operation_t clone = PSA_HASH_OPERATION_INIT;
    assert_int_equal(psa_hash_setup(&operation, PSA_ALG_SHA_256), PSA_SUCCESS);
    assert_int_equal(psa_hash_update(&operation, text, 10), PSA_SUCCESS);
    assert_int_equal(psa_hash_clone(&operation, &clone), PSA_SUCCESS);
    assert_int_equal(psa_hash_abort(&operation), PSA_SUCCESS);
    assert_int_equal(psa_hash_update(&clone, text + 10, 18), PSA_SUCCESS);
    assert_int_equal(psa_hash_finish(&clone, got, DIGEST, &len), PSA_SUCCESS);
    assert_memory_equal(got, want, DIGEST);

    /* RFC 4231 4.3 Test Case 2 */
    from_hex("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", want);
    const mbedtls_md_info_t *md = mbedtls_md_info_from_type(MBEDTLS_MD_SHA256);
    assert_int_equal(mbedtls_md_hmac(md, (const unsigned char *)"Jefe", 4, text, 28, got), 0);
    assert_memory_equal(got, want, DIGEST);
    mbedtls_psa_crypto_free();
}

/* First, while nobody has asked the processor yet. */
static void *hash_in_thread(void *arg)
{
    for (unsigned n = 0; n < 50; n++)
        if (mbedtls_sha256((const unsigned char *)"abc", 3, arg, 0) != 0)
            return NULL;
    return arg;
}

static void test_sha256__from_the_first_call_in_several_threads__is_right(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    unsigned char got[THREADS][DIGEST];
    unsigned char want[DIGEST];
    from_hex(vectors[1].digest, want);
    void *args[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        args[i] = got[i];
    run_in_threads(hash_in_thread, args, THREADS);
    for (unsigned i = 0; i < THREADS; i++)
        assert_memory_equal(got[i], want, DIGEST);
}

#if defined(POSTERN_ACCEL_SHA256)
static void test_accel__what_is_told__is_what_runs(void **state)
{
    (void)state;
    char text[256];
    mbedtls_sha256_context ctx;
    mbedtls_sha256_init(&ctx);
    for (unsigned n = 0; n < 2; n++) {
        pst_accel_cpu_limit(n == 0 ? 0 : ~0U);
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        pst_accel_tell(text, sizeof(text));
        assert_int_equal(ctx.is_nettle, pst_accel_cpu_has(PST_ACCEL_CPU_SHA));
        assert_int_equal(strstr(text, "SHA-256 by nettle ") != NULL, ctx.is_nettle);
    }
    char little[10];
    pst_accel_tell(little, sizeof(little));
    assert_true(strlen(little) < sizeof(little));
}

static void test_accel__switched_between_starts_and_finish__keeps_to_what_began(void **state)
{
    (void)state;
    for (unsigned n = 0; n < 2; n++) {
        mbedtls_sha256_context ctx;
        mbedtls_sha256_init(&ctx);
        pst_accel_cpu_limit(n == 0 ? 0 : ~0U);
        assert_int_equal(mbedtls_sha256_starts(&ctx, 0), 0);
        assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)"a", 1), 0);
        pst_accel_cpu_limit(n == 0 ? ~0U : 0);
        assert_int_equal(mbedtls_sha256_update(&ctx, (const unsigned char *)"bc", 2), 0);
        check(&ctx, (const unsigned char *)"abc", 3);
    }
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256__from_the_first_call_in_several_threads__is_right),
        TWICE(test_sha256__known_answers__are_given),
        TWICE(test_sha256__any_split_alignment_and_clone__agree_with_a_plain_one),
        TWICE(test_sha256__large_pieces__agree_with_a_plain_one),
        TWICE(test_sha256_finish_and_free__leave_nothing),
        TWICE(test_sha256_starts__again__forgets_what_came),
        TWICE(test_sha256_starts__other_kinds__as_the_stock_code),
        TWICE(test_psa_and_md__hash_clone_abort_hmac__are_right),
#if defined(POSTERN_ACCEL_SHA256)
        cmocka_unit_test(test_accel__what_is_told__is_what_runs),
        cmocka_unit_test_teardown(test_accel__switched_between_starts_and_finish__keeps_to_what_began,
                                  unlimit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
