/* routes.h - the site that the matrix asks: a static folder made for the purpose, the mirror, and handlers
 * that do everything a handler may. What each route does stands in tests/matrix/README.md. */
#ifndef PST_TESTS_ROUTES_H
#define PST_TESTS_ROUTES_H

#include <postern/handlers.h>

#include "support/test_worker.h"

struct routes {
    char folder[64];
    struct pst_static *plain, *listed;
    struct test_worker *worker;
};

/* Makes the folder and mounts everything on w->server. Ends the process on failure. */
void routes_init(struct routes *routes, struct test_worker *w);
/* After the worker's end; removes the folder. */
void routes_fini(struct routes *routes);

#endif
