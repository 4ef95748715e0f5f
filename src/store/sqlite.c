/*
 * sqlite.c: db.h on SQLCipher (SQLite with page encryption).
 *
 * Parameters of the cipher: a raw 32-byte key (no passphrase derivation), 8 kB pages,
 * HMAC-SHA256: measured at 8 % over plain SQLite, where the defaults cost 37 %. WAL, so that
 * reports read while a sync writes. Temporary b-trees stay in memory: a temporary file would hold
 * plain text.
 *
 * Durability: DB_WRITE commits with synchronous=FULL (the log is on the disk when commit returns),
 * DB_BULK with NORMAL (a power cut may take back the latest commits, whole and in order).
 *
 * Statements are prepared once a handle for each SQL literal and found again by the literal's
 * address. `$n` is bound by name: SQLite numbers parameters by first appearance, not by their
 * digits.
 */
#include "store/db.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sodium.h>
#include <sqlite3.h>
#include <unistd.h>

#include "base/disk.h"
#include "base/limits.h"
#include "store/scratch_vfs.h"
#include "store/sqlite_feed.h"
#include "store/sqlite_size.h"

#ifndef SQLITE_HAS_CODEC
int sqlite3_key(sqlite3 *db, const void *key, int key_len);
#endif

#define BUSY_MS 10000
#define STATEMENTS_KEPT 64
#define CACHE_KIB 49152
#define CHECKPOINT_PAGES 6000 /* 48 MB of log */

struct db_stmt {
    struct db *db;
    sqlite3_stmt *stmt;
    const char *sql; /* the literal */
    bool in_use;
    bool kept;  /* in the handle's table; else freed by db_finish */
    int failed; /* first SQLite error of a bind; SQLITE_OK when none */
    unsigned char slot[LIMIT_SQL_PARAMETERS + 1]; /* $n -> SQLite's index; 0: not used */
};

struct db {
    sqlite3 *sqlite;
    struct scratch_vfs *scratch; /* below it; NULL: what the context says */
    char *path;
    bool in_tx;
    bool full; /* synchronous=FULL is set */
    bool read_only;
    struct db_stmt statements[STATEMENTS_KEPT];
    size_t statement_count;
};

static enum err_class fail(struct db *db, int code, struct err *err)
{
    int primary = code & 0xff;
    int sys = sqlite3_system_errno(db->sqlite);

    if (primary == SQLITE_FULL || (primary == SQLITE_IOERR && (sys == ENOSPC || sys == EDQUOT)))
        return err_set(err, ERR_SPACE,
                       "the disk that holds %s is full; make room and run it again: what was "
                       "stored is safe",
                       db->path);
    if (primary == SQLITE_NOMEM)
        return err_memory(err);
    if (primary == SQLITE_NOTADB)
        return err_set(err, ERR_KEY,
                       "%s does not open with its key: the key file belongs to other data, or the "
                       "database is damaged",
                       db->path);
    if (primary == SQLITE_CORRUPT)
        return err_set(err, ERR_CORRUPT, "%s is damaged (%s); restore it from a backup", db->path,
                       sqlite3_errmsg(db->sqlite));
    /* A read-only folder shows as a log that cannot be made. */
    bool sealed_off = access(db->path, F_OK) == 0 && access(db->path, W_OK) != 0;

    if (primary == SQLITE_READONLY || (primary == SQLITE_CANTOPEN && sealed_off))
        return err_set(err, ERR_DISK, "%s cannot be written: the file or its folder is read-only",
                       db->path);
    if (primary == SQLITE_BUSY || primary == SQLITE_LOCKED)
        return err_set(err, ERR_CONFLICT,
                       "%s is being written by another process; try again when it has ended",
                       db->path);
    if (primary == SQLITE_IOERR || primary == SQLITE_CANTOPEN)
        return err_set(err, ERR_DISK, "%s: %s%s%s", db->path, sqlite3_errstr(code), sys ? ": " : "",
                       sys ? strerrordesc_np(sys) : "");
    if (primary == SQLITE_CONSTRAINT)
        return err_set(err, ERR_CONFLICT, "%s: %s", db->path, sqlite3_errmsg(db->sqlite));
    return err_set(err, ERR_BUG, "%s: %s (code %d)", db->path, sqlite3_errmsg(db->sqlite), code);
}

