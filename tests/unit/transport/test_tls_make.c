/* Making a CA and certificates: what they say, that they are the same each time, and what a CA may sign. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <mbedtls/oid.h>
#include <mbedtls/x509_crt.h>

#include "postern/err.h"
#include "support/test_certs.h"
#include "transport/tls_make.h"

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum { NOW = 1800000000, DAY_S = 86400 }; /* 2027-01-15 08:00 UTC */

static char *ca_key, *leaf_key, *ca_pem;
static struct pst_tls_ca *ca;

static struct pst_tls_name name_of(const char *text)
{
    struct pst_tls_name name;
    assert_null(pst_tls_name_read(&name, text));
    return name;
}

static struct pst_tls_profile profile_of(const char *common_name, const struct pst_tls_name *names,
                                         size_t count)
{
    struct pst_tls_profile profile = {.common_name = common_name,
                                      .names = names,
                                      .name_count = count,
                                      .not_before = NOW,
                                      .not_after = NOW + 30 * DAY_S};
    memset(profile.serial, 0x51, sizeof(profile.serial));
    return profile;
}

static char *make_ca(const struct pst_tls_name *subtrees, size_t count)
{
    char *pem = NULL;
    struct pst_tls_profile profile = profile_of("postern local CA ann@desk", subtrees, count);
    assert_int_equal(pst_tls_make_ca(&pem, &profile, pst_slice_str(ca_key)), 0);
    return pem;
}

static char *make_leaf(const struct pst_tls_name *names, size_t count, const char *owner)
{
    char *pem = NULL;
    struct pst_tls_profile profile = profile_of("localhost", names, count);
    assert_int_equal(pst_tls_make_leaf(&pem, &profile, pst_slice_str(owner), ca), 0);
    return pem;
}

static int start(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pst_tls_name *local = pst_tls_local_subtrees(&count);
    if (pst_tls_make_key(&ca_key) != 0 || pst_tls_make_key(&leaf_key) != 0)
        return -1;
    ca_pem = make_ca(local, count);
    return pst_tls_ca_new(&ca, pst_slice_str(ca_pem), pst_slice_str(ca_key));
}

static int stop(void **state)
{
    (void)state;
    pst_tls_ca_free(ca);
    free(ca_pem);
    free(ca_key);
    free(leaf_key);
    return 0;
}

static void test_make__same_profile_and_keys__same_bytes(void **state)
{
    (void)state;
    size_t count = 0;
    const struct pst_tls_name *local = pst_tls_local_subtrees(&count), name = name_of("a.example");
    char *again = make_ca(local, count), *one = make_leaf(&name, 1, leaf_key),
         *two = make_leaf(&name, 1, leaf_key);
    assert_string_equal(again, ca_pem);
    assert_string_equal(one, two);
    free(again);
    free(one);
    free(two);
}

static void test_make_serial__any__is_positive_and_another_each_time(void **state)
{
    (void)state;
    unsigned char one[PST_TLS_SERIAL_BYTES], two[PST_TLS_SERIAL_BYTES];
    assert_int_equal(pst_tls_make_serial(one), 0);
    assert_int_equal(pst_tls_make_serial(two), 0);
    assert_int_equal(one[0] >> 4, 5);
    assert_memory_not_equal(one, two, sizeof(one));
}

/* As a client with nothing but the CA sees it. */
static uint32_t verify(const char *leaf_pem, const char *host)
{
    mbedtls_x509_crt leaf, root;
    uint32_t flags = 0;
    mbedtls_x509_crt_init(&leaf);
    mbedtls_x509_crt_init(&root);
    assert_int_equal(mbedtls_x509_crt_parse(&leaf, (const unsigned char *)leaf_pem, strlen(leaf_pem) + 1), 0);
    assert_int_equal(mbedtls_x509_crt_parse(&root, (const unsigned char *)ca_pem, strlen(ca_pem) + 1), 0);
    (void)mbedtls_x509_crt_verify(&leaf, &root, NULL, host, &flags, NULL, NULL);
    mbedtls_x509_crt_free(&leaf);
    mbedtls_x509_crt_free(&root);
    return flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_FUTURE | MBEDTLS_X509_BADCERT_EXPIRED);
}

