/* The handshakes of the TLS transport: versions, keys, fragmentation, and every way they fail. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/tls_door.h"
#include "transport/tls_memory.h"

static const struct tls_client_options only_12 = {.versions = PST_TLS_12_ONLY};
static const struct tls_client_options only_13 = {.versions = PST_TLS_13_ONLY};

/* One exchange, to see that the connection works both ways. */
static void assert_works(struct tls_door *d)
{
    char got[16];
    size_t n = 0;
    tls_client_write(d->c, "to and", 6);
    assert_int_equal(tls_door_read(d, got, sizeof(got), &n), PST_IO_OK);
    assert_int_equal(n, 6);
    assert_memory_equal(got, "to and", 6);
    struct iovec iov = {"fro", 3};
    assert_int_equal(d->t->ops->writev(d->t, &iov, 1, &n), PST_IO_OK);
    assert_int_equal(n, 3);
    assert_true(tls_door_flush(d));
    int len;
    while ((len = tls_client_read(d->c, got, sizeof(got))) == TLS_CLIENT_AGAIN)
        ;
    assert_int_equal(len, 3);
    assert_memory_equal(got, "fro", 3);
}

static void test_tls__each_version_and_key_whole_and_by_bytes__connects(void **state)
{
    (void)state;
    for (int rsa = 0; rsa < 2; rsa++) {
        struct tls_door d;
        tls_door_init(&d, rsa ? test_cert_rsa() : test_cert_ec());
        for (int v13 = 0; v13 < 2; v13++)
            for (size_t piece = 0; piece < 2; piece++) {
                struct pst_transport_info info;
                tls_door_connect(&d, SOCK_STREAM, v13 ? &only_13 : &only_12);
                d.c->send_most = d.c->recv_most = piece;
                assert_int_equal(tls_door_shake(&d), PST_IO_OK);
                d.t->ops->info(d.t, &info);
                assert_string_equal(info.security, v13 ? "TLSv1.3" : "TLSv1.2");
                assert_true(info.is_secure);
                assert_string_equal(info.alpn, "");
                assert_string_equal(info.failure, "");
                if (!v13)
                    assert_string_equal(info.cipher, rsa ? "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"
                                                         : "TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256");
                assert_works(&d);
                tls_door_close(&d);
            }
        tls_door_fini(&d);
    }
}

