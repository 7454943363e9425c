/* file.c - see file.h. */
#include "server/file.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int pst_file_fill(int fd, char *dst, size_t cap, size_t *ret_len)
{
    size_t len = 0;
    *ret_len = 0;
    for (ssize_t n = 1; len < cap && n != 0;) {
        n = read(fd, dst + len, cap - len);
        if (n < 0 && errno != EINTR)
            return errno;
        len += n > 0 ? (size_t)n : 0;
    }
    *ret_len = len;
    return 0;
}

void pst_file_forget(char *bytes, size_t len)
{
    if (bytes)
        explicit_bzero(bytes, len);
    free(bytes);
}
