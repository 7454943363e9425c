/* tls_make.c - making keys and certificates with Mbed TLS's writer. */
#include "transport/tls_make.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>
#include <mbedtls/pem.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/x509_crt.h>

#include "base/sha256.h"
#include "postern/err.h"
#include "transport/tls_ca.h"
#include "transport/tls_internal.h"

/* Fifty of the longest names, and what else there is; a server sends no more than 16 KiB anyway. */
enum { DER_BYTES = 16384, KEY_ID_BYTES = 20, KEY_BYTES = 512, PUBLIC_KEY_BYTES = 2048, DN_BYTES = 512 };

/* Everything that one certificate needs while it is made. */
struct maker {
    struct pst_tls_random random;
    mbedtls_x509write_cert crt;
    mbedtls_pk_context subject, signer;
    unsigned char der[DER_BYTES];
};

static int failed(int result)
{
    return result == MBEDTLS_ERR_X509_ALLOC_FAILED || result == MBEDTLS_ERR_ASN1_ALLOC_FAILED ||
                   result == MBEDTLS_ERR_PEM_ALLOC_FAILED || result == MBEDTLS_ERR_PK_ALLOC_FAILED ||
                   result == MBEDTLS_ERR_MPI_ALLOC_FAILED || result == MBEDTLS_ERR_ECP_ALLOC_FAILED
               ? PST_E_NOMEM
               : PST_E_TLS;
}

static void maker_free(struct maker *m)
{
    if (!m)
        return;
    mbedtls_x509write_crt_free(&m->crt);
    mbedtls_pk_free(&m->subject);
    mbedtls_pk_free(&m->signer);
    pst_tls_random_fini(&m->random);
    free(m);
}

static int maker_new(struct maker **ret_maker)
{
    struct pst_tls_line nobody = {0};
    struct maker *m = calloc(1, sizeof(*m));
    if (!m)
        return PST_E_NOMEM;
    mbedtls_x509write_crt_init(&m->crt);
    mbedtls_pk_init(&m->subject);
    mbedtls_pk_init(&m->signer);
    int err = pst_tls_global_init();
    if (!err)
        err = pst_tls_random_init(&m->random, nobody);
    if (err) {
        maker_free(m);
        return err;
    }
    *ret_maker = m;
    return 0;
}

static int to_pem(char **ret_pem, const char *what, const unsigned char *der, size_t len)
{
    char begin[48], end[48];
    (void)snprintf(begin, sizeof(begin), "-----BEGIN %s-----\n", what);
    (void)snprintf(end, sizeof(end), "-----END %s-----\n", what);
    size_t cap = len * 3 / 2 + 128, n = 0;
    unsigned char *pem = malloc(cap);
    if (!pem)
        return PST_E_NOMEM;
    int result = mbedtls_pem_write_buffer(begin, end, der, len, pem, cap, &n);
    if (result != 0) {
        mbedtls_platform_zeroize(pem, cap);
        free(pem);
        return failed(result);
    }
    *ret_pem = (char *)pem;
    return 0;
}

int pst_tls_make_serial(unsigned char ret_serial[PST_TLS_SERIAL_BYTES])
{
    if (getrandom(ret_serial, PST_TLS_SERIAL_BYTES, 0) != PST_TLS_SERIAL_BYTES)
        return PST_E_SYSTEM;
    /* A fixed first digit keeps it positive and its length the same; 124 bits are random. */
    ret_serial[0] = (unsigned char)(0x50 | (ret_serial[0] & 0x0f));
    return 0;
}

/* ---- DER, written from its end to its beginning, as Mbed TLS does ---- */

struct back {
    unsigned char *p, *start;
    int error; /* the first one; what is written after it is void */
};

static struct back back_of(unsigned char *buffer, size_t len)
{
    return (struct back){.p = buffer + len, .start = buffer};
}

