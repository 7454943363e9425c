/* The batch of sends of one turn, by way of io_uring and without it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "loop/send_ring.h"
#include "loop/sends.h"
#include "support/fake_clock.h"

enum { ENDS_MOST = 64 };

struct end {
    struct pst_sending send;
    int fd, peer;
    char left[PST_SEND_MOST_BYTES];
    size_t left_len;
    int left_count, error;
};

struct bench {
    struct pst_loop *loop;
    struct pst_sends *sends;
    size_t count;
    struct end ends[ENDS_MOST];
};

static void on_left(struct pst_sending *send, const void *rest, size_t len, int error)
{
    struct end *end = PST_CONTAINER(send, struct end, send);
    assert_false(send->is_pending);
    assert_true(len > 0 && len <= sizeof(end->left));
    memcpy(end->left, rest, len);
    end->left_len = len;
    end->left_count++;
    end->error = error;
}

static struct bench *new_bench(size_t room, size_t count)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    assert_int_equal(pst_loop_new(&b->loop, &pst_clock_system), 0);
    assert_int_equal(pst_sends_new(&b->sends, b->loop, room), 0);
    b->count = count;
    for (size_t i = 0; i < count; i++) {
        int fds[2];
        assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds), 0);
        b->ends[i] = (struct end){.send.on_left = on_left, .fd = fds[0], .peer = fds[1]};
    }
    return b;
}

static void end_bench(struct bench *b)
{
    pst_sends_free(b->sends);
    pst_loop_free(b->loop);
    for (size_t i = 0; i < b->count; i++) {
        close(b->ends[i].fd);
        if (b->ends[i].peer >= 0)
            close(b->ends[i].peer);
    }
    free(b);
}

static bool add(struct bench *b, size_t i, const char *text)
{
    struct iovec iov = {(char *)(uintptr_t)text, strlen(text)};
    return pst_sends_add(b->sends, &b->ends[i].send, b->ends[i].fd, &iov, 1);
}

static void assert_received(struct bench *b, size_t i, const char *text)
{
    static char got[2 * PST_SEND_MOST_BYTES];
    ssize_t n = recv(b->ends[i].peer, got, sizeof(got) - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    assert_string_equal(got, text);
}

/* Leaves no room for another send. */
static void fill(struct bench *b, size_t i)
{
    int room = 4608;
    static const char bytes[512];
    assert_int_equal(setsockopt(b->ends[i].fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof(room)), 0);
    while (send(b->ends[i].fd, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(errno, EAGAIN);
}

/* An older kernel, or one that does not let us: then only one send of a turn is ever taken. */
static void skip_without_ring(void)
{
    struct pst_send_ring ring;
    if (pst_send_ring_init(&ring, 2) != 0)
        skip();
    pst_send_ring_fini(&ring);
}

/* ---- when they go ---- */

static void test_sends__added__go_at_the_end_of_the_turn(void **state)
{
    (void)state;
    skip_without_ring();
    for (size_t count = 1; count <= 3; count++) {
        struct bench *b = new_bench(8, count);
        for (int turn = 0; turn < 3; turn++) {
            for (size_t i = 0; i < count; i++) {
                assert_true(add(b, i, "word"));
                assert_true(b->ends[i].send.is_pending);
            }
            for (size_t i = 0; i < count; i++)
                assert_received(b, i, "");
            assert_int_equal(pst_loop_turn(b->loop, 0), 0);
            for (size_t i = 0; i < count; i++) {
                assert_received(b, i, "word");
                assert_false(b->ends[i].send.is_pending);
                assert_int_equal(b->ends[i].left_count, 0);
            }
        }
        end_bench(b);
    }
}

static void test_sends__more_than_there_is_room_for__go_earlier(void **state)
{
    (void)state;
    skip_without_ring();
    enum { ROOM = 5, COUNT = 3 * ROOM + 1 };
    struct bench *b = new_bench(ROOM, COUNT);
    char text[16];
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "%zu", i);
        assert_true(add(b, i, text));
        assert_int_equal(b->ends[0].send.is_pending, i < ROOM);
    }
    pst_sends_submit(b->sends);
    for (size_t i = 0; i < COUNT; i++) {
        snprintf(text, sizeof(text), "%zu", i);
        assert_received(b, i, text);
    }
    end_bench(b);
}

