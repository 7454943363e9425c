/* board_picture.c - the pictures of messages: what counts as one, and sending it.
 *
 * What visitors have sent must never act as a page of this site: the type is told by the bytes themselves,
 * the browser may guess no other, and the policy lets it run nothing. */
#include <fcntl.h>
#include <unistd.h>

#include "handlers/board_internal.h"
#include "handlers/page.h"

enum { HEAD_BYTES = 16, HASH_SHOWN = 16 };

const char *pst_board_picture_type(const char *head, size_t len)
{
    struct pst_slice h = pst_slice_of(head, len);
    if (pst_slice_starts(h, PST_SLICE("\x89PNG\r\n\x1a\n")))
        return "image/png";
    if (pst_slice_starts(h, PST_SLICE("\xff\xd8\xff")))
        return "image/jpeg";
    if (pst_slice_starts(h, PST_SLICE("GIF87a")) || pst_slice_starts(h, PST_SLICE("GIF89a")))
        return "image/gif";
    if (len >= 12 && pst_slice_starts(h, PST_SLICE("RIFF")) && memcmp(head + 8, "WEBP", 4) == 0)
        return "image/webp";
    return NULL;
}

struct picture_task {
    struct pst_board_task task;
    uint64_t id;
    int err, fd; /* fd -1: none */
    const char *type;
    struct pst_post_file file;
};

static void open_picture(struct pst_job *job)
{
    struct picture_task *p = (struct picture_task *)job;
    const struct pst_board *board = p->task.board;
    char head[HEAD_BYTES];
    p->err = pst_store_open_file(board->store, board->box, p->id, 1, &p->fd, &p->file, NULL, 0);
    if (p->err) {
        p->fd = -1;
        return;
    }
    ssize_t len = pread(p->fd, head, sizeof head, 0);
    p->type = len > 0 ? pst_board_picture_type(head, (size_t)len) : NULL;
}

/* Whether the address names these contents, so that they may be kept for ever. */
static bool is_exact(const struct pst_exchange *ex, const struct pst_post_file *file)
{
    struct pst_slice query = pst_exchange_query(ex);
    return query.len == 2 + HASH_SHOWN && pst_slice_starts(query, PST_SLICE("v=")) &&
           memcmp(query.ptr + 2, file->hash, HASH_SHOWN) == 0;
}

static int add_fields(struct pst_exchange *ex, const struct picture_task *p, struct pst_slice etag)
{
    const struct {
        struct pst_slice name, value;
    } fields[] = {
        {PST_SLICE("ETag"), etag},
        {PST_SLICE("Cache-Control"),
         is_exact(ex, &p->file) ? PST_SLICE("public, max-age=31536000, immutable") : PST_SLICE("no-cache")},
        {PST_SLICE("Content-Type"), pst_slice_str(p->type)},
        {PST_SLICE("Content-Disposition"), PST_SLICE("inline")},
        {PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff")},
        {PST_SLICE("Content-Security-Policy"), PST_SLICE("default-src 'none'; sandbox")},
        {PST_SLICE("Cross-Origin-Resource-Policy"), PST_SLICE("same-origin")},
    };
    int err = etag.ptr ? 0 : PST_E_NOMEM;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !err; i++)
        err = pst_reply_field_ref(ex, fields[i].name, fields[i].value);
    return err;
}

static void reply_picture(struct pst_exchange *ex, struct picture_task *p)
{
    struct pst_slice match, etag = pst_exchange_printf(ex, "\"%.16s\"", p->file.hash);
    int err = add_fields(ex, p, etag);
    /* RFC 9110 13.1.2 If-None-Match */
    if (!err && pst_exchange_field(ex, "If-None-Match", &match) && pst_http_etag_weak_match(match, etag)) {
        err = pst_reply_status(ex, 304);
        if (!err)
            err = pst_reply_empty(ex);
    } else if (!err) {
        int fd = p->fd;
        p->fd = -1;
        err = pst_reply_file(ex, fd, 0, p->file.size);
    }
    if (err)
        pst_page_give_up(ex);
}

static void picture_opened(struct pst_job *job)
{
    struct picture_task *p = (struct picture_task *)job;
    struct pst_exchange *ex = pst_board_task_end(&p->task);
    if (ex) {
        if (!p->err && p->type)
            reply_picture(ex, p);
        else
            (void)pst_reply_error(ex, !p->err || p->err == PST_E_NOENT ? 404 : 500);
    }
    if (p->fd >= 0)
        (void)close(p->fd);
    free(p);
}

void pst_board_reply_picture(struct pst_board *board, struct pst_exchange *ex, uint64_t id)
{
    struct picture_task *p = pst_board_task_new(board, ex, sizeof *p);
    if (!p)
        return;
    p->id = id;
    p->fd = -1;
    p->task.job.run = open_picture;
    p->task.job.done = picture_opened;
    pst_job_offload(&p->task.job, pst_exchange_worker(ex));
}
