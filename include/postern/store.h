/* store.h - where posts are kept: boxes of posts, each with fields and files. What was committed is on disk.
 *
 * All of it lies in one folder, mode 0700: a database, and files named by the SHA-256 of their contents, so
 * that the same file is kept once. Killed at any instant, every committed post is whole, and of others
 * nothing is left after the next opening. Functions that say "blocks" touch the disk: call them off the loop
 * (job.h). */
#ifndef POSTERN_STORE_H
#define POSTERN_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

struct pst_store;

enum pst_store_mode {
    PST_STORE_SERVE, /* makes the folder where it is missing; the only server on it; removes a crash's
                        leftovers */
    PST_STORE_VISIT, /* the folder exists; beside a server that may run: for the command line */
};
struct pst_store_options {
    enum pst_store_mode mode;
    /* What is counted: names and values, bodies, files, and 128 bytes for each post as such. */
    uint64_t box_bytes;   /* what one box may hold, fields and files together; 0: no limit */
    uint64_t total_bytes; /* what all boxes may hold; 0: no limit */
    uint64_t spare_bytes; /* left free on the disk, also while a file comes in; 0: none */
    uint32_t max_boxes;   /* a commit makes a new box only while there are fewer; 0: no limit */
};
/* Blocks. why (at least 256 bytes) says in one line for a person what is wrong and what to do; after success
 * it is empty, or says that files of posts are gone. Nothing that is there is changed where it fails. A
 * folder that others may enter is closed to them by PST_STORE_SERVE, if it is empty or a store. Errors:
 * PST_E_NOENT, PST_E_ACCESS, PST_E_BUSY (another server uses the folder), PST_E_UNSUPPORTED (made by a newer
 * postern, or, for a visit, by an older one), PST_E_SYNTAX (damaged, or no store of ours), PST_E_FULL,
 * PST_E_IO, PST_E_NOMEM. */
PST_API int pst_store_open(struct pst_store **ret_store, const char *folder,
                           const struct pst_store_options *options, char *why, size_t why_size);
/* Blocks; finishes what was given to it. No read and no draft may be under way. NULL is allowed. */
PST_API void pst_store_close(struct pst_store *store);

/* ---- adding ----
 * A draft collects a post on its way in. It belongs to one caller at a time, not to a thread. */

struct pst_draft;

/* Does not block. Errors: PST_E_NOMEM. */
PST_API int pst_draft_new(struct pst_draft **ret_draft, struct pst_store *store);
/* Blocks where it has files that were not committed: they vanish. NULL is allowed. */
PST_API void pst_draft_free(struct pst_draft *draft);

/* Name and value are copied; UTF-8. Does not block. Errors: PST_E_NOMEM. */
PST_API int pst_draft_field(struct pst_draft *draft, struct pst_slice name, struct pst_slice value);
/* The body itself, of a post that is no form (JSON, text). Copied. Errors: PST_E_NOMEM. */
PST_API int pst_draft_body(struct pst_draft *draft, struct pst_slice body);

/* A file, piece by piece, into a temporary file, hashed on the way; one at a time. file_name and type are
 * data as the client gave them (UTF-8). All three block. pst_draft_file_end() returns when the contents are
 * on disk. Errors: PST_E_FULL: the disk is (nearly) full, or total_bytes; PST_E_IO; PST_E_NOMEM; PST_E_STATE.
 */
PST_API int pst_draft_file_begin(struct pst_draft *draft, struct pst_slice name, struct pst_slice file_name,
                                 struct pst_slice type);
PST_API int pst_draft_file_write(struct pst_draft *draft, const void *data, size_t len);
PST_API int pst_draft_file_end(struct pst_draft *draft);

/* What is said of the post as a whole. Slices are copied. */
struct pst_draft_head {
    struct pst_slice box;     /* see pst_box_name_is_valid() */
    struct pst_slice type;    /* the body's media type, such as "multipart/form-data" */
    struct pst_slice address; /* of the peer; may be empty */
    struct pst_slice key;     /* an Idempotency-Key, at most 255 bytes; empty: none */
    bool may_make_box;        /* else a box that is not there is PST_E_NOENT */
    bool is_declared;   /* the box is one that the server was set up with: max_boxes does not hold it up */
    uint64_t box_bytes; /* of this box; 0: the store's */
};
struct pst_receipt {
    uint64_t id;      /* of the post in its box: 1, 2, 3...; never used again after a deletion */
    int64_t time_ms;  /* milliseconds since 1970 */
    bool is_repeated; /* the key was known: this is the first answer again, nothing was stored */
};
/* Gives the draft to the writer; done is called exactly once, on the writer's thread, when the post is on
 * disk (err 0) or will not be. The caller frees the draft then, not before. Does not block and does not fail
 * by itself: head is copied by pst_draft_describe() before (without it err is PST_E_STATE). err: PST_E_FULL:
 * disk, box_bytes or total_bytes; PST_E_NOENT: no such box; PST_E_LIMIT: max_boxes; PST_E_MISMATCH: the key
 * was used for something else; PST_E_IO; PST_E_NOMEM; PST_E_STATE: the store closes. */
