/* X25519 as Mbed TLS has it in this build, where a library may do the work, against Mbed TLS's own code and,
 * many times over, against itself: what two sides make of each other's public numbers must be the same.
 * Passes as well where nothing is accelerated.
 *
 * POSTERN_TEST_CASES in the environment says how many random cases. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <mbedtls/ecdh.h>
#include <mbedtls/ecp.h>
#include <psa/crypto.h>

#define DICE_SEED 0x706f737465726e34
#if defined(POSTERN_ACCEL_X25519)
#define HAS_LIBRARY
#endif
#include "unit/accel/accel_bench.h"

#include "unit/accel/stock_ecp.h"
#if defined(__SANITIZE_THREAD__)
#define CASES 100
#else
#define CASES 1000
#endif

enum { BYTES = 32 };

#define OK(call) assert_int_equal(call, 0)

static int roll_bytes(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    for (size_t i = 0; i < len; i++)
        out[i] = (unsigned char)roll(256);
    return 0;
}

static size_t cases(void)
{
    const char *said = getenv("POSTERN_TEST_CASES");
    return said ? strtoul(said, NULL, 10) : CASES;
}

struct bench {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P, Q, R, S;
    mbedtls_mpi k, d;
};

static void bench_init(struct bench *b)
{
    mbedtls_ecp_group_init(&b->grp);
    OK(mbedtls_ecp_group_load(&b->grp, MBEDTLS_ECP_DP_CURVE25519));
    mbedtls_ecp_point_init(&b->P);
    mbedtls_ecp_point_init(&b->Q);
    mbedtls_ecp_point_init(&b->R);
    mbedtls_ecp_point_init(&b->S);
    mbedtls_mpi_init(&b->k);
    mbedtls_mpi_init(&b->d);
}

static void bench_fini(struct bench *b)
{
    mbedtls_ecp_group_free(&b->grp);
    mbedtls_ecp_point_free(&b->P);
    mbedtls_ecp_point_free(&b->Q);
    mbedtls_ecp_point_free(&b->R);
    mbedtls_ecp_point_free(&b->S);
    mbedtls_mpi_free(&b->k);
    mbedtls_mpi_free(&b->d);
}

static void assert_same_x(const mbedtls_ecp_point *a, const mbedtls_ecp_point *b)
{
    OK(mbedtls_mpi_cmp_mpi(&a->X, &b->X));
    OK(mbedtls_mpi_cmp_mpi(&a->Z, &b->Z));
    assert_null(a->Y.p);
}

/* The same outcome from the stock code: the result or the error. */
static int check(struct bench *b, const mbedtls_mpi *k, const mbedtls_ecp_point *P)
{
    int err = mbedtls_ecp_mul(&b->grp, &b->R, k, P, roll_bytes, NULL);
    assert_int_equal(err, pst_stock_ecp_mul(&b->grp, &b->S, k, P, roll_bytes, NULL));
    if (err == 0)
        assert_same_x(&b->R, &b->S);
    return err;
}

static void test_x25519__random_numbers__meet_and_are_those_of_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    for (size_t n = 0; n < cases(); n++) {
        OK(mbedtls_ecp_gen_privkey(&b.grp, &b.k, roll_bytes, NULL));
        OK(mbedtls_ecp_gen_privkey(&b.grp, &b.d, roll_bytes, NULL));
        OK(mbedtls_ecp_mul(&b.grp, &b.P, &b.k, &b.grp.G, roll_bytes, NULL));
        OK(mbedtls_ecp_mul(&b.grp, &b.Q, &b.d, &b.grp.G, roll_bytes, NULL));
        OK(mbedtls_ecp_mul(&b.grp, &b.R, &b.k, &b.Q, roll_bytes, NULL));
        OK(mbedtls_ecp_mul(&b.grp, &b.S, &b.d, &b.P, roll_bytes, NULL));
        assert_same_x(&b.R, &b.S);
        if (n % 4 == 0)
            OK(check(&b, &b.k, &b.grp.G));
        if (n % 4 == 1)
            OK(check(&b, &b.d, &b.P));
        if (n % 4 == 2) { /* any x, on the curve or on its twist */
            OK(mbedtls_mpi_fill_random(&b.P.X, BYTES, roll_bytes, NULL));
            OK(mbedtls_mpi_set_bit(&b.P.X, 255, n % 8 == 2)); /* most of which the stock code cannot do */
            int err = check(&b, &b.d, &b.P);
            assert_true(err == 0 || n % 8 == 2);
        }
    }
    bench_fini(&b);
}

