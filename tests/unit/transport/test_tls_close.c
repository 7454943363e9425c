/* How a TLS connection ends: close_notify, FIN, half-close, cut and broken records, floods. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support/tls_door.h"

static const struct tls_client_options only_12 = {.versions = PST_TLS_12_ONLY};
static const struct tls_client_options only_13 = {.versions = PST_TLS_13_ONLY};

static void assert_read(struct tls_door *d, const char *expected)
{
    char got[256];
    size_t n = 0;
    assert_int_equal(d->t->ops->read(d->t, got, sizeof(got), &n), PST_IO_OK);
    assert_int_equal(n, strlen(expected));
    assert_memory_equal(got, expected, n);
}

static void assert_ended(struct tls_door *d, enum pst_io how, const char *failure)
{
    char got[16];
    size_t n;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(d->t->ops->read(d->t, got, sizeof(got), &n), how);
        assert_false(d->t->ops->pending(d->t));
    }
    assert_string_equal(tls_door_failure(d), failure);
}

/* RFC 8446 6.1 Closure Alerts; RFC 5246 7.2.1. */
static void test_tls__client_ends__is_eof_with_close_notify_and_trunc_without(void **state)
{
    (void)state;
    static const struct {
        const char *data;
        bool has_notify, has_fin;
    } cases[] = {
        {NULL, true, false},         {NULL, true, true},         {NULL, false, true},
        {"last words", true, false}, {"last words", true, true}, {"last words", false, true},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const char *data = cases[i / 2].data;
        bool notify = cases[i / 2].has_notify;
        tls_door_open(&d, i % 2 ? &only_12 : &only_13);
        if (data)
            tls_client_write(d.c, data, strlen(data));
        if (notify)
            tls_client_close_notify(d.c);
        tls_client_step(d.c); /* in one send */
        if (cases[i / 2].has_fin)
            shutdown(d.c->fd, SHUT_WR);
        if (data) {
            assert_read(&d, data);
            /* Only what the socket says may tell of a FIN that stands alone. */
            assert_true(d.t->ops->pending(d.t) || !notify);
        }
        assert_ended(&d, notify ? PST_IO_EOF : PST_IO_TRUNC,
                     notify ? "" : "client closed without TLS close_notify");
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__client_half_closes__server_still_answers(void **state)
{
    (void)state;
    enum { LEN = 300000 };
    char *data = calloc(1, LEN), *got = calloc(1, LEN + 1);
    memset(data, 'a', LEN);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        tls_client_write(d.c, "question", 8);
        tls_client_close_notify(d.c);
        tls_client_step(d.c);
        shutdown(d.c->fd, SHUT_WR);
        assert_read(&d, "question");
        assert_ended(&d, PST_IO_EOF, "");
        size_t written = 0, received = 0, n = 0;
        bool is_shut = false;
        for (;;) {
            struct iovec iov = {data + written, LEN - written};
            if (written < LEN && d.t->ops->writev(d.t, &iov, 1, &n) == PST_IO_OK)
                written += n;
            if (written == LEN && !is_shut)
                is_shut = d.t->ops->shutdown(d.t) == PST_IO_OK;
            int part = tls_client_read(d.c, got + received, LEN + 1 - received);
            if (part == TLS_CLIENT_EOF)
                break;
            assert_true(part > 0 || part == TLS_CLIENT_AGAIN);
            received += part > 0 ? (size_t)part : 0;
        }
        assert_true(is_shut);
        assert_int_equal(received, LEN);
        assert_memory_equal(got, data, LEN);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
    free(got);
}

static void test_tls__server_shuts_down__client_sees_it_and_can_still_send(void **state)
{
    (void)state;
    char got[16];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        struct iovec iov = {"bye", 3};
        assert_int_equal(d.t->ops->writev(d.t, &iov, 1, &n), PST_IO_OK);
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        assert_int_equal(d.t->ops->writev(d.t, &iov, 1, &n), PST_IO_ERR);
        assert_int_equal(d.t->ops->flush(d.t), PST_IO_OK);
        assert_int_equal(tls_client_read(d.c, got, sizeof(got)), 3);
        assert_int_equal(tls_client_read(d.c, got, sizeof(got)), TLS_CLIENT_EOF);
        assert_true(d.c->is_eof);
        tls_client_write(d.c, "wait", 4);
        tls_client_close_notify(d.c);
        tls_client_step(d.c);
        assert_read(&d, "wait");
        assert_ended(&d, PST_IO_EOF, "");
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__record_cut_at_each_byte_then_fin__is_trunc(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        size_t whole = SIZE_MAX;
        for (size_t cut = 0; cut < whole; cut++) {
            tls_door_open(&d, v13 ? &only_13 : &only_12);
            tls_client_write(d.c, "whole", 5);
            size_t first = d.c->out.len;
            tls_client_write(d.c, "cut", 3);
            tls_client_close_notify(d.c);
            whole = d.c->out.len - first;
            assert_int_equal(send(d.c->fd, d.c->out.data, first + cut, 0), first + cut);
            d.c->out.len = 0;
            shutdown(d.c->fd, SHUT_WR);
            char got[16];
            size_t n = 0, total = 0;
            while (d.t->ops->read(d.t, got + total, sizeof(got) - total, &n) == PST_IO_OK)
                total += n;
            assert_true(total == 5 || (total == 8 && cut > 3));
            assert_memory_equal(got, "wholecut", total);
            assert_ended(&d, PST_IO_TRUNC, "client closed without TLS close_notify");
            tls_door_close(&d);
        }
    }
    tls_door_fini(&d);
}

static void test_tls__garbled_record__is_an_error_and_told_by_alert(void **state)
{
    (void)state;
    char got[16];
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        tls_client_write(d.c, "good", 4);
        tls_client_write(d.c, "evil", 4);
        d.c->out.data[d.c->out.len - 1] ^= 1;
        tls_client_step(d.c);
        assert_read(&d, "good"); /* what came before it is still delivered */
        assert_ended(&d, PST_IO_ERR, "TLS record failed authentication");
        size_t n;
        struct iovec iov = {"x", 1};
        assert_int_equal(d.t->ops->writev(d.t, &iov, 1, &n), PST_IO_ERR);
        assert_int_equal(tls_client_read(d.c, got, sizeof(got)), TLS_CLIENT_ERROR);
        assert_int_equal(d.c->alert, MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

/* Over a SOCK_SEQPACKET pair each send is one message. */
static void test_tls__shutdown__takes_the_last_reply_along(void **state)
{
    (void)state;
    unsigned char message[4096];
    char got[16];
    size_t n;
    struct iovec iov = {"reply", 5};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_connect(&d, SOCK_SEQPACKET, NULL);
    assert_int_equal(tls_door_shake(&d), PST_IO_OK);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->writev(d.t, &iov, 1, &n), PST_IO_OK);
    assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
    ssize_t len = recv(d.c->fd, message, sizeof(message), 0);
    assert_true(len > 0);
    assert_int_equal(recv(d.c->fd, got, sizeof(got), 0), 0); /* nothing but the end follows */
    tls_bytes_add(&d.c->in, message, (size_t)len);
    assert_int_equal(tls_client_read(d.c, got, sizeof(got)), 5);
    assert_memory_equal(got, "reply", 5);
    assert_int_equal(tls_client_read(d.c, got, sizeof(got)), TLS_CLIENT_EOF);
    tls_door_fini(&d);
}

static void test_tls__connection_reset__is_named(void **state)
{
    (void)state;
    char got[16];
    size_t n;
    struct iovec iov = {"unread", 6};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int by_write = 0; by_write < 2; by_write++) {
        tls_door_open(&d, NULL);
        assert_int_equal(d.t->ops->writev(d.t, &iov, 1, &n), PST_IO_OK);
        assert_true(tls_door_flush(&d));
        tls_client_free(d.c); /* closes with unread bytes: a reset */
        d.c = NULL;
        if (by_write) {
            (void)d.t->ops->writev(d.t, &iov, 1, &n);
            assert_int_equal(d.t->ops->flush(d.t), PST_IO_ERR);
        } else {
            assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_ERR);
        }
        assert_ended(&d, PST_IO_ERR, "connection reset by client");
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_ERR);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__destroyed_with_unsent_bytes__gives_every_buffer_back(void **state)
{
    (void)state;
    static char data[1 << 20];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, NULL);
    struct iovec iov = {data, sizeof(data)};
    while (d.t->ops->writev(d.t, &iov, 1, &n) == PST_IO_OK)
        ;
    assert_int_equal(d.pools.wires.live_count, 1);
    tls_client_write(d.c, "abcdef", 6);
    assert_int_equal(send(d.c->fd, d.c->out.data, d.c->out.len, 0), d.c->out.len);
    assert_int_equal(d.t->ops->read(d.t, data, 1, &n), PST_IO_OK);
    tls_door_fini(&d); /* looks at the pools */
}

/* ---- records that Mbed TLS has no function to make ---- */

#if defined(POSTERN_OWN_MBEDTLS)
/* Not in a public header: seals out_msg as a record of type out_msgtype. */
int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush);

