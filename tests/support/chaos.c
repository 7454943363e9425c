/* chaos.c - see chaos.h. */
#include "support/chaos.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { PIECES_MOST = 16 };

struct chaos {
    struct pst_transport base;
    struct pst_transport *inner;
    struct pst_transport_owner inner_owner;
    struct pst_loop *loop;
    struct pst_connection **connection;
    struct chaos_options options;
    uint64_t random;
    struct pst_task task;
    unsigned turns_left; /* before the readiness that is owed is told */
    unsigned owed;       /* PST_EV_*; 0: none */
    unsigned char *hold;
    size_t hold_at, hold_len; /* [at, len) were counted, and are not with inner yet */
    bool is_unsure; /* a read was put off since inner last had nothing: an edge may have been used up
                       meanwhile */
    bool is_broken;
};

uint64_t chaos_random(uint64_t *state)
{
    *state ^= *state >> 12;
    *state ^= *state << 25;
    *state ^= *state >> 27;
    return *state * UINT64_C(0x2545F4914F6CDD1D) >> 16;
}

static uint64_t scatter(uint64_t seed)
{
    uint64_t state = seed * UINT64_C(0x9E3779B97F4A7C15) + 1;
    for (int i = 0; i < 4; i++)
        chaos_random(&state);
    return state;
}

struct chaos_options chaos_options_of(uint64_t seed)
{
    uint64_t state = scatter(seed);
    static const size_t holds[] = {0, 0, 1, 100, 4096};
    return (struct chaos_options){
        .seed = seed,
        .want_percent = (unsigned)(chaos_random(&state) % 60),
        .byte_percent = (unsigned)(chaos_random(&state) % 80),
        .part_percent = (unsigned)(chaos_random(&state) % 100),
        .hold_cap = holds[chaos_random(&state) % (sizeof(holds) / sizeof(holds[0]))],
        .turns_most = (unsigned)(chaos_random(&state) % 4),
    };
}

static struct chaos *self(struct pst_transport *t)
{
    return (struct chaos *)t;
}

static bool happens(struct chaos *c, unsigned percent)
{
    return chaos_random(&c->random) % 100 < percent;
}

/* ---- putting off ---- */

static void on_task(struct pst_task *task)
{
    struct chaos *c = PST_CONTAINER(task, struct chaos, task);
    if (c->turns_left > 0) {
        c->turns_left--;
        pst_loop_queue(c->loop, &c->task);
        return;
    }
    unsigned events = c->owed;
    c->owed = 0;
    pst_connection_notify(*c->connection, events); /* may end the connection, and so this transport */
}

static enum pst_io put_off(struct chaos *c)
{
    bool is_rd = happens(c, 50);
    c->owed |= is_rd ? PST_EV_RD : PST_EV_WR;
    c->turns_left = (unsigned)(chaos_random(&c->random) % (c->options.turns_most + 1));
    pst_loop_queue(c->loop, &c->task);
    return is_rd ? PST_IO_WANT_RD : PST_IO_WANT_WR;
}

static bool is_put_off(struct chaos *c, enum pst_io *ret_io)
{
    if (c->is_broken || !happens(c, c->options.want_percent))
        return false;
    *ret_io = put_off(c);
    return true;
}

static size_t some_of(struct chaos *c, size_t n)
{
    if (n <= 1 || happens(c, c->options.byte_percent))
        return n ? 1 : 0;
    return happens(c, c->options.part_percent) ? 1 + chaos_random(&c->random) % n : n;
}

static enum pst_io noted(struct chaos *c, enum pst_io io)
{
    if (io == PST_IO_ERR)
        c->is_broken = true;
    return io;
}

/* ---- bytes that linger ---- */

/* OK: nothing is held any more. */
static enum pst_io send_held(struct chaos *c)
{
    while (c->hold_at < c->hold_len) {
        struct iovec iov = {c->hold + c->hold_at, some_of(c, c->hold_len - c->hold_at)};
        size_t n = 0;
        enum pst_io io = c->inner->ops->writev(c->inner, &iov, 1, &n);
        if (io != PST_IO_OK)
            return noted(c, io);
        c->hold_at += n;
    }
    c->hold_at = c->hold_len = 0;
    return PST_IO_OK;
}

static enum pst_io hold(struct chaos *c, const struct iovec *iov, int cnt, size_t *ret_n)
{
    if (c->hold_len == c->options.hold_cap) {
        enum pst_io io = send_held(c);
        if (io != PST_IO_OK)
            return io;
    }
    size_t n = 0;
    for (int i = 0; i < cnt; i++) {
        size_t room = c->options.hold_cap - c->hold_len;
        size_t part = iov[i].iov_len < room ? iov[i].iov_len : room;
        if (part)
            memcpy(c->hold + c->hold_len, iov[i].iov_base, part);
        c->hold_len += part;
        n += part;
    }
    *ret_n = n;
    return PST_IO_OK;
}

/* ---- the transport ---- */

static enum pst_io chaos_handshake(struct pst_transport *t)
{
    struct chaos *c = self(t);
    enum pst_io io;
    if (is_put_off(c, &io))
        return io;
    return noted(c, c->inner->ops->handshake(c->inner));
}

