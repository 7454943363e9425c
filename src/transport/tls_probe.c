/* tls_probe.c - a TLS client that looks at servers. */
#include "transport/tls_probe.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include <mbedtls/error.h>
#include <mbedtls/pem.h>
#include <mbedtls/ssl_ciphersuites.h>

#include "postern/err.h"
#include "transport/tls_internal.h"

struct line {
    int fd;
    int64_t deadline_ms;
    struct pst_tls_probe_result *result; /* NULL: first bytes are not kept */
};

/* ---- the socket ---- */

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* False when the deadline has come. */
static bool await(const struct line *line, short events)
{
    for (;;) {
        struct pollfd p = {.fd = line->fd, .events = events};
        int64_t left = line->deadline_ms - now_ms();
        int n = left > 0 ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : 0;
        if (n > 0)
            return true;
        if (left <= 0 || (n < 0 && errno != EINTR))
            return false;
    }
}

/* Both return the number of bytes, 0 at the end, or one of Mbed TLS's errors. */
static int do_send(void *arg, const unsigned char *data, size_t len)
{
    const struct line *line = arg;
    for (;;) {
        ssize_t n = send(line->fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (n >= 0)
            return (int)n;
        if (errno == EINTR)
            continue;
        if (errno != EAGAIN || !await(line, POLLOUT))
            return errno == EAGAIN ? MBEDTLS_ERR_SSL_TIMEOUT : MBEDTLS_ERR_SSL_CONN_EOF;
    }
}

static int do_recv(void *arg, unsigned char *data, size_t len)
{
    const struct line *line = arg;
    ssize_t n = -1;
    while (n < 0) {
        if (!await(line, POLLIN))
            return MBEDTLS_ERR_SSL_TIMEOUT;
        n = recv(line->fd, data, len, MSG_DONTWAIT);
        if (n < 0 && errno != EINTR && errno != EAGAIN)
            return MBEDTLS_ERR_SSL_CONN_EOF;
    }
    struct pst_tls_probe_result *result = line->result;
    for (ssize_t i = 0; result && i < n && result->first_len < sizeof(result->first); i++)
        result->first[result->first_len++] = data[i];
    return (int)n;
}

/* ---- what is seen ---- */

static void explain(mbedtls_ssl_context *ssl, int error, struct pst_tls_probe_result *result)
{
    const char *text = pst_tls_describe(error);
    switch (error) {
    case MBEDTLS_ERR_SSL_TIMEOUT:
        text = "no answer within the time";
        break;
    case MBEDTLS_ERR_SSL_CONN_EOF:
        text = result->first_len > 0 ? "the server closed the connection amid the handshake"
                                     : "the server closed the connection without a word";
        break;
    case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
        (void)snprintf(result->error, sizeof(result->error), "the server refused with an alert (%s)",
                       pst_tls_cause(ssl, error));
        return;
    case MBEDTLS_ERR_SSL_INVALID_RECORD:
        text = "the answer is not TLS";
        break;
    default:
        break;
    }
    result->is_certificate =
        error == MBEDTLS_ERR_SSL_BAD_CERTIFICATE || (error <= -0x2000 && error > -0x3000);
    (void)snprintf(result->error, sizeof(result->error), "%s", text);
}

/* The chain as PEM. */
static int keep_chain(const mbedtls_x509_crt *chain, struct pst_tls_probe_result *result)
{
    for (const mbedtls_x509_crt *crt = chain; crt; crt = crt->next) {
        size_t room = crt->raw.len * 2 + 256, n = 0;
        char *longer = realloc(result->chain, result->chain_len + room);
        if (!longer)
            return PST_E_NOMEM;
        result->chain = longer;
        if (mbedtls_pem_write_buffer("-----BEGIN CERTIFICATE-----\n", "-----END CERTIFICATE-----\n",
                                     crt->raw.p, crt->raw.len, (unsigned char *)longer + result->chain_len,
                                     room, &n) != 0)
            return PST_E_NOMEM;
        result->chain_len += n - 1; /* the NUL is counted */
    }
    return 0;
}

static void see(mbedtls_ssl_context *ssl, struct pst_tls_probe_result *result)
{
    const char *alpn = mbedtls_ssl_get_alpn_protocol(ssl);
    result->is_done = true;
    result->version = (unsigned)mbedtls_ssl_get_version_number(ssl);
    (void)snprintf(result->suite, sizeof(result->suite), "%s", mbedtls_ssl_get_ciphersuite(ssl));
    (void)snprintf(result->alpn, sizeof(result->alpn), "%s", alpn ? alpn : "");
}

/* ---- the handshake ---- */

/* What a client needs, set up and freed together. */
struct client {
    mbedtls_ssl_config conf;
    mbedtls_ssl_context ssl;
    struct pst_tls_random random;
    int suites[2];
};

static bool is_address(const char *host)
{
    unsigned char address[16];
    return inet_pton(AF_INET, host, address) == 1 || inet_pton(AF_INET6, host, address) == 1;
}

static int set_up(struct client *client, const struct pst_tls_probe_spec *spec)
{
    mbedtls_ssl_config *conf = &client->conf;
    int result = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
                                             MBEDTLS_SSL_PRESET_DEFAULT);
    if (result != 0)
        return result;
    mbedtls_ssl_conf_rng(conf, mbedtls_ctr_drbg_random, &client->random.rng);
    mbedtls_ssl_conf_authmode(conf, MBEDTLS_SSL_VERIFY_NONE);
    if (spec->version) {
        mbedtls_ssl_conf_min_tls_version(conf, (mbedtls_ssl_protocol_version)spec->version);
        mbedtls_ssl_conf_max_tls_version(conf, (mbedtls_ssl_protocol_version)spec->version);
    }
    client->suites[0] = spec->suite;
    if (spec->suite)
        mbedtls_ssl_conf_ciphersuites(conf, client->suites);
    if (spec->alpn)
        result = mbedtls_ssl_conf_alpn_protocols(conf, spec->alpn);
    if (result == 0)
        result = mbedtls_ssl_setup(&client->ssl, conf);
    if (result == 0)
        result =
            mbedtls_ssl_set_hostname(&client->ssl, spec->host && !is_address(spec->host) ? spec->host : NULL);
    return result;
}

