/* box.c - reading a box's declaration. */
#include "handlers/box.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "handlers/origin.h"
#include "handlers/rate.h"

enum { RATE_MOST = 100000, FILES_MOST = 1000 };
#define SIZE_MOST (UINT64_C(1) << 40) /* as of the limits that these stand beside */

/* What is read so far, and where to say what is wrong. */
struct reading {
    struct pst_box *box;
    unsigned seen; /* a bit for each option */
    unsigned per_minute;
    uint64_t max_files;
    char *why;
    size_t why_size;
};

static int PST_PRINTF(3, 4) refuse(struct reading *r, int err, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    (void)vsnprintf(r->why, r->why_size, format, args);
    va_end(args);
    return err;
}

/* Cuts s at the first of that byte; *ret_rest is what follows it. */
static struct pst_slice cut(struct pst_slice s, char at, struct pst_slice *ret_rest)
{
    const char *found = s.len > 0 ? memchr(s.ptr, at, s.len) : NULL;
    size_t n = found ? (size_t)(found - s.ptr) : s.len;
    *ret_rest = found ? pst_slice_of(found + 1, s.len - n - 1) : pst_slice_of(s.ptr + s.len, 0);
    return pst_slice_of(s.ptr, n);
}

/* ---- numbers ---- */

static int read_number(struct reading *r, struct pst_slice value, uint64_t most, uint64_t *ret_number)
{
    unsigned long long number;
    if (!pst_slice_to_u64(value, &number))
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" is no number", PST_FMT(value));
    if (number < 1 || number > most)
        return refuse(r, PST_E_RANGE, "%.*s is not between 1 and %llu", PST_FMT(value),
                      (unsigned long long)most);
    *ret_number = number;
    return 0;
}

static int read_size(struct reading *r, struct pst_slice value, uint64_t *ret_bytes)
{
    static const char suffixes[] = "kKmMgG";
    unsigned long long number;
    unsigned shift = 0;
    struct pst_slice digits = value;
    const char *suffix = value.len > 0 ? strchr(suffixes, value.ptr[value.len - 1]) : NULL;
    if (suffix && *suffix) {
        shift = (unsigned)((suffix - suffixes) / 2 + 1) * 10;
        digits.len--;
    }
    if (!pst_slice_to_u64(digits, &number))
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" is no size: write such as 500K, 10M or 2G", PST_FMT(value));
    if (number < 1 || number > SIZE_MOST >> shift)
        return refuse(r, PST_E_RANGE, "%.*s is not between 1 byte and 1024G", PST_FMT(value));
    *ret_bytes = (uint64_t)number << shift;
    return 0;
}

/* ---- one option each ---- */

static int read_public(struct reading *r, struct pst_slice value)
{
    (void)value;
    r->box->is_public = true;
    return 0;
}

static int read_files(struct reading *r, struct pst_slice value)
{
    (void)value;
    r->box->rules.max_files = PST_BOX_FILES_DEFAULT;
    return 0;
}

static int read_max_files(struct reading *r, struct pst_slice value)
{
    return read_number(r, value, FILES_MOST, &r->max_files);
}

static int read_max_file(struct reading *r, struct pst_slice value)
{
    return read_size(r, value, &r->box->rules.file_bytes);
}

static int read_max_bytes(struct reading *r, struct pst_slice value)
{
    return read_size(r, value, &r->box->rules.body_bytes);
}

static int read_box_bytes(struct reading *r, struct pst_slice value)
{
    return read_size(r, value, &r->box->rules.box_bytes);
}

static int read_rate(struct reading *r, struct pst_slice value)
{
    uint64_t number = 0;
    int err = read_number(r, value, RATE_MOST, &number);
    if (!err)
        r->per_minute = (unsigned)number;
    return err;
}

/* The names that forms use to steer how they are read. */
static bool is_reserved(struct pst_slice name)
{
    return pst_slice_eq(name, PST_SLICE("_charset_")) || pst_slice_eq(name, PST_SLICE("_idempotency_key"));
}

