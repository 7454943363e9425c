/* tls_check.c - the checks of a chain and of its key: uses, identifiers, dates, lifetime, strength, order. */
#include "transport/tls_check.h"

#include <stdio.h>
#include <string.h>

#include <mbedtls/ecp.h>
#include <mbedtls/oid.h>

#include "postern/err.h"
#include "transport/tls_check_internal.h"
#include "transport/tls_internal.h"

#define REMEDY_ANEW "make it anew: postern cert"

enum { DAY_S = 86400, SOON_DAYS = 30, RSA_LEAST_BITS = 2048 };

/* ---- words ---- */

/* "2026-11-22", of seconds since 1970, by the calendar's own arithmetic: no time zone has a say. */
static const char *day_text(int64_t time, char text[16])
{
    int64_t days = time / DAY_S - (time % DAY_S < 0) + 719468; /* since 0000-03-01 */
    int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    int64_t of_era = days - era * 146097;
    int64_t year_of_era = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
    int64_t of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    int64_t month = (5 * of_year + 2) / 153; /* from March */
    int64_t year = year_of_era + era * 400 + (month >= 10);
    (void)snprintf(text, 16, "%04d-%02d-%02d", (int)(year % 10000), (int)(month < 10 ? month + 3 : month - 9),
                   (int)(of_year - (153 * month + 2) / 5 + 1));
    return text;
}

static bool is_same(const mbedtls_x509_buf *a, const mbedtls_x509_buf *b)
{
    return a->len == b->len && memcmp(a->p, b->p, a->len) == 0;
}

static bool is_self_issued(const mbedtls_x509_crt *crt)
{
    return is_same(&crt->issuer_raw, &crt->subject_raw);
}

static bool is_ca(const mbedtls_x509_crt *crt)
{
    return mbedtls_x509_crt_get_ca_istrue(crt) > 0;
}

/* Whether parent is a CA that signed child. Dates do not count. */
static bool has_signed(const mbedtls_x509_crt *parent, const mbedtls_x509_crt *child)
{
    uint32_t flags = 0;
    /* The function asks for certificates that it may change, and does not. */
    mbedtls_x509_crt one = *child, other = *parent;
    (void)mbedtls_x509_crt_verify(&one, &other, NULL, NULL, &flags, NULL, NULL);
    return !(flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED);
}

/* ---- time ---- */

static void check_clock(int64_t now, struct pst_tls_report report)
{
    char day[16];
    if (now < PST_TLS_CLOCK_LEAST)
        pst_tls_finding(
            report, PST_TLS_PROBLEM, "clock", "set the clock right: timedatectl set-ntp true (or date -s)",
            "this machine's clock says %s, which is long past: every certificate seems to begin in "
            "the future",
            day_text(now, day));
}

static void check_dates(const struct pst_tls_cert_info *info, unsigned position, int64_t now,
                        struct pst_tls_report report)
{
    char from[16], to[16];
    const char *whose = position == 1 ? REMEDY_ANEW : "get the present one from its issuer";
    day_text(info->not_before, from);
    day_text(info->not_after, to);
    if (now > info->not_after)
        pst_tls_finding(report, PST_TLS_PROBLEM, "dates", whose, "certificate %u ended on %s", position, to);
    else if (now < info->not_before)
        pst_tls_finding(report, PST_TLS_PROBLEM, "dates",
                        "look whether this machine's clock is right; if it is, make the certificate anew",
                        "certificate %u begins only on %s", position, from);
    else if (position == 1 && info->not_after - now < (int64_t)SOON_DAYS * DAY_S &&
             info->not_after - info->not_before > (int64_t)2 * SOON_DAYS * DAY_S)
        pst_tls_finding(report, PST_TLS_WARNING, "dates", whose, "it ends soon, on %s", to);
    else if (position == 1)
        pst_tls_finding(report, PST_TLS_FINE, "dates", NULL, "it is valid from %s to %s", from, to);
}

