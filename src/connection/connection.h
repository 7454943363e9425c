/* connection.h - the driver: one transport, one session, and the deadlines between them.
 *
 * The only place where "wants to read" and "wants to write" are interpreted. It knows neither what the bytes
 * mean nor whether they are encrypted. docs/closing.md lists how each state can end. */
#ifndef PST_CONNECTION_CONNECTION_H
#define PST_CONNECTION_CONNECTION_H

#include "base/list.h"
#include "connection/handshakes.h"
#include "http/env.h"
#include "http/session.h"
#include "loop/loop.h"
#include "loop/sends.h"
#include "transport/transport.h"

struct pst_connection;

/* What the connections of one worker share. */
struct pst_driver {
    struct pst_http_env *http;
    struct pst_list connections; /* all that are open */
    size_t count;
    struct pst_handshakes handshakes;
    struct pst_sends *sends;   /* what waits in it goes before anything that takes long; may be NULL */
    uint64_t next_id, id_step; /* so that numbers are unique across workers */
    /* Reports; each may be NULL. on_trace also keeps file contents from going out unseen (no sendfile). */
    void (*on_trace)(struct pst_driver *driver, const struct pst_trace_entry *entry);
    void (*on_event)(struct pst_driver *driver, const struct pst_event_entry *entry);
    /* A connection has gone: its memory is freed, and count is lower by one. */
    void (*on_closed)(struct pst_driver *driver);
    void *arg;     /* the owner's */
    char *scratch; /* private: the chunk that is read into */
};

void pst_driver_init(struct pst_driver *driver, struct pst_http_env *http);
/* No connection may be left. */
void pst_driver_fini(struct pst_driver *driver);

/* Begins to drive transport, which it takes over, also on error, and at once reads what is there. It frees
 * itself when it ends. ret_connection may be NULL; it is not valid any more once the connection has ended,
 * maybe before this call returns. Errors: PST_E_NOMEM, PST_E_SYSTEM. */
int pst_connection_open(struct pst_driver *driver, struct pst_transport *transport,
                        struct pst_connection **ret_connection);
/* For transports without a descriptor: readiness, as the loop would report it (PST_EV_*). */
void pst_connection_notify(struct pst_connection *connection, unsigned events);

/* Before a TLS connection is accepted from that network (pst_transport_info): whether it may be, within
 * limits.handshakes_each. */
bool pst_driver_may_handshake(struct pst_driver *driver, uint64_t network);
/* When the most connections are open: ends one that has not begun its handshake for long; false where there
 * is none. */
bool pst_driver_make_room(struct pst_driver *driver);

/* Finishes what is in flight on all connections, begins nothing new. */
void pst_driver_drain(struct pst_driver *driver);
/* Ends all connections at once. */
void pst_driver_abort(struct pst_driver *driver);

#endif
