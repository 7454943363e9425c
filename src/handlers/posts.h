/* posts.h - the boxes of one store, as the handlers for writing and for reading share them. */
#ifndef PST_HANDLERS_POSTS_H
#define PST_HANDLERS_POSTS_H

#include <postern/exchange.h>
#include <postern/posts.h>

#include "handlers/box.h"

/* Constant once the server runs. */
struct pst_posts {
    struct pst_store *store;
    struct pst_posts_options options;
    struct pst_box *boxes;    /* declared, by pst_box.following */
    struct pst_box *auto_box; /* what an undeclared box takes, where options.auto_boxes; else NULL */
    char *prefix;             /* as mounted, such as "/post/"; NULL before */
};

/* The declared box of that name, or NULL. The store may hold others: made by --boxes auto, or declared
 * earlier; those are not public. */
const struct pst_box *pst_posts_find_box(const struct pst_posts *posts, struct pst_slice name);

/* ---- posting: posts_post.c ---- */

/* "POST PREFIX*". A path with a slash behind the name is handed to pst_posts_read_button(). */
int pst_posts_post_mount(struct pst_posts *posts, struct pst_server *server);
/* The page that a browser is sent to after a post: "GET PREFIX NAME/thanks", of any box, also one that is not
 * there: it says nothing of what boxes exist. */
void pst_posts_thanks(struct pst_exchange *ex, const struct pst_posts *posts, struct pst_slice name);

/* ---- reading: posts_read.c ---- */

/* "GET PREFIX*" and "DELETE PREFIX*"; posts->prefix is set. */
int pst_posts_read_mount(struct pst_posts *posts, struct pst_server *server, const char *prefix);
/* "POST PREFIX NAME/ID/delete" and whatever else has a slash behind the name: 404 where it is nothing of
 * ours. Called with the request's head only; the body is not handed on. May reply later. */
void pst_posts_read_button(struct pst_exchange *ex, struct pst_posts *posts);

#endif
