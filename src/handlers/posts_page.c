/* posts_page.c - the boxes' HTML pages: their frame, lists and hints. A post itself is in posts_page_post.c.
 */
#include "handlers/posts_page.h"

#include <inttypes.h>

#include "handlers/assets.h"
#include "handlers/post_format.h"
#include "handlers/posts_html.h"
#include "handlers/posts_path.h"

/* ---- small pieces ---- */

void pst_html_adds(struct pst_text *t, const char *s)
{
    pst_text_add_html(t, pst_slice_str(s));
}

void pst_html_add_url(struct pst_text *t, const struct pst_posts_view *view)
{
    pst_html_adds(t, view->prefix);
    if (view->box)
        pst_html_adds(t, view->box);
}

void pst_html_add_time(struct pst_text *t, int64_t time_ms)
{
    char when[PST_POST_TIME_BYTES];
    pst_post_time(when, time_ms);
    /* Cut at the seconds. UTC, as the server does not know where the visitor is. */
    pst_text_addf(t, "<time datetime=\"%s\">%.10s %.8s UTC</time>", when, when, when + 11);
}

void pst_html_add_size(struct pst_text *t, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        pst_text_addf(t, "%" PRIu64 " byte%s", bytes, bytes == 1 ? "" : "s");
        return;
    }
    size_t unit = 0;
    double value = (double)bytes / 1024;
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    pst_text_addf(t, "%.1f %s", value, units[unit]);
}

/* ---- the frame ---- */

void pst_posts_page_begin(struct pst_text *t, const struct pst_posts_view *view, const char *title)
{
    pst_text_adds(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    pst_html_adds(t, title);
    pst_text_adds(t, "</title>\n<link rel=\"stylesheet\" href=\"");
    pst_html_adds(t, view->prefix);
    pst_text_addf(t, PST_POSTS_STYLE_PATH "?v=%s", pst_asset_find(PST_SLICE(PST_POSTS_SHEET))->tag);
    pst_text_adds(t, "\">\n</head>\n<body>\n"
                     "<a class=\"skip\" href=\"#main\">Skip to the content</a>\n<div class=\"bar\">");
    if (view->is_local && view->box) {
        pst_text_adds(t, "<nav aria-label=\"Boxes\"><a href=\"");
        pst_html_adds(t, view->prefix);
        pst_text_adds(t, "\">All boxes</a></nav>");
    }
    pst_text_adds(t, "</div>\n<main id=\"main\" tabindex=\"-1\">\n<h1>");
    pst_html_adds(t, title);
    pst_text_adds(t, "</h1>\n");
}

void pst_posts_page_end(struct pst_text *t)
{
    pst_text_adds(t, "</main>\n</body>\n</html>\n");
}

/* ---- a box ---- */

void pst_posts_page_box(struct pst_text *t, const struct pst_posts_view *view, uint64_t count)
{
    if (count == 0) {
        pst_text_adds(t, "<p>Nothing has been posted here yet.</p>\n");
        return;
    }
    pst_text_addf(t, "<p class=\"soft\">%" PRIu64 " post%s, newest first. All as ", count,
                  count == 1 ? "" : "s");
    static const char *const formats[][2] = {{"csv", "CSV"}, {"ndjson", "NDJSON"}};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        pst_text_adds(t, i > 0 ? " or <a href=\"" : "<a href=\"");
        pst_html_add_url(t, view);
        pst_text_addf(t, "?format=%s\">%s</a>", formats[i][0], formats[i][1]);
    }
    pst_text_adds(t, view->is_public ? ". Anybody may read this.</p>\n"
                                     : ". Only at this machine can this be read.</p>\n");
}

void pst_posts_page_pager(struct pst_text *t, const struct pst_posts_view *view, bool is_first, uint64_t next,
                          uint64_t limit)
{
    if (is_first && next == 0)
        return;
    pst_text_adds(t, "<nav class=\"pager\" aria-label=\"Pages\">");
    if (!is_first) {
        pst_text_adds(t, "<a href=\"");
        pst_html_add_url(t, view);
        if (limit > 0)
            pst_text_addf(t, "?limit=%" PRIu64, limit);
        pst_text_adds(t, "\">Newest posts</a>");
    }
    if (next > 0) {
        pst_text_adds(t, "<a rel=\"next\" href=\"");
        pst_html_add_url(t, view);
        pst_text_addf(t, "?before=%" PRIu64, next);
        if (limit > 0)
            pst_text_addf(t, "&amp;limit=%" PRIu64, limit);
        pst_text_adds(t, "\">Older posts</a>");
    }
    pst_text_adds(t, "</nav>\n");
}

/* ---- how to post ---- */

enum { EXAMPLE_FIELDS = 6 };

