/* http_client.h - a plain HTTP client over blocking sockets, for tests of servers that run on threads of
 * their own. It waits for a while, not for ever. All but http_connect() fail the cmocka test where they
 * cannot do what they should. */
#ifndef PST_TESTS_HTTP_CLIENT_H
#define PST_TESTS_HTTP_CLIENT_H

#include <postern/server.h>

enum { HTTP_CLIENT_PATIENCE_S = 20 };

/* The port in the server's URL number i. */
unsigned http_port_of(const struct pst_server *server, size_t i);
/* To 127.0.0.1; -1 where nobody listens. */
int http_connect(unsigned port);
/* To the server's first URL. */
int http_client_of(const struct pst_server *server);
/* Sends a GET; then, maybe later, reads its answer: head and body by Content-Length, "" where the server has
 * closed instead. Valid until the next call. */
void http_asks(int fd, const char *path);
const char *http_answer(int fd);
const char *http_body_of(const char *answer);
/* Both; the body alone. */
const char *http_gets(int fd, const char *path);
/* Closes with a reset. */
void http_reset(int fd);

#endif
