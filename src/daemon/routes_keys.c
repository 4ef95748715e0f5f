/*
 * routes_keys.c: the versions of a tenant's key and of the server's own, and what each still seals.
 *
 * For the server's administrators, as `tenon keys status` on the command line. To know what an old
 * version seals costs a walk over every sealed value, so it is done only where there is an old one.
 */
#include "custody/rotate.h"
#include "daemon/internal.h"

static int64_t count_of(const struct reseal_counts *counts, uint32_t version)
{
    for (size_t i = 0; i < counts->count; i++)
        if (counts->version[i] == version)
            return counts->values[i];
    return 0;
}

/* counts NULL: not counted. */
static void put_version(struct json_out *json, const struct key_state *state, size_t at,
                        const struct reseal_counts *counts)
{
    json_object(json);
    json_key(json, "version");
    json_put_i64(json, state->versions[at].version);
    json_key(json, "created");
    if (state->versions[at].created_ms)
        json_put_stamp(json, state->versions[at].created_ms);
    else
        json_put_null(json);
    json_key(json, "values");
    if (counts)
        json_put_i64(json, count_of(counts, state->versions[at].version));
    else
        json_put_null(json);
    json_object_end(json);
}

/* tenant NULL: the control data's. */
static enum err_class put_owner(struct json_out *json, struct data *data, struct tenant *tenant,
                                struct err *err)
{
    const struct key_owner owner = {.ctx = data->ctx,
                                    .catalog = data->catalog,
                                    .provider = data->provider,
                                    .audit = data->audit,
                                    .data_dir = data->dir,
                                    .tenant = tenant ? tenant->info.id : NULL};
    const struct reseal reseal = {.ctx = data->ctx,
                                  .catalog = data->catalog,
                                  .scope = tenant ? SCOPE_TENANT : SCOPE_CONTROL,
                                  .vault = tenant ? tenant->vault : data->vault,
                                  .db = tenant ? tenant->db : data->control};
    struct reseal_counts counts;
    struct key_state state;
    enum err_class rc = rotate_look(&owner, &state, err);

    if (rc == ERR_OK && state.count > 1)
        rc = reseal_count(&reseal, &counts, err);
    if (rc != ERR_OK)
        return rc;
    json_object(json);
    json_key(json, "owner");
    json_put_z(json, tenant ? tenant->info.id : "control");
    json_key(json, "name");
    json_put_z(json, tenant ? tenant->info.name : NULL);
    json_key(json, "provider");
    json_put_z(json, state.provider);
    json_key(json, "seals");
    json_put_i64(json, state.seal);
    json_key(json, "database");
    json_put_i64(json, state.db);
    json_key(json, "rotating");
    json_put_bool(json, state.seal != state.db || state.db_next != 0);
    json_key(json, "versions");
    json_array(json);
    for (size_t i = 0; i < state.count; i++)
        put_version(json, &state, i, state.count > 1 ? &counts : NULL);
    json_array_end(json);
    json_object_end(json);
    return ERR_OK;
}

static enum err_class list(struct request *request, struct err *err)
{
    struct store_pool *store = request->daemon->store;
    struct json_out json = json_out(&request->ex->out);
    struct data *data = NULL;
    enum err_class rc = store_pool_data(store, &data, err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "keys");
    json_array(&json);
    rc = put_owner(&json, data, request->tenant, err);
    if (rc == ERR_OK)
        rc = put_owner(&json, data, NULL, err);
    json_array_end(&json);
    json_object_end(&json);
    store_pool_give_data(store, data);
    return rc;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/keys", 0, API_TENANT | API_LOCAL, list, NULL},
};

const struct api_area keys_area = {routes, ARRAY_LEN(routes)};
