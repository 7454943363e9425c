/* echo_format.h - writing an account of a request as a page, as text or as JSON.
 *
 * An account is a row of sections; a section holds pairs, or items of pairs, or one text. Knows nothing of
 * exchanges. */
#ifndef PST_HANDLERS_ECHO_FORMAT_H
#define PST_HANDLERS_ECHO_FORMAT_H

#include <stdbool.h>
#include <stdint.h>

#include <postern/http.h>
#include <postern/slice.h>

struct pst_echo_format;

struct pst_echo_writer {
    struct pst_text text;
    const struct pst_echo_format *format;
    bool is_list;           /* pairs of the open section may repeat a name: in JSON an array */
    bool is_in_item;        /* pairs are those of an item */
    size_t sections, pairs; /* written so far; pairs of the open section or item */
    size_t items;           /* of the open list */
};

/* The media types that can be written, the preferred one first: a browser asks for HTML by name, while curl
 * takes anything and has a terminal. */
#define PST_ECHO_FORMATS 3
extern const char *const pst_echo_types[PST_ECHO_FORMATS];
/* The same as Content-Type has them: RFC 8259 11 knows no charset for JSON, which is UTF-8 always. */
extern const char *const pst_echo_content_types[PST_ECHO_FORMATS];

/* which: an index of pst_echo_types. Memory that runs out shows in w->text.failed. */
void pst_echo_begin(struct pst_echo_writer *w, size_t which);
/* key: as JSON and text name it. */
void pst_echo_section(struct pst_echo_writer *w, const char *key, bool is_list);
void pst_echo_pair(struct pst_echo_writer *w, struct pst_slice name, struct pst_slice value);
void pst_echo_number(struct pst_echo_writer *w, const char *name, uint64_t value);
void pst_echo_section_end(struct pst_echo_writer *w);
/* A section that is a list of items, each of them pairs whose names do not repeat. */
void pst_echo_list(struct pst_echo_writer *w, const char *key);
void pst_echo_item(struct pst_echo_writer *w);
void pst_echo_item_end(struct pst_echo_writer *w);
void pst_echo_list_end(struct pst_echo_writer *w);
/* A section of its own that is JSON; json has been checked. */
void pst_echo_json(struct pst_echo_writer *w, const char *key, struct pst_slice json);
/* A section of its own that is one text, over several lines perhaps. */
void pst_echo_text(struct pst_echo_writer *w, const char *key, struct pst_slice text);
void pst_echo_end(struct pst_echo_writer *w);

#endif
