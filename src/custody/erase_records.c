/* erase_records.c: what remains of an erasure: that it was, for good; whose it was, for 30 days. */
#include "custody/erase_records.h"

static const struct field erasure_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of what was erased"},
    {"why", TYPE_TEXT, CLASS_META, 0, "by command, or because the app was uninstalled"},
    {"begun", TYPE_TIME, CLASS_META, 0, "when it began; from then on nothing can be read"},
    {"finished", TYPE_TIME, CLASS_META, FIELD_NULL, "when the last copy was gone"},
    {"site", TYPE_TEXT, CLASS_META, 0, "a digest of the address of the Jira site"},
    {"keys", TYPE_INT, CLASS_META, 0, "how many key files were destroyed"},
    {"files", TYPE_INT, CLASS_META, 0, "how many files of data were removed"},
    {"bytes", TYPE_INT, CLASS_META, 0, "their size"},
    {"backups", TYPE_INT, CLASS_META, 0, "how many backups were removed, here and elsewhere"},
    {"control_rows", TYPE_INT, CLASS_META, 0, "how many rows of the control database went"},
};
const struct record erasure_record = {
    .name = "erasure",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to finish an erasure that was interrupted, and to erase again what a restore of an "
           "older copy brings back",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 3,
    RECORD_FIELDS(erasure_fields),
};

static const struct field former_tenant_fields[] = {
    {"id", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of the tenant"},
    {"name", TYPE_TEXT, CLASS_SETTING, 0, "its short name on the command line"},
    {"base_url", TYPE_TEXT, CLASS_ID, 0, "the address of the Jira site"},
    {"kind", TYPE_TEXT, CLASS_META, 0, "Jira Cloud or Jira Data Center"},
    {"created", TYPE_TIME, CLASS_META, 0, "when the tenant was added"},
    {"removed", TYPE_TIME, CLASS_META, FIELD_INDEX, "when it was erased"},
};
const struct record former_tenant_record = {
    .name = "former_tenant",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to answer questions about a site that has left",
    .retention = RETAIN_DAYS,
    .retention_days = 30,
    .retention_field = "removed",
    .basis = BASIS_CONTRACT,
    .source = SOURCE_USER,
    .erase = ERASE_NONE,
    .shown_to = "operators",
    .since = 3,
    RECORD_FIELDS(former_tenant_fields),
};

static const struct field receipt_key_fields[] = {
    {"id", TYPE_INT, CLASS_META, FIELD_KEY, "its number; the highest one signs"},
    {"public_key", TYPE_BLOB, CLASS_META, FIELD_UNIQUE, "the public half (Ed25519)"},
    {"seed", TYPE_BLOB, CLASS_SECRET, 0, "the secret half"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was made"},
};
const struct record receipt_key_record = {
    .name = "receipt_key",
    .app = "core",
    .scope = SCOPE_CONTROL,
    .why = "to sign receipts of erasures",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody; the public half to operators",
    .since = 3,
    RECORD_FIELDS(receipt_key_fields),
};

static const struct field receipt_fields[] = {
    {"tenant", TYPE_TEXT, CLASS_ID, FIELD_KEY, "our own identifier of what was erased"},
    {"person", TYPE_TEXT, CLASS_META, FIELD_NULL,
     "of one person: a digest of the account id, keyed with a number of the tenant's own"},
    {"at", TYPE_TIME, CLASS_META, 0, "when it was done"},
    {"counts", TYPE_TEXT, CLASS_META, 0, "how many keys, files, bytes, backups and rows went"},
    {"site", TYPE_TEXT, CLASS_META, FIELD_NULL, "a digest of the address of the Jira site"},
    {"signature", TYPE_TEXT, CLASS_META, 0, "Ed25519, and the public key"},
};
const struct record receipt_record = {
    .name = "receipt",
    .app = "core",
    .scope = SCOPE_FILE,
    .why = "to prove an erasure, and to repeat it after a restore of an older copy",
    .retention = RETAIN_UNTIL_WITHDRAWN,
    .basis = BASIS_LEGAL_DUTY,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "operators, who hand it to the customer",
    .protection = "plain files, signed; they name nobody",
    .since = 3,
    RECORD_FIELDS(receipt_fields),
};
