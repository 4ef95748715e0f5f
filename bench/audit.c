/*
 * audit.c: what the audit trail costs.
 *
 *     bench-audit FOLDER [SIGN-INS] [THREADS] [SECONDS]
 *
 * Makes a data folder with an administrator, signs in SIGN-INS times (40) by password with all that
 * belongs to it, the audit trail included, and times the same lines of the trail by themselves just
 * after each; so what drifts on the machine drifts for both. Then one thread, and THREADS (16) of
 * them, write lines for SECONDS (2), each durable before the next. Prints one JSON object.
 */
#include <pthread.h>

#include "apps/apps.h"
#include "connect/administrator.h"
#include "connect/session.h"

#define SIGN_INS_MAX 1000
#define THREADS_MAX 256

static void must(enum err_class rc, const struct err *err)
{
    if (rc == ERR_OK)
        return;
    (void)fprintf(stderr, "bench-audit: %s\n", err->msg);
    exit(1);
}

static double seconds(void)
{
    struct timespec now;

    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int by_size(const void *a, const void *b)
{
    double left = *(const double *)a, right = *(const double *)b;

    return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
    qsort(values, count, sizeof(*values), by_size);
    return values[count / 2];
}

/* ---- Signing in ---- */

struct world {
    const struct ctx *ctx;
    struct store_pool *pool;
    struct passwords *passwords;
    struct sessions *sessions;
    struct data *data;
};

static const struct str password = {"a password for the benchmark", 28};

static void make_world(struct world *world, const char *dir)
{
    char link[SECRET_TEXT_BYTES + 1];
    struct err err = {0};

    must(vault_start(&err), &err);
    must(data_open(world->ctx, dir, &tenon_catalog, true, &world->data, &err), &err);
    must(store_pool_new(world->ctx, dir, &tenon_catalog, &world->pool, &err), &err);
    must(passwords_new(world->ctx, &world->passwords, &err), &err);
    must(sessions_new(world->ctx, world->pool, "", &world->sessions, &err), &err);
    must(administrator_link(world->data, link, &err), &err);
    must(administrator_set(world->data, world->passwords, str_from(link), password, &err), &err);
}

static double sign_in(const struct world *world)
{
    char cookie[SESSION_COOKIE_BYTES + 1];
    int64_t wait_ms = 0;
    struct err err = {0};
    double began = seconds();

    must(administrator_check(world->data, world->passwords, STR("127.0.0.1"), password, &wait_ms,
                             &err),
         &err);
    must(session_begin(world->sessions, "", "", cookie, &err), &err);
    return seconds() - began;
}

/* The two lines of a sign-in: the password's hash was opened, and it was right. */
static double write_lines(const struct world *world)
{
    struct err err = {0};
    double began = seconds();

    must(audit_write(world->data->audit, world->ctx,
                     &(struct audit_entry){.act = AUDIT_OPEN_SECRET,
                                           .record = "administrator",
                                           .field = "password",
                                           .row = 1,
                                           .version = 1,
                                           .why = "bench"},
                     &err),
         &err);
    must(audit_write(world->data->audit, world->ctx,
                     &(struct audit_entry){.act = AUDIT_SIGN_IN, .why = "bench"}, &err),
         &err);
    return seconds() - began;
}

/* ---- Many at once ---- */

struct writer {
    const struct world *world;
    double until;
    long count;
    pthread_t thread;
};

static void *write_until(void *arg)
{
    struct writer *writer = arg;

    while (seconds() < writer->until) {
        (void)write_lines(writer->world);
        writer->count += 2;
    }
    return NULL;
}

static double lines_per_second(const struct world *world, size_t threads, double for_s)
{
    static struct writer writers[THREADS_MAX];
    double until = seconds() + for_s;
    long count = 0;

    for (size_t i = 0; i < threads; i++) {
        writers[i] = (struct writer){.world = world, .until = until};
        if (pthread_create(&writers[i].thread, NULL, write_until, &writers[i]) != 0)
            exit(1);
    }
    for (size_t i = 0; i < threads; i++) {
        (void)pthread_join(writers[i].thread, NULL);
        count += writers[i].count;
    }
    return (double)count / for_s;
}

static int64_t number(int argc, char **argv, int at, int64_t otherwise, int64_t max)
{
    int64_t n = otherwise;

    if (argc > at && !parse_i64(str_from(argv[at]), 1, max, &n)) {
        (void)fprintf(stderr, "bench-audit: %s is no number from 1 to %lld\n", argv[at],
                      (long long)max);
        exit(64);
    }
    return n;
}

int main(int argc, char **argv)
{
    static double whole[SIGN_INS_MAX], trail[SIGN_INS_MAX], share[SIGN_INS_MAX];
    const struct ctx ctx = ctx_real(NULL);
    struct world world = {.ctx = &ctx};
    size_t sign_ins = (size_t)number(argc, argv, 2, 40, SIGN_INS_MAX);
    size_t threads = (size_t)number(argc, argv, 3, 16, THREADS_MAX);
    double for_s = (double)number(argc, argv, 4, 2, 600);

    if (argc < 2) {
        (void)fprintf(stderr, "bench-audit: name a folder that is not there yet\n");
        return 64;
    }
    make_world(&world, argv[1]);
    (void)sign_in(&world);
    for (size_t i = 0; i < sign_ins; i++) {
        whole[i] = sign_in(&world);
        trail[i] = write_lines(&world);
        share[i] = trail[i] / (whole[i] - trail[i]);
    }

    double one = lines_per_second(&world, 1, for_s),
           many = lines_per_second(&world, threads, for_s);

    printf("{\"sign_in_ms\":%.3f,\"trail_ms\":%.3f,\"overhead\":%.4f,\"lines_s_one\":%.0f,"
           "\"threads\":%zu,\"lines_s_many\":%.0f}\n",
           median(whole, sign_ins) * 1e3, median(trail, sign_ins) * 1e3, median(share, sign_ins),
           one, threads, many);
    sessions_free(world.sessions);
    passwords_free(world.passwords);
    store_pool_free(world.pool);
    data_close(world.data);
    return 0;
}
