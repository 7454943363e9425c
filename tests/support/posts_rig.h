/* posts_rig.h - the boxes' handlers over a store in a folder of its own, and a peer that asks them. Failures
 * end the test. */
#ifndef PST_TESTS_POSTS_RIG_H
#define PST_TESTS_POSTS_RIG_H

#include <postern/posts.h>

#include "support/pair.h"
#include "support/store_rig.h"
#include "support/test_worker.h"

struct posts_rig {
    struct store_rig store;
    struct test_worker w;
    struct pst_posts *posts; /* at "/post/", with the boxes "open", which is public, and "shut" */
    struct pst_text answer;
};

void posts_rig_init(struct posts_rig *rig);
void posts_rig_fini(struct posts_rig *rig);

/* A connection from that address; it is closed by posts_rig_leave(). */
struct pair *posts_rig_visit(struct posts_rig *rig, const struct pair_options *options);
void posts_rig_leave(struct posts_rig *rig, struct pair *p);

/* The whole answer to a request, "GET /post/open", its body without the chunks in which it may have come.
 * fields: further ones, each with its line end; without a Host among them it is "localhost". Valid until the
 * next call. */
const char *posts_rig_ask(struct posts_rig *rig, const char *address, const char *line, const char *fields);
/* The same from this machine. */
const char *posts_rig_gets(struct posts_rig *rig, const char *target, const char *fields);
/* Of such an answer. */
int posts_rig_status(const char *answer);
const char *posts_rig_body(const char *answer);
/* The value of the first field of that name, "" where there is none; valid until the next call. */
const char *posts_rig_field(const char *answer, const char *name);

/* Stores a post with one file. */
uint64_t posts_rig_file(struct posts_rig *rig, const char *box, struct pst_slice file_name, const char *type,
                        struct pst_slice data);

#endif
