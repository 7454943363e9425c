/* static.c - serving the files of a folder: from a request to one of the files, a redirect or a refusal.
 *
 * Small files come from memory. An entry that was looked up in this turn of the worker's loop is used as it
 * is: requests that arrived together see the same state. Otherwise the path is walked anew (openat2 with
 * O_PATH, which reads nothing and needs no permission on the file, then fstat) and the entry serves only if
 * it is the same file in the same state. fstatat alone is one call instead of three, but has no
 * RESOLVE_BENEATH: a folder on the way that was since replaced by a link out of the root would go unseen. So
 * it does only for what lies in the root itself and is no link. */
#include <postern/handlers.h>

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "handlers/page.h"
#include "handlers/static_cache.h"
#include "handlers/static_file.h"
#include "handlers/static_list.h"
#include "handlers/static_reply.h"

/* Of each worker. */
#define CACHE_MAX_ENTRIES 1024
#define CACHE_MAX_BYTES   (16U << 20)

#define INDEX_NAME "index.html"

struct pst_static {
    int root_fd;
    bool list;
};

/* A request on its way to a file. */
struct lookup {
    struct pst_exchange *ex;
    const struct pst_static *st;
    struct pst_static_cache *cache;
    struct pst_slice path; /* below the root, of the file to send: with INDEX_NAME for a folder */
    size_t folder_len;     /* how much of it names the folder that was asked for; 0 also for the root */
    bool is_folder;        /* asked for with a slash at the end */
    bool at_top;           /* the root is mounted at "/" */
    char buf[PATH_MAX];    /* holds path, NUL-terminated, with room for more */
};

/* ---- folders ---- */

/* Copies the folder's path into dst: "" for the root, otherwise with its slash. */
static void folder_path(const struct lookup *l, char dst[PATH_MAX])
{
    memcpy(dst, l->buf, l->folder_len);
    dst[l->folder_len] = '\0';
}

static void reply_list(struct lookup *l)
{
    char path[PATH_MAX];
    folder_path(l, path);
    struct pst_text page = {0};
    int err = pst_static_list(l->st->root_fd, path, pst_exchange_path(l->ex), l->folder_len > 0, &page);
    if (err) {
        pst_text_free(&page);
        pst_static_refuse(l->ex, err);
        return;
    }
    pst_page_reply(l->ex, &page, "text/html; charset=utf-8", "no-cache");
}

/* Whether the slash form of a folder shows anything. A redirect to a 404 would tell that the folder is
 * there. */
static bool folder_shows(struct lookup *l)
{
    if (l->st->list)
        return true;
    int fd = -1;
    int n = snprintf(l->buf + l->path.len, sizeof l->buf - l->path.len, "/" INDEX_NAME);
    if (n < 0 || (size_t)n >= sizeof l->buf - l->path.len ||
        pst_static_open(l->st->root_fd, l->buf, O_PATH, &fd) != 0)
        return false;
    struct stat st;
    bool is_file = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    (void)close(fd);
    return is_file;
}

/* The query is kept as it came, but for bytes that no field value may hold. */
static void add_query(struct pst_text *location, struct pst_slice query)
{
    pst_text_adds(location, "?");
    for (size_t i = 0; i < query.len; i++) {
        if (query.ptr[i] > 0x20 && query.ptr[i] < 0x7f)
            pst_text_add(location, pst_slice_of(query.ptr + i, 1));
        else
            pst_text_add_percent(location, pst_slice_of(query.ptr + i, 1), false);
    }
}

/* To the slash form, so that relative links in the page lead below the folder. The path begins with exactly
 * one slash (pst_static_path_served() saw to it, and a backslash is encoded), so no browser reads a host
 * out of it. */
static void redirect_to_slash(struct lookup *l)
{
    struct pst_text location = {0};
    pst_text_add_percent(&location, pst_exchange_path(l->ex), true);
    pst_text_adds(&location, "/");
    if (pst_exchange_has_query(l->ex))
        add_query(&location, pst_exchange_query(l->ex));
    /* Browsers keep a 301 for good otherwise, even when the folder has become a file. */
    int err = pst_reply_field_ref(l->ex, PST_SLICE("Cache-Control"), PST_SLICE("no-cache"));
    if (!err)
        err = location.failed ? PST_E_NOMEM
                              : pst_reply_redirect(l->ex, 301, pst_slice_of(location.ptr, location.len));
    pst_text_free(&location);
    if (err)
        pst_page_give_up(l->ex);
}

