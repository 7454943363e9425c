/* upload.c - see upload.h. A buffer holds records: what a job is to call, with the bytes for it. */
#include "handlers/upload.h"

#include <stdlib.h>

enum record_kind { RECORD_BEGIN, RECORD_DATA, RECORD_END };
struct record {
    enum record_kind kind;
    size_t len[3]; /* of the bytes that follow: data, or name, file name and type */
};

/* ---- filling ---- */

/* Room for len bytes more, at the end. */
static bool reserve(struct pst_upload_buffer *buffer, size_t len)
{
    if (len <= buffer->cap - buffer->len)
        return true;
    size_t cap = buffer->cap ? buffer->cap : PST_UPLOAD_FIRST_BYTES;
    while (cap - buffer->len < len && cap <= SIZE_MAX / 2)
        cap *= 2;
    char *ptr = cap - buffer->len < len ? NULL : realloc(buffer->ptr, cap);
    if (!ptr)
        return false;
    buffer->ptr = ptr;
    buffer->cap = cap;
    return true;
}

static void empty(struct pst_upload_buffer *buffer)
{
    buffer->len = 0;
    buffer->ends_with_data = false;
}

static void append(struct pst_upload_buffer *buffer, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(buffer->ptr + buffer->len, bytes, len);
    buffer->len += len;
}

static int add_record(struct pst_upload *up, enum record_kind kind, const struct pst_slice *texts,
                      size_t count)
{
    struct record record = {.kind = kind};
    size_t need = sizeof record;
    for (size_t i = 0; i < count; i++) {
        record.len[i] = texts[i].len;
        need += texts[i].len;
    }
    if (!reserve(&up->filling, need))
        return PST_E_NOMEM;
    up->filling.ends_with_data = kind == RECORD_DATA;
    up->filling.data_at = up->filling.len;
    append(&up->filling, &record, sizeof record);
    for (size_t i = 0; i < count; i++)
        append(&up->filling, texts[i].ptr, texts[i].len);
    return 0;
}

/* Makes the last record longer, so that the draft gets few and large pieces. */
static int continue_data(struct pst_upload_buffer *buffer, const char *data, size_t len)
{
    struct record record;
    if (!reserve(buffer, len))
        return PST_E_NOMEM;
    memcpy(&record, buffer->ptr + buffer->data_at, sizeof record);
    record.len[0] += len;
    memcpy(buffer->ptr + buffer->data_at, &record, sizeof record);
    append(buffer, data, len);
    return 0;
}

/* ---- writing ---- */

static int replay(struct pst_draft *draft, const struct record *record, const char *bytes)
{
    struct pst_slice texts[3];
    switch (record->kind) {
    case RECORD_BEGIN:
        for (size_t i = 0; i < 3; bytes += record->len[i], i++)
            texts[i] = pst_slice_of(bytes, record->len[i]);
        return pst_draft_file_begin(draft, texts[0], texts[1], texts[2]);
    case RECORD_DATA:
        return pst_draft_file_write(draft, bytes, record->len[0]);
    default:
        return pst_draft_file_end(draft);
    }
}

/* On a thread of the pool. */
static void write_all(struct pst_job *job)
{
    struct pst_upload *up = (struct pst_upload *)((char *)job - offsetof(struct pst_upload, job));
    size_t at = 0;
    while (at < up->writing.len && !up->err) {
        struct record record;
        memcpy(&record, up->writing.ptr + at, sizeof record);
        at += sizeof record;
        up->err = replay(up->draft, &record, up->writing.ptr + at);
        at += record.len[0] + record.len[1] + record.len[2];
    }
}

static void start_if_due(struct pst_upload *up);

static void on_written(struct pst_job *job)
{
    struct pst_upload *up = (struct pst_upload *)((char *)job - offsetof(struct pst_upload, job));
    up->is_busy = false;
    empty(&up->writing);
    if (up->err)
        empty(&up->filling);
    start_if_due(up);
    up->on_written(up->arg);
}

static void start_if_due(struct pst_upload *up)
{
    if (up->is_busy || up->filling.len == 0 || (up->filling.len < PST_UPLOAD_HIGH_BYTES && !up->is_flushing))
        return;
    struct pst_upload_buffer filled = up->filling;
    up->filling = up->writing;
    up->writing = filled;
    up->is_busy = up->has_begun = true;
    up->job.run = write_all;
    up->job.done = on_written;
    pst_job_offload(&up->job, up->worker);
}

/* ---- what comes ---- */

/* up->err is the job's while there is one. */
static int known_err(const struct pst_upload *up)
{
    return up->is_busy ? 0 : up->err;
}

int pst_upload_begin(struct pst_upload *up, struct pst_draft *draft, struct pst_slice name,
                     struct pst_slice file_name, struct pst_slice type)
{
    const struct pst_slice texts[3] = {name, file_name, type};
    int err = known_err(up);
    up->draft = draft;
    return err ? err : add_record(up, RECORD_BEGIN, texts, 3);
}

int pst_upload_data(struct pst_upload *up, const char *data, size_t len)
{
    int err = known_err(up);
    if (err || len == 0)
        return err;
    const struct pst_slice piece = pst_slice_of(data, len);
    up->is_flushing = false;
    err = up->filling.ends_with_data ? continue_data(&up->filling, data, len)
                                     : add_record(up, RECORD_DATA, &piece, 1);
    if (!err)
        start_if_due(up);
    return err;
}

int pst_upload_end(struct pst_upload *up)
{
    int err = known_err(up);
    if (!err)
        err = add_record(up, RECORD_END, NULL, 0);
    if (!err)
        start_if_due(up);
    return err;
}

void pst_upload_flush(struct pst_upload *up)
{
    up->is_flushing = true;
    start_if_due(up);
}

bool pst_upload_is_full(const struct pst_upload *up)
{
    return up->is_busy && up->filling.len >= PST_UPLOAD_HIGH_BYTES;
}

bool pst_upload_is_busy(const struct pst_upload *up)
{
    return up->is_busy;
}

bool pst_upload_is_done(const struct pst_upload *up)
{
    return !up->is_busy && up->filling.len == 0;
}

bool pst_upload_has_begun(const struct pst_upload *up)
{
    return up->has_begun;
}

int pst_upload_err(const struct pst_upload *up)
{
    return known_err(up);
}

void pst_upload_fini(struct pst_upload *up)
{
    free(up->filling.ptr);
    free(up->writing.ptr);
    up->filling = up->writing = (struct pst_upload_buffer){0};
}
