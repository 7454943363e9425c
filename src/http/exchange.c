/* exchange.c - the request's side of an exchange, its routing and its end. The reply's side is reply.c. */
#include "http/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "loop/loop.h"

const char *pst_end_text(enum pst_end why)
{
    switch (why) {
    case PST_END_OK:
        return "ok";
    case PST_END_PEER_CLOSED:
        return "closed by client";
    case PST_END_PEER_RESET:
        return "reset by client";
    case PST_END_BAD_REQUEST:
        return "bad request";
    case PST_END_DEADLINE_HEAD:
        return "head deadline";
    case PST_END_DEADLINE_BODY:
        return "body deadline";
    case PST_END_DEADLINE_WRITE:
        return "write deadline";
    case PST_END_SOURCE_FAILED:
        return "source failed";
    case PST_END_NOMEM:
        return "out of memory";
    case PST_END_STOPPED:
        return "server stopped";
    }
    return "unknown";
}

/* ---- life ---- */

struct pst_exchange *pst_exchange_new(struct pst_http_env *env, struct pst_session_host *host,
                                      struct pst_exchange_link *link)
{
    struct pst_exchange *ex = pst_pool_get(&env->exchanges);
    if (!ex)
        return NULL;
    memset(ex, 0, sizeof(*ex));
    pst_arena_init(&ex->arena, ex + 1, PST_EXCHANGE_BYTES - sizeof(*ex));
    ex->env = env;
    ex->host = host;
    ex->link = link;
    ex->reply.status = 200;
    ex->reply.fd = ex->reply.bytes_fd = -1;
    if (env->on_exchange) /* for nothing else */
        ex->begun_us = pst_loop_fresh_us(env->loop);
    return ex;
}

static void count(struct pst_exchange *ex)
{
    unsigned class = ex->is_begun_reply ? (unsigned)ex->reply.status / 100 : 0;
    pst_count(&ex->env->counters.replies[class <= 5 ? class : 5], 1);
}

static void report(struct pst_exchange *ex, enum pst_end why)
{
    count(ex);
    if (!ex->env->on_exchange)
        return;
    struct pst_log_entry entry = {
        .exchange = ex,
        .status = ex->is_begun_reply ? ex->reply.status : 0,
        .sent_bytes = ex->sent_bytes,
        .took_us = pst_loop_fresh_us(ex->env->loop) - ex->begun_us,
        .end = why,
    };
    ex->env->on_exchange(ex->env, &entry);
}

void pst_exchange_end(struct pst_exchange *ex, enum pst_end why)
{
    /* An error page of ours that went out whole is no success: the handler hears what the log says. */
    if (why == PST_END_OK)
        why = ex->failure;
    ex->is_over = true;
    if (ex->after)
        pst_loop_clear_timer(ex->env->loop, &ex->timer);
    pst_on_end_fn *on_end = ex->on_end;
    ex->on_end = NULL;
    if (on_end)
        on_end(ex, why, ex->on_end_arg);
    report(ex, why);
    if (ex->reply.is_source_open && ex->reply.source.close)
        ex->reply.source.close(ex->reply.source_ctx);
    if (ex->reply.fd >= 0)
        close(ex->reply.fd);
    free(ex->body);
    pst_arena_fini(&ex->arena);
    pst_pool_put(&ex->env->exchanges, ex);
}

/* ---- routing ---- */

static void add_allow(struct pst_exchange *ex, uint32_t allowed)
{
    char text[64];
    size_t len = 0;
    for (unsigned m = 0; m < PST_METHOD_COUNT; m++)
        if (allowed & 1u << m)
            len += (size_t)snprintf(text + len, sizeof(text) - len, "%s%s", len ? ", " : "",
                                    pst_method_name((enum pst_method)m));
    pst_reply_field(ex, "Allow", pst_slice_of(text, len));
}

/* RFC 9110 9.3.7 OPTIONS, 15.5.6 405 Method Not Allowed, 15.6.2 501 Not Implemented */
static void reply_unrouted(struct pst_exchange *ex, uint32_t allowed)
{
    uint32_t options = 1u << PST_METHOD_OPTIONS;
    if (ex->request.method_id == PST_METHOD_UNKNOWN) {
        pst_reply_error(ex, 501);
    } else if (ex->request.target.form == PST_TARGET_ASTERISK) {
        add_allow(ex, (1u << PST_METHOD_COUNT) - 1);
        pst_reply_status(ex, 204);
        pst_reply_empty(ex);
    } else if (!allowed) {
        pst_reply_error(ex, 404);
    } else if (ex->request.method_id == PST_METHOD_OPTIONS) {
        add_allow(ex, allowed | options);
        pst_reply_status(ex, 204);
        pst_reply_empty(ex);
    } else {
        add_allow(ex, allowed | options);
        pst_reply_error(ex, 405);
    }
}

