/* routes_saved.c: saved reports over HTTP. */
#include <inttypes.h>

#include "apps/timesheet/routes_report.h"
#include "apps/timesheet/saved.h"
#include "daemon/daemon.h"

static struct str account_of(const struct request *request)
{
    return str_from(request->who.account);
}

static void put_saved(struct json_out *json, const struct saved_report *saved)
{
    char id[24];

    (void)snprintf(id, sizeof(id), "%" PRId64, saved->id);
    json_object(json);
    json_key(json, "id");
    json_put_z(json, id);
    json_key(json, "name");
    json_put_str(json, saved->name);
    json_key(json, "query");
    json_put_str(json, saved->query);
    json_key(json, "shared");
    json_put_bool(json, saved->shared);
    json_key(json, "own");
    json_put_bool(json, saved->own);
    json_object_end(json);
}

static enum err_class put_each(void *arg, const struct saved_report *saved, struct err *err)
{
    (void)err;
    put_saved(arg, saved);
    return ERR_OK;
}

enum err_class saved_list(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);

    json_object(&json);
    json_key(&json, "reports");
    json_array(&json);
    if (saved_each(request->tenant, account_of(request), put_each, &json, err))
        return err->class;
    json_array_end(&json);
    json_object_end(&json);
    return strbuf_check(&request->ex->out, "the answer", err);
}

/* The views point into the body. */
static enum err_class read_saved(struct request *request, struct saved_report *ret, struct err *err)
{
    yyjson_val *body = NULL, *shared;
    enum err_class rc = request_json(request, &body, err);

    if (rc != ERR_OK)
        return rc;
    ret->name = str_trim(json_str(body, "name"));
    ret->query = json_str(body, "query");
    shared = yyjson_obj_get(body, "shared");
    if (!json_str(body, "name").ptr)
        return err_set(err, ERR_INPUT, "name: it must be there and be a text");
    if (!ret->query.ptr)
        return err_set(err, ERR_INPUT, "query: it must be there and be a text");
    if (shared && !yyjson_is_bool(shared))
        return err_set(err, ERR_INPUT, "shared: it must be true or false");
    ret->shared = yyjson_get_bool(shared);
    ret->own = true;
    return ERR_OK;
}

static enum err_class read_id(const struct request *request, int64_t *ret, struct err *err)
{
    if (parse_i64(request->ex->params[0], 1, INT64_MAX, ret))
        return ERR_OK;
    return err_set(err, ERR_NOT_FOUND, "a saved report's id is a number");
}

static enum err_class answer(struct request *request, const struct saved_report *saved,
                             struct err *err)
{
    struct json_out json = json_out(&request->ex->out);

    put_saved(&json, saved);
    return strbuf_check(&request->ex->out, "the answer", err);
}

enum err_class saved_create(struct request *request, struct err *err)
{
    struct saved_report saved = {0};
    enum err_class rc = read_saved(request, &saved, err);

    if (rc == ERR_OK)
        rc = saved_add(request->tenant, account_of(request), &saved, err);
    if (rc != ERR_OK)
        return rc;
    request->ex->status = 201;
    return answer(request, &saved, err);
}

enum err_class saved_update(struct request *request, struct err *err)
{
    struct saved_report saved = {0};
    enum err_class rc = read_saved(request, &saved, err);

    if (rc == ERR_OK)
        rc = read_id(request, &saved.id, err);
    if (rc == ERR_OK)
        rc = saved_change(request->tenant, account_of(request), &saved, err);
    return rc == ERR_OK ? answer(request, &saved, err) : rc;
}

enum err_class saved_delete(struct request *request, struct err *err)
{
    int64_t id = 0;
    enum err_class rc = read_id(request, &id, err);

    if (rc == ERR_OK)
        rc = saved_remove(request->tenant, account_of(request), id, err);
    if (rc == ERR_OK)
        request->ex->status = 204;
    return rc;
}
