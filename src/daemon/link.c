/* link.c: from a request to calls of the tenant's Jira. */
#include "daemon/internal.h"

#include "connect/forge.h"

#define TRY_MS 30000 /* of one try: somebody waits, and a worker with them */

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

    enum err_class rc = link_open_as(ret, request->tenant, &how, purpose, err);

    if (rc == ERR_OK)
        ret->jira.http.total_ms = TRY_MS;
    return rc;
}
