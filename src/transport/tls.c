/* tls.c - the TLS transport: Mbed TLS as a codec between two buffers of ciphertext.
 *
 * Mbed TLS's I/O callbacks only copy from the in buffer (one chunk) and to the out buffer (one wire). The
 * socket is read and written around it: one recv brings many records, one send carries several. Both buffers
 * are taken from the worker's pools when needed and given back as soon as they are empty.
 *
 * The rule that keeps mbedtls_ssl_write harmless: a record is sealed only while it fits the out buffer, so
 * Mbed TLS never holds unsent output of its own. (With unsent output, a repeated write takes the length of
 * the new data for the old record's, and an alert is dropped: Mbed TLS issues 1356, 4183, 8859.) */
#include "transport/tls.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <mbedtls/ssl.h>

#include "postern/err.h"
#include "transport/tcp.h"
#include "transport/tls_internal.h"
#include "transport/tls_seal.h"
#include "transport/tls_trim.h"

/* More than any cipher suite here adds to a record: header 5, explicit nonce 8 or content type and padding to
 * 16, tag 16. */
#define RECORD_OVERHEAD ((size_t)64)
/* On a new connection, and on one that was idle, where the path's window is small (RFC 6928), a record fits
 * one TCP segment. Once the first windows have gone records are full: each one costs, and so many small ones
 * 8 us. */
#define FIRST_BYTES ((size_t)32768)
/* What writev leaves free in the out buffer, for alerts that reading gives rise to and for close_notify. */
#define ALERT_RESERVE ((size_t)256)
/* Ciphertext taken by one read without one byte of plaintext in it. A record holds at most 16 KiB, so this is
 * a client that sends nothing but empty records and warnings, to keep us busy. */
#define NOISE_MOST ((size_t)65536)
/* Sealed output of up to this much waits for flush or shutdown, in the company of what is counted next: so a
 * ticket, a reply and close_notify leave in one segment. More goes out at once, while it is in the caches. */
#define HELD_MOST ((size_t)16384)
/* Ciphertext of a whole handshake. A ClientHello, even twice, and a Finished need far less; a client that
 * sends dummy ChangeCipherSpec records without end (RFC 8446 5 allows one) would otherwise never let us go.
 */
#define HANDSHAKE_MOST ((size_t)65536)

enum phase {
    PHASE_PEEK,      /* nothing received yet: no Mbed TLS state */
    PHASE_HANDSHAKE, /* in Mbed TLS's hands */
    PHASE_OPEN,      /* agreed; the out buffer may still hold our last flight, or a ticket */
};

struct tls {
    struct pst_transport base;
    struct pst_socket socket;
    struct pst_tls_ctx *ctx;
    struct pst_tls_certs *certs; /* those that the handshake began with; NULL before it */
    struct pst_pools *pools;
    enum phase phase;
    enum pst_io ended; /* PST_IO_OK while receiving works; then what every read gives */
    bool is_told;      /* the caller has seen ended */
    bool is_broken;    /* ERR: nothing works any more */
    bool is_stuck;     /* the socket has taken less than there was in the out buffer */
    bool is_notified;  /* our close_notify is sealed */
    bool is_resumed;   /* by a ticket */
    bool is_http;      /* broken, because the client speaks plain HTTP; in holds what it said */
    char *client;      /* the name that its certificate proves; NULL: it showed none */
    const char *failure;
    const char *cipher; /* agreed on; NULL before that */
    unsigned char *in;  /* ciphertext received: [in_pos, in_len); NULL where there is none */
    size_t in_pos, in_len;
    unsigned char *out; /* ciphertext to send: [out_pos, out_len); NULL where there is none */
    size_t out_pos, out_len;
    size_t handshake_bytes; /* received before the handshake's end */
    size_t record_bytes;    /* the most plaintext of a record: 16384 (Mbed TLS's TLS 1.3: 16383), or what was
                               agreed on */
    size_t first_bytes; /* of plaintext, sealed since the connection was new, or idle; up to FIRST_BYTES */
    struct pst_tls_rest rest;
    mbedtls_ssl_context ssl;
};

static struct tls *self(struct pst_transport *t)
{
    return (struct tls *)t;
}

/* ---- the buffers ---- */

static size_t in_left(const struct tls *tls)
{
    return tls->in_len - tls->in_pos;
}

static size_t out_held(const struct tls *tls)
{
    return tls->out_len - tls->out_pos;
}

