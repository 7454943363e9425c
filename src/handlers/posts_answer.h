/* posts_answer.h - what somebody is told who has posted to a box: as JSON, or as a page. */
#ifndef PST_HANDLERS_POSTS_ANSWER_H
#define PST_HANDLERS_POSTS_ANSWER_H

#include "handlers/posts.h"

/* It is stored: 201 with where it is, or 303 to next, or to the box's page of thanks where next is empty. */
void pst_posts_answer_stored(struct pst_exchange *ex, const struct pst_posts *posts, struct pst_slice name,
                             struct pst_slice next, const struct pst_submission_outcome *outcome);
/* It is not. retry_s: 0, or when another try may succeed. */
void pst_posts_answer_refused(struct pst_exchange *ex, int status, const char *reason, unsigned retry_s);

#endif
