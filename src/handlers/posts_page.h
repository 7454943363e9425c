/* posts_page.h - the boxes' HTML pages. Knows posts, but nothing of exchanges, and does not block.
 *
 * Everything that somebody posted is escaped; the pages have neither scripts nor styles of their own, and
 * PST_POSTS_POLICY forbids them. */
#ifndef PST_HANDLERS_POSTS_PAGE_H
#define PST_HANDLERS_POSTS_PAGE_H

#include <postern/http.h>
#include <postern/store.h>

#include "handlers/box.h"

#define PST_POSTS_POLICY                                                                                     \
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "            \
    "frame-ancestors 'none'"

/* The asset that all pages name as their style sheet. */
#define PST_POSTS_SHEET "posts.css"

/* For whom a page is, and of what. */
struct pst_posts_view {
    const char *prefix;          /* as it stands in URLs: "/post/" */
    const char *box;             /* NULL: of none */
    const struct pst_box *rules; /* of a declared box, else NULL */
    const char *origin;          /* how the visitor calls this site: "http://localhost:8080" */
    bool is_local;               /* the person at this machine: sees addresses, and may delete */
    bool is_public;              /* anybody may read the box */
};

/* From the doctype to the heading, and the rest. */
void pst_posts_page_begin(struct pst_text *t, const struct pst_posts_view *view, const char *title);
void pst_posts_page_end(struct pst_text *t);

/* A box: what stands above its posts; a post; and what stands below: next is the id for "older posts", 0:
 * there are none. limit: posts a page, 0: as usual. */
void pst_posts_page_box(struct pst_text *t, const struct pst_posts_view *view, uint64_t count);
void pst_posts_page_post(struct pst_text *t, const struct pst_posts_view *view, const struct pst_post *post,
                         bool is_alone);
void pst_posts_page_pager(struct pst_text *t, const struct pst_posts_view *view, bool is_first, uint64_t next,
                          uint64_t limit);
/* How to post to the box, for the person who serves it. */
void pst_posts_page_how(struct pst_text *t, const struct pst_posts_view *view);

/* The table of all boxes: its begin, a row, its end; and what stands there instead where there are none. */
void pst_posts_page_boxes(struct pst_text *t);
void pst_posts_page_boxes_row(struct pst_text *t, const struct pst_posts_view *view,
                              const struct pst_box_info *box, bool is_public);
void pst_posts_page_boxes_end(struct pst_text *t);
void pst_posts_page_no_boxes(struct pst_text *t, const struct pst_posts_view *view, bool makes_boxes);

/* A whole page that says why there is nothing else. */
void pst_posts_page_refusal(struct pst_text *t, const struct pst_posts_view *view, int status,
                            const char *reason);

#endif