static int read_field(struct reading *r, struct pst_slice item)
{
    struct pst_submission_rules *rules = &r->box->rules;
    struct pst_submission_field field = {.name = item};
    if (item.len > 0 && item.ptr[item.len - 1] == '!') {
        field.is_required = true;
        field.name.len--;
    }
    if (field.name.len == 0)
        return refuse(r, PST_E_SYNTAX, "a field without a name: write such as name+email!+text!");
    if (is_reserved(field.name))
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" is never stored", PST_FMT(field.name));
    for (size_t i = 0; i < rules->field_count; i++) {
        if (pst_slice_eq(r->box->fields[i].name, field.name))
            return refuse(r, PST_E_SYNTAX, "\"%.*s\" is there twice", PST_FMT(field.name));
    }
    r->box->fields[rules->field_count++] = field;
    return 0;
}

static size_t count_of(struct pst_slice s, char c)
{
    size_t n = 0;
    for (size_t i = 0; i < s.len; i++)
        n += s.ptr[i] == c;
    return n;
}

static int read_fields(struct reading *r, struct pst_slice value)
{
    size_t left = count_of(value, '+') + 1;
    r->box->fields = calloc(left, sizeof(*r->box->fields));
    if (!r->box->fields)
        return refuse(r, PST_E_NOMEM, "out of memory");
    r->box->rules.fields = r->box->fields;
    int err = 0;
    for (struct pst_slice rest = value; left > 0 && !err; left--) {
        struct pst_slice item = cut(rest, '+', &rest);
        err = read_field(r, item);
    }
    return err;
}

static int read_honeypot(struct reading *r, struct pst_slice value)
{
    if (is_reserved(value))
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" has a meaning of its own", PST_FMT(value));
    r->box->rules.honeypot = value;
    return 0;
}

/* A path of this site and nothing else: browsers take "//host" and "/\host" for another host, also with
 * control bytes in between. */
static int read_next(struct reading *r, struct pst_slice value)
{
    if (value.ptr[0] != '/' || (value.len > 1 && value.ptr[1] == '/'))
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" is no path of this site: it begins with one /",
                      PST_FMT(value));
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] <= ' ' || value.ptr[i] >= 0x7f || value.ptr[i] == '\\')
            return refuse(
                r, PST_E_SYNTAX,
                "a path has printable ASCII without spaces and backslashes: write %%20 for a space");
    }
    r->box->next = value;
    return 0;
}

static int read_from(struct reading *r, struct pst_slice value)
{
    struct pst_origin origin;
    struct pst_slice rest;
    if (!pst_origin_read(value, &origin, &rest) || rest.len > 0)
        return refuse(r, PST_E_SYNTAX, "\"%.*s\" is no origin: write such as https://www.example.com",
                      PST_FMT(value));
    size_t count = r->box->rules.origin_count;
    struct pst_slice *origins = realloc(r->box->origins, (count + 1) * sizeof(*origins));
    if (!origins)
        return refuse(r, PST_E_NOMEM, "out of memory");
    origins[count] = value;
    r->box->rules.origins = r->box->origins = origins;
    r->box->rules.origin_count = count + 1;
    return 0;
}

/* ---- all options ---- */

enum value { VALUE_NONE, VALUE_ONE, VALUE_MANY };
enum option_id {
    OPTION_PUBLIC,
    OPTION_FILES,
    OPTION_MAX_FILES,
    OPTION_MAX_FILE,
    OPTION_MAX_BYTES,
    OPTION_BOX_BYTES,
    OPTION_FIELDS,
    OPTION_HONEYPOT,
    OPTION_NEXT,
    OPTION_FROM,
    OPTION_RATE,
    OPTIONS
};
static const struct option {
    const char *name;
    enum value value;
    int (*read)(struct reading *r, struct pst_slice value);
} options[OPTIONS] = {
    [OPTION_PUBLIC] = {"public", VALUE_NONE, read_public},
    [OPTION_FILES] = {"files", VALUE_NONE, read_files},
    [OPTION_MAX_FILES] = {"max-files", VALUE_ONE, read_max_files},
    [OPTION_MAX_FILE] = {"max-file", VALUE_ONE, read_max_file},
    [OPTION_MAX_BYTES] = {"max-bytes", VALUE_ONE, read_max_bytes},
    [OPTION_BOX_BYTES] = {"box-bytes", VALUE_ONE, read_box_bytes},
    [OPTION_FIELDS] = {"fields", VALUE_ONE, read_fields},
    [OPTION_HONEYPOT] = {"honeypot", VALUE_ONE, read_honeypot},
    [OPTION_NEXT] = {"next", VALUE_ONE, read_next},
    [OPTION_FROM] = {"from", VALUE_MANY, read_from},
    [OPTION_RATE] = {"rate", VALUE_ONE, read_rate},
};

