/* request_cost.c - does the same work over and over, so that cost.py can count what it takes, under
 * valgrind's callgrind: a worker on a clock that stands still, a client in the same thread, and a pair of
 * connected sockets between them. What the client does is not counted: callgrind collects within the
 * functions cost_serve_* alone, and writes its counts down whenever cost_dump() returns.
 *
 *   request_cost FOLDER    serves FOLDER, which must hold page.html
 *
 * On standard output stands what the counts depend on besides our own code, then a line for each dump, with
 * the allocations of the functions cost_serve_*: callgrind counts calls wherever they are made. Randomness is
 * the same in every run, and so is the time of day. */
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <gnu/libc-version.h>
#include <mbedtls/ssl.h>

#include <postern/handlers.h>

#include "server/cli_log.h"
#include "support/test_certs.h"
#include "support/test_worker.h"
#include "support/tls_client.h"
#include "transport/tcp.h"
#include "transport/tls.h"
#include "transport/tls_tickets.h"

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* How often: first until nothing is new any more, then twice, the second time more often, so that cost.py
 * sees whether the thousandth costs more than the tenth. */
enum { WARM_UP = 10, FEW = 50, MANY = 200, FEW_CONNECTIONS = 10, MANY_CONNECTIONS = 40 };

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "request_cost: %s\n", what);
    exit(1);
}

/* ---- no chance ---- */

ssize_t __wrap_getrandom(void *dst, size_t len, unsigned flags);
int __wrap_mbedtls_platform_entropy_poll(void *ctx, unsigned char *dst, size_t len, size_t *ret_len);
time_t __wrap_time(time_t *ret_time);

/* The same bytes in every run (a linear congruence; RFC 8446 needs no more of them here than that they
 * differ). */
ssize_t __wrap_getrandom(void *dst, size_t len, unsigned flags)
{
    static uint64_t state = 1;
    (void)flags;
    for (size_t i = 0; i < len; i++) {
        state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
        ((unsigned char *)dst)[i] = (unsigned char)(state >> 56);
    }
    return (ssize_t)len;
}

int __wrap_mbedtls_platform_entropy_poll(void *ctx, unsigned char *dst, size_t len, size_t *ret_len)
{
    (void)ctx;
    *ret_len = (size_t)__wrap_getrandom(dst, len, 0);
    return 0;
}

/* Sun, 01 Nov 2026 00:00:00 GMT: certificates are made for it, and tickets are dated by it. */
time_t __wrap_time(time_t *ret_time)
{
    const time_t now = 1793491200;
    if (ret_time)
        *ret_time = now;
    return now;
}

/* ---- allocations ---- */

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *ptr, size_t size);
int __real_posix_memalign(void **ret_ptr, size_t alignment, size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *ptr, size_t size);
int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size);

static bool is_serving;
static unsigned allocations; /* while it was */

void *__wrap_malloc(size_t size)
{
    allocations += is_serving;
    return __real_malloc(size);
}

void *__wrap_calloc(size_t count, size_t size)
{
    allocations += is_serving;
    return __real_calloc(count, size);
}

void *__wrap_realloc(void *ptr, size_t size)
{
    allocations += is_serving;
    return __real_realloc(ptr, size);
}

int __wrap_posix_memalign(void **ret_ptr, size_t alignment, size_t size)
{
    allocations += is_serving;
    return __real_posix_memalign(ret_ptr, alignment, size);
}

/* ---- what valgrind 3.19 does not know ---- */

long __wrap_syscall(long number, ...);

/* openat2(), which the site opens its files with. */
long __wrap_syscall(long number, ...)
{
    must(number == SYS_openat2, "a system call that is not expected here");
    va_list args;
    va_start(args, number);
    int folder = va_arg(args, int);
    const char *path = va_arg(args, const char *);
    const struct open_how *how = va_arg(args, const struct open_how *);
    int fd = openat(folder, path, (int)how->flags, (mode_t)how->mode);
    va_end(args);
    return fd;
}

