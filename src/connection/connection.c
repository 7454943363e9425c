/* connection.c - see connection.h. Deadlines are in deadline.c. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "connection/internal.h"
#include "h1/session.h"

/* Steps of one connection in one turn, so that a fast peer cannot starve the others. A step moves at most a
 * chunk in, or what the socket takes out. */
enum { STEPS_PER_TURN = 32 };
/* And bytes: sealing a step's 64 KiB costs as much as dozens of small requests. */
enum { BYTES_PER_TURN = 262144 };

/* A head waits for a file of up to this size, to go out with it. Of larger ones it is sent first: there, 64
 * KiB and a head are two segments anyway, and it cost up to 1.5 times as much to wait (96 and 256 KiB over
 * loopback; 64 KiB without waiting: 1.2 times). */
enum { FILE_AWAITED_BYTES = 65536 };

/* What is read of a file at once, up to where one of its pages ends: a reply of 1 MiB over TLS cost a tenth
 * more where the kernel had to copy from within pages. Of TLS records it fills three and most of a fourth. */
enum { FILE_PAGE_BYTES = 4096, FILE_PIECE_BYTES = 15 * FILE_PAGE_BYTES };

static struct pst_loop *loop_of(const struct pst_connection *c)
{
    return c->driver->http->loop;
}

/* ---- reports ---- */

static void trace(struct pst_connection *c, bool out, const char *data, size_t len)
{
    if (c->driver->on_trace && len) {
        struct pst_trace_entry entry = {c->id, out, data, len, c->host.peer};
        c->driver->on_trace(c->driver, &entry);
    }
}

static void trace_iov(struct pst_connection *c, const struct iovec *iov, size_t n)
{
    for (; c->driver->on_trace && n; iov++) {
        size_t part = n < iov->iov_len ? n : iov->iov_len;
        trace(c, true, iov->iov_base, part);
        n -= part;
    }
}

void pst_connection_report(struct pst_connection *c, const char *cause)
{
    if (c->driver->on_event && cause[0]) {
        struct pst_event_entry entry = {c->id, cause, c->host.peer};
        c->driver->on_event(c->driver, &entry);
    }
}

void pst_connection_learn_peer(struct pst_connection *c)
{
    struct pst_transport_info info;
    c->transport->ops->info(c->transport, &info);
    memcpy(c->address, info.address, sizeof(c->address));
    c->host.peer = (struct pst_peer_info){c->address, info.port, info.security, info.cipher, info.client};
    c->host.is_secure = info.is_secure;
    c->host.sends_files = c->transport->ops->sendfile && !c->driver->on_trace;
}

/* ---- states ---- */

void pst_connection_enter(struct pst_connection *c, enum pst_connection_state state)
{
    c->state = state;
    c->since_ms = pst_loop_now_ms(loop_of(c));
    c->rd_wait = c->wr_wait = WAIT_NONE;
}

/* Notes what a call waits for; true where the status was a WANT. */
static bool must_wait(enum pst_io io, enum pst_wait *wait)
{
    if (io == PST_IO_WANT_RD)
        *wait = WAIT_RD;
    else if (io == PST_IO_WANT_WR)
        *wait = WAIT_WR;
    else
        return false;
    return true;
}

void pst_connection_die(struct pst_connection *c, enum pst_end why)
{
    c->end = why;
    c->state = PST_CONNECTION_DEAD;
}

static void count_handshake(struct pst_connection *c, bool is_done)
{
    struct pst_counters *counters = &c->driver->http->counters;
    struct pst_transport_info info;
    c->transport->ops->info(c->transport, &info);
    if (!info.is_secure)
        return;
    if (is_done)
        pst_count(info.is_resumed ? &counters->handshakes_resumed : &counters->handshakes_full, 1);
    else if (info.failure[0]) /* who comes and goes without a byte has begun none */
        pst_count(&counters->handshakes_failed, 1);
}

