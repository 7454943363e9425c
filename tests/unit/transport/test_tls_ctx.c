/* Certificates and keys: what is taken, what is refused, and in which words. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/test_certs.h"
#include "transport/tls.h"

/* The result, with the line in text. */
static int load(const void *cert, size_t cert_len, const void *key, size_t key_len, int64_t now,
                char text[256])
{
    struct pst_tls_ctx *ctx = NULL;
    int err = test_tls_ctx_new(&ctx, cert, cert_len, key, key_len, now, text, 256);
    if (err == 0)
        pst_tls_ctx_free(ctx);
    else
        assert_null(ctx);
    return err;
}

static int load_texts(const char *cert, const char *key, char text[256])
{
    return load(cert, strlen(cert), key, strlen(key), (int64_t)time(NULL), text);
}

#define assert_says(text, part)                                                                              \
    do {                                                                                                     \
        if (!strstr(text, part))                                                                             \
            print_error("\"%s\" does not say \"%s\"\n", text, part);                                         \
        assert_non_null(strstr(text, part));                                                                 \
    } while (0)

/* The concatenation; freed by the caller. */
static char *join(const char *a, const char *b, const char *c)
{
    size_t len = strlen(a) + strlen(b) + strlen(c) + 1;
    char *joined = malloc(len);
    assert_non_null(joined);
    (void)snprintf(joined, len, "%s%s%s", a, b, c);
    return joined;
}

static int start(void **state)
{
    (void)state;
    return pst_tls_global_init();
}

static void test_tls_ctx__each_kind_of_key__is_taken_and_described(void **state)
{
    (void)state;
    static const struct {
        enum test_key key;
        const char *name;
    } cases[] = {{TEST_KEY_P256, "P-256"}, {TEST_KEY_P384, "P-384"}, {TEST_KEY_RSA_2048, "RSA-2048"}};
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct test_cert cert;
        struct pst_tls_ctx *ctx;
        struct pst_tls_cert_info info;
        char text[256];
        test_cert_make(&cert, &(struct test_cert_spec){.key = cases[i].key,
                                                       .name = "door.example",
                                                       .not_before = 1700000000,
                                                       .not_after = 1800000000});
        assert_int_equal(test_tls_ctx_new(&ctx, cert.cert, cert.cert_len, cert.key, cert.key_len, 1750000000,
                                          text, sizeof(text)),
                         0);
        assert_string_equal(text, "");
        pst_tls_certs_info(pst_tls_ctx_certs(ctx), 0, &info);
        assert_string_equal(info.subject, "door.example");
        assert_string_equal(info.issuer, "door.example");
        assert_string_equal(info.names, "door.example, 127.0.0.1, ::1");
        assert_string_equal(info.key, cases[i].name);
        assert_int_equal(info.not_before, 1700000000);
        assert_int_equal(info.not_after, 1800000000);
        assert_true(info.is_self_signed);
        pst_tls_ctx_free(ctx);
        test_cert_free(&cert);
    }
}

static void test_tls_ctx__der__is_taken(void **state)
{
    (void)state;
    const struct test_cert *cert = test_cert_ec();
    unsigned char der[2][4096];
    char text[256];
    size_t cert_len = test_cert_der(cert->cert, der[0], sizeof(der[0]));
    size_t key_len = test_cert_der(cert->key, der[1], sizeof(der[1]));
    assert_int_equal(load(der[0], cert_len, der[1], key_len, (int64_t)time(NULL), text), 0);
    assert_int_equal(load(der[0], cert_len, cert->key, cert->key_len, (int64_t)time(NULL), text), 0);
    assert_int_equal(load(der[0], cert_len - 1, der[1], key_len, (int64_t)time(NULL), text), PST_E_CERT);
    assert_int_equal(load(der[0], cert_len, der[1], key_len - 1, (int64_t)time(NULL), text), PST_E_KEY);
}

static void test_tls_ctx__key_and_certificate_in_one_file__is_taken(void **state)
{
    (void)state;
    const struct test_cert *cert = test_cert_ec();
    char text[256], *both = join(cert->key, cert->cert, "");
    assert_int_equal(load_texts(both, both, text), 0);
    free(both);
}

