/* pool.c - see pool.h. Free blocks are linked through their own first word. */
#include "base/pool.h"

#include <stdlib.h>

#include "base/poison.h"

void pst_pool_init(struct pst_pool *pool, size_t block_bytes, size_t keep)
{
    pool->free_blocks = NULL;
    pool->block_bytes = block_bytes;
    pool->free_count = 0;
    pool->keep = keep;
    pool->live_count = 0;
}

static void *take_free(struct pst_pool *pool)
{
    void **block = pool->free_blocks;
    ASAN_UNPOISON_MEMORY_REGION(block, pool->block_bytes);
    pool->free_blocks = *block;
    pool->free_count--;
    return block;
}

void pst_pool_fini(struct pst_pool *pool)
{
    while (pool->free_blocks)
        free(take_free(pool));
}

void *pst_pool_get(struct pst_pool *pool)
{
    void *block = pool->free_blocks ? take_free(pool) : malloc(pool->block_bytes);
    if (block)
        pool->live_count++;
    return block;
}

void pst_pool_put(struct pst_pool *pool, void *block)
{
    if (!block)
        return;
    pool->live_count--;
    if (pool->free_count >= pool->keep) {
        free(block);
        return;
    }
    *(void **)block = pool->free_blocks;
    pool->free_blocks = block;
    pool->free_count++;
    ASAN_POISON_MEMORY_REGION(block, pool->block_bytes);
}

/* Kept: 1 MiB of chunks and 1 MiB of wire buffers a worker. */
enum { CHUNKS_KEPT = 64, WIRES_KEPT = 16 };

void pst_pools_init(struct pst_pools *pools)
{
    pst_pool_init(&pools->chunks, PST_CHUNK_BYTES, CHUNKS_KEPT);
    pst_pool_init(&pools->wires, PST_WIRE_BYTES, WIRES_KEPT);
}

void pst_pools_fini(struct pst_pools *pools)
{
    pst_pool_fini(&pools->chunks);
    pst_pool_fini(&pools->wires);
}
