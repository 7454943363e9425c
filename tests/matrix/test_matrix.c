/* The matrix: one corpus of request sequences over every transport, cut into pieces in every way. The replies
 * must be the same bytes and the exchanges the same, for that is what postern promises: http and https give
 * the same answers.
 *
 * The corpus and its format: tests/matrix/README.md. POSTERN_MATRIX=NAME runs the entries whose names hold
 * NAME. POSTERN_TEST_ACCEL=limited takes from the processor, as far as src/accel is told, all that it has,
 * and runs over TLS alone: what ciphers the bytes must not show in them, either. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#if defined(POSTERN_HAS_ACCEL)
#include "accel/accel.h"
#include "accel/cpu.h"
#endif
#include "support/client.h"
#include "support/corpus.h"
#include "support/replies.h"
#include "support/routes.h"

/* How the client cuts what it sends, and how it reads. */
enum split { SPLIT_WHOLE, SPLIT_BYTES, SPLIT_RANDOM };

struct way {
    enum client_kind kind;
    enum split split;
    uint64_t seed; /* of SPLIT_RANDOM, and of the chaos */
    bool has_chaos;
    bool is_large; /* much is sent either way: single bytes would take minutes and show nothing new */
};

struct outcome {
    struct pst_text stream; /* all that the client received */
    struct pst_text seen;   /* the exchanges, as the server saw them */
    enum client_end how;
};

struct run {
    const struct corpus_entry *entry;
    struct way way;
    struct client *client;
    uint64_t random;
    struct outcome *out;
    size_t matched; /* of the stream, by what was waited for */
    size_t sent;
    unsigned idle;
};

static struct test_worker worker;
static struct routes routes;
static struct client_tls tls;
static struct corpus corpus;
static struct outcome *reference; /* by entry */
static size_t runs;

/* ---- telling what went wrong ---- */

static void print_escaped(const char *what, struct pst_slice text)
{
    enum { MOST = 3000 };
    fprintf(stderr, "---- %s: %zu bytes\n", what, text.len);
    for (size_t i = 0; i < text.len && i < MOST; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '\n')
            fputs("\\n\n", stderr);
        else if (c == '\r')
            fputs("\\r", stderr);
        else if (c >= ' ' && c < 0x7f)
            fputc(c, stderr);
        else
            fprintf(stderr, "\\x%02x", c);
    }
    fprintf(stderr, "%s\n", text.len > MOST ? "..." : "");
}

static struct pst_slice slice(const struct pst_text *text)
{
    return pst_slice_of(text->len ? text->ptr : "", text->len);
}

static void describe(const struct corpus_entry *entry, const struct way *way)
{
    static const char *const splits[] = {"whole", "byte by byte", "random"};
    fprintf(stderr, "\n%s (%s) over %s, %s, seed %llu%s\n", entry->name, entry->file,
            client_kind_name(way->kind), splits[way->split], (unsigned long long)way->seed,
            way->has_chaos ? ", chaos" : "");
}

static void give_up(struct run *r, const char *why)
{
    describe(r->entry, &r->way);
    print_escaped("received", slice(&r->out->stream));
    print_escaped("seen", slice(&worker.seen));
    fail_msg("%s", why);
}

/* ---- one run ---- */

static bool is_waiting_kind(const struct run *r)
{
    return r->way.kind != CLIENT_PAIR && r->way.split != SPLIT_RANDOM;
}

static size_t marks(const struct run *r)
{
    return r->out->stream.len + r->sent + worker.ended + worker.closed + (size_t)client_how_ended(r->client);
}

/* A turn of the loop, and what the client receives. */
static void turn(struct run *r)
{
    static char piece[65536];
    /* The loopback device may need a moment; all the rest happens at once, if it happens at all. */
    bool waits = is_waiting_kind(r);
    size_t before = marks(r), cap = sizeof(piece);
    if (pst_loop_turn(worker.loop, waits && r->idle > 20 ? 1 : 0) != 0)
        give_up(r, "the loop fails");
    if (r->way.split == SPLIT_RANDOM)
        cap = chaos_random(&r->random) % 4 ? 1 + chaos_random(&r->random) % 3000 : 0;
    size_t n = cap ? client_receive(r->client, piece, cap) : 0;
    pst_text_add(&r->out->stream, pst_slice_of(piece, n));
    r->idle = marks(r) == before ? r->idle + 1 : 0;
    if (r->idle > (waits ? 5000 : 100000))
        give_up(r, "nothing happens any more");
}

