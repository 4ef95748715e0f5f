/*
 * load.c: many clients at a server, each asking again as soon as it has its answer.
 *
 *     bench-load PORT CLIENTS SECONDS get FILE
 *     bench-load PORT CLIENTS SECONDS rising|shuffled PATH SECRET FIRST COUNT [ACCEPTED PID AFTER]
 *
 * get   FILE has a line "PATH TOKEN" for each request, which is sent as a Connect JWT. Client n of
 *       N asks for the lines n, n + N, n + 2N …, again and again.
 * else  posts worklog_created for the worklogs FIRST … FIRST + COUNT - 1, each once, signed with
 *       SECRET; in that order, as new worklogs come, or in none. The ids that were accepted are
 *       added to the file ACCEPTED; the server, PID, is killed with the AFTERth of them.
 *
 * Prints one JSON object: answers 200 and 204 are good, all others failed; a connection that the
 * server ends is broken and is not opened again. One thread on epoll, one keep-alive connection a
 * client; all requests are made before the clock starts, since the server shares the machine.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <sodium.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include "base/str.h"

#define CLIENTS_MAX 256
#define REQUESTS_MAX 200000
#define ID_STEP 7919
#define SAMPLES_MAX 4000000
#define HEAD_BYTES 8192
#define PART_BYTES ((size_t)256 * 1024)
#define QUIET_MS 20000 /* the server says nothing: give up */

struct request {
    char *text;
    size_t len;
};

struct client {
    int fd;    /* -1: broken, or done */
    size_t at; /* of the requests */
    size_t sent;
    double asked;
    char head[HEAD_BYTES]; /* of the answer */
    size_t head_len;
    bool has_head;
    int status;
    size_t body_left;
};

struct load {
    uint16_t port;
    size_t client_count;
    double run_seconds;
    bool once;     /* each request is sent once only */
    bool shuffled; /* hook: the ids */
    size_t hook_count;
    struct request *requests;
    size_t request_count;
    size_t next; /* hook: to be sent next */
    bool *accepted;
    pid_t victim;      /* 0: none */
    size_t kill_after; /* good answers */
    struct client *clients;
    float *waits; /* ms, of the good ones */
    size_t good, failed, broken;
    int first_failure; /* its status */
    double until;
    size_t open;
    int epoll;
};

static void fail(const char *what)
{
    (void)fprintf(stderr, "bench-load: %s\n", what);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* ---- What is asked ---- */

static void add_request(struct load *load, struct strbuf *text)
{
    struct request *request = &load->requests[load->request_count++];

    request->len = text->len;
    request->text = str_dup_z(strbuf_str(text));
    if (!request->text)
        fail("out of memory");
    strbuf_reset(text);
}

static void read_gets(struct load *load, const char *path)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(65536);
    FILE *file = fopen(path, "r");
    char line[8192];

    if (!file)
        fail("cannot read the file of requests");
    while (load->request_count < REQUESTS_MAX && fgets(line, sizeof(line), file)) {
        struct str token, target = str_cut(str_trim(str_from(line)), ' ', &token);

        strbuf_addf(&text,
                    "GET " STR_FMT " HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nAccept: application/json\r\n"
                    "Authorization: JWT " STR_FMT "\r\n\r\n",
                    STR_ARG(target), load->port, STR_ARG(token));
        add_request(load, &text);
    }
    (void)fclose(file);
    if (load->request_count == 0)
        fail("there is no request in the file");
}

