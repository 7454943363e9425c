/* board_live.c - a board's events. */
#include "handlers/board_live.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <postern/http.h>
#include <postern/sse.h>
#include <postern/store.h>

#include "handlers/board_cache.h"
#include "handlers/page.h"

/* What a reader has missed is told if it is less than this, which is well below what may wait for a reader;
 * else it reads the page again. */
#define MISSED_MAX_BYTES (128 << 10)

struct happening {
    struct pst_slice name;
    struct pst_text data;
    bool is_told; /* data holds it; else nobody was there to hear it, and it was not put into words */
};

struct pst_board_live {
    const struct pst_board_source *source;
    struct pst_sse_hub *hub;
    pthread_mutex_t lock; /* joining and sending one at a time: a reader gets each event once or, before, as
                             missed */
    char run[17];
    bool owes_reload;
    uint64_t number;                           /* of the last event; 0: none yet */
    struct happening recent[PST_BOARD_RECENT]; /* number n is at n % PST_BOARD_RECENT */
};

static void put_position(const struct pst_board_live *live, uint64_t number,
                         char dst[PST_BOARD_POSITION_BYTES])
{
    (void)snprintf(dst, PST_BOARD_POSITION_BYTES, "%s-%" PRIu64, live->run, number);
}

void pst_board_live_position(struct pst_board_live *live, char dst[PST_BOARD_POSITION_BYTES])
{
    (void)pthread_mutex_lock(&live->lock);
    put_position(live, live->number, dst);
    (void)pthread_mutex_unlock(&live->lock);
}

/* ---- telling: on the store's thread ---- */

/* The lock is held. Takes over data. */
static void tell(struct pst_board_live *live, struct pst_slice name, struct pst_text *data, bool is_told)
{
    struct happening *it = &live->recent[++live->number % PST_BOARD_RECENT];
    is_told = is_told && !live->owes_reload;
    char position[PST_BOARD_POSITION_BYTES];
    pst_text_free(&it->data);
    *it = (struct happening){.name = name, .data = *data, .is_told = is_told};
    *data = (struct pst_text){0};
    put_position(live, live->number, position);
    const struct pst_sse_event event = {.name = is_told ? it->name : PST_SLICE("reload"),
                                        .id = pst_slice_str(position),
                                        .data = is_told ? pst_slice_of(it->data.ptr, it->data.len)
                                                        : PST_SLICE("{}")};
    /* Out of memory, nobody has got it. The next one makes up for it. */
    live->owes_reload = pst_sse_send(live->hub, &event) != 0;
}

/* A message that somebody is to hear of. False: it has gone already. */
static bool word(const struct pst_board_source *source, uint64_t id, struct pst_text *ret_data)
{
    const struct pst_post_query query = {.box = source->box, .id = id, .limit = 1};
    struct pst_post_page *found;
    if (pst_store_read(source->store, &query, &found) != 0) {
        ret_data->failed = true;
        return true;
    }
    bool is_there = found->count > 0;
    if (is_there)
        pst_board_add_event(ret_data, &source->look, &found->posts[0]);
    pst_post_page_free(found);
    return is_there;
}

static void on_message(struct pst_board_live *live, uint64_t id)
{
    struct pst_text data = {0};
    (void)pthread_mutex_lock(&live->lock);
    bool is_heard = pst_sse_readers(live->hub) > 0;
    if (!is_heard)
        tell(live, PST_SLICE("message"), &data, false);
    (void)pthread_mutex_unlock(&live->lock);
    /* Reading takes time, in which others may join: they are told all the same. */
    if (!is_heard || !word(live->source, id, &data))
        return;
    bool failed = data.failed;
    if (failed)
        pst_text_free(&data);
    (void)pthread_mutex_lock(&live->lock);
    tell(live, PST_SLICE("message"), &data, !failed);
    (void)pthread_mutex_unlock(&live->lock);
}

static void on_removed(struct pst_board_live *live, uint64_t id)
{
    struct pst_text data = {0};
    pst_text_addf(&data, "{\"id\":%" PRIu64 "}", id);
    bool failed = data.failed;
    if (failed)
        pst_text_free(&data);
    (void)pthread_mutex_lock(&live->lock);
    tell(live, PST_SLICE("removed"), &data, !failed);
    (void)pthread_mutex_unlock(&live->lock);
}

static void on_change(const struct pst_change *change, void *arg)
{
    struct pst_board_live *live = arg;
    if (!pst_slice_eq(change->box, live->source->box))
        return;
    if (change->is_deleted)
        on_removed(live, change->id);
    else
        on_message(live, change->id);
}

/* ---- joining: on a worker's thread ---- */

