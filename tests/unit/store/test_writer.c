/* The writer: groups, limits, keys, and that one failing post does not fail its neighbours. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/internal.h"
#include "support/store_rig.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int set_up(void **state)
{
    struct store_rig *rig = malloc(sizeof(*rig));
    assert_non_null(rig);
    store_rig_init(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    store_rig_fini(*state);
    free(*state);
    return 0;
}

/* ---- groups ---- */

/* A post whose done does not return until it is let go: what is queued meanwhile becomes one group. */
struct gate {
    sem_t is_closed, open;
};

static void hold(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg)
{
    struct gate *gate = arg;
    (void)err;
    (void)receipt;
    pst_draft_free(draft);
    sem_post(&gate->is_closed);
    while (sem_wait(&gate->open) != 0)
        ;
}

static void close_gate(struct store_rig *rig, struct gate *gate)
{
    sem_init(&gate->is_closed, 0, 0);
    sem_init(&gate->open, 0, 0);
    pst_store_commit(rig->store, store_rig_draft(rig->store, "gate"), hold, gate);
    while (sem_wait(&gate->is_closed) != 0)
        ;
}

static void open_gate(struct gate *gate)
{
    sem_post(&gate->open);
}

struct outcome {
    sem_t done;
    int err;
    struct pst_receipt receipt;
};

static void note(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg)
{
    struct outcome *outcome = arg;
    pst_draft_free(draft);
    outcome->err = err;
    outcome->receipt = *receipt;
    sem_post(&outcome->done);
}

static void begin(struct store_rig *rig, struct pst_draft *draft, struct outcome *outcome)
{
    sem_init(&outcome->done, 0, 0);
    pst_store_commit(rig->store, draft, note, outcome);
}

static int end(struct outcome *outcome)
{
    while (sem_wait(&outcome->done) != 0)
        ;
    sem_destroy(&outcome->done);
    return outcome->err;
}

static void test_commit__a_hundred_while_the_writer_is_busy__one_transaction(void **state)
{
    struct store_rig *rig = *state;
    enum { POSTS = 100 };
    struct gate gate;
    struct outcome outcomes[POSTS];
    store_rig_open(rig);
    close_gate(rig, &gate);
    uint64_t before = atomic_load(&rig->store->writer.groups);
    for (size_t i = 0; i < POSTS; i++) {
        struct pst_draft *draft = store_rig_draft(rig->store, i % 2 ? "odd" : "even");
        if (i % 10 == 0)
            store_rig_file(draft, "f", &i, sizeof(i));
        begin(rig, draft, &outcomes[i]);
    }
    open_gate(&gate);
    for (size_t i = 0; i < POSTS; i++) {
        assert_int_equal(end(&outcomes[i]), 0);
        assert_int_equal(outcomes[i].receipt.id, i / 2 + 1); /* in the order in which they came */
    }
    assert_int_equal(atomic_load(&rig->store->writer.groups), before + 1);
    assert_int_equal(store_rig_names(rig, "files"), POSTS / 10);
}

static void test_commit__one_of_a_group_fails_half_way__the_others_are_stored(void **state)
{
    struct store_rig *rig = *state;
    enum { POSTS = 5, BAD = 2 };
    static char body[20000];
    struct gate gate;
    struct outcome outcomes[POSTS];
    store_rig_open(rig);
    store_rig_post(rig->store, "a", "first");
    sqlite3_limit(rig->store->writer.db.handle, SQLITE_LIMIT_LENGTH,
                  10000); /* a row of more fails in SQLite */
    close_gate(rig, &gate);
    for (size_t i = 0; i < POSTS; i++) {
        struct pst_draft *draft = store_rig_draft(rig->store, i == BAD ? "new" : "a");
        store_rig_file(draft, "f", &i, sizeof(i));
        if (i == BAD)
            assert_int_equal(pst_draft_body(draft, pst_slice_of(body, sizeof(body))), 0);
        begin(rig, draft, &outcomes[i]);
    }
    open_gate(&gate);
    uint64_t id = 1;
    for (size_t i = 0; i < POSTS; i++) {
        assert_int_equal(end(&outcomes[i]), i == BAD ? PST_E_IO : 0);
        if (i != BAD) {
            assert_int_equal(outcomes[i].receipt.id, ++id);
            assert_true(store_rig_file_is(rig->store, "a", id, 1, &i, sizeof(i)));
        }
    }
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    struct pst_post_page *page = store_rig_read(rig->store, "new", 0);
    assert_false(page->is_box); /* nor the box that it would have made */
    pst_post_page_free(page);
    store_rig_close(rig);
    store_rig_open(rig); /* the file of a post that the disk refused goes at the latest now */
    assert_int_equal(store_rig_names(rig, "files"), POSTS - 1);
}

