/*
 * routes_audit.c: the audit trail for those who administer: the server's own administrator sees all
 * of it, whoever administers a tenant that tenant's.
 */
#include "daemon/internal.h"

#include "base/civil.h"
#include "vault/audit_read.h"

#define PAGE_ROWS 100
#define PAGE_ROWS_MAX 1000

/* *ret: NULL: everything. Else this request may see that tenant's lines. */
static enum err_class find_tenant(struct request *request, const char **ret, struct err *err)
{
    struct str name = http_in_query(request->ex, "tenant");
    bool local = principal_is_local(&request->who), admin = local;
    enum err_class rc = ERR_OK;

    *ret = NULL;
    if (!(request->who.scopes & MAY_ADMINISTER))
        return err_set(err, ERR_FORBIDDEN,
                       "this sign-in may not do that: the scope admin is missing; make a token "
                       "that has it");
    if (local && (name.len == 0 || str_eq_z(name, "*")))
        return ERR_OK;
    if (!local)
        rc = request_tenant(request, &name, err);
    if (rc == ERR_OK)
        rc = store_pool_tenant(request->daemon->store, name, &request->tenant, err);
    if (rc == ERR_OK && !local)
        rc = daemon_site(request->daemon, &request->tenant->info, &request->site, err);
    if (rc == ERR_OK && !local)
        rc = request_is_admin(request, &admin, err);
    if (rc == ERR_OK && !admin)
        rc = err_set(err, ERR_FORBIDDEN, "only people who administer the Jira site may do that");
    if (rc == ERR_OK)
        *ret = request->tenant->info.id;
    return rc;
}

/* A bit for each act that the parameter names; it may come several times. */
static enum err_class read_acts(struct request *request, const char *name, uint64_t *ret,
                                struct err *err)
{
    struct str text = http_in_query_nth(request->ex, name, 0);
    enum audit_act act;

    for (size_t i = 1; text.ptr; i++) {
        if (text.len > 0 && !audit_act_parse(text, &act))
            return err_set(err, ERR_INPUT,
                           "%s is none of the acts in docs/audit.md; leave it out for all", name);
        if (text.len > 0)
            *ret |= AUDIT_BIT(act);
        text = http_in_query_nth(request->ex, name, i);
    }
    return ERR_OK;
}

static enum err_class read_actor(struct request *request, struct audit_filter *ret, struct err *err)
{
    struct str text = http_in_query_nth(request->ex, "by", 0);
    struct str who = http_in_query(request->ex, "who");
    enum audit_by by;

    for (size_t i = 1; text.ptr; i++) {
        if (text.len > 0 && !audit_by_parse(text, &by))
            return err_set(err, ERR_INPUT,
                           "by is program, nobody, person, admin, token, job, operator or remote; "
                           "leave it out for all");
        if (text.len > 0)
            ret->by |= AUDIT_BIT(by);
        text = http_in_query_nth(request->ex, "by", i);
    }
    if (who.len > 0 && !parse_i64(who, 1, INT64_MAX, &ret->who))
        return err_set(err, ERR_INPUT,
                       "who is the number that a line names its actor by; give `by` as well, since "
                       "a person and a token may have the same");
    return ERR_OK;
}

static enum err_class read_filter(struct request *request, struct audit_filter *ret,
                                  int64_t *ret_limit, struct err *err)
{
    struct str cursor = http_in_query(request->ex, "cursor");
    struct str limit = http_in_query(request->ex, "limit");
    const struct {
        const char *name;
        int64_t *ms;
    } times[] = {{"from", &ret->from_ms}, {"to", &ret->to_ms}};

    *ret_limit = PAGE_ROWS;
    if (cursor.len > 0 && !parse_i64(cursor, 1, INT64_MAX, &ret->before_seq))
        return err_set(err, ERR_INPUT,
                       "cursor must be what `next` of the page before said; leave it out for the "
                       "first page");
    if (limit.len > 0 && !parse_i64(limit, 1, PAGE_ROWS_MAX, ret_limit))
        return err_set(err, ERR_INPUT, "limit must be a number from 1 to %d", PAGE_ROWS_MAX);
    for (size_t i = 0; i < ARRAY_LEN(times); i++) {
        struct str text = http_in_query(request->ex, times[i].name);

        if (text.len > 0 && !civil_parse_stamp(text, times[i].ms))
            return err_set(err, ERR_INPUT, "%s must be a time like 2026-01-31T09:00:00Z",
                           times[i].name);
    }

    enum err_class rc = read_acts(request, "act", &ret->acts, err);

    if (rc == ERR_OK)
        rc = read_acts(request, "leave_out", &ret->left_out, err);
    return rc == ERR_OK ? read_actor(request, ret, err) : rc;
}

static void put_text(struct json_out *json, const char *name, struct str text)
{
    json_key(json, name);
    if (text.ptr)
        json_put_str(json, text);
    else
        json_put_null(json);
}

/* As text: a number of 64 bits does not fit into every reader's. */
static void put_id(struct json_out *json, const char *name, int64_t id)
{
    char text[32];

    (void)snprintf(text, sizeof(text), "%lld", (long long)id);
    json_key(json, name);
    json_put_z(json, id ? text : NULL);
}

static void put_row(struct json_out *json, const struct audit_row *row)
{
    json_object(json);
    put_id(json, "id", row->seq);
    json_key(json, "at");
    json_put_stamp(json, row->at_ms);
    put_text(json, "act", row->act);
    put_text(json, "tenant", row->tenant);
    put_text(json, "by", row->by);
    put_id(json, "who", row->who);
    put_text(json, "name", row->name);
    put_text(json, "record", row->record);
    put_text(json, "field", row->field);
    put_id(json, "row", row->row);
    put_text(json, "key", row->key);
    put_text(json, "why", row->why);
    json_key(json, "count");
    json_put_i64(json, row->count);
    put_text(json, "result", row->result);
    json_object_end(json);
}

static enum err_class list(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct daemon *daemon = request->daemon;
    struct audit_filter filter = {.from_ms = 0};
    struct audit_row *rows = NULL;
    struct data *data = NULL;
    const char *tenant = NULL;
    int64_t limit = 0, hidden = 0;
    size_t count = 0;
    enum err_class rc = find_tenant(request, &tenant, err);

    if (rc == ERR_OK)
        rc = read_filter(request, &filter, &limit, err);
    if (rc == ERR_OK)
        rc = store_pool_data(daemon->store, &data, err);
    if (rc != ERR_OK)
        return rc;
    filter.tenant = str_from(tenant);
    rc = audit_page(&daemon->ctx, data->dir, &filter, request->ex->arena, (size_t)limit, &rows,
                    &count, &hidden, err);
    store_pool_give_data(daemon->store, data);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "acts");
    json_array(&json);
    for (size_t i = 0; i < count; i++)
        put_row(&json, &rows[i]);
    json_array_end(&json);
    json_key(&json, "left_out");
    json_put_i64(&json, hidden);
    put_id(&json, "next", count == (size_t)limit ? rows[count - 1].seq : 0);
    json_object_end(&json);
    return ERR_OK;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/audit", 0, 0, list, NULL},
};

const struct api_area audit_area = {routes, ARRAY_LEN(routes)};
