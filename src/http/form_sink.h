/* form_sink.h - where both readers of forms send what they find: counts it against the limits, keeps the
 * words for what was wrong, and calls the events. Knows no syntax. */
#ifndef PST_HTTP_FORM_SINK_H
#define PST_HTTP_FORM_SINK_H

#include <postern/form.h>

#define PST_FORM_WHY_BYTES 128

struct pst_form_sink {
    struct pst_limits limits;
    struct pst_form_events events;
    void *arg;
    uint64_t parts, fields, files;
    uint64_t text_bytes;  /* names and values of fields so far */
    uint64_t value_bytes; /* of the open field or file */
    bool is_file, is_file_counted;
    char why[PST_FORM_WHY_BYTES];
};

void pst_form_sink_init(struct pst_form_sink *sink, const struct pst_limits *limits,
                        const struct pst_form_events *events, void *arg);

/* One more part of a multipart body comes. These four return 0 or what ends the reading. */
int pst_form_sink_part(struct pst_form_sink *sink);
int pst_form_sink_begin(struct pst_form_sink *sink, const struct pst_form_part *part);
/* However a value is cut into pieces, its bytes up to a limit are given on, and none behind. len may be 0. */
int pst_form_sink_data(struct pst_form_sink *sink, const char *data, size_t len);
int pst_form_sink_end(struct pst_form_sink *sink);

/* Keeps why (which must not hold bytes of the body) and gives PST_E_SYNTAX. */
int pst_form_sink_refuse(struct pst_form_sink *sink, const char *why);
/* Gives PST_E_LIMIT; why is "WHAT LIMIT (VALUE)". */
int pst_form_sink_over(struct pst_form_sink *sink, const char *what, const char *limit, uint64_t value);
int pst_form_sink_name_too_long(struct pst_form_sink *sink);

#endif
