/* tls_client_cert.c - client certificates: the CA that they must come from, what is wrong with one, and whom
 * one names. */
#include <stdlib.h>
#include <string.h>

#include <mbedtls/error.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

/* ---- the CA's file ---- */

static int read_ca(mbedtls_x509_crt *ca, const void *data, size_t len, struct pst_tls_line line)
{
    unsigned char *copy = pst_tls_terminated(data, len);
    if (!copy)
        return pst_tls_out_of_memory(line);
    bool is_pem = pst_tls_holds(data, len, "-----BEGIN CERTIFICATE-----");
    int result =
        is_pem ? mbedtls_x509_crt_parse(ca, copy, len + 1) : mbedtls_x509_crt_parse_der(ca, copy, len);
    free(copy);
    if (result == MBEDTLS_ERR_X509_ALLOC_FAILED)
        return pst_tls_out_of_memory(line);
    if (result == 0)
        return 0;
    if (result > 0)
        pst_tls_say(line, "%d of the certificates in this file cannot be read; remove or replace them",
                    result);
    else
        pst_tls_say(line,
                    "the certificate cannot be read (%s); give that of the CA that signs client "
                    "certificates, as PEM or DER",
                    pst_tls_describe(result));
    return PST_E_CERT;
}

/* At least one must be able to vouch for a client now. */
static int check_ca(const mbedtls_x509_crt *ca, int64_t now, struct pst_tls_line line)
{
    bool has_ca = false;
    for (const mbedtls_x509_crt *crt = ca; crt; crt = crt->next) {
        if (!mbedtls_x509_crt_get_ca_istrue(crt))
            continue;
        has_ca = true;
        if (now <= pst_tls_unix_time(&crt->valid_to))
            return 0;
    }
    if (has_ca) {
        pst_tls_say(line, "%s",
                    "the CA's certificate has ended: no client's would be accepted; get the new one");
        return PST_E_EXPIRED;
    }
    pst_tls_say(line, "%s",
                "this is no CA's certificate (basicConstraints does not say so); give that of the CA that "
                "signs client certificates");
    return PST_E_CERT;
}

int pst_tls_certs_client_ca(struct pst_tls_certs *certs, const void *data, size_t len, bool is_required,
                            int64_t now, char *error, size_t error_cap)
{
    struct pst_tls_line line = {error, error_cap};
    if (error_cap > 0)
        error[0] = '\0';
    mbedtls_x509_crt *ca = calloc(1, sizeof(*ca));
    if (!ca)
        return pst_tls_out_of_memory(line);
    mbedtls_x509_crt_init(ca);
    int err = read_ca(ca, data, len, line);
    if (err == 0)
        err = check_ca(ca, now, line);
    if (err != 0 || !certs) {
        mbedtls_x509_crt_free(ca);
        free(ca);
        return err;
    }
    certs->client_ca = ca;
    certs->requires_client = is_required;
    return 0;
}

void pst_tls_client_ca_free(struct pst_tls_certs *certs)
{
    if (!certs->client_ca)
        return;
    mbedtls_x509_crt_free(certs->client_ca);
    free(certs->client_ca);
    certs->client_ca = NULL;
}

void pst_tls_client_ask(mbedtls_ssl_context *ssl, struct pst_tls_certs *certs)
{
    if (!certs->client_ca)
        return;
    mbedtls_ssl_set_hs_ca_chain(ssl, certs->client_ca, NULL);
    /* In TLS 1.3 an alert that Mbed TLS sends before the client's Finished is sealed with the handshake's
     * keys, when clients already read with those for data (RFC 8446 A.2 Server): they cannot make it out. So
     * it is told to go on, and pst_tls_client_check() refuses when the right keys are in place, before any
     * data. */
    bool is_strict =
        certs->requires_client && mbedtls_ssl_get_version_number(ssl) == MBEDTLS_SSL_VERSION_TLS1_2;
    mbedtls_ssl_set_hs_authmode(ssl, is_strict ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_OPTIONAL);
}

/* ---- what is wrong with one ---- */

/* The first that applies is told; RFC 8446 6.2 for the alerts. */
static const struct {
    uint32_t flags;
    unsigned char alert;
    const char *cause;
} refusals[] = {
    {MBEDTLS_X509_BADCERT_NOT_TRUSTED, MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA,
     "client certificate is not from our client CA"},
    {MBEDTLS_X509_BADCERT_EXPIRED, MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED, "client certificate has ended"},
    {MBEDTLS_X509_BADCERT_FUTURE, MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED, "client certificate is not valid yet"},
    {MBEDTLS_X509_BADCERT_KEY_USAGE | MBEDTLS_X509_BADCERT_EXT_KEY_USAGE | MBEDTLS_X509_BADCERT_NS_CERT_TYPE,
     MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT,
     "client certificate is for another use (keyUsage, extendedKeyUsage)"},
    {MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
     MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT, "client certificate's key or signature is too weak"},
};

static uint32_t refusal_flags(const mbedtls_ssl_context *ssl)
{
    uint32_t flags = mbedtls_ssl_get_verify_result(ssl);
    return flags == UINT32_MAX
               ? 0
               : flags & ~(uint32_t)(MBEDTLS_X509_BADCERT_MISSING | MBEDTLS_X509_BADCERT_SKIP_VERIFY);
}

const char *pst_tls_client_refusal(const mbedtls_ssl_context *ssl, unsigned char *ret_alert)
{
    uint32_t flags = refusal_flags(ssl);
    *ret_alert = MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
    for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
        if (flags & refusals[i].flags) {
            *ret_alert = refusals[i].alert;
            return refusals[i].cause;
        }
    return "client certificate was refused";
}

int pst_tls_client_check(const mbedtls_ssl_context *ssl, const struct pst_tls_certs *certs, char **ret_name)
{
    *ret_name = NULL;
    const mbedtls_x509_crt *crt = certs->client_ca ? mbedtls_ssl_get_peer_cert(ssl) : NULL;
    if (!crt)
        return certs->client_ca && certs->requires_client ? MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE : 0;
    /* Where it is optional, Mbed TLS goes on with one that it could not verify. */
    if (mbedtls_ssl_get_verify_result(ssl) != 0)
        return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
    char name[PST_TLS_CLIENT_NAME_BYTES];
    pst_tls_cert_name(crt, name, sizeof(name));
    *ret_name = strdup(name);
    return *ret_name ? 0 : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}
