/* Boxes when memory runs out: allocation i fails, for every i, while they are declared and mounted, and while
 * somebody posts.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/posts.h"
#include "support/failmalloc.h"
#include "support/pair.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

#define BROWSER "Accept: text/html\r\nReferer: http://localhost/form.html\r\n"
#define FORM    "Content-Type: application/x-www-form-urlencoded\r\n"

static const char spec[] = "box:public,files,fields=a+b!,honeypot=url,next=/sent,from=https://"
                           "a.example,from=https://b.example,rate=100000";

/* Declares, mounts; 0 or the error, with nothing left. */
static int make(struct pst_store *store, struct pst_server *server, struct pst_posts **ret_posts)
{
    const struct pst_posts_options options = {.auto_boxes = true};
    char why[256];
    int err = pst_posts_new(ret_posts, store, &options);
    if (err)
        return err;
    err = pst_posts_box(*ret_posts, spec, why, sizeof why);
    if (!err)
        err = pst_posts_mount(*ret_posts, server, "/post/");
    return err;
}

static void test_posts__made_without_memory__error_and_nothing_left(void **state)
{
    struct store_rig *rig = *state;
    bool failed = true;
    for (size_t number = 1; failed; number++) {
        struct pst_server *server;
        struct pst_posts *posts;
        assert_int_equal(pst_server_new(&server), 0);
        failmalloc_arm(number, 1);
        int err = make(rig->store, server, &posts);
        failed = failmalloc_disarm();
        assert_int_equal(err, failed ? PST_E_NOMEM : 0);
        pst_server_free(server);
        pst_posts_free(posts);
    }
}

static const struct {
    const char *path, *fields, *body;
    int status; /* when nothing fails */
} rows[] = {
    {"box", FORM, "b=1", 201},        {"box", FORM BROWSER, "b=1", 303}, {"auto", FORM BROWSER, "x=1", 303},
    {"box", FORM, "x=1", 422},        {"box", FORM BROWSER, "x=1", 422}, {"No", FORM, "x=1", 404},
    {"No", FORM BROWSER, "x=1", 404}, {"box", FORM, "b=1&url=x", 201},   {"box", "", "b=1", 415},
};

static bool try_with_failure(struct store_rig *rig, size_t row, size_t number)
{
    struct test_worker w;
    struct pst_posts *posts;
    char text[1024];
    struct pst_text got = {0};
    test_worker_init(&w);
    assert_int_equal(make(rig->store, w.server, &posts), 0);
    test_worker_start(&w);
    struct pair *p = pair_new(&(struct pair_options){.address = "127.0.0.1"});
    assert_int_equal(pst_connection_open(&w.driver, pair_transport(p), &p->connection), 0);
    (void)snprintf(text, sizeof text,
                   "POST /post/%s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n%s\r\n%s",
                   rows[row].path, strlen(rows[row].body), rows[row].fields, rows[row].body);
    failmalloc_arm(number, 1);
    pair_says(p, text);
    test_worker_jobs(&w);
    test_worker_turns(&w, 2);
    bool failed = failmalloc_disarm();
    pair_take_all(p, &got);
    if (got.len == 0 && !p->is_shut && !p->is_gone)
        fail_msg("row %zu with allocation %zu failing: neither answered nor closed", row, number);
    if (!failed)
        assert_int_equal(w.status ? w.status : strtol(got.ptr + 9, NULL, 10), rows[row].status);
    pst_text_free(&got);
    if (!p->is_gone)
        pair_end(p, PST_IO_ERR);
    test_worker_turns(&w, 2);
    assert_true(p->is_gone);
    pair_free(p);
    test_worker_jobs(&w);
    test_worker_fini(&w);
    pst_posts_free(posts);
    return failed;
}

static void test_posts__posted_to_without_memory__answered_or_closed(void **state)
{
    struct store_rig *rig = *state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t number = 1;
        while (try_with_failure(rig, row, number))
            number++;
        assert_true(number > 2);
    }
}

static int set_up(void **state)
{
    static struct store_rig rig;
    store_rig_init(&rig);
    store_rig_open(&rig);
    *state = &rig;
    return 0;
}

static int tear_down(void **state)
{
    store_rig_fini(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_posts__made_without_memory__error_and_nothing_left, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(test_posts__posted_to_without_memory__answered_or_closed, set_up,
                                        tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
