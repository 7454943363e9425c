/* tls_check_internal.h - what the files of the checks share. */
#ifndef PST_TRANSPORT_TLS_CHECK_INTERNAL_H
#define PST_TRANSPORT_TLS_CHECK_INTERNAL_H

#include <mbedtls/x509_crt.h>

#include "postern/export.h"
#include "transport/tls_check.h"

struct pst_tls_chain {
    size_t count;
    mbedtls_x509_crt certs[PST_TLS_CHAIN_MAX]; /* each alone: next is NULL */
    bool is_cut;                               /* there were more */
};

void pst_tls_finding(struct pst_tls_report report, enum pst_tls_grade grade, const char *topic,
                     const char *remedy, const char *format, ...) PST_PRINTF(5, 6);

/* Parses with what Mbed TLS has no code for: name constraints, also where they are critical. */
int pst_tls_check_parse(mbedtls_x509_crt *crt, const unsigned char *der, size_t len);

/* Names and what they lack. */
void pst_tls_check_names(const mbedtls_x509_crt *leaf, const char *name, struct pst_tls_report report);

#endif
