/* tls_memory.c - see tls_memory.h. */
#include "transport/tls_memory.h"

#include <mbedtls/platform.h>

#if defined(POSTERN_SYSTEM_MBEDTLS) || !defined(MBEDTLS_PLATFORM_MEMORY)

void pst_tls_memory_init(void)
{
}

bool pst_tls_memory_trim(void *block)
{
    (void)block;
    return false;
}

bool pst_tls_memory_drop(void *block)
{
    (void)block;
    return false;
}

void pst_tls_memory_stats(struct pst_tls_memory_stats *ret_stats)
{
    *ret_stats = (struct pst_tls_memory_stats){0};
}

#else

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* Blocks are no malloc memory: the sanitizer is told where each one ends and when it is free. */
#include "base/poison.h"
#include "transport/tls_slots.h"

/* A record buffer is 16 KiB and what Mbed TLS's configuration adds to it: header, IV, tag, padding. */
#define LEAST_BYTES    ((size_t)16384)
#define MOST_BYTES     ((size_t)20480)
/* Address space only; pages come with use. Enough for 100,000 connections; more fall back on calloc. */
#define RESERVED_BYTES (sizeof(size_t) > 4 ? (size_t)1 << 32 : (size_t)1 << 27)
/* Free blocks that keep their pages: what a steady stream of new connections reuses (1.3 MB). */
#define KEPT_BLOCKS    ((size_t)64)
/* Blocks made accessible at a time. */
#define OPENED_BLOCKS  ((size_t)64)

/* More than this, and no more than a slot: what the key of an accelerated AES-GCM expands to (1008 bytes).
 * Whatever else is as large is served as well. */
#define LEAST_SLOT     ((size_t)960)

#define NONE UINT32_MAX
/* In place of the link of a block that is handed out. */
#define LIVE (UINT32_MAX - 1)

static struct {
    pthread_mutex_t lock;
    char *base; /* NULL: no reservation could be had, calloc serves all */
    size_t bytes, block_bytes, count;
    size_t opened;       /* blocks below this may be touched */
    size_t used;         /* blocks below this have been handed out before */
    uint32_t *next;      /* links of the free lists; in the blocks themselves they would pin pages */
    uint32_t kept, cold; /* heads of the free lists: with pages and content, without pages */
    size_t kept_count, live;
} area = {.lock = PTHREAD_MUTEX_INITIALIZER, .kept = NONE, .cold = NONE};

/* A thread's own count: a shared one would be fought over by the workers in every handshake. */
static _Thread_local uint64_t calls;

static void *reserve(size_t bytes)
{
    /* Without access the pages count towards no commit limit (vm.overcommit_memory 2). */
    void *base = mmap(NULL, bytes, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    return base == MAP_FAILED ? NULL : base;
}

static void area_init(void)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);
    if (page == 0 || page > LEAST_BYTES)
        return; /* one page holds a whole buffer: nothing could be given back, and blocks would waste much */
    area.block_bytes = (MOST_BYTES + page - 1) / page * page;
    size_t bytes = RESERVED_BYTES;
    char *base = NULL;
    while (!base && bytes >= 64 * area.block_bytes) {
        base = reserve(bytes);
        if (!base)
            bytes /= 4; /* an address space limit (RLIMIT_AS) may allow less */
    }
    if (!base)
        return;
    size_t count = bytes / area.block_bytes;
    size_t next_bytes = count * sizeof(uint32_t);
    void *next =
        mmap(NULL, next_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (next == MAP_FAILED) {
        munmap(base, bytes);
        return;
    }
#ifdef MADV_NOHUGEPAGE
    /* One huge page would hold a hundred buffers resident for the sake of one. */
    (void)madvise(base, bytes, MADV_NOHUGEPAGE);
#endif
    area.base = base;
    area.bytes = bytes;
    area.count = count;
    area.next = next;
}

static char *block_at(uint32_t i)
{
    return area.base + (size_t)i * area.block_bytes;
}

/* Makes the next blocks accessible. */
static bool open_more(void)
{
    size_t n = area.count - area.opened;
    if (n > OPENED_BLOCKS)
        n = OPENED_BLOCKS;
    if (n == 0 || mprotect(area.base + area.opened * area.block_bytes, n * area.block_bytes,
                           PROT_READ | PROT_WRITE) != 0)
        return false;
    area.opened += n;
    return true;
}

