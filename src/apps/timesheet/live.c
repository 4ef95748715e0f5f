/*
 * live.c: fields of issues, and names of people, asked of Jira for one answer.
 *
 * The model: a table says which of Jira's fields a column wants and how it is read from there, so
 * that only what was chosen is asked for. Answers become cells, a row an issue; texts lie one
 * behind the other in one buffer. A field that Jira leaves out (hidden, empty, time tracking off)
 * is an empty cell and no error. Four questions of a hundred issues are under way at once.
 *
 * An epic is told in two ways: Cloud has it as the parent of a standard issue, Data Center in a
 * field of its own whose name differs from site to site and is looked up by its type.
 *
 * Threads: belongs to who asked; read-only afterwards.
 */
#include "apps/timesheet/live.h"

#include <stdlib.h>

#include "base/civil.h"

#define AT_ONCE 4
#define TEXT_BYTES_MAX 4096 /* of one cell; longer ones are cut */
#define ALL_BYTES_MAX ((size_t)64 * 1024 * 1024)
#define JIRA_FIELDS_MAX 32

/* How a value is read from the fields of an issue. */
struct place {
    const char *field; /* Jira's name; NULL: stands beside the fields */
    const char *path;  /* members from there on, "a.b"; "": the value itself */
    bool list;         /* of such values; joined by ", " */
};

const struct live_info live_info[LIVE_FIELD_COUNT] = {
    [LIVE_KEY] = {"key", LIVE_TEXT},
    [LIVE_SUMMARY] = {"summary", LIVE_TEXT},
    [LIVE_PROJECT] = {"project", LIVE_TEXT},
    [LIVE_PROJECT_NAME] = {"project_name", LIVE_TEXT},
    [LIVE_TYPE] = {"type", LIVE_TEXT},
    [LIVE_STATUS] = {"status", LIVE_TEXT},
    [LIVE_STATUS_CATEGORY] = {"status_category", LIVE_TEXT},
    [LIVE_PRIORITY] = {"priority", LIVE_TEXT},
    [LIVE_RESOLUTION] = {"resolution", LIVE_TEXT},
    [LIVE_EPIC] = {"epic", LIVE_TEXT},
    [LIVE_PARENT] = {"parent", LIVE_TEXT},
    [LIVE_PARENT_SUMMARY] = {"parent_summary", LIVE_TEXT},
    [LIVE_COMPONENTS] = {"components", LIVE_TEXT},
    [LIVE_VERSIONS] = {"versions", LIVE_TEXT},
    [LIVE_FIX_VERSIONS] = {"fix_versions", LIVE_TEXT},
    [LIVE_LABELS] = {"labels", LIVE_TEXT},
    [LIVE_ASSIGNEE] = {"assignee", LIVE_TEXT},
    [LIVE_REPORTER] = {"reporter", LIVE_TEXT},
    [LIVE_CREATOR] = {"creator", LIVE_TEXT},
    [LIVE_CREATED] = {"issue_created", LIVE_STAMP},
    [LIVE_UPDATED] = {"issue_updated", LIVE_STAMP},
    [LIVE_RESOLVED] = {"resolved", LIVE_STAMP},
    [LIVE_DUE] = {"due", LIVE_TEXT},
    [LIVE_ESTIMATE] = {"estimate", LIVE_TIME},
    [LIVE_REMAINING] = {"remaining", LIVE_TIME},
    [LIVE_SPENT] = {"issue_spent", LIVE_TIME},
    [LIVE_EXPECTED] = {"issue_expected", LIVE_TIME},
};

