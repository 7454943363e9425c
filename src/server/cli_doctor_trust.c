/* cli_doctor_trust.c - which stores of authorities trust a chain. */
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli_doctor.h"
#include "server/cli_file.h"

enum { STORE_BYTES_MAX = 16 << 20, ANCHOR_FILES_MAX = 512 };

static bool trusts(struct pst_slice pem, const struct pst_tls_chain *chain)
{
    struct pst_tls_anchors *anchors = NULL;
    bool is_trusted = pst_tls_anchors_new(&anchors, pem) == 0 && pst_tls_anchors_trust(anchors, chain);
    pst_tls_anchors_free(anchors);
    return is_trusted;
}

static bool file_trusts(const char *path, const struct pst_tls_chain *chain)
{
    char *text = NULL;
    size_t len = 0;
    bool is_trusted =
        pst_cli_file_read(path, STORE_BYTES_MAX, &text, &len) == 0 && trusts(pst_slice_of(text, len), chain);
    free(text);
    return is_trusted;
}

/* Whether the system trusts it through an authority that was added on this machine: browsers know only those
 * that their makers chose. */
static bool is_added_here(const struct pst_cli_place *place, const struct pst_tls_chain *chain)
{
    const struct pst_cli_system_store *store = pst_cli_system_store_find(place);
    char path[PATH_MAX], pattern[PATH_MAX + 8];
    glob_t found;
    bool is_added = false;
    if (!store || !pst_cli_place_path(place, store->anchors, path))
        return false;
    (void)snprintf(pattern, sizeof pattern, "%s/*", path);
    if (glob(pattern, 0, NULL, &found) != 0)
        return false;
    for (size_t i = 0; i < found.gl_pathc && i < ANCHOR_FILES_MAX && !is_added; i++)
        is_added = file_trusts(found.gl_pathv[i], chain);
    globfree(&found);
    return is_added;
}

static void say_missing(struct pst_cli_doctor *doctor, const char *ca, const char *where, const char *who)
{
    char remedy[PATH_MAX + 64];
    if (ca)
        (void)snprintf(remedy, sizeof remedy, "postern trust install %s", ca);
    else
        (void)snprintf(remedy, sizeof remedy, "postern trust install CA.pem, with the file of its CA");
    pst_cli_finding(&doctor->findings, PST_TLS_WARNING, remedy, "not trusted by %s%s", where, who);
}

static bool look_at_system(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *ca)
{
    char bundle[PATH_MAX];
    if (!pst_cli_system_bundle(&doctor->place, bundle)) {
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING, "install the package ca-certificates",
                        "this system has no store of authorities at a usual place: curl trusts nobody");
        return false;
    }
    if (!file_trusts(bundle, chain)) {
        say_missing(doctor, ca, "the system's store", " (curl, Python, other programs)");
        return false;
    }
    pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "trusted by the system's store (%s)", bundle);
    return true;
}

/* Whether this one trusts it. */
static bool look_at_nss(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *ca,
                        const struct pst_cli_nss *nss)
{
    bool is_trusted = false;
    char *pem = NULL, where[PATH_MAX + 64];
    size_t len = 0;
    if (!nss->is_there)
        return false;
    (void)snprintf(where, sizeof where, "%s (%s)", nss->browser, nss->dir);
    if (!pst_cli_nss_anchors(nss->dir, &pem, &len))
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING, "close the browser and try again",
                        "cannot read what %s trusts", where);
    else if ((is_trusted = trusts(pst_slice_of(pem, len), chain)))
        pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "trusted by %s", where);
    else
        say_missing(doctor, ca, where, "");
    free(pem);
    return is_trusted;
}

static bool look_at_browsers(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *ca)
{
    struct pst_cli_nss_list list = {0};
    bool is_trusted = false;
    if (!pst_cli_nss_find(&doctor->place, &list) || list.count == 0 ||
        (list.count == 1 && !list.items[0].is_there))
        pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL,
                        "no browser of this user has a store of its own yet");
    else if (!pst_cli_nss_has_tool())
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING,
                        "install certutil: apt install libnss3-tools (Debian, Ubuntu), dnf install nss-tools "
                        "(Fedora), pacman -S nss (Arch)",
                        "cannot look at what browsers trust: the program certutil is missing");
    else
        for (size_t i = 0; i < list.count; i++)
            is_trusted = look_at_nss(doctor, chain, ca, &list.items[i]) || is_trusted;
    free(list.items);
    return is_trusted;
}

void pst_cli_doctor_trust(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *ca)
{
    bool is_known = look_at_system(doctor, chain, ca);
    if (is_known && !is_added_here(&doctor->place, chain)) {
        pst_cli_finding(
            &doctor->findings, PST_TLS_FINE, NULL,
            "its authority came with the system: browsers bring their own list, which most often has "
            "it as well");
        return;
    }
    if (!look_at_browsers(doctor, chain, ca) && !is_known)
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM,
                        "postern trust install, with the file of the CA that signed it",
                        "nobody on this machine trusts it: a browser warns of it, and curl refuses it");
}
