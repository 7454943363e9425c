/* posts_reading.c - one request for something of the boxes, on its way to the store and back. */
#include "handlers/posts_reading.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <postern/json.h>

#include "handlers/negotiate.h"
#include "handlers/page.h"

/* ---- replies ---- */

int pst_posts_fields(struct pst_exchange *ex, bool is_public)
{
    static const struct {
        struct pst_slice name, value;
    } fields[] = {
        {{"X-Content-Type-Options", 22}, {"nosniff", 7}},
        {{"Referrer-Policy", 15}, {"same-origin", 11}},
        {{"Content-Security-Policy", 23}, {PST_POSTS_POLICY, sizeof PST_POSTS_POLICY - 1}},
        /* For this machine only: no other site's page may have it loaded by the browser here. */
        {{"Cross-Origin-Resource-Policy", 28}, {"same-origin", 11}},
    };
    size_t count = sizeof fields / sizeof fields[0] - (is_public ? 1 : 0);
    int err = 0;
    for (size_t i = 0; i < count && !err; i++)
        err = pst_reply_field_ref(ex, fields[i].name, fields[i].value);
    return err;
}

void pst_posts_reply(struct pst_exchange *ex, struct pst_text *text, const char *content_type, bool is_public)
{
    struct pst_slice body;
    if (!pst_page_keep(ex, text, &body)) {
        pst_page_give_up(ex);
        return;
    }
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"), pst_slice_str(content_type));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"),
                                  is_public ? PST_SLICE("no-cache") : PST_SLICE("no-store"));
    if (!err)
        err = pst_posts_fields(ex, is_public);
    if (!err)
        err = pst_reply_bytes(ex, body.ptr, body.len);
    if (err)
        pst_page_give_up(ex);
}

static bool wants_page(struct pst_exchange *ex, enum pst_posts_format format)
{
    static const char *const offered[] = {"application/json", "text/html"};
    return format == PST_POSTS_HTML || (format == PST_POSTS_ANY && pst_negotiate(ex, offered, 2) == 1);
}

void pst_posts_refuse(struct pst_exchange *ex, const struct pst_posts *posts, enum pst_posts_format format,
                      int status, const char *reason)
{
    struct pst_text text = {0};
    bool is_page = wants_page(ex, format);
    if (is_page) {
        struct pst_text prefix = {0};
        pst_text_add_percent(&prefix, pst_slice_str(posts->prefix), true);
        pst_text_add(&prefix, pst_slice_of("", 1));
        struct pst_posts_view view = {.prefix = prefix.failed ? "/" : prefix.ptr, .origin = ""};
        pst_posts_page_refusal(&text, &view, status, reason);
        pst_text_free(&prefix);
    } else {
        pst_text_addf(&text, "{\"error\":%d,\"reason\":", status);
        pst_text_add_json(&text, pst_slice_str(reason));
        pst_text_adds(&text, "}\n");
    }
    if (format == PST_POSTS_ANY) /* one field less, where memory has run out, does no harm */
        (void)pst_reply_field_ref(ex, PST_SLICE("Vary"), PST_SLICE("Accept"));
    (void)pst_reply_status(ex, status);
    pst_posts_reply(ex, &text, is_page ? "text/html; charset=utf-8" : "application/json", false);
}

/* ---- a reading's life ---- */

void pst_reading_free(struct pst_reading *r)
{
    if (!r)
        return;
    if (r->file.fd >= 0)
        (void)close(r->file.fd);
    pst_post_page_free(r->file.page);
    free(r->stream.names);
    pst_text_free(&r->text);
    free(r->prefix);
    free(r->origin);
    free(r->post_prefix);
    free(r);
}

void pst_reading_refuse(struct pst_reading *r, int status, const char *reason)
{
    r->status = status;
    r->reason = reason;
}

void pst_reading_fail(struct pst_reading *r, int err)
{
    if (err == PST_E_NOMEM)
        pst_reading_refuse(r, 503, "The server has no memory left for this. Try again in a while.");
    else
        pst_reading_refuse(r, 500, "The store could not be read.");
}

