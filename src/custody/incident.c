/*
 * incident.c: what a leak would touch, and the notice about it.
 *
 * Two sources. The audit trail says what was opened and what left the house in a window of time.
 * The data says what a version of a key opens: each sealed value names its version, and the keyring
 * says in which one the database file is written. So the answer is neither "everything" nor a
 * guess.
 */
#include "custody/incident.h"

#include "base/civil.h"
#include "custody/rotate.h"
#include "vault/audit_read.h"

#define TENANTS_MAX 100000
#define SQL_BYTES 512

/* By these, data leaves the house. */
static bool lets_out(enum audit_act act)
{
    static const enum audit_act acts[] = {AUDIT_EXPORTED,        AUDIT_BACKUP_TAKEN,
                                          AUDIT_RESTORED,        AUDIT_PERSON_SHOWN,
                                          AUDIT_PERSON_EXPORTED, AUDIT_KEY_SPLIT};

    for (size_t i = 0; i < ARRAY_LEN(acts); i++)
        if (acts[i] == act)
            return true;
    return false;
}

struct looking {
    struct data *data;
    const struct incident_question *question;
    struct arena *arena;
    struct incident_tenant **list;
    size_t count, room;
};

static enum err_class add_tenant(struct looking *looking, const char *id,
                                 const struct tenant_info *info, struct incident_tenant **ret,
                                 struct err *err)
{
    struct incident_tenant *tenant = arena_alloc(looking->arena, sizeof(*tenant));

    if (looking->count == looking->room) { /* doubles up to TENANTS_MAX */
        size_t more = looking->room ? 2 * looking->room : 64;
        struct incident_tenant **larger =
            arena_alloc(looking->arena, more * sizeof(struct incident_tenant *));

        if (!larger)
            return err_memory(err);
        if (looking->count)
            memcpy(larger, looking->list, looking->count * sizeof(struct incident_tenant *));
        looking->list = larger;
        looking->room = more;
    }
    if (!tenant)
        return err_memory(err);
    if (looking->count == TENANTS_MAX)
        return err_set(err, ERR_LIMIT, "there are more than %d tenants; name one", TENANTS_MAX);
    *tenant = (struct incident_tenant){.gone = !info && id[0]};
    (void)snprintf(tenant->id, sizeof(tenant->id), "%s", id);
    if (info)
        tenant->info = *info;
    looking->list[looking->count++] = tenant;
    *ret = tenant;
    return ERR_OK;
}

static enum err_class add_known(void *arg, const struct tenant_info *info, struct err *err)
{
    struct looking *looking = arg;
    struct incident_tenant *tenant;

    if (looking->question->tenant && strcmp(looking->question->tenant, info->id) != 0)
        return ERR_OK;
    return add_tenant(looking, info->id, info, &tenant, err);
}

static enum err_class find_tenant(struct looking *looking, struct str id,
                                  struct incident_tenant **ret, struct err *err)
{
    char text[TENANT_ID_BYTES + 1];

    for (size_t i = 0; i < looking->count; i++) {
        if (!str_eq_z(id, looking->list[i]->id))
            continue;
        *ret = looking->list[i];
        return ERR_OK;
    }
    (void)snprintf(text, sizeof(text), STR_FMT, STR_ARG(id));
    return add_tenant(looking, text, NULL, ret, err);
}

static enum err_class line_of(struct incident_tenant *tenant, const struct record *record,
                              const struct field *field, struct incident_line **ret,
                              struct err *err)
{
    for (size_t i = 0; i < tenant->count; i++) {
        if (tenant->lines[i].record != record || tenant->lines[i].field != field)
            continue;
        *ret = &tenant->lines[i];
        return ERR_OK;
    }
    if (tenant->count == INCIDENT_LINES_MAX)
        return err_set(err, ERR_BUG, "more than %d fields are touched", INCIDENT_LINES_MAX);
    *ret = &tenant->lines[tenant->count++];
    **ret = (struct incident_line){.record = record, .field = field};
    return ERR_OK;
}

/* ---- What the trail says ---- */

static enum err_class take_opening(struct looking *looking, struct incident_tenant *tenant,
                                   const struct audit_row *row, struct err *err)
{
    const struct catalog *catalog = looking->data->catalog;
    char record_name[128], field_name[128];
    struct incident_line *line = NULL;

    if (looking->question->version && row->version != looking->question->version)
        return ERR_OK;
    if (!str_eq_z(row->result, err_class_name(ERR_OK)))
        return ERR_OK; /* it stayed closed */
    (void)snprintf(record_name, sizeof(record_name), STR_FMT, STR_ARG(row->record));
    (void)snprintf(field_name, sizeof(field_name), STR_FMT, STR_ARG(row->field));

    const struct record *record = catalog_record(catalog, record_name);
    const struct field *field = record ? record_field(record, field_name) : NULL;

    if (!field)
        return err_set(err, ERR_SCHEMA,
                       "the audit trail has an opening of %s.%s, which the catalogue does not "
                       "know: ask a newer version of Tenon",
                       record_name, field_name);

    enum err_class rc = line_of(tenant, record, field, &line, err);

    if (rc == ERR_OK)
        line->openings++;
    return rc;
}

static enum err_class take_row(void *arg, const struct audit_row *row, struct err *err)
{
    struct looking *looking = arg;
    struct incident_tenant *tenant = NULL;
    enum audit_act act;