static enum err_class exec(struct db *db, const char *sql, struct err *err)
{
    int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

    return code == SQLITE_OK ? ERR_OK : fail(db, code, err);
}

/* A raw key is handed over as the text x'64 hex digits'. */
#define KEY_TEXT_BYTES (2 + 2 * DB_KEY_BYTES + 1)

static void key_text(const unsigned char *key, char ret[KEY_TEXT_BYTES + 1])
{
    ret[0] = 'x';
    ret[1] = '\'';
    sodium_bin2hex(ret + 2, 2 * DB_KEY_BYTES + 1, key, DB_KEY_BYTES);
    ret[2 + 2 * DB_KEY_BYTES] = '\'';
    ret[KEY_TEXT_BYTES] = '\0';
}

static enum err_class set_key(struct db *db, const unsigned char *key, struct err *err)
{
    char text[KEY_TEXT_BYTES + 1];

    key_text(key, text);

    int code = sqlite3_key(db->sqlite, text, KEY_TEXT_BYTES);

    sodium_memzero(text, sizeof(text));
    if (code != SQLITE_OK)
        return fail(db, code, err);
    return exec(db,
                "PRAGMA cipher_page_size = 8192;"
                "PRAGMA cipher_hmac_algorithm = HMAC_SHA256;",
                err);
}

/* SQLite takes a file that was cut to nothing for a new database. */
static enum err_class check_not_empty(struct db *db, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db, SQL("PRAGMA page_count"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && (!row || db_i64(stmt, 0) == 0))
        return err_set(err, ERR_CORRUPT,
                       "%s is empty, where data should be; restore it from a backup", db->path);
    return rc;
}

static enum err_class set_up(struct db *db, const struct db_options *options, struct err *err)
{
    enum err_class rc = ERR_OK;
    struct strbuf cache = STRBUF_INIT(64);

    (void)sqlite3_busy_timeout(db->sqlite, BUSY_MS);
    (void)sqlite3_extended_result_codes(db->sqlite, 1);
    /* Our sentence is enough: SQLCipher would write its own to standard error. */
    rc = exec(db, "PRAGMA cipher_log_level = NONE", err);
    if (rc == ERR_OK && options->key)
        rc = set_key(db, options->key, err);
    if (rc == ERR_OK && options->key) /* the first key of a process sets it back */
        rc = exec(db, "PRAGMA cipher_log_level = NONE", err);
    else if (rc == ERR_OK)
        rc = exec(db, "PRAGMA page_size = 8192", err);
    /* The first read is where a wrong key shows. */
    if (rc == ERR_OK)
        rc = exec(db, "SELECT count(*) FROM sqlite_master", err);
    if (rc == ERR_OK && !options->create)
        rc = check_not_empty(db, err);
    if (rc == ERR_OK)
        rc = exec(db, "PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON;", err);
    if (rc == ERR_OK && options->scratch)
        rc = exec(db, "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF;", err);
    else if (rc == ERR_OK && !options->read_only)
        rc = exec(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;", err);
    strbuf_addf(&cache, "PRAGMA cache_size = -%d",
                options->cache_kib ? options->cache_kib : CACHE_KIB);
    if (rc == ERR_OK)
        rc = exec(db, strbuf_z(&cache), err);
    strbuf_done(&cache);
    (void)sqlite3_wal_autocheckpoint(db->sqlite, CHECKPOINT_PAGES);
    db->full = true;
    return rc;
}

/*
 * SQLite would count its memory, under a lock at each allocation, and nobody asks for the count.
 * Only before its first use; once it was used otherwise, this is refused and costs time only.
 */
static void leave_memory_uncounted(void)
{
    (void)sqlite3_config(SQLITE_CONFIG_MEMSTATUS, 0);
}

enum err_class db_open(const struct ctx *ctx, const struct db_options *options, struct db **ret,
                       struct err *err)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    AUTO(db_close_autop) struct db *db = calloc(1, sizeof(*db));
    int flags = SQLITE_OPEN_NOMUTEX;

