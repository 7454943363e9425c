/* What a browser would object to in a certificate, of certificates that are made bad one way each. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "postern/err.h"
#include "support/test_certs.h"
#include "transport/tls_check.h"

enum { DAY_S = 86400, SEEN_MAX = 32 };

/* ---- what was found ---- */

struct seen {
    size_t count;
    struct {
        enum pst_tls_grade grade;
        char topic[32], text[400];
        bool has_remedy;
    } list[SEEN_MAX];
};

static void take(void *arg, enum pst_tls_grade grade, const char *topic, const char *text, const char *remedy)
{
    struct seen *seen = arg;
    assert_true(seen->count < SEEN_MAX);
    seen->list[seen->count].grade = grade;
    (void)snprintf(seen->list[seen->count].topic, sizeof(seen->list[0].topic), "%s", topic);
    (void)snprintf(seen->list[seen->count].text, sizeof(seen->list[0].text), "%s", text);
    seen->list[seen->count].has_remedy = remedy != NULL;
    /* Who is told of a problem is told what to do. */
    if (grade == PST_TLS_WARNING)
        assert_non_null(remedy);
    seen->count++;
}

static struct pst_tls_report report(struct seen *seen)
{
    *seen = (struct seen){0};
    return (struct pst_tls_report){.fn = take, .arg = seen};
}

static bool has(const struct seen *seen, enum pst_tls_grade grade, const char *topic)
{
    for (size_t i = 0; i < seen->count; i++) {
        if (seen->list[i].grade == grade && strcmp(seen->list[i].topic, topic) == 0)
            return true;
    }
    return false;
}

static size_t bad_count(const struct seen *seen)
{
    size_t n = 0;
    for (size_t i = 0; i < seen->count; i++)
        n += seen->list[i].grade != PST_TLS_FINE;
    return n;
}

static void show(const char *title, const struct seen *seen)
{
    for (size_t i = 0; i < seen->count; i++)
        print_message("%s: %d %s: %s\n", title, seen->list[i].grade, seen->list[i].topic, seen->list[i].text);
}

/* ---- making ---- */

/* A leaf as it should be, but for what is named here. */
struct spec {
    const char *dns[3]; /* names; NULL ends them; none: no subjectAltName at all */
    bool no_names;
    bool address; /* 127.0.0.1 as an address */
    bool no_ku, no_eku, no_aki, no_ski, is_ca;
    unsigned ku;         /* 0: digitalSignature */
    const char *eku_oid; /* NULL: serverAuth */
    size_t eku_len;
    int64_t from, days; /* from: seconds from now; days 0: 90 */
    enum test_key key;
    bool by_itself; /* self-signed */
    bool by_other;  /* another CA of the same name signs */
};

static struct test_cert ca, other_ca;

static void must(int result)
{
    assert_true(result >= 0);
}

static void read_key(mbedtls_pk_context *key, const struct test_cert *cert)
{
    must(mbedtls_pk_parse_key(key, (const unsigned char *)cert->key, cert->key_len + 1, NULL, 0, test_random,
                              NULL));
}

static void set_dates(mbedtls_x509write_cert *crt, int64_t from, int64_t to)
{
    char text[2][20];
    time_t when[2] = {(time_t)from, (time_t)to};
    for (int i = 0; i < 2; i++) {
        struct tm tm;
        strftime(text[i], sizeof(text[i]), "%Y%m%d%H%M%S", gmtime_r(&when[i], &tm));
    }
    must(mbedtls_x509write_crt_set_validity(crt, text[0], text[1]));
}

static void set_names(mbedtls_x509write_cert *crt, const struct spec *spec)
{
    static unsigned char loopback[4] = {127, 0, 0, 1};
    mbedtls_x509_san_list list[4];
    size_t n = 0;
    memset(list, 0, sizeof(list));
    for (; n < 3 && spec->dns[n]; n++) {
        list[n].node.type = MBEDTLS_X509_SAN_DNS_NAME;
        list[n].node.san.unstructured_name.p = (unsigned char *)(uintptr_t)spec->dns[n];
        list[n].node.san.unstructured_name.len = strlen(spec->dns[n]);
    }
    if (spec->address) {
        list[n].node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
        list[n].node.san.unstructured_name.p = loopback;
        list[n++].node.san.unstructured_name.len = 4;
    }
    for (size_t i = 1; i < n; i++)
        list[i - 1].next = &list[i];
    must(mbedtls_x509write_crt_set_subject_alternative_name(crt, list));
}

