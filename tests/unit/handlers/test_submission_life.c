/* The life of a submission: peers that go at any moment, jobs that hold its draft meanwhile, disks that fill
 * up, uploads that come faster than they are written. The fake store ends the process where a draft has two
 * callers at once, or is used after it was freed; what is left over is counted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handlers/upload.h"
#include "unit/handlers/submission_bench.h"

#define MULTIPART "Content-Type: multipart/form-data; boundary=b\r\n"
#define FORM      "Content-Type: application/x-www-form-urlencoded\r\n"
#define FIELD     "--b\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n"
#define FILE_HEAD "--b\r\nContent-Disposition: form-data; name=\"f\"; filename=\"x\"\r\n\r\n"
#define END       "\r\n--b--\r\n"
#define SMALL     FIELD FILE_HEAD "the contents of the file" END

enum { BIG = 3 << 20 };

static int set_up(void **state)
{
    static struct bench b;
    bench_init(&b);
    *state = &b;
    return 0;
}

static int tear_down(void **state)
{
    fake_store_hold_files(false);
    bench_fini(*state);
    assert_int_equal(fake_store_drafts(), 0);
    return 0;
}

/* A form with one file of len bytes; free() it. */
static char *make_big(size_t len, size_t *ret_len)
{
    size_t head = strlen(FILE_HEAD), end = strlen(END);
    char *body = malloc(head + len + end);
    assert_non_null(body);
    memcpy(body, FILE_HEAD, head);
    for (size_t i = 0; i < len; i++)
        body[head + i] = (char)('a' + (i * 7 + i / 1000) % 26);
    memcpy(body + head + len, END, end);
    *ret_len = head + len + end;
    return body;
}

static void open_with(struct bench *b, const char *fields, size_t body_len)
{
    bench_open(b);
    pair_says(b->p, bench_head(fields, body_len));
}

/* ---- peers that go ---- */

static void go_after(struct bench *b, size_t cut, enum pst_io how)
{
    open_with(b, MULTIPART, strlen(SMALL));
    assert_int_equal(bench_send(b, SMALL, cut, SIZE_MAX, false), cut);
    bench_close(b, how);
    test_worker_jobs(&b->w);
    assert_int_equal(fake_store_drafts(), 0);
    assert_int_equal(fake.commits, 0);
    assert_int_equal(b->replies, 0);
}

static void test_life__peer_goes_after_any_byte__nothing_left(void **state)
{
    struct bench *b = *state;
    for (size_t cut = 0; cut < strlen(SMALL); cut++) {
        go_after(b, cut, PST_IO_ERR);
        go_after(b, cut, PST_IO_EOF);
    }
}

static void test_life__peer_goes_while_a_job_writes__discarded_after_it(void **state)
{
    struct bench *b = *state;
    size_t len;
    char *body = make_big(BIG, &len);
    fake.holds_files = true;
    open_with(b, MULTIPART, len);
    assert_true(bench_send(b, body, PST_UPLOAD_MOST_BYTES, 16384, true) > PST_UPLOAD_HIGH_BYTES);
    fake_store_wait();
    bench_close(b, PST_IO_ERR);
    assert_int_equal(fake_store_drafts(), 1); /* the job has it */
    fake_store_hold_files(false);
    test_worker_jobs(&b->w);
    assert_int_equal(fake_store_drafts(), 0);
    assert_int_equal(fake.discards, 1);
    assert_int_equal(b->replies, 0);
    free(body);
}

static void test_life__peer_goes_during_the_commit__stored_and_freed(void **state)
{
    struct bench *b = *state;
    static const int errs[] = {0, PST_E_IO};
    for (size_t i = 0; i < 2; i++) {
        fake.holds_commits = true;
        fake.commit_err = errs[i];
        open_with(b, MULTIPART, strlen(SMALL));
        pair_says(b->p, SMALL);
        while (!fake.draft)
            test_worker_turns(&b->w, 1);
        bench_close(b, PST_IO_ERR);
        assert_int_equal(fake_store_drafts(), 1);
        fake_store_commits();
        test_worker_jobs(&b->w);
        assert_int_equal(fake_store_drafts(), 0);
        assert_int_equal(fake.discards, i); /* what was not committed has files to remove */
        assert_int_equal(b->replies, 0);
        assert_int_equal(strlen(bench_committed()) > 0, !errs[i]);
    }
}

