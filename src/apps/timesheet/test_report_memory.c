/*
 * Out of memory, at every single allocation of the report columns and the engine: each scenario is
 * run with its first allocation failing, then its second, and so on until none fails. Each failure
 * must be told as one, change nothing and lose nothing: the same calls afterwards give the same
 * report.
 *
 * calloc and reallocarray, which that code allocates with, are replaced for this program.
 */
#include "apps/timesheet/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static long allocations_left = -1; /* the one after these fails, once; -1: none does */

void *calloc(size_t count, size_t size);
void *reallocarray(void *ptr, size_t count, size_t size);

static bool must_fail(void)
{
    if (allocations_left < 0)
        return false;
    return allocations_left-- == 0;
}

/* Through pointers that the compiler cannot see through: it would make malloc and memset a calloc.
 */
static void *(*volatile const plain_malloc)(size_t size) = malloc;
static void *(*volatile const plain_realloc)(void *ptr, size_t size) = realloc;

void *calloc(size_t count, size_t size)
{
    size_t bytes = 0;
    void *ptr = NULL;

    if (must_fail() || __builtin_mul_overflow(count, size, &bytes))
        return NULL;
    ptr = plain_malloc(bytes);
    return ptr ? memset(ptr, 0, bytes) : NULL;
}

void *reallocarray(void *ptr, size_t count, size_t size)
{
    size_t bytes = 0;

    if (must_fail() || __builtin_mul_overflow(count, size, &bytes))
        return NULL;
    return plain_realloc(ptr, bytes);
}

/* Repeats a call until it succeeds; what failed must have been memory, and at most once. */
static int failures;
#define PERSIST(call)                                                                              \
    do {                                                                                           \
        struct err err = {0};                                                                      \
        while ((call) != ERR_OK) {                                                                 \
            if (err.class != ERR_MEMORY)                                                           \
                fail_msg("%s: %s", #call, err.msg);                                                \
            failures++;                                                                            \
        }                                                                                          \
    } while (0)

static struct columns_row row_of(int64_t id, int64_t salt)
{
    return (struct columns_row){.id = id,
                                .started_ms = (id * 7919 + salt) % 5000 * 3600000,
                                .issue = (id + salt) % 700,
                                .person = id % 4,
                                .seconds = id};
}

static struct columns *build(void)
{
    struct columns *columns = NULL;
    char name[16];

    while (!(columns = columns_new(10)))
        failures++;
    for (int64_t ref = 1; ref <= 80; ref++) {
        snprintf(name, sizeof(name), "n%d", (int)(ref * 31 % 80));
        PERSIST(columns_person(columns, ref, str_from(name), &err));
        PERSIST(columns_tag(columns, ref, str_from(name), &err));
    }
    for (int64_t id = 0; id < 1500; id++) {
        struct columns_row row = row_of(id, 0);

        PERSIST(columns_add(columns, &row, &err));
        if (id % 5 == 0)
            PERSIST(columns_tag_worklog(columns, id, 1 + id % 80, &err));
    }
    PERSIST(columns_seal(columns, &err));
    return columns;
}

static void change(struct columns *columns)
{
    for (int64_t id = 1000; id < 4200; id++) {
        struct columns_row row = row_of(id, 5);

        if (id % 10 == 0)
            PERSIST(columns_remove(columns, id, &err));
        else
            PERSIST(columns_put(columns, &row, &err));
        if (id % 9 == 0)
            PERSIST(columns_tag_worklog(columns, id, 1 + id % 80, &err));
    }
    PERSIST(columns_settle(columns, &err));
}

static enum err_class collect(void *arg, struct str part, struct err *unused)
{
    (void)unused;
    strbuf_add_str(arg, part);
    return ERR_OK;
}

static void ask(struct columns *columns, const char *groups, struct strbuf *text)
{
    struct report_request request = {.zone = STR("Europe/Berlin")};
    struct report_proof proof = {0};
    struct report *report = NULL;

    PERSIST(report_parse_groups("groups", str_from(groups), &request, &err));
    PERSIST(report_add_account("account", STR("n31"), &request, &err));
    PERSIST(report_add_account("account", STR("n62"), &request, &err));
    for (int64_t issue = 0; issue < 100; issue++) {
        char id[16];

        snprintf(id, sizeof(id), "%d", (int)issue + 1);
        PERSIST(report_add_issue("issue", str_from(id), &request, &err));
    }
    PERSIST(report_run(columns, &request, &report, &err));
    PERSIST(report_write_json(report, &proof, NULL, collect, text, &err));
    report_free(report);
    report_request_done(&request);
}

/* The scenario with allocation number `nth` failing; false when it made fewer. */
static bool scenario(long nth, struct strbuf *text)
{
    struct columns *columns = NULL;
    bool reached = false;

    failures = 0;
    allocations_left = nth;
    columns = build();
    change(columns);
    ask(columns, "account,month", text);
    ask(columns, "issue,tag,day", text);
    ask(columns, "issue,account", text);
    reached = nth >= 0 && allocations_left < 0;
    allocations_left = -1;
    columns_free(columns);
    return reached;
}

static void running_out_of_memory_anywhere_is_told_and_loses_nothing(void **state)
{
    struct strbuf expected = STRBUF_INIT(10000000), text = STRBUF_INIT(10000000);
    long nth = 0;
    int untold = 0;

    (void)state;
    assert_false(scenario(-1, &expected));
    assert_true(expected.len > 10000);
    for (; scenario(nth, &text); nth++) {
        assert_true(str_eq(strbuf_str(&text), strbuf_str(&expected)));
        strbuf_reset(&text);
        assert_in_range(failures, 0, 1);
        untold += failures == 0;
    }
    assert_true(nth > 100);
    assert_int_equal(untold, 6); /* twice three lists of tags that would have been made smaller */
    strbuf_done(&expected);
    strbuf_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_anywhere_is_told_and_loses_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