/* Errors: PST_E_INVAL: no name for a box; PST_E_LIMIT: the key is too long; PST_E_NOMEM. */
PST_API int pst_draft_describe(struct pst_draft *draft, const struct pst_draft_head *head);
typedef void pst_commit_fn(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg);
PST_API void pst_store_commit(struct pst_store *store, struct pst_draft *draft, pst_commit_fn *done,
                              void *arg);
/* The same, waiting for it: blocks. */
PST_API int pst_store_commit_wait(struct pst_store *store, struct pst_draft *draft,
                                  struct pst_receipt *ret_receipt);

/* ---- reading ---- */

struct pst_post_field {
    struct pst_slice name, value;
};
struct pst_post_file {
    unsigned number; /* in its post, from 1 */
    struct pst_slice name, file_name, type;
    uint64_t size;
    char hash[65]; /* SHA-256 in hexadecimal */
};
struct pst_post {
    uint64_t id;
    int64_t time_ms;
    struct pst_slice box, type, address, body;
    const struct pst_post_field *fields; /* in the order of the post */
    size_t field_count;
    const struct pst_post_file *files;
    size_t file_count;
};
struct pst_post_page {
    const struct pst_post *posts;
    size_t count;
    bool is_more;       /* there are further ones in the same direction */
    bool is_box;        /* the box exists */
    uint64_t box_count; /* posts in the box */
};
struct pst_post_query {
    struct pst_slice box;
    uint64_t id;    /* that post alone; 0: many */
    uint64_t below; /* ids below it, newest first; 0: from the newest on */
    uint64_t above; /* with is_upward: ids above it */
    bool is_upward; /* oldest first */
    unsigned limit; /* 1 to 1000 */
};
/* Blocks. All of a page is one allocation; it ends early, with is_more, behind the post that brings it to 8
 * MiB. Thread-safe. Errors: PST_E_IO, PST_E_NOMEM. */
PST_API int pst_store_read(struct pst_store *store, const struct pst_post_query *query,
                           struct pst_post_page **ret_page);
PST_API void pst_post_page_free(struct pst_post_page *page);

/* Opens file number n of a post for reading. Blocks. ret_file may be NULL; its slices point into
 * buffer, and are cut where that is too small: first file_name, then type, then name. Errors: PST_E_NOENT,
 * PST_E_IO. */
PST_API int pst_store_open_file(struct pst_store *store, struct pst_slice box, uint64_t id, unsigned number,
                                int *ret_fd, struct pst_post_file *ret_file, char *buffer,
                                size_t buffer_size);

/* The names of all fields that posts of the box have, each once, in the order of their first use:
 * NUL-terminated, one behind the other, an empty one at the end; free() it. Names that are empty, or have a
 * NUL within, are left out. Visitors choose the names: where there are more than most, the first so many
 * come. Blocks. Errors: PST_E_IO; PST_E_NOMEM. */
PST_API int pst_store_field_names(struct pst_store *store, struct pst_slice box, unsigned most,
                                  char **ret_names);

struct pst_box_info {
    char name[65];
    uint64_t count, bytes, last_id;
    int64_t last_time_ms; /* of its newest post; 0: none */
};
/* All boxes, by name; free() the array. Blocks. Errors: PST_E_IO, PST_E_NOMEM. */
PST_API int pst_store_boxes(struct pst_store *store, struct pst_box_info **ret_boxes, size_t *ret_count);

/* 1 to 64 bytes of a-z 0-9 - _, the first a letter or digit. */
PST_API bool pst_box_name_is_valid(struct pst_slice name);

/* ---- removing ---- */

/* Blocks. Files that no other post has vanish. Errors: PST_E_NOENT, PST_E_FULL (it takes some room first),
 * PST_E_IO. */
PST_API int pst_store_delete(struct pst_store *store, struct pst_slice box, uint64_t id);
/* Gives back the space of what was deleted, and checks the database. Blocks. *ret_bytes: freed.
 * A server may go on meanwhile. Errors: PST_E_SYNTAX: damaged, or files are gone; PST_E_IO. */
PST_API int pst_store_vacuum(struct pst_store *store, uint64_t *ret_bytes);

/* ---- changes ---- */

struct pst_change {
    struct pst_slice box;
    uint64_t id;
    bool is_deleted;
};
/* fn is called on the store's own thread after each commit and deletion made through this store, before their
 * callers are told. Before serving begins; at most 4. Errors: PST_E_LIMIT. */
PST_API int pst_store_watch(struct pst_store *store, void (*fn)(const struct pst_change *change, void *arg),
                            void *arg);
/* Ends it: after the return fn is not called any more, nor is it running. Not from within fn. */
PST_API void pst_store_unwatch(struct pst_store *store,
                               void (*fn)(const struct pst_change *change, void *arg), void *arg);
/* Grows with each change made through this store. Any thread; does not block. */
PST_API uint64_t pst_store_generation(const struct pst_store *store);

PST_END_DECLS

#endif
