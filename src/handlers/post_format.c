/* post_format.c - a stored post as JSON, and the time as both formats write it. CSV is in post_csv.c. */
#include "handlers/post_format.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <postern/json.h>

/* ---- time ---- */

void pst_post_time(char dst[PST_POST_TIME_BYTES], int64_t time_ms)
{
    static const int64_t first = INT64_C(-62167219200000), last = INT64_C(253402300799999);
    int64_t clamped = time_ms < first ? first : time_ms > last ? last : time_ms;
    int64_t ms = clamped % 1000;
    if (ms < 0) /* C rounds towards zero, the calendar down */
        ms += 1000;
    time_t seconds = (time_t)((clamped - ms) / 1000);
    struct tm tm = {.tm_mday = 1};
    (void)gmtime_r(&seconds, &tm);
    /* The remainders tell the compiler how long the numbers are; the calendar keeps to them. */
    (void)snprintf(dst, PST_POST_TIME_BYTES, "%04u-%02u-%02uT%02u:%02u:%02u.%03uZ",
                   (unsigned)(tm.tm_year + 1900) % 10000U, (unsigned)(tm.tm_mon + 1) % 100U,
                   (unsigned)tm.tm_mday % 100U, (unsigned)tm.tm_hour % 100U, (unsigned)tm.tm_min % 100U,
                   (unsigned)tm.tm_sec % 100U, (unsigned)ms % 1000U);
}

/* ---- fields ----
 * A name that comes several times is one member with an array, at the place of its first. Sorting finds such
 * names in time that does not grow with the square of their number, which is the sender's to choose. */

struct link {
    const struct pst_post_field *field;
};

static int compare_links(const void *left, const void *right)
{
    const struct link *a = left, *b = right;
    struct pst_slice x = a->field->name, y = b->field->name;
    size_t n = x.len < y.len ? x.len : y.len;
    int order = n > 0 ? memcmp(x.ptr, y.ptr, n) : 0;
    if (order == 0 && x.len != y.len)
        order = x.len < y.len ? -1 : 1;
    if (order == 0)
        order = a->field < b->field ? -1 : 1; /* in the order of the post */
    return order;
}

/* For each field the index of the next one of its name, 0 where there is none; and whether it is the first.
 * Free both by free(*ret_next). False: out of memory. */
static bool link_fields(const struct pst_post *post, size_t **ret_next, bool **ret_is_first)
{
    size_t n = post->field_count;
    struct link *sorted = calloc(n, sizeof *sorted);
    size_t *next = calloc(n, sizeof *next + sizeof(bool));
    if (!sorted || !next) {
        free(sorted);
        free(next);
        return false;
    }
    bool *is_first = (bool *)(next + n);
    for (size_t i = 0; i < n; i++)
        sorted[i].field = &post->fields[i];
    qsort(sorted, n, sizeof *sorted, compare_links);
    for (size_t i = 0; i < n; i++) {
        size_t at = (size_t)(sorted[i].field - post->fields);
        is_first[at] = i == 0 || !pst_slice_eq(sorted[i - 1].field->name, sorted[i].field->name);
        if (!is_first[at])
            next[sorted[i - 1].field - post->fields] = at;
    }
    free(sorted);
    *ret_next = next;
    *ret_is_first = is_first;
    return true;
}

static void add_member(struct pst_text *t, const struct pst_post *post, const size_t *next, size_t at)
{
    bool is_array = next[at] != 0;
    pst_text_add_json(t, post->fields[at].name);
    pst_text_adds(t, is_array ? ":[" : ":");
    pst_text_add_json(t, post->fields[at].value);
    for (size_t i = next[at]; i != 0; i = next[i]) {
        pst_text_adds(t, ",");
        pst_text_add_json(t, post->fields[i].value);
    }
    if (is_array)
        pst_text_adds(t, "]");
}

void pst_post_add_json_fields(struct pst_text *t, const struct pst_post *post)
{
    size_t *next = NULL;
    bool *is_first = NULL;
    pst_text_adds(t, "{");
    if (post->field_count > 0) {
        if (!link_fields(post, &next, &is_first)) {
            t->failed = true;
            return;
        }
        for (size_t i = 0; i < post->field_count; i++) {
            if (!is_first[i])
                continue;
            if (i > 0)
                pst_text_adds(t, ",");
            add_member(t, post, next, i);
        }
        free(next);
    }
    pst_text_adds(t, "}");
}

