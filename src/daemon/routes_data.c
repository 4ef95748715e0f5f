/* routes_data.c: the data-storage page for programs and for our own pages, with live counts. */
#include "custody/measure.h"
#include "daemon/internal.h"

static void put_text(struct json_out *json, const char *key, const char *text)
{
    json_key(json, key);
    json_put_z(json, text);
}

static void put_field(struct json_out *json, const struct record *record, const struct field *field)
{
    const struct class_policy *policy = class_policy(field->class);

    json_object(json);
    put_text(json, "name", field->name);
    put_text(json, "class", policy->name);
    put_text(json, "protection",
             record->protection ? record->protection
             : field->digest_of ? "keyed digest"
                                : policy->protection);
    put_text(json, "what", field->what);
    json_object_end(json);
}

static void put_count(struct json_out *json, const char *key, bool known, int64_t count)
{
    json_key(json, key);
    if (known)
        json_put_i64(json, count);
    else
        json_put_null(json);
}

static void put_record(struct json_out *json, const struct record *record,
                       const struct measured *measured)
{
    struct strbuf retention AUTO(strbuf_done) = STRBUF_INIT(1024);

    record_retention_text(record, &retention);
    json_object(json);
    put_text(json, "name", record->name);
    put_text(json, "app", record->app);
    put_text(json, "why", record->why);
    put_text(json, "retention", strbuf_z(&retention));
    put_text(json, "shown_to", record->shown_to);
    put_count(json, "rows", measured->counted, measured->rows);
    put_count(json, "bytes", measured->sized, measured->bytes);
    json_key(json, "oldest");
    if (measured->counted && measured->oldest_ms > 0)
        json_put_stamp(json, measured->oldest_ms);
    else
        json_put_null(json);
    json_key(json, "fields");
    json_array(json);
    for (size_t i = 0; i < record->field_count; i++)
        put_field(json, record, &record->fields[i]);
    json_array_end(json);
    json_object_end(json);
}

static void put_totals(struct json_out *json, const struct measure_totals *totals)
{
    const struct {
        const char *key;
        int64_t bytes;
    } folders[] = {{"tenant", totals->tenant},
                   {"backups", totals->tenant_backups},
                   {"server", totals->server},
                   {"server_backups", totals->server_backups}};

    json_key(json, "bytes");
    json_object(json);
    for (size_t i = 0; i < ARRAY_LEN(folders); i++)
        put_count(json, folders[i].key, folders[i].bytes >= 0, folders[i].bytes);
    json_object_end(json);
}

/* What the request may know of; nothing for who does not administer. */
static enum err_class measure(struct request *request, struct measured *ret,
                              struct measure_totals *ret_totals, struct err *err)
{
    struct store_pool *store = request->daemon->store;
    struct measure_question question = {.tenant = request->tenant,
                                        .server = principal_is_local(&request->who)};
    bool admin = false;
    enum err_class rc = request_is_admin(request, &admin, err);

    if (rc != ERR_OK || !admin)
        return rc;
    rc = store_pool_data(store, &question.data, err);
    if (rc == ERR_OK)
        rc = measure_all(&question, ret, ret_totals, err);
    store_pool_give_data(store, question.data);
    return rc;
}

static enum err_class data(struct request *request, struct err *err)
{
    const struct catalog *catalog = request->daemon->options.catalog;
    AUTO(free_autop)
    struct measured *measured = calloc(catalog->record_count, sizeof(*measured));
    struct measure_totals totals = {-1, -1, -1, -1};
    struct json_out json = json_out(&request->ex->out);
    enum err_class rc = measured ? measure(request, measured, &totals, err) : err_memory(err);

    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "catalog_version");
    json_put_i64(&json, catalog->version);
    put_totals(&json, &totals);
    json_key(&json, "records");
    json_array(&json);
    for (size_t i = 0; i < catalog->record_count; i++)
        put_record(&json, catalog->records[i], &measured[i]);
    json_array_end(&json);
    json_object_end(&json);
    return ERR_OK;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/data", 0, API_TENANT, data, NULL},
};

const struct api_area data_area = {routes, ARRAY_LEN(routes)};
