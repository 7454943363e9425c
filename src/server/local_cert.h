/* local_cert.h - a local CA and the server's certificate that it signs, in a folder: ca.pem, ca-key.pem,
 * localhost.pem, localhost-key.pem, as scripts/mkcert.sh makes them. Each can go on with what the other made.
 */
#ifndef PST_SERVER_LOCAL_CERT_H
#define PST_SERVER_LOCAL_CERT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/local_folder.h"
#include "transport/tls_make.h"

/* What the names of CAs from postern and mkcert.sh begin with. */
#define PST_LOCAL_CA_NAME "postern local CA"

enum {
    PST_LOCAL_NAMES_MAX = 50, /* keeps the certificate below the 16 KiB that can be sent */
    PST_LOCAL_DAYS_MAX = 397, /* no browser objects to that from a CA which its user trusts */
    PST_LOCAL_CA_DAYS = 3650, /* ten years: importing a CA by hand is a chore */
    PST_LOCAL_CA_DAYS_MAX = 7300,
    PST_LOCAL_BACKDATE_S = 3600, /* a client whose clock is behind by less takes the certificate at once */
    PST_LOCAL_DAY_S = 86400,
};

struct pst_local_names {
    struct pst_tls_name list[PST_LOCAL_NAMES_MAX];
    size_t count;
};
/* Adds a name that is not there yet. False where there is no room. */
bool pst_local_names_add(struct pst_local_names *names, const struct pst_tls_name *name);

struct pst_local_request {
    const struct pst_local_names *names;
    const struct pst_tls_name *host; /* one of names that may be left out; NULL: none */
    const char *ca_name;             /* of a new one */
    unsigned days, ca_days;
    bool new_ca, throw_away_ca_key;
    int64_t now;
};

enum pst_local_ca { PST_LOCAL_CA_KEPT, PST_LOCAL_CA_MADE, PST_LOCAL_CA_REPLACED };

struct pst_local_result {
    enum pst_local_ca ca_state;
    int64_t ca_end, leaf_end;
    bool is_capped, has_left_out_host;
    struct pst_local_names names; /* of the certificate */
};

/* Makes what is asked for in an open, locked folder. On failure all is as it was, and folder->error says why.
 * Errors: PST_E_CERT, PST_E_KEY, PST_E_MISMATCH, PST_E_EXPIRED, PST_E_RANGE (a name that the CA may not sign
 * for), and those of local_folder.h and tls_make.h. */
int pst_local_make(struct pst_local_folder *folder, const struct pst_local_request *request,
                   struct pst_local_result *ret_result);

#endif
