#ifndef CUSTODY_PERSON_INTERNAL_H
#define CUSTODY_PERSON_INTERNAL_H
#include "custody/person.h"

/* What person.c and person_erase.c share: the ways that lead from a person to the rows held. */
#define PATHS_MAX 64
#define PERSON_SQL_BYTES 16384

struct path {
    const struct record *record;
    const struct field *field; /* that refers to the person or to the parent; NULL: the person */
    const struct path *parent; /* NULL: field refers to the person itself */
};

/* A path's parent stands before it. Not to be copied: parents are pointed to. */
struct paths {
    struct path list[PATHS_MAX];
    size_t count;
};

MUST_USE enum err_class person_paths(const struct catalog *catalog, struct paths *ret,
                                     struct err *err);
/* `begin` FROM the path's record WHERE it is the person's; "SELECT count(*)", "DELETE". */
MUST_USE enum err_class person_prepare(struct tenant *tenant, const char *begin,
                                       const struct path *path, int64_t number,
                                       struct db_stmt **ret, struct err *err);
/* Is the record's key one field? */
bool person_has_one_key(const struct record *record);
/* One line in the audit trail about the person of that number. */
MUST_USE enum err_class person_tell_audit(struct tenant *tenant, enum audit_act act, int64_t number,
                                          int64_t count, const char *why, struct err *err);

#endif
