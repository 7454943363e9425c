/* submission_fields.h - a post's fields, held until the whole of it is there: only then is their charset
 * known.
 *
 * All text is one piece of memory, the items say where. Knows nothing of bodies and rules. */
#ifndef PST_HANDLERS_SUBMISSION_FIELDS_H
#define PST_HANDLERS_SUBMISSION_FIELDS_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/http.h>
#include <postern/slice.h>

struct pst_submitted_field {
    size_t at; /* charset, name, value, one behind the other */
    size_t charset_len, name_len, value_len;
    bool is_null; /* a JSON null: as good as not there */
};

/* Zero-initialise. */
struct pst_submitted {
    struct pst_text text;
    struct pst_submitted_field *fields;
    size_t count, cap;
};

/* A new field; charset may be empty. False: out of memory. */
bool pst_submitted_begin(struct pst_submitted *s, struct pst_slice charset, struct pst_slice name);
/* More of the last one's value. False: out of memory. */
bool pst_submitted_append(struct pst_submitted *s, const char *data, size_t len);
/* The same for who writes to text: what has come there since the beginning is its name; since then, its
 * value. */
void pst_submitted_name_sync(struct pst_submitted *s);
void pst_submitted_sync(struct pst_submitted *s);
/* The last one was no field after all. */
void pst_submitted_drop(struct pst_submitted *s);

/* Valid until the next change. */
struct pst_slice pst_submitted_name(const struct pst_submitted *s, size_t i);
struct pst_slice pst_submitted_value(const struct pst_submitted *s, size_t i);
/* The first of that name; its number, or count. */
size_t pst_submitted_find(const struct pst_submitted *s, struct pst_slice name);
/* It is there, and not of blanks alone. */
bool pst_submitted_has(const struct pst_submitted *s, struct pst_slice name);
/* A name that occurs twice: the number of one of the two, or count. *ret_failed: out of memory. */
size_t pst_submitted_find_twin(const struct pst_submitted *s, bool *ret_failed);

/* All names and values become UTF-8: of their own charset, else of charset, else they are taken for it.
 * False: out of memory, and nothing has changed. */
bool pst_submitted_to_utf8(struct pst_submitted *s, struct pst_slice charset);
void pst_submitted_free(struct pst_submitted *s);

#endif
