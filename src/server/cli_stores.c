/* cli_stores.c - where a machine and its user keep the authorities that they trust. */
#include "server/cli_stores.h"

#include <ctype.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "server/cli_run.h"

bool pst_cli_place_path(const struct pst_cli_place *place, const char *path, char ret_path[PATH_MAX])
{
    int n = snprintf(ret_path, PATH_MAX, "%s%s", place->root, path);
    return n > 0 && n < PATH_MAX;
}

/* ---- the system's store ---- */

/* The more telling folders first: /usr/local/share can be anywhere. */
static const struct pst_cli_system_store system_stores[] = {
    {"Fedora, RHEL",
     "/etc/pki/ca-trust/source/anchors",
     ".pem",
     "/etc/pki/tls/certs/ca-bundle.crt",
     {"update-ca-trust", "extract", NULL}},
    {"openSUSE",
     "/etc/pki/trust/anchors",
     ".pem",
     "/etc/ssl/ca-bundle.pem",
     {"update-ca-certificates", NULL}},
    {"Arch",
     "/etc/ca-certificates/trust-source/anchors",
     ".crt",
     "/etc/ssl/certs/ca-certificates.crt",
     {"update-ca-trust", NULL}},
    {"Debian, Ubuntu, Alpine",
     "/usr/local/share/ca-certificates",
     ".crt",
     "/etc/ssl/certs/ca-certificates.crt",
     {"update-ca-certificates", NULL}},
};

const struct pst_cli_system_store *pst_cli_system_store_find(const struct pst_cli_place *place)
{
    char path[PATH_MAX];
    for (size_t i = 0; i < sizeof system_stores / sizeof system_stores[0]; i++) {
        if (pst_cli_place_path(place, system_stores[i].anchors, path) && access(path, F_OK) == 0)
            return &system_stores[i];
    }
    return NULL;
}

bool pst_cli_system_bundle(const struct pst_cli_place *place, char ret_path[PATH_MAX])
{
    static const char *const usual[] = {"/etc/ssl/certs/ca-certificates.crt",
                                        "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
                                        "/etc/ssl/cert.pem"};
    const struct pst_cli_system_store *store = pst_cli_system_store_find(place);
    if (store && pst_cli_place_path(place, store->bundle, ret_path) && access(ret_path, F_OK) == 0)
        return true;
    for (size_t i = 0; i < sizeof usual / sizeof usual[0]; i++) {
        if (pst_cli_place_path(place, usual[i], ret_path) && access(ret_path, F_OK) == 0)
            return true;
    }
    return false;
}

/* ---- NSS databases ---- */

static const struct {
    const char *browser, *pattern; /* below the home folder */
} nss_places[] = {
    {"Chromium and Chrome", ".pki/nssdb"},
    {"Chromium and Chrome", ".local/share/pki/nssdb"},
    {"Chromium (snap)", "snap/chromium/*/.pki/nssdb"},
    {"Chromium (flatpak)", ".var/app/org.chromium.Chromium/.pki/nssdb"},
    {"Chrome (flatpak)", ".var/app/com.google.Chrome/.pki/nssdb"},
    {"Firefox", ".mozilla/firefox/*"},
    {"Firefox", ".config/mozilla/firefox/*"},
    {"Firefox (snap)", "snap/firefox/common/.mozilla/firefox/*"},
    {"Firefox (flatpak)", ".var/app/org.mozilla.firefox/.mozilla/firefox/*"},
};

static void add(struct pst_cli_nss_list *list, const char *browser, const char *dir, bool is_there)
{
    struct pst_cli_nss *item = &list->items[list->count];
    if (list->count == PST_CLI_NSS_MAX || strlen(dir) >= sizeof item->dir)
        return;
    item->browser = browser;
    item->is_there = is_there;
    (void)snprintf(item->dir, sizeof item->dir, "%s", dir);
    list->count++;
}

/* Whether it is the same folder as one that is listed: snap's "current" is a link. */
static bool is_listed(const struct pst_cli_nss_list *list, const char *dir)
{
    char full[PATH_MAX], other[PATH_MAX];
    if (!realpath(dir, full))
        return true;
    for (size_t i = 0; i < list->count; i++) {
        if (realpath(list->items[i].dir, other) && strcmp(full, other) == 0)
            return true;
    }
    return false;
}

/* What a home's name holds is no pattern. */
static bool escape(const char *home, char *text, size_t cap)
{
    size_t n = 0;
    for (const char *p = home; *p; p++) {
        if (n + 3 > cap)
            return false;
        if (strchr("*?[]\\", *p))
            text[n++] = '\\';
        text[n++] = *p;
    }
    text[n] = '\0';
    return true;
}

