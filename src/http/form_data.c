/* form_data.c - a whole form at once, as UTF-8, in the exchange's memory.
 *
 * The charset may be told by a field that comes last (_charset_: HTML, "Constructing the entry list"; RFC
 * 7578 4.6), so the bytes are collected first and converted then. Files are not copied: they stay in the
 * body. */
#include <postern/form.h>

#include <postern/http.h>
#include <stdlib.h>

#include "http/parameters.h"

/* An entry as it came. Its texts lie in collector.raw from text_at on, one behind the other. */
struct row {
    size_t text_at, name_len, file_name_len, type_len, value_len;
    const char *file; /* in the body */
    size_t file_len;
    bool is_file, is_file_name_utf8;
};

struct collector {
    struct pst_text raw;
    struct row *rows;
    size_t count, cap;
};

static int on_begin(void *arg, const struct pst_form_part *part)
{
    struct collector *c = arg;
    if (c->count == c->cap) {
        size_t cap = c->cap ? 2 * c->cap : 16;
        struct row *rows = realloc(c->rows, cap * sizeof *rows);
        if (rows == NULL)
            return PST_E_NOMEM;
        c->rows = rows;
        c->cap = cap;
    }
    c->rows[c->count++] = (struct row){.text_at = c->raw.len,
                                       .name_len = part->name.len,
                                       .file_name_len = part->file_name.len,
                                       .type_len = part->type.len,
                                       .is_file = part->is_file,
                                       .is_file_name_utf8 = part->is_file_name_utf8};
    pst_text_add(&c->raw, part->name);
    pst_text_add(&c->raw, part->file_name);
    pst_text_add(&c->raw, part->type);
    return c->raw.failed ? PST_E_NOMEM : 0;
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct collector *c = arg;
    struct row *row = &c->rows[c->count - 1];
    if (row->is_file) {
        /* The body is fed at once, so the pieces of a file are pieces of it, and touch. */
        if (row->file_len == 0)
            row->file = data;
        row->file_len += len;
        return 0;
    }
    row->value_len += len;
    pst_text_add(&c->raw, pst_slice_of(data, len));
    return c->raw.failed ? PST_E_NOMEM : 0;
}

static int on_end(void *arg)
{
    (void)arg;
    return 0;
}

static const struct pst_form_events collecting = {on_begin, on_data, on_end};

/* ---- the texts of a row, as they came ---- */

static struct pst_slice raw_text(const struct collector *c, size_t at, size_t len)
{
    return len > 0 ? pst_slice_of(c->raw.ptr + at, len) : PST_SLICE("");
}

static struct pst_slice raw_name(const struct collector *c, const struct row *row)
{
    return raw_text(c, row->text_at, row->name_len);
}

static struct pst_slice raw_file_name(const struct collector *c, const struct row *row)
{
    return raw_text(c, row->text_at + row->name_len, row->file_name_len);
}

static struct pst_slice raw_type(const struct collector *c, const struct row *row)
{
    return raw_text(c, row->text_at + row->name_len + row->file_name_len, row->type_len);
}

static struct pst_slice raw_value(const struct collector *c, const struct row *row)
{
    return raw_text(c, row->text_at + row->name_len + row->file_name_len + row->type_len, row->value_len);
}

/* ---- charsets ---- */

/* HTML compares the name without regard to case when it fills in the value. */
static bool is_charset_field(const struct collector *c, const struct row *row)
{
    return !row->is_file && pst_slice_case_eq(raw_name(c, row), PST_SLICE("_charset_"));
}

static struct pst_slice charset_of_form(const struct collector *c)
{
    for (size_t i = 0; i < c->count; i++) {
        if (is_charset_field(c, &c->rows[i]))
            return raw_value(c, &c->rows[i]);
    }
    return PST_SLICE("");
}

/* RFC 7578 4.5: a part of text/plain may name its own. */
static struct pst_slice charset_of_value(struct pst_slice type, struct pst_slice of_form)
{
    struct pst_slice essence = pst_media_type_essence(type);
    if (!pst_slice_case_eq(essence, PST_SLICE("text/plain")))
        return of_form;
    const char *behind = essence.ptr + essence.len;
    struct pst_slice rest = pst_slice_of(behind, (size_t)(type.ptr + type.len - behind));
    struct pst_parameter p;
    while (pst_parameter_next(&rest, &p) > 0) {
        if (pst_slice_case_eq(p.name, PST_SLICE("charset")))
            return p.raw;
    }
    return of_form;
}