static void drop_in(struct tls *tls)
{
    pst_pool_put(&tls->pools->chunks, tls->in);
    tls->in = NULL;
    tls->in_pos = tls->in_len = 0;
}

static void drop_out(struct tls *tls)
{
    pst_pool_put(&tls->pools->wires, tls->out);
    tls->out = NULL;
    tls->out_pos = tls->out_len = 0;
}

static bool take_out(struct tls *tls)
{
    if (tls->out)
        return true;
    tls->out = pst_pool_get(&tls->pools->wires);
    tls->out_pos = tls->out_len = tls->out ? PST_TLS_SEAL_BEFORE : 0;
    return tls->out != NULL;
}

static int bio_send(void *ctx, const unsigned char *data, size_t len)
{
    struct tls *tls = ctx;
    if (!take_out(tls))
        return MBEDTLS_ERR_SSL_ALLOC_FAILED;
    size_t room = PST_WIRE_BYTES - tls->out_len;
    if (room == 0)
        return MBEDTLS_ERR_SSL_WANT_WRITE; /* only in a handshake, which then goes on after a flush */
    if (len > room)
        len = room;
    if (data != tls->out + tls->out_len)
        memcpy(tls->out + tls->out_len, data, len);
    tls->out_len += len;
    return (int)len;
}

/* The end of the stream is never reported from here: mbedtls_ssl_read also returns 0 for an empty record. */
static int bio_recv(void *ctx, unsigned char *dst, size_t len)
{
    struct tls *tls = ctx;
    size_t left = in_left(tls);
    if (left == 0)
        return MBEDTLS_ERR_SSL_WANT_READ;
    if (len > left)
        len = left;
    memcpy(dst, tls->in + tls->in_pos, len);
    tls->in_pos += len;
    return (int)len;
}

/* ---- failing ---- */

static enum pst_io fail(struct tls *tls, const char *cause)
{
    if (!tls->is_broken) {
        tls->is_broken = true;
        tls->ended = PST_IO_ERR;
        tls->failure = cause;
        drop_in(tls);
        drop_out(tls);
    }
    return PST_IO_ERR;
}

static enum pst_io fail_socket(struct tls *tls)
{
    switch (tls->socket.error) {
    case ECONNRESET:
    case EPIPE:
        return fail(tls, "connection reset by client");
    case ETIMEDOUT:
        return fail(tls, "connection timed out");
    default:
        return fail(tls, "connection failed");
    }
}

static enum pst_io send_how(struct tls *tls, enum pst_send how)
{
    while (tls->out_pos < tls->out_len) {
        size_t n;
        enum pst_io result = pst_socket_send(&tls->socket, tls->out + tls->out_pos, out_held(tls), how, &n);
        if (result == PST_IO_WANT_WR) {
            tls->is_stuck = true;
            return result;
        }
        if (result != PST_IO_OK)
            return fail_socket(tls);
        tls->out_pos += n;
    }
    tls->is_stuck = false;
    drop_out(tls);
    return PST_IO_OK;
}

/* Sends what is held: OK when all is gone. */
static enum pst_io send_out(struct tls *tls)
{
    return send_how(tls, PST_SEND_NOW);
}

/* error: of an Mbed TLS call that found held bytes in the out buffer. Tells the peer, as far as the socket
 * takes it at once. */
static enum pst_io fail_tls(struct tls *tls, int error, size_t held)
{
    const char *cause = pst_tls_cause(&tls->ssl, error);
    unsigned char alert = pst_tls_alert(&tls->ssl, error);
    /* Output from a failed call is an alert. */
    if (out_held(tls) == held && alert != 0)
        (void)mbedtls_ssl_send_alert_message(&tls->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL, alert);
    (void)send_out(tls);
    tls->is_broken = false; /* a reset connection is not the cause, if it is what send_out found */
    return fail(tls, cause);
}

/* Refills the empty in buffer with one recv. */
static enum pst_io fill_in(struct tls *tls)
{
    if (!tls->in) {
        tls->in = pst_pool_get(&tls->pools->chunks);
        if (!tls->in)
            return fail(tls, "out of memory");
    }
    enum pst_io result = pst_socket_recv(&tls->socket, tls->in, PST_CHUNK_BYTES, &tls->in_len);
    tls->in_pos = 0;
    if (result == PST_IO_OK)
        return result;
    tls->in_len = 0;
    drop_in(tls);
    return result == PST_IO_ERR ? fail_socket(tls) : result;
}