static void test_commit__another_program_holds_the_database__fails_and_works_again(void **state)
{
    struct store_rig *rig = *state;
    struct gate gate;
    struct outcome outcomes[3];
    struct pst_db other;
    store_rig_open(rig);
    sqlite3_busy_timeout(rig->store->writer.db.handle, 1);
    close_gate(rig, &gate);
    assert_int_equal(pst_db_open(&other, rig->store->folder.db_path, SQLITE_OPEN_READWRITE), 0);
    assert_int_equal(pst_db_exec(&other, "BEGIN IMMEDIATE"), 0);
    for (size_t i = 0; i < COUNT(outcomes); i++) {
        struct pst_draft *draft = store_rig_draft(rig->store, "a");
        store_rig_file(draft, "f", "abc", 3);
        begin(rig, draft, &outcomes[i]);
    }
    open_gate(&gate);
    for (size_t i = 0; i < COUNT(outcomes); i++)
        assert_int_equal(end(&outcomes[i]), PST_E_IO);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("gate"), 1), PST_E_IO);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    assert_int_equal(store_rig_names(rig, "files"), 0);
    pst_db_close(&other);
    assert_int_equal(store_rig_post(rig->store, "a", "again"), 1);
}

static void test_close__posts_are_queued__stored_first(void **state)
{
    struct store_rig *rig = *state;
    struct gate gate;
    struct outcome outcomes[20];
    store_rig_open(rig);
    close_gate(rig, &gate);
    for (size_t i = 0; i < COUNT(outcomes); i++)
        begin(rig, store_rig_draft(rig->store, "a"), &outcomes[i]);
    open_gate(&gate);
    store_rig_close(rig);
    for (size_t i = 0; i < COUNT(outcomes); i++)
        assert_int_equal(end(&outcomes[i]), 0);
    store_rig_open(rig);
    struct pst_post_page *page = store_rig_read(rig->store, "a", 0);
    assert_int_equal(page->box_count, COUNT(outcomes));
    pst_post_page_free(page);
}

/* So that freeing it, which happens where nothing may block, has nothing to remove. */
static void test_commit__contents_that_are_there__the_temporary_file_is_gone_before_the_draft(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt receipt;
    store_rig_open(rig);
    store_rig_post_file(rig->store, "a", "abc", 3);
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    store_rig_file(draft, "f", "abc", 3);
    assert_int_equal(store_rig_names(rig, "tmp"), 1);
    assert_int_equal(pst_store_commit_wait(rig->store, draft, &receipt), 0);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    assert_int_equal(atomic_load(&rig->store->incoming_bytes), 0);
    pst_draft_free(draft);
}

/* A deletion lets go of its transaction before it removes the file: meanwhile another program may have stored
 * the same contents. */
static void test_purge__a_post_has_the_file_again__it_stays(void **state)
{
    struct store_rig *rig = *state;
    struct pst_blob_list list = {NULL, 0, 0};
    uint8_t hash[PST_SHA256_BYTES];
    struct pst_sha256 sha;
    store_rig_open(rig);
    store_rig_post_file(rig->store, "a", "abc", 3);
    pst_sha256_init(&sha);
    pst_sha256_add(&sha, "abc", 3);
    assert_int_equal(pst_sha256_end(&sha, hash), 0);
    pst_blob_list_add(&list, hash);
    pst_blob_purge(&rig->store->folder, &rig->store->writer.db, &list);
    assert_int_equal(list.count, 0);
    assert_true(store_rig_file_is(rig->store, "a", 1, 1, "abc", 3));
}

/* ---- limits ---- */

