/* cli_finding.c - findings on standard output. */
#include "server/cli_finding.h"

#include <stdarg.h>
#include <string.h>

#include <postern/http.h>

#include "server/cli_clean.h"
#include "server/cli_complain.h"

/* In the order of enum pst_tls_grade. */
static const char *const grades[] = {"ok", "warning", "problem"};

static void print_line(FILE *out, const char *head, const char *text, const char *remedy)
{
    struct pst_text line = {0};
    (void)pst_cli_clean_line(&line, pst_slice_str(text), 0);
    fprintf(out, "%s%.*s", head, (int)line.len, line.len ? line.ptr : "");
    pst_text_free(&line);
    if (remedy) {
        (void)pst_cli_clean_line(&line, pst_slice_str(remedy), 0);
        fprintf(out, ". Do this: %.*s", (int)line.len, line.len ? line.ptr : "");
        pst_text_free(&line);
    }
    fputc('\n', out);
}

void pst_cli_finding(struct pst_cli_findings *findings, enum pst_tls_grade grade, const char *remedy,
                     const char *format, ...)
{
    char text[2048], head[16];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    (void)snprintf(head, sizeof head, "%-8s ", grades[grade]);
    print_line(findings->out, head, text, remedy);
    findings->warnings += grade == PST_TLS_WARNING;
    findings->problems += grade == PST_TLS_PROBLEM;
}

void pst_cli_findings_title(struct pst_cli_findings *findings, const char *format, ...)
{
    char text[2048];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(text, sizeof text, format, args);
    va_end(args);
    print_line(findings->out, "", text, NULL);
}

int pst_cli_findings_end(struct pst_cli_findings *findings)
{
    if (findings->problems == 0 && findings->warnings == 0)
        fputs("No problem found.\n", findings->out);
    else
        fprintf(findings->out, "%u problem%s, %u warning%s.\n", findings->problems,
                findings->problems == 1 ? "" : "s", findings->warnings, findings->warnings == 1 ? "" : "s");
    if (fflush(findings->out) != 0)
        return pst_cli_complain(PST_CLI_FAILED, "cannot write to standard output");
    return findings->problems ? PST_CLI_FAILED : PST_CLI_ENDED;
}

static void take(void *arg, enum pst_tls_grade grade, const char *topic, const char *text, const char *remedy)
{
    (void)topic;
    pst_cli_finding(arg, grade, remedy, "%s", text);
}

struct pst_tls_report pst_cli_findings_report(struct pst_cli_findings *findings)
{
    return (struct pst_tls_report){.fn = take, .arg = findings};
}
