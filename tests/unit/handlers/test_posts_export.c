/* A whole box as CSV and NDJSON, piece by piece: what comes, and what becomes of it when somebody goes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/posts_rig.h"

enum { POSTS = 100, TEXT = 2000 }; /* three pieces and a bit */

static char *filler(size_t len)
{
    char *text = malloc(len + 1);
    assert_non_null(text);
    memset(text, 'x', len);
    text[len] = '\0';
    return text;
}

static int set_up(void **state)
{
    struct posts_rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    posts_rig_init(rig);
    char *text = filler(TEXT);
    for (int i = 0; i < POSTS; i++)
        (void)store_rig_post(rig->store.store, "open", text);
    free(text);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    posts_rig_fini(*state);
    free(*state);
    return 0;
}

/* Each line begins with a number: they count down from first to last. */
static void assert_ids(const char *lines, const char *before_id, unsigned first, unsigned last)
{
    unsigned id = first;
    for (const char *line = lines; *line != '\0'; line = strchr(line, '\n') + 1) {
        assert_non_null(strchr(line, '\n'));
        assert_memory_equal(line, before_id, strlen(before_id));
        assert_int_equal(strtoul(line + strlen(before_id), NULL, 10), id--);
    }
    assert_int_equal(id + 1, last);
}

static void test_export__whole_box__every_post_once(void **state)
{
    struct posts_rig *rig = *state;
    static const struct {
        const char *query;
        unsigned first, last;
    } rows[] = {
        {"", POSTS, 1},           {"&limit=1", POSTS, POSTS},     {"&limit=40", POSTS, POSTS - 39},
        {"&limit=100", POSTS, 1}, {"&limit=101", POSTS, 1},       {"&limit=9223372036854775807", POSTS, 1},
        {"&before=60", 59, 1},    {"&before=60&limit=59", 59, 1}, {"&before=60&limit=58", 59, 2},
        {"&before=1", 0, 1},
    };
    static const char csv_head[] = "id,time,text,body,files\r\n";
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char target[100];
        (void)snprintf(target, sizeof target, "/post/open?format=csv%s", rows[i].query);
        const char *body = posts_rig_body(posts_rig_gets(rig, target, ""));
        assert_memory_equal(body, csv_head, sizeof csv_head - 1);
        assert_ids(body + sizeof csv_head - 1, "", rows[i].first, rows[i].last);
        (void)snprintf(target, sizeof target, "/post/open?format=ndjson%s", rows[i].query);
        assert_ids(posts_rig_body(posts_rig_gets(rig, target, "")), "{\"id\":", rows[i].first, rows[i].last);
    }
}

static void test_export__fields__as_a_download(void **state)
{
    struct posts_rig *rig = *state;
    const char *answer = posts_rig_gets(rig, "/post/open?format=csv&limit=1", "");
    assert_string_equal(posts_rig_field(answer, "Content-Disposition"), "attachment; filename=\"open.csv\"");
    assert_string_equal(posts_rig_field(answer, "X-Content-Type-Options"), "nosniff");
    assert_string_equal(posts_rig_field(answer, "Cache-Control"), "no-cache");
    /* What fits in one piece has a length. */
    assert_int_equal(strtoul(posts_rig_field(answer, "Content-Length"), NULL, 10),
                     strlen(posts_rig_body(answer)));
    answer = posts_rig_gets(rig, "/post/shut?format=ndjson", "");
    assert_string_equal(posts_rig_field(answer, "Content-Disposition"),
                        "attachment; filename=\"shut.ndjson\"");
    assert_string_equal(posts_rig_field(answer, "Cache-Control"), "no-store");
    assert_string_equal(posts_rig_field(answer, "Content-Length"), "0");
    answer = posts_rig_gets(rig, "/post/shut?format=csv", "");
    assert_string_equal(posts_rig_body(answer), "id,time,body,files\r\n");
    answer = posts_rig_gets(rig, "/post/open?format=csv", "");
    assert_string_equal(posts_rig_field(answer, "Content-Length"), "");
    assert_int_equal(posts_rig_status(posts_rig_gets(rig, "/post/none?format=csv", "")), 404);
}

/* Whoever posts chooses the names, and nobody can take the export away from the box's owner by that. */
static void test_export__names_without_end__csv_has_the_rest_in_more(void **state)
{
    enum { NAMES = 1200, NAME = 1000 };
    struct posts_rig *rig = *state;
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(rig->store.store, "shut");
    char name[NAME + 1];
    for (int i = 0; i < NAMES; i++) {
        memset(name, 'n', NAME);
        name[NAME] = '\0';
        name[snprintf(name, NAME, "%06d", i)] = '_';
        store_rig_field(draft, name, "1");
    }
    assert_int_equal(store_rig_commit(rig->store.store, draft, &receipt), 0);
    const char *answer = posts_rig_gets(rig, "/post/shut?format=csv", "");
    assert_int_equal(posts_rig_status(answer), 200);
    assert_non_null(strstr(posts_rig_body(answer), ",body,files,more\r\n"));
    assert_non_null(strstr(posts_rig_body(answer), ",\"\"001199_nnn"));
    assert_int_equal(pst_store_delete(rig->store.store, PST_SLICE("shut"), receipt.id), 0);
}

