/* A multipart body with the boundary "b". Of the input, the first byte says how it is cut and the second
 * which limits are small. However it is cut, the events and the error are the same, and no limit is passed.
 */
#include "form_events.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pst_limits limits;
    struct form_events whole, cut, again;
    if (size < 2)
        return 0;
    pst_limits_init(&limits);
    if (data[1] & 1)
        limits.form_parts = limits.form_fields = limits.form_files = 2;
    if (data[1] & 2)
        limits.form_field_bytes = limits.form_file_bytes = 8;
    if (data[1] & 4)
        limits.form_name_bytes = 4;
    if (data[1] & 8)
        limits.form_text_bytes = 12;
    if (data[1] & 16)
        limits.part_head_bytes = 64;
    const struct pst_slice type = PST_SLICE("multipart/form-data; boundary=b");
    struct pst_slice body = pst_slice_of((const char *)data + 2, size - 2);

    form_events_read(&whole, type, body, &limits, split_of(0));
    form_events_read(&cut, type, body, &limits, split_of(data[0]));
    form_events_same(&whole, &cut);
    CHECK(whole.parts <= limits.form_parts);
    CHECK(whole.text_bytes <= limits.form_text_bytes);
    CHECK(whole.most_value <= (limits.form_field_bytes > limits.form_file_bytes ? limits.form_field_bytes
                                                                                : limits.form_file_bytes));
    /* A whole body is whole wherever it stands: with a preamble and an epilogue it means the same. */
    if (whole.err == 0) {
        struct pst_text framed = {0};
        pst_text_adds(&framed, "--x\r\n\r\r\n");
        pst_text_add(&framed, body);
        CHECK(!framed.failed);
        form_events_read(&again, type, pst_slice_of(framed.ptr, framed.len), &limits, split_of(data[0]));
        form_events_same(&whole, &again);
        form_events_free(&again);
        pst_text_free(&framed);
    }
    form_events_free(&whole);
    form_events_free(&cut);
    return 0;
}