static void client_sends(struct tls_client *c, int type, const void *data, size_t len)
{
    c->ssl.MBEDTLS_PRIVATE(out_msgtype) = type;
    c->ssl.MBEDTLS_PRIVATE(out_msglen) = len;
    if (len > 0)
        memcpy(c->ssl.MBEDTLS_PRIVATE(out_msg), data, len);
    assert_int_equal(mbedtls_ssl_write_record(&c->ssl, 1), 0);
}

/* RFC 8446 4.6.3 Key and Initialization Vector Update. Mbed TLS 3.6 ends the connection (its issue 10881); so
 * be it, but the log says why. */
static void test_tls__key_update__ends_the_connection_and_is_named(void **state)
{
    (void)state;
    char got[16];
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &only_13);
    client_sends(d.c, MBEDTLS_SSL_MSG_HANDSHAKE, "\x18\x00\x00\x01\x00", 5);
    tls_client_step(d.c);
    assert_ended(&d, PST_IO_ERR, "client asked for a TLS key update, which Mbed TLS cannot do");
    assert_int_equal(tls_client_read(d.c, got, sizeof(got)), TLS_CLIENT_ERROR);
    assert_int_equal(d.c->alert, MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
    tls_door_fini(&d);
}

/* RFC 5246 7.2.2 no_renegotiation: a warning, and the connection goes on. */
static void test_tls__renegotiation__is_refused_and_the_connection_goes_on(void **state)
{
    (void)state;
    static const char hello[] = "\x01\x00\x00\x02\x03\x03";
    char got[256];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &only_12);
    client_sends(d.c, MBEDTLS_SSL_MSG_HANDSHAKE, hello, 6);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_WANT_RD);
    assert_int_equal(d.pools.wires.live_count, 0);
    assert_true(recv(d.c->fd, got, sizeof(got), MSG_PEEK) > 7); /* the refusal is on its way */
    client_sends(d.c, MBEDTLS_SSL_MSG_HANDSHAKE, hello, 6);
    tls_client_write(d.c, "go on", 5);
    tls_client_step(d.c);
    assert_read(&d, "go on");
    tls_door_close(&d);

    /* A client that asks on and on and never reads the refusals. */
    static char data[1 << 20];
    tls_door_open(&d, &only_12);
    struct iovec iov = {data, sizeof(data)};
    while (d.t->ops->writev(d.t, &iov, 1, &n) == PST_IO_OK)
        ;
    enum pst_io result = PST_IO_WANT_RD;
    for (int i = 0; i < 1000 && result == PST_IO_WANT_RD; i++) {
        client_sends(d.c, MBEDTLS_SSL_MSG_HANDSHAKE, hello, 6);
        assert_int_equal(send(d.c->fd, d.c->out.data, d.c->out.len, 0), d.c->out.len);
        d.c->out.len = 0;
        result = d.t->ops->read(d.t, got, sizeof(got), &n);
    }
    assert_int_equal(result, PST_IO_ERR);
    assert_string_equal(tls_door_failure(&d), "client floods with TLS renegotiation");
    tls_door_fini(&d);
}