static void test_life__body_comes_too_slowly__ended_and_cleaned_up(void **state)
{
    struct bench *b = *state;
    open_with(b, MULTIPART, strlen(SMALL));
    assert_int_equal(bench_send(b, SMALL, strlen(SMALL) - 5, SIZE_MAX, false), strlen(SMALL) - 5);
    test_worker_pass_ms(&b->w, b->w.limits.body_idle_ms + 1);
    test_worker_jobs(&b->w);
    assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 408", 12), 0);
    assert_int_equal(b->replies, 0);
}

/* ---- disks ---- */

static void test_life__store_fails_at_any_call__answered_and_discarded(void **state)
{
    struct bench *b = *state;
    static const struct {
        int err;
        const char *answer;
    } rows[] = {
        {PST_E_FULL, "507 there is no room left for it; nothing was stored"},
        {PST_E_IO, "503 the server could not store it (later)"},
        {PST_E_NOMEM, "503 the server is short of memory; nothing was stored (later)"},
    };
    for (size_t i = 0; i < 3; i++) {
        for (unsigned call = 1; call <= 3; call++) {
            fake.file_calls = 0;
            fake.fail_at = call;
            fake.fail_err = rows[i].err;
            assert_string_equal(bench_post(b, MULTIPART, SMALL, strlen(SMALL), SIZE_MAX), rows[i].answer);
            assert_int_equal(fake_store_drafts(), 0);
            assert_int_equal(fake.discards, 3 * i + call);
        }
    }
    assert_int_equal(fake.commits, 0);
    fake.fail_at = 0;
    assert_int_equal(strncmp(bench_post(b, MULTIPART, SMALL, strlen(SMALL), SIZE_MAX), "201 ", 4), 0);
}

