/* The TLS transport when memory runs out: allocation i fails, and nothing leaks or crashes. For every i, but
 * within a handshake beyond some only for a sample: Mbed TLS's own arithmetic makes thousands there, all
 * alike. */
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <cmocka.h>

#include "postern/err.h"
#include "support/failmalloc.h"
#include "support/tls_door.h"

/* What Mbed TLS 3.6.6 itself loses must not fail the test: where memory ends while TLS 1.3 sets its keys up,
 * it forgets the struct that was to hold them (240 bytes). Our own buffers are counted by the pools. */
#if defined(__SANITIZE_ADDRESS__)
#define HAS_LSAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAS_LSAN 1
#endif
#endif
#ifdef HAS_LSAN
#include <sanitizer/lsan_interface.h>
#define IGNORE_LEAKS() __lsan_disable()
#define REPORT_LEAKS() __lsan_enable()
#else
#define IGNORE_LEAKS() ((void)0)
#define REPORT_LEAKS() ((void)0)
#endif

/* Only what the server allocates is made to fail: between failmalloc_resume() and failmalloc_pause(). */
static void arm(unsigned long at)
{
    failmalloc_arm(at + 1, 1);
    failmalloc_pause();
}

static void test_tls_ctx__allocation_i_fails__is_reported_and_leaks_nothing(void **state)
{
    (void)state;
    const struct test_cert *certs[] = {test_cert_ec(), test_cert_rsa()};
    for (size_t c = 0; c < 2; c++) {
        unsigned long i;
        for (i = 0;; i++) {
            struct pst_tls_ctx *ctx = NULL;
            char text[256];
            arm(i);
            failmalloc_resume();
            int err = test_tls_ctx_new(&ctx, certs[c]->cert, certs[c]->cert_len, certs[c]->key,
                                       certs[c]->key_len, (int64_t)time(NULL), text, sizeof(text));
            failmalloc_pause();
            if (err == 0) {
                pst_tls_ctx_free(ctx);
                if (!failmalloc_has_failed())
                    break; /* it no longer came to i */
            } else {
                assert_true(failmalloc_has_failed());
                assert_true(err == PST_E_NOMEM || err == PST_E_CERT || err == PST_E_KEY || err == PST_E_TLS ||
                            err == PST_E_MISMATCH);
                assert_true(text[0] != '\0');
            }
        }
        assert_true(i > 10);
    }
}

static bool open_armed(struct tls_door *d, const struct tls_client_options *options)
{
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    failmalloc_resume();
    int err = pst_tls_new(&d->t, d->ctx, &d->pools, fds[0], NULL, 0);
    failmalloc_pause();
    d->c = tls_client_new(fds[1], options);
    /* Mbed TLS 3.6.6 overlooks that hashing the transcript failed (ssl_compute_master ignores calc_verify's
     * result) and then reads 16 bytes past a 48-byte array on the stack, which sanitizers rightly refuse. */
    mbedtls_ssl_conf_extended_master_secret(&d->c->conf, MBEDTLS_SSL_EXTENDED_MS_DISABLED);
    if (err == 0)
        return true;
    assert_int_equal(err, PST_E_NOMEM);
    d->t = NULL;
    return false;
}

/* One connection. Memory fails at allocation i, counted from its begin or from the handshake's end. True once
 * it no longer came to i. */
static bool converse(struct tls_door *d, const struct tls_client_options *options, unsigned long i,
                     bool after_handshake)
{
    static char data[40000];
    char got[64];
    size_t n;
    arm(after_handshake ? ULONG_MAX - 1 : i);
    enum pst_io result = open_armed(d, options) ? PST_IO_WANT_RD : PST_IO_ERR;
    while (result == PST_IO_WANT_RD && tls_client_step(d->c)) {
        IGNORE_LEAKS();
        failmalloc_resume();
        result = d->t->ops->handshake(d->t);
        failmalloc_pause();
        REPORT_LEAKS();
    }
    if (result == PST_IO_OK)
        assert_true(tls_door_flush(d));
    /* Nor does it look whether our Finished could be computed (its issue 9843): then the client refuses it.
     */
    tls_client_step(d->c);
    assert_true(d->c->is_open || failmalloc_has_failed());
    if (after_handshake)
        arm(i);
    /* Kept buffers would hide allocations. */
    pst_pools_fini(&d->pools);
    pst_pool_init(&d->pools.chunks, PST_CHUNK_BYTES, 0);
    pst_pool_init(&d->pools.wires, PST_WIRE_BYTES, 0);
    if (result == PST_IO_OK && d->c->is_open) {
        tls_client_write(d->c, "hello", 5);
        tls_client_step(d->c);
        struct iovec iov[2] = {{data, 100}, {data, 1000}};
        failmalloc_resume();
        result = d->t->ops->read(d->t, got, sizeof(got), &n);
        if (result == PST_IO_OK)
            result = d->t->ops->writev(d->t, iov, 2, &n);
        iov[1].iov_len = sizeof(data);
        if (result == PST_IO_OK)
            result = d->t->ops->writev(d->t, iov, 2, &n);
        if (result == PST_IO_OK)
            result = d->t->ops->shutdown(d->t);
        failmalloc_pause();
    }
    if (result == PST_IO_ERR && d->t) {
        assert_true(failmalloc_has_failed());
        assert_string_not_equal(tls_door_failure(d), "");
        assert_int_equal(d->t->ops->handshake(d->t), PST_IO_ERR);
        assert_int_equal(d->t->ops->read(d->t, got, sizeof(got), &n), PST_IO_ERR);
    }
    bool is_done = !failmalloc_has_failed();
    if (is_done)
        assert_int_equal(result, PST_IO_OK);
    tls_door_close(d); /* looks at the pools */
    return is_done;
}

static void test_tls__allocation_i_fails__ends_the_connection_and_leaks_nothing(void **state)
{
    (void)state;
    enum { EVERY = 200, STRIDE = 97 };
    struct tls_door d;
    tls_door_init(&d, test_cert_ec());
    for (int v13 = 0; v13 < 2; v13++) {
        struct tls_client_options options = {.versions = v13 ? PST_TLS_13_ONLY : PST_TLS_12_ONLY};
        unsigned long i = 0;
        while (!converse(&d, &options, i, false))
            i += i < EVERY ? 1 : STRIDE;
        assert_true(i > 40); /* over a thousand where the arithmetic is Mbed TLS's own */
        /* The established connection asks for its buffers only. */
        for (i = 0; !converse(&d, &options, i, true); i++)
            ;
        assert_true(i >= 2 && i < 10);
    }
    tls_door_fini(&d);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tls_ctx__allocation_i_fails__is_reported_and_leaks_nothing),
        cmocka_unit_test(test_tls__allocation_i_fails__ends_the_connection_and_leaks_nothing),
    };
    int err = pst_tls_global_init();
    return err != 0 ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
