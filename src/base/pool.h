/* pool.h - fixed-size blocks handed out and taken back without touching malloc in steady state.
 *
 * One pool serves one worker thread: no locks. Used for I/O buffers and for objects of one kind. At most
 * keep blocks are kept for reuse; what is given back beyond that is freed, so a burst does not pin memory. */
#ifndef PST_BASE_POOL_H
#define PST_BASE_POOL_H

#include <stddef.h>

struct pst_pool {
    void *free_blocks; /* each free block's first word links to the next */
    size_t block_bytes;
    size_t free_count, keep;
    size_t live_count; /* handed out and not given back: 0 before pst_pool_fini */
};

/* block_bytes: at least sizeof(void *). Allocates nothing. */
void pst_pool_init(struct pst_pool *pool, size_t block_bytes, size_t keep);
/* Frees the kept blocks. Every block must have been given back. */
void pst_pool_fini(struct pst_pool *pool);
/* A block, 16-byte aligned, content undefined; NULL when out of memory. */
void *pst_pool_get(struct pst_pool *pool);
/* NULL is allowed. */
void pst_pool_put(struct pst_pool *pool, void *block);

/* The I/O buffers of one worker. */
#define PST_CHUNK_BYTES 16384
/* Room for 64 KiB and a head in sealed TLS records, so that one send carries them all. */
#define PST_WIRE_BYTES 67584

struct pst_pools {
    struct pst_pool chunks; /* PST_CHUNK_BYTES each */
    struct pst_pool wires;  /* PST_WIRE_BYTES each */
};

void pst_pools_init(struct pst_pools *pools);
void pst_pools_fini(struct pst_pools *pools);

#endif
