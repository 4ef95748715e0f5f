/*
 * person_erase.c: one person out of a tenant.
 *
 * First the mark, durable: from then on the account counts as erased, and whatever happens, the
 * rest can be finished. Then the rows: their keys are read once (a reference need not have an
 * index), and they go a few thousand in a transaction, each after those that go with it. The last
 * transaction takes what is small, the person's own row, and, if anybody else has written
 * meanwhile, whatever refers to the person still; and it tells the apps.
 */
#include "custody/person_internal.h"

#include "store/erased.h"

#define BATCH_ROWS 2000 /* of one transaction */

/* One record that refers to the person itself, by a single number as its key: its rows. */
struct top {
    const struct path *path;
    int64_t *keys; /* ascending */
    size_t count, room;
};

/* An erasure under way. */
struct erasing {
    struct tenant *tenant;
    const struct rows_hook *hook;
    int64_t number;
    struct paths paths;
    struct top tops[PATHS_MAX];
    size_t top_count;
    int64_t version; /* db_others_version, when the keys were read */
    int64_t rows;    /* that went */
};

static void erasing_free(struct erasing *erasing)
{
    if (!erasing)
        return;
    for (size_t i = 0; i < erasing->top_count; i++)
        free(erasing->tops[i].keys);
    free(erasing);
}
AUTO_DEFINE(struct erasing, erasing_free)

static enum err_class add_key(struct top *top, int64_t key, struct err *err)
{
    if (top->count == top->room) {
        size_t more = top->room ? top->room * 2 : 1024;
        int64_t *grown = reallocarray(top->keys, more, sizeof(grown[0]));

        if (!grown)
            return err_memory(err);
        top->keys = grown;
        top->room = more;
    }
    top->keys[top->count++] = key;
    return ERR_OK;
}

/* Reads the keys once: where the reference has no index, that is a look at all rows. */
static enum err_class collect(struct erasing *erasing, struct top *top, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(PERSON_SQL_BYTES);
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    const struct path *path = top->path;
    const char *key = path->record->fields[0].name;
    bool row = false;

    strbuf_addf(&sql, "SELECT %s FROM %s WHERE %s = $1 ORDER BY %s LIMIT 1000000000", key,
                path->record->name, path->field->name, key);

    enum err_class rc = strbuf_check(&sql, "a question to the database", err);

    if (rc == ERR_OK)
        rc = db_prepare_built(erasing->tenant->db, strbuf_z(&sql), &stmt, err);
    if (rc != ERR_OK)
        return rc;
    db_bind_i64(stmt, 1, erasing->number);
    while (rc == ERR_OK && (rc = db_step(stmt, &row, err)) == ERR_OK && row)
        rc = add_key(top, db_i64(stmt, 0), err);
    return rc;
}

static enum err_class collect_all(struct erasing *erasing, struct err *err)
{
    struct db *db = erasing->tenant->db;
    enum err_class rc = db_begin(db, DB_READ, err);

    if (rc != ERR_OK)
        return rc;
    rc = db_others_version(db, &erasing->version, err);
    for (size_t i = 1; i < erasing->paths.count && rc == ERR_OK; i++) {
        const struct path *path = &erasing->paths.list[i];
        struct top *top = &erasing->tops[erasing->top_count];

        if (path->parent || !person_has_one_key(path->record) ||
            path->record->fields[0].type != TYPE_INT)
            continue;
        top->path = path;
        erasing->top_count++;
        rc = collect(erasing, top, err);
    }
    db_rollback(db); /* nothing was written */
    return rc;
}

/* What goes with one row of `top`, then that row: statements with its key as parameter. */
struct batch {
    struct db_stmt *list[PATHS_MAX]; /* in the order in which they run */
    size_t count;
};

static void batch_done(struct batch *batch)
{
    for (size_t i = 0; i < batch->count; i++)
        db_finish(batch->list[i]);
}

static bool is_below(const struct path *path, const struct path *top)
{
    for (; path; path = path->parent)
        if (path == top)
            return true;
    return false;
}

