/*
 * settings.c: the way of the settings between store and struct.
 *
 * All of it is small and changes seldom: read whole, written whole.
 */
#include "apps/timesheet/settings.h"

#include "apps/timesheet/mirror.h"
#include "base/civil.h"

static const char *const right_names[RIGHT_COUNT] = {"log", "report", "others"};

/* ---- Reading ---- */

static enum err_class load_plain(struct tenant *tenant, struct arena *arena, struct settings *ret,
                                 struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT working_days, expected_seconds, week_start, zone, rounding_minutes,"
            " comment_required, warn_future, page_size, billed_by_default, name_hidden_projects,"
            " mail_scope, mail_minute FROM timesheet_setting WHERE id = 1"),
        &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc != ERR_OK || !row)
        return rc;
    ret->working_days = (unsigned)db_i64(stmt, 0);
    ret->expected_seconds = db_i64(stmt, 1);
    ret->week_start = db_i64(stmt, 2);
    ret->zone = arena_dup(arena, db_text(stmt, 3));
    ret->rounding_minutes = db_i64(stmt, 4);
    ret->comment_required = db_i64(stmt, 5) != 0;
    ret->warn_future = db_i64(stmt, 6) != 0;
    ret->page_size = db_i64(stmt, 7);
    ret->billing.by_default = db_i64(stmt, 8) != 0;
    ret->name_hidden_projects = db_i64(stmt, 9) != 0;
    if (db_i64(stmt, 10) >= 0 && db_i64(stmt, 10) < MAIL_SCOPE_COUNT)
        ret->mail.scope = (enum mail_scope)db_i64(stmt, 10);
    ret->mail.minute = db_i64(stmt, 11);
    return ret->zone.ptr ? ERR_OK : err_memory(err);
}

static enum err_class load_days(struct tenant *tenant, struct arena *arena, bool worked,
                                const int32_t **ret, size_t *ret_count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int32_t *days = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(days[0]));
    size_t n = 0;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT day FROM special_day WHERE worked = $1 ORDER BY day LIMIT 2000"),
        &stmt, err);

    if (!days)
        return err_memory(err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, worked);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row)
        days[n++] = (int32_t)db_i64(stmt, 0);
    *ret = days;
    *ret_count = n;
    return rc;
}

static enum err_class load_issues(struct tenant *tenant, struct arena *arena, struct settings *ret,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    int64_t *ids = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(ids[0]));
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT client_issue_id FROM non_working_issue"
                                       " ORDER BY client_issue_id LIMIT 2000"),
                                   &stmt, err);

    if (!ids)
        return err_memory(err);
    ret->non_working_issues = ids;
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        ids[ret->non_working_count++] = db_i64(stmt, 0);
    return rc;
}

/* One column of texts. */
static enum err_class load_texts(struct db_stmt *stmt, struct arena *arena, const struct str **ret,
                                 size_t *ret_count, struct err *err)
{
    struct str *texts = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(texts[0]));
    size_t n = 0;
    bool row = false;
    enum err_class rc;

    if (!texts)
        return err_memory(err);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        texts[n] = arena_dup(arena, db_text(stmt, 0));
        if (!texts[n++].ptr)
            return err_memory(err);
    }
    *ret = texts;
    *ret_count = n;
    return rc;
}

static enum err_class load_access(struct tenant *tenant, struct arena *arena, const char *right,
                                  struct access *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *people = NULL;
    AUTO(db_finish_autop) struct db_stmt *groups = NULL;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT p.account_id FROM access_person AS a JOIN person AS p"
                       " ON p.id = a.person WHERE a.access = $1 ORDER BY p.account_id LIMIT 2000"),
                   &people, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("SELECT group_id FROM access_group WHERE access = $1"
                            " ORDER BY group_id LIMIT 2000"),
                        &groups, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_text(people, 1, str_from(right));
    db_bind_text(groups, 1, str_from(right));
    rc = load_texts(people, arena, &ret->accounts, &ret->account_count, err);
    if (rc == ERR_OK)
        rc = load_texts(groups, arena, &ret->groups, &ret->group_count, err);
    ret->everybody = ret->account_count == 0 && ret->group_count == 0;
    return rc;
}

static enum err_class load_billing_tags(struct tenant *tenant, struct arena *arena,
                                        struct billing *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(vault_wipe) struct strbuf name = STRBUF_INIT(LIMIT_TAG_NAME_BYTES);
    struct str *texts = arena_alloc(arena, SETTINGS_LIST_MAX * sizeof(texts[0]));
    bool row = false;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT tag.id, tag.name FROM billing_tag AS b JOIN tag"
                                       " ON tag.id = b.tag ORDER BY tag.id LIMIT 2000"),
                                   &stmt, err);

    if (!texts)
        return err_memory(err);
    ret->tags = texts;
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct vault_place place = {.record = "tag", .field = "name", .row = db_i64(stmt, 0)};

        strbuf_reset(&name);
        rc = vault_unseal(tenant->vault, &place, db_blob(stmt, 1), &name, err);
        if (rc != ERR_OK)
            break;
        texts[ret->tag_count] = arena_dup(arena, strbuf_str(&name));
        if (!texts[ret->tag_count++].ptr)
            return err_memory(err);
    }
    return rc;
}

