/* Signatures on P-256 of this build against Mbed TLS's own code and OpenSSL's: see proof.h. */
#define DICE_SEED 0x70726f6f66303035
#include "unit/accel/p256_proof.h"

enum { QUICK = 300 };

#if defined(POSTERN_TEST_OPENSSL)
/* With this secret number: what SEC 1 4.1.3 has for it. */
static bool openssl_signs(struct rig *r, const struct hash *h, const mbedtls_mpi *k)
{
    struct openssl *o = &r->openssl;
    struct bench *b = &r->b;
    BIGNUM *inverse = BN_new();
    BIGNUM *order = BN_new();
    bool is_same = false;
    if (inverse && order && EC_GROUP_get_order(o->group, order, o->ctx) == 1 && openssl_number(k, o->k) &&
        EC_POINT_mul(o->group, o->R, o->k, NULL, NULL, o->ctx) == 1 &&
        EC_POINT_get_affine_coordinates(o->group, o->R, o->x, NULL, o->ctx) == 1 &&
        BN_nnmod(o->x, o->x, order, o->ctx) && BN_mod_inverse(inverse, o->k, order, o->ctx) &&
        openssl_number(&b->d, o->y) && EC_KEY_set_private_key(o->key, o->y) == 1) {
        ECDSA_SIG *signature = ECDSA_do_sign_ex(h->bytes, (int)h->len, inverse, o->x, o->key);
        is_same = signature && openssl_is_number(ECDSA_SIG_get0_r(signature), &b->r) &&
                  openssl_is_number(ECDSA_SIG_get0_s(signature), &b->s);
        ECDSA_SIG_free(signature);
    }
    BN_free(inverse);
    BN_free(order);
    return is_same;
}

#endif

/* Hands out a number once, and random bytes after it. */
struct one_number {
    const mbedtls_mpi *number;
    bool is_given;
};

static int give_number(void *arg, unsigned char *out, size_t len)
{
    struct one_number *one = arg;
    if (one->is_given || len != BYTES)
        return roll_bytes(NULL, out, len);
    one->is_given = true;
    return mbedtls_mpi_write_binary(one->number, out, len);
}

static const char *check_sign(void *arg)
{
    struct rig *r = arg;
    struct bench *b = &r->b;
    struct hash h;
    roll_hash(&h);
    roll_scalar(&b->grp, &b->d);
    roll_scalar(&b->grp, &b->k);
    mbedtls_md_type_t md = roll(2) ? MBEDTLS_MD_SHA256 : MBEDTLS_MD_SHA384;
    HOLDS(mbedtls_ecdsa_sign_det_ext(&b->grp, &b->r, &b->s, &b->d, h.bytes, h.len, md, roll_bytes, NULL) ==
          0);
    HOLDS(pst_stock_ecdsa_sign_det_ext(&b->grp, &b->r2, &b->s2, &b->d, h.bytes, h.len, md, roll_bytes,
                                       NULL) == 0);
    HOLDS(mbedtls_mpi_cmp_mpi(&b->r, &b->r2) == 0 && mbedtls_mpi_cmp_mpi(&b->s, &b->s2) == 0);
    /* Once more with a secret number that OpenSSL can be told. */
    struct one_number one = {.number = &b->k};
    HOLDS(mbedtls_ecdsa_sign(&b->grp, &b->r, &b->s, &b->d, h.bytes, h.len, give_number, &one) == 0);
    HOLDS(one.is_given);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS(openssl_signs(r, &h, &b->k));
#endif
    return NULL;
}

static void test_ecdsa_sign__random_keys__are_those_of_the_stock_code_and_openssl(void **state)
{
    prove(check_sign, *state, PROOF_QUICK(QUICK));
}

/* The secret number and the key at 1, 2, the order less 1 and 2, and at limbs' edges: right, whatever they
 * are. */
static void test_ecdsa_sign__numbers_at_the_edges__are_those_of_the_stock_code_and_openssl(void **state)
{
    enum { EDGES = 10 };
    struct rig *r = *state;
    struct bench *b = &r->b;
    struct hash h;
    deal(1);
    for (unsigned i = 0; i < EDGES * EDGES; i++) {
        mbedtls_mpi *numbers[] = {&b->k, &b->d};
        unsigned which[] = {i % EDGES, i / EDGES};
        for (unsigned n = 0; n < 2; n++) {
            if (which[n] < 2)
                OK(mbedtls_mpi_lset(numbers[n], 1 + (mbedtls_mpi_sint)which[n]));
            else if (which[n] < 4)
                OK(mbedtls_mpi_sub_int(numbers[n], &b->grp.N, (mbedtls_mpi_sint)which[n] - 1));
            else {
                OK(mbedtls_mpi_lset(numbers[n], 1));
                OK(mbedtls_mpi_shift_l(numbers[n], (size_t)(1 + (which[n] - 4) / 2) * 64));
                OK(mbedtls_mpi_sub_int(numbers[n], numbers[n], which[n] % 2));
            }
        }
        roll_hash(&h);
        struct one_number one = {.number = &b->k};
        struct one_number again = {.number = &b->k};
        int err = mbedtls_ecdsa_sign(&b->grp, &b->r, &b->s, &b->d, h.bytes, h.len, give_number, &one);
        assert_int_equal(
            err, pst_stock_ecdsa_sign(&b->grp, &b->r2, &b->s2, &b->d, h.bytes, h.len, give_number, &again));
        assert_int_equal(err, 0);
        OK(mbedtls_mpi_cmp_mpi(&b->r, &b->r2));
        OK(mbedtls_mpi_cmp_mpi(&b->s, &b->s2));
#if defined(POSTERN_TEST_OPENSSL)
        assert_true(openssl_signs(r, &h, &b->k));
#endif
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_ecdsa_sign__random_keys__are_those_of_the_stock_code_and_openssl),
        WITH_RIG(test_ecdsa_sign__numbers_at_the_edges__are_those_of_the_stock_code_and_openssl),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
