/* ECDSA on P-256 as Mbed TLS has it in this build, where a library may do the work, against Mbed TLS's own
 * code: the same signatures, and the same ones refused. Passes as well where nothing is accelerated.
 *
 * POSTERN_TEST_CASES in the environment says how many random cases, times ten. */
#include "p256_bench.h"

static void check_verify(struct bench *b, const unsigned char *hash, size_t len, int want)
{
    assert_int_equal(mbedtls_ecdsa_verify(&b->grp, hash, len, &b->Q, &b->r, &b->s), want);
    assert_int_equal(pst_stock_ecdsa_verify(&b->grp, hash, len, &b->Q, &b->r, &b->s), want);
}

static void test_ecdsa__random_keys_and_hashes__are_those_of_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    for (size_t n = 0; n < cases() / 10; n++) {
        unsigned char hash[64];
        size_t len = roll(3) ? 32 : roll(sizeof(hash) + 1);
        roll_bytes(NULL, hash, sizeof(hash));
        if (roll(20) == 0)
            memset(hash, roll(2) ? 0xff : 0, sizeof(hash)); /* above the order, and 0 */
        mbedtls_md_type_t md = roll(2) ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA384;
        roll_scalar(&b.grp, &b.d);
        OK(mbedtls_ecdsa_sign_det_ext(&b.grp, &b.r, &b.s, &b.d, hash, len, md, roll_bytes, NULL));
        OK(pst_stock_ecdsa_sign_det_ext(&b.grp, &b.r2, &b.s2, &b.d, hash, len, md, roll_bytes, NULL));
        OK(mbedtls_mpi_cmp_mpi(&b.r, &b.r2));
        OK(mbedtls_mpi_cmp_mpi(&b.s, &b.s2));
        OK(mbedtls_ecp_mul(&b.grp, &b.Q, &b.d, &b.grp.G, roll_bytes, NULL));
        OK(mbedtls_ecdsa_verify(&b.grp, hash, len, &b.Q, &b.r, &b.s));
        if (n % 4 != 0)
            continue;
        check_verify(&b, hash, len, 0);
        switch (roll(3)) {
        case 0:
            OK(mbedtls_mpi_set_bit(&b.r, roll(255), !mbedtls_mpi_get_bit(&b.r, 3)));
            OK(mbedtls_mpi_add_int(&b.r, &b.r, 1));
            break;
        case 1:
            OK(mbedtls_mpi_add_int(&b.s, &b.s, 1));
            break;
        default:
            OK(mbedtls_ecp_copy(&b.Q, &b.grp.G));
            break;
        }
        check_verify(&b, hash, len, MBEDTLS_ERR_ECP_VERIFY_FAILED);
    }
    bench_fini(&b);
}

/* RFC 6979 A.2.5, "sample" with SHA-256, made again with another implementation. */
static void test_ecdsa__the_rfcs_key__signs_as_the_rfc_says(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    unsigned char hash[32];
    OK(mbedtls_md(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256), (const unsigned char *)"sample", 6, hash));
    OK(mbedtls_mpi_read_string(&b.d, 16, "C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721"));
    OK(mbedtls_mpi_read_string(&b.r2, 16,
                               "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716"));
    OK(mbedtls_mpi_read_string(&b.s2, 16,
                               "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"));
    for (unsigned n = 0; n < 2; n++) { /* whatever the blinding */
        OK(mbedtls_ecdsa_sign_det_ext(&b.grp, &b.r, &b.s, &b.d, hash, sizeof(hash), MBEDTLS_MD_SHA256,
                                      roll_bytes, NULL));
        OK(mbedtls_mpi_cmp_mpi(&b.r, &b.r2));
        OK(mbedtls_mpi_cmp_mpi(&b.s, &b.s2));
    }
    bench_fini(&b);
}

static int no_random(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    memset(out, 0xff, len);
    return MBEDTLS_ERR_ECP_RANDOM_FAILED;
}

