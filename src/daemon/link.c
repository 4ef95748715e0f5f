/* link.c: from a request to calls of the tenant's Jira. */
#include "daemon/internal.h"

#include "connect/forge.h"

enum err_class request_link(struct request *request, enum request_as as, const char *purpose,
                            struct link *ret, struct err *err)
{
    const struct link_as how = {
        .budget = request->site->budget,
        .who = as == AS_PERSON ? &request->who : NULL,
        .ids = request->daemon->auth.identities,
        .user_token = http_in_header(request->ex, FORGE_USER_TOKEN_HEADER),
        .oauth = request->daemon->auth.oauth,
    };

    return link_open_as(ret, request->tenant, &how, purpose, err);
}
