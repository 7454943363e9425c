/* validator.c - comparing entity tags: RFC 9110 8.8.3 ETag, 13.1.1 If-Match, 13.1.2 If-None-Match. */
#include <postern/http.h>

struct entity_tag {
    struct pst_slice opaque; /* with its quotes */
    bool is_weak;
};

/* RFC 9110 8.8.3: etagc = %x21 / %x23-7E / obs-text */
static bool is_etagc(char c)
{
    unsigned char byte = (unsigned char)c;
    return byte > ' ' && byte != '"' && byte != 0x7f;
}

/* Takes [ "W/" ] DQUOTE *etagc DQUOTE off the start of *s. */
static bool take_tag(struct pst_slice *s, struct entity_tag *ret)
{
    struct pst_slice rest = *s;
    ret->is_weak = pst_slice_starts(rest, PST_SLICE("W/"));
    if (ret->is_weak)
        rest = pst_slice_of(rest.ptr + 2, rest.len - 2);
    if (rest.len == 0 || rest.ptr[0] != '"')
        return false;
    size_t len = 1;
    while (len < rest.len && is_etagc(rest.ptr[len]))
        len++;
    if (len == rest.len || rest.ptr[len] != '"')
        return false;
    len++;
    ret->opaque = pst_slice_of(rest.ptr, len);
    *s = pst_slice_of(rest.ptr + len, rest.len - len);
    return true;
}

/* RFC 9110 8.8.3.2 Comparison: strong wants both to be strong, weak only the same opaque tag. */
static bool tags_match(const struct entity_tag *a, const struct entity_tag *b, bool is_strong)
{
    if (is_strong && (a->is_weak || b->is_weak))
        return false;
    return pst_slice_eq(a->opaque, b->opaque);
}

static bool list_matches(struct pst_slice list, struct pst_slice etag, bool is_strong)
{
    struct entity_tag own, one;
    list = pst_slice_trim(list);
    if (pst_slice_eq(list, PST_SLICE("*")))
        return true;
    if (!take_tag(&etag, &own) || etag.len != 0)
        return false;

    /* RFC 9110 5.6.1.2: #element => [ element ] *( OWS "," OWS [ element ] ) */
    while (list.len > 0) {
        if (list.ptr[0] != ',') {
            if (!take_tag(&list, &one))
                return false;
            if (tags_match(&one, &own, is_strong))
                return true;
            list = pst_slice_trim(list);
            if (list.len > 0 && list.ptr[0] != ',')
                return false;
        }
        if (list.len > 0) /* the comma */
            list = pst_slice_trim(pst_slice_of(list.ptr + 1, list.len - 1));
    }
    return false;
}

bool pst_http_etag_weak_match(struct pst_slice list, struct pst_slice etag)
{
    return list_matches(list, etag, false);
}

bool pst_http_etag_strong_match(struct pst_slice list, struct pst_slice etag)
{
    return list_matches(list, etag, true);
}