static const struct place places[LIVE_FIELD_COUNT] = {
    [LIVE_KEY] = {NULL, "key", false},
    [LIVE_SUMMARY] = {"summary", "", false},
    [LIVE_PROJECT] = {"project", "key", false},
    [LIVE_PROJECT_NAME] = {"project", "name", false},
    [LIVE_TYPE] = {"issuetype", "name", false},
    [LIVE_STATUS] = {"status", "name", false},
    [LIVE_STATUS_CATEGORY] = {"status", "statusCategory.name", false},
    [LIVE_PRIORITY] = {"priority", "name", false},
    [LIVE_RESOLUTION] = {"resolution", "name", false},
    [LIVE_EPIC] = {"parent", "key", false}, /* see read_epic */
    [LIVE_PARENT] = {"parent", "key", false},
    [LIVE_PARENT_SUMMARY] = {"parent", "fields.summary", false},
    [LIVE_COMPONENTS] = {"components", "name", true},
    [LIVE_VERSIONS] = {"versions", "name", true},
    [LIVE_FIX_VERSIONS] = {"fixVersions", "name", true},
    [LIVE_LABELS] = {"labels", "", true},
    [LIVE_ASSIGNEE] = {"assignee", "displayName", false},
    [LIVE_REPORTER] = {"reporter", "displayName", false},
    [LIVE_CREATOR] = {"creator", "displayName", false},
    [LIVE_CREATED] = {"created", "", false},
    [LIVE_UPDATED] = {"updated", "", false},
    [LIVE_RESOLVED] = {"resolutiondate", "", false},
    [LIVE_DUE] = {"duedate", "", false},
    [LIVE_ESTIMATE] = {"timetracking", "originalEstimateSeconds", false},
    [LIVE_REMAINING] = {"timetracking", "remainingEstimateSeconds", false},
    [LIVE_SPENT] = {"timetracking", "timeSpentSeconds", false},
    [LIVE_EXPECTED] = {"timetracking", "", false}, /* see read_number */
};

union cell {
    struct {
        uint32_t at, len; /* of a text */
    };
    int64_t number;
};
#define NO_TEXT UINT32_MAX /* as len */
#define NO_NUMBER INT64_MIN

struct live {
    int64_t *ids; /* ascending */
    size_t count;
    enum live_field fields[LIVE_FIELD_COUNT]; /* of a row's cells */
    size_t field_count;
    union cell *cells;
    struct strbuf text;
    struct strbuf epic; /* Data Center's field; empty: none */
};

void live_free(struct live *live)
{
    if (!live)
        return;
    free(live->ids);
    free(live->cells);
    vault_wipe(&live->text);
    strbuf_done(&live->epic);
    free(live);
}

/* ---- Reading an issue ---- */

static yyjson_val *follow(yyjson_val *value, const char *path)
{
    struct str rest = str_from(path);

    while (rest.len > 0 && value) {
        struct str name = str_cut(rest, '.', &rest);

        value = yyjson_obj_getn(value, name.ptr, name.len);
    }
    return value;
}

static void add_text(struct strbuf *text, size_t from, yyjson_val *value)
{
    struct str part = {yyjson_get_str(value), yyjson_get_len(value)};
    size_t room =
        TEXT_BYTES_MAX - (text->len - from < TEXT_BYTES_MAX ? text->len - from : TEXT_BYTES_MAX);

    if (!part.ptr)
        return;
    if (text->len > from) {
        strbuf_add_z(text, ", ");
        room = room > 2 ? room - 2 : 0;
    }
    if (part.len > room)
        for (part.len = room; part.len > 0 && ((unsigned char)part.ptr[part.len] & 0xc0) == 0x80;)
            part.len--; /* not within a character */
    strbuf_add_str(text, part);
}

static union cell read_text(struct live *live, const struct place *place, yyjson_val *value)
{
    struct strbuf *text = &live->text;
    size_t from = text->len, at, count;
    yyjson_val *item;

    if (place->list) {
        yyjson_arr_foreach(value, at, count, item)
        {
            add_text(text, from, follow(item, place->path));
        }
    } else {
        add_text(text, from, follow(value, place->path));
    }
    if (text->len == from)
        return (union cell){.at = 0, .len = NO_TEXT};
    return (union cell){.at = (uint32_t)from, .len = (uint32_t)(text->len - from)};
}

static const struct place no_place = {"", "", false};

/* A sub-task's parent is no epic; Cloud says which level an issue's type has. */
static union cell read_epic(struct live *live, yyjson_val *fields)
{
    yyjson_val *parent = yyjson_obj_get(fields, "parent");
    yyjson_val *level = follow(parent, "fields.issuetype.hierarchyLevel");

    if (live->epic.len > 0)
        return read_text(live, &no_place, yyjson_obj_get(fields, strbuf_z(&live->epic)));
    if (yyjson_is_int(level) && yyjson_get_sint(level) >= 1)
        return read_text(live, &places[LIVE_EPIC], parent);
    return (union cell){.at = 0, .len = NO_TEXT};
}

