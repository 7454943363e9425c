/* posts_path.c - what a URL below the boxes' prefix asks for. */
#include "handlers/posts_path.h"

#include <limits.h>

#include <postern/http.h>
#include <postern/store.h>

/* ---- the path ---- */

/* What stands before the next slash; takes it and the slash off. */
static struct pst_slice next_segment(struct pst_slice *rest)
{
    const char *slash = rest->len > 0 ? memchr(rest->ptr, '/', rest->len) : NULL;
    size_t len = slash ? (size_t)(slash - rest->ptr) : rest->len;
    size_t skip = slash ? len + 1 : len;
    struct pst_slice segment = pst_slice_of(rest->ptr, len);
    *rest = pst_slice_of(rest->len > 0 ? rest->ptr + skip : rest->ptr, rest->len - skip);
    return segment;
}

/* One number, one spelling: no zero in front. */
static bool read_number(struct pst_slice s, uint64_t most, uint64_t *ret)
{
    unsigned long long n = 0;
    if (s.len == 0 || *s.ptr == '0' || !pst_slice_to_u64(s, &n) || n > most)
        return false;
    *ret = n;
    return true;
}

/* Behind "NAME/ID/". */
static enum pst_posts_what read_part(struct pst_slice rest, unsigned *ret_file)
{
    uint64_t file = 0;
    if (pst_slice_eq(rest, PST_SLICE("delete")))
        return PST_POSTS_DELETE;
    if (!pst_slice_eq(next_segment(&rest), PST_SLICE("files")) || !read_number(rest, UINT_MAX, &file))
        return PST_POSTS_NOTHING;
    *ret_file = (unsigned)file;
    return PST_POSTS_FILE;
}

static enum pst_posts_what read_what(struct pst_slice rest, struct pst_posts_path *path)
{
    if (rest.len == 0)
        return PST_POSTS_BOXES;
    if (pst_slice_eq(rest, PST_SLICE(PST_POSTS_STYLE_PATH)))
        return PST_POSTS_STYLE;
    bool is_deeper = memchr(rest.ptr, '/', rest.len) != NULL;
    path->box = next_segment(&rest);
    if (!pst_box_name_is_valid(path->box))
        return PST_POSTS_NOTHING;
    if (!is_deeper)
        return PST_POSTS_BOX;
    is_deeper = rest.len > 0 && memchr(rest.ptr, '/', rest.len) != NULL;
    struct pst_slice id = next_segment(&rest);
    if (!is_deeper && pst_slice_eq(id, PST_SLICE("thanks")))
        return PST_POSTS_THANKS;
    if (!read_number(id, UINT64_MAX, &path->id))
        return PST_POSTS_NOTHING;
    return is_deeper ? read_part(rest, &path->file) : PST_POSTS_POST;
}

struct pst_posts_path pst_posts_path_read(struct pst_slice rest)
{
    struct pst_posts_path path = {.box = PST_SLICE("")};
    path.what = read_what(rest, &path);
    if (path.what == PST_POSTS_NOTHING)
        path = (struct pst_posts_path){.box = PST_SLICE("")};
    return path;
}

/* ---- the query ---- */

static const char *const format_names[PST_POSTS_FORMATS] = {"json", "html", "csv", "ndjson"};

static enum pst_posts_format format_of(struct pst_slice name)
{
    int i = 0;
    while (i < PST_POSTS_FORMATS && !pst_slice_eq(name, pst_slice_str(format_names[i])))
        i++;
    return (enum pst_posts_format)i;
}

const char *pst_posts_query_read(struct pst_slice query, char *scratch, struct pst_posts_query *ret_query)
{
    struct pst_form_field field;
    *ret_query = (struct pst_posts_query){.format = PST_POSTS_ANY};
    while (pst_urlencoded_next(&query, &scratch, &field)) {
        if (pst_slice_eq(field.name, PST_SLICE("format"))) {
            ret_query->format = format_of(field.value);
            if (ret_query->format == PST_POSTS_ANY)
                return "format is one of html, json, csv and ndjson";
        } else if (pst_slice_eq(field.name, PST_SLICE("before"))) {
            if (!read_number(field.value, UINT64_MAX, &ret_query->before))
                return "before is the number of a post";
        } else if (pst_slice_eq(field.name, PST_SLICE("limit"))) {
            if (!read_number(field.value, UINT64_MAX, &ret_query->limit))
                return "limit is a number of posts, from 1 on";
        }
    }
    return NULL;
}
