/* driver.c - what one worker's connections share, and what is done to all of them. */
#include <string.h>

#include "connection/internal.h"

void pst_driver_init(struct pst_driver *driver, struct pst_http_env *http)
{
    memset(driver, 0, sizeof(*driver));
    driver->http = http;
    pst_list_init(&driver->connections);
    driver->next_id = driver->id_step = 1;
    pst_handshakes_init(driver);
}

void pst_driver_fini(struct pst_driver *driver)
{
    pst_handshakes_fini(driver);
    pst_pool_put(&driver->http->pools->chunks, driver->scratch);
    driver->scratch = NULL;
}

static void drain(struct pst_connection *c)
{
    c->is_draining = true;
    if (c->state == PST_CONNECTION_HANDSHAKE)
        pst_connection_die(c, PST_END_STOPPED);
    else if (c->state == PST_CONNECTION_OPEN)
        c->session->ops->drain(c->session);
    pst_connection_drive(c);
}

void pst_driver_drain(struct pst_driver *driver)
{
    struct pst_list all;
    driver->http->is_draining = true;
    pst_list_take(&all, &driver->connections);
    while (!pst_list_is_empty(&all)) {
        struct pst_connection *c = PST_CONTAINER(all.next, struct pst_connection, node);
        pst_list_remove(&c->node);
        pst_list_push_back(&driver->connections, &c->node);
        drain(c);
    }
}

void pst_driver_abort(struct pst_driver *driver)
{
    while (!pst_list_is_empty(&driver->connections)) {
        struct pst_connection *c = PST_CONTAINER(driver->connections.next, struct pst_connection, node);
        pst_list_remove(&c->node);
        pst_connection_die(c, PST_END_STOPPED);
        pst_connection_drive(c);
    }
}
