/* posts.c - the boxes of one store: making them, declaring them, finding them. */
#include "handlers/posts.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

static int make_auto_box(struct pst_posts *posts)
{
    char why[256];
    int err = pst_box_parse(&posts->auto_box, "auto:files", why, sizeof why);
    if (err)
        return err;
    /* As many as limits.form_files lets through. */
    posts->auto_box->rules.max_files = UINT_MAX;
    posts->auto_box->rules.may_make_box = true;
    return 0;
}

int pst_posts_new(struct pst_posts **ret_posts, struct pst_store *store,
                  const struct pst_posts_options *options)
{
    *ret_posts = NULL;
    struct pst_posts *posts = calloc(1, sizeof(*posts));
    if (!posts)
        return PST_E_NOMEM;
    posts->store = store;
    if (options)
        posts->options = *options;
    int err = posts->options.auto_boxes ? make_auto_box(posts) : 0;
    if (err) {
        pst_posts_free(posts);
        return err;
    }
    *ret_posts = posts;
    return 0;
}

void pst_posts_free(struct pst_posts *posts)
{
    if (!posts)
        return;
    while (posts->boxes) {
        struct pst_box *box = posts->boxes;
        posts->boxes = box->following;
        pst_box_free(box);
    }
    pst_box_free(posts->auto_box);
    free(posts->prefix);
    free(posts);
}

const struct pst_box *pst_posts_find_box(const struct pst_posts *posts, struct pst_slice name)
{
    const struct pst_box *box = posts->boxes;
    while (box && !pst_slice_eq(box->name, name))
        box = box->following;
    return box;
}

int pst_posts_box(struct pst_posts *posts, const char *spec, char *why, size_t why_size)
{
    struct pst_box *box, **at = &posts->boxes;
    int err = pst_box_parse(&box, spec, why, why_size);
    if (err)
        return err;
    if (pst_posts_find_box(posts, box->name)) {
        (void)snprintf(why, why_size, "the box %.*s is declared twice", PST_FMT(box->name));
        pst_box_free(box);
        return PST_E_EXISTS;
    }
    box->rules.may_make_box = box->rules.is_declared = true;
    while (*at)
        at = &(*at)->following;
    *at = box;
    return 0;
}

int pst_posts_mount(struct pst_posts *posts, struct pst_server *server, const char *prefix)
{
    size_t len = strlen(prefix);
    if (len == 0 || prefix[0] != '/' || prefix[len - 1] != '/')
        return PST_E_SYNTAX;
    /* Pages and answers name the place, so there is one. */
    if (posts->prefix && strcmp(posts->prefix, prefix) != 0)
        return PST_E_EXISTS;
    if (!posts->prefix) {
        posts->prefix = malloc(len + 1);
        if (!posts->prefix)
            return PST_E_NOMEM;
        memcpy(posts->prefix, prefix, len + 1);
    }
    int err = pst_posts_post_mount(posts, server);
    return err ? err : pst_posts_read_mount(posts, server, prefix);
}
