/* local_cert.c - a local CA and the server's certificate that it signs, in a folder. */
#include "server/local_cert.h"

#include <stdlib.h>
#include <string.h>

#include "postern/err.h"

#define CA          "ca.pem"
#define CA_KEY      "ca-key.pem"
#define LEAF        "localhost.pem"
#define LEAF_KEY    "localhost-key.pem"
#define REMEDY      "or run this with --new-ca to make a new CA"
#define NEW_CA      "run this with --new-ca, and have browsers trust the new ca.pem"
#define QUOTED_MOST 900

bool pst_local_names_add(struct pst_local_names *names, const struct pst_tls_name *name)
{
    for (size_t i = 0; i < names->count; i++)
        if (pst_tls_name_eq(&names->list[i], name))
            return true;
    if (names->count == PST_LOCAL_NAMES_MAX)
        return false;
    names->list[names->count++] = *name;
    return true;
}

/* One making: texts are malloc'ed, keys wiped. */
struct making {
    struct pst_local_folder *folder;
    const struct pst_local_request *request;
    struct pst_local_result *result;
    char *ca_pem, *ca_key_pem, *leaf_pem, *leaf_key_pem;
    struct pst_tls_ca *ca;
    char quoted[QUOTED_MOST];
};

static void wipe(char *secret)
{
    if (secret)
        explicit_bzero(secret, strlen(secret));
    free(secret);
}

#define FAIL(m, err, ...) pst_local_fail((m)->folder, err, __VA_ARGS__)

/* What no advice can mend. */
static int fail_plain(struct making *m, int err)
{
    return FAIL(m, err, "cannot make a certificate, nothing was changed: %s", pst_strerror(err));
}

/* ---- the CA ---- */

/* Local names, and beyond them what this CA is made for: whoever gets hold of its key cannot pass for others.
 */
static size_t fill_subtrees(const struct pst_local_names *names, struct pst_tls_name *subtrees)
{
    size_t local_count = 0, count = 0;
    const struct pst_tls_name *local = pst_tls_local_subtrees(&local_count);
    for (; count < local_count; count++)
        subtrees[count] = local[count];
    for (size_t i = 0; i < names->count; i++) {
        bool is_covered = false;
        for (size_t j = 0; j < count && !is_covered; j++)
            is_covered = pst_tls_name_is_below(&names->list[i], &subtrees[j]);
        if (!is_covered)
            subtrees[count++] = names->list[i];
    }
    return count;
}

static int make_ca(struct making *m)
{
    const struct pst_local_request *request = m->request;
    size_t local_count = 0;
    (void)pst_tls_local_subtrees(&local_count);
    struct pst_tls_name *subtrees = calloc(local_count + PST_LOCAL_NAMES_MAX, sizeof(*subtrees));
    if (!subtrees)
        return PST_E_NOMEM;
    struct pst_tls_profile profile = {
        .common_name = request->ca_name,
        .names = subtrees,
        .name_count = fill_subtrees(request->names, subtrees),
        .not_before = request->now - PST_LOCAL_BACKDATE_S,
        .not_after = request->now + (int64_t)request->ca_days * PST_LOCAL_DAY_S,
    };
    int err = pst_tls_make_serial(profile.serial);
    if (!err)
        err = pst_tls_make_key(&m->ca_key_pem);
    if (!err)
        err = pst_tls_make_ca(&m->ca_pem, &profile, pst_slice_str(m->ca_key_pem));
    if (!err)
        err = pst_tls_ca_new(&m->ca, pst_slice_str(m->ca_pem), pst_slice_str(m->ca_key_pem));
    free(subtrees);
    return err ? fail_plain(m, err) : 0;
}

static int take_ca(struct making *m)
{
    int err = pst_tls_ca_new(&m->ca, pst_slice_str(m->ca_pem), pst_slice_str(m->ca_key_pem));
    switch (err) {
    case 0:
        return 0;
    case PST_E_CERT:
        return FAIL(m, err, "cannot read " CA " in %s as the certificate of a CA: put it right, " REMEDY,
                    m->quoted);
    case PST_E_KEY:
        return FAIL(m, err, "cannot read " CA_KEY " in %s as a key without a password: put it right, " REMEDY,
                    m->quoted);
    case PST_E_MISMATCH:
        return FAIL(m, err, CA_KEY " in %s is not the key of " CA ": put the right one back, " REMEDY,
                    m->quoted);
    default:
        return fail_plain(m, err);
    }
}

static int check_ca_end(struct making *m, int64_t end)
{
    int64_t left_s = end - m->request->now;
    if (left_s > PST_LOCAL_DAY_S)
        return 0;
    return FAIL(m, PST_E_EXPIRED, "the CA in %s %s: " NEW_CA, m->quoted,
                left_s < 0 ? "has expired" : "expires within a day");
}

static int keep_ca(struct making *m)
{
    if (!m->ca_pem)
        return FAIL(m, PST_E_CERT, CA_KEY " is in %s but " CA " is not: put it back, " REMEDY, m->quoted);
    if (!m->ca_key_pem)
        return FAIL(m, PST_E_KEY,
                    CA " is in %s but " CA_KEY " is not: put it back, " REMEDY " (a key that was thrown away "
                       "cannot come back)",
                    m->quoted);
    struct pst_tls_cert_info info;
    int err = take_ca(m);
    if (err)
        return err;
    pst_tls_ca_info(m->ca, &info);
    m->result->ca_end = info.not_after;
    return check_ca_end(m, info.not_after);
}

