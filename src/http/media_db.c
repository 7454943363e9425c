/* media_db.c - the hash table of media types, filled from globs2 files (shared mime-info specification 2.12).
 */
#include "http/media_db.h"

#include <stdint.h>
#include <stdlib.h>

#include "http/ctype.h"

/* The database of a full desktop has about 1,100 extensions. */
enum { SLOTS_FIRST = 256, USED_MOST = 16384, TYPE_MOST = 127 };

struct pst_media_slot {
    const char *extension; /* lower case; NULL in a free slot */
    const char *type;
    uint16_t weight;
    bool is_older; /* from an earlier file: not to be replaced */
};

struct glob {
    char extension[PST_MEDIA_EXTENSION_MOST + 1]; /* lower case */
    struct pst_slice type;
    uint16_t weight;
};

void pst_media_db_init(struct pst_media_db *db)
{
    *db = (struct pst_media_db){0};
    pst_arena_init(&db->arena, db->first, sizeof db->first);
}

void pst_media_db_fini(struct pst_media_db *db)
{
    free(db->slots);
    pst_arena_fini(&db->arena);
    *db = (struct pst_media_db){0};
}

bool pst_media_extension_fold(struct pst_slice extension, char dst[PST_MEDIA_EXTENSION_MOST + 1])
{
    if (extension.len == 0 || extension.len > PST_MEDIA_EXTENSION_MOST)
        return false;
    for (size_t i = 0; i < extension.len; i++) {
        char c = extension.ptr[i];
        if (c == '\0')
            return false;
        dst[i] = (char)(c >= 'A' && c <= 'Z' ? c + ('a' - 'A') : c);
    }
    dst[extension.len] = '\0';
    return true;
}

/* The slot that holds extension, or the free one where it belongs. There is always a free one. */
static struct pst_media_slot *slot_of(struct pst_media_slot *slots, size_t slot_count, const char *extension)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (const char *p = extension; *p != '\0'; p++)
        hash = (hash ^ (unsigned char)*p) * 16777619U;
    size_t i = hash & (slot_count - 1);
    while (slots[i].extension != NULL && strcmp(slots[i].extension, extension) != 0)
        i = (i + 1) & (slot_count - 1);
    return &slots[i];
}

const char *pst_media_db_find(const struct pst_media_db *db, struct pst_slice extension)
{
    char folded[PST_MEDIA_EXTENSION_MOST + 1];
    if (db->slot_count == 0 || !pst_media_extension_fold(extension, folded))
        return NULL;
    return slot_of(db->slots, db->slot_count, folded)->type;
}

/* Makes sure that one more slot can be used with a quarter of them left free. */
static bool make_room(struct pst_media_db *db)
{
    if (db->used >= USED_MOST)
        return false;
    if (db->used < db->slot_count / 4 * 3)
        return true;
    size_t slot_count = db->slot_count ? db->slot_count * 2 : SLOTS_FIRST;
    struct pst_media_slot *slots = calloc(slot_count, sizeof *slots);
    if (slots == NULL)
        return false;
    for (size_t i = 0; i < db->slot_count; i++) {
        if (db->slots[i].extension != NULL)
            *slot_of(slots, slot_count, db->slots[i].extension) = db->slots[i];
    }
    free(db->slots);
    db->slots = slots;
    db->slot_count = slot_count;
    return true;
}

static char *join(struct pst_arena *arena, struct pst_slice a, struct pst_slice b)
{
    char *text = pst_arena_alloc(arena, a.len + b.len + 1);
    if (text == NULL)
        return NULL;
    memcpy(text, a.ptr, a.len);
    memcpy(text + a.len, b.ptr, b.len);
    text[a.len + b.len] = '\0';
    return text;
}

/* The type as a Content-Type field's value. */
static const char *keep_type(struct pst_media_db *db, struct pst_slice type)
{
    /* RFC 9239 6: the other names of JavaScript's type are obsolete. */
    if (pst_slice_case_eq(type, PST_SLICE("application/javascript")) ||
        pst_slice_case_eq(type, PST_SLICE("application/x-javascript")))
        type = PST_SLICE("text/javascript");
    bool is_text = type.len > 5 && pst_slice_case_eq(pst_slice_of(type.ptr, 5), PST_SLICE("text/"));
    return join(&db->arena, type, is_text ? PST_SLICE("; charset=utf-8") : PST_SLICE(""));
}

static void add_glob(struct pst_media_db *db, const struct glob *glob)
{
    if (!make_room(db))
        return;
    struct pst_media_slot *slot = slot_of(db->slots, db->slot_count, glob->extension);
    if (slot->extension != NULL && (slot->is_older || slot->weight >= glob->weight))
        return;
    const char *extension =
        slot->extension ? slot->extension : join(&db->arena, pst_slice_str(glob->extension), PST_SLICE(""));
    const char *type = keep_type(db, glob->type);
    if (extension == NULL || type == NULL)
        return;
    db->used += slot->extension == NULL;
    *slot = (struct pst_media_slot){.extension = extension, .type = type, .weight = glob->weight};
}

/* What comes before the separator, or all where there is none; it and the separator are taken off *s. */
static struct pst_slice take_until(struct pst_slice *s, char separator)
{
    const char *end = s->len ? memchr(s->ptr, separator, s->len) : NULL;
    struct pst_slice piece = pst_slice_of(s->ptr, end ? (size_t)(end - s->ptr) : s->len);
    *s = end ? pst_slice_of(end + 1, s->len - piece.len - 1) : pst_slice_of(s->ptr, 0);
    return piece;
}

static bool is_media_type(struct pst_slice type)
{
    size_t slash = pst_token_span(type.ptr, type.len);
    if (slash == 0 || type.len - slash < 2 || type.len > TYPE_MOST || type.ptr[slash] != '/')
        return false;
    return pst_token_span(type.ptr + slash + 1, type.len - slash - 1) == type.len - slash - 1;
}

/* "50:text/html:*.html", and perhaps ":cs" for a pattern that minds the case. */
static bool read_glob(struct pst_slice line, struct glob *ret)
{
    unsigned long long weight;
    struct pst_slice number = take_until(&line, ':');
    ret->type = take_until(&line, ':');
    struct pst_slice pattern = take_until(&line, ':');
    if (!pst_slice_to_u64(number, &weight) || weight > 100 || !is_media_type(ret->type))
        return false;
    ret->weight = (uint16_t)weight;
    while (line.len > 0) {
        if (pst_slice_eq(take_until(&line, ','), PST_SLICE("cs")))
            return false;
    }
    if (!pst_slice_starts(pattern, PST_SLICE("*.")) ||
        !pst_media_extension_fold(pst_slice_of(pattern.ptr + 2, pattern.len - 2), ret->extension))
        return false;
    return strpbrk(ret->extension, "*?[/") == NULL;
}

void pst_media_db_add(struct pst_media_db *db, struct pst_slice globs2)
{
    for (size_t i = 0; i < db->slot_count; i++)
        db->slots[i].is_older = true;
    while (globs2.len > 0) {
        struct pst_slice line = take_until(&globs2, '\n');
        struct glob glob;
        if (line.len > 0 && line.ptr[0] != '#' && read_glob(line, &glob))
            add_glob(db, &glob);
    }
}
