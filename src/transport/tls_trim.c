/* tls_trim.c - see tls_trim.h. */
#include "transport/tls_trim.h"

#include <string.h>

#include <mbedtls/platform.h>

#include "accel/accel.h"
#include "transport/tls_memory.h"

#if defined(POSTERN_OWN_MBEDTLS)

/* These are in no public header, so only a library of a known version, built by ourselves, is asked. */

/* Mbed TLS 3.6 keeps the state of a TLS 1.3 handshake (5.5 KB with its keys and hashes) for the life of the
 * connection; this function of its TLS 1.2 half frees it, and all code after a handshake is ready to find it
 * gone. */
void mbedtls_ssl_handshake_wrapup_free_hs_transform(mbedtls_ssl_context *ssl);
void mbedtls_ssl_transform_free(mbedtls_ssl_transform *transform);

/* The transform that TLS 1.2 would have used: Mbed TLS makes one for every handshake. */
static void drop_transform(mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_transform *unused = ssl->MBEDTLS_PRIVATE(transform);
    if (!unused || unused == ssl->MBEDTLS_PRIVATE(transform_in) ||
        unused == ssl->MBEDTLS_PRIVATE(transform_out))
        return;
    mbedtls_ssl_transform_free(unused);
    mbedtls_free(unused);
    ssl->MBEDTLS_PRIVATE(transform) = NULL;
}

/* The master secret, the client's certificates: for resumption, renegotiation and exporters. Tickets have
 * been sent by now. What an open connection looks up is the size of records, where a smaller one was agreed
 * on. */
static void drop_session(mbedtls_ssl_context *ssl)
{
    mbedtls_ssl_session *session = ssl->MBEDTLS_PRIVATE(session);
    if (!session || session->MBEDTLS_PRIVATE(mfl_code) != MBEDTLS_SSL_MAX_FRAG_LEN_NONE)
        return;
    if (ssl->MBEDTLS_PRIVATE(session_in) == session)
        ssl->MBEDTLS_PRIVATE(session_in) = NULL;
    if (ssl->MBEDTLS_PRIVATE(session_out) == session)
        ssl->MBEDTLS_PRIVATE(session_out) = NULL;
    ssl->MBEDTLS_PRIVATE(session) = NULL;
    mbedtls_ssl_session_free(session); /* wipes it */
    mbedtls_free(session);
}

void pst_tls_settle(mbedtls_ssl_context *ssl)
{
    if (ssl->MBEDTLS_PRIVATE(handshake))
        mbedtls_ssl_handshake_wrapup_free_hs_transform(ssl);
    drop_transform(ssl);
    drop_session(ssl);
}

#else

void pst_tls_settle(mbedtls_ssl_context *ssl)
{
    (void)ssl;
}

#endif

static bool is_quiet(const mbedtls_ssl_context *ssl)
{
    return mbedtls_ssl_get_bytes_avail(ssl) == 0 && mbedtls_ssl_check_pending(ssl) == 0 &&
           /* A record, or a handshake message of several records, that has come in part. */
           ssl->MBEDTLS_PRIVATE(in_left) == 0 && ssl->MBEDTLS_PRIVATE(badmac_seen_or_in_hsfraglen) == 0 &&
           ssl->MBEDTLS_PRIVATE(out_left) == 0;
}

void pst_tls_trim(mbedtls_ssl_context *ssl, struct pst_tls_rest *rest)
{
    if (!is_quiet(ssl))
        return;
#if defined(POSTERN_ACCEL_GCM)
    pst_accel_trim(ssl);
#endif
    /* The output buffer keeps nothing between two records. */
    rest->was_trimmed = true;
    (void)pst_tls_memory_trim(ssl->MBEDTLS_PRIVATE(out_buf));
    if (rest->is_asleep)
        return;
    /* Of the input buffer one thing counts: the number of records received (RFC 8446 5.3), at its begin. */
    memcpy(rest->counter, ssl->MBEDTLS_PRIVATE(in_ctr), sizeof(rest->counter));
    rest->is_asleep = pst_tls_memory_trim(ssl->MBEDTLS_PRIVATE(in_buf));
}

void pst_tls_wake(mbedtls_ssl_context *ssl, struct pst_tls_rest *rest)
{
    rest->is_asleep = false;
    memcpy(ssl->MBEDTLS_PRIVATE(in_ctr), rest->counter, sizeof(rest->counter));
}

void pst_tls_end(mbedtls_ssl_context *ssl, const struct pst_tls_rest *rest)
{
    /* Mbed TLS wipes all of both buffers. For that it would bring back the pages that went when the
     * connection was last idle, most of which have not been used since. */
    if (rest->was_trimmed && pst_tls_memory_drop(ssl->MBEDTLS_PRIVATE(in_buf)))
        ssl->MBEDTLS_PRIVATE(in_buf) = NULL;
    if (rest->was_trimmed && pst_tls_memory_drop(ssl->MBEDTLS_PRIVATE(out_buf)))
        ssl->MBEDTLS_PRIVATE(out_buf) = NULL;
    mbedtls_ssl_free(ssl);
}
