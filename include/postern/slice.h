/* slice.h - a run of bytes that somebody else owns: a pointer and a length, no terminating NUL.
 *
 * A slice is valid as long as what it points into; each function that returns one says how long that is. */
#ifndef POSTERN_SLICE_H
#define POSTERN_SLICE_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <postern/export.h>

struct pst_slice {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

/* A slice of a string literal. */
#define PST_SLICE(literal) ((struct pst_slice){.ptr = ("" literal), .len = sizeof(literal) - 1})

/* For printf: "%.*s", PST_FMT(slice). Only for slices known to be shorter than 2 GiB. */
#define PST_FMT(slice) ((int)(slice).len), ((slice).len ? (slice).ptr : "")

PST_BEGIN_DECLS

static inline struct pst_slice pst_slice_of(const char *ptr, size_t len)
{
    struct pst_slice s = {ptr, len};
    return s;
}

static inline struct pst_slice pst_slice_str(const char *text)
{
    return pst_slice_of(text, text ? strlen(text) : 0);
}

static inline bool pst_slice_eq(struct pst_slice a, struct pst_slice b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool pst_slice_starts(struct pst_slice s, struct pst_slice prefix)
{
    return s.len >= prefix.len && (prefix.len == 0 || memcmp(s.ptr, prefix.ptr, prefix.len) == 0);
}

static inline bool pst_slice_ends(struct pst_slice s, struct pst_slice tail)
{
    return s.len >= tail.len &&
           (tail.len == 0 || memcmp(s.ptr + (s.len - tail.len), tail.ptr, tail.len) == 0);
}

/* Equality without regard to the case of ASCII letters, as field names and hosts compare. */
PST_API bool pst_slice_case_eq(struct pst_slice a, struct pst_slice b);

/* Without the spaces and tabs at both ends (RFC 9110 5.6.3 OWS). */
PST_API struct pst_slice pst_slice_trim(struct pst_slice s);

/* Reads an unsigned decimal number that fills the whole slice: digits only, no sign, no space.
 * False, leaving *ret alone, on an empty slice, another byte, or a value over 2^63-1. */
PST_API bool pst_slice_to_u64(struct pst_slice s, unsigned long long *ret);

PST_END_DECLS

#endif
