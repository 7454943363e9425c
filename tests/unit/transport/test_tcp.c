/* The plain transport over socket pairs and loopback connections: every status of the contract in
 * transport/transport.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "transport/tcp.h"

enum { BLOCK = 65536 };
static char block[BLOCK];

/* The transport at one end, the test at the other. */
struct ends {
    struct pst_transport *t;
    int peer;
};

static struct ends open_pair(void)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    struct ends e = {.peer = fds[1]};
    assert_int_equal(pst_tcp_new(&e.t, fds[0], NULL, 0), 0);
    return e;
}

/* A real TCP connection: only those know resets. */
static struct ends open_tcp(void)
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(listening, (struct sockaddr *)&addr, len), 0);
    assert_int_equal(listen(listening, 1), 0);
    assert_int_equal(getsockname(listening, (struct sockaddr *)&addr, &len), 0);
    struct ends e = {.peer = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    int small = 16384; /* before connect: it bounds the window */
    assert_int_equal(setsockopt(e.peer, SOL_SOCKET, SO_RCVBUF, &small, sizeof(small)), 0);
    assert_int_equal(connect(e.peer, (struct sockaddr *)&addr, len), 0);
    int fd = accept4(listening, (struct sockaddr *)&addr, &len, SOCK_NONBLOCK | SOCK_CLOEXEC);
    assert_true(fd >= 0);
    close(listening);
    assert_int_equal(pst_tcp_new(&e.t, fd, (struct sockaddr *)&addr, len), 0);
    return e;
}

static void close_ends(struct ends *e)
{
    e->t->ops->destroy(e->t);
    if (e->peer >= 0)
        close(e->peer);
}

static struct pst_transport_info info_of(const struct ends *e)
{
    struct pst_transport_info info;
    memset(&info, 0x55, sizeof(info)); /* info has to fill in everything */
    e->t->ops->info(e->t, &info);
    return info;
}

/* Lets the peer's last act arrive. */
static void wait_for(const struct ends *e, short events)
{
    struct pollfd p = {.fd = info_of(e).fd, .events = events};
    assert_int_equal(poll(&p, 1, 5000), 1);
}

/* Until the peer has something to read, or the transport room to write; then reads what there is. */
static size_t peer_reads(const struct ends *e)
{
    struct pollfd p[2] = {{.fd = e->peer, .events = POLLIN}, {.fd = info_of(e).fd, .events = POLLOUT}};
    assert_true(poll(p, 2, 5000) > 0);
    ssize_t n = recv(e->peer, block, sizeof(block), MSG_DONTWAIT);
    return n > 0 ? (size_t)n : 0;
}

/* So that a few hundred kilobytes are enough to fill it. */
static void make_small(const struct ends *e)
{
    int small = 8192;
    assert_int_equal(setsockopt(info_of(e).fd, SOL_SOCKET, SO_SNDBUF, &small, sizeof(small)), 0);
}

static enum pst_io do_read(struct ends *e, size_t *ret_n)
{
    *ret_n = 0;
    return e->t->ops->read(e->t, block, sizeof(block), ret_n);
}

static enum pst_io do_write(struct ends *e, const char *text, size_t *ret_n)
{
    struct iovec iov = {(void *)(uintptr_t)text, strlen(text)};
    *ret_n = 0;
    return e->t->ops->writev(e->t, &iov, 1, ret_n);
}

static void reset_by_peer(struct ends *e)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(e->peer, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(e->peer);
    e->peer = -1;
}

static void test_tcp__fresh__says_what_it_is(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    struct pst_transport_info info = info_of(&e);
    assert_true(info.fd >= 0);
    assert_false(info.is_secure);
    assert_string_equal(info.address, "127.0.0.1");
    struct sockaddr_in in = {.sin_family = 0};
    socklen_t len = sizeof(in);
    assert_int_equal(getsockname(e.peer, (struct sockaddr *)&in, &len), 0);
    assert_int_equal(info.port, ntohs(in.sin_port));
    assert_string_equal(info.security, "");
    assert_string_equal(info.cipher, "");
    assert_string_equal(info.alpn, "");
    assert_string_equal(info.failure, "");
    assert_int_equal(e.t->ops->handshake(e.t), PST_IO_OK);
    assert_int_equal(e.t->ops->flush(e.t), PST_IO_OK);
    assert_true(e.t->ops->pending(e.t)); /* nothing was tried yet: the kernel may hold bytes already */
    close_ends(&e);

    e = open_pair();
    info = info_of(&e);
    assert_string_equal(info.address, "");
    assert_int_equal(info.port, 0);
    close_ends(&e);
}

