/* fields.c - see fields.h. */
#include "store/fields.h"

static void add_piece(struct pst_text *fields, struct pst_slice s)
{
    char len[10]; /* 64 bits, seven a byte */
    size_t n = 0, rest = s.len;
    do {
        len[n++] = (char)((rest & 0x7f) | (rest > 0x7f ? 0x80 : 0));
        rest >>= 7;
    } while (rest);
    pst_text_add(fields, pst_slice_of(len, n));
    pst_text_add(fields, s);
}

void pst_fields_add(struct pst_text *fields, struct pst_slice name, struct pst_slice value)
{
    add_piece(fields, name);
    add_piece(fields, value);
}

static bool take_piece(struct pst_slice *rest, struct pst_slice *ret_piece)
{
    uint64_t len = 0;
    for (unsigned shift = 0; shift < 63 && rest->len; shift += 7) {
        unsigned char c = (unsigned char)*rest->ptr++;
        rest->len--;
        len |= (uint64_t)(c & 0x7f) << shift;
        if (c & 0x80)
            continue;
        if (len > rest->len)
            return false;
        *ret_piece = pst_slice_of(rest->ptr, (size_t)len);
        rest->ptr += len;
        rest->len -= (size_t)len;
        return true;
    }
    return false;
}

int pst_fields_next(struct pst_slice *rest, struct pst_post_field *ret_field)
{
    if (rest->len == 0)
        return 0;
    return take_piece(rest, &ret_field->name) && take_piece(rest, &ret_field->value) ? 1 : PST_E_SYNTAX;
}