static int only_zeros(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    memset(out, 0, len);
    return 0;
}

static void test_ecdsa_sign__what_cannot_be__ends_as_in_the_stock_code(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    static const unsigned char hash[32] = {1};
    static int (*const rngs[])(void *, unsigned char *, size_t) = {roll_bytes, no_random, only_zeros};
    for (size_t rng = 0; rng < 3; rng++)
        for (int i = -1; i <= 3; i++) { /* -1, 0, 1; the order less 1, the order */
            if (i < 2)
                OK(mbedtls_mpi_lset(&b.d, i));
            else
                OK(mbedtls_mpi_add_int(&b.d, &b.grp.N, i - 3));
            uint64_t before = dice;
            int err = mbedtls_ecdsa_sign(&b.grp, &b.r, &b.s, &b.d, hash, 32, rngs[rng], NULL);
            dice = before;
            assert_int_equal(err,
                             pst_stock_ecdsa_sign(&b.grp, &b.r2, &b.s2, &b.d, hash, 32, rngs[rng], NULL));
            if (err == 0) {
                OK(mbedtls_mpi_cmp_mpi(&b.r, &b.r2));
                OK(mbedtls_mpi_cmp_mpi(&b.s, &b.s2));
            }
        }
    bench_fini(&b);
}

static void test_ecdsa_sign__other_curves__as_ever(void **state)
{
    (void)state;
    static const mbedtls_ecp_group_id ids[] = {MBEDTLS_ECP_DP_SECP384R1, MBEDTLS_ECP_DP_SECP521R1};
    static const unsigned char hash[48] = {1};
    for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
        struct bench b;
        bench_init(&b, ids[i]);
        OK(mbedtls_ecp_gen_keypair(&b.grp, &b.d, &b.Q, roll_bytes, NULL));
        OK(mbedtls_ecdsa_sign_det_ext(&b.grp, &b.r, &b.s, &b.d, hash, 48, MBEDTLS_MD_SHA384, roll_bytes,
                                      NULL));
        OK(pst_stock_ecdsa_sign_det_ext(&b.grp, &b.r2, &b.s2, &b.d, hash, 48, MBEDTLS_MD_SHA384, roll_bytes,
                                        NULL));
        OK(mbedtls_mpi_cmp_mpi(&b.r, &b.r2));
        OK(mbedtls_mpi_cmp_mpi(&b.s, &b.s2));
        check_verify(&b, hash, 48, 0);
        bench_fini(&b);
    }
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_CURVE25519);
    assert_int_equal(mbedtls_ecdsa_sign(&b.grp, &b.r, &b.s, &b.d, hash, 32, roll_bytes, NULL),
                     MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
    check_verify(&b, hash, 32, MBEDTLS_ERR_ECP_BAD_INPUT_DATA);
    bench_fini(&b);
}

/* Makes Q, r, s and the hash such that u1 G + u2 Q = R is the sum that verifying comes to. */
static void make_sum(struct bench *b, int u1, int u2, const mbedtls_ecp_point *R, unsigned char hash[BYTES])
{
    mbedtls_mpi one;
    mbedtls_mpi minus;
    mbedtls_mpi_init(&one);
    mbedtls_mpi_init(&minus);
    OK(mbedtls_mpi_lset(&one, 1));
    /* Q = (R - u1 G) / u2 */
    OK(mbedtls_mpi_lset(&minus, -u1));
    OK(mbedtls_mpi_mod_mpi(&minus, &minus, &b->grp.N));
    OK(mbedtls_ecp_muladd(&b->grp, &b->Q, &one, R, &minus, &b->grp.G));
    OK(mbedtls_mpi_lset(&b->k, u2));
    OK(mbedtls_mpi_mod_mpi(&b->k, &b->k, &b->grp.N));
    OK(mbedtls_mpi_inv_mod(&b->k, &b->k, &b->grp.N)); /* 1 / u2 */
    OK(pst_stock_ecp_mul(&b->grp, &b->Q, &b->k, &b->Q, roll_bytes, NULL));
    /* r = x of R, s = r / u2, hash = u1 s */
    OK(mbedtls_mpi_mod_mpi(&b->r, &R->X, &b->grp.N));
    OK(mbedtls_mpi_mul_mpi(&b->s, &b->r, &b->k));
    OK(mbedtls_mpi_mod_mpi(&b->s, &b->s, &b->grp.N));
    OK(mbedtls_mpi_mul_int(&b->k, &b->s, (mbedtls_mpi_uint)u1));
    OK(mbedtls_mpi_mod_mpi(&b->k, &b->k, &b->grp.N));
    OK(mbedtls_mpi_write_binary(&b->k, hash, BYTES));
    mbedtls_mpi_free(&one);
    mbedtls_mpi_free(&minus);
}

