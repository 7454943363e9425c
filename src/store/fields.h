/* fields.h - the fields of a post as they lie in its row: for each the name and the value, before either its
 * length (base 128, low seven bits first, the top bit says that more follow). */
#ifndef PST_STORE_FIELDS_H
#define PST_STORE_FIELDS_H

#include <postern/http.h>
#include <postern/store.h>

void pst_fields_add(struct pst_text *fields, struct pst_slice name, struct pst_slice value);
/* Takes the first field off rest: 1; 0: there are no more; PST_E_SYNTAX: these are no fields. */
int pst_fields_next(struct pst_slice *rest, struct pst_post_field *ret_field);

#endif
