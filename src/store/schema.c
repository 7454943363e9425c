/* schema.c - see schema.h.
 *
 * A post's key is box << 40 | id: posts lie in the order of box and id, in a table whose pages are filled
 * well (SQLite keeps rows in leaves only where the key is one integer), so reading a page of a box is one
 * range scan and adding a post writes to one place. Fields lie within their post's row (fields.h): they are
 * never looked for by themselves, and one row a post is half of the work of several. Files have rows, because
 * their contents (blob) are shared. */
#include "store/schema.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <postern/err.h>

/* SQL from version i to i + 1. Steps that were released never change: what is there was made by them. */
static const char *const steps[PST_SCHEMA_VERSION] = {
    "CREATE TABLE total (one INTEGER PRIMARY KEY CHECK (one = 1), boxes INTEGER NOT NULL, bytes INTEGER NOT "
    "NULL)"
    " STRICT;"
    "INSERT INTO total VALUES (1, 0, 0);"
    "CREATE TABLE box (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, last_id INTEGER NOT NULL,"
    " count INTEGER NOT NULL, bytes INTEGER NOT NULL) STRICT;"
    "CREATE TABLE post (key INTEGER PRIMARY KEY, time_ms INTEGER NOT NULL, bytes INTEGER NOT NULL,"
    " file_count INTEGER NOT NULL, type TEXT NOT NULL, address TEXT NOT NULL, fields BLOB NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    "CREATE TABLE blob (hash BLOB PRIMARY KEY, size INTEGER NOT NULL, refs INTEGER NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE file (post_key INTEGER NOT NULL REFERENCES post, n INTEGER NOT NULL, name TEXT NOT NULL,"
    " file_name TEXT NOT NULL, type TEXT NOT NULL, hash BLOB NOT NULL, PRIMARY KEY (post_key, n))"
    " STRICT, WITHOUT ROWID;",

    "CREATE TABLE idempotency (box_id INTEGER NOT NULL REFERENCES box, key BLOB NOT NULL, post_id INTEGER "
    "NOT NULL,"
    " time_ms INTEGER NOT NULL, digest BLOB NOT NULL, PRIMARY KEY (box_id, key)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX idempotency_time ON idempotency (time_ms);",
};

enum {
    APPLICATION_ID = 0x50737472, /* "Pstr" */
    LOG_PAGES = 1000,
    LOG_PAGES_LONG = 8000,
    LOG_WAIT_MS = 100,
    CHECKED_BYTES = 64 * 1024 * 1024, /* a larger database is not read whole at opening */
};

/* Where the database stems from. A fresh one has no tables yet, and none of these numbers. */
static int check_origin(struct pst_db *db, int *ret_version, char *why, size_t why_size)
{
    int64_t id = 0, version = 0, tables = 0;
    int err = pst_db_number(db, "PRAGMA application_id", &id);
    if (!err)
        err = pst_db_number(db, "PRAGMA user_version", &version);
    if (!err)
        err = pst_db_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (err)
        return err;
    if (id != APPLICATION_ID && (id || version || tables)) {
        snprintf(why, why_size, "posts.db is a database of something else");
        return PST_E_SYNTAX;
    }
    if (version > PST_SCHEMA_VERSION) {
        snprintf(why, why_size,
                 "the posts were stored by a newer postern (version %lld of the store; this one knows %d): "
                 "use that one",
                 (long long)version, (int)PST_SCHEMA_VERSION);
        return PST_E_UNSUPPORTED;
    }
    if (version < 0 || (id && version == 0))
        return PST_E_SYNTAX;
    *ret_version = (int)version;
    return 0;
}

static int check_contents(struct pst_db *db, int version)
{
    int64_t pages = 0, page_bytes = 0;
    int err = pst_db_number(db, "PRAGMA page_count", &pages);
    if (!err)
        err = pst_db_number(db, "PRAGMA page_size", &page_bytes);
    if (err)
        return err;
    if (pages * page_bytes <= CHECKED_BYTES)
        return pst_db_expect(db, "PRAGMA quick_check(1)", "ok");
    if (version == 0)
        return 0;
    err = pst_db_expect(db, "PRAGMA quick_check(total)", "ok");
    return err ? err : pst_db_expect(db, "PRAGMA quick_check(box)", "ok");
}

int pst_schema_check(struct pst_db *db, bool is_thorough, int *ret_version, char *why, size_t why_size)
{
    why[0] = '\0';
    int err = check_origin(db, ret_version, why, why_size);
    if (!err && is_thorough)
        err = check_contents(db, *ret_version);
    if (err == PST_E_SYNTAX && !why[0])
        snprintf(why, why_size,
                 "posts.db is damaged: restore it from a backup, or move it away to begin anew");
    return err;
}

/* "file:" and the path, with what a URI would take for its own escaped. NULL: no memory. */
static char *immutable_uri(const char *path)
{
    static const char before[] = "file:", after[] = "?immutable=1";
    char *uri = malloc(sizeof(before) + 3 * strlen(path) + sizeof(after));
    if (!uri)
        return NULL;
    memcpy(uri, before, sizeof(before) - 1);
    char *to = uri + sizeof(before) - 1;
    for (; *path; path++) {
        if (strchr("%?#", *path))
            to += sprintf(to, "%%%02X", (unsigned)(unsigned char)*path);
        else
            *to++ = *path;
    }
    memcpy(to, after, sizeof(after));
    return uri;
}

static bool has_log(const char *path)
{
    char log[4096 + 8];
    snprintf(log, sizeof(log), "%s-wal", path);
    return access(log, F_OK) == 0;
}

int pst_schema_preview(const char *path, bool *ret_is_checked, char *why, size_t why_size)
{
    *ret_is_checked = false;
    if (access(path, F_OK) != 0)
        return PST_E_NOENT;
    /* With a log there may be other connections, even of this process: to open and close the database by our
     * own hands would drop the locks that they have on it (POSIX locks are like that). */
    if (has_log(path))
        return 0;
    char *uri = immutable_uri(path);
    if (!uri)
        return PST_E_NOMEM;
    struct pst_db db;
    int version;
    why[0] = '\0';
    int err = pst_db_open(&db, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI);
    free(uri);
    if (!err)
        err = pst_schema_check(&db, true, &version, why, why_size);
    else if (err == PST_E_SYNTAX)
        snprintf(why, why_size, "posts.db is no database");
    pst_db_close(&db);
    /* Somebody came in between: what was read may be neither old nor new. The real opening will see. */
    if (has_log(path))
        return 0;
    *ret_is_checked = true;
    return err;
}

int pst_schema_upgrade(struct pst_db *db, int from, int to)
{
    if (from == to)
        return 0;
    int err = pst_db_exec(db, "BEGIN IMMEDIATE");
    for (int i = from; i < to && !err; i++)
        err = pst_db_exec(db, steps[i]);
    char sql[128];
    snprintf(sql, sizeof(sql), "PRAGMA application_id = %d; PRAGMA user_version = %d; COMMIT",
             (int)APPLICATION_ID, to);
    if (!err)
        err = pst_db_exec(db, sql);
    if (err) {
        (void)pst_db_exec(db, "ROLLBACK");
        return err;
    }
    /* Into the database itself, where pst_schema_preview() reads it. A visitor that reads may be in the way:
     * then the next checkpoint does it. */
    (void)pst_db_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)");
    return 0;
}

/* Moves the log into the database when it has grown. Readers that overlap without a gap would keep it from
 * ever beginning anew: once it is long we wait for them, a little. */
static int on_log_growth(void *arg, sqlite3 *handle, const char *name, int pages)
{
    (void)arg;
    if (pages < LOG_PAGES)
        return SQLITE_OK;
    bool is_long = pages >= LOG_PAGES_LONG;
    if (is_long)
        sqlite3_busy_timeout(handle, LOG_WAIT_MS);
    /* Where it fails the next commit tries again; this one is done. */
    (void)sqlite3_wal_checkpoint_v2(
        handle, name, is_long ? SQLITE_CHECKPOINT_RESTART : SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
    if (is_long)
        sqlite3_busy_timeout(handle, PST_DB_BUSY_MS);
    return SQLITE_OK;
}

int pst_schema_make_ready(struct pst_db *db)
{
    int err = pst_db_expect(db, "PRAGMA journal_mode = WAL", "wal");
    if (err == PST_E_SYNTAX) /* it stays as it was where memory cannot be shared between processes */
        return PST_E_UNSUPPORTED;
    /* What was removed is overwritten where that costs no further page: people's words are not left behind.
     */
    if (!err)
        err = pst_db_exec(db, "PRAGMA synchronous = FULL; PRAGMA secure_delete = FAST;"
                              "PRAGMA journal_size_limit = 16777216");
    sqlite3_wal_hook(db->handle, on_log_growth, NULL);
    return err;
}
