/* client.c - see client.h. */
#include "support/client.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "support/pair.h"
#include "support/test_certs.h"
#include "support/tls_client.h"
#include "transport/tcp.h"

enum { NARROW_BYTES = 2048 };

struct client {
    struct client_options options;
    struct pst_connection *connection; /* under chaos */
    struct pair *pair;
    int fd; /* TCP */
    struct tls_client *tls;
    bool is_ended; /* our direction */
    bool is_fin_due;
    enum client_end how;
};

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "client: %s (errno %d)\n", what, errno);
    abort();
}

const char *client_kind_name(enum client_kind kind)
{
    static const char *const names[] = {"pair", "tcp", "tcp in batches", "tls1.2", "tls1.3"};
    return names[kind];
}

static struct pst_tls_ctx *new_ctx(enum pst_tls_versions versions)
{
    const struct test_cert *cert = test_cert_ec();
    struct pst_tls_ctx *ctx;
    char error[256];
    must(test_tls_ctx_new(&ctx, cert->cert, cert->cert_len, cert->key, cert->key_len, (int64_t)time(NULL),
                          error, sizeof(error)) == 0,
         "no TLS context");
    pst_tls_ctx_versions(ctx, versions);
    return ctx;
}

void client_tls_init(struct client_tls *tls)
{
    must(pst_tls_global_init() == 0, "no TLS");
    tls->tls12 = new_ctx(PST_TLS_12_ONLY);
    tls->tls13 = new_ctx(PST_TLS_13_ONLY);
}

void client_tls_fini(struct client_tls *tls)
{
    pst_tls_ctx_free(tls->tls12);
    pst_tls_ctx_free(tls->tls13);
}

/* ---- sockets ---- */

/* Over the loopback device, as in life. */
static void connect_tcp(int fds[2])
{
    struct sockaddr_in addr = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(addr);
    int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    must(listener >= 0 && bind(listener, (struct sockaddr *)&addr, len) == 0 && listen(listener, 1) == 0 &&
             getsockname(listener, (struct sockaddr *)&addr, &len) == 0,
         "cannot listen");
    fds[1] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    must(fds[1] >= 0 && connect(fds[1], (struct sockaddr *)&addr, len) == 0, "cannot connect");
    fds[0] = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    must(fds[0] >= 0, "cannot accept");
    close(listener);
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    must(fcntl(fds[1], F_SETFL, O_NONBLOCK) == 0, "cannot be made non-blocking");
}

/* With small buffers the loopback device waits for timers now and then; a socket pair does not. */
static void connect_narrow(int fds[2])
{
    int room = NARROW_BYTES;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds) == 0, "no socket pair");
    for (int i = 0; i < 2; i++)
        setsockopt(fds[i], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
}

static struct pst_transport *new_socket_transport(struct client *c)
{
    const struct client_options *o = &c->options;
    struct pst_transport *transport;
    int fds[2];
    if (o->is_narrow)
        connect_narrow(fds);
    else
        connect_tcp(fds);
    if (o->kind == CLIENT_TCP || o->kind == CLIENT_BATCHED) {
        struct pst_sends *sends = o->kind == CLIENT_BATCHED ? test_worker_sends(o->worker) : NULL;
        must(pst_tcp_new_batched(&transport, sends, fds[0], NULL, 0) == 0, "no transport");
        c->fd = fds[1];
        return transport;
    }
    bool is_12 = o->kind == CLIENT_TLS12;
    must(pst_tls_new(&transport, is_12 ? o->tls->tls12 : o->tls->tls13, &o->worker->pools, fds[0], NULL, 0) ==
             0,
         "no transport");
    struct tls_client_options options = {.versions = is_12 ? PST_TLS_12_ONLY : PST_TLS_13_ONLY,
                                         .suites = o->suites};
    c->tls = tls_client_new(fds[1], &options);
    c->tls->send_most = c->tls->recv_most = o->wire_most;
    return transport;
}

