/* records.c: what the store itself keeps: who the tenants are, their people and credentials. */
#include "store/records.h"

static const struct field schema_change_fields[] = {
    {"version", TYPE_INT, CLASS_META, FIELD_KEY, "the catalogue version that was applied"},
    {"applied", TYPE_TIME, CLASS_META, 0, "when"},
    {"program", TYPE_TEXT, CLASS_META, 0, "by which version of Tenon"},
};

const struct record control_schema_change_record = {
    .name = "control_schema_change",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to refuse a database that a newer version wrote",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    RECORD_FIELDS(schema_change_fields),
};

const struct record schema_change_record = {
    .name = "schema_change",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to refuse a database that a newer version wrote",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    RECORD_FIELDS(schema_change_fields),
};

static const struct field tenant_fields[] = {
    {"id", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of the tenant"},
    {"name", TYPE_TEXT, CLASS_SETTING, FIELD_UNIQUE, "its short name on the command line"},
    {"base_url", TYPE_TEXT, CLASS_ID, 0, "the address of the Jira site"},
    {"kind", TYPE_TEXT, CLASS_META, 0, "Jira Cloud or Jira Data Center"},
    {"allow_http", TYPE_INT, CLASS_SETTING, 0, "whether unencrypted connections were allowed"},
    {"allow_private", TYPE_INT, CLASS_SETTING, 0, "whether private addresses were allowed"},
    {"created", TYPE_TIME, CLASS_META, 0, "when the tenant was added"},
    {"keep_settings", TYPE_INT, CLASS_SETTING, 0,
     "whether its settings stay when its app is uninstalled", .default_sql = "0", .since = 3},
};

const struct record tenant_record = {
    .name = "tenant",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to know which Jira sites there are and where they are",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    RECORD_FIELDS(tenant_fields),
};

static const struct field person_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "the number by which other rows refer to the person"},
    {"account_id", TYPE_TEXT, CLASS_PERSON, FIELD_UNIQUE,
     "the account id (Cloud) or user key (Data Center) in Jira"},
    {"reported", TYPE_TIME, CLASS_META, FIELD_NULL,
     "when Atlassian was last asked whether the account was closed", .since = 3},
    {"refreshed", TYPE_TIME, CLASS_META, FIELD_NULL,
     "when Atlassian last told that the account had changed, and we looked again", .since = 3},
};

const struct record person_record = {
    .name = "person",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to keep each account id once, so that one row answers for one person",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_JIRA,
    .erase = ERASE_DELETE,
    .shown_to = "the tenant's users, by Jira's permissions",
    RECORD_FIELDS(person_fields),
};

static const struct field person_state_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "always 1"},
    {"salt", TYPE_BLOB, CLASS_META, 0,
     "a random number of the tenant's own, by which the digests of erased persons are made"},
    {"last_number", TYPE_INT, CLASS_META, 0,
     "the highest number that an erased person had; it is not given to another"},
    {"cycle_days", TYPE_INT, CLASS_META, FIELD_NULL,
     "how often Atlassian wants to be asked about an account, in days"},
};

const struct record person_state_record = {
    .name = "person_state",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to know erased persons again, and when to ask Atlassian about accounts",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 3,
    RECORD_FIELDS(person_state_fields),
};

static const struct field erased_person_fields[] = {
    {"digest", TYPE_BLOB, CLASS_ID, FIELD_KEY,
     "a keyed digest of an erased account id, from which it cannot be read"},
    {"person", TYPE_INT, CLASS_META, FIELD_NULL,
     "the number of the rows that are still to go; none when all are gone"},
    {"begun", TYPE_TIME, CLASS_META, 0, "when the erasure began"},
    {"ended", TYPE_TIME, CLASS_META, FIELD_NULL, "when all was gone"},
};

const struct record erased_person_record = {
    .name = "erased_person",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "so that an erased person does not come back while Jira still shows the account",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .since = 3,
    RECORD_FIELDS(erased_person_fields),
};

static const struct field credential_fields[] = {
    {"kind", TYPE_TEXT, CLASS_META, FIELD_KEY, "what it is for and how it is presented"},
    {"login", TYPE_BLOB, CLASS_SECRET, FIELD_NULL, "the e-mail address that goes with the token"},
    {"token", TYPE_BLOB, CLASS_SECRET, 0, "the API token or personal access token"},
    {"added", TYPE_TIME, CLASS_META, 0, "when it was stored"},
    {"expires", TYPE_TIME, CLASS_META, FIELD_NULL, "when it ends, as the administrator said"},
};

const struct record credential_record = {
    .name = "credential",
    .app = "core",
    .scope = SCOPE_TENANT,
    .why = "to call Jira",
    .access = true,
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    RECORD_FIELDS(credential_fields),
};
