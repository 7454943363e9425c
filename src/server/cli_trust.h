/* cli_trust.h - "postern trust": puts a local CA into the stores that this machine's programs and browsers
 * trust, and takes it out again. Only its certificate is copied; no key is ever touched. */
#ifndef PST_SERVER_CLI_TRUST_H
#define PST_SERVER_CLI_TRUST_H

#include "server/cli_finding.h"
#include "server/cli_stores.h"

/* argv[0] is the command. The exit status: 0 every store that is there is as asked, 1 one is not, 2 the
 * command line or the file cannot be used. */
int pst_cli_trust(int argc, char **argv);

enum pst_cli_trust_command { PST_CLI_TRUST_INSTALL, PST_CLI_TRUST_UNINSTALL, PST_CLI_TRUST_STATUS };

/* The same for another command: says on standard output what it did with each store. Returns the exit status.
 */
int pst_cli_trust_run(enum pst_cli_trust_command command, const char *ca_path,
                      const struct pst_cli_place *place);

/* ---- its parts ---- */

struct pst_cli_trust {
    struct pst_cli_findings findings;
    struct pst_cli_place place;
    enum pst_cli_trust_command command;
    const char *path;         /* of the CA, as given */
    struct pst_tls_chain *ca; /* its certificate, alone */
    char *pem;                /* the same and nothing else */
    char name[32];            /* what it is called in stores: "postern-" and the fingerprint's beginning */
};

void pst_cli_trust_system(struct pst_cli_trust *trust);
void pst_cli_trust_nss(struct pst_cli_trust *trust);

#endif