/* The transport has failed: named in the log, unless an exchange's line will say so. */
static void die_of_transport(struct pst_connection *c)
{
    struct pst_transport_info info;
    c->transport->ops->info(c->transport, &info);
    if (!c->session || !c->session->ops->is_busy(c->session))
        pst_connection_report(c, info.failure);
    pst_connection_die(c, PST_END_PEER_RESET);
}

/* A run of output begins: all that was counted before it has gone. */
static void begin_run(struct pst_connection *c)
{
    c->write_since_ms = c->write_last_ms = pst_loop_now_ms(loop_of(c));
    c->write_bytes = 0;
}

static bool step_handshake(struct pst_connection *c)
{
    if (c->rd_wait != WAIT_NONE || !pst_handshake_has_turn(c))
        return false;
    if (c->driver->sends && c->transport->ops->is_handshake_costly)
        pst_sends_submit(c->driver->sends);
    enum pst_io io = c->transport->ops->handshake(c->transport);
    if (must_wait(io, &c->rd_wait))
        return false;
    if (io == PST_IO_ERR && pst_connection_meet_http(c))
        return true;
    count_handshake(c, io == PST_IO_OK);
    if (io != PST_IO_OK || c->is_draining) {
        die_of_transport(c);
        return true;
    }
    pst_handshake_end(c);
    uint64_t since_ms = c->since_ms;
    pst_connection_learn_peer(c);
    if (pst_h1_session_new(&c->session, c->driver->http, &c->host) != 0) {
        pst_connection_die(c, PST_END_NOMEM);
        return true;
    }
    pst_connection_enter(c, PST_CONNECTION_OPEN);
    if (c->host.is_wrong_door) /* it still has the handshake's deadline */
        c->since_ms = since_ms;
    if (c->transport->ops->is_handshake_costly) {
        begin_run(c); /* its last words go with the first reply, if the request is here already */
        c->needs_flush = true;
    }
    return true;
}

/* ---- output ---- */

/* Bytes of the run that the peer has acknowledged; 0 where the transport cannot tell. */
static uint64_t taken(const struct pst_connection *c)
{
    if (!c->transport->ops->backlog)
        return 0;
    uint64_t backlog = c->transport->ops->backlog(c->transport);
    return c->write_bytes > backlog ? c->write_bytes - backlog : 0;
}

bool pst_connection_is_taking(struct pst_connection *c)
{
    const struct pst_limits *limits = c->driver->http->limits;
    uint64_t now = pst_loop_now_ms(loop_of(c)), total = taken(c), ms = now - c->write_since_ms;
    bool is_more = total > c->write_taken;
    c->write_taken = total;
    if (!is_more || (ms > limits->rate_grace_ms && total < limits->write_rate_bytes * ms / 1000))
        return false;
    c->write_last_ms = now;
    return true;
}

/* All bytes of a run count for its mean rate, also those that the transport took at once: before there is
 * room again the peer has to take a good part of them, and a slow one gets the time for that. */
static void wrote(struct pst_connection *c, size_t n)
{
    if (!c->needs_flush && !c->is_write_blocked)
        begin_run(c);
    c->write_last_ms = pst_loop_now_ms(loop_of(c));
    c->write_bytes += n;
    pst_count(&c->driver->http->counters.sent_bytes, n);
    c->turn_bytes += n;
    c->needs_flush = true;
}

/* The socket is full: from here on the peer has to take bytes. */
static void write_blocked(struct pst_connection *c)
{
    c->write_taken = taken(c);
    if (c->is_write_blocked)
        return;
    if (!c->needs_flush)
        begin_run(c);
    c->write_last_ms = pst_loop_now_ms(loop_of(c));
    c->is_write_blocked = true;
}

