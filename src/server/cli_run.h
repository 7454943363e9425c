/* cli_run.h - running another program and keeping what it prints. */
#ifndef PST_SERVER_CLI_RUN_H
#define PST_SERVER_CLI_RUN_H

#include <stddef.h>

enum { PST_CLI_RUN_MISSING = 127, PST_CLI_RUN_BYTES_MAX = 8 << 20 };

/* Runs argv (argv[0] is looked for on PATH, then in /usr/sbin and /sbin) without input, and waits for it.
 * *ret_text, unless ret_text is NULL: what it printed on both outputs, malloc'ed, with a NUL behind it.
 * Returns its exit status; PST_CLI_RUN_MISSING where there is no such program; -1 where it could not be run
 * or was killed. */
int pst_cli_run(const char *const *argv, char **ret_text, size_t *ret_len);

#endif
