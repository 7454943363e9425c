/* group.c - see group.h. */
#include "store/group.h"

#include <string.h>

#include "store/keys.h"

int pst_group_begin(struct pst_group *group, struct pst_store *store)
{
    group->store = store;
    group->db = &store->writer.db;
    group->has_begun = group->is_changed = group->has_files = false;
    group->knows_room = false;
    group->box_count = 0;
    group->unused = (struct pst_blob_list){NULL, 0, 0};
    int err = pst_db_begin(group->db, PST_SQL_BEGIN_WRITE);
    if (err)
        return err;
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_TOTAL_GET);
    int got = pst_db_row(group->db, stmt);
    if (got > 0) {
        group->total_boxes = (uint64_t)sqlite3_column_int64(stmt, 0);
        group->total_bytes = (uint64_t)sqlite3_column_int64(stmt, 1);
        pst_db_reset(stmt);
        group->has_begun = true;
        return 0;
    }
    pst_db_roll_back(group->db);
    return got ? got : PST_E_IO;
}

/* ---- boxes ---- */

/* *ret_box: NULL where there is none of that name. */
static int find_box(struct pst_group *group, struct pst_slice name, struct pst_group_box **ret_box)
{
    for (size_t i = 0; i < group->box_count; i++) {
        *ret_box = &group->boxes[i];
        if (pst_slice_eq(pst_slice_of((*ret_box)->name, (*ret_box)->name_len), name))
            return 0;
    }
    *ret_box = NULL;
    if (name.len > PST_BOX_NAME_BYTES)
        return 0;
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_BOX_GET);
    pst_db_bind_text(group->db, stmt, 1, name);
    int got = pst_db_row(group->db, stmt);
    if (got <= 0)
        return got;
    struct pst_group_box *box = &group->boxes[group->box_count++]; /* at most one an operation */
    memcpy(box->name, name.ptr, name.len);
    box->name_len = name.len;
    box->id = sqlite3_column_int64(stmt, 0);
    box->last_id = (uint64_t)sqlite3_column_int64(stmt, 1);
    box->count = (uint64_t)sqlite3_column_int64(stmt, 2);
    box->bytes = (uint64_t)sqlite3_column_int64(stmt, 3);
    box->is_changed = false;
    pst_db_reset(stmt);
    *ret_box = box;
    return 0;
}

static int make_box(struct pst_group *group, struct pst_slice name, struct pst_group_box **ret_box)
{
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_BOX_ADD);
    pst_db_bind_text(group->db, stmt, 1, name);
    int err = pst_db_run(group->db, stmt);
    if (err)
        return err;
    group->total_boxes++;
    err = find_box(group, name, ret_box);
    if (!err && (!*ret_box || (*ret_box)->id > PST_BOX_ID_MAX))
        err = PST_E_IO;
    return err;
}

static int write_boxes(struct pst_group *group)
{
    for (size_t i = 0; i < group->box_count; i++) {
        const struct pst_group_box *box = &group->boxes[i];
        if (!box->is_changed)
            continue;
        sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_BOX_SET);
        pst_db_bind_int(group->db, stmt, 1, box->id);
        pst_db_bind_int(group->db, stmt, 2, (int64_t)box->last_id);
        pst_db_bind_int(group->db, stmt, 3, (int64_t)box->count);
        pst_db_bind_int(group->db, stmt, 4, (int64_t)box->bytes);
        int err = pst_db_run(group->db, stmt);
        if (err)
            return err;
    }
    return 0;
}

/* ---- adding ---- */

static uint64_t cost_of(const struct pst_draft *draft)
{
    return PST_POST_COST + draft->text_bytes + draft->file_bytes + draft->head.type.len +
           draft->head.address.len + draft->head.key.len;
}

static bool is_over(uint64_t limit, uint64_t taken, uint64_t more)
{
    return limit && (taken > limit || limit - taken < more);
}

/* The disk is asked once a group. */
static int take_room(struct pst_group *group, uint64_t bytes)
{
    int err = group->knows_room ? 0 : pst_store_room(group->store, &group->room);
    if (err)
        return err;
    group->knows_room = true;
    if (group->room <= bytes)
        return PST_E_FULL;
    group->room -= bytes;
    return 0;
}

