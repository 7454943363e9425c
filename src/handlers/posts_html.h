/* posts_html.h - small pieces of HTML that the boxes' pages are made of. */
#ifndef PST_HANDLERS_POSTS_HTML_H
#define PST_HANDLERS_POSTS_HTML_H

#include <postern/http.h>

struct pst_posts_view;

/* A string, escaped. */
void pst_html_adds(struct pst_text *t, const char *s);
/* The URL of the view's box, or of all. */
void pst_html_add_url(struct pst_text *t, const struct pst_posts_view *view);
void pst_html_add_time(struct pst_text *t, int64_t time_ms);
/* "5 bytes", "1.5 MiB". */
void pst_html_add_size(struct pst_text *t, uint64_t bytes);
/* JSON, which has been checked, over several lines and indented, escaped. */
void pst_html_add_json(struct pst_text *t, struct pst_slice json);

#endif
