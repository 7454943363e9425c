/* Sets of certificates: which one a client gets, and a new set in the place of an old one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/tls_door.h"

enum { CERTS = 5 };

static struct test_cert certs[CERTS];

static int start(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        enum test_key key;
    } specs[CERTS] = {
        {"first.example", TEST_KEY_P256},     {"one.example", TEST_KEY_RSA_2048},
        {"one.example", TEST_KEY_P384},       {"*.example", TEST_KEY_P256},
        {"first.example", TEST_KEY_RSA_2048},
    };
    if (pst_tls_global_init() != 0)
        return -1;
    for (size_t i = 0; i < CERTS; i++)
        test_cert_make(&certs[i], &(struct test_cert_spec){.key = specs[i].key, .name = specs[i].name});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    for (size_t i = 0; i < CERTS; i++)
        test_cert_free(&certs[i]);
    return 0;
}

/* Of certs[from] and those behind it. */
static struct pst_tls_certs *make_set(size_t from, size_t count)
{
    struct pst_tls_pem pems[CERTS];
    struct pst_tls_certs *set;
    char line[256];
    size_t bad;
    for (size_t i = 0; i < count; i++) {
        const struct test_cert *cert = &certs[from + i];
        pems[i] = (struct pst_tls_pem){
            .cert = cert->cert, .cert_len = cert->cert_len, .key = cert->key, .key_len = cert->key_len};
    }
    assert_int_equal(pst_tls_certs_new(&set, pems, count, (int64_t)time(NULL), &bad, line, sizeof(line)), 0);
    assert_string_equal(line, "");
    assert_int_equal(pst_tls_certs_count(set), count);
    return set;
}

/* A door that serves set. */
static void init_door(struct tls_door *d, struct pst_tls_certs *set)
{
    tls_door_init(d, &certs[0]);
    pst_tls_ctx_set_certs(d->ctx, set);
}

/* The number in certs of what the client got; -1: another one. */
static int got(const struct tls_door *d)
{
    const mbedtls_x509_crt *crt = mbedtls_ssl_get_peer_cert(&d->c->ssl);
    unsigned char der[4096];
    for (int i = 0; crt && i < CERTS; i++)
        if (test_cert_der(certs[i].cert, der, sizeof(der)) == crt->raw.len &&
            memcmp(der, crt->raw.p, crt->raw.len) == 0)
            return i;
    return -1;
}

static const uint16_t rsa_only[] = {MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
                                    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, 0};
/* In TLS 1.3 the client's order decides, and clients put EC first. */
static const uint16_t any_signature[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256, MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256, 0};

/* RFC 6066 3 Server Name Indication, RFC 6125 6.4 Matching the DNS Domain Name Portion */
static void test_tls_certs__names__whole_before_wildcard_before_first(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool takes_rsa_only;
        int wanted;
    } cases[] = {
        {"first.example", false, 0}, {"FIRST.Example", false, 0},
        {"one.example", false, 2}, /* EC before RSA, whatever their order */
        {"one.example", true, 1},    {"two.example", false, 3},
        {"TWO.EXAMPLE", false, 3},   {"a.two.example", false, 0}, /* a wildcard stands for one label */
        {"example", false, 0},       {"one.example.org", false, 0},
        {"one.exampl", false, 0},    {"", false, 0}, /* none is asked for */
        {"127.0.0.1", false, 0},     {"", true, 4},  /* the first one's sibling */
        {"unknown.test", true, 4},   {"one.example.", false, 2},
    };
    struct pst_tls_certs *set = make_set(0, CERTS);
    struct tls_door d;
    init_door(&d, set);
    pst_tls_certs_unref(set);
    for (int version = PST_TLS_12_ONLY; version <= PST_TLS_13_ONLY; version++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            const struct tls_client_options options = {
                .versions = (enum pst_tls_versions)version,
                .name = cases[i].name,
                .signatures = cases[i].takes_rsa_only ? rsa_only : any_signature,
            };
            tls_door_open(&d, &options);
            if (got(&d) != cases[i].wanted)
                print_error("\"%s\", RSA only %d, version %d\n", cases[i].name, cases[i].takes_rsa_only,
                            version);
            assert_int_equal(got(&d), cases[i].wanted);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

static int choose(struct pst_slice name, size_t count, void *arg)
{
    ++*(unsigned *)arg;
    assert_int_equal(count, CERTS);
    if (pst_slice_eq(name, PST_SLICE("three")))
        return 3;
    return pst_slice_eq(name, PST_SLICE("too-many")) ? CERTS : name.len == 0 ? 2 : -1;
}

static void test_tls_certs_on_sni__own_choice__is_served_where_there_is_one(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        int wanted;
    } cases[] = {{"three", 3}, {"too-many", 0}, {"", 2}, {"one.example", 2}, {"other", 0}};
    unsigned calls = 0;
    struct pst_tls_certs *set = make_set(0, CERTS);
    pst_tls_certs_on_sni(set, choose, &calls);
    struct tls_door d;
    init_door(&d, set);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tls_door_open(&d, &(struct tls_client_options){.versions = PST_TLS_13_ONLY,
                                                       .name = cases[i].name,
                                                       .signatures = any_signature});
        assert_int_equal(got(&d), cases[i].wanted);
        tls_door_close(&d);
    }
    assert_int_equal(calls, sizeof(cases) / sizeof(cases[0]));
    pst_tls_certs_unref(set);
    tls_door_fini(&d);
}

