/* rows.c: the stored worklogs themselves, comments and tags opened, for people. */
#include "apps/timesheet/mirror.h"

/* What one row needs while it is handed out. */
struct reader {
    struct tenant *tenant;
    struct strbuf comment;
    struct strbuf names[LIMIT_TAGS_PER_WORKLOG];
    struct str tags[LIMIT_TAGS_PER_WORKLOG];
};

static void reader_free(struct reader *reader)
{
    if (!reader)
        return;
    vault_wipe(&reader->comment);
    for (size_t i = 0; i < LIMIT_TAGS_PER_WORKLOG; i++)
        vault_wipe(&reader->names[i]);
    free(reader);
}
AUTO_DEFINE(struct reader, reader_free)

static enum err_class read_tags(struct reader *reader, int64_t id, size_t *ret_count,
                                struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    size_t count = 0;
    enum err_class rc = db_prepare(
        reader->tenant->db,
        SQL("SELECT tag.id, tag.name FROM worklog_tag JOIN tag ON tag.id = worklog_tag.tag"
            " WHERE worklog_tag.client_worklog_id = $1 ORDER BY tag.id LIMIT 100"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row && count < LIMIT_TAGS_PER_WORKLOG) {
        struct vault_place place = {.record = "tag", .field = "name", .row = db_i64(stmt, 0)};

        strbuf_reset(&reader->names[count]);
        reader->names[count].max = LIMIT_TAG_NAME_BYTES;
        rc = vault_unseal(reader->tenant->vault, &place, db_blob(stmt, 1), &reader->names[count],
                          err);
        if (rc != ERR_OK)
            return rc;
        reader->tags[count] = strbuf_str(&reader->names[count]);
        count++;
    }
    *ret_count = count;
    return rc;
}

static enum err_class read_row(struct reader *reader, const struct db_stmt *stmt,
                               struct worklog_row *ret, struct err *err)
{
    *ret = (struct worklog_row){
        .id = db_i64(stmt, 0),
        .issue_id = db_i64(stmt, 1),
        .created_ms = db_i64(stmt, 2),
        .updated_ms = db_i64(stmt, 3),
        .started_ms = db_i64(stmt, 4),
        .seconds = db_i64(stmt, 5),
        .account = db_text(stmt, 7),
        .tags = reader->tags,
    };

    struct vault_place place = {.record = "worklog", .field = "comment", .row = ret->id};
    enum err_class rc = ERR_OK;

    strbuf_reset(&reader->comment);
    if (!db_is_null(stmt, 6))
        rc = vault_unseal(reader->tenant->vault, &place, db_blob(stmt, 6), &reader->comment, err);
    ret->comment = strbuf_str(&reader->comment);
    if (rc == ERR_OK)
        rc = read_tags(reader, ret->id, &ret->tag_count, err);
    return rc;
}

static struct reader *reader_new(struct tenant *tenant)
{
    struct reader *reader = calloc(1, sizeof(*reader));

    if (reader) {
        reader->tenant = tenant;
        reader->comment = STRBUF_INIT(LIMIT_COMMENT_BYTES);
    }
    return reader;
}

static void bind_text_or_null(struct db_stmt *stmt, int param, struct str text)
{
    if (text.len > 0)
        db_bind_text(stmt, param, text);
    else
        db_bind_null(stmt, param);
}

static enum err_class hand_out(struct reader *reader, struct db_stmt *stmt,
                               enum err_class (*each)(void *arg, const struct worklog_row *row,
                                                      struct err *err),
                               void *arg, struct err *err)
{
    enum err_class rc;
    bool row = false;

    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct worklog_row worklog;

        rc = read_row(reader, stmt, &worklog, err);
        if (rc == ERR_OK)
            rc = each(arg, &worklog, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

enum err_class worklogs_each(struct tenant *tenant, const struct worklog_filter *filter,
                             enum err_class (*each)(void *arg, const struct worklog_row *row,
                                                    struct err *err),
                             void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(reader_free_autop) struct reader *reader = reader_new(tenant);

    if (!reader)
        return err_memory(err);

    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT w.client_worklog_id, w.client_issue_id, w.created, w.updated, w.started,"
            " w.time_spent_seconds, w.comment, p.account_id FROM worklog AS w"
            " LEFT JOIN person AS p ON p.id = w.person"
            " WHERE w.client_worklog_id > $1 AND w.started >= $2 AND w.started < $3"
            " AND ($4 IS NULL OR p.account_id = $4) AND ($5 = 0 OR w.client_issue_id = $5)"
            " AND ($6 = 0 OR w.client_worklog_id = $6)"
            " ORDER BY w.client_worklog_id LIMIT $7"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, filter->after_id);
    db_bind_i64(stmt, 2, filter->from_ms);
    db_bind_i64(stmt, 3, filter->to_ms);
    bind_text_or_null(stmt, 4, filter->account);
    db_bind_i64(stmt, 5, filter->issue_id);
    db_bind_i64(stmt, 6, filter->id);
    db_bind_i64(stmt, 7, filter->limit);
    return hand_out(reader, stmt, each, arg, err);
}

enum err_class worklog_read(struct tenant *tenant, int64_t id,
                            enum err_class (*each)(void *arg, const struct worklog_row *row,
                                                   struct err *err),
                            void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    AUTO(reader_free_autop) struct reader *reader = reader_new(tenant);
    struct worklog_row worklog;
    bool row = false;

    if (!reader)
        return err_memory(err);

    enum err_class rc = db_prepare(
        tenant->db,
        SQL("SELECT w.client_worklog_id, w.client_issue_id, w.created, w.updated, w.started,"
            " w.time_spent_seconds, w.comment, p.account_id FROM worklog AS w"
            " LEFT JOIN person AS p ON p.id = w.person WHERE w.client_worklog_id = $1"
            " ORDER BY w.client_worklog_id LIMIT 1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, id);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && !row)
        return err_set(err, ERR_NOT_FOUND, "the worklog %lld is not in the mirror of %s",
                       (long long)id, tenant->info.name);
    if (rc == ERR_OK)
        rc = read_row(reader, stmt, &worklog, err);
    return rc == ERR_OK ? each(arg, &worklog, err) : rc;
}
