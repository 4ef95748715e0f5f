/*
 * Tests of the audit trail: what is written, what a reader makes of it after anything was done to
 * the files, and what happens when they cannot be written. The clock is the test's, the disk is
 * real but where it is told to be full.
 */
#include "vault/audit.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../tests/lib/store_world.h"
#include "base/civil.h"
#include "base/log.h"
#include "vault/audit_read.h"

#define TRAIL "audit/2026-01.log"

struct fixture {
    struct fake_ctx fake;
    struct scratch scratch;
    const struct ctx *ctx;
    struct audit *audit;
    struct disk_ops disk; /* the real one, but where a test says otherwise */
    int64_t room_bytes;   /* of the full disk: reserved; and no more */
    int64_t reserved_to;
    struct audit_report report;
    struct err err;
};

static int begin(void **state)
{
    struct fixture *fixture = calloc(1, sizeof(*fixture));

    assert_non_null(fixture);
    test_vault_start();
    fake_ctx_init(&fixture->fake, 5);
    scratch_begin(&fixture->scratch);
    fixture->disk = *fixture->fake.ctx.disk;
    fixture->fake.ctx.disk = &fixture->disk;
    fixture->ctx = &fixture->fake.ctx;
    assert_int_equal(audit_open(fixture->ctx, fixture->scratch.dir, &fixture->audit, &fixture->err),
                     ERR_OK);
    *state = fixture;
    return 0;
}

static int end(void **state)
{
    struct fixture *fixture = *state;

    audit_act_as(NULL);
    audit_close(fixture->audit);
    scratch_end(&fixture->scratch);
    fake_ctx_done(&fixture->fake);
    free(fixture);
    return 0;
}

static const char *trail(struct fixture *fixture)
{
    return scratch_path(&fixture->scratch, TRAIL);
}

/* Closed and opened, as a new process would. */
static void again(struct fixture *fixture)
{
    audit_close(fixture->audit);
    assert_int_equal(audit_open(fixture->ctx, fixture->scratch.dir, &fixture->audit, &fixture->err),
                     ERR_OK);
}

static enum err_class act(struct fixture *fixture, enum audit_act what, int64_t row)
{
    return audit_write(fixture->audit, fixture->ctx,
                       &(struct audit_entry){.act = what, .tenant = "t1", .row = row},
                       &fixture->err);
}

static void act_times(struct fixture *fixture, int times)
{
    for (int i = 0; i < times; i++)
        assert_int_equal(act(fixture, AUDIT_TOKEN_ADDED, 100 + i), ERR_OK);
}

/* How many faults there are. */
static size_t verify_with(struct fixture *fixture, const struct audit_anchor_seen *anchors,
                          size_t count)
{
    assert_int_equal(audit_verify(fixture->ctx, fixture->scratch.dir, anchors, count,
                                  &fixture->report, &fixture->err),
                     ERR_OK);
    return fixture->report.fault_count;
}

static size_t verify(struct fixture *fixture)
{
    return verify_with(fixture, NULL, 0);
}

static void assert_fault(struct fixture *fixture, size_t at, enum audit_fault_kind kind,
                         int64_t line)
{
    assert_true(fixture->report.fault_count > at);
    assert_int_equal(fixture->report.faults[at].kind, kind);
    assert_int_equal(fixture->report.faults[at].line, line);
}

/* The nth line of the file, from 1, with its newline. */
static struct str nth_line(struct str text, size_t n)
{
    struct str rest = text;

    for (;;) {
        size_t at = 0;

        assert_true(str_find(rest, '\n', &at));
        if (n-- == 1)
            return str_sub(rest, 0, at + 1);
        rest = str_sub(rest, at + 1, rest.len);
    }
}

/* ---- what is written ---- */

static int64_t number_of_person(void *arg)
{
    return *(const int64_t *)arg;
}

