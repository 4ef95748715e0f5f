/* api_people.c: users, projects, permissions, and the report of personal data. */
#include <inttypes.h>

#include "api.h"
#include "http/url.h"
#include "rules.h"

#define ACCOUNTS_MAX 90 /* of one report (facts: personal data) */
#define CHECK_MAX 1000

/* ---- Users ---- */

/* A group that all are in, as on every site. */
#define EVERYBODY_ID "5a4d0b5e-0000-4000-8000-0000000000e1"
#define EVERYBODY "jira-users"

static void put_group(struct http_exchange *ex, struct str id, struct str name)
{
    struct strbuf link AUTO(strbuf_done) = STRBUF_INIT(4096);
    bool named = api_site(ex)->datacenter;

    strbuf_addf(&link, "%s/rest/api/%d/group", api_site(ex)->base_url, api_call(ex)->version);
    url_add_query(&link, named ? "groupname" : "groupId", named ? name : id);
    strbuf_add_z(&ex->out, "{\"name\":");
    put_json_text(&ex->out, name);
    if (!named) {
        strbuf_add_z(&ex->out, ",\"groupId\":");
        put_json_text(&ex->out, id);
    }
    strbuf_add_z(&ex->out, ",\"self\":");
    put_json_text(&ex->out, strbuf_str(&link));
    strbuf_add_char(&ex->out, '}');
}

/* The groups of a user as an array. */
static size_t put_groups(struct http_exchange *ex, uint32_t user)
{
    const struct site *site = api_site(ex);
    size_t count = 1;

    strbuf_add_char(&ex->out, '[');
    put_group(ex, STR(EVERYBODY_ID), STR(EVERYBODY));
    for (size_t i = 0; i < site->membership_count; i++) {
        const struct membership *row = &site->memberships[i];

        if (row->user != user || !row->in)
            continue;
        strbuf_add_char(&ex->out, ',');
        put_group(ex, row->group, row->group);
        count++;
    }
    strbuf_add_char(&ex->out, ']');
    return count;
}

void api_user_groups(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    struct str account = http_in_query(ex, "accountId");
    uint32_t user;

    if (site->datacenter) {
        api_error(ex, 404, "null for uri: " STR_FMT, STR_ARG(ex->path));
        return;
    }
    if (account.len == 0) {
        api_error(ex, 400, "The 'accountId' query parameter must be given.");
        return;
    }

    SITE_READ(site);
    user = site_find_user(site, account);
    if (user == NONE)
        api_error(ex, 404, "Specified user does not exist or you do not have required permissions");
    else
        api_call(ex)->objects = (int64_t)put_groups(ex, user);
}

static void put_user(struct http_exchange *ex, uint32_t user)
{
    struct site *site = api_site(ex);

    show_author(&ex->out, site, user, api_call(ex)->version);
    api_call(ex)->objects += 2; /* people cost double */
    if (site->datacenter || site->users[user].email.len == 0 || ex->out.len == 0)
        return;
    ex->out.len--; /* the object goes on: here, and in no author, Cloud may tell the address */
    strbuf_add_z(&ex->out, ",\"emailAddress\":");
    put_json_text(&ex->out, site->users[user].email);
    strbuf_add_char(&ex->out, '}');
}

/* Data Center's user with expand=groups. */
static void put_user_with_groups(struct http_exchange *ex, uint32_t user)
{
    put_user(ex, user);
    if (ex->out.failed != ERR_OK)
        return;
    ex->out.len--; /* the object goes on */
    strbuf_add_z(&ex->out, ",\"groups\":{\"items\":");

    size_t count = put_groups(ex, user);

    strbuf_addf(&ex->out, ",\"size\":%zu},\"expand\":\"groups,applicationRoles\"}", count);
}

void api_user_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    const char *names[] = {"accountId", "key", "username"};
    uint32_t user = NONE;
    bool asked = false;

    SITE_READ(site);
    for (size_t i = site->datacenter ? 1 : 0; i < (site->datacenter ? 3U : 1U); i++) {
        struct str value = http_in_query(ex, names[i]);

        asked = asked || value.len > 0;
        for (size_t u = 0; i == 2 && value.len > 0 && u < site->user_count; u++)
            if (str_eq_nocase(site->users[u].name, value))
                user = (uint32_t)u;
        if (i < 2 && value.len > 0)
            user = site_find_user(site, value);
    }
    if (!asked)
        api_error(ex, 400,
                  "Either the 'accountId' or the 'username' query parameter must be given.");
    else if (user == NONE)
        api_error(ex, 404, "Specified user does not exist or you do not have required permissions");
    else if (site->datacenter && api_list_has(http_in_query(ex, "expand"), "groups"))
        put_user_with_groups(ex, user);
    else
        put_user(ex, user);
}

