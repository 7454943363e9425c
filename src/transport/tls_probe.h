/* tls_probe.h - the client half of Mbed TLS, for looking at a server: what it speaks and serves. Blocking,
 * with a deadline; for tools, not for the server's loop. */
#ifndef PST_TRANSPORT_TLS_PROBE_H
#define PST_TRANSPORT_TLS_PROBE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pst_tls_probe_spec {
    const char *host;  /* sent as server name unless it is an address; NULL: none is sent */
    unsigned version;  /* 0x0303 or 0x0304 alone; 0: both */
    int suite;         /* this one alone; 0: all */
    const char **alpn; /* NULL-terminated; NULL: none is offered */
    unsigned timeout_ms;
};

enum { PST_TLS_PROBE_FIRST_BYTES = 16 };
struct pst_tls_probe_result {
    bool is_done;        /* the handshake was completed */
    bool is_certificate; /* it failed at the server's certificate, which Mbed TLS cannot read */
    unsigned version;
    char suite[64], alpn[32];
    char error[160];                                /* a line for a person where it was not done */
    unsigned char first[PST_TLS_PROBE_FIRST_BYTES]; /* of what the server sent */
    size_t first_len;
    char *chain; /* what it serves, as PEM: malloc'ed, the caller's; NULL where none came */
    size_t chain_len;
};

/* A handshake over a connected socket, which stays the caller's; nothing is verified. Errors (ret_result is
 * filled in all the same, and chain may be set): PST_E_TLS, PST_E_NOMEM. */
int pst_tls_probe(int fd, const struct pst_tls_probe_spec *spec, struct pst_tls_probe_result *ret_result);

/* The suites that can be tried, one by one: 0 ends them. */
const int *pst_tls_probe_suites(void);
const char *pst_tls_probe_suite_name(int suite);
/* The version that a suite belongs to: 0x0303 or 0x0304. */
unsigned pst_tls_probe_suite_version(int suite);
/* Whether it hides records by AEAD; others are outdated. */
bool pst_tls_probe_suite_is_aead(int suite);

/* ---- what Mbed TLS does not speak ---- */

enum pst_tls_old { PST_TLS_OLD_10, PST_TLS_OLD_11, PST_TLS_OLD_STATIC_RSA, PST_TLS_OLD_COUNT };
/* Sends a ClientHello that offers nothing but TLS 1.0, TLS 1.1, or key exchange by static RSA, and looks
 * whether the server goes along. host as above. */
bool pst_tls_probe_old(int fd, enum pst_tls_old old, const char *host, unsigned timeout_ms);

#endif