static void a_line_says_who_did_what_and_never_a_text(void **state)
{
    struct fixture *fixture = *state;
    int64_t person = 12;
    const struct audit_who who = {.by = AUDIT_BY_PERSON, .find = number_of_person, .arg = &person};
    static const unsigned char key[AUDIT_KEY_BYTES] = {0xab, 1};

    audit_act_as(&who);
    assert_int_equal(audit_write(fixture->audit, fixture->ctx,
                                 &(struct audit_entry){.act = AUDIT_WORKLOG_REMOVED,
                                                       .tenant = "t1",
                                                       .record = "worklog",
                                                       .field = "a \"text\"\nof a user",
                                                       .row = 77,
                                                       .key = key,
                                                       .why = "request",
                                                       .count = 3,
                                                       .result = ERR_DENIED},
                                 &fixture->err),
                     ERR_OK);
    audit_act_as(NULL);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);

    struct strbuf text = scratch_read(trail(fixture));

    assert_true(
        str_starts(nth_line(strbuf_str(&text), 1),
                   STR("{\"seq\":1,\"at\":\"2026-01-15T10:00:00.000Z\",\"act\":\"file_begun\","
                       "\"by\":\"program\",\"result\":\"ok\",\"prev\":\"0000")));
    assert_true(str_starts(
        nth_line(strbuf_str(&text), 2),
        STR("{\"seq\":2,\"at\":\"2026-01-15T10:00:00.000Z\",\"act\":\"worklog_removed\","
            "\"tenant\":\"t1\",\"by\":\"person\",\"who\":12,\"record\":\"worklog\",\"field\":\"?\","
            "\"row\":77,\"key\":\"ab010000000000000000000000000000\",\"why\":\"request\","
            "\"count\":3,\"result\":\"denied\",\"prev\":\"")));
    assert_non_null(memmem(text.ptr, text.len, "\"by\":\"program\",\"result\":\"ok\"", 28));
    assert_int_equal(scratch_mode(trail(fixture)), 0600);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.lines, 3);
    strbuf_done(&text);
}

static void a_new_process_goes_on_with_the_chain(void **state)
{
    struct fixture *fixture = *state;

    for (int i = 0; i < 4; i++) {
        act_times(fixture, 2);
        again(fixture);
    }
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.lines, 9);
    assert_int_equal(fixture->report.last_seq, 9);
}

static enum err_class count_row(void *arg, const struct audit_row *row, struct err *err)
{
    int *count = arg;

    (void)err;
    assert_true(row->seq > 0);
    ++*count;
    return ERR_OK;
}

static void rows_are_listed_by_tenant_act_and_time(void **state)
{
    struct fixture *fixture = *state;
    AUTO(arena_free_autop) struct arena *arena = arena_new(1 << 20);
    struct audit_row *rows = NULL;
    int64_t hidden = 0;
    size_t got = 0;
    int count = 0;

    act_times(fixture, 3);
    fake_ctx_advance(&fixture->fake, 40 * MS_PER_DAY);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 5), ERR_OK);
    const struct audit_filter tokens = {.acts = AUDIT_BIT(AUDIT_TOKEN_ADDED), .tenant = STR("t1")};
    const struct audit_filter late = {.from_ms = FAKE_NOW_MS + MS_PER_DAY};
    const struct audit_filter nobody = {.tenant = STR("t2")};

    assert_int_equal(
        audit_each(fixture->ctx, fixture->scratch.dir, &tokens, count_row, &count, &fixture->err),
        ERR_OK);
    assert_int_equal(count, 3);
    count = 0;
    assert_int_equal(
        audit_each(fixture->ctx, fixture->scratch.dir, &late, count_row, &count, &fixture->err),
        ERR_OK);
    assert_int_equal(count, 2); /* the new file's first line, and the sign-in */
    count = 0;
    assert_int_equal(
        audit_each(fixture->ctx, fixture->scratch.dir, &nobody, count_row, &count, &fixture->err),
        ERR_OK);
    assert_int_equal(count, 0);

    /* In pages of two, newest first, over both files. */
    struct audit_filter page = {.tenant = STR("t1")};
    static const int64_t wanted[] = {6, 4, 3, 2};

    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(audit_page(fixture->ctx, fixture->scratch.dir, &page, arena, 2, &rows,
                                    &got, &hidden, &fixture->err),
                         ERR_OK);
        assert_int_equal(got, 2);
        assert_int_equal(rows[0].seq, wanted[2 * i]);
        assert_int_equal(rows[1].seq, wanted[2 * i + 1]);
        page.before_seq = rows[1].seq;
    }
    assert_int_equal(audit_page(fixture->ctx, fixture->scratch.dir, &page, arena, 2, &rows, &got,
                                &hidden, &fixture->err),
                     ERR_OK);
    assert_int_equal(got, 0);
}

