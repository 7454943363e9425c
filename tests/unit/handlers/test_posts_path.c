/* What URLs below the boxes' prefix ask for. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "handlers/posts_path.h"

#define NAME_64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static void test_posts_path__paths__what_they_name(void **state)
{
    (void)state;
    static const struct {
        const char *path;
        enum pst_posts_what what;
        const char *box;
        uint64_t id;
        unsigned file;
    } rows[] = {
        {"", PST_POSTS_BOXES, "", 0, 0},
        {"contact", PST_POSTS_BOX, "contact", 0, 0},
        {NAME_64, PST_POSTS_BOX, NAME_64, 0, 0},
        {"thanks", PST_POSTS_BOX, "thanks", 0, 0},
        {"a/thanks", PST_POSTS_THANKS, "a", 0, 0},
        {"a/1", PST_POSTS_POST, "a", 1, 0},
        {"a/9223372036854775807", PST_POSTS_POST, "a", INT64_MAX, 0},
        {"a/1/delete", PST_POSTS_DELETE, "a", 1, 0},
        {"a/12/files/34", PST_POSTS_FILE, "a", 12, 34},
        {"a/1/files/4294967295", PST_POSTS_FILE, "a", 1, UINT32_MAX},
        {"_/style.css", PST_POSTS_STYLE, "", 0, 0},
        /* nothing */
        {NAME_64 "a", PST_POSTS_NOTHING, "", 0, 0},
        {"_", PST_POSTS_NOTHING, "", 0, 0},
        {"_/style.cs", PST_POSTS_NOTHING, "", 0, 0},
        {"_/1", PST_POSTS_NOTHING, "", 0, 0},
        {"A", PST_POSTS_NOTHING, "", 0, 0},
        {"a b", PST_POSTS_NOTHING, "", 0, 0},
        {"<a>", PST_POSTS_NOTHING, "", 0, 0},
        {"a%2F1", PST_POSTS_NOTHING, "", 0, 0},
        {"/", PST_POSTS_NOTHING, "", 0, 0},
        {"a/", PST_POSTS_NOTHING, "", 0, 0},
        {"a//1", PST_POSTS_NOTHING, "", 0, 0},
        {"/a", PST_POSTS_NOTHING, "", 0, 0},
        {"a/0", PST_POSTS_NOTHING, "", 0, 0},
        {"a/01", PST_POSTS_NOTHING, "", 0, 0},
        {"a/+1", PST_POSTS_NOTHING, "", 0, 0},
        {"a/-1", PST_POSTS_NOTHING, "", 0, 0},
        {"a/9223372036854775808", PST_POSTS_NOTHING, "", 0, 0},
        {"a/18446744073709551617", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/delete/", PST_POSTS_NOTHING, "", 0, 0},
        {"a/thanks/", PST_POSTS_NOTHING, "", 0, 0},
        {"a/thanks/1", PST_POSTS_NOTHING, "", 0, 0},
        {"a/delete", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/files", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/files/", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/files/0", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/files/4294967296", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/files/1/x", PST_POSTS_NOTHING, "", 0, 0},
        {"a/1/file/1", PST_POSTS_NOTHING, "", 0, 0},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_posts_path path = pst_posts_path_read(pst_slice_str(rows[i].path));
        if (path.what != rows[i].what || path.id != rows[i].id || path.file != rows[i].file ||
            !pst_slice_eq(path.box, pst_slice_str(rows[i].box)))
            fail_msg("\"%s\" is %d, box \"%.*s\", id %llu, file %u", rows[i].path, (int)path.what,
                     PST_FMT(path.box), (unsigned long long)path.id, path.file);
    }
}

static void test_posts_query__queries__as_said_or_why_not(void **state)
{
    (void)state;
    static const struct {
        const char *query;
        enum pst_posts_format format;
        uint64_t before, limit;
        const char *why; /* what the reason begins with; NULL: none */
    } rows[] = {
        {"", PST_POSTS_ANY, 0, 0, NULL},
        {"x=1&format", PST_POSTS_ANY, 0, 0, "format"},
        {"format=json", PST_POSTS_JSON, 0, 0, NULL},
        {"format=html&x=%00", PST_POSTS_HTML, 0, 0, NULL},
        {"format=csv&limit=1000000", PST_POSTS_CSV, 0, 1000000, NULL},
        {"before=7&format=ndjson&limit=3", PST_POSTS_NDJSON, 7, 3, NULL},
        {"format=%63sv", PST_POSTS_CSV, 0, 0, NULL},
        {"format=csv&format=json", PST_POSTS_JSON, 0, 0, NULL},
        {"before=9223372036854775807", PST_POSTS_ANY, INT64_MAX, 0, NULL},
        {"format=xml", PST_POSTS_ANY, 0, 0, "format"},
        {"format=CSV", PST_POSTS_ANY, 0, 0, "format"},
        {"format=", PST_POSTS_ANY, 0, 0, "format"},
        {"before=0", PST_POSTS_ANY, 0, 0, "before"},
        {"before=", PST_POSTS_ANY, 0, 0, "before"},
        {"before=1x", PST_POSTS_ANY, 0, 0, "before"},
        {"before=9223372036854775808", PST_POSTS_ANY, 0, 0, "before"},
        {"limit=0", PST_POSTS_ANY, 0, 0, "limit"},
        {"limit=-1", PST_POSTS_ANY, 0, 0, "limit"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char scratch[64];
        struct pst_posts_query query;
        const char *why = pst_posts_query_read(pst_slice_str(rows[i].query), scratch, &query);
        if (rows[i].why) {
            assert_non_null(why);
            assert_memory_equal(why, rows[i].why, strlen(rows[i].why));
            continue;
        }
        assert_null(why);
        assert_int_equal(query.format, rows[i].format);
        assert_int_equal(query.before, rows[i].before);
        assert_int_equal(query.limit, rows[i].limit);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts_path__paths__what_they_name),
        cmocka_unit_test(test_posts_query__queries__as_said_or_why_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
