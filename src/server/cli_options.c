/* cli_options.c - the command line: parsing, from options.def. */
#include "server/cli_options.h"

#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <postern/err.h>
#include <postern/slice.h>

#include "server/cli_args.h"
#include "server/cli_doors.h"
#include "server/cli_nearest.h"
#include "transport/listener.h"

#define WORKERS_MAX 256

struct parser {
    struct pst_cli *cli;
    const char *root;
    size_t http_count, https_count;
    size_t cert_count, key_count;
    bool is_tls_given, is_client_cert_given;
    char *error; /* PST_CLI_ERROR_BYTES */
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error, PST_CLI_ERROR_BYTES, format, args);
    va_end(args);
    return false;
}

/* ---- the options that take more than storing ---- */

static bool add_listen(struct parser *p, bool is_secure, const char *value)
{
    struct pst_cli *cli = p->cli;
    const char *option = is_secure ? "https" : "http";
    if (cli->listen_count == PST_CLI_LISTEN_MAX)
        return fail(p, "more than %d addresses to listen on", PST_CLI_LISTEN_MAX);
    struct pst_cli_listen *listen = &cli->listen[cli->listen_count];
    struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
    size_t count = 0;
    listen->is_secure = is_secure;
    int n = snprintf(listen->address, sizeof listen->address, "%s", value);
    if (n < 0 || (size_t)n >= sizeof listen->address || pst_listen_parse(value, addrs, &count) != 0)
        return fail(p,
                    "--%s \"%.80s\" is no address: write a port (1 to 65535, or 0 for any free one), or "
                    "localhost:PORT, 127.0.0.1:PORT, [::1]:PORT or *:PORT",
                    option, value);
    cli->listen_count++;
    return true;
}

static bool set_http(struct parser *p, const char *value)
{
    p->http_count++;
    return add_listen(p, false, value);
}

static bool set_https(struct parser *p, const char *value)
{
    p->https_count++;
    return add_listen(p, true, value);
}

static bool set_cert(struct parser *p, const char *value)
{
    if (p->cert_count == PST_CLI_CERT_MAX)
        return fail(p, "more than %d certificates", PST_CLI_CERT_MAX);
    p->cli->certs[p->cert_count++].cert = value;
    return true;
}

static bool set_key(struct parser *p, const char *value)
{
    if (p->key_count == PST_CLI_CERT_MAX)
        return fail(p, "more than %d private keys", PST_CLI_CERT_MAX);
    p->cli->certs[p->key_count++].key = value;
    return true;
}

static bool set_key_password(struct parser *p, const char *value)
{
    if (p->key_count == 0)
        return fail(p, "--key-password is for the --key before it: give --key FILE first");
    if (p->cli->certs[p->key_count - 1].password)
        return fail(p, "--key-password was given twice for --key %.80s: leave one out",
                    p->cli->certs[p->key_count - 1].key);
    p->cli->certs[p->key_count - 1].password = value;
    return true;
}

static bool choose_tls(struct parser *p, bool is_modern)
{
    if (p->is_tls_given && p->cli->is_tls_modern != is_modern)
        return fail(p, "--tls and --tls-min contradict each other: leave one out");
    p->is_tls_given = true;
    p->cli->is_tls_modern = is_modern;
    return true;
}

static bool set_tls(struct parser *p, const char *value)
{
    bool is_modern = strcmp(value, "modern") == 0;
    if (!is_modern && strcmp(value, "intermediate") != 0)
        return fail(p, "--tls \"%.40s\": there are modern (TLS 1.3) and intermediate (TLS 1.2 too)", value);
    return choose_tls(p, is_modern);
}

static bool set_tls_min(struct parser *p, const char *value)
{
    bool is_13 = strcmp(value, "1.3") == 0;
    if (!is_13 && strcmp(value, "1.2") != 0)
        return fail(p, "--tls-min \"%.40s\": there are 1.2 and 1.3; older ones are not safe any more", value);
    return choose_tls(p, is_13);
}

