/* routes.c: the table of everything that the sandbox serves. */
#include "api.h"

#include <stdlib.h>

#include "atlassian.h"
#include "control.h"
#include "oauth.h"
#include "rules.h"

#define API "/rest/api/{version}"
#define ISSUE API "/issue/{issue}"
#define KIB ((size_t)1024)
#define JSON_BYTES (256 * KIB)
#define UPLOAD_BYTES (64 * 1024 * KIB)
#define NO_BODY 0
#define CONTROL_BYTES (16 * 1024 * KIB)

const struct http_route api_routes[] = {
    {HTTP_GET, API "/serverInfo", NO_BODY, api_server_info},
    {HTTP_GET, API "/myself", NO_BODY, api_myself},
    {HTTP_GET, API "/worklog/updated", NO_BODY, api_worklog_updated},
    {HTTP_GET, API "/worklog/deleted", NO_BODY, api_worklog_deleted},
    {HTTP_POST, API "/worklog/list", JSON_BYTES, api_worklog_list},

    {HTTP_GET, ISSUE, NO_BODY, api_issue_get},
    {HTTP_GET, ISSUE "/worklog", NO_BODY, api_issue_worklogs},
    {HTTP_POST, ISSUE "/worklog", JSON_BYTES, api_worklog_add},
    {HTTP_DELETE, ISSUE "/worklog", JSON_BYTES, api_worklogs_delete},
    {HTTP_POST, ISSUE "/worklog/move", JSON_BYTES, api_worklogs_move},
    {HTTP_GET, ISSUE "/worklog/{id}", NO_BODY, api_worklog_get},
    {HTTP_PUT, ISSUE "/worklog/{id}", JSON_BYTES, api_worklog_update},
    {HTTP_DELETE, ISSUE "/worklog/{id}", NO_BODY, api_worklog_delete},
    {HTTP_GET, ISSUE "/worklog/{id}/properties", NO_BODY, api_worklog_properties},
    {HTTP_GET, ISSUE "/worklog/{id}/properties/{key}", NO_BODY, api_worklog_property_get},
    {HTTP_PUT, ISSUE "/worklog/{id}/properties/{key}", JSON_BYTES, api_worklog_property_put},
    {HTTP_DELETE, ISSUE "/worklog/{id}/properties/{key}", NO_BODY, api_worklog_property_delete},
    {HTTP_GET, ISSUE "/properties", NO_BODY, api_issue_properties},
    {HTTP_GET, ISSUE "/properties/{key}", NO_BODY, api_issue_property_get},
    {HTTP_PUT, ISSUE "/properties/{key}", JSON_BYTES, api_issue_property_put},
    {HTTP_DELETE, ISSUE "/properties/{key}", NO_BODY, api_issue_property_delete},

    {HTTP_GET, API "/search/jql", NO_BODY, api_search_get},
    {HTTP_POST, API "/search/jql", JSON_BYTES, api_search_post},
    {HTTP_POST, API "/search/approximate-count", JSON_BYTES, api_search_count},
    {HTTP_GET, API "/search", NO_BODY, api_old_search_get},
    {HTTP_POST, API "/search", JSON_BYTES, api_old_search_post},
    {HTTP_POST, API "/issue/bulkfetch", JSON_BYTES, api_bulk_fetch},
    {HTTP_POST, API "/jql/match", JSON_BYTES, api_jql_match},
    {HTTP_POST, API "/jql/parse", JSON_BYTES, api_jql_parse},
    {HTTP_GET, API "/issue/picker", NO_BODY, api_issue_picker},
    {HTTP_GET, API "/filter/search", NO_BODY, api_filters_search},
    {HTTP_GET, API "/filter/favourite", NO_BODY, api_filters_favourite},
    {HTTP_GET, API "/filter/{id}", NO_BODY, api_filter_get},
    {HTTP_GET, API "/issuetype", NO_BODY, api_issue_types},
    {HTTP_GET, API "/status", NO_BODY, api_statuses},
    {HTTP_GET, API "/field", NO_BODY, api_fields},
    {HTTP_GET, API "/configuration", NO_BODY, api_configuration},

    {HTTP_GET, API "/user", NO_BODY, api_user_get},
    {HTTP_GET, API "/user/groups", NO_BODY, api_user_groups},
    {HTTP_GET, API "/user/bulk", NO_BODY, api_users_bulk},
    {HTTP_GET, API "/users/search", NO_BODY, api_users_search},
    {HTTP_GET, API "/user/search", NO_BODY, api_users_find},
    {HTTP_GET, API "/project", NO_BODY, api_projects},
    {HTTP_GET, API "/project/search", NO_BODY, api_projects_search},
    {HTTP_GET, API "/project/{project}", NO_BODY, api_project_get},
    {HTTP_GET, API "/mypermissions", NO_BODY, api_my_permissions},
    {HTTP_POST, API "/permissions/check", JSON_BYTES, api_permissions_check},
    {HTTP_POST, "/app/report-accounts/", JSON_BYTES, api_report_accounts},

    {HTTP_GET, ISSUE "/comment", NO_BODY, api_comments},
    {HTTP_POST, ISSUE "/comment", JSON_BYTES, api_comment_add},
    {HTTP_GET, ISSUE "/comment/{id}", NO_BODY, api_comment_get},
    {HTTP_PUT, ISSUE "/comment/{id}", JSON_BYTES, api_comment_update},
    {HTTP_DELETE, ISSUE "/comment/{id}", NO_BODY, api_comment_delete},
    {HTTP_POST, API "/comment/list", JSON_BYTES, api_comment_list},
    {HTTP_GET, API "/attachment/meta", NO_BODY, api_attachment_meta},
    {HTTP_GET, API "/attachment/content/{id}", NO_BODY, api_attachment_content},
    {HTTP_GET, API "/attachment/{id}", NO_BODY, api_attachment_get},
    {HTTP_DELETE, API "/attachment/{id}", NO_BODY, api_attachment_delete},
    {HTTP_POST, ISSUE "/attachments", UPLOAD_BYTES, api_attachments_add},
    {HTTP_GET, "/media/file/{id}/binary", NO_BODY, media_content},
    {HTTP_GET, API "/issueLinkType", NO_BODY, api_link_types},
    {HTTP_GET, API "/issueLinkType/{id}", NO_BODY, api_link_type_get},
    {HTTP_POST, API "/issueLink", JSON_BYTES, api_link_add},
    {HTTP_GET, API "/issueLink/{id}", NO_BODY, api_link_get},
    {HTTP_DELETE, API "/issueLink/{id}", NO_BODY, api_link_delete},
    {HTTP_GET, ISSUE "/remotelink", NO_BODY, api_remote_links},
    {HTTP_POST, ISSUE "/remotelink", JSON_BYTES, api_remote_link_put},
    {HTTP_DELETE, ISSUE "/remotelink", NO_BODY, api_remote_links_delete},
    {HTTP_GET, ISSUE "/remotelink/{id}", NO_BODY, api_remote_link_get},
    {HTTP_PUT, ISSUE "/remotelink/{id}", JSON_BYTES, api_remote_link_update},
    {HTTP_DELETE, ISSUE "/remotelink/{id}", NO_BODY, api_remote_link_delete},

    {HTTP_GET, API "/webhook", NO_BODY, api_webhooks},
    {HTTP_POST, API "/webhook", JSON_BYTES, api_webhook_register},
    {HTTP_DELETE, API "/webhook", JSON_BYTES, api_webhook_delete},
    {HTTP_PUT, API "/webhook/refresh", JSON_BYTES, api_webhook_refresh},
    {HTTP_GET, API "/webhook/failed", NO_BODY, api_webhook_failed},

    {HTTP_GET, "/install-keys/{kid}", NO_BODY, atlassian_install_key},
    {HTTP_GET, "/forge/jwks.json", NO_BODY, atlassian_jwks},
    {HTTP_POST, "/oauth2/token", JSON_BYTES, atlassian_oauth_token},
    {HTTP_GET, "/authorize", NO_BODY, consents_authorize},
    {HTTP_POST, "/oauth/token", JSON_BYTES, consents_token},
    {HTTP_GET, "/oauth/token/accessible-resources", NO_BODY, consents_sites},

    {HTTP_POST, "/sandbox/connect/token", CONTROL_BYTES, control_connect_token},
    {HTTP_POST, "/sandbox/connect/{action}", CONTROL_BYTES, control_connect},
    {HTTP_POST, "/sandbox/forge/invoke-token", CONTROL_BYTES, control_forge_token},
    {HTTP_POST, "/sandbox/forge/event", CONTROL_BYTES, control_forge_event},
    {HTTP_POST, "/sandbox/forge/{action}", CONTROL_BYTES, control_forge},
    {HTTP_GET, "/sandbox/oauth", NO_BODY, control_consents_get},
    {HTTP_POST, "/sandbox/oauth/{action}", CONTROL_BYTES, control_consents},
    {HTTP_GET, "/sandbox/state", NO_BODY, control_state},
    {HTTP_DELETE, "/sandbox/state", NO_BODY, control_reset},
    {HTTP_GET, "/sandbox/worklogs", NO_BODY, control_worklogs},
    {HTTP_POST, "/sandbox/worklogs/{action}", CONTROL_BYTES, control_change_worklogs},
    {HTTP_POST, "/sandbox/issues/{action}", CONTROL_BYTES, control_change_issues},
    {HTTP_POST, "/sandbox/groups", CONTROL_BYTES, control_groups},
    {HTTP_POST, "/sandbox/rules", CONTROL_BYTES, control_rules},
    {HTTP_POST, "/sandbox/webhook", CONTROL_BYTES, control_webhook},
    {HTTP_POST, "/sandbox/clock", CONTROL_BYTES, control_clock},
    {HTTP_POST, "/sandbox/token", CONTROL_BYTES, control_token},
    {HTTP_POST, "/sandbox/limits", CONTROL_BYTES, control_limits},
    {HTTP_POST, "/sandbox/options", CONTROL_BYTES, control_options},
    {HTTP_POST, "/sandbox/people", CONTROL_BYTES, control_people},
    {HTTP_GET, "/sandbox/mail", NO_BODY, control_mail},
    {HTTP_DELETE, "/sandbox/mail", NO_BODY, control_mail_clear},
    {HTTP_GET, "/sandbox/faults", NO_BODY, control_faults_get},
    {HTTP_POST, "/sandbox/faults", CONTROL_BYTES, control_faults_add},
    {HTTP_DELETE, "/sandbox/faults", NO_BODY, control_faults_clear},
};