static void a_page_tells_how_many_lines_it_leaves_out(void **state)
{
    struct fixture *fixture = *state;
    AUTO(arena_free_autop) struct arena *arena = arena_new(1 << 20);
    struct audit_filter filter = {.tenant = STR("t1"), .left_out = AUDIT_BIT(AUDIT_OPEN_SECRET)};
    struct audit_row *rows = NULL;
    int64_t hidden = -1;
    size_t got = 0;
    /* Number 1 begins the first file, 8 the second. */
    static const enum audit_act first[] = {AUDIT_OPEN_SECRET, AUDIT_SIGN_IN,     AUDIT_OPEN_SECRET,
                                           AUDIT_OPEN_SECRET, AUDIT_TOKEN_ADDED, AUDIT_OPEN_SECRET};
    static const enum audit_act second[] = {AUDIT_OPEN_SECRET, AUDIT_SIGN_IN, AUDIT_OPEN_SECRET};

    for (size_t i = 0; i < ARRAY_LEN(first); i++)
        assert_int_equal(act(fixture, first[i], 1), ERR_OK);
    fake_ctx_advance(&fixture->fake, 40 * MS_PER_DAY);
    for (size_t i = 0; i < ARRAY_LEN(second); i++)
        assert_int_equal(act(fixture, second[i], 1), ERR_OK);

    assert_int_equal(audit_page(fixture->ctx, fixture->scratch.dir, &filter, arena, 2, &rows, &got,
                                &hidden, &fixture->err),
                     ERR_OK);
    assert_int_equal(got, 2);
    assert_int_equal(rows[1].seq, 6);
    assert_int_equal(hidden, 3); /* 7, 9 and 11; the older ones are of the next page */
    filter.before_seq = rows[1].seq;
    assert_int_equal(audit_page(fixture->ctx, fixture->scratch.dir, &filter, arena, 2, &rows, &got,
                                &hidden, &fixture->err),
                     ERR_OK);
    assert_int_equal(got, 1);
    assert_int_equal(rows[0].seq, 3);
    assert_int_equal(hidden, 3); /* there is no page after it: 2 as well as 4 and 5 */

    filter = (struct audit_filter){.acts = AUDIT_BIT(AUDIT_SIGN_IN),
                                   .left_out = AUDIT_BIT(AUDIT_OPEN_SECRET)};
    assert_int_equal(audit_page(fixture->ctx, fixture->scratch.dir, &filter, arena, 9, &rows, &got,
                                &hidden, &fixture->err),
                     ERR_OK);
    assert_int_equal(got, 2);
    assert_int_equal(hidden, 0); /* they were not asked for */
}

