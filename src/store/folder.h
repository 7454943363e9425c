/* folder.h - the folder that holds a store: who may use it, and the names within it.
 *
 *     posts.db (-wal, -shm)   the database
 *     files/HASH              contents of files, named by their SHA-256
 *     tmp/                    files that are coming in
 *     lock                    locked by the one server; holds its process number */
#ifndef PST_STORE_FOLDER_H
#define PST_STORE_FOLDER_H

#include <limits.h>
#include <stddef.h>

#include <postern/store.h>

struct pst_folder {
    char path[PATH_MAX]; /* absolute, so that the program may change its working folder */
    char db_path[PATH_MAX];
    int files_fd, tmp_fd; /* the two folders */
    int lock_fd;          /* -1: a visitor */
};

/* PST_STORE_SERVE makes what is missing and takes the lock; an existing folder that others may enter is
 * closed to them, if it is empty or a store already. Errors: as of pst_store_open(). */
int pst_folder_open(struct pst_folder *folder, const char *path, enum pst_store_mode mode, char *why,
                    size_t why_size);
/* Also after a failed opening. */
void pst_folder_close(struct pst_folder *folder);

/* What errno means: PST_E_FULL, PST_E_ACCESS, PST_E_NOENT, PST_E_NOMEM, else PST_E_IO. */
int pst_folder_err(int error);

#endif
