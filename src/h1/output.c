/* output.c - the reply's side of an HTTP/1.1 session: its head, then its body from memory, a file or a
 * source. */
#include <string.h>

#include "h1/internal.h"

static const char continue_line[] = "HTTP/1.1 100 Continue\r\n\r\n";
enum { CONTINUE_BYTES = sizeof(continue_line) - 1 };

/* Behind each chunk's data, and behind the last one's. */
static const char chunk_end[] = "\r\n0\r\n\r\n";
enum { CRLF_BYTES = 2, LAST_CHUNK_BYTES = sizeof(chunk_end) - 1 - CRLF_BYTES };

static struct pst_h1 *self(struct pst_session *s)
{
    return (struct pst_h1 *)s;
}

void pst_h1_drop_output(struct pst_h1 *h1)
{
    if (h1->out.buffer)
        pst_pool_put(h1->out.buffer_pool, h1->out.buffer);
    h1->out = (struct pst_h1_out){.file_fd = -1};
    h1->owes_continue = h1->is_continue_begun = false;
    h1->continue_sent = 0;
}

static void finish_reply(struct pst_h1 *h1, enum pst_end why)
{
    struct pst_exchange *ex = h1->ex;
    pst_h1_drop_output(h1);
    h1->ex = NULL;
    h1->base.may_output = false;
    if (h1->is_last)
        pst_h1_finish(h1);
    else if (h1->in == H1_IN_WAIT)
        pst_h1_await_request(h1);
    pst_exchange_end(ex, why);
}

/* The body cannot be completed: the connection is cut, so that the peer does not take a part for the whole.
 */
static void fail_reply(struct pst_h1 *h1, enum pst_end why)
{
    h1->base.must_cut = true;
    pst_h1_finish(h1);
    finish_reply(h1, why);
}

void pst_h1_file_failed(struct pst_session *s)
{
    fail_reply(self(s), PST_END_SOURCE_FAILED);
}

/* ---- the head ---- */

static enum pst_h1_body choose_framing(const struct pst_exchange *ex)
{
    const struct pst_reply *r = &ex->reply;
    if (ex->request.method_id == PST_METHOD_HEAD || r->status == 204 || r->status == 304)
        return PST_H1_NO_BODY;
    if (r->length >= 0)
        return PST_H1_LENGTH;
    return ex->request.version >= 11 ? PST_H1_CHUNKED : PST_H1_UNTIL_CLOSE;
}

/* A body up to this size is copied behind its head: one piece costs the kernel less than two do, by more than
 * the copy (at 4 KiB by no more). */
enum { JOINED_BYTES = 2048 };

static size_t joined_bytes(const struct pst_h1 *h1)
{
    const struct pst_reply *r = &h1->ex->reply;
    bool is_small = r->kind == PST_BODY_BYTES && r->length <= JOINED_BYTES;
    return is_small && h1->out.framing == PST_H1_LENGTH ? (size_t)r->length : 0;
}

