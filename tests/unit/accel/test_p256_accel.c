/* Multiples on P-256 as Mbed TLS has them in this build, where a library may do the work, against Mbed TLS's
 * own code. Each is checked by one addition of the stock code to the one before, which is cheaper than a
 * second multiplication and no less strict. Passes as well where nothing is accelerated.
 *
 * POSTERN_TEST_CASES in the environment says how many random cases. */
#include "p256_bench.h"

enum { WALK = 100 };

/* (k + step) P = kP + step P, again and again. */
static void walk(struct bench *b, const mbedtls_ecp_point *P, size_t steps)
{
    mbedtls_mpi one;
    mbedtls_mpi_init(&one);
    OK(mbedtls_mpi_lset(&one, 1));
    roll_scalar(&b->grp, &b->k);
    roll_scalar(&b->grp, &b->d);
    OK(pst_stock_ecp_mul(&b->grp, &b->Q, &b->k, P, roll_bytes, NULL));
    OK(pst_stock_ecp_mul(&b->grp, &b->S, &b->d, P, roll_bytes, NULL));
    for (size_t i = 0; i < steps; i++) {
        OK(mbedtls_ecp_mul(&b->grp, &b->R, &b->k, P, roll_bytes, NULL));
        assert_same_point(&b->R, &b->Q);
        OK(mbedtls_mpi_add_mpi(&b->k, &b->k, &b->d));
        OK(mbedtls_mpi_mod_mpi(&b->k, &b->k, &b->grp.N));
        if (mbedtls_mpi_cmp_int(&b->k, 0) == 0)
            break;
        OK(mbedtls_ecp_muladd(&b->grp, &b->Q, &one, &b->Q, &one, &b->S));
    }
    mbedtls_mpi_free(&one);
}

static void test_mul__random_numbers_and_points__agree_with_additions(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    for (size_t n = 0; n < cases(); n += 2 * (size_t)WALK) {
        walk(&b, &b.grp.G, WALK);
        roll_scalar(&b.grp, &b.k);
        OK(pst_stock_ecp_mul(&b.grp, &b.P, &b.k, &b.grp.G, roll_bytes, NULL));
        walk(&b, &b.P, WALK);
    }
    bench_fini(&b);
}

/* The same outcome from the stock code: the result or the error. */
static void check_mul(struct bench *b, const mbedtls_mpi *k, const mbedtls_ecp_point *P)
{
    int err = mbedtls_ecp_mul(&b->grp, &b->R, k, P, roll_bytes, NULL);
    assert_int_equal(err, pst_stock_ecp_mul(&b->grp, &b->S, k, P, roll_bytes, NULL));
    if (err == 0)
        assert_same_point(&b->R, &b->S);
}

static void test_mul__numbers_at_the_edges__end_as_in_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    OK(mbedtls_mpi_lset(&b.k, 7));
    OK(pst_stock_ecp_mul(&b.grp, &b.P, &b.k, &b.grp.G, roll_bytes, NULL));
    for (unsigned n = 0; n < 2; n++) {
        const mbedtls_ecp_point *P = n == 0 ? &b.grp.G : &b.P;
        for (int i = -40; i <= 40; i++) {
            OK(mbedtls_mpi_lset(&b.k, i));
            check_mul(&b, &b.k, P);
            OK(mbedtls_mpi_add_int(&b.k, &b.grp.N, i)); /* the order and its neighbours */
            check_mul(&b, &b.k, P);
        }
        for (unsigned bit = 0; bit <= 256 + 64; bit++) { /* 2^i, 2^i - 1, and those modulo the order */
            OK(mbedtls_mpi_lset(&b.k, 1));
            OK(mbedtls_mpi_shift_l(&b.k, bit));
            check_mul(&b, &b.k, P);
            OK(mbedtls_mpi_sub_int(&b.k, &b.k, 1));
            check_mul(&b, &b.k, P);
            OK(mbedtls_mpi_sub_mpi(&b.k, &b.grp.N, &b.k));
            check_mul(&b, &b.k, P);
        }
        /* With limbs to spare, and with few. */
        OK(mbedtls_mpi_lset(&b.k, 5));
        OK(mbedtls_mpi_grow(&b.k, 20));
        check_mul(&b, &b.k, P);
        OK(mbedtls_mpi_shrink(&b.k, 1));
        check_mul(&b, &b.k, P);
    }
    mbedtls_mpi_free(&b.k);
    check_mul(&b, &b.k, &b.P); /* none at all */
    bench_fini(&b);
}

