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
    const struct pst_field_set *set; /* all fields, made before; NULL: not yet */
};

enum { FIELDS_OF_ALL = 6, FIELDS_OF_VALIDATORS = 2 };

/* "no-cache" lets everybody keep a copy but ask each time, which costs a 304: a page that was edited is
 * fresh at the first reload, and nobody has to know about caching to get that. */
static size_t list_validators(const struct representation *rep, struct pst_field ret_fields[])
{
    const struct pst_static_validators *v = rep->validators;
    ret_fields[0] = (struct pst_field){PST_SLICE("ETag"), pst_slice_of(v->etag, v->etag_len)};
    ret_fields[1] = (struct pst_field){PST_SLICE("Cache-Control"), PST_SLICE("no-cache")};
    return FIELDS_OF_VALIDATORS;
}

/* RFC 9110 8.8.2.1: never a date in the future; such a file goes without. */
static bool has_date(const struct representation *rep, int64_t now)
{
    return rep->facts->mtime.tv_sec <= now;
}

static size_t list_fields(const struct representation *rep, int64_t now, struct pst_field ret_fields[])
{
    size_t n = 0;
    ret_fields[n++] = (struct pst_field){PST_SLICE("Content-Type"), rep->type};
    n += list_validators(rep, ret_fields + n);
    if (has_date(rep, now))
        ret_fields[n++] = (struct pst_field){PST_SLICE("Last-Modified"),
                                             pst_slice_of(rep->validators->modified, PST_HTTP_DATE_BYTES)};
    ret_fields[n++] = (struct pst_field){PST_SLICE("Accept-Ranges"), PST_SLICE("bytes")};
    ret_fields[n++] = (struct pst_field){PST_SLICE("X-Content-Type-Options"), PST_SLICE("nosniff")};
    return n;
}

static int add_listed(struct pst_exchange *ex, const struct pst_field fields[], size_t count)
{
    int err = 0;
    for (size_t i = 0; i < count && !err; i++)
        err = pst_reply_field_ref(ex, fields[i].name, fields[i].value);
    return err;
}

static int add_validators(struct pst_exchange *ex, const void *arg)
{
    struct pst_field fields[FIELDS_OF_VALIDATORS];
    return add_listed(ex, fields, list_validators(arg, fields));
}

static int add_fields(struct pst_exchange *ex, const void *arg)
{
    const struct representation *rep = arg;
    int64_t now = pst_exchange_unix_time(ex);
    if (rep->set && has_date(rep, now))
        return pst_reply_field_set(ex, rep->set);
    struct pst_field fields[FIELDS_OF_ALL];
    return add_listed(ex, fields, list_fields(rep, now, fields));
}

static struct representation of_entry(const struct pst_static_entry *entry)
{
    return (struct representation){&entry->facts, &entry->validators, entry->type, entry->fields};
}

void pst_static_prepare(struct pst_static_entry *entry, int64_t now)
{
    struct representation rep = of_entry(entry);
    struct pst_field fields[FIELDS_OF_ALL];
    if (has_date(&rep, now)) /* else the fields will change when it is no longer in the future */
        (void)pst_field_set_new(&entry->fields, fields, list_fields(&rep, now, fields));
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
    struct representation rep = of_entry(entry);
    uint64_t offset = 0, len = 0;
    if (!reply_head(ex, &rep, &offset, &len))
        return;
    /* Of a part, no more than is asked for need be copied. */
    bool is_large = entry->fd >= 0 && len >= PST_STATIC_MEMFD_MIN_BYTES;
    int err = is_large ? pst_reply_bytes_of(ex, entry->data + offset, len, entry->fd, offset)
                       : pst_reply_bytes(ex, entry->data + offset, len);
    if (err)
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
    struct representation rep = {&kept->facts, &kept->validators, pst_static_type(path), NULL};
    if (!reply_head(ex, &rep, &offset, &len)) {
        (void)close(fd);
        return;
    }
    if (pst_reply_file(ex, fd, offset, len) != 0)
        pst_page_give_up(ex);
}