static void test_tls__empty_records__are_passed_over_but_not_without_end(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        char got[16];
        size_t n;
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        for (int i = 0; i < 3; i++) {
            client_sends(d.c, MBEDTLS_SSL_MSG_APPLICATION_DATA, NULL, 0);
            if (i % 2)
                tls_client_step(d.c);
            if (i == 1)
                assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_WANT_RD);
        }
        tls_client_write(d.c, "full", 4);
        tls_client_step(d.c);
        assert_read(&d, "full");
        for (int i = 0; i < 10; i++)
            client_sends(d.c, MBEDTLS_SSL_MSG_APPLICATION_DATA, NULL, 0);
        tls_client_step(d.c);
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_ERR);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__endless_warnings__end_the_connection(void **state)
{
    (void)state;
    char got[16];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &only_12);
    int large = 1 << 20;
    setsockopt(d.c->fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large));
    while (d.c->out.len < 100000)
        client_sends(d.c, MBEDTLS_SSL_MSG_ALERT, "\x01\x70", 2);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_ERR);
    assert_string_equal(tls_door_failure(&d), "client sends only empty TLS records");
    tls_door_fini(&d);
}

static void test_tls__fatal_alert__is_named(void **state)
{
    (void)state;
    static const struct {
        const char *alert, *failure;
    } cases[] = {
        {"\x02\x30", "client rejected our certificate (unknown CA)"},
        {"\x02\x2d", "client rejected our certificate (expired)"},
        {"\x02\x14", "client alert: bad record MAC"},
        {"\x02\x5a", "client gave up the TLS handshake"},
        {"\x02\x63", "client alert of an unknown kind"},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tls_door_open(&d, NULL);
        client_sends(d.c, MBEDTLS_SSL_MSG_ALERT, cases[i].alert, 2);
        tls_client_step(d.c);
        assert_ended(&d, PST_IO_ERR, cases[i].failure);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__client_ends__is_eof_with_close_notify_and_trunc_without),
        cmocka_unit_test(test_tls__client_half_closes__server_still_answers),
        cmocka_unit_test(test_tls__server_shuts_down__client_sees_it_and_can_still_send),
        cmocka_unit_test(test_tls__record_cut_at_each_byte_then_fin__is_trunc),
        cmocka_unit_test(test_tls__garbled_record__is_an_error_and_told_by_alert),
        cmocka_unit_test(test_tls__shutdown__takes_the_last_reply_along),
        cmocka_unit_test(test_tls__connection_reset__is_named),
        cmocka_unit_test(test_tls__destroyed_with_unsent_bytes__gives_every_buffer_back),
#if defined(POSTERN_OWN_MBEDTLS)
        cmocka_unit_test(test_tls__key_update__ends_the_connection_and_is_named),
        cmocka_unit_test(test_tls__renegotiation__is_refused_and_the_connection_goes_on),
        cmocka_unit_test(test_tls__empty_records__are_passed_over_but_not_without_end),
        cmocka_unit_test(test_tls__endless_warnings__end_the_connection),
        cmocka_unit_test(test_tls__fatal_alert__is_named),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
