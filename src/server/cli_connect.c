/* cli_connect.c - connecting to a host, with a deadline. */
#include "server/cli_connect.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

static long long now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static bool await(int fd, short events, long long deadline_ms)
{
    for (;;) {
        struct pollfd p = {.fd = fd, .events = events};
        long long left = deadline_ms - now_ms();
        int n = left > 0 ? poll(&p, 1, left > 60000 ? 60000 : (int)left) : 0;
        if (n > 0)
            return true;
        if (left <= 0 || (n < 0 && errno != EINTR))
            return false;
    }
}

/* A socket, or -1 and errno. */
static int try_one(const struct addrinfo *to, unsigned timeout_ms)
{
    int fd = socket(to->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int number = 0;
    socklen_t len = sizeof number;
    if (fd < 0)
        return -1;
    if (connect(fd, to->ai_addr, to->ai_addrlen) == 0)
        return fd;
    number = errno;
    if (number == EINPROGRESS) {
        if (!await(fd, POLLOUT, now_ms() + timeout_ms))
            number = ETIMEDOUT;
        else if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &len) != 0)
            number = errno;
    }
    if (number == 0)
        return fd;
    (void)close(fd);
    errno = number;
    return -1;
}

static const char *words(int number)
{
    switch (number) {
    case ECONNREFUSED:
        return "nothing listens there: the connection was refused";
    case ETIMEDOUT:
        return "no answer within the time: the host is off, or a firewall drops the packets";
    case EHOSTUNREACH:
    case ENETUNREACH:
        return "there is no way to that host from here";
    default:
        return strerror(number); /* NOLINT(concurrency-mt-unsafe): one thread prints */
    }
}

int pst_cli_connect(const char *host, unsigned port, unsigned timeout_ms, struct pst_cli_connect *ret_how)
{
    const struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV};
    struct addrinfo *found = NULL;
    char service[8];
    int fd = -1;
    *ret_how = (struct pst_cli_connect){0};
    (void)snprintf(service, sizeof service, "%u", port);
    int result = getaddrinfo(host, service, &hints, &found);
    if (result != 0) {
        ret_how->text = gai_strerror(result);
        return -1;
    }
    for (const struct addrinfo *to = found; to && fd < 0; to = to->ai_next) {
        (void)getnameinfo(to->ai_addr, to->ai_addrlen, ret_how->address, sizeof ret_how->address, NULL, 0,
                          NI_NUMERICHOST);
        fd = try_one(to, timeout_ms);
        ret_how->number = fd < 0 ? errno : 0;
        ret_how->text = fd < 0 ? words(errno) : NULL;
    }
    freeaddrinfo(found);
    return fd;
}

size_t pst_cli_connect_ask(int fd, const char *text, unsigned timeout_ms, char *answer, size_t cap)
{
    long long deadline = now_ms() + timeout_ms;
    size_t len = 0;
    answer[0] = '\0';
    /* A request of a line or two fits into a fresh socket's buffer. */
    if (send(fd, text, strlen(text), MSG_NOSIGNAL) != (ssize_t)strlen(text))
        return 0;
    while (len + 1 < cap && !memchr(answer, '\n', len)) {
        if (!await(fd, POLLIN, deadline))
            break;
        ssize_t n = recv(fd, answer + len, cap - 1 - len, 0);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            break;
        len += (size_t)n;
    }
    answer[len] = '\0';
    return len;
}
