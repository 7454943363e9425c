/* The head of a request: its end is found at the same place however the bytes are cut, and what the parser
 * makes of it holds what the rest of the server relies on. The first byte chooses the cuts. */
#include <string.h>

#include "h1/head.h"
#include "http/ctype.h"
#include "split.h"

static bool is_within(struct pst_slice s, const char *data, size_t len)
{
    return s.len == 0 || (s.ptr >= data && s.len <= len && s.ptr <= data + len - s.len);
}

static int scan(const char *data, size_t len, const struct pst_limits *limits, uint8_t pattern,
                size_t *ret_used)
{
    struct split split = split_of(pattern);
    struct pst_h1_scanner scanner;
    pst_h1_scanner_init(&scanner);
    int ret = PST_H1_MORE;
    *ret_used = 0;
    for (size_t at = 0; at < len && ret == PST_H1_MORE;) {
        size_t n = split_next(&split, len - at), used = 0;
        char *piece = split_copy(data + at, n);
        ret = pst_h1_scan(&scanner, limits, piece, n, &used);
        free(piece);
        CHECK(ret != PST_H1_MORE || used == n);
        CHECK(used <= n);
        *ret_used += used;
        at += n;
    }
    return ret;
}

static void check_path(const struct pst_request *req)
{
    if (req->path.len == 0)
        return; /* CONNECT */
    if (req->target.form == PST_TARGET_ASTERISK) {
        CHECK(pst_slice_eq(req->path, PST_SLICE("*")));
        return;
    }
    CHECK(req->path.ptr[0] == '/');
    CHECK(!memchr(req->path.ptr, '\0', req->path.len));
}

static void check_field(const struct pst_field *field, const char *head, size_t len)
{
    CHECK(is_within(field->name, head, len) && is_within(field->value, head, len));
    CHECK(field->name.len > 0 && pst_token_span(field->name.ptr, field->name.len) == field->name.len);
    CHECK(pst_field_value_span(field->value.ptr, field->value.len) == field->value.len);
    CHECK(pst_slice_eq(pst_slice_trim(field->value), field->value));
}

static size_t count_named(const struct pst_request *req, const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < req->field_count; i++)
        count += pst_slice_case_eq(req->fields[i].name, pst_slice_str(name));
    return count;
}

/* RFC 9112 6.3: there is one way to read where the body ends. */
static void check_framing(const struct pst_request *req, const struct pst_h1_framing *framing)
{
    size_t lengths = count_named(req, "Content-Length"), codings = count_named(req, "Transfer-Encoding");
    CHECK(lengths + codings <= 1);
    CHECK(req->has_body == (lengths + codings == 1));
    CHECK(framing->is_chunked == (codings == 1));
    CHECK(framing->is_chunked ? req->body_length == -1 : req->body_length >= 0);
    CHECK(!framing->is_chunked || req->version == 11);
    CHECK(!framing->expects_continue || (req->version == 11 && req->has_body && req->body_length != 0));
    CHECK(req->has_body || req->body_length == 0);
}

static void parse(const char *data, size_t len, const struct pst_limits *limits)
{
    char *head = split_copy(data, len);
    struct pst_arena arena;
    char first[256]; /* small, so that the arena has to grow */
    struct pst_request req;
    struct pst_h1_framing framing;
    memset(&req, 0, sizeof(req));
    pst_arena_init(&arena, first, sizeof(first));
    int status = pst_h1_parse_head(head, len, limits, &arena, &req, &framing);
    CHECK(status == 0 || status == 400 || status == 413 || status == 417 || status == 431 || status == 501 ||
          status == 505);
    if (status == 0) {
        CHECK(req.version == 10 || req.version == 11);
        CHECK(is_within(req.method, head, len) && req.method.len > 0);
        CHECK(is_within(req.raw_target, head, len) && req.raw_target.len > 0);
        CHECK(req.field_count <= limits->field_count);
        CHECK(req.version == 10 || count_named(&req, "Host") == 1);
        CHECK(pst_authority_check(req.authority) == 0);
        check_path(&req);
        check_framing(&req, &framing);
        for (size_t i = 0; i < req.field_count; i++)
            check_field(&req.fields[i], head, len);
    }
    pst_arena_fini(&arena);
    free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.request_line_bytes = 200;
    limits.head_bytes = 600;
    limits.field_count = 20;
    const char *text = (const char *)data + 1;
    size_t whole_used, cut_used;
    int whole = scan(text, size - 1, &limits, 0, &whole_used);
    int cut = scan(text, size - 1, &limits, data[0] ? data[0] : 8, &cut_used);
    CHECK(whole == cut);
    CHECK(whole == PST_H1_MORE || whole == PST_H1_HEAD_DONE || whole == 400 || whole == 414 || whole == 431);
    if (whole != PST_H1_HEAD_DONE)
        return 0;
    CHECK(whole_used == cut_used && whole_used >= 4 && memcmp(text + whole_used - 4, "\r\n\r\n", 4) == 0);
    parse(text, whole_used, &limits);
    return 0;
}