static size_t piece_size(struct run *r, size_t at, size_t len)
{
    enum { SMALL = 3000, ENDS = 600, PIECE = 1021 };
    size_t left = len - at, n = left;
    switch (r->way.split) {
    case SPLIT_WHOLE:
        break;
    case SPLIT_BYTES:
        /* Of what is large only the ends, where something happens. */
        n = len <= SMALL || at < ENDS || left <= ENDS ? 1 : PIECE;
        break;
    case SPLIT_RANDOM: {
        static const size_t most[] = {2, 10, 100, 1500, 20000};
        size_t small = len > 20 * SMALL ? 3 : 0;
        n = 1 + chaos_random(&r->random) % most[small + chaos_random(&r->random) % (5 - small)];
        break;
    }
    }
    return n < left ? n : left;
}

static void send_step(struct run *r, struct pst_slice bytes)
{
    for (size_t at = 0; at < bytes.len;) {
        if (client_how_ended(r->client) == CLIENT_RESET)
            give_up(r, "reset while sending");
        size_t n = client_send(r->client, bytes.ptr + at, piece_size(r, at, bytes.len));
        at += n;
        r->sent += n;
        if (n == 0 || r->way.split == SPLIT_BYTES ||
            (r->way.split == SPLIT_RANDOM && chaos_random(&r->random) % 2))
            turn(r);
    }
}

static void wait_step(struct run *r, struct pst_slice bytes)
{
    for (;;) {
        struct pst_slice rest = slice(&r->out->stream);
        const char *found = memmem(rest.ptr + r->matched, rest.len - r->matched, bytes.ptr, bytes.len);
        if (found) {
            r->matched = (size_t)(found - rest.ptr) + bytes.len;
            return;
        }
        if (client_how_ended(r->client) != CLIENT_OPEN)
            give_up(r, "the server ends before it has sent what is waited for");
        turn(r);
    }
}

static void finish(struct run *r)
{
    if (r->entry->has_fin)
        client_end(r->client);
    while (client_how_ended(r->client) == CLIENT_OPEN && worker.ended < r->entry->status_count)
        turn(r);
    if (!r->entry->is_close && !r->entry->has_fin) {
        for (int i = 0; i < 5; i++)
            turn(r);
        if (client_how_ended(r->client) != CLIENT_OPEN)
            give_up(r, "the server has ended a connection that it should keep");
        client_end(r->client);
    }
    while (client_how_ended(r->client) == CLIENT_OPEN)
        turn(r);
    r->out->how = client_how_ended(r->client);
    client_end(r->client);
    while (worker.closed == 0)
        turn(r);
}

static void remove_interim(struct pst_text *stream)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    enum { BYTES = sizeof(interim) - 1 };
    char *found;
    while (stream->len && (found = memmem(stream->ptr, stream->len, interim, BYTES)) != NULL) {
        size_t behind = stream->len - (size_t)(found - stream->ptr) - BYTES;
        memmove(found, found + BYTES, behind);
        stream->len -= BYTES;
    }
}

/* TLS: every other time the records themselves, and the handshake's, come in small pieces, too. */
static size_t wire_most(const struct way *way)
{
    if (way->split != SPLIT_RANDOM || way->seed % 2 == 0)
        return 0;
    return way->is_large ? 500 : 7;
}

static void run(const struct corpus_entry *entry, const struct way *way, struct outcome *ret_out)
{
    struct run r = {.entry = entry, .way = *way, .random = way->seed * 7919 + 1, .out = ret_out};
    struct chaos_options chaos = chaos_options_of(way->seed);
    struct client_options options = {.kind = way->kind,
                                     .worker = &worker,
                                     .tls = &tls,
                                     .chaos = way->has_chaos ? &chaos : NULL,
                                     .is_narrow = way->split == SPLIT_RANDOM,
                                     .wire_most = wire_most(way)};
    if (way->is_large) {
        chaos.byte_percent = chaos.byte_percent % 20;
        chaos.want_percent = chaos.want_percent % 20;
        chaos.hold_cap = chaos.hold_cap ? 4096 : 0;
    }
    *ret_out = (struct outcome){0};
    test_worker_forget(&worker);
    worker.limits = entry->limits;
    r.client = client_open(&options);
    for (size_t i = 0; i < entry->step_count; i++) {
        if (entry->steps[i].is_wait)
            wait_step(&r, slice(&entry->steps[i].bytes));
        else
            send_step(&r, slice(&entry->steps[i].bytes));
    }
    finish(&r);
    client_free(r.client);
    if (entry->is_maybe_100)
        remove_interim(&ret_out->stream);
    ret_out->seen = worker.seen;
    worker.seen = (struct pst_text){0};
    runs++;
}

