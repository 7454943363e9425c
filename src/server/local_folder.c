/* local_folder.c - the folder of a local CA. */
#include "server/local_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/err.h"
#include "server/file.h"

#define WORK ".mkcert"
/* More than any certificate that could be served. */
enum { FILE_BYTES_MAX = 1 << 17, WORK_PATH_BYTES = 300 };

int pst_local_fail(struct pst_local_folder *folder, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(folder->error, sizeof(folder->error), format, args);
    va_end(args);
    return err;
}

void pst_local_quote(char *text, size_t size, const char *path)
{
    static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789/._+:@%-";
    size_t n = 0;
    if (path[strspn(path, plain)] == '\0') {
        (void)snprintf(text, size, "%s", path);
        return;
    }
    if (size < 8)
        return;
    text[n++] = '\'';
    for (const char *p = path; *p && n + 6 < size; p++) {
        if (*p == '\'') {
            memcpy(text + n, "'\\''", 4);
            n += 4;
        } else {
            text[n++] = *p;
        }
    }
    text[n++] = '\'';
    text[n] = '\0';
}

/* A failure that is about the folder. */
static int fail_path(struct pst_local_folder *folder, int err, const char *what)
{
    char quoted[PATH_MAX];
    pst_local_quote(quoted, sizeof(quoted), folder->path);
    return pst_local_fail(folder, err, "%s the folder %.900s", what, quoted);
}

/* ---- the folder ---- */

/* mkdir -p */
static int make_folders(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    if (len == 0 || len >= sizeof(part))
        return -1;
    for (size_t i = 1; i <= len; i++) {
        if (path[i] != '/' && path[i] != '\0')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0755) != 0 && errno != EEXIST)
            return -1;
    }
    return 0;
}

int pst_local_open(struct pst_local_folder *folder, const char *path, bool makes)
{
    *folder = (struct pst_local_folder){.fd = -1};
    (void)snprintf(folder->path, sizeof(folder->path), "%s", path);
    struct stat st;
    if (makes && stat(path, &st) != 0) {
        if (make_folders(path) != 0)
            return fail_path(folder, PST_E_ACCESS, "cannot make");
        folder->is_made = true;
    }
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    char *full = folder->fd < 0 ? NULL : realpath(path, NULL);
    if (!full || strlen(full) >= sizeof(folder->path)) {
        free(full);
        return fail_path(folder, errno == ENOENT ? PST_E_NOENT : PST_E_ACCESS, "cannot enter");
    }
    memcpy(folder->path, full, strlen(full) + 1);
    free(full);
    return 0;
}

/* ---- the lock ---- */

/* A work folder and what is in it, at most two folders deep; scripts/mkcert.sh leaves more behind than this
 * does if it is killed. */
static void remove_tree(int parent, const char *name, int depth)
{
    int fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *dir = fd < 0 ? NULL : fdopendir(fd);
    if (!dir) {
        if (fd >= 0)
            close(fd);
        return;
    }
    struct dirent *entry;
    while ((entry = readdir(dir)) != NULL) { /* NOLINT(concurrency-mt-unsafe): the stream is our own */
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        if (unlinkat(fd, entry->d_name, 0) != 0 && depth > 0)
            remove_tree(fd, entry->d_name, depth - 1);
    }
    (void)closedir(dir);
    (void)unlinkat(parent, name, AT_REMOVEDIR);
}

/* Whether the lock is of a process that has gone: it was killed outright, or lost its power. */
static bool holder_has_gone(const struct pst_local_folder *folder)
{
    char *text = NULL;
    if (pst_local_read(folder, WORK "/pid", &text) != 0 || !text)
        return false; /* it may just be about to write it */
    char *end = NULL;
    long pid = strtol(text, &end, 10);
    bool has_gone = end != text && pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH;
    free(text);
    return has_gone;
}

/* Out of the way first, by a rename that only one can do. */
static void break_lock(const struct pst_local_folder *folder)
{
    char aside[WORK_PATH_BYTES];
    (void)snprintf(aside, sizeof(aside), WORK ".%ld", (long)getpid());
    if (renameat(folder->fd, WORK, folder->fd, aside) == 0)
        remove_tree(folder->fd, aside, 1);
}

static int write_file(const struct pst_local_folder *folder, const char *name, const char *text, mode_t mode)
{
    size_t len = strlen(text), done = 0;
    int fd = openat(folder->fd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, mode);
    if (fd < 0)
        return PST_E_IO;
    bool is_bad = fchmod(fd, mode) != 0; /* whatever the umask */
    while (!is_bad && done < len) {
        ssize_t n = write(fd, text + done, len - done);
        if (n < 0 && errno != EINTR)
            is_bad = true;
        done += n > 0 ? (size_t)n : 0;
    }
    is_bad = is_bad || fsync(fd) != 0;
    is_bad = close(fd) != 0 || is_bad;
    return is_bad ? PST_E_IO : 0;
}

