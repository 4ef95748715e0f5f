/*
 * attach.c: an installation goes to another tenant.
 *
 * Order: first it is written where it goes, then the name points there, then it is removed where it
 * was. Cut short anywhere, it is whole in one place, and doing it again ends it.
 */
#include "connect/attach.h"

#include "base/log.h"
#include "connect/install.h"

static enum err_class copy_connect(struct tenant *from, struct tenant *to, struct str value,
                                   struct err *err)
{
    struct connect_install install = {0};
    enum err_class rc = connect_install_load(from, value, "attach", &install, err);

    if (rc == ERR_NOT_FOUND)
        return ERR_OK; /* only its name was known */
    if (rc == ERR_OK)
        rc = connect_install_store(to, &install, err);
    connect_install_done(&install);
    return rc;
}

static enum err_class copy_forge(struct tenant *from, struct tenant *to, struct str value,
                                 struct err *err)
{
    struct forge_install install = {0};
    enum err_class rc = forge_install_load(from, value, "attach", &install, err);

    if (rc == ERR_NOT_FOUND)
        return ERR_OK;
    if (rc == ERR_OK)
        rc = forge_install_store(to, &install, err);
    forge_install_done(&install);
    return rc;
}

static enum err_class move_rows(struct data *data, const struct tenant_info *from_info,
                                const struct tenant_info *to_info, enum alias_kind kind,
                                struct str value, struct err *err)
{
    AUTO(tenant_close_autop) struct tenant *from = NULL;
    AUTO(tenant_close_autop) struct tenant *to = NULL;
    enum err_class rc = tenant_open(data, from_info, &from, err);

    if (rc == ERR_OK)
        rc = tenant_open(data, to_info, &to, err);
    if (rc == ERR_OK && kind == ALIAS_CLIENT_KEY)
        rc = copy_connect(from, to, value, err);
    if (rc == ERR_OK && kind == ALIAS_INSTALLATION_ID)
        rc = copy_forge(from, to, value, err);
    if (rc == ERR_OK)
        rc = alias_put(data->control, data->ctx, kind, value, to_info->id, err);
    if (rc == ERR_OK && kind != ALIAS_CLOUD_ID)
        rc = install_remove(from, kind, value, err);
    return rc;
}

enum err_class attach_identity(struct data *data, const struct tenant_info *to,
                               enum alias_kind kind, struct str value, struct tenant_info *ret_from,
                               struct err *err)
{
    char owner[TENANT_ID_BYTES + 1] = "";
    struct tenant_info from = {0};

    if (!alias_value_is_valid(value))
        return err_set(err, ERR_INPUT,
                       "this is no %s: it is 1 to %d letters, digits and signs without a space",
                       alias_kind_name(kind), ALIAS_VALUE_BYTES);

    enum err_class rc = alias_find(data->control, kind, value, owner, err);

    if (rc == ERR_OK && strcmp(owner, to->id) == 0)
        return err_set(err, ERR_CONFLICT, "the tenant %s has this %s already", to->name,
                       alias_kind_name(kind));
    if (rc == ERR_OK)
        rc = tenant_find(data, str_from(owner), &from, err);
    if (rc == ERR_OK || rc == ERR_NOT_FOUND) {
        struct err refusal = {0};
        enum err_class written =
            data_audit(data, AUDIT_CONNECTION_INSTALLED, to->id, "attach", &refusal);

        if (written != ERR_OK) {
            *err = refusal;
            return written;
        }
    }
    if (rc == ERR_OK)
        rc = move_rows(data, &from, to, kind, value, err);
    else if (rc == ERR_NOT_FOUND)
        rc = alias_put(data->control, data->ctx, kind, value, to->id, err);
    if (rc != ERR_OK)
        return rc;
    LOG(data->ctx, LOG_INFO, "identity_attached", LOG_NAME("kind", alias_kind_name(kind)),
        LOG_IDENT("tenant", to->id), LOG_IDENT("from", from.id[0] ? from.id : "none"));
    *ret_from = from;
    return ERR_OK;
}
