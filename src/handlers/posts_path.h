/* posts_path.h - what a URL below the boxes' prefix asks for. Knows nothing of exchanges and stores. */
#ifndef PST_HANDLERS_POSTS_PATH_H
#define PST_HANDLERS_POSTS_PATH_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/slice.h>

enum pst_posts_what {
    PST_POSTS_NOTHING, /* nothing that could be here */
    PST_POSTS_BOXES,   /* "" */
    PST_POSTS_BOX,     /* NAME */
    PST_POSTS_POST,    /* NAME/ID */
    PST_POSTS_FILE,    /* NAME/ID/files/N */
    PST_POSTS_DELETE,  /* NAME/ID/delete */
    PST_POSTS_THANKS,  /* NAME/thanks */
    PST_POSTS_STYLE,   /* _/style.css: no box can be called "_" */
};
#define PST_POSTS_STYLE_PATH "_/style.css"

struct pst_posts_path {
    enum pst_posts_what what;
    struct pst_slice box; /* a valid name, but for NOTHING, BOXES and STYLE; points into the path */
    uint64_t id;          /* from 1 */
    unsigned file;        /* from 1 */
};
/* rest: the decoded path behind the prefix. */
struct pst_posts_path pst_posts_path_read(struct pst_slice rest);

enum pst_posts_format {
    PST_POSTS_JSON,
    PST_POSTS_HTML,
    PST_POSTS_CSV,
    PST_POSTS_NDJSON,
    PST_POSTS_FORMATS,
    PST_POSTS_ANY = PST_POSTS_FORMATS /* not said: by Accept */
};
enum { PST_POSTS_PAGE = 50, PST_POSTS_PAGE_MAX = 200 };

struct pst_posts_query {
    enum pst_posts_format format;
    uint64_t before; /* ids below it; 0: from the newest on */
    uint64_t limit;  /* posts; 0: not said */
};
/* "?format=csv&before=7&limit=10": other names are none of ours, of several values the last counts. scratch:
 * query.len bytes. NULL, or the reason for 400. */
const char *pst_posts_query_read(struct pst_slice query, char *scratch, struct pst_posts_query *ret_query);

#endif
