/* internal.h - what the files of the store share. Order of ownership:
 *
 *   callers' threads    drafts (draft.c), readers taken from the pool (readers.c)
 *   writer's thread     the one connection that writes (writer.c), and what a group of operations does
 * (apply.c)
 *
 * Between them: the queue, and a few atomic numbers. */
#ifndef PST_STORE_INTERNAL_H
#define PST_STORE_INTERNAL_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include <postern/http.h>
#include <postern/store.h>

#include "base/arena.h"
#include "base/list.h"
#include "base/sha256.h"
#include "store/blob.h"
#include "store/db.h"
#include "store/folder.h"
#include "store/schema.h"

enum {
    PST_STORE_WATCHERS = 4,
    PST_STORE_READERS = 8, /* connections that read at the same time */
    PST_STORE_GROUP = 256, /* operations of one transaction */
    PST_BOX_NAME_BYTES = 64,
    PST_KEY_BYTES = 255,
    PST_POST_COST = 128, /* what an empty post counts against the limits: it takes room, too */
};
#define PST_POST_ID_MAX ((UINT64_C(1) << PST_POST_ID_BITS) - 1)
#define PST_BOX_ID_MAX  ((INT64_C(1) << (63 - PST_POST_ID_BITS)) - 2) /* box + 1 is computed with */

static inline int64_t pst_post_key(int64_t box_id, uint64_t id)
{
    return (int64_t)((uint64_t)box_id << PST_POST_ID_BITS | id);
}

/* One file of a draft. */
struct pst_draft_file {
    struct pst_draft_file *next;
    struct pst_slice name, file_name, type;
    uint64_t size;
    uint8_t hash[PST_SHA256_BYTES];
    char tmp_name[48];
    bool has_tmp; /* the name in tmp/ is there */
};

/* Something for the writer to do. */
struct pst_op {
    struct pst_list node;
    struct pst_draft *draft; /* NULL: a deletion */
    struct pst_slice box;    /* of a deletion */
    uint64_t id;
    int err;
    struct pst_receipt receipt;
    void (*done)(struct pst_op *op); /* on the writer's thread; may free the operation */
    void *arg;                       /* done's */
};

struct pst_draft {
    struct pst_store *store;
    struct pst_arena arena;
    struct pst_text fields, body;
    uint64_t text_bytes; /* names and values, and what is said of files */
    uint64_t file_bytes; /* also counted in the store's incoming_bytes */
    struct pst_draft_file *files, **files_end;
    unsigned file_count;
    struct pst_draft_head head;
    bool is_described;

    struct pst_draft_file *open_file; /* not among files yet */
    int fd;                           /* its; -1: none */
    int file_err;                     /* its first failure */
    uint64_t unchecked_bytes;         /* written since the room on the disk was looked at */
    struct pst_sha256 sha;

    struct pst_op op;
    pst_commit_fn *done;
    void *done_arg;
    char first[512]; /* of the arena */
};

/* A connection that reads, and memory to collect a page in. */
struct pst_reader {
    struct pst_reader *next;
    struct pst_db db;
    struct pst_text text;
    struct pst_page_row *rows;
    struct pst_page_file *files;
    size_t row_cap, file_cap;
};

struct pst_readers {
    pthread_mutex_t lock;
    pthread_cond_t returned;
    struct pst_reader *idle;
    unsigned count; /* idle or not */
};

struct pst_watcher {
    void (*fn)(const struct pst_change *change, void *arg);
    void *arg;
};

struct pst_writer {
    pthread_t thread;
    pthread_mutex_t lock; /* of the three below */
    pthread_cond_t wake;
    struct pst_list queue;
    bool is_closing;

    struct pst_db db;
    struct pst_group *group;     /* reused from one transaction to the next */
    int64_t expire_at_ms;        /* when old idempotency keys are swept next */
    atomic_uint_fast64_t groups; /* transactions that were committed: tests see that posts share them */
};

struct pst_store {
    struct pst_store_options options;
    struct pst_folder folder;
    struct pst_writer writer;
    struct pst_readers readers;
    pthread_mutex_t watch_lock; /* of the two below; held while they are called */
    struct pst_watcher watchers[PST_STORE_WATCHERS];
    size_t watcher_count;
    int64_t (*now_ms)(void); /* since 1970 */

    atomic_uint_fast64_t generation;
    atomic_uint_fast64_t total_bytes;    /* as of the last transaction */
    atomic_uint_fast64_t incoming_bytes; /* of files of drafts that were not committed */
    atomic_uint_fast64_t tmp_count;      /* makes names */
};

/* ---- store.c ---- */
/* How much may be written without going under spare_bytes; no limit is UINT64_MAX. Errors: PST_E_IO. */
int pst_store_room(const struct pst_store *store, uint64_t *ret_bytes);

/* ---- writer.c ---- */
int pst_writer_start(struct pst_store *store);
/* Does what is queued, and ends the thread. */
void pst_writer_stop(struct pst_store *store);
/* Queues an operation; done is called for it in any case. */
void pst_writer_put(struct pst_store *store, struct pst_op *op);
/* Queues it and waits for it; done and arg are set here. Gives its err. */
int pst_writer_wait(struct pst_store *store, struct pst_op *op);

/* ---- draft.c ---- */
/* The names in tmp/ go: the post is stored, or never will be. */
void pst_draft_drop_files(struct pst_draft *draft);

/* ---- readers.c ---- */
int pst_readers_init(struct pst_store *store);
void pst_readers_fini(struct pst_readers *readers);
/* A connection for the calling thread alone; waits where all are taken. Errors: PST_E_NOMEM, PST_E_IO. */
int pst_readers_take(struct pst_store *store, struct pst_reader **ret_reader);
void pst_readers_give(struct pst_store *store, struct pst_reader *reader);
/* *ret_id of a box, with its count and last id where not NULL. PST_E_NOENT: there is none. */
int pst_reader_box(struct pst_reader *reader, struct pst_slice name, int64_t *ret_id, uint64_t *ret_count);

#endif