static void test_mul__points_that_are_none__end_as_in_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    OK(mbedtls_mpi_lset(&b.k, 12345));
    OK(mbedtls_ecp_copy(&b.P, &b.grp.G));
    for (unsigned z = 0; z < 3; z++) { /* infinity, as it should be, projective */
        OK(mbedtls_mpi_lset(&b.P.Z, (mbedtls_mpi_sint)z));
        check_mul(&b, &b.k, &b.P);
    }
    mbedtls_ecp_point_free(&b.P);
    check_mul(&b, &b.k, &b.P);
    mbedtls_mpi *coordinates[] = {&b.P.X, &b.P.Y};
    for (size_t i = 0; i < 2; i++) {
        OK(mbedtls_ecp_copy(&b.P, &b.grp.G));
        OK(mbedtls_mpi_add_int(coordinates[i], coordinates[i], 1)); /* off the curve */
        check_mul(&b, &b.k, &b.P);
        OK(mbedtls_ecp_copy(&b.P, &b.grp.G));
        OK(mbedtls_mpi_add_mpi(coordinates[i], coordinates[i], &b.grp.P)); /* not reduced */
        check_mul(&b, &b.k, &b.P);
        OK(mbedtls_mpi_sub_mpi(coordinates[i], coordinates[i], &b.grp.P));
        OK(mbedtls_mpi_sub_mpi(coordinates[i], coordinates[i], &b.grp.P)); /* negative */
        check_mul(&b, &b.k, &b.P);
        OK(mbedtls_mpi_copy(coordinates[i], &b.grp.P)); /* 0 in disguise */
        check_mul(&b, &b.k, &b.P);
        OK(mbedtls_mpi_lset(coordinates[i], 0));
        check_mul(&b, &b.k, &b.P);
    }
    /* x = 0 is on the curve: y^2 = b. P-256's prime is 3 modulo 4. */
    OK(mbedtls_mpi_lset(&b.P.X, 0));
    OK(mbedtls_mpi_add_int(&b.k, &b.grp.P, 1));
    OK(mbedtls_mpi_shift_r(&b.k, 2));
    OK(mbedtls_mpi_exp_mod(&b.P.Y, &b.grp.B, &b.k, &b.grp.P, NULL));
    OK(mbedtls_mpi_lset(&b.P.Z, 1));
    OK(mbedtls_mpi_lset(&b.k, 12345));
    OK(mbedtls_ecp_check_pubkey(&b.grp, &b.P));
    check_mul(&b, &b.k, &b.P);
    /* On another curve of the same size: with another b. And no randomness. */
    assert_int_equal(mbedtls_ecp_mul(&b.grp, &b.R, &b.k, &b.grp.G, NULL, NULL),
                     MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
    bench_fini(&b);
}

static void test_mul__into_its_own_point__is_right(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    roll_scalar(&b.grp, &b.k);
    OK(pst_stock_ecp_mul(&b.grp, &b.P, &b.k, &b.grp.G, roll_bytes, NULL));
    OK(pst_stock_ecp_mul(&b.grp, &b.S, &b.k, &b.P, roll_bytes, NULL));
    OK(mbedtls_ecp_mul(&b.grp, &b.P, &b.k, &b.P, roll_bytes, NULL));
    assert_same_point(&b.P, &b.S);
    bench_fini(&b);
}

static void test_mul__other_curves__as_ever(void **state)
{
    (void)state;
    static const mbedtls_ecp_group_id ids[] = {MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1,
                                               MBEDTLS_ECP_DP_CURVE25519};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct bench b;
        bench_init(&b, ids[i]);
        OK(mbedtls_ecp_gen_privkey(&b.grp, &b.k, roll_bytes, NULL));
        check_mul(&b, &b.k, &b.grp.G);
        bench_fini(&b);
    }
}

