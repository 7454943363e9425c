/* blob.h - contents of files under the names of their hashes: how they come into files/ and leave it.
 *
 * Names change only while the database's write lock is held, and a name is removed only when, under that
 * lock, no row of the table blob has it. So a visitor's deletion and a server's post of the same contents
 * cannot meet: the post either finds the name there, or puts it there after the deletion. */
#ifndef PST_STORE_BLOB_H
#define PST_STORE_BLOB_H

#include <stddef.h>
#include <stdint.h>

#include "base/sha256.h"
#include "store/db.h"
#include "store/folder.h"

struct pst_draft_file;

/* Hashes. Zero-initialise. */
struct pst_blob_list {
    uint8_t (*hashes)[PST_SHA256_BYTES];
    size_t count, cap;
};
/* Where memory runs out the hash is left out: the next server's opening finds the file. */
void pst_blob_list_add(struct pst_blob_list *list, const uint8_t hash[PST_SHA256_BYTES]);
void pst_blob_list_free(struct pst_blob_list *list);

/* Within a write transaction: gives a draft's file its name in files/, unless it is there already. */
int pst_blob_place(const struct pst_folder *folder, struct pst_draft_file *file);
/* The names placed so far are on disk. */
int pst_blob_sync(const struct pst_folder *folder);
/* Outside of one: removes those files of the list that no row refers to, and empties the list. */
void pst_blob_purge(const struct pst_folder *folder, struct pst_db *db, struct pst_blob_list *list);

/* A crash's leftovers: all of tmp/. */
void pst_blob_clear_tmp(const struct pst_folder *folder);
/* Removes files that no row has; *ret_freed: their bytes. *ret_missing: rows without their file, or with one
 * of another size. Both may be NULL. */
int pst_blob_sweep(const struct pst_folder *folder, struct pst_db *db, uint64_t *ret_freed,
                   uint64_t *ret_missing);

#endif