/* Mbed TLS knows no name constraints: it must take the CA all the same. */
static void test_leaf__mbedtls_client__accepts_its_names_and_no_other(void **state)
{
    (void)state;
    const struct pst_tls_name names[] = {name_of("localhost"), name_of("*.dev.example"), name_of("127.0.0.1"),
                                         name_of("::1")};
    char *leaf = make_leaf(names, COUNT(names), leaf_key);
    static const char *const good[] = {"localhost", "a.dev.example", "127.0.0.1", "::1"};
    for (size_t i = 0; i < COUNT(good); i++)
        assert_int_equal(verify(leaf, good[i]), 0);
    assert_int_equal(verify(leaf, "other.example"), MBEDTLS_X509_BADCERT_CN_MISMATCH);
    free(leaf);
}

static void test_leaf__read_back__has_names_and_dates(void **state)
{
    (void)state;
    const struct pst_tls_name names[] = {name_of("localhost"), name_of("*.dev.example"), name_of("10.1.2.3"),
                                         name_of("fd00::7")};
    struct pst_tls_name found[COUNT(names)];
    struct pst_tls_cert_info info;
    char *leaf = make_leaf(names, COUNT(names), leaf_key);
    size_t count = COUNT(found);
    assert_int_equal(pst_tls_leaf_read(pst_slice_str(leaf), found, &count, &info), 0);
    assert_int_equal(count, COUNT(names));
    for (size_t i = 0; i < count; i++)
        assert_true(pst_tls_name_eq(&found[i], &names[i]));
    assert_int_equal(info.not_before, NOW);
    assert_int_equal(info.not_after, NOW + 30 * DAY_S);
    assert_string_equal(info.issuer, "postern local CA ann@desk");
    assert_string_equal(info.key, "P-256");
    count = COUNT(found) - 1;
    assert_int_equal(pst_tls_leaf_read(pst_slice_str(leaf), found, &count, &info), PST_E_CERT);
    free(leaf);
}

/* A renewal keeps the key: only the certificate's file changes. */
static void test_leaf__made_from_a_certificate__has_its_key(void **state)
{
    (void)state;
    const struct pst_tls_name name = name_of("localhost");
    const struct test_cert *rsa = test_cert_rsa();
    char *first = make_leaf(&name, 1, leaf_key), *second = make_leaf(&name, 1, first);
    char *other = make_leaf(&name, 1, rsa->cert);
    struct pst_tls_name found;
    struct pst_tls_cert_info info;
    size_t count = 1;
    assert_string_equal(first, second);
    assert_int_equal(pst_tls_leaf_read(pst_slice_str(other), &found, &count, &info), 0);
    assert_string_equal(info.key, "RSA-2048");
    free(first);
    free(second);
    free(other);
}

static void test_ca__names__are_permitted_within_its_subtrees_only(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        bool is_permitted;
    } rows[] = {
        {"localhost", true},     {"a.localhost", true},    {"dev.example", true},
        {"*.dev.example", true}, {"desk.local", true},     {"nas.home.arpa", true},
        {"bank.com", false},     {"localhost.com", false}, {"127.0.0.1", true},
        {"::1", true},           {"::2", false},           {"192.168.7.7", true},
        {"192.169.0.1", false},  {"172.31.255.255", true}, {"172.32.0.0", false},
        {"8.8.8.8", false},      {"fd12:3456::1", true},   {"2001:db8::1", false},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_tls_name name = name_of(rows[i].name);
        if (pst_tls_ca_permits(ca, &name) != rows[i].is_permitted)
            fail_msg("%s", rows[i].name);
    }
    /* Without constraints all is permitted. */
    struct pst_tls_ca *free_ca = NULL;
    struct pst_tls_name bank = name_of("bank.com");
    char *pem = make_ca(NULL, 0);
    assert_int_equal(pst_tls_ca_new(&free_ca, pst_slice_str(pem), PST_SLICE("")), 0);
    assert_true(pst_tls_ca_permits(free_ca, &bank));
    pst_tls_ca_free(free_ca);
    free(pem);
}

