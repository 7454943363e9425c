/* keeper.c - a thread beside the workers, which looks after the certificate files while the server serves.
 *
 * It watches folders, not files: most programs that renew certificates put a new file, or a new link, in the
 * place of the old one. Where our name is
 * a link, its being put anew is what counts. */
#include <errno.h>
#include <libgen.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "postern/tls.h"
#include "server/internal.h"
#include "server/local_renew.h"
#include "server/server.h"

/* A certificate and its key are two files: what comes within this time of each other is one change. */
enum { QUIET_MS = 300 };
/* A secret opens tickets for as long again: together the time that a ticket is good for. */
enum { ROTATE_MS = PST_TICKET_LIFETIME_S / 2 * 1000 };

struct pst_keeper {
    struct pst_server *server;
    pthread_t thread;
    int inotify_fd, end_fd;
    int address_fd;    /* netlink: something about this machine's addresses has changed; -1: not asked */
    int ticket_folder; /* its watch; -1: none */
    size_t name_count;
    char **names; /* of the files, without their folders */
};

/* The folder that a file's name lies in, and the file's own name there. */
static int watch(struct pst_keeper *keeper, const char *file)
{
    if (!file)
        return 0;
    char *for_folder = strdup(file), *for_name = strdup(file);
    char *name = for_name ? strdup(basename(for_name)) : NULL;
    int err = for_folder && name ? 0 : PST_E_NOMEM;
    if (!err && inotify_add_watch(keeper->inotify_fd, dirname(for_folder),
                                  IN_CLOSE_WRITE | IN_MOVED_TO | IN_CREATE | IN_DELETE) < 0)
        err = PST_E_SYSTEM;
    if (!err)
        keeper->names[keeper->name_count++] = name;
    else
        free(name);
    free(for_folder);
    free(for_name);
    return err;
}

/* A file, or a folder: then everything in it counts. */
static int watch_tickets(struct pst_keeper *keeper, const char *path)
{
    keeper->ticket_folder =
        inotify_add_watch(keeper->inotify_fd, path, IN_CLOSE_WRITE | IN_MOVED_TO | IN_DELETE | IN_ONLYDIR);
    return keeper->ticket_folder >= 0 ? 0 : watch(keeper, path);
}

static bool is_ours(const struct pst_keeper *keeper, const struct inotify_event *event)
{
    if (event->mask & IN_Q_OVERFLOW || (keeper->ticket_folder >= 0 && event->wd == keeper->ticket_folder))
        return true;
    /* Kubernetes keeps all files behind one link of this name, which it puts anew. */
    if (event->len > 0 && strcmp(event->name, "..data") == 0)
        return true;
    for (size_t i = 0; event->len > 0 && i < keeper->name_count; i++)
        if (strcmp(event->name, keeper->names[i]) == 0)
            return true;
    return false;
}

/* Reads what has happened. True where one of our files may be another now. */
static bool read_events(struct pst_keeper *keeper)
{
    union {
        struct inotify_event event; /* for its alignment */
        char bytes[4096];
    } buffer;
    bool is_changed = false;
    ssize_t n;
    while ((n = read(keeper->inotify_fd, buffer.bytes, sizeof(buffer.bytes))) > 0)
        for (ssize_t at = 0; at < n;) {
            const struct inotify_event *event =
                (const struct inotify_event *)(const void *)(buffer.bytes + at);
            is_changed = is_changed || is_ours(keeper, event);
            at += (ssize_t)(sizeof(*event) + event->len);
        }
    return is_changed;
}

void pst_server_reread(struct pst_server *server, const char *why_now)
{
    char why[512];
    if (server->cert_count == 0)
        pst_server_notice(server, "%s: there are no certificates to read anew", why_now);
    else if (pst_tls_reload(server, why, sizeof(why)) == 0)
        pst_server_notice(server, "%s: the certificates were read anew; new connections get them", why_now);
    else
        pst_server_notice(server, "%s: the certificates that are in use stay: %s", why_now, why);
}

static void reload(struct pst_keeper *keeper)
{
    struct pst_server *server = keeper->server;
    char why[512];
    if (server->watches_certs)
        pst_server_reread(server, "a file has changed");
    else if (server->ticket_path && pst_server_reread_tickets(server, why, sizeof(why)) != 0)
        pst_server_notice(server, "the ticket keys have changed, but the old ones stay in use: %s", why);
}

/* Random secrets are made anew; those from files are their owner's to renew. */
static void rotate(struct pst_keeper *keeper)
{
    struct pst_server *server = keeper->server;
    if (server->tickets && !server->ticket_path && pst_tls_tickets_rotate(server->tickets) != 0)
        pst_server_notice(server, "no randomness for new ticket keys; the old ones stay in use");
}

