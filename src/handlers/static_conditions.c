/* static_conditions.c - what a request's preconditions and range ask of one representation. */
#include "handlers/static_conditions.h"

#include <postern/http.h>

#include "handlers/page.h"

static const char *const condition_names[PST_STATIC_CONDITIONS] = {
    [PST_STATIC_IF_MATCH] = "If-Match",
    [PST_STATIC_IF_NONE_MATCH] = "If-None-Match",
    [PST_STATIC_IF_MODIFIED_SINCE] = "If-Modified-Since",
    [PST_STATIC_IF_UNMODIFIED_SINCE] = "If-Unmodified-Since",
    [PST_STATIC_IF_RANGE] = "If-Range",
    [PST_STATIC_RANGE] = "Range",
};

void pst_static_conditions_read(const struct pst_exchange *ex, struct pst_static_conditions *ret_conditions)
{
    *ret_conditions = (struct pst_static_conditions){0};
    size_t n = pst_exchange_field_count(ex);
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        /* All of the names begin with "If-" or "R". */
        char initial = field.name.len >= 5 ? (char)(field.name.ptr[0] | 0x20) : '\0';
        if (initial != 'r' && (initial != 'i' || field.name.ptr[2] != '-'))
            continue;
        for (size_t c = 0; c < PST_STATIC_CONDITIONS; c++) {
            if (!pst_slice_case_eq(field.name, pst_slice_str(condition_names[c])))
                continue;
            ret_conditions->any = true;
            if (ret_conditions->count[c]++ == 0)
                ret_conditions->first[c] = field.value;
            break;
        }
    }
}

/* RFC 9110 5.3: a list may be spread over several fields of one name. */
static bool list_matches(const struct pst_exchange *ex, const char *name, struct pst_slice etag,
                         bool (*match)(struct pst_slice list, struct pst_slice etag))
{
    size_t n = pst_exchange_field_count(ex);
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        if (pst_slice_case_eq(field.name, pst_slice_str(name)) && match(field.value, etag))
            return true;
    }
    return false;
}

/* A date that counts: RFC 9110 13.1.3 and 13.1.4 have one that is malformed or repeated ignored. */
static bool date_given(const struct pst_exchange *ex, const struct pst_static_conditions *c,
                       enum pst_static_condition which, int64_t *ret_date)
{
    return c->count[which] == 1 && pst_http_date_read(c->first[which], pst_exchange_unix_time(ex), ret_date);
}

/* RFC 9110 13.2.2, steps 1 and 2. */
static bool unchanged_as_asked(const struct pst_exchange *ex, const struct pst_static_conditions *c,
                               const struct pst_static_target *target)
{
    int64_t date = 0;
    if (c->count[PST_STATIC_IF_MATCH] > 0)
        return list_matches(ex, condition_names[PST_STATIC_IF_MATCH], target->etag,
                            pst_http_etag_strong_match);
    if (date_given(ex, c, PST_STATIC_IF_UNMODIFIED_SINCE, &date))
        return target->modified <= date;
    return true;
}

/* RFC 9110 13.2.2, steps 3 and 4. */
static bool known_already(const struct pst_exchange *ex, const struct pst_static_conditions *c,
                          const struct pst_static_target *target)
{
    int64_t date = 0;
    if (c->count[PST_STATIC_IF_NONE_MATCH] > 0)
        return list_matches(ex, condition_names[PST_STATIC_IF_NONE_MATCH], target->etag,
                            pst_http_etag_weak_match);
    if (date_given(ex, c, PST_STATIC_IF_MODIFIED_SINCE, &date))
        return target->modified <= date;
    return false;
}

/* RFC 9110 13.1.5 If-Range: one strong entity tag, or exactly the date of Last-Modified. */
static bool range_still_fits(const struct pst_exchange *ex, const struct pst_static_conditions *c,
                             const struct pst_static_target *target)
{
    int64_t date = 0;
    if (c->count[PST_STATIC_IF_RANGE] == 0)
        return true;
    if (c->count[PST_STATIC_IF_RANGE] > 1)
        return false;
    return pst_slice_eq(c->first[PST_STATIC_IF_RANGE], target->etag) ||
           (date_given(ex, c, PST_STATIC_IF_RANGE, &date) && date == target->modified);
}

enum pst_static_verdict pst_static_judge(const struct pst_exchange *ex,
                                         const struct pst_static_conditions *conditions,
                                         const struct pst_static_target *target, uint64_t *ret_offset,
                                         uint64_t *ret_len)
{
    *ret_offset = 0;
    *ret_len = target->size;
    if (!conditions->any)
        return PST_STATIC_WHOLE;
    if (!unchanged_as_asked(ex, conditions, target))
        return PST_STATIC_FAILED;
    if (known_already(ex, conditions, target))
        return PST_STATIC_NOT_MODIFIED;

    /* RFC 9110 14.2: Range means something to GET only, so HEAD describes the whole. */
    if (conditions->count[PST_STATIC_RANGE] != 1 ||
        !pst_slice_eq(pst_exchange_method(ex), PST_SLICE("GET")) || !range_still_fits(ex, conditions, target))
        return PST_STATIC_WHOLE;
    uint64_t offset = 0, len = 0;
    switch (pst_http_range_read(conditions->first[PST_STATIC_RANGE], target->size, &offset, &len)) {
    case PST_RANGE_ONE:
        *ret_offset = offset;
        *ret_len = len;
        return PST_STATIC_PART;
    case PST_RANGE_UNSATISFIABLE:
        return PST_STATIC_UNSATISFIABLE;
    case PST_RANGE_NONE:
        break;
    }
    return PST_STATIC_WHOLE;
}

bool pst_static_begin(struct pst_exchange *ex, const struct pst_static_target *target,
                      const struct pst_static_fields *fields, uint64_t *ret_offset, uint64_t *ret_len)
{
    struct pst_static_conditions conditions;
    pst_static_conditions_read(ex, &conditions);
    unsigned long long size = target->size;
    bool has_bytes = false;
    int err = 0;
    switch (pst_static_judge(ex, &conditions, target, ret_offset, ret_len)) {
    case PST_STATIC_NOT_MODIFIED:
        err = pst_reply_status(ex, 304);
        if (!err)
            err = fields->validators(ex, fields->arg);
        if (!err)
            err = pst_reply_empty(ex);
        break;
    case PST_STATIC_FAILED:
        err = pst_reply_error(ex, 412);
        break;
    case PST_STATIC_UNSATISFIABLE:
        err = pst_reply_fieldf(ex, "Content-Range", "bytes */%llu", size);
        if (!err)
            err = pst_reply_error(ex, 416);
        break;
    case PST_STATIC_PART:
        err = pst_reply_status(ex, 206);
        if (!err)
            err =
                pst_reply_fieldf(ex, "Content-Range", "bytes %llu-%llu/%llu", (unsigned long long)*ret_offset,
                                 (unsigned long long)(*ret_offset + *ret_len - 1), size);
        if (!err)
            err = fields->all(ex, fields->arg);
        has_bytes = !err;
        break;
    case PST_STATIC_WHOLE:
        err = fields->all(ex, fields->arg);
        has_bytes = !err;
        break;
    }
    if (err)
        pst_page_give_up(ex);
    return has_bytes;
}
