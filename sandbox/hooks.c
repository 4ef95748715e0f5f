/*
 * hooks.c: webhooks out.
 *
 * An event is rendered under the site's lock, at the moment it happens, and put into a queue; one
 * thread sends the queue in order and tries again what the real site would try again, only sooner.
 * When the queue is full an event is lost, and counted: the real one promises no more than that.
 * The secret signs the raw body (HMAC-SHA256, header X-Hub-Signature).
 */
#include "hooks.h"

#include <curl/curl.h>
#include <stdatomic.h>
#include <inttypes.h>
#include <sodium.h>
#include <stdarg.h>
#include <time.h>

#include "base/json.h"
#include "post.h"
#include "show.h"

#define QUEUE_MAX 10000
#define TRIES_MAX 5
#define FIRST_WAIT_MS 100 /* doubles with every try: the real one waits minutes */
#define BODY_BYTES_MAX ((size_t)1 << 20)

struct delivery {
    struct delivery *next;
    enum hook_way way;
    char identifier[64];
    char *body;
    size_t len;
};

struct hooks {
    _Atomic(char *) url;    /* of the administrator's; NULL: none; set once, after the secret */
    char *secret;           /* NULL: none */
    hooks_address *address; /* of the apps; NULL: none */
    void *address_arg;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    struct delivery *first, *last;
    size_t waiting;
    bool stopping;
    pthread_t thread;
    struct hook_counts counts;
};

static const struct {
    const char *name;
    const char *issue_event; /* issue_event_type_name; NULL: the event has none */
    const char *forge;       /* its name there; NULL: Forge is not told */
} events[] = {
    [HOOK_WORKLOG_CREATED] = {"worklog_created", NULL, "avi:jira:created:worklog"},
    [HOOK_WORKLOG_UPDATED] = {"worklog_updated", NULL, "avi:jira:updated:worklog"},
    [HOOK_WORKLOG_DELETED] = {"worklog_deleted", NULL, "avi:jira:deleted:worklog"},
    [HOOK_ISSUE_CREATED] = {"jira:issue_created", "issue_created", NULL},
    [HOOK_ISSUE_UPDATED] = {"jira:issue_updated", "issue_generic", NULL},
    [HOOK_ISSUE_DELETED] = {"jira:issue_deleted", NULL, "avi:jira:deleted:issue"},
    [HOOK_COMMENT_CREATED] = {"comment_created", NULL, NULL},
};

static void delivery_free(struct delivery *delivery)
{
    free(delivery->body);
    free(delivery);
}

static bool is_wanted(const struct hooks *hooks, enum hook_way way)
{
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(1024);
    struct strbuf authorization AUTO(strbuf_done) = STRBUF_INIT(65536);

    if (way == HOOK_ADMIN)
        return hooks->url != NULL;
    return hooks->address && hooks->address(hooks->address_arg, way, &url, &authorization);
}

static void enqueue_one(struct hooks *hooks, enum hook_way way, struct str body)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));
    char *copy = str_dup_z(body);

    pthread_mutex_lock(&hooks->mutex);
    if (!delivery || !copy || hooks->waiting >= QUEUE_MAX) {
        hooks->counts.dropped++;
        free(delivery);
        free(copy);
    } else {
        hooks->counts.queued++;
        (void)snprintf(delivery->identifier, sizeof(delivery->identifier),
                       "5b1e0000-0000-4000-8000-%012" PRIx64, (uint64_t)hooks->counts.queued);
        delivery->way = way;
        delivery->len = body.len;
        delivery->body = copy;
        if (hooks->last)
            hooks->last->next = delivery;
        else
            hooks->first = delivery;
        hooks->last = delivery;
        hooks->waiting++;
        pthread_cond_signal(&hooks->changed);
    }
    pthread_mutex_unlock(&hooks->mutex);
}

/* An event in the classic form. */
static void enqueue(struct hooks *hooks, const struct strbuf *body)
{
    if (is_wanted(hooks, HOOK_ADMIN))
        enqueue_one(hooks, HOOK_ADMIN, strbuf_str(body));
    if (is_wanted(hooks, HOOK_CONNECT))
        enqueue_one(hooks, HOOK_CONNECT, strbuf_str(body));
}

/* In Forge's form, which has less in it: no comment of a worklog, hardly more than ids. */
static void enqueue_forge(struct hooks *hooks, enum hook_event event, const char *what, int64_t id,
                          int64_t issue_id)
{
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(4096);

    if (!events[event].forge || !is_wanted(hooks, HOOK_FORGE))
        return;
    strbuf_addf(&body,
                "{\"eventType\":\"%s\",\"selfGenerated\":false,\"%s\":{\"id\":\"%" PRId64 "\"",
                events[event].forge, what, id);
    if (issue_id)
        strbuf_addf(&body, ",\"issueId\":\"%" PRId64 "\"", issue_id);
    strbuf_add_z(&body, "}}");
    enqueue_one(hooks, HOOK_FORGE, strbuf_str(&body));
}

