/* part_head.c - see part_head.h. */
#include "http/part_head.h"

#include "http/ctype.h"
#include "http/parameters.h"

struct reader {
    char *head;
    struct pst_form_part *part;
    const char **ret_why;
    bool has_disposition, has_type, has_encoding;
};

static int refuse(const struct reader *r, const char *why)
{
    *r->ret_why = why;
    return PST_E_SYNTAX;
}

/* The same bytes, which may be changed: they lie in the head. */
static char *writable(const struct reader *r, struct pst_slice s)
{
    return r->head + (s.ptr - r->head);
}

/* ---- name and filename ----
 * Two ways to write a quote are in use. The WHATWG's (HTML, "multipart/form-data encoding algorithm"):
 * %22 %0D %0A and nothing else is escaped, neither % nor \. And RFC 9110's \" and \\, of older clients such
 * as curl before 7.81. Both are undone; any other backslash stays, for old browsers sent paths like C:\a.txt.
 */

/* What "%22", "%0D" and "%0A" stand for; -1 for all else. n: bytes from p on. */
static int escape_value(const char *p, size_t n)
{
    if (n < 3 || p[0] != '%')
        return -1;
    int value = pst_hex_value((unsigned char)p[1]) * 16 + pst_hex_value((unsigned char)p[2]);
    return value == '"' || value == '\r' || value == '\n' ? value : -1;
}

static struct pst_slice decode_quoted(const struct reader *r, struct pst_slice raw)
{
    char *dst = writable(r, raw);
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        char c = raw.ptr[i];
        int escaped = escape_value(raw.ptr + i, raw.len - i);
        if (c == '\\' && i + 1 < raw.len && (raw.ptr[i + 1] == '"' || raw.ptr[i + 1] == '\\')) {
            c = raw.ptr[++i];
        } else if (escaped >= 0) {
            c = (char)escaped;
            i += 2;
        }
        dst[len++] = c;
    }
    return pst_slice_of(dst, len);
}

/* ---- filename*: RFC 8187 3.2.1, charset "'" [ language ] "'" value-chars ----
 * RFC 7578 4.2 says that it must not be used in forms; clients use it. */

/* attr-char: a token character but for "*" "'" "%". */
static bool is_attr_char(unsigned char c)
{
    return pst_is_token(c) && c != '*' && c != '\'' && c != '%';
}

/* Decodes value-chars to dst; a byte of Latin-1 takes two bytes of UTF-8, and three as it was written. False
 * where they are malformed. */
static bool decode_ext_chars(struct pst_slice chars, bool is_latin1, char *dst, size_t *ret_len)
{
    size_t len = 0;
    for (size_t i = 0; i < chars.len; i++) {
        unsigned char c = (unsigned char)chars.ptr[i];
        if (c == '%') {
            int high = chars.len - i > 2 ? pst_hex_value((unsigned char)chars.ptr[i + 1]) : -1;
            int low = chars.len - i > 2 ? pst_hex_value((unsigned char)chars.ptr[i + 2]) : -1;
            if (high < 0 || low < 0)
                return false;
            c = (unsigned char)(high * 16 + low);
            i += 2;
        } else if (!is_attr_char(c)) {
            return false;
        }
        if (is_latin1 && c >= 0x80) {
            dst[len++] = (char)(0xc0 | c >> 6);
            c = 0x80 | (c & 0x3f);
        }
        dst[len++] = (char)c;
    }
    *ret_len = len;
    return true;
}

/* *ret_name.ptr is NULL where the charset is neither of the two: RFC 8187 3.2.1 lets that be passed over. */
static int read_ext_value(const struct reader *r, struct pst_slice raw, struct pst_slice *ret_name)
{
    const char *first = memchr(raw.ptr, '\'', raw.len);
    const char *end = raw.ptr + raw.len;
    const char *second = first ? memchr(first + 1, '\'', (size_t)(end - first) - 1) : NULL;
    *ret_name = (struct pst_slice){0};
    if (second == NULL)
        return refuse(r, "a part's filename* is not as RFC 8187 has it");

    struct pst_slice charset = pst_slice_of(raw.ptr, (size_t)(first - raw.ptr));
    struct pst_slice chars = pst_slice_of(second + 1, (size_t)(end - second) - 1);
    bool is_latin1 = pst_slice_case_eq(charset, PST_SLICE("iso-8859-1"));
    bool is_known = is_latin1 || pst_slice_case_eq(charset, PST_SLICE("utf-8"));
    char *dst = writable(r, chars);
    size_t len;
    if (!decode_ext_chars(chars, is_latin1, dst, &len))
        return refuse(r, "a part's filename* is not as RFC 8187 has it");
    if (is_known)
        *ret_name = pst_slice_of(dst, len);
    return 0;
}

/* ---- Content-Disposition: RFC 7578 4.2, RFC 2183 2 ---- */

struct disposition {
    struct pst_slice name, file_name, ext_name;
    bool has_name, has_file_name, has_ext_name;
};

