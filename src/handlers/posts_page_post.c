/* posts_page_post.c - one post in HTML: its fields, its body, its files. */
#include <inttypes.h>

#include "handlers/post_format.h"
#include "handlers/posts_file.h"
#include "handlers/posts_html.h"
#include "handlers/posts_page.h"

/* In a list, longer values are cut, and the post's own page has them whole. */
enum { LIST_VALUE_BYTES = 800 };
/* Longer JSON is shown as it came: with a line for each of its items it might become twenty times as long. */
enum { INDENTED_BYTES = 65536 };

/* ---- JSON ---- */

/* Deeper levels are not indented further: a text of brackets would become a thousand times as long. */
enum { INDENT_LEVELS = 16 };

static void new_line(struct pst_text *t, unsigned depth)
{
    static const char blanks[] = "                                ";
    unsigned levels = depth < INDENT_LEVELS ? depth : INDENT_LEVELS;
    pst_text_adds(t, "\n");
    pst_text_add(t, pst_slice_of(blanks, (size_t)levels * 2));
}

static size_t string_end(struct pst_slice json, size_t at)
{
    while (++at < json.len && json.ptr[at] != '"')
        at += json.ptr[at] == '\\';
    return at + 1 < json.len ? at + 1 : json.len;
}

static size_t skip_blanks(struct pst_slice json, size_t at)
{
    while (at < json.len &&
           (json.ptr[at] == ' ' || json.ptr[at] == '\t' || json.ptr[at] == '\n' || json.ptr[at] == '\r'))
        at++;
    return at;
}

void pst_html_add_json(struct pst_text *t, struct pst_slice json)
{
    unsigned depth = 0;
    size_t at = skip_blanks(json, 0);
    while (at < json.len && !t->failed) {
        char c = json.ptr[at];
        size_t end = c == '"' ? string_end(json, at) : at + 1;
        size_t next = skip_blanks(json, end);
        bool is_opening = c == '{' || c == '[';
        bool is_empty = is_opening && next < json.len && (json.ptr[next] == '}' || json.ptr[next] == ']');
        if (is_empty) {
            pst_text_adds(t, c == '{' ? "{}" : "[]");
            at = skip_blanks(json, next + 1);
            continue;
        }
        if ((c == '}' || c == ']') && depth > 0)
            new_line(t, --depth);
        pst_text_add_html(t, pst_slice_of(json.ptr + at, end - at));
        if (is_opening)
            new_line(t, ++depth);
        else if (c == ',')
            new_line(t, depth);
        else if (c == ':')
            pst_text_adds(t, " ");
        at = next;
    }
}

/* ---- values ---- */

/* Not in the middle of a character: continuation bytes are 10xxxxxx. */
static struct pst_slice cut(struct pst_slice value, bool is_alone)
{
    if (is_alone || value.len <= LIST_VALUE_BYTES)
        return value;
    size_t len = LIST_VALUE_BYTES;
    while (len > LIST_VALUE_BYTES - 4 && ((unsigned char)value.ptr[len] & 0xc0U) == 0x80U)
        len--;
    return pst_slice_of(value.ptr, len);
}

static void add_post_url(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post)
{
    pst_html_add_url(t, view);
    pst_text_addf(t, "/%" PRIu64, post->id);
}

static void add_rest_link(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post)
{
    pst_text_adds(t, "&hellip; <a href=\"");
    add_post_url(t, view, post);
    pst_text_addf(t, "\">The whole of post %" PRIu64 "</a>", post->id);
}

static void add_value(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                      struct pst_slice value, bool is_alone)
{
    struct pst_slice shown = cut(value, is_alone);
    pst_text_add_html(t, shown);
    if (shown.len < value.len)
        add_rest_link(t, view, post);
}

static void add_fields(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                       bool is_alone)
{
    if (post->field_count == 0)
        return;
    pst_text_adds(t, "<dl>\n");
    for (size_t i = 0; i < post->field_count; i++) {
        pst_text_adds(t, "<dt>");
        add_value(t, view, post, post->fields[i].name, is_alone);
        pst_text_adds(t, "</dt><dd>");
        add_value(t, view, post, post->fields[i].value, is_alone);
        pst_text_adds(t, "</dd>\n");
    }
    pst_text_adds(t, "</dl>\n");
}

