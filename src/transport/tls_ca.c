/* tls_ca.c - a CA from its files, what it may sign, and what it has signed. */
#include "transport/tls_ca.h"

#include <stdlib.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/platform_util.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

int pst_tls_crt_parse_pem(mbedtls_x509_crt *crt, struct pst_slice pem)
{
    if (!pst_tls_holds(pem.ptr, pem.len, "-----BEGIN CERTIFICATE-----"))
        return PST_E_CERT;
    unsigned char *copy = pst_tls_terminated(pem.ptr, pem.len);
    if (!copy)
        return PST_E_NOMEM;
    int result = mbedtls_x509_crt_parse(crt, copy, pem.len + 1);
    free(copy);
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return PST_E_NOMEM;
    return result == 0 ? 0 : PST_E_CERT;
}

static int take_key(struct pst_tls_ca *ca, struct pst_slice key_pem)
{
    struct pst_tls_line nobody = {0};
    struct pst_tls_pem pem = {.key = key_pem.ptr, .key_len = key_pem.len};
    struct pst_tls_random random;
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    int err = pst_tls_random_init(&random, nobody);
    if (!err)
        err = pst_tls_key_load(&key, &random.rng, &pem, nobody);
    if (!err && mbedtls_pk_check_pair(&ca->crt.pk, &key, mbedtls_ctr_drbg_random, &random.rng) != 0)
        err = PST_E_MISMATCH;
    mbedtls_pk_free(&key);
    pst_tls_random_fini(&random);
    if (err)
        return err;
    ca->key_pem = (char *)pst_tls_terminated(key_pem.ptr, key_pem.len);
    ca->key_len = key_pem.len;
    ca->has_key = ca->key_pem != NULL;
    return ca->has_key ? 0 : PST_E_NOMEM;
}

int pst_tls_ca_new(struct pst_tls_ca **ret_ca, struct pst_slice cert_pem, struct pst_slice key_pem)
{
    int err = pst_tls_global_init();
    if (err)
        return err;
    struct pst_tls_ca *ca = calloc(1, sizeof(*ca));
    if (!ca)
        return PST_E_NOMEM;
    mbedtls_x509_crt_init(&ca->crt);
    err = pst_tls_crt_parse_pem(&ca->crt, cert_pem);
    if (!err && !mbedtls_x509_crt_get_ca_istrue(&ca->crt))
        err = PST_E_CERT;
    if (!err && key_pem.len > 0)
        err = take_key(ca, key_pem);
    if (err) {
        pst_tls_ca_free(ca);
        return err;
    }
    *ret_ca = ca;
    return 0;
}

void pst_tls_ca_free(struct pst_tls_ca *ca)
{
    if (!ca)
        return;
    mbedtls_x509_crt_free(&ca->crt);
    if (ca->key_pem)
        mbedtls_platform_zeroize(ca->key_pem, ca->key_len);
    free(ca->key_pem);
    free(ca);
}

void pst_tls_ca_info(const struct pst_tls_ca *ca, struct pst_tls_cert_info *ret_info)
{
    pst_tls_cert_describe(&ca->crt, ret_info);
}

struct pst_slice pst_tls_ca_der(const struct pst_tls_ca *ca)
{
    return pst_slice_of((const char *)ca->crt.raw.p, ca->crt.raw.len);
}

/* ---- name constraints: RFC 5280 4.2.1.10 ---- */

/* A piece of DER that is walked through. */
struct walk {
    unsigned char *p;
    const unsigned char *end;
};

/* Steps into the next element of this tag; *w moves behind it. */
static bool enter(struct walk *w, int tag, struct walk *ret_inside)
{
    size_t len = 0;
    if (w->p >= w->end || mbedtls_asn1_get_tag(&w->p, w->end, &len, tag) != 0)
        return false;
    *ret_inside = (struct walk){w->p, w->p + len};
    w->p += len;
    return true;
}

enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };

static bool is_oid(const struct walk *w, const char *oid, size_t len)
{
    return (size_t)(w->end - w->p) == len && memcmp(w->p, oid, len) == 0;
}

static bool find_constraints(const mbedtls_x509_crt *crt, struct walk *ret_inside)
{
    struct walk all = {crt->v3_ext.p, crt->v3_ext.p + crt->v3_ext.len}, list, one, oid, flag, value;
    if (crt->v3_ext.len == 0 || !enter(&all, SEQUENCE, &list))
        return false;
    while (enter(&list, SEQUENCE, &one)) {
        if (!enter(&one, MBEDTLS_ASN1_OID, &oid))
            return false;
        (void)enter(&one, MBEDTLS_ASN1_BOOLEAN, &flag);
        if (!is_oid(&oid, MBEDTLS_OID_NAME_CONSTRAINTS, MBEDTLS_OID_SIZE(MBEDTLS_OID_NAME_CONSTRAINTS)))
            continue;
        return enter(&one, MBEDTLS_ASN1_OCTET_STRING, &value) && enter(&value, SEQUENCE, ret_inside);
    }
    return false;
}

