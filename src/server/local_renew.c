/* local_renew.c - renewing a certificate of a local CA. */
#include "server/local_renew.h"

#include <ifaddrs.h>
#include <libgen.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "postern/err.h"

enum { DUE_S = 30 * PST_LOCAL_DAY_S };

/* ---- what there is ---- */

struct found {
    struct pst_tls_ca *ca;
    char *leaf_pem;
    struct pst_local_names names;
    struct pst_tls_cert_info leaf, ca_info;
};

static void found_fini(struct found *f)
{
    pst_tls_ca_free(f->ca);
    free(f->leaf_pem);
    *f = (struct found){0};
}

static bool read_ca(const struct pst_local_folder *folder, struct found *f)
{
    char *pem = NULL, *key = NULL;
    bool is_there = pst_local_read(folder, "ca.pem", &pem) == 0 && pem &&
                    pst_local_read(folder, "ca-key.pem", &key) == 0 && key && key[0] != '\0' &&
                    pst_tls_ca_new(&f->ca, pst_slice_str(pem), pst_slice_str(key)) == 0;
    if (key)
        explicit_bzero(key, strlen(key));
    free(key);
    free(pem);
    return is_there;
}

static bool is_due(const struct found *f, int64_t now)
{
    int64_t third = (f->leaf.not_after - f->leaf.not_before) / 3;
    return f->leaf.not_after - now < (third < DUE_S ? third : DUE_S);
}

static bool has(const struct pst_local_names *names, const struct pst_tls_name *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (pst_tls_name_eq(&names->list[i], name))
            return true;
    return false;
}

/* What shows without the CA, whose key and signature take longer to look at than all else in a start: most
 * certificates are neither near their end nor short of an address. */
static bool may_be_wanted(const struct found *f, const struct pst_local_renewal *renewal)
{
    if (is_due(f, renewal->now))
        return true;
    for (size_t i = 0; renewal->addresses && i < renewal->addresses->count; i++)
        if (!has(&f->names, &renewal->addresses->list[i]))
            return true;
    return false;
}

/* Whether it is a certificate that postern or mkcert.sh has made, and could make again, and there may be a
 * reason to. */
static bool find(const struct pst_local_folder *folder, const char *name,
                 const struct pst_local_renewal *renewal, struct found *f)
{
    *f = (struct found){0};
    f->names.count = PST_LOCAL_NAMES_MAX;
    if (pst_local_read(folder, name, &f->leaf_pem) != 0 || !f->leaf_pem ||
        pst_tls_leaf_read(pst_slice_str(f->leaf_pem), f->names.list, &f->names.count, &f->leaf) != 0 ||
        strcmp(f->leaf.subject, "localhost") != 0 || !may_be_wanted(f, renewal) || !read_ca(folder, f))
        return false;
    pst_tls_ca_info(f->ca, &f->ca_info);
    return strncmp(f->ca_info.subject, PST_LOCAL_CA_NAME, strlen(PST_LOCAL_CA_NAME)) == 0 &&
           pst_tls_ca_has_signed(f->ca, pst_slice_str(f->leaf_pem));
}

/* ---- what is to be done ---- */

/* Makes room by what was most likely an address of this machine once. */
static void drop_stale_address(struct pst_local_names *names, const struct pst_local_names *addresses)
{
    for (size_t i = 0; i < names->count; i++) {
        const struct pst_tls_name *name = &names->list[i];
        bool is_loopback = name->address_len == 4 ? name->address[0] == 127 : name->address[15] == 1;
        if (name->address_len == 0 || is_loopback || has(addresses, name))
            continue;
        memmove(&names->list[i], &names->list[i + 1], (names->count - i - 1) * sizeof(*name));
        names->count--;
        return;
    }
}

/* Names that were asked for stay, and so do earlier addresses: who comes back to a network is known there. */
static bool add_addresses(struct found *f, const struct pst_local_names *addresses)
{
    bool is_changed = false;
    for (size_t i = 0; i < addresses->count; i++) {
        const struct pst_tls_name *address = &addresses->list[i];
        if (has(&f->names, address) || !pst_tls_ca_permits(f->ca, address))
            continue;
        if (f->names.count == PST_LOCAL_NAMES_MAX)
            drop_stale_address(&f->names, addresses);
        size_t before = f->names.count;
        is_changed = (pst_local_names_add(&f->names, address) && f->names.count > before) || is_changed;
    }
    return is_changed;
}

/* For as long as it was made for, counted from now; not beyond its CA. */
static int64_t new_end(const struct found *f, int64_t now)
{
    int64_t longest_s = (int64_t)PST_LOCAL_DAYS_MAX * PST_LOCAL_DAY_S - PST_LOCAL_BACKDATE_S - 1;
    int64_t length_s = f->leaf.not_after - f->leaf.not_before - PST_LOCAL_BACKDATE_S;
    int64_t end = now + (length_s < longest_s ? length_s : longest_s);
    return end < f->ca_info.not_after ? end : f->ca_info.not_after;
}

enum plan { PLAN_NOTHING, PLAN_RENEW, PLAN_ADDRESSES, PLAN_CA_ENDS };

static enum plan make_plan(struct found *f, const struct pst_local_renewal *renewal)
{
    bool due = is_due(f, renewal->now);
    if (f->ca_info.not_after <= renewal->now)
        return due ? PLAN_CA_ENDS : PLAN_NOTHING;
    bool has_new = renewal->addresses && add_addresses(f, renewal->addresses);
    if (due && new_end(f, renewal->now) > f->leaf.not_after)
        return PLAN_RENEW;
    return has_new ? PLAN_ADDRESSES : due ? PLAN_CA_ENDS : PLAN_NOTHING;
}

