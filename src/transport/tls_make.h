/* tls_make.h - making keys and certificates: a local CA, and the server's certificate that it signs. Bytes in
 * memory; the files are the caller's. */
#ifndef PST_TRANSPORT_TLS_MAKE_H
#define PST_TRANSPORT_TLS_MAKE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/slice.h"
#include "transport/tls.h"
#include "transport/tls_names.h"

enum { PST_TLS_SERIAL_BYTES = 16 };

/* What a new certificate says. The same profile and keys make the same bytes: signatures are deterministic
 * (RFC 6979). */
struct pst_tls_profile {
    const char *common_name; /* letters, digits, "@", ".", "-", "_", blanks; at most 64. The organization is
                                "postern" */
    const struct pst_tls_name *names; /* what it is for; of a CA: the subtrees that it is held to */
    size_t name_count;
    int64_t not_before, not_after; /* seconds since 1970; both ends belong to it */
    unsigned char serial[PST_TLS_SERIAL_BYTES];
};

/* A random serial: positive, 16 octets (RFC 5280 4.1.2.2 Serial Number). Error: PST_E_SYSTEM. */
int pst_tls_make_serial(unsigned char ret_serial[PST_TLS_SERIAL_BYTES]);

/* Texts that the calls below make are malloc'ed PEM that ends in NUL. Errors: PST_E_NOMEM, PST_E_TLS. */

/* A key on P-256, as PKCS #8. Wipe it. */
int pst_tls_make_key(char **ret_pem);

/* A self-signed CA that may sign leaves only, and those only for names within its subtrees. The constraint is
 * not marked critical, against RFC 5280 4.2.1.10: OpenSSL, GnuTLS and NSS heed it either way (Java passes
 * over it in a CA that it was told to trust), while Mbed TLS, which has no code for it, and macOS before
 * 10.13 refuse the whole CA if it is critical. Error also: PST_E_KEY. */
int pst_tls_make_ca(char **ret_pem, const struct pst_tls_profile *profile, struct pst_slice key_pem);

/* ---- a CA from its files ---- */

struct pst_tls_ca;
/* key_pem: empty for a CA that shall not sign. Errors: PST_E_CERT (it cannot be read, or is no CA),
 * PST_E_KEY, PST_E_MISMATCH, PST_E_NOMEM, PST_E_TLS. */
int pst_tls_ca_new(struct pst_tls_ca **ret_ca, struct pst_slice cert_pem, struct pst_slice key_pem);
/* Wipes the key. NULL is allowed. */
void pst_tls_ca_free(struct pst_tls_ca *ca);
void pst_tls_ca_info(const struct pst_tls_ca *ca, struct pst_tls_cert_info *ret_info);
/* The certificate's bytes; ca's memory. */
struct pst_slice pst_tls_ca_der(const struct pst_tls_ca *ca);
/* Whether its constraints let it sign for name. */
bool pst_tls_ca_permits(const struct pst_tls_ca *ca, const struct pst_tls_name *name);
/* Whether the text is one certificate and nothing more, which this CA has signed. */
bool pst_tls_ca_has_signed(const struct pst_tls_ca *ca, struct pst_slice leaf_pem);

/* A server's certificate, signed by ca. owner_pem: its private key, or a certificate whose public key the new
 * one shall have. Errors also: PST_E_KEY (of owner_pem), PST_E_CERT (ca's name is in a form that cannot be
 * repeated), PST_E_STATE (ca has no key). */
int pst_tls_make_leaf(char **ret_pem, const struct pst_tls_profile *profile, struct pst_slice owner_pem,
                      const struct pst_tls_ca *ca);

/* The names and the rest of a certificate (the first one, if there are more). Up to *count names are written,
 * and *count says how many. Errors: PST_E_CERT (also if there are more names), PST_E_NOMEM. */
int pst_tls_leaf_read(struct pst_slice leaf_pem, struct pst_tls_name *ret_names, size_t *count,
                      struct pst_tls_cert_info *ret_info);

#endif
