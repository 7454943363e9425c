/* cli_complain.h - how the program says that something went wrong, and how it ends then. */
#ifndef PST_SERVER_CLI_COMPLAIN_H
#define PST_SERVER_CLI_COMPLAIN_H

/* Exit statuses. */
enum pst_cli_status {
    PST_CLI_ENDED = 0,        /* as asked */
    PST_CLI_FAILED = 1,       /* while running; what was asked for is not there */
    PST_CLI_CANNOT_START = 2, /* the command line, or what it names, cannot be used */
};

/* One line on standard error, "postern: ...", whatever the text holds: control bytes become "?". Returns
 * status. */
int pst_cli_complain(int status, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
