/* listener.h - listening sockets: parsing addresses, binding so that a second server is refused, accepting.
 */
#ifndef PST_TRANSPORT_LISTENER_H
#define PST_TRANSPORT_LISTENER_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>

/* One address to listen on. */
struct pst_listen_addr {
    struct sockaddr_storage addr;
    socklen_t len;
};

#define PST_LISTEN_ADDRS_MAX 2

/* Reads "127.0.0.1:8080", "[::1]:8080", "localhost:8080" (127.0.0.1 and ::1), "*:8080" (0.0.0.0 and ::) or
 * "8080" (as localhost). Host names are not looked up. Errors: PST_E_SYNTAX. */
int pst_listen_parse(const char *text, struct pst_listen_addr ret_addrs[PST_LISTEN_ADDRS_MAX],
                     size_t *ret_count);

/* Binds and listens on addr so that nobody else can share the port, until our own further workers do:
 * first_fd -1 makes the first socket of an address (PST_E_BUSY where anybody listens already, also another
 * server of the same user with SO_REUSEPORT); further ones name the first. A port of 0 is replaced in *addr
 * by the one that was taken. IPv6 sockets are IPv6 only. Errors: PST_E_BUSY, PST_E_ACCESS, PST_E_UNSUPPORTED
 * (no such family or address on this machine), PST_E_SYSTEM; errno is set. */
int pst_listen_open(struct pst_listen_addr *addr, int first_fd, int *ret_fd);

enum pst_accept {
    PST_ACCEPT_OK,     /* *ret_fd is a non-blocking, close-on-exec socket with TCP_NODELAY */
    PST_ACCEPT_EMPTY,  /* none waiting */
    PST_ACCEPT_AGAIN,  /* that one was lost (ECONNABORTED and the like): call again */
    PST_ACCEPT_FULL,   /* out of descriptors or memory (EMFILE, ENFILE, ENOBUFS, ENOMEM), or refused
                          (EPERM by a security module): wait a while */
    PST_ACCEPT_BROKEN, /* the listening socket itself failed; errno says how */
};
enum pst_accept pst_listen_accept(int listen_fd, int *ret_fd, struct sockaddr_storage *ret_peer,
                                  socklen_t *ret_peer_len);

#endif
