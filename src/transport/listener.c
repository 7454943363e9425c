/* listener.c - see listener.h. */
#include "transport/listener.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#include "postern/err.h"
#include "postern/slice.h"

enum { BACKLOG = 4096 }; /* the kernel lowers it to net.core.somaxconn */

static void set_v4(struct pst_listen_addr *a, struct in_addr ip, unsigned port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr = ip};
    memset(a, 0, sizeof(*a));
    memcpy(&a->addr, &in, sizeof(in));
    a->len = sizeof(in);
}

static void set_v6(struct pst_listen_addr *a, struct in6_addr ip, unsigned port)
{
    struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port), .sin6_addr = ip};
    memset(a, 0, sizeof(*a));
    memcpy(&a->addr, &in6, sizeof(in6));
    a->len = sizeof(in6);
}

int pst_listen_parse(const char *text, struct pst_listen_addr ret_addrs[PST_LISTEN_ADDRS_MAX],
                     size_t *ret_count)
{
    struct pst_slice port_text = pst_slice_str(text), host = PST_SLICE("localhost");
    const char *colon = strrchr(text, ':');
    if (colon) {
        host = pst_slice_of(text, (size_t)(colon - text));
        port_text = pst_slice_str(colon + 1);
    }
    unsigned long long port;
    char name[64];
    if (!pst_slice_to_u64(port_text, &port) || port > 65535 || host.len == 0 || host.len >= sizeof(name))
        return PST_E_SYNTAX;

    bool is_bracketed = host.ptr[0] == '[' && host.ptr[host.len - 1] == ']';
    if (is_bracketed)
        host = pst_slice_of(host.ptr + 1, host.len - 2);
    memcpy(name, host.ptr, host.len);
    name[host.len] = '\0';

    struct in_addr v4;
    struct in6_addr v6;
    unsigned p = (unsigned)port;
    *ret_count = 1;
    if (is_bracketed) {
        if (inet_pton(AF_INET6, name, &v6) != 1)
            return PST_E_SYNTAX;
        set_v6(&ret_addrs[0], v6, p);
    } else if (strcmp(name, "localhost") == 0 || strcmp(name, "*") == 0) {
        bool is_any = name[0] == '*';
        set_v4(&ret_addrs[0], (struct in_addr){htonl(is_any ? INADDR_ANY : INADDR_LOOPBACK)}, p);
        set_v6(&ret_addrs[1], is_any ? in6addr_any : in6addr_loopback, p);
        *ret_count = 2;
    } else if (inet_pton(AF_INET, name, &v4) == 1) {
        set_v4(&ret_addrs[0], v4, p);
    } else {
        return PST_E_SYNTAX;
    }
    return 0;
}

static int bind_error(void)
{
    switch (errno) {
    case EADDRINUSE:
        return PST_E_BUSY;
    case EACCES:
    case EPERM:
        return PST_E_ACCESS;
    case EADDRNOTAVAIL:
    case EAFNOSUPPORT:
    case EPROTONOSUPPORT:
        return PST_E_UNSUPPORTED;
    default:
        return PST_E_SYSTEM;
    }
}

static int set_on(int fd, int level, int option)
{
    int on = 1;
    return setsockopt(fd, level, option, &on, sizeof(on));
}

int pst_listen_open(struct pst_listen_addr *addr, int first_fd, int *ret_fd)
{
    int fd = socket(addr->addr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return bind_error();
    /* SO_REUSEADDR: a restart is not refused because of old connections in TIME_WAIT. */
    if (set_on(fd, SOL_SOCKET, SO_REUSEADDR) != 0)
        goto fail;
    if (addr->addr.ss_family == AF_INET6 && set_on(fd, IPPROTO_IPV6, IPV6_V6ONLY) != 0)
        goto fail;
    /* Workers share a port by SO_REUSEPORT, which alone would also let a second server of the same user take
     * half the visitors in silence. So the first socket of an address binds and listens without it, which the
     * kernel refuses where anybody listens already, and shares only once there is a further worker to share
     * with. */
    if (first_fd >= 0 &&
        (set_on(first_fd, SOL_SOCKET, SO_REUSEPORT) != 0 || set_on(fd, SOL_SOCKET, SO_REUSEPORT) != 0))
        goto fail;
    if (bind(fd, (const struct sockaddr *)&addr->addr, addr->len) != 0 || listen(fd, BACKLOG) != 0)
        goto fail;
    socklen_t len = sizeof(addr->addr);
    if (getsockname(fd, (struct sockaddr *)&addr->addr, &len) != 0)
        goto fail;
    /* Accepted sockets inherit it. Replies are written whole, so waiting to fill segments only delays them.
     */
    if (set_on(fd, IPPROTO_TCP, TCP_NODELAY) != 0)
        goto fail;
    *ret_fd = fd;
    return 0;
fail:;
    int err = bind_error(), saved = errno;
    close(fd);
    errno = saved;
    return err;
}

enum pst_accept pst_listen_accept(int listen_fd, int *ret_fd, struct sockaddr_storage *ret_peer,
                                  socklen_t *ret_peer_len)
{
    *ret_peer_len = sizeof(*ret_peer);
    int fd = accept4(listen_fd, (struct sockaddr *)ret_peer, ret_peer_len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        *ret_fd = fd;
        return PST_ACCEPT_OK;
    }
    switch (errno) {
    case EAGAIN:
#if EWOULDBLOCK != EAGAIN
    case EWOULDBLOCK:
#endif
        return PST_ACCEPT_EMPTY;
    case ECONNABORTED:
    case EINTR:
    /* accept(2): Linux passes on errors that the new socket has met already. */
    case EPROTO:
    case ENOPROTOOPT:
    case ENETDOWN:
    case ENETUNREACH:
    case EHOSTDOWN:
    case EHOSTUNREACH:
    case ENONET:
    case ETIMEDOUT:
        return PST_ACCEPT_AGAIN;
    case EBADF:
    case EINVAL:
    case ENOTSOCK:
    case EOPNOTSUPP:
    case EFAULT:
        return PST_ACCEPT_BROKEN;
    default:
        /* EMFILE, ENFILE, ENOBUFS, ENOMEM; and whatever else may last: waiting is right, trying at once would
         * spin. */
        return PST_ACCEPT_FULL;
    }
}
