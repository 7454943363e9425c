/* cli_doctor_machine.c - this machine: certificates, ports, the data folder, kernel, limits, clock. */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "server/cli_data.h"
#include "server/cli_doctor.h"
#include "server/cli_listeners.h"

enum { PORT_HTTP = 8080, PORT_HTTPS = 8443, FILES_LEAST = 1024, ROOM_LEAST_MIB = 64 };

static void check_openat2(struct pst_cli_findings *findings)
{
    struct open_how how = {.flags = O_PATH | O_CLOEXEC | O_DIRECTORY, .resolve = RESOLVE_BENEATH};
    int dir = open(".", O_PATH | O_CLOEXEC | O_DIRECTORY);
    long fd = syscall(SYS_openat2, dir, ".", &how, sizeof how);
    int number = errno;
    if (fd >= 0)
        (void)close((int)fd);
    if (dir >= 0)
        (void)close(dir);
    if (fd >= 0)
        pst_cli_finding(findings, PST_TLS_FINE, NULL,
                        "the kernel has openat2, which keeps visitors inside the folder");
    else if (number == ENOSYS || number == EPERM)
        pst_cli_finding(
            findings, PST_TLS_PROBLEM,
            "use Linux 5.6 or newer; in a container, let its filter of system calls (seccomp) allow "
            "openat2",
            "the kernel's call openat2 is not there, without which no folder is served");
}

static void check_limits(struct pst_cli_findings *findings)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    /* The server raises the soft limit to the hard one by itself. */
    if (limit.rlim_max < FILES_LEAST)
        pst_cli_finding(findings, PST_TLS_WARNING,
                        "raise it: ulimit -Hn 65536 as root, or LimitNOFILE= of systemd",
                        "at most %llu files and connections may be open", (unsigned long long)limit.rlim_max);
    else
        pst_cli_finding(findings, PST_TLS_FINE, NULL, "up to %llu files and connections may be open",
                        (unsigned long long)limit.rlim_max);
}

static void check_port(struct pst_cli_findings *findings, unsigned port, const char *scheme)
{
    struct pst_cli_listener listener;
    char remedy[160];
    if (!pst_cli_listener_find(port, &listener)) {
        pst_cli_finding(findings, PST_TLS_FINE, NULL, "port %u is free", port);
        return;
    }
    if (strcmp(listener.name, "postern") == 0) {
        pst_cli_finding(findings, PST_TLS_FINE, NULL, "postern listens on port %u (process %d)", port,
                        listener.pid);
        return;
    }
    (void)snprintf(remedy, sizeof remedy, "stop it, or take another port: postern --%s %u", scheme, port + 1);
    if (listener.pid)
        pst_cli_finding(findings, PST_TLS_WARNING, remedy, "port %u is in use by %s (process %d)", port,
                        listener.name[0] ? listener.name : "a program", listener.pid);
    else
        pst_cli_finding(findings, PST_TLS_WARNING, remedy,
                        "port %u is in use by a program of another user, or of another container", port);
}

/* The nearest folder above that is there. */
static bool find_existing(const char *folder, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s", folder);
    while (access(path, F_OK) != 0) {
        char *slash = strrchr(path, '/');
        if (!slash || slash == path)
            return false;
        *slash = '\0';
    }
    return true;
}

static void check_data(struct pst_cli_findings *findings)
{
    char folder[PATH_MAX], path[PATH_MAX];
    struct statvfs fs;
    if (!pst_cli_data_default(folder) || !find_existing(folder, path)) {
        pst_cli_finding(findings, PST_TLS_WARNING, "set HOME, or name a folder with --data DIR",
                        "there is no folder to keep posts in: this user has no home");
        return;
    }
    bool is_there = strcmp(folder, path) == 0;
    if (access(path, W_OK | X_OK) != 0)
        pst_cli_finding(findings, PST_TLS_PROBLEM,
                        "make it yours with chown, or name another with --data DIR",
                        "posts are kept in %s, which this user cannot write to", folder);
    else if (statvfs(path, &fs) == 0 &&
             (double)fs.f_bavail * (double)fs.f_frsize < ROOM_LEAST_MIB * 1048576.0)
        pst_cli_finding(findings, PST_TLS_WARNING,
                        "make room, or name a folder on another disk with --data DIR",
                        "posts are kept in %s, whose disk is nearly full", folder);
    else
        pst_cli_finding(findings, PST_TLS_FINE, NULL, "posts are kept in %s%s", folder,
                        is_there ? "" : ", which is made when it is needed");
}

static void check_clock(struct pst_cli_findings *findings)
{
    char text[32];
    time_t now = time(NULL);
    struct tm tm;
    (void)strftime(text, sizeof text, "%Y-%m-%d %H:%M UTC", gmtime_r(&now, &tm));
    if (now < PST_TLS_CLOCK_LEAST)
        pst_cli_finding(findings, PST_TLS_PROBLEM, "set it right: timedatectl set-ntp true (or date -s)",
                        "the clock says %s, which is long past: no certificate is valid then", text);
    else
        pst_cli_finding(findings, PST_TLS_FINE, NULL, "the clock says %s; compare it with another", text);
}

void pst_cli_doctor_machine(struct pst_cli_doctor *doctor)
{
    struct pst_cli_findings *findings = &doctor->findings;
    pst_cli_findings_title(findings, "This machine:");
    check_openat2(findings);
    check_limits(findings);
    check_clock(findings);
    check_data(findings);
    check_port(findings, PORT_HTTP, "http");
    check_port(findings, PORT_HTTPS, "https");
    pst_cli_doctor_proxy(doctor, "localhost", 0);
    pst_cli_doctor_file(doctor, "certs/localhost.pem");
    if (access("certs/ca.pem", F_OK) == 0)
        pst_cli_doctor_file(doctor, "certs/ca.pem");
}