static bool after_write(struct pst_connection *c, enum pst_io io)
{
    if (must_wait(io, &c->wr_wait)) {
        write_blocked(c);
        return false;
    }
    if (io != PST_IO_OK) {
        pst_connection_die(c, PST_END_PEER_RESET);
        return true;
    }
    return true;
}

/* At the end of a turn: what the transport has held back for what might have come after it. */
static void flush(struct pst_connection *c)
{
    if (c->wr_wait != WAIT_NONE)
        return;
    if (c->needs_flush && !after_write(c, c->transport->ops->flush(c->transport)))
        return;
    if (!c->has_output) /* else the run goes on */
        c->needs_flush = c->is_write_blocked = false;
}

static enum pst_io write_memory(struct pst_connection *c, const struct iovec *iov, int count,
                                bool more_follows, size_t *ret_n)
{
    c->transport->more_follows = more_follows;
    enum pst_io io = c->transport->ops->writev(c->transport, iov, count, ret_n);
    if (io == PST_IO_OK)
        trace_iov(c, iov, *ret_n);
    return io;
}

static enum pst_io send_file(struct pst_connection *c, const struct pst_output *out, size_t *ret_n)
{
    off_t offset = out->file_offset;
    enum pst_io io = c->transport->ops->sendfile(c->transport, out->file_fd, &offset, out->file_len, ret_n);
    return io;
}

/* Where the bytes of a file have to pass through us: several TLS records at once, the head before the first
 * of them. What the transport does not take is read again later, so that no buffer waits with the connection.
 */
static enum pst_io write_read_file(struct pst_connection *c, const struct pst_output *out, size_t *ret_n,
                                   bool *ret_whole)
{
    struct pst_pool *pool = &c->driver->http->pools->wires;
    char *buffer = pst_pool_get(pool);
    if (!buffer) {
        *ret_whole = false;
        return PST_IO_OK;
    }
    size_t want = FILE_PIECE_BYTES - (size_t)(out->file_offset % FILE_PAGE_BYTES);
    if (want > out->file_len)
        want = out->file_len;
    ssize_t got;
    do
        got = pread(out->file_fd, buffer, want, out->file_offset);
    while (got < 0 && errno == EINTR);
    enum pst_io io = PST_IO_OK;
    *ret_whole = got > 0;
    if (got > 0) {
        struct iovec iov[PST_OUTPUT_IOV_MAX + 1];
        memcpy(iov, out->iov, (size_t)out->iov_count * sizeof(*iov));
        iov[out->iov_count] = (struct iovec){buffer, (size_t)got};
        io = write_memory(c, iov, out->iov_count + 1, false, ret_n);
    }
    pst_pool_put(pool, buffer);
    return io;
}

static bool step_output(struct pst_connection *c)
{
    if (c->wr_wait != WAIT_NONE)
        return false;
    c->has_output = false;
    if (!c->session->may_output)
        return false;
    struct pst_output out;
    const struct pst_session_ops *session = c->session->ops;
    session->output(c->session, &out);
    if (c->session->must_cut) {
        pst_connection_die(c, PST_END_SOURCE_FAILED);
        return true;
    }
    c->has_output = out.iov_count || out.file_fd >= 0;
    if (!c->has_output)
        return false;
    size_t n = 0;
    enum pst_io io;
    bool is_file_whole = true;
    if (out.file_fd >= 0 && !c->host.sends_files)
        io = write_read_file(c, &out, &n, &is_file_whole);
    else if (out.iov_count)
        io = write_memory(c, out.iov, out.iov_count, out.file_fd >= 0 && out.file_len <= FILE_AWAITED_BYTES,
                          &n);
    else
        io = send_file(c, &out, &n);
    if (io == PST_IO_OK && n == 0 && is_file_whole) /* not that way, or not at all */
        io = write_read_file(c, &out, &n, &is_file_whole);
    if (!is_file_whole) { /* shorter than it was, or unreadable */
        session->file_failed(c->session);
        return true;
    }
    if (io == PST_IO_OK) {
        wrote(c, n);
        session->sent(c->session, n);
    }
    return after_write(c, io);
}