static void test_tcp_info__ipv6__shown_as_text_and_mapped_ipv4_as_ipv4(void **state)
{
    (void)state;
    static const struct {
        const char *address, *shown;
    } rows[] = {{"::1", "::1"}, {"2001:db8::7", "2001:db8::7"}, {"::ffff:192.0.2.1", "192.0.2.1"}};
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(4711)};
        assert_int_equal(inet_pton(AF_INET6, rows[i].address, &in6.sin6_addr), 1);
        struct pst_socket s;
        pst_socket_init(&s, -1, (struct sockaddr *)&in6, sizeof(in6));
        struct pst_transport_info info;
        pst_socket_info(&s, &info);
        assert_string_equal(info.address, rows[i].shown);
        assert_int_equal(info.port, 4711);
    }
}

static void test_tcp_read__nothing_some_and_the_end__want_ok_eof(void **state)
{
    (void)state;
    struct ends e = open_pair();
    size_t n;
    assert_int_equal(do_read(&e, &n), PST_IO_WANT_RD);
    assert_false(e.t->ops->pending(e.t));
    assert_int_equal(write(e.peer, "hello", 5), 5);
    assert_int_equal(do_read(&e, &n), PST_IO_OK);
    assert_int_equal(n, 5);
    assert_memory_equal(block, "hello", 5);
    assert_false(e.t->ops->pending(e.t)); /* a short read has emptied the socket */

    /* The buffer was filled: there may be more without another edge. */
    assert_int_equal(write(e.peer, "hello", 5), 5);
    assert_int_equal(e.t->ops->read(e.t, block, 5, &n), PST_IO_OK);
    assert_true(e.t->ops->pending(e.t));
    assert_int_equal(do_read(&e, &n), PST_IO_WANT_RD);
    assert_false(e.t->ops->pending(e.t));

    assert_int_equal(write(e.peer, "bye", 3), 3);
    assert_int_equal(shutdown(e.peer, SHUT_WR), 0);
    assert_int_equal(do_read(&e, &n), PST_IO_OK);
    assert_int_equal(n, 3);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(do_read(&e, &n), PST_IO_EOF);
        assert_int_equal(n, 0);
        assert_true(e.t->ops->pending(e.t)); /* another status can be had without an edge */
    }
    assert_string_equal(info_of(&e).failure, "");
    /* The directions end independently: writing still works. */
    assert_int_equal(do_write(&e, "still here", &n), PST_IO_OK);
    assert_int_equal(n, 10);
    assert_int_equal(read(e.peer, block, sizeof(block)), 10);
    assert_int_equal(e.t->ops->flush(e.t), PST_IO_OK);
    close_ends(&e);
}

static void test_tcp_writev__pieces_and_nothing__in_order(void **state)
{
    (void)state;
    struct ends e = open_pair();
    size_t n = 99;
    assert_int_equal(e.t->ops->writev(e.t, NULL, 0, &n), PST_IO_OK);
    assert_int_equal(n, 0);
    struct iovec empty[2] = {{block, 0}, {NULL, 0}};
    for (int cnt = 1; cnt <= 2; cnt++) {
        n = 99;
        assert_int_equal(e.t->ops->writev(e.t, empty, cnt, &n), PST_IO_OK);
        assert_int_equal(n, 0);
    }
    struct iovec iov[16];
    static const char letters[] = "abcdefghijklmnop";
    for (size_t i = 0; i < 16; i++)
        iov[i] = (struct iovec){(void *)(uintptr_t)(letters + i), i % 4 == 1 ? 0 : 1};
    assert_int_equal(e.t->ops->writev(e.t, iov, 16, &n), PST_IO_OK);
    assert_int_equal(n, 12);
    assert_int_equal(read(e.peer, block, sizeof(block)), 12);
    assert_memory_equal(block, "acdeghiklmop", 12);
    close_ends(&e);
}

/* A stream of numbers, so that a byte that was lost, or sent twice, shows. */
static unsigned char number_at(size_t i)
{
    return (unsigned char)(i * 7 + i / 251);
}

