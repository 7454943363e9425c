/* http.h - small pieces of HTTP that handlers need; no I/O, no state. */
#ifndef POSTERN_HTTP_H
#define POSTERN_HTTP_H

#include <stdint.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

/* The reason phrase of a status code (RFC 9110 15), such as "Not Found"; "" for one that is not registered.
 */
PST_API const char *pst_status_text(int status);

/* ---- dates: RFC 9110 5.6.7 ---- */
#define PST_HTTP_DATE_BYTES 29 /* "Sun, 06 Nov 1994 08:49:37 GMT", without a NUL */
/* Writes IMF-fixdate; unix_time is clamped to the years 0 to 9999. No NUL is added. */
PST_API void pst_http_date_write(char dst[PST_HTTP_DATE_BYTES], int64_t unix_time);
/* Reads all three forms of RFC 9110 5.6.7; a two-digit year more than 50 years after now belongs to the last
 * century. False when malformed. */
PST_API bool pst_http_date_read(struct pst_slice text, int64_t now, int64_t *ret_unix_time);

/* ---- ranges: RFC 9110 14 ---- */
enum pst_range {
    PST_RANGE_NONE, /* no Range, malformed, another unit or several ranges: send the whole with 200 */
    PST_RANGE_ONE,  /* one range that can be sent: 206 */
    PST_RANGE_UNSATISFIABLE, /* 416 */
};
/* Reads a Range field's value for a representation of size bytes. PST_RANGE_ONE gives offset and length (>=
 * 1). */
PST_API enum pst_range pst_http_range_read(struct pst_slice value, uint64_t size, uint64_t *ret_offset,
                                           uint64_t *ret_len);

/* ---- validators: RFC 9110 8.8, 13.1 ---- */
/* Whether an If-None-Match list ("*" or entity tags) matches etag by the weak comparison. etag is quoted,
 * with W/ where weak. A malformed list matches nothing beyond what was read before the flaw. */
PST_API bool pst_http_etag_weak_match(struct pst_slice list, struct pst_slice etag);
/* Whether an If-Match list matches etag by the strong comparison. */
PST_API bool pst_http_etag_strong_match(struct pst_slice list, struct pst_slice etag);

/* ---- negotiation: RFC 9110 12.5.1 ---- */
/* Which of the offered media types (such as "text/html", no parameters) an Accept field's value prefers: its
 * index; the first offered one where Accept is empty or ties; -1 where none is acceptable. More specific
 * ranges override, q weighs. */
PST_API int pst_http_accept(struct pst_slice accept, const char *const *offered, size_t count);

/* ---- media types ---- */
/* The media type for a file name by its extension (any case): from the built-in table of what the web uses,
 * else from the shared mime databases (globs2) in the XDG data directories, the first of them that knows it;
 * text types come with "; charset=utf-8". "application/octet-stream" where nothing is known. The string is
 * static. Thread-safe; the databases are read once, at the first look-up that needs them. */
PST_API const char *pst_media_type_by_name(struct pst_slice file_name);
/* type/subtype of a Content-Type value, without parameters and trimmed; empty when malformed. Compare
 * case-insensitively. */
PST_API struct pst_slice pst_media_type_essence(struct pst_slice content_type);

/* ---- text ---- */
/* A growing text in malloc'ed memory. Zero-initialise; failed says that memory ran out: all later calls do
 * nothing. */
struct pst_text {
    char *ptr;
    size_t len, cap;
    bool failed;
};
PST_API void pst_text_add(struct pst_text *t, struct pst_slice s);
PST_API void pst_text_adds(struct pst_text *t, const char *s);
PST_API void pst_text_addf(struct pst_text *t, const char *format, ...) PST_PRINTF(2, 3);
/* Escapes & < > " ' for HTML text and quoted attributes; bytes that are no UTF-8, NUL and control bytes other
 * than tab, LF and CR become U+FFFD. */
PST_API void pst_text_add_html(struct pst_text *t, struct pst_slice s);
/* A JSON string with its quotes (RFC 8259 7); bytes that are no UTF-8 become U+FFFD; < > & are escaped as
 * \u003c and so on. */
PST_API void pst_text_add_json(struct pst_text *t, struct pst_slice s);
/* Percent-encodes all but unreserved characters (RFC 3986 2.3) and, where keep_slash, "/". */
PST_API void pst_text_add_percent(struct pst_text *t, struct pst_slice s, bool keep_slash);
PST_API void pst_text_free(struct pst_text *t);

/* ---- urlencoded forms: the WHATWG URL standard's parser ---- */
struct pst_form_field {
    struct pst_slice name, value; /* decoded: "+" is a space, %XX a byte; no charset is checked */
};
/* Walks "a=1&b=2" (a posted body or a query). Zero-initialise rest with the text; each call gives the next
 * field, decoding into scratch, which must hold at least as many bytes as the whole text, and advances both.
 * False at the end. Empty pieces ("&&") are skipped; a malformed % stays as it is, as browsers do. */
PST_API bool pst_urlencoded_next(struct pst_slice *rest, char **scratch, struct pst_form_field *ret_field);

PST_END_DECLS

#endif
