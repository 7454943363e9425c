/* posts_name.c - what a posted file is offered as: its name and its type, neither of which is to be trusted.
 */
#include "handlers/posts_file.h"

/* ---- name ---- */

enum { NAME_BYTES = 255, EXTENSION_BYTES = 16 };

/* How many bytes from p on, of n >= 1, are one character of UTF-8 that may be in a name; 0: p's first byte is
 * none, or begins one that may not. RFC 3629 4: no overlong forms, no surrogates, nothing over U+10FFFF. */
static size_t character(const unsigned char *p, size_t n)
{
    size_t len = p[0] < 0x80 ? 1 : p[0] < 0xc2 ? 0 : p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : p[0] < 0xf5 ? 4 : 0;
    uint32_t code = len == 1 ? p[0] : len > 1 ? p[0] & (0x7fU >> len) : 0;
    if (len == 0 || len > n)
        return 0;
    for (size_t i = 1; i < len; i++) {
        if ((p[i] & 0xc0U) != 0x80U)
            return 0;
        code = code << 6 | (p[i] & 0x3fU);
    }
    if ((len == 3 && (code < 0x800 || (code >= 0xd800 && code <= 0xdfff))) ||
        (len == 4 && (code < 0x10000 || code > 0x10ffff)))
        return 0;
    /* Controls (C0, DEL, C1), and what turns the direction of writing or ends a line: with U+202E in it,
     * "photo_gpj.exe" looks like a picture. */
    if (code < ' ' || (code >= 0x7f && code < 0xa0) || (code >= 0x200e && code <= 0x200f) ||
        (code >= 0x2028 && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069))
        return 0;
    return len;
}

/* Old clients send whole paths, of either kind. */
static struct pst_slice last_part(struct pst_slice path)
{
    size_t from = path.len;
    while (from > 0 && path.ptr[from - 1] != '/' && path.ptr[from - 1] != '\\')
        from--;
    return pst_slice_of(path.len > 0 ? path.ptr + from : path.ptr, path.len - from);
}

static bool is_blank_or_dot(char c)
{
    return c == ' ' || c == '.';
}

static struct pst_slice trim(struct pst_slice s)
{
    while (s.len > 0 && is_blank_or_dot(s.ptr[0]))
        s = pst_slice_of(s.ptr + 1, s.len - 1);
    while (s.len > 0 && is_blank_or_dot(s.ptr[s.len - 1]))
        s.len--;
    return s;
}

/* Where the name's extension begins, with its dot; its end where it has none of a usual length. */
static size_t extension_at(struct pst_slice name)
{
    for (size_t n = 1; n <= EXTENSION_BYTES && n < name.len; n++)
        if (name.ptr[name.len - n] == '.')
            return name.len - n;
    return name.len;
}

void pst_posts_add_offered_name(struct pst_text *t, struct pst_slice file_name)
{
    struct pst_slice part = last_part(file_name);
    struct pst_text clean = {0};
    for (size_t i = 0; i < part.len;) {
        size_t len = character((const unsigned char *)part.ptr + i, part.len - i);
        pst_text_add(&clean, pst_slice_of(part.ptr + i, len));
        i += len > 0 ? len : 1;
    }
    struct pst_slice name = trim(pst_slice_of(clean.ptr, clean.len));
    size_t stem = extension_at(name), extension = name.len - stem;
    if (name.len > NAME_BYTES) {
        stem = NAME_BYTES - extension;
        while (stem > 0 && ((unsigned char)name.ptr[stem] & 0xc0U) == 0x80U) /* within a character */
            stem--;
    }
    if (name.len == 0)
        pst_text_adds(t, "file");
    pst_text_add(t, pst_slice_of(name.ptr, stem));
    if (extension > 0)
        pst_text_add(t, pst_slice_of(name.ptr + (name.len - extension), extension));
    t->failed |= clean.failed;
    pst_text_free(&clean);
}

/* RFC 6266 appendix D: no quotes or backslashes, which clients unescape in different ways, and no "%", which
 * some decode. Each other character that is not ASCII is one "_". */
static void add_ascii(struct pst_text *t, struct pst_slice name)
{
    for (size_t i = 0; i < name.len; i++) {
        unsigned char c = (unsigned char)name.ptr[i];
        if ((c & 0xc0U) == 0x80U)
            continue;
        bool is_plain = c >= ' ' && c < 0x7f && c != '"' && c != '\\' && c != '%';
        pst_text_add(t, is_plain ? pst_slice_of(name.ptr + i, 1) : PST_SLICE("_"));
    }
}

void pst_posts_add_disposition(struct pst_text *t, struct pst_slice file_name)
{
    struct pst_text name = {0};
    pst_posts_add_offered_name(&name, file_name);
    struct pst_slice offered = pst_slice_of(name.ptr, name.len);
    pst_text_adds(t, "attachment; filename=\"");
    add_ascii(t, offered);
    pst_text_adds(t, "\"; filename*=UTF-8''");
    pst_text_add_percent(t, offered, false);
    t->failed |= name.failed;
    pst_text_free(&name);
}

/* ---- type ---- */

/* What cannot run anything: no HTML, no SVG, no XML, no scripts. */
static const char *const safe_types[] = {
    "image/png",  "image/jpeg", "image/gif",  "image/webp", "image/avif",      "text/plain",
    "audio/mpeg", "audio/mp4",  "audio/aac",  "audio/ogg",  "audio/wav",       "audio/webm",
    "audio/flac", "video/mp4",  "video/webm", "video/ogg",  "video/quicktime", "application/pdf",
};
enum { PICTURES = 5 };

static size_t find_type(struct pst_slice claimed, size_t count)
{
    struct pst_slice essence = pst_media_type_essence(claimed);
    size_t i = 0;
    while (i < count && !pst_slice_case_eq(essence, pst_slice_str(safe_types[i])))
        i++;
    return i;
}

const char *pst_posts_safe_type(struct pst_slice claimed)
{
    size_t count = sizeof safe_types / sizeof safe_types[0], i = find_type(claimed, count);
    return i < count ? safe_types[i] : "application/octet-stream";
}

bool pst_posts_type_is_picture(struct pst_slice claimed)
{
    return find_type(claimed, PICTURES) < PICTURES;
}
