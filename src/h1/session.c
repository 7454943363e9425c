/* session.c - the input's side of an HTTP/1.1 session: heads, bodies, and what comes between; the reply's
 * side is output.c. One exchange at a time: pipelined requests wait as unread input, so replies cannot get
 * out of order. */
#include "h1/session.h"

#include <stdlib.h>
#include <string.h>

#include "h1/internal.h"

static struct pst_h1 *self(struct pst_session *s)
{
    return (struct pst_h1 *)s;
}

static const struct pst_h1 *self_const(const struct pst_session *s)
{
    return (const struct pst_h1 *)s;
}

static void set_phase(struct pst_h1 *h1, enum pst_phase phase)
{
    h1->progress.phase = phase;
    h1->progress.since_ms = h1->progress.last_ms = pst_loop_now_ms(h1->env->loop);
    h1->progress.bytes = 0;
}

void pst_h1_await_request(struct pst_h1 *h1)
{
    h1->in = H1_IN_HEAD;
    h1->head = NULL;
    h1->head_len = h1->head_cap = 0;
    h1->blank_bytes = 0;
    pst_h1_scanner_init(&h1->scanner);
    h1->is_settled = h1->must_close = false;
    set_phase(h1, PST_PHASE_IDLE);
    if (h1->is_draining)
        pst_h1_finish(h1);
}

void pst_h1_finish(struct pst_h1 *h1)
{
    h1->in = H1_IN_CLOSED;
    h1->is_last = true;
    set_phase(h1, PST_PHASE_HANDLER);
}

/* The request is refused by the protocol itself: answer, then close, for what follows cannot be trusted. */
static void refuse(struct pst_h1 *h1, int status, enum pst_end why)
{
    pst_h1_finish(h1);
    h1->must_close = true;
    if (h1->ex)
        pst_exchange_refuse(h1->ex, status, why);
}

/* ---- the head ---- */

static bool keep_head_bytes(struct pst_h1 *h1, const char *data, size_t len)
{
    size_t need = h1->head_len + len;
    if (need > h1->head_cap) {
        size_t cap = h1->head_cap ? h1->head_cap * 2 : 512;
        if (cap < need)
            cap = need;
        char *head = pst_arena_grow(&h1->ex->arena, h1->head, h1->head_cap, cap);
        if (!head)
            return false;
        h1->head = head;
        h1->head_cap = cap;
    }
    memcpy(h1->head + h1->head_len, data, len);
    h1->head_len = need;
    return true;
}

static void after_dispatch(struct pst_h1 *h1)
{
    if (h1->ex->is_body_done || !h1->ex->request.has_body || h1->ex->request.body_length == 0) {
        h1->in = H1_IN_WAIT;
        set_phase(h1, PST_PHASE_HANDLER);
        return;
    }
    h1->in = H1_IN_BODY;
    h1->body_left = h1->ex->request.body_length > 0 ? (uint64_t)h1->ex->request.body_length : 0;
    h1->discarded = 0;
    pst_chunked_init(&h1->chunked);
    set_phase(h1, PST_PHASE_BODY);
    /* RFC 9110 10.1.1: a client that waits for 100 gets it only where its body is wanted. */
    h1->owes_continue = h1->framing.expects_continue;
}

static void on_head(struct pst_h1 *h1)
{
    struct pst_exchange *ex = h1->ex;
    int status =
        pst_h1_parse_head(h1->head, h1->head_len, h1->env->limits, &ex->arena, &ex->request, &h1->framing);
    if (status) {
        refuse(h1, status, status == 500 ? PST_END_NOMEM : PST_END_BAD_REQUEST);
        return;
    }
    /* The body's begin is set up before the handler runs: it may reply, pause or resume at once. */
    h1->in = H1_IN_DISPATCH;
    pst_exchange_dispatch(ex);
    after_dispatch(h1);
}

/* RFC 9112 2.2: empty lines before a request line are skipped; a few, for they are not HTTP any more
 * otherwise. */
enum { BLANK_BYTES_MAX = 8 };

static size_t skip_blank_lines(struct pst_h1 *h1, const char *data, size_t len)
{
    size_t i = 0;
    while (i < len && h1->blank_bytes < BLANK_BYTES_MAX && data[i] == (h1->blank_bytes % 2 ? '\n' : '\r')) {
        h1->blank_bytes++;
        i++;
    }
    return i;
}