/* Where a reader stands: false where it does not say, or says it of another run. */
static bool read_position(const struct pst_board_live *live, struct pst_slice text, uint64_t *ret_number)
{
    size_t len = strlen(live->run);
    unsigned long long number;
    if (text.len <= len || memcmp(text.ptr, live->run, len) != 0 || text.ptr[len] != '-' ||
        !pst_slice_to_u64(pst_slice_of(text.ptr + len + 1, text.len - len - 1), &number) ||
        number > live->number) /* of no time yet */
        return false;
    *ret_number = number;
    return true;
}

static bool since(const struct pst_exchange *ex, struct pst_slice *ret_text)
{
    struct pst_slice query = pst_exchange_query(ex), prefix = PST_SLICE("since=");
    /* A browser that connects again asks the same address, and says here how far it has come. */
    if (pst_exchange_field(ex, "Last-Event-ID", ret_text) && ret_text->len > 0)
        return true;
    if (!pst_slice_starts(query, prefix))
        return false;
    *ret_text = pst_slice_of(query.ptr + prefix.len, query.len - prefix.len);
    return true;
}

struct missed {
    struct pst_sse_event events[PST_BOARD_RECENT];
    char positions[PST_BOARD_RECENT][PST_BOARD_POSITION_BYTES];
};

/* The lock is held. How many events come after number; PST_BOARD_RECENT + 1: more than can be told. */
static size_t collect(const struct pst_board_live *live, uint64_t number, struct missed *missed)
{
    size_t count = 0, bytes = 0;
    if (live->number - number > PST_BOARD_RECENT)
        return PST_BOARD_RECENT + 1;
    for (uint64_t n = number + 1; n <= live->number; n++, count++) {
        const struct happening *it = &live->recent[n % PST_BOARD_RECENT];
        bytes += it->data.len;
        if (!it->is_told || bytes > MISSED_MAX_BYTES)
            return PST_BOARD_RECENT + 1;
        put_position(live, n, missed->positions[count]);
        missed->events[count] = (struct pst_sse_event){.name = it->name,
                                                       .id = pst_slice_str(missed->positions[count]),
                                                       .data = pst_slice_of(it->data.ptr, it->data.len)};
    }
    return count;
}

void pst_board_live_join(struct pst_board_live *live, struct pst_exchange *ex)
{
    struct pst_slice text;
    bool has_position = since(ex, &text);
    struct missed
        missed; /* not in the exchange's memory, which would keep it for as long as the reader stays */
    (void)pthread_mutex_lock(&live->lock);
    uint64_t number = live->number;
    bool is_known = !has_position || read_position(live, text, &number);
    size_t count = is_known ? collect(live, number, &missed) : PST_BOARD_RECENT + 1;
    if (count > PST_BOARD_RECENT) {
        put_position(live, live->number, missed.positions[0]);
        missed.events[0] = (struct pst_sse_event){
            .name = PST_SLICE("reload"), .id = pst_slice_str(missed.positions[0]), .data = PST_SLICE("{}")};
        count = 1;
    }
    int err = pst_sse_join(live->hub, ex, missed.events, count);
    (void)pthread_mutex_unlock(&live->lock);
    if (err)
        pst_page_give_up(ex);
}

/* ---- life ---- */

int pst_board_live_new(struct pst_board_live **ret_live, const struct pst_board_source *source)
{
    unsigned char random[8];
    struct pst_board_live *live = calloc(1, sizeof *live);
    if (!live)
        return PST_E_NOMEM;
    live->source = source;
    int err = pthread_mutex_init(&live->lock, NULL) == 0 ? 0 : PST_E_SYSTEM;
    if (err) {
        free(live);
        return err;
    }
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        err = PST_E_SYSTEM;
    for (size_t i = 0; i < sizeof random && !err; i++)
        (void)snprintf(live->run + 2 * i, 3, "%02x", random[i]);
    if (!err)
        err = pst_sse_hub_new(&live->hub, NULL);
    if (!err)
        err = pst_store_watch(source->store, on_change, live);
    if (err) {
        pst_sse_hub_free(live->hub);
        (void)pthread_mutex_destroy(&live->lock);
        free(live);
        return err;
    }
    *ret_live = live;
    return 0;
}

void pst_board_live_free(struct pst_board_live *live)
{
    if (!live)
        return;
    pst_store_unwatch(live->source->store, on_change, live);
    pst_sse_hub_free(live->hub);
    for (size_t i = 0; i < PST_BOARD_RECENT; i++)
        pst_text_free(&live->recent[i].data);
    (void)pthread_mutex_destroy(&live->lock);
    free(live);
}
