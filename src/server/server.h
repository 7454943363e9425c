/* server.h - what the binary wants to know beyond the public API. */
#ifndef PST_SERVER_SERVER_H
#define PST_SERVER_SERVER_H

#include "postern/server.h"
#include "transport/tls.h"

/* The certificates that were added, in that order, as they were then. PST_E_NOENT past the end. */
size_t pst_server_cert_count(const struct pst_server *server);
int pst_server_cert_info(const struct pst_server *server, size_t i, struct pst_tls_cert_info *ret_info);
/* What clients may stumble over, in one line; "" where nothing was found. */
const char *pst_server_cert_warning(const struct pst_server *server, size_t i);

/* Has the certificates, and what belongs to them, read anew; what came of it is a notice. why_now: for a
 * person. Any thread, while the server runs; blocks. */
void pst_server_reread(struct pst_server *server, const char *why_now);
/* Tells the observer, on the first worker's thread. Any thread, while the workers run. */
void pst_server_notice(struct pst_server *server, const char *format, ...) PST_PRINTF(2, 3);

#endif
