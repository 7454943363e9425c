/* internal.h - the connection's own state, shared by connection.c (driving) and deadline.c (time). */
#ifndef PST_CONNECTION_INTERNAL_H
#define PST_CONNECTION_INTERNAL_H

#include "connection/connection.h"

enum pst_connection_state {
    PST_CONNECTION_HANDSHAKE, /* the transport is being brought up */
    PST_CONNECTION_OPEN,      /* requests and replies */
    PST_CONNECTION_SHUTDOWN,  /* sending what is left, then the end of our direction */
    PST_CONNECTION_LINGER,    /* reading until the peer closes too */
    PST_CONNECTION_DEAD,      /* to be destroyed at the end of this drive */
};

/* What a direction waits for before it is tried again. */
enum pst_wait { WAIT_NONE, WAIT_RD, WAIT_WR };

struct pst_connection {
    struct pst_list node;
    struct pst_driver *driver;
    struct pst_transport *transport;
    struct pst_transport_owner owner; /* the transport's */
    struct pst_session *session;      /* from OPEN on */
    struct pst_session_host host;
    struct pst_watch watch;
    struct pst_task task;
    struct pst_handshake shake;
    struct pst_timer timer;
    uint64_t id;
    enum pst_connection_state state;
    enum pst_end end;
    enum pst_wait rd_wait, wr_wait;
    bool is_driving, is_woken, is_watched;
    bool is_draining;
    bool is_used;  /* a byte of a request has come */
    bool is_rdhup; /* the peer's end is on its way: read on until it is seen */
    /* Readiness was told while nobody waited for it. A transport that then gives what it has read before may
     * not know of what came since: it is asked once more before anybody waits. */
    bool has_rd_edge;
    bool is_read_ended;
    bool is_trimmed;
    bool has_output;  /* the session had some when it was asked last */
    bool needs_flush; /* the transport may hold counted bytes */
    bool is_write_blocked;
    char *held; /* a chunk of input that the session did not want yet */
    uint32_t held_at, held_len;
    uint64_t since_ms;                                   /* the state's begin */
    uint64_t write_since_ms, write_last_ms, write_bytes; /* of the run of output under way */
    uint64_t write_taken; /* of write_bytes: acknowledged when last looked at */
    uint64_t linger_bytes;
    size_t turn_bytes; /* moved in this turn */
    char address[46];
};

/* Steps until nothing moves, then arms the deadline. May free c. */
void pst_connection_drive(struct pst_connection *c);
/* To be destroyed by the drive that is under way or comes next. why: for the exchange that is cut. */
void pst_connection_die(struct pst_connection *c, enum pst_end why);
void pst_connection_report(struct pst_connection *c, const char *cause);

/* Whether the peer has acknowledged bytes since this was asked, or the socket was full, last; and enough of
 * them for write_rate_bytes. Counts as progress. */
bool pst_connection_is_taking(struct pst_connection *c);

void pst_connection_enter(struct pst_connection *c, enum pst_connection_state state);
/* Asks the transport who the peer is, and whether it is protected. */
void pst_connection_learn_peer(struct pst_connection *c);

/* wrong_door.c. Each is true where the client has come to the wrong door, and has been seen to. */

/* After the handshake has failed: goes on without TLS, if the client began like that. */
bool pst_connection_meet_http(struct pst_connection *c);
/* Before the first byte of a connection goes to the session: ends a connection that begins with TLS. */
bool pst_connection_meet_tls(struct pst_connection *c, char first);

/* deadline.c */
void pst_connection_arm(struct pst_connection *c);
void pst_connection_on_timer(struct pst_timer *timer);

#endif
