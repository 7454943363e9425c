/* tls_cert.c - certificates: reading them, saying in plain words what is wrong with them, describing
 * them. Files are the caller's; here they are bytes. */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/ecp.h>
#include <mbedtls/error.h>
#include <mbedtls/oid.h>
#include <mbedtls/rsa.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

#define ADVICE_MKCERT "make a new one with scripts/mkcert.sh"

enum { RSA_LEAST_BITS = 2048 };

/* The largest handshake message that Mbed TLS sends (its issue 10863), less the message's own header. */
#define CERTIFICATE_MESSAGE_MOST (MBEDTLS_SSL_OUT_CONTENT_LEN - 4)

/* ---- dates ---- */

/* Days since 1970-01-01 of a date in the Gregorian calendar. Years are counted from March, so that the day
 * that leap years add is the last one. */
static int64_t days_from_civil(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year;
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * 146097 + day_of_era - 719468;
}

int64_t pst_tls_unix_time(const mbedtls_x509_time *t)
{
    return days_from_civil(t->year, t->mon, t->day) * 86400 + t->hour * 3600 + t->min * 60 + t->sec;
}

/* ---- reading ---- */

bool pst_tls_holds(const void *data, size_t len, const char *text)
{
    return memmem(data, len, text, strlen(text)) != NULL;
}

/* A copy that ends in NUL, as Mbed TLS wants PEM; NULL when out of memory. */
unsigned char *pst_tls_terminated(const void *data, size_t len)
{
    unsigned char *copy = malloc(len + 1);
    if (copy) {
        if (len)
            memcpy(copy, data, len);
        copy[len] = '\0';
    }
    return copy;
}

const char *pst_tls_describe(int error)
{
#if defined(MBEDTLS_ERROR_C)
    const char *text = mbedtls_low_level_strerr(error);
    if (!text)
        text = mbedtls_high_level_strerr(error);
    if (text)
        return text;
#endif
    (void)error;
    return "unknown format";
}

int pst_tls_out_of_memory(struct pst_tls_line line)
{
    pst_tls_say(line, "%s", "out of memory");
    return PST_E_NOMEM;
}

static int read_chain(mbedtls_x509_crt *chain, const void *data, size_t len, struct pst_tls_line line)
{
    int result;
    if (pst_tls_holds(data, len, "-----BEGIN CERTIFICATE-----")) {
        unsigned char *pem = pst_tls_terminated(data, len);
        if (!pem)
            return pst_tls_out_of_memory(line);
        result = mbedtls_x509_crt_parse(chain, pem, len + 1);
        free(pem);
    } else if (pst_tls_holds(data, len, "PRIVATE KEY-----")) {
        pst_tls_say(line, "%s", "this is a private key, not a certificate; are the two files swapped?");
        return PST_E_CERT;
    } else if (len == 0) {
        pst_tls_say(line, "%s", "the file is empty; make a certificate with scripts/mkcert.sh");
        return PST_E_CERT;
    } else if (*(const unsigned char *)data == 0x30) {
        result = mbedtls_x509_crt_parse_der(chain, data, len);
    } else {
        pst_tls_say(line, "%s",
                    "there is no certificate in this file (no \"-----BEGIN CERTIFICATE-----\"); "
                    "make one with scripts/mkcert.sh");
        return PST_E_CERT;
    }
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return pst_tls_out_of_memory(line);
    if (result > 0) {
        pst_tls_say(line, "%d of the certificates in this file cannot be read; remove or replace them",
                    result);
        return PST_E_CERT;
    }
    if (result < 0) {
        pst_tls_say(line, "the certificate cannot be read (%s); " ADVICE_MKCERT, pst_tls_describe(result));
        return PST_E_CERT;
    }
    return 0;
}

/* ---- checking ---- */

static mbedtls_ecp_group_id curve(const mbedtls_pk_context *key)
{
    mbedtls_pk_type_t type = mbedtls_pk_get_type(key);
    if (type != MBEDTLS_PK_ECKEY && type != MBEDTLS_PK_ECKEY_DH && type != MBEDTLS_PK_ECDSA)
        return MBEDTLS_ECP_DP_NONE;
    return mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key));
}

