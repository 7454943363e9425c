/* The board's rendered pages: who waits for whom, what is fresh, what is kept. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/board_cache.h"
#include "handlers/board_live.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

struct bench {
    struct store_rig store;
    struct pst_board_source source;
    struct pst_board_cache *cache;
    struct test_worker w;
    unsigned done;
};

static void start(struct bench *b)
{
    memset(b, 0, sizeof *b);
    store_rig_init(&b->store);
    store_rig_open(&b->store);
    b->source = (struct pst_board_source){.store = b->store.store,
                                          .box = PST_SLICE("board"),
                                          .look = {.title = "T", .base = "/b"},
                                          .page_posts = 50};
    assert_int_equal(pst_board_live_new(&b->source.live, &b->source), 0);
    assert_int_equal(pst_board_cache_new(&b->cache, &b->source), 0);
    test_worker_init(&b->w);
    test_worker_start(&b->w);
}

static void stop(struct bench *b)
{
    test_worker_jobs(&b->w);
    test_worker_fini(&b->w);
    pst_board_cache_free(b->cache);
    pst_board_live_free(b->source.live);
    store_rig_fini(&b->store);
}

static void on_done(struct pst_board_wait *wait)
{
    struct bench *b = wait->owner;
    b->done++;
}

static void wait_for(struct bench *b, struct pst_board_wait *wait, uint64_t below, uint64_t now_ms)
{
    const struct pst_board_key key = {.place = {.below = below}};
    *wait = (struct pst_board_wait){.done = on_done, .owner = b};
    assert_int_equal(pst_board_cache_wait(b->cache, &key, now_ms, wait, &b->w.worker), 0);
}

/* Whether the page is there and fresh; held no longer. */
static bool is_found(struct bench *b, uint64_t below, uint64_t now_ms)
{
    const struct pst_board_key key = {.place = {.below = below}};
    struct pst_board_entry *entry = pst_board_cache_find(b->cache, &key, now_ms);
    if (entry)
        pst_board_entry_unref(b->cache, entry);
    return entry != NULL;
}

static void have(struct bench *b, uint64_t below, uint64_t now_ms)
{
    struct pst_board_wait wait;
    wait_for(b, &wait, below, now_ms);
    test_worker_jobs(&b->w);
    assert_int_equal(wait.entry->err, 0);
    pst_board_entry_unref(b->cache, wait.entry);
}

/* Keeps the threads of the pool busy, so that what is given to it meanwhile has not begun. */
enum { THREADS = 64 }; /* at least as many as there are */
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

static void pass_gate(struct pst_job *job)
{
    (void)job;
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
}

static void nothing(struct pst_job *job)
{
    (void)job;
}

static void test_board_cache__crowd__is_served_by_one_reading(void **state)
{
    (void)state;
    struct bench b;
    struct pst_job busy[THREADS];
    struct pst_board_wait waits[4];
    start(&b);
    assert_int_equal(pthread_mutex_lock(&gate), 0);
    for (size_t i = 0; i < THREADS; i++) {
        busy[i] = (struct pst_job){.run = pass_gate, .done = nothing};
        pst_job_offload(&busy[i], &b.w.worker);
    }
    for (size_t i = 0; i < 3; i++)
        wait_for(&b, &waits[i], 0, 0);
    store_rig_post(b.store.store, "board", "x");
    wait_for(&b, &waits[3], 0, 0);
    assert_false(is_found(&b, 0, 0)); /* not made yet */
    assert_int_equal(pthread_mutex_unlock(&gate), 0);
    test_worker_jobs(&b.w);
    assert_int_equal(b.done, 4);
    assert_ptr_equal(waits[0].entry, waits[1].entry);
    assert_ptr_equal(waits[0].entry, waits[2].entry);
    /* Who comes after a post must see it, whenever the reading before it began. */
    assert_ptr_not_equal(waits[0].entry, waits[3].entry);
    assert_true(is_found(&b, 0, 0));
    for (size_t i = 0; i < 4; i++) {
        assert_true(waits[i].entry->is_made);
        pst_board_entry_unref(b.cache, waits[i].entry);
    }
    stop(&b);
}

static void test_board_cache__fresh__for_a_second_and_until_a_change(void **state)
{
    (void)state;
    struct bench b;
    start(&b);
    assert_false(is_found(&b, 0, 5000));
    have(&b, 0, 5000);
    assert_true(is_found(&b, 0, 5000));
    assert_true(is_found(&b, 0, 4990)); /* another worker's clock */
    assert_true(is_found(&b, 0, 5000 + PST_BOARD_FRESH_MS));
    assert_false(is_found(&b, 0, 5001 + PST_BOARD_FRESH_MS));
    assert_false(is_found(&b, 1, 5000));
    store_rig_post(b.store.store, "board", "x");
    assert_false(is_found(&b, 0, 5000));
    have(&b, 0, 5000);
    assert_true(is_found(&b, 0, 5000));
    stop(&b);
}

static void test_board_cache__more_than_are_kept__what_was_not_used_goes(void **state)
{
    (void)state;
    struct bench b;
    start(&b);
    for (uint64_t i = 1; i <= PST_BOARD_PAGES; i++)
        have(&b, i, 0);
    assert_true(is_found(&b, 1, 0)); /* that is a use */
    have(&b, 100, 0);
    assert_true(is_found(&b, 1, 0));
    assert_false(is_found(&b, 2, 0));
    for (uint64_t i = 3; i <= PST_BOARD_PAGES; i++)
        assert_true(is_found(&b, i, 0));
    stop(&b);
}

static void test_board_cache__large_pages__fewer_are_kept(void **state)
{
    (void)state;
    struct bench b;
    struct pst_receipt receipt;
    enum { BYTES = 3 << 20 };
    char *text = malloc(BYTES + 1);
    start(&b);
    assert_non_null(text);
    memset(text, 'x', BYTES);
    text[BYTES] = '\0';
    struct pst_draft *draft = store_rig_draft(b.store.store, "board"); /* by another door than the board's */
    store_rig_field(draft, "message", text);
    free(text);
    assert_int_equal(store_rig_commit(b.store.store, draft, &receipt), 0);
    for (uint64_t i = 2; i <= 4; i++)
        have(&b, i, 0);
    assert_false(is_found(&b, 2, 0));
    assert_true(is_found(&b, 4, 0));
    stop(&b);
}

static void test_board_cache__page_that_nobody_keeps__lives_for_who_waits(void **state)
{
    (void)state;
    struct bench b;
    struct pst_board_wait waits[PST_BOARD_PAGES + 8];
    const size_t count = sizeof waits / sizeof waits[0];
    start(&b);
    for (size_t i = 0; i < count; i++)
        wait_for(&b, &waits[i], i + 1, 0);
    test_worker_jobs(&b.w);
    assert_int_equal(b.done, count);
    for (size_t i = 0; i < count; i++) {
        assert_true(waits[i].entry->page.html.len > 1000);
        pst_board_entry_unref(b.cache, waits[i].entry);
    }
    stop(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_board_cache__crowd__is_served_by_one_reading),
        cmocka_unit_test(test_board_cache__fresh__for_a_second_and_until_a_change),
        cmocka_unit_test(test_board_cache__more_than_are_kept__what_was_not_used_goes),
        cmocka_unit_test(test_board_cache__large_pages__fewer_are_kept),
        cmocka_unit_test(test_board_cache__page_that_nobody_keeps__lives_for_who_waits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
