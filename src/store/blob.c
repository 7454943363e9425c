/* blob.c - see blob.h. */
#include "store/blob.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/internal.h"

void pst_blob_list_add(struct pst_blob_list *list, const uint8_t hash[PST_SHA256_BYTES])
{
    if (list->count == list->cap) {
        size_t cap = list->cap ? list->cap * 2 : 16;
        void *grown = realloc(list->hashes, cap * sizeof(*list->hashes));
        if (!grown)
            return;
        list->hashes = grown;
        list->cap = cap;
    }
    memcpy(list->hashes[list->count++], hash, PST_SHA256_BYTES);
}

void pst_blob_list_free(struct pst_blob_list *list)
{
    free(list->hashes);
    *list = (struct pst_blob_list){NULL, 0, 0};
}

int pst_blob_place(const struct pst_folder *folder, struct pst_draft_file *file)
{
    char name[PST_SHA256_HEX_BYTES];
    struct stat st;
    pst_sha256_hex(file->hash, name);
    if (fstatat(folder->files_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISREG(st.st_mode) &&
        (uint64_t)st.st_size == file->size)
        return 0;
    if (!file->has_tmp)
        return PST_E_IO;
    /* Over what may be there: contents that were cut short are mended by this. */
    if (renameat(folder->tmp_fd, file->tmp_name, folder->files_fd, name) != 0) {
        int err = pst_folder_err(errno);
        return err == PST_E_FULL ? err : PST_E_IO;
    }
    file->has_tmp = false;
    return 0;
}

int pst_blob_sync(const struct pst_folder *folder)
{
    return fsync(folder->files_fd) == 0 ? 0 : PST_E_IO;
}

/* 1: a row has it; 0: none; or an error. */
static int is_used(struct pst_db *db, const uint8_t hash[PST_SHA256_BYTES])
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_BLOB_GET);
    pst_db_bind_blob(db, stmt, 1, pst_slice_of((const char *)hash, PST_SHA256_BYTES));
    int got = pst_db_row(db, stmt);
    if (got > 0)
        pst_db_reset(stmt);
    return got;
}

void pst_blob_purge(const struct pst_folder *folder, struct pst_db *db, struct pst_blob_list *list)
{
    if (list->count == 0)
        return;
    /* Nothing is written: the transaction is for its lock. Without it the files stay until the next opening.
     */
    if (pst_db_begin(db, PST_SQL_BEGIN_WRITE) == 0) {
        for (size_t i = 0; i < list->count; i++) {
            char name[PST_SHA256_HEX_BYTES];
            pst_sha256_hex(list->hashes[i], name);
            if (is_used(db, list->hashes[i]) == 0)
                (void)unlinkat(folder->files_fd, name, 0);
        }
        pst_db_roll_back(db);
    }
    pst_blob_list_free(list);
}

/* A second descriptor of the folder, to read its names with: closedir() closes it. */
static DIR *open_names(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *dir = own < 0 ? NULL : fdopendir(own);
    if (!dir && own >= 0)
        close(own);
    return dir;
}

void pst_blob_clear_tmp(const struct pst_folder *folder)
{
    DIR *dir = open_names(folder->tmp_fd);
    if (!dir)
        return;
    for (const struct dirent *entry = readdir(dir); entry; entry = readdir(dir))
        (void)unlinkat(folder->tmp_fd, entry->d_name, 0); /* not of "." and "..": they are no files */
    closedir(dir);
}

static int hex_value(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Whether it is a name that we give. */
static bool read_hash(const char *name, uint8_t ret_hash[PST_SHA256_BYTES])
{
    if (strlen(name) != PST_SHA256_HEX_BYTES - 1)
        return false;
    for (size_t i = 0; i < PST_SHA256_BYTES; i++) {
        int high = hex_value(name[2 * i]), low = hex_value(name[2 * i + 1]);
        if (high < 0 || low < 0)
            return false;
        ret_hash[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static int remove_unused(const struct pst_folder *folder, struct pst_db *db, uint64_t *freed)
{
    DIR *dir = open_names(folder->files_fd);
    if (!dir)
        return errno == ENOMEM ? PST_E_NOMEM : PST_E_IO;
    int used = 0;
    for (const struct dirent *entry = readdir(dir); entry && used >= 0; entry = readdir(dir)) {
        uint8_t hash[PST_SHA256_BYTES];
        struct stat st;
        if (!read_hash(entry->d_name, hash))
            continue;
        used = is_used(db, hash);
        if (used == 0 && fstatat(folder->files_fd, entry->d_name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
            unlinkat(folder->files_fd, entry->d_name, 0) == 0)
            *freed += (uint64_t)st.st_size;
    }
    closedir(dir);
    return used < 0 ? used : 0;
}

static int count_missing(const struct pst_folder *folder, struct pst_db *db, uint64_t *missing)
{
    sqlite3_stmt *stmt = pst_db_stmt(db, PST_SQL_BLOB_LIST);
    int got = pst_db_row(db, stmt);
    for (; got > 0; got = pst_db_row(db, stmt)) {
        struct pst_slice hash = pst_db_column(stmt, 0);
        char name[PST_SHA256_HEX_BYTES];
        struct stat st;
        if (hash.len != PST_SHA256_BYTES) {
            ++*missing;
            continue;
        }
        pst_sha256_hex((const uint8_t *)hash.ptr, name);
        if (fstatat(folder->files_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode) ||
            st.st_size != sqlite3_column_int64(stmt, 1))
            ++*missing;
    }
    return got;
}

int pst_blob_sweep(const struct pst_folder *folder, struct pst_db *db, uint64_t *ret_freed,
                   uint64_t *ret_missing)
{
    uint64_t freed = 0, missing = 0;
    int err = pst_db_begin(db, PST_SQL_BEGIN_WRITE);
    if (err)
        return err;
    err = remove_unused(folder, db, &freed);
    if (!err)
        err = count_missing(folder, db, &missing);
    pst_db_roll_back(db);
    if (ret_freed)
        *ret_freed = freed;
    if (ret_missing)
        *ret_missing = missing;
    return err;
}
