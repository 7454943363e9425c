/* cli_run.c - running another program and keeping what it prints. */
#include "server/cli_run.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* In the child: never returns. An ordinary user's PATH lacks the folders of administrators' tools. */
static void become(const char *const *argv)
{
    static const char *const more[] = {"/usr/sbin/", "/sbin/"};
    char path[PATH_MAX];
    /* The type of execv's argument is older than const; it changes nothing. */
    char *const *args = (char *const *)(void *)argv;
    (void)execvp(argv[0], args);
    for (size_t i = 0; errno == ENOENT && i < 2 && !strchr(argv[0], '/'); i++) {
        (void)snprintf(path, sizeof path, "%s%s", more[i], argv[0]);
        (void)execv(path, args);
    }
    _exit(errno == ENOENT || errno == EACCES ? PST_CLI_RUN_MISSING : 126);
}

/* All there is; what is over the limit is read and dropped, so that the writer does not hang. */
static char *read_text(int fd, size_t *ret_len)
{
    char *text = malloc(1), part[4096];
    size_t len = 0;
    for (;;) {
        ssize_t n = read(fd, part, sizeof part);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        if (!text || len + (size_t)n > PST_CLI_RUN_BYTES_MAX)
            continue;
        char *longer = realloc(text, len + (size_t)n + 1);
        if (!longer) {
            free(text);
            text = NULL;
            continue;
        }
        text = longer;
        memcpy(text + len, part, (size_t)n);
        len += (size_t)n;
    }
    if (text)
        text[len] = '\0';
    *ret_len = len;
    return text;
}

static int wait_for(pid_t pid)
{
    int status = 0;
    while (waitpid(pid, &status, 0) < 0) {
        if (errno != EINTR)
            return -1;
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int pst_cli_run(const char *const *argv, char **ret_text, size_t *ret_len)
{
    int ends[2];
    size_t len = 0;
    if (ret_text)
        *ret_text = NULL;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return -1;
    (void)fflush(stdout);
    pid_t pid = fork();
    if (pid == 0) {
        int none = open("/dev/null", O_RDONLY);
        (void)dup2(none, STDIN_FILENO);
        (void)dup2(ends[1], STDOUT_FILENO);
        (void)dup2(ends[1], STDERR_FILENO);
        become(argv);
    }
    (void)close(ends[1]);
    char *text = pid > 0 ? read_text(ends[0], &len) : NULL;
    (void)close(ends[0]);
    int status = pid > 0 ? wait_for(pid) : -1;
    if (pid > 0 && !text)
        status = -1;
    if (ret_text && text) {
        *ret_text = text;
        *ret_len = len;
    } else {
        free(text);
    }
    return status;
}
