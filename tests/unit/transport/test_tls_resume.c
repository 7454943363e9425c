/* Session tickets: who may come back without a signature, and who may not any more. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/tls_door.h"
#include "transport/tls_tickets.h"

static struct pst_tls_certs *set_of(const struct test_cert *cert)
{
    const struct pst_tls_pem pem = {
        .cert = cert->cert, .cert_len = cert->cert_len, .key = cert->key, .key_len = cert->key_len};
    struct pst_tls_certs *set;
    char line[256];
    size_t bad;
    assert_int_equal(pst_tls_certs_new(&set, &pem, 1, (int64_t)time(NULL), &bad, line, sizeof(line)), 0);
    return set;
}

static bool is_resumed(const struct tls_door *d)
{
    struct pst_transport_info info;
    d->t->ops->info(d->t, &info);
    return info.is_resumed;
}

/* A full handshake, and the ticket that comes with it. */
static void get_ticket(struct tls_door *d, enum pst_tls_versions versions, mbedtls_ssl_session *session)
{
    tls_door_open(d, &(struct tls_client_options){.versions = versions});
    assert_false(is_resumed(d));
    char byte;
    size_t n;
    assert_int_equal(tls_client_read(d->c, &byte, 1), TLS_CLIENT_AGAIN); /* in TLS 1.3 it comes afterwards */
    tls_client_write(d->c, "x", 1);
    assert_int_equal(tls_door_read(d, &byte, 1, &n), PST_IO_OK);
    mbedtls_ssl_session_init(session);
    assert_int_equal(mbedtls_ssl_get_session(&d->c->ssl, session), 0);
    tls_door_close(d);
}

/* Comes back with it, over a door of which the connection also works. */
static bool comes_back(struct tls_door *d, enum pst_tls_versions versions, const mbedtls_ssl_session *session)
{
    char byte = 0;
    size_t n;
    tls_door_open(d, &(struct tls_client_options){.versions = versions, .session = session});
    bool resumed = is_resumed(d);
    tls_client_write(d->c, "y", 1);
    assert_int_equal(tls_door_read(d, &byte, 1, &n), PST_IO_OK);
    assert_int_equal(byte, 'y');
    tls_door_close(d);
    return resumed;
}

struct bench {
    struct pst_tls_tickets *tickets;
    struct tls_door a, b; /* two workers */
};

static int setup(void **state)
{
    static struct bench bench;
    memset(&bench, 0, sizeof(bench));
    if (pst_tls_global_init() != 0 || pst_tls_tickets_new(&bench.tickets) != 0)
        return -1;
    tls_door_init(&bench.a, test_cert_ec());
    tls_door_init(&bench.b, test_cert_ec());
    if (pst_tls_ctx_set_tickets(bench.a.ctx, bench.tickets) != 0 ||
        pst_tls_ctx_set_tickets(bench.b.ctx, bench.tickets) != 0)
        return -1;
    *state = &bench;
    return 0;
}

static int teardown(void **state)
{
    struct bench *bench = *state;
    tls_door_fini(&bench->a);
    tls_door_fini(&bench->b);
    pst_tls_tickets_free(bench->tickets);
    return 0;
}

static const enum pst_tls_versions versions[] = {PST_TLS_12_ONLY, PST_TLS_13_ONLY};

/* RFC 5077 3, RFC 8446 2.2 */
static void test_tls_resume__ticket__is_good_at_every_worker(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        mbedtls_ssl_session session;
        get_ticket(&bench->a, versions[i], &session);
        assert_true(comes_back(&bench->a, versions[i], &session));
        assert_true(comes_back(&bench->b, versions[i], &session));
        mbedtls_ssl_session_free(&session);
    }
}

static void test_tls_resume__secrets_renewed__good_once_more_then_no_longer(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        mbedtls_ssl_session session;
        get_ticket(&bench->a, versions[i], &session);
        assert_int_equal(pst_tls_tickets_rotate(bench->tickets), 0);
        assert_true(comes_back(&bench->b, versions[i], &session));
        assert_int_equal(pst_tls_tickets_rotate(bench->tickets), 0);
        assert_false(comes_back(&bench->b, versions[i], &session));
        mbedtls_ssl_session_free(&session);
    }
}

static void test_tls_resume__other_certificates_meanwhile__full_handshake(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        mbedtls_ssl_session session;
        struct pst_tls_certs *first = set_of(test_cert_ec()), *other = set_of(test_cert_rsa());
        get_ticket(&bench->a, versions[i], &session);
        pst_tls_ctx_set_certs(bench->a.ctx, other);
        assert_false(comes_back(&bench->a, versions[i], &session));
        pst_tls_ctx_set_certs(bench->a.ctx, first);
        assert_true(comes_back(&bench->a, versions[i], &session));
        pst_tls_certs_unref(first);
        pst_tls_certs_unref(other);
        mbedtls_ssl_session_free(&session);
    }
}

