/*
 * export_columns.c: which columns a file has, by their names, and what they need.
 *
 * One list for parsing, headings and messages: what is stored of a worklog, its author, and the
 * fields of its issue (live_info). Threads: none.
 */
#include "apps/timesheet/export.h"

static const char *const own_names[EXPORT_LIVE] = {
    [EXPORT_ID] = "id",           [EXPORT_ISSUE] = "issue",     [EXPORT_ACCOUNT] = "account",
    [EXPORT_DATE] = "date",       [EXPORT_STARTED] = "started", [EXPORT_TIME] = "time",
    [EXPORT_COMMENT] = "comment", [EXPORT_TAGS] = "tags",       [EXPORT_CREATED] = "created",
    [EXPORT_UPDATED] = "updated", [EXPORT_AUTHOR] = "author",   [EXPORT_BILLABLE] = "billable",
};

#define STORED_COLUMNS (EXPORT_UPDATED + 1)
#define NAMES_BYTES_MAX 1024

const char *export_column_name(enum export_column column)
{
    return column < EXPORT_LIVE ? own_names[column] : live_info[column - EXPORT_LIVE].name;
}

/* Of a report's columns: what is of one issue or one person. */
static bool is_extra(enum export_column column)
{
    return column == EXPORT_AUTHOR || column >= EXPORT_LIVE;
}

static enum err_class not_a_column(const char *what, bool extra, struct err *err)
{
    AUTO(strbuf_done) struct strbuf names = STRBUF_INIT(NAMES_BYTES_MAX);

    for (enum export_column column = 0; column < EXPORT_COLUMN_COUNT; column++) {
        if (extra && !is_extra(column))
            continue;
        if (names.len > 0)
            strbuf_add_z(&names, ", ");
        strbuf_add_z(&names, export_column_name(column));
    }
    return err_set(err, ERR_USAGE, "%s: one is not known, or named twice; there are all, %s", what,
                   strbuf_z(&names));
}

static enum err_class add_column(const char *what, struct str name, bool extra,
                                 struct export_columns *columns, struct err *err)
{
    enum export_column column = 0;

    while (column < EXPORT_COLUMN_COUNT &&
           !(str_eq_z(name, export_column_name(column)) && (!extra || is_extra(column))))
        column++;
    if (column == EXPORT_COLUMN_COUNT)
        return not_a_column(what, extra, err);
    for (size_t i = 0; i < columns->count; i++)
        if (columns->list[i] == column)
            return not_a_column(what, extra, err);
    columns->list[columns->count++] = column;
    return ERR_OK;
}

static enum err_class parse(const char *what, struct str text, bool extra,
                            struct export_columns *ret, struct err *err)
{
    struct export_columns columns = {.count = 0};
    struct str rest = text;
    size_t comma = 0;
    bool all = str_eq(str_trim(text), STR("all")), more = !all;

    for (enum export_column column = 0; all && column < EXPORT_COLUMN_COUNT; column++)
        if (!extra || is_extra(column))
            columns.list[columns.count++] = column;
    while (more) { /* at most a turn a column, and one */
        more = str_find(rest, ',', &comma);
        if (add_column(what, str_trim(str_cut(rest, ',', &rest)), extra, &columns, err))
            return err->class;
    }
    *ret = columns;
    return ERR_OK;
}

enum err_class export_parse_columns(const char *what, struct str text, struct export_columns *ret,
                                    struct err *err)
{
    if (text.len > 0)
        return parse(what, text, false, ret, err);
    ret->count = 0;
    while (ret->count < STORED_COLUMNS) {
        ret->list[ret->count] = (enum export_column)ret->count;
        ret->count++;
    }
    return ERR_OK;
}

enum err_class export_parse_extra(const char *what, struct str text, struct export_columns *ret,
                                  struct err *err)
{
    if (text.len > 0)
        return parse(what, text, true, ret, err);
    ret->count = 0;
    return ERR_OK;
}

enum err_class export_parse_time(const char *what, struct str text, enum export_time *ret,
                                 struct err *err)
{
    if (text.len == 0 || str_eq(text, STR("seconds")))
        *ret = EXPORT_SECONDS;
    else if (str_eq(text, STR("hours")))
        *ret = EXPORT_HOURS;
    else if (str_eq(text, STR("human")))
        *ret = EXPORT_HUMAN;
    else
        return err_set(err, ERR_USAGE, "%s: it must be seconds, hours or human", what);
    return ERR_OK;
}

void export_wish(const struct export_columns *columns, struct beside_wish *wish)
{
    for (size_t i = 0; i < columns->count; i++) {
        enum export_column column = columns->list[i];

        wish->authors = wish->authors || column == EXPORT_AUTHOR;
        wish->billable = wish->billable || column == EXPORT_BILLABLE;
        if (column >= EXPORT_LIVE)
            wish->fields |= LIVE_BIT(column - EXPORT_LIVE);
    }
}