void hooks_worklog(struct hooks *hooks, const struct site *site, uint32_t row,
                   enum hook_event event)
{
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(BODY_BYTES_MAX);

    if (!hooks)
        return;
    strbuf_addf(&body, "{\"timestamp\":%" PRId64 ",\"webhookEvent\":\"%s\",\"worklog\":",
                site_now_ms(site), events[event].name);
    show_worklog(&body, site, &site->worklogs[row], 2, false);
    if (event != HOOK_WORKLOG_UPDATED)
        strbuf_add_z(&body, ",\"isFromIssueLimitTransformation\":false");
    strbuf_add_z(&body, "}");
    enqueue(hooks, &body);
    enqueue_forge(hooks, event, "worklog", site->worklogs[row].id,
                  site->issues[site->worklogs[row].issue].id);
}

void hooks_issue(struct hooks *hooks, const struct site *site, uint32_t issue,
                 enum hook_event event)
{
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(BODY_BYTES_MAX);

    if (!hooks)
        return;
    strbuf_addf(&body, "{\"timestamp\":%" PRId64 ",\"webhookEvent\":\"%s\",", site_now_ms(site),
                events[event].name);
    if (events[event].issue_event)
        strbuf_addf(&body, "\"issue_event_type_name\":\"%s\",", events[event].issue_event);
    strbuf_add_z(&body, "\"user\":");
    show_author(&body, site, SITE_USER_SELF, 2);
    strbuf_add_z(&body, ",\"issue\":");
    show_issue_short(&body, site, issue, 2);
    if (event == HOOK_ISSUE_UPDATED)
        strbuf_addf(&body,
                    ",\"changelog\":{\"id\":\"%" PRId64 "\",\"items\":[{\"field\":\"timespent\","
                    "\"fieldtype\":\"jira\",\"fieldId\":\"timespent\",\"from\":null,"
                    "\"fromString\":null,\"to\":\"3600\",\"toString\":\"3600\"}]}",
                    site_now_ms(site));
    strbuf_add_z(&body, "}");
    enqueue(hooks, &body);
    enqueue_forge(hooks, event, "issue", site->issues[issue].id, 0);
}

void hooks_comment(struct hooks *hooks, const struct site *site, const struct item *comment)
{
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(BODY_BYTES_MAX);

    if (!hooks)
        return;
    strbuf_addf(&body, "{\"timestamp\":%" PRId64 ",\"webhookEvent\":\"%s\",\"comment\":",
                site_now_ms(site), events[HOOK_COMMENT_CREATED].name);
    show_comment(&body, site, comment, 2);
    strbuf_add_z(&body, ",\"issue\":");
    show_issue_short(&body, site, comment->issue, 2);
    strbuf_add_z(&body, "}");
    enqueue(hooks, &body);
}

/* ---- The sender's thread ---- */

static void set_header(struct post *post, size_t at, const char *fmt, ...) PRINTF_LIKE(3, 4);
static void set_header(struct post *post, size_t at, const char *fmt, ...)
{
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(post->headers[at], sizeof(post->headers[at]), fmt, args);
    va_end(args);
}

static void sign(const struct hooks *hooks, const struct delivery *delivery, struct post *post,
                 size_t at)
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof(mac) + 1];
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)hooks->secret,
                                      strlen(hooks->secret));
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)delivery->body,
                                        delivery->len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
    set_header(post, at, "X-Hub-Signature: sha256=%s", hex);
}

/* The status, 0: no answer. */
static long send_once(const struct hooks *hooks, const struct delivery *delivery, int try)
{
    struct strbuf url AUTO(strbuf_done) = STRBUF_INIT(1024);
    struct strbuf authorization AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct post *post AUTO(free_autop) = calloc(1, sizeof(*post));
    size_t at = 5;

    if (!post)
        return 0;
    if (delivery->way == HOOK_ADMIN)
        strbuf_add_z(&url, hooks->url);
    else if (!hooks->address(hooks->address_arg, delivery->way, &url, &authorization))
        return 410; /* uninstalled meanwhile */
    post->url = strbuf_z(&url);
    post->body = delivery->body;
    post->len = delivery->len;
    set_header(post, 0, "Content-Type: application/json; charset=UTF-8");
    set_header(post, 1, "Expect:");
    set_header(post, 2, "User-Agent: Atlassian Webhook HTTP Client");
    set_header(post, 3, "X-Atlassian-Webhook-Identifier: %s", delivery->identifier);
    set_header(post, 4, "X-Atlassian-Webhook-Flow: Primary");
    if (try > 0)
        set_header(post, at++, "X-Atlassian-Webhook-Retry: %d", try);
    if (delivery->way != HOOK_ADMIN)
        set_header(post, at++, "Authorization: %s", strbuf_z(&authorization));
    else if (hooks->secret)
        sign(hooks, delivery, post, at++);
    return post_send(post, NULL);
}

