/* head.c - see head.h. Strict: what another parser might read differently is refused (RFC 9112 2.2, 11.2). */
#include "h1/head.h"

#include <string.h>

#include "http/ctype.h"
#include "http/uri.h"

/* ---- finding the end ---- */

void pst_h1_scanner_init(struct pst_h1_scanner *scanner)
{
    *scanner = (struct pst_h1_scanner){.is_first_line = true};
}

static int over_limit(const struct pst_h1_scanner *scanner, const struct pst_limits *limits)
{
    if (scanner->is_first_line && scanner->line_bytes > limits->request_line_bytes)
        return 414;
    if (scanner->head_bytes > limits->head_bytes)
        return scanner->is_first_line ? 414 : 431;
    return 0;
}

int pst_h1_scan(struct pst_h1_scanner *scanner, const struct pst_limits *limits, const char *data, size_t len,
                size_t *ret_used)
{
    /* Nothing that is not HTTP gets further than its first byte: a TLS ClientHello, for one, has no line
     * ends. */
    if (scanner->head_bytes == 0 && len > 0 && !pst_is_token((unsigned char)data[0]))
        return 400;
    size_t used = 0;
    while (used < len) {
        const char *lf = memchr(data + used, '\n', len - used);
        size_t n = lf ? (size_t)(lf - (data + used)) + 1 : len - used;
        scanner->line_bytes += n;
        scanner->head_bytes += n;
        int status = over_limit(scanner, limits);
        if (status)
            return status;
        char before_lf = n > 1 ? data[used + n - 2] : scanner->last;
        scanner->last = data[used + n - 1];
        used += n;
        if (!lf)
            break;
        if (before_lf != '\r') /* RFC 9112 2.2: a bare LF might be taken for a line end by others */
            return 400;
        if (scanner->line_bytes == 2) {
            *ret_used = used;
            return PST_H1_HEAD_DONE;
        }
        scanner->line_bytes = 0;
        scanner->is_first_line = false;
    }
    *ret_used = used;
    return PST_H1_MORE;
}

/* ---- taking it apart ---- */

/* The next line without its CRLF; *rest moves behind it. The scanner has seen to it that each line has one.
 */
static struct pst_slice next_line(struct pst_slice *rest)
{
    const char *lf = memchr(rest->ptr, '\n', rest->len);
    size_t n = (size_t)(lf - rest->ptr);
    struct pst_slice line = pst_slice_of(rest->ptr, n - 1);
    *rest = pst_slice_of(rest->ptr + n + 1, rest->len - n - 1);
    return line;
}

/* RFC 9112 2.3 HTTP Version */
static int parse_version(struct pst_slice text, int *ret_version)
{
    if (text.len != 8 || memcmp(text.ptr, "HTTP/", 5) != 0 || text.ptr[5] < '0' || text.ptr[5] > '9' ||
        text.ptr[6] != '.' || text.ptr[7] < '0' || text.ptr[7] > '9')
        return 400;
    if (text.ptr[5] != '1')
        return 505;
    *ret_version =
        text.ptr[7] == '0' ? 10 : 11; /* RFC 9110 2.5: a later minor version is read as the latest we know */
    return 0;
}

/* RFC 9112 3 Request Line: method SP request-target SP HTTP-version, single spaces only */
static int parse_request_line(struct pst_slice line, struct pst_arena *arena, struct pst_request *req)
{
    size_t n = pst_token_span(line.ptr, line.len);
    if (n == 0 || n == line.len || line.ptr[n] != ' ')
        return 400;
    req->method = pst_slice_of(line.ptr, n);
    req->method_id = pst_method_of(req->method);
    struct pst_slice rest = pst_slice_of(line.ptr + n + 1, line.len - n - 1);
    const char *space = memchr(rest.ptr, ' ', rest.len);
    if (!space)
        return 400;
    struct pst_slice target = pst_slice_of(rest.ptr, (size_t)(space - rest.ptr));
    int status = parse_version(pst_slice_of(space + 1, rest.len - target.len - 1), &req->version);
    if (status == 400)
        return status;
    if (pst_target_parse(req->method, target, &req->target) != 0)
        return 400;
    req->raw_target = target;
    if (status)
        return status;
    struct pst_slice raw = req->target.raw_path;
    if (raw.len == 0) {
        req->path = req->target.form == PST_TARGET_ASTERISK ? PST_SLICE("*") : PST_SLICE("");
        return 0;
    }
    char *path = pst_arena_alloc(arena, raw.len);
    if (!path)
        return 500;
    size_t path_len;
    if (pst_path_decode(raw, path, &path_len) != 0)
        return 400;
    req->path = pst_slice_of(path, path_len);
    return 0;
}

