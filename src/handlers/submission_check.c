/* submission_check.c - what a place's rules ask of the fields and files that came. */
#include "handlers/submission_internal.h"

enum { NAME_SHOWN_BYTES = 60 };

/* reason_text, with what has been added to it; a plain one where memory ran out. */
static int refuse_with_text(struct pst_submission *s, const char *otherwise)
{
    pst_text_add(&s->reason_text, PST_SLICE("\0"));
    return pst_submission_refuse(s, 422, s->reason_text.failed ? otherwise : s->reason_text.ptr);
}

/* Without control bytes, and not at great length. */
static void add_name(struct pst_text *t, struct pst_slice name)
{
    size_t len = name.len < NAME_SHOWN_BYTES ? name.len : NAME_SHOWN_BYTES;
    while (len < name.len && len > 0 && ((unsigned char)name.ptr[len] & 0xc0U) == 0x80U)
        len--; /* not in the middle of a character: continuation bytes are 10xxxxxx */
    pst_text_adds(t, "\"");
    for (size_t i = 0; i < len; i++) {
        bool is_control = (unsigned char)name.ptr[i] < ' ' || name.ptr[i] == 0x7f;
        pst_text_add(t, is_control ? PST_SLICE("?") : pst_slice_of(name.ptr + i, 1));
    }
    pst_text_adds(t, len < name.len ? "...\"" : "\"");
}

static int refuse_unknown(struct pst_submission *s, struct pst_slice name)
{
    pst_text_adds(&s->reason_text, "no field ");
    add_name(&s->reason_text, name);
    pst_text_adds(&s->reason_text, " is taken here, only ");
    for (size_t i = 0; i < s->rules.field_count; i++) {
        pst_text_adds(&s->reason_text, i ? ", " : "");
        add_name(&s->reason_text, s->rules.fields[i].name);
    }
    return refuse_with_text(s, "a field of this name is not taken here");
}

int pst_submission_check_name(struct pst_submission *s, struct pst_slice name, size_t *ret_rule)
{
    size_t i = 0;
    if (name.len == 0) /* pages never send such a one, and a column without a heading is no use */
        return pst_submission_refuse(s, 422, "a field has no name");
    while (i < s->rules.field_count && !pst_slice_eq(s->rules.fields[i].name, name))
        i++;
    *ret_rule = i;
    return s->rules.field_count == 0 || i < s->rules.field_count ? 0 : refuse_unknown(s, name);
}

static int refuse_missing(struct pst_submission *s, struct pst_slice name)
{
    pst_text_adds(&s->reason_text, "the field ");
    add_name(&s->reason_text, name);
    pst_text_adds(&s->reason_text, " has to be filled in");
    return refuse_with_text(s, "a field has to be filled in");
}

int pst_submission_check(struct pst_submission *s)
{
    const struct pst_submission_rules *rules = &s->rules;
    size_t rule;
    for (size_t i = 0; i < s->fields.count; i++) {
        int err = pst_submission_check_name(s, pst_submitted_name(&s->fields, i), &rule);
        if (err)
            return err;
    }
    for (size_t i = 0; i < rules->field_count; i++) {
        if (rules->fields[i].is_required && !s->has_file[i] &&
            !pst_submitted_has(&s->fields, rules->fields[i].name))
            return refuse_missing(s, rules->fields[i].name);
    }
    if (s->fields.count == 0 && s->file_count == 0 && s->body.len == 0)
        return pst_submission_refuse(s, 422, "there is nothing in it");
    const char *why = rules->check ? rules->check(s, rules->arg) : NULL;
    return why ? pst_submission_refuse(s, 422, why) : 0;
}
