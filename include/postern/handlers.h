/* handlers.h - handlers that come with postern, to be mounted by pst_server_route(). */
#ifndef POSTERN_HANDLERS_H
#define POSTERN_HANDLERS_H

#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/server.h>

PST_BEGIN_DECLS

/* ---- files of a folder ---- */
struct pst_static_options {
    bool list; /* a folder without index.html shows its list; otherwise 404 */
};
struct pst_static;
/* Opens the folder root (kept open: renaming it does not matter). options may be NULL.
 * Errors: PST_E_NOENT, PST_E_ACCESS, PST_E_INVAL (not a folder), PST_E_UNSUPPORTED (kernel without openat2,
 * before 5.6), PST_E_NOMEM. */
PST_API int pst_static_new(struct pst_static **ret_static, const char *root,
                           const struct pst_static_options *options);
/* Only after the server that uses it was freed; NULL is allowed. */
PST_API void pst_static_free(struct pst_static *st);
/* Mounts it at "GET <prefix>*": prefix begins and ends with "/", as "/" or "/files/". */
PST_API int pst_static_mount(struct pst_static *st, struct pst_server *server, const char *prefix);

/* ---- the learner's mirror ----
 * Mounts GET and POST /echo, /echo/ + anything (how the server understood the request, as HTML, text or JSON
 * by Accept) and POST /echo/body (the posted body as it was). */
PST_API int pst_echo_mount(struct pst_server *server);

PST_END_DECLS

#endif
