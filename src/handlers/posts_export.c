/* posts_export.c - a whole box as CSV or NDJSON, in constant memory: a piece of text at a time is made by a
 * job, and given out as the peer takes it. New posts do not disturb: it goes from the newest towards the
 * oldest. */
#include <stdint.h>

#include "handlers/page.h"
#include "handlers/post_format.h"
#include "handlers/posts_reading.h"

enum { SLICE_POSTS = 16, PIECE_BYTES = 65536, KEPT_BYTES = 4 * PIECE_BYTES };

/* ---- off the loop: a piece ---- */

/* The names are read after the first posts, so that they have all of theirs; what follows is older. */
static int begin(struct pst_reading *r, const struct pst_post_page *page)
{
    r->stream.is_begun = true;
    if (!page->is_box && !r->view.rules) {
        pst_reading_refuse(r, 404, "There is no box of this name.");
        return 0;
    }
    if (r->query.format != PST_POSTS_CSV)
        return 0;
    int err = pst_store_field_names(r->posts->store, r->path.box, PST_POST_CSV_NAMES + 1, &r->stream.names);
    if (!err)
        pst_post_add_csv_head(&r->text, r->stream.names);
    return err;
}

static void add_post(struct pst_reading *r, const struct pst_post *post)
{
    if (r->query.format == PST_POSTS_CSV) {
        pst_post_add_csv(&r->text, post, r->stream.names);
        return;
    }
    pst_post_add_json(&r->text, post, r->post_prefix, r->view.is_local);
    pst_text_adds(&r->text, "\n");
}

/* How many posts to read at once: fewer, where those before were so large that not all of them fitted. */
static void fit_slice(struct pst_reading *r, size_t added, size_t count)
{
    if (added == 0) /* CSV's head alone may fill a piece */
        return;
    r->stream.slice = added < count ? (unsigned)added : r->stream.slice * 2;
    if (r->stream.slice > SLICE_POSTS)
        r->stream.slice = SLICE_POSTS;
}

static int add_slice(struct pst_reading *r)
{
    struct pst_post_query query = {
        .box = r->path.box,
        .below = r->stream.below,
        .limit = r->stream.left < r->stream.slice ? (unsigned)r->stream.left : r->stream.slice,
    };
    size_t added = 0;
    struct pst_post_page *page = NULL;
    int err = pst_store_read(r->posts->store, &query, &page);
    if (err)
        return err;
    if (!r->stream.is_begun)
        err = begin(r, page);
    /* A post may take megabytes, and six times that as JSON: no more than one over the piece's end. */
    for (; added < page->count && !err && r->status == 0 && r->text.len < PIECE_BYTES; added++) {
        add_post(r, &page->posts[added]);
        r->stream.below = page->posts[added].id;
    }
    r->stream.left -= added < r->stream.left ? added : r->stream.left;
    r->stream.is_last = (added == page->count && !page->is_more) || page->count == 0 || r->stream.left == 0;
    fit_slice(r, added, page->count);
    pst_post_page_free(page);
    return err;
}

static void make_piece(struct pst_reading *r)
{
    int err = 0;
    r->text.len = r->stream.sent = 0;
    if (!r->stream.is_begun) {
        r->stream.below = r->query.before;
        r->stream.slice = SLICE_POSTS;
        r->stream.left = r->query.limit > 0 ? r->query.limit : UINT64_MAX;
    }
    do
        err = add_slice(r);
    while (!err && r->status == 0 && !r->stream.is_last && !r->text.failed && r->text.len < PIECE_BYTES);
    if (err)
        pst_reading_fail(r, err);
}

/* ---- on the loop: handing it out ---- */

/* A piece came back; the reply's head was sent before. */
static void piece_done(struct pst_job *job)
{
    struct pst_reading *r = (struct pst_reading *)(void *)job; /* its first member */
    r->stream.is_running = false;
    if (r->stream.is_closed)
        pst_reading_free(r);
    else
        pst_exchange_wake(r->ex);
}

static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct pst_reading *r = ctx;
    *ret_len = 0;
    if (r->stream.is_running)
        return PST_SOURCE_MORE;
    if (r->status != 0 || r->text.failed) /* too late for another reply: the peer sees that it was cut */
        return PST_SOURCE_FAIL;
    size_t len = r->text.len - r->stream.sent;
    if (len > cap)
        len = cap;
    if (len > 0)
        memcpy(dst, r->text.ptr + r->stream.sent, len);
    r->stream.sent += len;
    *ret_len = len;
    if (r->stream.sent < r->text.len)
        return PST_SOURCE_MORE;
    if (r->stream.is_last)
        return PST_SOURCE_END;
    if (len > 0)
        return PST_SOURCE_MORE;
    if (r->text.cap > KEPT_BYTES) /* some posts were large */
        pst_text_free(&r->text);
    r->stream.is_running = true;
    pst_job_offload(&r->job, pst_exchange_worker(r->ex));
    return PST_SOURCE_MORE;
}

static void on_close(void *ctx)
{
    struct pst_reading *r = ctx;
    r->ex = NULL;
    r->stream.is_closed = true;
    if (!r->stream.is_running)
        pst_reading_free(r);
}

static bool answer(struct pst_reading *r)
{
    static const struct pst_source source = {pull, on_close};
    struct pst_exchange *ex = r->ex;
    bool is_csv = r->query.format == PST_POSTS_CSV;
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"),
                                  is_csv ? PST_SLICE("text/csv; charset=utf-8; header=present")
                                         : PST_SLICE("application/x-ndjson"));
    if (!err)
        err = pst_reply_fieldf(ex, "Content-Disposition", "attachment; filename=\"%s.%s\"", r->name,
                               is_csv ? "csv" : "ndjson");
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"),
                                  r->view.is_public ? PST_SLICE("no-cache") : PST_SLICE("no-store"));
    if (!err)
        err = pst_posts_fields(ex, r->view.is_public);
    if (err) {
        pst_page_give_up(ex);
        return false;
    }
    r->job.done = piece_done;
    /* From here on r may go at any time, even in this call. */
    if (pst_reply_source(ex, &source, r, r->stream.is_last ? (int64_t)r->text.len : -1) != 0)
        pst_page_give_up(ex);
    return true;
}

const struct pst_reading_kind pst_reading_export = {make_piece, answer};
