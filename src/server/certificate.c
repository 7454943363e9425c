/* certificate.c - reading the certificate and key files, and checking them before anything is served. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "server/internal.h"
#include "server/server.h"

/* Far more than any chain that could be sent. */
enum { FILE_BYTES_MAX = 1 << 20 };

void pst_server_forget(char *secret, size_t len)
{
    if (secret)
        explicit_bzero(secret, len);
    free(secret);
}

static int open_failed(struct pst_server *server, const char *what, const char *file)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return pst_server_fail(server, PST_E_NOENT, "%s %s is not there; scripts/mkcert.sh makes one", what,
                               file);
    case EACCES:
    case EPERM:
        return pst_server_fail(server, PST_E_ACCESS,
                               "%s %s may not be read by this user; check its owner and mode", what, file);
    default:
        return pst_server_fail(server, PST_E_IO, "%s %s cannot be read: %s", what, file, strerror(errno));
    }
}

static int read_all(int fd, char **ret_data, size_t *ret_len)
{
    struct stat st;
    if (fstat(fd, &st) != 0)
        return -1;
    if (!S_ISREG(st.st_mode) || st.st_size > FILE_BYTES_MAX) {
        errno = S_ISDIR(st.st_mode) ? EISDIR : EFBIG;
        return -1;
    }
    size_t cap = (size_t)st.st_size, len = 0;
    char *data = malloc(cap + 1);
    if (!data)
        return -1;
    while (len < cap) {
        ssize_t n = read(fd, data + len, cap - len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0) {
            pst_server_forget(data, cap);
            return -1;
        }
        if (n == 0)
            break;
        len += (size_t)n;
    }
    data[len] = '\0';
    *ret_data = data;
    *ret_len = len;
    return 0;
}

static int read_file(struct pst_server *server, const char *what, const char *file, char **ret_data,
                     size_t *ret_len)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return open_failed(server, what, file);
    int failed = read_all(fd, ret_data, ret_len);
    int saved = errno;
    close(fd);
    errno = saved;
    return failed ? open_failed(server, what, file) : 0;
}

int pst_server_certificate(struct pst_server *server, const char *cert_file, const char *key_file)
{
    server->error[0] = '\0';
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    char *cert = NULL, *key = NULL, line[384];
    size_t cert_len = 0, key_len = 0;
    int err = read_file(server, "the certificate", cert_file, &cert, &cert_len);
    if (!err)
        err = read_file(server, "the private key", key_file, &key, &key_len);
    struct pst_tls_ctx *tls = NULL;
    if (!err) {
        err = pst_tls_ctx_new(&tls, cert, cert_len, key, key_len, (int64_t)time(NULL), line, sizeof(line));
        if (err)
            pst_server_fail(server, err, "%s: %s", err == PST_E_KEY ? key_file : cert_file, line);
    }
    if (err) {
        free(cert);
        pst_server_forget(key, key_len);
        return err;
    }
    pst_tls_ctx_free(server->tls);
    free(server->cert);
    pst_server_forget(server->key, server->key_len);
    server->tls = tls;
    server->cert = cert;
    server->cert_len = cert_len;
    server->key = key;
    server->key_len = key_len;
    pst_tls_ctx_cert_info(tls, &server->cert_info);
    return 0;
}

int pst_server_cert_info(const struct pst_server *server, struct pst_tls_cert_info *ret_info)
{
    if (!server->cert)
        return PST_E_NOENT;
    *ret_info = server->cert_info;
    return 0;
}
