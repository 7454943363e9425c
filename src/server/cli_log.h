/* cli_log.h - a line for each request, in the combined log format with the transport's details behind:
 *
 *   127.0.0.1 - - [10/Oct/2025:13:55:36 +0200] "GET / HTTP/1.1" 200 2326 "referer" "user agent" http/1.1
 *   TLSv1.3 TLS1-3-AES-128-GCM-SHA256 812us ok                                    (one line in truth)
 *
 * The third word is the name in the client's certificate. What is not known is "-". The words behind the time
 * taken say how it ended. */
#ifndef PST_SERVER_CLI_LOG_H
#define PST_SERVER_CLI_LOG_H

#include <stdint.h>
#include <time.h>

#include <postern/server.h>

#include "server/cli_sink.h"

/* One worker's; zero-initialise. */
struct pst_cli_log {
    int64_t stamp_time; /* the second that stamp shows */
    size_t stamp_len;
    char stamp[40]; /* "[10/Oct/2025:13:55:36 +0200]" */
};

void pst_cli_log_exchange(struct pst_cli_log *log, struct pst_cli_sink *sink,
                          const struct pst_log_entry *entry);
/* A connection that failed without a request: the same columns, most of them "-". now: seconds since 1970. */
void pst_cli_log_event(struct pst_cli_log *log, struct pst_cli_sink *sink,
                       const struct pst_event_entry *entry, int64_t now);
/* Something about the server as a whole, likewise. */
void pst_cli_log_notice(struct pst_cli_log *log, struct pst_cli_sink *sink, const char *text, int64_t now);

#endif
