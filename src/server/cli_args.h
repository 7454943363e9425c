/* cli_args.h - walking the arguments of a command: options by a table, the words between them. */
#ifndef PST_SERVER_CLI_ARGS_H
#define PST_SERVER_CLI_ARGS_H

#include <stdbool.h>
#include <stddef.h>

#define PST_CLI_ERROR_BYTES 512

struct pst_cli_option {
    const char *name;  /* without the dashes */
    const char *value; /* how help calls its value; NULL: it takes none */
    const char *text;  /* for help */
};

/* Set the first four. Strings stay those of argv. */
struct pst_cli_args {
    int argc;
    char **argv;
    const struct pst_cli_option *options;
    size_t option_count;
    const char *error_hint; /* behind "there is no option --x; ", such as "--help lists them" */
    char *error;            /* PST_CLI_ERROR_BYTES: one line after PST_CLI_ARG_WRONG */
    int next;               /* index of the next argument: 1 at first */
    bool is_over;           /* private: "--" was seen */
};

enum pst_cli_arg {
    PST_CLI_ARG_END,
    PST_CLI_ARG_WORD,   /* *ret_value: no option, or behind "--" */
    PST_CLI_ARG_OPTION, /* *ret_option: its index; *ret_value: its value, never empty; NULL for a flag */
    PST_CLI_ARG_WRONG,
};
/* "-h" is the option "help". A value stands behind "=" or is the next argument. */
enum pst_cli_arg pst_cli_args_next(struct pst_cli_args *args, size_t *ret_option, const char **ret_value);

#endif
