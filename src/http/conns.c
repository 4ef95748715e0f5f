/*
 * conns.c: open connections, their number an address, and their time.
 *
 * Two structures under one lock: a list of the connections, and a hash table of the addresses that
 * have some. An IPv6 client commands a whole /64, which therefore counts as one address.
 *
 * A connection has one deadline at any moment, by what it is at:
 *
 *     between requests   idle + receive
 *     receiving          receive, and more by the size that the body may have
 *     our turn           none
 *     sending            send
 *
 * A body may take one second more for each 16 KiB: who sends slower than that is either an attack
 * or will not get done. Deadlines are atomic: the watching thread reads them while their owner
 * moves them on. The sockets are shut down under the lock, which conn_close takes before
 * libmicrohttpd closes the descriptor, so that no other file can have its number by then.
 */
#include "http/conns.h"

#include <assert.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#define BUCKETS 1024
#define LOOK_EVERY_MS 1000
#define NO_DEADLINE INT64_MAX
#define BODY_BYTES_PER_MS 16

struct address_count {
    struct peer_address address;
    unsigned connections;
    struct address_count *next; /* in its bucket */
};

struct conn {
    struct conns *conns;
    struct conn *next, **prev; /* in the list */
    int fd;
    bool over;
    _Atomic bool last;
    struct address_count *count; /* NULL: exempt */
    _Atomic int64_t deadline_ms; /* monotonic */
};

struct conns {
    struct conns_options options;
    pthread_mutex_t mutex; /* of all below */
    pthread_cond_t changed;
    struct conn *first;
    size_t count;
    bool refusing;
    struct address_count *buckets[BUCKETS];
    bool ending;
    pthread_t thread;
};