/* In the form in which Jira Cloud sends it. */
static void put_event(struct strbuf *body, uint64_t id)
{
    strbuf_addf(
        body,
        "{\"timestamp\":1767600000000,\"webhookEvent\":\"worklog_created\",\"worklog\":{\"self\":"
        "\"https://jira.example.com/rest/api/2/issue/10001/worklog/%llu\",\"author\":{\"self\":"
        "\"https://jira.example.com/rest/api/2/user?accountId=5b10ac8d82e05b22cc7d4ef5\","
        "\"accountId\":\"5b10ac8d82e05b22cc7d4ef5\",\"displayName\":\"A Person\",\"active\":true,"
        "\"timeZone\":\"Europe/Berlin\",\"accountType\":\"atlassian\"},\"updateAuthor\":{\"self\":"
        "\"https://jira.example.com/rest/api/2/user?accountId=5b10ac8d82e05b22cc7d4ef5\","
        "\"accountId\":\"5b10ac8d82e05b22cc7d4ef5\",\"displayName\":\"A Person\",\"active\":true,"
        "\"timeZone\":\"Europe/Berlin\",\"accountType\":\"atlassian\"},\"comment\":\"some work\","
        "\"created\":\"2026-01-05T09:00:00.000+0100\",\"updated\":\"2026-01-05T09:00:00.000+0100\","
        "\"started\":\"2026-01-05T08:00:00.000+0100\",\"timeSpent\":\"1h\",\"timeSpentSeconds\":"
        "3600,\"id\":\"%llu\",\"issueId\":\"10001\"}}",
        (unsigned long long)id, (unsigned long long)id);
}

static void sign(struct str secret, struct str body, char ret_hex[65])
{
    unsigned char mac[crypto_auth_hmacsha256_BYTES];
    crypto_auth_hmacsha256_state state;

    (void)crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    (void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)body.ptr, body.len);
    (void)crypto_auth_hmacsha256_final(&state, mac);
    (void)sodium_bin2hex(ret_hex, 65, mac, sizeof(mac));
}

/* Each once, as the prime ID_STEP does not divide COUNT. */
static uint64_t hook_id(const struct load *load, uint64_t first, size_t n)
{
    return first + n * (load->shuffled ? ID_STEP : 1) % load->hook_count;
}

static void make_hooks(struct load *load, const char *path, const char *secret, uint64_t first,
                       size_t count)
{
    struct strbuf text AUTO(strbuf_done) = STRBUF_INIT(65536);
    struct strbuf body AUTO(strbuf_done) = STRBUF_INIT(65536);
    char hex[65];

    for (size_t i = 0; i < count; i++) {
        strbuf_reset(&body);
        put_event(&body, hook_id(load, first, i));
        sign(str_from(secret), strbuf_str(&body), hex);
        strbuf_addf(&text,
                    "POST %s HTTP/1.1\r\nHost: 127.0.0.1:%u\r\nContent-Type: application/json\r\n"
                    "X-Atlassian-Webhook-Identifier: 5a4d0b5e-0000-4000-8000-%012zu\r\n"
                    "X-Hub-Signature: sha256=%s\r\nContent-Length: %zu\r\n\r\n",
                    path, load->port, i, hex, body.len);
        strbuf_add_str(&text, strbuf_str(&body));
        add_request(load, &text);
    }
}

/* ---- A client ---- */

static void leave(struct load *load, struct client *client)
{
    (void)close(client->fd);
    client->fd = -1;
    load->open--;
}

static void break_off(struct load *load, struct client *client)
{
    load->broken++;
    leave(load, client);
}

static void send_more(struct load *load, struct client *client)
{
    const struct request *request = &load->requests[client->at];

    while (client->sent < request->len) {
        ssize_t n = send(client->fd, request->text + client->sent, request->len - client->sent,
                         MSG_NOSIGNAL);

        if (n < 0 && (errno == EAGAIN || errno == EINTR))
            fail("a request does not fit the socket's buffer"); /* they are a kilobyte or two */
        if (n < 0) {
            break_off(load, client);
            return;
        }
        client->sent += (size_t)n;
    }
}

static void ask(struct load *load, struct client *client)
{
    client->sent = 0;
    client->head_len = 0;
    client->has_head = false;
    client->asked = seconds();
    send_more(load, client);
}

/* The one after the last that was answered; false: there is none. */
static bool advance(struct load *load, struct client *client)
{
    if (load->once) {
        client->at = load->next++;
        return client->at < load->request_count;
    }
    client->at = (client->at + load->client_count) % load->request_count;
    return true;
}