static void rows_are_listed_by_several_acts_and_by_who(void **state)
{
    struct fixture *fixture = *state;
    const struct audit_who person = {.by = AUDIT_BY_PERSON, .number = 7};
    const struct audit_who other = {.by = AUDIT_BY_PERSON, .number = 8};
    const struct audit_who operator= {.by = AUDIT_BY_OPERATOR, .number = 7};
    const struct audit_who *const who[] = {&person, &other, &operator};
    static const struct {
        struct audit_filter filter;
        int rows;
    } cases[] = {
        {{.acts = AUDIT_BIT(AUDIT_SIGN_IN) | AUDIT_BIT(AUDIT_EXPORTED)}, 6},
        {{.acts = AUDIT_BIT(AUDIT_SIGN_IN), .by = AUDIT_BIT(AUDIT_BY_PERSON)}, 2},
        {{.by = AUDIT_BIT(AUDIT_BY_PERSON), .who = 7}, 3},
        {{.by = AUDIT_BIT(AUDIT_BY_PERSON) | AUDIT_BIT(AUDIT_BY_OPERATOR), .who = 7}, 6},
        {{.by = AUDIT_BIT(AUDIT_BY_ADMIN)}, 0},
        {{.left_out = AUDIT_BIT(AUDIT_SIGN_IN), .who = 8}, 2},
    };

    for (size_t i = 0; i < ARRAY_LEN(who); i++) {
        audit_act_as(who[i]);
        assert_int_equal(act(fixture, AUDIT_SIGN_IN, 1), ERR_OK);
        assert_int_equal(act(fixture, AUDIT_EXPORTED, 1), ERR_OK);
        assert_int_equal(act(fixture, AUDIT_TOKEN_ADDED, 1), ERR_OK);
    }
    audit_act_as(NULL);
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        int count = 0;

        assert_int_equal(audit_each(fixture->ctx, fixture->scratch.dir, &cases[i].filter, count_row,
                                    &count, &fixture->err),
                         ERR_OK);
        assert_int_equal(count, cases[i].rows);
    }
}

/* ---- what was done to the files ---- */

static void each_byte_that_was_flipped_is_found_and_its_line_named(void **state)
{
    struct fixture *fixture = *state;
    int64_t line = 1;

    act_times(fixture, 3);

    struct strbuf text = scratch_read(trail(fixture));

    for (size_t i = 0; i < text.len; i++) {
        bool named = false;

        scratch_flip(trail(fixture), (off_t)i);
        assert_true(verify(fixture) > 0);
        for (size_t k = 0; k < fixture->report.fault_count; k++)
            named = named || (fixture->report.faults[k].line == line &&
                              strcmp(fixture->report.faults[k].file, "2026-01.log") == 0);
        assert_true(named);
        scratch_flip(trail(fixture), (off_t)i);
        line += text.ptr[i] == '\n';
    }
    assert_int_equal(verify(fixture), 0);
    strbuf_done(&text);
}

/* The file anew, of the lines with these numbers; 0 ends. */
static void rewrite(struct fixture *fixture, struct str text, const size_t *numbers)
{
    struct strbuf out = STRBUF_INIT(1 << 20);

    for (; *numbers; numbers++)
        strbuf_add_str(&out, nth_line(text, *numbers));
    scratch_write(trail(fixture), strbuf_str(&out));
    strbuf_done(&out);
}

static void removed_moved_and_repeated_lines_are_told_apart(void **state)
{
    struct fixture *fixture = *state;

    act_times(fixture, 5);

    struct strbuf text = scratch_read(trail(fixture));

    rewrite(fixture, strbuf_str(&text), (const size_t[]){1, 2, 5, 6, 0});
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_REMOVED, 3);
    assert_int_equal(fixture->report.faults[0].seq_from, 3);
    assert_int_equal(fixture->report.faults[0].seq_to, 4);

    rewrite(fixture, strbuf_str(&text), (const size_t[]){1, 2, 4, 3, 5, 6, 0});
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_REORDERED, 4);
    assert_int_equal(fixture->report.faults[0].seq_from, 3);

    rewrite(fixture, strbuf_str(&text), (const size_t[]){1, 2, 3, 2, 4, 5, 6, 0});
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_INSERTED, 4);

    rewrite(fixture, strbuf_str(&text), (const size_t[]){3, 4, 5, 6, 0});
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_REMOVED, 0);
    assert_int_equal(fixture->report.faults[0].seq_to, 2);
    strbuf_done(&text);
}

/* A line that somebody made, with number and chain as they like. */
static void forge(struct strbuf *buf, int64_t seq, struct audit_hash prev, struct audit_hash *ret)
{
    *ret = prev;
    audit_line_put(buf, seq, FAKE_NOW_MS,
                   STR("{\"act\":\"sign_in\",\"by\":\"admin\",\"result\":\"ok\"}"), ret);
}