/* A post with one field whose value has that many bytes, and one file, if its size is not 0. */
static int post_of(struct store_rig *rig, const char *box, size_t value_bytes, size_t file_bytes,
                   uint64_t box_bytes)
{
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, box);
    struct pst_draft_head head = {.box = pst_slice_str(box), .may_make_box = true, .box_bytes = box_bytes};
    char *bytes = calloc(1, value_bytes + file_bytes + 1);
    assert_non_null(bytes);
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    assert_int_equal(pst_draft_field(draft, PST_SLICE(""), pst_slice_of(bytes, value_bytes)), 0);
    int err = 0;
    if (file_bytes) {
        assert_int_equal(pst_draft_file_begin(draft, PST_SLICE(""), PST_SLICE(""), PST_SLICE("")), 0);
        err = pst_draft_file_write(draft, bytes, file_bytes);
        if (!err)
            err = pst_draft_file_end(draft);
    }
    free(bytes);
    if (err) {
        pst_draft_free(draft);
        return err;
    }
    return store_rig_commit(rig->store, draft, &receipt);
}

static void test_limits__box_bytes__exact_and_freed_by_a_deletion(void **state)
{
    struct store_rig *rig = *state;
    rig->options.box_bytes = 1000;
    store_rig_open(rig);
    assert_int_equal(post_of(rig, "a", 400, 0, 0), 0); /* 528 of 1000 */
    assert_int_equal(post_of(rig, "a", 345, 0, 0), PST_E_FULL);
    assert_int_equal(post_of(rig, "a", 0, 345, 0), PST_E_FULL);
    assert_int_equal(store_rig_names(rig, "files"), 0);
    assert_int_equal(post_of(rig, "b", 345, 0, 0), 0); /* a box of its own */
    assert_int_equal(post_of(rig, "a", 100, 244, 0), 0);
    assert_int_equal(post_of(rig, "a", 0, 0, 0), PST_E_FULL); /* even an empty one takes room */
    assert_int_equal(post_of(rig, "a", 0, 0, 1128), 0);       /* the head's own limit goes before */
    assert_int_equal(post_of(rig, "b", 0, 0, 600), PST_E_FULL);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 2), 0);
    assert_int_equal(post_of(rig, "a", 0, 345, 0), PST_E_FULL); /* 656 are taken */
    assert_int_equal(post_of(rig, "a", 0, 216, 0), 0);
}

static void test_limits__total_bytes__also_while_a_file_comes_in(void **state)
{
    struct store_rig *rig = *state;
    rig->options.total_bytes = 10000;
    store_rig_open(rig);
    assert_int_equal(post_of(rig, "a", 5000, 0, 0), 0);
    assert_int_equal(post_of(rig, "b", 4745, 0, 0), PST_E_FULL); /* 5128 + 128 + 4745 */
    store_rig_close(rig);
    store_rig_open(rig); /* known without a commit */
    struct pst_draft *first = store_rig_draft(rig->store, "b");
    struct pst_draft *second = store_rig_draft(rig->store, "b");
    static char bytes[4000];
    assert_int_equal(pst_draft_file_begin(first, PST_SLICE("f"), PST_SLICE(""), PST_SLICE("")), 0);
    assert_int_equal(pst_draft_file_begin(second, PST_SLICE("f"), PST_SLICE(""), PST_SLICE("")), 0);
    assert_int_equal(pst_draft_file_write(first, bytes, 4000), 0);
    assert_int_equal(pst_draft_file_write(second, bytes, 1000), PST_E_FULL); /* both count */
    assert_int_equal(pst_draft_file_write(second, bytes, 1), PST_E_FULL);    /* for good */
    assert_int_equal(pst_draft_file_end(second), PST_E_FULL);
    pst_draft_free(first);
    pst_draft_free(second);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    assert_int_equal(post_of(rig, "b", 0, 4744, 0), 0); /* the last byte */
    assert_int_equal(post_of(rig, "b", 0, 1, 0), PST_E_FULL);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("b"), 1), 0);
    assert_int_equal(post_of(rig, "b", 0, 4744, 0), 0);
}