static void begin_reply(struct pst_h1 *h1)
{
    struct pst_exchange *ex = h1->ex;
    struct pst_reply *r = &ex->reply;
    struct pst_h1_out *out = &h1->out;
    out->framing = choose_framing(ex);
    bool is_close = h1->must_close || h1->is_draining || out->framing == PST_H1_UNTIL_CLOSE;
    if (is_close)
        h1->is_last = true;
    h1->owes_continue = false;
    /* RFC 9110 8.6: none in 204; and in 304 only what 200 would have had, which nobody asks for. */
    int64_t length = r->status == 204 || r->status == 304 ? -1 : r->length;
    bool say_keep_alive = ex->request.version == 10;
    size_t joined = joined_bytes(h1);
    struct pst_slice head = pst_h1_write_head(&ex->arena, r, pst_http_env_date(h1->env), out->framing, length,
                                              is_close, say_keep_alive, joined);
    if (!head.ptr) {
        fail_reply(h1, PST_END_NOMEM);
        return;
    }
    out->is_begun = ex->is_begun_reply = true;
    out->iov[0] = (struct iovec){(void *)(uintptr_t)head.ptr, head.len};
    out->iov_count = 1;
    out->head_left = head.len;
    if (joined) {
        memcpy((char *)(uintptr_t)head.ptr + head.len, r->bytes, joined);
        out->iov[0].iov_len += joined;
    }
    if (out->framing == PST_H1_NO_BODY || joined)
        return;
    bool is_in_file = r->kind == PST_BODY_BYTES && r->bytes_fd >= 0 && h1->base.host->sends_files;
    if (r->kind == PST_BODY_FILE || is_in_file) {
        out->file_fd = is_in_file ? r->bytes_fd : r->fd;
        out->file_offset = (off_t)r->offset;
        out->file_left = (uint64_t)r->length;
    } else if (r->kind == PST_BODY_BYTES && r->length > 0) {
        out->iov[1] = (struct iovec){(void *)(uintptr_t)r->bytes, (size_t)r->length};
        out->iov_count = 2;
    } else if (r->kind == PST_BODY_SOURCE) {
        out->file_left = r->length >= 0 ? (uint64_t)r->length : 0; /* what the source still owes */
    }
}

/* ---- the body, piece by piece ---- */

static bool has_source(const struct pst_h1 *h1)
{
    return h1->ex->reply.kind == PST_BODY_SOURCE && h1->out.framing != PST_H1_NO_BODY;
}

static bool take_buffer(struct pst_h1 *h1, struct pst_pool *pool)
{
    if (!h1->out.buffer) {
        h1->out.buffer = pst_pool_get(pool);
        h1->out.buffer_pool = pool;
    }
    return h1->out.buffer != NULL;
}

/* Frames n bytes that lie at data within the buffer, with room around them. */
static void frame_piece(struct pst_h1_out *out, char *data, size_t n, bool is_end)
{
    char *begin = data, *end = data + n;
    if (out->framing == PST_H1_CHUNKED) {
        if (n) {
            begin = pst_h1_write_chunk_line(data, n);
            memcpy(end, chunk_end, CRLF_BYTES);
            end += CRLF_BYTES;
        }
        if (is_end) {
            memcpy(end, chunk_end + CRLF_BYTES, LAST_CHUNK_BYTES);
            end += LAST_CHUNK_BYTES;
        }
    }
    if (end > begin)
        out->iov[out->iov_count++] = (struct iovec){begin, (size_t)(end - begin)};
}

static void pull_source(struct pst_h1 *h1)
{
    struct pst_h1_out *out = &h1->out;
    struct pst_reply *r = &h1->ex->reply;
    if (!take_buffer(h1, &h1->env->pools->chunks)) {
        fail_reply(h1, PST_END_NOMEM);
        return;
    }
    char *data = out->buffer + PST_CHUNK_LINE_BYTES;
    size_t cap = PST_CHUNK_BYTES - PST_CHUNK_LINE_BYTES - CRLF_BYTES - LAST_CHUNK_BYTES, n = 0;
    if (r->length >= 0 && cap > out->file_left)
        cap = (size_t)out->file_left;
    /* Set before the call, since a source may wake itself from within. */
    r->is_source_waiting = true;
    int ret = r->length == 0 ? PST_SOURCE_END : r->source.pull(r->source_ctx, data, cap, &n);
    bool is_short = false;
    if (r->length >= 0) {
        out->file_left -= n <= cap ? n : 0;
        if (out->file_left == 0 && ret == PST_SOURCE_MORE)
            ret = PST_SOURCE_END; /* all that was promised is there */
        is_short = ret == PST_SOURCE_END && out->file_left > 0;
    }
    if (ret == PST_SOURCE_FAIL || n > cap || is_short) {
        fail_reply(h1, PST_END_SOURCE_FAILED);
        return;
    }
    out->is_source_done = ret == PST_SOURCE_END;
    if (n == 0 && !out->is_source_done) {
        /* It may wait long: no buffer is held meanwhile. */
        pst_pool_put(out->buffer_pool, out->buffer);
        out->buffer = NULL;
        return;
    }
    r->is_source_waiting = false;
    frame_piece(out, data, n, out->is_source_done);
    out->has_piece = true;
}

