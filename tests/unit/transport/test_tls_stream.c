/* Bytes through the TLS transport: every size, every fragmentation, partial sends, gathering, trimming. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "support/tls_door.h"
#include "transport/tls_memory.h"

enum { MIB = 1 << 20 };

static const struct tls_client_options only_12 = {.versions = PST_TLS_12_ONLY};
static const struct tls_client_options only_13 = {.versions = PST_TLS_13_ONLY};

/* Bytes that tell where they are. */
static unsigned char *make_pattern(size_t len)
{
    unsigned char *p = malloc(len + 1);
    assert_non_null(p);
    uint32_t x = 12345;
    for (size_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        p[i] = (unsigned char)(x >> 24);
    }
    return p;
}

/* Writes all of data as iovecs of at most piece bytes (0: one), while the client reads. */
static void server_sends(struct tls_door *d, const unsigned char *data, size_t len, size_t piece,
                         unsigned *ret_blocked)
{
    unsigned char *got = malloc(len + 1);
    assert_non_null(got);
    size_t written = 0, received = 0;
    unsigned blocked = 0;
    bool is_flushed = len == 0;
    while (!is_flushed || received < len) {
        if (written < len) {
            struct iovec iov[16];
            int cnt = 0;
            size_t offered = 0, n = 0;
            while (cnt < 16 && written + offered < len) {
                size_t most = len - written - offered;
                if (piece > 0 && most > piece)
                    most = piece;
                iov[cnt].iov_base = (void *)(uintptr_t)(data + written + offered);
                iov[cnt++].iov_len = most;
                offered += most;
            }
            enum pst_io result = d->t->ops->writev(d->t, iov, cnt, &n);
            if (result == PST_IO_OK) {
                assert_true(n > 0 && n <= offered);
                written += n;
            } else {
                assert_int_equal(result, PST_IO_WANT_WR);
                blocked++;
            }
        } else if (!is_flushed) {
            enum pst_io result = d->t->ops->flush(d->t);
            assert_true(result == PST_IO_OK || result == PST_IO_WANT_WR);
            is_flushed = result == PST_IO_OK;
        }
        int n = tls_client_read(d->c, got + received, len + 1 - received);
        if (n != TLS_CLIENT_AGAIN) {
            assert_true(n > 0);
            received += (size_t)n;
        }
    }
    assert_int_equal(received, len);
    assert_memory_equal(got, data, len);
    assert_int_equal(d->pools.wires.live_count, 0);
    assert_int_equal(d->pools.chunks.live_count, 0);
    free(got);
    if (ret_blocked)
        *ret_blocked = blocked;
}

static void client_sends(struct tls_door *d, const unsigned char *data, size_t len, size_t cap)
{
    unsigned char *got = malloc(len + cap);
    assert_non_null(got);
    size_t received = 0, n = 0;
    if (len > 0)
        tls_client_write(d->c, data, len);
    while (received < len) {
        enum pst_io result = d->t->ops->read(d->t, got + received, cap, &n);
        if (result == PST_IO_OK) {
            assert_true(n > 0 && n <= cap);
            received += n;
        } else {
            assert_int_equal(result, PST_IO_WANT_RD);
            assert_false(d->t->ops->pending(d->t));
            assert_int_equal(d->pools.chunks.live_count, 0);
            tls_client_step(d->c);
        }
    }
    assert_int_equal(received, len);
    assert_memory_equal(got, data, len);
    assert_int_equal(d->t->ops->read(d->t, got, cap, &n), PST_IO_WANT_RD);
    assert_int_equal(d->pools.chunks.live_count, 0);
    free(got);
}

static const size_t sizes[] = {0, 1, 2, 100, 16383, 16384, 16385, 65535, 65536, 65537, 200000, MIB};
enum { SIZES = sizeof(sizes) / sizeof(sizes[0]) };

