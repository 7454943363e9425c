/* uri.h - the request target, the path in it, and the authority: taken apart and checked, nothing allocated.
 *
 * Knows RFC 3986 and RFC 9112 3.2; must not know files, fields or connections. */
#ifndef PST_HTTP_URI_H
#define PST_HTTP_URI_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/err.h>
#include <postern/slice.h>

/* A request target: RFC 9112 3.2. All slices point into what was parsed. */
struct pst_target {
    enum {
        PST_TARGET_ORIGIN,    /* "/path?query" */
        PST_TARGET_ABSOLUTE,  /* "http://host/path?query" */
        PST_TARGET_AUTHORITY, /* "host:port", with CONNECT */
        PST_TARGET_ASTERISK,  /* "*", with OPTIONS */
    } form;
    struct pst_slice scheme;    /* "http" or "https" in any case; of the absolute form only */
    struct pst_slice authority; /* not empty; of the absolute and the authority form only */
    struct pst_slice raw_path;  /* starts with "/"; where the absolute form has no path, a literal "/".
                                   Empty in the other two forms. */
    struct pst_slice query;     /* without its "?" */
    bool has_query;             /* "/a?" has an empty query, "/a" has none */
};

/* Takes apart the target of a request with this method. Strict: a byte that RFC 3986 does not allow in a path
 * or query is an error, except [ ] ^ ` { | }, which browsers send as they are; so is, in the path, a "%"
 * without two hexadecimal digits; and a fragment. In the query "%" and "\\" may stand anywhere: nothing here
 * reads it. *ret is undefined after an error. Errors: PST_E_SYNTAX. */
int pst_target_parse(struct pst_slice method, struct pst_slice target, struct pst_target *ret);

/* Percent-decodes a raw path that starts with "/" and resolves its dot segments (RFC 3986 5.2.4), both once.
 * dst: at least raw.len bytes, not overlapping raw; no NUL is added. The result is never longer than raw and
 * starts with "/". An encoded slash stays encoded, as "%2F", so that decoding never makes a segment; encoded
 * dots are dots. Empty segments stay. Bytes that a target may not hold raw are not looked for here: that was
 * pst_target_parse's work.
 * Errors: PST_E_SYNTAX no "/" first, a bad escape, or "%00"; PST_E_RANGE a ".." above the root. dst is
 * undefined then. */
int pst_path_decode(struct pst_slice raw, char *dst, size_t *ret_len);

/* Whether this is a host with an optional port, as Host holds it (RFC 9110 7.2): 0, also for an empty one.
 * No userinfo; a port, if there is a colon, is empty or at most 65535.
 * Errors: PST_E_SYNTAX. */
int pst_authority_check(struct pst_slice authority);

/* Checks as pst_authority_check does, and gives the host (an IPv6 address with its brackets) and the port, 0
 * where there is none. Either result may be NULL.
 * Errors: PST_E_SYNTAX; nothing is set then. */
int pst_authority_split(struct pst_slice authority, struct pst_slice *ret_host, unsigned *ret_port);

#endif
