/* X25519 of this build against Mbed TLS's own code and OpenSSL's: see proof.h. */
#define MBEDTLS_ALLOW_PRIVATE_ACCESS

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <mbedtls/ecp.h>

#define DICE_SEED 0x70726f6f66303036
#if defined(POSTERN_ACCEL_X25519)
#define HAS_LIBRARY
#endif
#include "unit/accel/proof.h"

#include "unit/accel/stock_ecp.h"

#if defined(POSTERN_TEST_OPENSSL)
#include <openssl/evp.h>
#endif

enum { BYTES = 32, QUICK = 150 };

struct rig {
    mbedtls_ecp_group grp;
    mbedtls_ecp_point P, R, S;
    mbedtls_mpi x;
};

static int set_up(void **state)
{
    static struct rig r;
    mbedtls_ecp_group_init(&r.grp);
    OK(mbedtls_ecp_group_load(&r.grp, MBEDTLS_ECP_DP_CURVE25519));
    mbedtls_ecp_point_init(&r.P);
    mbedtls_ecp_point_init(&r.R);
    mbedtls_ecp_point_init(&r.S);
    mbedtls_mpi_init(&r.x);
    *state = &r;
    return 0;
}

static int tear_down(void **state)
{
    struct rig *r = *state;
    mbedtls_ecp_group_free(&r->grp);
    mbedtls_ecp_point_free(&r->P);
    mbedtls_ecp_point_free(&r->R);
    mbedtls_ecp_point_free(&r->S);
    mbedtls_mpi_free(&r->x);
    return 0;
}

static int random_bytes(void *unused, unsigned char *out, size_t len)
{
    (void)unused;
    roll_fill(out, len);
    return 0;
}

#if defined(POSTERN_TEST_OPENSSL)
/* False where it refuses, which it does when the outcome is 0. */
static bool openssl_multiplies(const unsigned char k[BYTES], const unsigned char u[BYTES],
                               unsigned char out[BYTES])
{
    size_t len = BYTES;
    EVP_PKEY *ours = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, k, BYTES);
    EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, u, BYTES);
    EVP_PKEY_CTX *ctx = ours ? EVP_PKEY_CTX_new(ours, NULL) : NULL;
    bool is_done = ctx && theirs && EVP_PKEY_derive_init(ctx) == 1 &&
                   EVP_PKEY_derive_set_peer(ctx, theirs) == 1 && EVP_PKEY_derive(ctx, out, &len) == 1 &&
                   len == BYTES;
    EVP_PKEY_CTX_free(ctx);
    EVP_PKEY_free(theirs);
    EVP_PKEY_free(ours);
    return is_done;
}
#endif

/* Bytes as RFC 7748 5 has them, read by Mbed TLS: the same outcome from all, a product or a refusal. is_low
 * tells of a refusal. */
static const char *check_bytes(struct rig *r, const unsigned char k[BYTES], const unsigned char u[BYTES],
                               bool *is_low)
{
    mbedtls_ecp_keypair key;
    mbedtls_ecp_keypair_init(&key);
    int err = mbedtls_ecp_read_key(MBEDTLS_ECP_DP_CURVE25519, &key, k, BYTES);
    if (err == 0)
        err = mbedtls_ecp_point_read_binary(&r->grp, &r->P, u, BYTES);
    HOLDS(err == 0);
    const mbedtls_ecp_point *P = mbedtls_mpi_cmp_int(&r->P.X, 9) == 0 ? &r->grp.G : &r->P;
    err = mbedtls_ecp_mul(&r->grp, &r->R, &key.d, P, random_bytes, NULL);
    int stock_err = pst_stock_ecp_mul(&r->grp, &r->S, &key.d, P, random_bytes, NULL);
    mbedtls_ecp_keypair_free(&key);
    HOLDS(err == stock_err);
    HOLDS(err == 0 || err == MBEDTLS_ERR_ECP_INVALID_KEY);
    HOLDS(err != 0 || (mbedtls_mpi_cmp_mpi(&r->R.X, &r->S.X) == 0 && mbedtls_mpi_cmp_int(&r->R.Z, 1) == 0));
    *is_low = err != 0;
#if defined(POSTERN_TEST_OPENSSL)
    unsigned char ours[BYTES];
    unsigned char theirs[BYTES];
    HOLDS(openssl_multiplies(k, u, theirs) == (err == 0));
    HOLDS(err != 0 || mbedtls_mpi_write_binary_le(&r->R.X, ours, BYTES) == 0);
    HOLDS(err != 0 || memcmp(ours, theirs, BYTES) == 0);
#endif
    return NULL;
}

static const char *check_case(void *arg)
{
    unsigned char k[BYTES];
    unsigned char u[BYTES] = {9};
    bool is_low = false;
    roll_fill(k, BYTES);
    size_t kind = roll(12);
    if (kind < 2)
        memset(k + roll(BYTES - 8), kind ? 0xff : 0, 1 + roll(8));
    if (kind > 3) /* else its own public key; and else any u is on the curve or on its twist */
        roll_fill(u, BYTES);
    if (kind == 11)
        memset(u + roll(BYTES - 8), roll(2) ? 0xff : 0, 8);
    const char *wrong = check_bytes(arg, k, u, &is_low);
    HOLDS(wrong || !is_low);
    return wrong;
}

static void test_x25519__random_numbers__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_case, *state, PROOF_QUICK(QUICK));
}

