/* Posts and boxes as the command line shows them, and the names that their files get. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "server/cli_clean.h"
#include "server/cli_posts_files.h"
#include "server/cli_posts_write.h"

#define TIME_MS 1767323045678 /* 2026-01-02T03:04:05.678Z */

static const struct pst_post_field fields[] = {
    {{"name", 4}, {"Ada \x1b[31m", 9}},
    {{"empty", 5}, {NULL, 0}},
    {{"message", 7}, {"one\ntwo: 2", 10}},
};
static const struct pst_post_file files[] = {
    {.number = 1,
     .name = {"picture", 7},
     .file_name = {"../../etc/\x07"
                   "cat.png",
                   18},
     .type = {"image/png", 9},
     .size = 12345,
     .hash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
};

static struct pst_post post_of(uint64_t id)
{
    return (struct pst_post){.id = id,
                             .time_ms = TIME_MS,
                             .box = PST_SLICE("contact"),
                             .type = PST_SLICE("multipart/form-data"),
                             .address = PST_SLICE("127.0.0.1"),
                             .fields = fields,
                             .field_count = 3,
                             .files = files,
                             .file_count = 1};
}

/* What writing posts 10 and 9 gives; free() it. */
static char *written(struct pst_cli_posts_writer w, int count)
{
    char *text = NULL;
    size_t len = 0;
    w.out = open_memstream(&text, &len);
    assert_non_null(w.out);
    for (int i = 0; i < count; i++) {
        const struct pst_post post = post_of((uint64_t)(10 - i));
        pst_cli_posts_write(&w, &post);
    }
    assert_int_equal(pst_cli_posts_write_end(&w), 0);
    assert_int_equal(fclose(w.out), 0);
    return text;
}

static void test_table__a_line_each__as_wide_as_the_terminal(void **state)
{
    (void)state;
    char *text = written((struct pst_cli_posts_writer){.is_table = true}, 2);
    assert_string_equal(text, "10  2026-01-02 03:04:05  name: Ada \\x1b[31m  message: one two: 2  "
                              "picture: ../../etc/\\x07cat.png\n"
                              " 9  2026-01-02 03:04:05  name: Ada \\x1b[31m  message: one two: 2  "
                              "picture: ../../etc/\\x07cat.png\n");
    free(text);
    text = written((struct pst_cli_posts_writer){.is_table = true, .width = 56}, 1);
    assert_string_equal(text, "10  2026-01-02 03:04:05  name: Ada \\x1b[31m  message: o\xe2\x80\xa6\n");
    free(text);
    for (size_t width = 1; width < 130;
         width++) { /* no width makes it longer than that, but for id and time */
        text = written((struct pst_cli_posts_writer){.is_table = true, .width = width}, 1);
        struct pst_text t = {0};
        size_t columns = pst_cli_clean_line(&t, pst_slice_str(text), 0) - 1; /* the line end */
        if (columns > width && columns > 25)
            fail_msg("width %zu: %s", width, text);
        pst_text_free(&t);
        free(text);
    }
}

static void test_text__all_of_a_post__and_values_cannot_look_like_fields(void **state)
{
    (void)state;
    char *text = written((struct pst_cli_posts_writer){0}, 1);
    assert_string_equal(text,
                        "post 10 of contact, 2026-01-02 03:04:05 +0000, from 127.0.0.1, multipart/form-data\n"
                        "name: Ada \\x1b[31m\n"
                        "empty:\n"
                        "message:\n"
                        "    one\n"
                        "    two: 2\n"
                        "file 1, picture: ../../etc/\\x07cat.png, image/png, 12345 bytes, SHA-256 "
                        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n");
    free(text);
    text = written((struct pst_cli_posts_writer){0}, 2);
    assert_non_null(strstr(text, "\n\npost 9 of contact"));
    free(text);
}

static void test_programs__framing_for_none_one_and_many(void **state)
{
    (void)state;
    static const struct {
        enum pst_cli_posts_format format;
        bool is_array;
        int count;
        const char *first, *last; /* of the output */
        int lines;
    } rows[] = {
        {PST_CLI_POSTS_NDJSON, true, 0, "", "", 0},
        {PST_CLI_POSTS_NDJSON, true, 2, "{\"id\":10,", "}\n", 2},
        {PST_CLI_POSTS_JSON, true, 0, "[]\n", "[]\n", 1},
        {PST_CLI_POSTS_JSON, true, 1, "[\n{\"id\":10,", "}\n]\n", 3},
        {PST_CLI_POSTS_JSON, true, 2, "[\n{\"id\":10,", "}\n]\n", 4},
        {PST_CLI_POSTS_JSON, false, 1, "{\"id\":10,", "}\n", 1},
        {PST_CLI_POSTS_CSV, true, 0, "id,time,name", "\r\n", 1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = written((struct pst_cli_posts_writer){.format = rows[i].format,
                                                           .is_array = rows[i].is_array,
                                                           .is_terminal = i % 2 == 0,
                                                           .names = "name\0message\0"},
                             rows[i].count);
        struct pst_slice all = pst_slice_str(text);
        int lines = 0;
        for (const char *p = text; *p; p++)
            lines += *p == '\n';
        if (!pst_slice_starts(all, pst_slice_str(rows[i].first)) ||
            !pst_slice_ends(all, pst_slice_str(rows[i].last)) || lines != rows[i].lines)
            fail_msg("row %zu: %s", i, text);
        free(text);
    }
}

static void test_programs__on_a_terminal__nothing_is_obeyed(void **state)
{
    (void)state;
    for (int format = PST_CLI_POSTS_TEXT; format <= PST_CLI_POSTS_CSV; format++) {
        char *text = written((struct pst_cli_posts_writer){.format = (enum pst_cli_posts_format)format,
                                                           .is_terminal = true,
                                                           .names = "name\0message\0"},
                             1);
        assert_null(strchr(text, '\x1b'));
        assert_null(strchr(text, '\x07'));
        free(text);
    }
}

static void test_boxes__table_and_json(void **state)
{
    (void)state;
    static const struct pst_box_info boxes[] = {
        {.name = "board", .count = 3, .bytes = 999, .last_id = 3, .last_time_ms = TIME_MS},
        {.name = "contact", .count = 0, .bytes = 1234567},
    };
    static const struct {
        enum pst_cli_posts_format format;
        const char *text;
    } rows[] = {
        {PST_CLI_POSTS_TEXT, "BOX         POSTS       SIZE  NEWEST\n"
                             "board           3      999 B  2026-01-02 03:04:05\n"
                             "contact         0     1.2 MB  -\n"},
        {PST_CLI_POSTS_NDJSON,
         "{\"name\":\"board\",\"count\":3,\"bytes\":999,\"newest\":\"2026-01-02T03:04:05.678Z\"}\n"
         "{\"name\":\"contact\",\"count\":0,\"bytes\":1234567,\"newest\":null}\n"},
        {PST_CLI_POSTS_JSON,
         "[\n{\"name\":\"board\",\"count\":3,\"bytes\":999,\"newest\":\"2026-01-02T03:04:05.678Z\"},\n"
         "{\"name\":\"contact\",\"count\":0,\"bytes\":1234567,\"newest\":null}\n]\n"},
        {PST_CLI_POSTS_CSV,
         "name,count,bytes,newest\r\nboard,3,999,2026-01-02T03:04:05.678Z\r\ncontact,0,1234567,\r\n"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char *text = NULL;
        size_t len = 0;
        struct pst_cli_posts_writer w = {.format = rows[i].format, .is_array = true};
        w.out = open_memstream(&text, &len);
        pst_cli_posts_write_boxes(&w, boxes, 2);
        assert_int_equal(pst_cli_posts_write_end(&w), 0);
        assert_int_equal(fclose(w.out), 0);
        assert_string_equal(text, rows[i].text);
        free(text);
    }
}

static void test_writer__disk_full__told(void **state)
{
    (void)state;
    struct pst_cli_posts_writer w = {.out = fopen("/dev/full", "w")};
    const struct pst_post post = post_of(1);
    assert_non_null(w.out);
    pst_cli_posts_write(&w, &post);
    assert_int_equal(pst_cli_posts_write_end(&w), PST_E_IO);
    assert_int_equal(errno, ENOSPC);
    (void)fclose(w.out);
}

static void test_file_name__whatever_the_client_said__stays_in_the_folder(void **state)
{
    (void)state;
    static const struct {
        const char *name, *safe;
    } rows[] = {
        {"cat.png", "contact-10-2-cat.png"},
        {"../../etc/passwd", "contact-10-2-passwd"},
        {"C:\\Users\\ada\\cat.png", "contact-10-2-cat.png"},
        {"..", "contact-10-2-.."},
        {"", "contact-10-2-file"},
        {"folder/", "contact-10-2-file"},
        {"a b\x1b[m\"'$(x)\xc3\xab.txt", "contact-10-2-a_b__m____x___.txt"},
        {"-rf", "contact-10-2--rf"},
    };
    const struct pst_post post = post_of(10);
    char name[PST_CLI_POSTS_NAME_BYTES];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const struct pst_post_file file = {.number = 2, .file_name = pst_slice_str(rows[i].name)};
        pst_cli_posts_file_name(name, &post, &file);
        assert_string_equal(name, rows[i].safe);
    }
    char longest[5000], box[65];
    memset(longest, 'a', sizeof longest);
    memset(box, 'b', sizeof box);
    memcpy(longest + sizeof longest - 4, ".png", 4);
    const struct pst_post big = {.id = UINT64_MAX, .box = {box, 64}};
    const struct pst_post_file file = {.number = UINT32_MAX, .file_name = {longest, sizeof longest}};
    pst_cli_posts_file_name(name, &big, &file);
    assert_true(strlen(name) < 240);
    assert_string_equal(name + strlen(name) - 4, ".png");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table__a_line_each__as_wide_as_the_terminal),
        cmocka_unit_test(test_text__all_of_a_post__and_values_cannot_look_like_fields),
        cmocka_unit_test(test_programs__framing_for_none_one_and_many),
        cmocka_unit_test(test_programs__on_a_terminal__nothing_is_obeyed),
        cmocka_unit_test(test_boxes__table_and_json),
        cmocka_unit_test(test_writer__disk_full__told),
        cmocka_unit_test(test_file_name__whatever_the_client_said__stays_in_the_folder),
    };
    (void)setenv("TZ", "UTC", 1);
    tzset();
    pst_cli_clean_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
