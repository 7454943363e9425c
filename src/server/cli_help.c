/* cli_help.c - what --help prints, and the README's tables, both from the tables that the parser uses. */
#include "server/cli_options.h"

#include <string.h>

struct row {
    const char *name, *value, *text;
};

static const struct row options[] = {
#define X(kind, member, name, value, text) {name, value, text},
#include "server/options.def"
#undef X
};

struct limit_row {
    const char *name, *text;
    unsigned long long def;
};

static const struct limit_row limits[] = {
#define PST_X(name, def, least, most, text) {#name, text, def},
    PST_LIMIT_MAP(PST_X)
#undef PST_X
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

void pst_cli_help(FILE *out)
{
    fputs("Usage: postern [OPTIONS] [ROOT]\n"
          "       postern posts COMMAND ...    reads what was posted: see postern posts --help\n\n"
          "Serves the files of the folder ROOT (default: the current one) over http and https.\n"
          "With neither --http nor --https: http on port " PST_CLI_DEFAULT_HTTP
          " and https on port " PST_CLI_DEFAULT_HTTPS ", for this machine only.\n\n",
          out);
    for (size_t i = 0; i < COUNT(options); i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "--%s %s", options[i].name,
                       options[i].value ? options[i].value : "");
        fprintf(out, "  %-24s  %s\n", head, options[i].text);
    }
    fputs("\nLimits, as in --limit body_bytes=5000000 (times in milliseconds, sizes in bytes):\n", out);
    for (size_t i = 0; i < COUNT(limits); i++)
        fprintf(out, "  %-18s %10llu  %s\n", limits[i].name, limits[i].def, limits[i].text);
    fputs("\nCtrl-C or SIGTERM ends it: what is in flight is finished first, within drain_ms. SIGHUP reads "
          "the files\n"
          "of TLS anew (it notices changes by itself, too); SIGUSR1 writes a line of metrics into the log.\n"
          "Exit status: 0 ended as asked, 1 failed while running, 2 could not start.\n",
          out);
}

void pst_cli_help_markdown(FILE *out)
{
    fputs("| option | what it does |\n| --- | --- |\n", out);
    for (size_t i = 0; i < COUNT(options); i++)
        fprintf(out, "| `--%s%s%s` | %s |\n", options[i].name, options[i].value ? " " : "",
                options[i].value ? options[i].value : "", options[i].text);
    fputs("\n| limit | default | what it bounds |\n| --- | --- | --- |\n", out);
    for (size_t i = 0; i < COUNT(limits); i++)
        fprintf(out, "| `%s` | %llu | %s |\n", limits[i].name, limits[i].def, limits[i].text);
}