int pst_local_lock(struct pst_local_folder *folder, unsigned patience_s)
{
    char pid[24];
    for (unsigned waited_s = 0; mkdirat(folder->fd, WORK, 0700) != 0; waited_s++) {
        if (errno != EEXIST)
            return fail_path(folder, PST_E_ACCESS, "cannot write into");
        if (holder_has_gone(folder)) {
            break_lock(folder);
            if (mkdirat(folder->fd, WORK, 0700) == 0)
                break;
        }
        if (waited_s >= patience_s)
            return fail_path(
                folder, PST_E_BUSY,
                "another program seems to make certificates: if not, remove .mkcert and run this "
                "again, in");
        (void)nanosleep(&(struct timespec){.tv_sec = 1}, NULL);
    }
    folder->is_locked = true;
    (void)snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
    if (write_file(folder, WORK "/pid", pid, 0600) != 0 || mkdirat(folder->fd, WORK "/new", 0700) != 0 ||
        mkdirat(folder->fd, WORK "/old", 0700) != 0)
        return fail_path(folder, PST_E_ACCESS, "cannot write into");
    return 0;
}

void pst_local_close(struct pst_local_folder *folder)
{
    if (folder->is_locked)
        remove_tree(folder->fd, WORK, 1);
    if (folder->fd >= 0)
        close(folder->fd);
    if (folder->is_made)
        (void)rmdir(folder->path); /* stays if anything is in it */
    folder->fd = -1;
    folder->is_locked = folder->is_made = false;
}

/* ---- files ---- */

static int read_fd(int fd, char **ret_text)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return PST_E_IO;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX)
        return PST_E_INVAL;
    size_t cap = (size_t)st.st_size, len = 0;
    char *text = malloc(cap + 1);
    if (!text)
        return PST_E_NOMEM;
    if (pst_file_fill(fd, text, cap, &len) != 0) {
        pst_file_forget(text, cap);
        return PST_E_IO;
    }
    text[len] = '\0';
    *ret_text = text;
    return 0;
}

int pst_local_read(const struct pst_local_folder *folder, const char *name, char **ret_text)
{
    *ret_text = NULL;
    int fd = openat(folder->fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return errno == ENOENT ? 0 : PST_E_IO;
    int err = read_fd(fd, ret_text);
    close(fd);
    return err;
}

int pst_local_write(struct pst_local_folder *folder, const char *name, const char *text, mode_t mode)
{
    char path[WORK_PATH_BYTES];
    (void)snprintf(path, sizeof(path), WORK "/new/%s", name);
    return write_file(folder, path, text, mode) == 0 ? 0 : fail_path(folder, PST_E_IO, "cannot write into");
}

/* Keeps the old file by a second name, for when it must come back. */
static int save_old(struct pst_local_folder *folder, const char *name)
{
    char old[WORK_PATH_BYTES], quoted[PATH_MAX];
    struct stat st;
    if (fstatat(folder->fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0)
        return 0;
    (void)snprintf(old, sizeof(old), WORK "/old/%s", name);
    if ((S_ISREG(st.st_mode) || S_ISLNK(st.st_mode)) && linkat(folder->fd, name, folder->fd, old, 0) == 0)
        return 0;
    pst_local_quote(quoted, sizeof(quoted), folder->path);
    return pst_local_fail(folder, PST_E_INVAL, "%s in %.900s is not a file: move it away and run this again",
                          name, quoted);
}

static void put_back(const struct pst_local_folder *folder, const char *const *names, size_t count)
{
    char old[WORK_PATH_BYTES];
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(old, sizeof(old), WORK "/old/%s", names[i]);
        if (renameat(folder->fd, old, folder->fd, names[i]) != 0 && errno == ENOENT)
            (void)unlinkat(folder->fd, names[i], 0);
    }
}

int pst_local_place(struct pst_local_folder *folder, const char *const *names, size_t count)
{
    char new[WORK_PATH_BYTES];
    for (size_t i = 0; i < count; i++) {
        int err = save_old(folder, names[i]);
        if (err)
            return err;
    }
    for (size_t i = 0; i < count; i++) {
        (void)snprintf(new, sizeof(new), WORK "/new/%s", names[i]);
        if (renameat(folder->fd, new, folder->fd, names[i]) != 0) {
            put_back(folder, names, i);
            return fail_path(folder, PST_E_IO,
                             "the old files were put back, since the new ones cannot be put into");
        }
    }
    folder->is_made = false;
    (void)fsync(folder->fd);
    return 0;
}

int pst_local_remove(struct pst_local_folder *folder, const char *name)
{
    if (unlinkat(folder->fd, name, 0) == 0 || errno == ENOENT)
        return 0;
    return fail_path(folder, PST_E_IO, "cannot remove a file from");
}
