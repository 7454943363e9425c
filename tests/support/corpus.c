/* corpus.c - see corpus.h. */
#include "support/corpus.h"

#include <dirent.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    struct corpus *corpus;
    struct corpus_entry *entry; /* the current one; NULL before the first */
    corpus_etag_fn *etag;
    void *arg;
    const char *file;
    unsigned line;
};

PST_PRINTF(2, 3) _Noreturn static void die(const struct reader *r, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    fprintf(stderr, "%s:%u: ", r->file, r->line);
    vfprintf(stderr, format, args);
    fprintf(stderr, "\n");
    va_end(args);
    abort();
}

/* ---- text with escapes ---- */

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static const char *unescape_one(const struct reader *r, const char *p, char *ret_byte)
{
    switch (*p) {
    case 'r':
        *ret_byte = '\r';
        return p + 1;
    case 'n':
        *ret_byte = '\n';
        return p + 1;
    case 't':
        *ret_byte = '\t';
        return p + 1;
    case '\\':
    case '"':
    case '{':
        *ret_byte = *p;
        return p + 1;
    case 'x':
        if (hex(p[1]) < 0 || hex(p[2]) < 0)
            die(r, "\\x wants two hexadecimal digits");
        *ret_byte = (char)(hex(p[1]) * 16 + hex(p[2]));
        return p + 3;
    default:
        die(r, "unknown escape \\%c", *p);
    }
}

static const char *put_etag(const struct reader *r, const char *p, struct pst_text *to)
{
    static const char begin[] = "{etag:";
    const char *end = strchr(p, '}');
    char path[256];
    if (strncmp(p, begin, sizeof(begin) - 1) != 0 || !end || !r->etag)
        die(r, "only {etag:PATH} may stand in braces; write \\{ for a brace");
    p += sizeof(begin) - 1;
    snprintf(path, sizeof(path), "%.*s", (int)(end - p), p);
    pst_text_adds(to, r->etag(path, r->arg));
    return end + 1;
}

static void unescape(const struct reader *r, const char *p, struct pst_text *to)
{
    while (*p) {
        char byte = *p;
        if (byte == '{') {
            p = put_etag(r, p, to);
            continue;
        }
        p = byte == '\\' ? unescape_one(r, p + 1, &byte) : p + 1;
        pst_text_add(to, pst_slice_of(&byte, 1));
    }
    if (to->failed)
        die(r, "out of memory");
}

/* ---- lines ---- */

static struct pst_text *step_bytes(const struct reader *r, bool is_wait)
{
    struct corpus_entry *e = r->entry;
    if (e->step_count == 0 || e->steps[e->step_count - 1].is_wait != is_wait) {
        if (e->step_count == CORPUS_STEPS_MOST)
            die(r, "too many steps");
        e->steps[e->step_count++].is_wait = is_wait;
    }
    return &e->steps[e->step_count - 1].bytes;
}

static size_t number(const struct reader *r, const char **p)
{
    char *end;
    unsigned long n = strtoul(*p, &end, 10);
    if (end == *p || n > 100000000)
        die(r, "a number is missing, or too large");
    *p = end + (*end == ' ');
    return n;
}

static void send_repeated(const struct reader *r, const char *p)
{
    struct pst_text once = {0}, *to = step_bytes(r, false);
    size_t n = number(r, &p);
    unescape(r, p, &once);
    if (once.len == 0)
        die(r, "nothing to repeat");
    for (size_t left = n; left > 0;) {
        size_t part = left < once.len ? left : once.len;
        pst_text_add(to, pst_slice_of(once.ptr, part));
        left -= part;
    }
    pst_text_free(&once);
}

/* Every value occurs, in no order that compresses: a small linear congruential generator. */
static void send_any(const struct reader *r, const char *p)
{
    struct pst_text *to = step_bytes(r, false);
    uint32_t state = 12345;
    for (size_t n = number(r, &p); n > 0; n--) {
        state = state * 1664525u + 1013904223u;
        char byte = (char)(state >> 24);
        pst_text_add(to, pst_slice_of(&byte, 1));
    }
}

static void read_limit(const struct reader *r, const char *p)
{
    const char *space = strchr(p, ' ');
    if (!space)
        die(r, "limit NAME VALUE");
    const char *digits = space + 1;
    struct pst_slice name = pst_slice_of(p, (size_t)(space - p));
    if (pst_limits_set(&r->entry->limits, name, number(r, &digits)) != 0)
        die(r, "no such limit, or out of its bounds");
}

static void read_statuses(const struct reader *r, const char *p)
{
    struct corpus_entry *e = r->entry;
    while (*p) {
        if (e->status_count == CORPUS_STATUSES_MOST)
            die(r, "too many statuses");
        e->statuses[e->status_count++] = (int)number(r, &p);
    }
}

static void read_text(const struct reader *r, const char *p, struct pst_text *texts, size_t *count)
{
    if (*count == CORPUS_TEXTS_MOST)
        die(r, "too many texts");
    unescape(r, p, &texts[(*count)++]);
}

