/* names.h - a set of names that keeps their order: one text with a NUL behind each, and a hash table over it.
 */
#ifndef PST_STORE_NAMES_H
#define PST_STORE_NAMES_H

#include <postern/http.h>

struct pst_names {
    struct pst_text text;
    size_t *table; /* 1 + where a name begins in the text; 0: free */
    size_t table_size, count;
};

void pst_names_init(struct pst_names *names);
void pst_names_fini(struct pst_names *names);
/* A name that is there already, is empty or has a NUL within is left out. Errors: PST_E_NOMEM. */
int pst_names_add(struct pst_names *names, struct pst_slice name);
/* Hands the text over, with an empty name at its end. Errors: PST_E_NOMEM. */
int pst_names_end(struct pst_names *names, char **ret_text);

#endif
