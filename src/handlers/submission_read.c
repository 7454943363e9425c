/* submission_read.c - the body of a submission, by its kind. */
#include <postern/json.h>

#include "handlers/submission_internal.h"

/* ---- media types ---- */

static bool ends_with_case(struct pst_slice s, struct pst_slice tail)
{
    return s.len >= tail.len && pst_slice_case_eq(pst_slice_of(s.ptr + (s.len - tail.len), tail.len), tail);
}

/* RFC 6839 3.1: "+json" is JSON, whatever it means. */
static bool is_json(struct pst_slice type)
{
    return ends_with_case(type, PST_SLICE("/json")) || ends_with_case(type, PST_SLICE("+json"));
}

/* RFC 9110 8.3.1: parameters are name=token or name="quoted". No charset has a quote or backslash in its
 * name. */
struct pst_slice pst_submission_charset(struct pst_slice content_type)
{
    static const struct pst_slice name = {"charset=", 8};
    bool is_quoted = false;
    for (size_t i = 0; i < content_type.len; i++) {
        struct pst_slice rest = pst_slice_of(content_type.ptr + i + 1, content_type.len - i - 1);
        if (content_type.ptr[i] == '"')
            is_quoted = !is_quoted;
        if (is_quoted || content_type.ptr[i] != ';')
            continue;
        while (rest.len > 0 && (rest.ptr[0] == ' ' || rest.ptr[0] == '\t'))
            rest = pst_slice_of(rest.ptr + 1, rest.len - 1);
        if (rest.len <= name.len || !pst_slice_case_eq(pst_slice_of(rest.ptr, name.len), name))
            continue;
        rest = pst_slice_of(rest.ptr + name.len, rest.len - name.len);
        bool has_quotes = rest.ptr[0] == '"';
        if (has_quotes)
            rest = pst_slice_of(rest.ptr + 1, rest.len - 1);
        size_t n = 0;
        while (n < rest.len && !strchr(has_quotes ? "\"" : "; \t\"", rest.ptr[n]))
            n++;
        return pst_slice_of(rest.ptr, n);
    }
    return PST_SLICE("");
}

static int refuse_type(struct pst_submission *s)
{
    /* Accept-Post (W3C Linked Data Platform 7.1) is to Content-Type what RFC 9110 15.5.16 has Accept-Encoding
     * for. */
    struct pst_slice accepted = s->rules.is_form_only
                                    ? PST_SLICE("application/x-www-form-urlencoded, multipart/form-data")
                                    : PST_SLICE("application/x-www-form-urlencoded, multipart/form-data, "
                                                "application/json, text/plain");
    (void)pst_reply_field_ref(s->ex, PST_SLICE("Accept-Post"), accepted);
    return pst_submission_refuse(s, 415,
                                 s->rules.is_form_only
                                     ? "only forms are taken here, as application/x-www-form-urlencoded or "
                                       "multipart/form-data"
                                     : "its Content-Type has to be application/x-www-form-urlencoded, "
                                       "multipart/form-data, application/json or text/plain");
}

/* ---- the beginning ---- */