static void write_u(const mbedtls_mpi *x, unsigned char u[BYTES])
{
    OK(mbedtls_mpi_write_binary_le(x, u, BYTES));
}

/* RFC 7748 7: 0, 1, -1, the two of order 8; and as the same numbers not reduced, and with the bit that is
 * not looked at (5). */
static void test_x25519__points_of_low_order__are_refused_by_all(void **state)
{
    static const char *const low[] = {
        "0",
        "1",
        "00b8495f16056286fdb1329ceb8d09da6ac49ff1fae35616aeb8413b7c7aebe0",
        "57119fd0dd4e22d8868e1c58c45c44045bef839c55b1d0b1248c50a3bc959c5f",
        "7fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffec",
    };
    struct rig *r = *state;
    unsigned char k[BYTES];
    unsigned char u[BYTES];
    unsigned count = 0;
    deal(0);
    for (size_t i = 0; i < sizeof(low) / sizeof(low[0]); i++) {
        OK(mbedtls_mpi_read_string(&r->x, 16, low[i]));
        for (; mbedtls_mpi_bitlen(&r->x) <= 255; OK(mbedtls_mpi_add_mpi(&r->x, &r->x, &r->grp.P)))
            for (unsigned n = 0; n < 2; n++) {
                bool is_low = false;
                write_u(&r->x, u);
                u[BYTES - 1] |= (unsigned char)(n << 7);
                roll_fill(k, BYTES);
                assert_null(check_bytes(r, k, u, &is_low));
                assert_true(is_low);
                count++;
            }
    }
    assert_int_equal(count, 2 * (5 + 2)); /* of 0 and 1 there is one more below 2^255 */
}

/* From the prime to 2^255: u that are not reduced, each like the one that it is. */
static void test_x25519__coordinates_not_reduced__count_as_reduced(void **state)
{
    struct rig *r = *state;
    unsigned char k[BYTES];
    unsigned char u[BYTES];
    deal(1);
    for (int i = 2; i < 19; i++)
        for (unsigned n = 0; n < 2; n++) {
            unsigned char product[BYTES];
            bool is_low = false;
            roll_fill(k, BYTES);
            OK(mbedtls_mpi_add_int(&r->x, &r->grp.P, i));
            write_u(&r->x, u);
            u[BYTES - 1] |= (unsigned char)(n << 7);
            assert_null(check_bytes(r, k, u, &is_low));
            assert_false(is_low);
            write_u(&r->R.X, product);
            OK(mbedtls_mpi_lset(&r->x, i));
            write_u(&r->x, u);
            assert_null(check_bytes(r, k, u, &is_low));
            write_u(&r->R.X, u);
            assert_memory_equal(u, product, BYTES);
        }
}

/* u about 0, the prime, and what limbs of 25.5, 51 and 64 bits hold. */
static void test_x25519__coordinates_at_the_edges_of_limbs__are_those_of_the_stock_code_and_openssl(
    void **state)
{
    static const unsigned bits[] = {8,   26,  32,  51,  64,  77,  96,  102, 128,
                                    153, 160, 179, 192, 204, 224, 230, 252, 254};
    struct rig *r = *state;
    unsigned char k[BYTES];
    unsigned char u[BYTES];
    bool is_low = false;
    deal(2);
    for (size_t i = 0; i < sizeof(bits) / sizeof(bits[0]); i++)
        for (int less = -1; less <= 2; less++) {
            OK(mbedtls_mpi_lset(&r->x, 1));
            OK(mbedtls_mpi_shift_l(&r->x, bits[i]));
            OK(mbedtls_mpi_sub_int(&r->x, &r->x, less));
            write_u(&r->x, u);
            roll_fill(k, BYTES);
            assert_null(check_bytes(r, k, u, &is_low));
            assert_false(is_low);
        }
    for (int i = 2; i < 20; i++) {
        roll_fill(k, BYTES);
        OK(mbedtls_mpi_sub_int(&r->x, &r->grp.P, i));
        write_u(&r->x, u);
        assert_null(check_bytes(r, k, u, &is_low));
        OK(mbedtls_mpi_lset(&r->x, i));
        write_u(&r->x, u);
        assert_null(check_bytes(r, k, u, &is_low));
    }
}

/* Secrets whose bits are all alike, or alike but for one; decoding sets and clears five of them. */
static void test_x25519__secrets_at_the_edges__are_those_of_the_stock_code_and_openssl(void **state)
{
    struct rig *r = *state;
    unsigned char k[BYTES];
    unsigned char u[BYTES];
    bool is_low = false;
    deal(3);
    for (unsigned bit = 0; bit < 256; bit += bit % 64 < 61 ? 3 : 1)
        for (unsigned n = 0; n < 2; n++) {
            memset(k, n ? 0xff : 0, BYTES);
            k[bit / 8] ^= (unsigned char)(1U << bit % 8);
            roll_fill(u, BYTES);
            if (bit % 2) {
                memset(u, 0, BYTES);
                u[0] = 9;
            }
            assert_null(check_bytes(r, k, u, &is_low));
            assert_false(is_low);
        }
}

int main(void)
{
#define WITH_RIG(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_x25519__random_numbers__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_x25519__points_of_low_order__are_refused_by_all),
        WITH_RIG(test_x25519__coordinates_not_reduced__count_as_reduced),
        WITH_RIG(test_x25519__coordinates_at_the_edges_of_limbs__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_x25519__secrets_at_the_edges__are_those_of_the_stock_code_and_openssl),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
