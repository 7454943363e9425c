/* Listening: addresses as people write them, who may share a port, and what accept can say. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "postern/err.h"
#include "transport/listener.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- addresses ---- */

static void address_text(const struct pst_listen_addr *a, char *dst, size_t cap)
{
    char ip[INET6_ADDRSTRLEN];
    if (a->addr.ss_family == AF_INET) {
        struct sockaddr_in in = {.sin_family = 0};
        assert_int_equal(a->len, sizeof(in));
        memcpy(&in, &a->addr, sizeof(in));
        inet_ntop(AF_INET, &in.sin_addr, ip, sizeof(ip));
        snprintf(dst, cap, "%s:%d", ip, ntohs(in.sin_port));
    } else {
        struct sockaddr_in6 in6;
        assert_int_equal(a->addr.ss_family, AF_INET6);
        assert_int_equal(a->len, sizeof(in6));
        memcpy(&in6, &a->addr, sizeof(in6));
        inet_ntop(AF_INET6, &in6.sin6_addr, ip, sizeof(ip));
        snprintf(dst, cap, "[%s]:%d", ip, ntohs(in6.sin6_port));
    }
}

static void test_listen_parse__table__addresses(void **state)
{
    (void)state;
    static const struct {
        const char *text, *first, *second;
    } rows[] = {
        {"8080", "127.0.0.1:8080", "[::1]:8080"},
        {"0", "127.0.0.1:0", "[::1]:0"},
        {"65535", "127.0.0.1:65535", "[::1]:65535"},
        {"localhost:80", "127.0.0.1:80", "[::1]:80"},
        {"*:443", "0.0.0.0:443", "[::]:443"},
        {"127.0.0.1:8080", "127.0.0.1:8080", NULL},
        {"0.0.0.0:1", "0.0.0.0:1", NULL},
        {"192.0.2.77:8080", "192.0.2.77:8080", NULL},
        {"[::1]:8080", "[::1]:8080", NULL},
        {"[::]:8080", "[::]:8080", NULL},
        {"[2001:db8:0:0:0:0:0:1]:9", "[2001:db8::1]:9", NULL},
        {"[::ffff:192.0.2.1]:9", "[::ffff:192.0.2.1]:9", NULL},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
        size_t count = 0;
        char text[64];
        assert_int_equal(pst_listen_parse(rows[i].text, addrs, &count), 0);
        assert_int_equal(count, rows[i].second ? 2 : 1);
        address_text(&addrs[0], text, sizeof(text));
        assert_string_equal(text, rows[i].first);
        if (count == 2) {
            address_text(&addrs[1], text, sizeof(text));
            assert_string_equal(text, rows[i].second);
        }
    }
}

static void test_listen_parse__table__syntax_errors(void **state)
{
    (void)state;
    static const char *const rows[] = {
        "",
        ":",
        ":80",
        "80:",
        "*",
        "localhost",
        "localhost:",
        "localhost:http",
        "65536",
        "-1",
        "+80",
        " 80",
        "80 ",
        "8o",
        "0x50",
        "99999999999999999999999999",
        "127.0.0.1",
        "127.0.0.1:",
        "127.0.0.1:80:",
        "127.0.0.1 :80",
        "127.0.0:80",
        "127.0.0.256:80",
        "127.1:80",
        "::1:80", /* which colon? */
        "[::1]",
        "[::1]80",
        "[::1:80",
        "::1]:80",
        "[]:80",
        "[:80",
        "]:80",
        "[127.0.0.1]:80",
        "[localhost]:80",
        "[::1%lo]:80",
        "[::g]:80",
        "example.net:80", /* names are not looked up */
        "**:80",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa:80",
        "[0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000]:80",
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
        size_t count = 0;
        if (pst_listen_parse(rows[i], addrs, &count) != PST_E_SYNTAX)
            fail_msg("'%s' was taken", rows[i]);
    }
}

/* ---- opening ---- */

static struct pst_listen_addr parsed(const char *text)
{
    struct pst_listen_addr addrs[PST_LISTEN_ADDRS_MAX];
    size_t count = 0;
    assert_int_equal(pst_listen_parse(text, addrs, &count), 0);
    return addrs[0];
}

static int open_first(struct pst_listen_addr *addr)
{
    int fd = -1;
    assert_int_equal(pst_listen_open(addr, -1, &fd), 0);
    assert_true(fd >= 0);
    return fd;
}