static void keep(struct back *b, int result)
{
    if (result < 0 && b->error == 0)
        b->error = result;
}

/* Makes an element of all that was written since p was at end. */
static void wrap(struct back *b, const unsigned char *end, unsigned char tag)
{
    if (b->error != 0)
        return;
    keep(b, mbedtls_asn1_write_len(&b->p, b->start, (size_t)(end - b->p)));
    keep(b, mbedtls_asn1_write_tag(&b->p, b->start, tag));
}

static void put(struct back *b, const void *bytes, size_t len)
{
    keep(b, mbedtls_asn1_write_raw_buffer(&b->p, b->start, bytes, len));
}

enum { SEQUENCE = MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE };

/* ---- keys ---- */

/* RFC 5208 5 Private-Key Information Syntax around RFC 5915's ECPrivateKey: what every program reads. */
static void write_pkcs8(struct back *b, const mbedtls_pk_context *key)
{
    static const char curve[] = MBEDTLS_OID_EC_GRP_SECP256R1, ec[] = MBEDTLS_OID_EC_ALG_UNRESTRICTED;
    unsigned char sec1[KEY_BYTES], *end = b->p;
    int len = mbedtls_pk_write_key_der(key, sec1, sizeof(sec1));
    keep(b, len);
    if (len < 0)
        return;
    keep(b, mbedtls_asn1_write_octet_string(&b->p, b->start, sec1 + sizeof(sec1) - len, (size_t)len));
    mbedtls_platform_zeroize(sec1, sizeof(sec1));
    unsigned char *algorithm = b->p;
    keep(b, mbedtls_asn1_write_oid(&b->p, b->start, curve, sizeof(curve) - 1));
    keep(b, mbedtls_asn1_write_oid(&b->p, b->start, ec, sizeof(ec) - 1));
    wrap(b, algorithm, SEQUENCE);
    keep(b, mbedtls_asn1_write_int(&b->p, b->start, 0));
    wrap(b, end, SEQUENCE);
}

int pst_tls_make_key(char **ret_pem)
{
    struct maker *m = NULL;
    int err = maker_new(&m);
    if (err)
        return err;
    unsigned char der[KEY_BYTES];
    struct back b = back_of(der, sizeof(der));
    int result = mbedtls_pk_setup(&m->subject, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY));
    if (result == 0)
        result = mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(m->subject),
                                     mbedtls_ctr_drbg_random, &m->random.rng);
    if (result == 0) {
        write_pkcs8(&b, &m->subject);
        result = b.error;
    }
    err =
        result == 0 ? to_pem(ret_pem, "PRIVATE KEY", b.p, (size_t)(der + sizeof(der) - b.p)) : failed(result);
    mbedtls_platform_zeroize(der, sizeof(der));
    maker_free(m);
    return err;
}

/* A private key, or the public one of a certificate. */
static int read_owner(struct maker *m, mbedtls_pk_context *key, struct pst_slice pem)
{
    struct pst_tls_line nobody = {0};
    if (!pst_tls_holds(pem.ptr, pem.len, "-----BEGIN CERTIFICATE-----")) {
        struct pst_tls_pem as_pem = {.key = pem.ptr, .key_len = pem.len};
        return pst_tls_key_load(key, &m->random.rng, &as_pem, nobody);
    }
    mbedtls_x509_crt crt;
    mbedtls_x509_crt_init(&crt);
    unsigned char der[PUBLIC_KEY_BYTES], *end = der + sizeof(der);
    int err = pst_tls_crt_parse_pem(&crt, pem);
    int len = err ? 0 : mbedtls_pk_write_pubkey_der(&crt.pk, der, sizeof(der));
    if (!err && (len <= 0 || mbedtls_pk_parse_public_key(key, end - len, (size_t)len) != 0))
        err = PST_E_KEY;
    mbedtls_x509_crt_free(&crt);
    return err;
}

/* ---- extensions ---- */

