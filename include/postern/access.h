/* access.h - who may: the person at this machine, a page of this site. For handlers that change something, or
 * that show what is not for everybody. */
#ifndef POSTERN_ACCESS_H
#define POSTERN_ACCESS_H

#include <postern/exchange.h>
#include <postern/export.h>

PST_BEGIN_DECLS

/* Whether the request comes from this machine itself: a loopback address, no trace of a proxy (Forwarded,
 * X-Forwarded-*, X-Real-IP, Via; HTTP/1.0), and addressed to a local name (localhost, *.localhost, a loopback
 * address), so that a foreign name that was made to point here (DNS rebinding) does not count. */
PST_API bool pst_access_is_local(const struct pst_exchange *ex);

/* Whether a request that changes something comes from a page of this site, or from no page at all (curl): by
 * Sec-Fetch-Site, else by Origin against scheme and authority, else by Referer; a request without any of
 * these is allowed. others: origins of other sites that may, too. On plain http, but for localhost, browsers
 * send no Sec-Fetch-Site, and a page with "Referrer-Policy: no-referrer" posts with the origin "null", which
 * is refused: a page with a form has "same-origin" there. */
PST_API bool pst_access_is_same_site(const struct pst_exchange *ex, const struct pst_slice *others,
                                     size_t count);

/* Whether the client prefers JSON to a page: browsers that follow a form do not, curl and fetch do. */
PST_API bool pst_access_wants_json(struct pst_exchange *ex);

PST_END_DECLS

#endif
