/* A submission when memory runs out: allocation i fails, for every i. Each is answered once or its connection
 * closed, nothing half is committed, nothing leaks. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/failmalloc.h"
#include "unit/handlers/submission_bench.h"

#define FIELD(name, value) "--b\r\nContent-Disposition: form-data; name=\"" name "\"\r\n\r\n" value "\r\n"
#define FILE_PART(name)                                                                                      \
    "--b\r\nContent-Disposition: form-data; name=\"" name "\"; filename=\"x\"\r\n\r\n"                       \
    "some contents of it\r\n"

static const struct {
    const char *type, *body;
    int status; /* when nothing fails */
} rows[] = {
    {"application/x-www-form-urlencoded", "a=1&b=%E9&_charset_=iso-8859-1&_idempotency_key=k", 201},
    {"application/x-www-form-urlencoded", "a=1&other=1", 422},
    {"application/x-www-form-urlencoded", "b=1", 422},
    {"multipart/form-data; boundary=b",
     FIELD("a", "1") FILE_PART("f") FIELD("_charset_", "utf-8") FILE_PART("f") "--b--", 201},
    {"multipart/form-data; boundary=b", FIELD("a", "1") FILE_PART("other") "--b--", 422},
    {"application/json", "{\"a\":\"\\u00e9\",\"b\":[1,2],\"f\":null}", 201},
    {"application/json", "{\"a\":1,\"a\":2}", 422},
    {"application/json", "{\"a\":1,", 400},
    {"text/plain; charset=iso-8859-1", "\xE9", 415},
    {"image/png", "x", 415},
};
static const struct pst_submission_field fields[] = {{{"a", 1}, true}, {{"b", 1}, false}, {{"f", 1}, false}};

/* Returns whether allocation number failed, so that there may be more behind it. */
static bool try_with_failure(size_t row, size_t number)
{
    struct bench b;
    char text[1024];
    bench_init(&b);
    b.rules.fields = fields;
    b.rules.field_count = 3;
    (void)snprintf(text, sizeof text,
                   "POST /in HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\nContent-Type: %s\r\n\r\n%s",
                   strlen(rows[row].body), rows[row].type, rows[row].body);
    bench_open(&b);
    failmalloc_arm(number, 1);
    pair_says(b.p, text);
    test_worker_jobs(&b.w);
    test_worker_turns(&b.w, 2);
    bool failed = failmalloc_disarm();
    const char *got = bench_take(&b);
    assert_true(b.replies <= 1);
    if (b.replies == 0 && b.got.len == 0 && !b.p->is_shut && !b.p->is_gone)
        fail_msg("row %zu with allocation %zu failing: neither answered nor closed", row, number);
    if (!failed)
        assert_int_equal(strtol(got + 9, NULL, 10), rows[row].status);
    bool is_201 = b.got.len > 12 && strncmp(got + 9, "201", 3) == 0;
    if (is_201)
        assert_non_null(strstr(bench_committed(), "head box|"));
    bench_fini(&b);
    assert_int_equal(fake_store_drafts(), 0);
    return failed;
}

static void test_submission__allocation_fails__answered_or_closed(void **state)
{
    (void)state;
    for (size_t row = 0; row < sizeof rows / sizeof rows[0]; row++) {
        size_t number = 1;
        while (try_with_failure(row, number))
            number++;
        assert_true(number > 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_submission__allocation_fails__answered_or_closed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