static void test_tls__each_size_both_ways__arrives_identical(void **state)
{
    (void)state;
    unsigned char *data = make_pattern(MIB);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        for (size_t i = 0; i < SIZES; i++) {
            server_sends(&d, data, sizes[i], 0, NULL);
            client_sends(&d, data, sizes[i], 16384);
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
}

static void test_tls__tiny_socket_buffer_and_slow_reader__arrives_identical(void **state)
{
    (void)state;
    unsigned char *data = make_pattern(MIB);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        struct pst_transport_info info;
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        d.t->ops->info(d.t, &info);
        int tiny = 1;
        assert_int_equal(setsockopt(info.fd, SOL_SOCKET, SO_SNDBUF, &tiny, sizeof(tiny)), 0);
        d.c->recv_most = 1000;
        unsigned blocked = 0;
        server_sends(&d, data, v13 ? MIB : 300000, 0, &blocked);
        assert_true(blocked > 10);
        d.c->recv_most = 1;
        server_sends(&d, data, 20000, 0, NULL);
        d.c->recv_most = 0;
        d.c->send_most = 1;
        client_sends(&d, data, 20000, 700);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
}

static void test_tls__many_small_pieces__arrive_identical(void **state)
{
    (void)state;
    static const size_t pieces[] = {1, 7, 999, 1024, 1025, 5000, 16383, 16384, 16385, 40000};
    unsigned char *data = make_pattern(300000);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, NULL);
    for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++)
        server_sends(&d, data, pieces[i] < 100 ? 3000 : 300000, pieces[i], NULL);
    tls_door_fini(&d);
    free(data);
}

enum { RECORDS_MOST = 100 };

/* The records that one writev made, all in one send: their number, and what each has on the wire. */
static size_t take_records(struct tls_door *d, const struct iovec *iov, int cnt,
                           size_t wire_bytes[RECORDS_MOST])
{
    size_t n = 0, total = 0, count = 0;
    for (int i = 0; i < cnt; i++)
        total += iov[i].iov_len;
    assert_int_equal(d->t->ops->writev(d->t, iov, cnt, &n), PST_IO_OK);
    assert_int_equal(n, total);
    assert_true(tls_door_flush(d));
    unsigned char *wire = malloc(100000);
    assert_non_null(wire);
    ssize_t len = total ? recv(d->c->fd, wire, 100000, 0) : 0;
    assert_true(len >= 0);
    for (size_t at = 0; at < (size_t)len; count++) {
        assert_true(count < RECORDS_MOST);
        wire_bytes[count] = 5 + ((size_t)wire[at + 3] << 8 | wire[at + 4]);
        at += wire_bytes[count];
        assert_true(at <= (size_t)len);
    }
    /* The client takes them in order, so that it stays in step. */
    tls_bytes_add(&d->c->in, wire, (size_t)len);
    free(wire);
    unsigned char *plain = malloc(total + 1);
    assert_non_null(plain);
    for (size_t got = 0; got < total;) {
        int part = tls_client_read(d->c, plain + got, total + 1 - got);
        assert_true(part > 0);
        got += (size_t)part;
    }
    size_t at = 0;
    for (int i = 0; i < cnt; i++) {
        if (iov[i].iov_len > 0)
            assert_memory_equal(plain + at, iov[i].iov_base, iov[i].iov_len);
        at += iov[i].iov_len;
    }
    free(plain);
    return count;
}

static size_t count_records(struct tls_door *d, const struct iovec *iov, int cnt)
{
    size_t wire_bytes[RECORDS_MOST];
    return take_records(d, iov, cnt, wire_bytes);
}

/* Over a SOCK_SEQPACKET pair each send is one message. */
static void open_messages(struct tls_door *d, const struct tls_client_options *options)
{
    int large = 1 << 20;
    struct pst_transport_info info;
    tls_door_connect(d, SOCK_SEQPACKET, options);
    assert_int_equal(tls_door_shake(d), PST_IO_OK);
    d->t->ops->info(d->t, &info);
    assert_int_equal(setsockopt(info.fd, SOL_SOCKET, SO_SNDBUF, &large, sizeof(large)), 0);
}

static void test_tls__pieces__are_gathered_into_few_records_and_one_send(void **state)
{
    (void)state;
    static const struct {
        size_t lens[6];
        size_t records, records_13; /* TLS 1.2, TLS 1.3: there Mbed TLS seals at most 16383 bytes */
    } cases[] = {
        {{200, 1024}, 1, 1},          /* a head and a small body */
        {{0, 200, 0, 0, 1024}, 1, 1}, /* empty entries do not count */
        {{200, 16183}, 1, 1},         /* just fits */
        {{200, 16184}, 1, 2},         /* does not: the large one by itself */
        {{200, 16185}, 2, 2},
        {{200, 16384}, 2, 3},       /* straight from the caller's memory */
        {{200, 65536 - 200}, 5, 5}, /* 64 KiB with its head: one send */
        {{200, 65536}, 5, 6},
        {{16383, 16383, 16383}, 3, 3}, /* full records */
        {{20000, 5, 5}, 2, 2},         /* the rest of a large one is gathered with what follows */
        {{1, 1, 1, 1, 1, 1}, 1, 1},
        {{5000, 5000, 5000, 5000}, 2, 2},
        {{0, 0}, 0, 0},
    };
    unsigned char *data = make_pattern(100000);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        open_messages(&d, v13 ? &only_13 : &only_12);
        (void)count_records(&d, &(struct iovec){data, 40000}, 1); /* the first records are small */
        for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
            struct iovec iov[6];
            size_t at = 0;
            for (int j = 0; j < 6; j++) {
                iov[j].iov_base = data + at;
                iov[j].iov_len = cases[i].lens[j];
                at += iov[j].iov_len;
            }
            assert_int_equal(count_records(&d, iov, 6), v13 ? cases[i].records_13 : cases[i].records);
        }
        size_t n = 1;
        assert_int_equal(d.t->ops->writev(d.t, NULL, 0, &n), PST_IO_OK);
        assert_int_equal(n, 0);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
}

