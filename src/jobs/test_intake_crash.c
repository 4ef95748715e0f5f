/*
 * A process that takes jobs in is killed (kill -9) at any moment, twenty times over: every job that
 * it said was stored is in the queue.
 */
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/queue_world.h"
#include "jobs/intake.h"

#define KILLS 20
#define CLIENTS 16
#define TOLD_BEFORE_KILL 400 /* and up to so many more */

/* ---- the child: no assertions, their way out is the parent's ---- */

struct child {
    struct intake *intake;
    const struct ctx *ctx;
    int told_fd;
    uint32_t round, next; /* of the intake's thread, after the first */
};

static void hand_in_next(struct child *child);

/* A job that was handed in. What becomes of it is told to the parent at once. */
struct asked {
    struct child *child;
    uint32_t number;
};

static void on_done(void *arg, enum err_class rc)
{
    struct asked *asked = arg;
    struct child *child = asked->child;

    if (rc != ERR_OK || write(child->told_fd, &asked->number, sizeof(asked->number)) !=
                            (ssize_t)sizeof(asked->number))
        _exit(3);

    /* The first calls the others in: from then on there are always so many at once. */
    int more = asked->number == 0 ? CLIENTS : 1;

    free(asked);
    while (more-- > 0)
        hand_in_next(child);
}

static void hand_in_next(struct child *child)
{
    struct asked *asked = malloc(sizeof(*asked));
    char key[32];
    const struct job_order order = {"t1", "sync", key, ctx_now_ms(child->ctx), false};
    struct err err = {0};

    if (!asked)
        _exit(3);
    *asked = (struct asked){child, child->next++};
    (void)snprintf(key, sizeof(key), "%u-%u", child->round, asked->number);
    if (intake_add(child->intake, &order, on_done, asked, &err) != ERR_OK)
        _exit(3);
}

static void run_child(struct queue_world *world, int told_fd, uint32_t round)
{
    struct child child = {.ctx = world->ctx, .told_fd = told_fd, .round = round};
    struct db_options options = {.key = queue_key, .cache_kib = 1024};
    struct db *control = NULL;
    struct err err = {0};

    options.path = scratch_path(&world->scratch, "control.db");
    if (db_open(world->ctx, &options, &control, &err) != ERR_OK)
        _exit(3);

    const struct intake_options intake = {.control = control};

    if (intake_new(world->ctx, &intake, &child.intake, &err) != ERR_OK)
        _exit(3);
    hand_in_next(&child);
    pause();
}

/* ---- the parent ---- */

/* Reads what was told until the child is dead; it is killed at some moment after the first. */
static uint32_t kill_and_count(pid_t pid, int told_fd, uint64_t roll)
{
    uint32_t told = 0, number, kill_at = (uint32_t)(1 + roll % TOLD_BEFORE_KILL);
    int status = 0;

    while (read(told_fd, &number, sizeof(number)) == (ssize_t)sizeof(number)) {
        assert_int_equal(number, told);
        if (++told == kill_at)
            assert_int_equal(kill(pid, SIGKILL), 0);
    }
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
    assert_true(told >= kill_at);
    return told;
}

static bool is_stored(struct queue_world *world, uint32_t round, uint32_t number)
{
    char key[32];
    struct job job;

    (void)snprintf(key, sizeof(key), "%u-%u", round, number);
    return jobs_lease_this(world->db, world->ctx, "t1", "sync", key, &job, &world->err) == ERR_OK;
}

static void what_was_acknowledged_outlives_the_process(void **state)
{
    struct queue_world *world = queue_world_new();
    uint64_t lost = 0, all = 0;

    (void)state;
    for (uint32_t round = 0; round < KILLS; round++) {
        int told[2];

        /* No handle of SQLite's may be open across a fork. */
        db_close(world->db);
        assert_int_equal(pipe(told), 0);

        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            (void)close(told[0]);
            run_child(world, told[1], round);
            _exit(3);
        }
        (void)close(told[1]);

        uint32_t count = kill_and_count(pid, told[0], ctx_random_u64(world->ctx));

        (void)close(told[0]);
        world->db = queue_open(world);
        for (uint32_t i = 0; i < count; i++)
            lost += !is_stored(world, round, i);
        all += count;
    }
    assert_int_equal(lost, 0);
    assert_true(all >= KILLS);
    queue_ok(world, db_check_integrity(world->db, &world->err));
    queue_world_free(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_acknowledged_outlives_the_process),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
