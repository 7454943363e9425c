/* host.c - what kind of host an authority names: see gate.h. Nothing is looked up. */
#include <arpa/inet.h>
#include <string.h>

#include "http/gate.h"

/* RFC 1034 3.1: a name with a dot at its end is the same name, written absolutely. */
static struct pst_slice without_dot(struct pst_slice host)
{
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    return host;
}

static bool ends_with(struct pst_slice host, struct pst_slice end)
{
    return host.len > end.len && pst_slice_case_eq(pst_slice_of(host.ptr + host.len - end.len, end.len), end);
}

bool pst_host_is_localhost(struct pst_slice host)
{
    host = without_dot(host);
    return pst_slice_case_eq(host, PST_SLICE("localhost")) || ends_with(host, PST_SLICE(".localhost"));
}

/* The address family, or 0. */
static int read_address(struct pst_slice host, struct in6_addr *ret_v6, struct in_addr *ret_v4)
{
    char text[INET6_ADDRSTRLEN];
    bool is_bracketed = host.len > 2 && host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed)
        host = pst_slice_of(host.ptr + 1, host.len - 2);
    if (host.len == 0 || host.len >= sizeof(text) || memchr(host.ptr, '\0', host.len))
        return 0;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    if (is_bracketed)
        return inet_pton(AF_INET6, text, ret_v6) == 1 ? AF_INET6 : 0;
    return inet_pton(AF_INET, text, ret_v4) == 1 ? AF_INET : 0;
}

bool pst_host_is_address(struct pst_slice host)
{
    struct in6_addr v6;
    struct in_addr v4;
    return read_address(host, &v6, &v4) != 0;
}

bool pst_host_is_loopback(struct pst_slice host)
{
    struct in6_addr v6;
    struct in_addr v4;
    switch (read_address(host, &v6, &v4)) {
    case AF_INET:
        return ntohl(v4.s_addr) >> 24 == 127;
    case AF_INET6:
        return IN6_IS_ADDR_LOOPBACK(&v6);
    default:
        return false;
    }
}

bool pst_host_matches(struct pst_slice host, struct pst_slice name)
{
    host = without_dot(host);
    name = without_dot(name);
    if (name.len < 3 || name.ptr[0] != '*' || name.ptr[1] != '.')
        return host.len > 0 && pst_slice_case_eq(host, name);
    const char *dot = memchr(host.ptr, '.', host.len);
    if (!dot || dot == host.ptr)
        return false;
    struct pst_slice rest = pst_slice_of(dot, host.len - (size_t)(dot - host.ptr));
    return pst_slice_case_eq(rest, pst_slice_of(name.ptr + 1, name.len - 1));
}
