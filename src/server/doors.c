/* doors.c - how the doors treat who comes: the settings of postern/doors.h, and what they need of the doors
 * that there are. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"
#include "postern/doors.h"
#include "server/internal.h"

struct pst_host_name {
    struct pst_host_name *next;
    char text[];
};

/* ---- settings ---- */

static int check_not_started(struct pst_server *server)
{
    server->error[0] = '\0';
    return server->is_started ? pst_server_fail(server, PST_E_STATE, "the server has been started already")
                              : 0;
}

int pst_server_redirect(struct pst_server *server)
{
    int err = check_not_started(server);
    if (!err)
        server->gate.redirects = true;
    return err;
}

enum { YEAR_S = 31536000 };

int pst_server_hsts(struct pst_server *server, uint64_t max_age_s, unsigned flags)
{
    int err = check_not_started(server);
    if (err)
        return err;
    bool is_preloaded = (flags & PST_HSTS_PRELOAD) != 0, has_subdomains = (flags & PST_HSTS_SUBDOMAINS) != 0;
    if ((flags & ~(unsigned)(PST_HSTS_PRELOAD | PST_HSTS_SUBDOMAINS)) != 0)
        return pst_server_fail(server, PST_E_INVAL, "HSTS has no such flags");
    if (is_preloaded && (!has_subdomains || max_age_s < YEAR_S))
        return pst_server_fail(server, PST_E_INVAL,
                               "HSTS with preload needs includeSubDomains and at least %d seconds, a year",
                               YEAR_S);
    (void)snprintf(server->gate.hsts, sizeof(server->gate.hsts), "max-age=%llu%s%s",
                   (unsigned long long)max_age_s, has_subdomains ? "; includeSubDomains" : "",
                   is_preloaded ? "; preload" : "");
    return 0;
}

int pst_server_check_hosts(struct pst_server *server)
{
    int err = check_not_started(server);
    if (!err)
        server->gate.checks_hosts = true;
    return err;
}

static bool is_host_name(struct pst_slice name)
{
    if (name.len == 1 && name.ptr[0] == '*')
        return true;
    if (name.len > 2 && name.ptr[0] == '*' && name.ptr[1] == '.')
        name = pst_slice_of(name.ptr + 2, name.len - 2);
    struct pst_slice host;
    return name.len > 0 && name.len <= 255 && !memchr(name.ptr, '*', name.len) &&
           pst_authority_split(name, &host, NULL) == 0 && host.len == name.len;
}

int pst_server_host(struct pst_server *server, const char *name)
{
    int err = check_not_started(server);
    if (err)
        return err;
    if (!name || !is_host_name(pst_slice_str(name)))
        return pst_server_fail(
            server, PST_E_SYNTAX,
            "\"%.80s\" is no host name; write example.org, *.example.org or *, without a port",
            name ? name : "");
    size_t size = strlen(name) + 1;
    struct pst_host_name *host = malloc(sizeof(*host) + size);
    if (!host)
        return pst_server_fail(server, PST_E_NOMEM, "%s", pst_strerror(PST_E_NOMEM));
    memcpy(host->text, name, size);
    host->next = server->hosts;
    server->hosts = host;
    server->gate.checks_hosts = true;
    return 0;
}

/* ---- while it serves ---- */

/* What a host that is an address has to be compared with: any where all addresses are listened on. */
static bool is_listened_on(struct pst_slice host, const struct pst_listen_addr *addr)
{
    char text[INET6_ADDRSTRLEN + 2];
    if (addr->addr.ss_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, &addr->addr, sizeof(in));
        if (in.sin_addr.s_addr == htonl(INADDR_ANY))
            return true;
        inet_ntop(AF_INET, &in.sin_addr, text, sizeof(text));
        return pst_slice_eq(host, pst_slice_str(text));
    }
    struct sockaddr_in6 in6;
    struct in6_addr wanted;
    memcpy(&in6, &addr->addr, sizeof(in6));
    if (IN6_IS_ADDR_UNSPECIFIED(&in6.sin6_addr))
        return true;
    if (host.len < 3 || host.len >= sizeof(text) || host.ptr[0] != '[')
        return false;
    /* Of one IPv6 address there are many spellings. */
    memcpy(text, host.ptr + 1, host.len - 2);
    text[host.len - 2] = '\0';
    return inet_pton(AF_INET6, text, &wanted) == 1 && IN6_ARE_ADDR_EQUAL(&wanted, &in6.sin6_addr);
}

static bool serves_address(const struct pst_server *server, struct pst_slice host)
{
    if (pst_host_is_loopback(host))
        return true;
    for (size_t i = 0; i < server->door_count; i++)
        if (is_listened_on(host, &server->doors[i].addr))
            return true;
    return false;
}

bool pst_worker_serves_host(struct pst_http_env *env, struct pst_slice host)
{
    const struct pst_worker *worker = PST_CONTAINER(env, struct pst_worker, env);
    const struct pst_server *server = worker->server;
    if (pst_host_is_address(host) ? serves_address(server, host) : pst_host_is_localhost(host))
        return true;
    for (const struct pst_host_name *name = server->hosts; name; name = name->next)
        if (strcmp(name->text, "*") == 0 || pst_host_matches(host, pst_slice_str(name->text)))
            return true;
    return worker->tls && pst_tls_certs_have(pst_tls_ctx_certs(worker->tls), host);
}

/* ---- start and end ---- */

static unsigned port_of(const struct pst_door *door)
{
    struct sockaddr_in in; /* the port lies at the same place in both families */
    memcpy(&in, &door->addr.addr, sizeof(in));
    return ntohs(in.sin_port);
}

/* The port of number n among the ports of one kind, or of the last; 0: there is none. A name such as
 * localhost makes two doors with one port. */
static unsigned nth_port(const struct pst_server *server, bool is_secure, size_t n, bool *ret_is_last)
{
    unsigned port = 0;
    *ret_is_last = true;
    for (size_t i = 0; i < server->door_count; i++) {
        const struct pst_door *door = &server->doors[i];
        if (door->is_secure != is_secure || port_of(door) == port)
            continue;
        if (port != 0 && n-- == 0) {
            *ret_is_last = false;
            return port;
        }
        port = port_of(door);
    }
    return port;
}

int pst_server_make_gate(struct pst_server *server)
{
    struct pst_gate *gate = &server->gate;
    for (const struct pst_url *url = server->urls; url && !gate->url; url = url->next)
        if (strncmp(url->text, "https:", 6) == 0)
            gate->url = url->text;
    if (!gate->redirects)
        return 0;
    if (!gate->url)
        return pst_server_fail(server, PST_E_STATE,
                               "there is no https door that http could be redirected to");
    gate->ports = calloc(server->door_count, sizeof(*gate->ports));
    if (!gate->ports)
        return pst_server_fail(server, PST_E_NOMEM, "cannot start: %s", pst_strerror(PST_E_NOMEM));
    bool is_last = false, is_last_secure;
    while (!is_last && gate->port_count < server->door_count) {
        struct pst_gate_port *port = &gate->ports[gate->port_count];
        port->plain = nth_port(server, false, gate->port_count, &is_last);
        port->secure = nth_port(server, true, gate->port_count, &is_last_secure);
        gate->port_count++;
    }
    return 0;
}

void pst_server_free_gate(struct pst_server *server)
{
    free(server->gate.ports);
    while (server->hosts) {
        struct pst_host_name *next = server->hosts->next;
        free(server->hosts);
        server->hosts = next;
    }
}