static void test_tls_ctx__dates__are_inclusive_and_named(void **state)
{
    (void)state;
    static const struct {
        int64_t now;
        int err;
        const char *says;
    } cases[] = {
        {1699999999, PST_E_NOTYET, "the certificate begins only on 2023-11-14"},
        {1700000000, 0, ""},
        {1767225600, 0, ""},
        {1767225601, PST_E_EXPIRED,
         "the certificate ended on 2026-01-01; make a new one with scripts/mkcert.sh"},
    };
    struct test_cert cert;
    test_cert_make(&cert, &(struct test_cert_spec){
                              .key = TEST_KEY_P256, .not_before = 1700000000, .not_after = 1767225600});
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        assert_int_equal(load(cert.cert, cert.cert_len, cert.key, cert.key_len, cases[i].now, text),
                         cases[i].err);
        assert_says(text, cases[i].says);
    }
    test_cert_free(&cert);
}

static void test_tls_ctx__key_of_another_certificate__is_a_mismatch(void **state)
{
    (void)state;
    struct test_cert other;
    char text[256];
    test_cert_make(&other, &(struct test_cert_spec){.key = TEST_KEY_P256});
    assert_int_equal(load_texts(test_cert_ec()->cert, other.key, text), PST_E_MISMATCH);
    assert_says(text, "does not belong to this certificate");
    assert_int_equal(load_texts(test_cert_ec()->cert, test_cert_rsa()->key, text), PST_E_MISMATCH);
    assert_int_equal(load_texts(test_cert_rsa()->cert, other.key, text), PST_E_MISMATCH);
    test_cert_free(&other);
}

static void test_tls_ctx__chain__order_is_looked_at(void **state)
{
    (void)state;
    struct test_cert root, middle, leaf, stranger;
    char text[256];
    int64_t now = (int64_t)time(NULL);
    test_cert_make(&root, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "root", .is_ca = true});
    test_cert_make(&middle, &(struct test_cert_spec){
                                .key = TEST_KEY_P384, .name = "middle", .issuer = &root, .is_ca = true});
    test_cert_make(&leaf, &(struct test_cert_spec){.key = TEST_KEY_P256, .issuer = &middle});
    /* The right name, but another key. */
    test_cert_make(&stranger, &(struct test_cert_spec){
                                  .key = TEST_KEY_P256, .name = "middle", .issuer = &root, .is_ca = true});

    char *good = join(leaf.cert, middle.cert, root.cert);
    assert_int_equal(load_texts(good, leaf.key, text), 0);
    assert_string_equal(text, "");
    struct pst_tls_ctx *ctx;
    struct pst_tls_cert_info info;
    assert_int_equal(
        test_tls_ctx_new(&ctx, good, strlen(good), leaf.key, leaf.key_len, now, text, sizeof(text)), 0);
    pst_tls_certs_info(pst_tls_ctx_certs(ctx), 0, &info);
    assert_string_equal(info.subject, "localhost");
    assert_string_equal(info.issuer, "middle");
    assert_false(info.is_self_signed);
    pst_tls_ctx_free(ctx);

    char *swapped = join(leaf.cert, root.cert, middle.cert);
    assert_int_equal(load_texts(swapped, leaf.key, text), 0);
    assert_says(text, "certificate 2 of the chain did not sign the one before it");
    char *forged = join(leaf.cert, stranger.cert, "");
    assert_int_equal(load_texts(forged, leaf.key, text), 0);
    assert_says(text, "certificate 2 of the chain did not sign the one before it");
    char *backwards = join(root.cert, middle.cert, leaf.cert);
    assert_int_equal(load_texts(backwards, leaf.key, text), PST_E_MISMATCH);
    assert_says(text, "belongs to certificate 3 of this file");
    free(good);
    free(swapped);
    free(forged);
    free(backwards);

    struct test_cert old;
    test_cert_make(&old, &(struct test_cert_spec){.key = TEST_KEY_P256,
                                                  .name = "old",
                                                  .issuer = &root,
                                                  .is_ca = true,
                                                  .not_before = 1600000000,
                                                  .not_after = 1700000000});
    test_cert_free(&leaf);
    test_cert_make(&leaf, &(struct test_cert_spec){.key = TEST_KEY_P256, .issuer = &old});
    char *expired = join(leaf.cert, old.cert, "");
    assert_int_equal(load_texts(expired, leaf.key, text), 0);
    assert_says(text, "certificate 2 of the chain ended on 2023-11-14");
    free(expired);
    test_cert_free(&root);
    test_cert_free(&middle);
    test_cert_free(&leaf);
    test_cert_free(&stranger);
    test_cert_free(&old);
}

