/* cli_clean.h - what visitors wrote, made fit for a terminal, which obeys control characters: an escape
 * sequence in a message could otherwise hide lines, rename the window or type for whoever reads it. */
#ifndef PST_SERVER_CLI_CLEAN_H
#define PST_SERVER_CLI_CLEAN_H

#include <stddef.h>

#include <postern/http.h>

/* Takes the character set from then on as UTF-8, so that the widths of characters are known. */
void pst_cli_clean_init(void);

/* In one line of at most width columns (0: of any length), with an ellipsis where more follows: blanks of all
 * kinds, line ends too, become one space; control characters, those that turn the direction of writing, and
 * bytes that are no UTF-8 are shown as \x1b or \u202e. Returns the columns used. */
size_t pst_cli_clean_line(struct pst_text *t, struct pst_slice text, size_t width);

/* The same line by line, all of it: each line begins with indent and ends with a newline. */
void pst_cli_clean_lines(struct pst_text *t, struct pst_slice text, const char *indent);

/* JSON or CSV that is to be read on a terminal. In JSON what a terminal would obey is escaped (it can stand
 * in strings only, so the meaning stays); in CSV, which has no escapes, it is replaced by U+FFFD. */
void pst_cli_clean_json(struct pst_text *t, struct pst_slice json);
void pst_cli_clean_csv(struct pst_text *t, struct pst_slice csv);

#endif