/* The condition of a path that is below `top`, with the key of top's row as $1. */
static void add_row_condition(const struct path *path, const struct path *top, struct strbuf *sql)
{
    size_t closing = 0;

    for (; path != top && path->parent != top; path = path->parent, closing++)
        strbuf_addf(sql, "%s IN (SELECT %s FROM %s WHERE ", path->field->name,
                    path->parent->record->fields[0].name, path->parent->record->name);
    strbuf_addf(sql, "%s = $1", path == top ? top->record->fields[0].name : path->field->name);
    for (; closing > 0; closing--)
        strbuf_add_char(sql, ')');
}

static enum err_class batch_prepare(struct erasing *erasing, const struct path *top,
                                    struct batch *ret, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t i = erasing->paths.count; i-- > 0 && rc == ERR_OK;) {
        AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(PERSON_SQL_BYTES);
        const struct path *path = &erasing->paths.list[i];

        if (!is_below(path, top))
            continue;
        strbuf_addf(&sql, "DELETE FROM %s WHERE ", path->record->name);
        add_row_condition(path, top, &sql);
        rc = strbuf_check(&sql, "a deletion", err);
        if (rc == ERR_OK)
            rc = db_prepare_built(erasing->tenant->db, strbuf_z(&sql), &ret->list[ret->count], err);
        if (rc == ERR_OK)
            ret->count++;
    }
    return rc;
}

static enum err_class batch_run(struct erasing *erasing, const struct batch *batch,
                                const struct top *top, size_t from, int64_t *went, struct err *err)
{
    enum err_class rc = ERR_OK;

    for (size_t at = from; at < top->count && at < from + BATCH_ROWS; at++)
        for (size_t i = 0; i < batch->count && rc == ERR_OK; i++) {
            db_bind_i64(batch->list[i], 1, top->keys[at]);
            rc = db_run(batch->list[i], err);
            if (rc == ERR_OK)
                *went += db_changes(erasing->tenant->db);
        }
    return rc;
}

static enum err_class erase_top(struct erasing *erasing, const struct top *top, struct err *err)
{
    AUTO(batch_done) struct batch batch = {0};
    struct db *db = erasing->tenant->db;
    enum err_class rc = batch_prepare(erasing, top->path, &batch, err);

    for (size_t from = 0; from < top->count && rc == ERR_OK; from += BATCH_ROWS) {
        int64_t went = 0;

        /* Not durable at once: the mark is, and the last transaction makes all before it so. */
        rc = db_begin(db, DB_BULK, err);
        if (rc == ERR_OK)
            rc = db_end(db, batch_run(erasing, &batch, top, from, &went, err), err);
        if (rc == ERR_OK)
            erasing->rows += went;
        if (rc == ERR_OK)
            rc = ctx_check(erasing->tenant->ctx, err);
    }
    return rc;
}

/* Its rows, and what went with them, are all gone: nobody else has written since we looked. */
static bool is_done(const struct erasing *erasing, const struct path *path, int64_t version)
{
    for (size_t i = 0; i < erasing->top_count && version == erasing->version; i++)
        if (is_below(path, erasing->tops[i].path))
            return true;
    return false;
}

static enum err_class erase_rest(struct erasing *erasing, int64_t *went, struct err *err)
{
    struct db *db = erasing->tenant->db;
    int64_t version = 0;
    enum err_class rc = db_others_version(db, &version, err);

    for (size_t i = erasing->paths.count; i-- > 0 && rc == ERR_OK;) {
        AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
        const struct path *path = &erasing->paths.list[i];

        if (is_done(erasing, path, version))
            continue;
        rc = person_prepare(erasing->tenant, "DELETE", path, erasing->number, &stmt, err);
        if (rc == ERR_OK)
            rc = db_run(stmt, err);
        if (rc == ERR_OK)
            *went += db_changes(db);
    }
    return rc;
}

/* What came in between goes too, and with it the person's own row: the end, whole. */
static enum err_class erase_last(struct erasing *erasing, struct err *err)
{
    struct tenant *tenant = erasing->tenant;
    const struct rows_hook *hook = erasing->hook;
    int64_t went = 0;
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = erase_rest(erasing, &went, err);
    if (rc == ERR_OK)
        rc = erased_end(tenant, erasing->number, err);
    if (rc == ERR_OK && hook)
        rc = hook->changed(hook->arg, tenant, err);
    if (rc == ERR_OK)
        rc = person_tell_audit(tenant, AUDIT_PERSON_ERASED, erasing->number, erasing->rows + went,
                               "done", err);
    rc = db_end(tenant->db, rc, err);
    if (rc == ERR_OK)
        erasing->rows += went;
    return rc;
}