static void describe_key(const mbedtls_pk_context *key, char *text, size_t cap)
{
    unsigned bits = (unsigned)mbedtls_pk_get_bitlen(key);
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA))
        (void)snprintf(text, cap, "RSA-%u", bits);
    else if (curve(key) == MBEDTLS_ECP_DP_SECP256R1 || curve(key) == MBEDTLS_ECP_DP_SECP384R1 ||
             curve(key) == MBEDTLS_ECP_DP_SECP521R1)
        (void)snprintf(text, cap, "P-%u", bits);
    else
        (void)snprintf(text, cap, "%s-%u", mbedtls_pk_get_name(key), bits);
}

static int check_strength(const mbedtls_pk_context *key, struct pst_tls_line line)
{
    char name[32];
    describe_key(key, name, sizeof(name));
    if (mbedtls_pk_can_do(key, MBEDTLS_PK_RSA)) {
        if (mbedtls_pk_get_bitlen(key) >= RSA_LEAST_BITS)
            return 0;
        pst_tls_say(line, "the certificate's key is too weak (%s, at least RSA-%d is needed); " ADVICE_MKCERT,
                    name, RSA_LEAST_BITS);
        return PST_E_CERT;
    }
    mbedtls_ecp_group_id id = curve(key);
    if (id == MBEDTLS_ECP_DP_SECP256R1 || id == MBEDTLS_ECP_DP_SECP384R1)
        return 0;
    pst_tls_say(line,
                "clients do not take this kind of key (%s); use EC on P-256 or P-384, or RSA: " ADVICE_MKCERT,
                name);
    return PST_E_CERT;
}

/* The position, from 1, of the first certificate that belongs to the key; 0 for none. */
static unsigned find_owner(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng)
{
    unsigned position = 1;
    for (mbedtls_x509_crt *crt = &pair->chain; crt; crt = crt->next, position++)
        if (mbedtls_pk_check_pair(&crt->pk, &pair->key, mbedtls_ctr_drbg_random, rng) == 0)
            return position;
    return 0;
}

static int check_owner(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng, struct pst_tls_line line)
{
    unsigned position = find_owner(pair, rng);
    if (position == 1)
        return 0;
    if (position == 0)
        pst_tls_say(
            line, "%s",
            "the private key does not belong to this certificate; give the key that it was made with, or "
            "make both anew with scripts/mkcert.sh");
    else
        pst_tls_say(
            line,
            "the private key belongs to certificate %u of this file; the server's own certificate must "
            "come first, then the one that signed it, and so on",
            position);
    return PST_E_MISMATCH;
}

