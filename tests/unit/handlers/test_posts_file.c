/* Downloads of posted files: what they claim to be must not matter. RFC 6266, RFC 9110 13 and 14. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "support/posts_rig.h"

static int set_up(void **state)
{
    struct posts_rig *rig = malloc(sizeof *rig);
    assert_non_null(rig);
    posts_rig_init(rig);
    *state = rig;
    return 0;
}

static int tear_down(void **state)
{
    posts_rig_fini(*state);
    free(*state);
    return 0;
}

static void set_date(struct posts_rig *rig, int64_t from_now)
{
    rig->w.clock.unix_time = (int64_t)time(NULL) + from_now - (int64_t)(rig->w.clock.now_us / 1000000);
    test_worker_turns(&rig->w, 1);
}

static void assert_status(const char *answer, int status)
{
    if (posts_rig_status(answer) != status)
        fail_msg("no %d, but: %s", status, answer);
}

static void test_posts_file__whole__all_fields(void **state)
{
    struct posts_rig *rig = *state;
    set_date(rig, 100);
    (void)posts_rig_file(rig, "shut", PST_SLICE("a.png"), "image/png", PST_SLICE("0123456789"));
    const char *answer = posts_rig_gets(rig, "/post/shut/1/files/1", "");
    assert_status(answer, 200);
    assert_string_equal(posts_rig_body(answer), "0123456789");
    static const char *const fields[][2] = {
        {"Content-Type", "image/png"},
        {"Content-Length", "10"},
        {"Content-Disposition", "attachment; filename=\"a.png\"; filename*=UTF-8''a.png"},
        {"Cache-Control", "private, no-cache"},
        {"Accept-Ranges", "bytes"},
        {"X-Content-Type-Options", "nosniff"},
        {"Content-Security-Policy", "sandbox; default-src 'none'"},
        {"Cross-Origin-Resource-Policy", "same-origin"},
    };
    for (size_t i = 0; i < sizeof fields / sizeof fields[0]; i++)
        assert_string_equal(posts_rig_field(answer, fields[i][0]), fields[i][1]);
    assert_string_equal(posts_rig_field(answer, "Vary"), "");
    assert_int_equal(strlen(posts_rig_field(answer, "ETag")), 66);
    int64_t modified = 0;
    assert_true(pst_http_date_read(pst_slice_str(posts_rig_field(answer, "Last-Modified")), 0, &modified));
    assert_true(modified <= time(NULL) && modified > time(NULL) - 100);
    /* A box for all. */
    (void)posts_rig_file(rig, "open", PST_SLICE("a.png"), "image/png", PST_SLICE("0123456789"));
    answer = posts_rig_ask(rig, "192.0.2.1", "GET /post/open/1/files/1", "Host: example.com\r\n");
    assert_status(answer, 200);
    assert_string_equal(posts_rig_field(answer, "Cache-Control"), "no-cache");
    assert_string_equal(posts_rig_field(answer, "Cross-Origin-Resource-Policy"), "");
    /* RFC 9110 8.8.2.1: never a date in the future. */
    set_date(rig, -100);
    answer = posts_rig_gets(rig, "/post/shut/1/files/1", "");
    assert_string_equal(posts_rig_field(answer, "Last-Modified"), "");
}