/* The watch sees the new files, and reads them. */
static void renew(struct pst_keeper *keeper)
{
    struct pst_server *server = keeper->server;
    char text[PST_LOCAL_ERROR_BYTES];
    struct pst_local_names *addresses = NULL;
    if (!server->renews_local)
        return;
    if (server->covers_addresses && (addresses = malloc(sizeof(*addresses))) != NULL)
        pst_local_addresses(addresses);
    for (size_t i = 0; i < server->cert_count; i++) {
        struct pst_local_renewal renewal = {
            .cert_file = server->certs[i].cert, .now = (int64_t)time(NULL), .addresses = addresses};
        if (pst_local_renew(&renewal, text, sizeof(text)) != PST_LOCAL_LEFT_ALONE)
            pst_server_notice(server, "%s", text);
    }
    free(addresses);
}

/* Without it addresses are looked at every 12 hours only. */
static int open_addresses(void)
{
    struct sockaddr_nl own = {.nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR};
    int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
    if (fd >= 0 && bind(fd, (const struct sockaddr *)&own, sizeof(own)) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

/* What it says does not matter: all addresses are asked for anew. */
static void drain_addresses(int fd)
{
    char message[8192];
    ssize_t n;
    do
        n = recv(fd, message, sizeof(message), 0);
    while (n > 0 || (n < 0 && (errno == ENOBUFS || errno == EINTR)));
}

static uint64_t now_ms(void)
{
    return pst_clock_system.now_us(NULL) / 1000;
}

static void *keep(void *arg)
{
    struct pst_keeper *keeper = arg;
    uint64_t rotate_at_ms = now_ms() + ROTATE_MS;
    bool is_due = false, is_moved = false; /* files, addresses have changed */
    struct pollfd fds[3] = {{.fd = keeper->inotify_fd, .events = POLLIN},
                            {.fd = keeper->end_fd, .events = POLLIN},
                            {.fd = keeper->address_fd, .events = POLLIN}}; /* poll() passes over -1 */
    renew(keeper);
    for (;;) {
        uint64_t now = now_ms();
        if (now >= rotate_at_ms) {
            rotate(keeper);
            renew(keeper);
            rotate_at_ms = now + ROTATE_MS;
        }
        int ready = poll(fds, 3, is_due || is_moved ? QUIET_MS : (int)(rotate_at_ms - now));
        if ((ready < 0 && errno != EINTR) || (ready > 0 && fds[1].revents))
            return NULL;
        if (ready > 0) {
            is_due = (fds[0].revents && read_events(keeper)) || is_due;
            is_moved = fds[2].revents || is_moved;
            if (fds[2].revents)
                drain_addresses(keeper->address_fd);
        } else if (ready == 0 && is_moved) {
            is_moved = false;
            renew(keeper);
        } else if (ready == 0 && is_due) {
            is_due = false;
            reload(keeper);
        }
    }
}

static int start(struct pst_keeper *keeper)
{
    sigset_t all, before; /* signals are for the program's own threads */
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    int failed = pthread_create(&keeper->thread, NULL, keep, keeper);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!failed)
        pthread_setname_np(keeper->thread, "postern/keeper");
    return failed ? PST_E_SYSTEM : 0;
}

static void drop(struct pst_keeper *keeper)
{
    for (size_t i = 0; i < keeper->name_count; i++)
        free(keeper->names[i]);
    free(keeper->names);
    if (keeper->inotify_fd >= 0)
        close(keeper->inotify_fd);
    if (keeper->end_fd >= 0)
        close(keeper->end_fd);
    if (keeper->address_fd >= 0)
        close(keeper->address_fd);
    free(keeper);
}

int pst_keeper_new(struct pst_keeper **ret_keeper, struct pst_server *server)
{
    struct pst_keeper *keeper = calloc(1, sizeof(*keeper));
    if (!keeper)
        return PST_E_NOMEM;
    keeper->server = server;
    keeper->ticket_folder = -1;
    keeper->inotify_fd = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    keeper->address_fd = server->renews_local && server->covers_addresses ? open_addresses() : -1;
    keeper->end_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    keeper->names = calloc(3 * server->cert_count + 2, sizeof(*keeper->names));
    int err = !keeper->names ? PST_E_NOMEM : keeper->inotify_fd < 0 || keeper->end_fd < 0 ? PST_E_SYSTEM : 0;
    for (size_t i = 0; !err && server->watches_certs && i < server->cert_count; i++) {
        const struct pst_cert_files *files = &server->certs[i];
        err = watch(keeper, files->cert);
        if (!err)
            err = watch(keeper, files->key);
        if (!err)
            err = watch(keeper, files->password);
    }
    if (!err && server->watches_certs)
        err = watch(keeper, server->client_ca);
    if (!err && server->ticket_path)
        err = watch_tickets(keeper, server->ticket_path);
    if (!err)
        err = start(keeper);
    if (err) {
        drop(keeper);
        return err;
    }
    *ret_keeper = keeper;
    return 0;
}

void pst_keeper_free(struct pst_keeper *keeper)
{
    if (!keeper)
        return;
    uint64_t one = 1;
    ssize_t n = write(keeper->end_fd, &one, sizeof(one));
    (void)n; /* an eventfd that nobody has written to takes it */
    pthread_join(keeper->thread, NULL);
    drop(keeper);
}
