/* board_live.h - tells the readers of a board what happens, as server-sent events, and who connects again
 * what was missed.
 *
 *   message   {"id":7,"html":"<li>..."}    a new message, as it stands in the list
 *   removed   {"id":7}
 *   reload                                 more has happened than can be told: read the page again
 *
 * Each event has a position, "RUN-NUMBER": RUN is new whenever a server starts, so that a position of another
 * life is known as such. The last PST_BOARD_RECENT events are kept. A page says at which position it was
 * read, so between a page and its events nothing is lost; what comes twice is known by its id. */
#ifndef PST_HANDLERS_BOARD_LIVE_H
#define PST_HANDLERS_BOARD_LIVE_H

#include <postern/exchange.h>

#include "handlers/board_page.h"

enum { PST_BOARD_RECENT = 100 };

struct pst_board_live;
struct pst_board_source;

/* Watches the store of the source from now on. Errors: PST_E_NOMEM, PST_E_SYSTEM, PST_E_LIMIT (the store has
 * too many watchers). */
int pst_board_live_new(struct pst_board_live **ret_live, const struct pst_board_source *source);
/* NULL is allowed. */
void pst_board_live_free(struct pst_board_live *live);

/* Any thread: where the stream is now. */
void pst_board_live_position(struct pst_board_live *live, char dst[PST_BOARD_POSITION_BYTES]);

/* Replies with the stream, from the position of the field Last-Event-ID, else of the query since=POSITION,
 * else from now on. */
void pst_board_live_join(struct pst_board_live *live, struct pst_exchange *ex);

#endif
