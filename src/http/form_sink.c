/* form_sink.c - see form_sink.h. */
#include "http/form_sink.h"

#include <inttypes.h>
#include <stdio.h>

void pst_form_sink_init(struct pst_form_sink *sink, const struct pst_limits *limits,
                        const struct pst_form_events *events, void *arg)
{
    *sink = (struct pst_form_sink){.limits = *limits, .events = *events, .arg = arg};
}

int pst_form_sink_refuse(struct pst_form_sink *sink, const char *why)
{
    (void)snprintf(sink->why, sizeof sink->why, "%s", why);
    return PST_E_SYNTAX;
}

int pst_form_sink_over(struct pst_form_sink *sink, const char *what, const char *limit, uint64_t value)
{
    (void)snprintf(sink->why, sizeof sink->why, "%s %s (%" PRIu64 ")", what, limit, value);
    return PST_E_LIMIT;
}

#define OVER(sink, what, limit) pst_form_sink_over(sink, what, #limit, (sink)->limits.limit)

int pst_form_sink_name_too_long(struct pst_form_sink *sink)
{
    return OVER(sink, "a name is longer than", form_name_bytes);
}

int pst_form_sink_part(struct pst_form_sink *sink)
{
    return ++sink->parts > sink->limits.form_parts ? OVER(sink, "more parts than", form_parts) : 0;
}

/* A file input that was left empty is sent as a part with an empty file name and no data: it counts as a file
 * only when data comes, so that a form may have more such inputs than form_files. */
static int count_file(struct pst_form_sink *sink)
{
    if (sink->is_file_counted)
        return 0;
    sink->is_file_counted = true;
    return ++sink->files > sink->limits.form_files ? OVER(sink, "more files than", form_files) : 0;
}

static int count_part(struct pst_form_sink *sink, const struct pst_form_part *part)
{
    if (part->is_file)
        return part->file_name.len > 0 ? count_file(sink) : 0;
    return ++sink->fields > sink->limits.form_fields ? OVER(sink, "more fields than", form_fields) : 0;
}

static int check_name(struct pst_form_sink *sink, struct pst_slice name)
{
    if (name.len > sink->limits.form_name_bytes)
        return pst_form_sink_name_too_long(sink);
    /* C code further on would take the name for a shorter one. */
    if (name.len > 0 && memchr(name.ptr, '\0', name.len) != NULL)
        return pst_form_sink_refuse(sink, "a name holds a NUL");
    return 0;
}

int pst_form_sink_begin(struct pst_form_sink *sink, const struct pst_form_part *part)
{
    sink->is_file = part->is_file;
    sink->is_file_counted = false;
    sink->value_bytes = 0;
    int err = count_part(sink, part);
    if (!err)
        err = check_name(sink, part->name);
    if (!err)
        err = check_name(sink, part->file_name);
    if (err)
        return err;
    /* Names of files are kept as the fields' text is, so they count as such. */
    sink->text_bytes += part->name.len + part->file_name.len;
    if (sink->text_bytes > sink->limits.form_text_bytes)
        return OVER(sink, "names and values together are longer than", form_text_bytes);
    return sink->events.on_begin(sink->arg, part);
}

/* How many bytes more the open value may have, and whether it is all text together that sets the bound. */
static uint64_t room_left(const struct pst_form_sink *sink, bool *ret_is_text)
{
    *ret_is_text = false;
    if (sink->is_file)
        return sink->limits.form_file_bytes - sink->value_bytes;
    uint64_t field = sink->limits.form_field_bytes - sink->value_bytes;
    uint64_t text = sink->limits.form_text_bytes - sink->text_bytes;
    *ret_is_text = text < field;
    return *ret_is_text ? text : field;
}

int pst_form_sink_data(struct pst_form_sink *sink, const char *data, size_t len)
{
    bool is_text;
    uint64_t room = room_left(sink, &is_text);
    size_t taken = len < room ? len : (size_t)room;
    int err = 0;

    if (len > 0 && sink->is_file)
        err = count_file(sink);
    if (err)
        return err;
    sink->value_bytes += taken;
    sink->text_bytes += sink->is_file ? 0 : taken;
    if (taken > 0)
        err = sink->events.on_data(sink->arg, data, taken);
    if (err || taken == len)
        return err;
    if (sink->is_file)
        return OVER(sink, "a file is larger than", form_file_bytes);
    return is_text ? OVER(sink, "names and values together are longer than", form_text_bytes)
                   : OVER(sink, "a field is longer than", form_field_bytes);
}

int pst_form_sink_end(struct pst_form_sink *sink)
{
    return sink->events.on_end(sink->arg);
}