    if (!audit_act_parse(row->act, &act) || (act != AUDIT_OPEN_SECRET && !lets_out(act)))
        return ERR_OK;

    enum err_class rc = find_tenant(looking, row->tenant, &tenant, err);

    if (rc == ERR_OK && act == AUDIT_OPEN_SECRET)
        rc = take_opening(looking, tenant, row, err);
    else if (rc == ERR_OK)
        tenant->let_out[act]++;
    return rc;
}

/* ---- What the data says ---- */

static enum err_class count_values(struct db *db, const struct record *record,
                                   const struct field *field, uint32_t version, int64_t *ret,
                                   struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;

    *ret = 0;
    /* A bound in name only: a walk over the whole column, names of the catalogue. */
    strbuf_addf(&sql, "SELECT %s FROM %s WHERE %s IS NOT NULL", field->name, record->name,
                field->name);

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(db, strbuf_z(&sql), &stmt, err);
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        *ret += vault_sealed_version(db_blob(stmt, 0)) == version;
    return rc;
}

static enum err_class look_at_record(struct looking *looking, struct incident_tenant *tenant,
                                     struct db *db, const struct record *record, struct err *err)
{
    struct incident_line *line = NULL;
    int64_t values = 0, oldest = 0;
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < record->field_count && rc == ERR_OK; i++) {
        if (!class_policy(record->fields[i].class)->sealed || record->fields[i].digest_of)
            continue;
        rc = count_values(db, record, &record->fields[i], looking->question->version, &values, err);
        if (rc == ERR_OK && values > 0)
            rc = line_of(tenant, record, &record->fields[i], &line, err);
        if (rc == ERR_OK && values > 0)
            line->values = values;
    }
    if (rc != ERR_OK || !tenant->database)
        return rc;
    rc = db_measure_table(db, record->name, NULL, &values, &oldest, err);
    if (rc == ERR_OK && values > 0)
        rc = line_of(tenant, record, NULL, &line, err);
    if (rc == ERR_OK && values > 0)
        line->values = values;
    return rc;
}

static enum err_class look_at_data(struct looking *looking, struct incident_tenant *tenant,
                                   struct err *err)
{
    struct data *data = looking->data;
    const struct key_owner owner = {.ctx = data->ctx,
                                    .catalog = data->catalog,
                                    .provider = data->provider,
                                    .audit = data->audit,
                                    .data_dir = data->dir,
                                    .tenant = tenant->id[0] ? tenant->id : NULL};
    AUTO(tenant_close_autop) struct tenant *open = NULL;
    struct key_state keys = {.count = 0};
    enum record_scope scope = tenant->id[0] ? SCOPE_TENANT : SCOPE_CONTROL;
    enum err_class rc = rotate_look(&owner, &keys, err);

    if (rc == ERR_OK && tenant->id[0])
        rc = tenant_open(data, &tenant->info, &open, err);
    if (rc != ERR_OK)
        return rc;
    tenant->database = keys.db == looking->question->version;
    for (size_t i = 0; i < data->catalog->record_count && rc == ERR_OK; i++)
        if (data->catalog->records[i]->scope == scope)
            rc = look_at_record(looking, tenant, open ? open->db : data->control,
                                data->catalog->records[i], err);
    return rc;
}

/* ---- Both ---- */

static bool is_touched(const struct incident_tenant *tenant)
{
    for (size_t i = 0; i < AUDIT_ACT_COUNT; i++)
        if (tenant->let_out[i] > 0)
            return true;
    return tenant->count > 0;
}

enum err_class incident_look(struct data *data, const struct incident_question *question,
                             struct arena *arena, struct incident_tenant ***ret, size_t *ret_count,
                             struct err *err)
{
    struct looking looking = {.data = data, .question = question, .arena = arena};
    const struct audit_filter filter = {.tenant = str_from(question->tenant),
                                        .from_ms = question->from_ms,
                                        .to_ms = question->to_ms};
    struct incident_tenant *server = NULL;
    size_t kept = 0;
    enum err_class rc = question->tenant ? ERR_OK : add_tenant(&looking, "", NULL, &server, err);

    if (rc == ERR_OK)
        rc = tenant_each(data, add_known, &looking, err);
    if (rc == ERR_OK)
        rc = audit_each(data->ctx, data->dir, &filter, take_row, &looking, err);
    for (size_t i = 0; i < looking.count && rc == ERR_OK; i++)
        if (question->version && !looking.list[i]->gone)
            rc = look_at_data(&looking, looking.list[i], err);
    if (rc != ERR_OK)
        return rc;
    for (size_t i = 0; i < looking.count; i++)
        if (is_touched(looking.list[i]))
            looking.list[kept++] = looking.list[i];
    *ret = looking.list;
    *ret_count = kept;
    return ERR_OK;
}

static bool line_has(const struct incident_line *line, enum field_class class)
{
    if (line->field)
        return line->field->class == class;
    for (size_t i = 0; i < line->record->field_count; i++)
        if (line->record->fields[i].class == class && !class_policy(class)->sealed)
            return true;
    return false;
}

bool incident_has(const struct incident_tenant *tenant, enum field_class class)
{
    for (size_t i = 0; i < tenant->count; i++)
        if (line_has(&tenant->lines[i], class))
            return true;
    return false;
}
