/* pair.c - see pair.h. */
#include "support/pair.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DEFAULT_CAP = 65536 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "pair: %s\n", what);
    abort();
}

/* ---- the buffers ---- */

static void buffer_init(struct pair_buffer *b, size_t cap)
{
    *b = (struct pair_buffer){.cap = cap};
    if (cap) {
        b->data = malloc(cap);
        must(b->data, "out of memory");
    }
}

static size_t buffer_put(struct pair_buffer *b, const void *data, size_t len)
{
    const unsigned char *from = data;
    size_t n = len < b->cap - b->len ? len : b->cap - b->len;
    for (size_t i = 0; i < n;) {
        size_t end = (b->at + b->len) % b->cap;
        size_t part = n - i < b->cap - end ? n - i : b->cap - end;
        memcpy(b->data + end, from + i, part);
        b->len += part;
        i += part;
    }
    return n;
}

static size_t buffer_get(struct pair_buffer *b, void *dst, size_t cap)
{
    unsigned char *to = dst;
    size_t n = cap < b->len ? cap : b->len;
    for (size_t i = 0; i < n;) {
        size_t part = n - i < b->cap - b->at ? n - i : b->cap - b->at;
        memcpy(to + i, b->data + b->at, part);
        b->at = (b->at + part) % b->cap;
        b->len -= part;
        i += part;
    }
    return n;
}

/* ---- the server's side ---- */

static struct pair *self(struct pst_transport *t)
{
    return (struct pair *)t;
}

static bool has_failed(const struct pair *p)
{
    return p->ended == PST_IO_ERR && p->is_told;
}

static enum pst_io fail(struct pair *p)
{
    p->is_told = true;
    return PST_IO_ERR;
}

static enum pst_io pair_op_handshake(struct pst_transport *t)
{
    struct pair *p = self(t);
    must(!has_failed(p), "handshake after ERR");
    p->calls.handshake++;
    if (p->ended != PST_IO_OK && p->handshake != PST_IO_OK) {
        p->is_told = true;
        return p->ended;
    }
    if (p->handshake == PST_IO_OK && p->last_words) {
        size_t len = strlen(p->last_words);
        must(buffer_put(&p->hold, p->last_words, len) == len, "no room for the last words");
        p->last_words = NULL;
    }
    return p->handshake;
}

static void read_ahead(struct pair *p)
{
    unsigned char piece[512];
    while (p->in.len && p->ahead.len < p->ahead.cap) {
        size_t room = p->ahead.cap - p->ahead.len;
        size_t n = buffer_get(&p->in, piece, room < sizeof(piece) ? room : sizeof(piece));
        buffer_put(&p->ahead, piece, n);
    }
    p->is_emptied = p->in.len == 0;
}

static enum pst_io pair_op_read(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n)
{
    struct pair *p = self(t);
    must(!has_failed(p), "read after ERR");
    must(p->handshake == PST_IO_OK, "read before the handshake's end");
    must(cap > 0, "read into nothing");
    p->calls.read++;
    if (p->ended == PST_IO_ERR)
        return fail(p);
    struct pair_buffer *from = p->ahead.cap ? &p->ahead : &p->in;
    if (p->ahead.cap && p->ahead.len == 0)
        read_ahead(p);
    if (from->len) {
        *ret_n = buffer_get(from, dst, cap);
        p->taken += *ret_n;
        return PST_IO_OK;
    }
    if (p->ended == PST_IO_OK)
        return PST_IO_WANT_RD;
    p->is_told = true;
    return p->ended;
}

static enum pst_io wait_for_room(struct pair *p)
{
    p->waits_wr = true;
    return PST_IO_WANT_WR;
}

/* What was held goes out as far as there is room. */
static bool send_held(struct pair *p)
{
    unsigned char piece[512];
    size_t before = p->hold.len;
    while (p->hold.len && p->out.len < p->out.cap && !p->is_stuck) {
        size_t room = p->out.cap - p->out.len;
        size_t n = buffer_get(&p->hold, piece, room < sizeof(piece) ? room : sizeof(piece));
        buffer_put(&p->out, piece, n);
    }
    p->sends += p->hold.len < before;
    return p->hold.len == 0;
}