static int refuse_unknown(struct reading *r, struct pst_slice name)
{
    char names[160];
    size_t n = 0;
    for (size_t i = 0; i < OPTIONS && n < sizeof names; i++)
        n += (size_t)snprintf(names + n, sizeof names - n, "%s%s%s", i ? ", " : "", options[i].name,
                              options[i].value == VALUE_NONE ? "" : "=");
    return refuse(r, PST_E_SYNTAX, "no option \"%.*s\": there are %s", name.len < 40 ? (int)name.len : 40,
                  name.ptr, names);
}

static int read_option(struct reading *r, struct pst_slice text)
{
    struct pst_slice value;
    struct pst_slice name = cut(text, '=', &value);
    bool has_equals = name.len < text.len;
    for (size_t i = 0; i < OPTIONS; i++) {
        const struct option *option = &options[i];
        if (!pst_slice_eq(name, pst_slice_str(option->name)))
            continue;
        if (option->value == VALUE_NONE ? has_equals : value.len == 0)
            return refuse(r, PST_E_SYNTAX,
                          option->value == VALUE_NONE ? "%s takes no value" : "%s= needs a value",
                          option->name);
        if (r->seen & 1U << i && option->value != VALUE_MANY)
            return refuse(r, PST_E_SYNTAX, "%s is there twice", option->name);
        r->seen |= 1U << i;
        return option->read(r, value);
    }
    return refuse_unknown(r, name);
}

/* What options mean together. */
static int settle(struct reading *r)
{
    struct pst_submission_rules *rules = &r->box->rules;
    unsigned about_files = 1U << OPTION_MAX_FILES | 1U << OPTION_MAX_FILE;
    if (r->seen & about_files && !(r->seen & 1U << OPTION_FILES))
        return refuse(r, PST_E_SYNTAX, "%s= says nothing without files: add files",
                      r->seen & 1U << OPTION_MAX_FILES ? "max-files" : "max-file");
    if (r->max_files > 0)
        rules->max_files = (unsigned)r->max_files;
    for (size_t i = 0; i < rules->field_count; i++) {
        if (pst_slice_eq(rules->fields[i].name, rules->honeypot))
            return refuse(r, PST_E_SYNTAX, "\"%.*s\" cannot be a field and the honeypot",
                          PST_FMT(rules->honeypot));
    }
    if (r->per_minute == 0)
        return 0;
    int err = pst_rate_new(&r->box->rate, r->per_minute, r->per_minute);
    rules->rate = r->box->rate;
    return err ? refuse(r, err, "%s", pst_strerror(err)) : 0;
}

static int read_all(struct reading *r, struct pst_slice spec)
{
    struct pst_slice rest;
    r->box->name = cut(spec, ':', &rest);
    r->box->rules.box = r->box->name;
    if (!pst_box_name_is_valid(r->box->name))
        return refuse(r, PST_E_SYNTAX,
                      "a box's name has 1 to 64 of a-z, 0-9, - and _, the first a letter or digit");
    int err = 0;
    /* A colon or comma with nothing behind it is a slip of whoever puts options together: no harm in it. */
    while (rest.len > 0 && !err) {
        struct pst_slice item = cut(rest, ',', &rest);
        if (item.len > 0)
            err = read_option(r, item);
    }
    return err ? err : settle(r);
}

int pst_box_parse(struct pst_box **ret_box, const char *spec, char *why, size_t why_size)
{
    struct reading r = {.why = why, .why_size = why_size};
    *ret_box = NULL;
    why[0] = '\0';
    size_t len = strlen(spec);
    r.box = calloc(1, sizeof(*r.box));
    char *text = malloc(len + 1);
    if (!r.box || !text) {
        free(text);
        free(r.box);
        return refuse(&r, PST_E_NOMEM, "out of memory");
    }
    memcpy(text, spec, len + 1);
    r.box->text = text;
    int err = read_all(&r, pst_slice_of(text, len));
    if (err) {
        pst_box_free(r.box);
        return err;
    }
    *ret_box = r.box;
    return 0;
}

void pst_box_free(struct pst_box *box)
{
    if (!box)
        return;
    pst_rate_free(box->rate);
    free(box->fields);
    free(box->origins);
    free(box->text);
    free(box);
}
