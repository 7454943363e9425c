/* sse_hub.c - see sse.h. Events lie in one log, made of counted blocks; each reader has its own place in it,
 * so that an event is written once and a reader needs no memory of its own for what it has not sent.
 *
 * Threads: the log's end and the number of readers are under the hub's lock. A reader belongs to its worker's
 * thread. A sender only rings: each worker with readers has a letter that says "look again", on its way at
 * most once. So sending takes no memory once the event is written, and reaches all workers or none. */
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/exchange.h"
#include "http/sse_block.h"
#include "loop/loop.h"

/* A hub's part on one worker. Lives as long as the hub: there are few. */
struct branch {
    struct branch *next;
    struct pst_sse_hub *hub;
    struct pst_loop *loop;
    struct pst_letter letter;
    bool is_rung;            /* the letter is under way; under the hub's lock */
    size_t reader_count;     /* under the hub's lock */
    struct pst_list readers; /* on the worker's thread only, as are the readers */
};

struct pst_sse_hub {
    struct pst_sse_options options;        /* constant, as are the two blocks */
    struct pst_sse_block *greeting, *ping; /* what each stream begins with, and goes on with when idle */
    pthread_mutex_t lock;
    struct pst_sse_block *tail; /* of the log; never NULL */
    struct branch *branches;
    atomic_size_t reader_count; /* changed under the lock */
};

struct reader {
    struct pst_list node;
    struct branch *branch;
    struct pst_exchange *ex;
    struct pst_sse_block *aside; /* is sent first, and is no part of the log; NULL: nothing */
    struct pst_sse_block *block; /* the place in the log; NULL once cut */
    size_t offset;               /* so many bytes of aside, or else of block, were sent */
    uint64_t stop_at;            /* where in the log the stream ends */
    bool is_waiting;             /* has sent all there was */
};

/* ---- the stream ---- */

/* Bytes of the log that were not sent yet, where it ends at end. */
static uint64_t backlog(const struct reader *r, uint64_t end)
{
    return end - r->block->end + (r->aside ? 0 : r->block->len - r->offset);
}

/* Where the next bytes are to be taken from, after leaving behind what was sent whole; NULL: there are none.
 */
static const struct pst_sse_block *advance(struct reader *r)
{
    if (r->aside && r->offset < r->aside->len)
        return r->aside;
    if (r->aside) {
        pst_sse_block_unref(r->aside);
        r->aside = NULL;
        r->offset = r->block->len;
    }
    while (r->offset == r->block->len && r->block->end < r->stop_at) {
        struct pst_sse_block *next = atomic_load_explicit(&r->block->next, memory_order_acquire);
        if (!next)
            return NULL;
        pst_sse_block_ref(next); /* while its place before still holds it */
        pst_sse_block_unref(r->block);
        r->block = next;
        r->offset = 0;
    }
    return r->offset < r->block->len ? r->block : NULL;
}

static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct reader *r = ctx;
    const struct pst_sse_block *from = NULL;
    size_t len = 0;
    *ret_len = 0;
    if (!r->block)
        return PST_SOURCE_FAIL;
    while (len < cap && (from = advance(r)) != NULL) {
        size_t n = from->len - r->offset < cap - len ? from->len - r->offset : cap - len;
        memcpy(dst + len, from->bytes + r->offset, n);
        r->offset += n;
        len += n;
    }
    *ret_len = len;
    r->is_waiting = len == 0;
    return from || r->block->end < r->stop_at ? PST_SOURCE_MORE : PST_SOURCE_END;
}

static void wake(struct reader *r)
{
    r->is_waiting = false;
    pst_exchange_wake(r->ex);
}

/* The stream breaks off where it is; the reader connects again and asks for what it missed. */
static void cut(struct reader *r)
{
    pst_sse_block_unref(r->aside);
    pst_sse_block_unref(r->block);
    r->aside = r->block = NULL;
    wake(r);
}

/* ---- what wakes a reader: events, time, the server's end ---- */

static void on_ring(struct pst_letter *letter)
{
    struct branch *branch = PST_CONTAINER(letter, struct branch, letter);
    struct pst_sse_hub *hub = branch->hub;
    pthread_mutex_lock(&hub->lock);
    branch->is_rung = false; /* from here on whoever sends rings again */
    uint64_t end = hub->tail->end;
    pthread_mutex_unlock(&hub->lock);
    for (struct pst_list *node = branch->readers.next; node != &branch->readers; node = node->next) {
        struct reader *r = PST_CONTAINER(node, struct reader, node);
        /* One that has taken all there was is given its chance, however much comes at once. */
        if (r->is_waiting)
            wake(r);
        else if (r->block && backlog(r, end) > hub->options.max_backlog_bytes)
            cut(r);
    }
}