/* ---- the exchange's own ---- */

static struct pst_slice keep(struct pst_exchange *ex, struct pst_slice bytes, struct pst_slice charset,
                             int *err)
{
    struct pst_text text = {0};
    struct pst_slice kept = {0};
    pst_form_text(&text, bytes, charset);
    char *copy = text.failed ? NULL : pst_exchange_alloc(ex, text.len);
    if (copy == NULL) {
        *err = PST_E_NOMEM;
    } else if (text.len > 0) {
        memcpy(copy, text.ptr, text.len);
        kept = pst_slice_of(copy, text.len);
    }
    pst_text_free(&text);
    return kept;
}

static int keep_row(struct pst_exchange *ex, const struct collector *c, const struct row *row,
                    struct pst_slice charset, struct pst_form_entry *entry)
{
    const struct pst_slice utf8 = PST_SLICE("");
    int err = 0;
    struct pst_slice of_value = charset_of_value(raw_type(c, row), charset);
    entry->part.is_file = row->is_file;
    entry->part.is_file_name_utf8 = true; /* whatever it was */
    entry->part.name = keep(ex, raw_name(c, row), charset, &err);
    entry->part.file_name = keep(ex, raw_file_name(c, row), row->is_file_name_utf8 ? utf8 : charset, &err);
    entry->part.type = keep(ex, raw_type(c, row), utf8, &err);
    entry->value =
        row->is_file ? pst_slice_of(row->file, row->file_len) : keep(ex, raw_value(c, row), of_value, &err);
    return err;
}

static int keep_all(struct pst_exchange *ex, const struct collector *c, struct pst_form_data *ret_data)
{
    struct pst_slice charset = charset_of_form(c);
    struct pst_form_entry *entries = pst_exchange_alloc(ex, c->count * sizeof *entries);
    size_t count = 0;
    if (entries == NULL)
        return PST_E_NOMEM;
    for (size_t i = 0; i < c->count; i++) {
        if (is_charset_field(c, &c->rows[i]))
            continue;
        int err = keep_row(ex, c, &c->rows[i], charset, &entries[count++]);
        if (err)
            return err;
    }
    ret_data->entries = entries;
    ret_data->count = count;
    return 0;
}

/* Two fields would leave it open which of them others believe. */
static int content_type(const struct pst_exchange *ex, struct pst_slice *ret_type, const char **ret_why)
{
    size_t n = pst_exchange_field_count(ex), found = 0;
    *ret_type = (struct pst_slice){0};
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        if (!pst_slice_case_eq(field.name, PST_SLICE("Content-Type")))
            continue;
        *ret_type = field.value;
        found++;
    }
    if (found < 2)
        return 0;
    *ret_why = "the request has two Content-Type fields";
    return PST_E_SYNTAX;
}

static const char *why_not_begun(int err)
{
    if (err == PST_E_UNSUPPORTED)
        return "the body is no form: neither application/x-www-form-urlencoded nor multipart/form-data";
    return err == PST_E_SYNTAX ? "multipart/form-data without a proper boundary" : "";
}

int pst_form_read(struct pst_exchange *ex, struct pst_form_data *ret_data)
{
    struct collector c = {0};
    struct pst_form *form = NULL;
    struct pst_slice type, body = pst_exchange_body(ex);
    *ret_data = (struct pst_form_data){.why = ""};

    int err = content_type(ex, &type, &ret_data->why);
    if (err)
        return err;
    err = pst_form_new(&form, type, pst_exchange_limits(ex), &collecting, &c);
    if (err) {
        ret_data->why = why_not_begun(err);
        return err;
    }
    err = pst_form_feed(form, body.ptr, body.len);
    if (!err)
        err = pst_form_finish(form);
    if (!err)
        err = keep_all(ex, &c, ret_data);
    if (err) {
        struct pst_slice why = pst_exchange_printf(ex, "%s", pst_form_why(form));
        ret_data->why = why.ptr ? why.ptr : "";
    }
    pst_form_free(form);
    pst_text_free(&c.raw);
    free(c.rows);
    return err;
}

bool pst_form_value(const struct pst_form_data *data, const char *name, struct pst_slice *ret_value)
{
    struct pst_slice wanted = pst_slice_str(name);
    for (size_t i = 0; i < data->count; i++) {
        if (pst_slice_eq(data->entries[i].part.name, wanted)) {
            *ret_value = data->entries[i].value;
            return true;
        }
    }
    *ret_value = (struct pst_slice){0};
    return false;
}
