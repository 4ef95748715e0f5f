#ifndef POLICY_CATALOG_H
#define POLICY_CATALOG_H
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/attr.h"
#include "base/err.h"
#include "base/str.h"

/*
 * The catalogue: every table and column there is, declared once. Schema, sealing, retention,
 * export, erasure and the published page are derived from it; what is not in it cannot be stored.
 * Pure const tables, no input or output. Records stand beside the code that owns them; the whole
 * list is put together in apps/apps.c and handed down as a `const struct catalog *`.
 */
enum field_type {
    TYPE_INT,  /* int64 */
    TYPE_TEXT, /* UTF-8 */
    TYPE_TIME, /* UTC milliseconds in int64 */
    TYPE_BLOB,
    TYPE_REF, /* int64, the key of a row in the record named by .ref */
};

enum field_class {
    CLASS_ID,      /* an identifier of something in a remote system, or of our own */
    CLASS_PERSON,  /* an identifier of a human */
    CLASS_META,    /* times, durations, counts, states */
    CLASS_SETTING, /* what an administrator or a user configured */
    CLASS_CONTENT, /* text that a user wrote; sealed */
    CLASS_SECRET,  /* tokens, passwords; sealed, every opening recorded */
    CLASS_COUNT
};

enum field_flags {
    FIELD_KEY = 1 << 0,    /* part of the primary key; key fields stand first */
    FIELD_NULL = 1 << 1,   /* may be absent */
    FIELD_UNIQUE = 1 << 2, /* no two rows share it */
    FIELD_INDEX = 1 << 3,  /* has an index */
};

struct field {
    const char *name;
    enum field_type type;
    enum field_class class;
    unsigned flags;          /* of enum field_flags */
    const char *what;        /* plain words for the page */
    const char *ref;         /* TYPE_REF: the record it points to */
    const char *digest_of;   /* a keyed BLAKE2b digest of this sealed field, to find it by */
    const char *default_sql; /* literal SQL for rows that exist before the column does; or NULL */
    unsigned since;          /* the catalogue version that brought it; 0 means 1 */
    const char *index_then;  /* an index of this field and, below it, of that one; or NULL */
    /* Its protection changed: up to version class_since its class was class_before. 0: never. */
    unsigned class_since;
    enum field_class class_before;
};

enum record_scope {
    SCOPE_CONTROL, /* a table of the control database */
    SCOPE_TENANT,  /* a table of each tenant's database */
    SCOPE_FILE, /* kept in files of the data folder: no table, and on the page like every other */
};

enum retention_kind {
    RETAIN_WHILE_TENANT,    /* until the tenant is removed */
    RETAIN_DAYS,            /* N days after the time in .retention_field */
    RETAIN_UNTIL_WITHDRAWN, /* until a person or administrator takes it back */
    RETAIN_AFTER_TENANT,    /* N days after the tenant is removed */
};

enum legal_basis { BASIS_CONTRACT, BASIS_LEGITIMATE_INTEREST, BASIS_LEGAL_DUTY };
enum record_source { SOURCE_JIRA, SOURCE_USER, SOURCE_TENON }; /* whose word is the true one */
enum erase_action {
    ERASE_DELETE, /* the row goes */
    ERASE_FOLLOW, /* goes with the row it refers to */
    ERASE_NONE,   /* holds nothing of a person */
};

struct record {
    const char *name; /* the table's name */
    const char *app;  /* "core", "timesheet", … */
    enum record_scope scope;
    const char *why; /* purpose, a sentence for the page */
    enum retention_kind retention;
    unsigned retention_days;     /* RETAIN_DAYS, RETAIN_AFTER_TENANT */
    const char *retention_field; /* RETAIN_DAYS: the time it counts from */
    bool swept_by_app; /* RETAIN_DAYS: other rows follow, so its app lets it go (app.let_go) */
    enum legal_basis basis;
    enum record_source source;
    enum erase_action erase; /* when one person is erased */
    const char *shown_to;    /* who sees it */
    const char *protection; /* SCOPE_FILE: of these files; else NULL: it follows from the classes */
    /* A means of getting in, here or at Jira: in no export of the configuration. */
    bool access;
    unsigned since; /* the catalogue version that brought it; 0 means 1 */
    const struct field *fields;
    size_t field_count;
};

#define RECORD_FIELDS(array) .fields = (array), .field_count = ARRAY_LEN(array)

struct catalog {
    unsigned version; /* goes up with every change of the catalogue */
    const struct record *const *records;
    size_t record_count;
};

/* What follows from a class alone. */
struct class_policy {
    const char *name;       /* "CONTENT" */
    const char *meaning;    /* for the page */
    const char *protection; /* for the page */
    const char *category;   /* data category of the Art. 30 record */
    const char *fides;      /* data category of fideslang 3 */
    bool sealed;
    bool exported;
};
const struct class_policy *class_policy(enum field_class class);
/* The class that a field had in a version of the catalogue. */
enum field_class field_class_at(const struct field *field, unsigned version);

const struct record *catalog_record(const struct catalog *catalog, const char *name); /* or NULL */
const struct field *record_field(const struct record *record, const char *name);      /* or NULL */
/*
 * Is it in an export of a tenant's configuration? What people entered here and nowhere else is;
 * what is Jira's, what Tenon noted for itself, and means of access are not.
 */
bool record_is_configuration(const struct record *record);
const char *field_type_name(enum field_type type);
const char *record_scope_name(enum record_scope scope); /* "control", "tenant", "file" */
const char *record_place(enum record_scope scope);      /* "control database", … for the page */
const char *retention_name(enum retention_kind kind);
const char *legal_basis_name(enum legal_basis basis);
const char *record_source_name(enum record_source source);
const char *erase_action_name(enum erase_action action);
/* "while the tenant exists", "30 days after its `ended`"; appended to buf. */
void record_retention_text(const struct record *record, struct strbuf *buf);

/*
 * The catalogue's own rules: names are lower_snake and unique, keys stand first, references and
 * digests point at something, every sentence is there, a sealed class is stored as text or blob.
 * ERR_BUG with the record and field named. Run at every start.
 */
MUST_USE enum err_class catalog_check(const struct catalog *catalog, struct err *err);

#endif
