/* cli_cert.c - "postern cert". */
#include "server/cli_cert.h"

#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "server/cli_cert_options.h"
#include "server/cli_complain.h"
#include "server/cli_trust.h"

enum {
    LOCK_WAIT_S = 30,
    CA_NAME_BYTES = 65, /* RFC 5280 A.1: ub-common-name is 64 */
    HOST_BYTES = 256,
    QUOTED_BYTES = PATH_MAX,
};

enum { STATUS_FAILED = 1, STATUS_USAGE = 2 };

/* ---- who makes it ---- */

/* The machine's name, where a certificate can be for it. */
static bool read_host(const char *host, struct pst_tls_name *ret_name)
{
    return !strchr(host, '*') && !strchr(host, ':') && !pst_tls_name_read(ret_name, host) &&
           ret_name->address_len == 0;
}

static void make_ca_name(char name[CA_NAME_BYTES], const char *host)
{
    char buffer[1024];
    struct passwd entry, *found = NULL;
    char user[64];
    (void)snprintf(user, sizeof(user), "%lu", (unsigned long)geteuid());
    if (getpwuid_r(geteuid(), &entry, buffer, sizeof(buffer), &found) == 0 && found)
        (void)snprintf(user, sizeof(user), "%s", found->pw_name);
    int used = snprintf(name, CA_NAME_BYTES, PST_LOCAL_CA_NAME " ");
    char *owner = name + used;
    int room = CA_NAME_BYTES - 1 - used; /* what is longer is cut */
    (void)snprintf(owner, (size_t)room + 1, "%.*s@%.*s", room, user, room, host);
    for (char *p = owner; *p; p++)
        if (!(*p >= 'a' && *p <= 'z') && !(*p >= 'A' && *p <= 'Z') && !(*p >= '0' && *p <= '9') &&
            !strchr("@._-", *p))
            *p = '-';
}

/* ---- what was done ---- */

static void day_of(int64_t moment, char text[16])
{
    struct tm tm;
    time_t t = (time_t)moment;
    if (!gmtime_r(&t, &tm) || strftime(text, 16, "%Y-%m-%d", &tm) == 0)
        (void)snprintf(text, 16, "?");
}

static void print_names(const struct pst_local_names *names)
{
    char text[PST_TLS_NAME_BYTES];
    fputs("It is for:", stdout);
    for (size_t i = 0; i < names->count; i++) {
        pst_tls_name_write(&names->list[i], text);
        printf(" %s", text);
    }
    fputs("\nNames given on earlier runs are not kept: give all you want each time.\n", stdout);
}

static void print_files(const struct pst_cli_make *cli, const struct pst_local_request *request,
                        const struct pst_local_result *result, const char *path)
{
    char day[16];
    printf("In %s:\n", path);
    day_of(result->ca_end, day);
    printf("  %-32s  ", cli->throw_away_ca_key ? "ca.pem" : "ca.pem, ca-key.pem");
    if (result->ca_state == PST_LOCAL_CA_KEPT)
        printf("the CA that was there, kept, until %s\n", day);
    else
        printf("new CA \"%s\", until %s\n", request->ca_name, day);
    day_of(result->leaf_end, day);
    printf("  localhost.pem, localhost-key.pem  new certificate, ECDSA P-256, signed by the CA, until %s\n",
           day);
}

static void print_advice(const struct pst_cli_make *cli, const struct pst_local_result *result,
                         const char *ca_file)
{
    if (result->ca_state == PST_LOCAL_CA_REPLACED)
        puts("The old CA is gone: remove it from the browsers that trust it.");
    printf(
        "\nTo trust it%s:\n"
        "  all       postern trust install %s\n"
        "  curl      curl --cacert %s https://localhost:8443/\n"
        "  Firefox   Settings > Privacy & Security > View Certificates > Authorities > Import: ca.pem, to "
        "identify websites\n"
        "  Chromium  Settings > Privacy and security > Security > Manage certificates > import ca.pem as an "
        "authority\n",
        cli->install ? "" : " (nothing has been installed)", ca_file, ca_file);
    if (cli->throw_away_ca_key)
        puts("The CA's key was thrown away: nobody can sign with it again. The next certificate needs a new "
             "CA "
             "(--new-ca).");
    else
        puts("Keep ca-key.pem to yourself: with it anyone can pose as any local site to those who trust this "
             "CA.");
}