static enum pst_io end(struct tls *tls, enum pst_io how, const char *failure)
{
    tls->ended = how;
    tls->failure = failure;
    drop_in(tls);
    return how;
}

/* ---- handshake ---- */

static bool is_http(const unsigned char *data, size_t len)
{
    static const char *const methods[] = {"GET ",     "HEAD ",  "POST ",  "PUT ",     "DELETE ",
                                          "OPTIONS ", "PATCH ", "TRACE ", "CONNECT ", "PRI * "};
    for (size_t i = 0; i < sizeof(methods) / sizeof(methods[0]); i++) {
        size_t n = strlen(methods[i]);
        if (memcmp(data, methods[i], len < n ? len : n) == 0)
            return true;
    }
    return false;
}

/* The bytes are kept: plain() hands them on. */
static enum pst_io meet_http(struct tls *tls)
{
    tls->is_http = tls->is_broken = true;
    tls->ended = PST_IO_ERR;
    tls->failure = "plain HTTP sent to the TLS port";
    return PST_IO_ERR;
}

/* Waits for the client's first bytes without any TLS state, and turns away what is no TLS. */
static enum pst_io peek(struct tls *tls)
{
    enum pst_io result = fill_in(tls);
    if (result == PST_IO_EOF)
        return end(tls, PST_IO_EOF, "");
    if (result != PST_IO_OK)
        return result;
    /* RFC 8446 5.1 Record Layer: a ClientHello is in records of type handshake. */
    if (tls->in[0] != MBEDTLS_SSL_MSG_HANDSHAKE && tls->in[0] != MBEDTLS_SSL_MSG_ALERT)
        return is_http(tls->in, tls->in_len) ? meet_http(tls) : fail(tls, "client does not speak TLS");
    if (mbedtls_ssl_setup(&tls->ssl, &tls->ctx->conf) != 0)
        return fail(tls, "out of memory");
    tls->certs = pst_tls_certs_ref(tls->ctx->certs);
    mbedtls_ssl_set_user_data_p(&tls->ssl, tls->certs);
    mbedtls_ssl_set_bio(&tls->ssl, tls, bio_send, bio_recv, NULL);
    tls->phase = PHASE_HANDSHAKE;
    return PST_IO_OK;
}

static enum pst_io agreed(struct tls *tls)
{
    int refused = pst_tls_client_check(&tls->ssl, tls->certs, &tls->client);
    if (refused != 0)
        return fail_tls(tls, refused, out_held(tls));
    int most = mbedtls_ssl_get_max_out_record_payload(&tls->ssl);
    tls->record_bytes = most > 0 && most <= PST_CHUNK_BYTES ? (size_t)most : PST_CHUNK_BYTES;
    tls->cipher = mbedtls_ssl_get_ciphersuite(&tls->ssl);
    pst_tls_settle(&tls->ssl);
    tls->phase = PHASE_OPEN;
    return PST_IO_OK;
}

/* One step: OK to go on. */
static enum pst_io negotiate(struct tls *tls)
{
    size_t held = out_held(tls);
    tls->ctx->has_opened_ticket = false;
    int error = mbedtls_ssl_handshake(&tls->ssl);
    tls->is_resumed = tls->is_resumed || tls->ctx->has_opened_ticket;
    enum pst_io result;
    switch (error) {
    case 0:
        return agreed(tls);
    case MBEDTLS_ERR_SSL_WANT_READ:
        if (in_left(tls) > 0)
            return PST_IO_OK;
        /* The client waits for our flight: it goes out whole, before we wait for the client. */
        result = send_out(tls);
        if (result != PST_IO_OK)
            return result;
        result = fill_in(tls);
        if (result == PST_IO_EOF)
            return end(tls, PST_IO_TRUNC, "client closed during TLS handshake");
        tls->handshake_bytes += tls->in_len;
        if (tls->handshake_bytes > HANDSHAKE_MOST)
            return fail(tls, "client sends too much in its TLS handshake");
        return result;
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        return send_out(tls);
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        return end(tls, PST_IO_TRUNC, "client closed during TLS handshake");
    /* Nothing here computes in the background or in slices; a library that does goes on when called again. */
    case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
        return PST_IO_OK;
    default:
        return fail_tls(tls, error, held);
    }
}

