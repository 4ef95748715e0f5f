/*
 * queue.c: how fast the queue is when it is long, and how fast jobs are taken in.
 *
 *     bench-queue FOLDER [WAITING] [CLIENTS] [SECONDS]
 *
 * Fills a new queue with WAITING jobs of 20 tenants (100000), then adds and leases one by one, each
 * durable; then CLIENTS (64) hand in jobs for SECONDS (4), each waiting for the answer before its
 * next. Prints one JSON object. The database is encrypted, as it is in the daemon.
 */
#include <pthread.h>

#include "base/disk.h"
#include "jobs/intake.h"
#include "store/records.h"
#include "store/schema.h"

#define TENANTS 20
#define SINGLES 5000
#define CLIENTS_MAX 256
#define SAMPLES_MAX 4000000
#define SIDES 2 /* threads that the clients are on */
#define HANDLE_CACHE_KIB 16384

static const struct record *const records[] = {&control_schema_change_record, &job_record,
                                               &job_line_record, &job_arrival_record};
static const struct catalog catalog = {3, records, ARRAY_LEN(records)};
static const unsigned char key[DB_KEY_BYTES] = "a key of thirty-two bytes in all";

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-queue: %s\n", err->msg);
    exit(1);
}

static double clock_seconds(clockid_t which)
{
    struct timespec now;

    (void)clock_gettime(which, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static double seconds(void)
{
    return clock_seconds(CLOCK_MONOTONIC);
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

static void add(struct db *db, const struct ctx *ctx, uint64_t n)
{
    char tenant[32], name[32];
    const struct job_order order = {tenant, "timesheet.hint", name, ctx_now_ms(ctx), false};
    bool joined = false;
    struct err err = {0};

    name_job(n, tenant, name);
    must(jobs_add(db, ctx, &order, &joined, &err), &err);
}

static void on_filled(void *arg, enum err_class rc)
{
    (void)arg;
    must(rc, &(struct err){.msg = "a job was refused"});
}

static void fill(struct db *db, const struct ctx *ctx, uint64_t count)
{
    const struct intake_options options = {.control = db, .waiting_max = count};
    struct intake *intake = NULL;
    struct err err = {0};
    char tenant[32], name[32];

    must(intake_new(ctx, &options, &intake, &err), &err);
    for (uint64_t n = 0; n < count; n++) {
        const struct job_order order = {tenant, "timesheet.hint", name, ctx_now_ms(ctx), false};

        name_job(n, tenant, name);
        must(intake_add(intake, &order, on_filled, NULL, &err), &err);
    }
    intake_free(intake);
}

static double adds_per_second(struct db *db, const struct ctx *ctx, uint64_t from)
{
    double begun = seconds();

    for (uint64_t i = 0; i < SINGLES; i++)
        add(db, ctx, from + i);
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

/* ---- many clients, by a few threads, as an HTTP server has them ---- */

struct side;
struct client {
    struct side *side;
    struct client *next_told;
    uint64_t next;
    double asked;
};

/* One thread and its clients. */
struct side {
    struct intake *intake;
    const struct ctx *ctx;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t answered;
    struct client *told; /* those that have their answer */
    size_t told_count, refused, count;
    double until;
    struct client clients[CLIENTS_MAX];
    size_t client_count;
    float *waits; /* ms */
};

static void on_done(void *arg, enum err_class rc)
{
    struct client *client = arg;
    struct side *side = client->side;

    pthread_mutex_lock(&side->lock);
    client->next_told = side->told;
    side->told = client;
    side->refused += rc != ERR_OK;
    pthread_cond_signal(&side->answered);
    pthread_mutex_unlock(&side->lock);
}

static void ask(struct client *client)
{
    struct side *side = client->side;
    char tenant[32], name[32];
    const struct job_order order = {tenant, "timesheet.hint", name, ctx_now_ms(side->ctx), false};
    struct err err = {0};

    name_job(client->next, tenant, name);
    client->next += CLIENTS_MAX * SIDES;
    client->asked = seconds();
    must(intake_add(side->intake, &order, on_done, client, &err), &err);
}

static void *serve(void *arg)
{
    struct side *side = arg;
    size_t open = side->client_count;

    for (size_t i = 0; i < side->client_count; i++)
        ask(&side->clients[i]);
    while (open > 0) {
        pthread_mutex_lock(&side->lock);
        while (!side->told)
            pthread_cond_wait(&side->answered, &side->lock);

        struct client *client = side->told;

        side->told = NULL;
        pthread_mutex_unlock(&side->lock);

        double now = seconds();

        while (client) {
            struct client *next = client->next_told;

            side->waits[side->count++] = (float)((now - client->asked) * 1000);
            if (now < side->until && side->count + CLIENTS_MAX < SAMPLES_MAX)
                ask(client);
            else
                open--;
            client = next;
        }
    }
    return NULL;
}

static int by_wait(const void *a, const void *b)
{
    float left = *(const float *)a, right = *(const float *)b;

    return (left > right) - (left < right);
}

static void print_waits(const struct side *sides, size_t clients, double took, double cpu)
{
    size_t total = 0, refused = 0;
    float *all = malloc(SIDES * SAMPLES_MAX * sizeof(*all));

    for (size_t i = 0; i < SIDES; i++) {
        memcpy(all + total, sides[i].waits, sides[i].count * sizeof(*all));
        total += sides[i].count;
        refused += sides[i].refused;
    }
    qsort(all, total, sizeof(*all), by_wait);
    printf(
        ",\"clients\":%zu,\"accepted\":%zu,\"refused\":%zu,\"accepted_per_s\":%.0f,"
        "\"cpu_us_each\":%.1f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"p999_ms\":%.2f,\"worst_ms\":%.2f",
        clients, total - refused, refused, (double)(total - refused) / took,
        cpu * 1e6 / (double)total, (double)all[total / 2], (double)all[total * 99 / 100],
        (double)all[total * 999 / 1000], (double)all[total - 1]);
    free(all);
}

static void take_in(struct db *db, const struct ctx *ctx, size_t clients, double run_seconds,
                    uint64_t from)
{
    static struct side sides[SIDES];
    const struct intake_options options = {.control = db};
    struct intake *intake = NULL;
    struct err err = {0};

    must(intake_new(ctx, &options, &intake, &err), &err);

    double begun = seconds(), cpu = clock_seconds(CLOCK_PROCESS_CPUTIME_ID);

    for (size_t i = 0; i < SIDES; i++) {
        struct side *side = &sides[i];

        *side = (struct side){.intake = intake,
                              .ctx = ctx,
                              .until = begun + run_seconds,
                              .client_count = clients / SIDES,
                              .waits = malloc(SAMPLES_MAX * sizeof(float))};
        (void)pthread_mutex_init(&side->lock, NULL);
        (void)pthread_cond_init(&side->answered, NULL);
        for (size_t c = 0; c < side->client_count; c++)
            side->clients[c] = (struct client){.side = side, .next = from + c * SIDES + i};
        (void)pthread_create(&side->thread, NULL, serve, side);
    }
    for (size_t i = 0; i < SIDES; i++)
        (void)pthread_join(sides[i].thread, NULL);
    print_waits(sides, clients, seconds() - begun, clock_seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu);
    intake_free(intake);
    for (size_t i = 0; i < SIDES; i++)
        free(sides[i].waits);
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
