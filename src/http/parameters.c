/* parameters.c - see parameters.h. */
#include "http/parameters.h"

#include <postern/http.h>

#include "http/ctype.h"

static struct pst_slice skip(struct pst_slice s, size_t n)
{
    return pst_slice_of(s.ptr + n, s.len - n);
}

static struct pst_slice skip_blanks(struct pst_slice s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t'))
        s = skip(s, 1);
    return s;
}

/* RFC 9110 5.6.4 Quoted Strings. s begins behind the opening quote; false where the closing one is missing.
 */
static bool take_quoted(struct pst_slice *s, struct pst_slice *ret_raw)
{
    for (size_t i = 0; i < s->len; i++) {
        if (s->ptr[i] == '\\') {
            i++;
        } else if (s->ptr[i] == '"') {
            *ret_raw = pst_slice_of(s->ptr, i);
            *s = skip(*s, i + 1);
            return true;
        }
    }
    return false;
}

int pst_parameter_next(struct pst_slice *rest, struct pst_parameter *ret_parameter)
{
    struct pst_slice s = skip_blanks(*rest);
    /* A semicolon must stand before each parameter: "a=1 b=2" is none. */
    if (s.len > 0 && s.ptr[0] != ';')
        return PST_E_SYNTAX;
    while (s.len > 0 && s.ptr[0] == ';')
        s = skip_blanks(skip(s, 1));
    *rest = s;
    if (s.len == 0)
        return 0;

    size_t name = pst_token_span(s.ptr, s.len);
    if (name == 0 || name == s.len || s.ptr[name] != '=')
        return PST_E_SYNTAX;
    ret_parameter->name = pst_slice_of(s.ptr, name);
    s = skip(s, name + 1);

    ret_parameter->is_quoted = s.len > 0 && s.ptr[0] == '"';
    if (ret_parameter->is_quoted) {
        s = skip(s, 1);
        if (!take_quoted(&s, &ret_parameter->raw))
            return PST_E_SYNTAX;
    } else {
        size_t value = pst_token_span(s.ptr, s.len);
        if (value == 0)
            return PST_E_SYNTAX;
        ret_parameter->raw = pst_slice_of(s.ptr, value);
        s = skip(s, value);
    }
    *rest = s;
    return 1;
}

size_t pst_parameter_unquote(struct pst_slice raw, char *dst)
{
    size_t len = 0;
    for (size_t i = 0; i < raw.len; i++) {
        if (raw.ptr[i] == '\\' && i + 1 < raw.len)
            i++;
        dst[len++] = raw.ptr[i];
    }
    return len;
}

/* RFC 2046 5.1.1: bchars, and a space that is not the last. */
static bool is_boundary(const char *p, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)p[i];
        bool is_alnum = pst_is_digit(c) || ((c | 0x20U) >= 'a' && (c | 0x20U) <= 'z');
        if (c == '\0' || (!is_alnum && strchr("'()+_,-./:=? ", c) == NULL))
            return false;
    }
    return len > 0 && len <= PST_BOUNDARY_MOST && p[len - 1] != ' ';
}

int pst_parameter_boundary(struct pst_slice content_type, char *dst, size_t *ret_len)
{
    struct pst_slice essence = pst_media_type_essence(content_type);
    struct pst_slice rest = skip(content_type, (size_t)(essence.ptr + essence.len - content_type.ptr));
    struct pst_parameter p;
    size_t len = 0;
    int more;

    while ((more = pst_parameter_next(&rest, &p)) > 0) {
        if (!pst_slice_case_eq(p.name, PST_SLICE("boundary")))
            continue;
        char value[2 * PST_BOUNDARY_MOST]; /* where every byte is escaped */
        if (len > 0 || p.raw.len > sizeof value)
            return PST_E_SYNTAX;
        memcpy(value, p.raw.ptr, p.raw.len);
        len = p.is_quoted ? pst_parameter_unquote(p.raw, value) : p.raw.len;
        if (!is_boundary(value, len))
            return PST_E_SYNTAX;
        memcpy(dst, value, len);
    }
    *ret_len = len;
    return more < 0 || len == 0 ? PST_E_SYNTAX : 0;
}