static enum pst_io tls_handshake(struct pst_transport *t)
{
    struct tls *tls = self(t);
    if (tls->is_broken)
        return PST_IO_ERR;
    while (tls->phase != PHASE_OPEN) {
        if (tls->ended != PST_IO_OK) {
            tls->is_told = true;
            return tls->ended;
        }
        enum pst_io result = PST_IO_OK;
        switch (tls->phase) {
        case PHASE_PEEK:
            result = peek(tls);
            break;
        case PHASE_HANDSHAKE:
            result = negotiate(tls);
            break;
        case PHASE_OPEN:
            break;
        }
        if (result == PST_IO_WANT_RD || result == PST_IO_WANT_WR)
            return result;
    }
    if (in_left(tls) == 0)
        drop_in(tls);
    return PST_IO_OK;
}

/* ---- reading ---- */

/* Reading without a session: only after shutdown, for the linger. What comes is counted, so that the caller's
 * limits hold, but shows as zeros: nobody must take it for plaintext. */
static enum pst_io discard(struct tls *tls, void *dst, size_t cap, size_t *ret_n)
{
    if (!tls->socket.is_shut)
        return PST_IO_ERR;
    enum pst_io result = pst_socket_recv(&tls->socket, dst, cap, ret_n);
    if (result == PST_IO_OK)
        memset(dst, 0, *ret_n);
    else if (result == PST_IO_EOF)
        result = end(tls, PST_IO_TRUNC, "client closed during TLS handshake");
    else if (result == PST_IO_ERR)
        result = fail_socket(tls);
    if (tls->ended != PST_IO_OK)
        tls->is_told = true;
    return result;
}

/* Gets more ciphertext: OK, or what a read without any plaintext returns. */
static enum pst_io refill(struct tls *tls, size_t *noise)
{
    enum pst_io result = fill_in(tls);
    if (result == PST_IO_EOF)
        return end(tls, PST_IO_TRUNC, "client closed without TLS close_notify");
    *noise += tls->in_len;
    if (*noise > NOISE_MOST)
        return fail(tls, "client sends only empty TLS records");
    return result;
}

/* Decrypts once. More than 0: that many bytes; otherwise *ret_result is OK to go on, or why not. */
static size_t unseal(struct tls *tls, void *dst, size_t cap, enum pst_io *ret_result)
{
    size_t held = out_held(tls);
    if (tls->rest.is_asleep)
        pst_tls_wake(&tls->ssl, &tls->rest);
    int n = mbedtls_ssl_read(&tls->ssl, dst, cap);
    if (n > 0)
        return (size_t)n;
    switch (n) {
    case 0: /* an empty record */
    case MBEDTLS_ERR_SSL_WANT_READ:
    case MBEDTLS_ERR_SSL_ASYNC_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_CRYPTO_IN_PROGRESS:
    case MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET:
        *ret_result = PST_IO_OK;
        break;
    case MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY:
        *ret_result = end(tls, PST_IO_EOF, "");
        break;
    case MBEDTLS_ERR_SSL_WANT_WRITE:
        /* The reserve for alerts is used up: the client asks for renegotiation again and again, and does not
         * even read our refusals. */
        *ret_result = fail(tls, "client floods with TLS renegotiation");
        break;
    default:
        *ret_result = fail_tls(tls, n, held);
        break;
    }
    return 0;
}

static enum pst_io tls_read(struct pst_transport *t, void *dst, size_t cap, size_t *ret_n)
{
    struct tls *tls = self(t);
    enum pst_io result = tls->ended;
    if (result == PST_IO_OK && tls->phase != PHASE_OPEN)
        return discard(tls, dst, cap, ret_n);
    size_t got = 0, noise = 0, held = out_held(tls);
    /* Small records are taken together, but the socket is asked again only where there is nothing yet. */
    while (result == PST_IO_OK && got < cap) {
        size_t n = unseal(tls, (unsigned char *)dst + got, cap - got, &result);
        got += n;
        if (n > 0 || result != PST_IO_OK || in_left(tls) > 0)
            continue;
        if (got > 0)
            break;
        result = refill(tls, &noise);
    }
    if (in_left(tls) == 0)
        drop_in(tls);
    /* An answer to the client, such as the refusal of a renegotiation. */
    if (out_held(tls) > held && send_out(tls) == PST_IO_ERR)
        result = PST_IO_ERR;
    if (got > 0) {
        *ret_n = got;
        return PST_IO_OK;
    }
    if (tls->ended != PST_IO_OK)
        tls->is_told = true;
    return result;
}