static int option_of(int fd, int level, int option)
{
    int value = 0;
    socklen_t len = sizeof(value);
    assert_int_equal(getsockopt(fd, level, option, &value, &len), 0);
    return value;
}

static int connect_to(const struct pst_listen_addr *addr)
{
    int fd = socket(addr->addr.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&addr->addr, addr->len), 0);
    return fd;
}

static bool has_ipv6(void)
{
    struct pst_listen_addr addr = parsed("[::1]:0");
    int fd = -1;
    if (pst_listen_open(&addr, -1, &fd) != 0)
        return false;
    close(fd);
    return true;
}

static void test_listen_open__port_0__is_replaced_by_a_free_one(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int fd = open_first(&addr);
    struct sockaddr_in in = {.sin_family = 0};
    memcpy(&in, &addr.addr, sizeof(in));
    assert_int_not_equal(in.sin_port, 0);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    int client = connect_to(&addr); /* it listens already */
    close(client);
    close(fd);
}

static void test_listen_open__ipv6__does_not_take_the_ipv4_port(void **state)
{
    (void)state;
    if (!has_ipv6())
        skip();
    struct pst_listen_addr addr = parsed("[::]:0"), v4 = parsed("0.0.0.0:0");
    int fd = open_first(&addr);
    assert_int_equal(option_of(fd, IPPROTO_IPV6, IPV6_V6ONLY), 1);
    struct sockaddr_in6 in6;
    struct sockaddr_in in = {.sin_family = 0};
    memcpy(&in6, &addr.addr, sizeof(in6));
    memcpy(&in, &v4.addr, sizeof(in));
    in.sin_port = in6.sin6_port;
    memcpy(&v4.addr, &in, sizeof(in));
    int other = -1;
    int err = pst_listen_open(&v4, -1, &other); /* unless somebody else has it by chance */
    assert_true(err == 0 || err == PST_E_BUSY);
    if (err == 0)
        close(other);
    close(fd);
}

static void test_listen_open__second_opener__refused_as_busy(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int fd = open_first(&addr), other = -1;
    errno = 0;
    assert_int_equal(pst_listen_open(&addr, -1, &other), PST_E_BUSY);
    assert_int_equal(errno, EADDRINUSE);
    assert_int_equal(other, -1);
    /* Also while our own workers share it. */
    int second = -1;
    assert_int_equal(pst_listen_open(&addr, fd, &second), 0);
    assert_int_equal(pst_listen_open(&addr, -1, &other), PST_E_BUSY);
    close(fd);
    assert_int_equal(pst_listen_open(&addr, -1, &other), PST_E_BUSY);
    close(second);
    /* And all addresses at once, where one of them is taken. */
    fd = open_first(&addr);
    struct pst_listen_addr all = parsed("0.0.0.0:0");
    struct sockaddr_in in, any;
    memcpy(&in, &addr.addr, sizeof(in));
    memcpy(&any, &all.addr, sizeof(any));
    any.sin_port = in.sin_port;
    memcpy(&all.addr, &any, sizeof(any));
    assert_int_equal(pst_listen_open(&all, -1, &other), PST_E_BUSY);
    close(fd);
    /* Once it is free again it can be had at once. */
    fd = open_first(&addr);
    close(fd);
}

/* A server in another process that sets SO_REUSEPORT, as many do, and listens already. */
static void test_listen_open__another_process_shares_its_port__refused_all_the_same(void **state)
{
    (void)state;
    int up[2], down[2];
    assert_int_equal(pipe(up), 0);
    assert_int_equal(pipe(down), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        socklen_t len = sizeof(in);
        int on = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
        char byte;
        bool ok = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 &&
                  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
                  bind(fd, (struct sockaddr *)&in, len) == 0 && listen(fd, 5) == 0 &&
                  getsockname(fd, (struct sockaddr *)&in, &len) == 0 &&
                  write(up[1], &in, sizeof(in)) == (ssize_t)sizeof(in) && read(down[0], &byte, 1) == 1;
        _exit(ok ? 0 : 1);
    }
    struct sockaddr_in in = {.sin_family = 0};
    assert_int_equal(read(up[0], &in, sizeof(in)), sizeof(in));
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    memcpy(&addr.addr, &in, sizeof(in));
    int fd = -1;
    assert_int_equal(pst_listen_open(&addr, -1, &fd), PST_E_BUSY);
    assert_int_equal(write(down[1], "x", 1), 1);
    int status = 1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    for (size_t i = 0; i < 2; i++) {
        close(up[i]);
        close(down[i]);
    }
}

