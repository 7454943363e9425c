/* posts_list.c - what is read of the boxes in one piece: all boxes, a page of one, one post. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/page.h"
#include "handlers/post_format.h"
#include "handlers/posts_reading.h"

/* A page is read in slices, and ends early where its posts are large: so neither the store's answer nor the
 * page itself grows with the limit times the largest post. */
enum { SLICE_POSTS = 16, PAGE_BYTES = 2 << 20 };

static bool is_html(const struct pst_reading *r)
{
    return r->query.format == PST_POSTS_HTML;
}

static bool reply_text(struct pst_reading *r)
{
    pst_posts_reply(r->ex, &r->text, is_html(r) ? "text/html; charset=utf-8" : "application/json",
                    r->view.is_public);
    return false;
}

/* ---- a box ---- */

static void add_next_url(struct pst_text *t, const struct pst_reading *r)
{
    pst_text_addf(t, "%s%s?before=%" PRIu64, r->prefix, r->name, r->next);
    if (r->query.limit > 0)
        pst_text_addf(t, "&limit=%" PRIu64, r->query.limit);
    if (r->is_format_said)
        pst_text_adds(t, is_html(r) ? "&format=html" : "&format=json");
}

static void begin_box(struct pst_reading *r, uint64_t count)
{
    if (is_html(r)) {
        pst_posts_page_begin(&r->text, &r->view, r->name);
        pst_posts_page_box(&r->text, &r->view, count);
    } else {
        pst_text_addf(&r->text, "{\"box\":\"%s\",\"count\":%" PRIu64 ",\"posts\":[", r->name, count);
    }
}

static void add_post(struct pst_reading *r, const struct pst_post *post, bool is_first)
{
    if (is_html(r)) {
        pst_posts_page_post(&r->text, &r->view, post, false);
        return;
    }
    pst_text_adds(&r->text, is_first ? "\n" : ",\n");
    pst_post_add_json(&r->text, post, r->post_prefix, r->view.is_local);
}

static void end_box(struct pst_reading *r, uint64_t count)
{
    if (is_html(r)) {
        pst_posts_page_pager(&r->text, &r->view, r->query.before == 0, r->next, r->query.limit);
        if (r->view.is_local && count == 0)
            pst_posts_page_how(&r->text, &r->view);
        pst_posts_page_end(&r->text);
        return;
    }
    struct pst_text next = {0};
    pst_text_adds(&r->text, "\n],\"next\":");
    if (r->next > 0) {
        add_next_url(&next, r);
        r->text.failed |= next.failed;
        pst_text_add_json(&r->text, pst_slice_of(next.ptr, next.len));
        pst_text_free(&next);
    } else {
        pst_text_adds(&r->text, "null");
    }
    pst_text_adds(&r->text, "}\n");
}

static void read_box(struct pst_reading *r)
{
    uint64_t left = r->query.limit > 0 ? r->query.limit : PST_POSTS_PAGE, shown = 0, total = 0;
    struct pst_post_query query = {.box = r->path.box, .below = r->query.before};
    bool is_more = true;
    for (bool is_first = true; left > 0 && is_more && r->text.len < PAGE_BYTES; is_first = false) {
        struct pst_post_page *page = NULL;
        query.limit = left < SLICE_POSTS ? (unsigned)left : SLICE_POSTS;
        int err = pst_store_read(r->posts->store, &query, &page);
        if (err) {
            pst_reading_fail(r, err);
            return;
        }
        if (is_first && !page->is_box && !r->view.rules) {
            pst_post_page_free(page);
            pst_reading_refuse(r, 404, "There is no box of this name.");
            return;
        }
        if (is_first) {
            total = page->box_count;
            begin_box(r, total);
        }
        size_t added = 0;
        for (; added < page->count && r->text.len < PAGE_BYTES; added++) {
            add_post(r, &page->posts[added], shown++ == 0);
            query.below = page->posts[added].id;
        }
        left -= added < left ? added : left;
        is_more = added < page->count || (page->is_more && page->count > 0);
        pst_post_page_free(page);
    }
    r->next = is_more ? query.below : 0;
    end_box(r, total);
}

static bool answer_box(struct pst_reading *r)
{
    /* RFC 8288 */
    struct pst_text link = {0};
    int err = 0;
    if (r->next > 0) {
        pst_text_adds(&link, "<");
        add_next_url(&link, r);
        pst_text_adds(&link, ">; rel=\"next\"");
        err = link.failed ? PST_E_NOMEM : pst_reply_field(r->ex, "Link", pst_slice_of(link.ptr, link.len));
        pst_text_free(&link);
    }
    if (err) {
        pst_page_give_up(r->ex);
        return false;
    }
    return reply_text(r);
}

const struct pst_reading_kind pst_reading_box = {read_box, answer_box};

/* ---- one post ---- */

