/* read.c - a page of a box. All of it comes from one snapshot. */
#include <stdlib.h>
#include <string.h>

#include "store/fields.h"
#include "store/page.h"

enum {
    LIMIT_MAX = 1000,
    PAGE_TEXT_BYTES = 8 * 1024 * 1024, /* a page ends behind the post that reaches this */
    SCRATCH_KEPT_BYTES = 256 * 1024,
};

/* What has been collected of the page so far. */
struct collect {
    struct pst_reader *reader;
    const struct pst_post_query *query;
    int64_t box_id;
    size_t row_count, file_count, field_count;
    bool is_more;
};

void pst_page_scratch_free(struct pst_reader *reader)
{
    pst_text_free(&reader->text);
    free(reader->rows);
    free(reader->files);
    reader->rows = NULL;
    reader->files = NULL;
    reader->row_cap = reader->file_cap = 0;
}

void pst_page_scratch_trim(struct pst_reader *reader)
{
    if (reader->text.cap > SCRATCH_KEPT_BYTES || reader->file_cap > LIMIT_MAX)
        pst_page_scratch_free(reader);
    reader->text.len = 0;
    reader->text.failed = false;
}

static struct pst_page_span keep(struct pst_reader *reader, struct pst_slice s)
{
    struct pst_page_span span = {reader->text.len, s.len};
    pst_text_add(&reader->text, s);
    return span;
}

/* Room for one more element of a growing array; NULL: no memory. */
static void *grow(void *array, size_t *cap, size_t count, size_t size)
{
    if (count < *cap)
        return array;
    size_t more = *cap ? *cap * 2 : 64;
    void *grown = realloc(array, more * size);
    if (grown)
        *cap = more;
    return grown;
}

static int count_fields(struct pst_slice fields, size_t *ret_count)
{
    struct pst_post_field field;
    int got;
    *ret_count = 0;
    while ((got = pst_fields_next(&fields, &field)) > 0)
        ++*ret_count;
    return got;
}

static int add_row(struct collect *c, sqlite3_stmt *stmt)
{
    struct pst_reader *reader = c->reader;
    void *rows = grow(reader->rows, &reader->row_cap, c->row_count, sizeof(*reader->rows));
    if (!rows)
        return PST_E_NOMEM;
    reader->rows = rows;
    struct pst_page_row *row = &reader->rows[c->row_count];
    struct pst_slice fields = pst_db_column(stmt, 5);
    row->id = (uint64_t)sqlite3_column_int64(stmt, 0) & PST_POST_ID_MAX;
    row->time_ms = sqlite3_column_int64(stmt, 1);
    row->file_count = (size_t)sqlite3_column_int64(stmt, 2);
    row->type = keep(reader, pst_db_column(stmt, 3));
    row->address = keep(reader, pst_db_column(stmt, 4));
    row->fields = keep(reader, fields);
    row->body = keep(reader, pst_db_column(stmt, 6));
    int err = count_fields(fields, &row->field_count);
    if (reader->text.failed)
        err = PST_E_NOMEM;
    c->row_count++;
    c->field_count += row->field_count;
    c->file_count += row->file_count;
    return err;
}

static uint64_t at_most(uint64_t value, uint64_t most)
{
    return value < most ? value : most;
}