/* RFC 7748 5.2, the second test, made again with another implementation: each result is the next secret, and
 * each secret the next x. */
static void test_x25519__a_thousand_times__is_what_the_rfc_says(void **state)
{
    (void)state;
    static const char *const want[] = {"422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079",
                                       "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51"};
    struct bench b;
    bench_init(&b);
    mbedtls_ecp_keypair key;
    mbedtls_ecp_keypair_init(&key);
    unsigned char k[BYTES] = {9};
    unsigned char u[BYTES] = {9};
    for (unsigned n = 1; n <= 1000; n++) {
        OK(mbedtls_ecp_read_key(MBEDTLS_ECP_DP_CURVE25519, &key, k, BYTES));
        OK(mbedtls_ecp_point_read_binary(&b.grp, &b.P, u, BYTES));
        OK(mbedtls_ecp_mul(&b.grp, &b.R, &key.d, &b.P, roll_bytes, NULL));
        memcpy(u, k, BYTES);
        size_t len = 0;
        OK(mbedtls_ecp_point_write_binary(&b.grp, &b.R, MBEDTLS_ECP_PF_COMPRESSED, &len, k, BYTES));
        if (n == 1 || n == 1000) {
            char hex[2 * BYTES + 1];
            for (unsigned i = 0; i < BYTES; i++) {
                hex[2 * i] = "0123456789abcdef"[k[i] >> 4];
                hex[2 * i + 1] = "0123456789abcdef"[k[i] & 15];
            }
            hex[2 * BYTES] = 0;
            assert_string_equal(hex, want[n == 1000]);
        }
    }
    mbedtls_ecp_keypair_free(&key);
    bench_fini(&b);
}

/* Numbers that are not decoded as RFC 7748 5 has it: refused, whatever a library would make of them. */
static void test_x25519__secrets_of_another_form__end_as_in_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    unsigned refused = 0;
    for (unsigned bit = 0; bit < 264; bit++)
        for (unsigned value = 0; value < 2; value++) {
            OK(mbedtls_mpi_lset(&b.k, 1));
            OK(mbedtls_mpi_shift_l(&b.k, 254));
            OK(mbedtls_mpi_set_bit(&b.k, bit, (unsigned char)value));
            if (bit < 4 || bit > 252 || bit % 16 == 0)
                refused += check(&b, &b.k, &b.grp.G) != 0;
        }
    assert_int_equal(refused, 3 + 1 + 9); /* bits 0 to 2, none at 254, 255 to 263 */
    OK(mbedtls_mpi_lset(&b.k, 0));
    assert_int_not_equal(check(&b, &b.k, &b.grp.G), 0);
    OK(mbedtls_mpi_set_bit(&b.k, 254, 1));
    b.k.s = -1;
    assert_int_equal(check(&b, &b.k, &b.grp.G), check(&b, &b.k, &b.grp.G));
    mbedtls_mpi_free(&b.k);
    assert_int_not_equal(check(&b, &b.k, &b.grp.G), 0);
    assert_int_equal(mbedtls_ecp_mul(&b.grp, &b.R, &b.k, &b.grp.G, NULL, NULL),
                     MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
    bench_fini(&b);
}

