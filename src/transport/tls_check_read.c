/* tls_check_read.c - chains and stores of authorities, parsed certificate by certificate, so that one that
 * cannot be read does not hide the others. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/sha256.h>

#include "postern/err.h"
#include "transport/tls_check_internal.h"
#include "transport/tls_internal.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END   "-----END CERTIFICATE-----"

void pst_tls_finding(struct pst_tls_report report, enum pst_tls_grade grade, const char *topic,
                     const char *remedy, const char *format, ...)
{
    char text[1600];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof(text), format, args);
    va_end(args);
    report.fn(report.arg, grade, topic, text, remedy);
}

/* ---- one certificate ---- */

static int take_extension(void *arg, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
                          const unsigned char *p, const unsigned char *end)
{
    (void)arg;
    (void)crt;
    (void)critical;
    (void)p;
    (void)end;
    /* RFC 5280 4.2.1.10 Name Constraints: 2.5.29.30. Browsers know it. */
    bool is_known = MBEDTLS_OID_CMP("\x55\x1d\x1e", oid) == 0;
    return is_known ? 0 : MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

int pst_tls_check_parse(mbedtls_x509_crt *crt, const unsigned char *der, size_t len)
{
    return mbedtls_x509_crt_parse_der_with_ext_cb(crt, der, len, 1, take_extension, NULL);
}

/* Algorithms that Mbed TLS here has no code for, since no browser takes them any more. Their names stand in
 * the certificate as object identifiers. */
static const struct {
    const char *oid;
    size_t len;
    const char *text;
} outdated[] = {
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x05", 11, "is signed with SHA-1, which browsers refuse"},
    {"\x06\x07\x2a\x86\x48\xce\x3d\x04\x01", 9, "is signed with SHA-1, which browsers refuse"},
    {"\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x01\x04", 11, "is signed with MD5, which can be forged"},
    {"\x06\x03\x2b\x65\x70", 5, "is made with Ed25519, which browsers do not take in certificates"},
    {"\x06\x07\x2a\x86\x48\xce\x38\x04\x01", 9, "has a DSA key, which browsers refuse"},
};

static void explain(unsigned position, int result, const unsigned char *der, size_t len,
                    struct pst_tls_report report)
{
    for (size_t i = 0; i < sizeof(outdated) / sizeof(outdated[0]); i++) {
        if (memmem(der, len, outdated[i].oid, outdated[i].len)) {
            pst_tls_finding(report, PST_TLS_PROBLEM, "strength",
                            "make it anew with a key on P-256 or RSA, signed with SHA-256",
                            "certificate %u %s", position, outdated[i].text);
            return;
        }
    }
    pst_tls_finding(report, PST_TLS_PROBLEM, "read", "make it anew, or remove it from the file",
                    "certificate %u cannot be read (%s)", position, pst_tls_describe(result));
}

static int add(struct pst_tls_chain *chain, unsigned position, const unsigned char *der, size_t len,
               struct pst_tls_report report)
{
    mbedtls_x509_crt *crt = &chain->certs[chain->count];
    int result = pst_tls_check_parse(crt, der, len);
    if (result == 0) {
        chain->count++;
        return 0;
    }
    mbedtls_x509_crt_free(crt);
    mbedtls_x509_crt_init(crt);
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return PST_E_NOMEM;
    explain(position, result, der, len, report);
    return 0;
}

/* ---- chains ---- */

static int read_pem(struct pst_tls_chain *chain, const char *text, unsigned *position,
                    struct pst_tls_report report)
{
    int err = 0;
    for (const char *at = strstr(text, PEM_BEGIN); at && !err; at = strstr(at + 1, PEM_BEGIN)) {
        if (*position == PST_TLS_CHAIN_MAX) {
            chain->is_cut = true;
            return 0;
        }
        mbedtls_pem_context pem;
        size_t used = 0;
        mbedtls_pem_init(&pem);
        int result =
            mbedtls_pem_read_buffer(&pem, PEM_BEGIN, PEM_END, (const unsigned char *)at, NULL, 0, &used);
        ++*position;
        if (result == MBEDTLS_ERR_PEM_ALLOC_FAILED) {
            err = PST_E_NOMEM;
        } else if (result != 0) {
            pst_tls_finding(report, PST_TLS_PROBLEM, "read",
                            "copy the file anew, or make the certificate anew",
                            "certificate %u is damaged (%s)", *position, pst_tls_describe(result));
        } else {
            size_t len = 0;
            const unsigned char *der = mbedtls_pem_get_buffer(&pem, &len);
            err = add(chain, *position, der, len, report);
        }
        mbedtls_pem_free(&pem);
    }
    return err;
}

static int find_none(struct pst_slice bytes, struct pst_tls_report report)
{
    if (bytes.len == 0)
        pst_tls_finding(report, PST_TLS_PROBLEM, "read", "make a certificate: postern cert",
                        "the file is empty");
    else if (pst_tls_holds(bytes.ptr, bytes.len, "PRIVATE KEY-----"))
        pst_tls_finding(report, PST_TLS_PROBLEM, "read", "name the certificate's file; the key's is --key",
                        "this is a private key, not a certificate");
    else
        pst_tls_finding(report, PST_TLS_PROBLEM, "read",
                        "name a file in PEM or DER, or make one: postern cert",
                        "there is no certificate in this file (no \"" PEM_BEGIN "\")");
    return PST_E_CERT;
}

int pst_tls_chain_read(struct pst_tls_chain **ret_chain, struct pst_slice bytes, struct pst_tls_report report)
{
    *ret_chain = NULL;
    struct pst_tls_chain *chain = calloc(1, sizeof(*chain));
    if (!chain)
        return PST_E_NOMEM;
    for (size_t i = 0; i < PST_TLS_CHAIN_MAX; i++)
        mbedtls_x509_crt_init(&chain->certs[i]);
    unsigned position = 0;
    int err = 0;
    if (pst_tls_holds(bytes.ptr, bytes.len, PEM_BEGIN)) {
        char *text = (char *)pst_tls_terminated(bytes.ptr, bytes.len);
        err = text ? read_pem(chain, text, &position, report) : PST_E_NOMEM;
        free(text);
    } else if (bytes.len > 0 && bytes.ptr[0] == 0x30) {
        position = 1;
        err = add(chain, 1, (const unsigned char *)bytes.ptr, bytes.len, report);
    } else {
        err = find_none(bytes, report);
    }
    if (!err && chain->count == 0)
        err = PST_E_CERT; /* each was explained */
    if (err) {
        pst_tls_chain_free(chain);
        return err;
    }
    *ret_chain = chain;
    return 0;
}

void pst_tls_chain_free(struct pst_tls_chain *chain)
{
    if (!chain)
        return;
    for (size_t i = 0; i < PST_TLS_CHAIN_MAX; i++)
        mbedtls_x509_crt_free(&chain->certs[i]);
    free(chain);
}

bool pst_tls_chain_is_ca(const struct pst_tls_chain *chain)
{
    return chain->count == 1 && mbedtls_x509_crt_get_ca_istrue(&chain->certs[0]) > 0;
}

void pst_tls_chain_info(const struct pst_tls_chain *chain, struct pst_tls_cert_info *ret_info)
{
    pst_tls_cert_describe(&chain->certs[0], ret_info);
}

struct pst_slice pst_tls_chain_der(const struct pst_tls_chain *chain)
{
    return pst_slice_of((const char *)chain->certs[0].raw.p, chain->certs[0].raw.len);
}

void pst_tls_chain_fingerprint(const struct pst_tls_chain *chain, char ret_text[PST_TLS_FINGERPRINT_TEXT])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[32] = {0};
    (void)mbedtls_sha256(chain->certs[0].raw.p, chain->certs[0].raw.len, hash, 0);
    for (size_t i = 0; i < sizeof(hash); i++) {
        ret_text[2 * i] = digits[hash[i] >> 4];
        ret_text[2 * i + 1] = digits[hash[i] & 15];
    }
    ret_text[2 * sizeof(hash)] = '\0';
}