/* To some milliseconds: it is asked five times a request, for waits of seconds. */
static int64_t mono_ms(void)
{
    struct timespec ts = {0};

    (void)clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
    return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* ---- How many an address has; under the lock ---- */

static struct address_count **find_count(struct conns *conns, const struct peer_address *address)
{
    uint32_t hash = 2166136261U; /* FNV-1a: the table is small, and chains are bounded */

    for (size_t i = 0; i < sizeof(address->bytes); i++)
        hash = (hash ^ address->bytes[i]) * 16777619U;

    struct address_count **at = &conns->buckets[hash % BUCKETS];

    while (*at && memcmp(&(*at)->address, address, sizeof(*address)) != 0)
        at = &(*at)->next; /* bounded by the limit of connections */
    return at;
}

/* False: *ret_share is what its connections are counted under. */
static bool is_exempt(const struct conns *conns, const struct sockaddr *from,
                      struct peer_address *ret_share)
{
    struct peer_address address;

    if (conns->options.per_address_max == 0 || !peer_address_of(from, &address) ||
        peer_nets_have(&conns->options.exempt, &address))
        return true;
    *ret_share = peer_address_site(&address);
    return false;
}

bool conns_admit(struct conns *conns, const struct sockaddr *from)
{
    struct peer_address share;
    bool admit = true;

    if (is_exempt(conns, from, &share))
        return true;
    pthread_mutex_lock(&conns->mutex);

    const struct address_count *count = *find_count(conns, &share);

    if (count)
        admit = count->connections / 2 < conns->options.per_address_max;
    pthread_mutex_unlock(&conns->mutex);
    return admit;
}

bool conns_wait_for_room(struct conns *conns)
{
    bool room;

    pthread_mutex_lock(&conns->mutex);
    while (conns->count >= conns->options.max && !conns->refusing)
        pthread_cond_wait(&conns->changed, &conns->mutex);
    room = !conns->refusing;
    pthread_mutex_unlock(&conns->mutex);
    return room;
}

void conns_refuse_all(struct conns *conns)
{
    pthread_mutex_lock(&conns->mutex);
    conns->refusing = true;
    pthread_cond_broadcast(&conns->changed);
    pthread_mutex_unlock(&conns->mutex);
}

static struct address_count *count_one(struct conns *conns, const struct peer_address *share)
{
    struct address_count **at = find_count(conns, share);

    if (!*at) {
        *at = calloc(1, sizeof(**at));
        if (!*at)
            return NULL;
        (*at)->address = *share;
    }
    (*at)->connections++;
    return *at;
}

static void count_off(struct conns *conns, const struct address_count *count)
{
    struct address_count **at = find_count(conns, &count->address);

    assert(*at == count);
    if (--(*at)->connections > 0)
        return;

    struct address_count *gone = *at;

    *at = gone->next;
    free(gone);
}

/* ---- One connection ---- */

static void set_deadline(struct conn *conn, int64_t wait_ms)
{
    int64_t deadline = wait_ms == NO_DEADLINE ? NO_DEADLINE : mono_ms() + wait_ms;

    atomic_store_explicit(&conn->deadline_ms, deadline, memory_order_relaxed);
}

struct conn *conn_open(struct conns *conns, const struct sockaddr *from, int fd)
{
    struct conn *conn = calloc(1, sizeof(*conn));
    struct peer_address share;

    if (!conn)
        return NULL;
    conn->conns = conns;
    conn->fd = fd;
    pthread_mutex_lock(&conns->mutex);
    if (!is_exempt(conns, from, &share)) {
        conn->count = count_one(conns, &share);
        conn->over = !conn->count || conn->count->connections > conns->options.per_address_max;
    }
    set_deadline(conn, conns->options.receive_ms + (conn->over ? 0 : conns->options.idle_ms));
    conn->next = conns->first;
    conn->prev = &conns->first;
    if (conn->next)
        conn->next->prev = &conn->next;
    else
        pthread_cond_broadcast(&conns->changed); /* the first one: there is something to watch */
    conns->first = conn;
    conns->count++;
    pthread_mutex_unlock(&conns->mutex);
    return conn;
}

void conn_close(struct conn *conn)
{
    if (!conn)
        return;

    struct conns *conns = conn->conns;

    pthread_mutex_lock(&conns->mutex);
    if (conns->count-- == conns->options.max)
        pthread_cond_broadcast(&conns->changed); /* there is room again */
    *conn->prev = conn->next;
    if (conn->next)
        conn->next->prev = conn->prev;
    if (conn->count)
        count_off(conns, conn->count);
    pthread_mutex_unlock(&conns->mutex);
    free(conn);
}

void conn_begins(struct conn *conn)
{
    if (conn)
        set_deadline(conn, conn->conns->options.receive_ms);
}

void conn_expects(struct conn *conn, uint64_t bytes)
{
    if (conn)
        set_deadline(conn, conn->conns->options.receive_ms + (int64_t)(bytes / BODY_BYTES_PER_MS));
}

void conn_has_all(struct conn *conn)
{
    if (conn)
        set_deadline(conn, NO_DEADLINE);
}

void conn_answers(struct conn *conn)
{
    if (conn)
        set_deadline(conn, conn->conns->options.send_ms);
}

void conn_is_done(struct conn *conn)
{
    if (conn)
        set_deadline(conn, conn->conns->options.idle_ms + conn->conns->options.receive_ms);
}

bool conn_is_over(const struct conn *conn)
{
    return conn && conn->over;
}

void conns_retire(struct conns *conns)
{
    pthread_mutex_lock(&conns->mutex);
    for (struct conn *conn = conns->first; conn; conn = conn->next)
        atomic_store_explicit(&conn->last, true, memory_order_relaxed);
    pthread_mutex_unlock(&conns->mutex);
}

bool conn_is_last(const struct conn *conn)
{
    return conn && (conn->over || atomic_load_explicit(&conn->last, memory_order_relaxed));
}

/* ---- The watching thread ---- */

static void shut_late_ones(struct conns *conns)
{
    int64_t now_ms = mono_ms();

    for (struct conn *conn = conns->first; conn; conn = conn->next)
        if (atomic_load_explicit(&conn->deadline_ms, memory_order_relaxed) <= now_ms)
            (void)shutdown(conn->fd, SHUT_RDWR); /* it may be closed by the other end already */
}

static void *watch(void *arg)
{
    struct conns *conns = arg;
    struct timespec until;

    pthread_mutex_lock(&conns->mutex);
    while (!conns->ending) {
        if (!conns->first) {
            pthread_cond_wait(&conns->changed, &conns->mutex);
            continue;
        }
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_sec += LOOK_EVERY_MS / 1000;
        (void)pthread_cond_timedwait(&conns->changed, &conns->mutex, &until);
        shut_late_ones(conns);
    }
    pthread_mutex_unlock(&conns->mutex);
    return NULL;
}

struct conns *conns_new(const struct conns_options *options)
{
    struct conns *conns = calloc(1, sizeof(*conns));
    pthread_condattr_t monotonic;

    if (!conns)
        return NULL;
    conns->options = *options;
    (void)pthread_mutex_init(&conns->mutex, NULL); /* none of these fails on Linux */
    (void)pthread_condattr_init(&monotonic);
    (void)pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&conns->changed, &monotonic);
    (void)pthread_condattr_destroy(&monotonic);
    if (pthread_create(&conns->thread, NULL, watch, conns) == 0)
        return conns;
    (void)pthread_cond_destroy(&conns->changed);
    (void)pthread_mutex_destroy(&conns->mutex);
    free(conns);
    return NULL;
}

void conns_free(struct conns *conns)
{
    if (!conns)
        return;
    pthread_mutex_lock(&conns->mutex);
    conns->ending = true;
    pthread_cond_broadcast(&conns->changed);
    pthread_mutex_unlock(&conns->mutex);
    (void)pthread_join(conns->thread, NULL);
    assert(!conns->first);
    (void)pthread_cond_destroy(&conns->changed);
    (void)pthread_mutex_destroy(&conns->mutex);
    free(conns);
}