    if (!db)
        return err_memory(err);
    (void)pthread_once(&once, leave_memory_uncounted); /* cannot fail with a good flag */
    db->path = str_dup_z(str_from(options->path));
    if (!db->path)
        return err_memory(err);
    if (!options->create && !disk_exists(ctx, options->path))
        return err_set(err, ERR_NOT_FOUND, "the database %s does not exist", options->path);

    flags |= options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE;
    if (options->create)
        flags |= SQLITE_OPEN_CREATE;
    db->read_only = options->read_only;

    if (options->scratch && !(db->scratch = scratch_vfs_new(ctx->disk->sqlite_vfs)))
        return err_memory(err);

    const char *vfs = db->scratch ? scratch_vfs_name(db->scratch) : ctx->disk->sqlite_vfs;
    int code = sqlite3_open_v2(options->path, &db->sqlite, flags, vfs);

    if (code != SQLITE_OK)
        return fail(db, code, err);

    enum err_class rc = set_up(db, options, err);

    if (rc == ERR_OK)
        *ret = TAKE(db);
    return rc;
}

void db_close(struct db *db)
{
    if (!db)
        return;
    db_rollback(db);
    for (size_t i = 0; i < db->statement_count; i++)
        (void)sqlite3_finalize(db->statements[i].stmt); /* repeats an error already told */
    (void)sqlite3_close_v2(db->sqlite);
    scratch_vfs_free(db->scratch);
    free(db->path);
    free(db);
}

/* Fills the map from $n to SQLite's own index. */
static void map_parameters(struct db_stmt *stmt)
{
    int count = sqlite3_bind_parameter_count(stmt->stmt);

    memset(stmt->slot, 0, sizeof(stmt->slot));
    for (int i = 1; i <= count; i++) {
        const char *name = sqlite3_bind_parameter_name(stmt->stmt, i);
        uint32_t number = 0;

        assert(name && name[0] == '$');

        bool is_number = parse_u32(str_from(name + 1), 1, LIMIT_SQL_PARAMETERS, &number);

        assert(is_number);
        stmt->slot[number] = (unsigned char)i;
    }
}

static enum err_class compile(struct db *db, const char *sql, struct db_stmt *stmt, struct err *err)
{
    const char *rest = NULL;
    int code =
        sqlite3_prepare_v3(db->sqlite, sql, -1, SQLITE_PREPARE_PERSISTENT, &stmt->stmt, &rest);

    if (code != SQLITE_OK)
        return fail(db, code, err);
    assert(rest && *rest == '\0'); /* one statement a literal */
    stmt->db = db;
    stmt->sql = sql;
    stmt->in_use = true;
    stmt->failed = SQLITE_OK;
    map_parameters(stmt);
    return ERR_OK;
}

enum err_class db_prepare(struct db *db, const char *sql, struct db_stmt **ret, struct err *err)
{
    for (size_t i = 0; i < db->statement_count; i++) {
        struct db_stmt *stmt = &db->statements[i];

        if (stmt->sql == sql && !stmt->in_use) {
            stmt->in_use = true;
            stmt->failed = SQLITE_OK;
            *ret = stmt;
            return ERR_OK;
        }
    }

    if (db->statement_count < STATEMENTS_KEPT) {
        struct db_stmt *stmt = &db->statements[db->statement_count];

        *stmt = (struct db_stmt){.kept = true};

        enum err_class rc = compile(db, sql, stmt, err);

        if (rc != ERR_OK)
            return rc;
        db->statement_count++;
        *ret = stmt;
        return ERR_OK;
    }

    return db_prepare_built(db, sql, ret, err);
}

enum err_class db_prepare_built(struct db *db, const char *sql, struct db_stmt **ret,
                                struct err *err)
{
    struct db_stmt *stmt = calloc(1, sizeof(*stmt));

    if (!stmt)
        return err_memory(err);

    enum err_class rc = compile(db, sql, stmt, err);

    if (rc != ERR_OK) {
        free(stmt);
        return rc;
    }
    *ret = stmt;
    return ERR_OK;
}

static int slot_of(const struct db_stmt *stmt, int param)
{
    assert(param >= 1 && param <= LIMIT_SQL_PARAMETERS);
    assert(stmt->slot[param] != 0); /* $n stands in the statement */
    return stmt->slot[param];
}

