/* gate.c - see gate.h. */
#include "http/gate.h"

#include <string.h>

#include "http/env.h"
#include "http/exchange.h"
#include "http/uri.h"

/* ---- pages ---- */

#define PAGE_BEGIN                                                                                           \
    "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">"                                      \
    "<meta name=\"viewport\" content=\"width=device-width\"><meta name=\"color-scheme\" "                    \
    "content=\"light dark\"><title>%d %s</title></head>\n<body><h1>%d %s</h1>\n"

/* Takes over page. */
static void reply_page(struct pst_exchange *ex, int status, struct pst_text *page)
{
    pst_reply_drop_body_fields(ex);
    pst_reply_status(ex, status);
    bool is_whole = !page->failed;
    if (is_whole)
        is_whole =
            pst_reply_field_ref(ex, PST_SLICE("Content-Type"), PST_SLICE("text/html; charset=utf-8")) == 0 &&
            pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff")) == 0 &&
            pst_reply_field_ref(ex, PST_SLICE("Content-Security-Policy"), PST_SLICE("default-src 'none'")) ==
                0 &&
            pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), PST_SLICE("no-store")) == 0 &&
            pst_reply_copy(ex, page->ptr, page->len) == 0;
    pst_text_free(page);
    if (!is_whole) /* out of memory: the status alone still goes out */
        pst_reply_error(ex, status);
}

static void begin_page(struct pst_text *page, int status)
{
    const char *text = pst_status_text(status);
    pst_text_addf(page, PAGE_BEGIN, status, text, status, text);
}

void pst_gate_explain(struct pst_exchange *ex, int status)
{
    const struct pst_gate *gate = ex->env->gate;
    struct pst_text page = {0};
    ex->wants_close = ex->host->is_wrong_door;
    begin_page(&page, status);
    pst_text_adds(&page, ex->host->is_wrong_door
                             ? "<p>This port speaks https, and the request was plain http."
                             : "<p>This server answers by https only.");
    if (gate && gate->url) {
        pst_text_adds(&page, " Ask for <a href=\"");
        pst_text_add_html(&page, pst_slice_str(gate->url));
        pst_text_adds(&page, "\">");
        pst_text_add_html(&page, pst_slice_str(gate->url));
        pst_text_adds(&page, "</a>.");
    }
    pst_text_adds(&page, "</p></body></html>\n");
    reply_page(ex, status, &page);
}

/* RFC 9110 15.5.20 421 Misdirected Request: not served here, for this combination of scheme and authority. */
static void misdirect(struct pst_exchange *ex, struct pst_slice host)
{
    struct pst_text page = {0};
    ex->wants_close = ex->host->is_wrong_door;
    begin_page(&page, 421);
    pst_text_adds(&page, "<p>This server does not know the name <b>");
    pst_text_add_html(&page, host);
    pst_text_adds(
        &page,
        "</b>.</p>\n<p>If it is a name of this server, add it where postern is started: <code>--host ");
    pst_text_add_html(&page, host);
    pst_text_adds(&page,
                  "</code></p>\n<p>If it is not, another site may have led your browser here, by a name that "
                  "it made point to this machine. Names that are not known are refused, so that such a site "
                  "cannot read what is served here.</p></body></html>\n");
    reply_page(ex, 421, &page);
}

/* ---- redirects ---- */

static unsigned secure_port(const struct pst_gate *gate, unsigned plain)
{
    for (size_t i = 0; i < gate->port_count; i++)
        if (gate->ports[i].plain == (plain ? plain : 80))
            return gate->ports[i].secure;
    /* Not our own: something on the way maps ports. Whoever maps the usual one does so for both. */
    return plain == 0 || plain == 80 ? 443 : gate->ports[0].secure;
}

