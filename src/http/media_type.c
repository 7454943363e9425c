/* media_type.c - which media type a file name has, and the media type in a Content-Type field.
 *
 * The built-in table comes before the shared mime database: for the types that make up the web, what a
 * browser does must not hang on which desktop packages a machine has (some versions call a script
 * application/javascript, which RFC 9239 made obsolete, or do not know WebAssembly, which browsers then
 * refuse to run). The database adds the thousand others. It was made for desktops, where "archive.tar.gz" is
 * one thing; on the web it is application/gzip, as the built-in table says. */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <postern/http.h>

#include "http/ctype.h"
#include "http/media_db.h"

/* A full desktop's globs2 is 40 KiB; of a larger file than this the rest is left out. */
#define GLOBS_MOST_BYTES ((size_t)1 << 20)

static const struct media_row {
    const char *extension, *type;
} builtin[] = {
#define X(extension, type) {extension, type},
#include "http/media_type_table.def"
#undef X
};

static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static struct pst_media_db shared; /* written by load_shared only; lives as long as the process */

/* Reads at most cap bytes; 0 where the file cannot be read or is no file: a pipe would make us wait. */
static size_t read_file(const char *path, char *dst, size_t cap)
{
    struct stat st;
    size_t len = 0;
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode)) {
        ssize_t got = 1;
        while (len < cap && (got = read(fd, dst + len, cap - len)) > 0)
            len += (size_t)got;
    }
    close(fd);
    return len;
}

/* Adds DIR/mime/globs2, or DIR/share/mime/globs2 where below is "/share". */
static void load_from(struct pst_slice dir, const char *below, char *buf)
{
    char path[PATH_MAX];
    /* XDG Base Directory Specification: a path that is not absolute is to be ignored. */
    if (dir.len == 0 || dir.ptr[0] != '/' || dir.len >= sizeof path)
        return;
    int len = snprintf(path, sizeof path, "%.*s%s/mime/globs2", PST_FMT(dir), below);
    if (len < 0 || (size_t)len >= sizeof path)
        return;
    size_t got = read_file(path, buf, GLOBS_MOST_BYTES);
    /* A line that was cut off might end in an extension that it never had. */
    while (got == GLOBS_MOST_BYTES && got > 0 && buf[got - 1] != '\n')
        got--;
    pst_media_db_add(&shared, pst_slice_of(buf, got));
}

/* The environment's own directories first: what a user has added goes before what the system has. */
static void load_shared(void)
{
    pst_media_db_init(&shared);
    char *buf = malloc(GLOBS_MOST_BYTES);
    if (buf == NULL)
        return;

    const char *home = secure_getenv("XDG_DATA_HOME");
    if (home != NULL && home[0] != '\0')
        load_from(pst_slice_str(home), "", buf);
    else
        load_from(pst_slice_str(secure_getenv("HOME")), "/.local/share", buf);

    const char *dirs = secure_getenv("XDG_DATA_DIRS");
    while (dirs != NULL && *dirs != '\0') {
        size_t len = strcspn(dirs, ":");
        load_from(pst_slice_of(dirs, len), "", buf);
        dirs += len + (dirs[len] == ':');
    }
    load_from(PST_SLICE("/usr/local/share"), "", buf);
    load_from(PST_SLICE("/usr/share"), "", buf);
    free(buf);
}

static int compare_row(const void *key, const void *row)
{
    return strcmp(key, ((const struct media_row *)row)->extension);
}

static const char *find_builtin(struct pst_slice extension)
{
    char folded[PST_MEDIA_EXTENSION_MOST + 1];
    if (!pst_media_extension_fold(extension, folded))
        return NULL;
    const struct media_row *row =
        bsearch(folded, builtin, sizeof builtin / sizeof builtin[0], sizeof builtin[0], compare_row);
    return row ? row->type : NULL;
}

const char *pst_media_type_by_name(struct pst_slice file_name)
{
    if (file_name.len == 0)
        return "application/octet-stream";
    const char *slash = memrchr(file_name.ptr, '/', file_name.len);
    const char *end = file_name.ptr + file_name.len;
    const char *start = slash ? slash + 1 : file_name.ptr;
    const char *dot = start < end ? memrchr(start, '.', (size_t)(end - start)) : NULL;
    if (dot == NULL)
        return "application/octet-stream";

    const char *type = find_builtin(pst_slice_of(dot + 1, (size_t)(end - dot) - 1));
    if (type != NULL)
        return type;

    /* The longest extension first: "src.rpm" before "rpm". */
    pthread_once(&shared_once, load_shared);
    if (end - start > PST_MEDIA_EXTENSION_MOST + 1)
        start = end - PST_MEDIA_EXTENSION_MOST - 1;
    for (dot = memchr(start, '.', (size_t)(end - start)); dot != NULL;
         dot = memchr(dot + 1, '.', (size_t)(end - dot) - 1)) {
        type = pst_media_db_find(&shared, pst_slice_of(dot + 1, (size_t)(end - dot) - 1));
        if (type != NULL)
            return type;
    }
    return "application/octet-stream";
}

/* RFC 9110 8.3.1 Media Type: type "/" subtype parameters. The parameters are not looked at, but must begin
 * as such. */
struct pst_slice pst_media_type_essence(struct pst_slice content_type)
{
    const struct pst_slice malformed = {0};
    struct pst_slice s = pst_slice_trim(content_type);
    size_t slash = pst_token_span(s.ptr, s.len);
    if (slash == 0 || slash == s.len || s.ptr[slash] != '/')
        return malformed;
    size_t subtype = pst_token_span(s.ptr + slash + 1, s.len - slash - 1);
    if (subtype == 0)
        return malformed;
    size_t len = slash + 1 + subtype;
    struct pst_slice rest = pst_slice_trim(pst_slice_of(s.ptr + len, s.len - len));
    return rest.len == 0 || rest.ptr[0] == ';' ? pst_slice_of(s.ptr, len) : malformed;
}
