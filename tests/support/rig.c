/* rig.c - see rig.h. */
#include "support/rig.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "rig: %s\n", what);
    abort();
}

static const char *letters(void)
{
    static char text[1 << 20];
    if (!text[0])
        for (size_t i = 0; i < sizeof(text); i++)
            text[i] = (char)('a' + i % 26);
    return text;
}

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    struct rig *r = arg;
    r->ends++;
    r->why = why;
    if (r->waiting == ex)
        r->waiting = NULL;
}

/* ---- handlers ---- */

static void on_hello(struct pst_exchange *ex, void *arg)
{
    pst_exchange_on_end(ex, on_end, arg);
    must(pst_reply_bytes(ex, "hello", 5) == 0, "hello");
}

static void on_big(struct pst_exchange *ex, void *arg)
{
    struct rig *r = arg;
    pst_exchange_on_end(ex, on_end, r);
    must(pst_reply_bytes(ex, letters(), r->big_len) == 0, "big");
}

static void on_file(struct pst_exchange *ex, void *arg)
{
    struct rig *r = arg;
    pst_exchange_on_end(ex, on_end, r);
    must(pst_reply_file(ex, dup(r->file_fd), 0, r->file_len) == 0, "file");
}

enum { SOURCE_PIECE_BYTES = 1000 };

static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct rig *r = ctx;
    char step = *r->source_plan;
    if (!step)
        return PST_SOURCE_END;
    r->source_plan++;
    if (step == 'f')
        return PST_SOURCE_FAIL;
    if (step == 'n')
        return PST_SOURCE_MORE;
    *ret_len = cap < SOURCE_PIECE_BYTES ? cap : SOURCE_PIECE_BYTES;
    memcpy(dst, letters(), *ret_len);
    return PST_SOURCE_MORE;
}

static void on_source(struct pst_exchange *ex, void *arg)
{
    static const struct pst_source source = {.pull = pull};
    struct rig *r = arg;
    pst_exchange_on_end(ex, on_end, r);
    r->waiting = ex;
    must(pst_reply_source(ex, &source, r, -1) == 0, "source");
}

static void on_wait(struct pst_exchange *ex, void *arg)
{
    struct rig *r = arg;
    pst_exchange_on_end(ex, on_end, r);
    r->waiting = ex;
}

static void on_whole(struct pst_exchange *ex, void *arg)
{
    pst_exchange_on_end(ex, on_end, arg);
    must(pst_reply_printf(ex, "whole %zu", pst_exchange_body(ex).len) == 0, "whole");
}

static void on_stream(struct pst_exchange *ex, void *arg)
{
    struct rig *r = arg;
    pst_exchange_on_end(ex, on_end, r);
    r->pieces = r->streamed = 0;
    r->is_stream_ended = false;
}

static void on_stream_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    struct rig *r = arg;
    (void)data;
    must(!r->is_stream_ended, "a piece after the end");
    must(!r->waiting, "a piece while paused");
    r->pieces++;
    r->streamed += len;
    r->is_stream_ended = last;
    if (last) {
        must(pst_reply_printf(ex, "streamed %zu", r->streamed) == 0, "stream");
    } else if (r->pauses) {
        r->waiting = ex;
        pst_exchange_pause(ex);
    }
}

static void on_early(struct pst_exchange *ex, void *arg)
{
    pst_exchange_on_end(ex, on_end, arg);
    must(pst_reply_error(ex, 403) == 0, "early");
}

static void on_early_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)ex, (void)data, (void)len, (void)last, (void)arg;
    must(false, "a piece after the reply");
}

/* ---- life ---- */

void rig_init(struct rig *r)
{
    memset(r, 0, sizeof(*r));
    r->big_len = 300000;
    r->file_fd = -1;
    r->source_plan = "";
    test_worker_init(&r->w);
    const struct {
        const char *pattern;
        struct pst_handler handler;
    } routes[] = {
        {"GET /hello", {.on_request = on_hello}},
        {"GET /big", {.on_request = on_big}},
        {"GET /file", {.on_request = on_file}},
        {"GET /source", {.on_request = on_source}},
        {"GET /wait", {.on_request = on_wait}},
        {"POST /whole", {.on_request = on_whole}},
        {"POST /stream", {.on_request = on_stream, .on_body = on_stream_body}},
        {"POST /early", {.on_request = on_early, .on_body = on_early_body}},
    };
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++) {
        struct pst_handler handler = routes[i].handler;
        handler.arg = r;
        must(pst_server_route(r->w.server, routes[i].pattern, &handler) == 0, "route");
    }
    test_worker_start(&r->w);
}

static void open_pair(struct rig *r, struct pair *p)
{
    must(!r->p || r->p->is_gone, "the connection before is still there");
    pair_free(r->p);
    r->p = p;
    pst_text_free(&r->got);
    must(pst_connection_open(&r->w.driver, pair_transport(p), &p->connection) == 0, "open");
}

void rig_open(struct rig *r, const struct pair_options *options)
{
    open_pair(r, pair_new(options));
}

void rig_open_shaking(struct rig *r)
{
    struct pair *p = pair_new(&(struct pair_options){.is_secure = true});
    p->handshake = PST_IO_WANT_RD;
    open_pair(r, p);
}

void rig_fini(struct rig *r)
{
    pst_driver_abort(&r->w.driver);
    pair_free(r->p);
    pst_text_free(&r->got);
    test_worker_fini(&r->w);
}

const char *rig_take(struct rig *r)
{
    pair_take_all(r->p, &r->got);
    pst_text_add(&r->got, pst_slice_of("", 1));
    must(!r->got.failed, "out of memory");
    r->got.len--;
    return r->got.ptr;
}

void rig_reply(struct rig *r, const char *text)
{
    must(r->waiting, "no exchange waits");
    must(pst_reply_bytes(r->waiting, text, strlen(text)) == 0, "reply");
}

size_t rig_count(const char *text, const char *needle)
{
    size_t count = 0;
    for (const char *p = strstr(text, needle); p; p = strstr(p + 1, needle))
        count++;
    return count;
}

size_t rig_pour(struct rig *r, const void *data, size_t len)
{
    const char *from = data;
    size_t sent = 0;
    while (sent < len && !r->p->is_gone) {
        size_t n = pair_send(r->p, from + sent, len - sent);
        if (n == 0) {
            size_t taken = r->p->taken;
            test_worker_turns(&r->w, 1);
            if (taken == r->p->taken)
                break;
        }
        sent += n;
    }
    return sent;
}