static void check_lifetime(const struct pst_tls_cert_info *info, struct pst_tls_report report)
{
    /* RFC 5280 4.1.2.5 Validity: both ends belong to it. */
    int64_t seconds = info->not_after - info->not_before + 1;
    int days = (int)((seconds + DAY_S - 1) / DAY_S);
    if (days > PST_TLS_LIFETIME_OWN_DAYS)
        pst_tls_finding(report, PST_TLS_PROBLEM, "lifetime",
                        "make it anew for at most 397 days: postern cert",
                        "it is valid for %d days: Apple's systems refuse more than %d, of any CA", days,
                        PST_TLS_LIFETIME_OWN_DAYS);
    else if (days > PST_TLS_LIFETIME_DAYS)
        pst_tls_finding(
            report, PST_TLS_WARNING, "lifetime", "make it anew for at most 397 days: postern cert",
            "it is valid for %d days: browsers refuse more than %d, unless the CA is one that you "
            "installed yourself",
            days, PST_TLS_LIFETIME_DAYS);
}

/* ---- what it may be used for ---- */

static void check_key_usage(const mbedtls_x509_crt *leaf, struct pst_tls_report report)
{
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_KEY_USAGE))
        return; /* RFC 5280 4.2.1.3: then any use */
    if (mbedtls_x509_crt_check_key_usage(leaf, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
        pst_tls_finding(report, PST_TLS_PROBLEM, "key usage", REMEDY_ANEW,
                        "its keyUsage lacks digitalSignature, with which TLS is signed: browsers refuse it");
}

static void check_uses(const mbedtls_x509_crt *leaf, struct pst_tls_report report)
{
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_EXTENDED_KEY_USAGE))
        pst_tls_finding(report, PST_TLS_WARNING, "extended key usage", REMEDY_ANEW,
                        "it has no extendedKeyUsage: Apple's systems ask for serverAuth there");
    else if (mbedtls_x509_crt_check_extended_key_usage(leaf, MBEDTLS_OID_SERVER_AUTH,
                                                       MBEDTLS_OID_SIZE(MBEDTLS_OID_SERVER_AUTH)) != 0)
        pst_tls_finding(
            report, PST_TLS_PROBLEM, "extended key usage", REMEDY_ANEW,
            "its extendedKeyUsage lacks serverAuth: it is not for servers, and browsers refuse it");
}

static void check_role(const mbedtls_x509_crt *leaf, struct pst_tls_report report)
{
    if (is_ca(leaf))
        pst_tls_finding(report, PST_TLS_PROBLEM, "role",
                        "let this CA sign a certificate for the server, and serve that: postern cert",
                        "the server's own certificate is that of a CA: Firefox refuses that");
    else if (leaf->version < 3)
        pst_tls_finding(report, PST_TLS_PROBLEM, "role", REMEDY_ANEW,
                        "it is of version %d: browsers take version 3 only", leaf->version);
}

static void check_identifiers(const mbedtls_x509_crt *leaf, struct pst_tls_report report)
{
    /* RFC 5280 4.2.1.1: only a self-signed one may do without. */
    if (!is_self_issued(leaf) && leaf->authority_key_id.keyIdentifier.len == 0)
        pst_tls_finding(
            report, PST_TLS_WARNING, "authority key identifier", REMEDY_ANEW,
            "it does not say which key signed it (authorityKeyIdentifier): strict clients, such as "
            "Python from 3.13 on, refuse it");
    if (leaf->subject_key_id.len == 0)
        pst_tls_finding(report, PST_TLS_WARNING, "subject key identifier", REMEDY_ANEW,
                        "it does not name its own key (subjectKeyIdentifier), as RFC 5280 recommends");
}

/* ---- strength ---- */

