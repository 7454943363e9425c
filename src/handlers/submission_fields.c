/* submission_fields.c - see submission_fields.h. */
#include "handlers/submission_fields.h"

#include <stdlib.h>

#include <postern/form.h>

bool pst_submitted_begin(struct pst_submitted *s, struct pst_slice charset, struct pst_slice name)
{
    if (s->count == s->cap) {
        size_t cap = s->cap ? s->cap * 2 : 16;
        struct pst_submitted_field *fields = realloc(s->fields, cap * sizeof(*fields));
        if (!fields)
            return false;
        s->fields = fields;
        s->cap = cap;
    }
    s->fields[s->count++] =
        (struct pst_submitted_field){.at = s->text.len, .charset_len = charset.len, .name_len = name.len};
    pst_text_add(&s->text, charset);
    pst_text_add(&s->text, name);
    if (s->text.failed)
        pst_submitted_drop(s);
    return !s->text.failed;
}

void pst_submitted_name_sync(struct pst_submitted *s)
{
    struct pst_submitted_field *f = &s->fields[s->count - 1];
    f->name_len = s->text.len - f->at - f->charset_len;
}

bool pst_submitted_append(struct pst_submitted *s, const char *data, size_t len)
{
    pst_text_add(&s->text, pst_slice_of(data, len));
    pst_submitted_sync(s);
    return !s->text.failed;
}

void pst_submitted_sync(struct pst_submitted *s)
{
    struct pst_submitted_field *f = &s->fields[s->count - 1];
    f->value_len = s->text.len - f->at - f->charset_len - f->name_len;
}

void pst_submitted_drop(struct pst_submitted *s)
{
    s->text.len = s->fields[--s->count].at;
}

static struct pst_slice slice_at(const struct pst_submitted *s, size_t at, size_t len)
{
    return len > 0 ? pst_slice_of(s->text.ptr + at, len) : PST_SLICE("");
}

static struct pst_slice charset_of(const struct pst_submitted *s, size_t i)
{
    return slice_at(s, s->fields[i].at, s->fields[i].charset_len);
}

struct pst_slice pst_submitted_name(const struct pst_submitted *s, size_t i)
{
    const struct pst_submitted_field *f = &s->fields[i];
    return slice_at(s, f->at + f->charset_len, f->name_len);
}

struct pst_slice pst_submitted_value(const struct pst_submitted *s, size_t i)
{
    const struct pst_submitted_field *f = &s->fields[i];
    return slice_at(s, f->at + f->charset_len + f->name_len, f->value_len);
}

size_t pst_submitted_find(const struct pst_submitted *s, struct pst_slice name)
{
    size_t i = 0;
    while (i < s->count && !pst_slice_eq(pst_submitted_name(s, i), name))
        i++;
    return i;
}

static bool is_blank(struct pst_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!memchr(" \t\r\n\f\v", s.ptr[i], 6))
            return false;
    }
    return true;
}

bool pst_submitted_has(const struct pst_submitted *s, struct pst_slice name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (pst_slice_eq(pst_submitted_name(s, i), name) && !s->fields[i].is_null &&
            !is_blank(pst_submitted_value(s, i)))
            return true;
    }
    return false;
}

struct numbered {
    struct pst_slice name;
    size_t number;
};

static int by_name(const void *a, const void *b)
{
    const struct pst_slice *x = &((const struct numbered *)a)->name, *y = &((const struct numbered *)b)->name;
    if (x->len != y->len)
        return x->len < y->len ? -1 : 1;
    return x->len > 0 ? memcmp(x->ptr, y->ptr, x->len) : 0;
}

size_t pst_submitted_find_twin(const struct pst_submitted *s, bool *ret_failed)
{
    *ret_failed = false;
    if (s->count < 2)
        return s->count;
    struct numbered *sorted = malloc(s->count * sizeof(*sorted));
    if (!sorted) {
        *ret_failed = true;
        return s->count;
    }
    for (size_t i = 0; i < s->count; i++)
        sorted[i] = (struct numbered){pst_submitted_name(s, i), i};
    qsort(sorted, s->count, sizeof(*sorted), by_name);
    size_t i = 1;
    while (i < s->count && by_name(&sorted[i - 1], &sorted[i]) != 0)
        i++;
    size_t twin = i < s->count ? sorted[i].number : s->count;
    free(sorted);
    return twin;
}

bool pst_submitted_to_utf8(struct pst_submitted *s, struct pst_slice charset)
{
    struct pst_text text = {0};
    struct pst_submitted_field *fields = s->count ? malloc(s->count * sizeof(*fields)) : NULL;
    if (s->count > 0 && !fields)
        return false;
    for (size_t i = 0; i < s->count; i++) {
        struct pst_slice own = charset_of(s, i);
        fields[i] = (struct pst_submitted_field){.at = text.len, .is_null = s->fields[i].is_null};
        pst_form_text(&text, pst_submitted_name(s, i), charset);
        fields[i].name_len = text.len - fields[i].at;
        pst_form_text(&text, pst_submitted_value(s, i), own.len > 0 ? own : charset);
        fields[i].value_len = text.len - fields[i].at - fields[i].name_len;
    }
    if (text.failed) {
        pst_text_free(&text);
        free(fields);
        return false;
    }
    pst_text_free(&s->text);
    free(s->fields);
    s->text = text;
    s->fields = fields;
    s->cap = s->count;
    return true;
}

void pst_submitted_free(struct pst_submitted *s)
{
    pst_text_free(&s->text);
    free(s->fields);
    *s = (struct pst_submitted){0};
}