static int shake(struct client *client, struct line *line)
{
    int result;
    mbedtls_ssl_set_bio(&client->ssl, line, do_send, do_recv, NULL);
    do
        result = mbedtls_ssl_handshake(&client->ssl);
    while (result == MBEDTLS_ERR_SSL_WANT_READ || result == MBEDTLS_ERR_SSL_WANT_WRITE);
    return result;
}

int pst_tls_probe(int fd, const struct pst_tls_probe_spec *spec, struct pst_tls_probe_result *ret_result)
{
    *ret_result = (struct pst_tls_probe_result){0};
    struct line line = {.fd = fd, .deadline_ms = now_ms() + spec->timeout_ms, .result = ret_result};
    struct pst_tls_line words = {ret_result->error, sizeof(ret_result->error)};
    struct client *client = calloc(1, sizeof(*client));
    if (!client)
        return pst_tls_out_of_memory(words);
    mbedtls_ssl_config_init(&client->conf);
    mbedtls_ssl_init(&client->ssl);
    int err = pst_tls_random_init(&client->random, words);
    if (!err) {
        int result = set_up(client, spec);
        if (result == 0)
            result = shake(client, &line);
        if (result == 0)
            see(&client->ssl, ret_result);
        else
            explain(&client->ssl, result, ret_result);
        err = result == 0 ? 0 : PST_E_TLS;
        const mbedtls_x509_crt *chain = mbedtls_ssl_get_peer_cert(&client->ssl);
        if (chain && keep_chain(chain, ret_result) != 0)
            err = PST_E_NOMEM;
        if (result == 0)
            (void)mbedtls_ssl_close_notify(&client->ssl);
    }
    mbedtls_ssl_free(&client->ssl);
    mbedtls_ssl_config_free(&client->conf);
    pst_tls_random_fini(&client->random);
    free(client);
    return err;
}

/* ---- suites ---- */

const int *pst_tls_probe_suites(void)
{
    return mbedtls_ssl_list_ciphersuites();
}

const char *pst_tls_probe_suite_name(int suite)
{
    const char *name = mbedtls_ssl_get_ciphersuite_name(suite);
    return name ? name : "unknown";
}

unsigned pst_tls_probe_suite_version(int suite)
{
    /* RFC 8446 B.4: those of TLS 1.3 are 0x13xx. */
    return (unsigned)suite >> 8 == 0x13 ? 0x0304 : 0x0303;
}

bool pst_tls_probe_suite_is_aead(int suite)
{
    return strstr(pst_tls_probe_suite_name(suite), "CBC") == NULL;
}

/* ---- what Mbed TLS does not speak ---- */

struct hello {
    unsigned char bytes[512];
    size_t len;
};