/* ---- the server ---- */

struct scene {
    struct test_worker w;
    struct pst_static *site;
    struct pst_tls_ctx *ctx;
    struct pst_tls_tickets *tickets;
    size_t ended; /* exchanges */
    bool is_logged;
    struct pst_cli_output output;
    struct pst_cli_sink sink;
    struct pst_cli_log log;
    /* the client */
    int fd;
    struct tls_client *tls; /* NULL: the plain door */
    char got[16384];
    size_t got_len;
};

static struct scene scene;

static void on_exchange(struct pst_http_env *env, const struct pst_log_entry *entry)
{
    (void)env;
    scene.ended += entry->end == PST_END_OK;
    if (scene.is_logged)
        pst_cli_log_exchange(&scene.log, &scene.sink, entry);
}

static void scene_init(const char *folder)
{
    struct scene *s = &scene;
    const struct test_cert *cert = test_cert_ec();
    char error[256];
    s->fd = -1;
    s->output = (struct pst_cli_output){
        .fd = open("/dev/null", O_WRONLY | O_CLOEXEC), .is_file = true, .name = "log"};
    s->sink.output = &s->output;
    test_worker_init(&s->w);
    s->w.env.on_exchange = on_exchange;
    must(pst_static_new(&s->site, folder, NULL) == 0, "the folder cannot be served");
    must(pst_static_mount(s->site, s->w.server, "/") == 0, "no site");
    must(pst_echo_mount(s->w.server) == 0, "no echo");
    test_worker_start(&s->w);
    must(pst_tls_tickets_new(&s->tickets) == 0, "no tickets");
    must(test_tls_ctx_new(&s->ctx, cert->cert, cert->cert_len, cert->key, cert->key_len, (int64_t)time(NULL),
                          error, sizeof(error)) == 0,
         error);
    must(pst_tls_ctx_set_tickets(s->ctx, s->tickets) == 0, "no tickets");
}

static void scene_fini(void)
{
    struct scene *s = &scene;
    test_worker_fini(&s->w);
    close(s->output.fd);
    pst_static_free(s->site);
    pst_tls_ctx_free(s->ctx);
    pst_tls_tickets_free(s->tickets);
}

/* ---- what is counted ---- */

#define COUNTED __attribute__((noinline))

/* What a worker does with a socket that accept() gave it. */
static COUNTED void cost_serve_accepted(int fd, bool is_secure)
{
    is_serving = true;
    struct pst_transport *t;
    int err =
        is_secure ? pst_tls_new(&t, scene.ctx, &scene.w.pools, fd, NULL, 0) : pst_tcp_new(&t, fd, NULL, 0);
    if (!err)
        err = pst_connection_open(&scene.w.driver, t, NULL);
    must(!err, "no connection");
    is_serving = false;
}

static COUNTED void cost_serve_turn(void)
{
    is_serving = true;
    must(pst_loop_turn(scene.w.loop, 0) == 0, "the loop fails");
    if (scene.is_logged)
        pst_cli_sink_flush(&scene.sink);
    is_serving = false;
}

static COUNTED void cost_dump(const char *name, unsigned count)
{
    printf("dump %u %u %s\n", count, allocations, name);
    allocations = 0;
}

/* ---- the client ---- */

static void client_opens(const struct tls_client_options *options)
{
    int fds[2];
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds) == 0, "no sockets");
    scene.fd = fds[1];
    scene.tls = options ? tls_client_new(fds[1], options) : NULL;
    cost_serve_accepted(fds[0], options != NULL);
}

/* Both sides in turns until both have shaken hands. The server's last flight is sealed by then, but for what
 * comes after it: tickets. */
static void client_shakes(void)
{
    for (int i = 0; !scene.tls->is_open; i++) {
        must(i < 100 && tls_client_step(scene.tls), "the handshake fails");
        cost_serve_turn();
    }
    must(tls_client_step(scene.tls), "the handshake fails");
    cost_serve_turn();
}