static void test_tcp_writev__peer_reads_slowly__prefixes_and_want_wr(void **state)
{
    (void)state;
    enum { TOTAL = 1000000 };
    struct ends e = open_tcp();
    make_small(&e);
    unsigned char *data = malloc(TOTAL);
    assert_non_null(data);
    for (size_t i = 0; i < TOTAL; i++)
        data[i] = number_at(i);
    size_t sent = 0, got = 0, wants = 0, partial = 0;
    while (got < TOTAL) {
        while (sent < TOTAL) {
            size_t half = (TOTAL - sent) / 2, n = 0;
            struct iovec iov[2] = {{data + sent, half}, {data + sent + half, TOTAL - sent - half}};
            enum pst_io io = e.t->ops->writev(e.t, iov, 2, &n);
            if (io == PST_IO_WANT_WR) {
                wants++;
                break;
            }
            assert_int_equal(io, PST_IO_OK);
            assert_true(n > 0);
            partial += n < TOTAL - sent;
            sent += n;
        }
        size_t n = peer_reads(&e);
        for (size_t i = 0; i < n; i++)
            assert_int_equal((unsigned char)block[i], number_at(got + i));
        got += n;
    }
    assert_true(wants > 0 && partial > 0);
    free(data);
    close_ends(&e);
}

static void test_tcp__reset_by_peer__err_for_ever(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    size_t n;
    reset_by_peer(&e);
    wait_for(&e, POLLIN);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(do_read(&e, &n), PST_IO_ERR);
        assert_int_equal(do_write(&e, "x", &n), PST_IO_ERR);
        assert_int_equal(e.t->ops->flush(e.t), PST_IO_ERR);
        assert_int_equal(e.t->ops->shutdown(e.t), PST_IO_ERR);
        assert_true(e.t->ops->pending(e.t));
        assert_string_equal(info_of(&e).failure, "connection reset by client");
    }
    close_ends(&e);
}

/* The first write after the peer's close is answered by a reset, the second one must not raise SIGPIPE. */
static void test_tcp_writev__peer_has_closed__err_and_no_signal(void **state)
{
    (void)state;
    for (int cnt = 1; cnt <= 2; cnt++) {
        struct ends e = open_tcp();
        close(e.peer);
        e.peer = -1;
        size_t n;
        assert_int_equal(do_read(&e, &n), PST_IO_EOF);
        struct iovec iov[2] = {{block, 100}, {block, 100}};
        assert_int_equal(e.t->ops->writev(e.t, iov, cnt, &n), PST_IO_OK);
        wait_for(&e, POLLHUP);
        assert_int_equal(e.t->ops->writev(e.t, iov, cnt, &n), PST_IO_ERR);
        assert_string_equal(info_of(&e).failure, "connection reset by client");
        close_ends(&e);
    }
}

static void test_tcp_shutdown__once_and_again__peer_reads_the_end(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    size_t n;
    assert_int_equal(do_write(&e, "last", &n), PST_IO_OK);
    assert_int_equal(e.t->ops->shutdown(e.t), PST_IO_OK);
    assert_int_equal(e.t->ops->shutdown(e.t), PST_IO_OK);
    assert_int_equal(read(e.peer, block, sizeof(block)), 4);
    assert_int_equal(read(e.peer, block, sizeof(block)), 0);
    /* Reading still works, for the linger. */
    assert_int_equal(write(e.peer, "more", 4), 4);
    wait_for(&e, POLLIN);
    assert_int_equal(do_read(&e, &n), PST_IO_OK);
    assert_int_equal(n, 4);
    close(e.peer);
    e.peer = -1;
    wait_for(&e, POLLIN);
    assert_int_equal(do_read(&e, &n), PST_IO_EOF);
    close_ends(&e);
}

static void test_tcp_shutdown__after_a_reset_not_read_yet__no_crash_and_reading_tells(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    size_t n;
    reset_by_peer(&e);
    wait_for(&e, POLLIN);
    assert_int_equal(e.t->ops->shutdown(e.t), PST_IO_OK); /* ENOTCONN: there is nothing left to shut */
    assert_int_equal(e.t->ops->shutdown(e.t), PST_IO_OK);
    enum pst_io io = do_read(&e, &n);
    assert_true(io == PST_IO_ERR || io == PST_IO_EOF);
    close_ends(&e);
}

