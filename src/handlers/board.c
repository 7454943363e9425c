/* board.c - the message board: its addresses, what is posted, what is removed, its life. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/random.h>

#include <postern/access.h>
#include <postern/json.h>

#include "handlers/assets.h"
#include "handlers/board_internal.h"
#include "handlers/page.h"
#include "handlers/post_format.h"
#include "handlers/rate.h"

enum {
    PAGE_POSTS = 50,
    PAGE_POSTS_MOST = 200,
    POSTS_PER_MINUTE = 6,
    FORM_BYTES = 128 << 10, /* all of a request but its picture */
};
static const uint64_t picture_bytes_default = 10 << 20;

/* ---- work off the loop ---- */

static void forget(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex;
    (void)why;
    struct pst_board_task *task = arg;
    task->ex = NULL;
}

void *pst_board_task_new(struct pst_board *board, struct pst_exchange *ex, size_t size)
{
    struct pst_board_task *task = calloc(1, size);
    if (!task) {
        pst_page_give_up(ex);
        return NULL;
    }
    task->board = board;
    task->ex = ex;
    pst_exchange_on_end(ex, forget, task);
    return task;
}

struct pst_exchange *pst_board_task_end(struct pst_board_task *task)
{
    if (task->ex)
        pst_exchange_on_end(task->ex, NULL, NULL);
    return task->ex;
}

/* ---- pages ---- */

static int put_key(char key[PST_BOARD_KEY_BYTES + 1])
{
    unsigned char random[PST_BOARD_KEY_BYTES / 2];
    if (getrandom(random, sizeof random, 0) != (ssize_t)sizeof random)
        return PST_E_SYSTEM;
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < sizeof random; i++) {
        key[2 * i] = digits[random[i] >> 4];
        key[2 * i + 1] = digits[random[i] & 15];
    }
    return 0;
}

/* What a browser keeps of a page is good for going back to it, with what was typed, and no more. */
static int add_fields(struct pst_exchange *ex)
{
    static const struct {
        struct pst_slice name, value;
    } fields[] = {
        {{"Content-Type", 12}, {"text/html; charset=utf-8", 24}},
        {{"Cache-Control", 13}, {"private, no-cache", 17}},
        {{"X-Content-Type-Options", 22}, {"nosniff", 7}},
        {{"Referrer-Policy", 15}, {"same-origin", 11}},
        {{"Content-Security-Policy", 23}, {PST_BOARD_POLICY, sizeof PST_BOARD_POLICY - 1}},
    };
    int err = 0;
    for (size_t i = 0; i < sizeof fields / sizeof fields[0] && !err; i++)
        err = pst_reply_field_ref(ex, fields[i].name, fields[i].value);
    return err;
}

static void reply_entry(const struct pst_board *board, struct pst_exchange *ex,
                        const struct pst_board_entry *entry, int status, const struct pst_board_draft *draft)
{
    char key[PST_BOARD_KEY_BYTES + 1];
    struct pst_text html = {0};
    struct pst_slice body;
    if (entry->err) {
        (void)pst_reply_error(ex, status >= 400               ? status
                                  : entry->err == PST_E_NOENT ? 404
                                  : entry->err == PST_E_NOMEM ? 503
                                                              : 500);
        return;
    }
    int err = put_key(key);
    if (!err) {
        pst_board_page_compose(&html, &entry->page, &board->source.look, draft, key);
        err = pst_page_keep(ex, &html, &body) ? pst_reply_status(ex, status) : PST_E_NOMEM;
    }
    if (!err)
        err = add_fields(ex);
    if (!err)
        err = pst_reply_bytes(ex, body.ptr, body.len);
    if (err)
        pst_page_give_up(ex);
}

struct page_wait {
    struct pst_board_task task;
    struct pst_board_wait wait;
    int status;
    const struct pst_board_draft *draft;
};

static void page_made(struct pst_board_wait *wait)
{
    struct page_wait *p = wait->owner;
    struct pst_exchange *ex = pst_board_task_end(&p->task);
    if (ex)
        reply_entry(p->task.board, ex, wait->entry, p->status, p->draft);
    pst_board_entry_unref(p->task.board->cache, wait->entry);
    free(p);
}

