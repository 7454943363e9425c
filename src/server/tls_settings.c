/* tls_settings.c - what the TLS door is told before it opens, as far as no file is read for it. */
#include "postern/tls.h"
#include "server/internal.h"

int pst_tls_on_sni(struct pst_server *server, int (*fn)(struct pst_slice name, size_t count, void *arg),
                   void *arg)
{
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    server->on_sni = fn;
    server->on_sni_arg = arg;
    return 0;
}

int pst_tls_tickets(struct pst_server *server, bool is_on)
{
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    server->has_no_tickets = !is_on;
    return 0;
}

int pst_tls_watch(struct pst_server *server)
{
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    server->watches_certs = true;
    return 0;
}

int pst_tls_renew_local(struct pst_server *server, bool covers_addresses)
{
    int err = pst_tls_watch(server);
    if (!err) {
        server->renews_local = true;
        server->covers_addresses = covers_addresses;
    }
    return err;
}

int pst_tls_profile(struct pst_server *server, enum pst_tls_policy policy)
{
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    if (policy != PST_TLS_INTERMEDIATE && policy != PST_TLS_MODERN)
        return pst_server_fail(server, PST_E_INVAL, "there is no such TLS profile");
    server->policy = policy;
    return 0;
}
