/* cli_posts_options.h - the command line of "postern posts": parsing and help. Opens and prints nothing else.
 */
#ifndef PST_SERVER_CLI_POSTS_OPTIONS_H
#define PST_SERVER_CLI_POSTS_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "server/cli_args.h"

enum pst_cli_posts_command {
    PST_CLI_POSTS_LIST,
    PST_CLI_POSTS_SHOW,
    PST_CLI_POSTS_EXPORT,
    PST_CLI_POSTS_DELETE,
    PST_CLI_POSTS_VACUUM,
};

enum pst_cli_posts_format {
    PST_CLI_POSTS_TEXT,
    PST_CLI_POSTS_JSON,
    PST_CLI_POSTS_NDJSON,
    PST_CLI_POSTS_CSV,
};

/* Strings belong to argv. */
struct pst_cli_posts {
    bool help; /* the rest is not to be looked at */
    enum pst_cli_posts_command command;
    const char *box; /* NULL where none is named */
    char **ids;      /* numbers, all of them: see pst_cli_posts_id() */
    int id_count;
    const char *data;  /* NULL: the default folder */
    const char *files; /* NULL: none are written out */
    enum pst_cli_posts_format format;
    uint64_t count; /* of the newest; 0: all */
};

/* argv[0] is "posts". Its words are moved to the front of argv. False, with one line in error, where it is
 * wrong. */
bool pst_cli_posts_parse(struct pst_cli_posts *ret_cli, int argc, char **argv,
                         char error[PST_CLI_ERROR_BYTES]);

uint64_t pst_cli_posts_id(const char *word);

void pst_cli_posts_help(FILE *out);

#endif