static int read_posts(struct collect *c)
{
    const struct pst_post_query *q = c->query;
    struct pst_db *db = &c->reader->db;
    bool is_upward = q->is_upward && !q->id;
    uint64_t above = is_upward ? at_most(q->above, PST_POST_ID_MAX) : 0;
    uint64_t below = !is_upward && q->below ? at_most(q->below, PST_POST_ID_MAX + 1) : PST_POST_ID_MAX + 1;
    unsigned limit = q->limit < 1 ? 1 : q->limit > LIMIT_MAX ? LIMIT_MAX : q->limit;
    if (q->id > PST_POST_ID_MAX)
        return 0;
    if (q->id) {
        above = q->id - 1;
        below = q->id + 1;
        limit = 1;
    }
    sqlite3_stmt *stmt = pst_db_stmt(db, is_upward ? PST_SQL_POST_UP : PST_SQL_POST_DOWN);
    pst_db_bind_int(db, stmt, 1, pst_post_key(c->box_id, 0) + (int64_t)above);
    pst_db_bind_int(db, stmt, 2, pst_post_key(c->box_id, 0) + (int64_t)below);
    pst_db_bind_int(db, stmt, 3, (int64_t)limit + 1);
    int got;
    while ((got = pst_db_row(db, stmt)) > 0) {
        c->is_more = c->row_count == limit || c->reader->text.len >= PAGE_TEXT_BYTES;
        int err = c->is_more ? 0 : add_row(c, stmt);
        if (err || c->is_more) {
            pst_db_reset(stmt);
            return err;
        }
    }
    return got;
}

static int add_file(struct collect *c, sqlite3_stmt *stmt, size_t at)
{
    struct pst_reader *reader = c->reader;
    void *files = grow(reader->files, &reader->file_cap, at, sizeof(*reader->files));
    if (!files)
        return PST_E_NOMEM;
    reader->files = files;
    struct pst_page_file *file = &reader->files[at];
    struct pst_slice hash = pst_db_column(stmt, 5);
    file->id = (uint64_t)sqlite3_column_int64(stmt, 0) & PST_POST_ID_MAX;
    file->number = (unsigned)sqlite3_column_int64(stmt, 1);
    file->name = keep(reader, pst_db_column(stmt, 2));
    file->file_name = keep(reader, pst_db_column(stmt, 3));
    file->type = keep(reader, pst_db_column(stmt, 4));
    file->size = (uint64_t)sqlite3_column_int64(stmt, 6);
    if (hash.len != sizeof(file->hash))
        return PST_E_SYNTAX;
    memcpy(file->hash, hash.ptr, sizeof(file->hash));
    return reader->text.failed ? PST_E_NOMEM : 0;
}

/* The files of all posts of the page, in the order of ids; most pages have none. */
static int read_files(struct collect *c)
{
    struct pst_db *db = &c->reader->db;
    if (c->file_count == 0)
        return 0;
    uint64_t first = c->reader->rows[0].id, last = c->reader->rows[c->row_count - 1].id;
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_FILE_RANGE);
    pst_db_bind_int(db, stmt, 1, pst_post_key(c->box_id, first < last ? first : last));
    pst_db_bind_int(db, stmt, 2, pst_post_key(c->box_id, first < last ? last : first));
    size_t count = 0;
    int got;
    while ((got = pst_db_row(db, stmt)) > 0) {
        int err = add_file(c, stmt, count++);
        if (err) {
            pst_db_reset(stmt);
            return err;
        }
    }
    return got ? got : count == c->file_count ? 0 : PST_E_SYNTAX;
}

/* ---- in one piece ---- */

/* Where the parts of the page go. */
struct build {
    const struct pst_reader *reader;
    char *text;
    struct pst_post_field *fields;
    struct pst_post_file *files;
};

static struct pst_slice slice_at(const struct build *b, struct pst_page_span span)
{
    return pst_slice_of(b->text + span.at, span.len);
}

static void build_post(struct build *b, const struct pst_page_row *row, struct pst_post *post)
{
    struct pst_slice fields = slice_at(b, row->fields);
    post->id = row->id;
    post->time_ms = row->time_ms;
    post->type = slice_at(b, row->type);
    post->address = slice_at(b, row->address);
    post->body = slice_at(b, row->body);
    post->fields = b->fields;
    post->field_count = row->field_count;
    while (pst_fields_next(&fields, b->fields) > 0)
        b->fields++;
}