static bool set_client_cert(struct parser *p, const char *value)
{
    p->is_client_cert_given = true;
    p->cli->is_client_cert_optional = strcmp(value, "optional") == 0;
    if (!p->cli->is_client_cert_optional && strcmp(value, "required") != 0)
        return fail(p, "--client-cert \"%.40s\": say required or optional", value);
    return true;
}

static bool set_workers(struct parser *p, const char *value)
{
    unsigned long long n = 0;
    if (!pst_slice_to_u64(pst_slice_str(value), &n) || n > WORKERS_MAX)
        return fail(p, "--workers \"%.40s\" is no number from 1 to %d (0: one for each CPU)", value,
                    WORKERS_MAX);
    p->cli->workers = (unsigned)n;
    return true;
}

static bool set_hsts(struct parser *p, const char *value)
{
    struct pst_cli *cli = p->cli;
    if (!pst_cli_hsts(value, &cli->hsts_s, &cli->hsts_flags))
        return fail(p,
                    "--hsts \"%.80s\": write SECONDS, or SECONDS,includeSubDomains, and for the lists of "
                    "browsers at least 31536000,includeSubDomains,preload",
                    value);
    cli->has_hsts = true;
    return true;
}

static bool set_host(struct parser *p, const char *value)
{
    struct pst_cli *cli = p->cli;
    if (cli->host_count == PST_CLI_HOST_MAX)
        return fail(p, "more than %d hosts", PST_CLI_HOST_MAX);
    cli->hosts[cli->host_count++] = value;
    return true;
}

static bool set_box(struct parser *p, const char *value)
{
    struct pst_cli *cli = p->cli;
    if (cli->box_count == PST_CLI_BOX_MAX)
        return fail(p, "more than %d boxes", PST_CLI_BOX_MAX);
    cli->boxes[cli->box_count++] = value;
    return true;
}

static bool set_boxes(struct parser *p, const char *value)
{
    if (strcmp(value, "auto") != 0)
        return fail(p,
                    "--boxes \"%.40s\": there is only --boxes auto; a box of its own is declared with --box",
                    value);
    p->cli->boxes_auto = true;
    return true;
}

static const char *const limit_names[] = {
#define PST_X(name, def, least, most, text) #name,
    PST_LIMIT_MAP(PST_X)
#undef PST_X
};