void api_users_bulk(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    uint32_t *found;
    size_t start = 0, limit = 0, asked = 0, count = 0;

    if (!api_take_page(ex, 10, 200, &start, &limit))
        return;
    while (http_in_query_nth(ex, "accountId", asked).ptr)
        asked++;
    if (asked == 0) {
        api_error(ex, 400, "The accountId query parameter must be given.");
        return;
    }
    found = arena_alloc(ex->arena, asked * sizeof(*found));
    if (!found) {
        api_error(ex, 503, "out of memory");
        return;
    }

    SITE_READ(site);
    for (size_t i = 0; i < asked; i++) {
        found[count] = site_find_user(site, http_in_query_nth(ex, "accountId", i));
        count += found[count] != NONE ? 1 : 0;
    }
    api_begin_page(ex, start, limit, count);
    for (size_t i = start; i < count && i - start < limit; i++) {
        strbuf_add_z(&ex->out, i > start ? "," : "");
        put_user(ex, found[i]);
    }
    strbuf_add_z(&ex->out, "]}");
}

void api_users_search(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    size_t start = 0, limit = 0;

    if (!api_take_page(ex, 50, 1000, &start, &limit))
        return;

    SITE_READ(site);
    strbuf_add_char(&ex->out, '[');
    for (size_t i = start; i < site->user_count && i - start < limit; i++) {
        strbuf_add_z(&ex->out, i > start ? "," : "");
        put_user(ex, (uint32_t)i);
    }
    strbuf_add_char(&ex->out, ']');
}

/* ---- Projects ---- */

void api_projects_search(struct http_exchange *ex)
{
    struct site *site = api_site(ex);
    size_t start = 0, limit = 0;

    if (!api_take_page(ex, 50, 100, &start, &limit))
        return;

    SITE_READ(site);
    api_begin_page(ex, start, limit, site->project_count);
    for (size_t i = start; i < site->project_count && i - start < limit; i++) {
        strbuf_add_z(&ex->out, i > start ? "," : "");
        show_project(&ex->out, site, (uint32_t)i, api_call(ex)->version, true);
        api_call(ex)->objects++;
    }
    strbuf_add_z(&ex->out, "]}");
}

/* All at once, without pages: Data Center's way, old in the cloud. */
void api_projects(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    strbuf_add_char(&ex->out, '[');
    for (size_t i = 0; i < site->project_count; i++) {
        strbuf_add_z(&ex->out, i ? "," : "");
        show_project(&ex->out, site, (uint32_t)i, api_call(ex)->version, true);
        api_call(ex)->objects++;
    }
    strbuf_add_char(&ex->out, ']');
}

void api_project_get(struct http_exchange *ex)
{
    struct site *site = api_site(ex);

    SITE_READ(site);
    uint32_t project = site_find_project(site, ex->params[1]);

    if (project == NONE) {
        api_error(ex, 404, "No project could be found with key '" STR_FMT "'.",
                  STR_ARG(ex->params[1]));
        return;
    }
    show_project(&ex->out, site, project, api_call(ex)->version, true);
    api_call(ex)->objects = 1;
}

/* ---- Permissions: the credential may do everything ---- */

static const struct {
    const char *key, *name, *type, *id;
} permissions[] = {
    {"ADMINISTER", "Administer Jira", "GLOBAL", "0"},
    {"SYSTEM_ADMIN", "System Administrator", "GLOBAL", "44"},
    {"USER_PICKER", "Browse users and groups", "GLOBAL", "27"},
    {"ADMINISTER_PROJECTS", "Administer Projects", "PROJECT", "23"},
    {"BROWSE_PROJECTS", "Browse Projects", "PROJECT", "10"},
    {"CREATE_ISSUES", "Create Issues", "PROJECT", "11"},
    {"EDIT_ISSUES", "Edit Issues", "PROJECT", "12"},
    {"LINK_ISSUES", "Link Issues", "PROJECT", "21"},
    {"ADD_COMMENTS", "Add Comments", "PROJECT", "15"},
    {"CREATE_ATTACHMENTS", "Create Attachments", "PROJECT", "19"},
    {"WORK_ON_ISSUES", "Work On Issues", "PROJECT", "20"},
    {"EDIT_OWN_WORKLOGS", "Edit Own Worklogs", "PROJECT", "40"},
    {"EDIT_ALL_WORKLOGS", "Edit All Worklogs", "PROJECT", "41"},
    {"DELETE_OWN_WORKLOGS", "Delete Own Worklogs", "PROJECT", "42"},
    {"DELETE_ALL_WORKLOGS", "Delete All Worklogs", "PROJECT", "43"},
};