/* The next line of *rest, which moves behind it. A line's end need not be looked for: it is where the value
 * ends. The empty line behind the fields is still to come, so a byte may be looked at beyond any span, and
 * two beyond the last CR that is not its end.
 * RFC 9112 5 Field Syntax: no obs-fold, no space before the colon, nothing but VCHAR, obs-text, SP and HTAB
 * in a value */
static int parse_field(struct pst_slice *rest, struct pst_field *ret_field)
{
    size_t n = pst_token_span(rest->ptr, rest->len); /* ends within the line, as no CR is a token's */
    if (n == 0 || rest->ptr[n] != ':')
        return 400;
    ret_field->name = pst_slice_of(rest->ptr, n);
    const char *value = rest->ptr + n + 1;
    size_t len = pst_field_value_span(value, rest->len - n - 1);
    if (value[len] != '\r' || value[len + 1] != '\n')
        return 400;
    ret_field->value = pst_slice_trim(pst_slice_of(value, len));
    *rest = pst_slice_of(value + len + 2, rest->len - n - len - 3);
    return 0;
}

/* What the fields say that this layer acts on. */
struct seen {
    const struct pst_field *host, *length, *encoding, *expect;
    bool is_repeated; /* one of those that must not be */
    bool has_close, has_keep_alive;
};

static bool is_named(const struct pst_field *field, struct pst_slice name)
{
    return field->name.len == name.len && pst_slice_case_eq(field->name, name);
}

static void note(const struct pst_field **slot, const struct pst_field *field, struct seen *seen)
{
    if (*slot)
        seen->is_repeated = true;
    *slot = field;
}

/* RFC 9112 9.3, RFC 9110 7.6.1 Connection: a list of options */
static void note_connection(struct pst_slice value, struct seen *seen)
{
    while (value.len) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t n = comma ? (size_t)(comma - value.ptr) : value.len;
        struct pst_slice option = pst_slice_trim(pst_slice_of(value.ptr, n));
        if (pst_slice_case_eq(option, PST_SLICE("close")))
            seen->has_close = true;
        else if (pst_slice_case_eq(option, PST_SLICE("keep-alive")))
            seen->has_keep_alive = true;
        n += comma != NULL;
        value = pst_slice_of(value.ptr + n, value.len - n);
    }
}

static void note_field(const struct pst_field *field, struct seen *seen)
{
    switch (field->name.len) { /* lengths first: most fields are none of these */
    case 4:
        if (is_named(field, PST_SLICE("host")))
            note(&seen->host, field, seen);
        break;
    case 6:
        if (is_named(field, PST_SLICE("expect")))
            seen->expect = field;
        break;
    case 10:
        if (is_named(field, PST_SLICE("connection")))
            note_connection(field->value, seen);
        break;
    case 14:
        if (is_named(field, PST_SLICE("content-length")))
            note(&seen->length, field, seen);
        break;
    case 17:
        if (is_named(field, PST_SLICE("transfer-encoding")))
            note(&seen->encoding, field, seen);
        break;
    default:
        break;
    }
}

/* RFC 9112 3.2 Request Target, 3.2.2: the absolute form's authority replaces Host */
static int check_host(const struct seen *seen, struct pst_request *req)
{
    if (!seen->host && req->version >= 11)
        return 400;
    struct pst_slice host = seen->host ? seen->host->value : PST_SLICE("");
    if (pst_authority_check(host) != 0)
        return 400;
    req->authority = req->target.authority.len ? req->target.authority : host;
    return 0;
}

/* RFC 9112 6.1: 0 for chunked alone; 501 for codings that are not known here, with chunked behind them. All
 * else is 400: chunked elsewhere than at the end, or twice; and empty elements, which some skip and others do
 * not. */
