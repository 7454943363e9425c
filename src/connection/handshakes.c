/* handshakes.c - see handshakes.h. */
#include "connection/handshakes.h"

#include <sys/random.h>

#include "connection/internal.h"

/* From this machine: load tests, and proxies that pass on the connections of many. */
enum { LOCAL_FACTOR = 8 };
/* An address with at most this part of what it may have is not flooding. */
enum { FEW_DIVISOR = 8 };

static struct pst_loop *loop_of(const struct pst_driver *driver)
{
    return driver->http->loop;
}

static const struct pst_limits *limits_of(const struct pst_driver *driver)
{
    return driver->http->limits;
}

static struct pst_connection *oldest_of(struct pst_list *list)
{
    return pst_list_is_empty(list) ? NULL : PST_CONTAINER(list->next, struct pst_connection, shake.node);
}

static struct pst_connection *next_of(struct pst_list *list)
{
    return PST_CONTAINER(list->next, struct pst_connection, shake.turn);
}

static void enter(struct pst_connection *c, struct pst_list *list)
{
    pst_list_remove(&c->shake.node);
    pst_list_push_back(list, &c->shake.node);
    c->shake.since_ms = pst_loop_now_ms(loop_of(c->driver));
}

/* ---- by address ---- */

/* The finishing steps of splitmix64: every bit of the address moves every bit of the place. */
static uint16_t *counter_of(struct pst_handshakes *h, uint64_t network)
{
    uint64_t x = network + h->secret;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    x ^= x >> 31;
    return &h->counters[x % PST_HANDSHAKE_COUNTERS];
}

static uint64_t most_of(const struct pst_driver *driver, uint64_t network)
{
    uint64_t most = limits_of(driver)->handshakes_each;
    return pst_network_is_local(network) ? most * LOCAL_FACTOR : most;
}

bool pst_driver_may_handshake(struct pst_driver *driver, uint64_t network)
{
    struct pst_handshakes *h = &driver->handshakes;
    if (*counter_of(h, network) < most_of(driver, network))
        return true;
    pst_count(&driver->http->counters.handshakes_refused, 1);
    return false;
}

/* ---- room ---- */

static bool is_anybody_outside(const struct pst_handshakes *h)
{
    return !pst_list_is_empty(&h->welcome) || !pst_list_is_empty(&h->knocking);
}

/* Who has taken a quarter of the deadline gives way where others wait, and sooner to one of an address that
 * does not flood. An honest client needs a round trip or two. */
static uint64_t patience_ms(const struct pst_driver *driver)
{
    return limits_of(driver)->handshake_ms / (pst_list_is_empty(&driver->handshakes.welcome) ? 4 : 16);
}

static bool end_oldest(struct pst_driver *driver, struct pst_list *list)
{
    struct pst_connection *c = oldest_of(list);
    if (!c || pst_loop_now_ms(loop_of(driver)) - c->shake.since_ms < patience_ms(driver))
        return false;
    pst_count(&driver->http->counters.handshakes_stalled, 1);
    pst_connection_report(c, "TLS handshake stalled while others waited");
    pst_connection_die(c, PST_END_PEER_CLOSED);
    pst_connection_drive(c);
    return true;
}

bool pst_driver_make_room(struct pst_driver *driver)
{
    return end_oldest(driver, &driver->handshakes.outside);
}

/* Honest clients go on at once: when half of the room is taken by those that do not, who comes from an
 * address with many is let in at this pace, which leaves the processor to others. */
enum { PACE_MS = 10 };

static bool is_paced(struct pst_driver *driver)
{
    struct pst_handshakes *h = &driver->handshakes;
    if (!pst_list_is_empty(&h->welcome) || h->count < limits_of(driver)->handshakes / 2)
        return false;
    if (pst_loop_now_ms(loop_of(driver)) < h->paced_ms) {
        pst_loop_set_timer(loop_of(driver), &h->timer, h->paced_ms);
        return true;
    }
    h->paced_ms = pst_loop_now_ms(loop_of(driver)) + PACE_MS;
    return false;
}

/* Whether the next one outside may be let in now; if not, the timer or the end of another one tells when. */
static bool has_room(struct pst_driver *driver)
{
    struct pst_handshakes *h = &driver->handshakes;
    if (is_paced(driver))
        return false;
    if (h->count < limits_of(driver)->handshakes || end_oldest(driver, &h->inside))
        return true;
    uint64_t at_ms = oldest_of(&h->inside)->shake.since_ms + patience_ms(driver);
    pst_loop_set_timer(loop_of(driver), &h->timer, at_ms);
    return false;
}

/* ---- turns ---- */

static void take_step(struct pst_driver *driver, struct pst_connection *c)
{
    pst_list_remove(&c->shake.turn);
    driver->handshakes.current = c;
    pst_loop_new_turn_number(loop_of(driver)); /* what is read now was not announced in this turn */
    pst_connection_drive(c);
    driver->handshakes.current = NULL;
}

