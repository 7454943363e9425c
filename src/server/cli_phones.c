/* cli_phones.c - /.postern/: the certificate of a local CA, for phones and other machines. */
#include "server/cli_phones.h"

#include <arpa/inet.h>
#include <libgen.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <postern/exchange.h>
#include <postern/http.h>

#include "handlers/page.h"
#include "server/cli_qr.h"
#include "server/local_renew.h"

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

enum { ADDRESSES_SHOWN = 4, URL_BYTES = 128 };

/* ---- the CA ---- */

static bool take_ca(struct pst_cli_phones *phones, char *pem, const char *leaf_pem)
{
    char *begin = strstr(pem, BEGIN), *end = begin ? strstr(begin, END) : NULL;
    if (!end || pst_tls_ca_new(&phones->ca, pst_slice_str(pem), PST_SLICE("")) != 0)
        return false;
    pst_tls_ca_info(phones->ca, &phones->info);
    if (strncmp(phones->info.subject, PST_LOCAL_CA_NAME, strlen(PST_LOCAL_CA_NAME)) != 0)
        return false; /* nobody shall be told to trust, say, a public CA's intermediate */
    size_t len = (size_t)(end - begin) + strlen(END);
    phones->pem = pst_tls_ca_has_signed(phones->ca, pst_slice_str(leaf_pem)) ? calloc(1, len + 2) : NULL;
    if (!phones->pem)
        return false;
    memcpy(phones->pem, begin, len);
    phones->pem[len] = '\n';
    return true;
}

static void describe(struct pst_cli_phones *phones)
{
    struct pst_slice der = pst_tls_ca_der(phones->ca);
    uint8_t digest[PST_SHA256_BYTES];
    struct pst_sha256 sha;
    pst_sha256_init(&sha);
    pst_sha256_add(&sha, der.ptr, der.len);
    (void)pst_sha256_end(&sha, digest);
    pst_sha256_hex(digest, phones->id);
    for (size_t i = 0; i < PST_SHA256_BYTES; i++)
        (void)snprintf(phones->fingerprint + 3 * i, 4, i + 1 < PST_SHA256_BYTES ? "%02X:" : "%02X",
                       digest[i]);
}

/* The CA whose files lie beside the certificate, if it has signed that. */
static void find_ca(struct pst_cli_phones *phones, const char *cert_file)
{
    char for_folder[PATH_MAX], for_name[PATH_MAX], *ca_pem = NULL, *leaf_pem = NULL;
    struct pst_local_folder folder;
    size_t len = strlen(cert_file);
    if (len >= PATH_MAX)
        return;
    memcpy(for_folder, cert_file, len + 1);
    memcpy(for_name, cert_file, len + 1);
    bool is_found = pst_local_open(&folder, dirname(for_folder), false) == 0 &&
                    pst_local_read(&folder, "ca.pem", &ca_pem) == 0 && ca_pem &&
                    pst_local_read(&folder, basename(for_name), &leaf_pem) == 0 && leaf_pem &&
                    take_ca(phones, ca_pem, leaf_pem);
    pst_local_close(&folder);
    free(ca_pem);
    free(leaf_pem);
    if (is_found)
        describe(phones);
    else
        pst_cli_phones_fini(phones);
}

void pst_cli_phones_fini(struct pst_cli_phones *phones)
{
    pst_tls_ca_free(phones->ca);
    free(phones->pem);
    phones->ca = NULL;
    phones->pem = NULL;
}

/* ---- what is offered ---- */

