/* resume.c - a load of TLS connections that each resume the session of one before, with one GET in each.
 *
 *   resume ADDRESS PORT TARGET CONNECTIONS SECONDS EVERY
 *
 * So many connections at a time, from one thread. Each slot begins with a full handshake and then resumes the
 * newest session that it was given, as browsers do; a server that gives none on resumption, as some do not,
 * is asked again with the one before. Versions, suites and groups are those of OpenSSL's configuration
 * (OPENSSL_CONF).
 *
 * Counted is what really was resumed, in TLS 1.3 with a fresh key exchange, and answered whole with 200. Says
 * "at 1 N" every so many, and "resumed N full N bytes N" when it ends: by time, or by SIGINT. "full" leaves
 * out each slot's first. Exit status: 0, or 1 and what was wrong on the last line.
 *
 * wrk cannot do this. Built by the bench, with OpenSSL, which postern itself has nothing to do with.
 */
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct slot {
    int fd;
    SSL *ssl;
    SSL_SESSION *session; /* the newest; NULL before the first connection */
    bool is_first;        /* nothing there to resume: expected to be full */
    bool is_open, is_asked, is_resumed;
    long bytes;
    char status[12]; /* the reply's first bytes: "HTTP/1.1 200" */
};

static struct {
    SSL_CTX *tls;
    struct sockaddr_in address;
    char request[512];
    int epoll_fd;
    long every;
    long resumed, full, bytes;
} self;

static volatile sig_atomic_t is_over;

static void on_signal(int number)
{
    (void)number;
    is_over = 1;
}

static void die(const char *what)
{
    unsigned long code = ERR_get_error();
    fflush(stdout);
    printf("%s: %s\n", what, code ? ERR_error_string(code, NULL) : strerror(errno));
    exit(1);
}

/* OpenSSL has a session for us: in TLS 1.3 after the handshake, among the server's other data. */
static int on_session(SSL *ssl, SSL_SESSION *session)
{
    struct slot *slot = SSL_get_app_data(ssl);
    SSL_SESSION_free(slot->session);
    slot->session = session;
    return 1; /* it is ours now */
}

