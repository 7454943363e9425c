/* err.c - the texts of the error numbers, from the table in postern/err.h. */
#include <postern/err.h>

const char *pst_strerror(int err)
{
    switch (err) {
    case PST_OK:
        return "success";
#define PST_X(name, number, text)                                                                            \
    case (number):                                                                                           \
        return text;
        PST_ERR_MAP(PST_X)
#undef PST_X
    default:
        return "unknown error";
    }
}
