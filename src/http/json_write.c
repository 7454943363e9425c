/* json_write.c - JSON written, and sent as a reply. */
#include <assert.h>

#include <postern/json.h>

#include "http/exchange.h"

enum { DEPTH_MAX = 64 };

static bool is_in_object(const struct pst_json *json)
{
    return json->depth > 0 && (json->is_object >> (json->depth - 1) & 1) != 0;
}

/* Before a member's name, or an array's item: what separates it from the one before. */
static void separate(struct pst_json *json)
{
    if (json->depth == 0)
        return;
    uint64_t bit = UINT64_C(1) << (json->depth - 1);
    if (json->has_items & bit)
        pst_text_adds(&json->text, ",");
    json->has_items |= bit;
}

/* Before each value. */
static void begin_value(struct pst_json *json)
{
    assert(json->is_after_name == is_in_object(json)); /* each member has a name and one value */
    if (!json->is_after_name)
        separate(json);
    json->is_after_name = false;
}

static void begin_container(struct pst_json *json, bool is_object)
{
    if (json->text.failed)
        return;
    begin_value(json);
    assert(json->depth < DEPTH_MAX);
    if (json->depth == DEPTH_MAX) {
        json->text.failed = true;
        return;
    }
    uint64_t bit = UINT64_C(1) << json->depth++;
    json->has_items &= ~bit;
    json->is_object = is_object ? json->is_object | bit : json->is_object & ~bit;
    pst_text_adds(&json->text, is_object ? "{" : "[");
}

static void end_container(struct pst_json *json)
{
    if (json->text.failed)
        return;
    assert(json->depth > 0 && !json->is_after_name);
    pst_text_adds(&json->text, is_in_object(json) ? "}" : "]");
    json->depth -= json->depth > 0;
}

void pst_json_object(struct pst_json *json)
{
    begin_container(json, true);
}

void pst_json_array(struct pst_json *json)
{
    begin_container(json, false);
}

void pst_json_end_object(struct pst_json *json)
{
    assert(json->text.failed || is_in_object(json));
    end_container(json);
}

void pst_json_end_array(struct pst_json *json)
{
    assert(json->text.failed || !is_in_object(json));
    end_container(json);
}

void pst_json_name(struct pst_json *json, const char *name)
{
    if (json->text.failed)
        return;
    assert(is_in_object(json) && !json->is_after_name);
    separate(json);
    pst_text_add_json(&json->text, pst_slice_str(name));
    pst_text_adds(&json->text, ":");
    json->is_after_name = true;
}

void pst_json_string(struct pst_json *json, struct pst_slice value)
{
    if (json->text.failed)
        return;
    begin_value(json);
    pst_text_add_json(&json->text, value);
}

void pst_json_raw(struct pst_json *json, struct pst_slice value)
{
    if (json->text.failed)
        return;
    begin_value(json);
    pst_text_add(&json->text, value);
}

/* The digits of value at the end of a buffer. */
static void add_number(struct pst_json *json, uint64_t value, bool is_negative)
{
    char buffer[24], *end = buffer + sizeof(buffer), *p = end;
    do
        *--p = (char)('0' + value % 10);
    while ((value /= 10) != 0);
    if (is_negative)
        *--p = '-';
    pst_json_raw(json, pst_slice_of(p, (size_t)(end - p)));
}

void pst_json_int(struct pst_json *json, int64_t value)
{
    add_number(json, value < 0 ? 0 - (uint64_t)value : (uint64_t)value, value < 0);
}

void pst_json_uint(struct pst_json *json, uint64_t value)
{
    add_number(json, value, false);
}

void pst_json_bool(struct pst_json *json, bool value)
{
    pst_json_raw(json, value ? PST_SLICE("true") : PST_SLICE("false"));
}

void pst_json_null(struct pst_json *json)
{
    pst_json_raw(json, PST_SLICE("null"));
}

void pst_json_free(struct pst_json *json)
{
    if (json == NULL)
        return;
    pst_text_free(&json->text);
    *json = (struct pst_json){.depth = 0};
}

/* ---- replies ---- */

/* RFC 8259 11 IANA Considerations: the media type has no charset parameter. nosniff: somebody's text is in
 * it, which no browser should take for a page. */
static int add_fields(struct pst_exchange *ex)
{
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"), PST_SLICE("application/json"));
    if (err == 0)
        err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    return err;
}

int pst_reply_json(struct pst_exchange *ex, struct pst_json *json)
{
    assert(json->text.failed || (json->depth == 0 && json->text.len > 0));
    int err = json->text.failed ? PST_E_NOMEM : add_fields(ex);
    if (err == 0)
        err = pst_reply_copy(ex, json->text.ptr, json->text.len);
    pst_json_free(json);
    return err;
}

int pst_reply_json_error(struct pst_exchange *ex, int status, const char *reason)
{
    if (status < 400 || status > 599)
        return PST_E_INVAL;
    int err = pst_reply_status(ex, status);
    if (err)
        return err;
    pst_reply_drop_body_fields(ex);
    struct pst_json json = {.depth = 0};
    pst_json_object(&json);
    pst_json_name(&json, "error");
    pst_json_int(&json, status);
    pst_json_name(&json, "reason");
    pst_json_string(&json, pst_slice_str(reason ? reason : pst_status_text(status)));
    pst_json_end_object(&json);
    /* Out of memory: the status alone still goes out. */
    return pst_reply_json(ex, &json) ? pst_reply_empty(ex) : 0;
}
