/* uri.c - taking apart and checking request targets, paths and authorities. */
#include "http/uri.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "http/ctype.h"

/* How many bytes from p on, of n, are in the class flag or well-formed escapes (RFC 3986 2.1). */
static size_t escaped_span(const char *p, size_t n, uint8_t flag)
{
    size_t i = pst_ctype_span(p, n, flag);
    while (n - i > 2 && p[i] == '%' && pst_hex_value((unsigned char)p[i + 1]) >= 0 &&
           pst_hex_value((unsigned char)p[i + 2]) >= 0) {
        i += 3;
        i += pst_ctype_span(p + i, n - i, flag);
    }
    return i;
}

/* RFC 9112 3.2.1 origin-form: absolute-path [ "?" query ]. A fragment is no part of it: "#" ends the span. */
static int parse_path_and_query(struct pst_slice s, struct pst_target *ret)
{
    size_t path_len = escaped_span(s.ptr, s.len, PST_CT_PATH);
    ret->raw_path = pst_slice_of(s.ptr, path_len);
    if (path_len == s.len)
        return 0;
    if (s.ptr[path_len] != '?')
        return PST_E_SYNTAX;

    ret->has_query = true;
    ret->query = pst_slice_of(s.ptr + path_len + 1, s.len - path_len - 1);
    if (escaped_span(ret->query.ptr, ret->query.len, PST_CT_QUERY) != ret->query.len)
        return PST_E_SYNTAX;
    return 0;
}

/* RFC 9112 3.2.2 absolute-form, of the two schemes that are served here. A host is a must in them, and
 * userinfo an error (RFC 9110 4.2.1, 4.2.4). */
static int parse_absolute(struct pst_slice target, struct pst_target *ret)
{
    size_t scheme_len = 0;
    while (scheme_len < target.len && target.ptr[scheme_len] != ':')
        scheme_len++;
    ret->form = PST_TARGET_ABSOLUTE;
    ret->scheme = pst_slice_of(target.ptr, scheme_len);
    if (!pst_slice_case_eq(ret->scheme, PST_SLICE("http")) &&
        !pst_slice_case_eq(ret->scheme, PST_SLICE("https")))
        return PST_E_SYNTAX;

    struct pst_slice rest = pst_slice_of(target.ptr + scheme_len, target.len - scheme_len);
    if (!pst_slice_starts(rest, PST_SLICE("://")))
        return PST_E_SYNTAX;
    rest = pst_slice_of(rest.ptr + 3, rest.len - 3);

    size_t host_len = 0;
    while (host_len < rest.len && rest.ptr[host_len] != '/' && rest.ptr[host_len] != '?')
        host_len++;
    ret->authority = pst_slice_of(rest.ptr, host_len);
    if (host_len == 0 || pst_authority_check(ret->authority) != 0)
        return PST_E_SYNTAX;

    int err = parse_path_and_query(pst_slice_of(rest.ptr + host_len, rest.len - host_len), ret);
    if (err == 0 && ret->raw_path.len == 0)
        ret->raw_path = PST_SLICE("/"); /* RFC 9110 4.2.3: an empty path is the same as "/" */
    return err;
}

int pst_target_parse(struct pst_slice method, struct pst_slice target, struct pst_target *ret)
{
    memset(ret, 0, sizeof *ret);
    if (target.len == 0)
        return PST_E_SYNTAX;

    if (pst_slice_eq(method, PST_SLICE("CONNECT"))) {
        /* RFC 9112 3.2.3 authority-form. RFC 9110 9.3.6: an empty or invalid port is to be rejected. */
        unsigned port = 0;
        ret->form = PST_TARGET_AUTHORITY;
        ret->authority = target;
        if (pst_authority_split(target, NULL, &port) != 0 || port == 0)
            return PST_E_SYNTAX;
        return 0;
    }
    if (target.ptr[0] == '/')
        return parse_path_and_query(target, ret);
    if (pst_slice_eq(target, PST_SLICE("*"))) {
        /* RFC 9112 3.2.4 asterisk-form */
        ret->form = PST_TARGET_ASTERISK;
        return pst_slice_eq(method, PST_SLICE("OPTIONS")) ? 0 : PST_E_SYNTAX;
    }
    return parse_absolute(target, ret);
}