static void test_tls_ctx__no_host_named__is_a_warning(void **state)
{
    (void)state;
    struct test_cert cert;
    char text[256];
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .has_no_names = true});
    assert_int_equal(load_texts(cert.cert, cert.key, text), 0);
    assert_says(text, "names no host");
    test_cert_free(&cert);
}

static void describe_cert(const struct test_cert *cert, struct pst_tls_cert_info *ret_info)
{
    struct pst_tls_ctx *ctx;
    char text[256];
    assert_int_equal(test_tls_ctx_new(&ctx, cert->cert, cert->cert_len, cert->key, cert->key_len,
                                      (int64_t)time(NULL), text, sizeof(text)),
                     0);
    pst_tls_certs_info(pst_tls_ctx_certs(ctx), 0, ret_info);
    pst_tls_ctx_free(ctx);
}

static void test_tls_ctx__unusual_names__are_described_as_well_as_can_be(void **state)
{
    (void)state;
    struct test_cert cert;
    struct pst_tls_cert_info info;
    /* More names than fit. */
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .more_names = 100});
    describe_cert(&cert, &info);
    assert_true(strlen(info.names) > sizeof(info.names) - 40);
    assert_string_equal(info.names + strlen(info.names) - 13, ".example, ...");
    test_cert_free(&cert);
    /* No common name. */
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .subject = "O=Somebody,C=DE"});
    describe_cert(&cert, &info);
    assert_string_equal(info.subject, "O=Somebody, C=DE");
    assert_false(info.is_self_signed);
    test_cert_free(&cert);
    /* Not even a subject: RFC 5280 4.1.2.6 has it in subjectAltName then. */
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .subject = ""});
    describe_cert(&cert, &info);
    assert_string_equal(info.subject, "localhost");
    test_cert_free(&cert);
    /* What would garble a terminal or the list. */
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "a\x1b[31m.example"});
    describe_cert(&cert, &info);
    assert_string_equal(info.names, "a?[31m.example, 127.0.0.1, ::1");
    test_cert_free(&cert);
}

static void test_tls_ctx__weak_or_unusual_key__is_refused(void **state)
{
    (void)state;
    struct test_cert cert;
    char text[256];
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_RSA_1024});
    assert_int_equal(load_texts(cert.cert, cert.key, text), PST_E_CERT);
    assert_says(text, "too weak (RSA-1024, at least RSA-2048 is needed)");
    test_cert_free(&cert);
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P521});
    assert_int_equal(load_texts(cert.cert, cert.key, text), PST_E_CERT);
    assert_says(text, "(P-521)");
    test_cert_free(&cert);
}

static void test_tls_ctx__chain_over_16_kib__is_refused(void **state)
{
    (void)state;
    struct test_cert cert;
    char text[256];
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .padding = 16384});
    assert_int_equal(load_texts(cert.cert, cert.key, text), PST_E_CHAIN);
    assert_says(text, "at most 16380 can be sent");
    /* Many small ones add up. */
    char *many = strdup(test_cert_ec()->cert);
    for (int i = 0; i < 50; i++) {
        char *more = join(many, test_cert_ec()->cert, "");
        free(many);
        many = more;
    }
    assert_int_equal(load_texts(many, test_cert_ec()->key, text), PST_E_CHAIN);
    free(many);
    test_cert_free(&cert);
}