void pst_board_reply_page(struct pst_board *board, struct pst_exchange *ex,
                          const struct pst_board_place *place, int status,
                          const struct pst_board_draft *draft)
{
    const struct pst_board_key key = {.place = *place, .is_local = pst_access_is_local(ex)};
    uint64_t now_ms = pst_exchange_now_ms(ex);
    struct pst_board_entry *entry = pst_board_cache_find(board->cache, &key, now_ms);
    if (entry) {
        reply_entry(board, ex, entry, status, draft);
        pst_board_entry_unref(board->cache, entry);
        return;
    }
    struct page_wait *p = pst_board_task_new(board, ex, sizeof *p);
    if (!p)
        return;
    p->status = status;
    p->draft = draft;
    p->wait.done = page_made;
    p->wait.owner = p;
    if (pst_board_cache_wait(board->cache, &key, now_ms, &p->wait, pst_exchange_worker(ex)) != 0) {
        (void)pst_board_task_end(&p->task);
        free(p);
        pst_page_give_up(ex);
    }
}

/* "before=ID" or "after=ID"; other fields are for others. False: it is no id. */
static bool read_place(struct pst_exchange *ex, struct pst_board_place *ret_place)
{
    struct pst_slice query = pst_exchange_query(ex);
    struct pst_form_field field;
    char *scratch = pst_exchange_alloc(ex, query.len);
    *ret_place = (struct pst_board_place){0};
    while (scratch && pst_urlencoded_next(&query, &scratch, &field)) {
        bool is_before = pst_slice_eq(field.name, PST_SLICE("before"));
        unsigned long long id;
        if (!is_before && !pst_slice_eq(field.name, PST_SLICE("after")))
            continue;
        if (!pst_slice_to_u64(field.value, &id) || id == 0)
            return false;
        *ret_place =
            is_before ? (struct pst_board_place){.below = id} : (struct pst_board_place){.above = id};
    }
    return true;
}

static void on_get(struct pst_exchange *ex, void *arg)
{
    struct pst_board_place place;
    if (read_place(ex, &place))
        pst_board_reply_page(arg, ex, &place, 200, NULL);
    else
        (void)pst_reply_error(ex, 404);
}

/* ---- posting ---- */

static void on_post(struct pst_exchange *ex, void *arg)
{
    struct pst_board *board = arg;
    pst_submission_begin(ex, board->store, &board->rules);
}

static bool takes_file(const char *head, size_t len, const char **ret_reason, void *arg)
{
    (void)arg;
    *ret_reason = "only PNG, JPEG, GIF and WebP pictures are taken";
    return pst_board_picture_type(head, len) != NULL;
}

static bool is_blank(struct pst_slice s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] != ' ' && (s.ptr[i] < '\t' || s.ptr[i] > '\r'))
            return false;
    }
    return true;
}

static const char *check(const struct pst_submission *submission, void *arg)
{
    (void)arg;
    struct pst_slice name, message;
    pst_submission_value(submission, PST_BOARD_NAME, &name);
    pst_submission_value(submission, PST_BOARD_MESSAGE, &message);
    if (pst_board_count_chars(name) > PST_BOARD_NAME_CHARS)
        return "the name is longer than 80 characters";
    if (pst_board_count_chars(message) > PST_BOARD_MESSAGE_CHARS)
        return "the message is longer than 4000 characters";
    if (is_blank(message) && pst_submission_files(submission) == 0)
        return "it has neither a message nor a picture";
    return NULL;
}
_Static_assert(PST_BOARD_NAME_CHARS == 80 && PST_BOARD_MESSAGE_CHARS == 4000, "as check() says");

/* A field's value, in the exchange's memory; false where there is none. */
static bool keep(struct pst_exchange *ex, const struct pst_submission *submission, const char *name,
                 struct pst_slice *ret_value)
{
    struct pst_slice value;
    *ret_value = PST_SLICE("");
    if (!submission || !pst_submission_value(submission, name, &value))
        return false;
    char *copy = pst_exchange_alloc(ex, value.len);
    if (!copy)
        return false;
    if (value.len > 0)
        memcpy(copy, value.ptr, value.len);
    *ret_value = pst_slice_of(copy, value.len);
    return true;
}

