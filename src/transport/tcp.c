/* tcp.c - the plain transport, and the socket calls that the TLS transport shares. Knows nothing of what the
 * bytes mean. */
#include "transport/tcp.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <unistd.h>

#include "postern/err.h"

void pst_socket_init(struct pst_socket *s, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    memset(s, 0, sizeof(*s));
    s->fd = fd;
    s->maybe_more = true;
    if (peer && peer_len <= sizeof(s->peer))
        memcpy(&s->peer, peer, peer_len);
}

static enum pst_io fail(struct pst_socket *s)
{
    s->error = errno;
    s->ended = PST_IO_ERR;
    return PST_IO_ERR;
}

enum pst_io pst_socket_recv(struct pst_socket *s, void *dst, size_t cap, size_t *ret_n)
{
    if (s->ended != PST_IO_OK)
        return s->ended;
    ssize_t n;
    do
        n = recv(s->fd, dst, cap, 0);
    while (n < 0 && errno == EINTR);
    if (n > 0) {
        /* A short read has emptied the socket; what comes later raises a new edge (epoll(7)). */
        s->maybe_more = (size_t)n == cap;
        *ret_n = (size_t)n;
        return PST_IO_OK;
    }
    s->maybe_more = false;
    if (n == 0)
        return s->ended = PST_IO_EOF;
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return PST_IO_WANT_RD;
    return fail(s);
}

static enum pst_io sent(struct pst_socket *s, ssize_t n, size_t *ret_n)
{
    if (n >= 0) {
        *ret_n = (size_t)n;
        return PST_IO_OK;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK)
        return PST_IO_WANT_WR;
    return fail(s);
}

static int send_flags(enum pst_send how)
{
    return MSG_NOSIGNAL | (how == PST_SEND_NOW ? 0 : MSG_MORE);
}

enum pst_io pst_socket_send(struct pst_socket *s, const void *data, size_t len, enum pst_send how,
                            size_t *ret_n)
{
    if (s->ended == PST_IO_ERR)
        return PST_IO_ERR;
    ssize_t n;
    do
        n = send(s->fd, data, len, send_flags(how));
    while (n < 0 && errno == EINTR);
    return sent(s, n, ret_n);
}

/* ---- sends that wait for the end of the turn ---- */

/* They were counted, so they have to be kept, and flushed by whoever drives the transport. */
static void on_left(struct pst_sending *send, const void *rest, size_t len, int error)
{
    struct pst_socket *s = PST_CONTAINER(send, struct pst_socket, send);
    s->held = error ? NULL : malloc(len);
    s->held_at = 0;
    s->held_len = s->held ? len : 0;
    if (s->held) {
        memcpy(s->held, rest, len);
    } else {
        errno = error ? error : ENOMEM;
        (void)fail(s);
    }
    if (s->owner && s->owner->owner)
        s->owner->owner->on_held(s->owner->owner);
}

void pst_socket_batch(struct pst_socket *s, struct pst_transport *transport, struct pst_sends *sends)
{
    s->sends = sends;
    s->send.on_left = on_left;
    s->owner = transport;
}

static void submit(struct pst_socket *s)
{
    if (s->send.is_pending)
        pst_sends_submit(s->sends);
}

static void drop_held(struct pst_socket *s)
{
    free(s->held);
    s->held = NULL;
    s->held_at = s->held_len = 0;
}

