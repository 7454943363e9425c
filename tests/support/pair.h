/* pair.h - a transport without a socket: two bounded buffers in memory, with the test as the peer.
 *
 * The connection owns the transport's side, the test owns the rest. What the peer does is told to the
 * connection at once (pst_connection_notify), so it is driven within the peer's call. A call that the
 * contract in transport/transport.h forbids ends the process: the pair is a witness, too. */
#ifndef PST_TESTS_PAIR_H
#define PST_TESTS_PAIR_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/http.h>

#include "connection/connection.h"
#include "transport/transport.h"

struct pair_options {
    size_t in_cap, out_cap; /* room towards the server, and towards the peer; 0: 65536 */
    size_t hold_cap;        /* counted bytes the transport may keep to itself, as TLS does; 0: none */
    bool is_patient;        /* it sends them when flush or shutdown is called, or no more fits */
    const char *last_words; /* what the handshake counts as it ends, static; NULL: nothing */
    size_t ahead_cap; /* read ahead of what is asked for, as TLS does, and blind to what comes then; 0: not */
    bool is_secure;
    bool has_sendfile;
    bool is_costly;      /* its handshake, so that connections take turns */
    uint64_t network;    /* see pst_transport_info */
    const char *address; /* the peer's, static; NULL: 192.0.2.1 */
};

/* What the connection has called, so that a test can tell waiting from spinning. */
struct pair_calls {
    unsigned handshake, read, writev, sendfile, flush, shutdown, trim;
};

struct pair_buffer {
    unsigned char *data;
    size_t cap, at, len; /* a ring: len bytes from at on */
};

struct pair {
    struct pst_transport base;
    /* The place for pst_connection_open() to fill in; NULL once the connection has gone. */
    struct pst_connection *connection;
    struct pair_buffer in, ahead, out, hold;
    struct pair_calls calls;
    enum pst_io handshake; /* what handshake gives: a test holds it at a WANT */
    enum pst_io ended;     /* how the peer's direction ended: OK, EOF, TRUNC or ERR */
    bool is_told;          /* the server has seen ended */
    bool is_shut;          /* the server has ended its direction */
    bool is_stuck;         /* nothing leaves: the server's shutdown and flush wait, too */
    bool is_gone;          /* the transport was destroyed */
    bool is_emptied;       /* reading ahead has found nothing more */
    bool is_secure;
    uint64_t network;
    const char *address;
    bool is_patient;
    const char *last_words;
    unsigned sends;   /* how often held bytes have left */
    bool waits_wr;    /* the server was told to wait for room */
    size_t taken;     /* bytes that read gave to the server */
    uint64_t backlog; /* counted bytes that the peer is said not to have acknowledged; the test's to set */
    bool was_cut;     /* the server asked for a reset before it destroyed the transport */
};

/* Never fails: ends the process. options may be NULL. */
struct pair *pair_new(const struct pair_options *options);
/* After the connection has gone. NULL is allowed. */
void pair_free(struct pair *p);
/* The server's side, for pst_connection_open(). */
struct pst_transport *pair_transport(struct pair *p);

/* ---- the peer ---- */

/* As many of the bytes as there is room for; returns their number. */
size_t pair_send(struct pair *p, const void *data, size_t len);
/* The same with a string that must fit whole. */
void pair_says(struct pair *p, const char *text);
/* Takes up to cap of the bytes that the server has sent; returns their number. */
size_t pair_take(struct pair *p, void *dst, size_t cap);
/* Takes all there is, and what the server adds meanwhile, to the end of text. */
void pair_take_all(struct pair *p, struct pst_text *text);
/* Ends the peer's direction: PST_IO_EOF in order, PST_IO_TRUNC a FIN without close_notify, PST_IO_ERR a
 * reset. */
void pair_end(struct pair *p, enum pst_io how);
/* The handshake goes on with this result. */
void pair_handshakes(struct pair *p, enum pst_io result);
/* Tells the connection what a loop would. */
void pair_notify(struct pair *p, unsigned events);

#endif