static enum err_class erase_number(struct tenant *tenant, int64_t number,
                                   const struct rows_hook *hook, int64_t *rows, struct err *err)
{
    AUTO(erasing_free_autop) struct erasing *erasing = calloc(1, sizeof(*erasing));

    if (!erasing)
        return err_memory(err);
    erasing->tenant = tenant;
    erasing->hook = hook;
    erasing->number = number;

    enum err_class rc = person_paths(tenant->catalog, &erasing->paths, err);

    if (rc == ERR_OK)
        rc = collect_all(erasing, err);
    for (size_t i = 0; i < erasing->top_count && rc == ERR_OK; i++)
        rc = erase_top(erasing, &erasing->tops[i], err);
    if (rc == ERR_OK)
        rc = erase_last(erasing, err);
    if (rc == ERR_OK)
        *rows = erasing->rows;
    return rc;
}

enum err_class person_overwrite(struct tenant *tenant, struct err *err)
{
    return db_make_durable(tenant->db, err); /* copies the log into the database file */
}

static enum err_class mark(struct tenant *tenant, struct str account, int64_t *ret_number,
                           struct err *err)
{
    enum err_class rc = db_begin(tenant->db, DB_WRITE, err);

    if (rc != ERR_OK)
        return rc;
    rc = person_number(tenant, account, ret_number, err);
    if (rc == ERR_OK && *ret_number)
        rc = erased_add(tenant, account, *ret_number, err);
    if (rc == ERR_OK && *ret_number)
        rc = person_tell_audit(tenant, AUDIT_PERSON_ERASED, *ret_number, 0, "begun", err);
    return db_end(tenant->db, rc, err);
}

enum err_class person_erase(struct tenant *tenant, struct str account, int64_t wait_ms,
                            const struct rows_hook *hook, struct person_erased *ret,
                            struct err *err)
{
    struct disk_lock lock = {-1};
    struct person_erased done = {0};
    enum err_class rc = person_check_account(account, err);

    if (rc == ERR_OK)
        rc = rows_lock(tenant, wait_ms, &lock, err);
    if (rc != ERR_OK)
        return rc;
    rc = mark(tenant, account, &done.number, err);
    done.held = done.number != 0;
    if (rc == ERR_OK && done.held)
        rc = erase_number(tenant, done.number, hook, &done.rows, err);
    disk_unlock(tenant->ctx, &lock);
    if (rc == ERR_OK)
        *ret = done;
    return rc;
}

static enum err_class next_unfinished(struct tenant *tenant, int64_t *ret, bool *ret_found,
                                      struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    enum err_class rc = db_prepare(tenant->db,
                                   SQL("SELECT person FROM erased_person WHERE person IS NOT NULL"
                                       " ORDER BY person LIMIT 1"),
                                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, ret_found, err);
    if (rc == ERR_OK && *ret_found)
        *ret = db_i64(stmt, 0);
    return rc;
}

enum err_class person_erase_rest(struct tenant *tenant, const struct rows_hook *hook,
                                 int64_t *ret_count, struct err *err)
{
    struct disk_lock lock = {-1};
    int64_t number = 0, rows = 0;
    bool found = false;
    enum err_class rc = next_unfinished(tenant, &number, &found, err);

    *ret_count = 0;
    if (rc != ERR_OK || !found) /* mostly: no lock is taken for nothing */
        return rc;
    rc = rows_lock(tenant, 0, &lock, err);
    if (rc != ERR_OK)
        return rc;
    /* Ends: each turn makes one fewer. */
    while (rc == ERR_OK && found) {
        rc = erase_number(tenant, number, hook, &rows, err);
        if (rc == ERR_OK) {
            (*ret_count)++;
            rc = next_unfinished(tenant, &number, &found, err);
        }
    }
    disk_unlock(tenant->ctx, &lock);
    return rc == ERR_OK ? person_overwrite(tenant, err) : rc;
}