/* Gives posts their files. rows are in the order of ids, or, for a page of the newest first, against it. */
static int build_files(struct build *b, struct pst_post *posts, const struct collect *c)
{
    const struct pst_page_file *from = c->reader->files;
    const struct pst_page_file *end = from ? from + c->file_count : NULL;
    for (size_t i = 0; i < c->row_count; i++) {
        bool is_upward = c->row_count < 2 || posts[0].id < posts[1].id;
        size_t at = is_upward ? i : c->row_count - 1 - i;
        struct pst_post *post = &posts[at];
        post->files = b->files;
        post->file_count = c->reader->rows[at].file_count;
        for (size_t n = 0; n < post->file_count; n++, from++, b->files++) {
            if (from == end || from->id != post->id)
                return PST_E_SYNTAX;
            b->files->number = from->number;
            b->files->name = slice_at(b, from->name);
            b->files->file_name = slice_at(b, from->file_name);
            b->files->type = slice_at(b, from->type);
            b->files->size = from->size;
            pst_sha256_hex(from->hash, b->files->hash);
        }
    }
    return 0;
}

/* The arrays lie behind each other, those that need the most alignment first; the text is last. */
static int build_page(const struct collect *c, struct pst_post_page **ret_page)
{
    const struct pst_text *text = &c->reader->text;
    size_t box_len = c->query->box.len;
    size_t posts_bytes = c->row_count * sizeof(struct pst_post);
    size_t files_bytes = c->file_count * sizeof(struct pst_post_file);
    size_t fields_bytes = c->field_count * sizeof(struct pst_post_field);
    struct pst_post_page *page =
        malloc(sizeof(*page) + posts_bytes + files_bytes + fields_bytes + box_len + text->len);
    if (!page)
        return PST_E_NOMEM;
    char *mem = (char *)(page + 1);
    struct pst_post *posts = (struct pst_post *)(void *)mem;
    struct build b = {c->reader, mem + posts_bytes + files_bytes + fields_bytes + box_len,
                      (struct pst_post_field *)(void *)(mem + posts_bytes + files_bytes),
                      (struct pst_post_file *)(void *)(mem + posts_bytes)};
    char *box = b.text - box_len;
    memcpy(box, c->query->box.ptr, box_len);
    if (text->len)
        memcpy(b.text, text->ptr, text->len);
    for (size_t i = 0; i < c->row_count; i++) {
        posts[i].box = pst_slice_of(box, box_len);
        build_post(&b, &c->reader->rows[i], &posts[i]);
    }
    *page = (struct pst_post_page){.posts = posts, .count = c->row_count, .is_more = c->is_more};
    *ret_page = page;
    return build_files(&b, posts, c);
}

_Static_assert(_Alignof(struct pst_post) >= _Alignof(struct pst_post_file) &&
                   _Alignof(struct pst_post_file) >= _Alignof(struct pst_post_field) &&
                   sizeof(struct pst_post_page) % _Alignof(struct pst_post) == 0,
               "the arrays of a page can lie behind each other");

static int read_page(struct collect *c, struct pst_post_page **ret_page)
{
    uint64_t count = 0;
    int err = pst_reader_box(c->reader, c->query->box, &c->box_id, &count);
    bool is_box = err == 0;
    if (is_box)
        err = read_posts(c);
    else if (err == PST_E_NOENT)
        err = 0;
    if (!err)
        err = read_files(c);
    if (!err)
        err = build_page(c, ret_page);
    if (err)
        return err;
    (*ret_page)->is_box = is_box;
    (*ret_page)->box_count = count;
    return 0;
}

int pst_store_read(struct pst_store *store, const struct pst_post_query *query,
                   struct pst_post_page **ret_page)
{
    struct collect c = {.query = query};
    *ret_page = NULL;
    int err = pst_readers_take(store, &c.reader);
    if (err)
        return err;
    err = pst_db_begin(&c.reader->db, PST_SQL_BEGIN_READ);
    if (!err) {
        err = read_page(&c, ret_page);
        pst_db_roll_back(&c.reader->db); /* there is nothing to commit */
    }
    pst_readers_give(store, c.reader);
    if (err) {
        free(*ret_page);
        *ret_page = NULL;
    }
    return pst_db_plain_err(err);
}

void pst_post_page_free(struct pst_post_page *page)
{
    free(page);
}