static void on_ping(struct pst_exchange *ex, void *arg)
{
    struct reader *r = arg;
    struct pst_sse_hub *hub = r->branch->hub;
    pst_exchange_after(ex, hub->options.ping_ms, on_ping, r);
    if (!r->is_waiting)
        return;
    r->aside = pst_sse_block_ref(hub->ping);
    r->offset = 0;
    wake(r);
}

/* Events that were sent before still go out: what was promised to the reader is kept. */
static void on_drain(struct pst_exchange *ex, void *arg)
{
    struct reader *r = arg;
    struct pst_sse_hub *hub = r->branch->hub;
    (void)ex;
    pthread_mutex_lock(&hub->lock);
    r->stop_at = hub->tail->end;
    pthread_mutex_unlock(&hub->lock);
    wake(r);
}

/* ---- coming and going ---- */

/* With the lock held: this loop's branch; NULL when out of memory. */
static struct branch *branch_of(struct pst_sse_hub *hub, struct pst_loop *loop)
{
    for (struct branch *branch = hub->branches; branch; branch = branch->next)
        if (branch->loop == loop)
            return branch;
    struct branch *branch = calloc(1, sizeof(*branch));
    if (!branch)
        return NULL;
    branch->hub = hub;
    branch->loop = loop;
    branch->letter.on_receive = on_ring;
    pst_list_init(&branch->readers);
    branch->next = hub->branches;
    hub->branches = branch;
    return branch;
}

/* Finds the reader its place: at the end of the log. */
static int enter(struct pst_sse_hub *hub, struct reader *r)
{
    int err = 0;
    pthread_mutex_lock(&hub->lock);
    if (atomic_load(&hub->reader_count) >= hub->options.max_readers)
        err = PST_E_LIMIT;
    else if ((r->branch = branch_of(hub, r->ex->env->loop)) == NULL)
        err = PST_E_NOMEM;
    if (!err) {
        r->block = pst_sse_block_ref(hub->tail);
        r->branch->reader_count++;
        atomic_fetch_add(&hub->reader_count, 1);
    }
    pthread_mutex_unlock(&hub->lock);
    if (!err)
        pst_list_push_back(&r->branch->readers, &r->node);
    return err;
}

/* The source's close. */
static void leave(void *ctx)
{
    struct reader *r = ctx;
    struct pst_sse_hub *hub = r->branch->hub;
    pst_list_remove(&r->node);
    pthread_mutex_lock(&hub->lock);
    r->branch->reader_count--;
    atomic_fetch_sub(&hub->reader_count, 1);
    pthread_mutex_unlock(&hub->lock);
    pst_sse_block_unref(r->aside);
    pst_sse_block_unref(r->block);
}

static int add_fields(struct pst_exchange *ex)
{
    static const char *const fields[][2] = {
        {"Content-Type", "text/event-stream"},
        {"Cache-Control", "no-store"},
        {"X-Content-Type-Options", "nosniff"},
        {"X-Accel-Buffering", "no"}, /* proxies that collect a reply before they pass it on */
    };
    int err = pst_reply_status(ex, 200);
    for (size_t i = 0; !err && i < sizeof(fields) / sizeof(fields[0]); i++)
        err = pst_reply_field_ref(ex, pst_slice_str(fields[i][0]), pst_slice_str(fields[i][1]));
    return err;
}

/* RFC 9110 9.3.2 HEAD: the fields of the stream, and nobody who reads it. The source is not asked for
 * anything; it would say what it says of a reader that was cut. */
static int reply_head(struct pst_exchange *ex)
{
    static const struct pst_source source = {.pull = pull};
    static struct reader nobody;
    int err = add_fields(ex);
    return err ? err : pst_reply_source(ex, &source, &nobody, -1);
}

static int join(struct pst_sse_hub *hub, struct reader *r)
{
    static const struct pst_source source = {.pull = pull, .close = leave};
    int err = enter(hub, r);
    if (err) {
        pst_sse_block_unref(r->aside);
        return err;
    }
    err = add_fields(r->ex);
    if (err) {
        leave(r);
        return err;
    }
    return pst_reply_source(r->ex, &source, r, -1);
}

