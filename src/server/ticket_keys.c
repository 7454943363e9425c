/* ticket_keys.c - where the secrets of session tickets come from: randomness, or files that several machines
 * share. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "postern/tls.h"
#include "server/internal.h"

/* The last two of a folder's files, by name; [1] is the last. */
struct newest {
    char names[2][NAME_MAX + 1];
    unsigned count;
};

struct secrets {
    uint8_t current[PST_TICKET_SECRET_BYTES], previous[PST_TICKET_SECRET_BYTES];
    bool has_previous;
};

static int say_errno(struct pst_server_line line, const char *path)
{
    int err = errno == ENOENT ? PST_E_NOENT : errno == EACCES || errno == EPERM ? PST_E_ACCESS : PST_E_IO;
    return pst_server_say(line, err, "the ticket keys %.300s cannot be read: %s", path, strerror(errno));
}

/* Whoever can read them can read what was sent under them. */
static int check_file(int fd, const char *path, struct pst_server_line line)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return say_errno(line, path);
    if (!S_ISREG(st.st_mode) || (st.st_size != 48 && st.st_size != 80))
        return pst_server_say(
            line, PST_E_INVAL,
            "%.300s holds no ticket key: a file of 48 random bytes is needed, as openssl rand -out "
            "FILE 48 makes one",
            path);
    if (st.st_mode & 077)
        return pst_server_say(line, PST_E_INVAL, "others may read the ticket key %.300s: chmod 600 it", path);
    return 0;
}

static int read_secret(int folder, const char *path, uint8_t dst[PST_TICKET_SECRET_BYTES],
                       struct pst_server_line line)
{
    int fd = openat(folder, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return say_errno(line, path);
    int err = check_file(fd, path, line);
    if (!err && pread(fd, dst, PST_TICKET_SECRET_BYTES, 0) != PST_TICKET_SECRET_BYTES)
        err = pst_server_say(line, PST_E_IO, "the ticket key %.300s cannot be read", path);
    close(fd);
    return err;
}

static void consider(struct newest *newest, const char *name)
{
    if (name[0] == '.')
        return;
    int slot = strcmp(name, newest->names[1]) > 0 ? 1 : strcmp(name, newest->names[0]) > 0 ? 0 : -1;
    if (slot == 1)
        memcpy(newest->names[0], newest->names[1], sizeof(newest->names[0]));
    if (slot >= 0)
        (void)snprintf(newest->names[slot], sizeof(newest->names[slot]), "%s", name);
    newest->count++;
}

static int read_folder(DIR *dir, const char *path, struct secrets *secrets, struct pst_server_line line)
{
    struct newest newest = {.count = 0};
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        consider(&newest, entry->d_name);
    if (newest.count == 0)
        return pst_server_say(line, PST_E_INVAL,
                              "there is no ticket key in %.300s: put files of 48 random bytes there", path);
    int err = read_secret(dirfd(dir), newest.names[1], secrets->current, line);
    secrets->has_previous = newest.count > 1;
    if (!err && secrets->has_previous)
        err = read_secret(dirfd(dir), newest.names[0], secrets->previous, line);
    return err;
}

static int read_secrets(const char *path, struct secrets *secrets, struct pst_server_line line)
{
    DIR *dir = opendir(path);
    secrets->has_previous = false;
    if (!dir)
        return errno == ENOTDIR ? read_secret(AT_FDCWD, path, secrets->current, line) : say_errno(line, path);
    int err = read_folder(dir, path, secrets, line);
    closedir(dir);
    return err;
}

/* tickets NULL: only looks whether they could be read. */
static int take(const char *path, struct pst_tls_tickets *tickets, struct pst_server_line line)
{
    struct secrets secrets;
    int err = read_secrets(path, &secrets, line);
    if (!err && tickets)
        pst_tls_tickets_set(tickets, secrets.current, secrets.has_previous ? secrets.previous : NULL);
    explicit_bzero(&secrets, sizeof(secrets));
    return err;
}

int pst_tls_ticket_keys(struct pst_server *server, const char *path)
{
    server->error[0] = '\0';
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    int err = take(path, NULL, (struct pst_server_line){server->error, sizeof(server->error)});
    if (err)
        return err;
    char *copy = strdup(path);
    if (!copy)
        return pst_server_fail(server, PST_E_NOMEM, "%s", pst_strerror(PST_E_NOMEM));
    free(server->ticket_path);
    server->ticket_path = copy;
    return 0;
}

int pst_server_make_tickets(struct pst_server *server, char *why, size_t why_size)
{
    if (server->has_no_tickets || server->client_ca)
        return 0;
    int err = pst_tls_tickets_new(&server->tickets);
    if (err)
        return pst_server_say((struct pst_server_line){why, why_size}, err, "%s", pst_strerror(err));
    return server->ticket_path ? pst_server_reread_tickets(server, why, why_size) : 0;
}

int pst_server_reread_tickets(struct pst_server *server, char *why, size_t why_size)
{
    return server->tickets
               ? take(server->ticket_path, server->tickets, (struct pst_server_line){why, why_size})
               : 0;
}
