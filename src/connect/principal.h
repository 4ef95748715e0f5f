#ifndef CONNECT_PRINCIPAL_H
#define CONNECT_PRINCIPAL_H
#include "base/limits.h"
#include "store/data.h"

/* Who makes a request, for which tenant, and how that was proved. Plain value. */
enum principal_by {
    BY_NOBODY,
    BY_CONNECT, /* a Connect JWT, signed with the installation's shared secret */
    BY_FORGE,   /* a Forge invocation token */
    BY_SESSION, /* the cookie of a sign-in on our own pages */
    BY_TOKEN,   /* one of our own API tokens */
    BY_COUNT
};
const char *principal_by_name(enum principal_by by); /* "connect" */

enum principal_role {
    ROLE_PERSON, /* acts for the Jira account; what it may is asked of Jira and of the settings */
    /* A local administrator, of the server or within one tenant: sees what the tenant's own
     * connection sees. */
    ROLE_ADMIN,
};

/* What a principal was given the right to do; API tokens may hold less than all. */
enum principal_scope { MAY_READ = 1 << 0, MAY_WRITE = 1 << 1, MAY_ADMINISTER = 1 << 2 };
#define MAY_ALL (MAY_READ | MAY_WRITE | MAY_ADMINISTER)

struct principal {
    enum principal_by by;
    enum principal_role role;
    unsigned scopes;                          /* of enum principal_scope */
    char tenant[TENANT_ID_BYTES + 1];         /* ""; a local administrator names one by `tenant=` */
    char account[LIMIT_ACCOUNT_ID_BYTES + 1]; /* in Jira; "": none */
    int64_t token;                            /* BY_TOKEN: its number */
    bool context_only; /* Connect: the token is not bound to this request (qsh is context-qsh) */
};
/*
 * The administrator of the whole server. A token that acts for the administrator within one tenant
 * is not: it sees and does there what they may, and knows of no other.
 */
static inline bool principal_is_local(const struct principal *who)
{
    return who->role == ROLE_ADMIN && who->tenant[0] == '\0';
}

#endif
