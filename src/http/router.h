/* router.h - which handler serves a method and a path. Built before the server starts, then only read, by all
 * workers. */
#ifndef PST_HTTP_ROUTER_H
#define PST_HTTP_ROUTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "postern/exchange.h"

/* X(name, bit): the methods this server knows; any other is 501 (RFC 9110 9.1). */
#define PST_METHOD_MAP(X) X(GET) X(HEAD) X(POST) X(PUT) X(DELETE) X(PATCH) X(OPTIONS)

enum pst_method {
#define PST_X(name) PST_METHOD_##name,
    PST_METHOD_MAP(PST_X)
#undef PST_X
        PST_METHOD_COUNT,
    PST_METHOD_UNKNOWN = PST_METHOD_COUNT
};

/* Methods are case-sensitive (RFC 9110 9.1). */
enum pst_method pst_method_of(struct pst_slice name);
const char *pst_method_name(enum pst_method method);

struct pst_route {
    struct pst_handler handler;
    size_t index; /* in order of adding; numbers the workers' locals */
};

struct pst_router;

/* Errors: PST_E_NOMEM. */
int pst_router_new(struct pst_router **ret_router);
void pst_router_free(struct pst_router *router);
/* As pst_server_route() says. */
int pst_router_add(struct pst_router *router, const char *pattern, const struct pst_handler *handler);
size_t pst_router_count(const struct pst_router *router);
const struct pst_route *pst_router_at(const struct pst_router *router, size_t index);

struct pst_match {
    const struct pst_route *route; /* NULL: none for this method */
    uint32_t allowed;              /* bit 1 << method of what the path offers; 0: the path is unknown */
    struct pst_slice rest;         /* what the pattern's "*" stands for */
};
/* path: decoded, beginning with "/". HEAD finds GET's route. */
struct pst_match pst_router_find(const struct pst_router *router, enum pst_method method,
                                 struct pst_slice path);

#endif
