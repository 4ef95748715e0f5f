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

struct lister {
    struct data *data;
    struct json_out json;
};

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

static enum err_class list(struct request *request, struct err *err)
{
    struct store_pool *store = request->daemon->store;
    struct lister lister = {.json = json_out(&request->ex->out)};
    enum err_class rc = store_pool_data(store, &lister.data, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&lister.json);
    json_key(&lister.json, "backups");
    json_array(&lister.json);
    rc = backups_each(lister.data, NULL, put_backup, &lister, err);
    json_array_end(&lister.json);
    json_object_end(&lister.json);
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