static void begin_entry(struct reader *r, const char *name)
{
    struct corpus *c = r->corpus;
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->entries[i].name, name) == 0)
            die(r, "the name is used already, in %s", c->entries[i].file);
    if (c->count == c->cap) {
        c->cap = c->cap ? 2 * c->cap : 64;
        c->entries = realloc(c->entries, c->cap * sizeof(*c->entries));
        if (!c->entries)
            die(r, "out of memory");
    }
    r->entry = &c->entries[c->count++];
    memset(r->entry, 0, sizeof(*r->entry));
    snprintf(r->entry->name, sizeof(r->entry->name), "%s", name);
    snprintf(r->entry->file, sizeof(r->entry->file), "%s", r->file);
    pst_limits_init(&r->entry->limits);
}

static void end_entry(const struct reader *r)
{
    struct corpus_entry *e = r->entry;
    if (!e)
        return;
    for (size_t i = 0; i < e->step_count; i++)
        if (!e->steps[i].is_wait)
            e->bytes += e->steps[i].bytes.len;
    if (e->step_count == 0 || e->status_count == 0)
        die(r, "%s: an entry needs something to send, and a status line", e->name);
    if (e->is_close && e->has_fin)
        die(r, "%s: who ends first? close or fin", e->name);
}

/* What stands behind word and a space, where line begins with word. */
static const char *behind(const char *line, const char *word)
{
    size_t n = strlen(word);
    if (strncmp(line, word, n) != 0 || (line[n] != ' ' && line[n] != '\0'))
        return NULL;
    return line + n + (line[n] == ' ');
}

static void read_line(struct reader *r, const char *line)
{
    const char *p = behind(line, "===");
    if (p) {
        end_entry(r);
        begin_entry(r, p);
        return;
    }
    if (line[0] == '#' || line[0] == '\0')
        return;
    struct corpus_entry *e = r->entry;
    if (!e)
        die(r, "an entry begins with === NAME");
    if ((p = behind(line, ">")) != NULL)
        unescape(r, p, step_bytes(r, false));
    else if ((p = behind(line, ">*")) != NULL)
        send_repeated(r, p);
    else if ((p = behind(line, ">~")) != NULL)
        send_any(r, p);
    else if ((p = behind(line, "<")) != NULL)
        unescape(r, p, step_bytes(r, true));
    else if ((p = behind(line, "status")) != NULL)
        read_statuses(r, p);
    else if ((p = behind(line, "limit")) != NULL)
        read_limit(r, p);
    else if ((p = behind(line, "has")) != NULL)
        read_text(r, p, e->has, &e->has_count);
    else if ((p = behind(line, "lacks")) != NULL)
        read_text(r, p, e->lacks, &e->lacks_count);
    else if (strcmp(line, "fin") == 0)
        e->has_fin = true;
    else if (strcmp(line, "close") == 0)
        e->is_close = true;
    else if (strcmp(line, "cut") == 0)
        e->is_cut = e->is_close = true;
    else if (strcmp(line, "maybe 100") == 0)
        e->is_maybe_100 = true;
    else
        die(r, "what is this? \"%s\"", line);
}

static void read_file(struct corpus *c, const char *folder, const char *name, corpus_etag_fn *etag, void *arg)
{
    char path[1024];
    struct reader r = {.corpus = c, .etag = etag, .arg = arg, .file = name};
    snprintf(path, sizeof(path), "%s/%s", folder, name);
    FILE *file = fopen(path, "r");
    if (!file)
        die(&r, "cannot be opened");
    char *line = NULL;
    size_t cap = 0;
    ssize_t n;
    while ((n = getline(&line, &cap, file)) > 0) {
        r.line++;
        if (line[n - 1] == '\n')
            line[--n] = '\0';
        /* Editors and mails lose blanks at the end of a line, so none may mean anything. */
        if (n > 1 && (line[n - 1] == ' ' || line[n - 1] == '\t' || line[n - 1] == '\r'))
            die(&r, "a blank at the end of the line: write \\x20");
        read_line(&r, line);
    }
    end_entry(&r);
    free(line);
    fclose(file);
}

static int is_http_file(const struct dirent *entry)
{
    size_t n = strlen(entry->d_name);
    return n > 5 && strcmp(entry->d_name + n - 5, ".http") == 0;
}

void corpus_load(struct corpus *ret_corpus, const char *folder, corpus_etag_fn *etag, void *arg)
{
    struct dirent **names;
    *ret_corpus = (struct corpus){0};
    int count = scandir(folder, &names, is_http_file, alphasort);
    struct reader r = {.file = folder};
    if (count <= 0)
        die(&r, "no *.http files");
    for (int i = 0; i < count; i++) {
        read_file(ret_corpus, folder, names[i]->d_name, etag, arg);
        free(names[i]);
    }
    free(names);
}

void corpus_free(struct corpus *corpus)
{
    for (size_t i = 0; i < corpus->count; i++) {
        struct corpus_entry *e = &corpus->entries[i];
        for (size_t k = 0; k < e->step_count; k++)
            pst_text_free(&e->steps[k].bytes);
        for (size_t k = 0; k < e->has_count; k++)
            pst_text_free(&e->has[k]);
        for (size_t k = 0; k < e->lacks_count; k++)
            pst_text_free(&e->lacks[k]);
    }
    free(corpus->entries);
    *corpus = (struct corpus){0};
}
