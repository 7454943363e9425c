/* echo_format.c - writing an account of a request as a page, as text or as JSON. */
#include "handlers/echo_format.h"

#include <inttypes.h>
#include <stdio.h>

#include "handlers/page.h"

const char *const pst_echo_types[PST_ECHO_FORMATS] = {"text/plain", "text/html", "application/json"};
const char *const pst_echo_content_types[PST_ECHO_FORMATS] = {"text/plain; charset=utf-8",
                                                              "text/html; charset=utf-8", "application/json"};

struct pst_echo_format {
    void (*begin)(struct pst_echo_writer *w);
    void (*section)(struct pst_echo_writer *w, const char *key);
    void (*pair)(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value, bool is_number);
    void (*section_end)(struct pst_echo_writer *w);
    void (*list)(struct pst_echo_writer *w, const char *key);
    void (*item)(struct pst_echo_writer *w);
    void (*item_end)(struct pst_echo_writer *w);
    void (*list_end)(struct pst_echo_writer *w);
    void (*json)(struct pst_echo_writer *w, const char *key, struct pst_slice json);
    void (*text)(struct pst_echo_writer *w, const char *key, struct pst_slice text);
    void (*end)(struct pst_echo_writer *w);
};

/* ---- text ---- */

/* Control bytes become \n, \t or \xHH, so that a value cannot pass for another line, nor move a terminal's
 * cursor. Other bytes stay as they came: whoever sent them gets them back. */
static void add_plain(struct pst_text *t, struct pst_slice s, bool keep_lines)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        /* The C1 controls U+0080 to U+009F, which some terminals obey, are C2 80 to C2 9F. */
        bool is_c1 = c == 0xc2 && i + 1 < s.len && ((unsigned char)s.ptr[i + 1] & 0xe0U) == 0x80U;
        if ((c >= 0x20 && c != 0x7f && !is_c1) || (keep_lines && (c == '\n' || c == '\t')))
            continue;
        pst_text_add(t, pst_slice_of(s.ptr + from, i - from));
        from = i + 1;
        if (c == '\n')
            pst_text_adds(t, "\\n");
        else if (c == '\t')
            pst_text_adds(t, "\\t");
        else if (!(c == '\r' && keep_lines && i + 1 < s.len && s.ptr[i + 1] == '\n'))
            pst_text_addf(t, "\\x%02x", (unsigned)c);
    }
    pst_text_add(t, pst_slice_of(s.ptr + from, s.len - from));
}

static void plain_section(struct pst_echo_writer *w, const char *key)
{
    pst_text_addf(&w->text, "%s\n", key);
}

static void plain_pair(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value,
                       bool is_number)
{
    (void)is_number;
    pst_text_adds(&w->text, !w->is_in_item ? "  " : w->pairs > 0 ? "    " : "  - ");
    add_plain(&w->text, name, false);
    pst_text_adds(&w->text, ": ");
    add_plain(&w->text, value, false);
    pst_text_adds(&w->text, "\n");
}

static void plain_text(struct pst_echo_writer *w, const char *key, struct pst_slice text)
{
    pst_text_addf(&w->text, "%s\n", key);
    add_plain(&w->text, text, true);
    if (!pst_slice_ends(text, PST_SLICE("\n")))
        pst_text_adds(&w->text, "\n");
}

static void plain_nothing(struct pst_echo_writer *w)
{
    (void)w;
}

/* ---- HTML ---- */

static void html_begin(struct pst_echo_writer *w)
{
    pst_page_begin(&w->text, PST_SLICE("What the server understood"));
}

static void html_section(struct pst_echo_writer *w, const char *key)
{
    pst_text_addf(&w->text, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n<table>\n", key, key,
                  key);
}

static void html_pair(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value,
                      bool is_number)
{
    (void)is_number;
    pst_text_adds(&w->text, "<tr><th scope=\"row\">");
    pst_text_add_html(&w->text, name);
    pst_text_adds(&w->text, "</th><td>");
    pst_text_add_html(&w->text, value);
    pst_text_adds(&w->text, "</td></tr>\n");
}

static void html_section_end(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "</table>\n</section>\n");
}

static void html_list(struct pst_echo_writer *w, const char *key)
{
    pst_text_addf(&w->text, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n<ol>\n", key, key, key);
}

static void html_item(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "<li><table>\n");
}

static void html_item_end(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "</table></li>\n");
}

static void html_list_end(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "</ol>\n</section>\n");
}

static void html_text(struct pst_echo_writer *w, const char *key, struct pst_slice text)
{
    /* A line feed right behind the tag is not part of the text (HTML 13.1.2.5), so it costs none of it. */
    pst_text_addf(&w->text, "<section aria-labelledby=\"%s\">\n<h2 id=\"%s\">%s</h2>\n<pre>\n", key, key,
                  key);
    pst_text_add_html(&w->text, text);
    pst_text_adds(&w->text, "</pre>\n</section>\n");
}

