/* TLS under attack: what a client can do to the state of a connection at each of its steps. Each ends with a
 * named failure, and with an alert where one fits; tls_door_close() sees to it that no buffer is left. What a
 * single broken first record does is in test_tls_handshake.c, how open connections end in test_tls_close.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support/tls_door.h"
#include "transport/tls_tickets.h"

static const struct tls_client_options versions[] = {
    {.versions = PST_TLS_12_ONLY},
    {.versions = PST_TLS_13_ONLY},
};

enum { HEADER = 5, NO_ALERT = -1, ANY_ALERT = -2 };

/* How far the client has come when it begins to misbehave. */
enum step {
    STEP_HELLO,  /* its ClientHello waits in out */
    STEP_FINISH, /* the rest of its handshake does */
    STEP_OPEN,   /* both sides are done */
};

static void deliver(struct tls_door *d, const void *data, size_t len)
{
    assert_int_equal(send(d->c->fd, data, len, MSG_NOSIGNAL), len);
}

static void deliver_out(struct tls_door *d)
{
    deliver(d, d->c->out.data, d->c->out.len);
    d->c->out.len = 0;
}

/* The client takes in what has come and makes its answer, which stays in out. */
static void prepare(struct tls_door *d)
{
    unsigned char piece[16384];
    ssize_t n;
    int fd = d->c->fd;
    while ((n = recv(fd, piece, sizeof(piece), 0)) > 0)
        tls_bytes_add(&d->c->in, piece, (size_t)n);
    d->c->fd = -1;
    (void)tls_client_step(d->c);
    d->c->fd = fd;
}

static void come_to(struct tls_door *d, enum step step, const struct tls_client_options *options)
{
    if (step == STEP_OPEN) {
        tls_door_open(d, options);
        return;
    }
    tls_door_connect(d, SOCK_STREAM, options);
    prepare(d);
    if (step == STEP_FINISH) {
        deliver_out(d);
        assert_int_equal(d->t->ops->handshake(d->t), PST_IO_WANT_RD);
        prepare(d);
    }
    assert_true(d->c->out.len > HEADER);
}

/* The server takes what is there: the handshake's result, or once that is over, the first read's that is not
 * data. */
static enum pst_io take(struct tls_door *d)
{
    char data[4096];
    size_t n;
    enum pst_io result = d->t->ops->handshake(d->t);
    while (result == PST_IO_OK)
        result = d->t->ops->read(d->t, data, sizeof(data), &n);
    return result;
}

/* The alert that reaches the client, which must be able to read it. */
static int alert(struct tls_door *d)
{
    char byte;
    d->c->out.len = 0;
    while (tls_client_read(d->c, &byte, 1) > 0)
        ;
    return d->c->alert;
}

static void assert_refused(struct tls_door *d, const char *failure, int expected_alert)
{
    assert_int_equal(take(d), PST_IO_ERR);
    if (failure)
        assert_string_equal(tls_door_failure(d), failure);
    else
        assert_string_not_equal(tls_door_failure(d), "");
    assert_int_equal(take(d), PST_IO_ERR);
    assert_false(d->t->ops->pending(d->t));
    if (expected_alert != ANY_ALERT)
        assert_int_equal(alert(d), expected_alert);
}

/* ---- leaving ---- */

static void test_tls_attack__closing_at_each_byte_of_the_handshake__is_trunc_and_named(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        for (size_t cut = 0, whole = 1; cut < whole; cut++) {
            come_to(&d, STEP_FINISH, &versions[v13]);
            whole = d.c->out.len;
            if (cut > 0)
                deliver(&d, d.c->out.data, cut);
            shutdown(d.c->fd, SHUT_WR);
            assert_int_equal(d.t->ops->handshake(d.t), PST_IO_TRUNC);
            assert_int_equal(d.t->ops->handshake(d.t), PST_IO_TRUNC);
            assert_string_equal(tls_door_failure(&d), "client closed during TLS handshake");
            assert_false(d.t->ops->pending(d.t));
            tls_door_close(&d);
        }
    }
    tls_door_fini(&d);
}

