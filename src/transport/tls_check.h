/* tls_check.h - what a browser would object to in a certificate chain, in words, and how to mend it. Bytes
 * come in, findings go out; files, stores and sockets are the caller's. */
#ifndef PST_TRANSPORT_TLS_CHECK_H
#define PST_TRANSPORT_TLS_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/slice.h"
#include "transport/tls.h"

enum pst_tls_grade { PST_TLS_FINE, PST_TLS_WARNING, PST_TLS_PROBLEM };

/* One finding. topic: a word that tells kinds of findings apart, such as "names". text may hold bytes of a
 * certificate: it is to be cleaned before a terminal sees it. remedy: what to do; NULL where nothing is. Both
 * are fn's until it returns. */
typedef void pst_tls_finding_fn(void *arg, enum pst_tls_grade grade, const char *topic, const char *text,
                                const char *remedy);
struct pst_tls_report {
    pst_tls_finding_fn *fn;
    void *arg;
};

enum {
    PST_TLS_CHAIN_MAX = 16, /* certificates; what is behind them is not looked at */
    PST_TLS_LIFETIME_DAYS =
        398, /* browsers, of a CA they know: CA/Browser Forum, Baseline Requirements 6.3.2 */
    PST_TLS_LIFETIME_OWN_DAYS = 825,  /* Apple's systems, of any CA */
    PST_TLS_CLOCK_LEAST = 1735689600, /* 2025-01-01: this program is younger, and no clock is older */
};

/* ---- chains ---- */

/* Certificates as they stand in a file or as a server sent them; each parsed alone. */
struct pst_tls_chain;

/* PEM (other blocks are passed over) or one in DER. Those that cannot be read become findings; the chain then
 * lacks them. Errors: PST_E_CERT (after a finding: there is nothing to look at), PST_E_NOMEM. */
int pst_tls_chain_read(struct pst_tls_chain **ret_chain, struct pst_slice bytes,
                       struct pst_tls_report report);
/* NULL is allowed. */
void pst_tls_chain_free(struct pst_tls_chain *chain);

/* Whether it is a CA's own certificate alone, with which no server answers. */
bool pst_tls_chain_is_ca(const struct pst_tls_chain *chain);
/* The first one. */
void pst_tls_chain_info(const struct pst_tls_chain *chain, struct pst_tls_cert_info *ret_info);
/* The first one's bytes; chain's memory. */
struct pst_slice pst_tls_chain_der(const struct pst_tls_chain *chain);
/* Its SHA-256 as 64 hexadecimal digits. */
enum { PST_TLS_FINGERPRINT_TEXT = 65 };
void pst_tls_chain_fingerprint(const struct pst_tls_chain *chain, char ret_text[PST_TLS_FINGERPRINT_TEXT]);

/* Names, uses, identifiers, dates, lifetime, strength, order. name: what a browser would be told to open, a
 * DNS name or an address. now: seconds since 1970. */
void pst_tls_chain_check(const struct pst_tls_chain *chain, const char *name, int64_t now,
                         struct pst_tls_report report);
/* Whether the key is the first certificate's. A key under a password is said to be one. Errors: PST_E_NOMEM,
 * PST_E_TLS. */
int pst_tls_chain_check_key(const struct pst_tls_chain *chain, struct pst_slice key,
                            struct pst_tls_report report);

/* ---- trust ---- */

/* The authorities of a store. */
struct pst_tls_anchors;
/* PEM. Those that Mbed TLS cannot read are left out. Errors: PST_E_CERT (none is left), PST_E_NOMEM. */
int pst_tls_anchors_new(struct pst_tls_anchors **ret_anchors, struct pst_slice pem);
/* NULL is allowed. */
void pst_tls_anchors_free(struct pst_tls_anchors *anchors);
size_t pst_tls_anchors_count(const struct pst_tls_anchors *anchors);

/* Whether the chain leads to one of them, or its first certificate is among them. Dates and names are not
 * looked at here. */
bool pst_tls_anchors_trust(const struct pst_tls_anchors *anchors, const struct pst_tls_chain *chain);
/* Whether the first certificate is among them. */
bool pst_tls_anchors_hold(const struct pst_tls_anchors *anchors, const struct pst_tls_chain *chain);

/* Whether the certificate's names cover name; those that count are the subjectAltName's. */
bool pst_tls_chain_names(const struct pst_tls_chain *chain, const char *name);

#endif
