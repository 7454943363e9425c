/* open_file.c - one file of a post, for reading. */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"

/* As much of s as there is room for, without cutting a character of UTF-8 in two; behind a cut nothing
 * follows. */
static struct pst_slice copy_cut(struct pst_slice s, char **buffer, size_t *room)
{
    size_t len = s.len;
    if (len > *room) {
        len = *room;
        while (len > 0 && ((unsigned char)s.ptr[len] & 0xc0) == 0x80)
            len--;
    }
    char *to = *buffer;
    if (len)
        memcpy(to, s.ptr, len);
    *buffer += len;
    *room = len == s.len ? *room - len : 0;
    return pst_slice_of(to, len);
}

static int find_file(struct pst_reader *reader, struct pst_slice box, uint64_t id, unsigned number,
                     struct pst_post_file *file, char *buffer, size_t room)
{
    int64_t box_id;
    int err = id > PST_POST_ID_MAX ? PST_E_NOENT : pst_reader_box(reader, box, &box_id, NULL);
    if (err)
        return err;
    sqlite3_stmt *stmt = pst_db_stmt(&reader->db, PST_SQL_FILE_ONE);
    pst_db_bind_int(&reader->db, stmt, 1, pst_post_key(box_id, id));
    pst_db_bind_int(&reader->db, stmt, 2, (int64_t)number);
    int got = pst_db_row(&reader->db, stmt);
    if (got <= 0)
        return got ? got : PST_E_NOENT;
    struct pst_slice hash = pst_db_column(stmt, 5);
    file->number = number;
    file->file_name = copy_cut(pst_db_column(stmt, 3), &buffer, &room);
    file->type = copy_cut(pst_db_column(stmt, 4), &buffer, &room);
    file->name = copy_cut(pst_db_column(stmt, 2), &buffer, &room);
    file->size = (uint64_t)sqlite3_column_int64(stmt, 6);
    if (hash.len == PST_SHA256_BYTES)
        pst_sha256_hex((const uint8_t *)hash.ptr, file->hash);
    else
        err = PST_E_IO;
    pst_db_reset(stmt);
    return err;
}

/* Opens it, and holds it against what was stored. */
static int open_checked(const struct pst_store *store, const struct pst_post_file *file, int *ret_fd)
{
    struct stat st;
    int fd = openat(store->folder.files_fd, file->hash, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0)
        return errno == ENOENT ? PST_E_NOENT : PST_E_IO;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || (uint64_t)st.st_size != file->size) {
        close(fd);
        return PST_E_IO;
    }
    *ret_fd = fd;
    return 0;
}

int pst_store_open_file(struct pst_store *store, struct pst_slice box, uint64_t id, unsigned number,
                        int *ret_fd, struct pst_post_file *ret_file, char *buffer, size_t buffer_size)
{
    struct pst_reader *reader;
    struct pst_post_file file;
    *ret_fd = -1;
    int err = pst_readers_take(store, &reader);
    if (err)
        return err;
    err = find_file(reader, box, id, number, &file, buffer, buffer ? buffer_size : 0);
    if (!err)
        err = open_checked(store, &file, ret_fd);
    /* Gone between the two: the post was removed. Gone while the post is there: lost. */
    if (err == PST_E_NOENT && find_file(reader, box, id, number, &file, NULL, 0) == 0)
        err = PST_E_IO;
    pst_readers_give(store, reader);
    if (!err && ret_file)
        *ret_file = file;
    return err == PST_E_NOENT ? err : pst_db_plain_err(err);
}
