/* main.c - the program: what the command line asks for, and who does it. */
#include <stdio.h>
#include <string.h>

#include <postern/postern.h>

#include "server/cli_complain.h"
#include "server/cli_options.h"
#include "server/cli_serve.h"
#include "server/server.h"

int main(int argc, char **argv)
{
    struct pst_cli cli;
    char error[PST_CLI_ERROR_BYTES];

    if (argc == 2 && strcmp(argv[1], "--help=markdown") == 0) { /* for whoever edits the README */
        pst_cli_help_markdown(stdout);
        return PST_CLI_ENDED;
    }
    if (!pst_cli_parse(&cli, argc, argv, error))
        return pst_cli_complain(PST_CLI_CANNOT_START, "%s", error);
    if (cli.help) {
        pst_cli_help(stdout);
        return PST_CLI_ENDED;
    }
    if (cli.version) {
        printf("postern %s, %s\n", pst_version(), pst_tls_version());
        return PST_CLI_ENDED;
    }
    return pst_cli_serve(&cli);
}