/* ---- doing it ---- */

static int replace(struct pst_local_folder *folder, const char *name, const struct found *f,
                   const struct pst_local_renewal *renewal, int64_t *ret_end)
{
    char *pem = NULL;
    *ret_end = new_end(f, renewal->now);
    struct pst_tls_profile profile = {
        .common_name = "localhost",
        .names = f->names.list,
        .name_count = f->names.count,
        .not_before = renewal->now - PST_LOCAL_BACKDATE_S,
        .not_after = *ret_end,
    };
    int err = pst_tls_make_serial(profile.serial);
    if (!err)
        err = pst_tls_make_leaf(&pem, &profile, pst_slice_str(f->leaf_pem), f->ca);
    if (err)
        (void)pst_local_fail(folder, err, "%s", pst_strerror(err));
    if (!err)
        err = pst_local_write(folder, name, pem, 0644);
    if (!err)
        err = pst_local_place(folder, &name, 1);
    free(pem);
    return err;
}

static void say_renewed(const char *file, enum plan plan, int64_t end, char *text, size_t size)
{
    struct tm tm;
    char day[16] = "?";
    time_t moment = (time_t)end;
    if (gmtime_r(&moment, &tm))
        (void)strftime(day, sizeof(day), "%Y-%m-%d", &tm);
    (void)snprintf(text, size, "the certificate %s was made anew%s; it is valid until %s", file,
                   plan == PLAN_ADDRESSES ? ", for this machine's addresses" : " before its end", day);
}

static enum pst_local_renewed renew(struct pst_local_folder *folder, const char *name,
                                    const struct pst_local_renewal *renewal, struct found *f, char *text,
                                    size_t size)
{
    if (!find(folder, name, renewal, f))
        return PST_LOCAL_LEFT_ALONE;
    enum plan plan = make_plan(f, renewal);
    if (plan == PLAN_NOTHING)
        return PST_LOCAL_LEFT_ALONE;
    if (plan == PLAN_CA_ENDS) {
        (void)snprintf(
            text, size,
            "the certificate %s ends soon, and so does its CA: make new ones by postern cert --new-ca, "
            "and have browsers trust the new ca.pem",
            renewal->cert_file);
        return PST_LOCAL_FAILED;
    }
    int64_t end = 0;
    int err = pst_local_lock(folder, 0);
    found_fini(f); /* as it is now that nobody else is at it */
    if (!err && (!find(folder, name, renewal, f) || (plan = make_plan(f, renewal)) == PLAN_NOTHING))
        return PST_LOCAL_LEFT_ALONE;
    if (!err)
        err = replace(folder, name, f, renewal, &end);
    if (err) {
        (void)snprintf(text, size, "the certificate %s could not be made anew: %s", renewal->cert_file,
                       folder->error);
        return PST_LOCAL_FAILED;
    }
    say_renewed(renewal->cert_file, plan, end, text, size);
    return PST_LOCAL_RENEWED;
}

enum pst_local_renewed pst_local_renew(const struct pst_local_renewal *renewal, char *text, size_t size)
{
    char for_folder[PATH_MAX], for_name[PATH_MAX];
    struct pst_local_folder folder;
    struct stat st;
    enum pst_local_renewed done = PST_LOCAL_LEFT_ALONE;
    struct found *f = calloc(1, sizeof(*f));
    size_t len = strlen(renewal->cert_file);
    if (!f || len >= PATH_MAX || lstat(renewal->cert_file, &st) != 0 || !S_ISREG(st.st_mode)) {
        free(f); /* a link is somebody's arrangement that a new file would end */
        return done;
    }
    memcpy(for_folder, renewal->cert_file, len + 1);
    memcpy(for_name, renewal->cert_file, len + 1);
    if (pst_local_open(&folder, dirname(for_folder), false) == 0)
        done = renew(&folder, basename(for_name), renewal, f, text, size);
    pst_local_close(&folder);
    found_fini(f);
    free(f);
    return done;
}

/* ---- this machine ---- */

static bool is_for_others(const struct sockaddr_in6 *in6)
{
    return !IN6_IS_ADDR_LOOPBACK(&in6->sin6_addr) && !IN6_IS_ADDR_LINKLOCAL(&in6->sin6_addr);
}

void pst_local_addresses(struct pst_local_names *ret_addresses)
{
    struct ifaddrs *all = NULL;
    ret_addresses->count = 0;
    if (getifaddrs(&all) != 0)
        return;
    for (const struct ifaddrs *one = all; one; one = one->ifa_next) {
        if (!one->ifa_addr || !(one->ifa_flags & IFF_UP) || one->ifa_flags & IFF_LOOPBACK)
            continue;
        struct pst_tls_name name;
        if (one->ifa_addr->sa_family == AF_INET) {
            struct sockaddr_in in;
            memcpy(&in, one->ifa_addr, sizeof(in));
            name = pst_tls_name_address(&in.sin_addr, 4);
        } else if (one->ifa_addr->sa_family == AF_INET6) {
            struct sockaddr_in6 in6;
            memcpy(&in6, one->ifa_addr, sizeof(in6));
            if (!is_for_others(&in6)) /* a URL cannot name the interface that a link-local one needs */
                continue;
            name = pst_tls_name_address(&in6.sin6_addr, 16);
        } else {
            continue;
        }
        if (ret_addresses->count < PST_LOCAL_NAMES_MAX / 2)
            (void)pst_local_names_add(ret_addresses, &name);
    }
    freeifaddrs(all);
}