int pst_sse_join(struct pst_sse_hub *hub, struct pst_exchange *ex, const struct pst_sse_event *first,
                 size_t count)
{
    if (pst_exchange_replied(ex))
        return PST_E_STATE;
    if (pst_slice_eq(pst_exchange_method(ex), PST_SLICE("HEAD")))
        return reply_head(ex);
    struct reader *r = pst_exchange_alloc(ex, sizeof(*r));
    if (!r)
        return PST_E_NOMEM;
    *r = (struct reader){.ex = ex, .stop_at = UINT64_MAX};
    int err = 0;
    if (count > 0)
        err = pst_sse_block_new(&r->aside, pst_slice_of(hub->greeting->bytes, hub->greeting->len), first,
                                count);
    else
        r->aside = pst_sse_block_ref(hub->greeting);
    if (!err)
        err = join(hub, r);
    if (err)
        return err;
    pst_exchange_after(ex, hub->options.ping_ms, on_ping, r);
    pst_exchange_on_drain(ex, on_drain, r);
    return 0;
}

size_t pst_sse_readers(const struct pst_sse_hub *hub)
{
    return atomic_load(&((struct pst_sse_hub *)(uintptr_t)hub)->reader_count);
}

/* ---- sending ---- */

/* With the lock held. Returns what was the end before: the hub's hold on it is the caller's now. */
static struct pst_sse_block *append(struct pst_sse_hub *hub, struct pst_sse_block *block)
{
    struct pst_sse_block *before = hub->tail;
    block->end = before->end + block->len;
    hub->tail = block;
    atomic_store_explicit(&before->next, pst_sse_block_ref(block), memory_order_release);
    return before;
}

/* With the lock held. Where there are readers the worker still turns, so its letter is taken. */
static void ring_all(struct pst_sse_hub *hub)
{
    for (struct branch *branch = hub->branches; branch; branch = branch->next)
        if (branch->reader_count > 0 && !branch->is_rung)
            branch->is_rung = pst_loop_post(branch->loop, &branch->letter) == 0;
}

int pst_sse_send(struct pst_sse_hub *hub, const struct pst_sse_event *event)
{
    struct pst_sse_block *block;
    int err = pst_sse_block_new(&block, PST_SLICE(""), event, 1);
    if (err)
        return err;
    pthread_mutex_lock(&hub->lock);
    struct pst_sse_block *before = append(hub, block);
    ring_all(hub);
    pthread_mutex_unlock(&hub->lock);
    pst_sse_block_unref(before);
    return 0;
}

/* ---- the hub ---- */

static void set_options(struct pst_sse_options *to, const struct pst_sse_options *from)
{
    *to = from ? *from : (struct pst_sse_options){0};
    to->max_readers = to->max_readers ? to->max_readers : 10000;
    to->max_backlog_bytes = to->max_backlog_bytes ? to->max_backlog_bytes : 262144;
    to->ping_ms = to->ping_ms ? to->ping_ms : 15000;
    to->retry_ms = to->retry_ms ? to->retry_ms : 2000;
}

static int make_blocks(struct pst_sse_hub *hub)
{
    char text[64];
    int len = snprintf(text, sizeof(text), "retry: %" PRIu64 "\n:\n\n", hub->options.retry_ms);
    int err = pst_sse_block_new(&hub->greeting, pst_slice_of(text, (size_t)len), NULL, 0);
    if (!err)
        err = pst_sse_block_new(&hub->ping, PST_SLICE(":\n\n"), NULL, 0);
    if (!err)
        err = pst_sse_block_new(&hub->tail, PST_SLICE(""), NULL, 0);
    return err;
}

int pst_sse_hub_new(struct pst_sse_hub **ret_hub, const struct pst_sse_options *options)
{
    struct pst_sse_hub *hub = calloc(1, sizeof(*hub));
    if (!hub)
        return PST_E_NOMEM;
    if (pthread_mutex_init(&hub->lock, NULL) != 0) {
        free(hub);
        return PST_E_SYSTEM;
    }
    set_options(&hub->options, options);
    atomic_init(&hub->reader_count, 0);
    int err = make_blocks(hub);
    if (err) {
        pst_sse_hub_free(hub);
        return err;
    }
    *ret_hub = hub;
    return 0;
}

void pst_sse_hub_free(struct pst_sse_hub *hub)
{
    if (!hub)
        return;
    while (hub->branches) {
        struct branch *next = hub->branches->next;
        free(hub->branches);
        hub->branches = next;
    }
    pst_sse_block_unref(hub->greeting);
    pst_sse_block_unref(hub->ping);
    pst_sse_block_unref(hub->tail);
    pthread_mutex_destroy(&hub->lock);
    free(hub);
}
