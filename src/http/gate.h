/* gate.h - what is asked of every request before it is routed: has it come by the right door, and for a host
 * that is served here? What the answers are is the server's choice; one gate is shared by all workers, and
 * does not change while they run. */
#ifndef PST_HTTP_GATE_H
#define PST_HTTP_GATE_H

#include <stdbool.h>
#include <stddef.h>

#include "postern/exchange.h"

/* A plain port, and the one for https that redirects from there lead to. */
struct pst_gate_port {
    unsigned plain, secure;
};

struct pst_gate {
    bool redirects;    /* the plain doors send to https; there is a port, then */
    bool checks_hosts; /* by env->serves_host */
    char hsts[64];     /* the value of Strict-Transport-Security; "": none */
    const char *url;   /* of the first https door; NULL: none */
    struct pst_gate_port *ports;
    size_t port_count;
};

struct pst_http_env;

/* The request's head is there. True: it was answered, and is not to be routed. Without a gate (NULL) only
 * plain HTTP at the TLS door is. */
bool pst_gate_answers(struct pst_exchange *ex);

/* The error page for a request at the wrong door that cannot be redirected. */
void pst_gate_explain(struct pst_exchange *ex, int status);

/* The last host that a worker was asked for, so that the next request costs one comparison. */
enum { PST_GATE_HOST_BYTES = 128 };
struct pst_gate_host {
    size_t len; /* 0: none */
    bool has_hsts;
    char text[PST_GATE_HOST_BYTES];
};

/* ---- hosts, as in an authority without its port ---- */

/* "localhost", or any name below it (RFC 6761 6.3); a dot at the end and case do not matter. */
bool pst_host_is_localhost(struct pst_slice host);
/* An IPv4 or, in brackets, an IPv6 address. */
bool pst_host_is_address(struct pst_slice host);
/* One of 127.0.0.0/8 or ::1. */
bool pst_host_is_loopback(struct pst_slice host);
/* Whether host is name, or, where name is "*.rest", one label and ".rest" (RFC 9525 6.3). */
bool pst_host_matches(struct pst_slice host, struct pst_slice name);

#endif
