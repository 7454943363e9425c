/* cli_trust_system.c - the system's store: a file among its anchors, and the program that makes its bundle.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/cli_file.h"
#include "server/cli_run.h"
#include "server/cli_trust.h"

enum { STORE_BYTES_MAX = 16 << 20 };

static const char *why_not(int number)
{
    return strerror(number); /* NOLINT(concurrency-mt-unsafe): one thread prints */
}

static bool is_other_root(const struct pst_cli_trust *trust)
{
    return trust->place.root[0] != '\0' && strcmp(trust->place.root, "/") != 0;
}

/* ---- looking ---- */

static bool holds(const char *path, const struct pst_tls_chain *ca)
{
    struct pst_tls_anchors *anchors = NULL;
    char *text = NULL;
    size_t len = 0;
    bool is_held = pst_cli_file_read(path, STORE_BYTES_MAX, &text, &len) == 0 &&
                   pst_tls_anchors_new(&anchors, pst_slice_of(text, len)) == 0 &&
                   pst_tls_anchors_hold(anchors, ca);
    pst_tls_anchors_free(anchors);
    free(text);
    return is_held;
}

static bool bundle_holds(const struct pst_cli_trust *trust)
{
    char bundle[PATH_MAX];
    return pst_cli_system_bundle(&trust->place, bundle) && holds(bundle, trust->ca);
}

/* ---- the bundle ---- */

/* Debian's tool can be told of all its folders, so another root needs no chroot. */
static int run_debian_tool(const struct pst_cli_trust *trust, char **ret_text, size_t *ret_len)
{
    static const char *const folders[][2] = {{"--certsconf", "/etc/ca-certificates.conf"},
                                             {"--certsdir", "/usr/share/ca-certificates"},
                                             {"--localcertsdir", "/usr/local/share/ca-certificates"},
                                             {"--etccertsdir", "/etc/ssl/certs"},
                                             {"--hooksdir", "/etc/ca-certificates/update.d"}};
    enum { COUNT = sizeof folders / sizeof folders[0] };
    char(*paths)[PATH_MAX] = calloc(COUNT, sizeof *paths);
    const char *argv[3 + 2 * COUNT] = {"update-ca-certificates", "--fresh"};
    bool is_good = paths != NULL;
    for (size_t i = 0; i < COUNT && is_good; i++) {
        is_good = pst_cli_place_path(&trust->place, folders[i][1], paths[i]);
        argv[2 + 2 * i] = folders[i][0];
        argv[3 + 2 * i] = paths[i];
    }
    int status = is_good ? pst_cli_run(argv, ret_text, ret_len) : -1;
    free(paths);
    return status;
}

static int run_tool(const struct pst_cli_trust *trust, const struct pst_cli_system_store *store,
                    char **ret_text, size_t *ret_len)
{
    bool is_debian = strcmp(store->anchors, "/usr/local/share/ca-certificates") == 0;
    if (is_other_root(trust) && is_debian)
        return run_debian_tool(trust, ret_text, ret_len);
    if (is_other_root(trust)) {
        const char *argv[] = {"chroot", trust->place.root, store->tool[0], store->tool[1], NULL};
        return pst_cli_run(argv, ret_text, ret_len);
    }
    const char *argv[] = {store->tool[0], is_debian ? "--fresh" : store->tool[1], NULL};
    return pst_cli_run(argv, ret_text, ret_len);
}

static bool update(struct pst_cli_trust *trust, const struct pst_cli_system_store *store)
{
    char *text = NULL;
    size_t len = 0;
    int status = run_tool(trust, store, &text, &len);
    if (status == PST_CLI_RUN_MISSING)
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, "install the package ca-certificates",
                        "system: the program %s is missing", store->tool[0]);
    else if (status != 0)
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, "run it as root and look at what it says",
                        "system: %s failed: %s", store->tool[0],
                        text && text[0] ? text : "no reason was given");
    free(text);
    return status == 0;
}

/* ---- the file ---- */