/* What the peer has not taken yet: it shrinks as it reads, and only then. */
static void test_tcp_backlog__peer_reads__shrinks_to_nothing(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    make_small(&e);
    assert_int_equal(e.t->ops->backlog(e.t), 0);
    struct iovec iov = {block, sizeof(block)};
    size_t n;
    while (e.t->ops->writev(e.t, &iov, 1, &n) == PST_IO_OK)
        ;
    uint64_t full = e.t->ops->backlog(e.t);
    assert_true(full > 0);
    for (int i = 0; e.t->ops->backlog(e.t) > 0; i++) {
        assert_true(i < 5000);
        if (peer_reads(&e) == 0)
            usleep(1000); /* until the acknowledgement is there */
    }
    close_ends(&e);
}

/* A stream that broke off must not look like one that ended. */
static void test_tcp_cut__then_destroy__peer_reads_a_reset(void **state)
{
    (void)state;
    for (int is_cut = 0; is_cut <= 1; is_cut++) {
        struct ends e = open_tcp();
        size_t n;
        assert_int_equal(do_write(&e, "half of", &n), PST_IO_OK);
        assert_int_equal(read(e.peer, block, sizeof(block)), 7);
        if (is_cut)
            e.t->ops->cut(e.t);
        e.t->ops->destroy(e.t);
        ssize_t got = read(e.peer, block, sizeof(block));
        if (is_cut)
            assert_true(got < 0 && errno == ECONNRESET);
        else
            assert_int_equal(got, 0);
        close(e.peer);
    }
}

static void test_tcp_destroy__closes_the_socket(void **state)
{
    (void)state;
    struct ends e = open_pair();
    int fd = info_of(&e).fd;
    e.t->ops->destroy(e.t);
    assert_int_equal(fcntl(fd, F_GETFD), -1);
    assert_int_equal(read(e.peer, block, 1), 0);
    close(e.peer);
}

/* ---- files ---- */

static int temporary_file(size_t len)
{
    char name[] = "/tmp/pst-test-tcp-XXXXXX";
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    unlink(name);
    for (size_t i = 0; i < len; i++) {
        unsigned char c = number_at(i);
        assert_int_equal(write(fd, &c, 1), 1);
    }
    return fd;
}

static void test_tcp_sendfile__part_of_a_file__advances_the_offset_only(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    int file = temporary_file(1000);
    assert_int_equal(lseek(file, 17, SEEK_SET), 17);
    off_t offset = 100;
    size_t n = 0;
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 300, &n), PST_IO_OK);
    assert_int_equal(n, 300);
    assert_int_equal(offset, 400);
    assert_int_equal(lseek(file, 0, SEEK_CUR), 17); /* shared with other replies: its own place stays */
    assert_int_equal(recv(e.peer, block, 300, MSG_WAITALL), 300);
    for (size_t i = 0; i < 300; i++)
        assert_int_equal((unsigned char)block[i], number_at(100 + i));
    close(file);
    close_ends(&e);
}

static void test_tcp_sendfile__file_shorter_than_asked__what_there_is_then_nothing(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    int file = temporary_file(1000);
    off_t offset = 990;
    size_t n = 99;
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 100, &n), PST_IO_OK);
    assert_int_equal(n, 10);
    assert_int_equal(offset, 1000);
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 90, &n), PST_IO_OK);
    assert_int_equal(n, 0);
    offset = 5000;
    n = 99;
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 90, &n), PST_IO_OK);
    assert_int_equal(n, 0);
    close(file);
    close_ends(&e);
}

