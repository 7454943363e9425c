/* rate.h - how often one address may: a token bucket for each, in bounded memory, shared by all workers. */
#ifndef PST_HANDLERS_RATE_H
#define PST_HANDLERS_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct pst_rate;

/* per_minute and burst at least 1. Errors: PST_E_NOMEM, PST_E_INVAL, PST_E_SYSTEM. */
int pst_rate_new(struct pst_rate **ret_rate, unsigned per_minute, unsigned burst);
void pst_rate_free(struct pst_rate *rate);
/* Thread-safe. Takes one token of the address ("192.0.2.1", or "2001:db8::1" of which the /64 counts). False:
 * none left, and *ret_retry_s says in how many seconds there will be one. */
bool pst_rate_take(struct pst_rate *rate, const char *address, uint64_t now_ms, unsigned *ret_retry_s);

#endif