static void put(struct hello *hello, const void *bytes, size_t len)
{
    if (hello->len + len > sizeof(hello->bytes))
        return; /* the host's name is bounded below, so this is not reached */
    memcpy(hello->bytes + hello->len, bytes, len);
    hello->len += len;
}

static void put_u16(struct hello *hello, size_t value)
{
    const unsigned char bytes[2] = {(unsigned char)(value >> 8), (unsigned char)value};
    put(hello, bytes, sizeof(bytes));
}

/* RFC 6066 3 Server Name Indication; RFC 8422 5.1 the curves and point formats that old suites need; RFC 5246
 * 7.4.1.4.1 Signature Algorithms, which TLS 1.2 needs. */
static void put_extensions(struct hello *hello, const char *host, bool is_12)
{
    static const unsigned char curves[] = {0, 10, 0, 8, 0, 6, 0, 29, 0, 23, 0, 24, 0, 11, 0, 2, 1, 0};
    static const unsigned char signatures[] = {0, 13, 0, 10, 0, 8, 4, 3, 4, 1, 5, 1, 2, 1};
    size_t name_len = host && !is_address(host) && strlen(host) < 256 ? strlen(host) : 0;
    put_u16(hello, sizeof(curves) + (is_12 ? sizeof(signatures) : 0) + (name_len ? name_len + 9 : 0));
    put(hello, curves, sizeof(curves));
    if (is_12)
        put(hello, signatures, sizeof(signatures));
    if (name_len) {
        put_u16(hello, 0);
        put_u16(hello, name_len + 5);
        put_u16(hello, name_len + 3);
        put(hello, "\0", 1);
        put_u16(hello, name_len);
        put(hello, host, name_len);
    }
}

static void make_hello(struct hello *hello, enum pst_tls_old old, const char *host)
{
    /* ECDHE and static RSA with CBC, as TLS 1.0 and 1.1 know them; static RSA as TLS 1.2 knows it. */
    static const unsigned char old_suites[] = {0xc0, 0x09, 0xc0, 0x0a, 0xc0, 0x13,
                                               0xc0, 0x14, 0,    0x2f, 0,    0x35};
    static const unsigned char rsa_suites[] = {0, 0x9c, 0, 0x9d, 0, 0x3c, 0, 0x3d, 0, 0x2f, 0, 0x35};
    bool is_12 = old == PST_TLS_OLD_STATIC_RSA;
    unsigned version = old == PST_TLS_OLD_10 ? 0x0301 : is_12 ? 0x0303 : 0x0302;
    unsigned char random[32];
    for (size_t i = 0; i < sizeof(random); i++)
        random[i] = (unsigned char)(i * 37 + 11); /* no secret comes of this handshake */
    *hello = (struct hello){.len = 9};            /* record's and message's heads: below */
    put_u16(hello, version);
    put(hello, random, sizeof(random));
    put(hello, "\0", 1);
    put_u16(hello, sizeof(old_suites));
    put(hello, is_12 ? rsa_suites : old_suites, sizeof(old_suites));
    put(hello, "\1\0", 2);
    put_extensions(hello, host, is_12);
    size_t record = hello->len - 5, message = hello->len - 9;
    const unsigned char head[9] = {22,
                                   3,
                                   1,
                                   (unsigned char)(record >> 8),
                                   (unsigned char)record,
                                   1,
                                   0,
                                   (unsigned char)(message >> 8),
                                   (unsigned char)message};
    memcpy(hello->bytes, head, sizeof(head));
}

bool pst_tls_probe_old(int fd, enum pst_tls_old old, const char *host, unsigned timeout_ms)
{
    struct line line = {.fd = fd, .deadline_ms = now_ms() + timeout_ms};
    struct hello hello;
    unsigned char answer[11];
    size_t len = 0;
    make_hello(&hello, old, host);
    for (size_t sent = 0; sent < hello.len;) {
        int n = do_send(&line, hello.bytes + sent, hello.len - sent);
        if (n <= 0)
            return false;
        sent += (size_t)n;
    }
    while (len < sizeof(answer)) {
        int n = do_recv(&line, answer + len, sizeof(answer) - len);
        if (n <= 0)
            return false;
        len += (size_t)n;
    }
    /* A ServerHello in a handshake record, of the version that was asked for. */
    unsigned wanted = old == PST_TLS_OLD_10 ? 1 : old == PST_TLS_OLD_11 ? 2 : 3;
    return answer[0] == 22 && answer[5] == 2 && answer[9] == 3 && answer[10] == wanted;
}