static size_t head_input(struct pst_h1 *h1, const char *data, size_t len)
{
    size_t skipped = 0;
    if (!h1->ex) {
        skipped = skip_blank_lines(h1, data, len);
        if (skipped == len)
            return len;
        h1->ex = pst_exchange_new(h1->env, h1->base.host, &h1->link);
        if (!h1->ex) { /* not even an answer is possible */
            pst_h1_finish(h1);
            return len;
        }
        h1->base.may_output = true;
        set_phase(h1, PST_PHASE_HEAD);
        if (h1->blank_bytes % 2) { /* a CR with no LF behind it */
            refuse(h1, 400, PST_END_BAD_REQUEST);
            return len;
        }
    }
    data += skipped;
    len -= skipped;
    size_t used = 0;
    int ret = pst_h1_scan(&h1->scanner, h1->env->limits, data, len, &used);
    if (ret > PST_H1_HEAD_DONE) {
        refuse(h1, ret, PST_END_BAD_REQUEST);
        return skipped + len;
    }
    if (!keep_head_bytes(h1, data, used)) {
        refuse(h1, 503, PST_END_NOMEM);
        return skipped + len;
    }
    if (ret == PST_H1_HEAD_DONE)
        on_head(h1);
    return skipped + used;
}

/* ---- the body ---- */

static bool is_discarding(const struct pst_h1 *h1)
{
    return !h1->ex || h1->ex->is_replied;
}

static void on_body_end(struct pst_h1 *h1)
{
    if (!h1->ex) { /* the reply has gone already */
        if (!h1->is_last)
            pst_h1_await_request(h1);
        return;
    }
    h1->in = H1_IN_WAIT;
    set_phase(h1, PST_PHASE_HANDLER);
}

static void take_body(struct pst_h1 *h1, const char *data, size_t len, bool last)
{
    if (!is_discarding(h1)) {
        /* In before the call: the handler may reply from within it. */
        pst_exchange_feed(h1->ex, data, len, last);
    } else {
        h1->discarded += len;
        if (h1->discarded > h1->env->limits->discard_bytes) {
            pst_h1_finish(h1);
            return;
        }
    }
    if (last)
        on_body_end(h1);
}

static size_t length_input(struct pst_h1 *h1, const char *data, size_t len)
{
    size_t n = len < h1->body_left ? len : (size_t)h1->body_left;
    h1->body_left -= n;
    take_body(h1, data, n, h1->body_left == 0);
    return n;
}

static size_t chunked_input(struct pst_h1 *h1, const char *data, size_t len)
{
    size_t used = 0;
    struct pst_slice piece;
    int ret = pst_chunked_decode(&h1->chunked, h1->env->limits, data, len, &used, &piece);
    if (ret > PST_CHUNKED_DONE) {
        refuse(h1, ret, PST_END_BAD_REQUEST);
        return len;
    }
    if (piece.len || ret == PST_CHUNKED_DONE)
        take_body(h1, piece.ptr, piece.len, ret == PST_CHUNKED_DONE);
    return used;
}

/* ---- the driver's calls ---- */

static bool h1_wants_input(const struct pst_session *s)
{
    const struct pst_h1 *h1 = self_const(s);
    if (h1->in == H1_IN_HEAD)
        return true;
    return h1->in == H1_IN_BODY && !(h1->ex && h1->ex->is_paused && !h1->ex->is_replied);
}

static void h1_input(struct pst_session *s, const char *data, size_t len, size_t *ret_used)
{
    struct pst_h1 *h1 = self(s);
    size_t used = 0;
    while (used < len && h1_wants_input(s)) {
        size_t n;
        bool is_head = h1->in == H1_IN_HEAD;
        if (is_head)
            n = head_input(h1, data + used, len - used);
        else if (h1->framing.is_chunked)
            n = chunked_input(h1, data + used, len - used);
        else
            n = length_input(h1, data + used, len - used);
        used += n;
        /* The bytes of a head that is complete are no credit for its body. */
        if (!is_head || h1->in == H1_IN_HEAD)
            h1->progress.bytes += n;
    }
    h1->progress.last_ms = pst_loop_now_ms(h1->env->loop);
    *ret_used = used;
}

static void h1_input_end(struct pst_session *s, bool clean)
{
    struct pst_h1 *h1 = self(s);
    (void)clean; /* a request's own framing tells whether it is whole (RFC 9112 8) */
    if (h1->in == H1_IN_WAIT) {
        /* Half-closed: the reply is still owed, and will be the last. */
        h1->is_last = true;
        return;
    }
    if (h1->in == H1_IN_CLOSED)
        return;
    bool is_reply_due = h1->ex && h1->ex->is_replied;
    pst_h1_finish(h1);
    if (h1->ex && !is_reply_due) {
        struct pst_exchange *ex = h1->ex;
        h1->ex = NULL;
        pst_exchange_end(ex, PST_END_PEER_CLOSED);
    }
}

static bool h1_is_finished(const struct pst_session *s)
{
    const struct pst_h1 *h1 = self_const(s);
    return h1->is_last && !h1->ex;
}

