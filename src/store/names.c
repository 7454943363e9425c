/* names.c - see names.h. */
#include "store/names.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { TABLE_FIRST = 64 };

void pst_names_init(struct pst_names *names)
{
    memset(names, 0, sizeof(*names));
}

void pst_names_fini(struct pst_names *names)
{
    pst_text_free(&names->text);
    free(names->table);
}

/* FNV-1a. Names that were chosen to collide make this slow, not wrong; who adds them bounds their number. */
static uint64_t hash_of(struct pst_slice s)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < s.len; i++)
        hash = (hash ^ (unsigned char)s.ptr[i]) * UINT64_C(0x100000001b3);
    return hash;
}

/* Where the name is in a table (its size a power of two), or the free place where it belongs. */
static size_t *place_of(size_t *table, size_t size, const char *text, struct pst_slice name)
{
    for (size_t i = hash_of(name) & (size - 1);; i = (i + 1) & (size - 1))
        if (!table[i] || pst_slice_eq(pst_slice_str(text + table[i] - 1), name))
            return &table[i];
}

/* At most half of the places are taken, so that there always is a free one soon. */
static bool grow_table(struct pst_names *names)
{
    if (names->count * 2 < names->table_size)
        return true;
    size_t size = names->table_size ? names->table_size * 2 : TABLE_FIRST;
    size_t *table = calloc(size, sizeof(*table));
    if (!table)
        return false;
    const char *text = names->text.ptr;
    for (size_t i = 0; i < names->table_size; i++)
        if (names->table[i])
            *place_of(table, size, text, pst_slice_str(text + names->table[i] - 1)) = names->table[i];
    free(names->table);
    names->table = table;
    names->table_size = size;
    return true;
}

int pst_names_add(struct pst_names *names, struct pst_slice name)
{
    if (name.len == 0 || memchr(name.ptr, '\0', name.len))
        return 0;
    if (!grow_table(names))
        return PST_E_NOMEM;
    size_t *place = place_of(names->table, names->table_size, names->text.ptr, name);
    if (*place)
        return 0;
    size_t at = names->text.len;
    pst_text_add(&names->text, name);
    pst_text_add(&names->text, pst_slice_of("", 1));
    if (names->text.failed)
        return PST_E_NOMEM;
    *place = at + 1;
    names->count++;
    return 0;
}

int pst_names_end(struct pst_names *names, char **ret_text)
{
    pst_text_add(&names->text, pst_slice_of("", 1));
    if (names->text.failed)
        return PST_E_NOMEM;
    *ret_text = names->text.ptr;
    names->text = (struct pst_text){NULL, 0, 0, false};
    return 0;
}
