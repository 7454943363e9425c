/* field_set.c - fields that many replies have in common: see postern/exchange.h. */
#include <stdlib.h>
#include <string.h>

#include "http/exchange.h"

static char *put(char *at, struct pst_slice text)
{
    if (text.len)
        memcpy(at, text.ptr, text.len);
    return at + text.len;
}

int pst_field_set_new(struct pst_field_set **ret_set, const struct pst_field *fields, size_t count)
{
    size_t bytes = 0;
    for (size_t i = 0; i < count; i++) {
        if (!pst_reply_may_have(fields[i].name, fields[i].value))
            return PST_E_INVAL;
        bytes += fields[i].name.len + fields[i].value.len + sizeof(": \r\n") - 1;
    }
    struct pst_field_set *set = malloc(sizeof(*set) + count * sizeof(set->fields[0]) + bytes);
    if (!set)
        return PST_E_NOMEM;
    char *at = (char *)&set->fields[count];
    set->text = pst_slice_of(at, bytes);
    set->count = count;
    for (size_t i = 0; i < count; i++) {
        set->fields[i].name = pst_slice_of(at, fields[i].name.len);
        at = put(put(at, fields[i].name), PST_SLICE(": "));
        set->fields[i].value = pst_slice_of(at, fields[i].value.len);
        at = put(put(at, fields[i].value), PST_SLICE("\r\n"));
    }
    *ret_set = set;
    return 0;
}

void pst_field_set_free(struct pst_field_set *set)
{
    free(set);
}