/* The server sees the end and forgets the connection. */
static void client_closes(void)
{
    struct scene *s = &scene;
    if (s->tls) {
        tls_client_close_notify(s->tls);
        (void)tls_client_step(s->tls);
        tls_client_free(s->tls);
        s->tls = NULL;
    } else {
        close(s->fd);
    }
    s->fd = -1;
    for (int i = 0; s->w.driver.count > 0; i++) {
        must(i < 100, "the connection stays");
        cost_serve_turn();
    }
}

static void client_says(const char *text)
{
    size_t len = strlen(text);
    scene.got_len = 0;
    if (scene.tls) {
        tls_client_write(scene.tls, text, len);
        must(tls_client_step(scene.tls), "the client fails");
    } else {
        must(send(scene.fd, text, len, MSG_NOSIGNAL) == (ssize_t)len, "the client cannot send");
    }
}

static void client_reads(void)
{
    struct scene *s = &scene;
    ssize_t n;
    do {
        char *to = s->got + s->got_len;
        size_t room = sizeof(s->got) - s->got_len;
        must(room > 0, "a long reply");
        n = s->tls ? tls_client_read(s->tls, to, room) : recv(s->fd, to, room, 0);
        s->got_len += n > 0 ? (size_t)n : 0;
    } while (n > 0);
}

/* Until the exchange has ended, and everything is with the client. */
static void client_asks(const char *text, const char *status)
{
    struct scene *s = &scene;
    size_t before = s->ended;
    client_says(text);
    for (int i = 0; s->ended == before; i++) {
        must(i < 100, "no reply");
        cost_serve_turn();
    }
    client_reads();
    must(s->got_len > 12 && memcmp(s->got + 9, status, 3) == 0, "another status");
}

/* ---- the rows ---- */

static const char get_short[] = "GET /page.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cost\r\n\r\n";

/* As a browser asks for a page that another one of the same site leads to. */
static const char get_browser[] =
    "GET /page.html HTTP/1.1\r\n"
    "Host: localhost:8443\r\n"
    "Connection: keep-alive\r\n"
    "Cache-Control: max-age=0\r\n"
    "sec-ch-ua: \"Chromium\";v=\"130\", \"Not?A_Brand\";v=\"99\"\r\n"
    "sec-ch-ua-mobile: ?0\r\n"
    "sec-ch-ua-platform: \"Linux\"\r\n"
    "Upgrade-Insecure-Requests: 1\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0.0.0 "
    "Safari/537.36\r\n"
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;"
    "q=0.8\r\n"
    "Sec-Fetch-Site: same-origin\r\n"
    "Sec-Fetch-Mode: navigate\r\n"
    "Sec-Fetch-Dest: document\r\n"
    "Referer: https://localhost:8443/index.html\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Accept-Language: en-GB,en;q=0.9,de;q=0.8\r\n\r\n";

static const char get_none[] = "GET /none.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cost\r\n\r\n";

static const char post_form[] = "POST /echo HTTP/1.1\r\nHost: localhost\r\nUser-Agent: cost\r\n"
                                "Accept: text/plain\r\nContent-Type: application/x-www-form-urlencoded\r\n"
                                "Content-Length: 75\r\n\r\n"
                                "name=Ada+Lovelace&mail=ada%40example.com&text=On+the+analytical+engine%2C+1";

/* In TLS 1.2 the list is also of the curves that a certificate's key may be on. */
static const uint16_t x25519[] = {MBEDTLS_SSL_IANA_TLS_GROUP_X25519, MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};
static const uint16_t p256[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1, 0};

/* What today's browsers come to on processors with AES instructions. */
static const int aes_128_gcm[] = {MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
                                  MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, 0};

#define CLIENT(version, curves)                                                                              \
    {                                                                                                        \
        .versions = (version), .groups = (curves), .suites = aes_128_gcm                                     \
    }