/* The page again, with why and with what was typed. reason lives as long as the exchange. */
static void reply_refused_page(struct pst_board *board, struct pst_exchange *ex,
                               const struct pst_submission_outcome *outcome, const char *reason)
{
    struct pst_board_draft *draft = pst_exchange_alloc(ex, sizeof *draft);
    if (!draft) {
        pst_page_give_up(ex);
        return;
    }
    *draft = (struct pst_board_draft){.reason = reason};
    bool has_name = keep(ex, outcome->submission, PST_BOARD_NAME, &draft->name);
    bool has_message = keep(ex, outcome->submission, PST_BOARD_MESSAGE, &draft->message);
    draft->is_lost = outcome->status != 403 && !(has_name && has_message);
    pst_board_reply_page(board, ex, &(struct pst_board_place){0}, outcome->status, draft);
}

static int reply_stored_json(const struct pst_board *board, struct pst_exchange *ex,
                             const struct pst_receipt *receipt)
{
    char time[PST_POST_TIME_BYTES];
    struct pst_json json = {0};
    pst_post_time(time, receipt->time_ms);
    pst_json_object(&json);
    pst_json_name(&json, "id");
    pst_json_uint(&json, receipt->id);
    pst_json_name(&json, "time");
    pst_json_string(&json, pst_slice_str(time));
    pst_json_end_object(&json);
    int err = pst_reply_status(ex, 201);
    if (!err)
        err = pst_reply_fieldf(ex, "Location", "%s/%" PRIu64, board->base, receipt->id);
    if (err) {
        pst_json_free(&json);
        return err;
    }
    return pst_reply_json(ex, &json);
}

static int reply_refused(struct pst_board *board, struct pst_exchange *ex,
                         const struct pst_submission_outcome *outcome, bool wants_json)
{
    struct pst_slice reason = pst_exchange_printf(ex, "%s", outcome->reason);
    int err = 0;
    if (outcome->retry_s > 0) {
        reason = pst_exchange_printf(ex, "%s; try again in %u second%s", outcome->reason, outcome->retry_s,
                                     outcome->retry_s == 1 ? "" : "s");
        err = pst_reply_fieldf(ex, "Retry-After", "%u", outcome->retry_s);
    }
    if (err || !reason.ptr)
        return err ? err : PST_E_NOMEM;
    if (wants_json)
        return pst_reply_json_error(ex, outcome->status, reason.ptr);
    reply_refused_page(board, ex, outcome, reason.ptr);
    return 0;
}

/* To where the page has the new message, if there is one. */
static int reply_stored_page(const struct pst_board *board, struct pst_exchange *ex,
                             const struct pst_submission_outcome *outcome)
{
    const char *home = *board->base ? board->base : "/";
    struct pst_slice location = outcome->is_spam
                                    ? pst_slice_str(home)
                                    : pst_exchange_printf(ex, "%s#m%" PRIu64, home, outcome->receipt.id);
    return location.ptr ? pst_reply_redirect(ex, 303, location) : PST_E_NOMEM;
}

static void reply(struct pst_exchange *ex, const struct pst_submission_outcome *outcome, void *arg)
{
    struct pst_board *board = arg;
    bool wants_json = pst_access_wants_json(ex);
    int err = pst_reply_field_ref(ex, PST_SLICE("Vary"), PST_SLICE("Accept"));
    if (!err && outcome->status != 201)
        err = reply_refused(board, ex, outcome, wants_json);
    else if (!err)
        err = wants_json ? reply_stored_json(board, ex, &outcome->receipt)
                         : reply_stored_page(board, ex, outcome);
    if (err)
        pst_page_give_up(ex);
}

/* ---- removing ---- */

struct remove_task {
    struct pst_board_task task;
    uint64_t id;
    int err;
};

static void remove_post(struct pst_job *job)
{
    struct remove_task *r = (struct remove_task *)job;
    r->err = pst_store_delete(r->task.board->store, r->task.board->box, r->id);
}

