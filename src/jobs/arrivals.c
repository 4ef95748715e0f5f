/*
 * arrivals.c: what was handed in and has no place in the queue yet.
 *
 * Why: a job's row stands in a tree of names and in two indexes, and each page of them that a
 * transaction touches is encrypted anew. For a crowd of webhooks, whose senders wait, that is most
 * of the cost. So a group is first put down as it came: one row of job_arrival for the jobs of a
 * tenant and kind, always at the table's end, so mostly one page. It is durable then and can be
 * acknowledged. Later, when it is quiet or somebody wants a job, arrivals_settle gives each job its
 * place in the queue, where repeats join, and takes the row out in the same transaction: a job is
 * in one of the two, whatever dies when.
 *
 * job_line counts what has its place: so a group writes to one page. Who takes jobs in knows how
 * many at most have arrived, and there is room when that many more would fit. Whoever finds none
 * settles first, and then counts exactly: what arrived may be repeats, or other tenants' jobs.
 *
 * A job in `packed`: its key's length (seven bits) and `asked` (the highest), when it is due (eight
 * bytes, the lowest first), the key.
 */
#include "jobs/arrivals.h"

#include <assert.h>

#define ROW_JOBS 256
#define PACKED_HEAD 9
#define PACKED_BYTES ((size_t)ROW_JOBS * (PACKED_HEAD + JOB_KEY_BYTES))
#define PACKED_ASKED 0x80
#define SETTLE_JOBS 128     /* in one transaction, and the rest of a row: some milliseconds */
#define SETTLE_ROUNDS 16384 /* as many as a full queue has, and four times that */

static_assert(JOB_KEY_BYTES < PACKED_ASKED, "a key's length has seven bits");

static const struct field arrival_fields[] = {
    {"arrival", TYPE_INT, CLASS_ID, FIELD_KEY, "a number, in the order of arrival"},
    {"tenant", TYPE_TEXT, CLASS_ID, 0, "whose jobs they are"},
    {"kind", TYPE_TEXT, CLASS_META, 0, "what is to be done"},
    {"arrived", TYPE_TIME, CLASS_META, 0, "when they were asked for"},
    {"jobs", TYPE_INT, CLASS_META, 0, "how many they are"},
    {"packed", TYPE_BLOB, CLASS_ID, 0,
     "with what and when: for each job an identifier, never content, and its time"},
};

const struct record job_arrival_record = {
    .name = "job_arrival",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to acknowledge many jobs at once; they get their places in the queue moments later",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 3,
    RECORD_FIELDS(arrival_fields),
};

/* ---- taking in ---- */

void arrivals_start(struct arrivals *arrivals, struct db *control, const struct ctx *ctx,
                    int64_t before)
{
    arrivals->adding = (struct adding){.control = control, .ctx = ctx, .arrived = before};
    arrivals->row_count = 0;
}

void arrivals_done(struct arrivals *arrivals)
{
    for (size_t i = 0; i < ARRIVALS_ROWS; i++)
        strbuf_done(&arrivals->rows[i].packed);
}

static enum err_class write_row(struct arrivals *arrivals, const struct arrivals_row *row,
                                struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = strbuf_check(&row->packed, "jobs that arrived", err);

    if (rc == ERR_OK)
        rc = db_prepare(arrivals->adding.control,
                        SQL("INSERT INTO job_arrival (arrival, tenant, kind, arrived, jobs, packed)"
                            " VALUES ((SELECT coalesce(max(arrival), 0) + 1 FROM job_arrival),"
                            " $1, $2, $3, $4, $5)"),
                        &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(row->tenant));
    db_bind_text(stmt, 2, str_from(row->kind));
    db_bind_i64(stmt, 3, ctx_now_ms(arrivals->adding.ctx));
    db_bind_i64(stmt, 4, row->jobs);
    db_bind_blob(stmt, 5, strbuf_str(&row->packed));
    return db_run(stmt, err);
}