/* Whether the limits let the post in; box: NULL: it will be made. */
static int check_limits(struct pst_group *group, const struct pst_draft *draft,
                        const struct pst_group_box *box, uint64_t cost)
{
    const struct pst_store_options *options = &group->store->options;
    if (!box && !draft->head.may_make_box)
        return PST_E_NOENT;
    if (!box && !draft->head.is_declared && is_over(options->max_boxes, group->total_boxes, 1))
        return PST_E_LIMIT;
    if (box && box->last_id >= PST_POST_ID_MAX)
        return PST_E_FULL;
    uint64_t box_limit = draft->head.box_bytes ? draft->head.box_bytes : options->box_bytes;
    if (is_over(box_limit, box ? box->bytes : 0, cost) ||
        is_over(options->total_bytes, group->total_bytes, cost))
        return PST_E_FULL;
    return take_room(group, cost - draft->file_bytes); /* its files are on the disk already */
}

static int place_files(struct pst_group *group, const struct pst_draft *draft)
{
    for (struct pst_draft_file *file = draft->files; file; file = file->next) {
        int err = pst_blob_place(&group->store->folder, file);
        if (err) { /* those before it are not needed then, unless another post has them */
            for (const struct pst_draft_file *placed = draft->files; placed != file; placed = placed->next)
                pst_blob_list_add(&group->unused, placed->hash);
            return err;
        }
        group->has_files = true;
    }
    return 0;
}

static struct pst_slice text_of(const struct pst_text *text)
{
    return pst_slice_of(text->ptr, text->len);
}

static struct pst_slice hash_of(const uint8_t hash[PST_SHA256_BYTES])
{
    return pst_slice_of((const char *)hash, PST_SHA256_BYTES);
}

static int add_file(struct pst_db *db, int64_t post_key, unsigned number, const struct pst_draft_file *file)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_BLOB_ADD);
    pst_db_bind_blob(db, stmt, 1, hash_of(file->hash));
    pst_db_bind_int(db, stmt, 2, (int64_t)file->size);
    int err = pst_db_run(db, stmt);
    if (err)
        return err;
    stmt = pst_db_stmt(db, PST_SQL_FILE_ADD);
    pst_db_bind_int(db, stmt, 1, post_key);
    pst_db_bind_int(db, stmt, 2, (int64_t)number);
    pst_db_bind_text(db, stmt, 3, file->name);
    pst_db_bind_text(db, stmt, 4, file->file_name);
    pst_db_bind_text(db, stmt, 5, file->type);
    pst_db_bind_blob(db, stmt, 6, hash_of(file->hash));
    return pst_db_run(db, stmt);
}

static int add_rows(struct pst_db *db, const struct pst_draft *draft, int64_t post_key, int64_t time_ms,
                    uint64_t cost)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_POST_ADD);
    pst_db_bind_int(db, stmt, 1, post_key);
    pst_db_bind_int(db, stmt, 2, time_ms);
    pst_db_bind_int(db, stmt, 3, (int64_t)cost);
    pst_db_bind_int(db, stmt, 4, (int64_t)draft->file_count);
    pst_db_bind_text(db, stmt, 5, draft->head.type);
    pst_db_bind_text(db, stmt, 6, draft->head.address);
    pst_db_bind_blob(db, stmt, 7, text_of(&draft->fields));
    pst_db_bind_blob(db, stmt, 8, text_of(&draft->body));
    int err = pst_db_run(db, stmt);
    unsigned number = 0;
    for (const struct pst_draft_file *file = draft->files; file && !err; file = file->next)
        err = add_file(db, post_key, ++number, file);
    return err;
}

/* The post goes in: from here on a failure breaks the group. */
static int store_post(struct pst_group *group, struct pst_op *op, struct pst_group_box *box, uint64_t cost,
                      const uint8_t digest[PST_SHA256_BYTES])
{
    const struct pst_draft *draft = op->draft;
    int err = box ? 0 : make_box(group, draft->head.box, &box);
    if (err)
        return err;
    op->receipt.id = box->last_id + 1;
    op->receipt.time_ms = group->store->now_ms();
    err = add_rows(group->db, draft, pst_post_key(box->id, op->receipt.id), op->receipt.time_ms, cost);
    if (!err && draft->head.key.len)
        err = pst_key_add(group->db, box->id, draft->head.key, &op->receipt, digest);
    if (err)
        return err;
    box->last_id++;
    box->count++;
    box->bytes += cost;
    box->is_changed = true;
    group->total_bytes += cost;
    group->is_changed = true;
    return 0;
}

static int apply_post(struct pst_group *group, struct pst_op *op)
{
    const struct pst_draft *draft = op->draft;
    uint8_t digest[PST_SHA256_BYTES];
    struct pst_group_box *box;
    if (!draft->is_described || draft->open_file) {
        op->err = PST_E_STATE;
        return 0;
    }
    int err = find_box(group, draft->head.box, &box);
    if (err)
        return err;
    if (draft->head.key.len) {
        op->err = pst_key_digest(draft, digest);
        if (!op->err && box)
            err = pst_key_find(group->db, box->id, draft->head.key, group->store->now_ms(), digest, op);
        if (err || op->err || op->receipt.is_repeated)
            return err;
    }
    uint64_t cost = cost_of(draft);
    op->err = check_limits(group, draft, box, cost);
    if (!op->err)
        op->err = place_files(group, draft);
    return op->err ? 0 : store_post(group, op, box, cost, digest);
}

