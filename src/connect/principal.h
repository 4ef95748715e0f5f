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
    ROLE_ADMIN,  /* a local administrator of the whole server: sees what the tenants' tokens see */
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
    bool context_only; /* Connect: the token is not bound to this request (qsh is context-qsh) */
};

#endif
