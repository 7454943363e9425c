/* local_renew.h - a certificate of a local CA is made anew before it ends, and when the machine has other
 * addresses; its key stays, so that one file changes and no client can meet a pair that does not match. */
#ifndef PST_SERVER_LOCAL_RENEW_H
#define PST_SERVER_LOCAL_RENEW_H

#include <stddef.h>
#include <stdint.h>

#include "server/local_cert.h"

struct pst_local_renewal {
    const char *cert_file;
    int64_t now;                             /* seconds since 1970 */
    const struct pst_local_names *addresses; /* that it shall be for, too; NULL: those it has are enough */
};

enum pst_local_renewed {
    PST_LOCAL_LEFT_ALONE, /* not due, or not ours: ours are single certificates for "localhost" that the CA of
                             postern or mkcert.sh has signed whose files ca.pem and ca-key.pem lie beside them
                           */
    PST_LOCAL_RENEWED,
    PST_LOCAL_FAILED,
};

/* It is due when less than a third of its time is left, and less than 30 days. Addresses that the CA may not
 * sign for are passed over. text: receives one line about what was done, or why it could not be. Blocks. */
enum pst_local_renewed pst_local_renew(const struct pst_local_renewal *renewal, char *text, size_t size);

/* The addresses of this machine that others in its network may know it by. At most a few of each interface.
 */
void pst_local_addresses(struct pst_local_names *ret_addresses);

#endif
