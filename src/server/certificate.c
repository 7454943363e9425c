/* certificate.c - the files of certificates: reading and checking them before anything is served, and again
 * while it serves. */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "postern/tls.h"
#include "server/file.h"
#include "server/internal.h"
#include "server/server.h"

/* Far more than any chain that could be sent. */
enum { FILE_BYTES_MAX = 1 << 20 };

static int open_failed(struct pst_server_line line, const char *what, const char *file)
{
    switch (errno) {
    case ENOENT:
    case ENOTDIR:
        return pst_server_say(line, PST_E_NOENT, "%s %s is not there; scripts/mkcert.sh makes one", what,
                              file);
    case EACCES:
    case EPERM:
        return pst_server_say(line, PST_E_ACCESS,
                              "%s %s may not be read by this user; check its owner and mode", what, file);
    default:
        return pst_server_say(line, PST_E_IO, "%s %s cannot be read: %s", what, file, strerror(errno));
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
    errno = pst_file_fill(fd, data, cap, &len);
    if (errno) {
        pst_file_forget(data, cap);
        return -1;
    }
    data[len] = '\0';
    *ret_data = data;
    *ret_len = len;
    return 0;
}

static int read_file(struct pst_server_line line, const char *what, const char *file, char **ret_data,
                     size_t *ret_len)
{
    int fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0)
        return open_failed(line, what, file);
    int failed = read_all(fd, ret_data, ret_len);
    int saved = errno;
    close(fd);
    errno = saved;
    return failed ? open_failed(line, what, file) : 0;
}

/* ---- a certificate's files ---- */

/* What the files hold. The key and the password are wiped at the end. */
struct contents {
    char *cert, *key, *password;
    size_t cert_len, key_len, password_len;
};

static void free_contents(struct contents *c)
{
    free(c->cert);
    pst_file_forget(c->key, c->key_len);
    pst_file_forget(c->password, c->password_len);
}

/* The first line, as it is: a password may begin or end with a blank. */
static void cut_line(char *text)
{
    text[strcspn(text, "\r\n")] = '\0';
}

static int read_contents(struct contents *c, const struct pst_cert_files *files, struct pst_server_line line)
{
    int err = read_file(line, "the certificate", files->cert, &c->cert, &c->cert_len);
    if (!err)
        err = read_file(line, "the private key", files->key, &c->key, &c->key_len);
    if (!err && files->password)
        err = read_file(line, "the password file", files->password, &c->password, &c->password_len);
    if (!err && c->password)
        cut_line(c->password);
    return err;
}

/* Of a key, too: so it says nothing of a password. */
static int digest(const struct contents *c, uint8_t ret_digest[PST_SHA256_BYTES])
{
    struct pst_sha256 sha;
    pst_sha256_init(&sha);
    pst_sha256_add(&sha, &c->cert_len, sizeof(c->cert_len));
    pst_sha256_add(&sha, c->cert, c->cert_len);
    pst_sha256_add(&sha, &c->key_len, sizeof(c->key_len));
    pst_sha256_add(&sha, c->key, c->key_len);
    if (c->password)
        pst_sha256_add(&sha, c->password, c->password_len);
    return pst_sha256_end(&sha, ret_digest);
}

/* Whether the files still hold what was checked when they were added. */
static bool is_unchanged(const struct pst_server *server, const struct contents *contents)
{
    uint8_t now[PST_SHA256_BYTES];
    for (size_t i = 0; i < server->cert_count; i++)
        if (digest(&contents[i], now) != 0 || memcmp(now, server->certs[i].digest, sizeof(now)) != 0)
            return false;
    return true;
}

void pst_server_drop_certs(struct pst_tls_certs **sets, unsigned count)
{
    for (unsigned i = 0; sets && i < count; i++)
        pst_tls_certs_unref(sets[i]);
    free(sets);
}

static int parse_client_ca(struct pst_server *server, const struct contents *ca, struct pst_tls_certs *set,
                           struct pst_server_line line)
{
    char text[384];
    int err = pst_tls_certs_client_ca(set, ca->cert, ca->cert_len, server->requires_client,
                                      (int64_t)time(NULL), text, sizeof(text));
    return err ? pst_server_say(line, err, "%s: %s", server->client_ca, text) : 0;
}