/* ---- body ---- */

static bool is_json_type(struct pst_slice type)
{
    struct pst_slice essence = pst_media_type_essence(type), tail = PST_SLICE("+json");
    return pst_slice_case_eq(essence, PST_SLICE("application/json")) ||
           (essence.len > tail.len &&
            pst_slice_case_eq(pst_slice_of(essence.ptr + essence.len - tail.len, tail.len), tail));
}

bool pst_post_has_json(const struct pst_post *post)
{
    enum { DEEPEST = 1024 }; /* what pst_json_check() can do: how deep a post may be was decided before */
    return is_json_type(post->type) && pst_json_check(post->body, DEEPEST, NULL) == 0;
}

/* DEL and the C1 controls, which JSON lets stand as they are, and a terminal obeys; 0: neither. */
static unsigned control_at(struct pst_slice json, size_t at, size_t *ret_len)
{
    unsigned char c = (unsigned char)json.ptr[at];
    unsigned char next = at + 1 < json.len ? (unsigned char)json.ptr[at + 1] : 0;
    *ret_len = c == 0x7f ? 1 : 2;
    return c == 0x7f ? c : c == 0xc2 && next >= 0x80 && next < 0xa0 ? next : 0;
}

/* JSON without the blanks between its tokens: a line end cannot be anywhere else (RFC 8259 7), so this is
 * one line. */
static void add_compact(struct pst_text *t, struct pst_slice json)
{
    bool is_string = false;
    size_t from = 0;
    for (size_t i = 0; i < json.len; i++) {
        char c = json.ptr[i];
        if (is_string && c == '\\') {
            i++;
        } else if (c == '"') {
            is_string = !is_string;
        } else if (!is_string && (c == ' ' || c == '\t' || c == '\n' || c == '\r')) {
            pst_text_add(t, pst_slice_of(json.ptr + from, i - from));
            from = i + 1;
        } else if (is_string && ((unsigned char)c == 0xc2 || c == 0x7f)) {
            size_t len;
            unsigned control = control_at(json, i, &len);
            if (control == 0)
                continue;
            pst_text_add(t, pst_slice_of(json.ptr + from, i - from));
            pst_text_addf(t, "\\u%04x", control);
            from = i + len;
            i = from - 1;
        }
    }
    pst_text_add(t, pst_slice_of(json.ptr + from, json.len - from));
}

/* ---- the whole ---- */

static void add_string(struct pst_text *t, const char *key, struct pst_slice value)
{
    pst_text_addf(t, ",\"%s\":", key);
    pst_text_add_json(t, value);
}

static void add_file(struct pst_text *t, const struct pst_post *post, const struct pst_post_file *file,
                     const char *url_prefix)
{
    pst_text_addf(t, "{\"number\":%u", file->number);
    add_string(t, "name", file->name);
    add_string(t, "file_name", file->file_name);
    add_string(t, "type", file->type);
    pst_text_addf(t, ",\"size\":%" PRIu64, file->size);
    add_string(t, "sha256", pst_slice_str(file->hash));
    if (url_prefix) {
        add_string(t, "url", pst_slice_str(url_prefix));
        if (!t->failed)
            t->len--; /* the closing quote */
        pst_text_addf(t, "%" PRIu64 "/files/%u\"", post->id, file->number);
    }
    pst_text_adds(t, "}");
}

void pst_post_add_json(struct pst_text *t, const struct pst_post *post, const char *url_prefix,
                       bool with_address)
{
    char when[PST_POST_TIME_BYTES];
    pst_post_time(when, post->time_ms);
    pst_text_addf(t, "{\"id\":%" PRIu64 ",\"time\":\"%s\"", post->id, when);
    add_string(t, "type", post->type);
    if (with_address)
        add_string(t, "address", post->address);
    pst_text_adds(t, ",\"fields\":");
    pst_post_add_json_fields(t, post);
    if (post->body.len > 0) {
        pst_text_adds(t, ",\"body\":");
        if (pst_post_has_json(post))
            add_compact(t, post->body);
        else
            pst_text_add_json(t, post->body);
    }
    pst_text_adds(t, ",\"files\":[");
    for (size_t i = 0; i < post->file_count; i++) {
        if (i > 0)
            pst_text_adds(t, ",");
        add_file(t, post, &post->files[i], url_prefix);
    }
    pst_text_adds(t, "]}");
}
