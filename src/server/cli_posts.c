/* cli_posts.c - "postern posts": reading and removing what was posted, beside a server that may run. */
#include "server/cli_posts.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <postern/store.h>

#include "handlers/post_format.h"
#include "server/cli_clean.h"
#include "server/cli_complain.h"
#include "server/cli_data.h"
#include "server/cli_nearest.h"
#include "server/cli_posts_files.h"
#include "server/cli_posts_options.h"
#include "server/cli_posts_write.h"

/* All of a page is in memory at once, and a post may have as much text as form_text_bytes. */
#define PAGE_POSTS 32

struct visit {
    const struct pst_cli_posts *cli;
    struct pst_store *store;
    struct pst_cli_posts_writer writer;
    char folder[PATH_MAX];
    int files_fd; /* -1: no files are written out */
    uint64_t file_count;
};

static int fail(int err)
{
    return pst_cli_complain(PST_CLI_FAILED, "cannot read the posts: %s", pst_strerror(err));
}

/* ---- the folder ---- */

static int open_store(struct visit *visit)
{
    char why[256];
    const char *data = visit->cli->data;
    if (data)
        (void)snprintf(visit->folder, sizeof visit->folder, "%s", data);
    else if (!pst_cli_data_default(visit->folder))
        return pst_cli_complain(PST_CLI_CANNOT_START,
                                "cannot tell where posts are kept: name the folder with --data DIR");
    const struct pst_store_options options = {.mode = PST_STORE_VISIT};
    int err = pst_store_open(&visit->store, visit->folder, &options, why, sizeof why);
    if (err == PST_E_NOENT && !data)
        return pst_cli_complain(
            PST_CLI_CANNOT_START,
            "%s; is it the folder that the server keeps posts in? Name that with --data DIR", why);
    return err ? pst_cli_complain(PST_CLI_CANNOT_START, "%s", why) : 0;
}

/* A box that is not there is most often a slip of the finger. */
static int complain_of_box(struct visit *visit)
{
    struct pst_box_info *boxes = NULL;
    size_t count = 0;
    const char *nearest = NULL;
    const char *box = visit->cli->box;
    int err = pst_store_boxes(visit->store, &boxes, &count);
    if (err)
        return fail(err);
    size_t name_count = 0;
    const char **names = calloc(count + 1, sizeof *names);
    for (; names && name_count < count; name_count++)
        names[name_count] = boxes[name_count].name;
    nearest = pst_cli_nearest(pst_slice_str(box), names, name_count);
    (void)pst_cli_complain(PST_CLI_FAILED, "there is no box %s in %s%s%s%s", box, visit->folder,
                           nearest ? ": did you mean " : "; postern posts list shows those there",
                           nearest ? nearest : " are", nearest ? "?" : "");
    free(names);
    free(boxes);
    return PST_CLI_FAILED;
}

static int complain_of_id(const struct visit *visit, const char *id)
{
    return pst_cli_complain(PST_CLI_FAILED, "there is no post %s in box %s", id, visit->cli->box);
}

/* ---- walking ---- */

/* Returns an exit status; the walk goes on while it is 0. */
typedef int each_post_fn(struct visit *visit, const struct pst_post *post);

/* Up to most posts of the box (0: all), page by page. *ret_left: how many were left out. */
static int each_post(struct visit *visit, bool is_upward, uint64_t most, each_post_fn *fn, uint64_t *ret_left)
{
    struct pst_post_query query = {.box = pst_slice_str(visit->cli->box), .is_upward = is_upward};
    uint64_t done = 0;
    bool is_more = true;
    *ret_left = 0;
    while (is_more && (most == 0 || done < most)) {
        struct pst_post_page *page = NULL;
        query.limit = most > 0 && most - done < PAGE_POSTS ? (unsigned)(most - done) : PAGE_POSTS;
        int err = pst_store_read(visit->store, &query, &page);
        if (err)
            return fail(err);
        int status = page->is_box ? 0 : complain_of_box(visit);
        for (size_t i = 0; i < page->count && !status; i++)
            status = fn(visit, &page->posts[i]);
        is_more = page->is_more && page->count > 0;
        if (page->count > 0) {
            uint64_t last = page->posts[page->count - 1].id;
            query.above = is_upward ? last : 0;
            query.below = is_upward ? 0 : last;
        }
        done += page->count;
        *ret_left = is_more && page->box_count > done ? page->box_count - done : 0;
        pst_post_page_free(page);
        if (status)
            return status;
    }
    return 0;
}

