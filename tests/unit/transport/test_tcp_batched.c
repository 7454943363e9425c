/* The plain transport whose small writes wait for the end of the turn: nothing is lost, doubled or overtaken,
 * whatever comes in between, and what finds no room in the end is held and told. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/list.h"
#include "loop/send_ring.h"
#include "support/fake_clock.h"
#include "transport/tcp.h"

/* Two transports: a send that is alone in its batch goes another way than one in company. */
struct bench {
    struct pst_loop *loop;
    struct pst_sends *sends;
    struct pst_transport *t, *other;
    struct pst_transport_owner owner;
    int peer, other_peer;
    size_t held_count;
};

static void on_held(struct pst_transport_owner *owner)
{
    PST_CONTAINER(owner, struct bench, owner)->held_count++;
}

static int open_one(struct bench *b, struct pst_transport **ret_transport)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    assert_int_equal(pst_tcp_new_batched(ret_transport, b->sends, fds[0], NULL, 0), 0);
    return fds[1];
}

/* Skips the test where there is no io_uring: nothing waits for a turn's end then. */
static void init(struct bench *b)
{
    struct pst_send_ring ring;
    if (pst_send_ring_init(&ring, 2) != 0)
        skip();
    pst_send_ring_fini(&ring);
    *b = (struct bench){.owner.on_held = on_held};
    assert_int_equal(pst_loop_new(&b->loop, &pst_clock_system), 0);
    assert_int_equal(pst_sends_new(&b->sends, b->loop, 8), 0);
    b->peer = open_one(b, &b->t);
    b->other_peer = open_one(b, &b->other);
    b->t->owner = &b->owner;
}

static void fini(struct bench *b)
{
    if (b->t)
        b->t->ops->destroy(b->t);
    b->other->ops->destroy(b->other);
    pst_sends_free(b->sends);
    pst_loop_free(b->loop);
    if (b->peer >= 0)
        close(b->peer);
    close(b->other_peer);
}

static enum pst_io write_some(struct pst_transport *t, const void *data, size_t len, size_t *ret_n)
{
    struct iovec iov[2] = {{(void *)(uintptr_t)data, len / 2},
                           {(char *)(uintptr_t)data + len / 2, len - len / 2}};
    *ret_n = 0;
    return t->ops->writev(t, iov, 2, ret_n);
}

static void write_whole(struct pst_transport *t, const char *text)
{
    size_t n;
    assert_int_equal(write_some(t, text, strlen(text), &n), PST_IO_OK);
    assert_int_equal(n, strlen(text));
    assert_int_equal(t->ops->flush(t), PST_IO_OK);
}

static void assert_received(int fd, const char *text)
{
    char got[256];
    ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
    got[n > 0 ? n : 0] = '\0';
    assert_string_equal(got, text);
}

static void turn(struct bench *b)
{
    assert_int_equal(pst_loop_turn(b->loop, 0), 0);
}

static void test_tcp_batched__small_writes__go_at_the_end_of_the_turn(void **state)
{
    (void)state;
    struct bench b;
    init(&b);
    for (int i = 0; i < 3; i++) {
        write_whole(b.t, "some");
        if (i)
            write_whole(b.other, "other");
        assert_received(b.peer, "");
        turn(&b);
        assert_received(b.peer, "some");
        assert_received(b.other_peer, i ? "other" : "");
    }
    assert_int_equal(b.held_count, 0);
    fini(&b);
}

/* ---- what comes after a write, in the same turn ---- */

static void test_tcp_batched__further_writes__never_overtake(void **state)
{
    (void)state;
    static char large[2 * PST_SEND_MOST_BYTES];
    static char got[sizeof(large) + 64];
    struct bench b;
    init(&b);
    memset(large, 'x', sizeof(large));
    write_whole(b.t, "one ");
    write_whole(b.t, "two ");
    write_whole(b.other, "other");
    write_whole(b.t, "three ");
    size_t n;
    assert_int_equal(write_some(b.t, large, sizeof(large), &n), PST_IO_OK);
    assert_int_equal(n, sizeof(large));
    write_whole(b.t, " end");
    turn(&b);
    ssize_t len = recv(b.peer, got, sizeof(got), MSG_DONTWAIT);
    assert_int_equal(len, 14 + sizeof(large) + 4);
    assert_memory_equal(got, "one two three ", 14);
    assert_memory_equal(got + 14, large, sizeof(large));
    assert_memory_equal(got + 14 + sizeof(large), " end", 4);
    assert_received(b.other_peer, "other");
    fini(&b);
}

static void test_tcp_batched__sendfile_after_a_write__head_first(void **state)
{
    (void)state;
    struct bench b;
    init(&b);
    FILE *file = tmpfile();
    assert_non_null(file);
    assert_int_equal(write(fileno(file), "body", 4), 4);
    write_whole(b.t, "head ");
    off_t offset = 0;
    size_t n = 0;
    assert_int_equal(b.t->ops->sendfile(b.t, fileno(file), &offset, 4, &n), PST_IO_OK);
    assert_int_equal(n, 4);
    assert_received(b.peer, "head body");
    fclose(file);
    fini(&b);
}

static void test_tcp_batched__shutdown_after_a_write__bytes_then_the_end(void **state)
{
    (void)state;
    struct bench b;
    char byte;
    init(&b);
    write_whole(b.t, "last");
    assert_int_equal(b.t->ops->shutdown(b.t), PST_IO_OK);
    assert_received(b.peer, "last");
    assert_int_equal(recv(b.peer, &byte, 1, MSG_DONTWAIT), 0);
    turn(&b);
    fini(&b);
}