/* The first records of a connection, new or idle, are no larger than a segment; the rest is full. */
static void test_tls__first_records__fit_one_segment(void **state)
{
    (void)state;
    enum { SEGMENT = 1400, FIRST = 32768 };
    unsigned char *data = make_pattern(65536);
    size_t wire_bytes[RECORDS_MOST] = {0};
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        open_messages(&d, v13 ? &only_13 : &only_12);
        for (int idle = 0; idle < 2; idle++) {
            struct iovec head_and_body[2] = {{data, 200}, {data, 1024}};
            assert_int_equal(take_records(&d, head_and_body, 2, wire_bytes), 1);
            head_and_body[1].iov_len = 65536;
            size_t count = take_records(&d, head_and_body, 2, wire_bytes), at = 200 + 1024, i = 0;
            for (; i < count && wire_bytes[i] <= SEGMENT; i++) {
                assert_true(wire_bytes[i] > 1300); /* filled, the head's too */
                at += 1370;
            }
            assert_in_range(at, FIRST, FIRST + 1370);
            assert_int_equal(count, i + 3); /* two full ones, and the rest */
            assert_true(wire_bytes[i] > 16384 && wire_bytes[i + 1] > 16384);
            assert_int_equal(take_records(&d, head_and_body, 2, wire_bytes), v13 ? 6 : 5);
            d.t->ops->trim(d.t);
        }
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
}

/* RFC 6066 4 Maximum Fragment Length Negotiation. */
static void test_tls__client_that_wants_small_records__gets_them(void **state)
{
    (void)state;
    struct tls_client_options options = {.versions = PST_TLS_12_ONLY,
                                         .max_fragment = MBEDTLS_SSL_MAX_FRAG_LEN_512};
    unsigned char *data = make_pattern(100000);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, &options);
    server_sends(&d, data, 100000, 0, NULL);
    server_sends(&d, data, 10000, 100, NULL);
    client_sends(&d, data, 3000, 100);
    tls_door_fini(&d);
    free(data);
}

static void test_tls__full_socket__takes_nothing_until_flushed(void **state)
{
    (void)state;
    unsigned char *data = make_pattern(MIB), *got = malloc(MIB);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, NULL);
    size_t n = 0, written = 0, received = 0;
    struct iovec iov = {data, MIB};
    enum pst_io result;
    while ((result = d.t->ops->writev(d.t, &iov, 1, &n)) == PST_IO_OK) {
        assert_true(n <= PST_WIRE_BYTES);
        written += n;
        assert_true(written < MIB);
        iov = (struct iovec){data + written, MIB - written};
    }
    assert_int_equal(result, PST_IO_WANT_WR);
    assert_int_equal(d.pools.wires.live_count, 1);
    assert_int_equal(d.t->ops->flush(d.t), PST_IO_WANT_WR);
    assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_WANT_WR);
    /* Reading is not held up by it. */
    tls_client_write(d.c, "hello", 5);
    assert_int_equal(send(d.c->fd, d.c->out.data, d.c->out.len, 0), d.c->out.len);
    d.c->out.len = 0;
    char hello[8];
    assert_int_equal(d.t->ops->read(d.t, hello, sizeof(hello), &n), PST_IO_OK);
    assert_int_equal(n, 5);
    while (received < written) {
        int part = tls_client_read(d.c, got + received, MIB - received);
        if (part > 0)
            received += (size_t)part;
        else
            assert_int_equal(part, TLS_CLIENT_AGAIN);
        result = d.t->ops->shutdown(d.t);
        assert_true(result == PST_IO_OK || result == PST_IO_WANT_WR);
    }
    assert_int_equal(received, written);
    assert_memory_equal(got, data, written);
    assert_int_equal(d.t->ops->shutdown(d.t), PST_IO_OK);
    assert_int_equal(tls_client_read(d.c, got, 1), TLS_CLIENT_EOF);
    tls_door_fini(&d);
    free(data);
    free(got);
}

