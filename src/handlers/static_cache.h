/* static_cache.h - contents of small files in memory, for one worker: no locks.
 *
 * Bounded by entries and bytes; what was not used for longest goes first. An entry is reference counted, so
 * that a reply on its way keeps its content while the cache has already let go of it. The cache does not
 * judge whether an entry is fresh: see static.c. */
#ifndef PST_HANDLERS_STATIC_CACHE_H
#define PST_HANDLERS_STATIC_CACHE_H

#include <stddef.h>
#include <stdint.h>

#include <postern/slice.h>

#include "handlers/static_file.h"

/* Larger files are sent from the file. */
#define PST_STATIC_CACHED_MAX_BYTES 65536
/* Entries from this size on may go out of a memfd by sendfile, without a copy: for 64 KiB that costs 0.9 of
 * what writing them from memory does, for 32 KiB 1.1. */
#define PST_STATIC_MEMFD_MIN_BYTES 49152
/* So many in a cache, as each is a descriptor. */
#define PST_STATIC_MEMFD_MAX_ENTRIES 32

struct pst_static_entry {
    struct pst_static_entry *chain;         /* next in the same bucket */
    struct pst_static_entry *newer, *older; /* by last use */
    uint64_t hash;
    unsigned refs;
    bool listed; /* in the cache: it holds one of refs */

    uint64_t turn; /* of the worker's loop, in which it was found fresh last */
    struct pst_static_facts facts;
    struct pst_static_validators validators;
    struct pst_slice type;        /* static */
    struct pst_field_set *fields; /* of a reply with the whole; NULL: made for each */
    struct pst_slice path;
    size_t size;
    char *data; /* size bytes, behind the entry or in fd's file */
    int fd;     /* a memfd that holds the data alone; -1: none */
};

struct pst_static_cache;

/* NULL when out of memory. */
struct pst_static_cache *pst_static_cache_new(size_t max_entries, size_t max_bytes);
/* Entries that are referenced elsewhere live on. NULL is allowed. */
void pst_static_cache_free(struct pst_static_cache *cache);

/* The entry for path, or NULL. It is the cache's: take a reference to keep it. Counts as a use. */
struct pst_static_entry *pst_static_cache_find(struct pst_static_cache *cache, struct pst_slice path);
/* Puts the entry in, in the place of one of the same path; drops others to stay within bounds. The caller
 * keeps its own reference. An entry too large for the whole cache is not put in. */
void pst_static_cache_put(struct pst_static_cache *cache, struct pst_static_entry *entry);
/* Takes an entry out, if it is in. */
void pst_static_cache_drop(struct pst_static_cache *cache, struct pst_static_entry *entry);

/* A new entry with one reference, its path copied and room for size bytes; NULL when out of memory. Large
 * ones get a memfd, while the cache has few of them: NULL for cache means none. */
struct pst_static_entry *pst_static_entry_new(const struct pst_static_cache *cache, struct pst_slice path,
                                              size_t size);
void pst_static_entry_ref(struct pst_static_entry *entry);
void pst_static_entry_unref(struct pst_static_entry *entry);

#endif
