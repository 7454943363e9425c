/* draft.c - a post on its way in: fields in memory, files in tmp/. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/fields.h"
#include "store/internal.h"

enum {
    CHECK_EVERY_BYTES = 4 * 1024 * 1024, /* between two looks at the room on the disk */
    NAME_TRIES = 1000,
};

int pst_draft_new(struct pst_draft **ret_draft, struct pst_store *store)
{
    struct pst_draft *draft = malloc(sizeof(*draft));
    *ret_draft = draft;
    if (!draft)
        return PST_E_NOMEM;
    memset(draft, 0, offsetof(struct pst_draft, first));
    draft->store = store;
    draft->fd = -1;
    draft->files_end = &draft->files;
    pst_arena_init(&draft->arena, draft->first, sizeof(draft->first));
    pst_list_init(&draft->op.node);
    return 0;
}

static void drop_tmp(struct pst_draft *draft, struct pst_draft_file *file)
{
    if (file->has_tmp)
        (void)unlinkat(draft->store->folder.tmp_fd, file->tmp_name, 0);
    file->has_tmp = false;
}

void pst_draft_drop_files(struct pst_draft *draft)
{
    for (struct pst_draft_file *file = draft->files; file; file = file->next)
        drop_tmp(draft, file);
    atomic_fetch_sub(&draft->store->incoming_bytes, draft->file_bytes);
    draft->file_bytes = 0;
}

/* Of the file that is open: it is not part of the draft. */
static void close_file(struct pst_draft *draft)
{
    if (draft->fd >= 0) {
        close(draft->fd);
        draft->fd = -1;
        pst_sha256_drop(&draft->sha);
    }
    if (draft->open_file)
        drop_tmp(draft, draft->open_file);
    draft->open_file = NULL;
}

void pst_draft_free(struct pst_draft *draft)
{
    if (!draft)
        return;
    close_file(draft);
    pst_draft_drop_files(draft);
    pst_text_free(&draft->fields);
    pst_text_free(&draft->body);
    pst_arena_fini(&draft->arena);
    free(draft);
}

int pst_draft_field(struct pst_draft *draft, struct pst_slice name, struct pst_slice value)
{
    size_t len = draft->fields.len;
    if (draft->fields.failed)
        return PST_E_NOMEM;
    pst_fields_add(&draft->fields, name, value);
    if (draft->fields.failed) { /* as if it had never been asked for */
        draft->fields.failed = false;
        draft->fields.len = len;
        return PST_E_NOMEM;
    }
    draft->text_bytes += name.len + value.len;
    return 0;
}

int pst_draft_body(struct pst_draft *draft, struct pst_slice body)
{
    struct pst_text copy = {NULL, 0, 0, false};
    pst_text_add(&copy, body);
    if (copy.failed) {
        pst_text_free(&copy);
        return PST_E_NOMEM;
    }
    draft->text_bytes = draft->text_bytes - draft->body.len + body.len;
    pst_text_free(&draft->body);
    draft->body = copy;
    return 0;
}

static bool copy_slice(struct pst_draft *draft, struct pst_slice from, struct pst_slice *ret_to)
{
    char *mem = pst_arena_alloc(&draft->arena, from.len);
    if (!mem)
        return false;
    if (from.len)
        memcpy(mem, from.ptr, from.len);
    *ret_to = pst_slice_of(mem, from.len);
    return true;
}

/* Whether the disk has room for len bytes more. */
static int check_disk(const struct pst_draft *draft, size_t len)
{
    uint64_t room;
    int err = pst_store_room(draft->store, &room);
    return err ? err : room > len ? 0 : PST_E_FULL;
}

