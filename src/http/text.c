/* text.c - a text that grows in malloc'ed memory, and what must be escaped on its way into one. */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <postern/http.h>

#include "http/ctype.h"
#include "http/utf8.h"

/* Room for more bytes beyond len; false, with failed set, where there is none. */
static bool reserve(struct pst_text *t, size_t more)
{
    if (t->failed)
        return false;
    if (more <= t->cap - t->len)
        return true;
    size_t cap = t->cap ? t->cap : 256;
    while (cap - t->len < more && cap <= SIZE_MAX / 2)
        cap *= 2;
    char *grown = cap - t->len < more ? NULL : realloc(t->ptr, cap);
    if (grown == NULL) {
        t->failed = true;
        return false;
    }
    t->ptr = grown;
    t->cap = cap;
    return true;
}

void pst_text_add(struct pst_text *t, struct pst_slice s)
{
    if (s.len == 0 || !reserve(t, s.len))
        return;
    memcpy(t->ptr + t->len, s.ptr, s.len);
    t->len += s.len;
}

void pst_text_adds(struct pst_text *t, const char *s)
{
    pst_text_add(t, pst_slice_str(s));
}

/* One try at formatting into the room that is there: the length it takes, without the NUL, or -1. */
static int try_format(struct pst_text *t, const char *format, va_list args)
{
    size_t room = t->cap - t->len;
    return vsnprintf(room ? t->ptr + t->len : NULL, room, format, args);
}

void pst_text_addf(struct pst_text *t, const char *format, ...)
{
    va_list args, again;
    if (t->failed)
        return;
    va_start(args, format);
    va_copy(again, args);
    int len = try_format(t, format, args);
    if (len < 0) {
        t->failed = true;
    } else if ((size_t)len < t->cap - t->len) {
        t->len += (size_t)len;
    } else if (reserve(t, (size_t)len + 1)) {
        try_format(t, format, again);
        t->len += (size_t)len;
    }
    va_end(again);
    va_end(args);
}

void pst_text_free(struct pst_text *t)
{
    if (t == NULL)
        return;
    free(t->ptr);
    *t = (struct pst_text){0};
}

/* ---- escaping ---- */

/* What escapes one whole character: writes to dst what replaces it and returns how long that is; 0 where the
 * character stands as it is. */
enum { ESCAPE_BYTES = 8 };
typedef size_t (*escape_fn)(const char *p, size_t len, char dst[ESCAPE_BYTES]);

static size_t put(char dst[ESCAPE_BYTES], const char *text)
{
    size_t len = strlen(text);
    memcpy(dst, text, len);
    return len;
}

static size_t put_replacement(char dst[ESCAPE_BYTES])
{
    return put(dst, "\xef\xbf\xbd"); /* U+FFFD */
}

static void add_escaped(struct pst_text *t, struct pst_slice s, escape_fn escape)
{
    size_t plain = 0, i = 0; /* what lies between the two is still to be added, as it is */
    while (i < s.len && !t->failed) {
        char instead[ESCAPE_BYTES];
        bool is_valid;
        size_t len = pst_utf8_span(s.ptr + i, s.len - i, &is_valid);
        size_t instead_len = is_valid ? escape(s.ptr + i, len, instead) : put_replacement(instead);
        if (instead_len != 0) {
            pst_text_add(t, pst_slice_of(s.ptr + plain, i - plain));
            pst_text_add(t, pst_slice_of(instead, instead_len));
            plain = i + len;
        }
        i += len;
    }
    if (plain < i)
        pst_text_add(t, pst_slice_of(s.ptr + plain, i - plain));
}

static size_t escape_html(const char *p, size_t len, char dst[ESCAPE_BYTES])
{
    (void)len;
    switch (*p) {
    case '&':
        return put(dst, "&amp;");
    case '<':
        return put(dst, "&lt;");
    case '>':
        return put(dst, "&gt;");
    case '"':
        return put(dst, "&quot;");
    case '\'':
        return put(dst, "&#39;"); /* &apos; is unknown to HTML 4 */
    case '\t':
    case '\n':
    case '\r':
        return 0;
    default:
        return (unsigned char)*p < ' ' || *p == 0x7f ? put_replacement(dst) : 0;
    }
}

void pst_text_add_html(struct pst_text *t, struct pst_slice s)
{
    add_escaped(t, s, escape_html);
}

/* RFC 8259 7 Strings. Beyond what it wants: < > & so that the text can stand inside an HTML script element,
 * U+2028 and U+2029, which ended a line inside a string in JavaScript before 2019, and DEL and C1, which a
 * terminal would obey: U+009B is what begins its commands. */
static size_t escape_json(const char *p, size_t len, char dst[ESCAPE_BYTES])
{
    static const char shorts[][3] = {"\"\"", "\\\\", "\bb", "\ff", "\nn", "\rr", "\tt"};
    unsigned code = (unsigned char)*p;

    if (len == 3 && memcmp(p, "\xe2\x80", 2) == 0 && (p[2] == '\xa8' || p[2] == '\xa9'))
        code = p[2] == '\xa8' ? 0x2028 : 0x2029;
    else if (len == 2 && code == 0xc2 && (unsigned char)p[1] < 0xa0)
        code = (unsigned char)p[1];
    else if (len > 1 || (code >= ' ' && code != 0x7f && strchr("\"\\<>&", *p) == NULL))
        return 0;

    for (size_t i = 0; i < sizeof shorts / sizeof shorts[0]; i++) {
        if (*p == shorts[i][0]) {
            dst[0] = '\\';
            dst[1] = shorts[i][1];
            return 2;
        }
    }
    return (size_t)snprintf(dst, ESCAPE_BYTES, "\\u%04x", code);
}

void pst_text_add_json(struct pst_text *t, struct pst_slice s)
{
    pst_text_add(t, PST_SLICE("\""));
    add_escaped(t, s, escape_json);
    pst_text_add(t, PST_SLICE("\""));
}

/* ---- percent-encoding ---- */

void pst_text_add_percent(struct pst_text *t, struct pst_slice s, bool keep_slash)
{
    static const char digits[] = "0123456789ABCDEF"; /* RFC 3986 2.1: upper case is the normal form */
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (pst_is_unreserved(c) || (keep_slash && c == '/')) {
            pst_text_add(t, pst_slice_of(s.ptr + i, 1));
        } else {
            char escape[3] = {'%', digits[c >> 4], digits[c & 15]};
            pst_text_add(t, pst_slice_of(escape, sizeof escape));
        }
    }
}
