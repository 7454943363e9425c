/* board_page.c - the message board as HTML. */
#include "handlers/board_page.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "handlers/assets.h"

static const char no_key[] = "00000000000000000000000000000000";
_Static_assert(sizeof no_key == PST_BOARD_KEY_BYTES + 1, "as long as a key");

/* ---- one message ---- */

/* The first field of that name; empty without one. */
static struct pst_slice value_of(const struct pst_post *post, const char *name)
{
    for (size_t i = 0; i < post->field_count; i++) {
        if (pst_slice_eq(post->fields[i].name, pst_slice_str(name)))
            return post->fields[i].value;
    }
    return PST_SLICE("");
}

static bool is_blank(char c)
{
    return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Without blanks at both ends: a message that begins with ten empty lines is seen as what follows them. */
static struct pst_slice trim(struct pst_slice s)
{
    while (s.len > 0 && is_blank(s.ptr[s.len - 1]))
        s.len--;
    while (s.len > 0 && is_blank(s.ptr[0])) {
        s.ptr++;
        s.len--;
    }
    return s;
}

/* The bytes of the first character. */
static struct pst_slice first_char(struct pst_slice s)
{
    size_t len = s.len > 0;
    while (len < s.len && len < 4 && ((unsigned char)s.ptr[len] & 0xc0U) == 0x80U)
        len++;
    return pst_slice_of(s.ptr, len);
}

/* One of a few colours, the same for the same name. */
static unsigned colour_of(struct pst_slice name)
{
    unsigned hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < name.len; i++)
        hash = (hash ^ (unsigned char)name.ptr[i]) * 16777619U;
    return (hash >> 13) % 8;
}

static char *put_digits(char *at, int value, int count)
{
    for (int i = count - 1; i >= 0; i--, value /= 10)
        at[i] = (char)('0' + value % 10);
    return at + count;
}

/* <time>, in UTC for those whose browser runs no script. Not by strftime(), which looks for a locale: this is
 * done for every message of every page. */
static void add_time(struct pst_text *t, int64_t time_ms)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    time_t seconds = (time_t)(time_ms / 1000);
    struct tm tm;
    if (time_ms < 0 || !gmtime_r(&seconds, &tm) || tm.tm_year > 9999 - 1900)
        return;
    int year = tm.tm_year + 1900;
    char text[] = "<time datetime=\"0000-00-00T00:00:00Z\">";
    char *at = put_digits(text + 16, year, 4);
    at = put_digits(at + 1, tm.tm_mon + 1, 2);
    at = put_digits(at + 1, tm.tm_mday, 2);
    at = put_digits(at + 1, tm.tm_hour, 2);
    at = put_digits(at + 1, tm.tm_min, 2);
    put_digits(at + 1, tm.tm_sec, 2);
    pst_text_add(t, pst_slice_of(text, sizeof text - 1));

    char shown[] = "00 Jan 0000, 00:00 UTC</time>";
    char *begin = shown + (tm.tm_mday < 10);
    put_digits(shown, tm.tm_mday, 2);
    memcpy(shown + 3, months + (size_t)(3 * tm.tm_mon), 3);
    put_digits(shown + 7, year, 4);
    put_digits(shown + 13, tm.tm_hour, 2);
    put_digits(shown + 16, tm.tm_min, 2);
    pst_text_add(t, pst_slice_of(begin, (size_t)(shown + sizeof shown - 1 - begin)));
}

const struct pst_post_file *pst_board_picture_of(const struct pst_post *post)
{
    if (post->file_count == 0 || post->files[0].number != 1 || post->files[0].size == 0)
        return NULL;
    return &post->files[0];
}

/* The address holds the beginning of the file's hash, so that it may be kept for ever. */
static void add_picture(struct pst_text *t, const struct pst_board_look *look, const struct pst_post *post,
                        const struct pst_post_file *file, struct pst_slice name)
{
    char address[64];
    int len = snprintf(address, sizeof address, "/%" PRIu64 "/picture?v=%.16s\"", post->id, file->hash);
    struct pst_slice tail = pst_slice_of(address, (size_t)len);
    pst_text_add(t, PST_SLICE("<a class=\"picture\" href=\""));
    pst_text_adds(t, look->base);
    pst_text_add(t, tail);
    pst_text_add(t, PST_SLICE("><img src=\""));
    pst_text_adds(t, look->base);
    pst_text_add(t, tail);
    pst_text_add(t, PST_SLICE(" alt=\"Picture by "));
    pst_text_add_html(t, name);
    pst_text_add(t, PST_SLICE("\" loading=\"lazy\" decoding=\"async\"></a>\n"));
}