static void put_permission(struct http_exchange *ex, size_t i)
{
    strbuf_addf(&ex->out,
                "\"%s\":{\"id\":\"%s\",\"key\":\"%s\",\"name\":\"%s\",\"type\":\"%s\","
                "\"description\":\"\",\"havePermission\":%s}",
                permissions[i].key, permissions[i].id, permissions[i].key, permissions[i].name,
                permissions[i].type,
                rules_grant(api_site(ex), permissions[i].key) ? "true" : "false");
}

/* Is there a permission of this name and type? NULL type: of any. */
static bool is_permission(struct str name, const char *type)
{
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++)
        if (str_eq_z(name, permissions[i].key) && (!type || strcmp(type, permissions[i].type) == 0))
            return true;
    return false;
}

/* Is the project or issue there that the query asks about, if it does? false: 404 is in the
 * exchange. */
static bool place_is_there(struct http_exchange *ex)
{
    static const char *const issue_names[] = {"issueKey", "issueId"};
    static const char *const project_names[] = {"projectKey", "projectId"};

    for (size_t i = 0; i < ARRAY_LEN(issue_names); i++) {
        struct str issue = http_in_query(ex, issue_names[i]);

        if (issue.ptr && api_issue(ex, issue) == NONE)
            return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(project_names); i++) {
        struct str project = http_in_query(ex, project_names[i]);

        if (project.ptr && site_find_project(api_site(ex), project) == NONE) {
            api_error(ex, 404, "No project could be found with key or id '" STR_FMT "'.",
                      STR_ARG(project));
            return false;
        }
    }
    return true;
}

void api_my_permissions(struct http_exchange *ex)
{
    struct str asked = http_in_query(ex, "permissions");
    bool any = false;

    if (!asked.ptr && !api_site(ex)->datacenter) {
        api_error(ex, 400, "The 'permissions' query parameter is required.");
        return;
    }
    for (struct str list = asked; list.len > 0;) {
        struct str rest = {NULL, 0};
        struct str word = str_trim(str_cut(list, ',', &rest));

        if (!is_permission(word, NULL)) {
            api_error(ex, 400, "Unrecognized permission '" STR_FMT "'.", STR_ARG(word));
            return;
        }
        list = rest;
    }

    SITE_READ(api_site(ex));
    if (!place_is_there(ex))
        return;
    strbuf_add_z(&ex->out, "{\"permissions\":{");
    for (size_t i = 0; i < ARRAY_LEN(permissions); i++) {
        if (asked.ptr && !api_list_has(asked, permissions[i].key))
            continue;
        strbuf_add_z(&ex->out, any ? "," : "");
        put_permission(ex, i);
        any = true;
    }
    strbuf_add_z(&ex->out, "}}");
}

/* The numbers of `ids` that `is_there` knows, as a JSON array. */
static void put_known(struct http_exchange *ex, yyjson_val *ids,
                      bool (*is_there)(const struct site *site, uint32_t user, int64_t id),
                      uint32_t user)
{
    size_t at, max;
    yyjson_val *id;
    bool any = false;

    strbuf_add_char(&ex->out, '[');
    yyjson_arr_foreach(ids, at, max, id)
    {
        if (!is_there(api_site(ex), user, yyjson_get_sint(id)))
            continue;
        strbuf_addf(&ex->out, "%s%" PRId64, any ? "," : "", yyjson_get_sint(id));
        any = true;
    }
    strbuf_add_char(&ex->out, ']');
}

static bool has_issue(const struct site *site, uint32_t user, int64_t id)
{
    uint32_t issue = site_find_issue_id(site, id);

    return issue != NONE && issue_is_visible(site, issue, user);
}

static bool has_project(const struct site *site, uint32_t user, int64_t id)
{
    (void)user;
    for (size_t i = 0; i < site->project_count; i++)
        if (site->projects[i].id == id)
            return true;
    return false;
}

static void put_project_permissions(struct http_exchange *ex, uint32_t user, yyjson_val *asked)
{
    size_t at, max, i, count;
    yyjson_val *item, *name;
    bool any = false;

    yyjson_arr_foreach(asked, at, max, item)
    {
        yyjson_arr_foreach(yyjson_obj_get(item, "permissions"), i, count, name)
        {
            strbuf_add_z(&ex->out, any ? ",{\"permission\":" : "{\"permission\":");
            put_json_text(&ex->out, (struct str){yyjson_get_str(name), yyjson_get_len(name)});
            strbuf_add_z(&ex->out, ",\"issues\":");
            put_known(ex, yyjson_obj_get(item, "issues"), has_issue, user);
            strbuf_add_z(&ex->out, ",\"projects\":");
            put_known(ex, yyjson_obj_get(item, "projects"), has_project, user);
            strbuf_add_char(&ex->out, '}');
            any = true;
        }
    }
}

