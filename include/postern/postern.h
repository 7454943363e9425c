/* postern.h - the whole public API: a web server and library on Mbed TLS. */
#ifndef POSTERN_POSTERN_H
#define POSTERN_POSTERN_H

#include <postern/access.h>
#include <postern/doors.h>
#include <postern/err.h>
#include <postern/exchange.h>
#include <postern/export.h>
#include <postern/form.h>
#include <postern/handlers.h>
#include <postern/http.h>
#include <postern/job.h>
#include <postern/json.h>
#include <postern/limits.h>
#include <postern/metrics.h>
#include <postern/posts.h>
#include <postern/server.h>
#include <postern/slice.h>
#include <postern/sse.h>
#include <postern/store.h>
#include <postern/tls.h>
#include <postern/version.h>

#endif
