/*
 * queue.c: how fast the queue is when it is long, and how fast jobs are taken in.
 *
 *     bench-queue FOLDER [WAITING] [CLIENTS] [SECONDS]
 *
 * Fills a new queue with WAITING jobs of 20 tenants (100000), then adds and leases one by one, each
 * durable; then CLIENTS threads (64) hand in jobs for SECONDS (4), each waiting for the answer
 * before its next. Prints one JSON object. The database is encrypted, as it is in the daemon.
 */
#include <pthread.h>

#include "base/disk.h"
#include "jobs/intake.h"
#include "store/records.h"
#include "store/schema.h"

#define TENANTS 20
#define SINGLES 5000
#define CLIENTS_MAX 256
#define SAMPLES_MAX 400000
#define HANDLE_CACHE_KIB 1024 /* as in store/data.c */

static const struct record *const records[] = {&control_schema_change_record, &job_record,
                                               &job_line_record};
static const struct catalog catalog = {2, records, ARRAY_LEN(records)};
static const unsigned char key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-queue: %s\n", err->msg);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static struct db *open_queue(const struct ctx *ctx, const char *path)
{
    const struct db_options options = {
        .path = path, .key = key, .create = true, .cache_kib = HANDLE_CACHE_KIB};
    struct db *db = NULL;
    struct err err = {0};

    must(db_open(ctx, &options, &db, &err), &err);
    must(schema_apply(db, ctx, &catalog, SCOPE_CONTROL, &err), &err);
    return db;
}

/* Keys come in no order, as the ids of changed worklogs do. */
static void name_job(uint64_t n, char tenant[32], char name[32])
{
    (void)snprintf(tenant, 32, "t%019llu", (unsigned long long)(n % TENANTS));
    (void)snprintf(name, 32, "%llu", (unsigned long long)(n * 7919 % 1000003));
}

static void add(struct db *db, const struct ctx *ctx, uint64_t n, bool in_tx)
{
    char tenant[32], name[32];
    const struct job_order order = {tenant, "timesheet.hint", name, ctx_now_ms(ctx), false};
    bool joined = false;
    struct err err = {0};

    name_job(n, tenant, name);
    must(in_tx ? jobs_add_in_tx(db, ctx, &order, &joined, &err)
               : jobs_add(db, ctx, &order, &joined, &err),
         &err);
}

static void fill(struct db *db, const struct ctx *ctx, uint64_t count)
{
    struct err err = {0};

    for (uint64_t n = 0; n < count;) {
        must(db_begin(db, DB_BULK, &err), &err);
        for (int i = 0; i < 1000 && n < count; i++)
            add(db, ctx, n++, true);
        must(db_commit(db, &err), &err);
    }
}

static double adds_per_second(struct db *db, const struct ctx *ctx, uint64_t from)
{
    double begun = seconds();

    for (uint64_t i = 0; i < SINGLES; i++)
        add(db, ctx, from + i, false);
    return SINGLES / (seconds() - begun);
}

static double leases_per_second(struct db *db, const struct ctx *ctx)
{
    double begun = seconds();

    for (int i = 0; i < SINGLES; i++) {
        struct job job;
        struct err err = {0};
        bool found = false;
        int64_t next = 0;

        must(jobs_lease(db, ctx, NULL, &job, &found, &next, &err), &err);
        must(found ? ERR_OK : err_set(&err, ERR_BUG, "no job is due"), &err);
    }
    return SINGLES / (seconds() - begun);
}

/* ---- many clients ---- */

struct client {
    struct intake *intake;
    const struct ctx *ctx;
    uint64_t next;
    double until;
    pthread_mutex_t lock;
    pthread_cond_t told;
    bool answered;
    enum err_class rc;
    float *waits; /* ms */
    size_t count, refused;
};

static void on_done(void *arg, enum err_class rc, bool joined)
{
    struct client *client = arg;

    (void)joined;
    pthread_mutex_lock(&client->lock);
    client->answered = true;
    client->rc = rc;
    pthread_cond_signal(&client->told);
    pthread_mutex_unlock(&client->lock);
}

