/* upload.h - the files of one post on their way from a worker's loop to its draft: gathered, then written by
 * jobs in the order in which they came.
 *
 * Two buffers: one fills on the loop while a job writes the other. Files that fit into one buffer together
 * cost one job. All functions are for the worker's thread. Knows nothing of forms and exchanges. */
#ifndef PST_HANDLERS_UPLOAD_H
#define PST_HANDLERS_UPLOAD_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/job.h>
#include <postern/store.h>

enum {
    PST_UPLOAD_FIRST_BYTES = 16384, /* of a buffer; it doubles as more comes */
    /* From here on a buffer is written, or, while the other one is, no more should come. Pieces of a body are
     * at most as large as the rest. */
    PST_UPLOAD_HIGH_BYTES = 196608,
    PST_UPLOAD_MOST_BYTES = 262144,
};

struct pst_upload_buffer {
    char *ptr;
    size_t len, cap;
    bool ends_with_data;
    size_t data_at; /* that data record, which the next piece continues */
};

/* Zero-initialise, then set these three. */
struct pst_upload {
    struct pst_worker *worker;
    /* A job has come back: there may be room again, or an error. Also when all is written. */
    void (*on_written)(void *arg);
    void *arg;
    /* private */
    struct pst_job job;
    struct pst_draft *draft;
    struct pst_upload_buffer filling, writing;
    bool is_busy, is_flushing, has_begun;
    int err;
};

/* The next file goes into draft, always the same one, which belongs to the upload while it is busy.
 * Errors: PST_E_NOMEM, or what a job met before: see pst_upload_err(). */
int pst_upload_begin(struct pst_upload *up, struct pst_draft *draft, struct pst_slice name,
                     struct pst_slice file_name, struct pst_slice type);
int pst_upload_data(struct pst_upload *up, const char *data, size_t len);
int pst_upload_end(struct pst_upload *up);
/* Nothing more comes, for now: writes what has been gathered. */
void pst_upload_flush(struct pst_upload *up);

/* No more should come until on_written. */
bool pst_upload_is_full(const struct pst_upload *up);
/* A job has the draft: neither it nor the upload may go. */
bool pst_upload_is_busy(const struct pst_upload *up);
/* All that was given is written, or will never be. */
bool pst_upload_is_done(const struct pst_upload *up);
/* The draft may have files. */
bool pst_upload_has_begun(const struct pst_upload *up);
/* The first error of the draft; nothing is written after it. */
int pst_upload_err(const struct pst_upload *up);

/* Gives the memory back. Must not be busy. */
void pst_upload_fini(struct pst_upload *up);

#endif