static void test_posts_file__names_and_types__cannot_harm(void **state)
{
    struct posts_rig *rig = *state;
    static char longest[256];
    memset(longest, 'x', 251);
    memcpy(longest + 251, ".png", 5);
    static const struct {
        const char *file_name, *type, *disposition, *content_type;
    } rows[] = {
        {"a\r\nSet-Cookie: x=1\r\n\r\n<b>", "text/html",
         "attachment; filename=\"aSet-Cookie: x=1<b>\"; filename*=UTF-8''aSet-Cookie%3A%20x%3D1%3Cb%3E",
         "application/octet-stream"},
        {"\"; filename=\"evil.exe", "text/plain\r\nX: y",
         "attachment; filename=\"_; filename=_evil.exe\"; filename*=UTF-8''%22%3B%20filename%3D%22evil.exe",
         "application/octet-stream"},
        {"../../etc/passwd", "image/svg+xml", "attachment; filename=\"passwd\"; filename*=UTF-8''passwd",
         "application/octet-stream"},
        {"\xe2\x82\xac.pdf", "Application/PDF",
         "attachment; filename=\"_.pdf\"; filename*=UTF-8''%E2%82%AC.pdf", "application/pdf"},
        {"", "", "attachment; filename=\"file\"; filename*=UTF-8''file", "application/octet-stream"},
        {longest, "text/plain; charset=x", NULL, "text/plain"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char target[60];
        uint64_t id =
            posts_rig_file(rig, "open", pst_slice_str(rows[i].file_name), rows[i].type, PST_SLICE("abc"));
        (void)snprintf(target, sizeof target, "/post/open/%u/files/1", (unsigned)id);
        const char *answer = posts_rig_gets(rig, target, "");
        assert_status(answer, 200);
        assert_string_equal(posts_rig_body(answer), "abc");
        assert_string_equal(posts_rig_field(answer, "Set-Cookie"), "");
        assert_string_equal(posts_rig_field(answer, "X"), "");
        assert_string_equal(posts_rig_field(answer, "Content-Type"), rows[i].content_type);
        if (rows[i].disposition)
            assert_string_equal(posts_rig_field(answer, "Content-Disposition"), rows[i].disposition);
        else
            assert_non_null(strstr(posts_rig_field(answer, "Content-Disposition"), rows[i].file_name));
    }
}

static void test_posts_file__conditions_and_ranges__table(void **state)
{
    struct posts_rig *rig = *state;
    set_date(rig, 100);
    (void)posts_rig_file(rig, "shut", PST_SLICE("a.txt"), "text/plain", PST_SLICE("0123456789"));
    char etag[80];
    (void)snprintf(etag, sizeof etag, "%s",
                   posts_rig_field(posts_rig_gets(rig, "/post/shut/1/files/1", ""), "ETag"));
    static const struct {
        const char *method, *fields; /* %s: the entity tag */
        int status;
        const char *range, *body;
    } rows[] = {
        {"GET", "If-None-Match: %s\r\n", 304, "", ""},
        {"GET", "If-None-Match: \"x\", W/%s\r\n", 304, "", ""},
        {"GET", "If-None-Match: \"x\"\r\n", 200, "", "0123456789"},
        {"GET", "If-Match: \"x\"\r\n", 412, "", NULL},
        {"GET", "If-Match: %s\r\n", 200, "", "0123456789"},
        {"GET", "Range: bytes=0-0\r\n", 206, "bytes 0-0/10", "0"},
        {"GET", "Range: bytes=2-4\r\n", 206, "bytes 2-4/10", "234"},
        {"GET", "Range: bytes=-3\r\n", 206, "bytes 7-9/10", "789"},
        {"GET", "Range: bytes=5-\r\n", 206, "bytes 5-9/10", "56789"},
        {"GET", "Range: bytes=0-99\r\n", 206, "bytes 0-9/10", "0123456789"},
        {"GET", "Range: bytes=10-\r\n", 416, "bytes */10", NULL},
        {"GET", "Range: bytes=1-2,4-5\r\n", 200, "", "0123456789"},
        {"GET", "Range: lines=1-2\r\n", 200, "", "0123456789"},
        {"GET", "Range: bytes=2-4\r\nIf-Range: %s\r\n", 206, "bytes 2-4/10", "234"},
        {"GET", "Range: bytes=2-4\r\nIf-Range: W/%s\r\n", 200, "", "0123456789"},
        {"GET", "Range: bytes=2-4\r\nIf-Range: \"x\"\r\n", 200, "", "0123456789"},
        {"GET", "Range: bytes=2-4\r\nIf-None-Match: %s\r\n", 304, "", ""},
        {"HEAD", "", 200, "", ""},
        {"HEAD", "Range: bytes=2-4\r\n", 200, "", ""},
        {"HEAD", "If-None-Match: %s\r\n", 304, "", ""},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char line[60], fields[300];
        const char *hole = strstr(rows[i].fields, "%s");
        (void)snprintf(line, sizeof line, "%s /post/shut/1/files/1", rows[i].method);
        (void)snprintf(fields, sizeof fields, "%.*s%s%s",
                       hole ? (int)(hole - rows[i].fields) : (int)strlen(rows[i].fields), rows[i].fields,
                       hole ? etag : "", hole ? hole + 2 : "");
        const char *answer = posts_rig_ask(rig, "127.0.0.1", line, fields);
        if (posts_rig_status(answer) != rows[i].status)
            fail_msg("%s with %s: %s", line, fields, answer);
        assert_string_equal(posts_rig_field(answer, "Content-Range"), rows[i].range);
        if (rows[i].body)
            assert_string_equal(posts_rig_body(answer), rows[i].body);
        if (rows[i].status < 400)
            assert_string_equal(posts_rig_field(answer, "ETag"), etag);
    }
}

static void test_posts_file__not_there__404(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const targets[] = {"/post/open/1/files/2", "/post/open/2/files/1",
                                          "/post/none/1/files/1", "/post/open/1/files/4294967295"};
    (void)posts_rig_file(rig, "open", PST_SLICE("a"), "", PST_SLICE("abc"));
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        assert_status(posts_rig_gets(rig, targets[i], ""), 404);
    assert_status(posts_rig_gets(rig, "/post/open/1/files/1", ""), 200);
    assert_int_equal(pst_store_delete(rig->store.store, PST_SLICE("open"), 1), 0);
    assert_status(posts_rig_gets(rig, "/post/open/1/files/1", ""), 404);
}

static void test_posts_file__several_of_a_post__each_as_itself(void **state)
{
    struct posts_rig *rig = *state;
    static const char *const names[] = {"a.png", "b.txt"}, *const types[] = {"image/png", "text/plain"},
                             *const contents[] = {"first", "the second"};
    struct pst_draft *draft = store_rig_draft(rig->store.store, "open");
    struct pst_receipt receipt;
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(
            pst_draft_file_begin(draft, PST_SLICE("f"), pst_slice_str(names[i]), pst_slice_str(types[i])), 0);
        assert_int_equal(pst_draft_file_write(draft, contents[i], strlen(contents[i])), 0);
        assert_int_equal(pst_draft_file_end(draft), 0);
    }
    assert_int_equal(store_rig_commit(rig->store.store, draft, &receipt), 0);
    for (unsigned i = 0; i < 2; i++) {
        char target[60];
        (void)snprintf(target, sizeof target, "/post/open/1/files/%u", i + 1);
        const char *answer = posts_rig_gets(rig, target, "");
        assert_string_equal(posts_rig_body(answer), contents[i]);
        assert_string_equal(posts_rig_field(answer, "Content-Type"), types[i]);
        assert_non_null(strstr(posts_rig_field(answer, "Content-Disposition"), names[i]));
    }
}

