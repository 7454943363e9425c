/* json.h - JSON (RFC 8259): checking and walking a text, and writing one.
 *
 * Strict: UTF-8 without a byte order mark, no comments, no trailing commas, nothing behind the value. A name
 * may occur twice in an object (RFC 8259 4): a walk meets both. */
#ifndef POSTERN_JSON_H
#define POSTERN_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/http.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

/* ---- reading ---- */

enum pst_json_kind {
    PST_JSON_NULL,
    PST_JSON_FALSE,
    PST_JSON_TRUE,
    PST_JSON_NUMBER,
    PST_JSON_STRING,
    PST_JSON_ARRAY,
    PST_JSON_OBJECT
};

/* Whether text is one whole JSON value, nested at most max_depth deep (an empty array counts 1). Needs no
 * memory but one bit a level; max_depth is at most 1024. *ret_offset (may be NULL) is set on errors: so many
 * bytes were right, a right text could have gone on behind them. Errors: PST_E_SYNTAX; PST_E_LIMIT, nested
 * too deeply; PST_E_INVAL, max_depth. */
PST_API int pst_json_check(struct pst_slice text, unsigned max_depth, size_t *ret_offset);

/* One value of a text that pst_json_check() has passed. */
struct pst_json_value {
    enum pst_json_kind kind;
    struct pst_slice raw; /* the value's own text, without blanks around it */
};
PST_API struct pst_json_value pst_json_root(struct pst_slice checked_text);

/* Walks the members of an object or the items of an array: zero-initialise, call until false. */
struct pst_json_walk {
    struct pst_slice rest; /* private */
    bool is_begun;         /* private */
    struct pst_slice name; /* of an object's member: raw, with its quotes; empty in an array */
    struct pst_json_value value;
};
PST_API bool pst_json_next(struct pst_json_value container, struct pst_json_walk *walk);

/* Appends what a raw string (with its quotes) stands for, as UTF-8; a lone surrogate gives U+FFFD. */
PST_API void pst_json_decode(struct pst_text *t, struct pst_slice raw_string);
/* Whether a raw string stands for exactly these bytes. */
PST_API bool pst_json_is(struct pst_slice raw_string, const char *text);

/* ---- writing ----
 * Commas and quotes come by themselves. Zero-initialise; out of memory shows in text.failed, and all later
 * calls do nothing then. The calls have to be balanced; that is checked by assert in debug builds only. */
struct pst_json {
    struct pst_text text;
    unsigned depth;                /* private */
    uint64_t has_items, is_object; /* private: a bit a level; so at most 64 levels */
    bool is_after_name;            /* private */
};
PST_API void pst_json_object(struct pst_json *json);
PST_API void pst_json_array(struct pst_json *json);
/* Ends the innermost object or array: give the same bracket that it began with. */
PST_API void pst_json_end_object(struct pst_json *json);
PST_API void pst_json_end_array(struct pst_json *json);
/* A member's name; its value is what is written next. */
PST_API void pst_json_name(struct pst_json *json, const char *name);
PST_API void pst_json_string(struct pst_json *json, struct pst_slice value);
PST_API void pst_json_int(struct pst_json *json, int64_t value);
PST_API void pst_json_uint(struct pst_json *json, uint64_t value);
PST_API void pst_json_bool(struct pst_json *json, bool value);
PST_API void pst_json_null(struct pst_json *json);
/* A value that is JSON already and has been checked. */
PST_API void pst_json_raw(struct pst_json *json, struct pst_slice value);
PST_API void pst_json_free(struct pst_json *json);

/* Completes the reply with what was written, as application/json with nosniff; frees json's text in any case.
 * The status is what pst_reply_status() set. Errors: as of pst_reply_copy(). */
PST_API int pst_reply_json(struct pst_exchange *ex, struct pst_json *json);
/* The reply for a client that asked for JSON and did something wrong: {"error": status, "reason": text};
 * status is 400 to 599, reason may be NULL. As of pst_reply_error(), fields that describe a body are dropped,
 * and without memory the status alone goes out. */
PST_API int pst_reply_json_error(struct pst_exchange *ex, int status, const char *reason);

PST_END_DECLS

#endif
