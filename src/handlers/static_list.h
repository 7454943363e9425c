/* static_list.h - the page that lists a folder. */
#ifndef PST_HANDLERS_STATIC_LIST_H
#define PST_HANDLERS_STATIC_LIST_H

#include <stdbool.h>

#include <postern/http.h>
#include <postern/slice.h>

/* More names than this are not shown: reading a folder holds up the worker. */
#define PST_STATIC_LIST_MAX 10000

/* Adds the page for the folder path ("" or ending with a slash) below root_fd; only what would be served is
 * listed. shown: the folder's path as the visitor knows it. has_parent: "../" is ours, too. Returns 0 or a
 * positive errno; page may hold a part then. */
int pst_static_list(int root_fd, const char *path, struct pst_slice shown, bool has_parent,
                    struct pst_text *page);

#endif