static int check_codings(struct pst_slice value)
{
    if (pst_slice_case_eq(value, PST_SLICE("chunked")))
        return 0;
    for (;;) {
        const char *comma = memchr(value.ptr, ',', value.len);
        size_t n = comma ? (size_t)(comma - value.ptr) : value.len;
        struct pst_slice coding = pst_slice_trim(pst_slice_of(value.ptr, n));
        bool is_chunked = pst_slice_case_eq(coding, PST_SLICE("chunked"));
        if (coding.len == 0 || is_chunked != !comma)
            return 400;
        if (!comma)
            return 501;
        value = pst_slice_of(comma + 1, value.len - n - 1);
    }
}

/* RFC 9112 6.1 Transfer-Encoding, 6.3 Message Body Length */
static int check_framing(const struct seen *seen, struct pst_request *req, struct pst_h1_framing *framing)
{
    req->body_length = 0;
    if (seen->encoding) {
        /* With Content-Length too, or in HTTP/1.0, somebody on the way may have read the other one:
         * smuggling. */
        if (seen->length || req->version < 11)
            return 400;
        int status = check_codings(seen->encoding->value);
        if (status)
            return status;
        framing->is_chunked = true;
        req->has_body = true;
        req->body_length = -1;
    } else if (seen->length) {
        struct pst_slice value = seen->length->value;
        unsigned long long length;
        if (!pst_slice_to_u64(value, &length)) {
            for (size_t i = 0; i < value.len; i++)
                if (value.ptr[i] < '0' || value.ptr[i] > '9')
                    return 400;
            return value.len ? 413 : 400; /* a number, but beyond all limits */
        }
        req->has_body = true;
        req->body_length = (int64_t)length;
    }
    return 0;
}

static int check_expect(const struct seen *seen, const struct pst_request *req,
                        struct pst_h1_framing *framing)
{
    if (!seen->expect || req->version < 11) /* RFC 9110 10.1.1: ignored from an HTTP/1.0 client */
        return 0;
    if (!pst_slice_case_eq(seen->expect->value, PST_SLICE("100-continue")))
        return 417;
    framing->expects_continue = req->has_body && req->body_length != 0;
    return 0;
}

/* Fields of one request, most of the time; more are made room for by doubling. */
enum { FIELDS_AT_FIRST = 16 };

static int parse_fields(struct pst_slice rest, const struct pst_limits *limits, struct pst_arena *arena,
                        struct pst_request *req)
{
    size_t cap = FIELDS_AT_FIRST;
    struct pst_field *fields = pst_arena_alloc(arena, cap * sizeof(*fields));
    size_t count = 0;
    for (;;) {
        if (rest.ptr[0] == '\r' && rest.ptr[1] == '\n')
            break;
        if (count == limits->field_count)
            return 431;
        if (fields && count == cap) {
            fields = pst_arena_grow(arena, fields, cap * sizeof(*fields), 2 * cap * sizeof(*fields));
            cap *= 2;
        }
        if (!fields)
            return 500;
        int status = parse_field(&rest, &fields[count]);
        if (status)
            return status;
        count++;
    }
    req->fields = fields;
    req->field_count = count;
    return 0;
}

int pst_h1_parse_head(const char *head, size_t len, const struct pst_limits *limits, struct pst_arena *arena,
                      struct pst_request *req, struct pst_h1_framing *ret_framing)
{
    struct pst_slice rest = pst_slice_of(head, len);
    struct seen seen = {0};
    *ret_framing = (struct pst_h1_framing){0};
    req->version = 11;
    int status = parse_request_line(next_line(&rest), arena, req);
    if (status)
        return status;
    status = parse_fields(rest, limits, arena, req);
    if (status)
        return status;
    for (size_t i = 0; i < req->field_count; i++)
        note_field(&req->fields[i], &seen);
    if (seen.is_repeated)
        return 400;
    status = check_host(&seen, req);
    if (status)
        return status;
    status = check_framing(&seen, req, ret_framing);
    if (status)
        return status;
    ret_framing->is_keep_alive = !seen.has_close && (req->version >= 11 || seen.has_keep_alive);
    return check_expect(&seen, req, ret_framing);
}
