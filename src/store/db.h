#ifndef STORE_DB_H
#define STORE_DB_H
#include <stdbool.h>
#include <stdint.h>

#include "base/ctx.h"
#include "base/str.h"

/*
 * A database: open, execute, step, transaction. One handle belongs to one thread at a time. SQL is
 * a literal with $1, $2 … parameters; columns are found by name once, before the loop:
 *
 *     struct db_stmt *stmt = …;
 *     db_prepare(db, SQL("SELECT id, name FROM tag ORDER BY id"), &stmt, err);
 *     int id = db_col(stmt, "id"), name = db_col(stmt, "name");
 *     while ((rc = db_step(stmt, &row, err)) == ERR_OK && row)
 *         use(db_i64(stmt, id), db_text(stmt, name));
 *     db_finish(stmt);
 *
 * Prepared statements are kept by the handle and reused for the same literal.
 */
struct db;
struct record;
struct db_stmt;

/* A literal only: "" x "" does not compile otherwise. */
#define SQL(text) ("" text "")

#define DB_KEY_BYTES 32

struct db_options {
    const char *path;
    const unsigned char *key; /* DB_KEY_BYTES; NULL: not encrypted (tests only) */
    bool read_only;
    bool create;   /* make the file when it is absent */
    int cache_kib; /* page cache; 0: 48 MiB */
    bool scratch;  /* a new file that counts for nothing until it is whole: no journal, no sync */
};

/*
 * Errors: ERR_NOT_FOUND (absent and !create), ERR_KEY (the key does not open it), ERR_CORRUPT,
 * ERR_SPACE, ERR_DISK.
 */
MUST_USE enum err_class db_open(const struct ctx *ctx, const struct db_options *options,
                                struct db **ret, struct err *err);
void db_close(struct db *db); /* NULL is fine; open transactions are rolled back */
AUTO_DEFINE(struct db, db_close)

MUST_USE enum err_class db_prepare(struct db *db, const char *sql, struct db_stmt **ret,
                                   struct err *err);
/*
 * The same for a text that was built from names of the catalogue (all columns of a table): borrowed
 * for the call, and not kept. Not for anything that came from outside.
 */
MUST_USE enum err_class db_prepare_built(struct db *db, const char *sql, struct db_stmt **ret,
                                         struct err *err);
/* Parameters, 1-based. Text and blobs are borrowed until the next db_step, db_reset or db_finish.
 */
void db_bind_i64(struct db_stmt *stmt, int param, int64_t value);
void db_bind_text(struct db_stmt *stmt, int param, struct str value); /* NULL ptr binds NULL */
void db_bind_blob(struct db_stmt *stmt, int param, struct str value); /* NULL ptr binds NULL */
void db_bind_null(struct db_stmt *stmt, int param);
/* *ret_row: true when there is a row, false at the end. */
MUST_USE enum err_class db_step(struct db_stmt *stmt, bool *ret_row, struct err *err);
/* For statements without rows: step to the end, then reset for the next use. */
MUST_USE enum err_class db_run(struct db_stmt *stmt, struct err *err);
void db_reset(struct db_stmt *stmt);
void db_finish(struct db_stmt *stmt); /* back to the handle; NULL is fine */
AUTO_DEFINE(struct db_stmt, db_finish)

/*
 * Many rows that a function makes, in one statement: "INSERT INTO t (a, b) SELECT c1, c2 FROM
 * db_feed", built as for db_prepare_built. A statement a row costs more than the row itself.
 *   next   the values c1, c2 … of the next row, borrowed until it is called again; NULL: no more,
 *          also when it failed, which it has to remember itself
 */
struct db_value {
    enum db_kind { DB_NULL, DB_I64, DB_TEXT, DB_BLOB } kind;
    int64_t number;
    struct str bytes; /* of text and blobs: never a NULL pointer */
};
struct db_feed {
    const struct db_value *(*next)(void *arg);
    void *arg;
};
MUST_USE enum err_class db_feed(struct db *db, const char *sql, const struct db_feed *feed,
                                struct err *err);

int db_col(const struct db_stmt *stmt, const char *name); /* asserts that it is there */
int64_t db_i64(const struct db_stmt *stmt, int col);      /* 0 when NULL */
struct str db_text(const struct db_stmt *stmt, int col);  /* borrowed until the next step */
struct str db_blob(const struct db_stmt *stmt, int col);  /* the same */
bool db_is_null(const struct db_stmt *stmt, int col);

/*
 * A number that is another one when somebody else than this handle has changed the database since
 * it was last asked for.
 */
MUST_USE enum err_class db_others_version(struct db *db, int64_t *ret, struct err *err);

/* Statements without parameters or rows; several, split by ';', are fine. */
MUST_USE enum err_class db_exec(struct db *db, const char *sql, struct err *err);
/* Rows that the last db_run changed. */
int64_t db_changes(const struct db *db);

/*
 * Transactions. `bulk` ones are not yet durable when db_commit returns (a power cut may take them
 * back, whole, in order): right where the cursor that would repeat the work is in the same one.
 * Nothing else may be acknowledged before db_make_durable.
 */
enum db_tx { DB_READ, DB_WRITE, DB_BULK };
MUST_USE enum err_class db_begin(struct db *db, enum db_tx kind, struct err *err);
MUST_USE enum err_class db_commit(struct db *db, struct err *err);
void db_rollback(struct db *db); /* the undo: never fails, no-op outside a transaction */
/* The usual end: commits on ERR_OK, else rolls back and keeps the error. Returns what holds then.
 */
MUST_USE enum err_class db_end(struct db *db, enum err_class rc, struct err *err);
bool db_in_tx(const struct db *db);
MUST_USE enum err_class db_make_durable(struct db *db, struct err *err);

/* The live schema, for the comparison with the catalogue; see store/schema.h. */
struct db_column {
    char name[64];
    char type[16]; /* "INTEGER", "TEXT", "BLOB" */
    bool not_null;
    int key_position; /* 0: not in the primary key; else its 1-based place */
};
MUST_USE enum err_class
db_each_table(struct db *db, enum err_class (*each)(void *arg, struct str name, struct err *err),
              void *arg, struct err *err);
MUST_USE enum err_class
db_each_column(struct db *db, const char *table,
               enum err_class (*each)(void *arg, const struct db_column *column, struct err *err),
               void *arg, struct err *err);
/*
 * How many rows a table of the catalogue has, and the least value of one of its columns.
 *   time_column  NULL: none; then, and when there is no row, *ret_oldest is 0
 */
MUST_USE enum err_class db_measure_table(struct db *db, const char *table, const char *time_column,
                                         int64_t *ret_rows, int64_t *ret_oldest, struct err *err);
/*
 * About how many bytes of the file so many rows of the record take, with indexes, by a sample of
 * them; and how many bytes of the file are in use, which is exact.
 */
MUST_USE enum err_class db_weigh_record(struct db *db, const struct record *record, int64_t rows,
                                        int64_t *ret_bytes, struct err *err);
MUST_USE enum err_class db_used_bytes(struct db *db, int64_t *ret, struct err *err);
/*
 * Copies all of it, as it is now, into a new file with another key (DB_KEY_BYTES). No transaction
 * is open, and `path` does not exist; it is whole on success, not yet durable, and to be removed
 * otherwise.
 */
MUST_USE enum err_class db_copy(struct db *db, const char *path, const unsigned char *key,
                                struct err *err);
/* Reads every page; ERR_CORRUPT names what is wrong. */
MUST_USE enum err_class db_check_integrity(struct db *db, struct err *err);

#endif
