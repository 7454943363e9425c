/* submission_form.c - the parts of a form: fields are held, files go into the draft. */
#include "handlers/submission_internal.h"

/* ---- fields ---- */

static int begin_field(struct pst_submission *s, const struct pst_form_part *part)
{
    /* RFC 7578 4.5: a part may have a charset of its own. */
    if (!pst_submitted_begin(&s->fields, pst_submission_charset(part->type), part->name))
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    return 0;
}

static int take_charset(struct pst_submission *s, struct pst_slice value)
{
    /* Names of charsets are short (RFC 2978 2.3: at most 40 bytes); the first one counts. */
    if (s->form_charset.len == 0 && value.len <= 40)
        pst_text_add(&s->form_charset, value);
    return s->form_charset.failed ? pst_submission_refuse_err(s, PST_E_NOMEM) : 0;
}

static int take_key(struct pst_submission *s, struct pst_slice value, bool is_text)
{
    struct pst_submission_key key;
    if (!is_text || !pst_submission_key_take(value, &key))
        return pst_submission_refuse(s, 400,
                                     "_idempotency_key is no key: at most 255 bytes of printable ASCII");
    if (key.len == 0)
        return 0;
    if (s->key.len > 0 &&
        !pst_slice_eq(pst_slice_of(key.text, key.len), pst_slice_of(s->key.text, s->key.len)))
        return pst_submission_refuse(s, 400, "there are two different idempotency keys");
    s->key = key;
    return 0;
}

int pst_submission_take_reserved(struct pst_submission *s, bool is_text)
{
    size_t last = s->fields.count - 1;
    struct pst_slice name = pst_submitted_name(&s->fields, last);
    struct pst_slice value = pst_submitted_value(&s->fields, last);
    int err = 0;
    if (pst_slice_eq(name, PST_SLICE("_charset_")))
        err = take_charset(s, value);
    else if (pst_slice_eq(name, PST_SLICE("_idempotency_key")))
        err = take_key(s, value, is_text);
    else if (s->rules.honeypot.len > 0 && pst_slice_eq(name, s->rules.honeypot))
        s->is_spam = s->is_spam || (value.len > 0 && !s->fields.fields[last].is_null);
    else
        return 0;
    pst_submitted_drop(&s->fields);
    return err;
}

/* ---- files ---- */

static struct pst_slice part_name(const struct pst_submission_part *part)
{
    return part->name_len > 0 ? pst_slice_of(part->text.ptr, part->name_len) : PST_SLICE("");
}

static struct pst_slice part_file_name(const struct pst_submission_part *part)
{
    return part->file_name_len > 0 ? pst_slice_of(part->text.ptr + part->name_len, part->file_name_len)
                                   : PST_SLICE("");
}

static struct pst_slice part_type(const struct pst_submission_part *part)
{
    return part->type_len > 0
               ? pst_slice_of(part->text.ptr + part->name_len + part->file_name_len, part->type_len)
               : PST_SLICE("");
}

/* A file's name is needed before the form's end: of a _charset_ that comes behind it nothing is known yet.
 * Browsers that send one send it first where the page has it first. */
static int begin_file(struct pst_submission *s, const struct pst_form_part *part)
{
    struct pst_submission_part *to = &s->part;
    struct pst_slice charset = pst_slice_of(s->form_charset.ptr, s->form_charset.len);
    to->text.len = 0;
    pst_form_text(&to->text, part->name, charset);
    to->name_len = to->text.len;
    pst_form_text(&to->text, part->file_name, part->is_file_name_utf8 ? PST_SLICE("") : charset);
    to->file_name_len = to->text.len - to->name_len;
    pst_form_text(&to->text, part->type, PST_SLICE(""));
    to->type_len = to->text.len - to->name_len - to->file_name_len;
    to->head_len = 0;
    return to->text.failed ? pst_submission_refuse_err(s, PST_E_NOMEM) : 0;
}

/* Whether it may come is asked once its first bytes are there. */
static int admit_file(struct pst_submission *s)
{
    struct pst_submission_part *part = &s->part;
    const struct pst_submission_rules *rules = &s->rules;
    const char *reason = "a file of this kind is not taken here";
    size_t rule;
    if (rules->max_files == 0)
        return pst_submission_refuse(s, 415, "files are not taken here");
    int err = pst_submission_check_name(s, part_name(part), &rule);
    if (err)
        return err;
    if (++s->file_count > rules->max_files)
        return pst_submission_refuse(s, 413, "there are more files than are taken here");
    if (rules->takes_file && !rules->takes_file(part->head, part->head_len, &reason, rules->arg))
        return pst_submission_refuse(s, 415, reason);
    if (part->head_len > 0) {
        s->full_file_count++;
        if (rule < rules->field_count)
            s->has_file[rule] = true;
    }
    err = pst_submission_need_draft(s);
    if (err)
        return err;
    part->is_begun = true;
    err = pst_upload_begin(&s->upload, s->draft, part_name(part), part_file_name(part), part_type(part));
    if (!err)
        err = pst_upload_data(&s->upload, part->head, part->head_len);
    return err ? pst_submission_refuse_err(s, err) : 0;
}

static int file_data(struct pst_submission *s, const char *data, size_t len)
{
    struct pst_submission_part *part = &s->part;
    if (!part->is_begun) {
        size_t room = sizeof part->head - part->head_len;
        size_t n = len < room ? len : room;
        memcpy(part->head + part->head_len, data, n);
        part->head_len += n;
        data += n;
        len -= n;
        if (part->head_len < sizeof part->head)
            return 0;
        int err = admit_file(s);
        if (err)
            return err;
    }
    int err = pst_upload_data(&s->upload, data, len);
    return err ? pst_submission_refuse_err(s, err) : 0;
}

static int file_end(struct pst_submission *s)
{
    struct pst_submission_part *part = &s->part;
    /* A file input that was left empty: browsers send a file without a name and without bytes. */
    if (!part->is_begun && part->head_len == 0 && part->file_name_len == 0)
        return 0;
    int err = part->is_begun ? 0 : admit_file(s);
    if (err)
        return err;
    err = pst_upload_end(&s->upload);
    return err ? pst_submission_refuse_err(s, err) : 0;
}

/* ---- the form's events ---- */

static int on_begin(void *arg, const struct pst_form_part *part)
{
    struct pst_submission *s = arg;
    s->part.is_file = part->is_file;
    s->part.is_begun = false;
    return part->is_file ? begin_file(s, part) : begin_field(s, part);
}

static int on_data(void *arg, const char *data, size_t len)
{
    struct pst_submission *s = arg;
    if (s->part.is_file)
        return s->is_spam ? 0 : file_data(s, data, len);
    return pst_submitted_append(&s->fields, data, len) ? 0 : pst_submission_refuse_err(s, PST_E_NOMEM);
}

static int on_end(void *arg)
{
    struct pst_submission *s = arg;
    if (s->part.is_file)
        return s->is_spam ? 0 : file_end(s);
    return pst_submission_take_reserved(s, true);
}

const struct pst_form_events pst_submission_form_events = {on_begin, on_data, on_end};
