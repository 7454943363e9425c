/* folder.c - see folder.h. */
#include "store/folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

int pst_folder_err(int error)
{
    switch (error) {
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
        return PST_E_FULL;
    case EACCES:
    case EPERM:
    case EROFS:
        return PST_E_ACCESS;
    case ENOENT:
    case ENOTDIR:
        return PST_E_NOENT;
    case ENOMEM:
        return PST_E_NOMEM;
    default:
        return PST_E_IO;
    }
}

static int fail_errno(const char *what, const char *path, char *why, size_t why_size)
{
    int error = errno;
    snprintf(why, why_size, "%s %.150s: %s", what, path, strerror(error));
    return pst_folder_err(error);
}

/* A new name in a folder is on disk only once the folder is. */
static int sync_folder(const char *path)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    int failed = fsync(fd);
    close(fd);
    return failed;
}

/* mkdir with parents, each 0700. */
static int make_folder(const char *path)
{
    char part[PATH_MAX];
    size_t len = strlen(path);
    for (size_t i = 1; i <= len; i++) {
        if (i < len && path[i] != '/')
            continue;
        memcpy(part, path, i);
        part[i] = '\0';
        if (mkdir(part, 0700) != 0) {
            if (errno != EEXIST)
                return -1;
            continue;
        }
        char *slash = strrchr(part, '/');
        if (slash)
            slash[slash == part ? 1 : 0] = '\0';
        if (sync_folder(slash ? part : ".") != 0 && errno != EACCES) /* a parent need not be readable */
            return -1;
    }
    return 0;
}

/* Whether all that lies in the folder is what a store may find: nothing, a part of itself, or what a file
 * system brings along. */
static bool is_ours(const char *path)
{
    static const char *const known[] = {".", "..", "posts.db", "files", "tmp", "lock", "lost+found"};
    DIR *dir = opendir(path);
    if (!dir)
        return true; /* what follows will fail with its reason */
    bool has_db = false, has_other = false;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        size_t i = 0;
        while (i < sizeof(known) / sizeof(known[0]) && strcmp(entry->d_name, known[i]) != 0)
            i++;
        has_other = has_other || i == sizeof(known) / sizeof(known[0]);
        has_db = has_db || strcmp(entry->d_name, "posts.db") == 0;
    }
    closedir(dir);
    return has_db || !has_other;
}

/* Only its owner may look into it: it holds what people wrote. */
static int close_to_others(const char *path, char *why, size_t why_size)
{
    struct stat st;
    if (stat(path, &st) != 0)
        return fail_errno("cannot look at", path, why, why_size);
    if (!S_ISDIR(st.st_mode)) {
        snprintf(why, why_size, "%.150s is no folder", path);
        return PST_E_SYNTAX;
    }
    if (!is_ours(path)) {
        snprintf(why, why_size, "%.150s holds other things: give the posts a folder of their own", path);
        return PST_E_SYNTAX;
    }
    if ((st.st_mode & 077) == 0)
        return 0;
    if (st.st_uid != geteuid() && geteuid() != 0) {
        snprintf(why, why_size, "%.150s belongs to somebody else, and others may look into it", path);
        return PST_E_ACCESS;
    }
    if (chmod(path, st.st_mode & 0700) != 0)
        return fail_errno("cannot close to others", path, why, why_size);
    return 0;
}

static int take_lock(struct pst_folder *folder, char *why, size_t why_size)
{
    char path[PATH_MAX + 8], text[32] = "";
    snprintf(path, sizeof(path), "%s/lock", folder->path);
    folder->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (folder->lock_fd < 0)
        return fail_errno("cannot open", path, why, why_size);
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK)
            return fail_errno("cannot lock", path, why, why_size);
        ssize_t n = pread(folder->lock_fd, text, sizeof(text) - 1, 0);
        long pid = n > 0 ? strtol(text, NULL, 10) : 0;
        snprintf(why, why_size,
                 "%.150s is in use by another server (process %ld): stop it, or use another folder",
                 folder->path, pid);
        return PST_E_BUSY;
    }
    /* For people only: whether somebody holds the lock is the kernel's to know. */
    int len = snprintf(text, sizeof(text), "%ld\n", (long)getpid());
    if (ftruncate(folder->lock_fd, 0) != 0 || pwrite(folder->lock_fd, text, (size_t)len, 0) != len)
        return fail_errno("cannot write to", path, why, why_size);
    return 0;
}

static int open_inner(struct pst_folder *folder, const char *name, enum pst_store_mode mode, int *ret_fd,
                      char *why, size_t why_size)
{
    char path[PATH_MAX + 8];
    snprintf(path, sizeof(path), "%s/%s", folder->path, name);
    if (mode == PST_STORE_SERVE && mkdir(path, 0700) != 0 && errno != EEXIST)
        return fail_errno("cannot make", path, why, why_size);
    *ret_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
    return *ret_fd < 0 ? fail_errno("cannot open", path, why, why_size) : 0;
}

int pst_folder_open(struct pst_folder *folder, const char *path, enum pst_store_mode mode, char *why,
                    size_t why_size)
{
    folder->files_fd = folder->tmp_fd = folder->lock_fd = -1;
    if (path[0] == '\0' || strlen(path) >= PATH_MAX) {
        snprintf(why, why_size, "the folder's name is empty, or too long");
        return PST_E_NOENT;
    }
    if (mode == PST_STORE_SERVE && make_folder(path) != 0)
        return fail_errno("cannot make", path, why, why_size);
    if (!realpath(path, folder->path))
        return fail_errno("cannot find", path, why, why_size);
    int len = snprintf(folder->db_path, sizeof(folder->db_path), "%s/posts.db", folder->path);
    if (len >= (int)sizeof(folder->db_path) - 8) {
        snprintf(why, why_size, "the folder's name is too long");
        return PST_E_NOENT;
    }
    int err = 0;
    if (mode == PST_STORE_SERVE) {
        err = close_to_others(folder->path, why, why_size);
        if (!err)
            err = take_lock(folder, why, why_size);
    } else if (access(folder->db_path, F_OK) != 0) {
        return fail_errno("no posts:", folder->db_path, why, why_size);
    }
    if (!err)
        err = open_inner(folder, "files", mode, &folder->files_fd, why, why_size);
    if (!err)
        err = open_inner(folder, "tmp", mode, &folder->tmp_fd, why, why_size);
    if (!err && mode == PST_STORE_SERVE && sync_folder(folder->path) != 0)
        err = fail_errno("cannot sync", folder->path, why, why_size);
    return err;
}

void pst_folder_close(struct pst_folder *folder)
{
    const int fds[] = {folder->files_fd, folder->tmp_fd, folder->lock_fd};
    for (size_t i = 0; i < sizeof(fds) / sizeof(fds[0]); i++)
        if (fds[i] >= 0)
            close(fds[i]);
    folder->files_fd = folder->tmp_fd = folder->lock_fd = -1;
}