static void test_sends__large_ones__never_more_than_there_is_memory_for(void **state)
{
    (void)state;
    skip_without_ring();
    enum { COUNT = 16 };
    static char text[PST_SEND_MOST_BYTES + 1];
    memset(text, 'x', PST_SEND_MOST_BYTES);
    struct bench *b = new_bench(COUNT, COUNT);
    for (size_t i = 0; i < COUNT; i++)
        assert_true(add(b, i, text));
    pst_sends_submit(b->sends);
    for (size_t i = 0; i < COUNT; i++)
        assert_received(b, i, text);
    end_bench(b);
}

static void test_sends_add__nothing_or_too_much__is_not_taken(void **state)
{
    (void)state;
    struct bench *b = new_bench(8, 1);
    static char text[PST_SEND_MOST_BYTES + 2];
    memset(text, 'x', PST_SEND_MOST_BYTES + 1);
    assert_false(add(b, 0, text));
    assert_false(add(b, 0, ""));
    assert_false(b->ends[0].send.is_pending);
    pst_sends_submit(b->sends);
    assert_received(b, 0, "");
    end_bench(b);
}

/* ---- several of one socket ---- */

static void test_sends_add__again_and_last__one_send_in_order(void **state)
{
    (void)state;
    struct bench *b = new_bench(2, 2);
    assert_true(add(b, 1, "other"));
    assert_true(add(b, 0, "one "));
    assert_true(add(b, 0, "two "));
    assert_true(add(b, 0, "three"));
    pst_sends_submit(b->sends);
    assert_received(b, 0, "one two three");
    assert_received(b, 1, "other");
    end_bench(b);
}

static void test_sends_add__again_but_not_last__what_was_pending_has_gone(void **state)
{
    (void)state;
    struct bench *b = new_bench(8, 2);
    assert_true(add(b, 0, "one"));
    assert_true(add(b, 1, "other"));
    assert_false(add(b, 0, "two"));
    assert_received(b, 0, "one");
    assert_received(b, 1, "other");
    assert_false(b->ends[0].send.is_pending || b->ends[1].send.is_pending);
    end_bench(b);
}

/* A redirect's head may be larger than a small send, and the page behind it as large as anything. */
static void test_sends_add__again_in_pieces_of_any_size__never_more_than_there_is_memory_for(void **state)
{
    (void)state;
    enum { LARGE = 1 << 20 };
    char *bytes = calloc(1, LARGE);
    assert_non_null(bytes);
    struct bench *b = new_bench(2, 1);
    static const size_t heads[] = {PST_SEND_MOST_BYTES, PST_SEND_MOST_BYTES + 1, 8300};
    for (size_t i = 0; i < sizeof(heads) / sizeof(heads[0]); i++) {
        assert_true(add(b, 0, "small"));
        struct iovec iov[2] = {{bytes, heads[i]}, {bytes, LARGE}};
        assert_false(pst_sends_add(b->sends, &b->ends[0].send, b->ends[0].fd, iov, 2));
        assert_received(b, 0, "small");
    }
    end_bench(b);
    free(bytes);
}

/* ---- what does not go ---- */

static void test_sends__no_room__the_rest_is_given_back_and_nothing_is_lost(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 2; count++) {
        struct bench *b = new_bench(8, count);
        fill(b, 0);
        assert_true(add(b, 0, "nowhere to go"));
        if (count > 1)
            assert_true(add(b, 1, "fine"));
        pst_sends_submit(b->sends);
        assert_int_equal(b->ends[0].left_count, 1);
        assert_int_equal(b->ends[0].error, 0);
        assert_int_equal(b->ends[0].left_len, strlen("nowhere to go"));
        assert_memory_equal(b->ends[0].left, "nowhere to go", b->ends[0].left_len);
        if (count > 1)
            assert_received(b, 1, "fine");
        pst_sends_submit(b->sends);
        assert_int_equal(b->ends[0].left_count, 1);
        end_bench(b);
    }
}

