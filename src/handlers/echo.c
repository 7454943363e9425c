/* echo.c - the learner's mirror: how the server understood a request.
 *
 * The same request gives the same answer whichever door it came through. So what belongs to the way it came
 * (scheme, TLS, the peer's address) is shown only when asked for by the query field transport=1. */
#include <postern/handlers.h>

#include <postern/http.h>

#include "handlers/echo_body.h"
#include "handlers/echo_format.h"
#include "handlers/negotiate.h"
#include "handlers/page.h"

/* ---- what is shown ---- */

static const char *version_text(int version)
{
    switch (version) {
    case 10:
        return "HTTP/1.0";
    case 11:
        return "HTTP/1.1";
    default:
        return "HTTP/2";
    }
}

static void show_request(struct pst_echo_writer *w, const struct pst_exchange *ex)
{
    pst_echo_section(w, "request", false);
    pst_echo_pair(w, PST_SLICE("method"), pst_exchange_method(ex));
    pst_echo_pair(w, PST_SLICE("target"), pst_exchange_target(ex));
    pst_echo_pair(w, PST_SLICE("path"), pst_exchange_path(ex));
    pst_echo_pair(w, PST_SLICE("version"), pst_slice_str(version_text(pst_exchange_version(ex))));
    pst_echo_pair(w, PST_SLICE("authority"), pst_exchange_authority(ex));
    pst_echo_section_end(w);
}

static void show_fields(struct pst_echo_writer *w, const struct pst_exchange *ex)
{
    size_t n = pst_exchange_field_count(ex);
    pst_echo_section(w, "fields", true);
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        pst_echo_pair(w, field.name, field.value);
    }
    pst_echo_section_end(w);
}

static void show_transport(struct pst_echo_writer *w, const struct pst_exchange *ex)
{
    struct pst_peer_info peer;
    pst_exchange_peer(ex, &peer);
    pst_echo_section(w, "transport", false);
    pst_echo_pair(w, PST_SLICE("scheme"), pst_exchange_scheme(ex));
    pst_echo_pair(w, PST_SLICE("security"), pst_slice_str(peer.security));
    pst_echo_pair(w, PST_SLICE("cipher"), pst_slice_str(peer.cipher));
    pst_echo_pair(w, PST_SLICE("address"), pst_slice_str(peer.address));
    pst_echo_number(w, "port", peer.port);
    pst_echo_section_end(w);
}

/* ---- the handlers ---- */

static bool wants_transport(struct pst_slice query, char *scratch)
{
    struct pst_form_field field;
    while (pst_urlencoded_next(&query, &scratch, &field)) {
        if (pst_slice_eq(field.name, PST_SLICE("transport")) && pst_slice_eq(field.value, PST_SLICE("1")))
            return true;
    }
    return false;
}

static void echo(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_slice query = pst_exchange_query(ex);
    size_t longest = pst_exchange_body(ex).len > query.len ? pst_exchange_body(ex).len : query.len;
    char *scratch = pst_exchange_alloc(ex, longest);
    if (!scratch || pst_reply_field_ref(ex, PST_SLICE("Vary"), PST_SLICE("Accept")) != 0) {
        pst_page_give_up(ex);
        return;
    }
    /* RFC 9110 12.5.1 lets a server disregard an Accept that it cannot meet: the mirror shows something. */
    int which = pst_negotiate(ex, pst_echo_types, PST_ECHO_FORMATS);
    size_t format = which < 0 ? 0 : (size_t)which;

    struct pst_echo_writer w;
    pst_echo_begin(&w, format);
    show_request(&w, ex);
    if (pst_exchange_has_query(ex))
        pst_echo_urlencoded(&w, "query", "query_cut", query, scratch);
    show_fields(&w, ex);
    pst_echo_body(&w, ex, scratch);
    if (wants_transport(query, scratch))
        show_transport(&w, ex);
    pst_echo_end(&w);
    pst_page_reply(ex, &w.text, pst_echo_content_types[format], "no-store");
}

/* Nothing that was posted may act as a page of this site: a text stays a text, anything else a download. */
static void echo_body(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_slice body = pst_exchange_body(ex);
    bool text = pst_echo_is_of_text(pst_echo_type_of_body(ex));
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"),
                                  text ? PST_SLICE("text/plain; charset=utf-8")
                                       : PST_SLICE("application/octet-stream"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), PST_SLICE("no-store"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Content-Security-Policy"), PST_SLICE(PST_PAGE_POLICY));
    if (!err)
        err = pst_reply_bytes(ex, body.len > 0 ? body.ptr : "", body.len);
    if (err)
        pst_page_give_up(ex);
}

int pst_echo_mount(struct pst_server *server)
{
    static const char *const patterns[] = {"GET /echo", "POST /echo", "GET /echo/*", "POST /echo/*"};
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        int err = pst_server_handle(server, patterns[i], echo, NULL);
        if (err)
            return err;
    }
    return pst_server_handle(server, "POST /echo/body", echo_body, NULL);
}