static void take_answer(struct load *load, struct client *client)
{
    double now = seconds();

    if (client->status == 200 || client->status == 204) {
        load->waits[load->good++] = (float)((now - client->asked) * 1000);
        if (load->accepted)
            load->accepted[client->at] = true;
        if (load->victim && load->good == load->kill_after)
            (void)kill(load->victim, SIGKILL);
    } else {
        if (load->failed++ == 0)
            load->first_failure = client->status;
    }
    if (now < load->until && load->good < SAMPLES_MAX && advance(load, client))
        ask(load, client);
    else
        leave(load, client);
}

/* "Content-Length: 123" of the head; 204 has none. */
static size_t body_bytes(struct str head)
{
    struct str rest = head;
    uint32_t n = 0;

    while (rest.len > 0) {
        struct str value, name = str_cut(str_cut(rest, '\n', &rest), ':', &value);

        if (str_eq_nocase(name, STR("Content-Length")) &&
            parse_u32(str_trim(value), 0, UINT32_MAX, &n))
            return n;
        if (str_eq_nocase(name, STR("Transfer-Encoding")))
            fail("an answer in chunks cannot be read here");
    }
    return 0;
}

/* Takes up to the end of the head; returns how much of the part that was. */
static size_t take_head(struct client *client, const char *part, size_t len)
{
    size_t before = client->head_len, n = len < HEAD_BYTES - before ? len : HEAD_BYTES - before;
    const char *end;

    memcpy(client->head + before, part, n);
    client->head_len += n;
    end = memmem(client->head, client->head_len, "\r\n\r\n", 4);
    if (!end) {
        if (client->head_len == HEAD_BYTES)
            fail("an answer's head is larger than 8 KiB");
        return n;
    }

    size_t head_len = (size_t)(end - client->head) + 4;
    uint32_t status = 0;

    if (client->head_len < 12 || !parse_u32((struct str){client->head + 9, 3}, 100, 599, &status))
        fail("what came is no HTTP answer");
    client->status = (int)status;
    client->body_left = body_bytes((struct str){client->head, head_len});
    client->has_head = true;
    return head_len - before;
}

static void receive(struct load *load, struct client *client)
{
    static char part[PART_BYTES];
    ssize_t n = recv(client->fd, part, sizeof(part), 0);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        break_off(load, client);
        return;
    }

    size_t used = client->has_head ? 0 : take_head(client, part, (size_t)n);

    if (!client->has_head)
        return;
    if ((size_t)n - used > client->body_left)
        fail("more came than was announced");
    client->body_left -= (size_t)n - used;
    if (client->body_left == 0)
        take_answer(load, client);
}

/* ---- All of them ---- */

static void enter(struct load *load, size_t n)
{
    struct client *client = &load->clients[n];
    struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(load->port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct epoll_event event = {.events = EPOLLIN, .data = {.u64 = n}};
    int one = 1;

    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)};
    client->at = load->once ? load->next++ : n % load->request_count;
    if (client->fd < 0)
        fail("there are too few file descriptors");
    load->open++;
    if (connect(client->fd, (const struct sockaddr *)&to, sizeof(to)) != 0) {
        break_off(load, client);
        return;
    }
    (void)setsockopt(client->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (epoll_ctl(load->epoll, EPOLL_CTL_ADD, client->fd, &event) != 0)
        fail("epoll_ctl");
}

static void run(struct load *load)
{
    struct epoll_event events[CLIENTS_MAX];

    for (size_t i = 0; i < load->client_count; i++)
        enter(load, i);
    load->until = seconds() + load->run_seconds;
    for (size_t i = 0; i < load->client_count; i++)
        if (load->clients[i].fd >= 0)
            ask(load, &load->clients[i]);
    while (load->open > 0) {
        int n = epoll_wait(load->epoll, events, CLIENTS_MAX, QUIET_MS);

        if (n == 0)
            fail("no answer for 20 s");
        for (int i = 0; i < n; i++) {
            struct client *client = &load->clients[events[i].data.u64];

            if (client->fd >= 0)
                receive(load, client);
        }
    }
}