static void check_strength(const mbedtls_x509_crt *crt, unsigned position, struct pst_tls_report report)
{
    unsigned bits = (unsigned)mbedtls_pk_get_bitlen(&crt->pk);
    if (mbedtls_pk_can_do(&crt->pk, MBEDTLS_PK_RSA)) {
        if (bits < RSA_LEAST_BITS)
            pst_tls_finding(report, PST_TLS_PROBLEM, "strength",
                            "make it anew with a key on P-256 or RSA-2048",
                            "the key of certificate %u is weak: RSA-%u, where browsers want %d bits",
                            position, bits, RSA_LEAST_BITS);
        return;
    }
    mbedtls_ecp_group_id id = mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(crt->pk));
    if (id == MBEDTLS_ECP_DP_SECP521R1)
        pst_tls_finding(report, PST_TLS_PROBLEM, "strength", "make it anew with a key on P-256",
                        "the key of certificate %u is on P-521, which Chromium does not take", position);
}

/* ---- the chain ---- */

/* The position, from 1, of the certificate that signed the one at index; 0: it is not here. */
static unsigned find_issuer(const struct pst_tls_chain *chain, size_t index)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (i != index && has_signed(&chain->certs[i], &chain->certs[index]))
            return (unsigned)i + 1;
    }
    return 0;
}

static void check_link(const struct pst_tls_chain *chain, size_t i, struct pst_tls_report report)
{
    const mbedtls_x509_crt *child = &chain->certs[i], *parent = &chain->certs[i + 1];
    unsigned position = (unsigned)i + 1;
    if (has_signed(parent, child))
        return;
    unsigned found = find_issuer(chain, i);
    struct pst_tls_cert_info info;
    pst_tls_cert_describe(child, &info);
    if (is_same(&child->raw, &parent->raw))
        pst_tls_finding(report, PST_TLS_WARNING, "chain", "remove one of them",
                        "certificates %u and %u are the same", position, position + 1);
    else if (found > 0)
        pst_tls_finding(report, PST_TLS_WARNING, "chain",
                        "put the server's own first, then the one that signed it, and so on",
                        "the chain is out of order: certificate %u was signed by certificate %u", position,
                        found);
    else if (is_self_issued(child))
        pst_tls_finding(report, PST_TLS_WARNING, "chain", "remove what is behind it",
                        "certificate %u signed itself; those behind it have no use", position);
    else if (is_same(&child->issuer_raw, &parent->subject_raw))
        pst_tls_finding(report, PST_TLS_PROBLEM, "chain", "get the chain anew from the issuer",
                        "certificate %u has the name of the one that signed certificate %u, but %s",
                        position + 1, position, is_ca(parent) ? "another key" : "is not that of a CA");
    else
        pst_tls_finding(report, PST_TLS_PROBLEM, "chain", "put the missing certificate in between",
                        "there is a gap in the chain: certificate %u was signed by \"%s\", which is not here",
                        position, info.issuer);
}

static void check_order(const struct pst_tls_chain *chain, struct pst_tls_report report)
{
    for (size_t i = 0; i + 1 < chain->count; i++)
        check_link(chain, i, report);
    if (chain->is_cut)
        pst_tls_finding(report, PST_TLS_WARNING, "chain", "leave out what is not needed",
                        "there are more than %d certificates; only those were looked at", PST_TLS_CHAIN_MAX);
    const mbedtls_x509_crt *last = &chain->certs[chain->count - 1];
    if (chain->count > 1 && is_self_issued(last))
        pst_tls_finding(report, PST_TLS_FINE, "root", NULL,
                        "the CA's own certificate is sent as well, which is not needed");
}

/* ---- all of it ---- */

