/* access.h - who may: the person at this machine, a page of this site. */
#ifndef PST_HANDLERS_ACCESS_H
#define PST_HANDLERS_ACCESS_H

#include <postern/exchange.h>

/* Whether the request comes from this machine itself: a loopback address, no trace of a proxy (Forwarded,
 * X-Forwarded-*, X-Real-IP, Via; HTTP/1.0), and addressed to a local name (localhost, *.localhost, a loopback
 * address), so that a foreign name that was made to point here (DNS rebinding) does not count. */
bool pst_access_is_local(const struct pst_exchange *ex);

/* Whether a request that changes something comes from a page of this site, or from no page at all (curl): by
 * Sec-Fetch-Site, else by Origin against scheme and authority, else by Referer; a request without any of
 * these is allowed. others: origins of other sites that may, too. On plain http, but for localhost, browsers
 * send no Sec-Fetch-Site, and a page with "Referrer-Policy: no-referrer" posts with the origin "null", which
 * is refused: a page with a form has "same-origin" there. */
bool pst_access_is_same_site(const struct pst_exchange *ex, const struct pst_slice *others, size_t count);

/* Whether the client prefers JSON to a page: browsers that follow a form do not, curl and fetch do. */
bool pst_access_wants_json(struct pst_exchange *ex);

#endif
