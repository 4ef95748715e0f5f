#ifndef CLI_AUDIT_H
#define CLI_AUDIT_H
#include "cli/cli.h"

/* A date, which is its beginning in UTC, or a whole stamp. 0 when the option was not given. */
MUST_USE enum err_class cli_option_time(const struct cli *cli, const char *option, int64_t *ret_ms,
                                        struct err *err);
/* As audit_filter wants it: the tenant's id, of a name or an id that may be gone already. Owned. */
MUST_USE enum err_class cli_option_tenant(struct cli *cli, char ret[TENANT_ID_BYTES + 1],
                                          struct err *err);

#endif
