/* tls_slots.h - memory for what the key of an accelerated cipher expands to: 1 KiB, two for each connection
 * in use, none for an idle one.
 *
 * From malloc such blocks would lie between others that live as long as their connections, and an idle
 * connection's would free no page. Here four share a page, which goes back to the operating system when all
 * four are free. */
#ifndef PST_TRANSPORT_TLS_SLOTS_H
#define PST_TRANSPORT_TLS_SLOTS_H

#include <stdbool.h>
#include <stddef.h>

enum { PST_TLS_SLOT_BYTES = 1024 };

/* Once a process, before the others. */
void pst_tls_slots_init(void);

/* bytes (at most PST_TLS_SLOT_BYTES) of zeros, aligned to PST_TLS_SLOT_BYTES; NULL where there are no more.
 */
void *pst_tls_slot_take(size_t bytes);
/* Whether ptr was a slot; it is free then. What it holds is the caller's to wipe. */
bool pst_tls_slot_give(void *ptr);

/* For tests and figures. */
struct pst_tls_slots_stats {
    size_t live_slots;
    size_t pages; /* that have slots in use, or are kept for the next */
};
void pst_tls_slots_stats(struct pst_tls_slots_stats *ret_stats);

#endif