static enum pst_io flush_held(struct pst_socket *s)
{
    while (s->held_len) {
        ssize_t n = send(s->fd, s->held + s->held_at, s->held_len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return errno == EAGAIN || errno == EWOULDBLOCK ? PST_IO_WANT_WR : fail(s);
        s->held_at += (size_t)n;
        s->held_len -= (size_t)n;
    }
    drop_held(s);
    return PST_IO_OK;
}

enum pst_io pst_socket_flush(struct pst_socket *s)
{
    if (s->ended == PST_IO_ERR)
        return PST_IO_ERR;
    return s->held ? flush_held(s) : PST_IO_OK;
}

/* Before anything else goes out: what was counted so far has to be gone. */
static enum pst_io flush_all(struct pst_socket *s)
{
    submit(s);
    return pst_socket_flush(s);
}

enum pst_io pst_socket_sendv(struct pst_socket *s, const struct iovec *iov, int cnt, enum pst_send how,
                             size_t *ret_n)
{
    bool waits = s->sends && how == PST_SEND_NOW; /* else it goes with what follows, now */
    enum pst_io io = waits ? pst_socket_flush(s) : flush_all(s);
    if (io != PST_IO_OK)
        return io;
    if (waits && pst_sends_add(s->sends, &s->send, s->fd, iov, cnt)) {
        *ret_n = 0;
        for (int i = 0; i < cnt; i++)
            *ret_n += iov[i].iov_len;
        return PST_IO_OK;
    }
    io = pst_socket_flush(s); /* it may have been submitted just now */
    if (io != PST_IO_OK)
        return io;
    ssize_t n;
    /* send costs the kernel less than sendmsg, and most replies are one piece. */
    if (cnt == 1)
        return pst_socket_send(s, iov[0].iov_base, iov[0].iov_len, how, ret_n);
    do {
        struct msghdr msg = {.msg_iov = (struct iovec *)(uintptr_t)iov, .msg_iovlen = (size_t)cnt};
        n = sendmsg(s->fd, &msg, send_flags(how));
    } while (n < 0 && errno == EINTR);
    return sent(s, n, ret_n);
}

enum pst_io pst_socket_sendfile(struct pst_socket *s, int file_fd, off_t *offset, size_t len, size_t *ret_n)
{
    enum pst_io io = flush_all(s);
    if (io != PST_IO_OK)
        return io;
    ssize_t n;
    do
        n = sendfile(s->fd, file_fd, offset, len);
    while (n < 0 && errno == EINTR);
    /* These are the file's fault, not the connection's: one that cannot be spliced, or not be read at all. */
    if (n < 0 &&
        (errno == EINVAL || errno == ENOSYS || errno == EIO || errno == EOVERFLOW || errno == ESPIPE))
        n = 0;
    return sent(s, n, ret_n);
}

enum pst_io pst_socket_shutdown(struct pst_socket *s)
{
    enum pst_io io = flush_all(s);
    if (io != PST_IO_OK)
        return io;
    if (s->is_shut)
        return PST_IO_OK;
    if (shutdown(s->fd, SHUT_WR) != 0) {
        if (errno != ENOTCONN)
            return fail(s);
        /* The peer has reset the connection already: nothing is left to shut, and reading will tell. */
    }
    s->is_shut = true;
    return PST_IO_OK;
}

uint64_t pst_socket_backlog(const struct pst_socket *s)
{
    int bytes = 0;
    return s->held_len + (ioctl(s->fd, SIOCOUTQ, &bytes) == 0 && bytes > 0 ? (uint64_t)bytes : 0);
}

void pst_socket_cut(struct pst_socket *s)
{
    struct linger none = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &none,
                     sizeof(none)); /* a FIN instead is all that may happen */
}

/* Both families in one number: IPv4 addresses are in 1:0000:0000, a part of ::/8, which is nobody's (RFC 4291
 * 2.4). */
#define NETWORK_V4 ((uint64_t)1 << 32)

static uint64_t big_endian(const unsigned char *bytes, size_t len)
{
    uint64_t value = 0;
    for (size_t i = 0; i < len; i++)
        value = value << 8 | bytes[i];
    return value;
}

