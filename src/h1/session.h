/* session.h - HTTP/1.1 (and 1.0) on one connection: requests one after another, each with its reply. */
#ifndef PST_H1_SESSION_H
#define PST_H1_SESSION_H

#include "http/env.h"
#include "http/session.h"

/* A session that begins idle. env and host outlive it. Error: PST_E_NOMEM. */
int pst_h1_session_new(struct pst_session **ret_session, struct pst_http_env *env,
                       struct pst_session_host *host);

#endif