static void set_extensions(mbedtls_x509write_cert *crt, const struct spec *spec)
{
    /* Mbed TLS's own functions for these need SHA-1: an OCTET STRING, and a SEQUENCE with [0]. */
    static const unsigned char ski[] = {4, 4, 1, 2, 3, 4}, aki[] = {0x30, 6, 0x80, 4, 5, 6, 7, 8};
    mbedtls_asn1_sequence eku = {0};
    must(mbedtls_x509write_crt_set_basic_constraints(crt, spec->is_ca, -1));
    if (!spec->no_names)
        set_names(crt, spec);
    if (!spec->no_ku)
        must(mbedtls_x509write_crt_set_key_usage(crt,
                                                 spec->ku ? spec->ku : MBEDTLS_X509_KU_DIGITAL_SIGNATURE));
    eku.buf.tag = MBEDTLS_ASN1_OID;
    eku.buf.p = (unsigned char *)(uintptr_t)(spec->eku_oid ? spec->eku_oid : MBEDTLS_OID_SERVER_AUTH);
    eku.buf.len = spec->eku_oid ? spec->eku_len : MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH);
    if (!spec->no_eku)
        must(mbedtls_x509write_crt_set_ext_key_usage(crt, &eku));
    if (!spec->no_ski)
        must(mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER, 3, 0, ski,
                                                 sizeof(ski)));
    if (!spec->no_aki)
        must(mbedtls_x509write_crt_set_extension(crt, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER, 3, 0, aki,
                                                 sizeof(aki)));
}

/* PEM, malloc'ed; the key's in *owner, which is a certificate of the kind of key wanted. */
static char *make(const struct spec *spec, struct test_cert *owner)
{
    static unsigned char serial[1] = {7};
    const struct test_cert *signer = spec->by_itself ? owner : spec->by_other ? &other_ca : &ca;
    mbedtls_pk_context key, signer_key;
    mbedtls_x509write_cert crt;
    char *pem = calloc(1, 16384);
    int64_t now = (int64_t)time(NULL), from = now + (spec->from ? spec->from : -3600);
    test_cert_make(owner, &(struct test_cert_spec){.key = spec->key});
    mbedtls_pk_init(&key);
    mbedtls_pk_init(&signer_key);
    read_key(&key, owner);
    read_key(&signer_key, signer);
    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt, &key);
    mbedtls_x509write_crt_set_issuer_key(&crt, &signer_key);
    must(mbedtls_x509write_crt_set_subject_name(&crt, "CN=leaf"));
    must(mbedtls_x509write_crt_set_issuer_name(&crt, spec->by_itself ? "CN=leaf" : "CN=test CA"));
    must(mbedtls_x509write_crt_set_serial_raw(&crt, serial, 1));
    set_dates(&crt, from, from + (spec->days ? spec->days : 90) * DAY_S - 1);
    set_extensions(&crt, spec);
    must(mbedtls_x509write_crt_pem(&crt, (unsigned char *)pem, 16384, test_random, NULL));
    mbedtls_x509write_crt_free(&crt);
    mbedtls_pk_free(&signer_key);
    mbedtls_pk_free(&key);
    return pem;
}

static struct pst_tls_chain *read_pem(const char *pem, struct seen *seen)
{
    struct pst_tls_chain *chain = NULL;
    assert_int_equal(pst_tls_chain_read(&chain, pst_slice_str(pem), report(seen)), 0);
    return chain;
}

static int start(void **state)
{
    (void)state;
    if (pst_tls_global_init() != 0)
        return -1;
    test_cert_make(&ca, &(struct test_cert_spec){.name = "test CA", .is_ca = true});
    test_cert_make(&other_ca, &(struct test_cert_spec){.name = "test CA", .is_ca = true});
    return 0;
}

static int stop(void **state)
{
    (void)state;
    test_cert_free(&ca);
    test_cert_free(&other_ca);
    return 0;
}

/* ---- one flaw each ---- */

