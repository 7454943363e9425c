/* echo_body.h - the mirror's account of a body: as a form, as JSON, as text, or as bytes. */
#ifndef PST_HANDLERS_ECHO_BODY_H
#define PST_HANDLERS_ECHO_BODY_H

#include <postern/exchange.h>

#include "handlers/echo_format.h"

/* scratch: as many bytes as the body has. */
void pst_echo_body(struct pst_echo_writer *w, struct pst_exchange *ex, char *scratch);

/* The fields of a query or of a posted form; under cut_key, how many were left out. scratch: text.len bytes.
 */
void pst_echo_urlencoded(struct pst_echo_writer *w, const char *key, const char *cut_key,
                         struct pst_slice text, char *scratch);

/* The body's media type without parameters; empty where there is none. */
struct pst_slice pst_echo_type_of_body(const struct pst_exchange *ex);
/* Whether it is text/... */
bool pst_echo_is_of_text(struct pst_slice type);

#endif