static void call_handler(struct pst_exchange *ex)
{
    ex->route->handler.on_request(ex, ex->route->handler.arg);
}

static void tell_end(struct pst_exchange *ex)
{
    if (!ex->owes_end || ex->is_paused || ex->is_replied)
        return;
    ex->owes_end = false;
    ex->route->handler.on_body(ex, "", 0, true, ex->route->handler.arg);
}

void pst_exchange_dispatch(struct pst_exchange *ex)
{
    struct pst_request *req = &ex->request;
    if (pst_gate_answers(ex))
        return;
    struct pst_match match = {NULL, 0, {NULL, 0}};
    if (req->target.form != PST_TARGET_ASTERISK && req->method_id != PST_METHOD_UNKNOWN)
        match = pst_router_find(ex->env->router, req->method_id, req->path);
    ex->route = match.route;
    ex->rest = match.rest;
    if (!ex->route) {
        reply_unrouted(ex, match.allowed);
        return;
    }
    const struct pst_handler *handler = &ex->route->handler;
    const struct pst_limits *limits = ex->env->limits;
    ex->body_max = handler->body_max_bytes ? handler->body_max_bytes
                   : handler->on_body      ? limits->stream_bytes
                                           : limits->body_bytes;
    if (req->body_length > 0 && (uint64_t)req->body_length > ex->body_max) {
        pst_reply_error(ex, 413);
        return;
    }
    if (!req->has_body || req->body_length == 0)
        ex->is_body_done = true;
    if (handler->on_body || ex->is_body_done)
        call_handler(ex);
    /* A streaming handler hears of the end even where there was nothing. */
    if (handler->on_body && ex->is_body_done) {
        ex->owes_end = true;
        tell_end(ex);
    }
}

/* ---- the body ---- */

static bool collect(struct pst_exchange *ex, const char *data, size_t len)
{
    size_t need = ex->body_len + len;
    if (need > ex->body_cap) {
        /* A declared length is trusted only as far as bytes have come: claiming much costs the client as
         * much. */
        size_t cap = ex->body_cap ? ex->body_cap * 2 : 4096;
        if (cap < need)
            cap = need;
        if (ex->request.body_length >= 0 && cap > (uint64_t)ex->request.body_length)
            cap = (size_t)ex->request.body_length;
        char *body = realloc(ex->body, cap);
        if (!body)
            return false;
        ex->body = body;
        ex->body_cap = cap;
    }
    if (len)
        memcpy(ex->body + ex->body_len, data, len);
    ex->body_len = need;
    return true;
}

void pst_exchange_feed(struct pst_exchange *ex, const char *data, size_t len, bool last)
{
    ex->fed_bytes += len;
    if (ex->fed_bytes > ex->body_max) {
        pst_exchange_refuse(ex, 413, PST_END_OK);
        return;
    }
    ex->is_body_done = last;
    const struct pst_handler *handler = &ex->route->handler;
    if (handler->on_body) {
        handler->on_body(ex, data, len, last, handler->arg);
        return;
    }
    if (!collect(ex, data, len)) {
        pst_exchange_refuse(ex, 503, PST_END_NOMEM);
        return;
    }
    if (last)
        call_handler(ex);
}

void pst_exchange_pause(struct pst_exchange *ex)
{
    if (!ex->is_paused)
        ex->paused_at_ms = pst_loop_now_ms(ex->env->loop);
    ex->is_paused = true;
}

void pst_exchange_resume(struct pst_exchange *ex)
{
    if (!ex->is_paused)
        return;
    ex->is_paused = false;
    ex->resumed_at_ms = pst_loop_now_ms(ex->env->loop);
    ex->paused_ms += ex->resumed_at_ms - ex->paused_at_ms;
    if (ex->is_over)
        return;
    tell_end(ex);
    ex->link->on_change(ex->link);
}

/* ---- what a handler asks ---- */

struct pst_slice pst_exchange_method(const struct pst_exchange *ex)
{
    return ex->request.method;
}

struct pst_slice pst_exchange_target(const struct pst_exchange *ex)
{
    return ex->request.raw_target;
}

struct pst_slice pst_exchange_path(const struct pst_exchange *ex)
{
    return ex->request.path;
}

struct pst_slice pst_exchange_raw_path(const struct pst_exchange *ex)
{
    return ex->request.target.raw_path;
}

bool pst_exchange_has_query(const struct pst_exchange *ex)
{
    return ex->request.target.has_query;
}

