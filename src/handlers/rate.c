/* rate.c - a token bucket for each address, in a table of fixed size.
 *
 * An address belongs to one row of the table, by a keyed hash, so that nobody can choose his neighbours. A
 * row that is full gives up its fullest bucket: the one that holds the least that is worth remembering. The
 * newcomer takes over that bucket's level. So who has used up his tokens is the last to be forgotten, comes
 * back to no more than the fullest of his row has, and all addresses together get no more than the table's
 * buckets have. */
#include "handlers/rate.h"

#include <arpa/inet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include <postern/err.h>

enum { ROWS = 512, WAYS = 8, TOKEN = 60000 }; /* a token's parts: per_minute of them come in a millisecond */

struct bucket {
    uint64_t hash;     /* 0: free */
    uint64_t level;    /* in parts of a token, as of level_ms */
    uint64_t level_ms; /* never goes back */
};

struct pst_rate {
    uint64_t key[2];
    uint64_t per_ms, most; /* parts of a token */
    pthread_mutex_t lock;  /* of buckets */
    struct bucket buckets[ROWS][WAYS];
};

int pst_rate_new(struct pst_rate **ret_rate, unsigned per_minute, unsigned burst)
{
    *ret_rate = NULL;
    if (per_minute == 0 || burst == 0)
        return PST_E_INVAL;
    struct pst_rate *rate = calloc(1, sizeof(*rate));
    if (!rate)
        return PST_E_NOMEM;
    if (getrandom(rate->key, sizeof rate->key, 0) != (ssize_t)sizeof rate->key ||
        pthread_mutex_init(&rate->lock, NULL) != 0) {
        free(rate);
        return PST_E_SYSTEM;
    }
    rate->per_ms = per_minute;
    rate->most = (uint64_t)burst * TOKEN;
    *ret_rate = rate;
    return 0;
}

void pst_rate_free(struct pst_rate *rate)
{
    if (!rate)
        return;
    (void)pthread_mutex_destroy(&rate->lock);
    free(rate);
}

/* ---- addresses ---- */

static uint64_t rotate(uint64_t x, unsigned bits)
{
    return (x << bits) | (x >> (64 - bits));
}

static void sip_round(uint64_t v[4])
{
    v[0] += v[1];
    v[1] = rotate(v[1], 13) ^ v[0];
    v[0] = rotate(v[0], 32);
    v[2] += v[3];
    v[3] = rotate(v[3], 16) ^ v[2];
    v[0] += v[3];
    v[3] = rotate(v[3], 21) ^ v[0];
    v[2] += v[1];
    v[1] = rotate(v[1], 17) ^ v[2];
    v[2] = rotate(v[2], 32);
}

/* What of an address counts. */
struct address {
    unsigned char kind; /* 4, 6, or 0: it is none */
    uint64_t word;
};

/* SipHash-2-4 (Aumasson and Bernstein, 2012) of the word's eight bytes and one for the kind. Never 0. */
static uint64_t hash_address(const uint64_t key[2], struct address address)
{
    uint64_t v[4] = {key[0] ^ UINT64_C(0x736f6d6570736575), key[1] ^ UINT64_C(0x646f72616e646f6d),
                     key[0] ^ UINT64_C(0x6c7967656e657261), key[1] ^ UINT64_C(0x7465646279746573)};
    const uint64_t words[2] = {address.word, UINT64_C(9) << 56 | address.kind};
    for (size_t i = 0; i < 2; i++) {
        v[3] ^= words[i];
        sip_round(v);
        sip_round(v);
        v[0] ^= words[i];
    }
    v[2] ^= 0xff;
    for (size_t i = 0; i < 4; i++)
        sip_round(v);
    uint64_t hash = v[0] ^ v[1] ^ v[2] ^ v[3];
    return hash ? hash : 1;
}

static struct address address_v4(const unsigned char bytes[4])
{
    uint32_t word;
    memcpy(&word, bytes, sizeof word);
    return (struct address){4, word};
}

/* All of IPv4, also where IPv6 maps it (RFC 4291 2.5.5.2); the /64 of IPv6, since one customer has at least
 * that. Whatever is no address is one and the same. */
static struct address read_address(const char *text)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    struct address address = {0, 0};
    char copy[INET6_ADDRSTRLEN];
    unsigned char bytes[16];
    size_t len = strcspn(text, "%"); /* a link-local address may name its interface */
    if (len >= sizeof copy)
        return address;
    memcpy(copy, text, len);
    copy[len] = '\0';
    if (inet_pton(AF_INET, copy, bytes) == 1)
        return address_v4(bytes);
    if (inet_pton(AF_INET6, copy, bytes) != 1)
        return address;
    if (memcmp(bytes, mapped, sizeof mapped) == 0)
        return address_v4(bytes + sizeof mapped);
    address.kind = 6;
    memcpy(&address.word, bytes, sizeof address.word);
    return address;
}

/* ---- buckets ---- */

/* Workers' clocks differ by a little: time that went back did not pass. */
static void refill(const struct pst_rate *rate, struct bucket *b, uint64_t now_ms)
{
    if (now_ms <= b->level_ms)
        return;
    uint64_t passed = now_ms - b->level_ms, room = rate->most - b->level;
    b->level_ms = now_ms;
    b->level = passed >= room / rate->per_ms + 1 ? rate->most : b->level + passed * rate->per_ms;
    if (b->level > rate->most)
        b->level = rate->most;
}

static struct bucket *bucket_of(struct pst_rate *rate, uint64_t hash, uint64_t now_ms)
{
    struct bucket *row = rate->buckets[hash % ROWS], *fullest = NULL;
    for (size_t i = 0; i < WAYS; i++) {
        if (row[i].hash == 0) {
            row[i].level = rate->most;
            row[i].level_ms = now_ms;
            row[i].hash = hash;
        }
        refill(rate, &row[i], now_ms);
        if (row[i].hash == hash)
            return &row[i];
        if (!fullest || row[i].level > fullest->level)
            fullest = &row[i];
    }
    fullest->hash = hash;
    return fullest;
}

bool pst_rate_take(struct pst_rate *rate, const char *address, uint64_t now_ms, unsigned *ret_retry_s)
{
    uint64_t hash = hash_address(rate->key, read_address(address));
    *ret_retry_s = 0;
    (void)pthread_mutex_lock(&rate->lock);
    struct bucket *b = bucket_of(rate, hash, now_ms);
    bool has_token = b->level >= TOKEN;
    if (has_token) {
        b->level -= TOKEN;
    } else {
        uint64_t wait_ms = (TOKEN - b->level + rate->per_ms - 1) / rate->per_ms;
        *ret_retry_s = (unsigned)((wait_ms + 999) / 1000);
    }
    (void)pthread_mutex_unlock(&rate->lock);
    return has_token;
}