/* RFC 5280 4.2.1.6: dNSName is [2], iPAddress is [7]. In a subtree an address is followed by its mask. */
static void write_name(struct back *b, const struct pst_tls_name *name, bool is_subtree)
{
    const unsigned char *end = b->p;
    if (name->address_len == 0) {
        const char *dns = is_subtree && name->dns[0] == '*' ? name->dns + 2 : name->dns;
        put(b, dns, strlen(dns));
        wrap(b, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_DNS_NAME);
        return;
    }
    unsigned char bytes[32] = {0};
    memcpy(bytes, name->address, name->address_len);
    for (unsigned bit = 0; bit < name->prefix_bits; bit++)
        bytes[name->address_len + bit / 8] |= (unsigned char)(0x80 >> bit % 8);
    put(b, bytes, name->address_len * (is_subtree ? 2U : 1U));
    wrap(b, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_X509_SAN_IP_ADDRESS);
}

static void write_alt_names(struct back *b, const struct pst_tls_profile *profile)
{
    const unsigned char *end = b->p;
    for (size_t i = profile->name_count; i-- > 0;)
        write_name(b, &profile->names[i], false);
    wrap(b, end, SEQUENCE);
}

/* RFC 5280 4.2.1.10 Name Constraints: permittedSubtrees is [0]. */
static void write_constraints(struct back *b, const struct pst_tls_profile *profile)
{
    const unsigned char *end = b->p;
    for (size_t i = profile->name_count; i-- > 0;) {
        const unsigned char *one = b->p;
        write_name(b, &profile->names[i], true);
        wrap(b, one, SEQUENCE);
    }
    wrap(b, end, MBEDTLS_ASN1_CONTEXT_SPECIFIC | MBEDTLS_ASN1_CONSTRUCTED);
    wrap(b, end, SEQUENCE);
}

/* Puts what was written into m->der into the certificate. */
static int add(struct maker *m, const char *oid, size_t oid_len, const struct back *b)
{
    if (b->error != 0)
        return b->error;
    return mbedtls_x509write_crt_set_extension(&m->crt, oid, oid_len, 0, b->p,
                                               (size_t)(m->der + DER_BYTES - b->p));
}
#define ADD(m, oid, b) add(m, oid, MBEDTLS_OID_SIZE(oid), b)

/* RFC 7093 2 (1): the leftmost 160 bits of SHA-256 over the public key, since there is no SHA-1 here. */
static int key_id(const mbedtls_pk_context *key, unsigned char ret_id[KEY_ID_BYTES])
{
    unsigned char bytes[PUBLIC_KEY_BYTES], *p = bytes + sizeof(bytes);
    uint8_t digest[PST_SHA256_BYTES];
    int len = mbedtls_pk_write_pubkey(&p, bytes, key);
    if (len < 0)
        return len;
    struct pst_sha256 sha;
    pst_sha256_init(&sha);
    pst_sha256_add(&sha, p, (size_t)len);
    if (pst_sha256_end(&sha, digest) != 0)
        return MBEDTLS_ERR_PK_BAD_INPUT_DATA;
    memcpy(ret_id, digest, KEY_ID_BYTES);
    return 0;
}

static int add_key_id(struct maker *m)
{
    unsigned char id[KEY_ID_BYTES];
    int result = key_id(&m->subject, id);
    if (result != 0)
        return result;
    struct back b = back_of(m->der, DER_BYTES);
    put(&b, id, sizeof(id));
    wrap(&b, m->der + DER_BYTES, MBEDTLS_ASN1_OCTET_STRING);
    return ADD(m, MBEDTLS_OID_SUBJECT_KEY_IDENTIFIER, &b);
}

