/* tls_ca.h - a CA's certificate and key as parsed, for tls_make.c and tls_ca.c. */
#ifndef PST_TRANSPORT_TLS_CA_H
#define PST_TRANSPORT_TLS_CA_H

#include <mbedtls/x509_crt.h>

#include "postern/slice.h"
#include "transport/tls_make.h"

struct pst_tls_ca {
    mbedtls_x509_crt crt;
    bool has_key;
    char *key_pem; /* parsed anew for each signature; NULL where it has none */
    size_t key_len;
};

/* The certificates of a text. Errors: PST_E_CERT, PST_E_NOMEM. */
int pst_tls_crt_parse_pem(mbedtls_x509_crt *crt, struct pst_slice pem);

#endif
