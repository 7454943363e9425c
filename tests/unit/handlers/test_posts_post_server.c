/* Posting to a server that runs, on several workers: many at once, a large file, a stop in the middle. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <postern/posts.h>
#include <postern/server.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "support/http_client.h"
#include "support/store_rig.h"

#define FILE_HEAD "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n"
#define END       "\r\n--b--\r\n"

struct fixture {
    struct store_rig rig;
    struct pst_server *server;
    struct pst_posts *posts;
};

static int set_up(void **state)
{
    static struct fixture f;
    char why[256];
    memset(&f, 0, sizeof f);
    store_rig_init(&f.rig);
    store_rig_open(&f.rig);
    assert_int_equal(pst_posts_new(&f.posts, f.rig.store, NULL), 0);
    assert_int_equal(pst_posts_box(f.posts, "box:files", why, sizeof why), 0);
    assert_int_equal(pst_server_new(&f.server), 0);
    assert_int_equal(pst_server_workers(f.server, 2), 0);
    assert_int_equal(pst_posts_mount(f.posts, f.server, "/post/"), 0);
    assert_int_equal(pst_server_listen_http(f.server, "127.0.0.1:0"), 0);
    assert_int_equal(pst_server_start(f.server), 0);
    *state = &f;
    return 0;
}

static void stop(struct fixture *f)
{
    if (!f->server)
        return;
    pst_server_stop(f->server);
    pst_server_stop(f->server);
    assert_int_equal(pst_server_wait(f->server), 0);
    pst_server_free(f->server);
    f->server = NULL;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    stop(f);
    pst_posts_free(f->posts);
    store_rig_fini(&f->rig);
    return 0;
}

/* A request with one file of len bytes, which seed tells from others; free() it. */
static char *make_request(size_t len, unsigned seed, size_t *ret_len)
{
    size_t body = strlen(FILE_HEAD) + len + strlen(END);
    char *text = malloc(body + 256);
    assert_non_null(text);
    int head = snprintf(text, 256,
                        "POST /post/box HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n"
                        "Content-Type: multipart/form-data; boundary=b\r\n\r\n" FILE_HEAD,
                        body);
    assert_true(head > 0 && head < 256);
    char *at = text + head;
    for (size_t i = 0; i < len; i++)
        *at++ = (char)('a' + (seed + i * 7 + i / 1000) % 26);
    memcpy(at, END, strlen(END));
    *ret_len = (size_t)(at - text) + strlen(END);
    return text;
}

static const char *file_of(const char *request)
{
    return strstr(request, "\r\n\r\n--b") + 4 + strlen(FILE_HEAD);
}

static void send_all(int fd, const char *data, size_t len)
{
    while (len > 0) {
        ssize_t n = send(fd, data, len, MSG_NOSIGNAL);
        assert_true(n > 0);
        data += n;
        len -= (size_t)n;
    }
}

static uint64_t id_of(const char *answer)
{
    const char *id = strstr(answer, "{\"id\":");
    if (strncmp(answer, "HTTP/1.1 201", 12) != 0)
        fail_msg("%s", answer);
    assert_non_null(id);
    return id ? strtoull(id + 6, NULL, 10) : 0;
}

static void test_server__a_hundred_posts_at_once__each_file_whole(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 100, BYTES = 40000 };
    int fds[MANY];
    char *requests[MANY];
    size_t lens[MANY];
    bool seen[MANY + 1] = {false};
    for (unsigned i = 0; i < MANY; i++) {
        fds[i] = http_client_of(f->server);
        requests[i] = make_request(BYTES, i, &lens[i]);
    }
    for (unsigned part = 0; part < 4; part++) {
        for (unsigned i = 0; i < MANY; i++) {
            size_t from = lens[i] * part / 4;
            send_all(fds[i], requests[i] + from, lens[i] * (part + 1) / 4 - from);
        }
    }
    for (unsigned i = 0; i < MANY; i++) {
        uint64_t id = id_of(http_answer(fds[i]));
        assert_true(id >= 1 && id <= MANY && !seen[id]);
        seen[id] = true;
        assert_true(store_rig_file_is(f->rig.store, "box", id, 1, file_of(requests[i]), BYTES));
        close(fds[i]);
        free(requests[i]);
    }
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
}

static void test_server__large_file__whole(void **state)
{
    struct fixture *f = *state;
    enum { BYTES = 20 << 20 };
    size_t len;
    char *request = make_request(BYTES, 3, &len);
    int fd = http_client_of(f->server);
    send_all(fd, request, len);
    uint64_t id = id_of(http_answer(fd));
    assert_true(store_rig_file_is(f->rig.store, "box", id, 1, file_of(request), BYTES));
    close(fd);
    free(request);
}

/* Whatever the server is at when it is stopped: nothing of posts that were not acknowledged is left. */
static void test_server__stopped_during_uploads__nothing_left(void **state)
{
    struct fixture *f = *state;
    enum { MANY = 8, BYTES = 1 << 20 };
    int fds[MANY];
    size_t len;
    char *request = make_request(BYTES, 5, &len);
    for (unsigned i = 0; i < MANY; i++) {
        fds[i] = http_client_of(f->server);
        send_all(fds[i], request, len - 1 - i * 100000);
    }
    stop(f);
    for (unsigned i = 0; i < MANY; i++)
        close(fds[i]);
    free(request);
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
    assert_int_equal(store_rig_names(&f->rig, "files"), 0);
    struct pst_box_info *boxes;
    size_t count;
    assert_int_equal(pst_store_boxes(f->rig.store, &boxes, &count), 0);
    assert_int_equal(count, 0);
    free(boxes);
}

/* Clients that are cut off in the middle, while others post. */
static void test_server__peers_reset__others_are_stored(void **state)
{
    struct fixture *f = *state;
    size_t len;
    char *request = make_request(500000, 7, &len);
    int fd = http_client_of(f->server);
    for (unsigned i = 0; i < 20; i++) {
        int victim = http_client_of(f->server);
        send_all(victim, request, len * i / 20);
        http_reset(victim);
        send_all(fd, request, len);
        assert_int_equal(id_of(http_answer(fd)), i + 1);
    }
    close(fd);
    free(request);
    stop(f);
    assert_int_equal(store_rig_names(&f->rig, "tmp"), 0);
    assert_int_equal(store_rig_names(&f->rig, "files"), 1);
}

int main(void)
{
#define SERVER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        SERVER(test_server__a_hundred_posts_at_once__each_file_whole),
        SERVER(test_server__large_file__whole),
        SERVER(test_server__stopped_during_uploads__nothing_left),
        SERVER(test_server__peers_reset__others_are_stored),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