static int write_post(struct visit *visit, const struct pst_post *post)
{
    char why[512];
    pst_cli_posts_write(&visit->writer, post);
    if (visit->files_fd >= 0 && pst_cli_posts_files_write(visit->store, post, visit->files_fd,
                                                          &visit->file_count, why, sizeof why) != 0)
        return pst_cli_complain(PST_CLI_FAILED, "%s", why);
    if (ferror(visit->writer.out)) /* the disk is full, or the reader has gone: no need to read on */
        return PST_CLI_FAILED;
    return 0;
}

/* ---- output ---- */

/* The columns of the terminal that output goes to; 0 where it goes elsewhere. */
static size_t terminal_width(void)
{
    struct winsize size;
    if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return isatty(STDOUT_FILENO) ? 80 : 0;
}

static int begin_output(struct visit *visit, char **ret_names)
{
    struct pst_cli_posts_writer *w = &visit->writer;
    w->out = stdout;
    w->format = visit->cli->format;
    w->is_terminal = isatty(STDOUT_FILENO) != 0;
    w->is_table = visit->cli->command == PST_CLI_POSTS_LIST;
    w->is_array = visit->cli->command != PST_CLI_POSTS_SHOW || visit->cli->id_count > 1;
    w->width = terminal_width();
    if (w->format != PST_CLI_POSTS_CSV || !visit->cli->box)
        return 0;
    int err = pst_store_field_names(visit->store, pst_slice_str(visit->cli->box), PST_POST_CSV_NAMES + 1,
                                    ret_names);
    w->names = *ret_names;
    return err ? fail(err) : 0;
}

/* status: what came of it so far. */
static int end_output(struct visit *visit, int status)
{
    int err = pst_cli_posts_write_end(&visit->writer);
    if (err == PST_E_IO && errno != EPIPE)
        return pst_cli_complain(PST_CLI_FAILED, "cannot write to standard output: %s",
                                strerror(errno)); /* NOLINT(concurrency-mt-unsafe): one thread prints */
    if (err == PST_E_NOMEM)
        return pst_cli_complain(PST_CLI_FAILED, "%s", pst_strerror(err));
    return err ? PST_CLI_FAILED : status;
}

/* ---- the commands ---- */

static int list_boxes(struct visit *visit)
{
    struct pst_box_info *boxes = NULL;
    size_t count = 0;
    int err = pst_store_boxes(visit->store, &boxes, &count);
    if (err)
        return fail(err);
    pst_cli_posts_write_boxes(&visit->writer, boxes, count);
    free(boxes);
    if (count == 0)
        fprintf(stderr, "nothing was posted yet in %s\n", visit->folder);
    return 0;
}

static int list(struct visit *visit)
{
    uint64_t left = 0;
    if (!visit->cli->box)
        return list_boxes(visit);
    int status = each_post(visit, false, visit->cli->count, write_post, &left);
    if (status)
        return status;
    (void)fflush(stdout);
    if (visit->writer.count == 0)
        fprintf(stderr, "box %s is empty\n", visit->cli->box);
    else if (left > 0)
        fprintf(stderr, "%llu older: --count 0 lists all\n", (unsigned long long)left);
    return 0;
}

static int show(struct visit *visit)
{
    int status = 0;
    for (int i = 0; i < visit->cli->id_count; i++) {
        const struct pst_post_query query = {
            .box = pst_slice_str(visit->cli->box), .id = pst_cli_posts_id(visit->cli->ids[i]), .limit = 1};
        struct pst_post_page *page = NULL;
        int err = pst_store_read(visit->store, &query, &page);
        if (err)
            return fail(err);
        bool is_box = page->is_box;
        if (page->count > 0)
            (void)write_post(visit, &page->posts[0]);
        else if (is_box)
            status = complain_of_id(visit, visit->cli->ids[i]);
        pst_post_page_free(page);
        if (!is_box)
            return complain_of_box(visit);
    }
    return status;
}

