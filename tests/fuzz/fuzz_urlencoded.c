/* Urlencoded forms, and the escapes of what comes out of them. The input is a form's body. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <postern/http.h>

#define CHECK(condition)                                                                                     \
    do {                                                                                                     \
        if (!(condition)) {                                                                                  \
            fprintf(stderr, "%s:%d: does not hold: %s\n", __FILE__, __LINE__, #condition);                   \
            abort();                                                                                         \
        }                                                                                                    \
    } while (0)

static char *allocate(size_t size)
{
    char *memory = malloc(size ? size : 1);
    if (memory == NULL)
        abort();
    return memory;
}

/* Text that may stand in a page or a script: no byte of markup or control in it, and no broken UTF-8 (seen
 * here by what encoding the same again does: U+FFFD once is U+FFFD for ever). */
static void check_escapes(struct pst_slice s)
{
    struct pst_text html = {0}, json = {0}, again = {0};
    pst_text_add_html(&html, s);
    pst_text_add_json(&json, s);
    CHECK(!html.failed && !json.failed && json.len >= 2);
    CHECK(json.ptr[0] == '"' && json.ptr[json.len - 1] == '"');
    for (size_t i = 0; i < html.len; i++) {
        unsigned char c = (unsigned char)html.ptr[i];
        CHECK(strchr("<>\"'", c) == NULL && (c >= ' ' || c == '\t' || c == '\n' || c == '\r') && c != 0x7f);
    }
    for (size_t i = 1; i + 1 < json.len; i++) {
        unsigned char c = (unsigned char)json.ptr[i];
        CHECK(c >= ' ' && c != 0x7f && c != '<' && c != '>' && c != '&');
        CHECK(c != '"' || json.ptr[i - 1] == '\\');
    }
    /* Only the ampersands of the first escapes are escaped again. */
    pst_text_add_html(&again, pst_slice_of(html.ptr, html.len));
    size_t ampersands = 0;
    for (size_t i = 0; i < html.len; i++)
        ampersands += html.ptr[i] == '&';
    CHECK(again.len == html.len + 4 * ampersands);
    pst_text_free(&html);
    pst_text_free(&json);
    pst_text_free(&again);
}

/* Every field, written in the canonical way; in form what a client would send for the same fields. */
static size_t walk(struct pst_slice text, struct pst_text *form)
{
    char *memory = allocate(text.len), *scratch = memory;
    struct pst_slice rest = text;
    struct pst_form_field field;
    size_t fields = 0, decoded = 0;

    while (pst_urlencoded_next(&rest, &scratch, &field)) {
        fields++;
        decoded += field.name.len + field.value.len;
        CHECK((size_t)(scratch - memory) == decoded && decoded <= text.len);
        CHECK(field.name.ptr >= memory && field.value.ptr + field.value.len == scratch);
        if (form->len > 0)
            pst_text_adds(form, "&");
        pst_text_add_percent(form, field.name, false);
        pst_text_adds(form, "=");
        pst_text_add_percent(form, field.value, false);
        check_escapes(field.value);
    }
    CHECK(rest.len == 0);
    CHECK(!pst_urlencoded_next(&rest, &scratch, &field));
    free(memory);
    return fields;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pst_slice text = pst_slice_of((const char *)data, size);
    struct pst_text once = {0}, twice = {0};
    size_t ampersands = 0;
    for (size_t i = 0; i < size; i++)
        ampersands += data[i] == '&';

    size_t fields = walk(text, &once);
    CHECK(fields <= ampersands + 1);
    CHECK(walk(pst_slice_of(once.ptr, once.len), &twice) == fields);
    CHECK(pst_slice_eq(pst_slice_of(once.ptr, once.len), pst_slice_of(twice.ptr, twice.len)));
    check_escapes(text);
    pst_text_free(&once);
    pst_text_free(&twice);
    return 0;
}
