/* reply.c - the reply's side of an exchange: what a handler says is recorded here; the session sends it. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "http/ctype.h"
#include "http/exchange.h"

/* The server's own fields: RFC 9110 6.6.1 Date, RFC 9112 6 framing, 9.6 and 7.6.1 connection management. */
static bool is_own_field(struct pst_slice name)
{
    switch (name.len) { /* lengths first: nearly all fields are none of these */
    case 2:
        return pst_slice_case_eq(name, PST_SLICE("te"));
    case 4:
        return pst_slice_case_eq(name, PST_SLICE("date"));
    case 7:
        return pst_slice_case_eq(name, PST_SLICE("upgrade")) || pst_slice_case_eq(name, PST_SLICE("trailer"));
    case 10:
        return pst_slice_case_eq(name, PST_SLICE("connection")) ||
               pst_slice_case_eq(name, PST_SLICE("keep-alive"));
    case 14:
        return pst_slice_case_eq(name, PST_SLICE("content-length"));
    case 17:
        return pst_slice_case_eq(name, PST_SLICE("transfer-encoding"));
    default:
        return false;
    }
}

bool pst_reply_may_have(struct pst_slice name, struct pst_slice value)
{
    /* A value with a CR or LF would let whoever made it write the rest of the reply. */
    return name.len > 0 && pst_token_span(name.ptr, name.len) == name.len &&
           pst_field_value_span(value.ptr, value.len) == value.len && !is_own_field(name);
}

static bool can_reply(const struct pst_exchange *ex)
{
    return !ex->is_replied && !ex->is_over;
}

int pst_reply_status(struct pst_exchange *ex, int status)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    if (status < 200 || status > 599)
        return PST_E_INVAL;
    ex->reply.status = status;
    return 0;
}

static int add_field(struct pst_exchange *ex, struct pst_slice name, struct pst_slice value)
{
    struct pst_reply *r = &ex->reply;
    if (r->field_count == r->field_cap) {
        uint32_t cap = r->field_cap ? r->field_cap * 2 : 12;
        struct pst_field *fields =
            pst_arena_grow(&ex->arena, r->fields, r->field_cap * sizeof(*fields), cap * sizeof(*fields));
        if (!fields)
            return PST_E_NOMEM;
        r->fields = fields;
        r->field_cap = cap;
    }
    r->fields[r->field_count++] = (struct pst_field){name, value};
    return 0;
}

int pst_reply_field_ref(struct pst_exchange *ex, struct pst_slice name, struct pst_slice value)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    return pst_reply_may_have(name, value) ? add_field(ex, name, value) : PST_E_INVAL;
}

int pst_reply_field_set(struct pst_exchange *ex, const struct pst_field_set *set)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    if (ex->reply.set)
        return PST_E_INVAL;
    ex->reply.set = set;
    return 0;
}

int pst_reply_field(struct pst_exchange *ex, const char *name, struct pst_slice value)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    size_t name_len = strlen(name);
    char *copy = pst_arena_alloc(&ex->arena, name_len + value.len);
    if (!copy)
        return PST_E_NOMEM;
    memcpy(copy, name, name_len);
    if (value.len)
        memcpy(copy + name_len, value.ptr, value.len);
    return pst_reply_field_ref(ex, pst_slice_of(copy, name_len), pst_slice_of(copy + name_len, value.len));
}

/* printf into the exchange's arena; ptr NULL when out of memory. */
static struct pst_slice format_text(struct pst_exchange *ex, const char *format, va_list args)
{
    va_list again;
    va_copy(again, args);
    int len = vsnprintf(NULL, 0, format, args);
    char *text = len < 0 ? NULL : pst_arena_alloc(&ex->arena, (size_t)len + 1);
    if (text)
        vsnprintf(text, (size_t)len + 1, format, again);
    va_end(again);
    return pst_slice_of(text, text ? (size_t)len : 0);
}

struct pst_slice pst_exchange_printf(struct pst_exchange *ex, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct pst_slice text = format_text(ex, format, args);
    va_end(args);
    return text;
}

int pst_reply_fieldf(struct pst_exchange *ex, const char *name, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    struct pst_slice value = format_text(ex, format, args);
    va_end(args);
    return value.ptr ? pst_reply_field(ex, name, value) : PST_E_NOMEM;
}

/* ---- completing ---- */

static int complete(struct pst_exchange *ex, enum pst_body_kind kind, int64_t length)
{
    ex->reply.kind = kind;
    ex->reply.length = length;
    ex->is_replied = true;
    ex->link->on_change(ex->link);
    return 0;
}

int pst_reply_bytes(struct pst_exchange *ex, const void *data, size_t len)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    ex->reply.bytes = data;
    return complete(ex, PST_BODY_BYTES, (int64_t)len);
}

int pst_reply_bytes_of(struct pst_exchange *ex, const void *data, size_t len, int fd, uint64_t offset)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    if (fd < 0 || len > INT64_MAX || offset > INT64_MAX - len)
        return PST_E_INVAL;
    ex->reply.bytes_fd = fd;
    ex->reply.offset = offset;
    return pst_reply_bytes(ex, data, len);
}

int pst_reply_copy(struct pst_exchange *ex, const void *data, size_t len)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    char *copy = pst_arena_alloc(&ex->arena, len);
    if (!copy)
        return PST_E_NOMEM;
    if (len)
        memcpy(copy, data, len);
    return pst_reply_bytes(ex, copy, len);
}

int pst_reply_printf(struct pst_exchange *ex, const char *format, ...)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    va_list args;
    va_start(args, format);
    struct pst_slice text = format_text(ex, format, args);
    va_end(args);
    return text.ptr ? pst_reply_bytes(ex, text.ptr, text.len) : PST_E_NOMEM;
}

