/* h1_bench.c - see h1_bench.h. */
#include "support/h1_bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "h1/session.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "h1_bench: %s\n", what);
    abort();
}

/* ---- handlers ---- */

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    struct h1_bench *b = arg;
    b->ended++;
    b->why = why;
    if (b->ex == ex)
        b->ex = NULL;
}

static void begin(struct h1_bench *b, struct pst_exchange *ex)
{
    b->begun++;
    b->ex = ex;
    pst_exchange_on_end(ex, on_end, b);
}

static void on_whole(struct pst_exchange *ex, void *arg)
{
    struct h1_bench *b = arg;
    begin(b, ex);
    if (b->on_request)
        b->on_request(b, ex);
    else
        must(pst_reply_bytes(ex, "hello", 5) == 0, "cannot reply");
}

static void on_stream(struct pst_exchange *ex, void *arg)
{
    struct h1_bench *b = arg;
    begin(b, ex);
    if (b->on_request)
        b->on_request(b, ex);
}

static void on_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    struct h1_bench *b = arg;
    must(!pst_exchange_replied(ex), "on_body after the reply");
    pst_text_add(&b->body, pst_slice_of(data, len));
    b->lasts += last;
    if (b->on_body)
        b->on_body(b, ex, pst_slice_of(data, len), last);
    else if (last)
        must(pst_reply_bytes(ex, "hello", 5) == 0, "cannot reply");
}

/* ---- life ---- */

static void on_wake(struct pst_session_host *host)
{
    PST_CONTAINER(host, struct h1_bench, host)->wakes++;
}

void h1_bench_init(struct h1_bench *b)
{
    memset(b, 0, sizeof(*b));
    test_worker_init(&b->w);
    const struct pst_handler whole = {.on_request = on_whole, .arg = b};
    const struct pst_handler stream = {.on_request = on_stream, .on_body = on_body, .arg = b};
    static const char *const patterns[] = {"GET /*", "PUT /*", "DELETE /*", "POST /whole"};
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        must(pst_server_route(b->w.server, patterns[i], &whole) == 0, "no route");
    must(pst_server_route(b->w.server, "POST /stream", &stream) == 0, "no route");
    test_worker_start(&b->w);
    b->host.wake = on_wake;
    b->host.peer = (struct pst_peer_info){"192.0.2.1", 4711, "", "", ""};
}

void h1_bench_close(struct h1_bench *b, enum pst_end why)
{
    struct pst_session *s = b->s;
    if (!s)
        return;
    b->s = NULL;
    s->ops->abort(s, why);
    s->ops->destroy(s);
    must(b->begun == b->ended, "on_end was not called for each exchange exactly once");
}

void h1_bench_open(struct h1_bench *b)
{
    h1_bench_close(b, PST_END_PEER_CLOSED);
    pst_text_free(&b->out);
    pst_text_free(&b->body);
    b->out = b->body = (struct pst_text){0};
    b->begun = b->ended = b->wakes = b->lasts = 0;
    b->why = PST_END_OK;
    test_worker_forget(&b->w);
    must(pst_h1_session_new(&b->s, &b->w.env, &b->host) == 0, "no session");
}

void h1_bench_fini(struct h1_bench *b)
{
    h1_bench_close(b, PST_END_PEER_CLOSED);
    pst_text_free(&b->out);
    pst_text_free(&b->body);
    test_worker_fini(&b->w);
}

/* ---- driving ---- */

static size_t take_memory(struct h1_bench *b, const struct pst_output *out)
{
    size_t taken = 0, most = b->send_most ? b->send_most : SIZE_MAX;
    must(out->iov_count <= 16, "too many pieces for writev");
    for (int i = 0; i < out->iov_count && taken < most; i++) {
        size_t n = out->iov[i].iov_len < most - taken ? out->iov[i].iov_len : most - taken;
        pst_text_add(&b->out, pst_slice_of(out->iov[i].iov_base, n));
        taken += n;
    }
    return taken;
}

