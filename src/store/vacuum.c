/* vacuum.c - giving back the room of what was removed, and looking whether all is well. On a connection of
 * its own, in small steps: a server that stores posts meanwhile hardly notices. */
#include <stdio.h>

#include "store/internal.h"

enum { PAGES_A_STEP = 256 };

static int check_whole(struct pst_db *db)
{
    int err = pst_db_expect(db, "PRAGMA integrity_check(1)", "ok");
    if (err)
        return err;
    /* Our own books: what is counted beside the rows. */
    int64_t wrong = 0;
    err = pst_db_number(db,
                        "SELECT (SELECT count(*) FROM pragma_foreign_key_check)"
                        " + (SELECT count(*) FROM blob LEFT JOIN"
                        "    (SELECT hash, count(*) AS n FROM file GROUP BY hash) USING (hash)"
                        "    WHERE refs <> coalesce(n, 0))"
                        " + (SELECT count(*) FROM file WHERE hash NOT IN (SELECT hash FROM blob))"
                        " + (SELECT bytes <> (SELECT coalesce(sum(bytes), 0) FROM box) FROM total)",
                        &wrong);
    return err ? err : wrong ? PST_E_SYNTAX : 0;
}

static int give_back_pages(struct pst_db *db, uint64_t *freed)
{
    int64_t page_bytes = 0, before = 0, after = 0;
    int err = pst_db_number(db, "PRAGMA page_size", &page_bytes);
    if (!err)
        err = pst_db_number(db, "PRAGMA freelist_count", &before);
    while (!err && before > 0) {
        char sql[64];
        snprintf(sql, sizeof(sql), "PRAGMA incremental_vacuum(%d)", (int)PAGES_A_STEP);
        err = pst_db_exec(db, sql);
        if (!err)
            err = pst_db_number(db, "PRAGMA freelist_count", &after);
        if (err || after >= before) /* others remove at the same time: not for ever */
            break;
        *freed += (uint64_t)((before - after) * page_bytes);
        before = after;
    }
    return err;
}

int pst_store_vacuum(struct pst_store *store, uint64_t *ret_bytes)
{
    struct pst_db db;
    uint64_t pages = 0, files = 0, missing = 0;
    *ret_bytes = 0;
    int err = pst_db_open(&db, store->folder.db_path, SQLITE_OPEN_READWRITE);
    if (!err)
        err = pst_schema_make_ready(&db);
    if (!err)
        err = pst_db_settle(&db);
    if (!err)
        err = check_whole(&db);
    if (!err)
        err = pst_blob_sweep(&store->folder, &db, &files, &missing);
    if (!err)
        err = give_back_pages(&db, &pages);
    if (!err) /* readers may be in the way of that: then it happens later */
        (void)pst_db_exec(&db, "PRAGMA wal_checkpoint(TRUNCATE)");
    pst_db_close(&db);
    *ret_bytes = pages + files;
    if (!err && missing)
        return PST_E_SYNTAX;
    return err == PST_E_SYNTAX ? err : pst_db_plain_err(err);
}
