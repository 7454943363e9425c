/* The static handler's memory: when it may answer without looking, when it must look, and what becomes of
 * content on its way. Over a connection in memory, with the turns of the loop in the test's hands. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <postern/handlers.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "support/pair.h"
#include "support/test_worker.h"

#define GET(path) "GET " path " HTTP/1.1\r\nHost: h\r\n\r\n"

struct fixture {
    struct test_worker w;
    struct pst_static *st;
    char dir[64];
};

static void write_file(const struct fixture *f, const char *name, char fill, size_t size)
{
    char path[128];
    (void)snprintf(path, sizeof path, "%s/%s", f->dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (size_t i = 0; i < size; i++)
        assert_int_equal(fputc(fill, file), fill);
    assert_int_equal(fclose(file), 0);
}

static void turn(struct fixture *f)
{
    test_worker_turns(&f->w, 1);
}

/* The worker's date, as seconds after now: what is written now is settled when it is large enough. */
static void set_date(struct fixture *f, int64_t from_now)
{
    f->w.clock.unix_time = (int64_t)time(NULL) + from_now - (int64_t)(f->w.clock.now_us / 1000000);
    turn(f);
}

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    (void)snprintf(f->dir, sizeof f->dir, "/tmp/postern-test-XXXXXX");
    assert_non_null(mkdtemp(f->dir));
    assert_int_equal(pst_static_new(&f->st, f->dir, NULL), 0);
    test_worker_init(&f->w);
    assert_int_equal(pst_static_mount(f->st, f->w.server, "/"), 0);
    assert_int_equal(pst_static_mount(f->st, f->w.server, "/files/"), 0);
    test_worker_start(&f->w);
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    char command[128];
    test_worker_fini(&f->w);
    pst_static_free(f->st);
    (void)snprintf(command, sizeof command, "rm -rf '%s'", f->dir);
    int rc = system(command); /* NOLINT(cert-env33-c): a path of our own making */
    free(f);
    return rc;
}

static struct pair *open_pair(struct fixture *f, const struct pair_options *options)
{
    struct pair *p = pair_new(options);
    assert_int_equal(pst_connection_open(&f->w.driver, pair_transport(p), &p->connection), 0);
    return p;
}

static void close_pair(struct fixture *f, struct pair *p)
{
    pair_end(p, PST_IO_EOF);
    turn(f);
    assert_true(p->is_gone);
    pair_free(p);
}

/* Takes what has come and compares the end of it. */
static void assert_answer(struct pair *p, const char *status, const char *body)
{
    struct pst_text t = {0};
    pair_take_all(p, &t);
    pst_text_add(&t, pst_slice_of("", 1));
    assert_false(t.failed);
    struct pst_slice got = pst_slice_of(t.ptr, t.len - 1);
    if (!pst_slice_starts(pst_slice_of(got.ptr + 9, got.len - 9), pst_slice_str(status)) ||
        !pst_slice_ends(got, pst_slice_str(body)))
        fail_msg("no %s with %s, but: %s", status, body, t.ptr);
    pst_text_free(&t);
}

static void test_static__same_turn__one_state_of_a_file(void **state)
{
    struct fixture *f = *state;
    write_file(f, "a", 'x', 5);
    set_date(f, 100);
    struct pair *p = open_pair(f, NULL);
    pair_says(p, GET("/a"));
    assert_answer(p, "200", "\r\n\r\nxxxxx");
    write_file(f, "a", 'y', 5);
    pair_says(p, GET("/a")); /* the loop has not turned: nobody looked again */
    assert_answer(p, "200", "\r\n\r\nxxxxx");
    turn(f);
    pair_says(p, GET("/a"));
    assert_answer(p, "200", "\r\n\r\nyyyyy");
    close_pair(f, p);
}

/* A name in the root is looked at by one call that follows no links: the answer must not depend on that. */
static void test_static__name_becomes_a_link__followed_only_beneath(void **state)
{
    struct fixture *f = *state;
    char name[96], link[128], out[96];
    (void)snprintf(name, sizeof name, "%s/a", f->dir);
    (void)snprintf(link, sizeof link, "%s/b", f->dir);
    (void)snprintf(out, sizeof out, "%s-out", f->dir);
    write_file(f, "a", 'x', 5);
    set_date(f, 100);
    struct pair *p = open_pair(f, NULL);
    pair_says(p, GET("/a"));
    assert_answer(p, "200", "\r\n\r\nxxxxx");
    assert_int_equal(rename(name, link), 0);
    assert_int_equal(symlink("b", name), 0);
    for (int i = 0; i < 3; i++) {
        turn(f);
        pair_says(p, GET("/a"));
        assert_answer(p, "200", "\r\n\r\nxxxxx");
    }
    write_file(f, "b", 'y', 5);
    turn(f);
    pair_says(p, GET("/a"));
    assert_answer(p, "200", "\r\n\r\nyyyyy");
    /* The very same file, but out of the root. */
    assert_int_equal(rename(link, out), 0);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(symlink(out, name), 0);
    turn(f);
    pair_says(p, GET("/a"));
    assert_answer(p, "404", "</html>\n");
    assert_int_equal(unlink(out), 0);
    close_pair(f, p);
}