static void add_steps(struct pst_text *page)
{
    static const struct {
        const char *system, *steps; /* HTML */
    } systems[] = {
        {"iPhone, iPad",
         "Open <a href=\"ca.mobileconfig\">the profile</a> in Safari and allow it. Then Settings, "
         "Profile Downloaded, Install. Then Settings, General, About, Certificate Trust Settings: "
         "switch it on."},
        {"Android",
         "Get <a href=\"ca.crt\">the certificate</a>. Then Settings, Security, Encryption &amp; "
         "credentials, Install a certificate, CA certificate, and choose the file. Chrome takes it; "
         "Firefox asks in its own settings, under Certificates, whether to use those of the system."},
        {"Windows",
         "Get <a href=\"ca.crt\">the certificate</a>, open it, Install Certificate, Current User, place "
         "it in \"Trusted Root Certification Authorities\"."},
        {"macOS",
         "Get <a href=\"ca.crt\">the certificate</a>, open it, which adds it to the login keychain. In "
         "Keychain Access open it, Trust, When using this certificate: Always Trust."},
        {"Linux", "Get <a href=\"ca.pem\">the certificate</a>. Debian: copy it to "
                  "/usr/local/share/ca-certificates/postern.crt and run update-ca-certificates. Fedora: "
                  "trust anchor ca.pem. Chromium and Firefox have stores of their own: import it in their "
                  "settings, under certificates, authorities."},
    };
    for (size_t i = 0; i < sizeof systems / sizeof systems[0]; i++)
        pst_text_addf(page, "<h2>%s</h2>\n<p>%s</p>\n", systems[i].system, systems[i].steps);
}

static void reply_page(struct pst_exchange *ex, const struct pst_cli_phones *phones)
{
    struct pst_text page = {0};
    pst_page_begin(&page, PST_SLICE("Trust this server"));
    pst_text_adds(&page, "<p>This server's certificate comes from an authority of its owner's own, \"");
    pst_text_add_html(&page, pst_slice_str(phones->info.subject));
    pst_text_adds(
        &page, "\". Once your device trusts that, https here works without a warning. Do this only if you "
               "know the owner, and only if the fingerprint that your device shows (SHA-256) is the one on "
               "the owner's screen: this page came to you unprotected.</p>\n<p><code>");
    pst_text_adds(&page, phones->fingerprint);
    pst_text_adds(&page, "</code></p>\n");
    add_steps(&page);
    pst_text_adds(&page, "<p>To undo it, remove the certificate where you have added it.</p>\n");
    pst_page_end(&page);
    pst_page_reply(ex, &page, "text/html; charset=utf-8", "no-store");
}

/* RFC 9562 5.8: a UUID from parts of the fingerprint, the same each time, so that a device replaces the
 * profile instead of keeping two. */
static void add_uuid(struct pst_text *text, const char *hex)
{
    pst_text_addf(text, "<key>PayloadUUID</key><string>%.8s-%.4s-8%.3s-8%.3s-%.12s</string>\n", hex, hex + 8,
                  hex + 12, hex + 15, hex + 18);
}

static void add_string(struct pst_text *text, const char *key, const char *before, const char *value)
{
    pst_text_addf(text, "<key>%s</key><string>%s", key, before);
    pst_text_add_html(text, pst_slice_str(value));
    pst_text_adds(text, "</string>\n");
}

/* Apple's Configuration Profile Reference: a profile with one payload, com.apple.security.root. */
static void reply_profile(struct pst_exchange *ex, const struct pst_cli_phones *phones)
{
    struct pst_text text = {0};
    const char *base64 = phones->pem + strlen(BEGIN);
    pst_text_adds(&text, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
                         "<!DOCTYPE plist PUBLIC \"-//Apple//DTD PLIST 1.0//EN\" "
                         "\"http://www.apple.com/DTDs/PropertyList-1.0.dtd\">\n"
                         "<plist version=\"1.0\">\n<dict>\n<key>PayloadContent</key>\n<array>\n<dict>\n"
                         "<key>PayloadType</key><string>com.apple.security.root</string>\n"
                         "<key>PayloadVersion</key><integer>1</integer>\n"
                         "<key>PayloadCertificateFileName</key><string>ca.crt</string>\n");
    add_string(&text, "PayloadIdentifier", "postern.ca.", phones->id);
    add_string(&text, "PayloadDisplayName", "", phones->info.subject);
    add_uuid(&text, phones->id);
    pst_text_adds(&text, "<key>PayloadContent</key><data>");
    pst_text_add(&text, pst_slice_of(base64, strlen(base64) - strlen(END) - 1));
    pst_text_adds(&text, "</data>\n</dict>\n</array>\n"
                         "<key>PayloadType</key><string>Configuration</string>\n"
                         "<key>PayloadVersion</key><integer>1</integer>\n");
    add_string(&text, "PayloadIdentifier", "postern.profile.", phones->id);
    add_string(&text, "PayloadDisplayName", "", phones->info.subject);
    add_uuid(&text, phones->id + 32);
    pst_text_adds(&text, "</dict>\n</plist>\n");
    pst_page_reply(ex, &text, "application/x-apple-aspen-config", "no-store");
}

