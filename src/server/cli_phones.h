/* cli_phones.h - /.postern/: where phones and other machines get the certificate of a local CA, while one is
 * in use and others are served. Never a key. */
#ifndef PST_SERVER_CLI_PHONES_H
#define PST_SERVER_CLI_PHONES_H

#include <stdio.h>

#include <postern/server.h>

#include "base/sha256.h"
#include "server/cli_options.h"
#include "transport/tls_make.h"

/* Zero-initialise. It does not change while the server runs. */
struct pst_cli_phones {
    struct pst_tls_ca *ca; /* NULL: none is in use, and nothing is offered */
    char *pem;             /* its text, from "-----BEGIN" to "END-----" */
    struct pst_tls_cert_info info;
    char fingerprint[PST_SHA256_BYTES * 3]; /* "AB:CD:...", of SHA-256, as systems show it */
    char id[PST_SHA256_HEX_BYTES];          /* the same, for names that must differ from CA to CA */
};

/* With --public and a certificate that the CA beside it has signed: mounts /.postern/. Returns what mounting
 * does. */
int pst_cli_phones_mount(struct pst_cli_phones *phones, const struct pst_cli *cli, struct pst_server *server);
/* Where others in this network find the server and, where it is offered, the CA: with a QR code on a
 * terminal. */
void pst_cli_phones_banner(FILE *out, const struct pst_cli_phones *phones, const struct pst_server *server,
                           bool is_terminal);
/* After the server was freed. */
void pst_cli_phones_fini(struct pst_cli_phones *phones);

#endif