/* ---- input ---- */

static bool feed_held(struct pst_connection *c)
{
    size_t used = 0;
    c->session->ops->input(c->session, c->held + c->held_at, c->held_len, &used);
    c->held_at += (uint32_t)used;
    c->held_len -= (uint32_t)used;
    if (c->held_len == 0) {
        pst_pool_put(&c->driver->http->pools->chunks, c->held);
        c->held = NULL;
    }
    return used > 0;
}

static void feed(struct pst_connection *c, size_t n)
{
    struct pst_driver *driver = c->driver;
    size_t used = 0;
    bool is_first = !c->is_used;
    c->is_used = true;
    c->is_trimmed = false;
    c->turn_bytes += n;
    trace(c, false, driver->scratch, n);
    if (is_first && pst_connection_meet_tls(c, driver->scratch[0]))
        return;
    c->session->ops->input(c->session, driver->scratch, n, &used);
    if (used < n) { /* the connection keeps the chunk; the worker gets a fresh one for its next read */
        c->held = driver->scratch;
        c->held_at = (uint32_t)used;
        c->held_len = (uint32_t)(n - used);
        driver->scratch = NULL;
    }
}

static bool take_scratch(struct pst_driver *driver)
{
    if (!driver->scratch)
        driver->scratch = pst_pool_get(&driver->http->pools->chunks);
    return driver->scratch != NULL;
}

/* Reads once. WANT: noted. After OK the socket may be known to be empty: then nothing is tried before the
 * next edge. */
static enum pst_io read_once(struct pst_connection *c, size_t *ret_n)
{
    enum pst_io io = c->transport->ops->read(c->transport, c->driver->scratch, PST_CHUNK_BYTES, ret_n);
    if (io == PST_IO_OK)
        pst_count(&c->driver->http->counters.received_bytes, *ret_n);
    if (must_wait(io, &c->rd_wait) || io != PST_IO_OK || c->is_rdhup ||
        c->transport->ops->pending(c->transport))
        return io;
    if (!c->has_rd_edge)
        c->rd_wait = WAIT_RD;
    c->has_rd_edge = false;
    return io;
}

static bool step_input(struct pst_connection *c)
{
    if (!c->session->ops->wants_input(c->session))
        return false;
    if (c->held)
        return feed_held(c);
    if (c->rd_wait != WAIT_NONE || c->is_read_ended)
        return false;
    if (!take_scratch(c->driver)) {
        pst_connection_die(c, PST_END_NOMEM);
        return true;
    }
    size_t n = 0;
    enum pst_io io = read_once(c, &n);
    switch (io) {
    case PST_IO_OK:
        feed(c, n);
        return true;
    case PST_IO_EOF:
    case PST_IO_TRUNC:
        c->is_read_ended = true;
        c->session->ops->input_end(c->session, io == PST_IO_EOF);
        return true;
    case PST_IO_ERR:
        die_of_transport(c);
        return true;
    case PST_IO_WANT_RD:
    case PST_IO_WANT_WR:
        break;
    }
    return false;
}

static bool step_open(struct pst_connection *c)
{
    bool moved = step_output(c);
    if (c->state != PST_CONNECTION_OPEN)
        return true;
    if (c->session->must_cut) {
        pst_connection_die(c, PST_END_SOURCE_FAILED);
        return true;
    }
    if (c->session->ops->is_finished(c->session)) {
        pst_connection_enter(c, PST_CONNECTION_SHUTDOWN);
        return true;
    }
    /* A transport that holds the reply keeps it until the end of the turn: for the replies to requests that
     * came together, and for the end of the stream. */
    return step_input(c) || moved;
}

/* ---- closing ---- */

/* A close with unread input makes the kernel send a reset, which can destroy our last answer before the peer
 * has read it. So our direction is ended first, and what the peer still sends is read and thrown away, within
 * bounds. */
