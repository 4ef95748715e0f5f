/*
 * report.c: what is asked: from text to a request, and the checks of a whole request.
 *
 * Command line and HTTP share these parsers, so a report means the same and is refused with the
 * same words in both. An error names the parameter as the user knows it, the value, and what would
 * have been allowed; a value is shown cut and without control characters, account ids and tag
 * names not at all. Threads: none.
 */
#include "apps/timesheet/report.h"

#include <assert.h>

#include "apps/timesheet/query.h"
#include "base/civil.h"

#define GROUP_LIST "account, issue, tag, day, week, month, quarter, year, project"
#define ORDER_LIST "seconds, count, group, each with :asc or :desc"

static const char *const group_names[REPORT_GROUP_COUNT] = {
    [REPORT_ACCOUNT] = "account", [REPORT_ISSUE] = "issue", [REPORT_TAG] = "tag",
    [REPORT_DAY] = "day",         [REPORT_WEEK] = "week",   [REPORT_MONTH] = "month",
    [REPORT_QUARTER] = "quarter", [REPORT_YEAR] = "year",   [REPORT_PROJECT] = "project",
};

const char *report_group_name(enum report_group group)
{
    assert(group < REPORT_GROUP_COUNT);
    return group_names[group];
}

void report_request_done(struct report_request *request)
{
    for (size_t i = 0; i < request->account_count; i++)
        free((char *)(uintptr_t)request->accounts[i].ptr); /* ours, though the view is const */
    for (size_t i = 0; i < request->tag_count; i++)
        free((char *)(uintptr_t)request->tags[i].ptr);
    free(request->accounts);
    free(request->tags);
    free(request->issues);
    *request = (struct report_request){0};
}

/* A value in a message: its head, printable ASCII only. */
#define SHOWN_BYTES 32
struct shown {
    char text[SHOWN_BYTES + 4];
};

static struct shown show(struct str value)
{
    struct shown shown = {{0}};
    size_t n = value.len < SHOWN_BYTES ? value.len : SHOWN_BYTES;

    for (size_t i = 0; i < n; i++) {
        char c = value.ptr[i];

        shown.text[i] = c >= ' ' && c <= '~' ? c : '?';
    }
    if (value.len > n)
        memcpy(shown.text + n, "...", 4);
    return shown;
}

static enum err_class add_group(const char *what, struct str name, struct report_request *request,
                                struct err *err)
{
    enum report_group group = 0;

    while (group < REPORT_GROUP_COUNT && !str_eq_z(name, group_names[group]))
        group++;
    if (group == REPORT_GROUP_COUNT)
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not a group; the groups are %s", what,
                       show(name).text, GROUP_LIST);
    for (size_t g = 0; g < request->group_count; g++)
        if (request->groups[g] == group)
            return err_set(err, ERR_USAGE, "%s: %s is named twice; name each group once", what,
                           group_names[group]);
    if (request->group_count == LIMIT_REPORT_GROUPS)
        return err_set(err, ERR_USAGE, "%s: more than %d groups; leave out %s or another", what,
                       LIMIT_REPORT_GROUPS, group_names[group]);
    request->groups[request->group_count++] = group;
    return ERR_OK;
}

enum err_class report_parse_groups(const char *what, struct str text,
                                   struct report_request *request, struct err *err)
{
    struct report_request parsed = {0};
    struct str rest = text;
    size_t comma = 0;
    bool more = str_trim(text).len > 0;

    while (more) { /* at most LIMIT_REPORT_GROUPS turns that add one */
        more = str_find(rest, ',', &comma);
        if (add_group(what, str_trim(str_cut(rest, ',', &rest)), &parsed, err))
            return err->class;
    }
    memcpy(request->groups, parsed.groups, sizeof(request->groups));
    request->group_count = parsed.group_count;
    return ERR_OK;
}

enum err_class report_parse_day(const char *what, struct str text, int32_t *ret_day,
                                struct err *err)
{
    struct civil_date date = {0};

    if (!civil_parse_date(str_trim(text), &date))
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not a day; write it like 2026-01-31", what,
                       show(text).text);
    *ret_day = civil_days(date);
    return ERR_OK;
}

enum err_class report_parse_order(const char *what, struct str text, struct report_request *request,
                                  struct err *err)
{
    static const struct {
        const char *name;
        enum report_order order;
        bool descending; /* unless said */
    } orders[] = {
        {"seconds", REPORT_BY_SECONDS, true},
        {"count", REPORT_BY_COUNT, true},
        {"group", REPORT_BY_GROUP, false},
    };
    struct str direction = {0};
    struct str name = str_trim(str_cut(text, ':', &direction));
    size_t colon = 0;
    bool has_direction = str_find(text, ':', &colon);
    bool asc = false, desc = false;

    direction = str_trim(direction);
    asc = str_eq_z(direction, "asc");
    desc = str_eq_z(direction, "desc");
    for (size_t i = 0; i < ARRAY_LEN(orders) && has_direction == (asc || desc); i++) {
        if (!str_eq_z(name, orders[i].name))
            continue;
        request->order = orders[i].order;
        request->descending = has_direction ? desc : orders[i].descending;
        return ERR_OK;
    }
    return err_set(err, ERR_USAGE, "%s: \"%s\" is not an order; the orders are %s", what,
                   show(text).text, ORDER_LIST);
}

enum err_class report_parse_rows(const char *what, struct str text, uint32_t min, size_t *ret,
                                 struct err *err)
{
    uint32_t rows = 0;