static void test_sends__peer_has_gone__the_error_and_no_signal(void **state)
{
    (void)state;
    for (size_t count = 1; count <= 2; count++) {
        struct bench *b = new_bench(8, count);
        close(b->ends[0].peer);
        b->ends[0].peer = -1;
        assert_true(add(b, 0, "nobody"));
        if (count > 1)
            assert_true(add(b, 1, "fine"));
        pst_sends_submit(b->sends);
        assert_int_equal(b->ends[0].left_count, 1);
        assert_int_equal(b->ends[0].error, EPIPE);
        if (count > 1)
            assert_received(b, 1, "fine");
        end_bench(b);
    }
}

/* ---- without io_uring ---- */

static void test_sends__no_ring_to_be_had__all_go_and_no_more_are_taken(void **state)
{
    (void)state;
    struct bench *b = new_bench(8, 3);
    struct rlimit before, none;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    none = (struct rlimit){.rlim_cur = 0, .rlim_max = before.rlim_max};
    for (size_t i = 0; i < 3; i++)
        assert_true(add(b, i, "word"));
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0); /* a ring needs a descriptor */
    pst_sends_submit(b->sends);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    for (size_t i = 0; i < 3; i++)
        assert_received(b, i, "word");
    assert_false(add(b, 0, "word"));
    assert_false(b->ends[0].send.is_pending);
    end_bench(b);
}

static void *submit(void *arg)
{
    struct bench *b = arg;
    pst_sends_submit(b->sends);
    return NULL;
}

/* As at the end of a server, when another thread ends what a worker has left. */
static void test_sends__from_another_thread_than_the_rings__all_go(void **state)
{
    (void)state;
    skip_without_ring();
    struct bench *b = new_bench(8, 2);
    for (int i = 0; i < 3; i++) {
        pthread_t thread;
        assert_true(add(b, 0, "one") && add(b, 1, "two"));
        if (i == 1) {
            assert_int_equal(pthread_create(&thread, NULL, submit, b), 0);
            assert_int_equal(pthread_join(thread, NULL), 0);
        } else {
            pst_sends_submit(b->sends);
        }
        assert_received(b, 0, "one");
        assert_received(b, 1, "two");
    }
    end_bench(b);
}

/* ---- the ring alone ---- */

static void test_send_ring__many_runs__each_result_in_its_place(void **state)
{
    (void)state;
    skip_without_ring();
    struct bench *b = new_bench(8, 4);
    struct pst_send_ring ring;
    assert_int_equal(pst_send_ring_init(&ring, 4), 0);
    fill(b, 2);
    for (int run = 0; run < 1000; run++) {
        int results[4] = {1000, 1000, 1000, 1000};
        pst_send_ring_push(&ring, b->ends[0].fd, "a", 1);
        pst_send_ring_push(&ring, -1, "nowhere", 7);
        pst_send_ring_push(&ring, b->ends[2].fd, "full", 4);
        pst_send_ring_push(&ring, b->ends[3].fd, "four", 4);
        assert_int_equal(pst_send_ring_run(&ring, results), 4);
        assert_int_equal(results[0], 1);
        assert_int_equal(results[1], -EBADF);
        assert_int_equal(results[2], -EAGAIN);
        assert_int_equal(results[3], 4);
        assert_received(b, 0, "a");
        assert_received(b, 3, "four");
    }
    assert_int_equal(pst_send_ring_run(&ring, NULL), 0);
    pst_send_ring_fini(&ring);
    end_bench(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sends__added__go_at_the_end_of_the_turn),
        cmocka_unit_test(test_sends__more_than_there_is_room_for__go_earlier),
        cmocka_unit_test(test_sends__large_ones__never_more_than_there_is_memory_for),
        cmocka_unit_test(test_sends_add__nothing_or_too_much__is_not_taken),
        cmocka_unit_test(test_sends_add__again_and_last__one_send_in_order),
        cmocka_unit_test(test_sends_add__again_but_not_last__what_was_pending_has_gone),
        cmocka_unit_test(test_sends_add__again_in_pieces_of_any_size__never_more_than_there_is_memory_for),
        cmocka_unit_test(test_sends__no_room__the_rest_is_given_back_and_nothing_is_lost),
        cmocka_unit_test(test_sends__peer_has_gone__the_error_and_no_signal),
        cmocka_unit_test(test_sends__no_ring_to_be_had__all_go_and_no_more_are_taken),
        cmocka_unit_test(test_sends__from_another_thread_than_the_rings__all_go),
        cmocka_unit_test(test_send_ring__many_runs__each_result_in_its_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
