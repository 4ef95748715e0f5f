#ifndef APPS_TIMESHEET_SAVED_H
#define APPS_TIMESHEET_SAVED_H
#include "store/data.h"

/* Reports that people keep: a name, and the query that makes it again. No figures. */

#define SAVED_NAME_BYTES 200
#define SAVED_QUERY_BYTES 16384
#define SAVED_MAX 2000 /* of a tenant */

struct saved_report {
    int64_t id;
    struct str name;
    struct str query; /* as in a URL: "group=account&from=2026-01-01" */
    bool shared;      /* everybody of the tenant sees it */
    bool own;
};

/*
 * Those that `account` sees, its own and shared ones, by their number. `account` empty: a local
 * administrator, who sees the shared ones and owns those without an owner.
 */
MUST_USE enum err_class
saved_each(struct tenant *tenant, struct str account,
           enum err_class (*each)(void *arg, const struct saved_report *report, struct err *err),
           void *arg, struct err *err);
/*
 * Checks and stores; ids: saved->id is set by add. `own` is not looked at. Own durable
 * transactions. Errors: ERR_INPUT names the member; ERR_LIMIT; change and remove also ERR_NOT_FOUND
 * (or not seen) and ERR_FORBIDDEN (shared by somebody else).
 */
MUST_USE enum err_class saved_add(struct tenant *tenant, struct str account,
                                  struct saved_report *saved, struct err *err);
MUST_USE enum err_class saved_change(struct tenant *tenant, struct str account,
                                     const struct saved_report *saved, struct err *err);
MUST_USE enum err_class saved_remove(struct tenant *tenant, struct str account, int64_t id,
                                     struct err *err);

#endif
