/* cli_complain.c - how the program says that something went wrong. */
#include "server/cli_complain.h"

#include <stdarg.h>
#include <stdio.h>

int pst_cli_complain(int status, const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    for (char *p = line; *p; p++) {
        if ((unsigned char)*p < 0x20 || *p == 0x7f)
            *p = '?';
    }
    fprintf(stderr, "postern: %s\n", line);
    return status;
}
