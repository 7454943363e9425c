/* origin.c - web origins. */
#include "handlers/origin.h"

/* RFC 3986 3.2.2, as far as it matters here: nothing that ends an authority or divides it. */
static bool is_host_byte(char c)
{
    return c > ' ' && c != 0x7f && !strchr("/?#@\\\"<>^`{|}[]:%,", c);
}

static bool is_literal_byte(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F') || c == ':' || c == '.';
}

/* How many bytes of a host text begins with; 0: none. */
static size_t host_len(struct pst_slice text)
{
    size_t n = 0;
    if (text.len == 0 || text.ptr[0] != '[') {
        while (n < text.len && is_host_byte(text.ptr[n]))
            n++;
        return n;
    }
    n = 1;
    while (n < text.len && is_literal_byte(text.ptr[n]))
        n++;
    return n > 1 && n < text.len && text.ptr[n] == ']' ? n + 1 : 0;
}

/* host[:port]; sets all but the scheme, which decides the port that is left out. RFC 3986 3.2.3: an empty
 * port behind a colon is the same as none. */
static bool read_authority(struct pst_slice text, struct pst_origin *origin, struct pst_slice *ret_rest)
{
    size_t n = host_len(text);
    if (n == 0)
        return false;
    origin->host = pst_slice_of(text.ptr, n);
    origin->port = origin->is_https ? 443 : 80;
    if (n < text.len && text.ptr[n] == ':') {
        size_t begin = ++n;
        unsigned port = 0;
        while (n < text.len && text.ptr[n] >= '0' && text.ptr[n] <= '9' && port <= 65535)
            port = port * 10 + (unsigned)(text.ptr[n++] - '0');
        if (port > 65535)
            return false;
        if (n > begin)
            origin->port = port;
    }
    *ret_rest = pst_slice_of(text.ptr + n, text.len - n);
    return ret_rest->len == 0 || memchr("/?#", ret_rest->ptr[0], 3) != NULL;
}

bool pst_origin_read(struct pst_slice text, struct pst_origin *ret_origin, struct pst_slice *ret_rest)
{
    static const struct pst_slice schemes[] = {{"http://", 7}, {"https://", 8}};
    for (size_t i = 0; i < 2; i++) {
        size_t n = schemes[i].len;
        if (text.len <= n || !pst_slice_case_eq(pst_slice_of(text.ptr, n), schemes[i]))
            continue;
        ret_origin->is_https = i == 1;
        return read_authority(pst_slice_of(text.ptr + n, text.len - n), ret_origin, ret_rest);
    }
    return false;
}

bool pst_origin_of(struct pst_slice scheme, struct pst_slice authority, struct pst_origin *ret_origin)
{
    struct pst_slice rest;
    ret_origin->is_https = pst_slice_case_eq(scheme, PST_SLICE("https"));
    return read_authority(authority, ret_origin, &rest) && rest.len == 0;
}

bool pst_origin_eq(const struct pst_origin *a, const struct pst_origin *b)
{
    return a->is_https == b->is_https && a->port == b->port && pst_slice_case_eq(a->host, b->host);
}