static void outcome_free(struct outcome *out)
{
    pst_text_free(&out->stream);
    pst_text_free(&out->seen);
}

/* ---- what is expected ---- */

/* The lines of seen, one after another: method and status of each exchange. */
static bool next_exchange(struct pst_slice *seen, struct pst_slice *ret_method, int *ret_status)
{
    if (seen->len == 0)
        return false;
    const char *end = memchr(seen->ptr, '\n', seen->len);
    size_t n = (size_t)(end - seen->ptr);
    const char *arrow = end - 4;
    while (memcmp(arrow, " -> ", 4) != 0)
        arrow--;
    *ret_method = pst_slice_of(seen->ptr, (size_t)((const char *)memchr(seen->ptr, ' ', n) - seen->ptr));
    *ret_status = (int)strtol(arrow + 4, NULL, 10);
    *seen = pst_slice_of(end + 1, seen->len - n - 1);
    return true;
}

static void complain(const struct corpus_entry *entry, const struct outcome *out, const char *why)
{
    static const struct way way = {.kind = CLIENT_PAIR, .split = SPLIT_WHOLE};
    describe(entry, &way);
    print_escaped("received", slice(&out->stream));
    print_escaped("seen", slice(&out->seen));
    fail_msg("%s", why);
}

static void check_replies(const struct corpus_entry *entry, const struct outcome *out)
{
    struct pst_slice seen = slice(&out->seen), rest = slice(&out->stream), method;
    size_t count = 0;
    int status;
    bool says_close = false, is_replied = false;
    while (next_exchange(&seen, &method, &status)) {
        if (count == entry->status_count || status != entry->statuses[count])
            complain(entry, out, "other statuses than expected");
        count++;
        is_replied = status != 0;
        if (!is_replied)
            continue;
        if (says_close)
            complain(entry, out, "a reply behind the one that said it was the last");
        struct reply reply;
        const char *wrong = reply_read(&rest, pst_slice_eq(method, PST_SLICE("HEAD")), true, &reply);
        if (!wrong && reply.status != status)
            wrong = "another status on the wire than in the log";
        if (!wrong && reply.is_whole == (entry->is_cut && seen.len == 0))
            wrong = reply.is_whole ? "a reply that should be cut is whole" : "a reply is not whole";
        if (wrong)
            complain(entry, out, wrong);
        says_close = reply.is_close;
    }
    if (count != entry->status_count)
        complain(entry, out, "fewer exchanges than expected");
    if (rest.len)
        complain(entry, out, "bytes behind the last reply");
    if (is_replied && !entry->is_cut && says_close != entry->is_close)
        complain(entry, out, says_close ? "the last reply says close" : "the last reply does not say close");
}

static void check_texts(const struct corpus_entry *entry, const struct outcome *out)
{
    struct pst_slice stream = slice(&out->stream);
    for (size_t i = 0; i < entry->has_count; i++)
        if (!memmem(stream.ptr, stream.len, entry->has[i].ptr, entry->has[i].len)) {
            print_escaped("wanted", slice(&entry->has[i]));
            complain(entry, out, "a text is missing");
        }
    for (size_t i = 0; i < entry->lacks_count; i++)
        if (memmem(stream.ptr, stream.len, entry->lacks[i].ptr, entry->lacks[i].len)) {
            print_escaped("unwanted", slice(&entry->lacks[i]));
            complain(entry, out, "a text is there that should not be");
        }
}

/* Of a reply that is cut, how much had got out before is a matter of buffers. */
static bool is_same_cut(const struct outcome *a, const struct outcome *b)
{
    size_t n = a->stream.len < b->stream.len ? a->stream.len : b->stream.len;
    return n == 0 || memcmp(a->stream.ptr, b->stream.ptr, n) == 0;
}

