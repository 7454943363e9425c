/* doors.h - how the doors treat who comes: redirects from http to https, HSTS, and the hosts that are served.
 *
 * Without any of these calls each door serves every request, whatever host it names; only plain HTTP that
 * comes to the TLS door is always redirected, and TLS that comes to the plain door always turned away with an
 * alert. All are called before pst_server_start() (PST_E_STATE after it). */
#ifndef POSTERN_DOORS_H
#define POSTERN_DOORS_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/server.h>

PST_BEGIN_DECLS

/* The plain doors answer every request with 308 to https: with its method, host, path and query, and with the
 * port of the https door that was opened at the same place among its kind (the first http door leads to the
 * first https door; where there are fewer of these, to the last). A host without a port, where nothing
 * listens on 80, stays without one: ports are mapped on the way then. A request that names no host gets 400.
 * Below /.well-known/acme-challenge/ and /.postern/ handlers still answer. pst_server_start() is PST_E_STATE
 * where there is no https door. */
PST_API int pst_server_redirect(struct pst_server *server);

enum { PST_HSTS_SUBDOMAINS = 1, PST_HSTS_PRELOAD = 2 };
/* Adds Strict-Transport-Security (RFC 6797) to what the TLS doors reply, but for localhost, names below it,
 * and addresses. max_age_s 0 takes it back. Errors: PST_E_INVAL for other flags; for PST_HSTS_PRELOAD without
 * PST_HSTS_SUBDOMAINS or for less than a year, which the lists of browsers refuse. */
PST_API int pst_server_hsts(struct pst_server *server, uint64_t max_age_s, unsigned flags);

/* Serves only requests for hosts of this server; others get 421 and a page that says how to add the name. So
 * a site whose name was made to point to this machine (DNS rebinding) cannot read what is served here through
 * its visitors' browsers. Served are: the names in the certificates, localhost and names below it, loopback
 * addresses, the addresses that are listened on (any address where that is all of them: an address cannot be
 * rebound), and the names of pst_server_host(). A request that names no host is served: browsers always do.
 */
PST_API int pst_server_check_hosts(struct pst_server *server);

/* Adds a name: "example.org", or "*.example.org" for one label more, or "*" for any host. Without a port.
 * Begins to check, as pst_server_check_hosts() does. Errors: PST_E_SYNTAX, PST_E_NOMEM. */
PST_API int pst_server_host(struct pst_server *server, const char *name);

PST_END_DECLS

#endif
