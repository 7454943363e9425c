/* cli_doctor_proxy.c - proxies that the environment names: curl and most other programs, and browsers that
 * are started from a terminal, send requests there instead of to the server itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include <postern/slice.h>

#include "server/cli_connect.h"
#include "server/cli_doctor.h"

enum { TIMEOUT_MS = 5000 };

struct proxy {
    const char *variable, *value;
    char host[256];
    unsigned port;
};

/* Capitals only as well, but for http_proxy, which a CGI request could set (HTTP_PROXY). */
static bool find_proxy(struct proxy *proxy)
{
    static const char *const variables[] = {"https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY",
                                            "http_proxy"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]); /* NOLINT(concurrency-mt-unsafe): one thread */
        if (value && value[0]) {
            proxy->variable = variables[i];
            proxy->value = value;
            return true;
        }
    }
    return false;
}

/* "http://user:password@host:port/" with everything but the host left out at will. */
static bool read_proxy(struct proxy *proxy)
{
    const char *start = strstr(proxy->value, "://");
    unsigned long long port = 3128;
    start = start ? start + 3 : proxy->value;
    size_t len = strcspn(start, "/");
    const char *at = memrchr(start, '@', len);
    if (at) {
        len -= (size_t)(at + 1 - start);
        start = at + 1;
    }
    const char *colon = memrchr(start, ':', len);
    size_t host_len = colon ? (size_t)(colon - start) : len;
    if (colon && (!pst_slice_to_u64(pst_slice_of(colon + 1, len - host_len - 1), &port) || port > 65535))
        return false;
    if (host_len > 1 && start[0] == '[' && start[host_len - 1] == ']') {
        start++;
        host_len -= 2;
    }
    if (host_len == 0 || host_len >= sizeof proxy->host)
        return false;
    (void)snprintf(proxy->host, sizeof proxy->host, "%.*s", (int)host_len, start);
    proxy->port = (unsigned)port;
    return true;
}

/* Whether no_proxy leaves the host out: "*", the name itself, or a domain above it. */
static bool is_left_out(const char *host)
{
    const char *list = getenv("no_proxy"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (!list)
        list = getenv("NO_PROXY"); /* NOLINT(concurrency-mt-unsafe): one thread */
    size_t host_len = strlen(host);
    for (const char *at = list; at && *at;) {
        at += strspn(at, ", ");
        size_t len = strcspn(at, ", ");
        const char *word = at;
        at += len;
        if (len == 1 && word[0] == '*')
            return true;
        if (len > 1 && word[0] == '.') {
            word++;
            len--;
        }
        if (len == 0 || len > host_len || strncasecmp(host + host_len - len, word, len) != 0)
            continue;
        if (len == host_len || host[host_len - len - 1] == '.')
            return true;
    }
    return false;
}

/* What the proxy says to a tunnel. A password in its address is not sent: the answer 407 says enough. */
static void try_tunnel(struct pst_cli_doctor *doctor, const struct proxy *proxy, const char *host,
                       unsigned port)
{
    struct pst_cli_connect how;
    char request[1024], answer[256], remedy[400];
    (void)snprintf(remedy, sizeof remedy,
                   "leave this host out: export no_proxy=\"${no_proxy:+$no_proxy,}%.255s\"", host);
    bool is_v6 = strchr(host, ':') != NULL;
    (void)snprintf(request, sizeof request, "CONNECT %s%.255s%s:%u HTTP/1.1\r\nHost: %s%.255s%s:%u\r\n\r\n",
                   is_v6 ? "[" : "", host, is_v6 ? "]" : "", port, is_v6 ? "[" : "", host, is_v6 ? "]" : "",
                   port);
    int fd = pst_cli_connect(proxy->host, proxy->port, TIMEOUT_MS, &how);
    if (fd < 0) {
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, remedy,
                        "%s sends requests for %s to the proxy %s port %u, which cannot be reached: %s",
                        proxy->variable, host, proxy->host, proxy->port, how.text);
        return;
    }
    size_t n = pst_cli_connect_ask(fd, request, TIMEOUT_MS, answer, sizeof answer);
    (void)close(fd);
    answer[strcspn(answer, "\r\n")] = '\0';
    const char *space = strchr(answer, ' ');
    bool is_open = strncmp(answer, "HTTP/1.", 7) == 0 && space && space[1] == '2';
    pst_cli_finding(
        &doctor->findings, is_open ? PST_TLS_WARNING : PST_TLS_PROBLEM, remedy,
        is_open ? "%s sends requests for %s to the proxy %s port %u, which opens a tunnel there (%s)"
                : "%s sends requests for %s to the proxy %s port %u, which opens no tunnel there (%s)",
        proxy->variable, host, proxy->host, proxy->port, n ? answer : "it says nothing");
}

void pst_cli_doctor_proxy(struct pst_cli_doctor *doctor, const char *host, unsigned port)
{
    struct proxy proxy = {0};
    if (!find_proxy(&proxy))
        pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "the environment names no proxy");
    else if (is_left_out(host))
        pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "%s names a proxy, but no_proxy leaves %s out",
                        proxy.variable, host);
    else if (!read_proxy(&proxy))
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING, "write it as http://HOST:PORT",
                        "%s does not name a proxy that can be understood", proxy.variable);
    else if (port == 0)
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING,
                        "leave this machine out: export no_proxy=\"${no_proxy:+$no_proxy,}localhost\"",
                        "%s sends requests for %s to the proxy %s port %u", proxy.variable, host, proxy.host,
                        proxy.port);
    else
        try_tunnel(doctor, &proxy, host, port);
}
