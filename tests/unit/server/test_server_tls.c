/* The TLS door of a running server of two workers: certificates put anew under load, what is refused, what
 * is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <postern/postern.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/test_certs.h"
#include "support/tls_client.h"

/* ---- files ---- */

struct files {
    char dir[64], cert[96], key[96];
};

static void put(const char *path, const char *text, size_t len)
{
    char fresh[112];
    (void)snprintf(fresh, sizeof(fresh), "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), (ssize_t)len);
    close(fd);
    assert_int_equal(rename(fresh, path), 0);
}

static void put_cert(const struct files *files, const struct test_cert *cert)
{
    put(files->cert, cert->cert, cert->cert_len);
    put(files->key, cert->key, cert->key_len);
}

static void files_init(struct files *files, const struct test_cert *cert)
{
    (void)snprintf(files->dir, sizeof(files->dir), "/tmp/postern-tls-XXXXXX");
    assert_non_null(mkdtemp(files->dir));
    (void)snprintf(files->cert, sizeof(files->cert), "%s/cert.pem", files->dir);
    (void)snprintf(files->key, sizeof(files->key), "%s/key.pem", files->dir);
    put_cert(files, cert);
}

static void files_fini(const struct files *files)
{
    unlink(files->cert);
    unlink(files->key);
    assert_int_equal(rmdir(files->dir), 0);
}

/* ---- the server ---- */

struct notices {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned count;
    char last[512];
};

static void on_notice(const char *text, void *local)
{
    struct notices *notices = local;
    pthread_mutex_lock(&notices->lock);
    notices->count++;
    (void)snprintf(notices->last, sizeof(notices->last), "%s", text);
    pthread_cond_signal(&notices->changed);
    pthread_mutex_unlock(&notices->lock);
}

static void wait_for_notice(struct notices *notices, unsigned count, const char *says)
{
    pthread_mutex_lock(&notices->lock);
    while (notices->count < count)
        pthread_cond_wait(&notices->changed, &notices->lock);
    assert_non_null(strstr(notices->last, says));
    pthread_mutex_unlock(&notices->lock);
}

static void on_hello(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_printf(ex, "hello");
}

static struct pst_server *new_server(const struct files *files)
{
    struct pst_server *server = NULL;
    struct pst_limits limits;
    pst_limits_init(&limits);
    limits.linger_ms = 50;
    limits.idle_ms = limits.handshake_ms = limits.head_ms = 600000; /* no clock decides, however slow it is */
    assert_int_equal(pst_server_new(&server), 0);
    assert_int_equal(pst_server_limits(server, &limits), 0);
    assert_int_equal(pst_server_workers(server, 2), 0);
    assert_int_equal(pst_server_handle(server, "GET /hello", on_hello, NULL), 0);
    assert_int_equal(pst_tls_add(server, files->cert, files->key, NULL), 0);
    assert_int_equal(pst_server_listen_https(server, "127.0.0.1:0"), 0);
    return server;
}

static void stop_and_free(struct pst_server *server)
{
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_free(server);
}

/* ---- clients ---- */

static struct tls_client *dial(const struct pst_server *server)
{
    const char *colon = strrchr(pst_server_url(server, 0), ':');
    struct sockaddr_in to = {.sin_family = AF_INET,
                             .sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10)),
                             .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&to, sizeof(to)), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return tls_client_new(fd, NULL);
}

static void await(const struct tls_client *c)
{
    struct pollfd at = {.fd = c->fd, .events = (short)(POLLIN | (c->out.len ? POLLOUT : 0))};
    assert_true(poll(&at, 1, -1) > 0);
}

static bool shake(struct tls_client *c)
{
    while (tls_client_step(c) && !c->is_open)
        await(c);
    return c->is_open;
}

static bool says_hello(struct tls_client *c)
{
    static const char request[] = "GET /hello HTTP/1.1\r\nHost: localhost\r\n\r\n";
    char reply[1024];
    size_t len = 0;
    tls_client_write(c, request, sizeof(request) - 1);
    for (;;) {
        int n = tls_client_read(c, reply + len, sizeof(reply) - 1 - len);
        if (n == TLS_CLIENT_AGAIN) {
            await(c);
            continue;
        }
        if (n <= 0)
            return false;
        len += (size_t)n;
        reply[len] = '\0';
        if (len >= 5 && strcmp(reply + len - 5, "hello") == 0)
            return strncmp(reply, "HTTP/1.1 200 ", 13) == 0;
    }
}

/* Whether the server's certificate is this one. */
static bool is_shown(const struct tls_client *c, const struct test_cert *cert)
{
    unsigned char der[2048];
    size_t len = test_cert_der(cert->cert, der, sizeof(der));
    const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&c->ssl);
    return peer && peer->raw.len == len && memcmp(peer->raw.p, der, len) == 0;
}

static struct tls_client *open_client(const struct pst_server *server)
{
    struct tls_client *c = dial(server);
    assert_true(shake(c));
    assert_true(says_hello(c));
    return c;
}

/* ---- reloading ---- */