static union cell read_number(enum live_field field, yyjson_val *value)
{
    const char *path = places[field].path;
    int64_t number = NO_NUMBER, more = 0;

    if (live_info[field].kind == LIVE_STAMP) {
        struct str text = {yyjson_get_str(value), yyjson_get_len(value)};

        if (!text.ptr || !civil_parse_stamp(text, &number))
            number = NO_NUMBER;
    } else if (field == LIVE_EXPECTED) {
        bool spent = json_i64(value, "timeSpentSeconds", &more);
        int64_t left = 0;
        bool remains = json_i64(value, "remainingEstimateSeconds", &left);

        if ((spent || remains) && __builtin_add_overflow(more, left, &number))
            number = NO_NUMBER;
    } else if (!json_i64(value, path, &number) || number < 0) {
        number = NO_NUMBER;
    }
    return (union cell){.number = number};
}

static int compare_ids(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

    return (x > y) - (x < y);
}

static union cell *row_of(const struct live *live, int64_t issue)
{
    const int64_t *found = live->count > 0
                               ? bsearch(&issue, live->ids, live->count, sizeof(issue), compare_ids)
                               : NULL;

    return found ? live->cells + (size_t)(found - live->ids) * live->field_count : NULL;
}

static enum err_class take_issue(void *arg, int64_t id, yyjson_val *issue, struct err *err)
{
    struct live *live = arg;
    union cell *row = row_of(live, id);
    yyjson_val *fields = yyjson_obj_get(issue, "fields");

    for (size_t i = 0; row && i < live->field_count; i++) { /* one that was not asked for is left */
        enum live_field field = live->fields[i];
        const struct place *place = &places[field];
        yyjson_val *value = place->field ? yyjson_obj_get(fields, place->field) : issue;

        if (field == LIVE_EPIC)
            row[i] = read_epic(live, fields);
        else if (live_info[field].kind == LIVE_TEXT)
            row[i] = read_text(live, place, value);
        else
            row[i] = read_number(field, value);
    }
    return strbuf_check(&live->text, "the issue fields of this answer", err);
}

/* ---- Asking ---- */

/* Jira's names of what is wanted, each once. */
static size_t jira_fields(const struct live *live, const char *ret[JIRA_FIELDS_MAX])
{
    size_t count = 0;

    for (size_t i = 0; i < live->field_count; i++) {
        const char *name = places[live->fields[i]].field;
        bool again = name == NULL;

        if (live->fields[i] == LIVE_EPIC && live->epic.len > 0)
            name = live->epic.ptr;
        for (size_t k = 0; k < count; k++)
            again = again || strcmp(ret[k], name) == 0;
        if (!again)
            ret[count++] = name;
    }
    if (count == 0)
        ret[count++] = "id"; /* an empty list would mean all */
    return count;
}

static enum err_class ask_all(struct jira *jira, struct live *live, struct err *err)
{
    const char *fields[JIRA_FIELDS_MAX];
    size_t field_count = jira_fields(live, fields);
    struct http_call *calls[AT_ONCE];
    size_t first = 0, open = 0, at = 0;
    enum err_class rc = ERR_OK;

    while (rc == ERR_OK && (at < live->count || open > 0)) {
        if (at < live->count && open < AT_ONCE) {
            size_t n = live->count - at < JIRA_LABELS_MAX ? live->count - at : JIRA_LABELS_MAX;

            rc = jira_issue_fields_start(jira, live->ids + at, n, fields, field_count,
                                         &calls[(first + open) % AT_ONCE], err);
            at += n;
            open += rc == ERR_OK;
            continue;
        }
        open--;
        rc = jira_issue_fields_finish(jira, calls[first++ % AT_ONCE], take_issue, live, err);
    }
    for (; open > 0; open--)
        http_drop(calls[first++ % AT_ONCE]);
    return rc;
}

