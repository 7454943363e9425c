/* posts_file.c - a posted file on its way back: opened by a job, sent with sendfile where that can be. */
#include "handlers/posts_file.h"

#include <postern/job.h>

#include "handlers/page.h"
#include "handlers/posts_reading.h"
#include "handlers/static_conditions.h"

/* Nothing that was posted may act as a page of this site, should a browser show it all the same. */
#define FILE_POLICY "sandbox; default-src 'none'"

/* ---- off the loop ---- */

static void open_file(struct pst_reading *r)
{
    struct pst_store *store = r->posts->store;
    struct pst_post_query query = {.box = r->path.box, .id = r->path.id, .limit = 1};
    int err = pst_store_read(store, &query, &r->file.page);
    if (err) {
        pst_reading_fail(r, err);
        return;
    }
    const struct pst_post *post = r->file.page->count > 0 ? r->file.page->posts : NULL;
    for (size_t i = 0; post && i < post->file_count; i++)
        if (post->files[i].number == r->path.file)
            r->file.file = &post->files[i];
    err = PST_E_NOENT;
    if (r->file.file)
        err = pst_store_open_file(store, r->path.box, r->path.id, r->path.file, &r->file.fd, NULL, NULL, 0);
    if (err == PST_E_NOENT)
        pst_reading_refuse(r, 404, "There is no such file in this box; its post may have been deleted.");
    else if (err)
        pst_reading_fail(r, err);
}

/* ---- on the loop ---- */

struct file_reply {
    struct pst_reading *r;
    struct pst_static_target target;
};

/* What a 304 has, too. A file's contents never change, but it may be deleted, and who may read it may change:
 * so it is kept, but asked for each time. */
static int add_validators(struct pst_exchange *ex, const void *arg)
{
    const struct file_reply *reply = arg;
    int err = pst_reply_field_ref(ex, PST_SLICE("ETag"), reply->target.etag);
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"),
                                  reply->r->view.is_public ? PST_SLICE("no-cache")
                                                           : PST_SLICE("private, no-cache"));
    return err;
}

static int add_disposition(struct pst_reading *r)
{
    struct pst_text text = {0};
    pst_posts_add_disposition(&text, r->file.file->file_name);
    int err = text.failed ? PST_E_NOMEM
                          : pst_reply_field(r->ex, "Content-Disposition", pst_slice_of(text.ptr, text.len));
    pst_text_free(&text);
    return err;
}

static int add_fields(struct pst_exchange *ex, const void *arg)
{
    const struct file_reply *reply = arg;
    const struct pst_static_target *target = &reply->target;
    struct pst_reading *r = reply->r;
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"),
                                  pst_slice_str(pst_posts_safe_type(r->file.file->type)));
    if (!err)
        err = add_disposition(r);
    if (!err)
        err = add_validators(ex, reply);
    /* RFC 9110 8.8.2.1: never a date in the future. */
    if (!err && target->modified <= pst_exchange_unix_time(ex)) {
        char date[PST_HTTP_DATE_BYTES];
        pst_http_date_write(date, target->modified);
        err = pst_reply_field(ex, "Last-Modified", pst_slice_of(date, sizeof date));
    }
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Accept-Ranges"), PST_SLICE("bytes"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Content-Security-Policy"), PST_SLICE(FILE_POLICY));
    if (!err && !r->view.is_public)
        err = pst_reply_field_ref(ex, PST_SLICE("Cross-Origin-Resource-Policy"), PST_SLICE("same-origin"));
    return err;
}

static bool answer_file(struct pst_reading *r)
{
    const struct file_reply reply = {
        .r = r,
        .target = {.etag = pst_exchange_printf(r->ex, "\"%s\"", r->file.file->hash),
                   .modified = r->file.page->posts->time_ms / 1000,
                   .size = r->file.file->size},
    };
    const struct pst_static_fields fields = {add_validators, add_fields, &reply};
    uint64_t offset = 0, len = 0;
    if (!reply.target.etag.ptr) {
        pst_page_give_up(r->ex);
    } else if (pst_static_begin(r->ex, &reply.target, &fields, &offset, &len)) {
        int fd = r->file.fd;
        r->file.fd = -1;
        if (pst_reply_file(r->ex, fd, offset, len) != 0)
            pst_page_give_up(r->ex);
    }
    return false;
}

const struct pst_reading_kind pst_reading_file = {open_file, answer_file};
