/* cli_serve.h - serving, from a command line that was read to the end of the server. */
#ifndef PST_SERVER_CLI_SERVE_H
#define PST_SERVER_CLI_SERVE_H

#include "server/cli_options.h"

/* Returns the exit status, after one line on standard error where it is not 0. */
int pst_cli_serve(const struct pst_cli *cli);

#endif
