/* counters.h - what one worker counts: written by its thread alone, read by any. */
#ifndef PST_BASE_COUNTERS_H
#define PST_BASE_COUNTERS_H

#include <stdatomic.h>
#include <stdint.h>

/* The worker is the only writer: so no locked instruction is needed, only that a reader sees a whole number.
 */
typedef _Atomic uint64_t pst_counter;

static inline void pst_count(pst_counter *counter, uint64_t n)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + n,
                          memory_order_relaxed);
}

static inline uint64_t pst_counted(const pst_counter *counter)
{
    return atomic_load_explicit(counter, memory_order_relaxed);
}

/* The same names as in struct pst_metrics (include/postern/metrics.h), where they are explained. */
struct pst_counters {
    pst_counter connections_plain, connections_tls, connections_ended;
    pst_counter handshakes_full, handshakes_resumed, handshakes_failed, handshakes_stalled,
        handshakes_refused;
    pst_counter replies[6]; /* by class; [0]: none was begun */
    pst_counter received_bytes, sent_bytes;
};

#endif