static void reply_bytes(struct pst_exchange *ex, struct pst_slice bytes, const char *content_type)
{
    struct pst_text text = {0};
    pst_text_add(&text, bytes);
    pst_page_reply(ex, &text, content_type, "no-store");
}

static void on_request(struct pst_exchange *ex, void *arg)
{
    const struct pst_cli_phones *phones = arg;
    struct pst_slice path = pst_exchange_path(ex);
    if (pst_slice_eq(path, PST_SLICE("/.postern/")))
        reply_page(ex, phones);
    else if (pst_slice_eq(path, PST_SLICE("/.postern/ca.crt")))
        reply_bytes(ex, pst_tls_ca_der(phones->ca), "application/x-x509-ca-cert");
    else if (pst_slice_eq(path, PST_SLICE("/.postern/ca.pem")))
        reply_bytes(ex, pst_slice_str(phones->pem), "application/x-pem-file");
    else if (pst_slice_eq(path, PST_SLICE("/.postern/ca.mobileconfig")))
        reply_profile(ex, phones);
    else
        (void)pst_reply_error(ex, 404);
}

static void on_bare(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    (void)pst_reply_redirect(ex, 308, PST_SLICE("/.postern/"));
}

int pst_cli_phones_mount(struct pst_cli_phones *phones, const struct pst_cli *cli, struct pst_server *server)
{
    if (!cli->is_public || !pst_cli_has_https(cli))
        return 0;
    for (size_t i = 0; !phones->ca && i < cli->cert_count; i++)
        find_ca(phones, cli->certs[i].cert);
    if (!phones->ca)
        return 0;
    int err = pst_server_handle(server, "GET /.postern", on_bare, NULL);
    return err ? err : pst_server_handle(server, "GET /.postern/*", on_request, phones);
}

/* ---- what is printed ---- */

/* The URL of a door that listens on all addresses, with one that others can use. False for other doors. */
static bool public_url(char url[URL_BYTES], const char *door, const struct pst_tls_name *address)
{
    const char *host = strstr(door, "://localhost");
    char text[PST_TLS_NAME_BYTES];
    if (!host)
        return false;
    pst_tls_name_write(address, text);
    (void)snprintf(url, URL_BYTES, address->address_len == 16 ? "%.*s://[%s]%s" : "%.*s://%s%s",
                   (int)(host - door), door, text, host + strlen("://localhost"));
    return true;
}

static void print_urls(FILE *out, const struct pst_server *server, const struct pst_local_names *addresses)
{
    char url[URL_BYTES];
    const char *door = NULL;
    for (size_t i = 0; (door = pst_server_url(server, i)) != NULL; i++)
        for (size_t j = 0; j < addresses->count && j < ADDRESSES_SHOWN; j++)
            if (public_url(url, door, &addresses->list[j]))
                fprintf(out, "  in this network: %s\n", url);
}

/* Through the plain door, since the other one is not trusted yet. */
static bool find_plain(const struct pst_server *server, const struct pst_local_names *addresses,
                       char url[URL_BYTES])
{
    const char *door = NULL;
    for (size_t i = 0; (door = pst_server_url(server, i)) != NULL; i++)
        if (strncmp(door, "http:", 5) == 0 && public_url(url, door, &addresses->list[0]))
            return true;
    return false;
}

void pst_cli_phones_banner(FILE *out, const struct pst_cli_phones *phones, const struct pst_server *server,
                           bool is_terminal)
{
    struct pst_local_names *addresses = calloc(1, sizeof(*addresses));
    char url[URL_BYTES], page[URL_BYTES + 16];
    if (addresses)
        pst_local_addresses(addresses);
    if (addresses && addresses->count > 0) {
        print_urls(out, server, addresses);
        if (phones->ca && find_plain(server, addresses, url)) {
            (void)snprintf(page, sizeof page, "%s.postern/", url);
            fprintf(out,
                    "phones and other machines learn to trust it at %s\n  fingerprint of its authority: %s\n",
                    page, phones->fingerprint);
            if (is_terminal)
                (void)pst_cli_qr_print(out, page);
        }
    }
    free(addresses);
    (void)fflush(out);
}
