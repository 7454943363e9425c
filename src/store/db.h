/* db.h - a thin layer over SQLite: one connection with its prepared statements, and errors of ours.
 *
 * A connection is used by one thread at a time. Values that are bound stay the caller's until the statement
 * has been run; what a row gives is valid until the next call for the statement. */
#ifndef PST_STORE_DB_H
#define PST_STORE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>

#include <postern/slice.h>

enum pst_sql {
#define X(name, text) PST_SQL_##name,
#include "store/sql.def"
#undef X
    PST_SQL_COUNT
};

enum { PST_DB_BUSY_MS = 20000 }; /* longer than any write transaction of ours takes */

struct pst_db {
    sqlite3 *handle;
    sqlite3_stmt *stmts[PST_SQL_COUNT]; /* NULL: not prepared yet */
    int bind_rc;                        /* the first failure of a bind; run and row give it back */
};

/* flags: SQLITE_OPEN_READWRITE and so on. Errors: as of pst_db_err(). */
int pst_db_open(struct pst_db *db, const char *path, int flags);
/* Also for one that was not opened, or zeroed. */
void pst_db_close(struct pst_db *db);
/* Whether closing the last connection may move the log into the database. */
int pst_db_set_checkpoint_on_close(struct pst_db *db, bool is_on);

/* Statements of ours, several with ";" between them, whose rows do not matter. */
int pst_db_exec(struct pst_db *db, const char *sql);
/* The number in the first column of the first row. */
int pst_db_number(struct pst_db *db, const char *sql, int64_t *ret_number);
/* PST_E_SYNTAX where the first row is not what it should be, twice: a check that found no memory calls that
 * damage. */
int pst_db_expect(struct pst_db *db, const char *sql, const char *wanted);

/* The statement, ready to be bound; NULL: pst_db_run() and pst_db_row() say why when given it. */
sqlite3_stmt *pst_db_stmt(struct pst_db *db, enum pst_sql which);
void pst_db_bind_int(struct pst_db *db, sqlite3_stmt *stmt, int at, int64_t value);
void pst_db_bind_text(struct pst_db *db, sqlite3_stmt *stmt, int at, struct pst_slice text);
void pst_db_bind_blob(struct pst_db *db, sqlite3_stmt *stmt, int at, struct pst_slice bytes);
/* Runs a statement that gives no rows. 0 or an error. */
int pst_db_run(struct pst_db *db, sqlite3_stmt *stmt);
/* The next row: 1; no more: 0; else an error. After 0 and errors the statement is at rest. */
int pst_db_row(struct pst_db *db, sqlite3_stmt *stmt);
/* Ends a statement that may have more rows. */
void pst_db_reset(sqlite3_stmt *stmt);
/* After the last PRAGMA, which all make SQLite prepare anew: from here on ending a transaction wants no
 * memory. */
int pst_db_settle(struct pst_db *db);
/* PST_SQL_BEGIN_READ or PST_SQL_BEGIN_WRITE. */
int pst_db_begin(struct pst_db *db, enum pst_sql which);
/* For statements without values. */
int pst_db_simple(struct pst_db *db, enum pst_sql which);
/* Ends the transaction that there may be, whatever has happened. */
void pst_db_roll_back(struct pst_db *db);

struct pst_slice pst_db_column(sqlite3_stmt *stmt, int at);

/* What a result of SQLite's means: PST_E_NOMEM; PST_E_FULL: the disk is, or a quota or a size limit is
 * reached; PST_E_SYNTAX: damaged, or no database; PST_E_ACCESS; PST_E_BUSY: another process had it locked for
 * too long; PST_E_IO: all else. */
int pst_db_err(struct pst_db *db, int rc);
/* The same for those whose callers know only PST_E_IO, PST_E_FULL and PST_E_NOMEM. */
int pst_db_plain_err(int err);

#endif