static void multiple_of_g(struct bench *b, mbedtls_mpi_sint k, mbedtls_ecp_point *out)
{
    OK(mbedtls_mpi_lset(&b->k, k));
    OK(mbedtls_mpi_mod_mpi(&b->k, &b->k, &b->grp.N));
    OK(pst_stock_ecp_mul(&b->grp, out, &b->k, &b->grp.G, roll_bytes, NULL));
}

/* u1 G and u2 Q are the same point, or each other's opposite, or one of them is at infinity. */
static void test_ecdsa_verify__sums_with_corners__as_in_the_stock_code(void **state)
{
    (void)state;
    static const struct {
        int u1, u2, sum;
    } table[] = {
        {1, 1, 2},  {5, 3, 10},    {7, 1, 14}, /* a doubling */
        {0, 1, 9},  {0, 5, 25},                /* the hash is 0 */
        {1, 1, 3},  {2, 2, 2 + 4},             /* Q is 2 G */
        {3, 1, 2},  {3, 2, 1},                 /* Q is - G */
        {1, 1, -7}, {8, 4, 4},                 /* others */
    };
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    unsigned char hash[BYTES];
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        multiple_of_g(&b, table[i].sum, &b.R);
        make_sum(&b, table[i].u1, table[i].u2, &b.R, hash);
        check_verify(&b, hash, BYTES, 0);
        hash[BYTES - 1] ^= 1;
        check_verify(&b, hash, BYTES, MBEDTLS_ERR_ECP_VERIFY_FAILED);
    }
    /* The sum is infinity: u2 Q = - u1 G, with Q = - G, s = r, hash = r. */
    multiple_of_g(&b, -1, &b.Q);
    OK(mbedtls_mpi_copy(&b.r, &b.grp.G.X));
    OK(mbedtls_mpi_copy(&b.s, &b.r));
    OK(mbedtls_mpi_write_binary(&b.r, hash, BYTES));
    check_verify(&b, hash, BYTES, MBEDTLS_ERR_ECP_VERIFY_FAILED);
    bench_fini(&b);
}

/* An x between the order and the prime is reduced to r. Such points are rare enough to need making. */
static void test_ecdsa_verify__x_above_the_order__is_reduced(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    unsigned char hash[BYTES];
    unsigned char compressed[1 + BYTES] = {2};
    unsigned found = 0;
    for (int i = 1; i < 200 && found < 5; i++) {
        OK(mbedtls_mpi_add_int(&b.k, &b.grp.N, i));
        OK(mbedtls_mpi_write_binary(&b.k, compressed + 1, BYTES));
        if (mbedtls_ecp_point_read_binary(&b.grp, &b.R, compressed, sizeof(compressed)) != 0 ||
            mbedtls_ecp_check_pubkey(&b.grp, &b.R) != 0)
            continue;
        make_sum(&b, 3 + i, 5, &b.R, hash);
        assert_int_equal(mbedtls_mpi_cmp_int(&b.r, i), 0);
        check_verify(&b, hash, BYTES, 0);
        OK(mbedtls_mpi_add_mpi(&b.r, &b.r, &b.grp.N)); /* the same number, and no signature */
        check_verify(&b, hash, BYTES, MBEDTLS_ERR_ECP_VERIFY_FAILED);
        found++;
    }
    assert_int_equal(found, 5);
    bench_fini(&b);
}