struct pst_slice pst_exchange_query(const struct pst_exchange *ex)
{
    return ex->request.target.query;
}

struct pst_slice pst_exchange_rest(const struct pst_exchange *ex)
{
    return ex->rest;
}

struct pst_slice pst_exchange_scheme(const struct pst_exchange *ex)
{
    return ex->host->is_secure ? PST_SLICE("https") : PST_SLICE("http");
}

struct pst_slice pst_exchange_authority(const struct pst_exchange *ex)
{
    return ex->request.authority;
}

int pst_exchange_version(const struct pst_exchange *ex)
{
    return ex->request.version;
}

size_t pst_exchange_field_count(const struct pst_exchange *ex)
{
    return ex->request.field_count;
}

struct pst_field pst_exchange_field_at(const struct pst_exchange *ex, size_t i)
{
    return ex->request.fields[i];
}

bool pst_exchange_field(const struct pst_exchange *ex, const char *name, struct pst_slice *ret_value)
{
    struct pst_slice wanted = pst_slice_str(name);
    for (size_t i = 0; i < ex->request.field_count; i++) {
        if (pst_slice_case_eq(ex->request.fields[i].name, wanted)) {
            *ret_value = ex->request.fields[i].value;
            return true;
        }
    }
    *ret_value = pst_slice_of("", 0);
    return false;
}

struct pst_slice pst_exchange_body(const struct pst_exchange *ex)
{
    /* A part of a body is nobody's business: how much of it has come is a matter of how it was cut. */
    return ex->body && ex->is_body_done ? pst_slice_of(ex->body, ex->body_len) : pst_slice_of("", 0);
}

int64_t pst_exchange_body_length(const struct pst_exchange *ex)
{
    return ex->request.has_body ? ex->request.body_length : 0;
}

void pst_exchange_peer(const struct pst_exchange *ex, struct pst_peer_info *ret_info)
{
    *ret_info = ex->host->peer;
}

void *pst_exchange_alloc(struct pst_exchange *ex, size_t size)
{
    return pst_arena_alloc(&ex->arena, size);
}

void *pst_exchange_local(const struct pst_exchange *ex)
{
    return ex->env->locals && ex->route ? ex->env->locals[ex->route->index] : NULL;
}

void pst_exchange_on_end(struct pst_exchange *ex, pst_on_end_fn *fn, void *arg)
{
    ex->on_end = fn;
    ex->on_end_arg = arg;
}

void pst_exchange_set_data(struct pst_exchange *ex, void *data)
{
    ex->data = data;
}

void *pst_exchange_data(const struct pst_exchange *ex)
{
    return ex->data;
}

const struct pst_limits *pst_exchange_limits(const struct pst_exchange *ex)
{
    return ex->env->limits;
}

static void on_timer(struct pst_timer *timer)
{
    struct pst_exchange *ex = PST_CONTAINER(timer, struct pst_exchange, timer);
    ex->after(ex, ex->after_arg);
}

void pst_exchange_after(struct pst_exchange *ex, uint64_t ms, pst_exchange_fn *fn, void *arg)
{
    if (!ex->after) { /* most exchanges never have one */
        if (ms == 0 || ex->is_over)
            return;
        pst_timer_init(&ex->timer, on_timer);
    }
    if (ms == 0 || ex->is_over) {
        pst_loop_clear_timer(ex->env->loop, &ex->timer);
        return;
    }
    ex->after = fn;
    ex->after_arg = arg;
    pst_loop_set_timer(ex->env->loop, &ex->timer, pst_loop_now_ms(ex->env->loop) + ms);
}

void pst_exchange_on_drain(struct pst_exchange *ex, pst_exchange_fn *fn, void *arg)
{
    ex->on_drain = fn;
    ex->on_drain_arg = arg;
    if (ex->env->is_draining)
        pst_exchange_drain(ex);
}

void pst_exchange_drain(struct pst_exchange *ex)
{
    pst_exchange_fn *fn = ex->on_drain;
    ex->on_drain = NULL;
    if (fn && !ex->is_over)
        fn(ex, ex->on_drain_arg);
}

uint64_t pst_exchange_now_ms(const struct pst_exchange *ex)
{
    return pst_loop_now_ms(ex->env->loop);
}

int64_t pst_exchange_unix_time(const struct pst_exchange *ex)
{
    return pst_loop_unix_time(ex->env->loop);
}

uint64_t pst_exchange_turn(const struct pst_exchange *ex)
{
    return pst_loop_turn_number(ex->env->loop);
}

struct pst_worker *pst_exchange_worker(const struct pst_exchange *ex)
{
    return ex->env->worker;
}