static void test_tcp_batched__destroy_after_a_write__what_was_counted_goes(void **state)
{
    (void)state;
    struct bench b;
    init(&b);
    write_whole(b.t, "last");
    b.t->ops->destroy(b.t);
    b.t = NULL;
    assert_received(b.peer, "last");
    turn(&b);
    assert_int_equal(b.held_count, 0);
    fini(&b);
}

/* ---- no room ---- */

/* A stream of numbers, so that a byte that was lost, or sent twice, shows. */
static unsigned char number_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 251);
}

static size_t receive_numbers(const struct bench *b, size_t from, size_t most)
{
    static unsigned char got[65536];
    ssize_t n = recv(b->peer, got, most < sizeof(got) ? most : sizeof(got), MSG_DONTWAIT);
    for (ssize_t i = 0; i < n; i++)
        assert_int_equal(got[i], number_at(from + (size_t)i));
    return n > 0 ? (size_t)n : 0;
}

static void test_tcp_batched__peer_reads_slowly__every_byte_once_and_held_ones_are_told(void **state)
{
    (void)state;
    enum { TOTAL = 300000, PIECE = 1000 };
    struct pst_transport_info info;
    struct bench b;
    init(&b);
    unsigned char *data = malloc(TOTAL);
    assert_non_null(data);
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = number_at(i);
    int small = 4096;
    b.t->ops->info(b.t, &info);
    assert_int_equal(setsockopt(info.fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
    size_t sent = 0, got = 0, wants = 0, flushes_that_want = 0;
    while (got < TOTAL) {
        for (int i = 0; i < 4 && sent < TOTAL; i++) { /* pipelined requests, say */
            size_t n, want = TOTAL - sent < PIECE ? TOTAL - sent : PIECE;
            enum pst_io io = write_some(b.t, data + sent, want, &n);
            if (io == PST_IO_WANT_WR) {
                wants++;
                break;
            }
            assert_int_equal(io, PST_IO_OK);
            sent += n;
        }
        write_whole(b.other, "other");
        size_t before = b.held_count;
        turn(&b);
        assert_received(b.other_peer, "other");
        if (b.held_count > before && b.t->ops->flush(b.t) == PST_IO_WANT_WR) {
            flushes_that_want++;
            assert_true(b.t->ops->backlog(b.t) > 0);
        }
        got += receive_numbers(&b, got, 3000);
        if (sent == TOTAL)
            assert_int_not_equal(b.t->ops->flush(b.t), PST_IO_ERR);
    }
    assert_int_equal(b.t->ops->flush(b.t), PST_IO_OK);
    assert_true(wants > 0 && flushes_that_want > 0);
    assert_int_equal(got, sent);
    free(data);
    fini(&b);
}

static void test_tcp_batched__held_bytes__shutdown_waits_for_them(void **state)
{
    (void)state;
    static unsigned char data[PST_SEND_MOST_BYTES];
    struct bench b;
    init(&b);
    size_t sent = 0, got = 0;
    while (!b.held_count) {
        size_t n;
        for (size_t i = 0; i < sizeof(data); i++)
            data[i] = number_at(sent + i);
        assert_int_equal(write_some(b.t, data, sizeof(data), &n), PST_IO_OK);
        sent += n;
        turn(&b);
    }
    assert_int_equal(b.t->ops->shutdown(b.t), PST_IO_WANT_WR);
    assert_int_equal(b.t->ops->shutdown(b.t), PST_IO_WANT_WR);
    size_t n = 1;
    while ((n = receive_numbers(&b, got, SIZE_MAX)) > 0)
        got += n;
    assert_true(got < sent);
    assert_int_equal(b.t->ops->shutdown(b.t), PST_IO_OK);
    while ((n = receive_numbers(&b, got, SIZE_MAX)) > 0)
        got += n;
    assert_int_equal(got, sent);
    fini(&b);
}

static void test_tcp_batched__peer_has_gone__told_at_the_end_of_the_turn(void **state)
{
    (void)state;
    for (int company = 0; company < 2; company++) {
        struct bench b;
        init(&b);
        close(b.peer);
        b.peer = -1;
        write_whole(b.t, "nobody");
        if (company)
            write_whole(b.other, "other");
        turn(&b);
        assert_int_equal(b.held_count, 1);
        assert_int_equal(b.t->ops->flush(b.t), PST_IO_ERR);
        size_t n;
        assert_int_equal(write_some(b.t, "more", 4, &n), PST_IO_ERR);
        assert_int_equal(b.t->ops->shutdown(b.t), PST_IO_ERR);
        struct pst_transport_info info;
        b.t->ops->info(b.t, &info);
        assert_string_equal(info.failure, "connection reset by client");
        assert_received(b.other_peer, company ? "other" : "");
        fini(&b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp_batched__small_writes__go_at_the_end_of_the_turn),
        cmocka_unit_test(test_tcp_batched__further_writes__never_overtake),
        cmocka_unit_test(test_tcp_batched__sendfile_after_a_write__head_first),
        cmocka_unit_test(test_tcp_batched__shutdown_after_a_write__bytes_then_the_end),
        cmocka_unit_test(test_tcp_batched__destroy_after_a_write__what_was_counted_goes),
        cmocka_unit_test(test_tcp_batched__peer_reads_slowly__every_byte_once_and_held_ones_are_told),
        cmocka_unit_test(test_tcp_batched__held_bytes__shutdown_waits_for_them),
        cmocka_unit_test(test_tcp_batched__peer_has_gone__told_at_the_end_of_the_turn),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
