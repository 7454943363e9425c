/* cli_doctor.c - the command line of "postern doctor", and what it sends for. */
#include "server/cli_doctor.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <postern/slice.h>

#include "server/cli_args.h"
#include "server/cli_clean.h"
#include "server/cli_complain.h"
#include "transport/tls.h"

enum option { OPTION_NAME, OPTION_KEY, OPTION_ROOT, OPTION_HOME, OPTION_HELP };
static const struct pst_cli_option options[] = {
    {"name", "NAME", "the name or address that browsers are to open (default: localhost, or HOST)"},
    {"key", "FILE", "the private key of FILE (default: looked for beside it by its usual names)"},
    {"root", "DIR", "take DIR for / when looking for the system's store of authorities"},
    {"home", "DIR", "the home folder whose browsers are meant (default: yours)"},
    {"help", NULL, "print this"},
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

struct asked {
    const char *what; /* NULL: the machine */
    bool help;
};

static bool parse(struct pst_cli_doctor *doctor, struct asked *asked, int argc, char **argv, char *error)
{
    struct pst_cli_args args = {.argc = argc,
                                .argv = argv,
                                .options = options,
                                .option_count = OPTION_COUNT,
                                .error_hint = "postern doctor --help lists them",
                                .error = error,
                                .next = 1};
    const char *value;
    size_t option = 0;
    for (;;) {
        switch (pst_cli_args_next(&args, &option, &value)) {
        case PST_CLI_ARG_END:
            return true;
        case PST_CLI_ARG_WRONG:
            return false;
        case PST_CLI_ARG_WORD:
            if (asked->what) {
                (void)snprintf(error, PST_CLI_ERROR_BYTES,
                               "doctor looks at one thing at a time: \"%.80s\" is too much", value);
                return false;
            }
            asked->what = value;
            break;
        case PST_CLI_ARG_OPTION:
            if (option == OPTION_NAME)
                doctor->name = value;
            else if (option == OPTION_KEY)
                doctor->key = value;
            else if (option == OPTION_ROOT)
                doctor->place.root = value;
            else if (option == OPTION_HOME)
                doctor->place.home = value;
            else
                asked->help = true;
            break;
        }
    }
}

static void print_help(void)
{
    fputs("Usage: postern doctor [HOST:PORT | FILE] [OPTIONS]\n\n"
          "Says what a browser would object to, and how to mend it.\n\n"
          "  HOST:PORT  a server: what it serves and speaks, whether it is trusted, what is in the way\n"
          "  FILE       a certificate chain in PEM or DER, and the key beside it\n"
          "  neither    this machine: certificates in certs/, ports, folders, kernel, limits\n\n",
          stdout);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "--%s %s", options[i].name,
                       options[i].value ? options[i].value : "");
        printf("  %-13s %s\n", head, options[i].text);
    }
    fputs("\nExit status: 0 no problem (there may be warnings); 1 problems; 2 the command line is wrong.\n",
          stdout);
}

/* ---- HOST:PORT ---- */

struct address {
    char host[256];
    unsigned port;
};

static bool read_port(struct pst_slice text, unsigned *ret_port)
{
    unsigned long long port = 0;
    if (!pst_slice_to_u64(text, &port) || port == 0 || port > 65535)
        return false;
    *ret_port = (unsigned)port;
    return true;
}

/* "host:port", "[::1]:port", ":port", or a URL of https. */
static bool read_address(const char *text, struct address *ret_address)
{
    const char *start = strncmp(text, "https://", 8) == 0 ? text + 8 : text;
    bool is_url = start != text;
    size_t len = is_url ? strcspn(start, "/?#") : strlen(start);
    const char *host = start, *colon = memrchr(start, ':', len);
    size_t host_len = colon ? (size_t)(colon - start) : len;
    if (start[0] == '[') {
        const char *end = memchr(start, ']', len);
        if (!end)
            return false;
        colon = end + 1 < start + len ? end + 1 : NULL;
        if (colon && *colon != ':')
            return false;
        host = start + 1;
        host_len = (size_t)(end - host);
    }
    ret_address->port = 443;
    if (!colon && !is_url)
        return false;
    if (colon && !read_port(pst_slice_of(colon + 1, (size_t)(start + len - colon - 1)), &ret_address->port))
        return false;
    if (host_len >= sizeof ret_address->host)
        return false;
    (void)snprintf(ret_address->host, sizeof ret_address->host, "%.*s", (int)host_len, host);
    if (host_len == 0)
        (void)snprintf(ret_address->host, sizeof ret_address->host, "localhost");
    return true;
}

/* ---- */

static int examine(struct pst_cli_doctor *doctor, const char *what)
{
    struct address address;
    struct stat st;
    if (!what)
        pst_cli_doctor_machine(doctor);
    else if (stat(what, &st) != 0 && read_address(what, &address))
        pst_cli_doctor_door(doctor, address.host, address.port);
    else
        pst_cli_doctor_file(doctor, what);
    return pst_cli_findings_end(&doctor->findings);
}

int pst_cli_doctor(int argc, char **argv)
{
    char error[PST_CLI_ERROR_BYTES];
    struct asked asked = {0};
    struct pst_cli_doctor doctor = {.findings = {.out = stdout}, .place = {.root = ""}};
    doctor.place.home = getenv("HOME"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (!parse(&doctor, &asked, argc, argv, error))
        return pst_cli_complain(PST_CLI_CANNOT_START, "%s", error);
    if (asked.help) {
        print_help();
        return PST_CLI_ENDED;
    }
    if (doctor.key && !asked.what)
        return pst_cli_complain(PST_CLI_CANNOT_START,
                                "--key belongs to a certificate: postern doctor FILE --key KEY");
    pst_cli_clean_init();
    if (pst_tls_global_init() != 0)
        return pst_cli_complain(PST_CLI_FAILED, "cannot start Mbed TLS");
    return examine(&doctor, asked.what);
}
