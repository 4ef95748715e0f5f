/*
 * sqlite_feed.c: a table of SQLite's whose rows come from a function of ours.
 *
 * Why: a statement a row costs more than the row, since each begins and ends, looks for its place
 * from the root and takes its values from bindings. INSERT ... SELECT from this table is one
 * statement for all rows, with one cursor that stays where the last row went.
 *
 * It is the least of a virtual table: no index, no writing, one scan from the beginning to the end.
 * Values are handed over as they lie (SQLITE_STATIC): SQLite copies them into the record before it
 * asks for the next row. Threads: those of its connection.
 */
#include "store/sqlite_feed.h"

#include <stdlib.h>

#include "base/limits.h"

struct cursor {
    sqlite3_vtab_cursor base; /* first, as SQLite wants it */
    const struct db_value *row;
    sqlite3_int64 number;
};

struct table {
    sqlite3_vtab base;
    const struct db_feed *feed;
};

static int feed_connect(sqlite3 *sqlite, void *arg, int argc, const char *const *argv,
                        sqlite3_vtab **ret, char **ret_message)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(1024);
    struct table *table = sqlite3_malloc(sizeof(*table));

    (void)argc;
    (void)argv;
    (void)ret_message;
    for (int i = 1; i <= LIMIT_SQL_PARAMETERS; i++)
        strbuf_addf(&sql, "%sc%d", i > 1 ? ", " : "CREATE TABLE x (", i);
    strbuf_add_char(&sql, ')');
    if (!table || sql.failed != ERR_OK) {
        sqlite3_free(table);
        return SQLITE_NOMEM;
    }
    *table = (struct table){.feed = arg};

    int code = sqlite3_declare_vtab(sqlite, strbuf_z(&sql));

    if (code == SQLITE_OK)
        *ret = &table->base;
    else
        sqlite3_free(table);
    return code;
}

static int feed_disconnect(sqlite3_vtab *table)
{
    sqlite3_free(table);
    return SQLITE_OK;
}

static int feed_best_index(sqlite3_vtab *table, sqlite3_index_info *info)
{
    (void)table;
    info->estimatedCost = 1e6;
    return SQLITE_OK;
}

static int feed_open(sqlite3_vtab *table, sqlite3_vtab_cursor **ret)
{
    struct cursor *cursor = sqlite3_malloc(sizeof(*cursor));

    (void)table;
    if (!cursor)
        return SQLITE_NOMEM;
    *cursor = (struct cursor){.row = NULL};
    *ret = &cursor->base;
    return SQLITE_OK;
}

static int feed_close(sqlite3_vtab_cursor *base)
{
    sqlite3_free(base);
    return SQLITE_OK;
}

static int feed_next(sqlite3_vtab_cursor *base)
{
    struct cursor *cursor = (struct cursor *)base;
    const struct db_feed *feed = ((const struct table *)base->pVtab)->feed;

    cursor->row = feed->next(feed->arg);
    cursor->number++;
    return SQLITE_OK;
}

static int feed_filter(sqlite3_vtab_cursor *base, int index, const char *name, int argc,
                       sqlite3_value **argv)
{
    (void)index;
    (void)name;
    (void)argc;
    (void)argv;
    return feed_next(base);
}

static int feed_eof(sqlite3_vtab_cursor *base)
{
    return ((const struct cursor *)base)->row == NULL;
}

static int feed_column(sqlite3_vtab_cursor *base, sqlite3_context *context, int col)
{
    const struct db_value *value = &((const struct cursor *)base)->row[col];

    switch (value->kind) {
    case DB_NULL:
        break;
    case DB_I64:
        sqlite3_result_int64(context, value->number);
        break;
    case DB_TEXT:
        sqlite3_result_text64(context, value->bytes.ptr, value->bytes.len, SQLITE_STATIC,
                              SQLITE_UTF8);
        break;
    case DB_BLOB:
        sqlite3_result_blob64(context, value->bytes.ptr, value->bytes.len, SQLITE_STATIC);
        break;
    }
    return SQLITE_OK;
}

static int feed_rowid(sqlite3_vtab_cursor *base, sqlite3_int64 *ret)
{
    *ret = ((const struct cursor *)base)->number;
    return SQLITE_OK;
}

/* Without xCreate the table is there by its name alone. */
static const sqlite3_module module = {
    .xConnect = feed_connect,
    .xBestIndex = feed_best_index,
    .xDisconnect = feed_disconnect,
    .xOpen = feed_open,
    .xClose = feed_close,
    .xFilter = feed_filter,
    .xNext = feed_next,
    .xEof = feed_eof,
    .xColumn = feed_column,
    .xRowid = feed_rowid,
};

int sqlite_feed_add(sqlite3 *sqlite, const struct db_feed *feed)
{
    return sqlite3_create_module(sqlite, SQLITE_FEED, &module, (void *)feed);
}

void sqlite_feed_remove(sqlite3 *sqlite)
{
    (void)sqlite3_create_module(sqlite, SQLITE_FEED, NULL, NULL); /* fails out of memory only */
}
