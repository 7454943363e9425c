/* cli_cert_options.h - the command line of "postern cert". Opens and prints nothing but help. */
#ifndef PST_SERVER_CLI_CERT_OPTIONS_H
#define PST_SERVER_CLI_CERT_OPTIONS_H

#include <stdbool.h>
#include <stdio.h>

#include "server/cli_args.h"
#include "server/local_cert.h"

struct pst_cli_make {
    const char *dir; /* of argv, or static */
    unsigned days, ca_days;
    bool new_ca, throw_away_ca_key, install, uninstall, help;
    struct pst_local_names names; /* those that are always in it first; the host's is not among them yet */
};

/* argv[0] is the command. False with one line in error. */
bool pst_cli_cert_parse(struct pst_cli_make *ret_cli, int argc, char **argv, char error[PST_CLI_ERROR_BYTES]);
void pst_cli_cert_help(FILE *out);

#endif