/* The ways that TLS takes: key exchange by ecdh.h (1.2) and by PSA (1.3) meet in one secret. */
static void test_key_exchange__one_side_by_psa__gives_one_secret(void **state)
{
    (void)state;
    OK(psa_crypto_init());
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    psa_key_attributes_t attributes = PSA_KEY_ATTRIBUTES_INIT;
    psa_set_key_type(&attributes, PSA_KEY_TYPE_ECC_KEY_PAIR(PSA_ECC_FAMILY_SECP_R1));
    psa_set_key_bits(&attributes, 256);
    psa_set_key_usage_flags(&attributes, PSA_KEY_USAGE_DERIVE);
    psa_set_key_algorithm(&attributes, PSA_ALG_ECDH);
    for (unsigned n = 0; n < 20; n++) {
        psa_key_id_t key = 0;
        unsigned char theirs[65];
        unsigned char ours[65];
        unsigned char secret[BYTES];
        unsigned char other[BYTES];
        size_t len = 0;
        OK(psa_generate_key(&attributes, &key));
        OK(psa_export_public_key(key, theirs, sizeof(theirs), &len));
        OK(mbedtls_ecp_point_read_binary(&b.grp, &b.Q, theirs, len));
        OK(mbedtls_ecdh_gen_public(&b.grp, &b.d, &b.P, roll_bytes, NULL));
        OK(mbedtls_ecp_point_write_binary(&b.grp, &b.P, MBEDTLS_ECP_PF_UNCOMPRESSED, &len, ours,
                                          sizeof(ours)));
        OK(psa_raw_key_agreement(PSA_ALG_ECDH, key, ours, len, secret, sizeof(secret), &len));
        OK(mbedtls_ecdh_compute_shared(&b.grp, &b.k, &b.Q, &b.d, roll_bytes, NULL));
        OK(mbedtls_mpi_write_binary(&b.k, other, BYTES));
        assert_memory_equal(secret, other, BYTES);
        ours[40] ^= 1;
        assert_int_equal(
            psa_raw_key_agreement(PSA_ALG_ECDH, key, ours, sizeof(ours), secret, sizeof(secret), &len),
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
    unsigned char *seed = arg;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    for (unsigned n = 0; n < 4; n++)
        if (mbedtls_ecp_gen_privkey(&b.grp, &b.d, counting, seed) != 0 ||
            mbedtls_ecp_mul(&b.grp, &b.P, &b.d, &b.grp.G, counting, seed) != 0 ||
            pst_stock_ecp_mul(&b.grp, &b.Q, &b.d, &b.grp.G, counting, seed) != 0 ||
            mbedtls_ecp_point_cmp(&b.P, &b.Q) != 0 ||
            mbedtls_ecdsa_sign(&b.grp, &b.r, &b.s, &b.d, (const unsigned char *)"hash", 4, counting, seed) !=
                0 ||
            mbedtls_ecdsa_verify(&b.grp, (const unsigned char *)"hash", 4, &b.Q, &b.r, &b.s) != 0)
            return NULL;
    bench_fini(&b);
    return arg;
}

static void test_p256__from_the_first_call_in_several_threads__is_right(void **state)
{
    (void)state;
    enum { THREADS = 4 };
    unsigned char seeds[THREADS] = {1, 2, 3, 4};
    void *args[THREADS];
    for (unsigned i = 0; i < THREADS; i++)
        args[i] = &seeds[i];
    run_in_threads(multiply_in_thread, args, THREADS);
}

#if defined(POSTERN_ACCEL_P256)
static void test_accel__told__only_where_it_is_in_use(void **state)
{
    (void)state;
    char text[256];
    pst_accel_tell(text, sizeof(text));
    assert_non_null(strstr(text, "P-256 by nettle "));
    pst_accel_cpu_limit(0);
    pst_accel_tell(text, sizeof(text));
    assert_null(strstr(text, "P-256"));
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_p256__from_the_first_call_in_several_threads__is_right),
        cmocka_unit_test(test_mul__random_numbers_and_points__agree_with_additions),
        cmocka_unit_test(test_mul__numbers_at_the_edges__end_as_in_the_stock_code),
        TWICE(test_mul__points_that_are_none__end_as_in_the_stock_code),
        TWICE(test_mul__into_its_own_point__is_right),
        cmocka_unit_test(test_mul__other_curves__as_ever),
        TWICE(test_key_exchange__one_side_by_psa__gives_one_secret),
#if defined(POSTERN_ACCEL_P256)
        cmocka_unit_test_teardown(test_accel__told__only_where_it_is_in_use, unlimit),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
