/* Field values: Accept, Range, If-None-Match and If-Match, Content-Type; and lines of the mime database,
 * which are of their kind. The input is the value. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/http.h>

#include "http/ctype.h"
#include "http/media_db.h"

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static void fuzz_range(struct pst_slice value)
{
    static const uint64_t sizes[] = {0, 1, 2, 10, 10000, INT64_MAX, UINT64_MAX};
    enum pst_range last = PST_RANGE_NONE;
    uint64_t last_len = 0;
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        uint64_t offset = 0, len = 0;
        enum pst_range got = pst_http_range_read(value, sizes[i], &offset, &len);
        CHECK(got == PST_RANGE_NONE || got == PST_RANGE_ONE || got == PST_RANGE_UNSATISFIABLE);
        if (got == PST_RANGE_ONE)
            CHECK(len >= 1 && offset < sizes[i] && len <= sizes[i] - offset);
        /* What a shorter representation has, a longer one has too, and no less of it. */
        CHECK(last != PST_RANGE_ONE || (got == PST_RANGE_ONE && len >= last_len));
        last = got;
        last_len = len;
    }
}

static void fuzz_accept(struct pst_slice value)
{
    static const char *const offered[] = {"text/html", "text/plain", "application/json"};
    static const char *const reversed[] = {"application/json", "text/plain", "text/html"};
    int got = pst_http_accept(value, offered, 3), back = pst_http_accept(value, reversed, 3);
    CHECK(got >= -1 && got < 3 && back >= -1 && back < 3);
    CHECK((got == -1) == (back == -1));
    /* The chosen one is acceptable alone, and against each of the others; none is where none was chosen. */
    for (int i = 0; i < 3; i++) {
        int alone = pst_http_accept(value, &offered[i], 1);
        CHECK(got != -1 ? (i != got || alone == 0) : alone == -1);
        if (got >= 0) {
            const char *const pair[] = {offered[got], offered[i]};
            CHECK(pst_http_accept(value, pair, 2) == 0);
        }
    }
    /* A type that is refused by name is never chosen. */
    struct pst_text refusing = {0};
    pst_text_adds(&refusing, "text/html;q=0,");
    pst_text_add(&refusing, value);
    if (memmem(value.ptr, value.len, "/", 1) == NULL && memchr(value.ptr, '*', value.len) == NULL)
        CHECK(pst_http_accept(pst_slice_of(refusing.ptr, refusing.len), offered, 3) == -1);
    pst_text_free(&refusing);
}

static void fuzz_etag(struct pst_slice value)
{
    static const char *const tags[] = {"\"a\"", "W/\"a\"", "\"\"", "\"b,c\""};
    bool is_any = pst_slice_eq(pst_slice_trim(value), PST_SLICE("*"));
    for (size_t i = 0; i < sizeof tags / sizeof tags[0]; i++) {
        struct pst_slice tag = pst_slice_str(tags[i]);
        bool weak = pst_http_etag_weak_match(value, tag), strong = pst_http_etag_strong_match(value, tag);
        CHECK(weak || !strong);
        CHECK(!is_any || (weak && strong));
        struct pst_slice opaque = tag.ptr[0] == 'W' ? pst_slice_of(tag.ptr + 2, tag.len - 2) : tag;
        CHECK(!weak || is_any || memmem(value.ptr, value.len, opaque.ptr, opaque.len) != NULL);
        CHECK(!strong || is_any || tag.ptr[0] != 'W');
    }
    /* A value that is itself one tag matches itself weakly. */
    if (pst_http_etag_weak_match(value, value) && !is_any)
        CHECK(pst_http_etag_strong_match(value, value) == (value.ptr[0] == '"'));
}

static void fuzz_media_type(struct pst_slice value)
{
    struct pst_slice essence = pst_media_type_essence(value);
    if (essence.len > 0) {
        CHECK(essence.ptr >= value.ptr && essence.ptr + essence.len <= value.ptr + value.len);
        size_t slash = pst_token_span(essence.ptr, essence.len);
        CHECK(slash > 0 && slash + 1 < essence.len && essence.ptr[slash] == '/');
        CHECK(pst_slice_eq(pst_media_type_essence(essence), essence));
    }
    struct pst_media_db db;
    pst_media_db_init(&db);
    pst_media_db_add(&db, value);
    pst_media_db_add(&db, PST_SLICE("50:text/x-last:*.last\n"));
    CHECK(pst_media_db_find(&db, PST_SLICE("last")) != NULL);
    const char *found = pst_media_db_find(&db, value);
    CHECK(found == NULL || pst_media_type_essence(pst_slice_str(found)).len > 0);
    pst_media_db_fini(&db);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pst_slice value = pst_slice_of((const char *)data, size);
    if (size == 0)
        return 0;
    fuzz_range(value);
    fuzz_accept(value);
    fuzz_etag(value);
    fuzz_media_type(value);
    return 0;
}