static bool step_shutdown(struct pst_connection *c)
{
    if (c->wr_wait != WAIT_NONE)
        return false;
    enum pst_io io = c->transport->ops->shutdown(c->transport);
    if (must_wait(io, &c->wr_wait))
        return false;
    if (io != PST_IO_OK || c->is_read_ended)
        pst_connection_die(c, PST_END_OK);
    else
        pst_connection_enter(c, PST_CONNECTION_LINGER);
    return true;
}

static bool step_linger(struct pst_connection *c)
{
    if (c->rd_wait != WAIT_NONE)
        return false;
    size_t n = 0;
    enum pst_io io = take_scratch(c->driver) ? read_once(c, &n) : PST_IO_ERR;
    if (io == PST_IO_WANT_RD || io == PST_IO_WANT_WR)
        return false;
    c->linger_bytes += n;
    if (io != PST_IO_OK || c->linger_bytes > c->driver->http->limits->linger_bytes)
        pst_connection_die(c, PST_END_OK);
    return true;
}

static void destroy(struct pst_connection *c)
{
    struct pst_driver *driver = c->driver;
    pst_loop_clear_timer(loop_of(c), &c->timer);
    pst_loop_unqueue(&c->task);
    if (c->session) {
        /* A reply that is cut must not look whole to a client that reads until the end. */
        bool is_cut = c->session->must_cut || c->session->ops->is_busy(c->session);
        if (is_cut && c->transport->ops->cut)
            c->transport->ops->cut(c->transport);
        c->session->ops->abort(c->session, c->end == PST_END_OK ? PST_END_PEER_CLOSED : c->end);
        c->session->ops->destroy(c->session);
    }
    pst_handshake_end(c);
    if (c->is_watched)
        pst_loop_unwatch(loop_of(c), &c->watch);
    c->transport->ops->destroy(c->transport);
    pst_pool_put(&driver->http->pools->chunks, c->held);
    pst_list_remove(&c->node);
    driver->count--;
    free(c);
    if (driver->on_closed)
        driver->on_closed(driver);
}

/* ---- driving ---- */

static bool step(struct pst_connection *c)
{
    switch (c->state) {
    case PST_CONNECTION_HANDSHAKE:
        return step_handshake(c);
    case PST_CONNECTION_OPEN:
        return step_open(c);
    case PST_CONNECTION_SHUTDOWN:
        return step_shutdown(c);
    case PST_CONNECTION_LINGER:
        return step_linger(c);
    case PST_CONNECTION_DEAD:
        break;
    }
    return false;
}

/* Whether it ends by a fault of ours, so that what was counted before it in this turn, such as the whole
 * reply to a request before that one, may still be with the transport, which is in order. */
static bool must_say(const struct pst_connection *c)
{
    return c->state == PST_CONNECTION_DEAD && c->needs_flush && c->wr_wait == WAIT_NONE &&
           (c->end == PST_END_SOURCE_FAILED || c->end == PST_END_NOMEM);
}

void pst_connection_drive(struct pst_connection *c)
{
    int steps = 0;
    bool is_moving;
    c->is_driving = true;
    c->turn_bytes = 0;
    do {
        c->is_woken = false;
        is_moving = step(c) || c->is_woken;
    } while (is_moving && ++steps < STEPS_PER_TURN && c->turn_bytes < BYTES_PER_TURN);
    if (c->state == PST_CONNECTION_OPEN)
        flush(c);
    else if (must_say(c)) /* what the socket takes at once */
        (void)c->transport->ops->flush(c->transport);
    c->is_driving = false;
    if (c->state == PST_CONNECTION_DEAD) {
        destroy(c);
        return;
    }
    if (is_moving)
        pst_loop_queue(loop_of(c), &c->task);
    pst_connection_arm(c);
}

