/* readers.c - connections that read: a few, each with one thread at a time, made when they are first needed.
 */
#include <stdlib.h>

#include "store/internal.h"
#include "store/page.h"

int pst_readers_init(struct pst_store *store)
{
    struct pst_readers *readers = &store->readers;
    readers->idle = NULL;
    readers->count = 0;
    if (pthread_mutex_init(&readers->lock, NULL) != 0)
        return PST_E_NOMEM;
    if (pthread_cond_init(&readers->returned, NULL) != 0) {
        pthread_mutex_destroy(&readers->lock);
        return PST_E_NOMEM;
    }
    return 0;
}

static void free_reader(struct pst_reader *reader)
{
    pst_db_close(&reader->db);
    pst_page_scratch_free(reader);
    free(reader);
}

void pst_readers_fini(struct pst_readers *readers)
{
    while (readers->idle) {
        struct pst_reader *reader = readers->idle;
        readers->idle = reader->next;
        free_reader(reader);
    }
    pthread_cond_destroy(&readers->returned);
    pthread_mutex_destroy(&readers->lock);
}

static int new_reader(struct pst_store *store, struct pst_reader **ret_reader)
{
    struct pst_reader *reader = calloc(1, sizeof(*reader));
    if (!reader)
        return PST_E_NOMEM;
    /* Not SQLITE_OPEN_READONLY: such a connection cannot set up the log's index where it comes first. */
    int err = pst_db_open(&reader->db, store->folder.db_path, SQLITE_OPEN_READWRITE);
    if (!err)
        err = pst_db_exec(&reader->db, "PRAGMA query_only = ON");
    if (!err)
        err = pst_db_settle(&reader->db);
    if (err) {
        free_reader(reader);
        return pst_db_plain_err(err);
    }
    *ret_reader = reader;
    return 0;
}

int pst_readers_take(struct pst_store *store, struct pst_reader **ret_reader)
{
    struct pst_readers *readers = &store->readers;
    pthread_mutex_lock(&readers->lock);
    while (!readers->idle && readers->count == PST_STORE_READERS)
        pthread_cond_wait(&readers->returned, &readers->lock);
    *ret_reader = readers->idle;
    if (*ret_reader)
        readers->idle = (*ret_reader)->next;
    else
        readers->count++;
    pthread_mutex_unlock(&readers->lock);
    if (*ret_reader)
        return 0;

    int err = new_reader(store, ret_reader);
    if (err) {
        pthread_mutex_lock(&readers->lock);
        readers->count--;
        pthread_cond_signal(&readers->returned);
        pthread_mutex_unlock(&readers->lock);
    }
    return err;
}

void pst_readers_give(struct pst_store *store, struct pst_reader *reader)
{
    struct pst_readers *readers = &store->readers;
    pst_page_scratch_trim(reader);
    pthread_mutex_lock(&readers->lock);
    reader->next = readers->idle;
    readers->idle = reader;
    pthread_cond_signal(&readers->returned);
    pthread_mutex_unlock(&readers->lock);
}

int pst_reader_box(struct pst_reader *reader, struct pst_slice name, int64_t *ret_id, uint64_t *ret_count)
{
    if (!pst_box_name_is_valid(name))
        return PST_E_NOENT;
    sqlite3_stmt *stmt = pst_db_stmt(&reader->db, PST_SQL_BOX_GET);
    pst_db_bind_text(&reader->db, stmt, 1, name);
    int got = pst_db_row(&reader->db, stmt);
    if (got <= 0)
        return got ? got : PST_E_NOENT;
    *ret_id = sqlite3_column_int64(stmt, 0);
    if (ret_count)
        *ret_count = (uint64_t)sqlite3_column_int64(stmt, 2);
    pst_db_reset(stmt);
    return 0;
}
