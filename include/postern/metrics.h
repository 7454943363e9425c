/* metrics.h - what a server has done so far, in numbers. */
#ifndef POSTERN_METRICS_H
#define POSTERN_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include <postern/export.h>
#include <postern/server.h>

PST_BEGIN_DECLS

/* Of all workers together, since the start. */
struct pst_metrics {
    uint64_t uptime_ms;
    uint64_t connections_plain, connections_tls;  /* accepted */
    uint64_t connections_open;                    /* now */
    uint64_t handshakes_full, handshakes_resumed; /* TLS: by a signature of ours; by a session ticket */
    uint64_t handshakes_failed;  /* TLS: begun, and ended without a session; not those that stalled */
    uint64_t handshakes_stalled; /* TLS: ended by limits.handshake_ms, with or without a first byte, or
                                    sooner for others that waited */
    uint64_t handshakes_refused; /* TLS: closed when accepted, over limits.handshakes_each */
    uint64_t replies[6];         /* by class: replies[2] is 2xx; [0]: exchanges without a reply */
    uint64_t received_bytes, sent_bytes; /* inside TLS: requests and replies, with their heads */
};

/* Any thread, from pst_server_start() on until the server is freed. Workers go on counting meanwhile: each
 * number is whole, but they are not of one instant. Zeros before the start. */
PST_API void pst_server_metrics(const struct pst_server *server, struct pst_metrics *ret_metrics);
/* One line for a person, at most size bytes with its NUL, cut if need be; 512 are enough. */
PST_API void pst_metrics_line(const struct pst_metrics *metrics, char *line, size_t size);

PST_END_DECLS

#endif