static void print_result(const struct pst_cli_make *cli, const struct pst_local_request *request,
                         const struct pst_local_result *result, const char *dir, const char *host)
{
    char path[QUOTED_BYTES], file[PATH_MAX + 8], ca_file[QUOTED_BYTES];
    pst_local_quote(path, sizeof(path), dir);
    (void)snprintf(file, sizeof(file), "%s/ca.pem", dir);
    pst_local_quote(ca_file, sizeof(ca_file), file);
    print_files(cli, request, result, path);
    print_names(&result->names);
    if (!request->host)
        printf("This machine's name \"%s\" is no valid DNS name, so it was left out.\n", host);
    else if (result->has_left_out_host)
        printf("This machine's name \"%s\" is not one that the CA may sign for, so it was left out.\n", host);
    if (result->is_capped)
        puts(
            "It ends early because the CA ends then: --new-ca makes a new CA, which browsers must be told to "
            "trust.");
    print_advice(cli, result, ca_file);
}

/* ---- doing it ---- */

/* ^C while the files are renamed would leave the new key beside the old certificate. */
static void hold_signals(void)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGINT);
    (void)sigaddset(&set, SIGTERM);
    (void)sigprocmask(SIG_BLOCK, &set, NULL); /* until the end: it is a matter of milliseconds */
}

static int make(struct pst_cli_make *cli, struct pst_local_folder *folder)
{
    char host[HOST_BYTES] = "", ca_name[CA_NAME_BYTES];
    struct pst_tls_name host_name;
    struct pst_local_result result;
    (void)gethostname(host, sizeof(host) - 1);
    make_ca_name(ca_name, host);
    struct pst_local_request request = {
        .names = &cli->names,
        .ca_name = ca_name,
        .days = cli->days,
        .ca_days = cli->ca_days,
        .new_ca = cli->new_ca,
        .throw_away_ca_key = cli->throw_away_ca_key,
        .now = (int64_t)time(NULL),
    };
    if (read_host(host, &host_name)) {
        (void)pst_local_names_add(&cli->names, &host_name); /* there is room: the parser left some */
        request.host = &host_name;
    }
    int err = pst_local_lock(folder, LOCK_WAIT_S);
    hold_signals();
    if (!err)
        err = pst_local_make(folder, &request, &result);
    if (!err)
        print_result(cli, &request, &result, folder->path, host);
    return err;
}

static int trust(const struct pst_cli_make *cli, enum pst_cli_trust_command command)
{
    char path[PATH_MAX + 8];
    struct pst_cli_place place = {.root = "",
                                  .home = getenv("HOME")}; /* NOLINT(concurrency-mt-unsafe): one thread */
    (void)snprintf(path, sizeof(path), "%s/ca.pem", cli->dir);
    return pst_cli_trust_run(command, path, &place);
}

int pst_cli_cert(int argc, char **argv)
{
    struct pst_cli_make cli;
    struct pst_local_folder folder;
    char error[PST_CLI_ERROR_BYTES];
    if (!pst_cli_cert_parse(&cli, argc, argv, error))
        return pst_cli_complain(STATUS_USAGE, "%s", error);
    if (cli.help) {
        pst_cli_cert_help(stdout);
        return 0;
    }
    if (cli.uninstall)
        return trust(&cli, PST_CLI_TRUST_UNINSTALL);
    int err = pst_local_open(&folder, cli.dir, true);
    if (!err)
        err = make(&cli, &folder);
    int status = err ? pst_cli_complain(STATUS_FAILED, "%s", folder.error) : 0;
    pst_local_close(&folder);
    return status || !cli.install ? status : trust(&cli, PST_CLI_TRUST_INSTALL);
}