static void check_write(const struct pair *p)
{
    must(!has_failed(p), "write after ERR");
    must(p->handshake == PST_IO_OK, "write before the handshake's end");
    must(!p->is_shut, "write after shutdown");
}

static enum pst_io pair_op_writev(struct pst_transport *t, const struct iovec *iov, int cnt, size_t *ret_n)
{
    struct pair *p = self(t);
    check_write(p);
    must(cnt >= 0 && cnt <= 16, "too many pieces");
    p->calls.writev++;
    if (p->ended == PST_IO_ERR)
        return fail(p);
    struct pair_buffer *to = p->hold.cap ? &p->hold : &p->out;
    size_t wanted = 0, n = 0;
    if (!p->is_patient || p->hold.len == p->hold.cap)
        send_held(p);
    for (int i = 0; i < cnt; i++) {
        wanted += iov[i].iov_len;
        if (iov[i].iov_len && !p->is_stuck)
            n += buffer_put(to, iov[i].iov_base, iov[i].iov_len);
    }
    if (wanted && n == 0)
        return wait_for_room(p);
    if (!p->is_patient)
        send_held(p);
    *ret_n = n;
    return PST_IO_OK;
}

static enum pst_io pair_op_sendfile(struct pst_transport *t, int file_fd, off_t *offset, size_t len,
                                    size_t *ret_n)
{
    struct pair *p = self(t);
    check_write(p);
    p->calls.sendfile++;
    if (p->ended == PST_IO_ERR)
        return fail(p);
    unsigned char piece[4096];
    size_t room = p->is_stuck || !send_held(p) ? 0 : p->out.cap - p->out.len;
    if (room == 0)
        return wait_for_room(p);
    if (len > room)
        len = room;
    ssize_t n = pread(file_fd, piece, len < sizeof(piece) ? len : sizeof(piece), *offset);
    must(n >= 0, "the file cannot be read");
    *ret_n = buffer_put(&p->out, piece, (size_t)n);
    *offset += n;
    return PST_IO_OK;
}

static enum pst_io pair_op_flush(struct pst_transport *t)
{
    struct pair *p = self(t);
    must(!has_failed(p), "flush after ERR");
    p->calls.flush++;
    if (p->ended == PST_IO_ERR)
        return fail(p);
    return send_held(p) ? PST_IO_OK : wait_for_room(p);
}

static enum pst_io pair_op_shutdown(struct pst_transport *t)
{
    struct pair *p = self(t);
    must(!has_failed(p), "shutdown after ERR");
    p->calls.shutdown++;
    if (p->ended == PST_IO_ERR)
        return fail(p);
    if (p->is_stuck || !send_held(p))
        return wait_for_room(p);
    p->is_shut = true;
    return PST_IO_OK;
}

static bool pair_op_pending(const struct pst_transport *t)
{
    const struct pair *p = (const struct pair *)t;
    if (p->ahead.cap) /* what the last look at the other side told */
        return p->ahead.len || !p->is_emptied;
    return p->in.len || (p->ended != PST_IO_OK && !p->is_told);
}

static void pair_op_trim(struct pst_transport *t)
{
    must(!has_failed(self(t)), "trim after ERR");
    self(t)->calls.trim++;
}

static uint64_t pair_op_backlog(const struct pst_transport *t)
{
    return ((const struct pair *)t)->backlog;
}

static void pair_op_cut(struct pst_transport *t)
{
    ((struct pair *)t)->was_cut = true;
}

static void pair_op_info(const struct pst_transport *t, struct pst_transport_info *ret_info)
{
    const struct pair *p = (const struct pair *)t;
    *ret_info = (struct pst_transport_info){.fd = -1,
                                            .is_secure = p->is_secure,
                                            .port = 4711,
                                            .network = p->network,
                                            .security = "",
                                            .cipher = "",
                                            .alpn = "",
                                            .client = "",
                                            .failure = ""};
    (void)snprintf(ret_info->address, sizeof(ret_info->address), "%s", p->address);
    if (p->ended == PST_IO_ERR)
        ret_info->failure = "connection reset by client";
    else if (p->ended == PST_IO_TRUNC)
        ret_info->failure = "client closed without TLS close_notify";
}

