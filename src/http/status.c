/* status.c - the reason phrases, from the table in status.def. */
#include <postern/http.h>

const char *pst_status_text(int status)
{
    switch (status) {
#define X(code, phrase)                                                                                      \
    case (code):                                                                                             \
        return phrase;
#include "http/status.def"
#undef X
    default:
        return "";
    }
}