/* Decodes the segment that starts at raw[*pos] to dst, up to the next "/" or the end, where *pos is left. */
static int decode_segment(struct pst_slice raw, size_t *pos, char *dst, size_t *ret_len)
{
    size_t i = *pos, out = 0;
    while (i < raw.len && raw.ptr[i] != '/') {
        if (raw.ptr[i] != '%') {
            dst[out++] = raw.ptr[i++];
            continue;
        }
        if (raw.len - i < 3)
            return PST_E_SYNTAX;
        int high = pst_hex_value((unsigned char)raw.ptr[i + 1]);
        int low = pst_hex_value((unsigned char)raw.ptr[i + 2]);
        i += 3;
        if (high < 0 || low < 0 || (high | low) == 0)
            return PST_E_SYNTAX;
        int byte = high * 16 + low;
        if (byte == '/') {
            dst[out++] = '%';
            dst[out++] = '2';
            dst[out++] = 'F';
        } else {
            dst[out++] = (char)byte;
        }
    }
    *pos = i;
    *ret_len = out;
    return 0;
}

/* RFC 3986 5.2.4 Remove Dot Segments, with decoding before each segment is looked at, so that "%2e%2e" is the
 * ".." that it would become for whoever opens the file. Each turn takes "/segment" from raw; written never
 * overtakes read. */
static int decode_segments(struct pst_slice raw, char *dst, size_t *ret_len)
{
    size_t pos = 0, out = 0;
    while (pos < raw.len) {
        char *segment = dst + out + 1;
        size_t len;
        pos++; /* the "/" */
        int err = decode_segment(raw, &pos, segment, &len);
        if (err != 0)
            return err;

        bool one_dot = len == 1 && segment[0] == '.';
        bool two_dots = len == 2 && segment[0] == '.' && segment[1] == '.';
        if (!one_dot && !two_dots) {
            dst[out] = '/';
            out += 1 + len;
            continue;
        }
        if (two_dots) {
            if (out == 0)
                return PST_E_RANGE;
            do
                out--;
            while (dst[out] != '/');
        }
        if (pos == raw.len)
            dst[out++] = '/'; /* "/a/b/.." is the directory "/a/" */
    }
    *ret_len = out;
    return 0;
}

/* Nearly every path: nothing encoded, and no segment that begins with a dot. */
static bool is_plain(struct pst_slice raw)
{
    const char *end = raw.ptr + raw.len, *dot = raw.ptr;
    while ((dot = memchr(dot + 1, '.', (size_t)(end - dot) - 1)) != NULL)
        if (dot[-1] == '/')
            return false;
    return memchr(raw.ptr, '%', raw.len) == NULL;
}

int pst_path_decode(struct pst_slice raw, char *dst, size_t *ret_len)
{
    if (raw.len == 0 || raw.ptr[0] != '/')
        return PST_E_SYNTAX;
    if (is_plain(raw)) {
        memcpy(dst, raw.ptr, raw.len);
        *ret_len = raw.len;
        return 0;
    }
    return decode_segments(raw, dst, ret_len);
}

/* RFC 3986 3.2.2 IPv6address, without brackets. No zone (RFC 6874): it means nothing to the other side. */
static bool is_ipv6(struct pst_slice s)
{
    char text[INET6_ADDRSTRLEN];
    struct in6_addr address;
    if (s.len == 0 || s.len >= sizeof text || memchr(s.ptr, '\0', s.len) != NULL)
        return false;
    memcpy(text, s.ptr, s.len);
    text[s.len] = '\0';
    return inet_pton(AF_INET6, text, &address) == 1;
}

/* The length of the host that authority starts with, 0 where there is none. */
static size_t host_span(struct pst_slice authority)
{
    if (authority.len == 0 || authority.ptr[0] != '[')
        return escaped_span(authority.ptr, authority.len, PST_CT_REG_NAME);
    const char *end = memchr(authority.ptr, ']', authority.len);
    if (end == NULL || !is_ipv6(pst_slice_of(authority.ptr + 1, (size_t)(end - authority.ptr) - 1)))
        return 0;
    return (size_t)(end - authority.ptr) + 1;
}

int pst_authority_split(struct pst_slice authority, struct pst_slice *ret_host, unsigned *ret_port)
{
    unsigned long long port = 0;
    size_t host_len = host_span(authority);

    if (authority.len > 0) {
        /* A port without a host would be a URI without one: RFC 9110 4.2.1 wants that rejected. */
        if (host_len == 0)
            return PST_E_SYNTAX;
        struct pst_slice tail = pst_slice_of(authority.ptr + host_len, authority.len - host_len);
        if (tail.len > 0 && tail.ptr[0] != ':')
            return PST_E_SYNTAX;
        /* RFC 3986 3.2.3 Port: *DIGIT */
        if (tail.len > 1 &&
            (!pst_slice_to_u64(pst_slice_of(tail.ptr + 1, tail.len - 1), &port) || port > 65535))
            return PST_E_SYNTAX;
    }
    if (ret_host)
        *ret_host = pst_slice_of(authority.ptr, host_len);
    if (ret_port)
        *ret_port = (unsigned)port;
    return 0;
}

int pst_authority_check(struct pst_slice authority)
{
    return pst_authority_split(authority, NULL, NULL);
}