static bool tls_pending(const struct pst_transport *t)
{
    const struct tls *tls = (const struct tls *)t;
    if (tls->ended != PST_IO_OK)
        return !tls->is_told;
    if (in_left(tls) > 0 || tls->socket.maybe_more)
        return true;
    return tls->phase == PHASE_OPEN &&
           (mbedtls_ssl_get_bytes_avail(&tls->ssl) > 0 || mbedtls_ssl_check_pending(&tls->ssl) != 0);
}

/* ---- writing ---- */

/* The most plaintext of the next record. */
static size_t record_most(const struct tls *tls)
{
    return tls->first_bytes < FIRST_BYTES && tls->record_bytes > PST_TLS_SEGMENT_BYTES ? PST_TLS_SEGMENT_BYTES
                                                                                       : tls->record_bytes;
}

/* Whether a record of n bytes can be sealed now. */
static bool has_room(const struct tls *tls, size_t n)
{
    return PST_WIRE_BYTES - tls->out_len >= n + RECORD_OVERHEAD + ALERT_RESERVE;
}

/* Seals what the out buffer has room for. scratch: where small pieces are brought together; taken when first
 * needed. */
static enum pst_io seal(struct tls *tls, struct pst_tls_cursor *c, unsigned char **scratch, size_t *ret_taken)
{
    while (c->left > 0) {
        int pieces;
        size_t n = pst_tls_measure(c, record_most(tls), &pieces);
        if (pieces > 1 && !*scratch) {
            *scratch = pst_pool_get(&tls->pools->chunks);
            if (!*scratch) { /* out of memory: then a record for each piece */
                n = c->iov->iov_len - c->offset;
                pieces = 1;
            }
        }
        if (!has_room(tls, n))
            break;
        const unsigned char *data = (const unsigned char *)c->iov->iov_base + c->offset;
        if (pieces > 1) {
            pst_tls_gather(c, *scratch, n);
            data = *scratch;
        }
        size_t held = out_held(tls);
        int sealed = take_out(tls) ? pst_tls_seal_at(&tls->ssl, tls->out + tls->out_len, data, n)
                                   : MBEDTLS_ERR_SSL_ALLOC_FAILED;
        if (sealed < 0)
            return fail_tls(tls, sealed, held);
        if ((size_t)sealed != n)
            return fail(tls, "Mbed TLS sealed less than it was given");
        pst_tls_skip(c, n);
        *ret_taken += n;
        if (tls->first_bytes < FIRST_BYTES)
            tls->first_bytes += n;
    }
    return PST_IO_OK;
}

static enum pst_io tls_writev(struct pst_transport *t, const struct iovec *iov, int cnt, size_t *ret_n)
{
    struct tls *tls = self(t);
    if (tls->is_broken || tls->phase != PHASE_OPEN || tls->is_notified)
        return PST_IO_ERR;
    struct pst_tls_cursor c = {iov, cnt, 0};
    pst_tls_skip(&c, 0); /* writing nothing must not reach Mbed TLS, which would make an empty record of it */
    size_t taken = 0;
    enum pst_io result = PST_IO_OK;
    if (c.left > 0) {
        /* What the socket has not taken yet goes first. While it is full, sealing more would only fill
         * memory. */
        if (tls->is_stuck)
            result = send_out(tls);
        unsigned char *scratch = NULL;
        if (result == PST_IO_OK)
            result = seal(tls, &c, &scratch, &taken);
        pst_pool_put(&tls->pools->chunks, scratch);
        if (result == PST_IO_OK && out_held(tls) > HELD_MOST && send_out(tls) == PST_IO_ERR)
            result = PST_IO_ERR;
    }
    if (result == PST_IO_OK)
        *ret_n = taken;
    return result;
}

static enum pst_io tls_flush(struct pst_transport *t)
{
    struct tls *tls = self(t);
    return tls->is_broken ? PST_IO_ERR : send_out(tls);
}

