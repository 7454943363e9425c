/* tls_door.c - see tls_door.h. */
#include "support/tls_door.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { STEPS = 1000000 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "tls_door: %s\n", what);
    abort();
}

void tls_door_init(struct tls_door *d, const struct test_cert *cert)
{
    char error[256];
    memset(d, 0, sizeof(*d));
    pst_pools_init(&d->pools);
    must(pst_tls_global_init() == 0, "start");
    int err = test_tls_ctx_new(&d->ctx, cert->cert, cert->cert_len, cert->key, cert->key_len,
                               (int64_t)time(NULL), error, sizeof(error));
    must(err == 0, error);
}

void tls_door_connect(struct tls_door *d, int kind, const struct tls_client_options *options)
{
    int fds[2];
    must(socketpair(AF_UNIX, kind | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    must(pst_tls_new(&d->t, d->ctx, &d->pools, fds[0], NULL, 0) == 0, "transport");
    d->c = tls_client_new(fds[1], options);
}

bool tls_door_flush(struct tls_door *d)
{
    enum pst_io result = d->t->ops->flush(d->t);
    must(result == PST_IO_OK || result == PST_IO_WANT_WR, "flush");
    return result == PST_IO_OK;
}

enum pst_io tls_door_shake(struct tls_door *d)
{
    enum pst_io result = PST_IO_WANT_RD;
    for (int i = 0; i < STEPS; i++) {
        bool client_lives = tls_client_step(d->c);
        if (result == PST_IO_WANT_RD || result == PST_IO_WANT_WR || result == PST_IO_OK)
            result = d->t->ops->handshake(d->t);
        if (result == PST_IO_OK && tls_door_flush(d) && (d->c->is_open || !client_lives))
            return result;
        if (result == PST_IO_ERR || result == PST_IO_EOF || result == PST_IO_TRUNC) {
            /* Let the client see the alert. */
            tls_client_step(d->c);
            return result;
        }
        if (!client_lives && !d->c->is_eof)
            shutdown(d->c->fd, SHUT_WR);
    }
    must(false, "the handshake does not end");
    return PST_IO_ERR;
}

void tls_door_open(struct tls_door *d, const struct tls_client_options *options)
{
    tls_door_connect(d, SOCK_STREAM, options);
    enum pst_io result = tls_door_shake(d);
    must(result == PST_IO_OK, tls_door_failure(d));
}

void tls_door_close(struct tls_door *d)
{
    if (d->t)
        d->t->ops->destroy(d->t);
    tls_client_free(d->c);
    d->t = NULL;
    d->c = NULL;
    must(d->pools.chunks.live_count == 0 && d->pools.wires.live_count == 0, "a buffer was not given back");
}

void tls_door_fini(struct tls_door *d)
{
    tls_door_close(d);
    pst_tls_ctx_free(d->ctx);
    pst_pools_fini(&d->pools);
}

const char *tls_door_failure(const struct tls_door *d)
{
    struct pst_transport_info info;
    d->t->ops->info(d->t, &info);
    return info.failure;
}

enum pst_io tls_door_read(struct tls_door *d, void *dst, size_t cap, size_t *ret_n)
{
    for (int i = 0; i < STEPS; i++) {
        enum pst_io result = d->t->ops->read(d->t, dst, cap, ret_n);
        if (result != PST_IO_WANT_RD && result != PST_IO_WANT_WR)
            return result;
        if (d->c->out.len == 0)
            return result;
        tls_client_step(d->c);
    }
    must(false, "the read does not end");
    return PST_IO_ERR;
}
