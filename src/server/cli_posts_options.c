/* cli_posts_options.c - the command line of "postern posts". */
#include "server/cli_posts_options.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

#include <postern/store.h>

#include "server/cli_nearest.h"

#define COUNT_DEFAULT 50
#define COUNT(array)  (sizeof(array) / sizeof(array)[0])

/* In the order of enum pst_cli_posts_command. */
static const struct command {
    const char *name, *words;
    int least, most; /* of the words behind it */
    const char *text;
} commands[] = {
    {"list", "[BOX]", 0, 1, "the posts of a box, newest first; without BOX, the boxes"},
    {"show", "BOX ID...", 2, INT_MAX, "these posts, to be read"},
    {"export", "BOX", 1, 1, "all posts of a box, oldest first, for other programs"},
    {"delete", "BOX ID...", 2, INT_MAX, "removes these posts and their files; asks nothing"},
    {"vacuum", "[BOX]", 0, 1, "checks the folder and gives back the room of what was deleted, of all boxes"},
};

enum option { OPTION_DATA, OPTION_FORMAT, OPTION_COUNT, OPTION_FILES, OPTION_HELP };
static const struct pst_cli_option options[] = {
    {"data", "DIR", "where posts are kept (default: postern in $XDG_DATA_HOME or ~/.local/share)"},
    {"format", "FORMAT", "text, json, ndjson (a line each) or csv; default: text, and ndjson for export"},
    {"count", "N", "list: only the N newest (default: 50; 0: all)"},
    {"files", "DIR", "export: write the posts' files into DIR as well"},
    {"help", NULL, "print this"},
};

/* In the order of enum pst_cli_posts_format. */
static const char *const formats[] = {"text", "json", "ndjson", "csv"};

struct parser {
    struct pst_cli_posts *cli;
    int argc;
    char **argv;
    int word_count; /* they are in argv + 1; the first is the command */
    bool has_format, has_count;
    char *error;
};

__attribute__((format(printf, 2, 3))) static bool fail(struct parser *p, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(p->error, PST_CLI_ERROR_BYTES, format, args);
    va_end(args);
    return false;
}

static bool set_format(struct parser *p, const char *value)
{
    for (size_t i = 0; i < COUNT(formats); i++) {
        if (strcmp(value, formats[i]) == 0) {
            p->cli->format = (enum pst_cli_posts_format)i;
            p->has_format = true;
            return true;
        }
    }
    return fail(p, "--format \"%.40s\" is none of text, json, ndjson and csv", value);
}

static bool set_count(struct parser *p, const char *value)
{
    unsigned long long n = 0;
    if (!pst_slice_to_u64(pst_slice_str(value), &n))
        return fail(p, "--count \"%.40s\" is no number of posts (0: all of them)", value);
    p->cli->count = n;
    p->has_count = true;
    return true;
}

static bool apply(struct parser *p, enum option option, const char *value)
{
    switch (option) {
    case OPTION_DATA:
        p->cli->data = value;
        return true;
    case OPTION_FORMAT:
        return set_format(p, value);
    case OPTION_COUNT:
        return set_count(p, value);
    case OPTION_FILES:
        p->cli->files = value;
        return true;
    case OPTION_HELP:
        break;
    }
    p->cli->help = true;
    return true;
}

static bool walk(struct parser *p)
{
    struct pst_cli_args args = {.argc = p->argc,
                                .argv = p->argv,
                                .options = options,
                                .option_count = COUNT(options),
                                .error_hint = "postern posts --help lists them",
                                .error = p->error,
                                .next = 1};
    for (;;) {
        size_t option = 0;
        const char *value = NULL;
        switch (pst_cli_args_next(&args, &option, &value)) {
        case PST_CLI_ARG_END:
            return true;
        case PST_CLI_ARG_WORD:
            p->argv[++p->word_count] = p->argv[args.next - 1];
            break;
        case PST_CLI_ARG_OPTION:
            if (!apply(p, (enum option)option, value))
                return false;
            break;
        case PST_CLI_ARG_WRONG:
            return false;
        }
    }
}

/* ---- what the words mean ---- */

