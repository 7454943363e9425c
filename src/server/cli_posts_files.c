/* cli_posts_files.c - files of posts, written out under safe names. */
#include "server/cli_posts_files.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define TAIL_BYTES 100 /* kept of the client's name: its end, which says what it is */

static bool is_safe(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '-' || c == '_';
}

void pst_cli_posts_file_name(char ret_name[PST_CLI_POSTS_NAME_BYTES], const struct pst_post *post,
                             const struct pst_post_file *file)
{
    struct pst_slice tail = file->file_name;
    for (size_t i = tail.len; i > 0; i--) {
        if (tail.ptr[i - 1] == '/' || tail.ptr[i - 1] == '\\') {
            tail = pst_slice_of(tail.ptr + i, tail.len - i);
            break;
        }
    }
    if (tail.len > TAIL_BYTES)
        tail = pst_slice_of(tail.ptr + (tail.len - TAIL_BYTES), TAIL_BYTES);
    if (tail.len == 0)
        tail = PST_SLICE("file");
    /* A box's name has up to 64 bytes, the numbers up to 20 and 10. */
    int n = snprintf(ret_name, PST_CLI_POSTS_NAME_BYTES, "%.*s-%llu-%u-", PST_FMT(post->box),
                     (unsigned long long)post->id, file->number);
    char *p = ret_name + n;
    for (size_t i = 0; i < tail.len; i++)
        *p++ = is_safe(tail.ptr[i]) ? tail.ptr[i] : '_';
    *p = '\0';
}

int pst_cli_posts_files_open(const char *dir, int *ret_dir_fd)
{
    if (mkdir(dir, 0700) != 0 && errno != EEXIST)
        return errno;
    *ret_dir_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return *ret_dir_fd < 0 ? errno : 0;
}

/* Returns 0 or a positive errno. */
static int copy(int from, int to)
{
    char buffer[65536];
    for (;;) {
        ssize_t n = read(from, buffer, sizeof buffer);
        if (n <= 0)
            return n < 0 ? errno : 0;
        for (ssize_t done = 0; done < n;) {
            ssize_t written = write(to, buffer + done, (size_t)(n - done));
            if (written < 0)
                return errno;
            done += written;
        }
    }
}

/* Returns 0 or a positive errno. */
static int write_file(int dir_fd, const char *name, int from)
{
    char part[PST_CLI_POSTS_NAME_BYTES + 8];
    (void)snprintf(part, sizeof part, "%s.part", name);
    (void)unlinkat(dir_fd, part, 0); /* of a run that was broken off */
    int to = openat(dir_fd, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (to < 0)
        return errno;
    int err = copy(from, to);
    if (close(to) != 0 && !err)
        err = errno;
    if (!err && renameat(dir_fd, part, dir_fd, name) != 0)
        err = errno;
    if (err)
        (void)unlinkat(dir_fd, part, 0);
    return err;
}

int pst_cli_posts_files_write(struct pst_store *store, const struct pst_post *post, int dir_fd,
                              uint64_t *count, char *why, size_t why_size)
{
    for (size_t i = 0; i < post->file_count; i++) {
        char name[PST_CLI_POSTS_NAME_BYTES];
        int from = -1;
        int err =
            pst_store_open_file(store, post->box, post->id, post->files[i].number, &from, NULL, NULL, 0);
        if (err) {
            (void)snprintf(why, why_size, "cannot read file %u of post %llu: %s", post->files[i].number,
                           (unsigned long long)post->id, pst_strerror(err));
            return err;
        }
        pst_cli_posts_file_name(name, post, &post->files[i]);
        int number = write_file(dir_fd, name, from);
        (void)close(from);
        if (number) {
            (void)snprintf(why, why_size, "cannot write %s: %s", name,
                           strerror(number)); /* NOLINT(concurrency-mt-unsafe): no other thread prints */
            return PST_E_IO;
        }
        (*count)++;
    }
    return 0;
}
