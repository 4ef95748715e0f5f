#ifndef CONNECT_ALIAS_H
#define CONNECT_ALIAS_H
#include "store/data.h"

/*
 * The other names of a tenant: what Atlassian calls it. A name belongs to one tenant, a tenant may
 * have several. None of them is its identity: a client key and an installation id change when the
 * app is installed anew or the site is imported, so a tenant can be given another one (facts 1.3,
 * 2.2). A base URL is no name at all: it may come to belong to somebody else.
 */
enum alias_kind { ALIAS_CLIENT_KEY, ALIAS_INSTALLATION_ID, ALIAS_CLOUD_ID, ALIAS_KIND_COUNT };
const char *alias_kind_name(enum alias_kind kind); /* "client_key" */

#define ALIAS_VALUE_BYTES 255
/* 1..ALIAS_VALUE_BYTES bytes of printable ASCII without space, quote or backslash. */
bool alias_value_is_valid(struct str value);

/* ERR_NOT_FOUND: nobody has it; also when its tenant is gone. */
MUST_USE enum err_class alias_find(struct db *control, enum alias_kind kind, struct str value,
                                   char ret_tenant[TENANT_ID_BYTES + 1], struct err *err);
/* Gives the name to the tenant, whoever had it before. */
MUST_USE enum err_class alias_put(struct db *control, const struct ctx *ctx, enum alias_kind kind,
                                  struct str value, const char *tenant, struct err *err);
/* The same, but only when no other tenant that is still there has it. *ret_ours: it is now ours. */
MUST_USE enum err_class alias_claim(struct db *control, const struct ctx *ctx, enum alias_kind kind,
                                    struct str value, const char *tenant, bool *ret_ours,
                                    struct err *err);

/*
 * A tenant for a site that has just told of itself, without a credential: made new, named after the
 * site's host, with "-2" and so on behind it where that is taken.
 */
MUST_USE enum err_class alias_new_tenant(struct data *data, const char *base_url, bool allow_http,
                                         bool allow_private, struct tenant_info *ret,
                                         struct err *err);

#endif