/* And one that comes later: with a single worker there is nothing to be shared, whoever asks. (With several,
 * the kernel lets any program of the same user in that asks for SO_REUSEPORT.) */
static void test_listen_open__alone__nobody_can_join_later(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int fd = open_first(&addr), on = 1;
    int intruder = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(setsockopt(intruder, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)), 0);
    assert_int_equal(bind(intruder, (struct sockaddr *)&addr.addr, addr.len), -1);
    assert_int_equal(errno, EADDRINUSE);
    close(intruder);
    close(fd);
}

/* Our own workers: each socket gets its share of the connections, the first one, which was bound before
 * sharing was allowed, too. */
static void test_listen_open__further_workers__connections_reach_every_socket(void **state)
{
    (void)state;
    enum { SOCKETS = 3, CLIENTS = 120 };
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int fds[SOCKETS], clients[CLIENTS];
    fds[0] = open_first(&addr);
    for (size_t i = 1; i < SOCKETS; i++)
        assert_int_equal(pst_listen_open(&addr, fds[0], &fds[i]), 0);
    for (size_t i = 0; i < CLIENTS; i++)
        clients[i] = connect_to(&addr);
    size_t total = 0;
    for (size_t i = 0; i < SOCKETS; i++) {
        size_t count = 0;
        int fd;
        struct sockaddr_storage peer;
        socklen_t len;
        while (pst_listen_accept(fds[i], &fd, &peer, &len) == PST_ACCEPT_OK) {
            close(fd);
            count++;
        }
        if (count == 0)
            fail_msg("socket %zu of %d got none of %d connections", i, SOCKETS, CLIENTS);
        total += count;
        close(fds[i]);
    }
    assert_int_equal(total, CLIENTS);
    for (size_t i = 0; i < CLIENTS; i++)
        close(clients[i]);
}

static void test_listen_open__no_address_of_this_machine__unsupported(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("192.0.2.1:0"); /* RFC 5737: for documentation only */
    int fd = -1;
    assert_int_equal(pst_listen_open(&addr, -1, &fd), PST_E_UNSUPPORTED);
    assert_int_equal(fd, -1);
    addr.addr.ss_family = 77;
    assert_int_equal(pst_listen_open(&addr, -1, &fd), PST_E_UNSUPPORTED);
}

static void test_listen_open__out_of_descriptors__system_error(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    int fd = -1, err = pst_listen_open(&addr, -1, &fd), saved = errno;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(err, PST_E_SYSTEM);
    assert_int_equal(saved, EMFILE);
    assert_int_equal(fd, -1);
}

/* ---- accepting ---- */

static void test_listen_accept__one_waiting_then_none__ok_then_empty(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int listening = open_first(&addr), fd = -1;
    struct sockaddr_storage peer;
    socklen_t len;
    assert_int_equal(pst_listen_accept(listening, &fd, &peer, &len), PST_ACCEPT_EMPTY);
    int client = connect_to(&addr);
    assert_int_equal(pst_listen_accept(listening, &fd, &peer, &len), PST_ACCEPT_OK);
    assert_int_equal(pst_listen_accept(listening, &(int){-1}, &peer, &len), PST_ACCEPT_EMPTY);
    assert_true(fcntl(fd, F_GETFL) & O_NONBLOCK);
    assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
    assert_int_equal(option_of(fd, IPPROTO_TCP, TCP_NODELAY), 1);
    close(fd);
    close(client);
    close(listening);
}

static void test_listen_accept__peer__is_the_clients_address(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int listening = open_first(&addr), client = connect_to(&addr), fd = -1;
    struct sockaddr_storage peer;
    socklen_t len = 0;
    assert_int_equal(pst_listen_accept(listening, &fd, &peer, &len), PST_ACCEPT_OK);
    struct sockaddr_in in = {.sin_family = 0}, mine = {.sin_family = 0};
    socklen_t mine_len = sizeof(mine);
    assert_int_equal(len, sizeof(in));
    memcpy(&in, &peer, sizeof(in));
    assert_int_equal(getsockname(client, (struct sockaddr *)&mine, &mine_len), 0);
    assert_int_equal(in.sin_port, mine.sin_port);
    assert_int_equal(in.sin_addr.s_addr, htonl(INADDR_LOOPBACK));
    close(fd);
    close(client);
    close(listening);
}