uint64_t pst_socket_network(const struct sockaddr *peer)
{
    if (peer->sa_family == AF_INET) {
        struct sockaddr_in in;
        memcpy(&in, peer, sizeof(in));
        return NETWORK_V4 | ntohl(in.sin_addr.s_addr);
    }
    if (peer->sa_family != AF_INET6)
        return 0;
    struct sockaddr_in6 in6;
    memcpy(&in6, peer, sizeof(in6));
    if (IN6_IS_ADDR_V4MAPPED(&in6.sin6_addr))
        return NETWORK_V4 | big_endian(&in6.sin6_addr.s6_addr[12], 4);
    return big_endian(in6.sin6_addr.s6_addr, 8);
}

bool pst_network_is_local(uint64_t network)
{
    return network == 0 || network >> 24 == (NETWORK_V4 | 0x7f000000) >> 24;
}

void pst_socket_info(const struct pst_socket *s, struct pst_transport_info *ret_info)
{
    ret_info->fd = s->fd;
    ret_info->address[0] = '\0';
    ret_info->port = 0;
    ret_info->network = pst_socket_network(&s->peer.any);
    if (s->peer.any.sa_family == AF_INET) {
        inet_ntop(AF_INET, &s->peer.in.sin_addr, ret_info->address, sizeof(ret_info->address));
        ret_info->port = ntohs(s->peer.in.sin_port);
    } else if (s->peer.any.sa_family == AF_INET6) {
        const struct in6_addr *addr = &s->peer.in6.sin6_addr;
        if (IN6_IS_ADDR_V4MAPPED(addr))
            inet_ntop(AF_INET, &addr->s6_addr[12], ret_info->address, sizeof(ret_info->address));
        else
            inet_ntop(AF_INET6, addr, ret_info->address, sizeof(ret_info->address));
        ret_info->port = ntohs(s->peer.in6.sin6_port);
    }
}

void pst_socket_close(struct pst_socket *s)
{
    s->owner = NULL; /* it may be gone by now */
    submit(s);
    drop_held(s);
    if (s->fd >= 0)
        close(s->fd);
    s->fd = -1;
}

/* ---- the transport ---- */

struct tcp {
    struct pst_transport base;
    struct pst_socket socket;
};

static struct tcp *self(struct pst_transport *t)
{
    return (struct tcp *)t;
}

static enum pst_io tcp_handshake(struct pst_transport *t)
{
    (void)t;
    return PST_IO_OK;
}

static enum pst_io tcp_read(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n)
{
    return pst_socket_recv(&self(t)->socket, dst, cap, ret_n);
}

static enum pst_io tcp_writev(struct pst_transport *t, const struct iovec *iov, int cnt, size_t *ret_n)
{
    if (cnt == 0) {
        *ret_n = 0;
        return PST_IO_OK;
    }
    return pst_socket_sendv(&self(t)->socket, iov, cnt, t->more_follows ? PST_SEND_MORE : PST_SEND_NOW,
                            ret_n);
}

static enum pst_io tcp_sendfile(struct pst_transport *t, int file_fd, off_t *offset, size_t len,
                                size_t *ret_n)
{
    return pst_socket_sendfile(&self(t)->socket, file_fd, offset, len, ret_n);
}

static enum pst_io tcp_flush(struct pst_transport *t)
{
    return pst_socket_flush(&self(t)->socket);
}

static enum pst_io tcp_shutdown(struct pst_transport *t)
{
    return pst_socket_shutdown(&self(t)->socket);
}

static bool tcp_pending(const struct pst_transport *t)
{
    const struct tcp *tcp = (const struct tcp *)t;
    return tcp->socket.maybe_more || tcp->socket.ended != PST_IO_OK;
}

static uint64_t tcp_backlog(const struct pst_transport *t)
{
    return pst_socket_backlog(&((const struct tcp *)t)->socket);
}

static void tcp_cut(struct pst_transport *t)
{
    pst_socket_cut(&self(t)->socket);
}

