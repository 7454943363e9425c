/* posts_read.c - the boxes' reading side: which request is for what, and who may. */
#include "handlers/posts.h"

#include <stdio.h>
#include <stdlib.h>

#include "handlers/assets.h"
#include "handlers/negotiate.h"
#include "handlers/page.h"
#include "handlers/posts_reading.h"
#include <postern/access.h>

/* What is said to somebody who may not read: the same whether there is such a box or not. */
#define NOT_LOCAL                                                                                            \
    "Only the person at the server's own machine may read this, at a local address and not through a "       \
    "proxy. A box that was declared public (--box NAME:public) may be read by anybody."

/* ---- who may ---- */

static bool is_public(const struct pst_posts *posts, const struct pst_posts_path *path)
{
    const struct pst_box *rules = path->box.len > 0 ? pst_posts_find_box(posts, path->box) : NULL;
    return rules && rules->is_public;
}

/* ---- GET ---- */

/* The kind of work, and the formats it has: the first so many of enum pst_posts_format. */
static const struct pst_reading_kind *kind_of(const struct pst_posts_path *path, size_t *ret_formats)
{
    *ret_formats = path->what == PST_POSTS_BOX ? PST_POSTS_FORMATS : PST_POSTS_HTML + 1;
    switch (path->what) {
    case PST_POSTS_BOXES:
        return &pst_reading_boxes;
    case PST_POSTS_BOX:
        return &pst_reading_box;
    case PST_POSTS_POST:
        return &pst_reading_post;
    default:
        return &pst_reading_file;
    }
}

/* The query, and Accept where that says no format. NULL, or the reason for 400. curl takes anything and gets
 * JSON, a browser asks for HTML by name; RFC 9110 12.5.1 lets a server disregard an Accept that it cannot
 * meet, so that also gets JSON. */
static const char *settle(struct pst_exchange *ex, struct pst_reading_ask *ask, size_t formats)
{
    static const char *const types[PST_POSTS_FORMATS] = {"application/json", "text/html", "text/csv",
                                                         "application/x-ndjson"};
    struct pst_slice query = pst_exchange_query(ex);
    char *scratch = pst_exchange_alloc(ex, query.len + 1);
    if (!scratch)
        return "The server has no memory left for this.";
    const char *why = pst_posts_query_read(query, scratch, &ask->query);
    if (why)
        return why;
    ask->is_format_said = ask->query.format != PST_POSTS_ANY;
    if (!ask->is_format_said) {
        int which = pst_negotiate(ex, types, formats);
        ask->query.format = which < 0 ? PST_POSTS_JSON : (enum pst_posts_format)which;
    }
    if (ask->query.format >= formats)
        return "Only a whole box has this format; here it is json or html.";
    if (ask->query.limit > PST_POSTS_PAGE_MAX &&
        (ask->query.format == PST_POSTS_HTML || ask->query.format == PST_POSTS_JSON))
        return "limit is at most 200; csv and ndjson have the whole box at once.";
    return NULL;
}

static void read_something(struct pst_exchange *ex, struct pst_posts *posts, struct pst_posts_path path)
{
    struct pst_reading_ask ask = {
        .path = path, .is_local = pst_access_is_local(ex), .is_public = is_public(posts, &path)};
    size_t formats = 0;
    const struct pst_reading_kind *kind = kind_of(&path, &formats);
    if (!ask.is_public && !ask.is_local) {
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 403, NOT_LOCAL);
        return;
    }
    if (path.what == PST_POSTS_FILE) { /* it is what it is */
        ask.query.format = PST_POSTS_ANY;
        pst_reading_begin(ex, posts, &ask, kind);
        return;
    }
    const char *why = settle(ex, &ask, formats);
    if (why)
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 400, why);
    else if (pst_reply_field_ref(ex, PST_SLICE("Vary"), PST_SLICE("Accept")) != 0)
        pst_page_give_up(ex);
    else
        pst_reading_begin(ex, posts, &ask, ask.query.format > PST_POSTS_HTML ? &pst_reading_export : kind);
}

