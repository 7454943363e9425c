/* guestbook.c - a guestbook that keeps its entries: a form, a page that grows while you look at it, and JSON.
 *
 *     build/release/examples/guestbook localhost:8080 guestbook-data
 *
 *   /guestbook           the page; its form posts to the same place
 *   /guestbook.json      the newest entries
 *   /guestbook/events    server-sent events: one for each new entry
 *   /post/guestbook      the same box, by the handlers that come with postern: pages, CSV, removing
 *
 * What blocks (the store) is done by jobs; see job.h for the two kinds. */
#include <postern/postern.h>
#include <stdio.h>
#include <stdlib.h>

#define BOX PST_SLICE("guestbook")

static struct pst_store *store;
static struct pst_sse_hub *hub;

/* Work for an exchange, which may end before it is done. */
struct task {
    struct pst_job job; /* first, so that a job is its task */
    struct pst_exchange *ex;
    bool as_json;
    struct pst_draft *draft;
    struct pst_post_page *page;
    int err;
};

static void on_end(struct pst_exchange *ex, enum pst_end why, void *arg)
{
    (void)ex, (void)why;
    ((struct task *)arg)->ex = NULL;
}

static struct task *new_task(struct pst_exchange *ex)
{
    struct task *task = calloc(1, sizeof *task);
    if (!task) {
        pst_reply_error(ex, 503);
        return NULL;
    }
    task->ex = ex;
    pst_exchange_on_end(ex, on_end, task);
    return task;
}

static void free_task(struct task *task)
{
    if (task->ex) /* it has its reply, and shall not look for the task when it ends */
        pst_exchange_on_end(task->ex, NULL, NULL);
    pst_draft_free(task->draft);
    pst_post_page_free(task->page);
    free(task);
}

/* ---- reading ---- */

static struct pst_slice field(const struct pst_post *post, const char *name)
{
    for (size_t i = 0; i < post->field_count; i++) {
        if (pst_slice_eq(post->fields[i].name, pst_slice_str(name)))
            return post->fields[i].value;
    }
    return PST_SLICE("");
}

static void reply_json(struct pst_exchange *ex, const struct pst_post_page *page)
{
    struct pst_json json = {0};
    pst_json_array(&json);
    for (size_t i = 0; i < page->count; i++) {
        pst_json_object(&json);
        pst_json_name(&json, "id");
        pst_json_uint(&json, page->posts[i].id);
        pst_json_name(&json, "name");
        pst_json_string(&json, field(&page->posts[i], "name"));
        pst_json_name(&json, "text");
        pst_json_string(&json, field(&page->posts[i], "text"));
        pst_json_end_object(&json);
    }
    pst_json_end_array(&json);
    pst_reply_json(ex, &json);
}

static void reply_page(struct pst_exchange *ex, const struct pst_post_page *page)
{
    struct pst_text t = {0};
    pst_text_adds(&t, "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>Guestbook</title>\n"
                      "<h1>Guestbook</h1>\n<form method=\"post\" action=\"/guestbook\">\n"
                      "<p><label>Name <input name=\"name\" required></label>\n"
                      "<p><label>Text <textarea name=\"text\" required></textarea></label>\n"
                      "<p><button>Write</button></form>\n<ul id=\"entries\">\n");
    for (size_t i = 0; i < page->count; i++) {
        pst_text_adds(&t, "<li>");
        pst_text_add_html(&t, field(&page->posts[i], "name"));
        pst_text_adds(&t, ": ");
        pst_text_add_html(&t, field(&page->posts[i], "text"));
        pst_text_adds(&t, "</li>\n");
    }
    pst_text_adds(&t, "</ul>\n<script>\n"
                      "new EventSource('/guestbook/events').onmessage = async () => {\n"
                      "  const entries = await (await fetch('/guestbook.json')).json();\n"
                      "  document.getElementById('entries').replaceChildren(...entries.map(entry => {\n"
                      "    const item = document.createElement('li');\n"
                      "    item.textContent = `${entry.name}: ${entry.text}`;\n"
                      "    return item;\n  }));\n};\n</script>\n");
    pst_reply_field(ex, "Content-Type", PST_SLICE("text/html; charset=utf-8"));
    if (t.failed || pst_reply_copy(ex, t.ptr, t.len) != 0)
        pst_reply_error(ex, 503);
    pst_text_free(&t);
}

/* On a thread of the pool. */
static void read_entries(struct pst_job *job)
{
    struct task *task = (struct task *)job;
    const struct pst_post_query query = {.box = BOX, .limit = 50};
    task->err = pst_store_read(store, &query, &task->page);
}

/* On the worker's thread again. */
static void show_entries(struct pst_job *job)
{
    struct task *task = (struct task *)job;
    if (task->ex && task->err)
        pst_reply_error(task->ex, 503);
    else if (task->ex)
        (task->as_json ? reply_json : reply_page)(task->ex, task->page);
    free_task(task);
}