static void let_in(struct pst_driver *driver, struct pst_connection *c)
{
    struct pst_handshakes *h = &driver->handshakes;
    c->shake.is_in = true;
    enter(c, &h->inside);
    h->count++;
    take_step(driver, c);
}

static bool is_few(const struct pst_connection *c)
{
    return c->shake.counter && *c->shake.counter <= c->shake.few;
}

/* The first of a flood were welcome when they knocked. */
static void weed_welcome(struct pst_handshakes *h)
{
    while (!pst_list_is_empty(&h->welcome) && !is_few(next_of(&h->welcome))) {
        struct pst_connection *c = next_of(&h->welcome);
        pst_list_remove(&c->shake.turn);
        pst_list_push_back(&h->knocking, &c->shake.turn);
    }
}

static void on_task(struct pst_task *task)
{
    struct pst_handshakes *h = PST_CONTAINER(task, struct pst_handshakes, task);
    struct pst_driver *driver = PST_CONTAINER(h, struct pst_driver, handshakes);
    if (!pst_list_is_empty(&h->ready))
        take_step(driver, next_of(&h->ready));
    weed_welcome(h);
    bool is_let_in = is_anybody_outside(h) && has_room(driver);
    if (is_let_in)
        let_in(driver, next_of(pst_list_is_empty(&h->welcome) ? &h->knocking : &h->welcome));
    if (!pst_list_is_empty(&h->ready) || (is_let_in && is_anybody_outside(h)))
        pst_loop_queue(loop_of(driver), task);
}

static void on_timer(struct pst_timer *timer)
{
    struct pst_handshakes *h = PST_CONTAINER(timer, struct pst_handshakes, timer);
    struct pst_driver *driver = PST_CONTAINER(h, struct pst_driver, handshakes);
    pst_loop_queue(loop_of(driver), &h->task);
}

void pst_handshake_begin(struct pst_connection *c, uint64_t network)
{
    pst_list_init(&c->shake.node);
    pst_list_init(&c->shake.turn);
    if (!c->transport->ops->is_handshake_costly)
        return;
    struct pst_handshakes *h = &c->driver->handshakes;
    c->shake.counter = counter_of(h, network);
    if (*c->shake.counter == UINT16_MAX)
        c->shake.counter = NULL;
    else
        ++*c->shake.counter;
    c->shake.few = (uint16_t)(most_of(c->driver, network) / FEW_DIVISOR);
    c->rd_wait = WAIT_RD; /* registering its descriptor tells at once what has come before */
    enter(c, &h->outside);
}

/* Of a flood from few addresses one of the many others must not have to wait for the end. */
static struct pst_list *queue_of(struct pst_connection *c)
{
    struct pst_handshakes *h = &c->driver->handshakes;
    if (c->shake.is_in)
        return &h->ready;
    return is_few(c) ? &h->welcome : &h->knocking;
}

bool pst_handshake_has_turn(struct pst_connection *c)
{
    struct pst_handshakes *h = &c->driver->handshakes;
    if (!c->transport->ops->is_handshake_costly || h->current == c)
        return true;
    if (pst_list_is_empty(&c->shake.turn)) /* else it keeps its place */
        pst_list_push_back(queue_of(c), &c->shake.turn);
    pst_loop_queue(loop_of(c->driver), &h->task);
    return false;
}

void pst_handshake_end(struct pst_connection *c)
{
    struct pst_handshakes *h = &c->driver->handshakes;
    pst_list_remove(&c->shake.node);
    pst_list_remove(&c->shake.turn);
    if (c->shake.counter)
        --*c->shake.counter;
    c->shake.counter = NULL;
    if (!c->shake.is_in)
        return;
    c->shake.is_in = false;
    h->count--;
    if (is_anybody_outside(h))
        pst_loop_queue(loop_of(c->driver), &h->task);
}

/* ---- life ---- */

void pst_handshakes_init(struct pst_driver *driver)
{
    struct pst_handshakes *h = &driver->handshakes;
    pst_list_init(&h->outside);
    pst_list_init(&h->inside);
    pst_list_init(&h->welcome);
    pst_list_init(&h->knocking);
    pst_list_init(&h->ready);
    pst_task_init(&h->task, on_task);
    pst_timer_init(&h->timer, on_timer);
    /* Without it an address could be chosen to share another's counter; nothing worse. */
    if (getrandom(&h->secret, sizeof(h->secret), GRND_NONBLOCK) < 0)
        h->secret = 0;
}

void pst_handshakes_fini(struct pst_driver *driver)
{
    pst_loop_unqueue(&driver->handshakes.task);
    pst_loop_clear_timer(loop_of(driver), &driver->handshakes.timer);
}
