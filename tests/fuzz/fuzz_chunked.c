/* The chunked decoder: the same body and the same end however the bytes are cut. The first byte chooses the
 * cuts. */
#include <string.h>

#include "h1/chunked.h"
#include "split.h"

struct result {
    int ret;     /* of the last call */
    size_t used; /* up to the end or the flaw; all where there is none */
    char *body;
    size_t len;
};

/* One call of the decoder at a time, until the piece is used up or the body ends. */
static int decode_piece(struct pst_chunked *decoder, const struct pst_limits *limits, const char *piece,
                        size_t len, struct result *r)
{
    size_t at = 0;
    int ret = PST_CHUNKED_MORE;
    while (at < len && ret == PST_CHUNKED_MORE) {
        size_t used = 0;
        struct pst_slice data;
        ret = pst_chunked_decode(decoder, limits, piece + at, len - at, &used, &data);
        CHECK(ret == PST_CHUNKED_MORE || ret == PST_CHUNKED_DONE || ret == 400 || ret == 431);
        CHECK(used > 0 && used <= len - at);
        CHECK(data.len == 0 || (data.ptr >= piece + at && data.ptr + data.len <= piece + at + used));
        if (data.len) {
            memcpy(r->body + r->len, data.ptr, data.len);
            r->len += data.len;
        }
        at += used;
    }
    r->used += at;
    return ret;
}

static struct result decode(const char *data, size_t len, const struct pst_limits *limits, uint8_t pattern)
{
    struct split split = split_of(pattern);
    struct result r = {.body = malloc(len + 1)};
    CHECK(r.body);
    struct pst_chunked decoder;
    pst_chunked_init(&decoder);
    for (size_t at = 0; at < len && r.ret == PST_CHUNKED_MORE;) {
        size_t n = split_next(&split, len - at);
        char *piece = split_copy(data + at, n);
        r.ret = decode_piece(&decoder, limits, piece, n, &r);
        free(piece);
        at += n;
    }
    return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.chunk_line_bytes = 24;
    limits.trailer_bytes = 60;
    const char *text = (const char *)data + 1;
    struct result whole = decode(text, size - 1, &limits, 0);
    struct result cut = decode(text, size - 1, &limits, data[0] ? data[0] : 8);
    CHECK(whole.ret == cut.ret && whole.used == cut.used && whole.len == cut.len);
    CHECK(memcmp(whole.body, cut.body, whole.len) == 0);
    if (whole.ret == PST_CHUNKED_DONE) /* RFC 9112 7.1: it ends with an empty line */
        CHECK(whole.used >= 5 && memcmp(text + whole.used - 4, "\r\n\r\n", 4) == 0);
    free(whole.body);
    free(cut.body);
    return 0;
}
