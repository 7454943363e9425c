/* Posts as JSON and CSV when allocation i fails, for every i, and all after it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "handlers/post_format.h"
#include "support/failmalloc.h"

/* True where all of it is there. */
static bool format(struct pst_text *t, const char *names)
{
    static const struct pst_post_field fields[] = {
        {{"a", 1}, {"1", 1}}, {{"b", 1}, {"2", 1}}, {{"a", 1}, {"3", 1}}};
    static const struct pst_post_file file = {.number = 1, .file_name = {"x", 1}, .size = 1};
    const struct pst_post post = {
        .id = 1, .fields = fields, .field_count = 3, .files = &file, .file_count = 1};
    for (int i = 0; i < 5; i++) {
        pst_post_add_json(t, &post, "/post/", true);
        pst_post_add_csv_head(t, names);
        pst_post_add_csv(t, &post, names);
    }
    return !t->failed;
}

static void test_post_format__allocation_fails__told_and_nothing_leaks(void **state)
{
    (void)state;
    struct pst_text many = {0};
    for (int i = 0; i <= PST_POST_CSV_NAMES; i++)
        pst_text_addf(&many, "n%d%c", i, '\0');
    pst_text_add(&many, pst_slice_of("", 1));
    assert_false(many.failed);
    const char *const names[] = {"a\0", many.ptr};
    for (size_t row = 0; row < 2; row++) {
        for (size_t count = 1; count <= 2; count++) {
            size_t i = 0;
            bool is_failed = true;
            while (is_failed) {
                struct pst_text t = {0};
                failmalloc_arm(++i, count == 1 ? 1 : FAILMALLOC_ALL);
                bool ok = format(&t, names[row]);
                is_failed = failmalloc_disarm();
                assert_int_equal(ok, !is_failed);
                pst_text_free(&t);
            }
            assert_true(i > 10); /* many did fail */
        }
    }
    pst_text_free(&many);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_post_format__allocation_fails__told_and_nothing_leaks),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
