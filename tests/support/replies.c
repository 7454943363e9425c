/* replies.c - see replies.h. */
#include "support/replies.h"

#include <string.h>

static struct pst_slice take(struct pst_slice *rest, size_t n)
{
    struct pst_slice taken = pst_slice_of(rest->ptr, n);
    *rest = pst_slice_of(rest->ptr + n, rest->len - n);
    return taken;
}

/* A line and its CRLF; false where there is none. */
static bool take_line(struct pst_slice *rest, struct pst_slice *ret_line)
{
    const char *end = rest->len ? memmem(rest->ptr, rest->len, "\r\n", 2) : NULL;
    if (!end)
        return false;
    *ret_line = take(rest, (size_t)(end - rest->ptr));
    take(rest, 2);
    return true;
}

static bool is_bad_field(struct pst_slice line)
{
    const char *colon = memchr(line.ptr, ':', line.len);
    if (!colon || colon == line.ptr || colon[1] != ' ')
        return true;
    for (size_t i = 0; i < line.len; i++)
        if ((unsigned char)line.ptr[i] < ' ' || line.ptr[i] == 0x7f)
            return true;
    return false;
}

struct framing {
    bool has_length, is_chunked, has_date, is_close;
    unsigned long long length;
    unsigned own; /* framing fields seen */
};

static bool is_field(struct pst_slice line, const char *name, struct pst_slice *ret_value)
{
    size_t n = strlen(name);
    if (line.len < n + 2 || !pst_slice_case_eq(pst_slice_of(line.ptr, n), pst_slice_str(name)) ||
        line.ptr[n] != ':')
        return false;
    *ret_value = pst_slice_trim(pst_slice_of(line.ptr + n + 1, line.len - n - 1));
    return true;
}

static const char *read_fields(struct pst_slice *rest, struct framing *f)
{
    struct pst_slice line, value;
    for (;;) {
        if (!take_line(rest, &line))
            return "a head that does not end";
        if (line.len == 0)
            return NULL;
        if (is_bad_field(line))
            return "a malformed field";
        if (is_field(line, "Content-Length", &value)) {
            f->own++;
            f->has_length = true;
            if (!pst_slice_to_u64(value, &f->length))
                return "a malformed Content-Length";
        } else if (is_field(line, "Transfer-Encoding", &value)) {
            f->own++;
            f->is_chunked = pst_slice_eq(value, PST_SLICE("chunked"));
            if (!f->is_chunked)
                return "an unknown Transfer-Encoding";
        } else if (is_field(line, "Date", &value)) {
            if (f->has_date)
                return "two dates";
            f->has_date = true;
        } else if (is_field(line, "Connection", &value)) {
            f->is_close = pst_slice_eq(value, PST_SLICE("close"));
        }
    }
}

static const char *read_status_line(struct pst_slice *rest, int *ret_status)
{
    struct pst_slice line;
    unsigned long long status;
    if (!take_line(rest, &line))
        return "no status line";
    if (!pst_slice_starts(line, PST_SLICE("HTTP/1.1 ")) || line.len < 13 || line.ptr[12] != ' ' ||
        !pst_slice_to_u64(pst_slice_of(line.ptr + 9, 3), &status))
        return "a malformed status line";
    *ret_status = (int)status;
    return NULL;
}

static int hex(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *read_chunks(struct pst_slice *rest, struct reply *reply)
{
    struct pst_slice line;
    for (;;) {
        if (!take_line(rest, &line) || line.len == 0 || line.len > 8) {
            reply->is_whole = false;
            return NULL;
        }
        size_t size = 0;
        for (size_t i = 0; i < line.len; i++) {
            if (hex(line.ptr[i]) < 0)
                return "a malformed chunk size";
            size = size * 16 + (size_t)hex(line.ptr[i]);
        }
        if (rest->len < size + 2) {
            reply->is_whole = false;
            return NULL;
        }
        take(rest, size);
        reply->body_len += size;
        if (!pst_slice_eq(take(rest, 2), PST_SLICE("\r\n")))
            return "no CRLF behind a chunk";
        if (size == 0)
            return NULL;
    }
}

const char *reply_read(struct pst_slice *rest, bool is_head, bool is_end, struct reply *ret_reply)
{
    const char *begin = rest->ptr;
    struct framing f;
    const char *wrong;
    *ret_reply = (struct reply){.is_whole = true};
    do {
        f = (struct framing){0};
        wrong = read_status_line(rest, &ret_reply->status);
        if (!wrong)
            wrong = read_fields(rest, &f);
        if (wrong)
            return wrong;
        if (ret_reply->status < 200 && f.own)
            return "an interim reply with framing"; /* RFC 9110 8.6, RFC 9112 6.1 */
    } while (ret_reply->status < 200);
    ret_reply->head = pst_slice_of(begin, (size_t)(rest->ptr - begin));
    ret_reply->is_close = f.is_close;
    if (!f.has_date)
        return "no Date"; /* RFC 9110 6.6.1 */
    if (f.own > 1)
        return "ambiguous framing";
    const char *body = rest->ptr;
    if (ret_reply->status == 204 && f.own)
        return "204 with framing";
    if (is_head || ret_reply->status == 204 || ret_reply->status == 304)
        return NULL;
    if (f.is_chunked) {
        wrong = read_chunks(rest, ret_reply);
    } else if (f.has_length) {
        ret_reply->is_whole = rest->len >= f.length;
        ret_reply->body_len = ret_reply->is_whole ? (size_t)f.length : rest->len;
        take(rest, ret_reply->body_len);
    } else {
        /* RFC 9112 6.3: until the connection closes. */
        if (!is_end || !f.is_close)
            return "a body of unknown length that is not the last";
        ret_reply->body_len = rest->len;
        take(rest, rest->len);
    }
    ret_reply->body = pst_slice_of(body, (size_t)(rest->ptr - body));
    return wrong;
}