static enum pst_io chaos_read(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n)
{
    struct chaos *c = self(t);
    enum pst_io io;
    if (is_put_off(c, &io)) {
        c->is_unsure = true;
        return io;
    }
    io = noted(c, c->inner->ops->read(c->inner, dst, some_of(c, cap), ret_n));
    c->is_unsure = c->is_unsure && io == PST_IO_OK;
    return io;
}

/* The first n bytes of iov, as pieces of their own; returns their number. */
static int cut(const struct iovec *iov, int cnt, size_t n, struct iovec dst[PIECES_MOST])
{
    int count = 0;
    for (int i = 0; i < cnt && n > 0; i++) {
        size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
        dst[count++] = (struct iovec){iov[i].iov_base, part};
        n -= part;
    }
    return count;
}

static enum pst_io chaos_writev(struct pst_transport *t, const struct iovec *iov, int cnt, size_t *ret_n)
{
    struct chaos *c = self(t);
    enum pst_io io;
    size_t len = 0;
    for (int i = 0; i < cnt; i++)
        len += iov[i].iov_len;
    if (len == 0) {
        *ret_n = 0;
        return PST_IO_OK;
    }
    if (is_put_off(c, &io))
        return io;
    struct iovec part[PIECES_MOST];
    int count = cut(iov, cnt, some_of(c, len), part);
    if (c->options.hold_cap)
        return hold(c, part, count, ret_n);
    return noted(c, c->inner->ops->writev(c->inner, part, count, ret_n));
}

static enum pst_io chaos_sendfile(struct pst_transport *t, int file_fd, off_t *offset, size_t len,
                                  size_t *ret_n)
{
    struct chaos *c = self(t);
    enum pst_io io;
    if (is_put_off(c, &io))
        return io;
    io = send_held(c);
    if (io != PST_IO_OK)
        return io;
    return noted(c, c->inner->ops->sendfile(c->inner, file_fd, offset, some_of(c, len), ret_n));
}

static enum pst_io chaos_flush(struct pst_transport *t)
{
    struct chaos *c = self(t);
    enum pst_io io;
    if (is_put_off(c, &io))
        return io;
    io = send_held(c);
    return io == PST_IO_OK ? noted(c, c->inner->ops->flush(c->inner)) : io;
}

static enum pst_io chaos_shutdown(struct pst_transport *t)
{
    struct chaos *c = self(t);
    enum pst_io io;
    if (is_put_off(c, &io))
        return io;
    io = send_held(c);
    return io == PST_IO_OK ? noted(c, c->inner->ops->shutdown(c->inner)) : io;
}

static bool chaos_pending(const struct pst_transport *t)
{
    const struct chaos *c = (const struct chaos *)t;
    return c->is_unsure || c->inner->ops->pending(c->inner);
}

static void chaos_trim(struct pst_transport *t)
{
    struct chaos *c = self(t);
    if (c->inner->ops->trim)
        c->inner->ops->trim(c->inner);
}

static void chaos_info(const struct pst_transport *t, struct pst_transport_info *ret_info)
{
    const struct chaos *c = (const struct chaos *)t;
    c->inner->ops->info(c->inner, ret_info);
}

static void chaos_destroy(struct pst_transport *t)
{
    struct chaos *c = self(t);
    pst_loop_unqueue(&c->task);
    *c->connection = NULL;
    c->inner->ops->destroy(c->inner);
    free(c->hold);
    free(c);
}

static const struct pst_transport_ops ops = {
    .name = "chaos",
    .handshake = chaos_handshake,
    .read = chaos_read,
    .writev = chaos_writev,
    .flush = chaos_flush,
    .shutdown = chaos_shutdown,
    .pending = chaos_pending,
    .trim = chaos_trim,
    .info = chaos_info,
    .destroy = chaos_destroy,
};

static const struct pst_transport_ops ops_with_sendfile = {
    .name = "chaos",
    .handshake = chaos_handshake,
    .read = chaos_read,
    .writev = chaos_writev,
    .sendfile = chaos_sendfile,
    .flush = chaos_flush,
    .shutdown = chaos_shutdown,
    .pending = chaos_pending,
    .trim = chaos_trim,
    .info = chaos_info,
    .destroy = chaos_destroy,
};

static void on_inner_held(struct pst_transport_owner *owner)
{
    struct chaos *c = PST_CONTAINER(owner, struct chaos, inner_owner);
    if (c->base.owner)
        c->base.owner->on_held(c->base.owner);
}

struct pst_transport *chaos_new(struct pst_transport *inner, struct pst_loop *loop,
                                struct pst_connection **connection, const struct chaos_options *options)
{
    struct chaos *c = calloc(1, sizeof(*c));
    unsigned char *held = malloc(options->hold_cap ? options->hold_cap : 1);
    if (!c || !held) {
        fprintf(stderr, "chaos: out of memory\n");
        abort();
    }
    *c = (struct chaos){
        .base.ops = inner->ops->sendfile ? &ops_with_sendfile : &ops,
        .inner = inner,
        .loop = loop,
        .connection = connection,
        .options = *options,
        .random = scatter(options->seed),
        .hold = held,
    };
    c->inner_owner.on_held = on_inner_held;
    inner->owner = &c->inner_owner;
    pst_task_init(&c->task, on_task);
    return &c->base;
}