/* Stands in a command line and in a page's source as it is. */
static bool is_word(struct pst_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if ((c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') && c != '_' && c != '-')
            return false;
    }
    return s.len > 0;
}

/* The names that an example of a form uses: the declared ones, where they are simple words. */
static size_t example_names(const struct pst_box *rules, struct pst_slice names[EXAMPLE_FIELDS])
{
    size_t n = 0;
    for (size_t i = 0; rules && i < rules->rules.field_count && n < EXAMPLE_FIELDS; i++)
        if (is_word(rules->rules.fields[i].name))
            names[n++] = rules->rules.fields[i].name;
    if (n == 0) {
        names[n++] = PST_SLICE("name");
        names[n++] = PST_SLICE("message");
    }
    return n;
}

void pst_posts_page_how(struct pst_text *t, const struct pst_posts_view *view)
{
    struct pst_slice names[EXAMPLE_FIELDS];
    size_t n = example_names(view->rules, names);
    bool takes_files = view->rules && view->rules->rules.max_files > 0;
    pst_text_adds(t,
                  "<section aria-labelledby=\"how\" class=\"card\">\n<h2 id=\"how\">How to post here</h2>\n"
                  "<p>With a form on any page of this site:</p>\n<pre><code>&lt;form method=\"post\" "
                  "action=\"");
    pst_html_add_url(t, view);
    pst_text_adds(t, takes_files ? "\" enctype=\"multipart/form-data\"&gt;\n" : "\"&gt;\n");
    for (size_t i = 0; i < n; i++)
        pst_text_addf(t, "  &lt;label&gt;%.*s &lt;input name=\"%.*s\"&gt;&lt;/label&gt;\n", PST_FMT(names[i]),
                      PST_FMT(names[i]));
    if (takes_files)
        pst_text_adds(t, "  &lt;input type=\"file\" name=\"file\" aria-label=\"File\"&gt;\n");
    pst_text_adds(t, "  &lt;button&gt;Send&lt;/button&gt;\n&lt;/form&gt;</code></pre>\n"
                     "<p>From a terminal:</p>\n<pre><code>curl");
    for (size_t i = 0; i < n; i++)
        pst_text_addf(t, " %s '%.*s=%s'", takes_files ? "--form" : "--data", PST_FMT(names[i]),
                      i == 0 ? "Ada" : "Hello");
    if (takes_files)
        pst_text_adds(t, " --form 'file=@picture.png'");
    pst_text_adds(t, " ");
    pst_html_adds(t, view->origin);
    pst_html_add_url(t, view);
    pst_text_adds(t, "</code></pre>\n</section>\n");
}

/* ---- all boxes ---- */

void pst_posts_page_boxes(struct pst_text *t)
{
    pst_text_adds(t,
                  "<p class=\"soft\">What forms have sent. Only at this machine can this list be read.</p>\n"
                  "<table>\n<thead><tr><th scope=\"col\">Box</th><th scope=\"col\" class=\"number\">Posts"
                  "</th><th scope=\"col\" class=\"number wide\">Size</th><th scope=\"col\">Newest</th>"
                  "<th scope=\"col\" class=\"wide\">Read by</th></tr></thead>\n<tbody>\n");
}

void pst_posts_page_boxes_row(struct pst_text *t, const struct pst_posts_view *view,
                              const struct pst_box_info *box, bool is_public)
{
    pst_text_adds(t, "<tr><th scope=\"row\"><a href=\"");
    pst_html_adds(t, view->prefix);
    pst_html_adds(t, box->name);
    pst_text_adds(t, "\">");
    pst_html_adds(t, box->name);
    pst_text_addf(t, "</a></th><td class=\"number\">%" PRIu64 "</td><td class=\"number wide\">", box->count);
    pst_html_add_size(t, box->bytes);
    pst_text_adds(t, "</td><td>");
    if (box->count > 0)
        pst_html_add_time(t, box->last_time_ms);
    pst_text_addf(t, "</td><td class=\"wide\">%s</td></tr>\n", is_public ? "anybody" : "this machine");
}

void pst_posts_page_boxes_end(struct pst_text *t)
{
    pst_text_adds(t, "</tbody>\n</table>\n");
}

void pst_posts_page_no_boxes(struct pst_text *t, const struct pst_posts_view *view, bool makes_boxes)
{
    if (!makes_boxes) {
        pst_text_adds(t,
                      "<p>There is no box yet. Start the server with <code>--box contact</code>, and a form "
                      "can post to it.</p>\n");
        return;
    }
    struct pst_posts_view example = *view;
    example.box = "contact";
    pst_text_adds(t, "<p>There is no box yet. The first post to one makes it.</p>\n");
    pst_posts_page_how(t, &example);
}

/* ---- nothing ---- */

void pst_posts_page_refusal(struct pst_text *t, const struct pst_posts_view *view, int status,
                            const char *reason)
{
    pst_posts_page_begin(t, view, pst_status_text(status));
    pst_text_adds(t, "<p>");
    pst_html_adds(t, reason);
    pst_text_addf(t, "</p>\n<p class=\"soft\">%d</p>\n", status);
    pst_posts_page_end(t);
}