static void add_found(struct pst_cli_nss_list *list, const char *home, const char *browser,
                      const char *pattern)
{
    char base[PATH_MAX], full[PATH_MAX + 80];
    glob_t found;
    if (!escape(home, base, sizeof base))
        return;
    (void)snprintf(full, sizeof full, "%s/%s/cert9.db", base, pattern);
    if (glob(full, 0, NULL, &found) != 0)
        return;
    for (size_t i = 0; i < found.gl_pathc; i++) {
        char *name = strrchr(found.gl_pathv[i], '/');
        *name = '\0';
        if (!is_listed(list, found.gl_pathv[i]))
            add(list, browser, found.gl_pathv[i], true);
    }
    globfree(&found);
}

bool pst_cli_nss_find(const struct pst_cli_place *place, struct pst_cli_nss_list *ret_list)
{
    *ret_list = (struct pst_cli_nss_list){.items = calloc(PST_CLI_NSS_MAX, sizeof(struct pst_cli_nss))};
    if (!ret_list->items || !place->home)
        return ret_list->items != NULL;
    for (size_t i = 0; i < sizeof nss_places / sizeof nss_places[0]; i++) {
        add_found(ret_list, place->home, nss_places[i].browser, nss_places[i].pattern);
        /* A browser that has not run yet finds the database that is made here. */
        if (i == 1 && ret_list->count == 0) {
            char dir[PATH_MAX + 16];
            (void)snprintf(dir, sizeof dir, "%s/.pki/nssdb", place->home);
            add(ret_list, nss_places[0].browser, dir, false);
        }
    }
    return true;
}

/* ---- certutil ---- */

bool pst_cli_nss_has_tool(void)
{
    const char *const argv[] = {"certutil", "-H", NULL};
    return pst_cli_run(argv, NULL, NULL) != PST_CLI_RUN_MISSING;
}

/* Of a line "nickname    C,," of certutil -L, where C says that it may sign for web servers: the nickname,
 * ended in place. NULL: another line. */
static char *trusted_name(char *line)
{
    size_t len = strlen(line);
    while (len > 0 && isspace((unsigned char)line[len - 1]))
        line[--len] = '\0';
    char *flags = strrchr(line, ' ');
    char *comma = flags ? strchr(flags, ',') : NULL;
    if (!comma || !strchr(comma + 1, ','))
        return NULL;
    bool is_trusted = memchr(flags, 'C', (size_t)(comma - flags)) != NULL;
    while (flags > line && flags[-1] == ' ')
        flags--;
    *flags = '\0';
    return is_trusted && line[0] ? line : NULL;
}

/* Appends the certificate of this name. */
static void append_one(const char *database, const char *name, char **pem, size_t *len)
{
    const char *const argv[] = {"certutil", "-L", "-d", database, "-n", name, "-a", NULL};
    char *text = NULL;
    size_t text_len = 0;
    if (pst_cli_run(argv, &text, &text_len) == 0 && *len + text_len < PST_CLI_RUN_BYTES_MAX) {
        char *longer = realloc(*pem, *len + text_len + 2);
        if (longer) {
            memcpy(longer + *len, text, text_len);
            longer[*len + text_len] = '\n';
            longer[*len + text_len + 1] = '\0';
            *pem = longer;
            *len += text_len + 1;
        }
    }
    free(text);
}

bool pst_cli_nss_anchors(const char *dir, char **ret_pem, size_t *ret_len)
{
    enum { NAMES_MAX = 200 };
    char database[PATH_MAX + 8], *list = NULL, *next = NULL;
    size_t list_len = 0;
    unsigned count = 0;
    (void)snprintf(database, sizeof database, "sql:%s", dir);
    const char *const argv[] = {"certutil", "-L", "-d", database, NULL};
    *ret_len = 0;
    *ret_pem = calloc(1, 1);
    bool is_good = pst_cli_run(argv, &list, &list_len) == 0 && *ret_pem;
    if (is_good) {
        for (char *line = strtok_r(list, "\n", &next); line && count < NAMES_MAX;
             line = strtok_r(NULL, "\n", &next)) {
            char *name = trusted_name(line);
            if (name) {
                append_one(database, name, ret_pem, ret_len);
                count++;
            }
        }
    }
    free(list);
    if (!is_good) {
        free(*ret_pem);
        *ret_pem = NULL;
    }
    return is_good;
}