static bool fail_limit_range(struct parser *p, struct pst_slice name, const char *value)
{
#define PST_X(limit, def, least, most, text)                                                                 \
    if (pst_slice_eq(name, PST_SLICE(#limit)))                                                               \
        return fail(p, "--limit " #limit "=%.40s: give a number from " #least " to " #most, value);
    PST_LIMIT_MAP(PST_X)
#undef PST_X
    return fail(p, "--limit: \"%.40s\" is out of range", value);
}

static bool set_limit(struct parser *p, const char *value)
{
    const char *equals = strchr(value, '=');
    if (!equals)
        return fail(p, "--limit \"%.80s\": write NAME=VALUE, as in --limit %s=100", value, "field_count");
    struct pst_slice name = pst_slice_of(value, (size_t)(equals - value));
    unsigned long long number = 0;
    bool is_number = pst_slice_to_u64(pst_slice_str(equals + 1), &number);
    int err = pst_limits_set(&p->cli->limits, name, is_number ? number : 0);
    if (err == PST_E_NOENT) {
        const char *nearest = pst_cli_nearest(name, limit_names, sizeof limit_names / sizeof limit_names[0]);
        return fail(p, "there is no limit \"%.*s\"%s%s%s; --help lists them",
                    (int)(name.len > 80 ? 80 : name.len), name.ptr, nearest ? ": did you mean " : "",
                    nearest ? nearest : "", nearest ? "?" : "");
    }
    return (err == 0 && is_number) || fail_limit_range(p, name, equals + 1);
}

/* ---- the table ---- */

enum option_kind { KIND_FLAG, KIND_TEXT, KIND_CALL };

/* What an option does, in the order of options[]. */
static const struct action {
    enum option_kind kind;
    size_t offset; /* of the member in struct pst_cli; FLAG and TEXT */
    bool (*set)(struct parser *p, const char *value);
} actions[] = {
#define ROW_FLAG(member)                   {KIND_FLAG, offsetof(struct pst_cli, member), NULL},
#define ROW_TEXT(member)                   {KIND_TEXT, offsetof(struct pst_cli, member), NULL},
#define ROW_CALL(member)                   {KIND_CALL, 0, set_##member},
#define X(kind, member, name, value, text) ROW_##kind(member)
#include "server/options.def"
#undef X
};

static const struct pst_cli_option options[] = {
#define X(kind, member, name, value, text) {name, value, text},
#include "server/options.def"
#undef X
};

static bool apply(struct parser *p, const struct action *action, const char *value)
{
    char *base = (char *)p->cli;
    switch (action->kind) {
    case KIND_FLAG:
        *(bool *)(void *)(base + action->offset) = true;
        return true;
    case KIND_TEXT:
        *(const char **)(void *)(base + action->offset) = value;
        return true;
    case KIND_CALL:
        break;
    }
    return action->set(p, value);
}

/* ---- the walk over the arguments ---- */

static bool set_root(struct parser *p, const char *argument)
{
    if (argument[0] == '\0')
        return fail(p, "the folder to serve has an empty name: leave it out to serve the current one");
    if (p->root)
        return fail(p, "only one folder can be served: got \"%.80s\" and \"%.80s\"", p->root, argument);
    p->root = argument;
    return true;
}

static bool parse_arguments(struct parser *p, int argc, char **argv)
{
    struct pst_cli_args args = {.argc = argc,
                                .argv = argv,
                                .options = options,
                                .option_count = sizeof options / sizeof options[0],
                                .error_hint = "--help lists them",
                                .error = p->error,
                                .next = 1};
    for (;;) {
        size_t option = 0;
        const char *value = NULL;
        bool ok = true;
        switch (pst_cli_args_next(&args, &option, &value)) {
        case PST_CLI_ARG_END:
            return true;
        case PST_CLI_ARG_WORD:
            ok = set_root(p, value);
            break;
        case PST_CLI_ARG_OPTION:
            ok = apply(p, &actions[option], value);
            break;
        case PST_CLI_ARG_WRONG:
            ok = false;
            break;
        }
        if (!ok)
            return false;
    }
}

/* ---- defaults and contradictions ---- */

/* A bare port means localhost, and all addresses with --public, which may come behind it. */
static void widen_ports(struct pst_cli *cli)
{
    for (size_t i = 0; i < cli->listen_count && cli->is_public; i++) {
        char *address = cli->listen[i].address;
        size_t len = strlen(address);
        if (strchr(address, ':') || len + 3 > PST_CLI_LISTEN_TEXT_BYTES)
            continue;
        memmove(address + 2, address, len + 1);
        memcpy(address, "*:", 2);
    }
}

static bool settle_listeners(struct parser *p)
{
    struct pst_cli *cli = p->cli;
    if (cli->no_http && p->http_count > 0)
        return fail(p, "--http and --no-http contradict each other: leave one out");
    if (cli->no_https && p->https_count > 0)
        return fail(p, "--https and --no-https contradict each other: leave one out");
    if (cli->no_http && cli->no_https)
        return fail(p, "--no-http and --no-https leave nothing to listen on: leave one out");
    if (cli->listen_count == 0) {
        if (!cli->no_http)
            (void)add_listen(p, false, PST_CLI_DEFAULT_HTTP);
        if (!cli->no_https)
            (void)add_listen(p, true, PST_CLI_DEFAULT_HTTPS);
    }
    widen_ports(cli);
    return true;
}

static bool is_loopback(const struct pst_listen_addr *listen)
{
    if (listen->addr.ss_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, &listen->addr, sizeof v6);
        return IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    struct sockaddr_in v4;
    memcpy(&v4, &listen->addr, sizeof v4);
    return ntohl(v4.sin_addr.s_addr) >> 24 == 127;
}

static bool is_local(const struct pst_cli *cli)
{
    for (size_t i = 0; i < cli->listen_count; i++) {
        struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
        size_t count = 0;
        (void)pst_listen_parse(cli->listen[i].address, addrs, &count);
        for (size_t k = 0; k < count; k++)
            if (!is_loopback(&addrs[k]))
                return false;
    }
    return true;
}

static bool settle_doors(struct parser *p)
{
    struct pst_cli *cli = p->cli;
    cli->is_local = is_local(cli);
    if (cli->redirect && !pst_cli_has_https(cli))
        return fail(p,
                    "--redirect sends to https, but there is no https door: leave out one of --redirect and "
                    "--no-https");
    if (cli->has_hsts && !pst_cli_has_https(cli))
        return fail(p,
                    "--hsts is told over https only, and there is no https door: leave out one of --hsts and "
                    "--no-https");
    return true;
}

/* Anybody who reaches a server with --boxes auto can make boxes and fill them. */
static bool settle_posts(struct parser *p)
{
    const struct pst_cli *cli = p->cli;
    if (cli->data && !pst_cli_keeps_posts(cli))
        return fail(p,
                    "--data names a folder for posts, but nothing takes any: add --box NAME, --boxes auto or "
                    "--board");
    if (cli->boxes_auto && cli->is_public)
        return fail(p,
                    "--boxes auto and --public do not go together, since anybody could make boxes and fill "
                    "them: declare each with --box NAME");
    for (size_t i = 0; i < cli->listen_count && cli->boxes_auto; i++) {
        struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
        size_t count = 0;
        (void)pst_listen_parse(cli->listen[i].address, addrs, &count);
        for (size_t k = 0; k < count; k++) {
            if (!is_loopback(&addrs[k]))
                return fail(p,
                            "--boxes auto is for this machine only, and %s is not: anybody could make boxes "
                            "and fill them; declare each with --box NAME",
                            cli->listen[i].address);
        }
    }
    return true;
}

static bool settle_tls(struct parser *p)
{
    struct pst_cli *cli = p->cli;
    if (!p->cert_count != !p->key_count)
        return fail(p, "--%s needs --%s too: give both files", p->cert_count ? "cert" : "key",
                    p->cert_count ? "key" : "cert");
    if (p->cert_count != p->key_count)
        return fail(p, "each --cert needs its --key, in the same order: got %zu and %zu", p->cert_count,
                    p->key_count);
    cli->is_cert_given = p->cert_count > 0;
    cli->cert_count = p->cert_count;
    if (!cli->is_cert_given) {
        cli->certs[0] = (struct pst_cli_cert){.cert = PST_CLI_DEFAULT_CERT, .key = PST_CLI_DEFAULT_KEY};
        cli->cert_count = 1;
    }
    if (p->is_client_cert_given && !cli->client_ca)
        return fail(p, "--client-cert needs --client-ca FILE: the CA that signs the certificates of clients");
    if (cli->client_ca && cli->ticket_keys)
        return fail(p,
                    "--client-ca and --ticket-keys contradict each other: where clients show certificates, "
                    "there are no tickets");
    if (cli->no_tickets && cli->ticket_keys)
        return fail(p, "--no-tickets and --ticket-keys contradict each other: leave one out");
    return true;
}

static bool settle_files(struct parser *p)
{
    struct pst_cli *cli = p->cli;
    if (cli->log && cli->no_log)
        return fail(p, "--log and --no-log contradict each other: leave one out");
    if (!cli->log)
        cli->log = "-";
    cli->root = p->root ? p->root : ".";
    return true;
}

bool pst_cli_parse(struct pst_cli *ret_cli, int argc, char **argv, char error[PST_CLI_ERROR_BYTES])
{
    *ret_cli = (struct pst_cli){0};
    pst_limits_init(&ret_cli->limits);
    error[0] = '\0';
    struct parser p = {.cli = ret_cli, .error = error};
    if (!parse_arguments(&p, argc, argv))
        return false;
    if (ret_cli->help || ret_cli->version)
        return true;
    return settle_listeners(&p) && settle_doors(&p) && settle_posts(&p) && settle_tls(&p) && settle_files(&p);
}

bool pst_cli_has_https(const struct pst_cli *cli)
{
    for (size_t i = 0; i < cli->listen_count; i++) {
        if (cli->listen[i].is_secure)
            return true;
    }
    return false;
}

bool pst_cli_keeps_posts(const struct pst_cli *cli)
{
    return cli->box_count > 0 || cli->boxes_auto || cli->board;
}