static void compare(const struct corpus_entry *entry, const struct way *way, const struct outcome *wanted,
                    const struct outcome *got)
{
    const char *why = NULL;
    if (entry->is_cut)
        why = is_same_cut(wanted, got) ? NULL : "other bytes";
    else if (!pst_slice_eq(slice(&wanted->stream), slice(&got->stream)))
        why = "other bytes than over the pair in one piece";
    else if (!pst_slice_eq(slice(&wanted->seen), slice(&got->seen)))
        why = "other exchanges than over the pair in one piece";
    else if (got->how != CLIENT_EOF)
        why = "the end is not in good order";
    if (!why)
        return;
    describe(entry, way);
    fprintf(stderr, "ended: %d\n", got->how);
    print_escaped("wanted", slice(&wanted->stream));
    print_escaped("received", slice(&got->stream));
    print_escaped("wanted to be seen", slice(&wanted->seen));
    print_escaped("seen", slice(&got->seen));
    fail_msg("%s", why);
}

/* ---- the tests ---- */

static bool is_chosen(const struct corpus_entry *entry)
{
    const char *only = getenv("POSTERN_MATRIX");
    return !only || strstr(entry->name, only);
}

static void test_matrix__each_entry__gets_the_replies_it_says(void **state)
{
    (void)state;
    static const struct way way = {.kind = CLIENT_PAIR, .split = SPLIT_WHOLE};
    for (size_t i = 0; i < corpus.count; i++) {
        if (!is_chosen(&corpus.entries[i]))
            continue;
        run(&corpus.entries[i], &way, &reference[i]);
        check_replies(&corpus.entries[i], &reference[i]);
        check_texts(&corpus.entries[i], &reference[i]);
        compare(&corpus.entries[i], &way, &reference[i], &reference[i]);
    }
    assert_true(corpus.count >= 60);
    print_message("%zu entries\n", corpus.count);
}

static void replay(enum client_kind kind, enum split split, bool has_chaos, uint64_t first_seed,
                   uint64_t seeds)
{
    for (size_t i = 0; i < corpus.count; i++) {
        const struct corpus_entry *entry = &corpus.entries[i];
        bool is_large = entry->bytes > 20000 || reference[i].stream.len > 20000;
        if (!is_chosen(entry))
            continue;
        for (uint64_t seed = first_seed; seed < first_seed + seeds; seed++) {
            if (is_large && seed >= first_seed + (seeds + 9) / 10)
                break;
            /* Of ways that are tried once, other entries get others. */
            struct way way = {kind, split, seeds > 1 ? seed : seed + i, has_chaos, is_large};
            struct outcome out;
            run(entry, &way, &out);
            compare(entry, &way, &reference[i], &out);
            outcome_free(&out);
        }
    }
}

static void replay_all_splits(enum client_kind kind, uint64_t seeds)
{
    replay(kind, SPLIT_WHOLE, false, 0, 1);
    replay(kind, SPLIT_BYTES, false, 0, 1);
    replay(kind, SPLIT_RANDOM, false, 1, seeds);
}

static void test_matrix__over_the_pair__is_the_same(void **state)
{
    (void)state;
    replay_all_splits(CLIENT_PAIR, 20);
}

static void test_matrix__over_tcp__is_the_same(void **state)
{
    (void)state;
    replay_all_splits(CLIENT_TCP, 10);
}

static void test_matrix__over_tcp_in_batches__is_the_same(void **state)
{
    (void)state;
    replay_all_splits(CLIENT_BATCHED, 10);
}

static void test_matrix__over_tls12__is_the_same(void **state)
{
    (void)state;
    replay_all_splits(CLIENT_TLS12, 1);
}

static void test_matrix__over_tls13__is_the_same(void **state)
{
    (void)state;
    replay_all_splits(CLIENT_TLS13, 1);
}

static void test_matrix__chaos_over_the_pair__is_the_same(void **state)
{
    (void)state;
    replay(CLIENT_PAIR, SPLIT_RANDOM, true, 100, 60);
}

static void test_matrix__chaos_over_tcp__is_the_same(void **state)
{
    (void)state;
    replay(CLIENT_TCP, SPLIT_RANDOM, true, 200, 40);
}

static void test_matrix__chaos_over_tcp_in_batches__is_the_same(void **state)
{
    (void)state;
    replay(CLIENT_BATCHED, SPLIT_RANDOM, true, 250, 30);
}

