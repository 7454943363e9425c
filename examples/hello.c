/* hello.c - an https and an http server with a page and a form handler. Run it where certs/ is:
 *
 *     scripts/mkcert.sh && build/release/examples/hello
 */
#include <postern/postern.h>
#include <stdio.h>

static void on_get(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    pst_reply_field(ex, "Content-Type", PST_SLICE("text/plain; charset=utf-8"));
    pst_reply_printf(ex, "Hello over %.*s!\n", PST_FMT(pst_exchange_scheme(ex)));
}

static void on_post(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    struct pst_slice body = pst_exchange_body(ex);
    pst_reply_printf(ex, "You posted %zu bytes.\n", body.len);
}

int main(void)
{
    struct pst_server *server;
    if (pst_server_new(&server) != 0)
        return 1;
    if (pst_server_handle(server, "GET /", on_get, NULL) ||
        pst_server_handle(server, "POST /", on_post, NULL) ||
        pst_server_certificate(server, "certs/localhost.pem", "certs/localhost-key.pem") ||
        pst_server_listen_https(server, "localhost:8443") ||
        pst_server_listen_http(server, "localhost:8080") || pst_server_run(server))
        fprintf(stderr, "hello: %s\n", pst_server_error(server));
    pst_server_free(server);
    return 0;
}
