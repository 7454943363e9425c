/* boxes.c - questions about boxes as a whole: which there are, and what their posts' fields are called. */
#include <stdlib.h>
#include <string.h>

#include "store/fields.h"
#include "store/internal.h"
#include "store/names.h"

static void copy_name(char to[PST_BOX_NAME_BYTES + 1], struct pst_slice name)
{
    size_t len = name.len < PST_BOX_NAME_BYTES ? name.len : PST_BOX_NAME_BYTES;
    if (len)
        memcpy(to, name.ptr, len);
    to[len] = '\0';
}

static int read_boxes(struct pst_db *db, struct pst_box_info **boxes, size_t *count)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_BOX_LIST);
    size_t cap = 0;
    int got;
    while ((got = pst_db_row(db, stmt)) > 0) {
        if (*count == cap) {
            cap = cap ? cap * 2 : 16;
            struct pst_box_info *grown = realloc(*boxes, cap * sizeof(*grown));
            if (!grown) {
                pst_db_reset(stmt);
                return PST_E_NOMEM;
            }
            *boxes = grown;
        }
        struct pst_box_info *box = &(*boxes)[(*count)++];
        copy_name(box->name, pst_db_column(stmt, 0));
        box->last_id = (uint64_t)sqlite3_column_int64(stmt, 1);
        box->count = (uint64_t)sqlite3_column_int64(stmt, 2);
        box->bytes = (uint64_t)sqlite3_column_int64(stmt, 3);
        box->last_time_ms = sqlite3_column_int64(stmt, 4); /* NULL, of an empty box, reads as 0 */
    }
    return got;
}

int pst_store_boxes(struct pst_store *store, struct pst_box_info **ret_boxes, size_t *ret_count)
{
    struct pst_reader *reader;
    *ret_boxes = NULL;
    *ret_count = 0;
    int err = pst_readers_take(store, &reader);
    if (err)
        return err;
    err = read_boxes(&reader->db, ret_boxes, ret_count);
    pst_readers_give(store, reader);
    if (err) {
        free(*ret_boxes);
        *ret_boxes = NULL;
        *ret_count = 0;
    }
    return pst_db_plain_err(err);
}

static int add_names(struct pst_names *names, struct pst_slice fields, unsigned most)
{
    struct pst_post_field field;
    int got, err = 0;
    while (!err && names->count < most && (got = pst_fields_next(&fields, &field)) != 0)
        err = got < 0 ? got : pst_names_add(names, field.name);
    return err;
}

static int read_names(struct pst_reader *reader, struct pst_slice box, unsigned most, struct pst_names *names)
{
    int64_t box_id;
    int err = pst_reader_box(reader, box, &box_id, NULL);
    if (err)
        return err == PST_E_NOENT ? 0 : err;
    sqlite3_stmt *stmt = pst_db_stmt(&reader->db, PST_SQL_POST_FIELDS);
    pst_db_bind_int(&reader->db, stmt, 1, pst_post_key(box_id, 0));
    pst_db_bind_int(&reader->db, stmt, 2, pst_post_key(box_id + 1, 0));
    int got;
    while ((got = pst_db_row(&reader->db, stmt)) > 0) {
        err = add_names(names, pst_db_column(stmt, 0), most);
        if (err || names->count >= most) {
            pst_db_reset(stmt);
            return err;
        }
    }
    return got;
}

int pst_store_field_names(struct pst_store *store, struct pst_slice box, unsigned most, char **ret_names)
{
    struct pst_reader *reader;
    struct pst_names names;
    *ret_names = NULL;
    int err = pst_readers_take(store, &reader);
    if (err)
        return err;
    pst_names_init(&names);
    err = read_names(reader, box, most, &names);
    pst_readers_give(store, reader);
    if (!err)
        err = pst_names_end(&names, ret_names);
    pst_names_fini(&names);
    return pst_db_plain_err(err);
}