static void pair_op_destroy(struct pst_transport *t)
{
    struct pair *p = self(t);
    p->connection = NULL;
    p->is_gone = true;
}

#define COMMON_OPS                                                                                           \
    .name = "pair", .handshake = pair_op_handshake, .read = pair_op_read, .writev = pair_op_writev,          \
    .flush = pair_op_flush, .shutdown = pair_op_shutdown, .pending = pair_op_pending, .trim = pair_op_trim,  \
    .backlog = pair_op_backlog, .cut = pair_op_cut, .info = pair_op_info, .destroy = pair_op_destroy

static const struct pst_transport_ops ops = {COMMON_OPS};
static const struct pst_transport_ops ops_with_sendfile = {COMMON_OPS, .sendfile = pair_op_sendfile};
static const struct pst_transport_ops ops_costly = {COMMON_OPS, .is_handshake_costly = true};

struct pair *pair_new(const struct pair_options *options)
{
    static const struct pair_options none = {0};
    if (!options)
        options = &none;
    struct pair *p = calloc(1, sizeof(*p));
    must(p, "out of memory");
    p->base.ops = options->is_costly ? &ops_costly : options->has_sendfile ? &ops_with_sendfile : &ops;
    p->is_secure = options->is_secure;
    p->is_patient = options->is_patient;
    p->last_words = options->last_words;
    p->network = options->network;
    p->address = options->address ? options->address : "192.0.2.1";
    buffer_init(&p->in, options->in_cap ? options->in_cap : DEFAULT_CAP);
    buffer_init(&p->out, options->out_cap ? options->out_cap : DEFAULT_CAP);
    buffer_init(&p->hold, options->hold_cap);
    buffer_init(&p->ahead, options->ahead_cap);
    return p;
}

void pair_free(struct pair *p)
{
    if (!p)
        return;
    must(p->is_gone, "freed before its connection has gone");
    free(p->in.data);
    free(p->out.data);
    free(p->hold.data);
    free(p->ahead.data);
    free(p);
}

struct pst_transport *pair_transport(struct pair *p)
{
    return &p->base;
}

/* ---- the peer ---- */

void pair_notify(struct pair *p, unsigned events)
{
    if (p->connection)
        pst_connection_notify(p->connection, events);
}

size_t pair_send(struct pair *p, const void *data, size_t len)
{
    must(p->ended == PST_IO_OK, "the peer sends after its end");
    size_t n = buffer_put(&p->in, data, len);
    if (n)
        pair_notify(p, PST_EV_RD);
    return n;
}

void pair_says(struct pair *p, const char *text)
{
    size_t len = strlen(text);
    must(pair_send(p, text, len) == len, "no room for what the peer says");
}

size_t pair_take(struct pair *p, void *dst, size_t cap)
{
    size_t n = buffer_get(&p->out, dst, cap);
    if (!p->is_gone && !p->is_patient)
        send_held(p);
    if (n && p->waits_wr && !p->is_stuck) {
        p->waits_wr = false;
        pair_notify(p, PST_EV_WR);
    }
    return n;
}

void pair_take_all(struct pair *p, struct pst_text *text)
{
    char piece[4096];
    size_t n;
    while ((n = pair_take(p, piece, sizeof(piece))) > 0)
        pst_text_add(text, pst_slice_of(piece, n));
    must(!text->failed, "out of memory");
}

void pair_end(struct pair *p, enum pst_io how)
{
    must(p->ended == PST_IO_OK && (how == PST_IO_EOF || how == PST_IO_TRUNC || how == PST_IO_ERR),
         "the peer cannot end like this");
    p->ended = how;
    pair_notify(p, how == PST_IO_ERR ? PST_EV_RD | PST_EV_WR | PST_EV_RDHUP | PST_EV_ERR
                                     : PST_EV_RD | PST_EV_RDHUP);
}

void pair_handshakes(struct pair *p, enum pst_io result)
{
    p->handshake = result;
    pair_notify(p, PST_EV_RD | PST_EV_WR);
}