enum { RELOADS = 6, OLD = 4, FRESH = 8, VISITORS = 2 };

struct visitor {
    const struct pst_server *server;
    const struct test_cert *certs; /* two */
    atomic_bool *is_over;
    unsigned visits, failures;
    pthread_t thread;
};

/* New connections without end: each gets one of the two certificates and its reply. */
static void *visit(void *arg)
{
    struct visitor *v = arg;
    while (!atomic_load(v->is_over)) {
        struct tls_client *c = dial(v->server);
        bool is_fine = shake(c) && (is_shown(c, &v->certs[0]) || is_shown(c, &v->certs[1])) && says_hello(c);
        v->failures += !is_fine;
        v->visits++;
        tls_client_free(c);
    }
    return NULL;
}

static void test_reload__under_load__old_connections_go_on_and_new_ones_get_the_new(void **state)
{
    (void)state;
    struct test_cert certs[2];
    for (int i = 0; i < 2; i++)
        test_cert_make(&certs[i], &(struct test_cert_spec){.key = TEST_KEY_P256});
    struct files files;
    files_init(&files, &certs[0]);
    struct pst_server *server = new_server(&files);
    assert_int_equal(pst_server_start(server), 0);

    struct tls_client *old[OLD];
    for (int i = 0; i < OLD; i++)
        old[i] = open_client(server);
    atomic_bool is_over = false;
    struct visitor visitors[VISITORS];
    for (int i = 0; i < VISITORS; i++) {
        visitors[i] = (struct visitor){.server = server, .certs = certs, .is_over = &is_over};
        assert_int_equal(pthread_create(&visitors[i].thread, NULL, visit, &visitors[i]), 0);
    }
    for (int round = 1; round <= RELOADS; round++) {
        char why[256];
        put_cert(&files, &certs[round % 2]);
        assert_int_equal(pst_tls_reload(server, why, sizeof(why)), 0);
        assert_string_equal(why, "");
        for (int i = 0; i < FRESH; i++) { /* enough for both workers to be met */
            struct tls_client *c = open_client(server);
            assert_true(is_shown(c, &certs[round % 2]));
            tls_client_free(c);
        }
    }
    atomic_store(&is_over, true);
    for (int i = 0; i < VISITORS; i++) {
        pthread_join(visitors[i].thread, NULL);
        assert_true(visitors[i].visits > 0);
        assert_int_equal(visitors[i].failures, 0);
    }
    for (int i = 0; i < OLD; i++) {
        assert_true(says_hello(old[i]));
        assert_true(is_shown(old[i], &certs[0]));
        tls_client_free(old[i]);
    }
    stop_and_free(server);
    files_fini(&files);
    for (int i = 0; i < 2; i++)
        test_cert_free(&certs[i]);
}

static void test_reload__bad_files__the_old_stay_and_it_says_why(void **state)
{
    (void)state;
    struct test_cert good, other, ended;
    test_cert_make(&good, &(struct test_cert_spec){.key = TEST_KEY_P256});
    test_cert_make(&other, &(struct test_cert_spec){.key = TEST_KEY_P256});
    test_cert_make(&ended,
                   &(struct test_cert_spec){.key = TEST_KEY_P256, .not_before = 1, .not_after = 86400});
    struct files files;
    files_init(&files, &good);
    struct pst_server *server = new_server(&files);
    char why[256];
    assert_int_equal(pst_tls_reload(server, why, sizeof(why)), PST_E_STATE); /* not started */
    assert_int_equal(pst_server_start(server), 0);
    const struct {
        const char *cert, *key;
        int err;
        const char *says;
    } rows[] = {
        {other.cert, good.key, PST_E_MISMATCH, "does not belong to this certificate"},
        {ended.cert, ended.key, PST_E_EXPIRED, "ended on 1970-01-02"},
        {"", good.key, PST_E_CERT, "the file is empty"},
        {good.cert, "nonsense", PST_E_KEY, "private key"},
    };
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        put(files.cert, rows[i].cert, strlen(rows[i].cert));
        put(files.key, rows[i].key, strlen(rows[i].key));
        assert_int_equal(pst_tls_reload(server, why, sizeof(why)), rows[i].err);
        if (!strstr(why, rows[i].says))
            fail_msg("%s", why);
        assert_int_equal(pst_tls_reload(server, NULL, 0), rows[i].err);
        struct tls_client *c = open_client(server);
        assert_true(is_shown(c, &good));
        tls_client_free(c);
    }
    unlink(files.key);
    assert_int_equal(pst_tls_reload(server, why, sizeof(why)), PST_E_NOENT);
    put_cert(&files, &other);
    assert_int_equal(pst_tls_reload(server, why, sizeof(why)), 0);
    stop_and_free(server);
    files_fini(&files);
    test_cert_free(&good);
    test_cert_free(&other);
    test_cert_free(&ended);
}