/* No descriptor left: the connection stays in the queue, and comes once there is one again. */
static void test_listen_accept__out_of_descriptors__full_and_nothing_lost(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int listening = open_first(&addr), client = connect_to(&addr), fd = -1;
    struct sockaddr_storage peer;
    socklen_t len;
    struct rlimit before;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &before), 0);
    struct rlimit none = {.rlim_cur = 0, .rlim_max = before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &none), 0);
    enum pst_accept first = pst_listen_accept(listening, &fd, &peer, &len);
    enum pst_accept second = pst_listen_accept(listening, &fd, &peer, &len);
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(first, PST_ACCEPT_FULL);
    assert_int_equal(second, PST_ACCEPT_FULL);
    assert_int_equal(pst_listen_accept(listening, &fd, &peer, &len), PST_ACCEPT_OK);
    close(fd);
    close(client);
    close(listening);
}

static void test_listen_accept__no_listening_socket__broken(void **state)
{
    (void)state;
    int fd = -1, plain = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), pipes[2];
    struct sockaddr_storage peer;
    socklen_t len;
    assert_int_equal(pipe(pipes), 0);
    assert_int_equal(pst_listen_accept(-1, &fd, &peer, &len), PST_ACCEPT_BROKEN);
    assert_int_equal(pst_listen_accept(plain, &fd, &peer, &len), PST_ACCEPT_BROKEN);
    assert_int_equal(pst_listen_accept(pipes[0], &fd, &peer, &len), PST_ACCEPT_BROKEN);
    close(plain);
    close(pipes[0]);
    close(pipes[1]);
}

/* A client that has gone by the time it is accepted, by FIN or by reset, is no error of the listener's. */
static void test_listen_accept__client_has_gone__the_next_one_still_comes(void **state)
{
    (void)state;
    struct pst_listen_addr addr = parsed("127.0.0.1:0");
    int listening = open_first(&addr), gone = connect_to(&addr), fd = -1;
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(gone, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(gone);
    int client = connect_to(&addr);
    struct sockaddr_storage peer;
    socklen_t len;
    struct sockaddr_in in = {.sin_family = 0}, mine = {.sin_family = 0};
    socklen_t mine_len = sizeof(mine);
    assert_int_equal(getsockname(client, (struct sockaddr *)&mine, &mine_len), 0);
    for (;;) {
        enum pst_accept ret = pst_listen_accept(listening, &fd, &peer, &len);
        if (ret == PST_ACCEPT_AGAIN)
            continue;
        assert_int_equal(ret, PST_ACCEPT_OK);
        close(fd);
        memcpy(&in, &peer, sizeof(in));
        if (in.sin_port == mine.sin_port)
            break;
    }
    close(client);
    close(listening);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_listen_parse__table__addresses),
        cmocka_unit_test(test_listen_parse__table__syntax_errors),
        cmocka_unit_test(test_listen_open__port_0__is_replaced_by_a_free_one),
        cmocka_unit_test(test_listen_open__ipv6__does_not_take_the_ipv4_port),
        cmocka_unit_test(test_listen_open__second_opener__refused_as_busy),
        cmocka_unit_test(test_listen_open__another_process_shares_its_port__refused_all_the_same),
        cmocka_unit_test(test_listen_open__alone__nobody_can_join_later),
        cmocka_unit_test(test_listen_open__further_workers__connections_reach_every_socket),
        cmocka_unit_test(test_listen_open__no_address_of_this_machine__unsupported),
        cmocka_unit_test(test_listen_open__out_of_descriptors__system_error),
        cmocka_unit_test(test_listen_accept__one_waiting_then_none__ok_then_empty),
        cmocka_unit_test(test_listen_accept__peer__is_the_clients_address),
        cmocka_unit_test(test_listen_accept__out_of_descriptors__full_and_nothing_lost),
        cmocka_unit_test(test_listen_accept__no_listening_socket__broken),
        cmocka_unit_test(test_listen_accept__client_has_gone__the_next_one_still_comes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
