/* cli_signals.h - what signals ask of a running server: a thread of their own waits for them, so that
 * answering one may block, allocate and lock. */
#ifndef PST_SERVER_CLI_SIGNALS_H
#define PST_SERVER_CLI_SIGNALS_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

#include <postern/server.h>

struct pst_cli_signals {
    struct pst_server *server;
    pthread_t thread;
    bool is_started, has_terminal;
    atomic_bool is_over;
};

/* Holds signals back in this thread and in those that it makes; to be called before there are any. */
void pst_cli_signals_block(void);
/* From here on SIGINT and SIGTERM stop server (a second one cuts what is in flight), SIGHUP has it read its
 * files anew, SIGUSR1 tell what it has done. Those that came since pst_cli_signals_block() count. Returns 0
 * or a positive errno. */
int pst_cli_signals_start(struct pst_cli_signals *signals, struct pst_server *server);
/* Ends the thread; before the server is freed. A zeroed one is allowed. */
void pst_cli_signals_end(struct pst_cli_signals *signals);

#endif
