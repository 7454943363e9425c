/* cli_doctor_door.c - what answers at an address: whether it is TLS, which versions and suites it takes, and
 * the certificate that it serves. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <postern/err.h>

#include "server/cli_connect.h"
#include "server/cli_doctor.h"
#include "transport/tls_probe.h"

enum { TIMEOUT_MS = 5000 };

struct door {
    struct pst_cli_doctor *doctor;
    const char *host, *name; /* the one to connect to, and the one in the address bar */
    unsigned port;
};

static int reach(const struct door *door)
{
    struct pst_cli_connect how;
    return pst_cli_connect(door->host, door->port, TIMEOUT_MS, &how);
}

/* ---- one handshake ---- */

/* False where there was none. chain is the caller's. */
static bool shake(const struct door *door, unsigned version, int suite,
                  struct pst_tls_probe_result *ret_result)
{
    static const char *alpn[] = {"h2", "http/1.1", NULL};
    const struct pst_tls_probe_spec spec = {
        .host = door->name, .version = version, .suite = suite, .alpn = alpn, .timeout_ms = TIMEOUT_MS};
    int fd = reach(door);
    *ret_result = (struct pst_tls_probe_result){0};
    if (fd < 0)
        return false;
    (void)pst_tls_probe(fd, &spec, ret_result);
    (void)close(fd);
    return ret_result->is_done;
}

static bool can_shake(const struct door *door, unsigned version, int suite)
{
    struct pst_tls_probe_result result;
    bool is_done = shake(door, version, suite, &result);
    free(result.chain);
    return is_done;
}

/* ---- where it is no TLS ---- */

static bool speaks_http(const struct door *door, char *line, size_t cap)
{
    int fd = reach(door);
    if (fd < 0)
        return false;
    (void)pst_cli_connect_ask(fd, "GET / HTTP/1.0\r\n\r\n", TIMEOUT_MS, line, cap);
    (void)close(fd);
    line[strcspn(line, "\r\n")] = '\0';
    return strncmp(line, "HTTP/", 5) == 0;
}

static void explain_failure(const struct door *door, const struct pst_tls_probe_result *result)
{
    char line[128], remedy[400];
    if (result->is_certificate) {
        pst_cli_finding(
            &door->doctor->findings, PST_TLS_PROBLEM, "look at the certificate's file: postern doctor FILE",
            "TLS, but the certificate that is served cannot be read (%s): most often it is signed with "
            "SHA-1, or of a kind that browsers do not take",
            result->error);
    } else if (speaks_http(door, line, sizeof line)) {
        (void)snprintf(remedy, sizeof remedy,
                       "open http://%.255s:%u/, or https:// with the port of the TLS door", door->name,
                       door->port);
        pst_cli_finding(&door->doctor->findings, PST_TLS_PROBLEM, remedy,
                        "plain HTTP is spoken on port %u, no TLS (it says \"%s\")", door->port, line);
    } else {
        pst_cli_finding(&door->doctor->findings, PST_TLS_PROBLEM,
                        "look whether this is the right port, and at the server's log",
                        "no TLS handshake: %s", result->error);
    }
}

/* ---- versions and suites ---- */

static void check_version(const struct door *door, unsigned version, const char *name)
{
    char suites[1024] = "";
    size_t used = 0;
    for (const int *suite = pst_tls_probe_suites(); *suite; suite++) {
        if (pst_tls_probe_suite_version(*suite) != version || !can_shake(door, version, *suite))
            continue;
        if (!pst_tls_probe_suite_is_aead(*suite))
            pst_cli_finding(&door->doctor->findings, PST_TLS_WARNING,
                            "leave this suite out of the server's settings",
                            "%s is accepted: CBC suites are outdated", pst_tls_probe_suite_name(*suite));
        int n = snprintf(suites + used, sizeof suites - used, "%s%s", used ? ", " : "",
                         pst_tls_probe_suite_name(*suite));
        if (n > 0 && (size_t)n < sizeof suites - used)
            used += (size_t)n;
    }
    if (used)
        pst_cli_finding(&door->doctor->findings, PST_TLS_FINE, NULL, "%s with %s", name, suites);
    else
        pst_cli_finding(&door->doctor->findings, version == 0x0304 ? PST_TLS_WARNING : PST_TLS_FINE,
                        version == 0x0304 ? "let the server speak TLS 1.3" : NULL, "%s is not spoken", name);
}

