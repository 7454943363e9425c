/* deadline.c - what a connection owes by when. One timer a connection, set anew only when it must fire
 * earlier than it would: under load it fires about once a second and finds that nothing is due. */
#include "connection/internal.h"

/* An idle connection gives back what it can after this time: not at once, since the next request often
 * follows soon. */
enum { TRIM_MS = 1000 };

enum due { DUE_NOTHING, DUE_HANDSHAKE, DUE_TRIM, DUE_INPUT, DUE_WRITE, DUE_LINGER };

struct deadline {
    uint64_t at_ms;
    enum due due;
};

static void earlier(struct deadline *d, uint64_t at_ms, enum due due)
{
    if (at_ms < d->at_ms)
        *d = (struct deadline){at_ms, due};
}

/* When so many bytes since then will have been too few: mean rate below the least, once the grace is over. */
static uint64_t rate_end(const struct pst_limits *limits, uint64_t since_ms, uint64_t bytes,
                         uint64_t rate_bytes)
{
    if (rate_bytes == 0)
        return UINT64_MAX;
    uint64_t earned_ms = bytes > UINT64_MAX / 1000 ? UINT64_MAX / 2 : bytes * 1000 / rate_bytes;
    return since_ms + (earned_ms > limits->rate_grace_ms ? earned_ms : limits->rate_grace_ms);
}

static void session_deadline(const struct pst_connection *c, struct deadline *d)
{
    const struct pst_limits *limits = c->driver->http->limits;
    struct pst_progress p;
    c->session->ops->progress(c->session, &p);
    bool is_reading = p.phase != PST_PHASE_HANDLER;
    if (is_reading && c->host.is_wrong_door) /* the client gets no longer than for a handshake */
        earlier(d, c->since_ms + limits->handshake_ms, DUE_HANDSHAKE);
    switch (p.phase) {
    case PST_PHASE_IDLE:
        earlier(d, p.since_ms + (c->is_used ? limits->idle_ms : limits->head_ms), DUE_INPUT);
        if (!c->is_trimmed && c->transport->ops->trim)
            earlier(d, p.since_ms + TRIM_MS, DUE_TRIM);
        break;
    case PST_PHASE_HEAD:
        earlier(d, p.since_ms + limits->head_ms, DUE_INPUT);
        break;
    case PST_PHASE_BODY:
        earlier(d, p.last_ms + limits->body_idle_ms, DUE_INPUT);
        earlier(d, rate_end(limits, p.since_ms, p.bytes, limits->body_rate_bytes), DUE_INPUT);
        break;
    case PST_PHASE_HANDLER:
        break;
    }
}

static void write_deadline(const struct pst_connection *c, struct deadline *d, enum due due)
{
    const struct pst_limits *limits = c->driver->http->limits;
    earlier(d, c->write_last_ms + limits->write_stall_ms, due);
    earlier(d, rate_end(limits, c->write_since_ms, c->write_bytes, limits->write_rate_bytes), due);
}

static struct deadline next_deadline(const struct pst_connection *c)
{
    const struct pst_limits *limits = c->driver->http->limits;
    struct deadline d = {UINT64_MAX, DUE_NOTHING};
    switch (c->state) {
    case PST_CONNECTION_HANDSHAKE:
        earlier(&d, c->since_ms + limits->handshake_ms, DUE_HANDSHAKE);
        break;
    case PST_CONNECTION_OPEN:
        session_deadline(c, &d);
        if (c->is_write_blocked)
            write_deadline(c, &d, DUE_WRITE);
        break;
    case PST_CONNECTION_SHUTDOWN:
        /* The end of the last reply may still be with the transport: it gets the time it had before. */
        if (c->needs_flush)
            write_deadline(c, &d, DUE_LINGER);
        else
            earlier(&d, c->since_ms + limits->write_stall_ms, DUE_LINGER);
        break;
    case PST_CONNECTION_LINGER:
        earlier(&d, c->since_ms + limits->linger_ms, DUE_LINGER);
        break;
    case PST_CONNECTION_DEAD:
        break;
    }
    return d;
}

void pst_connection_arm(struct pst_connection *c)
{
    struct deadline d = next_deadline(c);
    if (d.due == DUE_NOTHING)
        return; /* a timer that is set fires once more, and finds nothing */
    uint64_t tick = d.at_ms / PST_WHEEL_TICK_MS;
    if (!pst_timer_is_set(&c->timer) || c->timer.tick > tick + 1)
        pst_loop_set_timer(c->driver->http->loop, &c->timer, d.at_ms);
}

static void act(struct pst_connection *c, enum due due)
{
    switch (due) {
    case DUE_HANDSHAKE:
        if (c->host.is_secure)
            pst_count(&c->driver->http->counters.handshakes_stalled, 1);
        pst_connection_report(c, "handshake deadline");
        pst_connection_die(c, PST_END_PEER_CLOSED);
        break;
    case DUE_TRIM:
        c->transport->ops->trim(c->transport);
        c->is_trimmed = true;
        break;
    case DUE_INPUT:
        c->session->ops->late(c->session);
        break;
    case DUE_WRITE:
        pst_connection_die(c, PST_END_DEADLINE_WRITE);
        break;
    case DUE_LINGER:
        pst_connection_die(c, PST_END_OK);
        break;
    case DUE_NOTHING:
        break;
    }
}

void pst_connection_on_timer(struct pst_timer *timer)
{
    struct pst_connection *c = PST_CONTAINER(timer, struct pst_connection, timer);
    struct deadline d = next_deadline(c);
    bool is_due = pst_loop_now_ms(c->driver->http->loop) >= d.at_ms;
    bool is_of_write = d.due == DUE_WRITE || (d.due == DUE_LINGER && c->needs_flush);
    if (is_due && !(is_of_write && pst_connection_is_taking(c)))
        act(c, d.due);
    pst_connection_drive(c);
}
