/* JSON: checked, walked, written again. The input is a text; its length says how deep it may be. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/json.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

enum { WRITTEN_DEPTH_MAX = 64 };

/* Within the text, and to an end. Not as deep as it may be nested, for that is no promise here. */
static size_t walk_blindly(struct pst_json_value value, unsigned depth)
{
    struct pst_json_walk walk = {.is_begun = false};
    size_t count = 1;
    while (depth > 0 && pst_json_next(value, &walk)) {
        CHECK(walk.value.raw.ptr >= value.raw.ptr);
        CHECK(walk.value.raw.ptr + walk.value.raw.len <= value.raw.ptr + value.raw.len);
        count += walk_blindly(walk.value, depth - 1);
    }
    return count;
}

/* A string's meaning, which has to be UTF-8: writing it loses nothing. */
static void check_string(struct pst_slice raw)
{
    struct pst_text meaning = {0}, written = {0}, again = {0};
    CHECK(raw.len >= 2 && pst_json_check(raw, 0, NULL) == 0);
    pst_json_decode(&meaning, raw);
    CHECK(!meaning.failed && meaning.len <= raw.len);
    pst_text_add_json(&written, pst_slice_of(meaning.ptr, meaning.len));
    CHECK(pst_json_check(pst_slice_of(written.ptr, written.len), 0, NULL) == 0);
    pst_json_decode(&again, pst_slice_of(written.ptr, written.len));
    CHECK(pst_slice_eq(pst_slice_of(meaning.ptr, meaning.len), pst_slice_of(again.ptr, again.len)));
    pst_text_add(&again, PST_SLICE("\0"));
    CHECK(pst_json_is(raw, again.ptr) == (memchr(again.ptr, '\0', again.len - 1) == NULL));
    pst_text_free(&meaning);
    pst_text_free(&written);
    pst_text_free(&again);
}

static void write_name(struct pst_json *json, struct pst_slice raw)
{
    struct pst_text name = {0};
    pst_json_decode(&name, raw);
    pst_text_add(&name, PST_SLICE("\0"));
    pst_json_name(json, name.ptr); /* up to a NUL in it */
    pst_text_free(&name);
}

static void write_again(struct pst_json *json, struct pst_json_value value)
{
    struct pst_text text = {0};
    struct pst_json_walk walk = {.is_begun = false};
    switch (value.kind) {
    case PST_JSON_OBJECT:
        pst_json_object(json);
        while (pst_json_next(value, &walk)) {
            check_string(walk.name);
            write_name(json, walk.name);
            write_again(json, walk.value);
        }
        pst_json_end_object(json);
        break;
    case PST_JSON_ARRAY:
        pst_json_array(json);
        while (pst_json_next(value, &walk)) {
            CHECK(walk.name.len == 0);
            write_again(json, walk.value);
        }
        pst_json_end_array(json);
        break;
    case PST_JSON_STRING:
        check_string(value.raw);
        pst_json_decode(&text, value.raw);
        pst_json_string(json, pst_slice_of(text.ptr, text.len));
        pst_text_free(&text);
        break;
    case PST_JSON_NULL:
    case PST_JSON_FALSE:
    case PST_JSON_TRUE:
    case PST_JSON_NUMBER:
        pst_json_raw(json, value.raw);
        break;
    }
    CHECK(pst_json_check(value.raw, 1024, NULL) == 0);
}

static struct pst_slice written(const struct pst_json *json)
{
    CHECK(!json->text.failed && json->depth == 0);
    return pst_slice_of(json->text.ptr, json->text.len);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pst_slice text = pst_slice_of((const char *)data, size);
    unsigned max_depth = size % 7 ? WRITTEN_DEPTH_MAX : (unsigned)(size % 5);
    size_t offset = size + 1;
    (void)walk_blindly(pst_json_root(text), 3);
    int err = pst_json_check(text, max_depth, &offset);
    if (err) {
        /* So far it was right, and one byte more is not. */
        size_t again = offset;
        CHECK((err == PST_E_SYNTAX && offset <= size) || (err == PST_E_LIMIT && offset < size));
        CHECK(pst_json_check(pst_slice_of(text.ptr, offset), max_depth, &again) != PST_E_LIMIT);
        CHECK(again == offset);
        CHECK(pst_json_check(pst_slice_of(text.ptr, offset + (offset < size)), max_depth, &again) == err ||
              err == PST_E_SYNTAX);
        CHECK(again == offset);
        return 0;
    }
    struct pst_json once = {0}, twice = {0};
    write_again(&once, pst_json_root(text));
    CHECK(pst_json_check(written(&once), max_depth, NULL) == 0);
    write_again(&twice, pst_json_root(written(&once)));
    CHECK(pst_slice_eq(written(&once), written(&twice)));
    pst_json_free(&once);
    pst_json_free(&twice);
    return 0;
}
