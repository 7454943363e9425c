/* echo_body.c - see echo_body.h. */
#include "handlers/echo_body.h"

#include <postern/form.h>
#include <postern/json.h>

/* Bounds of an answer, so that a short request cannot make a huge one. */
#define TEXT_MAX_BYTES   4096
#define JSON_MAX_BYTES   65536 /* it is shown whole or not at all */
#define FIELDS_MAX       1000
#define FIELDS_MAX_BYTES 262144
#define FILE_TEXT_BYTES  256 /* the beginning of a file that is text */
#define FILE_BYTES       16  /* and of one that is not */

/* ---- media types ---- */

struct pst_slice pst_echo_type_of_body(const struct pst_exchange *ex)
{
    struct pst_slice value;
    if (!pst_exchange_field(ex, "Content-Type", &value))
        return PST_SLICE("");
    return pst_media_type_essence(value);
}

static bool starts_with_case(struct pst_slice s, struct pst_slice prefix)
{
    return s.len >= prefix.len && pst_slice_case_eq(pst_slice_of(s.ptr, prefix.len), prefix);
}

static bool ends_with_case(struct pst_slice s, struct pst_slice tail)
{
    return s.len >= tail.len && pst_slice_case_eq(pst_slice_of(s.ptr + (s.len - tail.len), tail.len), tail);
}

bool pst_echo_is_of_text(struct pst_slice type)
{
    return starts_with_case(type, PST_SLICE("text/"));
}

static bool is_urlencoded(struct pst_slice type)
{
    return pst_slice_case_eq(type, PST_SLICE("application/x-www-form-urlencoded"));
}

static bool is_multipart(struct pst_slice type)
{
    return pst_slice_case_eq(type, PST_SLICE("multipart/form-data"));
}

static bool is_json(struct pst_slice type)
{
    return pst_slice_case_eq(type, PST_SLICE("application/json")) || ends_with_case(type, PST_SLICE("+json"));
}

static bool is_text(struct pst_slice type)
{
    return pst_echo_is_of_text(type) || is_urlencoded(type) || is_json(type) ||
           pst_slice_case_eq(type, PST_SLICE("application/xml")) || ends_with_case(type, PST_SLICE("+xml"));
}

/* ---- text ---- */

/* Not in the middle of a character, where the text is UTF-8: continuation bytes are 10xxxxxx. */
static size_t cut_at(struct pst_slice text, size_t most)
{
    if (text.len <= most)
        return text.len;
    size_t at = most;
    while (at > most - 4 && ((unsigned char)text.ptr[at] & 0xc0U) == 0x80U)
        at--;
    return at;
}

/* ---- forms ---- */

static void show_left_out(struct pst_echo_writer *w, const char *key, const char *what, size_t left_out)
{
    if (left_out == 0)
        return;
    pst_echo_section(w, key, false);
    pst_echo_number(w, what, left_out);
    pst_echo_section_end(w);
}

void pst_echo_urlencoded(struct pst_echo_writer *w, const char *key, const char *cut_key,
                         struct pst_slice text, char *scratch)
{
    struct pst_form_field field;
    size_t count = 0, bytes = 0, left_out = 0;
    pst_echo_section(w, key, true);
    while (pst_urlencoded_next(&text, &scratch, &field)) {
        bytes += field.name.len + field.value.len;
        if (count++ < FIELDS_MAX && bytes <= FIELDS_MAX_BYTES)
            pst_echo_pair(w, field.name, field.value);
        else
            left_out++;
    }
    pst_echo_section_end(w);
    show_left_out(w, cut_key, "fields not shown", left_out);
}

/* "89 50 4e 47 ..." */
static void show_first_bytes(struct pst_echo_writer *w, struct pst_slice bytes)
{
    static const char digits[] = "0123456789abcdef";
    char text[3 * FILE_BYTES];
    size_t shown = bytes.len < FILE_BYTES ? bytes.len : FILE_BYTES;
    for (size_t i = 0; i < shown; i++) {
        unsigned char c = (unsigned char)bytes.ptr[i];
        text[3 * i] = digits[c >> 4];
        text[3 * i + 1] = digits[c & 15];
        text[3 * i + 2] = ' ';
    }
    if (shown > 0)
        pst_echo_pair(w, PST_SLICE("first bytes"), pst_slice_of(text, 3 * shown - 1));
}

