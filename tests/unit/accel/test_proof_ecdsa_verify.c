/* Verdicts on signatures on P-256 of this build against Mbed TLS's own code and OpenSSL's: see proof.h. */
#define DICE_SEED 0x70726f6f66303037
#include "unit/accel/p256_proof.h"

enum { QUICK = 120 };

#if defined(POSTERN_TEST_OPENSSL)
/* 1 it is, 0 it is not, -1 that cannot be told; what does not fit 32 bytes never is. */
static int openssl_verifies(struct rig *r, const struct hash *h)
{
    struct openssl *o = &r->openssl;
    struct bench *b = &r->b;
    BIGNUM *number[2] = {BN_new(), BN_new()};
    ECDSA_SIG *signature = ECDSA_SIG_new();
    int result = 0;
    assert_true(signature && number[0] && number[1]);
    if (openssl_number(&b->r, number[0]) && openssl_number(&b->s, number[1]) && b->r.s > 0 && b->s.s > 0 &&
        openssl_point(o, &b->Q, o->P) && EC_KEY_set_public_key(o->key, o->P) == 1) {
        assert_int_equal(ECDSA_SIG_set0(signature, number[0], number[1]), 1);
        number[0] = number[1] = NULL;
        result = ECDSA_do_verify(h->bytes, (int)h->len, signature, o->key);
    }
    ECDSA_SIG_free(signature);
    BN_free(number[0]);
    BN_free(number[1]);
    return result;
}
#endif

/* The same verdict from all. */
static const char *check_verdict(struct rig *r, const struct hash *h, int want)
{
    struct bench *b = &r->b;
    HOLDS(mbedtls_ecdsa_verify(&b->grp, h->bytes, h->len, &b->Q, &b->r, &b->s) == want);
    HOLDS(pst_stock_ecdsa_verify(&b->grp, h->bytes, h->len, &b->Q, &b->r, &b->s) == want);
#if defined(POSTERN_TEST_OPENSSL)
    HOLDS((openssl_verifies(r, h) == 1) == (want == 0));
#endif
    return NULL;
}

/* One bit of one of them. */
static void flip(mbedtls_mpi *number, size_t bit)
{
    OK(mbedtls_mpi_set_bit(number, bit, !mbedtls_mpi_get_bit(number, bit)));
}

static const char *check_verify(void *arg)
{
    struct rig *r = arg;
    struct bench *b = &r->b;
    struct hash h;
    roll_hash(&h);
    roll_scalar(&b->grp, &b->d);
    HOLDS(mbedtls_ecp_mul(&b->grp, &b->Q, &b->d, &b->grp.G, roll_bytes, NULL) == 0);
    HOLDS(mbedtls_ecdsa_sign(&b->grp, &b->r, &b->s, &b->d, h.bytes, h.len, roll_bytes, NULL) == 0);
    int want = MBEDTLS_ERR_ECP_VERIFY_FAILED;
    size_t used = h.len < BYTES ? h.len : BYTES;
    switch (roll(6)) {
    case 0:
        flip(&b->r, roll(256));
        break;
    case 1:
        flip(&b->s, roll(256));
        break;
    case 2: /* the key's opposite */
        HOLDS(mbedtls_mpi_sub_mpi(&b->Q.Y, &b->grp.P, &b->Q.Y) == 0);
        if (used == 0 || is_all(h.bytes, used, 0)) /* a hash of 0 leaves the sum's sign alone */
            want = 0;
        break;
    case 3:
        if (used == 0)
            return NULL;
        h.bytes[roll(used)] ^= (unsigned char)(1U << roll(8));
        break;
    case 4: /* SEC 1 4.1.4 does not mind */
        HOLDS(mbedtls_mpi_sub_mpi(&b->s, &b->grp.N, &b->s) == 0);
        want = 0;
        break;
    default:
        want = 0;
        break;
    }
    return check_verdict(r, &h, want);
}

static void test_ecdsa_verify__random_signatures__have_the_verdict_of_the_stock_code_and_openssl(void **state)
{
    prove(check_verify, *state, PROOF_QUICK(QUICK));
}

/* r and s: 0, 1, 2, half the order, the order, and what is about them; the prime; all ones. */
static void edge(const struct bench *b, unsigned n, mbedtls_mpi *out)
{
    unsigned char ones[BYTES];
    memset(ones, 0xff, BYTES);
    if (n < 3) {
        OK(mbedtls_mpi_lset(out, (mbedtls_mpi_sint)n));
    } else if (n < 6) {
        OK(mbedtls_mpi_add_int(out, &b->grp.N, (mbedtls_mpi_sint)n - 4));
    } else if (n < 8) {
        OK(mbedtls_mpi_add_int(out, &b->grp.P, (mbedtls_mpi_sint)n - 7));
    } else if (n == 8) {
        OK(mbedtls_mpi_read_binary(out, ones, BYTES));
    } else {
        OK(mbedtls_mpi_copy(out, &b->grp.N));
        mbedtls_mpi_shift_r(out, 1);
    }
}

static void test_ecdsa_verify__numbers_at_the_edges__have_the_verdict_of_the_stock_code_and_openssl(
    void **state)
{
    enum { EDGES = 10 };
    struct rig *r = *state;
    struct bench *b = &r->b;
    struct hash h;
    deal(0);
    roll_hash(&h);
    h.len = 32;
    roll_scalar(&b->grp, &b->d);
    OK(mbedtls_ecp_mul(&b->grp, &b->Q, &b->d, &b->grp.G, roll_bytes, NULL));
    OK(mbedtls_ecdsa_sign(&b->grp, &b->r2, &b->s2, &b->d, h.bytes, h.len, roll_bytes, NULL));
    for (unsigned i = 0; i <= EDGES; i++)
        for (unsigned j = 0; j <= EDGES; j++) {
            OK(mbedtls_mpi_copy(&b->r, &b->r2));
            OK(mbedtls_mpi_copy(&b->s, &b->s2));
            if (i < EDGES)
                edge(b, i, &b->r);
            if (j < EDGES)
                edge(b, j, &b->s);
            assert_null(check_verdict(r, &h, i == EDGES && j == EDGES ? 0 : MBEDTLS_ERR_ECP_VERIFY_FAILED));
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_RIG(test_ecdsa_verify__random_signatures__have_the_verdict_of_the_stock_code_and_openssl),
        WITH_RIG(test_ecdsa_verify__numbers_at_the_edges__have_the_verdict_of_the_stock_code_and_openssl),
        cmocka_unit_test(test_openssl__to_compare_with__was_there_at_build_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
