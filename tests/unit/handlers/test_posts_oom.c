/* Reading boxes when memory runs out: allocation i fails, for every i, on the worker's thread and in the work
 * for the pool. Each request ends with a whole reply or a closed connection, and nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "handlers/posts_reading.h"
#include "support/failmalloc.h"
#include "support/posts_rig.h"

static int set_up(void **state)
{
    struct posts_rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    posts_rig_init(rig);
    (void)posts_rig_file(rig, "open", PST_SLICE("a"), "image/png", PST_SLICE("0123456789"));
    (void)store_rig_post(rig->store.store, "open", "hello");
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    posts_rig_fini(*state);
    free(*state);
    return 0;
}

/* ---- on the worker's thread ---- */

static const struct {
    const char *line, *fields;
    int status; /* when nothing fails */
} rows[] = {
    {"GET /post/", "", 200},
    {"GET /post/open?limit=1", "Accept: application/json\r\nAccept: text/plain\r\n", 200},
    {"GET /post/open", "Accept: text/html\r\n", 200},
    {"GET /post/open/1", "Accept: text/html\r\n", 200},
    {"GET /post/open/9", "Accept: text/html\r\n", 404},
    {"GET /post/open?format=csv", "", 200},
    {"GET /post/open?format=x", "", 400},
    {"GET /post/open/1/files/1", "", 200},
    {"GET /post/open/1/files/1", "Range: bytes=2-4\r\n", 206},
    {"GET /post/open/1/files/1", "Range: bytes=20-\r\n", 416},
    {"GET /post/shut", "Host: example.com\r\n", 403},
    {"GET /post/_/style.css", "", 200},
    {"POST /post/open/9/delete", "Content-Length: 0\r\n", 404},
    {"DELETE /post/open/9", "", 404},
};

static bool try_row(struct posts_rig *rig, size_t row, size_t number)
{
    char request[300];
    struct pst_text got = {0};
    struct pair *p = posts_rig_visit(rig, &(struct pair_options){.address = "127.0.0.1"});
    (void)snprintf(request, sizeof request, "%s HTTP/1.1\r\nConnection: close\r\n%s%s\r\n", rows[row].line,
                   strstr(rows[row].fields, "Host") ? "" : "Host: localhost\r\n", rows[row].fields);
    test_worker_forget(&rig->w);
    failmalloc_arm(number, 1);
    pair_says(p, request);
    test_worker_jobs(&rig->w);
    bool failed = failmalloc_disarm();
    pair_take_all(p, &got);
    test_worker_jobs(&rig->w);
    pair_take_all(p, &got);
    assert_false(got.failed);
    bool answered = rig->w.ended == 1 && got.len > 0;
    if (!answered && !p->is_shut && !p->is_gone)
        fail_msg("%s with allocation %zu failing: neither answered nor closed", rows[row].line, number);
    if (!failed)
        assert_int_equal(rig->w.status, rows[row].status);
    pst_text_free(&got);
    posts_rig_leave(rig, p);
    return failed;
}

static void test_posts__allocation_fails_on_the_worker__answered_or_closed(void **state)
{
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t number = 1;
        while (try_row(*state, row, number))
            number++;
    }
}

/* ---- on the pool's ---- */

static struct pst_reading *make_reading(struct posts_rig *rig, enum pst_posts_format format)
{
    struct pst_reading *r = calloc(1, sizeof *r);
    assert_non_null(r);
    r->posts = rig->posts;
    (void)snprintf(r->name, sizeof r->name, "open");
    r->path = (struct pst_posts_path){.box = PST_SLICE("open"), .id = 1, .file = 1};
    r->query.format = format;
    r->query.limit = 1; /* so that there is a next page */
    r->prefix = strdup("/post/");
    r->post_prefix = strdup("/post/open/");
    r->origin = strdup("http://localhost");
    r->view = (struct pst_posts_view){
        .prefix = r->prefix, .box = r->name, .origin = r->origin, .is_local = true, .is_public = true};
    r->file.fd = -1;
    assert_true(r->prefix && r->post_prefix && r->origin);
    return r;
}

static void test_posts__allocation_fails_in_the_work__an_error_is_noted(void **state)
{
    static const struct {
        const struct pst_reading_kind *kind;
        enum pst_posts_format format;
    } works[] = {
        {&pst_reading_boxes, PST_POSTS_JSON}, {&pst_reading_boxes, PST_POSTS_HTML},
        {&pst_reading_box, PST_POSTS_JSON},   {&pst_reading_box, PST_POSTS_HTML},
        {&pst_reading_post, PST_POSTS_JSON},  {&pst_reading_post, PST_POSTS_HTML},
        {&pst_reading_export, PST_POSTS_CSV}, {&pst_reading_export, PST_POSTS_NDJSON},
        {&pst_reading_file, PST_POSTS_JSON},
    };
    for (size_t i = 0; i < sizeof works / sizeof works[0]; i++) {
        size_t number = 0;
        bool has_failed = true;
        while (has_failed) {
            struct pst_reading *r = make_reading(*state, works[i].format);
            failmalloc_arm(++number, FAILMALLOC_ALL);
            works[i].kind->work(r);
            has_failed = failmalloc_disarm();
            bool is_noted = r->status != 0 || r->text.failed;
            if (is_noted != has_failed)
                fail_msg("work %zu, allocation %zu: %s", i, number, is_noted ? r->reason : "nothing noted");
            if (r->status != 0)
                assert_int_equal(r->status, 503);
            pst_reading_free(r);
        }
        assert_true(number > 1);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_posts__allocation_fails_on_the_worker__answered_or_closed),
        TEST(test_posts__allocation_fails_in_the_work__an_error_is_noted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
