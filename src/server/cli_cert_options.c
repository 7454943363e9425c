/* cli_cert_options.c - the command line of "postern cert". */
#include "server/cli_cert_options.h"

#include <stdarg.h>
#include <string.h>

#include <postern/slice.h>

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

enum option {
    OPTION_DIR,
    OPTION_DAYS,
    OPTION_CA_DAYS,
    OPTION_NEW_CA,
    OPTION_THROW_AWAY,
    OPTION_INSTALL,
    OPTION_UNINSTALL,
    OPTION_HELP
};
static const struct pst_cli_option options[] = {
    {"dir", "DIR", "where to write (default: certs)"},
    {"days", "N", "how long the certificate is valid, 1 to 397 days (default: 397)"},
    {"ca-days", "N", "how long a new CA is valid, 1 to 7300 days (default: 3650)"},
    {"new-ca", NULL, "make a new CA in place of the old one; browsers must then be told of it"},
    {"throw-away-ca-key", NULL, "do not keep the CA's key: nobody can sign with it again"},
    {"install", NULL,
     "then have this machine's programs and browsers trust the CA, as postern trust install does"},
    {"uninstall", NULL, "make nothing: take the CA out of all stores, as postern trust uninstall does"},
    {"help", NULL, "print this"},
};

__attribute__((format(printf, 2, 3))) static bool fail(char *error, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(error, PST_CLI_ERROR_BYTES, format, args);
    va_end(args);
    return false;
}

static bool set_days(unsigned *ret_days, const char *value, unsigned most, const char *option,
                     const char *why, char *error)
{
    unsigned long long n = 0;
    if (!pst_slice_to_u64(pst_slice_str(value), &n) || n < 1 || n > most)
        return fail(error, "--%s takes a whole number from 1 to %u%s", option, most, why);
    *ret_days = (unsigned)n;
    return true;
}

static bool apply(struct pst_cli_make *cli, enum option option, const char *value, char *error)
{
    switch (option) {
    case OPTION_DIR:
        cli->dir = value;
        return true;
    case OPTION_DAYS:
        return set_days(&cli->days, value, PST_LOCAL_DAYS_MAX, "days",
                        ": some browsers refuse what is valid longer", error);
    case OPTION_CA_DAYS:
        return set_days(&cli->ca_days, value, PST_LOCAL_CA_DAYS_MAX, "ca-days", "", error);
    case OPTION_NEW_CA:
        cli->new_ca = true;
        return true;
    case OPTION_THROW_AWAY:
        cli->throw_away_ca_key = true;
        return true;
    case OPTION_INSTALL:
        cli->install = true;
        return true;
    case OPTION_UNINSTALL:
        cli->uninstall = true;
        return true;
    case OPTION_HELP:
        break;
    }
    cli->help = true;
    return true;
}

static bool add_name(struct pst_cli_make *cli, const char *word, char *error)
{
    struct pst_tls_name name;
    const char *why = pst_tls_name_read(&name, word);
    if (why)
        return fail(error, "bad name \"%.80s\": %s", word, why);
    /* One place is for the machine's own name. */
    if (cli->names.count + 1 < PST_LOCAL_NAMES_MAX && pst_local_names_add(&cli->names, &name))
        return true;
    return fail(error, "too many names for one certificate: it takes %d with those that are always in it",
                PST_LOCAL_NAMES_MAX);
}

bool pst_cli_cert_parse(struct pst_cli_make *ret_cli, int argc, char **argv, char error[PST_CLI_ERROR_BYTES])
{
    static const char *const always[] = {"localhost", "127.0.0.1", "::1"};
    *ret_cli =
        (struct pst_cli_make){.dir = "certs", .days = PST_LOCAL_DAYS_MAX, .ca_days = PST_LOCAL_CA_DAYS};
    error[0] = '\0';
    for (size_t i = 0; i < COUNT(always); i++)
        (void)add_name(ret_cli, always[i], error);
    struct pst_cli_args args = {.argc = argc,
                                .argv = argv,
                                .options = options,
                                .option_count = COUNT(options),
                                .error_hint = "postern cert --help lists them",
                                .error = error,
                                .next = 1};
    for (;;) {
        size_t option = 0;
        const char *value = NULL;
        switch (pst_cli_args_next(&args, &option, &value)) {
        case PST_CLI_ARG_END:
            return !(ret_cli->install && ret_cli->uninstall) ||
                   fail(error, "--install and --uninstall contradict each other: give one of them");
        case PST_CLI_ARG_WORD:
            if (!add_name(ret_cli, value, error))
                return false;
            break;
        case PST_CLI_ARG_OPTION:
            if (!apply(ret_cli, (enum option)option, value, error))
                return false;
            break;
        case PST_CLI_ARG_WRONG:
            return false;
        }
    }
}

void pst_cli_cert_help(FILE *out)
{
    fputs(
        "Usage: postern cert [OPTIONS] [NAME...]\n\n"
        "Makes a local CA and a server certificate signed by it: ca.pem, ca-key.pem, localhost.pem and\n"
        "localhost-key.pem. The certificate is for localhost, 127.0.0.1, ::1, this machine's name, and each\n"
        "NAME given: a DNS name (dev.example), a wildcard (*.dev.example), an IPv4 or an IPv6 address. Run\n"
        "again to renew it: the CA is kept, so browsers that trust it need not be told again. Only the "
        "NAMEs\n"
        "of the last run are in the certificate. The CA can sign for local names and those that it was made\n"
        "with, for no others.\n\n",
        out);
    for (size_t i = 0; i < COUNT(options); i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "--%s %s", options[i].name,
                       options[i].value ? options[i].value : "");
        fprintf(out, "  %-19s  %s\n", head, options[i].text);
    }
    fputs("\nExit status: 0 done, 1 could not be done (the old files are untouched), 2 the command line is "
          "wrong.\n",
          out);
}