static void test_tls_ctx__what_is_not_a_certificate_or_key__is_explained(void **state)
{
    (void)state;
    static const char garbled[] = "-----BEGIN CERTIFICATE-----\nbm90aGluZw==\n-----END CERTIFICATE-----\n";
    static const char sealed[] =
        "-----BEGIN ENCRYPTED PRIVATE KEY-----\nMIGj\n-----END ENCRYPTED PRIVATE KEY-----\n";
    static const char sealed_old[] = "-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: "
                                     "AES-256-CBC,00\n\nMIGj\n-----END EC PRIVATE KEY-----\n";
    static const char garbled_key[] =
        "-----BEGIN PRIVATE KEY-----\nbm90aGluZw==\n-----END PRIVATE KEY-----\n";
    /* RFC 8410 10.3 Examples of Ed25519 Private Key. */
    static const char ed25519[] = "-----BEGIN PRIVATE KEY-----\n"
                                  "MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n"
                                  "-----END PRIVATE KEY-----\n";
    const char *cert = test_cert_ec()->cert, *key = test_cert_ec()->key;
    char *one_bad = join(cert, garbled, "");
    const struct {
        const char *cert, *key;
        int err;
        const char *says;
    } cases[] = {
        {"", key, PST_E_CERT, "the file is empty"},
        {"hello", key, PST_E_CERT, "there is no certificate in this file"},
        {key, cert, PST_E_CERT, "are the two files swapped?"},
        {garbled, key, PST_E_CERT, "the certificate cannot be read"},
        {one_bad, key, PST_E_CERT, "1 of the certificates in this file cannot be read"},
        {cert, "", PST_E_KEY, "the file is empty"},
        {cert, cert, PST_E_KEY, "are the two files swapped?"},
        {cert, "hello", PST_E_KEY, "the private key cannot be read"},
        {cert, garbled_key, PST_E_KEY, "the private key cannot be read"},
        {cert, sealed, PST_E_KEY, "protected by a password: name a file that holds it"},
        {cert, sealed_old, PST_E_KEY, "encrypted in an old way that is easy to break"},
        {cert, ed25519, PST_E_KEY, "of a kind that TLS here cannot use"},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        char text[256];
        assert_int_equal(load_texts(cases[i].cert, cases[i].key, text), cases[i].err);
        assert_says(text, cases[i].says);
        assert_null(strchr(text, '\n'));
        assert_true(strlen(text) < 250); /* not cut */
    }
    free(one_bad);
}

static void test_tls_ctx__line_without_room__is_cut_or_left_out(void **state)
{
    (void)state;
    struct pst_tls_ctx *ctx;
    char text[8] = "1234567";
    assert_int_equal(test_tls_ctx_new(&ctx, "", 0, "", 0, 0, text, sizeof(text)), PST_E_CERT);
    assert_string_equal(text, "the fil");
    assert_int_equal(test_tls_ctx_new(&ctx, "", 0, "", 0, 0, NULL, 0), PST_E_CERT);
    pst_tls_ctx_free(NULL);
}

static void test_tls_ctx__library__names_itself(void **state)
{
    (void)state;
    assert_int_equal(strncmp(pst_tls_library(), "Mbed TLS 3.", 11), 0);
    assert_ptr_equal(pst_tls_library(), pst_tls_library());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_ctx__each_kind_of_key__is_taken_and_described),
        cmocka_unit_test(test_tls_ctx__der__is_taken),
        cmocka_unit_test(test_tls_ctx__key_and_certificate_in_one_file__is_taken),
        cmocka_unit_test(test_tls_ctx__dates__are_inclusive_and_named),
        cmocka_unit_test(test_tls_ctx__key_of_another_certificate__is_a_mismatch),
        cmocka_unit_test(test_tls_ctx__chain__order_is_looked_at),
        cmocka_unit_test(test_tls_ctx__no_host_named__is_a_warning),
        cmocka_unit_test(test_tls_ctx__unusual_names__are_described_as_well_as_can_be),
        cmocka_unit_test(test_tls_ctx__weak_or_unusual_key__is_refused),
        cmocka_unit_test(test_tls_ctx__chain_over_16_kib__is_refused),
        cmocka_unit_test(test_tls_ctx__what_is_not_a_certificate_or_key__is_explained),
        cmocka_unit_test(test_tls_ctx__line_without_room__is_cut_or_left_out),
        cmocka_unit_test(test_tls_ctx__library__names_itself),
    };
    return cmocka_run_group_tests(tests, start, NULL);
}
