/* A whole HTTP/1.1 connection: requests one after another to handlers of every kind. Cut anywhere, on the way
 * in and on the way out, it must give the same replies and the same exchanges as in one piece, must never
 * stand still, and must give back what it took. The first byte chooses the cuts.
 *
 * The session is driven here as src/connection does it, without a transport. */
#include <inttypes.h>
#include <string.h>

#include "h1/session.h"
#include "http/exchange.h"
#include "split.h"

/* ---- what is asked ---- */

struct peer {
    struct pst_http_env env;
    struct pst_session_host host;
    struct pst_session *session;
    struct pst_text out;  /* all that was sent */
    struct pst_text seen; /* a line for each exchange */
    unsigned begun, ended;
    struct pst_exchange *later; /* to be replied to, resumed or woken in a later step */
    void (*do_later)(struct pst_exchange *ex);
};

static struct peer *peer_of(struct pst_exchange *ex)
{
    return PST_CONTAINER(ex->env, struct peer, env);
}

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)why, (void)arg;
    struct peer *p = peer_of(ex);
    p->ended++;
    if (p->later == ex)
        p->later = NULL;
}

static void begin(struct pst_exchange *ex)
{
    peer_of(ex)->begun++;
    pst_exchange_on_end(ex, on_end, NULL);
}

static void do_later(struct pst_exchange *ex, void (*what)(struct pst_exchange *ex))
{
    struct peer *p = peer_of(ex);
    CHECK(!p->later);
    p->later = ex;
    p->do_later = what;
}

static uint64_t hash(uint64_t h, const char *data, size_t len)
{
    for (size_t i = 0; i < len; i++)
        h = (h ^ (unsigned char)data[i]) * UINT64_C(1099511628211);
    return h;
}

static void reply_sum(struct pst_exchange *ex, uint64_t bytes, uint64_t h)
{
    pst_reply_printf(ex, "%" PRIu64 " %016" PRIx64 "\n", bytes, h);
}

static void on_sum(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    struct pst_slice body = pst_exchange_body(ex);
    reply_sum(ex, body.len, hash(1, body.ptr, body.len));
}

static void reply_now(struct pst_exchange *ex)
{
    struct pst_slice body = pst_exchange_body(ex);
    reply_sum(ex, body.len, hash(1, body.ptr, body.len));
}

static void on_late(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    do_later(ex, reply_now);
}

struct work {
    uint64_t bytes, hash;
    unsigned left, pulls;
    struct pst_exchange *ex;
};

static struct work *begin_work(struct pst_exchange *ex)
{
    begin(ex);
    struct work *w = pst_exchange_alloc(ex, sizeof(*w));
    CHECK(w);
    *w = (struct work){.hash = 1, .ex = ex};
    pst_exchange_on_end(ex, on_end, w);
    return w;
}

static void on_stream(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin_work(ex);
}

static void on_stream_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    struct work *w = ex->on_end_arg;
    CHECK(!ex->is_paused && !ex->is_replied);
    w->bytes += len;
    w->hash = hash(w->hash, data, len);
    if (last) {
        reply_sum(ex, w->bytes, w->hash);
    } else if (arg) {
        pst_exchange_pause(ex);
        do_later(ex, pst_exchange_resume);
    }
}

static void on_refuse(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    pst_reply_error(ex, 403);
}

static void on_refuse_body(struct pst_exchange *ex, const char *data, size_t len, bool last, void *arg)
{
    (void)ex, (void)data, (void)len, (void)last, (void)arg;
    abort(); /* a piece after the reply */
}

static int pull(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    struct work *w = ctx;
    if (++w->pulls % 3 == 0) {
        do_later(w->ex, pst_exchange_wake);
        return PST_SOURCE_MORE;
    }
    size_t n = w->left < 7 ? w->left : 7;
    CHECK(cap >= n);
    memset(dst, 'x', n);
    w->left -= (unsigned)n;
    *ret_len = n;
    return w->left ? PST_SOURCE_MORE : PST_SOURCE_END;
}

static int pull_and_fail(void *ctx, char *dst, size_t cap, size_t *ret_len)
{
    int ret = pull(ctx, dst, cap, ret_len);
    return ret == PST_SOURCE_END ? PST_SOURCE_FAIL : ret;
}

