/* form_urlencoded.c - application/x-www-form-urlencoded, as the WHATWG URL standard parses it (section 5.1).
 * What browsers send is what counts here; it has no errors, only bytes that stay as they are. */
#include <postern/http.h>

#include "http/ctype.h"

/* Decodes s to *scratch, which moves on; never longer than s. */
static struct pst_slice decode(struct pst_slice s, char **scratch)
{
    char *out = *scratch;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '+') {
            c = ' ';
        } else if (c == '%' && s.len - i > 2) {
            int high = pst_hex_value((unsigned char)s.ptr[i + 1]);
            int low = pst_hex_value((unsigned char)s.ptr[i + 2]);
            if (high >= 0 && low >= 0) {
                c = (char)(high * 16 + low);
                i += 2;
            }
        }
        *out++ = c;
    }
    struct pst_slice decoded = pst_slice_of(*scratch, (size_t)(out - *scratch));
    *scratch = out;
    return decoded;
}

bool pst_urlencoded_next(struct pst_slice *rest, char **scratch, struct pst_form_field *ret_field)
{
    while (rest->len > 0) {
        const char *amp = memchr(rest->ptr, '&', rest->len);
        struct pst_slice piece = pst_slice_of(rest->ptr, amp ? (size_t)(amp - rest->ptr) : rest->len);
        size_t taken = amp ? piece.len + 1 : piece.len;
        *rest = pst_slice_of(rest->ptr + taken, rest->len - taken);
        if (piece.len == 0)
            continue;

        const char *equals = memchr(piece.ptr, '=', piece.len);
        size_t name_len = equals ? (size_t)(equals - piece.ptr) : piece.len;
        size_t value_at = equals ? name_len + 1 : piece.len;
        ret_field->name = decode(pst_slice_of(piece.ptr, name_len), scratch);
        ret_field->value = decode(pst_slice_of(piece.ptr + value_at, piece.len - value_at), scratch);
        return true;
    }
    return false;
}