static void add_body(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                     bool is_alone)
{
    if (post->body.len == 0)
        return;
    /* A line feed right behind the tag is not part of the text (HTML 13.1.2.5), so it costs none of it. */
    pst_text_adds(t, "<pre>\n");
    if (post->body.len <= (size_t)(is_alone ? INDENTED_BYTES : LIST_VALUE_BYTES) && pst_post_has_json(post))
        pst_html_add_json(t, post->body);
    else
        add_value(t, view, post, post->body, is_alone);
    pst_text_adds(t, "</pre>\n");
}

/* ---- files ---- */

enum { PICTURE_MAX_BYTES = 8 << 20 };

static void add_file_url(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                         const struct pst_post_file *file)
{
    add_post_url(t, view, post);
    pst_text_addf(t, "/files/%u", file->number);
}

static void add_file(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                     const struct pst_post_file *file, bool is_alone)
{
    struct pst_text offered = {0};
    pst_posts_add_offered_name(&offered, file->file_name);
    t->failed |= offered.failed;
    pst_text_adds(t, "<li><a download href=\"");
    add_file_url(t, view, post, file);
    pst_text_adds(t, "\">");
    pst_text_add_html(t, pst_slice_of(offered.ptr, offered.len));
    pst_text_adds(t, "</a> <span class=\"soft\">");
    if (file->type.len > 0) {
        pst_text_add_html(t, cut(file->type, is_alone));
        pst_text_adds(t, ", ");
    }
    pst_html_add_size(t, file->size);
    pst_text_adds(t, "</span>");
    if (is_alone && pst_posts_type_is_picture(file->type) && file->size <= PICTURE_MAX_BYTES) {
        pst_text_adds(t, "<img loading=\"lazy\" src=\"");
        add_file_url(t, view, post, file);
        pst_text_adds(t, "\" alt=\"");
        pst_text_add_html(t, pst_slice_of(offered.ptr, offered.len));
        pst_text_adds(t, "\">");
    }
    pst_text_adds(t, "</li>\n");
    pst_text_free(&offered);
}

static void add_files(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                      bool is_alone)
{
    if (post->file_count == 0)
        return;
    pst_text_addf(t, "<ul aria-label=\"Files of post %" PRIu64 "\">\n", post->id);
    for (size_t i = 0; i < post->file_count; i++)
        add_file(t, view, post, &post->files[i], is_alone);
    pst_text_adds(t, "</ul>\n");
}

/* ---- the whole ---- */

/* Two steps, as a deletion cannot be taken back, and no page of ours has scripts to ask. */
static void add_button(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post)
{
    pst_text_addf(t,
                  "<details><summary>Delete<span class=\"hidden\"> post %" PRIu64
                  "</span>&hellip;</summary>\n<form method=\"post\" action=\"",
                  post->id);
    add_post_url(t, view, post);
    pst_text_addf(t, "/delete\"><button>Delete post %" PRIu64 " for good</button></form>\n</details>\n",
                  post->id);
}

void pst_posts_page_post(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                         bool is_alone)
{
    pst_text_addf(t, "<article class=\"card\" aria-labelledby=\"p%" PRIu64 "\">\n<header>", post->id);
    pst_text_addf(t, "<h2 id=\"p%" PRIu64 "\"><a href=\"", post->id);
    add_post_url(t, view, post);
    pst_text_addf(t, "\">Post %" PRIu64 "</a></h2><p class=\"soft\">", post->id);
    pst_html_add_time(t, post->time_ms);
    if (view->is_local && post->address.len > 0) {
        pst_text_adds(t, " from ");
        pst_text_add_html(t, post->address);
    }
    pst_text_adds(t, "</p></header>\n");
    add_fields(t, view, post, is_alone);
    add_body(t, view, post, is_alone);
    add_files(t, view, post, is_alone);
    if (view->is_local)
        add_button(t, view, post);
    pst_text_adds(t, "</article>\n");
}