static void test_tls_ctx_set_certs__connections_under_way__keep_theirs(void **state)
{
    (void)state;
    for (int version = PST_TLS_12_ONLY; version <= PST_TLS_13_ONLY; version++) {
        struct tls_door d;
        struct pst_tls_certs *old = make_set(0, 1), *new = make_set(3, 1);
        init_door(&d, old);
        pst_tls_certs_unref(old);
        const struct tls_client_options options = {.versions = (enum pst_tls_versions)version};
        /* In the middle of a handshake: the client's hello has been read, or not yet. */
        tls_door_connect(&d, SOCK_STREAM, &options);
        d.c->send_most = 20;
        tls_client_step(d.c);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        pst_tls_ctx_set_certs(d.ctx, new);
        pst_tls_certs_unref(new);
        d.c->send_most = 0;
        assert_int_equal(tls_door_shake(&d), PST_IO_OK);
        assert_int_equal(got(&d), 0);
        /* And it works on. */
        char text[8];
        size_t n;
        tls_client_write(d.c, "hello", 5);
        assert_int_equal(tls_door_read(&d, text, sizeof(text), &n), PST_IO_OK);
        assert_int_equal(n, 5);
        tls_door_close(&d);
        tls_door_open(&d, &options);
        assert_int_equal(got(&d), 3);
        tls_door_close(&d);
        tls_door_fini(&d);
    }
}

static void test_tls_certs_new__one_is_bad__says_which_and_why(void **state)
{
    (void)state;
    for (size_t bad_one = 0; bad_one < 3; bad_one++) {
        struct pst_tls_pem pems[3];
        for (size_t i = 0; i < 3; i++)
            pems[i] = (struct pst_tls_pem){.cert = certs[i].cert,
                                           .cert_len = certs[i].cert_len,
                                           .key = certs[i == bad_one ? i + 1 : i].key,
                                           .key_len = certs[i == bad_one ? i + 1 : i].key_len};
        struct pst_tls_certs *set = NULL;
        char line[256];
        size_t bad = 99;
        assert_int_equal(pst_tls_certs_new(&set, pems, 3, (int64_t)time(NULL), &bad, line, sizeof(line)),
                         PST_E_MISMATCH);
        assert_int_equal(bad, bad_one);
        assert_non_null(strstr(line, "does not belong to this certificate"));
        assert_null(set);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_certs__names__whole_before_wildcard_before_first),
        cmocka_unit_test(test_tls_certs_on_sni__own_choice__is_served_where_there_is_one),
        cmocka_unit_test(test_tls_ctx_set_certs__connections_under_way__keep_theirs),
        cmocka_unit_test(test_tls_certs_new__one_is_bad__says_which_and_why),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