static void note(struct db_stmt *stmt, int code)
{
    if (stmt->failed == SQLITE_OK)
        stmt->failed = code;
}

void db_bind_i64(struct db_stmt *stmt, int param, int64_t value)
{
    note(stmt, sqlite3_bind_int64(stmt->stmt, slot_of(stmt, param), value));
}

void db_bind_text(struct db_stmt *stmt, int param, struct str value)
{
    int slot = slot_of(stmt, param);

    if (!value.ptr)
        note(stmt, sqlite3_bind_null(stmt->stmt, slot));
    else
        note(stmt, sqlite3_bind_text64(stmt->stmt, slot, value.ptr, value.len, SQLITE_STATIC,
                                       SQLITE_UTF8));
}

void db_bind_blob(struct db_stmt *stmt, int param, struct str value)
{
    int slot = slot_of(stmt, param);

    if (!value.ptr)
        note(stmt, sqlite3_bind_null(stmt->stmt, slot));
    else
        note(stmt, sqlite3_bind_blob64(stmt->stmt, slot, value.ptr, value.len, SQLITE_STATIC));
}

void db_bind_null(struct db_stmt *stmt, int param)
{
    note(stmt, sqlite3_bind_null(stmt->stmt, slot_of(stmt, param)));
}

enum err_class db_step(struct db_stmt *stmt, bool *ret_row, struct err *err)
{
    if (stmt->failed != SQLITE_OK)
        return fail(stmt->db, stmt->failed, err);

    int code = sqlite3_step(stmt->stmt);

    if (code != SQLITE_ROW && code != SQLITE_DONE)
        return fail(stmt->db, code, err);
    *ret_row = code == SQLITE_ROW;
    return ERR_OK;
}

enum err_class db_run(struct db_stmt *stmt, struct err *err)
{
    bool row = true;
    enum err_class rc = ERR_OK;

    /* Ends with the rows of the statement, of which there are none or few. */
    while (rc == ERR_OK && row)
        rc = db_step(stmt, &row, err);
    db_reset(stmt);
    return rc;
}

void db_reset(struct db_stmt *stmt)
{
    (void)sqlite3_reset(stmt->stmt); /* repeats the error of the last step */
    stmt->failed = SQLITE_OK;
}

void db_finish(struct db_stmt *stmt)
{
    if (!stmt)
        return;
    db_reset(stmt);
    (void)sqlite3_clear_bindings(stmt->stmt);
    stmt->in_use = false;
    if (!stmt->kept) {
        (void)sqlite3_finalize(stmt->stmt);
        free(stmt);
    }
}

enum err_class db_feed(struct db *db, const char *sql, const struct db_feed *feed, struct err *err)
{
    struct db_stmt *stmt = NULL;
    int code = sqlite_feed_add(db->sqlite, feed);

    if (code != SQLITE_OK)
        return fail(db, code, err);

    enum err_class rc = db_prepare_built(db, sql, &stmt, err);

    if (rc == ERR_OK)
        rc = db_run(stmt, err);
    db_finish(stmt);
    sqlite_feed_remove(db->sqlite);
    return rc;
}

int db_col(const struct db_stmt *stmt, const char *name)
{
    int count = sqlite3_column_count(stmt->stmt);

    for (int i = 0; i < count; i++)
        if (strcmp(sqlite3_column_name(stmt->stmt, i), name) == 0)
            return i;
    assert(false && "the statement has a column of that name");
    return -1;
}

int64_t db_i64(const struct db_stmt *stmt, int col)
{
    return sqlite3_column_int64(stmt->stmt, col);
}

struct str db_text(const struct db_stmt *stmt, int col)
{
    const char *text = (const char *)sqlite3_column_text(stmt->stmt, col);

    return (struct str){text, text ? (size_t)sqlite3_column_bytes(stmt->stmt, col) : 0};
}

struct str db_blob(const struct db_stmt *stmt, int col)
{
    const char *bytes = sqlite3_column_blob(stmt->stmt, col);

    return (struct str){bytes, bytes ? (size_t)sqlite3_column_bytes(stmt->stmt, col) : 0};
}

