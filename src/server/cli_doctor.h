/* cli_doctor.h - "postern doctor": what a browser would object to, and how to mend it. */
#ifndef PST_SERVER_CLI_DOCTOR_H
#define PST_SERVER_CLI_DOCTOR_H

#include <stdbool.h>

#include "server/cli_finding.h"
#include "server/cli_stores.h"

/* argv[0] is the command. The exit status: 0 no problem, 1 problems, 2 the command line is wrong. */
int pst_cli_doctor(int argc, char **argv);

/* ---- its parts ---- */

struct pst_cli_doctor {
    struct pst_cli_findings findings;
    struct pst_cli_place place;
    const char *name; /* what the address bar says; NULL: localhost, or the host that is visited */
    const char *key;  /* a file; NULL: look for it by its usual names */
};

/* A certificate's file, and its key's. */
void pst_cli_doctor_file(struct pst_cli_doctor *doctor, const char *path);
/* Which stores trust the chain. ca: a file that could be installed; NULL: not known. */
void pst_cli_doctor_trust(struct pst_cli_doctor *doctor, const struct pst_tls_chain *chain, const char *ca);
/* What answers at an address. */
void pst_cli_doctor_door(struct pst_cli_doctor *doctor, const char *host, unsigned port);
/* Proxies that the environment names, and whether one stands before this host. */
void pst_cli_doctor_proxy(struct pst_cli_doctor *doctor, const char *host, unsigned port);
/* Kernel, limits, folders, who listens where servers usually do. */
void pst_cli_doctor_machine(struct pst_cli_doctor *doctor);

#endif