struct client *client_open(const struct client_options *options)
{
    struct client *c = calloc(1, sizeof(*c));
    must(c, "out of memory");
    c->options = *options;
    c->fd = -1;
    struct pst_transport *transport;
    if (options->kind == CLIENT_PAIR) {
        c->pair = pair_new(&(struct pair_options){.in_cap = options->is_narrow ? NARROW_BYTES : 0,
                                                  .out_cap = options->is_narrow ? NARROW_BYTES : 0});
        transport = pair_transport(c->pair);
    } else {
        transport = new_socket_transport(c);
    }
    struct pst_connection **place = c->pair ? &c->pair->connection : &c->connection;
    if (options->chaos)
        transport = chaos_new(transport, options->worker->loop, place, options->chaos);
    must(pst_connection_open(&options->worker->driver, transport, place) == 0, "cannot open");
    return c;
}

void client_free(struct client *c)
{
    if (!c)
        return;
    if (c->fd >= 0)
        close(c->fd);
    tls_client_free(c->tls);
    pair_free(c->pair);
    free(c);
}

/* ---- sending ---- */

static size_t send_tcp(struct client *c, const void *data, size_t len)
{
    ssize_t n = send(c->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n >= 0)
        return (size_t)n;
    if (errno != EAGAIN)
        return len; /* the server has gone: receiving tells */
    return 0;
}

static size_t send_tls(struct client *c, const void *data, size_t len)
{
    if (!c->tls->is_open || c->tls->out.len > 0) /* one thing after the other, so that records stay apart */
        return 0;
    tls_client_write(c->tls, data, len);
    return len;
}

size_t client_send(struct client *c, const void *data, size_t len)
{
    must(!c->is_ended, "sent after the end");
    if (c->tls)
        return send_tls(c, data, len);
    if (c->pair)
        return c->pair->is_gone ? len : pair_send(c->pair, data, len);
    return send_tcp(c, data, len);
}

bool client_is_sent(struct client *c)
{
    return !c->tls || c->tls->out.len == 0;
}

static void fin(struct client *c)
{
    if (c->is_fin_due && client_is_sent(c)) {
        shutdown(c->tls ? c->tls->fd : c->fd, SHUT_WR);
        c->is_fin_due = false;
    }
}

void client_end(struct client *c)
{
    if (c->is_ended)
        return;
    c->is_ended = true;
    if (c->pair) {
        if (!c->pair->is_gone)
            pair_end(c->pair, PST_IO_EOF);
        return;
    }
    if (c->tls && c->tls->is_open)
        tls_client_close_notify(c->tls);
    c->is_fin_due = true;
    fin(c);
}

/* ---- receiving ---- */

static size_t receive_pair(struct client *c, void *dst, size_t cap)
{
    size_t n = pair_take(c->pair, dst, cap);
    if (n == 0 && c->pair->is_shut)
        c->how = CLIENT_EOF;
    else if (n == 0 && c->pair->is_gone)
        c->how = CLIENT_TRUNC;
    return n;
}

static size_t receive_tcp(struct client *c, void *dst, size_t cap)
{
    ssize_t n = recv(c->fd, dst, cap, MSG_DONTWAIT);
    if (n > 0)
        return (size_t)n;
    if (n == 0)
        c->how = CLIENT_EOF;
    else if (errno != EAGAIN)
        c->how = CLIENT_RESET;
    return 0;
}

static size_t receive_tls(struct client *c, void *dst, size_t cap)
{
    int n = tls_client_read(c->tls, dst, cap);
    fin(c);
    if (n > 0)
        return (size_t)n;
    if (n == TLS_CLIENT_EOF)
        c->how = CLIENT_EOF;
    else if (n == TLS_CLIENT_TRUNC)
        c->how = CLIENT_TRUNC;
    else if (n == TLS_CLIENT_ERROR)
        c->how = CLIENT_RESET;
    return 0;
}

size_t client_receive(struct client *c, void *dst, size_t cap)
{
    if (c->how != CLIENT_OPEN) {
        if (c->tls) { /* what is still to be sent, maybe our own end */
            tls_client_step(c->tls);
            fin(c);
        }
        return 0;
    }
    if (c->pair)
        return receive_pair(c, dst, cap);
    return c->tls ? receive_tls(c, dst, cap) : receive_tcp(c, dst, cap);
}

enum client_end client_how_ended(const struct client *c)
{
    return c->how;
}
