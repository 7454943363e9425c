/* static_file.h - finding a file below a root folder, and what is known of it.
 *
 * Knows the file system and the rules of which paths are served; knows nothing of requests and replies. */
#ifndef PST_HANDLERS_STATIC_FILE_H
#define PST_HANDLERS_STATIC_FILE_H

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include <postern/http.h>
#include <postern/slice.h>

/* Opens path, relative to root_fd and never leading out of it: "..", absolute paths, symbolic links and magic
 * links (/proc/self/fd/N) that would leave it fail with EXDEV or ELOOP; links that stay beneath are followed.
 * flags: as for open(2); O_CLOEXEC is added. Returns 0 with *ret_fd, or a positive errno. */
int pst_static_open(int root_fd, const char *path, int flags, int *ret_fd);

/* For reading. Neither a FIFO without a writer blocks, nor does a terminal become ours. */
#define PST_STATIC_READ (O_RDONLY | O_NONBLOCK | O_NOCTTY)

/* What tells one state of one file from another. */
struct pst_static_facts {
    dev_t dev;
    ino_t ino;
    mode_t mode;
    uint64_t size;
    struct timespec mtime, ctime;
};

/* Returns 0 or a positive errno. */
int pst_static_facts_read(int fd, struct pst_static_facts *ret_facts);
/* Of a name in the folder itself, without opening it. A link is not followed: what is told are its own. */
int pst_static_facts_look(int folder_fd, const char *name, struct pst_static_facts *ret_facts);
/* The same file, and nobody has changed it or its permissions. */
bool pst_static_facts_equal(const struct pst_static_facts *a, const struct pst_static_facts *b);
/* Whether a change from now on is sure to show in the facts. The kernel stamps files by a clock that ticks
 * every few milliseconds, so a second change within one tick leaves all stamps alone: a file that was changed
 * just now must not be remembered. */
bool pst_static_facts_settled(const struct pst_static_facts *facts, int64_t now);

/* The values of reply fields that follow from the facts alone. */
struct pst_static_validators {
    char etag[56]; /* strong; inode, size and time in hexadecimal digits, quoted */
    size_t etag_len;
    char modified[PST_HTTP_DATE_BYTES];
};
void pst_static_validators_make(const struct pst_static_facts *facts, struct pst_static_validators *ret_v);

/* Whether a decoded path, without its first slash, may be looked up at all. Not served: segments that begin
 * with a dot (hidden files, and ".." should one ever get here), empty segments (one file, one path; and
 * "//host" never becomes part of a Location), and NUL. at_top: the path is the whole path of the URI, so that
 * "/.well-known/" (RFC 8615) is served. */
bool pst_static_path_served(struct pst_slice path, bool at_top);

#endif