static void *hand_in(void *arg)
{
    struct client *client = arg;
    char tenant[32], name[32];

    for (double now = seconds(); now < client->until && client->count < SAMPLES_MAX;) {
        const struct job_order order = {tenant, "timesheet.hint", name, ctx_now_ms(client->ctx),
                                        false};
        struct err err = {0};

        name_job(client->next, tenant, name);
        client->next += CLIENTS_MAX;
        client->answered = false;
        must(intake_add(client->intake, &order, on_done, client, &err), &err);
        pthread_mutex_lock(&client->lock);
        while (!client->answered)
            pthread_cond_wait(&client->told, &client->lock);
        pthread_mutex_unlock(&client->lock);
        if (client->rc != ERR_OK)
            client->refused++;

        double told = seconds();

        client->waits[client->count++] = (float)((told - now) * 1000);
        now = told;
    }
    return NULL;
}

static int by_wait(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

static void take_in(struct db *db, const struct ctx *ctx, size_t count, double run_seconds,
                    uint64_t from)
{
    static struct client clients[CLIENTS_MAX];
    pthread_t threads[CLIENTS_MAX];
    const struct intake_options options = {.control = db};
    struct intake *intake = NULL;
    struct err err = {0};
    size_t total = 0, refused = 0;

    must(intake_new(ctx, &options, &intake, &err), &err);

    double begun = seconds();

    for (size_t i = 0; i < count; i++) {
        struct client *client = &clients[i];

        *client = (struct client){.intake = intake,
                                  .ctx = ctx,
                                  .next = from + i,
                                  .until = begun + run_seconds,
                                  .waits = malloc(SAMPLES_MAX * sizeof(float))};
        (void)pthread_mutex_init(&client->lock, NULL);
        (void)pthread_cond_init(&client->told, NULL);
        (void)pthread_create(&threads[i], NULL, hand_in, client);
    }
    for (size_t i = 0; i < count; i++) {
        (void)pthread_join(threads[i], NULL);
        total += clients[i].count;
        refused += clients[i].refused;
    }

    double took = seconds() - begun;
    float *all = malloc((total + 1) * sizeof(*all));
    size_t at = 0;

    for (size_t i = 0; i < count; i++) {
        memcpy(all + at, clients[i].waits, clients[i].count * sizeof(*all));
        at += clients[i].count;
        free(clients[i].waits);
    }
    qsort(all, total, sizeof(*all), by_wait);
    printf(",\"clients\":%zu,\"accepted\":%zu,\"refused\":%zu,\"accepted_per_s\":%.0f,"
           "\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"p999_ms\":%.2f,\"worst_ms\":%.2f",
           count, total - refused, refused, (double)(total - refused) / took,
           (double)all[total / 2], (double)all[total * 99 / 100], (double)all[total * 999 / 1000],
           (double)all[total - 1]);
    free(all);
    intake_free(intake);
}

int main(int argc, char **argv)
{
    struct ctx ctx = ctx_real(NULL);
    uint32_t waiting = 100000, clients = 64, run_seconds = 4;

    if (argc < 2 || (argc > 2 && !parse_u32(str_from(argv[2]), 1, 1000000, &waiting)) ||
        (argc > 3 && !parse_u32(str_from(argv[3]), 1, CLIENTS_MAX, &clients)) ||
        (argc > 4 && !parse_u32(str_from(argv[4]), 1, 600, &run_seconds))) {
        (void)fprintf(stderr, "usage: bench-queue FOLDER [WAITING] [CLIENTS] [SECONDS]\n");
        return 64;
    }

    char *path = disk_join(argv[1], "queue.db");
    struct db *db = open_queue(&ctx, path);

    fill(db, &ctx, waiting);
    printf("{\"waiting\":%u,\"adds_per_s\":%.0f", waiting, adds_per_second(db, &ctx, waiting));
    printf(",\"leases_per_s\":%.0f", leases_per_second(db, &ctx));
    take_in(db, &ctx, clients, run_seconds, waiting + SINGLES);
    printf("}\n");
    db_close(db);
    free(path);
    return 0;
}