static void test_tls__small_reads__pending_tells_of_the_rest(void **state)
{
    (void)state;
    char got[64];
    size_t n = 0;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    tls_door_open(&d, NULL);
    /* Two records in one send. */
    tls_client_write(d.c, "abcdef", 6);
    tls_client_write(d.c, "ghi", 3);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->read(d.t, got, 4, &n), PST_IO_OK);
    assert_int_equal(n, 4);
    assert_memory_equal(got, "abcd", 4);
    assert_true(d.t->ops->pending(d.t));
    assert_int_equal(d.t->ops->read(d.t, got, 2, &n), PST_IO_OK);
    assert_memory_equal(got, "ef", 2);
    assert_true(d.t->ops->pending(d.t));
    assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_OK);
    assert_int_equal(n, 3);
    assert_false(d.t->ops->pending(d.t));
    /* Several small records come with one read. */
    for (int i = 0; i < 10; i++)
        tls_client_write(d.c, &"0123456789"[i], 1);
    tls_client_step(d.c);
    assert_int_equal(d.t->ops->read(d.t, got, sizeof(got), &n), PST_IO_OK);
    assert_int_equal(n, 10);
    assert_memory_equal(got, "0123456789", 10);
    tls_door_fini(&d);
}

static void test_tls__established_connection__allocates_nothing(void **state)
{
    (void)state;
    unsigned char *data = make_pattern(70000), got[16384];
    struct pst_tls_memory_stats before, after;
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_open(&d, v13 ? &only_13 : &only_12);
        tls_client_write(d.c, data, 70000);
        pst_tls_memory_stats(&before);
        for (size_t n, left = 70000; left > 0; left -= n) {
            assert_int_equal(tls_door_read(&d, got, sizeof(got), &n), PST_IO_OK);
            struct iovec iov[2] = {{data, 100}, {data, 40000}};
            size_t ignored;
            enum pst_io result = d.t->ops->writev(d.t, iov, 2, &ignored);
            assert_true(result == PST_IO_OK || result == PST_IO_WANT_WR);
        }
        pst_tls_memory_stats(&after);
        assert_int_equal(after.calls, before.calls);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
}

static void test_tls__trimmed_when_idle_or_in_mid_record__goes_on(void **state)
{
    (void)state;
    unsigned char *data = make_pattern(50000), *got = malloc(50000);
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        tls_door_connect(&d, SOCK_STREAM, v13 ? &only_13 : &only_12);
        d.t->ops->trim(d.t); /* before anything */
        tls_client_step(d.c);
        assert_int_equal(d.t->ops->handshake(d.t), PST_IO_WANT_RD);
        d.t->ops->trim(d.t); /* inside the handshake */
        assert_int_equal(tls_door_shake(&d), PST_IO_OK);
        for (int i = 0; i < 3; i++) {
            d.t->ops->trim(d.t);
            server_sends(&d, data, 50000, 0, NULL);
            d.t->ops->trim(d.t);
            client_sends(&d, data, 50000, 16384);
        }
        /* After every few bytes of a record's way in, and with plaintext left over. */
        size_t received = 0, n;
        tls_client_write(d.c, data, 50000);
        d.c->send_most = 1021;
        while (received < 50000) {
            tls_client_step(d.c);
            enum pst_io result = d.t->ops->read(d.t, got + received, 300, &n);
            if (result == PST_IO_OK)
                received += n;
            else
                assert_int_equal(result, PST_IO_WANT_RD);
            d.t->ops->trim(d.t);
        }
        assert_memory_equal(got, data, 50000);
        tls_door_close(&d);
    }
    tls_door_fini(&d);
    free(data);
    free(got);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls__each_size_both_ways__arrives_identical),
        cmocka_unit_test(test_tls__tiny_socket_buffer_and_slow_reader__arrives_identical),
        cmocka_unit_test(test_tls__many_small_pieces__arrive_identical),
        cmocka_unit_test(test_tls__pieces__are_gathered_into_few_records_and_one_send),
        cmocka_unit_test(test_tls__first_records__fit_one_segment),
        cmocka_unit_test(test_tls__client_that_wants_small_records__gets_them),
        cmocka_unit_test(test_tls__full_socket__takes_nothing_until_flushed),
        cmocka_unit_test(test_tls__small_reads__pending_tells_of_the_rest),
        cmocka_unit_test(test_tls__established_connection__allocates_nothing),
        cmocka_unit_test(test_tls__trimmed_when_idle_or_in_mid_record__goes_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
