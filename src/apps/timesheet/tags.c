/*
 * tags.c: words of the team's own on worklogs. Jira has no tags; ours are the authority. A name is
 * sealed and found by a keyed digest of it; the case of letters counts.
 */
#include "apps/timesheet/mirror.h"

#include <assert.h>

static enum err_class check_name(struct str name, struct err *err)
{
    if (name.len == 0 || name.len > LIMIT_TAG_NAME_BYTES)
        return err_set(err, ERR_INPUT, "a tag's name has 1 to %d bytes; this one has %zu",
                       LIMIT_TAG_NAME_BYTES, name.len);
    if (!str_is_utf8(name))
        return err_set(err, ERR_INPUT, "a tag's name must be UTF-8; this one is not");
    for (size_t i = 0; i < name.len; i++)
        if ((unsigned char)name.ptr[i] < 0x20)
            return err_set(err, ERR_INPUT, "a tag's name cannot hold control characters");
    return ERR_OK;
}

/* The tag of that name; *ret_found false when there is none. */
static enum err_class find_tag(struct tenant *tenant, struct str name, int64_t *ret,
                               bool *ret_found, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    unsigned char digest[VAULT_DIGEST_BYTES];
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT id FROM tag WHERE name_digest = $1 ORDER BY id LIMIT 1"),
                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    vault_digest(tenant->vault, "tag", "name", name, digest);
    db_bind_blob(stmt, 1, (struct str){(const char *)digest, sizeof(digest)});
    rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        *ret = db_i64(stmt, 0);
    return rc;
}

/* Its number must be known before its name can be sealed for that row. */
static enum err_class next_tag_id(struct tenant *tenant, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db, SQL("SELECT coalesce(max(id), 0) + 1 AS id FROM tag"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

static enum err_class insert_tag(struct tenant *tenant, int64_t id, struct str name,
                                 struct strbuf *sealed, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    unsigned char digest[VAULT_DIGEST_BYTES];
    struct vault_place place = {.record = "tag", .field = "name", .row = id};
    enum err_class rc = vault_seal(tenant->vault, tenant->ctx, &place, name, sealed, err);

    if (rc == ERR_OK)
        rc = db_prepare(tenant->db,
                        SQL("INSERT INTO tag (id, name, name_digest) VALUES ($1, $2, $3)"), &stmt,
                        err);
    if (rc != ERR_OK)
        return rc;
    vault_digest(tenant->vault, "tag", "name", name, digest);
    db_bind_i64(stmt, 1, id);
    db_bind_blob(stmt, 2, strbuf_str(sealed));
    db_bind_blob(stmt, 3, (struct str){(const char *)digest, sizeof(digest)});
    return db_run(stmt, err);
}

enum err_class tag_ref(struct tenant *tenant, struct str name, int64_t *ret, struct err *err)
{
    struct strbuf sealed = STRBUF_INIT(LIMIT_TAG_NAME_BYTES + VAULT_SEAL_OVERHEAD);
    bool found = false;
    enum err_class rc = check_name(name, err);

    if (rc == ERR_OK)
        rc = find_tag(tenant, name, ret, &found, err);
    if (rc == ERR_OK && !found)
        rc = next_tag_id(tenant, ret, err);
    if (rc == ERR_OK && !found)
        rc = insert_tag(tenant, *ret, name, &sealed, err);
    strbuf_done(&sealed);
    return rc;
}

static enum err_class run_pair(struct tenant *tenant, const char *sql, int64_t worklog, int64_t tag,
                               struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db, sql, &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, worklog);
    db_bind_i64(stmt, 2, tag);
    return db_run(stmt, err);
}

static enum err_class check_room(struct tenant *tenant, int64_t worklog_id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(
        tenant->db, SQL("SELECT count(*) AS n FROM worklog_tag WHERE client_worklog_id = $1"),
        &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, worklog_id);
    rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && db_i64(stmt, 0) > LIMIT_TAGS_PER_WORKLOG)
        return err_set(err, ERR_LIMIT, "the worklog %lld has %d tags already, which is the limit",
                       (long long)worklog_id, LIMIT_TAGS_PER_WORKLOG);
    return rc;
}

static enum err_class add_in_tx(struct mirror *mirror, int64_t worklog_id, struct str name,
                                struct err *err)
{
    struct tenant *tenant = mirror->tenant;
    int64_t issue = 0, tag = 0;
    enum err_class rc = mirror_issue_of(tenant, worklog_id, &issue, err);

    if (rc == ERR_OK)
        rc = tag_ref(tenant, name, &tag, err);
    if (rc == ERR_OK)
        rc = run_pair(tenant,
                      SQL("INSERT INTO worklog_tag (client_worklog_id, tag) VALUES ($1, $2)"
                          " ON CONFLICT (client_worklog_id, tag) DO NOTHING"),
                      worklog_id, tag, err);
    if (rc == ERR_OK) /* afterwards, as one that was there needs no room */
        rc = check_room(tenant, worklog_id, err);
    if (rc == ERR_OK)
        rc = mirror_note_change(mirror, worklog_id, err);
    return rc;
}

