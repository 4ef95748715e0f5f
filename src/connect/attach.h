#ifndef CONNECT_ATTACH_H
#define CONNECT_ATTACH_H
#include "connect/alias.h"

/*
 * An administrator's word that an installation belongs to a tenant: after an import or a new
 * installation the site has another name, and only a person knows that it is the same site. The
 * installation moves with its secrets. Before it is known at all, the name alone is given, and the
 * installation joins when it comes.
 *   ret_from  the tenant that had it, which stays without it; "" when nobody did
 * ERR_INPUT: the value is no such name; ERR_CONFLICT: it is this tenant's already. Recorded in the
 * log.
 */
MUST_USE enum err_class attach_identity(struct data *data, const struct tenant_info *to,
                                        enum alias_kind kind, struct str value,
                                        struct tenant_info *ret_from, struct err *err);

#endif
