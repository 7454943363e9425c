/* cli_options.h - the command line: parsing and help, both from options.def. Opens and prints nothing else.
 */
#ifndef PST_SERVER_CLI_OPTIONS_H
#define PST_SERVER_CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include <postern/limits.h>

#include "server/cli_args.h"

#define PST_CLI_LISTEN_MAX        32
#define PST_CLI_BOX_MAX           256
#define PST_CLI_CERT_MAX          32
#define PST_CLI_HOST_MAX          64
#define PST_CLI_LISTEN_TEXT_BYTES 80
#define PST_CLI_DEFAULT_HTTP      "8080"
#define PST_CLI_DEFAULT_HTTPS     "8443"
#define PST_CLI_DEFAULT_CERT      "certs/localhost.pem"
#define PST_CLI_DEFAULT_KEY       "certs/localhost-key.pem"

struct pst_cli_listen {
    bool is_secure;
    char address[PST_CLI_LISTEN_TEXT_BYTES]; /* as pst_server_listen_http() takes it */
};

struct pst_cli_cert {
    const char *cert, *key;
    const char *password; /* file; NULL: none */
};

/* Strings belong to argv or are static. */
struct pst_cli {
    const char *root;
    struct pst_cli_listen listen[PST_CLI_LISTEN_MAX];
    size_t listen_count;
    bool no_http, no_https, is_public;
    struct pst_cli_cert certs[PST_CLI_CERT_MAX]; /* the default one where none is given */
    size_t cert_count;
    bool is_local; /* only this machine can reach what is listened on */
    bool redirect;
    bool has_hsts;
    uint64_t hsts_s;
    unsigned hsts_flags; /* PST_HSTS_* */
    const char *hosts[PST_CLI_HOST_MAX];
    size_t host_count;
    bool is_cert_given;
    bool is_tls_modern, is_client_cert_optional;
    const char *client_ca; /* NULL: clients show no certificates */
    bool no_tickets;
    const char *ticket_keys;            /* NULL: random ones */
    unsigned workers;                   /* 0: one for each CPU */
    const char *boxes[PST_CLI_BOX_MAX]; /* as pst_posts_box() takes them */
    size_t box_count;
    bool boxes_auto, board;
    const char *data; /* NULL: the default folder */
    bool list, echo, trace, no_log;
    const char *log; /* "-" is standard output */
    struct pst_limits limits;
    bool check, version, help;
};

/* Reads the command line and fills in the defaults. False, with one line in error, where it is wrong. With
 * help or version set the rest is not to be looked at. */
bool pst_cli_parse(struct pst_cli *ret_cli, int argc, char **argv, char error[PST_CLI_ERROR_BYTES]);

bool pst_cli_has_https(const struct pst_cli *cli);
/* Whether anything takes posts, so that there must be a folder for them. */
bool pst_cli_keeps_posts(const struct pst_cli *cli);

void pst_cli_help(FILE *out);
/* The same tables in Markdown, for the README: "postern --help=markdown". */
void pst_cli_help_markdown(FILE *out);

#endif
