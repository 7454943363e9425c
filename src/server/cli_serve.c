/* cli_serve.c - serving: from a command line to a running server, and from each failure to one line that says
 * what to do. */
#include "server/cli_serve.h"

#include <errno.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include <postern/postern.h>

#include "handlers/static_file.h"
#include "server/cli_banner.h"
#include "server/cli_complain.h"
#include "server/cli_doors.h"
#include "server/cli_observer.h"
#include "server/cli_phones.h"
#include "server/cli_signals.h"
#include "server/cli_store.h"
#include "server/local_renew.h"
#include "server/server.h"

/* A start that fails: the line that says why, and the exit status. */
#define REFUSE(...) pst_cli_complain(PST_CLI_CANNOT_START, __VA_ARGS__)

struct program {
    const struct pst_cli *cli;
    struct pst_server *server;
    struct pst_static *site;
    struct pst_cli_store kept;
    struct pst_cli_phones phones;
    struct pst_cli_reports reports;
};

/* What the server said of its last failure, or else the name of the error. */
static const char *reason(const struct program *prog, int err)
{
    const char *text = prog->server ? pst_server_error(prog->server) : "";
    return text[0] ? text : pst_strerror(err);
}

/* ---- before the server ---- */

/* Every connection takes a descriptor, and the usual soft limit is 1024 only for the sake of select(). */
static void raise_file_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static int open_site(struct program *prog)
{
    const char *root = prog->cli->root;
    const struct pst_static_options options = {.list = prog->cli->list};
    int err = pst_static_new(&prog->site, root, &options);
    switch (err) {
    case 0:
        return 0;
    case PST_E_NOENT:
        return REFUSE("there is no folder \"%s\": name the folder to serve, as in: postern ROOT", root);
    case PST_E_INVAL:
        return REFUSE("\"%s\" is no folder: name the folder to serve, as in: postern ROOT", root);
    case PST_E_ACCESS:
        return REFUSE("no permission to open the folder \"%s\": let this user read it, or name another",
                      root);
    case PST_E_UNSUPPORTED:
        return REFUSE("this system has no openat2 call, which keeps visitors inside the folder: "
                      "Linux 5.6 or newer is needed (a container may hide it)");
    default:
        return REFUSE("cannot serve the folder \"%s\": %s", root, pst_strerror(err));
    }
}

/* A private key in the folder that is served, where everybody could fetch it, is a mistake always; the most
 * likely way to make it is to start in the folder that holds certs/. */
static int guard_secret(const struct program *prog, const char *what, const char *file)
{
    char root[PATH_MAX], full[PATH_MAX];
    if (!file || !realpath(prog->cli->root, root) || !realpath(file, full))
        return 0;
    size_t len = strcmp(root, "/") == 0 ? 0 : strlen(root);
    if (strncmp(full, root, len) != 0 || full[len] != '/' ||
        !pst_static_path_served(pst_slice_str(full + len + 1), true))
        return 0;
    return REFUSE("the %s %s is inside the folder \"%s\", where every visitor could fetch it: "
                  "serve another folder, or move the %s out of it",
                  what, file, prog->cli->root, what);
}

static int guard_secrets(const struct program *prog)
{
    const struct pst_cli *cli = prog->cli;
    int status = guard_secret(prog, "ticket key", cli->ticket_keys);
    for (size_t i = 0; !status && i < cli->cert_count; i++) {
        status = guard_secret(prog, "private key", cli->certs[i].key);
        if (!status)
            status = guard_secret(prog, "password", cli->certs[i].password);
    }
    return status;
}

static int require_certificate(const struct pst_cli *cli)
{
    const struct pst_cli_cert *first = &cli->certs[0];
    if (cli->is_cert_given || (access(first->cert, F_OK) == 0 && access(first->key, F_OK) == 0))
        return 0;
    return REFUSE("https needs a certificate, and there is no %s: make one with scripts/mkcert.sh, name one "
                  "with --cert FILE --key FILE, or serve http only with --no-https",
                  access(first->cert, F_OK) != 0 ? first->cert : first->key);
}

/* What has ended while nobody served it could not be loaded. */
static void renew_certificates(const struct pst_cli *cli)
{
    char text[PST_LOCAL_ERROR_BYTES];
    for (size_t i = 0; !cli->check && i < cli->cert_count; i++) {
        struct pst_local_renewal renewal = {.cert_file = cli->certs[i].cert, .now = (int64_t)time(NULL)};
        if (pst_local_renew(&renewal, text, sizeof text) == PST_LOCAL_RENEWED)
            puts(text); /* where it cannot be done the keeper says so, or loading does */
    }
}

static int set_up_tls(struct program *prog)
{
    const struct pst_cli *cli = prog->cli;
    if (!pst_cli_has_https(cli))
        return 0;
    int status = require_certificate(cli);
    if (status)
        return status;
    renew_certificates(cli);
    int err = 0;
    for (size_t i = 0; !err && i < cli->cert_count; i++)
        err = pst_tls_add(prog->server, cli->certs[i].cert, cli->certs[i].key, cli->certs[i].password);
    if (!err)
        err = pst_tls_tickets(prog->server, !cli->no_tickets);
    if (!err && cli->ticket_keys)
        err = pst_tls_ticket_keys(prog->server, cli->ticket_keys);
    if (!err && cli->is_tls_modern)
        err = pst_tls_profile(prog->server, PST_TLS_MODERN);
    if (!err && cli->client_ca)
        err = pst_tls_client_ca(prog->server, cli->client_ca, !cli->is_client_cert_optional);
    if (!err)
        err = pst_tls_renew_local(prog->server, cli->is_public);
    return err ? REFUSE("%s", reason(prog, err)) : 0;
}