int pst_reply_empty(struct pst_exchange *ex)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    return complete(ex, PST_BODY_NONE, 0);
}

int pst_reply_file(struct pst_exchange *ex, int fd, uint64_t offset, uint64_t len)
{
    int err = !can_reply(ex)                                          ? PST_E_STATE
              : fd < 0 || len > INT64_MAX || offset > INT64_MAX - len ? PST_E_INVAL
                                                                      : 0;
    if (err) {
        if (fd >= 0)
            close(fd);
        return err;
    }
    ex->reply.fd = fd;
    ex->reply.offset = offset;
    return complete(ex, PST_BODY_FILE, (int64_t)len);
}

int pst_reply_source(struct pst_exchange *ex, const struct pst_source *source, void *ctx, int64_t length)
{
    int err = !source || !source->pull || length < -1 ? PST_E_INVAL : can_reply(ex) ? 0 : PST_E_STATE;
    if (err) {
        if (source && source->close)
            source->close(ctx);
        return err;
    }
    ex->reply.source = *source;
    ex->reply.source_ctx = ctx;
    ex->reply.is_source_open = true;
    return complete(ex, PST_BODY_SOURCE, length);
}

void pst_exchange_wake(struct pst_exchange *ex)
{
    ex->reply.is_source_waiting = false;
    if (ex->is_replied && !ex->is_over)
        ex->link->on_change(ex->link);
}

bool pst_exchange_replied(const struct pst_exchange *ex)
{
    return ex->is_replied;
}

/* ---- the server's own pages ---- */

/* The set's fields become the reply's own, so that some of them can be dropped; out of memory, all are. */
static void dissolve_set(struct pst_exchange *ex)
{
    const struct pst_field_set *set = ex->reply.set;
    ex->reply.set = NULL;
    for (size_t i = 0; set && i < set->count; i++)
        (void)add_field(ex, set->fields[i].name, set->fields[i].value);
}

/* Two Content-Types are none (RFC 9110 8.3). Content-Range stays: 416 is an error page that needs it. */
void pst_reply_drop_body_fields(struct pst_exchange *ex)
{
    struct pst_reply *r = &ex->reply;
    dissolve_set(ex);
    static const char *const names[] = {"content-type", "content-encoding", "x-content-type-options",
                                        "content-security-policy"};
    uint32_t kept = 0;
    for (uint32_t i = 0; i < r->field_count; i++) {
        bool is_kept = true;
        for (size_t k = 0; k < sizeof(names) / sizeof(names[0]); k++)
            is_kept = is_kept && !pst_slice_case_eq(r->fields[i].name, pst_slice_str(names[k]));
        if (is_kept)
            r->fields[kept++] = r->fields[i];
    }
    r->field_count = kept;
}

static void add_page_fields(struct pst_exchange *ex)
{
    pst_reply_drop_body_fields(ex);
    add_field(ex, PST_SLICE("Content-Type"), PST_SLICE("text/html; charset=utf-8"));
    add_field(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    add_field(ex, PST_SLICE("Content-Security-Policy"), PST_SLICE("default-src 'none'"));
}

int pst_reply_error(struct pst_exchange *ex, int status)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    if (status < 400 || status > 599)
        return PST_E_INVAL;
    ex->reply.status = status;
    const char *text = pst_status_text(status);
    struct pst_slice page =
        pst_exchange_printf(ex,
                            "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"
                            "<meta name=\"viewport\" content=\"width=device-width\">"
                            "<meta name=\"color-scheme\" content=\"light dark\">"
                            "<title>%d %s</title></head>\n<body><h1>%d %s</h1></body></html>\n",
                            status, text, status, text);
    if (!page.ptr) /* out of memory: the status alone still goes out */
        return pst_reply_empty(ex);
    add_page_fields(ex);
    return pst_reply_bytes(ex, page.ptr, page.len);
}

int pst_reply_redirect(struct pst_exchange *ex, int status, struct pst_slice location)
{
    if (!can_reply(ex))
        return PST_E_STATE;
    if (status != 301 && status != 302 && status != 303 && status != 307 && status != 308)
        return PST_E_INVAL;
    for (size_t i = 0; i < location.len; i++)
        if (location.ptr[i] <= ' ' || location.ptr[i] > '~')
            return PST_E_INVAL;
    int err = pst_reply_field(ex, "Location", location);
    if (err)
        return err;
    struct pst_text page = {0};
    pst_text_addf(
        &page,
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>%d %s</title></head>\n"
        "<body><p>The page is at <a href=\"",
        status, pst_status_text(status));
    pst_text_add_html(&page, location);
    pst_text_adds(&page, "\">");
    pst_text_add_html(&page, location);
    pst_text_adds(&page, "</a>.</p></body></html>\n");
    ex->reply.status = status;
    char *body = page.failed ? NULL : pst_arena_alloc(&ex->arena, page.len);
    size_t len = page.len;
    if (body)
        memcpy(body, page.ptr, len);
    pst_text_free(&page);
    if (!body) /* out of memory: Location alone leads there, too */
        return pst_reply_empty(ex);
    add_page_fields(ex);
    return pst_reply_bytes(ex, body, len);
}

void pst_exchange_refuse(struct pst_exchange *ex, int status, enum pst_end why)
{
    if (!can_reply(ex))
        return;
    ex->reply.set = NULL;
    ex->reply.field_count = 0;
    ex->failure = why;
    if (ex->host->is_wrong_door)
        pst_gate_explain(ex, status);
    else
        pst_reply_error(ex, status);
}
