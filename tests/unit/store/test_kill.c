/* A server that is killed at any instant: what it acknowledged is there and whole, of the rest nothing is
 * left. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <postern/store.h>

#include "support/store_rig.h"

enum { ROUNDS = 12, THREADS = 4, ACKS_MOST = 40, FILE_BYTES = 9000 };

/* What the child says of a post once it is stored; small enough to be written at once. */
struct ack {
    uint64_t id, number;
};

static struct store_rig *child_rig;
static int child_pipe;

/* Every post has a number; its field and its files follow from it. Each eighth file is one that others have,
 * too. */
static void fill_file(uint64_t number, char data[FILE_BYTES])
{
    uint64_t random = number % 8 == 0 ? 1 : number * UINT64_C(0x9e3779b97f4a7c15) + 1;
    for (size_t i = 0; i < FILE_BYTES; i++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        data[i] = (char)(random >> 56);
    }
}

static void *post_for_ever(void *arg)
{
    uint64_t number = *(const uint64_t *)arg;
    char text[32], data[FILE_BYTES];
    for (;; number += THREADS) {
        struct pst_draft *draft = store_rig_draft(child_rig->store, "box");
        struct pst_receipt receipt;
        snprintf(text, sizeof(text), "post %llu", (unsigned long long)number);
        store_rig_field(draft, "text", text);
        fill_file(number, data);
        store_rig_file(draft, "f", data, sizeof(data));
        if (store_rig_commit(child_rig->store, draft, &receipt) != 0)
            _exit(2);
        struct ack ack = {receipt.id, number};
        if (number % 5 ==
            0) { /* some go again, so that deletions are cut short as well; they are not told of */
            if (pst_store_delete(child_rig->store, PST_SLICE("box"), receipt.id) != 0)
                _exit(3);
        } else if (write(child_pipe, &ack, sizeof(ack)) != (ssize_t)sizeof(ack)) {
            _exit(4);
        }
    }
    return NULL;
}

static void be_the_server(struct store_rig *rig, int pipe_fd, uint64_t first)
{
    pthread_t threads[THREADS];
    uint64_t firsts[THREADS];
    child_rig = rig;
    child_pipe = pipe_fd;
    store_rig_open(rig);
    for (size_t i = 0; i < THREADS; i++) {
        firsts[i] = first + i;
        if (pthread_create(&threads[i], NULL, post_for_ever, &firsts[i]) != 0)
            _exit(5);
    }
    for (size_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    _exit(6);
}

/* Runs a server until it has acknowledged so many posts, and kills it a moment later: any instant must do.
 * Gives all its acknowledgements, also those of that moment. */
static size_t run_and_kill(struct store_rig *rig, uint64_t first, size_t wanted, unsigned turns,
                           struct ack *acks, size_t cap)
{
    int fds[2], status;
    assert_int_equal(pipe(fds), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        close(fds[0]);
        be_the_server(rig, fds[1], first);
    }
    close(fds[1]);
    size_t count = 0;
    while (count < cap && read(fds[0], &acks[count], sizeof(*acks)) == (ssize_t)sizeof(*acks))
        if (++count == wanted) {
            while (turns--)
                sched_yield();
            kill(child, SIGKILL);
        }
    assert_int_equal(waitpid(child, &status, 0), child);
    close(fds[0]);
    if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGKILL)
        fail_msg("the server ended by itself: %d", status);
    assert_true(count < cap);
    return count;
}

static void check_post(struct store_rig *rig, const struct ack *ack)
{
    char text[32], data[FILE_BYTES];
    struct pst_post_page *page = store_rig_read(rig->store, "box", ack->id);
    snprintf(text, sizeof(text), "post %llu", (unsigned long long)ack->number);
    fill_file(ack->number, data);
    if (page->count != 1 || page->posts[0].field_count != 1 ||
        !pst_slice_eq(page->posts[0].fields[0].value, pst_slice_str(text)) ||
        !store_rig_file_is(rig->store, "box", ack->id, 1, data, sizeof(data)))
        fail_msg("%s (id %llu) was acknowledged and is lost", text, (unsigned long long)ack->id);
    pst_post_page_free(page);
}

/* Every post that is there is whole, acknowledged or not; and no file is there that no post has. */
static void check_all(struct store_rig *rig)
{
    struct pst_post_query query = {.box = PST_SLICE("box"), .limit = 100, .is_upward = true};
    uint64_t seen = 0;
    char(*hashes)[65] = NULL;
    size_t distinct = 0;
    bool is_more = true;
    while (is_more) {
        struct pst_post_page *page;
        assert_int_equal(pst_store_read(rig->store, &query, &page), 0);
        for (size_t i = 0; i < page->count; i++) {
            struct ack ack = {page->posts[i].id, 0};
            const struct pst_post *post = &page->posts[i];
            char text[32];
            assert_int_equal(post->field_count, 1);
            snprintf(text, sizeof(text), "%.*s", PST_FMT(post->fields[0].value));
            assert_memory_equal(text, "post ", 5);
            ack.number = strtoull(text + 5, NULL, 10);
            check_post(rig, &ack);
            size_t k = 0;
            while (k < distinct && strcmp(hashes[k], post->files[0].hash) != 0)
                k++;
            if (k == distinct) {
                hashes = realloc(hashes, (distinct + 1) * sizeof(*hashes));
                assert_non_null(hashes);
                memcpy(hashes[distinct++], post->files[0].hash, sizeof(*hashes));
            }
            query.above = post->id;
        }
        seen += page->count;
        is_more = page->is_more;
        if (!is_more)
            assert_int_equal(page->box_count, seen);
        pst_post_page_free(page);
    }
    free(hashes);
    assert_int_equal(store_rig_names(rig, "files"), distinct);
    assert_int_equal(store_rig_names(rig, "tmp"), 0);
    uint64_t bytes;
    assert_int_equal(pst_store_vacuum(rig->store, &bytes), 0); /* integrity_check, and the books */
}

static void test_store__killed_at_random_instants__every_acknowledged_post_is_whole(void **state)
{
    (void)state;
    enum { CAP = ACKS_MOST + 4096 };
    struct store_rig rig;
    struct ack *acks = calloc((size_t)ROUNDS * CAP, sizeof(*acks));
    size_t count = 0;
    uint64_t random = 20240229;
    assert_non_null(acks);
    store_rig_init(&rig);
    for (uint64_t round = 0; round < ROUNDS; round++) {
        random = random * UINT64_C(6364136223846793005) + 1442695040888963407U;
        size_t wanted = 1 + (size_t)(random >> 33) % ACKS_MOST;
        size_t before = count;
        unsigned turns = (unsigned)(random >> 20) % 10;
        count += run_and_kill(&rig, round << 32, wanted, turns, acks + count, CAP);
        store_rig_open(&rig);
        assert_string_equal(rig.why, "");
        for (size_t i = round + 1 == ROUNDS ? 0 : before; i < count; i++) /* at last, all of them once more */
            check_post(&rig, &acks[i]);
        check_all(&rig);
        store_rig_close(&rig);
    }
    print_message("%zu acknowledged posts in %d rounds\n", count, (int)ROUNDS);
    free(acks);
    store_rig_fini(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_store__killed_at_random_instants__every_acknowledged_post_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
