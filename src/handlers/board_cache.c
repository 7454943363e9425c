/* board_cache.c - rendered pages, and making them. One lock, held for a few look-ups at a time. */
#include "handlers/board_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/board_live.h"

struct pst_board_cache {
    pthread_mutex_t lock;
    const struct pst_board_source *source;
    struct pst_board_entry *entries[PST_BOARD_PAGES]; /* what was asked for last, first */
    size_t count, bytes;                              /* bytes of those made */
};

int pst_board_cache_new(struct pst_board_cache **ret_cache, const struct pst_board_source *source)
{
    struct pst_board_cache *cache = calloc(1, sizeof *cache);
    if (!cache)
        return PST_E_NOMEM;
    if (pthread_mutex_init(&cache->lock, NULL) != 0) {
        free(cache);
        return PST_E_SYSTEM;
    }
    cache->source = source;
    *ret_cache = cache;
    return 0;
}

/* ---- entries; the lock is held ---- */

static void unref(struct pst_board_entry *entry)
{
    if (--entry->refs > 0)
        return;
    pst_board_page_free(&entry->page);
    free(entry);
}

/* Where it is in the list; count, where it is not. */
static size_t place_of(const struct pst_board_cache *cache, const struct pst_board_entry *entry)
{
    size_t i = 0;
    while (i < cache->count && cache->entries[i] != entry)
        i++;
    return i;
}

/* Takes it out; its reference is the caller's then. */
static struct pst_board_entry *take(struct pst_board_cache *cache, size_t i)
{
    struct pst_board_entry *entry = cache->entries[i];
    cache->count--;
    cache->bytes -= entry->bytes;
    memmove(&cache->entries[i], &cache->entries[i + 1], (cache->count - i) * sizeof(cache->entries[0]));
    return entry;
}

/* What was not asked for the longest goes first; a page too large for all of the cache goes as well. */
static void trim(struct pst_board_cache *cache, size_t most)
{
    while (cache->count > most || (cache->count > 0 && cache->bytes > PST_BOARD_PAGES_BYTES))
        unref(take(cache, cache->count - 1));
}

static void put_first(struct pst_board_cache *cache, struct pst_board_entry *entry)
{
    trim(cache, PST_BOARD_PAGES - 1);
    memmove(&cache->entries[1], &cache->entries[0], cache->count * sizeof(cache->entries[0]));
    cache->entries[0] = entry;
    cache->count++;
    cache->bytes += entry->bytes;
}

static bool is_key(const struct pst_board_key *a, const struct pst_board_key *b)
{
    return a->place.below == b->place.below && a->place.above == b->place.above &&
           a->place.id == b->place.id && a->is_local == b->is_local;
}

/* Its place in the list; count, where it is not there. */
static size_t look_up(const struct pst_board_cache *cache, const struct pst_board_key *key)
{
    size_t i = 0;
    while (i < cache->count && !is_key(&cache->entries[i]->key, key))
        i++;
    return i;
}

/* ---- making a page: on a thread of the pool ---- */

static int read_page(const struct pst_board_source *source, const struct pst_board_place *place,
                     struct pst_post_page **ret_posts)
{
    const struct pst_post_query query = {.box = source->box,
                                         .id = place->id,
                                         .below = place->below,
                                         .above = place->above,
                                         .is_upward = place->above > 0,
                                         .limit = source->page_posts};
    return pst_store_read(source->store, &query, ret_posts);
}

static int render(struct pst_board_page *page, const struct pst_board_source *source,
                  const struct pst_board_place *place, const struct pst_post_page *found, bool is_local,
                  const char *position)
{
    struct pst_post *turned = NULL;
    if (place->above > 0) { /* upwards they come oldest first */
        turned = malloc(found->count * sizeof *turned);
        if (!turned)
            return PST_E_NOMEM;
        for (size_t i = 0; i < found->count; i++)
            turned[i] = found->posts[found->count - 1 - i];
    }
    const struct pst_board_list all = {.posts = turned ? turned : found->posts,
                                       .count = found->count,
                                       .is_more = found->is_more,
                                       .box_count = found->box_count,
                                       .is_local = is_local,
                                       .position = position};
    pst_board_page_render(page, &source->look, place, &all);
    free(turned);
    return page->html.failed ? PST_E_NOMEM : 0;
}

