/* store.c - a store's beginning and end, and the small questions. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <time.h>

#include "store/internal.h"

static int64_t system_now_ms(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_REALTIME, &ts); /* cannot fail for this clock */
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* The program that makes a new schema must be alone on the folder; a server of an older version may be at
 * work. */
static int upgrade(struct pst_store *store, int version, char *why, size_t why_size)
{
    if (version == PST_SCHEMA_VERSION)
        return 0;
    if (store->options.mode == PST_STORE_VISIT) {
        snprintf(why, why_size,
                 "the posts were stored by an older postern: begin to serve them once with this one, which "
                 "brings them up to date");
        return PST_E_UNSUPPORTED;
    }
    return pst_schema_upgrade(&store->writer.db, version, PST_SCHEMA_VERSION);
}

static int open_db(struct pst_store *store, char *why, size_t why_size)
{
    bool is_server = store->options.mode == PST_STORE_SERVE;
    struct pst_db *db = &store->writer.db;
    bool is_checked;
    int version = 0;
    int err = pst_schema_preview(store->folder.db_path, &is_checked, why, why_size);
    if (err == PST_E_NOENT && is_server)
        err = 0;
    if (!err)
        err = pst_db_open(db, store->folder.db_path,
                          SQLITE_OPEN_READWRITE | (is_server ? SQLITE_OPEN_CREATE : 0));
    if (err)
        return err;
    /* Until we know that it is ours, nothing of it is changed, not even by tidying up at the close. */
    err = pst_db_set_checkpoint_on_close(db, false);
    if (!err)
        err = pst_schema_check(db, is_server && !is_checked, &version, why, why_size);
    if (!err && version == 0) /* for good, but for nothing once there are tables */
        err = pst_db_exec(db, "PRAGMA auto_vacuum = INCREMENTAL");
    if (!err)
        err = pst_schema_make_ready(db);
    if (err == PST_E_UNSUPPORTED && !why[0])
        snprintf(why, why_size, "%.150s: this file system cannot hold a database that several programs share",
                 store->folder.path);
    if (!err)
        err = upgrade(store, version, why, why_size);
    if (!err)
        err = pst_db_set_checkpoint_on_close(db, true);
    if (!err)
        err = pst_db_settle(db);
    return err;
}

/* What the limits are measured against, before anything is written. */
static int read_total(struct pst_store *store)
{
    int64_t bytes = 0;
    int err = pst_db_number(&store->writer.db, "SELECT bytes FROM total", &bytes);
    atomic_store(&store->total_bytes, (uint64_t)bytes);
    return err;
}

static int remove_leftovers(struct pst_store *store, char *why, size_t why_size)
{
    uint64_t missing = 0;
    if (store->options.mode == PST_STORE_VISIT)
        return 0;
    pst_blob_clear_tmp(&store->folder);
    int err = pst_blob_sweep(&store->folder, &store->writer.db, NULL, &missing);
    if (!err && missing)
        snprintf(why, why_size, "%.150s: %llu file%s of posts %s gone or cut short; the posts are there",
                 store->folder.path, (unsigned long long)missing, missing == 1 ? "" : "s",
                 missing == 1 ? "is" : "are");
    return err;
}

static int open_all(struct pst_store *store, const char *folder, char *why, size_t why_size)
{
    if (!sqlite3_threadsafe()) {
        snprintf(why, why_size, "the SQLite library here was built without threads");
        return PST_E_UNSUPPORTED;
    }
    int err = pst_folder_open(&store->folder, folder, store->options.mode, why, why_size);
    if (!err)
        err = open_db(store, why, why_size);
    if (!err)
        err = read_total(store);
    if (!err)
        err = remove_leftovers(store, why, why_size);
    if (err)
        return err;
    err = pst_readers_init(store);
    if (err)
        return err;
    err = pst_writer_start(store);
    if (err)
        pst_readers_fini(&store->readers);
    return err;
}

int pst_store_open(struct pst_store **ret_store, const char *folder, const struct pst_store_options *options,
                   char *why, size_t why_size)
{
    *ret_store = NULL;
    why[0] = '\0';
    struct pst_store *store = calloc(1, sizeof(*store));
    if (!store) {
        snprintf(why, why_size, "out of memory");
        return PST_E_NOMEM;
    }
    if (pthread_mutex_init(&store->watch_lock, NULL) != 0) {
        free(store);
        snprintf(why, why_size, "out of memory");
        return PST_E_NOMEM;
    }
    store->options = *options;
    store->now_ms = system_now_ms;
    int err = open_all(store, folder, why, why_size);
    if (err) {
        pst_db_close(&store->writer.db);
        pst_folder_close(&store->folder);
        pthread_mutex_destroy(&store->watch_lock);
        free(store);
        if (!why[0])
            snprintf(why, why_size, "cannot open the posts in %.150s: %s", folder,
                     err == PST_E_BUSY ? "another program holds the database" : pst_strerror(err));
        return err;
    }
    *ret_store = store;
    return 0;
}

void pst_store_close(struct pst_store *store)
{
    if (!store)
        return;
    pst_writer_stop(store);
    pst_readers_fini(&store->readers);
    pst_db_close(&store->writer.db); /* last, by the connection that may write: it tidies up the log */
    pst_folder_close(&store->folder);
    pthread_mutex_destroy(&store->watch_lock);
    free(store);
}

int pst_store_room(const struct pst_store *store, uint64_t *ret_bytes)
{
    uint64_t spare = store->options.spare_bytes;
    struct statvfs vfs;
    *ret_bytes = UINT64_MAX;
    if (!spare)
        return 0;
    if (fstatvfs(store->folder.files_fd, &vfs) != 0)
        return PST_E_IO;
    uint64_t free_bytes = (uint64_t)vfs.f_bavail * vfs.f_frsize;
    *ret_bytes = free_bytes > spare ? free_bytes - spare : 0;
    return 0;
}

bool pst_box_name_is_valid(struct pst_slice name)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz0123456789";
    if (name.len < 1 || name.len > PST_BOX_NAME_BYTES || !memchr(letters, name.ptr[0], sizeof(letters) - 1))
        return false;
    for (size_t i = 1; i < name.len; i++)
        if (!memchr(letters, name.ptr[i], sizeof(letters) - 1) && name.ptr[i] != '-' && name.ptr[i] != '_')
            return false;
    return true;
}

int pst_store_watch(struct pst_store *store, void (*fn)(const struct pst_change *change, void *arg),
                    void *arg)
{
    pthread_mutex_lock(&store->watch_lock);
    int err = store->watcher_count == PST_STORE_WATCHERS ? PST_E_LIMIT : 0;
    if (!err)
        store->watchers[store->watcher_count++] = (struct pst_watcher){fn, arg};
    pthread_mutex_unlock(&store->watch_lock);
    return err;
}

void pst_store_unwatch(struct pst_store *store, void (*fn)(const struct pst_change *change, void *arg),
                       void *arg)
{
    size_t i = 0;
    pthread_mutex_lock(&store->watch_lock);
    while (i < store->watcher_count && (store->watchers[i].fn != fn || store->watchers[i].arg != arg))
        i++;
    if (i < store->watcher_count)
        store->watchers[i] = store->watchers[--store->watcher_count];
    pthread_mutex_unlock(&store->watch_lock);
}

uint64_t pst_store_generation(const struct pst_store *store)
{
    return atomic_load(&store->generation);
}
