/* cli_trust.c - the command line of "postern trust", the CA's file, and what only other systems can do. */
#include "server/cli_trust.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli_args.h"
#include "server/cli_clean.h"
#include "server/cli_complain.h"
#include "server/cli_file.h"
#include "server/cli_nearest.h"
#include "server/file.h"
#include "transport/tls.h"

#define CA_DEFAULT "certs/ca.pem"

enum { FILE_BYTES_MAX = 1 << 20 };

/* In the order of enum pst_cli_trust_command. */
static const struct {
    const char *name, *text;
} commands[] = {
    {"install", "has this machine's programs and your browsers trust the CA"},
    {"uninstall", "undoes that"},
    {"status", "says which of them trust it"},
};
#define COMMAND_COUNT (sizeof commands / sizeof commands[0])

enum option { OPTION_ROOT, OPTION_HOME, OPTION_HELP };
static const struct pst_cli_option options[] = {
    {"root", "DIR", "take DIR for / when looking for the system's store, as for an image"},
    {"home", "DIR", "the home folder whose browsers are meant (default: yours)"},
    {"help", NULL, "print this"},
};
#define OPTION_COUNT (sizeof options / sizeof options[0])

/* ---- the command line ---- */

struct asked {
    const char *command, *path;
    struct pst_cli_place place;
    bool help;
};

static bool parse(struct asked *asked, int argc, char **argv, char *error)
{
    struct pst_cli_args args = {.argc = argc,
                                .argv = argv,
                                .options = options,
                                .option_count = OPTION_COUNT,
                                .error_hint = "postern trust --help lists them",
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
            if (asked->path) {
                (void)snprintf(error, PST_CLI_ERROR_BYTES,
                               "trust takes one CA at a time: \"%.80s\" is too much", value);
                return false;
            }
            *(asked->command ? &asked->path : &asked->command) = value;
            break;
        case PST_CLI_ARG_OPTION:
            if (option == OPTION_ROOT)
                asked->place.root = value;
            else if (option == OPTION_HOME)
                asked->place.home = value;
            else
                asked->help = true;
            break;
        }
    }
}

static bool find_command(const char *word, enum pst_cli_trust_command *ret_command, char *error)
{
    const char *names[COMMAND_COUNT];
    for (size_t i = 0; i < COMMAND_COUNT; i++) {
        names[i] = commands[i].name;
        if (word && strcmp(word, names[i]) == 0) {
            *ret_command = (enum pst_cli_trust_command)i;
            return true;
        }
    }
    const char *nearest = word ? pst_cli_nearest(pst_slice_str(word), names, COMMAND_COUNT) : NULL;
    if (!word)
        (void)snprintf(error, PST_CLI_ERROR_BYTES, "trust needs a command: install, uninstall or status");
    else if (nearest)
        (void)snprintf(error, PST_CLI_ERROR_BYTES,
                       "there is no command \"trust %.80s\": did you mean trust %s?", word, nearest);
    else
        (void)snprintf(error, PST_CLI_ERROR_BYTES,
                       "there is no command \"trust %.80s\"; there are install, uninstall and status", word);
    return false;
}

static void print_help(void)
{
    fputs("Usage: postern trust COMMAND [CA.pem] [OPTIONS]\n\n"
          "Which programs of this machine trust your local CA (default: " CA_DEFAULT "): those that use the\n"
          "system's store, Firefox and Chromium, also from snap and flatpak. Its key is never touched.\n\n",
          stdout);
    for (size_t i = 0; i < COMMAND_COUNT; i++)
        printf("  %-10s  %s\n", commands[i].name, commands[i].text);
    fputc('\n', stdout);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "--%s %s", options[i].name,
                       options[i].value ? options[i].value : "");
        printf("  %-10s  %s\n", head, options[i].text);
    }
    fputs(
        "\nThe system's store belongs to root: run it once with sudo for that, and once as yourself for your "
        "browsers.\n"
        "Exit status: 0 done; 1 a store could not be changed, or does not trust it; 2 the command line or "
        "the CA "
        "cannot be used.\n",
        stdout);
}

/* ---- the CA ---- */

/* The first complaint about its file. */
static void complain_of(void *arg, enum pst_tls_grade grade, const char *topic, const char *text,
                        const char *remedy)
{
    char *line = arg;
    (void)grade;
    (void)topic;
    (void)remedy;
    if (line[0] == '\0')
        (void)snprintf(line, PST_CLI_ERROR_BYTES, "%s", text);
}

static char *to_pem(struct pst_slice der)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = (const unsigned char *)der.ptr;
    char *text = malloc(der.len * 2 + 128), *at = text;
    if (!text)
        return NULL;
    at += sprintf(at, "-----BEGIN CERTIFICATE-----\n");
    for (size_t i = 0; i < der.len; i += 3) {
        size_t left = der.len - i;
        unsigned bits =
            (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0U);
        *at++ = digits[bits >> 18];
        *at++ = digits[bits >> 12 & 63];
        *at++ = left > 1 ? digits[bits >> 6 & 63] : '=';
        *at++ = left > 2 ? digits[bits & 63] : '=';
        if (i % 48 == 45 || left <= 3)
            *at++ = '\n';
    }
    (void)sprintf(at, "-----END CERTIFICATE-----\n");
    return text;
}

