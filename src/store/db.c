/* db.c - see db.h. */
#include "store/db.h"

#include <errno.h>
#include <string.h>

#include <postern/err.h>

#include "store/folder.h"

static const char *const texts[] = {
#define X(name, text) [PST_SQL_##name] = (text),
#include "store/sql.def"
#undef X
};

int pst_db_open(struct pst_db *db, const char *path, int flags)
{
    memset(db, 0, sizeof(*db));
    errno = 0;
    int rc = sqlite3_open_v2(path, &db->handle, flags | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_busy_timeout(db->handle, PST_DB_BUSY_MS);
    /* A database that somebody else has prepared must not make us run what it holds. */
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    int err = rc == SQLITE_OK ? 0 : pst_db_err(db, rc);
    if (!err)
        err = pst_db_exec(db, "PRAGMA foreign_keys = ON; PRAGMA cell_size_check = ON");
    if (err)
        pst_db_close(db);
    return err;
}

int pst_db_settle(struct pst_db *db)
{
    sqlite3_finalize(db->stmts[PST_SQL_ROLLBACK]);
    db->stmts[PST_SQL_ROLLBACK] = NULL;
    return pst_db_stmt(db, PST_SQL_ROLLBACK) ? 0 : pst_db_err(db, db->bind_rc);
}

int pst_db_begin(struct pst_db *db, enum pst_sql which)
{
    pst_db_roll_back(db); /* of one that could not be ended */
    return pst_db_simple(db, which);
}

void pst_db_roll_back(struct pst_db *db)
{
    if (!sqlite3_get_autocommit(db->handle)) /* after some failures SQLite has done it by itself */
        (void)pst_db_simple(db, PST_SQL_ROLLBACK);
}

void pst_db_close(struct pst_db *db)
{
    for (int i = 0; i < PST_SQL_COUNT; i++)
        sqlite3_finalize(db->stmts[i]);
    sqlite3_close(db->handle);
    memset(db, 0, sizeof(*db));
}

int pst_db_set_checkpoint_on_close(struct pst_db *db, bool is_on)
{
    int rc = sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, is_on ? 0 : 1, NULL);
    return rc == SQLITE_OK ? 0 : pst_db_err(db, rc);
}

int pst_db_exec(struct pst_db *db, const char *sql)
{
    errno = 0;
    int rc = sqlite3_exec(db->handle, sql, NULL, NULL, NULL);
    return rc == SQLITE_OK ? 0 : pst_db_err(db, rc);
}

int pst_db_number(struct pst_db *db, const char *sql, int64_t *ret_number)
{
    sqlite3_stmt *stmt = NULL;
    errno = 0;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        *ret_number = sqlite3_column_int64(stmt, 0);
    int err = rc == SQLITE_ROW ? 0 : pst_db_err(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    sqlite3_finalize(stmt);
    return err;
}

static int expect_once(struct pst_db *db, const char *sql, const char *wanted)
{
    sqlite3_stmt *stmt = NULL;
    errno = 0;
    int rc = sqlite3_prepare_v2(db->handle, sql, -1, &stmt, NULL);
    if (rc == SQLITE_OK)
        rc = sqlite3_step(stmt);
    int err = rc == SQLITE_ROW ? 0 : pst_db_err(db, rc == SQLITE_DONE ? SQLITE_CORRUPT : rc);
    if (!err && !pst_slice_eq(pst_db_column(stmt, 0), pst_slice_str(wanted)))
        err = PST_E_SYNTAX;
    sqlite3_finalize(stmt);
    return err;
}

int pst_db_expect(struct pst_db *db, const char *sql, const char *wanted)
{
    int err = expect_once(db, sql, wanted);
    return err == PST_E_SYNTAX ? expect_once(db, sql, wanted) : err;
}

sqlite3_stmt *pst_db_stmt(struct pst_db *db, enum pst_sql which)
{
    db->bind_rc = SQLITE_OK;
    if (!db->stmts[which])
        db->bind_rc = sqlite3_prepare_v3(db->handle, texts[which], -1, SQLITE_PREPARE_PERSISTENT,
                                         &db->stmts[which], NULL);
    return db->stmts[which];
}

static void keep_failure(struct pst_db *db, int rc)
{
    if (db->bind_rc == SQLITE_OK)
        db->bind_rc = rc;
}

void pst_db_bind_int(struct pst_db *db, sqlite3_stmt *stmt, int at, int64_t value)
{
    if (stmt)
        keep_failure(db, sqlite3_bind_int64(stmt, at, value));
}

void pst_db_bind_text(struct pst_db *db, sqlite3_stmt *stmt, int at, struct pst_slice text)
{
    if (stmt) /* a pointer of NULL would be the value NULL */
        keep_failure(db, sqlite3_bind_text64(stmt, at, text.len ? text.ptr : "", text.len, SQLITE_STATIC,
                                             SQLITE_UTF8));
}

void pst_db_bind_blob(struct pst_db *db, sqlite3_stmt *stmt, int at, struct pst_slice bytes)
{
    if (stmt)
        keep_failure(db, sqlite3_bind_blob64(stmt, at, bytes.len ? bytes.ptr : "", bytes.len, SQLITE_STATIC));
}

int pst_db_row(struct pst_db *db, sqlite3_stmt *stmt)
{
    errno = 0;
    int rc = db->bind_rc != SQLITE_OK ? db->bind_rc : sqlite3_step(stmt);
    if (rc == SQLITE_ROW)
        return 1;
    int err = rc == SQLITE_DONE ? 0 : pst_db_err(db, rc); /* before the reset, which forgets the cause */
    sqlite3_reset(stmt);
    return err;
}

int pst_db_run(struct pst_db *db, sqlite3_stmt *stmt)
{
    int got = pst_db_row(db, stmt);
    if (got > 0)
        sqlite3_reset(stmt);
    return got > 0 ? 0 : got;
}

void pst_db_reset(sqlite3_stmt *stmt)
{
    sqlite3_reset(stmt);
}

int pst_db_simple(struct pst_db *db, enum pst_sql which)
{
    return pst_db_run(db, pst_db_stmt(db, which));
}

struct pst_slice pst_db_column(sqlite3_stmt *stmt, int at)
{
    const char *ptr = sqlite3_column_blob(stmt, at); /* before the length: it may have to be read first */
    int len = sqlite3_column_bytes(stmt, at);
    return pst_slice_of(ptr, ptr && len > 0 ? (size_t)len : 0);
}

/* SQLite calls only ENOSPC by its name; and of a commit that failed sqlite3_system_errno() knows nothing. So
 * errno is cleared before each step. */
static int io_err(const struct pst_db *db)
{
    int error = errno ? errno : db->handle ? sqlite3_system_errno(db->handle) : 0;
    int err = pst_folder_err(error);
    return err == PST_E_FULL || err == PST_E_ACCESS ? err : PST_E_IO;
}

int pst_db_err(struct pst_db *db, int rc)
{
    if (rc == SQLITE_IOERR_NOMEM)
        return PST_E_NOMEM;
    switch (rc & 0xff) {
    case SQLITE_NOMEM:
        return PST_E_NOMEM;
    case SQLITE_FULL:
        return PST_E_FULL;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return PST_E_SYNTAX;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_AUTH:
        return PST_E_ACCESS;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return PST_E_BUSY;
    case SQLITE_IOERR:
    case SQLITE_CANTOPEN:
        return io_err(db);
    default:
        return PST_E_IO;
    }
}

int pst_db_plain_err(int err)
{
    return !err || err == PST_E_NOMEM || err == PST_E_FULL ? err : PST_E_IO;
}
