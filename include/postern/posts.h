/* posts.h - handlers over a store: boxes that take posts from any page, and a message board. */
#ifndef POSTERN_POSTS_H
#define POSTERN_POSTS_H

#include <stdbool.h>

#include <postern/err.h>
#include <postern/export.h>
#include <postern/server.h>
#include <postern/store.h>

PST_BEGIN_DECLS

/* clang-format off */
/* ---- boxes ----
 *   POST   PREFIX NAME              stores a submission
 *   GET    PREFIX NAME/thanks       where a browser is sent then
 *   GET    PREFIX                   all boxes              on this machine only
 *   GET    PREFIX NAME              newest first, paged    on this machine, and everywhere where the box is public
 *   GET    PREFIX NAME/ID           one post               likewise
 *   GET    PREFIX NAME/ID/files/N   one of its files       likewise
 *   DELETE PREFIX NAME/ID           removes it             on this machine only
 *   POST   PREFIX NAME/ID/delete    the same, for a page's button */
/* clang-format on */
struct pst_posts;
struct pst_posts_options {
    bool auto_boxes;      /* a post from this machine to a box that was not declared makes it (names:
                             pst_box_name_is_valid()) */
    const char *reserved; /* a box that is not made so, since another handler posts to it by rules of its own:
                             a message board's; NULL: none */
};
/* options may be NULL. store outlives posts; NULL where declarations are only to be checked, and nothing is
 * mounted. Errors: PST_E_NOMEM. */
PST_API int pst_posts_new(struct pst_posts **ret_posts, struct pst_store *store,
                          const struct pst_posts_options *options);
/* Only after the server that uses it was freed; NULL is allowed. */
PST_API void pst_posts_free(struct pst_posts *posts);
/* Declares a box: "NAME[:option[,option]...]", as the program's --box takes it (the README lists the
 * options). why (at least 256 bytes) says in one line what is wrong. Errors: PST_E_SYNTAX, PST_E_RANGE,
 * PST_E_EXISTS, PST_E_NOMEM, PST_E_SYSTEM. */
PST_API int pst_posts_box(struct pst_posts *posts, const char *spec, char *why, size_t why_size);
/* prefix begins and ends with "/", as "/post/"; one prefix for one pst_posts. Errors: as of
 * pst_server_route(). */
PST_API int pst_posts_mount(struct pst_posts *posts, struct pst_server *server, const char *prefix);

/* ---- the message board ----
 * A page at PATH, with a form; posts go to a box of the store. */
struct pst_board;
struct pst_board_options {
    const char *box;   /* NULL: "board" */
    const char *title; /* NULL: "Message board" */
    bool no_pictures;
    unsigned page_posts;       /* messages a page; 0: 50, at most 200 */
    uint64_t picture_bytes;    /* largest picture; 0: 10 MiB */
    unsigned posts_per_minute; /* of one address (of one /64 with IPv6), after a burst of twice that; 0: 6 */
};
/* options may be NULL. store outlives the board. Errors: PST_E_NOMEM, PST_E_INVAL, PST_E_LIMIT, PST_E_SYSTEM.
 */
PST_API int pst_board_new(struct pst_board **ret_board, struct pst_store *store,
                          const struct pst_board_options *options);
/* Only after the server that uses it was freed, before the store is closed; NULL is allowed. */
PST_API void pst_board_free(struct pst_board *board);
/* path: where the page is, such as "/board"; what belongs to it lies below. Errors: as of pst_server_route().
 */
PST_API int pst_board_mount(struct pst_board *board, struct pst_server *server, const char *path);

PST_END_DECLS

#endif
