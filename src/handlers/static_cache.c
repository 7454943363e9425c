/* static_cache.c - contents of small files in memory, for one worker. */
#include "handlers/static_cache.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <postern/exchange.h>

struct pst_static_cache {
    size_t max_entries, max_bytes;
    size_t entries, bytes;
    size_t memfds; /* of the entries */
    struct pst_static_entry *newest, *oldest;
    size_t mask; /* number of buckets less one */
    struct pst_static_entry *buckets[];
};

/* FNV-1a. Not keyed: only names of files that exist get in, so a peer cannot choose them to collide. */
static uint64_t hash_path(struct pst_slice path)
{
    uint64_t hash = 14695981039346656037U;
    for (size_t i = 0; i < path.len; i++)
        hash = (hash ^ (unsigned char)path.ptr[i]) * 1099511628211U;
    return hash;
}

static size_t cost(const struct pst_static_entry *entry)
{
    return sizeof *entry + entry->size + entry->path.len;
}

/* ---- entries ---- */

/* Memory that is a file's, too; NULL where that cannot be, and then ordinary memory has to do. */
static char *map_new(size_t size, int *ret_fd)
{
    int fd = memfd_create("postern cache", MFD_CLOEXEC);
    if (fd < 0)
        return NULL;
    void *data = MAP_FAILED;
    if (ftruncate(fd, (off_t)size) == 0)
        data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (data == MAP_FAILED) {
        (void)close(fd);
        return NULL;
    }
    *ret_fd = fd;
    return data;
}

struct pst_static_entry *pst_static_entry_new(const struct pst_static_cache *cache, struct pst_slice path,
                                              size_t size)
{
    int fd = -1;
    char *data = NULL;
    if (size >= PST_STATIC_MEMFD_MIN_BYTES && cache && cache->memfds < PST_STATIC_MEMFD_MAX_ENTRIES)
        data = map_new(size, &fd);
    struct pst_static_entry *entry = malloc(sizeof *entry + path.len + (data ? 0 : size) + 1);
    if (!entry) {
        if (data) {
            (void)munmap(data, size);
            (void)close(fd);
        }
        return NULL;
    }
    char *name = (char *)(entry + 1);
    *entry = (struct pst_static_entry){
        .hash = hash_path(path),
        .refs = 1,
        .path = pst_slice_of(name, path.len),
        .size = size,
        .data = data ? data : name + path.len,
        .fd = fd,
    };
    memcpy(name, path.ptr, path.len);
    return entry;
}

void pst_static_entry_ref(struct pst_static_entry *entry)
{
    entry->refs++;
}

void pst_static_entry_unref(struct pst_static_entry *entry)
{
    if (--entry->refs > 0)
        return;
    pst_field_set_free(entry->fields);
    if (entry->fd >= 0) {
        (void)munmap(entry->data, entry->size);
        (void)close(entry->fd);
    }
    free(entry);
}

/* ---- the order of use ---- */

static void unlink_use(struct pst_static_cache *cache, struct pst_static_entry *entry)
{
    if (cache->newest == entry)
        cache->newest = entry->older;
    else
        entry->newer->older = entry->older;
    if (cache->oldest == entry)
        cache->oldest = entry->newer;
    else
        entry->older->newer = entry->newer;
}

static void link_newest(struct pst_static_cache *cache, struct pst_static_entry *entry)
{
    entry->newer = NULL;
    entry->older = cache->newest;
    if (cache->newest)
        cache->newest->newer = entry;
    else
        cache->oldest = entry;
    cache->newest = entry;
}

/* ---- the cache ---- */

struct pst_static_cache *pst_static_cache_new(size_t max_entries, size_t max_bytes)
{
    size_t buckets = 16;
    while (buckets < max_entries)
        buckets *= 2;
    struct pst_static_cache *cache = calloc(1, sizeof *cache + buckets * sizeof(struct pst_static_entry *));
    if (!cache)
        return NULL;
    cache->max_entries = max_entries;
    cache->max_bytes = max_bytes;
    cache->mask = buckets - 1;
    return cache;
}

void pst_static_cache_free(struct pst_static_cache *cache)
{
    if (!cache)
        return;
    while (cache->oldest)
        pst_static_cache_drop(cache, cache->oldest);
    free(cache);
}

static struct pst_static_entry *find(struct pst_static_cache *cache, uint64_t hash, struct pst_slice path)
{
    struct pst_static_entry *entry = cache->buckets[hash & cache->mask];
    while (entry && !(entry->hash == hash && pst_slice_eq(entry->path, path)))
        entry = entry->chain;
    return entry;
}

struct pst_static_entry *pst_static_cache_find(struct pst_static_cache *cache, struct pst_slice path)
{
    struct pst_static_entry *entry = find(cache, hash_path(path), path);
    if (entry && entry != cache->newest) {
        unlink_use(cache, entry);
        link_newest(cache, entry);
    }
    return entry;
}

void pst_static_cache_put(struct pst_static_cache *cache, struct pst_static_entry *entry)
{
    if (cost(entry) > cache->max_bytes || cache->max_entries == 0)
        return;
    struct pst_static_entry *former = find(cache, entry->hash, entry->path);
    if (former)
        pst_static_cache_drop(cache, former);
    while (cache->entries >= cache->max_entries || cache->bytes > cache->max_bytes - cost(entry))
        pst_static_cache_drop(cache, cache->oldest);

    struct pst_static_entry **bucket = &cache->buckets[entry->hash & cache->mask];
    entry->chain = *bucket;
    *bucket = entry;
    link_newest(cache, entry);
    cache->entries++;
    cache->bytes += cost(entry);
    cache->memfds += entry->fd >= 0;
    entry->listed = true;
    pst_static_entry_ref(entry);
}

void pst_static_cache_drop(struct pst_static_cache *cache, struct pst_static_entry *entry)
{
    if (!entry->listed)
        return;
    struct pst_static_entry **link = &cache->buckets[entry->hash & cache->mask];
    while (*link != entry)
        link = &(*link)->chain;
    *link = entry->chain;
    unlink_use(cache, entry);
    cache->entries--;
    cache->bytes -= cost(entry);
    cache->memfds -= entry->fd >= 0;
    entry->listed = false;
    pst_static_entry_unref(entry);
}