static const struct {
    const char *title;
    struct spec spec;
    const char *name; /* NULL: localhost */
    enum pst_tls_grade grade;
    const char *topic; /* the only complaint; NULL: none */
} flaws[] = {
    {"as it should be", {.dns = {"localhost"}, .address = true}, NULL, PST_TLS_FINE, NULL},
    {"an address", {.dns = {"localhost"}, .address = true}, "127.0.0.1", PST_TLS_FINE, NULL},
    {"a dot at the end", {.dns = {"localhost"}}, "localhost.", PST_TLS_FINE, NULL},
    {"other letters", {.dns = {"LocalHost"}}, "LOCALHOST", PST_TLS_FINE, NULL},
    {"a wildcard", {.dns = {"*.one.example"}}, "a.one.example", PST_TLS_FINE, NULL},
    {"a wildcard for two labels", {.dns = {"*.one.example"}}, "a.b.one.example", PST_TLS_PROBLEM, "names"},
    {"a wildcard for none", {.dns = {"*.one.example"}}, "one.example", PST_TLS_PROBLEM, "names"},
    {"a wide wildcard", {.dns = {"localhost", "*.local"}}, NULL, PST_TLS_WARNING, "wildcard"},
    {"no names", {.no_names = true}, NULL, PST_TLS_PROBLEM, "names"},
    {"another name", {.dns = {"other.example"}}, NULL, PST_TLS_PROBLEM, "names"},
    {"an address as a name", {.dns = {"127.0.0.1"}}, "127.0.0.1", PST_TLS_PROBLEM, "names"},
    {"another address", {.dns = {"localhost"}, .address = true}, "127.0.0.2", PST_TLS_PROBLEM, "names"},
    {"no key usage", {.dns = {"localhost"}, .no_ku = true}, NULL, PST_TLS_FINE, NULL},
    {"key usage without signing",
     {.dns = {"localhost"}, .ku = MBEDTLS_X509_KU_KEY_ENCIPHERMENT},
     NULL,
     PST_TLS_PROBLEM,
     "key usage"},
    {"no extended key usage",
     {.dns = {"localhost"}, .no_eku = true},
     NULL,
     PST_TLS_WARNING,
     "extended key usage"},
    {"for clients only",
     {.dns = {"localhost"},
      .eku_oid = MBEDTLS_OID_CLIENT_AUTH,
      .eku_len = MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)},
     NULL,
     PST_TLS_PROBLEM,
     "extended key usage"},
    {"no authority key identifier",
     {.dns = {"localhost"}, .no_aki = true},
     NULL,
     PST_TLS_WARNING,
     "authority key identifier"},
    {"no subject key identifier",
     {.dns = {"localhost"}, .no_ski = true},
     NULL,
     PST_TLS_WARNING,
     "subject key identifier"},
    {"398 days", {.dns = {"localhost"}, .days = 398}, NULL, PST_TLS_FINE, NULL},
    {"399 days", {.dns = {"localhost"}, .days = 399}, NULL, PST_TLS_WARNING, "lifetime"},
    {"825 days", {.dns = {"localhost"}, .days = 825}, NULL, PST_TLS_WARNING, "lifetime"},
    {"826 days", {.dns = {"localhost"}, .days = 826}, NULL, PST_TLS_PROBLEM, "lifetime"},
    {"ended", {.dns = {"localhost"}, .from = -100 * DAY_S}, NULL, PST_TLS_PROBLEM, "dates"},
    {"not yet", {.dns = {"localhost"}, .from = 2 * DAY_S}, NULL, PST_TLS_PROBLEM, "dates"},
    {"soon over", {.dns = {"localhost"}, .from = -80 * DAY_S}, NULL, PST_TLS_WARNING, "dates"},
    {"short, as it is meant", {.dns = {"localhost"}, .days = 7}, NULL, PST_TLS_FINE, NULL},
    {"RSA-1024", {.dns = {"localhost"}, .key = TEST_KEY_RSA_1024}, NULL, PST_TLS_PROBLEM, "strength"},
    {"P-521", {.dns = {"localhost"}, .key = TEST_KEY_P521}, NULL, PST_TLS_PROBLEM, "strength"},
    {"RSA-2048", {.dns = {"localhost"}, .key = TEST_KEY_RSA_2048}, NULL, PST_TLS_FINE, NULL},
    {"self-signed",
     {.dns = {"localhost"}, .by_itself = true, .no_aki = true},
     NULL,
     PST_TLS_WARNING,
     "issuer"},
};

static void test_check__one_flaw__is_the_only_complaint(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(flaws) / sizeof(flaws[0]); i++) {
        struct seen seen;
        struct test_cert owner;
        char *pem = make(&flaws[i].spec, &owner);
        struct pst_tls_chain *chain = read_pem(pem, &seen);
        pst_tls_chain_check(chain, flaws[i].name ? flaws[i].name : "localhost", (int64_t)time(NULL),
                            report(&seen));
        bool is_good = flaws[i].topic ? bad_count(&seen) == 1 && has(&seen, flaws[i].grade, flaws[i].topic)
                                      : bad_count(&seen) == 0;
        if (!is_good)
            show(flaws[i].title, &seen);
        assert_true(is_good);
        pst_tls_chain_free(chain);
        free(pem);
        test_cert_free(&owner);
    }
}