static void a_line_that_was_made_with_a_right_hash_is_found(void **state)
{
    struct fixture *fixture = *state;
    struct strbuf out = STRBUF_INIT(1 << 20);
    struct audit_line second = {.seq = 0};
    struct audit_hash hash;

    act_times(fixture, 4);

    struct strbuf text = scratch_read(trail(fixture));
    struct str line = nth_line(strbuf_str(&text), 2);

    assert_true(audit_line_read(str_sub(line, 0, line.len - 1), &second));

    /* Instead of line 3. */
    strbuf_add_str(&out, nth_line(strbuf_str(&text), 1));
    strbuf_add_str(&out, line);
    forge(&out, 3, second.hash, &hash);
    strbuf_add_str(&out, nth_line(strbuf_str(&text), 4));
    strbuf_add_str(&out, nth_line(strbuf_str(&text), 5));
    scratch_write(trail(fixture), strbuf_str(&out));
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_CHANGED, 3);

    /* Between lines 2 and 3. */
    strbuf_reset(&out);
    strbuf_add_str(&out, nth_line(strbuf_str(&text), 1));
    strbuf_add_str(&out, line);
    forge(&out, 3, second.hash, &hash);
    for (size_t i = 3; i <= 5; i++)
        strbuf_add_str(&out, nth_line(strbuf_str(&text), i));
    scratch_write(trail(fixture), strbuf_str(&out));
    assert_true(verify(fixture) > 0);
    assert_fault(fixture, 0, AUDIT_INSERTED, 4); /* one of the two with that number */

    /* A text that is no line, between 2 and 3. */
    strbuf_reset(&out);
    strbuf_add_str(&out, nth_line(strbuf_str(&text), 1));
    strbuf_add_str(&out, line);
    strbuf_add_z(&out, "anything\n");
    for (size_t i = 3; i <= 5; i++)
        strbuf_add_str(&out, nth_line(strbuf_str(&text), i));
    scratch_write(trail(fixture), strbuf_str(&out));
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_INSERTED, 3);
    strbuf_done(&text);
    strbuf_done(&out);
}

static void the_log_s_anchors_show_a_cut_end_and_a_chain_computed_anew(void **state)
{
    struct fixture *fixture = *state;
    struct audit_anchor_seen anchor = {.seq = 0};

    act_times(fixture, 4);
    assert_int_equal(verify(fixture), 0);
    anchor.seq = fixture->report.last_seq;
    anchor.hash = fixture->report.head;
    assert_int_equal(verify_with(fixture, &anchor, 1), 0);
    assert_int_equal(fixture->report.anchors, 1);

    struct strbuf text = scratch_read(trail(fixture));

    rewrite(fixture, strbuf_str(&text), (const size_t[]){1, 2, 3, 0});
    assert_int_equal(verify(fixture), 0); /* nothing in the file can show it */
    assert_int_equal(verify_with(fixture, &anchor, 1), 1);
    assert_fault(fixture, 0, AUDIT_TRUNCATED, 0);
    assert_int_equal(fixture->report.faults[0].seq_from, 4);
    assert_int_equal(fixture->report.faults[0].seq_to, 5);

    again(fixture); /* two acts more: a chain that is whole, and not the one that was */
    fake_ctx_advance(&fixture->fake, 1);
    act_times(fixture, 2);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(verify_with(fixture, &anchor, 1), 1);
    assert_fault(fixture, 0, AUDIT_CHANGED, 5);
    strbuf_done(&text);
}

static void a_torn_last_line_is_closed_by_one_that_says_so(void **state)
{
    struct fixture *fixture = *state;

    act_times(fixture, 3);

    struct strbuf text = scratch_read(trail(fixture));
    size_t whole = text.len - nth_line(strbuf_str(&text), 4).len;

    /* Wherever in its last line the process was killed. */
    for (size_t cut = whole + 1; cut < text.len; cut += 7) {
        scratch_write(trail(fixture), str_sub(strbuf_str(&text), 0, cut));
        again(fixture);
        assert_int_equal(verify(fixture), 1);
        assert_fault(fixture, 0, AUDIT_UNFINISHED, 4);
        assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);
        assert_int_equal(verify(fixture), 0);
        assert_int_equal(fixture->report.closed, 1);
        assert_int_equal(fixture->report.lines, 5);

        /* What was closed cannot be changed afterwards either. */
        scratch_flip(trail(fixture), (off_t)whole);
        assert_true(verify(fixture) > 0);
        assert_fault(fixture, 0, AUDIT_CHANGED, 4);
    }
    strbuf_done(&text);
}

