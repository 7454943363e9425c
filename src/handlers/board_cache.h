/* board_cache.h - rendered pages of a board, shared by all workers, and the reading and rendering off the
 * loop that makes them.
 *
 * A page is as fresh as the store's generation, and at most PST_BOARD_FRESH_MS old, since another process may
 * have removed a message. Who asks for a page that is being made waits for it: a crowd costs one reading. */
#ifndef PST_HANDLERS_BOARD_CACHE_H
#define PST_HANDLERS_BOARD_CACHE_H

#include <postern/job.h>
#include <postern/store.h>

#include "handlers/board_page.h"

enum {
    PST_BOARD_FRESH_MS = 1000,
    PST_BOARD_PAGES = 32,            /* kept at most */
    PST_BOARD_PAGES_BYTES = 8 << 20, /* likewise */
};

struct pst_board_live;

/* What pages are made of. Stays as it is while there is a cache. */
struct pst_board_source {
    struct pst_store *store;
    struct pst_slice box;
    struct pst_board_look look;
    unsigned page_posts;
    struct pst_board_live *live; /* tells where in the stream of events a page stands */
};

struct pst_board_key {
    struct pst_board_place place;
    bool is_local;
};

/* A page, counted; it does not change once somebody has it. */
struct pst_board_entry {
    struct pst_board_page page; /* of an err only to be freed */
    int err; /* it could not be made: PST_E_IO, PST_E_NOMEM; PST_E_NOENT, no such message */
    /* private */
    struct pst_board_key key;
    uint64_t generation, at_ms;
    size_t bytes; /* once it is made */
    bool is_made;
    unsigned refs;
    struct pst_board_wait *waiting;
};

/* Somebody who waits for a page: memory of its own, as of a job (job.h), which it begins with. */
struct pst_board_wait {
    struct pst_job job;
    /* Set by its owner: called on the worker's thread when wait->entry is made. */
    void (*done)(struct pst_board_wait *wait);
    void *owner;
    struct pst_board_entry *entry; /* the owner's to unref */
    /* private */
    struct pst_board_cache *cache;
    struct pst_board_wait *next;
};

struct pst_board_cache;

/* Errors: PST_E_NOMEM, PST_E_SYSTEM. */
int pst_board_cache_new(struct pst_board_cache **ret_cache, const struct pst_board_source *source);
/* Nobody may wait any more, and no entry may be held. NULL is allowed. */
void pst_board_cache_free(struct pst_board_cache *cache);

/* The page, if it is there and fresh; to be unreffed. Else NULL. */
struct pst_board_entry *pst_board_cache_find(struct pst_board_cache *cache, const struct pst_board_key *key,
                                             uint64_t now_ms);
/* On a worker's thread: has the page made, or waits for who does. now_ms: the worker's clock, as above.
 * Errors: PST_E_NOMEM: done is not called. */
int pst_board_cache_wait(struct pst_board_cache *cache, const struct pst_board_key *key, uint64_t now_ms,
                         struct pst_board_wait *wait, struct pst_worker *worker);
void pst_board_entry_unref(struct pst_board_cache *cache, struct pst_board_entry *entry);

#endif