static void write_post(struct pst_reading *r, const struct pst_post *post)
{
    char title[100];
    if (!is_html(r)) {
        pst_post_add_json(&r->text, post, r->post_prefix, r->view.is_local);
        pst_text_adds(&r->text, "\n");
        return;
    }
    (void)snprintf(title, sizeof title, "%s, post %" PRIu64, r->name, post->id);
    pst_posts_page_begin(&r->text, &r->view, title);
    pst_text_adds(&r->text, "<p><a href=\"");
    pst_text_add_html(&r->text, pst_slice_str(r->prefix));
    pst_text_addf(&r->text, "%s\">All posts of %s</a></p>\n", r->name, r->name);
    pst_posts_page_post(&r->text, &r->view, post, true);
    pst_posts_page_end(&r->text);
}

static void read_post(struct pst_reading *r)
{
    struct pst_post_page *page = NULL;
    struct pst_post_query query = {.box = r->path.box, .id = r->path.id, .limit = 1};
    int err = pst_store_read(r->posts->store, &query, &page);
    if (err) {
        pst_reading_fail(r, err);
        return;
    }
    if (page->count == 0)
        pst_reading_refuse(r, 404, "There is no such post in this box; it may have been deleted.");
    else
        write_post(r, &page->posts[0]);
    pst_post_page_free(page);
}

const struct pst_reading_kind pst_reading_post = {read_post, reply_text};

/* ---- all boxes ---- */

static int compare_boxes(const void *left, const void *right)
{
    const struct pst_box_info *a = left, *b = right;
    return strcmp(a->name, b->name);
}

/* Those that the store has and those that were declared, by name; free() it. *boxes: the store's. */
static int add_declared(const struct pst_posts *posts, struct pst_box_info **boxes, size_t *count)
{
    size_t declared = 0, stored = *count;
    for (const struct pst_box *box = posts->boxes; box; box = box->following)
        declared++;
    if (stored + declared == 0)
        return 0;
    struct pst_box_info *all = realloc(*boxes, (stored + declared) * sizeof *all);
    if (!all)
        return PST_E_NOMEM;
    *boxes = all;
    for (const struct pst_box *box = posts->boxes; box; box = box->following) {
        struct pst_box_info info = {.count = 0};
        (void)snprintf(info.name, sizeof info.name, "%.*s", PST_FMT(box->name));
        if (stored == 0 || !bsearch(&info, all, stored, sizeof info, compare_boxes))
            all[(*count)++] = info;
    }
    qsort(all, *count, sizeof *all, compare_boxes);
    return 0;
}

static void add_box_json(struct pst_reading *r, const struct pst_box_info *box, const struct pst_box *rules)
{
    struct pst_text *t = &r->text;
    pst_text_addf(t, "{\"name\":\"%s\",\"count\":%" PRIu64 ",\"bytes\":%" PRIu64 ",\"newest\":", box->name,
                  box->count, box->bytes);
    if (box->count > 0) {
        char when[PST_POST_TIME_BYTES];
        pst_post_time(when, box->last_time_ms);
        pst_text_addf(t, "\"%s\"", when);
    } else {
        pst_text_adds(t, "null");
    }
    pst_text_addf(t, ",\"declared\":%s,\"public\":%s,\"url\":\"%s%s\"}", rules ? "true" : "false",
                  rules && rules->is_public ? "true" : "false", r->prefix, box->name);
}

static void write_boxes(struct pst_reading *r, const struct pst_box_info *boxes, size_t count)
{
    struct pst_text *t = &r->text;
    if (is_html(r)) {
        pst_posts_page_begin(t, &r->view, "Boxes");
        if (count == 0)
            pst_posts_page_no_boxes(t, &r->view, r->posts->options.auto_boxes);
        else
            pst_posts_page_boxes(t);
    } else {
        pst_text_adds(t, "{\"boxes\":[");
    }
    for (size_t i = 0; i < count; i++) {
        const struct pst_box *rules = pst_posts_find_box(r->posts, pst_slice_str(boxes[i].name));
        if (is_html(r)) {
            pst_posts_page_boxes_row(t, &r->view, &boxes[i], rules && rules->is_public);
        } else {
            pst_text_adds(t, i > 0 ? ",\n" : "\n");
            add_box_json(r, &boxes[i], rules);
        }
    }
    if (!is_html(r)) {
        pst_text_adds(t, "\n]}\n");
        return;
    }
    if (count > 0)
        pst_posts_page_boxes_end(t);
    pst_posts_page_end(t);
}

static void read_boxes(struct pst_reading *r)
{
    struct pst_box_info *boxes = NULL;
    size_t count = 0;
    int err = pst_store_boxes(r->posts->store, &boxes, &count);
    if (!err)
        err = add_declared(r->posts, &boxes, &count);
    if (err)
        pst_reading_fail(r, err);
    else
        write_boxes(r, boxes, count);
    free(boxes);
}

const struct pst_reading_kind pst_reading_boxes = {read_boxes, reply_text};
