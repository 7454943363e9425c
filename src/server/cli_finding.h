/* cli_finding.h - findings on standard output, a line each: ok, warning or problem, and what to do. */
#ifndef PST_SERVER_CLI_FINDING_H
#define PST_SERVER_CLI_FINDING_H

#include <stdio.h>

#include "transport/tls_check.h"

struct pst_cli_findings {
    FILE *out;
    unsigned warnings, problems;
};

/* remedy: NULL where nothing is to be done. Whatever the text holds, it is one line and harmless. */
void pst_cli_finding(struct pst_cli_findings *findings, enum pst_tls_grade grade, const char *remedy,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));
/* A line above those that belong together. */
void pst_cli_findings_title(struct pst_cli_findings *findings, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* What they come to. Returns the exit status: 0, or 1 after a problem. */
int pst_cli_findings_end(struct pst_cli_findings *findings);

/* For the checks of certificates. */
struct pst_tls_report pst_cli_findings_report(struct pst_cli_findings *findings);

#endif
