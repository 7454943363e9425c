/* static_conditions.h - what a request's preconditions and range ask of one representation (RFC 9110 13, 14).
, and the head of the
 * reply that follows from it. */
#ifndef PST_HANDLERS_STATIC_CONDITIONS_H
#define PST_HANDLERS_STATIC_CONDITIONS_H

#include <stdint.h>

#include <postern/exchange.h>
#include <postern/slice.h>

enum pst_static_verdict {
    PST_STATIC_WHOLE,         /* 200 */
    PST_STATIC_PART,          /* 206 */
    PST_STATIC_NOT_MODIFIED,  /* 304 */
    PST_STATIC_FAILED,        /* 412 */
    PST_STATIC_UNSATISFIABLE, /* 416 */
};

/* The request's fields that matter here: how many of each, and the first one's value. */
enum pst_static_condition {
    PST_STATIC_IF_MATCH,
    PST_STATIC_IF_NONE_MATCH,
    PST_STATIC_IF_MODIFIED_SINCE,
    PST_STATIC_IF_UNMODIFIED_SINCE,
    PST_STATIC_IF_RANGE,
    PST_STATIC_RANGE,
    PST_STATIC_CONDITIONS
};
struct pst_static_conditions {
    bool any;
    unsigned count[PST_STATIC_CONDITIONS];
    struct pst_slice first[PST_STATIC_CONDITIONS];
};

/* One walk over the fields, as most requests have none of them. */
void pst_static_conditions_read(const struct pst_exchange *ex, struct pst_static_conditions *ret_conditions);

/* The representation that the request asks for. */
struct pst_static_target {
    struct pst_slice etag; /* strong */
    int64_t modified;      /* seconds since 1970 */
    uint64_t size;
};

/* Judges in the order of RFC 9110 13.2.2. *ret_offset and *ret_len: what to send for WHOLE and PART. */
enum pst_static_verdict pst_static_judge(const struct pst_exchange *ex,
                                         const struct pst_static_conditions *conditions,
                                         const struct pst_static_target *target, uint64_t *ret_offset,
                                         uint64_t *ret_len);

/* What a reply says of a representation; each 0 or an error. */
struct pst_static_fields {
    int (*validators)(struct pst_exchange *ex, const void *arg); /* also of a 304 */
    int (*all)(struct pst_exchange *ex, const void *arg);        /* with the validators */
    const void *arg;
};

/* Everything but the bytes. True where bytes are to follow, *ret_len of them from *ret_offset on; false when
 * the reply is complete, or was given up. */
bool pst_static_begin(struct pst_exchange *ex, const struct pst_static_target *target,
                      const struct pst_static_fields *fields, uint64_t *ret_offset, uint64_t *ret_len);

#endif