static void test_ca__from_files__is_checked(void **state)
{
    (void)state;
    const struct pst_tls_name name = name_of("localhost");
    char *leaf = make_leaf(&name, 1, leaf_key);
    const struct {
        const char *cert, *key;
        int err;
    } rows[] = {
        {ca_pem, ca_key, 0},          {ca_pem, "", 0},
        {leaf, leaf_key, PST_E_CERT}, {"garbage", ca_key, PST_E_CERT},
        {"", "", PST_E_CERT},         {ca_pem, "garbage", PST_E_KEY},
        {ca_pem, ca_pem, PST_E_KEY},  {ca_pem, leaf_key, PST_E_MISMATCH},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_tls_ca *found = NULL;
        assert_int_equal(pst_tls_ca_new(&found, pst_slice_str(rows[i].cert), pst_slice_str(rows[i].key)),
                         rows[i].err);
        assert_int_equal(found != NULL, rows[i].err == 0);
        pst_tls_ca_free(found);
    }
    free(leaf);
}

static void test_ca__without_its_key__does_not_sign(void **state)
{
    (void)state;
    struct pst_tls_ca *keyless = NULL;
    char *pem = NULL;
    const struct pst_tls_name name = name_of("localhost");
    struct pst_tls_profile profile = profile_of("localhost", &name, 1);
    assert_int_equal(pst_tls_ca_new(&keyless, pst_slice_str(ca_pem), PST_SLICE("")), 0);
    assert_int_equal(pst_tls_make_leaf(&pem, &profile, pst_slice_str(leaf_key), keyless), PST_E_STATE);
    assert_int_equal(pst_tls_make_leaf(&pem, &profile, PST_SLICE("garbage"), ca), PST_E_KEY);
    pst_tls_ca_free(keyless);
}

static void test_ca__has_signed__only_what_its_key_did(void **state)
{
    (void)state;
    struct pst_tls_ca *twin = NULL; /* the same name, another key */
    char *twin_pem = NULL, *both = NULL;
    const struct pst_tls_name name = name_of("localhost");
    struct pst_tls_profile profile = profile_of("postern local CA ann@desk", NULL, 0);
    char *leaf = make_leaf(&name, 1, leaf_key);
    assert_int_equal(pst_tls_make_ca(&twin_pem, &profile, pst_slice_str(leaf_key)), 0);
    assert_int_equal(pst_tls_ca_new(&twin, pst_slice_str(twin_pem), pst_slice_str(leaf_key)), 0);
    assert_true(pst_tls_ca_has_signed(ca, pst_slice_str(leaf)));
    assert_false(pst_tls_ca_has_signed(twin, pst_slice_str(leaf)));
    both = malloc(strlen(leaf) + strlen(ca_pem) + 1);
    assert_non_null(both);
    memcpy(both, leaf, strlen(leaf));
    memcpy(both + strlen(leaf), ca_pem, strlen(ca_pem) + 1);
    assert_false(pst_tls_ca_has_signed(ca, pst_slice_str(both))); /* a chain is not ours to replace */
    assert_false(pst_tls_ca_has_signed(ca, PST_SLICE("garbage")));
    pst_tls_ca_free(twin);
    free(twin_pem);
    free(leaf);
    free(both);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_make__same_profile_and_keys__same_bytes),
        cmocka_unit_test(test_make_serial__any__is_positive_and_another_each_time),
        cmocka_unit_test(test_leaf__mbedtls_client__accepts_its_names_and_no_other),
        cmocka_unit_test(test_leaf__read_back__has_names_and_dates),
        cmocka_unit_test(test_leaf__made_from_a_certificate__has_its_key),
        cmocka_unit_test(test_ca__names__are_permitted_within_its_subtrees_only),
        cmocka_unit_test(test_ca__from_files__is_checked),
        cmocka_unit_test(test_ca__without_its_key__does_not_sign),
        cmocka_unit_test(test_ca__has_signed__only_what_its_key_did),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
