/* box.h - a declared box: what it takes and who may read it, as "NAME[:option[,option]...]" says.
 *
 *   public               anyone may read it (else only the person at this machine)
 *   files                takes files
 *   max-files=N          at most so many (8 unless said)
 *   max-file=SIZE        largest file; SIZE takes K, M or G
 *   max-bytes=SIZE       largest request
 *   box-bytes=SIZE       what the box may hold
 *   fields=a+b!+c        takes only fields and files of these names; "!" ones must be there
 *   honeypot=NAME        a field that people do not see: what fills it in is thrown away
 *   next=/PATH           where a browser is sent after a post
 *   from=ORIGIN          another site whose pages may post here; may be repeated
 *   rate=N               posts a minute of one address
 *
 * Knows nothing of requests and replies. */
#ifndef PST_HANDLERS_BOX_H
#define PST_HANDLERS_BOX_H

#include <stdbool.h>
#include <stddef.h>

#include <postern/slice.h>

#include "handlers/submission.h"

struct pst_rate;

enum { PST_BOX_FILES_DEFAULT = 8 };

/* Everything lives as long as the box. */
struct pst_box {
    struct pst_box *following; /* in the order of declaration */
    struct pst_slice name;
    bool is_public;
    struct pst_slice next; /* a path of this site; empty: the box's own page of thanks */
    /* What it takes; rules.check, takes_file, reply and arg are for whoever mounts it. */
    struct pst_submission_rules rules;
    struct pst_submission_field *fields; /* rules has these four as const */
    struct pst_slice *origins;
    struct pst_rate *rate;
    char *text; /* what the slices point into */
};

/* why (at least 256 bytes) says in one line what is wrong. Errors: PST_E_SYNTAX, PST_E_RANGE (a number),
 * PST_E_NOMEM, PST_E_SYSTEM (no randomness). */
int pst_box_parse(struct pst_box **ret_box, const char *spec, char *why, size_t why_size);
/* NULL is allowed. */
void pst_box_free(struct pst_box *box);

#endif
