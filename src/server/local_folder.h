/* local_folder.h - the folder of a local CA: who may work in it, reading its files, putting new ones in their
 * place. It works as scripts/mkcert.sh does, and the two wait for each other.
 *
 * All work is done in a folder .mkcert inside it, which is the lock as well; its file pid says whose. New
 * files become complete there, then all are renamed into place; where that fails midway the old ones are put
 * back. */
#ifndef PST_SERVER_LOCAL_FOLDER_H
#define PST_SERVER_LOCAL_FOLDER_H

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "postern/slice.h"

enum { PST_LOCAL_ERROR_BYTES = 1024 };

struct pst_local_folder {
    char path[PATH_MAX]; /* absolute */
    int fd;
    bool is_made, is_locked;
    char error[PST_LOCAL_ERROR_BYTES]; /* after a failure: one line for a person */
};

/* Writes the line and returns err. */
int pst_local_fail(struct pst_local_folder *folder, int err, const char *format, ...) PST_PRINTF(3, 4);
/* path fit to be pasted into a shell. */
void pst_local_quote(char *text, size_t size, const char *path);

/* Opens the folder; makes it, and those above it, if makes. Errors: PST_E_NOENT, PST_E_ACCESS, PST_E_NOMEM.
 */
int pst_local_open(struct pst_local_folder *folder, const char *path, bool makes);
/* Unlocks, and removes the folder where this made it and left it empty. */
void pst_local_close(struct pst_local_folder *folder);
/* Takes the lock, waiting up to patience_s for others. Errors: PST_E_ACCESS, PST_E_BUSY. */
int pst_local_lock(struct pst_local_folder *folder, unsigned patience_s);

/* The whole of a file; malloc'ed, ends in NUL. *ret_text is NULL where there is none. Errors: PST_E_IO,
 * PST_E_INVAL (not a file, or far too large), PST_E_NOMEM; no line is written. */
int pst_local_read(const struct pst_local_folder *folder, const char *name, char **ret_text);
/* Writes a new file into the work folder, to the disk. Error: PST_E_IO. */
int pst_local_write(struct pst_local_folder *folder, const char *name, const char *text, mode_t mode);
/* Renames these new files into place, all or none of them. Errors: PST_E_IO, PST_E_INVAL (something that is
 * no file is in the way). */
int pst_local_place(struct pst_local_folder *folder, const char *const *names, size_t count);
/* Removes a file for good; one that is not there is fine. Error: PST_E_IO. */
int pst_local_remove(struct pst_local_folder *folder, const char *name);

#endif
