/* Showing posts while allocation i fails, for every i: told, not half shown as if it were all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "failmalloc.h"
#include "server/cli_posts_write.h"

static const struct pst_post_field fields[] = {
    {{"name", 4}, {"Ada", 3}},
    {{"name", 4}, {"Zoe", 3}},
    {{"message", 7}, {"one\ntwo\x1b", 8}},
};

static int write_all(enum pst_cli_posts_format format, bool is_table, FILE *out)
{
    static const struct pst_box_info box = {.name = "contact", .count = 1, .bytes = 1234};
    const struct pst_post post = {.id = 1,
                                  .box = PST_SLICE("contact"),
                                  .type = PST_SLICE("text/plain"),
                                  .fields = fields,
                                  .field_count = 3,
                                  .body = PST_SLICE("body")};
    struct pst_cli_posts_writer w = {
        .out = out, .format = format, .is_terminal = true, .is_table = is_table, .names = "name\0message\0"};
    pst_cli_posts_write(&w, &post);
    pst_cli_posts_write(&w, &post);
    pst_cli_posts_write_boxes(&w, &box, 1);
    return pst_cli_posts_write_end(&w);
}

static void test_posts__out_of_memory__told(void **state)
{
    (void)state;
    FILE *out = fopen("/dev/null", "w");
    assert_non_null(out);
    for (int format = PST_CLI_POSTS_TEXT; format <= PST_CLI_POSTS_CSV; format++) {
        for (int is_table = 0; is_table < 2; is_table++) {
            assert_int_equal(write_all((enum pst_cli_posts_format)format, is_table, out), 0);
            size_t failures = 0;
            for (size_t i = 1;; i++) {
                failmalloc_arm(i, 1);
                int err = write_all((enum pst_cli_posts_format)format, is_table, out);
                if (!failmalloc_disarm())
                    break;
                failures++;
                assert_int_equal(err, PST_E_NOMEM);
            }
            assert_true(failures > 0);
        }
    }
    assert_int_equal(fclose(out), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts__out_of_memory__told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
