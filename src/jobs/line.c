/*
 * line.c: the order in which due jobs are taken, and how many there are.
 *
 * Tenants take turns, so that one tenant's thousand jobs do not hold up another's one. A job whose
 * time has come gets a number, its turn: one more than the tenant's job before it, and not less
 * than the round that is being served; the lowest number goes first. So each tenant has at most one
 * job in a round, and one that comes anew joins the present round (start-time fair queuing, Goyal,
 * Vin, Cheng 1996, with all jobs of one size). Numbers are given once and never changed: taking the
 * first is one look at the index (kind, turn) for each kind.
 *
 * The record job_line has a row for each tenant with jobs (the last number it got, how many jobs)
 * and one, EVERYBODY, for the whole queue (the round, the sum). What has arrived and has no place
 * yet (arrivals.c) is not among them. A database of catalogue 1 has none: they are counted when
 * they are first needed.
 */
#include "jobs/row.h"

#define EVERYBODY "*" /* no tenant's id */

static const struct field line_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "whose jobs; * stands for all of them"},
    {"turn", TYPE_INT, CLASS_META, 0, "the place in line that was given out last"},
    {"jobs", TYPE_INT, CLASS_META, 0, "how many jobs are in the queue"},
};

const struct record job_line_record = {
    .name = "job_line",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to let tenants take turns, and to know when the queue is full",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 2,
    RECORD_FIELDS(line_fields),
};

/* ---- how many there are ---- */

static enum err_class count_all(struct db *control, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *each = NULL;
    AUTO(db_finish_autop) struct db_stmt *all = NULL;
    enum err_class rc = db_prepare(control,
                                   SQL("INSERT INTO job_line (tenant, turn, jobs)"
                                       " SELECT tenant, 0, count(*) FROM job GROUP BY tenant"),
                                   &each, err);

    if (rc == ERR_OK)
        rc = db_prepare(control,
                        SQL("INSERT INTO job_line (tenant, turn, jobs)"
                            " SELECT '" EVERYBODY "', 0, count(*) FROM job"),
                        &all, err);
    if (rc == ERR_OK)
        rc = db_run(each, err);
    return rc == ERR_OK ? db_run(all, err) : rc;
}

/* Both rows at once; *ret_there: the queue has been counted. */
static enum err_class read_lines(struct db *control, const char *tenant, struct line *ret_all,
                                 struct line *ret_of, bool *ret_there, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT tenant, turn, jobs FROM job_line WHERE tenant IN ('" EVERYBODY
                       "', $1) ORDER BY tenant LIMIT 2"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    *ret_all = *ret_of = (struct line){0};
    *ret_there = false;
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        bool of_all = str_eq_z(db_text(stmt, 0), EVERYBODY);

        *(of_all ? ret_all : ret_of) = (struct line){db_i64(stmt, 1), db_i64(stmt, 2)};
        *ret_there = *ret_there || of_all;
    }
    return rc;
}

static enum err_class read_counted(struct db *control, const char *tenant, struct line *ret_all,
                                   struct line *ret_of, struct err *err)
{
    bool there = false;
    enum err_class rc = read_lines(control, tenant, ret_all, ret_of, &there, err);

    if (rc != ERR_OK || there)
        return rc;
    rc = count_all(control, err);
    return rc == ERR_OK ? read_lines(control, tenant, ret_all, ret_of, &there, err) : rc;
}