static void a_damaged_last_line_stops_nothing_and_is_told_for_ever(void **state)
{
    struct fixture *fixture = *state;

    act_times(fixture, 3);

    struct strbuf text = scratch_read(trail(fixture));

    scratch_flip(trail(fixture), (off_t)(text.len - 100));
    again(fixture);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);
    assert_true(verify(fixture) > 0);
    assert_fault(fixture, 0, AUDIT_CHANGED, 4);
    assert_int_equal(fixture->report.closed, 0);
    strbuf_done(&text);
}

static void nothing_is_done_once_the_file_was_cut_or_removed_behind_our_back(void **state)
{
    struct fixture *fixture = *state;

    act_times(fixture, 3);

    struct strbuf text = scratch_read(trail(fixture));

    rewrite(fixture, strbuf_str(&text), (const size_t[]){1, 2, 0});
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_CORRUPT);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_CORRUPT);
    again(fixture);
    act_times(fixture, 1);
    assert_int_equal(unlink(trail(fixture)), 0);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_CORRUPT);
    assert_non_null(strstr(fixture->err.msg, "2026-01.log was removed"));
    strbuf_done(&text);
}

/* ---- months ---- */

static void a_month_has_its_file_and_old_ones_go(void **state)
{
    struct fixture *fixture = *state;
    size_t gone = 0;

    for (int month = 0; month < 6; month++) { /* January to June */
        act_times(fixture, 2);
        fake_ctx_advance(&fixture->fake, 30 * MS_PER_DAY);
    }
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.files, 6);

    /* July 14: what ended more than 90 days ago are January to March. */
    assert_int_equal(audit_sweep(fixture->audit, fixture->ctx, 90, &gone, &fixture->err), ERR_OK);
    assert_int_equal(gone, 3);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.first_seq, 10);
    assert_false(scratch_exists(scratch_path(&fixture->scratch, "audit/2026-03.log")));
    assert_int_equal(audit_sweep(fixture->audit, fixture->ctx, 90, &gone, &fixture->err), ERR_OK);
    assert_int_equal(gone, 0);

    /* What somebody else takes away is missing. */
    assert_int_equal(unlink(scratch_path(&fixture->scratch, "audit/2026-04.log")), 0);
    assert_int_equal(verify(fixture), 1);
    assert_fault(fixture, 0, AUDIT_REMOVED, 0);
    assert_int_equal(unlink(scratch_path(&fixture->scratch, "audit/2026-06.log")), 0);
    assert_int_equal(verify(fixture), 2);
    assert_fault(fixture, 0, AUDIT_REMOVED, 1);
    assert_string_equal(fixture->report.faults[0].file, "2026-07.log");
}

static void the_head_goes_into_the_log_once_a_day(void **state)
{
    struct fixture *fixture = *state;
    char text[8192] = {0}, wanted[200];
    int fd = memfd_create("log", MFD_CLOEXEC);
    int anchors = 0;

    assert_true(fd >= 0);
    fixture->fake.ctx.log = log_new(fd, LOG_WARN);
    audit_anchor(fixture->audit, fixture->ctx); /* there is no head yet */
    act_times(fixture, 3);
    fake_ctx_advance(&fixture->fake, MS_PER_DAY);
    audit_anchor(fixture->audit, fixture->ctx);
    audit_anchor(fixture->audit, fixture->ctx);
    assert_int_equal(verify(fixture), 0);
    assert_true(pread(fd, text, sizeof(text) - 1, 0) > 0);
    for (const char *at = text; (at = strstr(at, "\"event\":\"audit_anchor\"")) != NULL; at++)
        anchors++;
    assert_int_equal(anchors, 2);
    (void)snprintf(wanted, sizeof(wanted), "\"seq\":4,\"hash\":\"%s\",\"file\":\"2026-01.log\"",
                   fixture->report.head.hex);
    assert_non_null(strstr(text, wanted));
    log_free(fixture->fake.ctx.log);
    fixture->fake.ctx.log = NULL;
    (void)close(fd);
}

