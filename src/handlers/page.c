/* page.c - the frame of the HTML pages that handlers make themselves. */
#include "handlers/page.h"

/* One line, so that the hash in PST_PAGE_POLICY is easy to make:
 *   printf %s 'TEXT' | openssl dgst -sha256 -binary | base64 */
static const char page_style[] =
    ":root{color-scheme:light dark}"
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "h1{font-size:1.4rem;overflow-wrap:anywhere}h2{font-size:1.1rem}"
    "table{border-collapse:collapse;width:100%}"
    "th,td{padding:.2rem .5rem .2rem 0;text-align:left;vertical-align:top;overflow-wrap:anywhere;"
    "border-bottom:1px solid #8884}"
    "th[scope=row]{width:12rem}"
    ".number{width:1%;padding-left:1rem;text-align:right;white-space:nowrap;"
    "font-variant-numeric:tabular-nums}"
    "td,pre{white-space:pre-wrap}"
    "pre{overflow-wrap:anywhere;padding:.5rem;border:1px solid #8884}";

void pst_page_begin(struct pst_text *page, struct pst_slice title)
{
    pst_text_adds(page, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>");
    pst_text_add_html(page, title);
    pst_text_adds(page, "</title>\n<style>");
    pst_text_adds(page, page_style);
    pst_text_adds(page, "</style>\n</head>\n<body>\n<main>\n<h1>");
    pst_text_add_html(page, title);
    pst_text_adds(page, "</h1>\n");
}

void pst_page_end(struct pst_text *page)
{
    pst_text_adds(page, "</main>\n</body>\n</html>\n");
}

static void free_text(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    (void)why;
    struct pst_text text = {.ptr = arg};
    pst_text_free(&text);
}

bool pst_page_keep(struct pst_exchange *ex, struct pst_text *text, struct pst_slice *ret_body)
{
    struct pst_text body = *text;
    *text = (struct pst_text){0};
    if (body.failed) {
        pst_text_free(&body);
        return false;
    }
    pst_exchange_on_end(ex, free_text, body.ptr);
    *ret_body = pst_slice_of(body.ptr, body.len);
    return true;
}

void pst_page_reply(struct pst_exchange *ex, struct pst_text *text, const char *content_type,
                    const char *cache_control)
{
    struct pst_slice body;
    if (!pst_page_keep(ex, text, &body)) {
        pst_page_give_up(ex);
        return;
    }
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"), pst_slice_str(content_type));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), pst_slice_str(cache_control));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Content-Security-Policy"), PST_SLICE(PST_PAGE_POLICY));
    if (!err)
        err = pst_reply_bytes(ex, body.ptr, body.len);
    if (err)
        pst_page_give_up(ex);
}

void pst_page_give_up(struct pst_exchange *ex)
{
    if (!pst_exchange_replied(ex))
        (void)pst_reply_error(ex, 503);
}
