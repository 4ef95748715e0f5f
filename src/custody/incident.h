#ifndef CUSTODY_INCIDENT_H
#define CUSTODY_INCIDENT_H
#include "base/arena.h"
#include "store/data.h"

/*
 * What a leak would touch: of what was opened or let out of the house in a window of time (from the
 * audit trail), and of what is sealed or written with one version of a key (from the data itself
 * and the catalogue). Reads only; opens no secret.
 */
struct incident_question {
    int64_t from_ms, to_ms; /* to_ms 0: until now */
    uint32_t version;       /* of the key that leaked; 0: none did, only the window counts */
    const char *tenant;     /* its id; NULL: all, and the server's own data */
};

/* One record, or one sealed field of it. */
struct incident_line {
    const struct record *record;
    const struct field *field; /* NULL: all its plain fields, with the database */
    int64_t openings;          /* in the window, with the version if one is asked for */
    int64_t values;            /* sealed with the version, or rows of a database written in it */
};

#define INCIDENT_LINES_MAX 512
struct incident_tenant {
    char id[TENANT_ID_BYTES + 1]; /* "": the server's own data */
    struct tenant_info info;      /* id "": it is gone, or the server */
    bool gone;                    /* erased since: only the trail knows it */
    bool database;                /* the whole database can be read with the key and a copy of it */
    int64_t let_out[AUDIT_ACT_COUNT]; /* exports, backups, … in the window, by act */
    size_t count;
    struct incident_line lines[INCIDENT_LINES_MAX]; /* touched ones, in the catalogue's order */
};

/* Those that are touched, in the arena. */
MUST_USE enum err_class incident_look(struct data *data, const struct incident_question *question,
                                      struct arena *arena, struct incident_tenant ***ret,
                                      size_t *ret_count, struct err *err);

/* Is anything of that class touched? */
bool incident_has(const struct incident_tenant *tenant, enum field_class class);

/*
 * The draft of the notice to one tenant: what happened, what was touched in which class, what they
 * should do. For a person to complete and send: what is not known here stands in [brackets].
 *   contact  where they can ask; "": not said
 */
void incident_notice(const struct incident_tenant *tenant, const struct incident_question *question,
                     const char *contact, struct strbuf *buf);

#endif