static void check_ca(const struct pst_tls_chain *chain, struct pst_tls_report report)
{
    const mbedtls_x509_crt *ca = &chain->certs[0];
    pst_tls_finding(report, PST_TLS_FINE, "role", NULL,
                    "this is the certificate of a CA, which signs others; no server answers with it");
    if (mbedtls_x509_crt_has_ext_type(ca, MBEDTLS_X509_EXT_KEY_USAGE) &&
        mbedtls_x509_crt_check_key_usage(ca, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
        pst_tls_finding(report, PST_TLS_PROBLEM, "key usage", "make a new CA: postern cert --new-ca",
                        "its keyUsage lacks keyCertSign: what it signs is refused");
    if (ca->subject_key_id.len == 0)
        pst_tls_finding(report, PST_TLS_WARNING, "subject key identifier",
                        "make a new CA: postern cert --new-ca",
                        "it does not name its own key (subjectKeyIdentifier): strict clients refuse it");
}

static void check_leaf(const struct pst_tls_chain *chain, const char *name, struct pst_tls_report report)
{
    const mbedtls_x509_crt *leaf = &chain->certs[0];
    struct pst_tls_cert_info info;
    pst_tls_cert_describe(leaf, &info);
    pst_tls_check_names(leaf, name, report);
    check_role(leaf, report);
    check_key_usage(leaf, report);
    check_uses(leaf, report);
    check_identifiers(leaf, report);
    check_lifetime(&info, report);
    if (is_self_issued(leaf) && !is_ca(leaf))
        pst_tls_finding(
            report, PST_TLS_WARNING, "issuer",
            "make a CA and a certificate that it signs (postern cert), and have browsers trust the "
            "CA: postern trust install",
            "it signed itself: browsers warn of it, and Firefox takes no such certificate as trusted "
            "but by an exception for each site");
}

void pst_tls_chain_check(const struct pst_tls_chain *chain, const char *name, int64_t now,
                         struct pst_tls_report report)
{
    check_clock(now, report);
    if (pst_tls_chain_is_ca(chain))
        check_ca(chain, report);
    else
        check_leaf(chain, name, report);
    for (size_t i = 0; i < chain->count; i++) {
        struct pst_tls_cert_info info;
        pst_tls_cert_describe(&chain->certs[i], &info);
        check_dates(&info, (unsigned)i + 1, now, report);
        check_strength(&chain->certs[i], (unsigned)i + 1, report);
    }
    check_order(chain, report);
}

/* ---- the key ---- */

static void check_owner(const struct pst_tls_chain *chain, const mbedtls_pk_context *key,
                        mbedtls_ctr_drbg_context *rng, struct pst_tls_report report)
{
    for (size_t i = 0; i < chain->count; i++) {
        if (mbedtls_pk_check_pair(&chain->certs[i].pk, key, mbedtls_ctr_drbg_random, rng) != 0)
            continue;
        if (i == 0)
            pst_tls_finding(report, PST_TLS_FINE, "key", NULL, "the private key belongs to the certificate");
        else
            pst_tls_finding(report, PST_TLS_PROBLEM, "key", "put the server's own certificate first",
                            "the private key belongs to certificate %zu, not to the first one", i + 1);
        return;
    }
    pst_tls_finding(
        report, PST_TLS_PROBLEM, "key",
        "name the key that the certificate was made with (--key), or make both anew: postern cert",
        "the private key does not belong to the certificate");
}

int pst_tls_chain_check_key(const struct pst_tls_chain *chain, struct pst_slice key,
                            struct pst_tls_report report)
{
    char text[256] = "";
    struct pst_tls_line line = {text, sizeof(text)};
    struct pst_tls_random random;
    mbedtls_pk_context pk;
    mbedtls_pk_init(&pk);
    int err = pst_tls_random_init(&random, line);
    if (!err) {
        const struct pst_tls_pem pem = {.key = key.ptr, .key_len = key.len};
        err = pst_tls_key_load(&pk, &random.rng, &pem, line);
        if (err == PST_E_KEY) {
            bool is_sealed = pst_tls_holds(key.ptr, key.len, "ENCRYPTED PRIVATE KEY");
            pst_tls_finding(report, is_sealed ? PST_TLS_WARNING : PST_TLS_PROBLEM, "key", NULL,
                            "the key cannot be looked at: %s", text);
            err = 0;
        } else if (!err) {
            check_owner(chain, &pk, &random.rng, report);
        }
    }
    mbedtls_pk_free(&pk);
    pst_tls_random_fini(&random);
    return err;
}