static int read_parameter(const struct reader *r, struct disposition *d, const struct pst_parameter *p)
{
    bool *has;
    struct pst_slice *value;
    if (pst_slice_case_eq(p->name, PST_SLICE("name"))) {
        has = &d->has_name;
        value = &d->name;
    } else if (pst_slice_case_eq(p->name, PST_SLICE("filename"))) {
        has = &d->has_file_name;
        value = &d->file_name;
    } else if (pst_slice_case_eq(p->name, PST_SLICE("filename*"))) {
        has = &d->has_ext_name;
        value = &d->ext_name;
    } else {
        return 0;
    }
    if (*has)
        return refuse(r, "a part's Content-Disposition says name or filename twice");
    *has = true;
    if (has == &d->has_ext_name)
        return p->is_quoted ? refuse(r, "a part's filename* is not as RFC 8187 has it")
                            : read_ext_value(r, p->raw, value);
    *value = p->is_quoted ? decode_quoted(r, p->raw) : p->raw;
    return 0;
}

static int read_disposition(const struct reader *r, struct pst_slice value)
{
    size_t type = pst_token_span(value.ptr, value.len);
    if (!pst_slice_case_eq(pst_slice_of(value.ptr, type), PST_SLICE("form-data")))
        return refuse(r, "a part's Content-Disposition is not form-data");

    struct pst_slice rest = pst_slice_of(value.ptr + type, value.len - type);
    struct disposition d = {0};
    struct pst_parameter p;
    int more;
    while ((more = pst_parameter_next(&rest, &p)) > 0) {
        int err = read_parameter(r, &d, &p);
        if (err)
            return err;
    }
    if (more < 0)
        return refuse(r, "a part's Content-Disposition is malformed");
    if (!d.has_name)
        return refuse(r, "a part's Content-Disposition has no name");

    r->part->name = d.name;
    r->part->is_file = d.has_file_name || d.has_ext_name;
    r->part->is_file_name_utf8 = d.ext_name.ptr != NULL;
    r->part->file_name = d.ext_name.ptr != NULL ? d.ext_name : d.file_name;
    return 0;
}

/* ---- the fields ---- */

/* RFC 7578 4.7: Content-Transfer-Encoding is deprecated, and HTTP needs none. What it says must not change
 * the bytes: a reader that undid base64 would disagree with all that do not. */
static int check_encoding(const struct reader *r, struct pst_slice value)
{
    if (pst_slice_case_eq(value, PST_SLICE("7bit")) || pst_slice_case_eq(value, PST_SLICE("8bit")) ||
        pst_slice_case_eq(value, PST_SLICE("binary")))
        return 0;
    return refuse(r, "a part's Content-Transfer-Encoding is not 7bit, 8bit or binary");
}

static int read_field(struct reader *r, struct pst_slice name, struct pst_slice value)
{
    if (pst_slice_case_eq(name, PST_SLICE("Content-Disposition"))) {
        if (r->has_disposition)
            return refuse(r, "a part has two Content-Disposition fields");
        r->has_disposition = true;
        return read_disposition(r, value);
    }
    if (pst_slice_case_eq(name, PST_SLICE("Content-Type"))) {
        if (r->has_type)
            return refuse(r, "a part has two Content-Type fields");
        r->has_type = true;
        r->part->type = value;
        return 0;
    }
    if (pst_slice_case_eq(name, PST_SLICE("Content-Transfer-Encoding"))) {
        if (r->has_encoding)
            return refuse(r, "a part has two Content-Transfer-Encoding fields");
        r->has_encoding = true;
        return check_encoding(r, value);
    }
    return 0; /* RFC 7578 4.8: others are ignored */
}

static int read_line(struct reader *r, struct pst_slice line)
{
    if (line.ptr[0] == ' ' || line.ptr[0] == '\t')
        return refuse(r, "a field of a part goes on over two lines");
    size_t name = pst_token_span(line.ptr, line.len);
    if (name == 0 || name == line.len || line.ptr[name] != ':')
        return refuse(r, "a line of a part's head is no field");
    struct pst_slice value = pst_slice_of(line.ptr + name + 1, line.len - name - 1);
    return read_field(r, pst_slice_of(line.ptr, name), pst_slice_trim(value));
}

int pst_part_head_read(char *head, size_t len, struct pst_form_part *ret_part, const char **ret_why)
{
    struct reader r = {.head = head, .part = ret_part, .ret_why = ret_why};
    *ret_part = (struct pst_form_part){0};
    for (size_t at = 0; at < len;) {
        const char *cr = memchr(head + at, '\r', len - at);
        size_t line = cr ? (size_t)(cr - head) - at : len - at;
        int err = line > 0 ? read_line(&r, pst_slice_of(head + at, line)) : 0;
        if (err)
            return err;
        at += line + 2;
    }
    return r.has_disposition ? 0 : refuse(&r, "a part has no Content-Disposition");
}
