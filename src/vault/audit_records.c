/* audit_records.c: the audit trail and the day logs, as the catalogue has them. */
#include "vault/audit_records.h"

static const struct field audit_line_fields[] = {
    {"seq", TYPE_INT, CLASS_META, FIELD_KEY, "the line's number"},
    {"at", TYPE_TIME, CLASS_META, 0, "when"},
    {"act", TYPE_TEXT, CLASS_META, 0, "what was done, by its name in docs/audit.md"},
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_NULL, "our own identifier of the tenant"},
    {"by", TYPE_TEXT, CLASS_META, 0, "what kind of actor: a person, the administrator, a job, …"},
    {"who", TYPE_INT, CLASS_META, FIELD_NULL,
     "which one: the number of the row in `person`, which says nothing once that row is erased; of "
     "an API token; of a user of the server's machine"},
    {"name", TYPE_TEXT, CLASS_META, FIELD_NULL, "how a person came in, or the kind of job"},
    {"record", TYPE_TEXT, CLASS_META, FIELD_NULL, "what it was done to: a name of this catalogue"},
    {"field", TYPE_TEXT, CLASS_META, FIELD_NULL, "which field of it"},
    {"row", TYPE_INT, CLASS_ID, FIELD_NULL, "which row: its number, never its content"},
    {"key", TYPE_TEXT, CLASS_META, FIELD_NULL, "a keyed digest, where a row has a name"},
    {"version", TYPE_INT, CLASS_META, FIELD_NULL, "the version of the key that sealed it"},
    {"why", TYPE_TEXT, CLASS_META, FIELD_NULL, "the purpose, a word of the program"},
    {"count", TYPE_INT, CLASS_META, FIELD_NULL, "how many"},
    {"result", TYPE_TEXT, CLASS_META, 0, "done, or how it failed"},
    {"prev", TYPE_TEXT, CLASS_META, 0, "the hash of the line before"},
    {"hash", TYPE_TEXT, CLASS_META, 0, "the hash of this line"},
};

const struct record audit_line_record = {
    .name = "audit_line",
    .app = "core",
    .scope = SCOPE_FILE,
    .why = "to prove who opened a secret, administered, exported, restored or erased, and that "
           "nobody changed the proof",
    .retention = RETAIN_DAYS,
    .retention_days = 365,
    .retention_field = "at",
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators; of a tenant, those who administer it",
    .protection =
        "files that only the server can read (0600); each line is bound to the one before it by a hash; they hold no account ids and no values",
    .since = 3,
    RECORD_FIELDS(audit_line_fields),
};

static const struct field log_line_fields[] = {
    {"at", TYPE_TIME, CLASS_META, FIELD_KEY, "when"},
    {"level", TYPE_TEXT, CLASS_META, 0, "how much it matters"},
    {"event", TYPE_TEXT, CLASS_META, 0, "what happened, a name of the program's own"},
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_NULL, "our own identifier of the tenant"},
    {"numbers", TYPE_TEXT, CLASS_META, FIELD_NULL,
     "counts, times, states and names from our own tables; nothing that anybody wrote"},
};

const struct record log_line_record = {
    .name = "log_line",
    .app = "core",
    .scope = SCOPE_FILE,
    .why = "to find out why something failed",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "at",
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .protection =
        "files that only the server can read (0600); they hold numbers, names from our own tables and ids, no texts of people",
    .since = 3,
    RECORD_FIELDS(log_line_fields),
};
