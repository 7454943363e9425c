/* server.h - what the binary wants to know beyond the public API. */
#ifndef PST_SERVER_SERVER_H
#define PST_SERVER_SERVER_H

#include "postern/server.h"
#include "transport/tls.h"

/* The certificate that is served. PST_E_NOENT where none was loaded. */
int pst_server_cert_info(const struct pst_server *server, struct pst_tls_cert_info *ret_info);

#endif