static void test_tls_attack__fin_without_notify_in_a_reply__the_rest_still_goes_out(void **state)
{
    (void)state;
    static char data[1 << 20], got[16384];
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        size_t written = 0, received = 0, n = 0;
        tls_door_open(&d, &versions[v13]);
        for (bool has_fin = false; received < sizeof(data);) {
            struct iovec iov = {data + written, sizeof(data) - written};
            if (written < sizeof(data) && d.t->ops->writev(d.t, &iov, 1, &n) == PST_IO_OK)
                written += n;
            else
                (void)d.t->ops->flush(d.t);
            if (!has_fin) {
                shutdown(d.c->fd, SHUT_WR);
                assert_int_equal(d.t->ops->read(d.t, got, 1, &n), PST_IO_TRUNC);
                has_fin = true;
            }
            int part = tls_client_read(d.c, got, sizeof(got));
            assert_true(part > 0 || part == TLS_CLIENT_AGAIN);
            received += part > 0 ? (size_t)part : 0;
        }
        assert_int_equal(written, received);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

/* ---- record headers ---- */

/* RFC 8446 5.1: the version of a record says nothing in TLS 1.3, but Mbed TLS wants a major of 3; behind keys
 * it is authenticated. */
static void test_tls_attack__wrong_version_in_a_record__is_refused_or_makes_no_difference(void **state)
{
    (void)state;
    static const unsigned char wrong[][2] = {{0, 0}, {2, 0},       {3, 0},      {3, 9},
                                             {4, 3}, {0xfe, 0xfd}, {0xff, 0xff}};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (int step = STEP_HELLO; step <= STEP_OPEN; step++)
            for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
                come_to(&d, (enum step)step, &versions[v13]);
                if (step == STEP_OPEN)
                    tls_client_write(d.c, "data", 4);
                memcpy(d.c->out.data + 1, wrong[i], 2);
                deliver_out(&d);
                enum pst_io result = take(&d);
                assert_true(result == PST_IO_ERR || (result == PST_IO_WANT_RD && step != STEP_OPEN));
                if (result == PST_IO_ERR)
                    assert_refused(&d, NULL, ANY_ALERT);
                tls_door_close(&d);
            }
    tls_door_fini(&d);
}