static enum pst_io tls_shutdown(struct pst_transport *t)
{
    struct tls *tls = self(t);
    if (tls->is_broken)
        return PST_IO_ERR;
    if (tls->socket.is_shut)
        return PST_IO_OK;
    enum pst_io result;
    if (tls->phase == PHASE_OPEN && !tls->is_notified) {
        if (PST_WIRE_BYTES - tls->out_len < RECORD_OVERHEAD) {
            result = send_out(tls);
            if (result != PST_IO_OK)
                return result;
        }
        int error = mbedtls_ssl_close_notify(&tls->ssl);
        if (error != 0)
            return fail(tls, pst_tls_cause(&tls->ssl, error));
        tls->is_notified = true;
    }
    /* A handshake that has not ended well needs no last words. */
    if (tls->phase == PHASE_OPEN) {
        result = send_how(tls, PST_SEND_LAST);
        if (result != PST_IO_OK)
            return result;
    } else {
        drop_out(tls);
    }
    result = pst_socket_shutdown(&tls->socket);
    return result == PST_IO_ERR ? fail_socket(tls) : result;
}

/* ---- the rest ---- */

static void tls_trim(struct pst_transport *t)
{
    struct tls *tls = self(t);
    tls->first_bytes = 0;
    if (in_left(tls) == 0)
        drop_in(tls);
    if (tls->phase == PHASE_OPEN && out_held(tls) == 0 && in_left(tls) == 0)
        pst_tls_trim(&tls->ssl, &tls->rest);
}

static struct pst_transport *tls_plain(struct pst_transport *t)
{
    struct tls *tls = self(t);
    struct pst_transport *plain;
    if (!tls->is_http || !tls->in ||
        pst_tcp_new_begun(&plain, &tls->socket, &tls->pools->chunks, tls->in, tls->in_len) != 0)
        return NULL;
    tls->in = NULL;
    return plain;
}

static uint64_t tls_backlog(const struct pst_transport *t)
{
    const struct tls *tls = (const struct tls *)t;
    return out_held(tls) + pst_socket_backlog(&tls->socket);
}

static void tls_info(const struct pst_transport *t, struct pst_transport_info *ret_info)
{
    const struct tls *tls = (const struct tls *)t;
    pst_socket_info(&tls->socket, ret_info);
    ret_info->is_secure = true;
    ret_info->security = ret_info->cipher = ret_info->alpn = ret_info->client = "";
    ret_info->failure = tls->failure;
    ret_info->is_resumed = false;
    if (tls->phase == PHASE_PEEK || tls->phase == PHASE_HANDSHAKE)
        return;
    ret_info->is_resumed = tls->is_resumed;
    if (tls->client)
        ret_info->client = tls->client;
    ret_info->security = mbedtls_ssl_get_version(&tls->ssl);
    if (tls->cipher)
        ret_info->cipher = tls->cipher;
    const char *alpn = mbedtls_ssl_get_alpn_protocol(&tls->ssl);
    if (alpn)
        ret_info->alpn = alpn;
}

static void tls_destroy(struct pst_transport *t)
{
    struct tls *tls = self(t);
    drop_in(tls);
    drop_out(tls);
    pst_tls_end(&tls->ssl, &tls->rest);
    pst_tls_certs_unref(tls->certs);
    free(tls->client);
    pst_socket_close(&tls->socket);
    free(tls);
}

static const struct pst_transport_ops tls_ops = {
    .name = "tls",
    .is_handshake_costly = true,
    .handshake = tls_handshake,
    .read = tls_read,
    .writev = tls_writev,
    .sendfile = NULL, /* the bytes must be sealed first */
    .flush = tls_flush,
    .shutdown = tls_shutdown,
    .pending = tls_pending,
    .trim = tls_trim,
    .backlog = tls_backlog,
    .cut = NULL, /* an end without close_notify says it */
    .plain = tls_plain,
    .info = tls_info,
    .destroy = tls_destroy,
};

int pst_tls_new(struct pst_transport **ret_transport, struct pst_tls_ctx *ctx, struct pst_pools *pools,
                int fd, const struct sockaddr *peer, socklen_t peer_len)
{
    struct tls *tls = calloc(1, sizeof(*tls));
    if (!tls) {
        close(fd);
        return PST_E_NOMEM;
    }
    tls->base.ops = &tls_ops;
    pst_socket_init(&tls->socket, fd, peer, peer_len);
    tls->ctx = ctx;
    tls->pools = pools;
    tls->failure = "";
    mbedtls_ssl_init(&tls->ssl);
    *ret_transport = &tls->base;
    return 0;
}
