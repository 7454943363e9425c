/* static_file.c - finding a file below a root folder, and what is known of it. */
#include "handlers/static_file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Far above any tick, and above the whole seconds that some file systems keep. */
#define SETTLED_S 2

#define OPEN_ATTEMPTS 8

int pst_static_open(int root_fd, const char *path, int flags, int *ret_fd)
{
    struct open_how how = {
        .flags = (unsigned)(flags | O_CLOEXEC),
        .resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS,
    };
    long fd = -1;
    /* EAGAIN: a rename somewhere made the kernel unsure whether a ".." in a link stayed beneath. */
    for (int i = 0; i < OPEN_ATTEMPTS; i++) {
        fd = syscall(SYS_openat2, root_fd, path, &how, sizeof how);
        if (fd >= 0 || (errno != EAGAIN && errno != EINTR))
            break;
    }
    if (fd < 0)
        return errno;
    *ret_fd = (int)fd;
    return 0;
}

static struct pst_static_facts facts_of(const struct stat *st)
{
    return (struct pst_static_facts){
        .dev = st->st_dev,
        .ino = st->st_ino,
        .mode = st->st_mode,
        .size = st->st_size < 0 ? 0 : (uint64_t)st->st_size,
        .mtime = st->st_mtim,
        .ctime = st->st_ctim,
    };
}

int pst_static_facts_read(int fd, struct pst_static_facts *ret_facts)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return errno;
    *ret_facts = facts_of(&st);
    return 0;
}

int pst_static_facts_look(int folder_fd, const char *name, struct pst_static_facts *ret_facts)
{
    struct stat st;
    if (fstatat(folder_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return errno;
    *ret_facts = facts_of(&st);
    return 0;
}

static bool times_equal(struct timespec a, struct timespec b)
{
    return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool pst_static_facts_equal(const struct pst_static_facts *a, const struct pst_static_facts *b)
{
    return a->dev == b->dev && a->ino == b->ino && a->mode == b->mode && a->size == b->size &&
           times_equal(a->mtime, b->mtime) && times_equal(a->ctime, b->ctime);
}

bool pst_static_facts_settled(const struct pst_static_facts *facts, int64_t now)
{
    /* Every change sets ctime, and nobody can set it back: mtime need not be looked at. */
    return facts->ctime.tv_sec < now - SETTLED_S;
}

void pst_static_validators_make(const struct pst_static_facts *facts, struct pst_static_validators *ret_v)
{
    /* Two changes of a file in place within one tick that leave its size alone keep the tag; see
     * pst_static_facts_settled(). Linux 6.13 and later stamp finely whenever somebody has looked in between.
     * The device is left out, as its number may differ after a reboot. */
    uint64_t mtime_ns = (uint64_t)facts->mtime.tv_sec * 1000000000U + (uint64_t)facts->mtime.tv_nsec;
    int n = snprintf(ret_v->etag, sizeof ret_v->etag, "\"%" PRIx64 "-%" PRIx64 "-%" PRIx64 "\"",
                     (uint64_t)facts->ino, facts->size, mtime_ns);
    ret_v->etag_len = (size_t)n;
    pst_http_date_write(ret_v->modified, (int64_t)facts->mtime.tv_sec);
}

bool pst_static_path_served(struct pst_slice path, bool at_top)
{
    struct pst_slice rest = path;
    while (rest.len > 0) {
        const char *slash = memchr(rest.ptr, '/', rest.len);
        size_t len = slash ? (size_t)(slash - rest.ptr) : rest.len;
        struct pst_slice segment = pst_slice_of(rest.ptr, len);
        if (len == 0 || memchr(segment.ptr, '\0', len))
            return false;
        bool well_known =
            at_top && segment.ptr == path.ptr && pst_slice_eq(segment, PST_SLICE(".well-known"));
        if (segment.ptr[0] == '.' && !well_known)
            return false;
        size_t used = slash ? len + 1 : len;
        rest = pst_slice_of(rest.ptr + used, rest.len - used);
    }
    return true;
}
