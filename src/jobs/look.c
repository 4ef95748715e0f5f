/* look.c: reading the queue without taking part in it. */
#include "jobs/look.h"

#include "jobs/arrivals.h"

static enum job_state state_of(struct str name)
{
    if (str_eq_z(name, row_state_name(ROW_PARKED)))
        return JOB_PARKED;
    return str_eq_z(name, row_state_name(ROW_LEASED)) ? JOB_LEASED : JOB_WAITING;
}

enum err_class jobs_look(struct db *control, const char *tenant, const char *kind, const char *key,
                         struct job_view *ret, bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc =
        db_prepare(control,
                   SQL("SELECT state, due, attempts, failure FROM job WHERE tenant = $1 AND"
                       " kind = $2 AND job_key = $3 ORDER BY tenant LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    row_bind_name(stmt, tenant, kind, key);
    rc = db_step(stmt, ret_found, err);
    if (rc != ERR_OK || !*ret_found)
        return rc;
    *ret = (struct job_view){
        .state = state_of(db_text(stmt, 0)),
        .due_ms = db_i64(stmt, 1),
        .attempts = db_i64(stmt, 2),
    };
    (void)snprintf(ret->kind, sizeof(ret->kind), "%s", kind);
    (void)snprintf(ret->key, sizeof(ret->key), "%s", key);
    (void)snprintf(ret->failure, sizeof(ret->failure), STR_FMT, STR_ARG(db_text(stmt, 3)));
    return ERR_OK;
}

enum err_class jobs_count_tenant(struct db *control, const char *tenant, int64_t *ret_waiting,
                                 int64_t *ret_parked, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    int64_t arrived = 0;
    enum err_class rc = db_prepare(
        control,
        SQL("SELECT count(*) AS n, coalesce(sum(CASE state WHEN 'parked' THEN 1 ELSE 0 END), 0)"
            " AS parked FROM job WHERE tenant = $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(tenant));
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        rc = arrivals_count(control, tenant, &arrived, err);
    if (rc != ERR_OK)
        return rc;
    *ret_parked = db_i64(stmt, 1);
    *ret_waiting = db_i64(stmt, 0) - *ret_parked + arrived;
    return ERR_OK;
}
