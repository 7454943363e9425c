/* form_events.h - what a reader of forms says, written so that the pieces in which a value comes leave no
 * trace: for fuzz targets that compare readings. */
#ifndef PST_FUZZ_FORM_EVENTS_H
#define PST_FUZZ_FORM_EVENTS_H

#include <postern/form.h>
#include <postern/http.h>

#include "split.h"

struct form_events {
    struct pst_text text;
    size_t parts, value_bytes, text_bytes, most_value;
    bool is_open, is_file;
    int err;
    char why[256];
};

static inline void form_events_add(struct pst_text *t, struct pst_slice s)
{
    pst_text_addf(t, "%zu:", s.len);
    pst_text_add(t, s);
}

static inline int form_events_begin(void *arg, const struct pst_form_part *part)
{
    struct form_events *e = arg;
    CHECK(!e->is_open);
    CHECK(part->is_file || (part->file_name.len == 0 && !part->is_file_name_utf8));
    CHECK(part->name.len == 0 || memchr(part->name.ptr, '\0', part->name.len) == NULL);
    CHECK(part->file_name.len == 0 || memchr(part->file_name.ptr, '\0', part->file_name.len) == NULL);
    e->is_open = true;
    e->is_file = part->is_file;
    e->parts++;
    e->value_bytes = 0;
    e->text_bytes += part->name.len + part->file_name.len;
    form_events_add(&e->text, part->name);
    form_events_add(&e->text, part->file_name);
    form_events_add(&e->text, part->type);
    pst_text_adds(&e->text, part->is_file ? "@" : "=");
    return 0;
}

static inline int form_events_data(void *arg, const char *data, size_t len)
{
    struct form_events *e = arg;
    CHECK(e->is_open && len > 0);
    e->value_bytes += len;
    e->text_bytes += e->is_file ? 0 : len;
    e->most_value = e->value_bytes > e->most_value ? e->value_bytes : e->most_value;
    pst_text_add(&e->text, pst_slice_of(data, len));
    return 0;
}

static inline int form_events_end(void *arg)
{
    struct form_events *e = arg;
    CHECK(e->is_open);
    e->is_open = false;
    pst_text_addf(&e->text, ";%zu\n", e->value_bytes);
    return 0;
}

/* Reads a body in pieces, each in memory of just its size; e is overwritten. */
static inline void form_events_read(struct form_events *e, struct pst_slice type, struct pst_slice body,
                                    const struct pst_limits *limits, struct split cuts)
{
    static const struct pst_form_events events = {form_events_begin, form_events_data, form_events_end};
    struct pst_form *form;
    size_t at = 0;
    *e = (struct form_events){0};
    e->err = pst_form_new(&form, type, limits, &events, e);
    CHECK((form == NULL) == (e->err != 0));
    if (form == NULL)
        return;
    while (at < body.len && e->err == 0) {
        size_t n = split_next(&cuts, body.len - at);
        char *copy = split_copy(body.ptr + at, n);
        e->err = pst_form_feed(form, copy, n);
        free(copy);
        at += n;
    }
    int end = pst_form_finish(form);
    CHECK(e->err == 0 || end == e->err);
    e->err = end;
    CHECK(e->err == 0 || e->err == PST_E_SYNTAX || e->err == PST_E_LIMIT);
    (void)snprintf(e->why, sizeof e->why, "%s", pst_form_why(form));
    CHECK((e->err != 0) == (e->why[0] != '\0'));
    CHECK(e->err != 0 || !e->is_open);
    pst_form_free(form);
    CHECK(!e->text.failed);
}

static inline void form_events_same(const struct form_events *a, const struct form_events *b)
{
    CHECK(a->err == b->err && strcmp(a->why, b->why) == 0);
    CHECK(a->text.len == b->text.len);
    CHECK(a->text.len == 0 || memcmp(a->text.ptr, b->text.ptr, a->text.len) == 0);
}

static inline void form_events_free(struct form_events *e)
{
    pst_text_free(&e->text);
}

#endif
