/*
 * sqlite_size.c: how much room a table takes, without reading it.
 *
 * SQLite could tell by its table dbstat, which SQLCipher is not built with, and which reads every
 * page of what it measures. Here the widths of a few hundred rows stand for those of all: the first
 * and the last by key, since rows of different ages often differ. What a row takes besides its
 * values follows from the file format (sqlite.org/fileformat2.html). How full pages are is not
 * known; whoever knows the size of the whole file can scale by it (custody/measure.c).
 *
 * Threads: those of its connection.
 */
#include "store/sqlite_size.h"

#include "base/str.h"

#define SAMPLE_ROWS 200 /* from either end */
#define FIELDS_MAX 128
#define PAGE_BYTES 4096
#define CELL_BYTES 4 /* its pointer in the page, its length */

struct sample {
    int64_t rows;
    int64_t bytes[FIELDS_MAX]; /* of all rows, by field, with the serial type */
};

/* A value as a record holds it: its serial type, and its bytes. */
static int64_t width(sqlite3_stmt *stmt, int column)
{
    static const struct {
        int64_t below;
        int bytes;
    } steps[] = {
        {1 << 7, 1}, {1 << 15, 2}, {1 << 23, 3}, {INT64_C(1) << 31, 4}, {INT64_C(1) << 47, 6}};

    switch (sqlite3_column_type(stmt, column)) {
    case SQLITE_NULL:
        return 1;
    case SQLITE_FLOAT:
        return 1 + 8;
    case SQLITE_INTEGER:
        break;
    default: {
        int64_t bytes = sqlite3_column_bytes(stmt, column);

        return bytes + (bytes < 58 ? 1 : 2);
    }
    }

    int64_t value = sqlite3_column_int64(stmt, column);

    if (value == 0 || value == 1)
        return 1;
    for (size_t i = 0; i < ARRAY_LEN(steps); i++)
        if (value < steps[i].below && value >= -steps[i].below)
            return 1 + steps[i].bytes;
    return 1 + 8;
}

static int take_sample(sqlite3 *sqlite, const struct record *record, bool last, struct sample *ret)
{
    AUTO(strbuf_done) struct strbuf sql = STRBUF_INIT(16384);
    sqlite3_stmt *stmt = NULL;

    for (size_t i = 0; i < record->field_count; i++)
        strbuf_addf(&sql, "%s%s", i > 0 ? ", " : "SELECT ", record->fields[i].name);
    strbuf_addf(&sql, " FROM %s ORDER BY %s%s LIMIT %d", record->name, record->fields[0].name,
                last ? " DESC" : "", SAMPLE_ROWS);
    if (sql.failed != ERR_OK)
        return SQLITE_NOMEM;

    int code = sqlite3_prepare_v2(sqlite, strbuf_z(&sql), -1, &stmt, NULL);

    while (code == SQLITE_OK || code == SQLITE_ROW) {
        code = sqlite3_step(stmt);
        if (code != SQLITE_ROW)
            break;
        ret->rows++;
        for (size_t i = 0; i < record->field_count; i++)
            ret->bytes[i] += width(stmt, (int)i);
    }
    (void)sqlite3_finalize(stmt); /* repeats an error already seen */
    return code == SQLITE_DONE ? SQLITE_OK : code;
}

/* A tree of so many entries, whose widths add up to `sampled` in the sample. */
static int64_t tree(const struct sample *sample, int64_t rows, int64_t sampled)
{
    if (sample->rows == 0 || rows == 0)
        return PAGE_BYTES;

    double bytes = (double)rows * ((double)sampled / (double)sample->rows + (double)CELL_BYTES);

    return bytes > PAGE_BYTES ? (int64_t)bytes : PAGE_BYTES;
}

int sqlite_size_weigh(sqlite3 *sqlite, const struct record *record, int64_t rows,
                      int64_t *ret_bytes)
{
    struct sample sample = {0};
    int64_t all = 0, key = 0, bytes;

    if (record->field_count > FIELDS_MAX)
        return SQLITE_TOOBIG;

    int code = take_sample(sqlite, record, false, &sample);

    if (code == SQLITE_OK)
        code = take_sample(sqlite, record, true, &sample);
    if (code != SQLITE_OK)
        return code;
    for (size_t i = 0; i < record->field_count; i++) {
        all += sample.bytes[i];
        if (record->fields[i].flags & FIELD_KEY)
            key += sample.bytes[i];
    }
    bytes = tree(&sample, rows, all);
    for (size_t i = 0; i < record->field_count; i++) {
        const struct field *field = &record->fields[i];

        if (field->flags & (FIELD_UNIQUE | FIELD_INDEX))
            bytes += tree(&sample, rows, sample.bytes[i] + key);
        for (size_t k = 0; field->index_then && k < record->field_count; k++)
            if (str_eq_z(str_from(field->index_then), record->fields[k].name))
                bytes += tree(&sample, rows, sample.bytes[i] + sample.bytes[k] + key);
    }
    *ret_bytes = bytes;
    return SQLITE_OK;
}