static void test_tls__each_suite_and_group__connects(void **state)
{
    (void)state;
    static const int suites[][2] = {
        {MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0},
        {MBEDTLS_TLS1_3_AES_256_GCM_SHA384, 0},
        {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, 0},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0},
        {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0},
    };
    static const uint16_t groups[][2] = {
        {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, 0},
        {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0},
        {MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, 0},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < 6; i++)
        for (size_t j = 0; j < 3; j++) {
            /* In TLS 1.2 the list of groups covers the certificate's curve too (RFC 8422 5.1). */
            uint16_t with_p256[] = {groups[j][0], MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
            struct tls_client_options options = {.versions = i < 3 ? PST_TLS_13_ONLY : PST_TLS_12_ONLY,
                                                 .suites = suites[i],
                                                 .groups = i < 3 ? groups[j] : with_p256};
            struct pst_transport_info info;
            tls_door_open(&d, &options);
            d.t->ops->info(d.t, &info);
            assert_string_equal(info.cipher, mbedtls_ssl_get_ciphersuite_name(suites[i][0]));
            assert_works(&d);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

/* RFC 8446 4.1.4 Hello Retry Request: the client's first share is of a group that the server does not have.
 */
static void test_tls__client_guesses_the_wrong_group__connects_after_a_retry(void **state)
{
    (void)state;
    static const uint16_t groups[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, MBEDTLS_SSL_IANA_TLS_GROUP_X25519,
                                      0};
    struct tls_client_options options = {.versions = PST_TLS_13_ONLY, .groups = groups};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &options);
    assert_works(&d);
    tls_door_fini(&d);
}

/* CVE-2024-28755: what is used again after TLS 1.2 must not stay there. */
static void test_tls__one_context_serves_12_then_13_then_12__each_in_its_version(void **state)
{
    (void)state;
    static const struct tls_client_options any = {.versions = PST_TLS_12_AND_13};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int i = 0; i < 6; i++) {
        struct pst_transport_info info;
        tls_door_open(&d, i % 2 ? &any : &only_12);
        d.t->ops->info(d.t, &info);
        assert_string_equal(info.security, i % 2 ? "TLSv1.3" : "TLSv1.2");
        assert_works(&d);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__narrowed_context__refuses_the_other_version(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    pst_tls_ctx_versions(d.ctx, PST_TLS_12_ONLY);
    tls_door_open(&d, NULL);
    tls_door_close(&d);
    tls_door_connect(&d, SOCK_STREAM, &only_13);
    assert_int_equal(tls_door_shake(&d), PST_IO_ERR);
    tls_door_close(&d);
    pst_tls_ctx_versions(d.ctx, PST_TLS_13_ONLY);
    tls_door_open(&d, &only_13);
    tls_door_close(&d);
    tls_door_connect(&d, SOCK_STREAM, &only_12);
    assert_int_equal(tls_door_shake(&d), PST_IO_ERR);
    assert_string_equal(tls_door_failure(&d), "no TLS version in common");
    assert_int_equal(d.c->alert, MBEDTLS_SSL_ALERT_MSG_PROTOCOL_VERSION);
    tls_door_fini(&d);
}

static void test_tls__silent_client__costs_no_buffer_and_no_tls_memory(void **state)
{
    (void)state;
    struct tls_door d;
    struct pst_tls_memory_stats before, after;
    tls_door_init(&d, test_cert_ec());
    tls_door_connect(&d, SOCK_STREAM, NULL); /* makes the client's state */
    struct pst_transport *t = d.t;
    pst_tls_memory_stats(&before);
    for (int i = 0; i < 3; i++)
        assert_int_equal(t->ops->handshake(t), PST_IO_WANT_RD);
    pst_tls_memory_stats(&after);
    assert_int_equal(after.calls, before.calls);
    assert_int_equal(after.live_blocks, before.live_blocks);
    assert_int_equal(d.pools.chunks.live_count, 0);
    assert_int_equal(d.pools.wires.live_count, 0);
    assert_false(t->ops->pending(t));
    /* Leaving without a word is nothing to complain of. */
    shutdown(d.c->fd, SHUT_WR);
    assert_int_equal(t->ops->handshake(t), PST_IO_EOF);
    assert_int_equal(t->ops->handshake(t), PST_IO_EOF);
    assert_string_equal(tls_door_failure(&d), "");
    tls_door_fini(&d);
}

static void test_tls__waiting_inside_the_handshake__holds_no_buffer(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_connect(&d, SOCK_STREAM, NULL);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
    assert_int_equal(d.pools.chunks.live_count, 0);
    assert_int_equal(d.pools.wires.live_count, 0);
    tls_door_fini(&d); /* destroyed half way */
}

/* Over a SOCK_SEQPACKET pair each send is one message. */
static void test_tls__each_flight__goes_out_in_one_send(void **state)
{
    (void)state;
    static const int flights[] = {1, 2}; /* TLS 1.3: everything; TLS 1.2: up to ServerHelloDone, Finished */
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v12 = 0; v12 < 2; v12++) {
        tls_door_connect(&d, SOCK_SEQPACKET, v12 ? &only_12 : &only_13);
        struct tls_client *c = d.c;
        int fd = c->fd, sends = 0;
        c->fd = -1; /* moved by hand */
        while (!c->is_open || d.t->ops->handshake(d.t) != PST_IO_OK) {
            unsigned char message[65536];
            tls_client_step(c);
            if (c->out.len > 0)
                assert_int_equal(send(fd, c->out.data, c->out.len, 0), c->out.len);
            c->out.len = 0;
            enum pst_io result = d.t->ops->handshake(d.t);
            assert_true(result == PST_IO_OK || result == PST_IO_WANT_RD);
            assert_true(tls_door_flush(&d));
            ssize_t n;
            while ((n = recv(fd, message, sizeof(message), 0)) > 0) {
                sends++;
                tls_bytes_add(&c->in, message, (size_t)n);
            }
        }
        assert_int_equal(sends, flights[v12]);
        c->fd = fd;
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

/* RFC 7301 3.2 Protocol Selection. */
static void test_tls__alpn__is_agreed_on_refused_or_absent(void **state)
{
    (void)state;
    static const char *h1[] = {"http/1.1", NULL}, *both[] = {"h2", "http/1.1", NULL}, *h3[] = {"h3", NULL};
    static const struct {
        const char **offered;
        const char *agreed; /* NULL: none in common */
    } cases[] = {{h1, "http/1.1"}, {both, "http/1.1"}, {NULL, ""}, {h3, NULL}};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(cases[0]); i++) {
        const char *agreed = cases[i / 2].agreed;
        struct tls_client_options options = {.versions = i % 2 ? PST_TLS_12_ONLY : PST_TLS_13_ONLY,
                                             .alpn = cases[i / 2].offered};
        struct pst_transport_info info;
        tls_door_connect(&d, SOCK_STREAM, &options);
        assert_int_equal(tls_door_shake(&d), agreed ? PST_IO_OK : PST_IO_ERR);
        d.t->ops->info(d.t, &info);
        assert_string_equal(info.alpn, agreed ? agreed : "");
        if (!agreed) {
            assert_string_equal(info.failure, "no application protocol in common");
            assert_int_equal(d.c->alert, MBEDTLS_SSL_ALERT_MSG_NO_APPLICATION_PROTOCOL);
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__nothing_in_common__is_named_and_told_by_alert(void **state)
{
    (void)state;
    static const int ccm[] = {MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, 0};
    static const uint16_t p521[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1, 0};
    static const struct {
        struct tls_client_options options;
        const char *failure;
    } cases[] = {
        {{.versions = PST_TLS_12_ONLY, .suites = ccm}, "no cipher suite in common"},
        {{.versions = PST_TLS_13_ONLY, .groups = p521}, "no key exchange group in common"},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tls_door_connect(&d, SOCK_STREAM, &cases[i].options);
        assert_int_equal(tls_door_shake(&d), PST_IO_ERR);
        assert_string_equal(tls_door_failure(&d), cases[i].failure);
        assert_int_equal(d.c->alert, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_ERR);
        assert_int_equal(d.t->ops->flush(d.t), PST_IO_ERR);
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_ERR);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__client_that_does_not_trust_us__its_reason_is_named(void **state)
{
    (void)state;
    struct test_cert other;
    test_cert_make(&other, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "other", .is_ca = true});
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        struct tls_client_options options = {.versions = v13 ? PST_TLS_13_ONLY : PST_TLS_12_ONLY,
                                             .ca = other.cert};
        tls_door_connect(&d, SOCK_STREAM, &options);
        assert_int_equal(tls_door_shake(&d), PST_IO_ERR);
        assert_string_equal(tls_door_failure(&d), "client rejected our certificate (unknown CA)");
        tls_door_close(&d);
        options.ca = test_cert_ec()->cert;
        tls_door_open(&d, &options);
        assert_works(&d);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    test_cert_free(&other);
}

static void test_tls__what_is_no_tls__is_turned_away_at_the_first_bytes(void **state)
{
    (void)state;
    static const char http[] = "plain HTTP sent to the TLS port", other[] = "client does not speak TLS";
    static const struct {
        const char *bytes, *failure;
    } cases[] = {
        {"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n", http},
        {"G", http},
        {"POST /post/x HTTP/1.1\r\n", http},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", http},
        {"GARBAGE", other},
        {"SSH-2.0-OpenSSH\r\n", other},
        {"\x80\x2e\x01\x03\x01", other}, /* an SSL 2.0 hello */
        {"\r\n\r\n", other},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct pst_tls_memory_stats before, after;
        tls_door_connect(&d, SOCK_STREAM, NULL);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        pst_tls_memory_stats(&before);
        send(d.c->fd, cases[i].bytes, strlen(cases[i].bytes), 0);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_ERR);
        assert_string_equal(tls_door_failure(&d), cases[i].failure);
        assert_false(d.t->ops->pending(d.t));
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_ERR);
        pst_tls_memory_stats(&after);
        assert_int_equal(after.calls, before.calls);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__garbage_in_a_record__is_an_error_with_an_alert(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        const char *failure;
    } cases[] = {
        {"\x16\x03\x01\x00\x05hello", 10, NULL},
        {"\x16\x03\x01\xff\xff", 5, "TLS record too large"},
        {"\x16\x09\x09\x00\x01x", 6, "malformed TLS record"},
        {"\x15\x03\x01\x00\x02\x02\x28", 7, "client alert: handshake failure"},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        tls_door_connect(&d, SOCK_STREAM, NULL);
        send(d.c->fd, cases[i].bytes, cases[i].len, 0);
        shutdown(d.c->fd, SHUT_WR);
        enum pst_io result = d.t->ops->handshake(d.t);
        if (cases[i].failure) {
            assert_int_equal(result, PST_IO_ERR);
            assert_string_equal(tls_door_failure(&d), cases[i].failure);
        }
        assert_int_not_equal(result, PST_IO_OK);
        assert_string_not_equal(tls_door_failure(&d), "");
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__client_hello_cut_anywhere_then_fin__is_trunc_and_named(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    size_t whole = SIZE_MAX;
    for (size_t cut = 1; cut < whole; cut += cut < 16 ? 1 : 17) {
        tls_door_connect(&d, SOCK_STREAM, NULL);
        int fd = d.c->fd;
        d.c->fd = -1;
        tls_client_step(d.c);
        whole = d.c->out.len;
        send(fd, d.c->out.data, cut, 0);
        shutdown(fd, SHUT_WR);
        d.c->fd = fd;
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_TRUNC);
        assert_false(d.t->ops->pending(d.t));
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_TRUNC);
        assert_string_equal(tls_door_failure(&d), "client closed during TLS handshake");
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        tls_door_close(&d);
    }
    assert_true(whole > 100);
    tls_door_fini(&d);
}

static void test_tls__full_socket_in_the_handshake__waits_for_it(void **state)
{
    (void)state;
    struct test_cert cert;
    test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .padding = 15000});
    struct tls_door d;
    tls_door_init(&d, &cert);
    for (int v13 = 0; v13 < 2; v13++) {
        struct pst_transport_info info;
        int tiny = 1;
        unsigned waited = 0;
        enum pst_io result;
        tls_door_connect(&d, SOCK_STREAM, v13 ? &only_13 : &only_12);
        d.t->ops->info(d.t, &info);
        assert_int_equal(setsockopt(info.fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny)), 0);
        d.c->recv_most = 500;
        do {
            tls_client_step(d.c);
            result = d.t->ops->handshake(d.t);
            waited += result == PST_IO_WANT_WR;
        } while (result == PST_IO_WANT_RD || result == PST_IO_WANT_WR);
        assert_int_equal(result, PST_IO_OK);
        assert_true(waited > 5);
        d.c->recv_most = 0;
        while (!tls_door_flush(&d))
            tls_client_step(d.c);
        tls_client_step(d.c);
        assert_works(&d);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    test_cert_free(&cert);
}

static void test_tls__client_gives_up_in_good_order__is_trunc(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_connect(&d, SOCK_STREAM, NULL);
    send(d.c->fd, "\x15\x03\x01\x00\x02\x01\x00", 7, 0); /* close_notify */
    assert_int_equal(d.t->ops->handshake(d.t), PST_IO_TRUNC);
    assert_string_equal(tls_door_failure(&d), "client closed during TLS handshake");
    tls_door_fini(&d);
}

/* RFC 8446 5 Record Protocol: a dummy ChangeCipherSpec is passed over; it must not be so for ever. */
static void test_tls__endless_change_cipher_spec__ends_the_handshake(void **state)
{
    (void)state;
    static const unsigned char ccs[] = {0x14, 3, 3, 0, 1, 1};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int endless = 0; endless < 2; endless++) {
        tls_door_connect(&d, SOCK_STREAM, &only_13);
        tls_client_step(d.c);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        size_t sent = 0;
        enum pst_io result = PST_IO_WANT_RD;
        while (result == PST_IO_WANT_RD && sent < (endless ? 1000000 : sizeof(ccs))) {
            assert_int_equal(send(d.c->fd, ccs, sizeof(ccs), 0), sizeof(ccs));
            sent += sizeof(ccs);
            result = d.t->ops->handshake(d.t);
        }
        if (endless) {
            assert_int_equal(result, PST_IO_ERR);
            assert_string_equal(tls_door_failure(&d), "client sends too much in its TLS handshake");
        } else {
            assert_int_equal(tls_door_shake(&d), PST_IO_OK);
            assert_works(&d);
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls__shutdown_before_the_handshake_is_done__just_shuts(void **state)
{
    (void)state;
    char got[64];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int half_way = 0; half_way < 2; half_way++) {
        tls_door_connect(&d, SOCK_STREAM, NULL);
        if (half_way)
            tls_client_step(d.c);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_ERR); /* too early */
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
        /* Lingering works without a session. */
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_WANT_RD);
        send(d.c->fd, "secret", 6, 0);
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_OK);
        assert_int_equal(n, 6);
        assert_memory_equal(got, "\0\0\0\0\0", 6);
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_WANT_RD);
        shutdown(d.c->fd, SHUT_WR);
        assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_TRUNC);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

