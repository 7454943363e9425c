/* limits.c - the limits' defaults and bounds, from the table in postern/limits.h. */
#include <postern/limits.h>

#include <postern/err.h>

static const struct limit_row {
    struct pst_slice name;
    size_t offset;
    uint64_t def, least, most;
} limit_rows[] = {
#define PST_X(name, def, least, most, text)                                                                  \
    {{#name, sizeof #name - 1}, offsetof(struct pst_limits, name), def, least, most},
    PST_LIMIT_MAP(PST_X)
#undef PST_X
};
static const size_t limit_count = sizeof limit_rows / sizeof limit_rows[0];

static uint64_t *limit_field(struct pst_limits *limits, const struct limit_row *row)
{
    return (uint64_t *)(void *)((char *)limits + row->offset);
}

void pst_limits_init(struct pst_limits *limits)
{
    for (size_t i = 0; i < limit_count; i++)
        *limit_field(limits, &limit_rows[i]) = limit_rows[i].def;
}

int pst_limits_set(struct pst_limits *limits, struct pst_slice name, uint64_t value)
{
    for (size_t i = 0; i < limit_count; i++) {
        const struct limit_row *row = &limit_rows[i];
        if (!pst_slice_eq(row->name, name))
            continue;
        if (value < row->least || value > row->most)
            return PST_E_RANGE;
        *limit_field(limits, row) = value;
        return 0;
    }
    return PST_E_NOENT;
}
