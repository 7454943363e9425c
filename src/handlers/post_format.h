/* post_format.h - a stored post as JSON and as CSV: for the boxes' pages and for the command line alike. */
#ifndef PST_HANDLERS_POST_FORMAT_H
#define PST_HANDLERS_POST_FORMAT_H

#include <postern/http.h>
#include <postern/store.h>

/* One JSON object on one line, without a line end: {"id":7,"time":"2026-01-02T03:04:05.678Z","type":"...",
 * "fields":{"name":"value","twice":["a","b"]},"body":...,"files":[{"number":1,"name":"...","file_name":"...",
 * "type":"...","size":1,"sha256":"...","url":"..."}]}. body is there where the post has one: JSON as JSON,
 * text as a string. url only where url_prefix is not NULL: url_prefix, then "ID/files/N". with_address:
 * "address" as well. */
void pst_post_add_json(struct pst_text *t, const struct pst_post *post, const char *url_prefix,
                       bool with_address);
/* The value of "fields" alone. */
void pst_post_add_json_fields(struct pst_text *t, const struct pst_post *post);
/* Whether the post's body is JSON, by its type and by itself. */
bool pst_post_has_json(const struct pst_post *post);

/* CSV (RFC 4180, CRLF, UTF-8). names: as pst_store_field_names() gives them, PST_POST_CSV_NAMES + 1 at most,
 * which tells whether there are more; the columns are id, time, each
 * of them, body, files. A cell that a spreadsheet would take for a formula gets an apostrophe before it;
 * several values of one name, and several files, stand on lines of their own within the cell. Who posts
 * chooses the names, so only the first PST_POST_CSV_NAMES have columns; where there are more, a last column,
 * "more", has a post's other fields as a JSON object. */
enum { PST_POST_CSV_NAMES = 500 };
void pst_post_add_csv_head(struct pst_text *t, const char *names);
void pst_post_add_csv(struct pst_text *t, const struct pst_post *post, const char *names);

/* "2026-01-02T03:04:05.678Z" (RFC 3339); the years are clamped to 0 to 9999. */
enum { PST_POST_TIME_BYTES = 25 };
void pst_post_time(char dst[PST_POST_TIME_BYTES], int64_t time_ms);

#endif
