/* board_internal.h - what the files of the message board share. */
#ifndef PST_HANDLERS_BOARD_INTERNAL_H
#define PST_HANDLERS_BOARD_INTERNAL_H

#include <stdlib.h>

#include <postern/job.h>
#include <postern/posts.h>

#include "handlers/board_cache.h"
#include "handlers/board_live.h"
#include "handlers/board_page.h"
#include "handlers/submission.h"

struct pst_board {
    struct pst_store *store;
    struct pst_slice box;
    char *box_text, *title, *base; /* base: NULL until it is mounted */
    struct pst_board_source source;
    struct pst_rate *rate;
    struct pst_board_cache *cache;
    struct pst_board_live *live;
    struct pst_submission_rules rules;
};

/* Work off the loop for an exchange that may end meanwhile: what the structs of such work begin with. */
struct pst_board_task {
    struct pst_job job;
    struct pst_board *board;
    struct pst_exchange *ex; /* NULL once it is over */
};

/* Memory for a task of size bytes, zeroed but for board and ex; replies itself and returns NULL where there
 * is none. */
void *pst_board_task_new(struct pst_board *board, struct pst_exchange *ex, size_t size);
/* In done: the exchange does not know of the task any more. */
struct pst_exchange *pst_board_task_end(struct pst_board_task *task);

/* Replies with a page of the board, now or later. draft (may be NULL) as in pst_board_page_compose(); its
 * slices live as long as the exchange. */
void pst_board_reply_page(struct pst_board *board, struct pst_exchange *ex,
                          const struct pst_board_place *place, int status,
                          const struct pst_board_draft *draft);
/* GET of what lies below the page. */
void pst_board_reply_picture(struct pst_board *board, struct pst_exchange *ex, uint64_t id);
/* POST of a page's button. */
void pst_board_remove(struct pst_board *board, struct pst_exchange *ex, uint64_t id);

/* The media type of a picture that a board takes, by its first bytes, whatever it is called; NULL for
 * anything else, SVG included, which may hold scripts. */
const char *pst_board_picture_type(const char *head, size_t len);

#endif
