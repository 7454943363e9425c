/* tls_tickets.c - see tls_tickets.h. */
#include "transport/tls_tickets.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <mbedtls/platform_util.h>

#include "postern/err.h"

struct pst_tls_tickets {
    pthread_mutex_t lock; /* of the secrets */
    uint8_t current[PST_TICKET_SECRET_BYTES], previous[PST_TICKET_SECRET_BYTES];
    atomic_uint_fast64_t generation;
};

static int fill(uint8_t secret[PST_TICKET_SECRET_BYTES])
{
    return getrandom(secret, PST_TICKET_SECRET_BYTES, 0) == PST_TICKET_SECRET_BYTES ? 0 : PST_E_TLS;
}

int pst_tls_tickets_new(struct pst_tls_tickets **ret_tickets)
{
    struct pst_tls_tickets *tickets = calloc(1, sizeof(*tickets));
    if (!tickets)
        return PST_E_NOMEM;
    int err = fill(tickets->current);
    if (!err && pthread_mutex_init(&tickets->lock, NULL) != 0)
        err = PST_E_SYSTEM;
    if (err) {
        mbedtls_platform_zeroize(tickets, sizeof(*tickets));
        free(tickets);
        return err;
    }
    atomic_store(&tickets->generation, 1);
    *ret_tickets = tickets;
    return 0;
}

void pst_tls_tickets_free(struct pst_tls_tickets *tickets)
{
    if (!tickets)
        return;
    pthread_mutex_destroy(&tickets->lock);
    mbedtls_platform_zeroize(tickets, sizeof(*tickets));
    free(tickets);
}

void pst_tls_tickets_set(struct pst_tls_tickets *tickets, const uint8_t current[PST_TICKET_SECRET_BYTES],
                         const uint8_t previous[PST_TICKET_SECRET_BYTES])
{
    pthread_mutex_lock(&tickets->lock);
    memcpy(tickets->current, current, PST_TICKET_SECRET_BYTES);
    if (previous)
        memcpy(tickets->previous, previous, PST_TICKET_SECRET_BYTES);
    else
        mbedtls_platform_zeroize(tickets->previous, PST_TICKET_SECRET_BYTES);
    atomic_fetch_add(&tickets->generation, 1);
    pthread_mutex_unlock(&tickets->lock);
}

int pst_tls_tickets_rotate(struct pst_tls_tickets *tickets)
{
    uint8_t fresh[PST_TICKET_SECRET_BYTES], last[PST_TICKET_SECRET_BYTES], before[PST_TICKET_SECRET_BYTES];
    int err = fill(fresh);
    if (!err) {
        (void)pst_tls_tickets_get(tickets, last, before);
        pst_tls_tickets_set(tickets, fresh, last);
        mbedtls_platform_zeroize(last, sizeof(last));
        mbedtls_platform_zeroize(before, sizeof(before));
    }
    mbedtls_platform_zeroize(fresh, sizeof(fresh));
    return err;
}

uint64_t pst_tls_tickets_generation(const struct pst_tls_tickets *tickets)
{
    return atomic_load(&tickets->generation);
}

uint64_t pst_tls_tickets_get(struct pst_tls_tickets *tickets, uint8_t ret_current[PST_TICKET_SECRET_BYTES],
                             uint8_t ret_previous[PST_TICKET_SECRET_BYTES])
{
    pthread_mutex_lock(&tickets->lock);
    memcpy(ret_current, tickets->current, PST_TICKET_SECRET_BYTES);
    memcpy(ret_previous, tickets->previous, PST_TICKET_SECRET_BYTES);
    uint64_t generation = atomic_load(&tickets->generation);
    pthread_mutex_unlock(&tickets->lock);
    return generation;
}
