/* wrong_door.c - clients that speak plain HTTP to the TLS door, or TLS to the plain one. Both get an answer
 * in the language that they understand, since a connection that only closes looks like a broken server. */
#include "connection/internal.h"

/* Plain HTTP at the TLS door. The transport under the connection is exchanged for a plain one, which reads
 * the client's first bytes again, and an ordinary session answers them: host->is_wrong_door makes every
 * request of it end in a redirect or in a page that says why (http/gate.h). No TLS state was ever made. */
bool pst_connection_meet_http(struct pst_connection *c)
{
    const struct pst_transport_ops *ops = c->transport->ops;
    if (!ops->plain || c->is_draining)
        return false;
    struct pst_transport *plain = ops->plain(c->transport);
    if (!plain)
        return false;
    struct pst_transport_info info;
    ops->info(c->transport, &info);
    pst_connection_report(c, info.failure);
    ops->destroy(c->transport);
    c->transport = plain;
    c->host.is_wrong_door = true;
    pst_connection_learn_peer(c);
    return true;
}

/* RFC 8446 5.1 Record Layer, 6.2 Error Alerts: a record of type alert, its version that of a first flight;
 * fatal, handshake_failure. Browsers say at once that no secure connection can be had here. */
static const unsigned char no_tls_here[] = {21, 3, 1, 0, 2, 2, 40};

/* The content type of a record that carries a ClientHello. No request begins with this byte: it is no token.
 */
enum { RECORD_HANDSHAKE = 22 };

bool pst_connection_meet_tls(struct pst_connection *c, char first)
{
    if (c->host.is_secure || c->host.is_wrong_door || first != RECORD_HANDSHAKE)
        return false;
    struct iovec iov = {(void *)(uintptr_t)no_tls_here, sizeof(no_tls_here)};
    size_t n;
    /* An unused socket has room for seven bytes; if not, the end of the stream has to say it alone. */
    (void)c->transport->ops->writev(c->transport, &iov, 1, &n);
    pst_connection_report(c, "TLS sent to the plain port");
    pst_connection_enter(c, PST_CONNECTION_SHUTDOWN); /* and linger, so that the alert arrives */
    return true;
}