static void on_gone(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    struct pst_reading *r = arg;
    (void)ex;
    (void)why;
    r->ex = NULL;
}

static void run(struct pst_job *job)
{
    struct pst_reading *r = (struct pst_reading *)(void *)job; /* its first member */
    r->kind->work(r);
}

static void done(struct pst_job *job)
{
    struct pst_reading *r = (struct pst_reading *)(void *)job;
    if (!r->ex) {
        pst_reading_free(r);
        return;
    }
    pst_exchange_on_end(r->ex, NULL, NULL);
    if (r->status != 0 || r->text.failed) {
        if (r->status == 0)
            pst_reading_fail(r, PST_E_NOMEM);
        pst_posts_refuse(r->ex, r->posts, r->query.format, r->status, r->reason);
        pst_reading_free(r);
    } else if (!r->kind->answer(r)) {
        pst_reading_free(r);
    }
}

/* How the visitor calls this site. It is shown as part of a command line: what a host name or an address
 * cannot have is not repeated. */
static char *origin_of(const struct pst_exchange *ex)
{
    static const char alphabet[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.:-[]";
    struct pst_slice scheme = pst_exchange_scheme(ex), host = pst_exchange_authority(ex);
    enum { LONGEST = 300 };
    for (size_t i = 0; i < host.len; i++)
        if (!memchr(alphabet, host.ptr[i], sizeof alphabet - 1))
            host.len = 0;
    if (host.len == 0 || host.len > LONGEST)
        host = PST_SLICE("localhost");
    size_t size = scheme.len + 3 + host.len + 1;
    char *origin = malloc(size);
    if (origin)
        (void)snprintf(origin, size, "%.*s://%.*s", PST_FMT(scheme), PST_FMT(host));
    return origin;
}

static struct pst_reading *make(struct pst_exchange *ex, struct pst_posts *posts,
                                const struct pst_reading_ask *ask)
{
    struct pst_reading *r = calloc(1, sizeof *r);
    struct pst_text prefix = {0}, post_prefix = {0};
    if (!r)
        return NULL;
    r->ex = ex;
    r->posts = posts;
    r->path = ask->path;
    r->query = ask->query;
    r->is_format_said = ask->is_format_said;
    r->file.fd = -1;
    (void)snprintf(r->name, sizeof r->name, "%.*s", PST_FMT(ask->path.box));
    r->path.box = pst_slice_str(r->name);
    pst_text_add_percent(&prefix, pst_slice_str(posts->prefix), true);
    pst_text_add(&prefix, pst_slice_of("", 1));
    r->prefix = prefix.ptr;
    pst_text_add_percent(&post_prefix, pst_slice_str(posts->prefix), true);
    pst_text_addf(&post_prefix, "%s/", r->name);
    r->post_prefix = post_prefix.ptr;
    r->origin = origin_of(ex);
    if (prefix.failed || post_prefix.failed || !r->origin) {
        pst_reading_free(r);
        return NULL;
    }
    r->view = (struct pst_posts_view){
        .prefix = r->prefix,
        .box = r->name[0] != '\0' ? r->name : NULL,
        .rules = r->name[0] != '\0' ? pst_posts_find_box(posts, r->path.box) : NULL,
        .origin = r->origin,
        .is_local = ask->is_local,
        .is_public = ask->is_public,
    };
    return r;
}

void pst_reading_begin(struct pst_exchange *ex, struct pst_posts *posts, const struct pst_reading_ask *ask,
                       const struct pst_reading_kind *kind)
{
    struct pst_reading *r = make(ex, posts, ask);
    if (!r) {
        pst_page_give_up(ex);
        return;
    }
    r->kind = kind;
    r->job.run = run;
    r->job.done = done;
    pst_exchange_on_end(ex, on_gone, r);
    pst_job_offload(&r->job, pst_exchange_worker(ex));
}
