/* posts_post.c - posting to a box. */
#include <stdio.h>
#include <stdlib.h>

#include "handlers/posts_answer.h"
#include <postern/access.h>

/* Behind the prefix there is a name and nothing else; what has more is for the readers' side. */
static bool is_for_box(struct pst_slice rest)
{
    return rest.len > 0 && !memchr(rest.ptr, '/', rest.len);
}

static bool is_reserved(const struct pst_posts *posts, struct pst_slice name)
{
    return posts->options.reserved && pst_slice_eq(name, pst_slice_str(posts->options.reserved));
}

/* The box as it is declared, else as undeclared ones are where they may be made; else NULL. Those are for the
 * person at this machine: neither for whoever is behind a proxy, nor for a page elsewhere whose name was made
 * to point here. */
static const struct pst_box *box_for(const struct pst_posts *posts, const struct pst_exchange *ex,
                                     struct pst_slice name)
{
    const struct pst_box *box = pst_posts_find_box(posts, name);
    bool may_make = !box && posts->auto_box && pst_box_name_is_valid(name) && !is_reserved(posts, name) &&
                    pst_access_is_local(ex);
    return may_make ? posts->auto_box : box;
}

static void refuse_unknown(struct pst_exchange *ex, const struct pst_posts *posts, struct pst_slice name)
{
    struct pst_slice reason = PST_SLICE("there is nothing here to post to");
    int status = 404;
    /* How to have it is for the person who runs the server, at this machine. */
    if (pst_access_is_local(ex)) {
        if (!pst_box_name_is_valid(name))
            reason = PST_SLICE("no box can have this name: it has 1 to 64 of a-z, 0-9, - and _, the first a "
                               "letter or digit");
        else if (posts->auto_box)
            reason =
                PST_SLICE("the messages of this box are posted on a page of its own, the message board's");
        else
            reason =
                pst_exchange_printf(ex,
                                    "there is no box %.*s: have the server started with --box %.*s, or with "
                                    "--boxes auto to have every box made by its first post",
                                    PST_FMT(name), PST_FMT(name));
    } else if (posts->auto_box && pst_box_name_is_valid(name) && !is_reserved(posts, name)) {
        status = 403;
        reason =
            PST_SLICE("boxes that were not declared take posts of this machine only, at a local address and "
                      "not through a proxy");
    }
    pst_posts_answer_refused(ex, status, reason.ptr ? reason.ptr : "there is no such box", 0);
}

static void on_outcome(struct pst_exchange *ex, const struct pst_submission_outcome *outcome, void *arg)
{
    const struct pst_posts *posts = arg;
    struct pst_slice name = pst_exchange_rest(ex);
    const struct pst_box *box = pst_posts_find_box(posts, name);
    if (outcome->status == 201)
        pst_posts_answer_stored(ex, posts, name, box ? box->next : PST_SLICE(""), outcome);
    else
        pst_posts_answer_refused(ex, outcome->status, outcome->reason, outcome->retry_s);
}

static void on_request(struct pst_exchange *ex, void *arg)
{
    struct pst_posts *posts = arg;
    struct pst_slice name = pst_exchange_rest(ex);
    if (!is_for_box(name)) {
        pst_posts_read_button(ex, posts);
        return;
    }
    const struct pst_box *box = box_for(posts, ex, name);
    if (!box) {
        refuse_unknown(ex, posts, name);
        return;
    }
    struct pst_submission_rules rules = box->rules;
    rules.box = name;
    rules.reply = on_outcome;
    rules.arg = posts;
    pst_submission_begin(ex, posts->store, &rules);
}

static void on_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    /* Others may keep something of theirs as the exchange's data. */
    if (is_for_box(pst_exchange_rest(ex)))
        pst_submission_body(ex, data, len, last, arg);
}

int pst_posts_post_mount(struct pst_posts *posts, struct pst_server *server)
{
    const struct pst_handler handler = {.on_request = on_request, .on_body = on_body, .arg = posts};
    size_t size = strlen("POST ") + strlen(posts->prefix) + strlen("*") + 1;
    char *pattern = malloc(size);
    if (!pattern)
        return PST_E_NOMEM;
    (void)snprintf(pattern, size, "POST %s*", posts->prefix);
    int err = pst_server_route(server, pattern, &handler);
    free(pattern);
    return err;
}