const size_t api_route_count = ARRAY_LEN(api_routes);

_Static_assert(ARRAY_LEN(api_routes) <= ROUTES_MAX, "each route has a counter");

struct api_served *api_served_new(void)
{
    struct api_served *served = calloc(1, sizeof(*served));

    if (!served)
        return NULL;
    for (size_t i = 0; i < api_route_count; i++) {
        served->routes[i] = api_routes[i];
        served->number[i] = i;
    }
    served->count = api_route_count;
    for (size_t i = 0; i < api_route_count; i++) {
        struct http_route *route = &served->routes[served->count];
        char pattern[256];

        if (!str_starts(str_from(api_routes[i].pattern), STR("/rest/")))
            continue;
        (void)snprintf(pattern, sizeof(pattern), CONSENTS_PREFIX "%s", api_routes[i].pattern);
        *route = api_routes[i];
        route->pattern = strdup(pattern);
        if (!route->pattern) {
            api_served_free(served);
            return NULL;
        }
        served->number[served->count++] = i;
    }
    return served;
}

void api_served_free(struct api_served *served)
{
    if (!served)
        return;
    for (size_t i = api_route_count; i < served->count; i++)
        free((void *)(uintptr_t)served->routes[i].pattern); /* ours, though routes are const */
    free(served);
}

size_t api_route_number(const struct sandbox *sandbox, const struct http_route *route)
{
    const struct api_served *served = sandbox->routes;

    if (served && route >= served->routes && route < served->routes + served->count)
        return served->number[route - served->routes];
    return (size_t)(route - api_routes);
}
