/* routes_backups.c: the backups there are, for the server's administrators, and one more now. */
#include "custody/backup.h"
#include "daemon/backup_jobs.h"
#include "daemon/internal.h"

#define BODY_MAX 4096

static void put_time(struct json_out *json, const char *key, int64_t ms)
{
    json_key(json, key);
    if (ms)
        json_put_stamp(json, ms);
    else
        json_put_null(json);
}

#define PAGE_ROWS 100
#define PAGE_ROWS_MAX 1000
#define CURSOR_BYTES (VAULT_OWNER_MAX + 32)

/* The list is by owner, and of each the newest first; a cursor is the last one of a page. */
struct lister {
    struct data *data;
    struct json_out json;
    char owner[VAULT_OWNER_MAX + 1]; /* only of that one; "": of all */
    char after[VAULT_OWNER_MAX + 1]; /* "": from the beginning */
    int64_t after_ms;
    int64_t limit, count;
    char next[CURSOR_BYTES]; /* of the last one that was put */
    bool more;
};

static bool is_after(const struct lister *lister, const struct backup *backup)
{
    int order = strcmp(backup->owner, lister->after);

    return lister->after[0] == '\0' || order > 0 ||
           (order == 0 && backup->taken_ms < lister->after_ms);
}

static void put_name(struct lister *lister, const char *owner)
{
    struct tenant_info info;
    struct err ignored = {0};

    json_key(&lister->json, "name");
    if (strcmp(owner, BACKUP_CONTROL) != 0 &&
        tenant_find(lister->data, str_from(owner), &info, &ignored) == ERR_OK)
        json_put_z(&lister->json, info.name);
    else
        json_put_null(&lister->json); /* the control data, or a tenant that is gone */
}

static enum err_class put_backup(void *arg, const struct backup *backup, struct err *err)
{
    struct lister *lister = arg;
    struct json_out *json = &lister->json;

    if (lister->more || !is_after(lister, backup))
        return ERR_OK;
    lister->more = lister->count == lister->limit;
    if (lister->more)
        return ERR_OK;
    lister->count++;
    (void)snprintf(lister->next, sizeof(lister->next), "%s:%lld", backup->owner,
                   (long long)backup->taken_ms);
    json_object(json);
    json_key(json, "owner");
    json_put_z(json, backup->owner);
    put_name(lister, backup->owner);
    put_time(json, "taken", backup->taken_ms);
    json_key(json, "file");
    json_put_z(json, backup->name);
    json_key(json, "bytes");
    json_put_i64(json, backup->bytes);
    json_key(json, "rows");
    if (backup->rows >= 0)
        json_put_i64(json, backup->rows);
    else
        json_put_null(json);
    json_key(json, "on_disk");
    json_put_bool(json, backup->on_disk);
    put_time(json, "copied", backup->copied_ms);
    json_key(json, "proof");
    json_put_z(json, drill_result_name(backup->drill));
    put_time(json, "drilled", backup->drilled_ms);
    json_object_end(json);
    return strbuf_check(json->buf, "the list of backups", err);
}

/* A tenant by name or id, also one that is gone and has backups; or the control data. */
static enum err_class read_owner(struct lister *lister, struct str text, struct err *err)
{
    struct tenant_info info;

    if (text.len == 0)
        return ERR_OK;
    if (str_eq_z(text, BACKUP_CONTROL)) {
        (void)snprintf(lister->owner, sizeof(lister->owner), "%s", BACKUP_CONTROL);
        return ERR_OK;
    }

    enum err_class rc = tenant_find(lister->data, text, &info, err);

    if (rc == ERR_NOT_FOUND && text.len == TENANT_ID_BYTES) {
        *err = (struct err){0};
        (void)snprintf(lister->owner, sizeof(lister->owner), STR_FMT, STR_ARG(text));
        return ERR_OK;
    }
    if (rc == ERR_OK)
        (void)snprintf(lister->owner, sizeof(lister->owner), "%s", info.id);
    return rc;
}

static enum err_class read_page(struct lister *lister, const struct request *request,
                                struct err *err)
{
    struct str time, cursor = http_in_query(request->ex, "cursor");
    struct str limit = http_in_query(request->ex, "limit");
    struct str owner = str_cut(cursor, ':', &time);

