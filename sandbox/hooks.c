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
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <sodium.h>
#include <sys/socket.h>
#include <time.h>

#include "base/json.h"
#include "show.h"

#define QUEUE_MAX 10000
#define TRIES_MAX 5
#define FIRST_WAIT_MS 100 /* doubles with every try: the real one waits minutes */
#define TIMEOUT_S 20
#define BODY_BYTES_MAX ((size_t)1 << 20)

struct delivery {
    struct delivery *next;
    char identifier[64];
    char *body;
    size_t len;
};

struct hooks {
    char *url, *secret;
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
} events[] = {
    [HOOK_WORKLOG_CREATED] = {"worklog_created", NULL},
    [HOOK_WORKLOG_UPDATED] = {"worklog_updated", NULL},
    [HOOK_WORKLOG_DELETED] = {"worklog_deleted", NULL},
    [HOOK_ISSUE_CREATED] = {"jira:issue_created", "issue_created"},
    [HOOK_ISSUE_UPDATED] = {"jira:issue_updated", "issue_generic"},
    [HOOK_ISSUE_DELETED] = {"jira:issue_deleted", NULL},
    [HOOK_COMMENT_CREATED] = {"comment_created", NULL},
};

static void delivery_free(struct delivery *delivery)
{
    free(delivery->body);
    free(delivery);
}

/* Takes the body's memory. */
static void enqueue(struct hooks *hooks, struct strbuf *body)
{
    struct delivery *delivery = calloc(1, sizeof(*delivery));

    pthread_mutex_lock(&hooks->mutex);
    if (!delivery || body->failed != ERR_OK || hooks->waiting >= QUEUE_MAX) {
        hooks->counts.dropped++;
        free(delivery);
    } else {
        hooks->counts.queued++;
        (void)snprintf(delivery->identifier, sizeof(delivery->identifier),
                       "5b1e0000-0000-4000-8000-%012" PRIx64, (uint64_t)hooks->counts.queued);
        delivery->len = body->len;
        delivery->body = body->ptr;
        *body = STRBUF_INIT(body->max);
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

/* curl asks before it connects: anything but this machine is refused. */
static curl_socket_t open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    bool loopback = false;

    (void)arg;
    (void)purpose;
    if (address->family == AF_INET) {
        memcpy(&v4, &address->addr, sizeof(v4));
        loopback = ntohl(v4.sin_addr.s_addr) >> 24 == 127;
    } else if (address->family == AF_INET6) {
        memcpy(&v6, &address->addr, sizeof(v6));
        loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr);
    }
    if (!loopback)
        return CURL_SOCKET_BAD;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

static size_t ignore(char *bytes, size_t size, size_t count, void *arg)
{
    (void)bytes;
    (void)arg;
    return size * count;
}

static struct curl_slist *add_header(struct curl_slist *list, const char *fmt, ...)
    PRINTF_LIKE(2, 3);
static struct curl_slist *add_header(struct curl_slist *list, const char *fmt, ...)
{
    char text[256];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof(text), fmt, args);
    va_end(args);

    struct curl_slist *longer = curl_slist_append(list, text);

    return longer ? longer : list;
}

static struct curl_slist *make_headers(const struct hooks *hooks, const struct delivery *delivery,
                                       int try)
{
    struct curl_slist *list = add_header(NULL, "Content-Type: application/json; charset=UTF-8");
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    char hex[2 * sizeof(mac) + 1];

    list = add_header(list, "Expect:");
    list = add_header(list, "User-Agent: Atlassian Webhook HTTP Client");
    list = add_header(list, "X-Atlassian-Webhook-Identifier: %s", delivery->identifier);
    list = add_header(list, "X-Atlassian-Webhook-Flow: Primary");
    if (try > 0)
        list = add_header(list, "X-Atlassian-Webhook-Retry: %d", try);
    if (hooks->secret) {
        crypto_auth_hmacsha256_state state;

        (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)hooks->secret,
                                          strlen(hooks->secret));
        (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)delivery->body,
                                            delivery->len);
        (void)crypto_auth_hmacsha256_final(&state, mac);
        (void)sodium_bin2hex(hex, sizeof(hex), mac, sizeof(mac));
        list = add_header(list, "X-Hub-Signature: sha256=%s", hex);
    }
    return list;
}

/* The status, 0: no answer. */
static long send_once(const struct hooks *hooks, const struct delivery *delivery, int try)
{
    CURL *curl = curl_easy_init();
    long status = 0;

    if (!curl)
        return 0;

    struct curl_slist *headers = make_headers(hooks, delivery, try);

    (void)curl_easy_setopt(curl, CURLOPT_URL, hooks->url);
    (void)curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
    (void)curl_easy_setopt(curl, CURLOPT_PROXY, "");
    (void)curl_easy_setopt(curl, CURLOPT_OPENSOCKETFUNCTION, open_socket);
    (void)curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    (void)curl_easy_setopt(curl, CURLOPT_TIMEOUT, (long)TIMEOUT_S);
    (void)curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDS, delivery->body);
    (void)curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)delivery->len);
    (void)curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, ignore);
    if (curl_easy_perform(curl) == CURLE_OK)
        (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    return status;
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

enum err_class hooks_new(const char *url, const char *secret, struct hooks **ret, struct err *err)
{
    if (strncmp(url, "http://", 7) != 0)
        return err_set(err, ERR_INPUT,
                       "--webhook %s: only http:// addresses of this machine are called", url);

    struct hooks *hooks = calloc(1, sizeof(*hooks));

    if (!hooks)
        return err_memory(err);
    hooks->url = str_dup_z(str_from(url));
    hooks->secret = secret ? str_dup_z(str_from(secret)) : NULL;
    (void)pthread_mutex_init(&hooks->mutex, NULL);
    (void)pthread_cond_init(&hooks->changed, NULL);
    (void)curl_global_init(CURL_GLOBAL_DEFAULT);
    if (!hooks->url || (secret && !hooks->secret) ||
        pthread_create(&hooks->thread, NULL, run_sender, hooks) != 0) {
        free(hooks->url);
        free(hooks->secret);
        free(hooks);
        return err_memory(err);
    }
    *ret = hooks;
    return ERR_OK;
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