static void test_check__clock_of_1970__is_said_before_all(void **state)
{
    (void)state;
    struct seen seen;
    struct test_cert owner;
    char *pem = make(&(struct spec){.dns = {"localhost"}}, &owner);
    struct pst_tls_chain *chain = read_pem(pem, &seen);
    pst_tls_chain_check(chain, "localhost", 1000, report(&seen));
    assert_string_equal(seen.list[0].topic, "clock");
    assert_non_null(strstr(seen.list[0].text, "1970-01-01"));
    assert_true(has(&seen, PST_TLS_PROBLEM, "dates"));
    pst_tls_chain_free(chain);
    free(pem);
    test_cert_free(&owner);
}

/* ---- order ---- */

static void test_check__order_of_chain__is_explained(void **state)
{
    (void)state;
    struct test_cert owner, stray_owner, third;
    char *leaf = make(&(struct spec){.dns = {"localhost"}}, &owner);
    char *stray = make(&(struct spec){.dns = {"localhost"}}, &stray_owner);
    char *of_other = make(&(struct spec){.dns = {"localhost"}, .by_other = true}, &third);
    struct test_cert unrelated;
    test_cert_make(&unrelated, &(struct test_cert_spec){.name = "unrelated", .is_ca = true});
    const struct {
        const char *title, *certs[3];
        enum pst_tls_grade grade; /* of "chain"; fine: no complaint */
        const char *words;
    } rows[] = {
        {"leaf and CA", {leaf, ca.cert}, PST_TLS_FINE, NULL},
        {"twice", {leaf, leaf, ca.cert}, PST_TLS_WARNING, "are the same"},
        {"out of order", {leaf, stray, ca.cert}, PST_TLS_WARNING, "out of order"},
        {"gap", {leaf, unrelated.cert}, PST_TLS_PROBLEM, "gap"},
        {"another of the name", {of_other, ca.cert}, PST_TLS_PROBLEM, "another key"},
        {"behind the root", {leaf, ca.cert, unrelated.cert}, PST_TLS_WARNING, "signed itself"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen seen;
        char text[16384] = "";
        size_t used = 0;
        for (size_t k = 0; k < 3 && rows[i].certs[k]; k++)
            used += (size_t)snprintf(text + used, sizeof(text) - used, "%s", rows[i].certs[k]);
        struct pst_tls_chain *chain = read_pem(text, &seen);
        pst_tls_chain_check(chain, "localhost", (int64_t)time(NULL), report(&seen));
        bool is_good = rows[i].words
                           ? has(&seen, rows[i].grade, "chain")
                           : !has(&seen, PST_TLS_WARNING, "chain") && !has(&seen, PST_TLS_PROBLEM, "chain");
        bool is_said = !rows[i].words;
        for (size_t k = 0; k < seen.count && !is_said; k++)
            is_said = strcmp(seen.list[k].topic, "chain") == 0 && strstr(seen.list[k].text, rows[i].words);
        if (!is_good || !is_said)
            show(rows[i].title, &seen);
        assert_true(is_good && is_said);
        pst_tls_chain_free(chain);
    }
    free(leaf);
    free(stray);
    free(of_other);
    test_cert_free(&owner);
    test_cert_free(&stray_owner);
    test_cert_free(&third);
    test_cert_free(&unrelated);
}

/* ---- keys and trust ---- */

static void test_check_key__own_or_not__is_told_apart(void **state)
{
    (void)state;
    struct seen seen;
    struct test_cert owner;
    char *pem = make(&(struct spec){.dns = {"localhost"}}, &owner), both[16384];
    (void)snprintf(both, sizeof(both), "%s%s", pem, ca.cert);
    struct pst_tls_chain *chain = read_pem(both, &seen);
    assert_int_equal(pst_tls_chain_check_key(chain, pst_slice_of(owner.key, owner.key_len), report(&seen)),
                     0);
    assert_true(has(&seen, PST_TLS_FINE, "key"));
    assert_int_equal(pst_tls_chain_check_key(chain, pst_slice_of(ca.key, ca.key_len), report(&seen)), 0);
    assert_true(has(&seen, PST_TLS_PROBLEM, "key"));
    assert_non_null(strstr(seen.list[0].text, "certificate 2"));
    assert_int_equal(
        pst_tls_chain_check_key(chain, pst_slice_of(other_ca.key, other_ca.key_len), report(&seen)), 0);
    assert_non_null(strstr(seen.list[0].text, "does not belong"));
    assert_int_equal(pst_tls_chain_check_key(chain, PST_SLICE("nothing"), report(&seen)), 0);
    assert_true(has(&seen, PST_TLS_PROBLEM, "key"));
    pst_tls_chain_free(chain);
    free(pem);
    test_cert_free(&owner);
}

static void test_anchors__leaf_of_a_ca__is_trusted_by_that_one_alone(void **state)
{
    (void)state;
    struct seen seen;
    struct test_cert owner;
    struct pst_tls_anchors *own, *others;
    char *pem = make(&(struct spec){.dns = {"localhost"}}, &owner);
    struct pst_tls_chain *chain = read_pem(pem, &seen), *root = read_pem(ca.cert, &seen);
    assert_int_equal(pst_tls_anchors_new(&own, pst_slice_of(ca.cert, ca.cert_len)), 0);
    assert_int_equal(pst_tls_anchors_new(&others, pst_slice_of(other_ca.cert, other_ca.cert_len)), 0);
    assert_int_equal(pst_tls_anchors_count(own), 1);
    assert_true(pst_tls_anchors_trust(own, chain));
    assert_false(pst_tls_anchors_hold(own, chain));
    assert_true(pst_tls_anchors_hold(own, root));
    assert_false(pst_tls_anchors_trust(others, chain));
    assert_false(pst_tls_anchors_hold(others, root));
    assert_true(pst_tls_chain_is_ca(root));
    assert_false(pst_tls_chain_is_ca(chain));
    pst_tls_anchors_free(own);
    pst_tls_anchors_free(others);
    pst_tls_chain_free(chain);
    pst_tls_chain_free(root);
    free(pem);
    test_cert_free(&owner);
}

/* ---- what cannot be read ---- */

static void test_read__bad_bytes__are_explained(void **state)
{
    (void)state;
    static const struct {
        const char *text, *words;
    } rows[] = {
        {"", "empty"},
        {"hello", "no certificate"},
        {"-----BEGIN PRIVATE KEY-----\n", "private key"},
        {"-----BEGIN CERTIFICATE-----\n%%%%\n-----END CERTIFICATE-----\n", "damaged"},
        {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "cannot be read"},
        {"\x30\x03\x02\x01\x01", "cannot be read"},
        /* what is no certificate either, but names its algorithm: sha1WithRSAEncryption, Ed25519 */
        {"\x30\x0b\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", "SHA-1"},
        {"\x30\x05\x06\x03\x2b\x65\x70", "Ed25519"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct seen seen;
        struct pst_tls_chain *chain = NULL;
        assert_int_equal(pst_tls_chain_read(&chain, pst_slice_str(rows[i].text), report(&seen)), PST_E_CERT);
        assert_null(chain);
        assert_int_equal(seen.count, 1);
        if (!strstr(seen.list[0].text, rows[i].words))
            show(rows[i].words, &seen);
        assert_non_null(strstr(seen.list[0].text, rows[i].words));
        assert_true(seen.list[0].has_remedy);
    }
    struct pst_tls_anchors *anchors;
    assert_int_equal(pst_tls_anchors_new(&anchors, PST_SLICE("")), PST_E_CERT);
    assert_null(anchors);
}

static void test_read__one_of_two_is_damaged__the_other_is_looked_at(void **state)
{
    (void)state;
    struct seen seen;
    char text[8192];
    (void)snprintf(text, sizeof(text), "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n%s",
                   ca.cert);
    struct pst_tls_chain *chain = read_pem(text, &seen);
    assert_int_equal(seen.count, 1);
    assert_true(pst_tls_chain_is_ca(chain));
    pst_tls_chain_free(chain);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_check__one_flaw__is_the_only_complaint),
        cmocka_unit_test(test_check__clock_of_1970__is_said_before_all),
        cmocka_unit_test(test_check__order_of_chain__is_explained),
        cmocka_unit_test(test_check_key__own_or_not__is_told_apart),
        cmocka_unit_test(test_anchors__leaf_of_a_ca__is_trusted_by_that_one_alone),
        cmocka_unit_test(test_read__bad_bytes__are_explained),
        cmocka_unit_test(test_read__one_of_two_is_damaged__the_other_is_looked_at),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
