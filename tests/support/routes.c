/* routes.c - see routes.h. */
#include "support/routes.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "http/exchange.h"

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "routes: %s\n", what);
    abort();
}

static void reply_sum(struct pst_exchange *ex, uint64_t bytes, uint64_t hash)
{
    pst_reply_field_ref(ex, PST_SLICE("Content-Type"), PST_SLICE("text/plain"));
    pst_reply_printf(ex, "%" PRIu64 " bytes %016" PRIx64 "\n", bytes, hash);
}

/* ---- bodies as streams ---- */

/* State of one exchange; some handlers go on in a later turn of the loop. */
struct work {
    struct pst_exchange *ex;
    struct pst_task task;
    uint64_t bytes, hash, left;
    unsigned turns, pulls;
};

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex, (void)why;
    struct work *work = arg;
    pst_loop_unqueue(&work->task);
}

static struct work *begin_work(struct pst_exchange *ex, void (*on_run)(struct pst_task *task))
{
    struct work *work = pst_exchange_alloc(ex, sizeof(*work));
    must(work, "out of memory");
    *work = (struct work){.ex = ex, .hash = TEST_HASH_INIT};
    pst_task_init(&work->task, on_run);
    pst_exchange_on_end(ex, on_end, work);
    return work;
}

static void on_resume(struct pst_task *task)
{
    pst_exchange_resume(PST_CONTAINER(task, struct work, task)->ex);
}

static void on_stream(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin_work(ex, on_resume);
}

static void on_stream_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)arg;
    struct work *work = ex->on_end_arg;
    work->bytes += len;
    work->hash = test_hash(work->hash, data, len);
    if (last)
        reply_sum(ex, work->bytes, work->hash);
}

static void on_pause_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    on_stream_body(ex, data, len, last, arg);
    if (last)
        return;
    struct work *work = ex->on_end_arg;
    pst_exchange_pause(ex);
    pst_loop_queue(ex->env->loop, &work->task);
}

static void on_refuse(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    pst_reply_error(ex, 403);
}

static void on_refuse_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)ex, (void)data, (void)len, (void)last, (void)arg;
    must(false, "a piece of a body after the reply");
}

/* ---- replies piece by piece ---- */

static uint64_t number_asked(const struct pst_exchange *ex)
{
    unsigned long long n;
    return pst_slice_to_u64(pst_exchange_query(ex), &n) ? n : 0;
}

static void on_wake(struct pst_task *task)
{
    pst_exchange_wake(PST_CONTAINER(task, struct work, task)->ex);
}

enum { PIECE_BYTES = 777 };

/* Letters in pieces of an odd size; at each third call nothing is there before the next turn. */
static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct work *work = ctx;
    if (++work->pulls % 3 == 0) {
        pst_loop_queue(work->ex->env->loop, &work->task);
        return PST_SOURCE_MORE;
    }
    size_t n = work->left < PIECE_BYTES ? (size_t)work->left : PIECE_BYTES;
    if (n > cap)
        n = cap;
    for (size_t i = 0; i < n; i++)
        dst[i] = (char)('a' + (work->bytes + i) % 26);
    work->bytes += n;
    work->left -= n;
    *ret_len = n;
    return work->left ? PST_SOURCE_MORE : PST_SOURCE_END;
}

static int pull_and_fail(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    int ret = pull(ctx, dst, cap, ret_len);
    return ret == PST_SOURCE_END ? PST_SOURCE_FAIL : ret;
}

static void begin_source(struct pst_exchange *ex, int (*pull_fn)(void *, char *, size_t, size_t *),
                         bool is_sized)
{
    struct work *work = begin_work(ex, on_wake);
    work->left = number_asked(ex);
    struct pst_source source = {.pull = pull_fn};
    pst_reply_field_ref(ex, PST_SLICE("Content-Type"), PST_SLICE("text/plain"));
    must(pst_reply_source(ex, &source, work, is_sized ? (int64_t)work->left : -1) == 0, "source");
}

static void on_letters(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin_source(ex, pull, false);
}

static void on_sized(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin_source(ex, pull, true);
}

static void on_cut(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin_source(ex, pull_and_fail, false);
}

/* ---- others ---- */

static void on_late_turn(struct pst_task *task)
{
    struct work *work = PST_CONTAINER(task, struct work, task);
    if (work->turns++ < 3) {
        pst_loop_queue(work->ex->env->loop, task);
        return;
    }
    struct pst_slice body = pst_exchange_body(work->ex);
    reply_sum(work->ex, body.len, test_hash(TEST_HASH_INIT, body.ptr, body.len));
}

static void on_late(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct work *work = begin_work(ex, on_late_turn);
    pst_loop_queue(ex->env->loop, &work->task);
}

