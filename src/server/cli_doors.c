/* cli_doors.c - see cli_doors.h. */
#include "server/cli_doors.h"

#include <string.h>

#include <postern/slice.h>

#include "server/cli_options.h"

enum { YEAR_S = 31536000 };
/* Sixty years and more: nobody means that. */
enum { MOST_S = 2000000000 };

bool pst_cli_hsts(const char *value, uint64_t *ret_seconds, unsigned *ret_flags)
{
    size_t len = strcspn(value, ",");
    unsigned long long seconds;
    unsigned flags = 0;
    if (!pst_slice_to_u64(pst_slice_of(value, len), &seconds) || seconds > MOST_S)
        return false;
    while (value[len] == ',') {
        value += len + 1;
        len = strcspn(value, ",");
        struct pst_slice word = pst_slice_of(value, len);
        if (pst_slice_case_eq(word, PST_SLICE("includeSubDomains")))
            flags |= PST_HSTS_SUBDOMAINS;
        else if (pst_slice_case_eq(word, PST_SLICE("preload")))
            flags |= PST_HSTS_PRELOAD;
        else
            return false;
    }
    if ((flags & PST_HSTS_PRELOAD) && (!(flags & PST_HSTS_SUBDOMAINS) || seconds < YEAR_S))
        return false;
    *ret_seconds = seconds;
    *ret_flags = flags;
    return true;
}

int pst_cli_doors_set(struct pst_server *server, const struct pst_cli *cli)
{
    int err = cli->redirect ? pst_server_redirect(server) : 0;
    if (!err && cli->has_hsts)
        err = pst_server_hsts(server, cli->hsts_s, cli->hsts_flags);
    /* Where others can reach the server it may have names that nobody told it. */
    if (!err && cli->is_local)
        err = pst_server_check_hosts(server);
    for (size_t i = 0; !err && i < cli->host_count; i++)
        err = pst_server_host(server, cli->hosts[i]);
    return err;
}