bool db_is_null(const struct db_stmt *stmt, int col)
{
    return sqlite3_column_type(stmt->stmt, col) == SQLITE_NULL;
}

enum err_class db_exec(struct db *db, const char *sql, struct err *err)
{
    return exec(db, sql, err);
}

int64_t db_changes(const struct db *db)
{
    return sqlite3_changes64(db->sqlite);
}

enum err_class db_others_version(struct db *db, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db, SQL("PRAGMA data_version"), &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = db_i64(stmt, 0);
    return rc;
}

enum err_class db_begin(struct db *db, enum db_tx kind, struct err *err)
{
    bool full = kind != DB_BULK;
    enum err_class rc = ERR_OK;

    assert(!db->in_tx);
    if (kind != DB_READ && full != db->full) {
        rc = exec(db, full ? "PRAGMA synchronous = FULL" : "PRAGMA synchronous = NORMAL", err);
        if (rc != ERR_OK)
            return rc;
        db->full = full;
    }
    rc = exec(db, kind == DB_READ ? "BEGIN" : "BEGIN IMMEDIATE", err);
    if (rc == ERR_OK)
        db->in_tx = true;
    return rc;
}

enum err_class db_commit(struct db *db, struct err *err)
{
    assert(db->in_tx);

    enum err_class rc = exec(db, "COMMIT", err);

    if (rc == ERR_OK)
        db->in_tx = false;
    else
        db_rollback(db);
    return rc;
}

void db_rollback(struct db *db)
{
    if (db->in_tx && !sqlite3_get_autocommit(db->sqlite))
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL); /* closing undoes it too */
    db->in_tx = false;
}

enum err_class db_end(struct db *db, enum err_class rc, struct err *err)
{
    if (rc == ERR_OK)
        return db_commit(db, err);
    db_rollback(db);
    return rc;
}

bool db_in_tx(const struct db *db)
{
    return db->in_tx;
}

enum err_class db_make_durable(struct db *db, struct err *err)
{
    /* A checkpoint syncs the log first; a reader that stops it half way does not matter. */
    int code = sqlite3_wal_checkpoint_v2(db->sqlite, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);

    return code == SQLITE_OK ? ERR_OK : fail(db, code, err);
}