static int read_file(struct making *m, const char *name, char **ret_text)
{
    int err = pst_local_read(m->folder, name, ret_text);
    return err ? FAIL(m, err, "cannot read %s in %s: put it right, " REMEDY, name, m->quoted) : 0;
}

static int get_ca(struct making *m)
{
    struct pst_local_result *result = m->result;
    int err = m->request->new_ca ? 0 : read_file(m, CA, &m->ca_pem);
    if (!err && !m->request->new_ca)
        err = read_file(m, CA_KEY, &m->ca_key_pem);
    if (err)
        return err;
    if (m->ca_pem || m->ca_key_pem) {
        result->ca_state = PST_LOCAL_CA_KEPT;
        return keep_ca(m);
    }
    char *old = NULL;
    (void)pst_local_read(m->folder, CA, &old);
    result->ca_state = old ? PST_LOCAL_CA_REPLACED : PST_LOCAL_CA_MADE;
    free(old);
    result->ca_end = m->request->now + (int64_t)m->request->ca_days * PST_LOCAL_DAY_S;
    return make_ca(m);
}

/* ---- the server's certificate ---- */

/* A machine may get another name after its CA was made; a name that was asked for is another matter. */
static int settle_names(struct making *m)
{
    const struct pst_local_names *names = m->request->names;
    const struct pst_tls_name *host = m->request->host;
    char text[PST_TLS_NAME_BYTES];
    for (size_t i = 0; i < names->count; i++) {
        const struct pst_tls_name *name = &names->list[i];
        if (pst_tls_ca_permits(m->ca, name)) {
            (void)pst_local_names_add(&m->result->names, name);
        } else if (host && pst_tls_name_eq(name, host)) {
            m->result->has_left_out_host = true;
        } else {
            pst_tls_name_write(name, text);
            return FAIL(
                m, PST_E_RANGE,
                "the CA in %s may sign only for local names and those it was made with, not for %s: " NEW_CA,
                m->quoted, text);
        }
    }
    return 0;
}

static int make_leaf(struct making *m)
{
    const struct pst_local_request *request = m->request;
    struct pst_local_result *result = m->result;
    /* RFC 5280 4.1.2.5: both ends belong to the validity. */
    int64_t longest_s = (int64_t)PST_LOCAL_DAYS_MAX * PST_LOCAL_DAY_S - PST_LOCAL_BACKDATE_S - 1;
    int64_t leaf_s = (int64_t)request->days * PST_LOCAL_DAY_S;
    result->leaf_end = request->now + (leaf_s < longest_s ? leaf_s : longest_s);
    if (result->leaf_end > result->ca_end) { /* it is worth nothing after its CA's end */
        result->leaf_end = result->ca_end;
        result->is_capped = true;
    }
    struct pst_tls_profile profile = {
        .common_name = "localhost",
        .names = result->names.list,
        .name_count = result->names.count,
        .not_before = request->now - PST_LOCAL_BACKDATE_S,
        .not_after = result->leaf_end,
    };
    int err = pst_tls_make_serial(profile.serial);
    if (!err)
        err = pst_tls_make_key(&m->leaf_key_pem);
    if (!err)
        err = pst_tls_make_leaf(&m->leaf_pem, &profile, pst_slice_str(m->leaf_key_pem), m->ca);
    return err ? fail_plain(m, err) : 0;
}

/* ---- into place ---- */

static int place(struct making *m)
{
    const char *names[4];
    size_t count = 0;
    bool is_new = m->result->ca_state != PST_LOCAL_CA_KEPT, keeps_key = !m->request->throw_away_ca_key;
    int err = 0;
    if (is_new && keeps_key) {
        err = pst_local_write(m->folder, CA_KEY, m->ca_key_pem, 0600);
        names[count++] = CA_KEY;
    }
    if (!err && is_new) {
        err = pst_local_write(m->folder, CA, m->ca_pem, 0644);
        names[count++] = CA;
    }
    if (!err)
        err = pst_local_write(m->folder, LEAF_KEY, m->leaf_key_pem, 0600);
    names[count++] = LEAF_KEY;
    if (!err)
        err = pst_local_write(m->folder, LEAF, m->leaf_pem, 0644);
    names[count++] = LEAF;
    if (!err)
        err = pst_local_place(m->folder, names, count);
    if (!err && !keeps_key) /* last: until here it could have been needed again */
        err = pst_local_remove(m->folder, CA_KEY);
    return err;
}

int pst_local_make(struct pst_local_folder *folder, const struct pst_local_request *request,
                   struct pst_local_result *ret_result)
{
    struct making m = {.folder = folder, .request = request, .result = ret_result};
    *ret_result = (struct pst_local_result){0};
    pst_local_quote(m.quoted, sizeof(m.quoted), folder->path);
    int err = get_ca(&m);
    if (!err)
        err = settle_names(&m);
    if (!err)
        err = make_leaf(&m);
    if (!err)
        err = place(&m);
    pst_tls_ca_free(m.ca);
    free(m.ca_pem);
    wipe(m.ca_key_pem);
    free(m.leaf_pem);
    wipe(m.leaf_key_pem);
    return err;
}
