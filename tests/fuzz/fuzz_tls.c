/* The TLS transport, fed by a client that does what the input says.
 *
 * The first byte chooses. A bare client sends the rest of the input as it is, in pieces: for ClientHellos of
 * real clients and what mutations make of them. A driven client is a real one (tests/support/tls_client.h),
 * and the rest of the input is a list of what happens to it: its records go out whole, cut, garbled, twice or
 * not at all; records of any type and content are sealed with its own keys; it closes, comes back with its
 * ticket, or goes. So the fuzzer also reaches what lies behind keys.
 *
 * The server's randomness is the same for each input. Its socket is one of a pair: what that costs is lost
 * beside a signature. */
#include <stdint.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "split.h"
#include "support/test_certs.h"
#include "support/tls_client.h"
#include "transport/tls_internal.h"

enum { ENOUGH = 100000, COME_BACKS = 2, OPERATIONS = 64 };

/* What the first byte says. */
enum {
    HAS_DRIVER = 1,
    ONLY_12 = 2,
    ONLY_13 = 4,
    ASKS_FOR_CERT = 8,
    REQUIRES_CERT = 16,
    SPLITS = 32,    /* the bare client */
    SHOWS_CERT = 32 /* the driven one */
};

struct input {
    const uint8_t *data;
    size_t left;
};

struct scene {
    struct pst_tls_ctx *ctx;
    struct pst_pools pools;
    struct pst_transport *t;
    bool is_driven, shows_cert;
    struct tls_client *c; /* NULL: a bare client */
    int fd;               /* the client's end */
    bool is_open;
    enum pst_io ended; /* PST_IO_OK while it lives */
    struct tls_client_options options;
    unsigned come_backs;
};

/* ---- randomness without surprises ---- */

static uint32_t dice;

static int roll(void *ctx, unsigned char *dst, size_t len)
{
    (void)ctx;
    for (size_t i = 0; i < len; i++) {
        dice ^= dice << 13;
        dice ^= dice >> 17;
        dice ^= dice << 5;
        dst[i] = (unsigned char)(dice >> 8);
    }
    return 0;
}

/* In place of the system's, where tests/support makes keys with it: each run has the same ones. */
/* NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name): the system's are not for us to use */
ssize_t getrandom(void *dst, size_t len, unsigned flags)
{
    (void)flags;
    if (dice == 0)
        dice = 1;
    roll(NULL, dst, len);
    return (ssize_t)len;
}

/* ---- what all inputs share ---- */

static const struct test_cert *client_ca(void)
{
    static struct test_cert ca;
    if (!ca.cert)
        test_cert_make(&ca, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "clients", .is_ca = true});
    return &ca;
}

static void ask_for_certs(struct pst_tls_ctx *ctx, bool is_required)
{
    char line[256];
    const struct test_cert *ca = client_ca();
    CHECK(pst_tls_certs_client_ca(ctx->certs, ca->cert, ca->cert_len, is_required, (int64_t)time(NULL), line,
                                  sizeof(line)) == 0);
}

/* Gives a client a certificate of the CA that the server asks for. */
static void show_cert(mbedtls_ssl_config *conf)
{
    static mbedtls_x509_crt crt;
    static mbedtls_pk_context key;
    if (!crt.MBEDTLS_PRIVATE(own_buffer)) {
        struct test_cert cert;
        test_cert_make(
            &cert, &(struct test_cert_spec){.key = TEST_KEY_P256, .name = "client", .issuer = client_ca()});
        mbedtls_x509_crt_init(&crt);
        mbedtls_pk_init(&key);
        CHECK(mbedtls_x509_crt_parse(&crt, (unsigned char *)cert.cert, cert.cert_len + 1) == 0);
        CHECK(mbedtls_pk_parse_key(&key, (unsigned char *)cert.key, cert.key_len + 1, NULL, 0, roll, NULL) ==
              0);
        test_cert_free(&cert);
    }
    CHECK(mbedtls_ssl_conf_own_cert(conf, &crt, &key) == 0);
}

/* By the flags ASKS_FOR_CERT and REQUIRES_CERT. */
static struct pst_tls_ctx *context(uint8_t flags)
{
    static struct pst_tls_ctx *made[3];
    static struct pst_tls_tickets *tickets;
    unsigned i = flags & REQUIRES_CERT ? 2 : flags & ASKS_FOR_CERT ? 1 : 0;
    if (made[i])
        return made[i];
    uint8_t secret[PST_TICKET_SECRET_BYTES] = {1};
    char line[256];
    const struct test_cert *cert = test_cert_ec();
    CHECK(pst_tls_global_init() == 0);
    CHECK(test_tls_ctx_new(&made[i], cert->cert, cert->cert_len, cert->key, cert->key_len,
                           (int64_t)time(NULL), line, sizeof(line)) == 0);
    mbedtls_ssl_conf_rng(&made[i]->conf, roll, NULL);
    if (i > 0)
        ask_for_certs(made[i], i == 2);
    if (!tickets) {
        CHECK(pst_tls_tickets_new(&tickets) == 0);
        pst_tls_tickets_set(tickets, secret, NULL);
    }
    CHECK(pst_tls_ctx_set_tickets(made[i], tickets) == 0);
    return made[i];
}

