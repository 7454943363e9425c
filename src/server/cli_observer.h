/* cli_observer.h - what the program tells of its work while it runs: the log and the trace. */
#ifndef PST_SERVER_CLI_OBSERVER_H
#define PST_SERVER_CLI_OBSERVER_H

#include <postern/server.h>

#include "server/cli_options.h"
#include "server/cli_sink.h"

/* Shared by all workers; outlives the server. */
struct pst_cli_reports {
    bool log_wanted, trace_wanted;
    struct pst_cli_output standard, file;
    struct pst_cli_output *log; /* one of the two */
};

/* Opens the log file, if one is named. Returns 0 or a positive errno. */
int pst_cli_reports_init(struct pst_cli_reports *reports, const struct pst_cli *cli);
void pst_cli_reports_fini(struct pst_cli_reports *reports);
/* At the end, when no worker writes any more: one line more in the log, if there is one. */
void pst_cli_reports_last(struct pst_cli_reports *reports, const char *text);
/* Returns what pst_server_observe() does. */
int pst_cli_observe(struct pst_server *server, struct pst_cli_reports *reports);

#endif
