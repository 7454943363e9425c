/* cli_stores.h - where a machine and its user keep the authorities that they trust: the system's store, and
 * the NSS databases of browsers. */
#ifndef PST_SERVER_CLI_STORES_H
#define PST_SERVER_CLI_STORES_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

/* Where to look. root: "" or the folder that is taken for "/"; home: NULL where this user has none. */
struct pst_cli_place {
    const char *root, *home;
};

/* ---- the system's store ---- */

struct pst_cli_system_store {
    const char *name;          /* of the systems that have it */
    const char *anchors;       /* where a file is put */
    const char *suffix;        /* that its name needs */
    const char *bundle;        /* where all of them are in one file */
    const char *const tool[3]; /* that makes the bundle */
};
/* The one that is there; NULL: none of those known. */
const struct pst_cli_system_store *pst_cli_system_store_find(const struct pst_cli_place *place);
/* The bundle: the store's, or one that is at another usual place. False: there is none. */
bool pst_cli_system_bundle(const struct pst_cli_place *place, char ret_path[PATH_MAX]);

/* root and path behind each other; false where it is too long. */
bool pst_cli_place_path(const struct pst_cli_place *place, const char *path, char ret_path[PATH_MAX]);

/* ---- NSS ---- */

enum { PST_CLI_NSS_MAX = 64 };
struct pst_cli_nss {
    const char *browser;
    char dir[PATH_MAX];
    bool is_there; /* false: a database could be made there */
};
struct pst_cli_nss_list {
    struct pst_cli_nss *items; /* malloc'ed */
    size_t count;
};
/* Databases of this user's browsers. False: out of memory. */
bool pst_cli_nss_find(const struct pst_cli_place *place, struct pst_cli_nss_list *ret_list);
/* The program that reads and changes them; false where it is not installed. */
bool pst_cli_nss_has_tool(void);
/* The authorities that a database trusts for web servers, as PEM: malloc'ed, "" for none. False: certutil
 * cannot read it. */
bool pst_cli_nss_anchors(const char *dir, char **ret_pem, size_t *ret_len);

#endif
