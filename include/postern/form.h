/* form.h - what browsers post: application/x-www-form-urlencoded and multipart/form-data, as a stream of
 * parts in constant memory, or collected.
 *
 * RFC 7578 (multipart/form-data), RFC 2046 5.1 (multipart syntax), the WHATWG URL standard (urlencoded). */
#ifndef POSTERN_FORM_H
#define POSTERN_FORM_H

#include <stdbool.h>

#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/limits.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

/* One field, or one file. Slices are valid during on_begin only. */
struct pst_form_part {
    struct pst_slice name;      /* decoded; bytes as they came: see pst_form_text() */
    struct pst_slice file_name; /* as the client says it, decoded: data, never a path; may be empty */
    struct pst_slice type;      /* the part's own Content-Type field, or empty */
    bool is_file;           /* it has a file name, maybe an empty one (a file input that was left empty) */
    bool is_file_name_utf8; /* it came as filename*: UTF-8, whatever the form's charset is */
};

/* Called in the order of the body; none may be NULL. 0 goes on; anything else ends the reading, and
 * pst_form_feed() returns it.
 */
struct pst_form_events {
    int (*on_begin)(void *arg, const struct pst_form_part *part);
    int (*on_data)(void *arg, const char *data, size_t len); /* any number of times, len > 0 */
    int (*on_end)(void *arg);
};

struct pst_form;

/* A reader for a body of this Content-Type. limits (form_*, part_head_bytes) are copied. arg is given to the
 * events. Errors: PST_E_UNSUPPORTED, neither of the two media types; PST_E_SYNTAX, multipart without a proper
 * boundary (RFC 2046 5.1.1: 1 to 70 bytes of its alphabet, no space at the end); PST_E_NOMEM. */
PST_API int pst_form_new(struct pst_form **ret_form, struct pst_slice content_type,
                         const struct pst_limits *limits, const struct pst_form_events *events, void *arg);
/* NULL is allowed. */
PST_API void pst_form_free(struct pst_form *form);

/* The next bytes of the body, cut anywhere. Errors: PST_E_SYNTAX (400), PST_E_LIMIT (413), PST_E_NOMEM, or
 * what an event returned; the reader only repeats it then. */
PST_API int pst_form_feed(struct pst_form *form, const char *data, size_t len);
/* The body has ended. Errors: as above; PST_E_SYNTAX where it ended before its last delimiter. */
PST_API int pst_form_finish(struct pst_form *form);
/* What was wrong, for a person, such as "a file is larger than form_file_bytes (1048576)"; "" where nothing
 * was. Lives as long as the form. Never holds bytes of the body. */
PST_API const char *pst_form_why(const struct pst_form *form);
/* The status that answers an error of these functions: 400, 413, 415 or 503. */
PST_API int pst_form_status(int err);

/* ---- text ----
 * Appends bytes of the charset (as a _charset_ field or a part's Content-Type names it; empty: utf-8) to t as
 * UTF-8. Known are the names of the WHATWG's Encoding Standard, but for UTF-16, which no form is sent in; as
 * there, iso-8859-1 and us-ascii mean windows-1252. What is no text in the charset becomes U+FFFD; of a
 * charset that is not known (or not installed with the C library), each byte over 0x7f does. Memory that runs
 * out shows in t->failed. */
struct pst_text;
PST_API void pst_form_text(struct pst_text *t, struct pst_slice bytes, struct pst_slice charset);

/* ---- collected ----
 * For handlers that take the body whole: all of a form at once, in the exchange's own memory. */
struct pst_form_entry {
    struct pst_form_part part; /* here its slices live as long as the exchange, and are all UTF-8 */
    struct pst_slice value;    /* of a field: as UTF-8; of a file: its bytes, within the body */
};
struct pst_form_data {
    const struct pst_form_entry *entries; /* in the order of the body; _charset_ is not among them */
    size_t count;
    const char *why; /* after an error: see pst_form_why() */
};
/* Reads pst_exchange_body() by the request's Content-Type. The charset is what the first _charset_ field says
 * wherever it stands, or the charset of the part itself where it is text/plain. Errors: as of pst_form_new()
 * and pst_form_feed(). */
PST_API int pst_form_read(struct pst_exchange *ex, struct pst_form_data *ret_data);
/* The value of the first entry of that name; false, with *ret_value empty, where there is none. */
PST_API bool pst_form_value(const struct pst_form_data *data, const char *name, struct pst_slice *ret_value);

PST_END_DECLS

#endif
