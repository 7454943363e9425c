/* writer.c - see writer.h. No printf: every reply passes here. */
#include "h1/writer.h"

#include <string.h>

#include "postern/http.h"

static char *put(char *at, const char *text, size_t len)
{
    memcpy(at, text, len);
    return at + len;
}

#define PUT(at, literal) put((at), (literal), sizeof(literal) - 1)

enum { DECIMAL_BYTES = 20 };

static char *put_decimal(char *at, uint64_t value)
{
    char digits[DECIMAL_BYTES];
    char *p = digits + sizeof(digits);
    do
        *--p = (char)('0' + value % 10);
    while (value /= 10);
    return put(at, p, (size_t)(digits + sizeof(digits) - p));
}

static char *put_status_line(char *at, int status)
{
    if (status == 200)
        return PUT(at, "HTTP/1.1 200 OK\r\n");
    at = PUT(at, "HTTP/1.1 ");
    at = put_decimal(at, (unsigned)status);
    *at++ = ' ';
    const char *text = pst_status_text(status);
    at = put(at, text, strlen(text));
    return PUT(at, "\r\n");
}

/* Room for all that is not the reply's own fields. */
enum { FIXED_BYTES = 256 };

struct pst_slice pst_h1_write_head(struct pst_arena *arena, const struct pst_reply *reply, const char *date,
                                   enum pst_h1_body framing, int64_t length, bool is_close,
                                   bool say_keep_alive, size_t spare)
{
    size_t set_len = reply->set ? reply->set->text.len : 0;
    size_t need = FIXED_BYTES + set_len + spare;
    for (uint32_t i = 0; i < reply->field_count; i++)
        need += reply->fields[i].name.len + reply->fields[i].value.len + 4;
    char *head = pst_arena_alloc(arena, need);
    if (!head)
        return pst_slice_of(NULL, 0);

    char *at = put_status_line(head, reply->status);
    at = PUT(at, "Date: ");
    at = put(at, date, PST_HTTP_DATE_BYTES);
    if (length >= 0) {
        at = PUT(at, "\r\nContent-Length: ");
        at = put_decimal(at, (uint64_t)length);
    }
    if (framing == PST_H1_CHUNKED)
        at = PUT(at, "\r\nTransfer-Encoding: chunked");
    if (is_close)
        at = PUT(at, "\r\nConnection: close");
    else if (say_keep_alive)
        at = PUT(at, "\r\nConnection: keep-alive");
    at = PUT(at, "\r\n");
    if (set_len)
        at = put(at, reply->set->text.ptr, set_len);
    for (uint32_t i = 0; i < reply->field_count; i++) {
        at = put(at, reply->fields[i].name.ptr, reply->fields[i].name.len);
        at = PUT(at, ": ");
        if (reply->fields[i].value.len)
            at = put(at, reply->fields[i].value.ptr, reply->fields[i].value.len);
        at = PUT(at, "\r\n");
    }
    at = PUT(at, "\r\n");
    return pst_slice_of(head, (size_t)(at - head));
}

char *pst_h1_write_chunk_line(char *end, size_t size)
{
    static const char hex[] = "0123456789abcdef";
    char *at = end;
    *--at = '\n';
    *--at = '\r';
    do
        *--at = hex[size & 15];
    while (size >>= 4);
    return at;
}