static enum err_class write_line(struct db *control, const char *tenant, const struct line *line,
                                 struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("INSERT INTO job_line (tenant, turn, jobs) VALUES ($1, $2, $3)"
                       " ON CONFLICT (tenant) DO UPDATE SET turn = $2, jobs = $3"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    db_bind_i64(stmt, 2, line->turn);
    db_bind_i64(stmt, 3, line->jobs);
    return db_run(stmt, err);
}

/* ---- while jobs are added ---- */

enum err_class adding_finish(struct adding *adding, struct err *err)
{
    enum err_class rc = ERR_OK;

    /* A group that only joined writes nothing at all. */
    for (size_t i = 0; i < adding->tenants && rc == ERR_OK && adding->changed; i++)
        if (adding->tenant[i].line.jobs > 0)
            rc = write_line(adding->control, adding->tenant[i].id, &adding->tenant[i].line, err);
    if (rc == ERR_OK && adding->changed)
        rc = write_line(adding->control, EVERYBODY, &adding->all, err);
    adding->tenants = 0;
    adding->is_open = adding->changed = false;
    return rc;
}

enum err_class line_open(struct adding *adding, const char *tenant, struct line **ret,
                         struct err *err)
{
    struct line all = {0}, of = {0};
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < adding->tenants; i++)
        if (strcmp(adding->tenant[i].id, tenant) == 0) {
            *ret = &adding->tenant[i].line;
            return ERR_OK;
        }
    if (adding->tenants == ADDING_TENANTS)
        rc = adding_finish(adding, err); /* written back; they can be read again */
    if (rc == ERR_OK)
        rc = read_counted(adding->control, tenant, &all, &of, err);
    if (rc != ERR_OK)
        return rc;
    if (!adding->is_open)
        adding->all = all;
    adding->is_open = true;
    (void)snprintf(adding->tenant[adding->tenants].id, JOB_TENANT_BYTES + 1, "%s", tenant);
    adding->tenant[adding->tenants].line = of;
    *ret = &adding->tenant[adding->tenants++].line;
    return ERR_OK;
}

enum err_class line_has_room(const struct adding *adding, const char *tenant,
                             const struct line *line, struct err *err)
{
    if (adding->all.jobs + adding->arrived >= LIMIT_JOBS)
        return err_set(err, ERR_LIMIT,
                       "the queue is full: it has %lld jobs, the limit is %d; see with `tenon "
                       "doctor` whether they are parked, and try again later",
                       (long long)adding->all.jobs, LIMIT_JOBS);
    if (line->jobs + adding->arrived >= LIMIT_JOBS_OF_TENANT)
        return err_set(err, ERR_LIMIT,
                       "the queue has %lld jobs of the tenant %s, the limit is %d; see with `tenon "
                       "doctor` whether they are parked, and try again later",
                       (long long)line->jobs, tenant, LIMIT_JOBS_OF_TENANT);
    return ERR_OK;
}

/* After the tenant's last one, and not before the round that is being served. */
static int64_t next_turn(int64_t last, int64_t round)
{
    return last < round ? round : last + 1;
}

int64_t line_next_turn(const struct adding *adding, const struct line *line)
{
    return next_turn(line->turn, adding->all.turn);
}

