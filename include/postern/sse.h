/* sse.h - server-sent events (the WHATWG HTML standard, "Server-sent events"): a reply that stays open and
 * tells its reader what happens.
 *
 * A hub sends each event to all its readers, on all workers. */
#ifndef POSTERN_SSE_H
#define POSTERN_SSE_H

#include <stdint.h>

#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/slice.h>

PST_BEGIN_DECLS

struct pst_sse_event {
    struct pst_slice name; /* "message" where empty; no line ends */
    struct pst_slice id;   /* comes back as Last-Event-ID when the reader connects again; may be empty */
    struct pst_slice data; /* any text; each of its lines is sent as one */
};

struct pst_sse_hub;

/* limits: readers of all workers together, over which joining fails (0: 10000), and bytes that wait for one
 * reader that does not take them, over which it is cut (0: 262144): it connects again and asks for what it
 * missed. first of pst_sse_join() does not count. A comment is sent every ping_ms (0: 15000), so that a
 * reader that has gone is noticed. */
struct pst_sse_options {
    size_t max_readers, max_backlog_bytes;
    uint64_t ping_ms;
    uint64_t retry_ms; /* what readers are told to wait before they connect again; 0: 2000 */
};
/* options may be NULL. Errors: PST_E_NOMEM, PST_E_SYSTEM. */
PST_API int pst_sse_hub_new(struct pst_sse_hub **ret_hub, const struct pst_sse_options *options);
/* Only after the server that uses it was freed; NULL is allowed. */
PST_API void pst_sse_hub_free(struct pst_sse_hub *hub);

/* Completes the reply of ex as an event stream of the hub: text/event-stream, not to be cached, with status
 * 200. first (may be NULL, count 0; copied) are sent before anything else: what the reader missed. Then comes
 * every event that is sent after this call. The stream ends when the reader goes, or the server is asked to
 * stop: with what was sent until then. Takes ex's timer and its drain function (pst_exchange_after(),
 * pst_exchange_on_drain()); on_end stays the handler's. A HEAD request gets the fields, and is no reader. On
 * ex's worker. Errors: PST_E_LIMIT, too many readers (answer 503); PST_E_STATE; PST_E_NOMEM; PST_E_INVAL, a
 * name or id of first with a line end or NUL. */
PST_API int pst_sse_join(struct pst_sse_hub *hub, struct pst_exchange *ex, const struct pst_sse_event *first,
                         size_t count);

/* Any thread. Events of one thread arrive in its order; every reader that had joined before the call gets it.
 * Errors: PST_E_NOMEM: nobody gets it; PST_E_INVAL: a name or id with a line end or NUL. */
PST_API int pst_sse_send(struct pst_sse_hub *hub, const struct pst_sse_event *event);

/* Any thread: how many readers there are. */
PST_API size_t pst_sse_readers(const struct pst_sse_hub *hub);

PST_END_DECLS

#endif