static int refuse_form_err(struct pst_submission *s, int err)
{
    const char *why = s->form ? pst_form_why(s->form) : "";
    if (s->status) /* an event has said it */
        return PST_E_STATE;
    if (err == PST_E_NOMEM)
        return pst_submission_refuse_err(s, err);
    return pst_submission_refuse(s, pst_form_status(err),
                                 *why ? why : "the form's Content-Type has no proper boundary");
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int open_form(struct pst_submission *s, struct pst_slice content_type)
{
    s->kind = PST_SUBMISSION_FORM;
    if (s->rules.file_bytes > 0)
        s->limits.form_file_bytes = least(s->limits.form_file_bytes, s->rules.file_bytes);
    int err = pst_form_new(&s->form, content_type, &s->limits, &pst_submission_form_events, s);
    return err ? refuse_form_err(s, err) : 0;
}

static int refuse_length(struct pst_submission *s)
{
    return pst_submission_refuse(s, 413, "it is larger than what is taken here");
}

static int check_length(struct pst_submission *s)
{
    int64_t length = pst_exchange_body_length(s->ex);
    if (s->kind != PST_SUBMISSION_FORM)
        s->rules.body_bytes = least(s->rules.body_bytes, s->limits.form_text_bytes);
    return length > 0 && (uint64_t)length > s->rules.body_bytes ? refuse_length(s) : 0;
}

/* RFC 9110 8.4: a coding that nobody asked for is not undone. */
static int check_coding(struct pst_submission *s)
{
    size_t n = pst_exchange_field_count(s->ex);
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(s->ex, i);
        if (!pst_slice_case_eq(field.name, PST_SLICE("Content-Encoding")) || field.value.len == 0 ||
            pst_slice_case_eq(field.value, PST_SLICE("identity")))
            continue;
        /* RFC 9110 15.5.16 */
        (void)pst_reply_field_ref(s->ex, PST_SLICE("Accept-Encoding"), PST_SLICE("identity"));
        return pst_submission_refuse(s, 415, "it is compressed: send it as it is, without Content-Encoding");
    }
    return 0;
}

/* Media types compare in any case (RFC 9110 8.3.1): kept in one, readers of the store need not know. */
static int keep_type(struct pst_submission *s, struct pst_slice type)
{
    char *copy = pst_exchange_alloc(s->ex, type.len + 1);
    if (!copy)
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    for (size_t i = 0; i < type.len; i++)
        copy[i] = (char)(type.ptr[i] >= 'A' && type.ptr[i] <= 'Z' ? type.ptr[i] | 0x20 : type.ptr[i]);
    s->type = pst_slice_of(copy, type.len);
    return 0;
}

int pst_submission_open_body(struct pst_submission *s)
{
    struct pst_slice value;
    (void)pst_exchange_field(s->ex, "Content-Type", &value);
    struct pst_slice type = pst_media_type_essence(value);
    int err = check_coding(s);
    if (!err)
        err = keep_type(s, type);
    if (err)
        return err;
    if (s->rules.body_bytes == 0)
        s->rules.body_bytes = s->limits.stream_bytes;
    if (pst_slice_case_eq(type, PST_SLICE("application/x-www-form-urlencoded")) ||
        pst_slice_case_eq(type, PST_SLICE("multipart/form-data"))) {
        err = open_form(s, value);
    } else if (!s->rules.is_form_only && is_json(type)) {
        s->kind = PST_SUBMISSION_JSON;
    } else if (!s->rules.is_form_only && pst_slice_case_eq(type, PST_SLICE("text/plain"))) {
        s->kind = PST_SUBMISSION_TEXT;
        s->charset = pst_submission_charset(value);
    } else {
        err = refuse_type(s);
    }
    return err ? err : check_length(s);
}

/* ---- the middle ---- */

int pst_submission_feed(struct pst_submission *s, const char *data, size_t len)
{
    s->fed_bytes += len;
    if (s->fed_bytes > s->rules.body_bytes)
        return refuse_length(s);
    if (s->kind == PST_SUBMISSION_FORM) {
        int err = len > 0 ? pst_form_feed(s->form, data, len) : 0;
        return err ? refuse_form_err(s, err) : 0;
    }
    pst_text_add(&s->body, pst_slice_of(data, len));
    return s->body.failed ? pst_submission_refuse_err(s, PST_E_NOMEM) : 0;
}

/* ---- the end: JSON (RFC 8259) ---- */

static int add_member(struct pst_submission *s, const struct pst_json_walk *walk)
{
    struct pst_submitted *fields = &s->fields;
    bool is_text = walk->value.kind == PST_JSON_STRING;
    if (!pst_submitted_begin(fields, PST_SLICE(""), PST_SLICE("")))
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    pst_json_decode(&fields->text, walk->name);
    pst_submitted_name_sync(fields);
    /* As in forms. */
    struct pst_slice name = pst_submitted_name(fields, fields->count - 1);
    if (name.len > 0 && memchr(name.ptr, '\0', name.len))
        return pst_submission_refuse(s, 400, "a name holds a NUL");
    if (is_text)
        pst_json_decode(&fields->text, walk->value.raw);
    else
        pst_text_add(&fields->text, walk->value.raw);
    pst_submitted_sync(fields);
    fields->fields[fields->count - 1].is_null = walk->value.kind == PST_JSON_NULL;
    if (fields->text.failed)
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    return pst_submission_take_reserved(s, is_text);
}