static bool is_all_sent(const struct pst_h1 *h1)
{
    const struct pst_h1_out *out = &h1->out;
    if (!out->is_begun || out->iov_count)
        return false;
    return has_source(h1) ? out->is_source_done : out->file_left == 0;
}

/* ---- the driver's calls ---- */

void pst_h1_output(struct pst_session *s, struct pst_output *ret_out)
{
    struct pst_h1 *h1 = self(s);
    struct pst_h1_out *out = &h1->out;
    *ret_out = (struct pst_output){.file_fd = -1};
    s->may_output = h1->ex != NULL;
    if (!h1->ex)
        return;
    if (h1->owes_continue && (h1->is_continue_begun || !h1->ex->is_replied)) {
        h1->is_continue_begun = true;
        out->iov[0] = (struct iovec){(void *)(uintptr_t)(continue_line + h1->continue_sent),
                                     CONTINUE_BYTES - h1->continue_sent};
        ret_out->iov = out->iov;
        ret_out->iov_count = 1;
        return;
    }
    if (!h1->ex->is_replied || h1->in == H1_IN_DISPATCH)
        return;
    if (!out->is_begun)
        begin_reply(h1);
    /* The next piece is made when the last one has gone; the first goes out together with the head. */
    if (h1->ex && has_source(h1) && out->is_begun && !out->is_source_done &&
        !h1->ex->reply.is_source_waiting && out->iov_count <= (out->head_left && !out->has_piece))
        pull_source(h1);
    if (!h1->ex)
        return;
    if (is_all_sent(h1)) { /* a source that ended with nothing more to send */
        finish_reply(h1, PST_END_OK);
        return;
    }
    ret_out->iov = out->iov;
    ret_out->iov_count = out->iov_count;
    if (out->file_fd >= 0 && out->file_left) {
        ret_out->file_fd = out->file_fd;
        ret_out->file_offset = out->file_offset;
        ret_out->file_len = out->file_left < SIZE_MAX ? (size_t)out->file_left : SIZE_MAX;
    }
}

/* Takes n bytes off the front of iov. */
static size_t consume_memory(struct pst_h1_out *out, size_t n)
{
    size_t taken = 0;
    while (out->iov_count && taken < n) {
        struct iovec *v = &out->iov[0];
        size_t part = n - taken < v->iov_len ? n - taken : v->iov_len;
        v->iov_base = (char *)v->iov_base + part;
        v->iov_len -= part;
        taken += part;
        if (v->iov_len)
            break;
        out->iov[0] = out->iov[1];
        out->iov_count--;
    }
    return taken;
}

void pst_h1_sent(struct pst_session *s, size_t n)
{
    struct pst_h1 *h1 = self(s);
    struct pst_h1_out *out = &h1->out;
    if (h1->owes_continue) {
        h1->continue_sent += n;
        if (h1->continue_sent == CONTINUE_BYTES) {
            h1->owes_continue = h1->is_continue_begun = false;
            h1->continue_sent = 0;
        }
        return;
    }
    if (!h1->ex)
        return;
    size_t of_head = n < out->head_left ? n : out->head_left;
    out->head_left -= of_head;
    h1->ex->sent_bytes += n - of_head;
    size_t of_file = n - consume_memory(out, n);
    out->file_offset += (off_t)of_file;
    out->file_left -= of_file;
    if (is_all_sent(h1))
        finish_reply(h1, PST_END_OK);
}
