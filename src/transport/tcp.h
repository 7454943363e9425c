/* tcp.h - the plain transport, and the socket calls that the TLS transport shares with it. */
#ifndef PST_TRANSPORT_TCP_H
#define PST_TRANSPORT_TCP_H

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/pool.h"
#include "loop/sends.h"
#include "transport/transport.h"

/* Where a connection comes from: an address of IP, or of no family that is named here. A sockaddr_storage
 * takes 128 bytes of every connection, this 28. */
union pst_peer {
    struct sockaddr any;
    struct sockaddr_in in;
    struct sockaddr_in6 in6;
};

/* A connected, non-blocking socket and what is known of it. Embedded by both transports; not a transport
 * itself. */
struct pst_socket {
    int fd;
    bool maybe_more;   /* the last recv filled its buffer, or none was tried yet: the kernel may hold more */
    bool is_shut;      /* SHUT_WR was done */
    enum pst_io ended; /* PST_IO_OK while receiving works; then PST_IO_EOF or PST_IO_ERR */
    int error;         /* errno behind PST_IO_ERR */
    /* Small sends wait for the end of the turn; NULL: each goes at once. */
    struct pst_sends *sends;
    struct pst_sending send;
    unsigned char *held; /* counted bytes that found no room in the end, allocated; or NULL */
    size_t held_at, held_len;
    struct pst_transport *owner; /* whose owner is told of that */
    union pst_peer peer;
};

/* Afterwards: small sends of s, which belongs to transport, go through sends. s does not move any more. */
void pst_socket_batch(struct pst_socket *s, struct pst_transport *transport, struct pst_sends *sends);
void pst_socket_init(struct pst_socket *s, int fd, const struct sockaddr *peer, socklen_t peer_len);
/* recv, send and sendfile with this contract's statuses: OK, WANT_RD/WANT_WR, EOF (FIN), ERR. Retries EINTR.
 * No SIGPIPE, but from sendfile, which has no flag against it: who calls that blocks or ignores the signal.
 */
enum pst_send {
    PST_SEND_NOW,
    PST_SEND_MORE, /* sendfile follows at once, and goes in one segment with these bytes */
    PST_SEND_LAST, /* pst_socket_shutdown() does: so does the end */
};
enum pst_io pst_socket_recv(struct pst_socket *s, void *dst, size_t cap, size_t *ret_n);
enum pst_io pst_socket_send(struct pst_socket *s, const void *data, size_t len, enum pst_send how,
                            size_t *ret_n);
enum pst_io pst_socket_sendv(struct pst_socket *s, const struct iovec *iov, int cnt, enum pst_send how,
                             size_t *ret_n);
enum pst_io pst_socket_sendfile(struct pst_socket *s, int file_fd, off_t *offset, size_t len, size_t *ret_n);
/* OK: what was counted has gone, or goes at the end of the turn. WANT_WR, ERR. */
enum pst_io pst_socket_flush(struct pst_socket *s);
enum pst_io pst_socket_shutdown(struct pst_socket *s);
/* Bytes that were sent and not yet acknowledged (SIOCOUTQ). */
uint64_t pst_socket_backlog(const struct pst_socket *s);
/* Closing it will reset the connection. */
void pst_socket_cut(struct pst_socket *s);
/* Fills in fd, address, port and network. */
void pst_socket_info(const struct pst_socket *s, struct pst_transport_info *ret_info);
/* See pst_transport_info. */
uint64_t pst_socket_network(const struct sockaddr *peer);
void pst_socket_close(struct pst_socket *s);

/* A plain transport over a connected non-blocking socket, which it takes over, also on error. peer may be
 * NULL. Error: PST_E_NOMEM. */
int pst_tcp_new(struct pst_transport **ret_transport, int fd, const struct sockaddr *peer,
                socklen_t peer_len);
/* The same; small writes go to the kernel at the end of the turn, through sends, which outlives it. NULL: all
 * at once. */
int pst_tcp_new_batched(struct pst_transport **ret_transport, struct pst_sends *sends, int fd,
                        const struct sockaddr *peer, socklen_t peer_len);

/* The same over a socket that len > 0 bytes were received from already: they are read first. Takes over the
 * socket (socket->fd is -1 then) and the block, which goes back to pool; neither on error. Error:
 * PST_E_NOMEM. */
int pst_tcp_new_begun(struct pst_transport **ret_transport, struct pst_socket *socket, struct pst_pool *pool,
                      void *block, size_t len);

#endif
