/* The handlers when memory runs out: allocation i fails, for every i. Each request ends with a whole reply or
 * a closed connection, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/handlers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/failmalloc.h"
#include "support/pair.h"
#include "support/test_worker.h"

#define FIELDS " HTTP/1.1\r\nHost: h\r\n"
#define FORM   "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 15\r\n\r\na=1&b=%C3%A9&c=x"

#define MULTIPART                                                                                            \
    "Content-Type: multipart/form-data; boundary=b\r\nContent-Length: 125\r\n\r\n"                           \
    "--b\r\nContent-Disposition: form-data; name=a\r\n\r\n1\r\n"                                             \
    "--b\r\nContent-Disposition: form-data; name=f; filename=\"x.txt\"\r\n\r\n\xff\r\n--b--\r\n"

static const struct {
    const char *request;
    int status; /* when nothing fails */
} rows[] = {
    {"GET /small" FIELDS "\r\n", 200},
    {"GET /small" FIELDS "If-None-Match: *\r\n\r\n", 304},
    {"GET /small" FIELDS "If-Match: \"x\"\r\n\r\n", 412},
    {"GET /small" FIELDS "Range: bytes=1-2\r\n\r\n", 206},
    {"GET /small" FIELDS "Range: bytes=90000-\r\n\r\n", 416},
    {"GET /large" FIELDS "\r\n", 200},
    {"GET /large" FIELDS "Range: bytes=1-70000\r\n\r\n", 206},
    {"HEAD /large" FIELDS "\r\n", 200},
    {"GET /folder" FIELDS "\r\n", 301},
    {"GET /folder/" FIELDS "\r\n", 200},
    {"GET /absent" FIELDS "\r\n", 404},
    {"GET /echo?a=1&b=2" FIELDS "Accept: text/plain\r\nAccept: text/html\r\n\r\n", 200},
    {"POST /echo" FIELDS "Accept: application/json\r\n" FORM, 200},
    {"POST /echo/x?transport=1" FIELDS "Accept: text/html\r\n" FORM, 200},
    {"POST /echo/body" FIELDS FORM, 200},
    {"POST /echo" FIELDS "Accept: text/html\r\n" MULTIPART, 200},
    {"POST /echo" FIELDS "Accept: application/json\r\nContent-Type: application/json\r\n"
     "Content-Length: 7\r\n\r\n{\"a\":1}",
     200},
};

struct fixture {
    struct test_worker w;
    struct pst_static *st;
    char dir[64];
};

static void write_file(const struct fixture *f, const char *name, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(fputc('x', file), 'x');
    assert_int_equal(fclose(file), 0);
}

static void make_files(struct fixture *f)
{
    char path[128];
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/postern-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    write_file(f, "small", 1000);
    write_file(f, "large", 100000);
    (void)snprintf(path, sizeof path, "%s/folder", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(f, "folder/<a>", 1);
    write_file(f, "folder/b", 2000);
    (void)snprintf(path, sizeof path, "%s/folder/link", f->dir);
    assert_int_equal(symlink("b", path), 0);
}

/* A new worker for each try, so that its cache and pools are as empty as at the first. */
static void begin(struct fixture *f)
{
    const struct pst_static_options options = {.list = true};
    assert_int_equal(pst_static_new(&f->st, f->dir, &options), 0);
    test_worker_init(&f->w);
    assert_int_equal(pst_static_mount(f->st, f->w.server, "/"), 0);
    assert_int_equal(pst_echo_mount(f->w.server), 0);
    test_worker_start(&f->w);
    f->w.clock.unix_time = (int64_t)time(NULL); /* old enough to be kept in memory */
    test_worker_turns(&f->w, 1);
}

static void end(struct fixture *f)
{
    test_worker_fini(&f->w);
    pst_static_free(f->st);
}

/* Returns whether allocation number failed, so that there may be more behind it. */
static bool try_with_failure(struct fixture *f, size_t row, size_t number)
{
    begin(f);
    struct pair *p = pair_new(NULL);
    struct pst_text got = {0};
    bool opened = pst_connection_open(&f->w.driver, pair_transport(p), &p->connection) == 0;
    assert_true(opened);

    failmalloc_arm(number, 1);
    pair_says(p, rows[row].request);
    bool failed = failmalloc_disarm();
    pair_take_all(p, &got);
    test_worker_turns(&f->w, 3);
    pair_take_all(p, &got);
    assert_false(got.failed);
    bool answered = f->w.ended == 1 && got.len > 0;
    if (!answered && !p->is_shut && !p->is_gone)
        fail_msg("%s with allocation %zu failing: neither answered nor closed", rows[row].request, number);
    if (!failed)
        assert_int_equal(f->w.status, rows[row].status);
    pst_text_free(&got);
    if (!p->is_gone)
        pair_end(p, PST_IO_ERR);
    test_worker_turns(&f->w, 2);
    assert_true(p->is_gone);
    pair_free(p);
    end(f);
    return failed;
}

static void test_handlers__allocation_fails__answered_or_closed(void **state)
{
    (void)state;
    struct fixture f = {0};
    make_files(&f);
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t number = 1;
        while (try_with_failure(&f, row, number))
            number++;
    }
    char command[128];
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f.dir);
    assert_int_equal(system(command), 0); /* NOLINT(cert-env33-c): a path of our own making */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_handlers__allocation_fails__answered_or_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