static int read_ca(struct pst_cli_trust *trust)
{
    char line[PST_CLI_ERROR_BYTES] = "", fingerprint[PST_TLS_FINGERPRINT_TEXT], *text = NULL;
    struct pst_tls_report report = {.fn = complain_of, .arg = line};
    size_t len = 0;
    int number = pst_cli_file_read(trust->path, FILE_BYTES_MAX, &text, &len);
    if (number)
        return pst_cli_complain(PST_CLI_CANNOT_START, "cannot read the CA \"%s\": %s%s", trust->path,
                                strerror(number), /* NOLINT(concurrency-mt-unsafe): one thread prints */
                                number == ENOENT ? "; make one: postern cert" : "");
    int err = pst_tls_chain_read(&trust->ca, pst_slice_of(text, len), report);
    pst_file_forget(text, len);
    if (err)
        return pst_cli_complain(PST_CLI_CANNOT_START, "cannot use \"%s\": %s", trust->path,
                                line[0] ? line : "out of memory");
    if (!pst_tls_chain_is_ca(trust->ca))
        return pst_cli_complain(
            PST_CLI_CANNOT_START,
            "\"%s\" is not the certificate of a CA alone: give the file of the CA that signed it, "
            "most often ca.pem",
            trust->path);
    trust->pem = to_pem(pst_tls_chain_der(trust->ca));
    if (!trust->pem)
        return pst_cli_complain(PST_CLI_FAILED, "out of memory");
    pst_tls_chain_fingerprint(trust->ca, fingerprint);
    (void)snprintf(trust->name, sizeof trust->name, "postern-%.16s", fingerprint);
    return 0;
}

/* ---- other systems ---- */

/* Under WSL the browser that is used most often is Windows's own, which no store in here reaches. */
static void hint_windows(struct pst_cli_trust *trust)
{
    char path[PATH_MAX], *text = NULL;
    size_t len = 0;
    if (!pst_cli_place_path(&trust->place, "/proc/version", path) ||
        pst_cli_file_read(path, 4096, &text, &len) != 0)
        return;
    bool is_wsl = strcasestr(text, "microsoft") != NULL;
    free(text);
    if (!is_wsl)
        return;
    char command[PATH_MAX + 96];
    if (trust->command == PST_CLI_TRUST_UNINSTALL)
        (void)snprintf(command, sizeof command,
                       "certutil.exe -user -delstore Root, with the CA's name behind it");
    else
        (void)snprintf(command, sizeof command, "certutil.exe -user -addstore Root \"$(wslpath -w '%s')\"",
                       trust->path);
    pst_cli_finding(
        &trust->findings, PST_TLS_WARNING, command,
        "Windows: this is WSL, and browsers of Windows have a store of their own that was not changed");
}

/* As root by sudo, the browsers that were looked at are root's. */
static void hint_sudo(struct pst_cli_trust *trust)
{
    const char *user = getenv("SUDO_USER"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (geteuid() != 0 || !user || user[0] == '\0' || strcmp(user, "root") == 0)
        return;
    pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL,
                    "the browsers above are those of root's home: run it as %s as well for that user's",
                    user);
}

int pst_cli_trust_run(enum pst_cli_trust_command command, const char *ca_path,
                      const struct pst_cli_place *place)
{
    struct pst_cli_trust trust = {.findings = {.out = stdout},
                                  .place = *place,
                                  .command = command,
                                  .path = ca_path ? ca_path : CA_DEFAULT};
    struct pst_tls_cert_info info;
    pst_cli_clean_init();
    int status = pst_tls_global_init() == 0 ? read_ca(&trust) : PST_CLI_FAILED;
    if (!status) {
        pst_tls_chain_info(trust.ca, &info);
        pst_cli_findings_title(&trust.findings, "%s, %s, called %s in stores:", trust.path, info.subject,
                               trust.name);
        pst_cli_trust_system(&trust);
        pst_cli_trust_nss(&trust);
        hint_windows(&trust);
        hint_sudo(&trust);
        status = trust.findings.problems ? PST_CLI_FAILED : PST_CLI_ENDED;
        if (fflush(stdout) != 0)
            status = pst_cli_complain(PST_CLI_FAILED, "cannot write to standard output");
    }
    pst_tls_chain_free(trust.ca);
    free(trust.pem);
    return status;
}

int pst_cli_trust(int argc, char **argv)
{
    char error[PST_CLI_ERROR_BYTES];
    struct asked asked = {.place = {.root = ""}};
    enum pst_cli_trust_command command;
    asked.place.home = getenv("HOME"); /* NOLINT(concurrency-mt-unsafe): one thread */
    if (!parse(&asked, argc, argv, error))
        return pst_cli_complain(PST_CLI_CANNOT_START, "%s", error);
    if (asked.help) {
        print_help();
        return PST_CLI_ENDED;
    }
    if (!find_command(asked.command, &command, error))
        return pst_cli_complain(PST_CLI_CANNOT_START, "%s", error);
    return pst_cli_trust_run(command, asked.path, &asked.place);
}
