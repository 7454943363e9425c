/* tls.h - what the TLS door serves: certificates by name, and putting new ones in their place while it
 * serves.
 *
 * pst_server_certificate() is enough for one. */
#ifndef POSTERN_TLS_H
#define POSTERN_TLS_H

#include <stdbool.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/server.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

/* Adds a certificate chain (leaf first) with its private key: PEM or DER files; the key as PKCS #8, SEC 1 or
 * PKCS #1, or PKCS #8 under the password that is the first line of password_file (NULL: none). Before
 * pst_server_start().
 *
 * A client gets the certificate whose subjectAltName has the name that it asks for, whole names before
 * wildcards. Where several have it (the same name with an EC and with an RSA key) the client's order of
 * signatures decides in TLS 1.3, and EC comes first in TLS 1.2. One that asks for no name, an address, or a
 * name that none has gets the certificate that was added first. Errors: as of pst_server_certificate(). */
PST_API int pst_tls_add(struct pst_server *server, const char *cert_file, const char *key_file,
                        const char *password_file);

/* What is spoken: always forward secrecy and authenticated encryption only. */
enum pst_tls_policy {
    PST_TLS_INTERMEDIATE, /* TLS 1.3 and 1.2; what there is without this call */
    PST_TLS_MODERN,       /* TLS 1.3 alone: for visitors who all have software from after 2018 */
};
/* Before pst_server_start(). Errors: PST_E_STATE, PST_E_INVAL. */
PST_API int pst_tls_profile(struct pst_server *server, enum pst_tls_policy policy);

/* Clients are asked for a certificate that a CA of ca_file (PEM or DER; it may hold several) has signed. One
 * that is shown must be good: signed so, within its dates, and for clients (extendedKeyUsage, where it has
 * any); else the handshake fails, as it does without one if is_required. Whom it names is
 * pst_peer_info.client. There are no session tickets then: a session that is resumed would not tell who the
 * client is. pst_tls_reload() reads ca_file as well. Before pst_server_start(). Errors: PST_E_NOENT,
 * PST_E_ACCESS, PST_E_CERT, PST_E_EXPIRED, PST_E_STATE, PST_E_NOMEM. */
PST_API int pst_tls_client_ca(struct pst_server *server, const char *ca_file, bool is_required);

/* Reads all certificate files anew, and what else came from files for this door (client CA, ticket keys). New
 * connections get what they hold now, on all workers; those that are there are not touched. Where one of the
 * files cannot be used all stays as it was, and why (may be NULL; at least 256 bytes) says in one line what
 * is wrong. Any thread but a worker's, while the server runs; returns when all workers have them. Errors: as
 * of pst_tls_add(); PST_E_STATE. */
PST_API int pst_tls_reload(struct pst_server *server, char *why, size_t why_size);

/* Reloads by itself whenever one of the files, or a link that leads to it, was replaced or written. What came
 * of it goes to the observer's on_notice. Before pst_server_start(). Errors: PST_E_SYSTEM, PST_E_NOMEM,
 * PST_E_STATE. */
PST_API int pst_tls_watch(struct pst_server *server);

/* Makes the certificates of a local CA (what "postern cert" or scripts/mkcert.sh made, with the CA's key
 * still beside it) anew before they end, and where covers_addresses also when this machine has addresses that
 * they are not for: at the start, whenever addresses change, and every 12 hours. No other file is touched.
 * What was done goes to the observer's on_notice. Implies pst_tls_watch(). Before pst_server_start(). Error:
 * PST_E_STATE. */
PST_API int pst_tls_renew_local(struct pst_server *server, bool covers_addresses);

/* Session tickets are given out unless is_on is false: clients that come back need no signature of ours.
 * Their keys are made anew every 12 hours, and whenever other certificates are served. Before
 * pst_server_start(). */
PST_API int pst_tls_tickets(struct pst_server *server, bool is_on);
/* Their secrets come from path, so that several machines can open each other's tickets: a file of 48 bytes
 * (or 80: nginx's form, of which the first 48 count) of randomness; or a folder of such files, of which the
 * last by name seals, and the one before it still opens. It is read anew when it changes. Before
 * pst_server_start(). Errors: PST_E_NOENT, PST_E_ACCESS, PST_E_INVAL (nothing usable in it, or others may
 * read it), PST_E_IO, PST_E_NOMEM. */
PST_API int pst_tls_ticket_keys(struct pst_server *server, const char *path);

/* fn chooses the certificate for a name that a client asks for (empty: none was asked for): its number, in
 * the order of adding, or -1 for the usual choice. Called on a worker's thread in the middle of a handshake:
 * it must not block, and arg is shared by all workers. Before pst_server_start(). */
PST_API int pst_tls_on_sni(struct pst_server *server,
                           int (*fn)(struct pst_slice name, size_t count, void *arg), void *arg);

PST_END_DECLS

#endif
