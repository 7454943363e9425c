/* board_page.h - the message board as HTML: from posts to a page, to one message, to an event. No I/O, no
 * state.
 *
 * A page is rendered once for many requests. What differs between them lies in its form: a key that makes a
 * second click on "Post" harmless, and, after an error, what was typed. So a page remembers where its form
 * is. */
#ifndef PST_HANDLERS_BOARD_PAGE_H
#define PST_HANDLERS_BOARD_PAGE_H

#include <postern/http.h>
#include <postern/store.h>

/* Scripts and styles only of our own files, nothing inline, no frames: even a flaw in escaping would not let
 * a script run. */
#define PST_BOARD_POLICY                                                                                     \
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "          \
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

/* Names of the form's fields; the program's other half of the contract is assets/board.js. */
#define PST_BOARD_NAME     "name"
#define PST_BOARD_MESSAGE  "message"
#define PST_BOARD_PICTURE  "picture"
#define PST_BOARD_HONEYPOT "website"
#define PST_BOARD_KEY      "_idempotency_key"

enum {
    PST_BOARD_NAME_CHARS = 80,
    PST_BOARD_MESSAGE_CHARS = 4000,
    PST_BOARD_KEY_BYTES = 32,     /* digits of a key in a form */
    PST_BOARD_POSITION_BYTES = 48 /* at most, of a place in the stream of events, with its NUL */
};

/* What all pages of a board have in common. */
struct pst_board_look {
    const char *title;
    const char *base; /* what its addresses begin with, ready for HTML: "/board"; "" where it is at "/" */
    bool has_pictures;
    uint64_t picture_bytes;
};

/* Which messages are on a page. */
struct pst_board_place {
    uint64_t below; /* those below this id; 0: the newest */
    uint64_t above; /* those right above it, where there are still newer ones; then below is 0 */
    uint64_t id;    /* that message alone; then the others are 0 */
};

struct pst_board_page {
    struct pst_text html;
    size_t form_at, form_len; /* the form's part that differs */
    size_t key_at;            /* in html: PST_BOARD_KEY_BYTES that are to be replaced */
};

/* posts: newest first. is_more: there are older ones (with place->above: newer ones) beyond. position:
 * where in the stream of events the page stands; see board_live.h. Out of memory shows in html.failed. */
struct pst_board_list {
    const struct pst_post *posts;
    size_t count;
    bool is_more;
    uint64_t box_count;
    bool is_local; /* with a button that removes, at each message */
    const char *position;
};
void pst_board_page_render(struct pst_board_page *page, const struct pst_board_look *look,
                           const struct pst_board_place *place, const struct pst_board_list *list);
void pst_board_page_free(struct pst_board_page *page);

/* What a form shows that has been sent and refused. */
struct pst_board_draft {
    const char *reason;
    bool is_lost; /* what was typed was not read; the browser may still have it */
    struct pst_slice name, message;
};
/* Appends the page as one reply has it. draft may be NULL. key: PST_BOARD_KEY_BYTES hexadecimal digits. */
void pst_board_page_compose(struct pst_text *out, const struct pst_board_page *page,
                            const struct pst_board_look *look, const struct pst_board_draft *draft,
                            const char *key);

/* One message, as it stands in the list. */
void pst_board_add_message(struct pst_text *t, const struct pst_board_look *look, const struct pst_post *post,
                           bool is_local);
/* The data of the event that tells of it: {"id":7,"html":"..."}. */
void pst_board_add_event(struct pst_text *t, const struct pst_board_look *look, const struct pst_post *post);

/* The post's first file, if it is one that a board shows; else NULL. */
const struct pst_post_file *pst_board_picture_of(const struct pst_post *post);

/* How many characters text, which is UTF-8, has; a line end (CR LF) is one. */
size_t pst_board_count_chars(struct pst_slice text);

#endif
