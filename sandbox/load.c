/*
 * load.c: a site out of recorded API rows.
 *
 * Input: a folder of CSV files whose column `data` holds the JSON of one API object a row; the end
 * of a file's name says which kind ("…worklogs.csv", "…issues.csv", …), others are passed over. The
 * recording may be partial: a worklog can name an issue or a person that no row describes. Those
 * are made up from what the worklog says. Rows of one id in several files: the last file by name
 * wins.
 */
#include <csv.h>
#include <dirent.h>
#include <inttypes.h>
#include <sys/stat.h>

#include "base/civil.h"
#include "base/json.h"
#include "site.h"

#define FILES_MAX 1000
#define FILE_BYTES_MAX ((size_t)512 << 20)
#define ROWS_MAX 10000000
#define ID_MAX (INT64_MAX / 2) /* those that the site gives out come after it */

enum kind { USERS, PROJECTS, STATUSES, TYPES, FIELDS, ISSUES, WORKLOGS, REMOTE_LINKS, KIND_COUNT };

static const struct {
    const char *ending;
    enum kind kind;
} endings[] = {
    {"users.csv", USERS},       {"projects.csv", PROJECTS}, {"status.csv", STATUSES},
    {"statuses.csv", STATUSES}, {"issue_types.csv", TYPES}, {"issue_fields.csv", FIELDS},
    {"_issues.csv", ISSUES},    {"worklogs.csv", WORKLOGS}, {"remotelinks.csv", REMOTE_LINKS},
};

struct row {
    int64_t id;
    uint64_t order; /* of reading */
    struct str data;
};

struct rows {
    struct row *items;
    size_t count, room;
};

/* A load under way. */
struct load {
    struct site *site;
    struct rows kinds[KIND_COUNT];
    uint64_t order;
    /* The file being read. */
    enum kind kind;
    const char *path;
    size_t line, column, data_column, input_column;
    struct str data, input; /* of the present line */
    struct strbuf whole;    /* remote links: {"input":…,"data":…} */
    struct err *err;
    enum err_class rc;
};

static void load_done(struct load *load)
{
    for (size_t i = 0; i < KIND_COUNT; i++)
        free(load->kinds[i].items);
    strbuf_done(&load->whole);
}

static enum err_class add_row(struct load *load, enum kind kind, int64_t id, struct str data)
{
    struct rows *rows = &load->kinds[kind];

    if (rows->count == ROWS_MAX)
        return err_set(load->err, ERR_LIMIT, "%s has more than %d rows", load->path, ROWS_MAX);
    if (rows->count == rows->room) {
        size_t room = rows->room ? rows->room * 2 : 256;
        struct row *items = realloc(rows->items, room * sizeof(*items));

        if (!items)
            return err_memory(load->err);
        rows->items = items;
        rows->room = room;
    }
    rows->items[rows->count++] = (struct row){id, load->order++, data};
    return ERR_OK;
}

/* ---- CSV ---- */

static void on_field(void *text, size_t len, void *arg)
{
    struct load *load = arg;
    struct str field = {text, len};

    if (load->rc == ERR_OK && load->line == 0) {
        if (str_eq_z(field, "data"))
            load->data_column = load->column;
        if (str_eq_z(field, "input"))
            load->input_column = load->column;
    } else if (load->rc == ERR_OK && load->column == load->data_column) {
        load->data = site_keep(load->site, field);
    } else if (load->rc == ERR_OK && load->kind == REMOTE_LINKS &&
               load->column == load->input_column) {
        load->input = site_keep(load->site, field);
    }
    load->column++;
}

