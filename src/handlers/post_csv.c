/* post_csv.c - stored posts as CSV (RFC 4180), for spreadsheets and for programs. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/post_format.h"

/* ---- cells ---- */

static bool is_number(struct pst_slice s)
{
    unsigned points = 0;
    for (size_t i = 0; i < s.len; i++) {
        points += s.ptr[i] == '.';
        if (s.ptr[i] != '.' && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return false;
    }
    return s.len > points && points <= 1;
}

/* What makes a spreadsheet compute: these, also as the full-width characters that East Asian ones take for
 * the same (U+FF1D, U+FF0B, U+FF0D, U+FF20), and control characters that may be dropped before them. A plain
 * negative number is harmless; "+49 30" with its plus is a telephone number and has to stay text. */
static bool is_formula(struct pst_slice s)
{
    static const char *const wide[] = {"\xef\xbc\x9d", "\xef\xbc\x8b", "\xef\xbc\x8d", "\xef\xbc\xa0"};
    if (s.len == 0)
        return false;
    if (*s.ptr == '-')
        return !is_number(pst_slice_of(s.ptr + 1, s.len - 1));
    if (*s.ptr == '=' || *s.ptr == '+' || *s.ptr == '@' || (unsigned char)*s.ptr < ' ')
        return true;
    for (size_t i = 0; i < sizeof wide / sizeof wide[0]; i++)
        if (pst_slice_starts(s, pst_slice_str(wide[i])))
            return true;
    return false;
}

/* A cell's text: quotes doubled, and U+FFFD for control characters (C0 without the blanks, DEL, C1), which
 * would reach the terminal of whoever looks at the file. */
static void add_cell_text(struct pst_text *t, struct pst_slice s)
{
    size_t from = 0;
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_c1 = c == 0xc2 && i + 1 < s.len && ((unsigned char)s.ptr[i + 1] & 0xe0U) == 0x80U;
        bool is_control = is_c1 || c == 0x7f || (c < ' ' && c != '\t' && c != '\n' && c != '\r');
        if (c != '"' && !is_control)
            continue;
        pst_text_add(t, pst_slice_of(s.ptr + from, i - from));
        pst_text_adds(t, is_control ? "\xef\xbf\xbd" : "\"\"");
        i += is_c1;
        from = i + 1;
    }
    if (from < s.len)
        pst_text_add(t, pst_slice_of(s.ptr + from, s.len - from));
}

/* Anything but plain words is quoted: besides what RFC 4180 wants, other separators that a spreadsheet may
 * cut at (";" where "," is the decimal point, "|"), since a formula might begin behind them. */
static bool is_plain(struct pst_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        bool is_word = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
                       c == '-' || c == '_' || c == '.' || c == ':' || c == '@' || c == '/' ||
                       (c >= 0x80 && c != 0xc2) || (c == ' ' && i > 0 && i + 1 < s.len);
        if (!is_word)
            return false;
    }
    return true;
}

static void add_cell(struct pst_text *t, struct pst_slice s)
{
    bool is_guarded = is_formula(s);
    if (!is_guarded && is_plain(s)) {
        pst_text_add(t, s);
        return;
    }
    pst_text_adds(t, is_guarded ? "\"'" : "\"");
    add_cell_text(t, s);
    pst_text_adds(t, "\"");
}

/* A cell of several lines that were put together in text, which is freed. */
static void add_cell_of(struct pst_text *t, struct pst_text *text)
{
    if (text->failed)
        t->failed = true;
    else
        add_cell(t, pst_slice_of(text->ptr, text->len));
    pst_text_free(text);
}

/* ---- columns ---- */

/* The next of the names that have a column of their own; false at their end. Zero-initialise *count. */
static bool next_name(const char **names, unsigned *count, struct pst_slice *ret_name)
{
    *ret_name = pst_slice_str(*names);
    if (ret_name->len == 0 || *count >= PST_POST_CSV_NAMES)
        return false;
    *names += ret_name->len + 1;
    ++*count;
    return true;
}

static bool has_more(const char *names)
{
    unsigned count = 0;
    struct pst_slice name;
    while (next_name(&names, &count, &name)) {
    }
    return *names != '\0';
}

void pst_post_add_csv_head(struct pst_text *t, const char *names)
{
    bool is_more = has_more(names);
    unsigned count = 0;
    struct pst_slice name;
    pst_text_adds(t, "id,time");
    while (next_name(&names, &count, &name)) {
        pst_text_adds(t, ",");
        add_cell(t, name);
    }
    pst_text_adds(t, is_more ? ",body,files,more\r\n" : ",body,files\r\n");
}

static void add_values(struct pst_text *t, const struct pst_post *post, struct pst_slice name)
{
    const struct pst_post_field *only = NULL;
    struct pst_text all = {0};
    size_t found = 0;
    for (size_t i = 0; i < post->field_count; i++) {
        const struct pst_post_field *field = &post->fields[i];
        if (!pst_slice_eq(field->name, name))
            continue;
        if (found++ == 0) {
            only = field;
            continue;
        }
        if (found == 2)
            pst_text_add(&all, only->value);
        pst_text_adds(&all, "\n");
        pst_text_add(&all, field->value);
    }
    if (found > 1)
        add_cell_of(t, &all);
    else if (found == 1)
        add_cell(t, only->value);
}

static void add_files(struct pst_text *t, const struct pst_post *post)
{
    struct pst_text all = {0};
    for (size_t i = 0; i < post->file_count; i++) {
        const struct pst_post_file *file = &post->files[i];
        if (i > 0)
            pst_text_adds(&all, "\n");
        pst_text_add(&all, file->name);
        pst_text_adds(&all, ": ");
        pst_text_add(&all, file->file_name);
        pst_text_addf(&all, " (%" PRIu64 " bytes)", file->size);
    }
    add_cell_of(t, &all);
}

static bool has_column(const char *names, struct pst_slice name)
{
    unsigned count = 0;
    struct pst_slice column;
    while (next_name(&names, &count, &column))
        if (pst_slice_eq(column, name))
            return true;
    return false;
}

/* The fields that have no column of their own. */
static void add_more(struct pst_text *t, const struct pst_post *post, const char *names)
{
    struct pst_post_field *fields = calloc(post->field_count + 1, sizeof *fields);
    struct pst_post rest = {.fields = fields};
    struct pst_text json = {0};
    if (!fields) {
        t->failed = true;
        return;
    }
    for (size_t i = 0; i < post->field_count; i++)
        if (!has_column(names, post->fields[i].name))
            fields[rest.field_count++] = post->fields[i];
    if (rest.field_count > 0)
        pst_post_add_json_fields(&json, &rest);
    add_cell_of(t, &json);
    free(fields);
}

void pst_post_add_csv(struct pst_text *t, const struct pst_post *post, const char *names)
{
    char when[PST_POST_TIME_BYTES];
    const char *rest = names;
    unsigned count = 0;
    struct pst_slice name;
    pst_post_time(when, post->time_ms);
    pst_text_addf(t, "%" PRIu64 ",%s", post->id, when);
    while (next_name(&rest, &count, &name)) {
        pst_text_adds(t, ",");
        add_values(t, post, name);
    }
    pst_text_adds(t, ",");
    add_cell(t, post->body);
    pst_text_adds(t, ",");
    add_files(t, post);
    if (has_more(names)) {
        pst_text_adds(t, ",");
        add_more(t, post, names);
    }
    pst_text_adds(t, "\r\n");
}