/* 0, 1, -1 and the points of order 8 (RFC 7748 7), each also with the prime added as often as 256 bits hold.
 */
static void test_x25519__points_of_low_order__end_as_in_the_stock_code(void **state)
{
    (void)state;
    static const char *const low[] = {
        "0",
        "1",
        "-1",
        "00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0",
        "57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f",
    };
    struct bench b;
    bench_init(&b);
    OK(mbedtls_ecp_gen_privkey(&b.grp, &b.k, roll_bytes, NULL));
    for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        OK(mbedtls_mpi_read_string(&b.P.X, 16, low[i]));
        OK(mbedtls_mpi_lset(&b.P.Z, 1));
        OK(mbedtls_mpi_mod_mpi(&b.P.X, &b.P.X, &b.grp.P));
        while (mbedtls_mpi_bitlen(&b.P.X) <= 256) {
            assert_int_equal(check(&b, &b.k, &b.P), MBEDTLS_ERR_ECP_INVALID_KEY);
            OK(mbedtls_mpi_add_mpi(&b.P.X, &b.P.X, &b.grp.P));
        }
    }
    bench_fini(&b);
}

static void test_x25519__coordinates_at_the_edges__end_as_in_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    OK(mbedtls_ecp_gen_privkey(&b.grp, &b.k, roll_bytes, NULL));
    for (int i = -3; i <= 40; i++) {
        OK(mbedtls_mpi_lset(&b.P.Z, 1));
        OK(mbedtls_mpi_lset(&b.P.X, i));
        (void)check(&b, &b.k, &b.P);
        OK(mbedtls_mpi_add_int(&b.P.X, &b.grp.P, i)); /* not reduced, up to 2^255 and more */
        (void)check(&b, &b.k, &b.P);
        OK(mbedtls_mpi_lset(&b.P.X, 1));
        OK(mbedtls_mpi_shift_l(&b.P.X, 255));
        OK(mbedtls_mpi_add_int(&b.P.X, &b.P.X, i));
        (void)check(&b, &b.k, &b.P);
        OK(mbedtls_mpi_shift_l(&b.P.X, 1));
        (void)check(&b, &b.k, &b.P);
    }
    for (int z = 0; z < 3; z++) {
        OK(mbedtls_mpi_lset(&b.P.X, 9));
        OK(mbedtls_mpi_lset(&b.P.Z, z));
        (void)check(&b, &b.k, &b.P);
    }
    mbedtls_ecp_point_free(&b.P);
    (void)check(&b, &b.k, &b.P);
    bench_fini(&b);
}

static void test_x25519__into_its_own_point__is_right(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b);
    OK(mbedtls_ecp_gen_privkey(&b.grp, &b.k, roll_bytes, NULL));
    OK(mbedtls_ecp_copy(&b.P, &b.grp.G));
    OK(mbedtls_mpi_lset(&b.P.Y, 77)); /* what a coordinate held that there is not */
    for (unsigned n = 0; n < 3; n++) {
        OK(pst_stock_ecp_mul(&b.grp, &b.S, &b.k, &b.P, roll_bytes, NULL));
        OK(mbedtls_ecp_mul(&b.grp, &b.P, &b.k, &b.P, roll_bytes, NULL));
        assert_same_x(&b.P, &b.S);
    }
    bench_fini(&b);
}

