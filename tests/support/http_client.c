/* http_client.c - see http_client.h. */
#include "support/http_client.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

unsigned http_port_of(const struct pst_server *server, size_t i)
{
    const char *url = pst_server_url(server, i);
    const char *colon = url ? strrchr(url, ':') : NULL;
    assert_non_null(colon);
    return colon ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
}

int http_connect(unsigned port)
{
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    struct timeval patience = {.tv_sec = HTTP_CLIENT_PATIENCE_S};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience)), 0);
    if (connect(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
        return fd;
    close(fd);
    return -1;
}

int http_client_of(const struct pst_server *server)
{
    int fd = http_connect(http_port_of(server, 0));
    assert_true(fd >= 0);
    return fd;
}

void http_asks(int fd, const char *path)
{
    char text[128];
    int len = snprintf(text, sizeof(text), "GET %s HTTP/1.1\r\nHost: h\r\n\r\n", path);
    assert_int_equal(send(fd, text, (size_t)len, MSG_NOSIGNAL), len);
}

const char *http_answer(int fd)
{
    static char text[8192];
    size_t len = 0, need = sizeof(text) - 1;
    bool has_head = false;
    while (len < need) {
        ssize_t n = recv(fd, text + len, 1, 0);
        if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
            fail_msg("no answer after %d s", HTTP_CLIENT_PATIENCE_S);
        if (n <= 0)
            break;
        text[++len] = '\0';
        const char *length = strstr(text, "Content-Length: ");
        if (!has_head && length && strstr(text, "\r\n\r\n")) {
            has_head = true;
            need = len + strtoul(length + 16, NULL, 10);
            assert_true(need < sizeof(text));
        }
    }
    text[len] = '\0';
    return text;
}

const char *http_body_of(const char *answer)
{
    const char *end = strstr(answer, "\r\n\r\n");
    return end ? end + 4 : "";
}

const char *http_gets(int fd, const char *path)
{
    http_asks(fd, path);
    return http_body_of(http_answer(fd));
}

void http_reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now)), 0);
    close(fd);
}
