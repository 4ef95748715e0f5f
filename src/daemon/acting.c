/*
 * acting.c: who a thread acts for, as the audit trail names them.
 *
 * The trail has a person's number in the tenant's own database, never the account id. It is looked
 * up only when a line is written: most requests write none.
 */
#include "daemon/internal.h"

#include "base/log.h"

/* Nobody acts without a number: who is not kept yet is, as their first entry would do. */
static enum err_class number_of(struct tenant *tenant, struct str account, int64_t *ret,
                                struct err *err)
{
    enum err_class rc = person_number(tenant, account, ret, err);

    /* Within somebody's transaction nothing is added: it may be taken back. */
    if (rc != ERR_OK || *ret != 0 || db_in_tx(tenant->db))
        return rc;
    rc = db_begin(tenant->db, DB_WRITE, err);
    return rc == ERR_OK ? db_end(tenant->db, person_ref(tenant, account, ret, err), err) : rc;
}

static int64_t find_person(void *arg)
{
    const struct request *request = arg;
    struct tenant *opened = NULL;
    struct tenant *tenant = request->tenant;
    struct err err = {0};
    int64_t number = 0;
    enum err_class rc = ERR_OK;

    if (!tenant) {
        rc =
            store_pool_tenant(request->daemon->store, str_from(request->who.tenant), &opened, &err);
        tenant = opened;
    }
    if (rc == ERR_OK)
        rc = number_of(tenant, str_from(request->who.account), &number, &err);
    store_pool_give_tenant(request->daemon->store, opened);
    /* The line is written all the same, and says that it was a person, and of which tenant. */
    if (rc != ERR_OK)
        LOG(&request->daemon->ctx, LOG_WARN, "person_not_found_for_audit",
            LOG_NAME("class", err_class_name(rc)));
    return rc == ERR_OK ? number : 0;
}

void acting_begin(struct audit_who *who, struct request *request)
{
    const struct principal *principal = &request->who;

    if (principal->by == BY_NOBODY)
        *who = (struct audit_who){.by = AUDIT_BY_NOBODY};
    else if (principal->role == ROLE_PERSON)
        *who = (struct audit_who){.by = AUDIT_BY_PERSON,
                                  .name = principal_by_name(principal->by),
                                  .find = find_person,
                                  .arg = request};
    else if (principal->by == BY_TOKEN)
        *who = (struct audit_who){.by = AUDIT_BY_TOKEN, .number = principal->token};
    else
        *who = (struct audit_who){.by = AUDIT_BY_ADMIN, .name = principal_by_name(principal->by)};
    audit_act_as(who);
}