static void test_life__commit_fails__mapped(void **state)
{
    struct bench *b = *state;
    static const struct {
        int err;
        const char *answer;
    } rows[] = {
        {PST_E_FULL, "507 there is no room left for it; nothing was stored"},
        {PST_E_LIMIT, "507 no further box can be made; nothing was stored"},
        {PST_E_NOENT, "404 there is no such box"},
        {PST_E_MISMATCH, "422 its idempotency key was used for another post before"},
        {PST_E_IO, "503 the server could not store it (later)"},
        {PST_E_STATE, "503 the server could not store it (later)"},
        {PST_E_NOMEM, "503 the server is short of memory; nothing was stored (later)"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        fake.commit_err = rows[i].err;
        assert_string_equal(bench_post(b, MULTIPART, SMALL, strlen(SMALL), SIZE_MAX), rows[i].answer);
        assert_int_equal(fake.discards, i + 1);
        assert_string_equal(bench_post(b, FORM, "a=1", 3, SIZE_MAX), rows[i].answer);
        assert_int_equal(fake.discards, i + 1);
        assert_int_equal(fake_store_drafts(), 0);
    }
}

static void test_life__disk_fills_up_mid_upload__answered_while_the_body_comes(void **state)
{
    struct bench *b = *state;
    size_t len;
    char *body = make_big(BIG, &len);
    fake.fail_at = 3;
    fake.fail_err = PST_E_FULL;
    open_with(b, MULTIPART, len);
    (void)bench_send(b, body, 4 * PST_UPLOAD_HIGH_BYTES, 16384, true); /* more is to come */
    test_worker_jobs(&b->w);
    assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 507", 12), 0);
    assert_int_equal(b->replies, 1);
    assert_int_equal(fake_store_drafts(), 0);
    free(body);
}

static void test_life__repeated__the_first_answer_and_no_files_kept(void **state)
{
    struct bench *b = *state;
    fake.is_repeated = true;
    assert_string_equal(bench_post(b, MULTIPART "Idempotency-Key: k\r\n", SMALL, strlen(SMALL), SIZE_MAX),
                        "201 again 42");
    assert_int_equal(fake.discards, 1);
    assert_int_equal(fake_store_drafts(), 0);
}

/* ---- errors while a job writes ---- */

static void test_life__refused_while_a_job_writes__answered_at_once(void **state)
{
    struct bench *b = *state;
    static const char bad[] = "\r\n--b\r\nno field at all\r\n\r\n";
    size_t len;
    char *body = make_big(PST_UPLOAD_HIGH_BYTES, &len);
    fake.holds_files = true;
    open_with(b, MULTIPART, len + 1000);
    assert_int_equal(bench_send(b, body, len - strlen(END), 16384, true), len - strlen(END));
    fake_store_wait();
    assert_int_equal(b->replies, 0);
    assert_int_equal(bench_send(b, bad, strlen(bad), SIZE_MAX, true), strlen(bad));
    assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 400", 12), 0);
    assert_int_equal(b->replies, 1);
    assert_int_equal(fake_store_drafts(), 1);
    fake_store_hold_files(false);
    test_worker_jobs(&b->w);
    assert_int_equal(fake_store_drafts(), 0);
    assert_int_equal(fake.discards, 1);
    free(body);
}

static void test_life__spam_behind_a_file__discarded_and_nobody_told(void **state)
{
    struct bench *b = *state;
    static const char spam[] =
        FILE_HEAD "x\r\n--b\r\nContent-Disposition: form-data; name=\"url\"\r\n\r\nspam" END;
    b->rules.honeypot = PST_SLICE("url");
    assert_string_equal(bench_post(b, MULTIPART, spam, strlen(spam), 1), "201 spam 0");
    assert_int_equal(fake.commits, 0);
    assert_int_equal(fake_store_drafts(), 0);
}

/* ---- back-pressure ---- */

static void test_life__written_slower_than_it_comes__bounded(void **state)
{
    struct bench *b = *state;
    size_t len;
    char *body = make_big(BIG, &len);
    fake.holds_files = true;
    open_with(b, MULTIPART, len);
    size_t sent = 0;
    for (unsigned idle = 0; idle < 10; idle++) {
        size_t n;
        while ((n = pair_send(b->p, body + sent, len - sent)) > 0) {
            sent += n;
            idle = 0;
        }
        test_worker_turns(&b->w, 1);
    }
    fake_store_wait();
    /* Two buffers, and what lies between the peer and the server. */
    assert_true(sent > 2 * PST_UPLOAD_HIGH_BYTES && sent <= 2 * PST_UPLOAD_MOST_BYTES + 65536 + 16384);
    /* The time that the disk takes is not the peer's. */
    test_worker_pass_ms(&b->w, 10 * b->w.limits.body_idle_ms);
    assert_int_equal(b->replies, 0);
    assert_string_equal(bench_take(b), "");
    fake_store_hold_files(false);
    while (sent < len) {
        sent += bench_send(b, body + sent, len - sent, SIZE_MAX, true);
        test_worker_jobs(&b->w);
    }
    test_worker_jobs(&b->w);
    assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 201", 12), 0);
    char wanted[100];
    (void)snprintf(wanted, sizeof wanted, "file f|x||%u bytes %llx\n", BIG,
                   (unsigned long long)test_hash(TEST_HASH_INIT, body + strlen(FILE_HEAD), BIG));
    assert_int_equal(strncmp(bench_committed(), wanted, strlen(wanted)), 0);
    assert_true(fake.largest_write <= PST_UPLOAD_MOST_BYTES);
    free(body);
}

/* What all connections hold together is bounded, not only what one does; small posts come through. */
static void test_life__many_hold_much__later_large_ones_refused(void **state)
{
    enum { LEN = 100000, HALF = LEN * 7 / 10 };
    struct bench *b = *state;
    static char text[LEN];
    static const char plain[] = "Content-Type: text/plain\r\n";
    memset(text, 'x', sizeof text);
    b->w.limits.body_idle_ms = 3600000; /* while the refused one lingers */
    b->w.limits.body_rate_bytes = 0;
    for (int round = 0; round < 3; round++) {
        b->w.limits.post_memory_bytes = 200000; /* a buffer of 128 KiB fits, two do not */
        open_with(b, plain, LEN);
        assert_int_equal(bench_send(b, text, HALF, 4096, true), HALF);
        struct pair *first = b->p;
        assert_string_equal(bench_post(b, plain, text, LEN, 4096),
                            "503 too many large posts are on their way in; nothing was stored (later)");
        b->w.limits.post_memory_bytes = 100000;
        assert_int_equal(strncmp(bench_post(b, plain, "small", 5, 1), "201 ", 4), 0);
        b->p = first;
        b->got.len = 0;
        if (round == 1) { /* what was held is given back this way, too */
            bench_close(b, PST_IO_ERR);
            continue;
        }
        assert_int_equal(bench_send(b, text + HALF, LEN - HALF, 4096, true), LEN - HALF);
        test_worker_jobs(&b->w);
        assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 201", 12), 0);
        bench_close(b, PST_IO_EOF);
    }
}

/* Few and large writes: that is what an upload's cost hangs on. */
static void test_life__large_upload__few_writes(void **state)
{
    struct bench *b = *state;
    size_t len;
    char *body = make_big(BIG, &len);
    assert_int_equal(strncmp(bench_post(b, MULTIPART, body, len, 16384), "201 ", 4), 0);
    assert_true(fake.file_calls <= 2 + BIG / PST_UPLOAD_HIGH_BYTES + 1);
    free(body);
}

static void test_life__small_files__one_job(void **state)
{
    struct bench *b = *state;
    static const char three[] = FILE_HEAD "1\r\n" FILE_HEAD "2\r\n" FILE_HEAD "3" END;
    fake.holds_files = true;
    open_with(b, MULTIPART, strlen(three));
    assert_int_equal(bench_send(b, three, strlen(three), 1, true), strlen(three));
    fake_store_wait();
    assert_int_equal(b->w.worker.jobs.open, 1);
    fake_store_hold_files(false);
    while (fake.commits == 0)
        test_worker_turns(&b->w, 1);
    assert_int_equal(fake.file_calls, 9);
    test_worker_jobs(&b->w);
    assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 201", 12), 0);
}

/* ---- many at once ---- */

static void test_life__a_hundred_at_once__each_its_own(void **state)
{
    struct bench *b = *state;
    enum { MANY = 100 };
    struct pair *pairs[MANY];
    char body[200];
    for (size_t i = 0; i < MANY; i++) {
        bench_open(b);
        pairs[i] = b->p;
    }
    /* Interleaved, a few bytes of each in turn. */
    for (size_t at = 0, more = 1; more; at += 10) {
        more = 0;
        for (size_t i = 0; i < MANY; i++) {
            (void)snprintf(body, sizeof body, FILE_HEAD "file %03zu" END, i);
            char text[1000];
            (void)snprintf(text, sizeof text, "%s%s", bench_head(MULTIPART, strlen(body)), body);
            size_t len = strlen(text);
            if (at < len)
                assert_true(pair_send(pairs[i], text + at, len - at < 10 ? len - at : 10) > 0);
            more |= at + 10 < len;
        }
        test_worker_turns(&b->w, 1);
    }
    test_worker_jobs(&b->w);
    const char *kept = bench_committed();
    for (size_t i = 0; i < MANY; i++) {
        char wanted[30];
        (void)snprintf(wanted, sizeof wanted, "|file %03zu\n", i);
        assert_non_null(strstr(kept, wanted));
        b->p = pairs[i];
        b->got.len = 0;
        assert_int_equal(strncmp(bench_take(b), "HTTP/1.1 201", 12), 0);
        bench_close(b, PST_IO_EOF);
    }
    assert_int_equal(b->replies, MANY);
}

int main(void)
{
#define LIFE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        LIFE(test_life__peer_goes_after_any_byte__nothing_left),
        LIFE(test_life__peer_goes_while_a_job_writes__discarded_after_it),
        LIFE(test_life__peer_goes_during_the_commit__stored_and_freed),
        LIFE(test_life__body_comes_too_slowly__ended_and_cleaned_up),
        LIFE(test_life__store_fails_at_any_call__answered_and_discarded),
        LIFE(test_life__commit_fails__mapped),
        LIFE(test_life__disk_fills_up_mid_upload__answered_while_the_body_comes),
        LIFE(test_life__repeated__the_first_answer_and_no_files_kept),
        LIFE(test_life__refused_while_a_job_writes__answered_at_once),
        LIFE(test_life__spam_behind_a_file__discarded_and_nobody_told),
        LIFE(test_life__written_slower_than_it_comes__bounded),
        LIFE(test_life__many_hold_much__later_large_ones_refused),
        LIFE(test_life__large_upload__few_writes),
        LIFE(test_life__small_files__one_job),
        LIFE(test_life__a_hundred_at_once__each_its_own),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
