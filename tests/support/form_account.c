/* form_account.c - see form_account.h. */
#include "support/form_account.h"

#include <stdio.h>
#include <stdlib.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "form_account: %s\n", what);
    abort();
}

static int event(struct form_account *a)
{
    return ++a->events == a->fail_at ? FORM_ACCOUNT_STOP : 0;
}

static int on_begin(void *arg, const struct pst_form_part *part)
{
    struct form_account *a = arg;
    must(!a->is_open, "a part began within another");
    a->is_open = true;
    pst_text_add(&a->text, part->name);
    if (part->is_file)
        pst_text_adds(&a->text, part->is_file_name_utf8 ? "*" : "@");
    must(part->is_file || part->file_name.len == 0, "a field with a file name");
    pst_text_add(&a->text, part->file_name);
    if (part->type.len > 0)
        pst_text_adds(&a->text, ":");
    pst_text_add(&a->text, part->type);
    pst_text_adds(&a->text, "=");
    return event(a);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct form_account *a = arg;
    must(a->is_open && len > 0, "data without a part, or none");
    a->pieces++;
    pst_text_add(&a->text, pst_slice_of(data, len));
    return event(a);
}

static int on_end(void *arg)
{
    struct form_account *a = arg;
    must(a->is_open, "an end without a part");
    a->is_open = false;
    pst_text_adds(&a->text, ";");
    return event(a);
}

const struct pst_form_events form_account_events = {on_begin, on_data, on_end};

static int feed_copy(struct pst_form *form, const char *data, size_t len)
{
    char *copy = malloc(len ? len : 1);
    must(copy != NULL, "out of memory");
    memcpy(copy, data, len);
    int err = pst_form_feed(form, copy, len);
    free(copy);
    return err;
}

void form_account_read(struct form_account *a, struct pst_slice type, struct pst_slice body,
                       const struct pst_limits *limits, form_account_next *next, void *ctx)
{
    struct pst_limits defaults;
    struct pst_form *form;
    pst_limits_init(&defaults);
    a->err = pst_form_new(&form, type, limits ? limits : &defaults, &form_account_events, a);
    if (a->err)
        return;
    size_t left = body.len;
    while (left > 0 && a->err == 0) {
        size_t n = next ? next(ctx, left) : left;
        a->err = feed_copy(form, body.ptr + (body.len - left), n);
        left -= n;
    }
    int end = pst_form_finish(form);
    must(a->err == 0 || end == a->err, "an error was forgotten");
    a->err = end;
    (void)snprintf(a->why, sizeof a->why, "%s", pst_form_why(form));
    pst_form_free(form);
    must(!a->text.failed, "out of memory");
}

void form_account_free(struct form_account *a)
{
    pst_text_free(&a->text);
}

size_t form_account_cut_at(void *ctx, size_t left)
{
    size_t *at = ctx, n = *at;
    *at = 0;
    return n > 0 && n < left ? n : left;
}

size_t form_account_cut_every(void *ctx, size_t left)
{
    const size_t *n = ctx;
    return *n < left ? *n : left;
}
