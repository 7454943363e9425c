/* tls_cause.c - why a TLS connection failed, in words for the log. */
#include "transport/tls_internal.h"

#include <mbedtls/error.h>

/* RFC 8446 6 Alert Protocol; RFC 5246 7.2 for those that only TLS 1.2 has. */
static const struct {
    unsigned char number;
    const char *cause;
} received_alerts[] = {
    {0, "client closed during TLS handshake"},
    {10, "client alert: unexpected message"},
    {20, "client alert: bad record MAC"},
    {21, "client alert: decryption failed"},
    {22, "client alert: record overflow"},
    {40, "client alert: handshake failure"},
    {42, "client rejected our certificate (bad certificate)"},
    {43, "client rejected our certificate (unsupported kind)"},
    {44, "client rejected our certificate (revoked)"},
    {45, "client rejected our certificate (expired)"},
    {46, "client rejected our certificate (certificate unknown)"},
    {47, "client alert: illegal parameter"},
    {48, "client rejected our certificate (unknown CA)"},
    {49, "client alert: access denied"},
    {50, "client alert: decode error"},
    {51, "client alert: decrypt error"},
    {70, "client alert: no TLS version in common"},
    {71, "client alert: insufficient security"},
    {80, "client alert: internal error"},
    {86, "client alert: inappropriate fallback"},
    {90, "client gave up the TLS handshake"},
    {109, "client alert: missing extension"},
    {110, "client alert: unsupported extension"},
    {112, "client alert: unrecognized name"},
    {116, "client alert: certificate required"},
    {120, "client alert: no application protocol in common"},
};

/* alert: what tells the peer, where Mbed TLS has not done so itself. */
static const struct {
    int error;
    unsigned char alert;
    const char *cause;
} errors[] = {
    {MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION, MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION,
     "no TLS version in common"},
    {MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL,
     "no application protocol in common"},
    {MBEDTLS_ERR_SSL_NO_CLIENT_CERTIFICATE, MBEDTLS_SSL_ALERT_MSG_CERT_REQUIRED,
     "client showed no certificate"},
    {MBEDTLS_ERR_SSL_CONN_EOF, 0, "client closed during TLS handshake"},
    {MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY, 0, "client closed during TLS handshake"},
    {MBEDTLS_ERR_SSL_INVALID_MAC, MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC, "TLS record failed authentication"},
    /* A length over that of the largest record (RFC 8446 5.2); Mbed TLS has no error of its own for it. */
    {MBEDTLS_ERR_SSL_BAD_INPUT_DATA, MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW, "TLS record too large"},
    {MBEDTLS_ERR_SSL_INVALID_RECORD, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "malformed TLS record"},
    {MBEDTLS_ERR_SSL_DECODE_ERROR, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR, "malformed TLS message"},
    {MBEDTLS_ERR_SSL_ILLEGAL_PARAMETER, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER,
     "illegal parameter in a TLS message"},
    {MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE, "unexpected TLS message"},
    {MBEDTLS_ERR_SSL_UNSUPPORTED_EXTENSION, MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_EXT,
     "unsupported TLS extension"},
    {MBEDTLS_ERR_SSL_UNRECOGNIZED_NAME, MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME, "unknown server name"},
    {MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE, "TLS handshake failed"},
    {MBEDTLS_ERR_SSL_COUNTER_WRAPPING, 0, "TLS record counter used up"},
    {MBEDTLS_ERR_SSL_ALLOC_FAILED, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, "out of memory in TLS"},
    {MBEDTLS_ERR_SSL_BUFFER_TOO_SMALL, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR, "TLS message too large"},
};

static const char *received_alert(unsigned char number)
{
    for (size_t i = 0; i < sizeof(received_alerts) / sizeof(received_alerts[0]); i++)
        if (received_alerts[i].number == number)
            return received_alerts[i].cause;
    return "client alert of an unknown kind";
}

/* Mbed TLS has one error for every way of not agreeing; how far the handshake came tells them apart. */
static const char *disagreement(const mbedtls_ssl_context *ssl)
{
    const mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session_negotiate);
    switch (ssl->MBEDTLS_PRIVATE(state)) {
    case MBEDTLS_SSL_HELLO_REQUEST:
    case MBEDTLS_SSL_CLIENT_HELLO:
    case MBEDTLS_SSL_HELLO_RETRY_REQUEST:
        if (session && session->MBEDTLS_PRIVATE(ciphersuite) == 0)
            return "no cipher suite in common";
        return "no key exchange group in common";
    case MBEDTLS_SSL_SERVER_CERTIFICATE:
    case MBEDTLS_SSL_CERTIFICATE_VERIFY:
    case MBEDTLS_SSL_SERVER_KEY_EXCHANGE:
        return "client takes no signature that our key can make";
    default:
        return "TLS handshake failed";
    }
}

const char *pst_tls_cause(mbedtls_ssl_context *ssl, int error)
{
    /* An alert that was received is still where it was decrypted to; there is no accessor. */
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        return received_alert(ssl->MBEDTLS_PRIVATE(in_msg)[1]);
    /* OpenSSL's client, not liking our certificate, says so in the clear, before its first encrypted record.
     * That is no valid record (and may come from anybody on the way), but it is what happened. */
    const unsigned char *record = ssl->MBEDTLS_PRIVATE(in_hdr);
    if (error == MBEDTLS_ERR_SSL_INVALID_MAC && !mbedtls_ssl_is_handshake_over(ssl) &&
        record[0] == MBEDTLS_SSL_MSG_ALERT && record[3] == 0 && record[4] == 2)
        return received_alert(record[6]);
    unsigned char alert;
    if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE)
        return pst_tls_client_refusal(ssl, &alert);
    if (error == MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE)
        return disagreement(ssl);
    /* RFC 8446 4.6.3 Key and Initialization Vector Update: Mbed TLS 3.6 does not implement it and ends the
     * connection (its issue 10881). Named, because it is no fault of the client's. */
    if (error == MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE && mbedtls_ssl_is_handshake_over(ssl) &&
        ssl->MBEDTLS_PRIVATE(in_msgtype) == MBEDTLS_SSL_MSG_HANDSHAKE &&
        ssl->MBEDTLS_PRIVATE(in_msg)[0] == 24)
        return "client asked for a TLS key update, which Mbed TLS cannot do";
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].error == error)
            return errors[i].cause;
#if defined(MBEDTLS_ERROR_C)
    const char *text = mbedtls_high_level_strerr(error);
    if (!text)
        text = mbedtls_low_level_strerr(error);
    if (text)
        return text;
#endif
    return "TLS failed";
}

unsigned char pst_tls_alert(const mbedtls_ssl_context *ssl, int error)
{
    unsigned char alert;
    if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
        return 0;
    if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED || error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE) {
        (void)pst_tls_client_refusal(ssl, &alert);
        return alert;
    }
    for (size_t i = 0; i < sizeof(errors) / sizeof(errors[0]); i++)
        if (errors[i].error == error)
            return errors[i].alert;
    return MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR;
}