static void on_get(struct pst_exchange *ex, void *arg)
{
    struct pst_posts *posts = arg;
    struct pst_posts_path path = pst_posts_path_read(pst_exchange_rest(ex));
    switch (path.what) {
    case PST_POSTS_STYLE:
        pst_asset_reply(ex, pst_asset_find(PST_SLICE(PST_POSTS_SHEET)));
        break;
    case PST_POSTS_THANKS:
        pst_posts_thanks(ex, posts, path.box);
        break;
    case PST_POSTS_NOTHING:
    case PST_POSTS_DELETE:
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 404, "There is nothing of this name here.");
        break;
    default:
        read_something(ex, posts, path);
        break;
    }
}

/* ---- removing ---- */

static void delete_post(struct pst_reading *r)
{
    int err = pst_store_delete(r->posts->store, r->path.box, r->path.id);
    if (err == PST_E_NOENT)
        pst_reading_refuse(r, 404, "There is no such post in this box; it may have been deleted before.");
    else if (err)
        pst_reading_refuse(r, err == PST_E_NOMEM ? 503 : 500, "The post could not be deleted.");
}

static bool answer_empty(struct pst_reading *r)
{
    if (pst_reply_status(r->ex, 204) != 0 || pst_posts_fields(r->ex, false) != 0 ||
        pst_reply_empty(r->ex) != 0)
        pst_page_give_up(r->ex);
    return false;
}

/* 303: the browser fetches the list, and reloading that deletes nothing again. */
static bool answer_list(struct pst_reading *r)
{
    struct pst_slice list = pst_slice_of(r->post_prefix, strlen(r->post_prefix) - 1);
    if (pst_reply_redirect(r->ex, 303, list) != 0)
        pst_page_give_up(r->ex);
    return false;
}

static void delete_something(struct pst_exchange *ex, struct pst_posts *posts, struct pst_posts_path path,
                             const struct pst_reading_kind *kind)
{
    struct pst_reading_ask ask = {.path = path,
                                  .query.format = PST_POSTS_ANY,
                                  .is_local = pst_access_is_local(ex),
                                  .is_public = is_public(posts, &path)};
    if (!ask.is_local)
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 403,
                         "Only the person at the server's own machine may delete posts, at a local address "
                         "and not through a proxy.");
    else if (!pst_access_is_same_site(ex, NULL, 0))
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 403, "A page of another site may not delete posts.");
    else
        pst_reading_begin(ex, posts, &ask, kind);
}

static void on_delete(struct pst_exchange *ex, void *arg)
{
    static const struct pst_reading_kind kind = {delete_post, answer_empty};
    struct pst_posts *posts = arg;
    struct pst_posts_path path = pst_posts_path_read(pst_exchange_rest(ex));
    if (path.what == PST_POSTS_POST)
        delete_something(ex, posts, path, &kind);
    else
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 404, "Only single posts can be deleted.");
}

void pst_posts_read_button(struct pst_exchange *ex, struct pst_posts *posts)
{
    static const struct pst_reading_kind kind = {delete_post, answer_list};
    struct pst_posts_path path = pst_posts_path_read(pst_exchange_rest(ex));
    if (path.what == PST_POSTS_DELETE)
        delete_something(ex, posts, path, &kind);
    else
        pst_posts_refuse(ex, posts, PST_POSTS_ANY, 404, "There is nothing of this name here to post to.");
}

/* ---- mounting ---- */

static int mount(struct pst_posts *posts, struct pst_server *server, const char *method, const char *prefix,
                 void (*on_request)(struct pst_exchange *ex, void *arg))
{
    size_t size = strlen(method) + strlen(prefix) + 3;
    char *pattern = malloc(size);
    if (!pattern)
        return PST_E_NOMEM;
    (void)snprintf(pattern, size, "%s %s*", method, prefix);
    int err = pst_server_handle(server, pattern, on_request, posts);
    free(pattern);
    return err;
}

int pst_posts_read_mount(struct pst_posts *posts, struct pst_server *server, const char *prefix)
{
    int err = mount(posts, server, "GET", prefix, on_get);
    return err ? err : mount(posts, server, "DELETE", prefix, on_delete);
}
