/* cli_connect.h - connecting to a host, with a deadline. */
#ifndef PST_SERVER_CLI_CONNECT_H
#define PST_SERVER_CLI_CONNECT_H

#include <stddef.h>

struct pst_cli_connect {
    char address[64]; /* of the last that was tried */
    int number;       /* errno; 0: the name is not known */
    const char *text; /* where it failed: for a person; static or of the C library */
};

/* A connected socket, or -1 with the reason. Addresses of the host are tried in their order. */
int pst_cli_connect(const char *host, unsigned port, unsigned timeout_ms, struct pst_cli_connect *ret_how);

/* Sends text and reads up to cap - 1 bytes, until a newline, the end or the deadline; a NUL is put behind
 * them. Returns their number. */
size_t pst_cli_connect_ask(int fd, const char *text, unsigned timeout_ms, char *answer, size_t cap);

#endif
