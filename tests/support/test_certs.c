/* test_certs.c - see test_certs.h. */
#include "support/test_certs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <mbedtls/asn1.h>
#include <mbedtls/base64.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pk.h>
#include <mbedtls/rsa.h>
#include <mbedtls/x509_crt.h>

enum { BUFFER_BYTES = 65536, RSA_EXPONENT = 65537 };

static void must(int result, const char *what)
{
    if (result >= 0)
        return;
    fprintf(stderr, "test_certs: %s: -0x%04X\n", what, (unsigned)-result);
    abort();
}

int test_random(void *ctx, unsigned char *dst, size_t len)
{
    (void)ctx;
    while (len > 0) {
        ssize_t n = getrandom(dst, len, 0);
        if (n < 0)
            return -1;
        dst += n;
        len -= (size_t)n;
    }
    return 0;
}

static void make_ec(mbedtls_pk_context *key, mbedtls_ecp_group_id group)
{
    must(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), "EC key");
    must(mbedtls_ecp_gen_key(group, mbedtls_pk_ec(*key), test_random, NULL), "EC key");
}

/* Making an RSA key takes a second or more: once a process. The text stays until the process ends. */
static void make_rsa(mbedtls_pk_context *key, unsigned bits)
{
    static char *kept[2];
    char **text = &kept[bits == 2048];
    if (!*text) {
        must(mbedtls_pk_setup(key, mbedtls_pk_info_from_type(MBEDTLS_PK_RSA)), "RSA key");
        must(mbedtls_rsa_gen_key(mbedtls_pk_rsa(*key), test_random, NULL, bits, RSA_EXPONENT), "RSA key");
        *text = calloc(1, BUFFER_BYTES);
        must(*text ? 0 : -1, "memory");
        must(mbedtls_pk_write_key_pem(key, (unsigned char *)*text, BUFFER_BYTES), "RSA key");
        return;
    }
    must(mbedtls_pk_parse_key(key, (const unsigned char *)*text, strlen(*text) + 1, NULL, 0, test_random,
                              NULL),
         "RSA key");
}

static void make_key(mbedtls_pk_context *key, enum test_key kind)
{
    switch (kind) {
    case TEST_KEY_P256:
        make_ec(key, MBEDTLS_ECP_DP_SECP256R1);
        break;
    case TEST_KEY_P384:
        make_ec(key, MBEDTLS_ECP_DP_SECP384R1);
        break;
    case TEST_KEY_P521:
        make_ec(key, MBEDTLS_ECP_DP_SECP521R1);
        break;
    case TEST_KEY_RSA_1024:
        make_rsa(key, 1024);
        break;
    case TEST_KEY_RSA_2048:
        make_rsa(key, 2048);
        break;
    }
}

static void set_dates(mbedtls_x509write_cert *crt, int64_t from, int64_t to)
{
    char text[2][32];
    time_t when[2] = {(time_t)from, (time_t)to};
    for (int i = 0; i < 2; i++) {
        struct tm tm;
        gmtime_r(&when[i], &tm);
        strftime(text[i], sizeof(text[i]), "%Y%m%d%H%M%S", &tm);
    }
    must(mbedtls_x509write_crt_set_validity(crt, text[0], text[1]), "dates");
}

static void set_names(mbedtls_x509write_cert *crt, const char *name, unsigned more)
{
    static unsigned char ipv4[4] = {127, 0, 0, 1};
    static unsigned char ipv6[16] = {[15] = 1};
    mbedtls_x509_san_list *list = calloc(more + 3, sizeof(*list));
    char(*texts)[64] = calloc(more + 1, sizeof(*texts));
    must(list && texts ? 0 : -1, "memory");
    for (unsigned i = 0; i <= more; i++) {
        if (i == 0)
            (void)snprintf(texts[i], sizeof(texts[i]), "%s", name);
        else
            (void)snprintf(texts[i], sizeof(texts[i]), "name-%03u.example", i);
        list[i].node.type = MBEDTLS_X509_SAN_DNS_NAME;
        list[i].node.san.unstructured_name =
            (mbedtls_x509_buf){.p = (unsigned char *)texts[i], .len = strlen(texts[i])};
    }
    list[more + 1].node.type = list[more + 2].node.type = MBEDTLS_X509_SAN_IP_ADDRESS;
    list[more + 1].node.san.unstructured_name = (mbedtls_x509_buf){.p = ipv4, .len = sizeof(ipv4)};
    list[more + 2].node.san.unstructured_name = (mbedtls_x509_buf){.p = ipv6, .len = sizeof(ipv6)};
    /* Mbed TLS writes the list from its end. */
    for (unsigned i = 1; i < more + 3; i++)
        list[i].next = &list[i - 1];
    must(mbedtls_x509write_crt_set_subject_alternative_name(crt, &list[more + 2]), "names");
    free(texts);
    free(list);
}

static void set_padding(mbedtls_x509write_cert *crt, size_t bytes)
{
    /* 1.3.6.1.4.1.99999.1: nobody's. The content is random, so that nothing could compress it. */
    static const char oid[] = "\x2b\x06\x01\x04\x01\x86\x8d\x1f\x01";
    unsigned char *content = calloc(1, bytes);
    must(content ? 0 : -1, "memory");
    must(test_random(NULL, content, bytes), "padding");
    must(mbedtls_x509write_crt_set_extension(crt, oid, sizeof(oid) - 1, 0, content, bytes), "padding");
    free(content);
}

