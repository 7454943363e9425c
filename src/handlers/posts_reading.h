/* posts_reading.h - one request for something of the boxes, on its way to the store and back: what is asked
 * is copied, the work is done by a job, and the answer given if there is still somebody to get it. */
#ifndef PST_HANDLERS_POSTS_READING_H
#define PST_HANDLERS_POSTS_READING_H

#include <postern/http.h>
#include <postern/job.h>

#include "handlers/posts.h"
#include "handlers/posts_page.h"
#include "handlers/posts_path.h"

struct pst_reading;

/* What is done for one kind of request. */
struct pst_reading_kind {
    /* On a thread of the pool: may block; does not touch r->ex. */
    void (*work)(struct pst_reading *r);
    /* On the worker's thread, only while the exchange is there: replies. True: r belongs to the reply now;
     * false: it is freed. */
    bool (*answer)(struct pst_reading *r);
};

struct pst_reading {
    struct pst_job job;
    struct pst_exchange *ex; /* the worker's thread only; NULL once it is over */
    const struct pst_reading_kind *kind;
    /* what is asked */
    struct pst_posts *posts;
    struct pst_posts_path path;
    struct pst_posts_query query; /* its format is settled */
    struct pst_posts_view view;
    bool is_format_said; /* by the URL, so that links to further pages say it, too */
    char name[65];       /* of the box */
    char *prefix, *origin;
    char *post_prefix; /* what stands before the ids of its posts, in URLs: "/post/NAME/" */
    /* what came of it */
    int status; /* 0: well; else of an error, with its reason */
    const char *reason;
    struct pst_text text;
    uint64_t next; /* where the next page begins; 0: there is none */
    struct {
        struct pst_post_page *page;
        const struct pst_post_file *file;
        int fd;
    } file;
    struct {
        char *names; /* the columns of CSV */
        uint64_t below, left;
        size_t sent;    /* of text */
        unsigned slice; /* posts to be read at once */
        bool is_begun, is_last, is_failed, is_running, is_closed;
    } stream;
};

/* What was checked of a request before. */
struct pst_reading_ask {
    struct pst_posts_path path;
    struct pst_posts_query query;
    bool is_local, is_public, is_format_said;
};
/* Offloads the work, and replies then; replies 503 at once when out of memory. */
void pst_reading_begin(struct pst_exchange *ex, struct pst_posts *posts, const struct pst_reading_ask *ask,
                       const struct pst_reading_kind *kind);
/* NULL is allowed. */
void pst_reading_free(struct pst_reading *r);
/* Notes an error of the store. */
void pst_reading_fail(struct pst_reading *r, int err);
void pst_reading_refuse(struct pst_reading *r, int status, const char *reason);

/* ---- replies ---- */

/* The fields that all replies have. Errors: as of pst_reply_field_ref(). */
int pst_posts_fields(struct pst_exchange *ex, bool is_public);
/* Completes the reply with text, whose memory it takes over. content_type: static. */
void pst_posts_reply(struct pst_exchange *ex, struct pst_text *text, const char *content_type,
                     bool is_public);
/* Replies an error, as a page or as JSON; format PST_POSTS_ANY: by Accept. */
void pst_posts_refuse(struct pst_exchange *ex, const struct pst_posts *posts, enum pst_posts_format format,
                      int status, const char *reason);

/* ---- kinds ---- */
extern const struct pst_reading_kind pst_reading_boxes, pst_reading_box, pst_reading_post, /* posts_list.c */
    pst_reading_export, pst_reading_file; /* posts_export.c, posts_file.c */

#endif