/* RFC 9110 15.4.9 308 Permanent Redirect: method and body stay as they are. */
static void redirect(struct pst_exchange *ex, struct pst_slice host, unsigned port)
{
    const struct pst_target *target = &ex->request.target;
    struct pst_text to = {0};
    pst_text_adds(&to, "https://");
    pst_text_add(&to, host);
    if (port)
        pst_text_addf(&to, ":%u", port);
    /* RFC 9112 3.2.4: "OPTIONS *" is, in absolute form, an authority without a path. */
    if (target->form != PST_TARGET_ASTERISK)
        pst_text_add(&to, target->raw_path);
    if (target->has_query) {
        pst_text_adds(&to, "?");
        pst_text_add(&to, target->query);
    }
    int err = to.failed ? PST_E_NOMEM : pst_reply_redirect(ex, 308, pst_slice_of(to.ptr, to.len));
    pst_text_free(&to);
    if (err)
        pst_gate_explain(ex, err == PST_E_NOMEM ? 503 : 400);
}

/* These are asked for by plain HTTP on purpose: proofs for a certificate authority (RFC 8555 8.3), and the
 * certificate authority of this machine, which a phone has to get before it can trust https. */
static bool stays_plain(struct pst_slice path)
{
    static const struct pst_slice prefixes[] = {{"/.well-known/acme-challenge/", 28}, {"/.postern/", 10}};
    for (size_t i = 0; i < sizeof(prefixes) / sizeof(prefixes[0]); i++)
        if (path.len >= prefixes[i].len && memcmp(path.ptr, prefixes[i].ptr, prefixes[i].len) == 0)
            return true;
    return false;
}

static bool redirects(struct pst_exchange *ex)
{
    const struct pst_gate *gate = ex->env->gate;
    const struct pst_request *req = &ex->request;
    bool is_wrong_door = ex->host->is_wrong_door;
    if (!is_wrong_door && (!gate || !gate->redirects || ex->host->is_secure || stays_plain(req->path)))
        return false;
    struct pst_slice host;
    unsigned port;
    ex->wants_close = is_wrong_door;
    /* CONNECT asks for no page, and without a host there is nowhere to send the client to. */
    if (req->target.form == PST_TARGET_AUTHORITY || pst_authority_split(req->authority, &host, &port) != 0 ||
        host.len == 0) {
        pst_gate_explain(ex, 400);
        return true;
    }
    if (!is_wrong_door)
        port = secure_port(gate, port);
    redirect(ex, host, port == 443 ? 0 : port);
    return true;
}

/* ---- hosts ---- */

/* False: not served here. */
static bool know_host(struct pst_http_env *env, struct pst_slice authority, struct pst_slice *ret_host)
{
    struct pst_gate_host *last = &env->last_host;
    if (last->len == authority.len && last->len && memcmp(last->text, authority.ptr, last->len) == 0)
        return true;
    last->len = 0;
    last->has_hsts = false;
    if (pst_authority_split(authority, ret_host, NULL) != 0)
        return false;
    /* A browser always names a host, so this is no trick of a page's: HTTP/1.0, or a tool. */
    if (ret_host->len == 0)
        return true;
    if (env->gate->checks_hosts && !env->serves_host(env, *ret_host))
        return false;
    if (authority.len <= sizeof(last->text)) {
        memcpy(last->text, authority.ptr, authority.len);
        last->len = authority.len;
    }
    /* RFC 6797 8.1.1: not for addresses. Nor for localhost, whose ports belong to many programs: HSTS holds
     * for all of them. */
    last->has_hsts = !pst_host_is_address(*ret_host) && !pst_host_is_localhost(*ret_host);
    return true;
}

bool pst_gate_answers(struct pst_exchange *ex)
{
    struct pst_http_env *env = ex->env;
    const struct pst_gate *gate = env->gate;
    if (gate) {
        struct pst_slice host = {"", 0};
        if (!know_host(env, ex->request.authority, &host)) {
            misdirect(ex, host);
            return true;
        }
        /* RFC 6797 7.2: only inside TLS. Without the memory for a field it is the next reply's. */
        if (ex->host->is_secure && gate->hsts[0] && env->last_host.has_hsts)
            (void)pst_reply_field_ref(ex, PST_SLICE("Strict-Transport-Security"), pst_slice_str(gate->hsts));
    }
    return redirects(ex);
}
