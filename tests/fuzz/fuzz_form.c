/* A form of any type: the input is a byte that says how the body is cut, the Content-Type up to a line feed,
 * and the body. What an urlencoded stream gives must be what the whole text gives; text in any charset (the
 * type is taken for the charset's name as well) comes out as UTF-8. */
#include "form_events.h"

/* As form_events_read() would write it. */
static void walk_whole(struct pst_text *t, struct pst_slice body)
{
    char *memory = split_copy(body.ptr, body.len), *scratch = memory; /* for its size */
    struct pst_form_field field;
    while (pst_urlencoded_next(&body, &scratch, &field)) {
        form_events_add(t, field.name);
        pst_text_adds(t, "0:0:=");
        pst_text_add(t, field.value);
        pst_text_addf(t, ";%zu\n", field.value.len);
    }
    free(memory);
}

static void check_text(struct pst_slice body, struct pst_slice charset)
{
    struct pst_text once = {0}, twice = {0};
    pst_form_text(&once, body, charset);
    pst_form_text(&twice, pst_slice_of(once.ptr, once.len), PST_SLICE(""));
    CHECK(!once.failed && !twice.failed && once.len == twice.len);
    CHECK(once.len == 0 || memcmp(once.ptr, twice.ptr, once.len) == 0);
    pst_text_free(&once);
    pst_text_free(&twice);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct pst_slice urlencoded = PST_SLICE("application/x-www-form-urlencoded");
    struct pst_limits limits;
    struct form_events whole, cut;
    const uint8_t *line_end = size > 1 ? memchr(data + 1, '\n', size - 1) : NULL;
    if (line_end == NULL)
        return 0;
    struct pst_slice type = pst_slice_of((const char *)data + 1, (size_t)(line_end - data) - 1);
    struct pst_slice body = pst_slice_of((const char *)line_end + 1, size - (size_t)(line_end - data) - 1);

    pst_limits_init(&limits);
    form_events_read(&whole, type, body, &limits, split_of(0));
    form_events_read(&cut, type, body, &limits, split_of(data[0]));
    form_events_same(&whole, &cut);
    form_events_free(&whole);
    form_events_free(&cut);

    struct pst_text walked = {0};
    form_events_read(&cut, urlencoded, body, &limits, split_of(data[0]));
    walk_whole(&walked, body);
    size_t same = cut.err == 0 ? walked.len : cut.text.len;
    CHECK(cut.err != 0 || cut.text.len == walked.len);
    CHECK(cut.text.len <= walked.len && (same == 0 || memcmp(cut.text.ptr, walked.ptr, same) == 0));
    form_events_free(&cut);
    pst_text_free(&walked);

    check_text(body, type);
    return 0;
}
