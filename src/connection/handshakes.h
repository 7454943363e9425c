/* handshakes.h - the budget for handshakes that cost much (TLS): who may begin one, and whose turn it is.
 *
 * Nothing is spent on a client before its first byte, and little before it is let in: then TLS state is made,
 * some 40 KiB, and a signature. So those under way are bounded (limits.handshakes), others wait outside with
 * their bytes unread; who takes long inside makes room for them. One step of one that begins and of one that
 * goes on is taken a turn of the loop: between two of them all other connections are served, so a flood of
 * handshakes costs them a signature's time, not a flood's. */
#ifndef PST_CONNECTION_HANDSHAKES_H
#define PST_CONNECTION_HANDSHAKES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "loop/loop.h"

struct pst_connection;
struct pst_driver;

/* Addresses share counters by a hash with a secret: constant memory, whatever the number of addresses. Two
 * share one by chance of one in so many. */
enum { PST_HANDSHAKE_COUNTERS = 4096 };

/* A connection's part in it. */
struct pst_handshake {
    struct pst_list node, turn; /* of outside or inside; of welcome, knocking or ready */
    bool is_in;
    uint16_t *counter; /* of its address; NULL: not counted */
    uint16_t few;      /* up to which its address is welcome */
    uint64_t since_ms; /* opened; let in */
};

struct pst_handshakes {
    struct pst_list outside, inside; /* all, not let in yet and let in; the oldest first */
    /* Those that could take a step, in turn: outside, from addresses with few handshakes, who go first, and
     * from others; and inside. */
    struct pst_list welcome, knocking, ready;
    size_t count; /* inside */
    struct pst_task task;
    struct pst_timer timer; /* when somebody who waits may have to wait no longer */
    uint64_t paced_ms;      /* not before, where there are signs of a flood */
    struct pst_connection *current;
    uint64_t secret;
    uint16_t counters[PST_HANDSHAKE_COUNTERS]; /* handshakes by address, let in or not */
};

void pst_handshakes_init(struct pst_driver *driver);
void pst_handshakes_fini(struct pst_driver *driver);

/* Of a connection's life. All do nothing for a transport whose handshake is cheap. */

/* It was opened: nothing is tried before its first byte. */
void pst_handshake_begin(struct pst_connection *c, uint64_t network);
/* Whether it may take a step now; if not, it will be driven when it may. */
bool pst_handshake_has_turn(struct pst_connection *c);
/* It is over, well or not; also called when it was over before. */
void pst_handshake_end(struct pst_connection *c);

#endif
