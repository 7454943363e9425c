/* tls_internal.h - what the files of the TLS transport share: the context, certificates, names of failures.
 */
#ifndef PST_TRANSPORT_TLS_INTERNAL_H
#define PST_TRANSPORT_TLS_INTERNAL_H

#include <mbedtls/ctr_drbg.h>
#include <mbedtls/entropy.h>
#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>
#include <mbedtls/ssl_ticket.h>
#include <mbedtls/x509_crt.h>

#include "postern/export.h"
#include "postern/slice.h"
#include "transport/tls.h"
#include "transport/tls_tickets.h"

#if !defined(MBEDTLS_THREADING_C)
#error "Mbed TLS must be built with MBEDTLS_THREADING_C: workers are threads and PSA's key store is shared"
#endif

/* Randomness of one thread. */
struct pst_tls_random {
    mbedtls_entropy_context entropy;
    mbedtls_ctr_drbg_context rng;
};

struct pst_tls_pair {
    mbedtls_x509_crt chain; /* leaf first */
    /* The worker's own copy: an RSA private operation changes its blinding values. */
    mbedtls_pk_context key;
};

enum { PST_TLS_FINGERPRINT_BYTES = 32 };

struct pst_tls_certs {
    unsigned refs;
    uint8_t fingerprint[PST_TLS_FINGERPRINT_BYTES]; /* SHA-256 over all leaves, in their order */
    int (*on_sni)(struct pst_slice name, size_t count, void *arg);
    void *on_sni_arg;
    mbedtls_x509_crt *client_ca; /* NULL: clients show no certificates */
    bool requires_client;
    size_t count;
    struct pst_tls_pair **pairs;
};

struct pst_tls_ctx {
    mbedtls_ssl_config conf;
    struct pst_tls_random random;
    struct pst_tls_certs *certs; /* what new handshakes get */
    enum pst_tls_versions versions;
    /* tls_resume.c */
    mbedtls_ssl_ticket_context ticket;
    struct pst_tls_tickets *tickets; /* NULL: none are given out */
    uint64_t ticket_generation;      /* of the secrets that ticket's keys were made from */
    uint8_t ticket_fingerprint[PST_TLS_FINGERPRINT_BYTES]; /* likewise: of the certificates */
    bool has_opened_ticket;                                /* set within the handshake call that did */
};

/* One line for a person. */
struct pst_tls_line {
    char *text;
    size_t cap;
};
void pst_tls_say(struct pst_tls_line line, const char *format, ...) PST_PRINTF(2, 3);

/* Errors: PST_E_TLS. fini works also after a failed init. */
int pst_tls_random_init(struct pst_tls_random *random, struct pst_tls_line line);
void pst_tls_random_fini(struct pst_tls_random *random);

/* Reads chain and key into pair. Errors and line as pst_tls_certs_new. */
int pst_tls_cert_load(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng, const struct pst_tls_pem *pem,
                      struct pst_tls_line line);
/* Checks them. Likewise. */
int pst_tls_cert_check(struct pst_tls_pair *pair, mbedtls_ctr_drbg_context *rng, int64_t now,
                       struct pst_tls_line line);
/* The key alone. */
int pst_tls_key_load(mbedtls_pk_context *key, mbedtls_ctr_drbg_context *rng, const struct pst_tls_pem *pem,
                     struct pst_tls_line line);
void pst_tls_cert_describe(const mbedtls_x509_crt *leaf, struct pst_tls_cert_info *ret_info);

int64_t pst_tls_unix_time(const mbedtls_x509_time *t);
/* Whom it names: the common name, else the first DNS name, address or mail address, else the whole subject.
 * What could garble a terminal or a list shows as "?". */
void pst_tls_cert_name(const mbedtls_x509_crt *crt, char *text, size_t cap);

enum { PST_TLS_CLIENT_NAME_BYTES = 256 };
void pst_tls_client_ca_free(struct pst_tls_certs *certs);
/* In the handshake: asks the client for its certificate, if certs say so. */
void pst_tls_client_ask(mbedtls_ssl_context *ssl, struct pst_tls_certs *certs);
/* After it: 0 and the client's verified name (the caller's to free; NULL where none was shown), or Mbed TLS's
 * error for it. */
int pst_tls_client_check(const mbedtls_ssl_context *ssl, const struct pst_tls_certs *certs, char **ret_name);
/* The named cause where the client's certificate was refused, and the alert that tells it. */
const char *pst_tls_client_refusal(const mbedtls_ssl_context *ssl, unsigned char *ret_alert);

/* For mbedtls_ssl_conf_cert_cb(): ssl's user data is the set to choose from. */
int pst_tls_certs_choose(mbedtls_ssl_context *ssl);

/* Whether text occurs in the bytes. */
bool pst_tls_holds(const void *data, size_t len, const char *text);
/* A copy that ends in NUL, as Mbed TLS wants PEM; NULL when out of memory. */
unsigned char *pst_tls_terminated(const void *data, size_t len);
/* Mbed TLS's text for its error. */
const char *pst_tls_describe(int error);
/* Says so, and is PST_E_NOMEM. */
int pst_tls_out_of_memory(struct pst_tls_line line);

/* The named cause of a failed Mbed TLS call on ssl, for the log; never NULL, static. */
const char *pst_tls_cause(mbedtls_ssl_context *ssl, int error);
/* The fatal alert that tells the peer of it (RFC 8446 6.2 Error Alerts), or 0 where none fits: the peer sent
 * one itself, or is gone. */
unsigned char pst_tls_alert(const mbedtls_ssl_context *ssl, int error);

#endif