enum err_class line_leave(struct db *control, const char *tenant, int64_t count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *fewer = NULL;
    AUTO(db_finish_autop) struct db_stmt *none = NULL;
    enum err_class rc = db_prepare(
        control, SQL("UPDATE job_line SET jobs = jobs - $2 WHERE tenant IN ('" EVERYBODY "', $1)"),
        &fewer, err);

    if (rc == ERR_OK)
        rc = db_prepare(control, SQL("DELETE FROM job_line WHERE tenant = $1 AND jobs <= 0"), &none,
                        err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(fewer, 1, str_from(tenant));
    db_bind_i64(fewer, 2, count);
    db_bind_text(none, 1, str_from(tenant));
    rc = db_run(fewer, err);
    return rc == ERR_OK ? db_run(none, err) : rc;
}

/* ---- standing in line ---- */

static enum err_class give_place(struct db *control, const struct job *job, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *given = NULL;
    AUTO(db_finish_autop) struct db_stmt *place = NULL;
    struct line all, of;
    enum err_class rc = read_counted(control, job->tenant, &all, &of, err);

    if (rc == ERR_OK)
        rc = db_prepare(control, SQL("UPDATE job_line SET turn = $2 WHERE tenant = $1"), &given,
                        err);
    if (rc == ERR_OK)
        rc = db_prepare(control,
                        SQL("UPDATE job SET state = 'ready', turn = $4 WHERE tenant = $1 AND"
                            " kind = $2 AND job_key = $3"),
                        &place, err);
    if (rc != ERR_OK)
        return rc;

    int64_t turn = next_turn(of.turn, all.turn);

    db_bind_text(given, 1, str_from(job->tenant));
    db_bind_i64(given, 2, turn);
    row_bind_name(place, job->tenant, job->kind, job->key);
    db_bind_i64(place, 4, turn);
    rc = db_run(given, err);
    return rc == ERR_OK ? db_run(place, err) : rc;
}

/* Whoever had it died each time: it may be the job that kills. */
static enum err_class park(struct db *control, const struct job *job, int64_t now_ms,
                           struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("UPDATE job SET state = 'parked', due = $4, failure = $5, lease_until ="
                       " NULL, again = 0 WHERE tenant = $1 AND kind = $2 AND job_key = $3"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, job->tenant, job->kind, job->key);
    db_bind_i64(stmt, 4, now_ms);
    db_bind_text(stmt, 5, str_from(err_class_name(ERR_BUG)));
    return db_run(stmt, err);
}

/* The next row of one of the two statements below, if there is one. */
static enum err_class first_of(struct db *control, const char *sql, int64_t now_ms, struct job *ret,
                               bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(control, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, now_ms);
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        row_read_job(stmt, ret);
    return rc;
}

enum err_class line_up(struct db *control, int64_t now_ms, unsigned max, bool *ret_more,
                       struct err *err)
{
    static const char *const due[] = {
        SQL("SELECT tenant, kind, job_key, attempts FROM job WHERE state = 'waiting' AND due <= $1"
            " ORDER BY due LIMIT 1"),
        SQL("SELECT tenant, kind, job_key, attempts FROM job WHERE state = 'leased' AND due <= $1"
            " ORDER BY due LIMIT 1"),
    };
    size_t which = 0;
    enum err_class rc = ERR_OK;

    for (unsigned done = 0; rc == ERR_OK && which < ARRAY_LEN(due) && done < max;) {
        struct job job;
        bool found = false;

        rc = first_of(control, due[which], now_ms, &job, &found, err);
        if (rc != ERR_OK)
            break;
        if (!found) {
            which++;
            continue;
        }
        rc = which == 1 && job.attempts >= LIMIT_JOB_TRIES ? park(control, &job, now_ms, err)
                                                           : give_place(control, &job, err);
        done++;
    }
    *ret_more = which < ARRAY_LEN(due);
    return rc;
}

/* ---- who is first ---- */

static enum err_class next_kind(struct db *control, char kind[JOB_KIND_BYTES + 1], bool *ret_found,
                                struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        control, SQL("SELECT kind FROM job WHERE kind > $1 ORDER BY kind LIMIT 1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(kind));
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        (void)snprintf(kind, JOB_KIND_BYTES + 1, STR_FMT, STR_ARG(db_text(stmt, 0)));
    return rc;
}

static bool is_skipped(const char *const *skip, const char *kind)
{
    for (; skip && *skip; skip++)
        if (strcmp(*skip, kind) == 0)
            return true;
    return false;
}

enum err_class line_first(struct db *control, const char *const *skip, struct job *ret,
                          int64_t *ret_turn, bool *ret_found, struct err *err)
{
    char kind[JOB_KIND_BYTES + 1] = "";
    bool more = true;
    enum err_class rc = ERR_OK;

    *ret_found = false;
    /* Ends after the last kind: there are as many as the apps have. */
    while ((rc = next_kind(control, kind, &more, err)) == ERR_OK && more) {
        AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
        bool row = false;

        if (is_skipped(skip, kind))
            continue;
        rc = db_prepare(control,
                        SQL("SELECT tenant, kind, job_key, attempts, turn FROM job WHERE kind = $1"
                            " AND turn >= 0 ORDER BY turn LIMIT 1"),
                        &stmt, err);
        if (rc != ERR_OK)
            return rc;
        db_bind_text(stmt, 1, str_from(kind));
        rc = db_step(stmt, &row, err);
        if (rc != ERR_OK)
            return rc;
        if (row && (!*ret_found || db_i64(stmt, 4) < *ret_turn)) {
            row_read_job(stmt, ret);
            *ret_turn = db_i64(stmt, 4);
            *ret_found = true;
        }
    }
    return rc;
}

enum err_class line_served(struct db *control, int64_t turn, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        control,
        SQL("UPDATE job_line SET turn = $1 + 1 WHERE tenant = '" EVERYBODY "' AND turn <= $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, turn);
    return db_run(stmt, err);
}
