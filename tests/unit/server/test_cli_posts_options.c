/* The command line of "postern posts": what is accepted, what is refused and how that is said. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "server/cli_posts_options.h"

#define ARGS_MAX 8

/* A command line of its own memory: the parser moves words about in it. */
struct line {
    char *argv[ARGS_MAX + 2];
    int argc;
};

static bool parse(struct pst_cli_posts *cli, struct line *line, char error[PST_CLI_ERROR_BYTES],
                  const char *const args[ARGS_MAX])
{
    line->argc = 1;
    line->argv[0] = (char *)(uintptr_t) "posts";
    for (; line->argc <= ARGS_MAX && args[line->argc - 1]; line->argc++)
        line->argv[line->argc] = (char *)(uintptr_t)args[line->argc - 1];
    line->argv[line->argc] = NULL;
    return pst_cli_posts_parse(cli, line->argc, line->argv, error);
}

static void accept(struct pst_cli_posts *cli, struct line *line, const char *const args[ARGS_MAX])
{
    char error[PST_CLI_ERROR_BYTES];
    if (!parse(cli, line, error, args))
        fail_msg("%s", error);
}

static void test_posts__commands__and_what_they_take(void **state)
{
    (void)state;
    struct pst_cli_posts cli;
    struct line line;
    accept(&cli, &line, (const char *[ARGS_MAX]){"list"});
    assert_int_equal(cli.command, PST_CLI_POSTS_LIST);
    assert_null(cli.box);
    assert_int_equal(cli.format, PST_CLI_POSTS_TEXT);
    assert_int_equal(cli.count, 50);

    accept(&cli, &line, (const char *[ARGS_MAX]){"list", "contact", "--count", "0", "--format=csv"});
    assert_string_equal(cli.box, "contact");
    assert_int_equal(cli.format, PST_CLI_POSTS_CSV);
    assert_int_equal(cli.count, 0);

    accept(&cli, &line, (const char *[ARGS_MAX]){"export", "contact", "--files", "out"});
    assert_int_equal(cli.command, PST_CLI_POSTS_EXPORT);
    assert_int_equal(cli.format, PST_CLI_POSTS_NDJSON);
    assert_string_equal(cli.files, "out");

    accept(&cli, &line, (const char *[ARGS_MAX]){"export", "contact", "--format", "text"});
    assert_int_equal(cli.format, PST_CLI_POSTS_TEXT);

    accept(&cli, &line, (const char *[ARGS_MAX]){"vacuum"});
    assert_int_equal(cli.command, PST_CLI_POSTS_VACUUM);
    accept(&cli, &line, (const char *[ARGS_MAX]){"vacuum", "contact"});
    assert_string_equal(cli.box, "contact");

    accept(&cli, &line, (const char *[ARGS_MAX]){"--help"});
    assert_true(cli.help);
    accept(&cli, &line, (const char *[ARGS_MAX]){"show", "-h"});
    assert_true(cli.help);
}

static void test_posts__options_between_words__ids_stay_together(void **state)
{
    (void)state;
    struct pst_cli_posts cli;
    struct line line;
    accept(&cli, &line,
           (const char *[ARGS_MAX]){"--data", "d", "delete", "contact", "7", "--data=e", "18446744", "--"});
    assert_int_equal(cli.command, PST_CLI_POSTS_DELETE);
    assert_string_equal(cli.data, "e");
    assert_string_equal(cli.box, "contact");
    assert_int_equal(cli.id_count, 2);
    assert_int_equal(pst_cli_posts_id(cli.ids[0]), 7);
    assert_int_equal(pst_cli_posts_id(cli.ids[1]), 18446744);
}

static void test_posts__wrong__one_line_that_helps(void **state)
{
    (void)state;
    static const struct {
        const char *args[ARGS_MAX];
        const char *says; /* part of the line */
    } rows[] = {
        {{NULL}, "say what to do with the posts: list, show, export, delete or vacuum"},
        {{"lst"}, "there is no command posts lst: did you mean posts list?"},
        {{"frobnicate"}, "there is no command posts frobnicate; there are list"},
        {{"list", "a", "b"}, "posts list takes one box: got \"a\" and \"b\""},
        {{"list", "../a"}, "\"../a\" cannot be a box"},
        {{"list", "A"}, "\"A\" cannot be a box"},
        {{"show"}, "posts show needs the name of a box: postern posts show BOX ID..."},
        {{"show", "a"}, "posts show needs the ID of a post: postern posts show BOX ID..."},
        {{"show", "a", "first"}, "\"first\" is no ID of a post"},
        {{"delete", "a", "1", "0"}, "\"0\" is no ID of a post"},
        {{"delete", "a", "-1"}, "there is no option -1"},
        {{"delete", "a", "99999999999999999999"}, "is no ID of a post"},
        {{"export"}, "posts export needs the name of a box"},
        {{"export", "a", "--format", "xml"}, "--format \"xml\" is none of text, json, ndjson and csv"},
        {{"export", "a", "--fromat", "csv"}, "there is no option --fromat: did you mean --format?"},
        {{"export", "a", "--zzz"}, "there is no option --zzz; postern posts --help lists them"},
        {{"export", "a", "--files"}, "--files needs a value: --files DIR"},
        {{"show", "a", "1", "--files", "d"}, "--files is for posts export, not for posts show"},
        {{"export", "a", "--count", "5"}, "--count is for posts list, not for posts export"},
        {{"list", "a", "--count", "few"}, "--count \"few\" is no number of posts"},
        {{"delete", "a", "1", "--format", "csv"}, "posts delete has no --format"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct pst_cli_posts cli;
        struct line line;
        char error[PST_CLI_ERROR_BYTES];
        if (parse(&cli, &line, error, rows[i].args))
            fail_msg("row %zu was accepted", i);
        if (!strstr(error, rows[i].says) || strchr(error, '\n'))
            fail_msg("row %zu: %s", i, error);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_posts__commands__and_what_they_take),
        cmocka_unit_test(test_posts__options_between_words__ids_stay_together),
        cmocka_unit_test(test_posts__wrong__one_line_that_helps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