static void on_task(struct pst_task *task)
{
    struct pst_connection *c = PST_CONTAINER(task, struct pst_connection, task);
    pst_loop_new_turn_number(loop_of(c)); /* what is read now was not announced in this turn */
    pst_connection_drive(c);
}

/* Never drives from within: the session, or a handler in another connection's turn, may be the caller. */
static void on_wake(struct pst_session_host *host)
{
    struct pst_connection *c = PST_CONTAINER(host, struct pst_connection, host);
    if (c->is_driving)
        c->is_woken = true;
    else if (c->state != PST_CONNECTION_DEAD)
        pst_loop_queue(loop_of(c), &c->task);
}

void pst_connection_notify(struct pst_connection *c, unsigned events)
{
    if (events & (PST_EV_RDHUP | PST_EV_ERR))
        c->is_rdhup = true;
    if (events & (PST_EV_RD | PST_EV_RDHUP | PST_EV_ERR)) {
        c->has_rd_edge = c->rd_wait != WAIT_RD;
        if (c->rd_wait == WAIT_RD)
            c->rd_wait = WAIT_NONE;
        if (c->wr_wait == WAIT_RD)
            c->wr_wait = WAIT_NONE;
    }
    if (events & (PST_EV_WR | PST_EV_ERR)) {
        if (c->rd_wait == WAIT_WR)
            c->rd_wait = WAIT_NONE;
        if (c->wr_wait == WAIT_WR) {
            c->wr_wait = WAIT_NONE;
            c->write_last_ms = pst_loop_now_ms(loop_of(c)); /* there is room: the peer has taken something */
        }
    }
    /* A reset while a reply is awaited or under way: nothing can be delivered, and no read would tell. */
    if ((events & PST_EV_ERR) && c->state == PST_CONNECTION_OPEN && !c->session->ops->wants_input(c->session))
        pst_connection_die(c, PST_END_PEER_RESET);
    pst_connection_drive(c);
}

/* Not a write that is refused, but one that is taken back. It was counted in this turn, so the run that it
 * belongs to is the last one that began, and goes on: its bytes are the time that a slow peer gets. */
static void on_held(struct pst_transport_owner *owner)
{
    struct pst_connection *c = PST_CONTAINER(owner, struct pst_connection, owner);
    c->needs_flush = true;
    on_wake(&c->host);
}

static void on_event(struct pst_watch *watch, unsigned events)
{
    pst_connection_notify(PST_CONTAINER(watch, struct pst_connection, watch), events);
}

int pst_connection_open(struct pst_driver *driver, struct pst_transport *transport,
                        struct pst_connection **ret_connection)
{
    struct pst_connection *c = calloc(1, sizeof(*c));
    if (!c) {
        transport->ops->destroy(transport);
        return PST_E_NOMEM;
    }
    c->driver = driver;
    c->transport = transport;
    c->owner.on_held = on_held;
    transport->owner = &c->owner;
    c->host.wake = on_wake;
    c->end = PST_END_OK;
    pst_task_init(&c->task, on_task);
    pst_timer_init(&c->timer, pst_connection_on_timer);
    pst_connection_learn_peer(c);
    struct pst_transport_info info;
    transport->ops->info(transport, &info);
    c->watch = (struct pst_watch){info.fd, on_event};
    if (info.fd >= 0) {
        int err = pst_loop_watch(driver->http->loop, &c->watch);
        if (err) {
            transport->ops->destroy(transport);
            free(c);
            return err;
        }
        c->is_watched = true;
    }
    c->id = driver->next_id;
    driver->next_id += driver->id_step;
    pst_list_push_back(&driver->connections, &c->node);
    driver->count++;
    if (ret_connection)
        *ret_connection = c;
    pst_connection_enter(c, PST_CONNECTION_HANDSHAKE);
    pst_handshake_begin(c, info.network);
    pst_connection_drive(c);
    return 0;
}