/* Facts: webhooks, delivery. */
static bool is_worth_a_retry(long status)
{
    return status == 0 || status == 408 || status == 409 || status == 425 || status == 429 ||
           status >= 500;
}

/* True when the sandbox ends meanwhile. */
static bool pause_ms(struct hooks *hooks, int64_t ms)
{
    struct timespec until = {0};

    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += ms / 1000;
    until.tv_nsec += ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_mutex_lock(&hooks->mutex);
    while (!hooks->stopping && pthread_cond_timedwait(&hooks->changed, &hooks->mutex, &until) == 0)
        continue;

    bool stopping = hooks->stopping;

    pthread_mutex_unlock(&hooks->mutex);
    return stopping;
}

static void deliver(struct hooks *hooks, const struct delivery *delivery)
{
    int64_t wait_ms = FIRST_WAIT_MS;
    bool done = false;

    for (int try = 0; try < TRIES_MAX && !done; try++) {
        if (try > 0 && pause_ms(hooks, wait_ms))
            break;
        wait_ms *= try > 0 ? 2 : 1;

        long status = send_once(hooks, delivery, try);

        done = status >= 200 && status < 300;
        if (!done && !is_worth_a_retry(status))
            break;
    }
    pthread_mutex_lock(&hooks->mutex);
    if (done)
        hooks->counts.delivered++;
    else
        hooks->counts.failed++;
    pthread_mutex_unlock(&hooks->mutex);
}

static void *run_sender(void *arg)
{
    struct hooks *hooks = arg;

    pthread_mutex_lock(&hooks->mutex);
    while (!hooks->stopping) {
        struct delivery *delivery = hooks->first;

        if (!delivery) {
            pthread_cond_wait(&hooks->changed, &hooks->mutex);
            continue;
        }
        hooks->first = delivery->next;
        if (!hooks->first)
            hooks->last = NULL;
        hooks->waiting--;
        pthread_mutex_unlock(&hooks->mutex);
        deliver(hooks, delivery);
        delivery_free(delivery);
        pthread_mutex_lock(&hooks->mutex);
    }
    pthread_mutex_unlock(&hooks->mutex);
    return NULL;
}

enum err_class hooks_set_admin(struct hooks *hooks, const char *url, const char *secret,
                               struct err *err)
{
    if (strncmp(url, "http://", 7) != 0)
        return err_set(err, ERR_INPUT,
                       "webhook %s: only http:// addresses of this machine are called", url);

    char *url_copy = str_dup_z(str_from(url));
    char *secret_copy = secret ? str_dup_z(str_from(secret)) : NULL;
    enum err_class rc = ERR_OK;

    pthread_mutex_lock(&hooks->mutex);
    if (!url_copy || (secret && !secret_copy)) {
        rc = err_memory(err);
    } else if (hooks->url) {
        rc = err_set(err, ERR_CONFLICT, "there is a webhook already");
    } else {
        hooks->secret = secret_copy;
        hooks->url = url_copy;
        url_copy = secret_copy = NULL;
    }
    pthread_mutex_unlock(&hooks->mutex);
    free(url_copy);
    free(secret_copy);
    return rc;
}

enum err_class hooks_new(const char *url, const char *secret, struct hooks **ret, struct err *err)
{
    struct hooks *hooks = calloc(1, sizeof(*hooks));

    if (!hooks)
        return err_memory(err);
    (void)pthread_mutex_init(&hooks->mutex, NULL);
    (void)pthread_cond_init(&hooks->changed, NULL);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);

    enum err_class rc = url ? hooks_set_admin(hooks, url, secret, err) : ERR_OK;

    if (rc == ERR_OK && pthread_create(&hooks->thread, NULL, run_sender, hooks) != 0)
        rc = err_memory(err);
    if (rc != ERR_OK) {
        free(hooks->url);
        free(hooks->secret);
        free(hooks);
        return rc;
    }
    *ret = hooks;
    return ERR_OK;
}

void hooks_set_app(struct hooks *hooks, hooks_address *address, void *arg)
{
    hooks->address = address;
    hooks->address_arg = arg;
}

void hooks_free(struct hooks *hooks)
{
    if (!hooks)
        return;
    pthread_mutex_lock(&hooks->mutex);
    hooks->stopping = true;
    pthread_cond_broadcast(&hooks->changed);
    pthread_mutex_unlock(&hooks->mutex);
    (void)pthread_join(hooks->thread, NULL);
    while (hooks->first) {
        struct delivery *next = hooks->first->next;

        delivery_free(hooks->first);
        hooks->first = next;
    }
    (void)pthread_cond_destroy(&hooks->changed);
    (void)pthread_mutex_destroy(&hooks->mutex);
    free(hooks->url);
    free(hooks->secret);
    free(hooks);
}

struct hook_counts hooks_counts(struct hooks *hooks)
{
    struct hook_counts counts = {0};

    if (!hooks)
        return counts;
    pthread_mutex_lock(&hooks->mutex);
    counts = hooks->counts;
    pthread_mutex_unlock(&hooks->mutex);
    return counts;
}
