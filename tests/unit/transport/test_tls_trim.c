/* A connection that is trimmed whenever its owner likes goes on as if it had not been. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <psa/crypto.h>

#include "support/tls_door.h"
#include "transport/tls_memory.h"
#include "transport/tls_slots.h"

enum { ROUNDS = 60, DATA = 40000, STEPS = 10000 };

static const struct {
    enum pst_tls_versions versions;
    int suites[2];
} cases[] = {
    {PST_TLS_12_ONLY, {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0}},
    {PST_TLS_12_ONLY, {MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, 0}},
    {PST_TLS_12_ONLY, {MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, 0}},
    {PST_TLS_13_ONLY, {MBEDTLS_TLS1_3_AES_128_GCM_SHA256, 0}},
    {PST_TLS_13_ONLY, {MBEDTLS_TLS1_3_AES_256_GCM_SHA384, 0}},
    {PST_TLS_13_ONLY, {MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, 0}},
};

enum { CASES = sizeof(cases) / sizeof(cases[0]) };

static unsigned char data[DATA];

static void open_case(struct tls_door *d, size_t i)
{
    tls_door_open(d, &(struct tls_client_options){.versions = cases[i].versions, .suites = cases[i].suites});
}

static void trim(struct tls_door *d)
{
    d->t->ops->trim(d->t);
}

/* The client sends len bytes; the server is trimmed behind each read of at most piece bytes. */
static void receive(struct tls_door *d, size_t len, size_t piece)
{
    unsigned char got[DATA];
    tls_client_write(d->c, data, len);
    for (size_t at = 0, n = 0; at < len; at += n) {
        size_t most = len - at < piece ? len - at : piece;
        assert_int_equal(tls_door_read(d, got, most, &n), PST_IO_OK);
        assert_memory_equal(got, data + at, n);
        trim(d);
    }
}

/* The server sends len bytes, trimmed as often as it writes or flushes; while it holds something, that does
 * nothing. */
static void transmit(struct tls_door *d, size_t len)
{
    unsigned char got[16384];
    size_t written = 0, read = 0;
    for (unsigned step = 0; read < len; step++) {
        assert_in_range(step, 0, STEPS);
        struct iovec iov = {data + written, len - written};
        size_t n = 0;
        enum pst_io result = d->t->ops->writev(d->t, &iov, 1, &n);
        assert_true(result == PST_IO_OK || result == PST_IO_WANT_WR);
        written += result == PST_IO_OK ? n : 0;
        trim(d);
        result = d->t->ops->flush(d->t);
        assert_true(result == PST_IO_OK || result == PST_IO_WANT_WR);
        trim(d);
        int taken = tls_client_read(d->c, got, sizeof(got));
        if (taken == TLS_CLIENT_AGAIN)
            continue;
        assert_true(taken > 0);
        assert_memory_equal(got, data + read, (size_t)taken);
        read += (size_t)taken;
    }
    assert_int_equal(d->t->ops->flush(d->t), PST_IO_OK);
}

static void test_tls_trim__again_and_again__records_go_both_ways(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < CASES; i++) {
        open_case(&d, i);
        for (size_t round = 0; round < ROUNDS; round++) {
            trim(&d);
            receive(&d, 1 + round * 331, round % 3 ? DATA : 700);
            trim(&d);
            trim(&d);
            if (round % 2) /* only one direction in between */
                transmit(&d, 1 + round * 577);
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

/* RFC 8446 5.1: records arrive in any pieces. */
static void test_tls_trim__record_in_part__is_not_lost(void **state)
{
    (void)state;
    struct tls_door d;
    unsigned char got[1000];
    size_t n;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < CASES; i++) {
        open_case(&d, i);
        for (size_t piece = 1; piece < 1100; piece += piece < 30 ? 1 : 37) {
            tls_client_write(d.c, data, sizeof(got));
            d.c->send_most = piece;
            tls_client_step(d.c);
            for (unsigned step = 0; d.t->ops->read(d.t, got, sizeof(got), &n) != PST_IO_OK; step++) {
                assert_in_range(step, 0, STEPS);
                trim(&d);
                tls_client_step(d.c);
            }
            assert_int_equal(n, sizeof(got));
            assert_memory_equal(got, data, n);
            d.c->send_most = 0;
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
}

static struct pst_tls_memory_stats memory(void)
{
    struct pst_tls_memory_stats stats;
    pst_tls_memory_stats(&stats);
    return stats;
}

static size_t live_slots(void)
{
    struct pst_tls_slots_stats stats;
    pst_tls_slots_stats(&stats);
    return stats.live_slots;
}

/* However it ends, nothing stays; an end while it sleeps brings no page back. */
static void test_tls_trim__end__leaves_nothing(void **state)
{
    (void)state;
    enum { AT_ONCE, SHUT, BY_CLIENT, GARBLED, WAYS };
    struct tls_door d;
    unsigned char got[16];
    size_t n, slots = live_slots(), blocks = memory().live_blocks;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < CASES * WAYS; i++) {
        open_case(&d, i / WAYS);
        receive(&d, 1000, DATA);
        switch (i % WAYS) {
        case SHUT:
            assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
            assert_int_equal(tls_client_read(d.c, got, sizeof(got)), TLS_CLIENT_EOF);
            break;
        case BY_CLIENT:
            tls_client_close_notify(d.c);
            assert_int_equal(tls_door_read(&d, got, sizeof(got), &n), PST_IO_EOF);
            break;
        case GARBLED:
            tls_client_write(d.c, data, 100);
            d.c->out.data[50] ^= 1;
            assert_int_equal(tls_door_read(&d, got, sizeof(got), &n), PST_IO_ERR);
            assert_string_equal(tls_door_failure(&d), "TLS record failed authentication");
            break;
        default:
            break;
        }
        tls_door_close(&d);
        assert_int_equal(live_slots(), slots);
        assert_int_equal(memory().live_blocks, blocks);
    }
    tls_door_fini(&d);
}

#if defined(POSTERN_OWN_MBEDTLS)
static size_t psa_keys(void)
{
    mbedtls_psa_stats_t stats;
    mbedtls_psa_get_stats(&stats);
    return stats.MBEDTLS_PRIVATE(volatile_slots);
}

/* Of an open connection no page of a record buffer and no slot stays, and of the handshake no key in PSA's
 * store (which is not the client's: it goes first). */
static void test_tls_trim__idle__holds_no_page_and_no_key_of_the_handshake(void **state)
{
    (void)state;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (size_t i = 0; i < CASES; i++) {
        size_t slots = live_slots(), keys = psa_keys();
        open_case(&d, i);
        receive(&d, 1000, 100);
        transmit(&d, 1000);
        trim(&d);
        tls_client_free(d.c);
        d.c = NULL;
        assert_int_equal(memory().live_blocks, 2);
        assert_int_equal(memory().live_pages, 0);
        assert_int_equal(live_slots(), slots);
        assert_int_equal(psa_keys(), keys);
        d.t->ops->destroy(d.t);
        d.t = NULL;
    }
    tls_door_fini(&d);
}
#endif

int main(void)
{
    for (size_t i = 0; i < DATA; i++)
        data[i] = (unsigned char)(i * 7 + i / 251);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_trim__again_and_again__records_go_both_ways),
        cmocka_unit_test(test_tls_trim__record_in_part__is_not_lost),
        cmocka_unit_test(test_tls_trim__end__leaves_nothing),
#if defined(POSTERN_OWN_MBEDTLS)
        cmocka_unit_test(test_tls_trim__idle__holds_no_page_and_no_key_of_the_handshake),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
