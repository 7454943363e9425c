/* submission_key.c - see submission_key.h. */
#include "handlers/submission_key.h"

static bool add(struct pst_submission_key *key, char c)
{
    if (c < ' ' || c > '~' || key->len == sizeof key->text)
        return false;
    key->text[key->len++] = c;
    return true;
}

bool pst_submission_key_take(struct pst_slice text, struct pst_submission_key *ret_key)
{
    ret_key->len = 0;
    for (size_t i = 0; i < text.len; i++) {
        if (!add(ret_key, text.ptr[i]))
            return false;
    }
    return true;
}

/* Behind the first quote. RFC 8941 3.3.3; what follows the last quote may be parameters (3.1.2), which mean
 * nothing here. */
static bool read_quoted(struct pst_slice s, struct pst_submission_key *key)
{
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        if (c == '"')
            return key->len > 0 && (i + 1 == s.len || s.ptr[i + 1] == ';');
        if (c == '\\') {
            if (++i == s.len || (s.ptr[i] != '"' && s.ptr[i] != '\\'))
                return false;
            c = s.ptr[i];
        }
        if (!add(key, c))
            return false;
    }
    return false;
}

bool pst_submission_key_read(struct pst_slice value, struct pst_submission_key *ret_key)
{
    ret_key->len = 0;
    if (value.len > 0 && value.ptr[0] == '"')
        return read_quoted(pst_slice_of(value.ptr + 1, value.len - 1), ret_key);
    for (size_t i = 0; i < value.len; i++) {
        if (strchr(" \",;", value.ptr[i]) || !add(ret_key, value.ptr[i]))
            return false;
    }
    return ret_key->len > 0;
}