static enum err_class write_rows(struct arrivals *arrivals, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < arrivals->row_count && rc == ERR_OK; i++)
        rc = write_row(arrivals, &arrivals->rows[i], err);
    arrivals->row_count = 0;
    return rc;
}

static struct arrivals_row *begin_row(struct arrivals_row *row, const struct job_order *order)
{
    (void)snprintf(row->tenant, sizeof(row->tenant), "%s", order->tenant);
    (void)snprintf(row->kind, sizeof(row->kind), "%s", order->kind);
    row->jobs = 0;
    row->packed.max = PACKED_BYTES;
    strbuf_reset(&row->packed);
    return row;
}

/* The row of the tenant, so that its jobs keep their order; it is written out when it is full or of
 * another kind. */
static enum err_class find_row(struct arrivals *arrivals, const struct job_order *order,
                               struct arrivals_row **ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < arrivals->row_count; i++) {
        struct arrivals_row *row = &arrivals->rows[i];

        if (strcmp(row->tenant, order->tenant) != 0)
            continue;
        if (row->jobs == ROW_JOBS || strcmp(row->kind, order->kind) != 0) {
            rc = write_row(arrivals, row, err);
            begin_row(row, order);
        }
        *ret = row;
        return rc;
    }
    if (arrivals->row_count == ARRIVALS_ROWS)
        rc = write_rows(arrivals, err);
    if (rc == ERR_OK)
        *ret = begin_row(&arrivals->rows[arrivals->row_count++], order);
    return rc;
}

static void pack(struct strbuf *packed, const struct job_order *order)
{
    size_t len = strlen(order->key);
    unsigned char head[PACKED_HEAD] = {(unsigned char)(len | (order->asked ? PACKED_ASKED : 0))};

    for (size_t i = 0; i < 8; i++)
        head[1 + i] = (unsigned char)((uint64_t)order->due_ms >> (8 * i));
    strbuf_add(packed, head, sizeof(head));
    strbuf_add(packed, order->key, len);
}

enum err_class arrivals_add(struct arrivals *arrivals, const struct job_order *order,
                            bool *ret_fits, struct err *err)
{
    struct arrivals_row *row = NULL;
    struct line *line = NULL;
    struct err full = {0};
    enum err_class rc = line_open(&arrivals->adding, order->tenant, &line, err);

    if (rc != ERR_OK)
        return rc;
    *ret_fits = line_has_room(&arrivals->adding, order->tenant, line, &full) == ERR_OK;
    if (!*ret_fits)
        return ERR_OK;
    rc = find_row(arrivals, order, &row, err);
    if (rc != ERR_OK)
        return rc;
    pack(&row->packed, order);
    row->jobs++;
    arrivals->adding.arrived++;
    return ERR_OK;
}

enum err_class arrivals_finish(struct arrivals *arrivals, struct err *err)
{
    return write_rows(arrivals, err);
}

/* ---- settling ---- */

/* A row as it is read back. */
struct arrived {
    int64_t number;
    struct arrivals_row row;
};

static enum err_class read_first(struct db *control, struct adding *adding, struct arrived *ret,
                                 bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT arrival, tenant, kind, arrived, jobs, packed FROM job_arrival"
                       " ORDER BY arrival LIMIT 1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, ret_found, err);
    if (rc != ERR_OK || !*ret_found)
        return rc;
    ret->number = db_i64(stmt, 0);
    (void)snprintf(ret->row.tenant, sizeof(ret->row.tenant), STR_FMT, STR_ARG(db_text(stmt, 1)));
    (void)snprintf(ret->row.kind, sizeof(ret->row.kind), STR_FMT, STR_ARG(db_text(stmt, 2)));
    adding->arrived_ms = db_i64(stmt, 3);
    ret->row.jobs = db_i64(stmt, 4);
    strbuf_reset(&ret->row.packed);
    strbuf_add_str(&ret->row.packed, db_blob(stmt, 5));
    return strbuf_check(&ret->row.packed, "jobs that arrived", err);
}