static void test_tls_resume__secrets_from_elsewhere__machines_agree(void **state)
{
    struct bench *bench = *state;
    uint8_t one[PST_TICKET_SECRET_BYTES], two[PST_TICKET_SECRET_BYTES];
    memset(one, 1, sizeof(one));
    memset(two, 2, sizeof(two));
    for (size_t i = 0; i < 2; i++) {
        mbedtls_ssl_session session;
        pst_tls_tickets_set(bench->tickets, one, NULL);
        get_ticket(&bench->a, versions[i], &session);
        pst_tls_tickets_set(bench->tickets, two, one); /* the next machine has renewed them */
        assert_true(comes_back(&bench->b, versions[i], &session));
        pst_tls_tickets_set(bench->tickets, two, NULL);
        assert_false(comes_back(&bench->b, versions[i], &session));
        pst_tls_tickets_set(bench->tickets, one, NULL);
        assert_true(comes_back(&bench->b, versions[i], &session));
        mbedtls_ssl_session_free(&session);
    }
}

static void test_tls_resume__garbled_ticket__full_handshake(void **state)
{
    struct bench *bench = *state;
    for (size_t i = 0; i < 2; i++) {
        mbedtls_ssl_session session;
        get_ticket(&bench->a, versions[i], &session);
        for (size_t at = 0; at < session.MBEDTLS_PRIVATE(ticket_len); at += 7) {
            session.MBEDTLS_PRIVATE(ticket)[at] ^= 1;
            assert_false(comes_back(&bench->a, versions[i], &session));
            session.MBEDTLS_PRIVATE(ticket)[at] ^= 1;
        }
        assert_true(comes_back(&bench->a, versions[i], &session));
        mbedtls_ssl_session_free(&session);
    }
}

static void test_tls_resume__without_secrets__no_ticket(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct tls_door d;
        mbedtls_ssl_session session;
        tls_door_init(&d, test_cert_ec());
        get_ticket(&d, versions[i], &session);
        assert_int_equal(session.MBEDTLS_PRIVATE(ticket_len), 0);
        mbedtls_ssl_session_free(&session);
        tls_door_fini(&d);
    }
}

/* Moves the client by hand: what it has to say, in one piece, and what the server has sent meanwhile. Over a
 * SOCK_SEQPACKET pair each send is one message: returns their number. */
static unsigned move(struct tls_door *d, int fd)
{
    static unsigned char message[65536];
    struct tls_client *c = d->c;
    tls_client_step(c);
    if (c->out.len > 0)
        assert_int_equal(send(fd, c->out.data, c->out.len, 0), c->out.len);
    c->out.len = 0;
    (void)d->t->ops->handshake(d->t);
    unsigned count = 0;
    for (ssize_t n; (n = recv(fd, message, sizeof(message), 0)) > 0; count++)
        tls_bytes_add(&c->in, message, (size_t)n);
    return count;
}

/* RFC 8446 4.6.1: a ticket may be sent at any time after the client's Finished. */
static void test_tls_resume__ticket__leaves_with_what_is_written_next_or_when_flushed(void **state)
{
    struct bench *bench = *state;
    struct tls_door *d = &bench->a;
    char got[64];
    size_t n;
    for (int with_reply = 0; with_reply < 2; with_reply++) {
        tls_door_connect(d, SOCK_SEQPACKET, &(struct tls_client_options){.versions = PST_TLS_13_ONLY});
        int fd = d->c->fd;
        d->c->fd = -1;
        assert_int_equal(move(d, fd), 1); /* the server's flight */
        tls_client_step(d->c);
        assert_true(d->c->is_open);
        if (with_reply)
            tls_client_write(d->c, "request", 7); /* in one piece with Finished */
        assert_int_equal(move(d, fd), 0);
        assert_int_equal(d->t->ops->handshake(d->t), PST_IO_OK);
        if (with_reply) {
            struct iovec iov = {"reply", 5};
            assert_int_equal(d->t->ops->read(d->t, got, sizeof(got), &n), PST_IO_OK);
            assert_memory_equal(got, "request", 7);
            assert_int_equal(d->t->ops->writev(d->t, &iov, 1, &n), PST_IO_OK);
        }
        assert_true(tls_door_flush(d));
        assert_int_equal(move(d, fd), 1);
        int len = tls_client_read(d->c, got, sizeof(got));
        assert_int_equal(len, with_reply ? 5 : TLS_CLIENT_AGAIN);
        mbedtls_ssl_session session;
        mbedtls_ssl_session_init(&session);
        assert_int_equal(mbedtls_ssl_get_session(&d->c->ssl, &session), 0);
        assert_true(session.MBEDTLS_PRIVATE(ticket_len) > 0);
        mbedtls_ssl_session_free(&session);
        d->c->fd = fd;
        tls_door_close(d);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_tls_resume__ticket__is_good_at_every_worker),
        TEST(test_tls_resume__secrets_renewed__good_once_more_then_no_longer),
        TEST(test_tls_resume__other_certificates_meanwhile__full_handshake),
        TEST(test_tls_resume__secrets_from_elsewhere__machines_agree),
        TEST(test_tls_resume__garbled_ticket__full_handshake),
        TEST(test_tls_resume__ticket__leaves_with_what_is_written_next_or_when_flushed),
        cmocka_unit_test(test_tls_resume__without_secrets__no_ticket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
