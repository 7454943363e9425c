/* cli_posts_write.c - posts and boxes as text for people, and as JSON, NDJSON and CSV for programs. */
#include "server/cli_posts_write.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "handlers/post_format.h"
#include "server/cli_clean.h"

/* Of the name of a field in a table; the rest of the line is for values. */
#define NAME_COLUMNS 20
/* A value in a table that has no other bound (no terminal) ends here. */
#define CELL_COLUMNS 200

/* ---- pieces ---- */

static void add_local_time(struct pst_text *t, int64_t time_ms, const char *format)
{
    char text[40] = "?";
    struct tm tm;
    time_t seconds = (time_t)(time_ms / 1000);
    if (localtime_r(&seconds, &tm))
        (void)strftime(text, sizeof text, format, &tm);
    pst_text_adds(t, text);
}

static void add_size(struct pst_text *t, uint64_t bytes)
{
    static const char *const units[] = {"kB", "MB", "GB", "TB"};
    size_t unit = 0;
    double size = (double)bytes / 1000;
    if (bytes < 1000) {
        pst_text_addf(t, "%u B", (unsigned)bytes);
        return;
    }
    for (; size >= 999.95 && unit + 1 < sizeof units / sizeof units[0]; unit++)
        size /= 1000;
    pst_text_addf(t, "%.1f %s", size, units[unit]);
}

/* The text so far goes out, changed where a terminal would obey it. */
static void put_out(struct pst_cli_posts_writer *w)
{
    struct pst_text clean = {0}, *t = &w->text;
    if (w->is_terminal && w->format != PST_CLI_POSTS_TEXT && !t->failed) {
        struct pst_slice all = pst_slice_of(t->ptr, t->len);
        if (w->format == PST_CLI_POSTS_CSV)
            pst_cli_clean_csv(&clean, all);
        else
            pst_cli_clean_json(&clean, all);
        t = &clean;
    }
    if (t->len > 0 && !t->failed)
        (void)fwrite(t->ptr, 1, t->len, w->out);
    w->text.failed = w->text.failed || clean.failed;
    w->text.len = 0;
    pst_text_free(&clean);
}

/* ---- a post in one line ---- */

/* What is left of a line. */
struct line {
    struct pst_text *t;
    bool is_bounded;
    size_t left;
    bool is_begun;
};

/* "name: value", or the value alone; false where the line is full. */
static bool add_cell(struct line *line, struct pst_slice name, struct pst_slice value)
{
    size_t gap = line->is_begun ? 2 : 0;
    if (line->is_bounded && line->left < gap + 2)
        return false;
    pst_text_add(line->t, pst_slice_of("  ", gap));
    line->left -= line->is_bounded ? gap : 0;
    line->is_begun = true;
    if (name.len > 0) {
        size_t width = line->is_bounded && line->left < NAME_COLUMNS ? line->left : NAME_COLUMNS;
        size_t used = pst_cli_clean_line(line->t, name, width);
        line->left -= line->is_bounded ? used : 0;
        if (line->is_bounded && line->left < 3)
            return false;
        pst_text_adds(line->t, ": ");
        line->left -= line->is_bounded ? 2 : 0;
    }
    size_t used = pst_cli_clean_line(line->t, value, line->is_bounded ? line->left : CELL_COLUMNS);
    line->left -= line->is_bounded ? used : 0;
    return !line->is_bounded || line->left > 0;
}

static void add_row(struct pst_cli_posts_writer *w, const struct pst_post *post)
{
    struct pst_text *t = &w->text;
    size_t begin = t->len;
    pst_text_addf(t, "%*llu  ", w->id_width, (unsigned long long)post->id);
    add_local_time(t, post->time_ms, "%Y-%m-%d %H:%M:%S  ");
    size_t used = t->len - begin;
    struct line line = {.t = t, .is_bounded = w->width > 0, .left = w->width > used ? w->width - used : 0};
    bool is_room = true;
    for (size_t i = 0; i < post->field_count && is_room; i++) {
        if (post->fields[i].value.len > 0)
            is_room = add_cell(&line, post->fields[i].name, post->fields[i].value);
    }
    if (post->body.len > 0 && is_room)
        is_room = add_cell(&line, (struct pst_slice){0}, post->body);
    for (size_t i = 0; i < post->file_count && is_room; i++)
        is_room = add_cell(&line, post->files[i].name, post->files[i].file_name);
    pst_text_adds(t, "\n");
}

/* ---- all of a post ---- */

static void add_line(struct pst_text *t, const char *before, struct pst_slice text, const char *behind)
{
    pst_text_adds(t, before);
    (void)pst_cli_clean_line(t, text, 0);
    pst_text_adds(t, behind);
}

/* Lines of a value are indented, so that none of them looks like another field. */
static void add_field(struct pst_text *t, struct pst_slice name, struct pst_slice value)
{
    add_line(t, "", name, ":");
    if (value.len > 0 && memchr(value.ptr, '\n', value.len)) {
        pst_text_adds(t, "\n");
        pst_cli_clean_lines(t, value, "    ");
    } else {
        add_line(t, value.len > 0 ? " " : "", value, "\n");
    }
}