static struct pair *begin(struct posts_rig *rig, size_t room)
{
    struct pair *p = posts_rig_visit(rig, &(struct pair_options){.address = "127.0.0.1", .out_cap = room});
    pair_says(p, "GET /post/open?format=ndjson HTTP/1.0\r\nHost: localhost\r\n\r\n");
    return p;
}

/* To the end, with all the turns it takes. */
static void take_rest(struct posts_rig *rig, struct pair *p, struct pst_text *t)
{
    size_t before = 0;
    do {
        before = t->len;
        pair_take_all(p, t);
        test_worker_jobs(&rig->w);
        pair_take_all(p, t);
    } while (t->len > before);
    pst_text_add(t, pst_slice_of("", 1));
    assert_false(t->failed);
}

/* A piece ends behind the post that fills it: whoever posts much has no reader's memory grow by many such. */
static void test_export__large_posts__one_a_piece(void **state)
{
    enum { MANY = 20, LARGE = 70000 };
    struct posts_rig *rig = *state;
    char *text = filler(LARGE);
    for (int i = 0; i < MANY; i++)
        (void)store_rig_post(rig->store.store, "shut", text);
    free(text);
    static const char *const formats[] = {"csv", "ndjson"};
    for (size_t i = 0; i < 2; i++) {
        char target[100];
        (void)snprintf(target, sizeof target, "/post/shut?format=%s&limit=2", formats[i]);
        assert_string_equal(posts_rig_field(posts_rig_gets(rig, target, ""), "Content-Length"), "");
        (void)snprintf(target, sizeof target, "/post/shut?format=%s", formats[i]);
        const char *body = posts_rig_body(posts_rig_gets(rig, target, ""));
        assert_ids(i == 0 ? strchr(body, '\n') + 1 : body, i == 0 ? "" : "{\"id\":", MANY, 1);
    }
}

/* A reader that takes nothing has the server read no further: one piece waits, not the box. */
static void test_export__slow_reader__store_waits(void **state)
{
    struct posts_rig *rig = *state;
    struct pst_text t = {0};
    struct pair *p = begin(rig, 1000);
    test_worker_jobs(&rig->w);
    for (int i = 0; i < 5; i++) {
        test_worker_turns(&rig->w, 1);
        assert_int_equal(rig->w.worker.jobs.open, 0);
    }
    /* Meanwhile one comes and one, not yet read, goes. */
    assert_int_equal(store_rig_post(rig->store.store, "open", "new"), POSTS + 1);
    assert_int_equal(pst_store_delete(rig->store.store, PST_SLICE("open"), 1), 0);
    take_rest(rig, p, &t);
    assert_ids(posts_rig_body(t.ptr), "{\"id\":", POSTS, 2);
    assert_int_equal(rig->w.end, PST_END_OK);
    pst_text_free(&t);
    posts_rig_leave(rig, p);
}

static void test_export__peer_leaves__nothing_is_left(void **state)
{
    struct posts_rig *rig = *state;
    /* After so many bytes; a job is under way then, or not. */
    static const struct {
        size_t bytes;
        bool is_running;
    } rows[] = {{0, false}, {1000, false}, {66000, false}, {0, true}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        static char sink[66000];
        struct pair *p = begin(rig, 1000);
        test_worker_jobs(&rig->w);
        for (size_t taken = 0; taken < rows[i].bytes;) {
            taken += pair_take(p, sink, rows[i].bytes - taken);
            if (taken < rows[i].bytes)
                test_worker_jobs(&rig->w);
        }
        test_worker_jobs(&rig->w);
        while (rows[i].is_running && rig->w.worker.jobs.open == 0)
            assert_true(pair_take(p, sink, 1000) > 0);
        posts_rig_leave(rig, p);
        test_worker_jobs(&rig->w); /* a leak, or use of what is gone, would be reported */
        assert_int_equal(rig->w.end, PST_END_PEER_RESET);
        assert_int_equal(rig->w.worker.jobs.open, 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_export__whole_box__every_post_once),
        TEST(test_export__fields__as_a_download),
        TEST(test_export__names_without_end__csv_has_the_rest_in_more),
        TEST(test_export__large_posts__one_a_piece),
        TEST(test_export__slow_reader__store_waits),
        TEST(test_export__peer_leaves__nothing_is_left),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
