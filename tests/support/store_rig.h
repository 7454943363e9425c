/* store_rig.h - a store in a folder that is made for one test, and posts for it. Failures end the test. */
#ifndef PST_TESTS_STORE_RIG_H
#define PST_TESTS_STORE_RIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <postern/store.h>

struct store_rig {
    char folder[128]; /* not there until a store was opened in it */
    struct pst_store_options options;
    struct pst_store *store;
    char why[256];
};

/* Names a new folder; options are those of a server without limits. */
void store_rig_init(struct store_rig *rig);
/* Opens rig->store. */
void store_rig_open(struct store_rig *rig);
void store_rig_close(struct store_rig *rig);
/* Closes it where it is open, and removes the folder with all that is in it. */
void store_rig_fini(struct store_rig *rig);

/* "FOLDER/name" in memory that the next call but three overwrites. */
const char *store_rig_path(const struct store_rig *rig, const char *name);
/* How many names lie in that folder of the store's ("files", "tmp"). */
size_t store_rig_names(const struct store_rig *rig, const char *name);

/* A draft for a box that it may make, of type "multipart/form-data". */
struct pst_draft *store_rig_draft(struct pst_store *store, const char *box);
void store_rig_field(struct pst_draft *draft, const char *name, const char *value);
void store_rig_file(struct pst_draft *draft, const char *name, const void *data, size_t len);
/* Commits, waits and frees. What pst_store_commit_wait() gives. */
int store_rig_commit(struct pst_store *store, struct pst_draft *draft, struct pst_receipt *ret_receipt);
/* A post with one field "text", stored: its id. */
uint64_t store_rig_post(struct pst_store *store, const char *box, const char *text);
/* The same with one file. */
uint64_t store_rig_post_file(struct pst_store *store, const char *box, const void *data, size_t len);

/* One post alone; the page is to be freed. */
struct pst_post_page *store_rig_read(struct pst_store *store, const char *box, uint64_t id);
/* Whether file number n of a post can be read and holds just this. */
bool store_rig_file_is(struct pst_store *store, const char *box, uint64_t id, unsigned n, const void *data,
                       size_t len);

#endif
