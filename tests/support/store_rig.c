/* store_rig.c - see store_rig.h. */
#include "support/store_rig.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <dirent.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void store_rig_init(struct store_rig *rig)
{
    memset(rig, 0, sizeof(*rig));
    const char *tmp = getenv("TMPDIR");
    char parent[100];
    snprintf(parent, sizeof(parent), "%.80s/pst-store-XXXXXX", tmp ? tmp : "/tmp");
    if (!mkdtemp(parent))
        fail_msg("no folder %s", parent);
    snprintf(rig->folder, sizeof(rig->folder), "%s/data", parent); /* the store makes it */
    rig->options.mode = PST_STORE_SERVE;
}

void store_rig_open(struct store_rig *rig)
{
    int err = pst_store_open(&rig->store, rig->folder, &rig->options, rig->why, sizeof(rig->why));
    if (err)
        fail_msg("cannot open the store: %s (%s)", rig->why, pst_strerror(err));
}

void store_rig_close(struct store_rig *rig)
{
    pst_store_close(rig->store);
    rig->store = NULL;
}

static int remove_one(const char *path, const struct stat *st, int what, struct FTW *walk)
{
    (void)st;
    (void)what;
    (void)walk;
    return remove(path);
}

void store_rig_fini(struct store_rig *rig)
{
    store_rig_close(rig);
    *strrchr(rig->folder, '/') = '\0';
    nftw(rig->folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

const char *store_rig_path(const struct store_rig *rig, const char *name)
{
    static char paths[4][256];
    static unsigned turn;
    char *path = paths[turn++ % 4];
    snprintf(path, sizeof(paths[0]), "%s/%s", rig->folder, name);
    return path;
}

size_t store_rig_names(const struct store_rig *rig, const char *name)
{
    DIR *dir = opendir(store_rig_path(rig, name));
    size_t count = 0;
    assert_non_null(dir);
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

struct pst_draft *store_rig_draft(struct pst_store *store, const char *box)
{
    struct pst_draft *draft;
    struct pst_draft_head head = {
        .box = pst_slice_str(box), .type = PST_SLICE("multipart/form-data"), .may_make_box = true};
    assert_int_equal(pst_draft_new(&draft, store), 0);
    assert_int_equal(pst_draft_describe(draft, &head), 0);
    return draft;
}

void store_rig_field(struct pst_draft *draft, const char *name, const char *value)
{
    assert_int_equal(pst_draft_field(draft, pst_slice_str(name), pst_slice_str(value)), 0);
}

void store_rig_file(struct pst_draft *draft, const char *name, const void *data, size_t len)
{
    assert_int_equal(
        pst_draft_file_begin(draft, pst_slice_str(name), PST_SLICE("photo.png"), PST_SLICE("image/png")), 0);
    assert_int_equal(pst_draft_file_write(draft, data, len), 0);
    assert_int_equal(pst_draft_file_end(draft), 0);
}

int store_rig_commit(struct pst_store *store, struct pst_draft *draft, struct pst_receipt *ret_receipt)
{
    int err = pst_store_commit_wait(store, draft, ret_receipt);
    pst_draft_free(draft);
    return err;
}

uint64_t store_rig_post(struct pst_store *store, const char *box, const char *text)
{
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(store, box);
    store_rig_field(draft, "text", text);
    assert_int_equal(store_rig_commit(store, draft, &receipt), 0);
    return receipt.id;
}

uint64_t store_rig_post_file(struct pst_store *store, const char *box, const void *data, size_t len)
{
    struct pst_receipt receipt;
    struct pst_draft *draft = store_rig_draft(store, box);
    store_rig_file(draft, "picture", data, len);
    assert_int_equal(store_rig_commit(store, draft, &receipt), 0);
    return receipt.id;
}

struct pst_post_page *store_rig_read(struct pst_store *store, const char *box, uint64_t id)
{
    struct pst_post_page *page;
    struct pst_post_query query = {.box = pst_slice_str(box), .id = id, .limit = 1};
    assert_int_equal(pst_store_read(store, &query, &page), 0);
    return page;
}

bool store_rig_file_is(struct pst_store *store, const char *box, uint64_t id, unsigned n, const void *data,
                       size_t len)
{
    int fd;
    struct pst_post_file file;
    if (pst_store_open_file(store, pst_slice_str(box), id, n, &fd, &file, NULL, 0) != 0)
        return false;
    char *got = malloc(len + 1);
    assert_non_null(got);
    size_t have = 0;
    ssize_t more = 1;
    while (have <= len && (more = read(fd, got + have, len + 1 - have)) > 0)
        have += (size_t)more;
    close(fd);
    bool is_same = more == 0 && have == len && file.size == len && memcmp(got, data, len) == 0;
    free(got);
    return is_same;
}