static void test_matrix__chaos_over_tls__is_the_same(void **state)
{
    (void)state;
    replay(CLIENT_TLS13, SPLIT_RANDOM, true, 300, 1);
}

/* ---- acceleration ---- */

static bool is_limited(void)
{
    const char *state = getenv("POSTERN_TEST_ACCEL");
    return state && strcmp(state, "limited") == 0;
}

/* That the run is of what its name says: every x86-64 can do with something. */
static void check_acceleration(void)
{
    char text[512] = "";
#if defined(POSTERN_HAS_ACCEL)
    if (is_limited())
        pst_accel_cpu_limit(0);
    pst_accel_tell(text, sizeof(text));
    if (is_limited() == (text[0] != '\0'))
        fail_msg("limited: %d, but in use: %s", is_limited(), text);
#else
    if (is_limited())
        fail_msg("there is nothing to limit");
#endif
    print_message("accelerated: %s\n", text[0] ? text : "nothing");
}

/* ---- the house ---- */

/* Asks the static handler: how it makes its tags is its own affair. */
static const char *ask_etag(const char *path, void *arg)
{
    (void)arg;
    static char etag[128];
    static const struct way way = {.kind = CLIENT_PAIR, .split = SPLIT_WHOLE};
    struct corpus_entry entry = {.name = "etag", .step_count = 1, .status_count = 1};
    struct outcome out;
    pst_limits_init(&entry.limits);
    pst_text_addf(&entry.steps[0].bytes, "HEAD %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    run(&entry, &way, &out);
    pst_text_add(&out.stream, pst_slice_of("", 1));
    const char *field = strstr(out.stream.ptr, "ETag: ");
    if (!field || sscanf(field, "ETag: %127s", etag) != 1) {
        fprintf(stderr, "no ETag for %s\n", path);
        abort();
    }
    pst_text_free(&entry.steps[0].bytes);
    outcome_free(&out);
    return etag;
}

static int set_up(void **state)
{
    (void)state;
    check_acceleration();
    test_worker_init(&worker);
    routes_init(&routes, &worker);
    test_worker_start(&worker);
    client_tls_init(&tls);
    /* Today, and a little later than the files were made, so that they are served from memory, too. */
    worker.clock.unix_time +=
        (int64_t)time(NULL) + 3600 - worker.clock.clock.unix_time(worker.clock.clock.ctx);
    test_worker_turns(&worker, 1);
    corpus_load(&corpus, POSTERN_SOURCE_DIR "/tests/matrix/corpus", ask_etag, NULL);
    reference = calloc(corpus.count, sizeof(*reference));
    return reference ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    pst_driver_abort(&worker.driver);
    for (size_t i = 0; i < corpus.count; i++)
        outcome_free(&reference[i]);
    free(reference);
    corpus_free(&corpus);
    test_worker_fini(&worker);
    routes_fini(&routes);
    client_tls_fini(&tls);
    print_message("%zu runs\n", runs);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix__each_entry__gets_the_replies_it_says),
        cmocka_unit_test(test_matrix__over_the_pair__is_the_same),
        cmocka_unit_test(test_matrix__over_tcp__is_the_same),
        cmocka_unit_test(test_matrix__over_tcp_in_batches__is_the_same),
        cmocka_unit_test(test_matrix__over_tls12__is_the_same),
        cmocka_unit_test(test_matrix__over_tls13__is_the_same),
        cmocka_unit_test(test_matrix__chaos_over_the_pair__is_the_same),
        cmocka_unit_test(test_matrix__chaos_over_tcp__is_the_same),
        cmocka_unit_test(test_matrix__chaos_over_tcp_in_batches__is_the_same),
        cmocka_unit_test(test_matrix__chaos_over_tls__is_the_same),
    };
    const struct CMUnitTest tests_over_tls[] = {
        cmocka_unit_test(test_matrix__each_entry__gets_the_replies_it_says),
        cmocka_unit_test(test_matrix__over_tls12__is_the_same),
        cmocka_unit_test(test_matrix__over_tls13__is_the_same),
        cmocka_unit_test(test_matrix__chaos_over_tls__is_the_same),
    };
    if (is_limited())
        return cmocka_run_group_tests_name("limited", tests_over_tls, set_up, tear_down);
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
