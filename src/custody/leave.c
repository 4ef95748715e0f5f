/* leave.c: a tenant leaves, and its settings stay: everything else goes, by the catalogue. */
#include "custody/leave.h"

#include "base/disk.h"

#define SQL_BYTES 8192
#define LOCK_TURN_MS 20

const char *leave_choice_name(enum leave_choice choice)
{
    static const char *const names[] = {
        [LEAVE_STAYS] = "all", [LEAVE_SETTINGS] = "settings", [LEAVE_NOTHING] = "nothing"};

    return names[choice];
}

/* What the store keeps of itself: which schema this is, and who was erased. */
static bool is_the_store_s(const struct record *record)
{
    static const char *const names[] = {"schema_change", "erased_person", "person_state"};

    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(record->name, names[i]) == 0)
            return true;
    return false;
}

static enum err_class empty_record(struct tenant *tenant, const struct record *record,
                                   struct err *err)
{
    struct strbuf sql AUTO(strbuf_done) = STRBUF_INIT(SQL_BYTES);

    strbuf_addf(&sql, "DELETE FROM %s;", record->name);

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    return rc == ERR_OK ? db_exec(tenant->db, strbuf_z(&sql), err) : rc;
}

/* Persons whom no row of the configuration names any more. */
static enum err_class drop_persons(struct tenant *tenant, struct err *err)
{
    struct strbuf sql AUTO(strbuf_done) = STRBUF_INIT(SQL_BYTES);

    strbuf_add_z(&sql, "DELETE FROM person WHERE 1 = 1");
    for (size_t i = 0; i < tenant->catalog->record_count; i++) {
        const struct record *record = tenant->catalog->records[i];

        for (size_t f = 0; f < record->field_count && record_is_configuration(record); f++) {
            const struct field *field = &record->fields[f];

            if (field->ref && strcmp(field->ref, "person") == 0)
                strbuf_addf(&sql, " AND id NOT IN (SELECT %s FROM %s WHERE %s IS NOT NULL)",
                            field->name, record->name, field->name);
        }
    }
    strbuf_add_char(&sql, ';');

    enum err_class rc = strbuf_check(&sql, "a statement", err);

    return rc == ERR_OK ? db_exec(tenant->db, strbuf_z(&sql), err) : rc;
}

static enum err_class empty_all(struct tenant *tenant, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < tenant->catalog->record_count && rc == ERR_OK; i++) {
        const struct record *record = tenant->catalog->records[i];

        if (record->scope == SCOPE_TENANT && !record_is_configuration(record) &&
            !is_the_store_s(record) && strcmp(record->name, "person") != 0)
            rc = empty_record(tenant, record, err);
    }
    return rc == ERR_OK ? drop_persons(tenant, err) : rc;
}

enum err_class leave_settings(struct tenant *tenant, int64_t wait_ms, struct err *err)
{
    int64_t until = ctx_mono_ms(tenant->ctx) + wait_ms;
    struct disk_lock lock = {-1};
    enum err_class rc = tenant_lock(tenant, &lock, err);

    while (rc == ERR_CONFLICT && ctx_mono_ms(tenant->ctx) < until) {
        ctx_sleep_ms(tenant->ctx, LOCK_TURN_MS);
        rc = tenant_lock(tenant, &lock, err);
    }
    if (rc == ERR_OK)
        rc = db_begin(tenant->db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = db_end(tenant->db, empty_all(tenant, err), err);
    disk_unlock(tenant->ctx, &lock);
    return rc;
}