/* The base of a subtree. False where it is of a kind that no server's name is. */
static bool read_base(struct walk *subtree, struct pst_tls_name *ret_name)
{
    struct walk base;
    *ret_name = (struct pst_tls_name){0};
    if (enter(subtree, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME, &base)) {
        if (base.p < base.end && *base.p == '.') /* some write it so; it means the same here */
            base.p++;
        size_t len = (size_t)(base.end - base.p);
        if (len >= PST_TLS_NAME_BYTES)
            return false;
        memcpy(ret_name->dns, base.p, len);
        return true;
    }
    if (!enter(subtree, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS, &base))
        return false;
    size_t half = (size_t)(base.end - base.p) / 2;
    if (half != 4 && half != 16)
        return false;
    *ret_name = pst_tls_name_address(base.p, half);
    unsigned bits = 0;
    while (bits < half * 8 && base.p[half + bits / 8] & 0x80 >> bits % 8)
        bits++;
    ret_name->prefix_bits = (uint8_t)bits;
    return true;
}

/* Whether name lies in one of the subtrees; *ret_any: some are of its kind. */
static bool is_in(struct walk subtrees, const struct pst_tls_name *name, bool *ret_any)
{
    struct walk one;
    struct pst_tls_name base;
    *ret_any = false;
    while (enter(&subtrees, SEQUENCE, &one)) {
        if (!read_base(&one, &base) || (base.address_len == 0) != (name->address_len == 0))
            continue;
        *ret_any = true;
        if (pst_tls_name_is_below(name, &base))
            return true;
    }
    return false;
}

bool pst_tls_ca_permits(const struct pst_tls_ca *ca, const struct pst_tls_name *name)
{
    struct walk constraints, subtrees;
    bool any = false;
    if (!find_constraints(&ca->crt, &constraints))
        return true;
    int tag = MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED;
    if (enter(&constraints, tag, &subtrees) && !is_in(subtrees, name, &any) && any)
        return false;
    return !enter(&constraints, tag | 1, &subtrees) || !is_in(subtrees, name, &any);
}

/* ---- what it signed ---- */

static bool raw_eq(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

bool pst_tls_ca_has_signed(const struct pst_tls_ca *ca, struct pst_slice leaf_pem)
{
    mbedtls_x509_crt leaf;
    mbedtls_x509_crt_init(&leaf);
    uint32_t flags = 0;
    bool is_signed = pst_tls_crt_parse_pem(&leaf, leaf_pem) == 0 && !leaf.next &&
                     raw_eq(&leaf.issuer_raw, &ca->crt.subject_raw);
    if (is_signed) {
        /* Mbed TLS only reads the list of trusted certificates, but asks for one that may be changed. */
        mbedtls_x509_crt *trusted = (mbedtls_x509_crt *)(uintptr_t)&ca->crt;
        (void)mbedtls_x509_crt_verify(&leaf, trusted, NULL, NULL, &flags, NULL, NULL);
        is_signed = !(flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED);
    }
    mbedtls_x509_crt_free(&leaf);
    return is_signed;
}

static bool read_san(const mbedtls_x509_buf *san, struct pst_tls_name *ret_name)
{
    int kind = san->tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    *ret_name = (struct pst_tls_name){0};
    if (kind == MBEDTLS_X509_SAN_IP_ADDRESS && (san->len == 4 || san->len == 16)) {
        *ret_name = pst_tls_name_address(san->p, san->len);
        return true;
    }
    if (kind != MBEDTLS_X509_SAN_DNS_NAME || san->len >= PST_TLS_NAME_BYTES)
        return false;
    memcpy(ret_name->dns, san->p, san->len);
    return true;
}

int pst_tls_leaf_read(struct pst_slice leaf_pem, struct pst_tls_name *ret_names, size_t *count,
                      struct pst_tls_cert_info *ret_info)
{
    mbedtls_x509_crt leaf;
    mbedtls_x509_crt_init(&leaf);
    size_t cap = *count, n = 0;
    int err = pst_tls_crt_parse_pem(&leaf, leaf_pem);
    bool has_names = !err && mbedtls_x509_crt_has_ext_type(&leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME);
    for (const mbedtls_x509_sequence *san = &leaf.subject_alt_names; !err && has_names && san;
         san = san->next) {
        struct pst_tls_name name;
        if (!read_san(&san->buf, &name))
            continue;
        if (n == cap)
            err = PST_E_CERT;
        else
            ret_names[n++] = name;
    }
    if (!err)
        pst_tls_cert_describe(&leaf, ret_info);
    mbedtls_x509_crt_free(&leaf);
    *count = n;
    return err;
}