static void on_source(struct pst_exchange *ex, void *arg)
{
    static const struct pst_source good = {.pull = pull}, bad = {.pull = pull_and_fail};
    struct work *w = begin_work(ex);
    unsigned long long n;
    w->left = pst_slice_to_u64(pst_exchange_query(ex), &n) ? (unsigned)(n % 100) : 30;
    const char *kind = arg;
    CHECK(pst_reply_source(ex, kind[0] == 'c' ? &bad : &good, w, kind[0] == 's' ? (int64_t)w->left : -1) ==
          0);
}

static void on_nothing(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    begin(ex);
    pst_reply_status(ex, 204);
    pst_reply_empty(ex);
}

static const struct pst_router *router(void)
{
    static struct pst_router *made;
    if (made)
        return made;
    CHECK(pst_router_new(&made) == 0);
    const struct {
        const char *pattern;
        struct pst_handler handler;
    } routes[] = {
        {"GET /*", {.on_request = on_sum}},
        {"POST /sum", {.on_request = on_sum}},
        {"PUT /sum", {.on_request = on_sum, .body_max_bytes = 50}},
        {"GET /late", {.on_request = on_late}},
        {"POST /late", {.on_request = on_late}},
        {"POST /stream", {.on_request = on_stream, .on_body = on_stream_body}},
        {"POST /pause", {.on_request = on_stream, .on_body = on_stream_body, .arg = ""}},
        {"POST /refuse", {.on_request = on_refuse, .on_body = on_refuse_body}},
        {"GET /letters", {.on_request = on_source, .arg = "letters"}},
        {"GET /sized", {.on_request = on_source, .arg = "sized"}},
        {"GET /cut", {.on_request = on_source, .arg = "cut"}},
        {"GET /nothing", {.on_request = on_nothing}},
    };
    for (size_t i = 0; i < sizeof(routes) / sizeof(routes[0]); i++)
        CHECK(pst_router_add(made, routes[i].pattern, &routes[i].handler) == 0);
    return made;
}

/* ---- what came of it ---- */

static void on_exchange(struct pst_http_env *env, const struct pst_log_entry *entry)
{
    struct peer *p = PST_CONTAINER(env, struct peer, env);
    const struct pst_exchange *ex = entry->exchange;
    struct pst_slice path = pst_exchange_path(ex), body = pst_exchange_body(ex);
    pst_text_addf(&p->seen, "%d %zu %zu %016" PRIx64 " -> %d %" PRIu64 " %d\n", pst_exchange_version(ex),
                  pst_exchange_field_count(ex), body.len,
                  hash(hash(1, path.ptr, path.len), body.ptr, body.len), entry->status, entry->sent_bytes,
                  (int)entry->end);
}

static void on_wake(struct pst_session_host *host)
{
    (void)host; /* every step looks at everything anyway */
}

/* ---- driving ---- */

static size_t total(const struct pst_output *out)
{
    size_t n = 0;
    for (int i = 0; i < out->iov_count; i++)
        n += out->iov[i].iov_len;
    return n;
}

static bool step_output(struct peer *p, struct split *split)
{
    struct pst_output out;
    if (!p->session->may_output)
        return false;
    p->session->ops->output(p->session, &out);
    CHECK(out.file_fd < 0 && out.iov_count <= PST_OUTPUT_IOV_MAX);
    if (p->session->must_cut || out.iov_count == 0)
        return false;
    size_t len = total(&out);
    CHECK(len > 0);
    size_t n = split_next(split, len), left = n;
    for (int i = 0; left; i++) {
        size_t part = left < out.iov[i].iov_len ? left : out.iov[i].iov_len;
        pst_text_add(&p->out, pst_slice_of(out.iov[i].iov_base, part));
        left -= part;
    }
    p->session->ops->sent(p->session, n);
    return true;
}

static bool step_later(struct peer *p)
{
    struct pst_exchange *ex = p->later;
    p->later = NULL;
    if (ex)
        p->do_later(ex);
    return ex != NULL;
}

/* Sends and does what is due, until only input can bring it on. */
static void settle(struct peer *p, struct split *split)
{
    while (!p->session->must_cut && (step_output(p, split) || step_later(p)))
        ;
}

static bool is_over(const struct peer *p)
{
    return p->session->must_cut || p->session->ops->is_finished(p->session);
}