static void check_old(const struct door *door)
{
    /* In the order of enum pst_tls_old. */
    static const char *const texts[] = {
        "TLS 1.0 is accepted: browsers gave it up in 2020",
        "TLS 1.1 is accepted: browsers gave it up in 2020",
        "key exchange by static RSA is accepted: what was recorded can be read with the key"};
    unsigned bad = 0;
    for (int i = 0; i < PST_TLS_OLD_COUNT; i++) {
        int fd = reach(door);
        if (fd < 0)
            return;
        if (pst_tls_probe_old(fd, (enum pst_tls_old)i, door->name, TIMEOUT_MS)) {
            pst_cli_finding(&door->doctor->findings, PST_TLS_PROBLEM,
                            "allow TLS 1.2 with ECDHE and TLS 1.3 only in the server's settings", "%s",
                            texts[i]);
            bad++;
        }
        (void)close(fd);
    }
    if (!bad)
        pst_cli_finding(&door->doctor->findings, PST_TLS_FINE, NULL,
                        "TLS 1.0, TLS 1.1 and key exchange without forward secrecy are refused");
}

/* ---- the certificate ---- */

static void check_chain(const struct door *door, const struct pst_tls_probe_result *result)
{
    struct pst_cli_doctor *doctor = door->doctor;
    struct pst_tls_report report = pst_cli_findings_report(&doctor->findings);
    struct pst_tls_chain *chain = NULL;
    struct pst_tls_cert_info info;
    int err = pst_tls_chain_read(&chain, pst_slice_of(result->chain, result->chain_len), report);
    if (err) {
        if (err != PST_E_CERT)
            pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM, NULL, "cannot look at it: %s",
                            pst_strerror(err));
        return;
    }
    pst_tls_chain_info(chain, &info);
    pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "serves %s, issued by %s, key %s", info.subject,
                    info.is_self_signed ? "itself" : info.issuer, info.key);
    pst_tls_chain_check(chain, door->name, (int64_t)time(NULL), report);
    pst_cli_doctor_trust(doctor, chain, NULL);
    pst_tls_chain_free(chain);
}

static void check_tls(const struct door *door)
{
    struct pst_tls_probe_result result;
    bool is_done = shake(door, 0, 0, &result);
    /* A client of both versions offers RSA-PSS, and Mbed TLS does not take that back in TLS 1.2, as other
     * servers that know no TLS 1.3 then use it. */
    if (!is_done && result.first_len > 0 && result.first[0] == 22) {
        free(result.chain);
        is_done = shake(door, 0x0303, 0, &result);
    }
    if (!is_done) {
        explain_failure(door, &result);
        free(result.chain);
        return;
    }
    pst_cli_finding(&door->doctor->findings, PST_TLS_FINE, NULL, "TLS %s, %s, %s%s",
                    result.version == 0x0304 ? "1.3" : "1.2", result.suite,
                    result.alpn[0] ? "and by ALPN " : "no ALPN: HTTP/1.1", result.alpn);
    if (result.chain)
        check_chain(door, &result);
    free(result.chain);
    check_version(door, 0x0304, "TLS 1.3");
    check_version(door, 0x0303, "TLS 1.2");
    check_old(door);
}

void pst_cli_doctor_door(struct pst_cli_doctor *doctor, const char *host, unsigned port)
{
    const struct door door = {
        .doctor = doctor, .host = host, .name = doctor->name ? doctor->name : host, .port = port};
    struct pst_cli_connect how;
    pst_cli_findings_title(&doctor->findings, "https://%s%s%s:%u/:", strchr(host, ':') ? "[" : "", host,
                           strchr(host, ':') ? "]" : "", port);
    int fd = pst_cli_connect(host, port, TIMEOUT_MS, &how);
    if (fd < 0) {
        pst_cli_finding(&doctor->findings, PST_TLS_PROBLEM,
                        how.address[0] ? "start the server, or look which port it has; its banner says so"
                                       : "look at the name, or add it to /etc/hosts",
                        "cannot connect to %s port %u%s%s%s: %s", host, port, how.address[0] ? " (" : "",
                        how.address, how.address[0] ? ")" : "", how.text);
        pst_cli_doctor_proxy(doctor, host, port);
        return;
    }
    (void)close(fd);
    pst_cli_finding(&doctor->findings, PST_TLS_FINE, NULL, "%s port %u answers (%s)", host, port,
                    how.address);
    check_tls(&door);
    pst_cli_doctor_proxy(doctor, host, port);
}
