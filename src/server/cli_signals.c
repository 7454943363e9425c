/* cli_signals.c - see cli_signals.h. */
#include "server/cli_signals.h"

#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <postern/metrics.h>

#include "server/server.h"

static void fill(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGHUP);
    (void)sigaddset(set, SIGUSR1);
}

void pst_cli_signals_block(void)
{
    sigset_t set;
    fill(&set);
    (void)pthread_sigmask(SIG_BLOCK, &set, NULL);
}

static bool is_at_terminal(void)
{
    int fd = open("/dev/tty", O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

/* SIGHUP means two things: that the terminal was closed, which ends a program that was started there, and, by
 * a convention of servers, that files have changed. */
static void on_hangup(struct pst_cli_signals *signals)
{
    if (signals->has_terminal && !is_at_terminal())
        pst_server_stop(signals->server);
    else
        pst_server_reread(signals->server, "SIGHUP");
}

static void tell_metrics(struct pst_server *server)
{
    struct pst_metrics metrics;
    char line[512];
    pst_server_metrics(server, &metrics);
    pst_metrics_line(&metrics, line, sizeof line);
    pst_server_notice(server, "%s", line);
}

static void *attend(void *arg)
{
    struct pst_cli_signals *signals = arg;
    sigset_t set;
    fill(&set);
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0 || atomic_load(&signals->is_over))
            return NULL;
        if (number == SIGHUP)
            on_hangup(signals);
        else if (number == SIGUSR1)
            tell_metrics(signals->server);
        else
            pst_server_stop(signals->server);
    }
}

int pst_cli_signals_start(struct pst_cli_signals *signals, struct pst_server *server)
{
    struct sigaction hangup;
    /* nohup has it ignored: then the terminal's end is nothing to us. */
    bool is_told = sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN;
    signals->server = server;
    signals->has_terminal = is_told && is_at_terminal();
    atomic_init(&signals->is_over, false);
    int err = pthread_create(&signals->thread, NULL, attend, signals);
    signals->is_started = err == 0;
    if (!err)
        (void)pthread_setname_np(signals->thread, "postern/signals");
    return err;
}

void pst_cli_signals_end(struct pst_cli_signals *signals)
{
    if (!signals->is_started)
        return;
    atomic_store(&signals->is_over, true);
    (void)pthread_kill(signals->thread, SIGHUP);
    (void)pthread_join(signals->thread, NULL);
    signals->is_started = false;
}