/* RFC 5280 4.2.1.1: the signer's own word for its key, which another program may have made its own way. */
static int add_signer_id(struct maker *m, const mbedtls_x509_crt *signer)
{
    if (signer->subject_key_id.len == 0)
        return 0;
    struct back b = back_of(m->der, DER_BYTES);
    put(&b, signer->subject_key_id.p, signer->subject_key_id.len);
    wrap(&b, m->der + DER_BYTES, MBEDTLS_ASN1_CONTEXT_SPECIFIC);
    wrap(&b, m->der + DER_BYTES, SEQUENCE);
    return ADD(m, MBEDTLS_OID_AUTHORITY_KEY_IDENTIFIER, &b);
}

static int add_alt_names(struct maker *m, const struct pst_tls_profile *profile)
{
    struct back b = back_of(m->der, DER_BYTES);
    write_alt_names(&b, profile);
    return ADD(m, MBEDTLS_OID_SUBJECT_ALT_NAME, &b);
}

static int add_constraints(struct maker *m, const struct pst_tls_profile *profile)
{
    struct back b = back_of(m->der, DER_BYTES);
    write_constraints(&b, profile);
    return ADD(m, MBEDTLS_OID_NAME_CONSTRAINTS, &b);
}

/* ---- certificates ---- */

static int set_dates(struct maker *m, const struct pst_tls_profile *profile)
{
    char from[24], to[24];
    struct tm tm;
    time_t times[2] = {(time_t)profile->not_before, (time_t)profile->not_after};
    if (!gmtime_r(&times[0], &tm) || strftime(from, sizeof(from), "%Y%m%d%H%M%S", &tm) != 14 ||
        !gmtime_r(&times[1], &tm) || strftime(to, sizeof(to), "%Y%m%d%H%M%S", &tm) != 14)
        return MBEDTLS_ERR_X509_BAD_INPUT_DATA;
    return mbedtls_x509write_crt_set_validity(&m->crt, from, to);
}

/* What CA and leaf have in common. */
static int begin(struct maker *m, const struct pst_tls_profile *profile)
{
    char subject[DN_BYTES];
    unsigned char serial[PST_TLS_SERIAL_BYTES];
    memcpy(serial, profile->serial, sizeof(serial));
    (void)snprintf(subject, sizeof(subject), "O=postern,CN=%s", profile->common_name);
    mbedtls_x509write_crt_set_version(&m->crt, MBEDTLS_X509_CRT_VERSION_3);
    mbedtls_x509write_crt_set_md_alg(&m->crt, MBEDTLS_MD_SHA256);
    mbedtls_x509write_crt_set_subject_key(&m->crt, &m->subject);
    int result = mbedtls_x509write_crt_set_serial_raw(&m->crt, serial, sizeof(serial));
    if (result == 0)
        result = mbedtls_x509write_crt_set_subject_name(&m->crt, subject);
    if (result == 0)
        result = set_dates(m, profile);
    return result;
}

static int sign(struct maker *m, char **ret_pem)
{
    int len = mbedtls_x509write_crt_der(&m->crt, m->der, DER_BYTES, mbedtls_ctr_drbg_random, &m->random.rng);
    return len > 0 ? to_pem(ret_pem, "CERTIFICATE", m->der + DER_BYTES - len, (size_t)len) : failed(len);
}

static int fill_ca(struct maker *m, const struct pst_tls_profile *profile)
{
    char name[DN_BYTES];
    (void)snprintf(name, sizeof(name), "O=postern,CN=%s", profile->common_name);
    mbedtls_x509write_crt_set_issuer_key(&m->crt, &m->subject);
    int result = begin(m, profile);
    if (result == 0)
        result = mbedtls_x509write_crt_set_issuer_name(&m->crt, name);
    if (result == 0)
        result = mbedtls_x509write_crt_set_basic_constraints(&m->crt, 1, 0);
    if (result == 0)
        result = mbedtls_x509write_crt_set_key_usage(&m->crt, MBEDTLS_X509_KU_KEY_CERT_SIGN |
                                                                  MBEDTLS_X509_KU_CRL_SIGN);
    if (result == 0)
        result = add_key_id(m);
    if (result == 0 && profile->name_count > 0)
        result = add_constraints(m, profile);
    return result;
}