static int blame(const struct pst_cert_files *files, int err, const char *text, struct pst_server_line line)
{
    return pst_server_say(line, err, "%s: %s", err == PST_E_KEY ? files->key : files->cert, text);
}

/* The first set is checked; the others are of the same bytes. */
static int parse_set(struct pst_server *server, const struct pst_tls_pem *pems, unsigned number,
                     struct pst_tls_certs **ret_set, struct pst_server_line line)
{
    char text[384] = "";
    size_t bad = 0;
    int err = number == 0 ? pst_tls_certs_new(ret_set, pems, server->cert_count, (int64_t)time(NULL), &bad,
                                              text, sizeof(text))
                          : pst_tls_certs_new_again(ret_set, pems, server->cert_count, text, sizeof(text));
    if (err)
        return blame(&server->certs[bad], err, text, line);
    if (text[0])
        (void)pst_server_say(line, 0, "%s", text); /* a warning */
    return 0;
}

/* Parsed once for each worker: an RSA key is changed by its use. What is in sets already stays. */
static int parse(struct pst_server *server, const struct pst_tls_pem *pems, unsigned set_count,
                 const struct contents *ca, struct pst_tls_certs **sets, struct pst_server_line line)
{
    for (unsigned i = 0; i < set_count; i++) {
        int err = sets[i] ? 0 : parse_set(server, pems, i, &sets[i], line);
        if (err)
            return err;
        pst_tls_certs_on_sni(sets[i], server->on_sni, server->on_sni_arg);
        err = ca->cert ? parse_client_ca(server, ca, sets[i], line) : 0;
        if (err)
            return err;
    }
    return 0;
}

static int read_client_ca(const struct pst_server *server, struct contents *ret_ca,
                          struct pst_server_line line)
{
    return server->client_ca
               ? read_file(line, "the client CA", server->client_ca, &ret_ca->cert, &ret_ca->cert_len)
               : 0;
}

/* All files, and what they hold; ca: of the client CA. */
static int read_all_files(struct pst_server *server, struct contents *contents, struct pst_tls_pem *pems,
                          struct contents *ca, struct pst_server_line line)
{
    for (size_t i = 0; i < server->cert_count; i++) {
        struct contents *c = &contents[i];
        int err = read_contents(c, &server->certs[i], line);
        if (err)
            return err;
        pems[i] = (struct pst_tls_pem){c->cert, c->key, c->cert_len, c->key_len, c->password};
    }
    return read_client_ca(server, ca, line);
}

int pst_server_load_certs(struct pst_server *server, struct pst_tls_certs ***ret_sets,
                          struct pst_server_line line)
{
    unsigned set_count = server->worker_count;
    size_t count = server->cert_count;
    struct contents *contents = calloc(count, sizeof(*contents)), ca = {.cert = NULL};
    struct pst_tls_pem *pems = calloc(count, sizeof(*pems));
    struct pst_tls_certs **sets = calloc(set_count, sizeof(*sets));
    int err = PST_E_NOMEM;
    if (contents && pems && sets)
        err = read_all_files(server, contents, pems, &ca, line);
    else
        (void)pst_server_say(line, err, "%s", pst_strerror(err));
    if (!err && server->checked && is_unchanged(server, contents)) {
        sets[0] = server->checked;
        server->checked = NULL;
    }
    if (!err)
        err = parse(server, pems, set_count, &ca, sets, line);
    for (size_t i = 0; contents && i < count; i++)
        free_contents(&contents[i]);
    free_contents(&ca);
    free(contents);
    free(pems);
    if (err) {
        pst_server_drop_certs(sets, set_count);
        return err;
    }
    *ret_sets = sets;
    return 0;
}

/* ---- settings ---- */

static void free_names(struct pst_cert_files *files)
{
    free(files->cert);
    free(files->key);
    free(files->password);
    free(files->warning);
}

