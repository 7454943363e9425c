/* posts_file.h - a posted file on its way back: what it is called and what it may be taken for. Both are
 * whatever its sender claimed. */
#ifndef PST_HANDLERS_POSTS_FILE_H
#define PST_HANDLERS_POSTS_FILE_H

#include <stdbool.h>

#include <postern/http.h>

/* The name that a file is offered under: the last part of a path, as UTF-8, without control characters and
 * what turns the direction of writing, no dots or blanks at its ends, at most 255 bytes, where it keeps its
 * extension; "file" where nothing is left. */
void pst_posts_add_offered_name(struct pst_text *t, struct pst_slice file_name);

/* The value of Content-Disposition (RFC 6266), always as an attachment: filename in ASCII for old clients,
 * and filename* (RFC 8187). */
void pst_posts_add_disposition(struct pst_text *t, struct pst_slice file_name);

/* The claimed type where a browser can do nothing but show or play it, else application/octet-stream. */
const char *pst_posts_safe_type(struct pst_slice claimed);
/* Whether it is one that <img> shows. */
bool pst_posts_type_is_picture(struct pst_slice claimed);

#endif
