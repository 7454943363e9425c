/* Multiples on P-256, which is what ECDHE comes to, of this build against Mbed TLS's own code and OpenSSL's:
 * see proof.h. */
#define DICE_SEED 0x70726f6f66303034
#include "unit/accel/p256_proof.h"

enum { QUICK = 150 };

/* The same outcome from all: the result or the refusal. */
static const char *check_mul(struct rig *r, const mbedtls_mpi *k, const mbedtls_ecp_point *P)
{
    struct bench *b = &r->b;
    int err = mbedtls_ecp_mul(&b->grp, &b->R, k, P, roll_bytes, NULL);
    HOLDS(err == pst_stock_ecp_mul(&b->grp, &b->S, k, P, roll_bytes, NULL));
    if (err != 0)
        return NULL;
    HOLDS(mbedtls_mpi_cmp_mpi(&b->R.X, &b->S.X) == 0 && mbedtls_mpi_cmp_mpi(&b->R.Y, &b->S.Y) == 0);
    HOLDS(mbedtls_mpi_cmp_int(&b->R.Z, 1) == 0 && mbedtls_mpi_cmp_int(&b->S.Z, 1) == 0);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(openssl_is_multiple(&r->openssl, k, P == &b->grp.G ? NULL : P, &b->R));
#endif
    return NULL;
}

/* One side of a key exchange: what it shows, or what it shares. */
static const char *check_case(void *arg)
{
    struct rig *r = arg;
    struct bench *b = &r->b;
    roll_scalar(&b->grp, &b->k);
    if (roll(3) == 0)
        return check_mul(r, &b->k, &b->grp.G);
    roll_scalar(&b->grp, &b->d);
    HOLDS(mbedtls_ecp_mul(&b->grp, &b->P, &b->d, &b->grp.G, roll_bytes, NULL) == 0);
    if (roll(8) == 0) /* the other one of this x */
        HOLDS(mbedtls_mpi_sub_mpi(&b->P.Y, &b->grp.P, &b->P.Y) == 0);
    return check_mul(r, &b->k, &b->P);
}

static void test_p256__random_multiples__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_case, *state, PROOF_QUICK(QUICK));
}

/* 2^bit and its neighbours, modulo nothing: so up to and beyond the order. */
static void test_p256__numbers_at_the_edges_of_limbs_and_windows__end_as_in_the_stock_code(void **state)
{
    struct rig *r = *state;
    struct bench *b = &r->b;
    deal(0);
    roll_scalar(&b->grp, &b->d);
    OK(mbedtls_ecp_mul(&b->grp, &b->P, &b->d, &b->grp.G, roll_bytes, NULL));
    for (unsigned bit = 0; bit <= 257; bit++)
        for (int i = -1; i <= 1; i++) {
            bool is_limb = bit % 64 == 0 || bit >= 255;
            if (!is_limb && (bit % 3 != 0 || i == 1)) /* all of them take a while under sanitizers */
                continue;
            OK(mbedtls_mpi_lset(&b->k, 1));
            OK(mbedtls_mpi_shift_l(&b->k, bit));
            OK(mbedtls_mpi_add_int(&b->k, &b->k, i));
            assert_null(check_mul(r, &b->k, bit % 2 ? &b->grp.G : &b->P));
            if (is_limb)
                assert_null(check_mul(r, &b->k, bit % 2 ? &b->P : &b->grp.G));
        }
}

/* The order, its half and its double, each with neighbours; patterns of bits. */
static void test_p256__numbers_about_the_order__end_as_in_the_stock_code(void **state)
{
    static const unsigned char patterns[] = {0x55, 0xaa, 0x33, 0x0f, 0xf0, 0x01, 0x80, 0x7f, 0xff};
    struct rig *r = *state;
    struct bench *b = &r->b;
    deal(1);
    roll_scalar(&b->grp, &b->d);
    OK(mbedtls_ecp_mul(&b->grp, &b->P, &b->d, &b->grp.G, roll_bytes, NULL));
    for (int i = -4; i <= 4; i++)
        for (unsigned n = 0; n < 3; n++) {
            OK(mbedtls_mpi_copy(&b->k, &b->grp.N));
            OK(n == 1 ? mbedtls_mpi_shift_l(&b->k, 1) : 0);
            if (n == 2)
                mbedtls_mpi_shift_r(&b->k, 1);
            OK(mbedtls_mpi_add_int(&b->k, &b->k, i));
            assert_null(check_mul(r, &b->k, &b->grp.G));
            assert_null(check_mul(r, &b->k, &b->P));
        }
    for (size_t i = 0; i < sizeof(patterns); i++) {
        unsigned char bytes[BYTES];
        memset(bytes, patterns[i], BYTES);
        OK(mbedtls_mpi_read_binary(&b->k, bytes, BYTES));
        assert_null(check_mul(r, &b->k, &b->grp.G));
        assert_null(check_mul(r, &b->k, &b->P));
    }
}

