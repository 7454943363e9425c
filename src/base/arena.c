/* arena.c - see arena.h. */
#include "base/arena.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { ALIGN = 16, BLOCK_BYTES = 4096 };

struct block {
    struct block *next;
    size_t pad; /* keeps what follows 16-byte aligned */
};

static size_t round_up(size_t n)
{
    return (n + (ALIGN - 1)) & ~(size_t)(ALIGN - 1);
}

void pst_arena_init(struct pst_arena *a, void *first, size_t first_bytes)
{
    if (!first) { /* no arithmetic on NULL, not even with 0 */
        *a = (struct pst_arena){NULL, NULL, NULL};
        return;
    }
    uintptr_t skew = (uintptr_t)first & (ALIGN - 1);
    size_t lost = skew ? ALIGN - skew : 0;
    if (lost > first_bytes)
        lost = first_bytes;
    a->cur = (char *)first + lost;
    a->end = (char *)first + first_bytes;
    a->more = NULL;
}

void pst_arena_fini(struct pst_arena *a)
{
    struct block *b = a->more;
    while (b) {
        struct block *next = b->next;
        free(b);
        b = next;
    }
    a->more = NULL;
    a->cur = a->end = NULL;
}

static void *alloc_block(struct pst_arena *a, size_t size)
{
    /* A large piece gets a block of its own, and the current block goes on being used for small ones. */
    bool is_own = size > BLOCK_BYTES / 4;
    size_t want = is_own ? size : BLOCK_BYTES;
    if (want > SIZE_MAX - sizeof(struct block))
        return NULL;
    struct block *b = malloc(sizeof(*b) + want);
    if (!b)
        return NULL;
    b->next = a->more;
    a->more = b;
    char *mem = (char *)(b + 1);
    if (!is_own) {
        a->cur = mem + size;
        a->end = mem + want;
    }
    return mem;
}

void *pst_arena_alloc(struct pst_arena *a, size_t size)
{
    if (size > SIZE_MAX - ALIGN)
        return NULL;
    size = round_up(size);
    if (a->cur && (size_t)(a->end - a->cur) >= size) { /* NULL: an arena without a first piece of memory */
        void *mem = a->cur;
        a->cur += size;
        return mem;
    }
    return alloc_block(a, size);
}

void *pst_arena_grow(struct pst_arena *a, void *ptr, size_t old_size, size_t new_size)
{
    if (new_size > SIZE_MAX - ALIGN)
        return NULL;
    if (!ptr)
        return pst_arena_alloc(a, new_size);
    char *tail = (char *)ptr + round_up(old_size);
    if (tail == a->cur && (size_t)(a->end - (char *)ptr) >= round_up(new_size)) {
        a->cur = (char *)ptr + round_up(new_size);
        return ptr;
    }
    void *mem = pst_arena_alloc(a, new_size);
    if (mem && old_size)
        memcpy(mem, ptr, old_size < new_size ? old_size : new_size);
    return mem;
}
