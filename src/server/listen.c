/* listen.c - the addresses a server listens on, and the URLs that lead to them. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/internal.h"

static unsigned port_of(const struct pst_listen_addr *addr)
{
    /* The port lies at the same place in both families. */
    struct sockaddr_in in;
    memcpy(&in, &addr->addr, sizeof(in));
    return ntohs(in.sin_port);
}

static void set_port(struct pst_listen_addr *addr, unsigned port)
{
    struct sockaddr_in in;
    memcpy(&in, &addr->addr, sizeof(in));
    in.sin_port = htons((uint16_t)port);
    memcpy(&addr->addr, &in, sizeof(in));
}

static int open_pair_once(struct pst_listen_addr addrs[], size_t count, int fds[], size_t *ret_bad)
{
    bool is_any_open = false;
    bool is_port_free_choice = port_of(&addrs[0]) == 0;
    int last = 0;
    for (size_t i = 0; i < count; i++) {
        fds[i] = -1;
        if (i > 0 && is_port_free_choice)
            set_port(&addrs[i], port_of(&addrs[0]));
        int err = pst_listen_open(&addrs[i], -1, &fds[i]);
        if (err == PST_E_UNSUPPORTED &&
            count > 1) { /* a machine without IPv6, or without IPv4, still serves */
            last = err;
            *ret_bad = i;
            continue;
        }
        if (err) {
            int saved = errno;
            for (size_t k = 0; k < i; k++)
                if (fds[k] >= 0)
                    close(fds[k]);
            errno = saved;
            *ret_bad = i;
            return err;
        }
        is_any_open = true;
    }
    return is_any_open ? 0 : last;
}

/* Of a port that the kernel chose for one family the other family's may be taken: another is tried. */
enum { FREE_PORT_TRIES = 32 };

static int open_pair(struct pst_listen_addr addrs[], size_t count, int fds[], size_t *ret_bad)
{
    bool is_port_free_choice = port_of(&addrs[0]) == 0;
    int err = PST_E_BUSY;
    for (int i = 0; i < FREE_PORT_TRIES && err == PST_E_BUSY; i++) {
        if (is_port_free_choice)
            set_port(&addrs[0], 0);
        err = open_pair_once(addrs, count, fds, ret_bad);
        if (!is_port_free_choice)
            break;
    }
    return err;
}

static void address_text(const struct pst_listen_addr *addr, char *dst, size_t cap)
{
    char ip[INET6_ADDRSTRLEN] = "?";
    if (addr->addr.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &addr->addr, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, ip, sizeof(ip));
        snprintf(dst, cap, "%s", ip);
    } else {
        struct sockaddr_in6 in6;
        memcpy(&in6, &addr->addr, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, ip, sizeof(ip));
        snprintf(dst, cap, "[%s]", ip);
    }
}

static int listen_failed(struct pst_server *server, int err, const struct pst_listen_addr *addr)
{
    char ip[INET6_ADDRSTRLEN + 2];
    address_text(addr, ip, sizeof(ip));
    unsigned port = port_of(addr);
    switch (err) {
    case PST_E_BUSY:
        return pst_server_fail(
            server, err, "port %u on %s is in use; stop the program that has it, or choose another port",
            port, ip);
    case PST_E_ACCESS:
        return pst_server_fail(
            server, err, "port %u needs privileges; choose one from 1024 on, or grant CAP_NET_BIND_SERVICE",
            port);
    case PST_E_UNSUPPORTED:
        return pst_server_fail(
            server, err, "%s is no address of this machine; use localhost, * or one that \"ip addr\" shows",
            ip);
    default:
        return pst_server_fail(server, err, "cannot listen on %s port %u: %s", ip, port, strerror(errno));
    }
}

/* The host that a person would type: names stay names. */
static void host_text(const char *address, const struct pst_listen_addr *addr, char *dst, size_t cap)
{
    if (!strchr(address, ':') || strncmp(address, "localhost:", 10) == 0 || address[0] == '*')
        snprintf(dst, cap, "localhost");
    else
        address_text(addr, dst, cap);
}

static struct pst_url *new_url(const char *address, const struct pst_listen_addr *addr, bool is_secure)
{
    struct pst_url *url = calloc(1, sizeof(*url));
    if (!url)
        return NULL;
    char host[INET6_ADDRSTRLEN + 2];
    host_text(address, addr, host, sizeof(host));
    unsigned port = port_of(addr);
    const char *scheme = is_secure ? "https" : "http";
    if (port == (is_secure ? 443u : 80u))
        snprintf(url->text, sizeof(url->text), "%s://%s/", scheme, host);
    else
        snprintf(url->text, sizeof(url->text), "%s://%s:%u/", scheme, host, port);
    return url;
}

static int add_doors(struct pst_server *server, const struct pst_listen_addr addrs[], const int fds[],
                     size_t count, bool is_secure)
{
    struct pst_door *doors = realloc(server->doors, (server->door_count + count) * sizeof(*doors));
    if (!doors)
        return PST_E_NOMEM;
    server->doors = doors;
    for (size_t i = 0; i < count; i++)
        if (fds[i] >= 0)
            doors[server->door_count++] = (struct pst_door){addrs[i], is_secure, fds[i]};
    return 0;
}

static int listen_on(struct pst_server *server, const char *address, bool is_secure)
{
    server->error[0] = '\0';
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
    int fds[PST_LISTEN_ADDRS_MAX] = {-1, -1};
    size_t count, bad = 0;
    if (!address || pst_listen_parse(address, addrs, &count) != 0)
        return pst_server_fail(server, PST_E_SYNTAX,
                               "\"%s\" is no address to listen on; write 8080, localhost:8080, "
                               "127.0.0.1:8080, [::1]:8080 or *:8080",
                               address ? address : "");
    int err = open_pair(addrs, count, fds, &bad);
    if (err)
        return listen_failed(server, err, &addrs[bad]);
    size_t first = fds[0] >= 0 ? 0 : 1;
    struct pst_url *url = new_url(address, &addrs[first], is_secure);
    err = url ? add_doors(server, addrs, fds, count, is_secure) : PST_E_NOMEM;
    if (err) {
        free(url);
        for (size_t i = 0; i < count; i++)
            if (fds[i] >= 0)
                close(fds[i]);
        return pst_server_fail(server, err, "%s", pst_strerror(err));
    }
    struct pst_url **end = &server->urls;
    while (*end)
        end = &(*end)->next;
    *end = url;
    return 0;
}

int pst_server_listen_http(struct pst_server *server, const char *address)
{
    return listen_on(server, address, false);
}

int pst_server_listen_https(struct pst_server *server, const char *address)
{
    return listen_on(server, address, true);
}

const char *pst_server_url(const struct pst_server *server, size_t i)
{
    const struct pst_url *url = server->urls;
    while (url && i--)
        url = url->next;
    return url ? url->text : NULL;
}