/* The largest chain that pst_tls_ctx_new lets through must really go through. */
static void test_tls__largest_chain__connects_in_both_versions(void **state)
{
    (void)state;
    enum { MOST = 16384 - 4 - 1 - 3 - 3 - 2 }; /* RFC 8446 4.4.2, as tls_cert.c counts */
    struct test_cert cert;
    size_t padding = 15000;
    /* A signature's length varies by a byte or two: try until the size is right. */
    for (;;) {
        test_cert_make(&cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .padding = padding});
        size_t len = test_cert_der_len(cert.cert);
        if (len == MOST)
            break;
        padding += MOST - len;
        test_cert_free(&cert);
    }
    struct tls_door d;
    tls_door_init(&d, &cert);
    tls_door_open(&d, &only_13);
    assert_works(&d);
    tls_door_close(&d);
    tls_door_open(&d, &only_12);
    assert_works(&d);
    tls_door_fini(&d);
    test_cert_free(&cert);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__each_version_and_key_whole_and_by_bytes__connects),
        cmocka_unit_test(test_tls__each_suite_and_group__connects),
        cmocka_unit_test(test_tls__client_guesses_the_wrong_group__connects_after_a_retry),
        cmocka_unit_test(test_tls__one_context_serves_12_then_13_then_12__each_in_its_version),
        cmocka_unit_test(test_tls__narrowed_context__refuses_the_other_version),
        cmocka_unit_test(test_tls__silent_client__costs_no_buffer_and_no_tls_memory),
        cmocka_unit_test(test_tls__waiting_inside_the_handshake__holds_no_buffer),
        cmocka_unit_test(test_tls__each_flight__goes_out_in_one_send),
        cmocka_unit_test(test_tls__alpn__is_agreed_on_refused_or_absent),
        cmocka_unit_test(test_tls__nothing_in_common__is_named_and_told_by_alert),
        cmocka_unit_test(test_tls__client_that_does_not_trust_us__its_reason_is_named),
        cmocka_unit_test(test_tls__what_is_no_tls__is_turned_away_at_the_first_bytes),
        cmocka_unit_test(test_tls__garbage_in_a_record__is_an_error_with_an_alert),
        cmocka_unit_test(test_tls__client_hello_cut_anywhere_then_fin__is_trunc_and_named),
        cmocka_unit_test(test_tls__full_socket_in_the_handshake__waits_for_it),
        cmocka_unit_test(test_tls__client_gives_up_in_good_order__is_trunc),
        cmocka_unit_test(test_tls__endless_change_cipher_spec__ends_the_handshake),
        cmocka_unit_test(test_tls__shutdown_before_the_handshake_is_done__just_shuts),
        cmocka_unit_test(test_tls__largest_chain__connects_in_both_versions),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
