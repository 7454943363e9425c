/* cli_doctor_file.c - a certificate's file, and its key's. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <postern/err.h>

#include "server/cli_doctor.h"
#include "server/cli_file.h"
#include "server/file.h"

enum { FILE_BYTES_MAX = 4 << 20 };

static const char *why_not(int number)
{
    return strerror(number); /* NOLINT(concurrency-mt-unsafe): one thread prints */
}

/* ---- the key ---- */

/* How those who make certificates name the two files. */
static const struct {
    const char *cert, *key; /* ends of the file's name */
} key_names[] = {
    {"fullchain.pem", "privkey.pem"},
    {"cert.pem", "privkey.pem"},
    {"cert.pem", "key.pem"},
    {".pem", "-key.pem"},
    {".pem", ".key"},
    {".crt", ".key"},
    {".cer", ".key"},
    {".der", ".key"},
};

static bool find_key(const char *path, char ret_path[PATH_MAX])
{
    size_t len = strlen(path);
    for (size_t i = 0; i < sizeof key_names / sizeof key_names[0]; i++) {
        size_t end = strlen(key_names[i].cert);
        if (len < end || strcmp(path + len - end, key_names[i].cert) != 0)
            continue;
        int n = snprintf(ret_path, PATH_MAX, "%.*s%s", (int)(len - end), path, key_names[i].key);
        if (n > 0 && n < PATH_MAX && access(ret_path, F_OK) == 0)
            return true;
    }
    return false;
}

static void check_mode(struct pst_cli_doctor *doctor, const char *path)
{
    struct stat st;
    char remedy[PATH_MAX + 32];
    if (stat(path, &st) != 0 || !(st.st_mode & (S_IRWXG | S_IRWXO)))
        return;
    (void)snprintf(remedy, sizeof remedy, "chmod 600 %s", path);
    if (st.st_mode & S_IRWXO)
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, remedy,
                        "the private key %s is open to all users of this machine (mode %o)", path,
                        (unsigned)st.st_mode & 0777);
    else
        pst_cli_finding(&doctor->findings, PST_TLS_WARNING, remedy,
                        "the private key %s is open to its group (mode %o)", path,
                        (unsigned)st.st_mode & 0777);
}

static void check_key(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *path,
                      const char *text, size_t len)
{
    check_mode(doctor, path);
    int err =
        pst_tls_chain_check_key(chain, pst_slice_of(text, len), pst_cli_findings_report(&doctor->findings));
    if (err)
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, NULL, "cannot look at the key: %s",
                        pst_strerror(err));
}

static void look_at_key(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain,
                        const char *cert_path, const char *text, size_t len)
{
    char found[PATH_MAX], *key = NULL;
    size_t key_len = 0;
    const char *path = doctor->key;
    if (!path && memmem(text, len, "PRIVATE KEY-----", 16)) {
        check_key(doctor, chain, cert_path, text, len);
        return;
    }
    if (!path && find_key(cert_path, found))
        path = found;
    if (!path) {
        pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL,
                        "no private key was looked at: there is none beside it; --key FILE names one");
        return;
    }
    int err = pst_cli_file_read(path, FILE_BYTES_MAX, &key, &key_len);
    if (err)
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, err == EACCES ? "run this as its owner" : NULL,
                        "cannot read the key %s: %s", path, why_not(err));
    else
        check_key(doctor, chain, path, key, key_len);
    pst_file_forget(key, key_len);
}

/* ---- the certificate ---- */

/* The CA that postern and scripts/mkcert.sh leave beside the certificate. */
static const char *find_ca(const char *path, bool is_ca, char ca[PATH_MAX])
{
    if (is_ca)
        return path;
    const char *slash = strrchr(path, '/');
    int n = snprintf(ca, PATH_MAX, "%.*sca.pem", slash ? (int)(slash - path + 1) : 0, path);
    return n > 0 && n < PATH_MAX && access(ca, R_OK) == 0 ? ca : NULL;
}

static void look_at_chain(struct pst_cli_doctor *doctor, const char *path, const char *text, size_t len)
{
    struct pst_tls_report report = pst_cli_findings_report(&doctor->findings);
    struct pst_tls_chain *chain = NULL;
    struct pst_tls_cert_info info;
    char ca[PATH_MAX];
    int err = pst_tls_chain_read(&chain, pst_slice_of(text, len), report);
    if (err) {
        if (err != PST_E_CERT)
            pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, NULL, "cannot look at it: %s",
                            pst_strerror(err));
        return;
    }
    bool is_ca = pst_tls_chain_is_ca(chain);
    pst_tls_chain_info(chain, &info);
    pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "%s, issued by %s, key %s", info.subject,
                    info.is_self_signed ? "itself" : info.issuer, info.key);
    pst_tls_chain_check(chain, doctor->name ? doctor->name : "localhost", (int64_t)time(NULL), report);
    if (!is_ca || doctor->key)
        look_at_key(doctor, chain, path, text, len);
    pst_cli_doctor_trust(doctor, chain, find_ca(path, is_ca, ca));
    pst_tls_chain_free(chain);
}

void pst_cli_doctor_file(struct pst_cli_doctor *doctor, const char *path)
{
    char *text = NULL;
    size_t len = 0;
    pst_cli_findings_title(&doctor->findings, "%s:", path);
    int err = pst_cli_file_read(path, FILE_BYTES_MAX, &text, &len);
    if (err)
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM,
                        err == ENOENT   ? "make a certificate: postern cert"
                        : err == EACCES ? "run this as its owner"
                                        : "name a certificate's file",
                        "cannot read %s: %s", path, why_not(err));
    else
        look_at_chain(doctor, path, text, len);
    pst_file_forget(text, len);
}