static bool h1_is_busy(const struct pst_session *s)
{
    return self_const(s)->ex != NULL;
}

static void h1_progress(const struct pst_session *s, struct pst_progress *ret_progress)
{
    const struct pst_h1 *h1 = self_const(s);
    *ret_progress = h1->progress;
    if (h1->in == H1_IN_BODY && !h1_wants_input(s))
        ret_progress->phase = PST_PHASE_HANDLER; /* paused: the peer is not the one to wait for */
    if (h1->in == H1_IN_BODY && h1->ex) {
        /* The time of pauses is not the peer's, but what it sent between them counts. */
        ret_progress->since_ms += h1->ex->paused_ms;
        if (ret_progress->last_ms < h1->ex->resumed_at_ms)
            ret_progress->last_ms = h1->ex->resumed_at_ms;
    }
}

static void h1_late(struct pst_session *s)
{
    struct pst_h1 *h1 = self(s);
    enum pst_end why = h1->in == H1_IN_HEAD ? PST_END_DEADLINE_HEAD : PST_END_DEADLINE_BODY;
    refuse(h1, 408, why);
}

static void h1_drain(struct pst_session *s)
{
    struct pst_h1 *h1 = self(s);
    h1->is_draining = true;
    if (h1->in == H1_IN_HEAD && !h1->ex)
        pst_h1_finish(h1);
    if (h1->ex)
        pst_exchange_drain(h1->ex);
}

static void h1_abort(struct pst_session *s, enum pst_end why)
{
    struct pst_h1 *h1 = self(s);
    struct pst_exchange *ex = h1->ex;
    pst_h1_finish(h1);
    pst_h1_drop_output(h1);
    h1->ex = NULL;
    if (ex)
        pst_exchange_end(ex, why);
}

static void h1_destroy(struct pst_session *s)
{
    struct pst_h1 *h1 = self(s);
    pst_h1_drop_output(h1);
    free(h1);
}

/* ---- the exchange's call ---- */

/* Whether the connection can serve another request behind what is still to come of this one's body. */
static bool can_keep(const struct pst_h1 *h1)
{
    const struct pst_exchange *ex = h1->ex;
    if (!h1->framing.is_keep_alive || ex->wants_close)
        return false;
    bool is_dispatching = h1->in == H1_IN_DISPATCH;
    if (ex->is_body_done || !ex->request.has_body || !(is_dispatching || h1->in == H1_IN_BODY))
        return true;
    /* RFC 9112 9.3: the rest of the body has to be read, or the connection closed. A chunked one may go on
     * for any length. */
    if (h1->framing.is_chunked)
        return false;
    /* RFC 9110 10.1.1: where the client still waits for 100 Continue nobody knows whether a body will follow.
     */
    if (is_dispatching ? h1->framing.expects_continue : h1->owes_continue && ex->fed_bytes == 0)
        return false;
    uint64_t left = is_dispatching ? (uint64_t)ex->request.body_length : h1->body_left;
    return left <= h1->env->limits->discard_bytes;
}

/* Decided when the reply is completed, not when its head goes out: how much of the body has come by then is a
 * matter of how the bytes were cut on their way, and the same request has to get the same answer. */
static void settle(struct pst_h1 *h1)
{
    h1->is_settled = true;
    if (!can_keep(h1))
        h1->must_close = true;
}

static void on_change(struct pst_exchange_link *link)
{
    struct pst_h1 *h1 = PST_CONTAINER(link, struct pst_h1, link);
    if (h1->ex->is_replied && !h1->is_settled)
        settle(h1);
    h1->base.host->wake(h1->base.host);
}

static const struct pst_session_ops h1_ops = {
    .input = h1_input,
    .input_end = h1_input_end,
    .wants_input = h1_wants_input,
    .output = pst_h1_output,
    .sent = pst_h1_sent,
    .file_failed = pst_h1_file_failed,
    .is_finished = h1_is_finished,
    .is_busy = h1_is_busy,
    .progress = h1_progress,
    .late = h1_late,
    .drain = h1_drain,
    .abort = h1_abort,
    .destroy = h1_destroy,
};

int pst_h1_session_new(struct pst_session **ret_session, struct pst_http_env *env,
                       struct pst_session_host *host)
{
    struct pst_h1 *h1 = calloc(1, sizeof(*h1));
    if (!h1)
        return PST_E_NOMEM;
    h1->base.ops = &h1_ops;
    h1->base.host = host;
    h1->env = env;
    h1->link.on_change = on_change;
    h1->out.file_fd = -1;
    pst_h1_await_request(h1);
    *ret_session = &h1->base;
    return 0;
}
