/* tls.h - the TLS transport: Mbed TLS as a codec between the socket and two pooled ciphertext buffers. */
#ifndef PST_TRANSPORT_TLS_H
#define PST_TRANSPORT_TLS_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/pool.h"
#include "transport/transport.h"

/* Certificate, key and policy for one worker: nothing in it is shared between threads. */
struct pst_tls_ctx;

/* The versions a context speaks; tests narrow it. */
enum pst_tls_versions { PST_TLS_12_AND_13, PST_TLS_12_ONLY, PST_TLS_13_ONLY };

/* psa_crypto_init and the buffer allocator; once a process, before any other call here, thread-safe. Errors:
 * PST_E_TLS. */
int pst_tls_global_init(void);

/* A server context from PEM or DER bytes in memory: chain (leaf first) and private key.
 * now: seconds since 1970, for the dates. error: receives one line for a person saying what is wrong and what
 * to do; on success "", or a warning of the same kind (such as a chain out of order) that the caller may
 * show. Errors: PST_E_CERT, PST_E_KEY, PST_E_MISMATCH, PST_E_EXPIRED, PST_E_NOTYET, PST_E_CHAIN (over 16 KiB,
 * cannot be sent), PST_E_NOMEM, PST_E_TLS. The caller wipes its copy of the key. */
int pst_tls_ctx_new(struct pst_tls_ctx **ret_ctx, const void *cert, size_t cert_len, const void *key,
                    size_t key_len, int64_t now, char *error, size_t error_cap);
void pst_tls_ctx_versions(struct pst_tls_ctx *ctx, enum pst_tls_versions versions);
/* Wipes the key. No transport of the context may be left. NULL is allowed. */
void pst_tls_ctx_free(struct pst_tls_ctx *ctx);

/* What a context serves, for the banner and the log. */
struct pst_tls_cert_info {
    char subject[256]; /* the leaf's common name, or its first name */
    char issuer[256];
    char names[1024]; /* DNS names and addresses, comma separated, cut with "..." where too many */
    char key[32];     /* "P-256", "RSA-2048" */
    int64_t not_before, not_after; /* seconds since 1970 */
    bool is_self_signed;
};
void pst_tls_ctx_cert_info(const struct pst_tls_ctx *ctx, struct pst_tls_cert_info *ret_info);

/* A server-side TLS transport over a connected non-blocking socket, which it takes over, also on error. ctx
 * and pools belong to the same worker and outlive it. No Mbed TLS state is allocated before the client's
 * first byte. Error: PST_E_NOMEM. */
int pst_tls_new(struct pst_transport **ret_transport, struct pst_tls_ctx *ctx, struct pst_pools *pools,
                int fd, const struct sockaddr *peer, socklen_t peer_len);

/* See pst_tls_version(). */
const char *pst_tls_library(void);

#endif