/* ---- authorities ---- */

struct pst_tls_anchors {
    mbedtls_x509_crt list;
    size_t count;
};

int pst_tls_anchors_new(struct pst_tls_anchors **ret_anchors, struct pst_slice pem)
{
    *ret_anchors = NULL;
    struct pst_tls_anchors *anchors = calloc(1, sizeof(*anchors));
    unsigned char *text = pst_tls_terminated(pem.ptr, pem.len);
    int err = anchors && text ? 0 : PST_E_NOMEM;
    if (anchors)
        mbedtls_x509_crt_init(&anchors->list);
    if (!err) {
        int result = mbedtls_x509_crt_parse(&anchors->list, text, pem.len + 1);
        bool has_some = anchors->list.raw.p != NULL;
        err = result == MBEDTLS_ERR_X509_ALLOC_FAILED ? PST_E_NOMEM : has_some ? 0 : PST_E_CERT;
    }
    free(text);
    if (err) {
        pst_tls_anchors_free(anchors);
        return err;
    }
    for (const mbedtls_x509_crt *crt = &anchors->list; crt && crt->raw.p; crt = crt->next)
        anchors->count++;
    *ret_anchors = anchors;
    return 0;
}

void pst_tls_anchors_free(struct pst_tls_anchors *anchors)
{
    if (!anchors)
        return;
    mbedtls_x509_crt_free(&anchors->list);
    free(anchors);
}

size_t pst_tls_anchors_count(const struct pst_tls_anchors *anchors)
{
    return anchors->count;
}

bool pst_tls_anchors_hold(const struct pst_tls_anchors *anchors, const struct pst_tls_chain *chain)
{
    const mbedtls_x509_buf *raw = &chain->certs[0].raw;
    for (const mbedtls_x509_crt *crt = &anchors->list; crt && crt->raw.p; crt = crt->next) {
        if (crt->raw.len == raw->len && memcmp(crt->raw.p, raw->p, raw->len) == 0)
            return true;
    }
    return false;
}

bool pst_tls_anchors_trust(const struct pst_tls_anchors *anchors, const struct pst_tls_chain *chain)
{
    if (pst_tls_anchors_hold(anchors, chain))
        return true;
    mbedtls_x509_crt linked;
    mbedtls_x509_crt_init(&linked);
    int result = 0;
    for (size_t i = 0; i < chain->count && result == 0; i++)
        result = pst_tls_check_parse(&linked, chain->certs[i].raw.p, chain->certs[i].raw.len);
    uint32_t flags = MBEDTLS_X509_BADCERT_NOT_TRUSTED;
    if (result == 0) {
        /* The function asks for a list it may change, and does not. */
        mbedtls_x509_crt list = anchors->list;
        (void)mbedtls_x509_crt_verify(&linked, &list, NULL, NULL, &flags, NULL, NULL);
    }
    mbedtls_x509_crt_free(&linked);
    return !(flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED);
}
