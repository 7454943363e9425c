/* Request targets, paths and authorities. The input is "METHOD target", or a target alone, which gets GET. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "http/uri.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

/* A decoded path, in memory of exactly its bound. */
struct path {
    int err;
    char *ptr;
    size_t len;
};

static struct path decode(struct pst_slice raw)
{
    struct path path = {.ptr = malloc(raw.len ? raw.len : 1)};
    if (path.ptr == NULL)
        abort();
    path.err = pst_path_decode(raw, path.ptr, &path.len);
    return path;
}

static size_t count(const char *p, size_t n, char c)
{
    size_t found = 0;
    for (size_t i = 0; i < n; i++)
        found += p[i] == c;
    return found;
}

/* A file's path below a root: nothing in it leads out again. */
static void check_path(const struct path *path, struct pst_slice raw)
{
    CHECK(path->len >= 1 && path->len <= raw.len && path->ptr[0] == '/');
    CHECK(memchr(raw.ptr, '\0', raw.len) != NULL || memchr(path->ptr, '\0', path->len) == NULL);
    CHECK(count(path->ptr, path->len, '/') <= count(raw.ptr, raw.len, '/'));
    for (size_t at = 0; at < path->len; at++) {
        if (path->ptr[at] != '/')
            continue;
        struct pst_slice rest = pst_slice_of(path->ptr + at, path->len - at);
        CHECK(!pst_slice_eq(rest, PST_SLICE("/.")) && !pst_slice_starts(rest, PST_SLICE("/./")));
        CHECK(!pst_slice_eq(rest, PST_SLICE("/..")) && !pst_slice_starts(rest, PST_SLICE("/../")));
    }
    if (memchr(path->ptr, '%', path->len) == NULL) {
        struct path again = decode(pst_slice_of(path->ptr, path->len));
        CHECK(again.err == 0 && again.len == path->len && memcmp(again.ptr, path->ptr, path->len) == 0);
        free(again.ptr);
    }
}

/* RFC 3986 6.2.2.2: the same path with every byte spelt as an escape, but for slashes and what is one. */
static void check_spelt(const struct path *path, struct pst_slice raw)
{
    char *spelt = malloc(raw.len * 3 + 1);
    size_t len = 0;
    if (spelt == NULL)
        abort();
    for (size_t i = 0; i < raw.len; i++) {
        unsigned char c = (unsigned char)raw.ptr[i];
        if (c == '%' && raw.len - i > 2) {
            memcpy(spelt + len, raw.ptr + i, 3);
            len += 3;
            i += 2;
        } else if (c == '/' || c == '\0') {
            spelt[len++] = (char)c;
        } else {
            len += (size_t)sprintf(spelt + len, "%%%02x", c);
        }
    }
    struct path other = decode(pst_slice_of(spelt, len));
    CHECK(other.err == 0 && other.len == path->len && memcmp(other.ptr, path->ptr, path->len) == 0);
    free(other.ptr);
    free(spelt);
}

static void fuzz_path(struct pst_slice raw)
{
    struct path path = decode(raw);
    CHECK(path.err == 0 || path.err == PST_E_SYNTAX || path.err == PST_E_RANGE);
    if (path.err == 0) {
        check_path(&path, raw);
        check_spelt(&path, raw);
    }
    free(path.ptr);
}

static void fuzz_authority(struct pst_slice authority)
{
    struct pst_slice host = {0};
    unsigned port = 0;
    int err = pst_authority_split(authority, &host, &port);
    CHECK(err == pst_authority_check(authority));
    CHECK(err == 0 || err == PST_E_SYNTAX);
    if (err != 0)
        return;
    CHECK(port <= 65535 && host.ptr == authority.ptr && host.len <= authority.len);
    CHECK((host.len == 0) == (authority.len == 0));
    CHECK(host.len == authority.len || authority.ptr[host.len] == ':');
    for (size_t i = 0; i < authority.len; i++)
        CHECK(strchr("@/?#\\ \"<>", authority.ptr[i]) == NULL && authority.ptr[i] > ' ');
}

/* The pieces, put together again, are the target. */
static void check_pieces(const struct pst_target *t, struct pst_slice target)
{
    struct pst_slice rest = target;
    if (t->form == PST_TARGET_ABSOLUTE) {
        CHECK(t->scheme.ptr == rest.ptr && t->authority.ptr == rest.ptr + t->scheme.len + 3);
        size_t before = t->scheme.len + 3 + t->authority.len;
        rest = pst_slice_of(rest.ptr + before, rest.len - before);
        CHECK(t->authority.len > 0 && pst_authority_check(t->authority) == 0);
    }
    CHECK(t->raw_path.len >= 1 && t->raw_path.ptr[0] == '/');
    size_t path_len = t->raw_path.ptr == rest.ptr ? t->raw_path.len : 0;
    CHECK(path_len > 0 || t->form == PST_TARGET_ABSOLUTE);
    CHECK(path_len + (t->has_query ? 1 + t->query.len : 0) == rest.len);
    if (t->has_query)
        CHECK(rest.ptr[path_len] == '?' && t->query.ptr == rest.ptr + path_len + 1);
    else
        CHECK(t->query.len == 0);
    for (size_t i = 0; i < target.len; i++)
        CHECK(target.ptr[i] > ' ' && target.ptr[i] < 0x7f && strchr("#\\\"<>", target.ptr[i]) == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const uint8_t *space = size ? memchr(data, ' ', size) : NULL;
    size_t method_len = space ? (size_t)(space - data) : 0, target_at = space ? method_len + 1 : 0;
    struct pst_slice method = space ? pst_slice_of((const char *)data, method_len) : PST_SLICE("GET");
    struct pst_slice target = pst_slice_of((const char *)data + target_at, size - target_at);
    struct pst_target t;

    int err = pst_target_parse(method, target, &t);
    CHECK(err == 0 || err == PST_E_SYNTAX);
    if (err == 0 && (t.form == PST_TARGET_ORIGIN || t.form == PST_TARGET_ABSOLUTE)) {
        check_pieces(&t, target);
        fuzz_path(t.raw_path);
    } else if (err == 0) {
        CHECK(t.raw_path.len == 0 && t.query.len == 0 && !t.has_query);
        CHECK(t.form == PST_TARGET_AUTHORITY || pst_slice_eq(target, PST_SLICE("*")));
    }
    fuzz_path(target);
    fuzz_authority(target);
    return 0;
}
