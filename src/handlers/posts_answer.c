/* posts_answer.c - see posts_answer.h. */
#include "handlers/posts_answer.h"

#include <stdio.h>

#include <postern/access.h>
#include <postern/http.h>
#include <postern/json.h>

#include "handlers/origin.h"
#include "handlers/page.h"
#include "handlers/post_format.h"

/* An answer to a post is nobody else's. Pages of forms post with the origin "null" where their policy is
 * no-referrer, and that is refused: so "same-origin" here, as an example to them. */
static int common_fields(struct pst_exchange *ex)
{
    int err = pst_reply_field_ref(ex, PST_SLICE("Referrer-Policy"), PST_SLICE("same-origin"));
    return err ? err : pst_reply_field_ref(ex, PST_SLICE("Vary"), PST_SLICE("Accept"));
}

static void reply_page(struct pst_exchange *ex, struct pst_text *page)
{
    pst_page_end(page);
    pst_page_reply(ex, page, "text/html; charset=utf-8", "no-store");
}

/* ---- stored ---- */

/* PREFIX NAME, as it stands in a URL. */
static void add_box_url(struct pst_text *t, const struct pst_posts *posts, struct pst_slice name)
{
    pst_text_add_percent(t, pst_slice_str(posts->prefix), true);
    pst_text_add_percent(t, name, false);
}

static int reply_stored_json(struct pst_exchange *ex, struct pst_slice url, struct pst_slice name,
                             const struct pst_submission_outcome *outcome)
{
    struct pst_json json = {0};
    char time[PST_POST_TIME_BYTES];
    int64_t time_ms = outcome->is_spam ? pst_exchange_unix_time(ex) * 1000 : outcome->receipt.time_ms;
    pst_post_time(time, time_ms);
    pst_json_object(&json);
    if (!outcome->is_spam) {
        pst_json_name(&json, "id");
        pst_json_uint(&json, outcome->receipt.id);
    }
    pst_json_name(&json, "box");
    pst_json_string(&json, name);
    pst_json_name(&json, "time");
    pst_json_string(&json, pst_slice_str(time));
    if (!outcome->is_spam) {
        pst_json_name(&json, "url");
        pst_json_string(&json, url);
    }
    pst_json_end_object(&json);
    int err = pst_reply_status(ex, 201);
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), PST_SLICE("no-store"));
    if (!err && !outcome->is_spam)
        err = pst_reply_field(ex, "Location", url);
    if (err) {
        pst_json_free(&json);
        return err;
    }
    return pst_reply_json(ex, &json);
}

void pst_posts_answer_stored(struct pst_exchange *ex, const struct pst_posts *posts, struct pst_slice name,
                             struct pst_slice next, const struct pst_submission_outcome *outcome)
{
    struct pst_text url = {0};
    bool is_json = pst_access_wants_json(ex);
    add_box_url(&url, posts, name);
    if (is_json)
        pst_text_addf(&url, "/%llu", (unsigned long long)outcome->receipt.id);
    else
        pst_text_adds(&url, "/thanks");
    struct pst_slice location = is_json || next.len == 0 ? pst_slice_of(url.ptr, url.len) : next;
    int err = url.failed ? PST_E_NOMEM : common_fields(ex);
    if (!err)
        err =
            is_json ? reply_stored_json(ex, location, name, outcome) : pst_reply_redirect(ex, 303, location);
    pst_text_free(&url);
    if (err)
        pst_page_give_up(ex);
}

void pst_posts_thanks(struct pst_exchange *ex, const struct pst_posts *posts, struct pst_slice name)
{
    struct pst_text page = {0};
    (void)posts;
    (void)name;
    pst_page_begin(&page, PST_SLICE("Thank you"));
    pst_text_adds(
        &page,
        "<p>What you sent has arrived, and is kept.</p>\n<p><a href=\"/\">To the first page</a></p>\n");
    if (common_fields(ex) != 0) {
        pst_text_free(&page);
        pst_page_give_up(ex);
        return;
    }
    reply_page(ex, &page);
}

/* ---- refused ---- */

static const char *advice(int status)
{
    switch (status) {
    case 403:
        return "If the form is yours: its site has to be allowed with from= where the box is declared.";
    case 404:
        return "Nothing was stored.";
    case 413:
        return "Nothing was stored. Send less, or smaller files.";
    case 429:
        return "Nothing was stored.";
    case 503:
    case 507:
        return "Try again later; if it stays so, tell whoever runs this site.";
    default:
        return "Nothing was stored. What you typed should still be there when you go back.";
    }
}

/* The page that the visitor came from, where it is one of this site: its path. Never an address elsewhere. */
static struct pst_slice path_back(const struct pst_exchange *ex)
{
    struct pst_origin from, own;
    struct pst_slice referer, path;
    if (!pst_exchange_field(ex, "Referer", &referer) || !pst_origin_read(referer, &from, &path) ||
        !pst_origin_of(pst_exchange_scheme(ex), pst_exchange_authority(ex), &own) ||
        !pst_origin_eq(&from, &own) || path.len == 0 || path.ptr[0] != '/')
        return PST_SLICE("");
    /* "//host" would be another site, and browsers take a backslash for a slash, and pass over tabs. */
    if (memchr(path.ptr, '\t', path.len))
        return PST_SLICE("");
    if (path.len > 1 && (path.ptr[1] == '/' || path.ptr[1] == '\\'))
        return PST_SLICE("");
    return path;
}

static void reply_refused_page(struct pst_exchange *ex, int status, const char *reason, unsigned retry_s)
{
    struct pst_text page = {0};
    struct pst_slice back = path_back(ex);
    const char *title = pst_status_text(status);
    pst_page_begin(&page, *title ? pst_slice_str(title) : PST_SLICE("Not stored"));
    pst_text_adds(&page, "<p>It was not taken: ");
    pst_text_add_html(&page, pst_slice_str(reason));
    pst_text_adds(&page, ".</p>\n<p>");
    pst_text_adds(&page, advice(status));
    if (retry_s > 0)
        pst_text_addf(&page, " Another try may succeed in %u second%s.", retry_s, retry_s == 1 ? "" : "s");
    pst_text_adds(&page, "</p>\n");
    if (back.len > 0) {
        pst_text_adds(&page, "<p><a href=\"");
        pst_text_add_html(&page, back);
        pst_text_adds(&page, "\">Back</a></p>\n");
    }
    (void)pst_reply_status(ex, status);
    reply_page(ex, &page);
}

void pst_posts_answer_refused(struct pst_exchange *ex, int status, const char *reason, unsigned retry_s)
{
    int err = common_fields(ex);
    if (!err && retry_s > 0)
        err = pst_reply_fieldf(ex, "Retry-After", "%u", retry_s);
    if (err) {
        pst_page_give_up(ex);
        return;
    }
    if (!pst_access_wants_json(ex)) {
        reply_refused_page(ex, status, reason, retry_s);
        return;
    }
    if (pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), PST_SLICE("no-store")) != 0 ||
        pst_reply_json_error(ex, status, reason) != 0)
        pst_page_give_up(ex);
}
