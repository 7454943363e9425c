/* Texts and the media type table when allocation i fails, for every i, and all after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <postern/http.h>
#include <stdio.h>
#include <stdlib.h>

#include "http/media_db.h"
#include "support/failmalloc.h"

/* Grows in every way there is; true where all of it is there. */
static bool fill(struct pst_text *t)
{
    for (int i = 0; i < 40; i++) {
        pst_text_adds(t, "some text ");
        pst_text_addf(t, "%0100d", i);
        pst_text_add_html(t, PST_SLICE("<&>\xff"));
        pst_text_add_json(t, PST_SLICE("\"\\\x01"));
        pst_text_add_percent(t, PST_SLICE("/ %"), true);
    }
    return !t->failed;
}

static void test_text__allocation_i_fails__what_was_there_stays(void **state)
{
    (void)state;
    struct pst_text whole = {0};
    assert_true(fill(&whole));
    for (size_t i = 0;; i++) {
        struct pst_text t = {0};
        failmalloc_arm(i + 1, FAILMALLOC_ALL);
        bool ok = fill(&t);
        failmalloc_disarm();
        assert_true(t.len <= whole.len);
        if (t.len > 0)
            assert_memory_equal(t.ptr, whole.ptr, t.len);
        size_t len = t.len;
        pst_text_free(&t);
        if (ok) {
            assert_int_equal(len, whole.len);
            assert_true(i > 3); /* some did fail */
            break;
        }
    }
    pst_text_free(&whole);
}

static void test_media_db__allocation_i_fails__the_rest_is_found(void **state)
{
    (void)state;
    struct pst_text globs = {0};
    for (int i = 0; i < 600; i++)
        pst_text_addf(&globs, "50:x/t%d:*.e%d\n60:x/u%d:*.e%d\n", i, i, i, i);
    size_t used = 0;
    for (size_t i = 0; used < 600; i++) {
        struct pst_media_db db;
        pst_media_db_init(&db);
        failmalloc_arm(i + 1, FAILMALLOC_ALL);
        pst_media_db_add(&db, pst_slice_of(globs.ptr, globs.len));
        failmalloc_disarm();
        used = db.used;
        for (int e = 0; e < 600; e++) {
            char extension[16], low[16], high[16];
            (void)snprintf(extension, sizeof extension, "e%d", e);
            (void)snprintf(low, sizeof low, "x/t%d", e);
            (void)snprintf(high, sizeof high, "x/u%d", e);
            const char *got = pst_media_db_find(&db, pst_slice_str(extension));
            assert_int_equal(got != NULL, e < (int)used);
            assert_true(got == NULL || strcmp(got, high) == 0 || (strcmp(got, low) == 0 && used < 600));
        }
        pst_media_db_fini(&db);
        assert_true(i < 1000);
    }
    pst_text_free(&globs);
}

/* Must be the only one here that asks by name: the database is read once, here with no memory at all. */
static void test_media_type_by_name__no_memory__built_in_types(void **state)
{
    (void)state;
    failmalloc_arm(1, FAILMALLOC_ALL);
    const char *unknown = pst_media_type_by_name(PST_SLICE("a.no-such-extension"));
    const char *html = pst_media_type_by_name(PST_SLICE("a.html"));
    failmalloc_disarm();
    assert_string_equal(unknown, "application/octet-stream");
    assert_string_equal(html, "text/html; charset=utf-8");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text__allocation_i_fails__what_was_there_stays),
        cmocka_unit_test(test_media_db__allocation_i_fails__the_rest_is_found),
        cmocka_unit_test(test_media_type_by_name__no_memory__built_in_types),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