static void talk(struct peer *p, const char *data, size_t len, uint8_t pattern)
{
    struct split in = split_of(pattern), out = split_of(pattern);
    const struct pst_session_ops *ops = p->session->ops;
    for (size_t at = 0; at < len && !is_over(p);) {
        size_t n = split_next(&in, len - at), used = 0;
        if (!ops->wants_input(p->session)) {
            settle(p, &out);
            CHECK(is_over(p) || ops->wants_input(p->session)); /* or it would stand still for ever */
            continue;
        }
        char *piece = split_copy(data + at, n);
        ops->input(p->session, piece, n, &used);
        free(piece);
        CHECK(used <= n && (used == n || !ops->wants_input(p->session)));
        at += used;
        if (pattern)
            settle(p, &out);
    }
    settle(p, &out);
    if (!is_over(p)) {
        CHECK(ops->wants_input(p->session));
        ops->input_end(p->session, true);
        settle(p, &out);
        CHECK(is_over(p));
    }
}

static struct pst_loop *loop(void)
{
    static struct pst_loop *made;
    static const struct pst_clock *clock = &pst_clock_system; /* stands still: the loop never turns */
    if (!made)
        CHECK(pst_loop_new(&made, clock) == 0);
    return made;
}

static void run(struct peer *p, const struct pst_limits *limits, struct pst_pools *pools, const char *data,
                size_t len, uint8_t pattern)
{
    memset(p, 0, sizeof(*p));
    pst_http_env_init(&p->env, limits, router(), loop(), pools);
    p->env.on_exchange = on_exchange;
    p->host.wake = on_wake;
    p->host.peer = (struct pst_peer_info){"192.0.2.1", 1, "", "", ""};
    CHECK(pst_h1_session_new(&p->session, &p->env, &p->host) == 0);
    talk(p, data, len, pattern);
    p->session->ops->abort(p->session, PST_END_PEER_CLOSED);
    p->session->ops->destroy(p->session);
    CHECK(p->begun == p->ended && !p->later);
    CHECK(p->env.exchanges.live_count == 0 && pools->chunks.live_count == 0 && pools->wires.live_count == 0);
    pst_http_env_fini(&p->env);
}

/* RFC 9110 10.1.1: whether 100 Continue is sent may depend on how soon the body comes. */
static void remove_interim(struct pst_text *t)
{
    static const char interim[] = "HTTP/1.1 100 Continue\r\n\r\n";
    enum { BYTES = sizeof(interim) - 1 };
    char *found;
    while (t->len && (found = memmem(t->ptr, t->len, interim, BYTES)) != NULL) {
        memmove(found, found + BYTES, t->len - (size_t)(found - t->ptr) - BYTES);
        t->len -= BYTES;
    }
}

static void check_same(const struct pst_text *a, const struct pst_text *b)
{
    if (a->len == b->len && (a->len == 0 || memcmp(a->ptr, b->ptr, a->len) == 0))
        return;
    fprintf(stderr, "in one piece:\n%.*s\ncut:\n%.*s\n", (int)a->len, a->ptr ? a->ptr : "", (int)b->len,
            b->ptr ? b->ptr : "");
    abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1)
        return 0;
    struct pst_limits limits;
    struct pst_pools pools;
    pst_limits_init(&limits);
    pst_pools_init(&pools);
    /* Small, so that each is reached. */
    limits.request_line_bytes = 200;
    limits.head_bytes = 1000;
    limits.field_count = 12;
    limits.trailer_bytes = 60;
    limits.chunk_line_bytes = 24;
    limits.body_bytes = 200;
    limits.stream_bytes = 300;
    limits.discard_bytes = 40;
    const char *text = (const char *)data + 1;
    struct peer whole, cut;
    run(&whole, &limits, &pools, text, size - 1, 0);
    run(&cut, &limits, &pools, text, size - 1, data[0] ? data[0] : 8);
    remove_interim(&whole.out);
    remove_interim(&cut.out);
    check_same(&whole.out, &cut.out);
    check_same(&whole.seen, &cut.seen);
    pst_text_free(&whole.out);
    pst_text_free(&whole.seen);
    pst_text_free(&cut.out);
    pst_text_free(&cut.seen);
    pst_pools_fini(&pools);
    return 0;
}