static enum err_class load_billing_projects(struct tenant *tenant, struct arena *arena,
                                            struct billing *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT project_key FROM billing_project ORDER BY project_key LIMIT 2000"),
        &stmt, err);

    return rc == ERR_OK ? load_texts(stmt, arena, &ret->projects, &ret->project_count, err) : rc;
}

static enum err_class load_patterns(struct tenant *tenant, struct arena *arena,
                                    struct settings *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT pattern FROM non_working_pattern ORDER BY pattern LIMIT 2000"),
        &stmt, err);

    return rc == ERR_OK ? load_texts(stmt, arena, &ret->non_working_patterns,
                                     &ret->non_working_pattern_count, err)
                        : rc;
}

static enum err_class load_mail_projects(struct tenant *tenant, struct arena *arena,
                                         struct mail_settings *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT project_key FROM mail_project ORDER BY project_key LIMIT 2000"),
        &stmt, err);

    return rc == ERR_OK ? load_texts(stmt, arena, &ret->projects, &ret->project_count, err) : rc;
}

enum err_class settings_load(struct tenant *tenant, struct arena *arena, struct settings *ret,
                             struct err *err)
{
    *ret = (struct settings){
        .working_days = 1 << 1 | 1 << 2 | 1 << 3 | 1 << 4 | 1 << 5,
        .expected_seconds = INT64_C(8) * 3600,
        .week_start = 1,
        .zone = STR("UTC"),
        .warn_future = true,
        .page_size = 50,
        .billing = {.by_default = true},
        .mail = {.minute = 8 * 60},
    };

    enum err_class rc = load_plain(tenant, arena, ret, err);

    if (rc == ERR_OK)
        rc = load_days(tenant, arena, false, &ret->holidays, &ret->holiday_count, err);
    if (rc == ERR_OK)
        rc = load_days(tenant, arena, true, &ret->extra_days, &ret->extra_day_count, err);
    if (rc == ERR_OK)
        rc = load_issues(tenant, arena, ret, err);
    for (int i = 0; i < RIGHT_COUNT && rc == ERR_OK; i++)
        rc = load_access(tenant, arena, right_names[i], &ret->access[i], err);
    if (rc == ERR_OK)
        rc = load_billing_tags(tenant, arena, &ret->billing, err);
    if (rc == ERR_OK)
        rc = load_billing_projects(tenant, arena, &ret->billing, err);
    if (rc == ERR_OK)
        rc = load_patterns(tenant, arena, ret, err);
    return rc == ERR_OK ? load_mail_projects(tenant, arena, &ret->mail, err) : rc;
}

/* ---- Writing ---- */

static enum err_class store_plain(struct tenant *tenant, const struct settings *settings,
                                  struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db,
        SQL("INSERT INTO timesheet_setting (id, working_days, expected_seconds, week_start, zone,"
            " rounding_minutes, comment_required, warn_future, page_size, billed_by_default,"
            " name_hidden_projects, mail_scope, mail_minute)"
            " VALUES (1, $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)"
            " ON CONFLICT (id) DO UPDATE SET"
            " working_days = $1, expected_seconds = $2, week_start = $3, zone = $4,"
            " rounding_minutes = $5, comment_required = $6, warn_future = $7, page_size = $8,"
            " billed_by_default = $9, name_hidden_projects = $10, mail_scope = $11,"
            " mail_minute = $12"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, settings->working_days);
    db_bind_i64(stmt, 2, settings->expected_seconds);
    db_bind_i64(stmt, 3, settings->week_start);
    db_bind_text(stmt, 4, settings->zone);
    db_bind_i64(stmt, 5, settings->rounding_minutes);
    db_bind_i64(stmt, 6, settings->comment_required);
    db_bind_i64(stmt, 7, settings->warn_future);
    db_bind_i64(stmt, 8, settings->page_size);
    db_bind_i64(stmt, 9, settings->billing.by_default);
    db_bind_i64(stmt, 10, settings->name_hidden_projects);
    db_bind_i64(stmt, 11, settings->mail.scope);
    db_bind_i64(stmt, 12, settings->mail.minute);
    return db_run(stmt, err);
}

static enum err_class store_days(struct tenant *tenant, const int32_t *days, size_t count,
                                 bool worked, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("INSERT INTO special_day (day, worked) VALUES ($1, $2)"), &stmt, err);

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        db_bind_i64(stmt, 1, days[i]);
        db_bind_i64(stmt, 2, worked);
        rc = db_run(stmt, err);
    }
    return rc;
}

static enum err_class store_issues(struct tenant *tenant, const struct settings *settings,
                                   struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("INSERT INTO non_working_issue (client_issue_id) VALUES ($1)"), &stmt, err);

    for (size_t i = 0; i < settings->non_working_count && rc == ERR_OK; i++) {
        db_bind_i64(stmt, 1, settings->non_working_issues[i]);
        rc = db_run(stmt, err);
    }
    return rc;
}