#define TLS_12 CLIENT(PST_TLS_12_ONLY, x25519)
#define TLS_13 CLIENT(PST_TLS_13_ONLY, x25519)

/* With a request: that, again and again on one connection. Without: a connection, again and again, that
 * shakes hands and ends. */
static const struct row {
    const char *name;
    const char *request, *status;
    bool is_secure, is_resumed, is_logged;
    struct tls_client_options client;
} rows[] = {
    {"http get 1 KiB", get_short, "200", false, false, false, {0}},
    {"http get 1 KiB, a browser's head", get_browser, "200", false, false, false, {0}},
    {"http get 1 KiB, the same, logged", get_browser, "200", false, false, true, {0}},
    {"http get, not found", get_none, "404", false, false, false, {0}},
    {"http post of a form to the echo", post_form, "200", false, false, false, {0}},
    {"http connection, get 1 KiB", NULL, "200", false, false, false, {0}},
    {"https get 1 KiB, TLS 1.3", get_short, "200", true, false, false, TLS_13},
    {"https get 1 KiB, TLS 1.2", get_short, "200", true, false, false, TLS_12},
    {"handshake, TLS 1.3, X25519", NULL, NULL, true, false, false, TLS_13},
    {"handshake, TLS 1.3, P-256", NULL, NULL, true, false, false, CLIENT(PST_TLS_13_ONLY, p256)},
    {"handshake, TLS 1.2, X25519", NULL, NULL, true, false, false, TLS_12},
    {"resumption, TLS 1.3, X25519", NULL, NULL, true, true, false, TLS_13},
    {"resumption, TLS 1.2", NULL, NULL, true, true, false, TLS_12},
};

static void get_session(mbedtls_ssl_session *session)
{
    client_asks(get_short, "200"); /* a ticket of TLS 1.3 comes with the first record that is read */
    mbedtls_ssl_session_init(session);
    must(mbedtls_ssl_get_session(&scene.tls->ssl, session) == 0, "no session to resume");
}

static void connect_once(const struct row *row, const mbedtls_ssl_session *session)
{
    struct tls_client_options options = row->client;
    options.session = session;
    client_opens(row->is_secure ? &options : NULL);
    if (row->is_secure)
        client_shakes();
    else
        client_asks(get_short, row->status);
    client_closes();
}

static void repeat(const struct row *row, const mbedtls_ssl_session *session, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        if (row->request)
            client_asks(row->request, row->status);
        else
            connect_once(row, session);
    }
    cost_dump(row->name, count);
}

static void measure(const struct row *row)
{
    mbedtls_ssl_session session;
    scene.is_logged = row->is_logged;
    if (row->request || row->is_resumed) {
        client_opens(row->is_secure ? &row->client : NULL);
        if (row->is_secure)
            client_shakes();
    }
    if (row->is_resumed) {
        get_session(&session);
        client_closes();
    }
    repeat(row, row->is_resumed ? &session : NULL, WARM_UP);
    repeat(row, row->is_resumed ? &session : NULL, row->request ? FEW : FEW_CONNECTIONS);
    repeat(row, row->is_resumed ? &session : NULL, row->request ? MANY : MANY_CONNECTIONS);
    if (row->request)
        client_closes();
    if (row->is_resumed)
        mbedtls_ssl_session_free(&session);
}

int main(int argc, char **argv)
{
    must(argc == 2, "usage: request_cost FOLDER");
    printf("with compiler %s\n", __VERSION__);
    printf("with libc %s\n", gnu_get_libc_version());
    printf("with TLS %s\n", pst_tls_library());
#if defined(__x86_64__)
    printf("with AVX2 %s\n", __builtin_cpu_supports("avx2") ? "yes" : "no");
#endif
    scene_init(argv[1]);
    for (size_t i = 0; i < COUNT(rows); i++)
        measure(&rows[i]);
    scene_fini();
    return 0;
}
