/* transport.h - the contract of a transport: an owned byte stream with a peer, plain or TLS.
 *
 * Everything above (connection, sessions, handlers) sees only this table; what a transport does beneath it
 * (sockets, Mbed TLS) is its own. No function blocks and none retains a caller's pointer.
 *
 * Results. A function returns a status; a byte count is only in *ret_n, and only with PST_IO_OK.
 *
 * - OK: done; for read and writev at least one byte, *ret_n > 0 (writev of nothing: OK with 0).
 * - WANT_RD: nothing happened; call again once the socket is readable. *Any* call may want either direction.
 * - WANT_WR: nothing happened; call again once the socket is writable.
 * - EOF (read, handshake, shutdown): the peer ended its direction in good order, by FIN on TCP, by
 * close_notify on TLS. Writing still works.
 * - TRUNC (the same calls): the peer's FIN came without close_notify. Writing may still work.
 * - ERR: only info and destroy are legal after it, and plain after handshake; info says why.
 *
 * Calling again after EOF, TRUNC or ERR gives the same status again.
 *
 * Readiness is the caller's: it registers info.fd edge-triggered once and remembers which direction each call
 * waits for. A WANT is returned only after the operating system has said "would block", so an edge will come.
 */
#ifndef PST_TRANSPORT_TRANSPORT_H
#define PST_TRANSPORT_TRANSPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

enum pst_io { PST_IO_OK, PST_IO_WANT_RD, PST_IO_WANT_WR, PST_IO_EOF, PST_IO_TRUNC, PST_IO_ERR };

struct pst_transport;

struct pst_transport_info {
    int fd;           /* for readiness only; -1 where there is none (test doubles) */
    bool is_secure;   /* bytes are protected on the wire: "https" */
    char address[46]; /* the peer's, in text; IPv4-mapped IPv6 is shown as IPv4 */
    unsigned port;
    /* For counting by address, of transports with a costly handshake: an IPv4 address, or the /64 of an IPv6
     * one, which is what one network usually has. */
    uint64_t network;
    const char *security; /* "TLSv1.3", "TLSv1.2"; "" before the handshake's end and on plain TCP */
    const char *cipher;   /* as Mbed TLS names it; "" likewise */
    bool is_resumed;      /* TLS: the client showed a ticket of an earlier session */
    const char *alpn;     /* the protocol agreed on, such as "http/1.1"; "" for none */
    const char *client;   /* TLS: whom the client's certificate names, verified; "" where it showed none */
    const char *failure;  /* after ERR or TRUNC: the named cause, for the log ("client closed during TLS
                             handshake"); "" otherwise */
};

/* 127.0.0.0/8, the /64 of ::1, and where there is no address. */
bool pst_network_is_local(uint64_t network);

struct pst_transport_ops {
    const char *name;
    bool is_handshake_costly; /* each call computes for long: connections take turns */
    /* Brings the stream up; called until OK before any read or writev. TCP: OK at once. After OK something of
     * it may be held, as if it had been counted by writev: flush. After ERR an alert may still have been sent
     * by best effort. EOF/TRUNC: the peer left during it. */
    enum pst_io (*handshake)(struct pst_transport *t);
    enum pst_io (*read)(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n);
    /* Takes a prefix of the bytes. What was counted belongs to the transport: never submit it again. A
     * transport may hold counted bytes until flush or shutdown is called, so that what belongs together goes
     * out together: call flush before waiting for anything. iov entries of length 0 are allowed; cnt <= 16.
     */
    enum pst_io (*writev)(struct pst_transport *t, const struct iovec *iov, int cnt, size_t *ret_n);
    /* NULL where the bytes of a file cannot go out unread. Sends from file_fd at *offset, advancing it. OK
     * with *ret_n 0: the file has no more bytes there, or cannot be sent this way. */
    enum pst_io (*sendfile)(struct pst_transport *t, int file_fd, off_t *offset, size_t len, size_t *ret_n);
    /* OK: everything counted was handed to the socket, or will be at the end of this turn without further
     * ado. Should the socket have no room then, the owner's on_held is called, and it is to be flushed anew.
     */
    enum pst_io (*flush)(struct pst_transport *t);
    /* Ends our direction: flush, close_notify on TLS, then SHUT_WR. Called until OK; idempotent. Reading
     * still works after it, for the linger. */
    enum pst_io (*shutdown)(struct pst_transport *t);
    /* True when a read may give bytes, or another status, without a new edge from the socket. */
    bool (*pending)(const struct pst_transport *t);
    /* The stream has been idle for a while: gives back what it does not need; optional (NULL). Any call may
     * follow. */
    void (*trim)(struct pst_transport *t);
    /* Bytes of those counted that the peer has not acknowledged; optional. Tells a slow reader from one that
     * has stopped, where a large socket buffer stays full for long. */
    uint64_t (*backlog)(const struct pst_transport *t);
    /* Makes the destroy that follows tell the peer that the stream broke off (a reset), for where its end
     * alone would look like the end of the content; optional. */
    void (*cut)(struct pst_transport *t);
    /* After an ERR of handshake: where the peer turned out to speak without the security that the transport
     * gives, a plain transport over the same socket, which reads again what has been read so far; NULL where
     * that is not why, or memory is out. Only info and destroy of t are legal then. Optional. */
    struct pst_transport *(*plain)(struct pst_transport *t);
    void (*info)(const struct pst_transport *t, struct pst_transport_info *ret_info);
    /* Closes the socket and frees t; sends nothing. NULL is not allowed. */
    void (*destroy)(struct pst_transport *t);
};

/* Who drives a transport. */
struct pst_transport_owner {
    /* Counted bytes that flush called gone are not: they are held until a flush takes them, or the transport
     * has failed, which the flush tells. May be called within any transport's functions: it only notes that.
     */
    void (*on_held)(struct pst_transport_owner *owner);
};

struct pst_transport {
    const struct pst_transport_ops *ops;
    struct pst_transport_owner *owner; /* set by who drives it; NULL: nobody */
    /* The caller's hint, set before each writev: sendfile follows at once, so these bytes need not go out by
     * themselves. */
    bool more_follows;
};

#endif