static enum err_class store_access(struct tenant *tenant, const char *right,
                                   const struct access *access, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *people = NULL;
    AUTO(db_finish_autop) struct db_stmt *groups = NULL;
    enum err_class rc =
        db_prepare(tenant->db, SQL("INSERT INTO access_person (access, person) VALUES ($1, $2)"),
                   &people, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO access_group (access, group_id) VALUES ($1, $2)"), &groups,
                        err);
    for (size_t i = 0; i < access->account_count && rc == ERR_OK; i++) {
        int64_t person = 0;

        rc = person_ref(tenant, access->accounts[i], &person, err);
        if (rc != ERR_OK)
            break;
        db_bind_text(people, 1, str_from(right));
        db_bind_i64(people, 2, person);
        rc = db_run(people, err);
    }
    for (size_t i = 0; i < access->group_count && rc == ERR_OK; i++) {
        db_bind_text(groups, 1, str_from(right));
        db_bind_text(groups, 2, access->groups[i]);
        rc = db_run(groups, err);
    }
    return rc;
}

static enum err_class store_billing(struct tenant *tenant, const struct billing *billing,
                                    struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *tags = NULL;
    AUTO(db_finish_autop) struct db_stmt *projects = NULL;
    enum err_class rc =
        db_prepare(tenant->db, SQL("INSERT INTO billing_tag (tag) VALUES ($1)"), &tags, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db, SQL("INSERT INTO billing_project (project_key) VALUES ($1)"),
                        &projects, err);
    for (size_t i = 0; i < billing->tag_count && rc == ERR_OK; i++) {
        int64_t tag = 0;

        rc = tag_ref(tenant, billing->tags[i], &tag, err);
        if (rc != ERR_OK)
            break;
        db_bind_i64(tags, 1, tag);
        rc = db_run(tags, err);
    }
    for (size_t i = 0; i < billing->project_count && rc == ERR_OK; i++) {
        db_bind_text(projects, 1, billing->projects[i]);
        rc = db_run(projects, err);
    }
    return rc;
}

/* One column of texts, into a table of `sql`. */
static enum err_class store_texts(struct tenant *tenant, const char *sql, const struct str *texts,
                                  size_t count, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db, sql, &stmt, err);

    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        db_bind_text(stmt, 1, texts[i]);
        rc = db_run(stmt, err);
    }
    return rc;
}

static enum err_class store_all(struct tenant *tenant, const struct settings *settings,
                                struct err *err)
{
    enum err_class rc = db_exec(tenant->db,
                                SQL("DELETE FROM special_day; DELETE FROM non_working_issue;"
                                    " DELETE FROM access_person; DELETE FROM access_group;"
                                    " DELETE FROM billing_tag; DELETE FROM billing_project;"
                                    " DELETE FROM non_working_pattern; DELETE FROM mail_project"),
                                err);

    if (rc == ERR_OK)
        rc = store_plain(tenant, settings, err);
    if (rc == ERR_OK)
        rc = store_days(tenant, settings->holidays, settings->holiday_count, false, err);
    if (rc == ERR_OK)
        rc = store_days(tenant, settings->extra_days, settings->extra_day_count, true, err);
    if (rc == ERR_OK)
        rc = store_issues(tenant, settings, err);
    for (int i = 0; i < RIGHT_COUNT && rc == ERR_OK; i++)
        rc = store_access(tenant, right_names[i], &settings->access[i], err);
    if (rc == ERR_OK)
        rc = store_billing(tenant, &settings->billing, err);
    if (rc == ERR_OK)
        rc = store_texts(tenant, SQL("INSERT INTO non_working_pattern (pattern) VALUES ($1)"),
                         settings->non_working_patterns, settings->non_working_pattern_count, err);
    return rc == ERR_OK
               ? store_texts(tenant, SQL("INSERT INTO mail_project (project_key) VALUES ($1)"),
                             settings->mail.projects, settings->mail.project_count, err)
               : rc;
}

enum err_class settings_store(struct tenant *tenant, const struct settings *settings,
                              struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = store_all(tenant, settings, err);
    if (rc == ERR_OK)
        rc = tenant_audit(tenant, AUDIT_SETTINGS_CHANGED, "timesheet_setting", 0, NULL, err);
    return db_end(tenant->db, rc, err);
}

/* ---- What follows from them ---- */

static bool has_day(const int32_t *days, size_t count, int32_t day)
{
    for (size_t i = 0; i < count; i++)
        if (days[i] == day)
            return true;
    return false;
}

int64_t settings_expected(const struct settings *settings, int32_t day)
{
    bool works = settings->working_days & 1u << civil_weekday(day);

    if (has_day(settings->holidays, settings->holiday_count, day))
        works = false;
    if (has_day(settings->extra_days, settings->extra_day_count, day))
        works = true;
    return works ? settings->expected_seconds : 0;
}