/* ---- removing ---- */

static int drop_reference(struct pst_group *group, const uint8_t hash[PST_SHA256_BYTES])
{
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_BLOB_LESS);
    pst_db_bind_blob(group->db, stmt, 1, hash_of(hash));
    int err = pst_db_run(group->db, stmt);
    if (err)
        return err;
    stmt = pst_db_stmt(group->db, PST_SQL_BLOB_DROP);
    pst_db_bind_blob(group->db, stmt, 1, hash_of(hash));
    err = pst_db_run(group->db, stmt);
    if (!err && sqlite3_changes(group->db->handle) > 0)
        pst_blob_list_add(&group->unused, hash);
    return err;
}

static int drop_files(struct pst_group *group, int64_t post_key)
{
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_FILE_HASHES);
    pst_db_bind_int(group->db, stmt, 1, post_key);
    int got;
    while ((got = pst_db_row(group->db, stmt)) > 0) {
        struct pst_slice hash = pst_db_column(stmt, 0);
        int err = hash.len == PST_SHA256_BYTES ? drop_reference(group, (const uint8_t *)hash.ptr) : 0;
        if (err) {
            pst_db_reset(stmt);
            return err;
        }
    }
    if (got < 0)
        return got;
    stmt = pst_db_stmt(group->db, PST_SQL_FILE_DROP);
    pst_db_bind_int(group->db, stmt, 1, post_key);
    return pst_db_run(group->db, stmt);
}

static int drop_post(struct pst_group *group, int64_t post_key, uint64_t *ret_bytes, bool *ret_found)
{
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_POST_SIZE);
    pst_db_bind_int(group->db, stmt, 1, post_key);
    int got = pst_db_row(group->db, stmt);
    *ret_found = got > 0;
    if (got <= 0)
        return got;
    *ret_bytes = (uint64_t)sqlite3_column_int64(stmt, 0);
    bool has_files = sqlite3_column_int64(stmt, 1) > 0;
    pst_db_reset(stmt);
    int err = has_files ? drop_files(group, post_key) : 0;
    if (err)
        return err;
    stmt = pst_db_stmt(group->db, PST_SQL_POST_DROP);
    pst_db_bind_int(group->db, stmt, 1, post_key);
    return pst_db_run(group->db, stmt);
}

static uint64_t less(uint64_t from, uint64_t what)
{
    return from > what ? from - what : 0;
}

static int apply_deletion(struct pst_group *group, struct pst_op *op)
{
    struct pst_group_box *box;
    uint64_t bytes = 0;
    bool is_found = false;
    int err = find_box(group, op->box, &box);
    if (!err && box && op->id <= PST_POST_ID_MAX)
        err = drop_post(group, pst_post_key(box->id, op->id), &bytes, &is_found);
    if (err)
        return err;
    if (!is_found) {
        op->err = PST_E_NOENT;
        return 0;
    }
    box->count = less(box->count, 1);
    box->bytes = less(box->bytes, bytes);
    box->is_changed = true;
    group->total_bytes = less(group->total_bytes, bytes);
    group->is_changed = true;
    return 0;
}

int pst_group_apply(struct pst_group *group, struct pst_op *op)
{
    op->err = 0;
    op->receipt = (struct pst_receipt){0, 0, false};
    return op->draft ? apply_post(group, op) : apply_deletion(group, op);
}

/* ---- the end ---- */

static int write_total(struct pst_group *group)
{
    sqlite3_stmt *stmt = pst_db_stmt(group->db, PST_SQL_TOTAL_SET);
    pst_db_bind_int(group->db, stmt, 1, (int64_t)group->total_boxes);
    pst_db_bind_int(group->db, stmt, 2, (int64_t)group->total_bytes);
    return pst_db_run(group->db, stmt);
}

int pst_group_commit(struct pst_group *group)
{
    int err = 0;
    if (group->has_files) /* names first: a row must never speak of a file that is not there */
        err = pst_blob_sync(&group->store->folder);
    if (!err && group->is_changed)
        err = write_boxes(group);
    if (!err && group->is_changed)
        err = write_total(group);
    if (!err)
        err = pst_db_simple(group->db, PST_SQL_COMMIT);
    return err;
}

void pst_group_roll_back(struct pst_group *group)
{
    pst_db_roll_back(group->db);
    pst_blob_list_free(&group->unused);
}
