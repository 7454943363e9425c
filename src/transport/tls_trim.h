/* tls_trim.h - what Mbed TLS holds for a connection beyond what the connection needs, given back.
 *
 * This reaches into Mbed TLS's structures, so most of it is done only to a library that we build ourselves.
 */
#ifndef PST_TRANSPORT_TLS_TRIM_H
#define PST_TRANSPORT_TLS_TRIM_H

#include <stdbool.h>

#include <mbedtls/ssl.h>

/* What a trimmed connection keeps outside of Mbed TLS; begins as zeros. */
struct pst_tls_rest {
    bool was_trimmed;
    bool is_asleep;
    unsigned char counter[8]; /* of the records received: Mbed TLS has it in the input buffer */
};

/* After the handshake, once: its state, secrets and certificates go. Neither mbedtls_ssl_get_ciphersuite()
 * nor anything else about the session can be asked for from then on. */
void pst_tls_settle(mbedtls_ssl_context *ssl);

/* Gives back the record buffers' memory and what the keys expand to, of a connection that is settled, if
 * nothing is under way in it; otherwise does nothing. Writing needs no preparation then. */
void pst_tls_trim(mbedtls_ssl_context *ssl, struct pst_tls_rest *rest);
/* Before mbedtls_ssl_read(), if rest->is_asleep. */
void pst_tls_wake(mbedtls_ssl_context *ssl, struct pst_tls_rest *rest);

/* In place of mbedtls_ssl_free(). */
void pst_tls_end(mbedtls_ssl_context *ssl, const struct pst_tls_rest *rest);

#endif
