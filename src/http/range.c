/* range.c - the Range field: RFC 9110 14.1.2 Byte Ranges, 14.2 Range. */
#include <postern/http.h>

#include "http/ctype.h"

/* Takes the digits at the start of *s. RFC 9110 14.1.1: numbers too large for us are to be expected; they
 * mean "beyond the end", as the largest of ours does. False where there is no digit. */
static bool take_number(struct pst_slice *s, uint64_t *ret)
{
    uint64_t value = 0;
    size_t i = 0;
    for (; i < s->len && pst_is_digit((unsigned char)s->ptr[i]); i++) {
        unsigned digit = (unsigned)(s->ptr[i] - '0');
        value = value > (UINT64_MAX - digit) / 10 ? UINT64_MAX : value * 10 + digit;
    }
    *s = pst_slice_of(s->ptr + i, s->len - i);
    *ret = value;
    return i > 0;
}

/* suffix-range = "-" suffix-length; s is what follows the "-". */
static enum pst_range read_suffix(struct pst_slice s, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len)
{
    uint64_t suffix;
    if (!take_number(&s, &suffix) || s.len != 0)
        return PST_RANGE_NONE;
    if (suffix == 0)
        return PST_RANGE_UNSATISFIABLE;
    /* The last bytes of nothing: satisfiable by the RFC, but no Content-Range can name it. */
    if (size == 0)
        return PST_RANGE_NONE;
    *ret_len = suffix < size ? suffix : size;
    *ret_offset = size - *ret_len;
    return PST_RANGE_ONE;
}

/* int-range = first-pos "-" [ last-pos ] */
static enum pst_range read_spec(struct pst_slice s, uint64_t size, uint64_t *ret_offset, uint64_t *ret_len)
{
    uint64_t first, last = UINT64_MAX;
    if (s.ptr[0] == '-')
        return read_suffix(pst_slice_of(s.ptr + 1, s.len - 1), size, ret_offset, ret_len);
    if (!take_number(&s, &first) || s.len == 0 || s.ptr[0] != '-')
        return PST_RANGE_NONE;
    s = pst_slice_of(s.ptr + 1, s.len - 1);
    if (s.len > 0 && (!take_number(&s, &last) || s.len != 0 || last < first))
        return PST_RANGE_NONE;
    if (first >= size)
        return PST_RANGE_UNSATISFIABLE;
    *ret_offset = first;
    *ret_len = (last < size ? last : size - 1) - first + 1;
    return PST_RANGE_ONE;
}

enum pst_range pst_http_range_read(struct pst_slice value, uint64_t size, uint64_t *ret_offset,
                                   uint64_t *ret_len)
{
    const struct pst_slice unit = PST_SLICE("bytes=");
    value = pst_slice_trim(value);
    if (value.len < unit.len || !pst_slice_case_eq(pst_slice_of(value.ptr, unit.len), unit))
        return PST_RANGE_NONE;
    struct pst_slice rest = pst_slice_of(value.ptr + unit.len, value.len - unit.len);

    /* RFC 9110 5.6.1.2: a list may hold empty elements; what counts is that one, and one only, is not. */
    struct pst_slice spec = {0};
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        size_t len = comma ? (size_t)(comma - rest.ptr) : rest.len;
        struct pst_slice element = pst_slice_trim(pst_slice_of(rest.ptr, len));
        size_t taken = comma ? len + 1 : len;
        rest = pst_slice_of(rest.ptr + taken, rest.len - taken);
        if (element.len == 0)
            continue;
        if (spec.len != 0)
            return PST_RANGE_NONE;
        spec = element;
    }
    return spec.len == 0 ? PST_RANGE_NONE : read_spec(spec, size, ret_offset, ret_len);
}
