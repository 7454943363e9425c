/* negotiate.h - which of several representations a request prefers. */
#ifndef PST_HANDLERS_NEGOTIATE_H
#define PST_HANDLERS_NEGOTIATE_H

#include <postern/exchange.h>

/* As pst_http_accept(), over all Accept fields of the request, which are one list (RFC 9110 5.3). -1 also
 * when out of memory. */
int pst_negotiate(struct pst_exchange *ex, const char *const *offered, size_t count);

#endif
