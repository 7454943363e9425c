/* arena.h - memory that is given out piece by piece and freed all at once. */
#ifndef PST_BASE_ARENA_H
#define PST_BASE_ARENA_H

#include <stddef.h>

struct pst_arena {
    char *cur, *end;
    void *more; /* further blocks, from malloc */
};

/* first: memory of the caller's that is used up before anything is allocated; NULL: none. */
void pst_arena_init(struct pst_arena *a, void *first, size_t first_bytes);
/* Frees all further blocks; first is the caller's. */
void pst_arena_fini(struct pst_arena *a);
/* size bytes, 16-byte aligned, not zeroed; NULL when out of memory. A size of 0 gives a valid pointer. */
void *pst_arena_alloc(struct pst_arena *a, size_t size);
/* Grows the piece ptr of old_size to new_size: in place where it is the last piece and there is room, else by
 * a copy. NULL when out of memory; ptr stays valid then. A ptr of NULL, with old_size 0, is alloc. */
void *pst_arena_grow(struct pst_arena *a, void *ptr, size_t old_size, size_t new_size);

#endif