/* ---- the server ---- */

static const char *failure(const struct scene *s)
{
    struct pst_transport_info info;
    s->t->ops->info(s->t, &info);
    return info.failure;
}

/* Whatever ends a stream ends it for good, and has a name. */
static void ended(struct scene *s, enum pst_io how, bool in_handshake)
{
    char byte;
    size_t n;
    CHECK(how == PST_IO_EOF || how == PST_IO_TRUNC || how == PST_IO_ERR);
    CHECK((failure(s)[0] == '\0') == (how == PST_IO_EOF));
    CHECK((in_handshake ? s->t->ops->handshake(s->t) : s->t->ops->read(s->t, &byte, 1, &n)) == how);
    CHECK(!s->t->ops->pending(s->t));
    s->ended = how;
}

/* Reads what is there, answers, and waits again. */
static void serve(struct scene *s)
{
    static char data[20000];
    for (unsigned i = 0; s->ended == PST_IO_OK; i++) {
        size_t n = 0, written;
        CHECK(i < ENOUGH);
        enum pst_io result =
            s->is_open ? s->t->ops->read(s->t, data, sizeof(data), &n) : s->t->ops->handshake(s->t);
        if (result == PST_IO_WANT_RD || result == PST_IO_WANT_WR) {
            if (s->is_open)
                (void)s->t->ops->flush(s->t);
            return;
        }
        if (result != PST_IO_OK) {
            ended(s, result, !s->is_open);
        } else if (!s->is_open) {
            s->is_open = true;
        } else {
            struct iovec answer[2] = {{data, n / 2}, {data, n}};
            CHECK(n > 0 && n <= sizeof(data));
            (void)s->t->ops->writev(s->t, answer, 2, &written);
        }
    }
}

/* ---- the client ---- */

static void connect_pair(struct scene *s, const mbedtls_ssl_session *session)
{
    int fds[2];
    CHECK(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0);
    CHECK(pst_tls_new(&s->t, s->ctx, &s->pools, fds[0], NULL, 0) == 0);
    s->fd = fds[1];
    s->is_open = false;
    s->ended = PST_IO_OK;
    s->options.session = session;
    if (!s->is_driven)
        return;
    s->c = tls_client_new(-1, &s->options);
    mbedtls_ssl_conf_rng(&s->c->conf, roll, NULL);
    if (s->shows_cert)
        show_cert(&s->c->conf);
}

static void disconnect(struct scene *s)
{
    if (s->is_open && s->ended != PST_IO_ERR) {
        s->t->ops->trim(s->t);
        (void)s->t->ops->shutdown(s->t);
    }
    s->t->ops->destroy(s->t);
    close(s->fd);
    CHECK(s->pools.chunks.live_count == 0 && s->pools.wires.live_count == 0);
}

/* Brings the server's bytes to the client, which may answer. */
static void listen_to(struct scene *s)
{
    unsigned char piece[16384];
    ssize_t n;
    while ((n = recv(s->fd, piece, sizeof(piece), 0)) > 0)
        tls_bytes_add(&s->c->in, piece, (size_t)n);
    (void)tls_client_step(s->c);
    if (s->c->is_open && s->c->error == 0)
        (void)tls_client_read(s->c, piece, sizeof(piece));
}

static void say(struct scene *s, const void *data, size_t len)
{
    if (len > 0)
        (void)send(s->fd, data, len, MSG_NOSIGNAL);
    serve(s);
}

static uint8_t next(struct input *in)
{
    if (in->left == 0)
        return 0;
    in->left--;
    return *in->data++;
}

static size_t next_16(struct input *in)
{
    size_t high = next(in);
    return high << 8 | next(in);
}

static void say_all(struct scene *s)
{
    say(s, s->c->out.data, s->c->out.len);
    s->c->out.len = 0;
}

static void say_piecewise(struct scene *s, uint8_t pattern)
{
    struct split split = split_of(pattern);
    for (size_t at = 0, n; at < s->c->out.len; at += n) {
        n = split_next(&split, s->c->out.len - at);
        say(s, s->c->out.data + at, n);
    }
    s->c->out.len = 0;
}

static void garble(struct scene *s, struct input *in)
{
    size_t at = next_16(in);
    uint8_t mask = next(in);
    if (s->c->out.len > 0)
        s->c->out.data[at % s->c->out.len] ^= mask;
    say_all(s);
}

/* Bytes of the input, of which the client's keys know nothing, before what it has to say. */
static void say_foreign(struct scene *s, struct input *in)
{
    size_t n = next(in);
    n = n < in->left ? n : in->left;
    char *copy = split_copy((const char *)in->data, n);
    in->data += n;
    in->left -= n;
    say(s, copy, n);
    free(copy);
}

