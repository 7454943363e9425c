/* cli_nearest.h - which known word a mistyped one was meant to be. */
#ifndef PST_SERVER_CLI_NEAREST_H
#define PST_SERVER_CLI_NEAREST_H

#include <stddef.h>

#include <postern/slice.h>

/* The nearest of count words, or NULL where none is near enough to be worth proposing. */
const char *pst_cli_nearest(struct pst_slice word, const char *const *words, size_t count);

#endif
