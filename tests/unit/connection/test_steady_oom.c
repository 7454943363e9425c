/* A connection that is under way allocates nothing for one more request, whatever small reply it gets: here
 * every allocation fails, so one that is tried would show in the reply, and is counted besides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/handlers.h>

#include "support/failmalloc.h"
#include "support/test_worker.h"
#include "transport/tcp.h"

enum { WARM_UP = 3, REQUESTS = 5 };

static struct {
    struct test_worker w;
    struct pst_static *files;
    char root[64];
    int client;
    char got[131072];
    size_t got_len;
} scene;

static void on_bytes(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_field(ex, "Content-Type", PST_SLICE("text/plain"));
    (void)pst_reply_bytes(ex, "bytes", 5);
}

static void make_file(const char *name, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof(path), "%s/%s", scene.root, name);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(ftruncate(fd, (off_t)size), 0);
    close(fd);
}

static int setup(void **state)
{
    (void)state;
    struct test_worker *w = &scene.w;
    strcpy(scene.root, "/tmp/pst-test-steady-XXXXXX");
    assert_non_null(mkdtemp(scene.root));
    make_file("small.txt", 1024);
    make_file("large.txt", 65536);
    test_worker_init(w);
    w->env.on_exchange = NULL; /* the worker's notes take memory */
    w->driver.on_event = NULL;
    assert_int_equal(pst_static_new(&scene.files, scene.root, NULL), 0);
    assert_int_equal(pst_static_mount(scene.files, w->server, "/"), 0);
    assert_int_equal(pst_server_handle(w->server, "GET /bytes", on_bytes, NULL), 0);
    test_worker_start(w);
    struct stat st;
    assert_int_equal(stat(scene.root, &st), 0);
    w->clock.unix_time = st.st_mtime + 60; /* the files have been as they are for long: they may be kept */
    int fds[2];
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, fds), 0);
    int room = 1 << 20; /* a reply fits whole */
    (void)setsockopt(fds[0], SOL_SOCKET, SO_SNDBUF, &room, sizeof(room));
    scene.client = fds[1];
    struct pst_transport *t;
    assert_int_equal(pst_tcp_new(&t, fds[0], NULL, 0), 0);
    assert_int_equal(pst_connection_open(&w->driver, t, NULL), 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    close(scene.client);
    test_worker_turns(&scene.w, 4);
    assert_int_equal(scene.w.driver.count, 0);
    test_worker_fini(&scene.w);
    pst_static_free(scene.files);
    static const char *const names[] = {"small.txt", "large.txt"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        (void)snprintf(path, sizeof(path), "%s/%s", scene.root, names[i]);
        unlink(path);
    }
    rmdir(scene.root);
    return 0;
}

static void ask(const char *request)
{
    size_t len = strlen(request);
    assert_int_equal(send(scene.client, request, len, MSG_NOSIGNAL), len);
    scene.got_len = 0;
    for (int turn = 0; turn < 8; turn++) {
        test_worker_turns(&scene.w, 1);
        ssize_t n;
        while ((n = recv(scene.client, scene.got + scene.got_len, sizeof(scene.got) - scene.got_len, 0)) > 0)
            scene.got_len += (size_t)n;
    }
}

static const char *etag(void)
{
    static char value[64];
    const char *at = memmem(scene.got, scene.got_len, "ETag: ", 6);
    assert_non_null(at);
    assert_int_equal(sscanf(at, "ETag: %63s", value), 1);
    return value;
}

static void expect_none(const char *request, const char *begin)
{
    size_t len = strlen(begin), whole = 0;
    for (int i = 0; i < WARM_UP; i++)
        ask(request);
    whole = scene.got_len;
    assert_true(whole > len && memcmp(scene.got, begin, len) == 0);
    failmalloc_arm(1, FAILMALLOC_ALL);
    for (int i = 0; i < REQUESTS; i++) {
        test_worker_pass_ms(&scene.w, 400); /* another second, in some: another Date */
        ask(request);
        if (failmalloc_has_failed() || scene.got_len != whole)
            fail_msg("memory was asked for: %s", request);
    }
    assert_false(failmalloc_disarm());
}

#define HEAD_END                                                                                             \
    "Host: localhost:8080\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:145.0)\r\n"                      \
    "Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\n"                            \
    "Accept-Language: en-GB,en;q=0.5\r\nAccept-Encoding: gzip, deflate, br, zstd\r\n"                        \
    "Connection: keep-alive\r\nUpgrade-Insecure-Requests: 1\r\nSec-Fetch-Dest: document\r\n"                 \
    "Sec-Fetch-Mode: navigate\r\nSec-Fetch-Site: none\r\nPriority: u=0, i\r\n\r\n"

static void test_request__steady_state__no_allocation(void **state)
{
    (void)state;
    expect_none("GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n", "HTTP/1.1 200 ");
    expect_none("GET /small.txt HTTP/1.1\r\n" HEAD_END, "HTTP/1.1 200 ");
    expect_none("GET /large.txt HTTP/1.1\r\n" HEAD_END, "HTTP/1.1 200 ");
    expect_none("HEAD /small.txt HTTP/1.1\r\n" HEAD_END, "HTTP/1.1 200 ");
    expect_none("GET /small.txt HTTP/1.1\r\nRange: bytes=3-5\r\n" HEAD_END, "HTTP/1.1 206 ");
    expect_none("GET /bytes HTTP/1.1\r\n" HEAD_END, "HTTP/1.1 200 ");
    expect_none("GET /none HTTP/1.1\r\n" HEAD_END, "HTTP/1.1 404 ");

    char known[1024];
    ask("GET /small.txt HTTP/1.1\r\nHost: h\r\n\r\n");
    (void)snprintf(known, sizeof(known), "GET /small.txt HTTP/1.1\r\nIf-None-Match: %s\r\n" HEAD_END, etag());
    expect_none(known, "HTTP/1.1 304 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request__steady_state__no_allocation, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