    lister->limit = PAGE_ROWS;
    if (limit.len > 0 && !parse_i64(limit, 1, PAGE_ROWS_MAX, &lister->limit))
        return err_set(err, ERR_INPUT, "limit must be a number from 1 to %d", PAGE_ROWS_MAX);
    if (cursor.len == 0)
        return ERR_OK;
    if (owner.len == 0 || owner.len > VAULT_OWNER_MAX ||
        !parse_i64(time, 0, INT64_MAX, &lister->after_ms))
        return err_set(err, ERR_INPUT,
                       "cursor must be what `next` of the page before said; leave it out for the "
                       "first page");
    (void)snprintf(lister->after, sizeof(lister->after), STR_FMT, STR_ARG(owner));
    return ERR_OK;
}

static enum err_class put_list(struct lister *lister, struct err *err)
{
    struct json_out *json = &lister->json;
    enum err_class rc;

    json_object(json);
    json_key(json, "backups");
    json_array(json);
    rc = backups_each(lister->data, lister->owner[0] ? lister->owner : NULL, put_backup, lister,
                      err);
    json_array_end(json);
    json_key(json, "next");
    json_put_z(json, lister->more ? lister->next : NULL);
    json_object_end(json);
    return rc;
}

static enum err_class list(struct request *request, struct err *err)
{
    struct store_pool *store = request->daemon->store;
    struct lister lister = {.json = json_out(&request->ex->out)};
    enum err_class rc = store_pool_data(store, &lister.data, err);

    if (rc == ERR_OK)
        rc = read_owner(&lister, http_in_query(request->ex, "tenant"), err);
    if (rc == ERR_OK)
        rc = read_page(&lister, request, err);
    if (rc == ERR_OK)
        rc = put_list(&lister, err);
    store_pool_give_data(store, lister.data);
    return rc;
}

/* ---- one more, now ---- */

struct orders {
    struct daemon *daemon;
    int64_t count;
};

static enum err_class order_one(struct orders *orders, const char *tenant, struct err *err)
{
    const struct job_order order = {tenant, BACKUP_JOB, BACKUP_KEY,
                                    .due_ms = ctx_now_ms(&orders->daemon->ctx), .asked = true};
    enum err_class rc = daemon_add_job(orders->daemon, &order, err);

    orders->count += rc == ERR_OK;
    return rc;
}

static enum err_class order_tenant(void *arg, const struct tenant_info *info, struct err *err)
{
    return order_one(arg, info->id, err);
}

static enum err_class order_named(struct orders *orders, struct data *data, struct str of,
                                  struct err *err)
{
    struct tenant_info info;

    if (!of.ptr) {
        enum err_class rc = tenant_each(data, order_tenant, orders, err);

        return rc == ERR_OK ? order_one(orders, JOB_NO_TENANT, err) : rc;
    }
    if (str_eq_z(of, BACKUP_CONTROL))
        return order_one(orders, JOB_NO_TENANT, err);

    enum err_class rc = tenant_find(data, of, &info, err);

    return rc == ERR_OK ? order_one(orders, info.id, err) : rc;
}

static enum err_class take(struct request *request, struct err *err)
{
    struct orders orders = {.daemon = request->daemon};
    struct json_out json = json_out(&request->ex->out);
    struct data *data = NULL;
    yyjson_val *body = NULL;
    enum err_class rc = request_json(request, &body, err);

    if (rc == ERR_OK)
        rc = store_pool_data(request->daemon->store, &data, err);
    if (rc == ERR_OK)
        rc = order_named(&orders, data, json_str(body, "of"), err);
    store_pool_give_data(request->daemon->store, data);
    if (rc != ERR_OK)
        return rc;
    request->ex->status = 202;
    json_object(&json);
    json_key(&json, "queued");
    json_put_i64(&json, orders.count);
    json_object_end(&json);
    return ERR_OK;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/backups", 0, API_LOCAL, list, NULL},
    {HTTP_POST, "/api/v1/backups", BODY_MAX, API_LOCAL, take, NULL},
};

const struct api_area backup_area = {routes, ARRAY_LEN(routes)};