static void add_remove(struct pst_text *t, const struct pst_board_look *look, const char *id,
                       struct pst_slice name)
{
    pst_text_add(t, PST_SLICE("<form class=\"remove\" method=\"post\" action=\""));
    pst_text_adds(t, look->base);
    pst_text_add(t, PST_SLICE("/"));
    pst_text_adds(t, id);
    pst_text_add(t, PST_SLICE("/remove\"><button>Remove<span class=\"unseen\"> the message by "));
    pst_text_add_html(t, name);
    pst_text_add(t, PST_SLICE("</span></button></form>\n"));
}

void pst_board_add_message(struct pst_text *t, const struct pst_board_look *look, const struct pst_post *post,
                           bool is_local)
{
    const struct pst_post_file *file = look->has_pictures ? pst_board_picture_of(post) : NULL;
    struct pst_slice name = trim(value_of(post, PST_BOARD_NAME));
    struct pst_slice text = trim(value_of(post, PST_BOARD_MESSAGE));
    if (name.len == 0)
        name = PST_SLICE("Somebody");
    char id[24], face[] = " f0\" aria-hidden=\"true\"><bdi>";
    (void)snprintf(id, sizeof id, "%" PRIu64, post->id);
    face[2] = (char)('0' + colour_of(name));

    pst_text_add(t, PST_SLICE("<li class=\"message\" id=\"m"));
    pst_text_adds(t, id);
    pst_text_add(t, PST_SLICE("\">\n<div class=\"head\"><span class=\"face"));
    pst_text_add(t, pst_slice_of(face, sizeof face - 1));
    pst_text_add_html(t, first_char(name));
    pst_text_add(t, PST_SLICE("</bdi></span><h3 class=\"by\"><bdi>"));
    pst_text_add_html(t, name);
    pst_text_add(t, PST_SLICE("</bdi></h3><a class=\"when\" href=\""));
    pst_text_adds(t, look->base);
    pst_text_add(t, PST_SLICE("/"));
    pst_text_adds(t, id);
    pst_text_add(t, PST_SLICE("\">"));
    add_time(t, post->time_ms);
    pst_text_add(t, PST_SLICE("</a></div>\n"));
    if (text.len > 0) {
        pst_text_add(t, PST_SLICE("<p class=\"text\" dir=\"auto\">"));
        pst_text_add_html(t, text);
        pst_text_add(t, PST_SLICE("</p>\n"));
    }
    if (file)
        add_picture(t, look, post, file, name);
    if (is_local)
        add_remove(t, look, id, name);
    pst_text_add(t, PST_SLICE("</li>\n"));
}

void pst_board_add_event(struct pst_text *t, const struct pst_board_look *look, const struct pst_post *post)
{
    struct pst_text html = {0};
    pst_board_add_message(&html, look, post, false);
    pst_text_addf(t, "{\"id\":%" PRIu64 ",\"html\":", post->id);
    pst_text_add_json(t, pst_slice_of(html.ptr, html.len));
    pst_text_add(t, PST_SLICE("}"));
    t->failed = t->failed || html.failed;
    pst_text_free(&html);
}

/* ---- the form ---- */

static void add_size(struct pst_text *t, uint64_t bytes)
{
    if (bytes >= UINT64_C(1) << 20)
        pst_text_addf(t, "%" PRIu64 " MiB", bytes >> 20);
    else if (bytes >= 1024)
        pst_text_addf(t, "%" PRIu64 " KiB", bytes >> 10);
    else
        pst_text_addf(t, "%" PRIu64 " bytes", bytes);
}