static void html_end(struct pst_echo_writer *w)
{
    pst_page_end(&w->text);
}

/* ---- JSON ---- */

static void json_begin(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "{");
}

static void json_key(struct pst_echo_writer *w, const char *key)
{
    pst_text_addf(&w->text, "%s\n  \"%s\": ", w->sections > 0 ? "," : "", key);
}

static void json_section(struct pst_echo_writer *w, const char *key)
{
    json_key(w, key);
    pst_text_adds(&w->text, w->is_list ? "[" : "{");
}

static void json_pair(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value,
                      bool is_number)
{
    pst_text_addf(&w->text, "%s\n    %s%s", w->pairs > 0 ? "," : "", w->is_in_item ? "  " : "",
                  w->is_list ? "{\"name\": " : "");
    pst_text_add_json(&w->text, name);
    pst_text_adds(&w->text, w->is_list ? ", \"value\": " : ": ");
    if (is_number)
        pst_text_add(&w->text, value);
    else
        pst_text_add_json(&w->text, value);
    if (w->is_list)
        pst_text_adds(&w->text, "}");
}

static void json_section_end(struct pst_echo_writer *w)
{
    pst_text_addf(&w->text, "%s%s", w->pairs > 0 ? "\n  " : "", w->is_list ? "]" : "}");
}

static void json_list(struct pst_echo_writer *w, const char *key)
{
    json_key(w, key);
    pst_text_adds(&w->text, "[");
}

static void json_item(struct pst_echo_writer *w)
{
    pst_text_addf(&w->text, "%s\n    {", w->items > 0 ? "," : "");
}

static void json_item_end(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "\n    }");
}

static void json_list_end(struct pst_echo_writer *w)
{
    pst_text_addf(&w->text, "%s]", w->items > 0 ? "\n  " : "");
}

static void json_json(struct pst_echo_writer *w, const char *key, struct pst_slice json)
{
    json_key(w, key);
    pst_text_add(&w->text, json);
}

static void json_text(struct pst_echo_writer *w, const char *key, struct pst_slice text)
{
    json_key(w, key);
    pst_text_add_json(&w->text, text);
}

static void json_end(struct pst_echo_writer *w)
{
    pst_text_adds(&w->text, "\n}\n");
}

/* ---- the writer ---- */

static const struct pst_echo_format formats[PST_ECHO_FORMATS] = {
    {plain_nothing, plain_section, plain_pair, plain_nothing, plain_section, plain_nothing, plain_nothing,
     plain_nothing, plain_text, plain_text, plain_nothing},
    {html_begin, html_section, html_pair, html_section_end, html_list, html_item, html_item_end,
     html_list_end, html_text, html_text, html_end},
    {json_begin, json_section, json_pair, json_section_end, json_list, json_item, json_item_end,
     json_list_end, json_json, json_text, json_end},
};

void pst_echo_begin(struct pst_echo_writer *w, size_t which)
{
    *w = (struct pst_echo_writer){.format = &formats[which]};
    w->format->begin(w);
}

void pst_echo_section(struct pst_echo_writer *w, const char *key, bool is_list)
{
    w->is_list = is_list;
    w->pairs = 0;
    w->format->section(w, key);
    w->sections++;
}

void pst_echo_pair(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value)
{
    w->format->pair(w, name, value, false);
    w->pairs++;
}

void pst_echo_number(struct pst_echo_writer *w, const char *name, uint64_t value)
{
    char digits[24];
    int n = snprintf(digits, sizeof digits, "%" PRIu64, value);
    w->format->pair(w, pst_slice_str(name), pst_slice_of(digits, (size_t)n), true);
    w->pairs++;
}

void pst_echo_section_end(struct pst_echo_writer *w)
{
    w->format->section_end(w);
}

void pst_echo_list(struct pst_echo_writer *w, const char *key)
{
    w->is_list = false;
    w->items = 0;
    w->format->list(w, key);
    w->sections++;
}

void pst_echo_item(struct pst_echo_writer *w)
{
    w->is_in_item = true;
    w->pairs = 0;
    w->format->item(w);
    w->items++;
}

void pst_echo_item_end(struct pst_echo_writer *w)
{
    w->format->item_end(w);
    w->is_in_item = false;
}

void pst_echo_list_end(struct pst_echo_writer *w)
{
    w->format->list_end(w);
}

void pst_echo_json(struct pst_echo_writer *w, const char *key, struct pst_slice json)
{
    w->format->json(w, key, json);
    w->sections++;
}

void pst_echo_text(struct pst_echo_writer *w, const char *key, struct pst_slice text)
{
    w->format->text(w, key, text);
    w->sections++;
}

void pst_echo_end(struct pst_echo_writer *w)
{
    w->format->end(w);
}