static void parse_key(mbedtls_pk_context *key, const struct test_cert *cert)
{
    must(mbedtls_pk_parse_key(key, (const unsigned char *)cert->key, cert->key_len + 1, NULL, 0, test_random,
                              NULL),
         "issuer's key");
}

void test_cert_make(struct test_cert *ret_cert, const struct test_cert_spec *spec)
{
    static unsigned char serial = 1;
    memset(ret_cert, 0, sizeof(*ret_cert));
    ret_cert->kind = spec->key;
    (void)snprintf(ret_cert->name, sizeof(ret_cert->name), "%s", spec->name ? spec->name : "localhost");
    const struct test_cert *issuer = spec->issuer ? spec->issuer : ret_cert;
    char subject_dn[80], issuer_dn[80];
    (void)snprintf(subject_dn, sizeof(subject_dn), "CN=%s", ret_cert->name);
    (void)snprintf(issuer_dn, sizeof(issuer_dn), "CN=%s", issuer->name);
    unsigned char *buffer = calloc(1, BUFFER_BYTES);
    must(buffer ? 0 : -1, "memory");

    mbedtls_pk_context key, issuer_key;
    mbedtls_pk_init(&key);
    mbedtls_pk_init(&issuer_key);
    make_key(&key, spec->key);
    must(mbedtls_pk_write_key_pem(&key, buffer, BUFFER_BYTES), "key");
    ret_cert->key = strdup((char *)buffer);
    ret_cert->key_len = strlen(ret_cert->key);
    parse_key(&issuer_key, issuer);

    mbedtls_x509write_cert crt;
    mbedtls_x509write_crt_init(&crt);
    mbedtls_x509write_crt_set_version(&crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&crt, &key);
    mbedtls_x509write_crt_set_issuer_key(&crt, &issuer_key);
    const char *subject = spec->subject ? spec->subject : subject_dn;
    if (subject[0] != '\0') /* otherwise the empty name */
        must(mbedtls_x509write_crt_set_subject_name(&crt, subject), "subject");
    must(mbedtls_x509write_crt_set_issuer_name(&crt, issuer_dn), "issuer");
    must(mbedtls_x509write_crt_set_serial_raw(&crt, &serial, 1), "serial");
    serial = (unsigned char)(serial % 100 + 1);
    int64_t now = (int64_t)time(NULL);
    if (spec->not_before == 0 && spec->not_after == 0)
        set_dates(&crt, now - 3600, now + 3600);
    else
        set_dates(&crt, spec->not_before, spec->not_after);
    must(mbedtls_x509write_crt_set_basic_constraints(&crt, spec->is_ca, -1), "basic constraints");
    if (!spec->has_no_names)
        set_names(&crt, ret_cert->name, spec->more_names);
    if (spec->padding > 0)
        set_padding(&crt, spec->padding);
    memset(buffer, 0, BUFFER_BYTES);
    must(mbedtls_x509write_crt_pem(&crt, buffer, BUFFER_BYTES, test_random, NULL), "certificate");
    ret_cert->cert = strdup((char *)buffer);
    ret_cert->cert_len = strlen(ret_cert->cert);

    mbedtls_x509write_crt_free(&crt);
    mbedtls_pk_free(&issuer_key);
    mbedtls_pk_free(&key);
    free(buffer);
}

void test_cert_free(struct test_cert *cert)
{
    free(cert->cert);
    free(cert->key);
    memset(cert, 0, sizeof(*cert));
}

static const struct test_cert *kept(struct test_cert *cert, enum test_key kind)
{
    if (!cert->cert)
        test_cert_make(cert, &(struct test_cert_spec){.key = kind});
    return cert;
}

const struct test_cert *test_cert_ec(void)
{
    static struct test_cert cert;
    return kept(&cert, TEST_KEY_P256);
}

const struct test_cert *test_cert_rsa(void)
{
    static struct test_cert cert;
    return kept(&cert, TEST_KEY_RSA_2048);
}

size_t test_cert_der(const char *pem, unsigned char *dst, size_t cap)
{
    const char *begin = strchr(pem, '\n'), *end = begin ? strstr(begin, "-----END") : NULL;
    must(end ? 0 : -1, "PEM");
    size_t n = 0;
    must(mbedtls_base64_decode(dst, cap, &n, (const unsigned char *)begin + 1, (size_t)(end - begin - 1)),
         "PEM");
    return n;
}

size_t test_cert_der_len(const char *pem)
{
    unsigned char *der = malloc(BUFFER_BYTES);
    must(der ? 0 : -1, "memory");
    size_t n = test_cert_der(pem, der, BUFFER_BYTES);
    free(der);
    return n;
}

int test_tls_ctx_new(struct pst_tls_ctx **ret_ctx, const void *cert, size_t cert_len, const void *key,
                     size_t key_len, int64_t now, char *error, size_t error_cap)
{
    const struct pst_tls_pem pem = {.cert = cert, .cert_len = cert_len, .key = key, .key_len = key_len};
    struct pst_tls_certs *certs;
    char line[256];
    size_t bad;
    int err = pst_tls_certs_new(&certs, &pem, 1, now, &bad, error, error_cap);
    if (err)
        return err;
    err = pst_tls_ctx_new(ret_ctx, certs, line, sizeof(line));
    pst_tls_certs_unref(certs);
    if (err && error_cap > 0)
        snprintf(error, error_cap, "%s", line);
    return err;
}
