/* file.h - reading files that are open, and forgetting what was read. */
#ifndef PST_SERVER_FILE_H
#define PST_SERVER_FILE_H

#include <stddef.h>

/* Reads until the file's end or until cap bytes are there. Returns 0 or a positive errno. */
int pst_file_fill(int fd, char *dst, size_t cap, size_t *ret_len);

/* Overwrites what may be secret, and frees it. NULL is allowed. */
void pst_file_forget(char *bytes, size_t len);

#endif