static enum err_class make_room(struct live *live, const int64_t *ids, size_t count,
                                uint64_t fields, struct err *err)
{
    for (int field = 0; field < LIVE_FIELD_COUNT; field++)
        if (fields & LIVE_BIT(field))
            live->fields[live->field_count++] = (enum live_field)field;
    live->text = STRBUF_INIT(ALL_BYTES_MAX);
    live->epic = STRBUF_INIT(256);
    live->ids = reallocarray(NULL, count + 1, sizeof(*live->ids));
    live->cells = reallocarray(NULL, count * live->field_count + 1, sizeof(*live->cells));
    if (!live->ids || !live->cells)
        return err_memory(err);
    live->count = count;
    if (count > 0)
        memcpy(live->ids, ids, count * sizeof(*ids));
    for (size_t i = 0; i < count * live->field_count; i++)
        live->cells[i] = live_info[live->fields[i % live->field_count]].kind == LIVE_TEXT
                             ? (union cell){.at = 0, .len = NO_TEXT}
                             : (union cell){.number = NO_NUMBER};
    return ERR_OK;
}

enum err_class live_ask_jira(struct jira *jira, const char *caller, const int64_t *ids,
                             size_t count, uint64_t fields, struct live **ret, struct err *err)
{
    AUTO(live_free_autop) struct live *live = calloc(1, sizeof(*live));

    if (!live)
        return err_memory(err);
    if (count > LIVE_ISSUES_MAX)
        return err_set(err, ERR_LIMIT,
                       "%s: Jira would be asked about %zu issues, and the limit is %d; ask for a "
                       "shorter period, or for certain accounts or issues, or leave it out",
                       caller, count, LIVE_ISSUES_MAX);

    enum err_class rc = make_room(live, ids, count, fields, err);

    if (rc == ERR_OK && jira->datacenter && (fields & LIVE_BIT(LIVE_EPIC)))
        rc = jira_epic_field(jira, &live->epic, err);
    if (rc == ERR_OK)
        rc = ask_all(jira, live, err);
    if (rc != ERR_OK)
        return rc;
    *ret = TAKE(live);
    return ERR_OK;
}

enum err_class live_ask(struct viewing *viewing, const char *caller, const int64_t *ids,
                        size_t count, uint64_t fields, struct live **ret, struct err *err)
{
    struct jira *jira = NULL;
    enum err_class rc = viewing_jira(viewing, &jira, err);

    return rc == ERR_OK ? live_ask_jira(jira, caller, ids, count, fields, ret, err) : rc;
}

/* ---- Reading it ---- */

static const union cell *cell_of(const struct live *live, int64_t issue, enum live_field field)
{
    const union cell *row = row_of(live, issue);

    for (size_t i = 0; row && i < live->field_count; i++)
        if (live->fields[i] == field)
            return &row[i];
    return NULL;
}

struct str live_text(const struct live *live, int64_t issue, enum live_field field)
{
    const union cell *cell = cell_of(live, issue, field);

    if (!cell || cell->len == NO_TEXT)
        return (struct str){NULL, 0};
    return str_sub(strbuf_str(&live->text), cell->at, cell->len);
}

bool live_number(const struct live *live, int64_t issue, enum live_field field, int64_t *ret)
{
    const union cell *cell = cell_of(live, issue, field);

    if (!cell || cell->number == NO_NUMBER)
        return false;
    *ret = cell->number;
    return true;
}

/* ---- Projects ---- */

static int compare_texts(const void *a, const void *b)
{
    const struct str *x = a, *y = b;
    int order = memcmp(x->ptr, y->ptr, x->len < y->len ? x->len : y->len);

    return order != 0 ? order : (x->len > y->len) - (x->len < y->len);
}

void live_projects_done(struct live_projects *projects)
{
    free(projects->issues);
    free(projects->projects);
    free(projects->keys);
    free(projects->names);
    *projects = (struct live_projects){.issues = NULL};
}

uint32_t live_project_of(const struct live_projects *projects, struct str key)
{
    size_t count = projects->list.key_count;
    const struct str *found = key.ptr && count > 0 ? bsearch(&key, projects->keys, count,
                                                             sizeof(*projects->keys), compare_texts)
                                                   : NULL;

    return found ? (uint32_t)(found - projects->keys) + 1 : 0;
}

enum err_class live_projects(const struct live *live, struct live_projects *ret, struct err *err)
{
    AUTO(live_projects_done) struct live_projects made = {.issues = NULL};
    size_t keys = 0, kept = 0;