/* ---- files ---- */

/* Reads exactly the size that the facts tell, and nothing if it has changed meanwhile. */
static bool read_whole(int fd, char *dst, const struct pst_static_facts *facts)
{
    size_t have = 0;
    while (have < facts->size) {
        ssize_t n = pread(fd, dst + have, (size_t)facts->size - have, (off_t)have);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        have += (size_t)n;
    }
    struct pst_static_facts after;
    return pst_static_facts_read(fd, &after) == 0 && pst_static_facts_equal(facts, &after);
}

/* Brings a small file into the cache. NULL where that cannot be: it is sent from the file then. */
static struct pst_static_entry *load(struct lookup *l, int fd, const struct pst_static_facts *facts)
{
    if (facts->size > PST_STATIC_CACHED_MAX_BYTES ||
        !pst_static_facts_settled(facts, pst_exchange_unix_time(l->ex)))
        return NULL;
    struct pst_static_entry *entry = pst_static_entry_new(l->cache, l->path, (size_t)facts->size);
    if (!entry)
        return NULL;
    if (!read_whole(fd, entry->data, facts)) {
        pst_static_entry_unref(entry);
        return NULL;
    }
    entry->turn = pst_exchange_turn(l->ex);
    entry->facts = *facts;
    entry->type = pst_static_type(l->path);
    pst_static_validators_make(facts, &entry->validators);
    pst_static_prepare(entry, pst_exchange_unix_time(l->ex));
    pst_static_cache_put(l->cache, entry);
    return entry;
}

static bool is_unchanged(const struct lookup *l, const struct pst_static_facts *facts)
{
    struct pst_static_facts now;
    if (!memchr(l->path.ptr, '/', l->path.len) && pst_static_facts_look(l->st->root_fd, l->buf, &now) == 0 &&
        pst_static_facts_equal(facts, &now))
        return true;
    int fd = -1;
    if (pst_static_open(l->st->root_fd, l->buf, O_PATH, &fd) != 0)
        return false;
    bool same = pst_static_facts_read(fd, &now) == 0 && pst_static_facts_equal(facts, &now);
    (void)close(fd);
    return same;
}

static bool still_fresh(struct lookup *l, struct pst_static_entry *entry)
{
    uint64_t turn = pst_exchange_turn(l->ex);
    if (entry->turn == turn)
        return true;
    bool same = is_unchanged(l, &entry->facts);
    if (same)
        entry->turn = turn;
    return same;
}

static void reply_opened(struct lookup *l, int fd)
{
    struct pst_static_facts facts;
    int err = pst_static_facts_read(fd, &facts);
    if (err || !S_ISREG(facts.mode)) {
        (void)close(fd);
        if (err)
            pst_static_refuse(l->ex, err);
        else if (l->is_folder && l->st->list) /* what is called index.html is no file */
            reply_list(l);
        else if (!l->is_folder && S_ISDIR(facts.mode) && folder_shows(l))
            redirect_to_slash(l);
        else
            pst_static_refuse(l->ex, ENOENT);
        return;
    }
    struct pst_static_entry *entry = load(l, fd, &facts);
    if (!entry) {
        pst_static_reply_file(l->ex, fd, &facts, l->path);
        return;
    }
    (void)close(fd);
    pst_static_reply_entry(l->ex, entry);
    pst_static_entry_unref(entry);
}

/* ---- the handler ---- */

/* An encoded slash is data, never a separator, and no file name holds a slash. The decoded path keeps "%2F"
 * and so cannot tell it from a file's name that holds those three characters. */
static bool has_encoded_slash(struct pst_slice raw)
{
    const char *end = raw.ptr + raw.len;
    const char *p = raw.ptr;
    while (p && p < end && (p = memchr(p, '%', (size_t)(end - p))) != NULL) {
        if (end - p >= 3 && p[1] == '2' && (p[2] | 0x20) == 'f')
            return true;
        p++;
    }
    return false;
}

