/* Many threads at one store: committing, reading, removing, listing. Mostly for the thread sanitizer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/store_rig.h"

enum { COMMITTERS = 6, READERS = 10, POSTS = 30, ROUNDS = 40 };

static struct store_rig rig;
static atomic_uint stored, removed, changes;
static atomic_uint failures; /* cmocka's assertions are for the main thread */

static void expect(bool is_right)
{
    if (!is_right)
        atomic_fetch_add(&failures, 1);
}

static void on_change(const struct pst_change *change, void *arg)
{
    (void)arg;
    expect(change->box.len == 1 && change->id > 0);
    atomic_fetch_add(&changes, 1);
}

static bool add_file(struct pst_draft *draft, unsigned seed)
{
    char data[3000];
    memset(data, (int)seed, sizeof(data));
    return pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE("n"), PST_SLICE("t")) == 0 &&
           pst_draft_file_write(draft, data, sizeof(data)) == 0 && pst_draft_file_end(draft) == 0;
}

static void *commit_and_remove(void *arg)
{
    unsigned me = *(const unsigned *)arg;
    char box[2] = {(char)('a' + me % 2), '\0'};
    for (unsigned i = 0; i < POSTS; i++) {
        struct pst_draft *draft;
        struct pst_receipt receipt;
        struct pst_draft_head head = {
            .box = pst_slice_str(box), .type = PST_SLICE("text/plain"), .may_make_box = true};
        bool is_made = pst_draft_new(&draft, rig.store) == 0;
        expect(is_made);
        if (!is_made)
            return NULL;
        bool is_ready = pst_draft_describe(draft, &head) == 0 &&
                        pst_draft_field(draft, PST_SLICE("n"), PST_SLICE("v")) == 0 &&
                        (i % 3 || add_file(draft, i % 4));
        expect(is_ready);
        bool is_stored = is_ready && pst_store_commit_wait(rig.store, draft, &receipt) == 0;
        expect(is_stored);
        pst_draft_free(draft);
        if (!is_stored)
            continue;
        atomic_fetch_add(&stored, 1);
        if (i % 2 == 0 && pst_store_delete(rig.store, pst_slice_str(box), receipt.id) == 0)
            atomic_fetch_add(&removed, 1);
    }
    return NULL;
}

static void read_file(const struct pst_post *post)
{
    int fd;
    char buffer[64];
    struct pst_post_file file;
    int err = pst_store_open_file(rig.store, post->box, post->id, 1, &fd, &file, buffer, sizeof(buffer));
    expect(err == 0 || err == PST_E_NOENT); /* it may be removed at any time, but never half */
    if (!err) {
        expect(file.size == 3000);
        close(fd);
    }
}

static void *read_all(void *arg)
{
    unsigned me = *(const unsigned *)arg;
    for (unsigned i = 0; i < ROUNDS; i++) {
        struct pst_post_query query = {
            .box = pst_slice_str(me % 2 ? "a" : "b"), .limit = 20, .is_upward = i % 2};
        struct pst_post_page *page;
        if (pst_store_read(rig.store, &query, &page) != 0) {
            expect(false);
            continue;
        }
        for (size_t k = 0; k < page->count; k++) {
            expect(page->posts[k].field_count == 1);
            if (page->posts[k].file_count)
                read_file(&page->posts[k]);
        }
        pst_post_page_free(page);
        struct pst_box_info *boxes;
        size_t count;
        expect(pst_store_boxes(rig.store, &boxes, &count) == 0 && count <= 2);
        free(boxes);
        char *names;
        expect(pst_store_field_names(rig.store, query.box, 10, &names) == 0);
        free(names);
        (void)pst_store_generation(rig.store);
    }
    return NULL;
}

static void *vacuum(void *arg)
{
    (void)arg;
    for (int i = 0; i < 5; i++) {
        uint64_t bytes;
        expect(pst_store_vacuum(rig.store, &bytes) == 0);
    }
    return NULL;
}

static void test_store__many_threads__everything_adds_up(void **state)
{
    (void)state;
    pthread_t threads[COMMITTERS + READERS + 1];
    unsigned numbers[COMMITTERS + READERS];
    store_rig_init(&rig);
    store_rig_open(&rig);
    assert_int_equal(pst_store_watch(rig.store, on_change, NULL), 0);
    for (unsigned i = 0; i < COMMITTERS + READERS; i++) {
        numbers[i] = i;
        assert_int_equal(
            pthread_create(&threads[i], NULL, i < COMMITTERS ? commit_and_remove : read_all, &numbers[i]), 0);
    }
    assert_int_equal(pthread_create(&threads[COMMITTERS + READERS], NULL, vacuum, NULL), 0);
    for (unsigned i = 0; i < COMMITTERS + READERS + 1; i++)
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    assert_int_equal(atomic_load(&failures), 0);
    assert_int_equal(atomic_load(&stored), COMMITTERS * POSTS);
    assert_int_equal(atomic_load(&removed), COMMITTERS * POSTS / 2);
    assert_int_equal(atomic_load(&changes), COMMITTERS * POSTS * 3 / 2);
    assert_int_equal(pst_store_generation(rig.store), COMMITTERS * POSTS * 3 / 2);

    struct pst_box_info *boxes;
    size_t count;
    assert_int_equal(pst_store_boxes(rig.store, &boxes, &count), 0);
    assert_int_equal(count, 2);
    assert_int_equal(boxes[0].count + boxes[1].count, COMMITTERS * POSTS / 2);
    assert_int_equal(boxes[0].last_id + boxes[1].last_id, COMMITTERS * POSTS);
    free(boxes);
    assert_int_equal(store_rig_names(&rig, "tmp"), 0);
    assert_int_equal(store_rig_names(&rig, "files"), 2); /* of i 3, 9, 15...: bytes 3 and 1 */
    store_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store__many_threads__everything_adds_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