static void test_limits__max_boxes__counts_those_that_are_there(void **state)
{
    struct store_rig *rig = *state;
    rig->options.max_boxes = 2;
    store_rig_open(rig);
    store_rig_post(rig->store, "a", "x");
    assert_int_equal(post_of(rig, "b", 0, 1, 0), 0);
    assert_int_equal(post_of(rig, "c", 0, 1, 0), PST_E_LIMIT);
    store_rig_close(rig);
    store_rig_open(rig);
    assert_int_equal(post_of(rig, "c", 0, 1, 0), PST_E_LIMIT);
    assert_int_equal(post_of(rig, "a", 0, 1, 0), 0);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    /* A box that the server was set up with is not one of those that anybody makes. */
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store, "c");
    const struct pst_draft_head head = {.box = PST_SLICE("c"), .may_make_box = true, .is_declared = true};
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    assert_int_equal(store_rig_commit(rig->store, draft, &receipt), 0);
    assert_int_equal(post_of(rig, "d", 0, 1, 0), PST_E_LIMIT);
}

static void test_limits__spare_bytes__more_than_the_disk_has__full(void **state)
{
    struct store_rig *rig = *state;
    store_rig_open(rig);
    store_rig_post(rig->store, "a", "x");
    rig->store->options.spare_bytes = UINT64_C(1) << 62;
    assert_int_equal(post_of(rig, "a", 1, 0, 0), PST_E_FULL);
    struct pst_draft *draft = store_rig_draft(rig->store, "a");
    assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE(""), PST_SLICE("")), PST_E_FULL);
    rig->store->options.spare_bytes = 0;
    assert_int_equal(pst_draft_file_begin(draft, PST_SLICE("f"), PST_SLICE(""), PST_SLICE("")), 0);
    rig->store->options.spare_bytes = UINT64_C(1) << 62;
    static char piece[1 << 20];
    int err = 0, pieces = 0;
    for (; !err && pieces < 5; pieces++)
        err = pst_draft_file_write(draft, piece, sizeof(piece));
    assert_int_equal(err, PST_E_FULL); /* looked at every few megabytes */
    assert_int_equal(pieces, 4);
    pst_draft_free(draft);
    assert_int_equal(pst_store_delete(rig->store, PST_SLICE("a"), 1), 0); /* which makes room */
    rig->store->options.spare_bytes = 1;
    assert_int_equal(post_of(rig, "a", 1, 1, 0), 0);
}

/* ---- keys ---- */

static int64_t fake_now_ms;

static int64_t read_fake_now(void)
{
    return fake_now_ms;
}

struct keyed {
    const char *box, *type, *field, *body, *file_name, *data;
};

static struct pst_draft *keyed_draft(struct store_rig *rig, const struct keyed *keyed)
{
    struct pst_draft *draft = store_rig_draft(rig->store, keyed->box);
    struct pst_draft_head head = {.box = pst_slice_str(keyed->box),
                                  .type = pst_slice_str(keyed->type),
                                  .key = PST_SLICE("\"1\0\xff\""),
                                  .may_make_box = true};
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    store_rig_field(draft, keyed->field, "value");
    assert_int_equal(pst_draft_body(draft, pst_slice_str(keyed->body)), 0);
    assert_int_equal(
        pst_draft_file_begin(draft, PST_SLICE("f"), pst_slice_str(keyed->file_name), PST_SLICE("image/png")),
        0);
    assert_int_equal(pst_draft_file_write(draft, keyed->data, strlen(keyed->data)), 0);
    assert_int_equal(pst_draft_file_end(draft), 0);
    return draft;
}

static const struct keyed first_keyed = {"a",  "multipart/form-data; boundary=1", "name", "body", "photo",
                                         "abc"};

static void test_key__the_same_again__the_first_receipt(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt first, again;
    store_rig_open(rig);
    rig->store->now_ms = read_fake_now;
    fake_now_ms = 1700000000000;
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &first_keyed), &first), 0);
    assert_false(first.is_repeated);
    assert_int_equal(first.time_ms, fake_now_ms);
    uint64_t generation = pst_store_generation(rig->store);
    fake_now_ms += 1000;
    struct keyed other_boundary = first_keyed;
    other_boundary.type = "MULTIPART/Form-Data;boundary=2";
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &other_boundary), &again), 0);
    assert_true(again.is_repeated);
    assert_int_equal(again.id, first.id);
    assert_int_equal(again.time_ms, first.time_ms);
    assert_int_equal(pst_store_generation(rig->store), generation);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    struct pst_post_page *page = store_rig_read(rig->store, "a", 0);
    assert_int_equal(page->box_count, 1);
    pst_post_page_free(page);
}