/* False where nothing can be there. */
static bool lookup_init(struct lookup *l, struct pst_exchange *ex, const struct pst_static *st)
{
    struct pst_slice rest = pst_exchange_rest(ex);
    l->ex = ex;
    l->st = st;
    l->cache = pst_exchange_local(ex);
    l->at_top = pst_exchange_path(ex).len == rest.len + 1;
    l->is_folder = rest.len == 0 || rest.ptr[rest.len - 1] == '/';
    l->folder_len = l->is_folder ? rest.len : 0;
    if (rest.len + sizeof INDEX_NAME > sizeof l->buf || has_encoded_slash(pst_exchange_raw_path(ex)) ||
        !pst_static_path_served(rest, l->at_top))
        return false;
    size_t len = rest.len;
    if (len > 0)
        memcpy(l->buf, rest.ptr, len);
    if (l->is_folder) {
        memcpy(l->buf + len, INDEX_NAME, sizeof INDEX_NAME - 1);
        len += sizeof INDEX_NAME - 1;
    }
    l->buf[len] = '\0';
    l->path = pst_slice_of(l->buf, len);
    return true;
}

static void on_request(struct pst_exchange *ex, void *arg)
{
    struct lookup l;
    if (!lookup_init(&l, ex, arg)) {
        pst_static_refuse(ex, ENOENT);
        return;
    }
    struct pst_static_entry *entry = pst_static_cache_find(l.cache, l.path);
    if (entry) {
        if (still_fresh(&l, entry)) {
            pst_static_reply_entry(ex, entry);
            return;
        }
        pst_static_cache_drop(l.cache, entry);
    }
    int fd = -1;
    int err = pst_static_open(l.st->root_fd, l.buf, PST_STATIC_READ, &fd);
    if (!err)
        reply_opened(&l, fd);
    else if (err == ENOENT && l.is_folder && l.st->list)
        reply_list(&l);
    else
        pst_static_refuse(ex, err);
}

static int on_worker_start(void *arg, void **ret_local)
{
    (void)arg;
    *ret_local = pst_static_cache_new(CACHE_MAX_ENTRIES, CACHE_MAX_BYTES);
    return *ret_local ? 0 : PST_E_NOMEM;
}

static void on_worker_stop(void *local)
{
    pst_static_cache_free(local);
}

/* ---- the public functions ---- */

static int error_of_open(int err)
{
    switch (err) {
    case ENOENT:
        return PST_E_NOENT;
    case EACCES:
        return PST_E_ACCESS;
    case ENOTDIR:
    case ELOOP:
    case ENAMETOOLONG:
        return PST_E_INVAL;
    case ENOMEM:
        return PST_E_NOMEM;
    default:
        return PST_E_SYSTEM;
    }
}

/* Looks up the root by openat2 itself. EPERM: a container's filter that does not know the call. */
static int try_openat2(int root_fd)
{
    int fd = -1;
    int err = pst_static_open(root_fd, ".", O_PATH | O_DIRECTORY, &fd);
    if (err)
        return err == ENOSYS || err == EPERM ? PST_E_UNSUPPORTED : error_of_open(err);
    (void)close(fd);
    return 0;
}

int pst_static_new(struct pst_static **ret_static, const char *root, const struct pst_static_options *options)
{
    if (!root)
        return PST_E_INVAL;
    struct pst_static *st = calloc(1, sizeof *st);
    if (!st)
        return PST_E_NOMEM;
    st->list = options && options->list;
    st->root_fd = open(root, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int err = st->root_fd < 0 ? error_of_open(errno) : try_openat2(st->root_fd);
    if (err) {
        pst_static_free(st);
        return err;
    }
    /* The first look-up of an uncommon extension reads the system's table: here, not while visitors wait. */
    (void)pst_media_type_by_name(PST_SLICE("any.other"));
    *ret_static = st;
    return 0;
}

void pst_static_free(struct pst_static *st)
{
    if (!st)
        return;
    if (st->root_fd >= 0)
        (void)close(st->root_fd);
    free(st);
}

int pst_static_mount(struct pst_static *st, struct pst_server *server, const char *prefix)
{
    size_t len = prefix ? strlen(prefix) : 0;
    if (len == 0 || prefix[0] != '/' || prefix[len - 1] != '/')
        return PST_E_INVAL;
    char *pattern = NULL;
    if (asprintf(&pattern, "GET %s*", prefix) < 0)
        return PST_E_NOMEM;
    const struct pst_handler handler = {
        .on_request = on_request,
        .arg = st,
        .on_worker_start = on_worker_start,
        .on_worker_stop = on_worker_stop,
    };
    int err = pst_server_route(server, pattern, &handler);
    free(pattern);
    return err;
}
