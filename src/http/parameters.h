/* parameters.h - the parameters behind a media type or a disposition: "; name=value; name=\"value\"" (RFC
 * 9110 5.6.6 Parameters). What a parameter means is the caller's business. */
#ifndef PST_HTTP_PARAMETERS_H
#define PST_HTTP_PARAMETERS_H

#include <stdbool.h>

#include <postern/err.h>
#include <postern/slice.h>

struct pst_parameter {
    struct pst_slice name;
    struct pst_slice raw; /* a token, or what stands between the quotes, with its backslashes */
    bool is_quoted;
};

/* Takes the next parameter off rest, which begins behind the type or behind the last parameter. Gives 1; 0 at
 * the end; PST_E_SYNTAX. Empty parameters (";;") are skipped, as the RFC has it. */
int pst_parameter_next(struct pst_slice *rest, struct pst_parameter *ret_parameter);

/* The value of a quoted string by RFC 9110 5.6.4: \X is X. Writes to dst, which holds at least raw.len bytes;
 * gives the length. */
size_t pst_parameter_unquote(struct pst_slice raw, char *dst);

/* The boundary of a multipart Content-Type into dst, of PST_BOUNDARY_MOST bytes. Errors: PST_E_SYNTAX: none,
 * more than one, or not as RFC 2046 5.1.1 wants it. */
#define PST_BOUNDARY_MOST 70
int pst_parameter_boundary(struct pst_slice content_type, char *dst, size_t *ret_len);

#endif
