/* router.c - see router.h. The paths are kept sorted; a look-up is one binary search for the exact path and
 * one for each shorter prefix that ends in a slash. */
#include "http/router.h"

#include <stdlib.h>
#include <string.h>

/* All methods of one path. */
struct node {
    char *path; /* for a prefix: up to and with its last slash */
    size_t len;
    struct pst_route *routes[PST_METHOD_COUNT];
};

struct table {
    struct node *nodes; /* sorted by path */
    size_t count;
};

struct pst_router {
    struct table exact, prefix;
    struct pst_route **routes;
    size_t count;
};

static const char *const method_names[] = {
#define PST_X(name) #name,
    PST_METHOD_MAP(PST_X)
#undef PST_X
};

enum pst_method pst_method_of(struct pst_slice name)
{
    for (int m = 0; m < PST_METHOD_COUNT; m++)
        if (pst_slice_eq(name, pst_slice_str(method_names[m])))
            return (enum pst_method)m;
    return PST_METHOD_UNKNOWN;
}

const char *pst_method_name(enum pst_method method)
{
    return method < PST_METHOD_COUNT ? method_names[method] : "";
}

int pst_router_new(struct pst_router **ret_router)
{
    *ret_router = calloc(1, sizeof(**ret_router));
    return *ret_router ? 0 : PST_E_NOMEM;
}

static void free_table(struct table *table)
{
    for (size_t i = 0; i < table->count; i++)
        free(table->nodes[i].path);
    free(table->nodes);
}

void pst_router_free(struct pst_router *router)
{
    if (!router)
        return;
    free_table(&router->exact);
    free_table(&router->prefix);
    for (size_t i = 0; i < router->count; i++)
        free(router->routes[i]);
    free(router->routes);
    free(router);
}

static int compare(struct pst_slice a, const struct node *b)
{
    size_t n = a.len < b->len ? a.len : b->len;
    int c = n ? memcmp(a.ptr, b->path, n) : 0;
    if (c)
        return c;
    return a.len < b->len ? -1 : a.len > b->len;
}

/* The place of path in the table, or where it belongs. */
static size_t place(const struct table *table, struct pst_slice path, bool *ret_found)
{
    size_t lo = 0, hi = table->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = compare(path, &table->nodes[mid]);
        if (c == 0) {
            *ret_found = true;
            return mid;
        }
        if (c < 0)
            hi = mid;
        else
            lo = mid + 1;
    }
    *ret_found = false;
    return lo;
}

static int node_for(struct table *table, struct pst_slice path, struct node **ret_node)
{
    bool found;
    size_t i = place(table, path, &found);
    if (!found) {
        char *copy = malloc(path.len + 1);
        if (!copy)
            return PST_E_NOMEM;
        memcpy(copy, path.ptr, path.len);
        copy[path.len] = '\0';
        struct node *nodes = realloc(table->nodes, (table->count + 1) * sizeof(*nodes));
        if (!nodes) {
            free(copy);
            return PST_E_NOMEM;
        }
        table->nodes = nodes;
        memmove(&nodes[i + 1], &nodes[i], (table->count - i) * sizeof(*nodes));
        nodes[i] = (struct node){.path = copy, .len = path.len};
        table->count++;
    }
    *ret_node = &table->nodes[i];
    return 0;
}

static int parse_pattern(const char *pattern, enum pst_method *ret_method, struct pst_slice *ret_path,
                         bool *ret_is_prefix)
{
    const char *space = strchr(pattern, ' ');
    if (!space)
        return PST_E_SYNTAX;
    *ret_method = pst_method_of(pst_slice_of(pattern, (size_t)(space - pattern)));
    *ret_path = pst_slice_str(space + 1);
    if (*ret_method == PST_METHOD_UNKNOWN || *ret_method == PST_METHOD_HEAD ||
        !pst_slice_starts(*ret_path, PST_SLICE("/")))
        return PST_E_SYNTAX;
    *ret_is_prefix = pst_slice_ends(*ret_path, PST_SLICE("/*"));
    if (*ret_is_prefix)
        ret_path->len--;
    if (memchr(ret_path->ptr, '*', ret_path->len) || memchr(ret_path->ptr, ' ', ret_path->len))
        return PST_E_SYNTAX;
    return 0;
}

int pst_router_add(struct pst_router *router, const char *pattern, const struct pst_handler *handler)
{
    enum pst_method method;
    struct pst_slice path;
    bool is_prefix;
    if (!pattern || !handler || !handler->on_request)
        return PST_E_INVAL;
    int err = parse_pattern(pattern, &method, &path, &is_prefix);
    if (err)
        return err;
    struct node *node;
    err = node_for(is_prefix ? &router->prefix : &router->exact, path, &node);
    if (err)
        return err;
    if (node->routes[method])
        return PST_E_EXISTS;
    struct pst_route **routes = realloc(router->routes, (router->count + 1) * sizeof(*routes));
    if (!routes)
        return PST_E_NOMEM;
    router->routes = routes;
    struct pst_route *route = malloc(sizeof(*route));
    if (!route)
        return PST_E_NOMEM;
    *route = (struct pst_route){*handler, router->count};
    routes[router->count++] = route;
    node->routes[method] = route;
    return 0;
}

size_t pst_router_count(const struct pst_router *router)
{
    return router->count;
}

const struct pst_route *pst_router_at(const struct pst_router *router, size_t index)
{
    return router->routes[index];
}

static void look_at(const struct node *node, enum pst_method wanted, struct pst_slice rest,
                    struct pst_match *match)
{
    for (unsigned m = 0; m < PST_METHOD_COUNT; m++)
        if (node->routes[m])
            match->allowed |= 1u << m;
    if (!match->route && wanted < PST_METHOD_COUNT && node->routes[wanted]) {
        match->route = node->routes[wanted];
        match->rest = rest;
    }
}

struct pst_match pst_router_find(const struct pst_router *router, enum pst_method method,
                                 struct pst_slice path)
{
    struct pst_match match = {NULL, 0, {NULL, 0}};
    enum pst_method wanted = method == PST_METHOD_HEAD ? PST_METHOD_GET : method;
    bool found;
    size_t i = place(&router->exact, path, &found);
    if (found)
        look_at(&router->exact.nodes[i], wanted, pst_slice_of("", 0), &match);
    /* From the longest prefix to the shortest. A path may be offered for GET by one pattern and for POST by a
     * less specific one: both count for Allow. */
    for (size_t len = path.len; len > 0 && !match.route && router->prefix.count; len--) {
        if (path.ptr[len - 1] != '/')
            continue;
        i = place(&router->prefix, pst_slice_of(path.ptr, len), &found);
        if (found)
            look_at(&router->prefix.nodes[i], wanted, pst_slice_of(path.ptr + len, path.len - len), &match);
    }
    if (match.allowed & 1u << PST_METHOD_GET)
        match.allowed |= 1u << PST_METHOD_HEAD;
    return match;
}