void pst_server_free_cert_files(struct pst_server *server)
{
    for (size_t i = 0; i < server->cert_count; i++)
        free_names(&server->certs[i]);
    free(server->certs);
    server->certs = NULL;
    server->cert_count = 0;
    pst_tls_certs_unref(server->checked);
    server->checked = NULL;
}

static int append(struct pst_server *server, const char *cert, const char *key, const char *password)
{
    struct pst_cert_files *grown = realloc(server->certs, (server->cert_count + 1) * sizeof(*grown));
    if (!grown)
        return PST_E_NOMEM;
    server->certs = grown;
    struct pst_cert_files files = {
        .cert = strdup(cert), .key = strdup(key), .password = password ? strdup(password) : NULL};
    if (!files.cert || !files.key || (password && !files.password)) {
        free_names(&files);
        return PST_E_NOMEM;
    }
    grown[server->cert_count++] = files;
    return 0;
}

/* Reads, parses and checks the one that was added last. */
static int check(struct pst_server *server)
{
    struct pst_server_line line = {server->error, sizeof(server->error)};
    struct pst_cert_files *files = &server->certs[server->cert_count - 1];
    struct contents c = {.cert = NULL};
    char text[384] = "";
    int err = read_contents(&c, files, line);
    if (!err && digest(&c, files->digest) != 0)
        err = pst_server_say(line, PST_E_SYSTEM, "%s", pst_strerror(PST_E_SYSTEM));
    if (!err) {
        struct pst_tls_pem pem = {c.cert, c.key, c.cert_len, c.key_len, c.password};
        err = pst_tls_certs_extend(&server->checked, &pem, (int64_t)time(NULL), text, sizeof(text));
        if (err)
            (void)blame(files, err, text, line);
    }
    free_contents(&c);
    if (err)
        return err;
    pst_tls_certs_info(server->checked, server->cert_count - 1, &files->info);
    files->warning = text[0] ? strdup(text) : NULL;
    return 0;
}

int pst_tls_add(struct pst_server *server, const char *cert_file, const char *key_file,
                const char *password_file)
{
    server->error[0] = '\0';
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    int err = append(server, cert_file, key_file, password_file);
    if (err)
        return pst_server_fail(server, err, "%s", pst_strerror(err));
    err = check(server);
    if (err)
        free_names(&server->certs[--server->cert_count]);
    return err;
}

int pst_server_certificate(struct pst_server *server, const char *cert_file, const char *key_file)
{
    if (server->is_started)
        return pst_tls_add(server, cert_file, key_file, NULL); /* says why not */
    struct pst_cert_files *before = server->certs;
    struct pst_tls_certs *before_checked = server->checked;
    size_t before_count = server->cert_count;
    server->certs = NULL;
    server->checked = NULL;
    server->cert_count = 0;
    int err = pst_tls_add(server, cert_file, key_file, NULL);
    if (err) { /* what there was stays */
        pst_server_free_cert_files(server);
        server->certs = before;
        server->checked = before_checked;
        server->cert_count = before_count;
        return err;
    }
    for (size_t i = 0; i < before_count; i++)
        free_names(&before[i]);
    free(before);
    pst_tls_certs_unref(before_checked);
    return 0;
}

size_t pst_server_cert_count(const struct pst_server *server)
{
    return server->cert_count;
}

int pst_server_cert_info(const struct pst_server *server, size_t i, struct pst_tls_cert_info *ret_info)
{
    if (i >= server->cert_count)
        return PST_E_NOENT;
    *ret_info = server->certs[i].info;
    return 0;
}

int pst_tls_client_ca(struct pst_server *server, const char *ca_file, bool is_required)
{
    server->error[0] = '\0';
    if (server->is_started)
        return pst_server_fail(server, PST_E_STATE, "the server has been started already");
    char *before = server->client_ca;
    server->client_ca = strdup(ca_file);
    if (!server->client_ca) {
        server->client_ca = before;
        return pst_server_fail(server, PST_E_NOMEM, "%s", pst_strerror(PST_E_NOMEM));
    }
    struct pst_server_line line = {server->error, sizeof(server->error)};
    struct contents ca = {.cert = NULL};
    int err = read_client_ca(server, &ca, line);
    if (!err)
        err = parse_client_ca(server, &ca, NULL, line);
    free_contents(&ca);
    if (err) { /* what there was stays */
        free(server->client_ca);
        server->client_ca = before;
        return err;
    }
    free(before);
    server->requires_client = is_required;
    return 0;
}

