/* access.c - who may: the person at this machine, a page of this site. */
#include <postern/access.h>

#include <arpa/inet.h>

#include "handlers/negotiate.h"
#include "handlers/origin.h"

/* ---- this machine ---- */

static bool is_loopback_v4(const unsigned char bytes[4])
{
    return bytes[0] == 127;
}

/* A literal address: 127/8, ::1, or 127/8 as IPv6 maps it (RFC 4291 2.5.5.2). */
static bool is_loopback(const char *address)
{
    static const unsigned char mapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    unsigned char bytes[16];
    if (inet_pton(AF_INET, address, bytes) == 1)
        return is_loopback_v4(bytes);
    if (inet_pton(AF_INET6, address, bytes) != 1)
        return false;
    return memcmp(bytes, &in6addr_loopback, sizeof bytes) == 0 ||
           (memcmp(bytes, mapped, sizeof mapped) == 0 && is_loopback_v4(bytes + 12));
}

static bool ends_with_case(struct pst_slice s, struct pst_slice tail)
{
    return s.len >= tail.len && pst_slice_case_eq(pst_slice_of(s.ptr + (s.len - tail.len), tail.len), tail);
}

/* RFC 6761 6.3: localhost, and all names below it, are this machine. */
static bool is_local_host(struct pst_slice host)
{
    char text[64];
    if (host.len > 1 && host.ptr[host.len - 1] == '.')
        host.len--;
    if (pst_slice_case_eq(host, PST_SLICE("localhost")) || ends_with_case(host, PST_SLICE(".localhost")))
        return true;
    if (host.len > 1 && host.ptr[0] == '[')
        host = pst_slice_of(host.ptr + 1, host.len - 2);
    if (host.len >= sizeof text)
        return false;
    memcpy(text, host.ptr, host.len);
    text[host.len] = '\0';
    return is_loopback(text);
}

/* What proxies and tunnels add, so that what comes through them is known not to come from here. */
static bool is_proxy_field(struct pst_slice name)
{
    static const struct pst_slice names[] = {{"Forwarded", 9},           {"Via", 3},
                                             {"X-Real-IP", 9},           {"X-Client-IP", 11},
                                             {"True-Client-IP", 14},     {"CF-Connecting-IP", 16},
                                             {"X-Cluster-Client-IP", 19}};
    static const struct pst_slice stem = {"X-Forwarded", 11};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        if (pst_slice_case_eq(name, names[i]))
            return true;
    }
    return name.len >= stem.len && pst_slice_case_eq(pst_slice_of(name.ptr, stem.len), stem);
}

bool pst_access_is_local(const struct pst_exchange *ex)
{
    struct pst_peer_info peer;
    struct pst_origin own;
    pst_exchange_peer(ex, &peer);
    if (!is_loopback(peer.address))
        return false;
    /* Nobody sits at a client of HTTP/1.0. But proxies speak it: nginx for one, which unless it is told
     * otherwise adds none of those fields, and names us in Host. */
    if (pst_exchange_version(ex) < 11)
        return false;
    size_t n = pst_exchange_field_count(ex);
    for (size_t i = 0; i < n; i++) {
        if (is_proxy_field(pst_exchange_field_at(ex, i).name))
            return false;
    }
    return pst_origin_of(pst_exchange_scheme(ex), pst_exchange_authority(ex), &own) &&
           is_local_host(own.host);
}

/* ---- this site ---- */

enum page { PAGE_OURS, PAGE_FRIEND, PAGE_FOREIGN };

/* Whose page has that address. is_origin: text is an origin and nothing behind it. */
static enum page page_of(const struct pst_exchange *ex, struct pst_slice text, bool is_origin,
                         const struct pst_slice *others, size_t count)
{
    struct pst_origin page, it;
    struct pst_slice rest;
    if (!pst_origin_read(text, &page, &rest) || (is_origin && rest.len > 0))
        return PAGE_FOREIGN;
    if (pst_origin_of(pst_exchange_scheme(ex), pst_exchange_authority(ex), &it) && pst_origin_eq(&page, &it))
        return PAGE_OURS;
    for (size_t i = 0; i < count; i++) {
        if (pst_origin_read(others[i], &it, &rest) && pst_origin_eq(&page, &it))
            return PAGE_FRIEND;
    }
    return PAGE_FOREIGN;
}

static enum page worse(enum page a, enum page b)
{
    return a > b ? a : b;
}

bool pst_access_is_same_site(const struct pst_exchange *ex, const struct pst_slice *others, size_t count)
{
    bool has_site = false, has_origin = false;
    enum page site = PAGE_OURS, origin = PAGE_OURS, referer = PAGE_OURS;
    size_t n = pst_exchange_field_count(ex);
    for (size_t i = 0; i < n; i++) {
        struct pst_field field = pst_exchange_field_at(ex, i);
        if (pst_slice_case_eq(field.name, PST_SLICE("Sec-Fetch-Site"))) {
            has_site = true;
            /* "same-site" is another port or a neighbour's name: another site, for us. */
            if (!pst_slice_eq(field.value, PST_SLICE("same-origin")) &&
                !pst_slice_eq(field.value, PST_SLICE("none")))
                site = PAGE_FOREIGN;
        } else if (pst_slice_case_eq(field.name, PST_SLICE("Origin"))) {
            has_origin = true;
            origin = worse(origin, page_of(ex, field.value, true, others, count));
        } else if (pst_slice_case_eq(field.name, PST_SLICE("Referer"))) {
            referer = worse(referer, page_of(ex, field.value, false, others, count));
        }
    }
    /* A page of ours whose referrer policy hides it posts with the origin "null", but Sec-Fetch-Site tells
     * the truth all the same. Browsers leave it out on plain http, but for localhost. */
    if (has_site)
        return site == PAGE_OURS || (has_origin && origin == PAGE_FRIEND);
    return has_origin ? origin != PAGE_FOREIGN : referer != PAGE_FOREIGN;
}

/* ---- what the client reads ---- */

bool pst_access_wants_json(struct pst_exchange *ex)
{
    /* curl and fetch() take anything, and the first one offered wins ties; a browser that follows a form asks
     * for HTML by name. */
    static const char *const offered[] = {"application/json", "text/html"};
    return pst_negotiate(ex, offered, 2) != 1;
}
