/* link.c: from a request to calls of the tenant's Jira. */
#include "daemon/internal.h"

enum err_class request_link(struct request *request, enum request_as as, const char *purpose,
                            struct link *ret, struct err *err)
{
    const struct link_as how = {
        .budget = request->site->budget,
        .who = as == AS_PERSON ? &request->who : NULL,
    };

    return link_open_as(ret, request->tenant, &how, purpose, err);
}