static int export(struct visit *visit)
{
    uint64_t left = 0;
    if (visit->cli->files) {
        int number = pst_cli_posts_files_open(visit->cli->files, &visit->files_fd);
        if (number)
            return pst_cli_complain(PST_CLI_FAILED, "cannot write to the folder \"%s\": %s",
                                    visit->cli->files, strerror(number)); /* NOLINT(concurrency-mt-unsafe) */
    }
    int status = each_post(visit, true, 0, write_post, &left);
    if (visit->files_fd >= 0) {
        (void)close(visit->files_fd);
        if (!status)
            fprintf(stderr, "%llu files are in %s\n", (unsigned long long)visit->file_count,
                    visit->cli->files);
    }
    return status;
}

static int has_box(struct visit *visit, bool *ret_yes)
{
    const struct pst_post_query query = {.box = pst_slice_str(visit->cli->box), .limit = 1};
    struct pst_post_page *page = NULL;
    int err = pst_store_read(visit->store, &query, &page);
    if (err)
        return fail(err);
    *ret_yes = page->is_box;
    pst_post_page_free(page);
    return 0;
}

static int delete (struct visit *visit)
{
    bool is_box = false;
    int status = has_box(visit, &is_box);
    if (status)
        return status;
    if (!is_box)
        return complain_of_box(visit);
    for (int i = 0; i < visit->cli->id_count; i++) {
        const char *id = visit->cli->ids[i];
        int err = pst_store_delete(visit->store, pst_slice_str(visit->cli->box), pst_cli_posts_id(id));
        if (err == PST_E_NOENT)
            status = complain_of_id(visit, id);
        else if (err)
            return pst_cli_complain(PST_CLI_FAILED, "cannot remove post %s of box %s: %s", id,
                                    visit->cli->box, pst_strerror(err));
        else
            printf("removed post %llu of box %s\n", (unsigned long long)pst_cli_posts_id(id),
                   visit->cli->box);
    }
    return status;
}

static int vacuum(struct visit *visit)
{
    uint64_t bytes = 0;
    bool is_box = true;
    int status = visit->cli->box ? has_box(visit, &is_box) : 0;
    if (status)
        return status;
    if (!is_box)
        return complain_of_box(visit);
    int err = pst_store_vacuum(visit->store, &bytes);
    if (err == PST_E_SYNTAX)
        return pst_cli_complain(
            PST_CLI_FAILED,
            "the database in %s is damaged: stop the server, keep a copy of the folder, and "
            "save what can be read with postern posts export",
            visit->folder);
    if (err)
        return pst_cli_complain(PST_CLI_FAILED, "cannot tidy up %s: %s", visit->folder, pst_strerror(err));
    printf("%s is sound; %llu bytes were given back\n", visit->folder, (unsigned long long)bytes);
    return 0;
}

static int run(struct visit *visit)
{
    /* In the order of enum pst_cli_posts_command. */
    static int (*const commands[])(struct visit *) = {list, show, export, delete, vacuum};
    char *names = NULL;
    int status = begin_output(visit, &names);
    if (!status)
        status = commands[visit->cli->command](visit);
    bool is_written = visit->cli->command <= PST_CLI_POSTS_EXPORT;
    if (is_written && (!status || visit->writer.count > 0))
        status = end_output(visit, status);
    else
        pst_text_free(&visit->writer.text);
    free(names);
    return status;
}

int pst_cli_posts(int argc, char **argv)
{
    struct pst_cli_posts cli;
    char error[PST_CLI_ERROR_BYTES];
    if (!pst_cli_posts_parse(&cli, argc, argv, error))
        return pst_cli_complain(PST_CLI_CANNOT_START, "%s", error);
    if (cli.help) {
        pst_cli_posts_help(stdout);
        return PST_CLI_ENDED;
    }
    struct visit visit = {.cli = &cli, .files_fd = -1};
    pst_cli_clean_init();
    int status = open_store(&visit);
    if (!status)
        status = run(&visit);
    pst_store_close(visit.store);
    return status;
}
