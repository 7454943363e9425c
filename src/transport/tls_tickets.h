/* tls_tickets.h - the keys that session tickets are sealed with: shared by all workers, renewed while they
 * serve.
 *
 * A ticket (RFC 5077, RFC 8446 4.6.1) holds a session's secrets, sealed so that only we can read them: a
 * client that shows one need not be signed for again. What the tickets' key is made from is the same for all
 * workers (and, where it comes from files, for several machines); the key itself also depends on the
 * certificates that are served, so that a ticket from before a change of them is no good any more. */
#ifndef PST_TRANSPORT_TLS_TICKETS_H
#define PST_TRANSPORT_TLS_TICKETS_H

#include <stddef.h>
#include <stdint.h>

/* One secret; what nginx and OpenSSL keep in such files has 48 or 80 bytes. */
enum { PST_TICKET_SECRET_BYTES = 48 };

/* How long a ticket is good, and so how long its secret must be kept. */
enum { PST_TICKET_LIFETIME_S = 24 * 3600 };

struct pst_tls_tickets;

/* With a random secret. Errors: PST_E_NOMEM, PST_E_TLS (no randomness), PST_E_SYSTEM. */
int pst_tls_tickets_new(struct pst_tls_tickets **ret_tickets);
/* Wipes the secrets. No context may use it any more. NULL is allowed. */
void pst_tls_tickets_free(struct pst_tls_tickets *tickets);

/* All of these: any thread. */

/* A new random secret for new tickets; the one before still opens those that it sealed. To be called less
 * often than once in half the lifetime, more often than once in the lifetime. Errors: PST_E_TLS. */
int pst_tls_tickets_rotate(struct pst_tls_tickets *tickets);
/* Takes these secrets: current for new tickets, previous (may be NULL) for those that were sealed with it. */
void pst_tls_tickets_set(struct pst_tls_tickets *tickets, const uint8_t current[PST_TICKET_SECRET_BYTES],
                         const uint8_t previous[PST_TICKET_SECRET_BYTES]);
/* Grows with each change. */
uint64_t pst_tls_tickets_generation(const struct pst_tls_tickets *tickets);
/* Copies both secrets, previous all zero where there is none, and returns their generation. The caller wipes
 * them. */
uint64_t pst_tls_tickets_get(struct pst_tls_tickets *tickets, uint8_t ret_current[PST_TICKET_SECRET_BYTES],
                             uint8_t ret_previous[PST_TICKET_SECRET_BYTES]);

#endif