/* RFC 5280 4.2.1.3, 4.2.1.12: what a certificate does not mention it allows. */
static int check_usage(const mbedtls_x509_crt *leaf, struct pst_tls_line line)
{
    const char *text = NULL;
    if (mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_SERVER_AUTH,
                                                  MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
        text = "the certificate is not for servers (extendedKeyUsage lacks serverAuth): clients refuse "
               "it; " ADVICE_MKCERT;
    else if (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        text = "the certificate's key may not sign (keyUsage lacks digitalSignature), which every handshake "
               "needs; " ADVICE_MKCERT;
    if (text)
        pst_tls_say(line, "%s", text);
    return text ? PST_E_CERT : 0;
}

static int check_dates(const mbedtls_x509_crt *leaf, int64_t now, struct pst_tls_line line)
{
    const mbedtls_x509_time *from = &leaf->valid_from, *to = &leaf->valid_to;
    if (now > pst_tls_unix_time(to)) {
        pst_tls_say(line, "the certificate ended on %04d-%02d-%02d; " ADVICE_MKCERT, to->year, to->mon,
                    to->day);
        return PST_E_EXPIRED;
    }
    if (now < pst_tls_unix_time(from)) {
        pst_tls_say(
            line,
            "the certificate begins only on %04d-%02d-%02d; set this machine's clock right or " ADVICE_MKCERT,
            from->year, from->mon, from->day);
        return PST_E_NOTYET;
    }
    return 0;
}

static int check_size(const mbedtls_x509_crt *chain, struct pst_tls_line line)
{
    /* RFC 8446 4.4.2 Certificate: an empty context, the list's length, and for each entry its length and that
     * of its extensions, of which there are none. TLS 1.2 needs less. */
    size_t total = 1 + 3;
    for (const mbedtls_x509_crt *crt = chain; crt; crt = crt->next)
        total += 3 + crt->raw.len + 2;
    if (total <= CERTIFICATE_MESSAGE_MOST)
        return 0;
    pst_tls_say(
        line,
        "the certificate chain takes %zu bytes and at most %zu can be sent; leave out the root and every "
        "certificate that is not between it and the first one",
        total, (size_t)CERTIFICATE_MESSAGE_MOST);
    return PST_E_CHAIN;
}

static bool raw_eq(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

/* Whether parent signed child. Both are looked at alone, without what follows them in the file. */
static bool has_signed(const mbedtls_x509_crt *parent, const mbedtls_x509_crt *child)
{
    if (!raw_eq(&child->issuer_raw, &parent->subject_raw))
        return false;
    mbedtls_x509_crt one, other;
    mbedtls_x509_crt_init(&one);
    mbedtls_x509_crt_init(&other);
    uint32_t flags = 0;
    bool is_signed = mbedtls_x509_crt_parse_der_nocopy(&one, child->raw.p, child->raw.len) == 0 &&
                     mbedtls_x509_crt_parse_der_nocopy(&other, parent->raw.p, parent->raw.len) == 0;
    if (is_signed) {
        (void)mbedtls_x509_crt_verify(&one, &other, NULL, NULL, &flags, NULL, NULL);
        is_signed = !(flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED);
    }
    mbedtls_x509_crt_free(&one);
    mbedtls_x509_crt_free(&other);
    return is_signed;
}

/* What clients may stumble over but need not: many find their own way through a chain in disorder. */
static void warn(const mbedtls_x509_crt *chain, int64_t now, struct pst_tls_line line)
{
    unsigned position = 2;
    for (const mbedtls_x509_crt *crt = chain; crt->next; crt = crt->next, position++) {
        const mbedtls_x509_time *to = &crt->next->valid_to;
        if (!has_signed(crt->next, crt)) {
            pst_tls_say(
                line,
                "certificate %u of the chain did not sign the one before it: some clients will not find "
                "their way; put the server's own first, then the one that signed it, and so on",
                position);
            return;
        }
        if (now > pst_tls_unix_time(to)) {
            pst_tls_say(
                line, "certificate %u of the chain ended on %04d-%02d-%02d; get the new one from its issuer",
                position, to->year, to->mon, to->day);
            return;
        }
    }
    if (!mbedtls_x509_crt_has_ext_type(chain, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        pst_tls_say(line, "%s",
                    "the certificate names no host (subjectAltName): browsers refuse it; " ADVICE_MKCERT);
}

int pst_tls_cert_load(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng, const struct pst_tls_pem *pem,
                      struct pst_tls_line line)
{
    int err = read_chain(&pair->chain, pem->cert, pem->cert_len, line);
    return err ? err : pst_tls_key_load(&pair->key, rng, pem, line);
}

int pst_tls_cert_check(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng, int64_t now,
                       struct pst_tls_line line)
{
    int err = check_owner(pair, rng, line);
    if (err == 0)
        err = check_strength(&pair->chain.pk, line);
    if (err == 0)
        err = check_usage(&pair->chain, line);
    if (err == 0)
        err = check_dates(&pair->chain, now, line);
    if (err == 0)
        err = check_size(&pair->chain, line);
    if (err == 0)
        warn(&pair->chain, now, line);
    return err;
}

/* ---- describing ---- */

/* Appends a name that came from a certificate: what could garble a terminal or the list becomes "?". False
 * where it does not fit. */
static bool append(char *text, size_t cap, const unsigned char *name, size_t len)
{
    static const char more[] = ", ...";
    size_t used = strlen(text), comma = used ? 2 : 0;
    if (used + comma + len + sizeof(more) > cap) {
        if (used + sizeof(more) <= cap)
            memcpy(text + used, used ? more : "...", used ? sizeof(more) : 4);
        return false;
    }
    if (comma)
        memcpy(text + used, ", ", 2);
    used += comma;
    for (size_t i = 0; i < len; i++)
        text[used + i] = name[i] < 0x20 || name[i] == 0x7f || name[i] == ',' ? '?' : (char)name[i];
    text[used + len] = '\0';
    return true;
}

/* RFC 5280 4.2.1.6 Subject Alternative Name: rfc822Name is [1], dNSName [2], iPAddress [7]. False where the
 * text is full. */
static bool list_name(const mbedtls_x509_sequence *name, bool with_mail, char *text, size_t cap)
{
    const unsigned char *bytes = name->buf.p;
    size_t len = name->buf.len;
    int kind = name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    char address[INET6_ADDRSTRLEN];
    if (kind == MBEDTLS_X509_SAN_IP_ADDRESS && (len == 4 || len == 16)) {
        if (!inet_ntop(len == 4 ? AF_INET : AF_INET6, bytes, address, sizeof(address)))
            return true;
        return append(text, cap, (const unsigned char *)address, strlen(address));
    }
    bool is_text = kind == MBEDTLS_X509_SAN_DNS_NAME || (with_mail && kind == MBEDTLS_X509_SAN_RFC822_NAME);
    return !is_text || len == 0 || append(text, cap, bytes, len);
}

static void list_names(const mbedtls_x509_crt *leaf, char *text, size_t cap)
{
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return;
    for (const mbedtls_x509_sequence *name = &leaf->subject_alt_names; name; name = name->next)
        if (!list_name(name, false, text, cap))
            return;
}

static bool has_common_name(const mbedtls_x509_name *dn, char *text, size_t cap)
{
    for (const mbedtls_x509_name *part = dn; part; part = part->next)
        if (MBEDTLS_OID_CMP(MBEDTLS_OID_AT_CN, &part->oid) == 0 && part->val.len > 0) {
            append(text, cap, part->val.p, part->val.len);
            return true;
        }
    return false;
}

/* The common name, or the whole distinguished name where there is none. */
static void common_name(const mbedtls_x509_name *dn, char *text, size_t cap)
{
    if (!has_common_name(dn, text, cap) && mbedtls_x509_dn_gets(text, cap, dn) < 0)
        text[0] = '\0';
}

void pst_tls_cert_name(const mbedtls_x509_crt *crt, char *text, size_t cap)
{
    text[0] = '\0';
    if (has_common_name(&crt->subject, text, cap))
        return;
    bool has_names = mbedtls_x509_crt_has_ext_type(crt, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME);
    for (const mbedtls_x509_sequence *name = &crt->subject_alt_names; has_names && name && !text[0];
         name = name->next)
        list_name(name, true, text, cap);
    if (!text[0])
        common_name(&crt->subject, text, cap);
}

void pst_tls_cert_describe(const mbedtls_x509_crt *leaf, struct pst_tls_cert_info *ret_info)
{
    memset(ret_info, 0, sizeof(*ret_info));
    list_names(leaf, ret_info->names, sizeof(ret_info->names));
    common_name(&leaf->subject, ret_info->subject, sizeof(ret_info->subject));
    if (ret_info->subject[0] == '\0')
        (void)snprintf(ret_info->subject, sizeof(ret_info->subject), "%.*s",
                       (int)strcspn(ret_info->names, ","), ret_info->names);
    common_name(&leaf->issuer, ret_info->issuer, sizeof(ret_info->issuer));
    describe_key(&leaf->pk, ret_info->key, sizeof(ret_info->key));
    ret_info->not_before = pst_tls_unix_time(&leaf->valid_from);
    ret_info->not_after = pst_tls_unix_time(&leaf->valid_to);
    ret_info->is_self_signed = raw_eq(&leaf->subject_raw, &leaf->issuer_raw);
}
