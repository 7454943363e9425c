/* cli_listeners.h - which process listens on a TCP port of this machine. */
#ifndef PST_SERVER_CLI_LISTENERS_H
#define PST_SERVER_CLI_LISTENERS_H

#include <stdbool.h>

struct pst_cli_listener {
    int pid;       /* 0: somebody else's, and hidden from this user */
    char name[64]; /* of the program; "" where it is hidden */
};

/* Looks through /proc. False where nobody listens. */
bool pst_cli_listener_find(unsigned port, struct pst_cli_listener *ret_listener);

#endif