static void test_watch__files_put_anew__noticed(void **state)
{
    (void)state;
    struct test_cert certs[2];
    for (int i = 0; i < 2; i++)
        test_cert_make(&certs[i], &(struct test_cert_spec){.key = TEST_KEY_P256});
    struct files files;
    files_init(&files, &certs[0]);
    struct notices notices = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0, ""};
    struct pst_server *server = new_server(&files);
    assert_int_equal(
        pst_server_observe(server, &(struct pst_observer){.on_notice = on_notice, .arg = &notices}), 0);
    assert_int_equal(pst_tls_watch(server), 0);
    assert_int_equal(pst_server_start(server), 0);
    put_cert(&files, &certs[1]);
    wait_for_notice(&notices, 1, "read anew");
    struct tls_client *c = open_client(server);
    assert_true(is_shown(c, &certs[1]));
    tls_client_free(c);
    put(files.cert, "gone", 4);
    wait_for_notice(&notices, 2, "no certificate in this file");
    stop_and_free(server);
    files_fini(&files);
    for (int i = 0; i < 2; i++)
        test_cert_free(&certs[i]);
}

/* ---- settings and numbers ---- */

static void on_reload_inside(struct pst_exchange *ex, void *arg)
{
    char why[256];
    int err = pst_tls_reload(arg, why, sizeof(why));
    (void)pst_reply_printf(ex, "%s", err == PST_E_STATE && strstr(why, "wait for itself") ? "hello" : "no");
}

static void test_settings__while_it_runs__refused(void **state)
{
    (void)state;
    struct files files;
    files_init(&files, test_cert_ec());
    struct pst_server *server = new_server(&files);
    assert_int_equal(pst_server_handle(server, "GET /reload", on_reload_inside, server), 0);
    assert_int_equal(pst_tls_profile(server, (enum pst_tls_policy)7), PST_E_INVAL);
    assert_int_equal(pst_tls_client_ca(server, "/nowhere", true), PST_E_NOENT);
    assert_int_equal(pst_tls_client_ca(server, files.key, true), PST_E_CERT);
    assert_int_equal(pst_server_start(server), 0);
    assert_int_equal(pst_tls_profile(server, PST_TLS_MODERN), PST_E_STATE);
    assert_int_equal(pst_tls_client_ca(server, files.cert, true), PST_E_STATE);
    assert_int_equal(pst_tls_watch(server), PST_E_STATE);
    assert_int_equal(pst_tls_tickets(server, false), PST_E_STATE);
    assert_int_equal(pst_tls_add(server, files.cert, files.key, NULL), PST_E_STATE);
    stop_and_free(server);
    files_fini(&files);
}

static void test_metrics__both_kinds_of_ends__counted(void **state)
{
    (void)state;
    struct files files;
    struct pst_metrics m;
    files_init(&files, test_cert_ec());
    struct pst_server *server = new_server(&files);
    pst_server_metrics(server, &m);
    assert_int_equal(m.connections_tls + m.uptime_ms, 0);
    assert_int_equal(pst_server_start(server), 0);
    struct tls_client *c = open_client(server);
    pst_server_metrics(server, &m);
    assert_int_equal(m.connections_tls, 1);
    assert_int_equal(m.connections_open, 1);
    assert_int_equal(m.handshakes_full, 1);
    assert_int_equal(m.handshakes_resumed, 0);
    tls_client_free(c);
    struct tls_client *garbled = dial(server);
    static const unsigned char bad[] = {22, 3, 1, 255, 255}; /* a record too large */
    assert_int_equal(send(garbled->fd, bad, sizeof(bad), MSG_NOSIGNAL), (ssize_t)sizeof(bad));
    char gone;
    struct pollfd at = {.fd = garbled->fd, .events = POLLIN};
    do /* an alert, then the end: the handshake has been counted */
        assert_true(poll(&at, 1, -1) > 0);
    while (recv(garbled->fd, &gone, 1, 0) > 0);
    tls_client_free(garbled);
    pst_server_stop(server);
    assert_int_equal(pst_server_wait(server), 0);
    pst_server_metrics(server, &m);
    assert_int_equal(m.connections_tls, 2);
    assert_int_equal(m.connections_plain, 0);
    assert_int_equal(m.connections_open, 0);
    assert_int_equal(m.handshakes_failed, 1);
    assert_int_equal(m.handshakes_stalled, 0);
    assert_int_equal(m.replies[2], 1);
    assert_true(m.received_bytes > 30 && m.sent_bytes > 60);
    char line[512], cut[10];
    pst_metrics_line(&m, line, sizeof(line));
    assert_non_null(strstr(line, "TLS handshakes full 1, resumed 0 (0.0%), failed 1, stalled 0"));
    pst_metrics_line(&m, cut, sizeof(cut));
    assert_int_equal(strlen(cut), 9);
    pst_server_free(server);
    files_fini(&files);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reload__under_load__old_connections_go_on_and_new_ones_get_the_new),
        cmocka_unit_test(test_reload__bad_files__the_old_stay_and_it_says_why),
        cmocka_unit_test(test_watch__files_put_anew__noticed),
        cmocka_unit_test(test_settings__while_it_runs__refused),
        cmocka_unit_test(test_metrics__both_kinds_of_ends__counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