static void slot_open(struct slot *slot)
{
    int one = 1;
    slot->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (slot->fd < 0)
        die("socket");
    setsockopt(slot->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    if (connect(slot->fd, (struct sockaddr *)&self.address, sizeof self.address) != 0 && errno != EINPROGRESS)
        die("connect");
    slot->ssl = SSL_new(self.tls);
    if (!slot->ssl || !SSL_set_fd(slot->ssl, slot->fd) || !SSL_set_tlsext_host_name(slot->ssl, "localhost"))
        die("SSL_new");
    SSL_set_app_data(slot->ssl, slot);
    SSL_set_connect_state(slot->ssl);
    if (slot->session) { /* a copy: OpenSSL lets no TLS 1.3 session be used twice, and not all servers give a
                            new one each time */
        SSL_SESSION *session = SSL_SESSION_dup(slot->session);
        if (!session || !SSL_set_session(slot->ssl, session))
            die("SSL_set_session");
        SSL_SESSION_free(session);
    }
    slot->is_first = !slot->session;
    slot->is_open = slot->is_asked = slot->is_resumed = false;
    slot->bytes = 0;
    struct epoll_event event = {.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET, .data.ptr = slot};
    if (epoll_ctl(self.epoll_fd, EPOLL_CTL_ADD, slot->fd, &event) != 0)
        die("epoll_ctl");
}

/* A resumed session: of TLS 1.3 only such as have new keys. */
static bool is_resumed(SSL *ssl)
{
    EVP_PKEY *key = NULL;
    if (!SSL_session_reused(ssl))
        return false;
    if (SSL_version(ssl) < TLS1_3_VERSION)
        return true;
    bool has_exchange = SSL_get_peer_tmp_key(ssl, &key) == 1;
    EVP_PKEY_free(key);
    return has_exchange;
}

static void slot_close(struct slot *slot)
{
    SSL_shutdown(slot->ssl); /* without it OpenSSL takes the session for a bad one */
    SSL_free(slot->ssl);
    close(slot->fd);
}

/* The reply is there, to the connection's end: count it, and begin the next connection. */
static void slot_finish(struct slot *slot)
{
    if (memcmp(slot->status, "HTTP/1.1 200", sizeof slot->status) != 0)
        die("the reply is not 200");
    if (slot->is_resumed) {
        self.resumed++;
        self.bytes += slot->bytes;
        if (self.resumed % self.every == 0) {
            printf("at 1 %ld\n", self.resumed);
            fflush(stdout);
        }
    } else if (!slot->is_first) {
        self.full++;
    }
    slot_close(slot);
    slot_open(slot);
}

/* Whether the call is to be made again when the socket is ready; anything else that failed ends the program.
 */
static bool wants_more(struct slot *slot, int result, const char *what)
{
    int error = SSL_get_error(slot->ssl, result);
    if (error == SSL_ERROR_WANT_READ || error == SSL_ERROR_WANT_WRITE)
        return true;
    if (error != SSL_ERROR_ZERO_RETURN)
        die(what);
    return false;
}

/* Goes on with a connection as far as it goes. */
static void slot_drive(struct slot *slot)
{
    char data[16384];
    int n;
    if (!slot->is_open) {
        n = SSL_do_handshake(slot->ssl);
        if (n != 1) {
            if (!wants_more(slot, n, "TLS handshake"))
                die("TLS handshake: closed");
            return;
        }
        slot->is_open = true;
        slot->is_resumed = is_resumed(slot->ssl);
    }
    if (!slot->is_asked) {
        n = SSL_write(slot->ssl, self.request, (int)strlen(self.request));
        if (n <= 0) {
            wants_more(slot, n, "SSL_write");
            return;
        }
        slot->is_asked = true;
    }
    for (;;) {
        n = SSL_read(slot->ssl, data, sizeof data);
        if (n <= 0)
            break;
        for (int i = 0; i < n && slot->bytes + i < (long)sizeof slot->status; i++)
            slot->status[slot->bytes + i] = data[i];
        slot->bytes += n;
    }
    if (!wants_more(slot, n, "SSL_read"))
        slot_finish(slot);
}

static void start(char **argv)
{
    struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGALRM, &action, NULL);
    signal(SIGPIPE, SIG_IGN);
    alarm((unsigned)atoi(argv[5]));

    self.tls = SSL_CTX_new(TLS_client_method());
    if (!self.tls)
        die("SSL_CTX_new");
    SSL_CTX_set_session_cache_mode(self.tls, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
    SSL_CTX_sess_set_new_cb(self.tls, on_session);
    /* Some servers end a connection without close_notify; the length of what they sent is looked at by the
     * bench. */
    SSL_CTX_set_options(self.tls, SSL_OP_IGNORE_UNEXPECTED_EOF);

    self.address.sin_family = AF_INET;
    self.address.sin_port = htons((unsigned short)atoi(argv[2]));
    if (inet_pton(AF_INET, argv[1], &self.address.sin_addr) != 1)
        die("address");
    snprintf(self.request, sizeof self.request,
             "GET %s HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n", argv[3]);
    self.every = atol(argv[6]);
    self.epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    if (self.epoll_fd < 0 || self.every < 1)
        die("epoll_create1");
}

int main(int argc, char **argv)
{
    struct epoll_event events[64];
    if (argc != 7) {
        fprintf(stderr, "usage: resume ADDRESS PORT TARGET CONNECTIONS SECONDS EVERY\n");
        return 1;
    }
    start(argv);
    long count = atol(argv[4]);
    struct slot *slots = calloc((size_t)count, sizeof *slots);
    if (!slots)
        die("memory");
    for (long i = 0; i < count; i++)
        slot_open(&slots[i]);
    while (!is_over) {
        int n = epoll_wait(self.epoll_fd, events, sizeof events / sizeof *events, -1);
        for (int i = 0; i < n; i++)
            slot_drive(events[i].data.ptr);
    }
    printf("resumed %ld full %ld bytes %ld\n", self.resumed, self.full, self.bytes);
    return 0;
}
