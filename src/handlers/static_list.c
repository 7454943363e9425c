/* static_list.c - the page that lists a folder. */
#include "handlers/static_list.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "handlers/page.h"
#include "handlers/static_file.h"

struct item {
    char *name;
    bool is_folder;
    uint64_t size;
    time_t mtime;
};

struct items {
    struct item *at;
    size_t count, cap;
    bool cut; /* there are more */
};

static void items_free(struct items *items)
{
    for (size_t i = 0; i < items->count; i++)
        free(items->at[i].name);
    free(items->at);
}

static int items_add(struct items *items, const char *name, const struct stat *st)
{
    if (items->count == items->cap) {
        size_t cap = items->cap ? items->cap * 2 : 64;
        struct item *at = realloc(items->at, cap * sizeof *at);
        if (!at)
            return ENOMEM;
        items->at = at;
        items->cap = cap;
    }
    char *copy = strdup(name);
    if (!copy)
        return ENOMEM;
    items->at[items->count++] = (struct item){
        .name = copy,
        .is_folder = S_ISDIR(st->st_mode),
        .size = st->st_size < 0 ? 0 : (uint64_t)st->st_size,
        .mtime = st->st_mtim.tv_sec,
    };
    return 0;
}

static int compare_items(const void *left, const void *right)
{
    const struct item *a = left, *b = right;
    if (a->is_folder != b->is_folder)
        return a->is_folder ? -1 : 1;
    int order = strcasecmp(a->name, b->name);
    return order ? order : strcmp(a->name, b->name);
}

/* What name is to a visitor: a symbolic link is what it leads to, by the same rules as for serving it, so
 * that a link out of the root shows neither its name nor its target's size. */
static bool look_at(int root_fd, int dir_fd, const char *path, const char *name, struct stat *ret_st)
{
    if (fstatat(dir_fd, name, ret_st, AT_SYMLINK_NOFOLLOW) != 0)
        return false;
    if (S_ISLNK(ret_st->st_mode)) {
        char full[PATH_MAX];
        int fd = -1;
        int n = snprintf(full, sizeof full, "%s%s", path, name);
        if (n < 0 || (size_t)n >= sizeof full || pst_static_open(root_fd, full, O_PATH, &fd) != 0)
            return false;
        int rc = fstat(fd, ret_st);
        (void)close(fd);
        if (rc != 0)
            return false;
    }
    return S_ISREG(ret_st->st_mode) || S_ISDIR(ret_st->st_mode);
}

static int read_items(int root_fd, DIR *dir, const char *path, struct items *items)
{
    for (;;) {
        errno = 0;
        struct dirent *entry = readdir(dir); /* NOLINT(concurrency-mt-unsafe): each DIR has one thread */
        if (!entry)
            return errno;
        struct stat st;
        if (entry->d_name[0] == '.' || !look_at(root_fd, dirfd(dir), path, entry->d_name, &st))
            continue;
        if (items->count == PST_STATIC_LIST_MAX) {
            items->cut = true;
            return 0;
        }
        int err = items_add(items, entry->d_name, &st);
        if (err)
            return err;
    }
}

static int collect(int root_fd, const char *path, struct items *items)
{
    int fd = -1;
    int err = pst_static_open(root_fd, path[0] ? path : ".", O_RDONLY | O_DIRECTORY, &fd);
    if (err)
        return err;
    DIR *dir = fdopendir(fd);
    if (!dir) {
        err = errno;
        (void)close(fd);
        return err;
    }
    err = read_items(root_fd, dir, path, items);
    (void)closedir(dir);
    return err;
}

static void add_size(struct pst_text *page, uint64_t bytes)
{
    static const char *const units[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) {
        pst_text_addf(page, "%" PRIu64 " B", bytes);
        return;
    }
    size_t unit = 0;
    double value = (double)bytes / 1024;
    while (value >= 1023.95 && unit + 1 < sizeof units / sizeof units[0]) {
        value /= 1024;
        unit++;
    }
    pst_text_addf(page, "%.1f %s", value, units[unit]);
}

static void add_item(struct pst_text *page, const struct item *item)
{
    struct pst_slice name = pst_slice_str(item->name);
    const char *slash = item->is_folder ? "/" : "";
    /* "./" keeps a name with a colon from being read as a scheme (RFC 3986 4.2). */
    pst_text_adds(page, "<tr><td><a href=\"./");
    pst_text_add_percent(page, name, false);
    pst_text_addf(page, "%s\">", slash);
    pst_text_add_html(page, name);
    pst_text_addf(page, "%s</a></td><td class=\"number\">", slash);
    if (!item->is_folder)
        add_size(page, item->size);
    pst_text_adds(page, "</td><td class=\"number\">");
    struct tm tm;
    char when[32];
    /* UTC, as the server does not know where the visitor is. */
    if (gmtime_r(&item->mtime, &tm) && strftime(when, sizeof when, "%Y-%m-%d %H:%M", &tm) > 0)
        pst_text_addf(page, "<time datetime=\"%sZ\">%s</time>", when, when);
    pst_text_adds(page, "</td></tr>\n");
}

static void add_page(struct pst_text *page, const struct items *items, struct pst_slice shown,
                     bool has_parent)
{
    struct pst_text title = {0};
    pst_text_adds(&title, "Contents of ");
    pst_text_add(&title, shown);
    page->failed |= title.failed;
    pst_page_begin(page, pst_slice_of(title.ptr, title.len));
    pst_text_free(&title);

    if (has_parent)
        pst_text_adds(page, "<p><a href=\"../\">Up to the folder above</a></p>\n");
    if (items->count == 0) {
        pst_text_adds(page, "<p>This folder is empty.</p>\n");
    } else {
        pst_text_adds(page, "<table>\n<thead><tr><th scope=\"col\">Name</th>"
                            "<th scope=\"col\" class=\"number\">Size</th>"
                            "<th scope=\"col\" class=\"number\">Changed (UTC)</th></tr></thead>\n<tbody>\n");
        for (size_t i = 0; i < items->count; i++)
            add_item(page, &items->at[i]);
        pst_text_adds(page, "</tbody>\n</table>\n");
    }
    if (items->cut)
        pst_text_addf(page, "<p>There is more than these %d names.</p>\n", PST_STATIC_LIST_MAX);
    pst_page_end(page);
}

int pst_static_list(int root_fd, const char *path, struct pst_slice shown, bool has_parent,
                    struct pst_text *page)
{
    struct items items = {0};
    int err = collect(root_fd, path, &items);
    if (!err) {
        if (items.count > 1)
            qsort(items.at, items.count, sizeof items.at[0], compare_items);
        add_page(page, &items, shown, has_parent);
    }
    items_free(&items);
    return err;
}
