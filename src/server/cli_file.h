/* cli_file.h - whole files of bounded size. */
#ifndef PST_SERVER_CLI_FILE_H
#define PST_SERVER_CLI_FILE_H

#include <stddef.h>

/* The bytes of a file, malloc'ed, with a NUL behind them. Returns 0 or a positive errno: EFBIG over most
 * bytes, EISDIR. Never waits for the writer of a pipe. */
int pst_cli_file_read(const char *path, size_t most, char **ret_bytes, size_t *ret_len);

#endif