static void add_whole(struct pst_text *t, const struct pst_post *post)
{
    pst_text_addf(t, "post %llu of %.*s, ", (unsigned long long)post->id, PST_FMT(post->box));
    add_local_time(t, post->time_ms, "%Y-%m-%d %H:%M:%S %z");
    if (post->address.len > 0)
        add_line(t, ", from ", post->address, "");
    if (post->type.len > 0)
        add_line(t, ", ", post->type, "");
    pst_text_adds(t, "\n");
    for (size_t i = 0; i < post->field_count; i++)
        add_field(t, post->fields[i].name, post->fields[i].value);
    if (post->body.len > 0)
        pst_cli_clean_lines(t, post->body, "    ");
    for (size_t i = 0; i < post->file_count; i++) {
        const struct pst_post_file *file = &post->files[i];
        pst_text_addf(t, "file %u, ", file->number);
        add_line(t, "", file->name, ":");
        add_line(t, " ", file->file_name, "");
        if (file->type.len > 0)
            add_line(t, ", ", file->type, "");
        pst_text_addf(t, ", %llu bytes, SHA-256 %s\n", (unsigned long long)file->size, file->hash);
    }
}

/* ---- one after the other ---- */

/* What stands before the next item, and before the first. */
static void begin_item(struct pst_cli_posts_writer *w)
{
    bool is_first = w->count++ == 0;
    if (w->format == PST_CLI_POSTS_JSON && w->is_array)
        pst_text_adds(&w->text, is_first ? "[\n" : ",\n");
    else if (w->format == PST_CLI_POSTS_TEXT && !w->is_table && !is_first)
        pst_text_adds(&w->text, "\n");
}

static void end_item(struct pst_cli_posts_writer *w)
{
    if (w->format == PST_CLI_POSTS_NDJSON || (w->format == PST_CLI_POSTS_JSON && !w->is_array))
        pst_text_adds(&w->text, "\n");
    put_out(w);
}

void pst_cli_posts_write(struct pst_cli_posts_writer *w, const struct pst_post *post)
{
    if (w->count == 0) {
        w->id_width = snprintf(NULL, 0, "%llu", (unsigned long long)post->id);
        if (w->format == PST_CLI_POSTS_CSV)
            pst_post_add_csv_head(&w->text, w->names);
    }
    begin_item(w);
    if (w->format == PST_CLI_POSTS_CSV)
        pst_post_add_csv(&w->text, post, w->names);
    else if (w->format != PST_CLI_POSTS_TEXT)
        pst_post_add_json(&w->text, post, NULL, true);
    else if (w->is_table)
        add_row(w, post);
    else
        add_whole(&w->text, post);
    end_item(w);
}

/* ---- boxes ---- */

static void add_box_json(struct pst_text *t, const struct pst_box_info *box)
{
    /* Names of boxes need no escapes: see pst_box_name_is_valid(). */
    pst_text_addf(t, "{\"name\":\"%s\",\"count\":%llu,\"bytes\":%llu,\"newest\":", box->name,
                  (unsigned long long)box->count, (unsigned long long)box->bytes);
    char time[PST_POST_TIME_BYTES];
    pst_post_time(time, box->last_time_ms);
    if (box->last_time_ms != 0)
        pst_text_addf(t, "\"%s\"}", time);
    else
        pst_text_adds(t, "null}");
}

static void add_box_csv(struct pst_text *t, const struct pst_box_info *box)
{
    char time[PST_POST_TIME_BYTES] = "";
    if (box->last_time_ms != 0)
        pst_post_time(time, box->last_time_ms);
    pst_text_addf(t, "%s,%llu,%llu,%s\r\n", box->name, (unsigned long long)box->count,
                  (unsigned long long)box->bytes, time);
}

static void add_box_row(struct pst_text *t, const struct pst_box_info *box, int name_width)
{
    struct pst_text size = {0};
    add_size(&size, box->bytes);
    pst_text_addf(t, "%-*s  %8llu  %9.*s  ", name_width, box->name, (unsigned long long)box->count,
                  (int)size.len, size.failed ? "" : size.ptr);
    t->failed = t->failed || size.failed;
    pst_text_free(&size);
    if (box->last_time_ms != 0)
        add_local_time(t, box->last_time_ms, "%Y-%m-%d %H:%M:%S");
    else
        pst_text_adds(t, "-");
    pst_text_adds(t, "\n");
}

void pst_cli_posts_write_boxes(struct pst_cli_posts_writer *w, const struct pst_box_info *boxes, size_t count)
{
    int name_width = 3;
    w->is_table = true;
    for (size_t i = 0; i < count; i++) {
        int len = (int)strlen(boxes[i].name);
        name_width = len > name_width ? len : name_width;
    }
    if (w->format == PST_CLI_POSTS_TEXT && count > 0)
        pst_text_addf(&w->text, "%-*s  %8s  %9s  %s\n", name_width, "BOX", "POSTS", "SIZE", "NEWEST");
    else if (w->format == PST_CLI_POSTS_CSV)
        pst_text_adds(&w->text, "name,count,bytes,newest\r\n");
    for (size_t i = 0; i < count; i++) {
        begin_item(w);
        if (w->format == PST_CLI_POSTS_TEXT)
            add_box_row(&w->text, &boxes[i], name_width);
        else if (w->format == PST_CLI_POSTS_CSV)
            add_box_csv(&w->text, &boxes[i]);
        else
            add_box_json(&w->text, &boxes[i]);
        end_item(w);
    }
}

int pst_cli_posts_write_end(struct pst_cli_posts_writer *w)
{
    if (w->format == PST_CLI_POSTS_JSON && w->is_array)
        pst_text_adds(&w->text, w->count > 0 ? "\n]\n" : "[]\n");
    else if (w->format == PST_CLI_POSTS_CSV && w->count == 0 && w->names)
        pst_post_add_csv_head(&w->text, w->names);
    put_out(w);
    bool is_out_of_memory = w->text.failed;
    pst_text_free(&w->text);
    if (is_out_of_memory)
        return PST_E_NOMEM;
    errno = 0;
    return fflush(w->out) != 0 || ferror(w->out) ? PST_E_IO : 0;
}
