/* media_db.h - media types by extension, as the shared mime database's globs2 files have them: a hash table.
 * Reads text that is given to it; must not know where the files are. */
#ifndef PST_HTTP_MEDIA_DB_H
#define PST_HTTP_MEDIA_DB_H

#include <postern/slice.h>

#include "base/arena.h"

/* Extensions longer than this are not kept: none is, and lookups can stop there. */
#define PST_MEDIA_EXTENSION_MOST 31

/* The extension in lower case and NUL-terminated; false where it is empty, too long or holds a NUL. */
bool pst_media_extension_fold(struct pst_slice extension, char dst[PST_MEDIA_EXTENSION_MOST + 1]);

/* Points into itself: not to be copied. */
struct pst_media_db {
    struct pst_arena arena; /* the texts */
    char first[256];        /* the arena's first piece */
    struct pst_media_slot *slots;
    size_t slot_count, used; /* slot_count: 0 or a power of two */
};

void pst_media_db_init(struct pst_media_db *db);
void pst_media_db_fini(struct pst_media_db *db);

/* Adds what a globs2 file says: lines "weight:type/subtype:*.extension[:flags]". Other patterns,
 * case-sensitive ones, comments and damaged lines are passed over. Within a file the larger weight wins, and
 * the earlier line where they are equal; an extension that an earlier file gave a type keeps it. When memory
 * runs out the rest is left out. */
void pst_media_db_add(struct pst_media_db *db, struct pst_slice globs2);

/* The media type of an extension without its dot, which may hold dots ("tar.gz"), in any case; text types
 * with
 * "; charset=utf-8". NULL where there is none. Valid until pst_media_db_fini. */
const char *pst_media_db_find(const struct pst_media_db *db, struct pst_slice extension);

#endif