/* The ways that TLS takes: key exchange by ecdh.h (1.2) and by PSA (1.3) meet in one secret. */
static void test_key_exchange__one_side_by_psa__gives_one_secret(void **state)
{
    (void)state;
    OK(psa_crypto_init());
    struct bench b;
    bench_init(&b);
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_MONTGOMERY));
    psa_set_key_bits(&attributes, 255);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    for (unsigned n = 0; n < 20; n++) {
        psa_key_id_t key = 0;
        unsigned char theirs[BYTES];
        unsigned char ours[BYTES];
        unsigned char secret[BYTES];
        unsigned char other[BYTES];
        size_t len = 0;
        OK(psa_generate_key(&attributes, &key));
        OK(psa_export_public_key(key, theirs, sizeof(theirs), &len));
        OK(mbedtls_ecp_point_read_binary(&b.grp, &b.Q, theirs, len));
        OK(mbedtls_ecdh_gen_public(&b.grp, &b.d, &b.P, roll_bytes, NULL));
        OK(mbedtls_ecp_point_write_binary(&b.grp, &b.P, MBEDTLS_ECP_PF_COMPRESSED, &len, ours, sizeof(ours)));
        OK(psa_raw_key_agreement(PSA_ALG_ECDH, key, ours, len, secret, sizeof(secret), &len));
        OK(mbedtls_ecdh_compute_shared(&b.grp, &b.k, &b.Q, &b.d, roll_bytes, NULL));
        OK(mbedtls_mpi_write_binary_le(&b.k, other, BYTES));
        assert_memory_equal(secret, other, BYTES);
        memset(ours, 0, sizeof(ours));
        assert_int_equal(psa_raw_key_agreement(PSA_ALG_ECDH, key, ours, BYTES, secret, sizeof(secret), &len),
                         PSA_ERROR_INVALID_ARGUMENT);
        OK(psa_destroy_key(key));
    }
    bench_fini(&b);
    mbedtls_psa_crypto_free();
}

/* First, while nobody has asked the library yet. */
static int counting(void *at, unsigned char *out, size_t len)
{
    unsigned char *next = at;
    for (size_t i = 0; i < len; i++)
        out[i] = (*next)++;
    return 0;
}

static void *multiply_in_thread(void *arg)
{
    struct bench b;
    bench_init(&b);
    bool is_right = true;
    for (unsigned n = 0; is_right && n < 4; n++)
        is_right = mbedtls_ecp_gen_privkey(&b.grp, &b.d, counting, arg) == 0 &&
                   mbedtls_ecp_mul(&b.grp, &b.P, &b.d, &b.grp.G, counting, arg) == 0 &&
                   pst_stock_ecp_mul(&b.grp, &b.Q, &b.d, &b.grp.G, counting, arg) == 0 &&
                   mbedtls_mpi_cmp_mpi(&b.P.X, &b.Q.X) == 0;
    bench_fini(&b);
    return is_right ? arg : NULL;
}

static void test_x25519__from_the_first_call_in_several_threads__is_right(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    unsigned char seeds[THREADS] = {1, 2, 3, 4};
    void *args[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        args[i] = &seeds[i];
    run_in_threads(multiply_in_thread, args, THREADS);
}

#if defined(POSTERN_ACCEL_X25519)
static void test_accel__told__only_where_it_is_in_use(void **state)
{
    (void)state;
    char text[256];
    pst_accel_tell(text, sizeof(text));
    assert_non_null(strstr(text, "X25519 by libsodium "));
    pst_accel_cpu_limit(0);
    pst_accel_tell(text, sizeof(text));
    assert_null(strstr(text, "X25519"));
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_x25519__from_the_first_call_in_several_threads__is_right),
        cmocka_unit_test(test_x25519__random_numbers__meet_and_are_those_of_the_stock_code),
        cmocka_unit_test(test_x25519__a_thousand_times__is_what_the_rfc_says),
        TWICE(test_x25519__secrets_of_another_form__end_as_in_the_stock_code),
        cmocka_unit_test(test_x25519__points_of_low_order__end_as_in_the_stock_code),
        cmocka_unit_test(test_x25519__coordinates_at_the_edges__end_as_in_the_stock_code),
        TWICE(test_x25519__into_its_own_point__is_right),
        TWICE(test_key_exchange__one_side_by_psa__gives_one_secret),
#if defined(POSTERN_ACCEL_X25519)
        cmocka_unit_test_teardown(test_accel__told__only_where_it_is_in_use, unlimit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
