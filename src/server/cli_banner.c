/* cli_banner.c - what is printed at the start: where to look, and which certificate vouches for it. */
#include "server/cli_banner.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <postern/version.h>

#include "server/server.h"

#define DAY_S     86400
#define WARN_DAYS 14

/* Names in certificates and of files may hold anything; a terminal shall see letters only. */
static void print_clean(FILE *out, const char *text)
{
    for (const char *p = text; *p; p++)
        fputc((unsigned char)*p < 0x20 || *p == 0x7f ? '?' : *p, out);
}

static void print_days(FILE *out, int64_t days)
{
    if (days <= 0)
        fputs("within a day", out);
    else
        fprintf(out, "in %lld %s", (long long)days, days == 1 ? "day" : "days");
}

void pst_cli_banner_cert(FILE *out, const struct pst_tls_cert_info *cert, const char *file, int64_t now)
{
    fputs("certificate ", out);
    print_clean(out, file);
    fprintf(out, " (%s) for ", cert->key);
    print_clean(out, cert->names[0] ? cert->names : cert->subject);
    if (cert->is_self_signed) {
        fputs("\n  self-signed", out);
    } else {
        fputs("\n  issued by ", out);
        print_clean(out, cert->issuer);
    }
    struct tm tm;
    char until[32] = "?";
    time_t end = (time_t)cert->not_after;
    if (gmtime_r(&end, &tm))
        (void)strftime(until, sizeof until, "%Y-%m-%d %H:%M UTC", &tm);
    int64_t days = (cert->not_after - now) / DAY_S;
    fprintf(out, ", valid until %s, which ends ", until);
    print_days(out, days);
    fputs("\n", out);
    if (days < WARN_DAYS) {
        fputs("  WARNING: the certificate expires ", out);
        print_days(out, days);
        fputs(
            ": renew it (scripts/mkcert.sh does, for a local one); postern takes up the new one by itself\n",
            out);
    }
}

static void print_path(FILE *out, const char *path)
{
    char full[PATH_MAX];
    print_clean(out, realpath(path, full) ? full : path);
}

void pst_cli_banner_posts(FILE *out, const struct pst_cli *cli, const char *data)
{
    fputs("posts are kept in ", out);
    print_path(out, data);
    fputs("\n", out);
    for (size_t i = 0; i < cli->box_count; i++) {
        const char *name = cli->boxes[i];
        int len = (int)strcspn(name, ":"); /* no more than 64: it was accepted */
        fprintf(out, "  box %.*s at /post/%.*s\n", len, name, len, name);
    }
    if (cli->boxes_auto)
        fprintf(out, "  any %sbox at /post/NAME, made by its first post\n",
                cli->box_count > 0 ? "other " : "");
    if (cli->board)
        fputs("  message board at /board\n", out);
}

void pst_cli_banner(FILE *out, const struct pst_server *server, const struct pst_cli *cli, const char *data,
                    int64_t now)
{
    fprintf(out, "postern %s serves ", pst_version());
    print_path(out, cli->root);
    fputs(" at\n", out);
    const char *url = NULL;
    for (size_t i = 0; (url = pst_server_url(server, i)) != NULL; i++)
        fprintf(out, "  %s\n", url);
    if (data)
        pst_cli_banner_posts(out, cli, data);
    struct pst_tls_cert_info cert;
    for (size_t i = 0; pst_server_cert_info(server, i, &cert) == 0; i++) {
        pst_cli_banner_cert(out, &cert, cli->certs[i].cert, now);
        const char *warning = pst_server_cert_warning(server, i);
        if (warning[0])
            fprintf(out, "  WARNING: %s\n", warning);
    }
    (void)fflush(out);
}
