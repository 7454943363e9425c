/* cli_store.c - what a serving program keeps: its store, and the boxes and the board that fill it. */
#include "server/cli_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "server/cli_complain.h"
#include "server/cli_data.h"

#define WHY_BYTES 256

#define REFUSE(...) pst_cli_complain(PST_CLI_CANNOT_START, __VA_ARGS__)

static int name_folder(struct pst_cli_store *kept, const struct pst_cli *cli)
{
    if (cli->data) {
        int n = snprintf(kept->folder, sizeof kept->folder, "%s", cli->data);
        return n > 0 && (size_t)n < sizeof kept->folder ? 0 : REFUSE("--data: the folder's name is too long");
    }
    if (!pst_cli_data_default(kept->folder))
        return REFUSE(
            "cannot tell where to keep posts, since this user has no home: name a folder with --data "
            "DIR");
    return 0;
}

/* What was posted is nobody's but the owner's. */
static int guard_folder(const struct pst_cli_store *kept, const struct pst_cli *cli)
{
    char data[PATH_MAX], root[PATH_MAX];
    if (!pst_cli_data_resolve(kept->folder, data) || !realpath(cli->root, root) ||
        !pst_cli_data_is_exposed(data, root))
        return 0;
    return REFUSE(
        "posts in %s would be among the files of the folder \"%s\", where every visitor could fetch "
        "them: keep them elsewhere with --data DIR",
        data, cli->root);
}

/* All of them, before there is anything that could be made for nothing. */
static int declare_boxes(struct pst_posts *posts, const struct pst_cli *cli)
{
    char why[WHY_BYTES];
    for (size_t i = 0; i < cli->box_count; i++) {
        if (pst_posts_box(posts, cli->boxes[i], why, sizeof why) != 0)
            return REFUSE("--box %.80s: %s", cli->boxes[i], why);
    }
    return 0;
}

static int make_posts(struct pst_cli_store *kept, const struct pst_cli *cli)
{
    const struct pst_posts_options options = {.auto_boxes = cli->boxes_auto,
                                              .reserved = cli->board ? "board" : NULL};
    if (cli->box_count == 0 && !cli->boxes_auto)
        return 0;
    int err = pst_posts_new(&kept->posts, kept->store, &options);
    return err ? REFUSE("cannot set up the boxes: %s", pst_strerror(err)) : declare_boxes(kept->posts, cli);
}

static int open_folder(struct pst_cli_store *kept, const struct pst_cli *cli)
{
    char why[WHY_BYTES];
    struct pst_store_options options = {.mode = PST_STORE_SERVE,
                                        .box_bytes = cli->limits.box_bytes,
                                        .total_bytes = cli->limits.data_bytes,
                                        .spare_bytes = cli->limits.spare_bytes,
                                        .max_boxes = (uint32_t)cli->limits.boxes};
    if (cli->check) {
        struct stat st;
        if (stat(kept->folder, &st) != 0)
            return 0; /* it would be made */
        options.mode = PST_STORE_VISIT;
    } else if (!cli->data) {
        (void)pst_cli_data_make_parents(kept->folder); /* where that fails, opening says so */
    }
    int err = pst_store_open(&kept->store, kept->folder, &options, why, sizeof why);
    return err ? REFUSE("%s", why) : 0;
}

static int make_board(struct pst_cli_store *kept, const struct pst_cli *cli)
{
    if (!cli->board || !kept->store)
        return 0;
    int err = pst_board_new(&kept->board, kept->store, NULL);
    return err ? REFUSE("cannot set up the message board: %s", pst_strerror(err)) : 0;
}

int pst_cli_store_open(struct pst_cli_store *kept, const struct pst_cli *cli)
{
    if (!pst_cli_keeps_posts(cli))
        return 0;
    int status = name_folder(kept, cli);
    if (!status)
        status = guard_folder(kept, cli);
    /* Once without a store, so that a slip in --box makes no folder. */
    if (!status)
        status = make_posts(kept, cli);
    pst_posts_free(kept->posts);
    kept->posts = NULL;
    if (!status)
        status = open_folder(kept, cli);
    if (!status)
        status = make_posts(kept, cli);
    return status ? status : make_board(kept, cli);
}

int pst_cli_store_mount(struct pst_cli_store *kept, struct pst_server *server)
{
    int err = 0;
    if (kept->posts && kept->store)
        err = pst_posts_mount(kept->posts, server, "/post/");
    if (!err && kept->board)
        err = pst_board_mount(kept->board, server, "/board");
    return err;
}

void pst_cli_store_close(struct pst_cli_store *kept)
{
    pst_board_free(kept->board);
    pst_posts_free(kept->posts);
    pst_store_close(kept->store);
    *kept = (struct pst_cli_store){0};
}