static void on_nothing(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    pst_reply_status(ex, 204);
    pst_reply_empty(ex);
}

static void on_sum(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_slice body = pst_exchange_body(ex);
    reply_sum(ex, body.len, test_hash(TEST_HASH_INIT, body.ptr, body.len));
}

static void mount_handlers(struct pst_server *server)
{
    const struct {
        const char *pattern;
        struct pst_handler handler;
    } all[] = {
        {"POST /stream", {.on_request = on_stream, .on_body = on_stream_body}},
        {"PUT /stream", {.on_request = on_stream, .on_body = on_stream_body}},
        {"POST /stream/small", {.on_request = on_stream, .on_body = on_stream_body, .body_max_bytes = 1000}},
        {"POST /pause", {.on_request = on_stream, .on_body = on_pause_body}},
        {"POST /refuse", {.on_request = on_refuse, .on_body = on_refuse_body}},
        {"GET /letters", {.on_request = on_letters}},
        {"GET /sized", {.on_request = on_sized}},
        {"GET /cut", {.on_request = on_cut}},
        {"GET /late", {.on_request = on_late}},
        {"POST /late", {.on_request = on_late}},
        {"GET /nothing", {.on_request = on_nothing}},
        {"POST /sum", {.on_request = on_sum}},
        {"PUT /sum", {.on_request = on_sum}},
        {"DELETE /sum", {.on_request = on_sum}},
        {"PATCH /sum", {.on_request = on_sum}},
        {"POST /sum/small", {.on_request = on_sum, .body_max_bytes = 1000}},
    };
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        must(pst_server_route(server, all[i].pattern, &all[i].handler) == 0, all[i].pattern);
}

/* ---- the folder ---- */

/* 1 January 2019, so that the validators' dates are known. */
enum { FILE_TIME = 1546300800 };

static void put_file(const char *folder, const char *name, const char *data, size_t len)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    must(fd >= 0 && write(fd, data, len) == (ssize_t)len, path);
    const struct timespec times[2] = {{.tv_sec = FILE_TIME}, {.tv_sec = FILE_TIME}};
    must(futimens(fd, times) == 0, path);
    close(fd);
}

static void put_folder(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    must(mkdir(path, 0755) == 0, path);
}

enum { LARGE_BYTES = 204803 };

static const char *const texts[][2] = {
    {"index.html", "<!doctype html>\n<title>index</title>\n"},
    {"hello.txt", "Hello, world!\n"},
    {"empty.txt", ""},
    {"data.json", "{\"a\": 1}\n"},
    {"with space.txt", "a name with a space\n"},
    {".hidden", "nobody sees this\n"},
    {"sub/index.html", "<!doctype html>\n<title>sub</title>\n"},
    {"sub/page.html", "<!doctype html>\n<title>page</title>\n"},
    {"bare/one.txt", "one\n"},
};
static const char *const folders[] = {"sub", "bare"};

static void make_folder(struct routes *routes)
{
    snprintf(routes->folder, sizeof(routes->folder), "/tmp/postern-matrix-XXXXXX");
    must(mkdtemp(routes->folder), "no folder");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        put_folder(routes->folder, folders[i]);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        put_file(routes->folder, texts[i][0], texts[i][1], strlen(texts[i][1]));
    static char large[LARGE_BYTES];
    uint32_t state = 54321;
    for (size_t i = 0; i < sizeof(large); i++) {
        state = state * 1664525u + 1013904223u;
        large[i] = (char)(state >> 24);
    }
    put_file(routes->folder, "large.bin", large, sizeof(large));
}

static void remove_path(const char *folder, const char *name)
{
    char path[256];
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    must(remove(path) == 0, path);
}

void routes_init(struct routes *routes, struct test_worker *w)
{
    *routes = (struct routes){.worker = w};
    make_folder(routes);
    const struct pst_static_options listed = {.list = true};
    must(pst_static_new(&routes->plain, routes->folder, NULL) == 0, "static");
    must(pst_static_new(&routes->listed, routes->folder, &listed) == 0, "static with lists");
    must(pst_static_mount(routes->plain, w->server, "/") == 0, "mount");
    must(pst_static_mount(routes->listed, w->server, "/list/") == 0, "mount");
    must(pst_echo_mount(w->server) == 0, "echo");
    mount_handlers(w->server);
}

void routes_fini(struct routes *routes)
{
    pst_static_free(routes->plain);
    pst_static_free(routes->listed);
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
        remove_path(routes->folder, texts[i][0]);
    remove_path(routes->folder, "large.bin");
    for (size_t i = 0; i < sizeof(folders) / sizeof(folders[0]); i++)
        remove_path(routes->folder, folders[i]);
    remove_path(routes->folder, "");
}