static void test_tcp_sendfile__peer_reads_slowly__want_wr_and_every_byte_once(void **state)
{
    (void)state;
    enum { TOTAL = 1000000 };
    struct ends e = open_tcp();
    make_small(&e);
    int file = temporary_file(0);
    assert_int_equal(ftruncate(file, TOTAL), 0);
    for (off_t i = 0; i < TOTAL; i += 1000) {
        unsigned char c = number_at((size_t)i);
        assert_int_equal(pwrite(file, &c, 1, i), 1);
    }
    off_t offset = 0;
    size_t got = 0, wants = 0;
    while (got < TOTAL) {
        while (offset < TOTAL) {
            off_t before = offset;
            size_t n = 0;
            enum pst_io io = e.t->ops->sendfile(e.t, file, &offset, (size_t)(TOTAL - offset), &n);
            if (io == PST_IO_WANT_WR) {
                assert_int_equal(offset, before);
                wants++;
                break;
            }
            assert_int_equal(io, PST_IO_OK);
            assert_int_equal(offset, before + (off_t)n);
            assert_true(n > 0);
        }
        size_t n = peer_reads(&e);
        for (size_t i = 0; i < n; i++)
            if ((got + i) % 1000 == 0)
                assert_int_equal((unsigned char)block[i], number_at(got + i));
        got += n;
    }
    assert_int_equal(got, TOTAL);
    assert_true(wants > 0);
    close(file);
    close_ends(&e);
}

/* The file's fault is not the connection's: what cannot be sent this way has no bytes, and the stream goes
 * on.
 */
static void test_tcp_sendfile__descriptor_that_is_no_file__nothing_and_the_stream_is_fine(void **state)
{
    (void)state;
    struct ends e = open_tcp();
    int no_files[] = {epoll_create1(EPOLL_CLOEXEC), open("/tmp", O_RDONLY | O_DIRECTORY | O_CLOEXEC)};
    for (size_t i = 0; i < 2; i++) {
        off_t offset = 0;
        size_t n = 99;
        assert_true(no_files[i] >= 0);
        assert_int_equal(e.t->ops->sendfile(e.t, no_files[i], &offset, 10, &n), PST_IO_OK);
        assert_int_equal(n, 0);
        close(no_files[i]);
    }
    size_t n;
    assert_int_equal(do_write(&e, "fine", &n), PST_IO_OK);
    assert_int_equal(read(e.peer, block, sizeof(block)), 4);
    close_ends(&e);
}

/* sendfile has no flag against SIGPIPE: as the contract says, it is the caller who blocks it. */
static void test_tcp_sendfile__peer_has_closed__err(void **state)
{
    (void)state;
    struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
    assert_int_equal(sigaction(SIGPIPE, &ignore, &before), 0);
    struct ends e = open_tcp();
    int file = temporary_file(100);
    reset_by_peer(&e);
    wait_for(&e, POLLIN);
    off_t offset = 0;
    size_t n = 0;
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 100, &n), PST_IO_ERR);
    assert_int_equal(e.t->ops->sendfile(e.t, file, &offset, 100, &n), PST_IO_ERR);
    assert_int_equal(do_read(&e, &n), PST_IO_ERR);
    close(file);
    close_ends(&e);
    sigaction(SIGPIPE, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tcp__fresh__says_what_it_is),
        cmocka_unit_test(test_tcp_info__ipv6__shown_as_text_and_mapped_ipv4_as_ipv4),
        cmocka_unit_test(test_tcp_read__nothing_some_and_the_end__want_ok_eof),
        cmocka_unit_test(test_tcp_writev__pieces_and_nothing__in_order),
        cmocka_unit_test(test_tcp_writev__peer_reads_slowly__prefixes_and_want_wr),
        cmocka_unit_test(test_tcp__reset_by_peer__err_for_ever),
        cmocka_unit_test(test_tcp_writev__peer_has_closed__err_and_no_signal),
        cmocka_unit_test(test_tcp_shutdown__once_and_again__peer_reads_the_end),
        cmocka_unit_test(test_tcp_shutdown__after_a_reset_not_read_yet__no_crash_and_reading_tells),
        cmocka_unit_test(test_tcp_backlog__peer_reads__shrinks_to_nothing),
        cmocka_unit_test(test_tcp_cut__then_destroy__peer_reads_a_reset),
        cmocka_unit_test(test_tcp_destroy__closes_the_socket),
        cmocka_unit_test(test_tcp_sendfile__part_of_a_file__advances_the_offset_only),
        cmocka_unit_test(test_tcp_sendfile__file_shorter_than_asked__what_there_is_then_nothing),
        cmocka_unit_test(test_tcp_sendfile__peer_reads_slowly__want_wr_and_every_byte_once),
        cmocka_unit_test(test_tcp_sendfile__descriptor_that_is_no_file__nothing_and_the_stream_is_fine),
        cmocka_unit_test(test_tcp_sendfile__peer_has_closed__err),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