static bool set_command(struct parser *p)
{
    const char *names[COUNT(commands)];
    if (p->word_count == 0)
        return fail(p, "say what to do with the posts: list, show, export, delete or vacuum, as in: postern "
                       "posts list; postern posts --help tells more");
    const char *word = p->argv[1];
    for (size_t i = 0; i < COUNT(commands); i++) {
        names[i] = commands[i].name;
        if (strcmp(word, commands[i].name) == 0) {
            p->cli->command = (enum pst_cli_posts_command)i;
            return true;
        }
    }
    const char *nearest = pst_cli_nearest(pst_slice_str(word), names, COUNT(commands));
    if (nearest)
        return fail(p, "there is no command posts %.40s: did you mean posts %s?", word, nearest);
    return fail(p, "there is no command posts %.40s; there are list, show, export, delete and vacuum", word);
}

static bool set_words(struct parser *p)
{
    const struct command *command = &commands[p->cli->command];
    char **words = p->argv + 2;
    int count = p->word_count - 1;
    if (count < command->least)
        return fail(p, "posts %s needs %s: postern posts %s %s", command->name,
                    command->least > 1 && count > 0 ? "the ID of a post" : "the name of a box", command->name,
                    command->words);
    if (count > command->most)
        return fail(p, "posts %s takes one box: got \"%.80s\" and \"%.80s\"", command->name, words[0],
                    words[1]);
    if (count == 0)
        return true;
    p->cli->box = words[0];
    if (!pst_box_name_is_valid(pst_slice_str(p->cli->box)))
        return fail(p,
                    "\"%.80s\" cannot be a box: their names have up to 64 small letters, digits, - and _, as "
                    "postern posts list shows",
                    p->cli->box);
    p->cli->ids = words + 1;
    p->cli->id_count = count - 1;
    for (int i = 0; i < p->cli->id_count; i++) {
        if (pst_cli_posts_id(p->cli->ids[i]) == 0)
            return fail(p,
                        "\"%.80s\" is no ID of a post: they are the numbers that postern posts list %s "
                        "shows",
                        p->cli->ids[i], p->cli->box);
    }
    return true;
}

static bool settle(struct parser *p)
{
    struct pst_cli_posts *cli = p->cli;
    bool makes_output = cli->command <= PST_CLI_POSTS_EXPORT;
    const char *name = commands[cli->command].name;
    if (p->has_format && !makes_output)
        return fail(p, "posts %s has no --format", name);
    if (p->has_count && cli->command != PST_CLI_POSTS_LIST)
        return fail(p, "--count is for posts list, not for posts %s", name);
    if (cli->files && cli->command != PST_CLI_POSTS_EXPORT)
        return fail(p, "--files is for posts export, not for posts %s", name);
    if (!p->has_format && cli->command == PST_CLI_POSTS_EXPORT)
        cli->format = PST_CLI_POSTS_NDJSON;
    if (!p->has_count)
        cli->count = COUNT_DEFAULT;
    return true;
}

bool pst_cli_posts_parse(struct pst_cli_posts *ret_cli, int argc, char **argv,
                         char error[PST_CLI_ERROR_BYTES])
{
    *ret_cli = (struct pst_cli_posts){0};
    error[0] = '\0';
    struct parser p = {.cli = ret_cli, .argc = argc, .argv = argv, .error = error};
    if (!walk(&p))
        return false;
    return ret_cli->help || (set_command(&p) && set_words(&p) && settle(&p));
}

uint64_t pst_cli_posts_id(const char *word)
{
    unsigned long long id = 0;
    return pst_slice_to_u64(pst_slice_str(word), &id) ? id : 0;
}

void pst_cli_posts_help(FILE *out)
{
    fputs("Usage: postern posts COMMAND [BOX] [ID...] [OPTIONS]\n\n"
          "What was posted to the boxes and to the message board of a server. It may run meanwhile.\n\n",
          out);
    for (size_t i = 0; i < COUNT(commands); i++)
        fprintf(out, "  %-6s %-9s  %s\n", commands[i].name, commands[i].words, commands[i].text);
    fputs("\n", out);
    for (size_t i = 0; i < COUNT(options); i++) {
        char head[40];
        (void)snprintf(head, sizeof head, "--%s %s", options[i].name,
                       options[i].value ? options[i].value : "");
        fprintf(out, "  %-16s  %s\n", head, options[i].text);
    }
    fputs(
        "\nExit status: 0 done; 1 no such box or post, or it failed; 2 the command line or the folder cannot "
        "be used.\n",
        out);
}