static void show_part(struct pst_echo_writer *w, const struct pst_form_entry *entry)
{
    const struct pst_form_part *part = &entry->part;
    bool as_text = !part->is_file || is_text(pst_media_type_essence(part->type));
    size_t shown = cut_at(entry->value, part->is_file ? FILE_TEXT_BYTES : TEXT_MAX_BYTES);
    pst_echo_item(w);
    pst_echo_pair(w, PST_SLICE("name"), part->name);
    if (part->is_file)
        pst_echo_pair(w, PST_SLICE("file name"), part->file_name);
    if (part->type.len > 0)
        pst_echo_pair(w, PST_SLICE("type"), part->type);
    pst_echo_number(w, "length", entry->value.len);
    if (!as_text)
        show_first_bytes(w, entry->value);
    else if (shown == entry->value.len)
        pst_echo_pair(w, PST_SLICE("value"), entry->value);
    else
        pst_echo_pair(w, PST_SLICE("begins"), pst_slice_of(entry->value.ptr, shown));
    pst_echo_item_end(w);
}

static void show_parts(struct pst_echo_writer *w, struct pst_exchange *ex)
{
    struct pst_form_data form;
    size_t bytes = 0, shown = 0;
    int err = pst_form_read(ex, &form);
    if (err == PST_E_NOMEM)
        w->text.failed = true;
    if (err) {
        pst_echo_section(w, "form_error", false);
        pst_echo_number(w, "status", (uint64_t)pst_form_status(err));
        pst_echo_pair(w, PST_SLICE("reason"), pst_slice_str(form.why));
        pst_echo_section_end(w);
        return;
    }
    pst_echo_list(w, "parts");
    for (; shown < form.count && shown < FIELDS_MAX && bytes <= FIELDS_MAX_BYTES; shown++) {
        const struct pst_form_entry *entry = &form.entries[shown];
        bytes += entry->part.name.len + entry->part.file_name.len + cut_at(entry->value, TEXT_MAX_BYTES);
        show_part(w, entry);
    }
    pst_echo_list_end(w);
    show_left_out(w, "parts_cut", "parts not shown", form.count - shown);
}

/* ---- JSON ---- */

/* Whether a body is JSON that can be shown as such. Where it is not, *ret_reason says why and *ret_right how
 * many bytes were right; the reason is NULL for a body that does not claim to be JSON. */
static bool is_good_json(const struct pst_exchange *ex, struct pst_slice type, struct pst_slice body,
                         const char **ret_reason, size_t *ret_right)
{
    *ret_reason = NULL;
    *ret_right = 0;
    if (!is_json(type) || body.len == 0 || body.len > JSON_MAX_BYTES)
        return false;
    int err = pst_json_check(body, (unsigned)pst_exchange_limits(ex)->json_depth, ret_right);
    if (err)
        *ret_reason = err == PST_E_LIMIT ? "nested deeper than json_depth" : "this is no JSON";
    return err == 0;
}

static void show_json_error(struct pst_echo_writer *w, const char *reason, size_t right)
{
    pst_echo_section(w, "json_error", false);
    pst_echo_pair(w, PST_SLICE("reason"), pst_slice_str(reason));
    pst_echo_number(w, "bytes that were right", right);
    pst_echo_section_end(w);
}

/* ---- all of it ---- */

static void show_summary(struct pst_echo_writer *w, struct pst_slice type, size_t length, size_t not_shown)
{
    pst_echo_section(w, "body", false);
    pst_echo_number(w, "length", length);
    if (type.len > 0)
        pst_echo_pair(w, PST_SLICE("type"), type);
    if (not_shown > 0)
        pst_echo_number(w, "bytes not shown", not_shown);
    pst_echo_section_end(w);
}

void pst_echo_body(struct pst_echo_writer *w, struct pst_exchange *ex, char *scratch)
{
    struct pst_slice body = pst_exchange_body(ex);
    struct pst_slice type = pst_echo_type_of_body(ex);
    const char *json_reason;
    size_t json_right;
    bool as_json = is_good_json(ex, type, body, &json_reason, &json_right);
    bool as_parts = is_multipart(type) && body.len > 0;
    size_t as_text = is_text(type) && !as_json ? cut_at(body, TEXT_MAX_BYTES) : 0;

    show_summary(w, type, body.len, as_json || as_parts ? 0 : body.len - as_text);
    if (is_urlencoded(type))
        pst_echo_urlencoded(w, "form", "form_cut", body, scratch);
    if (as_parts)
        show_parts(w, ex);
    if (as_json)
        pst_echo_json(w, "json", body);
    if (json_reason != NULL)
        show_json_error(w, json_reason, json_right);
    if (as_text > 0)
        pst_echo_text(w, "text", pst_slice_of(body.ptr, as_text));
}
