/* tls_client.c - see tls_client.h. */
#include "support/tls_client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test_certs.h"

static void must(int result, const char *what)
{
    if (result == 0)
        return;
    fprintf(stderr, "tls_client: %s: -0x%04X\n", what, (unsigned)-result);
    abort();
}

void tls_bytes_add(struct tls_bytes *b, const void *data, size_t len)
{
    if (len == 0)
        return;
    if (b->cap - b->len < len) {
        b->cap = (b->len + len) * 2;
        b->data = realloc(b->data, b->cap);
        must(b->data ? 0 : -1, "memory");
    }
    memcpy(b->data + b->len, data, len);
    b->len += len;
}

void tls_bytes_drop(struct tls_bytes *b, size_t len)
{
    b->len -= len;
    if (b->len > 0)
        memmove(b->data, b->data + len, b->len);
}

static int bio_send(void *ctx, const unsigned char *data, size_t len)
{
    struct tls_client *c = ctx;
    tls_bytes_add(&c->out, data, len);
    return (int)len;
}

static int bio_recv(void *ctx, unsigned char *dst, size_t len)
{
    struct tls_client *c = ctx;
    if (c->in.len == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (len > c->in.len)
        len = c->in.len;
    memcpy(dst, c->in.data, len);
    tls_bytes_drop(&c->in, len);
    return (int)len;
}

static void configure(struct tls_client *c, const struct tls_client_options *o)
{
    must(mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                     MBEDTLS_SSL_PRESET_DEFAULT),
         "configuration");
    mbedtls_ssl_conf_rng(&c->conf, test_random, NULL);
    mbedtls_ssl_conf_authmode(&c->conf, o->ca ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
    /* Or Mbed TLS throws them away. */
    mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
        &c->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
    if (o->versions == PST_TLS_12_ONLY)
        mbedtls_ssl_conf_max_tls_version(&c->conf, MBEDTLS_SSL_VERSION_TLS1_2);
    if (o->versions == PST_TLS_13_ONLY)
        mbedtls_ssl_conf_min_tls_version(&c->conf, MBEDTLS_SSL_VERSION_TLS1_3);
    if (o->alpn)
        must(mbedtls_ssl_conf_alpn_protocols(&c->conf, o->alpn), "ALPN");
    if (o->suites)
        mbedtls_ssl_conf_ciphersuites(&c->conf, o->suites);
    if (o->signatures)
        mbedtls_ssl_conf_sig_algs(&c->conf, o->signatures);
    if (o->groups)
        mbedtls_ssl_conf_groups(&c->conf, o->groups);
#if defined(MBEDTLS_SSL_MAX_FRAGMENT_LENGTH)
    if (o->max_fragment)
        must(mbedtls_ssl_conf_max_frag_len(&c->conf, o->max_fragment), "fragment length");
#endif
    if (o->ca) {
        must(mbedtls_x509_crt_parse(&c->ca, (const unsigned char *)o->ca, strlen(o->ca) + 1), "CA");
        mbedtls_ssl_conf_ca_chain(&c->conf, &c->ca, NULL);
    }
}

struct tls_client *tls_client_new(int fd, const struct tls_client_options *options)
{
    static const struct tls_client_options none = {.versions = PST_TLS_12_AND_13};
    if (!options)
        options = &none;
    must(pst_tls_global_init(), "start");
    struct tls_client *c = calloc(1, sizeof(*c));
    must(c ? 0 : -1, "memory");
    c->fd = fd;
    c->alert = -1;
    mbedtls_ssl_init(&c->ssl);
    mbedtls_ssl_config_init(&c->conf);
    mbedtls_x509_crt_init(&c->ca);
    configure(c, options);
    must(mbedtls_ssl_setup(&c->ssl, &c->conf), "setup");
    const char *name = options->name ? options->name : "localhost";
    must(mbedtls_ssl_set_hostname(&c->ssl, name[0] ? name : NULL), "name");
    if (options->session)
        must(mbedtls_ssl_set_session(&c->ssl, options->session), "session");
    mbedtls_ssl_set_bio(&c->ssl, c, bio_send, bio_recv, NULL);
    return c;
}

void tls_client_free(struct tls_client *c)
{
    if (!c)
        return;
    mbedtls_ssl_free(&c->ssl);
    mbedtls_ssl_config_free(&c->conf);
    mbedtls_x509_crt_free(&c->ca);
    free(c->in.data);
    free(c->out.data);
    if (c->fd >= 0)
        close(c->fd);
    free(c);
}

static void move_out(struct tls_client *c)
{
    size_t n = c->out.len;
    if (c->send_most > 0 && n > c->send_most)
        n = c->send_most;
    if (n == 0)
        return;
    ssize_t sent = send(c->fd, c->out.data, n, MSG_NOSIGNAL);
    if (sent > 0)
        tls_bytes_drop(&c->out, (size_t)sent);
    else if (sent < 0 && errno != EAGAIN)
        c->out.len = 0; /* the server has gone; reading will tell */
}

static void move_in(struct tls_client *c)
{
    unsigned char piece[16384];
    size_t most = c->recv_most > 0 && c->recv_most < sizeof(piece) ? c->recv_most : sizeof(piece);
    do {
        ssize_t n = recv(c->fd, piece, most, 0);
        if (n < 0)
            return;
        if (n == 0) {
            c->is_eof = true;
            return;
        }
        tls_bytes_add(&c->in, piece, (size_t)n);
    } while (c->recv_most == 0);
}

static bool failed(struct tls_client *c, int error)
{
    if (c->error == 0) {
        c->error = error;
        if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
            c->alert = c->ssl.MBEDTLS_PRIVATE(in_msg)[1];
    }
    if (c->fd >= 0)
        move_out(c); /* the alert that goes with it */
    return false;
}

bool tls_client_step(struct tls_client *c)
{
    if (c->error != 0)
        return false;
    if (c->fd >= 0) {
        move_out(c);
        move_in(c);
    }
    if (c->is_open)
        return true;
    int result = mbedtls_ssl_handshake(&c->ssl);
    if (result == 0)
        c->is_open = true;
    else if (result != MBEDTLS_ERR_SSL_WANT_READ && result != MBEDTLS_ERR_SSL_WANT_WRITE)
        return failed(c, result);
    else if (c->is_eof && c->in.len == 0)
        return failed(c, MBEDTLS_ERR_SSL_CONN_EOF);
    if (c->fd >= 0)
        move_out(c);
    return true;
}

int tls_client_read(struct tls_client *c, void *dst, size_t cap)
{
    if (!tls_client_step(c))
        return TLS_CLIENT_ERROR;
    if (!c->is_open)
        return TLS_CLIENT_AGAIN;
    int n;
    size_t before;
    do { /* what is wanted may lie behind a ticket, for which Mbed TLS wants to be called again, and again */
        before = c->in.len;
        n = mbedtls_ssl_read(&c->ssl, dst, cap);
    } while (
        n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET ||
        (n == MBEDTLS_ERR_SSL_WANT_READ && (c->in.len < before || !mbedtls_ssl_is_handshake_over(&c->ssl))));
    if (n > 0)
        return n;
    switch (n) {
    case 0:
    case MBEDTLS_ERR_SSL_WANT_READ:
        return c->is_eof && c->in.len == 0 ? TLS_CLIENT_TRUNC : TLS_CLIENT_AGAIN;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return TLS_CLIENT_EOF;
    default:
        failed(c, n);
        return TLS_CLIENT_ERROR;
    }
}

void tls_client_write(struct tls_client *c, const void *data, size_t len)
{
    const unsigned char *next = data;
    do {
        int n;
        do /* a ticket that has come is told first */
            n = mbedtls_ssl_write(&c->ssl, next, len);
        while (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET);
        must(n < 0 ? n : 0, "write");
        next += n;
        len -= (size_t)n;
    } while (len > 0);
}

void tls_client_close_notify(struct tls_client *c)
{
    must(mbedtls_ssl_close_notify(&c->ssl), "close_notify");
}
