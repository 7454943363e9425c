/* cli_observer.c - what the program tells of its work while it runs: the log and the trace. */
#include "server/cli_observer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/cli_complain.h"
#include "server/cli_log.h"
#include "server/cli_trace.h"

/* One worker's. Where log and trace go to the same place they share a sink, so that their lines stay in
 * order. */
struct local {
    struct pst_cli_sink *log_sink, *trace_sink;
    struct pst_cli_log log;
    struct pst_cli_trace *trace;
};

static bool is_regular(int fd)
{
    struct stat st;
    return fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
}

int pst_cli_reports_init(struct pst_cli_reports *reports, const struct pst_cli *cli)
{
    *reports = (struct pst_cli_reports){
        .log_wanted = !cli->no_log,
        .trace_wanted = cli->trace,
        .standard = {.fd = STDOUT_FILENO, .name = "standard output"},
        .file = {.fd = -1, .name = cli->log},
        .log = &reports->standard,
    };
    reports->standard.is_file = is_regular(STDOUT_FILENO);
    if (cli->no_log || strcmp(cli->log, "-") == 0)
        return 0;
    /* Appending keeps the lines of several workers, and of a log rotated by copying, whole. */
    reports->log = &reports->file;
    reports->file.fd = open(cli->log, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOCTTY, 0640);
    if (reports->file.fd < 0)
        return errno;
    reports->file.is_file = is_regular(reports->file.fd);
    return 0;
}

void pst_cli_reports_fini(struct pst_cli_reports *reports)
{
    if (reports->file.fd >= 0)
        (void)close(reports->file.fd);
    reports->file.fd = -1;
}

/* ---- the server's calls ---- */

static void on_worker_stop(void *arg)
{
    struct local *local = arg;
    if (!local)
        return;
    if (local->trace && local->trace_sink)
        pst_cli_trace_finish(local->trace, local->trace_sink);
    if (local->trace_sink && local->trace_sink != local->log_sink) {
        pst_cli_sink_finish(local->trace_sink);
        free(local->trace_sink);
    }
    if (local->log_sink) {
        pst_cli_sink_finish(local->log_sink);
        free(local->log_sink);
    }
    pst_cli_trace_free(local->trace);
    free(local);
}

static struct pst_cli_sink *new_sink(struct pst_cli_output *output)
{
    struct pst_cli_sink *sink = malloc(sizeof *sink);
    if (!sink)
        return NULL;
    sink->output = output;
    sink->len = 0;
    sink->lost = 0;
    sink->is_full = false;
    return sink;
}

static int on_worker_start(void *arg, void **ret_local)
{
    struct pst_cli_reports *reports = arg;
    struct local *local = calloc(1, sizeof *local);
    if (!local)
        return PST_E_NOMEM;
    local->log_sink = new_sink(reports->log);
    bool ok = local->log_sink != NULL;
    if (reports->trace_wanted) {
        bool shared = reports->log == &reports->standard;
        local->trace_sink = shared ? local->log_sink : new_sink(&reports->standard);
        local->trace = pst_cli_trace_new();
        ok = ok && local->trace_sink && local->trace;
    }
    if (!ok) {
        on_worker_stop(local);
        return PST_E_NOMEM;
    }
    *ret_local = local;
    return 0;
}

/* Alone where there is no log: the trace has to know where messages end. */
static void on_exchange_traced(const struct pst_log_entry *entry, void *arg)
{
    struct local *local = arg;
    struct pst_peer_info peer;
    pst_exchange_peer(entry->exchange, &peer);
    pst_cli_trace_message_end(local->trace, local->trace_sink, &peer);
}

static void on_exchange(const struct pst_log_entry *entry, void *arg)
{
    struct local *local = arg;
    if (local->trace)
        on_exchange_traced(entry, local);
    pst_cli_log_exchange(&local->log, local->log_sink, entry);
}

/* A connection has failed: its trace ends here. */
static void on_event_traced(const struct pst_event_entry *entry, void *arg)
{
    struct local *local = arg;
    const struct pst_trace_entry over = {.connection = entry->connection, .peer = entry->peer};
    pst_cli_trace_bytes(local->trace, local->trace_sink, &over);
}

static void on_event(const struct pst_event_entry *entry, void *arg)
{
    struct local *local = arg;
    if (local->trace)
        on_event_traced(entry, local);
    pst_cli_log_event(&local->log, local->log_sink, entry, (int64_t)time(NULL));
}

static void on_trace(const struct pst_trace_entry *entry, void *arg)
{
    struct local *local = arg;
    pst_cli_trace_bytes(local->trace, local->trace_sink, entry);
}

static void on_notice(const char *text, void *arg)
{
    struct local *local = arg;
    pst_cli_log_notice(&local->log, local->log_sink, text, (int64_t)time(NULL));
}

/* Where nobody reads the log while it is written, or there is none. */
static void on_notice_aside(const char *text, void *arg)
{
    (void)arg;
    (void)pst_cli_complain(0, "%s", text);
}

static void on_notice_both(const char *text, void *arg)
{
    on_notice(text, arg);
    on_notice_aside(text, arg);
}

static void on_turn_end(void *arg)
{
    struct local *local = arg;
    pst_cli_sink_flush(local->log_sink);
    if (local->trace_sink && local->trace_sink != local->log_sink)
        pst_cli_sink_flush(local->trace_sink);
}

void pst_cli_reports_last(struct pst_cli_reports *reports, const char *text)
{
    struct pst_cli_sink *sink = reports->log_wanted ? new_sink(reports->log) : NULL;
    if (!sink)
        return;
    struct pst_cli_log log = {.stamp_len = 0};
    pst_cli_log_notice(&log, sink, text, (int64_t)time(NULL));
    pst_cli_sink_finish(sink);
    free(sink);
}

int pst_cli_observe(struct pst_server *server, struct pst_cli_reports *reports)
{
    /* What is not wanted is not observed: without on_trace, the server need not gather the bytes of a file
     * to show them, and sends it without looking. */
    bool is_busy = reports->log_wanted || reports->trace_wanted;
    const struct pst_observer observer = {
        .on_exchange = reports->log_wanted     ? on_exchange
                       : reports->trace_wanted ? on_exchange_traced
                                               : NULL,
        .on_trace = reports->trace_wanted ? on_trace : NULL,
        .on_event = reports->log_wanted     ? on_event
                    : reports->trace_wanted ? on_event_traced
                                            : NULL,
        .on_notice = !reports->log_wanted                 ? on_notice_aside
                     : reports->log == &reports->standard ? on_notice
                                                          : on_notice_both,
        .on_turn_end = is_busy ? on_turn_end : NULL,
        .arg = reports,
        .on_worker_start = on_worker_start,
        .on_worker_stop = on_worker_stop,
    };
    return pst_server_observe(server, &observer);
}
