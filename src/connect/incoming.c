/* incoming.c: the parts of a request that prove who sent it. */
#include "connect/incoming.h"

struct incoming incoming_of(const struct http_exchange *ex)
{
    return (struct incoming){
        .arena = ex->arena,
        .method = ex->method_name,
        .path = ex->path,
        .query = ex->raw_query,
        .body = ex->body,
        .authorization = http_in_header(ex, "Authorization"),
        .hub_signature = http_in_header(ex, "X-Hub-Signature"),
        .system_token = http_in_header(ex, "x-forge-oauth-system"),
    };
}
