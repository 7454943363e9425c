/* page.h - the frame of the HTML pages that handlers make themselves. */
#ifndef PST_HANDLERS_PAGE_H
#define PST_HANDLERS_PAGE_H

#include <postern/exchange.h>
#include <postern/http.h>
#include <postern/slice.h>

/* Nothing may be loaded or run, nor the page be framed; the one style sheet inside is named by its hash
 * (a test computes it anew). So even a flaw in escaping would not let a script run. */
#define PST_PAGE_POLICY                                                                                      \
    "default-src 'none'; style-src 'sha256-FeKzKt2/A2HwwJcMUgTJ8CaM5FHkiIQNcf40Oz/W+pA='; base-uri 'none'; " \
    "form-action 'none'; frame-ancestors 'none'"

/* Everything up to the heading, which is the title. */
void pst_page_begin(struct pst_text *page, struct pst_slice title);
void pst_page_end(struct pst_text *page);

/* Takes over the text's memory for as long as the exchange lives, by its on_end. False where the text failed:
 * then it is freed. */
bool pst_page_keep(struct pst_exchange *ex, struct pst_text *text, struct pst_slice *ret_body);

/* Replies with text, with the fields that keep it from being taken for anything else. Takes over the text's
 * memory. content_type, cache_control: the fields' values; static. */
void pst_page_reply(struct pst_exchange *ex, struct pst_text *text, const char *content_type,
                    const char *cache_control);

/* Ends an exchange whose reply could not be made: a handler that only returned would leave the peer
 * waiting. */
void pst_page_give_up(struct pst_exchange *ex);

#endif
