/* metrics.c - adding up what the workers count. */
#include "postern/metrics.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "server/internal.h"

static void add(const struct pst_counters *c, struct pst_metrics *m)
{
    uint64_t accepted = pst_counted(&c->connections_plain) + pst_counted(&c->connections_tls);
    uint64_t ended = pst_counted(&c->connections_ended);
    m->connections_plain += pst_counted(&c->connections_plain);
    m->connections_tls += pst_counted(&c->connections_tls);
    m->connections_open += accepted > ended ? accepted - ended : 0;
    m->handshakes_full += pst_counted(&c->handshakes_full);
    m->handshakes_resumed += pst_counted(&c->handshakes_resumed);
    m->handshakes_failed += pst_counted(&c->handshakes_failed);
    m->handshakes_stalled += pst_counted(&c->handshakes_stalled);
    m->handshakes_refused += pst_counted(&c->handshakes_refused);
    for (size_t i = 0; i < sizeof(m->replies) / sizeof(m->replies[0]); i++)
        m->replies[i] += pst_counted(&c->replies[i]);
    m->received_bytes += pst_counted(&c->received_bytes);
    m->sent_bytes += pst_counted(&c->sent_bytes);
}

void pst_server_metrics(const struct pst_server *server, struct pst_metrics *ret_metrics)
{
    memset(ret_metrics, 0, sizeof(*ret_metrics));
    if (!server->is_started || !server->workers)
        return;
    ret_metrics->uptime_ms = pst_clock_system.now_us(NULL) / 1000 - server->started_ms;
    for (unsigned i = 0; i < server->worker_count; i++)
        add(&server->workers[i].env.counters, ret_metrics);
}

/* "12.3%" of what came; "-" of nothing. */
static const char *share(char text[16], uint64_t part, uint64_t whole)
{
    if (whole == 0)
        return "-";
    (void)snprintf(text, 16, "%.1f%%", 100.0 * (double)part / (double)whole);
    return text;
}

void pst_metrics_line(const struct pst_metrics *m, char *line, size_t size)
{
    uint64_t requests = 0, shaken = m->handshakes_full + m->handshakes_resumed;
    char resumed[16];
    for (size_t i = 0; i < sizeof(m->replies) / sizeof(m->replies[0]); i++)
        requests += m->replies[i];
    (void)snprintf(line, size,
                   "up %" PRIu64 ".%" PRIu64 " s; connections %" PRIu64 " (http %" PRIu64 ", https %" PRIu64
                   ", open %" PRIu64 "); requests %" PRIu64 " (1xx %" PRIu64 ", 2xx %" PRIu64 ", 3xx %" PRIu64
                   ", 4xx %" PRIu64 ", 5xx %" PRIu64 ", none %" PRIu64 "); bytes in %" PRIu64 ", out %" PRIu64
                   "; TLS handshakes full %" PRIu64 ", resumed %" PRIu64 " (%s), failed %" PRIu64
                   ", stalled %" PRIu64 ", refused %" PRIu64,
                   m->uptime_ms / 1000, m->uptime_ms % 1000 / 100, m->connections_plain + m->connections_tls,
                   m->connections_plain, m->connections_tls, m->connections_open, requests, m->replies[1],
                   m->replies[2], m->replies[3], m->replies[4], m->replies[5], m->replies[0],
                   m->received_bytes, m->sent_bytes, m->handshakes_full, m->handshakes_resumed,
                   share(resumed, m->handshakes_resumed, shaken), m->handshakes_failed, m->handshakes_stalled,
                   m->handshakes_refused);
}