static enum err_class remove_in_tx(struct mirror *mirror, int64_t worklog_id, struct str name,
                                   struct err *err)
{
    struct tenant *tenant = mirror->tenant;
    int64_t issue = 0, tag = 0;
    bool found = false;
    enum err_class rc = mirror_issue_of(tenant, worklog_id, &issue, err);

    if (rc == ERR_OK)
        rc = find_tag(tenant, name, &tag, &found, err);
    if (rc == ERR_OK && !found)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = run_pair(tenant,
                      SQL("DELETE FROM worklog_tag WHERE client_worklog_id = $1 AND tag = $2"),
                      worklog_id, tag, err);
    if (rc == ERR_OK)
        rc = mirror_note_change(mirror, worklog_id, err);
    return rc;
}

static enum err_class in_tx(struct mirror *mirror,
                            enum err_class (*change)(struct mirror *, int64_t, struct str,
                                                     struct err *),
                            int64_t worklog_id, struct str name, struct err *err)
{
    struct db *db = mirror->tenant->db;
    bool own = !db_in_tx(db);
    enum err_class rc = check_name(name, err);

    if (rc == ERR_OK && own)
        rc = db_begin(db, DB_WRITE, err);
    if (rc == ERR_OK)
        rc = change(mirror, worklog_id, name, err);
    if (!own)
        return rc;
    if (rc == ERR_OK)
        return db_commit(db, err);
    db_rollback(db);
    return rc;
}

enum err_class tag_add(struct mirror *mirror, int64_t worklog_id, struct str name, struct err *err)
{
    return in_tx(mirror, add_in_tx, worklog_id, name, err);
}

enum err_class tag_remove(struct mirror *mirror, int64_t worklog_id, struct str name,
                          struct err *err)
{
    return in_tx(mirror, remove_in_tx, worklog_id, name, err);
}

static enum err_class clear(struct tenant *tenant, int64_t worklog_id, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(
        tenant->db, SQL("DELETE FROM worklog_tag WHERE client_worklog_id = $1"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, worklog_id);
    return db_run(stmt, err);
}

enum err_class tags_replace(struct mirror *mirror, int64_t worklog_id, const struct str *names,
                            size_t count, struct err *err)
{
    struct tenant *tenant = mirror->tenant;
    int64_t issue = 0;
    enum err_class rc = mirror_issue_of(tenant, worklog_id, &issue, err);

    assert(db_in_tx(tenant->db));
    for (size_t i = 0; i < count && rc == ERR_OK; i++)
        rc = check_name(names[i], err);
    if (rc == ERR_OK)
        rc = clear(tenant, worklog_id, err);
    for (size_t i = 0; i < count && rc == ERR_OK; i++) {
        int64_t tag = 0;

        rc = tag_ref(tenant, names[i], &tag, err);
        if (rc == ERR_OK)
            rc = run_pair(tenant,
                          SQL("INSERT INTO worklog_tag (client_worklog_id, tag) VALUES ($1, $2)"
                              " ON CONFLICT (client_worklog_id, tag) DO NOTHING"),
                          worklog_id, tag, err);
    }
    if (rc == ERR_OK)
        rc = check_room(tenant, worklog_id, err);
    if (rc == ERR_OK)
        rc = mirror_note_change(mirror, worklog_id, err);
    return rc;
}

enum err_class tags_each(struct tenant *tenant, struct str account,
                         enum err_class (*each)(void *arg, struct str name, int64_t count,
                                                struct err *err),
                         void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    struct strbuf name = STRBUF_INIT(LIMIT_TAG_NAME_BYTES);
    bool row = false;
    enum err_class rc =
        db_prepare(tenant->db,
                   SQL("SELECT tag.id, tag.name, coalesce(used.n, 0) AS n FROM tag LEFT JOIN"
                       " (SELECT t.tag, count(*) AS n FROM worklog_tag AS t JOIN worklog AS w"
                       " ON w.client_worklog_id = t.client_worklog_id LEFT JOIN person AS p"
                       " ON p.id = w.person WHERE $1 = '' OR p.account_id = $1 GROUP BY t.tag)"
                       " AS used ON used.tag = tag.id ORDER BY tag.id LIMIT 100000"),
                   &stmt, err);

    if (rc == ERR_OK)
        db_bind_text(stmt, 1, account.ptr ? account : STR(""));
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct vault_place place = {.record = "tag", .field = "name", .row = db_i64(stmt, 0)};

        strbuf_reset(&name);
        rc = vault_unseal(tenant->vault, &place, db_blob(stmt, 1), &name, err);
        if (rc == ERR_OK)
            rc = each(arg, strbuf_str(&name), db_i64(stmt, 2), err);
    }
    vault_wipe(&name);
    return rc;
}