static void post_removed(struct pst_job *job)
{
    struct remove_task *r = (struct remove_task *)job;
    const char *home = *r->task.board->base ? r->task.board->base : "/";
    struct pst_exchange *ex = pst_board_task_end(&r->task);
    int err = r->err == PST_E_NOENT ? 0 : r->err; /* somebody else was faster */
    free(r);
    if (!ex)
        return;
    if (err) {
        err = pst_reply_error(ex, 500);
    } else if (pst_access_wants_json(ex)) {
        err = pst_reply_status(ex, 204);
        if (!err)
            err = pst_reply_empty(ex);
    } else {
        err = pst_reply_redirect(ex, 303, pst_slice_str(home));
    }
    if (err)
        pst_page_give_up(ex);
}

void pst_board_remove(struct pst_board *board, struct pst_exchange *ex, uint64_t id)
{
    /* Only the person at this machine, by a page of this board: not by one that this person looks at. */
    if (!pst_access_is_local(ex) || !pst_access_is_same_site(ex, NULL, 0)) {
        (void)pst_reply_error(ex, 403);
        return;
    }
    struct remove_task *r = pst_board_task_new(board, ex, sizeof *r);
    if (!r)
        return;
    r->id = id;
    r->task.job.run = remove_post;
    r->task.job.done = post_removed;
    pst_job_offload(&r->task.job, pst_exchange_worker(ex));
}

/* ---- addresses below the page ---- */

/* "ID" or "ID/tail"; false for anything else. */
static bool read_id(struct pst_slice rest, const char *tail, uint64_t *ret_id)
{
    struct pst_slice end = pst_slice_str(tail);
    unsigned long long id;
    if (!pst_slice_ends(rest, end) || !pst_slice_to_u64(pst_slice_of(rest.ptr, rest.len - end.len), &id) ||
        id == 0)
        return false;
    *ret_id = id;
    return true;
}

static void on_get_below(struct pst_exchange *ex, void *arg)
{
    struct pst_board *board = arg;
    struct pst_slice rest = pst_exchange_rest(ex);
    const struct pst_asset *asset = pst_asset_find(rest);
    uint64_t id;
    if (asset)
        pst_asset_reply(ex, asset);
    else if (pst_slice_eq(rest, PST_SLICE("events")))
        pst_board_live_join(board->live, ex);
    else if (read_id(rest, "/picture", &id) && board->source.look.has_pictures)
        pst_board_reply_picture(board, ex, id);
    else if (read_id(rest, "", &id))
        pst_board_reply_page(board, ex, &(struct pst_board_place){.id = id}, 200, NULL);
    else
        (void)pst_reply_error(ex, 404);
}

static void on_post_below(struct pst_exchange *ex, void *arg)
{
    uint64_t id;
    if (read_id(pst_exchange_rest(ex), "/remove", &id))
        pst_board_remove(arg, ex, id);
    else
        (void)pst_reply_error(ex, 404);
}

/* ---- life ---- */

static void set_rules(struct pst_board *board, uint64_t picture_bytes)
{
    static const struct pst_submission_field fields[] = {
        {{PST_BOARD_NAME, sizeof PST_BOARD_NAME - 1}, true},
        {{PST_BOARD_MESSAGE, sizeof PST_BOARD_MESSAGE - 1}, false},
        {{PST_BOARD_PICTURE, sizeof PST_BOARD_PICTURE - 1}, false},
    };
    bool has_pictures = board->source.look.has_pictures;
    board->rules = (struct pst_submission_rules){
        .box = board->box,
        .may_make_box = true,
        .is_declared = true,
        .body_bytes = FORM_BYTES + (has_pictures ? picture_bytes : 0),
        .file_bytes = picture_bytes,
        .max_files = has_pictures ? 1 : 0,
        .fields = fields,
        .field_count = has_pictures ? 3 : 2,
        .honeypot = PST_SLICE(PST_BOARD_HONEYPOT),
        .rate = board->rate,
        .takes_file = takes_file,
        .check = check,
        .reply = reply,
        .arg = board,
    };
}

