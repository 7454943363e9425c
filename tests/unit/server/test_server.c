/* The public server object: its settings, error texts and certificates, starting and stopping. Over real
 * sockets of the loopback interface, on ports that the kernel chooses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <poll.h>
#include <postern/postern.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/http_client.h"
#include "support/test_certs.h"
#include "support/tls_client.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* ---- servers ---- */

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "hello");
}

static struct pst_server *new_server(void)
{
    struct pst_server *server = NULL;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.linger_ms = 50; /* some clients here never close */
    assert_int_equal(pst_server_new(&server), 0);
    assert_int_equal(pst_server_limits(server, &limits), 0);
    return server;
}

static struct pst_server *listening_server(void)
{
    struct pst_server *server = new_server();
    assert_int_equal(pst_server_handle(server, "GET /hello", on_hello, NULL), 0);
    assert_int_equal(pst_server_listen_http(server, "127.0.0.1:0"), 0);
    return server;
}

static void stop_and_free(struct pst_server *server)
{
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

/* ---- settings ---- */

#define assert_error(server, call, err, part)                                                                \
    do {                                                                                                     \
        assert_int_equal((call), (err));                                                                     \
        if (!strstr(pst_server_error(server), part))                                                         \
            fail_msg("'%s' does not say '%s'", pst_server_error(server), (part));                            \
        assert_null(strchr(pst_server_error(server), '\n'));                                                 \
    } while (0)

static void test_server__wrong_settings__one_line_says_what_to_do(void **state)
{
    (void)state;
    struct pst_server *server = new_server(), *other = new_server();
    assert_string_equal(pst_server_error(server), "");
    assert_error(server, pst_server_workers(server, 257), PST_E_RANGE, "at most 256");
    assert_error(server, pst_server_handle(server, "GET", on_hello, NULL), PST_E_SYNTAX, "\"GET\"");
    assert_error(server, pst_server_handle(server, "BREW /", on_hello, NULL), PST_E_SYNTAX, "\"BREW /\"");
    assert_int_equal(pst_server_handle(server, "GET /", on_hello, NULL), 0);
    assert_string_equal(pst_server_error(server), ""); /* success clears it */
    assert_error(server, pst_server_handle(server, "GET /", on_hello, NULL), PST_E_EXISTS, "\"GET /\"");
    assert_error(server, pst_server_handle(server, NULL, on_hello, NULL), PST_E_INVAL, "cannot mount");
    assert_error(server, pst_server_handle(server, "GET /x", NULL, NULL), PST_E_INVAL, "\"GET /x\"");

    assert_error(server, pst_server_listen_http(server, "nonsense"), PST_E_SYNTAX, "\"nonsense\"");
    assert_error(server, pst_server_listen_http(server, NULL), PST_E_SYNTAX, "127.0.0.1:8080");
    assert_error(server, pst_server_listen_http(server, "192.0.2.1:0"), PST_E_UNSUPPORTED, "192.0.2.1");
    assert_int_equal(pst_server_listen_http(other, "127.0.0.1:0"), 0);
    char address[32], port[16];
    snprintf(port, sizeof(port), "%u", http_port_of(other, 0));
    snprintf(address, sizeof(address), "127.0.0.1:%s", port);
    assert_error(server, pst_server_listen_http(server, address), PST_E_BUSY, port);
    assert_error(server, pst_server_listen_https(server, address), PST_E_BUSY, "choose another port");
    assert_error(other, pst_server_listen_http(other, address), PST_E_BUSY, port); /* its own, too */
    assert_null(pst_server_url(server, 0));
    pst_server_free(server);
    pst_server_free(other);
    pst_server_free(NULL);
}

static void test_server_start__https_without_a_certificate__says_so(void **state)
{
    (void)state;
    struct pst_server *server = new_server();
    assert_int_equal(pst_server_listen_https(server, "127.0.0.1:0"), 0);
    assert_error(server, pst_server_start(server), PST_E_STATE, "certificate");
    assert_error(server, pst_server_wait(server), PST_E_STATE, "");
    pst_server_free(server);
}

static void test_server__after_start__nothing_can_be_set_any_more(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    struct pst_limits limits;
    struct pst_observer observer = {.on_exchange = NULL};
    pst_limits_init(&limits);
    assert_int_equal(pst_server_start(server), 0);
    assert_string_equal(pst_server_error(server), "");
    assert_error(server, pst_server_start(server), PST_E_STATE, "started already");
    assert_error(server, pst_server_limits(server, &limits), PST_E_STATE, "started already");
    assert_error(server, pst_server_workers(server, 1), PST_E_STATE, "started already");
    assert_error(server, pst_server_handle(server, "GET /x", on_hello, NULL), PST_E_STATE, "started already");
    assert_error(server, pst_server_listen_http(server, "127.0.0.1:0"), PST_E_STATE, "started already");
    assert_error(server, pst_server_listen_https(server, "127.0.0.1:0"), PST_E_STATE, "started already");
    assert_error(server, pst_server_certificate(server, "a", "b"), PST_E_STATE, "started already");
    assert_error(server, pst_server_observe(server, &observer), PST_E_STATE, "started already");
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    assert_int_equal(pst_server_wait(server), PST_E_STATE);
    assert_error(server, pst_server_start(server), PST_E_STATE, "started already");
    pst_server_free(server);
}

static void test_server_url__table__as_a_person_would_type_it(void **state)
{
    (void)state;
    static const struct {
        const char *address, *begin;
        bool is_secure;
    } rows[] = {
        {"127.0.0.1:0", "http://127.0.0.1:", false}, {"localhost:0", "http://localhost:", false},
        {"0", "https://localhost:", true},           {"*:0", "http://localhost:", false},
        {"[::1]:0", "http://[::1]:", false},
    };
    struct pst_server *server = new_server();
    size_t count = COUNT(rows);
    if (pst_server_listen_http(server, "[::1]:0") != 0)
        count--; /* no IPv6 here */
    pst_server_free(server);
    server = new_server();
    for (size_t i = 0; i < count; i++) {
        int err = rows[i].is_secure ? pst_server_listen_https(server, rows[i].address)
                                    : pst_server_listen_http(server, rows[i].address);
        assert_int_equal(err, 0);
        const char *url = pst_server_url(server, i);
        assert_non_null(url);
        size_t len = strlen(rows[i].begin);
        assert_true(strncmp(url, rows[i].begin, len) == 0);
        char *end;
        unsigned long port = strtoul(url + len, &end, 10);
        assert_true(port > 0 && port < 65536);
        assert_string_equal(end, "/");
        assert_null(pst_server_url(server, i + 1));
    }
    pst_server_free(server);
}

/* ---- certificates ---- */

static void write_file(char *name, const char *text)
{
    int fd = mkostemp(name, O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

static void test_server_certificate__unusable__names_the_file(void **state)
{
    (void)state;
    char cert[] = "/tmp/pst-test-cert-XXXXXX", key[] = "/tmp/pst-test-key-XXXXXX",
         bad[] = "/tmp/pst-test-bad-XXXXXX", other[] = "/tmp/pst-test-other-XXXXXX";
    write_file(cert, test_cert_ec()->cert);
    write_file(key, test_cert_ec()->key);
    write_file(other, test_cert_rsa()->key);
    write_file(bad, "no PEM at all\n");
    struct pst_server *server = new_server();
    assert_error(server, pst_server_certificate(server, "/nowhere/cert.pem", key), PST_E_NOENT,
                 "/nowhere/cert.pem");
    assert_error(server, pst_server_certificate(server, cert, "/nowhere/key.pem"), PST_E_NOENT,
                 "/nowhere/key.pem");
    assert_error(server, pst_server_certificate(server, "/tmp", key), PST_E_IO, "/tmp");
    assert_error(server, pst_server_certificate(server, "/dev/zero", key), PST_E_IO, "/dev/zero");
    assert_error(server, pst_server_certificate(server, bad, key), PST_E_CERT, bad);
    assert_error(server, pst_server_certificate(server, cert, bad), PST_E_KEY, bad);
    assert_error(server, pst_server_certificate(server, cert, other), PST_E_MISMATCH, cert);
    assert_int_equal(pst_server_certificate(server, cert, key), 0);
    assert_string_equal(pst_server_error(server), "");
    assert_int_equal(pst_server_certificate(server, cert, key), 0); /* replaces the one before */
    pst_server_free(server);
    unlink(cert);
    unlink(key);
    unlink(bad);
    unlink(other);
}

static void test_server__https_on_two_workers__each_serves(void **state)
{
    (void)state;
    char cert[] = "/tmp/pst-test-cert-XXXXXX", key[] = "/tmp/pst-test-key-XXXXXX";
    write_file(cert, test_cert_ec()->cert);
    write_file(key, test_cert_ec()->key);
    struct pst_server *server = new_server();
    assert_int_equal(pst_server_handle(server, "GET /hello", on_hello, NULL), 0);
    assert_int_equal(pst_server_workers(server, 2), 0);
    assert_int_equal(pst_server_certificate(server, cert, key), 0);
    assert_int_equal(pst_server_listen_https(server, "127.0.0.1:0"), 0);
    assert_int_equal(pst_server_start(server), 0);
    enum { CLIENTS = 8 };
    for (int i = 0; i < CLIENTS; i++) {
        static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
        int fd = http_client_of(server);
        assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
        struct tls_client_options options = {.ca = test_cert_ec()->cert};
        struct tls_client *c = tls_client_new(fd, &options);
        char got[512];
        size_t len = 0;
        bool is_asked = false;
        got[0] = '\0';
        while (!strstr(got, "\r\n\r\nhello")) {
            struct pollfd p = {.fd = fd, .events = POLLIN};
            assert_true(tls_client_step(c));
            if (c->is_open && !is_asked) {
                tls_client_write(c, request, sizeof(request) - 1);
                is_asked = true;
                continue;
            }
            int n = c->is_open ? tls_client_read(c, got + len, sizeof(got) - 1 - len) : TLS_CLIENT_AGAIN;
            assert_true(n > 0 || n == TLS_CLIENT_AGAIN);
            if (n > 0)
                got[len += (size_t)n] = '\0';
            else
                assert_int_equal(poll(&p, 1, HTTP_CLIENT_PATIENCE_S * 1000), 1);
        }
        tls_client_free(c);
    }
    stop_and_free(server);
    unlink(cert);
    unlink(key);
}

/* ---- start, serve, stop ---- */

static void test_server__started__serves_who_connected_before_and_after(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    int early = http_client_of(server); /* waits in the kernel */
    http_asks(early, "/hello");
    assert_int_equal(pst_server_start(server), 0);
    assert_string_equal(http_body_of(http_answer(early)), "hello");
    int late = http_client_of(server);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(http_gets(late, "/hello"), "hello");
        assert_string_equal(http_gets(early, "/hello"), "hello");
    }
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    assert_string_equal(http_answer(early), ""); /* idle connections are closed */
    assert_string_equal(http_answer(late), "");
    close(early);
    close(late);
    pst_server_free(server);
}

/* More than one turn of the loop accepts. */
static void test_server__many_waiting_at_the_start__all_served(void **state)
{
    (void)state;
    enum { MANY = 150 };
    struct pst_server *server = listening_server();
    int fds[MANY];
    for (size_t i = 0; i < MANY; i++) {
        fds[i] = http_client_of(server);
        http_asks(fds[i], "/hello");
    }
    assert_int_equal(pst_server_workers(server, 0), 0); /* one a CPU */
    assert_int_equal(pst_server_start(server), 0);
    for (size_t i = 0; i < MANY; i++) {
        assert_string_equal(http_body_of(http_answer(fds[i])), "hello");
        close(fds[i]);
    }
    stop_and_free(server);
}

static void test_server_stop__before_start__ends_at_once(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    pst_server_stop(server);
    assert_int_equal(pst_server_start(server), 0);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

static void test_server_free__never_started__gives_the_port_back(void **state)
{
    (void)state;
    struct pst_server *server = listening_server();
    unsigned port = http_port_of(server, 0);
    pst_server_free(server);
    assert_int_equal(http_connect(port), -1);
}

static void test_server__two_servers_in_one_process__each_its_own(void **state)
{
    (void)state;
    struct pst_server *a = listening_server(), *b = listening_server();
    assert_int_equal(pst_server_start(a), 0);
    assert_int_equal(pst_server_start(b), 0);
    int fd = http_client_of(b);
    stop_and_free(a);
    assert_string_equal(http_gets(fd, "/hello"), "hello");
    stop_and_free(b);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_server__wrong_settings__one_line_says_what_to_do),
        cmocka_unit_test(test_server_start__https_without_a_certificate__says_so),
        cmocka_unit_test(test_server__after_start__nothing_can_be_set_any_more),
        cmocka_unit_test(test_server_url__table__as_a_person_would_type_it),
        cmocka_unit_test(test_server_certificate__unusable__names_the_file),
        cmocka_unit_test(test_server__https_on_two_workers__each_serves),
        cmocka_unit_test(test_server__started__serves_who_connected_before_and_after),
        cmocka_unit_test(test_server__many_waiting_at_the_start__all_served),
        cmocka_unit_test(test_server_stop__before_start__ends_at_once),
        cmocka_unit_test(test_server_free__never_started__gives_the_port_back),
        cmocka_unit_test(test_server__two_servers_in_one_process__each_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
