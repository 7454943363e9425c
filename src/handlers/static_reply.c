/* static_reply.c - the replies of the static handler for one file, or for none. */
#include "handlers/static_reply.h"

#include <errno.h>
#include <unistd.h>

#include <postern/http.h>

#include "handlers/page.h"
#include "handlers/static_conditions.h"

void pst_static_refuse(struct pst_exchange *ex, int err)
{
    int status = 500;
    switch (err) {
    case ENOENT:
    case ENOTDIR:
    case ENAMETOOLONG:
    case ELOOP: /* a loop of links, or a magic link */
    case EXDEV: /* out of the root */
    case ENXIO: /* a socket */
    case ENODEV:
    case EISDIR:
    case EINVAL:
        status = 404;
        break;
    case EACCES:
    case EPERM:
        status = 403;
        break;
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case EAGAIN:
        status = 503;
        (void)pst_reply_field_ref(ex, PST_SLICE("Retry-After"), PST_SLICE("1"));
        break;
    default:
        break;
    }
    if (pst_reply_error(ex, status) != 0)
        pst_page_give_up(ex);
}

/* What the reply says of a representation, besides its bytes. What it points to lives as long as the
 * exchange. */
struct representation {
    const struct pst_static_facts *facts;
    const struct pst_static_validators *validators;
    struct pst_slice type;
};

/* "no-cache" lets everybody keep a copy but ask each time, which costs a 304: a page that was edited is
 * fresh at the first reload, and nobody has to know about caching to get that. */
static int add_validators(struct pst_exchange *ex, const void *arg)
{
    const struct representation *rep = arg;
    const struct pst_static_validators *v = rep->validators;
    int err = pst_reply_field_ref(ex, PST_SLICE("ETag"), pst_slice_of(v->etag, v->etag_len));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Cache-Control"), PST_SLICE("no-cache"));
    return err;
}

static int add_fields(struct pst_exchange *ex, const void *arg)
{
    const struct representation *rep = arg;
    int err = pst_reply_field_ref(ex, PST_SLICE("Content-Type"), rep->type);
    if (!err)
        err = add_validators(ex, rep);
    /* RFC 9110 8.8.2.1: never a date in the future; such a file goes without. */
    if (!err && rep->facts->mtime.tv_sec <= pst_exchange_unix_time(ex))
        err = pst_reply_field_ref(ex, PST_SLICE("Last-Modified"),
                                  pst_slice_of(rep->validators->modified, PST_HTTP_DATE_BYTES));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("Accept-Ranges"), PST_SLICE("bytes"));
    if (!err)
        err = pst_reply_field_ref(ex, PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff"));
    return err;
}

static bool reply_head(struct pst_exchange *ex, const struct representation *rep, uint64_t *ret_offset,
                       uint64_t *ret_len)
{
    const struct pst_static_target target = {
        .etag = pst_slice_of(rep->validators->etag, rep->validators->etag_len),
        .modified = rep->facts->mtime.tv_sec,
        .size = rep->facts->size,
    };
    const struct pst_static_fields fields = {add_validators, add_fields, rep};
    return pst_static_begin(ex, &target, &fields, ret_offset, ret_len);
}

static void let_go(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    (void)why;
    pst_static_entry_unref(arg);
}

void pst_static_reply_entry(struct pst_exchange *ex, struct pst_static_entry *entry)
{
    pst_static_entry_ref(entry);
    pst_exchange_on_end(ex, let_go, entry);
    struct representation rep = {&entry->facts, &entry->validators, entry->type};
    uint64_t offset = 0, len = 0;
    if (reply_head(ex, &rep, &offset, &len) && pst_reply_bytes(ex, entry->data + offset, len) != 0)
        pst_page_give_up(ex);
}

struct pst_slice pst_static_type(struct pst_slice path)
{
    const char *slash = memrchr(path.ptr, '/', path.len);
    size_t skip = slash ? (size_t)(slash - path.ptr) + 1 : 0;
    return pst_slice_str(pst_media_type_by_name(pst_slice_of(path.ptr + skip, path.len - skip)));
}

void pst_static_reply_file(struct pst_exchange *ex, int fd, const struct pst_static_facts *facts,
                           struct pst_slice path)
{
    struct kept {
        struct pst_static_facts facts;
        struct pst_static_validators validators;
    } *kept = pst_exchange_alloc(ex, sizeof *kept);
    uint64_t offset = 0, len = 0;
    if (!kept) {
        (void)close(fd);
        pst_page_give_up(ex);
        return;
    }
    kept->facts = *facts;
    pst_static_validators_make(facts, &kept->validators);
    struct representation rep = {&kept->facts, &kept->validators, pst_static_type(path)};
    if (!reply_head(ex, &rep, &offset, &len)) {
        (void)close(fd);
        return;
    }
    if (pst_reply_file(ex, fd, offset, len) != 0)
        pst_page_give_up(ex);
}
