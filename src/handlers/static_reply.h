/* static_reply.h - the replies of the static handler for one file, or for none. */
#ifndef PST_HANDLERS_STATIC_REPLY_H
#define PST_HANDLERS_STATIC_REPLY_H

#include <postern/exchange.h>
#include <postern/slice.h>

#include "handlers/static_cache.h"
#include "handlers/static_file.h"

/* The error page for a positive errno. What would tell whether something is there (a link out of the root, a
 * socket, a hidden file) looks the same as nothing at all. */
void pst_static_refuse(struct pst_exchange *ex, int err);

/* Replies from memory; the reply holds a reference of its own to entry. */
void pst_static_reply_entry(struct pst_exchange *ex, struct pst_static_entry *entry);

/* Replies from the file, whose path is path. Takes over fd. The server cuts the connection should the file
 * turn out shorter than it was (RFC 9112 8). */
void pst_static_reply_file(struct pst_exchange *ex, int fd, const struct pst_static_facts *facts,
                           struct pst_slice path);

/* Makes the fields of all replies with the whole entry, once its facts and type are known. Where that cannot
 * be they are made for each reply. */
void pst_static_prepare(struct pst_static_entry *entry, int64_t now);

/* The media type by the last segment of path; static. */
struct pst_slice pst_static_type(struct pst_slice path);

#endif