/* ---- a disk that is full ---- */

static enum err_class full_reserve(void *self, const struct disk_file *file, int64_t from,
                                   int64_t bytes, struct err *err)
{
    struct fixture *fixture = self;

    (void)file;
    if (from + bytes > fixture->room_bytes)
        return err_set(err, ERR_SPACE, "no room to reserve");
    fixture->reserved_to = from + bytes;
    return ERR_OK;
}

static enum err_class full_append(void *self, const struct disk_file *file, int64_t at,
                                  struct str bytes, struct err *err)
{
    const struct fixture *fixture = self;

    if (at + (int64_t)bytes.len > fixture->reserved_to)
        return err_set(err, ERR_SPACE, "no room");
    return disk_real.file_append(NULL, file, at, bytes, err);
}

static void a_full_disk_is_felt_only_when_what_was_reserved_is_used_up(void **state)
{
    struct fixture *fixture = *state;
    int written = 0;

    fixture->disk.file_reserve = full_reserve;
    fixture->disk.file_append = full_append;
    fixture->fake.ctx.disk_self = fixture;
    fixture->room_bytes = INT64_MAX;
    act_times(fixture, 1);
    fixture->room_bytes = 0; /* from now on the disk is full */
    fixture->disk.file_append = full_append;

    /* Into the next month as well: a new file has no room, the old one's reserve goes on. */
    while (act(fixture, AUDIT_SIGN_IN, 0) == ERR_OK) {
        written++;
        if (written == 100)
            fake_ctx_advance(&fixture->fake, 30 * MS_PER_DAY);
        if (written % 500 == 0)
            again(fixture);
    }
    assert_int_equal(fixture->err.class, ERR_SPACE);
    assert_non_null(strstr(fixture->err.msg, "2026-01.log"));
    assert_true(written > 10000);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_SPACE);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.files, 1);
    assert_int_equal(fixture->report.lines, written + 2);

    fixture->room_bytes = INT64_MAX; /* somebody made room */
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.files, 2);
}

static enum err_class half_append(void *self, const struct disk_file *file, int64_t at,
                                  struct str bytes, struct err *err)
{
    /* The worst case that the header allows: something is behind the end, and an error. */
    (void)self;
    if (disk_real.file_append(NULL, file, at, str_sub(bytes, 0, bytes.len / 2), err) != ERR_OK)
        return err->class;
    return err_set(err, ERR_DISK, "the disk is gone");
}

static void a_write_that_failed_half_way_is_refused_and_closed_later(void **state)
{
    struct fixture *fixture = *state;

    act_times(fixture, 2);
    fixture->disk.file_append = half_append;
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_DISK);
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_DISK);
    fixture->disk.file_append = disk_real.file_append;
    assert_int_equal(act(fixture, AUDIT_SIGN_IN, 0), ERR_OK);
    assert_int_equal(verify(fixture), 0);
    assert_true(fixture->report.closed > 0);
}

/* ---- many at once ---- */

#define WRITERS 4
#define LINES_EACH 200

static void *write_many(void *arg)
{
    struct fixture *fixture = arg;
    intptr_t failed = 0;

    for (int i = 0; i < LINES_EACH; i++) {
        struct err err = {0};

        failed += audit_write(fixture->audit, fixture->ctx,
                              &(struct audit_entry){.act = AUDIT_OPEN_SECRET, .row = i + 1},
                              &err) != ERR_OK;
    }
    return (void *)failed;
}

static intptr_t write_from_threads(struct fixture *fixture)
{
    pthread_t threads[WRITERS];
    intptr_t failed = 0;

    for (size_t i = 0; i < WRITERS; i++)
        if (pthread_create(&threads[i], NULL, write_many, fixture) != 0)
            return -1;
    for (size_t i = 0; i < WRITERS; i++) {
        void *result = NULL;

        (void)pthread_join(threads[i], &result);
        failed += (intptr_t)result;
    }
    return failed;
}