static void keep_accepted(const struct load *load, const char *path, uint64_t first)
{
    FILE *file = fopen(path, "a");

    if (!file)
        fail("cannot write the file of accepted ids");
    for (size_t i = 0; i < load->request_count; i++)
        if (load->accepted[i])
            (void)fprintf(file, "%llu\n", (unsigned long long)hook_id(load, first, i));
    if (fclose(file) != 0)
        fail("cannot write the file of accepted ids");
}

static int by_wait(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

static void print(struct load *load, double took)
{
    size_t n = load->good;

    qsort(load->waits, n, sizeof(load->waits[0]), by_wait);
    printf("{\"good\":%zu,\"failed\":%zu,\"broken\":%zu,\"seconds\":%.3f,\"per_s\":%.0f", n,
           load->failed, load->broken, took, (double)n / took);
    if (load->failed > 0)
        printf(",\"first_failure\":%d", load->first_failure);
    if (n > 0)
        printf(",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"worst_ms\":%.2f", (double)load->waits[n / 2],
               (double)load->waits[n * 99 / 100], (double)load->waits[n - 1]);
    printf("}\n");
}

int main(int argc, char **argv)
{
    struct load load = {.epoll = epoll_create1(EPOLL_CLOEXEC)};
    uint32_t port = 0, clients = 0, run_seconds = 0, first = 0, count = 0, pid = 0, after = 0;
    bool get = argc == 6 && strcmp(argv[4], "get") == 0;
    bool hook = (argc == 9 || argc == 12) &&
                (strcmp(argv[4], "rising") == 0 || strcmp(argv[4], "shuffled") == 0) &&
                parse_u32(str_from(argv[7]), 1, UINT32_MAX, &first) &&
                parse_u32(str_from(argv[8]), CLIENTS_MAX, REQUESTS_MAX, &count) &&
                count % ID_STEP != 0;
    bool kills = hook && argc == 12;

    if (!(get || hook) || !parse_u32(str_from(argv[1]), 1, 65535, &port) ||
        !parse_u32(str_from(argv[2]), 1, CLIENTS_MAX, &clients) ||
        !parse_u32(str_from(argv[3]), 1, 600, &run_seconds) ||
        (kills && (!parse_u32(str_from(argv[10]), 2, INT32_MAX, &pid) ||
                   !parse_u32(str_from(argv[11]), 1, count, &after))) ||
        sodium_init() < 0) {
        (void)fprintf(stderr,
                      "usage: bench-load PORT CLIENTS SECONDS get FILE | rising|shuffled PATH "
                      "SECRET FIRST COUNT [ACCEPTED PID AFTER]\n");
        return 64;
    }
    load.port = (uint16_t)port;
    load.client_count = clients;
    load.run_seconds = run_seconds;
    load.once = hook;
    load.shuffled = hook && strcmp(argv[4], "shuffled") == 0;
    load.hook_count = count;
    load.victim = (pid_t)pid;
    load.kill_after = after;
    load.requests = calloc(hook ? count : REQUESTS_MAX, sizeof(load.requests[0]));
    load.clients = calloc(clients, sizeof(load.clients[0]));
    load.waits = malloc((SAMPLES_MAX + CLIENTS_MAX) * sizeof(load.waits[0]));
    load.accepted = hook ? calloc(count, sizeof(load.accepted[0])) : NULL;
    if (!load.requests || !load.clients || !load.waits || (hook && !load.accepted))
        fail("out of memory");
    if (hook)
        make_hooks(&load, argv[5], argv[6], first, count);
    else
        read_gets(&load, argv[5]);

    double begun = seconds();

    run(&load);
    print(&load, seconds() - begun);
    if (kills)
        keep_accepted(&load, argv[9], first);
    return 0; /* what is held goes with the process */
}
