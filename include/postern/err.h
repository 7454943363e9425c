/* err.h - the error numbers. Every function that can fail returns 0 or one of these negative values.
 *
 * One table holds them; the enum and pst_strerror() are made from it. Below -900 the object concerned is
 * beyond use: only its destructor may be called. */
#ifndef POSTERN_ERR_H
#define POSTERN_ERR_H

#include <postern/export.h>

/* X(name, number, text) */
#define PST_ERR_MAP(X)                                                                                       \
    X(INVAL, -1, "invalid argument")                                                                         \
    X(STATE, -2, "not allowed in this state")                                                                \
    X(RANGE, -3, "value out of range")                                                                       \
    X(LIMIT, -4, "over a limit")                                                                             \
    X(SYNTAX, -5, "malformed input")                                                                         \
    X(EXISTS, -6, "already there")                                                                           \
    X(NOENT, -7, "not found")                                                                                \
    X(ACCESS, -8, "permission denied")                                                                       \
    X(BUSY, -9, "address in use")                                                                            \
    X(UNSUPPORTED, -10, "not supported here")                                                                \
    X(IO, -11, "input or output failed")                                                                     \
    X(CERT, -12, "certificate cannot be used")                                                               \
    X(KEY, -13, "private key cannot be used")                                                                \
    X(MISMATCH, -14, "private key does not belong to the certificate")                                       \
    X(EXPIRED, -15, "certificate has expired")                                                               \
    X(NOTYET, -16, "certificate is not valid yet")                                                           \
    X(CHAIN, -17, "certificate chain is too large to send")                                                  \
    X(FULL, -18, "no room left")                                                                             \
    X(NOMEM, -901, "out of memory")                                                                          \
    X(SYSTEM, -902, "the operating system refused")                                                          \
    X(TLS, -903, "TLS failed")                                                                               \
    X(CLOSED, -904, "the peer has gone")

enum pst_err {
    PST_OK = 0,
#define PST_X(name, number, text) PST_E_##name = (number),
    PST_ERR_MAP(PST_X)
#undef PST_X
};

PST_BEGIN_DECLS

/* The text for an error number, never NULL; "unknown error" for a number that is not in the table. */
PST_API const char *pst_strerror(int err);

PST_END_DECLS

#endif
