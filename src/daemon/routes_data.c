/* routes_data.c: the data-storage page for programs and for our own pages, with live counts. */
#include "daemon/internal.h"

/* The time that says how old a row is: what retention counts from, else the first there is. */
static const char *age_field(const struct record *record)
{
    if (record->retention_field)
        return record->retention_field;
    for (size_t i = 0; i < record->field_count; i++)
        if (record->fields[i].type == TYPE_TIME)
            return record->fields[i].name;
    return NULL;
}

struct counted {
    bool known;
    int64_t rows, oldest_ms;
};

static enum err_class count(struct request *request, struct data *data, const struct record *record,
                            struct counted *ret, struct err *err)
{
    struct db *db = NULL; /* what lies in files is not counted */

    if (record->scope == SCOPE_TENANT)
        db = request->tenant ? request->tenant->db : NULL;
    else if (record->scope == SCOPE_CONTROL)
        db = principal_is_local(&request->who) ? data->control : NULL;

    *ret = (struct counted){.known = db != NULL};
    return db ? db_measure_table(db, record->name, age_field(record), &ret->rows, &ret->oldest_ms,
                                 err)
              : ERR_OK;
}

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

static void put_record(struct json_out *json, const struct record *record,
                       const struct counted *counted)
{
    struct strbuf retention AUTO(strbuf_done) = STRBUF_INIT(1024);

    record_retention_text(record, &retention);
    json_object(json);
    put_text(json, "name", record->name);
    put_text(json, "app", record->app);
    put_text(json, "why", record->why);
    put_text(json, "retention", strbuf_z(&retention));
    put_text(json, "shown_to", record->shown_to);
    json_key(json, "rows");
    if (counted->known)
        json_put_i64(json, counted->rows);
    else
        json_put_null(json);
    json_key(json, "oldest");
    if (counted->known && counted->oldest_ms > 0)
        json_put_stamp(json, counted->oldest_ms);
    else
        json_put_null(json);
    json_key(json, "fields");
    json_array(json);
    for (size_t i = 0; i < record->field_count; i++)
        put_field(json, record, &record->fields[i]);
    json_array_end(json);
    json_object_end(json);
}

static enum err_class put_records(struct request *request, struct data *data, bool counts,
                                  struct json_out *json, struct err *err)
{
    const struct catalog *catalog = request->daemon->options.catalog;

    for (size_t i = 0; i < catalog->record_count; i++) {
        struct counted counted = {.known = false};
        enum err_class rc =
            counts ? count(request, data, catalog->records[i], &counted, err) : ERR_OK;

        if (rc != ERR_OK)
            return rc;
        put_record(json, catalog->records[i], &counted);
    }
    return ERR_OK;
}

static enum err_class data(struct request *request, struct err *err)
{
    struct json_out json = json_out(&request->ex->out);
    struct data *control = NULL;
    bool admin = false;
    enum err_class rc = request_is_admin(request, &admin, err);

    if (rc == ERR_OK)
        rc = store_pool_data(request->daemon->store, &control, err);
    if (rc != ERR_OK)
        return rc;
    json_object(&json);
    json_key(&json, "catalog_version");
    json_put_i64(&json, request->daemon->options.catalog->version);
    json_key(&json, "records");
    json_array(&json);
    rc = put_records(request, control, admin, &json, err);
    json_array_end(&json);
    json_object_end(&json);
    store_pool_give_data(request->daemon->store, control);
    return rc;
}

static const struct api_route routes[] = {
    {HTTP_GET, "/api/v1/data", 0, API_TENANT, data, NULL},
};

const struct api_area data_area = {routes, ARRAY_LEN(routes)};