static void threads_of_two_processes_make_one_chain(void **state)
{
    struct fixture *fixture = *state;
    int status = 0;
    pid_t child = fork();

    assert_true(child >= 0);
    if (child == 0)
        _exit(write_from_threads(fixture) == 0 ? 0 : 1);
    assert_int_equal(write_from_threads(fixture), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(verify(fixture), 0);
    assert_int_equal(fixture->report.lines, 2 * WRITERS * LINES_EACH + 1);
}

#define KILLS 20

/* Writes until it is killed, and tells each number that is durable. */
static void write_until_killed(struct fixture *fixture, int told_fd, int64_t from)
{
    for (int64_t row = from;; row++) {
        struct err err = {0};

        if (audit_write(fixture->audit, fixture->ctx,
                        &(struct audit_entry){.act = AUDIT_SIGN_IN, .row = row}, &err) != ERR_OK ||
            write(told_fd, &row, sizeof(row)) != (ssize_t)sizeof(row))
            _exit(3);
    }
}

static void whatever_was_told_as_written_is_there_after_kill_9(void **state)
{
    struct fixture *fixture = *state;
    int64_t told = 0, row = 0;
    int count = 0;

    for (int round = 0; round < KILLS; round++) {
        int fds[2], status = 0;

        assert_int_equal(pipe(fds), 0);

        pid_t child = fork();

        assert_true(child >= 0);
        if (child == 0)
            write_until_killed(fixture, fds[1], told + 1);
        (void)close(fds[1]);
        for (int i = 0; i < 3 + round * 7 % 11; i++)
            assert_int_equal(read(fds[0], &told, sizeof(told)), sizeof(told));
        assert_int_equal(kill(child, SIGKILL), 0);
        while (read(fds[0], &row, sizeof(row)) == (ssize_t)sizeof(row))
            told = row;
        (void)close(fds[0]);
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_int_equal(WTERMSIG(status), SIGKILL);
    }
    assert_int_equal(act(fixture, AUDIT_TOKEN_ADDED, 1), ERR_OK); /* closes what is torn */
    assert_int_equal(verify(fixture), 0);

    const struct audit_filter all = {.acts = AUDIT_BIT(AUDIT_SIGN_IN)};

    assert_int_equal(
        audit_each(fixture->ctx, fixture->scratch.dir, &all, count_row, &count, &fixture->err),
        ERR_OK);
    assert_true(count >= told); /* some were written and not yet told */
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_line_says_who_did_what_and_never_a_text),
        TEST(a_new_process_goes_on_with_the_chain),
        TEST(rows_are_listed_by_tenant_act_and_time),
        TEST(a_page_tells_how_many_lines_it_leaves_out),
        TEST(rows_are_listed_by_several_acts_and_by_who),
        TEST(each_byte_that_was_flipped_is_found_and_its_line_named),
        TEST(removed_moved_and_repeated_lines_are_told_apart),
        TEST(a_line_that_was_made_with_a_right_hash_is_found),
        TEST(the_log_s_anchors_show_a_cut_end_and_a_chain_computed_anew),
        TEST(a_torn_last_line_is_closed_by_one_that_says_so),
        TEST(a_damaged_last_line_stops_nothing_and_is_told_for_ever),
        TEST(nothing_is_done_once_the_file_was_cut_or_removed_behind_our_back),
        TEST(a_month_has_its_file_and_old_ones_go),
        TEST(the_head_goes_into_the_log_once_a_day),
        TEST(a_full_disk_is_felt_only_when_what_was_reserved_is_used_up),
        TEST(a_write_that_failed_half_way_is_refused_and_closed_later),
        TEST(threads_of_two_processes_make_one_chain),
        TEST(whatever_was_told_as_written_is_there_after_kill_9),
    };

    return cmocka_run_group_tests_name("audit", tests, NULL, NULL);
}