/* The part that differs; all that comes before and after it is the same for every reply. */
static void add_fields(struct pst_text *t, const struct pst_board_look *look,
                       const struct pst_board_draft *draft, const char *key, size_t *ret_key_at)
{
    static const struct pst_board_draft nothing;
    const struct pst_board_draft *d = draft ? draft : &nothing;
    pst_text_adds(t, "<p id=\"error\" class=\"error\" role=\"alert\" tabindex=\"-1\"");
    pst_text_adds(t, draft ? " autofocus>" : " hidden>");
    if (draft) {
        pst_text_adds(t, "Your message was not posted: ");
        pst_text_add_html(t, pst_slice_str(d->reason));
        pst_text_adds(t, ".");
        if (d->is_lost)
            pst_text_adds(t, " To find what you typed again, go back to the page before.");
    }
    pst_text_adds(t, "</p>\n<input type=\"hidden\" name=\"" PST_BOARD_KEY "\" value=\"");
    *ret_key_at = t->len;
    pst_text_add(t, pst_slice_of(key, PST_BOARD_KEY_BYTES));
    pst_text_addf(t,
                  "\">\n<p><label for=\"name\">Your name</label>\n"
                  "<input id=\"name\" name=\"" PST_BOARD_NAME "\" required maxlength=\"%d\""
                  " autocomplete=\"nickname\" value=\"",
                  PST_BOARD_NAME_CHARS);
    pst_text_add_html(t, d->name);
    pst_text_addf(t,
                  "\"></p>\n<p><label for=\"message\">Message</label>\n"
                  "<textarea id=\"message\" name=\"" PST_BOARD_MESSAGE
                  "\" rows=\"5\" maxlength=\"%d\" dir=\"auto\"%s>\n",
                  PST_BOARD_MESSAGE_CHARS, look->has_pictures ? "" : " required");
    /* HTML drops one line end right behind the tag, which is why there is one. */
    pst_text_add_html(t, d->message);
    pst_text_adds(t, "</textarea></p>\n");
}

static void add_form(struct pst_board_page *page, const struct pst_board_look *look)
{
    struct pst_text *t = &page->html;
    pst_text_addf(t,
                  "<section class=\"write\" aria-labelledby=\"write\">\n"
                  "<h2 id=\"write\">Write a message</h2>\n"
                  "<form id=\"form\" method=\"post\" action=\"%s\" enctype=\"%s\">\n",
                  *look->base ? look->base : "/",
                  look->has_pictures ? "multipart/form-data" : "application/x-www-form-urlencoded");
    page->form_at = t->len;
    add_fields(t, look, NULL, no_key, &page->key_at);
    page->form_len = t->len - page->form_at;
    if (look->has_pictures) {
        pst_text_addf(t,
                      "<p><label for=\"picture\">Picture <span class=\"hint\">if you like</span></label>\n"
                      "<input id=\"picture\" name=\"" PST_BOARD_PICTURE "\" type=\"file\""
                      " accept=\"image/png,image/jpeg,image/gif,image/webp\" aria-describedby=\"kinds\""
                      " data-bytes=\"%" PRIu64 "\">\n"
                      "<span class=\"hint\" id=\"kinds\">PNG, JPEG, GIF or WebP, at most ",
                      look->picture_bytes);
        add_size(t, look->picture_bytes);
        pst_text_adds(t, "</span></p>\n");
    }
    /* The trap for machines that fill in everything. */
    pst_text_adds(
        t, "<p class=\"trap\" aria-hidden=\"true\"><label for=\"website\">Leave this empty</label>\n"
           "<input id=\"website\" name=\"" PST_BOARD_HONEYPOT "\" tabindex=\"-1\" autocomplete=\"off\"></p>\n"
           "<p class=\"send\"><button>Post</button></p>\n"
           "<div id=\"sending\" class=\"sending\" hidden>"
           "<label for=\"progress\">Sending</label> <span id=\"sent\"></span>\n"
           "<progress id=\"progress\" max=\"1\" value=\"0\"></progress>\n"
           "<button id=\"cancel\" type=\"button\">Cancel</button></div>\n"
           "</form>\n</section>\n");
}

/* ---- the page ---- */

static void add_asset(struct pst_text *t, const struct pst_board_look *look, const char *name)
{
    const struct pst_asset *asset = pst_asset_find(pst_slice_str(name));
    pst_text_addf(t, "%s/%s?v=%s", look->base, name, asset ? asset->tag : "");
}

static void add_head(struct pst_text *t, const struct pst_board_look *look,
                     const struct pst_board_place *place, const struct pst_board_list *list)
{
    bool is_newest = place->below == 0 && place->above == 0 && place->id == 0;
    pst_text_adds(t, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                     "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                     "<meta name=\"color-scheme\" content=\"light dark\">\n<title>");
    pst_text_add_html(t, pst_slice_str(look->title));
    pst_text_adds(t, "</title>\n<link rel=\"icon\" type=\"image/svg+xml\" href=\"");
    add_asset(t, look, "board.svg");
    pst_text_adds(t, "\">\n<link rel=\"stylesheet\" href=\"");
    add_asset(t, look, "board.css");
    pst_text_adds(t, "\">\n<script src=\"");
    add_asset(t, look, "board.js");
    pst_text_adds(t, "\" defer></script>\n</head>\n<body>\n"
                     "<a class=\"skip\" href=\"#messages\">Skip to the messages</a>\n"
                     "<header class=\"top\"><a class=\"home\" href=\"");
    pst_text_adds(t, *look->base ? look->base : "/");
    pst_text_adds(t, "\"><img src=\"");
    add_asset(t, look, "board.svg");
    pst_text_adds(t, "\" width=\"48\" height=\"48\" alt=\"\"><h1>");
    pst_text_add_html(t, pst_slice_str(look->title));
    pst_text_addf(t, "</h1></a></header>\n<main id=\"board\" data-base=\"%s\" data-position=\"%s\"%s%s>\n",
                  look->base, list->position, is_newest ? " data-newest" : "",
                  list->is_local ? " data-local" : "");
}