static int make(struct pst_board_page *page, const struct pst_board_source *source,
                const struct pst_board_key *key)
{
    struct pst_board_place place = key->place;
    struct pst_post_page *found = NULL;
    char position[PST_BOARD_POSITION_BYTES];
    /* Before the reading: what is posted in between is told as an event, and known by its id. */
    pst_board_live_position(source->live, position);
    int err = read_page(source, &place, &found);
    if (!err && place.above > 0 && !found->is_more) {
        /* The way upwards ends at the newest page, which is full, not at what is left over. */
        pst_post_page_free(found);
        found = NULL;
        place = (struct pst_board_place){0};
        err = read_page(source, &place, &found);
    }
    if (err)
        return err;
    err = place.id > 0 && found->count == 0 ? PST_E_NOENT
                                            : render(page, source, &place, found, key->is_local, position);
    pst_post_page_free(found);
    return err;
}

static void wake(struct pst_job *job)
{
    struct pst_board_wait *wait = (struct pst_board_wait *)job;
    wait->done(wait);
}

static void run(struct pst_job *job)
{
    struct pst_board_wait *wait = (struct pst_board_wait *)job, *others;
    struct pst_board_cache *cache = wait->cache;
    struct pst_board_entry *entry = wait->entry;
    struct pst_board_page page = {0};
    int err = make(&page, cache->source, &entry->key);
    (void)pthread_mutex_lock(&cache->lock);
    entry->page = page;
    entry->err = err;
    entry->is_made = true;
    entry->bytes = page.html.cap;
    others = entry->waiting;
    entry->waiting = NULL;
    size_t i = place_of(cache, entry);
    if (i < cache->count) {
        cache->bytes += entry->bytes;
        if (err)
            unref(take(cache, i));
        trim(cache, PST_BOARD_PAGES);
    }
    (void)pthread_mutex_unlock(&cache->lock);
    while (others) {
        struct pst_board_wait *next = others->next;
        pst_job_finish(&others->job);
        others = next;
    }
}

/* ---- asking for one ---- */

static bool is_fresh(const struct pst_board_entry *entry, uint64_t generation, uint64_t now_ms)
{
    /* The workers' clocks differ by a little: one may have begun its turn before another made the page. */
    return entry->is_made && entry->generation == generation &&
           (now_ms < entry->at_ms || now_ms - entry->at_ms <= PST_BOARD_FRESH_MS);
}

struct pst_board_entry *pst_board_cache_find(struct pst_board_cache *cache, const struct pst_board_key *key,
                                             uint64_t now_ms)
{
    uint64_t generation = pst_store_generation(cache->source->store);
    struct pst_board_entry *entry = NULL;
    (void)pthread_mutex_lock(&cache->lock);
    size_t i = look_up(cache, key);
    if (i < cache->count && is_fresh(cache->entries[i], generation, now_ms)) {
        entry = take(cache, i);
        put_first(cache, entry);
        entry->refs++;
    }
    (void)pthread_mutex_unlock(&cache->lock);
    return entry;
}

/* The lock is held. A new entry in the place of one that is stale; NULL when out of memory. */
static struct pst_board_entry *begin(struct pst_board_cache *cache, const struct pst_board_key *key,
                                     uint64_t generation, uint64_t now_ms)
{
    struct pst_board_entry *entry = calloc(1, sizeof *entry);
    size_t i = look_up(cache, key);
    if (!entry)
        return NULL;
    if (i < cache->count)
        unref(take(cache, i));
    entry->key = *key;
    entry->generation = generation;
    entry->at_ms = now_ms;
    entry->refs = 2; /* the list's and the waiter's */
    put_first(cache, entry);
    return entry;
}

int pst_board_cache_wait(struct pst_board_cache *cache, const struct pst_board_key *key, uint64_t now_ms,
                         struct pst_board_wait *wait, struct pst_worker *worker)
{
    uint64_t generation = pst_store_generation(cache->source->store);
    wait->cache = cache;
    wait->job.run = run;
    wait->job.done = wake;
    (void)pthread_mutex_lock(&cache->lock);
    size_t i = look_up(cache, key);
    struct pst_board_entry *entry = i < cache->count ? cache->entries[i] : NULL;
    /* Who posts must see the post: a reading that has begun before it is not waited for. */
    bool joins = entry && !entry->is_made && entry->generation == generation;
    if (joins) {
        entry->refs++;
        wait->next = entry->waiting;
        entry->waiting = wait;
        pst_job_begin(&wait->job, worker);
    } else {
        entry = begin(cache, key, generation, now_ms);
    }
    wait->entry = entry;
    (void)pthread_mutex_unlock(&cache->lock);
    if (!joins && entry)
        pst_job_offload(&wait->job, worker);
    return entry ? 0 : PST_E_NOMEM;
}

void pst_board_entry_unref(struct pst_board_cache *cache, struct pst_board_entry *entry)
{
    (void)pthread_mutex_lock(&cache->lock);
    unref(entry);
    (void)pthread_mutex_unlock(&cache->lock);
}

void pst_board_cache_free(struct pst_board_cache *cache)
{
    if (!cache)
        return;
    trim(cache, 0);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}