static int add_members(struct pst_submission *s, struct pst_json_value object)
{
    struct pst_json_walk walk = {0};
    uint64_t members = 0;
    bool has_failed;
    while (pst_json_next(object, &walk)) {
        if (++members > s->limits.form_fields)
            return pst_submission_refuse(s, 413, "the object has more members than are taken here");
        int err = add_member(s, &walk);
        if (err)
            return err;
    }
    size_t twin = pst_submitted_find_twin(&s->fields, &has_failed);
    if (has_failed)
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    if (twin < s->fields.count)
        return pst_submission_refuse(s, 422, "the object has two members of the same name");
    return 0;
}

static int close_json(struct pst_submission *s)
{
    struct pst_slice text = pst_slice_of(s->body.ptr ? s->body.ptr : "", s->body.len);
    size_t offset = 0;
    int err = pst_json_check(text, (unsigned)s->limits.json_depth, &offset);
    if (err == PST_E_LIMIT)
        return pst_submission_refuse(s, 413,
                                     "the JSON is nested more deeply than is taken here (json_depth)");
    if (err) {
        pst_text_addf(&s->reason_text, "the body is no JSON: what comes at byte %zu cannot be there", offset);
        return pst_submission_refuse(s, 400,
                                     s->reason_text.failed ? "the body is no JSON" : s->reason_text.ptr);
    }
    struct pst_json_value root = pst_json_root(text);
    if (root.kind == PST_JSON_OBJECT)
        return add_members(s, root);
    if (s->rules.field_count > 0)
        return pst_submission_refuse(s, 422, "the JSON has to be an object: its members are the fields");
    return 0;
}

/* ---- the end: text ---- */

static int close_text(struct pst_submission *s)
{
    struct pst_text text = {0};
    struct pst_slice body = pst_slice_of(s->body.ptr ? s->body.ptr : "", s->body.len);
    bool is_utf8 = s->charset.len == 0 || pst_slice_case_eq(s->charset, PST_SLICE("utf-8")) ||
                   pst_slice_case_eq(s->charset, PST_SLICE("us-ascii"));
    if (s->rules.field_count > 0)
        return pst_submission_refuse(s, 415, "a text has no fields: send a form or JSON");
    pst_form_text(&text, body, is_utf8 ? PST_SLICE("") : s->charset);
    if (text.failed) {
        pst_text_free(&text);
        return pst_submission_refuse_err(s, PST_E_NOMEM);
    }
    /* What is no UTF-8 comes out otherwise than it went in. */
    bool is_right = !is_utf8 || pst_slice_eq(pst_slice_of(text.ptr, text.len), body);
    pst_text_free(&s->body);
    s->body = text;
    return is_right ? 0
                    : pst_submission_refuse(s, 400, "the text is not UTF-8, and says of no other charset");
}

static int close_form(struct pst_submission *s)
{
    int err = pst_form_finish(s->form);
    if (err)
        return refuse_form_err(s, err);
    s->is_utf8 = pst_submitted_to_utf8(&s->fields, pst_slice_of(s->form_charset.ptr, s->form_charset.len));
    return s->is_utf8 ? 0 : pst_submission_refuse_err(s, PST_E_NOMEM);
}

int pst_submission_close_body(struct pst_submission *s)
{
    switch (s->kind) {
    case PST_SUBMISSION_FORM:
        return close_form(s);
    case PST_SUBMISSION_JSON:
        s->is_utf8 = true; /* pst_json_check() sees to it */
        return close_json(s);
    default:
        return close_text(s);
    }
}