/* Both points of an x, if it has any; else what is made of a y that is not its own. Whether it had. */
static bool check_x(struct rig *r, const mbedtls_mpi *x)
{
    struct bench *b = &r->b;
    unsigned char compressed[1 + BYTES] = {2};
    OK(mbedtls_mpi_write_binary(x, compressed + 1, BYTES));
    bool is_there = mbedtls_ecp_point_read_binary(&b->grp, &b->P, compressed, sizeof(compressed)) == 0 &&
                    mbedtls_ecp_check_pubkey(&b->grp, &b->P) == 0;
    roll_scalar(&b->grp, &b->k);
    if (!is_there) {
        OK(mbedtls_mpi_copy(&b->P.X, x));
        OK(mbedtls_mpi_lset(&b->P.Y, 1 + (mbedtls_mpi_sint)roll(1000)));
        OK(mbedtls_mpi_lset(&b->P.Z, 1));
        assert_int_not_equal(mbedtls_ecp_mul(&b->grp, &b->R, &b->k, &b->P, roll_bytes, NULL), 0);
#if defined(POSTERN_TEST_OPENSSL)
        assert_false(openssl_point(&r->openssl, &b->P, r->openssl.P));
#endif
    }
    assert_null(check_mul(r, &b->k, &b->P));
    if (is_there) {
        OK(mbedtls_mpi_sub_mpi(&b->P.Y, &b->grp.P, &b->P.Y));
        assert_null(check_mul(r, &b->k, &b->P));
    }
    return is_there;
}

/* 0 and after; before the prime, the order and powers of two: limbs full of zeros and ones. */
static void test_p256__points_of_small_and_large_x__end_as_in_the_stock_code(void **state)
{
    static const unsigned bits[] = {32, 64, 96, 128, 192, 224, 255};
    struct rig *r = *state;
    struct bench *b = &r->b;
    unsigned found = 0;
    deal(2);
    for (int i = 0; i < 12; i++) {
        OK(mbedtls_mpi_lset(&b->r, i));
        found += check_x(r, &b->r);
        OK(mbedtls_mpi_sub_int(&b->r, &b->grp.P, i + 1));
        found += check_x(r, &b->r);
        OK(mbedtls_mpi_sub_int(&b->r, &b->grp.N, i - 3));
        found += check_x(r, &b->r);
    }
    for (size_t n = 0; n < sizeof(bits) / sizeof(bits[0]); n++)
        for (int i = -2; i <= 2; i++) {
            OK(mbedtls_mpi_lset(&b->r, 1));
            OK(mbedtls_mpi_shift_l(&b->r, bits[n]));
            OK(mbedtls_mpi_add_int(&b->r, &b->r, i));
            found += check_x(r, &b->r);
        }
    assert_in_range(found, 20, 60); /* about half */
}

/* Coordinates that are the same modulo the prime, and not less than it: no points. */
static void test_p256__coordinates_not_reduced__are_refused_by_all(void **state)
{
    struct rig *r = *state;
    struct bench *b = &r->b;
    unsigned found = 0;
    deal(3);
    OK(mbedtls_mpi_lset(&b->k, 7));
    for (int i = 0; i < 40; i++) {
        unsigned char compressed[1 + BYTES] = {2};
        compressed[BYTES] = (unsigned char)i;
        if (mbedtls_ecp_point_read_binary(&b->grp, &b->P, compressed, sizeof(compressed)) != 0 ||
            mbedtls_ecp_check_pubkey(&b->grp, &b->P) != 0)
            continue;
        found++;
        OK(mbedtls_mpi_add_mpi(&b->P.X, &b->P.X, &b->grp.P));
        assert_int_equal(mbedtls_ecp_mul(&b->grp, &b->R, &b->k, &b->P, roll_bytes, NULL),
                         MBEDTLS_ERR_ECP_INVALID_KEY);
        assert_null(check_mul(r, &b->k, &b->P));
        OK(mbedtls_mpi_sub_mpi(&b->P.X, &b->P.X, &b->grp.P));
        OK(mbedtls_mpi_add_mpi(&b->P.Y, &b->P.Y, &b->grp.P));
        assert_null(check_mul(r, &b->k, &b->P));
        OK(mbedtls_mpi_sub_mpi(&b->P.Y, &b->P.Y, &b->grp.P));
        OK(mbedtls_mpi_sub_mpi(&b->P.Y, &b->P.Y, &b->grp.P)); /* negative */
        assert_null(check_mul(r, &b->k, &b->P));
    }
    assert_in_range(found, 10, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_p256__random_multiples__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_p256__numbers_at_the_edges_of_limbs_and_windows__end_as_in_the_stock_code),
        WITH_RIG(test_p256__numbers_about_the_order__end_as_in_the_stock_code),
        WITH_RIG(test_p256__points_of_small_and_large_x__end_as_in_the_stock_code),
        WITH_RIG(test_p256__coordinates_not_reduced__are_refused_by_all),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
