/* main.c - the program: what the command line asks for, and who does it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <postern/postern.h>

#include "server/cli_cert.h"
#include "server/cli_complain.h"
#include "server/cli_doctor.h"
#include "server/cli_nearest.h"
#include "server/cli_options.h"
#include "server/cli_posts.h"
#include "server/cli_serve.h"
#include "server/cli_trust.h"
#include "server/server.h"

/* What the first argument may be instead of an option or a folder. A folder of such a name is served by
 * "./posts". */
static const struct command {
    const char *name;
    int (*run)(int argc, char **argv); /* argv[0] is the command */
} commands[] = {
    {"cert", pst_cli_cert},
    {"posts", pst_cli_posts},
    {"doctor", pst_cli_doctor},
    {"trust", pst_cli_trust},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

static const struct command *find_command(const char *word)
{
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        if (strcmp(word, commands[i].name) == 0)
            return &commands[i];
    }
    return NULL;
}

/* The command that a word was probably meant to be; NULL where it is an option or names a folder. */
static const char *meant_command(const char *word)
{
    const char *names[COMMAND_COUNT];
    if (word[0] == '-' || strchr(word, '/') || access(word, F_OK) == 0)
        return NULL;
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        names[i] = commands[i].name;
    return pst_cli_nearest(pst_slice_str(word), names, COMMAND_COUNT);
}

int main(int argc, char **argv)
{
    struct pst_cli cli;
    char error[PST_CLI_ERROR_BYTES];

    if (argc == 2 && strcmp(argv[1], "--help=markdown") == 0) { /* for whoever edits the README */
        pst_cli_help_markdown(stdout);
        return PST_CLI_ENDED;
    }
    const struct command *command = argc > 1 ? find_command(argv[1]) : NULL;
    if (command)
        return command->run(argc - 1, argv + 1);
    const char *meant = argc > 1 ? meant_command(argv[1]) : NULL;
    if (meant)
        return pst_cli_complain(PST_CLI_CANNOT_START,
                                "there is no folder and no command \"%s\": did you mean postern %s?", argv[1],
                                meant);
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