/* A new name in tmp/, open for writing. */
static int open_tmp(struct pst_draft *draft, struct pst_draft_file *file)
{
    struct pst_store *store = draft->store;
    for (int i = 0; i < NAME_TRIES; i++) {
        snprintf(file->tmp_name, sizeof(file->tmp_name), "%ld-%llu", (long)getpid(),
                 (unsigned long long)atomic_fetch_add(&store->tmp_count, 1));
        draft->fd =
            openat(store->folder.tmp_fd, file->tmp_name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
        if (draft->fd >= 0) {
            file->has_tmp = true;
            return 0;
        }
        if (errno != EEXIST) /* a visitor in another container may have our number */
            break;
    }
    int err = pst_folder_err(errno);
    return err == PST_E_FULL || err == PST_E_NOMEM ? err : PST_E_IO;
}

int pst_draft_file_begin(struct pst_draft *draft, struct pst_slice name, struct pst_slice file_name,
                         struct pst_slice type)
{
    if (draft->open_file)
        return PST_E_STATE;
    struct pst_draft_file *file = pst_arena_alloc(&draft->arena, sizeof(*file));
    if (!file)
        return PST_E_NOMEM;
    memset(file, 0, sizeof(*file));
    if (!copy_slice(draft, name, &file->name) || !copy_slice(draft, file_name, &file->file_name) ||
        !copy_slice(draft, type, &file->type))
        return PST_E_NOMEM;
    int err = check_disk(draft, 0);
    if (!err)
        err = open_tmp(draft, file);
    if (err)
        return err;
    draft->open_file = file;
    draft->unchecked_bytes = 0;
    draft->file_err = 0;
    pst_sha256_init(&draft->sha);
    return 0;
}

/* Whether the limits leave room for len bytes more. Others write at the same time: what counts is looked at
 * again when the post is committed. */
static int check_room(struct pst_draft *draft, size_t len)
{
    struct pst_store *store = draft->store;
    uint64_t limit = store->options.total_bytes;
    uint64_t taken = atomic_load(&store->total_bytes) + atomic_load(&store->incoming_bytes);
    if (limit && (taken > limit || limit - taken < len))
        return PST_E_FULL;
    draft->unchecked_bytes += len;
    if (draft->unchecked_bytes < CHECK_EVERY_BYTES)
        return 0;
    draft->unchecked_bytes = 0;
    return check_disk(draft, len);
}

static int write_err(void)
{
    return pst_folder_err(errno) == PST_E_FULL ? PST_E_FULL : PST_E_IO;
}

static int write_all(struct pst_draft *draft, const char *data, size_t len)
{
    pst_sha256_add(&draft->sha, data, len);
    while (len) {
        ssize_t n = write(draft->fd, data, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return write_err();
        data += n;
        len -= (size_t)n;
        draft->open_file->size += (uint64_t)n;
        draft->file_bytes += (uint64_t)n;
        atomic_fetch_add(&draft->store->incoming_bytes, (uint64_t)n);
    }
    return 0;
}

int pst_draft_file_write(struct pst_draft *draft, const void *data, size_t len)
{
    if (draft->fd < 0)
        return PST_E_STATE;
    if (!draft->file_err)
        draft->file_err = check_room(draft, len);
    if (!draft->file_err)
        draft->file_err = write_all(draft, data, len);
    return draft->file_err;
}

int pst_draft_file_end(struct pst_draft *draft)
{
    struct pst_draft_file *file = draft->open_file;
    if (draft->fd < 0)
        return PST_E_STATE;
    int err = draft->file_err;
    if (pst_sha256_end(&draft->sha, file->hash) != 0 && !err)
        err = PST_E_IO;
    if (!err && fsync(draft->fd) != 0)
        err = write_err();
    if (close(draft->fd) != 0 && !err) /* some file systems tell only now */
        err = write_err();
    draft->fd = -1;
    if (err) {
        close_file(draft);
        return err;
    }
    draft->open_file = NULL;
    *draft->files_end = file;
    draft->files_end = &file->next;
    draft->file_count++;
    draft->text_bytes += file->name.len + file->file_name.len + file->type.len;
    return 0;
}

int pst_draft_describe(struct pst_draft *draft, const struct pst_draft_head *head)
{
    struct pst_draft_head copy = *head;
    if (!pst_box_name_is_valid(head->box))
        return PST_E_INVAL;
    if (head->key.len > PST_KEY_BYTES)
        return PST_E_LIMIT;
    if (!copy_slice(draft, head->box, &copy.box) || !copy_slice(draft, head->type, &copy.type) ||
        !copy_slice(draft, head->address, &copy.address) || !copy_slice(draft, head->key, &copy.key))
        return PST_E_NOMEM;
    draft->head = copy;
    draft->is_described = true;
    return 0;
}