/* 0 at the file's end. */
static size_t take_file(struct h1_bench *b, const struct pst_output *out)
{
    char block[16384];
    size_t n = out->file_len < sizeof(block) ? out->file_len : sizeof(block);
    if (b->send_most && n > b->send_most)
        n = b->send_most;
    ssize_t got = pread(out->file_fd, block, n, out->file_offset);
    must(got >= 0, "cannot read the file");
    pst_text_add(&b->out, pst_slice_of(block, (size_t)got));
    return (size_t)got;
}

/* True where something moved. */
static bool step_output(struct h1_bench *b)
{
    struct pst_session *s = b->s;
    struct pst_output out;
    if (b->is_deaf || s->must_cut || !s->may_output)
        return false;
    s->ops->output(s, &out);
    if (s->must_cut)
        return false;
    if (!out.iov_count && out.file_fd < 0)
        return false;
    size_t memory = take_memory(b, &out), whole = 0, n = memory;
    for (int i = 0; i < out.iov_count; i++)
        whole += out.iov[i].iov_len;
    if (out.file_fd >= 0 && memory == whole && (memory == 0 || b->reads_files))
        n += take_file(b, &out);
    if (n)
        s->ops->sent(s, n);
    else
        s->ops->file_failed(s);
    return true;
}

void h1_bench_pump(struct h1_bench *b)
{
    size_t steps = 0;
    while (step_output(b))
        must(steps++ < 10000000, "the session's output never ends");
}

/* The driver's way: what the session does not want yet is offered again once it wants input. */
static size_t offer(struct h1_bench *b, const char *data, size_t len)
{
    size_t at = 0;
    for (;;) {
        h1_bench_pump(b);
        if (at == len || !h1_bench_wants_input(b))
            return at;
        /* In memory of its very length, so that the address sanitizer sees every byte read too far. */
        char *copy = malloc(len - at);
        must(copy, "out of memory");
        memcpy(copy, data + at, len - at);
        size_t used = 0;
        b->s->ops->input(b->s, copy, len - at, &used);
        free(copy);
        must(used <= len - at, "more used than there was");
        at += used;
    }
}

size_t h1_bench_feed(struct h1_bench *b, const void *data, size_t len, size_t piece)
{
    size_t at = 0;
    if (!piece)
        piece = len;
    while (at < len) {
        size_t n = piece < len - at ? piece : len - at, used = offer(b, (const char *)data + at, n);
        at += used;
        if (used < n)
            break;
    }
    return at;
}

size_t h1_bench_feed_two(struct h1_bench *b, const void *data, size_t len, size_t first)
{
    size_t used = offer(b, data, first);
    return used < first ? used : used + offer(b, (const char *)data + first, len - first);
}

const char *h1_bench_take(struct h1_bench *b)
{
    static char *taken;
    h1_bench_pump(b);
    free(taken);
    must(!b->out.failed, "out of memory");
    taken = malloc(b->out.len + 1);
    must(taken, "out of memory");
    if (b->out.len)
        memcpy(taken, b->out.ptr, b->out.len);
    taken[b->out.len] = '\0';
    b->out.len = 0;
    return taken;
}

const char *h1_bench_says(struct h1_bench *b, const char *text)
{
    must(h1_bench_feed(b, text, strlen(text), 0) == strlen(text), "not all of the input was used");
    return h1_bench_take(b);
}

bool h1_bench_wants_input(const struct h1_bench *b)
{
    return !b->s->must_cut && b->s->ops->wants_input(b->s);
}

bool h1_bench_is_finished(const struct h1_bench *b)
{
    return b->s->ops->is_finished(b->s);
}

struct pst_progress h1_bench_progress(const struct h1_bench *b)
{
    struct pst_progress p;
    b->s->ops->progress(b->s, &p);
    return p;
}