static void tcp_info(const struct pst_transport *t, struct pst_transport_info *ret_info)
{
    const struct tcp *tcp = (const struct tcp *)t;
    pst_socket_info(&tcp->socket, ret_info);
    ret_info->is_secure = false;
    ret_info->security = ret_info->cipher = ret_info->alpn = ret_info->client = "";
    ret_info->failure = "";
    if (tcp->socket.ended == PST_IO_ERR)
        ret_info->failure = tcp->socket.error == EPIPE || tcp->socket.error == ECONNRESET
                                ? "connection reset by client"
                                : "connection failed";
}

static void tcp_destroy(struct pst_transport *t)
{
    pst_socket_close(&self(t)->socket);
    free(t);
}

static const struct pst_transport_ops tcp_ops = {
    .name = "tcp",
    .handshake = tcp_handshake,
    .read = tcp_read,
    .writev = tcp_writev,
    .sendfile = tcp_sendfile,
    .flush = tcp_flush,
    .shutdown = tcp_shutdown,
    .pending = tcp_pending,
    .trim = NULL, /* it holds nothing */
    .backlog = tcp_backlog,
    .cut = tcp_cut,
    .plain = NULL, /* it is */
    .info = tcp_info,
    .destroy = tcp_destroy,
};

int pst_tcp_new_batched(struct pst_transport **ret_transport, struct pst_sends *sends, int fd,
                        const struct sockaddr *peer, socklen_t peer_len)
{
    struct tcp *tcp = malloc(sizeof(*tcp));
    if (!tcp) {
        close(fd);
        return PST_E_NOMEM;
    }
    tcp->base = (struct pst_transport){.ops = &tcp_ops};
    pst_socket_init(&tcp->socket, fd, peer, peer_len);
    if (sends)
        pst_socket_batch(&tcp->socket, &tcp->base, sends);
    *ret_transport = &tcp->base;
    return 0;
}

int pst_tcp_new(struct pst_transport **ret_transport, int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    return pst_tcp_new_batched(ret_transport, NULL, fd, peer, peer_len);
}

/* ---- a stream that has begun ---- */

struct begun {
    struct tcp tcp;
    struct pst_pool *pool;
    unsigned char *block; /* NULL once all of it was read */
    size_t at, len;
};

static struct begun *begun(struct pst_transport *t)
{
    return (struct begun *)t;
}

static void drop_block(struct begun *b)
{
    pst_pool_put(b->pool, b->block);
    b->block = NULL;
}

static enum pst_io begun_read(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n)
{
    struct begun *b = begun(t);
    if (!b->block)
        return tcp_read(t, dst, cap, ret_n);
    size_t n = b->len - b->at < cap ? b->len - b->at : cap;
    memcpy(dst, b->block + b->at, n);
    b->at += n;
    if (b->at == b->len)
        drop_block(b);
    *ret_n = n;
    return PST_IO_OK;
}

static bool begun_pending(const struct pst_transport *t)
{
    return ((const struct begun *)t)->block || tcp_pending(t);
}

static void begun_destroy(struct pst_transport *t)
{
    drop_block(begun(t));
    tcp_destroy(t);
}

static const struct pst_transport_ops begun_ops = {
    .name = "tcp",
    .handshake = tcp_handshake,
    .read = begun_read,
    .writev = tcp_writev,
    .sendfile = tcp_sendfile,
    .flush = tcp_flush,
    .shutdown = tcp_shutdown,
    .pending = begun_pending,
    .trim = NULL,
    .backlog = tcp_backlog,
    .cut = tcp_cut,
    .plain = NULL,
    .info = tcp_info,
    .destroy = begun_destroy,
};

int pst_tcp_new_begun(struct pst_transport **ret_transport, struct pst_socket *socket, struct pst_pool *pool,
                      void *block, size_t len)
{
    struct begun *b = malloc(sizeof(*b));
    if (!b)
        return PST_E_NOMEM;
    *b = (struct begun){
        .tcp = {.base = {.ops = &begun_ops}, .socket = *socket}, .pool = pool, .block = block, .len = len};
    socket->fd = -1;
    *ret_transport = &b->tcp.base;
    return 0;
}