enum err_class db_each_table(struct db *db,
                             enum err_class (*each)(void *arg, struct str name, struct err *err),
                             void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db,
                                   SQL("SELECT name FROM sqlite_master"
                                       " WHERE type = 'table' AND name NOT LIKE 'sqlite\\_%'"
                                       " ESCAPE '\\' ORDER BY name LIMIT 10000"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        rc = each(arg, db_text(stmt, 0), err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

enum err_class db_each_column(struct db *db, const char *table,
                              enum err_class (*each)(void *arg, const struct db_column *column,
                                                     struct err *err),
                              void *arg, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db,
                                   SQL("SELECT name, type, \"notnull\" AS not_null, pk"
                                       " FROM pragma_table_info($1) ORDER BY cid LIMIT 10000"),
                                   &stmt, err);

    if (rc != ERR_OK)
        return rc;
    db_bind_text(stmt, 1, str_from(table));
    while ((rc = db_step(stmt, &row, err)) == ERR_OK && row) {
        struct db_column column = {0};

        (void)snprintf(column.name, sizeof(column.name), STR_FMT, STR_ARG(db_text(stmt, 0)));
        (void)snprintf(column.type, sizeof(column.type), STR_FMT, STR_ARG(db_text(stmt, 1)));
        column.not_null = db_i64(stmt, 2) != 0;
        column.key_position = (int)db_i64(stmt, 3);
        rc = each(arg, &column, err);
        if (rc != ERR_OK)
            return rc;
    }
    return rc;
}

/* The first line that a checking pragma gives, if it is not `good`, is the finding. */
static enum err_class check_pragma(struct db *db, const char *sql, const char *good,
                                   struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc = db_prepare(db, sql, &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK && row && !str_eq_z(db_text(stmt, 0), good))
        return err_set(err, ERR_CORRUPT, "%s is damaged: " STR_FMT "; restore it from a backup",
                       db->path, STR_ARG(db_text(stmt, 0)));
    return rc;
}

enum err_class db_measure_table(struct db *db, const char *table, const char *time_column,
                                int64_t *ret_rows, int64_t *ret_oldest, struct err *err)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(512);
    sqlite3_stmt *stmt = NULL;

    /* Names of the catalogue need no quotes; the text is no literal, so it is not kept. */
    strbuf_addf(&sql, "SELECT count(*), min(%s) FROM %s", time_column ? time_column : "NULL",
                table);
    if (strbuf_check(&sql, "a question to the database", err) != ERR_OK)
        return err->class;

    int code = sqlite3_prepare_v2(db->sqlite, strbuf_z(&sql), -1, &stmt, NULL);

    if (code == SQLITE_OK)
        code = sqlite3_step(stmt);
    if (code == SQLITE_ROW) {
        *ret_rows = sqlite3_column_int64(stmt, 0);
        *ret_oldest = sqlite3_column_int64(stmt, 1);
    }
    (void)sqlite3_finalize(stmt); /* repeats an error already seen */
    return code == SQLITE_ROW ? ERR_OK : fail(db, code, err);
}

enum err_class db_weigh_record(struct db *db, const struct record *record, int64_t rows,
                               int64_t *ret_bytes, struct err *err)
{
    int code = sqlite_size_weigh(db->sqlite, record, rows, ret_bytes);

    return code == SQLITE_OK ? ERR_OK : fail(db, code, err);
}

enum err_class db_used_bytes(struct db *db, int64_t *ret, struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    bool row = false;
    enum err_class rc =
        db_prepare(db,
                   SQL("SELECT (page_count - freelist_count) * page_size FROM pragma_page_count,"
                       " pragma_freelist_count, pragma_page_size ORDER BY page_size LIMIT 1"),
                   &stmt, err);

    if (rc == ERR_OK)
        rc = db_step(stmt, &row, err);
    if (rc == ERR_OK)
        *ret = row ? db_i64(stmt, 0) : 0;
    return rc;
}

enum err_class db_check_integrity(struct db *db, struct err *err)
{
    /* The first compares each page with its HMAC; no row means that all are good. */
    enum err_class rc = check_pragma(db, SQL("PRAGMA cipher_integrity_check"), "", err);

    if (rc == ERR_OK)
        rc = check_pragma(db, SQL("PRAGMA integrity_check(1)"), "ok", err);
    return rc;
}

static enum err_class attach(struct db *db, const char *path, const unsigned char *key,
                             struct err *err)
{
    AUTO(db_finish_autop) struct db_stmt *stmt = NULL;
    char text[KEY_TEXT_BYTES + 1];
    enum err_class rc = db_prepare(db, SQL("ATTACH $1 AS fresh KEY $2"), &stmt, err);

    if (rc != ERR_OK)
        return rc;
    key_text(key, text);
    db_bind_text(stmt, 1, str_from(path));
    db_bind_text(stmt, 2, (struct str){text, KEY_TEXT_BYTES});
    rc = db_run(stmt, err);
    sodium_memzero(text, sizeof(text));
    return rc;
}

enum err_class db_copy(struct db *db, const char *path, const unsigned char *key, struct err *err)
{
    /* The handle was told not to make files, and so is what it attaches: an empty one is a new one.
     */
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    enum err_class rc;

    if (fd < 0)
        return err_errno(err, errno, "cannot make %s", path);
    (void)close(fd);
    rc = attach(db, path, key, err);
    if (rc != ERR_OK)
        return rc;
    /* No journal: a copy that was cut short is thrown away. */
    rc = exec(db,
              "PRAGMA fresh.cipher_page_size = 8192;"
              "PRAGMA fresh.cipher_hmac_algorithm = HMAC_SHA256;"
              "PRAGMA fresh.journal_mode = OFF;"
              "PRAGMA fresh.synchronous = OFF;"
              "BEGIN;"
              "SELECT sqlcipher_export('fresh');"
              "COMMIT;",
              err);

    /* The first error is the one to tell; closing the handle detaches too. */
    if (sqlite3_get_autocommit(db->sqlite) == 0)
        (void)sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
    (void)sqlite3_exec(db->sqlite, "DETACH fresh", NULL, NULL, NULL);
    return rc;
}