/* RFC 8446 5.1, 5.2; RFC 5246 6.2.3. */
static void test_tls_attack__record_over_the_limit__is_refused_by_its_header(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (int step = STEP_HELLO; step <= STEP_OPEN; step++) {
            unsigned char header[HEADER] = {step == STEP_OPEN ? 23 : 22, 3, 3, 0xff, 0xff};
            come_to(&d, (enum step)step, &versions[v13]);
            deliver(&d, header, sizeof(header));
            /* Before the client's Finished Mbed TLS seals alerts with the handshake's keys, which a client of
             * TLS 1.3 has left behind by then: it cannot read them. */
            assert_refused(&d, "TLS record too large",
                           v13 && step == STEP_FINISH ? NO_ALERT : MBEDTLS_SSL_ALERT_MSG_RECORD_OVERFLOW);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

/* RFC 8446 5.1: "Implementations MUST NOT send zero-length fragments of Handshake types"; an unknown type is
 * an unexpected_message. */
static void test_tls_attack__empty_or_unknown_records__are_refused_at_each_step(void **state)
{
    (void)state;
    static const unsigned char records[][HEADER + 1] = {
        {22, 3, 3, 0, 0},    /* nothing of a handshake message */
        {21, 3, 3, 0, 0},    /* nothing of an alert */
        {20, 3, 3, 0, 0},    /* nothing of a ChangeCipherSpec */
        {24, 3, 3, 0, 1, 1}, /* a heartbeat */
        {0, 3, 3, 0, 1, 1},  {255, 3, 3, 0, 1, 1},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (int step = STEP_HELLO; step <= STEP_OPEN; step++)
            for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++) {
                come_to(&d, (enum step)step, &versions[v13]);
                deliver(&d, records[i], HEADER + (records[i][4] ? 1 : 0));
                assert_refused(&d, NULL, ANY_ALERT);
                tls_door_close(&d);
            }
    tls_door_fini(&d);
}

/* ---- the wrong thing at the wrong time ---- */

/* RFC 8446 6; RFC 5246 7.2. Before there are keys an alert is in the clear. */
static void test_tls_attack__alerts_before_finished__end_it_or_are_passed_over(void **state)
{
    (void)state;
    static const struct {
        unsigned char level, kind;
        const char *failure;
    } cases[] = {
        {2, 40, "client alert: handshake failure"},
        {2, 48, "client rejected our certificate (unknown CA)"},
        {2, 0xee, "client alert of an unknown kind"},
        {1, 0, "client closed during TLS handshake"},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            unsigned char record[] = {21, 3, 3, 0, 2, cases[i].level, cases[i].kind};
            come_to(&d, STEP_FINISH, &versions[v13]);
            deliver(&d, record, sizeof(record));
            enum pst_io result = take(&d);
            /* In TLS 1.3 the server already reads with keys: the alert is a record that fails, but named. */
            assert_true(result == PST_IO_ERR || result == PST_IO_TRUNC);
            assert_string_equal(tls_door_failure(&d), cases[i].failure);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

static void test_tls_attack__garbage_behind_finished__fails_after_the_handshake(void **state)
{
    (void)state;
    static const unsigned char garbage[] = {23, 3,  3,  0,  32, 1,  2,  3,  4,  5,  6,  7,  8,
                                            9,  10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21,
                                            22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        come_to(&d, STEP_FINISH, &versions[v13]);
        tls_bytes_add(&d.c->out, garbage, sizeof(garbage));
        deliver_out(&d);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_OK);
        assert_refused(&d, "TLS record failed authentication", MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static void test_tls_attack__garbled_finishing_flight__is_refused(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (size_t at = 0, whole = 1; at < whole; at += 3) {
            come_to(&d, STEP_FINISH, &versions[v13]);
            whole = d.c->out.len;
            d.c->out.data[at] ^= 0x55;
            deliver_out(&d);
            shutdown(d.c->fd, SHUT_WR); /* where a length was changed more is waited for */
            enum pst_io result = take(&d);
            assert_true(result == PST_IO_ERR || result == PST_IO_TRUNC);
            assert_string_not_equal(tls_door_failure(&d), "");
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

/* RFC 8446 5, D.4: a dummy ChangeCipherSpec is allowed before Finished, and of no other value. RFC 5246 7.1:
 * TLS 1.2 has exactly one, before Finished. */
static void test_tls_attack__change_cipher_spec_out_of_place__is_refused(void **state)
{
    (void)state;
    static const struct {
        enum step step;
        unsigned char value;
        size_t len;
    } cases[] = {
        {STEP_OPEN, 1, 1}, {STEP_OPEN, 2, 1}, {STEP_FINISH, 2, 1}, {STEP_FINISH, 1, 2}, {STEP_HELLO, 2, 1},
    };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            if (v13 && cases[i].step == STEP_OPEN && cases[i].value == 1)
                continue; /* the next test */
            unsigned char ccs[] = {20, 3, 3, 0, (unsigned char)cases[i].len, cases[i].value, 1};
            come_to(&d, cases[i].step, &versions[v13]);
            deliver(&d, ccs, HEADER + cases[i].len);
            assert_refused(&d, NULL, ANY_ALERT);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

/* RFC 8446 5 wants an alert for a dummy ChangeCipherSpec after Finished; Mbed TLS 3.6 passes over it. It does
 * no harm, as long as there is an end of it. */
static void test_tls_attack__change_cipher_spec_after_finished_of_13__does_no_harm_but_ends(void **state)
{
    (void)state;
    static const unsigned char ccs[] = {20, 3, 3, 0, 1, 1};
    static unsigned char many[20000 * sizeof(ccs)];
    for (size_t i = 0; i < sizeof(many); i++)
        many[i] = ccs[i % sizeof(ccs)];
    char got[16];
    size_t n;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &versions[1]);
    deliver(&d, ccs, sizeof(ccs));
    tls_client_write(d.c, "data", 4);
    deliver_out(&d);
    assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_OK);
    assert_int_equal(n, 4);
    deliver(&d, many, sizeof(many));
    assert_refused(&d, "client sends only empty TLS records", NO_ALERT);
    tls_door_fini(&d);
}

/* CVE-2014-0224: keys must not be switched on before they are agreed on. */
static void test_tls_attack__change_cipher_spec_before_the_key_exchange_of_12__is_refused(void **state)
{
    (void)state;
    static const unsigned char ccs[] = {20, 3, 3, 0, 1, 1};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    come_to(&d, STEP_FINISH, &versions[0]);
    deliver(&d, ccs, sizeof(ccs));
    assert_refused(&d, "unexpected TLS message", MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE);
    tls_door_fini(&d);
}

static void test_tls_attack__application_data_before_finished__is_refused(void **state)
{
    (void)state;
    static const unsigned char data[] = {23, 3, 3, 0, 2, 'h', 'i'};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (int step = STEP_HELLO; step <= STEP_FINISH; step++) {
            come_to(&d, (enum step)step, &versions[v13]);
            deliver(&d, data, sizeof(data));
            assert_refused(&d, NULL, ANY_ALERT);
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

/* ---- many small pieces ---- */

/* Puts the message of the one record in out into records of most bytes. */
static void fragment(struct tls_bytes *out, size_t most)
{
    struct tls_bytes whole = *out;
    *out = (struct tls_bytes){0};
    for (size_t at = HEADER; at < whole.len; at += most) {
        size_t n = whole.len - at < most ? whole.len - at : most;
        unsigned char header[HEADER] = {22, 3, 1, (unsigned char)(n >> 8), (unsigned char)n};
        tls_bytes_add(out, header, sizeof(header));
        tls_bytes_add(out, whole.data + at, n);
    }
    free(whole.data);
}

/* RFC 8446 5.1: a message may be fragmented across records. Mbed TLS wants the whole header of it, 4 bytes,
 * in the first. */
static void test_tls_attack__client_hello_in_many_records__connects_or_is_refused(void **state)
{
    (void)state;
    static const size_t sizes[] = {100, 16, 5, 4, 3, 1};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
            come_to(&d, STEP_HELLO, &versions[v13]);
            fragment(&d.c->out, sizes[i]);
            if (sizes[i] >= 4) {
                assert_int_equal(tls_door_shake(&d), PST_IO_OK);
            } else {
                deliver_out(&d);
                assert_refused(&d, NULL, ANY_ALERT);
            }
            tls_door_close(&d);
        }
    tls_door_fini(&d);
}

static void test_tls_attack__flood_inside_the_handshake__is_bounded(void **state)
{
    (void)state;
    static const unsigned char warning[] = {21, 3, 3, 0, 2, 1, 112}, ccs[] = {20, 3, 3, 0, 1, 1};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++)
        for (int step = STEP_HELLO; step <= STEP_FINISH; step++)
            for (int is_ccs = 0; is_ccs < 2; is_ccs++) {
                size_t sent = 0, len = is_ccs ? sizeof(ccs) : sizeof(warning);
                enum pst_io result = PST_IO_WANT_RD;
                come_to(&d, (enum step)step, &versions[v13]);
                for (; result == PST_IO_WANT_RD && sent < 1000000; sent += len) {
                    deliver(&d, is_ccs ? ccs : warning, len);
                    result = take(&d);
                }
                assert_int_equal(result, PST_IO_ERR);
                assert_true(sent < 100000);
                assert_string_not_equal(tls_door_failure(&d), "");
                tls_door_close(&d);
            }
    tls_door_fini(&d);
}

/* ---- what the connection before leaves behind ---- */

/* Of the kind of CVE-2024-28755, where a context that had served TLS 1.2 took no more TLS 1.3; here with
 * tickets of both in between. */
static void test_tls_attack__tickets_of_both_versions_in_turn__change_no_later_version(void **state)
{
    (void)state;
    struct pst_tls_tickets *tickets;
    struct tls_door d;
    mbedtls_ssl_session kept[2];
    tls_door_init(&d, test_cert_ec());
    assert_int_equal(pst_tls_tickets_new(&tickets), 0);
    assert_int_equal(pst_tls_ctx_set_tickets(d.ctx, tickets), 0);
    for (int i = 0; i < 6; i++) {
        int v13 = i % 2;
        char byte;
        size_t n;
        struct tls_client_options options = versions[v13], any = {.versions = PST_TLS_12_AND_13};
        struct pst_transport_info info;
        options.session = i < 2 ? NULL : &kept[v13];
        tls_door_open(&d, &options);
        d.t->ops->info(d.t, &info);
        assert_string_equal(info.security, v13 ? "TLSv1.3" : "TLSv1.2");
        assert_int_equal(info.is_resumed, i >= 2);
        assert_int_equal(tls_client_read(d.c, &byte, 1), TLS_CLIENT_AGAIN);
        tls_client_write(d.c, "x", 1);
        assert_int_equal(tls_door_read(&d, &byte, 1, &n), PST_IO_OK);
        if (i < 2) {
            mbedtls_ssl_session_init(&kept[v13]);
            assert_int_equal(mbedtls_ssl_get_session(&d.c->ssl, &kept[v13]), 0);
        }
        tls_door_close(&d);
        tls_door_open(&d, &any);
        d.t->ops->info(d.t, &info);
        assert_string_equal(info.security, "TLSv1.3");
        assert_false(info.is_resumed);
        tls_door_close(&d);
    }
    mbedtls_ssl_session_free(&kept[0]);
    mbedtls_ssl_session_free(&kept[1]);
    tls_door_fini(&d);
    pst_tls_tickets_free(tickets);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_attack__closing_at_each_byte_of_the_handshake__is_trunc_and_named),
        cmocka_unit_test(test_tls_attack__fin_without_notify_in_a_reply__the_rest_still_goes_out),
        cmocka_unit_test(test_tls_attack__wrong_version_in_a_record__is_refused_or_makes_no_difference),
        cmocka_unit_test(test_tls_attack__record_over_the_limit__is_refused_by_its_header),
        cmocka_unit_test(test_tls_attack__empty_or_unknown_records__are_refused_at_each_step),
        cmocka_unit_test(test_tls_attack__alerts_before_finished__end_it_or_are_passed_over),
        cmocka_unit_test(test_tls_attack__garbage_behind_finished__fails_after_the_handshake),
        cmocka_unit_test(test_tls_attack__garbled_finishing_flight__is_refused),
        cmocka_unit_test(test_tls_attack__change_cipher_spec_out_of_place__is_refused),
        cmocka_unit_test(test_tls_attack__change_cipher_spec_after_finished_of_13__does_no_harm_but_ends),
        cmocka_unit_test(test_tls_attack__change_cipher_spec_before_the_key_exchange_of_12__is_refused),
        cmocka_unit_test(test_tls_attack__application_data_before_finished__is_refused),
        cmocka_unit_test(test_tls_attack__client_hello_in_many_records__connects_or_is_refused),
        cmocka_unit_test(test_tls_attack__flood_inside_the_handshake__is_bounded),
        cmocka_unit_test(test_tls_attack__tickets_of_both_versions_in_turn__change_no_later_version),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
