/* keyring_records.c: the keyring files, as the catalogue has them. */
#include "vault/keyring_records.h"

static const struct field keyring_fields[] = {
    {"version", TYPE_INT, CLASS_META, FIELD_KEY, "the number of the key's version"},
    {"owner", TYPE_TEXT, CLASS_ID, 0,
     "whose it is: our own identifier of the tenant, or `control`"},
    {"created", TYPE_TIME, CLASS_META, 0, "when it was made"},
    {"provider", TYPE_TEXT, CLASS_META, 0, "what wraps it: a key file, a token, a key service"},
    {"root", TYPE_BLOB, CLASS_SECRET, 0, "the key itself, wrapped by the provider"},
};

const struct record keyring_record = {
    .name = "keyring",
    .app = "core",
    .scope = SCOPE_FILE,
    .why = "to encrypt everything else; without it what is left of a tenant cannot be read",
    .retention = RETAIN_WHILE_TENANT,
    .basis = BASIS_LEGITIMATE_INTEREST,
    .source = SOURCE_TENON,
    .erase = ERASE_NONE,
    .shown_to = "nobody",
    .protection = "each root is wrapped by the key provider; the file is 0600",
    .since = 3,
    RECORD_FIELDS(keyring_fields),
};