static void write_some(struct scene *s, size_t len)
{
    static const unsigned char data[65536];
    if (s->c->is_open && s->c->error == 0)
        (void)mbedtls_ssl_write(&s->c->ssl, data, len ? len : 1);
}

#if defined(POSTERN_OWN_MBEDTLS)
/* Not in a public header: seals out_msg as a record of type out_msgtype. */
int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush);

/* A record of any type and content, sealed with the keys that the client has at this time. */
static void seal(struct scene *s, struct input *in)
{
    mbedtls_ssl_context *ssl = &s->c->ssl;
    uint8_t type = next(in);
    size_t n = next(in);
    n = n < in->left ? n : in->left;
    if (!ssl->MBEDTLS_PRIVATE(out_msg) || s->c->error != 0)
        return;
    ssl->MBEDTLS_PRIVATE(out_msgtype) = 20 + type % 5;
    ssl->MBEDTLS_PRIVATE(out_msglen) = n;
    memcpy(ssl->MBEDTLS_PRIVATE(out_msg), in->data, n);
    in->data += n;
    in->left -= n;
    (void)mbedtls_ssl_write_record(ssl, 1);
}
#endif

/* With the ticket, if there is one. */
static void come_back(struct scene *s)
{
    mbedtls_ssl_session session;
    if (!s->c->is_open || s->come_backs++ >= COME_BACKS)
        return;
    mbedtls_ssl_session_init(&session);
    bool has_session = mbedtls_ssl_get_session(&s->c->ssl, &session) == 0;
    struct tls_client *before = s->c;
    disconnect(s);
    connect_pair(s, has_session ? &session : NULL);
    s->options.session = NULL; /* the client has its own copy */
    tls_client_free(before);
    mbedtls_ssl_session_free(&session);
}

static void act(struct scene *s, struct input *in)
{
    switch (next(in) % 14) {
    default:
        say_all(s);
        break;
    case 1:
        garble(s, in);
        break;
    case 2: { /* cut off at the end */
        size_t less = next_16(in);
        say(s, s->c->out.data, less < s->c->out.len ? s->c->out.len - less : 0);
        s->c->out.len = 0;
        break;
    }
    case 3:
        say_foreign(s, in);
        break;
    case 4: /* twice */
        say(s, s->c->out.data, s->c->out.len);
        say_all(s);
        break;
    case 5: { /* a part now */
        size_t n = next_16(in);
        n = n < s->c->out.len ? n : s->c->out.len;
        say(s, s->c->out.data, n);
        if (n > 0)
            tls_bytes_drop(&s->c->out, n);
        break;
    }
    case 6:
        write_some(s, next_16(in));
        break;
    case 7:
        if (s->c->is_open && s->c->error == 0)
            (void)mbedtls_ssl_close_notify(&s->c->ssl);
        break;
    case 8:
        (void)shutdown(s->fd, SHUT_WR);
        serve(s);
        break;
    case 9:
        if (s->is_open && s->ended != PST_IO_ERR)
            (void)s->t->ops->shutdown(s->t);
        break;
    case 10:
        come_back(s);
        break;
    case 11:
        say_piecewise(s, next(in));
        break;
    case 12:
        if (s->ended != PST_IO_ERR)
            s->t->ops->trim(s->t);
        break;
#if defined(POSTERN_OWN_MBEDTLS)
    case 13:
        seal(s, in);
        break;
#endif
    }
}

static void drive(struct scene *s, struct input *in)
{
    for (unsigned i = 0; in->left > 0 && i < OPERATIONS; i++) {
        listen_to(s);
        act(s, in);
    }
    listen_to(s);
    say_all(s);
    listen_to(s);
    say_all(s);
}

static void recite(struct scene *s, struct input *in, uint8_t pattern)
{
    struct split split = split_of(pattern);
    while (in->left > 0 && s->ended == PST_IO_OK) {
        size_t n = split_next(&split, in->left);
        char *copy = split_copy((const char *)in->data, n);
        say(s, copy, n);
        free(copy);
        in->data += n;
        in->left -= n;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct input in = {data, size};
    struct scene s = {0};
    uint8_t flags = next(&in);
    s.ctx = context(flags);
    dice = 2463534242;
    s.options.versions = flags & ONLY_12   ? PST_TLS_12_ONLY
                         : flags & ONLY_13 ? PST_TLS_13_ONLY
                                           : PST_TLS_12_AND_13;
    pst_pools_init(&s.pools);
    s.is_driven = flags & HAS_DRIVER;
    s.shows_cert = flags & SHOWS_CERT;
    connect_pair(&s, NULL);
    if (s.is_driven)
        drive(&s, &in);
    else
        recite(&s, &in, flags & SPLITS ? next(&in) : 0);
    (void)shutdown(s.fd, SHUT_WR);
    serve(&s);
    /* The client has gone: there is nothing left to wait for, but a full socket. */
    CHECK(s.ended != PST_IO_OK);
    tls_client_free(s.c);
    s.c = NULL;
    disconnect(&s);
    pst_pools_fini(&s.pools);
    return 0;
}
