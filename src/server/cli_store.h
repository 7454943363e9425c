/* cli_store.h - what a serving program keeps: its store, and the boxes and the board that fill it. */
#ifndef PST_SERVER_CLI_STORE_H
#define PST_SERVER_CLI_STORE_H

#include <limits.h>

#include <postern/posts.h>

#include "server/cli_options.h"

/* Zero-initialise. */
struct pst_cli_store {
    struct pst_store *store; /* NULL where nothing takes posts */
    struct pst_posts *posts;
    struct pst_board *board;
    char folder[PATH_MAX]; /* as the user named it, or the default */
};

/* Looks at what the command line says of posts and opens the folder, which is made where it is missing; with
 * cli->check it is only looked at where it is there. Returns 0 or an exit status, after one line on standard
 * error. */
int pst_cli_store_open(struct pst_cli_store *kept, const struct pst_cli *cli);
/* Returns what mounting does. */
int pst_cli_store_mount(struct pst_cli_store *kept, struct pst_server *server);
/* After the server was freed; also where nothing was opened. */
void pst_cli_store_close(struct pst_cli_store *kept);

#endif
