/* cli_banner.h - what is printed at the start: where to look, and which certificate vouches for it. */
#ifndef PST_SERVER_CLI_BANNER_H
#define PST_SERVER_CLI_BANNER_H

#include <stdint.h>
#include <stdio.h>

#include <postern/server.h>

#include "server/cli_options.h"
#include "transport/tls.h"

/* data: where posts are kept; NULL where nothing takes any. now: seconds since 1970. */
void pst_cli_banner(FILE *out, const struct pst_server *server, const struct pst_cli *cli, const char *data,
                    int64_t now);

/* The posts' part of it. */
void pst_cli_banner_posts(FILE *out, const struct pst_cli *cli, const char *data);

/* The certificate's part of it. */
void pst_cli_banner_cert(FILE *out, const struct pst_tls_cert_info *cert, const char *file, int64_t now);

#endif