/* False: 400 is in the exchange. */
static bool all_are_permissions(struct http_exchange *ex, yyjson_val *names, const char *type)
{
    size_t at, max;
    yyjson_val *name;

    yyjson_arr_foreach(names, at, max, name)
    {
        struct str text = {yyjson_get_str(name), yyjson_get_len(name)};

        if (!is_permission(text, type)) {
            api_error(ex, 400, "Unrecognized permission '" STR_FMT "'.", STR_ARG(text));
            return false;
        }
    }
    return true;
}

void api_permissions_check(struct http_exchange *ex)
{
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *body, *item;
    size_t at, max;
    bool any = false;

    if (!api_body(ex, &doc))
        return;
    body = yyjson_doc_get_root(doc);
    if (!all_are_permissions(ex, yyjson_obj_get(body, "globalPermissions"), "GLOBAL"))
        return;
    yyjson_arr_foreach(yyjson_obj_get(body, "projectPermissions"), at, max, item)
    {
        if (!all_are_permissions(ex, yyjson_obj_get(item, "permissions"), "PROJECT"))
            return;
        if (yyjson_arr_size(yyjson_obj_get(item, "issues")) > CHECK_MAX ||
            yyjson_arr_size(yyjson_obj_get(item, "projects")) > CHECK_MAX) {
            api_error(ex, 400, "At most %d projects and %d issues are checked at once.", CHECK_MAX,
                      CHECK_MAX);
            return;
        }
    }

    SITE_READ(api_site(ex));
    uint32_t user = api_call(ex)->user;

    if (json_str(body, "accountId").len > 0)
        user = site_find_user(api_site(ex), json_str(body, "accountId"));
    if (user == NONE) {
        api_error(ex, 400, "The user does not exist.");
        return;
    }
    /* Only the credential of the site administers it; others ask about themselves. */
    if (user != api_call(ex)->user && api_call(ex)->user != SITE_USER_SELF) {
        api_error(ex, 403, "You are not authorized to check other users' permissions.");
        return;
    }
    strbuf_add_z(&ex->out, "{\"globalPermissions\":[");
    yyjson_arr_foreach(yyjson_obj_get(body, "globalPermissions"), at, max, item)
    {
        if (user != SITE_USER_SELF &&
            str_starts((struct str){yyjson_get_str(item), yyjson_get_len(item)}, STR("ADMINISTER")))
            continue;
        strbuf_add_z(&ex->out, any ? "," : "");
        put_json_text(&ex->out, (struct str){yyjson_get_str(item), yyjson_get_len(item)});
        any = true;
    }
    strbuf_add_z(&ex->out, "],\"projectPermissions\":[");
    put_project_permissions(ex, user, yyjson_obj_get(body, "projectPermissions"));
    strbuf_add_z(&ex->out, "]}");
}

/* ---- Personal data reporting ---- */

static void report_error(struct http_exchange *ex, const char *type, const char *message)
{
    ex->status = 400;
    strbuf_addf(&ex->out, "{\"errorType\":\"%s\",\"errorMessage\":\"%s\"}", type, message);
}

void api_report_accounts(struct http_exchange *ex)
{
    static const char closed[] = "5be24ba3f91c106033269289"; /* Atlassian's test account */
    yyjson_doc *doc AUTO(yyjson_doc_autop) = NULL;
    yyjson_val *accounts, *item;
    size_t at, max;
    bool found = false;

    if (http_in_header(ex, "Authorization").len == 0) {
        api_empty(ex, 401);
        return;
    }
    if (!api_body(ex, &doc))
        return;
    accounts = yyjson_obj_get(yyjson_doc_get_root(doc), "accounts");
    if (!yyjson_is_arr(accounts) || yyjson_arr_size(accounts) == 0 ||
        yyjson_arr_size(accounts) > ACCOUNTS_MAX) {
        report_error(ex, "INVALID_REQUEST", "accounts must have 1 to 90 entries");
        return;
    }
    yyjson_arr_foreach(accounts, at, max, item)
    {
        if (json_str(item, "accountId").len == 0 || json_str(item, "updatedAt").len == 0) {
            report_error(ex, "INVALID_REQUEST", "an account needs accountId and updatedAt");
            return;
        }
        found = found || str_eq_z(json_str(item, "accountId"), closed);
    }
    http_out_header(ex, "Cycle-Period", "7");
    if (!found)
        api_empty(ex, 204);
    else
        strbuf_addf(&ex->out, "{\"accounts\":[{\"accountId\":\"%s\",\"status\":\"closed\"}]}",
                    closed);
}
