/* cli_file.c - whole files of bounded size. */
#include "server/cli_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/file.h"

/* Files of /proc have no size, so what counts is the end. */
static int read_all(int fd, size_t most, char *bytes, size_t *ret_len)
{
    size_t len = 0;
    int err = pst_file_fill(fd, bytes, most + 1, &len);
    if (err || len > most)
        return err ? err : EFBIG;
    bytes[len] = '\0';
    *ret_len = len;
    return 0;
}

int pst_cli_file_read(const char *path, size_t most, char **ret_bytes, size_t *ret_len)
{
    struct stat st;
    *ret_bytes = NULL;
    *ret_len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0)
        return errno;
    int err = fstat(fd, &st) != 0 ? errno : S_ISDIR(st.st_mode) ? EISDIR : S_ISREG(st.st_mode) ? 0 : EINVAL;
    size_t room = !err && st.st_size > 0 && (size_t)st.st_size < most ? (size_t)st.st_size : most;
    char *bytes = err ? NULL : malloc(room + 2);
    if (!err)
        err = bytes ? read_all(fd, room, bytes, ret_len) : ENOMEM;
    (void)close(fd);
    if (err) {
        pst_file_forget(bytes, bytes ? room + 1 : 0);
        return err;
    }
    *ret_bytes = bytes;
    return 0;
}