static void test_static__young_file__is_not_remembered_even_within_a_turn(void **state)
{
    struct fixture *f = *state;
    write_file(f, "a", 'x', 5);
    set_date(f, 0);
    struct pair *p = open_pair(f, NULL);
    for (int i = 0; i < 26; i++) {
        char body[] = "\r\n\r\nccccc";
        memset(body + 4, 'a' + i, 5);
        write_file(f, "a", body[4], 5); /* many of these within one tick of the file system's clock */
        pair_says(p, GET("/a"));
        assert_answer(p, "200", body);
    }
    close_pair(f, p);
}

static void test_static__content_on_its_way__stays_as_it_was(void **state)
{
    struct fixture *f = *state;
    static const struct pair_options narrow = {.out_cap = 1000};
    write_file(f, "a", 'x', 60000);
    set_date(f, 100);
    struct pair *slow = open_pair(f, &narrow);
    struct pair *quick = open_pair(f, NULL);
    pair_says(slow, GET("/a"));
    write_file(f, "a", 'y', 60000);
    turn(f);
    pair_says(quick, GET("/a"));
    assert_answer(quick, "200", "yyyyy");

    struct pst_text t = {0};
    pair_take_all(slow, &t);
    assert_false(t.failed);
    const char *body = memmem(t.ptr, t.len, "\r\n\r\n", 4);
    assert_non_null(body);
    assert_int_equal((size_t)(t.ptr + t.len - (body + 4)), 60000);
    for (size_t i = 0; i < 60000; i++)
        assert_int_equal(body[4 + i], 'x');
    pst_text_free(&t);
    close_pair(f, slow);
    close_pair(f, quick);
}

static void test_static__peer_leaves_in_the_middle__content_is_let_go(void **state)
{
    struct fixture *f = *state;
    static const struct pair_options narrow = {.out_cap = 1000};
    write_file(f, "a", 'x', 60000);
    set_date(f, 100);
    struct pair *p = open_pair(f, &narrow);
    pair_says(p, GET("/a"));
    pair_end(p, PST_IO_ERR);
    turn(f);
    assert_true(p->is_gone);
    pair_free(p); /* a leak would be reported */
}

static void test_static__same_file_by_two_mounts__both_work(void **state)
{
    struct fixture *f = *state;
    char path[128];
    write_file(f, "a", 'x', 5);
    (void)snprintf(path, sizeof path, "%s/.well-known", f->dir);
    assert_int_equal(mkdir(path, 0700), 0);
    write_file(f, ".well-known/b", 'b', 5);
    set_date(f, 100);
    struct pair *p = open_pair(f, NULL);
    for (int i = 0; i < 2; i++) {
        pair_says(p, GET("/a"));
        assert_answer(p, "200", "\r\n\r\nxxxxx");
        pair_says(p, GET("/files/a"));
        assert_answer(p, "200", "\r\n\r\nxxxxx");
        turn(f);
    }
    pair_says(p, GET("/.well-known/b"));
    assert_answer(p, "200", "\r\n\r\nbbbbb");
    pair_says(p, GET("/files/.well-known/b")); /* RFC 8615 3: at the top only */
    assert_answer(p, "404", "</html>\n");
    close_pair(f, p);
}

static void test_static_new__wrong_roots__named_errors(void **state)
{
    struct fixture *f = *state;
    char path[128];
    struct pst_static *st = NULL;
    write_file(f, "file", 'x', 1);
    (void)snprintf(path, sizeof path, "%s/file", f->dir);
    assert_int_equal(pst_static_new(&st, path, NULL), PST_E_INVAL);
    (void)snprintf(path, sizeof path, "%s/absent", f->dir);
    assert_int_equal(pst_static_new(&st, path, NULL), PST_E_NOENT);
    assert_int_equal(pst_static_new(&st, NULL, NULL), PST_E_INVAL);
    assert_null(st);
    pst_static_free(NULL);
    static const char *const prefixes[] = {"", "files", "/files", "files/"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++)
        assert_int_equal(pst_static_mount(f->st, f->w.server, prefixes[i]), PST_E_INVAL);
    assert_int_equal(pst_static_mount(f->st, f->w.server, NULL), PST_E_INVAL);
    assert_int_equal(pst_static_mount(f->st, f->w.server, "/"), PST_E_EXISTS);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_static__same_turn__one_state_of_a_file),
        TEST(test_static__name_becomes_a_link__followed_only_beneath),
        TEST(test_static__young_file__is_not_remembered_even_within_a_turn),
        TEST(test_static__content_on_its_way__stays_as_it_was),
        TEST(test_static__peer_leaves_in_the_middle__content_is_let_go),
        TEST(test_static__same_file_by_two_mounts__both_work),
        TEST(test_static_new__wrong_roots__named_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