const char *pst_server_cert_warning(const struct pst_server *server, size_t i)
{
    const char *warning = i < server->cert_count ? server->certs[i].warning : NULL;
    return warning ? warning : "";
}

/* ---- while it serves ---- */

/* One reload, on the stack of its caller, who waits until all workers have taken their sets. */
struct round {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    unsigned open;
};

struct swap {
    struct pst_letter letter;
    struct round *round;
    struct pst_worker *worker;
    struct pst_tls_certs *certs;
};

/* On the worker's thread. A letter that was taken in is always handed out, at the latest when its worker
 * ends. */
static void on_swap(struct pst_letter *letter)
{
    struct swap *swap = PST_CONTAINER(letter, struct swap, letter);
    struct round *round = swap->round;
    pst_tls_ctx_set_certs(swap->worker->tls, swap->certs);
    swap->worker->env.last_host.len = 0; /* its name may have gone with the old ones */
    pst_tls_certs_unref(swap->certs);
    swap->certs = NULL;
    pthread_mutex_lock(&round->lock);
    round->open--;
    pthread_cond_signal(&round->changed);
    pthread_mutex_unlock(&round->lock);
}

/* Memory for all letters first: no worker is left behind with the old certificates. */
static int swap_all(struct pst_server *server, struct pst_tls_certs **sets)
{
    unsigned count = server->worker_count;
    struct swap *swaps = calloc(count, sizeof(*swaps));
    if (!swaps)
        return PST_E_NOMEM;
    struct round round = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    pthread_mutex_lock(&round.lock);
    for (unsigned i = 0; i < count; i++) {
        struct pst_worker *worker = &server->workers[i];
        swaps[i] =
            (struct swap){.letter.on_receive = on_swap, .round = &round, .worker = worker, .certs = sets[i]};
        if (pst_loop_post(worker->loop, &swaps[i].letter) != 0)
            continue;   /* it has ended, and needs none */
        sets[i] = NULL; /* the worker's */
        round.open++;
    }
    while (round.open > 0)
        pthread_cond_wait(&round.changed, &round.lock);
    pthread_mutex_unlock(&round.lock);
    pthread_cond_destroy(&round.changed);
    pthread_mutex_destroy(&round.lock);
    free(swaps);
    return 0;
}

static bool is_worker_thread(const struct pst_server *server)
{
    for (unsigned i = 0; i < server->worker_count; i++)
        if (pthread_equal(pthread_self(), server->workers[i].thread))
            return true;
    return false;
}

/* NOLINTNEXTLINE(readability-non-const-parameter): it is written to, by way of line */
int pst_tls_reload(struct pst_server *server, char *why, size_t why_size)
{
    struct pst_server_line line = {why, why ? why_size : 0};
    if (line.size > 0)
        why[0] = '\0';
    if (!server->is_running || server->cert_count == 0)
        return pst_server_say(line, PST_E_STATE, "%s", "the server does not serve https now");
    if (is_worker_thread(server))
        return pst_server_say(line, PST_E_STATE, "%s",
                              "a worker would wait for itself; reload on another thread");
    pthread_mutex_lock(&server->reload_lock);
    struct pst_tls_certs **sets = NULL;
    int err = pst_server_load_certs(server, &sets, line);
    /* The one step that may fail behind it is memory for the letters; ticket keys taken by then do no harm.
     */
    if (!err && server->ticket_path)
        err = pst_server_reread_tickets(server, line.text, line.size);
    if (!err) {
        err = swap_all(server, sets);
        if (err)
            pst_server_say(line, err, "%s", pst_strerror(err));
    }
    pst_server_drop_certs(sets, server->worker_count);
    pthread_mutex_unlock(&server->reload_lock);
    return err;
}