int pst_tls_make_ca(char **ret_pem, const struct pst_tls_profile *profile, struct pst_slice key_pem)
{
    struct maker *m = NULL;
    int err = maker_new(&m);
    if (err)
        return err;
    err = read_owner(m, &m->subject, key_pem);
    int result = err ? 0 : fill_ca(m, profile);
    if (result != 0)
        err = failed(result);
    if (!err)
        err = sign(m, ret_pem);
    maker_free(m);
    return err;
}

/* RFC 5280 4.2.1.3: encipherment for the static RSA of old peers of other servers; Mbed TLS has none. */
static unsigned leaf_usage(const mbedtls_pk_context *key)
{
    return MBEDTLS_X509_KU_DIGITAL_SIGNATURE |
           (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA) ? MBEDTLS_X509_KU_KEY_ENCIPHERMENT : 0U);
}

/* RFC 5280 4.2.1.12. Mbed TLS's own is marked critical, which serves nobody. */
static int add_purpose(struct maker *m)
{
    struct back b = back_of(m->der, DER_BYTES);
    keep(&b, mbedtls_asn1_write_oid(&b.p, b.start, MBEDTLS_OID_SERVER_AUTH,
                                    MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)));
    wrap(&b, m->der + DER_BYTES, SEQUENCE);
    return ADD(m, MBEDTLS_OID_EXTENDED_KEY_USAGE, &b);
}

static int fill_leaf(struct maker *m, const struct pst_tls_profile *profile, const mbedtls_x509_crt *ca)
{
    static const unsigned char no_ca[] = {0x30, 0x00}; /* Mbed TLS's own is not marked critical */
    char issuer[DN_BYTES];
    mbedtls_x509write_crt_set_issuer_key(&m->crt, &m->signer);
    int result = mbedtls_x509_dn_gets(issuer, sizeof(issuer), &ca->subject);
    if (result > 0)
        result = mbedtls_x509write_crt_set_issuer_name(&m->crt, issuer);
    if (result == 0)
        result = begin(m, profile);
    if (result == 0)
        result = mbedtls_x509write_crt_set_extension(&m->crt, MBEDTLS_OID_BASIC_CONSTRAINTS,
                                                     MBEDTLS_OID_SIZE(MBEDTLS_OID_BASIC_CONSTRAINTS), 1,
                                                     no_ca, sizeof(no_ca));
    if (result == 0)
        result = mbedtls_x509write_crt_set_key_usage(&m->crt, leaf_usage(&m->subject));
    if (result == 0)
        result = add_purpose(m);
    if (result == 0)
        result = add_key_id(m);
    if (result == 0)
        result = add_signer_id(m, ca);
    if (result == 0)
        result = add_alt_names(m, profile);
    return result;
}

int pst_tls_make_leaf(char **ret_pem, const struct pst_tls_profile *profile, struct pst_slice owner_pem,
                      const struct pst_tls_ca *ca)
{
    if (!ca->has_key)
        return PST_E_STATE;
    struct maker *m = NULL;
    int err = maker_new(&m);
    if (err)
        return err;
    char *pem = NULL;
    err = read_owner(m, &m->signer, pst_slice_str(ca->key_pem));
    if (!err)
        err = read_owner(m, &m->subject, owner_pem);
    int result = err ? 0 : fill_leaf(m, profile, &ca->crt);
    if (result != 0)
        err = failed(result);
    if (!err)
        err = sign(m, &pem);
    /* The signer's name went through text: only what came out the same will be recognised. */
    if (!err && !pst_tls_ca_has_signed(ca, pst_slice_str(pem)))
        err = PST_E_CERT;
    maker_free(m);
    if (err)
        free(pem);
    else
        *ret_pem = pem;
    return err;
}