/* More than a buffer, and the empty one. */
static void test_posts_file__sizes__come_whole(void **state)
{
    struct posts_rig *rig = *state;
    enum { LEN = 300000 };
    char *data = malloc(LEN);
    assert_non_null(data);
    memset(data, 'x', LEN);
    (void)posts_rig_file(rig, "open", PST_SLICE("a"), "", pst_slice_of(data, LEN));
    (void)posts_rig_file(rig, "open", PST_SLICE("b"), "", pst_slice_of(data, 0));
    free(data);
    const char *answer = posts_rig_gets(rig, "/post/open/1/files/1", "");
    assert_string_equal(posts_rig_field(answer, "Content-Length"), "300000");
    assert_int_equal(strlen(posts_rig_body(answer)), LEN);
    answer = posts_rig_gets(rig, "/post/open/2/files/1", "");
    assert_string_equal(posts_rig_field(answer, "Content-Length"), "0");
    assert_status(posts_rig_gets(rig, "/post/open/2/files/1", "Range: bytes=0-\r\n"), 416);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(test_posts_file__whole__all_fields),
        TEST(test_posts_file__names_and_types__cannot_harm),
        TEST(test_posts_file__conditions_and_ranges__table),
        TEST(test_posts_file__not_there__404),
        TEST(test_posts_file__several_of_a_post__each_as_itself),
        TEST(test_posts_file__sizes__come_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