static int set_up(struct pst_board *board, const struct pst_board_options *options)
{
    unsigned per_minute = options->posts_per_minute ? options->posts_per_minute : POSTS_PER_MINUTE;
    uint64_t picture_bytes = options->picture_bytes ? options->picture_bytes : picture_bytes_default;
    board->box_text = strdup(options->box ? options->box : "board");
    board->title = strdup(options->title ? options->title : "Message board");
    if (!board->box_text || !board->title)
        return PST_E_NOMEM;
    board->box = pst_slice_str(board->box_text);
    if (!pst_box_name_is_valid(board->box) || options->page_posts > PAGE_POSTS_MOST ||
        picture_bytes > UINT64_MAX - FORM_BYTES || per_minute > UINT32_MAX / 2)
        return PST_E_INVAL;
    board->source = (struct pst_board_source){
        .store = board->store,
        .box = board->box,
        .look = {.title = board->title,
                 .has_pictures = !options->no_pictures,
                 .picture_bytes = picture_bytes},
        .page_posts = options->page_posts ? options->page_posts : PAGE_POSTS,
    };
    int err = pst_rate_new(&board->rate, per_minute, 2 * per_minute);
    if (!err)
        err = pst_board_cache_new(&board->cache, &board->source);
    if (!err)
        err = pst_board_live_new(&board->live, &board->source);
    board->source.live = board->live;
    set_rules(board, picture_bytes);
    return err;
}

int pst_board_new(struct pst_board **ret_board, struct pst_store *store,
                  const struct pst_board_options *options)
{
    static const struct pst_board_options defaults;
    struct pst_board *board = calloc(1, sizeof *board);
    if (!board)
        return PST_E_NOMEM;
    board->store = store;
    int err = set_up(board, options ? options : &defaults);
    if (err) {
        pst_board_free(board);
        return err;
    }
    *ret_board = board;
    return 0;
}

void pst_board_free(struct pst_board *board)
{
    if (!board)
        return;
    pst_board_live_free(board->live);
    pst_board_cache_free(board->cache);
    pst_rate_free(board->rate);
    free(board->box_text);
    free(board->title);
    free(board->base);
    free(board);
}

/* ---- mounting ---- */

static int set_base(struct pst_board *board, const char *path)
{
    struct pst_text base = {0};
    struct pst_slice whole = pst_slice_str(path);
    bool is_root = strcmp(path, "/") == 0;
    if (board->base)
        return PST_E_EXISTS;
    if (path[0] != '/' || strchr(path, '*') || (!is_root && pst_slice_ends(whole, PST_SLICE("/"))))
        return PST_E_SYNTAX;
    if (!is_root)
        pst_text_add_percent(&base, whole, true);
    pst_text_add(&base, pst_slice_of("", 1));
    if (base.failed) {
        pst_text_free(&base);
        return PST_E_NOMEM;
    }
    board->base = base.ptr;
    board->source.look.base = board->base;
    return 0;
}

static int route(struct pst_server *server, const char *method, const char *path, const char *tail,
                 const struct pst_handler *handler)
{
    struct pst_text pattern = {0};
    pst_text_addf(&pattern, "%s %s%s", method, path, tail);
    int err = pattern.failed ? PST_E_NOMEM : pst_server_route(server, pattern.ptr, handler);
    pst_text_free(&pattern);
    return err;
}

int pst_board_mount(struct pst_board *board, struct pst_server *server, const char *path)
{
    const struct pst_handler get = {.on_request = on_get, .arg = board};
    const struct pst_handler post = {.on_request = on_post, .on_body = pst_submission_body, .arg = board};
    const struct pst_handler get_below = {.on_request = on_get_below, .arg = board};
    const struct pst_handler post_below = {.on_request = on_post_below, .arg = board};
    int err = set_base(board, path);
    const char *stem = *path && strcmp(path, "/") == 0 ? "" : path;
    if (!err)
        err = route(server, "GET", path, "", &get);
    if (!err)
        err = route(server, "POST", path, "", &post);
    if (!err)
        err = route(server, "GET", stem, "/*", &get_below);
    if (!err)
        err = route(server, "POST", stem, "/*", &post_below);
    return err;
}
