/* schema.h - what the database looks like, how an older one becomes a new one, and whether one is fit for
 * use. */
#ifndef PST_STORE_SCHEMA_H
#define PST_STORE_SCHEMA_H

#include <stdbool.h>
#include <stddef.h>

#include "store/db.h"

enum {
    PST_SCHEMA_VERSION = 2,
    PST_POST_ID_BITS = 40, /* of a post's key; the box has the 23 above */
};

/* What is wrong with the database at path, before anything is opened for writing: whether it is ours, of a
 * version that we know, and sound. It is neither changed nor locked, and no file appears beside it; where
 * another process has it open already, or it was not closed properly, nothing can be said so early, and
 * *ret_is_checked is false. Errors: PST_E_NOENT, PST_E_SYNTAX, PST_E_UNSUPPORTED and as of pst_db_err(). */
int pst_schema_preview(const char *path, bool *ret_is_checked, char *why, size_t why_size);

/* The same for an open connection; the contents are looked at only where is_thorough. *ret_version: 0 for an
 * empty database. */
int pst_schema_check(struct pst_db *db, bool is_thorough, int *ret_version, char *why, size_t why_size);

/* One step after the other, in one transaction. to is at most PST_SCHEMA_VERSION. */
int pst_schema_upgrade(struct pst_db *db, int from, int to);

/* For each connection that writes, once: the log, and how it is synced. Errors: also PST_E_UNSUPPORTED: the
 * file system cannot do it. */
int pst_schema_make_ready(struct pst_db *db);

#endif