/* One JSON object of a file: find its id and put it away. */
static enum err_class take_data(struct load *load)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    struct str data = load->data;
    int64_t id = 0;
    enum err_class rc = json_read(data, load->path, &doc, load->err);

    if (rc != ERR_OK)
        return err_wrap(load->err, "row %zu", load->line);
    if (!yyjson_is_obj(yyjson_doc_get_root(doc)))
        return err_set(load->err, ERR_INPUT, "%s: row %zu is not a JSON object", load->path,
                       load->line);
    if (!json_i64(yyjson_doc_get_root(doc), "id", &id) && load->kind != USERS &&
        load->kind != FIELDS)
        return err_set(load->err, ERR_INPUT, "%s: row %zu has no \"id\"", load->path, load->line);
    if (id < 0 || id > ID_MAX)
        return err_set(load->err, ERR_INPUT, "%s: the \"id\" of row %zu is out of range",
                       load->path, load->line);
    if (load->kind == REMOTE_LINKS) {
        strbuf_reset(&load->whole);
        strbuf_addf(&load->whole, "{\"input\":" STR_FMT ",\"data\":",
                    STR_ARG(load->input.len ? load->input : STR("null")));
        strbuf_add_str(&load->whole, data);
        strbuf_add_z(&load->whole, "}");
        data = site_keep(load->site, strbuf_str(&load->whole));
    }
    return add_row(load, load->kind, id, data);
}

static void on_line(int end, void *arg)
{
    struct load *load = arg;

    (void)end;
    if (load->rc == ERR_OK && load->line == 0 && load->data_column == SIZE_MAX)
        load->rc = err_set(load->err, ERR_INPUT, "%s has no column \"data\" in its first line",
                           load->path);
    if (load->rc == ERR_OK && load->line > 0 && load->data.len > 0)
        load->rc = take_data(load);
    load->data = load->input = (struct str){NULL, 0};
    load->column = 0;
    load->line++;
}

static void close_file(FILE **file)
{
    if (*file)
        (void)fclose(*file); /* only read from */
}

static void parser_done(struct csv_parser *parser)
{
    csv_free(parser);
}

static enum err_class read_file(struct load *load, const char *path, enum kind kind)
{
    FILE *file AUTO(close_file) = fopen(path, "re");
    struct csv_parser parser AUTO(parser_done);
    char *part AUTO(free_autop) = malloc(1 << 16);
    size_t got, total = 0;

    if (csv_init(&parser, CSV_APPEND_NULL) != 0 || !part)
        return err_memory(load->err);
    if (!file)
        return err_set(load->err, ERR_DISK, "cannot read %s", path);
    load->kind = kind;
    load->path = path;
    load->line = load->column = 0;
    load->data_column = load->input_column = SIZE_MAX;
    while (load->rc == ERR_OK && (got = fread(part, 1, 1 << 16, file)) > 0) {
        total += got;
        if (total > FILE_BYTES_MAX)
            return err_set(load->err, ERR_LIMIT, "%s is larger than %zu bytes", path,
                           FILE_BYTES_MAX);
        if (csv_parse(&parser, part, got, on_field, on_line, load) != got)
            return err_set(load->err, ERR_INPUT, "%s: line %zu is not CSV: %s", path, load->line,
                           csv_strerror(csv_error(&parser)));
    }
    (void)csv_fini(&parser, on_field, on_line, load);
    return load->rc;
}

static bool kind_of(struct str name, enum kind *ret)
{
    for (size_t i = 0; i < ARRAY_LEN(endings); i++) {
        if (str_ends(name, str_from(endings[i].ending))) {
            *ret = endings[i].kind;
            return true;
        }
    }
    return false;
}

static enum err_class read_folder(struct load *load, const char *folder, struct err *err)
{
    struct dirent **names = NULL;
    int count = scandir(folder, &names, NULL, alphasort);
    enum err_class rc = ERR_OK;
    size_t used = 0;

