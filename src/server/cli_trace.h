/* cli_trace.h - the bytes of requests and responses, readable:
 *
 *   #3 127.0.0.1:40312 TLSv1.3 TLS1-3-AES-128-GCM-SHA256
 *   #3 > GET / HTTP/1.1\r\n
 *   #3 < HTTP/1.1 200 OK\r\n
 *
 * ">" is towards the server. The output does not depend on how the bytes were cut in pieces on their way, so
 * it is the same over TLS and over plain TCP, but for a connection's first line. */
#ifndef PST_SERVER_CLI_TRACE_H
#define PST_SERVER_CLI_TRACE_H

#include <postern/server.h>

#include "server/cli_sink.h"

/* Of a message, in each direction; how many more there were is told behind it. */
#define PST_CLI_TRACE_MAX_BYTES 2048

struct pst_cli_trace;

/* One worker's. NULL when out of memory. */
struct pst_cli_trace *pst_cli_trace_new(void);
/* NULL is allowed. */
void pst_cli_trace_free(struct pst_cli_trace *trace);

/* An entry without bytes tells that the connection is over. */
void pst_cli_trace_bytes(struct pst_cli_trace *trace, struct pst_cli_sink *sink,
                         const struct pst_trace_entry *entry);
/* The exchange with this peer is over: what comes next is another message. */
void pst_cli_trace_message_end(struct pst_cli_trace *trace, struct pst_cli_sink *sink,
                               const struct pst_peer_info *peer);
/* Shows what is still held back of all connections. */
void pst_cli_trace_finish(struct pst_cli_trace *trace, struct pst_cli_sink *sink);

#endif