static void test_ecdsa_verify__numbers_out_of_range__are_refused(void **state)
{
    (void)state;
    struct bench b;
    bench_init(&b, MBEDTLS_ECP_DP_SECP256R1);
    static const unsigned char hash[BYTES] = {1, 2, 3};
    OK(mbedtls_ecp_gen_keypair(&b.grp, &b.d, &b.Q, roll_bytes, NULL));
    OK(mbedtls_ecdsa_sign(&b.grp, &b.r2, &b.s2, &b.d, hash, BYTES, roll_bytes, NULL));
    for (int i = 0; i < 12; i++) {
        OK(mbedtls_mpi_copy(&b.r, &b.r2));
        OK(mbedtls_mpi_copy(&b.s, &b.s2));
        mbedtls_mpi *x = i % 2 ? &b.r : &b.s;
        switch (i / 2) {
        case 0:
            OK(mbedtls_mpi_lset(x, 0));
            break;
        case 1:
            OK(mbedtls_mpi_copy(x, &b.grp.N));
            break;
        case 2:
            OK(mbedtls_mpi_add_mpi(x, x, &b.grp.N));
            break;
        case 3:
            OK(mbedtls_mpi_sub_mpi(x, x, &b.grp.N)); /* negative */
            break;
        case 4:
            OK(mbedtls_mpi_add_int(x, &b.grp.N, 1));
            break;
        default:
            OK(mbedtls_mpi_shift_l(x, 256));
            break;
        }
        check_verify(&b, hash, BYTES, MBEDTLS_ERR_ECP_VERIFY_FAILED);
    }
    /* The other s, order - s, is a signature as well (SEC 1 4.1.4 asks for no more). */
    OK(mbedtls_mpi_copy(&b.r, &b.r2));
    OK(mbedtls_mpi_sub_mpi(&b.s, &b.grp.N, &b.s2));
    check_verify(&b, hash, BYTES, 0);
    /* A key off the curve, at infinity, not reduced. */
    OK(mbedtls_mpi_add_mpi(&b.Q.X, &b.Q.X, &b.grp.P));
    assert_int_equal(mbedtls_ecdsa_verify(&b.grp, hash, BYTES, &b.Q, &b.r, &b.s),
                     pst_stock_ecdsa_verify(&b.grp, hash, BYTES, &b.Q, &b.r, &b.s));
    assert_int_not_equal(mbedtls_ecdsa_verify(&b.grp, hash, BYTES, &b.Q, &b.r, &b.s), 0);
    OK(mbedtls_ecp_set_zero(&b.Q));
    assert_int_equal(mbedtls_ecdsa_verify(&b.grp, hash, BYTES, &b.Q, &b.r, &b.s),
                     pst_stock_ecdsa_verify(&b.grp, hash, BYTES, &b.Q, &b.r, &b.s));
    bench_fini(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ecdsa__random_keys_and_hashes__are_those_of_the_stock_code),
        TWICE(test_ecdsa__the_rfcs_key__signs_as_the_rfc_says),
        TWICE(test_ecdsa_sign__what_cannot_be__ends_as_in_the_stock_code),
        TWICE(test_ecdsa_sign__other_curves__as_ever),
        TWICE(test_ecdsa_verify__sums_with_corners__as_in_the_stock_code),
        TWICE(test_ecdsa_verify__x_above_the_order__is_reduced),
        TWICE(test_ecdsa_verify__numbers_out_of_range__are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