/* ---- the server ---- */

static int set_up(struct program *prog)
{
    const struct pst_cli *cli = prog->cli;
    int err = pst_server_new(&prog->server);
    if (!err)
        err = pst_server_limits(prog->server, &cli->limits);
    if (!err)
        err = pst_server_workers(prog->server, cli->workers);
    if (err)
        return REFUSE("cannot set up the server: %s", reason(prog, err));

    int status = open_site(prog);
    if (!status)
        status = guard_secrets(prog);
    if (!status)
        status = set_up_tls(prog);
    if (!status && pst_cli_doors_set(prog->server, cli) != 0)
        status = REFUSE("%s", pst_server_error(prog->server));
    if (!status)
        status = pst_cli_store_open(&prog->kept, cli);
    if (status)
        return status;

    if (cli->echo)
        err = pst_echo_mount(prog->server);
    if (!err)
        err = pst_cli_store_mount(&prog->kept, prog->server);
    if (!err)
        err = pst_cli_phones_mount(&prog->phones, cli, prog->server);
    if (!err)
        err = pst_static_mount(prog->site, prog->server, "/");
    return err ? REFUSE("cannot set up the pages: %s", reason(prog, err)) : 0;
}

static int listen_on(struct program *prog, const struct pst_cli_listen *listen)
{
    const char *address = listen->address;
    const char *option = listen->is_secure ? "https" : "http";
    const char *colon = strrchr(address, ':');
    const char *port = colon ? colon + 1 : address;
    int err = listen->is_secure ? pst_server_listen_https(prog->server, address)
                                : pst_server_listen_http(prog->server, address);
    switch (err) {
    case 0:
        return 0;
    case PST_E_BUSY:
        return REFUSE(
            "port %s is in use by another program: end that one, or choose another port with --%s N "
            "(0: any free one)",
            port, option);
    case PST_E_ACCESS:
        return REFUSE("no permission to listen on port %s: choose one above 1023 with --%s N, or give the "
                      "program the capability cap_net_bind_service",
                      port, option);
    default:
        return REFUSE("cannot listen on %s: %s", address, reason(prog, err));
    }
}

static int open_doors(struct program *prog)
{
    const struct pst_cli *cli = prog->cli;
    int err = pst_cli_reports_init(&prog->reports, cli);
    if (err)
        return REFUSE("cannot open the log file \"%s\" (%s): name another with --log FILE, or do without by "
                      "--no-log",
                      cli->log, strerror(err)); /* NOLINT(concurrency-mt-unsafe): no other thread yet */
    err = pst_cli_observe(prog->server, &prog->reports);
    if (err)
        return REFUSE("cannot set up the log: %s", reason(prog, err));
    for (size_t i = 0; i < cli->listen_count; i++) {
        int status = listen_on(prog, &cli->listen[i]);
        if (status)
            return status;
    }
    return 0;
}

/* ---- running ---- */

static void tell_end(struct program *prog)
{
    struct pst_metrics metrics;
    char line[512];
    pst_server_metrics(prog->server, &metrics);
    pst_metrics_line(&metrics, line, sizeof line);
    pst_cli_reports_last(&prog->reports, line);
}

static int run(struct program *prog)
{
    pst_cli_signals_block();
    int err = pst_server_start(prog->server);
    if (err)
        return REFUSE("cannot start: %s", reason(prog, err));
    pst_cli_banner(stdout, prog->server, prog->cli, prog->kept.store ? prog->kept.folder : NULL,
                   (int64_t)time(NULL));
    if (prog->cli->is_public)
        pst_cli_phones_banner(stdout, &prog->phones, prog->server, isatty(STDOUT_FILENO) == 1);

    struct pst_cli_signals signals = {.is_started = false};
    int failed = pst_cli_signals_start(&signals, prog->server);
    if (failed)
        pst_server_stop(prog->server); /* nobody else could */
    err = pst_server_wait(prog->server);
    pst_cli_signals_end(&signals);
    tell_end(prog);
    if (failed)
        return pst_cli_complain(
            PST_CLI_FAILED, "no thread for signals could be made: %s",
            strerror(failed)); /* NOLINT(concurrency-mt-unsafe): no other thread any more */
    return err ? pst_cli_complain(PST_CLI_FAILED, "the server failed: %s", reason(prog, err)) : PST_CLI_ENDED;
}

static int serve(struct program *prog)
{
    int status = set_up(prog);
    if (status)
        return status;
    if (prog->cli->check) {
        puts("ok");
        return PST_CLI_ENDED;
    }
    status = open_doors(prog);
    return status ? status : run(prog);
}

int pst_cli_serve(const struct pst_cli *cli)
{
    struct program prog = {.cli = cli, .reports.file.fd = -1};
    (void)signal(SIGPIPE, SIG_IGN); /* a reader of our output that goes away must not end us */
    raise_file_limit();
    int status = serve(&prog);
    pst_server_free(prog.server);
    pst_cli_phones_fini(&prog.phones);
    pst_cli_store_close(&prog.kept);
    pst_static_free(prog.site);
    pst_cli_reports_fini(&prog.reports);
    return status;
}