    made.issues = calloc(live->count + 1, sizeof(*made.issues));
    made.projects = calloc(live->count + 1, sizeof(*made.projects));
    made.keys = calloc(live->count + 1, sizeof(*made.keys));
    made.names = calloc(live->count + 1, sizeof(*made.names));
    if (!made.issues || !made.projects || !made.keys || !made.names)
        return err_memory(err);
    for (size_t i = 0; i < live->count; i++) {
        struct str key = live_text(live, live->ids[i], LIVE_PROJECT);

        made.issues[i] = live->ids[i];
        if (key.ptr)
            made.keys[keys++] = key;
    }
    qsort(made.keys, keys, sizeof(*made.keys), compare_texts);
    for (size_t i = 0; i < keys; i++)
        if (kept == 0 || !str_eq(made.keys[kept - 1], made.keys[i]))
            made.keys[kept++] = made.keys[i];
    made.list = (struct report_projects){made.issues, made.projects, live->count, made.keys, kept};
    for (size_t i = 0; i < live->count; i++) {
        uint32_t project = live_project_of(&made, live_text(live, live->ids[i], LIVE_PROJECT));

        made.projects[i] = project;
        if (project > 0)
            made.names[project - 1] = (struct report_name){
                made.keys[project - 1], live_text(live, live->ids[i], LIVE_PROJECT_NAME)};
    }
    *ret = made;
    made = (struct live_projects){.issues = NULL};
    return ERR_OK;
}

/* ---- People ---- */

struct person {
    struct str account, name; /* owned */
};

struct live_people {
    struct person *list;
    size_t count, room;
};

void live_people_free(struct live_people *people)
{
    if (!people)
        return;
    for (size_t i = 0; i < people->count; i++) {
        free((char *)(uintptr_t)people->list[i].account.ptr); /* ours, though the view is const */
        free((char *)(uintptr_t)people->list[i].name.ptr);
    }
    free(people->list);
    free(people);
}

static int compare_people(const void *a, const void *b)
{
    return compare_texts(&((const struct person *)a)->account,
                         &((const struct person *)b)->account);
}

static enum err_class take_person(void *arg, const struct jira_user_label *user, struct err *err)
{
    struct live_people *people = arg;
    char *account, *name;

    if (people->count == people->room || !user->name.ptr)
        return ERR_OK;
    account = str_dup_z(user->account);
    name = str_dup_z(user->name);
    if (!account || !name) {
        free(account);
        free(name);
        return err_memory(err);
    }
    people->list[people->count++] =
        (struct person){{account, user->account.len}, {name, user->name.len}};
    return ERR_OK;
}

enum err_class live_ask_people(struct viewing *viewing, const char *caller,
                               const struct str *accounts, size_t count, struct live_people **ret,
                               struct err *err)
{
    AUTO(live_people_free_autop) struct live_people *people = calloc(1, sizeof(*people));
    struct jira *jira = NULL;

    if (!people)
        return err_memory(err);
    if (count > LIVE_PEOPLE_MAX)
        return err_set(err, ERR_LIMIT,
                       "%s: Jira would be asked for the names of %zu people, and the limit is %d; "
                       "ask for a shorter period or for certain accounts, or leave it out",
                       caller, count, LIVE_PEOPLE_MAX);
    people->list = calloc(count + 1, sizeof(*people->list));
    people->room = count;
    if (!people->list)
        return err_memory(err);

    enum err_class rc = viewing_jira(viewing, &jira, err);

    if (rc == ERR_OK && count > 0)
        rc = jira_user_labels(jira, accounts, count, take_person, people, err);
    if (rc != ERR_OK)
        return rc;
    qsort(people->list, people->count, sizeof(*people->list), compare_people);
    *ret = TAKE(people);
    return ERR_OK;
}

struct str live_name(const struct live_people *people, struct str account)
{
    const struct person wanted = {.account = account};
    const struct person *found =
        people && account.ptr && people->count > 0
            ? bsearch(&wanted, people->list, people->count, sizeof(wanted), compare_people)
            : NULL;

    return found ? found->name : (struct str){NULL, 0};
}