    if (count < 0)
        return err_set(err, ERR_NOT_FOUND, "--load %s: there is no such folder", folder);
    if (count > FILES_MAX)
        rc = err_set(err, ERR_LIMIT, "--load %s: more than %d files", folder, FILES_MAX);
    for (int i = 0; i < count; i++) {
        enum kind kind = USERS;
        char path[4096];

        if (rc == ERR_OK && kind_of(str_from(names[i]->d_name), &kind)) {
            (void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]->d_name);
            rc = read_file(load, path, kind);
            used++;
        }
        free(names[i]);
    }
    free(names);
    if (rc == ERR_OK && used == 0)
        return err_set(err, ERR_INPUT,
                       "--load %s: no file there is named like …worklogs.csv or …issues.csv",
                       folder);
    return rc;
}

/* ---- Rows to things ---- */

static int compare_rows(const void *a, const void *b)
{
    const struct row *x = a, *y = b;

    if (x->id != y->id)
        return x->id < y->id ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

/* By id; of equal ones the last read stays. */
static void sort_unique(struct rows *rows)
{
    size_t kept = 0;

    if (rows->count > 0)
        qsort(rows->items, rows->count, sizeof(*rows->items), compare_rows);
    for (size_t i = 0; i < rows->count; i++) {
        if (kept > 0 && rows->items[kept - 1].id == rows->items[i].id)
            kept--;
        rows->items[kept++] = rows->items[i];
    }
    rows->count = kept;
}

static struct str keep_json(struct site *site, yyjson_val *value)
{
    size_t len = 0;
    char *text = yyjson_val_write(value, 0, &len);
    struct str kept = {NULL, 0};

    if (text)
        kept = site_keep(site, (struct str){text, len});
    free(text);
    return kept;
}

/* The minutes of "…+0530". */
static int32_t offset_of(struct str stamp)
{
    struct str tail = stamp.len > 5 ? str_sub(stamp, stamp.len - 5, 5) : (struct str){NULL, 0};
    uint32_t hours = 0, minutes = 0;

    if (tail.len == 0 || (tail.ptr[0] != '+' && tail.ptr[0] != '-') ||
        !parse_u32(str_sub(tail, 1, 2), 0, 18, &hours) ||
        !parse_u32(str_sub(tail, 3, 2), 0, 59, &minutes))
        return 0;
    return (int32_t)(hours * 60 + minutes) * (tail.ptr[0] == '-' ? -1 : 1);
}

static int64_t stamp_of(yyjson_val *object, const char *name)
{
    int64_t ms = 0;

    return civil_parse_stamp(json_str(object, name), &ms) ? ms : 0;
}

/* The person of an embedded user object, added when new. NONE: no object, or out of memory. */
static uint32_t person(struct site *site, yyjson_val *object)
{
    struct str account_id = json_str(object, "accountId");
    struct str key = json_str(object, "key"), name = json_str(object, "name");
    struct str known = account_id.len ? account_id : key.len ? key : name;
    uint32_t found = known.len ? site_find_user(site, known) : NONE;
    char made_up[64];

    if (found != NONE || known.len == 0)
        return found;

    struct user user = {
        .account_id = site_keep(site, known),
        .key = site_keep(site, key),
        .name = site_keep(site, name),
        .display = site_keep(site, json_str(object, "displayName")),
        .email = site_keep(site, json_str(object, "emailAddress")),
        .zone = site_keep(site, json_str(object, "timeZone")),
        .type = site_keep(site, json_str(object, "accountType")),
        .active = json_bool(object, "active", true),
        .recorded = keep_json(site, object),
    };

    /* What a Data Center has and a recording of a cloud site has not, and the reverse. */
    (void)snprintf(made_up, sizeof(made_up), "JIRAUSER%zu", site->user_count + 10100);
    if (key.len == 0)
        user.key = site_keep(site, str_from(made_up));
    (void)snprintf(made_up, sizeof(made_up), "user%zu", site->user_count);
    if (name.len == 0)
        user.name = site_keep(site, str_from(made_up));
    if (user.zone.len == 0)
        user.zone = STR("Etc/UTC");
    if (user.type.len == 0)
        user.type = STR("atlassian");
    return site_add_user(site, &user);
}

static uint32_t project_of(struct site *site, yyjson_val *object)
{
    struct project project = {.key = site_keep(site, json_str(object, "key"))};
    uint32_t found = site_find_project(site, project.key);

    if (found != NONE)
        return found;
    if (!json_i64(object, "id", &project.id))
        project.id = 10000 + (int64_t)site->project_count;
    project.name = site_keep(site, json_str(object, "name"));
    project.recorded = keep_json(site, object);
    return site_add_project(site, &project);
}

/* The status or type of an embedded object, added when new. */
static uint32_t item_of(struct site *site, struct items *items, yyjson_val *object)
{
    struct item item = {.issue = NONE, .other = NONE};

    if (!json_i64(object, "id", &item.id))
        return 0;
    for (size_t i = 0; i < items->count; i++)
        if (items->rows[i].id == item.id)
            return (uint32_t)i;
    item.key = site_keep(site, json_str(object, "name"));
    item.json = keep_json(site, object);

    uint32_t at = items_add(items, &item);

    return at == NONE ? 0 : at;
}

/* The comments embedded in a recorded issue. */
static bool add_comments(struct site *site, uint32_t issue, yyjson_val *field)
{
    size_t at, max;
    yyjson_val *comment;

    yyjson_arr_foreach(yyjson_obj_get(field, "comments"), at, max, comment)
    {
        yyjson_val *body = yyjson_obj_get(comment, "body");
        struct item item = {
            .issue = issue,
            .other = NONE,
            .author = person(site, yyjson_obj_get(comment, "author")),
            .text_is_adf = yyjson_is_obj(body),
            .text = yyjson_is_obj(body) ? keep_json(site, body)
                                        : site_keep(site, json_str(comment, "body")),
            .created_ms = stamp_of(comment, "created"),
            .updated_ms = stamp_of(comment, "updated"),
        };

        if (item.author == NONE)
            item.author = SITE_USER_SELF;
        if (!json_i64(comment, "id", &item.id) || item.id < 0 || item.id > ID_MAX)
            continue;
        if (items_add(&site->comments, &item) == NONE)
            return false;
        if (item.id >= site->next_item_id)
            site->next_item_id = item.id + 1;
    }
    return true;
}

static bool add_issue(struct load *load, int64_t id, yyjson_val *object, struct str recorded)
{
    struct site *site = load->site;
    yyjson_val *fields = yyjson_obj_get(object, "fields");
    uint32_t reporter = person(site, yyjson_obj_get(fields, "reporter"));
    struct issue issue = {
        .id = id,
        .key = site_keep(site, json_str(object, "key")),
        .summary = site_keep(site, json_str(fields, "summary")),
        .project = project_of(site, yyjson_obj_get(fields, "project")),
        .type = item_of(site, &site->types, yyjson_obj_get(fields, "issuetype")),
        .status = item_of(site, &site->statuses, yyjson_obj_get(fields, "status")),
        .assignee = person(site, yyjson_obj_get(fields, "assignee")),
        .reporter = reporter == NONE ? SITE_USER_SELF : reporter,
        .created_ms = stamp_of(fields, "created"),
        .updated_ms = stamp_of(fields, "updated"),
        .recorded = recorded,
    };

    uint32_t at = issue.project == NONE ? NONE : site_add_issue(site, &issue);

    return at != NONE && add_comments(site, at, yyjson_obj_get(fields, "comment"));
}

/* An issue that only a worklog tells of. */
static bool make_issue(struct load *load, int64_t id)
{
    struct site *site = load->site;
    uint32_t project = site_find_project(site, STR("REC"));
    char key[32];

    if (project == NONE) {
        struct project made = {.id = 99999, .key = STR("REC"), .name = STR("Recorded")};

        project = site_add_project(site, &made);
    }
    (void)snprintf(key, sizeof(key), "REC-%" PRId64, id);

    struct issue issue = {
        .id = id,
        .key = site_keep(site, str_from(key)),
        .summary = STR("Known from its worklogs only"),
        .project = project,
        .assignee = NONE,
        .reporter = SITE_USER_SELF,
    };

    return project != NONE && site_add_issue(site, &issue) != NONE;
}

/* For a worklog without an author: the first of the people, made up when there is none. */
static uint32_t somebody(struct site *site)
{
    struct user user = {
        .account_id = STR("recorded-without-author"),
        .name = STR("recorded-without-author"),
        .key = STR("recorded-without-author"),
        .display = STR("Recorded without author"),
        .zone = STR("Etc/UTC"),
        .type = STR("atlassian"),
    };

    return site->user_count > 0 ? SITE_USER_SELF : site_add_user(site, &user);
}

static bool add_worklog(struct load *load, const struct row *row, yyjson_val *object,
                        struct feed_entry *ret)
{
    struct site *site = load->site;
    yyjson_val *comment = yyjson_obj_get(object, "comment");
    yyjson_val *visibility = yyjson_obj_get(object, "visibility");
    uint32_t author = person(site, yyjson_obj_get(object, "author"));
    uint32_t update_author = person(site, yyjson_obj_get(object, "updateAuthor"));
    struct extra *extra = arena_alloc(site->arena, sizeof(*extra));
    int64_t issue_id = 0, seconds = 0;

    if (!extra)
        return false;
    if (author == NONE)
        author = somebody(site);
    if (author == NONE)
        return false;
    *extra = (struct extra){
        .has_comment = true, .comment_is_adf = yyjson_is_obj(comment), .recorded = row->data};
    if (yyjson_is_obj(comment))
        extra->comment = keep_json(site, comment);
    else if (yyjson_is_str(comment))
        extra->comment = site_keep(site, json_str(object, "comment"));
    if (yyjson_is_obj(visibility))
        extra->visibility = keep_json(site, visibility);
    if (!json_i64(object, "issueId", &issue_id) || !json_i64(object, "timeSpentSeconds", &seconds))
        seconds = 0;
    if (site->users[author].offset_minutes == 0)
        site->users[author].offset_minutes = offset_of(json_str(object, "created"));

    struct worklog worklog = {
        .id = row->id,
        .created_ms = stamp_of(object, "created"),
        .updated_ms = stamp_of(object, "updated"),
        .started_ms = stamp_of(object, "started"),
        .issue = site_find_issue_id(site, issue_id),
        .author = author,
        .update_author = update_author == NONE ? author : update_author,
        .seconds = seconds > 0 && seconds <= UINT32_MAX ? (uint32_t)seconds : 0,
        .extra = extra,
    };

    if (worklog.issue == NONE)
        return false;
    ret->at_ms = worklog.updated_ms;
    ret->row = site_add_worklog(site, &worklog);
    return ret->row != NONE;
}

/* Issues of their own rows and of worklogs, in one list by id: the site wants ids rising. */
static enum err_class gather_issues(struct load *load)
{
    struct rows *worklogs = &load->kinds[WORKLOGS];
    size_t own = load->kinds[ISSUES].count;

    for (size_t i = 0; i < worklogs->count; i++) {
        yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
        int64_t id = 0;
        bool known = false;

        if (json_read(worklogs->items[i].data, "a recorded worklog", &doc, load->err) != ERR_OK)
            return load->err->class;
        if (!json_i64(yyjson_doc_get_root(doc), "issueId", &id) || id < 0 || id > ID_MAX)
            return err_set(load->err, ERR_INPUT, "--load: worklog %" PRId64 " has no \"issueId\"",
                           worklogs->items[i].id);
        for (size_t at = 0, end = own; at < end && !known;) { /* the own ones are sorted */
            size_t middle = at + (end - at) / 2;
            int64_t there = load->kinds[ISSUES].items[middle].id;

            known = there == id;
            if (there < id)
                at = middle + 1;
            else
                end = middle;
        }
        if (!known && add_row(load, ISSUES, id, (struct str){NULL, 0}) != ERR_OK)
            return load->err->class;
    }
    sort_unique(&load->kinds[ISSUES]);
    return ERR_OK;
}

static bool add_remote_link(struct load *load, int64_t id, yyjson_val *object)
{
    struct site *site = load->site;
    yyjson_val *data = yyjson_obj_get(object, "data");
    int64_t issue_id = 0;
    struct item item = {.id = id, .other = NONE};

    if (!json_i64(yyjson_obj_get(object, "input"), "issue_id", &issue_id))
        return true; /* nobody knows where it belongs */
    item.issue = site_find_issue_id(site, issue_id);
    if (item.issue == NONE)
        return true;
    item.key = site_keep(site, json_str(data, "globalId"));
    item.json = keep_json(site, data);
    return items_add(&site->remote_links, &item) != NONE;
}

static bool add_thing(struct load *load, enum kind kind, const struct row *row, yyjson_val *object)
{
    struct site *site = load->site;
    struct item item = {.issue = NONE, .other = NONE, .json = row->data};

    switch (kind) {
    case USERS:
        (void)person(site, object); /* one without any name is left out */
        return true;
    case PROJECTS:
        return project_of(site, object) != NONE;
    case STATUSES:
        (void)item_of(site, &site->statuses, object);
        return true;
    case TYPES:
        (void)item_of(site, &site->types, object);
        return true;
    case FIELDS:
        item.key = site_keep(site, json_str(object, "id"));
        return items_add(&site->fields, &item) != NONE;
    case ISSUES:
        return row->data.ptr ? add_issue(load, row->id, object, row->data)
                             : make_issue(load, row->id);
    case REMOTE_LINKS:
        return add_remote_link(load, row->id, object);
    case WORKLOGS:
    case KIND_COUNT:
        break;
    }
    return true;
}

static enum err_class add_things(struct load *load, enum kind kind)
{
    for (size_t i = 0; i < load->kinds[kind].count; i++) {
        const struct row *row = &load->kinds[kind].items[i];
        yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

        if (row->data.ptr && json_read(row->data, "a recorded row", &doc, load->err) != ERR_OK)
            return load->err->class;
        if (!add_thing(load, kind, row, yyjson_doc_get_root(doc)))
            return err_memory(load->err);
    }
    return ERR_OK;
}

static enum err_class add_worklogs(struct load *load)
{
    struct rows *rows = &load->kinds[WORKLOGS];
    struct feed_entry *entries AUTO(free_autop) = calloc(rows->count + 1, sizeof(*entries));

    if (!entries)
        return err_memory(load->err);
    for (size_t i = 0; i < rows->count; i++) {
        yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;

        if (json_read(rows->items[i].data, "a recorded worklog", &doc, load->err) != ERR_OK)
            return load->err->class;
        if (!add_worklog(load, &rows->items[i], yyjson_doc_get_root(doc), &entries[i]))
            return err_memory(load->err);
    }
    if (!feed_add(&load->site->updated, entries, rows->count))
        return err_memory(load->err);
    return ERR_OK;
}

enum err_class site_load(struct site *site, const char *folder, struct err *err)
{
    static const enum kind order[] = {USERS,  PROJECTS, STATUSES,    TYPES,
                                      FIELDS, ISSUES,   REMOTE_LINKS};
    struct load load AUTO(load_done) = {
        .site = site, .err = err, .whole = STRBUF_INIT((size_t)64 << 20)};
    enum err_class rc = read_folder(&load, folder, err);

    if (rc != ERR_OK)
        return rc;
    sort_unique(&load.kinds[ISSUES]);
    sort_unique(&load.kinds[WORKLOGS]);
    sort_unique(&load.kinds[REMOTE_LINKS]);
    rc = gather_issues(&load);
    for (size_t i = 0; i < ARRAY_LEN(order) && rc == ERR_OK; i++)
        rc = add_things(&load, order[i]);
    if (rc == ERR_OK)
        rc = add_worklogs(&load);
    return rc;
}
