/* cli_doors.h - the options that say how the doors treat who comes: --redirect, --hsts, --host. */
#ifndef PST_SERVER_CLI_DOORS_H
#define PST_SERVER_CLI_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/doors.h>

struct pst_cli;

/* Reads "SECONDS[,includeSubDomains][,preload]", the words in any case and order; flags: PST_HSTS_*. False
 * where it is wrong, or preload without what the lists of browsers want. */
bool pst_cli_hsts(const char *value, uint64_t *ret_seconds, unsigned *ret_flags);

/* Tells the server. Errors: as of postern/doors.h; pst_server_error() says more. */
int pst_cli_doors_set(struct pst_server *server, const struct pst_cli *cli);

#endif