static void *take(size_t bytes)
{
    uint32_t i = NONE;
    bool is_dirty = false;
    pthread_mutex_lock(&area.lock);
    if (area.kept != NONE) {
        i = area.kept;
        area.kept = area.next[i];
        area.kept_count--;
        is_dirty = true;
    } else if (area.cold != NONE) {
        i = area.cold;
        area.cold = area.next[i];
    } else if (area.used < area.opened || open_more()) {
        i = (uint32_t)area.used++;
    }
    if (i != NONE) {
        area.next[i] = LIVE;
        area.live++;
    }
    pthread_mutex_unlock(&area.lock);
    if (i == NONE)
        return NULL;
    char *block = block_at(i);
    ASAN_UNPOISON_MEMORY_REGION(block, bytes);
    ASAN_POISON_MEMORY_REGION(block + bytes, area.block_bytes - bytes);
    if (is_dirty)
        memset(block, 0, bytes);
    return block;
}

/* is_kept: its pages may stay, for the next. */
static void give_back(uint32_t i, bool is_kept)
{
    char *block = block_at(i);
    ASAN_POISON_MEMORY_REGION(block, area.block_bytes);
    pthread_mutex_lock(&area.lock);
    area.live--;
    is_kept = is_kept && area.kept_count < KEPT_BLOCKS;
    area.next[i] = NONE;
    if (is_kept) {
        area.next[i] = area.kept;
        area.kept = i;
        area.kept_count++;
    }
    pthread_mutex_unlock(&area.lock);
    if (is_kept)
        return;
    /* Nobody has the block now: the system call needs no lock. Where it fails the block is lost rather than
     * handed out with old content. */
    if (madvise(block, area.block_bytes, MADV_DONTNEED) != 0)
        return;
    pthread_mutex_lock(&area.lock);
    area.next[i] = area.cold;
    area.cold = i;
    pthread_mutex_unlock(&area.lock);
}

/* Whether ptr is a block, and which. */
static bool find(const void *ptr, uint32_t *ret_i)
{
    uintptr_t offset = (uintptr_t)ptr - (uintptr_t)area.base;
    if (!area.base || offset >= area.bytes)
        return false;
    *ret_i = (uint32_t)(offset / area.block_bytes);
    return true;
}

static void *tls_calloc(size_t count, size_t size)
{
    calls++;
    size_t bytes;
    void *block = NULL;
    if (__builtin_mul_overflow(count, size, &bytes))
        return NULL;
    if (area.base && bytes > LEAST_BYTES && bytes <= MOST_BYTES)
        block = take(bytes);
    else if (bytes > LEAST_SLOT && bytes <= PST_TLS_SLOT_BYTES)
        block = pst_tls_slot_take(bytes);
    return block ? block : calloc(count, size);
}

static void tls_free(void *ptr)
{
    uint32_t i;
    if (find(ptr, &i))
        give_back(i, true);
    else if (!pst_tls_slot_give(ptr))
        free(ptr);
}

void pst_tls_memory_init(void)
{
    area_init();
    pst_tls_slots_init();
    mbedtls_platform_set_calloc_free(tls_calloc, tls_free);
}

bool pst_tls_memory_trim(void *block)
{
    uint32_t i;
    return find(block, &i) && madvise(block, area.block_bytes, MADV_DONTNEED) == 0;
}

bool pst_tls_memory_drop(void *block)
{
    uint32_t i;
    bool is_ours = find(block, &i);
    if (is_ours)
        give_back(i, false);
    return is_ours;
}

static size_t live_pages(void)
{
    unsigned char present[MOST_BYTES / 1024];
    size_t pages = area.block_bytes / (size_t)sysconf(_SC_PAGESIZE);
    size_t count = 0;
    for (uint32_t i = 0; i < area.used; i++) {
        if (area.next[i] != LIVE || mincore(block_at(i), area.block_bytes, present) != 0)
            continue;
        for (size_t n = 0; n < pages; n++)
            count += present[n] & 1;
    }
    return count;
}

void pst_tls_memory_stats(struct pst_tls_memory_stats *ret_stats)
{
    pthread_mutex_lock(&area.lock);
    ret_stats->calls = calls;
    ret_stats->live_blocks = area.live;
    ret_stats->kept_blocks = area.kept_count;
    ret_stats->live_pages = live_pages();
    pthread_mutex_unlock(&area.lock);
}

#endif
