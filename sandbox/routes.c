/* routes.c: the table of everything that the sandbox serves. */
#include "api.h"
#include "control.h"

#define API "/rest/api/{version}"
#define KIB ((size_t)1024)
#define JSON_BYTES (256 * KIB)
#define NO_BODY 0
#define CONTROL_BYTES (16 * 1024 * KIB)

const struct http_route api_routes[] = {
    {HTTP_GET, API "/serverInfo", NO_BODY, api_server_info},
    {HTTP_GET, API "/myself", NO_BODY, api_myself},
    {HTTP_GET, API "/worklog/updated", NO_BODY, api_worklog_updated},
    {HTTP_GET, API "/worklog/deleted", NO_BODY, api_worklog_deleted},
    {HTTP_POST, API "/worklog/list", JSON_BYTES, api_worklog_list},

    {HTTP_GET, "/sandbox/state", NO_BODY, control_state},
    {HTTP_DELETE, "/sandbox/state", NO_BODY, control_reset},
    {HTTP_GET, "/sandbox/worklogs", NO_BODY, control_worklogs},
    {HTTP_POST, "/sandbox/worklogs/{action}", CONTROL_BYTES, control_change_worklogs},
    {HTTP_POST, "/sandbox/issues/{action}", CONTROL_BYTES, control_change_issues},
    {HTTP_POST, "/sandbox/clock", CONTROL_BYTES, control_clock},
    {HTTP_POST, "/sandbox/token", CONTROL_BYTES, control_token},
    {HTTP_POST, "/sandbox/limits", CONTROL_BYTES, control_limits},
    {HTTP_POST, "/sandbox/options", CONTROL_BYTES, control_options},
    {HTTP_GET, "/sandbox/faults", NO_BODY, control_faults_get},
    {HTTP_POST, "/sandbox/faults", CONTROL_BYTES, control_faults_add},
    {HTTP_DELETE, "/sandbox/faults", NO_BODY, control_faults_clear},
};

const size_t api_route_count = ARRAY_LEN(api_routes);

_Static_assert(ARRAY_LEN(api_routes) <= ROUTES_MAX, "each route has a counter");
