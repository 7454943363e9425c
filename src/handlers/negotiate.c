/* negotiate.c - which of several representations a request prefers. */
#include "handlers/negotiate.h"

#include <postern/http.h>

int pst_negotiate(struct pst_exchange *ex, const char *const *offered, size_t count)
{
    struct pst_slice all = PST_SLICE("");
    size_t n = pst_exchange_field_count(ex);
    for (size_t i = 0; i < n && all.ptr; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        if (!pst_slice_case_eq(field.name, PST_SLICE("Accept")) || field.value.len == 0)
            continue;
        all = all.len == 0 ? field.value
                           : pst_exchange_printf(ex, "%.*s, %.*s", PST_FMT(all), PST_FMT(field.value));
    }
    return all.ptr ? pst_http_accept(all, offered, count) : -1;
}