    if (!parse_u32(str_trim(text), min, LIMIT_REPORT_CELLS, &rows))
        return err_set(err, ERR_USAGE, "%s: \"%s\" is not a number of rows; it must be %u to %d",
                       what, show(text).text, min, LIMIT_REPORT_CELLS);
    *ret = rows;
    return ERR_OK;
}

static enum err_class check_room(const char *what, size_t count, struct err *err)
{
    if (count < REPORT_FILTER_MAX)
        return ERR_OK;
    return err_set(err, ERR_LIMIT, "%s: more than %d values; ask in several reports", what,
                   REPORT_FILTER_MAX);
}

static enum err_class add_text(struct str text, struct str **list, size_t *count, struct err *err)
{
    struct str *grown = reallocarray(*list, *count + 1, sizeof(*grown));

    if (!grown)
        return err_memory(err);
    *list = grown;

    char *copy = str_dup_z(text);

    if (!copy)
        return err_memory(err);
    grown[(*count)++] = (struct str){copy, text.len};
    return ERR_OK;
}

enum err_class report_add_account(const char *what, struct str account_id,
                                  struct report_request *request, struct err *err)
{
    if (account_id.len == 0 || account_id.len > LIMIT_ACCOUNT_ID_BYTES)
        return err_set(err, ERR_USAGE,
                       "%s: an account id of %zu bytes; it must have 1 to %d, like "
                       "5b10ac8d82e05b22cc7d4ef5",
                       what, account_id.len, LIMIT_ACCOUNT_ID_BYTES);
    if (check_room(what, request->account_count, err))
        return err->class;
    return add_text(account_id, &request->accounts, &request->account_count, err);
}

enum err_class report_add_issue(const char *what, struct str issue, struct report_request *request,
                                struct err *err)
{
    int64_t id = 0;

    if (!parse_i64(str_trim(issue), 1, INT64_MAX, &id))
        return err_set(err, ERR_USAGE,
                       "%s: \"%s\" is not an issue id; it is a number, like 10042 (keys like ABC-1 "
                       "are not stored)",
                       what, show(issue).text);
    if (check_room(what, request->issue_count, err))
        return err->class;

    int64_t *grown = reallocarray(request->issues, request->issue_count + 1, sizeof(*grown));

    if (!grown)
        return err_memory(err);
    request->issues = grown;
    grown[request->issue_count++] = id;
    return ERR_OK;
}

enum err_class report_add_tag(const char *what, struct str name, struct report_request *request,
                              struct err *err)
{
    if (name.len == 0 || name.len > LIMIT_TAG_NAME_BYTES)
        return err_set(err, ERR_USAGE, "%s: a tag name of %zu bytes; it must have 1 to %d", what,
                       name.len, LIMIT_TAG_NAME_BYTES);
    if (check_room(what, request->tag_count, err))
        return err->class;
    return add_text(name, &request->tags, &request->tag_count, err);
}

static enum err_class check_days(const struct report_request *request, struct err *err)
{
    static const struct civil_date first = {CIVIL_YEAR_MIN, 1, 1}, last = {CIVIL_YEAR_MAX, 12, 31};
    char from[CIVIL_DATE_BYTES + 1], to[CIVIL_DATE_BYTES + 1];
    int32_t low = civil_days(first), high = civil_days(last);

    if ((request->has_from && (request->from_day < low || request->from_day > high)) ||
        (request->has_to && (request->to_day < low || request->to_day > high)))
        return err_set(err, ERR_INPUT, "the period reaches out of the years %d to %d",
                       CIVIL_YEAR_MIN, CIVIL_YEAR_MAX);
    if (!request->has_from || !request->has_to)
        return ERR_OK;
    civil_format_date(request->from_day, from);
    civil_format_date(request->to_day, to);
    if (request->from_day > request->to_day)
        return err_set(err, ERR_INPUT,
                       "the period begins on %s, after its last day %s; exchange the two", from,
                       to);

    struct civil_date end = civil_date(request->from_day);

    end.year += LIMIT_REPORT_YEARS;
    if (request->to_day >= civil_days(end))
        return err_set(err, ERR_LIMIT,
                       "the period from %s to %s is longer than %d years; ask for a shorter one",
                       from, to, LIMIT_REPORT_YEARS);
    return ERR_OK;
}

enum err_class report_check(const struct report_request *request, struct err *err)
{
    if (request->group_count > LIMIT_REPORT_GROUPS)
        return err_set(err, ERR_INPUT, "the report has %zu groups; the limit is %d",
                       request->group_count, LIMIT_REPORT_GROUPS);
    for (size_t g = 0; g < request->group_count; g++) {
        if (request->groups[g] >= REPORT_GROUP_COUNT)
            return err_set(err, ERR_INPUT, "a group is not known; the groups are %s", GROUP_LIST);
        for (size_t other = 0; other < g; other++)
            if (request->groups[other] == request->groups[g])
                return err_set(err, ERR_INPUT, "the group %s is named twice; name each group once",
                               group_names[request->groups[g]]);
    }
    if (request->cells_max > LIMIT_REPORT_CELLS)
        return err_set(err, ERR_INPUT, "the report may have %u rows; the limit is %d",
                       request->cells_max, LIMIT_REPORT_CELLS);
    return check_days(request, err);
}

enum err_class report_run(struct columns *columns, const struct report_request *request,
                          struct report **ret, struct err *err)
{
    if (report_check(request, err))
        return err->class;
    if (!columns_settled(columns) && columns_settle(columns, err))
        return err->class;
    return query_run(columns, request, ret, err);
}