static void add_pages(struct pst_text *t, const struct pst_board_look *look,
                      const struct pst_board_place *place, const struct pst_board_list *list)
{
    const char *home = *look->base ? look->base : "/";
    bool has_newer = place->below != 0 || place->above != 0;
    bool has_older = place->above != 0 || list->is_more;
    pst_text_addf(t, "<nav id=\"pages\" class=\"pages\" aria-label=\"Pages of messages\"%s>\n",
                  has_newer || has_older || place->id != 0 ? "" : " hidden");
    if (has_newer || place->id != 0)
        pst_text_addf(t, "<a class=\"newest\" href=\"%s\">Newest messages</a>\n", home);
    if (list->count > 0 && place->id == 0) {
        if (has_newer)
            pst_text_addf(t, "<a class=\"newer\" rel=\"prev\" href=\"%s?after=%" PRIu64 "\">Newer</a>\n",
                          home, list->posts[0].id);
        if (has_older)
            pst_text_addf(t, "<a class=\"older\" rel=\"next\" href=\"%s?before=%" PRIu64 "\">Older</a>\n",
                          home, list->posts[list->count - 1].id);
    }
    pst_text_adds(t, "</nav>\n");
}

void pst_board_page_render(struct pst_board_page *page, const struct pst_board_look *look,
                           const struct pst_board_place *place, const struct pst_board_list *list)
{
    struct pst_text *t = &page->html;
    *page = (struct pst_board_page){0};
    add_head(t, look, place, list);
    add_form(page, look);
    pst_text_addf(t,
                  "<section class=\"messages\" aria-labelledby=\"messages\">\n"
                  "<div class=\"title\"><h2 id=\"messages\" tabindex=\"-1\">Messages</h2>"
                  "<p class=\"count\"><span id=\"count\">%" PRIu64 "</span> in all</p>"
                  "<p id=\"live\" class=\"live\" hidden>live</p></div>\n"
                  "<p id=\"news\" class=\"unseen\" role=\"status\"></p>\n"
                  "<p id=\"empty\" class=\"empty\"%s>%s</p>\n<ol id=\"list\" class=\"list\" role=\"list\">\n",
                  list->box_count, list->count > 0 ? " hidden" : "",
                  list->box_count > 0 ? "There are no messages on this page."
                                      : "Nobody has written yet. The first word is yours.");
    for (size_t i = 0; i < list->count; i++)
        pst_board_add_message(t, look, &list->posts[i], list->is_local);
    pst_text_adds(t, "</ol>\n");
    add_pages(t, look, place, list);
    pst_text_adds(t, "</section>\n</main>\n</body>\n</html>\n");
}

void pst_board_page_free(struct pst_board_page *page)
{
    pst_text_free(&page->html);
}

void pst_board_page_compose(struct pst_text *out, const struct pst_board_page *page,
                            const struct pst_board_look *look, const struct pst_board_draft *draft,
                            const char *key)
{
    const struct pst_text *t = &page->html;
    size_t begin = draft ? page->form_at : page->key_at;
    size_t end = draft ? page->form_at + page->form_len : page->key_at + PST_BOARD_KEY_BYTES;
    pst_text_add(out, pst_slice_of(t->ptr, begin));
    if (draft) {
        size_t ignored;
        add_fields(out, look, draft, key, &ignored);
    } else {
        pst_text_add(out, pst_slice_of(key, PST_BOARD_KEY_BYTES));
    }
    pst_text_add(out, pst_slice_of(t->ptr + end, t->len - end));
}

size_t pst_board_count_chars(struct pst_slice text)
{
    size_t count = 0;
    for (size_t i = 0; i < text.len; i++) {
        bool is_line_end = text.ptr[i] == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n';
        count += ((unsigned char)text.ptr[i] & 0xc0U) != 0x80U && !is_line_end;
    }
    return count;
}
