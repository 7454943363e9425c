/* tls_check_name.c - whether a certificate is for the name in the address bar.
 *
 * RFC 9525 (which follows RFC 6125): only subjectAltName counts; a wildcard stands for one whole label, the
 * first; an address must stand there as an address. */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include <mbedtls/asn1.h>
#include <mbedtls/oid.h>

#include "transport/tls_check_internal.h"
#include "transport/tls_internal.h"

struct wanted {
    struct pst_slice text; /* without the dot at the end */
    unsigned char address[16];
    size_t address_len; /* 0: a DNS name */
};

static void set_wanted(struct wanted *wanted, const char *name)
{
    *wanted = (struct wanted){.text = pst_slice_str(name)};
    if (wanted->text.len > 1 && name[wanted->text.len - 1] == '.')
        wanted->text.len--;
    if (inet_pton(AF_INET, name, wanted->address) == 1)
        wanted->address_len = 4;
    else if (inet_pton(AF_INET6, name, wanted->address) == 1)
        wanted->address_len = 16;
}

static bool is_dns_match(struct pst_slice pattern, struct pst_slice host)
{
    if (pst_slice_case_eq(pattern, host))
        return true;
    const char *dot = memchr(host.ptr, '.', host.len);
    if (pattern.len < 3 || pattern.ptr[0] != '*' || pattern.ptr[1] != '.' || !dot || dot == host.ptr)
        return false;
    struct pst_slice rest = pst_slice_of(dot, host.len - (size_t)(dot - host.ptr));
    return pst_slice_case_eq(rest, pst_slice_of(pattern.ptr + 1, pattern.len - 1));
}

/* What a look through the names has shown. */
struct seen {
    bool is_match;
    bool is_address_as_name; /* the address is there, but as a DNS name */
    bool has_wide_wildcard;  /* "*.local": nothing but one label behind the star */
    char wide[80];
};

static void look_at(const mbedtls_x509_sequence *name, const struct wanted *wanted, struct seen *seen)
{
    int kind = name->buf.tag & MBEDTLS_ASN1_TAG_VALUE_MASK;
    struct pst_slice text = pst_slice_of((const char *)name->buf.p, name->buf.len);
    if (kind == MBEDTLS_X509_SAN_IP_ADDRESS) {
        seen->is_match = seen->is_match || (wanted->address_len > 0 && text.len == wanted->address_len &&
                                            memcmp(text.ptr, wanted->address, text.len) == 0);
        return;
    }
    if (kind != MBEDTLS_X509_SAN_DNS_NAME)
        return;
    if (wanted->address_len > 0)
        seen->is_address_as_name = seen->is_address_as_name || pst_slice_case_eq(text, wanted->text);
    else
        seen->is_match = seen->is_match || is_dns_match(text, wanted->text);
    if (text.len > 2 && text.ptr[0] == '*' && text.ptr[1] == '.' &&
        !memchr(text.ptr + 2, '.', text.len - 2)) {
        seen->has_wide_wildcard = true;
        (void)snprintf(seen->wide, sizeof(seen->wide), "%.*s", text.len < 79 ? (int)text.len : 79, text.ptr);
    }
}

static struct seen look(const mbedtls_x509_crt *leaf, const char *name)
{
    struct wanted wanted;
    struct seen seen = {0};
    set_wanted(&wanted, name);
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME))
        return seen;
    for (const mbedtls_x509_sequence *at = &leaf->subject_alt_names; at; at = at->next)
        look_at(at, &wanted, &seen);
    return seen;
}

bool pst_tls_chain_names(const struct pst_tls_chain *chain, const char *name)
{
    return look(&chain->certs[0], name).is_match;
}

void pst_tls_check_names(const mbedtls_x509_crt *leaf, const char *name, struct pst_tls_report report)
{
    char remedy[400];
    struct pst_tls_cert_info info;
    pst_tls_cert_describe(leaf, &info);
    (void)snprintf(remedy, sizeof(remedy), "make it anew with this name: postern cert %.255s", name);
    if (!mbedtls_x509_crt_has_ext_type(leaf, MBEDTLS_X509_EXT_SUBJECT_ALT_NAME)) {
        pst_tls_finding(report, PST_TLS_PROBLEM, "names", remedy,
                        "the certificate names no host (no subjectAltName): browsers refuse it, whatever its "
                        "common name \"%s\" says",
                        info.subject);
        return;
    }
    struct seen seen = look(leaf, name);
    if (seen.is_match)
        pst_tls_finding(report, PST_TLS_FINE, "names", NULL, "it is for %s; its names: %s", name, info.names);
    else if (seen.is_address_as_name)
        pst_tls_finding(report, PST_TLS_PROBLEM, "names", remedy,
                        "%s is in the certificate as a DNS name, which browsers pass over: an address must "
                        "stand there as an address (iPAddress)",
                        name);
    else
        pst_tls_finding(report, PST_TLS_PROBLEM, "names", remedy,
                        "it is not for %s: a browser says that the name does not match; its names: %s", name,
                        info.names[0] ? info.names : "none that browsers look at");
    if (seen.has_wide_wildcard)
        pst_tls_finding(report, PST_TLS_WARNING, "wildcard", "name the hosts one by one",
                        "the wildcard %s is directly below a top-level name: browsers do not take it",
                        seen.wide);
}
