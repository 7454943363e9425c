/* form.c - the reader of forms: which syntax a body has, and what holds for both. */
#include <postern/form.h>

#include <postern/http.h>
#include <stdlib.h>

#include "http/form_sink.h"
#include "http/form_stream.h"
#include "http/multipart.h"
#include "http/parameters.h"

struct pst_form {
    struct pst_form_sink sink;
    bool is_multipart, is_finished;
    int err; /* what ended the reading; repeated from then on */
    union {
        struct pst_multipart multipart;
        struct pst_form_stream stream;
    } reader;
    char memory[]; /* one part's head, or one name */
};

static int read_type(struct pst_slice content_type, bool *ret_is_multipart, char *boundary, size_t *ret_len)
{
    struct pst_slice essence = pst_media_type_essence(content_type);
    *ret_len = 0;
    *ret_is_multipart = pst_slice_case_eq(essence, PST_SLICE("multipart/form-data"));
    if (*ret_is_multipart)
        return pst_parameter_boundary(content_type, boundary, ret_len);
    bool is_urlencoded = pst_slice_case_eq(essence, PST_SLICE("application/x-www-form-urlencoded"));
    return is_urlencoded ? 0 : PST_E_UNSUPPORTED;
}

int pst_form_new(struct pst_form **ret_form, struct pst_slice content_type, const struct pst_limits *limits,
                 const struct pst_form_events *events, void *arg)
{
    char boundary[PST_BOUNDARY_MOST];
    size_t boundary_len;
    bool is_multipart;
    *ret_form = NULL;
    int err = read_type(content_type, &is_multipart, boundary, &boundary_len);
    if (err)
        return err;

    size_t memory_bytes = is_multipart ? limits->part_head_bytes : limits->form_name_bytes;
    struct pst_form *form = malloc(sizeof *form + memory_bytes);
    if (form == NULL)
        return PST_E_NOMEM;
    form->is_multipart = is_multipart;
    form->is_finished = false;
    form->err = 0;
    pst_form_sink_init(&form->sink, limits, events, arg);
    if (is_multipart)
        pst_multipart_init(&form->reader.multipart, &form->sink, pst_slice_of(boundary, boundary_len),
                           form->memory);
    else
        pst_form_stream_init(&form->reader.stream, &form->sink, form->memory);
    *ret_form = form;
    return 0;
}

void pst_form_free(struct pst_form *form)
{
    free(form);
}

int pst_form_feed(struct pst_form *form, const char *data, size_t len)
{
    if (form->err == 0 && form->is_finished)
        return PST_E_STATE;
    if (form->err == 0 && len > 0)
        form->err = form->is_multipart ? pst_multipart_feed(&form->reader.multipart, data, len)
                                       : pst_form_stream_feed(&form->reader.stream, data, len);
    return form->err;
}

int pst_form_finish(struct pst_form *form)
{
    if (form->err == 0 && !form->is_finished)
        form->err = form->is_multipart ? pst_multipart_finish(&form->reader.multipart)
                                       : pst_form_stream_finish(&form->reader.stream);
    form->is_finished = true;
    return form->err;
}

const char *pst_form_why(const struct pst_form *form)
{
    return form->sink.why;
}

int pst_form_status(int err)
{
    switch (err) {
    case PST_E_SYNTAX:
        return 400;
    case PST_E_LIMIT:
        return 413;
    case PST_E_UNSUPPORTED:
        return 415;
    default:
        return 503;
    }
}
