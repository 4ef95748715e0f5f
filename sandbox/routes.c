/* routes.c: the table of everything that the sandbox serves. */
#include "api.h"

#define API "/rest/api/{version}"
#define KIB ((size_t)1024)
#define JSON_BYTES (256 * KIB)
#define NO_BODY 0

const struct http_route api_routes[] = {
    {HTTP_GET, API "/serverInfo", NO_BODY, api_server_info},
    {HTTP_GET, API "/myself", NO_BODY, api_myself},
    {HTTP_GET, API "/worklog/updated", NO_BODY, api_worklog_updated},
    {HTTP_GET, API "/worklog/deleted", NO_BODY, api_worklog_deleted},
    {HTTP_POST, API "/worklog/list", JSON_BYTES, api_worklog_list},
};

const size_t api_route_count = ARRAY_LEN(api_routes);

_Static_assert(ARRAY_LEN(api_routes) <= ROUTES_MAX, "each route has a counter");
