/* cli_trust_nss.c - the NSS databases of browsers, through Mozilla's certutil. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli_data.h"
#include "server/cli_run.h"
#include "server/cli_trust.h"

struct store {
    struct pst_cli_trust *trust;
    const struct pst_cli_nss *nss;
    char database[PATH_MAX + 8]; /* "sql:" and the folder */
};

static bool is_trusted(const struct store *store)
{
    struct pst_tls_anchors *anchors = NULL;
    char *pem = NULL;
    size_t len = 0;
    bool is_held = pst_cli_nss_anchors(store->nss->dir, &pem, &len) &&
                   pst_tls_anchors_new(&anchors, pst_slice_of(pem, len)) == 0 &&
                   pst_tls_anchors_hold(anchors, store->trust->ca);
    pst_tls_anchors_free(anchors);
    free(pem);
    return is_held;
}

static void fine(const struct store *store, const char *what)
{
    pst_cli_finding(&store->trust->findings, PST_TLS_FINE, NULL, "%s: %s (%s)", store->nss->browser, what,
                    store->nss->dir);
}

/* Runs certutil. False: it was said why not. */
static bool run(const struct store *store, const char *const *argv, const char *what)
{
    char *text = NULL;
    size_t len = 0;
    int status = pst_cli_run(argv, &text, &len);
    if (status != 0)
        pst_cli_finding(
            &store->trust->findings, PST_TLS_PROBLEM,
            "close the browser and try again; with a primary password, import the CA in its settings",
            "%s: certutil could not %s %s: %s", store->nss->browser, what, store->nss->dir,
            text && text[0] ? text : "no reason was given");
    free(text);
    return status == 0;
}

static bool make_database(const struct store *store)
{
    char inside[PATH_MAX + 8];
    (void)snprintf(inside, sizeof inside, "%s/x", store->nss->dir);
    int number = pst_cli_data_make_parents(inside);
    if (number) {
        pst_cli_finding(&store->trust->findings, PST_TLS_PROBLEM, NULL, "%s: cannot make the folder %s: %s",
                        store->nss->browser, store->nss->dir,
                        strerror(number)); /* NOLINT(concurrency-mt-unsafe) */
        return false;
    }
    const char *const argv[] = {"certutil", "-N", "-d", store->database, "--empty-password", NULL};
    return run(store, argv, "make the database in");
}

/* certutil reads certificates from files: one with the certificate and nothing else. */
static bool write_input(const struct store *store, char path[64])
{
    size_t len = strlen(store->trust->pem);
    (void)snprintf(path, 64, "/tmp/postern-ca-XXXXXX");
    int fd = mkstemp(path);
    bool is_written = fd >= 0 && write(fd, store->trust->pem, len) == (ssize_t)len;
    if (fd >= 0)
        (void)close(fd);
    if (!is_written)
        pst_cli_finding(&store->trust->findings, PST_TLS_PROBLEM, NULL, "%s: cannot write a file in /tmp",
                        store->nss->browser);
    return is_written;
}

static void install(const struct store *store)
{
    char input[64] = "";
    if (store->nss->is_there && is_trusted(store)) {
        fine(store, "the CA is trusted already");
        return;
    }
    if (!store->nss->is_there && !make_database(store))
        return;
    const char *const argv[] = {"certutil", "-A",  "-d", store->database, "-n", store->trust->name,
                                "-t",       "C,,", "-i", input,           NULL};
    bool is_done = write_input(store, input) && run(store, argv, "add the CA to");
    (void)unlink(input);
    if (!is_done)
        return;
    if (is_trusted(store))
        fine(store, "the CA is trusted from now on; restart the browser if it runs");
    else
        pst_cli_finding(&store->trust->findings, PST_TLS_PROBLEM, "import it in the browser's settings",
                        "%s: certutil added the CA to %s, but it is not there as trusted",
                        store->nss->browser, store->nss->dir);
}

static void uninstall(const struct store *store)
{
    const char *const look[] = {"certutil", "-L", "-d", store->database, "-n", store->trust->name, NULL};
    const char *const argv[] = {"certutil", "-D", "-d", store->database, "-n", store->trust->name, NULL};
    if (!store->nss->is_there)
        return;
    bool is_ours = pst_cli_run(look, NULL, NULL) == 0;
    if (is_ours && !run(store, argv, "remove the CA from"))
        return;
    if (is_trusted(store))
        pst_cli_finding(&store->trust->findings, PST_TLS_PROBLEM, "remove it in the browser's settings",
                        "%s: the CA is trusted, but was not put in by postern (%s)", store->nss->browser,
                        store->nss->dir);
    else
        fine(store, is_ours ? "the CA is trusted no more; restart the browser if it runs"
                            : "the CA is not in its store");
}

static void tell(const struct store *store)
{
    char remedy[PATH_MAX + 64];
    if (!store->nss->is_there)
        return;
    (void)snprintf(remedy, sizeof remedy, "postern trust install %s", store->trust->path);
    if (is_trusted(store))
        fine(store, "the CA is trusted");
    else
        pst_cli_finding(&store->trust->findings, PST_TLS_PROBLEM, remedy, "%s: the CA is not trusted (%s)",
                        store->nss->browser, store->nss->dir);
}

static void visit(struct pst_cli_trust *trust, const struct pst_cli_nss *nss)
{
    /* In the order of enum pst_cli_trust_command. */
    static void (*const commands[])(const struct store *store) = {install, uninstall, tell};
    struct store store = {.trust = trust, .nss = nss};
    (void)snprintf(store.database, sizeof store.database, "sql:%s", nss->dir);
    commands[trust->command](&store);
}

void pst_cli_trust_nss(struct pst_cli_trust *trust)
{
    struct pst_cli_nss_list list = {0};
    if (!pst_cli_nss_find(&trust->place, &list))
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, NULL, "browsers: out of memory");
    else if (list.count == 0)
        pst_cli_finding(&trust->findings, PST_TLS_WARNING, "set HOME, or name the folder with --home",
                        "browsers: this user has no home folder");
    else if (!pst_cli_nss_has_tool())
        pst_cli_finding(
            &trust->findings, PST_TLS_PROBLEM,
            "install certutil (apt install libnss3-tools on Debian and Ubuntu, dnf install nss-tools on "
            "Fedora, pacman -S nss on Arch), or import the CA in the browser's settings",
            "browsers: the program certutil is missing");
    else
        for (size_t i = 0; i < list.count; i++)
            visit(trust, &list.items[i]);
    free(list.items);
}