static void on_get(struct pst_exchange *ex, void *arg)
{
    struct task *task = new_task(ex);
    if (!task)
        return;
    task->as_json = arg != NULL;
    task->job.run = read_entries;
    task->job.done = show_entries;
    pst_job_offload(&task->job, pst_exchange_worker(ex));
}

/* ---- writing ---- */

/* On the store's own thread: the entry is on disk, or will not be. */
static void on_commit(struct pst_draft *draft, int err, const struct pst_receipt *receipt, void *arg)
{
    struct task *task = arg;
    (void)draft, (void)receipt;
    task->err = err;
    pst_job_finish(&task->job);
}

static void reply_written(struct pst_job *job)
{
    struct task *task = (struct task *)job;
    if (task->ex && task->err)
        pst_reply_error(task->ex, task->err == PST_E_FULL ? 507 : 503);
    else if (task->ex)
        pst_reply_redirect(task->ex, 303, PST_SLICE("/guestbook"));
    free_task(task);
}

static void on_post(struct pst_exchange *ex, void *arg)
{
    struct pst_form_data form;
    struct pst_slice name, text;
    (void)arg;
    if (!pst_access_is_same_site(ex, NULL, 0)) { /* another site's page may not write in a visitor's name */
        pst_reply_json_error(ex, 403, "a page of another site may not post here");
        return;
    }
    int err = pst_form_read(ex, &form);
    if (err) {
        pst_reply_json_error(ex, pst_form_status(err), form.why);
        return;
    }
    if (!pst_form_value(&form, "name", &name) || !pst_form_value(&form, "text", &text) || name.len == 0) {
        pst_reply_json_error(ex, 422, "an entry has a name and a text");
        return;
    }
    struct task *task = new_task(ex);
    if (!task)
        return;
    const struct pst_draft_head head = {.box = BOX, .may_make_box = true};
    if (pst_draft_new(&task->draft, store) || pst_draft_field(task->draft, PST_SLICE("name"), name) ||
        pst_draft_field(task->draft, PST_SLICE("text"), text) || pst_draft_describe(task->draft, &head)) {
        pst_reply_error(ex, 503);
        free_task(task);
        return;
    }
    task->job.done = reply_written;
    pst_job_begin(&task->job, pst_exchange_worker(ex));
    pst_store_commit(store, task->draft, on_commit, task);
}

/* ---- telling ---- */

/* On the store's own thread, whoever wrote or removed something. */
static void on_change(const struct pst_change *change, void *arg)
{
    (void)arg;
    const struct pst_sse_event event = {.data = change->is_deleted ? PST_SLICE("gone") : PST_SLICE("new")};
    if (pst_slice_eq(change->box, BOX))
        pst_sse_send(hub, &event);
}

static void on_events(struct pst_exchange *ex, void *arg)
{
    (void)arg;
    if (pst_sse_join(hub, ex, NULL, 0) != 0)
        pst_reply_error(ex, 503);
}

int main(int argc, char **argv)
{
    struct pst_server *server = NULL;
    struct pst_posts *posts = NULL;
    char why[256] = "";
    const struct pst_store_options options = {.spare_bytes = 64U << 20};
    if (argc != 3) {
        fprintf(stderr, "usage: guestbook ADDRESS FOLDER\n");
        return 2;
    }
    int err = pst_store_open(&store, argv[2], &options, why, sizeof why);
    if (!err)
        err = pst_sse_hub_new(&hub, NULL) || pst_store_watch(store, on_change, NULL) ||
              pst_posts_new(&posts, store, NULL) ||
              pst_posts_box(posts, "guestbook:public,fields=name!+text!", why, sizeof why) ||
              pst_server_new(&server) || pst_posts_mount(posts, server, "/post/") ||
              pst_server_handle(server, "GET /guestbook", on_get, NULL) ||
              pst_server_handle(server, "GET /guestbook.json", on_get, server) ||
              pst_server_handle(server, "GET /guestbook/events", on_events, NULL) ||
              pst_server_handle(server, "POST /guestbook", on_post, NULL) ||
              pst_server_listen_http(server, argv[1]);
    for (size_t i = 0; !err && pst_server_url(server, i); i++)
        printf("%sguestbook\n", pst_server_url(server, i));
    fflush(stdout);
    if (err || pst_server_run(server) != 0) /* until SIGINT or SIGTERM */
        fprintf(stderr, "guestbook: %s\n", why[0] || !server ? why : pst_server_error(server));
    pst_server_free(server);
    pst_posts_free(posts);
    pst_store_close(store);
    pst_sse_hub_free(hub);
    return err ? 1 : 0;
}
