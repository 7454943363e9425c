/* cli_options.c - the command line: parsing, from options.def. */
#include "server/cli_options.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <postern/err.h>
#include <postern/slice.h>

#include "server/cli_nearest.h"
#include "transport/listener.h"

#define WORKERS_MAX 256

struct parser {
    struct pst_cli *cli;
    const char *root;
    size_t http_count, https_count;
    bool is_key_given;
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

static bool set_workers(struct parser *p, const char *value)
{
    unsigned long long n = 0;
    if (!pst_slice_to_u64(pst_slice_str(value), &n) || n > WORKERS_MAX)
        return fail(p, "--workers \"%.40s\" is no number from 1 to %d (0: one for each CPU)", value,
                    WORKERS_MAX);
    p->cli->workers = (unsigned)n;
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

struct option {
    enum option_kind kind;
    size_t offset; /* of the member in struct pst_cli; FLAG and TEXT */
    bool (*set)(struct parser *p, const char *value);
    const char *name, *value;
};

#define ROW_FLAG(member, name, value) {KIND_FLAG, offsetof(struct pst_cli, member), NULL, name, value},
#define ROW_TEXT(member, name, value) {KIND_TEXT, offsetof(struct pst_cli, member), NULL, name, value},
#define ROW_CALL(member, name, value) {KIND_CALL, 0, set_##member, name, value},

static const struct option options[] = {
#define X(kind, member, name, value, text) ROW_##kind(member, name, value)
#include "server/options.def"
#undef X
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

static const char *const option_names[] = {
#define X(kind, member, name, value, text) name,
#include "server/options.def"
#undef X
};

/* ---- the walk over the arguments ---- */

static bool fail_unknown(struct parser *p, const char *argument, struct pst_slice name)
{
    const char *nearest = pst_cli_nearest(name, option_names, OPTION_COUNT);
    if (nearest)
        return fail(p, "there is no option %.80s: did you mean --%s?", argument, nearest);
    return fail(p, "there is no option %.80s; --help lists them", argument);
}

static bool apply(struct parser *p, const struct option *option, const char *value)
{
    char *base = (char *)p->cli;
    switch (option->kind) {
    case KIND_FLAG:
        *(bool *)(void *)(base + option->offset) = true;
        return true;
    case KIND_TEXT:
        *(const char **)(void *)(base + option->offset) = value;
        return true;
    case KIND_CALL:
        break;
    }
    return option->set(p, value);
}

/* One option; *i is its index and becomes that of its last argument. */
static bool parse_option(struct parser *p, int argc, char **argv, int *i)
{
    const char *argument = argv[*i];
    const char *equals = strchr(argument, '=');
    struct pst_slice name = pst_slice_str(argument + 2);
    if (equals)
        name.len = (size_t)(equals - name.ptr);
    const struct option *option = NULL;
    for (size_t k = 0; k < OPTION_COUNT && !option; k++) {
        if (pst_slice_eq(name, pst_slice_str(options[k].name)))
            option = &options[k];
    }
    if (!option)
        return fail_unknown(p, argument, name);

    if (option->kind == KIND_FLAG && equals)
        return fail(p, "--%s takes no value", option->name);
    const char *value = equals ? equals + 1 : NULL;
    if (option->kind != KIND_FLAG && !equals) {
        /* What looks like an option is one: a value was forgotten. A name that begins with "--" can still be
         * given by "=". */
        if (*i + 1 >= argc || strncmp(argv[*i + 1], "--", 2) == 0)
            return fail(p, "--%s needs a value: --%s %s", option->name, option->name, option->value);
        value = argv[++*i];
    }
    if (value && value[0] == '\0')
        return fail(p, "--%s needs a value: --%s %s", option->name, option->name, option->value);
    return apply(p, option, value);
}

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
    bool options_over = false;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        bool ok = true;
        if (options_over || argument[0] != '-' || argument[1] == '\0')
            ok = set_root(p, argument);
        else if (strcmp(argument, "--") == 0)
            options_over = true;
        else if (strcmp(argument, "-h") == 0)
            p->cli->help = true;
        else if (argument[1] != '-')
            ok = fail_unknown(p, argument, pst_slice_str(argument + 1));
        else
            ok = parse_option(p, argc, argv, &i);
        if (!ok)
            return false;
    }
    return true;
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

static bool settle_files(struct parser *p)
{
    struct pst_cli *cli = p->cli;
    if (!cli->cert != !cli->key)
        return fail(p, "--%s needs --%s too: give both files", cli->cert ? "cert" : "key",
                    cli->cert ? "key" : "cert");
    cli->is_cert_given = cli->cert != NULL;
    if (!cli->cert) {
        cli->cert = PST_CLI_DEFAULT_CERT;
        cli->key = PST_CLI_DEFAULT_KEY;
    }
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
    return settle_listeners(&p) && settle_files(&p);
}

bool pst_cli_has_https(const struct pst_cli *cli)
{
    for (size_t i = 0; i < cli->listen_count; i++) {
        if (cli->listen[i].is_secure)
            return true;
    }
    return false;
}