static void test_key__for_something_else__mismatch(void **state)
{
    struct store_rig *rig = *state;
    struct pst_receipt receipt;
    store_rig_open(rig);
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &first_keyed), &receipt), 0);
    static const struct keyed others[] = {
        {"a", "text/plain", "name", "body", "photo", "abc"},
        {"a", "multipart/form-data", "other", "body", "photo", "abc"},
        {"a", "multipart/form-data", "name", "other", "photo", "abc"},
        {"a", "multipart/form-data", "name", "body", "other", "abc"},
        {"a", "multipart/form-data", "name", "body", "photo", "abd"},
    };
    for (size_t i = 0; i < COUNT(others); i++)
        assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &others[i]), &receipt),
                         PST_E_MISMATCH);
    struct keyed other_box = first_keyed;
    other_box.box = "b"; /* keys are of a box */
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &other_box), &receipt), 0);
    assert_false(receipt.is_repeated);
    assert_int_equal(store_rig_names(rig, "files"), 1);
}

static void test_key__twice_in_one_group__stored_once(void **state)
{
    struct store_rig *rig = *state;
    struct gate gate;
    struct outcome outcomes[3];
    store_rig_open(rig);
    close_gate(rig, &gate);
    for (size_t i = 0; i < 2; i++)
        begin(rig, keyed_draft(rig, &first_keyed), &outcomes[i]);
    struct keyed other = first_keyed;
    other.body = "other";
    begin(rig, keyed_draft(rig, &other), &outcomes[2]);
    open_gate(&gate);
    assert_int_equal(end(&outcomes[0]), 0);
    assert_int_equal(end(&outcomes[1]), 0);
    assert_int_equal(end(&outcomes[2]), PST_E_MISMATCH);
    assert_false(outcomes[0].receipt.is_repeated);
    assert_true(outcomes[1].receipt.is_repeated);
    assert_int_equal(outcomes[1].receipt.id, 1);
}

static void test_key__after_seven_days__forgotten(void **state)
{
    struct store_rig *rig = *state;
    static const int64_t week_ms = INT64_C(7) * 24 * 3600 * 1000;
    struct pst_receipt receipt;
    int64_t keys = 0;
    store_rig_open(rig);
    rig->store->now_ms = read_fake_now;
    fake_now_ms = 1700000000000;
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &first_keyed), &receipt), 0);
    fake_now_ms += week_ms;
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &first_keyed), &receipt), 0);
    assert_true(receipt.is_repeated);
    fake_now_ms += 1;
    assert_int_equal(store_rig_commit(rig->store, keyed_draft(rig, &first_keyed), &receipt), 0);
    assert_false(receipt.is_repeated);
    assert_int_equal(receipt.id, 2);
    /* Rows of old keys go with a later post. */
    fake_now_ms += week_ms + 1;
    store_rig_post(rig->store, "a", "x");
    struct pst_reader *reader;
    assert_int_equal(pst_readers_take(rig->store, &reader), 0);
    assert_int_equal(pst_db_number(&reader->db, "SELECT count(*) FROM idempotency", &keys), 0);
    pst_readers_give(rig->store, reader);
    assert_int_equal(keys, 0);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_commit__a_hundred_while_the_writer_is_busy__one_transaction),
        TEST(test_commit__one_of_a_group_fails_half_way__the_others_are_stored),
        TEST(test_commit__another_program_holds_the_database__fails_and_works_again),
        TEST(test_close__posts_are_queued__stored_first),
        TEST(test_commit__contents_that_are_there__the_temporary_file_is_gone_before_the_draft),
        TEST(test_purge__a_post_has_the_file_again__it_stays),
        TEST(test_limits__box_bytes__exact_and_freed_by_a_deletion),
        TEST(test_limits__total_bytes__also_while_a_file_comes_in),
        TEST(test_limits__max_boxes__counts_those_that_are_there),
        TEST(test_limits__spare_bytes__more_than_the_disk_has__full),
        TEST(test_key__the_same_again__the_first_receipt),
        TEST(test_key__for_something_else__mismatch),
        TEST(test_key__twice_in_one_group__stored_once),
        TEST(test_key__after_seven_days__forgotten),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
