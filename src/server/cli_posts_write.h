/* cli_posts_write.h - posts and boxes as text for people, and as JSON, NDJSON and CSV for programs. */
#ifndef PST_SERVER_CLI_POSTS_WRITE_H
#define PST_SERVER_CLI_POSTS_WRITE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <postern/http.h>
#include <postern/store.h>

#include "server/cli_posts_options.h"

/* Set the first group; zero-initialise the rest. */
struct pst_cli_posts_writer {
    FILE *out;
    enum pst_cli_posts_format format;
    bool is_terminal;  /* out is one: nothing of what visitors wrote may command it */
    bool is_table;     /* text: a line each, instead of all of a post */
    bool is_array;     /* JSON: even of one */
    size_t width;      /* of a table's lines; 0: as long as they are */
    const char *names; /* CSV: see pst_store_field_names() */

    uint64_t count; /* posts or boxes so far */
    int id_width;
    struct pst_text text;
};

/* Out of memory and failed writes show at the end. */
void pst_cli_posts_write(struct pst_cli_posts_writer *w, const struct pst_post *post);
void pst_cli_posts_write_boxes(struct pst_cli_posts_writer *w, const struct pst_box_info *boxes,
                               size_t count);
/* What comes behind the last, also where there was none. Frees what w holds. Returns 0, PST_E_NOMEM or
 * PST_E_IO (errno says why). */
int pst_cli_posts_write_end(struct pst_cli_posts_writer *w);

#endif