static enum err_class take_out(struct db *control, int64_t number, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control, SQL("DELETE FROM job_arrival WHERE arrival = $1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, number);
    return db_run(stmt, err);
}

/* The next job of what is left; false: it is not packed as above. */
static bool unpack(struct str *left, char key[JOB_KEY_BYTES + 1], struct job_order *ret)
{
    const unsigned char *head = (const unsigned char *)left->ptr;
    uint64_t due = 0;

    if (left->len < PACKED_HEAD)
        return false;

    size_t len = head[0] & (PACKED_ASKED - 1U);

    if (len == 0 || len > left->len - PACKED_HEAD)
        return false;
    for (size_t i = 0; i < 8; i++)
        due |= (uint64_t)head[1 + i] << (8 * i);
    memcpy(key, left->ptr + PACKED_HEAD, len);
    key[len] = '\0';
    ret->key = key;
    ret->due_ms = (int64_t)due;
    ret->asked = (head[0] & PACKED_ASKED) != 0;
    *left = str_sub(*left, PACKED_HEAD + len, left->len);
    return true;
}

static enum err_class settle_row(struct adding *adding, const struct arrived *arrived,
                                 struct err *err)
{
    struct job_order order = {.tenant = arrived->row.tenant, .kind = arrived->row.kind};
    struct str left = strbuf_str(&arrived->row.packed);
    enum err_class rc = ERR_OK;

    for (int64_t i = 0; i < arrived->row.jobs && rc == ERR_OK; i++) {
        char key[JOB_KEY_BYTES + 1];
        bool joined = false;

        rc = unpack(&left, key, &order)
                 ? adding_add(adding, &order, &joined, err)
                 : err_set(err, ERR_CORRUPT,
                           "row %lld of job_arrival does not hold the %lld jobs that it counts; "
                           "run `tenon doctor`",
                           (long long)arrived->number, (long long)arrived->row.jobs);
    }
    return rc == ERR_OK ? take_out(adding->control, arrived->number, err) : rc;
}

enum err_class arrivals_settle(struct db *control, const struct ctx *ctx, bool *ret_more,
                               struct err *err)
{
    struct adding adding = {.control = control, .ctx = ctx, .is_settling = true};
    struct arrived arrived = {.row = {.packed = STRBUF_INIT(PACKED_BYTES)}};
    bool found = true;
    int64_t settled = 0;
    enum err_class rc = ERR_OK;

    while (rc == ERR_OK && found && settled < SETTLE_JOBS) {
        rc = read_first(control, &adding, &arrived, &found, err);
        if (rc == ERR_OK && found)
            rc = settle_row(&adding, &arrived, err);
        settled += arrived.row.jobs;
    }
    strbuf_done(&arrived.row.packed);
    if (rc == ERR_OK)
        rc = adding_finish(&adding, err);
    *ret_more = found;
    return rc;
}

enum err_class arrivals_begin(struct db *control, const struct ctx *ctx, struct err *err)
{
    bool more = true;

    /* Whoever hands in as fast as we settle is let wait: the last round goes on all the same. */
    for (unsigned round = 1;; round++) {
        enum err_class rc = db_begin(control, DB_WRITE, err);

        if (rc == ERR_OK)
            rc = arrivals_settle(control, ctx, &more, err);
        if (rc == ERR_OK && (!more || round == SETTLE_ROUNDS))
            return ERR_OK;
        rc = db_in_tx(control) ? db_end(control, rc, err) : rc;
        if (rc != ERR_OK)
            return rc;
    }
}

enum err_class arrivals_count(struct db *control, const char *tenant, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(control,
                                   SQL("SELECT coalesce(sum(jobs), 0) AS n FROM job_arrival WHERE"
                                       " $1 IS NULL OR tenant = $1"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

enum err_class arrivals_forget(struct db *control, const char *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control, SQL("DELETE FROM job_arrival WHERE tenant = $1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    return db_run(stmt, err);
}
