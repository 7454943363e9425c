/* tls.h - the TLS transport: Mbed TLS as a codec between the socket and two pooled ciphertext buffers. */
#ifndef PST_TRANSPORT_TLS_H
#define PST_TRANSPORT_TLS_H

#include <stdint.h>
#include <sys/socket.h>

#include "base/pool.h"
#include "postern/slice.h"
#include "transport/transport.h"

/* Policy and randomness for one worker: nothing in it is shared between threads. */
struct pst_tls_ctx;

/* The versions a context speaks; tests narrow it. */
enum pst_tls_versions { PST_TLS_12_AND_13, PST_TLS_12_ONLY, PST_TLS_13_ONLY };

/* psa_crypto_init and the buffer allocator; once a process, before any other call here, thread-safe. Errors:
 * PST_E_TLS. */
int pst_tls_global_init(void);

/* ---- certificates ---- */

/* A chain (leaf first) and its private key, as PEM or DER bytes in memory; a password where the key is
 * encrypted. The caller wipes what is secret. */
struct pst_tls_pem {
    const void *cert, *key;
    size_t cert_len, key_len;
    const char *password; /* NUL-terminated; NULL: none */
};

/* Certificates of one worker, parsed: RSA keys are changed by use, so workers do not share them. It never
 * changes, and is counted, by one thread. */
struct pst_tls_certs;

/* All of pems, at least one; the first is for clients that ask for no name, or for one that no certificate
 * has. now: seconds since 1970, for the dates. error: receives one line for a person saying what is wrong
 * with number *ret_bad and what to do; on success "", or a warning of the same kind (such as a chain out of
 * order) about the last of pems that the caller may show. Errors: PST_E_CERT, PST_E_KEY, PST_E_MISMATCH,
 * PST_E_EXPIRED, PST_E_NOTYET, PST_E_CHAIN (over 16 KiB, cannot be sent), PST_E_NOMEM, PST_E_TLS. */
int pst_tls_certs_new(struct pst_tls_certs **ret_certs, const struct pst_tls_pem *pems, size_t count,
                      int64_t now, size_t *ret_bad, char *error, size_t error_cap);
/* The same for one more worker, from pems that were found good: they are not checked again. error: as above,
 * without warnings. Errors: PST_E_NOMEM, PST_E_TLS, and what unlike bytes lead to. */
int pst_tls_certs_new_again(struct pst_tls_certs **ret_certs, const struct pst_tls_pem *pems, size_t count,
                            char *error, size_t error_cap);
/* One more, behind those in *certs, which nobody uses yet (NULL: there are none, and a set is made). On error
 * all is as before. error: as above. */
int pst_tls_certs_extend(struct pst_tls_certs **certs, const struct pst_tls_pem *pem, int64_t now,
                         char *error, size_t error_cap);
struct pst_tls_certs *pst_tls_certs_ref(struct pst_tls_certs *certs);
/* The last one wipes the keys. NULL is allowed. */
void pst_tls_certs_unref(struct pst_tls_certs *certs);
size_t pst_tls_certs_count(const struct pst_tls_certs *certs);
/* Whether one of them has host, a name or an address (IPv6 in brackets), among its names. */
bool pst_tls_certs_have(const struct pst_tls_certs *certs, struct pst_slice host);
/* fn is asked which one to serve for a name, before the usual choice; -1 leaves it to that. NULL: nobody is.
 */
void pst_tls_certs_on_sni(struct pst_tls_certs *certs,
                          int (*fn)(struct pst_slice name, size_t count, void *arg), void *arg);

/* Clients are asked for a certificate from this CA (PEM or DER; several may be in it), and refused without
 * one if is_required; one that is shown must be good. certs NULL: only checks the file. Before certs is used,
 * once. Errors and line as above. No tickets are opened for them. */
int pst_tls_certs_client_ca(struct pst_tls_certs *certs, const void *data, size_t len, bool is_required,
                            int64_t now, char *error, size_t error_cap);

/* ---- contexts ---- */

/* A server context that serves certs, which it refers to. error as above. Errors: PST_E_NOMEM, PST_E_TLS. */
int pst_tls_ctx_new(struct pst_tls_ctx **ret_ctx, struct pst_tls_certs *certs, char *error, size_t error_cap);
/* From now on new handshakes get certs; connections that are there keep what they began with. On the worker's
 * thread.
 */
void pst_tls_ctx_set_certs(struct pst_tls_ctx *ctx, struct pst_tls_certs *certs);
struct pst_tls_certs *pst_tls_ctx_certs(const struct pst_tls_ctx *ctx);
/* Gives out tickets sealed by these keys, and resumes sessions by them. Before the first transport; tickets
 * outlives ctx. Errors: PST_E_NOMEM, PST_E_TLS. */
struct pst_tls_tickets;
int pst_tls_ctx_set_tickets(struct pst_tls_ctx *ctx, struct pst_tls_tickets *tickets);
void pst_tls_ctx_versions(struct pst_tls_ctx *ctx, enum pst_tls_versions versions);
/* No transport of the context may be left. NULL is allowed. */
void pst_tls_ctx_free(struct pst_tls_ctx *ctx);

/* What a certificate says, for the banner and the log. */
struct pst_tls_cert_info {
    char subject[256]; /* the leaf's common name, or its first name */
    char issuer[256];
    char names[1024]; /* DNS names and addresses, comma separated, cut with "..." where too many */
    char key[32];     /* "P-256", "RSA-2048" */
    int64_t not_before, not_after; /* seconds since 1970 */
    bool is_self_signed;
};
void pst_tls_certs_info(const struct pst_tls_certs *certs, size_t i, struct pst_tls_cert_info *ret_info);

/* A server-side TLS transport over a connected non-blocking socket, which it takes over, also on error. ctx
 * and pools belong to the same worker and outlive it. No Mbed TLS state is allocated before the client's
 * first byte. Error: PST_E_NOMEM. */
int pst_tls_new(struct pst_transport **ret_transport, struct pst_tls_ctx *ctx, struct pst_pools *pools,
                int fd, const struct sockaddr *peer, socklen_t peer_len);

/* See pst_tls_version(). */
const char *pst_tls_library(void);

#endif
