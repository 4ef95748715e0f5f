/*
 * changed.c: after the platform took rows out or put rows in.
 *
 * What came in is held against the rules that the API has for the same settings, by writing them as
 * the API does and reading that back. The report's copy in memory, in this process and in others,
 * is built anew by the next who asks, since the epoch goes up: it forgets persons who are gone.
 */
#include "apps/timesheet/changed.h"

#include "apps/timesheet/settings.h"

#define SETTINGS_BYTES ((size_t)8 * 1024 * 1024)

static enum err_class check_count(struct tenant *tenant, const char *sql, const char *what,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(tenant->db, sql, &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row)
        return err_set(err, ERR_LIMIT, "%s has %lld rows; the limit is %d", what,
                       (long long)db_i64(stmt, 0), SETTINGS_LIST_MAX);
    return rc;
}

static enum err_class check_counts(struct tenant *tenant, struct err *err)
{
    static const struct {
        const char *sql, *what;
    } lists[] = {
        {SQL("SELECT count(*) FROM special_day GROUP BY worked HAVING count(*) > 2000"
             " ORDER BY worked LIMIT 1"),
         "a list of special_day"},
        {SQL("SELECT count(*) FROM non_working_issue HAVING count(*) > 2000"), "non_working_issue"},
        {SQL("SELECT count(*) FROM non_working_pattern HAVING count(*) > 2000"),
         "non_working_pattern"},
        {SQL("SELECT count(*) FROM mail_project HAVING count(*) > 2000"), "mail_project"},
        {SQL("SELECT count(*) FROM access_person GROUP BY access HAVING count(*) > 2000"
             " ORDER BY access LIMIT 1"),
         "a list of access_person"},
        {SQL("SELECT count(*) FROM access_group GROUP BY access HAVING count(*) > 2000"
             " ORDER BY access LIMIT 1"),
         "a list of access_group"},
    };
    enum err_class rc = ERR_OK;

    for (size_t i = 0; i < ARRAY_LEN(lists) && rc == ERR_OK; i++)
        rc = check_count(tenant, lists[i].sql, lists[i].what, err);
    return rc;
}

static enum err_class check_settings(struct tenant *tenant, struct err *err)
{
    AUTO(arena_free_autop) struct arena *arena = arena_new(SETTINGS_BYTES);
    AUTO(strbuf_done) struct strbuf text = STRBUF_INIT(SETTINGS_BYTES);
    AUTO(yyjson_doc_autop) yyjson_doc *doc = NULL;
    struct json_out json = json_out(&text);
    struct settings settings;
    enum err_class rc = arena ? check_counts(tenant, err) : err_memory(err);

    if (rc == ERR_OK)
        rc = settings_load(tenant, arena, &settings, err);
    if (rc != ERR_OK)
        return rc;
    settings_write(&settings, &json);
    rc = strbuf_check(&text, "the settings", err);
    if (rc == ERR_OK)
        rc = json_read(strbuf_str(&text), "the settings", &doc, err);
    if (rc == ERR_OK)
        rc = settings_read(yyjson_doc_get_root(doc), arena, &settings, err);
    return rc == ERR_OK ? rc : err_wrap(err, "the timesheet's settings");
}

enum err_class timesheet_rows_changed(struct tenant *tenant, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = check_settings(tenant, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO mirror (id, epoch) VALUES (1, 1) ON CONFLICT (id)"
                            " DO UPDATE SET epoch = mirror.epoch + 1"),
                        &stmt, err);
    return rc == ERR_OK ? db_run(stmt, err) : rc;
}