static int write_file(const char *path, const char *text)
{
    char draft[PATH_MAX + 80];
    (void)snprintf(draft, sizeof draft, "%s.new", path);
    (void)unlink(draft);
    int fd = open(draft, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
    if (fd < 0)
        return errno;
    size_t len = strlen(text);
    ssize_t n = write(fd, text, len);
    int err = n == (ssize_t)len ? 0 : n < 0 ? errno : ENOSPC;
    if (!err && fchmod(fd, 0644) != 0) /* whatever the umask is: all programs are to read it */
        err = errno;
    if (close(fd) != 0 && !err)
        err = errno;
    if (!err && rename(draft, path) != 0)
        err = errno;
    if (err)
        (void)unlink(draft);
    return err;
}

static void say_denied(struct pst_cli_trust *trust, int number)
{
    char remedy[PATH_MAX + 64];
    (void)snprintf(remedy, sizeof remedy, "sudo postern trust %s %s",
                   trust->command == PST_CLI_TRUST_INSTALL ? "install" : "uninstall", trust->path);
    bool is_denied = number == EACCES || number == EPERM;
    pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, is_denied ? remedy : NULL,
                    is_denied ? "system: only root may change its store (%s)"
                              : "system: cannot change its store: %s",
                    why_not(number));
}

static void install(struct pst_cli_trust *trust, const struct pst_cli_system_store *store, const char *path)
{
    if (holds(path, trust->ca) && bundle_holds(trust)) {
        pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL, "system: the CA is trusted already (%s)", path);
        return;
    }
    int err = write_file(path, trust->pem);
    if (err)
        say_denied(trust, err);
    else if (!update(trust, store))
        return;
    else if (bundle_holds(trust))
        pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL, "system: the CA is trusted from now on (%s)",
                        path);
    else
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, "look at the messages of that program",
                        "system: the CA is in %s, but %s did not take it up", path, store->tool[0]);
}

static void uninstall(struct pst_cli_trust *trust, const struct pst_cli_system_store *store, const char *path)
{
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        if (bundle_holds(trust))
            pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, "remove it the way it was put in",
                            "system: the CA is trusted, but was not put in by postern");
        else
            pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL, "system: the CA is not in its store");
        return;
    }
    if (unlink(path) != 0)
        say_denied(trust, errno);
    else if (!update(trust, store))
        return;
    else if (bundle_holds(trust)) /* Debian's tool leaves its bundle as it was when no CA at all is left */
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, "remove it from there by hand",
                        "system: the CA's file was removed, but its bundle still holds it");
    else
        pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL, "system: the CA is trusted no more");
}

static void tell(struct pst_cli_trust *trust, const char *path)
{
    char remedy[PATH_MAX + 64];
    (void)snprintf(remedy, sizeof remedy, "sudo postern trust install %s", trust->path);
    if (bundle_holds(trust))
        pst_cli_finding(&trust->findings, PST_TLS_FINE, NULL, "system: the CA is trusted (%s)",
                        access(path, F_OK) == 0 ? path : "not put in by postern");
    else
        pst_cli_finding(&trust->findings, PST_TLS_PROBLEM, remedy, "system: the CA is not trusted");
}

void pst_cli_trust_system(struct pst_cli_trust *trust)
{
    const struct pst_cli_system_store *store = pst_cli_system_store_find(&trust->place);
    char folder[PATH_MAX], path[PATH_MAX + 64];
    if (!store || !pst_cli_place_path(&trust->place, store->anchors, folder)) {
        pst_cli_finding(
            &trust->findings, trust->command == PST_CLI_TRUST_UNINSTALL ? PST_TLS_FINE : PST_TLS_WARNING,
            trust->command == PST_CLI_TRUST_UNINSTALL ? NULL
                                                      : "install the package ca-certificates, or add "
                                                        "the CA by your system's own means",
            "system: there is no store of a kind that is known here (Debian, Fedora, openSUSE, Arch)");
        return;
    }
    (void)snprintf(path, sizeof path, "%s/%s%s", folder, trust->name, store->suffix);
    if (trust->command == PST_CLI_TRUST_INSTALL)
        install(trust, store, path);
    else if (trust->command == PST_CLI_TRUST_UNINSTALL)
        uninstall(trust, store, path);
    else
        tell(trust, path);
}
