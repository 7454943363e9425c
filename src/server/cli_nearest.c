/* cli_nearest.c - which known word a mistyped one was meant to be. */
#include "server/cli_nearest.h"

#define LETTERS_MAX 32

static size_t least(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* The number of letters to insert, delete, change or swap with a neighbour (optimal string alignment). */
static size_t distance(struct pst_slice a, struct pst_slice b)
{
    size_t cost[LETTERS_MAX + 1][LETTERS_MAX + 1];
    for (size_t j = 0; j <= b.len; j++)
        cost[0][j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        cost[i][0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            bool same = a.ptr[i - 1] == b.ptr[j - 1];
            size_t best = least(least(cost[i - 1][j], cost[i][j - 1]) + 1, cost[i - 1][j - 1] + !same);
            bool swapped = i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1];
            cost[i][j] = swapped ? least(best, cost[i - 2][j - 2] + 1) : best;
        }
    }
    return cost[a.len][b.len];
}

const char *pst_cli_nearest(struct pst_slice word, const char *const *words, size_t count)
{
    const char *nearest = NULL;
    size_t nearest_distance = 0;
    if (word.len == 0 || word.len > LETTERS_MAX)
        return NULL;
    for (size_t i = 0; i < count; i++) {
        struct pst_slice candidate = pst_slice_str(words[i]);
        if (candidate.len > LETTERS_MAX)
            continue;
        size_t d = distance(word, candidate);
        /* A third of the letters wrong is a slip; more is another word. */
        if (d <= 1 + candidate.len / 3 && d < candidate.len && (!nearest || d < nearest_distance)) {
            nearest = words[i];
            nearest_distance = d;
        }
    }
    return nearest;
}
